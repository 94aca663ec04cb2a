/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The carrier of a simulated function: one mediated device as VFIO sees it.
 */
#ifndef MDEVSIM_H
#define MDEVSIM_H

#include <linux/list.h>
#include <linux/mdev.h>
#include <linux/rwsem.h>
#include <linux/uuid.h>
#include <linux/vfio.h>
#include "counters.h"
#include "dirty_log.h"
#include "fault.h"
#include "function.h"
#include "irq.h"
#include "migration.h"
#include "migration_region.h"
#include "pci_config.h"
#include "region.h"
#include "shape.h"
#include "state_load.h"

struct dentry;
struct mem_cgroup;

/**
 * struct mdevsim_type - what a user chooses from under mdev_supported_types
 * @mdev: the core's part; its sysfs_name is the type's name
 * @description: what the sysfs file of that name says
 * @function: the function that is simulated
 * @capacity: bytes its namespace can grow to, and has at first
 */
struct mdevsim_type {
	struct mdev_type mdev;
	const char *description;
	const struct mdevsim_function_ops *function;
	u64 capacity;
};

/**
 * struct mdevsim_device - one mediated device
 * @vdev: VFIO's part. Its reference count rules the structure: vfio_put_device() frees it.
 * @uuid: its name, in the byte order in which it is written; immutable
 * @type: its type; immutable
 * @fn: the simulated function, from init to release; immutable
 * @target: it, as far as streams are concerned; immutable
 * @lifecycle: serialises everything that stops, starts, resets, saves or loads
 *	@fn, and protects @migration's state. Taken by feature ioctls, reset,
 *	function level reset, open, close, resize, and the choice of a stream version.
 * @gate: held for reading by whatever changes @fn's registers, for writing to
 *	change @frozen, so that nothing changes once the device is in STOP
 * @frozen: STOP, STOP_COPY or RESUMING: writes to BAR 0 are dropped
 * @config_lock: protects @config
 * @config: configuration space
 * @irq: interrupts
 * @dirty_log: DMA logging
 * @migration: migration states
 * @migration_region: the other front end of migration
 * @memcg: of the process that opened the device; pays for its pages. Changes
 *	only while @fn is quiet.
 * @name: @uuid as text, when nobody knows how long the mediated device will last; immutable
 * @opened: somebody has it open; READ_ONCE()
 * @progress: how far migration is, for who looks on
 * @counters: what it did
 * @events: sequence number of the last one; READ_ONCE()
 * @faults: what goes wrong on purpose
 * @shape: load that is made up
 * @node: in the list of devices that netlink looks at
 * @number: of the devices that ever were in it, from 1; immutable once it is
 * @debugfs: its directory, where this module makes one
 *
 * Order of locks: &mdevsim_migration_region.moving, @lifecycle, @gate,
 * &mdevsim_session.lock, the function's own
 * locks, then the leaves: @config_lock, &mdevsim_irq.lock,
 * &mdevsim_dirty_log.lock, &mdevsim_migration.notify, &mdevsim_faults.lock,
 * &mdevsim_shape.lock. Events have a mutex that is a leaf but for the function's spinlocks,
 * and is taken under any mutex of these. Guest memory
 * (mdevsim_dma_read(), mdevsim_dma_write()) takes locks of the IOMMU back end and
 * faults pages in: never under a leaf. It takes @dirty_log's lock itself.
 *
 * Nothing here is taken by an unmap of guest memory: no page is pinned, so
 * there is no dma_unmap.
 */
struct mdevsim_device {
	struct vfio_device vdev;
	uuid_t uuid;
	const struct mdevsim_type *type;
	struct mdevsim_function *fn;
	struct mdevsim_state_target target;

	struct mutex lifecycle;
	struct rw_semaphore gate;
	bool frozen;

	struct mutex config_lock;
	struct mdevsim_pci_config config;
	struct mdevsim_irq irq;
	struct mdevsim_dirty_log dirty_log;
	struct mdevsim_migration migration;
	struct mdevsim_migration_region migration_region;
	struct mem_cgroup *memcg;

	char name[UUID_STRING_LEN + 1];
	bool opened;
	struct mdevsim_progress progress;
	struct mdevsim_counters __percpu *counters;
	u64 events;
	struct mdevsim_faults faults;
	struct mdevsim_shape shape;
	struct list_head node;
	unsigned long number;
	struct dentry *debugfs;
};

static inline struct mdevsim_device *vdev_to_mdevsim(struct vfio_device *vdev)
{
	return container_of(vdev, struct mdevsim_device, vdev);
}

static inline struct mdevsim_device *irq_to_mdevsim(struct mdevsim_irq *irq)
{
	return container_of(irq, struct mdevsim_device, irq);
}

static inline const struct mdevsim_type *mdev_to_mdevsim_type(struct mdev_type *type)
{
	return container_of_const(type, struct mdevsim_type, mdev);
}

extern struct mdev_driver mdevsim_device_driver;

/** mdevsim_device_quiesce - nothing in the device does anything. Caller holds the lifecycle. */
void mdevsim_device_quiesce(struct mdevsim_device *device);

/** mdevsim_device_resume - ends mdevsim_device_quiesce() */
void mdevsim_device_resume(struct mdevsim_device *device);

/**
 * mdevsim_device_reset - what VFIO_DEVICE_RESET does: a session ends, the
 *	function and configuration space are as new, the namespace stays,
 *	the state is RUNNING. Cannot fail.
 */
void mdevsim_device_reset(struct mdevsim_device *device);

/**
 * mdevsim_device_function_reset - what a guest's function level reset does: as
 *	above, but migration goes on. Ignored in states in which a device
 *	does not change.
 */
void mdevsim_device_function_reset(struct mdevsim_device *device);

/**
 * mdevsim_device_resize - change the namespace's size
 * @device: device
 * @size: bytes
 *
 * Return: 0; -EBUSY in a state in which the device must not change, or while a
 * session runs whose user did not opt in to PRECOPY_INFOv2; -EINVAL or -EFBIG
 * as the function says.
 */
int mdevsim_device_resize(struct mdevsim_device *device, u64 size);

#endif /* MDEVSIM_H */
