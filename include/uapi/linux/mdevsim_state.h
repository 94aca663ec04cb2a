/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Device state stream of mdevsim: what a VFIO migration data fd of an mdevsim
 * device carries, byte by byte.
 */
#ifndef _UAPI_LINUX_MDEVSIM_STATE_H
#define _UAPI_LINUX_MDEVSIM_STATE_H

#include <linux/types.h>

/**
 * DOC: Stream
 *
 * A stream is one &struct mdevsim_stream_header followed by records. All
 * integers are little-endian, all structures are packed by construction (every
 * field is naturally aligned, padding is spelled out), and every field named
 * reserved is zero and refused when it is not.
 *
 * A record is a &struct mdevsim_record_header, @length bytes of body, zero
 * bytes up to the next multiple of %MDEVSIM_RECORD_ALIGN, and a
 * &struct mdevsim_record_trailer. The trailer holds the CRC-32C (polynomial
 * 0x1EDC6F41, reflected, initial value and final exclusive or 0xffffffff) of
 * everything in the record before it.
 *
 * Sequence numbers start at 0 and grow by one with each record, whatever its
 * type, so that a record that is lost, repeated or moved is noticed at once.
 *
 * A reader that does not know a record's type or version skips the record when
 * %MDEVSIM_RECORD_OPTIONAL is set and refuses the stream otherwise.
 *
 * Order: IDENTITY comes first and is what a destination decides on. SCHEMA,
 * which says what the bytes of each record mean, is the second record of every
 * stream of version 1.1 and later, and of no older one; it comes once. Namespace
 * extents (NS_DATA, NS_ZERO) follow in any number; a later extent replaces what
 * an earlier one said of the same blocks. SYNTHETIC may stand wherever an extent may.
 * The control records (PCI_CONFIG to
 * NVME_LOGS) come once each, in the order of their types, after the last namespace
 * extent; END is last. When the namespace is resized while a stream is being
 * written, IDENTITY is sent again and the namespace from its beginning: extents
 * before it are void.
 */

/**
 * DOC: Versions
 *
 * The major version of a stream changes when a reader of the old one would
 * misunderstand the new one, and is refused by it. The minor version changes when
 * there is something to say that a reader of the old one can do without: record
 * types and record versions marked %MDEVSIM_RECORD_OPTIONAL, and bytes behind the
 * stream header.
 *
 * What a reader of the same major version cannot do without, but not every stream
 * has, is announced by a bit in @required of the stream header, so that a
 * destination refuses before anything was transferred.
 *
 * ===========  =================================================================
 * 1.0          the first
 * 1.1          adds SCHEMA
 * ===========  =================================================================
 *
 * SYNTHETIC, which says nothing of the device and comes only when somebody who tests asks
 * for it, has no version of its own: readers of 1.1 that do not know it skip it, told by
 * SCHEMA what it is, and streams of 1.0 have none.
 *
 * A device writes the version that its sysfs attribute migration/stream_version
 * names, the newest unless told otherwise, and reads every one listed here.
 */

/**
 * DOC: Errors
 *
 * A stream is refused, by write() on the data fd of a device in RESUMING or by the
 * arc RESUMING -> STOP, with exactly one of these. The first error of a session sticks: each
 * later write and the arc return it again, and the device keeps the state it
 * had before it entered RESUMING.
 *
 * ================  ============================================================
 * EILSEQ            not an mdevsim stream: the magic is missing
 * EOPNOTSUPP        a stream version, required feature, record type or record
 *                   version that this driver does not know
 * EPROTO            framing: sequence, order, reserved bits, padding, a record
 *                   more often than allowed, anything after END
 * EMSGSIZE          a record length that does not fit its type
 * EBADMSG           a checksum does not match
 * EXDEV             the stream is sound, but this device is not one that it fits
 * EINVAL            a field holds a value that no device could be in
 * ENODATA           the stream ends before END
 * ENOMEM            no memory for namespace blocks
 * ENODEV            the session is over: the state was left, the device was
 *                   reset, closed or removed
 * ================  ============================================================
 *
 * read() on the data fd returns ENOMSG when a pre-copy has nothing to send for
 * now, and ENODEV as above. Either returns EFAULT when the user's buffer is not
 * there, and EINTR when the caller was killed; both leave the session as it is.
 *
 * Changing state returns EIO in the ERROR state, EINVAL for a state or a
 * combination of states that does not exist, EBUSY when the session belongs to
 * another front end, and ENOMEM, ENFILE or EMFILE when there is no memory or file
 * descriptor for a session. While somebody has added faults or delays (see mdevsim.h)
 * it also returns EINTR when the caller was killed meanwhile, and whatever errno a fault
 * was given, as do read() and write().
 *
 * Writing namespace_size returns EINVAL for a size that is 0 or not a multiple of
 * %MDEVSIM_EXTENT_ALIGN, EFBIG for one past the type's, and EBUSY in a state in
 * which the device must not change, or in PRE_COPY without PRECOPY_INFOv2. Writing
 * migration/stream_version returns EINVAL for a version that is not listed under
 * "Versions", and EBUSY while a session is under way.
 */

