// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "feature.h"
#include "migration.h"
#include "units.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name

static const char *const state_names[MIGRATION_NR_STATES] = {
	[STATE(ERROR)] = "ERROR",
	[STATE(STOP)] = "STOP",
	[STATE(RUNNING)] = "RUNNING",
	[STATE(STOP_COPY)] = "STOP_COPY",
	[STATE(RESUMING)] = "RESUMING",
	[STATE(RUNNING_P2P)] = "RUNNING_P2P",
	[STATE(PRE_COPY)] = "PRE_COPY",
	[STATE(PRE_COPY_P2P)] = "PRE_COPY_P2P",
};

static bool usable(const struct migration_edge *edge, uint64_t flags)
{
	return (flags & edge->needs) == edge->needs && !(flags & edge->unless);
}

static bool saving(uint32_t state)
{
	return state == STATE(PRE_COPY) || state == STATE(PRE_COPY_P2P) ||
	       state == STATE(STOP_COPY);
}

const char *migration_state_name(uint32_t state)
{
	static char number[16];

	if (state < MIGRATION_NR_STATES)
		return state_names[state];
	snprintf(number, sizeof(number), "%u", state);
	return number;
}

/* Letters in any case, "-" for "_". */
static bool same_name(const char *name, const char *text)
{
	for (; *name && *text; name++, text++)
		if (*name != (*text == '-' ? '_' : toupper((unsigned char)*text)))
			return false;
	return *name == *text;
}

bool migration_state_parse(const char *text, uint32_t *state)
{
	char *end;

	for (*state = 0; *state < MIGRATION_NR_STATES; (*state)++)
		if (same_name(state_names[*state], text))
			return true;
	*state = strtoul(text, &end, 0);
	return isdigit((unsigned char)*text) && !*end;
}

/* The way back from @to that a breadth-first search left behind, turned round. */
static unsigned int trace_back(const uint32_t came_from[MIGRATION_NR_STATES], uint32_t from,
			       uint32_t to, uint32_t path[MIGRATION_NR_STATES])
{
	unsigned int length = 0, i;
	uint32_t state;

	for (state = to; state != from; state = came_from[state])
		length++;
	for (state = to, i = length; i > 0; state = came_from[state])
		path[--i] = state;
	return length;
}

/*
 * The kernel takes the shortest way and passes through a state that saves only
 * between two that save; it never goes back from STOP_COPY to pre-copy.
 */
unsigned int migration_path(const struct migration *migration, uint32_t to,
			    uint32_t path[MIGRATION_NR_STATES])
{
	uint32_t came_from[MIGRATION_NR_STATES], queue[MIGRATION_NR_STATES];
	const struct migration_edge *edge;
	bool seen[MIGRATION_NR_STATES] = { 0 };
	unsigned int head = 0, tail = 0, i;
	uint32_t from = migration->state;

	if (from >= MIGRATION_NR_STATES || to >= MIGRATION_NR_STATES || from == to ||
	    (from == STATE(STOP_COPY) && saving(to)))
		return 0;
	queue[tail++] = from;
	seen[from] = true;
	while (head < tail && !seen[to]) {
		uint32_t at = queue[head++];

		if (at != from && saving(at) && !(saving(from) && saving(to)))
			continue;
		for (i = 0; i < migration->ops->nr_edges; i++) {
			edge = &migration->ops->edges[i];
			if (edge->from != at || seen[edge->to] || !usable(edge, migration->flags))
				continue;
			seen[edge->to] = true;
			came_from[edge->to] = at;
			queue[tail++] = edge->to;
		}
	}
	return seen[to] ? trace_back(came_from, from, to, path) : 0;
}

int migration_fail_unsupported(struct migration *migration, int error)
{
	return fail(&(struct fault){
			.status = STATUS_UNSUPPORTED,
			.error = error,
			.where = migration->device->argument,
			.hint = "use a driver that implements VFIO migration (v2)",
		    }, "its driver %s cannot migrate it", migration->device->id.driver);
}

