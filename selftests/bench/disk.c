// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <migration.h>
#include <must.h>
#include "disk.h"

#define ARENA_SIZE	(4 << 20)
#define COMMAND_MAX	(512 << 10)	/* what Identify allows: MDTS is 7 */
#define QUEUE_ENTRIES	64

void disk_create(struct disk *disk, const char *type)
{
	device_create(&disk->device, type);
	arena_init(&disk->arena, ARENA_IOVA, ARENA_SIZE);
	device_map_arena(&disk->device, &disk->arena);
	nvme_init(&disk->nvme, &disk->device, &disk->arena);
	nvme_start(&disk->nvme, 1, QUEUE_ENTRIES);
	disk->data = arena_alloc(&disk->arena, COMMAND_MAX, ARENA_PAGE);
	for (size_t i = 0; i < COMMAND_MAX; i += 256)
		must(getrandom(disk->data + i, 256, 0) == 256, "seen no random bytes");
	disk->buffer = calloc(1, DISK_BUFFER);
	must(disk->buffer, "seen no memory");
}

void disk_remove(struct disk *disk)
{
	device_remove(&disk->device);
	arena_free(&disk->arena);
	free(disk->buffer);
}

void disk_write(struct disk *disk, uint64_t offset, uint64_t length)
{
	while (length) {
		uint64_t part = length < COMMAND_MAX ? length : COMMAND_MAX;
		int status;

		status = nvme_io(&disk->nvme.io[0], NVME_WRITE, offset / NVME_BLOCK,
				 (uint32_t)(part / NVME_BLOCK), disk->data);
		must(status == NVME_SUCCESS, "writing at %llu, seen %#x",
		     (unsigned long long)offset, status);
		offset += part;
		length -= part;
	}
}

/* Marsaglia's xorshift: every number but 0 comes once */
static uint64_t next_random(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

void disk_write_random(struct disk *disk, uint64_t space, unsigned int count)
{
	uint64_t blocks = space / DISK_BLOCK, random = 88172645463325252;
	uint8_t *written = calloc(blocks, 1);

	must(written && count <= blocks, "seen %u of %llu", count, (unsigned long long)blocks);
	while (count) {
		uint64_t block;

		random = next_random(random);
		block = random % blocks;
		if (written[block])
			continue;
		written[block] = 1;
		disk_write(disk, block * DISK_BLOCK, DISK_BLOCK);
		count--;
	}
	free(written);
}

uint64_t disk_drain(struct disk *disk, int data_fd, int end)
{
	uint64_t bytes = 0;
	ssize_t done;

	while ((done = migration_read(data_fd, disk->buffer, DISK_BUFFER)) > 0)
		bytes += (uint64_t)done;
	must(done == end, "after %llu bytes, seen %zd, not %d", (unsigned long long)bytes, done,
	     end);
	return bytes;
}
