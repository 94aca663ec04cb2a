// SPDX-License-Identifier: GPL-2.0
/* Checks of states: the arcs between them, those that there are not, and reset. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "array_size.h"
#include "conform.h"
#include "feature.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define FIRST		STATE(STOP)	/* that can be asked for */
#define LAST		STATE(PRE_COPY_P2P)

/* ---- Pairs ------------------------------------------------------------- */

static bool forbidden(uint32_t from, uint32_t to)
{
	return from == STATE(STOP_COPY) && (to == STATE(PRE_COPY) || to == STATE(PRE_COPY_P2P));
}

/* A session ends where its states are left, and another begins where they are entered. */
static bool begins_session(uint32_t from, uint32_t to)
{
	if (conform_is_saving(from) && conform_is_saving(to))
		return false;
	return conform_has_session(to);
}

static bool ends_session(uint32_t from, uint32_t to)
{
	if (conform_is_saving(from) && conform_is_saving(to))
		return false;
	return conform_has_session(from);
}

static void expect_data_fd(struct conform *conform, bool due)
{
	if (conform->subject->ops == &feature_ops)
		conform_expect(conform, (conform->came >= 0) == due,
			       due ? "a data_fd" : "no data_fd: data_fd -1", "data_fd %d",
			       conform->came);
}

/* What became of the descriptor of a session that was there before. */
static void expect_session(struct conform *conform, int fd, uint32_t from, bool over)
{
	char byte = 0;
	ssize_t ret;

	if (fd < 0)
		return;
	if (!over) {
		ret = conform_read_fd(conform, fd, &byte, 0);
		conform_expect_result(conform, ret, 0);
		return;
	}
	if (from == STATE(RESUMING))
		conform_expect_result(conform, conform_write_fd(conform, fd, &byte, 1), ANY_ERROR);
	else
		conform_expect(conform, conform_read_fd(conform, fd, &byte, 1) <= 0,
			       "an error or an end", "a byte of a session that is over");
}

static void expect_arc(struct conform *conform, uint32_t from, uint32_t to, int fd)
{
	conform_need_result(conform, conform_set(conform, to), 0);
	expect_data_fd(conform, begins_session(from, to));
	if (!conform_expect_state(conform, to))
		conform_exit(conform);
	expect_session(conform, fd, from, ends_session(from, to));
}

static void expect_no_arc(struct conform *conform, uint32_t from, uint32_t to, int fd)
{
	int ret = conform_set(conform, to);

	conform_expect_result(conform, ret, ANY_ERROR);
	expect_data_fd(conform, false);
	conform_expect_state(conform, from);
	if (ret)
		expect_session(conform, fd, from, false);
}

/* The same way once more, one arc at a time. */
static void expect_path(struct conform *conform, uint32_t from, uint32_t to)
{
	uint32_t path[MIGRATION_NR_STATES], at = from;
	unsigned int length, i;
	int fd;

	conform_need_result(conform, conform_reset(conform), 0);
	fd = conform_arrive(conform, from);
	length = migration_path(&conform->migration, to, path);
	conform_need(conform, length > 0, "a path of arcs", "none: this program is wrong");
	for (i = 0; i < length; i++) {
		expect_arc(conform, at, path[i], fd);
		if (conform->came >= 0 || !conform_has_session(path[i]))
			fd = conform->came;
		at = path[i];
	}
}

/* The older protocol has the changes that its users make, and defines no others. */
static bool is_edge(const struct conform *conform, uint32_t from, uint32_t to)
{
	const struct migration_ops *ops = conform->subject->ops;
	unsigned int i;

	for (i = 0; i < ops->nr_edges; i++)
		if (ops->edges[i].from == from && ops->edges[i].to == to)
			return true;
	return false;
}

static void skip_unless_there(struct conform *conform, uint32_t from, uint32_t to)
{
	if (!conform_has_state(conform, from))
		conform_skip(conform, "the device does not claim %s", migration_state_name(from));
	if (conform->subject->ops == &region_ops && !region_has_state(to))
		conform_skip(conform, "the migration region has no %s", migration_state_name(to));
	if (conform->subject->ops == &region_ops && !is_edge(conform, from, to))
		conform_skip(conform, "the migration region does not define this change");
}

