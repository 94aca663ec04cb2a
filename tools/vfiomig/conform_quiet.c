// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of what a device does in its states: nothing in those that are stopped,
 * everything in those that are not, and nothing is lost between them.
 *
 * That nothing happens can only be watched for some time; that it would have
 * happened is shown in RUNNING before.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "array_size.h"
#include "conform.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define WATCH_MS	100
#define FILL		0x5a

static const uint32_t stopped[] = { STATE(STOP), STATE(STOP_COPY), STATE(RESUMING) };

/* ---- Stopped ----------------------------------------------------------- */

/* What of the memory was written to, in pages. */
static uint64_t pages_changed(const uint8_t *memory, const uint8_t *before)
{
	uint64_t pages = 0;
	unsigned int i;

	for (i = 0; i < CONFORM_MEMORY_SIZE / CONFORM_PAGE; i++)
		if (memcmp(memory + i * CONFORM_PAGE, before + i * CONFORM_PAGE, CONFORM_PAGE))
			pages |= 1ULL << i;
	return pages;
}

static void expect_quiet(struct conform *conform, const uint8_t *memory, const uint8_t *before)
{
	uint64_t signals, pages;

	conform_doing(conform, "watch it in %s for %u ms",
		      migration_state_name(conform->migration.state), WATCH_MS);
	signals = conform_signalled(conform->eventfd, WATCH_MS);
	conform_expect(conform, !signals, "no interrupt", "%llu", (unsigned long long)signals);
	pages = memory ? pages_changed(memory, before) : 0;
	conform_expect(conform, !pages, "no DMA", "pages %#llx were written to",
		       (unsigned long long)pages);
}

/* A device that nobody uses; of one that can be put to work there are sharper checks. */
static void idle(struct conform *conform)
{
	uint8_t *memory = conform_map(conform, CONFORM_MEMORY_IOVA, CONFORM_MEMORY_SIZE);
	uint8_t *before = conform_alloc(CONFORM_MEMORY_SIZE);
	int index = conform_irq_index(conform);

	if (index < 0)
		conform_skip(conform, "the device has no interrupts");
	memset(memory, FILL, CONFORM_MEMORY_SIZE);
	memset(before, FILL, CONFORM_MEMORY_SIZE);
	conform->eventfd = conform_eventfd(conform, index);
	conform_need(conform, conform->eventfd >= 0, "an interrupt", "%s",
		     conform_errno(conform->eventfd));
	conform_go(conform, STATE(STOP));
	expect_quiet(conform, memory, before);
}

/* In a state that is entered by way of another, if the check says so */
static void asked(struct conform *conform)
{
	const struct conform_worker *worker = conform->subject->worker;
	uint8_t *before = conform_alloc(CONFORM_MEMORY_SIZE), *memory = NULL;

	conform_put_to_work(conform);
	if (conform->check->to)
		conform_go(conform, conform->check->to);
	conform_go(conform, conform->check->from);
	worker->ask(conform);
	if (worker->memory) {
		memory = worker->memory(conform);
		memcpy(before, memory, CONFORM_MEMORY_SIZE);
	}
	expect_quiet(conform, memory, before);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_put_to_work(conform);
}

#define ASKED(state)								\
	{									\
		.name = "quiet." #state,					\
		.place = "enum vfio_device_mig_state, RUNNING_P2P -> STOP",	\
		.rule = "a stopped device that is asked for something does nothing",	\
		.needs = NEEDS_WORK,						\
		.run = asked,							\
		.from = STATE(state),						\
	}

/* Bytes that are the same in each of some saves are the same in one more. */
static void same_state(struct conform *conform)
{
	struct conform_bytes saves[4], after;
	unsigned int i;
	size_t at;

	conform_put_to_work(conform);
	conform_go(conform, STATE(STOP));
	for (i = 0; i < ARRAY_SIZE(saves); i++)
		saves[i] = conform_save_stopped(conform);
	conform->subject->worker->ask(conform);
	after = conform_save_stopped(conform);
	conform_doing(conform, "save a device that was asked for something in STOP");
	conform_need(conform, after.size == saves[0].size, "a state of the same size",
		     "%zu bytes, then %zu", saves[0].size, after.size);
	for (at = 0; at < after.size; at++) {
		for (i = 1; i < ARRAY_SIZE(saves); i++)
			if (saves[i].size != after.size || saves[i].data[at] != saves[0].data[at])
				break;
		conform_need(conform, i < ARRAY_SIZE(saves) || after.data[at] == saves[0].data[at],
			     "the same state", "byte %zu is %#x, was %#x in all saves before", at,
			     after.data[at], saves[0].data[at]);
	}
}

/* ---- Access ------------------------------------------------------------ */

static void expect_config(struct conform *conform)
{
	const char *state = migration_state_name(conform->migration.state);
	uint16_t vendor = 0xffff;
	uint8_t line = FILL, seen = 0;

	conform_doing(conform, "use configuration space in %s", state);
	conform_expect(conform, conform_config_read(&conform->device, PCI_VENDOR_ID, &vendor, 2) &&
		       vendor != 0xffff, "a vendor", "%#x", vendor);
	conform_config_write(&conform->device, PCI_INTERRUPT_LINE, &line, 1);
	conform_config_read(&conform->device, PCI_INTERRUPT_LINE, &seen, 1);
	conform_expect(conform, seen == line, "the interrupt line that was written", "%#x", seen);
}

static void expect_interrupts(struct conform *conform)
{
	int index = conform_irq_index(conform), fd;

	if (index < 0)
		return;
	fd = conform_eventfd(conform, index);
	if (conform_expect(conform, fd >= 0, "success", "%s", conform_errno(fd)))
		close(fd);
}