/** define MDEVSIM_STREAM_MAGIC - first eight bytes of every stream */
#define MDEVSIM_STREAM_MAGIC		"mdevsim\x1a"
/** define MDEVSIM_STREAM_MAGIC_LEN - length of the magic, in bytes */
#define MDEVSIM_STREAM_MAGIC_LEN	8
/** define MDEVSIM_STREAM_MAJOR - a reader refuses any other major version */
#define MDEVSIM_STREAM_MAJOR		1
/** define MDEVSIM_STREAM_MINOR - newer minor versions only add optional things */
#define MDEVSIM_STREAM_MINOR		1
/** define MDEVSIM_STREAM_MINOR_SCHEMA - first minor version with a SCHEMA */
#define MDEVSIM_STREAM_MINOR_SCHEMA	1
/** define MDEVSIM_STREAM_FEATURES - defined bits of &mdevsim_stream_header.required: none */
#define MDEVSIM_STREAM_FEATURES		0
/** define MDEVSIM_STREAM_HEADER_MAX - bytes up to the first record, at most */
#define MDEVSIM_STREAM_HEADER_MAX	4096
/** define MDEVSIM_RECORD_ALIGN - records start at multiples of this, in bytes */
#define MDEVSIM_RECORD_ALIGN		8

/**
 * struct mdevsim_stream_header - the first bytes of a stream
 * @magic: %MDEVSIM_STREAM_MAGIC
 * @version_major: %MDEVSIM_STREAM_MAJOR
 * @version_minor: at most %MDEVSIM_STREAM_MINOR of the writer
 * @header_size: bytes up to the first record, at least sizeof(this), at most
 *	%MDEVSIM_STREAM_HEADER_MAX, a multiple of %MDEVSIM_RECORD_ALIGN. What a newer
 *	minor version puts behind this structure is passed over, and not covered by @crc.
 * @required: feature bits a reader must know, of %MDEVSIM_STREAM_FEATURES
 * @optional: feature bits a reader may ignore; none are defined
 * @session: random identifier of the session that wrote the stream
 * @reserved: zero
 * @crc: CRC-32C of all header bytes before this field
 */
struct mdevsim_stream_header {
	__u8	magic[MDEVSIM_STREAM_MAGIC_LEN];
	__le16	version_major;
	__le16	version_minor;
	__le32	header_size;
	__le64	required;
	__le64	optional;
	__u8	session[16];
	__u8	reserved[12];
	__le32	crc;
};

/** define MDEVSIM_RECORD_OPTIONAL - a reader that does not know it skips it */
#define MDEVSIM_RECORD_OPTIONAL		(1 << 0)

/**
 * struct mdevsim_record_header - what precedes each record's body
 * @type: one of &enum mdevsim_record_type
 * @flags: %MDEVSIM_RECORD_OPTIONAL, others zero
 * @sequence: number of records before this one in the stream
 * @version: layout version of the body, by type
 * @reserved: zero
 * @instance: which one, where a type may occur for several objects; else zero
 * @length: bytes of body, without padding and trailer
 */
