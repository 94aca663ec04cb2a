/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_LOG2_H
#define TOOLS_LINUX_LOG2_H

#define ilog2(n)		(63 - __builtin_clzll(n))
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define roundup_pow_of_two(n)	((n) <= 1 ? 1UL : 1UL << (ilog2((unsigned long)(n) - 1) + 1))
#define order_base_2(n)		((n) <= 1 ? 0 : ilog2((unsigned long)(n) - 1) + 1)

#endif
