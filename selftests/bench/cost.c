// SPDX-License-Identifier: GPL-2.0
/*
 * Small costs: those of the state without the namespace, and of using the device
 * without a guest.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <migration.h>
#include <must.h>
#include "cost.h"
#include "disk.h"

#define ROUNDS		25
#define WRITES		500
#define COMMANDS	1000
#define QUEUE_ENTRIES	64

static void report_control_state(struct disk *disk)
{
	struct device *device = &disk->device;
	uint64_t one, all;
	char size[32];
	int data_fd;

	data_fd = migration_go(device, VFIO_DEVICE_STATE_STOP_COPY);
	one = disk_drain(disk, data_fd, 0);
	close(data_fd);
	migration_go(device, VFIO_DEVICE_STATE_RUNNING);

	for (uint16_t id = 2; id <= NVME_MAX_IO_QUEUES; id++)
		nvme_queue_create(&disk->nvme, id, QUEUE_ENTRIES, -1);
	data_fd = migration_go(device, VFIO_DEVICE_STATE_STOP_COPY);
	all = disk_drain(disk, data_fd, 0);
	close(data_fd);
	migration_go(device, VFIO_DEVICE_STATE_RUNNING);

	snprintf(size, sizeof(size), "%llu B", (unsigned long long)all);
	figure_note("state without namespace", size,
		    "with %d I/O queue pairs; %llu B with one", NVME_MAX_IO_QUEUES,
		    (unsigned long long)one);
}

/* Nanoseconds of one write of a register that changes nothing */
static double register_write(struct nvme *nvme)
{
	uint64_t start = figure_now();

	for (int i = 0; i < WRITES; i++)
		nvme_write32(nvme, NVME_INTMC, 0);
	return (double)(figure_now() - start) / WRITES;
}

static double file_write(int fd)
{
	uint64_t start = figure_now();
	uint32_t value = 0;

	for (int i = 0; i < WRITES; i++)
		must(pwrite(fd, &value, sizeof(value), 0) == sizeof(value), "seen errno %d", errno);
	return (double)(figure_now() - start) / WRITES;
}

static void report_register(struct disk *disk)
{
	double ratios[ROUNDS], device_ns[ROUNDS], file_ns[ROUNDS];
	int fd = memfd_create("bench", MFD_CLOEXEC);

	must(fd >= 0, "seen errno %d", errno);
	for (int i = 0; i < ROUNDS; i++) {
		device_ns[i] = register_write(&disk->nvme);
		file_ns[i] = file_write(fd);
		ratios[i] = device_ns[i] / file_ns[i];
	}
	close(fd);
	figure_ratio("register write / 4-byte write of a memfd",
		     figure_median(ratios, ROUNDS), "", "%.0f / %.0f ns, a pwrite() each",
		     figure_median(device_ns, ROUNDS), figure_median(file_ns, ROUNDS));
}

/* Microseconds from ringing the doorbell to the completion, one command at a time */
static double command(struct disk *disk, uint8_t opcode, unsigned int i)
{
	uint64_t start = figure_now();
	int status = nvme_io(&disk->nvme.io[0], opcode, i % 64 * 8, 8, disk->data);

	must(status == NVME_SUCCESS, "seen %#x", status);
	return (double)(figure_now() - start) / 1000;
}

static void report_command(struct disk *disk)
{
	double times[2][COMMANDS];
	struct figure_stats read, write;
	char value[32];

	for (unsigned int i = 0; i < COMMANDS; i++) {
		times[0][i] = command(disk, NVME_WRITE, i);
		times[1][i] = command(disk, NVME_READ, i);
	}
	write = figure_stats(times[0], COMMANDS);
	read = figure_stats(times[1], COMMANDS);
	snprintf(value, sizeof(value), "%.1f us", read.median);
	figure_note("4 KiB read, QD 1, no guest", value,
		    "polled in user space; half of %d %.1f to %.1f us; write %.1f us, %.1f to %.1f us",
		    COMMANDS, read.low, read.high, write.median, write.low, write.high);
}

void cost_run(void)
{
	struct disk disk;

	disk_create(&disk, DEVICE_TYPE);
	report_control_state(&disk);
	report_register(&disk);
	report_command(&disk);
	disk_remove(&disk);
}
