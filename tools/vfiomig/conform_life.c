// SPDX-License-Identifier: GPL-2.0
/* Checks of lifetimes: descriptors, the device, and who uses them at once. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "array_size.h"
#include "conform.h"
#include "feature.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define NR_RACES	50

static void skip_unless_claimed(struct conform *conform, uint32_t state)
{
	if (!conform_has_state(conform, state))
		conform_skip(conform, "the device does not claim %s", migration_state_name(state));
}

/* A session of the state, RESUMING without a state. */
static int begin_session(struct conform *conform, uint32_t state)
{
	conform_go(conform, state);
	return conform->came;
}

/* Whoever opens it next finds it in some state, from which a reset leads. */
static void reopen(struct conform *conform)
{
	uint32_t state;

	conform_open(conform);
	conform_need_result(conform, conform_get(conform, &state, NULL), 0);
	conform->migration.state = state;
}

/* ---- Close ------------------------------------------------------------- */

static void close_in(struct conform *conform)
{
	uint32_t state = conform->check->from, to;
	int fd;

	skip_unless_claimed(conform, state);
	for (to = STATE(STOP); to < MIGRATION_NR_STATES; to++) {
		if (!conform_has_state(conform, to))
			continue;
		fd = conform_arrive(conform, state);
		if (fd >= 0)
			close(fd);
		conform_close(conform);
		reopen(conform);
		conform_set(conform, to);
		if (conform->came >= 0)
			close(conform->came);
		conform_need_result(conform, conform_reset(conform), 0);
		conform_expect_state(conform, STATE(RUNNING));
	}
	conform_works(conform);
}

#define CLOSE(state)								\
	{									\
		.name = "close." #state,					\
		.place = "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",		\
		.rule = "closed like this it can be opened, asked for any state, reset",	\
		.needs = STATE(state) == STATE(RESUMING) ? NEEDS_STATE : 0,	\
		.run = close_in,						\
		.from = STATE(state),						\
	}

/* Data, if any comes, is of a device that is no more there. */
static void expect_dead(struct conform *conform, int fd, bool loading)
{
	struct vfio_precopy_info info = { .argsz = sizeof(info) };
	uint8_t bytes[100] = { 0 };

	if (loading)
		conform_expect_result(conform, conform_write_fd(conform, fd, bytes, sizeof(bytes)),
				      ANY_ERROR);
	else
		conform_expect(conform, conform_read_fd(conform, fd, bytes, sizeof(bytes)) <= 0,
			       "an error or an end", "data");
	conform_readable(conform, fd, 0);
	conform_expect_result(conform, conform_precopy_info(conform, fd, &info), ANY_ERROR);
}

static void fd_kept(struct conform *conform)
{
	uint32_t state = conform->check->from;
	int fd;

	skip_unless_claimed(conform, state);
	fd = begin_session(conform, state);
	conform_close(conform);
	conform_doing(conform, "use the data fd of a device that was closed");
	expect_dead(conform, fd, state == STATE(RESUMING));
	conform_begin(conform);
	expect_dead(conform, fd, state == STATE(RESUMING));
	close(fd);
	conform_works(conform);
}

#define FD_KEPT(state)								\
	{									\
		.name = "fd-kept." #state,					\
		.place = "enum vfio_device_mig_state, end of a session",	\
		.rule = "a data fd that outlives its device gives an error or an end",	\
		.needs = NEEDS_V2,						\
		.run = fd_kept,							\
		.from = STATE(state),						\
	}

