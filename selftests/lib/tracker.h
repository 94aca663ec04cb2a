/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which pages of an arena the device wrote, as a VMM learns it: from the type1
 * container, or from the device's own log.
 */
#ifndef LIB_TRACKER_H
#define LIB_TRACKER_H

#include <stdbool.h>
#include <stdint.h>
#include "arena.h"
#include "device.h"

/**
 * struct tracker - who knows which pages were written
 * @offered: it is there for this device
 * @start: begin; 0 or -errno
 * @take: the pages of the arena that were written since the last call, a bit each, in
 *	@bitmap, which the caller has cleared; 0 or -errno
 * @stop: end; 0 or -errno
 */
struct tracker {
	bool (*offered)(struct device *device);
	int (*start)(struct device *device, const struct arena *arena);
	int (*take)(struct device *device, const struct arena *arena, uint64_t *bitmap);
	int (*stop)(struct device *device);
};

/** tracker_type1 - VFIO_IOMMU_DIRTY_PAGES of the container */
extern const struct tracker tracker_type1;

/** tracker_log - the features DMA_LOGGING_START, _REPORT and _STOP of the device */
extern const struct tracker tracker_log;

/** tracker_log_start - log these ranges of addresses; 0 or -errno */
int tracker_log_start(struct device *device,
		      const struct vfio_device_feature_dma_logging_range *ranges, uint32_t count);

/** tracker_log_report - add the pages written in a range to @bitmap; 0 or -errno */
int tracker_log_report(struct device *device, uint64_t iova, uint64_t length, uint64_t *bitmap);

#endif /* LIB_TRACKER_H */
