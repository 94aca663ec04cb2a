/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_SYSFS_H
#define MDEVSIM_SYSFS_H

struct attribute_group;
struct kobject;
struct mdev_type;

/** Files of a device: namespace_size and migration/. */
extern const struct attribute_group *mdevsim_sysfs_device_groups[];

/** mdevsim_sysfs_add_type - make migration/ of a registered type; ERR_PTR() */
struct kobject *mdevsim_sysfs_add_type(struct mdev_type *type);

/** mdevsim_sysfs_remove_type - before the type is unregistered */
void mdevsim_sysfs_remove_type(struct kobject *kobj);

#endif /* MDEVSIM_SYSFS_H */
