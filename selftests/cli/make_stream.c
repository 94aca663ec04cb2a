// SPDX-License-Identifier: GPL-2.0
/*
 * make_stream KIND: write a device-state stream to standard output. The same
 * bytes every time, each record type once or more, most fields with a value
 * that tells them from their neighbours. KIND says what is wrong with it.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../driver/compat/crc32c.h"
#include "../../driver/irq_state.h"
#include "../../driver/pci_config.h"
#include "../../driver/state_schema.h"
#include "../../driver/state_stream.h"

#define MAX_STREAM	(4 << 20)
#define MANY		50000	/* records that are small */
#define NR_SQS		2
#define NR_CQS		1
#define NR_FEATURES	2
#define EXTENT		MDEVSIM_EXTENT_ALIGN
#define BLOCKS		(EXTENT >> MDEVSIM_LBA_SHIFT)

/* The stream under construction, and where each record starts. */
static struct {
	u8 bytes[MAX_STREAM];
	size_t length;
	struct mdevsim_state_writer writer;
	size_t record[MANY + 64];
	unsigned int nr_records;
} stream;

static void put(const void *bytes, size_t length)
{
	if (length > MAX_STREAM - stream.length)
		abort();
	memcpy(stream.bytes + stream.length, bytes, length);
	stream.length += length;
	mdevsim_state_writer_gave(&stream.writer, bytes, length);
}

static void put_framing(void)
{
	const void *bytes;
	u64 length;

	while ((bytes = mdevsim_state_writer_framing(&stream.writer, &length)))
		put(bytes, length);
}

static void put_record(u16 type, u16 version, const void *body, size_t length)
{
	stream.record[stream.nr_records++] = stream.length;
	mdevsim_state_writer_begin(&stream.writer, type, version, length);
	put_framing();
	put(body, length);
	put_framing();
}

#define PUT(symbol, body)	put_record(MDEVSIM_RECORD_##symbol, 1, &(body), sizeof(body))

static void put_identity(void)
{
	struct mdevsim_state_identity identity = {
		.function = "nvme",
		.version_major = cpu_to_le16(1),
		.version_minor = cpu_to_le16(0),
		.namespace_size = cpu_to_le64(64 << 20),
		.lba_shift = cpu_to_le16(MDEVSIM_LBA_SHIFT),
		.vectors = cpu_to_le16(MDEVSIM_MAX_VECTORS),
		.io_queues = cpu_to_le16(MDEVSIM_MAX_IO_QUEUES),
		.queue_entries = cpu_to_le16(1024),
		.mdev_type = "mdevsim-nvme-64M",
	};
	unsigned int i;

	memcpy(identity.serial, "0123456789abcdef    ", sizeof(identity.serial));
	for (i = 0; i < 16; i++) {
		identity.nguid[i] = 0xa0 + i;
		identity.uuid[i] = 0x11 * i;
	}
	PUT(IDENTITY, identity);
}

static void put_data(u64 slba, u8 fill, const char *text)
{
	struct {
		struct mdevsim_state_ns_extent extent;
		u8 data[EXTENT];
	} data = {
		.extent.nsid = cpu_to_le32(1),
		.extent.slba = cpu_to_le64(slba),
		.extent.nlb = cpu_to_le64(BLOCKS),
	};

	memset(data.data, fill, sizeof(data.data));
	memcpy(data.data, text, strlen(text));
	PUT(NS_DATA, data);
}

static void put_zero(u64 slba, u64 nlb)
{
	struct mdevsim_state_ns_extent zero = {
		.nsid = cpu_to_le32(1),
		.slba = cpu_to_le64(slba),
		.nlb = cpu_to_le64(nlb),
	};

	PUT(NS_ZERO, zero);
}

static void put_extents(void)
{
	put_data(BLOCKS, 0x5a, "written by the guest");
	put_zero(8 * BLOCKS, 2 * BLOCKS);
}

/* The same blocks, sent otherwise. */
static void put_extents_otherwise(void)
{
	put_zero(9 * BLOCKS, BLOCKS);
	put_data(BLOCKS, 0x11, "an earlier round");
	put_data(3 * BLOCKS, 0x22, "to be zeroed");
	put_zero(8 * BLOCKS, BLOCKS);
	put_zero(2 * BLOCKS, 4096 * BLOCKS);
	put_data(BLOCKS, 0x5a, "written by the guest");
}

