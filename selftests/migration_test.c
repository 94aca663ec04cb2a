// SPDX-License-Identifier: GPL-2.0
/*
 * Migration: states and the arcs between them, the data fd, what a stream
 * carries, what of a device it brings back, and what it may not do.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <linux/pci_regs.h>
#include "migration.h"
#include "test.h"

#define BLOCKS_PER_PAGE	(ARENA_PAGE / NVME_BLOCK)
#define QUIET_MS	100
#define KIB		1024
#define MIB		(1024 * KIB)
/* What a stream carries besides namespace blocks, at most */
#define CONSTANT	(64 * KIB)
#define BUFFER_SIZE	(512 * KIB)

enum {
	ERROR		= VFIO_DEVICE_STATE_ERROR,
	STOP		= VFIO_DEVICE_STATE_STOP,
	RUNNING		= VFIO_DEVICE_STATE_RUNNING,
	STOP_COPY	= VFIO_DEVICE_STATE_STOP_COPY,
	RESUMING	= VFIO_DEVICE_STATE_RESUMING,
	RUNNING_P2P	= VFIO_DEVICE_STATE_RUNNING_P2P,
	PRE_COPY	= VFIO_DEVICE_STATE_PRE_COPY,
	PRE_COPY_P2P	= VFIO_DEVICE_STATE_PRE_COPY_P2P,
};

static bool is_saving(uint32_t state)
{
	return state == PRE_COPY || state == PRE_COPY_P2P || state == STOP_COPY;
}

static bool is_precopy(uint32_t state)
{
	return state == PRE_COPY || state == PRE_COPY_P2P;
}

/* ---- One device -------------------------------------------------------- */

FIXTURE(state) {
	struct test_bench bench;
	struct device *device;
	struct nvme *nvme;
	struct nvme_queue *queue;
	uint8_t *buffer;
};

FIXTURE_SETUP(state)
{
	test_bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->nvme = &self->bench.nvme;
	self->buffer = arena_alloc(&self->bench.arena, BUFFER_SIZE, ARENA_PAGE);
	nvme_start(self->nvme, 1, 32);
	self->queue = &self->nvme->io[0];
}

FIXTURE_TEARDOWN(state)
{
	TEST_BENCH_TEARDOWN(&self->bench);
}

/* Write @length bytes of the namespace from @offset on, block by block as @version. */
static void fill(struct nvme_queue *queue, uint8_t *buffer, uint64_t offset, uint64_t length,
		 uint32_t version)
{
	while (length) {
		uint64_t piece = length < BUFFER_SIZE ? length : BUFFER_SIZE;
		uint64_t slba = offset / NVME_BLOCK;
		uint32_t blocks = (uint32_t)(piece / NVME_BLOCK);
		int status;

		nvme_pattern(buffer, slba, blocks, version);
		status = nvme_io(queue, NVME_WRITE, slba, blocks, buffer);
		must(status == NVME_SUCCESS, "writing %u blocks at %llu, seen %#x", blocks,
		     (unsigned long long)slba, status);
		offset += piece;
		length -= piece;
	}
}

/* Read back what fill() wrote; the first offset that differs, or -1. */
static long long filled_differs(struct nvme_queue *queue, uint8_t *buffer, uint64_t offset,
				uint64_t length, uint32_t version)
{
	while (length) {
		uint64_t piece = length < BUFFER_SIZE ? length : BUFFER_SIZE;
		uint64_t slba = offset / NVME_BLOCK;
		uint32_t blocks = (uint32_t)(piece / NVME_BLOCK);
		long differs;
		int status;

		memset(buffer, 0xee, piece);
		status = nvme_io(queue, NVME_READ, slba, blocks, buffer);
		must(status == NVME_SUCCESS, "reading %u blocks at %llu, seen %#x", blocks,
		     (unsigned long long)slba, status);
		differs = nvme_pattern_differs(buffer, slba, blocks, version);
		if (differs >= 0)
			return (long long)offset + differs;
		offset += piece;
		length -= piece;
	}
	return -1;
}

TEST_F(state, flags)
{
	EXPECT_EQ(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P | VFIO_MIGRATION_PRE_COPY,
		  migration_flags(self->device));
	EXPECT_EQ(RUNNING, migration_get(self->device, NULL));
}

/* Go to @from, and into RESUMING with a stream that a later arc can commit. */
static int arrive(struct device *device, uint32_t from, const struct stream *stream)
{
	int data_fd = -1;

	if (from != RUNNING)
		data_fd = migration_go(device, from);
	if (from == RESUMING) {
		int error = migration_feed(data_fd, stream, 0);

		must(error == 0, "loading what was saved, seen %d", error);
	}
	return data_fd;
}

static int expected_arc(uint32_t from, uint32_t to)
{
	if (to == ERROR || to >= MIGRATION_STATES)
		return -EINVAL;
	if (from == STOP_COPY && is_precopy(to))
		return -EINVAL;
	return 0;
}

static bool expected_fd(uint32_t from, uint32_t to)
{
	if (from == to)
		return false;
	if (is_saving(from) && is_saving(to))
		return false;
	return is_saving(to) || to == RESUMING;
}

/* All ordered pairs, composed ones and those that do not exist included */
TEST_F(state, arcs)
{
	static const uint32_t targets[] = {
		ERROR, STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P,
		MIGRATION_STATES, 100, UINT32_MAX,
	};
	struct stream stream = migration_save(self->device);

	for (uint32_t from = STOP; from < MIGRATION_STATES; from++) {
		for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
			uint32_t to = targets[i];
			int old_fd, new_fd, get_fd, expected = expected_arc(from, to);
			char byte;

			ASSERT_EQ(0, device_reset(self->device));
			old_fd = arrive(self->device, from, &stream);
			EXPECT_EQ(expected, migration_set(self->device, to, &new_fd))
				TH_LOG("%s to %s", migration_state_name(from),
				       migration_state_name(to));
			EXPECT_EQ(expected ? from : to, migration_get(self->device, &get_fd))
				TH_LOG("%s to %s", migration_state_name(from),
				       migration_state_name(to));
			EXPECT_EQ(-1, get_fd);
			EXPECT_EQ(!expected && expected_fd(from, to), new_fd >= 0)
				TH_LOG("%s to %s, data fd %d", migration_state_name(from),
				       migration_state_name(to), new_fd);
			/* A session ends exactly when its states are left. */
			if (old_fd >= 0 && is_saving(from) && !expected && !is_saving(to)) {
				EXPECT_EQ(-ENODEV, migration_read(old_fd, &byte, 1))
					TH_LOG("%s to %s", migration_state_name(from),
					       migration_state_name(to));
			}
			if (old_fd >= 0 && is_saving(from) && (expected || is_saving(to))) {
				EXPECT_EQ(1, migration_read(old_fd, &byte, 1))
					TH_LOG("%s to %s", migration_state_name(from),
					       migration_state_name(to));
			}
			if (old_fd >= 0)
				close(old_fd);
			if (new_fd >= 0)
				close(new_fd);
		}
	}
	stream_free(&stream);
}

/* A long walk through all of them */
TEST_F(state, random_walk)
{
	struct stream stream = migration_save(self->device);
	uint32_t state = RUNNING, seed = 12345;
	int data_fd = -1;

	ASSERT_EQ(0, device_reset(self->device));
	for (int i = 0; i < 500; i++) {
		uint32_t to = (seed = seed * 1103515245 + 12345) >> 16 & 7;
		int expected = state == to ? 0 : expected_arc(state, to);
		int new_fd;

		if (to == ERROR)
			expected = -EINVAL;
		ASSERT_EQ(expected, migration_set(self->device, to, &new_fd))
			TH_LOG("step %d, %s to %s", i, migration_state_name(state),
			       migration_state_name(to));
		if (expected)
			continue;
		if (data_fd >= 0 && !(is_saving(state) && is_saving(to)) && state != to) {
			close(data_fd);
			data_fd = -1;
		}
		state = to;
		if (new_fd >= 0)
			data_fd = new_fd;
		if (new_fd >= 0 && to == RESUMING) {
			ASSERT_EQ(0, migration_feed(data_fd, &stream, 4096));
		}
	}
	ASSERT_EQ(state, migration_get(self->device, NULL));
	if (data_fd >= 0)
		close(data_fd);
	stream_free(&stream);
}

/* Without a stream there is nothing to commit, and only a reset leads out. */
TEST_F(state, resuming_without_stream)
{
	static const uint32_t targets[] = {
		STOP, RUNNING, STOP_COPY, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P,
	};
	char refusal[256];
	int data_fd;

	fill(self->queue, self->buffer, 0, 64 * KIB, 1);
	data_fd = migration_go(self->device, RESUMING);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		EXPECT_EQ(-ENODATA, migration_set(self->device, targets[i], NULL))
			TH_LOG("to %s", migration_state_name(targets[i]));
		EXPECT_EQ(RESUMING, migration_get(self->device, NULL));
	}
	migration_refusal(self->device, refusal, sizeof(refusal));
	EXPECT_LT(10, strlen(refusal));
	ASSERT_EQ(0, device_reset(self->device));
	EXPECT_EQ(RUNNING, migration_get(self->device, NULL));
	EXPECT_EQ(-ENODEV, migration_write(data_fd, "x", 1));
	nvme_start(self->nvme, 1, 32);
	EXPECT_EQ(-1, filled_differs(&self->nvme->io[0], self->buffer, 0, 64 * KIB, 1));
	close(data_fd);
}

/* ---- Pre-copy ---------------------------------------------------------- */

TEST_F(state, precopy_info)
{
	struct vfio_precopy_info info;
	struct stream stream = { 0 };
	uint64_t initial;
	uint8_t bytes[10000];
	int data_fd;

	fill(self->queue, self->buffer, 0, 2 * MIB, 1);
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_LE(2 * MIB, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	for (;;) {
		ssize_t done;

		initial = info.initial_bytes;
		done = migration_read(data_fd, bytes, sizeof(bytes));
		ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
		EXPECT_GE(initial, info.initial_bytes);
		EXPECT_EQ(0, info.dirty_bytes);
		if (done < 0) {
			EXPECT_EQ(-ENOMSG, done);
			break;
		}
		ASSERT_LT(0, done) TH_LOG("pre-copy has no end of its own");
		stream_append(&stream, bytes, (size_t)done);
	}
	EXPECT_EQ(0, info.initial_bytes);
	EXPECT_LE(2 * MIB, stream.length);
	/* What is written now is dirty, not initial, and goes away when read. */
	fill(self->queue, self->buffer, MIB, 64 * KIB, 2);
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0, info.initial_bytes);
	EXPECT_LE(64 * KIB, info.dirty_bytes);
	EXPECT_GE(96 * KIB, info.dirty_bytes);
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	close(data_fd);
	stream_free(&stream);
}

/* Also with an empty namespace there is something initial: the destination decides on it. */
TEST_F(state, precopy_info_of_empty_namespace)
{
	struct vfio_precopy_info info;
	int data_fd = migration_go(self->device, PRE_COPY);

	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_LT(0, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	close(data_fd);
}

TEST_F(state, precopy_info_refusals)
{
	struct vfio_precopy_info info = { .argsz = sizeof(info) - 1 };
	int data_fd = migration_go(self->device, PRE_COPY);

	EXPECT_EQ(-1, ioctl(data_fd, VFIO_MIG_GET_PRECOPY_INFO, &info));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(data_fd, VFIO_MIG_GET_PRECOPY_INFO, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, ioctl(data_fd, VFIO_DEVICE_RESET, NULL));
	EXPECT_EQ(ENOTTY, errno);
	migration_go(self->device, PRE_COPY_P2P);
	EXPECT_EQ(0, migration_precopy_info(data_fd, &info));
	migration_go(self->device, STOP_COPY);
	EXPECT_EQ(-EINVAL, migration_precopy_info(data_fd, &info));
	migration_go(self->device, STOP);
	EXPECT_EQ(-ENODEV, migration_precopy_info(data_fd, &info));
	close(data_fd);
	data_fd = migration_go(self->device, RESUMING);
	EXPECT_EQ(-EINVAL, migration_precopy_info(data_fd, &info));
	close(data_fd);
}

TEST_F(state, precopy_poll)
{
	struct stream stream = { 0 };
	int data_fd;

	fill(self->queue, self->buffer, 0, 64 * KIB, 1);
	data_fd = migration_go(self->device, PRE_COPY);
	EXPECT_TRUE(migration_readable(data_fd, 0));
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	EXPECT_FALSE(migration_readable(data_fd, QUIET_MS));
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	fill(self->queue, self->buffer, 0, ARENA_PAGE, 2);
	EXPECT_TRUE(migration_readable(data_fd, MUST_TIMEOUT_MS));
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	EXPECT_FALSE(migration_readable(data_fd, 0));
	/* The end is always readable. */
	migration_go(self->device, STOP_COPY);
	EXPECT_TRUE(migration_readable(data_fd, 0));
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_TRUE(migration_readable(data_fd, 0));
	migration_go(self->device, STOP);
	EXPECT_TRUE(migration_readable(data_fd, 0));
	close(data_fd);
	stream_free(&stream);
}

struct poller {
	int data_fd;
	bool readable;
};

static void *poll_thread(void *arg)
{
	struct poller *poller = arg;

	poller->readable = migration_readable(poller->data_fd, MUST_TIMEOUT_MS);
	return NULL;
}

/* Whoever waits is woken, by new data and by the end of the session. */
TEST_F(state, poll_wakes)
{
	struct stream stream = { 0 };
	struct poller poller;
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		uint64_t start;

		poller.data_fd = migration_go(self->device, PRE_COPY);
		ASSERT_EQ(-ENOMSG, migration_drain(poller.data_fd, &stream));
		ASSERT_EQ(0, pthread_create(&thread, NULL, poll_thread, &poller));
		poll(NULL, 0, 20);
		start = must_now_ms();
		if (i == 0)
			fill(self->queue, self->buffer, 0, ARENA_PAGE, 1);
		else
			migration_go(self->device, i == 1 ? STOP_COPY : RUNNING);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		EXPECT_TRUE(poller.readable) TH_LOG("case %d", i);
		EXPECT_GT(MUST_TIMEOUT_MS / 2, must_now_ms() - start) TH_LOG("case %d", i);
		close(poller.data_fd);
		ASSERT_EQ(0, device_reset(self->device));
		nvme_start(self->nvme, 1, 32);
	}
	stream_free(&stream);
}

