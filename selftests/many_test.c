// SPDX-License-Identifier: GPL-2.0
/*
 * Many devices at once, and many hands on one device.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <linux/pci_regs.h>
#include "migration.h"
#include "test.h"

#define DEVICES		24
#define THREADS		4
#define RACE_MS		4000
#define SMALL_ARENA	(256 << 10)

/* ---- Many devices ------------------------------------------------------ */

struct machine {
	struct device device;
	struct arena arena;
	struct nvme nvme;
	void *buffer;
};

static void machine_start(struct machine *machine)
{
	device_create(&machine->device, DEVICE_TYPE);
	arena_init(&machine->arena, ARENA_IOVA, SMALL_ARENA);
	device_map_arena(&machine->device, &machine->arena);
	nvme_init(&machine->nvme, &machine->device, &machine->arena);
	nvme_start(&machine->nvme, 2, 8);
	machine->buffer = arena_page(&machine->arena);
}

static int machine_write(struct machine *machine, uint32_t version)
{
	int status = NVME_SUCCESS;

	for (uint64_t slba = 0; !status && slba < 512; slba += 64) {
		nvme_pattern(machine->buffer, slba, 8, version);
		status = nvme_io(&machine->nvme.io[slba / 64 % 2], NVME_WRITE, slba, 8,
				 machine->buffer);
	}
	return status;
}

static bool machine_holds(struct machine *machine, uint32_t version)
{
	for (uint64_t slba = 0; slba < 512; slba += 64) {
		if (nvme_io(&machine->nvme.io[slba / 64 % 2], NVME_READ, slba, 8, machine->buffer))
			return false;
		if (nvme_pattern_differs(machine->buffer, slba, 8, version) >= 0)
			return false;
	}
	return true;
}

static void machine_end(struct machine *machine)
{
	device_remove(&machine->device);
	arena_free(&machine->arena);
}

/**
 * struct crew - threads that share out the machines
 * @machine: all of them
 * @first: number of the first one of this thread; every %THREADS-th is its own
 * @failed: machines for which the job did not work
 */
struct crew {
	struct machine *machine;
	unsigned int first;
	unsigned int failed;
};

static void *start_thread(void *arg)
{
	struct crew *crew = arg;

	for (unsigned int i = crew->first; i < DEVICES; i += THREADS) {
		machine_start(&crew->machine[i]);
		crew->failed += machine_write(&crew->machine[i], i) != NVME_SUCCESS;
	}
	return NULL;
}

/* Each device's state goes to the next one of the same thread, all at the same time. */
static void *migrate_thread(void *arg)
{
	struct crew *crew = arg;

	for (unsigned int i = crew->first; i + THREADS < DEVICES; i += 2 * THREADS) {
		struct machine *from = &crew->machine[i], *to = &crew->machine[i + THREADS];
		struct stream stream = { 0 };
		int data_fd = migration_go(&from->device, PRE_COPY);
		int error = migration_drain(data_fd, &stream);

		crew->failed += error != -ENOMSG;
		migration_go(&from->device, STOP_COPY);
		crew->failed += migration_drain(data_fd, &stream) != 0;
		close(data_fd);
		crew->failed += migration_load(&to->device, &stream, 0) != 0;
		stream_free(&stream);
		crew->failed += device_reset(&to->device) != 0;
		to->arena.used = 0;
		nvme_init(&to->nvme, &to->device, &to->arena);
		nvme_start(&to->nvme, 2, 8);
		to->buffer = arena_page(&to->arena);
		crew->failed += !machine_holds(to, i);
	}
	return NULL;
}

static void *end_thread(void *arg)
{
	struct crew *crew = arg;

	for (unsigned int i = crew->first; i < DEVICES; i += THREADS)
		machine_end(&crew->machine[i]);
	return NULL;
}

static unsigned int work_together(struct machine *machine, void *(*job)(void *arg))
{
	struct crew crew[THREADS];
	pthread_t thread[THREADS];
	unsigned int failed = 0;

	for (unsigned int t = 0; t < THREADS; t++) {
		crew[t] = (struct crew) { .machine = machine, .first = t };
		must(pthread_create(&thread[t], NULL, job, &crew[t]) == 0, "seen errno %d", errno);
	}
	for (unsigned int t = 0; t < THREADS; t++) {
		pthread_join(thread[t], NULL);
		failed += crew[t].failed;
	}
	return failed;
}

TEST(many_devices)
{
	struct machine *machine = calloc(DEVICES, sizeof(*machine));
	int available = mdev_available(DEVICE_TYPE);

	EXPECT_EQ(0, work_together(machine, start_thread));
	EXPECT_EQ(available - DEVICES, mdev_available(DEVICE_TYPE));
	/* None has what another one was given. */
	for (unsigned int i = 0; i < DEVICES; i++) {
		EXPECT_TRUE(machine_holds(&machine[i], i)) TH_LOG("device %u", i);
	}
	EXPECT_EQ(0, work_together(machine, migrate_thread));
	EXPECT_EQ(0, work_together(machine, end_thread));
	EXPECT_EQ(available, mdev_available(DEVICE_TYPE));
	free(machine);
}

