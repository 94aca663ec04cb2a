// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of loading: what is written to the session, in whatever pieces, and what
 * becomes of a device that is given something else than a state.
 *
 * A state is opaque: whether a change of it can be told from another state only its
 * driver knows. What is demanded is that the device is as good as before after a reset.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>
#include "array_size.h"
#include "conform.h"
#include "feature.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define NR_SAVES	4	/* by which bytes that differ each time are told */
#define NR_FLIPS	100
#define NR_WRITERS	3

static struct conform_bytes copy_of(const struct conform_bytes *from, size_t size)
{
	struct conform_bytes copy = { conform_alloc(size), size };

	memcpy(copy.data, from->data, size < from->size ? size : from->size);
	return copy;
}

/* ---- Segments ---------------------------------------------------------- */

static void segments(struct conform *conform)
{
	static const size_t sizes[] = { 0, 1, 3, 7, 64, 511, 4095, 4096, 4097, 65537 };
	const struct conform_bytes *saved = &conform->subject->saved;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* What is large is not given in bites. */
		if (sizes[i] && saved->size / sizes[i] > 100000)
			continue;
		conform_need_result(conform, conform_reset(conform), 0);
		conform_load_must(conform, saved, sizes[i]);
		conform_go(conform, STATE(RUNNING));
	}
}

static void two_halves(struct conform *conform)
{
	const struct conform_bytes *saved = &conform->subject->saved;
	size_t step = saved->size / 40 + 1, at;
	struct conform_bytes head, tail;

	for (at = 1; at < saved->size; at += step) {
		head = (struct conform_bytes){ saved->data, at };
		tail = (struct conform_bytes){ saved->data + at, saved->size - at };
		conform_need_result(conform, conform_reset(conform), 0);
		conform_go(conform, STATE(RESUMING));
		conform_need_result(conform, conform_feed(conform, &head, 0), 0);
		conform_need_result(conform, conform_feed(conform, &tail, 0), 0);
		conform_need_result(conform, conform_set(conform, STATE(STOP)), 0);
	}
}

static void vectors(struct conform *conform)
{
	const struct conform_bytes *saved = &conform->subject->saved;
	size_t first = saved->size / 3, second = saved->size / 2;
	struct iovec vector[] = {
		{ saved->data, first },
		{ saved->data + first, 0 },
		{ saved->data + first, second - first },
		{ saved->data + second, saved->size - second },
	};
	struct conform_bytes rest;
	ssize_t put;

	conform_go(conform, STATE(RESUMING));
	conform_doing(conform, "writev to a data fd");
	put = writev(conform->came, vector, ARRAY_SIZE(vector));
	conform_need(conform, put > 0, "that bytes are taken", "%s",
		     put < 0 ? conform_errno(-errno) : "none");
	rest = (struct conform_bytes){ saved->data + put, saved->size - put };
	conform_need_result(conform, conform_feed(conform, &rest, 0), 0);
	conform_need_result(conform, conform_set(conform, STATE(STOP)), 0);
}

static void nothing(struct conform *conform)
{
	uint8_t byte = 0;

	conform_go(conform, STATE(RESUMING));
	conform_expect_result(conform, conform_write_fd(conform, conform->came, &byte, 0), 0);
	conform_need_result(conform, conform_feed(conform, &conform->subject->saved, 0), 0);
	conform_expect_result(conform, conform_set(conform, STATE(STOP)), 0);
}

static void no_memory(struct conform *conform)
{
	ssize_t ret;

	conform_go(conform, STATE(RESUMING));
	ret = conform_write_fd(conform, conform->came, (void *)8,
			       conform->subject->saved.size < 100 ?
			       conform->subject->saved.size : 100);
	conform_expect_result(conform, ret, -EFAULT);
	conform_need_result(conform, conform_feed(conform, &conform->subject->saved, 0), 0);
	conform_expect_result(conform, conform_set(conform, STATE(STOP)), 0);
}

static void over(struct conform *conform)
{
	uint8_t byte = 0;
	int fd;

	conform_go(conform, STATE(RESUMING));
	fd = conform->came;
	conform_need_result(conform, conform_feed(conform, &conform->subject->saved, 0), 0);
	conform_need_result(conform, conform_set(conform, STATE(STOP)), 0);
	conform_expect_result(conform, conform_write_fd(conform, fd, &byte, 1), ANY_ERROR);
	conform_go(conform, STATE(RUNNING));
	conform_expect_result(conform, conform_write_fd(conform, fd, &byte, 1), ANY_ERROR);
}

