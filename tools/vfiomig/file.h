/* SPDX-License-Identifier: GPL-2.0 */
/* Files that hold device state; "-" is standard input or output. */
#ifndef VFIOMIG_FILE_H
#define VFIOMIG_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct file - an open file
 * @name: for messages
 * @fd: descriptor, -1 when closed
 * @target: where a finished output is to be, or NULL
 * @temporary: where it is until then, or NULL
 * @bytes: read or written
 */
struct file {
	const char *name;
	int fd;
	const char *target;
	char *temporary;
	uint64_t bytes;
};

#define FILE_CLOSED	{ .fd = -1 }

/** file_open_input - open @name for reading; reports its errors */
int file_open_input(struct file *file, const char *name);

/**
 * file_open_output - open @name for writing; reports its errors
 *
 * A regular file is written under another name and appears with file_keep()
 * only, so that a failure leaves what was there before. Never a terminal.
 */
int file_open_output(struct file *file, const char *name);

/** file_keep - the output is complete; reports its errors */
int file_keep(struct file *file);

/** file_close - close; what was not kept is removed */
void file_close(struct file *file);

/** file_read - up to @size bytes, fewer only at the end of the file; -1 with errno set */
ssize_t file_read(struct file *file, void *data, size_t size);

/** file_write - all of @data; reports its errors */
int file_write(struct file *file, const void *data, size_t size);

/** file_size - of a regular file, else 0 */
uint64_t file_size(const struct file *file);

/** file_fail - report errno of an operation on the file */
int file_fail(const struct file *file, const char *what);

#endif /* VFIOMIG_FILE_H */