struct mdevsim_record_header {
	__le16	type;
	__le16	flags;
	__le32	sequence;
	__le16	version;
	__le16	reserved;
	__le32	instance;
	__le64	length;
};

/**
 * struct mdevsim_record_trailer - what follows each record's padded body
 * @crc: CRC-32C of record header, body and padding
 * @reserved: zero
 */
struct mdevsim_record_trailer {
	__le32	crc;
	__le32	reserved;
};

/**
 * define MDEVSIM_RECORDS - the one list of record types
 * @R: macro R(NAME, value, struct, version, text) to expand for each
 *
 * The enumeration, the names that tools print and the tables of fields all come
 * from here.
 */
#define MDEVSIM_RECORDS(R)							\
	R(IDENTITY,    1, mdevsim_state_identity,        1, "identity")		\
	R(SCHEMA,      2, mdevsim_state_schema,          1, "schema")		\
	R(PCI_CONFIG,  3, mdevsim_state_pci_config,      1, "pci-config")	\
	R(IRQ,         4, mdevsim_state_irq,             1, "irq")		\
	R(NVME_REGS,   5, mdevsim_state_nvme_regs,       1, "nvme-regs")	\
	R(NVME_ADMIN,  6, mdevsim_state_nvme_admin,      1, "nvme-admin")	\
	R(NVME_QUEUES, 7, mdevsim_state_nvme_queues,     1, "nvme-queues")	\
	R(NVME_FEATURES, 8, mdevsim_state_nvme_features, 1, "nvme-features")	\
	R(NVME_AER,    9, mdevsim_state_nvme_aer,        1, "nvme-aer")		\
	R(NVME_LOGS,  10, mdevsim_state_nvme_logs,       1, "nvme-logs")	\
	R(NS_DATA,    32, mdevsim_state_ns_extent,       1, "ns-data")		\
	R(NS_ZERO,    33, mdevsim_state_ns_extent,       1, "ns-zero")		\
	R(SYNTHETIC,  34, mdevsim_state_synthetic,       1, "synthetic")	\
	R(END,       255, mdevsim_state_end,             1, "end")

#define MDEVSIM_RECORD_ENUM(name, value, type, version, text)			\
	MDEVSIM_RECORD_##name = value,

/* Types of records, see MDEVSIM_RECORDS() */
enum mdevsim_record_type {
	MDEVSIM_RECORDS(MDEVSIM_RECORD_ENUM)
};

/** define MDEVSIM_LBA_SHIFT - log2 of the bytes in one logical block */
#define MDEVSIM_LBA_SHIFT		9
/** define MDEVSIM_MAX_IO_QUEUES - I/O submission (and completion) queues, at most */
#define MDEVSIM_MAX_IO_QUEUES		63
/** define MDEVSIM_MAX_VECTORS - MSI-X vectors: one for admin, one per I/O queue */
#define MDEVSIM_MAX_VECTORS		(MDEVSIM_MAX_IO_QUEUES + 1)
/** define MDEVSIM_MAX_EXTENT - bytes of namespace in one NS_DATA, at most */
#define MDEVSIM_MAX_EXTENT		(1 << 20)
/** define MDEVSIM_EXTENT_ALIGN - NS_DATA and NS_ZERO start and end at these bytes */
#define MDEVSIM_EXTENT_ALIGN		4096

/**
 * struct mdevsim_state_identity - what the stream was taken from
 * @function: name of the simulated function, zero padded: "nvme"
 * @version_major: a destination refuses any other major version
 * @version_minor: a destination refuses a greater minor version than its own
 * @reserved0: zero
 * @namespace_size: bytes; a destination must be able to hold as many
 * @lba_shift: log2 of the bytes in one logical block
 * @vectors: MSI-X vectors of the function
 * @io_queues: pairs of I/O queues the function offers
 * @queue_entries: entries in one queue, at most
 * @serial: serial number as Identify Controller reports it, space padded
 * @reserved1: zero
 * @nguid: Namespace Globally Unique Identifier as Identify reports it
 * @uuid: of the mediated device the stream was taken from; for information
 * @mdev_type: its type, zero padded; for information
 *
 * The destination takes over @namespace_size, @serial and @nguid, so that the
 * guest finds the controller it knew.
 */
