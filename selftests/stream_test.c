// SPDX-License-Identifier: GPL-2.0
/*
 * Streams: those that must be refused, with which errno, and what may be unusual
 * about one that is accepted.
 */
#include <errno.h>
#include "migration.h"
#include "test.h"

#define KIB	1024
#define MIB	(1024 * KIB)

#define OLD_VERSION	55

/* IDENTITY and SCHEMA come before. */
#define FIRST_EXTENT	2

FIXTURE(refusal) {
	struct bench bench;
	struct device *device;
	struct stream good;
};

/* A small stream with something in every record, and a device that holds something else */
FIXTURE_SETUP(refusal)
{
	int eventfds[BENCH_VECTORS];

	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	bench_enrich(&self->bench, eventfds);
	for (int i = 0; i < BENCH_VECTORS; i++)
		close(eventfds[i]);
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->bench.nvme.io[0], 0, 8 * KIB, 1));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->bench.nvme.io[0], MIB, 4 * KIB, 1));
	self->good = migration_save(self->device);
	must(!strcmp(stream_check(&self->good), "sound"), "seen: %s", stream_check(&self->good));
	must(device_reset(self->device) == 0, "seen a reset fail");
	nvme_start(&self->bench.nvme, 1, 8);
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->bench.nvme.io[0], 0, 64 * KIB, OLD_VERSION));
}

FIXTURE_TEARDOWN(refusal)
{
	stream_free(&self->good);
	TEST_TEARDOWN(&self->bench);
}

/*
 * Load a stream that is to be refused with @expected: on the write that shows
 * it or on the arc that commits, and then again and again; it is said why; a
 * reset brings the device back as it was.
 */
static void expect_refused(struct __test_metadata *_metadata, struct bench *bench,
			   const struct stream *stream, int expected, const char *what)
{
	struct device *device = &bench->device;
	char refusal[256];
	int data_fd, seen;
	size_t used = bench->arena.used;

	data_fd = migration_go(device, RESUMING);
	seen = migration_feed(data_fd, stream, 0) ?: migration_set(device, STOP, NULL);
	EXPECT_EQ(expected, seen) TH_LOG("%s", what);
	/* The first error sticks. */
	EXPECT_EQ(seen, migration_write(data_fd, "x", 1)) TH_LOG("%s: next write", what);
	EXPECT_EQ(seen, migration_set(device, STOP, NULL)) TH_LOG("%s: arc", what);
	EXPECT_EQ(seen, migration_set(device, RUNNING, NULL)) TH_LOG("%s: longer arc", what);
	EXPECT_EQ(RESUMING, migration_get(device, NULL)) TH_LOG("%s", what);
	migration_refusal(device, refusal, sizeof(refusal));
	EXPECT_LT(10, strlen(refusal)) TH_LOG("%s: a sentence", what);
	close(data_fd);
	ASSERT_EQ(0, device_reset(device));
	EXPECT_EQ(RUNNING, migration_get(device, NULL)) TH_LOG("%s", what);
	nvme_start(&bench->nvme, 1, 8);
	EXPECT_EQ(-1, nvme_filled_differs(&bench->nvme.io[0], 0, 64 * KIB, OLD_VERSION))
		TH_LOG("%s: what the namespace held", what);
	ASSERT_EQ(0, device_reset(device));
	bench->arena.used = used;
}

/* A change to a good stream, and what has to come of it */
struct change {
	const char *what;
	int error;
	void (*change)(struct stream *stream);
};

static void expect_changes_refused(struct __test_metadata *_metadata, struct bench *bench,
				   const struct stream *good, const struct change *changes,
				   size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct stream stream = stream_copy(good);

		changes[i].change(&stream);
		expect_refused(_metadata, bench, &stream, changes[i].error,
			       changes[i].what);
		stream_free(&stream);
	}
}

#define EXPECT_CHANGES_REFUSED(changes)						\
	expect_changes_refused(_metadata, &self->bench, &self->good, changes, \
			       ARRAY_SIZE(changes))

/* Changes: bodies of small functions, each named after what it breaks */

static void empty(struct stream *stream)
{
	stream->length = 0;
}

static void all_zero(struct stream *stream)
{
	memset(stream->bytes, 0, stream->length);
}

