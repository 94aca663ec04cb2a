// SPDX-License-Identifier: GPL-2.0
/*
 * Names, places, kinds and meanings of all fields of the device-state stream.
 * Places and widths come from the structures of mdevsim_state.h; only what a
 * compiler cannot know is written here.
 */
#include <linux/array_size.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mdevsim_state.h>
#include <linux/stddef.h>
#include <linux/string.h>
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

#define T mdevsim_schema_table
static const struct mdevsim_state_field schema_table_fields[] = {
	NUMBER(name, "offset in text", "of the record type or structure"),
	NUMBER(type, "", "record type, 0 for other structures"),
	NUMBER(version, "", "of the record's layout"),
	NUMBER(size, "bytes", "without counted fields"),
	NUMBER(first_field, "index", "first field"),
	NUMBER(nr_fields, "", "fields"),
};

static TABLE(schema_table_table, "schema-table", schema_table_fields);

#undef T

#define T mdevsim_schema_field
static const struct mdevsim_state_item schema_kinds[] = {
	{ "reserved", MDEVSIM_KIND_RESERVED, 0 },
	{ "unsigned", MDEVSIM_KIND_UNSIGNED, 0 },
	{ "bitfield", MDEVSIM_KIND_BITS, 0 },
	{ "characters", MDEVSIM_KIND_CHARACTERS, 0 },
	{ "bytes", MDEVSIM_KIND_BYTES, 0 },
	{ "lba", MDEVSIM_KIND_LBA, 0 },
	{ "address", MDEVSIM_KIND_ADDRESS, 0 },
	{ "enumeration", MDEVSIM_KIND_ENUM, 0 },
	{ "group", MDEVSIM_KIND_GROUP, 0 },
};

static const struct mdevsim_state_field schema_field_fields[] = {
	NUMBER(name, "offset in text", "of the field"),
	NUMBER(unit, "offset in text", "of the number"),
	NUMBER(meaning, "offset in text", "in a few words"),
	NUMBER(offset, "bytes", "place in the structure"),
	NUMBER(width, "bytes", "of one element"),
	NUMBER(repeat, "", "elements, 0 when they are counted"),
	NUMBER(counter, "bytes", "place of the field that counts them"),
	ONE_OF(kind, schema_kinds, "how to read it"),
	NUMBER(nr_items, "", "items"),
	NUMBER(first_item, "index", "first item"),
	NUMBER(group, "hex", "index of the group's table"),
};

static TABLE(schema_field_table, "schema-field", schema_field_fields);

#undef T

#define T mdevsim_schema_item
static const struct mdevsim_state_field schema_item_fields[] = {
	NUMBER(name, "offset in text", "of the bits or the value"),
	NUMBER(at, "", "lowest bit, or the value"),
	NUMBER(width, "bits", "number of bits"),
};

static TABLE(schema_item_table, "schema-item", schema_item_fields);

#undef T

#define T mdevsim_state_schema
static const struct mdevsim_state_field SCHEMA_fields[] = {
	NUMBER(nr_tables, "", "tables"),
	NUMBER(nr_fields, "", "fields of all tables"),
	NUMBER(nr_items, "", "items of all fields"),
	RESERVED(reserved0),
	NUMBER(text_length, "bytes", "text"),
	RESERVED(reserved1),
	{ COUNTED("table", body, sizeof(struct mdevsim_schema_table), nr_tables, GROUP,
		  "structure"), .group = &schema_table_table },
	{ COUNTED("field", body, sizeof(struct mdevsim_schema_field), nr_fields, GROUP,
		  "field of a structure"), .group = &schema_field_table },
	{ COUNTED("item", body, sizeof(struct mdevsim_schema_item), nr_items, GROUP,
		  "named bits or value"), .group = &schema_item_table },
	{ COUNTED("text", body, 1, text_length, BYTES, "names, units and meanings") },
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
	NUMBER(power_cycles, "", "times it was switched on"),
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

#define T mdevsim_state_synthetic
static const struct mdevsim_state_field SYNTHETIC_fields[] = {
	NUMBER(left, "bytes", "made-up state in records to come"),
	NUMBER(length, "bytes", "made-up state in this one"),
	RESERVED(reserved),
	{ COUNTED("data", data, 1, length, BYTES, "anything") },
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
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(schema_kinds); i++)
		if (schema_kinds[i].at == kind)
			return schema_kinds[i].name;
	return "unknown";
}

