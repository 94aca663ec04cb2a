// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <linux/array_size.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include "../../driver/irq_state.h"
#include "../../driver/pci_config.h"
#include "../../driver/state_schema.h"
#include "host_stream.h"
#include "ktap.h"

struct host *host_stream_create(void)
{
	struct host *host = host_create();

	mdevsim_pci_config_reset(&host->device.config);
	return host;
}

/* ---- The carrier's records --------------------------------------------- */

static u32 config_save(struct mdevsim_function *fn, void *body)
{
	mdevsim_pci_config_save(&fn->device->config, body);
	return sizeof(struct mdevsim_state_pci_config);
}

static int config_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
			struct mdevsim_reason *why)
{
	return mdevsim_pci_config_check(set->body[MDEVSIM_RECORD_PCI_CONFIG], why);
}

static void config_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	mdevsim_pci_config_load(&fn->device->config, body);
}

static const struct mdevsim_state_ops config_ops = {
	.type		= MDEVSIM_RECORD_PCI_CONFIG,
	.version	= 1,
	.min_length	= sizeof(struct mdevsim_state_pci_config),
	.max_length	= sizeof(struct mdevsim_state_pci_config),
	.save		= config_save,
	.check		= config_check,
	.load		= config_load,
};

/* Nobody here drives interrupts: what was loaded is kept. */
static u32 irq_save(struct mdevsim_function *fn, void *body)
{
	struct mdevsim_state_irq *state = body;

	memcpy(body, fn->device->irq, MDEVSIM_IRQ_STATE_LENGTH);
	state->vectors = cpu_to_le16(MDEVSIM_MAX_VECTORS);
	return MDEVSIM_IRQ_STATE_LENGTH;
}

static void irq_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	memcpy(fn->device->irq, body, length);
}

static const struct mdevsim_state_ops irq_ops = {
	.type		= MDEVSIM_RECORD_IRQ,
	.version	= 1,
	.min_length	= MDEVSIM_IRQ_STATE_LENGTH,
	.max_length	= MDEVSIM_IRQ_STATE_LENGTH,
	.save		= irq_save,
	.check		= mdevsim_irq_state_check,
	.load		= irq_load,
};

static const struct mdevsim_state_ops *const carrier[] = { &config_ops, &irq_ops };

static_assert(sizeof_field(struct mdevsim_device, irq) >= MDEVSIM_IRQ_STATE_LENGTH);

struct mdevsim_state_target host_stream_target(struct host *host)
{
	struct mdevsim_state_target target = {
		.fn		= host->fn,
		.limits		= host->fn->ops->limits,
		.carrier	= carrier,
		.nr_carrier	= ARRAY_SIZE(carrier),
	};

	target.limits.namespace_capacity = HOST_CAPACITY;
	return target;
}

/* ---- Saving ------------------------------------------------------------ */

/* Give out what is due: framing, and @body where body bytes are. */
static void give_record(struct stream *stream, struct mdevsim_state_writer *writer,
			const void *body, u64 length)
{
	const void *bytes;
	u64 left;

	while (length) {
		bytes = mdevsim_state_writer_framing(writer, &left);
		if (!bytes) {
			bytes = body;
			left = min(left, length);
			body += left;
			length -= left;
		}
		stream_append(stream, bytes, left);
		mdevsim_state_writer_gave(writer, bytes, left);
	}
}

/* Padding and trailer */
static void end_record(struct stream *stream, struct mdevsim_state_writer *writer)
{
	const void *bytes;
	u64 left;

	while ((bytes = mdevsim_state_writer_framing(writer, &left)) && writer->record.type) {
		stream_append(stream, bytes, left);
		mdevsim_state_writer_gave(writer, bytes, left);
	}
}

static void save_record(struct stream *stream, struct mdevsim_state_writer *writer, u16 type,
			const void *body, u64 length)
{
	mdevsim_state_writer_begin(writer, type, 1, length);
	give_record(stream, writer, body, length);
	end_record(stream, writer);
}

static void save_schema(struct stream *stream, struct mdevsim_state_writer *writer)
{
	static u8 schema[MDEVSIM_MAX_SCHEMA] __aligned(8);

	save_record(stream, writer, MDEVSIM_RECORD_SCHEMA, schema,
		    mdevsim_state_schema_encode(schema));
}

