// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family: devices seen from outside, events, and what is refused.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "genl.h"
#include "migration.h"
#include "test.h"

#define FUZZ_MESSAGES	100000
#define DEVICES		64
#define THREADS		4
#define RUSH_DEVICES	50

FIXTURE(netlink) {
	struct bench bench;
	struct device *device;
	const char *name;
	struct genl *genl;
	struct genl_message message;
};

FIXTURE_SETUP(netlink)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->name = self->device->mdev.uuid;
	self->genl = genl_open();
}

FIXTURE_TEARDOWN(netlink)
{
	genl_close(self->genl);
	TEST_TEARDOWN(&self->bench);
}

/* ---- Devices ----------------------------------------------------------- */

TEST_F(netlink, device)
{
	ASSERT_EQ(0, genl_device(self->genl, self->name));
	EXPECT_STREQ(self->name, genl_string(self->genl, MDEVSIM_A_DEV_NAME));
	EXPECT_STREQ(DEVICE_TYPE, genl_string(self->genl, MDEVSIM_A_DEV_TYPE));
	EXPECT_NE(NULL, genl_attr(self->genl, MDEVSIM_A_DEV_OPENED));
	EXPECT_EQ(RUNNING, genl_u32(self->genl, MDEVSIM_A_DEV_STATE));
	EXPECT_EQ(MDEVSIM_PROTOCOL_NONE, genl_u32(self->genl, MDEVSIM_A_DEV_PROTOCOL));
	EXPECT_EQ(MDEVSIM_PHASE_NONE, genl_u32(self->genl, MDEVSIM_A_DEV_PHASE));
	EXPECT_EQ(NULL, genl_attr(self->genl, MDEVSIM_A_DEV_REFUSAL));
}

static uint64_t counter_of(struct genl *genl, uint16_t type)
{
	const struct nlattr *nest = genl_attr(genl, MDEVSIM_A_DEV_COUNTERS);
	const uint8_t *at = (const uint8_t *)nest + NLA_HDRLEN, *end;
	uint64_t value = 0;

	must(nest, "a device without counters");
	for (end = (const uint8_t *)nest + nest->nla_len; at < end;
	     at += NLA_ALIGN(((const struct nlattr *)at)->nla_len))
		if (((const struct nlattr *)at)->nla_type == type)
			memcpy(&value, at + NLA_HDRLEN, sizeof(value));
	return value;
}

TEST_F(netlink, counters)
{
	void *page = arena_page(&self->bench.arena);

	nvme_start(&self->bench.nvme, 1, 8);
	ASSERT_EQ(0, genl_device(self->genl, self->name));
	uint64_t read = counter_of(self->genl, MDEVSIM_A_COUNTERS_DMA_READ_BYTES);
	uint64_t writes = counter_of(self->genl, MDEVSIM_A_COUNTERS_MMIO_WRITES);
	uint64_t pages = counter_of(self->genl, MDEVSIM_A_COUNTERS_PAGES_DIRTIED);

	/* A command is 64 bytes and has 4096 of data; its completion is in one page. */
	ASSERT_EQ(NVME_SUCCESS, nvme_io(&self->bench.nvme.io[0], NVME_WRITE, 0, 8, page));
	ASSERT_EQ(0, genl_device(self->genl, self->name));
	EXPECT_EQ(read + 64 + 4096, counter_of(self->genl, MDEVSIM_A_COUNTERS_DMA_READ_BYTES));
	EXPECT_EQ(writes + 2, counter_of(self->genl, MDEVSIM_A_COUNTERS_MMIO_WRITES));
	EXPECT_LE(pages + 1, counter_of(self->genl, MDEVSIM_A_COUNTERS_PAGES_DIRTIED));
	EXPECT_EQ(4096, genl_u64(self->genl, MDEVSIM_A_DEV_INITIAL_BYTES));
	/* What could not be read was not: there is no memory past the arena's end. */
	struct nvme_sqe bad = nvme_sqe_io(NVME_WRITE, 0, 8);

	bad.prp1 = (arena_end(&self->bench.arena) + 4095) & ~UINT64_C(4095);
	EXPECT_EQ(NVME_DATA_TRANSFER, nvme_run(&self->bench.nvme.io[0], &bad, NULL));
	ASSERT_EQ(0, genl_device(self->genl, self->name));
	EXPECT_EQ(read + 2 * 64 + 4096,
		  counter_of(self->genl, MDEVSIM_A_COUNTERS_DMA_READ_BYTES));
}

