/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bytes of a QEMU migration file, in order. The first error sticks: what is
 * read after it is zero, so callers look at it where it matters to them.
 */
#ifndef VFIOMIG_QEMU_INPUT_H
#define VFIOMIG_QEMU_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include "file.h"
#include "out.h"

/** define QEMU_INPUT_NAME - bytes in a name, and a NUL */
#define QEMU_INPUT_NAME		256

/**
 * struct qemu_input - a migration file under the cursor
 * @file: where bytes come from
 * @offset: of the next byte
 * @at: of the next byte, in @buffer
 * @fill: bytes in @buffer
 * @error: errno of the first error, or 0
 * @error_offset: where that was
 * @why: what it was, in words
 * @hint: what to do, or NULL
 * @buffer: read ahead
 */
struct qemu_input {
	struct file *file;
	uint64_t offset;
	size_t at;
	size_t fill;
	int error;
	uint64_t error_offset;
	char why[384];
	const char *hint;
	uint8_t buffer[64 << 10];
};

/** qemu_input_init - begin with @length bytes at @head that were read from @file already */
void qemu_input_init(struct qemu_input *input, struct file *file, const void *head, size_t length);

/** qemu_input_refuse - the file cannot be read on; the first call counts */
OUT_FORMAT(4, 5) void qemu_input_refuse(struct qemu_input *input, int error, const char *hint,
					const char *fmt, ...);

/** qemu_input_peek - the next byte, or -1 at the end of the file */
int qemu_input_peek(struct qemu_input *input);

/**
 * qemu_input_piece - take bytes without copying them
 * @most: bytes at most, more than 0
 * @length: how many they are, at least 1
 *
 * Return: the bytes, valid until the next call. NULL after an error, of which
 * the end of the file is one.
 */
const uint8_t *qemu_input_piece(struct qemu_input *input, uint64_t most, size_t *length);

/** qemu_input_skip - pass over @length bytes */
void qemu_input_skip(struct qemu_input *input, uint64_t length);

/** qemu_input_number - a big-endian number of @width bytes */
uint64_t qemu_input_number(struct qemu_input *input, unsigned int width);

/** qemu_input_name - a name that one byte says the length of; refused when it is no text */
void qemu_input_name(struct qemu_input *input, char name[QEMU_INPUT_NAME]);

/** qemu_input_drain - read a pipe empty, so that who writes to it is not killed by it */
void qemu_input_drain(struct qemu_input *input);

#endif /* VFIOMIG_QEMU_INPUT_H */
