/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Force-included. Everything that differs between the kernels this module
 * builds for is here or beside it; the code is written for the newest of them.
 */
#ifndef MDEVSIM_COMPAT_H
#define MDEVSIM_COMPAT_H

#include <linux/bits.h>
#include <linux/eventfd.h>
#include <linux/kconfig.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vfio.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error mdevsim needs a kernel of version 6.1 or newer
#endif

/* Came with 6.5, and to 6.1 with its stable releases */
#ifndef guard
#error mdevsim needs guard(): a kernel from 6.5 on, or a late stable release of 6.1
#endif

#if !IS_ENABLED(CONFIG_VFIO)
#error mdevsim needs a kernel with CONFIG_VFIO
#endif

#if !IS_ENABLED(CONFIG_VFIO_MDEV)
#error mdevsim needs a kernel with CONFIG_VFIO_MDEV (Debian: the amd64 flavour, not cloud or rt)
#endif

#if !IS_ENABLED(CONFIG_VFIO_VIRQFD)
#error mdevsim needs a kernel with CONFIG_VFIO_VIRQFD (which CONFIG_VFIO_PCI brings along)
#endif

#if !IS_ENABLED(CONFIG_EVENTFD)
#error mdevsim needs a kernel with CONFIG_EVENTFD
#endif

/* PRE_COPY, newer than 6.1, whose core passes on states that it does not know itself */
#ifndef VFIO_MIGRATION_PRE_COPY
#define VFIO_MIGRATION_PRE_COPY			BIT(2)
#define VFIO_DEVICE_STATE_PRE_COPY		6
#define VFIO_DEVICE_STATE_PRE_COPY_P2P		7

struct vfio_precopy_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 initial_bytes;
	__aligned_u64 dirty_bytes;
};

#define VFIO_MIG_GET_PRECOPY_INFO		_IO(VFIO_TYPE, VFIO_BASE + 21)

int mdevsim_compat_next_state(struct vfio_device *vdev, enum vfio_device_mig_state cur,
			      enum vfio_device_mig_state new, enum vfio_device_mig_state *next);
#define vfio_mig_get_next_state			mdevsim_compat_next_state
#define MDEVSIM_COMPAT_NEXT_STATE
#endif

/* Attributes of a request for a dump; from 6.6 on they are in a struct genl_info */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define MDEVSIM_DUMP_ATTRS(cb)			(genl_dumpit_info(cb)->attrs)
#else
#define MDEVSIM_DUMP_ATTRS(cb)			(genl_info_dump(cb)->attrs)
#endif

/*
 * MIG_DATA_SIZE, newer than 6.1, through an operation of its own; an older core
 * hands the request to the driver like any that it does not know.
 */
#ifdef VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
#define MDEVSIM_DATA_SIZE_OP(fn)		.migration_get_data_size = fn,
#else
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE	9
#define MDEVSIM_DATA_SIZE_OP(fn)

struct vfio_device_feature_mig_data_size {
	__aligned_u64 stop_copy_length;
};
#endif

/* The second version of VFIO_PRECOPY_INFO, newer than 6.12: who keeps that it was asked for */
#ifdef VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2
#define MDEVSIM_PRECOPY_INFO_V2(device)		((device)->vdev.precopy_info_v2)
#else
#define VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2	12
#define VFIO_PRECOPY_INFO_REINIT		BIT(0)
#define MDEVSIM_PRECOPY_INFO_V2(device)		((device)->migration.precopy_info_v2)
#endif

/*
 * DMA_LOGGING_REPORT goes through iova_bitmap, which from 6.7 on is a stub that
 * always fails unless IOMMUFD_DRIVER is built in. A device that offered logging
 * there would make a VMM choose it, and fail.
 */
#define MDEVSIM_CAN_LOG_DMA						\
	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0) || IS_ENABLED(CONFIG_IOMMUFD_DRIVER))

/* The namespace of symbols that iova_bitmap is exported to */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define MDEVSIM_IMPORT_IOMMUFD			MODULE_IMPORT_NS("IOMMUFD")
#else
#define MDEVSIM_IMPORT_IOMMUFD			MODULE_IMPORT_NS(IOMMUFD)
#endif

/*
 * Newer kernels answer VFIO_DEVICE_GET_REGION_INFO in the core, through an
 * operation of its own; older ones hand it to the driver's ioctl.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define MDEVSIM_REGION_INFO_OP(fn)		.get_region_info_caps = fn,
#else
#define MDEVSIM_REGION_INFO_OP(fn)
#endif

long mdevsim_compat_region_info(struct vfio_device *vdev, unsigned long arg,
				int (*info_caps)(struct vfio_device *vdev,
						 struct vfio_region_info *info,
						 struct vfio_info_cap *caps));

/*
 * iommufd calls, the same for every mediated device; NULL where the kernel was
 * built without iommufd. At the time of 6.1 it had none, and a driver freed what
 * vfio_alloc_device() had made.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define MDEVSIM_IOMMUFD_OPS						\
	.bind_iommufd	= vfio_iommufd_emulated_bind,			\
	.unbind_iommufd	= vfio_iommufd_emulated_unbind,			\
	.attach_ioas	= vfio_iommufd_emulated_attach_ioas,		\
	.detach_ioas	= vfio_iommufd_emulated_detach_ioas,

static inline void mdevsim_compat_free_device(struct vfio_device *vdev)
{
}
#else
#define MDEVSIM_IOMMUFD_OPS
#define mdevsim_compat_free_device(vdev)	vfio_free_device(vdev)
#endif

/* Where the core makes the debugfs files of migration, for every device */
#define MDEVSIM_MAKES_DEBUGFS			!IS_ENABLED(CONFIG_VFIO_DEBUGFS)

/* Newer kernels do not write to a class that is registered. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define mdevsim_const_class			const struct class
#else
#define mdevsim_const_class			struct class
#endif

/* Newer kernels find the source of a string in the event's list of fields. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define mdevsim_assign_str(dst, src)		__assign_str(dst)
#else
#define mdevsim_assign_str(dst, src)		__assign_str(dst, src)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
DEFINE_FREE(kvfree, void *, if (!IS_ERR_OR_NULL(_T)) kvfree(_T))
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
#define __crc32c_le(crc, data, length)		crc32c(crc, data, length)
#endif

/* Flags of a mapping are behind functions since 6.3. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

/* Older kernels ask by how much. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define eventfd_signal(ctx)			eventfd_signal(ctx, 1)
#endif

#endif /* MDEVSIM_COMPAT_H */