static void note_name(struct genl *genl, void *context)
{
	char (*names)[40] = context;

	for (int i = 0; i < 2; i++)
		if (!strcmp(names[i], genl_string(genl, MDEVSIM_A_DEV_NAME)))
			names[i][0] = '\0';
}

/* Names of devices have different numbers here and there. */
static int dump_of(struct genl *genl, struct genl_message *message, uint8_t command,
		   const char *name)
{
	genl_begin(genl, message, command, NLM_F_DUMP);
	genl_put_string(message, command == MDEVSIM_CMD_DEV_GET ? MDEVSIM_A_DEV_NAME :
			MDEVSIM_A_FAULT_DEV, name);
	return genl_dump(genl, message, NULL, NULL);
}

TEST_F(netlink, dump)
{
	char names[2][40];
	struct mdev other;

	mdev_name(&other);
	ASSERT_EQ(0, mdev_create(&other, DEVICE_TYPE));
	snprintf(names[0], sizeof(names[0]), "%s", self->name);
	snprintf(names[1], sizeof(names[1]), "%s", other.uuid);
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_DEV_GET, NLM_F_DUMP);
	EXPECT_LE(2, genl_dump(self->genl, &self->message, note_name, names));
	EXPECT_STREQ("", names[0]);
	EXPECT_STREQ("", names[1]);
	/* With a name it is of that device, and what is no name is refused. */
	EXPECT_EQ(1, dump_of(self->genl, &self->message, MDEVSIM_CMD_DEV_GET, other.uuid));
	EXPECT_STREQ(other.uuid, genl_string(self->genl, MDEVSIM_A_DEV_NAME));
	EXPECT_EQ(-EINVAL, dump_of(self->genl, &self->message, MDEVSIM_CMD_DEV_GET, "x"));
	EXPECT_STREQ("the name of a device is a UUID", self->genl->reason);
	EXPECT_EQ(0, mdev_remove(&other));
	EXPECT_EQ(-ENODEV, dump_of(self->genl, &self->message, MDEVSIM_CMD_DEV_GET, other.uuid));
	EXPECT_EQ(-ENODEV, genl_device(self->genl, other.uuid));
	EXPECT_STREQ("there is no device of this name", self->genl->reason);
}

TEST_F(netlink, migration)
{
	struct stream stream = { 0 };
	int data_fd;

	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(0, genl_device(self->genl, self->name));
	EXPECT_EQ(MDEVSIM_PHASE_PRE_COPY, genl_u32(self->genl, MDEVSIM_A_DEV_PHASE));
	EXPECT_EQ(MDEVSIM_PROTOCOL_V2, genl_u32(self->genl, MDEVSIM_A_DEV_PROTOCOL));
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(0, genl_device(self->genl, self->name));
	EXPECT_EQ(stream.length, genl_u64(self->genl, MDEVSIM_A_DEV_BYTES));
	EXPECT_EQ(1, genl_u32(self->genl, MDEVSIM_A_DEV_ROUNDS));
	migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	ASSERT_EQ(0, genl_device(self->genl, self->name));
	EXPECT_EQ(STOP_COPY, genl_u32(self->genl, MDEVSIM_A_DEV_STATE));
	EXPECT_EQ(stream.length, genl_u64(self->genl, MDEVSIM_A_DEV_BYTES));
	close(data_fd);
	stream_free(&stream);
}

/* ---- Events ------------------------------------------------------------ */

static void expect_arc(struct __test_metadata *_metadata, struct genl *genl, const char *device,
		       uint32_t from, uint32_t to)
{
	ASSERT_TRUE(genl_event_of(genl, device, MDEVSIM_EVENT_KIND_STATE));
	EXPECT_EQ(from, genl_u32(genl, MDEVSIM_A_EVENT_FROM));
	EXPECT_EQ(to, genl_u32(genl, MDEVSIM_A_EVENT_TO));
	EXPECT_EQ(0, genl_u32(genl, MDEVSIM_A_EVENT_ERRNO));
}