/* A 64 MiB namespace with 1 MiB written is a stream of little more than that. */
TEST_F(state, thin_stream)
{
	struct stream stream;

	fill(self->queue, self->buffer, 0, MIB / 2, 1);
	for (uint64_t i = 0; i < 8; i++)
		fill(self->queue, self->buffer, (8 + i * 7) * MIB, 64 * KIB, 1);
	stream = migration_save(self->device);
	EXPECT_LE(MIB, stream.length);
	EXPECT_GE(MIB + MIB / 10, stream.length);
	EXPECT_STREQ("sound", stream_check(&stream));
	stream_free(&stream);
}

TEST_F(state, stop_copy_carries_what_is_dirty)
{
	struct stream stream = { 0 };
	size_t before;
	int data_fd;

	fill(self->queue, self->buffer, 0, 8 * MIB, 1);
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	fill(self->queue, self->buffer, 3 * MIB, 256 * KIB, 2);
	migration_go(self->device, STOP_COPY);
	before = stream.length;
	ASSERT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_LE(256 * KIB, stream.length - before);
	EXPECT_GE(256 * KIB + CONSTANT, stream.length - before);
	EXPECT_STREQ("sound", stream_check(&stream));
	close(data_fd);
	stream_free(&stream);
}

TEST_F(state, stop_copy_after_nothing)
{
	struct stream stream = { 0 };
	size_t before;
	int data_fd;

	fill(self->queue, self->buffer, 0, 4 * MIB, 1);
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	migration_go(self->device, PRE_COPY_P2P);
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	migration_go(self->device, STOP_COPY);
	before = stream.length;
	ASSERT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_GE(CONSTANT, stream.length - before);
	/* The end is the end. */
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, migration_drain(data_fd, &stream));
	}
	close(data_fd);
	stream_free(&stream);
}

/* A session that goes back and forth between its states goes on where it was. */
TEST_F(state, precopy_back_and_forth)
{
	struct stream stream = { 0 };
	uint8_t *image;
	size_t size;
	int data_fd;

	fill(self->queue, self->buffer, 0, MIB, 1);
	data_fd = migration_go(self->device, PRE_COPY);
	for (uint32_t i = 0; i < 5; i++) {
		uint8_t bytes[12345];
		ssize_t done = migration_read(data_fd, bytes, sizeof(bytes));

		ASSERT_LT(0, done);
		stream_append(&stream, bytes, (size_t)done);
		migration_go(self->device, PRE_COPY_P2P);
		done = migration_read(data_fd, bytes, 77);
		ASSERT_EQ(77, done);
		stream_append(&stream, bytes, (size_t)done);
		migration_go(self->device, PRE_COPY);
		fill(self->queue, self->buffer, i * 128 * KIB, 4 * KIB, 10 + i);
	}
	migration_go(self->device, STOP_COPY);
	ASSERT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_STREQ("sound", stream_check(&stream));
	image = stream_image(&stream, &size);
	ASSERT_EQ(DEVICE_SIZE, size);
	for (uint32_t i = 0; i < 5; i++) {
		EXPECT_EQ(-1, nvme_pattern_differs(image + i * 128 * KIB, i * 256, 8, 10 + i))
			TH_LOG("version %u", 10 + i);
	}
	EXPECT_EQ(-1, nvme_pattern_differs(image + 5 * 128 * KIB, 5 * 256, 768, 1));
	free(image);
	close(data_fd);
	stream_free(&stream);
}

/* Blocks that are given back during pre-copy are zero at the destination. */
TEST_F(state, deallocated_during_precopy)
{
	uint32_t *range = arena_page(&self->bench.arena);
	struct nvme_sqe sqe = { .opcode = NVME_DSM, .nsid = 1, .cdw11 = 4 };
	struct stream stream = { 0 };
	uint8_t *image;
	size_t size;
	int data_fd;

	fill(self->queue, self->buffer, 0, MIB, 1);
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	range[1] = 512;
	range[2] = 1024;
	nvme_prp(self->nvme, &sqe, range, 16);
	ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
	migration_go(self->device, STOP_COPY);
	ASSERT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_STREQ("sound", stream_check(&stream));
	EXPECT_LE(0, stream_find(&stream, MDEVSIM_RECORD_NS_ZERO, 0));
	image = stream_image(&stream, &size);
	EXPECT_EQ(-1, nvme_pattern_differs(image, 0, 1024, 1));
	for (size_t i = 512 * KIB; i < 768 * KIB; i++) {
		ASSERT_EQ(0, image[i]) TH_LOG("byte %zu", i);
	}
	EXPECT_EQ(-1, nvme_pattern_differs(image + 768 * KIB, 1536, 512, 1));
	free(image);
	close(data_fd);
	stream_free(&stream);
}

/* ---- REINIT ------------------------------------------------------------ */

TEST_F(state, resize_needs_opt_in)
{
	struct vfio_precopy_info info = { .flags = 0xdeadbeef };
	int data_fd = migration_go(self->device, PRE_COPY);

	EXPECT_EQ(-EBUSY, mdev_write(&self->device->mdev, "namespace_size", "33554432"));
	EXPECT_EQ(DEVICE_SIZE, mdev_read_u64(&self->device->mdev, "namespace_size"));
	/* Without it flags stay as the user left them. */
	EXPECT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0xdeadbeef, info.flags);
	close(data_fd);
	migration_go(self->device, RUNNING);
	EXPECT_EQ(0, mdev_write(&self->device->mdev, "namespace_size", "33554432"));
}

TEST_F(state, reinit)
{
	struct vfio_precopy_info info = { .flags = 0xdeadbeef };
	struct stream stream = { 0 };
	uint8_t *image;
	size_t size;
	int data_fd;

	ASSERT_EQ(0, migration_opt_in(self->device));
	fill(self->queue, self->buffer, 0, MIB, 1);
	fill(self->queue, self->buffer, 40 * MIB, MIB, 1);
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0, info.flags);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	fill(self->queue, self->buffer, 0, 64 * KIB, 2);
	ASSERT_EQ(0, mdev_write(&self->device->mdev, "namespace_size", "33554432"));
	EXPECT_TRUE(migration_readable(data_fd, 0));
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(VFIO_PRECOPY_INFO_REINIT, info.flags);
	EXPECT_LT(0, info.initial_bytes);
	EXPECT_EQ(0, info.dirty_bytes);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0, info.flags) TH_LOG("told once");
	EXPECT_EQ(0, info.initial_bytes);
	migration_go(self->device, STOP_COPY);
	ASSERT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_STREQ("sound", stream_check(&stream));
	EXPECT_LT(0, stream_find(&stream, MDEVSIM_RECORD_IDENTITY, 1));
	image = stream_image(&stream, &size);
	ASSERT_EQ(32 * MIB, size);
	EXPECT_EQ(-1, nvme_pattern_differs(image, 0, 128, 2));
	EXPECT_EQ(-1, nvme_pattern_differs(image + 64 * KIB, 128, 2048 - 128, 1));
	free(image);
	close(data_fd);
	stream_free(&stream);
}

/* The wish to hear of it ends when the device is closed. */
TEST_F(state, opt_in_ends_with_close)
{
	struct mdev mdev = self->device->mdev;
	struct vfio_precopy_info info = { .flags = 0xdeadbeef };
	int data_fd;

	ASSERT_EQ(0, migration_opt_in(self->device));
	EXPECT_EQ(0, migration_opt_in(self->device)) TH_LOG("twice is not too often");
	ASSERT_EQ(0, device_reset(self->device));
	data_fd = migration_go(self->device, PRE_COPY);
	EXPECT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0, info.flags) TH_LOG("a reset does not end it");
	close(data_fd);
	device_close(self->device);
	ASSERT_EQ(0, device_open(self->device, &mdev));
	device_map_arena(self->device, &self->bench.arena);
	data_fd = migration_go(self->device, PRE_COPY);
	info.flags = 0xdeadbeef;
	EXPECT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0xdeadbeef, info.flags);
	EXPECT_EQ(-EBUSY, mdev_write(&self->device->mdev, "namespace_size", "33554432"));
	close(data_fd);
}

TEST_F(state, no_resize_while_stopped)
{
	static const uint32_t states[] = { STOP, STOP_COPY, RESUMING };

	ASSERT_EQ(0, migration_opt_in(self->device));
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		int data_fd = migration_go(self->device, states[i]);

		EXPECT_EQ(-EBUSY, mdev_write(&self->device->mdev, "namespace_size", "33554432"))
			TH_LOG("%s", migration_state_name(states[i]));
		if (data_fd >= 0)
			close(data_fd);
		ASSERT_EQ(0, device_reset(self->device));
	}
}

/* ---- MIG_DATA_SIZE ----------------------------------------------------- */

/* It is a promise: what comes is never more. Nor is it ever nothing. */
TEST_F(state, data_size_in_every_state)
{
	fill(self->queue, self->buffer, 0, MIB, 1);
	for (uint32_t state = STOP; state < MIGRATION_STATES; state++) {
		int data_fd = migration_go(self->device, state);

		EXPECT_LT(0, migration_data_size(self->device))
			TH_LOG("%s", migration_state_name(state));
		if (state != RESUMING) {
			struct stream stream = { 0 };

			EXPECT_LE(MIB, migration_data_size(self->device))
				TH_LOG("%s", migration_state_name(state));
			stream_free(&stream);
		}
		if (data_fd >= 0)
			close(data_fd);
		ASSERT_EQ(0, device_reset(self->device));
	}
}

TEST_F(state, data_size_holds)
{
	struct stream stream = { 0 };
	uint64_t promised[256];
	size_t at[256], points = 0;
	uint8_t *bytes = malloc(BUFFER_SIZE);
	int data_fd;

	/* Every other page: each is an extent of its own, the worst case. */
	for (uint64_t i = 0; i < 128; i++)
		fill(self->queue, self->buffer, i * 2 * ARENA_PAGE, ARENA_PAGE, 1);
	promised[points] = migration_data_size(self->device);
	at[points++] = 0;
	data_fd = migration_go(self->device, PRE_COPY);
	while (points < ARRAY_SIZE(at)) {
		ssize_t done = migration_read(data_fd, bytes, 1000 + points * 137);

		if (done <= 0)
			break;
		stream_append(&stream, bytes, (size_t)done);
		promised[points] = migration_data_size(self->device);
		at[points++] = stream.length;
		if (points == 60)
			migration_go(self->device, STOP_COPY);
	}
	ASSERT_EQ(STOP_COPY, migration_get(self->device, NULL));
	ASSERT_EQ(0, migration_drain(data_fd, &stream));
	for (size_t i = 0; i < points; i++) {
		EXPECT_LE(stream.length - at[i], promised[i])
			TH_LOG("at byte %zu of %zu", at[i], stream.length);
		/* An honest promise is not much more than is kept. */
		EXPECT_GE(stream.length + 2 * CONSTANT, promised[i]);
	}
	EXPECT_LT(0, migration_data_size(self->device)) TH_LOG("at the end");
	free(bytes);
	close(data_fd);
	stream_free(&stream);
}

/* ---- The data fd ------------------------------------------------------- */

TEST_F(state, read_segments)
{
	static const size_t segments[] = { 1, 3, 7, 64, 4095, 65537, 8 * MIB };
	struct stream whole;

	fill(self->queue, self->buffer, 5 * MIB, 16 * KIB, 1);
	whole = migration_save(self->device);
	EXPECT_STREQ("sound", stream_check(&whole));
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		uint8_t *bytes = malloc(segments[i]);
		struct stream stream = { 0 };
		int data_fd;
		ssize_t done;

		migration_go(self->device, STOP);
		data_fd = migration_go(self->device, STOP_COPY);
		while ((done = migration_read(data_fd, bytes, segments[i])) > 0)
			stream_append(&stream, bytes, (size_t)done);
		EXPECT_EQ(0, done);
		EXPECT_EQ(whole.length, stream.length) TH_LOG("%zu bytes at a time", segments[i]);
		EXPECT_STREQ("sound", stream_check(&stream));
		EXPECT_STREQ("same", stream_same_state(&whole, &stream))
			TH_LOG("%zu bytes at a time", segments[i]);
		free(bytes);
		close(data_fd);
		stream_free(&stream);
	}
	stream_free(&whole);
}

