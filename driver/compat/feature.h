/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_COMPAT_FEATURE_H
#define MDEVSIM_COMPAT_FEATURE_H

#include <linux/types.h>

struct vfio_device;

/**
 * mdevsim_compat_feature - the device_feature operation
 *
 * All that it answers a new enough core answers before it comes to this.
 */
int mdevsim_compat_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz);

#endif /* MDEVSIM_COMPAT_FEATURE_H */
