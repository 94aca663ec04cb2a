// SPDX-License-Identifier: GPL-2.0
/* timeline: reading events, and finding the migration in them. */
#include <errno.h>
#include <json-c/json.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "array_size.h"
#include "file.h"
#include "migration.h"
#include "out.h"
#include "timeline.h"
#include "vfio_compat.h"

#define DEPTH		8

static const struct kind_name {
	const char *name;
	enum timeline_kind kind;
} kind_names[] = {
	{ "state", TIMELINE_STATE },
	{ "session-begin", TIMELINE_BEGIN },
	{ "session-end", TIMELINE_END },
	{ "round", TIMELINE_ROUND },
	{ "refusal", TIMELINE_REFUSAL },
	{ "fault", TIMELINE_FAULT },
	{ "reset", TIMELINE_RESET },
};

bool timeline_runs(uint32_t state)
{
	return state == VFIO_DEVICE_STATE_RUNNING || state == VFIO_DEVICE_STATE_PRE_COPY;
}

const char *timeline_role(const struct timeline *timeline, unsigned int lane)
{
	if (lane == timeline->source)
		return "source";
	return (int)lane == timeline->destination ? "destination" : "";
}

unsigned int timeline_pair(const struct timeline *timeline, unsigned int lanes[2])
{
	lanes[0] = timeline->source;
	if (timeline->destination < 0)
		return 1;
	lanes[1] = timeline->destination;
	return 2;
}

/* ---- Reading ----------------------------------------------------------- */

