// SPDX-License-Identifier: GPL-2.0
/*
 * Faults and load: each does what it says, is told of, counted and got over,
 * and the device works afterwards.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include "genl.h"
#include "migration.h"
#include "test.h"

#define MIB		(1024 * 1024)
#define LONG_MS		600000

FIXTURE(fault) {
	struct bench bench;
	struct device *device;
	const char *name;
	struct genl *genl;
	struct genl *events;
	struct genl_message message;
};

FIXTURE_SETUP(fault)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->name = self->device->mdev.uuid;
	self->genl = genl_open();
	self->events = genl_open();
	genl_subscribe(self->events, 0);
	nvme_start(&self->bench.nvme, 1, 32);
}

FIXTURE_TEARDOWN(fault)
{
	genl_fault_clear(self->genl, self->name, 0);
	genl_close(self->genl);
	genl_close(self->events);
	TEST_TEARDOWN(&self->bench);
}

#define FAULT(kind)								\
	genl_fault(self->genl, &self->message, self->name, MDEVSIM_FAULT_KIND_##kind)
#define WITH32(attribute, value)						\
	genl_put_u32(&self->message, MDEVSIM_A_FAULT_##attribute, value)
#define WITH64(attribute, value)						\
	genl_put_u64(&self->message, MDEVSIM_A_FAULT_##attribute, value)
#define ADD()		genl_fault_add(self->genl, &self->message)
#define HITS(id)	genl_fault_hits(self->genl, self->name, id)

/* ---- Arcs -------------------------------------------------------------- */

TEST_F(fault, arc_once)
{
	FAULT(ARC);
	WITH32(ERRNO, EBUSY);
	WITH32(FROM, RUNNING_P2P);
	WITH32(TO, STOP);
	WITH32(TIMES, 1);
	uint32_t id = ADD();

	EXPECT_EQ(-EBUSY, migration_set(self->device, STOP, NULL));
	EXPECT_EQ(RUNNING_P2P, migration_get(self->device, NULL));
	EXPECT_EQ(1, HITS(id));
	ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_FAULT));
	EXPECT_EQ(id, genl_u32(self->events, MDEVSIM_A_EVENT_FAULT));
	ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_STATE));
	EXPECT_EQ(EBUSY, genl_u32(self->events, MDEVSIM_A_EVENT_ERRNO));
	EXPECT_EQ(STOP, genl_u32(self->events, MDEVSIM_A_EVENT_TO));
	migration_go(self->device, STOP);
	EXPECT_EQ(1, HITS(id));
}

TEST_F(fault, arc_times_and_always)
{
	FAULT(ARC);
	WITH32(ERRNO, EIO);
	WITH32(TIMES, 3);
	uint32_t id = ADD();

	for (int i = 0; i < 3; i++)
		EXPECT_EQ(-EIO, migration_set(self->device, STOP, NULL));
	migration_go(self->device, STOP);
	migration_go(self->device, RUNNING);
	FAULT(ARC);
	WITH32(ERRNO, ENOMEM);
	WITH32(TO, PRE_COPY);
	ADD();
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(-ENOMEM, migration_set(self->device, PRE_COPY, NULL));
	EXPECT_EQ(3, HITS(id));
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	close(migration_go(self->device, PRE_COPY));
}

/* With one chance in two, 200 arcs neither all fail nor all succeed. */
TEST_F(fault, arc_by_chance)
{
	unsigned int failed = 0;

	FAULT(ARC);
	WITH32(ERRNO, EAGAIN);
	WITH32(FROM, RUNNING);
	WITH32(PROBABILITY, MDEVSIM_CERTAIN / 2);
	uint32_t id = ADD();

	for (int i = 0; i < 200; i++) {
		int ret = migration_set(self->device, RUNNING_P2P, NULL);

		failed += ret == -EAGAIN;
		if (!ret)
			migration_go(self->device, RUNNING);
	}
	EXPECT_LT(30, failed);
	EXPECT_GT(170, failed);
	EXPECT_EQ(failed, HITS(id));
}

