// SPDX-License-Identifier: GPL-2.0
/*
 * The migration region: the same states and the same stream as those of the
 * migration feature, in the shape that QEMU up to 7.2 knows.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include "genl.h"
#include "migration.h"
#include "region.h"
#include "test.h"

#define MIB		(1024 * 1024)
#define BUFFER_SIZE	(512 * 1024)

FIXTURE(region) {
	struct bench bench;
	struct device *device;
	struct nvme *nvme;
	struct region region;
	uint8_t *buffer;
};

FIXTURE_SETUP(region)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->nvme = &self->bench.nvme;
	self->buffer = arena_alloc(&self->bench.arena, BUFFER_SIZE, ARENA_PAGE);
	nvme_start(self->nvme, 1, 32);
	ASSERT_TRUE(region_find(&self->region, self->device));
}

FIXTURE_TEARDOWN(region)
{
	TEST_TEARDOWN(&self->bench);
}

/* One area, which is all of the data section: what strict users insist on */
TEST_F(region, layout)
{
	uint64_t offset;

	EXPECT_EQ(VFIO_PCI_NUM_REGIONS, self->region.index);
	EXPECT_EQ(1, self->region.areas);
	EXPECT_EQ(self->region.size, self->region.area_offset + self->region.area_size);
	EXPECT_EQ(0, self->region.area_offset % 4096);
	ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(data_offset), &offset));
	EXPECT_EQ(self->region.area_offset, offset);
	EXPECT_EQ(REGION_RUNNING, region_state(&self->region));
}

TEST_F(region, register_widths)
{
	static const struct {
		uint64_t offset;
		size_t width;
		bool valid;
	} accesses[] = {
		{ 0, 4, true }, { 0, 1, false }, { 0, 2, false }, { 0, 8, false }, { 2, 2, false },
		{ 4, 4, false }, { 8, 8, true }, { 8, 4, false }, { 12, 4, false },
		{ 16, 8, true }, { 24, 8, true }, { 24, 4, false }, { 32, 8, false },
		{ 0, 32, false }, { 4088, 8, false }, { 4095, 2, false },
	};
	uint64_t bytes[4];

	for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
		ssize_t width = (ssize_t)accesses[i].width;

		EXPECT_EQ(accesses[i].valid ? width : -EINVAL,
			  device_pread(self->device, bytes, accesses[i].width,
				       self->region.offset + accesses[i].offset))
			TH_LOG("%zu bytes at %llu", accesses[i].width,
			       (unsigned long long)accesses[i].offset);
	}
	EXPECT_EQ(-EINVAL, region_put(&self->region, REGION_REGISTER(pending_bytes), 0));
	EXPECT_EQ(-EINVAL, region_put(&self->region, REGION_REGISTER(data_offset), 4096));
	EXPECT_EQ(-EINVAL, region_put(&self->region, REGION_REGISTER(data_size), 1));
	EXPECT_EQ(-EINVAL, device_pread(self->device, bytes, 8,
					self->region.offset + self->region.size - 4));
	EXPECT_EQ(-EINVAL, device_pwrite(self->device, bytes, 8,
					 self->region.offset + self->region.size));
}

static const uint32_t states[] = {
	REGION_STOP, REGION_RUNNING, REGION_STOP_COPY, REGION_PRE_COPY, REGION_RESUMING,
};

/* What leads there, by the feature's names */
static const uint32_t proper[] = { STOP, RUNNING, STOP_COPY, PRE_COPY, RESUMING };

static int expected_arc(uint32_t from, uint32_t to)
{
	if (from == REGION_STOP_COPY && to == REGION_PRE_COPY)
		return -EINVAL;
	/* A session of its own begins only with a state that was given up completely. */
	return from == REGION_RESUMING && to != from ? -ENODATA : 0;
}

