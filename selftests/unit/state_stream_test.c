// SPDX-License-Identifier: GPL-2.0
/*
 * Reader and writer of the device-state stream, against streams that were put
 * together independently (stream_image.c).
 */
#include <string.h>
#include <linux/array_size.h>
#include <linux/crc32.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include "../../driver/state_stream.h"
#include "../lib/stream_error.h"
#include "ktap.h"
#include "random.h"
#include "stream_image.h"

#define PIECE_ANY	IMAGE_SIZE

/**
 * struct log - a sink that keeps what it is handed
 * @image: the same stream, or what was accepted of it, put together again
 * @body: of the record under way
 * @room: bytes of a body taken in one piece, at most
 * @begun: records begun
 * @ended: records ended
 * @fail_begin: record whose begin fails; -1: none
 * @fail_body: likewise
 * @fail_end: likewise
 * @failed: one of them did
 * @calls_after: calls after that
 */
struct log {
	struct image image;
	u8 body[IMAGE_SIZE];
	u64 room;
	int begun;
	int ended;
	int fail_begin;
	int fail_body;
	int fail_end;
	bool failed;
	int calls_after;
};

static int log_fail(struct log *log, int when, int now, int err, struct mdevsim_reason *why)
{
	log->calls_after += log->failed;
	if (when != now)
		return 0;
	log->failed = true;
	return mdevsim_refuse(why, err, "the sink does not want record %d", now);
}

static int log_begin(void *context, const struct mdevsim_record *record,
		     struct mdevsim_reason *why)
{
	struct log *log = context;
	int ret = log_fail(log, log->fail_begin, log->begun++, -EXDEV, why);

	if (!ret && record->length > sizeof(log->body))
		ret = mdevsim_refuse(why, -EMSGSIZE, "too long for this test");
	if (!ret)
		memset(log->body, 0xee, record->length);
	return ret;
}

static void *log_body(void *context, const struct mdevsim_record *record, u64 offset,
		      u64 *length, struct mdevsim_reason *why)
{
	struct log *log = context;
	int ret = log_fail(log, log->fail_body, log->begun - 1, -ENOMEM, why);

	EXPECT_EQ(*length, record->length - offset);
	*length = min(*length, log->room);
	return ret ? ERR_PTR(ret) : log->body + offset;
}

static int log_end(void *context, const struct mdevsim_record *record, struct mdevsim_reason *why)
{
	struct log *log = context;
	int ret = log_fail(log, log->fail_end, log->ended++, -EINVAL, why);

	if (!ret)
		image_add(&log->image, record->type, log->body, record->length);
	return ret;
}

static const struct mdevsim_state_sink log_sink = {
	.begin	= log_begin,
	.body	= log_body,
	.end	= log_end,
};

static struct log log;
static struct mdevsim_state_reader reader;

static void start(void)
{
	log.begun = 0;
	log.ended = 0;
	log.calls_after = 0;
	log.fail_begin = -1;
	log.fail_body = -1;
	log.fail_end = -1;
	log.failed = false;
	log.room = PIECE_ANY;
	image_begin(&log.image);
	mdevsim_state_reader_init(&reader, &log_sink, &log);
}

/* Hand over bytes, at most @piece at a time; returns the error they led to. */
static int feed(const u8 *bytes, size_t length, size_t piece)
{
	u64 room;
	u8 *to;
	int ret;

	while (length) {
		to = mdevsim_state_reader_want(&reader, &room);
		if (IS_ERR(to))
			return PTR_ERR(to);
		if (!EXPECT(room >= 1))
			return -EIO;
		room = min3(room, (u64)piece, (u64)length);
		memcpy(to, bytes, room);
		ret = mdevsim_state_reader_have(&reader, room);
		if (ret)
			return ret;
		bytes += room;
		length -= room;
	}
	return 0;
}

/* What a whole stream leads to, its end included. */
static int read_all(const u8 *bytes, size_t length)
{
	start();
	feed(bytes, length, PIECE_ANY);
	return mdevsim_state_reader_finish(&reader);
}

static int read_image(const struct image *image)
{
	return read_all(image->bytes, image->length);
}

/* The stream is refused with this errno, and the reason has these words in it. */
#define EXPECT_REFUSED(image, err, words) do {				\
	EXPECT_EQ(read_image(image), err);				\
	EXPECT_MSG(strstr(reader.why.text, words), "no \"%s\" in \"%s\"",	\
		   words, reader.why.text);				\
} while (0)

/* The reason says which record it is about: its number, its name and where it begins. */
static void expect_names(struct image *image, unsigned int i)
{
	char words[64];
	u16 type = le16_to_cpu(image_record(image, i)->type);

	snprintf(words, sizeof(words), "record %u (%s, type %u) at byte %zu:", i,
		 mdevsim_state_stream_name(type), type, image->start[i]);
	EXPECT_MSG(strstr(reader.why.text, words), "no \"%s\" in \"%s\"", words, reader.why.text);
}

static struct image image, other;

