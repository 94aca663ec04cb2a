/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One migration out of what vfiomig monitor --json saw of it: who was in which
 * state when, what was transferred in which phase, and how long nobody ran.
 * Times are in nanoseconds from the first event of the events that were read.
 */
#ifndef VFIOMIG_TIMELINE_H
#define VFIOMIG_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TIMELINE_NAME	40

/* Not a state: a lane before its first event, and after its last. */
#define TIMELINE_UNKNOWN	UINT32_MAX

/** enum timeline_kind - what an event tells of; what is none of these is passed over */
enum timeline_kind {
	TIMELINE_STATE,
	TIMELINE_BEGIN,
	TIMELINE_END,
	TIMELINE_ROUND,
	TIMELINE_REFUSAL,
	TIMELINE_FAULT,
	TIMELINE_RESET,
};

/**
 * struct timeline_event - one line of vfiomig monitor --json
 * @time: when it was over
 * @order: when it was read, which tells events of one time apart
 * @duration: how long it took
 * @bytes: transferred by the session so far
 * @dirty: bytes that have changed since they were transferred
 * @kind: what it tells of
 * @lane: whose it is, an index of &timeline.lanes
 * @from: state before
 * @to: state after; what was asked for, when there is an error
 * @error: a positive errno, or 0
 * @loads: of a session: it loads
 * @has_bytes: @bytes is known
 * @has_dirty: @dirty is known
 * @message: in words, or NULL
 */
struct timeline_event {
	uint64_t time;
	size_t order;
	uint64_t duration;
	uint64_t bytes;
	uint64_t dirty;
	enum timeline_kind kind;
	unsigned int lane;
	uint32_t from;
	uint32_t to;
	int error;
	bool loads;
	bool has_bytes;
	bool has_dirty;
	char *message;
};

/**
 * struct timeline_lane - a device
 * @name: its UUID
 * @file: whose monitor saw it: on two hosts there may be devices of one name
 */
struct timeline_lane {
	char name[TIMELINE_NAME];
	unsigned int file;
};

/** struct timeline_window - from when to when something is looked at */
struct timeline_window {
	uint64_t begin;
	uint64_t end;
};

/**
 * struct timeline_span - a device in a state, or on its way to the next one
 * @begin: when it came there
 * @end: when it left
 * @state: the state; of an arc, where it leads
 * @arc: on the way
 * @failed: the arc was refused
 */
struct timeline_span {
	uint64_t begin;
	uint64_t end;
	uint32_t state;
	bool arc;
	bool failed;
};

/**
 * struct timeline - what was read, and the migration found in it
 * @events: in the order of time
 * @nr_events: how many
 * @room: for how many @events has room
 * @lanes: devices, in the order in which they were first heard of
 * @nr_lanes: how many
 * @nr_files: how many were read
 * @lost: events that the monitor missed
 * @origin: CLOCK_REALTIME of time 0
 * @source: lane that was saved
 * @destination: lane that was loaded, or -1
 * @window: the migration
 * @down: nobody ran; @down.end is 0 when nobody ever ran again
 * @precopy_bytes: transferred while the source ran
 * @stopped_bytes: transferred after that
 * @loaded_bytes: taken in by the destination
 * @rounds: times that all there was had been transferred, in pre-copy
 */
struct timeline {
	struct timeline_event *events;
	size_t nr_events;
	size_t room;
	struct timeline_lane *lanes;
	unsigned int nr_lanes;
	unsigned int nr_files;
	uint64_t lost;
	uint64_t origin;
	unsigned int source;
	int destination;
	struct timeline_window window;
	struct timeline_window down;
	uint64_t precopy_bytes;
	uint64_t stopped_bytes;
	uint64_t loaded_bytes;
	unsigned int rounds;
};

/** timeline_read - add the events of a file, "-" for standard input; reports its errors */
int timeline_read(struct timeline *timeline, const char *name);

/**
 * timeline_find - sort what was read and find a migration in it
 * @timeline: with the events of all files
 * @number: which, from 1 on; 0 for the last
 *
 * It begins with a session that saves. It ends when the device that was loaded meanwhile
 * runs, or the source runs again, or with the last event before the source is saved again.
 * Of several that were loaded meanwhile it is the one that took as many bytes. Reports its
 * errors.
 */
int timeline_find(struct timeline *timeline, unsigned int number);

/** timeline_free - forget everything */
void timeline_free(struct timeline *timeline);

/**
 * timeline_spans - call @span for each state and arc of a lane within a window, in order
 */
void timeline_spans(const struct timeline *timeline, unsigned int lane,
		    const struct timeline_window *window,
		    void (*span)(void *context, const struct timeline_span *span), void *context);

/** timeline_runs - the device works for its owner in this state */
bool timeline_runs(uint32_t state);

/** timeline_role - "source", "destination" or "" */
const char *timeline_role(const struct timeline *timeline, unsigned int lane);

/** timeline_pair - the source and, if there is one, the destination; returns how many */
unsigned int timeline_pair(const struct timeline *timeline, unsigned int lanes[2]);

/** enum timeline_value - what changes in the course of a migration */
enum timeline_value {
	TIMELINE_BYTES,
	TIMELINE_DIRTY,
};

/** timeline_at - what was last known of the source at @time */
uint64_t timeline_at(const struct timeline *timeline, enum timeline_value value, uint64_t time);

/** timeline_close_up - the time around the downtime; false when there is nothing to see closer */
bool timeline_close_up(const struct timeline *timeline, struct timeline_window *window);

/** timeline_text - draw for a terminal of so many columns */
void timeline_text(const struct timeline *timeline, unsigned int columns);

/** timeline_svg - write a picture; reports its errors */
int timeline_svg(const struct timeline *timeline, const char *name);

#endif /* VFIOMIG_TIMELINE_H */
