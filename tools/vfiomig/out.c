// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "out.h"

#define JSON_VERSION	1
#define MAX_DEPTH	16

struct out_settings out_settings;

/*
 * @stack holds the objects and arrays that are open, @stack[0] the root. Only
 * the root is owned here, everything else by what contains it.
 */
static struct {
	FILE *file;
	const char *command;
	struct json_object *stack[MAX_DEPTH];
	unsigned int depth;
} out;

static struct json_object *root(void)
{
	if (!out.stack[0]) {
		out.stack[0] = json_object_new_object();
		json_object_object_add(out.stack[0], "version", json_object_new_int(JSON_VERSION));
	}
	return out.stack[0];
}

static void add_to(struct json_object *parent, const char *key, struct json_object *value)
{
	if (json_object_is_type(parent, json_type_array))
		json_object_array_add(parent, value);
	else
		json_object_object_add(parent, key, value);
}

static void add(const char *key, struct json_object *value)
{
	root();
	add_to(out.stack[out.depth], key, value);
}

static void push(const char *key, struct json_object *value)
{
	add(key, value);
	if (out.depth + 1 >= MAX_DEPTH)
		abort();
	out.stack[++out.depth] = value;
}

void out_begin(const char *command)
{
	out.command = command;
	if (!out.file)
		out.file = stdout;
}

void out_to_stderr(void)
{
	out.file = stderr;
}

bool out_is_json(void)
{
	return out_settings.json;
}

char *out_take(void)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;
	char *text;

	if (out_settings.pretty)
		flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
	text = strdup(json_object_to_json_string_ext(root(), flags));
	if (!text)
		abort();
	json_object_put(out.stack[0]);
	out.stack[0] = NULL;
	out.depth = 0;
	return text;
}

static void write_document(void)
{
	char *text = out_take();

	fprintf(out.file, "%s\n", text);
	free(text);
}

int out_end(int status)
{
	if (!out.file)
		out.file = stdout;
	if (out_settings.json)
		write_document();
	if (!fflush(out.file) && !ferror(out.file))
		return status;
	if (errno != EPIPE)
		fprintf(stderr, "vfiomig: cannot write output: %s\n", strerror(errno));
	return status ? status : STATUS_FAILED;
}

void out_object(const char *key)
{
	if (out_settings.json)
		push(key, json_object_new_object());
}

void out_array(const char *key)
{
	if (out_settings.json)
		push(key, json_object_new_array());
}

void out_close(void)
{
	if (out_settings.json && out.depth)
		out.depth--;
}

void out_uint(const char *key, uint64_t value, const char *fmt, ...)
{
	va_list args;

	if (out_settings.json) {
		add(key, json_object_new_uint64(value));
		return;
	}
	va_start(args, fmt);
	vfprintf(out.file, fmt, args);
	va_end(args);
}

void out_bool(const char *key, bool value, const char *fmt, ...)
{
	va_list args;

	if (out_settings.json) {
		add(key, json_object_new_boolean(value));
		return;
	}
	va_start(args, fmt);
	vfprintf(out.file, fmt, args);
	va_end(args);
}

void out_string(const char *key, const char *value, const char *fmt, ...)
{
	va_list args;

	if (out_settings.json) {
		add(key, value ? json_object_new_string(value) : NULL);
		return;
	}
	va_start(args, fmt);
	vfprintf(out.file, fmt, args);
	va_end(args);
}

void out_text(const char *fmt, ...)
{
	va_list args;

	if (out_settings.json)
		return;
	va_start(args, fmt);
	vfprintf(out.file, fmt, args);
	va_end(args);
}

static bool colored(FILE *file)
{
	const char *no = getenv("NO_COLOR");

	if (out_settings.color != OUT_COLOR_AUTO)
		return out_settings.color == OUT_COLOR_ALWAYS;
	return !(no && *no) && isatty(fileno(file));
}