static void checksum_is_crc32c(void)
{
	EXPECT_EQ(~__crc32c_le(~0U, "123456789", 9), 0xe3069283);
}

static void names_are_those_of_the_header(void)
{
	EXPECT(!strcmp(mdevsim_state_stream_name(MDEVSIM_RECORD_IDENTITY), "identity"));
	EXPECT(!strcmp(mdevsim_state_stream_name(MDEVSIM_RECORD_END), "end"));
	EXPECT(!strcmp(mdevsim_state_stream_name(MDEVSIM_RECORD_SCHEMA), "schema"));
	EXPECT(!strcmp(mdevsim_state_stream_name(11), "unknown"));
	EXPECT(!strcmp(mdevsim_state_stream_name(0xffff), "unknown"));
}

/* Write what is in @image with the driver's writer, giving at most @piece bytes at a time. */
static void write_image(struct image *out, struct image *from, size_t piece)
{
	struct mdevsim_state_writer writer;
	const struct mdevsim_record_header *record;
	const u8 *bytes, *body = NULL;
	unsigned int i = 0;
	u64 length;

	out->length = 0;
	mdevsim_state_writer_init(&writer, le16_to_cpu(image_header(from)->version_minor),
				  image_header(from)->session);
	while (i < from->records || !mdevsim_state_writer_idle(&writer)) {
		if (mdevsim_state_writer_idle(&writer)) {
			record = image_record(from, i);
			EXPECT_EQ(writer.sequence, i);
			mdevsim_state_writer_begin(&writer, le16_to_cpu(record->type),
						   le16_to_cpu(record->version),
						   le64_to_cpu(record->length));
			body = image_body(from, i++);
		}
		bytes = mdevsim_state_writer_framing(&writer, &length);
		if (!bytes && !length)
			break;
		if (!bytes)
			bytes = body + writer.record.length - length;
		length = min(length, (u64)piece);
		if (!EXPECT(out->length + length <= IMAGE_SIZE))
			return;
		memcpy(out->bytes + out->length, bytes, length);
		mdevsim_state_writer_gave(&writer, bytes, length);
		out->length += length;
		EXPECT_EQ(writer.offset, out->length);
	}
	EXPECT_EQ(writer.part, MDEVSIM_PART_END);
}

static void expect_written(size_t most)
{
	size_t piece;

	for (piece = 1; piece < most; piece++) {
		write_image(&other, &image, piece);
		EXPECT_EQ(other.length, image.length);
		if (!EXPECT(!memcmp(other.bytes, image.bytes, image.length)))
			return;
	}
}

static void writer_gives_the_same_bytes_in_any_pieces(void)
{
	image_fill(&image);
	expect_written(600);
	image_fill_oldest(&image);
	expect_written(100);
}

static void sizes_are_what_the_writer_gives(void)
{
	unsigned int i;

	image_fill(&image);
	for (i = 0; i < image.records; i++)
		EXPECT_EQ(mdevsim_state_stream_size(le64_to_cpu(image_record(&image, i)->length)),
			  image_record_size(&image, i));
	EXPECT_EQ(mdevsim_state_stream_size(0), 32);
	EXPECT_EQ(mdevsim_state_stream_size(1), 40);
}

/* Bring a writer to the body of a record with @pages pages after an extent header. */
static void begin_pages(struct mdevsim_state_writer *writer, unsigned int pages)
{
	static const u8 session[16], header[sizeof(struct mdevsim_state_ns_extent)];
	const void *bytes;
	u64 length;

	mdevsim_state_writer_init(writer, MDEVSIM_STREAM_MINOR, session);
	mdevsim_state_writer_begin(writer, MDEVSIM_RECORD_NS_DATA, 1,
				   sizeof(header) + pages * MDEVSIM_EXTENT_ALIGN);
	while ((bytes = mdevsim_state_writer_framing(writer, &length)))
		mdevsim_state_writer_gave(writer, bytes, length);
	mdevsim_state_writer_gave(writer, header, sizeof(header));
}

static void known_checksums_serve_as_well(void)
{
	static u8 pages[3][MDEVSIM_EXTENT_ALIGN];
	struct mdevsim_state_writer slow, fast;
	u64 seed = 1;
	size_t i;

	for (i = 0; i < sizeof(pages); i++)
		((u8 *)pages)[i] = random_next(&seed);
	begin_pages(&slow, ARRAY_SIZE(pages));
	begin_pages(&fast, ARRAY_SIZE(pages));
	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		mdevsim_state_writer_gave(&slow, pages[i], sizeof(pages[i]));
		mdevsim_state_writer_gave_page(&fast, __crc32c_le(0, pages[i], sizeof(pages[i])));
		EXPECT_EQ(fast.crc, slow.crc);
		EXPECT_EQ(fast.offset, slow.offset);
	}
	EXPECT_EQ(fast.part, MDEVSIM_PART_TRAILER);
	EXPECT(!memcmp(&fast.scratch.trailer, &slow.scratch.trailer, sizeof(slow.scratch.trailer)));
}