static void expect_reset(struct __test_metadata *_metadata, struct genl *genl, const char *device,
			 uint32_t from, uint32_t to)
{
	ASSERT_TRUE(genl_event_of(genl, device, MDEVSIM_EVENT_KIND_RESET));
	ASSERT_NE(NULL, genl_attr(genl, MDEVSIM_A_EVENT_FROM));
	EXPECT_EQ(from, genl_u32(genl, MDEVSIM_A_EVENT_FROM));
	EXPECT_EQ(to, genl_u32(genl, MDEVSIM_A_EVENT_TO));
}

TEST_F(netlink, events)
{
	struct stream stream = { 0 };
	int data_fd;

	genl_subscribe(self->genl, 0);
	data_fd = migration_go(self->device, PRE_COPY);
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	close(data_fd);
	migration_go(self->device, STOP);
	ASSERT_TRUE(genl_event_of(self->genl, self->name, MDEVSIM_EVENT_KIND_SESSION_BEGIN));
	EXPECT_EQ(MDEVSIM_PHASE_PRE_COPY, genl_u32(self->genl, MDEVSIM_A_EVENT_PHASE));
	expect_arc(_metadata, self->genl, self->name, RUNNING, PRE_COPY);
	ASSERT_TRUE(genl_event_of(self->genl, self->name, MDEVSIM_EVENT_KIND_ROUND));
	expect_arc(_metadata, self->genl, self->name, PRE_COPY, PRE_COPY_P2P);
	expect_arc(_metadata, self->genl, self->name, PRE_COPY_P2P, STOP_COPY);
	ASSERT_TRUE(genl_event_of(self->genl, self->name, MDEVSIM_EVENT_KIND_SESSION_END));
	EXPECT_EQ(stream.length, genl_u64(self->genl, MDEVSIM_A_EVENT_BYTES));
	expect_arc(_metadata, self->genl, self->name, STOP_COPY, STOP);
	EXPECT_EQ(0, device_reset(self->device));
	expect_reset(_metadata, self->genl, self->name, STOP, RUNNING);
	stream_free(&stream);
}

