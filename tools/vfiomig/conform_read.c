// SPDX-License-Identifier: GPL-2.0
/* Checks of saving: what is read from the session, and when it ends. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "array_size.h"
#include "conform.h"
#include "feature.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define NR_READERS	4
#define WAKE_MS		2000	/* in which a poll() must be woken */

static bool is_region(const struct conform *conform)
{
	return conform->subject->ops == &region_ops;
}

/* ---- STOP_COPY --------------------------------------------------------- */

static void end(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	uint8_t byte;
	int i;

	conform_go(conform, STATE(STOP_COPY));
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	conform_expect(conform, state.size > 0, "a state of some bytes", "none");
	for (i = 0; i < 3; i++)
		conform_expect_result(conform, conform_read(conform, &byte, 1), 0);
	conform_expect_state(conform, STATE(STOP_COPY));
}

static void end_poll(struct conform *conform)
{
	struct conform_bytes state = { 0 };

	conform_go(conform, STATE(STOP_COPY));
	conform_expect(conform, conform_readable(conform, conform->came, 0), "readable", "not");
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	conform_expect(conform, conform_readable(conform, conform->came, 0),
		       "readable at the end of the stream too", "not");
}

static void loads(struct conform *conform, const struct conform_bytes *state)
{
	conform_need_result(conform, conform_reset(conform), 0);
	conform_load_must(conform, state, 0);
}

static void segments(struct conform *conform)
{
	static const size_t sizes[] = { 1, 3, 7, 64, 4095, 4097, 65537, 16 << 20 };
	struct conform_bytes state;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* What is large is not taken in bites. */
		if (conform->subject->saved.size / sizes[i] > 100000)
			continue;
		state = (struct conform_bytes){ 0 };
		conform_need_result(conform, conform_reset(conform), 0);
		conform_go(conform, STATE(STOP_COPY));
		conform_need_result(conform, conform_drain(conform, &state, sizes[i]), 0);
		loads(conform, &state);
		free(state.data);
	}
}

static void nothing(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	uint8_t byte;

	conform_go(conform, STATE(STOP_COPY));
	conform_expect_result(conform, conform_read_fd(conform, conform->came, &byte, 0), 0);
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	loads(conform, &state);
}

