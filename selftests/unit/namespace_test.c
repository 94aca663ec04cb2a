// SPDX-License-Identifier: GPL-2.0
/*
 * The namespace against a flat array: what is read, what is present, and what
 * a saving session carries to a mirror while writers go on.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/atomic.h>
#include <linux/crc32.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include "../../driver/nvme/namespace.h"
#include "ktap.h"
#include "random.h"

#define PAGES		700
#define SIZE		(PAGES * PAGE_SIZE)
#define GIB		(1ULL << 30)

static atomic_long_t pages_out;

void *mdevsim_page_alloc(struct mdevsim_function *fn __maybe_unused)
{
	if (shim_alloc_fails())
		return NULL;
	atomic_long_inc(&pages_out);
	return calloc(1, PAGE_SIZE + sizeof(unsigned long));
}

void mdevsim_page_free(void *page)
{
	atomic_long_dec(&pages_out);
	free(page);
}

void *mdevsim_charge_begin(struct mdevsim_function *fn __maybe_unused)
{
	return NULL;
}

void mdevsim_charge_end(void *before __maybe_unused)
{
}

/* Behind the page */
unsigned long *mdevsim_page_tag(void *page)
{
	return page + PAGE_SIZE;
}

static atomic_t times_dirtied;

void mdevsim_function_dirtied(struct mdevsim_function *fn __maybe_unused)
{
	atomic_inc(&times_dirtied);
}

/**
 * struct model - what a namespace is expected to hold
 * @bytes: as read
 * @present: pages that take memory
 */
struct model {
	u8 bytes[SIZE];
	bool present[PAGES];
};

static struct nvme_namespace *ns;
static struct model model;
static u8 mirror[SIZE];

static void begin(u64 size)
{
	memset(&model, 0, sizeof(model));
	memset(mirror, 0, sizeof(mirror));
	ns = nvme_namespace_create(NULL, size);
	if (!EXPECT(ns))
		exit(1);
}

static void finish(void)
{
	nvme_namespace_destroy(ns);
	EXPECT_EQ(atomic_long_read(&pages_out), 0);
}

/* Counters say what marks and entries say. */
static void expect_counters(void)
{
	long pages = 0, initial = 0, dirty = 0;
	unsigned long index;
	void *entry;

	xa_for_each(&ns->pages, index, entry) {
		bool is_initial = xa_get_mark(&ns->pages, index, NVME_NAMESPACE_INITIAL);
		bool is_dirty = xa_get_mark(&ns->pages, index, NVME_NAMESPACE_DIRTY);

		pages += !xa_is_value(entry);
		initial += is_initial;
		dirty += is_dirty;
		EXPECT(!is_initial || !is_dirty);
		EXPECT(!xa_is_value(entry) || is_dirty);
		EXPECT(ns->saving || !(is_initial || is_dirty));
	}
	EXPECT_EQ(atomic_long_read(&ns->nr_pages), pages);
	EXPECT_EQ(atomic_long_read(&ns->nr_initial), initial);
	EXPECT_EQ(atomic_long_read(&ns->nr_dirty), dirty);
	EXPECT_EQ(atomic_long_read(&pages_out), pages);
	EXPECT_EQ(nvme_namespace_used(ns), pages * PAGE_SIZE);
}

static void expect_model(void)
{
	static const u8 zeroes[PAGE_SIZE];
	unsigned long i, present = 0;
	const u8 *page;

	for (i = 0; i < PAGES; i++) {
		page = nvme_namespace_access(ns, i * PAGE_SIZE, false);
		EXPECT_MSG(!memcmp(page ?: zeroes, model.bytes + i * PAGE_SIZE, PAGE_SIZE),
			   "page %lu differs", i);
		EXPECT_MSG(!page == !model.present[i], "page %lu: presence", i);
		nvme_namespace_release(ns, i * PAGE_SIZE);
		present += model.present[i];
	}
	EXPECT_EQ(nvme_namespace_used(ns), present * PAGE_SIZE);
}