static void put_pci_config(void)
{
	struct mdevsim_state_pci_config state;
	struct mdevsim_pci_config config;

	mdevsim_pci_config_reset(&config);
	mdevsim_pci_config_save(&config, &state);
	state.command = cpu_to_le16(0x0406);
	state.bar[0] = cpu_to_le32(0xfebd0004);
	state.bar[1] = cpu_to_le32(0x1);
	state.interrupt_line = 11;
	state.msix_control |= cpu_to_le16(0x8000);
	PUT(PCI_CONFIG, state);
}

static void put_irq(void)
{
	struct {
		struct mdevsim_state_irq irq;
		struct mdevsim_state_msix_entry table[MDEVSIM_MAX_VECTORS];
	} irq = {
		.irq.vectors = cpu_to_le16(MDEVSIM_MAX_VECTORS),
		.irq.pending = cpu_to_le64(2),
		.table = {
			{ cpu_to_le64(0xfee00000), cpu_to_le32(0x21), 0 },
			{ cpu_to_le64(0xfee01000), cpu_to_le32(0x22), cpu_to_le32(1) },
		},
	};

	PUT(IRQ, irq);
}

static void put_registers(void)
{
	struct mdevsim_state_nvme_regs regs = {
		.cap = cpu_to_le64(0x000000201e0103ffULL),
		.vs = cpu_to_le32(0x00010400),
		.cc = cpu_to_le32(0x00460001),
		.csts = cpu_to_le32(1),
		.aqa = cpu_to_le32(0x001f001f),
		.asq = cpu_to_le64(0x7f001000),
		.acq = cpu_to_le64(0x7f002000),
	};
	struct mdevsim_state_nvme_admin admin = {
		.sq_base = cpu_to_le64(0x7f001000),
		.cq_base = cpu_to_le64(0x7f002000),
		.sq_size = cpu_to_le16(31),
		.sq_head = cpu_to_le16(7),
		.sq_tail = cpu_to_le16(7),
		.cq_size = cpu_to_le16(31),
		.cq_head = cpu_to_le16(6),
		.cq_tail = cpu_to_le16(7),
		.cq_phase = 1,
		.enabled = 1,
	};

	PUT(NVME_REGS, regs);
	PUT(NVME_ADMIN, admin);
}

static void put_queues(u16 claimed_sqs)
{
	struct {
		struct mdevsim_state_nvme_queues queues;
		struct mdevsim_state_nvme_sq sq[NR_SQS];
		struct mdevsim_state_nvme_cq cq[NR_CQS];
	} body = {
		.queues.attributes = 1,
		.queues.nvme_size = cpu_to_le64(2 + 6 * (NR_SQS + NR_CQS)),
		.queues.nr_sqs = cpu_to_le16(claimed_sqs),
		.queues.nr_cqs = cpu_to_le16(NR_CQS),
		.cq[0] = {
			.prp1 = cpu_to_le64(0x7f010000),
			.size = cpu_to_le16(1023),
			.qid = cpu_to_le16(1),
			.head = cpu_to_le16(101),
			.tail = cpu_to_le16(102),
			.attributes = cpu_to_le32(0x00010007),
		},
	};
	unsigned int i;

	for (i = 0; i < NR_SQS; i++)
		body.sq[i] = (struct mdevsim_state_nvme_sq){
			.prp1 = cpu_to_le64(0x7f020000 + 0x10000 * i),
			.size = cpu_to_le16(1023),
			.qid = cpu_to_le16(i + 1),
			.cqid = cpu_to_le16(1),
			.attributes = cpu_to_le16(1),
			.head = cpu_to_le16(200 + i),
			.tail = cpu_to_le16(210 + i),
		};
	PUT(NVME_QUEUES, body);
}

static void put_features(void)
{
	struct {
		struct mdevsim_state_nvme_features features;
		struct mdevsim_state_nvme_feature feature[NR_FEATURES];
	} body = {
		.features.count = cpu_to_le32(NR_FEATURES),
		.feature = {
			{ .fid = 0x04, .value = cpu_to_le64(0x0161) },
			{ .fid = 0x0b, .value = cpu_to_le64(0x100) },
		},
	};

	PUT(NVME_FEATURES, body);
}

