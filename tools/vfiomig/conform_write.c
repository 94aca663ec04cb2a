// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of loading: what is written to the session, in whatever pieces, and what
 * becomes of a device that is given something else than a state.
 *
 * A state is opaque: whether a change of it can be told from another state only its
 * driver knows. What is demanded is that the device is as good as before after a reset.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include "array_size.h"
#include "conform.h"
#include "feature.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define NR_SAVES	4	/* by which bytes that differ each time are told */
#define NR_FLIPS	100
#define NR_WRITERS	2
#define SMALL		4096	/* state */
#define MANY_ROUNDS	300
#define FEW_ROUNDS	20
#define WRITER_MS	1000	/* for a thread to get where it waits */

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

/**
 * struct writer - what threads write
 * @fd: to here
 * @state: this, each
 * @piece: bytes at a time
 * @missing: threads that all wait for before they begin
 */
struct writer {
	int fd;
	const struct conform_bytes *state;
	size_t piece;
	atomic_uint missing;
};

static void *write_all(void *context)
{
	struct writer *writer = context;
	size_t at, size;
	ssize_t put;

	writer->missing--;
	while (writer->missing)
		;
	for (at = 0; at < writer->state->size; at += put) {
		size = writer->state->size - at;
		if (size > writer->piece)
			size = writer->piece;
		put = write(writer->fd, writer->state->data + at, size);
		if (put <= 0)
			break;
	}
	return NULL;
}

/* What comes of it is chance; nothing but this session may suffer. */
static void threads(struct conform *conform)
{
	unsigned int rounds = conform->subject->saved.size < SMALL ? MANY_ROUNDS : FEW_ROUNDS;
	struct writer writer = { .state = &conform->subject->saved };
	pthread_t ids[NR_WRITERS];
	unsigned int i, round;

	for (round = 0; round < rounds; round++) {
		conform_need_result(conform, conform_reset(conform), 0);
		conform_go(conform, STATE(RESUMING));
		writer.fd = conform->came;
		writer.piece = round % 2 ? 61 : writer.state->size;
		writer.missing = NR_WRITERS;
		for (i = 0; i < NR_WRITERS; i++)
			conform_need(conform, !pthread_create(&ids[i], NULL, write_all, &writer),
				     "a thread", "none");
		conform_doing(conform, "%u writers to one data fd", NR_WRITERS);
		for (i = 0; i < NR_WRITERS; i++)
			pthread_join(ids[i], NULL);
		conform_set(conform, STATE(STOP));
		close(writer.fd);
	}
	conform_works(conform);
}

/**
 * struct fault_memory - a state in memory of which no page is there before it is asked for
 * @data: the state
 * @size: of it, in whole pages
 * @fd: tells who asks, and answers
 */
struct fault_memory {
	uint8_t *data;
	size_t size;
	int fd;
};

static struct fault_memory fault_memory_new(struct conform *conform, size_t size)
{
	struct fault_memory memory = { .size = (size + CONFORM_PAGE - 1) & -CONFORM_PAGE };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	memory.fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (memory.fd < 0 || ioctl(memory.fd, UFFDIO_API, &api))
		conform_skip(conform, "there is no userfaultfd: %s", conform_errno(-errno));
	memory.data = mmap(NULL, memory.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	range.range.start = (uintptr_t)memory.data;
	range.range.len = memory.size;
	conform_need(conform, memory.data != MAP_FAILED &&
		     !ioctl(memory.fd, UFFDIO_REGISTER, &range), "memory", "%s",
		     conform_errno(-errno));
	return memory;
}

static void fault_memory_fill(struct conform *conform, const struct fault_memory *memory,
			      const struct conform_bytes *from)
{
	struct conform_bytes whole = copy_of(from, memory->size);
	uint8_t *pages = mmap(NULL, memory->size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_copy copy = {
		.dst = (uintptr_t)memory->data,
		.src = (uintptr_t)pages,
		.len = memory->size,
	};

	conform_need(conform, pages != MAP_FAILED, "memory", "none");
	memcpy(pages, whole.data, whole.size);
	conform_need(conform, !ioctl(memory->fd, UFFDIO_COPY, &copy), "memory", "%s",
		     conform_errno(-errno));
}

/**
 * struct late_writer - a thread with one write()
 * @fd: to here
 * @data: this
 * @size: of it
 * @task: the thread, once it is there
 * @done: it has returned
 */
struct late_writer {
	int fd;
	const uint8_t *data;
	size_t size;
	atomic_int task;
	atomic_bool done;
};

static void *write_once(void *context)
{
	struct late_writer *writer = context;

	writer->task = gettid();
	if (write(writer->fd, writer->data, writer->size) < 0)
		errno = 0;	/* whatever it said */
	writer->done = true;
	return NULL;
}

static void start_writer(struct conform *conform, pthread_t *id, struct late_writer *writer)
{
	writer->fd = conform->came;
	conform_need(conform, !pthread_create(id, NULL, write_once, writer), "a thread", "none");
}

static char task_state(pid_t task)
{
	char path[64], line[256] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", task);
	file = fopen(path, "r");
	if (!file)
		return '?';
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	end = strrchr(line, ')');
	return end && end[1] ? end[2] : '?';
}

/* Until it has returned or sleeps: then it is as far as it gets. */
static void await_writer(const struct late_writer *writer)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < WRITER_MS && !writer->done; i++) {
		if (writer->task && strchr("SD", task_state(writer->task)))
			return;
		nanosleep(&pause, NULL);
	}
}

