/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family "mdevsim": devices seen and steered by others than
 * who has them open. Specified in Documentation/netlink/specs/mdevsim.yaml.
 */
#ifndef MDEVSIM_NETLINK_H
#define MDEVSIM_NETLINK_H

#include "netlink_gen.h"

struct mdevsim_device;

extern struct genl_family mdevsim_netlink_family;

int mdevsim_netlink_init(void);
void mdevsim_netlink_exit(void);

/** mdevsim_netlink_add - a device is there, complete but for who could open it */
void mdevsim_netlink_add(struct mdevsim_device *device);

/** mdevsim_netlink_remove - it goes; on return nobody here looks at it, nor will */
void mdevsim_netlink_remove(struct mdevsim_device *device);

#endif /* MDEVSIM_NETLINK_H */