const char *migration_wrong(const struct migration *migration)
{
	return *migration->wrong ? migration->wrong : NULL;
}

static int begin(struct migration *migration)
{
	int status = migration->ops->begin(migration);

	if (!status && migration_get(migration, &migration->state))
		status = vfio_fail_because(migration->device, STATUS_FAILED,
					   migration_wrong(migration), "cannot ask for its state");
	return status;
}

int migration_begin(struct migration *migration, struct vfio_device *device,
		    const struct migration_ops *ops)
{
	int status;

	*migration = (struct migration){
		.device = device,
		.ops = ops,
		.data = -1,
		.state = VFIO_DEVICE_STATE_RUNNING,
	};
	status = begin(migration);
	if (status)
		migration_end(migration);
	return status;
}

static bool has_session(uint32_t state)
{
	return saving(state) || state == STATE(RESUMING);
}

/* A session that nobody has a hold of. */
static int end_former(struct migration *migration)
{
	if (migration->state != STATE(ERROR) && !has_session(migration->state))
		return STATUS_DONE;
	out_note("%s was left in %s, it is reset", migration->device->argument,
		 migration_state_name(migration->state));
	if (migration_reset(migration))
		return vfio_fail(migration->device, STATUS_FAILED, "cannot be reset");
	return STATUS_DONE;
}

int migration_take_over(struct migration *migration, struct vfio_device *device,
			const struct arguments *arguments)
{
	bool region = argument_given(arguments, OPTION_REGION);
	int status;

	status = migration_begin(migration, device, region ? &region_ops : &feature_ops);
	if (status)
		return status;
	if (migration_is(migration, VFIO_MIGRATION_STOP_COPY))
		status = end_former(migration);
	else
		status = migration_fail_unsupported(migration, 0);
	if (status)
		migration_end(migration);
	return status;
}

static void end_session(struct migration *migration)
{
	if (migration->data >= 0)
		close(migration->data);
	migration->data = -1;
	migration->held = 0;
}

void migration_end(struct migration *migration)
{
	end_session(migration);
	if (migration->ops->end)
		migration->ops->end(migration);
}

static void log_arc(struct migration *migration, const struct migration_arc *arc)
{
	if (migration->nr_arcs == MIGRATION_MAX_ARCS) {
		migration->nr_arcs--;
		memmove(migration->arcs, migration->arcs + 1,
			migration->nr_arcs * sizeof(*migration->arcs));
	}
	migration->arcs[migration->nr_arcs++] = *arc;
	out_trace(1, "%s: %s -> %s %s%s%s", migration->device->argument,
		  migration_state_name(arc->from), migration_state_name(arc->to),
		  units_time(arc->ns), arc->error ? ", " : "",
		  arc->error ? strerror(arc->error) : "");
}

/* " via RUNNING_P2P, STOP" for the arcs that the kernel takes between the two, or "" */
static void say_path(const struct migration *migration, uint32_t to, char *text, size_t size)
{
	uint32_t path[MIGRATION_NR_STATES];
	unsigned int i, length;
	size_t used = 0;

	*text = '\0';
	length = migration_path(migration, to, path);
	for (i = 0; i + 1 < length && used < size; i++)
		used += snprintf(text + used, size - used, "%s%s", i ? ", " : " via ",
				 migration_state_name(path[i]));
}

/*
 * The session ends or begins with some arcs only: a descriptor that comes with
 * the new state replaces the old one, a state without data closes it.
 */
static void took_arc(struct migration *migration, uint32_t state, int data)
{
	if (data >= 0 || !has_session(state))
		end_session(migration);
	if (data >= 0)
		migration->data = data;
	migration->state = state;
}

