// SPDX-License-Identifier: GPL-2.0
/*
 * What is left for the time in which the guest stands still: from leaving
 * PRE_COPY to the end of the stream.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <migration.h>
#include "disk.h"
#include "final.h"

#define SMALL_TYPE	"nvme-64M"
#define LARGE_TYPE	"nvme-16G"
#define SMALL_SIZE	(UINT64_C(64) << 20)
#define LARGE_SIZE	(UINT64_C(16) << 30)
#define PRESENT		(UINT64_C(8) << 20)	/* written before the migration */
#define SPARSE		(UINT64_C(16) << 20)	/* and in the large one a block every so often */
#define ROUNDS		25

#define DIRTY_BLOCKS	512
#define BYTES_BLOCKS	2048
#define BYTES_SLACK	(64 << 10)		/* what the control state may take */

/**
 * struct final - the final phase of a migration
 * @bytes: read in it
 * @quiet_ns: time to PRE_COPY_P2P
 * @stop_ns: from there to STOP_COPY
 * @ns: all of it
 */
struct final {
	uint64_t bytes;
	uint64_t quiet_ns;
	uint64_t stop_ns;
	uint64_t ns;
};

/* Pre-copy until there is no more, dirty @blocks among the first @space bytes, and end it. */
static struct final migrate_away(struct disk *disk, uint64_t space, unsigned int blocks)
{
	uint64_t start, quiet, stopped;
	struct final final;
	int data_fd;

	data_fd = migration_go(&disk->device, VFIO_DEVICE_STATE_PRE_COPY);
	disk_drain(disk, data_fd, -ENOMSG);
	disk_write_random(disk, space, blocks);

	start = figure_now();
	migration_go(&disk->device, VFIO_DEVICE_STATE_PRE_COPY_P2P);
	quiet = figure_now();
	migration_go(&disk->device, VFIO_DEVICE_STATE_STOP_COPY);
	stopped = figure_now();
	final.bytes = disk_drain(disk, data_fd, 0);
	final.ns = figure_now() - start;
	final.quiet_ns = quiet - start;
	final.stop_ns = stopped - quiet;

	close(data_fd);
	migration_go(&disk->device, VFIO_DEVICE_STATE_RUNNING);
	return final;
}

static void report_bytes(struct disk *disk)
{
	const uint64_t dirty = BYTES_BLOCKS * DISK_BLOCK;
	struct final final = migrate_away(disk, SMALL_SIZE, BYTES_BLOCKS);
	char aim[32];

	snprintf(aim, sizeof(aim), "<= %.3f", 1.05 + (double)BYTES_SLACK / (double)dirty);
	figure_ratio("STOP_COPY bytes / bytes dirtied", (double)final.bytes / (double)dirty, aim,
		     "%llu / %llu: %u random 4 KiB blocks after ENOMSG; aim 1.05 + 64 KiB",
		     (unsigned long long)final.bytes, (unsigned long long)dirty, BYTES_BLOCKS);
}

static double milliseconds(const double *ns)
{
	return figure_median(ns, ROUNDS) / 1e6;
}

/* @space: of the large namespace, in which the same number of blocks is dirtied */
static void report_time(const char *name, const char *aim, struct disk *small, struct disk *large,
			uint64_t space)
{
	double ratios[ROUNDS], small_ns[ROUNDS], large_ns[ROUNDS], quiet[ROUNDS], stop[ROUNDS];
	struct figure_stats ratio;

	for (int i = 0; i < ROUNDS; i++) {
		struct final a = migrate_away(small, SMALL_SIZE, DIRTY_BLOCKS);
		struct final b = migrate_away(large, space, DIRTY_BLOCKS);

		small_ns[i] = (double)a.ns;
		large_ns[i] = (double)b.ns;
		quiet[i] = (double)b.quiet_ns;
		stop[i] = (double)b.stop_ns;
		ratios[i] = large_ns[i] / small_ns[i];
	}
	ratio = figure_stats(ratios, ROUNDS);
	figure_ratio(name, ratio.median, aim,
		     "%.2f / %.2f ms (to be quiet %.2f, to stop %.2f); %u blocks dirty, half of %d rounds %.3f to %.3f",
		     milliseconds(large_ns), milliseconds(small_ns), milliseconds(quiet),
		     milliseconds(stop), DIRTY_BLOCKS, ROUNDS, ratio.low, ratio.high);
}

void final_run(void)
{
	struct disk small, large;

	disk_create(&small, SMALL_TYPE);
	disk_create(&large, LARGE_TYPE);
	disk_write(&small, 0, PRESENT);
	disk_write(&large, 0, PRESENT);
	for (uint64_t offset = SPARSE; offset < LARGE_SIZE; offset += SPARSE)
		disk_write(&large, offset, DISK_BLOCK);

	report_bytes(&small);
	report_time("final phase: thin 16 GiB / 64 MiB", "<= 1.2", &small, &large, SMALL_SIZE);
	report_time("the same, dirty all over the 16 GiB", "", &small, &large, LARGE_SIZE);
	disk_remove(&small);
	disk_remove(&large);
}
