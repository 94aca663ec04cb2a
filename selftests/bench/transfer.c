// SPDX-License-Identifier: GPL-2.0
/*
 * How fast a device is saved and loaded, against a file in memory.
 *
 * Four legs take turns, a buffer each time, with one and the same buffer: what
 * comes out of the device that is saved goes into the one that is loaded, what
 * comes out of one file goes into another. Whatever else the machine does slows
 * all of them. Each turn is a repetition.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include <migration.h>
#include <must.h>
#include "disk.h"
#include "transfer.h"

#define TYPE		"nvme-1G"
#define SIZE		(UINT64_C(1) << 30)
#define TURNS		(SIZE / DISK_BUFFER)

enum { SAVE, LOAD, READ_FILE, WRITE_FILE, LEGS };

/**
 * struct leg - one of four ways to move bytes
 * @fd: where from or to
 * @calls: system calls that did it
 * @rates: MiB/s of each turn
 */
struct leg {
	int fd;
	unsigned int calls;
	double rates[TURNS];
};

/* The stream is a little longer than the file: what is left over does not count. */
static void account(struct leg *leg, uint64_t ns, ssize_t done)
{
	must(done >= 0, "reading or writing in turn %u, seen %zd", leg->calls, done);
	if (leg->calls < TURNS)
		leg->rates[leg->calls] = figure_rate((uint64_t)done, ns);
	leg->calls++;
}

static size_t leg_read(struct leg *leg, void *buffer)
{
	uint64_t start = figure_now();
	ssize_t done = migration_read(leg->fd, buffer, DISK_BUFFER);

	account(leg, figure_now() - start, done);
	return (size_t)done;
}

static void leg_write(struct leg *leg, const void *buffer, size_t length)
{
	uint64_t start = figure_now();
	ssize_t done = migration_write(leg->fd, buffer, length);

	account(leg, figure_now() - start, done);
	must(done == (ssize_t)length, "writing %zu bytes, seen %zd", length, done);
}

static bool move(struct leg *from, struct leg *to, void *buffer)
{
	size_t length = leg_read(from, buffer);

	if (length)
		leg_write(to, buffer, length);
	return length;
}

static void move_all(struct leg *legs, void *buffer)
{
	bool device = true, file = true;

	while (device || file) {
		device = device && move(&legs[SAVE], &legs[LOAD], buffer);
		file = file && move(&legs[READ_FILE], &legs[WRITE_FILE], buffer);
	}
}

static int new_file(void)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	must(fd >= 0, "seen errno %d", errno);
	return fd;
}

static int full_file(const void *data)
{
	int fd = new_file();

	for (uint64_t done = 0; done < SIZE; done += DISK_BUFFER)
		must(write(fd, data, DISK_BUFFER) == DISK_BUFFER, "seen errno %d", errno);
	must(lseek(fd, 0, SEEK_SET) == 0, "seen errno %d", errno);
	return fd;
}

static void report(const char *name, const char *aim, const struct leg *device,
		   const struct leg *file)
{
	struct figure_stats ratio;
	double ratios[TURNS];

	for (unsigned int i = 0; i < TURNS; i++)
		ratios[i] = device->rates[i] / file->rates[i];
	ratio = figure_stats(ratios, TURNS);
	figure_ratio(name, ratio.median, aim,
		     "%.0f / %.0f MiB/s; 1 GiB in %u calls of 1 MiB, half of them %.3f to %.3f",
		     figure_median(device->rates, TURNS), figure_median(file->rates, TURNS),
		     device->calls, ratio.low, ratio.high);
}

/* Destination and file are empty at first: taking memory is part of loading, as of writing. */
void transfer_run(void)
{
	static struct leg legs[LEGS];
	struct device destination;
	struct disk source;

	disk_create(&source, TYPE);
	disk_write(&source, 0, SIZE);
	device_create(&destination, TYPE);
	legs[SAVE].fd = migration_go(&source.device, VFIO_DEVICE_STATE_STOP_COPY);
	legs[LOAD].fd = migration_go(&destination, VFIO_DEVICE_STATE_RESUMING);
	legs[READ_FILE].fd = full_file(source.buffer);
	legs[WRITE_FILE].fd = new_file();

	move_all(legs, source.buffer);
	migration_go(&destination, VFIO_DEVICE_STATE_STOP);
	report("data fd: save / read of a memfd", ">= 0.8", &legs[SAVE], &legs[READ_FILE]);
	report("data fd: load / write of a memfd", ">= 0.7", &legs[LOAD], &legs[WRITE_FILE]);

	for (unsigned int i = 0; i < LEGS; i++)
		close(legs[i].fd);
	device_remove(&destination);
	disk_remove(&source);
}
