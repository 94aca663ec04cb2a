// SPDX-License-Identifier: GPL-2.0
/*
 * Migration states and the arcs between them, pre-copy, the data fd, and what a
 * stopped device may not do.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include "migration.h"
#include "test.h"

#define QUIET_MS	100
#define KIB		1024
#define MIB		(1024 * KIB)
/* What a stream carries besides namespace blocks, at most */
#define CONSTANT	(64 * KIB)
#define BUFFER_SIZE	(512 * KIB)

static bool is_precopy(uint32_t state)
{
	return state == PRE_COPY || state == PRE_COPY_P2P;
}

static bool is_saving(uint32_t state)
{
	return is_precopy(state) || state == STOP_COPY;
}

FIXTURE(state) {
	struct bench bench;
	struct device *device;
	struct nvme *nvme;
	struct nvme_queue *queue;
	uint8_t *buffer;
};

FIXTURE_SETUP(state)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->nvme = &self->bench.nvme;
	self->buffer = arena_alloc(&self->bench.arena, BUFFER_SIZE, ARENA_PAGE);
	nvme_start(self->nvme, 1, 32);
	self->queue = &self->nvme->io[0];
}

FIXTURE_TEARDOWN(state)
{
	TEST_TEARDOWN(&self->bench);
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 64 * KIB, 1));
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
	EXPECT_EQ(-1, nvme_filled_differs(&self->nvme->io[0], 0, 64 * KIB, 1));
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 2 * MIB, 1));
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
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, MIB, 64 * KIB, 2));
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 64 * KIB, 1));
	data_fd = migration_go(self->device, PRE_COPY);
	EXPECT_TRUE(migration_readable(data_fd, 0));
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	EXPECT_FALSE(migration_readable(data_fd, QUIET_MS));
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, ARENA_PAGE, 2));
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
	pid_t task;
	bool readable;
};

static void *poll_thread(void *arg)
{
	struct poller *poller = arg;

	__atomic_store_n(&poller->task, gettid(), __ATOMIC_RELEASE);
	poller->readable = migration_readable(poller->data_fd, MUST_TIMEOUT_MS);
	return NULL;
}

/* It has said who it is, and waits for something since. */
static bool poller_waits(struct poller *poller)
{
	pid_t task = __atomic_load_n(&poller->task, __ATOMIC_ACQUIRE);

	return task && must_task_state(task) == 'S';
}

/* Whoever waits is woken, by new data and by the end of the session. */
TEST_F(state, poll_wakes)
{
	struct stream stream = { 0 };
	struct poller poller;
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		uint64_t start;

		poller = (struct poller){ migration_go(self->device, PRE_COPY) };
		ASSERT_EQ(-ENOMSG, migration_drain(poller.data_fd, &stream));
		ASSERT_EQ(0, pthread_create(&thread, NULL, poll_thread, &poller));
		ASSERT_TRUE(must_happen(poller_waits(&poller), MUST_TIMEOUT_MS));
		start = must_now_ms();
		if (i == 0) {
			ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, ARENA_PAGE, 1));
		} else {
			migration_go(self->device, i == 1 ? STOP_COPY : RUNNING);
		}
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MIB / 2, 1));
	for (uint64_t i = 0; i < 8; i++) {
		ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, (8 + i * 7) * MIB, 64 * KIB, 1));
	}
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 8 * MIB, 1));
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 3 * MIB, 256 * KIB, 2));
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 4 * MIB, 1));
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MIB, 1));
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
		ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, i * 128 * KIB, 4 * KIB, 10 + i));
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MIB, 1));
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

#define MODEL_PAGES	512

/**
 * struct model - what the first pages of the namespace must hold
 * @version: by page: as it was last written; 0 for zeroes
 * @next: version of the next write
 * @seed: of random numbers
 */
struct model {
	uint32_t version[MODEL_PAGES];
	uint32_t next;
	uint32_t seed;
};

static uint32_t model_random(struct model *model)
{
	model->seed = model->seed * 1103515245 + 12345;
	return model->seed >> 8;
}

