// SPDX-License-Identifier: GPL-2.0
/* describe: what a device or type is, for compat, here or elsewhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "command.h"
#include "description.h"
#include "out.h"

static int write_to(const char *name, const struct description *description)
{
	bool json = out_settings.json;
	struct file file = FILE_CLOSED;
	char *text;
	int status;

	status = file_open_output(&file, name);
	if (status)
		return status;
	out_settings.json = true;
	description_print(description);
	text = out_take();
	out_settings.json = json;
	status = file_write(&file, text, strlen(text));
	if (!status)
		status = file_write(&file, "\n", 1);
	if (!status)
		status = file_keep(&file);
	file_close(&file);
	free(text);
	return status;
}

/* Whatever is not a terminal is a file, or a program: both want JSON. Errors stay as they are. */
static void write_here(const struct description *description)
{
	if (!isatty(STDOUT_FILENO))
		out_settings.json = true;
	description_print(description);
}

int cmd_describe(const struct arguments *arguments)
{
	const char *name = arguments->value[OPTION_OUTPUT];
	struct description description;
	int status;

	status = description_find(arguments->word[0], arguments->value[OPTION_PARENT],
				  &description);
	if (status)
		return status;
	if (name && strcmp(name, "-"))
		return write_to(name, &description);
	write_here(&description);
	return STATUS_DONE;
}