struct removal {
	struct mdev mdev;
	int result;
};

static void *removal_thread(void *arg)
{
	struct removal *removal = arg;

	removal->result = mdev_remove(&removal->mdev);
	return NULL;
}

/* As many commands as the queues take, which read what there is */
static void machine_load(struct machine *machine)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8);

	sqe.prp1 = arena_iova(&machine->arena, machine->buffer);
	for (unsigned int i = 0; i < 7; i++) {
		nvme_submit(&machine->nvme.io[0], &sqe);
		nvme_submit(&machine->nvme.io[1], &sqe);
	}
}

/*
 * Its user is asked to let go of a device, and does so in the middle of its work: it is gone,
 * and nothing writes to the memory any more.
 */
TEST(removed_under_load)
{
	uint8_t *copy = malloc(SMALL_ARENA);

	for (int round = 0; round < 10; round++) {
		struct machine machine;
		struct removal removal = { .result = 1 };
		pthread_t thread;
		int asked;

		machine_start(&machine);
		ASSERT_EQ(NVME_SUCCESS, machine_write(&machine, 1));
		asked = device_eventfd(&machine.device, VFIO_PCI_REQ_IRQ_INDEX, 0);
		removal.mdev = machine.device.mdev;
		ASSERT_EQ(0, pthread_create(&thread, NULL, removal_thread, &removal));
		EXPECT_EQ(1, device_signalled(asked, MUST_TIMEOUT_MS)) TH_LOG("round %d", round);
		machine_load(&machine);
		device_close(&machine.device);
		memcpy(copy, machine.arena.memory, SMALL_ARENA);
		EXPECT_EQ(0, pthread_join(thread, NULL));
		EXPECT_EQ(0, removal.result);
		EXPECT_FALSE(mdev_exists(&removal.mdev));
		EXPECT_EQ(0, memcmp(copy, machine.arena.memory, SMALL_ARENA))
			TH_LOG("round %d", round);
		arena_free(&machine.arena);
		close(asked);
	}
	free(copy);
}

/* No more than the driver allows; the one too many is refused. */
TEST(no_more_devices)
{
	int available = mdev_available(DEVICE_TYPE);
	struct mdev *mdev = calloc((size_t)available + 1, sizeof(*mdev));

	for (int i = 0; i < available; i++) {
		mdev_name(&mdev[i]);
		ASSERT_EQ(0, mdev_create(&mdev[i], DEVICE_TYPE)) TH_LOG("device %d", i);
	}
	EXPECT_EQ(0, mdev_available(DEVICE_TYPE));
	EXPECT_EQ(0, mdev_available("nvme-1G"));
	mdev_name(&mdev[available]);
	EXPECT_EQ(-EUSERS, mdev_create(&mdev[available], DEVICE_TYPE));
	for (int i = 0; i < available; i++) {
		EXPECT_EQ(0, mdev_remove(&mdev[i]));
	}
	EXPECT_EQ(available, mdev_available(DEVICE_TYPE));
	free(mdev);
}

/* ---- Many hands -------------------------------------------------------- */

/**
 * struct race - what threads do to one device until time is up
 * @bench: the device
 * @stream: something that fits it
 * @end: when time is up
 * @express: where its PCI Express capability is
 * @data_fd: the last data fd anybody got, or -1; may be closed under whoever uses it
 */
struct race {
	struct bench bench;
	struct stream stream;
	uint8_t express;
	uint64_t end;
	int data_fd;
};

struct hand {
	struct race *race;
	void (*act)(struct race *race, uint32_t random);
	uint32_t seed;
	unsigned long acts;
};

static void *hand_thread(void *arg)
{
	struct hand *hand = arg;

	while (must_now_ms() < hand->race->end) {
		hand->seed = hand->seed * 1103515245 + 12345;
		hand->act(hand->race, hand->seed >> 8);
		hand->acts++;
	}
	return NULL;
}

/* What comes back does not matter in a race, as long as something does. */

static void act_state(struct race *race, uint32_t random)
{
	int data_fd, old;

	if (migration_set(&race->bench.device, random % 9, &data_fd) || data_fd < 0)
		return;
	old = __atomic_exchange_n(&race->data_fd, data_fd, __ATOMIC_ACQ_REL);
	if (old >= 0)
		close(old);
}

static void act_reset(struct race *race, uint32_t random)
{
	device_reset(&race->bench.device);
	must_happen(false, random % 8);
}