static void what_is_left_falls_byte_by_byte(void)
{
	struct mdevsim_state_writer writer;
	static const u8 session[16], body[5];
	u64 left = sizeof(struct mdevsim_stream_header), length;
	const void *bytes;

	mdevsim_state_writer_init(&writer, MDEVSIM_STREAM_MINOR, session);
	EXPECT_EQ(mdevsim_state_writer_left(&writer), left);
	mdevsim_state_writer_begin(&writer, MDEVSIM_RECORD_END, 1, sizeof(body));
	for (left += mdevsim_state_stream_size(sizeof(body)); left; left--) {
		EXPECT_EQ(mdevsim_state_writer_left(&writer), left);
		bytes = mdevsim_state_writer_framing(&writer, &length);
		mdevsim_state_writer_gave(&writer, bytes ?: body, 1);
	}
	EXPECT_EQ(mdevsim_state_writer_left(&writer), 0);
}

static void expect_all_read(size_t piece, u64 room)
{
	EXPECT_MSG(mdevsim_state_reader_finish(&reader) == 0, "pieces of %zu, room %llu: %s", piece,
		   room, reader.why.text);
	EXPECT_EQ(log.ended, image.records);
	EXPECT_EQ(log.image.length, image.length);
	EXPECT(!memcmp(log.image.bytes, image.bytes, image.length));
}

static void reader_takes_pieces_of_any_size(void)
{
	static const u64 rooms[] = { 1, 2, 7, 64, PIECE_ANY };
	size_t piece, i;

	image_fill(&image);
	for (piece = 1; piece < 600; piece++) {
		for (i = 0; i < ARRAY_SIZE(rooms); i++) {
			start();
			log.room = rooms[i];
			EXPECT_EQ(feed(image.bytes, image.length, piece), 0);
			expect_all_read(piece, rooms[i]);
		}
	}
}

static void reader_takes_any_two_pieces(void)
{
	size_t first;

	image_fill(&image);
	for (first = 0; first <= image.length; first++) {
		start();
		EXPECT_EQ(feed(image.bytes, first, PIECE_ANY), 0);
		EXPECT_EQ(feed(image.bytes + first, image.length - first, PIECE_ANY), 0);
		expect_all_read(first, PIECE_ANY);
	}
}

static void reader_takes_random_pieces(void)
{
	u64 seed = 1;
	size_t at, piece;
	int round;

	image_fill(&image);
	for (round = 0; round < 300; round++) {
		start();
		for (at = 0; at < image.length; at += piece) {
			log.room = 1 + random_below(&seed, 200);
			piece = min(1 + random_below(&seed, 200), image.length - at);
			EXPECT_EQ(feed(image.bytes + at, piece, PIECE_ANY), 0);
		}
		expect_all_read(0, 0);
	}
}

/* Where a stream of @length bytes was cut, in the words of the driver */
static void cut_words(char *words, size_t size, size_t length)
{
	unsigned int i = 0;

	while (i < image.records && length >= image.start[i] + image_record_size(&image, i))
		i++;
	if (length < sizeof(struct mdevsim_stream_header))
		snprintf(words, size, "byte %zu, in its header", length);
	else if (length == image.start[i])
		snprintf(words, size, "byte %zu, before the end record", length);
	else if (length < image.start[i] + sizeof(struct mdevsim_record_header))
		snprintf(words, size, "byte %zu, in the header of record %u", length, i);
	else
		snprintf(words, size, "byte %zu, in record %u (%s)", length, i,
			 mdevsim_state_stream_name(le16_to_cpu(image_record(&image, i)->type)));
}

static void a_shorter_stream_has_no_end(void)
{
	char words[80];
	size_t length;

	image_fill(&image);
	for (length = 0; length < image.length; length++) {
		EXPECT_EQ(read_all(image.bytes, length), -ENODATA);
		cut_words(words, sizeof(words), length);
		EXPECT_MSG(strstr(reader.why.text, words), "no \"%s\" in \"%s\"", words,
			   reader.why.text);
	}
	EXPECT_EQ(read_all(image.bytes, length), 0);
	EXPECT(!reader.why.text[0]);
}

static void a_changed_byte_is_noticed(void)
{
	static const u8 changes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 0xff };
	size_t at, i;
	int ret;

	image_fill(&image);
	for (at = 0; at < image.length; at++) {
		for (i = 0; i < ARRAY_SIZE(changes); i++) {
			image.bytes[at] ^= changes[i];
			ret = read_image(&image);
			image.bytes[at] ^= changes[i];
			EXPECT_MSG(stream_error_is_documented(ret) && reader.why.text[0],
				   "byte %zu changed by %#x: %d \"%s\"", at, changes[i], ret,
				   reader.why.text);
		}
	}
}

/* Put records of one stream into another, byte by byte. */
static void copy_record(struct image *to, struct image *from, unsigned int i)
{
	size_t size = image_record_size(from, i);

	memcpy(to->bytes + to->length, image_record(from, i), size);
	to->start[to->records++] = to->length;
	to->length += size;
}

