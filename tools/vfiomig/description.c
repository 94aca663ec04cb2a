// SPDX-License-Identifier: GPL-2.0
#include <linux/array_size.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "description.h"
#include "units.h"

#define FILE_VERSION	1	/* "version" of the JSON documents that are understood */
#define FILE_DEPTH	8
#define VALUE_SIZE	64

enum kind {
	KIND_NAME,	/* printable, no spaces */
	KIND_VERSION,	/* MAJOR.MINOR */
	KIND_BITS,	/* hexadecimal */
	KIND_NUMBER,
	KIND_BYTES,	/* a number of them */
};

/**
 * struct member - a value of a description
 * @name: of the file in sysfs, and in JSON
 * @kind: what it is
 * @offset: in struct description
 * @max: of a number
 * @heading: for people, of this and what follows; or NULL
 */
struct member {
	const char *name;
	enum kind kind;
	size_t offset;
	u64 max;
	const char *heading;
};

#define MEMBER(field, kind, max, ...) \
	{ #field, kind, offsetof(struct description, field), max, __VA_ARGS__ }

static const struct member members[] = {
	MEMBER(function, KIND_NAME, 0, NULL),
	MEMBER(version, KIND_VERSION, 0, NULL),
	MEMBER(lba_shift, KIND_NUMBER, U16_MAX, NULL),
	MEMBER(vectors, KIND_NUMBER, U16_MAX, NULL),
	MEMBER(io_queues, KIND_NUMBER, U16_MAX, NULL),
	MEMBER(queue_entries, KIND_NUMBER, U16_MAX, NULL),
	MEMBER(stream_version, KIND_VERSION, 0, "writes"),
	MEMBER(features_required, KIND_BITS, U64_MAX, NULL),
	MEMBER(namespace_size, KIND_BYTES, S64_MAX, NULL),
	MEMBER(stream_version_min, KIND_VERSION, 0, "reads"),
	MEMBER(stream_version_max, KIND_VERSION, 0, NULL),
	MEMBER(features_supported, KIND_BITS, U64_MAX, NULL),
	MEMBER(namespace_capacity, KIND_BYTES, S64_MAX, NULL),
};

static void *value_of(struct description *description, const struct member *member)
{
	return (char *)description + member->offset;
}

/* ---- Values as text ---------------------------------------------------- */

static const char *parse_name(const char *text, char *name)
{
	const size_t max = sizeof_field(struct mdevsim_state_identity, function) - 1;
	size_t i;

	for (i = 0; text[i]; i++)
		if (!isgraph((unsigned char)text[i]))
			return "has characters that no name has";
	if (!i || i > max)
		return "is empty, or longer than any name";
	memcpy(name, text, i + 1);
	return NULL;
}

/* Digits alone: strtoull() takes spaces and signs as well. */
static bool parse_digits(const char **text, int base, u64 max, u64 *number)
{
	char *end;

	errno = 0;
	*number = strtoull(*text, &end, base);
	if (!isxdigit((unsigned char)**text) || end == *text || errno || *number > max)
		return false;
	*text = end;
	return true;
}

static const char *parse_version(const char *text, struct description_version *version)
{
	u64 major, minor;

	if (!parse_digits(&text, 10, U16_MAX, &major) || *text++ != '.' ||
	    !parse_digits(&text, 10, U16_MAX, &minor) || *text)
		return "is no version: two numbers up to 65535 with a point between them";
	*version = (struct description_version){ major, minor };
	return NULL;
}

static const char *parse_number(const struct member *member, const char *text, u64 *number)
{
	if (parse_digits(&text, member->kind == KIND_BITS ? 16 : 10, member->max, number) && !*text)
		return NULL;
	return member->kind == KIND_BITS ? "is no hexadecimal number of 64 bits" :
		"is no number, or greater than any device has";
}

/* NULL, or what is wrong with it */
static const char *parse_text(const struct member *member, const char *text,
			      struct description *description)
{
	void *value = value_of(description, member);

	switch (member->kind) {
	case KIND_NAME:
		return parse_name(text, value);
	case KIND_VERSION:
		return parse_version(text, value);
	default:
		return parse_number(member, text, value);
	}
}

/* ---- In sysfs ---------------------------------------------------------- */

static int fail_foreign(const char *argument)
{
	return fail(&(struct fault){
			.status = STATUS_UNSUPPORTED,
			.where = argument,
			.hint = "name a device or type of mdevsim: vfiomig list, vfiomig types",
		    }, "its driver does not say what it is and can take over");
}

static int fail_file(const char *argument, const struct member *member, const char *problem)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.where = argument,
			.hint = "is the module as old, or as new, as vfiomig?",
		    }, "its file migration/%s %s", member->name, problem);
}

