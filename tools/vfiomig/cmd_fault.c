// SPDX-License-Identifier: GPL-2.0
/* fault, shape, profile: devices of mdevsim made to fail, to be busy, large or slow. */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "array_size.h"
#include "command.h"
#include "migration.h"
#include "netlink.h"
#include "out.h"
#include "sysfs.h"

/* ---- Values ------------------------------------------------------------ */

/** enum value_kind - how a value is written, and what it is in a message */
enum value_kind {
	VALUE_U8,
	VALUE_U32,
	VALUE_U64,	/* with K, M, G or T for powers of 1024 */
	VALUE_FLAG,	/* 0 or 1 */
	VALUE_ERRNO,	/* EIO, or the number */
	VALUE_STATE,
	VALUE_CHANCE,	/* from 0 to 1 */
	VALUE_TARGET,
};

/**
 * struct value - something that a fault or a shape has
 * @name: as it is written
 * @attribute: of the message
 * @kind: how it is written
 */
struct value {
	const char *name;
	int attribute;
	enum value_kind kind;
};

static const struct value fault_values[] = {
	{ "times", MDEVSIM_A_FAULT_TIMES, VALUE_U32 },
	{ "probability", MDEVSIM_A_FAULT_PROBABILITY, VALUE_CHANCE },
	{ "from", MDEVSIM_A_FAULT_FROM, VALUE_STATE },
	{ "to", MDEVSIM_A_FAULT_TO, VALUE_STATE },
	{ "errno", MDEVSIM_A_FAULT_ERRNO, VALUE_ERRNO },
	{ "delay_ms", MDEVSIM_A_FAULT_DELAY_MS, VALUE_U32 },
	{ "rate", MDEVSIM_A_FAULT_RATE, VALUE_U64 },
	{ "offset", MDEVSIM_A_FAULT_OFFSET, VALUE_U64 },
	{ "bit", MDEVSIM_A_FAULT_BIT, VALUE_U8 },
	{ "initial_bytes", MDEVSIM_A_FAULT_INITIAL_BYTES, VALUE_U64 },
	{ "dirty_bytes", MDEVSIM_A_FAULT_DIRTY_BYTES, VALUE_U64 },
	{ "size", MDEVSIM_A_FAULT_SIZE, VALUE_U64 },
	{ "admin", MDEVSIM_A_FAULT_ADMIN, VALUE_FLAG },
	{ "opcode", MDEVSIM_A_FAULT_OPCODE, VALUE_U8 },
	{ "status", MDEVSIM_A_FAULT_STATUS, VALUE_U32 },
};

static const struct value shape_values[] = {
	{ "dirty_rate", MDEVSIM_A_SHAPE_DIRTY_RATE, VALUE_U64 },
	{ "dirty_span", MDEVSIM_A_SHAPE_DIRTY_SPAN, VALUE_U64 },
	{ "target", MDEVSIM_A_SHAPE_TARGET, VALUE_TARGET },
	{ "guest_address", MDEVSIM_A_SHAPE_GUEST_ADDRESS, VALUE_U64 },
	{ "guest_length", MDEVSIM_A_SHAPE_GUEST_LENGTH, VALUE_U64 },
	{ "initial_extra", MDEVSIM_A_SHAPE_INITIAL_EXTRA, VALUE_U64 },
	{ "final_extra", MDEVSIM_A_SHAPE_FINAL_EXTRA, VALUE_U64 },
};

static const char *const fault_kinds[] = {
	[MDEVSIM_FAULT_KIND_ARC] = "arc",
	[MDEVSIM_FAULT_KIND_ERROR] = "error",
	[MDEVSIM_FAULT_KIND_STALL_ARC] = "stall-arc",
	[MDEVSIM_FAULT_KIND_STALL_DATA] = "stall-data",
	[MDEVSIM_FAULT_KIND_RATE] = "rate",
	[MDEVSIM_FAULT_KIND_DATA] = "data",
	[MDEVSIM_FAULT_KIND_FLIP] = "flip",
	[MDEVSIM_FAULT_KIND_TRUNCATE] = "truncate",
	[MDEVSIM_FAULT_KIND_PRECOPY_INFO] = "precopy-info",
	[MDEVSIM_FAULT_KIND_DATA_SIZE] = "data-size",
	[MDEVSIM_FAULT_KIND_REFUSE] = "refuse",
	[MDEVSIM_FAULT_KIND_NVME_TIMEOUT] = "nvme-timeout",
	[MDEVSIM_FAULT_KIND_NVME_STATUS] = "nvme-status",
};

