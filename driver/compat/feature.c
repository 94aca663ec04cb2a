// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_FEATURE for what newer kernels answer in the core.
 */
#include <linux/cleanup.h>
#include <linux/uaccess.h>
#include "../mdevsim.h"
#include "feature.h"

static int data_size(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz)
{
	struct vfio_device_feature_mig_data_size size = {};
	unsigned long length;
	int ret;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET, sizeof(size));
	if (ret != 1)
		return ret;
	ret = mdevsim_migration_data_size(vdev, &length);
	if (ret)
		return ret;
	size.stop_copy_length = length;
	return copy_to_user(arg, &size, sizeof(size)) ? -EFAULT : 0;
}

static int precopy_info_v2(struct vfio_device *vdev, u32 flags, size_t argsz)
{
	struct mdevsim_device *device = vdev_to_mdevsim(vdev);
	int ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_SET, 0);

	if (ret != 1)
		return ret;
	guard(mutex)(&device->lifecycle);
	device->migration.precopy_info_v2 = true;
	return 0;
}

int mdevsim_compat_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz)
{
	switch (flags & VFIO_DEVICE_FEATURE_MASK) {
	case VFIO_DEVICE_FEATURE_MIG_DATA_SIZE:
		return data_size(vdev, flags, arg, argsz);
	case VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2:
		return precopy_info_v2(vdev, flags, argsz);
	}
	return -ENOTTY;
}