TEST_F(fault, error)
{
	struct stream stream = { 0 };
	int data_fd = migration_go(self->device, PRE_COPY);

	FAULT(ERROR);
	WITH32(TO, STOP_COPY);
	ADD();
	EXPECT_EQ(-EIO, migration_set(self->device, STOP_COPY, NULL));
	EXPECT_EQ(ERROR, migration_get(self->device, NULL));
	EXPECT_EQ(-ENODEV, migration_drain(data_fd, &stream));
	EXPECT_EQ(-EIO, migration_set(self->device, RUNNING, NULL));
	close(data_fd);
	ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_FAULT));
	while (genl_u32(self->events, MDEVSIM_A_EVENT_TO) != ERROR ||
	       !genl_attr(self->events, MDEVSIM_A_EVENT_TO))
		ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_STATE));
	EXPECT_EQ(0, device_reset(self->device));
	EXPECT_EQ(RUNNING, migration_get(self->device, NULL));
	stream_free(&stream);
}

struct waiter {
	struct device *device;
	int ret;
};

static void *stop_thread(void *arg)
{
	struct waiter *waiter = arg;

	waiter->ret = migration_set(waiter->device, STOP, NULL);
	return NULL;
}

/* While an arc is stalled everybody can look, and who removes the fault lets it go on. */
TEST_F(fault, stalled_arc_is_seen_and_let_go)
{
	struct waiter waiter = { .device = self->device };
	uint64_t start = must_now_ms();
	pthread_t thread;

	FAULT(STALL_ARC);
	WITH32(DELAY_MS, LONG_MS);
	WITH32(TO, STOP);
	uint32_t id = ADD();

	ASSERT_EQ(0, pthread_create(&thread, NULL, stop_thread, &waiter));
	ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_FAULT));
	ASSERT_EQ(0, genl_device(self->genl, self->name));
	EXPECT_EQ(RUNNING_P2P, genl_u32(self->genl, MDEVSIM_A_DEV_STATE));
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, id));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, waiter.ret);
	EXPECT_GT(LONG_MS / 2, must_now_ms() - start);
}

TEST_F(fault, stalled_arc_can_be_killed)
{
	int status;
	pid_t child;

	FAULT(STALL_ARC);
	WITH32(DELAY_MS, LONG_MS);
	ADD();
	child = fork();
	if (!child) {
		migration_set(self->device, STOP, NULL);
		_exit(0);
	}
	ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_FAULT));
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(RUNNING, migration_get(self->device, NULL));
}

TEST_F(fault, stalled_arc_takes_its_time)
{
	uint64_t start;

	FAULT(STALL_ARC);
	WITH32(DELAY_MS, 300);
	WITH32(TO, RUNNING_P2P);
	ADD();
	start = must_now_ms();
	migration_go(self->device, RUNNING_P2P);
	EXPECT_LE(290, must_now_ms() - start);
}

/* ---- The stream -------------------------------------------------------- */

TEST_F(fault, data_fails_at_a_byte)
{
	struct stream stream = { 0 };
	int data_fd;

	FAULT(DATA);
	WITH64(OFFSET, 1000);
	WITH32(ERRNO, EIO);
	WITH32(TIMES, 1);
	ADD();
	data_fd = migration_go(self->device, STOP_COPY);
	EXPECT_EQ(-EIO, migration_drain(data_fd, &stream));
	EXPECT_EQ(1000, stream.length);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_STREQ("sound", stream_check(&stream));
	close(data_fd);
	stream_free(&stream);
}

TEST_F(fault, data_fails_where_it_is_written)
{
	struct stream stream = migration_save(self->device);

	migration_go(self->device, RUNNING);
	FAULT(DATA);
	WITH64(OFFSET, 1000);
	WITH32(ERRNO, EIO);
	ADD();
	EXPECT_EQ(-EIO, migration_load(self->device, &stream, 0));
	EXPECT_EQ(0, device_reset(self->device));
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	EXPECT_EQ(0, migration_load(self->device, &stream, 0));
	stream_free(&stream);
}

