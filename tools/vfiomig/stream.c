// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/string.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../driver/compat/crc32c.h"
#include "out.h"
#include "qemu_file.h"
#include "stream.h"

#define CRC_INIT	(~0U)
#define PIECE		65536U	/* bytes read at a time of a body, whatever length it claims */
#define MOST_LOST	2	/* records in a row that make no sense: framing is lost */

void stream_problem(struct stream_problems *problems, int error, const char *fmt, ...)
{
	struct stream_problem *problem = &problems->problem[problems->nr];
	va_list args;

	if (problems->nr == STREAM_PROBLEMS)
		return;
	problems->nr++;
	problem->error = error;
	va_start(args, fmt);
	vsnprintf(problem->why.text, sizeof(problem->why.text), fmt, args);
	va_end(args);
}

/* ---- Input ------------------------------------------------------------- */

static int open_qemu(struct stream *stream, const char *device)
{
	stream->qemu = qemu_file_open(&stream->file, stream->first, stream->nr_first);
	stream->nr_first = 0;
	return qemu_file_select(stream->qemu, device);
}

int stream_open_one(struct stream *stream, const char *name, const char *device)
{
	ssize_t got;
	int status;

	*stream = (struct stream){ .file = FILE_CLOSED };
	status = file_open_input(&stream->file, name);
	if (status)
		return status;
	got = file_read(&stream->file, stream->first, QEMU_FILE_MAGIC_SIZE);
	if (got < 0)
		return file_fail(&stream->file, "cannot read it");
	stream->nr_first = got;
	if (got == QEMU_FILE_MAGIC_SIZE && !memcmp(stream->first, QEMU_FILE_MAGIC, got))
		return open_qemu(stream, device);
	return STATUS_DONE;
}

int stream_fail_device(void)
{
	return fail_usage("--device chooses from a migration file of QEMU, which this is not");
}

int stream_open(struct stream *stream, const char *name, const char *device)
{
	int status = stream_open_one(stream, name, device);

	return status || !device || stream->qemu ? status : stream_fail_device();
}

void stream_close(struct stream *stream)
{
	qemu_file_close(stream->qemu);
	file_close(&stream->file);
	schema_free(&stream->schema);
	free(stream->ahead[0].body);
	free(stream->ahead[1].body);
}

static ssize_t input_read(struct stream *stream, u8 *data, size_t size)
{
	size_t first = size < stream->nr_first ? size : stream->nr_first;
	ssize_t got;

	if (stream->qemu)
		return qemu_file_read(stream->qemu, data, size);
	memcpy(data, stream->first + stream->at_first, first);
	stream->at_first += first;
	stream->nr_first -= first;
	got = file_read(&stream->file, data + first, size - first);
	return got < 0 ? got : (ssize_t)(first + got);
}

/* Up to @size bytes; fewer at the end, or when the input fails. */
static size_t take(struct stream *stream, void *data, size_t size)
{
	ssize_t got;

	if (stream->unread)
		return 0;
	got = input_read(stream, data, size);
	if (got < 0) {
		stream->unread = true;
		stream->error = errno ? -errno : -EIO;
		return 0;
	}
	stream->offset += got;
	if (stream->tap)
		stream->tap(stream->tap_context, data, got);
	return got;
}

/* The walk cannot go on. The first reason stays. */
static __printf(3, 4)
bool stop(struct stream *stream, int error, const char *fmt, ...)
{
	va_list args;

	if (stream->error)
		return false;
	stream->error = error;
	va_start(args, fmt);
	vsnprintf(stream->why.text, sizeof(stream->why.text), fmt, args);
	va_end(args);
	return false;
}

/* ---- Stream header ----------------------------------------------------- */

/* Without these nothing can be said of what follows. Bytes of header to come, or negative. */
static int header_extra(struct stream *stream)
{
	const struct mdevsim_stream_header *header = &stream->header.known;

	if (le16_to_cpu(header->version_major) != MDEVSIM_STREAM_MAJOR) {
		mdevsim_state_stream_version(header, &mdevsim_state_stream_known, &stream->why);
		return -EOPNOTSUPP;
	}
	return mdevsim_state_stream_extra(header, &stream->why);
}