/* ---- Into a SCHEMA record ---------------------------------------------- */

#define MOST_TABLES	32

/**
 * struct encoder - a SCHEMA record being written
 * @body: where it goes
 * @tables: what is described: framing, records, then groups as fields lead to them
 * @nr_tables: entries in @tables
 * @nr_fields: fields written
 * @nr_items: items written
 * @field: where fields are
 * @item: where items are
 * @text: where the text is
 * @text_length: bytes of text written
 * @full: there is not enough room
 */
struct encoder {
	struct mdevsim_state_schema *body;
	const struct mdevsim_state_table *tables[MOST_TABLES];
	unsigned int nr_tables;
	unsigned int nr_fields;
	unsigned int nr_items;
	struct mdevsim_schema_field *field;
	struct mdevsim_schema_item *item;
	char *text;
	u32 text_length;
	bool full;
};

/* Index of a table; it is added when it is not there. */
static u16 encode_index(struct encoder *enc, const struct mdevsim_state_table *table)
{
	unsigned int i;

	for (i = 0; i < enc->nr_tables; i++)
		if (enc->tables[i] == table)
			return i;
	if (enc->nr_tables == MOST_TABLES)
		enc->full = true;
	else
		enc->tables[enc->nr_tables++] = table;
	return i;
}

/* Tables that fields lead to stand behind those that the fields are in. */
static void encode_collect(struct encoder *enc, u32 *fields, u32 *items)
{
	unsigned int i, j;

	encode_index(enc, &mdevsim_state_schema_stream_header);
	encode_index(enc, &mdevsim_state_schema_record_header);
	encode_index(enc, &mdevsim_state_schema_record_trailer);
	for (i = 0; i < ARRAY_SIZE(record_tables); i++)
		encode_index(enc, &record_tables[i]);
	for (i = 0; i < enc->nr_tables; i++) {
		*fields += enc->tables[i]->nr_fields;
		for (j = 0; j < enc->tables[i]->nr_fields; j++) {
			*items += enc->tables[i]->fields[j].nr_items;
			if (enc->tables[i]->fields[j].group)
				encode_index(enc, enc->tables[i]->fields[j].group);
		}
	}
}

/* Offset of a string in the text; it is added when it is not there. */
static __le16 encode_text(struct encoder *enc, const char *string)
{
	u32 length = strlen(string) + 1, at;
	u32 room = MDEVSIM_MAX_SCHEMA - (enc->text - (char *)enc->body);

	for (at = 0; at < enc->text_length; at += strlen(enc->text + at) + 1)
		if (!strcmp(enc->text + at, string))
			return cpu_to_le16(at);
	if (length > room - at) {
		enc->full = true;
		return 0;
	}
	memcpy(enc->text + at, string, length);
	enc->text_length += length;
	return cpu_to_le16(at);
}

static void encode_items(struct encoder *enc, const struct mdevsim_state_field *field)
{
	unsigned int i;

	for (i = 0; i < field->nr_items; i++)
		enc->item[enc->nr_items++] = (struct mdevsim_schema_item) {
			.name	= encode_text(enc, field->items[i].name),
			.at	= cpu_to_le16(field->items[i].at),
			.width	= cpu_to_le16(field->items[i].width),
		};
}

static void encode_field(struct encoder *enc, const struct mdevsim_state_field *field)
{
	u16 group = field->group ? encode_index(enc, field->group) : MDEVSIM_SCHEMA_NONE;

	enc->field[enc->nr_fields++] = (struct mdevsim_schema_field) {
		.name		= encode_text(enc, field->name),
		.unit		= encode_text(enc, field->unit),
		.meaning	= encode_text(enc, field->meaning),
		.offset		= cpu_to_le16(field->offset),
		.width		= cpu_to_le16(field->width),
		.repeat		= cpu_to_le16(field->repeat),
		.counter	= cpu_to_le16(field->counter),
		.kind		= field->kind,
		.nr_items	= field->nr_items,
		.first_item	= cpu_to_le16(field->nr_items ? enc->nr_items : 0),
		.group		= cpu_to_le16(group),
	};
	encode_items(enc, field);
}

