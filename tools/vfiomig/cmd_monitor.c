// SPDX-License-Identifier: GPL-2.0
/* monitor, stats: devices of mdevsim seen from outside. */
#include <errno.h>
#include <netlink/socket.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "array_size.h"
#include "command.h"
#include "interrupt.h"
#include "migration.h"
#include "netlink.h"
#include "out.h"
#include "sysfs.h"
#include "units.h"

static const char *const protocols[] = {
	[MDEVSIM_PROTOCOL_NONE] = "none",
	[MDEVSIM_PROTOCOL_V2] = "v2",
	[MDEVSIM_PROTOCOL_V1] = "v1",
};

static const char *const phases[] = {
	[MDEVSIM_PHASE_NONE] = "none",
	[MDEVSIM_PHASE_PRE_COPY] = "pre-copy",
	[MDEVSIM_PHASE_STOP_COPY] = "stop-copy",
	[MDEVSIM_PHASE_RESUMING] = "resuming",
};

static const char *const kinds[] = {
	[MDEVSIM_EVENT_KIND_CREATED] = "created",
	[MDEVSIM_EVENT_KIND_REMOVED] = "removed",
	[MDEVSIM_EVENT_KIND_OPENED] = "opened",
	[MDEVSIM_EVENT_KIND_CLOSED] = "closed",
	[MDEVSIM_EVENT_KIND_STATE] = "state",
	[MDEVSIM_EVENT_KIND_SESSION_BEGIN] = "session-begin",
	[MDEVSIM_EVENT_KIND_SESSION_END] = "session-end",
	[MDEVSIM_EVENT_KIND_ROUND] = "round",
	[MDEVSIM_EVENT_KIND_REFUSAL] = "refusal",
	[MDEVSIM_EVENT_KIND_RESET] = "reset",
	[MDEVSIM_EVENT_KIND_FAULT] = "fault",
};

/* What a newer driver says may have no name here. */
#define NAME_OF(names, value)	((value) < ARRAY_SIZE(names) ? (names)[value] : "unknown")

static const char *string_of(struct nlattr **attrs, int attribute)
{
	return attrs[attribute] ? nla_get_string(attrs[attribute]) : NULL;
}

/* ---- Which devices ----------------------------------------------------- */

/**
 * struct chosen - the devices that the command line names
 * @name: their UUIDs
 * @nr: number of them; 0 stands for all
 */
struct chosen {
	char (*name)[SYSFS_NAME];
	int nr;
};

static int choose(const struct arguments *arguments, struct chosen *chosen)
{
	struct sysfs_device device;
	int status;

	chosen->nr = arguments->nr;
	chosen->name = calloc(arguments->nr + 1, sizeof(*chosen->name));
	if (!chosen->name)
		abort();
	for (int i = 0; i < chosen->nr; i++) {
		status = sysfs_find(arguments->word[i], &device);
		if (status)
			return status;
		snprintf(chosen->name[i], sizeof(*chosen->name), "%s", device.name);
	}
	return STATUS_DONE;
}

/* Its place among those chosen; 0 when all are, -1 when it is not */
static int chosen_index(const struct chosen *chosen, const char *name)
{
	if (!chosen->nr)
		return 0;
	for (int i = 0; i < chosen->nr; i++)
		if (!strcmp(chosen->name[i], name))
			return i;
	return -1;
}

/* ---- monitor ----------------------------------------------------------- */

/**
 * struct watch - a monitor at work
 * @netlink: where events come in
 * @chosen: of which devices
 * @seq: by place in @chosen, sequence number of the last event of each; of all events, when
 *	all devices are chosen
 * @told: by the same place, what the kernel last said that it has got to
 * @events: printed
 * @lost: that never came
 * @idle: times that nothing had come for a while, since the kernel was last asked
 * @overrun: some were lost, and the kernel was not asked since how many
 */
struct watch {
	struct netlink netlink;
	struct chosen chosen;
	uint64_t *seq;
	uint64_t *told;
	uint64_t events;
	uint64_t lost;
	unsigned int idle;
	bool overrun;
};

/* One line is one document. */
static void end_line(void)
{
	char *text;

	out_text("\n");
	if (out_is_json()) {
		text = out_take();
		printf("%s\n", text);
		free(text);
	}
	fflush(stdout);
}