/* Write @length bytes inside one page. */
static void write_bytes(u64 offset, size_t length, u8 value)
{
	u8 *page = nvme_namespace_access(ns, offset, true);

	if (!EXPECT(!IS_ERR_OR_NULL(page)))
		return;
	memset(page + offset_in_page(offset), value, length);
	if (value & 1)
		nvme_namespace_seal(page);
	memset(model.bytes + offset, value, length);
	model.present[offset / PAGE_SIZE] = true;
	nvme_namespace_release(ns, offset);
}

static void write_page(unsigned long index, u8 value)
{
	write_bytes(index * PAGE_SIZE, PAGE_SIZE, value);
}

static void zero_bytes(u64 offset, u64 length)
{
	unsigned long i;

	EXPECT_EQ(nvme_namespace_zero(ns, offset, length), 0);
	memset(model.bytes + offset, 0, length);
	for (i = DIV_ROUND_UP(offset, PAGE_SIZE); (i + 1) * PAGE_SIZE <= offset + length; i++)
		model.present[i] = false;
}

static void zero_pages(unsigned long first, unsigned long count)
{
	zero_bytes(first * PAGE_SIZE, count * PAGE_SIZE);
}

static void random_change(u64 *seed)
{
	u64 offset, length;

	if (random_below(seed, 8)) {
		offset = random_below(seed, PAGES) * PAGE_SIZE;
		length = 512 * (1 + random_below(seed, 8));
		write_bytes(offset + PAGE_SIZE - length, length, random_next(seed));
	} else {
		offset = random_below(seed, SIZE / 512) * 512;
		length = min(random_below(seed, 40) * 512 * (1 + random_below(seed, 10)),
			     SIZE - offset);
		zero_bytes(offset, length);
	}
}

/* Each page comes with its checksum, whether that was taken before or not. */
static void copy_page(u64 offset, u8 *page)
{
	if (!page) {
		memset(mirror + offset, 0, PAGE_SIZE);
		return;
	}
	memcpy(mirror + offset, page, PAGE_SIZE);
	EXPECT_EQ(nvme_namespace_save_crc(page), __crc32c_le(0, page, PAGE_SIZE));
}

/* Carry one extent to the mirror. Returns false when there is none. */
static bool save_step(struct mdevsim_extent *extent)
{
	u64 at;

	if (!nvme_namespace_save_next(ns, extent))
		return false;
	EXPECT(extent->length && extent->offset + extent->length <= SIZE);
	EXPECT(!(extent->offset % PAGE_SIZE) && !(extent->length % PAGE_SIZE));
	EXPECT(extent->zero || extent->length <= MDEVSIM_MAX_EXTENT);
	if (extent->zero) {
		memset(mirror + extent->offset, 0, extent->length);
		return true;
	}
	for (at = extent->offset; at < extent->offset + extent->length; at += PAGE_SIZE) {
		u8 *page = nvme_namespace_save_get(ns, at);

		copy_page(at, page);
		nvme_namespace_save_put(ns, at);
	}
	return true;
}

static void save_all(void)
{
	struct mdevsim_extent extent;

	while (save_step(&extent))
		;
}

static void expect_mirror(void)
{
	unsigned long i;

	for (i = 0; i < PAGES; i++)
		if (!EXPECT_MSG(!memcmp(mirror + i * PAGE_SIZE, model.bytes + i * PAGE_SIZE,
					PAGE_SIZE), "page %lu was lost", i))
			return;
}

static void expect_next(unsigned long first, unsigned long count, bool zero)
{
	struct mdevsim_extent extent = { .length = 0 };

	EXPECT(save_step(&extent));
	EXPECT_EQ(extent.offset / PAGE_SIZE, first);
	EXPECT_EQ(extent.length / PAGE_SIZE, count);
	EXPECT_EQ(extent.zero, zero);
}

static void expect_left(u64 initial, u64 dirty)
{
	struct mdevsim_bulk_size size;

	nvme_namespace_save_size(ns, &size);
	EXPECT_EQ(size.initial / PAGE_SIZE, initial);
	EXPECT_EQ(size.dirty / PAGE_SIZE, dirty);
}

