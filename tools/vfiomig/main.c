// SPDX-License-Identifier: GPL-2.0
/* vfiomig: drive VFIO devices through migration, and take their state apart. */
#include <linux/mdevsim_state.h>
#include <stdio.h>
#include <string.h>
#include "array_size.h"
#include "command.h"
#include "interrupt.h"
#include "out.h"
#include "vfio.h"

static const struct command commands[] = {
	{ "types", "[PARENT]", 0, 1, 0, cmd_types,
	  "list the types of mediated devices that can be created" },
	{ "create", "TYPE", 1, 1,
	  OPTION_BIT(PARENT) | OPTION_BIT(UUID) | OPTION_BIT(DRY_RUN), cmd_create,
	  "create a mediated device, print its UUID" },
	{ "remove", "DEV...", 1, COMMAND_MANY_WORDS, OPTION_BIT(DRY_RUN), cmd_remove,
	  "remove mediated devices" },
	{ "list", "", 0, 0, 0, cmd_list,
	  "list VFIO devices" },
	{ "show", "DEV", 1, 1, OPTIONS_DEVICE, cmd_show,
	  "show a device and what its migration can do" },
	{ "drive", "DEV STATE...", 2, COMMAND_MANY_WORDS,
	  OPTIONS_DEVICE | OPTION_BIT(INPUT) | OPTION_BIT(OUTPUT) | OPTION_BIT(ROUNDS) |
	  OPTION_BIT(REGION), cmd_drive,
	  "take a device through states, timing each change" },
	{ "save", "DEV -o FILE", 1, 1,
	  OPTIONS_DEVICE | OPTION_BIT(OUTPUT) | OPTION_BIT(NO_PRECOPY) | OPTION_BIT(ROUNDS) |
	  OPTION_BIT(STOP) | OPTION_BIT(REGION), cmd_save,
	  "save a device's state to a file" },
	{ "load", "DEV -i FILE", 1, 1,
	  OPTIONS_DEVICE | OPTION_BIT(INPUT) | OPTION_BIT(STOP) | OPTION_BIT(REGION), cmd_load,
	  "load a device's state from a file" },
	{ "migrate", "SRC DST", 2, 2,
	  OPTIONS_DEVICE | OPTION_BIT(OUTPUT) | OPTION_BIT(NO_PRECOPY) | OPTION_BIT(ROUNDS) |
	  OPTION_BIT(REGION), cmd_migrate,
	  "move the state of one device to another" },
	{ "conform", "DEV", 0, 1,
	  OPTION_BIT(BACKEND) | OPTION_BIT(LIST) | OPTION_BIT(ONLY) | OPTION_BIT(SKIP) |
	  OPTION_BIT(SECOND) | OPTION_BIT(REGION) | OPTION_BIT(TIMEOUT) | OPTION_BIT(RECREATE),
	  cmd_conform,
	  "check that a device migrates as the VFIO uAPI demands" },
	{ "dump", "FILE", 1, 1, OPTION_BIT(DATA) | OPTION_BIT(HEX) | OPTION_BIT(DEVICE), cmd_dump,
	  "explain a saved state of mdevsim, field by field" },
	{ "verify", "FILE", 1, 1, OPTION_BIT(DEVICE), cmd_verify,
	  "check a saved state of mdevsim as its driver would" },
	{ "diff", "A B", 2, 2, OPTION_BIT(ALL) | OPTION_BIT(DEVICE), cmd_diff,
	  "say in which fields and blocks two saved states differ" },
	{ "edit", "FILE FIELD=VALUE... -o OUT", 1, COMMAND_MANY_WORDS,
	  OPTION_BIT(OUTPUT) | OPTION_BIT(KEEP_CRC) | OPTION_BIT(DROP) | OPTION_BIT(DUPLICATE) |
	  OPTION_BIT(SWAP) | OPTION_BIT(DEVICE), cmd_edit,
	  "change fields of a saved state, for tests" },
	{ "extract", "QEMU-FILE", 1, 1,
	  OPTION_BIT(OUTPUT) | OPTION_BIT(DEVICE) | OPTION_BIT(LIST) | OPTION_BIT(ALL),
	  cmd_extract,
	  "take devices' states out of a migration file of QEMU" },
	{ "describe", "DEV|TYPE", 1, 1, OPTION_BIT(OUTPUT) | OPTION_BIT(PARENT), cmd_describe,
	  "say what a device is, for compat" },
	{ "compat", "A B", 2, 2, OPTION_BIT(PARENT), cmd_compat,
	  "say whether B can take over the state of A, or why not" },
	{ "monitor", "[DEV...]", 0, COMMAND_MANY_WORDS, 0, cmd_monitor,
	  "print what befalls devices of mdevsim, as it happens" },
	{ "stats", "[DEV...]", 0, COMMAND_MANY_WORDS, 0, cmd_stats,
	  "show what devices of mdevsim do, whoever has them open" },
	{ "fault", "DEV [KIND [NAME=VALUE...]]", 1, COMMAND_MANY_WORDS,
	  OPTION_BIT(REMOVE) | OPTION_BIT(CLEAR), cmd_fault,
	  "let something go wrong in a device of mdevsim" },
	{ "shape", "DEV [NAME=VALUE...]", 1, COMMAND_MANY_WORDS, OPTION_BIT(CLEAR), cmd_shape,
	  "let a device of mdevsim be busy, large or slow" },
	{ "profile", "DEV FILE", 2, 2, 0, cmd_profile,
	  "make a device as a file says: its faults and its shape" },
	{ "timeline", "EVENTS...", 1, COMMAND_MANY_WORDS, OPTION_BIT(OUTPUT) | OPTION_BIT(NUMBER),
	  cmd_timeline,
	  "draw one migration from what monitor --json saw of it" },
	{ "version", "", 0, 0, 0, cmd_version,
	  "say which version this is" },
	{ "help", "[COMMAND]", 0, 1, 0, cmd_help,
	  "say how to use a command" },
};

