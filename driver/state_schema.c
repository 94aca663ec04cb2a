// SPDX-License-Identifier: GPL-2.0
/*
 * Names, places, kinds and meanings of all fields of the device-state stream.
 * Places and widths come from the structures of mdevsim_state.h; only what a
 * compiler cannot know is written here.
 */
#include <linux/kernel.h>
#include <linux/mdevsim_state.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include "state_schema.h"

/*
 * Each table is written between "#define T its structure" and "#undef T".
 * ELEMENTS() is for members that are arrays, COUNTED() for flexible ones. The
 * fields of a record are called after its symbol in MDEVSIM_RECORDS().
 */
#define PLACE(member)		.offset = offsetof(struct T, member)
#define SIZE(member)		sizeof_field(struct T, member)
#define FIELD(member, what, text)					\
	.name = #member, PLACE(member), .kind = MDEVSIM_KIND_##what,	\
	.meaning = (text)
#define WHOLE(member, what, text)					\
	FIELD(member, what, text), .width = SIZE(member), .repeat = 1
#define ELEMENTS(member, what, text)					\
	FIELD(member, what, text), .width = SIZE(member[0]),		\
	.repeat = SIZE(member) / SIZE(member[0])
#define COUNTED(title, member, bytes, by, what, text)			\
	.name = (title), PLACE(member), .kind = MDEVSIM_KIND_##what,	\
	.meaning = (text), .width = (bytes),				\
	.counter = offsetof(struct T, by), .unit = ""
#define ITEMS(list)		.items = (list), .nr_items = ARRAY_SIZE(list)

#define RESERVED(member)	{ WHOLE(member, RESERVED, "zero"), .unit = "" }
#define NUMBER(member, of, text)	{ WHOLE(member, UNSIGNED, text), .unit = (of) }
#define TEXT(member, text)	{ WHOLE(member, CHARACTERS, text), .unit = "" }
#define OCTETS(member, of, text)	{ WHOLE(member, BYTES, text), .unit = (of) }
#define ADDRESS(member, text)	{ WHOLE(member, ADDRESS, text), .unit = "" }
#define BLOCK(member, text)	{ WHOLE(member, LBA, text), .unit = "" }
#define BITS(member, list, text)	{ WHOLE(member, BITS, text), .unit = "", ITEMS(list) }
#define ONE_OF(member, list, text)	{ WHOLE(member, ENUM, text), .unit = "", ITEMS(list) }
#define NUMBERS(member, of, text)	{ ELEMENTS(member, UNSIGNED, text), .unit = (of) }

#define TABLE(variable, title, list)					\
	const struct mdevsim_state_table variable = {			\
		.name = (title),					\
		.size = sizeof(struct T),				\
		.nr_fields = ARRAY_SIZE(list),				\
		.fields = (list),					\
	}

#define T mdevsim_stream_header
static const struct mdevsim_state_field stream_header_fields[] = {
	TEXT(magic, "marks a stream of mdevsim"),
	NUMBER(version_major, "", "stream version, readers know exactly this one"),
	NUMBER(version_minor, "", "stream version, newer ones add optional things"),
	NUMBER(header_size, "bytes", "bytes up to the first record"),
	{ WHOLE(required, BITS, "features a reader must know"), .unit = "" },
	{ WHOLE(optional, BITS, "features a reader may ignore"), .unit = "" },
	OCTETS(session, "uuid", "session that wrote the stream"),
	RESERVED(reserved),
	{ WHOLE(crc, UNSIGNED, "CRC-32C of the header before it"), .unit = "hex" },
};

TABLE(mdevsim_state_schema_stream_header, "stream-header", stream_header_fields);

#undef T

#define T mdevsim_record_header
static const struct mdevsim_state_item record_flags[] = {
	{ "optional", 0, 1 },
};

static const struct mdevsim_state_item record_types[] = {
#define RECORD_ITEM(symbol, value, type, version, text) { text, value, 0 },
	MDEVSIM_RECORDS(RECORD_ITEM)
};

static const struct mdevsim_state_field record_header_fields[] = {
	ONE_OF(type, record_types, "record type"),
	BITS(flags, record_flags, "how to treat an unknown record"),
	NUMBER(sequence, "", "records before this one"),
	NUMBER(version, "", "layout of the body"),
	RESERVED(reserved),
	NUMBER(instance, "", "which of several objects"),
	NUMBER(length, "bytes", "body without padding"),
};