static void reads_what_was_written(void)
{
	u64 seed = 1;
	int i;

	begin(SIZE);
	for (i = 0; i < 5000; i++) {
		random_change(&seed);
		if (i % 100 == 0)
			expect_model();
	}
	expect_model();
	expect_counters();
	finish();
}

static void accesses_past_the_size_fail(void)
{
	unsigned long locks;

	begin(SIZE);
	EXPECT_EQ(PTR_ERR(nvme_namespace_access(ns, SIZE, false)), -ERANGE);
	EXPECT_EQ(PTR_ERR(nvme_namespace_access(ns, SIZE, true)), -ERANGE);
	EXPECT_EQ(PTR_ERR(nvme_namespace_access(ns, ~0ULL, true)), -ERANGE);
	EXPECT_EQ(nvme_namespace_zero(ns, SIZE - 512, 1024), -ERANGE);
	EXPECT_EQ(nvme_namespace_zero(ns, ~0ULL - 511, 1024), -ERANGE);
	EXPECT_EQ(nvme_namespace_zero(ns, 512, ~0ULL), -ERANGE);
	locks = shim_locks_taken;
	EXPECT_EQ(nvme_namespace_zero(ns, SIZE, 0), 0);
	EXPECT(shim_locks_taken - locks < 4);
	/* no stripe was left held */
	zero_pages(0, PAGES);
	expect_counters();
	finish();
}

static void no_memory_changes_nothing(void)
{
	struct nvme_namespace *none;
	int fail;

	shim_alloc_fail = 0;
	none = nvme_namespace_create(NULL, SIZE);
	EXPECT(!none);
	begin(SIZE);
	nvme_namespace_save_begin(ns);
	for (fail = 0; ; fail++) {
		void *page;

		shim_alloc_fail = fail;
		page = nvme_namespace_access(ns, 500 * PAGE_SIZE, true);
		shim_alloc_fail = -1;
		if (!IS_ERR(page))
			break;
		EXPECT_EQ(PTR_ERR(page), -ENOMEM);
		expect_counters();
		expect_left(0, 0);
	}
	/* at least the page itself and a node of the tree */
	EXPECT(fail >= 2);
	nvme_namespace_release(ns, 500 * PAGE_SIZE);
	expect_left(0, 1);
	expect_counters();
	finish();
}

static void a_session_begins_with_all_that_is_present(void)
{
	begin(SIZE);
	write_page(3, 1);
	write_page(4, 2);
	write_page(9, 3);
	nvme_namespace_save_begin(ns);
	expect_left(3, 0);
	expect_counters();
	expect_next(3, 2, false);
	expect_left(1, 0);
	expect_next(9, 1, false);
	expect_left(0, 0);
	EXPECT(!nvme_namespace_save_next(ns, &(struct mdevsim_extent){}));
	expect_mirror();
	nvme_namespace_save_end(ns);
	expect_counters();
	finish();
}

static void data_comes_in_extents_of_bounded_length(void)
{
	const unsigned long most = MDEVSIM_MAX_EXTENT / PAGE_SIZE;
	unsigned long i;

	begin(SIZE);
	for (i = 0; i < 2 * most + 5; i++)
		write_page(i, i);
	nvme_namespace_save_begin(ns);
	expect_next(0, most, false);
	expect_next(most, most, false);
	expect_next(2 * most, 5, false);
	expect_mirror();
	finish();
}

static void changes_after_sending_are_dirty(void)
{
	begin(SIZE);
	write_page(1, 1);
	nvme_namespace_save_begin(ns);
	write_page(1, 2);
	expect_left(1, 0);
	expect_next(1, 1, false);
	write_page(1, 3);
	write_page(1, 4);
	write_page(2, 5);
	expect_left(0, 2);
	/* from where the session is, round the end */
	expect_next(2, 1, false);
	expect_next(1, 1, false);
	expect_left(0, 0);
	expect_mirror();
	expect_counters();
	finish();
}