/* Write or zero some pages somewhere. */
static void model_change(struct model *model, struct nvme_queue *queue)
{
	uint32_t first = model_random(model) % MODEL_PAGES;
	uint32_t pages = model_random(model) % 12 + 1;
	bool write = model_random(model) % 4;
	struct nvme_sqe zero;
	int status;

	if (pages > MODEL_PAGES - first)
		pages = MODEL_PAGES - first;
	model->next++;
	zero = nvme_sqe_io(NVME_WRITE_ZEROES, first * 8, pages * 8);
	if (write)
		status = nvme_fill(queue, first * ARENA_PAGE, pages * ARENA_PAGE, model->next);
	else
		status = nvme_run(queue, &zero, NULL);
	must(status == NVME_SUCCESS, "seen %#x", status);
	for (uint32_t i = first; i < first + pages; i++)
		model->version[i] = write ? model->next : 0;
}

/* The first page of an image that is not as the model has it, or -1 */
static long model_differs(const struct model *model, const uint8_t *image)
{
	static const uint8_t zero[ARENA_PAGE];

	for (uint32_t i = 0; i < MODEL_PAGES; i++) {
		const uint8_t *page = image + i * ARENA_PAGE;
		uint32_t version = model->version[i];

		if (version ? nvme_pattern_differs(page, i * 8, 8, version) >= 0 :
		    memcmp(page, zero, ARENA_PAGE) != 0)
			return i;
	}
	return -1;
}

/* Reads of any size between writes of any kind: the stream ends up at what the namespace holds. */
TEST_F(state, precopy_random)
{
	uint8_t *bytes = malloc(BUFFER_SIZE);

	for (uint32_t round = 1; round <= 4; round++) {
		struct model model = { .seed = round };
		struct stream stream = { 0 };
		uint8_t *image;
		size_t size;
		int data_fd;

		for (int i = 0; i < 60; i++)
			model_change(&model, self->queue);
		data_fd = migration_go(self->device, PRE_COPY);
		for (int i = 0; i < 150; i++) {
			size_t length = model_random(&model) % (model_random(&model) % 8 ? 9000 :
								BUFFER_SIZE) + 1;
			ssize_t done = migration_read(data_fd, bytes, length);

			ASSERT_TRUE(done > 0 || done == -ENOMSG) TH_LOG("seen %zd", done);
			stream_append(&stream, bytes, done > 0 ? (size_t)done : 0);
			model_change(&model, self->queue);
		}
		migration_go(self->device, STOP_COPY);
		ASSERT_EQ(0, migration_drain(data_fd, &stream));
		EXPECT_STREQ("sound", stream_check(&stream));
		image = stream_image(&stream, &size);
		EXPECT_EQ(-1, model_differs(&model, image)) TH_LOG("round %u", round);
		free(image);
		close(data_fd);
		stream_free(&stream);
		ASSERT_EQ(0, device_reset(self->device));
		nvme_start(self->nvme, 1, 32);
		self->queue = &self->nvme->io[0];
		ASSERT_EQ(0, mdev_write(&self->device->mdev, "namespace_size", "4096"));
		ASSERT_EQ(0, mdev_write(&self->device->mdev, "namespace_size", "67108864"));
		ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &(struct nvme_sqe) {
			.opcode = NVME_WRITE_ZEROES, .nsid = 1, .cdw12 = 7,
		}, NULL));
	}
	free(bytes);
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
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MIB, 1));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 40 * MIB, MIB, 1));
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0, info.flags);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 64 * KIB, 2));
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

