/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State of VFIO devices inside a QEMU migration file.
 *
 * Such a file is a list of sections. Those of memory and of VFIO devices come
 * in parts that interleave, none has a length, so the file is walked from its
 * first byte, once, forwards: a pipe will do. Whatever VFIO device wrote the
 * state, it is handed out as the device's driver wrote it.
 */
#ifndef VFIOMIG_QEMU_FILE_H
#define VFIOMIG_QEMU_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "file.h"

/** define QEMU_FILE_MAGIC - what such a file begins with */
#define QEMU_FILE_MAGIC		"QEVM"
#define QEMU_FILE_MAGIC_SIZE	4

/** define QEMU_FILE_NAME - bytes in a device's name, and a NUL */
#define QEMU_FILE_NAME		272
/** define QEMU_FILE_HEAD - first bytes of a device's state that are kept */
#define QEMU_FILE_HEAD		16

/**
 * struct qemu_device - a VFIO device in a migration file
 * @name: of its section: QEMU's path of the device and "/vfio"; "#" and a
 *	number when there are several of that name
 * @precopy_bytes: of state sent while the guest ran, as far as the walk got
 * @stopped_bytes: of state sent after that, as far as the walk got
 * @head: first bytes of the state, as far as the walk got
 * @head_length: how many of them there are
 * @ended: its last section has been seen
 */
struct qemu_device {
	char name[QEMU_FILE_NAME];
	uint64_t precopy_bytes;
	uint64_t stopped_bytes;
	uint8_t head[QEMU_FILE_HEAD];
	size_t head_length;
	bool ended;
};

/** qemu_device_complete - is the state of when the guest stood still there, too */
static inline bool qemu_device_complete(const struct qemu_device *device)
{
	return device->ended && device->stopped_bytes;
}

struct qemu_file;

/**
 * qemu_file_open - begin to walk a migration file
 * @file: open for reading; stays the caller's, and open for as long as the walk
 * @head: what was read from @file already, to see what it is; NULL for nothing
 * @length: bytes at @head, at most 4096
 *
 * Return: the walk, to be ended with qemu_file_close(). What is wrong with
 * the file shows in the calls that follow.
 */
struct qemu_file *qemu_file_open(struct file *file, const void *head, size_t length);

/** qemu_file_close - end the walk; NULL does nothing */
void qemu_file_close(struct qemu_file *qemu);

/**
 * qemu_file_select - choose the device whose state qemu_file_read() gives
 * @qemu: the walk, before the first qemu_file_read()
 * @name: of the device, with or without "/vfio"; NULL for the only one
 *
 * Return: &enum status; reports its errors, listing the devices there are.
 */
int qemu_file_select(struct qemu_file *qemu, const char *name);

/** qemu_file_selected - the device that was chosen, or NULL */
const struct qemu_device *qemu_file_selected(const struct qemu_file *qemu);

/**
 * qemu_file_read - state of the device that was chosen, as its driver wrote it
 * @qemu: the walk
 * @data: where to put it
 * @size: bytes wanted
 *
 * Return: bytes put, fewer than @size only at the end of the state. -1 with
 * errno set when the file cannot be walked further: qemu_file_fail() says why.
 */
ssize_t qemu_file_read(struct qemu_file *qemu, void *data, size_t size);

/**
 * qemu_file_next - state of whichever device comes next, instead of select and read
 * @qemu: the walk
 * @data: where to put it
 * @size: bytes wanted, more than 0
 * @device: whose it is
 *
 * Return: bytes put; 0 when the state of all devices is through, and complete. -1 with errno
 * set when the file cannot be walked further: qemu_file_fail() says why.
 */
ssize_t qemu_file_next(struct qemu_file *qemu, void *data, size_t size,
		       const struct qemu_device **device);

/**
 * qemu_file_walk - walk to the end of device state, whichever devices there are
 *
 * Return: &enum status; reports its errors.
 */
int qemu_file_walk(struct qemu_file *qemu);

/** qemu_file_device - the @index-th device seen so far, or NULL */
const struct qemu_device *qemu_file_device(const struct qemu_file *qemu, unsigned int index);

/** qemu_file_fail - report why the walk ended; returns &enum status */
int qemu_file_fail(const struct qemu_file *qemu);

#endif /* VFIOMIG_QEMU_FILE_H */
