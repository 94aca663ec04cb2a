// SPDX-License-Identifier: GPL-2.0
/*
 * Framing of the device-state stream. Both directions are a walk through
 * &enum mdevsim_state_part: each part has a size, known when it begins, and
 * something that is done when its last byte has passed.
 */
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include "compat/crc32c.h"
#include "state_stream.h"

static_assert(sizeof(struct mdevsim_stream_header) == 64);
static_assert(sizeof(struct mdevsim_record_header) == 24);
static_assert(sizeof(struct mdevsim_record_trailer) == 8);
static_assert(sizeof(struct mdevsim_stream_header) % MDEVSIM_RECORD_ALIGN == 0);

#define CRC_INIT	(~0U)
#define MAX_LENGTH	(S64_MAX / 2)	/* far from where sizes and offsets wrap */

/**
 * struct record_type - what framing knows of a type of record
 * @type: its number
 * @version: the one version known
 * @min_length: bytes that a body has at least
 * @name: its name
 */
struct record_type {
	u16 type;
	u16 version;
	u32 min_length;
	const char *name;
};

#define RECORD_TYPE(name, value, type, version, text) \
	{ value, version, sizeof(struct type), text },

static const struct record_type record_types[] = {
	MDEVSIM_RECORDS(RECORD_TYPE)
};

int mdevsim_refuse(struct mdevsim_reason *why, int err, const char *fmt, ...)
{
	va_list args;

	if (why->text[0])
		return err;
	va_start(args, fmt);
	vscnprintf(why->text, sizeof(why->text), fmt, args);
	va_end(args);
	return err;
}

static const struct record_type *find_type(u16 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(record_types); i++)
		if (record_types[i].type == type)
			return &record_types[i];
	return NULL;
}

const char *mdevsim_state_stream_name(u16 type)
{
	const struct record_type *known = find_type(type);

	return known ? known->name : "unknown";
}

static bool is_control(u16 type)
{
	return type > MDEVSIM_RECORD_SCHEMA && type < MDEVSIM_RECORD_NS_DATA;
}

/* &mdevsim_state_reader.seen of all control records */
static u64 all_controls(void)
{
	u64 controls = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(record_types); i++)
		if (is_control(record_types[i].type))
			controls |= BIT_ULL(record_types[i].type);
	return controls;
}

static u64 padding_of(u64 length)
{
	return -length & (MDEVSIM_RECORD_ALIGN - 1);
}

u64 mdevsim_state_stream_size(u64 length)
{
	return sizeof(struct mdevsim_record_header) + length + padding_of(length) +
	       sizeof(struct mdevsim_record_trailer);
}

/* Reader */

void mdevsim_state_reader_init(struct mdevsim_state_reader *reader,
			       const struct mdevsim_state_sink *sink, void *context)
{
	memset(reader, 0, sizeof(*reader));
	reader->sink = sink;
	reader->context = context;
}

int mdevsim_state_reader_fail(struct mdevsim_state_reader *reader, int error, const char *text)
{
	if (!reader->error)
		reader->error = mdevsim_refuse(&reader->why, error, "%s", text);
	return reader->error;
}

/* An error in the record under way: say which one it is, and where it began. */
static __printf(3, 4)
int refuse_record(struct mdevsim_state_reader *reader, int err, const char *fmt, ...)
{
	const struct mdevsim_record *record = &reader->record;
	char text[128];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return mdevsim_refuse(&reader->why, err, "record %u (%s, type %u) at byte %llu: %s",
			      reader->sequence, mdevsim_state_stream_name(record->type),
			      record->type, reader->start, text);
}

static int check_magic(struct mdevsim_state_reader *reader)
{
	if (!memcmp(reader->header.magic, MDEVSIM_STREAM_MAGIC, MDEVSIM_STREAM_MAGIC_LEN))
		return 0;
	return mdevsim_refuse(&reader->why, -EILSEQ,
			      "not a device-state stream: the magic is missing");
}