static const char *paint_for(FILE *file, enum out_paint paint)
{
	static const char *const escape[] = {
		[PAINT_PLAIN] = "\033[0m",
		[PAINT_NAME] = "\033[1m",
		[PAINT_GOOD] = "\033[32m",
		[PAINT_BAD] = "\033[31m",
		[PAINT_DIM] = "\033[2m",
	};

	return colored(file) ? escape[paint] : "";
}

const char *out_paint(enum out_paint paint)
{
	return paint_for(out.file, paint);
}

void out_trace(unsigned int level, const char *fmt, ...)
{
	va_list args;

	if (out_settings.verbose < level)
		return;
	va_start(args, fmt);
	fputs("# ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

/* An array in the root, made when it is first used. */
static struct json_object *root_array(const char *key)
{
	struct json_object *array;

	if (json_object_object_get_ex(root(), key, &array))
		return array;
	array = json_object_new_array();
	json_object_object_add(root(), key, array);
	return array;
}

void out_note(const char *fmt, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, fmt);
	length = vasprintf(&text, fmt, args);
	va_end(args);
	if (length < 0)
		return;
	fflush(out.file);
	if (out_settings.json)
		json_object_array_add(root_array("notes"), json_object_new_string(text));
	else
		fprintf(stderr, "vfiomig: %s\n", text);
	free(text);
}

static void add_text(struct json_object *object, const char *key, const char *text)
{
	if (text)
		json_object_object_add(object, key, json_object_new_string(text));
}

/* The first error is "error", those that followed from it are in "further_errors". */
static void fail_json(const struct fault *fault, const char *what)
{
	struct json_object *object = json_object_new_object(), *first;

	add_text(object, "what", what);
	add_text(object, "command", out.command);
	add_text(object, "where", fault->where);
	if (fault->error) {
		json_object_object_add(object, "errno", json_object_new_int(fault->error));
		add_text(object, "errno_name", strerrorname_np(fault->error));
		add_text(object, "errno_text", strerror(fault->error));
	}
	add_text(object, "reason", fault->reason);
	add_text(object, "hint", fault->hint);
	json_object_object_add(object, "status", json_object_new_int(fault->status));
	if (json_object_object_get_ex(root(), "error", &first))
		json_object_array_add(root_array("further_errors"), object);
	else
		json_object_object_add(root(), "error", object);
}

static void fail_text(const struct fault *fault, const char *what)
{
	const char *name = fault->error ? strerrorname_np(fault->error) : NULL;

	fflush(out.file);
	fprintf(stderr, "vfiomig: ");
	if (out.command)
		fprintf(stderr, "%s: ", out.command);
	if (fault->where)
		fprintf(stderr, "%s: ", fault->where);
	fprintf(stderr, "%s%s%s", paint_for(stderr, PAINT_BAD), what,
		paint_for(stderr, PAINT_PLAIN));
	if (fault->error)
		fprintf(stderr, ": %s (%s)", strerror(fault->error), name ? name : "unknown");
	fputc('\n', stderr);
	if (fault->reason)
		fprintf(stderr, "  reason: %s\n", fault->reason);
	if (fault->hint)
		fprintf(stderr, "  try: %s\n", fault->hint);
}

static void fail_args(const struct fault *fault, const char *fmt, va_list args)
{
	char *what;

	if (vasprintf(&what, fmt, args) < 0)
		abort();
	if (!out.file)
		out.file = stdout;
	if (out_settings.json)
		fail_json(fault, what);
	else
		fail_text(fault, what);
	free(what);
}

int fail(const struct fault *fault, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fail_args(fault, fmt, args);
	va_end(args);
	return fault->status;
}

int fail_usage(const char *fmt, ...)
{
	struct fault fault = { .status = STATUS_USAGE };
	char hint[64];
	va_list args;

	snprintf(hint, sizeof(hint), "vfiomig help%s%s", out.command ? " " : "",
		 out.command ? out.command : "");
	fault.hint = hint;
	va_start(args, fmt);
	fail_args(&fault, fmt, args);
	va_end(args);
	return STATUS_USAGE;
}
