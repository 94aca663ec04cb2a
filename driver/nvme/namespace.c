// SPDX-License-Identifier: GPL-2.0
/*
 * The namespace.
 *
 * Why no change is ever missing in a stream. A change of a page is made with the
 * page's stripe held, and marked before it is made: an entry has a mark, or
 * gets one, after the stripe was taken. The session takes marks off without
 * the stripe, but takes the stripe to copy the page. So when it takes a
 * mark off before the change is made, its copy waits for the change; when it
 * takes the mark off later, it has yet to copy. A change that begins after the
 * copy finds no mark and sets one. A page that is deallocated needs no copy:
 * its value entry, whose mark says it all, replaces it in one step.
 *
 * The session takes extents in the order in which they go into the stream, so
 * what was marked again later also arrives later.
 *
 * A session begins while commands run. It sets @saving first, under the lock of
 * the xarray, then marks what is present, page by page. What a writer stores
 * before @saving is set is found by that walk; later it is marked by the writer.
 * A writer that changes a page in place may look at @saving too early and leave no
 * mark: it holds the stripe, the walk marks the page, and the copy waits.
 */
#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../compat/crc32c.h"
#include "namespace.h"

/* Extents are made of pages, whatever is in them. */
static_assert(PAGE_SIZE == MDEVSIM_EXTENT_ALIGN);

/* At the user's limit an allocation fails; without this it would have the user killed. */
#define GFP_ENTRY	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

#define MAX_DATA_PAGES	(MDEVSIM_MAX_EXTENT / PAGE_SIZE)
#define MAX_ZERO_PAGES	4096	/* taken in one go with the lock of the xarray held */
#define MARK_BATCH	1024	/* marked likewise */

static unsigned long index_of(u64 offset)
{
	return offset / PAGE_SIZE;
}

static struct mutex *stripe_of(struct nvme_namespace *ns, unsigned long index)
{
	return &ns->stripe[index % NVME_NAMESPACE_STRIPES];
}

/* The functions on an xa_state want the lock of the xarray held and look at one present entry. */

static void set_mark(struct nvme_namespace *ns, struct xa_state *xas, xa_mark_t mark)
{
	lockdep_assert_held(&ns->pages.xa_lock);
	if (xas_get_mark(xas, NVME_NAMESPACE_INITIAL) || xas_get_mark(xas, NVME_NAMESPACE_DIRTY))
		return;
	xas_set_mark(xas, mark);
	if (mark == NVME_NAMESPACE_INITIAL)
		atomic_long_inc(&ns->nr_initial);
	else if (atomic_long_inc_return(&ns->nr_dirty) == 1)
		mdevsim_function_dirtied(ns->fn);
}

static void clear_mark(struct nvme_namespace *ns, struct xa_state *xas, xa_mark_t mark)
{
	lockdep_assert_held(&ns->pages.xa_lock);
	if (!xas_get_mark(xas, mark))
		return;
	xas_clear_mark(xas, mark);
	atomic_long_dec(mark == NVME_NAMESPACE_INITIAL ? &ns->nr_initial : &ns->nr_dirty);
}

static void clear_marks(struct nvme_namespace *ns, struct xa_state *xas)
{
	clear_mark(ns, xas, NVME_NAMESPACE_INITIAL);
	clear_mark(ns, xas, NVME_NAMESPACE_DIRTY);
}

/* The tag of a page: its checksum, when %SEALED is set and the page has not been written since. */
#define SEALED	BIT_ULL(32)

static_assert(sizeof(unsigned long) == sizeof(u64));

void nvme_namespace_seal(void *page)
{
	*mdevsim_page_tag(page) = SEALED | mdevsim_crc32c(0, page, PAGE_SIZE);
}

static void unseal(void *page)
{
	*mdevsim_page_tag(page) = 0;
}

static void *load_page(struct nvme_namespace *ns, unsigned long index)
{
	void *entry = xa_load(&ns->pages, index);

	lockdep_assert_held(stripe_of(ns, index));
	return xa_is_value(entry) ? NULL : entry;
}