/* Each session has a name of its own. */
TEST_F(state, session_identifier)
{
	struct stream first = migration_save(self->device), second;

	migration_go(self->device, STOP);
	second = migration_save(self->device);
	EXPECT_NE(0, memcmp(stream_header(&first)->session, stream_header(&second)->session, 16));
	stream_free(&first);
	stream_free(&second);
}

TEST_F(state, wrong_direction)
{
	int data_fd = migration_go(self->device, PRE_COPY);
	char byte = 0;

	EXPECT_EQ(-EBADF, migration_write(data_fd, &byte, 1));
	EXPECT_EQ(-1, lseek(data_fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, pread(data_fd, &byte, 1, 0));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(0, migration_read(data_fd, &byte, 0));
	close(data_fd);
	ASSERT_EQ(0, device_reset(self->device));
	data_fd = migration_go(self->device, RESUMING);
	EXPECT_EQ(-EBADF, migration_read(data_fd, &byte, 1));
	EXPECT_EQ(0, migration_write(data_fd, &byte, 0));
	close(data_fd);
}

/* A buffer that is not there is the user's fault, and costs no byte of the stream. */
TEST_F(state, bad_buffers)
{
	uint8_t *map = mmap(NULL, 2 * ARENA_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stream stream = { 0 };
	int data_fd;
	ssize_t done;

	ASSERT_EQ(0, munmap(map + ARENA_PAGE, ARENA_PAGE));
	fill(self->queue, self->buffer, 0, 64 * KIB, 1);
	data_fd = migration_go(self->device, STOP_COPY);
	EXPECT_EQ(-EFAULT, migration_read(data_fd, (void *)8, 100));
	while ((done = migration_read(data_fd, map + ARENA_PAGE - 100, 200)) > 0) {
		ASSERT_GE(100, done);
		stream_append(&stream, map + ARENA_PAGE - 100, (size_t)done);
	}
	EXPECT_EQ(0, done);
	EXPECT_STREQ("sound", stream_check(&stream));
	close(data_fd);
	ASSERT_EQ(0, device_reset(self->device));
	data_fd = migration_go(self->device, RESUMING);
	EXPECT_EQ(-EFAULT, migration_write(data_fd, (void *)8, 100));
	for (size_t at = 0; at < stream.length; at += (size_t)done) {
		size_t left = stream.length - at;
		size_t length = left < 100 ? left : 100;

		memcpy(map + ARENA_PAGE - length, stream.bytes + at, length);
		done = migration_write(data_fd, map + ARENA_PAGE - length, length + 100);
		ASSERT_LT(0, done);
		ASSERT_GE(length, done);
	}
	EXPECT_EQ(0, migration_set(self->device, STOP, NULL));
	close(data_fd);
	munmap(map, ARENA_PAGE);
	stream_free(&stream);
}

static void expect_over(struct __test_metadata *_metadata, int data_fd, bool loading)
{
	struct vfio_precopy_info info;
	struct pollfd poll_fd = { .fd = data_fd, .events = POLLIN | POLLOUT };
	char byte = 0;

	if (loading) {
		EXPECT_EQ(-ENODEV, migration_write(data_fd, &byte, 1));
	}
	else
		EXPECT_EQ(-ENODEV, migration_read(data_fd, &byte, 1));
	EXPECT_EQ(-ENODEV, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));
	EXPECT_EQ(POLLHUP, poll_fd.revents & POLLHUP);
}

/* The data fd outlives its session, the open device, and the device. */
TEST(fd_outlives_everything)
{
	static const uint32_t states[] = { PRE_COPY, PRE_COPY_P2P, STOP_COPY, RESUMING };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		bool loading = states[i] == RESUMING;
		struct test_bench bench;
		struct mdev mdev;
		int data_fd, other_fd;

		test_bench_setup(&bench, DEVICE_TYPE);
		mdev = bench.device.mdev;
		data_fd = migration_go(&bench.device, states[i]);
		ASSERT_EQ(0, device_reset(&bench.device));
		expect_over(_metadata, data_fd, loading);
		other_fd = migration_go(&bench.device, states[i]);
		expect_over(_metadata, data_fd, loading);
		device_close(&bench.device);
		expect_over(_metadata, other_fd, loading);
		ASSERT_EQ(0, mdev_remove(&mdev));
		expect_over(_metadata, data_fd, loading);
		expect_over(_metadata, other_fd, loading);
		close(data_fd);
		close(other_fd);
		arena_free(&bench.arena);
	}
}

TEST_F(state, close_in_every_state)
{
	struct mdev mdev = self->device->mdev;

	for (uint32_t state = STOP; state < MIGRATION_STATES; state++) {
		int data_fd = migration_go(self->device, state);

		device_close(self->device);
		if (data_fd >= 0) {
			expect_over(_metadata, data_fd, state == RESUMING);
			close(data_fd);
		}
		ASSERT_EQ(0, device_open(self->device, &mdev));
		EXPECT_EQ(RUNNING, migration_get(self->device, NULL))
			TH_LOG("closed in %s", migration_state_name(state));
		device_map_arena(self->device, &self->bench.arena);
		EXPECT_STREQ("works", nvme_works(self->device, &self->bench.arena))
			TH_LOG("closed in %s", migration_state_name(state));
	}
}

static void limit_files(int files, struct rlimit *old)
{
	struct rlimit limit;
	int error;

	error = getrlimit(RLIMIT_NOFILE, old);
	must(error == 0, "seen errno %d", errno);
	limit = *old;
	limit.rlim_cur = (rlim_t)files;
	error = setrlimit(RLIMIT_NOFILE, &limit);
	must(error == 0, "seen errno %d", errno);
}

/* When the fd cannot be handed out the state has changed all the same, and can be left again. */
TEST_F(state, no_room_for_fd)
{
	static const uint32_t states[] = { PRE_COPY, PRE_COPY_P2P, STOP_COPY, RESUMING };

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		struct rlimit limit;
		int data_fd, error;

		limit_files(0, &limit);
		error = migration_set(self->device, states[i], &data_fd);
		ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
		EXPECT_EQ(-EMFILE, error) TH_LOG("%s", migration_state_name(states[i]));
		EXPECT_EQ(states[i], migration_get(self->device, NULL));
		if (states[i] == RESUMING) {
			ASSERT_EQ(0, device_reset(self->device));
		}
		else
			EXPECT_EQ(0, migration_set(self->device, RUNNING, NULL))
				TH_LOG("%s", migration_state_name(states[i]));
		data_fd = migration_go(self->device, states[i]);
		EXPECT_LE(0, data_fd);
		close(data_fd);
		ASSERT_EQ(0, device_reset(self->device));
	}
}

/* Likewise when the answer cannot be written to the user's memory. */
TEST_F(state, no_memory_for_answer)
{
	struct vfio_device_feature *feature = mmap(NULL, ARENA_PAGE, PROT_READ | PROT_WRITE,
						   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_device_feature_mig_state *state = (void *)feature->data;

	feature->argsz = sizeof(*feature) + sizeof(*state);
	feature->flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
	state->device_state = PRE_COPY;
	ASSERT_EQ(0, mprotect(feature, ARENA_PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, device_ioctl(self->device, VFIO_DEVICE_FEATURE, feature));
	EXPECT_EQ(PRE_COPY, migration_get(self->device, NULL));
	EXPECT_EQ(0, migration_set(self->device, RUNNING, NULL));
	munmap(feature, ARENA_PAGE);
}

struct reader {
	int data_fd;
	size_t segment;
	size_t bytes;
	ssize_t last;
};

static void *read_thread(void *arg)
{
	struct reader *reader = arg;
	uint8_t *bytes = malloc(reader->segment);

	while ((reader->last = migration_read(reader->data_fd, bytes, reader->segment)) > 0)
		reader->bytes += (size_t)reader->last;
	free(bytes);
	return NULL;
}

TEST_F(state, two_readers)
{
	struct stream whole;
	struct reader readers[2] = { { .segment = 1000 }, { .segment = 7777 } };
	pthread_t threads[2];
	int data_fd;

	fill(self->queue, self->buffer, 0, 2 * MIB, 1);
	whole = migration_save(self->device);
	migration_go(self->device, STOP);
	data_fd = migration_go(self->device, STOP_COPY);
	for (int i = 0; i < 2; i++) {
		readers[i].data_fd = data_fd;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_thread, &readers[i]));
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, readers[i].last);
	}
	EXPECT_EQ(whole.length, readers[0].bytes + readers[1].bytes);
	close(data_fd);
	stream_free(&whole);
}

/* A reader is thrown out when the state is left under it. */
TEST_F(state, reader_against_arcs)
{
	for (int round = 0; round < 20; round++) {
		struct reader reader = { .segment = 65536 };
		pthread_t thread;

		if (round % 5 == 0) {
			ASSERT_EQ(0, device_reset(self->device));
			nvme_start(self->nvme, 1, 32);
			fill(self->queue, self->buffer, 0, 2 * MIB, 1);
		}
		reader.data_fd = migration_go(self->device, round & 1 ? STOP_COPY : PRE_COPY);
		ASSERT_EQ(0, pthread_create(&thread, NULL, read_thread, &reader));
		must_happen(false, round % 4);
		if (round & 2)
			migration_go(self->device, RUNNING);
		else
			ASSERT_EQ(0, device_reset(self->device));
		pthread_join(thread, NULL);
		EXPECT_TRUE(reader.last == -ENODEV || reader.last == -ENOMSG || reader.last == 0)
			TH_LOG("round %d, seen %zd", round, reader.last);
		close(reader.data_fd);
		ASSERT_EQ(0, device_reset(self->device));
	}
}

struct writer {
	int data_fd;
	const struct stream *stream;
	ssize_t last;
};

static void *write_thread(void *arg)
{
	struct writer *writer = arg;

	writer->last = migration_feed(writer->data_fd, writer->stream, 333);
	return NULL;
}

/* Two writers make a mess of a stream, which is refused; nothing else happens. */
TEST_F(state, two_writers)
{
	struct stream stream = migration_save(self->device);
	struct writer writers[2];
	pthread_t threads[2];
	int data_fd;

	ASSERT_EQ(0, device_reset(self->device));
	data_fd = migration_go(self->device, RESUMING);
	for (int i = 0; i < 2; i++) {
		writers[i] = (struct writer) { .data_fd = data_fd, .stream = &stream };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, write_thread, &writers[i]));
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	/* One after the other by chance: the second finds itself behind END. */
	EXPECT_GT(0, writers[0].last < writers[1].last ? writers[0].last : writers[1].last);
	EXPECT_GT(0, migration_set(self->device, STOP, NULL));
	close(data_fd);
	stream_free(&stream);
}

/* ---- STOP and P2P ------------------------------------------------------ */

static bool quiet(struct nvme_queue *queue, const struct arena *arena, const uint8_t *copy,
		  int eventfd)
{
	return !must_happen(nvme_peek(queue) || memcmp(arena->memory, copy, arena->used),
			    QUIET_MS) && !device_signalled(eventfd, 0);
}

static uint8_t *copy_of(const struct arena *arena)
{
	uint8_t *copy = malloc(arena->used);

	must(copy, "seen no memory");
	return memcpy(copy, arena->memory, arena->used);
}

/* In STOP, and all states that are stopped, doorbells and other registers have no effect. */
TEST_F(state, stop_is_quiet)
{
	static const uint32_t states[] = { STOP, STOP_COPY, RESUMING };
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8);

	fill(self->queue, self->buffer, 0, 8 * KIB, 1);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		uint8_t *copy;
		int data_fd, eventfds[2];

		ASSERT_EQ(0, device_reset(self->device));
		device_msix(self->device, eventfds, 2);
		nvme_enable(self->nvme);
		self->queue = nvme_queue_create(self->nvme, 1, 8, 1);
		device_signalled(eventfds[1], 0);
		data_fd = migration_go(self->device, states[i]);
		sqe.prp1 = arena_iova(&self->bench.arena, self->buffer);
		nvme_push(self->queue, &sqe);
		copy = copy_of(&self->bench.arena);
		nvme_ring(self->queue);
		nvme_write32(self->nvme, NVME_CC, 0);
		nvme_write32(self->nvme, NVME_AQA, 0x10001);
		EXPECT_TRUE(quiet(self->queue, &self->bench.arena, copy, eventfds[1]))
			TH_LOG("%s", migration_state_name(states[i]));
		EXPECT_EQ(NVME_CC_ENABLED, nvme_read32(self->nvme, NVME_CC))
			TH_LOG("%s", migration_state_name(states[i]));
		EXPECT_NE(0x10001, nvme_read32(self->nvme, NVME_AQA))
			TH_LOG("%s", migration_state_name(states[i]));
		if (states[i] != RESUMING) {
			migration_go(self->device, RUNNING);
			EXPECT_TRUE(quiet(self->queue, &self->bench.arena, copy, eventfds[1]))
				TH_LOG("what was rung in %s is forgotten",
				       migration_state_name(states[i]));
			nvme_ring(self->queue);
			EXPECT_TRUE(must_happen(nvme_peek(self->queue), MUST_TIMEOUT_MS));
		}
		free(copy);
		close(eventfds[0]);
		close(eventfds[1]);
		if (data_fd >= 0)
			close(data_fd);
	}
}