static void a_lost_record_is_noticed(void)
{
	unsigned int lost, i;

	image_fill(&image);
	for (lost = 0; lost + 1 < image.records; lost++) {
		image_begin(&other);
		for (i = 0; i < image.records; i++)
			if (i != lost)
				copy_record(&other, &image, i);
		EXPECT_REFUSED(&other, -EPROTO, "sequence");
		expect_names(&other, lost);
	}
}

static void a_repeated_record_is_noticed(void)
{
	unsigned int repeated, i;

	image_fill(&image);
	for (repeated = 0; repeated < image.records; repeated++) {
		image_begin(&other);
		for (i = 0; i < image.records; i++) {
			copy_record(&other, &image, i);
			if (i == repeated)
				copy_record(&other, &image, i);
		}
		EXPECT_EQ(read_image(&other), -EPROTO);
		if (repeated + 1 < image.records)
			expect_names(&other, repeated + 1);
	}
}

static void swapped_records_are_noticed(void)
{
	unsigned int a, b, i;

	image_fill(&image);
	for (a = 0; a < image.records; a++) {
		for (b = a + 1; b < image.records; b++) {
			image_begin(&other);
			for (i = 0; i < image.records; i++)
				copy_record(&other, &image, i == a ? b : i == b ? a : i);
			EXPECT_REFUSED(&other, -EPROTO, "sequence");
			expect_names(&other, a);
		}
	}
}

static bool is_control(u16 type)
{
	return type > MDEVSIM_RECORD_SCHEMA && type < MDEVSIM_RECORD_NS_DATA;
}

/* The order rule of mdevsim_state.h, as a sentence: where is the first record that breaks it? */
static int first_out_of_order(u16 minor, const u16 *types, int count)
{
	static const u16 controls[] = { 3, 4, 5, 6, 7, 8, 9, 10 };
	size_t next = 0;
	int i;

	for (i = 0; i < count; i++) {
		if (i == 0 && types[i] != MDEVSIM_RECORD_IDENTITY)
			return i;
		if (types[i] == MDEVSIM_RECORD_SCHEMA ? !minor || i != 1 : minor && i == 1)
			return i;
		if (types[i] == MDEVSIM_RECORD_END)
			return next == ARRAY_SIZE(controls) ? -1 : i;
		if (is_control(types[i])) {
			while (next < ARRAY_SIZE(controls) && controls[next] < types[i])
				next++;
			if (next == ARRAY_SIZE(controls) || controls[next] != types[i])
				return i;
			next++;
		} else if (next && types[i] < 64) {
			return i;
		}
	}
	return -1;
}

static bool lacks_control(const u16 *types, int count)
{
	u64 seen = 0;
	int i;

	for (i = 0; i < count; i++)
		if (is_control(types[i]))
			seen |= 1ULL << types[i];
	return seen != 0x7f8;
}

static void try_order(u16 minor, const u16 *types, int count)
{
	int i, bad = first_out_of_order(minor, types, count);

	image_begin_minor(&image, minor);
	for (i = 0; i < count; i++) {
		image_add_any(&image, types[i], i);
		if (types[i] != 77)
			continue;
		image_record(&image, i)->flags = cpu_to_le16(MDEVSIM_RECORD_OPTIONAL);
		image_seal(&image, i);
	}
	if (bad < 0 && lacks_control(types, count))
		bad = count - 1;
	if (bad < 0) {
		EXPECT_MSG(read_image(&image) == 0, "%s", reader.why.text);
		return;
	}
	EXPECT_EQ(read_image(&image), -EPROTO);
	expect_names(&image, bad);
}

/* Remove one, exchange two, or insert one; the last stays where it is. Returns the new count. */
static int change_order(u16 *types, int count, u64 *seed)
{
	static const u16 all[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 32, 33, 77 };
	int at = random_below(seed, count - 1), other_at = random_below(seed, count - 1);
	u16 type = types[at];

	switch (random_below(seed, 3)) {
	case 0:
		memmove(types + at, types + at + 1, (count - at - 1) * sizeof(*types));
		return count - 1;
	case 1:
		types[at] = types[other_at];
		types[other_at] = type;
		return count;
	default:
		memmove(types + at + 1, types + at, (count - at) * sizeof(*types));
		types[at] = all[random_below(seed, ARRAY_SIZE(all))];
		return count + 1;
	}
}

static void try_orders(u16 minor, const u16 *sound, int nr_sound)
{
	u64 seed = 2;
	u16 types[24];
	int round, count, changes;

	for (round = 0; round < 20000 && !ktap_failures; round++) {
		count = nr_sound;
		memcpy(types, sound, nr_sound * sizeof(*sound));
		for (changes = random_below(&seed, 4); changes; changes--)
			count = change_order(types, count, &seed);
		try_order(minor, types, count);
	}
}

