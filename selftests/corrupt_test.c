// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can happen to a small stream on its way: each byte corrupted,
 * cut at each byte, each record lost, repeated and exchanged with each other one.
 * The device refuses it, says which record was wrong, and works after a reset.
 */
#include <errno.h>
#include "migration.h"
#include "test.h"

#define KIB		1024
#define NAMESPACE	"16384"
#define BITS		8

FIXTURE(corrupt) {
	struct bench bench;
	struct device *device;
	struct stream good;
};

FIXTURE_VARIANT(corrupt) {
	const char *version;
	uint16_t minor;
};

FIXTURE_VARIANT_ADD(corrupt, v1_0) {
	.version = "1.0",
	.minor = 0,
};

FIXTURE_VARIANT_ADD(corrupt, v1_1) {
	.version = "1.1",
	.minor = 1,
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
	self->device = &self->bench.device;
	ASSERT_EQ(0, mdev_write(&self->device->mdev, "namespace_size", NAMESPACE));
	ASSERT_EQ(0, mdev_write(&self->device->mdev, "migration/stream_version",
				variant->version));
	self->good = small_stream(&self->bench);
	ASSERT_EQ(variant->minor, stream_header(&self->good)->version_minor);
	ASSERT_EQ(0, device_reset(self->device));
}

/* After all of it the good stream loads, and is saved again as it was. */
FIXTURE_TEARDOWN(corrupt)
{
	struct stream again;

	EXPECT_EQ(0, migration_load(self->device, &self->good, 0));
	again = migration_save(self->device);
	EXPECT_STREQ("same", stream_same_state(&self->good, &again));
	stream_free(&again);
	stream_free(&self->good);
	ASSERT_EQ(0, device_reset(self->device));
	TEST_TEARDOWN(&self->bench);
}

static bool is_documented(int error)
{
	static const int documented[] = {
		EILSEQ, EOPNOTSUPP, EPROTO, EMSGSIZE, EBADMSG, EXDEV, EINVAL, ENODATA,
	};

	for (size_t i = 0; i < ARRAY_SIZE(documented); i++) {
		if (error == -documented[i])
			return true;
	}
	return false;
}

/**
 * struct attempt - to load what is to be refused
 * @what: was done to the stream
 * @at: where
 * @words: in the refusal
 * @enough: bytes that are likely to do; the rest follows if they do not
 */
struct attempt {
	const char *what;
	size_t at;
	const char *words;
	size_t enough;
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

static void expect_refused(struct __test_metadata *_metadata, struct device *device,
			   const struct stream *stream, const struct attempt *attempt)
{
	char refusal[256];
	int error = load(device, stream, attempt->enough);

	EXPECT_TRUE(is_documented(error))
		TH_LOG("%s %zu: %d", attempt->what, attempt->at, error);
	migration_refusal(device, refusal, sizeof(refusal));
	EXPECT_TRUE(refusal[0] && strstr(refusal, attempt->words))
		TH_LOG("%s %zu: no \"%s\" in \"%s\"", attempt->what, attempt->at, attempt->words,
		       refusal);
	ASSERT_EQ(0, device_reset(device));
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

/* A bit or several of each byte, one byte at a time; unit tests try each bit of it. */
TEST_F_TIMEOUT(corrupt, each_byte, 600)
{
	struct attempt attempt = { .what = "byte" };
	uint64_t start = must_now_ms();
	char words[32] = "";
	long index, last = -1;

	for (size_t at = 0; at < self->good.length; at++) {
		uint8_t change = (uint8_t)(at % 3 ? 1 << at % BITS : 0xff >> at % BITS);

		index = record_at(&self->good, at);
		if (index != last)
			snprintf(words, sizeof(words), "record %ld (", index);
		last = index;
		attempt.at = at;
		attempt.words = words;
		attempt.enough = index < 0 ? at + 1 : stream_at(&self->good, (size_t)index).offset +
			stream_at(&self->good, (size_t)index).size;
		self->good.bytes[at] ^= change;
		expect_refused(_metadata, self->device, &self->good, &attempt);
		self->good.bytes[at] ^= change;
	}
	TH_LOG("%zu bytes in %llu ms", self->good.length,
	       (unsigned long long)(must_now_ms() - start));
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

TEST_F_TIMEOUT(corrupt, each_truncation, 600)
{
	char words[48];
	struct attempt attempt = { .what = "length", .words = words, .enough = SIZE_MAX };
	uint64_t start = must_now_ms();
	struct stream cut = self->good;

	for (cut.length = 0; cut.length < self->good.length; cut.length++) {
		cut_words(&self->good, cut.length, words, sizeof(words));
		attempt.at = cut.length;
		expect_refused(_metadata, self->device, &cut, &attempt);
	}
	TH_LOG("%zu lengths in %llu ms", self->good.length,
	       (unsigned long long)(must_now_ms() - start));
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
static void expect_raw_refused(struct __test_metadata *_metadata, struct device *device,
			       const struct stream *good, change_fn change, size_t a, size_t b,
			       size_t named)
{
	struct attempt attempt = { .what = "records from", .at = a, .enough = SIZE_MAX };
	struct stream stream = stream_copy(good);
	char words[32];

	change(&stream, a, b);
	snprintf(words, sizeof(words), "record %zu (", named);
	attempt.words = named < stream_count(good) ? words : "end record";
	expect_refused(_metadata, device, &stream, &attempt);
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
static void expect_settled_judged(struct __test_metadata *_metadata, struct device *device,
				  const struct stream *good, change_fn change, size_t a, size_t b)
{
	struct attempt attempt = { .what = "settled records from", .at = a, .enough = SIZE_MAX };
	struct stream stream = stream_copy(good);
	char words[32];
	size_t where;
	long end;

	change(&stream, a, b);
	stream_settle(&stream);
	if (!strcmp(stream_check_where(&stream, &where), "sound")) {
		expect_loaded(_metadata, device, &stream);
		stream_free(&stream);
		return;
	}
	end = stream_find(&stream, MDEVSIM_RECORD_END, 0);
	snprintf(words, sizeof(words), "record %zu (", where);
	attempt.words = where == stream_count(&stream) || (end >= 0 && where > (size_t)end) ?
		"end record" : words;
	expect_refused(_metadata, device, &stream, &attempt);
	stream_free(&stream);
}

TEST_F_TIMEOUT(corrupt, each_record, 300)
{
	const struct stream *good = &self->good;
	size_t count = stream_count(good);
	uint64_t start = must_now_ms();

	for (size_t a = 0; a < count; a++) {
		expect_raw_refused(_metadata, self->device, good, drop, a, 0,
				   a + 1 < count ? a : count);
		expect_settled_judged(_metadata, self->device, good, drop, a, 0);
		expect_raw_refused(_metadata, self->device, good, duplicate, a, 0, a + 1);
		expect_settled_judged(_metadata, self->device, good, duplicate, a, 0);
		for (size_t b = a + 1; b < count; b++) {
			expect_raw_refused(_metadata, self->device, good, stream_swap, a, b, a);
			expect_settled_judged(_metadata, self->device, good, stream_swap, a, b);
		}
	}
	TH_LOG("%zu records in %llu ms", count, (unsigned long long)(must_now_ms() - start));
}

TEST_MAIN