static const char *const targets[] = {
	[MDEVSIM_TARGET_NAMESPACE] = "namespace",
	[MDEVSIM_TARGET_GUEST] = "guest",
};

static int find_name(const char *const *names, size_t nr, const char *text)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(names[i], text))
			return i;
	return -1;
}

/* A number in any base of C, with a unit behind it */
static bool parse_number(const char *text, uint64_t *number)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, &end, 0);
	if (errno || !*end)
		return !errno;
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit || end[1] || *number > UINT64_MAX >> (unit - units + 1) * 10)
		return false;
	*number <<= (unit - units + 1) * 10;
	return true;
}

#define MAX_ERRNO	511

static bool parse_errno(const char *text, uint64_t *number)
{
	const char *name;

	for (*number = 1; *number <= MAX_ERRNO; (*number)++) {
		name = strerrorname_np(*number);
		if (name && !strcasecmp(name, text))
			return true;
	}
	return parse_number(text, number);
}

static bool parse_chance(const char *text, uint64_t *number)
{
	char *end;
	double chance = strtod(text, &end);

	if (end == text || *end || !(chance >= 0 && chance <= 1))
		return false;
	*number = chance * MDEVSIM_CERTAIN + 0.5;
	return true;
}

static bool parse(const struct value *value, const char *text, uint64_t *number)
{
	uint32_t state;
	int target;

	switch (value->kind) {
	case VALUE_ERRNO:
		return parse_errno(text, number);
	case VALUE_CHANCE:
		return parse_chance(text, number);
	case VALUE_STATE:
		if (!migration_state_parse(text, &state))
			return false;
		*number = state;
		return true;
	case VALUE_TARGET:
		target = find_name(targets, ARRAY_SIZE(targets), text);
		*number = target;
		return target >= 0;
	default:
		return parse_number(text, number);
	}
}

static bool fits(const struct value *value, uint64_t number)
{
	switch (value->kind) {
	case VALUE_U64:
		return true;
	case VALUE_U8:
		return number <= UINT8_MAX;
	case VALUE_FLAG:
		return number <= 1;
	default:
		return number <= UINT32_MAX;
	}
}

static void put_number(struct nl_msg *message, const struct value *value, uint64_t number)
{
	int error = 0;

	switch (value->kind) {
	case VALUE_U64:
		error = nla_put_u64(message, value->attribute, number);
		break;
	case VALUE_U8:
		error = nla_put_u8(message, value->attribute, number);
		break;
	case VALUE_FLAG:
		if (number)
			error = nla_put_flag(message, value->attribute);
		break;
	default:
		error = nla_put_u32(message, value->attribute, number);
	}
	if (error)
		abort();
}

/* Say a value in a message; reports what is wrong with it. */
static int put_value(struct nl_msg *message, const struct value *value, const char *text)
{
	uint64_t number;

	if (!parse(value, text, &number) || !fits(value, number))
		return fail_usage("'%s' is no %s", text, value->name);
	put_number(message, value, number);
	return STATUS_DONE;
}

static const struct value *find_value(const struct value *values, size_t nr, const char *name,
				      size_t length)
{
	for (size_t i = 0; i < nr; i++)
		if (strlen(values[i].name) == length && !memcmp(values[i].name, name, length))
			return &values[i];
	return NULL;
}

static uint64_t get_number(const struct value *value, const struct nlattr *attr)
{
	switch (value->kind) {
	case VALUE_U64:
		return nla_get_u64(attr);
	case VALUE_U8:
		return nla_get_u8(attr);
	case VALUE_FLAG:
		return 1;
	default:
		return nla_get_u32(attr);
	}
}

static void out_chance(const char *name, uint64_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%g", (double)number / MDEVSIM_CERTAIN);
	out_string(name, text, " %s=%s", name, text);
}