static void order_is_as_documented(void)
{
	static const u16 oldest[] = { 1, 32, 33, 1, 77, 32, 3, 4, 5, 6, 7, 77, 8, 9, 10, 255 };
	static const u16 newest[] = { 1, 2, 32, 33, 1, 77, 32, 3, 4, 5, 6, 7, 77, 8, 9, 10, 255 };

	try_orders(0, oldest, ARRAY_SIZE(oldest));
	try_orders(1, newest, ARRAY_SIZE(newest));
}

static void a_missing_control_record_is_named(void)
{
	static const u16 controls[] = { 3, 4, 5, 6, 7, 8, 9, 10 };
	size_t missing, i;

	for (missing = 0; missing < ARRAY_SIZE(controls); missing++) {
		image_begin_records(&image);
		for (i = 0; i < ARRAY_SIZE(controls); i++)
			if (i != missing)
				image_add_any(&image, controls[i], 0);
		image_add_end(&image);
		EXPECT_REFUSED(&image, -EPROTO, "missing");
		EXPECT(strstr(reader.why.text, mdevsim_state_stream_name(controls[missing])));
	}
}

static void a_repeated_control_record_is_told_from_disorder(void)
{
	image_begin_records(&image);
	image_add_any(&image, MDEVSIM_RECORD_IRQ, 0);
	image_add_any(&image, MDEVSIM_RECORD_IRQ, 0);
	EXPECT_REFUSED(&image, -EPROTO, "a second record");
	expect_names(&image, 3);

	image_begin_records(&image);
	image_add_any(&image, MDEVSIM_RECORD_IRQ, 0);
	image_add_any(&image, MDEVSIM_RECORD_PCI_CONFIG, 0);
	EXPECT_REFUSED(&image, -EPROTO, "has to precede");
	expect_names(&image, 3);
}

/* Add one more record before the last of a sound stream; returns its index. */
static unsigned int fill_with_extra(u16 type, u16 version, u16 flags, u64 length)
{
	static u8 body[4096];
	unsigned int i;

	image_fill(&other);
	image_begin(&image);
	for (i = 0; i + 1 < other.records; i++)
		copy_record(&image, &other, i);
	image_add(&image, type, body, length);
	image_record(&image, i)->version = cpu_to_le16(version);
	image_record(&image, i)->flags = cpu_to_le16(flags);
	image_seal(&image, i);
	image_add_end(&image);
	return i;
}

static void unknown_records_are_skipped_when_optional(void)
{
	unsigned int i;
	u64 length;

	for (length = 0; length < 300; length++) {
		i = fill_with_extra(77, 1, MDEVSIM_RECORD_OPTIONAL, length);
		EXPECT_EQ(read_image(&image), 0);
		EXPECT_EQ(log.begun, image.records - 1);
		image_body(&image, i)[length / 2] ^= 1;
		EXPECT_EQ(read_image(&image), -EBADMSG);
	}
	/* one that is known, in a version that is not; where it could not stand otherwise */
	fill_with_extra(MDEVSIM_RECORD_NS_DATA, 2, MDEVSIM_RECORD_OPTIONAL, 8);
	EXPECT_EQ(read_image(&image), 0);
	EXPECT_EQ(log.begun, image.records - 1);
}

static void unknown_records_are_refused_when_required(void)
{
	unsigned int i;

	i = fill_with_extra(77, 1, 0, 40);
	EXPECT_REFUSED(&image, -EOPNOTSUPP, "unknown type");
	expect_names(&image, i);
	fill_with_extra(0, 1, 0, 40);
	EXPECT_REFUSED(&image, -EOPNOTSUPP, "unknown type");
	i = fill_with_extra(MDEVSIM_RECORD_NS_DATA, 2, 0, 40);
	EXPECT_REFUSED(&image, -EOPNOTSUPP, "version 2, only 1");
	expect_names(&image, i);
}

/* An END that is skipped as of unknown version does not end the stream. */
static void an_unknown_end_is_not_the_end(void)
{
	image_fill(&image);
	image_record(&image, image.records - 1)->version = cpu_to_le16(2);
	image_record(&image, image.records - 1)->flags = cpu_to_le16(MDEVSIM_RECORD_OPTIONAL);
	image_seal(&image, image.records - 1);
	EXPECT_EQ(read_image(&image), -ENODATA);
	image_add_end(&image);
	EXPECT_EQ(read_image(&image), 0);
}

/* Refused, and the sentence is about record @i and speaks of the schema. */
static void expect_schema_refused(unsigned int i)
{
	EXPECT_REFUSED(&image, -EPROTO, "schema");
	expect_names(&image, i);
	EXPECT_EQ(log.ended, i);
}

static void schema_is_the_second_record_from_1_1_on(void)
{
	u16 minor;

	for (minor = 0; minor < 4; minor++) {
		image_fill(&image);
		image_header(&image)->version_minor = cpu_to_le16(minor);
		image_seal_header(&image);
		if (minor)
			EXPECT_EQ(read_image(&image), 0);
		else
			expect_schema_refused(1);

		image_fill_oldest(&image);
		image_header(&image)->version_minor = cpu_to_le16(minor);
		image_seal_header(&image);
		if (minor)
			expect_schema_refused(1);
		else
			EXPECT_EQ(read_image(&image), 0);
	}
}

