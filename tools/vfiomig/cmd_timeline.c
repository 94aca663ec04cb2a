// SPDX-License-Identifier: GPL-2.0
/* timeline: one migration as a picture, from what monitor --json saw of it. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "command.h"
#include "migration.h"
#include "out.h"
#include "timeline.h"
#include "units.h"

#define COLUMNS		100

static unsigned int columns(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return COLUMNS;
}

static int number_of(const struct arguments *arguments, unsigned int *number)
{
	unsigned long value = 0;

	if (!options_number(arguments, OPTION_NUMBER, 10, UINT32_MAX, &value) ||
	    (argument_given(arguments, OPTION_NUMBER) && !value))
		return fail_usage("--number takes a number from 1 on, not '%s'",
				  arguments->value[OPTION_NUMBER]);
	*number = value;
	return STATUS_DONE;
}

static void print_lane(const struct timeline *timeline, const char *key, unsigned int lane)
{
	out_string(key, timeline->lanes[lane].name, "%-12s %s\n", key, timeline->lanes[lane].name);
}

static void print_down(const struct timeline *timeline)
{
	const struct timeline_window *down = &timeline->down;

	if (!down->begin)
		return;
	out_uint("stopped_ns", down->begin - timeline->window.begin, "%-12s after %s\n", "stopped",
		 units_time(down->begin - timeline->window.begin));
	if (down->end)
		out_uint("downtime_ns", down->end - down->begin, "%-12s %s\n", "downtime",
			 units_time(down->end - down->begin));
	else
		out_text("%-12s neither device ran again\n", "downtime");
}

static void print_bytes(const struct timeline *timeline)
{
	out_uint("precopy_bytes", timeline->precopy_bytes, "%-12s %s", "pre-copy",
		 units_size(timeline->precopy_bytes));
	out_uint("rounds", timeline->rounds, ", all of it %u times\n", timeline->rounds);
	out_uint("stopped_bytes", timeline->stopped_bytes, "%-12s %s\n", "after it",
		 units_size(timeline->stopped_bytes));
	if (timeline->destination >= 0)
		out_uint("loaded_bytes", timeline->loaded_bytes, "%-12s %s\n", "loaded",
			 units_size(timeline->loaded_bytes));
	if (timeline->lost)
		out_uint("lost_events", timeline->lost, "%-12s %llu events, not shown\n", "lost",
			 (unsigned long long)timeline->lost);
}

/* What stands out on the way: refusals, faults, resets, arcs that failed. */
static void print_incident(const struct timeline *timeline, const struct timeline_event *event)
{
	out_object(NULL);
	out_uint("time_ns", event->time - timeline->window.begin, "%12s",
		 units_time(event->time - timeline->window.begin));
	out_string("device", timeline->lanes[event->lane].name, "  %-11s",
		   timeline_role(timeline, event->lane));
	if (event->kind == TIMELINE_STATE)
		out_string("to", migration_state_name(event->to), "  %s",
			   migration_state_name(event->to));
	if (event->error)
		out_uint("errno", event->error, "  %s", strerrorname_np(event->error) ?: "error");
	if (event->message)
		out_string("message", event->message, "  %s", event->message);
	out_text("\n");
	out_close();
}

static void print_incidents(const struct timeline *timeline)
{
	const struct timeline_event *event;
	size_t i;

	out_array("incidents");
	for (i = 0; i < timeline->nr_events; i++) {
		event = &timeline->events[i];
		if (event->time < timeline->window.begin || event->time > timeline->window.end)
			continue;
		if (event->error || event->kind == TIMELINE_REFUSAL ||
		    event->kind == TIMELINE_FAULT || event->kind == TIMELINE_RESET)
			print_incident(timeline, event);
	}
	out_close();
}

static void print(const struct timeline *timeline)
{
	print_lane(timeline, "source", timeline->source);
	if (timeline->destination >= 0)
		print_lane(timeline, "destination", timeline->destination);
	out_uint("duration_ns", timeline->window.end - timeline->window.begin, "%-12s %s\n", "took",
		 units_time(timeline->window.end - timeline->window.begin));
	print_down(timeline);
	print_bytes(timeline);
	print_incidents(timeline);
	if (!out_is_json())
		timeline_text(timeline, columns());
}

static int read_all(const struct arguments *arguments, struct timeline *timeline)
{
	int i, status = STATUS_DONE;

	for (i = 0; i < arguments->nr && !status; i++)
		status = timeline_read(timeline, arguments->word[i]);
	return status;
}

int cmd_timeline(const struct arguments *arguments)
{
	const char *picture = arguments->value[OPTION_OUTPUT];
	struct timeline timeline = { 0 };
	unsigned int number = 0;
	int status;

	status = number_of(arguments, &number);
	if (!status)
		status = read_all(arguments, &timeline);
	if (!status)
		status = timeline_find(&timeline, number);
	if (!status && picture)
		status = timeline_svg(&timeline, picture);
	if (!status)
		print(&timeline);
	timeline_free(&timeline);
	return status;
}