const struct mdevsim_state_known mdevsim_state_stream_known = {
	.major_min	= MDEVSIM_STREAM_MAJOR,
	.minor_min	= 0,
	.major_max	= MDEVSIM_STREAM_MAJOR,
	.minor_max	= MDEVSIM_STREAM_MINOR,
	.features	= MDEVSIM_STREAM_FEATURES,
};

int mdevsim_state_stream_version(const struct mdevsim_stream_header *header,
				 const struct mdevsim_state_known *known,
				 struct mdevsim_reason *why)
{
	u16 major = le16_to_cpu(header->version_major);
	u16 minor = le16_to_cpu(header->version_minor);
	bool older = major < known->major_min ||
		     (major == known->major_min && minor < known->minor_min);

	if (!older && major <= known->major_max)
		return 0;
	return mdevsim_refuse(why, -EOPNOTSUPP, "stream version %u.%u there, %u.%u to %u.%u here",
			      major, minor, known->major_min, known->minor_min, known->major_max,
			      known->minor_max);
}

int mdevsim_state_stream_features(const struct mdevsim_stream_header *header,
				  const struct mdevsim_state_known *known,
				  struct mdevsim_reason *why)
{
	u64 required = le64_to_cpu(header->required);

	if (!(required & ~known->features))
		return 0;
	return mdevsim_refuse(why, -EOPNOTSUPP,
			      "required features %#llx there, of which %#llx are unknown here",
			      required, required & ~known->features);
}

int mdevsim_state_stream_extra(const struct mdevsim_stream_header *header,
			       struct mdevsim_reason *why)
{
	u32 size = le32_to_cpu(header->header_size);

	if (size < sizeof(*header) || size > MDEVSIM_STREAM_HEADER_MAX ||
	    size % MDEVSIM_RECORD_ALIGN)
		return mdevsim_refuse(why, -EPROTO, "stream header: size %u, which no header has",
				      size);
	return size - sizeof(*header);
}

static int check_known(struct mdevsim_state_reader *reader,
		       int (*rule)(const struct mdevsim_stream_header *header,
				   const struct mdevsim_state_known *known,
				   struct mdevsim_reason *why))
{
	struct mdevsim_reason why = {};
	int ret = rule(&reader->header, &mdevsim_state_stream_known, &why);

	return ret ? mdevsim_refuse(&reader->why, ret, "stream header: %s", why.text) : 0;
}

/* In this order: what a field means depends on the ones before it. */
static int check_stream_header(struct mdevsim_state_reader *reader)
{
	const struct mdevsim_stream_header *header = &reader->header;
	u32 crc = ~mdevsim_crc32c(CRC_INIT, header, offsetof(struct mdevsim_stream_header, crc));
	int ret;

	ret = check_known(reader, mdevsim_state_stream_version);
	if (ret)
		return ret;
	if (crc != le32_to_cpu(header->crc))
		return mdevsim_refuse(&reader->why, -EBADMSG,
				      "stream header: checksum %08x where %08x was computed",
				      le32_to_cpu(header->crc), crc);
	ret = check_known(reader, mdevsim_state_stream_features);
	if (ret)
		return ret;
	if (memchr_inv(header->reserved, 0, sizeof(header->reserved)))
		return mdevsim_refuse(&reader->why, -EPROTO,
				      "stream header: a reserved byte is not zero");
	ret = mdevsim_state_stream_extra(header, &reader->why);
	if (ret < 0)
		return ret;
	reader->extra = ret;
	return 0;
}

static int check_control_order(struct mdevsim_state_reader *reader)
{
	u16 type = reader->record.type;

	if (reader->seen & BIT_ULL(type))
		return refuse_record(reader, -EPROTO, "a second record of this type");
	if (reader->seen & all_controls() & GENMASK_ULL(63, type))
		return refuse_record(reader, -EPROTO, "comes after one that it has to precede");
	return 0;
}

static int check_end_order(struct mdevsim_state_reader *reader)
{
	u64 missing = all_controls() & ~reader->seen;

	if (!missing)
		return 0;
	return refuse_record(reader, -EPROTO, "the %s record is missing",
			     mdevsim_state_stream_name(__builtin_ctzll(missing)));
}