/* Every state from every other; the same one again changes nothing. */
TEST_F(region, states)
{
	for (size_t from = 0; from < ARRAY_SIZE(states); from++) {
		for (size_t to = 0; to < ARRAY_SIZE(states); to++) {
			int expected = expected_arc(states[from], states[to]);

			ASSERT_EQ(0, device_reset(self->device));
			ASSERT_EQ(0, region_go(&self->region, states[from]));
			EXPECT_EQ(proper[from], migration_get(self->device, NULL));
			EXPECT_EQ(0, region_go(&self->region, states[from]));
			EXPECT_EQ(expected, region_go(&self->region, states[to]))
				TH_LOG("%u to %u", states[from], states[to]);
			EXPECT_EQ(expected ? states[from] : states[to],
				  region_state(&self->region));
		}
	}
	ASSERT_EQ(0, device_reset(self->device));
	EXPECT_EQ(REGION_RUNNING, region_state(&self->region));
}

/* States that only the feature has are shown as what they are like. */
TEST_F(region, states_of_the_feature)
{
	static const struct {
		uint32_t state;
		uint32_t shown;
	} all[] = {
		{ STOP, REGION_STOP }, { RUNNING, REGION_RUNNING },
		{ STOP_COPY, REGION_STOP_COPY }, { RESUMING, REGION_RESUMING },
		{ RUNNING_P2P, REGION_RUNNING }, { PRE_COPY, REGION_PRE_COPY },
		{ PRE_COPY_P2P, REGION_PRE_COPY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int data_fd;

		ASSERT_EQ(0, device_reset(self->device));
		data_fd = migration_go(self->device, all[i].state);
		EXPECT_EQ(all[i].shown, region_state(&self->region))
			TH_LOG("%s", migration_state_name(all[i].state));
		if (data_fd >= 0)
			close(data_fd);
	}
}

TEST_F(region, states_that_do_not_exist)
{
	static const uint32_t none[] = { 5, REGION_ERROR, 7, 8, 9, 0x80000001, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		EXPECT_EQ(-EINVAL, region_go(&self->region, none[i]));
		EXPECT_EQ(REGION_RUNNING, region_state(&self->region));
	}
}

static struct stream save(struct region *region)
{
	struct stream stream = { 0 };

	must(region_go(region, REGION_PRE_COPY) == 0, "entering pre-copy");
	must(region_take(region, &stream) == 0, "reading in pre-copy");
	must(region_go(region, REGION_STOP_COPY) == 0, "entering stop-and-copy");
	must(region_take(region, &stream) == 0, "reading in stop-and-copy");
	must(region_go(region, REGION_STOP) == 0, "stopping");
	return stream;
}

static int load(struct region *region, const struct stream *stream, uint64_t chunk)
{
	int error;

	must(device_reset(region->device) == 0, "resetting");
	must(region_go(region, REGION_RESUMING) == 0, "entering resuming");
	error = region_give(region, stream, chunk);
	return error ?: region_go(region, REGION_RUNNING);
}

/* Half of the time some of what there is to read is read, and taken or not. */
static void read_some(struct region *region, uint32_t random)
{
	struct stream stream = { 0 };
	uint64_t pending;

	if (random & 1)
		return;
	must(region_get(region, REGION_REGISTER(pending_bytes), &pending) == 0, "no pending_bytes");
	must(region_take_data(region, &stream) == 0, "reading in state %u", region_state(region));
	if (random & 2)
		must(region_get(region, REGION_REGISTER(pending_bytes), &pending) == 0,
		     "no pending_bytes");
	stream_free(&stream);
}

/* Any order of states, those that do not exist among them; the device ends as what it was. */
TEST_F(region, random_walk)
{
	uint32_t state = REGION_RUNNING, seed = 54321;
	struct stream stream, again;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->nvme->io[0], 0, 256 * 1024, 1));
	stream = migration_save(self->device);
	ASSERT_EQ(0, device_reset(self->device));
	for (int i = 0; i < 300; i++) {
		uint32_t random = (seed = seed * 1103515245 + 12345) >> 16, to = random & 7;
		int expected = to < 5 ? 0 : -EINVAL;

		if (state == REGION_STOP_COPY && to == REGION_PRE_COPY)
			expected = -EINVAL;
		ASSERT_EQ(expected, region_go(&self->region, to))
			TH_LOG("step %d, %u to %u", i, state, to);
		if (expected == 0 && to == REGION_RESUMING && state != to) {
			ASSERT_EQ(0, region_give(&self->region, &stream, 4096));
		}
		state = expected ? state : to;
		ASSERT_EQ(state, region_state(&self->region)) TH_LOG("step %d", i);
		if (state == REGION_PRE_COPY || state == REGION_STOP_COPY)
			read_some(&self->region, random >> 3);
	}
	ASSERT_EQ(0, device_reset(self->device));
	ASSERT_EQ(0, load(&self->region, &stream, 0));
	again = migration_save(self->device);
	EXPECT_STREQ("same", stream_same_state(&stream, &again));
	stream_free(&stream);
	stream_free(&again);
}

