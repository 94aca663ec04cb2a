// SPDX-License-Identifier: GPL-2.0
/* timeline: a picture. Panels one below the other, each a window of time with its lanes. */
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "migration.h"
#include "out.h"
#include "timeline.h"
#include "units.h"
#include "vfio_compat.h"

#define WIDTH		1000
#define LEFT		120
#define RIGHT		20
#define PLOT		(WIDTH - LEFT - RIGHT)
#define LANE		34
#define CURVE		90
#define HEAD		76
#define AXIS		30
#define POINTS		200
#define TICKS		5
/* A character of a label takes about so much. */
#define CHARACTER	7

static const char *const colors[MIGRATION_NR_STATES] = {
	[VFIO_DEVICE_STATE_ERROR] = "#c62828",
	[VFIO_DEVICE_STATE_STOP] = "#9e9e9e",
	[VFIO_DEVICE_STATE_RUNNING] = "#66a85c",
	[VFIO_DEVICE_STATE_STOP_COPY] = "#e08a2e",
	[VFIO_DEVICE_STATE_RESUMING] = "#8e6cc0",
	[VFIO_DEVICE_STATE_RUNNING_P2P] = "#a6cf9d",
	[VFIO_DEVICE_STATE_PRE_COPY] = "#4a90c4",
	[VFIO_DEVICE_STATE_PRE_COPY_P2P] = "#9cc4e0",
};

/**
 * struct panel - a window of time in the picture
 * @timeline: what is drawn
 * @window: from when to when
 * @out: where to
 * @y: the next thing goes here
 */
struct panel {
	const struct timeline *timeline;
	const struct timeline_window *window;
	FILE *out;
	double y;
};

static double x_of(const struct panel *panel, uint64_t time)
{
	const struct timeline_window *window = panel->window;
	double width = window->end > window->begin ? window->end - window->begin : 1;

	if (time <= window->begin)
		return LEFT;
	return time >= window->end ? LEFT + PLOT : LEFT + PLOT * (time - window->begin) / width;
}

/* Names and messages come from files that anybody may have written. */
static void put_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			fprintf(out, "&#%d;", *text);
		else if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
}

static OUT_FORMAT(5, 6) void put_text(FILE *out, double x, double y, const char *attributes,
				      const char *fmt, ...)
{
	char *text = NULL;
	va_list list;

	va_start(list, fmt);
	if (vasprintf(&text, fmt, list) < 0)
		abort();
	va_end(list);
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
	put_escaped(out, text);
	fputs("</text>\n", out);
	free(text);
}

static void put_span(void *context, const struct timeline_span *span)
{
	double begin = x_of(context, span->begin), end = x_of(context, span->end);
	const char *name = migration_state_name(span->state);
	struct panel *panel = context;

	if (span->state >= MIGRATION_NR_STATES)
		return;
	/* Too short to be seen is seen all the same. */
	if (end - begin < 0.7)
		end = begin + 0.7;
	fprintf(panel->out,
		"<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" fill=\"%s\"%s>",
		begin, panel->y, end - begin, LANE - 8,
		span->failed ? colors[VFIO_DEVICE_STATE_ERROR] : colors[span->state],
		span->arc ? " fill-opacity=\"0.55\"" : "");
	fprintf(panel->out, "<title>%s%s, %s</title></rect>\n", name,
		span->failed ? " refused" : span->arc ? " being reached" : "",
		units_time(span->end - span->begin));
	if (!span->arc && end - begin > CHARACTER * strlen(name))
		put_text(panel->out, (begin + end) / 2, panel->y + 17,
			 "class=\"state\" text-anchor=\"middle\"", "%s", name);
}

static void put_lanes(struct panel *panel)
{
	const struct timeline *timeline = panel->timeline;
	unsigned int lanes[2], nr = timeline_pair(timeline, lanes), i;

	for (i = 0; i < nr; i++) {
		put_text(panel->out, LEFT - 8, panel->y + 17, "text-anchor=\"end\"", "%s",
			 timeline_role(timeline, lanes[i]));
		timeline_spans(timeline, lanes[i], panel->window, put_span, panel);
		panel->y += LANE;
	}
}

static void put_down(const struct panel *panel, double top)
{
	double begin = x_of(panel, panel->timeline->down.begin);
	double end = x_of(panel, panel->timeline->down.end);

	if (!panel->timeline->down.end)
		return;
	fprintf(panel->out,
		"<rect class=\"down\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\"/>\n",
		begin, top - 6, end - begin < 1 ? 1 : end - begin, panel->y - top + 6);
	put_text(panel->out, end, top - 10, "class=\"alarm\" text-anchor=\"end\"", "downtime %s",
		 units_time(panel->timeline->down.end - panel->timeline->down.begin));
}

static uint64_t time_at(const struct panel *panel, unsigned int point)
{
	return panel->window->begin +
	       (double)(panel->window->end - panel->window->begin) * point / POINTS;
}

static uint64_t most_of(const struct panel *panel, enum timeline_value value)
{
	uint64_t most = 0, seen;
	unsigned int i;

	for (i = 0; i <= POINTS; i++) {
		seen = timeline_at(panel->timeline, value, time_at(panel, i));
		most = seen > most ? seen : most;
	}
	return most;
}