/* Commands under way are complete when the arc is; what is in the stream is what is in memory. */
TEST_F(state, stop_under_load)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 1024);

	fill(self->queue, self->buffer, 0, BUFFER_SIZE, 1);
	nvme_prp(self->nvme, &sqe, self->buffer, BUFFER_SIZE);
	for (int round = 0; round < 10; round++) {
		const struct mdevsim_state_nvme_queues *queues;
		const struct mdevsim_state_nvme_sq *sq;
		const struct mdevsim_state_nvme_cq *cq;
		unsigned int completed = 0;
		struct stream stream;
		struct nvme_cqe cqe;
		uint8_t *copy;

		for (int i = 0; i < 31; i++)
			nvme_push(self->queue, &sqe);
		nvme_ring(self->queue);
		must_happen(false, round);
		migration_go(self->device, STOP);
		copy = copy_of(&self->bench.arena);
		stream = migration_save(self->device);
		EXPECT_FALSE(must_happen(memcmp(copy, self->bench.arena.memory,
						self->bench.arena.used), 20));
		queues = stream_body_of(&stream, MDEVSIM_RECORD_NVME_QUEUES);
		sq = (const void *)queues->queues;
		cq = (const void *)(sq + 1);
		migration_go(self->device, STOP);
		while (nvme_take(self->queue, &cqe))
			completed++;
		EXPECT_EQ(self->queue->cq_head, cq->tail) TH_LOG("round %d", round);
		EXPECT_EQ(self->queue->sq_tail, sq->tail) TH_LOG("round %d", round);
		EXPECT_EQ((self->queue->sq_tail - (31 - completed) + 32) % 32, sq->head)
			TH_LOG("round %d, %u completed", round, completed);
		migration_go(self->device, RUNNING);
		nvme_release(self->queue);
		for (; completed < 31; completed++) {
			ASSERT_EQ(0, nvme_reap(self->queue, &cqe));
		}
		free(copy);
		stream_free(&stream);
	}
}

TEST_F(state, p2p_remembers_doorbells)
{
	static const uint32_t states[] = { RUNNING_P2P, PRE_COPY_P2P };
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8);

	fill(self->queue, self->buffer, 0, 8 * KIB, 1);
	sqe.prp1 = arena_iova(&self->bench.arena, self->buffer);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		int data_fd = migration_go(self->device, states[i]);
		struct nvme_cqe cqe;

		nvme_push(self->queue, &sqe);
		nvme_ring(self->queue);
		EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS))
			TH_LOG("%s", migration_state_name(states[i]));
		migration_go(self->device, RUNNING);
		EXPECT_EQ(0, nvme_reap(self->queue, &cqe))
			TH_LOG("%s", migration_state_name(states[i]));
		EXPECT_EQ(NVME_SUCCESS, nvme_status(&cqe));
		if (data_fd >= 0)
			close(data_fd);
	}
}

/* Other registers work in P2P states: a controller can be disabled and enabled there. */
TEST_F(state, p2p_registers_work)
{
	migration_go(self->device, RUNNING_P2P);
	nvme_disable(self->nvme);
	nvme_enable(self->nvme);
	migration_go(self->device, RUNNING);
	EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, NVME_FEATURE_QUEUES, 0, NULL));
}

/* ---- Two devices ------------------------------------------------------- */

FIXTURE(pair) {
	struct test_bench source;
	struct test_bench target;
	struct nvme *nvme;
	struct nvme_queue *queue;
	uint8_t *buffer;
};

FIXTURE_SETUP(pair)
{
	test_bench_setup(&self->source, DEVICE_TYPE);
	test_bench_setup(&self->target, DEVICE_TYPE);
	self->nvme = &self->source.nvme;
	self->buffer = arena_alloc(&self->source.arena, BUFFER_SIZE, ARENA_PAGE);
	nvme_start(self->nvme, 1, 32);
	self->queue = &self->nvme->io[0];
}

FIXTURE_TEARDOWN(pair)
{
	TEST_BENCH_TEARDOWN(&self->target);
	TEST_BENCH_TEARDOWN(&self->source);
}

/* A device that has been through a lot */
static void enrich(struct test_bench *bench, int *eventfds)
{
	struct nvme_sqe event = { .opcode = NVME_ASYNC_EVENT }, bad = { .opcode = 0x99 };
	struct nvme *nvme = &bench->nvme;
	uint8_t at = device_capability(&bench->device, PCI_CAP_ID_MSIX);
	uint32_t table = device_config32(&bench->device, at + PCI_MSIX_TABLE) &
		PCI_MSIX_TABLE_OFFSET;

	must(device_reset(&bench->device) == 0, "seen a reset fail");
	device_msix(&bench->device, eventfds, 4);
	for (uint32_t i = 0; i < 64 * 4; i++)
		nvme_write32(nvme, table + i * 4, i * 0x01010101);
	nvme_enable(nvme);
	nvme_queue_create(nvme, 1, 32, 1);
	nvme_queue_create(nvme, 2, 17, 2);
	nvme_queue_create(nvme, 9, 4, -1);
	must(!nvme_set_feature(nvme, NVME_FEATURE_TEMPERATURE, 0x150, NULL), "seen a failure");
	must(!nvme_set_feature(nvme, NVME_FEATURE_ARBITRATION, 0x02, NULL), "seen a failure");
	must(!nvme_set_feature(nvme, NVME_FEATURE_EVENTS, 0x102, NULL), "seen a failure");
	must(!nvme_set_feature(nvme, NVME_FEATURE_VECTOR, 0x10002, NULL), "seen a failure");
	for (int i = 0; i < 5; i++)
		must(nvme_run(&nvme->admin, &bad, NULL) == NVME_INVALID_OPCODE, "seen otherwise");
	for (int i = 0; i < 3; i++)
		nvme_submit(&nvme->admin, &event);
	/* One of them is answered and not yet consumed. */
	nvme_write32(nvme, NVME_DOORBELL + 8, 1000);
	must(must_happen(nvme_peek(&nvme->admin), MUST_TIMEOUT_MS), "seen no event");
	device_set_config8(&bench->device, PCI_INTERRUPT_LINE, 10);
	device_set_config32(&bench->device, PCI_BASE_ADDRESS_0, 0xfe000000);
}

TEST_F(pair, save_load_save)
{
	struct stream first, second;
	int eventfds[4];

	enrich(&self->source, eventfds);
	fill(&self->nvme->io[0], self->buffer, 0, MIB, 1);
	fill(&self->nvme->io[0], self->buffer, DEVICE_SIZE - 64 * KIB, 64 * KIB, 1);
	first = migration_save(&self->source.device);
	EXPECT_STREQ("sound", stream_check(&first));
	ASSERT_EQ(0, migration_load(&self->target.device, &first, 0));
	second = migration_save(&self->target.device);
	EXPECT_STREQ("sound", stream_check(&second));
	EXPECT_STREQ("same", stream_same_state(&first, &second));
	/* The guest finds the controller it knew. */
	EXPECT_EQ(0, memcmp(((struct mdevsim_state_identity *)
			     stream_body_of(&first, MDEVSIM_RECORD_IDENTITY))->serial,
			    ((struct mdevsim_state_identity *)
			     stream_body_of(&second, MDEVSIM_RECORD_IDENTITY))->serial, 20));
	stream_free(&first);
	stream_free(&second);
	for (int i = 0; i < 4; i++)
		close(eventfds[i]);
}

/* What the stream does not name of the destination's namespace is zero, not what was there. */
TEST_F(pair, load_replaces_namespace)
{
	uint8_t *buffer = arena_alloc(&self->target.arena, BUFFER_SIZE, ARENA_PAGE);
	struct stream stream;

	nvme_start(&self->target.nvme, 1, 8);
	fill(&self->target.nvme.io[0], buffer, 0, 4 * MIB, 77);
	fill(self->queue, self->buffer, MIB, MIB, 1);
	stream = migration_save(&self->source.device);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	ASSERT_EQ(0, device_reset(&self->target.device));
	nvme_init(&self->target.nvme, &self->target.device, &self->target.arena);
	nvme_start(&self->target.nvme, 1, 8);
	EXPECT_EQ(-1, filled_differs(&self->target.nvme.io[0], buffer, MIB, MIB, 1));
	memset(buffer, 0xff, BUFFER_SIZE);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(&self->target.nvme.io[0], NVME_READ, 0, 1024, buffer));
	for (size_t i = 0; i < BUFFER_SIZE; i++) {
		ASSERT_EQ(0, buffer[i]) TH_LOG("byte %zu", i);
	}
	stream_free(&stream);
}

TEST_F(pair, write_segments)
{
	static const size_t segments[] = { 1, 3, 7, 63, 65, 4095, 4097, 100003, 0 };
	struct stream first, again;

	fill(self->queue, self->buffer, 3 * MIB, 16 * KIB, 1);
	first = migration_save(&self->source.device);
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		ASSERT_EQ(0, migration_load(&self->target.device, &first, segments[i]))
			TH_LOG("%zu bytes at a time", segments[i]);
		again = migration_save(&self->target.device);
		EXPECT_STREQ("same", stream_same_state(&first, &again))
			TH_LOG("%zu bytes at a time", segments[i]);
		stream_free(&again);
	}
	stream_free(&first);
}

/* A destination that cannot hold the namespace says so when it has seen the first record. */
TEST(other_types)
{
	struct stream small, large;
	struct test_bench bench, big;
	int data_fd;

	test_bench_setup(&bench, DEVICE_TYPE);
	test_bench_setup(&big, "nvme-1G");
	small = migration_save(&bench.device);
	large = migration_save(&big.device);
	ASSERT_EQ(0, device_reset(&bench.device));
	ASSERT_EQ(0, device_reset(&big.device));
	EXPECT_EQ(0, migration_load(&big.device, &small, 0));
	EXPECT_EQ(DEVICE_SIZE, mdev_read_u64(&big.device.mdev, "namespace_size"));
	data_fd = migration_go(&bench.device, RESUMING);
	EXPECT_EQ(-EXDEV, migration_write(data_fd, large.bytes, sizeof(struct mdevsim_stream_header) +
					  stream_at(&large, 0).size));
	close(data_fd);
	stream_free(&small);
	stream_free(&large);
	TEST_BENCH_TEARDOWN(&bench);
	TEST_BENCH_TEARDOWN(&big);
}

TEST(huge_thin_device)
{
	static const uint64_t places[] = {
		0, UINT64_C(3) << 30, UINT64_C(8) << 30, (UINT64_C(16) << 30) - 64 * KIB,
	};
	struct test_bench source, target;
	struct stream stream;
	uint64_t start = must_now_ms();
	uint8_t *buffer;
	int error;

	test_bench_setup(&source, "nvme-16G");
	test_bench_setup(&target, "nvme-16G");
	buffer = arena_alloc(&source.arena, BUFFER_SIZE, ARENA_PAGE);
	nvme_start(&source.nvme, 1, 32);
	EXPECT_EQ(UINT64_C(16) << 30 >> 9, nvme_blocks(&source.nvme));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		fill(&source.nvme.io[0], buffer, places[i], 64 * KIB, (uint32_t)i);
	stream = migration_save(&source.device);
	EXPECT_GE(4 * 64 * KIB + CONSTANT, stream.length);
	error = migration_load(&target.device, &stream, 0);
	ASSERT_EQ(0, error);
	ASSERT_EQ(0, device_reset(&target.device));
	buffer = arena_alloc(&target.arena, BUFFER_SIZE, ARENA_PAGE);
	nvme_start(&target.nvme, 1, 32);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_EQ(-1, filled_differs(&target.nvme.io[0], buffer, places[i], 64 * KIB,
					     (uint32_t)i))
			TH_LOG("at %#llx", (unsigned long long)places[i]);
	}
	EXPECT_GT(10000, must_now_ms() - start) TH_LOG("takes no longer for being large");
	stream_free(&stream);
	TEST_BENCH_TEARDOWN(&source);
	TEST_BENCH_TEARDOWN(&target);
}

/* ---- Streams that must be refused -------------------------------------- */

#define OLD_VERSION	55

FIXTURE(refusal) {
	struct test_bench bench;
	struct device *device;
	struct stream good;
	uint8_t *buffer;
};

/* A small stream with something in every record, and a device that holds something else */
FIXTURE_SETUP(refusal)
{
	int eventfds[4];

	test_bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->buffer = arena_alloc(&self->bench.arena, BUFFER_SIZE, ARENA_PAGE);
	enrich(&self->bench, eventfds);
	for (int i = 0; i < 4; i++)
		close(eventfds[i]);
	fill(&self->bench.nvme.io[0], self->buffer, 0, 8 * KIB, 1);
	fill(&self->bench.nvme.io[0], self->buffer, MIB, 4 * KIB, 1);
	self->good = migration_save(self->device);
	must(!strcmp(stream_check(&self->good), "sound"), "seen: %s", stream_check(&self->good));
	must(device_reset(self->device) == 0, "seen a reset fail");
	nvme_start(&self->bench.nvme, 1, 8);
	fill(&self->bench.nvme.io[0], self->buffer, 0, 64 * KIB, OLD_VERSION);
}