/* ---- No state, half a state -------------------------------------------- */

/* Failed as it should have, it is where it was or in ERROR. */
static void expect_refusal(struct conform *conform, int ret)
{
	uint32_t state = STATE(ERROR);

	conform_expect(conform, ret < 0, "that it is refused", "%s", conform_errno(ret));
	conform_need_result(conform, conform_get(conform, &state, NULL), 0);
	if (ret < 0)
		conform_expect(conform, state == STATE(RESUMING) || state == STATE(ERROR),
			       "RESUMING or ERROR", "%s", migration_state_name(state));
}

static void truncated_at(struct conform *conform, size_t size)
{
	struct conform_bytes part = { conform->subject->saved.data, size };

	conform_need_result(conform, conform_reset(conform), 0);
	conform_go(conform, STATE(RESUMING));
	conform_need_result(conform, conform_feed(conform, &part, 0), 0);
	expect_refusal(conform, conform_set(conform, STATE(STOP)));
}

static void empty(struct conform *conform)
{
	truncated_at(conform, 0);
	conform_works(conform);
}

/* From ERROR nothing leads but a reset; to stay in RESUMING and be asked once more is as good. */
static void empty_again(struct conform *conform)
{
	uint32_t state;

	conform_go(conform, STATE(RESUMING));
	for (state = STATE(STOP); state < MIGRATION_NR_STATES; state++) {
		if (!conform_has_state(conform, state) || state == STATE(RESUMING))
			continue;
		expect_refusal(conform, conform_set(conform, state));
	}
	conform_works(conform);
}

static void truncated(struct conform *conform)
{
	size_t size = conform->subject->saved.size, step = size / 24 + 1, at;

	for (at = 1; at < size; at += step)
		truncated_at(conform, at);
	truncated_at(conform, size - 1);
	conform_works(conform);
}

/* ---- What is no state of this device ----------------------------------- */

/* Refused when it is written or when RESUMING is left: 0 if neither. */
static int try_to_load(struct conform *conform, const struct conform_bytes *state)
{
	int ret;

	conform_need_result(conform, conform_reset(conform), 0);
	conform_go(conform, STATE(RESUMING));
	ret = conform_feed(conform, state, 0);
	if (ret)
		return ret;
	return conform_set(conform, STATE(STOP));
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 8;
}

static void foreign(struct conform *conform)
{
	struct conform_bytes state = copy_of(&conform->subject->saved,
					     conform->subject->saved.size);
	uint32_t seed = 4711;
	size_t i;

	memset(state.data, 0, state.size);
	expect_refusal(conform, try_to_load(conform, &state));
	memset(state.data, 0xff, state.size);
	expect_refusal(conform, try_to_load(conform, &state));
	for (i = 0; i < state.size; i++)
		state.data[i] = next_random(&seed);
	expect_refusal(conform, try_to_load(conform, &state));
	conform_works(conform);
}

/* Bytes that led to an error are written again as they should have been. */
static void refusal_sticks(struct conform *conform)
{
	struct conform_bytes state = copy_of(&conform->subject->saved,
					     conform->subject->saved.size);
	size_t head = state.size < 64 ? state.size : 64, at;

	for (at = 0; at < head; at++)
		state.data[at] = ~state.data[at];
	conform_go(conform, STATE(RESUMING));
	for (at = 0; at < state.size; at += head) {
		if (head > state.size - at)
			head = state.size - at;
		conform_write(conform, state.data + at, head);
	}
	expect_refusal(conform, conform_set(conform, STATE(STOP)));
	conform_works(conform);
}

/* What was taken for a state is used, as far as that is known. */
static void use(struct conform *conform)
{
	const struct conform_worker *worker = conform->subject->worker;

	conform_go(conform, STATE(RUNNING));
	if (worker && worker->careless)
		worker->ask(conform);
}

/* A field that is larger than any that makes sense, wherever there is one. */
static void extremes(struct conform *conform, struct conform_bytes *state)
{
	size_t step = state->size / NR_FLIPS + 1, at;

	for (at = 0; at < state->size; at += step) {
		state->data[at] = 0xff;
		if (!try_to_load(conform, state))
			use(conform);
		state->data[at] = conform->subject->saved.data[at];
	}
}

