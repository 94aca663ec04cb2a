// SPDX-License-Identifier: GPL-2.0
/*
 * A stream into a controller: whatever passes the checks can be loaded, is then
 * saved as the same bytes, and runs.
 *
 * Input: one byte of flags, the stream. Memory is filled with the stream, too.
 */
#include <string.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include "../../driver/pci_config.h"
#include "../../driver/state_stream.h"
#include "../unit/ktap.h"
#include "../unit/nvme_host.h"
#include "fuzz.h"
#include "nvme_state.h"

#define FLAG_SEAL	1
#define MOST		65536

/**
 * struct load - a loading session
 * @host: carrier
 * @fn: controller
 * @id: IDENTITY
 * @extent: head of the extent under way
 * @end: END
 * @set: control records
 * @bodies: what @set points to
 */
struct load {
	struct host *host;
	struct mdevsim_function *fn;
	struct mdevsim_state_identity id;
	struct mdevsim_state_ns_extent extent;
	struct mdevsim_state_end end;
	struct mdevsim_state_set set;
	u8 bodies[MDEVSIM_RECORD_NS_DATA][NVME_STATE_MOST];
};

static int load_begin(void *context, const struct mdevsim_record *record,
		      struct mdevsim_reason *why)
{
	struct load *load = context;
	u64 most = NVME_STATE_MOST;

	if (record->type == MDEVSIM_RECORD_IDENTITY)
		most = sizeof(load->id);
	else if (record->type == MDEVSIM_RECORD_NS_DATA)
		most = sizeof(load->extent) + MDEVSIM_MAX_EXTENT;
	else if (record->type == MDEVSIM_RECORD_NS_ZERO)
		most = sizeof(load->extent);
	if (record->length > most)
		return mdevsim_refuse(why, -EMSGSIZE, "too long");
	if (record->type > MDEVSIM_RECORD_IDENTITY && record->type < MDEVSIM_RECORD_NS_DATA) {
		load->set.body[record->type] = load->bodies[record->type];
		load->set.length[record->type] = record->length;
	}
	return 0;
}

static int check_extent(struct load *load, const struct mdevsim_record *record, u64 *offset,
			u64 *length, struct mdevsim_reason *why)
{
	u64 slba = le64_to_cpu(load->extent.slba), nlb = le64_to_cpu(load->extent.nlb), end;
	u64 size = le64_to_cpu(load->id.namespace_size);

	*offset = slba << MDEVSIM_LBA_SHIFT;
	*length = nlb << MDEVSIM_LBA_SHIFT;
	if (le32_to_cpu(load->extent.nsid) != 1 || load->extent.reserved || !nlb ||
	    slba > size >> MDEVSIM_LBA_SHIFT || nlb > size >> MDEVSIM_LBA_SHIFT ||
	    check_add_overflow(*offset, *length, &end) || end > size ||
	    (*offset | *length) % MDEVSIM_EXTENT_ALIGN)
		return mdevsim_refuse(why, -EINVAL, "no such extent");
	if (record->type == MDEVSIM_RECORD_NS_DATA &&
	    record->length != sizeof(load->extent) + *length)
		return mdevsim_refuse(why, -EMSGSIZE, "not as long as its extent");
	return 0;
}

static void *extent_body(struct load *load, const struct mdevsim_record *record, u64 offset,
			 u64 *length, struct mdevsim_reason *why)
{
	u64 at, bytes, in_page;
	u8 *page;
	int ret;

	if (offset < sizeof(load->extent)) {
		*length = min(*length, sizeof(load->extent) - offset);
		return (u8 *)&load->extent + offset;
	}
	ret = check_extent(load, record, &at, &bytes, why);
	if (ret)
		return ERR_PTR(ret);
	at += offset - sizeof(load->extent);
	in_page = at % HOST_PAGE;
	page = load->fn->ops->bulk_load_page(load->fn, at - in_page);
	if (IS_ERR(page))
		return page;
	*length = min(*length, HOST_PAGE - in_page);
	return page + in_page;
}

static void *load_body(void *context, const struct mdevsim_record *record, u64 offset,
		       u64 *length, struct mdevsim_reason *why)
{
	struct load *load = context;

	switch (record->type) {
	case MDEVSIM_RECORD_IDENTITY:
		return (u8 *)&load->id + offset;
	case MDEVSIM_RECORD_END:
		return (u8 *)&load->end + offset;
	case MDEVSIM_RECORD_NS_DATA:
	case MDEVSIM_RECORD_NS_ZERO:
		return extent_body(load, record, offset, length, why);
	}
	return load->bodies[record->type] + offset;
}

