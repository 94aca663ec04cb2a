// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can happen to a small stream on its way: each byte corrupted,
 * cut at each byte, each record lost, repeated and exchanged with each other one.
 * The device refuses it, says which record was wrong, and works after a reset.
 */
#include <stdio.h>
#include "migration.h"
#include "stream_error.h"
#include "test.h"

#define KIB		1024
#define NAMESPACE	"16384"
#define BITS		8

/* Trying a device out takes longer than refusing a stream: after one in so many changed bytes. */
#define TRY_OUT		64

FIXTURE(corrupt) {
	struct bench bench;
	struct stream good;
};

/* Two extents, of data and of zeroes, and something in every record */
static struct stream small_stream(struct bench *bench)
{
	struct mdevsim_state_ns_extent zero = { .nsid = 1, .slba = 16, .nlb = 8 };
	int eventfds[BENCH_VECTORS], status;
	struct stream stream;

	bench_enrich(bench, eventfds);
	for (int i = 0; i < BENCH_VECTORS; i++)
		close(eventfds[i]);
	status = nvme_fill(&bench->nvme.io[0], 0, 4 * KIB, 1);
	must(status == NVME_SUCCESS, "seen %#x", status);
	stream = migration_save(&bench->device);
	stream_insert(&stream, (size_t)stream_find(&stream, MDEVSIM_RECORD_PCI_CONFIG, 0),
		      MDEVSIM_RECORD_NS_ZERO, 0, 1, &zero, sizeof(zero));
	stream_settle(&stream);
	must(!strcmp(stream_check(&stream), "sound"), "seen: %s", stream_check(&stream));
	return stream;
}

FIXTURE_SETUP(corrupt)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	ASSERT_EQ(0, mdev_write(&self->bench.device.mdev, "namespace_size", NAMESPACE));
}

FIXTURE_TEARDOWN(corrupt)
{
	stream_free(&self->good);
	TEST_TEARDOWN(&self->bench);
}

/* A good stream of version 1.@minor */
static void begin(struct __test_metadata *_metadata, struct bench *bench, struct stream *good,
		  unsigned int minor)
{
	char version[16];

	snprintf(version, sizeof(version), "%u.%u", MDEVSIM_STREAM_MAJOR, minor);
	ASSERT_EQ(0, mdev_write(&bench->device.mdev, "migration/stream_version", version));
	*good = small_stream(bench);
	ASSERT_EQ(minor, stream_header(good)->version_minor);
	ASSERT_EQ(0, device_reset(&bench->device));
}

/* After all of it the good stream loads, and is saved again as it was. */
static void end(struct __test_metadata *_metadata, struct device *device, struct stream *good)
{
	struct stream again;

	EXPECT_EQ(0, migration_load(device, good, 0));
	again = migration_save(device);
	EXPECT_STREQ("same", stream_same_state(good, &again));
	stream_free(&again);
	stream_free(good);
	ASSERT_EQ(0, device_reset(device));
}

/**
 * struct attempt - to load what is to be refused
 * @what: was done to the stream
 * @at: where
 * @words: in the refusal
 * @enough: bytes that are likely to do; the rest follows if they do not
 * @try_out: see afterwards that a driver can use the device
 */
struct attempt {
	const char *what;
	size_t at;
	const char *words;
	size_t enough;
	bool try_out;
};

/* Write what is likely to be enough, then the rest, then ask for the state to be taken over. */
static int load(struct device *device, const struct stream *stream, size_t enough)
{
	struct stream first = *stream, rest = *stream;
	int data_fd = migration_go(device, RESUMING), error;

	if (enough < stream->length) {
		first.length = enough;
		rest.bytes += enough;
		rest.length -= enough;
	} else {
		rest.length = 0;
	}
	error = migration_feed(data_fd, &first, 0) ?: migration_feed(data_fd, &rest, 0) ?:
		migration_set(device, STOP, NULL);
	close(data_fd);
	return error;
}