static void corrupted(struct conform *conform)
{
	struct conform_bytes state = copy_of(&conform->subject->saved,
					     conform->subject->saved.size);
	uint32_t seed = 99;
	size_t at;
	int i;

	for (i = 0; i < NR_FLIPS; i++) {
		at = next_random(&seed) % state.size;
		state.data[at] ^= 1 << next_random(&seed) % 8;
		if (!try_to_load(conform, &state))
			use(conform);
		state.data[at] = conform->subject->saved.data[at];
	}
	extremes(conform, &state);
	conform_works(conform);
}

static void swollen(struct conform *conform)
{
	struct conform_bytes state = copy_of(&conform->subject->saved,
					     conform->subject->saved.size + 100000);

	try_to_load(conform, &state);
	conform_works(conform);
}

/* Each was read from one data fd, and the rest from another. */
static void other_session(struct conform *conform)
{
	struct conform_bytes other = conform_save_stopped(conform);
	struct conform_bytes state = copy_of(&other, other.size);
	size_t half = state.size / 2;
	bool same;

	if (half > conform->subject->saved.size)
		half = conform->subject->saved.size;
	same = !memcmp(other.data, conform->subject->saved.data, half);
	memcpy(state.data, conform->subject->saved.data, half);
	if (same)
		conform_expect_result(conform, try_to_load(conform, &state), 0);
	else
		try_to_load(conform, &state);
	conform_works(conform);
}

/* What comes of it is chance; nothing but this session may suffer. */
struct writer {
	int fd;
	const struct conform_bytes *state;
};

static void *write_all(void *context)
{
	struct writer *writer = context;
	size_t at, size;
	ssize_t put;

	for (at = 0; at < writer->state->size; at += put) {
		size = writer->state->size - at < 61 ? writer->state->size - at : 61;
		put = write(writer->fd, writer->state->data + at, size);
		if (put <= 0)
			break;
	}
	return NULL;
}

static void threads(struct conform *conform)
{
	struct writer writer = { .state = &conform->subject->saved };
	pthread_t ids[NR_WRITERS];
	unsigned int i, round;

	for (round = 0; round < 5; round++) {
		conform_need_result(conform, conform_reset(conform), 0);
		conform_go(conform, STATE(RESUMING));
		writer.fd = conform->came;
		for (i = 0; i < NR_WRITERS; i++)
			conform_need(conform, !pthread_create(&ids[i], NULL, write_all, &writer),
				     "a thread", "none");
		conform_doing(conform, "%u threads write to one data fd", NR_WRITERS);
		for (i = 0; i < NR_WRITERS; i++)
			pthread_join(ids[i], NULL);
		conform_set(conform, STATE(STOP));
		close(writer.fd);
	}
	conform_works(conform);
}

static void leave_writer(struct conform *conform)
{
	struct writer writer = { .state = &conform->subject->saved };
	pthread_t id;
	int i;

	for (i = 0; i < 10; i++) {
		conform_go(conform, STATE(RESUMING));
		writer.fd = conform->came;
		conform_need(conform, !pthread_create(&id, NULL, write_all, &writer), "a thread",
			     "none");
		conform_need_result(conform, conform_reset(conform), 0);
		conform_doing(conform, "a thread writes while the device is reset");
		pthread_join(id, NULL);
		close(writer.fd);
	}
	conform_works(conform);
}

/* ---- Save, load, save -------------------------------------------------- */

/* Bytes that are not the same in all saves of one state: names of sessions, checksums. */
static uint8_t *find_volatile(struct conform *conform, const struct conform_bytes *first)
{
	uint8_t *differs = conform_alloc(first->size);
	struct conform_bytes again;
	size_t at;
	int i;

	for (i = 1; i < NR_SAVES; i++) {
		again = conform_save_stopped(conform);
		conform_need(conform, again.size == first->size, "a state of the same size",
			     "%zu bytes, then %zu", first->size, again.size);
		for (at = 0; at < first->size; at++)
			differs[at] |= again.data[at] != first->data[at];
		free(again.data);
	}
	return differs;
}

static void expect_same(struct conform *conform, const struct conform_bytes *before,
			const struct conform_bytes *after, const uint8_t *differs)
{
	size_t at;

	conform_doing(conform, "save what was loaded");
	if (!conform_expect(conform, after->size == before->size, "a state of the same size",
			    "%zu bytes, then %zu", before->size, after->size))
		return;
	for (at = 0; at < before->size; at++)
		if (!differs[at] &&
		    !conform_expect(conform, before->data[at] == after->data[at],
				    "the state that was loaded",
				    "byte %zu is %#x, was %#x in all saves before", at,
				    after->data[at], before->data[at]))
			return;
}