static void out_value(const struct value *value, const struct nlattr *attr)
{
	uint64_t number = get_number(value, attr);
	const char *name = NULL;

	if (value->kind == VALUE_CHANCE) {
		out_chance(value->name, number);
		return;
	}
	if (value->kind == VALUE_STATE)
		name = migration_state_name(number);
	else if (value->kind == VALUE_ERRNO)
		name = strerrorname_np(number);
	else if (value->kind == VALUE_TARGET && number < ARRAY_SIZE(targets))
		name = targets[number];
	if (name)
		out_string(value->name, name, " %s=%s", value->name, name);
	else
		out_uint(value->name, number, " %s=%llu", value->name, (unsigned long long)number);
}

static void out_values(const struct value *values, size_t nr, struct nlattr **attrs)
{
	for (size_t i = 0; i < nr; i++)
		if (attrs[values[i].attribute])
			out_value(&values[i], attrs[values[i].attribute]);
}

/* ---- Requests ---------------------------------------------------------- */

/**
 * struct target - a device that requests are about
 * @netlink: connection
 * @name: its UUID
 */
struct target {
	struct netlink netlink;
	char name[SYSFS_NAME];
};

static int target_open(struct target *target, const char *argument)
{
	struct sysfs_device device;
	int status = sysfs_find(argument, &device);

	*target = (struct target){ .name = "" };
	if (status)
		return status;
	snprintf(target->name, sizeof(target->name), "%s", device.name);
	return netlink_open(&target->netlink);
}

static void target_close(struct target *target)
{
	netlink_close(&target->netlink);
}

/* In all attribute sets whose requests change something it has the same number. */
_Static_assert((int)MDEVSIM_A_FAULT_DEV == (int)MDEVSIM_A_SHAPE_DEV, "a device is a device");

static struct nl_msg *target_message(struct target *target, int command)
{
	struct nl_msg *message = netlink_message(&target->netlink, command, 0);

	if (nla_put_string(message, MDEVSIM_A_FAULT_DEV, target->name))
		abort();
	return message;
}

static int target_request(struct target *target, struct nl_msg *message, netlink_visit visit,
			  void *context)
{
	return netlink_request(&target->netlink, message, target->name, visit, context);
}

/* ---- fault ------------------------------------------------------------- */

/* One by its id, or all for 0 */
static int fault_remove(struct target *target, uint32_t id)
{
	struct nl_msg *message = target_message(target, MDEVSIM_CMD_FAULT_DEL);

	if (id ? nla_put_u32(message, MDEVSIM_A_FAULT_ID, id) :
		 nla_put_flag(message, MDEVSIM_A_FAULT_ALL))
		abort();
	return target_request(target, message, NULL, NULL);
}

static int fault_remove_named(struct target *target, const char *text)
{
	uint64_t id;

	if (!parse_number(text, &id) || !id || id > UINT32_MAX)
		return fail_usage("--remove takes the id of a fault, not '%s'", text);
	return fault_remove(target, id);
}

static void on_added(int command, struct nlattr **attrs, void *context)
{
	uint32_t id = netlink_u32(attrs[MDEVSIM_A_FAULT_ID]);

	(void)command;
	(void)context;
	out_uint("id", id, "%u\n", id);
}

/* A request for a fault of a kind; NULL when there is no such kind, and it is said */
static struct nl_msg *fault_message(struct target *target, const char *kind)
{
	int index = find_name(fault_kinds, ARRAY_SIZE(fault_kinds), kind);
	struct nl_msg *message;

	if (index < 0) {
		fail_usage("there is no kind of fault '%s'", kind);
		return NULL;
	}
	message = target_message(target, MDEVSIM_CMD_FAULT_ADD);
	if (nla_put_u32(message, MDEVSIM_A_FAULT_KIND, index))
		abort();
	return message;
}

/* A word NAME=VALUE */
static int put_word(struct nl_msg *message, const struct value *values, size_t nr, const char *word)
{
	const char *equals = strchr(word, '=');
	const struct value *value;

	if (!equals)
		return fail_usage("'%s' is not NAME=VALUE", word);
	value = find_value(values, nr, word, equals - word);
	if (!value)
		return fail_usage("there is no value '%.*s'", (int)(equals - word), word);
	return put_value(message, value, equals + 1);
}

