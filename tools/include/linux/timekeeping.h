/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_TIMEKEEPING_H
#define TOOLS_LINUX_TIMEKEEPING_H

#include <linux/ktime.h>

#endif