static void out_null(const char *key)
{
	out_string(key, NULL, "");
}

static void out_time(uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	struct tm tm;
	char text[32];

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	out_uint("time_ns", ns, "%s.%06u ", text, (unsigned int)(ns % 1000000000 / 1000));
}

static void out_state(const char *key, const struct nlattr *attr, const char *before)
{
	if (attr)
		out_string(key, migration_state_name(netlink_u32(attr)), "%s%s", before,
			   migration_state_name(netlink_u32(attr)));
	else
		out_null(key);
}

static void out_error(const struct nlattr *attr)
{
	uint32_t error = netlink_u32(attr);

	if (error)
		out_uint("errno", error, " %s%s%s", out_paint(PAINT_BAD), strerrorname_np(error),
			 out_paint(PAINT_PLAIN));
	else if (attr)
		out_uint("errno", 0, "");
	else
		out_null("errno");
}

static bool counts_bytes(uint32_t kind)
{
	return kind == MDEVSIM_EVENT_KIND_ROUND || kind == MDEVSIM_EVENT_KIND_SESSION_END;
}

static void out_progress(struct nlattr **attrs, uint32_t kind)
{
	uint64_t bytes = netlink_u64(attrs[MDEVSIM_A_EVENT_BYTES]);
	uint64_t dirty = netlink_u64(attrs[MDEVSIM_A_EVENT_DIRTY_BYTES]);
	uint32_t phase = netlink_u32(attrs[MDEVSIM_A_EVENT_PHASE]);

	out_string("phase", NAME_OF(phases, phase), "%s%s",
		   kind == MDEVSIM_EVENT_KIND_SESSION_BEGIN ? " " : "",
		   kind == MDEVSIM_EVENT_KIND_SESSION_BEGIN ? NAME_OF(phases, phase) : "");
	out_uint("bytes", bytes, "%s%s", counts_bytes(kind) ? " " : "",
		 counts_bytes(kind) ? units_size(bytes) : "");
	out_uint("dirty_bytes", dirty, "%s%s%s", dirty ? ", " : "", dirty ? units_size(dirty) : "",
		 dirty ? " dirty" : "");
}

static void out_duration(const struct nlattr *attr)
{
	uint64_t ns = netlink_u64(attr);

	if (attr)
		out_uint("duration_ns", ns, ", %s", units_time(ns));
	else
		out_null("duration_ns");
}

static void out_rest(struct nlattr **attrs)
{
	const char *message = string_of(attrs, MDEVSIM_A_EVENT_MESSAGE);

	if (attrs[MDEVSIM_A_EVENT_FAULT])
		out_uint("fault", netlink_u32(attrs[MDEVSIM_A_EVENT_FAULT]), " %u",
			 netlink_u32(attrs[MDEVSIM_A_EVENT_FAULT]));
	else
		out_null("fault");
	out_string("message", message, "%s%s", message ? ": " : "", message ? message : "");
}

static void print_event(struct nlattr **attrs, const char *device)
{
	uint32_t kind = netlink_u32(attrs[MDEVSIM_A_EVENT_KIND]);

	out_time(netlink_u64(attrs[MDEVSIM_A_EVENT_TIME_NS]));
	out_string("device", device, "%s ", device);
	out_string("event", NAME_OF(kinds, kind), "%s%s%s", out_paint(PAINT_NAME),
		   NAME_OF(kinds, kind), out_paint(PAINT_PLAIN));
	out_uint("seq", netlink_u64(attrs[MDEVSIM_A_EVENT_SEQ]), "");
	out_uint("total", netlink_u64(attrs[MDEVSIM_A_EVENT_TOTAL]), "");
	out_state("from", attrs[MDEVSIM_A_EVENT_FROM], " ");
	out_state("to", attrs[MDEVSIM_A_EVENT_TO], " -> ");
	out_error(attrs[MDEVSIM_A_EVENT_ERRNO]);
	out_progress(attrs, kind);
	out_duration(attrs[MDEVSIM_A_EVENT_DURATION_NS]);
	out_rest(attrs);
	end_line();
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* That events were lost is itself a line, with the keys of an event. */
static void print_lost(const struct watch *watch, int index, uint64_t nr)
{
	static const char *const keys[] = { "from", "to", "errno", "phase", "bytes", "dirty_bytes",
					    "duration_ns", "fault" };
	const char *device = watch->chosen.nr ? watch->chosen.name[index] : NULL;

	out_time(now_ns());
	out_string("device", device, "%s ", device ? device : "-");
	out_string("event", "lost", "%slost%s", out_paint(PAINT_BAD), out_paint(PAINT_PLAIN));
	out_uint("seq", watch->seq[index], "");
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++)
		out_null(keys[i]);
	out_string("message", "events were lost", "");
	out_uint("lost", nr, " %llu", (unsigned long long)nr);
	end_line();
}

