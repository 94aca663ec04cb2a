/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The older migration protocol (v1): a region of the device with registers at
 * its beginning and a data section, as QEMU up to 7.2 drives it.
 */
#ifndef VFIOMIG_REGION_H
#define VFIOMIG_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "vfio.h"

#define REGION_MAX_AREAS	8

struct migration_ops;

/**
 * struct region_area - a part of the region that can be mapped
 * @offset: in the region
 * @size: bytes
 * @mapping: where it is mapped, or NULL
 */
struct region_area {
	uint64_t offset;
	uint64_t size;
	uint8_t *mapping;
};

/**
 * struct region - migration region of a device
 * @index: of the region
 * @offset: in the descriptor of the device
 * @size: bytes, all within @offset and 2^64
 * @areas: what can be mapped of it
 * @nr_areas: how many are in @areas
 * @at: where in the region the next byte of a piece of data is
 * @width: of accesses to what is not mapped, at most
 */
struct region {
	uint32_t index;
	uint64_t offset;
	uint64_t size;
	struct region_area areas[REGION_MAX_AREAS];
	unsigned int nr_areas;
	uint64_t at;
	size_t width;
};

extern const struct migration_ops region_ops;

/** region_find - find the migration region of @device by its type; false when it has none */
bool region_find(const struct vfio_device *device, struct region *region);

/** region_has_state - it is one of the older protocol, or a number that is no state at all */
bool region_has_state(uint32_t state);

#endif /* VFIOMIG_REGION_H */