static void each_stopped(struct conform *conform, void (*visit)(struct conform *conform))
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stopped); i++) {
		conform_need_result(conform, conform_reset(conform), 0);
		conform_go(conform, stopped[i]);
		visit(conform);
	}
}

static void config(struct conform *conform)
{
	each_stopped(conform, expect_config);
}

static void interrupts(struct conform *conform)
{
	each_stopped(conform, expect_interrupts);
}

/* Whatever it answers; no more than the user may suffer. */
static void touch_regions(struct conform *conform)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	uint32_t word;
	ssize_t got;

	for (info.index = 0; info.index < conform->device.info.num_regions; info.index++) {
		conform_doing(conform, "read region %u in %s", info.index,
			      migration_state_name(conform->migration.state));
		if (ioctl(conform->device.fd, VFIO_DEVICE_GET_REGION_INFO, &info) ||
		    !(info.flags & VFIO_REGION_INFO_FLAG_READ) || info.size < sizeof(word) ||
		    info.index == VFIO_PCI_VGA_REGION_INDEX)
			continue;
		got = pread(conform->device.fd, &word, sizeof(word), info.offset);
		conform_expect(conform, got <= (ssize_t)sizeof(word), "4 bytes or an error",
			       "%zd bytes", got);
	}
}

static void access_stopped(struct conform *conform)
{
	each_stopped(conform, touch_regions);
	conform_works(conform);
}

/* ---- Running ----------------------------------------------------------- */

static void works(struct conform *conform)
{
	conform_put_to_work(conform);
}

static void works_in_precopy(struct conform *conform)
{
	conform_put_to_work(conform);
	conform_go(conform, STATE(PRE_COPY));
	conform->subject->worker->ask(conform);
	conform_await_answer(conform);
}

static void p2p_keeps(struct conform *conform)
{
	conform_put_to_work(conform);
	conform_go(conform, STATE(RUNNING_P2P));
	conform->subject->worker->ask(conform);
	conform_go(conform, STATE(RUNNING));
	conform_await_answer(conform);
}

static void stop_and_go(struct conform *conform)
{
	int i;

	conform_put_to_work(conform);
	for (i = 0; i < 5; i++) {
		conform_go(conform, STATE(STOP));
		conform_go(conform, STATE(RUNNING));
		conform->subject->worker->ask(conform);
		if (!conform_await_answer(conform))
			return;
	}
}

/* What is asked for just before it stops comes before it does, or when it runs again. */
static void in_flight(struct conform *conform)
{
	struct conform_bytes state;

	conform_put_to_work(conform);
	conform->subject->worker->ask(conform);
	state = conform_save_stopped(conform);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_load_must(conform, &state, 0);
	conform_go(conform, STATE(RUNNING));
	conform_await_answer(conform);
}

static void goes_on(struct conform *conform)
{
	struct conform_bytes state;

	conform_put_to_work(conform);
	state = conform_save_stopped(conform);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_load_must(conform, &state, 0);
	conform_go(conform, STATE(RUNNING));
	conform->subject->worker->ask(conform);
	conform_await_answer(conform);
}

#define STOPPED		"enum vfio_device_mig_state, RUNNING_P2P -> STOP"
#define RUNS		"enum vfio_device_mig_state, RUNNING_P2P -> RUNNING"

static const struct conform_check checks[] = {
	CHECK("quiet.idle", idle, NEEDS_PCI, STOPPED,
	      "a stopped device sends no interrupt and writes to no memory"),
	ASKED(STOP),
	ASKED(STOP_COPY),
	ASKED(RESUMING),
	{
		.name = "quiet.precopied",
		.place = "enum vfio_device_mig_state, PRE_COPY_P2P -> STOP_COPY",
		.rule = "a device that is stopped after pre-copy does nothing, whatever is asked",
		.needs = NEEDS_WORK | NEEDS_PRE_COPY,
		.run = asked,
		.from = STATE(STOP_COPY),
		.to = STATE(PRE_COPY),
	},
	CHECK("quiet.state", same_state, NEEDS_WORK, STOPPED,
	      "a stopped device does not change its state, not even when it is asked to"),
	CHECK("stopped.config", config, NEEDS_PCI, STOPPED,
	      "configuration space answers while the device is stopped"),
	CHECK("stopped.interrupts", interrupts, NEEDS_PCI, STOPPED,
	      "interrupts can be set up while the device is stopped"),
	CHECK("stopped.access", access_stopped, 0, STOPPED,
	      "a user who reads a stopped device harms nobody"),
	CHECK("work.RUNNING", works, NEEDS_WORK, RUNS,
	      "a device that runs does what it is asked for"),
	CHECK("work.PRE_COPY", works_in_precopy, NEEDS_WORK | NEEDS_PRE_COPY,
	      "enum vfio_device_mig_state, RUNNING -> PRE_COPY",
	      "pre-copy does not change what a device does"),
	CHECK("work.RUNNING_P2P", p2p_keeps, NEEDS_WORK | NEEDS_P2P,
	      "enum vfio_device_mig_state, P2P",
	      "what is asked for in a P2P state is done there or in RUNNING, but not forgotten"),
	CHECK("work.stop-and-go", stop_and_go, NEEDS_WORK, RUNS,
	      "a device that was stopped goes on"),
	CHECK("work.in-flight", in_flight, NEEDS_WORK, STOPPED,
	      "what is under way when a device is stopped is done or part of its state"),
	CHECK("work.loaded", goes_on, NEEDS_WORK, RUNS,
	      "a device goes on where the state that it loaded was saved"),
};

const struct conform_group conform_quiet_group = { checks, ARRAY_SIZE(checks) };