/* The process that has it open is no more; so ends everything that it held. */
static void killed(struct conform *conform)
{
	int ends[2];
	pid_t pid;
	char byte;

	conform_close(conform);
	conform_need(conform, !pipe(ends), "a pipe", "%s", conform_errno(-errno));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		conform_open(conform);
		conform_go(conform, STATE(STOP_COPY));
		conform_read(conform, &byte, 1);
		if (write(ends[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	conform_doing(conform, "a process that has a session is ended by SIGKILL");
	if (read(ends[0], &byte, 1) == 1)
		kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	conform_begin(conform);
	conform_works(conform);
}

/* ---- Removal ----------------------------------------------------------- */

static char *type_directory(struct conform *conform)
{
	char *link, *path;

	if (asprintf(&link, "%s/mdev_type", conform->subject->id.path) < 0)
		abort();
	path = realpath(link, NULL);
	conform_need(conform, path, "the directory of its type", "%s", conform_errno(-errno));
	free(link);
	return path;
}

static void *remove_device(void *context)
{
	const struct conform *conform = context;

	sysfs_write(conform->subject->id.path, "remove", "1");
	return NULL;
}

static void create_device(struct conform *conform, const char *type)
{
	conform_doing(conform, "create %s again", conform->subject->id.name);
	conform_need(conform, !sysfs_write(type, "create", conform->subject->id.name),
		     "a new device", "%s", conform_errno(-errno));
}

/* Removal waits for whoever has the device open. */
static void removed(struct conform *conform)
{
	static const uint32_t states[] = { STATE(PRE_COPY), STATE(STOP_COPY), STATE(RESUMING) };
	char *type = type_directory(conform);
	pthread_t remover;
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		if (!conform_has_state(conform, states[i]))
			continue;
		fd = begin_session(conform, states[i]);
		conform_need(conform, !pthread_create(&remover, NULL, remove_device, conform),
			     "a thread", "none");
		conform_close(conform);
		conform_doing(conform, "remove %s", conform->subject->id.name);
		pthread_join(remover, NULL);
		expect_dead(conform, fd, states[i] == STATE(RESUMING));
		close(fd);
		create_device(conform, type);
		conform_begin(conform);
	}
	conform_works(conform);
}

/* ---- No descriptor, no answer ------------------------------------------ */

/* The next descriptor would be the first that is too many. */
static rlim_t no_more_descriptors(struct conform *conform)
{
	struct rlimit limit;
	int lowest = dup(0);
	rlim_t before;

	conform_need(conform, lowest >= 0 && !getrlimit(RLIMIT_NOFILE, &limit), "a limit", "none");
	close(lowest);
	before = limit.rlim_cur;
	limit.rlim_cur = lowest;
	conform_need(conform, !setrlimit(RLIMIT_NOFILE, &limit), "a limit", "none");
	return before;
}

static void more_descriptors(rlim_t before)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = before;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* It is in the state or it is not; either way it can be led out, and in again. */
static void recover(struct conform *conform, uint32_t state)
{
	uint32_t now;

	conform_need_result(conform, conform_get(conform, &now, NULL), 0);
	conform_expect(conform, now == state || now == STATE(RUNNING) || now == STATE(STOP) ||
		       now == STATE(RUNNING_P2P), "a state on the way", "%s",
		       migration_state_name(now));
	conform->migration.state = now;
	if (state == STATE(RESUMING))
		conform_need_result(conform, conform_reset(conform), 0);
	else
		conform_need_result(conform, conform_set(conform, STATE(RUNNING)), 0);
	conform_expect_state(conform, STATE(RUNNING));
	conform_go(conform, state);
	conform_expect(conform, conform->came >= 0, "a data_fd", "none");
	conform_works(conform);
}

static void no_descriptor(struct conform *conform)
{
	uint32_t state = conform->check->from;
	rlim_t before;
	int ret;

	skip_unless_claimed(conform, state);
	before = no_more_descriptors(conform);
	ret = conform_set(conform, state);
	more_descriptors(before);
	conform_expect_result(conform, ret, -EMFILE);
	recover(conform, state);
}

#define NO_DESCRIPTOR(state)							\
	{									\
		.name = "no-fd." #state,					\
		.place = "struct vfio_device_feature_mig_state, data_fd",	\
		.rule = "no room for a data fd is EMFILE, and the device can go on",	\
		.needs = NEEDS_V2,						\
		.run = no_descriptor,						\
		.from = STATE(state),						\
	}

/* Memory that can be read but not written to. */
static void no_answer(struct conform *conform)
{
	struct vfio_device_feature *request;
	struct vfio_device_feature_mig_state *state;
	int ret;

	request = mmap(NULL, CONFORM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	conform_need(conform, request != MAP_FAILED, "a page of memory", "none");
	state = (void *)request->data;
	request->argsz = sizeof(*request) + sizeof(*state);
	request->flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
	state->device_state = STATE(STOP_COPY);
	mprotect(request, CONFORM_PAGE, PROT_READ);
	conform_doing(conform, "RUNNING -> STOP_COPY, the answer cannot be written");
	ret = ioctl(conform->device.fd, VFIO_DEVICE_FEATURE, request) ? -errno : 0;
	conform_expect_result(conform, ret, -EFAULT);
	recover(conform, STATE(STOP_COPY));
}

/* ---- Two of something -------------------------------------------------- */

/* The data fd of a session that is over has nothing to say of the next one. */
static void two_sessions(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	uint8_t byte;
	int first;

	conform_go(conform, STATE(STOP_COPY));
	first = conform->came;
	conform_read(conform, &byte, 1);
	conform_go(conform, STATE(STOP));
	conform_go(conform, STATE(STOP_COPY));
	conform_expect(conform, conform_read_fd(conform, first, &byte, 1) <= 0,
		       "an error or an end", "a byte of another session");
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_load_must(conform, &state, 0);
}

/* A copy is the same descriptor: it goes on where the other is, and closing one closes nothing. */
static void copied_fd(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	int copy, fd;

	conform_go(conform, STATE(STOP_COPY));
	fd = conform->came;
	copy = dup(fd);
	conform_need(conform, copy >= 0, "a copy", "%s", conform_errno(-errno));
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	close(fd);
	conform->migration.data = copy;
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_load_must(conform, &state, 0);
}

static void two_descriptors(struct conform *conform)
{
	int first = conform->device.fd, second;

	conform_doing(conform, "VFIO_GROUP_GET_DEVICE_FD a second time");
	second = ioctl(conform->device.group, VFIO_GROUP_GET_DEVICE_FD, conform->device.id.name);
	conform_need(conform, second >= 0, "a descriptor", "%s", conform_errno(-errno));
	conform_go(conform, STATE(STOP_COPY));
	conform->device.fd = second;
	conform_expect_state(conform, STATE(STOP_COPY));
	close(first);
	conform_expect_state(conform, STATE(STOP_COPY));
	conform_go(conform, STATE(STOP));
	conform_expect_state(conform, STATE(STOP));
	conform_works(conform);
}

/* ---- At once ----------------------------------------------------------- */

/**
 * struct racer - a thread that changes states, in its own way
 * @fd: of the device
 * @states: to go through
 * @nr: how many
 * @reset: once each round
 */
struct racer {
	int fd;
	const uint32_t *states;
	unsigned int nr;
	bool reset;
};

static void race_to(int fd, uint32_t state)
{
	struct {
		struct vfio_device_feature header;
		struct vfio_device_feature_mig_state state;
	} request = {
		.header.argsz = sizeof(request),
		.header.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
		.state.device_state = state,
		.state.data_fd = -1,
	};

	if (!ioctl(fd, VFIO_DEVICE_FEATURE, &request) && request.state.data_fd >= 0)
		close(request.state.data_fd);
}

static void *race(void *context)
{
	const struct racer *racer = context;
	unsigned int i, round;

	for (round = 0; round < NR_RACES; round++) {
		for (i = 0; i < racer->nr; i++)
			race_to(racer->fd, racer->states[i]);
		if (racer->reset)
			ioctl(racer->fd, VFIO_DEVICE_RESET);
	}
	return NULL;
}

static void race_all(struct conform *conform, struct racer *racers, unsigned int nr)
{
	pthread_t ids[4];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		racers[i].fd = conform->device.fd;
		conform_need(conform, !pthread_create(&ids[i], NULL, race, &racers[i]), "a thread",
			     "none");
	}
	conform_doing(conform, "%u threads change states at once", nr);
	for (i = 0; i < nr; i++)
		pthread_join(ids[i], NULL);
	conform_works(conform);
}

static void race_states(struct conform *conform)
{
	static const uint32_t first[] = { STATE(STOP), STATE(STOP_COPY), STATE(RUNNING) };
	static const uint32_t second[] = { STATE(PRE_COPY), STATE(STOP), STATE(RUNNING_P2P) };
	struct racer racers[] = {
		{ .states = first, .nr = ARRAY_SIZE(first) },
		{ .states = second, .nr = ARRAY_SIZE(second) },
	};

	race_all(conform, racers, ARRAY_SIZE(racers));
}

static void race_reset(struct conform *conform)
{
	static const uint32_t first[] = { STATE(STOP_COPY), STATE(RESUMING), STATE(STOP) };
	struct racer racers[] = {
		{ .states = first, .nr = ARRAY_SIZE(first) },
		{ .states = first, .nr = 0, .reset = true },
		{ .states = first, .nr = 1, .reset = true },
	};

	race_all(conform, racers, ARRAY_SIZE(racers));
}

static void *read_on(void *context)
{
	int fd = *(int *)context;
	uint8_t bytes[13];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	return NULL;
}

static void close_under_reader(struct conform *conform)
{
	pthread_t id;
	int fd, i;

	for (i = 0; i < 8; i++) {
		conform_go(conform, STATE(STOP_COPY));
		fd = conform->came;
		conform_need(conform, !pthread_create(&id, NULL, read_on, &fd), "a thread", "none");
		conform_close(conform);
		conform_doing(conform, "a thread reads while the device is closed");
		pthread_join(id, NULL);
		close(fd);
		conform_begin(conform);
	}
	conform_works(conform);
}

static const struct conform_check checks[] = {
	CLOSE(STOP),
	CLOSE(RUNNING),
	CLOSE(STOP_COPY),
	CLOSE(RESUMING),
	CLOSE(RUNNING_P2P),
	CLOSE(PRE_COPY),
	CLOSE(PRE_COPY_P2P),
	FD_KEPT(STOP_COPY),
	FD_KEPT(RESUMING),
	FD_KEPT(PRE_COPY),
	FD_KEPT(PRE_COPY_P2P),
	CHECK("life.killed", killed, 0, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "a device whose user died can be used by the next"),
	CHECK("life.removed", removed, NEEDS_V2 | NEEDS_MDEV,
	      "enum vfio_device_mig_state, end of a session",
	      "a data fd that outlives its device gives an error or an end, removed or closed"),
	NO_DESCRIPTOR(STOP_COPY),
	NO_DESCRIPTOR(RESUMING),
	NO_DESCRIPTOR(PRE_COPY),
	CHECK("life.no-answer", no_answer, NEEDS_V2, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "a change whose outcome cannot be told is EFAULT, and the device can go on"),
	CHECK("life.two-sessions", two_sessions, NEEDS_V2,
	      "enum vfio_device_mig_state, end of a session",
	      "the data fd of one session gives nothing of another"),
	CHECK("life.copied-fd", copied_fd, NEEDS_V2,
	      "struct vfio_device_feature_mig_state, data_fd",
	      "a session lasts as long as its states, whoever closes a descriptor of it"),
	CHECK("life.two-descriptors", two_descriptors, NEEDS_V2 | NEEDS_GROUP,
	      "VFIO_GROUP_GET_DEVICE_FD",
	      "a device that is open twice has one state, and keeps it until the last close"),
	CHECK("race.states", race_states, NEEDS_V2, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "threads that ask for states at once get one after the other, or errors"),
	CHECK("race.reset", race_reset, NEEDS_V2, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "a reset goes with any change of state at the same time"),
	CHECK("race.close", close_under_reader, NEEDS_V2,
	      "enum vfio_device_mig_state, end of a session",
	      "who reads while the device is closed is told an end or an error"),
};

const struct conform_group conform_life_group = { checks, ARRAY_SIZE(checks) };