int migration_set(struct migration *migration, uint32_t state)
{
	struct migration_arc arc = { .from = migration->state, .to = state };
	char via[128];
	uint64_t start;
	int ret, data;

	say_path(migration, state, via, sizeof(via));
	start = units_now();
	ret = migration->ops->set(migration, state, via, &data);
	arc.error = ret ? errno : 0;
	arc.ns = units_now() - start;
	log_arc(migration, &arc);
	if (!ret)
		took_arc(migration, state, data);
	else
		migration_get(migration, &migration->state);
	errno = arc.error;
	return ret;
}

bool migration_refused(const struct migration *migration)
{
	const struct migration_arc *arc;

	if (!migration->nr_arcs)
		return false;
	arc = &migration->arcs[migration->nr_arcs - 1];
	return arc->from == STATE(RESUMING) && arc->error;
}

/* With the first arc out of RESUMING the device judges what it was given. */
int migration_fail(struct migration *migration, uint32_t state)
{
	const struct migration_arc *arc = &migration->arcs[migration->nr_arcs - 1];

	if (migration_refused(migration) && state < MIGRATION_NR_STATES && state)
		return vfio_fail_refused(migration->device, migration_refusal_status(errno),
					 "refuses the device state as a whole, is now %s",
					 migration_state_name(migration->state));
	return vfio_fail(migration->device, STATUS_FAILED, "cannot go from %s to %s, is now %s",
			 migration_state_name(arc->from), migration_state_name(state),
			 migration_state_name(migration->state));
}

enum status migration_refusal_status(int error)
{
	switch (error) {
	case EXDEV:
	case EILSEQ:
	case EOPNOTSUPP:
		return STATUS_DIFFERS;
	default:
		return STATUS_FAILED;
	}
}

int migration_go(struct migration *migration, uint32_t state)
{
	uint32_t path[MIGRATION_NR_STATES];
	unsigned int i, length;

	if (migration->state == state)
		return STATUS_DONE;
	length = migration_path(migration, state, path);
	if (!length)
		path[length++] = state;
	for (i = 0; i < length; i++)
		if (migration_set(migration, path[i]))
			return migration_fail(migration, path[i]);
	return STATUS_DONE;
}

int migration_get(struct migration *migration, uint32_t *state)
{
	int error = errno, ret = migration->ops->get(migration, state);

	if (!ret)
		errno = error;
	return ret;
}

int migration_reset(struct migration *migration)
{
	if (vfio_ioctl(migration->device, migration->device->fd, VFIO_DEVICE_RESET, NULL,
		       "VFIO_DEVICE_RESET"))
		return -1;
	took_arc(migration, VFIO_DEVICE_STATE_RUNNING, -1);
	return 0;
}

void migration_recover(struct migration *migration)
{
	const char *name = migration->device->argument;
	uint32_t path[MIGRATION_NR_STATES];
	unsigned int i, length;

	length = migration_path(migration, STATE(RUNNING), path);
	if (migration->state == STATE(RESUMING))
		length = 0;
	for (i = 0; i < length; i++)
		if (migration_set(migration, path[i]))
			break;
	if (migration->state == STATE(RUNNING))
		out_note("%s is RUNNING again", name);
	else if (!migration_reset(migration))
		out_note("%s was reset", name);
	else
		vfio_fail(migration->device, STATUS_FAILED, "cannot be reset, is in %s",
			  migration_state_name(migration->state));
}

void migration_print_arcs(const struct migration *migration, const char *key, const char *who)
{
	const struct migration_arc *arc;
	unsigned int i;

	out_array(key);
	for (i = 0; i < migration->nr_arcs; i++) {
		arc = &migration->arcs[i];
		out_object(NULL);
		out_string("from", migration_state_name(arc->from), "%-12s %-12s -> ", who,
			   migration_state_name(arc->from));
		out_string("to", migration_state_name(arc->to), "%-13s",
			   migration_state_name(arc->to));
		out_uint("ns", arc->ns, "%10s\n", units_time(arc->ns));
		if (arc->error)
			out_string("error", strerror(arc->error), "");
		out_close();
	}
	out_close();
}
