/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_DELAY_H
#define TOOLS_LINUX_DELAY_H

#include <unistd.h>

#define msleep(ms)			usleep((ms) * 1000)
#define usleep_range(low, high)		usleep(low)

#endif
