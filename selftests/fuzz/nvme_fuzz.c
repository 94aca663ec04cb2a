// SPDX-License-Identifier: GPL-2.0
/*
 * The controller and a host that does whatever it likes: registers, doorbells,
 * commands, memory, interleaved with stops, resets, resizes and migrations.
 * Nothing is touched while the controller is quiet, what it saves is always
 * accepted, and a migrated controller has the same state and the same blocks.
 *
 * Input: a program of steps, each a byte that chooses and its operands.
 */
#include <string.h>
#include <linux/array_size.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include "../unit/ktap.h"
#include "../unit/nvme_host.h"
#include "fuzz.h"
#include "nvme_state.h"

#define MOST_STEPS	200
#define IO_QUEUES	2
#define DATA_PAGES	16
#define IO_BLOCKS	4096

/* How a command is made likelier to be sound */
#define COMMAND_NSID	1
#define COMMAND_PRP	2
#define COMMAND_SLBA	4
#define COMMAND_QUIET	8	/* do not ring */

static struct host *host;
static u64 data_pages;

static u32 some_register(struct input *input, unsigned int width)
{
	return input_u16(input) % (host->fn->ops->bar_size / width) * width;
}

static void step_write_register(struct input *input)
{
	unsigned int width = 1U << input_u8(input) % 4;
	u32 offset = some_register(input, width);

	host->fn->ops->bar_write(host->fn, offset, width, input_u64(input));
}

static void step_read_register(struct input *input)
{
	unsigned int width = 1U << input_u8(input) % 4;
	u32 offset = some_register(input, width);
	u64 value = host->fn->ops->bar_read(host->fn, offset, width);

	MUST(width == 8 || !(value >> width * 8));
}

static void step_write_memory(struct input *input)
{
	u64 at = data_pages + input_u16(input) % (DATA_PAGES * HOST_PAGE - 256);

	input_take(input, host_at(host, at), input_u8(input));
}

static void step_command(struct input *input)
{
	u16 qid = input_u8(input) % (IO_QUEUES + 1);
	u8 flags = input_u8(input);
	struct nvme_command cmd;

	input_take(input, &cmd, sizeof(cmd));
	if (flags & COMMAND_NSID)
		cmd.common.nsid = cpu_to_le32(1);
	if (flags & COMMAND_PRP) {
		cmd.common.dptr.prp1 = cpu_to_le64(data_pages +
						   le64_to_cpu(cmd.common.dptr.prp1) %
						   (DATA_PAGES * HOST_PAGE));
		cmd.common.dptr.prp2 = cpu_to_le64(data_pages +
						   le64_to_cpu(cmd.common.dptr.prp2) % DATA_PAGES *
						   HOST_PAGE);
	}
	if (flags & COMMAND_SLBA)
		cmd.rw.slba = cpu_to_le64(le64_to_cpu(cmd.rw.slba) % IO_BLOCKS);
	host_push(host, qid, cmd);
	if (!(flags & COMMAND_QUIET))
		host_ring(host, qid);
}

static void step_complete(struct input *input)
{
	u16 qid = input_u8(input) % (IO_QUEUES + 1);

	if (host_peek(host, qid))
		host_pop(host, qid, true);
}

static void step_work(struct input *input)
{
	if (input_u8(input) & 1)
		shim_workqueue_run_one();
	else
		host_run();
}

static void quiesce(void)
{
	host->fn->ops->quiesce(host->fn);
	host->device.silent = true;
}

static void resume(void)
{
	host->device.silent = false;
	host->fn->ops->resume(host->fn);
}

static void step_stop(struct input *input)
{
	quiesce();
	/* doorbells are remembered meanwhile */
	host_ring(host, input_u8(input) % (IO_QUEUES + 1));
	while (shim_workqueue_run_one())
		;
	resume();
}

static void step_reset(struct input *input)
{
	quiesce();
	host->fn->ops->reset(host->fn);
	resume();
}

static void step_config(struct input *input)
{
	u8 bits = input_u8(input);

	host->device.dma = !(bits & 1);
	host->device.msix = !(bits & 2);
	host->fn->ops->config_changed(host->fn);
}

static void step_resize(struct input *input)
{
	host->fn->ops->resize(host->fn, input_u16(input) * 512ULL);
}

static void enable(void)
{
	host_write(host, NVME_REG_CC, 0);
	host_write(host, NVME_REG_AQA, 0x000f000f);
	host_write(host, NVME_REG_CC, NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES);
}

static void step_enable(struct input *input)
{
	enable();
}

/* Carry the namespace over, as a session does. */
static void copy_namespace(struct mdevsim_function *from, struct mdevsim_function *to)
{
	struct mdevsim_identity_limits limits = to->ops->limits;
	struct mdevsim_state_identity id;
	struct mdevsim_reason why = {};
	struct mdevsim_extent extent;
	struct mdevsim_bulk_size size;
	const u8 *page;
	u8 *copy;
	u64 at;

	limits.namespace_capacity = HOST_CAPACITY;
	mdevsim_identity_fill(&id, &limits);
	from->ops->identity(from, &id);
	MUST(!mdevsim_identity_check(&id, &limits, &why));
	MUST(!to->ops->bulk_load_begin(to, &id));
	from->ops->bulk_save_begin(from);
	while (from->ops->bulk_next(from, &extent)) {
		MUST(!extent.zero);
		for (at = extent.offset; at < extent.offset + extent.length; at += HOST_PAGE) {
			page = from->ops->bulk_page_get(from, at);
			copy = to->ops->bulk_load_page(to, at);
			MUST(!IS_ERR_OR_NULL(page) && !IS_ERR_OR_NULL(copy));
			memcpy(copy, page, HOST_PAGE);
			from->ops->bulk_page_put(from, at);
		}
	}
	from->ops->bulk_size(from, &size);
	MUST(!size.initial && !size.dirty);
	from->ops->bulk_save_end(from);
	to->ops->bulk_load_commit(to);
}

static void expect_same_size(struct mdevsim_function *a, struct mdevsim_function *b)
{
	struct mdevsim_bulk_size size_a, size_b;

	a->ops->bulk_size(a, &size_a);
	b->ops->bulk_size(b, &size_b);
	MUST(size_a.initial == size_b.initial);
}

static void step_migrate(struct input *input)
{
	struct mdevsim_function *from = host->fn;
	struct mdevsim_function *to = from->ops->create(&host->device, HOST_CAPACITY);

	MUST(!IS_ERR(to));
	quiesce();
	to->ops->quiesce(to);
	copy_namespace(from, to);
	nvme_state_round_trip(from, to);
	to->ops->state_loaded(to);
	expect_same_size(from, to);
	from->ops->destroy(from);
	host->fn = to;
	resume();
}

static void (*const steps[])(struct input *input) = {
	step_command, step_work, step_complete, step_write_register, step_read_register,
	step_write_memory, step_stop, step_migrate, step_reset, step_enable, step_config,
	step_resize, step_command, step_command, step_complete, step_work,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t length)
{
	struct input input = { data, length };
	unsigned int i;

	host = host_create();
	data_pages = host_pages(host, DATA_PAGES);
	host_enable(host, 16);
	for (i = 1; i <= IO_QUEUES; i++)
		host_create_queue(host, i, 8);
	for (i = 0; i < MOST_STEPS && input.left; i++) {
		steps[input_u8(&input) % ARRAY_SIZE(steps)](&input);
		MUST(!ktap_failures);
	}
	host->device.silent = false;
	host_destroy(host);
	MUST(!ktap_failures);
	return 0;
}