static void the_carrier_hears_of_the_first_dirty_page(void)
{
	begin(SIZE);
	atomic_set(&times_dirtied, 0);
	write_page(1, 1);
	nvme_namespace_save_begin(ns);
	write_page(1, 2);
	EXPECT_EQ(atomic_read(&times_dirtied), 0);
	save_all();
	write_page(1, 3);
	EXPECT_EQ(atomic_read(&times_dirtied), 1);
	write_page(2, 3);
	EXPECT_EQ(atomic_read(&times_dirtied), 1);
	save_all();
	zero_pages(1, 1);
	EXPECT_EQ(atomic_read(&times_dirtied), 2);
	zero_pages(2, 1);
	EXPECT_EQ(atomic_read(&times_dirtied), 2);
	finish();
}

static void deallocated_pages_are_announced_once_sent(void)
{
	begin(SIZE);
	write_page(1, 1);
	write_page(2, 1);
	write_page(3, 1);
	nvme_namespace_save_begin(ns);
	zero_pages(3, 1);
	expect_left(2, 0);
	expect_next(1, 2, false);
	zero_pages(0, 10);
	expect_left(0, 2);
	expect_counters();
	expect_next(1, 2, true);
	expect_left(0, 0);
	expect_mirror();
	EXPECT(xa_empty(&ns->pages));
	finish();
}

static void a_page_that_comes_back_is_data(void)
{
	begin(SIZE);
	write_page(1, 1);
	write_page(2, 1);
	nvme_namespace_save_begin(ns);
	save_all();
	zero_pages(1, 2);
	write_page(1, 7);
	expect_left(0, 2);
	expect_next(1, 1, false);
	expect_next(2, 1, true);
	expect_mirror();
	/* announced, written, deallocated, written again: each time anew */
	write_page(2, 1);
	zero_pages(2, 1);
	expect_next(2, 1, true);
	write_page(2, 9);
	expect_next(2, 1, false);
	expect_mirror();
	expect_counters();
	finish();
}

static void zeroing_part_of_a_page_is_a_change(void)
{
	begin(SIZE);
	write_page(1, 1);
	nvme_namespace_save_begin(ns);
	save_all();
	zero_bytes(PAGE_SIZE + 512, 512);
	zero_bytes(5 * PAGE_SIZE + 512, 512);
	expect_left(0, 1);
	expect_next(1, 1, false);
	expect_mirror();
	finish();
}

static void the_end_of_a_session_leaves_nothing(void)
{
	begin(SIZE);
	write_page(1, 1);
	write_page(2, 1);
	nvme_namespace_save_begin(ns);
	save_all();
	write_page(1, 2);
	zero_pages(2, 1);
	nvme_namespace_save_end(ns);
	expect_counters();
	write_page(1, 3);
	zero_pages(1, 1);
	write_page(5, 3);
	write_page(6, 3);
	expect_counters();
	/* what one would begin with */
	expect_left(2, 0);
	expect_model();
	EXPECT(!xa_load(&ns->pages, 2));
	nvme_namespace_save_end(ns);
	/* and the next one begins with everything */
	nvme_namespace_save_begin(ns);
	expect_left(2, 0);
	memset(mirror, 0, sizeof(mirror));
	save_all();
	expect_mirror();
	/* as does one that is begun anew */
	write_page(7, 1);
	zero_pages(5, 1);
	nvme_namespace_save_begin(ns);
	expect_left(2, 0);
	expect_counters();
	finish();
}

static void dirty_pages_take_turns(void)
{
	struct mdevsim_extent extent;
	unsigned long turns = 0;

	begin(SIZE);
	nvme_namespace_save_begin(ns);
	write_page(0, 1);
	write_page(300, 1);
	write_page(600, 1);
	while (nvme_namespace_save_next(ns, &extent) && extent.offset != 600 * PAGE_SIZE) {
		write_page(extent.offset / PAGE_SIZE, 2);
		if (!EXPECT(++turns < 3))
			break;
	}
	/* round the end, up to where it began */
	expect_next(0, 1, false);
	expect_next(300, 1, false);
	expect_left(0, 0);
	finish();
}

