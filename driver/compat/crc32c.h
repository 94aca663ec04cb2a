/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_COMPAT_CRC32C_H
#define MDEVSIM_COMPAT_CRC32C_H

#include <linux/crc32.h>

/**
 * mdevsim_crc32c - go on with a CRC-32C, without inversion at either end
 */
static inline u32 mdevsim_crc32c(u32 crc, const void *data, size_t length)
{
	return __crc32c_le(crc, data, length);
}

#endif /* MDEVSIM_COMPAT_CRC32C_H */
