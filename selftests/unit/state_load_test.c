// SPDX-License-Identifier: GPL-2.0
/*
 * Streams loaded into a controller by the driver's own code: sound ones are
 * taken over whole, and of the others, corrupted, cut, or with records lost,
 * repeated or exchanged, nothing is; it is said which record was wrong.
 */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <linux/array_size.h>
#include <linux/slab.h>
#include "../lib/stream_error.h"
#include "../lib/stream_oldest.h"
#include "host_stream.h"
#include "ktap.h"
#include "random.h"

#define WHOLE		SIZE_MAX
#define NAMESPACE	65536
#define GOLDEN		"../streams"

/* Of every test: a controller that was in use, and what became of it as a stream */
static struct host *host;
static struct stream good;

/* A small namespace with two extents, queues, features, events, errors */
static void use(struct host *user)
{
	struct nvme_command flush = host_simple(nvme_cmd_flush);

	flush.common.nsid = cpu_to_le32(1);
	host_enable(user, 8);
	host_create_queue(user, 1, 4);
	host_create_queue(user, 3, 5);
	EXPECT_EQ(user->fn->ops->resize(user->fn, NAMESPACE), 0);
	memset(host_at(user, 0), 0xa5, HOST_PAGE);
	EXPECT_OK(user, 1, host_rw(nvme_cmd_write, 8, 8, 0, 0));
	EXPECT_OK(user, 1, host_rw(nvme_cmd_write, 41, 1, 0, 0));
	EXPECT_OK(user, 0, host_set_feature(NVME_FEAT_TEMP_THRESH, 0x100000 | 5));
	EXPECT_OK(user, 0, host_set_feature(NVME_FEAT_ASYNC_EVENT, 0x1ff));
	EXPECT_EQ(host_status(user, 0, host_simple(0x77)), NVME_SC_INVALID_OPCODE);
	host_push(user, 0, host_simple(nvme_admin_async_event));
	host_ring(user, 0);
	host_push(user, 3, flush);
	host_ring(user, 3);
	host_run();
}

/* A host with memory of its own, whose controller is quiet and idle */
static struct host *quiet_host(void)
{
	struct host *idle = host_stream_create();

	idle->fn->ops->quiesce(idle->fn);
	idle->device.silent = true;
	return idle;
}

static void end_host(struct host *quiet)
{
	quiet->device.silent = false;
	host_destroy(quiet);
}

/* The stream of a controller in use, of version 1.@minor, with an extent of zeroes inserted */
static struct stream some_stream(u16 minor)
{
	struct mdevsim_state_ns_extent zero = { .nsid = 1, .slba = 64, .nlb = 16 };
	struct host *user = host_stream_create();
	struct stream stream;

	use(user);
	user->fn->ops->quiesce(user->fn);
	stream = host_stream_save(user, minor);
	host_destroy(user);
	stream_insert(&stream, minor ? 3 : 2, MDEVSIM_RECORD_NS_ZERO, 0, 1, &zero, sizeof(zero));
	stream_settle(&stream);
	EXPECT_MSG(!strcmp(stream_check(&stream), "sound"), "%s", stream_check(&stream));
	return stream;
}

static void begin(u16 minor)
{
	host = quiet_host();
	good = some_stream(minor);
}

/* Whatever happened, the good stream can still be loaded, and is saved again as it was. */
static void end(void)
{
	struct mdevsim_reason why;
	struct stream again;

	EXPECT_MSG(!host_stream_load(host, &good, WHOLE, &why), "%s", why.text);
	again = host_stream_save(host, 0);
	EXPECT_MSG(!strcmp(stream_same_state(&good, &again), "same"), "%s",
		   stream_same_state(&good, &again));
	stream_free(&again);
	stream_free(&good);
	end_host(host);
}

/* Refused with a documented error and a sentence that has these words, once or twice in a row */
static void expect_refused(const struct stream *stream, const char *words, const char *what,
			   size_t at)
{
	struct mdevsim_reason why;
	int ret = host_stream_load(host, stream, WHOLE, &why);

	EXPECT_MSG(stream_error_is_documented(ret), "%s %zu: %d", what, at, ret);
	EXPECT_MSG(why.text[0] && strstr(why.text, words), "%s %zu: no \"%s\" in \"%s\"", what, at,
		   words, why.text);
}

