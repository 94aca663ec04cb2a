/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything the tool says. One call prints a line of text or adds to the JSON
 * document, whichever was asked for; errors included.
 */
#ifndef VFIOMIG_OUT_H
#define VFIOMIG_OUT_H

#include <stdbool.h>
#include <stdint.h>

#define OUT_FORMAT(fmt, first)	__attribute__((__format__(printf, fmt, first)))

/**
 * enum status - exit status, and what functions that report their own errors return
 * @STATUS_DONE: done
 * @STATUS_FAILED: failed
 * @STATUS_USAGE: called the wrong way
 * @STATUS_DIFFERS: differs or incompatible
 * @STATUS_UNSUPPORTED: cannot be done here; what kselftest calls skip
 */
enum status {
	STATUS_DONE,
	STATUS_FAILED,
	STATUS_USAGE,
	STATUS_DIFFERS,
	STATUS_UNSUPPORTED,
};

enum out_color {
	OUT_COLOR_AUTO,
	OUT_COLOR_ALWAYS,
	OUT_COLOR_NEVER,
};

enum out_paint {
	PAINT_PLAIN,
	PAINT_NAME,
	PAINT_GOOD,
	PAINT_BAD,
	PAINT_DIM,
};

/** struct out_settings - set once, from the command line */
struct out_settings {
	bool json;
	bool pretty;
	unsigned int verbose;
	enum out_color color;
};

extern struct out_settings out_settings;

/** out_begin - start the document; @command is what it is about */
void out_begin(const char *command);

/** out_to_stderr - standard output carries data: say everything on standard error */
void out_to_stderr(void);

/**
 * out_take - the JSON document so far; what follows begins a new one
 *
 * Return: a string to be freed
 */
char *out_take(void);

/** out_end - write out the JSON document; STATUS_FAILED when output was lost */
int out_end(int status);

/* Objects and arrays of the JSON document; @key is NULL inside an array. */
void out_object(const char *key);
void out_array(const char *key);
void out_close(void);

/*
 * A value: @key and @value go to JSON, the formatted rest to text. An empty
 * format makes a value that only JSON shows.
 */
OUT_FORMAT(3, 4) void out_uint(const char *key, uint64_t value, const char *fmt, ...);
OUT_FORMAT(3, 4) void out_bool(const char *key, bool value, const char *fmt, ...);
OUT_FORMAT(3, 4) void out_string(const char *key, const char *value, const char *fmt, ...);

/** out_text - words that only text shows */
OUT_FORMAT(1, 2) void out_text(const char *fmt, ...);

/** out_paint - escape sequence that starts (or with PAINT_PLAIN ends) a colour, or "" */
const char *out_paint(enum out_paint paint);

/** out_is_json - for the few places where text needs work that JSON does not */
bool out_is_json(void);

/** out_trace - a line on standard error when -v was given at least @level times */
OUT_FORMAT(2, 3) void out_trace(unsigned int level, const char *fmt, ...);

/** out_note - something the user should know although nothing failed */
OUT_FORMAT(1, 2) void out_note(const char *fmt, ...);

/**
 * struct fault - an error and what belongs to it
 * @status: exit status
 * @error: errno, or 0
 * @where: device or file, or NULL
 * @reason: in the words of whoever refused, or NULL
 * @hint: what to do, or NULL
 */
struct fault {
	enum status status;
	int error;
	const char *where;
	const char *reason;
	const char *hint;
};

/** fail - report an error; returns its status */
OUT_FORMAT(2, 3) int fail(const struct fault *fault, const char *fmt, ...);

/** fail_usage - report a wrong call */
OUT_FORMAT(1, 2) int fail_usage(const char *fmt, ...);

#endif /* VFIOMIG_OUT_H */
