// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "array_size.h"
#include "command.h"
#include "out.h"

static const struct option_info {
	const char *name;
	char letter;
	const char *value;
	const char *help;
} options[NR_OPTIONS] = {
	[OPTION_JSON] = { "json", 'j', NULL, "print JSON, errors included" },
	[OPTION_PRETTY] = { "pretty", 'p', NULL, "print JSON with line breaks" },
	[OPTION_VERBOSE] = { "verbose", 'v', NULL, "say more; twice: every ioctl" },
	[OPTION_COLOR] = { "color", 0, "WHEN", "auto, always or never" },
	[OPTION_HELP] = { "help", 'h', NULL, "say how to use this" },
	[OPTION_VERSION] = { "version", 'V', NULL, "say which version this is" },
	[OPTION_DRY_RUN] = { "dry-run", 'n', NULL, "print arcs and ioctls, do nothing" },
	[OPTION_BACKEND] = { "backend", 0, "NAME", "group, cdev or auto" },
	[OPTION_INPUT] = { "input", 'i', "FILE", "read device state from FILE" },
	[OPTION_OUTPUT] = { "output", 'o', "FILE", "write to FILE" },
	[OPTION_NO_PRECOPY] = { "no-precopy", 0, NULL, "go straight to STOP_COPY" },
	[OPTION_ROUNDS] = { "rounds", 0, "N", "pre-copy rounds, at most" },
	[OPTION_STOP] = { "stop", 0, NULL, "spare the arcs from STOP to RUNNING" },
	[OPTION_REGION] = { "region", 0, NULL, "by the migration region (v1), as QEMU 7.2" },
	[OPTION_PARENT] = { "parent", 0, "PARENT", "on this parent device" },
	[OPTION_UUID] = { "uuid", 0, "UUID", "with this UUID" },
	[OPTION_DATA] = { "data", 0, NULL, "print namespace data too" },
	[OPTION_HEX] = { "hex", 0, NULL, "print the bytes beside their meaning" },
	[OPTION_DEVICE] = { "device", 0, "NAME", "of a QEMU file's devices, this one" },
	[OPTION_LIST] = { "list", 0, NULL, "only say what there is" },
	[OPTION_ALL] = { "all", 0, NULL, "every field (diff), every device (extract)" },
	[OPTION_KEEP_CRC] = { "keep-crc", 0, NULL, "leave checksums as they are" },
	[OPTION_DROP] = { "drop", 0, "RECORD", "leave this record out" },
	[OPTION_DUPLICATE] = { "duplicate", 0, "RECORD", "write this record twice" },
	[OPTION_SWAP] = { "swap", 0, "RECORD", "let it and the next one change places" },
	[OPTION_ONLY] = { "only", 0, "CHECKS", "run these; patterns, between commas" },
	[OPTION_SKIP] = { "skip", 0, "CHECKS", "leave these out" },
	[OPTION_SECOND] = { "second", 0, "DEV", "another device, to load states into" },
	[OPTION_TIMEOUT] = { "timeout", 0, "SECONDS", "for each check" },
	[OPTION_RECREATE] = { "recreate", 0, NULL, "may remove the device, and make it again" },
	[OPTION_REMOVE] = { "remove", 0, "ID", "let this fault be over" },
	[OPTION_CLEAR] = { "clear", 0, NULL, "first let all of them be over" },
	[OPTION_NUMBER] = { "number", 0, "N", "of several migrations, this one" },
};

/* Room for ":" and two characters per option; values of getopt start past any letter. */
#define LETTERS		(2 + 2 * NR_OPTIONS + 1)
#define FIRST_VALUE	(UCHAR_MAX + 1)

static void letters_for(uint64_t allowed, bool stop, char *letters)
{
	unsigned int i;

	if (stop)
		*letters++ = '+';
	*letters++ = ':';
	for (i = 0; i < NR_OPTIONS; i++) {
		if (!(allowed & 1ULL << i) || !options[i].letter)
			continue;
		*letters++ = options[i].letter;
		if (options[i].value)
			*letters++ = ':';
	}
	*letters = '\0';
}

static void names_for(uint64_t allowed, struct option *names)
{
	unsigned int i;

	for (i = 0; i < NR_OPTIONS; i++) {
		if (!(allowed & 1ULL << i))
			continue;
		*names++ = (struct option){
			.name = options[i].name,
			.has_arg = options[i].value ? required_argument : no_argument,
			.val = FIRST_VALUE + i,
		};
	}
	*names = (struct option){ 0 };
}