static void a_second_or_late_schema_is_refused(void)
{
	image_begin_records(&image);
	image_add_any(&image, MDEVSIM_RECORD_SCHEMA, 3);
	expect_schema_refused(2);

	image_begin_records(&image);
	image_add_any(&image, MDEVSIM_RECORD_NS_ZERO, 3);
	image_add_any(&image, MDEVSIM_RECORD_SCHEMA, 3);
	expect_schema_refused(3);

	/* A namespace that was resized meanwhile makes no difference. */
	image_begin_records(&image);
	image_add_any(&image, MDEVSIM_RECORD_IDENTITY, 3);
	EXPECT_EQ(read_image(&image), -ENODATA);
	image_add_any(&image, MDEVSIM_RECORD_SCHEMA, 3);
	expect_schema_refused(3);

	image_begin(&image);
	image_add_any(&image, MDEVSIM_RECORD_IDENTITY, 0);
	image_add(&image, 77, "", 1);
	image_record(&image, 1)->flags = cpu_to_le16(MDEVSIM_RECORD_OPTIONAL);
	image_seal(&image, 1);
	expect_schema_refused(1);
}

static void schema_before_identity_is_refused(void)
{
	image_begin(&image);
	image_add_any(&image, MDEVSIM_RECORD_SCHEMA, 0);
	EXPECT_REFUSED(&image, -EPROTO, "before the identity");
	expect_names(&image, 0);
}

/* It is for people: a device can do without. */
static void a_schema_of_unknown_version_is_skipped(void)
{
	image_fill(&image);
	image_record(&image, 1)->version = cpu_to_le16(7);
	image_seal(&image, 1);
	EXPECT_EQ(read_image(&image), 0);
	EXPECT_EQ(log.ended, image.records - 1);

	image_record(&image, 1)->flags = 0;
	image_seal(&image, 1);
	EXPECT_REFUSED(&image, -EOPNOTSUPP, "version 7, only 1");
	expect_names(&image, 1);

	/* One that is known need not be optional. */
	image_record(&image, 1)->version = cpu_to_le16(1);
	image_seal(&image, 1);
	EXPECT_EQ(read_image(&image), 0);
	EXPECT_EQ(log.ended, image.records);
}

static void each_feature_bit_is_known_or_refused(void)
{
	struct mdevsim_stream_header *header = image_header(&image);
	char words[48];
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		image_fill(&image);
		header->optional = cpu_to_le64(1ULL << bit);
		image_seal_header(&image);
		EXPECT_EQ(read_image(&image), 0);

		header->required = cpu_to_le64(1ULL << bit);
		image_seal_header(&image);
		if ((u64)MDEVSIM_STREAM_FEATURES >> bit & 1) {
			EXPECT_EQ(read_image(&image), 0);
			continue;
		}
		snprintf(words, sizeof(words), "features %#llx there", 1ULL << bit);
		EXPECT_REFUSED(&image, -EOPNOTSUPP, words);
		EXPECT_EQ(log.begun, 0);
	}
}

static void stream_header_is_checked(void)
{
	struct mdevsim_stream_header *header = image_header(&image);

	image_fill(&image);
	header->version_minor = cpu_to_le16(9);
	header->optional = cpu_to_le64(3);
	image_seal_header(&image);
	EXPECT_EQ(read_image(&image), 0);

	header->version_major = cpu_to_le16(2);
	image_seal_header(&image);
	EXPECT_REFUSED(&image, -EOPNOTSUPP, "stream version 2.9");

	image_fill(&image);
	header->required = cpu_to_le64(1ULL << 40);
	image_seal_header(&image);
	EXPECT_REFUSED(&image, -EOPNOTSUPP, "0x10000000000");

	image_fill(&image);
	header->reserved[11] = 1;
	image_seal_header(&image);
	EXPECT_REFUSED(&image, -EPROTO, "reserved");

	image_fill(&image);
	header->session[0] ^= 1;
	EXPECT_REFUSED(&image, -EBADMSG, "checksum");
}

static void foreign_bytes_are_refused_at_once(void)
{
	start();
	EXPECT_EQ(feed((const u8 *)"QEVM\0\0\0\3", 7, 1), 0);
	EXPECT_EQ(feed((const u8 *)"\3", 1, 1), -EILSEQ);
	EXPECT(strstr(reader.why.text, "magic"));
}

static void a_longer_header_is_passed_over(void)
{
	u32 extra;

	for (extra = 0; extra < 300; extra++) {
		image_begin_longer(&image, extra);
		if (extra % MDEVSIM_RECORD_ALIGN) {
			EXPECT_REFUSED(&image, -EPROTO, "size");
			continue;
		}
		image_add_any(&image, MDEVSIM_RECORD_IDENTITY, 0);
		memset(image.bytes + 64, 0xab, extra);
		EXPECT_EQ(read_image(&image), -ENODATA);
		EXPECT_EQ(log.ended, 1);
	}
	image_begin(&image);
	image_header(&image)->header_size = cpu_to_le32(56);
	image_seal_header(&image);
	EXPECT_REFUSED(&image, -EPROTO, "size 56");
}