static int load_end(void *context, const struct mdevsim_record *record,
		    struct mdevsim_reason *why)
{
	struct load *load = context;
	const struct mdevsim_function_ops *ops = load->fn->ops;
	u64 offset, length;
	int ret;

	switch (record->type) {
	case MDEVSIM_RECORD_IDENTITY:
		ret = ops->identity_check(load->fn, &load->id, why);
		return ret ?: ops->bulk_load_begin(load->fn, &load->id);
	case MDEVSIM_RECORD_NS_DATA:
		return check_extent(load, record, &offset, &length, why);
	case MDEVSIM_RECORD_NS_ZERO:
		ret = check_extent(load, record, &offset, &length, why);
		if (!ret)
			ops->bulk_load_zero(load->fn, offset, length);
		return ret;
	}
	return 0;
}

static const struct mdevsim_state_sink load_sink = {
	.begin	= load_begin,
	.body	= load_body,
	.end	= load_end,
};

static int read_stream(struct load *load, const u8 *bytes, size_t length)
{
	struct mdevsim_state_reader reader;
	u64 room;
	u8 *to;
	int ret;

	mdevsim_state_reader_init(&reader, &load_sink, load);
	while (length) {
		to = mdevsim_state_reader_want(&reader, &room);
		if (IS_ERR(to))
			break;
		room = min(room, (u64)length);
		memcpy(to, bytes, room);
		bytes += room;
		length -= room;
		if (mdevsim_state_reader_have(&reader, room))
			break;
	}
	ret = mdevsim_state_reader_finish(&reader);
	MUST(!ret || fuzz_is_documented(ret));
	MUST(!ret == !reader.why.text[0]);
	return ret;
}

/* What configuration space accepts is what it saves. */
static void try_pci_config(struct load *load)
{
	const struct mdevsim_state_pci_config *state = load->set.body[MDEVSIM_RECORD_PCI_CONFIG];
	struct mdevsim_state_pci_config again;
	struct mdevsim_pci_config config;
	struct mdevsim_reason why = {};

	if (load->set.length[MDEVSIM_RECORD_PCI_CONFIG] != sizeof(*state))
		return;
	if (mdevsim_pci_config_check(state, &why)) {
		MUST(why.text[0]);
		return;
	}
	mdevsim_pci_config_load(&config, state);
	mdevsim_pci_config_save(&config, &again);
	MUST(!memcmp(&again, state, sizeof(again)));
}

/* Whatever state it is in: it takes doorbells, commands and resets. */
static void run_loaded(struct load *load)
{
	const struct mdevsim_function_ops *ops = load->fn->ops;
	u32 offset;

	ops->state_loaded(load->fn);
	load->host->device.silent = false;
	ops->resume(load->fn);
	host_run();
	for (offset = NVME_REG_DBS; offset < NVME_REG_DBS + 64; offset += 4)
		ops->bar_write(load->fn, offset, 4, offset % 7);
	host_run();
	ops->quiesce(load->fn);
	nvme_state_round_trip(load->fn, load->fn);
	ops->reset(load->fn);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t length)
{
	static struct load load;
	static u8 bytes[MOST];
	struct mdevsim_reason why = {};

	if (length < 1 || length > sizeof(bytes))
		return 0;
	memcpy(bytes, data + 1, --length);
	if (data[0] & FLAG_SEAL)
		fuzz_seal(bytes, length);

	memset(&load, 0, sizeof(load));
	load.host = host_create();
	load.fn = load.host->fn;
	memcpy(load.host->device.memory, bytes, length);
	load.fn->ops->quiesce(load.fn);
	load.host->device.silent = true;
	if (!read_stream(&load, bytes, length)) {
		try_pci_config(&load);
		if (!nvme_state_check(load.fn, &load.set, &why)) {
			load.fn->ops->bulk_load_commit(load.fn);
			nvme_state_load(load.fn, &load.set);
			run_loaded(&load);
		} else {
			MUST(why.text[0]);
		}
	}
	load.fn->ops->bulk_load_abort(load.fn);
	load.host->device.silent = false;
	host_destroy(load.host);
	MUST(!ktap_failures);
	return 0;
}