struct mdevsim_state_identity {
	__u8	function[16];
	__le16	version_major;
	__le16	version_minor;
	__le32	reserved0;
	__le64	namespace_size;
	__le16	lba_shift;
	__le16	vectors;
	__le16	io_queues;
	__le16	queue_entries;
	__u8	serial[20];
	__u8	reserved1[4];
	__u8	nguid[16];
	__u8	uuid[16];
	__u8	mdev_type[32];
};

/** define MDEVSIM_MAX_SCHEMA - bytes in the body of SCHEMA, at most */
#define MDEVSIM_MAX_SCHEMA		16384

/**
 * enum mdevsim_state_kind - how the bytes of a field are to be read
 * @MDEVSIM_KIND_RESERVED: zero
 * @MDEVSIM_KIND_UNSIGNED: number of 1 to 8 bytes
 * @MDEVSIM_KIND_BITS: number made of bits, named by its items: @at is the lowest bit,
 *	@width how many there are
 * @MDEVSIM_KIND_CHARACTERS: text, padded with zeroes or spaces
 * @MDEVSIM_KIND_BYTES: bytes without further meaning
 * @MDEVSIM_KIND_LBA: number of a logical block
 * @MDEVSIM_KIND_ADDRESS: guest bus address
 * @MDEVSIM_KIND_ENUM: number out of a list, its items: @at is the value, @width is zero
 * @MDEVSIM_KIND_GROUP: a structure with a table of its own
 *
 * A reader takes bytes of a kind that it does not know for %MDEVSIM_KIND_BYTES.
 */
enum mdevsim_state_kind {
	MDEVSIM_KIND_RESERVED	= 0,
	MDEVSIM_KIND_UNSIGNED	= 1,
	MDEVSIM_KIND_BITS	= 2,
	MDEVSIM_KIND_CHARACTERS	= 3,
	MDEVSIM_KIND_BYTES	= 4,
	MDEVSIM_KIND_LBA	= 5,
	MDEVSIM_KIND_ADDRESS	= 6,
	MDEVSIM_KIND_ENUM	= 7,
	MDEVSIM_KIND_GROUP	= 8,
};

/** define MDEVSIM_SCHEMA_NONE - no table: &mdevsim_schema_field.group of what is no group */
#define MDEVSIM_SCHEMA_NONE		0xffff

/**
 * struct mdevsim_schema_table - a structure: of a record's body, of framing, or a group
 * @name: of the record type, of the framing ("stream-header", "record-header",
 *	"record-trailer") or of the group
 * @type: &enum mdevsim_record_type; 0 for what is no record's body
 * @version: of the record's layout; 0 for what is no record's body
 * @size: bytes without counted fields
 * @first_field: index of its first field
 * @nr_fields: number of its fields, which are consecutive
 *
 * A name is the offset of a zero-terminated string in the schema's text.
 */
struct mdevsim_schema_table {
	__le16	name;
	__le16	type;
	__le16	version;
	__le16	size;
	__le16	first_field;
	__le16	nr_fields;
};

/**
 * struct mdevsim_schema_field - one field of a structure
 * @name: of the member, offset in the text
 * @unit: of the number, offset in the text, the empty string when there is none. "hex"
 *	and "uuid" say how the value is usually written.
 * @meaning: in a few words, offset in the text
 * @offset: from the structure's first byte; of a counted field, the structure's @size
 * @width: bytes of one element
 * @repeat: elements; 0 when another field counts them
 * @counter: offset of the field that counts them; 0 unless @repeat is 0
 * @kind: &enum mdevsim_state_kind
 * @nr_items: number of its items, which are consecutive
 * @first_item: index of its first item; 0 when there are none
 * @group: index of the table of a %MDEVSIM_KIND_GROUP, greater than that of the table this
 *	field is in; else %MDEVSIM_SCHEMA_NONE
 *
 * Fields are listed by ascending offset and cover the structure without gaps.
 * Counted fields come last, stand behind the structure in this order and follow one
 * another without gaps. Only bodies of records have them.
 */
