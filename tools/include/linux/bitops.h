/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_BITOPS_H
#define TOOLS_LINUX_BITOPS_H

#include <linux/bits.h>

#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define BITS_TO_BYTES(n)	(((n) + 7) / 8)

#define hweight8(x)	((unsigned int)__builtin_popcount((u8)(x)))
#define hweight16(x)	((unsigned int)__builtin_popcount((u16)(x)))
#define hweight32(x)	((unsigned int)__builtin_popcount((u32)(x)))
#define hweight64(x)	((unsigned int)__builtin_popcountll(x))
#define hweight_long(x)	((unsigned int)__builtin_popcountl(x))
#define __ffs(x)	((unsigned long)__builtin_ctzl(x))
#define __fls(x)	((unsigned long)(BITS_PER_LONG - 1 - __builtin_clzl(x)))
#define fls(x)		((x) ? 32 - __builtin_clz(x) : 0)
#define fls64(x)	((x) ? 64 - __builtin_clzll(x) : 0)

static inline bool test_bit(unsigned long nr, const unsigned long *map)
{
	return READ_ONCE(map[BIT_WORD(nr)]) & BIT_MASK(nr);
}

static inline bool test_and_set_bit(unsigned long nr, unsigned long *map)
{
	return __atomic_fetch_or(&map[BIT_WORD(nr)], BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

static inline bool test_and_clear_bit(unsigned long nr, unsigned long *map)
{
	return __atomic_fetch_and(&map[BIT_WORD(nr)], ~BIT_MASK(nr), __ATOMIC_SEQ_CST) &
	       BIT_MASK(nr);
}

#define set_bit(nr, map)		((void)test_and_set_bit(nr, map))
#define clear_bit(nr, map)		((void)test_and_clear_bit(nr, map))
#define clear_bit_unlock(nr, map)	((void)test_and_clear_bit(nr, map))
#define __test_and_set_bit(nr, map)	test_and_set_bit(nr, map)
#define __test_and_clear_bit(nr, map)	test_and_clear_bit(nr, map)
#define __set_bit(nr, map)		set_bit(nr, map)
#define __clear_bit(nr, map)		clear_bit(nr, map)

static inline void assign_bit(unsigned long nr, unsigned long *map, bool value)
{
	if (value)
		set_bit(nr, map);
	else
		clear_bit(nr, map);
}

#define __assign_bit(nr, map, value)	assign_bit(nr, map, value)

#endif