/* Changes at any moment, also between finding an extent and copying its pages. */
static void random_sessions_lose_nothing(void)
{
	struct mdevsim_extent extent;
	u64 seed = 2, at;
	int round, step;

	for (round = 0; round < 60; round++) {
		begin(SIZE);
		for (step = random_below(&seed, 400); step; step--)
			random_change(&seed);
		nvme_namespace_save_begin(ns);
		for (step = random_below(&seed, 600); step; step--) {
			random_change(&seed);
			if (random_below(&seed, 4) || !nvme_namespace_save_next(ns, &extent))
				continue;
			if (extent.zero)
				memset(mirror + extent.offset, 0, extent.length);
			for (at = 0; !extent.zero && at < extent.length; at += PAGE_SIZE) {
				u8 *page;

				if (!random_below(&seed, 3))
					random_change(&seed);
				page = nvme_namespace_save_get(ns, extent.offset + at);
				copy_page(extent.offset + at, page);
				nvme_namespace_save_put(ns, extent.offset + at);
			}
		}
		expect_counters();
		save_all();
		expect_left(0, 0);
		expect_mirror();
		expect_model();
		nvme_namespace_save_end(ns);
		expect_counters();
		finish();
	}
}

static void resizing_loses_what_is_past_the_end(void)
{
	begin(SIZE);
	write_page(1, 1);
	write_page(500, 1);
	write_page(PAGES - 1, 1);
	nvme_namespace_resize(ns, 500 * PAGE_SIZE);
	EXPECT_EQ(nvme_namespace_used(ns), PAGE_SIZE);
	EXPECT_EQ(PTR_ERR(nvme_namespace_access(ns, 500 * PAGE_SIZE, true)), -ERANGE);
	EXPECT_EQ(nvme_namespace_zero(ns, 499 * PAGE_SIZE, 2 * PAGE_SIZE), -ERANGE);
	expect_counters();
	nvme_namespace_resize(ns, SIZE);
	model.present[500] = false;
	model.present[PAGES - 1] = false;
	memset(model.bytes + 2 * PAGE_SIZE, 0, SIZE - 2 * PAGE_SIZE);
	expect_model();
	finish();
}

static void a_session_names_nothing_past_its_size(void)
{
	begin(600 * PAGE_SIZE);
	write_page(1, 1);
	write_page(599, 1);
	nvme_namespace_save_begin(ns);
	nvme_namespace_resize(ns, SIZE);
	write_page(600, 1);
	write_page(650, 1);
	expect_next(1, 1, false);
	expect_next(599, 1, false);
	EXPECT(!nvme_namespace_save_next(ns, &(struct mdevsim_extent){}));
	write_page(599, 2);
	expect_next(599, 1, false);
	/* the new size is told by beginning anew */
	nvme_namespace_save_begin(ns);
	expect_left(4, 0);
	expect_next(1, 1, false);
	expect_next(599, 2, false);
	expect_next(650, 1, false);
	expect_mirror();
	write_page(1, 2);
	write_page(650, 2);
	zero_pages(600, 1);
	nvme_namespace_resize(ns, 600 * PAGE_SIZE);
	expect_left(0, 1);
	expect_next(1, 1, false);
	expect_counters();
	finish();
}

/* Locks taken by one call: what it costs, whatever the machine. */
#define LOCKS(call) ({							\
	unsigned long __before = shim_locks_taken;			\
	call;								\
	shim_locks_taken - __before; })

