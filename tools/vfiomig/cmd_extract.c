// SPDX-License-Identifier: GPL-2.0
/* extract: the state of a VFIO device, any, out of a migration file of QEMU. */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <linux/mdevsim_state.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "command.h"
#include "file.h"
#include "out.h"
#include "qemu_file.h"
#include "units.h"

/* What the first bytes of a stream of ours are. */
struct head {
	uint8_t magic[MDEVSIM_STREAM_MAGIC_LEN];
	uint16_t major;
	uint16_t minor;
};

static void print_format(const struct qemu_device *device)
{
	struct head head;

	memcpy(&head, device->head, sizeof(head));
	if (device->head_length < sizeof(head) ||
	    memcmp(head.magic, MDEVSIM_STREAM_MAGIC, sizeof(head.magic)))
		return;
	out_string("format", "mdevsim", ", mdevsim stream ");
	out_uint("stream_major", le16toh(head.major), "%u.", le16toh(head.major));
	out_uint("stream_minor", le16toh(head.minor), "%u", le16toh(head.minor));
}

static void print_device(const struct qemu_device *device)
{
	bool complete = qemu_device_complete(device);

	out_string("name", device->name, "%s%s%s: ", out_paint(PAINT_NAME), device->name,
		   out_paint(PAINT_PLAIN));
	out_uint("bytes", device->precopy_bytes + device->stopped_bytes, "");
	out_uint("precopy_bytes", device->precopy_bytes, "%s in pre-copy, ",
		 units_size(device->precopy_bytes));
	out_uint("stopped_bytes", device->stopped_bytes, "%s after it",
		 units_size(device->stopped_bytes));
	print_format(device);
	out_bool("complete", complete, "%s\n", complete ? "" : ", incomplete");
}

static int list(struct qemu_file *qemu)
{
	const struct qemu_device *device;
	unsigned int i;
	int status;

	status = qemu_file_walk(qemu);
	out_array("devices");
	for (i = 0; (device = qemu_file_device(qemu, i)); i++) {
		out_object(NULL);
		print_device(device);
		out_close();
	}
	out_close();
	return status;
}

static int copy(struct qemu_file *qemu, struct file *output)
{
	static uint8_t buffer[1 << 20];
	int status = STATUS_DONE;
	ssize_t got;

	while (!status && (got = qemu_file_read(qemu, buffer, sizeof(buffer))) > 0)
		status = file_write(output, buffer, got);
	if (!status && got < 0)
		status = qemu_file_fail(qemu);
	return status ? status : file_keep(output);
}

static int extract(struct qemu_file *qemu, const struct arguments *arguments)
{
	const char *name = arguments->value[OPTION_OUTPUT];
	struct file output = FILE_CLOSED;
	int status;

	status = qemu_file_select(qemu, arguments->value[OPTION_DEVICE]);
	if (!status)
		status = file_open_output(&output, name ? name : "-");
	if (!status)
		status = copy(qemu, &output);
	file_close(&output);
	if (!status)
		print_device(qemu_file_selected(qemu));
	return status;
}

/* ---- All of them ------------------------------------------------------- */

/**
 * struct output - where the state of a device goes
 * @next: of another one
 * @device: whose
 * @path: of @file
 * @file: open
 */
struct output {
	struct output *next;
	const struct qemu_device *device;
	char *path;
	struct file file;
};

/*
 * A name that is no way out of the directory and that no other device has: "/" is "_", and
 * what else may not be as it is, "_" too, is "%" and its number.
 */
static char *path_of(const char *directory, const char *name)
{
	size_t length = strlen(directory) + 3 * strlen(name) + 2;
	char *path = malloc(length), *end;
	const char *at;

	if (!path)
		abort();
	end = path + sprintf(path, "%s/", directory);
	for (at = name; *at; at++) {
		bool plain = isalnum((unsigned char)*at) || strchr(":#-", *at) ||
			     (*at == '.' && at > name);

		if (*at == '/')
			*end++ = '_';
		else
			end += sprintf(end, plain ? "%c" : "%%%02x", *at);
	}
	*end = '\0';
	return path;
}

