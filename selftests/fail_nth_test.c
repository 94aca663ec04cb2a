// SPDX-License-Identifier: GPL-2.0
/*
 * Each call fails at each point where the kernel can fail it: for want of
 * memory, or of the user's page. The device is then what it was, and the same
 * call works. Needs CONFIG_FAULT_INJECTION, with FAILSLAB, FAIL_PAGE_ALLOC and
 * FAULT_INJECTION_USERCOPY; what gets lost is for KASAN and kmemleak to find.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "migration.h"
#include "region.h"
#include "test.h"
#include "tracker.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUG		"/sys/kernel/debug/"
#define FILLED		(256 << 10)

/* Many more points than any call has: a sweep that gets there makes no progress. */
#define POINTS_MAX	100000

/**
 * struct victim - a device whose calls are failed
 * @bench: it, and what belongs to it
 * @device: the same device
 * @queue: an I/O queue
 * @region: its migration region
 * @stream: what was saved, or is to be loaded
 * @bitmap: pages it has logged
 * @fail_nth: how failing is armed for this thread
 * @given: all of @stream was given to the device
 * @armed: a point is to fail
 * @fired: one has
 */
struct victim {
	struct bench bench;
	struct device *device;
	struct nvme_queue *queue;
	struct region region;
	struct stream stream;
	uint64_t bitmap[BENCH_ARENA_SIZE / ARENA_PAGE / 64];
	int fail_nth;
	bool given;
	bool armed;
	bool fired;
};

FIXTURE(fail) {
	struct victim victim;
};

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done;

	must(fd >= 0, "opening %s, seen errno %d", path, errno);
	done = write(fd, text, strlen(text));
	must(done == (ssize_t)strlen(text), "writing %s to %s, seen errno %d", text, path, errno);
	close(fd);
}

static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };

static void set_kind(const char *kind, const char *name, uint64_t value)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), DEBUG "%s/%s", kind, name);
	snprintf(text, sizeof(text), "%#llx", (unsigned long long)value);
	write_text(path, text);
}

/* By default those failures are left out that a caller may wait for: all that a driver has. */
static void allow_failures(void)
{
	write_text(DEBUG "failslab/ignore-gfp-wait", "N");
	write_text(DEBUG "fail_page_alloc/ignore-gfp-wait", "N");
	write_text(DEBUG "fail_page_alloc/ignore-gfp-highmem", "N");
	write_text(DEBUG "fail_page_alloc/min-order", "0");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		set_kind(kinds[i], "verbose", 0);
		set_kind(kinds[i], "reject-start", 0);
		set_kind(kinds[i], "reject-end", 0);
	}
}

/* Where a function of the kernel begins, and the one behind it */
static void find_symbol(const char *name, uint64_t *start, uint64_t *end)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long at;
	char symbol[256];

	must(file, "seen errno %d", errno);
	*start = 0;
	while (!*start && fscanf(file, "%llx %*c %255s%*[^\n]", &at, symbol) == 2)
		if (!strcmp(symbol, name))
			*start = at;
	must(*start, "no %s in the kernel", name);
	*end = UINT64_MAX;
	rewind(file);
	while (fscanf(file, "%llx %*c %255s%*[^\n]", &at, symbol) == 2)
		if (at > *start && at < *end)
			*end = at;
	fclose(file);
}

/*
 * Leave out what fails below a function. VFIO's own way out of vfio_create_group() warns
 * (6.12): it gives back a group that was not complete.
 */
static void leave_out(const char *name)
{
	uint64_t start, end;

	find_symbol(name, &start, &end);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		set_kind(kinds[i], "reject-start", start);
		set_kind(kinds[i], "reject-end", end);
	}
}

FIXTURE_SETUP(fail)
{
	if (access(FAIL_NTH, F_OK))
		SKIP(return, "no " FAIL_NTH);
	allow_failures();
	self->victim.fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->victim.fail_nth);
	bench_setup(&self->victim.bench, DEVICE_TYPE);
	self->victim.device = &self->victim.bench.device;
	nvme_start(&self->victim.bench.nvme, 1, 32);
	self->victim.queue = &self->victim.bench.nvme.io[0];
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->victim.queue, 0, FILLED, 1));
}

