/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mediated devices through sysfs: types, creation, removal, attributes.
 */
#ifndef LIB_MDEV_H
#define LIB_MDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct mdev - one mediated device
 * @uuid: its name under /sys/bus/mdev/devices
 */
struct mdev {
	char uuid[37];
};

/** mdev_type_path - sysfs directory of the type whose name ends in "-@type", or -ENOENT */
int mdev_type_path(const char *type, char *path, size_t size);

/** mdev_type_read - an attribute of a type, without the line feed; its length or -errno */
int mdev_type_read(const char *type, const char *attribute, char *value, size_t size);

/** mdev_available - available_instances of a type, or -errno */
int mdev_available(const char *type);

/** mdev_name - make up an identifier that no other device has */
void mdev_name(struct mdev *mdev);

/** mdev_create - create a device called @mdev->uuid; 0 or -errno */
int mdev_create(const struct mdev *mdev, const char *type);

/** mdev_remove - remove it; 0 or -errno. Waits until a user lets go of it, as the core does. */
int mdev_remove(const struct mdev *mdev);

/** mdev_exists - it is there */
bool mdev_exists(const struct mdev *mdev);

/** mdev_path - sysfs path of the device, or of something below it */
void mdev_path(const struct mdev *mdev, const char *below, char *path, size_t size);

/** mdev_read - an attribute ("migration/refusal"), without the line feed; its length or -errno */
int mdev_read(const struct mdev *mdev, const char *attribute, char *value, size_t size);

/** mdev_write - write an attribute; 0 or -errno */
int mdev_write(const struct mdev *mdev, const char *attribute, const char *value);

/** mdev_read_u64 - an attribute that is a number; test ends as failed when it is not */
uint64_t mdev_read_u64(const struct mdev *mdev, const char *attribute);

#endif /* LIB_MDEV_H */