/* A function level reset leaves migration where it is. */
TEST_F(netlink, function_level_reset)
{
	unsigned int control = device_capability(self->device, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	int data_fd = migration_go(self->device, PRE_COPY);

	genl_subscribe(self->genl, 0);
	device_set_config16(self->device, control, PCI_EXP_DEVCTL_BCR_FLR);
	expect_reset(_metadata, self->genl, self->name, PRE_COPY, PRE_COPY);
	EXPECT_EQ(0, device_reset(self->device));
	expect_reset(_metadata, self->genl, self->name, PRE_COPY, RUNNING);
	close(data_fd);
}

/* From the first event on that tells of it, a device can be looked at. */
TEST_F(netlink, life)
{
	struct device *other = calloc(1, sizeof(*other));

	genl_subscribe(self->genl, 0);
	device_create(other, DEVICE_TYPE);
	ASSERT_TRUE(genl_event_of(self->genl, other->mdev.uuid, MDEVSIM_EVENT_KIND_CREATED));
	EXPECT_EQ(1, genl_u64(self->genl, MDEVSIM_A_EVENT_SEQ));
	ASSERT_TRUE(genl_event_of(self->genl, other->mdev.uuid, MDEVSIM_EVENT_KIND_OPENED));
	device_remove(other);
	ASSERT_TRUE(genl_event_of(self->genl, other->mdev.uuid, MDEVSIM_EVENT_KIND_CLOSED));
	EXPECT_EQ(RUNNING, genl_u32(self->genl, MDEVSIM_A_EVENT_TO));
	ASSERT_TRUE(genl_event_of(self->genl, other->mdev.uuid, MDEVSIM_EVENT_KIND_REMOVED));
	free(other);
}

TEST_F(netlink, refusal)
{
	static const char rubbish[64] = "this is no stream of any device that there ever was";
	char why[192];

	genl_subscribe(self->genl, 0);
	EXPECT_EQ(-EILSEQ, migration_write(migration_go(self->device, RESUMING), rubbish,
					   sizeof(rubbish)));
	migration_refusal(self->device, why, sizeof(why));
	ASSERT_TRUE(genl_event_of(self->genl, self->name, MDEVSIM_EVENT_KIND_REFUSAL));
	EXPECT_STREQ(why, genl_string(self->genl, MDEVSIM_A_EVENT_MESSAGE));
}

/* ---- Many devices at once ---------------------------------------------- */

struct crew {
	struct device *device;
	unsigned int first;
	unsigned int failed;
};

static void *crew_thread(void *arg)
{
	struct crew *crew = arg;
	struct stream stream;

	for (unsigned int i = crew->first; i < DEVICES; i += THREADS) {
		stream = migration_save(&crew->device[i]);
		migration_go(&crew->device[i], RUNNING);
		crew->failed += migration_load(&crew->device[i], &stream, 0) != 0;
		stream_free(&stream);
		crew->failed += device_reset(&crew->device[i]) != 0;
	}
	return NULL;
}

static unsigned int migrate_all(struct device *devices)
{
	struct crew crew[THREADS];
	pthread_t thread[THREADS];
	unsigned int failed = 0;

	for (unsigned int t = 0; t < THREADS; t++) {
		crew[t] = (struct crew) { .device = devices, .first = t };
		must(!pthread_create(&thread[t], NULL, crew_thread, &crew[t]),
		     "seen errno %d", errno);
	}
	for (unsigned int t = 0; t < THREADS; t++) {
		pthread_join(thread[t], NULL);
		failed += crew[t].failed;
	}
	return failed;
}

/**
 * struct tally - events received
 * @events: number of them
 * @lost: numbers between them that nobody had
 * @total: of the last one
 * @overruns: times that the socket said that some were lost
 */
struct tally {
	uint64_t events;
	uint64_t lost;
	uint64_t total;
	unsigned int overruns;
};

static void tally(struct genl *genl, struct tally *tally)
{
	uint64_t total;
	int ret;

	while ((ret = genl_event(genl, 0))) {
		if (ret == -ENOBUFS) {
			tally->overruns++;
			continue;
		}
		total = genl_u64(genl, MDEVSIM_A_EVENT_TOTAL);
		must(total > tally->total, "event %llu after %llu", (unsigned long long)total,
		     (unsigned long long)tally->total);
		tally->lost += total - tally->total - 1;
		tally->total = total;
		tally->events++;
	}
}

static uint64_t total_now(struct genl *genl, const char *device)
{
	must(!genl_device(genl, device), "a device");
	return genl_u64(genl, MDEVSIM_A_DEV_TOTAL);
}

/* One monitor has room for everything, the other for next to nothing: it learns what it lost. */
TEST_F(netlink, many)
{
	struct genl *large = genl_open(), *small = genl_open();
	struct device *devices = calloc(DEVICES, sizeof(*devices));
	struct tally in_large, in_small;
	uint64_t before;

	genl_subscribe(large, 0);
	genl_subscribe(small, 4096);
	before = total_now(self->genl, self->name);
	in_large = (struct tally) { .total = before };
	in_small = (struct tally) { .total = before };
	for (int i = 0; i < DEVICES; i++)
		device_create(&devices[i], DEVICE_TYPE);
	EXPECT_EQ(0, migrate_all(devices));
	uint64_t after = total_now(self->genl, self->name);

	tally(large, &in_large);
	EXPECT_EQ(after, in_large.total);
	EXPECT_EQ(after - before, in_large.events);
	EXPECT_EQ(0, in_large.lost);
	EXPECT_EQ(0, in_large.overruns);
	/* So much for what came of it; one more event tells of what did not. */
	tally(small, &in_small);
	EXPECT_LT(0, in_small.overruns);
	EXPECT_EQ(0, device_reset(self->device));
	tally(small, &in_small);
	EXPECT_EQ(after + 1, in_small.total);
	EXPECT_LT(0, in_small.lost);
	EXPECT_EQ(after + 1 - before, in_small.events + in_small.lost);
	TH_LOG("%llu events, %llu of them lost in a small socket",
	       (unsigned long long)(after - before), (unsigned long long)in_small.lost);
	for (int i = 0; i < DEVICES; i++)
		device_remove(&devices[i]);
	free(devices);
	genl_close(large);
	genl_close(small);
}

/* ---- What is refused --------------------------------------------------- */

TEST_F(netlink, names)
{
	static const char *const names[] = {
		"", "x", "00000000-0000-0000-0000-00000000000",
		"00000000-0000-0000-0000-00000000000g",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		EXPECT_EQ(-EINVAL, genl_device(self->genl, names[i])) TH_LOG("'%s'", names[i]);
		EXPECT_STREQ("the name of a device is a UUID", self->genl->reason);
	}
	EXPECT_EQ(-EINVAL, genl_device(self->genl, "00000000-0000-0000-0000-000000000000-0000"));
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_DEV_GET, 0);
	EXPECT_EQ(-EINVAL, genl_do(self->genl, &self->message));
	EXPECT_STREQ("the name of a device is missing", self->genl->reason);
}

