/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_XARRAY_H
#define TOOLS_LINUX_XARRAY_H

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/spinlock.h>

typedef unsigned int xa_mark_t;

#define XA_MARK_0	0u
#define XA_MARK_1	1u
#define XA_MARK_2	2u
#define XA_PRESENT	8u
#define SHIM_XA_MARKS	3

#define XA_FLAGS_ACCOUNT	0u
#define XA_FLAGS_ALLOC		0u

struct shim_xa_node;

/**
 * struct xarray - sparse array of pointers with marks
 * @xa_lock: as in the kernel, held by who changes it; here also by who only looks
 * @root: tree, or NULL when empty
 * @levels: nodes between the root and an entry, both included
 */
struct xarray {
	spinlock_t xa_lock;
	struct shim_xa_node *root;
	unsigned int levels;
};

static inline void xa_init(struct xarray *xa)
{
	spin_lock_init(&xa->xa_lock);
	xa->root = NULL;
	xa->levels = 0;
}

#define xa_init_flags(xa, flags)	((void)(flags), xa_init(xa))
#define DEFINE_XARRAY(name)		struct xarray name = { .xa_lock = { SHIM_LOCK_INIT } }

#define xa_lock(xa)	spin_lock(&(xa)->xa_lock)
#define xa_unlock(xa)	spin_unlock(&(xa)->xa_lock)

static inline void *xa_mk_value(unsigned long value)
{
	return (void *)(value << 1 | 1);
}

static inline bool xa_is_value(const void *entry)
{
	return (unsigned long)entry & 1;
}

static inline unsigned long xa_to_value(const void *entry)
{
	return (unsigned long)entry >> 1;
}

/* Errors are internal entries in the kernel; here plain error pointers. */
static inline bool xa_is_err(const void *entry)
{
	return IS_ERR(entry);
}

static inline int xa_err(void *entry)
{
	return PTR_ERR_OR_ZERO(entry);
}

void *xa_load(struct xarray *xa, unsigned long index);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *xa_erase(struct xarray *xa, unsigned long index);
int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
bool xa_get_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
bool xa_marked(struct xarray *xa, xa_mark_t mark);
bool xa_empty(struct xarray *xa);
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter);
void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter);
void xa_destroy(struct xarray *xa);

/* The caller holds the lock. */
void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void *__xa_erase(struct xarray *xa, unsigned long index);
void __xa_set_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);
void __xa_clear_mark(struct xarray *xa, unsigned long index, xa_mark_t mark);

#define xa_for_each_range(xa, index, entry, start, last)		\
	for ((index) = (start),						\
	     (entry) = xa_find(xa, &(index), last, XA_PRESENT);		\
	     (entry);							\
	     (entry) = xa_find_after(xa, &(index), last, XA_PRESENT))
#define xa_for_each_start(xa, index, entry, start)			\
	xa_for_each_range(xa, index, entry, start, ~0UL)
#define xa_for_each(xa, index, entry)	xa_for_each_start(xa, index, entry, 0)
#define xa_for_each_marked(xa, index, entry, filter)			\
	for ((index) = 0, (entry) = xa_find(xa, &(index), ~0UL, filter);\
	     (entry);							\
	     (entry) = xa_find_after(xa, &(index), ~0UL, filter))

/**
 * struct xa_state - where an operation on several entries is
 * @xa: array
 * @xa_index: index looked at last
 * @fresh: nothing was looked at yet: the first step stays where it is
 *
 * The caller holds the lock in all that follow.
 */
struct xa_state {
	struct xarray *xa;
	unsigned long xa_index;
	bool fresh;
};

#define XA_STATE(name, array, index)					\
	struct xa_state name = { .xa = (array), .xa_index = (index), .fresh = true }

#define xas_lock(xas)	xa_lock((xas)->xa)
#define xas_unlock(xas)	xa_unlock((xas)->xa)

void *xas_load(struct xa_state *xas);
void *xas_next(struct xa_state *xas);
void *xas_find(struct xa_state *xas, unsigned long max);
void *xas_find_marked(struct xa_state *xas, unsigned long max, xa_mark_t mark);
/* In place of an entry only: that needs no memory. */
void *xas_store(struct xa_state *xas, void *entry);
bool xas_get_mark(const struct xa_state *xas, xa_mark_t mark);
void xas_set_mark(const struct xa_state *xas, xa_mark_t mark);
void xas_clear_mark(const struct xa_state *xas, xa_mark_t mark);

static inline void xas_set(struct xa_state *xas, unsigned long index)
{
	xas->xa_index = index;
	xas->fresh = true;
}

/* The next step goes on behind the present entry even when the lock was dropped. */
#define xas_pause(xas)			((void)(xas))

#define xas_for_each(xas, entry, max)					\
	for (entry = xas_find(xas, max); entry; entry = xas_find(xas, max))
#define xas_for_each_marked(xas, entry, max, mark)			\
	for (entry = xas_find_marked(xas, max, mark); entry;		\
	     entry = xas_find_marked(xas, max, mark))

#endif
