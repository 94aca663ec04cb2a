/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_GFP_H
#define TOOLS_LINUX_GFP_H

#include <linux/types.h>

#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	0
#define GFP_NOWAIT		0
#define GFP_ATOMIC		0
#define __GFP_ZERO		1
#define __GFP_NOWARN		0
#define __GFP_NORETRY		0
#define __GFP_RETRY_MAYFAIL	0
#define __GFP_RETRY_MAYFAIL	0
#define __GFP_ACCOUNT		0

#endif
