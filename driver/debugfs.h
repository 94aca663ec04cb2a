/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_DEBUGFS_H
#define MDEVSIM_DEBUGFS_H

struct mdevsim_device;

/*
 * vfio/DEVICE/migration/ of debugfs, as kernels with CONFIG_VFIO_DEBUGFS make it
 * for every device. Nothing where this kernel does so itself.
 */

void mdevsim_debugfs_init(void);
void mdevsim_debugfs_exit(void);
void mdevsim_debugfs_add(struct mdevsim_device *device);

/** mdevsim_debugfs_remove - on return nobody reads the files */
void mdevsim_debugfs_remove(struct mdevsim_device *device);

#endif /* MDEVSIM_DEBUGFS_H */