/* From the version on that has it, SCHEMA is the second record, and the second record is SCHEMA. */
static int check_schema_order(struct mdevsim_state_reader *reader)
{
	u16 minor = le16_to_cpu(reader->header.version_minor);
	bool due = reader->sequence == 1 && minor >= MDEVSIM_STREAM_MINOR_SCHEMA;
	bool is_schema = reader->record.type == MDEVSIM_RECORD_SCHEMA;

	if (is_schema == due)
		return 0;
	if (due)
		return refuse_record(reader, -EPROTO, "stands where the schema record has to be");
	return refuse_record(reader, -EPROTO,
			     "only the second record is a schema, from stream version %u.%u on",
			     MDEVSIM_STREAM_MAJOR, MDEVSIM_STREAM_MINOR_SCHEMA);
}

static int check_order(struct mdevsim_state_reader *reader)
{
	u16 type = reader->record.type;
	int ret;

	if (type != MDEVSIM_RECORD_IDENTITY &&
	    !(reader->seen & BIT_ULL(MDEVSIM_RECORD_IDENTITY)))
		return refuse_record(reader, -EPROTO, "comes before the identity record");
	ret = check_schema_order(reader);
	if (ret)
		return ret;
	if (reader->skip)
		return 0;
	if (type == MDEVSIM_RECORD_END)
		return check_end_order(reader);
	if (is_control(type))
		return check_control_order(reader);
	if (reader->controls)
		return refuse_record(reader, -EPROTO, "comes after a control record");
	return 0;
}

/* Is the type known in this version, or may the record be skipped? */
static int check_type(struct mdevsim_state_reader *reader)
{
	const struct mdevsim_record *record = &reader->record;
	const struct record_type *known = find_type(record->type);

	reader->skip = !known || known->version != record->version;
	if (!reader->skip || record->flags & MDEVSIM_RECORD_OPTIONAL)
		return 0;
	if (!known)
		return refuse_record(reader, -EOPNOTSUPP, "a required record of unknown type");
	return refuse_record(reader, -EOPNOTSUPP, "version %u, only %u is known", record->version,
			     known->version);
}

/* How long a body may be at most is for the sink to say. */
static int check_length(struct mdevsim_state_reader *reader)
{
	const struct mdevsim_record *record = &reader->record;
	u64 least = 0, most = MAX_LENGTH;

	if (!reader->skip)
		least = find_type(record->type)->min_length;
	if (!reader->skip && record->type == MDEVSIM_RECORD_END)
		most = sizeof(reader->end);
	if (record->length < least || record->length > most)
		return refuse_record(reader, -EMSGSIZE, "a body of %llu bytes", record->length);
	return 0;
}

static int check_record(struct mdevsim_state_reader *reader)
{
	const struct mdevsim_record *record = &reader->record;
	int ret;

	if (record->sequence != reader->sequence)
		return refuse_record(reader, -EPROTO, "carries sequence number %u",
				     record->sequence);
	if (record->flags & ~MDEVSIM_RECORD_OPTIONAL)
		return refuse_record(reader, -EPROTO, "unknown flags %#x", record->flags);
	if (reader->scratch.record_header.reserved)
		return refuse_record(reader, -EPROTO, "a reserved field is not zero");
	ret = check_type(reader);
	if (!ret)
		ret = check_order(reader);
	if (!ret && !reader->skip && record->instance)
		ret = refuse_record(reader, -EPROTO, "instance %u of what there is one of",
				    record->instance);
	return ret ?: check_length(reader);
}

static int begin_record(struct mdevsim_state_reader *reader)
{
	const struct mdevsim_record_header *header = &reader->scratch.record_header;
	struct mdevsim_record *record = &reader->record;
	struct mdevsim_reason why = {};
	int ret;

	*record = (struct mdevsim_record) {
		.type		= le16_to_cpu(header->type),
		.flags		= le16_to_cpu(header->flags),
		.version	= le16_to_cpu(header->version),
		.sequence	= le32_to_cpu(header->sequence),
		.instance	= le32_to_cpu(header->instance),
		.length		= le64_to_cpu(header->length),
	};
	ret = check_record(reader);
	if (ret || reader->skip)
		return ret;
	ret = reader->sink->begin(reader->context, record, &why);
	if (ret)
		return refuse_record(reader, ret, "%s", why.text);
	if (record->type < 64)
		reader->seen |= BIT_ULL(record->type);
	reader->controls |= is_control(record->type);
	return 0;
}

