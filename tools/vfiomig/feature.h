/* SPDX-License-Identifier: GPL-2.0 */
/* The migration protocol of today (v2): VFIO_DEVICE_FEATURE and a data descriptor. */
#ifndef VFIOMIG_FEATURE_H
#define VFIOMIG_FEATURE_H

struct migration_ops;

extern const struct migration_ops feature_ops;

#endif /* VFIOMIG_FEATURE_H */
