/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_RECORDS_H
#define MDEVSIM_RECORDS_H

#include "function.h"

struct mdevsim_device;
struct mdevsim_type;

/** mdevsim_records_init - make what all streams have in common. 0 or -ENOMEM. */
int mdevsim_records_init(void);
void mdevsim_records_exit(void);

/** mdevsim_records_schema - body of the SCHEMA record, and its length in bytes */
const void *mdevsim_records_schema(u32 *length);

/** mdevsim_records_synthetic - bytes that so many of made-up state take in a stream, at most */
u64 mdevsim_records_synthetic(u64 bytes);

/** mdevsim_records_max - bytes that all records but extents take in a stream, at most */
u64 mdevsim_records_max(struct mdevsim_device *device);

/** mdevsim_records_limits - what a device of this type is, and can become */
void mdevsim_records_limits(const struct mdevsim_type *type,
			    struct mdevsim_identity_limits *limits);

/** mdevsim_records_identity - the device's IDENTITY */
void mdevsim_records_identity(struct mdevsim_device *device, struct mdevsim_state_identity *id);

/** mdevsim_records_target - fill in the device's target, once its function exists */
void mdevsim_records_target(struct mdevsim_device *device);

#endif /* MDEVSIM_RECORDS_H */