/* Exactly one bit differs, and whoever loads it notices. */
TEST_F(fault, flip_on_the_way_out)
{
	struct stream stream = { 0 };
	int data_fd;

	FAULT(FLIP);
	WITH64(OFFSET, 777);
	genl_put_u8(&self->message, MDEVSIM_A_FAULT_BIT, 6);
	uint32_t id = ADD();

	data_fd = migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	close(data_fd);
	EXPECT_EQ(1, HITS(id));
	migration_go(self->device, RUNNING);
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	EXPECT_STRNE("sound", stream_check(&stream));
	EXPECT_EQ(-EBADMSG, migration_load(self->device, &stream, 0));
	stream.bytes[777] ^= 1 << 6;
	EXPECT_STREQ("sound", stream_check(&stream));
	EXPECT_EQ(0, device_reset(self->device));
	EXPECT_EQ(0, migration_load(self->device, &stream, 0));
	stream_free(&stream);
}

/* In the middle of namespace data too, which takes another way */
TEST_F(fault, flip_in_a_page)
{
	void *page = arena_page(&self->bench.arena);
	struct mdevsim_state_ns_extent *extent;
	struct stream stream = { 0 };
	struct stream_record record;
	uint64_t at;
	int data_fd;

	nvme_pattern(page, 0, 8, 1);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(&self->bench.nvme.io[0], NVME_WRITE, 0, 8, page));
	stream = migration_save(self->device);
	record = stream_at(&stream, stream_find(&stream, MDEVSIM_RECORD_NS_DATA, 0));
	extent = stream_body(&stream, &record);
	at = (uint8_t *)extent->data - stream.bytes + 2000;
	stream_free(&stream);
	migration_go(self->device, RUNNING);
	FAULT(FLIP);
	WITH64(OFFSET, at);
	genl_put_u8(&self->message, MDEVSIM_A_FAULT_BIT, 0);
	ADD();
	stream = (struct stream) { 0 };
	data_fd = migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	close(data_fd);
	EXPECT_STRNE("sound", stream_check(&stream));
	stream.bytes[at] ^= 1;
	EXPECT_STREQ("sound", stream_check(&stream));
	stream_free(&stream);
}

TEST_F(fault, flip_on_the_way_in)
{
	struct stream stream = migration_save(self->device);

	migration_go(self->device, RUNNING);
	FAULT(FLIP);
	WITH64(OFFSET, 500);
	genl_put_u8(&self->message, MDEVSIM_A_FAULT_BIT, 1);
	uint32_t id = ADD();

	EXPECT_EQ(-EBADMSG, migration_load(self->device, &stream, 0));
	EXPECT_EQ(1, HITS(id));
	stream_free(&stream);
}

TEST_F(fault, truncate)
{
	struct stream stream = { 0 };
	int data_fd;

	FAULT(TRUNCATE);
	WITH64(OFFSET, 1500);
	ADD();
	data_fd = migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_EQ(1500, stream.length);
	close(data_fd);
	stream_free(&stream);
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	migration_go(self->device, RUNNING);
	stream = migration_save(self->device);
	migration_go(self->device, RUNNING);
	FAULT(TRUNCATE);
	WITH64(OFFSET, 1500);
	ADD();
	EXPECT_EQ(-ENODATA, migration_load(self->device, &stream, 0));
	stream_free(&stream);
}

/* One hit is the end of the stream, when the fault is over and when it is removed. */
TEST_F(fault, truncate_once)
{
	struct stream stream = migration_save(self->device), part = { 0 };
	int data_fd;

	migration_go(self->device, RUNNING);
	FAULT(TRUNCATE);
	WITH64(OFFSET, 1500);
	WITH32(TIMES, 1);
	uint32_t id = ADD();

	EXPECT_EQ(-ENODATA, migration_load(self->device, &stream, 100));
	EXPECT_EQ(1, HITS(id));
	EXPECT_EQ(0, device_reset(self->device));
	EXPECT_EQ(0, migration_load(self->device, &stream, 100));
	migration_go(self->device, RUNNING);
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	FAULT(TRUNCATE);
	WITH64(OFFSET, 1500);
	id = ADD();
	data_fd = migration_go(self->device, STOP_COPY);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, migration_drain(data_fd, &part));
	EXPECT_EQ(1500, part.length);
	EXPECT_EQ(1, HITS(id));
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	EXPECT_EQ(0, migration_drain(data_fd, &part));
	EXPECT_EQ(1500, part.length);
	close(data_fd);
	stream_free(&part);
	stream_free(&stream);
}

