/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_CRC32_H
#define TOOLS_LINUX_CRC32_H

#include <linux/types.h>

u32 __crc32c_le(u32 crc, const void *data, size_t length);

#endif
