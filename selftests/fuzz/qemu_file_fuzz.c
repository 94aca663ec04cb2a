// SPDX-License-Identifier: GPL-2.0
/*
 * Migration files of QEMU: refused with a reason and a documented errno, or else
 * each device's state is the same whether it is read from a file or from a pipe,
 * in one piece or in many, and as long as the list of devices says.
 *
 * Input: the file; its last byte also says how long pieces are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../../tools/vfiomig/file.h"
#include "../../tools/vfiomig/interrupt.h"
#include "../../tools/vfiomig/out.h"
#include "../../tools/vfiomig/qemu_file.h"
#include "fuzz.h"

#define MOST	60000		/* fits into a pipe */

/* What the walk needs of the rest of vfiomig. */

static bool is_documented(const struct fault *fault)
{
	switch (fault->error) {
	case 0:
		return fault->status == STATUS_FAILED || fault->status == STATUS_USAGE;
	case EOPNOTSUPP:
		return fault->status == STATUS_UNSUPPORTED && fault->reason && fault->hint;
	case EILSEQ:
	case ENODATA:
		return fault->status == STATUS_FAILED && fault->reason && fault->hint;
	case EPROTO:
		return fault->status == STATUS_FAILED && fault->reason;
	}
	return false;
}

static bool is_text(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

int fail(const struct fault *fault, const char *fmt, ...)
{
	MUST(is_documented(fault));
	MUST(!fault->reason || is_text(fault->reason));
	return fault->status;
}

void out_to_stderr(void)
{
}

bool interrupt_seen(void)
{
	return false;
}

/**
 * struct state - of one device
 * @bytes: as far as it could be read
 * @length: of @bytes
 * @status: how reading ended
 */
struct state {
	u8 bytes[MOST];
	size_t length;
	int status;
};

static struct file open_file(const u8 *data, size_t length)
{
	struct file file = { .name = "input", .fd = memfd_create("input", 0) };

	MUST(file.fd >= 0);
	MUST(write(file.fd, data, length) == (ssize_t)length);
	MUST(!lseek(file.fd, 0, SEEK_SET));
	return file;
}

static struct file open_pipe(const u8 *data, size_t length)
{
	int ends[2];

	MUST(!pipe(ends));
	MUST(write(ends[1], data, length) == (ssize_t)length);
	close(ends[1]);
	return (struct file){ .name = "input", .fd = ends[0] };
}

static void read_state(struct state *state, struct file file, const char *name, size_t piece)
{
	struct qemu_file *qemu = qemu_file_open(&file, NULL, 0);
	const struct qemu_device *device;
	ssize_t got = 0;

	state->length = 0;
	state->status = qemu_file_select(qemu, name);
	while (!state->status) {
		MUST(state->length <= MOST);
		got = qemu_file_read(qemu, state->bytes + state->length,
				     piece < MOST - state->length ? piece : MOST - state->length);
		if (got <= 0)
			break;
		state->length += got;
	}
	if (got < 0)
		state->status = qemu_file_fail(qemu);
	device = qemu_file_selected(qemu);
	if (!state->status) {
		MUST(qemu_device_complete(device));
		MUST(device->precopy_bytes + device->stopped_bytes == state->length);
		MUST(!memcmp(device->head, state->bytes, device->head_length));
	}
	qemu_file_close(qemu);
	close(file.fd);
}

/* A device by its name, in several ways. */
static void try_device(const u8 *data, size_t length, const struct qemu_device *listed)
{
	static struct state whole, pieces;

	read_state(&whole, open_file(data, length), listed->name, MOST);
	MUST(!whole.status == qemu_device_complete(listed));
	if (whole.status)
		return;
	MUST(whole.length == listed->precopy_bytes + listed->stopped_bytes);
	read_state(&pieces, open_file(data, length), listed->name, 1 + data[length - 1]);
	MUST(!pieces.status && pieces.length == whole.length);
	MUST(!memcmp(pieces.bytes, whole.bytes, whole.length));
	read_state(&pieces, open_pipe(data, length), listed->name, 1 + data[length - 1]);
	if (pieces.status)	/* what is at the end of a file cannot be known at the beginning */
		return;
	MUST(pieces.length == whole.length && !memcmp(pieces.bytes, whole.bytes, whole.length));
}

static unsigned int count_named(const struct qemu_file *qemu, const char *name)
{
	const struct qemu_device *device;
	unsigned int count = 0, i;

	for (i = 0; (device = qemu_file_device(qemu, i)); i++)
		count += !strcmp(device->name, name);
	return count;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t length)
{
	const struct qemu_device *device;
	struct qemu_file *qemu;
	static struct state any;
	struct file file;
	unsigned int i;

	if (!length || length > MOST)
		return 0;
	file = open_file(data, length);
	qemu = qemu_file_open(&file, NULL, 0);
	if (!qemu_file_walk(qemu)) {
		for (i = 0; i < 4 && (device = qemu_file_device(qemu, i)); i++)
			if (count_named(qemu, device->name) == 1)
				try_device(data, length, device);
	}
	qemu_file_close(qemu);
	close(file.fd);
	read_state(&any, open_pipe(data, length), NULL, MOST);
	return 0;
}