/* How every sentence about a record calls it */
static const char *record_words(size_t index)
{
	static char words[32];

	snprintf(words, sizeof(words), "record %zu (", index);
	return words;
}

/* Of a byte of the stream: the words of what it is in, the header or a record */
static const char *words_at(const struct stream *stream, size_t at)
{
	size_t i = 0;

	if (at < MDEVSIM_STREAM_MAGIC_LEN)
		return "not a device-state stream";
	if (at < sizeof(struct mdevsim_stream_header))
		return "stream header: ";
	while (at >= stream_at(stream, i).offset + stream_at(stream, i).size)
		i++;
	return record_words(i);
}

static void sound_streams_are_taken_over(void)
{
	static const size_t pieces[] = { 1, 2, 7, 63, 64, 1000, 4096, WHOLE };
	struct mdevsim_reason why;
	struct stream again;
	size_t i;
	u16 minor;

	for (minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		begin(minor);
		EXPECT_EQ(stream_find(&good, MDEVSIM_RECORD_SCHEMA, 0), minor ? 1 : -1);
		for (i = 0; i < ARRAY_SIZE(pieces); i++) {
			EXPECT_EQ(host_stream_load(host, &good, pieces[i], &why), 0);
			EXPECT(!why.text[0]);
			again = host_stream_save(host, minor);
			EXPECT_MSG(!strcmp(stream_check(&again), "sound"), "%s",
				   stream_check(&again));
			EXPECT_MSG(!strcmp(stream_same_state(&good, &again), "same"), "%s",
				   stream_same_state(&good, &again));
			stream_free(&again);
		}
		end();
	}
}

/* A controller that holds something else is what it was after a stream that it refuses. */
static void what_is_refused_changes_nothing(void)
{
	struct stream before, after;
	struct mdevsim_reason why;
	size_t i, count;

	begin(MDEVSIM_STREAM_MINOR);
	end_host(host);
	host = host_stream_create();
	host_enable(host, 16);
	host_create_queue(host, 5, 7);
	EXPECT_OK(host, 5, host_rw(nvme_cmd_write, 77, 3, 0, 0));
	host->fn->ops->quiesce(host->fn);
	before = host_stream_save(host, MDEVSIM_STREAM_MINOR);
	count = stream_count(&good);
	for (i = 0; i < count; i++) {
		stream_at(&good, i);
		good.bytes[stream_at(&good, i).offset + stream_at(&good, i).size - 8] ^= 1;
		EXPECT_EQ(host_stream_load(host, &good, WHOLE, &why), -EBADMSG);
		good.bytes[stream_at(&good, i).offset + stream_at(&good, i).size - 8] ^= 1;
		after = host_stream_save(host, MDEVSIM_STREAM_MINOR);
		EXPECT_MSG(!strcmp(stream_same_state(&before, &after), "same"), "record %zu: %s", i,
			   stream_same_state(&before, &after));
		stream_free(&after);
	}
	stream_free(&before);
	end();
}

static void corrupt(size_t at, u8 change)
{
	const char *words = words_at(&good, at);

	good.bytes[at] ^= change;
	expect_refused(&good, words, "byte", at);
	good.bytes[at] ^= change;
}

/* Each bit alone, and one byte that is any other */
static void corrupt_byte(size_t at, u64 *seed)
{
	unsigned int bit;

	for (bit = 0; bit < 8; bit++)
		corrupt(at, 1 << bit);
	corrupt(at, 1 + random_below(seed, 255));
}

/* Bytes of a schema are many and much alike: one bit of each, and one byte that is any other. */
static void corrupt_schema_byte(size_t at, u64 *seed)
{
	corrupt(at, 1 << random_below(seed, 8));
	corrupt(at, 1 + random_below(seed, 255));
}

/* Of the header, of framing and of every body, in every version */
static void every_corrupt_byte_is_refused(void)
{
	struct stream_record second;
	u64 seed = 11;
	size_t at;
	u16 minor;

	for (minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		begin(minor);
		second = stream_at(&good, 1);
		for (at = 0; at < good.length && !ktap_failures; at++) {
			if (second.type == MDEVSIM_RECORD_SCHEMA &&
			    at - second.offset < second.size)
				corrupt_schema_byte(at, &seed);
			else
				corrupt_byte(at, &seed);
		}
		printf("# 1.%u: %zu bytes\n", minor, good.length);
		end();
	}
}