static int add_refuse(struct genl *genl, struct genl_message *message, const char *name)
{
	genl_fault(genl, message, name, MDEVSIM_FAULT_KIND_REFUSE);
	return genl_do(genl, message);
}

TEST_F(netlink, faults_of_one)
{
	struct mdev other;

	mdev_name(&other);
	ASSERT_EQ(0, mdev_create(&other, DEVICE_TYPE));
	EXPECT_EQ(0, add_refuse(self->genl, &self->message, self->name));
	EXPECT_EQ(0, add_refuse(self->genl, &self->message, other.uuid));
	EXPECT_EQ(0, add_refuse(self->genl, &self->message, other.uuid));
	EXPECT_EQ(2, dump_of(self->genl, &self->message, MDEVSIM_CMD_FAULT_GET, other.uuid));
	EXPECT_EQ(1, dump_of(self->genl, &self->message, MDEVSIM_CMD_FAULT_GET, self->name));
	EXPECT_EQ(0, mdev_remove(&other));
	EXPECT_EQ(-ENODEV, dump_of(self->genl, &self->message, MDEVSIM_CMD_FAULT_GET, other.uuid));
	EXPECT_STREQ("there is no device of this name", self->genl->reason);
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_FAULT_GET, NLM_F_DUMP);
	genl_put_u32(&self->message, MDEVSIM_A_FAULT_ID, 1);
	EXPECT_EQ(-EINVAL, genl_dump(self->genl, &self->message, NULL, NULL));
	EXPECT_STREQ("one fault by its id is no dump", self->genl->reason);
	/* A request that says not which ones removes none, and neither does one that says both. */
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_FAULT_DEL, 0);
	genl_put_string(&self->message, MDEVSIM_A_FAULT_DEV, self->name);
	EXPECT_EQ(-EINVAL, genl_do(self->genl, &self->message));
	EXPECT_STREQ("either the id of a fault or all of them", self->genl->reason);
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_FAULT_DEL, 0);
	genl_put_string(&self->message, MDEVSIM_A_FAULT_DEV, self->name);
	genl_put_u32(&self->message, MDEVSIM_A_FAULT_ID, 1);
	genl_put(&self->message, MDEVSIM_A_FAULT_ALL, NULL, 0);
	EXPECT_EQ(-EINVAL, genl_do(self->genl, &self->message));
	EXPECT_EQ(1, dump_of(self->genl, &self->message, MDEVSIM_CMD_FAULT_GET, self->name));
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
}

TEST_F(netlink, too_many_faults)
{
	for (int i = 0; i < MDEVSIM_MAX_FAULTS; i++) {
		genl_fault(self->genl, &self->message, self->name, MDEVSIM_FAULT_KIND_REFUSE);
		genl_fault_add(self->genl, &self->message);
	}
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_FAULT_GET, NLM_F_DUMP);
	EXPECT_EQ(MDEVSIM_MAX_FAULTS, genl_dump(self->genl, &self->message, NULL, NULL));
	genl_fault(self->genl, &self->message, self->name, MDEVSIM_FAULT_KIND_REFUSE);
	EXPECT_EQ(-ENOSPC, genl_do(self->genl, &self->message));
	EXPECT_STREQ("the device has as many faults as it can have", self->genl->reason);
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
	EXPECT_EQ(-ENOENT, genl_fault_clear(self->genl, self->name, 1));
	EXPECT_STREQ("the device has no such fault", self->genl->reason);
}

