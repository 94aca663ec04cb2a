// SPDX-License-Identifier: GPL-2.0
/*
 * How fast a device is saved and loaded, against a file in memory.
 *
 * Four legs take turns with one buffer, a buffer each time: what comes out of the
 * device that is saved goes into the one that is loaded, what comes out of one
 * file goes into another. Whatever else the machine does slows all of them.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include <migration.h>
#include <must.h>
#include "disk.h"
#include "transfer.h"

#define TYPE	"nvme-1G"
#define SIZE	(UINT64_C(1) << 30)
#define ROUNDS	3

enum { SAVE, READ_FILE, LOAD, WRITE_FILE, LEGS };

/**
 * struct leg - one of four ways to move bytes
 * @fd: where from or to
 * @bytes: moved
 * @calls: system calls that did it
 * @ns: time that these took
 */
struct leg {
	int fd;
	uint64_t bytes;
	uint64_t calls;
	uint64_t ns;
};

static void account(struct leg *leg, uint64_t start, ssize_t done)
{
	leg->ns += figure_now() - start;
	leg->calls++;
	must(done >= 0, "reading or writing after %llu bytes, seen %zd",
	     (unsigned long long)leg->bytes, done);
	leg->bytes += (uint64_t)done;
}

static size_t leg_read(struct leg *leg, void *buffer)
{
	uint64_t start = figure_now();
	ssize_t done = migration_read(leg->fd, buffer, DISK_BUFFER);

	account(leg, start, done);
	return (size_t)done;
}

static void leg_write(struct leg *leg, const void *buffer, size_t length)
{
	uint64_t start = figure_now();
	ssize_t done = migration_write(leg->fd, buffer, length);

	account(leg, start, done);
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
	return fd;
}

/* The destination is new each time: to take memory is part of loading, as it is of writing. */
static void one_round(struct disk *source, int file, struct leg *legs)
{
	struct device destination;

	device_create(&destination, TYPE);
	legs[SAVE] = (struct leg) {
		.fd = migration_go(&source->device, VFIO_DEVICE_STATE_STOP_COPY)
	};
	legs[LOAD] = (struct leg) {
		.fd = migration_go(&destination, VFIO_DEVICE_STATE_RESUMING)
	};
	legs[READ_FILE] = (struct leg) { .fd = file };
	legs[WRITE_FILE] = (struct leg) { .fd = new_file() };
	must(lseek(file, 0, SEEK_SET) == 0, "seen errno %d", errno);

	move_all(legs, source->buffer);
	must(legs[READ_FILE].bytes == SIZE && legs[SAVE].bytes > SIZE, "seen %llu and %llu",
	     (unsigned long long)legs[READ_FILE].bytes, (unsigned long long)legs[SAVE].bytes);

	migration_go(&destination, VFIO_DEVICE_STATE_STOP);
	migration_go(&source->device, VFIO_DEVICE_STATE_RUNNING);
	close(legs[SAVE].fd);
	close(legs[LOAD].fd);
	close(legs[WRITE_FILE].fd);
	device_remove(&destination);
}

static double leg_rate(const struct leg *leg)
{
	return figure_rate(leg->bytes, leg->ns);
}

static void report(const char *name, const char *aim, struct leg (*rounds)[LEGS], int device,
		   int file)
{
	double ratios[ROUNDS], device_rates[ROUNDS], file_rates[ROUNDS];
	struct figure_stats ratio;

	for (int i = 0; i < ROUNDS; i++) {
		device_rates[i] = leg_rate(&rounds[i][device]);
		file_rates[i] = leg_rate(&rounds[i][file]);
		ratios[i] = device_rates[i] / file_rates[i];
	}
	ratio = figure_stats(ratios, ROUNDS);
	figure_ratio(name, ratio.median, aim,
		     "%.0f / %.0f MiB/s; 1 GiB written, %llu calls of 1 MiB, %d rounds: %.3f to %.3f",
		     figure_stats(device_rates, ROUNDS).median,
		     figure_stats(file_rates, ROUNDS).median,
		     (unsigned long long)rounds[0][device].calls, ROUNDS, ratio.least, ratio.most);
}

void transfer_run(void)
{
	struct leg rounds[ROUNDS][LEGS];
	struct disk source;
	int file;

	disk_create(&source, TYPE);
	disk_write(&source, 0, SIZE);
	file = full_file(source.data);
	for (int i = 0; i < ROUNDS; i++)
		one_round(&source, file, rounds[i]);
	close(file);
	disk_remove(&source);

	report("data fd: save / read of a memfd", ">= 0.8", rounds, SAVE, READ_FILE);
	report("data fd: load / write of a memfd", ">= 0.7", rounds, LOAD, WRITE_FILE);
}
