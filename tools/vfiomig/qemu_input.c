// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "qemu_input.h"

void qemu_input_init(struct qemu_input *input, struct file *file, const void *head, size_t length)
{
	*input = (struct qemu_input){ .file = file, .fill = length };
	if (length)
		memcpy(input->buffer, head, length);
}

void qemu_input_refuse(struct qemu_input *input, int error, const char *hint, const char *fmt, ...)
{
	va_list args;

	if (input->error)
		return;
	input->error = error;
	input->error_offset = input->offset;
	input->hint = hint;
	va_start(args, fmt);
	vsnprintf(input->why, sizeof(input->why), fmt, args);
	va_end(args);
}

/* At least one byte in the buffer: false at the end of the file and after an error. */
static bool fill(struct qemu_input *input)
{
	ssize_t got;

	if (input->error)
		return false;
	if (input->at < input->fill)
		return true;
	got = file_read(input->file, input->buffer, sizeof(input->buffer));
	if (got < 0)
		qemu_input_refuse(input, errno, NULL, "the file cannot be read");
	input->at = 0;
	input->fill = got < 0 ? 0 : got;
	return got > 0;
}

int qemu_input_peek(struct qemu_input *input)
{
	return fill(input) ? input->buffer[input->at] : -1;
}

const uint8_t *qemu_input_piece(struct qemu_input *input, uint64_t most, size_t *length)
{
	const uint8_t *piece;

	if (!fill(input)) {
		qemu_input_refuse(input, ENODATA, "migrate again, the file is incomplete",
				  "the file ends too early");
		return NULL;
	}
	piece = input->buffer + input->at;
	*length = input->fill - input->at;
	if (*length > most)
		*length = most;
	input->at += *length;
	input->offset += *length;
	return piece;
}

void qemu_input_skip(struct qemu_input *input, uint64_t length)
{
	size_t piece;

	for (; length && qemu_input_piece(input, length, &piece); length -= piece)
		;
}

uint64_t qemu_input_number(struct qemu_input *input, unsigned int width)
{
	const uint8_t *byte;
	uint64_t value = 0;
	size_t one;

	while (width--) {
		byte = qemu_input_piece(input, 1, &one);
		if (!byte)
			return 0;
		value = value << 8 | *byte;
	}
	return value;
}

void qemu_input_name(struct qemu_input *input, char name[QEMU_INPUT_NAME])
{
	size_t length = qemu_input_number(input, 1), i;

	for (i = 0; i < length && !input->error; i++) {
		name[i] = qemu_input_number(input, 1);
		if (!input->error && (name[i] < ' ' || name[i] > '~'))
			qemu_input_refuse(input, EPROTO, NULL,
					  "byte %#x in a name, which is not text",
					  (unsigned char)name[i]);
	}
	name[input->error ? 0 : length] = '\0';
}

void qemu_input_drain(struct qemu_input *input)
{
	if (file_size(input->file))
		return;
	while (fill(input))
		input->at = input->fill;
}
