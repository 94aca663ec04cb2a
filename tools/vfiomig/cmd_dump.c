// SPDX-License-Identifier: GPL-2.0
/*
 * dump: a saved device state of mdevsim, byte by byte. Framing is checked by
 * the driver's own reader, meaning comes from the driver's own tables.
 */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../driver/state_stream.h"
#include "command.h"
#include "decode.h"
#include "file.h"
#include "out.h"
#include "units.h"

#define MAX_BODY	(sizeof(struct mdevsim_state_ns_extent) + MDEVSIM_MAX_EXTENT)

/**
 * struct dump - a stream that is being taken apart
 * @file: where it comes from
 * @reader: checks it
 * @decode: how to print
 * @body: of the record under way, MAX_BODY bytes
 * @header: of the record under way
 * @trailer: of the record under way
 * @padding: of the record under way
 * @explained: bytes with a meaning, so far
 * @data_bytes: of namespace contents
 * @bad_counts: records that count more elements than they hold
 * @miscounted: the first of them
 */
struct dump {
	struct file file;
	struct mdevsim_state_reader reader;
	struct decode decode;
	u8 *body;
	u8 header[sizeof(struct mdevsim_record_header)];
	u8 trailer[sizeof(struct mdevsim_record_trailer)];
	u8 padding[MDEVSIM_RECORD_ALIGN];
	u64 explained;
	u64 data_bytes;
	unsigned int bad_counts;
	struct mdevsim_record miscounted;
};

static const struct mdevsim_state_table *table_of(const struct mdevsim_record *record)
{
	return mdevsim_state_schema_find(record->type, record->version);
}

/* Only what could not be held or decoded is refused; the rest is for people to see. */
static int begin(void *context, const struct mdevsim_record *record, struct mdevsim_reason *why)
{
	const struct mdevsim_state_table *table = table_of(record);

	(void)context;
	if (record->length > MAX_BODY)
		return mdevsim_refuse(why, -EMSGSIZE, "%llu bytes are more than any record has",
				      record->length);
	if (table && record->length < table->size)
		return mdevsim_refuse(why, -EMSGSIZE, "%llu bytes are less than a %s record has",
				      record->length, table->name);
	return 0;
}

static void *body(void *context, const struct mdevsim_record *record, u64 offset, u64 *length,
		  struct mdevsim_reason *why)
{
	struct dump *dump = context;

	(void)record;
	(void)length;
	(void)why;
	return dump->body + offset;
}

static int end(void *context, const struct mdevsim_record *record, struct mdevsim_reason *why)
{
	(void)context;
	(void)record;
	(void)why;
	return 0;
}

static const struct mdevsim_state_sink sink = {
	.begin = begin,
	.body = body,
	.end = end,
};

static void print_stream_header(struct dump *dump)
{
	const struct mdevsim_state_table *table = &mdevsim_state_schema_stream_header;

	out_object("stream");
	out_text("%s@%08x  %s, %u bytes%s\n", out_paint(PAINT_NAME), 0, table->name, table->size,
		 out_paint(PAINT_PLAIN));
	dump->decode.offset = 0;
	dump->explained += decode_table(&dump->decode, table, (u8 *)&dump->reader.header,
					sizeof(dump->reader.header));
	out_close();
	out_array("records");
}

/* In JSON and in the record's first line; field by field only beside the bytes. */
static void print_framing(struct dump *dump, const struct mdevsim_state_table *table,
			  const u8 *bytes, u64 offset)
{
	struct decode decode = dump->decode;

	if (!decode.hex || out_is_json())
		return;
	decode.offset = offset;
	decode_table(&decode, table, bytes, table->size);
}

static void print_padding(struct dump *dump, u64 offset, u64 length)
{
	struct decode decode = dump->decode;

	decode.offset = offset;
	decode_bytes(&decode, "padding", dump->padding, length);
}