/* The warning follows from the temperature: it is what it is, whatever a stream says. */
static struct stream with_computed(const struct stream *stream, const struct stream *saved)
{
	struct stream copy = stream_copy(stream);
	struct mdevsim_state_nvme_logs *logs = stream_body_of(&copy, MDEVSIM_RECORD_NVME_LOGS);
	const struct mdevsim_state_nvme_logs *computed =
		stream_body_of(saved, MDEVSIM_RECORD_NVME_LOGS);

	logs->critical_warning = computed->critical_warning;
	return copy;
}

/*
 * A byte of a body is wrong and the checksum right: what is taken over all the
 * same is what the stream says.
 */
static void expect_sealed_judged(const struct stream *stream, size_t index, size_t at)
{
	struct stream again, expected;
	struct mdevsim_reason why;
	int ret = host_stream_load(host, stream, WHOLE, &why);

	if (ret) {
		EXPECT_MSG(stream_error_is_documented(ret) && strstr(why.text, "record "),
			   "byte %zu: %d \"%s\"", at, ret, why.text);
		return;
	}
	again = host_stream_save(host, 0);
	expected = with_computed(stream, &again);
	EXPECT_MSG(!strcmp(stream_same_state(&expected, &again), "same"),
		   "byte %zu of record %zu: %s", at, index, stream_same_state(&expected, &again));
	stream_free(&expected);
	stream_free(&again);
}

/* Values that are limits, or next to them */
static void corrupt_sealed(size_t index, size_t at)
{
	static const u8 changes[] = { 1, 0x10, 0x80, 0xff };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		good.bytes[at] ^= changes[i];
		stream_seal(&good, index);
		expect_sealed_judged(&good, index, at);
		good.bytes[at] ^= changes[i];
	}
	stream_seal(&good, index);
}

static void every_wrong_value_is_refused_or_taken_over(void)
{
	size_t count, index, at, body;

	begin(0);
	count = stream_count(&good);
	for (index = 0; index < count; index++) {
		struct stream_record record = stream_at(&good, index);

		/* Contents of blocks may be anything. */
		if (record.type == MDEVSIM_RECORD_NS_DATA)
			record.length = sizeof(struct mdevsim_state_ns_extent) + 16;
		body = record.offset + sizeof(struct mdevsim_record_header);
		for (at = body; at < body + record.length && !ktap_failures; at++)
			corrupt_sealed(index, at);
	}
	end();
}

/* Where a stream of @length bytes breaks off, in the driver's words */
static const char *cut_words(size_t length)
{
	static char words[48];
	struct stream_record record;
	size_t i = 0;

	if (length < sizeof(struct mdevsim_stream_header))
		return "in its header";
	for (record = stream_at(&good, 0); length >= record.offset + record.size; i++)
		record = stream_at(&good, i + 1);
	if (length == record.offset)
		return "before the end record";
	if (length < record.offset + sizeof(struct mdevsim_record_header))
		snprintf(words, sizeof(words), "in the header of record %zu", i);
	else
		snprintf(words, sizeof(words), "in record %zu (", i);
	return words;
}

static void every_truncation_is_refused(void)
{
	struct stream cut;
	u16 minor;

	for (minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		begin(minor);
		cut = good;
		for (cut.length = 0; cut.length < good.length; cut.length++)
			expect_refused(&cut, cut_words(cut.length), "length", cut.length);
		end();
	}
}

/* A change to records as a whole, at one place or two */
static void lose(struct stream *stream, size_t a, size_t b)
{
	stream_drop(stream, a);
}

static void repeat(struct stream *stream, size_t a, size_t b)
{
	stream_duplicate(stream, a);
}

/* Raw: the sequence numbers tell at once, and of the record they are in. */
static void expect_raw_refused(void (*change)(struct stream *stream, size_t a, size_t b), size_t a,
			       size_t b, size_t named)
{
	struct stream stream = stream_copy(&good);

	change(&stream, a, b);
	if (named < stream_count(&good))
		expect_refused(&stream, record_words(named), "records from", a);
	else
		expect_refused(&stream, "end record", "records from", a);
	stream_free(&stream);
}

/* Number of END, or of no record */
static size_t end_index(const struct stream *stream)
{
	long index = stream_find(stream, MDEVSIM_RECORD_END, 0);

	return index < 0 ? SIZE_MAX : (size_t)index;
}

/*
 * Settled: numbers, checksums and counts are right again, and only the order is
 * wrong, or it is not: then the stream is another sound one.
 */
