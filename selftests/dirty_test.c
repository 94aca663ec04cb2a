// SPDX-License-Identifier: GPL-2.0
/*
 * Memory, both kinds: which pages of the guest the function writes, as the
 * type1 container and the device's own log tell it, and who pays for the pages
 * of the namespace.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cgroup.h"
#include "migration.h"
#include "prp.h"
#include "test.h"
#include "tracker.h"

#define PAGES		(BENCH_ARENA_SIZE / ARENA_PAGE)
#define BLOCKS_PER_PAGE	(ARENA_PAGE / NVME_BLOCK)
#define MIB		UINT64_C(0x100000)
#define CHUNK		(256 << 10)

#define NVME_CAPACITY_EXCEEDED	0x081

/* ---- Pages of the guest ------------------------------------------------ */

/**
 * struct tracked - a device, and who tells which pages it writes
 * @bench: it, and what belongs to it
 * @arena: its memory
 * @queue: an I/O queue
 * @tracker: who tells
 * @expected: pages that were written
 */
struct tracked {
	struct bench bench;
	struct arena *arena;
	struct nvme_queue *queue;
	const struct tracker *tracker;
	bool expected[PAGES];
};

FIXTURE(dirty) {
	struct tracked tracked;
};

FIXTURE_VARIANT(dirty) {
	const struct tracker *tracker;
	const char *backend;
};

FIXTURE_VARIANT_ADD(dirty, type1) { .tracker = &tracker_type1, .backend = "group" };
FIXTURE_VARIANT_ADD(dirty, log) { .tracker = &tracker_log, .backend = "group" };
FIXTURE_VARIANT_ADD(dirty, log_iommufd) { .tracker = &tracker_log, .backend = "cdev" };

FIXTURE_SETUP(dirty)
{
	struct device *device = &self->tracked.bench.device;

	if (!strcmp(variant->backend, "cdev") && access("/dev/iommu", F_OK))
		SKIP(return, "no /dev/iommu");
	setenv("BACKEND", variant->backend, 1);
	bench_setup(&self->tracked.bench, DEVICE_TYPE);
	self->tracked.arena = &self->tracked.bench.arena;
	if (!variant->tracker->offered(device)) {
		TEST_TEARDOWN(&self->tracked.bench);
		SKIP(return, "this kernel cannot report what a device logs");
	}
	self->tracked.tracker = variant->tracker;
	nvme_start(&self->tracked.bench.nvme, 1, 32);
	self->tracked.queue = &self->tracked.bench.nvme.io[0];
	ASSERT_EQ(0, self->tracked.tracker->start(device, self->tracked.arena));
}

FIXTURE_TEARDOWN(dirty)
{
	EXPECT_EQ(0, self->tracked.tracker->stop(&self->tracked.bench.device));
	TEST_TEARDOWN(&self->tracked.bench);
}

/* A page is logged after it was written, and the host may be quicker: wait for the device. */
static void settle(struct tracked *self)
{
	if (migration_get(&self->bench.device, NULL) != RUNNING)
		return;
	migration_go(&self->bench.device, RUNNING_P2P);
	migration_go(&self->bench.device, RUNNING);
}

static int take_bitmap(struct tracked *self, uint64_t *bitmap)
{
	settle(self);
	memset(bitmap, 0, PAGES / 8);
	return self->tracker->take(&self->bench.device, self->arena, bitmap);
}

