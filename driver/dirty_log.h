/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_DIRTY_LOG_H
#define MDEVSIM_DIRTY_LOG_H

#include <linux/bits.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

/**
 * struct mdevsim_dirty_range - guest addresses that are logged
 * @first: first byte
 * @last: last byte, inclusive
 */
struct mdevsim_dirty_range {
	u64 first;
	u64 last;
};

/**
 * struct mdevsim_dirty_log - which guest pages the function wrote, between LOGGING_START and _STOP
 * @lock: protects everything here; taken after guest memory was written, never around it
 * @active: logging was started
 * @lost: a page could not be recorded for want of memory or past
 *	%MDEVSIM_DIRTY_CHUNKS: reports fail
 * @ranges: what is logged, ascending, not overlapping
 * @nr_ranges: number of them
 * @nr_chunks: number of @chunks
 * @reporting: one report at a time; taken before @lock
 * @scratch: the chunk being reported: the page that is reported to may have to be faulted
 *	in, and nobody who marks is to wait for that
 * @chunks: chunk number -> bitmap of MDEVSIM_DIRTY_CHUNK pages, where any bit was ever set
 */
struct mdevsim_dirty_log {
	struct mutex lock;
	bool active;
	bool lost;
	struct mdevsim_dirty_range *ranges;
	u32 nr_ranges;
	u32 nr_chunks;
	struct mutex reporting;
	unsigned long *scratch;
	struct xarray chunks;
};

/** define MDEVSIM_DIRTY_SHIFT - log2 of the bytes that one bit stands for */
#define MDEVSIM_DIRTY_SHIFT	12
/** define MDEVSIM_DIRTY_CHUNK - bits in one chunk */
#define MDEVSIM_DIRTY_CHUNK	(4096 * 8)
/** define MDEVSIM_DIRTY_CHUNKS - chunks kept, at most: 64 MiB that stand for 2 TiB */
#define MDEVSIM_DIRTY_CHUNKS	BIT(14)

void mdevsim_dirty_log_init(struct mdevsim_dirty_log *log);

/**
 * mdevsim_dirty_log_start - log these ranges
 * @log: log
 * @ranges: kmalloc()ed ranges; taken over and set to NULL on success
 * @nr_ranges: number of them
 *
 * Return: 0; -EINVAL when logging already; -ENOMEM
 */
int mdevsim_dirty_log_start(struct mdevsim_dirty_log *log, struct mdevsim_dirty_range **ranges,
			    u32 nr_ranges);

/** mdevsim_dirty_log_stop - -EINVAL when not logging */
int mdevsim_dirty_log_stop(struct mdevsim_dirty_log *log);

/** mdevsim_dirty_log_mark - the function wrote (or tried to write) these bytes */
void mdevsim_dirty_log_mark(struct mdevsim_dirty_log *log, u64 iova, u64 length);

/**
 * mdevsim_dirty_log_report - hand out and forget the pages written in a range
 * @log: log
 * @iova: first byte
 * @length: bytes
 * @set: called with runs of dirty bytes inside the range
 * @context: for @set
 *
 * Return: 0; -EINVAL when not logging, or the range is not of whole pages and inside one that is
 * logged; -ENOMEM when pages were lost and all must be taken for dirty.
 */
int mdevsim_dirty_log_report(struct mdevsim_dirty_log *log, u64 iova, u64 length,
			     void (*set)(void *context, u64 iova, u64 length), void *context);

#endif /* MDEVSIM_DIRTY_LOG_H */