static int fault_add(struct target *target, int nr, char **word)
{
	struct nl_msg *message = fault_message(target, word[0]);
	int status;

	if (!message)
		return STATUS_USAGE;
	for (int i = 1; i < nr; i++) {
		status = put_word(message, fault_values, ARRAY_SIZE(fault_values), word[i]);
		if (status) {
			nlmsg_free(message);
			return status;
		}
	}
	return target_request(target, message, on_added, NULL);
}

static void on_fault(int command, struct nlattr **attrs, void *context)
{
	uint32_t kind = netlink_u32(attrs[MDEVSIM_A_FAULT_KIND]);
	uint32_t hits = netlink_u32(attrs[MDEVSIM_A_FAULT_HITS]);
	uint32_t id = netlink_u32(attrs[MDEVSIM_A_FAULT_ID]);
	const char *name = kind < ARRAY_SIZE(fault_kinds) ? fault_kinds[kind] : "unknown";

	(void)command;
	(void)context;
	out_object(NULL);
	out_uint("id", id, "%u: ", id);
	out_string("kind", name, "%s%s%s", out_paint(PAINT_NAME), name, out_paint(PAINT_PLAIN));
	out_values(fault_values, ARRAY_SIZE(fault_values), attrs);
	out_uint("hits", hits, " hits=%u\n", hits);
	out_close();
}

static int fault_list(struct target *target)
{
	struct nl_msg *message = netlink_message(&target->netlink, MDEVSIM_CMD_FAULT_GET,
						 NLM_F_DUMP);
	int status;

	if (nla_put_string(message, MDEVSIM_A_FAULT_DEV, target->name))
		abort();
	out_array("faults");
	status = target_request(target, message, on_fault, NULL);
	out_close();
	return status;
}

static int fault(struct target *target, const struct arguments *arguments)
{
	bool clear = argument_given(arguments, OPTION_CLEAR);
	bool remove = argument_given(arguments, OPTION_REMOVE);
	int status = STATUS_DONE;

	if (clear)
		status = fault_remove(target, 0);
	else if (remove)
		status = fault_remove_named(target, arguments->value[OPTION_REMOVE]);
	if (status)
		return status;
	if (arguments->nr > 1)
		return fault_add(target, arguments->nr - 1, arguments->word + 1);
	return clear || remove ? STATUS_DONE : fault_list(target);
}

int cmd_fault(const struct arguments *arguments)
{
	struct target target;
	int status = target_open(&target, arguments->word[0]);

	if (!status)
		status = fault(&target, arguments);
	target_close(&target);
	return status;
}

/* ---- shape ------------------------------------------------------------- */

static int put_delay(struct nl_msg *message, const char *state, const char *ms)
{
	struct value as_state = { "state", MDEVSIM_A_DELAY_STATE, VALUE_STATE };
	struct value as_ms = { "delay in ms", MDEVSIM_A_DELAY_MS, VALUE_U32 };
	struct nlattr *nest = nla_nest_start(message, MDEVSIM_A_SHAPE_DELAY);
	int status;

	if (!nest)
		abort();
	status = put_value(message, &as_state, state);
	if (!status)
		status = put_value(message, &as_ms, ms);
	nla_nest_end(message, nest);
	return status;
}

#define DELAY	"delay."

/* delay.STATE=MS, or a value like any other */
static int put_shape_word(struct nl_msg *message, const char *word)
{
	const char *equals = strchr(word, '=');
	char state[32];

	if (strncmp(word, DELAY, strlen(DELAY)) || !equals)
		return put_word(message, shape_values, ARRAY_SIZE(shape_values), word);
	snprintf(state, sizeof(state), "%.*s", (int)(equals - word - strlen(DELAY)),
		 word + strlen(DELAY));
	return put_delay(message, state, equals + 1);
}

/* As it is when a device is new */
static int put_no_shape(struct nl_msg *message)
{
	int status = STATUS_DONE;

	for (unsigned int i = 0; i < ARRAY_SIZE(shape_values); i++)
		put_number(message, &shape_values[i], 0);
	for (unsigned int i = 0; i < MIGRATION_NR_STATES && !status; i++)
		status = put_delay(message, migration_state_name(i), "0");
	return status;
}