static bool in_bitmap(const uint64_t *bitmap, unsigned int page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

static void expect_page(bool *expected, const struct arena *arena, const void *pointer)
{
	expected[((const uint8_t *)pointer - arena->memory) / ARENA_PAGE] = true;
}

/* Exactly the pages that are expected are dirty, and none of them is a second time. */
static void check_pages(struct __test_metadata *_metadata, struct tracked *self)
{
	uint64_t bitmap[PAGES / 64];

	ASSERT_EQ(0, take_bitmap(self, bitmap));
	for (unsigned int page = 0; page < PAGES; page++) {
		EXPECT_EQ(self->expected[page], in_bitmap(bitmap, page)) TH_LOG("page %u", page);
	}
	ASSERT_EQ(0, take_bitmap(self, bitmap));
	for (unsigned int i = 0; i < ARRAY_SIZE(bitmap); i++) {
		EXPECT_EQ(0, bitmap[i]) TH_LOG("pages %u to %u, once more", i * 64, i * 64 + 63);
	}
	memset(self->expected, 0, sizeof(self->expected));
}

TEST_F(dirty, nothing)
{
	check_pages(_metadata, &self->tracked);
	/* A command that was not rung, registers, and what the host writes itself */
	memset(arena_page(self->tracked.arena), 0x55, ARENA_PAGE);
	nvme_read32(&self->tracked.bench.nvme, NVME_CSTS);
	check_pages(_metadata, &self->tracked);
}

/* Data that goes to the device, and lists, are read only; the completion is written. */
TEST_F(dirty, write_command)
{
	uint8_t *buffer = arena_alloc(self->tracked.arena, 16 * ARENA_PAGE, ARENA_PAGE);

	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->tracked.queue, NVME_WRITE, 0, 16 * BLOCKS_PER_PAGE,
					buffer));
	expect_page(self->tracked.expected, self->tracked.arena, self->tracked.queue->cq);
	check_pages(_metadata, &self->tracked);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->tracked.queue, NVME_COMPARE, 0, 16, buffer));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->tracked.queue, NVME_WRITE_ZEROES, 0, 16, buffer));
	expect_page(self->tracked.expected, self->tracked.arena, self->tracked.queue->cq);
	check_pages(_metadata, &self->tracked);
}

TEST_F(dirty, read_command)
{
	static const struct {
		uint32_t blocks, offset;
		bool scattered;
	} reads[] = {
		{ 1, 0, false }, { 8, 0, false }, { 8, 512, false }, { 3, 3072, true },
		{ 64, 0, true }, { 65, 4092, true }, { 1024, 0, false },
	};
	size_t used = self->tracked.arena->used;

	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, i, reads[i].blocks);
		struct prp_shape shape = {
			.offset = reads[i].offset, .scattered = reads[i].scattered,
		};
		struct prp prp;

		self->tracked.arena->used = used;
		prp_make(&prp, self->tracked.arena, reads[i].blocks * NVME_BLOCK, shape);
		prp_point(&prp, &sqe);
		ASSERT_EQ(NVME_SUCCESS, nvme_run(self->tracked.queue, &sqe, NULL))
			TH_LOG("read %zu", i);
		for (unsigned int page = 0; page < prp.pages; page++)
			expect_page(self->tracked.expected, self->tracked.arena, prp.page[page]);
		expect_page(self->tracked.expected, self->tracked.arena, self->tracked.queue->cq);
		check_pages(_metadata, &self->tracked);
	}
}

TEST_F(dirty, admin_command)
{
	uint8_t *page = arena_page(self->tracked.arena);

	ASSERT_EQ(NVME_SUCCESS, nvme_identify(&self->tracked.bench.nvme, 1, 0, page));
	expect_page(self->tracked.expected, self->tracked.arena, page);
	expect_page(self->tracked.expected, self->tracked.arena, self->tracked.bench.nvme.admin.cq);
	check_pages(_metadata, &self->tracked);
}

/* A completion queue of several pages: the page of the entry, and no other */
TEST_F(dirty, completion_queue)
{
	struct nvme_queue *queue = nvme_queue_create(&self->tracked.bench.nvme, 2, 1024, -1);
	struct nvme_sqe sqe = nvme_sqe_io(NVME_VERIFY, 0, 1);
	uint64_t bitmap[PAGES / 64];

	ASSERT_EQ(0, take_bitmap(&self->tracked, bitmap));
	for (int i = 0; i < 1030; i++) {
		struct nvme_cqe *entry = &queue->cq[queue->cq_head];

		if (i % 103 == 0) {
			ASSERT_EQ(0, take_bitmap(&self->tracked, bitmap));
		}
		ASSERT_EQ(NVME_SUCCESS, nvme_run(queue, &sqe, NULL));
		if (i % 103)
			continue;
		expect_page(self->tracked.expected, self->tracked.arena, entry);
		check_pages(_metadata, &self->tracked);
	}
}