TABLE(mdevsim_state_schema_record_header, "record-header", record_header_fields);

#undef T

#define T mdevsim_record_trailer
static const struct mdevsim_state_field record_trailer_fields[] = {
	NUMBER(crc, "hex", "CRC-32C of the record before it"),
	RESERVED(reserved),
};

TABLE(mdevsim_state_schema_record_trailer, "record-trailer", record_trailer_fields);

#undef T

#define T mdevsim_state_identity
static const struct mdevsim_state_field IDENTITY_fields[] = {
	TEXT(function, "simulated function"),
	NUMBER(version_major, "", "model version, a destination has the same"),
	NUMBER(version_minor, "", "model version, a destination has no older one"),
	RESERVED(reserved0),
	NUMBER(namespace_size, "bytes", "size of the namespace"),
	NUMBER(lba_shift, "log2 bytes", "size of a logical block"),
	NUMBER(vectors, "", "MSI-X vectors of the function"),
	NUMBER(io_queues, "pairs", "I/O queues offered"),
	NUMBER(queue_entries, "entries", "in one queue, at most"),
	TEXT(serial, "serial number the guest sees"),
	RESERVED(reserved1),
	OCTETS(nguid, "", "namespace identifier the guest sees"),
	OCTETS(uuid, "uuid", "mediated device the stream was taken from"),
	TEXT(mdev_type, "its type"),
};

#undef T

#define T mdevsim_state_pci_config
static const struct mdevsim_state_item pci_command[] = {
	{ "IO", 0, 1 }, { "MEM", 1, 1 }, { "MASTER", 2, 1 }, { "PARITY", 6, 1 },
	{ "SERR", 8, 1 }, { "INTX_DISABLE", 10, 1 },
};

static const struct mdevsim_state_item pci_status[] = {
	{ "INTERRUPT", 3, 1 }, { "CAP_LIST", 4, 1 }, { "MASTER_PARITY", 8, 1 },
	{ "TARGET_ABORT_SENT", 11, 1 }, { "TARGET_ABORT", 12, 1 },
	{ "MASTER_ABORT", 13, 1 }, { "SERR_SENT", 14, 1 }, { "PARITY_ERROR", 15, 1 },
};

static const struct mdevsim_state_item pci_class[] = {
	{ "interface", 0, 8 }, { "subclass", 8, 8 }, { "class", 16, 8 },
};

static const struct mdevsim_state_item pci_bar[] = {
	{ "IO", 0, 1 }, { "TYPE", 1, 2 }, { "PREFETCH", 3, 1 },
};

static const struct mdevsim_state_item pci_pin[] = {
	{ "none", 0, 0 }, { "INTA", 1, 0 }, { "INTB", 2, 0 }, { "INTC", 3, 0 }, { "INTD", 4, 0 },
};

static const struct mdevsim_state_item pci_capability[] = {
	{ "id", 0, 8 }, { "next", 8, 8 },
};

static const struct mdevsim_state_item pm_control[] = {
	{ "D", 0, 2 }, { "NO_SOFT_RESET", 3, 1 }, { "PME_EN", 8, 1 }, { "PME_STATUS", 15, 1 },
};

static const struct mdevsim_state_item msix_control[] = {
	{ "table_size_0based", 0, 11 }, { "FUNCTION_MASK", 14, 1 }, { "ENABLE", 15, 1 },
};

static const struct mdevsim_state_item msix_location[] = {
	{ "BIR", 0, 3 }, { "offset_qwords", 3, 29 },
};

static const struct mdevsim_state_item exp_device_control[] = {
	{ "CORRECTABLE", 0, 1 }, { "NON_FATAL", 1, 1 }, { "FATAL", 2, 1 },
	{ "UNSUPPORTED", 3, 1 }, { "RELAXED_ORDER", 4, 1 }, { "MAX_PAYLOAD", 5, 3 },
	{ "EXT_TAG", 8, 1 }, { "NO_SNOOP", 11, 1 }, { "MAX_READ", 12, 3 },
};

static const struct mdevsim_state_item exp_device_status[] = {
	{ "CORRECTABLE", 0, 1 }, { "NON_FATAL", 1, 1 }, { "FATAL", 2, 1 },
	{ "UNSUPPORTED", 3, 1 }, { "AUX_POWER", 4, 1 }, { "PENDING", 5, 1 },
};