static void expect_refused(struct __test_metadata *_metadata, struct bench *bench,
			   const struct stream *stream, const struct attempt *attempt)
{
	struct device *device = &bench->device;
	int error = load(device, stream, attempt->enough);
	char refusal[256];

	EXPECT_TRUE(stream_error_is_documented(error))
		TH_LOG("%s %zu: %d", attempt->what, attempt->at, error);
	migration_refusal(device, refusal, sizeof(refusal));
	EXPECT_TRUE(refusal[0] && strstr(refusal, attempt->words))
		TH_LOG("%s %zu: no \"%s\" in \"%s\"", attempt->what, attempt->at, attempt->words,
		       refusal);
	ASSERT_EQ(0, device_reset(device));
	if (attempt->try_out)
		EXPECT_STREQ("works", nvme_works(device, &bench->arena))
			TH_LOG("after %s %zu", attempt->what, attempt->at);
}

/* The record that a byte is in; -1 in the header of the stream */
static long record_at(const struct stream *stream, size_t at)
{
	long i = 0;

	if (at < sizeof(struct mdevsim_stream_header))
		return -1;
	while (at >= stream_at(stream, (size_t)i).offset + stream_at(stream, (size_t)i).size)
		i++;
	return i;
}

/* What a refusal says when something is wrong at a byte */
static void byte_words(const struct stream *good, size_t at, char *words, size_t size)
{
	long index = record_at(good, at);

	if (index >= 0)
		snprintf(words, size, "record %ld (", index);
	else
		snprintf(words, size, "%s", at < MDEVSIM_STREAM_MAGIC_LEN ?
			 "not a device-state stream" : "stream header: ");
}

/* Bytes up to the end of the header or the record that a byte is in */
static size_t end_of(const struct stream *good, size_t at)
{
	long index = record_at(good, at);
	struct stream_record record;

	if (index < 0)
		return sizeof(struct mdevsim_stream_header);
	record = stream_at(good, (size_t)index);
	return record.offset + record.size;
}

static void expect_bytes_refused(struct __test_metadata *_metadata, struct bench *bench,
				 struct stream *good)
{
	char words[32];
	struct attempt attempt = { .what = "byte", .words = words };
	uint64_t start = must_now_ms();

	for (size_t at = 0; at < good->length; at++) {
		uint8_t change = (uint8_t)(at % 3 ? 1 << at % BITS : 0xff >> at % BITS);

		byte_words(good, at, words, sizeof(words));
		attempt.at = at;
		attempt.enough = end_of(good, at);
		attempt.try_out = at % TRY_OUT == 0;
		good->bytes[at] ^= change;
		expect_refused(_metadata, bench, good, &attempt);
		good->bytes[at] ^= change;
	}
	TH_LOG("%zu bytes in %llu ms", good->length,
	       (unsigned long long)(must_now_ms() - start));
}

/*
 * A bit or several of each byte, one byte at a time. The driver's own code is run in user space
 * by unit/state_load_test.c, where there is time for each bit but those of SCHEMA.
 */
TEST_F_TIMEOUT(corrupt, each_byte, 600)
{
	for (unsigned int minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		begin(_metadata, &self->bench, &self->good, minor);
		expect_bytes_refused(_metadata, &self->bench, &self->good);
		end(_metadata, &self->bench.device, &self->good);
	}
}

/* Where a stream of @length bytes breaks off, in the driver's words */
static void cut_words(const struct stream *good, size_t length, char *words, size_t size)
{
	long index = record_at(good, length);
	struct stream_record record;

	if (index < 0) {
		snprintf(words, size, "in its header");
		return;
	}
	record = stream_at(good, (size_t)index);
	if (length == record.offset)
		snprintf(words, size, "before the end record");
	else if (length < record.offset + sizeof(struct mdevsim_record_header))
		snprintf(words, size, "in the header of record %ld", index);
	else
		snprintf(words, size, "in record %ld (", index);
}

static void expect_cuts_refused(struct __test_metadata *_metadata, struct bench *bench,
				const struct stream *good)
{
	char words[48];
	struct attempt attempt = { .what = "length", .words = words, .enough = SIZE_MAX };
	uint64_t start = must_now_ms();
	struct stream cut = *good;

	for (cut.length = 0; cut.length < good->length; cut.length++) {
		cut_words(good, cut.length, words, sizeof(words));
		attempt.at = cut.length;
		attempt.try_out = cut.length % TRY_OUT == 0;
		expect_refused(_metadata, bench, &cut, &attempt);
	}
	TH_LOG("%zu lengths in %llu ms", good->length,
	       (unsigned long long)(must_now_ms() - start));
}