FIXTURE_TEARDOWN(refusal)
{
	stream_free(&self->good);
	TEST_BENCH_TEARDOWN(&self->bench);
}

/*
 * Load a stream that is to be refused with @expected: on the write that shows
 * it or on the arc that commits, and then again and again; it is said why; a
 * reset brings the device back as it was.
 */
static void expect_refused(struct __test_metadata *_metadata, struct test_bench *bench,
			   uint8_t *buffer, const struct stream *stream, int expected,
			   const char *what)
{
	struct device *device = &bench->device;
	char refusal[256];
	int data_fd, seen;
	size_t used = bench->arena.used;

	data_fd = migration_go(device, RESUMING);
	seen = migration_feed(data_fd, stream, 0) ?: migration_set(device, STOP, NULL);
	EXPECT_EQ(expected, seen) TH_LOG("%s", what);
	/* The first error sticks. */
	EXPECT_EQ(seen, migration_write(data_fd, "x", 1)) TH_LOG("%s: next write", what);
	EXPECT_EQ(seen, migration_set(device, STOP, NULL)) TH_LOG("%s: arc", what);
	EXPECT_EQ(seen, migration_set(device, RUNNING, NULL)) TH_LOG("%s: longer arc", what);
	EXPECT_EQ(RESUMING, migration_get(device, NULL)) TH_LOG("%s", what);
	migration_refusal(device, refusal, sizeof(refusal));
	EXPECT_LT(10, strlen(refusal)) TH_LOG("%s: a sentence", what);
	close(data_fd);
	ASSERT_EQ(0, device_reset(device));
	EXPECT_EQ(RUNNING, migration_get(device, NULL)) TH_LOG("%s", what);
	nvme_start(&bench->nvme, 1, 8);
	EXPECT_EQ(-1, filled_differs(&bench->nvme.io[0], buffer, 0, 64 * KIB, OLD_VERSION))
		TH_LOG("%s: what the namespace held", what);
	ASSERT_EQ(0, device_reset(device));
	bench->arena.used = used;
}

/* A change to a good stream, and what has to come of it */
struct change {
	const char *what;
	int error;
	void (*change)(struct stream *stream);
};

static void expect_changes_refused(struct __test_metadata *_metadata, struct test_bench *bench,
				   uint8_t *buffer, const struct stream *good,
				   const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct stream stream = stream_copy(good);

		changes[i].change(&stream);
		expect_refused(_metadata, bench, buffer, &stream, changes[i].error,
			       changes[i].what);
		stream_free(&stream);
	}
}

#define EXPECT_CHANGES_REFUSED(changes)						\
	expect_changes_refused(_metadata, &self->bench, self->buffer, &self->good, changes, \
			       ARRAY_SIZE(changes))

/* Changes: bodies of small functions, each named after what it breaks */

static void empty(struct stream *stream)
{
	stream->length = 0;
}

static void all_zero(struct stream *stream)
{
	memset(stream->bytes, 0, stream->length);
}

