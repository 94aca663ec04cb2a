// SPDX-License-Identifier: GPL-2.0
/* extract: the state of a VFIO device, any, out of a migration file of QEMU. */
#include <endian.h>
#include <linux/mdevsim_state.h>
#include <stdio.h>
#include <string.h>
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

int cmd_extract(const struct arguments *arguments)
{
	bool only_list = argument_given(arguments, OPTION_LIST);
	struct qemu_file *qemu;
	struct file input;
	int status;

	if (only_list && (argument_given(arguments, OPTION_OUTPUT) ||
			  argument_given(arguments, OPTION_DEVICE)))
		return fail_usage("--list takes neither -o nor --device");
	status = file_open_input(&input, arguments->word[0]);
	if (status)
		return status;
	qemu = qemu_file_open(&input, NULL, 0);
	status = only_list ? list(qemu) : extract(qemu, arguments);
	qemu_file_close(qemu);
	file_close(&input);
	return status;
}