struct mdevsim_schema_field {
	__le16	name;
	__le16	unit;
	__le16	meaning;
	__le16	offset;
	__le16	width;
	__le16	repeat;
	__le16	counter;
	__u8	kind;
	__u8	nr_items;
	__le16	first_item;
	__le16	group;
};

/**
 * struct mdevsim_schema_item - a named part or a named value of a field
 * @name: offset in the text
 * @at: lowest bit (%MDEVSIM_KIND_BITS) or value (%MDEVSIM_KIND_ENUM)
 * @width: bits (%MDEVSIM_KIND_BITS); zero (%MDEVSIM_KIND_ENUM)
 */
struct mdevsim_schema_item {
	__le16	name;
	__le16	at;
	__le16	width;
};

/**
 * struct mdevsim_state_schema - what the bytes of this stream mean
 * @nr_tables: number of &struct mdevsim_schema_table
 * @nr_fields: number of &struct mdevsim_schema_field
 * @nr_items: number of &struct mdevsim_schema_item
 * @reserved0: zero
 * @text_length: bytes of text, the last of which is zero
 * @reserved1: zero
 * @body: the tables, then the fields, the items and the text
 *
 * A writer describes framing, the SCHEMA itself, and every type and version of record
 * in the stream. A device loads what it knows by its type and version and does not
 * need that; it refuses a SCHEMA that is not sound in itself all the same.
 */
struct mdevsim_state_schema {
	__le16	nr_tables;
	__le16	nr_fields;
	__le16	nr_items;
	__le16	reserved0;
	__le32	text_length;
	__le32	reserved1;
	__u8	body[];
};

/**
 * struct mdevsim_state_pci_config - configuration space, PCI Base 3.0 §6 and PCIe 5.0 §7
 * @vendor_id: Vendor ID, offset 00h
 * @device_id: Device ID
 * @command: Command
 * @status: Status
 * @revision_id: Revision ID
 * @class_code: Programming Interface, Sub-Class, Base Class
 * @cache_line_size: Cache Line Size
 * @latency_timer: Latency Timer
 * @header_type: Header Type
 * @bist: BIST
 * @bar: Base Address Registers
 * @cardbus_cis: zero
 * @subsystem_vendor_id: Subsystem Vendor ID
 * @subsystem_id: Subsystem ID
 * @rom_base: Expansion ROM Base Address, zero
 * @capabilities: Capabilities Pointer
 * @reserved0: zero
 * @interrupt_line: Interrupt Line
 * @interrupt_pin: Interrupt Pin
 * @min_gnt: zero
 * @max_lat: zero
 * @pm_header: Power Management capability, at 40h: id and next pointer
 * @pm_capabilities: PMC
 * @pm_control: PMCSR
 * @pm_reserved: zero
 * @msix_header: MSI-X capability, at 48h: id and next pointer
 * @msix_control: Message Control
 * @msix_table: Table Offset and BIR
 * @msix_pba: PBA Offset and BIR
 * @reserved1: zero
 * @exp_header: PCI Express capability, at 60h: id and next pointer
 * @exp_capabilities: PCI Express Capabilities
 * @exp_device_capabilities: Device Capabilities
 * @exp_device_control: Device Control
 * @exp_device_status: Device Status
 * @exp_link_capabilities: Link Capabilities
 * @exp_link_control: Link Control
 * @exp_link_status: Link Status
 * @exp_slot: slot and root registers, zero in an endpoint
 * @exp_device_capabilities2: Device Capabilities 2
 * @exp_device_control2: Device Control 2
 * @exp_device_status2: Device Status 2
 * @exp_link_capabilities2: Link Capabilities 2
 * @exp_link_control2: Link Control 2
 * @exp_link_status2: Link Status 2
 * @exp_slot2: zero in an endpoint
 * @reserved2: zero up to 100h; extended configuration space is empty
 */