/* No page changes without being dirty, whatever the function does. */
TEST_F(dirty, every_change)
{
	uint8_t *before = malloc(BENCH_ARENA_SIZE);
	uint8_t *buffer = arena_alloc(self->tracked.arena, 4 * MIB, ARENA_PAGE);
	uint64_t bitmap[PAGES / 64];
	uint32_t seed = 1;

	nvme_pattern(buffer, 0, 1024, 1);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->tracked.queue, NVME_WRITE, 0, 1024, buffer));
	memset(buffer, 0, 4 * MIB);
	ASSERT_EQ(0, take_bitmap(&self->tracked, bitmap));
	for (int round = 0; round < 10; round++) {
		/* Commands and data that the host itself wrote come first. */
		struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 1);
		struct nvme_cqe cqe;

		for (int i = 0; i < 20; i++) {
			seed = seed * 1103515245 + 12345;
			sqe.cdw10 = seed >> 8 & 1023;
			sqe.prp1 = arena_iova(self->tracked.arena, buffer) +
				(seed >> 12) % (4 * MIB / NVME_BLOCK) * NVME_BLOCK;
			nvme_push(self->tracked.queue, &sqe);
		}
		memcpy(before, self->tracked.arena->memory, BENCH_ARENA_SIZE);
		nvme_ring(self->tracked.queue);
		for (int i = 0; i < 20; i++) {
			ASSERT_EQ(0, nvme_reap(self->tracked.queue, &cqe));
		}
		ASSERT_EQ(0, take_bitmap(&self->tracked, bitmap));
		for (unsigned int page = 0; page < PAGES; page++) {
			size_t at = page * ARENA_PAGE;

			if (!memcmp(before + at, self->tracked.arena->memory + at, ARENA_PAGE))
				continue;
			EXPECT_TRUE(in_bitmap(bitmap, page))
				TH_LOG("page %u in round %d", page, round);
		}
	}
	free(before);
}

/* What was stopped writes nothing. */
TEST_F(dirty, stopped)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8);
	uint64_t bitmap[PAGES / 64];

	sqe.prp1 = arena_iova(self->tracked.arena, arena_page(self->tracked.arena));
	for (int i = 0; i < 20; i++)
		nvme_push(self->tracked.queue, &sqe);
	nvme_ring(self->tracked.queue);
	migration_go(&self->tracked.bench.device, RUNNING_P2P);
	ASSERT_EQ(0, take_bitmap(&self->tracked, bitmap));
	nvme_push(self->tracked.queue, &sqe);
	nvme_ring(self->tracked.queue);
	must_happen(false, 50);
	check_pages(_metadata, &self->tracked);
}

struct asker {
	struct tracked *self;
	uint64_t seen[PAGES / 64];
	atomic_bool done;
	int error;
	int times;
};

/* Ask without a pause, and keep all that is told; the last time when all is done. */
static void *ask(void *data)
{
	struct asker *asker = data;
	bool last;

	do {
		uint64_t bitmap[PAGES / 64] = { 0 };

		last = atomic_load(&asker->done);
		asker->error = asker->self->tracker->take(&asker->self->bench.device,
							  asker->self->arena, bitmap);
		for (unsigned int i = 0; i < ARRAY_SIZE(bitmap); i++)
			asker->seen[i] |= bitmap[i];
		asker->times++;
	} while (!asker->error && !last);
	return NULL;
}