static void expect_settled_judged(void (*change)(struct stream *stream, size_t a, size_t b),
				  size_t a, size_t b)
{
	struct stream stream = stream_copy(&good);
	size_t where;

	change(&stream, a, b);
	stream_settle(&stream);
	if (!strcmp(stream_check_where(&stream, &where), "sound"))
		expect_sealed_judged(&stream, a, 0);
	else if (where == stream_count(&stream) || where > end_index(&stream))
		expect_refused(&stream, "end record", "settled records from", a);
	else
		expect_refused(&stream, record_words(where), "settled records from", a);
	stream_free(&stream);
}

static void lost_repeated_and_exchanged_records_are_refused(void)
{
	size_t count, a, b;
	u16 minor;

	for (minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		begin(minor);
		count = stream_count(&good);
		for (a = 0; a < count; a++) {
			expect_raw_refused(lose, a, 0, a + 1 < count ? a : count);
			expect_settled_judged(lose, a, 0);
			expect_raw_refused(repeat, a, 0, a + 1);
			expect_settled_judged(repeat, a, 0);
			for (b = a + 1; b < count; b++) {
				expect_raw_refused(stream_swap, a, b, a);
				expect_settled_judged(stream_swap, a, b);
			}
		}
		printf("# 1.%u: %zu records\n", minor, count);
		end();
	}
}

/* Sound as a record, and not as a schema */
static void an_unsound_schema_is_refused(void)
{
	struct mdevsim_state_schema *schema;

	begin(MDEVSIM_STREAM_MINOR);
	schema = stream_body_of(&good, MDEVSIM_RECORD_SCHEMA);
	schema->reserved1 = cpu_to_le32(1);
	stream_seal(&good, 1);
	expect_refused(&good, "record 1 (schema, type 2)", "reserved field", 0);
	schema->reserved1 = 0;
	le16_add_cpu(&schema->nr_items, 1);
	stream_seal(&good, 1);
	expect_refused(&good, "its counts do not make its", "count", 0);
	le16_add_cpu(&schema->nr_items, -1);
	stream_seal(&good, 1);
	end();
}

static void schema_lengths_are_limited(void)
{
	static const size_t lengths[] = {
		0, sizeof(struct mdevsim_state_schema) - 8, MDEVSIM_MAX_SCHEMA + 8,
	};
	static const u8 nothing[MDEVSIM_MAX_SCHEMA + 8];
	struct stream stream;
	size_t i;

	begin(0);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		stream = stream_copy(&good);
		stream_header(&stream)->version_minor = cpu_to_le16(1);
		stream_insert(&stream, 1, MDEVSIM_RECORD_SCHEMA, 0, 1, nothing, lengths[i]);
		stream_settle(&stream);
		expect_refused(&stream, record_words(1), "length", i);
		stream_free(&stream);
	}
	end();
}

/* Every allocation fails once: refused for want of memory, and nothing is lost. */
static void want_of_memory_is_survived(void)
{
	struct mdevsim_reason why;
	int round = 0, ret;

	begin(MDEVSIM_STREAM_MINOR);
	do {
		shim_alloc_fail = round++;
		ret = host_stream_load(host, &good, WHOLE, &why);
		shim_alloc_fail = -1;
		EXPECT_MSG(!ret || (ret == -ENOMEM && strstr(why.text, "no memory")),
			   "round %d: %d \"%s\"", round, ret, why.text);
	} while (ret && !ktap_failures);
	EXPECT(round > 8);
	end();
}

/* ---- Golden streams ---------------------------------------------------- */

static struct stream read_file(const char *path)
{
	struct stream stream = {};
	FILE *file = fopen(path, "r");
	u8 bytes[4096];
	size_t got;

	if (!EXPECT_MSG(file, "%s: %s", path, strerror(errno)))
		abort();
	while ((got = fread(bytes, 1, sizeof(bytes), file)))
		stream_append(&stream, bytes, got);
	fclose(file);
	return stream;
}

static void expect_oldest_reads(const struct stream *stream, const char *what)
{
	const char *seen = stream_oldest_reads(stream);

	EXPECT_MSG(!strcmp(seen, "reads"), "%s: %s", what, seen);
}

