/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_EXPORT_H
#define TOOLS_LINUX_EXPORT_H

#include <linux/module.h>

#endif
