/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_REFCOUNT_H
#define TOOLS_LINUX_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/bug.h>

typedef struct { atomic_t refs; } refcount_t;

static inline void refcount_set(refcount_t *r, int n)
{
	atomic_set(&r->refs, n);
}

static inline unsigned int refcount_read(const refcount_t *r)
{
	return atomic_read(&r->refs);
}

static inline void refcount_inc(refcount_t *r)
{
	WARN_ON(atomic_inc_return(&r->refs) <= 1);
}

static inline bool refcount_dec_and_test(refcount_t *r)
{
	int refs = atomic_dec_return(&r->refs);

	WARN_ON(refs < 0);
	return !refs;
}

#endif