/* What chance spares it spares for good: a stream is whole, or nothing but its beginning. */
TEST_F(fault, truncate_by_chance)
{
	struct stream stream = migration_save(self->device), part;
	unsigned int whole = 0;
	int data_fd;

	migration_go(self->device, RUNNING);
	FAULT(TRUNCATE);
	WITH64(OFFSET, 100);
	WITH32(PROBABILITY, MDEVSIM_CERTAIN / 2);
	uint32_t id = ADD();

	for (int i = 0; i < 60; i++) {
		part = (struct stream) { 0 };
		data_fd = migration_go(self->device, STOP_COPY);
		EXPECT_EQ(0, migration_drain(data_fd, &part));
		close(data_fd);
		migration_go(self->device, RUNNING);
		EXPECT_TRUE(part.length == 100 || part.length == stream.length)
			TH_LOG("%zu bytes of %zu", part.length, stream.length);
		whole += part.length == stream.length;
		stream_free(&part);
	}
	EXPECT_EQ(60 - whole, HITS(id));
	EXPECT_LT(5, whole);
	EXPECT_GT(55, whole);
	stream_free(&stream);
}

TEST_F(fault, refuse)
{
	struct stream stream = migration_save(self->device);
	char why[192];

	migration_go(self->device, RUNNING);
	FAULT(REFUSE);
	uint32_t id = ADD();

	EXPECT_EQ(-EXDEV, migration_load(self->device, &stream, 0));
	migration_refusal(self->device, why, sizeof(why));
	EXPECT_STREQ("every stream is refused, by a fault", why);
	EXPECT_EQ(1, HITS(id));
	stream_free(&stream);
}

/* 64 KiB at 128 KiB in a second take a quarter of one or more, 4 KiB being there at once. */
TEST_F(fault, rate)
{
	struct stream stream = { 0 };
	uint64_t start;
	int data_fd;

	genl_begin(self->genl, &self->message, MDEVSIM_CMD_SHAPE_SET, 0);
	genl_put_string(&self->message, MDEVSIM_A_SHAPE_DEV, self->name);
	genl_put_u64(&self->message, MDEVSIM_A_SHAPE_FINAL_EXTRA, 64 << 10);
	ASSERT_EQ(0, genl_do(self->genl, &self->message));
	FAULT(RATE);
	WITH64(RATE, 128 << 10);
	ADD();
	start = must_now_ms();
	data_fd = migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_LE(450, must_now_ms() - start);
	EXPECT_STREQ("sound", stream_check(&stream));
	close(data_fd);
	stream_free(&stream);
}

/* What one rate allowed for says nothing about another, even where one is 2^35 times the other. */
TEST_F(fault, rate_changes)
{
	int data_fd = migration_go(self->device, STOP_COPY);
	uint64_t start = must_now_ms();
	char bytes[16];

	FAULT(RATE);
	WITH64(RATE, UINT64_C(1) << 44);
	ADD();
	ASSERT_EQ(16, read(data_fd, bytes, sizeof(bytes)));
	ASSERT_TRUE(must_happen(must_now_ms() - start > 2000, MUST_TIMEOUT_MS));
	ASSERT_EQ(16, read(data_fd, bytes, sizeof(bytes)));
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	FAULT(RATE);
	WITH64(RATE, 500);
	ADD();
	start = must_now_ms();
	ASSERT_EQ(16, read(data_fd, bytes, sizeof(bytes)));
	EXPECT_GT(30000, must_now_ms() - start);
	EXPECT_LE(8000, must_now_ms() - start);
	close(data_fd);
}

struct reader {
	int data_fd;
	int ret;
};

static void *drain_thread(void *arg)
{
	struct reader *reader = arg;
	struct stream stream = { 0 };

	reader->ret = migration_drain(reader->data_fd, &stream);
	stream_free(&stream);
	return NULL;
}

/* A read that stalls holds up nobody, and ends with its session. */
TEST_F(fault, stalled_read)
{
	struct reader reader = { .data_fd = migration_go(self->device, PRE_COPY) };
	pthread_t thread;

	FAULT(STALL_DATA);
	WITH32(DELAY_MS, LONG_MS);
	WITH64(OFFSET, 300);
	ADD();
	ASSERT_EQ(0, pthread_create(&thread, NULL, drain_thread, &reader));
	ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_FAULT));
	migration_go(self->device, RUNNING);
	pthread_join(thread, NULL);
	EXPECT_EQ(-ENODEV, reader.ret);
	close(reader.data_fd);
}