/* Never in RUNNING in between: the state stays. */
static void round_trip(struct conform *conform)
{
	struct conform_bytes before, after;
	uint8_t *differs;

	if (conform->subject->worker)
		conform->subject->worker->start(conform);
	conform_go(conform, STATE(STOP));
	before = conform_save_stopped(conform);
	differs = find_volatile(conform, &before);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_load_must(conform, &before, 0);
	after = conform_save_stopped(conform);
	expect_same(conform, &before, &after, differs);
}

static void runs_after_load(struct conform *conform)
{
	conform_load_must(conform, &conform->subject->saved, 0);
	conform_go(conform, STATE(RUNNING));
	conform_expect_state(conform, STATE(RUNNING));
	conform_works(conform);
}

/* ---- Another device ---------------------------------------------------- */

static struct conform open_second(struct conform *conform)
{
	struct conform second = {
		.subject = conform->subject,
		.check = conform->check,
		.report = conform->report,
		.device = VFIO_DEVICE_CLOSED,
		.came = -1,
	};
	int status;

	conform_doing(conform, "open %s", conform->subject->second);
	status = vfio_open(&second.device, conform->subject->second, conform->subject->arguments,
			   &conform->device);
	conform_need(conform, !status, "that it can be opened", "standard error says");
	status = migration_begin(&second.migration, &second.device, conform->subject->ops);
	conform_need(conform, !status, "that it offers migration", "standard error says");
	return second;
}

static void second_load(struct conform *conform)
{
	struct conform second = open_second(conform);

	second.migration.device = &second.device;
	conform_need_result(&second, conform_reset(&second), 0);
	conform_load_must(&second, &conform->subject->saved, 0);
	conform_go(&second, STATE(RUNNING));
	conform_need_result(&second, conform_reset(&second), 0);
}

/* In between it may bear the name of the other device. */
static void second_back(struct conform *conform)
{
	struct conform_bytes before, there, after;
	struct conform second;
	uint8_t *differs;

	if (conform->subject->worker)
		conform->subject->worker->start(conform);
	before = conform_save_stopped(conform);
	differs = find_volatile(conform, &before);
	second = open_second(conform);
	second.migration.device = &second.device;
	conform_need_result(&second, conform_reset(&second), 0);
	conform_load_must(&second, &before, 0);
	there = conform_save_stopped(&second);
	conform_need_result(&second, conform_reset(&second), 0);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_load_must(conform, &there, 0);
	after = conform_save_stopped(conform);
	expect_same(conform, &before, &after, differs);
}

static void second_live(struct conform *conform)
{
	struct conform second = open_second(conform);
	uint8_t bytes[1000];
	ssize_t got;

	second.migration.device = &second.device;
	conform_need_result(&second, conform_reset(&second), 0);
	conform_go(&second, STATE(RESUMING));
	if (conform->subject->has & NEEDS_PRE_COPY) {
		conform_go(conform, STATE(PRE_COPY));
		while ((got = conform_read(conform, bytes, sizeof(bytes))) > 0)
			conform_need_result(&second,
					    conform_feed(&second,
							 &(struct conform_bytes){ bytes, got }, 0),
					    0);
	}
	conform_go(conform, STATE(STOP_COPY));
	while ((got = conform_read(conform, bytes, sizeof(bytes))) > 0)
		conform_need_result(&second,
				    conform_feed(&second, &(struct conform_bytes){ bytes, got }, 0),
				    0);
	conform_need_result(conform, got, 0);
	conform_go(&second, STATE(RUNNING));
	conform_go(conform, STATE(STOP));
	conform_expect_state(&second, STATE(RUNNING));
	conform_expect_state(conform, STATE(STOP));
	conform_need_result(&second, conform_reset(&second), 0);
}

#define RESUMING_STOP	"enum vfio_device_mig_state, RESUMING -> STOP"
#define STOP_RESUMING	"enum vfio_device_mig_state, STOP -> RESUMING"
#define SEGMENTATION	"VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, buffer segmentation"