static void encode_table(struct encoder *enc, unsigned int index)
{
	struct mdevsim_schema_table *place = (struct mdevsim_schema_table *)enc->body->body + index;
	const struct mdevsim_state_table *table = enc->tables[index];
	unsigned int i;

	*place = (struct mdevsim_schema_table) {
		.name		= encode_text(enc, table->name),
		.type		= cpu_to_le16(table->type),
		.version	= cpu_to_le16(table->version),
		.size		= cpu_to_le16(table->size),
		.first_field	= cpu_to_le16(enc->nr_fields),
		.nr_fields	= cpu_to_le16(table->nr_fields),
	};
	for (i = 0; i < table->nr_fields; i++)
		encode_field(enc, &table->fields[i]);
}

u32 mdevsim_state_schema_encode(void *body)
{
	struct encoder enc = { .body = body };
	u32 fields = 0, items = 0, i;

	encode_collect(&enc, &fields, &items);
	enc.field = (void *)enc.body->body + enc.nr_tables * sizeof(struct mdevsim_schema_table);
	enc.item = (void *)(enc.field + fields);
	enc.text = (void *)(enc.item + items);
	if (enc.full || enc.text > (char *)body + MDEVSIM_MAX_SCHEMA)
		return 0;
	encode_text(&enc, "");
	for (i = 0; i < enc.nr_tables; i++)
		encode_table(&enc, i);
	*enc.body = (struct mdevsim_state_schema) {
		.nr_tables	= cpu_to_le16(enc.nr_tables),
		.nr_fields	= cpu_to_le16(fields),
		.nr_items	= cpu_to_le16(items),
		.text_length	= cpu_to_le32(enc.text_length),
	};
	return enc.full ? 0 : enc.text + enc.text_length - (char *)body;
}

/* ---- Out of a SCHEMA record -------------------------------------------- */

/**
 * struct decoder - a SCHEMA record being checked
 * @head: its fixed part
 * @table: its tables
 * @field: its fields
 * @item: its items
 * @text_length: bytes of its text
 * @why: what is wrong
 */
struct decoder {
	const struct mdevsim_state_schema *head;
	const struct mdevsim_schema_table *table;
	const struct mdevsim_schema_field *field;
	const struct mdevsim_schema_item *item;
	u32 text_length;
	struct mdevsim_reason *why;
};

static int check_frame(struct decoder *dec, u32 length)
{
	const struct mdevsim_state_schema *head = dec->head;
	u32 tables = le16_to_cpu(head->nr_tables) * sizeof(*dec->table);
	u32 fields = le16_to_cpu(head->nr_fields) * sizeof(*dec->field);
	u32 items = le16_to_cpu(head->nr_items) * sizeof(*dec->item);
	u32 text = le32_to_cpu(head->text_length);

	if (text > length || sizeof(*head) + tables + fields + items + text != length)
		return mdevsim_refuse(dec->why, -EMSGSIZE,
				      "its counts do not make its %u bytes", length);
	dec->table = (const void *)head->body;
	dec->field = (const void *)head->body + tables;
	dec->item = (const void *)head->body + tables + fields;
	dec->text_length = text;
	if (head->reserved0 || head->reserved1)
		return mdevsim_refuse(dec->why, -EINVAL, "a reserved field is not zero");
	if (!text || head->body[tables + fields + items + text - 1])
		return mdevsim_refuse(dec->why, -EINVAL, "its text does not end");
	return 0;
}

static bool text_valid(const struct decoder *dec, __le16 offset)
{
	return le16_to_cpu(offset) < dec->text_length;
}

static int check_items(const struct decoder *dec, const struct mdevsim_schema_field *field,
		       unsigned int index)
{
	unsigned int first = le16_to_cpu(field->first_item), i;
	unsigned int bits = 8 * le16_to_cpu(field->width);

	if (first && !field->nr_items)
		return mdevsim_refuse(dec->why, -EINVAL, "field %u has a first item and no items",
				      index);
	if (first + field->nr_items > le16_to_cpu(dec->head->nr_items))
		return mdevsim_refuse(dec->why, -EINVAL, "field %u has items that are not there",
				      index);
	for (i = first; i < first + field->nr_items; i++) {
		const struct mdevsim_schema_item *item = &dec->item[i];
		unsigned int end = le16_to_cpu(item->at) + le16_to_cpu(item->width);

		if (!text_valid(dec, item->name) ||
		    (field->kind == MDEVSIM_KIND_BITS && (!item->width || end > bits)) ||
		    (field->kind == MDEVSIM_KIND_ENUM && item->width))
			return mdevsim_refuse(dec->why, -EINVAL, "item %u is impossible", i);
	}
	return 0;
}