static const struct mdevsim_state_field PCI_CONFIG_fields[] = {
	NUMBER(vendor_id, "hex", "Vendor ID"),
	NUMBER(device_id, "hex", "Device ID"),
	BITS(command, pci_command, "Command"),
	BITS(status, pci_status, "Status"),
	NUMBER(revision_id, "hex", "Revision ID"),
	BITS(class_code, pci_class, "Class Code"),
	NUMBER(cache_line_size, "dwords", "Cache Line Size"),
	NUMBER(latency_timer, "clocks", "Latency Timer"),
	NUMBER(header_type, "hex", "Header Type"),
	NUMBER(bist, "hex", "BIST"),
	{ ELEMENTS(bar, BITS, "Base Address Register"), .unit = "", ITEMS(pci_bar) },
	NUMBER(cardbus_cis, "hex", "Cardbus CIS Pointer"),
	NUMBER(subsystem_vendor_id, "hex", "Subsystem Vendor ID"),
	NUMBER(subsystem_id, "hex", "Subsystem ID"),
	NUMBER(rom_base, "hex", "Expansion ROM Base Address"),
	NUMBER(capabilities, "hex", "Capabilities Pointer"),
	RESERVED(reserved0),
	NUMBER(interrupt_line, "", "Interrupt Line"),
	ONE_OF(interrupt_pin, pci_pin, "Interrupt Pin"),
	NUMBER(min_gnt, "", "Min_Gnt"),
	NUMBER(max_lat, "", "Max_Lat"),
	BITS(pm_header, pci_capability, "Power Management capability"),
	NUMBER(pm_capabilities, "hex", "PMC"),
	BITS(pm_control, pm_control, "PMCSR"),
	RESERVED(pm_reserved),
	BITS(msix_header, pci_capability, "MSI-X capability"),
	BITS(msix_control, msix_control, "Message Control"),
	BITS(msix_table, msix_location, "Table Offset and BIR"),
	BITS(msix_pba, msix_location, "PBA Offset and BIR"),
	RESERVED(reserved1),
	BITS(exp_header, pci_capability, "PCI Express capability"),
	NUMBER(exp_capabilities, "hex", "PCI Express Capabilities"),
	NUMBER(exp_device_capabilities, "hex", "Device Capabilities"),
	BITS(exp_device_control, exp_device_control, "Device Control"),
	BITS(exp_device_status, exp_device_status, "Device Status"),
	NUMBER(exp_link_capabilities, "hex", "Link Capabilities"),
	NUMBER(exp_link_control, "hex", "Link Control"),
	NUMBER(exp_link_status, "hex", "Link Status"),
	OCTETS(exp_slot, "", "slot and root registers"),
	NUMBER(exp_device_capabilities2, "hex", "Device Capabilities 2"),
	NUMBER(exp_device_control2, "hex", "Device Control 2"),
	NUMBER(exp_device_status2, "hex", "Device Status 2"),
	NUMBER(exp_link_capabilities2, "hex", "Link Capabilities 2"),
	NUMBER(exp_link_control2, "hex", "Link Control 2"),
	NUMBER(exp_link_status2, "hex", "Link Status 2"),
	OCTETS(exp_slot2, "", "Slot registers 2"),
	RESERVED(reserved2),
};

#undef T

#define T mdevsim_state_msix_entry
static const struct mdevsim_state_item msix_vector_control[] = {
	{ "MASK", 0, 1 },
};

static const struct mdevsim_state_field msix_entry_fields[] = {
	ADDRESS(address, "Message Address"),
	NUMBER(data, "hex", "Message Data"),
	BITS(control, msix_vector_control, "Vector Control"),
};

static TABLE(msix_entry_table, "msix-entry", msix_entry_fields);

#undef T

#define T mdevsim_state_irq
static const struct mdevsim_state_field IRQ_fields[] = {
	NUMBER(intx, "", "INTA is asserted"),
	RESERVED(reserved0),
	NUMBER(vectors, "", "entries in the MSI-X table"),
	RESERVED(reserved1),
	{ WHOLE(pending, BITS, "MSI-X Pending Bit Array"), .unit = "" },
	{ COUNTED("table", table, sizeof(struct mdevsim_state_msix_entry), vectors, GROUP,
		  "MSI-X table"), .group = &msix_entry_table },
};