static void print_heading(const struct mdevsim_record *record, u64 offset)
{
	const char *name = mdevsim_state_stream_name(record->type);

	out_string("record", name, "%s@%08llx  record %u: %s", out_paint(PAINT_NAME),
		   (unsigned long long)offset, record->sequence, name);
	out_uint("type", record->type, "");
	out_uint("version", record->version, ", version %u", record->version);
	out_uint("sequence", record->sequence, "");
	out_uint("offset", offset, "");
	out_uint("length", record->length, ", %llu bytes%s", record->length,
		 out_paint(PAINT_PLAIN));
	out_bool("optional", record->flags & MDEVSIM_RECORD_OPTIONAL, "%s",
		 record->flags & MDEVSIM_RECORD_OPTIONAL ? ", optional" : "");
}

/* There may be thousands of extents: a line for each. */
static bool is_compact(const struct dump *dump, const struct mdevsim_record *record)
{
	return !dump->decode.data && !dump->decode.hex &&
	       (record->type == MDEVSIM_RECORD_NS_DATA || record->type == MDEVSIM_RECORD_NS_ZERO);
}

/* Bytes of the body that have a meaning. */
static u64 print_body(struct dump *dump, const struct mdevsim_record *record, u64 offset)
{
	const struct mdevsim_state_table *table = table_of(record);
	struct decode decode = dump->decode;
	u64 explained;

	decode.offset = offset;
	decode.compact = is_compact(dump, record);
	if (!table) {
		decode_bytes(&decode, "unknown", dump->body, record->length);
		return 0;
	}
	out_object("fields");
	explained = decode_table(&decode, table, dump->body, record->length);
	out_close();
	if (explained <= record->length)
		return explained;
	if (!dump->bad_counts++)
		dump->miscounted = *record;
	return record->length;
}

static void print_record(struct dump *dump, u64 offset)
{
	const struct mdevsim_record *record = &dump->reader.record;
	u64 body_at = offset + sizeof(dump->header);
	u64 size = mdevsim_state_stream_size(record->length);
	u64 padding = size - sizeof(dump->header) - record->length - sizeof(dump->trailer);
	bool compact = is_compact(dump, record);
	u64 explained;

	out_object(NULL);
	print_heading(record, offset);
	out_text(compact ? ":" : "\n");
	print_framing(dump, &mdevsim_state_schema_record_header, dump->header, offset);
	explained = print_body(dump, record, body_at);
	out_text(compact ? "\n" : "");
	print_padding(dump, body_at + record->length, padding);
	print_framing(dump, &mdevsim_state_schema_record_trailer, dump->trailer,
		      offset + size - sizeof(dump->trailer));
	out_uint("unexplained", record->length - explained, "");
	out_close();
	dump->explained += size - record->length + explained;
	if (record->type == MDEVSIM_RECORD_NS_DATA)
		dump->data_bytes += record->length - sizeof(struct mdevsim_state_ns_extent);
}

/* Keep framing until the record is printed; the reader's scratch space is used again. */
static void keep(struct dump *dump, enum mdevsim_state_part part, u64 filled, const void *bytes,
		 u64 length)
{
	switch (part) {
	case MDEVSIM_PART_RECORD_HEADER:
		memcpy(dump->header + filled, bytes, length);
		break;
	case MDEVSIM_PART_BODY:
		if (dump->reader.skip && filled + length <= MAX_BODY)
			memcpy(dump->body + filled, bytes, length);
		break;
	case MDEVSIM_PART_PADDING:
		memcpy(dump->padding + filled, bytes, length);
		break;
	case MDEVSIM_PART_TRAILER:
		memcpy(dump->trailer + filled, bytes, length);
		break;
	default:
		break;
	}
}

/* The stream header, or a record, has just become complete. */
static void print_complete(struct dump *dump, enum mdevsim_state_part part, u64 start)
{
	if (part == MDEVSIM_PART_STREAM_HEADER && dump->reader.part != part)
		print_stream_header(dump);
	if (part == MDEVSIM_PART_TRAILER && dump->reader.part != part)
		print_record(dump, start);
}