/**
 * struct rush - one of those who do the same thing again and again, all at once
 * @name: the device that is there all the while
 * @step: once more; false when it went wrong
 * @over: the last one has ended
 * @failed: steps that went wrong
 */
struct rush {
	const char *name;
	bool (*step)(struct genl *genl, struct genl_message *message, const char *name);
	const bool *over;
	unsigned int failed;
};

static void *rush_thread(void *arg)
{
	struct genl_message *message = malloc(sizeof(*message));
	struct genl *genl = genl_open();
	struct rush *rush = arg;

	while (!__atomic_load_n(rush->over, __ATOMIC_ACQUIRE))
		rush->failed += !rush->step(genl, message, rush->name);
	genl_close(genl);
	free(message);
	return NULL;
}

static bool rush_add(struct genl *genl, struct genl_message *message, const char *name)
{
	int ret = add_refuse(genl, message, name);

	return ret == -ENOSPC || (!ret && genl_u32(genl, MDEVSIM_A_FAULT_ID));
}

static bool rush_clear(struct genl *genl, struct genl_message *message, const char *name)
{
	(void)message;
	return !genl_fault_clear(genl, name, 0);
}

static bool rush_dump_faults(struct genl *genl, struct genl_message *message, const char *name)
{
	(void)name;
	genl_begin(genl, message, MDEVSIM_CMD_FAULT_GET, NLM_F_DUMP);
	return genl_dump(genl, message, NULL, NULL) >= 0;
}

struct times_seen {
	const char *name;
	unsigned int nr;
};

static void count_name(struct genl *genl, void *context)
{
	struct times_seen *seen = context;

	seen->nr += !strcmp(seen->name, genl_string(genl, MDEVSIM_A_DEV_NAME));
}

/* A device that is there all the while comes once, whoever else comes or goes. */
static bool rush_dump_devices(struct genl *genl, struct genl_message *message, const char *name)
{
	struct times_seen seen = { .name = name };

	genl_begin(genl, message, MDEVSIM_CMD_DEV_GET, NLM_F_DUMP);
	return genl_dump(genl, message, count_name, &seen) >= 0 && seen.nr == 1;
}

/* Faults come, go and are looked at while devices do. The kernel says when that was too much. */
TEST_F(netlink, rush)
{
	static bool (*const steps[])(struct genl *, struct genl_message *, const char *) = {
		rush_add, rush_clear, rush_dump_faults, rush_add, rush_clear, rush_dump_devices,
	};
	struct rush rush[ARRAY_SIZE(steps)];
	pthread_t thread[ARRAY_SIZE(steps)];
	bool over = false;
	struct mdev other;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		rush[i] = (struct rush) { self->name, steps[i], &over, 0 };
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, rush_thread, &rush[i]));
	}
	for (int i = 0; i < RUSH_DEVICES; i++) {
		mdev_name(&other);
		EXPECT_EQ(0, mdev_create(&other, DEVICE_TYPE));
		EXPECT_EQ(0, add_refuse(self->genl, &self->message, other.uuid));
		EXPECT_EQ(0, mdev_remove(&other));
	}
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, rush[i].failed) TH_LOG("step %zu", i);
	}
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { };

	must(!syscall(SYS_capset, &header, none), "seen errno %d", errno);
}