static int option_of(int got)
{
	int i;

	if (got >= FIRST_VALUE)
		return got - FIRST_VALUE;
	for (i = 0; i < NR_OPTIONS; i++)
		if (options[i].letter == got)
			return i;
	return -1;
}

static int fail_option(int got, char **argv)
{
	const char *what = got == ':' ? "needs a value" : "is not an option here";

	if (optopt > 0 && optopt < FIRST_VALUE)
		return fail_usage("-%c %s", optopt, what);
	return fail_usage("%s %s", argv[optind - 1], what);
}

static int set_color(const char *when)
{
	static const char *const names[] = {
		[OUT_COLOR_AUTO] = "auto",
		[OUT_COLOR_ALWAYS] = "always",
		[OUT_COLOR_NEVER] = "never",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(when, names[i]))
			continue;
		out_settings.color = i;
		return STATUS_DONE;
	}
	return fail_usage("--color is auto, always or never, not '%s'", when);
}

/* Settings of the output layer count at once: an error further on must look right. */
static int apply_global(int id, const char *value)
{
	switch (id) {
	case OPTION_PRETTY:
		out_settings.pretty = true;
		out_settings.json = true;
		return STATUS_DONE;
	case OPTION_JSON:
		out_settings.json = true;
		return STATUS_DONE;
	case OPTION_VERBOSE:
		out_settings.verbose++;
		return STATUS_DONE;
	case OPTION_COLOR:
		return set_color(value);
	default:
		return STATUS_DONE;
	}
}

int options_parse(struct arguments *arguments, uint64_t allowed, bool stop, int argc, char **argv)
{
	struct option names[NR_OPTIONS + 1];
	char letters[LETTERS];
	int got, id, status;

	letters_for(allowed, stop, letters);
	names_for(allowed, names);
	optind = 0;
	opterr = 0;
	while ((got = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		id = option_of(got);
		if (id < 0)
			return fail_option(got, argv);
		arguments->value[id] = options[id].value ? optarg : "";
		arguments->count[id]++;
		status = apply_global(id, optarg);
		if (status)
			return status;
	}
	arguments->nr = argc - optind;
	arguments->word = argv + optind;
	return STATUS_DONE;
}

/* With the options of all commands, as values must be told from options; getopt sorts a copy. */
void options_scan(int argc, char **argv)
{
	const uint64_t all = (1ULL << NR_OPTIONS) - 1;
	struct option names[NR_OPTIONS + 1];
	char letters[LETTERS], **copy;
	int got, id;

	copy = calloc(argc + 1, sizeof(*copy));
	if (!copy)
		abort();
	memcpy(copy, argv, argc * sizeof(*copy));
	letters_for(all, false, letters);
	names_for(all, names);
	optind = 0;
	opterr = 0;
	while ((got = getopt_long(argc, copy, letters, names, NULL)) != -1) {
		id = option_of(got);
		if (id == OPTION_JSON || id == OPTION_PRETTY)
			apply_global(id, NULL);
	}
	free(copy);
}

bool options_number(const struct arguments *arguments, enum option_id id, int base,
		    unsigned long most, unsigned long *number)
{
	const char *text = arguments->value[id];
	char *end;

	if (!text)
		return true;
	errno = 0;
	*number = strtoul(text, &end, base);
	return !errno && end != text && !*end && *text != '-' && *number <= most;
}

int options_rounds(const struct arguments *arguments, unsigned int otherwise,
		   unsigned int *rounds)
{
	unsigned long number = otherwise;

	if (!options_number(arguments, OPTION_ROUNDS, 0, UINT_MAX, &number))
		return fail_usage("--rounds takes a number, not '%s'",
				  arguments->value[OPTION_ROUNDS]);
	*rounds = argument_given(arguments, OPTION_NO_PRECOPY) ? 0 : number;
	return STATUS_DONE;
}

static void help_one(const struct option_info *option)
{
	char letter[4] = "", name[32];

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c,", option->letter);
	snprintf(name, sizeof(name), "--%s%s%s", option->name, option->value ? " " : "",
		 option->value ? option->value : "");
	out_object(NULL);
	out_string("name", option->name, "  %3s %-18s ", letter, name);
	if (option->letter)
		out_string("letter", (char[]){ option->letter, '\0' }, "");
	if (option->value)
		out_string("value", option->value, "");
	out_string("help", option->help, "%s\n", option->help);
	out_close();
}

void options_help(uint64_t mask)
{
	unsigned int i;

	for (i = 0; i < NR_OPTIONS; i++)
		if (mask & 1ULL << i)
			help_one(&options[i]);
}