static int read_files(const char *argument, const char *directory, struct description *description)
{
	const char *problem;
	char text[VALUE_SIZE];
	unsigned int i;
	char *path;

	if (asprintf(&path, "%s/migration", directory) < 0)
		abort();
	problem = sysfs_read(path, members[0].name, text, sizeof(text)) ? NULL : "is missing";
	for (i = 0; i < ARRAY_SIZE(members) && !problem; i++)
		problem = sysfs_read(path, members[i].name, text, sizeof(text)) ?
			parse_text(&members[i], text, description) : "is missing";
	free(path);
	if (!problem)
		return STATUS_DONE;
	return i ? fail_file(argument, &members[i - 1], problem) : fail_foreign(argument);
}

/* The directory of a type lies in one of this name. */
static bool is_type_directory(const char *path)
{
	char *text = realpath(path, NULL), *name;
	bool is;

	if (!text)
		return false;
	name = strrchr(text, '/');
	*name = '\0';
	name = strrchr(text, '/');
	is = name && !strcmp(name, "/mdev_supported_types");
	free(text);
	return is;
}

static void take_name(const char *path, char name[SYSFS_NAME])
{
	char *text = realpath(path, NULL);

	snprintf(name, SYSFS_NAME, "%s", text ? strrchr(text, '/') + 1 : path);
	free(text);
}

static int describe_type(const char *argument, const char *directory,
			 struct description *description)
{
	description->kind = "type";
	take_name(directory, description->name);
	return read_files(argument, directory, description);
}

static int describe_device(const char *argument, struct description *description)
{
	struct sysfs_device device;
	int status;

	status = sysfs_find(argument, &device);
	if (status)
		return status;
	description->kind = "device";
	snprintf(description->name, sizeof(description->name), "%s", device.name);
	snprintf(description->type, sizeof(description->type), "%s", device.type);
	return read_files(argument, device.path, description);
}

int description_find(const char *argument, const char *parent, struct description *description)
{
	char *directory;
	int status;

	*description = (struct description){ .kind = "" };
	if (is_type_directory(argument))
		return describe_type(argument, argument, description);
	if (sysfs_is_device_name(argument) || strchr(argument, '/'))
		return describe_device(argument, description);
	status = sysfs_find_type(argument, parent, false, &directory);
	if (status)
		return status;
	status = describe_type(argument, directory, description);
	free(directory);
	return status;
}

/* ---- In a file --------------------------------------------------------- */

static int fail_content(const struct file *file, const char *what, const char *problem)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.where = file->name,
			.hint = "name a file written by vfiomig describe or vfiomig save",
		    }, "%s %s", what, problem);
}

static int fail_member(const struct file *file, const char *member, const char *problem)
{
	char what[VALUE_SIZE];

	snprintf(what, sizeof(what), "its member %.40s", member);
	return fail_content(file, what, problem);
}

static int fail_value(const struct file *file, const char *name, const char *problem)
{
	char member[VALUE_SIZE];

	snprintf(member, sizeof(member), "description.%.40s", name);
	return fail_member(file, member, problem);
}

static int fail_json(const struct file *file, enum json_tokener_error error)
{
	if (error == json_tokener_continue)
		return fail_content(file, "it", "is no saved state, and ends too early for JSON");
	return fail_content(file, "it is neither a saved state nor JSON:",
			    json_tokener_error_desc(error));
}

static const char *take_string(const struct member *member, struct json_object *json,
			       struct description *description)
{
	const char *text = json_object_get_string(json);

	if (!json_object_is_type(json, json_type_string))
		return "is no string";
	if (strlen(text) != (size_t)json_object_get_string_len(json))
		return "has a zero character";
	return parse_text(member, text, description);
}

static const char *take_number(const struct member *member, struct json_object *json,
			       struct description *description)
{
	u64 *value = value_of(description, member);

	if (!json_object_is_type(json, json_type_int))
		return "is no whole number";
	if (json_object_get_int64(json) < 0 || json_object_get_uint64(json) > member->max)
		return "is negative, or greater than any device has";
	*value = json_object_get_uint64(json);
	return NULL;
}

static const char *take_member(const struct member *member, struct json_object *json,
			       struct description *description)
{
	struct json_object *value;

	if (!json_object_object_get_ex(json, member->name, &value))
		return "is missing";
	if (member->kind == KIND_NUMBER || member->kind == KIND_BYTES)
		return take_number(member, value, description);
	return take_string(member, value, description);
}

static bool is_before(struct description_version a, struct description_version b)
{
	return a.major < b.major || (a.major == b.major && a.minor < b.minor);
}

/* Each value may be one that a device has, but not all of them together. */
static int check_members(const struct file *file, const struct description *description)
{
	if (is_before(description->stream_version_max, description->stream_version_min))
		return fail_value(file, "stream_version_max", "is before stream_version_min");
	if (description->namespace_size > description->namespace_capacity)
		return fail_value(file, "namespace_size", "is more than namespace_capacity");
	return STATUS_DONE;
}

static int take_members(const struct file *file, struct json_object *json,
			struct description *description)
{
	const char *problem;
	unsigned int i;

	*description = (struct description){ .kind = "" };
	for (i = 0; i < ARRAY_SIZE(members); i++) {
		problem = take_member(&members[i], json, description);
		if (problem)
			return fail_value(file, members[i].name, problem);
	}
	return check_members(file, description);
}