struct mdevsim_state_pci_config {
	__le16	vendor_id;
	__le16	device_id;
	__le16	command;
	__le16	status;
	__u8	revision_id;
	__u8	class_code[3];
	__u8	cache_line_size;
	__u8	latency_timer;
	__u8	header_type;
	__u8	bist;
	__le32	bar[6];
	__le32	cardbus_cis;
	__le16	subsystem_vendor_id;
	__le16	subsystem_id;
	__le32	rom_base;
	__u8	capabilities;
	__u8	reserved0[7];
	__u8	interrupt_line;
	__u8	interrupt_pin;
	__u8	min_gnt;
	__u8	max_lat;
	__le16	pm_header;
	__le16	pm_capabilities;
	__le16	pm_control;
	__le16	pm_reserved;
	__le16	msix_header;
	__le16	msix_control;
	__le32	msix_table;
	__le32	msix_pba;
	__u8	reserved1[12];
	__le16	exp_header;
	__le16	exp_capabilities;
	__le32	exp_device_capabilities;
	__le16	exp_device_control;
	__le16	exp_device_status;
	__le32	exp_link_capabilities;
	__le16	exp_link_control;
	__le16	exp_link_status;
	__u8	exp_slot[16];
	__le32	exp_device_capabilities2;
	__le16	exp_device_control2;
	__le16	exp_device_status2;
	__le32	exp_link_capabilities2;
	__le16	exp_link_control2;
	__le16	exp_link_status2;
	__u8	exp_slot2[8];
	__u8	reserved2[100];
};

/**
 * struct mdevsim_state_msix_entry - one MSI-X table entry, PCI Base 3.0 §6.8.2
 * @address: Message Address
 * @data: Message Data
 * @control: Vector Control
 */
struct mdevsim_state_msix_entry {
	__le64	address;
	__le32	data;
	__le32	control;
};

/**
 * struct mdevsim_state_irq - interrupts as the function drives them
 * @intx: 1 when the function asserts INTA, else 0
 * @reserved0: zero
 * @vectors: entries in @table
 * @reserved1: zero
 * @pending: MSI-X Pending Bit Array
 * @table: MSI-X table, @vectors entries
 *
 * Which eventfds are attached, and what a user of VFIO masked, belongs to the
 * host and does not travel.
 */
struct mdevsim_state_irq {
	__u8	intx;
	__u8	reserved0;
	__le16	vectors;
	__le32	reserved1;
	__le64	pending;
	struct mdevsim_state_msix_entry table[];
};

/**
 * struct mdevsim_state_nvme_regs - controller properties, NVMe Base 1.4 §3.1
 * @cap: Controller Capabilities
 * @vs: Version
 * @intms: Interrupt Mask
 * @cc: Controller Configuration
 * @csts: Controller Status
 * @aqa: Admin Queue Attributes
 * @reserved: zero
 * @asq: Admin Submission Queue Base Address
 * @acq: Admin Completion Queue Base Address
 */
struct mdevsim_state_nvme_regs {
	__le64	cap;
	__le32	vs;
	__le32	intms;
	__le32	cc;
	__le32	csts;
	__le32	aqa;
	__le32	reserved;
	__le64	asq;
	__le64	acq;
};

/**
 * struct mdevsim_state_nvme_admin - the admin queues of an enabled controller
 * @sq_base: guest address of the submission queue
 * @cq_base: guest address of the completion queue
 * @sq_size: entries, 0's based as in AQA
 * @sq_head: next entry to be fetched
 * @sq_tail: as the doorbell was last written
 * @cq_size: entries, 0's based as in AQA
 * @cq_head: as the doorbell was last written
 * @cq_tail: next entry to be posted
 * @cq_phase: phase tag of the next entry to be posted
 * @enabled: 1 when the queues exist (CC.EN was set and CSTS.RDY is), else 0 and all else zero
 * @reserved: zero
 */
struct mdevsim_state_nvme_admin {
	__le64	sq_base;
	__le64	cq_base;
	__le16	sq_size;
	__le16	sq_head;
	__le16	sq_tail;
	__le16	cq_size;
	__le16	cq_head;
	__le16	cq_tail;
	__u8	cq_phase;
	__u8	enabled;
	__u8	reserved[2];
};