/* The first waits for its page, in the middle of its write(), and the second comes. */
static void overlap(struct conform *conform)
{
	const struct conform_bytes *saved = &conform->subject->saved;
	struct fault_memory memory = fault_memory_new(conform, saved->size);
	struct late_writer first = { .data = memory.data, .size = saved->size };
	struct late_writer second = { .data = saved->data, .size = saved->size };
	struct pollfd poller = { .fd = memory.fd, .events = POLLIN };
	pthread_t ids[2];

	conform_go(conform, STATE(RESUMING));
	start_writer(conform, &ids[0], &first);
	conform_doing(conform, "a write() that waits for its page");
	poll(&poller, 1, WRITER_MS);
	start_writer(conform, &ids[1], &second);
	await_writer(&second);
	conform_doing(conform, "two write()s, of which one waited for its page");
	fault_memory_fill(conform, &memory, saved);
	pthread_join(ids[0], NULL);
	pthread_join(ids[1], NULL);
	conform_set(conform, STATE(STOP));
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
		writer.piece = 61;
		writer.missing = 1;
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
	CHECK("write.segments", segments, NEEDS_STATE, SEGMENTATION,
	      "a state can be written in pieces of any size"),
	CHECK("write.cuts", two_halves, NEEDS_STATE, SEGMENTATION,
	      "and cut in two anywhere"),
	CHECK("write.vectors", vectors, NEEDS_STATE | NEEDS_V2, SEGMENTATION,
	      "and gathered from several buffers"),
	CHECK("write.nothing", nothing, NEEDS_STATE | NEEDS_V2, SEGMENTATION,
	      "to write 0 bytes adds nothing"),
	CHECK("write.no-memory", no_memory, NEEDS_STATE | NEEDS_V2, SEGMENTATION,
	      "a buffer that is not there is EFAULT, and adds nothing"),
	CHECK("write.over", over, NEEDS_STATE | NEEDS_V2, RESUMING_STOP,
	      "leaving RESUMING ends the session: nothing can be written any more"),
	CHECK("write.empty", empty, 0, RESUMING_STOP,
	      "no state at all is refused, and the device can be used after a reset"),
	CHECK("write.empty-anywhere", empty_again, NEEDS_V2, RESUMING_STOP,
	      "and that whichever state is asked for"),
	CHECK("write.truncated", truncated, NEEDS_STATE, RESUMING_STOP,
	      "a state of which a part is missing is refused, however small the part"),
	CHECK("write.foreign", foreign, NEEDS_STATE, RESUMING_STOP,
	      "what is no state is refused: zeroes, ones, noise"),
	CHECK("write.refused-stays-refused", refusal_sticks, NEEDS_STATE, RESUMING_STOP,
	      "a state with a broken head is not taken because writing went on behind it"),
	CHECK("write.corrupted", corrupted, NEEDS_STATE, RESUMING_STOP,
	      "a state with wrong bits does no harm, taken or not"),
	CHECK("write.swollen", swollen, NEEDS_STATE, RESUMING_STOP,
	      "nor do bytes behind its end"),
	CHECK("write.other-session", other_session, NEEDS_STATE, STOP_RESUMING,
	      "nor do halves of two sessions, which are taken if they are the same in both"),
	CHECK("write.threads", threads, NEEDS_STATE | NEEDS_V2, SEGMENTATION,
	      "threads that write to one data fd do no harm"),
	CHECK("write.overlap", overlap, NEEDS_STATE | NEEDS_V2, SEGMENTATION,
	      "nor does one that writes while another waits for its memory"),
	CHECK("write.left", leave_writer, NEEDS_STATE | NEEDS_V2, RESUMING_STOP,
	      "a reset ends a write, and does not wait for it for ever"),
	CHECK("load.round-trip", round_trip, 0, RESUMING_STOP,
	      "the state of a device is the one that was loaded: saved again it is the same"),
	CHECK("load.runs", runs_after_load, NEEDS_STATE,
	      "enum vfio_device_mig_state, RUNNING_P2P -> RUNNING",
	      "a device runs with a state that was loaded, and can be saved"),
	CHECK("second.load", second_load, NEEDS_STATE | NEEDS_SECOND, STOP_RESUMING,
	      "a compatible device takes the state"),
	CHECK("second.back", second_back, NEEDS_SECOND, RESUMING_STOP,
	      "and gives it back as it was"),
	CHECK("second.live", second_live, NEEDS_SECOND, "enum vfio_device_mig_state",
	      "a state moves from device to device as it is read, from pre-copy to RUNNING"),
};

const struct conform_group conform_write_group = { checks, ARRAY_SIZE(checks) };