static int take_document(const struct file *file, struct json_object *json,
			 struct description *description)
{
	struct json_object *version, *inner;

	if (!json_object_is_type(json, json_type_object))
		return fail_content(file, "it is JSON, but", "no description");
	if (!json_object_object_get_ex(json, "version", &version))
		return fail_member(file, "version", "is missing");
	if (!json_object_is_type(version, json_type_int) ||
	    json_object_get_int64(version) != FILE_VERSION)
		return fail_member(file, "version", "is not 1, which alone is known");
	if (!json_object_object_get_ex(json, "description", &inner))
		return fail_member(file, "description", "is missing");
	if (!json_object_is_type(inner, json_type_object))
		return fail_member(file, "description", "is no object");
	return take_members(file, inner, description);
}

static int parse(const struct file *file, const char *text, size_t size,
		 struct description *description)
{
	struct json_tokener *tokener = json_tokener_new_ex(FILE_DEPTH);
	struct json_object *json;
	int status;

	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	json = json_tokener_parse_ex(tokener, text, size);
	if (json)
		status = take_document(file, json, description);
	else
		status = fail_json(file, json_tokener_get_error(tokener));
	json_object_put(json);
	json_tokener_free(tokener);
	return status;
}

int description_parse(struct file *file, const void *begin, size_t size,
		      struct description *description)
{
	char *text = malloc(DESCRIPTION_FILE_MAX);
	int status;
	ssize_t got;

	if (!text || size >= DESCRIPTION_FILE_MAX)
		abort();
	memcpy(text, begin, size);
	got = file_read(file, text + size, DESCRIPTION_FILE_MAX - size);
	if (got < 0)
		status = file_fail(file, "cannot read it");
	else if (size + got == DESCRIPTION_FILE_MAX)
		status = fail_content(file, "it", "is longer than any description");
	else
		status = parse(file, text, size + got, description);
	free(text);
	return status;
}

/* ---- For people and programs ------------------------------------------- */

static void print_member(const struct member *member, const struct description *description)
{
	const void *value = (const char *)description + member->offset;
	const struct description_version *version = value;
	char text[VALUE_SIZE];
	u64 number;

	switch (member->kind) {
	case KIND_NAME:
		out_string(member->name, value, "%s", (const char *)value);
		return;
	case KIND_VERSION:
		snprintf(text, sizeof(text), "%u.%u", version->major, version->minor);
		out_string(member->name, text, "%s", text);
		return;
	case KIND_BITS:
		memcpy(&number, value, sizeof(number));
		snprintf(text, sizeof(text), "0x%llx", number);
		out_string(member->name, text, "%s", text);
		return;
	default:
		memcpy(&number, value, sizeof(number));
		out_uint(member->name, number, "%llu", number);
	}
	if (member->kind == KIND_BYTES)
		out_text(" (%s)", units_size(number));
}

void description_print(const struct description *description)
{
	bool indented = false;
	unsigned int i;

	out_object("description");
	out_string("kind", description->kind, "");
	out_string("name", description->name, "%-20s %s%s%s\n", description->kind,
		   out_paint(PAINT_NAME), description->name, out_paint(PAINT_PLAIN));
	if (description->type[0])
		out_string("type", description->type, "%-20s %s\n", "type", description->type);
	for (i = 0; i < ARRAY_SIZE(members); i++) {
		if (members[i].heading)
			out_text("%s\n", members[i].heading);
		indented |= !!members[i].heading;
		out_text("%s%-*s ", indented ? "  " : "", indented ? 18 : 20, members[i].name);
		print_member(&members[i], description);
		out_text("\n");
	}
	out_close();
}

/* ---- As the driver's rules want it ------------------------------------- */

void description_header(const struct description *description,
			struct mdevsim_stream_header *header)
{
	*header = (struct mdevsim_stream_header){
		.version_major = cpu_to_le16(description->stream_version.major),
		.version_minor = cpu_to_le16(description->stream_version.minor),
		.required = cpu_to_le64(description->features_required),
	};
}

void description_limits(const struct description *description,
			struct mdevsim_identity_limits *limits)
{
	*limits = (struct mdevsim_identity_limits){
		.function = description->function,
		.version_major = description->version.major,
		.version_minor = description->version.minor,
		.namespace_capacity = description->namespace_capacity,
		.lba_shift = description->lba_shift,
		.vectors = description->vectors,
		.io_queues = description->io_queues,
		.queue_entries = description->queue_entries,
	};
}

void description_identity(const struct description *description,
			  struct mdevsim_state_identity *id)
{
	struct mdevsim_identity_limits limits;

	description_limits(description, &limits);
	mdevsim_identity_fill(id, &limits);
	id->namespace_size = cpu_to_le64(description->namespace_size);
}

void description_known(const struct description *description, struct mdevsim_state_known *known)
{
	*known = (struct mdevsim_state_known){
		.major_min = description->stream_version_min.major,
		.minor_min = description->stream_version_min.minor,
		.major_max = description->stream_version_max.major,
		.minor_max = description->stream_version_max.minor,
		.features = description->features_supported,
	};
}