/**
 * struct mdevsim_state_nvme_sq - I/O Submission Queue state, NVMe TP4159
 * @prp1: guest address of the queue
 * @size: entries, 0's based as in Create I/O Submission Queue
 * @qid: queue identifier
 * @cqid: completion queue it posts to
 * @attributes: bit 0 physically contiguous, bits 2:1 priority
 * @head: next entry to be fetched
 * @tail: as the doorbell was last written
 * @reserved: zero
 */
struct mdevsim_state_nvme_sq {
	__le64	prp1;
	__le16	size;
	__le16	qid;
	__le16	cqid;
	__le16	attributes;
	__le16	head;
	__le16	tail;
	__u8	reserved[4];
};

/**
 * struct mdevsim_state_nvme_cq - I/O Completion Queue state, NVMe TP4159
 * @prp1: guest address of the queue
 * @size: entries, 0's based as in Create I/O Completion Queue
 * @qid: queue identifier
 * @head: as the doorbell was last written
 * @tail: next entry to be posted
 * @attributes: bit 0 physically contiguous, bit 1 interrupts enabled, bit 2
 *	phase tag of the entry in slot 0, bits 31:16 interrupt vector
 * @reserved: zero
 *
 * The phase tag of the next entry is slot 0's when @tail is not 0, and its
 * inverse when @tail is 0.
 */
struct mdevsim_state_nvme_cq {
	__le64	prp1;
	__le16	size;
	__le16	qid;
	__le16	head;
	__le16	tail;
	__le32	attributes;
	__u8	reserved[4];
};

/**
 * struct mdevsim_state_nvme_queues - Controller State container, NVMe TP4159, verbatim
 * @version: 0
 * @attributes: bit 0: the controller was suspended; always set
 * @reserved0: zero
 * @nvme_size: dwords from @nvme_version to the last queue; low half of 128 bits
 * @nvme_size_high: zero
 * @vendor_size: dwords of vendor specific data: zero
 * @vendor_size_high: zero
 * @nvme_version: 0
 * @nr_sqs: I/O submission queues
 * @nr_cqs: I/O completion queues
 * @reserved1: zero
 * @queues: @nr_sqs of &struct mdevsim_state_nvme_sq, then @nr_cqs of
 *	&struct mdevsim_state_nvme_cq, each by ascending identifier
 */
struct mdevsim_state_nvme_queues {
	__le16	version;
	__u8	attributes;
	__u8	reserved0[13];
	__le64	nvme_size;
	__le64	nvme_size_high;
	__le64	vendor_size;
	__le64	vendor_size_high;
	__le16	nvme_version;
	__le16	nr_sqs;
	__le16	nr_cqs;
	__u8	reserved1[2];
	__u8	queues[];
};

/** define MDEVSIM_MAX_FEATURES - entries in NVME_FEATURES, at most */
#define MDEVSIM_MAX_FEATURES		96

/**
 * struct mdevsim_state_nvme_feature - one feature's current value
 * @fid: Feature Identifier, NVMe Base 1.4 §5.21.1
 * @reserved: zero
 * @select: what the feature is about where it has several values (the interrupt
 *	vector of 09h, THSEL and TMPSEL of 04h as in CDW11), else zero
 * @value: CDW11 as Get Features returns it in DW0; for 0Eh, which is always there, the
 *	Timestamp data structure
 */
struct mdevsim_state_nvme_feature {
	__u8	fid;
	__u8	reserved[3];
	__le32	select;
	__le64	value;
};

/**
 * struct mdevsim_state_nvme_features - features whose value was changed
 * @count: entries in @feature
 * @reserved: zero
 * @feature: @count entries by ascending @fid, then @select
 */
struct mdevsim_state_nvme_features {
	__le32	count;
	__le32	reserved;
	struct mdevsim_state_nvme_feature feature[];
};

/** define MDEVSIM_MAX_AERS - Asynchronous Event Requests parked, at most (AERL + 1) */
#define MDEVSIM_MAX_AERS		8