static void check_header(struct stream *stream)
{
	const struct mdevsim_stream_header *header = &stream->header.known;
	u32 crc = ~mdevsim_crc32c(CRC_INIT, header, offsetof(struct mdevsim_stream_header, crc));

	if (crc != le32_to_cpu(header->crc))
		stream_problem(&stream->problems, -EBADMSG,
			       "stream header: checksum %08x where %08x was computed",
			       le32_to_cpu(header->crc), crc);
	if (memchr_inv(header->reserved, 0, sizeof(header->reserved)))
		stream_problem(&stream->problems, -EPROTO,
			       "stream header: a reserved byte is not zero");
}

static bool read_header(struct stream *stream)
{
	struct mdevsim_stream_header *header = &stream->header.known;
	size_t got = take(stream, header, sizeof(*header));
	int extra;

	stream->header_size = got;
	if (memcmp(header->magic, MDEVSIM_STREAM_MAGIC,
		   got < MDEVSIM_STREAM_MAGIC_LEN ? got : MDEVSIM_STREAM_MAGIC_LEN))
		return stop(stream, -EILSEQ, "not a device-state stream: the magic is missing");
	if (got < sizeof(*header))
		return stop(stream, -ENODATA, "the stream ends at byte %zu, in its header", got);
	extra = header_extra(stream);
	if (extra < 0) {
		stream->error = extra;
		return false;
	}
	check_header(stream);
	got = take(stream, header + 1, extra);
	stream->header_size += got;
	if (got < (size_t)extra)
		return stop(stream, -ENODATA, "the stream ends at byte %llu, in its header",
			    stream->offset);
	return true;
}

/* ---- Records ----------------------------------------------------------- */

static void record_init(struct stream *stream, struct stream_record *record)
{
	u8 *body = record->body;
	u64 room = record->room;

	*record = (struct stream_record){
		.offset = stream->offset,
		.nr = stream->records,
		.body = body,
		.room = room,
		.crc = CRC_INIT,
	};
}

static void decode_head(struct stream_record *record)
{
	const struct mdevsim_record_header *header = &record->header;

	record->head = (struct mdevsim_record){
		.type = le16_to_cpu(header->type),
		.flags = le16_to_cpu(header->flags),
		.version = le16_to_cpu(header->version),
		.sequence = le32_to_cpu(header->sequence),
		.instance = le32_to_cpu(header->instance),
		.length = le64_to_cpu(header->length),
	};
	record->nr_padding = -record->head.length % MDEVSIM_RECORD_ALIGN;
}

static void check_head(struct stream *stream, struct stream_record *record)
{
	if (record->head.sequence != stream->sequence)
		stream_problem(&record->problems, -EPROTO,
			       "carries sequence number %u where %u is due",
			       record->head.sequence, stream->sequence);
	if (record->head.flags & ~MDEVSIM_RECORD_OPTIONAL)
		stream_problem(&record->problems, -EPROTO, "unknown flags %#x",
			       record->head.flags);
	if (record->header.reserved)
		stream_problem(&record->problems, -EPROTO, "a reserved field is not zero");
}

/* Room for more of the body; it grows with what is there, not with what is claimed. */
static void *body_room(struct stream *stream, struct stream_record *record, u64 more)
{
	u64 room = record->room ? record->room : 2 * PIECE;
	void *body = record->body;

	while (room < record->held + more)
		room *= 2;
	if (room != record->room) {
		body = realloc(body, room);
		if (!body) {
			stream->unread = true;
			stream->error = -ENOMEM;
			return NULL;
		}
		record->body = body;
		record->room = room;
	}
	return record->body + record->held;
}

static bool read_body(struct stream *stream, struct stream_record *record)
{
	u64 left = record->head.length, most, got;
	u8 passed[4096];
	void *place;

	if (!body_room(stream, record, 1))
		return false;
	while (left) {
		most = left < PIECE ? left : PIECE;
		if (most > STREAM_MAX_BODY - record->held)
			most = STREAM_MAX_BODY - record->held;
		place = most ? body_room(stream, record, most) : passed;
		if (!place)
			return false;
		if (!most)
			most = left < sizeof(passed) ? left : sizeof(passed);
		got = take(stream, place, most);
		record->crc = mdevsim_crc32c(record->crc, place, got);
		record->held += place == passed ? 0 : got;
		left -= got;
		if (got < most)
			return false;
	}
	return true;
}

static bool read_framing(struct stream *stream, struct stream_record *record, void *data,
			 size_t size)
{
	size_t got = take(stream, data, size);

	record->crc = mdevsim_crc32c(record->crc, data, got);
	return got == size;
}