/* One piece of the stream, of the size that the reader asks for. Negative at its end. */
static int dump_piece(struct dump *dump)
{
	struct mdevsim_state_reader *reader = &dump->reader;
	enum mdevsim_state_part part = reader->part;
	u64 filled = reader->filled, start = reader->start, length;
	ssize_t got;
	void *place;
	int ret;

	place = mdevsim_state_reader_want(reader, &length);
	if (IS_ERR(place))
		return PTR_ERR(place);
	got = file_read(&dump->file, place, length < MAX_BODY ? length : MAX_BODY);
	if (got < 0)
		return mdevsim_state_reader_fail(reader, -errno, "the file cannot be read");
	if (!got)
		return mdevsim_state_reader_finish(reader) ?: 1;
	keep(dump, part, filled, place, got);
	ret = mdevsim_state_reader_have(reader, got);
	if (!ret)
		print_complete(dump, part, start);
	return ret;
}

static void print_summary(const struct dump *dump)
{
	u64 bytes = dump->reader.offset, unexplained = bytes - dump->explained;

	out_object("summary");
	out_uint("records", dump->reader.sequence, "%u records, ", dump->reader.sequence);
	out_uint("namespace_bytes", dump->data_bytes, "%s of namespace data\n",
		 units_size(dump->data_bytes));
	out_uint("bytes", bytes, "%llu bytes, ", bytes);
	out_uint("explained", dump->explained, "%llu explained, ", dump->explained);
	out_uint("unexplained", unexplained, "%s%llu unexplained%s\n",
		 out_paint(unexplained ? PAINT_BAD : PAINT_GOOD), unexplained,
		 out_paint(PAINT_PLAIN));
	out_close();
}

/* A foreign file is another matter than a broken stream. */
static int fail_stream(const struct dump *dump)
{
	const struct mdevsim_state_reader *reader = &dump->reader;
	int error = -reader->error;
	bool foreign = error == EILSEQ || error == EOPNOTSUPP;

	out_object("broken");
	out_uint("offset", reader->offset, "");
	if (reader->part > MDEVSIM_PART_EXTRA_HEADER) {
		out_uint("sequence", reader->sequence, "");
		out_uint("record_offset", reader->start, "");
	}
	if (reader->part > MDEVSIM_PART_RECORD_HEADER)
		out_string("record", mdevsim_state_stream_name(reader->record.type), "");
	out_close();
	return fail(&(struct fault){
			.status = foreign ? STATUS_DIFFERS : STATUS_FAILED,
			.error = error,
			.where = dump->file.name,
			.reason = reader->why.text,
			.hint = error == EILSEQ ?
				"name a file written by vfiomig save from a device of mdevsim" :
				error == ENODATA ? "save it again, the file is incomplete" : NULL,
		    }, "the stream is broken at byte %llu", reader->offset);
}

static int finish(struct dump *dump)
{
	if (dump->reader.part > MDEVSIM_PART_STREAM_HEADER)
		out_close();
	if (dump->reader.error)
		return fail_stream(dump);
	print_summary(dump);
	if (!dump->bad_counts)
		return STATUS_DONE;
	return fail(&(struct fault){ .status = STATUS_FAILED, .where = dump->file.name },
		    "record %u (%s) and %u others count more elements than they hold",
		    dump->miscounted.sequence, mdevsim_state_stream_name(dump->miscounted.type),
		    dump->bad_counts - 1);
}

int cmd_dump(const struct arguments *arguments)
{
	struct dump dump = {
		.decode.hex = argument_given(arguments, OPTION_HEX),
		.decode.data = argument_given(arguments, OPTION_DATA),
	};
	int status;

	status = file_open_input(&dump.file, arguments->word[0]);
	if (status)
		return status;
	dump.body = calloc(1, MAX_BODY);
	if (!dump.body)
		abort();
	mdevsim_state_reader_init(&dump.reader, &sink, &dump);
	while (!dump_piece(&dump))
		;
	status = finish(&dump);
	free(dump.body);
	file_close(&dump.file);
	return status;
}