static void put_events_and_logs(void)
{
	struct mdevsim_state_nvme_aer aer = {
		.nr_parked = cpu_to_le16(1),
		.cid = { cpu_to_le16(0x1f) },
	};
	struct mdevsim_state_nvme_logs logs = {
		.blocks_read = cpu_to_le64(4096),
		.blocks_written = cpu_to_le64(8192),
		.reads = cpu_to_le64(12),
		.writes = cpu_to_le64(34),
		.busy_ms = cpu_to_le64(56),
		.power_cycles = cpu_to_le64(1),
		.power_on_ms = cpu_to_le64(7890),
		.error_count = cpu_to_le64(1),
		.temperature = cpu_to_le16(310),
		.error[0] = {
			.error_count = cpu_to_le64(1),
			.sqid = cpu_to_le16(1),
			.cid = cpu_to_le16(0x42),
			.status = cpu_to_le16(0xc004),
			.location = cpu_to_le16(0x28),
			.lba = cpu_to_le64(131072),
			.nsid = cpu_to_le32(1),
		},
	};

	PUT(NVME_AER, aer);
	PUT(NVME_LOGS, logs);
}

static void put_end(void)
{
	struct mdevsim_state_end end = {
		.records = cpu_to_le64(stream.nr_records),
		.bytes = cpu_to_le64(stream.length),
	};

	PUT(END, end);
}

static void begin_version(u16 minor)
{
	static const u8 session[16] = "golden session 1";

	mdevsim_state_writer_init(&stream.writer, minor, session);
	put_framing();
	put_identity();
}

static void put_schema(void)
{
	u8 body[MDEVSIM_MAX_SCHEMA];

	put_record(MDEVSIM_RECORD_SCHEMA, 1, body, mdevsim_state_schema_encode(body));
}

static void begin(void)
{
	begin_version(MDEVSIM_STREAM_MINOR);
	put_schema();
}

static void put_controls(u16 claimed_sqs)
{
	put_pci_config();
	put_irq();
	put_registers();
	put_queues(claimed_sqs);
	put_features();
	put_events_and_logs();
	put_end();
}

static void complete(u16 claimed_sqs)
{
	put_extents();
	put_controls(claimed_sqs);
}

static void good(void)
{
	begin();
	complete(NR_SQS);
}

static void old(void)
{
	begin_version(0);
	complete(NR_SQS);
}

static void split(void)
{
	begin();
	put_extents_otherwise();
	put_controls(NR_SQS);
}

/* The same with the namespace sent anew, because it was resized. */
static void again(void)
{
	begin();
	put_data(99 * BLOCKS, 0x33, "of the namespace before");
	put_identity();
	complete(NR_SQS);
}

static void put_optional(u16 type, u16 version, const void *body, size_t length)
{
	struct mdevsim_record_header *header;
	struct mdevsim_record_trailer *trailer;
	size_t at = stream.length;
	u32 crc = ~0U;

	put_record(type, version, body, length);
	header = (struct mdevsim_record_header *)(stream.bytes + at);
	header->flags = cpu_to_le16(MDEVSIM_RECORD_OPTIONAL);
	trailer = (struct mdevsim_record_trailer *)(stream.bytes + stream.length) - 1;
	crc = mdevsim_crc32c(crc, header, (u8 *)trailer - (u8 *)header);
	trailer->crc = cpu_to_le32(~crc);
}

/* A record from a future in which writers say more. */
static void optional(void)
{
	static const char body[] = "something new";

	begin();
	put_optional(200, 7, body, sizeof(body));
	complete(NR_SQS);
}

/* And much more. */
static void many(void)
{
	unsigned int i;

	begin();
	for (i = 0; i < MANY; i++)
		put_optional(200 + i % 7, 7, &i, sizeof(i));
	complete(NR_SQS);
}

static void required(void)
{
	begin();
	put_record(200, 7, "something else", 14);
	complete(NR_SQS);
}

/* ---- A schema that describes more than this program knows --------------- */

/**
 * struct future - a schema to which something is added
 * @body: its body
 * @table: where the next table goes
 * @field: where the next field goes
 * @item: where the next item goes
 * @text: where the next string goes
 * @tables: tables so far
 * @fields: fields so far
 * @items: items so far
 * @text_length: bytes of text so far
 */