/**
 * struct mdevsim_state_nvme_aer - asynchronous events, NVMe Base 1.4 §5.2
 * @nr_parked: requests that wait for an event, entries in @cid
 * @nr_events: events that wait for a request, entries in @event
 * @masked: event types reported and not yet cleared by reading their log page,
 *	one bit for each type
 * @cid: command identifiers of the parked requests, oldest first; rest zero
 * @event: completion DW0 of the waiting events, oldest first; rest zero
 */
struct mdevsim_state_nvme_aer {
	__le16	nr_parked;
	__le16	nr_events;
	__le32	masked;
	__le16	cid[MDEVSIM_MAX_AERS];
	__le32	event[MDEVSIM_MAX_AERS];
};

/** define MDEVSIM_MAX_ERROR_LOG - entries of the error log that travel (ELPE + 1) */
#define MDEVSIM_MAX_ERROR_LOG		16

/**
 * struct mdevsim_state_nvme_error - one error log entry, NVMe Base 1.4 §5.14.1.1
 * @error_count: Error Count, 0 when the entry is empty
 * @sqid: Submission Queue ID
 * @cid: Command ID
 * @status: Status Field, phase tag in bit 0
 * @location: Parameter Error Location
 * @lba: first LBA concerned
 * @nsid: Namespace
 * @reserved: zero
 */
struct mdevsim_state_nvme_error {
	__le64	error_count;
	__le16	sqid;
	__le16	cid;
	__le16	status;
	__le16	location;
	__le64	lba;
	__le32	nsid;
	__le32	reserved;
};

/**
 * struct mdevsim_state_nvme_logs - what the log pages are made from
 * @blocks_read: 512-byte units read since the device was created
 * @blocks_written: 512-byte units written
 * @reads: read commands
 * @writes: write commands
 * @busy_ms: time with commands outstanding, in milliseconds
 * @power_cycles: times it was switched on: once, when it was created
 * @power_on_ms: time since creation, in milliseconds
 * @error_count: errors ever logged
 * @temperature: composite temperature in kelvin
 * @critical_warning: as in the SMART log
 * @ns_changed: 1 when the Changed Namespace List names namespace 1
 * @reserved: zero
 * @error: error log, newest first
 */
struct mdevsim_state_nvme_logs {
	__le64	blocks_read;
	__le64	blocks_written;
	__le64	reads;
	__le64	writes;
	__le64	busy_ms;
	__le64	power_cycles;
	__le64	power_on_ms;
	__le64	error_count;
	__le16	temperature;
	__u8	critical_warning;
	__u8	ns_changed;
	__u8	reserved[4];
	struct mdevsim_state_nvme_error error[MDEVSIM_MAX_ERROR_LOG];
};

/**
 * struct mdevsim_state_ns_extent - a run of logical blocks
 * @nsid: namespace: 1
 * @reserved: zero
 * @slba: first logical block
 * @nlb: logical blocks, at least one
 * @data: in NS_DATA @nlb logical blocks, in NS_ZERO nothing: the blocks read as zero
 *
 * Extents start and end at multiples of %MDEVSIM_EXTENT_ALIGN bytes. Blocks
 * that no extent names read as zero.
 */
struct mdevsim_state_ns_extent {
	__le32	nsid;
	__le32	reserved;
	__le64	slba;
	__le64	nlb;
	__u8	data[];
};

/**
 * struct mdevsim_state_synthetic - state that nobody needs, to make a stream longer
 * @left: bytes of @data in the records of this type that follow at once or later
 * @length: bytes of @data, at most %MDEVSIM_MAX_EXTENT
 * @reserved: zero
 * @data: anything
 *
 * Always %MDEVSIM_RECORD_OPTIONAL. A device checks it, and forgets it.
 */
struct mdevsim_state_synthetic {
	__le64	left;
	__le32	length;
	__le32	reserved;
	__u8	data[];
};

/**
 * struct mdevsim_state_end - the last record
 * @records: records in the stream before this one
 * @bytes: bytes in the stream before this record, stream header included
 */
struct mdevsim_state_end {
	__le64	records;
	__le64	bytes;
};

#endif /* _UAPI_LINUX_MDEVSIM_STATE_H */
