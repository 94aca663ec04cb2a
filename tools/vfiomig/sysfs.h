/* SPDX-License-Identifier: GPL-2.0 */
/* Devices, parents and types as /sys shows them. */
#ifndef VFIOMIG_SYSFS_H
#define VFIOMIG_SYSFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include "out.h"

#define SYSFS_NAME	256

/**
 * struct sysfs_device - a device that VFIO may drive
 * @name: UUID or PCI address, what VFIO_GROUP_GET_DEVICE_FD takes
 * @path: its directory
 * @group: number of its IOMMU group, or empty
 * @cdev: name of its character device below /dev/vfio/devices, or empty
 * @type: of a mediated device, or empty
 * @driver: that is bound to it, or empty
 */
struct sysfs_device {
	char name[SYSFS_NAME];
	char path[PATH_MAX];
	char group[SYSFS_NAME];
	char cdev[SYSFS_NAME];
	char type[SYSFS_NAME];
	char driver[SYSFS_NAME];
};

/**
 * sysfs_path - a path below the root that VFIOMIG_ROOT names, for /sys and /dev
 *
 * Return: a string to be freed
 */
OUT_FORMAT(1, 2) char *sysfs_path(const char *fmt, ...);

/** sysfs_find - the device that @argument names; reports its errors */
int sysfs_find(const char *argument, struct sysfs_device *device);

/** sysfs_device_from - fill in @device for the directory @path; false when it is none */
bool sysfs_device_from(const char *path, struct sysfs_device *device);

/** sysfs_is_device_name - @argument is a UUID, a PCI address or a path in /dev/vfio/devices */
bool sysfs_is_device_name(const char *argument);

/**
 * struct sysfs_type - a type of mediated device
 * @path: its directory
 * @parent: whose it is
 * @name: its name
 */
struct sysfs_type {
	const char *path;
	const char *parent;
	const char *name;
};

/**
 * sysfs_each_type - call @visit for each type of mediated device
 * @parent: leave out the types of others, unless NULL
 * @name: leave out others, unless NULL
 * @visit: gets each that is left
 * @context: for @visit
 */
void sysfs_each_type(const char *parent, const char *name,
		     void (*visit)(const struct sysfs_type *type, void *context), void *context);

/**
 * sysfs_find_type - the one type of a name; reports its errors
 * @name: of the type
 * @parent: whose, or NULL when only one has it
 * @with_room: pass over those of which no more devices can be created
 * @path: its directory, to be freed
 */
int sysfs_find_type(const char *name, const char *parent, bool with_room, char **path);

/** sysfs_read - first line of @directory/@file into @text, false when there is none */
bool sysfs_read(const char *directory, const char *file, char *text, size_t size);

/** sysfs_write - write @text to @directory/@file; -1 with errno set */
int sysfs_write(const char *directory, const char *file, const char *text);

/**
 * sysfs_each - call @visit for each entry of a directory, in order
 * @directory: where
 * @visit: gets the full path and the name; other than 0 ends the walk
 * @context: for @visit
 *
 * Return: what @visit returned last, 0 when the directory is empty or missing
 */
int sysfs_each(const char *directory,
	       int (*visit)(const char *path, const char *name, void *context), void *context);

#endif /* VFIOMIG_SYSFS_H */
