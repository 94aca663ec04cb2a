// SPDX-License-Identifier: GPL-2.0
/*
 * A stream into a controller, by the driver's own loader: whatever passes the
 * checks can be loaded, is then saved as the same bytes, and runs.
 *
 * Input: one byte of flags, the stream. Memory is filled with the stream, too.
 */
#include <errno.h>
#include <string.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include "../unit/host_stream.h"
#include "../unit/ktap.h"
#include "fuzz.h"
#include "nvme_state.h"

#define FLAG_SEAL	1
#define MOST		65536

/* What configuration space accepts is what it saves. */
static void expect_config_saved(struct mdevsim_function *fn, const struct mdevsim_state_set *set)
{
	struct mdevsim_state_pci_config again;

	mdevsim_pci_config_save(&fn->device->config, &again);
	MUST(!memcmp(&again, set->body[MDEVSIM_RECORD_PCI_CONFIG], sizeof(again)));
}

static void read_stream(struct mdevsim_state_reader *reader, const u8 *bytes, size_t length)
{
	u64 room;
	u8 *to;

	while (length) {
		to = mdevsim_state_reader_want(reader, &room);
		if (IS_ERR(to))
			return;
		room = min(room, (u64)length);
		memcpy(to, bytes, room);
		bytes += room;
		length -= room;
		if (mdevsim_state_reader_have(reader, room))
			return;
	}
}

/* Whatever state it is in: it takes doorbells, commands and resets. */
static void run_loaded(struct host *host)
{
	const struct mdevsim_function_ops *ops = host->fn->ops;
	u32 offset;

	ops->state_loaded(host->fn);
	host->device.silent = false;
	ops->resume(host->fn);
	host_run();
	for (offset = NVME_REG_DBS; offset < NVME_REG_DBS + 64; offset += 4)
		ops->bar_write(host->fn, offset, 4, offset % 7);
	host_run();
	ops->quiesce(host->fn);
	nvme_state_round_trip(host->fn, host->fn);
	ops->reset(host->fn);
}

static bool load_stream(struct mdevsim_state_loader *loader, const u8 *bytes, size_t length)
{
	int ret;

	read_stream(&loader->reader, bytes, length);
	ret = mdevsim_state_loader_commit(loader);
	MUST(!ret || fuzz_is_documented(ret));
	MUST(!ret == !loader->reader.why.text[0]);
	if (!ret) {
		nvme_state_expect_saved(loader->target->fn, &loader->set);
		expect_config_saved(loader->target->fn, &loader->set);
	}
	mdevsim_state_loader_release(loader);
	return !ret;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t length)
{
	struct mdevsim_state_loader loader;
	struct mdevsim_state_target target;
	static u8 bytes[MOST];
	struct host *host;

	if (length < 1 || length > sizeof(bytes))
		return 0;
	memcpy(bytes, data + 1, --length);
	if (data[0] & FLAG_SEAL)
		fuzz_seal(bytes, length);

	host = host_stream_create();
	target = host_stream_target(host);
	memcpy(host->device.memory, bytes, length);
	host->fn->ops->quiesce(host->fn);
	host->device.silent = true;
	mdevsim_state_loader_init(&loader, &target);
	if (load_stream(&loader, bytes, length))
		run_loaded(host);
	host->device.silent = false;
	host_destroy(host);
	MUST(!ktap_failures);
	return 0;
}