static void out_delay(struct nlattr *nest)
{
	struct nlattr *attrs[NETLINK_ATTRS + 1];
	const char *state;
	uint32_t ms;

	netlink_nested(nest, attrs);
	state = migration_state_name(netlink_u32(attrs[MDEVSIM_A_DELAY_STATE]));
	ms = netlink_u32(attrs[MDEVSIM_A_DELAY_MS]);
	out_uint(state, ms, " " DELAY "%s=%u", state, ms);
}

static void on_shape(int command, struct nlattr **attrs, void *context)
{
	uint64_t dirtied = netlink_u64(attrs[MDEVSIM_A_SHAPE_DIRTIED]);

	(void)command;
	(void)context;
	out_values(shape_values, ARRAY_SIZE(shape_values), attrs);
	out_uint("dirtied", dirtied, " dirtied=%llu", (unsigned long long)dirtied);
}

/* All delays have the same number: they are taken from the message itself. */
static void on_delays(int command, struct nlattr **attrs, void *context)
{
	struct nlattr *first = attrs[MDEVSIM_A_SHAPE_DEV];
	struct nlattr *last = attrs[MDEVSIM_A_SHAPE_DIRTIED];

	(void)command;
	(void)context;
	out_object("delay");
	for (; first && last && first < last;
	     first = (struct nlattr *)((char *)first + NLA_ALIGN(first->nla_len)))
		if (nla_type(first) == MDEVSIM_A_SHAPE_DELAY)
			out_delay(first);
	out_close();
	out_text("\n");
}

static void on_whole_shape(int command, struct nlattr **attrs, void *context)
{
	out_object("shape");
	on_shape(command, attrs, context);
	on_delays(command, attrs, context);
	out_close();
}

static int shape_set(struct target *target, const struct arguments *arguments)
{
	struct nl_msg *message = target_message(target, MDEVSIM_CMD_SHAPE_SET);
	int status = STATUS_DONE;

	if (argument_given(arguments, OPTION_CLEAR))
		status = put_no_shape(message);
	for (int i = 1; i < arguments->nr && !status; i++)
		status = put_shape_word(message, arguments->word[i]);
	if (!status)
		return target_request(target, message, NULL, NULL);
	nlmsg_free(message);
	return status;
}

int cmd_shape(const struct arguments *arguments)
{
	struct target target;
	int status = target_open(&target, arguments->word[0]);

	if (!status && (arguments->nr > 1 || argument_given(arguments, OPTION_CLEAR)))
		status = shape_set(&target, arguments);
	else if (!status)
		status = target_request(&target, target_message(&target, MDEVSIM_CMD_SHAPE_GET),
					on_whole_shape, NULL);
	target_close(&target);
	return status;
}

/* ---- profile ----------------------------------------------------------- */

/* A member of an object, as it would be written on a command line */
static const char *member_text(struct json_object *value)
{
	if (json_object_is_type(value, json_type_boolean))
		return json_object_get_boolean(value) ? "1" : "0";
	return json_object_get_string(value);
}

static int put_member(struct nl_msg *message, const struct value *values, size_t nr,
		      const char *name, struct json_object *member)
{
	const struct value *value = find_value(values, nr, name, strlen(name));

	if (!value)
		return fail_usage("there is no value '%s'", name);
	return put_value(message, value, member_text(member) ? member_text(member) : "");
}

/**
 * struct profile - requests that a file comes down to
 * @shape: the load, all of it
 * @faults: to be added
 * @nr_faults: how many
 */
struct profile {
	struct nl_msg *shape;
	struct nl_msg *faults[MDEVSIM_MAX_FAULTS];
	size_t nr_faults;
};

static int profile_fault(struct target *target, struct profile *profile, struct json_object *fault)
{
	const char *kind = json_object_get_string(json_object_object_get(fault, "kind"));
	struct nl_msg *message = fault_message(target, kind ? kind : "");
	int status = STATUS_DONE;

	if (!message)
		return STATUS_USAGE;
	profile->faults[profile->nr_faults++] = message;
	json_object_object_foreach(fault, name, member) {
		if (!status && strcmp(name, "kind"))
			status = put_member(message, fault_values, ARRAY_SIZE(fault_values), name,
					    member);
	}
	return status;
}

static int profile_faults(struct target *target, struct profile *profile,
			  struct json_object *faults)
{
	int status = STATUS_DONE;