static size_t places(const struct watch *watch)
{
	return watch->chosen.nr ? watch->chosen.nr : 1;
}

/* Everything up to @seq has come, or never will. */
static void account(struct watch *watch, int index, uint64_t seq)
{
	uint64_t nr = seq - watch->seq[index];

	if (seq <= watch->seq[index])
		return;
	watch->seq[index] = seq;
	watch->lost += nr;
	print_lost(watch, index, nr);
}

/* One that is made again under its old name counts from 1. */
static bool is_new(struct nlattr **attrs)
{
	return netlink_u32(attrs[MDEVSIM_A_EVENT_KIND]) == MDEVSIM_EVENT_KIND_CREATED;
}

static void on_event(int command, struct nlattr **attrs, void *context)
{
	const char *device = string_of(attrs, MDEVSIM_A_EVENT_DEV);
	struct watch *watch = context;
	uint64_t seq;
	int index;

	if (command != MDEVSIM_CMD_EVENT || !device)
		return;
	index = chosen_index(&watch->chosen, device);
	if (index < 0)
		return;
	seq = netlink_u64(attrs[watch->chosen.nr ? MDEVSIM_A_EVENT_SEQ : MDEVSIM_A_EVENT_TOTAL]);
	if (watch->chosen.nr && is_new(attrs))
		watch->seq[index] = seq - 1;
	account(watch, index, seq - 1);
	if (watch->seq[index] < seq)
		watch->seq[index] = seq;
	watch->events++;
	print_event(attrs, device);
}

static void on_count(int command, struct nlattr **attrs, void *context)
{
	const char *device = string_of(attrs, MDEVSIM_A_DEV_NAME);
	struct watch *watch = context;
	int index = device ? chosen_index(&watch->chosen, device) : -1;
	uint64_t seq;

	(void)command;
	if (index < 0)
		return;
	seq = netlink_u64(attrs[watch->chosen.nr ? MDEVSIM_A_DEV_EVENTS : MDEVSIM_A_DEV_TOTAL]);
	if (watch->told[index] < seq)
		watch->told[index] = seq;
}

/* Ask what each device, or all of them, have got to. */
static int count(struct watch *watch)
{
	struct netlink netlink;
	int status;

	memset(watch->told, 0, places(watch) * sizeof(*watch->told));
	status = netlink_open(&netlink);
	if (!status)
		status = netlink_request(&netlink,
					 netlink_message(&netlink, MDEVSIM_CMD_DEV_GET, NLM_F_DUMP),
					 NULL, on_count, watch);
	/* The module was unloaded and loaded again: nothing more would come. */
	if (!status && watch->netlink.family != netlink.family)
		status = fail(&(struct fault){ .status = STATUS_FAILED, .error = ESTALE },
			      "the module that was watched is gone");
	netlink_close(&netlink);
	return status;
}

/* How soon an interrupt is noticed that comes just before poll() */
#define IDLE_MS		500
/* So often nothing has come: is there still somebody who would say it? */
#define IDLE_TIMES	10

static int take_in(struct watch *watch)
{
	int error = netlink_receive(&watch->netlink, on_event, watch);

	if (error == -ENOBUFS)
		watch->overrun = true;
	else if (error)
		return fail(&(struct fault){ .status = STATUS_FAILED, .error = -error },
			    "cannot receive events");
	return STATUS_DONE;
}

static bool is_ready(const struct watch *watch, int timeout_ms)
{
	struct pollfd ready = { .fd = nl_socket_get_fd(watch->netlink.sock), .events = POLLIN };

	return poll(&ready, 1, timeout_ms) > 0;
}

/*
 * What was told of before the kernel was asked is either in the socket by then or was lost,
 * be it for want of room there or of memory.
 */