static void lengths_are_checked(void)
{
	static const u64 lengths[] = { ~0ULL, ~0ULL - 7, 1ULL << 63, (1ULL << 63) - 1, 1ULL << 62 };
	unsigned int record;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (record = 0; !record || record < image.records; record++) {
			image_fill(&image);
			image_record(&image, record)->length = cpu_to_le64(lengths[i]);
			EXPECT_REFUSED(&image, -EMSGSIZE, "bytes");
			expect_names(&image, record);
			EXPECT_EQ(log.begun, record);
		}
		image_begin_records(&image);
		image_add(&image, 77, "", 1);
		image_record(&image, 2)->flags = cpu_to_le16(MDEVSIM_RECORD_OPTIONAL);
		image_record(&image, 2)->length = cpu_to_le64(lengths[i]);
		EXPECT_REFUSED(&image, -EMSGSIZE, "bytes");
	}
}

static void bodies_are_as_long_as_their_type(void)
{
	unsigned int record;
	__le64 length;

	image_fill(&image);
	for (record = 0; record < image.records; record++) {
		length = image_record(&image, record)->length;
		image_record(&image, record)->length = cpu_to_le64(7);
		EXPECT_REFUSED(&image, -EMSGSIZE, "a body of 7 bytes");
		expect_names(&image, record);
		image_record(&image, record)->length = length;
	}
	record = image.records - 1;
	image_record(&image, record)->length = cpu_to_le64(sizeof(struct mdevsim_state_end) + 8);
	EXPECT_REFUSED(&image, -EMSGSIZE, "a body of 24 bytes");
}

static void end_counts_what_came_before(void)
{
	struct mdevsim_state_end *end;
	unsigned int last;

	image_fill(&image);
	last = image.records - 1;
	end = (struct mdevsim_state_end *)image_body(&image, last);
	le64_add_cpu(&end->records, 1);
	image_seal(&image, last);
	EXPECT_REFUSED(&image, -EPROTO, "records before it");
	expect_names(&image, last);
	EXPECT_EQ(log.ended, last);

	le64_add_cpu(&end->records, -1);
	le64_add_cpu(&end->bytes, -8);
	image_seal(&image, last);
	EXPECT_REFUSED(&image, -EPROTO, "bytes before it");
}

/* A field of one record that is checked while its checksum is right. */
#define EXPECT_FIELD_REFUSED(record, field, value, err, words) do {	\
	image_fill(&image);						\
	(field) = (value);						\
	image_seal(&image, record);					\
	EXPECT_REFUSED(&image, err, words);				\
	expect_names(&image, record);					\
} while (0)

static void framing_fields_are_checked(void)
{
	unsigned int i, count;

	image_fill(&image);
	count = image.records;
	for (i = 0; i < count; i++) {
		EXPECT_FIELD_REFUSED(i, image_record(&image, i)->flags, cpu_to_le16(2), -EPROTO,
				     "flags");
		EXPECT_FIELD_REFUSED(i, image_record(&image, i)->reserved, cpu_to_le16(1), -EPROTO,
				     "reserved");
		EXPECT_FIELD_REFUSED(i, image_record(&image, i)->instance, cpu_to_le32(1), -EPROTO,
				     "instance 1");
		EXPECT_FIELD_REFUSED(i, image_trailer(&image, i)->reserved, cpu_to_le32(1), -EPROTO,
				     "reserved");
		EXPECT_FIELD_REFUSED(i, image_record(&image, i)->sequence, cpu_to_le32(i + 1),
				     -EPROTO, "sequence");
	}
	/* NS_DATA has a body of 24 + 29 bytes, so three of padding */
	for (i = 53; i < 56; i++)
		EXPECT_FIELD_REFUSED(2, image_body(&image, 2)[i], 1, -EPROTO, "padding");
}

static void nothing_follows_the_end(void)
{
	image_fill(&image);
	EXPECT_EQ(read_image(&image), 0);
	EXPECT_EQ(feed((const u8 *)"", 1, 1), -EPROTO);
	EXPECT_EQ(mdevsim_state_reader_finish(&reader), -EPROTO);
	EXPECT(strstr(reader.why.text, "after"));
}

static void the_first_error_sticks(void)
{
	struct mdevsim_reason first;
	u64 room;

	image_fill(&image);
	image_body(&image, 2)[0] ^= 1;
	start();
	EXPECT_EQ(feed(image.bytes, image.length, PIECE_ANY), -EBADMSG);
	first = reader.why;
	EXPECT(first.text[0]);
	EXPECT_EQ(feed(image.bytes, 1, 1), -EBADMSG);
	EXPECT_EQ(PTR_ERR(mdevsim_state_reader_want(&reader, &room)), -EBADMSG);
	EXPECT_EQ(mdevsim_state_reader_have(&reader, 1), -EBADMSG);
	EXPECT_EQ(mdevsim_state_reader_fail(&reader, -ENOMEM, "late"), -EBADMSG);
	EXPECT_EQ(mdevsim_state_reader_finish(&reader), -EBADMSG);
	EXPECT(!strcmp(first.text, reader.why.text));
	EXPECT_EQ(log.ended, 2);
}