FIXTURE_TEARDOWN(fail)
{
	stream_free(&self->victim.stream);
	TEST_TEARDOWN(&self->victim.bench);
}

static void arm(struct victim *self, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	self->armed = nth;
	/* What is armed may fail this write, once: then it is not any more. */
	while (pwrite(self->fail_nth, text, (size_t)length, 0) != length)
		must(errno == EFAULT, "seen errno %d", errno);
}

/* Was the point reached? Looking is a point, too: it fails only when no other did before. */
static void disarm(struct victim *self)
{
	char text[16] = "";
	ssize_t done;

	if (!self->armed)
		return;
	done = pread(self->fail_nth, text, sizeof(text) - 1, 0);
	must(done > 0 || errno == EFAULT, "seen errno %d", errno);
	self->fired = done > 0 && !atoi(text);
	arm(self, 0);
}

/* A step that fails is made once more: what comes of it in the end is all there is. */
static int persist(struct victim *self, int (*step)(struct victim *self))
{
	int error = step(self);

	if (!error)
		return 0;
	disarm(self);
	return self->fired ? step(self) : error;
}

/*
 * Make the call with the first point failing, then with the second, until all it has
 * were tried. @settle looks at what a call has left behind and takes it back.
 *
 * Return: number of points
 */
static unsigned int sweep(struct victim *self, int (*call)(struct victim *self),
			  void (*settle)(struct victim *self, int error))
{
	unsigned int nth;

	for (nth = 1; nth < POINTS_MAX; nth++) {
		int error;

		arm(self, nth);
		error = call(self);
		disarm(self);
		must(!error || self->fired, "at point %u seen %d", nth, error);
		settle(self, error);
		if (!self->fired)
			return nth - 1;
	}
	must_fail(__FILE__, __LINE__, "%u points and no end", nth);
}

/* What a sweep must at least have failed, or it did not test what it says. */
#define EXPECT_POINTS(at_least, points)						\
	do {									\
		unsigned int points_ = (points);				\
										\
		TH_LOG("%u points", points_);					\
		EXPECT_LE(at_least, points_);					\
	} while (0)

static void must_be_filled(struct victim *self)
{
	long long at = nvme_filled_differs(self->queue, 0, FILLED, 1);

	must(at == -1, "byte %lld of the namespace changed", at);
}

/* ---- Opening ----------------------------------------------------------- */

static int open_device(struct victim *self)
{
	struct vfio_device *vfio = &self->device->vfio;

	vfio->fd = ioctl(vfio->group, VFIO_GROUP_GET_DEVICE_FD, vfio->id.name);
	return vfio->fd < 0 ? -errno : 0;
}

static void close_device(struct victim *self, int error)
{
	if (!error)
		close(self->device->vfio.fd);
}

TEST_F(fail, open)
{
	close(self->victim.device->vfio.fd);
	EXPECT_POINTS(3, sweep(&self->victim, open_device, close_device));
	ASSERT_EQ(0, open_device(&self->victim));
	nvme_start(&self->victim.bench.nvme, 1, 32);
	must_be_filled(&self->victim);
}

static int create_mdev(struct victim *self)
{
	struct mdev mdev = { .uuid = "fa110000-0000-4000-8000-000000000000" };
	int error = mdev_create(&mdev, DEVICE_TYPE);

	return error ?: mdev_remove(&mdev);
}

static void expect_none(struct victim *self, int error)
{
	struct mdev mdev = { .uuid = "fa110000-0000-4000-8000-000000000000" };

	/* Removing it is what failed. */
	if (error && mdev_exists(&mdev))
		must(mdev_remove(&mdev) == 0, "a device that cannot be removed");
	must(!mdev_exists(&mdev), "a device after %d", error);
}