static void save_extent(struct stream *stream, struct mdevsim_state_writer *writer,
			struct mdevsim_function *fn, const struct mdevsim_extent *extent)
{
	struct mdevsim_state_ns_extent head = {
		.nsid	= cpu_to_le32(1),
		.slba	= cpu_to_le64(extent->offset >> MDEVSIM_LBA_SHIFT),
		.nlb	= cpu_to_le64(extent->length >> MDEVSIM_LBA_SHIFT),
	};
	u64 at, end = extent->offset + extent->length;
	void *page;

	if (extent->zero) {
		save_record(stream, writer, MDEVSIM_RECORD_NS_ZERO, &head, sizeof(head));
		return;
	}
	mdevsim_state_writer_begin(writer, MDEVSIM_RECORD_NS_DATA, 1,
				   sizeof(head) + extent->length);
	give_record(stream, writer, &head, sizeof(head));
	for (at = extent->offset; at < end; at += HOST_PAGE) {
		page = fn->ops->bulk_page_get(fn, at);
		if (!EXPECT(!IS_ERR_OR_NULL(page)))
			abort();
		give_record(stream, writer, page, HOST_PAGE);
		fn->ops->bulk_page_put(fn, at);
	}
	end_record(stream, writer);
}

static void save_namespace(struct stream *stream, struct mdevsim_state_writer *writer,
			   struct mdevsim_function *fn)
{
	struct mdevsim_extent extent;

	fn->ops->bulk_save_begin(fn);
	while (fn->ops->bulk_next(fn, &extent))
		save_extent(stream, writer, fn, &extent);
	fn->ops->bulk_save_end(fn);
}

static void save_end(struct stream *stream, struct mdevsim_state_writer *writer)
{
	struct mdevsim_state_end end = {
		.records	= cpu_to_le64(writer->sequence),
		.bytes		= cpu_to_le64(writer->offset),
	};

	save_record(stream, writer, MDEVSIM_RECORD_END, &end, sizeof(end));
}

struct stream host_stream_save(struct host *host, u16 minor)
{
	struct mdevsim_state_target target = host_stream_target(host);
	static u8 body[MDEVSIM_CONTROL_MAX] __aligned(8);
	const struct mdevsim_state_ops *ops;
	struct mdevsim_state_writer writer;
	struct mdevsim_state_identity id;
	struct stream stream = {};
	unsigned int i;

	mdevsim_state_writer_init(&writer, minor, host->device.uuid);
	mdevsim_identity_fill(&id, &target.limits);
	host->fn->ops->identity(host->fn, &id);
	memcpy(id.uuid, host->device.uuid, sizeof(id.uuid));
	save_record(&stream, &writer, MDEVSIM_RECORD_IDENTITY, &id, sizeof(id));
	if (minor >= MDEVSIM_STREAM_MINOR_SCHEMA)
		save_schema(&stream, &writer);
	save_namespace(&stream, &writer, host->fn);
	for (i = 0; (ops = mdevsim_state_target_record(&target, i)); i++)
		save_record(&stream, &writer, ops->type, body, ops->save(host->fn, body));
	save_end(&stream, &writer);
	return stream;
}

/* ---- Loading ----------------------------------------------------------- */

static void feed(struct mdevsim_state_reader *reader, const struct stream *stream, size_t piece)
{
	size_t at = 0;
	u64 room;
	void *to;

	while (at < stream->length) {
		to = mdevsim_state_reader_want(reader, &room);
		if (IS_ERR(to))
			return;
		room = min3(room, (u64)piece, (u64)(stream->length - at));
		memcpy(to, stream->bytes + at, room);
		at += room;
		if (mdevsim_state_reader_have(reader, room))
			return;
	}
}

int host_stream_load(struct host *host, const struct stream *stream, size_t piece,
		     struct mdevsim_reason *why)
{
	struct mdevsim_state_target target = host_stream_target(host);
	struct mdevsim_state_loader loader;
	int ret;

	mdevsim_state_loader_init(&loader, &target);
	feed(&loader.reader, stream, piece);
	ret = mdevsim_state_loader_commit(&loader);
	*why = loader.reader.why;
	mdevsim_state_loader_release(&loader);
	return ret;
}