/* Without CAP_NET_ADMIN one may look, but not touch. */
TEST_F(netlink, privilege)
{
	int status;
	pid_t child = fork();

	if (!child) {
		struct genl *genl = genl_open();

		drop_capabilities();
		_exit(genl_device(genl, self->name) ? 1 :
		      add_refuse(genl, &self->message, self->name) != -EPERM ? 2 :
		      genl_fault_clear(genl, self->name, 0) != -EPERM ? 3 : 0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, add_refuse(self->genl, &self->message, self->name));
	EXPECT_EQ(0, genl_fault_clear(self->genl, self->name, 0));
}

/* ---- Anything at all --------------------------------------------------- */

static uint32_t random_from(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 8;
}

/* An attribute that is right, or nearly, or not at all */
static void fuzz_attribute(struct genl_message *message, const char *name, uint32_t *seed)
{
	uint16_t type = random_from(seed) % 24 | (random_from(seed) % 16 ? 0 : NLA_F_NESTED);
	uint8_t bytes[128];
	size_t length = random_from(seed) % 4 ? (size_t)4 << random_from(seed) % 2 :
			random_from(seed) % sizeof(bytes);

	for (size_t i = 0; i < length; i++)
		bytes[i] = random_from(seed) % 4 ? 0 : random_from(seed);
	switch (random_from(seed) % 4) {
	case 0:
		genl_put_string(message, 2, name);
		break;
	case 1:
		genl_put_u32(message, type, random_from(seed) % 16);
		break;
	default:
		genl_put(message, type, bytes, length);
	}
}

/* Lengths that do not fit, in an attribute or in the whole */
static void fuzz_lengths(struct genl_message *message, uint32_t *seed)
{
	if (random_from(seed) % 8 == 0)
		message->bytes[NLMSG_HDRLEN + GENL_HDRLEN] ^= 1 << random_from(seed) % 8;
	if (random_from(seed) % 8 == 0 && message->length > NLMSG_HDRLEN + GENL_HDRLEN + 8)
		message->length -= random_from(seed) % 8;
}

/* No command that stalls for long; now and then a dump */
static bool fuzz_one(struct genl *genl, struct genl_message *message, const char *name,
		     uint32_t *seed, unsigned long *done)
{
	unsigned int attributes = random_from(seed) % 6;
	int ret;

	genl_begin(genl, message, random_from(seed) % (MDEVSIM_CMD_MAX + 2),
		   random_from(seed) % 8 ? 0 : NLM_F_DUMP);
	for (unsigned int i = 0; i < attributes; i++)
		fuzz_attribute(message, name, seed);
	fuzz_lengths(message, seed);
	ret = genl_do(genl, message);
	*done += !ret;
	switch (ret) {
	case 0: case -EINVAL: case -ERANGE: case -ENODEV: case -ENOENT: case -EOPNOTSUPP:
	case -ENOSPC:
		return true;
	}
	return false;
}

/* Only errors that are meant to be, and the device does what it should. */
TEST_F_TIMEOUT(netlink, fuzz, 900)
{
	unsigned long done = 0;
	uint32_t seed = 1;

	for (int i = 0; i < FUZZ_MESSAGES; i++) {
		uint32_t this = seed;

		ASSERT_TRUE(fuzz_one(self->genl, &self->message, self->name, &seed, &done))
			TH_LOG("message %d, seed %u: %s", i, this, self->genl->reason);
		if (i % 256 == 0)
			genl_fault_clear(self->genl, self->name, 0);
	}
	EXPECT_LT(FUZZ_MESSAGES / 1000, done);
	genl_fault_clear(self->genl, self->name, 0);
	genl_begin(self->genl, &self->message, MDEVSIM_CMD_SHAPE_SET, 0);
	genl_put_string(&self->message, MDEVSIM_A_SHAPE_DEV, self->name);
	genl_put_u64(&self->message, MDEVSIM_A_SHAPE_DIRTY_RATE, 0);
	for (uint32_t state = 0; state < MIGRATION_STATES; state++) {
		struct { struct nlattr a; uint32_t state; struct nlattr b; uint32_t ms; } delay = {
			{ 8, MDEVSIM_A_DELAY_STATE }, state, { 8, MDEVSIM_A_DELAY_MS }, 0,
		};
		genl_put(&self->message, MDEVSIM_A_SHAPE_DELAY | NLA_F_NESTED, &delay,
			 sizeof(delay));
	}
	EXPECT_EQ(0, genl_do(self->genl, &self->message));
}

TEST_MAIN