static int check_padding(struct mdevsim_state_reader *reader)
{
	if (!memchr_inv(reader->scratch.bytes, 0, padding_of(reader->record.length)))
		return 0;
	return refuse_record(reader, -EPROTO, "padding is not zero");
}

static int check_end(struct mdevsim_state_reader *reader)
{
	u64 records = le64_to_cpu(reader->end.records);
	u64 bytes = le64_to_cpu(reader->end.bytes);

	if (records != reader->sequence)
		return refuse_record(reader, -EPROTO, "counts %llu records before it", records);
	if (bytes != reader->start)
		return refuse_record(reader, -EPROTO, "counts %llu bytes before it", bytes);
	return 0;
}

static int check_trailer(struct mdevsim_state_reader *reader)
{
	const struct mdevsim_record_trailer *trailer = &reader->scratch.trailer;
	u32 crc = ~reader->crc;

	if (le32_to_cpu(trailer->crc) != crc)
		return refuse_record(reader, -EBADMSG, "checksum %08x where %08x was computed",
				     le32_to_cpu(trailer->crc), crc);
	if (trailer->reserved)
		return refuse_record(reader, -EPROTO, "a reserved field is not zero");
	return 0;
}

static int end_record(struct mdevsim_state_reader *reader)
{
	bool is_end = reader->record.type == MDEVSIM_RECORD_END && !reader->skip;
	struct mdevsim_reason why = {};
	int ret = check_trailer(reader);

	if (!ret && is_end)
		ret = check_end(reader);
	if (ret)
		return ret;
	if (!reader->skip)
		ret = reader->sink->end(reader->context, &reader->record, &why);
	if (ret)
		return refuse_record(reader, ret, "%s", why.text);
	reader->sequence++;
	reader->start = reader->offset;
	reader->crc = CRC_INIT;
	reader->part = is_end ? MDEVSIM_PART_END : MDEVSIM_PART_RECORD_HEADER;
	return 0;
}

static u64 reader_part_size(const struct mdevsim_state_reader *reader)
{
	switch (reader->part) {
	case MDEVSIM_PART_STREAM_HEADER:
		return sizeof(reader->header);
	case MDEVSIM_PART_EXTRA_HEADER:
		return reader->extra;
	case MDEVSIM_PART_RECORD_HEADER:
		return sizeof(reader->scratch.record_header);
	case MDEVSIM_PART_BODY:
		return reader->record.length;
	case MDEVSIM_PART_PADDING:
		return padding_of(reader->record.length);
	case MDEVSIM_PART_TRAILER:
		return sizeof(reader->scratch.trailer);
	case MDEVSIM_PART_END:
		break;
	}
	return U64_MAX;
}

/* The last byte of a part is there: check it, and go on to the next part. */
static int reader_part_done(struct mdevsim_state_reader *reader)
{
	reader->filled = 0;
	switch (reader->part) {
	case MDEVSIM_PART_STREAM_HEADER:
		reader->part = MDEVSIM_PART_EXTRA_HEADER;
		return check_stream_header(reader);
	case MDEVSIM_PART_EXTRA_HEADER:
		reader->part = MDEVSIM_PART_RECORD_HEADER;
		reader->start = reader->offset;
		reader->crc = CRC_INIT;
		return 0;
	case MDEVSIM_PART_RECORD_HEADER:
		reader->part = MDEVSIM_PART_BODY;
		return begin_record(reader);
	case MDEVSIM_PART_BODY:
		reader->part = MDEVSIM_PART_PADDING;
		return 0;
	case MDEVSIM_PART_PADDING:
		reader->part = MDEVSIM_PART_TRAILER;
		return check_padding(reader);
	case MDEVSIM_PART_TRAILER:
		return end_record(reader);
	case MDEVSIM_PART_END:
		break;
	}
	return 0;
}

