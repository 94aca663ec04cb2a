/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_REGION_H
#define MDEVSIM_REGION_H

#include <linux/types.h>

struct vfio_device;
struct vfio_info_cap;
struct vfio_region_info;
struct vm_area_struct;

/**
 * mdevsim_region_read - read(2) and pread(2) on the device fd
 *
 * Return: bytes read; -EINVAL for a range that is not inside one region; -EFAULT
 */
ssize_t mdevsim_region_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos);

/** mdevsim_region_write - write(2) and pwrite(2) on the device fd; as mdevsim_region_read() */
ssize_t mdevsim_region_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			     loff_t *ppos);

/** mdevsim_region_mmap - mmap(2) of the device fd; -EINVAL for what cannot be mapped */
int mdevsim_region_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);

/** mdevsim_region_info - VFIO_DEVICE_GET_REGION_INFO; -EINVAL past the last region */
int mdevsim_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			struct vfio_info_cap *caps);

#endif /* MDEVSIM_REGION_H */