/* Loads, is saved as the same state by this version, and that loads again. */
static void expect_golden(const char *path)
{
	struct stream golden = read_file(path), again;
	struct host *quiet = quiet_host();
	struct mdevsim_reason why;
	u16 minor;

	EXPECT_MSG(!strcmp(stream_check(&golden), "sound"), "%s: %s", path, stream_check(&golden));
	expect_oldest_reads(&golden, path);
	for (minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		EXPECT_MSG(!host_stream_load(quiet, &golden, WHOLE, &why), "%s: %s", path,
			   why.text);
		again = host_stream_save(quiet, minor);
		EXPECT_MSG(!strcmp(stream_same_state(&golden, &again), "same"), "%s: %s", path,
			   stream_same_state(&golden, &again));
		EXPECT_MSG(!host_stream_load(quiet, &again, WHOLE, &why), "%s: %s", path, why.text);
		stream_free(&again);
	}
	printf("# %s: %zu bytes\n", path, golden.length);
	stream_free(&golden);
	end_host(quiet);
}

/* A stream for each version that was ever released; none is ever left out. */
static void golden_streams_load(void)
{
	u32 minors = 0;
	glob_t found;
	size_t i;

	if (!EXPECT(!glob(GOLDEN "/*.bin", 0, NULL, &found)))
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		struct stream golden = read_file(found.gl_pathv[i]);

		minors |= 1U << le16_to_cpu(stream_header(&golden)->version_minor);
		stream_free(&golden);
		expect_golden(found.gl_pathv[i]);
	}
	EXPECT_EQ(minors, (1U << (MDEVSIM_STREAM_MINOR + 1)) - 1);
	globfree(&found);
}

/* ---- New to old -------------------------------------------------------- */

static void readers_of_1_0_read_every_version(void)
{
	char what[16];
	u16 minor;

	for (minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		begin(minor);
		snprintf(what, sizeof(what), "1.%u", minor);
		expect_oldest_reads(&good, what);
		end();
	}
}

/* Changes that drivers of the future must not make */

static void add_to_oldest(struct stream *stream)
{
	stream_header(stream)->version_minor = 0;
}

static void require_schema(struct stream *stream)
{
	struct stream_record schema = stream_at(stream, 1);

	stream_record_header(stream, &schema)->flags = 0;
}

static void require_feature(struct stream *stream)
{
	stream_header(stream)->required = cpu_to_le64(2);
}

static void raise_version(struct stream *stream)
{
	struct stream_record identity = stream_at(stream, 0);

	stream_record_header(stream, &identity)->version = cpu_to_le16(2);
}

static void mark_known(struct stream *stream)
{
	struct stream_record identity = stream_at(stream, 0);

	stream_record_header(stream, &identity)->flags = cpu_to_le16(MDEVSIM_RECORD_OPTIONAL);
}

static void swap_last(struct stream *stream)
{
	stream_swap(stream, stream_count(stream) - 3, stream_count(stream) - 2);
}

static void lose_last(struct stream *stream)
{
	stream_drop(stream, stream_count(stream) - 2);
}

static void lose_end(struct stream *stream)
{
	stream_drop(stream, stream_count(stream) - 1);
}

static void readers_of_1_0_do_not_read_what_is_new_and_required(void)
{
	static void (*const changes[])(struct stream *stream) = {
		add_to_oldest, require_schema, require_feature, raise_version, mark_known,
		swap_last, lose_last, lose_end,
	};
	struct stream stream;
	size_t i;

	begin(MDEVSIM_STREAM_MINOR);
	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		stream = stream_copy(&good);
		changes[i](&stream);
		EXPECT_MSG(strcmp(stream_oldest_reads(&stream), "reads"), "change %zu", i);
		stream_free(&stream);
	}
	end();
}

static const struct ktap_test tests[] = {
	KTAP_TEST(sound_streams_are_taken_over),
	KTAP_TEST(what_is_refused_changes_nothing),
	KTAP_TEST(every_corrupt_byte_is_refused),
	KTAP_TEST(every_wrong_value_is_refused_or_taken_over),
	KTAP_TEST(every_truncation_is_refused),
	KTAP_TEST(lost_repeated_and_exchanged_records_are_refused),
	KTAP_TEST(an_unsound_schema_is_refused),
	KTAP_TEST(schema_lengths_are_limited),
	KTAP_TEST(want_of_memory_is_survived),
	KTAP_TEST(golden_streams_load),
	KTAP_TEST(readers_of_1_0_read_every_version),
	KTAP_TEST(readers_of_1_0_do_not_read_what_is_new_and_required),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