#undef T

#define T mdevsim_state_nvme_regs
static const struct mdevsim_state_item nvme_cap[] = {
	{ "MQES", 0, 16 }, { "CQR", 16, 1 }, { "AMS", 17, 2 }, { "TO", 24, 8 },
	{ "DSTRD", 32, 4 }, { "NSSRS", 36, 1 }, { "CSS", 37, 8 }, { "BPS", 45, 1 },
	{ "MPSMIN", 48, 4 }, { "MPSMAX", 52, 4 }, { "PMRS", 56, 1 }, { "CMBS", 57, 1 },
};

static const struct mdevsim_state_item nvme_vs[] = {
	{ "tertiary", 0, 8 }, { "minor", 8, 8 }, { "major", 16, 16 },
};

static const struct mdevsim_state_item nvme_cc[] = {
	{ "EN", 0, 1 }, { "CSS", 4, 3 }, { "MPS", 7, 4 }, { "AMS", 11, 3 },
	{ "SHN", 14, 2 }, { "IOSQES", 16, 4 }, { "IOCQES", 20, 4 },
};

static const struct mdevsim_state_item nvme_csts[] = {
	{ "RDY", 0, 1 }, { "CFS", 1, 1 }, { "SHST", 2, 2 }, { "NSSRO", 4, 1 }, { "PP", 5, 1 },
};

static const struct mdevsim_state_item nvme_aqa[] = {
	{ "ASQS", 0, 12 }, { "ACQS", 16, 12 },
};

static const struct mdevsim_state_field NVME_REGS_fields[] = {
	BITS(cap, nvme_cap, "Controller Capabilities"),
	BITS(vs, nvme_vs, "Version"),
	{ WHOLE(intms, BITS, "Interrupt Mask"), .unit = "" },
	BITS(cc, nvme_cc, "Controller Configuration"),
	BITS(csts, nvme_csts, "Controller Status"),
	BITS(aqa, nvme_aqa, "Admin Queue Attributes"),
	RESERVED(reserved),
	ADDRESS(asq, "Admin Submission Queue Base Address"),
	ADDRESS(acq, "Admin Completion Queue Base Address"),
};

#undef T

#define T mdevsim_state_nvme_admin
static const struct mdevsim_state_field NVME_ADMIN_fields[] = {
	ADDRESS(sq_base, "submission queue"),
	ADDRESS(cq_base, "completion queue"),
	NUMBER(sq_size, "entries, 0's based", "submission queue size"),
	NUMBER(sq_head, "", "next entry to be fetched"),
	NUMBER(sq_tail, "", "doorbell"),
	NUMBER(cq_size, "entries, 0's based", "completion queue size"),
	NUMBER(cq_head, "", "doorbell"),
	NUMBER(cq_tail, "", "next entry to be posted"),
	NUMBER(cq_phase, "", "phase tag of the next entry to be posted"),
	NUMBER(enabled, "", "the queues exist"),
	RESERVED(reserved),
};

#undef T

#define T mdevsim_state_nvme_sq
static const struct mdevsim_state_item sq_attributes[] = {
	{ "PC", 0, 1 }, { "QPRIO", 1, 2 },
};

static const struct mdevsim_state_field nvme_sq_fields[] = {
	ADDRESS(prp1, "address of the queue"),
	NUMBER(size, "entries, 0's based", "queue size"),
	NUMBER(qid, "", "queue identifier"),
	NUMBER(cqid, "", "completion queue it posts to"),
	BITS(attributes, sq_attributes, "as created"),
	NUMBER(head, "", "next entry to be fetched"),
	NUMBER(tail, "", "doorbell"),
	RESERVED(reserved),
};

static TABLE(nvme_sq_table, "nvme-sq", nvme_sq_fields);

#undef T

#define T mdevsim_state_nvme_cq
static const struct mdevsim_state_item cq_attributes[] = {
	{ "PC", 0, 1 }, { "IEN", 1, 1 }, { "S0PT", 2, 1 }, { "IV", 16, 16 },
};

