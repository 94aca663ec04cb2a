// SPDX-License-Identifier: GPL-2.0
/* timeline: for a terminal. A column is a moment; each device has a line of letters. */
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include "migration.h"
#include "out.h"
#include "timeline.h"
#include "units.h"
#include "vfio_compat.h"

#define LABEL		12
#define LEAST_COLUMNS	40

static const char letters[MIGRATION_NR_STATES] = {
	[VFIO_DEVICE_STATE_ERROR] = '!',
	[VFIO_DEVICE_STATE_STOP] = '-',
	[VFIO_DEVICE_STATE_RUNNING] = 'R',
	[VFIO_DEVICE_STATE_STOP_COPY] = 'S',
	[VFIO_DEVICE_STATE_RESUMING] = 'L',
	[VFIO_DEVICE_STATE_RUNNING_P2P] = 'r',
	[VFIO_DEVICE_STATE_PRE_COPY] = 'P',
	[VFIO_DEVICE_STATE_PRE_COPY_P2P] = 'p',
};

struct line {
	const struct timeline_window *window;
	unsigned int columns;
	char *text;
	uint32_t seen;
};

static uint64_t width_of(const struct timeline_window *window)
{
	return window->end > window->begin ? window->end - window->begin : 1;
}

static unsigned int column_of(const struct line *line, uint64_t time)
{
	unsigned int column;

	if (time <= line->window->begin)
		return 0;
	column = (double)(time - line->window->begin) * line->columns / width_of(line->window);
	return column < line->columns ? column : line->columns - 1;
}

static void fill(struct line *line, uint64_t begin, uint64_t end, char letter)
{
	unsigned int from = column_of(line, begin), to = column_of(line, end);

	memset(line->text + from, letter, to - from + 1);
}

/* The state that is reached covers the end of the arc: a short one does not show. */
static void draw_span(void *context, const struct timeline_span *span)
{
	struct line *line = context;

	if (span->state >= MIGRATION_NR_STATES)
		return;
	if (!span->failed)
		line->seen |= 1U << span->state;
	fill(line, span->begin, span->end, span->arc ? '>' : letters[span->state]);
}

/* But what was refused always does. */
static void draw_refused(void *context, const struct timeline_span *span)
{
	if (span->failed)
		fill(context, span->begin, span->end, 'x');
}

static void print_line(const char *label, const struct line *line)
{
	out_text("%-*s |%s|\n", LABEL, label, line->text);
}

static void clear(struct line *line)
{
	memset(line->text, ' ', line->columns);
	line->text[line->columns] = '\0';
}

/* Tenths of the most there was */
static void draw_value(const struct timeline *timeline, struct line *line, const char *label,
		       enum timeline_value value)
{
	uint64_t most = 0, seen, time;
	unsigned int i;
	int pass;

	clear(line);
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < line->columns; i++) {
			time = line->window->begin +
			       (double)width_of(line->window) * (i + 1) / line->columns;
			seen = timeline_at(timeline, value, time);
			if (!pass)
				most = seen > most ? seen : most;
			else if (seen)
				line->text[i] = '0' + (unsigned int)(9.0 * seen / most + 0.5);
		}
	}
	if (!most)
		return;
	out_text("%-*s |%s| 9 is %s\n", LABEL, label, line->text, units_size(most));
}

static void draw_down(const struct timeline *timeline, struct line *line)
{
	clear(line);
	if (timeline->down.end)
		fill(line, timeline->down.begin, timeline->down.end, '#');
	print_line("nobody runs", line);
}

static void draw_lanes(const struct timeline *timeline, struct line *line)
{
	unsigned int lanes[2], nr = timeline_pair(timeline, lanes), i;

	for (i = 0; i < nr; i++) {
		clear(line);
		timeline_spans(timeline, lanes[i], line->window, draw_span, line);
		timeline_spans(timeline, lanes[i], line->window, draw_refused, line);
		print_line(timeline_role(timeline, lanes[i]), line);
	}
}

static uint32_t draw(const struct timeline *timeline, const struct timeline_window *window,
		     unsigned int columns)
{
	struct line line = { .window = window, .columns = columns };

	line.text = malloc(columns + 1);
	if (!line.text)
		abort();
	out_text("%-*s  %s%*s\n", LABEL, "",
		 units_time(window->begin - timeline->window.begin),
		 (int)columns - 9, units_time(window->end - timeline->window.begin));
	draw_lanes(timeline, &line);
	if (timeline->down.begin)
		draw_down(timeline, &line);
	draw_value(timeline, &line, "transferred", TIMELINE_BYTES);
	draw_value(timeline, &line, "dirty", TIMELINE_DIRTY);
	free(line.text);
	return line.seen;
}

static void legend(uint32_t seen)
{
	unsigned int i;

	out_text("\n");
	for (i = 0; i < MIGRATION_NR_STATES; i++)
		if (seen & 1U << i)
			out_text("%c %s  ", letters[i], migration_state_name(i));
	out_text("> on the way  x refused\n");
}

void timeline_text(const struct timeline *timeline, unsigned int columns)
{
	struct timeline_window close_up;
	uint32_t seen;

	columns = columns < LEAST_COLUMNS + LABEL ? LEAST_COLUMNS : columns - LABEL - 20;
	out_text("\n");
	seen = draw(timeline, &timeline->window, columns);
	if (timeline_close_up(timeline, &close_up)) {
		out_text("\ncloser:\n");
		seen |= draw(timeline, &close_up, columns);
	}
	legend(seen);
}