static void errors_from_outside_stick(void)
{
	image_fill(&image);
	start();
	EXPECT_EQ(feed(image.bytes, 100, PIECE_ANY), 0);
	EXPECT_EQ(mdevsim_state_reader_fail(&reader, -ENOMEM, "no memory here"), -ENOMEM);
	EXPECT_EQ(feed(image.bytes + 100, 1, 1), -ENOMEM);
	EXPECT_EQ(mdevsim_state_reader_finish(&reader), -ENOMEM);
	EXPECT(!strcmp(reader.why.text, "no memory here"));
}

static void errors_of_the_sink_stick(void)
{
	const struct {
		int *when;
		int err;
	} cases[] = {
		{ &log.fail_begin, -EXDEV },
		{ &log.fail_body, -ENOMEM },
		{ &log.fail_end, -EINVAL },
	};
	unsigned int record;
	size_t i;

	image_fill(&image);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (record = 0; record < image.records; record++) {
			start();
			*cases[i].when = record;
			EXPECT_EQ(feed(image.bytes, image.length, PIECE_ANY), cases[i].err);
			EXPECT_EQ(feed(image.bytes, 1, 1), cases[i].err);
			EXPECT_EQ(mdevsim_state_reader_finish(&reader), cases[i].err);
			EXPECT(strstr(reader.why.text, "the sink does not want"));
			EXPECT(log.failed);
			EXPECT_EQ(log.calls_after, 0);
		}
	}
}

/* Whatever the bytes, the reader neither accepts nor crashes, and says why. */
static void noise_is_refused(void)
{
	u64 seed = 3;
	int round, i, ret;

	for (round = 0; round < 20000; round++) {
		image_fill(&image);
		for (i = random_below(&seed, 4); i >= 0; i--)
			image.bytes[random_below(&seed, image.length)] = random_next(&seed);
		for (i = random_below(&seed, 3); i > 0; i--)
			image_seal(&image, random_below(&seed, image.records));
		ret = read_image(&image);
		if (!ret)
			EXPECT(!memcmp(log.image.bytes + 64, image.bytes + 64, image.length - 64));
		else
			EXPECT_MSG(stream_error_is_documented(ret) && reader.why.text[0],
				   "%d \"%s\"", ret, reader.why.text);
	}
}

static const struct ktap_test tests[] = {
	KTAP_TEST(checksum_is_crc32c),
	KTAP_TEST(names_are_those_of_the_header),
	KTAP_TEST(writer_gives_the_same_bytes_in_any_pieces),
	KTAP_TEST(sizes_are_what_the_writer_gives),
	KTAP_TEST(known_checksums_serve_as_well),
	KTAP_TEST(what_is_left_falls_byte_by_byte),
	KTAP_TEST(reader_takes_pieces_of_any_size),
	KTAP_TEST(reader_takes_any_two_pieces),
	KTAP_TEST(reader_takes_random_pieces),
	KTAP_TEST(a_shorter_stream_has_no_end),
	KTAP_TEST(a_changed_byte_is_noticed),
	KTAP_TEST(a_lost_record_is_noticed),
	KTAP_TEST(a_repeated_record_is_noticed),
	KTAP_TEST(swapped_records_are_noticed),
	KTAP_TEST(order_is_as_documented),
	KTAP_TEST(a_missing_control_record_is_named),
	KTAP_TEST(a_repeated_control_record_is_told_from_disorder),
	KTAP_TEST(unknown_records_are_skipped_when_optional),
	KTAP_TEST(unknown_records_are_refused_when_required),
	KTAP_TEST(an_unknown_end_is_not_the_end),
	KTAP_TEST(schema_is_the_second_record_from_1_1_on),
	KTAP_TEST(a_second_or_late_schema_is_refused),
	KTAP_TEST(schema_before_identity_is_refused),
	KTAP_TEST(a_schema_of_unknown_version_is_skipped),
	KTAP_TEST(each_feature_bit_is_known_or_refused),
	KTAP_TEST(stream_header_is_checked),
	KTAP_TEST(foreign_bytes_are_refused_at_once),
	KTAP_TEST(a_longer_header_is_passed_over),
	KTAP_TEST(lengths_are_checked),
	KTAP_TEST(bodies_are_as_long_as_their_type),
	KTAP_TEST(end_counts_what_came_before),
	KTAP_TEST(framing_fields_are_checked),
	KTAP_TEST(nothing_follows_the_end),
	KTAP_TEST(the_first_error_sticks),
	KTAP_TEST(errors_from_outside_stick),
	KTAP_TEST(errors_of_the_sink_stick),
	KTAP_TEST(noise_is_refused),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
