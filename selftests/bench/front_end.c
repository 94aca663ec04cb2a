// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to save and load a device by the older protocol: 64 MiB through
 * the mapped data section of the migration region, in turns with the same
 * through the data fd, of the same devices.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <migration.h>
#include <must.h>
#include <region.h>
#include "disk.h"
#include "front_end.h"

#define ROUNDS	5

/**
 * struct figures - nanoseconds of each round
 * @feature: by the data fd
 * @region: by the region
 */
struct figures {
	double feature[ROUNDS];
	double region[ROUNDS];
};

static uint64_t get(struct region *region, uint64_t reg)
{
	uint64_t value;
	int error = region_get(region, reg, &value);

	must(error == 0, "reading register %llu, seen %d", (unsigned long long)reg, error);
	return value;
}

static void put(struct region *region, uint64_t reg, uint64_t value)
{
	int error = region_put(region, reg, value);

	must(error == 0, "writing register %llu, seen %d", (unsigned long long)reg, error);
}

/* The state changes count: that to STOP_COPY has something to do, in either protocol. */
static double save_by_feature(struct device *device, uint8_t *to, size_t room, size_t *length)
{
	uint64_t start = figure_now();
	int data_fd = migration_go(device, STOP_COPY);
	ssize_t done = -ENOSPC;

	for (*length = 0; *length + DISK_BUFFER <= room; *length += (size_t)done) {
		done = migration_read(data_fd, to + *length, DISK_BUFFER);
		if (done <= 0)
			break;
	}
	must(done == 0, "after %zu bytes, seen %zd", *length, done);
	migration_go(device, STOP);
	close(data_fd);
	return (double)(figure_now() - start);
}

static double save_by_region(struct region *region, uint8_t *to, size_t room, size_t *length)
{
	uint64_t start = figure_now(), offset, size;

	put(region, REGION_REGISTER(device_state), REGION_STOP_COPY);
	for (*length = 0; get(region, REGION_REGISTER(pending_bytes)); *length += size) {
		offset = get(region, REGION_REGISTER(data_offset));
		size = get(region, REGION_REGISTER(data_size));
		must(size <= room - *length, "after %zu bytes, seen %llu more", *length,
		     (unsigned long long)size);
		memcpy(to + *length, region->mapping + (offset - region->area_offset), size);
	}
	put(region, REGION_REGISTER(device_state), REGION_STOP);
	return (double)(figure_now() - start);
}

static double load_by_feature(struct device *device, const uint8_t *from, size_t length)
{
	uint64_t start = figure_now();
	int data_fd = migration_go(device, RESUMING);
	size_t done, part;

	for (done = 0; done < length; done += part) {
		part = length - done < DISK_BUFFER ? length - done : DISK_BUFFER;
		must(migration_write(data_fd, from + done, part) == (ssize_t)part,
		     "writing at %zu", done);
	}
	migration_go(device, STOP);
	close(data_fd);
	return (double)(figure_now() - start);
}

static double load_by_region(struct region *region, const uint8_t *from, size_t length)
{
	uint64_t start = figure_now(), offset;
	size_t done, part;

	put(region, REGION_REGISTER(device_state), REGION_RESUMING);
	for (done = 0; done < length; done += part) {
		offset = get(region, REGION_REGISTER(data_offset));
		part = length - done < region->area_size ? length - done : region->area_size;
		memcpy(region->mapping + (offset - region->area_offset), from + done, part);
		put(region, REGION_REGISTER(data_size), part);
	}
	put(region, REGION_REGISTER(device_state), REGION_STOP);
	return (double)(figure_now() - start);
}

static void report(const char *name, const struct figures *figures)
{
	struct figure_stats ratio;
	double ratios[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++)
		ratios[i] = figures->region[i] / figures->feature[i];
	ratio = figure_stats(ratios, ROUNDS);
	figure_ratio(name, ratio.median, "<= 2.0",
		     "%.0f / %.0f ms; 64 MiB, half of %d %.3f to %.3f",
		     figure_median(figures->region, ROUNDS) / 1e6,
		     figure_median(figures->feature, ROUNDS) / 1e6, ROUNDS, ratio.low, ratio.high);
}

static void map_region(struct region *region, struct device *device)
{
	must(region_find(region, device), "seen no migration region");
	region_map(region);
}

void front_end_run(void)
{
	static struct figures save, load;
	const size_t room = DEVICE_SIZE + (16 << 20);
	struct region from, to;
	struct device destination;
	struct disk source;
	uint8_t *stream;
	size_t length;

	disk_create(&source, DEVICE_TYPE);
	disk_write(&source, 0, DEVICE_SIZE);
	device_create(&destination, DEVICE_TYPE);
	map_region(&from, &source.device);
	map_region(&to, &destination);
	stream = malloc(room);
	must(stream, "seen no memory");
	memset(stream, 0, room);

	for (unsigned int i = 0; i < ROUNDS; i++) {
		save.feature[i] = save_by_feature(&source.device, stream, room, &length);
		load.feature[i] = load_by_feature(&destination, stream, length);
		save.region[i] = save_by_region(&from, stream, room, &length);
		load.region[i] = load_by_region(&to, stream, length);
	}
	report("region: save / data fd", &save);
	report("region: load / data fd", &load);

	free(stream);
	region_unmap(&from);
	region_unmap(&to);
	device_remove(&destination);
	disk_remove(&source);
}
