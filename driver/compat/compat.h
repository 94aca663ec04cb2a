/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Force-included. Everything that differs between the kernels this module
 * builds for is here or beside it; the code is written for the newest of them.
 */
#ifndef MDEVSIM_COMPAT_H
#define MDEVSIM_COMPAT_H

#include <linux/bits.h>
#include <linux/kconfig.h>
#include <linux/version.h>
#include <linux/vfio.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error mdevsim needs a kernel of version 6.12 or newer
#endif

#if !IS_ENABLED(CONFIG_VFIO_MDEV)
#error mdevsim needs a kernel with CONFIG_VFIO_MDEV (Debian: the amd64 flavour, not cloud or rt)
#endif

/* VFIO_PRECOPY_INFO and its second version, newer than 6.12 */
#ifndef VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2
#define VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2	12
#endif
#ifndef VFIO_PRECOPY_INFO_REINIT
#define VFIO_PRECOPY_INFO_REINIT		BIT(0)
#endif

/*
 * DMA_LOGGING_REPORT goes through iova_bitmap, which from 6.7 on is a stub that
 * always fails unless IOMMUFD_DRIVER is built in. A device that offered logging
 * there would make a VMM choose it, and fail.
 */
#define MDEVSIM_CAN_LOG_DMA			IS_ENABLED(CONFIG_IOMMUFD_DRIVER)

/*
 * Newer kernels answer VFIO_DEVICE_GET_REGION_INFO in the core, through an
 * operation of its own; older ones hand it to the driver's ioctl.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define MDEVSIM_REGION_INFO_OP(fn)		.get_region_info_caps = fn,
#else
#define MDEVSIM_REGION_INFO_OP(fn)
#endif

/* iommufd calls, the same for every mediated device; NULL where the kernel has no iommufd */
#define MDEVSIM_IOMMUFD_OPS						\
	.bind_iommufd	= vfio_iommufd_emulated_bind,			\
	.unbind_iommufd	= vfio_iommufd_emulated_unbind,			\
	.attach_ioas	= vfio_iommufd_emulated_attach_ioas,		\
	.detach_ioas	= vfio_iommufd_emulated_detach_ioas,

long mdevsim_compat_region_info(struct vfio_device *vdev, unsigned long arg,
				int (*info_caps)(struct vfio_device *vdev,
						 struct vfio_region_info *info,
						 struct vfio_info_cap *caps));

#endif /* MDEVSIM_COMPAT_H */