/* A device with something in each record, and in its namespace */
static void fill(struct bench *bench, uint8_t *buffer)
{
	for (size_t i = 0; i < BUFFER_SIZE; i++)
		buffer[i] = (uint8_t)(i * 7 + i / 4096);
	for (uint64_t lba = 0; lba < 8 * 1024; lba += BUFFER_SIZE / 512)
		must(nvme_io(&bench->nvme.io[0], NVME_WRITE, lba, BUFFER_SIZE / 512, buffer) == 0,
		     "writing at block %llu", (unsigned long long)lba);
}

/* Saved through one front end, loaded through the other, in either way, however cut up. */
TEST_F(region, crosses)
{
	static const uint64_t chunks[] = { 0, 1000, 65536 };
	struct stream by_feature, by_region, again;

	fill(&self->bench, self->buffer);
	by_feature = migration_save(self->device);
	ASSERT_EQ(0, device_reset(self->device));
	ASSERT_EQ(0, migration_load(self->device, &by_feature, 0));
	by_region = save(&self->region);
	EXPECT_STREQ("sound", stream_check(&by_region));
	EXPECT_STREQ("same", stream_same_state(&by_feature, &by_region));
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
		ASSERT_EQ(0, load(&self->region, &by_feature, chunks[i]));
		again = migration_save(self->device);
		EXPECT_STREQ("same", stream_same_state(&by_feature, &again));
		stream_free(&again);
	}
	ASSERT_EQ(0, device_reset(self->device));
	ASSERT_EQ(0, migration_load(self->device, &by_region, 0));
	stream_free(&by_feature);
	stream_free(&by_region);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Through the mapping, which is what makes the region bearable */
TEST_F(region, mapped)
{
	struct stream stream, again;
	uint64_t start;

	fill(&self->bench, self->buffer);
	region_map(&self->region);
	start = now_us();
	stream = save(&self->region);
	TH_LOG("%zu bytes saved in %llu us", stream.length, (unsigned long long)(now_us() - start));
	EXPECT_STREQ("sound", stream_check(&stream));
	start = now_us();
	ASSERT_EQ(0, load(&self->region, &stream, 0));
	TH_LOG("and loaded in %llu us", (unsigned long long)(now_us() - start));
	again = save(&self->region);
	EXPECT_STREQ("same", stream_same_state(&stream, &again));
	region_unmap(&self->region);
	stream_free(&stream);
	stream_free(&again);
}