/* That of the device, opened when it is the first time; NULL when that was reported to fail. */
static struct output *output_for(struct output **outputs, const char *directory,
				 const struct qemu_device *device)
{
	struct output *output;

	for (output = *outputs; output; output = output->next)
		if (output->device == device)
			return output;
	output = calloc(1, sizeof(*output));
	if (!output)
		abort();
	output->device = device;
	output->path = path_of(directory, device->name);
	output->next = *outputs;
	*outputs = output;
	return file_open_output(&output->file, output->path) ? NULL : output;
}

static int copy_all(struct qemu_file *qemu, const char *directory, struct output **outputs)
{
	static uint8_t buffer[1 << 16];
	const struct qemu_device *device;
	struct output *output;
	int status = STATUS_DONE;
	ssize_t got;

	while (!status && (got = qemu_file_next(qemu, buffer, sizeof(buffer), &device)) > 0) {
		output = output_for(outputs, directory, device);
		status = output ? file_write(&output->file, buffer, got) : STATUS_FAILED;
	}
	if (!status && got < 0)
		status = qemu_file_fail(qemu);
	/* There is none to choose: that says so. */
	if (!status && !*outputs)
		status = qemu_file_select(qemu, NULL);
	return status;
}

/* In the order of the file; @output has the last one first. */
static int keep_all(struct output *output)
{
	int status = output->next ? keep_all(output->next) : STATUS_DONE;

	if (!status)
		status = file_keep(&output->file);
	if (status)
		return status;
	out_object(NULL);
	print_device(output->device);
	out_string("file", output->path, "  %s\n", output->path);
	out_close();
	return STATUS_DONE;
}

static void close_all(struct output *output)
{
	struct output *next;

	for (; output; output = next) {
		next = output->next;
		file_close(&output->file);
		free(output->path);
		free(output);
	}
}

static int fail_directory(const char *directory)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = errno,
			.where = directory,
		    }, "cannot make the directory");
}

static int extract_all(struct qemu_file *qemu, const char *directory)
{
	struct output *outputs = NULL;
	bool made = !mkdir(directory, 0777);
	int status;

	if (!made && errno != EEXIST)
		return fail_directory(directory);
	status = copy_all(qemu, directory, &outputs);
	out_array("devices");
	if (!status)
		status = keep_all(outputs);
	out_close();
	close_all(outputs);
	if (status && made)
		rmdir(directory);
	return status;
}

static int check_options(const struct arguments *arguments)
{
	bool device = argument_given(arguments, OPTION_DEVICE);
	bool output = argument_given(arguments, OPTION_OUTPUT);
	bool only_list = argument_given(arguments, OPTION_LIST);
	bool all = argument_given(arguments, OPTION_ALL);

	if (only_list && (output || device || all))
		return fail_usage("--list takes neither -o nor --device nor --all");
	if (all && device)
		return fail_usage("--all and --device are not for each other");
	if (all && !output)
		return fail_usage("-o DIRECTORY is missing, for the files that --all makes");
	return STATUS_DONE;
}

int cmd_extract(const struct arguments *arguments)
{
	struct qemu_file *qemu;
	struct file input;
	int status;

	status = check_options(arguments);
	if (!status)
		status = file_open_input(&input, arguments->word[0]);
	if (status)
		return status;
	qemu = qemu_file_open(&input, NULL, 0);
	if (argument_given(arguments, OPTION_LIST))
		status = list(qemu);
	else if (argument_given(arguments, OPTION_ALL))
		status = extract_all(qemu, arguments->value[OPTION_OUTPUT]);
	else
		status = extract(qemu, arguments);
	qemu_file_close(qemu);
	file_close(&input);
	return status;
}