/* The page of @index is about to change: have the session send it (again). */
static void change_page(struct nvme_namespace *ns, unsigned long index, void *page)
{
	XA_STATE(xas, &ns->pages, index);

	lockdep_assert_held(stripe_of(ns, index));
	unseal(page);
	if (!READ_ONCE(ns->saving))
		return;
	xas_lock(&xas);
	if (xas_load(&xas) && ns->saving)
		set_mark(ns, &xas, NVME_NAMESPACE_DIRTY);
	xas_unlock(&xas);
}

/* A new page in place of nothing or of a value entry, whose mark it keeps. */
static void *store_new_page(struct nvme_namespace *ns, unsigned long index)
{
	void *page = mdevsim_page_alloc(ns->fn);
	int ret;

	if (!page)
		return ERR_PTR(-ENOMEM);
	xa_lock(&ns->pages);
	ret = xa_err(__xa_store(&ns->pages, index, page, GFP_ENTRY));
	if (!ret) {
		XA_STATE(xas, &ns->pages, index);

		xas_load(&xas);
		xas_set_mark(&xas, NVME_NAMESPACE_PRESENT);
		if (ns->saving)
			set_mark(ns, &xas, NVME_NAMESPACE_DIRTY);
		atomic_long_inc(&ns->nr_pages);
	}
	xa_unlock(&ns->pages);
	if (!ret)
		return page;
	mdevsim_page_free(page);
	return ERR_PTR(ret);
}

static void *add_page(struct nvme_namespace *ns, unsigned long index)
{
	void *before, *page;

	lockdep_assert_held(stripe_of(ns, index));
	before = mdevsim_charge_begin(ns->fn);
	page = store_new_page(ns, index);
	mdevsim_charge_end(before);
	return page;
}

/*
 * The page of @index reads as zero from now on. A session that has sent it, or may have, finds a
 * value entry in its place. Storing over an entry needs no memory.
 */
static void drop_page(struct nvme_namespace *ns, unsigned long index)
{
	XA_STATE(xas, &ns->pages, index);
	void *page;

	lockdep_assert_held(stripe_of(ns, index));
	xas_lock(&xas);
	page = xas_load(&xas);
	if (!page || xa_is_value(page)) {
		xas_unlock(&xas);
		return;
	}
	if (ns->saving && !xas_get_mark(&xas, NVME_NAMESPACE_INITIAL)) {
		set_mark(ns, &xas, NVME_NAMESPACE_DIRTY);
		xas_clear_mark(&xas, NVME_NAMESPACE_PRESENT);
		xas_store(&xas, xa_mk_value(0));
	} else {
		clear_marks(ns, &xas);
		xas_store(&xas, NULL);
	}
	atomic_long_dec(&ns->nr_pages);
	xas_unlock(&xas);
	mdevsim_page_free(page);
}

/* Nothing of @index is left: it lies past the size, and a session has no more to say of it. */
static void forget_page(struct nvme_namespace *ns, unsigned long index)
{
	XA_STATE(xas, &ns->pages, index);

	drop_page(ns, index);
	xas_lock(&xas);
	if (xas_load(&xas)) {
		clear_marks(ns, &xas);
		xas_store(&xas, NULL);
	}
	xas_unlock(&xas);
}

struct nvme_namespace *nvme_namespace_create(struct mdevsim_function *fn, u64 size)
{
	struct nvme_namespace *ns = kzalloc(sizeof(*ns), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!ns)
		return NULL;
	ns->fn = fn;
	ns->size = size;
	xa_init_flags(&ns->pages, XA_FLAGS_ACCOUNT);
	mutex_init(&ns->resizing);
	for (i = 0; i < NVME_NAMESPACE_STRIPES; i++)
		mutex_init(&ns->stripe[i]);
	return ns;
}

void nvme_namespace_destroy(struct nvme_namespace *ns)
{
	unsigned long index;
	unsigned int i;
	void *entry;

	xa_for_each(&ns->pages, index, entry) {
		if (!xa_is_value(entry))
			mdevsim_page_free(entry);
		cond_resched();
	}
	xa_destroy(&ns->pages);
	for (i = 0; i < NVME_NAMESPACE_STRIPES; i++)
		mutex_destroy(&ns->stripe[i]);
	mutex_destroy(&ns->resizing);
	kfree(ns);
}