static void act_data(struct race *race, uint32_t random)
{
	static __thread uint8_t bytes[65536];
	int data_fd = __atomic_load_n(&race->data_fd, __ATOMIC_ACQUIRE);
	struct vfio_precopy_info info;

	switch (random % 4) {
	case 0:
		migration_read(data_fd, bytes, random % sizeof(bytes));
		break;
	case 1:
		migration_feed(data_fd, &race->stream, 0);
		break;
	case 2:
		migration_readable(data_fd, 0);
		break;
	case 3:
		migration_precopy_info(data_fd, &info);
		break;
	}
}

static void act_registers(struct race *race, uint32_t random)
{
	uint64_t value = random % 64;
	uint32_t offset = NVME_DOORBELL + random / 64 % 16 * 4;

	if (random % 32 == 0)
		offset = NVME_CC, value = random & 64 ? NVME_CC_ENABLED : 0;
	if (random % 32 == 1)
		offset = random / 64 % 0x4000 & ~3u;
	device_write(&race->bench.device, VFIO_PCI_BAR0_REGION_INDEX, offset, &value, 4);
	device_read(&race->bench.device, VFIO_PCI_BAR0_REGION_INDEX, random % 0x3ff8, &value, 8);
}

static void act_config(struct race *race, uint32_t random)
{
	uint16_t value = (uint16_t)random;

	switch (random % 5) {
	case 0:
		device_bus_master(&race->bench.device, random & 64);
		break;
	case 1:
		device_write(&race->bench.device, VFIO_PCI_CONFIG_REGION_INDEX,
			     race->express + PCI_EXP_DEVCTL, &value, 2);
		break;
	default:
		device_write(&race->bench.device, VFIO_PCI_CONFIG_REGION_INDEX, random / 8 % 256,
			     &value, 1);
	}
}