static void cost_depends_on_what_is_present(void)
{
	const u64 size = 16 * GIB;
	struct mdevsim_extent extent;
	unsigned int i;

	begin(size);
	for (i = 0; i < 16; i++) {
		void *page = nvme_namespace_access(ns, i * GIB + 123 * PAGE_SIZE, true);

		EXPECT(!IS_ERR_OR_NULL(page));
		nvme_namespace_release(ns, i * GIB + 123 * PAGE_SIZE);
	}
	EXPECT_EQ(nvme_namespace_used(ns), 16 * PAGE_SIZE);
	EXPECT(LOCKS(nvme_namespace_save_begin(ns)) < 20);
	for (i = 0; i < 16; i++)
		EXPECT(LOCKS(nvme_namespace_save_next(ns, &extent)) < 4);
	EXPECT(LOCKS(nvme_namespace_save_next(ns, &extent)) < 4);
	EXPECT(LOCKS(nvme_namespace_save_end(ns)) < 20);
	EXPECT(LOCKS(nvme_namespace_zero(ns, 512, size - 1024)) < 100);
	EXPECT_EQ(nvme_namespace_used(ns), 0);
	EXPECT(LOCKS(nvme_namespace_zero(ns, 0, size)) < 4);
	EXPECT(LOCKS(nvme_namespace_resize(ns, 8 * GIB)) < 100);
	finish();
}

/* Holds one stripe until told to let go. */
static void *hold_stripe(void *data)
{
	atomic_t *step = data;

	nvme_namespace_access(ns, 0, false);
	atomic_set(step, 1);
	while (atomic_read(step) != 2)
		sched_yield();
	nvme_namespace_release(ns, 0);
	return NULL;
}

static void who_waits_for_a_page_can_be_killed(void)
{
	atomic_t step = ATOMIC_INIT(0);
	pthread_t thread;
	void *page;

	begin(SIZE);
	write_page(0, 1);
	pthread_create(&thread, NULL, hold_stripe, &step);
	while (atomic_read(&step) != 1)
		sched_yield();
	shim_killed = true;
	EXPECT_EQ(PTR_ERR(nvme_namespace_save_get(ns, 0)), -EINTR);
	/* another stripe is free */
	EXPECT(!nvme_namespace_save_get(ns, PAGE_SIZE));
	nvme_namespace_save_put(ns, PAGE_SIZE);
	shim_killed = false;
	atomic_set(&step, 2);
	pthread_join(thread, NULL);
	page = nvme_namespace_save_get(ns, 0);
	EXPECT(!IS_ERR_OR_NULL(page));
	nvme_namespace_save_put(ns, 0);
	finish();
}

#define WRITERS		3
#define WRITER_PAGES	(PAGES / WRITERS)

/**
 * struct writer - a thread that changes its share of the pages, every WRITERS-th
 * @thread: the thread
 * @first: first page
 * @stop: end after the present change
 */
struct writer {
	pthread_t thread;
	unsigned long first;
	bool stop;
};

/* Pages are written whole, byte by byte the same, so that a torn copy is seen. */
static void change_page(unsigned long index, u64 *seed)
{
	u8 value = random_next(seed);
	u8 *page;

	if (!random_below(seed, 4)) {
		EXPECT_EQ(nvme_namespace_zero(ns, index * PAGE_SIZE, PAGE_SIZE), 0);
		memset(model.bytes + index * PAGE_SIZE, 0, PAGE_SIZE);
		model.present[index] = false;
		return;
	}
	page = nvme_namespace_access(ns, index * PAGE_SIZE, true);
	memset(page, value, PAGE_SIZE);
	if (value & 1)
		nvme_namespace_seal(page);
	nvme_namespace_release(ns, index * PAGE_SIZE);
	memset(model.bytes + index * PAGE_SIZE, value, PAGE_SIZE);
	model.present[index] = true;
}

static void *write_on(void *data)
{
	struct writer *writer = data;
	u64 seed = writer->first + 77;

	while (!READ_ONCE(writer->stop))
		change_page(writer->first + WRITERS * random_below(&seed, WRITER_PAGES), &seed);
	return NULL;
}

static void expect_untorn(void)
{
	unsigned long i;

	for (i = 0; i < PAGES; i++)
		EXPECT_MSG(!memcmp(mirror + i * PAGE_SIZE, mirror + i * PAGE_SIZE + 1,
				   PAGE_SIZE - 1), "page %lu is torn", i);
}

