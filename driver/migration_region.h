/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_MIGRATION_REGION_H
#define MDEVSIM_MIGRATION_REGION_H

#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/vfio.h>

struct file;
struct mdevsim_device;
struct vfio_info_cap;
struct vfio_region_info;
struct vm_area_struct;

/** define MDEVSIM_MIGRATION_REGION_INDEX - the first index behind those of vfio-pci */
#define MDEVSIM_MIGRATION_REGION_INDEX	VFIO_PCI_NUM_REGIONS
/** define MDEVSIM_MIGRATION_REGION_DATA - offset of the data section, bytes; can be mapped */
#define MDEVSIM_MIGRATION_REGION_DATA	PAGE_SIZE
/** define MDEVSIM_MIGRATION_REGION_ROOM - bytes in the data section */
#define MDEVSIM_MIGRATION_REGION_ROOM	SZ_1M

/**
 * struct mdevsim_migration_region - front end of the migration protocol that QEMU up to 7.2 speaks
 * @moving: held while bytes pass between @data and the data fd, which a fault may hold up for
 *	long; taken before the lifecycle, which is not held then
 * @file: data fd of the session that was opened through the region, else NULL
 * @data: the data section; allocated when it is first needed, freed when the device is closed
 * @filled: bytes of a stream in @data that the user has not said he took
 *
 * @file and @filled are protected by &mdevsim_device.lifecycle. @data is set once while the
 * device is open, without a lock; its contents are protected by nobody: who maps it sees what
 * is there.
 */
struct mdevsim_migration_region {
	struct mutex moving;
	struct file *file;
	void *data;
	u32 filled;
};

/** mdevsim_migration_region_info - VFIO_DEVICE_GET_REGION_INFO of the region */
int mdevsim_migration_region_info(struct vfio_region_info *info, struct vfio_info_cap *caps);

/**
 * mdevsim_migration_region_read - read registers or data
 * @device: device
 * @buf: user's
 * @count: bytes
 * @offset: in the region
 *
 * Return: @count; -EINVAL outside the region, or for a register at another width than its own;
 * -EFAULT; -ENOMEM; the error of a session that ended
 */
ssize_t mdevsim_migration_region_read(struct mdevsim_device *device, char __user *buf,
				      size_t count, u64 offset);

/**
 * mdevsim_migration_region_write - write registers or data
 *
 * Return: as mdevsim_migration_region_read(); -EBUSY when a session was opened through the
 * migration feature; what a stream was refused for, see mdevsim_state.h
 */
ssize_t mdevsim_migration_region_write(struct mdevsim_device *device, const char __user *buf,
				       size_t count, u64 offset);

/** mdevsim_migration_region_mmap - map the data section, @offset bytes into the region */
int mdevsim_migration_region_mmap(struct mdevsim_device *device, struct vm_area_struct *vma,
				  u64 offset);

void mdevsim_migration_region_init(struct mdevsim_device *device);

/** mdevsim_migration_region_end - the session is over. Caller holds the lifecycle. */
void mdevsim_migration_region_end(struct mdevsim_device *device);

/** mdevsim_migration_region_close - nobody has the device open, or the region mapped */
void mdevsim_migration_region_close(struct mdevsim_device *device);

#endif /* MDEVSIM_MIGRATION_REGION_H */