static void pair(struct conform *conform)
{
	uint32_t from = conform->check->from, to = conform->check->to;
	uint32_t path[MIGRATION_NR_STATES];
	int fd;

	skip_unless_there(conform, from, to);
	fd = conform_arrive(conform, from);
	if (forbidden(from, to) || !conform_has_state(conform, to)) {
		expect_no_arc(conform, from, to, fd);
		return;
	}
	if (migration_path(&conform->migration, to, path) > 1) {
		expect_arc(conform, from, to, fd);
		expect_path(conform, from, to);
	} else {
		expect_arc(conform, from, to, fd);
	}
}

#define PAIR(from_, to_, place_, rule_)						\
	{									\
		.name = "arc." #from_ "." #to_,					\
		.place = place_,						\
		.rule = rule_,							\
		.needs = STATE(from_) == STATE(RESUMING) ? NEEDS_STATE : 0,	\
		.run = pair,							\
		.from = STATE(from_),						\
		.to = STATE(to_),						\
	}

#define DIRECT(from, to)							\
	PAIR(from, to, "enum vfio_device_mig_state, " #from " -> " #to,		\
	     "this arc is one that a driver implements; it begins a session exactly if "	\
	     "one is due, and a state that the device does not claim is refused")
#define COMPOSED(from, to)							\
	PAIR(from, to, "enum vfio_device_mig_state, combinations",		\
	     "one request takes the shortest path of arcs that saves at its ends only, as "	\
	     "if each had been asked for")
#define FORBIDDEN(from, to)							\
	PAIR(from, to, "enum vfio_device_mig_state, " #from " -> " #to,		\
	     "this arc is not there: it fails, and the session goes on")

/* ---- No states --------------------------------------------------------- */

static void refused_everywhere(struct conform *conform, const uint32_t *states, unsigned int nr)
{
	uint32_t from;
	unsigned int i;

	for (from = FIRST; from <= LAST; from++) {
		if (!conform_has_state(conform, from))
			continue;
		conform_need_result(conform, conform_reset(conform), 0);
		conform_arrive(conform, from);
		for (i = 0; i < nr; i++) {
			conform_expect_result(conform, conform_set(conform, states[i]), ANY_ERROR);
			expect_data_fd(conform, false);
			conform_expect_state(conform, from);
			conform->migration.state = from;
		}
	}
}

static void error_state(struct conform *conform)
{
	static const uint32_t states[] = { STATE(ERROR) };

	refused_everywhere(conform, states, ARRAY_SIZE(states));
}

static void out_of_range(struct conform *conform)
{
	static const uint32_t states[] = {
		MIGRATION_NR_STATES, MIGRATION_NR_STATES + 1, 100, 256 + STATE(STOP), INT32_MAX,
		0x80000000 | STATE(STOP), UINT32_MAX,
	};

	refused_everywhere(conform, states, ARRAY_SIZE(states));
}

static void unclaimed(struct conform *conform)
{
	uint32_t state, from;

	for (state = FIRST; state <= LAST; state++) {
		if (conform_has_state(conform, state))
			continue;
		for (from = FIRST; from <= LAST; from++) {
			if (!conform_has_state(conform, from))
				continue;
			conform_need_result(conform, conform_reset(conform), 0);
			conform_arrive(conform, from);
			conform_expect_result(conform, conform_set(conform, state), ANY_ERROR);
			conform_expect_state(conform, from);
		}
	}
	if (conform_has_state(conform, STATE(PRE_COPY_P2P)))
		conform_skip(conform, "the device claims every state");
}

/* ---- More of states ---------------------------------------------------- */

static void claims(struct conform *conform)
{
	uint64_t flags = conform->subject->flags;

	conform_doing(conform, "VFIO_DEVICE_FEATURE GET MIGRATION");
	conform_expect(conform, flags & VFIO_MIGRATION_STOP_COPY, "VFIO_MIGRATION_STOP_COPY",
		       "flags %#llx", (unsigned long long)flags);
}