static void act_irqs(struct race *race, uint32_t random)
{
	int32_t fds[8];

	for (int i = 0; i < 8; i++)
		fds[i] = random & 4 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	device_set_irqs(&race->bench.device,
			VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
			VFIO_PCI_MSIX_IRQ_INDEX, random / 8 % 56, 8, fds, sizeof(fds));
	device_set_irqs(&race->bench.device,
			VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
			VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &fds[0], sizeof(fds[0]));
	device_set_irqs(&race->bench.device,
			VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_EVENTFD,
			VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &fds[1], sizeof(fds[1]));
	if (random & 8)
		device_irq_off(&race->bench.device, VFIO_PCI_INTX_IRQ_INDEX);
	if (random & 16)
		device_irq_off(&race->bench.device, VFIO_PCI_MSIX_IRQ_INDEX);
	for (int i = 0; i < 8; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static void act_sysfs(struct race *race, uint32_t random)
{
	char text[256];

	snprintf(text, sizeof(text), "%u", (random % 16384 + 1) * 4096);
	mdev_write(&race->bench.device.mdev, "namespace_size", text);
	mdev_read(&race->bench.device.mdev, "namespace_size", text, sizeof(text));
	mdev_read(&race->bench.device.mdev, "migration/refusal", text, sizeof(text));
}

static void act_map(struct race *race, uint32_t random)
{
	struct arena *arena = &race->bench.arena;

	device_unmap(&race->bench.device, arena->iova, arena->size);
	must_happen(false, random % 4);
	device_map(&race->bench.device, arena->memory, arena->iova, arena->size);
}

static void act_query(struct race *race, uint32_t random)
{
	uint64_t payload[2] = { 0 };

	migration_get(&race->bench.device, NULL);
	migration_feature(&race->bench.device,
			  VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, payload, 8);
	if (random % 16 == 0)
		migration_opt_in(&race->bench.device);
}

static unsigned long run_hands(struct race *race, struct hand *hand, unsigned int hands)
{
	pthread_t thread[16];
	unsigned long idle = 0;

	race->end = must_now_ms() + RACE_MS;
	for (unsigned int i = 0; i < hands; i++) {
		hand[i].race = race;
		hand[i].seed = i + 1;
		must(pthread_create(&thread[i], NULL, hand_thread, &hand[i]) == 0,
		     "seen errno %d", errno);
	}
	for (unsigned int i = 0; i < hands; i++) {
		pthread_join(thread[i], NULL);
		idle += hand[i].acts < 5;
	}
	return idle;
}

TEST(many_hands)
{
	struct hand hands[] = {
		{ .act = act_state }, { .act = act_state }, { .act = act_data },
		{ .act = act_data }, { .act = act_registers }, { .act = act_config },
		{ .act = act_irqs }, { .act = act_sysfs }, { .act = act_map },
		{ .act = act_query }, { .act = act_reset },
	};
	struct race race = { .data_fd = -1 };
	uint64_t start = must_now_ms();

	bench_setup(&race.bench, DEVICE_TYPE);
	race.express = device_capability(&race.bench.device, PCI_CAP_ID_EXP);
	race.stream = migration_save(&race.bench.device);
	ASSERT_EQ(0, device_reset(&race.bench.device));
	nvme_start(&race.bench.nvme, 4, 16);
	EXPECT_EQ(0, run_hands(&race, hands, ARRAY_SIZE(hands))) TH_LOG("hands that got stuck");
	EXPECT_GT(RACE_MS * 3, must_now_ms() - start);
	if (race.data_fd >= 0)
		close(race.data_fd);
	stream_free(&race.stream);
	ASSERT_EQ(0, device_reset(&race.bench.device));
	ASSERT_EQ(0, mdev_write(&race.bench.device.mdev, "namespace_size", "67108864"));
	TEST_TEARDOWN(&race.bench);
}

/* Without resets in between: states that only a reset leads out of are left by closing. */
TEST(many_hands_without_reset)
{
	struct hand hands[] = {
		{ .act = act_state }, { .act = act_state }, { .act = act_data },
		{ .act = act_registers }, { .act = act_irqs }, { .act = act_query },
	};
	struct race race = { .data_fd = -1 };

	bench_setup(&race.bench, DEVICE_TYPE);
	race.stream = migration_save(&race.bench.device);
	migration_go(&race.bench.device, RUNNING);
	EXPECT_EQ(0, run_hands(&race, hands, ARRAY_SIZE(hands))) TH_LOG("hands that got stuck");
	if (race.data_fd >= 0)
		close(race.data_fd);
	stream_free(&race.stream);
	TEST_TEARDOWN(&race.bench);
}

/* ---- Devices that come and go ------------------------------------------ */

/**
 * struct place - a name under which devices come and go
 * @mdev: the name
 * @end: when time is up
 * @there: a device has been created and may be removed
 * @lives: devices that were opened
 */
struct place {
	struct mdev mdev;
	uint64_t end;
	int there;
	unsigned long lives;
};

/* Look at whatever device there is at the moment. */
static void *look_thread(void *arg)
{
	struct place *place = arg;
	char text[256];

	while (must_now_ms() < place->end) {
		mdev_read(&place->mdev, "namespace_size", text, sizeof(text));
		mdev_read(&place->mdev, "migration/refusal", text, sizeof(text));
		mdev_write(&place->mdev, "namespace_size", "4096");
		mdev_available(DEVICE_TYPE);
	}
	return NULL;
}

/*
 * Remove it, open or not; while it is open this waits. Not before its creation
 * has returned: the mdev core then says EAGAIN, and takes the attribute away by
 * which it could be removed later.
 */
static void *remove_thread(void *arg)
{
	struct place *place = arg;

	while (must_now_ms() < place->end) {
		if (__atomic_exchange_n(&place->there, 0, __ATOMIC_ACQ_REL))
			mdev_remove(&place->mdev);
		else
			must_pause();
	}
	return NULL;
}

static void live(struct place *place)
{
	struct device device;
	int data_fd = -1;

	if (device_open(&device, &place->mdev))
		return;
	migration_set(&device, PRE_COPY + place->lives % 2, &data_fd);
	device_reset(&device);
	if (place->lives % 3)
		migration_set(&device, RESUMING, NULL);
	device_close(&device);
	if (data_fd >= 0)
		close(data_fd);
	place->lives++;
}

TEST(come_and_go)
{
	struct place place = { .end = must_now_ms() + RACE_MS };
	pthread_t look, remove;
	int available = mdev_available(DEVICE_TYPE);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), standard_error = dup(STDERR_FILENO);

	/* Opening a device that has just gone is reported, rightly, and not of interest here. */
	fflush(stderr);
	dup2(null, STDERR_FILENO);
	mdev_name(&place.mdev);
	ASSERT_EQ(0, pthread_create(&look, NULL, look_thread, &place));
	ASSERT_EQ(0, pthread_create(&remove, NULL, remove_thread, &place));
	/* Half of the devices live before they may be removed, the others maybe. */
	for (int round = 0; must_now_ms() < place.end; round++) {
		if (mdev_create(&place.mdev, DEVICE_TYPE))
			continue;
		if (round % 2)
			live(&place);
		__atomic_store_n(&place.there, 1, __ATOMIC_RELEASE);
		if (!(round % 2))
			live(&place);
	}
	pthread_join(look, NULL);
	pthread_join(remove, NULL);
	mdev_remove(&place.mdev);
	fflush(stderr);
	dup2(standard_error, STDERR_FILENO);
	EXPECT_FALSE(mdev_exists(&place.mdev));
	EXPECT_EQ(available, mdev_available(DEVICE_TYPE));
	EXPECT_LT(0, place.lives);
}

TEST_MAIN