static int settle(struct watch *watch)
{
	int status;

	watch->overrun = false;
	watch->idle = 0;
	status = count(watch);
	while (!status && is_ready(watch, 0))
		status = take_in(watch);
	for (size_t i = 0; !status && i < places(watch); i++)
		account(watch, i, watch->told[i]);
	return status;
}

/*
 * Events as they come. After a loss the next one tells how many; if none comes, the kernel does.
 * Those that have come before an interrupt are printed.
 */
static int watch_on(struct watch *watch)
{
	int status = STATUS_DONE;

	while (!status && !interrupt_seen()) {
		if (is_ready(watch, IDLE_MS))
			status = take_in(watch);
		else if (watch->overrun || ++watch->idle >= IDLE_TIMES)
			status = settle(watch);
	}
	return status ? status : settle(watch);
}

static int watch_begin(struct watch *watch)
{
	int status = netlink_open(&watch->netlink);

	if (status)
		return status;
	watch->seq = calloc(places(watch), sizeof(*watch->seq));
	watch->told = calloc(places(watch), sizeof(*watch->told));
	if (!watch->seq || !watch->told)
		abort();
	status = netlink_subscribe(&watch->netlink);
	if (!status)
		status = count(watch);
	/* Whatever happened since it began to listen is in the socket as well. */
	memcpy(watch->seq, watch->told, places(watch) * sizeof(*watch->seq));
	return status;
}

int cmd_monitor(const struct arguments *arguments)
{
	struct watch watch = { .overrun = false };
	int status = choose(arguments, &watch.chosen);

	if (status) {
		free(watch.chosen.name);
		return status;
	}
	status = watch_begin(&watch);
	out_trace(1, "watching");
	if (!status)
		status = watch_on(&watch);
	netlink_close(&watch.netlink);
	out_string("event", "end", "");
	out_uint("events", watch.events, "%llu events, ", (unsigned long long)watch.events);
	out_uint("lost", watch.lost, "%llu lost\n", (unsigned long long)watch.lost);
	free(watch.seq);
	free(watch.told);
	free(watch.chosen.name);
	return status;
}

/* ---- stats ------------------------------------------------------------- */

static void out_command(const struct nlattr *nest)
{
	struct nlattr *attrs[NETLINK_ATTRS + 1];
	uint8_t opcode;
	uint64_t nr;

	netlink_nested((struct nlattr *)nest, attrs);
	opcode = attrs[MDEVSIM_A_COMMAND_OPCODE] ? nla_get_u8(attrs[MDEVSIM_A_COMMAND_OPCODE]) : 0;
	nr = netlink_u64(attrs[MDEVSIM_A_COMMAND_COUNT]);
	out_object(NULL);
	out_bool("admin", attrs[MDEVSIM_A_COMMAND_ADMIN], "    %-5s ",
		 attrs[MDEVSIM_A_COMMAND_ADMIN] ? "admin" : "I/O");
	out_uint("opcode", opcode, "%02xh ", opcode);
	out_uint("count", nr, "%llu\n", (unsigned long long)nr);
	out_close();
}

static void out_commands(struct nlattr *counters)
{
	struct nlattr *attr;
	int left;

	out_text("  commands\n");
	out_array("commands");
	nla_for_each_nested(attr, counters, left)
		if (nla_type(attr) == MDEVSIM_A_COUNTERS_COMMAND)
			out_command(attr);
	out_close();
}

static const struct {
	int attribute;
	const char *key;
	const char *text;
	bool bytes;
} counters[] = {
	{ MDEVSIM_A_COUNTERS_MMIO_READS, "mmio_reads", "register reads", false },
	{ MDEVSIM_A_COUNTERS_MMIO_WRITES, "mmio_writes", "register writes", false },
	{ MDEVSIM_A_COUNTERS_DMA_READ_BYTES, "dma_read_bytes", "read by DMA", true },
	{ MDEVSIM_A_COUNTERS_DMA_WRITTEN_BYTES, "dma_written_bytes", "written by DMA", true },
	{ MDEVSIM_A_COUNTERS_PAGES_DIRTIED, "pages_dirtied", "pages dirtied", false },
	{ MDEVSIM_A_COUNTERS_INTERRUPTS, "interrupts", "interrupts", false },
};