static void initial(struct conform *conform)
{
	conform_close(conform);
	conform_open(conform);
	conform_expect_state(conform, STATE(RUNNING));
}

static void ask_for_same(struct conform *conform, uint32_t state)
{
	conform_expect_result(conform, conform_set(conform, state), 0);
	expect_data_fd(conform, false);
	conform_expect_state(conform, state);
}

static void same(struct conform *conform)
{
	conform_in_each_state(conform, ask_for_same);
}

static void stays(struct conform *conform, uint32_t state)
{
	int i;

	for (i = 0; i < 20; i++)
		if (!conform_expect_state(conform, state))
			conform_exit(conform);
}

static void spontaneous(struct conform *conform)
{
	conform_in_each_state(conform, stays);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

/* A session that nobody reads or closes is worth an end, too: descriptors are closed late. */
static void walk(struct conform *conform)
{
	uint32_t seed = 20231, at = STATE(RUNNING), to;
	int i, fd = -1;

	for (i = 0; i < 200; i++) {
		to = FIRST + next_random(&seed) % (LAST - FIRST + 1);
		if (!conform_has_state(conform, to) || to == at || forbidden(at, to))
			continue;
		conform_go(conform, to);
		if (ends_session(at, to) && fd >= 0) {
			close(fd);
			fd = -1;
		}
		if (conform->came >= 0)
			fd = conform->came;
		at = to;
		if (to == STATE(RESUMING))
			conform_need_result(conform,
					    conform_feed(conform, &conform->subject->saved, 0), 0);
		if (!conform_expect_state(conform, at))
			conform_exit(conform);
	}
}

/* ---- Reset ------------------------------------------------------------- */

static void reset_flag(struct conform *conform)
{
	conform_doing(conform, "VFIO_DEVICE_GET_INFO");
	conform_expect(conform, conform->device.info.flags & VFIO_DEVICE_FLAGS_RESET,
		       "VFIO_DEVICE_FLAGS_RESET", "flags %#x", conform->device.info.flags);
}

static void reset_from(struct conform *conform)
{
	uint32_t state = conform->check->from;
	int fd;

	if (!conform_has_state(conform, state))
		conform_skip(conform, "the device does not claim %s", migration_state_name(state));
	fd = conform_arrive(conform, state);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_expect_state(conform, STATE(RUNNING));
	expect_session(conform, fd, state, true);
	conform_works(conform);
}

#define RESET(state)								\
	{									\
		.name = "reset." #state,					\
		.place = "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",				\
		.rule = "a reset leads to RUNNING from every state, and ends the session",	\
		.needs = STATE(state) == STATE(RESUMING) ? NEEDS_STATE : 0,	\
		.run = reset_from,						\
		.from = STATE(state),						\
	}

/* In RESUMING there is half a state. */
static void reset_resuming_half(struct conform *conform)
{
	struct conform_bytes half = conform->subject->saved;

	half.size /= 2;
	conform_go(conform, STATE(RESUMING));
	conform_need_result(conform, conform_feed(conform, &half, 0), 0);
	conform_need_result(conform, conform_reset(conform), 0);
	conform_expect_state(conform, STATE(RUNNING));
	conform_works(conform);
}

static const struct conform_check checks[] = {
	CHECK("state.claims", claims, NEEDS_V2, "VFIO_DEVICE_FEATURE_MIGRATION",
	      "whoever offers migration claims at least VFIO_MIGRATION_STOP_COPY"),
	CHECK("state.initial", initial, 0, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "a device that was closed in RUNNING is opened in RUNNING, without a session"),
	DIRECT(RESUMING, STOP),
	DIRECT(STOP, RESUMING),
	DIRECT(STOP, STOP_COPY),
	DIRECT(STOP_COPY, STOP),
	DIRECT(RUNNING, RUNNING_P2P),
	DIRECT(RUNNING_P2P, RUNNING),
	DIRECT(RUNNING_P2P, STOP),
	DIRECT(STOP, RUNNING_P2P),
	DIRECT(RUNNING, PRE_COPY),
	DIRECT(PRE_COPY, RUNNING),
	DIRECT(PRE_COPY, PRE_COPY_P2P),
	DIRECT(PRE_COPY_P2P, PRE_COPY),
	DIRECT(RUNNING_P2P, PRE_COPY_P2P),
	DIRECT(PRE_COPY_P2P, RUNNING_P2P),
	DIRECT(PRE_COPY_P2P, STOP_COPY),
	COMPOSED(STOP, RUNNING),
	COMPOSED(STOP, PRE_COPY),
	COMPOSED(STOP, PRE_COPY_P2P),
	COMPOSED(RUNNING, STOP),
	COMPOSED(RUNNING, STOP_COPY),
	COMPOSED(RUNNING, RESUMING),
	COMPOSED(RUNNING, PRE_COPY_P2P),
	COMPOSED(STOP_COPY, RUNNING),
	COMPOSED(STOP_COPY, RESUMING),
	COMPOSED(STOP_COPY, RUNNING_P2P),
	COMPOSED(RESUMING, RUNNING),
	COMPOSED(RESUMING, STOP_COPY),
	COMPOSED(RESUMING, RUNNING_P2P),
	COMPOSED(RESUMING, PRE_COPY),
	COMPOSED(RESUMING, PRE_COPY_P2P),
	COMPOSED(RUNNING_P2P, STOP_COPY),
	COMPOSED(RUNNING_P2P, RESUMING),
	COMPOSED(RUNNING_P2P, PRE_COPY),
	COMPOSED(PRE_COPY, STOP),
	COMPOSED(PRE_COPY, STOP_COPY),
	COMPOSED(PRE_COPY, RESUMING),
	COMPOSED(PRE_COPY, RUNNING_P2P),
	COMPOSED(PRE_COPY_P2P, STOP),
	COMPOSED(PRE_COPY_P2P, RUNNING),
	COMPOSED(PRE_COPY_P2P, RESUMING),
	FORBIDDEN(STOP_COPY, PRE_COPY),
	FORBIDDEN(STOP_COPY, PRE_COPY_P2P),
	CHECK("state.error", error_state, NEEDS_STATE, "enum vfio_device_mig_state, any -> ERROR",
	      "ERROR cannot be asked for, in no state"),
	CHECK("state.out-of-range", out_of_range, NEEDS_STATE | NEEDS_V2,
	      "struct vfio_device_feature_mig_state, device_state",
	      "a number that is no state is refused, and nothing changes"),
	CHECK("state.unclaimed", unclaimed, NEEDS_STATE | NEEDS_V2,
	      "enum vfio_device_mig_state, optional states",
	      "a state that the device does not claim cannot be asked for"),
	CHECK("state.same", same, NEEDS_STATE, "enum vfio_device_mig_state, combinations",
	      "no arc leads from a state to itself: asking for it succeeds and does nothing"),
	CHECK("state.spontaneous", spontaneous, NEEDS_STATE, "VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE",
	      "a device does not change its state by itself"),
	CHECK("state.walk", walk, NEEDS_STATE | NEEDS_V2, "enum vfio_device_mig_state",
	      "any order of states that has arcs can be walked, again and again"),
	CHECK("reset.flag", reset_flag, 0, "struct vfio_device_info, VFIO_DEVICE_FLAGS_RESET",
	      "a device that migrates says that it can be reset: it is the way out of ERROR"),
	RESET(STOP),
	RESET(RUNNING),
	RESET(STOP_COPY),
	RESET(RESUMING),
	RESET(RUNNING_P2P),
	RESET(PRE_COPY),
	RESET(PRE_COPY_P2P),
	CHECK("reset.half-resumed", reset_resuming_half, NEEDS_STATE,
	      "enum vfio_device_mig_state, RESUMING -> STOP",
	      "to give up loading a state the device is reset"),
};

const struct conform_group conform_state_group = { checks, ARRAY_SIZE(checks) };
