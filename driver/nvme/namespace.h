/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The namespace: blocks in RAM, present only where something was written, and
 * the record of what a saving session has still to send.
 */
#ifndef MDEVSIM_NVME_NAMESPACE_H
#define MDEVSIM_NVME_NAMESPACE_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/xarray.h>
#include "../function.h"

/** define NVME_NAMESPACE_STRIPES - mutexes that the pages of a namespace share */
#define NVME_NAMESPACE_STRIPES	64

/**
 * struct nvme_namespace - blocks in RAM
 * @fn: function it belongs to
 * @size: bytes, a multiple of %MDEVSIM_EXTENT_ALIGN; READ_ONCE(). Written under @resizing.
 * @pages: page index -> kernel address of a page; or, while a saving session runs, a value
 *	entry for a page that was deallocated after the session had sent it. The xarray's own
 *	lock is held for every change of presence, marks, counters and @saving.
 * @resizing: one resize at a time
 * @stripe: stripe[index % NVME_NAMESPACE_STRIPES] protects contents and presence of page
 *	index, so that a reader of the stream sees each page as one write left it
 * @nr_pages: pages present
 * @nr_initial: entries with %NVME_NAMESPACE_INITIAL
 * @nr_dirty: entries with %NVME_NAMESPACE_DIRTY
 * @saving: a session runs: keep marks
 * @session_size: @size when it began
 * @cursor: page index from which nvme_namespace_save_next() looks on; used by the session only
 *
 * Locks: @resizing, one stripe at a time, the xarray's spinlock. Under a stripe memory is
 * allocated, and guest memory read and written.
 */
struct nvme_namespace {
	struct mdevsim_function *fn;
	u64 size;
	struct xarray pages;
	struct mutex resizing;
	struct mutex stripe[NVME_NAMESPACE_STRIPES];
	atomic_long_t nr_pages;
	atomic_long_t nr_initial;
	atomic_long_t nr_dirty;
	bool saving;
	u64 session_size;
	unsigned long cursor;
};

/** Marks of struct nvme_namespace::pages while a session runs. At most one of them is set. */
#define NVME_NAMESPACE_INITIAL	XA_MARK_0	/* present at the start, not sent */
#define NVME_NAMESPACE_DIRTY	XA_MARK_1	/* changed since it was sent, or new */

/** A page and no value entry: zeroing what is zero already has nothing to visit. */
#define NVME_NAMESPACE_PRESENT	XA_MARK_2

/**
 * nvme_namespace_create - an empty namespace of @size bytes; NULL without memory
 */
struct nvme_namespace *nvme_namespace_create(struct mdevsim_function *fn, u64 size);
void nvme_namespace_destroy(struct nvme_namespace *ns);

/**
 * nvme_namespace_access - take hold of the page at @offset to read or write part of it
 * @ns: namespace
 * @offset: byte offset, below the size
 * @write: the page is about to be written: allocate it if absent, mark it if a session runs
 *
 * Return: kernel address of the page (not of the byte) with its stripe held; NULL, also with the
 * stripe held, when @write is false and the page is absent (reads as zero); ERR_PTR(-ENOMEM) or
 * ERR_PTR(-ERANGE) (past the size) with nothing held.
 */
void *nvme_namespace_access(struct nvme_namespace *ns, u64 offset, bool write);
void nvme_namespace_release(struct nvme_namespace *ns, u64 offset);

/**
 * nvme_namespace_seal - the page was written and will stay so for a while: take its checksum
 *
 * Between access for writing and release. Taking it here, in a command's time, spares the session
 * from taking it in a guest's downtime.
 */
void nvme_namespace_seal(void *page);

/** nvme_namespace_zero - bytes read as zero from now on; whole pages are freed. 0 or -ERANGE */
int nvme_namespace_zero(struct nvme_namespace *ns, u64 offset, u64 length);

/**
 * nvme_namespace_resize - change the size; what lies past the new one is lost
 *
 * A session that runs goes on with the smaller of both sizes, and does not announce what was lost:
 * whoever sends the new size to a destination begins the session anew.
 */
void nvme_namespace_resize(struct nvme_namespace *ns, u64 size);

/** nvme_namespace_used - bytes present */
u64 nvme_namespace_used(struct nvme_namespace *ns);

/*
 * Saving: see bulk_* in &struct mdevsim_function_ops. A session that is begun anew forgets what the
 * one before had sent. After nvme_namespace_save_get() returned NULL the stripe is held, too; after
 * ERR_PTR() it is not.
 */
void nvme_namespace_save_begin(struct nvme_namespace *ns);
void nvme_namespace_save_end(struct nvme_namespace *ns);
void nvme_namespace_save_size(struct nvme_namespace *ns, struct mdevsim_bulk_size *size);
bool nvme_namespace_save_next(struct nvme_namespace *ns, struct mdevsim_extent *extent);
void *nvme_namespace_save_get(struct nvme_namespace *ns, u64 offset);
u32 nvme_namespace_save_crc(void *page);
void nvme_namespace_save_put(struct nvme_namespace *ns, u64 offset);

#endif /* MDEVSIM_NVME_NAMESPACE_H */