void *nvme_namespace_access(struct nvme_namespace *ns, u64 offset, bool write)
{
	unsigned long index = index_of(offset);
	void *page = ERR_PTR(-ERANGE);

	mutex_lock(stripe_of(ns, index));
	if (offset < READ_ONCE(ns->size)) {
		page = load_page(ns, index);
		if (write && page)
			change_page(ns, index, page);
		else if (write)
			page = add_page(ns, index);
	}
	if (IS_ERR(page))
		mutex_unlock(stripe_of(ns, index));
	return page;
}

void nvme_namespace_release(struct nvme_namespace *ns, u64 offset)
{
	mutex_unlock(stripe_of(ns, index_of(offset)));
}

/* Zero @length bytes inside one page; an absent one needs nothing. */
static void zero_part(struct nvme_namespace *ns, u64 offset, size_t length)
{
	unsigned long index = index_of(offset);
	void *page;

	guard(mutex)(stripe_of(ns, index));
	page = load_page(ns, index);
	if (!page)
		return;
	change_page(ns, index, page);
	memset(page + offset_in_page(offset), 0, length);
}

/* Call @fn on every entry from @first to @last that passes @filter, with its stripe held. */
static void visit_entries(struct nvme_namespace *ns, unsigned long first, unsigned long last,
			  xa_mark_t filter,
			  void (*fn)(struct nvme_namespace *ns, unsigned long index))
{
	unsigned long index = first;
	void *entry;

	for (entry = xa_find(&ns->pages, &index, last, filter); entry;
	     entry = xa_find_after(&ns->pages, &index, last, filter)) {
		scoped_guard(mutex, stripe_of(ns, index))
			fn(ns, index);
		cond_resched();
	}
}

int nvme_namespace_zero(struct nvme_namespace *ns, u64 offset, u64 length)
{
	u64 end, first_page, end_page;

	if (check_add_overflow(offset, length, &end) || end > READ_ONCE(ns->size))
		return -ERANGE;
	first_page = ALIGN(offset, PAGE_SIZE);
	end_page = ALIGN_DOWN(end, PAGE_SIZE);
	if (first_page > end_page) {
		zero_part(ns, offset, length);
		return 0;
	}
	if (offset < first_page)
		zero_part(ns, offset, first_page - offset);
	if (first_page < end_page)
		visit_entries(ns, index_of(first_page), index_of(end_page) - 1,
			      NVME_NAMESPACE_PRESENT, drop_page);
	if (end_page < end)
		zero_part(ns, end_page, end - end_page);
	return 0;
}

/*
 * Once every stripe was held and let go, all who take one see the new size:
 * from then on nothing appears past it, and what is there can be given back.
 */
void nvme_namespace_resize(struct nvme_namespace *ns, u64 size)
{
	unsigned int i;

	guard(mutex)(&ns->resizing);
	WRITE_ONCE(ns->size, size);
	for (i = 0; i < NVME_NAMESPACE_STRIPES; i++) {
		mutex_lock(&ns->stripe[i]);
		mutex_unlock(&ns->stripe[i]);
	}
	visit_entries(ns, index_of(size), ULONG_MAX, XA_PRESENT, forget_page);
}

u64 nvme_namespace_used(struct nvme_namespace *ns)
{
	return (u64)atomic_long_read(&ns->nr_pages) * PAGE_SIZE;
}

void nvme_namespace_save_begin(struct nvme_namespace *ns)
{
	XA_STATE(xas, &ns->pages, 0);
	unsigned int marked = 0;
	void *entry;

	nvme_namespace_save_end(ns);
	ns->cursor = 0;
	xas_lock(&xas);
	WRITE_ONCE(ns->saving, true);
	ns->session_size = READ_ONCE(ns->size);
	xas_for_each(&xas, entry, ULONG_MAX) {
		set_mark(ns, &xas, NVME_NAMESPACE_INITIAL);
		if (++marked % MARK_BATCH)
			continue;
		xas_pause(&xas);
		xas_unlock(&xas);
		cond_resched();
		xas_lock(&xas);
	}
	xas_unlock(&xas);
}

/* The session is over: a page loses its mark, a value entry its place. */
static void unmark(struct nvme_namespace *ns, unsigned long index)
{
	XA_STATE(xas, &ns->pages, index);
	void *entry;

	xas_lock(&xas);
	entry = xas_load(&xas);
	if (entry)
		clear_marks(ns, &xas);
	if (xa_is_value(entry))
		xas_store(&xas, NULL);
	xas_unlock(&xas);
}