TEST_F_TIMEOUT(corrupt, each_truncation, 600)
{
	for (unsigned int minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		begin(_metadata, &self->bench, &self->good, minor);
		expect_cuts_refused(_metadata, &self->bench, &self->good);
		end(_metadata, &self->bench.device, &self->good);
	}
}

/* Changes to records as a whole, at one place or two */

static void drop(struct stream *stream, size_t a, size_t b)
{
	stream_drop(stream, a);
}

static void duplicate(struct stream *stream, size_t a, size_t b)
{
	stream_duplicate(stream, a);
}

typedef void (*change_fn)(struct stream *stream, size_t a, size_t b);

/* The sequence numbers tell, in the record @named, or behind END. */
static void expect_raw_refused(struct __test_metadata *_metadata, struct bench *bench,
			       const struct stream *good, change_fn change, size_t a, size_t b,
			       size_t named)
{
	struct attempt attempt = {
		.what = "records from", .at = a, .enough = SIZE_MAX, .try_out = true,
	};
	struct stream stream = stream_copy(good);
	char words[32];

	change(&stream, a, b);
	snprintf(words, sizeof(words), "record %zu (", named);
	attempt.words = named < stream_count(good) ? words : "end record";
	expect_refused(_metadata, bench, &stream, &attempt);
	stream_free(&stream);
}

/* Another sound stream: it has to be loaded, and the device is then in the state that it says. */
static void expect_loaded(struct __test_metadata *_metadata, struct device *device,
			  const struct stream *stream)
{
	struct stream again;

	ASSERT_EQ(0, migration_load(device, stream, 0));
	again = migration_save(device);
	EXPECT_STREQ("same", stream_same_state(stream, &again));
	stream_free(&again);
	ASSERT_EQ(0, device_reset(device));
}

/* Numbers, checksums and counts are right again: only the order is wrong, or it is not. */
static void expect_settled_judged(struct __test_metadata *_metadata, struct bench *bench,
				  const struct stream *good, change_fn change, size_t a, size_t b)
{
	struct attempt attempt = {
		.what = "settled records from", .at = a, .enough = SIZE_MAX, .try_out = true,
	};
	struct stream stream = stream_copy(good);
	char words[32];
	size_t where;
	long end;

	change(&stream, a, b);
	stream_settle(&stream);
	if (!strcmp(stream_check_where(&stream, &where), "sound")) {
		expect_loaded(_metadata, &bench->device, &stream);
		stream_free(&stream);
		return;
	}
	end = stream_find(&stream, MDEVSIM_RECORD_END, 0);
	snprintf(words, sizeof(words), "record %zu (", where);
	attempt.words = where == stream_count(&stream) || (end >= 0 && where > (size_t)end) ?
		"end record" : words;
	expect_refused(_metadata, bench, &stream, &attempt);
	stream_free(&stream);
}

static void expect_records_judged(struct __test_metadata *_metadata, struct bench *bench,
				  const struct stream *good)
{
	size_t count = stream_count(good);
	uint64_t start = must_now_ms();

	for (size_t a = 0; a < count; a++) {
		expect_raw_refused(_metadata, bench, good, drop, a, 0, a + 1 < count ? a : count);
		expect_settled_judged(_metadata, bench, good, drop, a, 0);
		expect_raw_refused(_metadata, bench, good, duplicate, a, 0, a + 1);
		expect_settled_judged(_metadata, bench, good, duplicate, a, 0);
		for (size_t b = a + 1; b < count; b++) {
			expect_raw_refused(_metadata, bench, good, stream_swap, a, b, a);
			expect_settled_judged(_metadata, bench, good, stream_swap, a, b);
		}
	}
	TH_LOG("%zu records in %llu ms", count, (unsigned long long)(must_now_ms() - start));
}

TEST_F_TIMEOUT(corrupt, each_record, 300)
{
	for (unsigned int minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
		begin(_metadata, &self->bench, &self->good, minor);
		expect_records_judged(_metadata, &self->bench, &self->good);
		end(_metadata, &self->bench.device, &self->good);
	}
}

TEST_MAIN