static const struct mdevsim_state_field nvme_cq_fields[] = {
	ADDRESS(prp1, "address of the queue"),
	NUMBER(size, "entries, 0's based", "queue size"),
	NUMBER(qid, "", "queue identifier"),
	NUMBER(head, "", "doorbell"),
	NUMBER(tail, "", "next entry to be posted"),
	BITS(attributes, cq_attributes, "as created, and slot 0's phase tag"),
	RESERVED(reserved),
};

static TABLE(nvme_cq_table, "nvme-cq", nvme_cq_fields);

#undef T

#define T mdevsim_state_nvme_queues
static const struct mdevsim_state_item queues_attributes[] = {
	{ "SUSPENDED", 0, 1 },
};

static const struct mdevsim_state_field NVME_QUEUES_fields[] = {
	NUMBER(version, "", "of the container, TP4159"),
	BITS(attributes, queues_attributes, "of the container"),
	RESERVED(reserved0),
	NUMBER(nvme_size, "dwords", "controller state in the container"),
	RESERVED(nvme_size_high),
	NUMBER(vendor_size, "dwords", "vendor specific data in the container"),
	RESERVED(vendor_size_high),
	NUMBER(nvme_version, "", "of the controller state, TP4159"),
	NUMBER(nr_sqs, "", "I/O submission queues"),
	NUMBER(nr_cqs, "", "I/O completion queues"),
	RESERVED(reserved1),
	{ COUNTED("sq", queues, sizeof(struct mdevsim_state_nvme_sq), nr_sqs, GROUP,
		  "I/O submission queue"), .group = &nvme_sq_table },
	{ COUNTED("cq", queues, sizeof(struct mdevsim_state_nvme_cq), nr_cqs, GROUP,
		  "I/O completion queue"), .group = &nvme_cq_table },
};

#undef T

#define T mdevsim_state_nvme_feature
static const struct mdevsim_state_item feature_ids[] = {
	{ "arbitration", 0x01, 0 }, { "power-management", 0x02, 0 },
	{ "temperature-threshold", 0x04, 0 }, { "error-recovery", 0x05, 0 },
	{ "volatile-write-cache", 0x06, 0 }, { "number-of-queues", 0x07, 0 },
	{ "interrupt-coalescing", 0x08, 0 }, { "interrupt-vector", 0x09, 0 },
	{ "write-atomicity", 0x0a, 0 }, { "async-events", 0x0b, 0 },
	{ "timestamp", 0x0e, 0 }, { "keep-alive", 0x0f, 0 },
	{ "host-behavior", 0x16, 0 },
};

static const struct mdevsim_state_field nvme_feature_fields[] = {
	ONE_OF(fid, feature_ids, "Feature Identifier"),
	RESERVED(reserved),
	NUMBER(select, "hex", "which of several values"),
	NUMBER(value, "hex", "current value"),
};

static TABLE(nvme_feature_table, "nvme-feature", nvme_feature_fields);

#undef T

#define T mdevsim_state_nvme_features
static const struct mdevsim_state_field NVME_FEATURES_fields[] = {
	NUMBER(count, "", "features that follow"),
	RESERVED(reserved),
	{ COUNTED("feature", feature, sizeof(struct mdevsim_state_nvme_feature), count, GROUP,
		  "changed feature"), .group = &nvme_feature_table },
};

#undef T

#define T mdevsim_state_nvme_aer
static const struct mdevsim_state_field NVME_AER_fields[] = {
	NUMBER(nr_parked, "", "requests that wait for an event"),
	NUMBER(nr_events, "", "events that wait for a request"),
	{ WHOLE(masked, BITS, "event types reported and not yet cleared"), .unit = "" },
	NUMBERS(cid, "", "command identifier of a parked request"),
	NUMBERS(event, "hex", "completion DW0 of a waiting event"),
};

#undef T

#define T mdevsim_state_nvme_error
static const struct mdevsim_state_item error_status[] = {
	{ "P", 0, 1 }, { "SC", 1, 8 }, { "SCT", 9, 3 }, { "CRD", 12, 2 },
	{ "M", 14, 1 }, { "DNR", 15, 1 },
};

static const struct mdevsim_state_item error_location[] = {
	{ "byte", 0, 8 }, { "bit", 8, 3 },
};