void nvme_namespace_save_end(struct nvme_namespace *ns)
{
	unsigned long index;
	void *entry;

	xa_lock(&ns->pages);
	WRITE_ONCE(ns->saving, false);
	xa_unlock(&ns->pages);
	xa_for_each_marked(&ns->pages, index, entry, NVME_NAMESPACE_INITIAL) {
		unmark(ns, index);
		cond_resched();
	}
	xa_for_each_marked(&ns->pages, index, entry, NVME_NAMESPACE_DIRTY) {
		unmark(ns, index);
		cond_resched();
	}
}

void nvme_namespace_save_size(struct nvme_namespace *ns, struct mdevsim_bulk_size *size)
{
	if (!READ_ONCE(ns->saving)) {
		*size = (struct mdevsim_bulk_size) { .initial = nvme_namespace_used(ns) };
		return;
	}
	size->initial = (u64)atomic_long_read(&ns->nr_initial) * PAGE_SIZE;
	size->dirty = (u64)atomic_long_read(&ns->nr_dirty) * PAGE_SIZE;
}

/* The last page that a session may name: the stream's IDENTITY told the size it began with. */
static unsigned long last_of(struct nvme_namespace *ns)
{
	return index_of(min(ns->session_size, READ_ONCE(ns->size))) - 1;
}

/* The first entry with @mark from the cursor on, round the end. */
static void *find_marked(struct nvme_namespace *ns, struct xa_state *xas, xa_mark_t mark)
{
	unsigned long last = last_of(ns);
	void *entry;

	xas_set(xas, ns->cursor);
	entry = xas_find_marked(xas, last, mark);
	if (entry || !ns->cursor)
		return entry;
	xas_set(xas, 0);
	return xas_find_marked(xas, min(ns->cursor - 1, last), mark);
}

/* Take @entry, which @xas is at, and neighbours of its kind off what remains. */
static void take_run(struct nvme_namespace *ns, struct xa_state *xas, void *entry, xa_mark_t mark,
		     struct mdevsim_extent *extent)
{
	unsigned long first = xas->xa_index, last = last_of(ns), taken = 0, i;
	bool zero = xa_is_value(entry);
	unsigned long most = zero ? MAX_ZERO_PAGES : MAX_DATA_PAGES;

	most = min(most, last - first + 1);
	do {
		clear_mark(ns, xas, mark);
		entry = ++taken < most ? xas_next(xas) : NULL;
	} while (entry && xa_is_value(entry) == zero && xas_get_mark(xas, mark));

	for (i = 0; zero && i < taken; i++)
		__xa_erase(&ns->pages, first + i);
	*extent = (struct mdevsim_extent) {
		.offset	= (u64)first * PAGE_SIZE,
		.length	= (u64)taken * PAGE_SIZE,
		.zero	= zero,
		.initial = mark == NVME_NAMESPACE_INITIAL,
	};
	ns->cursor = first + taken;
}

static bool take_next(struct nvme_namespace *ns, xa_mark_t mark, struct mdevsim_extent *extent)
{
	XA_STATE(xas, &ns->pages, 0);
	void *entry = find_marked(ns, &xas, mark);

	if (entry)
		take_run(ns, &xas, entry, mark, extent);
	return entry;
}

bool nvme_namespace_save_next(struct nvme_namespace *ns, struct mdevsim_extent *extent)
{
	bool taken;

	xa_lock(&ns->pages);
	taken = take_next(ns, NVME_NAMESPACE_INITIAL, extent) ||
		take_next(ns, NVME_NAMESPACE_DIRTY, extent);
	xa_unlock(&ns->pages);
	return taken;
}

void *nvme_namespace_save_get(struct nvme_namespace *ns, u64 offset)
{
	unsigned long index = index_of(offset);

	if (mutex_lock_killable(stripe_of(ns, index)))
		return ERR_PTR(-EINTR);
	return load_page(ns, index);
}

u32 nvme_namespace_save_crc(void *page)
{
	if (!(*mdevsim_page_tag(page) & SEALED))
		nvme_namespace_seal(page);
	return lower_32_bits(*mdevsim_page_tag(page));
}

void nvme_namespace_save_put(struct nvme_namespace *ns, u64 offset)
{
	nvme_namespace_release(ns, offset);
}