/* Known at events, and the same until the next: steps, not slopes. */
static void put_curve(struct panel *panel, enum timeline_value value, const char *label,
		      const char *color)
{
	uint64_t most = most_of(panel, value), time;
	double y, last = panel->y + CURVE;
	unsigned int i;

	if (!most)
		return;
	fprintf(panel->out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" d=\"", color);
	for (i = 0; i <= POINTS; i++) {
		time = time_at(panel, i);
		y = panel->y + CURVE -
		    (CURVE - 14.0) * timeline_at(panel->timeline, value, time) / most;
		fprintf(panel->out, "%c%.1f %.1f ", i ? 'L' : 'M', x_of(panel, time), i ? last : y);
		fprintf(panel->out, "L%.1f %.1f ", x_of(panel, time), y);
		last = y;
	}
	fputs("\"/>\n", panel->out);
	put_text(panel->out, LEFT - 8, panel->y + (value == TIMELINE_BYTES ? 24 : 62),
		 "text-anchor=\"end\"", "%s", label);
	fprintf(panel->out, "<rect x=\"%d\" y=\"%.1f\" width=\"10\" height=\"3\" fill=\"%s\"/>\n",
		LEFT - 18, panel->y + (value == TIMELINE_BYTES ? 44 : 82), color);
	put_text(panel->out, LEFT - 24, panel->y + (value == TIMELINE_BYTES ? 40 : 78) + 8,
		 "class=\"small\" text-anchor=\"end\"", "%s", units_size(most));
}

static void put_axis(struct panel *panel)
{
	unsigned int i;
	uint64_t time;

	fprintf(panel->out, "<path stroke=\"#777\" d=\"M%d %.1fH%d\"/>\n", LEFT, panel->y,
		LEFT + PLOT);
	for (i = 0; i <= TICKS; i++) {
		time = time_at(panel, i * POINTS / TICKS);
		fprintf(panel->out, "<path stroke=\"#777\" d=\"M%.1f %.1fv4\"/>\n",
			x_of(panel, time), panel->y);
		put_text(panel->out, x_of(panel, time), panel->y + 17,
			 i == TICKS ? "class=\"small\" text-anchor=\"end\"" :
			 "class=\"small\" text-anchor=\"middle\"", "%s",
			 units_time(time > panel->timeline->window.begin ?
				    time - panel->timeline->window.begin : 0));
	}
	panel->y += AXIS;
}

static void put_panel(struct panel *panel, const struct timeline_window *window)
{
	double top;

	panel->window = window;
	panel->y += 24;
	top = panel->y;
	put_lanes(panel);
	put_curve(panel, TIMELINE_BYTES, "transferred", "#37474f");
	put_curve(panel, TIMELINE_DIRTY, "dirty", "#ad1457");
	panel->y += CURVE + 6;
	put_down(panel, top);
	put_axis(panel);
}

static void put_head(FILE *out, const struct timeline *timeline)
{
	const char *to = timeline->destination < 0 ? "no device" :
			 timeline->lanes[timeline->destination].name;

	put_text(out, LEFT, 26, "class=\"title\"", "from %s to %s",
		 timeline->lanes[timeline->source].name, to);
	put_text(out, LEFT, 48, "", "%s in all; %s in pre-copy, %s after it%s",
		 units_time(timeline->window.end - timeline->window.begin),
		 units_size(timeline->precopy_bytes), units_size(timeline->stopped_bytes),
		 timeline->lost ? "; events were lost" : "");
}

static const char style[] =
	"<style>text{font:13px sans-serif;fill:#222} .title{font-size:15px;font-weight:bold}\n"
	".small{font-size:11px;fill:#555} .state{font-size:11px;fill:#fff}\n"
	".alarm{fill:#b71c1c;font-weight:bold}\n"
	".down{fill:#e53935;fill-opacity:.14;stroke:#b71c1c;stroke-width:.6}</style>\n"
	"<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";

static void put_picture(FILE *out, const struct timeline *timeline)
{
	struct panel panel = { .timeline = timeline, .out = out, .y = HEAD };
	bool closer;
	struct timeline_window close_up;
	unsigned int lanes = 1 + (timeline->destination >= 0), height;

	closer = timeline_close_up(timeline, &close_up);
	height = HEAD + (1 + closer) * (24 + lanes * LANE + CURVE + 6 + AXIS) + 10;
	fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\">\n", WIDTH,
		height);
	fputs(style, out);
	put_head(out, timeline);
	put_panel(&panel, &timeline->window);
	if (closer)
		put_panel(&panel, &close_up);
	fputs("</svg>\n", out);
}

int timeline_svg(const struct timeline *timeline, const char *name)
{
	struct file file = FILE_CLOSED;
	char *text = NULL;
	size_t size;
	FILE *out;
	int status;

	status = file_open_output(&file, name);
	if (status)
		return status;
	out = open_memstream(&text, &size);
	if (!out)
		abort();
	put_picture(out, timeline);
	if (fclose(out))
		abort();
	status = file_write(&file, text, size);
	if (!status)
		status = file_keep(&file);
	file_close(&file);
	free(text);
	return status;
}
