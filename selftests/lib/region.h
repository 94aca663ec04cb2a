/* SPDX-License-Identifier: GPL-2.0 */
/* The migration region, as a user of the older protocol finds and drives it. */
#ifndef LIB_REGION_H
#define LIB_REGION_H

#include <stdbool.h>
#include <stdint.h>
#include "device.h"
#include "stream.h"

/* States of the region */
#define REGION_STOP		VFIO_DEVICE_STATE_V1_STOP
#define REGION_RUNNING		VFIO_DEVICE_STATE_V1_RUNNING
#define REGION_STOP_COPY	VFIO_DEVICE_STATE_V1_SAVING
#define REGION_PRE_COPY		(VFIO_DEVICE_STATE_V1_RUNNING | VFIO_DEVICE_STATE_V1_SAVING)
#define REGION_RESUMING		VFIO_DEVICE_STATE_V1_RESUMING
#define REGION_ERROR		(VFIO_DEVICE_STATE_V1_SAVING | VFIO_DEVICE_STATE_V1_RESUMING)

#define REGION_REGISTER(name)	offsetof(struct vfio_device_migration_info, name)

/**
 * struct region - the migration region of a device
 * @device: device
 * @index: of the region
 * @offset: in the device fd
 * @size: bytes
 * @area_offset: of the area that can be mapped, in the region
 * @area_size: bytes
 * @areas: number of such areas
 * @mapping: that area, mapped, or NULL: data goes by read() and write() then
 */
struct region {
	struct device *device;
	uint32_t index;
	uint64_t offset;
	uint64_t size;
	uint64_t area_offset;
	uint64_t area_size;
	uint32_t areas;
	uint8_t *mapping;
};

/** region_find - find the region by its type; false when there is none */
bool region_find(struct region *region, struct device *device);

/** region_map - map the data section; the test fails when that is not possible */
void region_map(struct region *region);
void region_unmap(struct region *region);

/* Registers, at their own width; 0 or a negative errno */
int region_get(struct region *region, uint64_t reg, uint64_t *value);
int region_put(struct region *region, uint64_t reg, uint64_t value);

/** region_state - value of device_state; the test fails when it cannot be read */
uint32_t region_state(struct region *region);

/** region_go - write device_state */
int region_go(struct region *region, uint32_t state);

/** region_take_data - append what data_offset and data_size offer, without saying it was taken */
int region_take_data(struct region *region, struct stream *stream);

/**
 * region_take - append what there is to a stream, as QEMU does: pending_bytes, data_offset,
 *	data_size, data, until nothing is pending or data_size is 0
 *
 * Return: 0 or a negative errno
 */
int region_take(struct region *region, struct stream *stream);

/** region_give - hand over a stream in chunks of at most @chunk bytes, 0 for the most */
int region_give(struct region *region, const struct stream *stream, uint64_t chunk);

#endif /* LIB_REGION_H */
