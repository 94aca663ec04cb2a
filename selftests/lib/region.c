// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "must.h"
#include "region.h"

#define CAPS_SIZE	512

static const struct vfio_info_cap_header *next_cap(const void *info, uint32_t offset)
{
	return offset ? (const void *)((const uint8_t *)info + offset) : NULL;
}

static bool is_migration(const void *cap)
{
	const struct vfio_region_info_cap_type *type = cap;

	return type->type == VFIO_REGION_TYPE_MIGRATION_DEPRECATED &&
	       type->subtype == VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED;
}

static void take_areas(struct region *region, const void *cap)
{
	const struct vfio_region_info_cap_sparse_mmap *sparse = cap;

	region->areas = sparse->nr_areas;
	region->area_offset = sparse->areas[0].offset;
	region->area_size = sparse->areas[0].size;
}

static bool examine(struct region *region, uint32_t index)
{
	union {
		struct vfio_region_info info;
		uint8_t space[CAPS_SIZE];
	} buffer = { .info = { .argsz = CAPS_SIZE, .index = index } };
	const struct vfio_info_cap_header *cap;
	bool found = false;
	int error;

	error = device_ioctl(region->device, VFIO_DEVICE_GET_REGION_INFO, &buffer);
	must(error == 0, "asking for region %u, seen %d", index, error);
	for (cap = next_cap(&buffer, buffer.info.cap_offset); cap;
	     cap = next_cap(&buffer, cap->next)) {
		if (cap->id == VFIO_REGION_INFO_CAP_TYPE)
			found = is_migration(cap);
		else if (cap->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			take_areas(region, cap);
	}
	region->index = index;
	region->offset = buffer.info.offset;
	region->size = buffer.info.size;
	return found;
}

bool region_find(struct region *region, struct device *device)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int error = device_ioctl(device, VFIO_DEVICE_GET_INFO, &info);

	must(error == 0, "asking for the device, seen %d", error);
	*region = (struct region) { .device = device };
	for (uint32_t i = VFIO_PCI_NUM_REGIONS; i < info.num_regions; i++) {
		if (examine(region, i))
			return true;
	}
	return false;
}

void region_map(struct region *region)
{
	region->mapping = mmap(NULL, region->area_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			       region->device->vfio.fd,
			       (off_t)(region->offset + region->area_offset));
	must(region->mapping != MAP_FAILED, "mapping the data section, seen %d", errno);
}

void region_unmap(struct region *region)
{
	munmap(region->mapping, region->area_size);
	region->mapping = NULL;
}

static size_t width_of(uint64_t reg)
{
	return reg == REGION_REGISTER(device_state) ? sizeof(uint32_t) : sizeof(uint64_t);
}

int region_get(struct region *region, uint64_t reg, uint64_t *value)
{
	ssize_t done;

	*value = 0;
	done = device_pread(region->device, value, width_of(reg), region->offset + reg);
	return done < 0 ? (int)done : 0;
}

int region_put(struct region *region, uint64_t reg, uint64_t value)
{
	ssize_t done;

	done = device_pwrite(region->device, &value, width_of(reg), region->offset + reg);
	return done < 0 ? (int)done : 0;
}

uint32_t region_state(struct region *region)
{
	uint64_t value;
	int error = region_get(region, REGION_REGISTER(device_state), &value);

	must(error == 0, "reading device_state, seen %d", error);
	return (uint32_t)value;
}

int region_go(struct region *region, uint32_t state)
{
	return region_put(region, REGION_REGISTER(device_state), state);
}

static int copy_data(struct region *region, uint64_t offset, void *data, uint64_t size, bool in)
{
	ssize_t done = (ssize_t)size;

	if (region->mapping && in)
		memcpy(region->mapping + (offset - region->area_offset), data, size);
	else if (region->mapping)
		memcpy(data, region->mapping + (offset - region->area_offset), size);
	else if (in)
		done = device_pwrite(region->device, data, size, region->offset + offset);
	else
		done = device_pread(region->device, data, size, region->offset + offset);
	must(done < 0 || done == (ssize_t)size, "moving %llu bytes, seen %zd",
	     (unsigned long long)size, done);
	return done < 0 ? (int)done : 0;
}

int region_take_data(struct region *region, struct stream *stream)
{
	uint64_t offset, size;
	uint8_t *data;
	int error;

	error = region_get(region, REGION_REGISTER(data_offset), &offset);
	if (!error)
		error = region_get(region, REGION_REGISTER(data_size), &size);
	if (error || !size)
		return error;
	data = malloc(size);
	must(data, "seen no memory");
	error = copy_data(region, offset, data, size, false);
	if (!error)
		stream_append(stream, data, size);
	free(data);
	return error;
}

int region_take(struct region *region, struct stream *stream)
{
	size_t before;
	uint64_t pending;
	int error;

	for (;;) {
		error = region_get(region, REGION_REGISTER(pending_bytes), &pending);
		if (error || !pending)
			return error;
		before = stream->length;
		error = region_take_data(region, stream);
		if (error || stream->length == before)
			return error;
	}
}

int region_give(struct region *region, const struct stream *stream, uint64_t chunk)
{
	uint64_t done, size, offset;
	int error;

	if (!chunk || chunk > region->area_size)
		chunk = region->area_size;
	for (done = 0; done < stream->length; done += size) {
		size = stream->length - done < chunk ? stream->length - done : chunk;
		error = region_get(region, REGION_REGISTER(data_offset), &offset) ?:
			copy_data(region, offset, stream->bytes + done, size, true) ?:
			region_put(region, REGION_REGISTER(data_size), size);
		if (error)
			return error;
	}
	return 0;
}