static void foreign(struct stream *stream)
{
	uint32_t seed = 1;

	for (size_t i = 0; i < stream->length; i++)
		stream->bytes[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
}

static void magic(struct stream *stream)
{
	stream_header(stream)->magic[7] ^= 1;
	stream_seal_header(stream);
}

static void major_version(struct stream *stream)
{
	stream_header(stream)->version_major++;
	stream_seal_header(stream);
}

static void required_feature(struct stream *stream)
{
	stream_header(stream)->required = 1;
	stream_seal_header(stream);
}

static void header_reserved(struct stream *stream)
{
	stream_header(stream)->reserved[11] = 1;
	stream_seal_header(stream);
}

static void header_crc(struct stream *stream)
{
	stream_header(stream)->crc ^= 1;
}

static void header_short(struct stream *stream)
{
	stream_header(stream)->header_size -= 8;
	stream_seal_header(stream);
}

TEST_F(refusal, headers)
{
	static const struct change changes[] = {
		{ "nothing at all", -ENODATA, empty },
		{ "zeroes", -EILSEQ, all_zero },
		{ "something else", -EILSEQ, foreign },
		{ "magic", -EILSEQ, magic },
		{ "major version", -EOPNOTSUPP, major_version },
		{ "required feature", -EOPNOTSUPP, required_feature },
		{ "reserved byte", -EPROTO, header_reserved },
		{ "header checksum", -EBADMSG, header_crc },
		{ "header too short", -EPROTO, header_short },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

static size_t index_of(const struct stream *stream, uint16_t type)
{
	long index = stream_find(stream, type, 0);

	must(index >= 0, "a record of type %u, seen none", type);
	return (size_t)index;
}

static struct mdevsim_record_header *header_of(struct stream *stream, size_t index)
{
	struct stream_record record = stream_at(stream, index);

	return stream_record_header(stream, &record);
}

static void record_crc(struct stream *stream)
{
	struct stream_record record = stream_at(stream, 2);

	stream->bytes[record.offset + record.size - 8] ^= 0x80;
}

static void record_flags(struct stream *stream)
{
	header_of(stream, 2)->flags = 2;
	stream_seal(stream, 2);
}

static void record_reserved(struct stream *stream)
{
	header_of(stream, 2)->reserved = 1;
	stream_seal(stream, 2);
}

static void record_instance(struct stream *stream)
{
	header_of(stream, 1)->instance = 1;
	stream_seal(stream, 1);
}

static void record_version(struct stream *stream)
{
	size_t index = index_of(stream, MDEVSIM_RECORD_NVME_REGS);

	header_of(stream, index)->version = 2;
	stream_seal(stream, index);
}

static void record_unknown(struct stream *stream)
{
	stream_insert(stream, FIRST_EXTENT, 200, 0, 1, "what?", 5);
	stream_settle(stream);
}

static void trailer_reserved(struct stream *stream)
{
	struct stream_record record = stream_at(stream, 2);

	stream->bytes[record.offset + record.size - 1] = 1;
}

static void padding(struct stream *stream)
{
	struct stream_record record;

	stream_insert(stream, FIRST_EXTENT, 200, MDEVSIM_RECORD_OPTIONAL, 1, "what?", 5);
	record = stream_at(stream, FIRST_EXTENT);
	*((uint8_t *)stream_body(stream, &record) + 6) = 1;
	stream_settle(stream);
}

static void end_records(struct stream *stream)
{
	struct mdevsim_state_end *end = stream_body_of(stream, MDEVSIM_RECORD_END);

	end->records++;
	stream_seal(stream, index_of(stream, MDEVSIM_RECORD_END));
}

static void end_bytes(struct stream *stream)
{
	struct mdevsim_state_end *end = stream_body_of(stream, MDEVSIM_RECORD_END);

	end->bytes -= 8;
	stream_seal(stream, index_of(stream, MDEVSIM_RECORD_END));
}

static void bytes_after_end(struct stream *stream)
{
	stream_append(stream, "x", 1);
}

static void twice(struct stream *stream)
{
	struct stream copy = stream_copy(stream);

	stream_append(stream, copy.bytes, copy.length);
	stream_free(&copy);
}

static void second_regs(struct stream *stream)
{
	stream_duplicate(stream, index_of(stream, MDEVSIM_RECORD_NVME_REGS));
	stream_settle(stream);
}

static void controls_swapped(struct stream *stream)
{
	stream_swap(stream, index_of(stream, MDEVSIM_RECORD_PCI_CONFIG),
		    index_of(stream, MDEVSIM_RECORD_IRQ));
	stream_settle(stream);
}

static void no_identity(struct stream *stream)
{
	stream_drop(stream, 0);
	stream_settle(stream);
}

static void late_identity(struct stream *stream)
{
	stream_swap(stream, 0, index_of(stream, MDEVSIM_RECORD_IRQ));
	stream_settle(stream);
}

static void late_extent(struct stream *stream)
{
	stream_swap(stream, FIRST_EXTENT, index_of(stream, MDEVSIM_RECORD_NVME_LOGS));
	stream_settle(stream);
}

static void no_end(struct stream *stream)
{
	stream_drop(stream, index_of(stream, MDEVSIM_RECORD_END));
}

TEST_F(refusal, framing)
{
	static const struct change changes[] = {
		{ "record checksum", -EBADMSG, record_crc },
		{ "unknown flag", -EPROTO, record_flags },
		{ "reserved field of a record", -EPROTO, record_reserved },
		{ "instance of what there is one of", -EPROTO, record_instance },
		{ "record version", -EOPNOTSUPP, record_version },
		{ "required record of unknown type", -EOPNOTSUPP, record_unknown },
		{ "reserved field of a trailer", -EPROTO, trailer_reserved },
		{ "padding", -EPROTO, padding },
		{ "count of records", -EPROTO, end_records },
		{ "count of bytes", -EPROTO, end_bytes },
		{ "a byte after the end", -EPROTO, bytes_after_end },
		{ "two streams", -EPROTO, twice },
		{ "a control record twice", -EPROTO, second_regs },
		{ "control records out of order", -EPROTO, controls_swapped },
		{ "no identity", -EPROTO, no_identity },
		{ "identity after control records", -EPROTO, late_identity },
		{ "extent after control records", -EPROTO, late_extent },
		{ "no end", -ENODATA, no_end },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

/* Set a field of a record's body and put everything else right. */
#define SET(name, record, type, field, value)					\
	static void name(struct stream *stream)					\
	{									\
		struct type *body = stream_body_of(stream, MDEVSIM_RECORD_##record); \
		body->field = value;						\
		stream_settle(stream);						\
	}

SET(other_function, IDENTITY, mdevsim_state_identity, function[0], 'v')
SET(other_major, IDENTITY, mdevsim_state_identity, version_major, 2)
SET(newer_minor, IDENTITY, mdevsim_state_identity, version_minor, 999)
SET(too_large, IDENTITY, mdevsim_state_identity, namespace_size, DEVICE_SIZE + 4096)
SET(huge, IDENTITY, mdevsim_state_identity, namespace_size, -UINT64_C(4096))
SET(no_size, IDENTITY, mdevsim_state_identity, namespace_size, 0)
SET(odd_size, IDENTITY, mdevsim_state_identity, namespace_size, DEVICE_SIZE - 2048)
SET(other_blocks, IDENTITY, mdevsim_state_identity, lba_shift, 12)
SET(other_vectors, IDENTITY, mdevsim_state_identity, vectors, 128)
SET(other_queues, IDENTITY, mdevsim_state_identity, io_queues, 127)
SET(other_entries, IDENTITY, mdevsim_state_identity, queue_entries, 65535)
SET(identity_reserved0, IDENTITY, mdevsim_state_identity, reserved0, 1)
SET(identity_reserved1, IDENTITY, mdevsim_state_identity, reserved1[3], 1)

TEST_F(refusal, identity)
{
	static const struct change changes[] = {
		{ "another function", -EXDEV, other_function },
		{ "another major version", -EXDEV, other_major },
		{ "a newer minor version", -EXDEV, newer_minor },
		{ "a larger namespace", -EXDEV, too_large },
		{ "a huge namespace", -EXDEV, huge },
		{ "a namespace of no size", -EINVAL, no_size },
		{ "a namespace of half a page", -EINVAL, odd_size },
		{ "other blocks", -EXDEV, other_blocks },
		{ "more vectors", -EXDEV, other_vectors },
		{ "more queues", -EXDEV, other_queues },
		{ "longer queues", -EXDEV, other_entries },
		{ "a reserved field", -EINVAL, identity_reserved0 },
		{ "a reserved byte", -EINVAL, identity_reserved1 },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

SET(schema_reserved0, SCHEMA, mdevsim_state_schema, reserved0, 1)
SET(schema_reserved1, SCHEMA, mdevsim_state_schema, reserved1, 1)
SET(schema_tables, SCHEMA, mdevsim_state_schema, nr_tables, UINT16_MAX)
SET(schema_fields, SCHEMA, mdevsim_state_schema, nr_fields, 0)
SET(schema_items, SCHEMA, mdevsim_state_schema, nr_items, UINT16_MAX)
SET(schema_text, SCHEMA, mdevsim_state_schema, text_length, UINT32_MAX)

static struct mdevsim_schema_table *schema_table(struct stream *stream, size_t i)
{
	struct mdevsim_state_schema *schema = stream_body_of(stream, MDEVSIM_RECORD_SCHEMA);

	return (struct mdevsim_schema_table *)schema->body + i;
}

static struct mdevsim_schema_field *schema_field(struct stream *stream, size_t i)
{
	struct mdevsim_state_schema *schema = stream_body_of(stream, MDEVSIM_RECORD_SCHEMA);

	return (struct mdevsim_schema_field *)schema_table(stream, schema->nr_tables) + i;
}

#define SET_SCHEMA(name, what, i, member, value)				\
	static void name(struct stream *stream)					\
	{									\
		schema_##what(stream, i)->member = value;			\
		stream_settle(stream);						\
	}

SET_SCHEMA(schema_table_name, table, 0, name, UINT16_MAX)
SET_SCHEMA(schema_table_fields, table, 0, nr_fields, UINT16_MAX)
SET_SCHEMA(schema_table_first, table, 0, first_field, UINT16_MAX)
SET_SCHEMA(schema_table_size, table, 0, size, 65)
SET_SCHEMA(schema_field_name, field, 0, name, UINT16_MAX)
SET_SCHEMA(schema_field_gap, field, 1, offset, 9)
SET_SCHEMA(schema_field_width, field, 0, width, 0)
SET_SCHEMA(schema_field_group, field, 0, group, 0)
SET_SCHEMA(schema_field_items, field, 0, first_item, UINT16_MAX)

static void schema_no_end(struct stream *stream)
{
	struct stream_record record = stream_at(stream, 1);

	*((uint8_t *)stream_body(stream, &record) + record.length - 1) = 'x';
	stream_settle(stream);
}

/* A field of bytes that is 4 GiB long */
static void schema_field_huge(struct stream *stream)
{
	struct mdevsim_schema_field *field = schema_field(stream, 0);

	field->width = UINT16_MAX;
	field->repeat = UINT16_MAX;
	stream_settle(stream);
}

TEST_F(refusal, schemas)
{
	static const struct change changes[] = {
		{ "reserved field of a schema", -EINVAL, schema_reserved0 },
		{ "another reserved field of a schema", -EINVAL, schema_reserved1 },
		{ "more tables than bytes", -EMSGSIZE, schema_tables },
		{ "no fields", -EMSGSIZE, schema_fields },
		{ "more items than bytes", -EMSGSIZE, schema_items },
		{ "more text than bytes", -EMSGSIZE, schema_text },
		{ "text without an end", -EINVAL, schema_no_end },
		{ "name of a table", -EINVAL, schema_table_name },
		{ "number of fields", -EINVAL, schema_table_fields },
		{ "place of fields", -EINVAL, schema_table_first },
		{ "size of a table", -EINVAL, schema_table_size },
		{ "name of a field", -EINVAL, schema_field_name },
		{ "gap between fields", -EINVAL, schema_field_gap },
		{ "field without width", -EINVAL, schema_field_width },
		{ "group of what is none", -EINVAL, schema_field_group },
		{ "place of items", -EINVAL, schema_field_items },
		{ "huge field", -EINVAL, schema_field_huge },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

SET(extent_nsid, NS_DATA, mdevsim_state_ns_extent, nsid, 2)
SET(extent_reserved, NS_DATA, mdevsim_state_ns_extent, reserved, 1)
SET(extent_unaligned, NS_DATA, mdevsim_state_ns_extent, slba, 1)
SET(extent_outside, NS_DATA, mdevsim_state_ns_extent, slba, DEVICE_SIZE / NVME_BLOCK)
SET(extent_wraps, NS_DATA, mdevsim_state_ns_extent, slba, UINT64_MAX - 7)
SET(extent_shift, NS_DATA, mdevsim_state_ns_extent, slba, (uint64_t)1 << 55)
SET(extent_empty, NS_DATA, mdevsim_state_ns_extent, nlb, 0)
SET(extent_long, NS_DATA, mdevsim_state_ns_extent, nlb, 32)
SET(extent_huge, NS_DATA, mdevsim_state_ns_extent, nlb, (uint64_t)1 << 55)

static void insert_zero(struct stream *stream, uint64_t slba, uint64_t nlb)
{
	struct mdevsim_state_ns_extent zero = { .nsid = 1, .slba = slba, .nlb = nlb };

	stream_insert(stream, FIRST_EXTENT, MDEVSIM_RECORD_NS_ZERO, 0, 1, &zero, sizeof(zero));
	stream_settle(stream);
}

static void zero_outside(struct stream *stream)
{
	insert_zero(stream, DEVICE_SIZE / NVME_BLOCK - 8, 16);
}

static void zero_wraps(struct stream *stream)
{
	insert_zero(stream, UINT64_MAX - 7, 16);
}

static void zero_unaligned(struct stream *stream)
{
	insert_zero(stream, 0, 7);
}

static void zero_empty(struct stream *stream)
{
	insert_zero(stream, 0, 0);
}

/* Change the length of the body of the first record of a type, with zeroes or by cutting it. */
static void resize_body(struct stream *stream, uint16_t type, long by)
{
	size_t index = index_of(stream, type);
	struct stream_record record = stream_at(stream, index);
	size_t length = (size_t)((long)record.length + by);
	uint16_t version = stream_record_header(stream, &record)->version;
	uint8_t *body = calloc(1, length > record.length ? length : record.length);

	memcpy(body, stream_body(stream, &record), record.length);
	stream_insert(stream, index, type, 0, version, body, length);
	stream_drop(stream, index + 1);
	stream_settle(stream);
	free(body);
}

static void zero_long(struct stream *stream)
{
	insert_zero(stream, 0, 8);
	resize_body(stream, MDEVSIM_RECORD_NS_ZERO, 8);
}

static void data_over_limit(struct stream *stream)
{
	resize_body(stream, MDEVSIM_RECORD_NS_DATA, MIB);
}

static void data_empty(struct stream *stream)
{
	resize_body(stream, MDEVSIM_RECORD_NS_DATA, -8 * KIB);
}

TEST_F(refusal, extents)
{
	static const struct change changes[] = {
		{ "no such namespace", -EINVAL, extent_nsid },
		{ "reserved field of an extent", -EINVAL, extent_reserved },
		{ "extent not aligned", -EINVAL, extent_unaligned },
		{ "extent behind the end", -EINVAL, extent_outside },
		{ "extent at the end of numbers", -EINVAL, extent_wraps },
		{ "extent whose bytes do not fit 64 bits", -EINVAL, extent_shift },
		{ "extent of no blocks", -EINVAL, extent_empty },
		{ "extent longer than its data", -EMSGSIZE, extent_long },
		{ "extent of more blocks than there are", -EINVAL, extent_huge },
		{ "zero extent over the end", -EINVAL, zero_outside },
		{ "zero extent at the end of numbers", -EINVAL, zero_wraps },
		{ "zero extent not aligned", -EINVAL, zero_unaligned },
		{ "zero extent of no blocks", -EINVAL, zero_empty },
		{ "zero extent with data", -EMSGSIZE, zero_long },
		{ "extent with too much data", -EMSGSIZE, data_over_limit },
		{ "extent without data", -EMSGSIZE, data_empty },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

/* The body of every record one dword shorter and longer */
TEST_F(refusal, lengths)
{
	size_t count = stream_count(&self->good);

	for (size_t i = 0; i < count; i++) {
		uint16_t type = stream_at(&self->good, i).type;
		struct stream stream = stream_copy(&self->good);
		int expected = -EMSGSIZE;

		/* These have bodies of varying length, which their counts have to agree with. */
		if (type == MDEVSIM_RECORD_NVME_QUEUES || type == MDEVSIM_RECORD_NVME_FEATURES)
			expected = -EINVAL;
		resize_body(&stream, type, -4);
		expect_refused(_metadata, &self->bench, &stream, expected,
			       "body too short");
		stream_free(&stream);
		stream = stream_copy(&self->good);
		resize_body(&stream, type, 4);
		expect_refused(_metadata, &self->bench, &stream, expected,
			       "body too long");
		stream_free(&stream);
	}
}

/* A length that no memory holds is refused before anything is done with it. */
TEST_F(refusal, absurd_lengths)
{
	static const uint64_t lengths[] = {
		UINT64_C(1) << 31, UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX,
		UINT64_MAX - 7, UINT64_MAX - 40,
	};
	size_t count = stream_count(&self->good);

	for (size_t i = 0; i < count; i++) {
		struct stream stream = stream_copy(&self->good);

		header_of(&stream, i)->length = lengths[i % ARRAY_SIZE(lengths)];
		expect_refused(_metadata, &self->bench, &stream, -EMSGSIZE,
			       "absurd length");
		stream_free(&stream);
	}
}

SET(config_vendor, PCI_CONFIG, mdevsim_state_pci_config, vendor_id, 0x8086)
SET(config_class, PCI_CONFIG, mdevsim_state_pci_config, class_code[2], 2)
SET(config_bar, PCI_CONFIG, mdevsim_state_pci_config, bar[0], 0xfe000001)
SET(config_reserved, PCI_CONFIG, mdevsim_state_pci_config, reserved2[50], 1)
SET(config_msix, PCI_CONFIG, mdevsim_state_pci_config, msix_table, 0x1000)
SET(irq_level, IRQ, mdevsim_state_irq, intx, 2)
SET(irq_vectors, IRQ, mdevsim_state_irq, vectors, 65)
SET(irq_reserved, IRQ, mdevsim_state_irq, reserved1, 1)
SET(regs_cap, NVME_REGS, mdevsim_state_nvme_regs, cap, 0)
SET(regs_csts, NVME_REGS, mdevsim_state_nvme_regs, csts, 0)
SET(regs_cc, NVME_REGS, mdevsim_state_nvme_regs, cc, NVME_CC_ENABLED | 1 << 7)
SET(regs_asq, NVME_REGS, mdevsim_state_nvme_regs, asq, 1)
SET(regs_aqa, NVME_REGS, mdevsim_state_nvme_regs, aqa, 0xf0000000)
SET(regs_reserved, NVME_REGS, mdevsim_state_nvme_regs, reserved, 1)
SET(admin_head, NVME_ADMIN, mdevsim_state_nvme_admin, sq_head, 32)
SET(admin_tail, NVME_ADMIN, mdevsim_state_nvme_admin, sq_tail, 0xffff)
SET(admin_cq_head, NVME_ADMIN, mdevsim_state_nvme_admin, cq_head, 32)
SET(admin_cq_tail, NVME_ADMIN, mdevsim_state_nvme_admin, cq_tail, 32)
SET(admin_size, NVME_ADMIN, mdevsim_state_nvme_admin, sq_size, 0)
SET(admin_size_large, NVME_ADMIN, mdevsim_state_nvme_admin, cq_size, 4096)
SET(admin_base, NVME_ADMIN, mdevsim_state_nvme_admin, sq_base, 0x1234)
SET(admin_phase, NVME_ADMIN, mdevsim_state_nvme_admin, cq_phase, 2)
SET(admin_enabled, NVME_ADMIN, mdevsim_state_nvme_admin, enabled, 0)
SET(admin_enabled_twice, NVME_ADMIN, mdevsim_state_nvme_admin, enabled, 2)
SET(queues_version, NVME_QUEUES, mdevsim_state_nvme_queues, version, 1)
SET(queues_attributes, NVME_QUEUES, mdevsim_state_nvme_queues, attributes, 0)
SET(queues_size, NVME_QUEUES, mdevsim_state_nvme_queues, nvme_size, 1)
SET(queues_vendor, NVME_QUEUES, mdevsim_state_nvme_queues, vendor_size, 1)
SET(queues_many, NVME_QUEUES, mdevsim_state_nvme_queues, nr_sqs, 64)
SET(queues_all, NVME_QUEUES, mdevsim_state_nvme_queues, nr_cqs, 0xffff)
SET(queues_fewer, NVME_QUEUES, mdevsim_state_nvme_queues, nr_sqs, 2)
SET(features_count, NVME_FEATURES, mdevsim_state_nvme_features, count, 65)
SET(features_all, NVME_FEATURES, mdevsim_state_nvme_features, count, UINT32_MAX)
SET(features_reserved, NVME_FEATURES, mdevsim_state_nvme_features, reserved, 1)
SET(features_unknown, NVME_FEATURES, mdevsim_state_nvme_features, feature[0].fid, 0x7f)
SET(features_value, NVME_FEATURES, mdevsim_state_nvme_features, feature[0].value, UINT64_MAX)
SET(aer_parked, NVME_AER, mdevsim_state_nvme_aer, nr_parked, 9)
SET(aer_events, NVME_AER, mdevsim_state_nvme_aer, nr_events, 9)
SET(aer_masked, NVME_AER, mdevsim_state_nvme_aer, masked, 0x80000000)
SET(aer_rest, NVME_AER, mdevsim_state_nvme_aer, cid[7], 1)
SET(logs_reserved, NVME_LOGS, mdevsim_state_nvme_logs, reserved[0], 1)
SET(logs_changed, NVME_LOGS, mdevsim_state_nvme_logs, ns_changed, 2)
SET(logs_count, NVME_LOGS, mdevsim_state_nvme_logs, error_count, 0)
SET(logs_order, NVME_LOGS, mdevsim_state_nvme_logs, error[1].error_count, 1000)

TEST_F(refusal, values)
{
	static const struct change changes[] = {
		{ "vendor", -EINVAL, config_vendor },
		{ "class", -EINVAL, config_class },
		{ "constant bit of a BAR", -EINVAL, config_bar },
		{ "reserved configuration space", -EINVAL, config_reserved },
		{ "place of the MSI-X table", -EINVAL, config_msix },
		{ "INTx level", -EINVAL, irq_level },
		{ "number of vectors", -EINVAL, irq_vectors },
		{ "reserved field of interrupts", -EINVAL, irq_reserved },
		{ "capabilities", -EXDEV, regs_cap },
		{ "enabled and not ready", -EINVAL, regs_csts },
		{ "page size", -EINVAL, regs_cc },
		{ "ASQ inside a page", -EINVAL, regs_asq },
		{ "reserved bits of AQA", -EINVAL, regs_aqa },
		{ "reserved field of properties", -EINVAL, regs_reserved },
		{ "admin head", -EINVAL, admin_head },
		{ "admin tail", -EINVAL, admin_tail },
		{ "admin completion head", -EINVAL, admin_cq_head },
		{ "admin completion tail", -EINVAL, admin_cq_tail },
		{ "admin queue of one entry", -EINVAL, admin_size },
		{ "admin queue too long", -EINVAL, admin_size_large },
		{ "admin queue inside a page", -EINVAL, admin_base },
		{ "admin phase", -EINVAL, admin_phase },
		{ "no admin queue though enabled", -EINVAL, admin_enabled },
		{ "admin queue exists twice", -EINVAL, admin_enabled_twice },
		{ "version of controller state", -EINVAL, queues_version },
		{ "controller not suspended", -EINVAL, queues_attributes },
		{ "size of controller state", -EINVAL, queues_size },
		{ "vendor specific state", -EINVAL, queues_vendor },
		{ "too many submission queues", -EINVAL, queues_many },
		{ "far too many completion queues", -EINVAL, queues_all },
		{ "fewer queues than there are", -EINVAL, queues_fewer },
		{ "too many features", -EINVAL, features_count },
		{ "far too many features", -EINVAL, features_all },
		{ "reserved field of features", -EINVAL, features_reserved },
		{ "unknown feature", -EINVAL, features_unknown },
		{ "value of a feature", -EINVAL, features_value },
		{ "too many requests parked", -EINVAL, aer_parked },
		{ "too many events waiting", -EINVAL, aer_events },
		{ "unknown event type", -EINVAL, aer_masked },
		{ "something behind the requests parked", -EINVAL, aer_rest },
		{ "reserved byte of logs", -EINVAL, logs_reserved },
		{ "changed namespaces", -EINVAL, logs_changed },
		{ "fewer errors than logged", -EINVAL, logs_count },
		{ "error log out of order", -EINVAL, logs_order },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

/* Fields of queue 1, 2 or 9 of the controller state */
static struct mdevsim_state_nvme_sq *sq_of(struct stream *stream, size_t i)
{
	struct mdevsim_state_nvme_queues *queues =
		stream_body_of(stream, MDEVSIM_RECORD_NVME_QUEUES);

	return (struct mdevsim_state_nvme_sq *)queues->queues + i;
}

static struct mdevsim_state_nvme_cq *cq_of(struct stream *stream, size_t i)
{
	return (struct mdevsim_state_nvme_cq *)sq_of(stream, 3) + i;
}

#define SET_SQ(name, i, field, value)						\
	static void name(struct stream *stream)					\
	{									\
		sq_of(stream, i)->field = value;				\
		stream_settle(stream);						\
	}

#define SET_CQ(name, i, field, value)						\
	static void name(struct stream *stream)					\
	{									\
		cq_of(stream, i)->field = value;				\
		stream_settle(stream);						\
	}

SET_SQ(sq_admin, 0, qid, 0)
SET_SQ(sq_twice, 1, qid, 1)
SET_SQ(sq_descending, 2, qid, 1)
SET_SQ(sq_large, 2, qid, 64)
SET_SQ(sq_no_cq, 1, cqid, 3)
SET_SQ(sq_admin_cq, 1, cqid, 0)
SET_SQ(sq_far_cq, 1, cqid, 0xffff)
SET_SQ(sq_size_0, 0, size, 0)
SET_SQ(sq_size_1024, 0, size, 1024)
SET_SQ(sq_head, 0, head, 32)
SET_SQ(sq_tail, 0, tail, 32)
SET_SQ(sq_base, 0, prp1, 0x1004)
SET_SQ(sq_not_contiguous, 0, attributes, 0)
SET_SQ(sq_attributes, 0, attributes, 0x8001)
SET_SQ(sq_reserved, 0, reserved[0], 1)
SET_CQ(cq_admin, 0, qid, 0)
SET_CQ(cq_twice, 1, qid, 1)
SET_CQ(cq_large, 2, qid, 64)
SET_CQ(cq_missing, 2, qid, 10)
SET_CQ(cq_size_0, 0, size, 0)
SET_CQ(cq_size_1024, 0, size, 1024)
SET_CQ(cq_head, 0, head, 32)
SET_CQ(cq_tail, 0, tail, 32)
SET_CQ(cq_base, 0, prp1, 0x10)
SET_CQ(cq_vector, 0, attributes, 64 << 16 | 3)
SET_CQ(cq_attributes, 0, attributes, 0x9)
SET_CQ(cq_not_contiguous, 0, attributes, 0x2)
SET_CQ(cq_reserved, 0, reserved[3], 1)

TEST_F(refusal, queues)
{
	static const struct change changes[] = {
		{ "submission queue 0", -EINVAL, sq_admin },
		{ "two submission queues 1", -EINVAL, sq_twice },
		{ "submission queues out of order", -EINVAL, sq_descending },
		{ "submission queue 64", -EINVAL, sq_large },
		{ "completion queue does not exist", -EINVAL, sq_no_cq },
		{ "completion queue is the admin queue", -EINVAL, sq_admin_cq },
		{ "completion queue out of all bounds", -EINVAL, sq_far_cq },
		{ "submission queue of one entry", -EINVAL, sq_size_0 },
		{ "submission queue too long", -EINVAL, sq_size_1024 },
		{ "submission head", -EINVAL, sq_head },
		{ "submission tail", -EINVAL, sq_tail },
		{ "submission queue inside a page", -EINVAL, sq_base },
		{ "submission queue not contiguous", -EINVAL, sq_not_contiguous },
		{ "submission queue attributes", -EINVAL, sq_attributes },
		{ "submission queue reserved", -EINVAL, sq_reserved },
		{ "completion queue 0", -EINVAL, cq_admin },
		{ "two completion queues 1", -EINVAL, cq_twice },
		{ "completion queue 64", -EINVAL, cq_large },
		{ "completion queue missing", -EINVAL, cq_missing },
		{ "completion queue of one entry", -EINVAL, cq_size_0 },
		{ "completion queue too long", -EINVAL, cq_size_1024 },
		{ "completion head", -EINVAL, cq_head },
		{ "completion tail", -EINVAL, cq_tail },
		{ "completion queue inside a page", -EINVAL, cq_base },
		{ "vector of a completion queue", -EINVAL, cq_vector },
		{ "completion queue attributes", -EINVAL, cq_attributes },
		{ "completion queue not contiguous", -EINVAL, cq_not_contiguous },
		{ "completion queue reserved", -EINVAL, cq_reserved },
	};

	EXPECT_CHANGES_REFUSED(changes);
}

/* ---- Streams that must be accepted ------------------------------------- */

static void unchanged(struct stream *stream)
{
}

static void optional_unknown(struct stream *stream)
{
	uint8_t body[5000] = { 1, 2, 3 };

	stream_insert(stream, FIRST_EXTENT, 200, MDEVSIM_RECORD_OPTIONAL, 77, body, sizeof(body));
	stream_insert(stream, FIRST_EXTENT + 2, 50, MDEVSIM_RECORD_OPTIONAL, 1, body, 0);
	stream_settle(stream);
}

static void optional_feature(struct stream *stream)
{
	stream_header(stream)->optional = UINT64_C(1) << 63;
	stream_seal_header(stream);
}

static void minor_version(struct stream *stream)
{
	stream_header(stream)->version_minor = 7;
	stream_seal_header(stream);
}

static void schema_version(struct stream *stream)
{
	header_of(stream, 1)->version = 77;
	stream_seal(stream, 1);
}

static void no_schema(struct stream *stream)
{
	stream_header(stream)->version_minor = 0;
	stream_drop(stream, 1);
	stream_settle(stream);
}

static void longer_header(struct stream *stream)
{
	struct stream longer = { 0 };
	uint8_t extra[24] = { 9 };

	stream_header(stream)->header_size += sizeof(extra);
	stream_append(&longer, stream->bytes, sizeof(struct mdevsim_stream_header));
	stream_append(&longer, extra, sizeof(extra));
	stream_append(&longer, stream->bytes + sizeof(struct mdevsim_stream_header),
		      stream->length - sizeof(struct mdevsim_stream_header));
	stream_free(stream);
	*stream = longer;
	stream_settle(stream);
}

static void other_uuid(struct stream *stream)
{
	struct mdevsim_state_identity *identity = stream_body_of(stream, MDEVSIM_RECORD_IDENTITY);

	memset(identity->uuid, 0x77, sizeof(identity->uuid));
	memset(identity->mdev_type, 'x', 10);
	stream_settle(stream);
}

static void extents_overlap(struct stream *stream)
{
	insert_zero(stream, 0, 1024);
	stream_duplicate(stream, index_of(stream, MDEVSIM_RECORD_NS_DATA));
	stream_settle(stream);
}

/* The latest extent counts: of the 8 KiB at the start half are zero in the end. */
static void zero_after_data(struct stream *stream)
{
	struct mdevsim_state_ns_extent zero = { .nsid = 1, .slba = 0, .nlb = 8 };

	stream_insert(stream, index_of(stream, MDEVSIM_RECORD_PCI_CONFIG), MDEVSIM_RECORD_NS_ZERO,
		      0, 1, &zero, sizeof(zero));
	stream_settle(stream);
}

static void no_extents(struct stream *stream)
{
	long index;

	while ((index = stream_find(stream, MDEVSIM_RECORD_NS_DATA, 0)) >= 0)
		stream_drop(stream, (size_t)index);
	stream_settle(stream);
}

/* What a newer writer may add, and what is merely unusual */
TEST_F(refusal, none)
{
	static const struct change changes[] = {
		{ "nothing changed", 0, unchanged },
		{ "optional records of unknown type", 0, optional_unknown },
		{ "optional feature", 0, optional_feature },
		{ "newer minor version of the stream", 0, minor_version },
		{ "longer header", 0, longer_header },
		{ "schema of unknown version", 0, schema_version },
		{ "oldest version, which has no schema", 0, no_schema },
		{ "of another device and type", 0, other_uuid },
		{ "extents that overlap", 0, extents_overlap },
		{ "data that is zeroed again", 0, zero_after_data },
		{ "empty namespace", 0, no_extents },
	};
	char refusal[256];

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct stream stream = stream_copy(&self->good), again;

		changes[i].change(&stream);
		EXPECT_EQ(0, migration_load(self->device, &stream, 0))
			TH_LOG("%s", changes[i].what);
		migration_refusal(self->device, refusal, sizeof(refusal));
		EXPECT_STREQ("", refusal);
		if (migration_get(self->device, NULL) == STOP) {
			again = migration_save(self->device);
			EXPECT_STREQ("same", stream_same_state(&stream, &again))
				TH_LOG("%s", changes[i].what);
			stream_free(&again);
		}
		ASSERT_EQ(0, device_reset(self->device));
		stream_free(&stream);
	}
}

/* The reason stays readable until the next attempt. */
TEST_F(refusal, reason_is_replaced)
{
	struct stream stream = stream_copy(&self->good);
	char refusal[256];

	header_crc(&stream);
	EXPECT_EQ(-EBADMSG, migration_load(self->device, &stream, 0));
	ASSERT_EQ(0, device_reset(self->device));
	migration_refusal(self->device, refusal, sizeof(refusal));
	EXPECT_LT(10, strlen(refusal)) TH_LOG("after a reset");
	EXPECT_EQ(0, migration_load(self->device, &self->good, 0));
	migration_refusal(self->device, refusal, sizeof(refusal));
	EXPECT_STREQ("", refusal);
	stream_free(&stream);
}

/* Loading may begin anew after a reset half way, as often as one likes. */
TEST_F(refusal, aborted_loads)
{
	for (size_t length = 0; length < self->good.length; length += self->good.length / 20) {
		struct stream stream = stream_copy(&self->good);
		int data_fd = migration_go(self->device, RESUMING);

		stream.length = length;
		EXPECT_EQ(0, migration_feed(data_fd, &stream, 0));
		ASSERT_EQ(0, device_reset(self->device));
		EXPECT_EQ(-ENODEV, migration_write(data_fd, "x", 1));
		close(data_fd);
		stream_free(&stream);
	}
	EXPECT_EQ(0, migration_load(self->device, &self->good, 0));
}

TEST_MAIN