TEST_F_TIMEOUT(fail, create, 600)
{
	leave_out("vfio_device_set_group");
	EXPECT_POINTS(20, sweep(&self->victim, create_mdev, expect_none));
}

/* ---- The data fd ------------------------------------------------------- */

static int go_around(struct victim *self)
{
	static const uint32_t path[] = {
		PRE_COPY, PRE_COPY_P2P, STOP_COPY, STOP, RESUMING, STOP, RUNNING_P2P,
	};
	int error = 0;

	/* Nothing was loaded: RESUMING ends by a reset. */
	for (size_t i = 0; i < ARRAY_SIZE(path) && !error; i++)
		error = i && path[i - 1] == RESUMING ? device_reset(self->device)
						     : migration_set(self->device, path[i], NULL);
	return error;
}

static void expect_a_state(struct victim *self, int error)
{
	int state = migration_get(self->device, NULL);

	must(state > ERROR, "after %d seen %d", error, state);
	must(device_reset(self->device) == 0, "in state %d a reset", state);
	must(migration_get(self->device, NULL) == RUNNING, "after a reset");
}

TEST_F_TIMEOUT(fail, states, 300)
{
	EXPECT_POINTS(10, sweep(&self->victim, go_around, expect_a_state));
	self->victim.bench.arena.used = 0;
	nvme_start(&self->victim.bench.nvme, 1, 32);
	must_be_filled(&self->victim);
}

static int data_fd = -1;

/* A session whose fd could not be installed is there all the same: out of it first. */
static int begin_save(struct victim *self)
{
	return migration_set(self->device, RUNNING, NULL) ?:
	       migration_set(self->device, STOP_COPY, &data_fd);
}

static int drain(struct victim *self)
{
	return migration_drain(data_fd, &self->stream);
}

static int save(struct victim *self)
{
	int error;

	self->stream.length = 0;
	error = persist(self, begin_save) ?: persist(self, drain);
	close(data_fd);
	return error;
}

static void expect_whole_stream(struct victim *self, int error)
{
	const char *verdict = stream_check(&self->stream);

	must(!error, "with a second try seen %d", error);
	must(!strcmp(verdict, "sound"), "a stream that is %s", verdict);
	must(migration_set(self->device, RUNNING, NULL) == 0, "cannot run again");
}

TEST_F_TIMEOUT(fail, save, 300)
{
	EXPECT_POINTS(5, sweep(&self->victim, save, expect_whole_stream));
	must_be_filled(&self->victim);
}

static int load(struct victim *self)
{
	int error, fd;

	self->given = false;
	error = migration_set(self->device, RESUMING, &fd);
	if (error)
		return error;
	error = migration_feed(fd, &self->stream, 4096);
	self->given = !error;
	error = error ?: migration_set(self->device, STOP, NULL);
	close(fd);
	return error;
}

/*
 * A device that was refused its stream has what it had, one that was not has the stream's:
 * that is one in STOP, too, to which all was given, when only the answer could not be
 * handed over.
 */
static void expect_one_of_two(struct victim *self, int error)
{
	int state = migration_get(self->device, NULL);
	bool loaded = !error || (self->given && state == STOP);
	long long at;

	must(device_reset(self->device) == 0, "a reset");
	self->bench.arena.used = 0;
	nvme_start(&self->bench.nvme, 1, 32);
	self->queue = &self->bench.nvme.io[0];
	at = nvme_filled_differs(self->queue, 0, FILLED, loaded ? 2 : 1);
	must(at == -1, "after %d in state %d byte %lld is not as %s", error, state, at,
	     loaded ? "loaded" : "before");
	must(nvme_fill(self->queue, 0, FILLED, 1) == NVME_SUCCESS, "writing");
}

TEST_F_TIMEOUT(fail, load, 300)
{
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->victim.queue, 0, FILLED, 2));
	self->victim.stream = migration_save(self->victim.device);
	ASSERT_EQ(0, migration_set(self->victim.device, RUNNING, NULL));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->victim.queue, 0, FILLED, 1));
	EXPECT_POINTS(20, sweep(&self->victim, load, expect_one_of_two));
}