static const struct conform_check checks[] = {
	{
		.name = "write.segments",
		.place = SEGMENTATION,
		.rule = "a state can be written in pieces of any size",
		.needs = NEEDS_STATE,
		.run = segments,
	}, {
		.name = "write.cuts",
		.place = SEGMENTATION,
		.rule = "and cut in two anywhere",
		.needs = NEEDS_STATE,
		.run = two_halves,
	}, {
		.name = "write.vectors",
		.place = SEGMENTATION,
		.rule = "and gathered from several buffers",
		.needs = NEEDS_STATE | NEEDS_V2,
		.run = vectors,
	}, {
		.name = "write.nothing",
		.place = SEGMENTATION,
		.rule = "to write 0 bytes adds nothing",
		.needs = NEEDS_STATE | NEEDS_V2,
		.run = nothing,
	}, {
		.name = "write.no-memory",
		.place = SEGMENTATION,
		.rule = "a buffer that is not there is EFAULT, and adds nothing",
		.needs = NEEDS_STATE | NEEDS_V2,
		.run = no_memory,
	}, {
		.name = "write.over",
		.place = RESUMING_STOP,
		.rule = "leaving RESUMING ends the session: nothing can be written any more",
		.needs = NEEDS_STATE | NEEDS_V2,
		.run = over,
	}, {
		.name = "write.empty",
		.place = RESUMING_STOP,
		.rule = "no state at all is refused, and the device can be used after a reset",
		.run = empty,
	}, {
		.name = "write.empty-anywhere",
		.place = RESUMING_STOP,
		.rule = "and that whichever state is asked for",
		.needs = NEEDS_V2,
		.run = empty_again,
	}, {
		.name = "write.truncated",
		.place = RESUMING_STOP,
		.rule = "a state of which a part is missing is refused, however small the part",
		.needs = NEEDS_STATE,
		.run = truncated,
	}, {
		.name = "write.foreign",
		.place = RESUMING_STOP,
		.rule = "what is no state is refused: zeroes, ones, noise",
		.needs = NEEDS_STATE,
		.run = foreign,
	}, {
		.name = "write.refused-stays-refused",
		.place = RESUMING_STOP,
		.rule = "a state with a broken head is not taken because writing went on behind it",
		.needs = NEEDS_STATE,
		.run = refusal_sticks,
	}, {
		.name = "write.corrupted",
		.place = RESUMING_STOP,
		.rule = "a state with wrong bits does no harm, taken or not",
		.needs = NEEDS_STATE,
		.run = corrupted,
	}, {
		.name = "write.swollen",
		.place = RESUMING_STOP,
		.rule = "nor do bytes behind its end",
		.needs = NEEDS_STATE,
		.run = swollen,
	}, {
		.name = "write.other-session",
		.place = STOP_RESUMING,
		.rule = "nor do halves of two sessions, which are taken if they are the same in both",
		.needs = NEEDS_STATE,
		.run = other_session,
	}, {
		.name = "write.threads",
		.place = SEGMENTATION,
		.rule = "threads that write to one data fd do no harm",
		.needs = NEEDS_STATE | NEEDS_V2,
		.run = threads,
	}, {
		.name = "write.left",
		.place = RESUMING_STOP,
		.rule = "a reset ends a write, and does not wait for it for ever",
		.needs = NEEDS_STATE | NEEDS_V2,
		.run = leave_writer,
	}, {
		.name = "load.round-trip",
		.place = RESUMING_STOP,
		.rule = "the state of a device is the one that was loaded: saved again it is the same",
		.run = round_trip,
	}, {
		.name = "load.runs",
		.place = "enum vfio_device_mig_state, RUNNING_P2P -> RUNNING",
		.rule = "a device runs with a state that was loaded, and can be saved",
		.needs = NEEDS_STATE,
		.run = runs_after_load,
	}, {
		.name = "second.load",
		.place = STOP_RESUMING,
		.rule = "a compatible device takes the state",
		.needs = NEEDS_STATE | NEEDS_SECOND,
		.run = second_load,
	}, {
		.name = "second.back",
		.place = RESUMING_STOP,
		.rule = "and gives it back as it was",
		.needs = NEEDS_SECOND,
		.run = second_back,
	}, {
		.name = "second.live",
		.place = "enum vfio_device_mig_state",
		.rule = "a state moves from device to device as it is read, from pre-copy to RUNNING",
		.needs = NEEDS_SECOND,
		.run = second_live,
	},
};

const struct conform_group conform_write_group = { checks, ARRAY_SIZE(checks) };