/* One of a version that may be skipped is not the last record for those who skip it. */
static bool is_end(const struct stream_record *record)
{
	return record->head.type == MDEVSIM_RECORD_END &&
	       (record->head.version == 1 || !(record->head.flags & MDEVSIM_RECORD_OPTIONAL));
}

/* What counts what came before must be right about it. */
static void check_end(struct stream_record *record)
{
	const struct mdevsim_state_end *end = (const void *)record->body;

	if (record->held < sizeof(*end))
		return;
	if (le64_to_cpu(end->records) != record->nr)
		stream_problem(&record->problems, -EPROTO,
			       "counts %llu records before it, there are %u",
			       le64_to_cpu(end->records), record->nr);
	if (le64_to_cpu(end->bytes) != record->offset)
		stream_problem(&record->problems, -EPROTO,
			       "counts %llu bytes before it, there are %llu",
			       le64_to_cpu(end->bytes), record->offset);
}

static void check_record(struct stream_record *record)
{
	u32 crc = le32_to_cpu(record->trailer.crc);

	if (record->held < record->head.length)
		stream_problem(&record->problems, -EMSGSIZE, "a body of %llu bytes",
			       record->head.length);
	if (memchr_inv(record->padding, 0, record->nr_padding))
		stream_problem(&record->problems, -EPROTO, "padding is not zero");
	if (crc != record->crc)
		stream_problem(&record->problems, -EBADMSG,
			       "checksum %08x where %08x was computed", crc, record->crc);
	if (record->trailer.reserved)
		stream_problem(&record->problems, -EPROTO, "a reserved field is not zero");
	if (record->head.type == MDEVSIM_RECORD_END && record->head.version == 1)
		check_end(record);
}

/* One byte may be wrong anywhere; two headers in a row that make no sense are none. */
static void count_lost(struct stream *stream, const struct stream_record *record)
{
	bool sense = record->head.sequence == stream->sequence ||
		     record->crc == le32_to_cpu(record->trailer.crc);

	stream->lost = sense ? 0 : stream->lost + 1;
	if (stream->lost == MOST_LOST)
		stop(stream, -EPROTO, "framing is lost: no record begins at byte %llu",
		     record->offset);
}

/* Where numbers that can be trusted leap ahead something is missing, and is missed once. */
static void count_sequence(struct stream *stream, const struct stream_record *record)
{
	if (record->head.sequence > stream->sequence &&
	    record->crc == le32_to_cpu(record->trailer.crc))
		stream->sequence = record->head.sequence + 1;
	else if (record->head.sequence == stream->sequence)
		stream->sequence++;
}

static bool read_parts(struct stream *stream, struct stream_record *record)
{
	size_t got = take(stream, &record->header, sizeof(record->header));

	record->crc = mdevsim_crc32c(record->crc, &record->header, got);
	if (got < sizeof(record->header)) {
		if (got)
			return stop(stream, -ENODATA,
				    "the stream ends at byte %llu, in the header of record %u",
				    stream->offset, record->nr);
		return stop(stream, -ENODATA, "the stream ends at byte %llu, before the end record",
			    stream->offset);
	}
	decode_head(record);
	check_head(stream, record);
	if (!read_body(stream, record) ||
	    !read_framing(stream, record, record->padding, record->nr_padding) ||
	    take(stream, &record->trailer, sizeof(record->trailer)) < sizeof(record->trailer))
		return stop(stream, -ENODATA, "the stream ends at byte %llu, in record %u (%s)",
			    stream->offset, record->nr, stream_record_name(stream, record));
	return true;
}

static bool read_record(struct stream *stream, struct stream_record *record)
{
	record_init(stream, record);
	if (!read_parts(stream, record))
		return false;
	record->crc = ~record->crc;
	check_record(record);
	count_lost(stream, record);
	count_sequence(stream, record);
	stream->records++;
	stream->ended = is_end(record);
	return true;
}

/* ---- The schema -------------------------------------------------------- */

static bool is_schema(const struct stream_record *record)
{
	return record->head.type == MDEVSIM_RECORD_SCHEMA && record->head.version == 1;
}