static const char *string_of(struct json_object *json, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(json, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

static bool number_of(struct json_object *json, const char *key, uint64_t *number)
{
	struct json_object *value;

	if (!json_object_object_get_ex(json, key, &value) ||
	    !json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return false;
	*number = json_object_get_uint64(value);
	return true;
}

static bool state_of(struct json_object *json, const char *key, uint32_t *state)
{
	const char *name = string_of(json, key);

	return name && migration_state_parse(name, state);
}

static unsigned int lane_named(struct timeline *timeline, const char *name)
{
	unsigned int i;

	for (i = 0; i < timeline->nr_lanes; i++)
		if (timeline->lanes[i].file == timeline->nr_files &&
		    !strncmp(timeline->lanes[i].name, name, TIMELINE_NAME - 1))
			return i;
	timeline->lanes = realloc(timeline->lanes, (i + 1) * sizeof(*timeline->lanes));
	if (!timeline->lanes)
		abort();
	snprintf(timeline->lanes[i].name, TIMELINE_NAME, "%s", name);
	timeline->lanes[i].file = timeline->nr_files;
	return timeline->nr_lanes++;
}

static struct timeline_event *event_add(struct timeline *timeline)
{
	if (timeline->nr_events == timeline->room) {
		timeline->room = timeline->room ? timeline->room * 2 : 64;
		timeline->events = realloc(timeline->events,
					   timeline->room * sizeof(*timeline->events));
		if (!timeline->events)
			abort();
	}
	timeline->events[timeline->nr_events] = (struct timeline_event){ 0 };
	return &timeline->events[timeline->nr_events++];
}

static const struct kind_name *kind_of(const char *name)
{
	unsigned int i;

	for (i = 0; name && i < ARRAY_SIZE(kind_names); i++)
		if (!strcmp(kind_names[i].name, name))
			return &kind_names[i];
	return NULL;
}

/* What an event of its kind cannot do without */
static const char *event_take(struct timeline *timeline, struct json_object *json,
			      const struct kind_name *kind)
{
	const char *device = string_of(json, "device"), *phase = string_of(json, "phase");
	const char *message = string_of(json, "message");
	struct timeline_event event = { .kind = kind->kind };
	uint64_t error = 0;

	if (!device)
		return "device";
	if (!number_of(json, "time_ns", &event.time))
		return "time_ns";
	if (kind->kind == TIMELINE_STATE && !state_of(json, "from", &event.from))
		return "from";
	if (kind->kind == TIMELINE_STATE && !state_of(json, "to", &event.to))
		return "to";
	if (kind->kind == TIMELINE_RESET && !state_of(json, "to", &event.to))
		event.to = VFIO_DEVICE_STATE_RUNNING;
	if (kind->kind == TIMELINE_BEGIN && !phase)
		return "phase";
	number_of(json, "duration_ns", &event.duration);
	if (event.duration > event.time)
		return "duration_ns";
	number_of(json, "errno", &error);
	event.error = error;
	event.loads = phase && !strcasecmp(phase, "resuming");
	event.has_bytes = number_of(json, "bytes", &event.bytes);
	event.has_dirty = number_of(json, "dirty_bytes", &event.dirty);
	event.lane = lane_named(timeline, device);
	event.order = timeline->nr_events;
	event.message = message ? strdup(message) : NULL;
	*event_add(timeline) = event;
	return NULL;
}

/* A monitor says what it missed in a line of its own, and in the last one how much it was. */
static void count_lost(struct timeline *timeline, struct json_object *json, const char *event)
{
	uint64_t lost;

	if (!strcmp(event, "lost") && number_of(json, "lost", &lost))
		timeline->lost += lost;
}

static int fail_line(const char *name, unsigned int number, const char *what)
{
	return fail(&(struct fault){ .status = STATUS_FAILED, .error = EINVAL, .where = name,
		    .hint = "events are what vfiomig monitor --json prints" },
		    "line %u %s", number, what);
}

static int line_take(struct timeline *timeline, const char *name, unsigned int number,
		     struct json_object *json)
{
	const char *event = string_of(json, "event"), *missing;
	const struct kind_name *kind = kind_of(event);
	char what[80];

	if (!event)
		return fail_line(name, number, "says not which event it is");
	count_lost(timeline, json, event);
	missing = kind ? event_take(timeline, json, kind) : NULL;
	if (!missing)
		return STATUS_DONE;
	snprintf(what, sizeof(what), "has no %s, or one that makes no sense", missing);
	return fail_line(name, number, what);
}

static int line_read(struct timeline *timeline, struct json_tokener *tokener, const char *name,
		     unsigned int number, const char *line)
{
	struct json_object *json;
	int status;

	if (!line[strspn(line, " \t\r\n")])
		return STATUS_DONE;
	json_tokener_reset(tokener);
	json = json_tokener_parse_ex(tokener, line, -1);
	if (json_object_is_type(json, json_type_object))
		status = line_take(timeline, name, number, json);
	else
		status = fail_line(name, number, "is no JSON object");
	json_object_put(json);
	return status;
}

static int lines_read(struct timeline *timeline, const struct file *file, FILE *lines)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	int status = STATUS_DONE;
	unsigned int number = 0;
	char *line = NULL;
	size_t room = 0;

	if (!tokener)
		abort();
	while (!status && getline(&line, &room, lines) >= 0)
		status = line_read(timeline, tokener, file->name, ++number, line);
	json_tokener_free(tokener);
	free(line);
	if (!status && ferror(lines))
		return file_fail(file, "cannot read it");
	return status;
}

int timeline_read(struct timeline *timeline, const char *name)
{
	struct file file;
	FILE *lines;
	int status;

	timeline->nr_files++;
	status = file_open_input(&file, name);
	if (status)
		return status;
	lines = fdopen(dup(file.fd), "r");
	if (!lines)
		abort();
	status = lines_read(timeline, &file, lines);
	fclose(lines);
	file_close(&file);
	return status;
}

void timeline_free(struct timeline *timeline)
{
	size_t i;

	for (i = 0; i < timeline->nr_events; i++)
		free(timeline->events[i].message);
	free(timeline->events);
	free(timeline->lanes);
	*timeline = (struct timeline){ 0 };
}

/* ---- Finding ----------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct timeline_event *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* That of a session is an event of its own. */
static uint64_t begin_of(const struct timeline_event *event)
{
	return event->kind == TIMELINE_STATE ? event->time - event->duration : event->time;
}

/* Times from the first event on, which may have begun before it was told. */
static void rebase(struct timeline *timeline)
{
	uint64_t origin = UINT64_MAX;
	size_t i;

	qsort(timeline->events, timeline->nr_events, sizeof(*timeline->events), by_time);
	for (i = 0; i < timeline->nr_events; i++)
		if (begin_of(&timeline->events[i]) < origin)
			origin = begin_of(&timeline->events[i]);
	for (i = 0; i < timeline->nr_events; i++)
		timeline->events[i].time -= origin;
	timeline->origin = origin;
}

static bool saves(const struct timeline_event *event)
{
	return event->kind == TIMELINE_BEGIN && !event->loads;
}

/* A refused arc leaves its device where it was, unless it ends in ERROR. */
static bool arrives(const struct timeline_event *event)
{
	return event->kind == TIMELINE_STATE &&
	       (!event->error || event->to == VFIO_DEVICE_STATE_ERROR);
}

/* The arc through which a device with P2P comes to run begins at RUNNING_P2P. */
static bool runs_again(const struct timeline_event *event)
{
	return arrives(event) && timeline_runs(event->to) && !timeline_runs(event->from);
}

static bool stops_running(const struct timeline_event *event)
{
	return arrives(event) && timeline_runs(event->from) && !timeline_runs(event->to);
}

static bool leads_to_saving(const struct timeline_event *event)
{
	return event->kind == TIMELINE_STATE && (event->to == VFIO_DEVICE_STATE_PRE_COPY ||
						 event->to == VFIO_DEVICE_STATE_STOP_COPY);
}

/* A session is begun by an arc, which is told of when it is over. */
static uint64_t session_begins(const struct timeline *timeline, size_t first)
{
	const struct timeline_event *session = &timeline->events[first], *event;
	uint64_t begin = session->time;
	size_t i;

	for (i = 0; i < timeline->nr_events; i++) {
		event = &timeline->events[i];
		if (event->lane == session->lane && leads_to_saving(event) &&
		    begin_of(event) <= session->time)
			begin = begin_of(event);
	}
	return begin;
}

/* Index of the event that ends the session that another one began */
static size_t session_ends(const struct timeline *timeline, size_t at)
{
	size_t i;

	for (i = at + 1; i < timeline->nr_events; i++)
		if (timeline->events[i].lane == timeline->events[at].lane &&
		    timeline->events[i].kind == TIMELINE_END)
			break;
	return i;
}

static bool same_bytes(const struct timeline *timeline, size_t a, size_t b)
{
	return a < timeline->nr_events && b < timeline->nr_events &&
	       timeline->events[a].bytes == timeline->events[b].bytes;
}

/* Loading, while the session that begins @first saves: it may have begun before that one. */
static bool loads_meanwhile(const struct timeline *timeline, size_t at, size_t first)
{
	const struct timeline_event *event = &timeline->events[at];

	return event->kind == TIMELINE_BEGIN && event->loads && event->lane != timeline->source &&
	       session_ends(timeline, at) > first;
}

/* The last of those that load meanwhile, if none took just what the source gave */
static int destination_of(const struct timeline *timeline, size_t first, size_t last)
{
	size_t saved = session_ends(timeline, first), i;
	int destination = -1;

	for (i = 0; i < last; i++) {
		if (!loads_meanwhile(timeline, i, first))
			continue;
		destination = timeline->events[i].lane;
		if (same_bytes(timeline, session_ends(timeline, i), saved))
			break;
	}
	return destination;
}

static bool took_over(const struct timeline *timeline, const struct timeline_event *event)
{
	bool ours = event->lane == timeline->source || (int)event->lane == timeline->destination;

	return ours && timeline->down.begin && event->time > timeline->down.begin &&
	       runs_again(event);
}

/* What was transferred until the arc began that stopped the source is of pre-copy. */
static void count_saved(struct timeline *timeline, const struct timeline_event *event)
{
	timeline->rounds += event->kind == TIMELINE_ROUND;
	if (!event->has_bytes)
		return;
	if (!timeline->down.begin || begin_of(event) <= timeline->down.begin)
		timeline->precopy_bytes = event->bytes;
	else if (event->bytes >= timeline->precopy_bytes)
		timeline->stopped_bytes = event->bytes - timeline->precopy_bytes;
}

static void count_bytes(struct timeline *timeline, const struct timeline_event *event)
{
	if (event->lane == timeline->source)
		count_saved(timeline, event);
	else if ((int)event->lane == timeline->destination && event->has_bytes &&
		 event->kind == TIMELINE_END)
		timeline->loaded_bytes = event->bytes;
}

static void follow(struct timeline *timeline, const struct timeline_event *event)
{
	if (event->lane == timeline->source && stops_running(event) && !timeline->down.begin)
		timeline->down.begin = begin_of(event) + !begin_of(event);
	timeline->window.end = event->time;
	if (took_over(timeline, event))
		timeline->down.end = event->time;
}

/* The source may end its session after the destination has begun to run. */
static void measure(struct timeline *timeline, size_t first, size_t last)
{
	bool saving = true;
	size_t i;

	for (i = first; i < last && (saving || !timeline->down.end); i++) {
		const struct timeline_event *event = &timeline->events[i];

		if (!timeline->down.end)
			follow(timeline, event);
		if (saving || event->lane != timeline->source)
			count_bytes(timeline, event);
		if (event->lane == timeline->source && event->kind == TIMELINE_END)
			saving = false;
	}
}

static size_t next_saving(const struct timeline *timeline, size_t at)
{
	while (at < timeline->nr_events && !saves(&timeline->events[at]))
		at++;
	return at;
}

static size_t saved_again(const struct timeline *timeline, size_t first)
{
	size_t at = first;

	do {
		at = next_saving(timeline, at + 1);
	} while (at < timeline->nr_events && timeline->events[at].lane != timeline->source);
	return at;
}

static unsigned int count_saving(const struct timeline *timeline)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < timeline->nr_events; i++)
		count += saves(&timeline->events[i]);
	return count;
}