bool mdevsim_state_schema_is_number(u8 kind)
{
	switch (kind) {
	case MDEVSIM_KIND_UNSIGNED:
	case MDEVSIM_KIND_BITS:
	case MDEVSIM_KIND_LBA:
	case MDEVSIM_KIND_ADDRESS:
	case MDEVSIM_KIND_ENUM:
		return true;
	}
	return false;
}

/* Groups stand behind what they are part of, so that none contains itself, and count nothing. */
static bool group_valid(const struct decoder *dec, const struct mdevsim_schema_field *field,
			unsigned int table)
{
	unsigned int group = le16_to_cpu(field->group);

	if (field->kind != MDEVSIM_KIND_GROUP)
		return group == MDEVSIM_SCHEMA_NONE;
	return group > table && group < le16_to_cpu(dec->head->nr_tables) &&
	       !dec->table[group].type && dec->table[group].size == field->width;
}

static int check_field(const struct decoder *dec, unsigned int table, unsigned int index)
{
	const struct mdevsim_schema_field *field = &dec->field[index];
	unsigned int width = le16_to_cpu(field->width);

	if (!text_valid(dec, field->name) || !text_valid(dec, field->unit) ||
	    !text_valid(dec, field->meaning))
		return mdevsim_refuse(dec->why, -EINVAL, "field %u has a name outside the text",
				      index);
	if (!width || (mdevsim_state_schema_is_number(field->kind) && width > 8))
		return mdevsim_refuse(dec->why, -EINVAL, "field %u is %u bytes wide", index, width);
	if (!group_valid(dec, field, table))
		return mdevsim_refuse(dec->why, -EINVAL, "field %u has an impossible group", index);
	return check_items(dec, field, index);
}

/* Is there a number at this place, among the fields of a table that are not counted? */
static bool counter_valid(const struct decoder *dec, const struct mdevsim_schema_table *table,
			  __le16 counter)
{
	const struct mdevsim_schema_field *field = &dec->field[le16_to_cpu(table->first_field)];
	unsigned int i;

	for (i = 0; i < le16_to_cpu(table->nr_fields) && field->repeat; i++, field++)
		if (field->offset == counter)
			return field->kind == MDEVSIM_KIND_UNSIGNED &&
			       field->repeat == cpu_to_le16(1);
	return false;
}

/* Fields cover the structure, from its first byte to its last; counted ones stand behind it. */
static int check_tiles(const struct decoder *dec, unsigned int index)
{
	const struct mdevsim_schema_table *table = &dec->table[index];
	const struct mdevsim_schema_field *field = &dec->field[le16_to_cpu(table->first_field)];
	u32 size = le16_to_cpu(table->size), next = 0;
	unsigned int i;

	for (i = 0; i < le16_to_cpu(table->nr_fields) && field->repeat; i++, field++) {
		if (le16_to_cpu(field->offset) != next || field->counter)
			break;
		next += (u32)le16_to_cpu(field->width) * le16_to_cpu(field->repeat);
	}
	for (; next == size && i < le16_to_cpu(table->nr_fields); i++, field++)
		if (field->repeat || le16_to_cpu(field->offset) != size || !table->type ||
		    !counter_valid(dec, table, field->counter))
			break;
	if (next == size && i == le16_to_cpu(table->nr_fields))
		return 0;
	return mdevsim_refuse(dec->why, -EINVAL, "the fields of table %u do not tile it", index);
}

static int check_table(const struct decoder *dec, unsigned int index)
{
	const struct mdevsim_schema_table *table = &dec->table[index];
	unsigned int first = le16_to_cpu(table->first_field);
	unsigned int nr = le16_to_cpu(table->nr_fields), i;
	int ret;

	if (!text_valid(dec, table->name) || first + nr > le16_to_cpu(dec->head->nr_fields))
		return mdevsim_refuse(dec->why, -EINVAL,
				      "table %u has a name or fields that are not there", index);
	for (i = first; i < first + nr; i++) {
		ret = check_field(dec, index, i);
		if (ret)
			return ret;
	}
	return check_tiles(dec, index);
}

int mdevsim_state_schema_check(const void *body, u32 length, struct mdevsim_reason *why)
{
	struct decoder dec = { .head = body, .why = why };
	int ret = check_frame(&dec, length);
	unsigned int i;

	for (i = 0; !ret && i < le16_to_cpu(dec.head->nr_tables); i++)
		ret = check_table(&dec, i);
	return ret;
}
