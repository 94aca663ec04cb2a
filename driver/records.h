/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_RECORDS_H
#define MDEVSIM_RECORDS_H

#include "function.h"

struct mdevsim_device;

/**
 * mdevsim_records_get - a control record of this device, by its place in the stream
 *
 * Return: NULL past the last
 */
const struct mdevsim_state_ops *mdevsim_records_get(struct mdevsim_device *device, unsigned int i);

/** mdevsim_records_find - by record type; NULL for a type that is not a control record */
const struct mdevsim_state_ops *mdevsim_records_find(struct mdevsim_device *device, u16 type);

/** mdevsim_records_max - bytes that control records, IDENTITY and END take in a stream, at most */
u64 mdevsim_records_max(struct mdevsim_device *device);

/** mdevsim_records_identity - the device's IDENTITY */
void mdevsim_records_identity(struct mdevsim_device *device, struct mdevsim_state_identity *id);

/** mdevsim_records_identity_check - -EXDEV or -EINVAL unless this device can become that one */
int mdevsim_records_identity_check(struct mdevsim_device *device,
				   const struct mdevsim_state_identity *id,
				   struct mdevsim_reason *why);

/** mdevsim_records_check - every control record is there and each one sound; changes nothing */
int mdevsim_records_check(struct mdevsim_device *device, const struct mdevsim_state_set *set,
			  struct mdevsim_reason *why);

/** mdevsim_records_load - take over what mdevsim_records_check() accepted */
void mdevsim_records_load(struct mdevsim_device *device, const struct mdevsim_state_set *set);

#endif /* MDEVSIM_RECORDS_H */