struct future {
	u8 body[MDEVSIM_MAX_SCHEMA];
	struct mdevsim_schema_table table[64];
	struct mdevsim_schema_field field[512];
	struct mdevsim_schema_item item[512];
	char text[MDEVSIM_MAX_SCHEMA];
	unsigned int tables;
	unsigned int fields;
	unsigned int items;
	unsigned int text_length;
};

static void *take(const u8 **from, void *to, size_t size)
{
	memcpy(to, *from, size);
	*from += size;
	return to;
}

static void future_begin(struct future *future)
{
	const struct mdevsim_state_schema *head = (void *)future->body;
	const u8 *from = head->body;

	mdevsim_state_schema_encode(future->body);
	future->tables = le16_to_cpu(head->nr_tables);
	future->fields = le16_to_cpu(head->nr_fields);
	future->items = le16_to_cpu(head->nr_items);
	future->text_length = le32_to_cpu(head->text_length);
	take(&from, future->table, future->tables * sizeof(*future->table));
	take(&from, future->field, future->fields * sizeof(*future->field));
	take(&from, future->item, future->items * sizeof(*future->item));
	take(&from, future->text, future->text_length);
}

static __le16 future_text(struct future *future, const char *text)
{
	__le16 at = cpu_to_le16(future->text_length);

	memcpy(future->text + future->text_length, text, strlen(text) + 1);
	future->text_length += strlen(text) + 1;
	return at;
}

static void future_table(struct future *future, const char *name, u16 type, u16 version, u16 size,
			 u16 nr_fields)
{
	future->table[future->tables++] = (struct mdevsim_schema_table){
		.name = future_text(future, name),
		.type = cpu_to_le16(type),
		.version = cpu_to_le16(version),
		.size = cpu_to_le16(size),
		.first_field = cpu_to_le16(future->fields),
		.nr_fields = cpu_to_le16(nr_fields),
	};
}

static struct mdevsim_schema_field *future_field(struct future *future, const char *name, u8 kind,
						 u16 offset, u16 width, u16 repeat)
{
	struct mdevsim_schema_field *field = &future->field[future->fields++];

	*field = (struct mdevsim_schema_field){
		.name = future_text(future, name),
		.unit = future_text(future, ""),
		.meaning = future_text(future, "nobody knows yet"),
		.offset = cpu_to_le16(offset),
		.width = cpu_to_le16(width),
		.repeat = cpu_to_le16(repeat),
		.kind = kind,
		.group = cpu_to_le16(MDEVSIM_SCHEMA_NONE),
	};
	return field;
}

static void future_item(struct future *future, struct mdevsim_schema_field *field,
			const char *name, u16 at, u16 width)
{
	if (!field->nr_items++)
		field->first_item = cpu_to_le16(future->items);
	future->item[future->items++] = (struct mdevsim_schema_item){
		.name = future_text(future, name),
		.at = cpu_to_le16(at),
		.width = cpu_to_le16(width),
	};
}

static void future_put(struct future *future)
{
	struct mdevsim_state_schema *head = (void *)future->body;
	u8 *to = head->body;

	*head = (struct mdevsim_state_schema){
		.nr_tables = cpu_to_le16(future->tables),
		.nr_fields = cpu_to_le16(future->fields),
		.nr_items = cpu_to_le16(future->items),
		.text_length = cpu_to_le32(future->text_length),
	};
	to = mempcpy(to, future->table, future->tables * sizeof(*future->table));
	to = mempcpy(to, future->field, future->fields * sizeof(*future->field));
	to = mempcpy(to, future->item, future->items * sizeof(*future->item));
	to = mempcpy(to, future->text, future->text_length);
	if (to > future->body + sizeof(future->body))
		abort();
	put_record(MDEVSIM_RECORD_SCHEMA, 1, future->body, to - future->body);
}

#define WONDER			77
#define KIND_OF_THE_FUTURE	42