static void sessions_lose_nothing_while_writers_run(void)
{
	struct writer writers[WRITERS] = {};
	struct mdevsim_extent extent;
	int round, i;

	for (round = 0; round < 40; round++) {
		begin(SIZE);
		for (i = 0; i < WRITERS; i++) {
			writers[i].first = i;
			writers[i].stop = false;
			pthread_create(&writers[i].thread, NULL, write_on, &writers[i]);
		}
		/* the first session is given up half-way */
		nvme_namespace_save_begin(ns);
		for (i = 0; i < 50 && save_step(&extent); i++)
			;
		nvme_namespace_save_end(ns);
		memset(mirror, 0, sizeof(mirror));
		nvme_namespace_save_begin(ns);
		for (i = 0; i < 200 + round * 10; i++)
			save_step(&extent);
		expect_untorn();
		for (i = 0; i < WRITERS; i++)
			WRITE_ONCE(writers[i].stop, true);
		for (i = 0; i < WRITERS; i++)
			pthread_join(writers[i].thread, NULL);
		save_all();
		expect_mirror();
		expect_model();
		expect_counters();
		nvme_namespace_save_end(ns);
		finish();
	}
}

static void *write_past_the_end(void *data)
{
	struct writer *writer = data;
	u64 seed = writer->first + 99;

	while (!READ_ONCE(writer->stop)) {
		u64 offset = random_below(&seed, PAGES) * PAGE_SIZE;
		void *page = nvme_namespace_access(ns, offset, true);

		if (!IS_ERR(page))
			nvme_namespace_release(ns, offset);
		else
			EXPECT_EQ(PTR_ERR(page), -ERANGE);
	}
	return NULL;
}

/* Nothing is past the new size once a resize is over, and no extent names it. */
static void resizing_while_writers_run(void)
{
	struct writer writers[WRITERS] = {};
	struct mdevsim_extent extent;
	unsigned long index;
	int round, i;

	begin(SIZE);
	for (i = 0; i < WRITERS; i++) {
		writers[i].first = i;
		pthread_create(&writers[i].thread, NULL, write_past_the_end, &writers[i]);
	}
	nvme_namespace_save_begin(ns);
	for (round = 0; round < 3000; round++) {
		nvme_namespace_resize(ns, SIZE / 2);
		index = SIZE / 2 / PAGE_SIZE;
		EXPECT(!xa_find(&ns->pages, &index, ULONG_MAX, XA_PRESENT));
		if (nvme_namespace_save_next(ns, &extent))
			EXPECT(extent.offset + extent.length <= SIZE / 2);
		nvme_namespace_resize(ns, SIZE);
		if (nvme_namespace_save_next(ns, &extent))
			EXPECT(extent.offset + extent.length <= SIZE);
	}
	for (i = 0; i < WRITERS; i++)
		WRITE_ONCE(writers[i].stop, true);
	for (i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	expect_counters();
	finish();
}

static const struct ktap_test tests[] = {
	KTAP_TEST(reads_what_was_written),
	KTAP_TEST(accesses_past_the_size_fail),
	KTAP_TEST(no_memory_changes_nothing),
	KTAP_TEST(a_session_begins_with_all_that_is_present),
	KTAP_TEST(data_comes_in_extents_of_bounded_length),
	KTAP_TEST(changes_after_sending_are_dirty),
	KTAP_TEST(the_carrier_hears_of_the_first_dirty_page),
	KTAP_TEST(deallocated_pages_are_announced_once_sent),
	KTAP_TEST(a_page_that_comes_back_is_data),
	KTAP_TEST(zeroing_part_of_a_page_is_a_change),
	KTAP_TEST(the_end_of_a_session_leaves_nothing),
	KTAP_TEST(dirty_pages_take_turns),
	KTAP_TEST(random_sessions_lose_nothing),
	KTAP_TEST(resizing_loses_what_is_past_the_end),
	KTAP_TEST(a_session_names_nothing_past_its_size),
	KTAP_TEST(cost_depends_on_what_is_present),
	KTAP_TEST(who_waits_for_a_page_can_be_killed),
	KTAP_TEST(sessions_lose_nothing_while_writers_run),
	KTAP_TEST(resizing_while_writers_run),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