/* Where a body's bytes go from @reader->filled on; sets the room there. */
static void *body_place(struct mdevsim_state_reader *reader)
{
	struct mdevsim_reason why = {};
	void *place;

	if (reader->skip) {
		reader->room = min_t(u64, reader->room, sizeof(reader->scratch));
		return reader->scratch.bytes;
	}
	place = reader->sink->body(reader->context, &reader->record, reader->filled,
				   &reader->room, &why);
	if (IS_ERR(place))
		reader->error = refuse_record(reader, PTR_ERR(place), "%s", why.text);
	return place;
}

static void *reader_place(struct mdevsim_state_reader *reader)
{
	reader->room = reader_part_size(reader) - reader->filled;
	switch (reader->part) {
	case MDEVSIM_PART_STREAM_HEADER:
		/* What is no stream at all is found out before more is asked for. */
		if (reader->filled < MDEVSIM_STREAM_MAGIC_LEN)
			reader->room = MDEVSIM_STREAM_MAGIC_LEN - reader->filled;
		return (u8 *)&reader->header + reader->filled;
	case MDEVSIM_PART_EXTRA_HEADER:
	case MDEVSIM_PART_END:
		reader->room = min_t(u64, reader->room, sizeof(reader->scratch));
		return reader->scratch.bytes;
	case MDEVSIM_PART_BODY:
		return body_place(reader);
	default:
		return reader->scratch.bytes + reader->filled;
	}
}

void *mdevsim_state_reader_want(struct mdevsim_state_reader *reader, u64 *length)
{
	if (reader->error)
		return ERR_PTR(reader->error);
	reader->place = reader_place(reader);
	*length = reader->room;
	return reader->place;
}

/* Account for bytes that arrived, before anything else is done with them. */
static void take_bytes(struct mdevsim_state_reader *reader, u64 length)
{
	bool is_body = reader->part == MDEVSIM_PART_BODY;

	if (is_body || reader->part == MDEVSIM_PART_RECORD_HEADER ||
	    reader->part == MDEVSIM_PART_PADDING)
		reader->crc = mdevsim_crc32c(reader->crc, reader->place, length);
	if (is_body && !reader->skip && reader->record.type == MDEVSIM_RECORD_END)
		memcpy((u8 *)&reader->end + reader->filled, reader->place, length);
	reader->filled += length;
	reader->offset += length;
}

int mdevsim_state_reader_have(struct mdevsim_state_reader *reader, u64 length)
{
	int ret = 0;

	if (reader->error || !length)
		return reader->error;
	if (reader->part == MDEVSIM_PART_END)
		return mdevsim_state_reader_fail(reader, -EPROTO, "bytes after the end record");
	take_bytes(reader, length);
	if (reader->part == MDEVSIM_PART_STREAM_HEADER &&
	    reader->filled == MDEVSIM_STREAM_MAGIC_LEN)
		ret = check_magic(reader);
	while (!ret && reader->filled == reader_part_size(reader))
		ret = reader_part_done(reader);
	reader->error = ret;
	return ret;
}

/* Say where: in which record, if it is not between two. */
static int refuse_cut(struct mdevsim_state_reader *reader)
{
	struct mdevsim_reason *why = &reader->why;

	if (reader->part < MDEVSIM_PART_RECORD_HEADER)
		return mdevsim_refuse(why, -ENODATA, "the stream ends at byte %llu, in its header",
				      reader->offset);
	if (reader->part > MDEVSIM_PART_RECORD_HEADER)
		return mdevsim_refuse(why, -ENODATA,
				      "the stream ends at byte %llu, in record %u (%s)",
				      reader->offset, reader->sequence,
				      mdevsim_state_stream_name(reader->record.type));
	if (reader->filled)
		return mdevsim_refuse(why, -ENODATA,
				      "the stream ends at byte %llu, in the header of record %u",
				      reader->offset, reader->sequence);
	return mdevsim_refuse(why, -ENODATA, "the stream ends at byte %llu, before the end record",
			      reader->offset);
}

