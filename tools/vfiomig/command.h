/* SPDX-License-Identifier: GPL-2.0 */
/* Subcommands and their options: one table of each, everything else derives from them. */
#ifndef VFIOMIG_COMMAND_H
#define VFIOMIG_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

/** enum option - every option of the tool, see the table in options.c */
enum option_id {
	OPTION_JSON,
	OPTION_PRETTY,
	OPTION_VERBOSE,
	OPTION_COLOR,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_DRY_RUN,
	OPTION_BACKEND,
	OPTION_INPUT,
	OPTION_OUTPUT,
	OPTION_NO_PRECOPY,
	OPTION_ROUNDS,
	OPTION_STOP,
	OPTION_REGION,
	OPTION_PARENT,
	OPTION_UUID,
	OPTION_DATA,
	OPTION_HEX,
	OPTION_DEVICE,
	OPTION_LIST,
	OPTION_ALL,
	OPTION_KEEP_CRC,
	OPTION_DROP,
	OPTION_DUPLICATE,
	OPTION_SWAP,
	OPTION_ONLY,
	OPTION_SKIP,
	OPTION_SECOND,
	OPTION_TIMEOUT,
	OPTION_RECREATE,
	OPTION_REMOVE,
	OPTION_CLEAR,
	OPTION_NUMBER,
	NR_OPTIONS
};

#define OPTION_BIT(id)	(1ULL << OPTION_##id)

/* What each command takes, and what each command that opens a device takes. */
#define OPTIONS_GLOBAL	(OPTION_BIT(JSON) | OPTION_BIT(PRETTY) | OPTION_BIT(VERBOSE) |	\
			 OPTION_BIT(COLOR) | OPTION_BIT(HELP) | OPTION_BIT(VERSION))
#define OPTIONS_DEVICE	(OPTION_BIT(DRY_RUN) | OPTION_BIT(BACKEND))

/**
 * struct arguments - a parsed command line
 * @value: by option: NULL when not given, "" for one that takes no value
 * @count: by option: how often it was given
 * @nr: number of words that are no options
 * @word: those words
 */
struct arguments {
	const char *value[NR_OPTIONS];
	unsigned int count[NR_OPTIONS];
	int nr;
	char **word;
};

static inline bool argument_given(const struct arguments *arguments, enum option_id id)
{
	return arguments->value[id];
}

/**
 * struct command - a subcommand
 * @name: what is typed
 * @words: what follows it, for people
 * @min: words at least
 * @max: words at most
 * @options: beside %OPTIONS_GLOBAL, one bit each
 * @run: does it and returns &enum status
 * @summary: one line
 */
struct command {
	const char *name;
	const char *words;
	int min;
	int max;
	uint64_t options;
	int (*run)(const struct arguments *arguments);
	const char *summary;
};

#define COMMAND_MANY_WORDS	1000

/** command_at - the @index-th command, or NULL */
const struct command *command_at(unsigned int index);
const struct command *command_find(const char *name);

int cmd_types(const struct arguments *arguments);
int cmd_create(const struct arguments *arguments);
int cmd_remove(const struct arguments *arguments);
int cmd_list(const struct arguments *arguments);
int cmd_show(const struct arguments *arguments);
int cmd_drive(const struct arguments *arguments);
int cmd_save(const struct arguments *arguments);
int cmd_load(const struct arguments *arguments);
int cmd_conform(const struct arguments *arguments);
int cmd_migrate(const struct arguments *arguments);
int cmd_dump(const struct arguments *arguments);
int cmd_verify(const struct arguments *arguments);
int cmd_diff(const struct arguments *arguments);
int cmd_edit(const struct arguments *arguments);
int cmd_extract(const struct arguments *arguments);
int cmd_describe(const struct arguments *arguments);
int cmd_compat(const struct arguments *arguments);
int cmd_monitor(const struct arguments *arguments);
int cmd_stats(const struct arguments *arguments);
int cmd_fault(const struct arguments *arguments);
int cmd_shape(const struct arguments *arguments);
int cmd_profile(const struct arguments *arguments);
int cmd_timeline(const struct arguments *arguments);
int cmd_help(const struct arguments *arguments);
int cmd_version(const struct arguments *arguments);

/**
 * options_parse - take options off a command line
 * @arguments: filled in; values from an earlier call stay
 * @allowed: options to accept, one bit each
 * @stop: end at the first word that is no option
 * @argc: number of @argv
 * @argv: the command line; @argv[0] is passed over
 */
int options_parse(struct arguments *arguments, uint64_t allowed, bool stop, int argc, char **argv);

/**
 * options_scan - apply the options that say what errors look like
 * @argc: number of @argv
 * @argv: the whole command line, left as it is
 *
 * For a mistake that comes before them. Nothing is reported here.
 */
void options_scan(int argc, char **argv);

/**
 * options_number - take the value of an option for a number
 * @arguments: the command line
 * @id: the option
 * @base: as strtoul() has it
 * @most: it may be
 * @number: left as it is when the option was not given
 *
 * Return: false when the value is no number, or a larger one
 */
bool options_number(const struct arguments *arguments, enum option_id id, int base,
		    unsigned long most, unsigned long *number);

/** options_rounds - of pre-copy: none with --no-precopy, @otherwise without --rounds */
int options_rounds(const struct arguments *arguments, unsigned int otherwise,
		   unsigned int *rounds);

/** options_help - list the options in @mask */
void options_help(uint64_t mask);

#endif /* VFIOMIG_COMMAND_H */
