/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What decides whether one device of mdevsim can take over the state of another, as the
 * driver publishes it: read from sysfs, or from a file that was written from there.
 */
#ifndef VFIOMIG_DESCRIPTION_H
#define VFIOMIG_DESCRIPTION_H

#include <linux/types.h>
#include "../../driver/function.h"
#include "../../driver/state_stream.h"
#include "file.h"
#include "sysfs.h"

/** define DESCRIPTION_FILE_MAX - bytes in a file that holds a description, at most */
#define DESCRIPTION_FILE_MAX	65536

/** struct description_version - of a function, or a stream */
struct description_version {
	u16 major;
	u16 minor;
};

/**
 * struct description - the values that sysfs has below migration/, by the same names
 * @kind: "device" or "type"; empty when it came from a file
 * @name: of the device or type
 * @type: of a device
 */
struct description {
	const char *kind;
	char name[SYSFS_NAME];
	char type[SYSFS_NAME];

	char function[sizeof_field(struct mdevsim_state_identity, function) + 1];
	struct description_version version;
	u64 lba_shift;
	u64 vectors;
	u64 io_queues;
	u64 queue_entries;

	struct description_version stream_version;
	u64 features_required;
	u64 namespace_size;

	struct description_version stream_version_min;
	struct description_version stream_version_max;
	u64 features_supported;
	u64 namespace_capacity;
};

/**
 * description_find - describe a device or a type
 * @argument: what the user named
 * @parent: of the type, or NULL
 * @description: filled in
 *
 * Return: &enum status; reports its errors. %STATUS_UNSUPPORTED for a device of another driver.
 */
int description_find(const char *argument, const char *parent, struct description *description);

/**
 * description_parse - take in the rest of a file written by description_print()
 * @file: open file
 * @begin: bytes already read from it
 * @size: number of them
 * @description: filled in
 *
 * Return: &enum status; reports its errors, naming the member that is wrong
 */
int description_parse(struct file *file, const void *begin, size_t size,
		      struct description *description);

/** description_print - as text or JSON */
void description_print(const struct description *description);

/** description_header - of the streams that such a device writes */
void description_header(const struct description *description,
			struct mdevsim_stream_header *header);

/** description_identity - that is in the streams that such a device writes */
void description_identity(const struct description *description,
			  struct mdevsim_state_identity *id);

/** description_limits - what such a device is, and can become; @limits refers to @description */
void description_limits(const struct description *description,
			struct mdevsim_identity_limits *limits);

/** description_known - the streams that such a device reads */
void description_known(const struct description *description, struct mdevsim_state_known *known);

#endif /* VFIOMIG_DESCRIPTION_H */
