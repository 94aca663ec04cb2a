// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include "migration.h"
#include "tracker.h"

#define LOG_START	(VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START)
#define LOG_STOP	(VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP)
#define LOG_REPORT	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT)

static bool has_container(struct device *device)
{
	return device->vfio.group >= 0;
}

static int switch_type1(struct device *device, uint32_t flags)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = { .argsz = sizeof(dirty), .flags = flags };

	return ioctl(device->vfio.context, VFIO_IOMMU_DIRTY_PAGES, &dirty) ? -errno : 0;
}

static int start_type1(struct device *device, const struct arena *arena)
{
	return switch_type1(device, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
}

static int stop_type1(struct device *device)
{
	return switch_type1(device, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
}

static int take_type1(struct device *device, const struct arena *arena, uint64_t *bitmap)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} request = {
		.dirty = {
			.argsz = sizeof(request),
			.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		},
		.get = {
			.iova = arena->iova,
			.size = arena->size,
			.bitmap = {
				.pgsize = ARENA_PAGE,
				.size = arena->size / ARENA_PAGE / 8,
				.data = (void *)bitmap,
			},
		},
	};

	return ioctl(device->vfio.context, VFIO_IOMMU_DIRTY_PAGES, &request) ? -errno : 0;
}

const struct tracker tracker_type1 = {
	.offered = has_container,
	.start	 = start_type1,
	.take	 = take_type1,
	.stop	 = stop_type1,
};

static bool has_log(struct device *device)
{
	return !migration_feature(device, VFIO_DEVICE_FEATURE_PROBE | LOG_START, NULL, 0);
}

int tracker_log_start(struct device *device,
		      const struct vfio_device_feature_dma_logging_range *ranges, uint32_t count)
{
	struct vfio_device_feature_dma_logging_control control = {
		.page_size = ARENA_PAGE, .num_ranges = count, .ranges = (uintptr_t)ranges,
	};

	return migration_feature(device, LOG_START, &control, sizeof(control));
}

int tracker_log_report(struct device *device, uint64_t iova, uint64_t length, uint64_t *bitmap)
{
	struct vfio_device_feature_dma_logging_report report = {
		.iova = iova, .length = length, .page_size = ARENA_PAGE,
		.bitmap = (uintptr_t)bitmap,
	};

	return migration_feature(device, LOG_REPORT, &report, sizeof(report));
}

static int start_log(struct device *device, const struct arena *arena)
{
	const struct vfio_device_feature_dma_logging_range range = {
		.iova = arena->iova, .length = arena->size,
	};

	return tracker_log_start(device, &range, 1);
}

static int take_log(struct device *device, const struct arena *arena, uint64_t *bitmap)
{
	return tracker_log_report(device, arena->iova, arena->size, bitmap);
}

static int stop_log(struct device *device)
{
	return migration_feature(device, LOG_STOP, NULL, 0);
}

const struct tracker tracker_log = {
	.offered = has_log,
	.start	 = start_log,
	.take	 = take_log,
	.stop	 = stop_log,
};
