// SPDX-License-Identifier: GPL-2.0
/*
 * dump: a saved device state of mdevsim, byte by byte. What the bytes mean is
 * said by the schema in the stream; where this program's own knowledge adds a
 * word, a comment says so.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include "command.h"
#include "decode.h"
#include "out.h"
#include "qemu_file.h"
#include "stream.h"
#include "units.h"

/**
 * struct dump - a stream that is being taken apart
 * @stream: stream
 * @decode: how to print
 * @explained: bytes with a meaning, so far
 * @data_bytes: of namespace contents
 * @problems: things that are wrong
 * @error: errno of the first of them
 * @first: its sentence
 */
struct dump {
	struct stream stream;
	struct decode decode;
	u64 explained;
	u64 data_bytes;
	unsigned int problems;
	int error;
	struct mdevsim_reason first;
};

static void print_problem(struct dump *dump, int error, const struct mdevsim_reason *why)
{
	out_string(NULL, why->text, "  %sBROKEN%s: %s\n", out_paint(PAINT_BAD),
		   out_paint(PAINT_PLAIN), why->text);
	if (dump->problems++)
		return;
	dump->error = -error;
	dump->first = *why;
}

/* Of the stream header when @record is NULL */
static void print_problems(struct dump *dump, const struct stream_problems *problems,
			   const struct stream_record *record)
{
	struct mdevsim_reason why;
	unsigned int i;

	if (!problems->nr)
		return;
	out_array("problems");
	for (i = 0; i < problems->nr; i++) {
		why = problems->problem[i].why;
		if (record)
			why = stream_why(&dump->stream, record, &problems->problem[i]);
		print_problem(dump, problems->problem[i].error, &why);
	}
	out_close();
}

/*
 * A piece of framing: it is explained when the schema has a table of its size. Only
 * the stream header may be longer.
 */
static u64 explain_framing(const struct decode *decode, const struct mdevsim_state_table *table,
			   const u8 *bytes, u64 size, bool longer)
{
	struct decode rest = *decode;

	if (!table || table->size > size || (table->size < size && !longer)) {
		decode_bytes(decode, "undescribed", bytes, size);
		return 0;
	}
	decode_table(decode, table, bytes, table->size);
	rest.offset += table->size;
	decode_bytes(&rest, "undescribed", bytes + table->size, size - table->size);
	return table->size;
}

static void print_device(const struct stream *stream)
{
	const char *name;

	if (!stream->qemu)
		return;
	name = qemu_file_selected(stream->qemu)->name;
	out_string("device", name, out_settings.verbose ? "%s, in %s\n" : "", name,
		   stream->file.name);
}

static void print_stream_header(struct dump *dump)
{
	const struct stream *stream = &dump->stream;

	print_device(stream);
	out_text("%s@%08x  stream-header, %u bytes%s\n", out_paint(PAINT_NAME), 0,
		 stream->header_size, out_paint(PAINT_PLAIN));
	out_object("stream");
	dump->explained += explain_framing(&dump->decode,
					   schema_framing(&stream->schema, "stream-header"),
					   stream->header.bytes, stream->header_size, true);
	out_close();
	out_string("described_by", stream->own_schema ? "stream" : "vfiomig", "");
	print_problems(dump, &stream->problems, NULL);
	out_array("records");
}

/* Text has it in the record's first line, and field by field only beside the bytes. */
static u64 print_framing(struct dump *dump, const char *name, const void *bytes, u64 size,
			 u64 offset)
{
	const struct mdevsim_state_table *table = schema_framing(&dump->stream.schema, name);
	struct decode decode = dump->decode;
	u64 explained;

	decode.offset = offset;
	if (!decode.hex && !out_is_json())
		return table && table->size == size ? size : 0;
	out_object(strchr(name, '-') + 1);
	explained = explain_framing(&decode, table, bytes, size, false);
	out_close();
	return explained;
}

static void print_padding(struct dump *dump, const struct stream_record *record)
{
	struct decode decode = dump->decode;

	decode.offset = record->offset + sizeof(record->header) + record->head.length;
	decode_bytes(&decode, "padding", record->padding, record->nr_padding);
}

static void print_heading(const struct dump *dump, const struct stream_record *record)
{
	const char *name = stream_record_name(&dump->stream, record);
	const struct mdevsim_record *head = &record->head;

	out_string("record", name, "%s@%08llx  record %u: %s", out_paint(PAINT_NAME),
		   record->offset, record->nr, name);
	out_uint("type", head->type, "");
	out_uint("version", head->version, ", version %u", head->version);
	out_uint("sequence", head->sequence, "");
	out_uint("instance", head->instance, "");
	out_uint("offset", record->offset, "");
	out_uint("length", head->length, ", %llu bytes%s", head->length, out_paint(PAINT_PLAIN));
	out_bool("optional", head->flags & MDEVSIM_RECORD_OPTIONAL, "%s",
		 head->flags & MDEVSIM_RECORD_OPTIONAL ? ", optional" : "");
	out_uint("crc", le32_to_cpu(record->trailer.crc), "");
}

/* Own knowledge: there may be thousands of extents, which get a line each. */
static bool is_extent(const struct stream_record *record)
{
	return record->head.type == MDEVSIM_RECORD_NS_DATA ||
	       record->head.type == MDEVSIM_RECORD_NS_ZERO ||
	       record->head.type == MDEVSIM_RECORD_SYNTHETIC;
}

/* Own knowledge: this is the schema, which says more than anybody wants to read. */
static bool is_schema(const struct stream_record *record)
{
	return record->head.type == MDEVSIM_RECORD_SCHEMA;
}

