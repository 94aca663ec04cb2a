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
#include <linux/string.h>
#include "dirty_log.h"

#define CHUNK_BYTES	(MDEVSIM_DIRTY_CHUNK / 8)

/* At the user's limit an allocation fails; without this it would have the user killed. */
#define GFP_CHUNK	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

void mdevsim_dirty_log_init(struct mdevsim_dirty_log *log)
{
	mutex_init(&log->lock);
	mutex_init(&log->reporting);
	xa_init(&log->chunks);
	log->active = false;
	log->lost = false;
	log->ranges = NULL;
	log->nr_ranges = 0;
	log->nr_chunks = 0;
	log->scratch = NULL;
}

int mdevsim_dirty_log_start(struct mdevsim_dirty_log *log, struct mdevsim_dirty_range **ranges,
			    u32 nr_ranges)
{
	guard(mutex)(&log->lock);
	if (log->active)
		return -EINVAL;
	log->scratch = kzalloc(CHUNK_BYTES, GFP_CHUNK);
	if (!log->scratch)
		return -ENOMEM;
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

	guard(mutex)(&log->reporting);
	guard(mutex)(&log->lock);
	if (!log->active)
		return -EINVAL;
	kfree(log->scratch);
	log->scratch = NULL;
	xa_for_each(&log->chunks, index, chunk)
		kfree(chunk);
	xa_destroy(&log->chunks);
	kfree(log->ranges);
	log->ranges = NULL;
	log->nr_ranges = 0;
	log->nr_chunks = 0;
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

	if (chunk || log->nr_chunks == MDEVSIM_DIRTY_CHUNKS)
		return chunk;
	chunk = kzalloc(CHUNK_BYTES, GFP_CHUNK);
	if (!chunk)
		return NULL;
	if (xa_err(xa_store(&log->chunks, index, chunk, GFP_CHUNK))) {
		kfree(chunk);
		return NULL;
	}
	log->nr_chunks++;
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

	/* The look comes after the write: who starts logging between them sees it in memory. */
	smp_mb();
	if (!READ_ONCE(log->active) || !length)
		return;
	last = min(length - 1, U64_MAX - iova) + iova;
	guard(mutex)(&log->lock);
	if (!log->active)
		return;
	for (page = iova >> MDEVSIM_DIRTY_SHIFT; page <= last >> MDEVSIM_DIRTY_SHIFT; page++)
		mark_page(log, page);
}

/* Hand out the bits @first to @end (exclusive) of the scratch chunk, as runs. */
static void report_runs(struct mdevsim_dirty_log *log, u64 base, unsigned long first,
			unsigned long end, void (*set)(void *context, u64 iova, u64 length),
			void *context)
{
	unsigned long bit, next;

	for (bit = find_next_bit(log->scratch, end, first); bit < end;
	     bit = find_next_bit(log->scratch, end, next)) {
		next = find_next_zero_bit(log->scratch, end, bit);
		set(context, (base + bit) << MDEVSIM_DIRTY_SHIFT,
		    (u64)(next - bit) << MDEVSIM_DIRTY_SHIFT);
	}
}

static int check_report(struct mdevsim_dirty_log *log, u64 iova, u64 length)
{
	const struct mdevsim_dirty_range *range;

	guard(mutex)(&log->lock);
	if (!log->active || !length || (iova | length) & (BIT(MDEVSIM_DIRTY_SHIFT) - 1))
		return -EINVAL;
	range = range_of(log, iova);
	if (!range || length - 1 > range->last - iova)
		return -EINVAL;
	return log->lost ? -ENOMEM : 0;
}

static void drop_if_clean(struct mdevsim_dirty_log *log, unsigned long index,
			  unsigned long *chunk)
{
	if (find_next_bit(chunk, MDEVSIM_DIRTY_CHUNK, 0) < MDEVSIM_DIRTY_CHUNK)
		return;
	xa_erase(&log->chunks, index);
	kfree(chunk);
	log->nr_chunks--;
}

/* Move what there is between pages @first and @last of the next chunk to scratch. */
static bool take_chunk(struct mdevsim_dirty_log *log, unsigned long *index, u64 first, u64 last,
		       unsigned long *from, unsigned long *end)
{
	unsigned long *chunk;
	u64 base;

	guard(mutex)(&log->lock);
	chunk = xa_find(&log->chunks, index, last / MDEVSIM_DIRTY_CHUNK, XA_PRESENT);
	if (!chunk)
		return false;
	base = (u64)*index * MDEVSIM_DIRTY_CHUNK;
	*from = max(first, base) - base;
	*end = min(last - base, MDEVSIM_DIRTY_CHUNK - 1) + 1;
	memcpy(log->scratch, chunk, CHUNK_BYTES);
	bitmap_clear(chunk, *from, *end - *from);
	drop_if_clean(log, *index, chunk);
	return true;
}

int mdevsim_dirty_log_report(struct mdevsim_dirty_log *log, u64 iova, u64 length,
			     void (*set)(void *context, u64 iova, u64 length), void *context)
{
	u64 first = iova >> MDEVSIM_DIRTY_SHIFT, last = (iova + length - 1) >> MDEVSIM_DIRTY_SHIFT;
	unsigned long index = first / MDEVSIM_DIRTY_CHUNK, from, end;
	int ret;

	guard(mutex)(&log->reporting);
	ret = check_report(log, iova, length);
	if (ret)
		return ret;
	for (; take_chunk(log, &index, first, last, &from, &end); index++)
		report_runs(log, (u64)index * MDEVSIM_DIRTY_CHUNK, from, end, set, context);
	return 0;
}
