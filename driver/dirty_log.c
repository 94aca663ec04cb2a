// SPDX-License-Identifier: GPL-2.0
/*
 * Which guest pages the function wrote. Bitmaps exist only where a bit was
 * ever set, so that what is spent follows what is written and not what is
 * mapped. Pure: VFIO's side is log_ops.c.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include "dirty_log.h"

#define CHUNK_BYTES	(MDEVSIM_DIRTY_CHUNK / 8)

void mdevsim_dirty_log_init(struct mdevsim_dirty_log *log)
{
	mutex_init(&log->lock);
	xa_init(&log->chunks);
	log->active = false;
	log->lost = false;
	log->ranges = NULL;
	log->nr_ranges = 0;
}

int mdevsim_dirty_log_start(struct mdevsim_dirty_log *log, struct mdevsim_dirty_range **ranges,
			    u32 nr_ranges)
{
	guard(mutex)(&log->lock);
	if (log->active)
		return -EINVAL;
	log->ranges = *ranges;
	*ranges = NULL;
	log->nr_ranges = nr_ranges;
	log->lost = false;
	log->active = true;
	return 0;
}

int mdevsim_dirty_log_stop(struct mdevsim_dirty_log *log)
{
	unsigned long index;
	void *chunk;

	guard(mutex)(&log->lock);
	if (!log->active)
		return -EINVAL;
	xa_for_each(&log->chunks, index, chunk)
		kfree(chunk);
	xa_destroy(&log->chunks);
	kfree(log->ranges);
	log->ranges = NULL;
	log->nr_ranges = 0;
	log->active = false;
	return 0;
}

static const struct mdevsim_dirty_range *range_of(struct mdevsim_dirty_log *log, u64 iova)
{
	u32 i;

	lockdep_assert_held(&log->lock);
	for (i = 0; i < log->nr_ranges; i++)
		if (iova >= log->ranges[i].first && iova <= log->ranges[i].last)
			return &log->ranges[i];
	return NULL;
}

static unsigned long *chunk_make(struct mdevsim_dirty_log *log, unsigned long index)
{
	unsigned long *chunk = xa_load(&log->chunks, index);

	if (chunk)
		return chunk;
	chunk = kzalloc(CHUNK_BYTES, GFP_KERNEL_ACCOUNT);
	if (!chunk)
		return NULL;
	if (xa_err(xa_store(&log->chunks, index, chunk, GFP_KERNEL_ACCOUNT))) {
		kfree(chunk);
		return NULL;
	}
	return chunk;
}

static void mark_page(struct mdevsim_dirty_log *log, u64 page)
{
	unsigned long *chunk;

	if (!range_of(log, page << MDEVSIM_DIRTY_SHIFT))
		return;
	chunk = chunk_make(log, page / MDEVSIM_DIRTY_CHUNK);
	if (chunk)
		__set_bit(page % MDEVSIM_DIRTY_CHUNK, chunk);
	else
		log->lost = true;
}

/* An unlocked look suffices: who starts logging does so before he relies on it. */
void mdevsim_dirty_log_mark(struct mdevsim_dirty_log *log, u64 iova, u64 length)
{
	u64 page, last;

	if (!READ_ONCE(log->active) || !length)
		return;
	last = min(length - 1, U64_MAX - iova) + iova;
	guard(mutex)(&log->lock);
	if (!log->active)
		return;
	for (page = iova >> MDEVSIM_DIRTY_SHIFT; page <= last >> MDEVSIM_DIRTY_SHIFT; page++)
		mark_page(log, page);
}

/* Hand out the bits @first to @end (exclusive) of one chunk, as runs. */
static void report_chunk(unsigned long *chunk, u64 base, unsigned long first, unsigned long end,
			 void (*set)(void *context, u64 iova, u64 length), void *context)
{
	unsigned long bit, next;

	for (bit = find_next_bit(chunk, end, first); bit < end;
	     bit = find_next_bit(chunk, end, next)) {
		next = find_next_zero_bit(chunk, end, bit);
		set(context, (base + bit) << MDEVSIM_DIRTY_SHIFT,
		    (u64)(next - bit) << MDEVSIM_DIRTY_SHIFT);
		bitmap_clear(chunk, bit, next - bit);
	}
}

int mdevsim_dirty_log_report(struct mdevsim_dirty_log *log, u64 iova, u64 length,
			     void (*set)(void *context, u64 iova, u64 length), void *context)
{
	const struct mdevsim_dirty_range *range;
	u64 first = iova >> MDEVSIM_DIRTY_SHIFT, last;
	unsigned long index;
	void *chunk;

	guard(mutex)(&log->lock);
	if (!log->active)
		return -EINVAL;
	range = range_of(log, iova);
	if (!range || !length || length - 1 > range->last - iova)
		return -EINVAL;
	if (log->lost)
		return -ENOMEM;
	last = (iova + length - 1) >> MDEVSIM_DIRTY_SHIFT;
	xa_for_each_range(&log->chunks, index, chunk, first / MDEVSIM_DIRTY_CHUNK,
			  last / MDEVSIM_DIRTY_CHUNK) {
		u64 base = (u64)index * MDEVSIM_DIRTY_CHUNK;

		report_chunk(chunk, base, max(first, base) - base,
			     min(last - base, MDEVSIM_DIRTY_CHUNK - 1) + 1, set, context);
	}
	return 0;
}