int mdevsim_state_reader_finish(struct mdevsim_state_reader *reader)
{
	if (!reader->error && reader->part != MDEVSIM_PART_END)
		reader->error = refuse_cut(reader);
	return reader->error;
}

/* Writer */

void mdevsim_state_writer_init(struct mdevsim_state_writer *writer, u16 minor, const u8 *session)
{
	struct mdevsim_stream_header *header = &writer->scratch.stream_header;
	u32 crc;

	memset(writer, 0, sizeof(*writer));
	memcpy(header->magic, MDEVSIM_STREAM_MAGIC, MDEVSIM_STREAM_MAGIC_LEN);
	header->version_major = cpu_to_le16(MDEVSIM_STREAM_MAJOR);
	header->version_minor = cpu_to_le16(minor);
	header->header_size = cpu_to_le32(sizeof(*header));
	header->required = cpu_to_le64(MDEVSIM_STATE_REQUIRED);
	memcpy(header->session, session, sizeof(header->session));
	crc = mdevsim_crc32c(CRC_INIT, header, offsetof(struct mdevsim_stream_header, crc));
	header->crc = cpu_to_le32(~crc);
}

bool mdevsim_state_writer_idle(const struct mdevsim_state_writer *writer)
{
	return !writer->record.type && writer->part != MDEVSIM_PART_END;
}

static void write_record_header(struct mdevsim_state_writer *writer)
{
	const struct mdevsim_record *record = &writer->record;

	writer->crc = CRC_INIT;
	writer->scratch.record_header = (struct mdevsim_record_header) {
		.type		= cpu_to_le16(record->type),
		.flags		= cpu_to_le16(record->flags),
		.sequence	= cpu_to_le32(record->sequence),
		.version	= cpu_to_le16(record->version),
		.length		= cpu_to_le64(record->length),
	};
}

static u16 flags_of(u16 type)
{
	if (type == MDEVSIM_RECORD_SCHEMA || type == MDEVSIM_RECORD_SYNTHETIC)
		return MDEVSIM_RECORD_OPTIONAL;
	return 0;
}

void mdevsim_state_writer_begin(struct mdevsim_state_writer *writer, u16 type, u16 version,
				u64 length)
{
	writer->record = (struct mdevsim_record) {
		.type		= type,
		.flags		= flags_of(type),
		.version	= version,
		.sequence	= writer->sequence++,
		.length		= length,
	};
	if (writer->part == MDEVSIM_PART_RECORD_HEADER)
		write_record_header(writer);
}

static void write_trailer(struct mdevsim_state_writer *writer)
{
	writer->scratch.trailer = (struct mdevsim_record_trailer) {
		.crc = cpu_to_le32(~writer->crc),
	};
}

static u64 writer_part_size(const struct mdevsim_state_writer *writer)
{
	switch (writer->part) {
	case MDEVSIM_PART_STREAM_HEADER:
		return sizeof(writer->scratch.stream_header);
	case MDEVSIM_PART_RECORD_HEADER:
		return sizeof(writer->scratch.record_header);
	case MDEVSIM_PART_BODY:
		return writer->record.length;
	case MDEVSIM_PART_PADDING:
		return padding_of(writer->record.length);
	case MDEVSIM_PART_TRAILER:
		return sizeof(writer->scratch.trailer);
	default:
		return U64_MAX;
	}
}

/* What follows @part in a record */
static u64 parts_after(const struct mdevsim_state_writer *writer)
{
	u64 length = writer->record.length;

	switch (writer->part) {
	case MDEVSIM_PART_STREAM_HEADER:
		return writer->record.type ? mdevsim_state_stream_size(length) : 0;
	case MDEVSIM_PART_RECORD_HEADER:
		return mdevsim_state_stream_size(length) - sizeof(writer->scratch.record_header);
	case MDEVSIM_PART_BODY:
		return padding_of(length) + sizeof(writer->scratch.trailer);
	case MDEVSIM_PART_PADDING:
		return sizeof(writer->scratch.trailer);
	default:
		return 0;
	}
}