/* ---- What is said ------------------------------------------------------ */

TEST_F(fault, precopy_info)
{
	int data_fd = migration_go(self->device, PRE_COPY);
	struct vfio_precopy_info info;

	FAULT(PRECOPY_INFO);
	WITH64(INITIAL_BYTES, 1 << 20);
	WITH64(DIRTY_BYTES, 12345);
	WITH32(TIMES, 1);
	ADD();
	EXPECT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(1 << 20, info.initial_bytes);
	EXPECT_EQ(12345, info.dirty_bytes);
	EXPECT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0, info.dirty_bytes);
	close(data_fd);
}

TEST_F(fault, data_size)
{
	uint64_t truth = migration_data_size(self->device);

	FAULT(DATA_SIZE);
	WITH64(SIZE, UINT64_C(40) << 30);
	ADD();
	EXPECT_EQ(UINT64_C(40) << 30, migration_data_size(self->device));
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	EXPECT_EQ(truth, migration_data_size(self->device));
}

/* ---- Commands ---------------------------------------------------------- */

TEST_F(fault, nvme_status)
{
	struct nvme_queue *queue = &self->bench.nvme.io[0];
	void *page = arena_page(&self->bench.arena);

	FAULT(NVME_STATUS);
	WITH32(STATUS, 0x281);
	genl_put_u8(&self->message, MDEVSIM_A_FAULT_OPCODE, NVME_READ);
	WITH32(TIMES, 1);
	ADD();
	EXPECT_EQ(NVME_SUCCESS, nvme_io(queue, NVME_WRITE, 0, 8, page));
	EXPECT_EQ(0x281, nvme_io(queue, NVME_READ, 0, 8, page));
	EXPECT_EQ(NVME_SUCCESS, nvme_io(queue, NVME_READ, 0, 8, page));
}

/* Others complete, the device can be stopped, and the controller be disabled. */
TEST_F(fault, nvme_timeout)
{
	struct nvme_queue *queue = &self->bench.nvme.io[0];
	struct nvme_sqe flush = nvme_sqe_io(NVME_FLUSH, 0, 0);
	void *page = arena_page(&self->bench.arena);
	struct nvme_cqe cqe;

	FAULT(NVME_TIMEOUT);
	genl_put_u8(&self->message, MDEVSIM_A_FAULT_OPCODE, NVME_FLUSH);
	uint32_t id = ADD();

	nvme_submit(queue, &flush);
	ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_FAULT));
	EXPECT_EQ(NVME_SUCCESS, nvme_io(queue, NVME_READ, 0, 8, page));
	EXPECT_FALSE(nvme_take(queue, &cqe));
	EXPECT_EQ(1, HITS(id));
	migration_go(self->device, STOP);
	migration_go(self->device, RUNNING);
	nvme_disable(&self->bench.nvme);
}

/* ---- Shape ------------------------------------------------------------- */

static void shape(struct genl *genl, struct genl_message *message, const char *name,
		  uint64_t rate, uint64_t span)
{
	int ret;

	genl_begin(genl, message, MDEVSIM_CMD_SHAPE_SET, 0);
	genl_put_string(message, MDEVSIM_A_SHAPE_DEV, name);
	genl_put_u64(message, MDEVSIM_A_SHAPE_DIRTY_RATE, rate);
	genl_put_u64(message, MDEVSIM_A_SHAPE_DIRTY_SPAN, span);
	ret = genl_do(genl, message);
	must(!ret, "a load, seen %d: %s", ret, genl->reason);
}

static uint64_t dirtied(struct genl *genl, struct genl_message *message, const char *name)
{
	genl_begin(genl, message, MDEVSIM_CMD_SHAPE_GET, 0);
	genl_put_string(message, MDEVSIM_A_SHAPE_DEV, name);
	must(!genl_do(genl, message), "%s", genl->reason);
	return genl_u64(genl, MDEVSIM_A_SHAPE_DIRTIED);
}

