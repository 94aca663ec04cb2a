// SPDX-License-Identifier: GPL-2.0
/*
 * The stream's reader: pieces make no difference; what is refused has a reason
 * and a documented errno; what is accepted can be written again and read as
 * the same records.
 *
 * Input: one byte of flags, one that says how long pieces are, the stream.
 */
#include <string.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include "../../driver/state_stream.h"
#include "fuzz.h"

#define FLAG_SEAL	1
#define MOST		65536
#define MOST_RECORDS	(MOST / 32 + 1)

/**
 * struct seen - what a sink was handed
 * @record: headers
 * @nr_records: number of them
 * @minor: version of the stream
 * @bytes: bodies, one after another
 * @length: bytes in them
 * @room: bytes taken in one piece, at most
 */
struct seen {
	struct mdevsim_record record[MOST_RECORDS];
	unsigned int nr_records;
	u16 minor;
	u8 bytes[MOST];
	size_t length;
	size_t room;
};

static int seen_begin(void *context, const struct mdevsim_record *record,
		      struct mdevsim_reason *why)
{
	struct seen *seen = context;

	if (record->length > sizeof(seen->bytes) - seen->length)
		return mdevsim_refuse(why, -EMSGSIZE, "longer than any input");
	seen->record[seen->nr_records++] = *record;
	return 0;
}

static void *seen_body(void *context, const struct mdevsim_record *record, u64 offset,
		       u64 *length, struct mdevsim_reason *why)
{
	struct seen *seen = context;

	MUST(offset + *length == record->length);
	*length = min(*length, (u64)seen->room);
	return seen->bytes + seen->length + offset;
}

static int seen_end(void *context, const struct mdevsim_record *record,
		    struct mdevsim_reason *why)
{
	struct seen *seen = context;

	seen->length += record->length;
	return 0;
}

static const struct mdevsim_state_sink sink = {
	.begin	= seen_begin,
	.body	= seen_body,
	.end	= seen_end,
};

static int read_stream(struct seen *seen, struct mdevsim_reason *why, const u8 *bytes,
		       size_t length, size_t piece)
{
	struct mdevsim_state_reader reader;
	u64 room;
	u8 *to;
	int ret;

	seen->nr_records = 0;
	seen->length = 0;
	seen->room = piece;
	mdevsim_state_reader_init(&reader, &sink, seen);
	while (length) {
		to = mdevsim_state_reader_want(&reader, &room);
		if (IS_ERR(to))
			break;
		MUST(room);
		room = min3(room, (u64)length, (u64)piece);
		memcpy(to, bytes, room);
		bytes += room;
		length -= room;
		if (mdevsim_state_reader_have(&reader, room))
			break;
	}
	ret = mdevsim_state_reader_finish(&reader);
	MUST(!ret || fuzz_is_documented(ret));
	MUST(!ret == !reader.why.text[0]);
	*why = reader.why;
	seen->minor = le16_to_cpu(reader.header.version_minor);
	return ret;
}

/* Give out @length bytes at @from. */
static void give(struct mdevsim_state_writer *writer, u8 *out, const void *from, u64 length)
{
	memcpy(out + writer->offset, from, length);
	mdevsim_state_writer_gave(writer, from, length);
}

/* A schema of a version that nobody knows was skipped: without it the stream is of the oldest. */
static u16 minor_of(const struct seen *seen)
{
	return seen->record[1].type == MDEVSIM_RECORD_SCHEMA ? seen->minor : 0;
}

/* Write the same records; END says how many there are now, where others were skipped. */
static size_t write_stream(const struct seen *seen, u8 *out)
{
	const struct mdevsim_record *record = seen->record;
	struct mdevsim_state_writer writer;
	struct mdevsim_state_end end;
	const void *body = seen->bytes, *framing;
	u64 length;

	mdevsim_state_writer_init(&writer, minor_of(seen), (const u8 *)"0123456789abcdef");
	for (; writer.part != MDEVSIM_PART_END; body += record++->length) {
		end.records = cpu_to_le64(writer.sequence);
		end.bytes = cpu_to_le64(writer.offset);
		if (record->type == MDEVSIM_RECORD_END)
			body = &end;
		mdevsim_state_writer_begin(&writer, record->type, record->version,
					   record->length);
		while (!mdevsim_state_writer_idle(&writer) && writer.part != MDEVSIM_PART_END) {
			framing = mdevsim_state_writer_framing(&writer, &length);
			give(&writer, out, framing ?: body, length);
		}
	}
	MUST(record == seen->record + seen->nr_records);
	return writer.offset;
}

static bool same(const struct seen *a, const struct seen *b, size_t length)
{
	unsigned int i;

	if (a->nr_records != b->nr_records || a->length != b->length)
		return false;
	for (i = 0; i < a->nr_records; i++)
		if (a->record[i].type != b->record[i].type ||
		    a->record[i].length != b->record[i].length)
			return false;
	return !memcmp(a->bytes, b->bytes, length);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t length)
{
	static struct seen whole, pieces;
	static u8 bytes[MOST], again[2 * MOST];
	struct mdevsim_reason why, other_why;
	size_t piece, end_length = sizeof(struct mdevsim_state_end);
	u8 flags;
	int ret;

	if (length < 2 || length > sizeof(bytes))
		return 0;
	flags = data[0];
	piece = 1 + data[1];
	length -= 2;
	memcpy(bytes, data + 2, length);
	if (flags & FLAG_SEAL)
		fuzz_seal(bytes, length);

	ret = read_stream(&whole, &why, bytes, length, MOST);
	MUST(read_stream(&pieces, &other_why, bytes, length, piece) == ret);
	MUST(!strcmp(why.text, other_why.text));
	if (ret)
		return 0;
	MUST(same(&whole, &pieces, whole.length));
	length = write_stream(&whole, again);
	MUST(read_stream(&pieces, &other_why, again, length, piece) == 0);
	MUST(same(&whole, &pieces, whole.length - end_length));
	return 0;
}