/* Somebody who asks all the time while pages are written misses none and is told of no other. */
TEST_F(dirty, asked_while_written)
{
	uint8_t *buffer = arena_alloc(self->tracked.arena, 4 * MIB, ARENA_PAGE);
	struct asker asker = { .self = &self->tracked };
	pthread_t thread;
	uint32_t seed = 1;

	ASSERT_EQ(0, pthread_create(&thread, NULL, ask, &asker));
	for (int i = 0; i < 500; i++) {
		uint8_t *page;

		seed = seed * 1103515245 + 12345;
		page = buffer + (seed >> 12) % (4 * MIB / ARENA_PAGE) * ARENA_PAGE;
		expect_page(self->tracked.expected, self->tracked.arena, page);
		ASSERT_EQ(NVME_SUCCESS, nvme_io(self->tracked.queue, NVME_READ, 0, BLOCKS_PER_PAGE,
						page));
	}
	settle(&self->tracked);
	atomic_store(&asker.done, true);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, asker.error);
	EXPECT_LT(1, asker.times);
	expect_page(self->tracked.expected, self->tracked.arena, self->tracked.queue->cq);
	for (unsigned int page = 0; page < PAGES; page++) {
		EXPECT_EQ(self->tracked.expected[page], in_bitmap(asker.seen, page))
			TH_LOG("page %u", page);
	}
	memset(self->tracked.expected, 0, sizeof(self->tracked.expected));
	check_pages(_metadata, &self->tracked);
}

/* Tracking goes on across states of migration, and a reset. */
TEST_F(dirty, across_states)
{
	uint8_t *page = arena_page(self->tracked.arena);

	close(migration_go(&self->tracked.bench.device, PRE_COPY));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->tracked.queue, NVME_READ, 0, BLOCKS_PER_PAGE, page));
	close(migration_go(&self->tracked.bench.device, STOP_COPY));
	expect_page(self->tracked.expected, self->tracked.arena, page);
	expect_page(self->tracked.expected, self->tracked.arena, self->tracked.queue->cq);
	check_pages(_metadata, &self->tracked);
	ASSERT_EQ(0, device_reset(&self->tracked.bench.device));
	check_pages(_metadata, &self->tracked);
	nvme_start(&self->tracked.bench.nvme, 1, 32);
	ASSERT_EQ(0, take_bitmap(&self->tracked, (uint64_t [PAGES / 64]) { 0 }));
	self->tracked.queue = &self->tracked.bench.nvme.io[0];
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->tracked.queue, NVME_READ, 0, BLOCKS_PER_PAGE, page));
	expect_page(self->tracked.expected, self->tracked.arena, page);
	expect_page(self->tracked.expected, self->tracked.arena, self->tracked.queue->cq);
	check_pages(_metadata, &self->tracked);
}

/* ---- The device's own log ---------------------------------------------- */

FIXTURE(log) {
	struct bench bench;
	struct arena *arena;
};

FIXTURE_SETUP(log)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->arena = &self->bench.arena;
	nvme_start(&self->bench.nvme, 1, 32);
}

FIXTURE_TEARDOWN(log)
{
	TEST_TEARDOWN(&self->bench);
}

/*
 * A device that offers DMA logging must be able to report: a VMM that finds
 * START there does not look at the container any more.
 */
TEST_F(log, offered_whole)
{
	uint64_t bitmap[PAGES / 64] = { 0 };
	uint8_t *page = arena_page(self->arena);
	struct device *device = &self->bench.device;
	size_t at = (size_t)(page - self->arena->memory) / ARENA_PAGE;

	if (!tracker_log.offered(device)) {
		EXPECT_EQ(-ENOTTY, tracker_log.start(device, self->arena));
		EXPECT_EQ(-ENOTTY, tracker_log.take(device, self->arena, bitmap));
		return;
	}
	ASSERT_EQ(0, tracker_log.start(device, self->arena));
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(&self->bench.nvme, 1, 0, page));
	ASSERT_EQ(0, tracker_log.take(device, self->arena, bitmap));
	EXPECT_TRUE(in_bitmap(bitmap, at));
	EXPECT_EQ(0, tracker_log.stop(device));
}