/* It is the second record; a first one in its place does as well to explain a broken stream. */
static void find_schema(struct stream *stream)
{
	struct stream_record *record = NULL;
	struct mdevsim_reason why = {};
	unsigned int i;
	int ret;

	for (i = 0; i < stream->nr_ahead && !record; i++)
		if (is_schema(&stream->ahead[i]))
			record = &stream->ahead[i];
	if (record) {
		ret = schema_parse(&stream->schema, record->body, record->held, &why);
		stream->own_schema = !ret;
		if (!ret)
			return;
		stream_problem(&record->problems, ret, "%s", why.text);
	}
	schema_builtin(&stream->schema);
	if (stream->nr_ahead)
		out_note("%s: the stream has no %sschema: explained by what this program knows",
			 stream->file.name, record ? "sound " : "");
}

bool stream_begin(struct stream *stream)
{
	if (!read_header(stream))
		return false;
	while (stream->nr_ahead < 2 && !stream->ended && !stream->error &&
	       read_record(stream, &stream->ahead[stream->nr_ahead]))
		stream->nr_ahead++;
	find_schema(stream);
	return true;
}

/* After END: whatever comes is too much. */
static void read_trailing(struct stream *stream)
{
	u64 begin = stream->offset;
	u8 bytes[4096];

	while (take(stream, bytes, sizeof(bytes)))
		;
	if (stream->offset > begin)
		stop(stream, -EPROTO, "bytes after the end record: %llu, from byte %llu on",
		     stream->offset - begin, begin);
}

struct stream_record *stream_next(struct stream *stream)
{
	struct stream_record *record = &stream->ahead[stream->at_ahead];

	if (stream->nr_ahead) {
		stream->nr_ahead--;
		stream->at_ahead = stream->nr_ahead ? stream->at_ahead + 1 : 0;
		return record;
	}
	if (stream->error)
		return NULL;
	if (!stream->ended)
		return read_record(stream, record) ? record : NULL;
	read_trailing(stream);
	return NULL;
}

/* ---- Words ------------------------------------------------------------- */

const struct mdevsim_state_table *stream_table(const struct stream *stream,
					       const struct stream_record *record)
{
	return schema_find(&stream->schema, record->head.type, record->head.version);
}

const char *stream_record_name(const struct stream *stream, const struct stream_record *record)
{
	const struct mdevsim_state_table *table = stream_table(stream, record);

	return table ? table->name : mdevsim_state_stream_name(record->head.type);
}

bool stream_keep(const struct stream *stream, const struct stream_record *record,
		 struct stream_kept *kept)
{
	u8 *body = malloc(record->held + 1);

	if (!body)
		return false;
	*kept = (struct stream_kept){
		.head = record->head,
		.offset = record->offset,
		.header = record->header,
		.body = memcpy(body, record->body, record->held),
		.held = record->held,
		.nr_padding = record->nr_padding,
		.trailer = record->trailer,
		.table = stream_table(stream, record),
		.name = stream_record_name(stream, record),
	};
	memcpy(kept->padding, record->padding, sizeof(kept->padding));
	return true;
}

struct mdevsim_reason stream_why(const struct stream *stream, const struct stream_record *record,
				 const struct stream_problem *problem)
{
	struct mdevsim_reason why;

	snprintf(why.text, sizeof(why.text), "record %u (%.40s, type %u) at byte %llu: %.100s",
		 record->nr, stream_record_name(stream, record), record->head.type,
		 record->offset, problem->why.text);
	return why;
}

static const char *hint_for(int error)
{
	switch (error) {
	case EILSEQ:
		return "name a file written by vfiomig save from a device of mdevsim, or by QEMU";
	case ENODATA:
		return "save it again, the file is incomplete";
	default:
		return NULL;
	}
}

int stream_fail_memory(const struct stream *stream)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = ENOMEM,
			.where = stream->file.name,
			.hint = "vfiomig dump or vfiomig verify, which hold one record at a time",
		    }, "there is no memory to hold it");
}

/* A foreign file is another matter than a broken stream. */
int stream_fail(const struct stream *stream)
{
	int error = -stream->error;
	bool foreign = error == EILSEQ || error == EOPNOTSUPP;

	if (error == ENOMEM)
		return stream_fail_memory(stream);
	if (stream->unread && stream->qemu)
		return qemu_file_fail(stream->qemu);
	errno = error;
	if (stream->unread)
		return file_fail(&stream->file, "cannot read it");
	return fail(&(struct fault){
			.status = foreign ? STATUS_DIFFERS : STATUS_FAILED,
			.error = error,
			.where = stream->file.name,
			.reason = stream->why.text,
			.hint = hint_for(error),
		    }, foreign ? "this is no stream that can be read here" :
		    "the stream is broken at byte %llu", stream->offset);
}
