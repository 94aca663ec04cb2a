// SPDX-License-Identifier: GPL-2.0
/* What counters and places for faults could make slower. hooks.sh compares modules by it. */
#include <stdio.h>
#include <must.h>
#include "disk.h"
#include "hooks.h"

#define ROUNDS		100
#define ACCESSES	2000
#define COMMANDS	50
#define COMMAND_BYTES	(4 << 10)

static double register_writes(struct disk *disk)
{
	uint64_t start = figure_now();

	for (int i = 0; i < ACCESSES; i++)
		nvme_write32(&disk->nvme, NVME_INTMC, 0);
	return (double)(figure_now() - start) / ACCESSES;
}

static double register_reads(struct disk *disk)
{
	uint64_t start = figure_now();

	for (int i = 0; i < ACCESSES; i++)
		nvme_read32(&disk->nvme, NVME_CSTS);
	return (double)(figure_now() - start) / ACCESSES;
}

static double commands(struct disk *disk)
{
	uint64_t start = figure_now();

	for (int i = 0; i < COMMANDS; i++)
		must(nvme_io(&disk->nvme.io[0], NVME_WRITE, 0, COMMAND_BYTES / NVME_BLOCK,
			     disk->data) == NVME_SUCCESS, "a write that failed");
	return (double)(figure_now() - start) / COMMANDS;
}

/* What disturbs only adds: the least is nearest to what it costs. */
static double quick(struct disk *disk, double (*run)(struct disk *disk))
{
	double least = run(disk), ns;

	for (int i = 1; i < ROUNDS; i++) {
		ns = run(disk);
		least = ns < least ? ns : least;
	}
	return least;
}

void hooks_run(void)
{
	struct disk disk;

	disk_create(&disk, "nvme-64M");
	printf("%.1f %.1f %.1f\n", quick(&disk, register_writes), quick(&disk, register_reads),
	       quick(&disk, commands));
	disk_remove(&disk);
}