/* Nothing but the data section can be mapped, and only shared. */
TEST_F(region, mappings)
{
	const struct {
		uint64_t offset;
		uint64_t size;
		int flags;
		bool valid;
	} maps[] = {
		{ self->region.area_offset, self->region.area_size, MAP_SHARED, true },
		{ self->region.area_offset + 4096, 4096, MAP_SHARED, true },
		{ self->region.area_offset, self->region.area_size, MAP_PRIVATE, false },
		{ 0, 4096, MAP_SHARED, false },
		{ 0, self->region.size, MAP_SHARED, false },
		{ self->region.area_offset, self->region.area_size + 4096, MAP_SHARED, false },
		{ self->region.size, 4096, MAP_SHARED, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		void *map = mmap(NULL, maps[i].size, PROT_READ | PROT_WRITE, maps[i].flags,
				 self->device->vfio.fd,
				 (off_t)(self->region.offset + maps[i].offset));

		EXPECT_EQ(maps[i].valid, map != MAP_FAILED) TH_LOG("mapping %zu", i);
		if (map == MAP_FAILED)
			continue;
		memset(map, 0x5a, maps[i].size);
		munmap(map, maps[i].size);
	}
}

/* A session belongs to the front end that began it. */
TEST_F(region, owner)
{
	int data_fd = migration_go(self->device, PRE_COPY);
	uint64_t pending;

	EXPECT_EQ(REGION_PRE_COPY, region_state(&self->region));
	EXPECT_EQ(-EBUSY, region_go(&self->region, REGION_STOP_COPY));
	EXPECT_EQ(-EBUSY, region_go(&self->region, REGION_RUNNING));
	EXPECT_EQ(0, region_go(&self->region, REGION_PRE_COPY));
	ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(pending_bytes), &pending));
	EXPECT_EQ(0, pending);
	EXPECT_EQ(0, migration_set(self->device, RUNNING, NULL));
	close(data_fd);
	ASSERT_EQ(0, region_go(&self->region, REGION_PRE_COPY));
	EXPECT_EQ(-EBUSY, migration_set(self->device, STOP_COPY, NULL));
	EXPECT_EQ(PRE_COPY, migration_get(self->device, NULL));
	ASSERT_EQ(0, region_go(&self->region, REGION_RUNNING));
	EXPECT_EQ(0, migration_set(self->device, STOP, NULL));
	EXPECT_EQ(REGION_STOP, region_state(&self->region));
}

/* Refused early, with its reason, and the old state stays: QEMU gives up on ERROR. */
TEST_F(region, refusal)
{
	struct stream stream = migration_save(self->device);
	struct mdevsim_state_identity *id;
	char text[256];

	id = stream_body_of(&stream, MDEVSIM_RECORD_IDENTITY);
	id->namespace_size = UINT64_C(1) << 40;
	stream_settle(&stream);
	EXPECT_EQ(-EXDEV, load(&self->region, &stream, 1024));
	EXPECT_EQ(REGION_RESUMING, region_state(&self->region));
	migration_refusal(self->device, text, sizeof(text));
	EXPECT_NE(NULL, strstr(text, "namespace_size"));
	EXPECT_EQ(-EXDEV, region_go(&self->region, REGION_RUNNING));
	EXPECT_EQ(REGION_RESUMING, region_state(&self->region));
	ASSERT_EQ(0, device_reset(self->device));
	EXPECT_EQ(REGION_RUNNING, region_state(&self->region));
	stream_free(&stream);
}

/* A stream that ends too soon is found when the guest is about to run. */
TEST_F(region, half_a_stream)
{
	struct stream stream = migration_save(self->device);

	stream.length -= 24;
	EXPECT_EQ(-ENODATA, load(&self->region, &stream, 0));
	EXPECT_EQ(REGION_RESUMING, region_state(&self->region));
	stream_free(&stream);
}

/* A device that the feature has made quiet looks as if it ran, and is told to. */
TEST_F(region, runs_from_quiet)
{
	migration_go(self->device, RUNNING_P2P);
	EXPECT_EQ(REGION_RUNNING, region_state(&self->region));
	EXPECT_EQ(0, region_go(&self->region, REGION_RUNNING));
	EXPECT_EQ(RUNNING, migration_get(self->device, NULL));
}

/* Reading data_offset again without being done gives the same data again. */
TEST_F(region, data_stays_until_taken)
{
	uint64_t pending, size, offset, again;

	ASSERT_EQ(0, region_go(&self->region, REGION_STOP_COPY));
	ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(pending_bytes), &pending));
	EXPECT_LT(0, pending);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(data_offset), &offset));
		ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(data_size), &again));
		size = i ? size : again;
		EXPECT_LT(0, again);
		EXPECT_EQ(size, again);
	}
	ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(pending_bytes), &pending));
	EXPECT_EQ(0, pending);
	ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(data_offset), &offset));
	ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(data_size), &again));
	EXPECT_EQ(0, again);
}