/* ---- The migration region ---------------------------------------------- */

static int take(struct victim *self)
{
	int error;

	self->stream.length = 0;
	error = region_go(&self->region, REGION_STOP_COPY) ?:
		region_take(&self->region, &self->stream);
	return error ?: region_go(&self->region, REGION_RUNNING);
}

static void expect_stream_or_error(struct victim *self, int error)
{
	const char *verdict = error ? "sound" : stream_check(&self->stream);

	must(!strcmp(verdict, "sound"), "a stream that is %s", verdict);
	expect_a_state(self, error);
}

TEST_F_TIMEOUT(fail, region_save, 300)
{
	ASSERT_TRUE(region_find(&self->victim.region, self->victim.device));
	EXPECT_POINTS(10, sweep(&self->victim, take, expect_stream_or_error));
	self->victim.bench.arena.used = 0;
	nvme_start(&self->victim.bench.nvme, 1, 32);
	must_be_filled(&self->victim);
}

static int give(struct victim *self)
{
	int error = region_go(&self->region, REGION_RESUMING) ?:
		    region_give(&self->region, &self->stream, 65536);

	self->given = !error;
	return error ?: region_go(&self->region, REGION_RUNNING);
}

TEST_F_TIMEOUT(fail, region_load, 300)
{
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->victim.queue, 0, FILLED, 2));
	self->victim.stream = migration_save(self->victim.device);
	ASSERT_EQ(0, migration_set(self->victim.device, RUNNING, NULL));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->victim.queue, 0, FILLED, 1));
	ASSERT_TRUE(region_find(&self->victim.region, self->victim.device));
	EXPECT_POINTS(20, sweep(&self->victim, give, expect_one_of_two));
}

/* ---- Interrupts and logging -------------------------------------------- */

static int eventfds[BENCH_VECTORS];

static int attach(struct victim *self)
{
	return device_set_irqs(self->device,
			       VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
			       VFIO_PCI_MSIX_IRQ_INDEX, 0, BENCH_VECTORS, eventfds,
			       sizeof(eventfds));
}

static int trigger(struct victim *self)
{
	return device_set_irqs(self->device,
			       VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE,
			       VFIO_PCI_MSIX_IRQ_INDEX, 0, BENCH_VECTORS, NULL, 0);
}

/* All of them are attached, or none. */
static void expect_all_or_none(struct victim *self, int error)
{
	/* Triggering what has no eventfd does nothing. */
	must(trigger(self) == 0, "cannot trigger");
	for (int i = 0; i < BENCH_VECTORS; i++) {
		eventfd_t count = 0;
		bool attached = !eventfd_read(eventfds[i], &count);

		must(attached == !error, "after %d vector %d is attached: %d", error, i, attached);
	}
	must(device_irq_off(self->device, VFIO_PCI_MSIX_IRQ_INDEX) == 0, "detaching");
}

TEST_F(fail, interrupts)
{
	for (int i = 0; i < BENCH_VECTORS; i++)
		eventfds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	EXPECT_POINTS(2, sweep(&self->victim, attach, expect_all_or_none));
}

static int log_round(struct victim *self)
{
	int error = tracker_log.start(self->device, &self->bench.arena);

	if (error)
		return error;
	error = tracker_log.take(self->device, &self->bench.arena, self->bitmap);
	return tracker_log.stop(self->device) ?: error;
}

static void expect_no_log(struct victim *self, int error)
{
	int stop = tracker_log.stop(self->device);

	/* STOP itself fails only before it begins. */
	must(stop == -EINVAL || error, "after %d seen %d", error, stop);
}

TEST_F(fail, logging)
{
	if (!tracker_log.offered(self->victim.device))
		SKIP(return, "this kernel cannot report what a device logs");
	EXPECT_POINTS(6, sweep(&self->victim, log_round, expect_no_log));
}

TEST_MAIN