#define DIRTIED()	dirtied(self->genl, &self->message, self->name)

/* It dirties what has been sent, changes nothing, stops with the device and goes on with it. */
TEST_F(fault, writer)
{
	struct nvme_queue *queue = &self->bench.nvme.io[0];
	struct stream stream = { 0 };
	int data_fd, error;
	uint64_t stopped;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(queue, 0, MIB, 7));
	shape(self->genl, &self->message, self->name, 4 * MIB, MIB);
	data_fd = migration_go(self->device, PRE_COPY);
	error = migration_drain(data_fd, &stream);
	EXPECT_EQ(-ENOMSG, error);
	EXPECT_TRUE(migration_readable(data_fd, MUST_TIMEOUT_MS));
	migration_go(self->device, STOP_COPY);
	stopped = DIRTIED();
	EXPECT_LT(0, stopped);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	EXPECT_STREQ("sound", stream_check(&stream));
	EXPECT_EQ(stopped, DIRTIED());
	close(data_fd);
	migration_go(self->device, RUNNING);
	EXPECT_TRUE(must_happen(DIRTIED() > stopped, MUST_TIMEOUT_MS));
	EXPECT_EQ(-1, nvme_filled_differs(queue, 0, MIB, 7));
	EXPECT_EQ(0, device_reset(self->device));
	stopped = DIRTIED();
	EXPECT_TRUE(must_happen(DIRTIED() > stopped, MUST_TIMEOUT_MS));
	shape(self->genl, &self->message, self->name, 0, 0);
	stream_free(&stream);
}

/* More than can ever be done is not owed to who asks for less, or for nothing, afterwards. */
TEST_F(fault, writer_changes)
{
	uint64_t seen;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->bench.nvme.io[0], 0, MIB, 7));
	shape(self->genl, &self->message, self->name, UINT64_C(1) << 44, MIB);
	EXPECT_TRUE(must_happen(DIRTIED() > MIB, MUST_TIMEOUT_MS));
	shape(self->genl, &self->message, self->name, 40960, MIB);
	/* What was under way is counted when it ends. */
	seen = DIRTIED();
	EXPECT_TRUE(must_happen(DIRTIED() > seen, MUST_TIMEOUT_MS));
	seen = DIRTIED();
	EXPECT_TRUE(must_happen(DIRTIED() > seen + 40960, MUST_TIMEOUT_MS));
	EXPECT_GT(seen + MIB, DIRTIED());
	shape(self->genl, &self->message, self->name, 0, 0);
}

TEST_F(fault, writer_in_guest_memory)
{
	uint64_t *page = arena_page(&self->bench.arena);
	uint64_t address = self->bench.arena.iova +
			   ((uint8_t *)page - (uint8_t *)self->bench.arena.memory);

	memset(page, 0xff, 4096);
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_SHAPE_SET, 0);
	genl_put_string(&self->message, MDEVSIM_A_SHAPE_DEV, self->name);
	genl_put_u64(&self->message, MDEVSIM_A_SHAPE_DIRTY_RATE, MIB);
	genl_put_u32(&self->message, MDEVSIM_A_SHAPE_TARGET, MDEVSIM_TARGET_GUEST);
	EXPECT_EQ(-EINVAL, genl_do(self->genl, &self->message));
	EXPECT_STREQ("which guest memory may be overwritten is missing", self->genl->reason);
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_SHAPE_SET, 0);
	genl_put_string(&self->message, MDEVSIM_A_SHAPE_DEV, self->name);
	genl_put_u64(&self->message, MDEVSIM_A_SHAPE_DIRTY_RATE, MIB);
	genl_put_u32(&self->message, MDEVSIM_A_SHAPE_TARGET, MDEVSIM_TARGET_GUEST);
	genl_put_u64(&self->message, MDEVSIM_A_SHAPE_GUEST_ADDRESS, address);
	genl_put_u64(&self->message, MDEVSIM_A_SHAPE_GUEST_LENGTH, 4096);
	EXPECT_EQ(0, genl_do(self->genl, &self->message));
	EXPECT_TRUE(must_happen(__atomic_load_n(&page[511], __ATOMIC_ACQUIRE) == 0,
				MUST_TIMEOUT_MS));
	shape(self->genl, &self->message, self->name, 0, 0);
}