static void foreign(struct stream *stream)
{
	uint32_t seed = 1;

	for (size_t i = 0; i < stream->length; i++)
		stream->bytes[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
}

static void magic(struct stream *stream)
{
	stream_header(stream)->magic[7] ^= 1;
	stream_seal_header(stream);
}

static void major_version(struct stream *stream)
{
	stream_header(stream)->version_major++;
	stream_seal_header(stream);
}

static void required_feature(struct stream *stream)
{
	stream_header(stream)->required = 1;
	stream_seal_header(stream);
}

static void header_reserved(struct stream *stream)
{
	stream_header(stream)->reserved[11] = 1;
	stream_seal_header(stream);
}

static void header_crc(struct stream *stream)
{
	stream_header(stream)->crc ^= 1;
}

static void header_short(struct stream *stream)
{
	stream_header(stream)->header_size -= 8;
	stream_seal_header(stream);
}

TEST_F(refusal, headers)
{
	static const struct change changes[] = {
		{ "nothing at all", -ENODATA, empty },
		{ "zeroes", -EILSEQ, all_zero },
		{ "something else", -EILSEQ, foreign },
		{ "magic", -EILSEQ, magic },
		{ "major version", -EOPNOTSUPP, major_version },
		{ "required feature", -EOPNOTSUPP, required_feature },
		{ "reserved byte", -EPROTO, header_reserved },
		{ "header checksum", -EBADMSG, header_crc },
		{ "header too short", -EPROTO, header_short },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

static size_t index_of(const struct stream *stream, uint16_t type)
{
	long index = stream_find(stream, type, 0);

	must(index >= 0, "a record of type %u, seen none", type);
	return (size_t)index;
}

static struct mdevsim_record_header *header_of(struct stream *stream, size_t index)
{
	struct stream_record record = stream_at(stream, index);

	return stream_record_header(stream, &record);
}

static void record_crc(struct stream *stream)
{
	struct stream_record record = stream_at(stream, 2);

	stream->bytes[record.offset + record.size - 8] ^= 0x80;
}

static void record_flags(struct stream *stream)
{
	header_of(stream, 2)->flags = 2;
	stream_seal(stream, 2);
}

static void record_reserved(struct stream *stream)
{
	header_of(stream, 2)->reserved = 1;
	stream_seal(stream, 2);
}

static void record_instance(struct stream *stream)
{
	header_of(stream, 1)->instance = 1;
	stream_seal(stream, 1);
}

static void record_version(struct stream *stream)
{
	size_t index = index_of(stream, MDEVSIM_RECORD_NVME_REGS);

	header_of(stream, index)->version = 2;
	stream_seal(stream, index);
}

static void record_unknown(struct stream *stream)
{
	stream_insert(stream, 1, 200, 0, 1, "what?", 5);
	stream_settle(stream);
}

static void trailer_reserved(struct stream *stream)
{
	struct stream_record record = stream_at(stream, 2);

	stream->bytes[record.offset + record.size - 1] = 1;
}

static void padding(struct stream *stream)
{
	struct stream_record record;

	stream_insert(stream, 1, 200, MDEVSIM_RECORD_OPTIONAL, 1, "what?", 5);
	record = stream_at(stream, 1);
	*((uint8_t *)stream_body(stream, &record) + 6) = 1;
	stream_settle(stream);
}

static void end_records(struct stream *stream)
{
	struct mdevsim_state_end *end = stream_body_of(stream, MDEVSIM_RECORD_END);

	end->records++;
	stream_seal(stream, index_of(stream, MDEVSIM_RECORD_END));
}

static void end_bytes(struct stream *stream)
{
	struct mdevsim_state_end *end = stream_body_of(stream, MDEVSIM_RECORD_END);

	end->bytes -= 8;
	stream_seal(stream, index_of(stream, MDEVSIM_RECORD_END));
}

static void bytes_after_end(struct stream *stream)
{
	stream_append(stream, "x", 1);
}

static void twice(struct stream *stream)
{
	struct stream copy = stream_copy(stream);

	stream_append(stream, copy.bytes, copy.length);
	stream_free(&copy);
}

static void second_regs(struct stream *stream)
{
	stream_duplicate(stream, index_of(stream, MDEVSIM_RECORD_NVME_REGS));
	stream_settle(stream);
}

static void controls_swapped(struct stream *stream)
{
	stream_swap(stream, index_of(stream, MDEVSIM_RECORD_PCI_CONFIG),
		    index_of(stream, MDEVSIM_RECORD_IRQ));
	stream_settle(stream);
}

static void no_identity(struct stream *stream)
{
	stream_drop(stream, 0);
	stream_settle(stream);
}

static void late_identity(struct stream *stream)
{
	stream_swap(stream, 0, index_of(stream, MDEVSIM_RECORD_IRQ));
	stream_settle(stream);
}

static void late_extent(struct stream *stream)
{
	stream_swap(stream, 1, index_of(stream, MDEVSIM_RECORD_NVME_LOGS));
	stream_settle(stream);
}

static void no_end(struct stream *stream)
{
	stream_drop(stream, index_of(stream, MDEVSIM_RECORD_END));
}

TEST_F(refusal, framing)
{
	static const struct change changes[] = {
		{ "record checksum", -EBADMSG, record_crc },
		{ "unknown flag", -EPROTO, record_flags },
		{ "reserved field of a record", -EPROTO, record_reserved },
		{ "instance of what there is one of", -EPROTO, record_instance },
		{ "record version", -EOPNOTSUPP, record_version },
		{ "required record of unknown type", -EOPNOTSUPP, record_unknown },
		{ "reserved field of a trailer", -EPROTO, trailer_reserved },
		{ "padding", -EPROTO, padding },
		{ "count of records", -EPROTO, end_records },
		{ "count of bytes", -EPROTO, end_bytes },
		{ "a byte after the end", -EPROTO, bytes_after_end },
		{ "two streams", -EPROTO, twice },
		{ "a control record twice", -EPROTO, second_regs },
		{ "control records out of order", -EPROTO, controls_swapped },
		{ "no identity", -EPROTO, no_identity },
		{ "identity after control records", -EPROTO, late_identity },
		{ "extent after control records", -EPROTO, late_extent },
		{ "no end", -ENODATA, no_end },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

/* Any record that is lost, repeated or moved is noticed by its number... */
TEST_F(refusal, sequence)
{
	size_t count = stream_count(&self->good);

	for (size_t i = 0; i + 1 < count; i++) {
		struct stream dropped = stream_copy(&self->good);
		struct stream repeated = stream_copy(&self->good);
		struct stream swapped = stream_copy(&self->good);

		stream_drop(&dropped, i);
		expect_refused(_metadata, &self->bench, self->buffer, &dropped, -EPROTO, "dropped");
		stream_duplicate(&repeated, i);
		expect_refused(_metadata, &self->bench, self->buffer, &repeated, -EPROTO,
			       "repeated");
		stream_swap(&swapped, i, i + 1);
		expect_refused(_metadata, &self->bench, self->buffer, &swapped, -EPROTO, "swapped");
		stream_free(&dropped);
		stream_free(&repeated);
		stream_free(&swapped);
	}
}

/* ...and a control record is missed also when the numbers hide it. */
TEST_F(refusal, missing_control)
{
	size_t count = stream_count(&self->good);

	for (size_t i = 1; i + 1 < count; i++) {
		struct stream stream = stream_copy(&self->good);
		uint16_t type = stream_at(&stream, i).type;

		if (type != MDEVSIM_RECORD_NS_DATA && type != MDEVSIM_RECORD_NS_ZERO) {
			stream_drop(&stream, i);
			stream_settle(&stream);
			expect_refused(_metadata, &self->bench, self->buffer, &stream, -EPROTO,
				       "control record missing");
		}
		stream_free(&stream);
	}
}

TEST_F(refusal, truncated)
{
	size_t step = self->good.length / 37;

	for (size_t length = 0; length < self->good.length; length += step) {
		struct stream stream = stream_copy(&self->good);

		stream.length = length;
		expect_refused(_metadata, &self->bench, self->buffer, &stream, -ENODATA,
			       "truncated");
		stream_free(&stream);
	}
}

static bool is_documented(int error)
{
	static const int documented[] = {
		EILSEQ, EOPNOTSUPP, EPROTO, EMSGSIZE, EBADMSG, EXDEV, EINVAL, ENODATA,
	};

	for (size_t i = 0; i < ARRAY_SIZE(documented); i++) {
		if (error == -documented[i])
			return true;
	}
	return false;
}

/* Samples; unit tests in user space flip every bit. */
TEST_F(refusal, bit_flips)
{
	size_t bits = self->good.length * 8, step = bits / 400 | 1;

	for (size_t bit = 3; bit < bits; bit += step) {
		struct stream stream = stream_copy(&self->good);
		int data_fd = migration_go(self->device, RESUMING);
		int seen;

		stream.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		seen = migration_feed(data_fd, &stream, 0) ?:
			migration_set(self->device, STOP, NULL);
		EXPECT_TRUE(is_documented(seen)) TH_LOG("bit %zu: %d", bit, seen);
		close(data_fd);
		ASSERT_EQ(0, device_reset(self->device));
		stream_free(&stream);
	}
	nvme_start(&self->bench.nvme, 1, 8);
	EXPECT_EQ(-1, filled_differs(&self->bench.nvme.io[0], self->buffer, 0, 64 * KIB,
				     OLD_VERSION));
}

/* Set a field of a record's body and put everything else right. */
#define SET(name, record, type, field, value)					\
	static void name(struct stream *stream)					\
	{									\
		struct type *body = stream_body_of(stream, MDEVSIM_RECORD_##record); \
		body->field = value;						\
		stream_settle(stream);						\
	}

SET(other_function, IDENTITY, mdevsim_state_identity, function[0], 'v')
SET(other_major, IDENTITY, mdevsim_state_identity, version_major, 2)
SET(newer_minor, IDENTITY, mdevsim_state_identity, version_minor, 999)
SET(too_large, IDENTITY, mdevsim_state_identity, namespace_size, DEVICE_SIZE + 4096)
SET(huge, IDENTITY, mdevsim_state_identity, namespace_size, UINT64_MAX)
SET(other_blocks, IDENTITY, mdevsim_state_identity, lba_shift, 12)
SET(other_vectors, IDENTITY, mdevsim_state_identity, vectors, 128)
SET(other_queues, IDENTITY, mdevsim_state_identity, io_queues, 127)
SET(other_entries, IDENTITY, mdevsim_state_identity, queue_entries, 65535)
SET(identity_reserved0, IDENTITY, mdevsim_state_identity, reserved0, 1)
SET(identity_reserved1, IDENTITY, mdevsim_state_identity, reserved1[3], 1)

TEST_F(refusal, identity)
{
	static const struct change changes[] = {
		{ "another function", -EXDEV, other_function },
		{ "another major version", -EXDEV, other_major },
		{ "a newer minor version", -EXDEV, newer_minor },
		{ "a larger namespace", -EXDEV, too_large },
		{ "a huge namespace", -EXDEV, huge },
		{ "other blocks", -EXDEV, other_blocks },
		{ "more vectors", -EXDEV, other_vectors },
		{ "more queues", -EXDEV, other_queues },
		{ "longer queues", -EXDEV, other_entries },
		{ "a reserved field", -EINVAL, identity_reserved0 },
		{ "a reserved byte", -EINVAL, identity_reserved1 },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

SET(extent_nsid, NS_DATA, mdevsim_state_ns_extent, nsid, 2)
SET(extent_reserved, NS_DATA, mdevsim_state_ns_extent, reserved, 1)
SET(extent_unaligned, NS_DATA, mdevsim_state_ns_extent, slba, 1)
SET(extent_outside, NS_DATA, mdevsim_state_ns_extent, slba, DEVICE_SIZE / NVME_BLOCK)
SET(extent_wraps, NS_DATA, mdevsim_state_ns_extent, slba, UINT64_MAX - 7)
SET(extent_shift, NS_DATA, mdevsim_state_ns_extent, slba, (uint64_t)1 << 55)
SET(extent_empty, NS_DATA, mdevsim_state_ns_extent, nlb, 0)
SET(extent_long, NS_DATA, mdevsim_state_ns_extent, nlb, 32)
SET(extent_huge, NS_DATA, mdevsim_state_ns_extent, nlb, (uint64_t)1 << 55)

static void insert_zero(struct stream *stream, uint64_t slba, uint64_t nlb)
{
	struct mdevsim_state_ns_extent zero = { .nsid = 1, .slba = slba, .nlb = nlb };

	stream_insert(stream, 1, MDEVSIM_RECORD_NS_ZERO, 0, 1, &zero, sizeof(zero));
	stream_settle(stream);
}

static void zero_outside(struct stream *stream)
{
	insert_zero(stream, DEVICE_SIZE / NVME_BLOCK - 8, 16);
}

static void zero_wraps(struct stream *stream)
{
	insert_zero(stream, UINT64_MAX - 7, 16);
}

static void zero_unaligned(struct stream *stream)
{
	insert_zero(stream, 0, 7);
}

static void zero_empty(struct stream *stream)
{
	insert_zero(stream, 0, 0);
}

/* Change the length of the body of the first record of a type, with zeroes or by cutting it. */
static void resize_body(struct stream *stream, uint16_t type, long by)
{
	size_t index = index_of(stream, type);
	struct stream_record record = stream_at(stream, index);
	size_t length = (size_t)((long)record.length + by);
	uint16_t version = stream_record_header(stream, &record)->version;
	uint8_t *body = calloc(1, length > record.length ? length : record.length);

	memcpy(body, stream_body(stream, &record), record.length);
	stream_insert(stream, index, type, 0, version, body, length);
	stream_drop(stream, index + 1);
	stream_settle(stream);
	free(body);
}

static void zero_long(struct stream *stream)
{
	insert_zero(stream, 0, 8);
	resize_body(stream, MDEVSIM_RECORD_NS_ZERO, 8);
}

static void data_over_limit(struct stream *stream)
{
	resize_body(stream, MDEVSIM_RECORD_NS_DATA, MIB);
}

static void data_empty(struct stream *stream)
{
	resize_body(stream, MDEVSIM_RECORD_NS_DATA, -8 * KIB);
}

TEST_F(refusal, extents)
{
	static const struct change changes[] = {
		{ "no such namespace", -EINVAL, extent_nsid },
		{ "reserved field of an extent", -EINVAL, extent_reserved },
		{ "extent not aligned", -EINVAL, extent_unaligned },
		{ "extent behind the end", -EINVAL, extent_outside },
		{ "extent at the end of numbers", -EINVAL, extent_wraps },
		{ "extent whose bytes do not fit 64 bits", -EINVAL, extent_shift },
		{ "extent of no blocks", -EINVAL, extent_empty },
		{ "extent longer than its data", -EMSGSIZE, extent_long },
		{ "extent of more blocks than there are", -EINVAL, extent_huge },
		{ "zero extent over the end", -EINVAL, zero_outside },
		{ "zero extent at the end of numbers", -EINVAL, zero_wraps },
		{ "zero extent not aligned", -EINVAL, zero_unaligned },
		{ "zero extent of no blocks", -EINVAL, zero_empty },
		{ "zero extent with data", -EMSGSIZE, zero_long },
		{ "extent with too much data", -EMSGSIZE, data_over_limit },
		{ "extent without data", -EMSGSIZE, data_empty },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

/* The body of every record one dword shorter and longer */
TEST_F(refusal, lengths)
{
	size_t count = stream_count(&self->good);

	for (size_t i = 0; i < count; i++) {
		uint16_t type = stream_at(&self->good, i).type;
		struct stream stream = stream_copy(&self->good);
		int expected = -EMSGSIZE;

		/* These have bodies of varying length, which their counts have to agree with. */
		if (type == MDEVSIM_RECORD_NVME_QUEUES || type == MDEVSIM_RECORD_NVME_FEATURES)
			expected = -EINVAL;
		resize_body(&stream, type, -4);
		expect_refused(_metadata, &self->bench, self->buffer, &stream, expected,
			       "body too short");
		stream_free(&stream);
		stream = stream_copy(&self->good);
		resize_body(&stream, type, 4);
		expect_refused(_metadata, &self->bench, self->buffer, &stream, expected,
			       "body too long");
		stream_free(&stream);
	}
}

/* A length that no memory holds is refused before anything is done with it. */
TEST_F(refusal, absurd_lengths)
{
	static const uint64_t lengths[] = {
		UINT64_C(1) << 31, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX,
		UINT64_MAX - 7, UINT64_MAX - 40,
	};
	size_t count = stream_count(&self->good);

	for (size_t i = 0; i < count; i++) {
		struct stream stream = stream_copy(&self->good);

		header_of(&stream, i)->length = lengths[i % ARRAY_SIZE(lengths)];
		expect_refused(_metadata, &self->bench, self->buffer, &stream, -EMSGSIZE,
			       "absurd length");
		stream_free(&stream);
	}
}

SET(config_vendor, PCI_CONFIG, mdevsim_state_pci_config, vendor_id, 0x8086)
SET(config_class, PCI_CONFIG, mdevsim_state_pci_config, class_code[2], 2)
SET(config_bar, PCI_CONFIG, mdevsim_state_pci_config, bar[0], 0xfe000001)
SET(config_reserved, PCI_CONFIG, mdevsim_state_pci_config, reserved2[50], 1)
SET(config_msix, PCI_CONFIG, mdevsim_state_pci_config, msix_table, 0x1000)
SET(irq_level, IRQ, mdevsim_state_irq, intx, 2)
SET(irq_vectors, IRQ, mdevsim_state_irq, vectors, 65)
SET(irq_reserved, IRQ, mdevsim_state_irq, reserved1, 1)
SET(regs_cap, NVME_REGS, mdevsim_state_nvme_regs, cap, 0)
SET(regs_csts, NVME_REGS, mdevsim_state_nvme_regs, csts, 0)
SET(regs_cc, NVME_REGS, mdevsim_state_nvme_regs, cc, NVME_CC_ENABLED | 1 << 7)
SET(regs_asq, NVME_REGS, mdevsim_state_nvme_regs, asq, 1)
SET(regs_aqa, NVME_REGS, mdevsim_state_nvme_regs, aqa, 0xf0000000)
SET(regs_reserved, NVME_REGS, mdevsim_state_nvme_regs, reserved, 1)
SET(admin_head, NVME_ADMIN, mdevsim_state_nvme_admin, sq_head, 32)
SET(admin_tail, NVME_ADMIN, mdevsim_state_nvme_admin, sq_tail, 0xffff)
SET(admin_cq_head, NVME_ADMIN, mdevsim_state_nvme_admin, cq_head, 32)
SET(admin_cq_tail, NVME_ADMIN, mdevsim_state_nvme_admin, cq_tail, 32)
SET(admin_size, NVME_ADMIN, mdevsim_state_nvme_admin, sq_size, 0)
SET(admin_size_large, NVME_ADMIN, mdevsim_state_nvme_admin, cq_size, 4096)
SET(admin_base, NVME_ADMIN, mdevsim_state_nvme_admin, sq_base, 0x1234)
SET(admin_phase, NVME_ADMIN, mdevsim_state_nvme_admin, cq_phase, 2)
SET(admin_enabled, NVME_ADMIN, mdevsim_state_nvme_admin, enabled, 0)
SET(admin_enabled_twice, NVME_ADMIN, mdevsim_state_nvme_admin, enabled, 2)
SET(queues_version, NVME_QUEUES, mdevsim_state_nvme_queues, version, 1)
SET(queues_attributes, NVME_QUEUES, mdevsim_state_nvme_queues, attributes, 0)
SET(queues_size, NVME_QUEUES, mdevsim_state_nvme_queues, nvme_size, 1)
SET(queues_vendor, NVME_QUEUES, mdevsim_state_nvme_queues, vendor_size, 1)
SET(queues_many, NVME_QUEUES, mdevsim_state_nvme_queues, nr_sqs, 64)
SET(queues_all, NVME_QUEUES, mdevsim_state_nvme_queues, nr_cqs, 0xffff)
SET(queues_fewer, NVME_QUEUES, mdevsim_state_nvme_queues, nr_sqs, 2)
SET(features_count, NVME_FEATURES, mdevsim_state_nvme_features, count, 65)
SET(features_all, NVME_FEATURES, mdevsim_state_nvme_features, count, UINT32_MAX)
SET(features_reserved, NVME_FEATURES, mdevsim_state_nvme_features, reserved, 1)
SET(features_unknown, NVME_FEATURES, mdevsim_state_nvme_features, feature[0].fid, 0x7f)
SET(features_value, NVME_FEATURES, mdevsim_state_nvme_features, feature[0].value, UINT64_MAX)
SET(aer_parked, NVME_AER, mdevsim_state_nvme_aer, nr_parked, 9)
SET(aer_events, NVME_AER, mdevsim_state_nvme_aer, nr_events, 9)
SET(aer_masked, NVME_AER, mdevsim_state_nvme_aer, masked, 0x80000000)
SET(aer_rest, NVME_AER, mdevsim_state_nvme_aer, cid[7], 1)
SET(logs_reserved, NVME_LOGS, mdevsim_state_nvme_logs, reserved[0], 1)
SET(logs_changed, NVME_LOGS, mdevsim_state_nvme_logs, ns_changed, 2)
SET(logs_count, NVME_LOGS, mdevsim_state_nvme_logs, error_count, 0)
SET(logs_order, NVME_LOGS, mdevsim_state_nvme_logs, error[1].error_count, 1000)

TEST_F(refusal, values)
{
	static const struct change changes[] = {
		{ "vendor", -EINVAL, config_vendor },
		{ "class", -EINVAL, config_class },
		{ "constant bit of a BAR", -EINVAL, config_bar },
		{ "reserved configuration space", -EINVAL, config_reserved },
		{ "place of the MSI-X table", -EINVAL, config_msix },
		{ "INTx level", -EINVAL, irq_level },
		{ "number of vectors", -EINVAL, irq_vectors },
		{ "reserved field of interrupts", -EINVAL, irq_reserved },
		{ "capabilities", -EXDEV, regs_cap },
		{ "enabled and not ready", -EINVAL, regs_csts },
		{ "page size", -EINVAL, regs_cc },
		{ "ASQ inside a page", -EINVAL, regs_asq },
		{ "reserved bits of AQA", -EINVAL, regs_aqa },
		{ "reserved field of properties", -EINVAL, regs_reserved },
		{ "admin head", -EINVAL, admin_head },
		{ "admin tail", -EINVAL, admin_tail },
		{ "admin completion head", -EINVAL, admin_cq_head },
		{ "admin completion tail", -EINVAL, admin_cq_tail },
		{ "admin queue of one entry", -EINVAL, admin_size },
		{ "admin queue too long", -EINVAL, admin_size_large },
		{ "admin queue inside a page", -EINVAL, admin_base },
		{ "admin phase", -EINVAL, admin_phase },
		{ "no admin queue though enabled", -EINVAL, admin_enabled },
		{ "admin queue exists twice", -EINVAL, admin_enabled_twice },
		{ "version of controller state", -EINVAL, queues_version },
		{ "controller not suspended", -EINVAL, queues_attributes },
		{ "size of controller state", -EINVAL, queues_size },
		{ "vendor specific state", -EINVAL, queues_vendor },
		{ "too many submission queues", -EINVAL, queues_many },
		{ "far too many completion queues", -EINVAL, queues_all },
		{ "fewer queues than there are", -EINVAL, queues_fewer },
		{ "too many features", -EINVAL, features_count },
		{ "far too many features", -EINVAL, features_all },
		{ "reserved field of features", -EINVAL, features_reserved },
		{ "unknown feature", -EINVAL, features_unknown },
		{ "value of a feature", -EINVAL, features_value },
		{ "too many requests parked", -EINVAL, aer_parked },
		{ "too many events waiting", -EINVAL, aer_events },
		{ "unknown event type", -EINVAL, aer_masked },
		{ "something behind the requests parked", -EINVAL, aer_rest },
		{ "reserved byte of logs", -EINVAL, logs_reserved },
		{ "changed namespaces", -EINVAL, logs_changed },
		{ "fewer errors than logged", -EINVAL, logs_count },
		{ "error log out of order", -EINVAL, logs_order },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

/* Fields of queue 1, 2 or 9 of the controller state */
static struct mdevsim_state_nvme_sq *sq_of(struct stream *stream, size_t i)
{
	struct mdevsim_state_nvme_queues *queues =
		stream_body_of(stream, MDEVSIM_RECORD_NVME_QUEUES);

	return (struct mdevsim_state_nvme_sq *)queues->queues + i;
}

static struct mdevsim_state_nvme_cq *cq_of(struct stream *stream, size_t i)
{
	return (struct mdevsim_state_nvme_cq *)sq_of(stream, 3) + i;
}

#define SET_SQ(name, i, field, value)						\
	static void name(struct stream *stream)					\
	{									\
		sq_of(stream, i)->field = value;				\
		stream_settle(stream);						\
	}

#define SET_CQ(name, i, field, value)						\
	static void name(struct stream *stream)					\
	{									\
		cq_of(stream, i)->field = value;				\
		stream_settle(stream);						\
	}

SET_SQ(sq_admin, 0, qid, 0)
SET_SQ(sq_twice, 1, qid, 1)
SET_SQ(sq_descending, 2, qid, 1)
SET_SQ(sq_large, 2, qid, 64)
SET_SQ(sq_no_cq, 1, cqid, 3)
SET_SQ(sq_admin_cq, 1, cqid, 0)
SET_SQ(sq_far_cq, 1, cqid, 0xffff)
SET_SQ(sq_size_0, 0, size, 0)
SET_SQ(sq_size_1024, 0, size, 1024)
SET_SQ(sq_head, 0, head, 32)
SET_SQ(sq_tail, 0, tail, 32)
SET_SQ(sq_base, 0, prp1, 0x1004)
SET_SQ(sq_not_contiguous, 0, attributes, 0)
SET_SQ(sq_attributes, 0, attributes, 0x8001)
SET_SQ(sq_reserved, 0, reserved[0], 1)
SET_CQ(cq_admin, 0, qid, 0)
SET_CQ(cq_twice, 1, qid, 1)
SET_CQ(cq_large, 2, qid, 64)
SET_CQ(cq_missing, 2, qid, 10)
SET_CQ(cq_size_0, 0, size, 0)
SET_CQ(cq_size_1024, 0, size, 1024)
SET_CQ(cq_head, 0, head, 32)
SET_CQ(cq_tail, 0, tail, 32)
SET_CQ(cq_base, 0, prp1, 0x10)
SET_CQ(cq_vector, 0, attributes, 64 << 16 | 3)
SET_CQ(cq_attributes, 0, attributes, 0x9)
SET_CQ(cq_not_contiguous, 0, attributes, 0x2)
SET_CQ(cq_reserved, 0, reserved[3], 1)

TEST_F(refusal, queues)
{
	static const struct change changes[] = {
		{ "submission queue 0", -EINVAL, sq_admin },
		{ "two submission queues 1", -EINVAL, sq_twice },
		{ "submission queues out of order", -EINVAL, sq_descending },
		{ "submission queue 64", -EINVAL, sq_large },
		{ "completion queue does not exist", -EINVAL, sq_no_cq },
		{ "completion queue is the admin queue", -EINVAL, sq_admin_cq },
		{ "completion queue out of all bounds", -EINVAL, sq_far_cq },
		{ "submission queue of one entry", -EINVAL, sq_size_0 },
		{ "submission queue too long", -EINVAL, sq_size_1024 },
		{ "submission head", -EINVAL, sq_head },
		{ "submission tail", -EINVAL, sq_tail },
		{ "submission queue inside a page", -EINVAL, sq_base },
		{ "submission queue not contiguous", -EINVAL, sq_not_contiguous },
		{ "submission queue attributes", -EINVAL, sq_attributes },
		{ "submission queue reserved", -EINVAL, sq_reserved },
		{ "completion queue 0", -EINVAL, cq_admin },
		{ "two completion queues 1", -EINVAL, cq_twice },
		{ "completion queue 64", -EINVAL, cq_large },
		{ "completion queue missing", -EINVAL, cq_missing },
		{ "completion queue of one entry", -EINVAL, cq_size_0 },
		{ "completion queue too long", -EINVAL, cq_size_1024 },
		{ "completion head", -EINVAL, cq_head },
		{ "completion tail", -EINVAL, cq_tail },
		{ "completion queue inside a page", -EINVAL, cq_base },
		{ "vector of a completion queue", -EINVAL, cq_vector },
		{ "completion queue attributes", -EINVAL, cq_attributes },
		{ "completion queue not contiguous", -EINVAL, cq_not_contiguous },
		{ "completion queue reserved", -EINVAL, cq_reserved },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

/* ---- Streams that must be accepted ------------------------------------- */

static void unchanged(struct stream *stream)
{
}

static void optional_unknown(struct stream *stream)
{
	uint8_t body[5000] = { 1, 2, 3 };

	stream_insert(stream, 1, 200, MDEVSIM_RECORD_OPTIONAL, 77, body, sizeof(body));
	stream_insert(stream, 3, 50, MDEVSIM_RECORD_OPTIONAL, 1, body, 0);
	stream_settle(stream);
}

static void optional_feature(struct stream *stream)
{
	stream_header(stream)->optional = UINT64_C(1) << 63;
	stream_seal_header(stream);
}

static void minor_version(struct stream *stream)
{
	stream_header(stream)->version_minor = 7;
	stream_seal_header(stream);
}

static void longer_header(struct stream *stream)
{
	struct stream longer = { 0 };
	uint8_t extra[24] = { 9 };

	stream_header(stream)->header_size += sizeof(extra);
	stream_append(&longer, stream->bytes, sizeof(struct mdevsim_stream_header));
	stream_append(&longer, extra, sizeof(extra));
	stream_append(&longer, stream->bytes + sizeof(struct mdevsim_stream_header),
		      stream->length - sizeof(struct mdevsim_stream_header));
	stream_free(stream);
	*stream = longer;
	stream_settle(stream);
}

static void other_uuid(struct stream *stream)
{
	struct mdevsim_state_identity *identity = stream_body_of(stream, MDEVSIM_RECORD_IDENTITY);

	memset(identity->uuid, 0x77, sizeof(identity->uuid));
	memset(identity->mdev_type, 'x', 10);
	stream_settle(stream);
}

static void extents_overlap(struct stream *stream)
{
	insert_zero(stream, 0, 1024);
	stream_duplicate(stream, index_of(stream, MDEVSIM_RECORD_NS_DATA));
	stream_settle(stream);
}

static void no_extents(struct stream *stream)
{
	long index;

	while ((index = stream_find(stream, MDEVSIM_RECORD_NS_DATA, 0)) >= 0)
		stream_drop(stream, (size_t)index);
	stream_settle(stream);
}

/* What a newer writer may add, and what is merely unusual */
TEST_F(refusal, none)
{
	static const struct change changes[] = {
		{ "nothing changed", 0, unchanged },
		{ "optional records of unknown type", 0, optional_unknown },
		{ "optional feature", 0, optional_feature },
		{ "newer minor version of the stream", 0, minor_version },
		{ "longer header", 0, longer_header },
		{ "of another device and type", 0, other_uuid },
		{ "extents that overlap", 0, extents_overlap },
		{ "empty namespace", 0, no_extents },
	};
	char refusal[256];

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct stream stream = stream_copy(&self->good), again;

		changes[i].change(&stream);
		EXPECT_EQ(0, migration_load(self->device, &stream, 0))
			TH_LOG("%s", changes[i].what);
		migration_refusal(self->device, refusal, sizeof(refusal));
		EXPECT_STREQ("", refusal);
		if (migration_get(self->device, NULL) == STOP) {
			again = migration_save(self->device);
			EXPECT_STREQ("same", stream_same_state(&stream, &again))
				TH_LOG("%s", changes[i].what);
			stream_free(&again);
		}
		ASSERT_EQ(0, device_reset(self->device));
		stream_free(&stream);
	}
}

/* The reason stays readable until the next attempt. */
TEST_F(refusal, reason_is_replaced)
{
	struct stream stream = stream_copy(&self->good);
	char refusal[256];

	header_crc(&stream);
	EXPECT_EQ(-EBADMSG, migration_load(self->device, &stream, 0));
	ASSERT_EQ(0, device_reset(self->device));
	migration_refusal(self->device, refusal, sizeof(refusal));
	EXPECT_LT(10, strlen(refusal)) TH_LOG("after a reset");
	EXPECT_EQ(0, migration_load(self->device, &self->good, 0));
	migration_refusal(self->device, refusal, sizeof(refusal));
	EXPECT_STREQ("", refusal);
	stream_free(&stream);
}

/* Loading may begin anew after a reset half way, as often as one likes. */
TEST_F(refusal, aborted_loads)
{
	for (size_t length = 0; length < self->good.length; length += self->good.length / 20) {
		struct stream stream = stream_copy(&self->good);
		int data_fd = migration_go(self->device, RESUMING);

		stream.length = length;
		EXPECT_EQ(0, migration_feed(data_fd, &stream, 0));
		ASSERT_EQ(0, device_reset(self->device));
		EXPECT_EQ(-ENODEV, migration_write(data_fd, "x", 1));
		close(data_fd);
		stream_free(&stream);
	}
	EXPECT_EQ(0, migration_load(self->device, &self->good, 0));
}

/* ---- With a guest that goes on ----------------------------------------- */

#define GROUPS		512	/* of one page each */
#define GROUP_QUEUES	2
#define GROUP_DEPTH	12

/**
 * struct guest - what would run in a virtual machine
 * @nvme: its driver
 * @shared: arena that both devices can reach
 * @version: by group: what was last written completely
 * @next: by group: version under way, 0 when none is
 * @group: by queue and slot: group of the command with that identifier
 * @pause: asks the guest to stop where it is
 * @paused: it has stopped
 * @stop: asks it to end
 * @written: commands completed
 * @wrong: commands that failed, or completed twice
 */
struct guest {
	struct nvme nvme;
	struct arena shared;
	uint32_t version[GROUPS];
	uint32_t next[GROUPS];
	int group[GROUP_QUEUES][UINT16_MAX + 1];
	uint8_t *buffer[GROUP_QUEUES][UINT16_MAX % 64 + 1];
	unsigned int outstanding[GROUP_QUEUES];
	uint32_t seed;
	int pause, paused, stop;
	unsigned long written, wrong;
	pthread_t thread;
};

static uint32_t guest_random(struct guest *guest)
{
	return (guest->seed = guest->seed * 1103515245 + 12345) >> 8;
}

static void guest_write(struct guest *guest, unsigned int q)
{
	struct nvme_queue *queue = &guest->nvme.io[q];
	uint32_t group = guest_random(guest) % GROUPS;
	struct nvme_sqe sqe = nvme_sqe_io(NVME_WRITE, group * BLOCKS_PER_PAGE, BLOCKS_PER_PAGE);
	uint8_t *buffer;

	if (guest->next[group] || guest->outstanding[q] == GROUP_DEPTH)
		return;
	guest->next[group] = guest->version[group] + 1;
	buffer = guest->buffer[q][queue->sq_tail];
	nvme_pattern(buffer, group * BLOCKS_PER_PAGE, BLOCKS_PER_PAGE, guest->next[group]);
	sqe.prp1 = arena_iova(&guest->shared, buffer);
	guest->group[q][queue->next_cid] = (int)group;
	guest->outstanding[q]++;
	nvme_submit(queue, &sqe);
}

static void guest_reap(struct guest *guest, unsigned int q)
{
	struct nvme_queue *queue = &guest->nvme.io[q];
	struct nvme_cqe cqe;

	while (nvme_take(queue, &cqe)) {
		int group = guest->group[q][cqe.cid];

		if (group < 0 || nvme_status(&cqe)) {
			guest->wrong++;
			continue;
		}
		guest->group[q][cqe.cid] = -1;
		guest->version[group] = guest->next[group];
		guest->next[group] = 0;
		guest->outstanding[q]--;
		guest->written++;
		nvme_release(queue);
	}
}

static void *guest_thread(void *arg)
{
	struct guest *guest = arg;

	while (!__atomic_load_n(&guest->stop, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&guest->pause, __ATOMIC_ACQUIRE)) {
			__atomic_store_n(&guest->paused, 1, __ATOMIC_RELEASE);
			must_pause();
			continue;
		}
		for (unsigned int q = 0; q < GROUP_QUEUES; q++) {
			guest_write(guest, q);
			guest_reap(guest, q);
		}
	}
	return NULL;
}

static struct guest *guest_boot(struct device *source, struct device *target)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	must(guest, "seen no memory");
	guest->seed = 4711;
	memset(guest->group, 0xff, sizeof(guest->group));
	must(device_reset(source) == 0, "seen a reset fail");
	arena_init(&guest->shared, UINT64_C(2) << 32, 4 * MIB);
	device_map_arena(source, &guest->shared);
	device_map_arena(target, &guest->shared);
	nvme_init(&guest->nvme, source, &guest->shared);
	nvme_start(&guest->nvme, GROUP_QUEUES, 16);
	for (unsigned int q = 0; q < GROUP_QUEUES; q++) {
		for (unsigned int i = 0; i < 16; i++)
			guest->buffer[q][i] = arena_page(&guest->shared);
	}
	must(pthread_create(&guest->thread, NULL, guest_thread, guest) == 0, "seen errno %d",
	     errno);
	return guest;
}

static void guest_pause(struct guest *guest)
{
	__atomic_store_n(&guest->paused, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&guest->pause, 1, __ATOMIC_RELEASE);
	must(must_happen(__atomic_load_n(&guest->paused, __ATOMIC_ACQUIRE), MUST_TIMEOUT_MS),
	     "seen a guest that does not pause");
}

static void guest_resume(struct guest *guest, struct device *device)
{
	guest->nvme.device = device;
	__atomic_store_n(&guest->pause, 0, __ATOMIC_RELEASE);
}

static unsigned long guest_written(struct guest *guest)
{
	return __atomic_load_n(&guest->written, __ATOMIC_RELAXED);
}

/* Let it complete some more commands. */
static bool guest_goes_on(struct guest *guest, unsigned long commands)
{
	unsigned long before = guest_written(guest);

	return must_happen(guest_written(guest) >= before + commands, MUST_TIMEOUT_MS);
}

/* End it: all that is outstanding completes, and each group reads as it was last written. */
static const char *guest_shutdown(struct guest *guest)
{
	static char text[128];
	const char *wrong = "data intact";
	uint8_t *buffer;

	__atomic_store_n(&guest->stop, 1, __ATOMIC_RELEASE);
	pthread_join(guest->thread, NULL);
	for (unsigned int q = 0; q < GROUP_QUEUES; q++) {
		if (!must_happen((guest_reap(guest, q), !guest->outstanding[q]), MUST_TIMEOUT_MS))
			wrong = "commands were lost";
	}
	if (guest->wrong)
		wrong = "commands failed or completed twice";
	buffer = arena_page(&guest->shared);
	for (uint32_t group = 0; group < GROUPS && !strcmp(wrong, "data intact"); group++) {
		uint64_t slba = group * BLOCKS_PER_PAGE;
		int status = nvme_io(&guest->nvme.io[0], NVME_READ, slba, BLOCKS_PER_PAGE, buffer);

		if (status)
			wrong = "a read failed";
		else if (guest->version[group] &&
			 nvme_pattern_differs(buffer, slba, BLOCKS_PER_PAGE,
					      guest->version[group]) >= 0)
			wrong = text;
		snprintf(text, sizeof(text), "group %u is not version %u", group,
			 guest->version[group]);
	}
	arena_free(&guest->shared);
	free(guest);
	return wrong;
}

struct transfer {
	int from, to;
	uint64_t bytes;
};

/* Carry over what there is now; 0 at the end, -ENOMSG when there is nothing for now, or the error. */
static int carry(struct transfer *transfer, uint64_t limit)
{
	static uint8_t bytes[256 * KIB];
	uint64_t end = transfer->bytes + limit;

	while (transfer->bytes < end) {
		struct stream piece = { .bytes = bytes };
		ssize_t done = migration_read(transfer->from, bytes, sizeof(bytes));
		int error;

		if (done <= 0)
			return (int)done;
		piece.length = (size_t)done;
		error = migration_feed(transfer->to, &piece, 0);
		if (error)
			return error;
		transfer->bytes += (uint64_t)done;
	}
	return 1;
}

/* Migrate while the guest runs, as a VMM does. */
static void migrate(struct __test_metadata *_metadata, struct guest *guest, struct device *from,
		    struct device *to)
{
	struct transfer transfer = {
		.from = migration_go(from, PRE_COPY), .to = migration_go(to, RESUMING),
	};
	uint64_t precopy, start;

	for (int round = 0; round < 4; round++) {
		int error = carry(&transfer, UINT64_MAX / 2);

		ASSERT_EQ(-ENOMSG, error);
		ASSERT_TRUE(guest_goes_on(guest, 50)) TH_LOG("in pre-copy");
	}
	precopy = transfer.bytes;
	start = must_now_ms();
	guest_pause(guest);
	migration_go(from, PRE_COPY_P2P);
	migration_go(from, STOP_COPY);
	ASSERT_EQ(0, carry(&transfer, UINT64_MAX / 2));
	migration_go(to, RUNNING_P2P);
	migration_go(from, STOP);
	migration_go(to, RUNNING);
	guest_resume(guest, to);
	TH_LOG("%llu bytes while running, %llu while stopped, %llu ms",
	       (unsigned long long)precopy, (unsigned long long)(transfer.bytes - precopy),
	       (unsigned long long)(must_now_ms() - start));
	close(transfer.from);
	close(transfer.to);
}

TEST_F(pair, there_and_back_under_load)
{
	struct guest *guest = guest_boot(&self->source.device, &self->target.device);

	ASSERT_TRUE(guest_goes_on(guest, 200));
	migrate(_metadata, guest, &self->source.device, &self->target.device);
	ASSERT_TRUE(guest_goes_on(guest, 200));
	migrate(_metadata, guest, &self->target.device, &self->source.device);
	ASSERT_TRUE(guest_goes_on(guest, 200));
	EXPECT_STREQ("data intact", guest_shutdown(guest));
}

TEST_F(pair, cancelled_precopy)
{
	struct guest *guest = guest_boot(&self->source.device, &self->target.device);

	for (int round = 0; round < 5; round++) {
		struct transfer transfer = {
			.from = migration_go(&self->source.device, PRE_COPY),
			.to = migration_go(&self->target.device, RESUMING),
		};

		ASSERT_EQ(1, carry(&transfer, 100 * KIB));
		if (round & 1)
			migration_go(&self->source.device, PRE_COPY_P2P);
		migration_go(&self->source.device, RUNNING);
		ASSERT_EQ(0, device_reset(&self->target.device));
		ASSERT_TRUE(guest_goes_on(guest, 50)) TH_LOG("round %d", round);
		close(transfer.from);
		close(transfer.to);
	}
	EXPECT_STREQ("data intact", guest_shutdown(guest));
}

/* The source may also go back from where it is stopped, when the destination refuses late. */
TEST_F(pair, refused_at_the_end)
{
	struct guest *guest = guest_boot(&self->source.device, &self->target.device);
	struct transfer transfer;
	int error;

	ASSERT_TRUE(guest_goes_on(guest, 100));
	transfer.from = migration_go(&self->source.device, PRE_COPY);
	transfer.to = migration_go(&self->target.device, RESUMING);
	ASSERT_EQ(-ENOMSG, carry(&transfer, UINT64_MAX / 2));
	guest_pause(guest);
	migration_go(&self->source.device, STOP_COPY);
	ASSERT_EQ(-EPROTO, migration_write(transfer.to, "garbage in a record's header, 40 bytes..", 40));
	error = carry(&transfer, UINT64_MAX / 2);
	EXPECT_EQ(-EPROTO, error);
	EXPECT_EQ(-EPROTO, migration_set(&self->target.device, STOP, NULL));
	migration_go(&self->source.device, RUNNING);
	guest_resume(guest, &self->source.device);
	ASSERT_TRUE(guest_goes_on(guest, 100));
	ASSERT_EQ(0, device_reset(&self->target.device));
	close(transfer.from);
	close(transfer.to);
	EXPECT_STREQ("data intact", guest_shutdown(guest));
}

/* A doorbell rung in a P2P state travels, and the destination does what it asks for. */
TEST_F(pair, doorbell_travels)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8);
	struct stream stream;
	struct nvme_cqe cqe;

	device_map(&self->target.device, self->source.arena.memory, UINT64_C(2) << 32, ARENA_PAGE);
	ASSERT_EQ(0, device_unmap(&self->target.device, ARENA_IOVA, TEST_ARENA_SIZE));
	device_map_arena(&self->target.device, &self->source.arena);
	fill(self->queue, self->buffer, 0, 4 * KIB, 1);
	memset(self->buffer, 0, ARENA_PAGE);
	migration_go(&self->source.device, RUNNING_P2P);
	sqe.prp1 = arena_iova(&self->source.arena, self->buffer);
	nvme_submit(self->queue, &sqe);
	stream = migration_save(&self->source.device);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS)) TH_LOG("in STOP");
	migration_go(&self->target.device, RUNNING_P2P);
	EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS)) TH_LOG("in RUNNING_P2P");
	migration_go(&self->target.device, RUNNING);
	self->nvme->device = &self->target.device;
	ASSERT_EQ(0, nvme_reap(self->queue, &cqe));
	EXPECT_EQ(NVME_SUCCESS, nvme_status(&cqe));
	EXPECT_EQ(-1, nvme_pattern_differs(self->buffer, 0, 8, 1));
	self->nvme->device = &self->source.device;
	stream_free(&stream);
	device_unmap(&self->target.device, ARENA_IOVA, TEST_ARENA_SIZE);
	device_map_arena(&self->target.device, &self->target.arena);
}

/*
 * Interrupts that the source could not deliver, or that may have got lost on
 * the way, come at the destination: once it runs, and not before.
 */
TEST_F(pair, interrupts_travel)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };
	int source_fds[2], target_fds[2];
	struct stream stream;

	ASSERT_EQ(0, device_reset(&self->source.device));
	device_msix(&self->source.device, source_fds, 2);
	nvme_enable(self->nvme);
	nvme_submit(&self->nvme->admin, &sqe);
	ASSERT_TRUE(must_happen(nvme_peek(&self->nvme->admin), MUST_TIMEOUT_MS));
	stream = migration_save(&self->source.device);
	migration_go(&self->target.device, RESUMING);
	device_msix(&self->target.device, target_fds, 2);
	ASSERT_EQ(0, device_reset(&self->target.device));
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	EXPECT_EQ(0, device_signalled(target_fds[0], QUIET_MS)) TH_LOG("in STOP");
	migration_go(&self->target.device, RUNNING_P2P);
	EXPECT_EQ(0, device_signalled(target_fds[0], QUIET_MS)) TH_LOG("in RUNNING_P2P");
	migration_go(&self->target.device, RUNNING);
	EXPECT_LE(1, device_signalled(target_fds[0], MUST_TIMEOUT_MS));
	EXPECT_EQ(0, device_signalled(target_fds[1], 0));
	stream_free(&stream);
	for (int i = 0; i < 2; i++) {
		close(source_fds[i]);
		close(target_fds[i]);
	}
}

TEST_F(pair, intx_travels)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };
	struct stream stream;
	int intx;

	nvme_submit(&self->nvme->admin, &sqe);
	ASSERT_TRUE(must_happen(nvme_peek(&self->nvme->admin), MUST_TIMEOUT_MS));
	stream = migration_save(&self->source.device);
	intx = device_eventfd(&self->target.device, VFIO_PCI_INTX_IRQ_INDEX, 0);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS)) TH_LOG("in STOP");
	migration_go(&self->target.device, RUNNING);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	stream_free(&stream);
	close(intx);
}

/* Parked requests for events are answered by the destination. */
TEST_F(pair, events_travel)
{
	struct nvme_sqe event = { .opcode = NVME_ASYNC_EVENT };
	uint16_t cid = nvme_submit(&self->nvme->admin, &event);
	struct stream stream;
	struct nvme_cqe cqe;

	stream = migration_save(&self->source.device);
	ASSERT_EQ(0, device_unmap(&self->target.device, ARENA_IOVA, TEST_ARENA_SIZE));
	device_map_arena(&self->target.device, &self->source.arena);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	migration_go(&self->target.device, RUNNING);
	self->nvme->device = &self->target.device;
	nvme_write32(self->nvme, NVME_DOORBELL + 8, 1000);
	ASSERT_EQ(0, nvme_reap(&self->nvme->admin, &cqe));
	EXPECT_EQ(cid, cqe.cid);
	EXPECT_EQ(0x010100, cqe.dw0);
	self->nvme->device = &self->source.device;
	stream_free(&stream);
	device_unmap(&self->target.device, ARENA_IOVA, TEST_ARENA_SIZE);
	device_map_arena(&self->target.device, &self->target.arena);
}

TEST_MAIN