int timeline_find(struct timeline *timeline, unsigned int number)
{
	unsigned int count = count_saving(timeline);
	size_t first, last;

	if (!count)
		return fail(&(struct fault){ .status = STATUS_FAILED, .error = ENODATA,
			    .hint = "start vfiomig monitor --json before the migration" },
			    "no event tells of a device that was saved");
	if (number > count)
		return fail(&(struct fault){ .status = STATUS_FAILED, .error = ENODATA },
			    "there is no migration %u, only %u", number, count);
	rebase(timeline);
	number = number ? number : count;
	for (first = next_saving(timeline, 0); --number;)
		first = next_saving(timeline, first + 1);
	timeline->source = timeline->events[first].lane;
	last = saved_again(timeline, first);
	timeline->destination = destination_of(timeline, first, last);
	timeline->window.begin = session_begins(timeline, first);
	measure(timeline, first, last);
	return STATUS_DONE;
}

/* ---- Looking ----------------------------------------------------------- */

struct spans {
	const struct timeline_window *window;
	void (*span)(void *context, const struct timeline_span *span);
	void *context;
};

static void span_emit(const struct spans *spans, struct timeline_span span)
{
	if (span.begin < spans->window->begin)
		span.begin = spans->window->begin;
	if (span.end > spans->window->end)
		span.end = spans->window->end;
	/* An arc too short for the clock is an arc all the same. */
	if (span.begin < span.end || (span.arc && span.begin == span.end))
		spans->span(spans->context, &span);
}