static uint64_t extra_of(const struct stream *stream)
{
	const struct mdevsim_state_synthetic *body;
	struct stream_record record;
	uint64_t sum = 0;
	long at = -1;

	while ((at = stream_find(stream, MDEVSIM_RECORD_SYNTHETIC, at + 1)) >= 0) {
		record = stream_at(stream, at);
		body = stream_body(stream, &record);
		sum += body->length;
	}
	return sum;
}

TEST_F(fault, extra_state)
{
	struct stream stream = { 0 };
	struct vfio_precopy_info info;
	uint64_t size;
	int data_fd;

	genl_begin(self->genl, &self->message, MDEVSIM_CMD_SHAPE_SET, 0);
	genl_put_string(&self->message, MDEVSIM_A_SHAPE_DEV, self->name);
	genl_put_u64(&self->message, MDEVSIM_A_SHAPE_INITIAL_EXTRA, 2 * MIB + 4711);
	genl_put_u64(&self->message, MDEVSIM_A_SHAPE_FINAL_EXTRA, MIB + 1);
	ASSERT_EQ(0, genl_do(self->genl, &self->message));
	size = migration_data_size(self->device);
	EXPECT_LE(3 * MIB + 4712, size);
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_LE(2 * MIB + 4711, info.initial_bytes);
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	EXPECT_EQ(2 * MIB + 4711, extra_of(&stream));
	ASSERT_EQ(0, migration_precopy_info(data_fd, &info));
	EXPECT_EQ(0, info.initial_bytes);
	migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	close(data_fd);
	EXPECT_EQ(3 * MIB + 4712, extra_of(&stream));
	EXPECT_GE(size, stream.length);
	EXPECT_STREQ("sound", stream_check(&stream));
	migration_go(self->device, RUNNING);
	EXPECT_EQ(0, migration_load(self->device, &stream, 10007));
	stream_free(&stream);
	/* A stream of version 1.0 has none, and is not said to have any. */
	migration_go(self->device, RUNNING);
	ASSERT_EQ(0, mdev_write(&self->device->mdev, "migration/stream_version", "1.0"));
	EXPECT_GT(3 * MIB, migration_data_size(self->device));
	stream = migration_save(self->device);
	EXPECT_EQ(0, extra_of(&stream));
	stream_free(&stream);
}

static void set_delay(struct genl *genl, struct genl_message *message, const char *name,
		      uint32_t ms)
{
	struct { struct nlattr a; uint32_t state; struct nlattr b; uint32_t ms; } delay = {
		{ 8, MDEVSIM_A_DELAY_STATE }, STOP, { 8, MDEVSIM_A_DELAY_MS }, ms,
	};
	int ret;

	genl_begin(genl, message, MDEVSIM_CMD_SHAPE_SET, 0);
	genl_put_string(message, MDEVSIM_A_SHAPE_DEV, name);
	genl_put(message, MDEVSIM_A_SHAPE_DELAY | NLA_F_NESTED, &delay, sizeof(delay));
	ret = genl_do(genl, message);
	must(!ret, "a delay, seen %d: %s", ret, genl->reason);
}

TEST_F(fault, delay)
{
	uint64_t start;

	set_delay(self->genl, &self->message, self->name, 300);
	start = must_now_ms();
	migration_go(self->device, STOP);
	EXPECT_LE(290, must_now_ms() - start);
}

/* The arc before the one that waits is told of when it is over. */
TEST_F(fault, delay_called_off)
{
	struct waiter waiter = { .device = self->device };
	uint64_t start = must_now_ms();
	pthread_t thread;

	set_delay(self->genl, &self->message, self->name, LONG_MS);
	ASSERT_EQ(0, pthread_create(&thread, NULL, stop_thread, &waiter));
	ASSERT_TRUE(genl_event_of(self->events, self->name, MDEVSIM_EVENT_KIND_STATE));
	EXPECT_EQ(RUNNING_P2P, genl_u32(self->events, MDEVSIM_A_EVENT_TO));
	set_delay(self->genl, &self->message, self->name, 0);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, waiter.ret);
	EXPECT_GT(LONG_MS / 2, must_now_ms() - start);
}

TEST_MAIN