	if (faults && !json_object_is_type(faults, json_type_array))
		return fail_usage("\"faults\" is not an array");
	if (faults && json_object_array_length(faults) > ARRAY_SIZE(profile->faults))
		return fail_usage("a device has at most %zu faults", ARRAY_SIZE(profile->faults));
	for (size_t i = 0; faults && i < json_object_array_length(faults) && !status; i++) {
		struct json_object *fault = json_object_array_get_idx(faults, i);

		if (!json_object_is_type(fault, json_type_object))
			return fail_usage("fault %zu is not an object", i);
		status = profile_fault(target, profile, fault);
	}
	return status;
}

static int profile_delays(struct nl_msg *message, struct json_object *delays)
{
	int status = STATUS_DONE;

	if (!json_object_is_type(delays, json_type_object))
		return fail_usage("\"delay\" is not an object");
	json_object_object_foreach(delays, state, ms) {
		if (!status)
			status = put_delay(message, state, member_text(ms) ? member_text(ms) : "");
	}
	return status;
}

static int profile_shape_members(struct nl_msg *message, struct json_object *shape)
{
	int status = STATUS_DONE;

	json_object_object_foreach(shape, name, member) {
		if (!status && !strcmp(name, "delay"))
			status = profile_delays(message, member);
		else if (!status)
			status = put_member(message, shape_values, ARRAY_SIZE(shape_values), name,
					    member);
	}
	return status;
}

/* What the file does not name is as in a new device. */
static int profile_shape(struct target *target, struct profile *profile, struct json_object *shape)
{
	int status;

	if (shape && !json_object_is_type(shape, json_type_object))
		return fail_usage("\"shape\" is not an object");
	profile->shape = target_message(target, MDEVSIM_CMD_SHAPE_SET);
	status = put_no_shape(profile->shape);
	return status || !shape ? status : profile_shape_members(profile->shape, shape);
}

static int profile_check(struct json_object *profile)
{
	if (!json_object_is_type(profile, json_type_object))
		return fail_usage("a profile is an object");
	json_object_object_foreach(profile, name, member) {
		(void)member;
		if (strcmp(name, "faults") && strcmp(name, "shape"))
			return fail_usage("a profile has \"faults\" and \"shape\", not '%s'", name);
	}
	return STATUS_DONE;
}

static int profile_parse(struct target *target, struct profile *profile,
			 struct json_object *object)
{
	int status = profile_check(object);

	if (!status)
		status = profile_shape(target, profile, json_object_object_get(object, "shape"));
	if (!status)
		status = profile_faults(target, profile, json_object_object_get(object, "faults"));
	return status;
}

/* A message that is sent is freed. */
static int profile_send(struct target *target, struct nl_msg **message, netlink_visit visit)
{
	struct nl_msg *sent = *message;

	*message = NULL;
	return target_request(target, sent, visit, NULL);
}

static int profile_apply(struct target *target, struct profile *profile)
{
	int status = profile_send(target, &profile->shape, NULL);

	if (!status)
		status = fault_remove(target, 0);
	out_array("faults");
	for (size_t i = 0; i < profile->nr_faults && !status; i++) {
		out_object(NULL);
		status = profile_send(target, &profile->faults[i], on_added);
		out_close();
	}
	out_close();
	return status;
}

/* Nothing is changed by a file that does not make sense as a whole. */
static int profile(struct target *target, struct json_object *object)
{
	struct profile profile = { .nr_faults = 0 };
	int status = profile_parse(target, &profile, object);

	if (!status)
		status = profile_apply(target, &profile);
	nlmsg_free(profile.shape);
	for (size_t i = 0; i < profile.nr_faults; i++)
		nlmsg_free(profile.faults[i]);
	return status;
}

static int fail_profile(const char *path)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.where = path,
			.reason = json_util_get_last_err(),
		    }, "is no JSON, or cannot be read");
}

int cmd_profile(const struct arguments *arguments)
{
	const char *path = arguments->word[1];
	struct json_object *object;
	struct target target;
	int status;

	object = json_object_from_file(strcmp(path, "-") ? path : "/dev/stdin");
	if (!object)
		return fail_profile(path);
	status = target_open(&target, arguments->word[0]);
	if (!status)
		status = profile(&target, object);
	target_close(&target);
	json_object_put(object);
	return status;
}