/* A resize comes at any place of the stream, also inside of a record of what is gone then. */
TEST_F(state, reinit_inside_a_record)
{
	static const size_t places[] = { 1, 64, 100, 300, 5000, 70001, 200000 };
	static const struct {
		const char *text;
		uint64_t size;
	} sizes[] = { { "4096", 4096 }, { "262144", 262144 }, { "67108864", 67108864 } };
	uint8_t *bytes = malloc(BUFFER_SIZE);

	ASSERT_EQ(0, migration_opt_in(self->device));
	for (size_t i = 0; i < ARRAY_SIZE(places) * ARRAY_SIZE(sizes); i++) {
		size_t place = places[i / ARRAY_SIZE(sizes)], size;
		uint64_t wanted = sizes[i % ARRAY_SIZE(sizes)].size;
		uint64_t filled = wanted < 512 * KIB ? wanted : 512 * KIB;
		struct stream stream = { 0 };
		uint8_t *image;
		int data_fd;

		ASSERT_EQ(0, mdev_write(&self->device->mdev, "namespace_size", "67108864"));
		ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 512 * KIB, 1));
		data_fd = migration_go(self->device, PRE_COPY);
		ASSERT_EQ(place, migration_read(data_fd, bytes, place));
		stream_append(&stream, bytes, place);
		ASSERT_EQ(0, mdev_write(&self->device->mdev, "namespace_size",
					sizes[i % ARRAY_SIZE(sizes)].text));
		ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 4 * KIB, 2));
		migration_go(self->device, STOP_COPY);
		ASSERT_EQ(0, migration_drain(data_fd, &stream));
		EXPECT_STREQ("sound", stream_check(&stream));
		image = stream_image(&stream, &size);
		ASSERT_EQ(wanted, size) TH_LOG("after %zu bytes", place);
		EXPECT_EQ(-1, nvme_pattern_differs(image, 0, 8, 2))
			TH_LOG("after %zu bytes", place);
		EXPECT_EQ(-1, nvme_pattern_differs(image + 4096, 8,
						   (uint32_t)(filled - 4096) / NVME_BLOCK, 1))
			TH_LOG("after %zu bytes", place);
		free(image);
		close(data_fd);
		stream_free(&stream);
		migration_go(self->device, RUNNING);
	}
	free(bytes);
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
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MIB, 1));
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
	for (uint64_t i = 0; i < 128; i++) {
		ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, i * 2 * ARENA_PAGE, ARENA_PAGE, 1));
	}
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 5 * MIB, 16 * KIB, 1));
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

/* Memory may have to be read in first, or to be made: also then all goes in one call. */
TEST_F(state, memory_that_is_not_there)
{
	struct stream stream;
	uint8_t *there, *made;
	int file = memfd_create("stream", MFD_CLOEXEC), data_fd;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 3 * MIB, 1));
	stream = migration_save(self->device);
	ASSERT_EQ(stream.length, write(file, stream.bytes, stream.length));
	there = mmap(NULL, stream.length, PROT_READ, MAP_SHARED, file, 0);
	made = mmap(NULL, stream.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	ASSERT_NE(MAP_FAILED, there);
	ASSERT_NE(MAP_FAILED, made);

	ASSERT_EQ(0, device_reset(self->device));
	data_fd = migration_go(self->device, RESUMING);
	EXPECT_EQ(stream.length, migration_write(data_fd, there, stream.length));
	ASSERT_EQ(0, migration_set(self->device, STOP, NULL));
	close(data_fd);

	data_fd = migration_go(self->device, STOP_COPY);
	EXPECT_EQ(stream.length, migration_read(data_fd, made, stream.length));
	EXPECT_EQ(0, migration_read(data_fd, made, 1));
	close(data_fd);
	munmap(there, stream.length);
	munmap(made, stream.length);
	close(file);
	stream_free(&stream);
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
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 64 * KIB, 1));
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

	EXPECT_EQ(-ENODEV, loading ? migration_write(data_fd, &byte, 1) :
		  migration_read(data_fd, &byte, 1));
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
		struct bench bench;
		struct mdev mdev;
		int data_fd, other_fd;

		bench_setup(&bench, DEVICE_TYPE);
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
		EXPECT_EQ(0, states[i] == RESUMING ? device_reset(self->device) :
			  migration_set(self->device, RUNNING, NULL))
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

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 2 * MIB, 1));
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
			ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 2 * MIB, 1));
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
	static const struct {
		uint32_t via;
		uint32_t state;
	} ways[] = {
		{ RUNNING, STOP }, { RUNNING, STOP_COPY }, { RUNNING, RESUMING },
		{ PRE_COPY, STOP }, { PRE_COPY, STOP_COPY },
	};
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8);

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 8 * KIB, 1));
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const char *name = migration_state_name(ways[i].state);
		int data_fds[2], eventfds[2];
		uint8_t *copy;

		ASSERT_EQ(0, device_reset(self->device));
		device_msix(self->device, eventfds, 2);
		nvme_enable(self->nvme);
		self->queue = nvme_queue_create(self->nvme, 1, 8, 1);
		device_signalled(eventfds[1], 0);
		data_fds[0] = migration_go(self->device, ways[i].via);
		data_fds[1] = migration_go(self->device, ways[i].state);
		sqe.prp1 = arena_iova(&self->bench.arena, self->buffer);
		nvme_push(self->queue, &sqe);
		copy = copy_of(&self->bench.arena);
		nvme_ring(self->queue);
		nvme_write32(self->nvme, NVME_CC, 0);
		nvme_write32(self->nvme, NVME_AQA, 0x10001);
		EXPECT_TRUE(quiet(self->queue, &self->bench.arena, copy, eventfds[1]))
			TH_LOG("%s", name);
		EXPECT_EQ(NVME_CC_ENABLED, nvme_read32(self->nvme, NVME_CC))
			TH_LOG("%s", name);
		EXPECT_NE(0x10001, nvme_read32(self->nvme, NVME_AQA))
			TH_LOG("%s", name);
		if (ways[i].state != RESUMING) {
			migration_go(self->device, RUNNING);
			EXPECT_TRUE(quiet(self->queue, &self->bench.arena, copy, eventfds[1]))
				TH_LOG("what was rung in %s is forgotten", name);
			nvme_ring(self->queue);
			EXPECT_TRUE(must_happen(nvme_peek(self->queue), MUST_TIMEOUT_MS));
		}
		free(copy);
		for (int j = 0; j < 2; j++) {
			close(eventfds[j]);
			if (data_fds[j] >= 0)
				close(data_fds[j]);
		}
	}
}

