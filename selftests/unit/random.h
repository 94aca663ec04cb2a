/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that are the same in every run.
 */
#ifndef SELFTESTS_UNIT_RANDOM_H
#define SELFTESTS_UNIT_RANDOM_H

#include <linux/types.h>

/* xorshift64; the seed is not zero */
static inline u64 random_next(u64 *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline u64 random_below(u64 *state, u64 limit)
{
	return random_next(state) % limit;
}

#endif /* SELFTESTS_UNIT_RANDOM_H */