static uint32_t state_before(const struct timeline *timeline, unsigned int lane)
{
	size_t i;

	for (i = 0; i < timeline->nr_events; i++)
		if (timeline->events[i].lane == lane && timeline->events[i].kind == TIMELINE_STATE)
			return timeline->events[i].from;
	return TIMELINE_UNKNOWN;
}

/* Arcs take time; a reset is told of when it is done. */
static bool changes(const struct timeline_event *event)
{
	return event->kind == TIMELINE_STATE || event->kind == TIMELINE_RESET;
}

void timeline_spans(const struct timeline *timeline, unsigned int lane,
		    const struct timeline_window *window,
		    void (*span)(void *context, const struct timeline_span *span), void *context)
{
	const struct spans spans = { window, span, context };
	uint32_t state = state_before(timeline, lane);
	const struct timeline_event *event;
	uint64_t since = 0;
	size_t i;

	for (i = 0; i < timeline->nr_events; i++) {
		event = &timeline->events[i];
		if (event->lane != lane || !changes(event))
			continue;
		span_emit(&spans, (struct timeline_span){
			  .begin = since, .end = begin_of(event), .state = state });
		span_emit(&spans, (struct timeline_span){
			  .begin = begin_of(event), .end = event->time,
			  .state = event->to, .arc = true, .failed = event->error });
		if (event->kind == TIMELINE_RESET || arrives(event))
			state = event->to;
		since = event->time;
	}
	span_emit(&spans, (struct timeline_span){
		  .begin = since, .end = UINT64_MAX, .state = state });
}

uint64_t timeline_at(const struct timeline *timeline, enum timeline_value value, uint64_t time)
{
	const struct timeline_event *event;
	uint64_t seen = 0;
	size_t i;

	for (i = 0; i < timeline->nr_events && timeline->events[i].time <= time; i++) {
		event = &timeline->events[i];
		if (event->lane != timeline->source || event->time < timeline->window.begin)
			continue;
		if (value == TIMELINE_DIRTY && event->has_dirty)
			seen = event->dirty;
		if (value == TIMELINE_BYTES && event->has_bytes)
			seen = event->bytes;
	}
	return seen;
}

bool timeline_close_up(const struct timeline *timeline, struct timeline_window *window)
{
	const struct timeline_window *down = &timeline->down, *all = &timeline->window;
	uint64_t margin = (down->end - down->begin) / 8 + 1;

	if (!down->end || (down->end - down->begin) * 2 > all->end - all->begin)
		return false;
	window->begin = down->begin > margin ? down->begin - margin : 0;
	window->end = down->end + margin;
	return true;
}