static bool is_summarised(const struct dump *dump, const struct stream_record *record)
{
	return is_schema(record) && dump->stream.own_schema && !dump->decode.hex &&
	       !out_settings.verbose && !out_is_json();
}

static bool is_compact(const struct dump *dump, const struct stream_record *record)
{
	return is_summarised(dump, record) ||
	       (is_extent(record) && !dump->decode.data && !dump->decode.hex);
}

static void print_schema(const struct schema *schema)
{
	out_text(" %u tables, %u fields, %s of names and meanings", schema->nr_tables,
		 schema->nr_fields, units_size(schema->text_length));
}

static struct decode decode_of(const struct dump *dump, const struct stream_record *record)
{
	struct decode decode = dump->decode;

	decode.offset = record->offset + sizeof(record->header);
	decode.compact = is_compact(dump, record);
	if (is_schema(record)) {
		decode.data = true;
		decode.text = dump->stream.own_schema ? dump->stream.schema.text : NULL;
		decode.text_length = dump->stream.schema.text_length;
	}
	return decode;
}

/* What stands behind all that is described. */
static void print_rest(const struct decode *decode, const struct stream_record *record, u64 from)
{
	struct decode rest = *decode;

	rest.offset += from;
	decode_bytes(&rest, "undescribed", record->body + from, record->held - from);
}

/* Bytes of the body that have a meaning. */
static u64 print_body(struct dump *dump, struct stream_record *record)
{
	const struct mdevsim_state_table *table = stream_table(&dump->stream, record);
	struct decode decode = decode_of(dump, record);
	u64 explained;

	if (!table || record->held < table->size) {
		decode_bytes(&decode, "undescribed", record->body, record->held);
		if (table)
			stream_problem(&record->problems, -EMSGSIZE,
				       "%llu bytes, fewer than the %u it has at least",
				       record->head.length, table->size);
		return 0;
	}
	if (is_summarised(dump, record)) {
		print_schema(&dump->stream.schema);
		explained = schema_explained(table, record->body, record->held);
	} else {
		out_object("fields");
		explained = decode_table(&decode, table, record->body, record->held);
		out_close();
	}
	if (explained > record->held)
		stream_problem(&record->problems, -EINVAL, "counts more elements than it holds");
	else
		print_rest(&decode, record, explained);
	return explained > record->held ? record->held : explained;
}

/* Own knowledge: what an extent is. */
static u64 data_length(const struct stream_record *record)
{
	const u64 head = sizeof(struct mdevsim_state_ns_extent);

	if (record->head.type != MDEVSIM_RECORD_NS_DATA || record->head.version != 1)
		return 0;
	return record->head.length > head ? record->head.length - head : 0;
}

static void print_record(struct dump *dump, struct stream_record *record)
{
	u64 size = mdevsim_state_stream_size(record->head.length), explained;
	bool compact = is_compact(dump, record);

	out_object(NULL);
	print_heading(dump, record);
	out_text(compact ? ":" : "\n");
	explained = print_framing(dump, "record-header", &record->header, sizeof(record->header),
				  record->offset);
	explained += print_body(dump, record);
	out_text(compact ? "\n" : "");
	print_padding(dump, record);
	explained += record->nr_padding;
	explained += print_framing(dump, "record-trailer", &record->trailer,
				   sizeof(record->trailer),
				   record->offset + size - sizeof(record->trailer));
	print_problems(dump, &record->problems, record);
	out_uint("unexplained", size - explained, "");
	out_close();
	dump->explained += explained;
	dump->data_bytes += data_length(record);
}

static void print_summary(const struct dump *dump)
{
	u64 bytes = dump->stream.offset, unexplained = bytes - dump->explained;

	out_object("summary");
	out_uint("records", dump->stream.records, "%u records, ", dump->stream.records);
	out_uint("namespace_bytes", dump->data_bytes, "%s of namespace data\n",
		 units_size(dump->data_bytes));
	out_uint("bytes", bytes, "%llu bytes, ", bytes);
	out_uint("explained", dump->explained, "");
	out_uint("unexplained", unexplained, "%s%llu unexplained%s\n",
		 out_paint(unexplained ? PAINT_BAD : PAINT_GOOD), unexplained,
		 out_paint(PAINT_PLAIN));
	out_close();
}

static int fail_problems(const struct dump *dump)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = dump->error,
			.where = dump->stream.file.name,
			.reason = dump->first.text,
			.hint = "vfiomig verify, which says what a device would say",
		    }, "the stream is broken in %u place%s", dump->problems,
		    dump->problems == 1 ? "" : "s");
}

static int dump_stream(struct dump *dump)
{
	struct stream_record *record;

	if (!stream_begin(&dump->stream))
		return stream_fail(&dump->stream);
	print_stream_header(dump);
	while ((record = stream_next(&dump->stream)))
		print_record(dump, record);
	out_close();
	print_summary(dump);
	if (dump->problems)
		fail_problems(dump);
	if (dump->stream.error)
		return stream_fail(&dump->stream);
	return dump->problems ? STATUS_FAILED : STATUS_DONE;
}

int cmd_dump(const struct arguments *arguments)
{
	struct dump dump = {
		.decode.hex = argument_given(arguments, OPTION_HEX),
		.decode.data = argument_given(arguments, OPTION_DATA),
	};
	int status;

	status = stream_open(&dump.stream, arguments->word[0], arguments->value[OPTION_DEVICE]);
	if (!status)
		status = dump_stream(&dump);
	stream_close(&dump.stream);
	return status;
}