u64 mdevsim_state_writer_left(const struct mdevsim_state_writer *writer)
{
	if (!writer->record.type && writer->part != MDEVSIM_PART_STREAM_HEADER)
		return 0;
	return writer_part_size(writer) - writer->filled + parts_after(writer);
}

/* The last byte of a part went out: go on to the next, which may be empty. */
static void writer_part_done(struct mdevsim_state_writer *writer)
{
	bool is_end = writer->record.type == MDEVSIM_RECORD_END;

	writer->filled = 0;
	switch (writer->part) {
	case MDEVSIM_PART_STREAM_HEADER:
		writer->part = MDEVSIM_PART_RECORD_HEADER;
		write_record_header(writer);
		break;
	case MDEVSIM_PART_RECORD_HEADER:
		writer->part = MDEVSIM_PART_BODY;
		break;
	case MDEVSIM_PART_BODY:
		writer->part = MDEVSIM_PART_PADDING;
		memset(&writer->scratch, 0, sizeof(writer->scratch));
		break;
	case MDEVSIM_PART_PADDING:
		writer->part = MDEVSIM_PART_TRAILER;
		write_trailer(writer);
		break;
	case MDEVSIM_PART_TRAILER:
		writer->part = is_end ? MDEVSIM_PART_END : MDEVSIM_PART_RECORD_HEADER;
		writer->record.type = 0;
		break;
	default:
		break;
	}
}

const void *mdevsim_state_writer_framing(struct mdevsim_state_writer *writer, u64 *length)
{
	*length = 0;
	if (!writer->record.type && writer->part != MDEVSIM_PART_STREAM_HEADER)
		return NULL;
	*length = writer_part_size(writer) - writer->filled;
	if (writer->part == MDEVSIM_PART_BODY)
		return NULL;
	return writer->scratch.bytes + writer->filled;
}

static void writer_advance(struct mdevsim_state_writer *writer, u64 length)
{
	writer->filled += length;
	writer->offset += length;
	while (writer->filled == writer_part_size(writer))
		writer_part_done(writer);
}

void mdevsim_state_writer_gave(struct mdevsim_state_writer *writer, const void *data, u64 length)
{
	if (writer->part != MDEVSIM_PART_TRAILER)
		writer->crc = mdevsim_crc32c(writer->crc, data, length);
	writer_advance(writer, length);
}

/*
 * A checksum is linear: what it becomes when 4096 bytes are added is what it
 * becomes when 4096 zeroes are added, exclusive or the checksum of the bytes alone.
 * Here is what becomes of each of its bits.
 */
static const u32 after_page[32] = {
	0xc2a5b65e, 0x80a71a4d, 0x04a2426b, 0x094484d6, 0x128909ac, 0x25121358,
	0x4a2426b0, 0x94484d60, 0x2d7cec31, 0x5af9d862, 0xb5f3b0c4, 0x6e0b1779,
	0xdc162ef2, 0xbdc02b15, 0x7e6c20db, 0xfcd841b6, 0xfc5cf59d, 0xfd559dcb,
	0xff474d67, 0xfb62ec3f, 0xf329ae8f, 0xe3bf2bef, 0xc292212f, 0x80c834af,
	0x047c1faf, 0x08f83f5e, 0x11f07ebc, 0x23e0fd78, 0x47c1faf0, 0x8f83f5e0,
	0x1aeb9d31, 0x35d73a62,
};

static_assert(MDEVSIM_EXTENT_ALIGN == 4096);

static u32 crc_add_page(u32 crc, u32 page_crc)
{
	unsigned int bit;

	for (bit = 0; crc; bit++, crc >>= 1)
		if (crc & 1)
			page_crc ^= after_page[bit];
	return page_crc;
}

void mdevsim_state_writer_gave_page(struct mdevsim_state_writer *writer, u32 crc)
{
	writer->crc = crc_add_page(writer->crc, crc);
	writer_advance(writer, MDEVSIM_EXTENT_ALIGN);
}