/* Of two ranges with a hole between them: what is in them, and nothing of the hole */
TEST_F(log, ranges)
{
	uint8_t *pages = arena_alloc(self->arena, 6 * ARENA_PAGE, ARENA_PAGE);
	uint64_t first = arena_iova(self->arena, pages), second = first + 4 * ARENA_PAGE;
	const struct vfio_device_feature_dma_logging_range ranges[] = {
		{ .iova = second, .length = 2 * ARENA_PAGE },
		{ .iova = first, .length = 2 * ARENA_PAGE },
	};
	struct device *device = &self->bench.device;
	uint64_t bits;

	if (!tracker_log.offered(device))
		SKIP(return, "this kernel cannot report what a device logs");
	ASSERT_EQ(0, tracker_log_start(device, ranges, ARRAY_SIZE(ranges)));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(&self->bench.nvme.io[0], NVME_READ, 0, 4 * BLOCKS_PER_PAGE,
					pages + ARENA_PAGE));
	bits = 0;
	ASSERT_EQ(0, tracker_log_report(device, first, 2 * ARENA_PAGE, &bits));
	EXPECT_EQ(2, bits);
	bits = 0;
	EXPECT_EQ(-EINVAL, tracker_log_report(device, first, 6 * ARENA_PAGE, &bits));
	EXPECT_EQ(-EINVAL, tracker_log_report(device, first + 2 * ARENA_PAGE, ARENA_PAGE, &bits));
	EXPECT_EQ(0, bits);
	ASSERT_EQ(0, tracker_log_report(device, second, 2 * ARENA_PAGE, &bits));
	EXPECT_EQ(1, bits);
	EXPECT_EQ(0, tracker_log.stop(device));
}

/* A device that is closed while it logs forgets all of it. */
TEST_F(log, closed)
{
	struct device *device = &self->bench.device;
	uint64_t bitmap[PAGES / 64] = { 0 };

	if (!tracker_log.offered(device))
		SKIP(return, "this kernel cannot report what a device logs");
	ASSERT_EQ(0, tracker_log.start(device, self->arena));
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(&self->bench.nvme, 1, 0, arena_page(self->arena)));
	device_close(device);
	ASSERT_EQ(0, device_open(device, &device->mdev));
	device_map_arena(device, self->arena);
	EXPECT_EQ(-EINVAL, tracker_log.take(device, self->arena, bitmap));
	EXPECT_EQ(-EINVAL, tracker_log.stop(device));
	ASSERT_EQ(0, tracker_log.start(device, self->arena));
	EXPECT_EQ(0, tracker_log.take(device, self->arena, bitmap));
	for (unsigned int page = 0; page < PAGES; page++) {
		EXPECT_FALSE(in_bitmap(bitmap, page)) TH_LOG("page %u", page);
	}
	EXPECT_EQ(0, tracker_log.stop(device));
}

/* ---- Pages of the namespace -------------------------------------------- */

FIXTURE(charge) {
	struct cgroup group;
	struct bench bench;
	struct nvme_queue *queue;
};

/* Who opens the device pays: it is created outside of the group, and opened inside. */
FIXTURE_SETUP(charge)
{
	int error = cgroup_create(&self->group, "mdevsim");

	must(error == 0, "creating a cgroup, seen %d", error);
	cgroup_enter(&self->group);
	bench_setup(&self->bench, DEVICE_TYPE);
	nvme_start(&self->bench.nvme, 1, 32);
	self->queue = &self->bench.nvme.io[0];
}

FIXTURE_TEARDOWN(charge)
{
	cgroup_limit(&self->group, UINT64_MAX);
	EXPECT_EQ(0, cgroup_oom_kills(&self->group));
	TEST_TEARDOWN(&self->bench);
	/* All of it has been given back. */
	EXPECT_TRUE(must_happen(cgroup_kernel(&self->group) < 4 * MIB, MUST_TIMEOUT_MS));
	EXPECT_EQ(0, cgroup_leave(&self->group));
}