const struct command *command_at(unsigned int index)
{
	return index < ARRAY_SIZE(commands) ? &commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void help_command(const struct command *command)
{
	out_string("command", command->name, "Usage: vfiomig [OPTIONS] %s %s%s\n\n",
		   command->name, command->options ? "[OPTIONS] " : "", command->words);
	out_string("words", command->words, "");
	out_string("summary", command->summary, "%s.\n\nOptions:\n", command->summary);
	out_array("options");
	options_help(command->options | OPTIONS_GLOBAL);
	out_close();
	out_text("\nSee vfiomig-%s(8).\n", command->name);
}

static void help_all(void)
{
	unsigned int i;

	out_text("Usage: vfiomig [OPTIONS] COMMAND [ARGS]\n\nCommands:\n");
	out_array("commands");
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		out_object(NULL);
		out_string("name", commands[i].name, "  %-8s ", commands[i].name);
		out_string("words", commands[i].words, "%-26s ", commands[i].words);
		out_string("summary", commands[i].summary, "%s\n", commands[i].summary);
		out_close();
	}
	out_close();
	out_text("\nOptions:\n");
	out_array("options");
	options_help(OPTIONS_GLOBAL);
	out_close();
	out_text("\nDEV, SRC and DST: UUID of a mediated device, PCI address, path in /sys or\n"
		 "/dev/vfio/devices. FILE may be - for standard input or output.\n"
		 "See vfiomig(8).\n");
}

int cmd_help(const struct arguments *arguments)
{
	const struct command *command;

	if (!arguments->nr) {
		help_all();
		return STATUS_DONE;
	}
	command = command_find(arguments->word[0]);
	if (!command)
		return fail_usage("there is no command '%s'", arguments->word[0]);
	help_command(command);
	return STATUS_DONE;
}

int cmd_version(const struct arguments *arguments)
{
	static const char stream[] = "mdevsim";

	(void)arguments;
	out_string("vfiomig", VFIOMIG_VERSION, "vfiomig %s\n", VFIOMIG_VERSION);
	out_object("features");
	out_array("backends");
	vfio_backends_print();
	out_close();
	out_object(stream);
	out_uint("stream_major", MDEVSIM_STREAM_MAJOR, "stream of %s: %u.", stream,
		 MDEVSIM_STREAM_MAJOR);
	out_uint("stream_minor", MDEVSIM_STREAM_MINOR, "%u\n", MDEVSIM_STREAM_MINOR);
	out_close();
	out_close();
	return STATUS_DONE;
}

static int check_words(const struct command *command, const struct arguments *arguments)
{
	if (arguments->nr < command->min)
		return fail_usage("%s is missing", command->words);
	if (arguments->nr > command->max)
		return fail_usage("'%s' is one word too many", arguments->word[command->max]);
	return STATUS_DONE;
}

static int run(const struct command *command, struct arguments *arguments, int argc, char **argv)
{
	int status;

	out_begin(command->name);
	status = options_parse(arguments, OPTIONS_GLOBAL | command->options, false, argc, argv);
	if (status)
		return status;
	if (argument_given(arguments, OPTION_HELP)) {
		help_command(command);
		return STATUS_DONE;
	}
	if (argument_given(arguments, OPTION_VERSION))
		return cmd_version(arguments);
	status = check_words(command, arguments);
	return status ? status : command->run(arguments);
}

static int dispatch(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	const struct command *command;
	int status;

	out_begin(NULL);
	options_scan(argc, argv);
	status = options_parse(&arguments, OPTIONS_GLOBAL, true, argc, argv);
	if (status)
		return status;
	if (argument_given(&arguments, OPTION_VERSION))
		return cmd_version(&arguments);
	if (argument_given(&arguments, OPTION_HELP)) {
		help_all();
		return STATUS_DONE;
	}
	if (!arguments.nr)
		return fail_usage("a command is missing");
	command = command_find(arguments.word[0]);
	if (!command)
		return fail_usage("there is no command '%s'", arguments.word[0]);
	return run(command, &arguments, arguments.nr, arguments.word);
}

int main(int argc, char **argv)
{
	interrupt_init();
	return out_end(dispatch(argc, argv));
}
