/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_LOG_OPS_H
#define MDEVSIM_LOG_OPS_H

struct vfio_log_ops;

/** VFIO_DEVICE_FEATURE_DMA_LOGGING_*, on top of dirty_log.c */
extern const struct vfio_log_ops mdevsim_log_ops;

#endif /* MDEVSIM_LOG_OPS_H */