static const struct mdevsim_state_field nvme_error_fields[] = {
	NUMBER(error_count, "", "Error Count, 0 when the entry is empty"),
	NUMBER(sqid, "", "Submission Queue ID"),
	NUMBER(cid, "", "Command ID"),
	BITS(status, error_status, "Status Field"),
	BITS(location, error_location, "Parameter Error Location"),
	BLOCK(lba, "first block concerned"),
	NUMBER(nsid, "", "Namespace"),
	RESERVED(reserved),
};

static TABLE(nvme_error_table, "nvme-error", nvme_error_fields);

#undef T

#define T mdevsim_state_nvme_logs
static const struct mdevsim_state_item critical_warning[] = {
	{ "SPARE", 0, 1 }, { "TEMPERATURE", 1, 1 }, { "RELIABILITY", 2, 1 },
	{ "READ_ONLY", 3, 1 }, { "BACKUP", 4, 1 },
};

static const struct mdevsim_state_field NVME_LOGS_fields[] = {
	NUMBER(blocks_read, "units of 512 bytes", "read since creation"),
	NUMBER(blocks_written, "units of 512 bytes", "written since creation"),
	NUMBER(reads, "", "read commands"),
	NUMBER(writes, "", "write commands"),
	NUMBER(busy_ms, "ms", "time with commands outstanding"),
	NUMBER(power_cycles, "", "times the device was opened"),
	NUMBER(power_on_ms, "ms", "time since creation"),
	NUMBER(error_count, "", "errors ever logged"),
	NUMBER(temperature, "kelvin", "composite temperature"),
	BITS(critical_warning, critical_warning, "as in the SMART log"),
	NUMBER(ns_changed, "", "Changed Namespace List names the namespace"),
	RESERVED(reserved),
	{ ELEMENTS(error, GROUP, "error log, newest first"), .unit = "",
	  .group = &nvme_error_table },
};

#undef T

/* NS_DATA and NS_ZERO share a structure and differ in what follows it. */
#define T mdevsim_state_ns_extent
static const struct mdevsim_state_field NS_DATA_fields[] = {
	NUMBER(nsid, "", "namespace"),
	RESERVED(reserved),
	BLOCK(slba, "first logical block"),
	NUMBER(nlb, "blocks", "logical blocks"),
	{ COUNTED("data", data, 1 << MDEVSIM_LBA_SHIFT, nlb, BYTES, "contents") },
};

static const struct mdevsim_state_field NS_ZERO_fields[] = {
	NUMBER(nsid, "", "namespace"),
	RESERVED(reserved),
	BLOCK(slba, "first logical block"),
	NUMBER(nlb, "blocks", "logical blocks"),
};

#undef T

#define T mdevsim_state_end
static const struct mdevsim_state_field END_fields[] = {
	NUMBER(records, "", "records before this one"),
	NUMBER(bytes, "bytes", "bytes before this record"),
};

#undef T

static const struct mdevsim_state_table record_tables[] = {
#define RECORD_TABLE(symbol, value, structure, revision, text)		\
	{								\
		.name = (text),						\
		.type = (value),					\
		.version = (revision),					\
		.size = sizeof(struct structure),			\
		.nr_fields = ARRAY_SIZE(symbol##_fields),		\
		.fields = symbol##_fields,				\
	},
	MDEVSIM_RECORDS(RECORD_TABLE)
};

const struct mdevsim_state_table *mdevsim_state_schema_table(unsigned int index)
{
	return index < ARRAY_SIZE(record_tables) ? &record_tables[index] : NULL;
}

const struct mdevsim_state_table *mdevsim_state_schema_find(u16 type, u16 version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(record_tables); i++)
		if (record_tables[i].type == type && record_tables[i].version == version)
			return &record_tables[i];
	return NULL;
}

const char *mdevsim_state_schema_kind(u8 kind)
{
	static const char *const names[] = {
		[MDEVSIM_KIND_RESERVED] = "reserved",
		[MDEVSIM_KIND_UNSIGNED] = "unsigned",
		[MDEVSIM_KIND_BITS] = "bitfield",
		[MDEVSIM_KIND_CHARACTERS] = "characters",
		[MDEVSIM_KIND_BYTES] = "bytes",
		[MDEVSIM_KIND_LBA] = "lba",
		[MDEVSIM_KIND_ADDRESS] = "address",
		[MDEVSIM_KIND_ENUM] = "enumeration",
		[MDEVSIM_KIND_GROUP] = "group",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : "unknown";
}
