// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_GET_REGION_INFO for kernels whose core leaves it to the driver.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

/* Capabilities follow the structure when there is room, else only the size needed is told. */
static int put_caps(void __user *arg, struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	if (!caps->size)
		return 0;
	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < sizeof(*info) + caps->size) {
		info->argsz = sizeof(*info) + caps->size;
		info->cap_offset = 0;
		return 0;
	}
	vfio_info_cap_shift(caps, sizeof(*info));
	info->cap_offset = sizeof(*info);
	if (copy_to_user(arg + sizeof(*info), caps->buf, caps->size))
		return -EFAULT;
	return 0;
}

long mdevsim_compat_region_info(struct vfio_device *vdev, unsigned long arg,
				int (*info_caps)(struct vfio_device *vdev,
						 struct vfio_region_info *info,
						 struct vfio_info_cap *caps))
{
	unsigned long minsz = offsetofend(struct vfio_region_info, offset);
	void __user *uarg = (void __user *)arg;
	struct vfio_info_cap caps = {};
	struct vfio_region_info info = {};
	long ret;

	if (copy_from_user(&info, uarg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = info_caps(vdev, &info, &caps);
	if (!ret)
		ret = put_caps(uarg, &info, &caps);
	kfree(caps.buf);
	if (!ret && copy_to_user(uarg, &info, minsz))
		ret = -EFAULT;
	return ret;
}
