/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_MM_H
#define TOOLS_LINUX_MM_H

#include <linux/align.h>
#include <linux/slab.h>

#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x)		ALIGN(x, PAGE_SIZE)
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)

#endif
