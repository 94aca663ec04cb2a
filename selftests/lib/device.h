/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A simulated device opened through VFIO: memory mapping, regions,
 * configuration space, interrupts. The opening itself is vfiomig's.
 */
#ifndef LIB_DEVICE_H
#define LIB_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/vfio.h>
#include <vfio.h>
#include "arena.h"
#include "mdev.h"

/**
 * struct device - a device that is open
 * @mdev: which
 * @vfio: vfiomig's handle
 */
struct device {
	struct mdev mdev;
	struct vfio_device vfio;
};

#define DEVICE_TYPE	"nvme-64M"
#define DEVICE_SIZE	(UINT64_C(64) << 20)

/**
 * device_open - open an existing mediated device; 0 or -EIO, and it is said why
 *
 * By its group, in a type1 container, or by the back end of vfiomig that BACKEND in the
 * environment names.
 */
int device_open(struct device *device, const struct mdev *mdev);

/** device_create - make up an mdev of a type and open it; the test fails when that does not work */
void device_create(struct device *device, const char *type);

/** device_close - close it, the mdev stays */
void device_close(struct device *device);

/** device_remove - close it and remove the mdev; the test fails when that does not work */
void device_remove(struct device *device);

/** device_map - let the device reach memory; 0 or -errno */
int device_map(struct device *device, void *memory, uint64_t iova, size_t size);
int device_map_read_only(struct device *device, void *memory, uint64_t iova, size_t size);
int device_unmap(struct device *device, uint64_t iova, size_t size);

/** device_map_arena - device_map() of a whole arena; the test fails when it does not work */
void device_map_arena(struct device *device, const struct arena *arena);

/** device_reset - VFIO_DEVICE_RESET; 0 or -errno */
int device_reset(struct device *device);

/** device_ioctl - any ioctl on the device fd; its result or -errno */
int device_ioctl(struct device *device, unsigned long request, void *arg);

/** device_region - VFIO_DEVICE_GET_REGION_INFO; 0 or -errno */
int device_region(struct device *device, uint32_t index, struct vfio_region_info *info);

/** device_pread - read the device fd at an offset as it is; bytes or -errno */
ssize_t device_pread(struct device *device, void *data, size_t length, uint64_t offset);
ssize_t device_pwrite(struct device *device, const void *data, size_t length, uint64_t offset);

/** device_read - read a region; bytes or -errno */
ssize_t device_read(struct device *device, uint32_t region, uint64_t offset, void *data,
		    size_t length);
ssize_t device_write(struct device *device, uint32_t region, uint64_t offset, const void *data,
		     size_t length);

/** device_read_must - as device_read(); the test fails unless it transfers everything */
void device_read_must(struct device *device, uint32_t region, uint64_t offset, void *data,
		      size_t length);
void device_write_must(struct device *device, uint32_t region, uint64_t offset, const void *data,
		       size_t length);

/* Configuration space; the test fails when an access does */
uint8_t device_config8(struct device *device, uint32_t offset);
uint16_t device_config16(struct device *device, uint32_t offset);
uint32_t device_config32(struct device *device, uint32_t offset);
void device_set_config8(struct device *device, uint32_t offset, uint8_t value);
void device_set_config16(struct device *device, uint32_t offset, uint16_t value);
void device_set_config32(struct device *device, uint32_t offset, uint32_t value);

/** device_capability - offset of a capability in configuration space, or 0 */
uint8_t device_capability(struct device *device, uint8_t id);

/** device_bus_master - switch bus mastering (and memory decoding) */
void device_bus_master(struct device *device, bool on);

/** device_set_irqs - VFIO_DEVICE_SET_IRQS with @size bytes of @data; 0 or -errno */
int device_set_irqs(struct device *device, uint32_t flags, uint32_t index, uint32_t start,
		    uint32_t count, const void *data, size_t size);

/** device_eventfd - attach a new eventfd to one interrupt; the fd. The test fails without. */
int device_eventfd(struct device *device, uint32_t index, uint32_t start);

/** device_msix - attach new eventfds to vectors 0 to @count - 1 at once, and switch MSI-X on */
void device_msix(struct device *device, int *eventfds, uint32_t count);

/** device_irq_off - detach all eventfds of an interrupt index; 0 or -errno */
int device_irq_off(struct device *device, uint32_t index);

/** device_signalled - wait at most @ms for an eventfd and clear it; its count, or 0 */
uint64_t device_signalled(int eventfd, int ms);

#endif /* LIB_DEVICE_H */