/* As much of the buffer as there is, and nothing of the stream is lost. */
static void no_memory(struct conform *conform)
{
	uint8_t *map = mmap(NULL, 2 * CONFORM_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct conform_bytes state = { conform_alloc(1 << 20), 0 };
	ssize_t got = 1;

	conform_need(conform, map != MAP_FAILED && !munmap(map + CONFORM_PAGE, CONFORM_PAGE),
		     "a page of memory", "none");
	conform_go(conform, STATE(STOP_COPY));
	conform_expect_result(conform, conform_read_fd(conform, conform->came, (void *)8, 100),
			      -EFAULT);
	while (got > 0 && state.size < (1 << 20) - 100) {
		got = conform_read_fd(conform, conform->came, map + CONFORM_PAGE - 100, 200);
		if (got <= 0)
			break;
		conform_need(conform, got <= 100, "at most 100 bytes", "%zd", got);
		memcpy(state.data + state.size, map + CONFORM_PAGE - 100, got);
		state.size += got;
	}
	/* Some copy all or nothing; and a state may be larger. */
	if (got)
		got = conform_drain(conform, &state, 0);
	conform_need_result(conform, got, 0);
	loads(conform, &state);
}

static void wrong_direction(struct conform *conform)
{
	uint8_t byte = 0;

	conform_go(conform, STATE(STOP_COPY));
	conform_expect_result(conform, conform_write_fd(conform, conform->came, &byte, 1),
			      ANY_ERROR);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_go(conform, STATE(RESUMING));
	conform_expect_result(conform, conform_read_fd(conform, conform->came, &byte, 1),
			      ANY_ERROR);
}

static void no_seek(struct conform *conform)
{
	uint8_t byte;

	conform_go(conform, STATE(STOP_COPY));
	conform_doing(conform, "pread from a data fd");
	conform_expect(conform, pread(conform->came, &byte, 1, 0) < 0, "an error", "success");
	conform_doing(conform, "lseek of a data fd");
	conform_expect(conform, lseek(conform->came, 10, SEEK_SET) != 10, "to stay", "it moves");
}

/**
 * struct reader - a thread that reads
 * @conform: the check
 * @fd: from here
 * @bytes: how many it got
 * @last: what the last read() returned
 */
struct reader {
	int fd;
	uint64_t bytes;
	long last;
};

/* Ends with the end of the stream, or an error. */
static void *read_all(void *context)
{
	struct reader *reader = context;
	uint8_t bytes[97];
	ssize_t got;

	while ((got = read(reader->fd, bytes, sizeof(bytes))) > 0)
		reader->bytes += got;
	reader->last = got ? -errno : 0;
	return NULL;
}

static void start(struct conform *conform, pthread_t *thread, void *(*run)(void *), void *context)
{
	conform_need(conform, !pthread_create(thread, NULL, run, context), "a thread", "none");
}

static void threads(struct conform *conform)
{
	struct reader readers[NR_READERS] = { 0 };
	pthread_t ids[NR_READERS];
	uint64_t total = 0;
	unsigned int i;

	conform_go(conform, STATE(STOP));
	conform_go(conform, STATE(STOP_COPY));
	for (i = 0; i < NR_READERS; i++) {
		readers[i].fd = conform->came;
		start(conform, &ids[i], read_all, &readers[i]);
	}
	conform_doing(conform, "%u readers of one data fd", NR_READERS);
	for (i = 0; i < NR_READERS; i++) {
		pthread_join(ids[i], NULL);
		conform_expect_result(conform, readers[i].last, 0);
		total += readers[i].bytes;
	}
	conform_expect(conform, total == conform->subject->saved.size, "each byte once",
		       "%llu bytes, %zu when one thread reads", (unsigned long long)total,
		       conform->subject->saved.size);
	conform_works(conform);
}

/* The state is left under a reader; what comes then is an end or an error, not a hang. */
static void leave_reader(struct conform *conform)
{
	struct reader reader;
	pthread_t id;
	int i;

	for (i = 0; i < 10; i++) {
		conform_go(conform, STATE(STOP_COPY));
		reader = (struct reader){ .fd = conform->came };
		start(conform, &id, read_all, &reader);
		if (i % 2)
			conform_need_result(conform, conform_reset(conform), 0);
		else
			conform_go(conform, STATE(STOP));
		conform_doing(conform, "a thread reads while %s", i % 2 ? "the device is reset" :
			      "STOP_COPY is left");
		pthread_join(id, NULL);
		close(reader.fd);
	}
	conform_works(conform);
}

/* ---- PRE_COPY ---------------------------------------------------------- */

/* Which of the two it says at the end is the matter of precopy.quiet alone. */
static void drain_precopy(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	long ret = conform_drain(conform, &state, 0);

	conform_need(conform, !ret || ret == -ENOMSG, "an end", "%s", conform_errno(ret));
	free(state.data);
}

/* A device that nobody uses has nothing more to say some time. */
static void precopy_quiet(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	uint8_t byte;

	conform_go(conform, STATE(PRE_COPY));
	conform_need_result(conform, conform_drain(conform, &state, 0), -ENOMSG);
	if (is_region(conform))
		return;
	conform_expect_result(conform, conform_read(conform, &byte, 1), -ENOMSG);
}

static void need_info(struct conform *conform, struct vfio_precopy_info *info)
{
	conform_need_result(conform, conform_precopy_info(conform, conform->came, info), 0);
}

/* Nor may it end the stream when there is something left, whatever that is. */
static void precopy_no_end(struct conform *conform)
{
	struct vfio_precopy_info info = { .argsz = sizeof(info) };
	uint8_t bytes[100];
	ssize_t got;

	conform_go(conform, STATE(PRE_COPY));
	do {
		need_info(conform, &info);
		got = conform_read(conform, bytes, sizeof(bytes));
		if (info.initial_bytes || info.dirty_bytes)
			conform_need(conform, got > 0, "data, as PRECOPY_INFO says there is some",
				     "%s", conform_errno(got));
	} while (got > 0);
}

/* Reads a little; a piece of the region that was begun has to be taken to its end. */
static bool take_some(struct conform *conform, struct conform_bytes *state, size_t size)
{
	uint8_t bytes[64];
	ssize_t got;

	do {
		got = conform_read(conform, bytes, size);
		conform_need(conform, got >= 0 || got == -ENOMSG, "data or ENOMSG", "%s",
			     conform_errno(got));
		if (got <= 0)
			return false;
		state->data = realloc(state->data, state->size + got);
		memcpy(state->data + state->size, bytes, got);
		state->size += got;
	} while (conform->migration.held);
	return true;
}

static void precopy_then_stop(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	int i;

	conform_go(conform, STATE(PRE_COPY));
	for (i = 0; i < 1000; i++)
		if (!take_some(conform, &state, 11))
			break;
	conform_go(conform, STATE(STOP_COPY));
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	loads(conform, &state);
}

static void precopy_unread(struct conform *conform)
{
	struct conform_bytes state = { 0 };

	conform_go(conform, STATE(PRE_COPY));
	conform_go(conform, STATE(STOP_COPY));
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	loads(conform, &state);
}

static void back_and_forth(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	int i, fd;

	conform_go(conform, STATE(PRE_COPY));
	fd = conform->came;
	for (i = 0; i < 5; i++) {
		take_some(conform, &state, 13);
		conform_go(conform, STATE(PRE_COPY_P2P));
		conform_expect(conform, conform->came < 0, "the session to go on: no data_fd",
			       "data_fd %d", conform->came);
		take_some(conform, &state, 7);
		conform_go(conform, STATE(PRE_COPY));
		conform->migration.data = fd;
	}
	conform_go(conform, STATE(STOP_COPY));
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	loads(conform, &state);
}

static void precopy_abandoned(struct conform *conform)
{
	uint8_t bytes[16];

	conform_go(conform, STATE(PRE_COPY));
	conform_read(conform, bytes, sizeof(bytes));
	conform_go(conform, STATE(RUNNING));
	conform_expect_state(conform, STATE(RUNNING));
	conform_works(conform);
}

/* ---- PRECOPY_INFO ------------------------------------------------------ */

static void info_start(struct conform *conform)
{
	struct vfio_precopy_info info = { .argsz = sizeof(info) };

	conform_go(conform, STATE(PRE_COPY));
	need_info(conform, &info);
	conform_expect(conform, info.initial_bytes > 0, "initial_bytes other than 0", "0");
	conform_expect(conform, !info.dirty_bytes, "dirty_bytes 0", "%llu",
		       (unsigned long long)info.dirty_bytes);
	if (!(conform->subject->flags & VFIO_MIGRATION_P2P))
		return;
	conform_go(conform, STATE(PRE_COPY_P2P));
	conform_expect_result(conform, conform_precopy_info(conform, conform->migration.data,
							    &info), 0);
}

static void info_falls(struct conform *conform)
{
	struct vfio_precopy_info info = { .argsz = sizeof(info) };
	uint64_t before;
	uint8_t bytes[500];
	ssize_t got;

	conform_go(conform, STATE(PRE_COPY));
	need_info(conform, &info);
	do {
		before = info.initial_bytes;
		got = conform_read(conform, bytes, sizeof(bytes));
		need_info(conform, &info);
		conform_expect(conform, info.initial_bytes <= before,
			       "initial_bytes not to rise by itself", "%llu after %llu",
			       (unsigned long long)info.initial_bytes, (unsigned long long)before);
	} while (got > 0);
	conform_expect(conform, !info.initial_bytes, "initial_bytes 0 when nothing is to be read",
		       "%llu", (unsigned long long)info.initial_bytes);
}

static void info_errors(struct conform *conform)
{
	struct vfio_precopy_info info = { 0 };

	conform_go(conform, STATE(PRE_COPY));
	for (info.argsz = 0; info.argsz < sizeof(info); info.argsz += 4)
		conform_expect_result(conform,
				      conform_precopy_info(conform, conform->came, &info), -EINVAL);
	conform_expect_result(conform, conform_precopy_info(conform, conform->came, (void *)8),
			      -EFAULT);
	conform_doing(conform, "VFIO_DEVICE_RESET on a data fd");
	conform_expect_result(conform, ioctl(conform->came, VFIO_DEVICE_RESET) ? -errno : 0,
			      -ENOTTY);
}

static void info_other_states(struct conform *conform)
{
	struct vfio_precopy_info info = { .argsz = sizeof(info) };
	int fd;

	conform_go(conform, STATE(PRE_COPY));
	fd = conform->came;
	conform_go(conform, STATE(STOP_COPY));
	conform_expect_result(conform, conform_precopy_info(conform, fd, &info), -EINVAL);
	conform_go(conform, STATE(STOP));
	conform_expect_result(conform, conform_precopy_info(conform, fd, &info), ANY_ERROR);
	conform_go(conform, STATE(STOP_COPY));
	conform_expect_result(conform, conform_precopy_info(conform, conform->came, &info),
			      -EINVAL);
	conform_go(conform, STATE(RESUMING));
	conform_expect_result(conform, conform_precopy_info(conform, conform->came, &info),
			      ANY_ERROR);
}

static int opt_in(struct conform *conform)
{
	return conform_feature(conform,
			       VFIO_DEVICE_FEATURE_SET | VFIO_COMPAT_FEATURE_PRECOPY_INFO_V2,
			       NULL, 0, "SET MIG_PRECOPY_INFOv2");
}

static void info_v2(struct conform *conform)
{
	struct vfio_precopy_info info = { .argsz = sizeof(info), .flags = 0xa5a5a5a5 };

	conform_need_result(conform, opt_in(conform), 0);
	conform_expect_result(conform, opt_in(conform), 0);
	conform_go(conform, STATE(PRE_COPY));
	need_info(conform, &info);
	conform_expect(conform, !info.flags, "flags 0", "flags %#x", info.flags);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_go(conform, STATE(PRE_COPY));
	info.flags = 0xa5a5a5a5;
	need_info(conform, &info);
	conform_expect(conform, !info.flags, "flags 0 after a reset too", "flags %#x", info.flags);
}

/* ---- poll -------------------------------------------------------------- */

static void poll_quiet(struct conform *conform)
{
	int fd;

	conform_go(conform, STATE(PRE_COPY));
	fd = conform->came;
	conform_expect(conform, conform_readable(conform, fd, 0), "readable at first", "not");
	drain_precopy(conform);
	conform_expect(conform, !conform_readable(conform, fd, 0),
		       "not readable when read() says ENOMSG", "readable");
	conform_go(conform, STATE(STOP_COPY));
	conform_expect(conform, conform_readable(conform, fd, 0), "readable in STOP_COPY", "not");
}

struct poller {
	int fd;
	int ret;
};

static void *poll_long(void *context)
{
	struct poller *poller = context;
	struct pollfd pollfd = { .fd = poller->fd, .events = POLLIN };

	poller->ret = poll(&pollfd, 1, WAKE_MS);
	return NULL;
}

/* Whether the thread waits already makes no difference: poll() must see it either way. */
static void poll_wakes(struct conform *conform)
{
	struct poller poller;
	pthread_t id;
	int i;

	for (i = 0; i < 3; i++) {
		conform_need_result(conform, conform_reset(conform), 0);
		conform_go(conform, STATE(PRE_COPY));
		poller = (struct poller){ .fd = conform->came };
		drain_precopy(conform);
		start(conform, &id, poll_long, &poller);
		if (i == 0)
			conform_go(conform, STATE(STOP_COPY));
		else if (i == 1)
			conform_go(conform, STATE(RUNNING));
		else
			conform_need_result(conform, conform_reset(conform), 0);
		pthread_join(id, NULL);
		conform_expect(conform, poller.ret > 0, "a poll() that waited in PRE_COPY to end",
			       "it still waits after %d ms", WAKE_MS);
		close(poller.fd);
	}
}

#define INFO_PLACE	"struct vfio_precopy_info"

static const struct conform_check checks[] = {
	CHECK("read.end", end, 0, "VFIO_MIG_GET_PRECOPY_INFO, permanent end of stream",
	      "in STOP_COPY read() gives the state, then 0 for ever, and never ENOMSG"),
	CHECK("read.end-poll", end_poll, NEEDS_V2,
	      "VFIO_MIG_GET_PRECOPY_INFO, permanent end of stream",
	      "in STOP_COPY a data fd is readable, at its end too"),
	CHECK("read.segments", segments, NEEDS_STATE, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "a stream of bytes can be read in pieces of any size"),
	CHECK("read.nothing", nothing, NEEDS_V2, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "to read 0 bytes takes nothing from the stream"),
	CHECK("read.no-memory", no_memory, NEEDS_V2, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "a buffer that is not there is EFAULT, and costs no byte of the stream"),
	CHECK("read.wrong-direction", wrong_direction, NEEDS_V2,
	      "enum vfio_device_mig_state, STOP_COPY and RESUMING",
	      "a data fd of a saving state cannot be written, one of RESUMING not be read"),
	CHECK("read.no-seek", no_seek, NEEDS_V2, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "a stream has no positions: its bytes come in order"),
	CHECK("read.threads", threads, NEEDS_V2 | NEEDS_STATE,
	      "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "threads that read one data fd get each byte once, and all come to the end"),
	CHECK("read.left", leave_reader, NEEDS_V2, "enum vfio_device_mig_state, STOP_COPY -> STOP",
	      "who reads while the session ends is told an end or an error"),
	CHECK("precopy.quiet", precopy_quiet, NEEDS_PRE_COPY,
	      "VFIO_MIG_GET_PRECOPY_INFO, temporary end of stream",
	      "read() fails with ENOMSG when pre-copy has nothing for now"),
	CHECK("precopy.no-end", precopy_no_end, NEEDS_V2 | NEEDS_PRE_COPY,
	      "VFIO_MIG_GET_PRECOPY_INFO, temporary end of stream",
	      "while initial_bytes or dirty_bytes say that there is data, read() gives some"),
	CHECK("precopy.stop-copy", precopy_then_stop, NEEDS_PRE_COPY,
	      "enum vfio_device_mig_state, PRE_COPY_P2P -> STOP_COPY",
	      "what pre-copy and STOP_COPY sent is one stream, which can be loaded"),
	CHECK("precopy.unread", precopy_unread, NEEDS_PRE_COPY,
	      "enum vfio_device_mig_state, PRE_COPY_P2P -> STOP_COPY",
	      "what was not read in pre-copy comes in STOP_COPY"),
	CHECK("precopy.back-and-forth", back_and_forth, NEEDS_V2 | NEEDS_PRE_COPY | NEEDS_P2P,
	      "enum vfio_device_mig_state, saving group",
	      "one session, with one data fd, goes on through all changes between saving states"),
	CHECK("precopy.abandoned", precopy_abandoned, NEEDS_PRE_COPY,
	      "enum vfio_device_mig_state, PRE_COPY -> RUNNING",
	      "pre-copy can be given up, and the device runs as before"),
	CHECK("info.start", info_start, NEEDS_V2 | NEEDS_PRE_COPY,
	      INFO_PLACE ", initial_bytes and dirty_bytes",
	      "initial_bytes is not 0 in the beginning, dirty_bytes is; both pre-copy states tell"),
	CHECK("info.falls", info_falls, NEEDS_V2 | NEEDS_PRE_COPY, INFO_PLACE ", initial_bytes",
	      "initial_bytes falls to 0 as data is read, and does not rise"),
	CHECK("info.errors", info_errors, NEEDS_V2 | NEEDS_PRE_COPY, INFO_PLACE ", argsz",
	      "too little room is EINVAL, no memory EFAULT, another ioctl ENOTTY"),
	CHECK("info.other-states", info_other_states, NEEDS_V2 | NEEDS_PRE_COPY,
	      "VFIO_MIG_GET_PRECOPY_INFO",
	      "there is an answer in pre-copy states only, EINVAL in others"),
	CHECK("info.v2", info_v2, NEEDS_V2 | NEEDS_PRE_COPY | NEEDS_INFO_V2,
	      "VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2",
	      "with the feature set flags are an output: 0 unless there is news"),
	CHECK("poll.quiet", poll_quiet, NEEDS_V2 | NEEDS_PRE_COPY,
	      "VFIO_MIG_GET_PRECOPY_INFO, temporary end of stream",
	      "poll() waits in pre-copy when there is nothing to be read, and only then"),
	CHECK("poll.wakes", poll_wakes, NEEDS_V2 | NEEDS_PRE_COPY,
	      "VFIO_MIG_GET_PRECOPY_INFO, permanent end of stream",
	      "who waits is woken when pre-copy is left"),
};

const struct conform_group conform_read_group = { checks, ARRAY_SIZE(checks) };