TEST_F(charge, pages_written)
{
	uint64_t before = cgroup_kernel(&self->group);
	struct nvme_sqe sqe = { .opcode = NVME_DSM, .nsid = 1, .cdw11 = 4 };
	uint32_t *range = arena_page(&self->bench.arena);

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 8 * MIB, 1));
	/* The kernel's counts of some pages come later. */
	EXPECT_TRUE(must_happen(cgroup_kernel(&self->group) - before >= 8 * MIB, MUST_TIMEOUT_MS));
	EXPECT_GE(9 * MIB, cgroup_kernel(&self->group) - before);
	/* Writing them again costs nothing more, and giving them back pays back. */
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 8 * MIB, 1));
	EXPECT_GE(9 * MIB, cgroup_kernel(&self->group) - before);
	range[1] = 6 * MIB / NVME_BLOCK;
	sqe.prp1 = arena_iova(&self->bench.arena, range);
	ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
	EXPECT_TRUE(must_happen(cgroup_kernel(&self->group) - before < 3 * MIB, MUST_TIMEOUT_MS));
}

TEST_F(charge, pages_loaded)
{
	struct stream stream;
	uint64_t before;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 8 * MIB, 1));
	stream = migration_save(&self->bench.device);
	ASSERT_EQ(0, device_reset(&self->bench.device));
	before = cgroup_kernel(&self->group);
	ASSERT_EQ(0, migration_load(&self->bench.device, &stream, 0));
	/* The new pages have taken the place of the old ones. */
	EXPECT_TRUE(must_happen(cgroup_kernel(&self->group) < before + MIB, MUST_TIMEOUT_MS));
	EXPECT_TRUE(must_happen(cgroup_kernel(&self->group) >= 8 * MIB, MUST_TIMEOUT_MS));
	stream_free(&stream);
}

/* A session needs little, however large the namespace is. */
TEST_F(charge, session)
{
	uint8_t bytes[4096];
	uint64_t before;
	int data_fd;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 16 * MIB, 1));
	before = cgroup_kernel(&self->group);
	data_fd = migration_go(&self->bench.device, PRE_COPY);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(sizeof(bytes), migration_read(data_fd, bytes, sizeof(bytes)));
	}
	EXPECT_GT(before + MIB, cgroup_kernel(&self->group));
	close(data_fd);
}

/* A write for which there is no memory fails. Nothing is killed, what was written stays. */
TEST_F(charge, limit)
{
	uint64_t written = 0;
	int status = NVME_SUCCESS;

	/* The test must not need memory itself when there is none. */
	ASSERT_EQ(0, mlockall(MCL_CURRENT));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, CHUNK, 1));
	cgroup_limit(&self->group, cgroup_current(&self->group) + 2 * MIB);
	while (!status && written < 16 * MIB) {
		status = nvme_fill(self->queue, written, CHUNK, 1);
		written += status ? 0 : CHUNK;
	}
	EXPECT_EQ(NVME_CAPACITY_EXCEEDED, status);
	EXPECT_LT(0, written);
	EXPECT_GT(3 * MIB, written);
	EXPECT_EQ(-1, nvme_filled_differs(self->queue, 0, written, 1));
	cgroup_limit(&self->group, UINT64_MAX);
	EXPECT_EQ(NVME_SUCCESS, nvme_fill(self->queue, written, 4 * CHUNK, 1));
}

/* Likewise a stream that does not fit is refused, and the device keeps what it has. */
TEST_F(charge, limit_while_loading)
{
	struct stream stream;
	int data_fd, error;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 8 * MIB, 1));
	stream = migration_save(&self->bench.device);
	ASSERT_EQ(0, device_reset(&self->bench.device));
	cgroup_limit(&self->group, cgroup_current(&self->group) + 2 * MIB);
	data_fd = migration_go(&self->bench.device, RESUMING);
	error = migration_feed(data_fd, &stream, 0);
	EXPECT_EQ(-ENOMEM, error);
	EXPECT_EQ(-ENOMEM, migration_set(&self->bench.device, STOP, NULL));
	ASSERT_EQ(0, device_reset(&self->bench.device));
	close(data_fd);
	self->bench.arena.used = 0;
	nvme_start(&self->bench.nvme, 1, 32);
	EXPECT_EQ(-1, nvme_filled_differs(self->queue, 0, 8 * MIB, 1));
	stream_free(&stream);
}

TEST_MAIN
