/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opening a VFIO device, by group and type1 container or by character device
 * and iommufd, and its ioctls. Every open() and ioctl() of the tool on such a
 * device goes through here, so that it can be traced (-vv) or left out (-n).
 */
#ifndef VFIOMIG_VFIO_H
#define VFIOMIG_VFIO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "command.h"
#include "out.h"
#include "sysfs.h"
#include "vfio_compat.h"

struct vfio_device;

/**
 * struct vfio_mapping - memory that a device can reach
 * @memory: first byte, at a multiple of the page size
 * @iova: where the device finds it
 * @size: bytes, whole pages
 * @read_only: the device cannot write to it
 */
struct vfio_mapping {
	void *memory;
	uint64_t iova;
	size_t size;
	bool read_only;
};

/**
 * struct vfio_backend - a way to open a device
 * @name: as --backend calls it
 * @usable: the device has what this way needs
 * @open: set fd and whatever else the way needs; reports its errors and leaves
 *	cleaning up to vfio_close()
 * @map: let the device reach memory; 0, or -1 with errno set
 * @unmap: take back what was mapped; likewise
 */
struct vfio_backend {
	const char *name;
	bool (*usable)(const struct sysfs_device *id);
	int (*open)(struct vfio_device *device, const struct vfio_device *peer);
	int (*map)(const struct vfio_device *device, const struct vfio_mapping *mapping);
	int (*unmap)(const struct vfio_device *device, uint64_t iova, size_t size);
};

extern const struct vfio_backend vfio_group_backend;
extern const struct vfio_backend vfio_cdev_backend;

/**
 * struct vfio_device - an open device
 * @argument: what the user called it
 * @id: where it is in /sys
 * @backend: how it was opened
 * @dry: nothing is opened or done, only printed
 * @context: container or iommufd, or -1
 * @ioas: with an iommufd, the address space of the device
 * @group: descriptor of the group, or -1
 * @fd: descriptor of the device
 * @info: VFIO_DEVICE_GET_INFO
 */
struct vfio_device {
	const char *argument;
	struct sysfs_device id;
	const struct vfio_backend *backend;
	bool dry;
	int context;
	uint32_t ioas;
	int group;
	int fd;
	struct vfio_device_info info;
};

#define VFIO_DEVICE_CLOSED	{ .context = -1, .group = -1, .fd = -1 }

/**
 * vfio_open - open the device that @argument names
 * @device: initialised with VFIO_DEVICE_CLOSED
 * @argument: as the user gave it
 * @arguments: for --backend and --dry-run
 * @peer: another open device that may be in the same group, or NULL
 *
 * Reports its errors.
 */
int vfio_open(struct vfio_device *device, const char *argument, const struct arguments *arguments,
	      const struct vfio_device *peer);
void vfio_close(struct vfio_device *device);

/**
 * vfio_map - let the device reach memory; 0, or -1 with errno set
 *
 * It stays reachable until vfio_unmap() or vfio_close().
 */
int vfio_map(const struct vfio_device *device, const struct vfio_mapping *mapping);
int vfio_unmap(const struct vfio_device *device, uint64_t iova, size_t size);

/** vfio_backends_print - add the names of all back ends to the open array */
void vfio_backends_print(void);

/** vfio_open_node - open() a device node; -1 with errno set */
int vfio_open_node(const struct vfio_device *device, const char *path);

/** vfio_ioctl - ioctl(); @fmt says which and with what. In a dry run 0, and @arg is not touched */
OUT_FORMAT(5, 6)
int vfio_ioctl(const struct vfio_device *device, int fd, unsigned long request, void *arg,
	       const char *fmt, ...);

/**
 * vfio_feature - VFIO_DEVICE_FEATURE
 * @device: open device
 * @flags: feature number and what to do with it
 * @data: payload, or NULL
 * @size: bytes of it
 * @fmt: says what is being done
 */
OUT_FORMAT(5, 6)
int vfio_feature(const struct vfio_device *device, uint32_t flags, void *data, size_t size,
		 const char *fmt, ...);

/** vfio_has_feature - VFIO_DEVICE_FEATURE_PROBE of feature @flags (with GET or SET) succeeds */
bool vfio_has_feature(const struct vfio_device *device, uint32_t flags, const char *name);

/** vfio_pread - pread() of the device. In a dry run @size, and @data is not touched */
OUT_FORMAT(5, 6)
ssize_t vfio_pread(const struct vfio_device *device, void *data, size_t size, uint64_t offset,
		   const char *fmt, ...);
OUT_FORMAT(5, 6)
ssize_t vfio_pwrite(const struct vfio_device *device, const void *data, size_t size,
		    uint64_t offset, const char *fmt, ...);

/** vfio_mmap - map a part of the device for reading and writing; NULL when that cannot be */
OUT_FORMAT(4, 5)
void *vfio_mmap(const struct vfio_device *device, size_t size, uint64_t offset,
		const char *fmt, ...);

/** vfio_fail - report errno of an operation on the device */
OUT_FORMAT(3, 4)
int vfio_fail(const struct vfio_device *device, enum status status, const char *fmt, ...);

/** vfio_fail_because - vfio_fail() with a reason; it may be NULL */
OUT_FORMAT(4, 5)
int vfio_fail_because(const struct vfio_device *device, enum status status, const char *reason,
		      const char *fmt, ...);

/**
 * vfio_fail_refused - report errno of an operation in which the device judged a stream
 *
 * Adds the driver's own sentence, where it has one in migration/refusal of its
 * sysfs directory. That file keeps what it said last: ask only where it spoke.
 */
OUT_FORMAT(3, 4)
int vfio_fail_refused(const struct vfio_device *device, enum status status, const char *fmt, ...);

/** vfio_in_use_hint - what to do about a device that somebody else has open */
extern const char vfio_in_use_hint[];

/** vfio_fail_node - report errno of opening @path */
int vfio_fail_node(const struct vfio_device *device, const char *path);

#endif /* VFIOMIG_VFIO_H */