/*
 * The device is stopped, by another thread of the user's for one, while a piece is being
 * taken: before its size was read, before the data were, or before that was said.
 */
TEST_F(region, data_stays_when_stopped)
{
	for (int at = 0; at < 3; at++) {
		struct stream stream = { 0 };
		uint64_t pending, offset, size = 0;

		ASSERT_EQ(0, region_go(&self->region, REGION_PRE_COPY));
		ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(pending_bytes), &pending));
		ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(data_offset), &offset));
		if (at > 0)
			ASSERT_EQ(0, region_get(&self->region, REGION_REGISTER(data_size), &size));
		if (at > 1)
			ASSERT_EQ(0, region_take_data(&self->region, &stream));
		ASSERT_EQ(0, region_go(&self->region, REGION_STOP_COPY));
		if (at < 2)
			ASSERT_EQ(0, region_take_data(&self->region, &stream));
		EXPECT_LT(0, stream.length);
		EXPECT_EQ(at ? size : stream.length, stream.length);
		ASSERT_EQ(0, region_take(&self->region, &stream));
		EXPECT_STREQ("sound", stream_check(&stream)) TH_LOG("stopped at %d", at);
		stream_free(&stream);
		ASSERT_EQ(0, region_go(&self->region, REGION_RUNNING));
	}
}

/* Nothing there to be taken before the device is stopped is no piece that stays. */
TEST_F(region, no_data_when_stopped)
{
	struct stream stream = { 0 };

	ASSERT_EQ(0, region_go(&self->region, REGION_PRE_COPY));
	ASSERT_EQ(0, region_take(&self->region, &stream));
	ASSERT_EQ(0, region_take_data(&self->region, &stream));
	ASSERT_EQ(0, region_go(&self->region, REGION_STOP_COPY));
	ASSERT_EQ(0, region_take_data(&self->region, &stream));
	ASSERT_EQ(0, region_take(&self->region, &stream));
	EXPECT_STREQ("sound", stream_check(&stream));
	stream_free(&stream);
}

/* The device is closed, and removed, with a session of the region under way. */
struct taker {
	struct region *region;
	int ret;
};

static void *take_thread(void *arg)
{
	struct taker *taker = arg;
	struct stream stream = { 0 };

	taker->ret = region_take(taker->region, &stream);
	stream_free(&stream);
	return NULL;
}

/* Data that a fault holds up hold up nothing but data: the state is read, and an arc taken. */
TEST_F(region, stalled)
{
	const char *name = self->bench.device.mdev.uuid;
	struct genl_message *message = malloc(sizeof(*message));
	struct taker taker = { .region = &self->region };
	struct genl *genl = genl_open(), *events = genl_open();
	pthread_t thread;

	genl_subscribe(events, 0);
	ASSERT_EQ(0, region_go(&self->region, REGION_PRE_COPY));
	genl_fault(genl, message, name, MDEVSIM_FAULT_KIND_STALL_DATA);
	genl_put_u32(message, MDEVSIM_A_FAULT_DELAY_MS, 600000);
	genl_fault_add(genl, message);
	ASSERT_EQ(0, pthread_create(&thread, NULL, take_thread, &taker));
	ASSERT_TRUE(genl_event_of(events, name, MDEVSIM_EVENT_KIND_FAULT));
	EXPECT_EQ(REGION_PRE_COPY, region_state(&self->region));
	EXPECT_EQ(0, region_go(&self->region, REGION_RUNNING));
	pthread_join(thread, NULL);
	EXPECT_EQ(-ENODEV, taker.ret);
	EXPECT_EQ(0, genl_fault_clear(genl, name, 0));
	genl_close(genl);
	genl_close(events);
	free(message);
}

TEST_F(region, closed_under_way)
{
	ASSERT_EQ(0, region_go(&self->region, REGION_PRE_COPY));
	device_close(self->device);
	ASSERT_EQ(0, device_open(self->device, &self->device->mdev));
	EXPECT_EQ(REGION_RUNNING, region_state(&self->region));
	device_map_arena(self->device, &self->bench.arena);
}

TEST_MAIN
