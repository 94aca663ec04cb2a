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
#include "../../driver/state_stream.h"

#define MAX_STREAM	65536
#define NR_SQS		2
#define NR_CQS		1
#define NR_VECTORS	2
#define NR_FEATURES	2
#define EXTENT		MDEVSIM_EXTENT_ALIGN

/* The stream under construction, and where each record starts. */
static struct {
	u8 bytes[MAX_STREAM];
	size_t length;
	struct mdevsim_state_writer writer;
	size_t record[64];
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
		.version_minor = cpu_to_le16(2),
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

static void put_extents(void)
{
	struct {
		struct mdevsim_state_ns_extent extent;
		u8 data[EXTENT];
	} data = {
		.extent.nsid = cpu_to_le32(1),
		.extent.slba = cpu_to_le64(8),
		.extent.nlb = cpu_to_le64(EXTENT >> MDEVSIM_LBA_SHIFT),
	};
	struct mdevsim_state_ns_extent zero = {
		.nsid = cpu_to_le32(1),
		.slba = cpu_to_le64(64),
		.nlb = cpu_to_le64(16),
	};

	memset(data.data, 0x5a, sizeof(data.data));
	memcpy(data.data, "written by the guest", 20);
	PUT(NS_DATA, data);
	PUT(NS_ZERO, zero);
}

static void put_pci_config(void)
{
	struct mdevsim_state_pci_config config = {
		.vendor_id = cpu_to_le16(0x1b36),
		.device_id = cpu_to_le16(0x0010),
		.command = cpu_to_le16(0x0406),
		.status = cpu_to_le16(0x0010),
		.revision_id = 2,
		.class_code = { 0x02, 0x08, 0x01 },
		.bar = { cpu_to_le32(0xfebd0004), cpu_to_le32(0x1) },
		.subsystem_vendor_id = cpu_to_le16(0x1af4),
		.subsystem_id = cpu_to_le16(0x1100),
		.capabilities = 0x40,
		.interrupt_line = 11,
		.interrupt_pin = 1,
		.pm_header = cpu_to_le16(0x4801),
		.pm_capabilities = cpu_to_le16(0x0003),
		.pm_control = cpu_to_le16(0x0008),
		.msix_header = cpu_to_le16(0x6011),
		.msix_control = cpu_to_le16(0x803f),
		.msix_table = cpu_to_le32(0x4000),
		.msix_pba = cpu_to_le32(0x5000),
		.exp_header = cpu_to_le16(0x0010),
		.exp_capabilities = cpu_to_le16(0x0002),
		.exp_device_control = cpu_to_le16(0x2810),
		.exp_device_status = cpu_to_le16(0x0020),
	};

	PUT(PCI_CONFIG, config);
}

static void put_irq(void)
{
	struct {
		struct mdevsim_state_irq irq;
		struct mdevsim_state_msix_entry table[NR_VECTORS];
	} irq = {
		.irq.vectors = cpu_to_le16(NR_VECTORS),
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
		.cap = cpu_to_le64(0x00000020010103ffULL),
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
			{ .fid = 0x07, .value = cpu_to_le64(0x003e003e) },
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

static void begin(void)
{
	static const u8 session[16] = "golden session 1";

	mdevsim_state_writer_init(&stream.writer, session);
	put_framing();
	put_identity();
}

static void complete(u16 claimed_sqs)
{
	put_extents();
	put_pci_config();
	put_irq();
	put_registers();
	put_queues(claimed_sqs);
	put_features();
	put_events_and_logs();
	put_end();
}

static void good(void)
{
	begin();
	complete(NR_SQS);
}

/* A record from a future in which writers say more. */
static void optional(void)
{
	static const char body[] = "something new";
	struct mdevsim_record_header *header;
	struct mdevsim_record_trailer *trailer;
	u32 crc = ~0U;
	size_t at;

	begin();
	at = stream.length;
	put_record(200, 7, body, sizeof(body));
	header = (struct mdevsim_record_header *)(stream.bytes + at);
	header->flags = cpu_to_le16(MDEVSIM_RECORD_OPTIONAL);
	trailer = (struct mdevsim_record_trailer *)(stream.bytes + stream.length) - 1;
	crc = mdevsim_crc32c(crc, header, (u8 *)trailer - (u8 *)header);
	trailer->crc = cpu_to_le32(~crc);
	complete(NR_SQS);
}

static void required(void)
{
	begin();
	put_record(200, 7, "something else", 14);
	complete(NR_SQS);
}

static void flipped(void)
{
	good();
	stream.bytes[stream.record[4] + sizeof(struct mdevsim_record_header) + 5] ^= 0x10;
}

static void truncated(void)
{
	good();
	stream.length = stream.record[7] + 30;
}

static void headless(void)
{
	good();
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

	good();
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
	good();
	stream.bytes[stream.length++] = 0;
}

static void foreign(void)
{
	good();
	memcpy(stream.bytes, "QEVM", 4);
}

/* Counts more queues than the record holds; only a look at the body tells. */
static void miscounted(void)
{
	begin();
	complete(NR_SQS + 40);
}

static const struct {
	const char *name;
	void (*make)(void);
} kinds[] = {
	{ "good", good },
	{ "optional", optional },
	{ "required", required },
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