static void future_wonder(struct future *future)
{
	struct mdevsim_schema_field *field;

	future_table(future, "wonder", WONDER, 3, 20, 6);
	future_field(future, "word", MDEVSIM_KIND_CHARACTERS, 0, 8, 1);
	field = future_field(future, "mood", MDEVSIM_KIND_ENUM, 8, 2, 1);
	future_item(future, field, "cheerful", 5, 0);
	field = future_field(future, "flags", MDEVSIM_KIND_BITS, 10, 2, 1);
	future_item(future, field, "HOT", 0, 1);
	future_item(future, field, "DEPTH", 4, 12);
	future_field(future, "nr_parts", MDEVSIM_KIND_UNSIGNED, 12, 4, 1);
	future_field(future, "strange", KIND_OF_THE_FUTURE, 16, 4, 1);
	field = future_field(future, "part", MDEVSIM_KIND_GROUP, 20, 6, 0);
	field->counter = cpu_to_le16(12);
	field->group = cpu_to_le16(future->tables);
	future_table(future, "wonder-part", 0, 0, 6, 2);
	future_field(future, "weight", MDEVSIM_KIND_UNSIGNED, 0, 3, 1);
	future_field(future, "rest", MDEVSIM_KIND_UNSIGNED, 3, 1, 3);
}

static void future_regs(struct future *future)
{
	future_table(future, "nvme-regs", MDEVSIM_RECORD_NVME_REGS, 2, 12, 2);
	future_field(future, "everything", MDEVSIM_KIND_UNSIGNED, 0, 8, 1);
	future_field(future, "at_once", MDEVSIM_KIND_ADDRESS, 8, 4, 1);
}

/* A record of a type, and one of a version, that nobody has ever seen; both required. */
static void wonder(void)
{
	static const u8 body[] = {
		'o', 'h', 0, 0, 0, 0, 0, 0, 5, 0, 0x31, 0x12, 2, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef,
		1, 0, 0, 7, 8, 9, 0, 0, 1, 10, 11, 12,
	};
	static const u8 regs[] = { 1, 2, 3, 4, 5, 6, 7, 8, 0, 0x10, 0, 0 };
	static struct future future;

	begin_version(MDEVSIM_STREAM_MINOR);
	future_begin(&future);
	future_wonder(&future);
	future_regs(&future);
	future_put(&future);
	put_extents();
	put_record(WONDER, 3, body, sizeof(body));
	put_record(MDEVSIM_RECORD_NVME_REGS, 2, regs, sizeof(regs));
	put_controls(NR_SQS);
}

/* ---- Broken ------------------------------------------------------------- */

static void flipped(void)
{
	old();
	stream.bytes[stream.record[4] + sizeof(struct mdevsim_record_header) + 5] ^= 0x10;
}

static void truncated(void)
{
	old();
	stream.length = stream.record[7] + 30;
}

static void headless(void)
{
	old();
	stream.length = 20;
}

static void empty(void)
{
}

/* Records 4 and 5 change places. */
static void swapped(void)
{
	size_t first, second;
	u8 *at, *copy;

	old();
	first = stream.record[5] - stream.record[4];
	second = stream.record[6] - stream.record[5];
	at = stream.bytes + stream.record[4];
	copy = malloc(first);
	memcpy(copy, at, first);
	memmove(at, at + first, second);
	memcpy(at + second, copy, first);
	free(copy);
}

static void trailing(void)
{
	old();
	stream.bytes[stream.length++] = 0;
}

static void foreign(void)
{
	old();
	memcpy(stream.bytes, "\177ELF", 4);
}

/* Counts more queues than the record holds; only a look at the body tells. */
static void miscounted(void)
{
	begin_version(0);
	complete(NR_SQS + 40);
}

static const struct {
	const char *name;
	void (*make)(void);
} kinds[] = {
	{ "good", good },
	{ "old", old },
	{ "split", split },
	{ "again", again },
	{ "optional", optional },
	{ "many", many },
	{ "required", required },
	{ "wonder", wonder },
	{ "flipped", flipped },
	{ "truncated", truncated },
	{ "headless", headless },
	{ "empty", empty },
	{ "swapped", swapped },
	{ "trailing", trailing },
	{ "foreign", foreign },
	{ "miscounted", miscounted },
};

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; argc == 2 && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, argv[1]))
			continue;
		kinds[i].make();
		return fwrite(stream.bytes, 1, stream.length, stdout) != stream.length;
	}
	fprintf(stderr, "usage: make_stream KIND, one of");
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		fprintf(stderr, " %s", kinds[i].name);
	fputc('\n', stderr);
	return 2;
}