static void out_number(const char *key, const char *text, uint64_t value, bool bytes)
{
	if (bytes)
		out_uint(key, value, "  %-16s %s\n", text, units_size(value));
	else
		out_uint(key, value, "  %-16s %llu\n", text, (unsigned long long)value);
}

static void out_counters(struct nlattr *nest)
{
	struct nlattr *attrs[NETLINK_ATTRS + 1];

	if (!nest)
		return;
	netlink_nested(nest, attrs);
	out_object("counters");
	for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++)
		out_number(counters[i].key, counters[i].text,
			   netlink_u64(attrs[counters[i].attribute]), counters[i].bytes);
	out_commands(nest);
	out_close();
}

static void out_migration(struct nlattr **attrs)
{
	const char *state = migration_state_name(netlink_u32(attrs[MDEVSIM_A_DEV_STATE]));
	const char *protocol = NAME_OF(protocols, netlink_u32(attrs[MDEVSIM_A_DEV_PROTOCOL]));
	const char *phase = NAME_OF(phases, netlink_u32(attrs[MDEVSIM_A_DEV_PHASE]));
	const char *refusal = string_of(attrs, MDEVSIM_A_DEV_REFUSAL);

	out_bool("opened", attrs[MDEVSIM_A_DEV_OPENED], "  %-16s %s\n", "opened",
		 attrs[MDEVSIM_A_DEV_OPENED] ? "yes" : "no");
	out_string("protocol", protocol, "  %-16s %s\n", "protocol", protocol);
	out_string("state", state, "  %-16s %s\n", "state", state);
	out_string("phase", phase, "  %-16s %s\n", "session", phase);
	out_number("bytes", "streamed", netlink_u64(attrs[MDEVSIM_A_DEV_BYTES]), true);
	out_number("rounds", "pre-copy rounds", netlink_u32(attrs[MDEVSIM_A_DEV_ROUNDS]), false);
	out_number("initial_bytes", "initial", netlink_u64(attrs[MDEVSIM_A_DEV_INITIAL_BYTES]),
		   true);
	out_number("dirty_bytes", "dirty", netlink_u64(attrs[MDEVSIM_A_DEV_DIRTY_BYTES]), true);
	out_number("events", "events", netlink_u64(attrs[MDEVSIM_A_DEV_EVENTS]), false);
	out_number("faults", "faults", netlink_u32(attrs[MDEVSIM_A_DEV_FAULTS]), false);
	if (refusal)
		out_string("refusal", refusal, "  %-16s %s\n", "last refusal", refusal);
	else
		out_null("refusal");
}

static void on_device(int command, struct nlattr **attrs, void *context)
{
	const char *device = string_of(attrs, MDEVSIM_A_DEV_NAME);
	const char *type = string_of(attrs, MDEVSIM_A_DEV_TYPE);

	(void)command;
	(void)context;
	out_object(NULL);
	out_string("device", device, "%s%s%s ", out_paint(PAINT_NAME), device ? device : "?",
		   out_paint(PAINT_PLAIN));
	out_string("type", type, "%s\n", type ? type : "?");
	out_migration(attrs);
	out_counters(attrs[MDEVSIM_A_DEV_COUNTERS]);
	out_close();
}

static int stats_of(struct netlink *netlink, const char *device)
{
	struct nl_msg *message = netlink_message(netlink, MDEVSIM_CMD_DEV_GET,
						 device ? 0 : NLM_F_DUMP);

	if (device)
		nla_put_string(message, MDEVSIM_A_DEV_NAME, device);
	return netlink_request(netlink, message, device, on_device, NULL);
}

static int stats(struct netlink *netlink, const struct chosen *chosen)
{
	int status;

	if (!chosen->nr)
		return stats_of(netlink, NULL);
	for (int i = 0; i < chosen->nr; i++) {
		status = stats_of(netlink, chosen->name[i]);
		if (status)
			return status;
	}
	return STATUS_DONE;
}

int cmd_stats(const struct arguments *arguments)
{
	struct netlink netlink = { 0 };
	struct chosen chosen;
	int status = choose(arguments, &chosen);

	if (!status)
		status = netlink_open(&netlink);
	out_array("devices");
	if (!status)
		status = stats(&netlink, &chosen);
	out_close();
	netlink_close(&netlink);
	free(chosen.name);
	return status;
}