/* Commands under way are complete when the arc is; what is in the stream is what is in memory. */
TEST_F(state, stop_under_load)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 1024);

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, BUFFER_SIZE, 1));
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

/* What becomes due while the device is stopped comes when it runs again, and not before. */
TEST_F(state, stopped_interrupts)
{
	static const uint32_t states[] = { RUNNING_P2P, PRE_COPY_P2P, STOP, STOP_COPY };
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };
	const uint32_t unmask = VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE;

	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		int intx = device_eventfd(self->device, VFIO_PCI_INTX_IRQ_INDEX, 0), msix, data_fd;
		struct nvme_cqe cqe;

		nvme_submit(&self->nvme->admin, &sqe);
		EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
		data_fd = migration_go(self->device, states[i]);
		ASSERT_EQ(0, device_set_irqs(self->device, unmask, VFIO_PCI_INTX_IRQ_INDEX, 0, 1,
					     NULL, 0));
		EXPECT_EQ(0, device_signalled(intx, QUIET_MS))
			TH_LOG("INTx in %s", migration_state_name(states[i]));
		migration_go(self->device, RUNNING);
		EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS))
			TH_LOG("INTx after %s", migration_state_name(states[i]));
		ASSERT_EQ(0, nvme_reap(&self->nvme->admin, &cqe));
		ASSERT_EQ(0, device_irq_off(self->device, VFIO_PCI_INTX_IRQ_INDEX));
		close(intx);
		if (data_fd >= 0)
			close(data_fd);

		/* A message that found no eventfd, which is attached only then */
		device_msix(self->device, &msix, 1);
		ASSERT_EQ(0, device_irq_off(self->device, VFIO_PCI_MSIX_IRQ_INDEX));
		close(msix);
		ASSERT_EQ(NVME_SUCCESS, nvme_run(&self->nvme->admin, &sqe, NULL));
		data_fd = migration_go(self->device, states[i]);
		msix = device_eventfd(self->device, VFIO_PCI_MSIX_IRQ_INDEX, 0);
		EXPECT_EQ(0, device_signalled(msix, QUIET_MS))
			TH_LOG("MSI-X in %s", migration_state_name(states[i]));
		migration_go(self->device, RUNNING);
		EXPECT_EQ(1, device_signalled(msix, MUST_TIMEOUT_MS))
			TH_LOG("MSI-X after %s", migration_state_name(states[i]));
		close(msix);
		if (data_fd >= 0)
			close(data_fd);
		ASSERT_EQ(0, device_reset(self->device));
		nvme_start(self->nvme, 1, 32);
	}
}

TEST_F(state, p2p_remembers_doorbells)
{
	static const uint32_t states[] = { RUNNING_P2P, PRE_COPY_P2P };
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8);

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 8 * KIB, 1));
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

TEST_MAIN
