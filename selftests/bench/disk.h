/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device of its own with a user-space driver, whose namespace is written to,
 * and which is then saved.
 */
#ifndef BENCH_DISK_H
#define BENCH_DISK_H

#include <device.h>
#include <nvme.h>
#include "figure.h"

/** define DISK_BLOCK - what is dirtied in one piece, in bytes */
#define DISK_BLOCK	4096
/** define DISK_BUFFER - bytes that one read() or write() of a data fd moves */
#define DISK_BUFFER	(1024 * 1024)

/**
 * struct disk - a device, open and enabled
 * @device: the device
 * @arena: memory that it reaches
 * @nvme: its driver, with one I/O queue pair
 * @data: what a write writes, of no regular content
 * @buffer: what a data fd is read into
 */
struct disk {
	struct device device;
	struct arena arena;
	struct nvme nvme;
	uint8_t *data;
	uint8_t *buffer;
};

void disk_create(struct disk *disk, const char *type);
void disk_remove(struct disk *disk);

/** disk_write - write @length bytes at @offset, multiples of DISK_BLOCK */
void disk_write(struct disk *disk, uint64_t offset, uint64_t length);

/** disk_write_random - write @count blocks of the first @space bytes, each once, always the same */
void disk_write_random(struct disk *disk, uint64_t space, unsigned int count);

/** disk_drain - read a data fd until it returns @end, 0 or a negative errno; the bytes */
uint64_t disk_drain(struct disk *disk, int data_fd, int end);

#endif /* BENCH_DISK_H */
