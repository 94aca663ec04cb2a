/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/mdevsim.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_MDEVSIM_GEN_H
#define _LINUX_MDEVSIM_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/mdevsim.h>

/* Common nested types */
extern const struct nla_policy mdevsim_delay_nl_policy[MDEVSIM_A_DELAY_MS + 1];

extern const struct nla_policy mdevsim_dev_get_nl_policy[MDEVSIM_A_DEV_NAME + 1];

extern const struct nla_policy mdevsim_fault_add_nl_policy[MDEVSIM_A_FAULT_STATUS + 1];

extern const struct nla_policy mdevsim_fault_del_nl_policy[MDEVSIM_A_FAULT_ALL + 1];

extern const struct nla_policy mdevsim_fault_get_nl_policy[MDEVSIM_A_FAULT_ID + 1];

extern const struct nla_policy mdevsim_shape_get_nl_policy[MDEVSIM_A_SHAPE_DEV + 1];

extern const struct nla_policy mdevsim_shape_set_nl_policy[MDEVSIM_A_SHAPE_DELAY + 1];

/* Ops table for mdevsim */
extern const struct genl_ops mdevsim_nl_ops[6];

int mdevsim_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info);
int mdevsim_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int mdevsim_nl_fault_add_doit(struct sk_buff *skb, struct genl_info *info);
int mdevsim_nl_fault_del_doit(struct sk_buff *skb, struct genl_info *info);
int mdevsim_nl_fault_get_doit(struct sk_buff *skb, struct genl_info *info);
int mdevsim_nl_fault_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int mdevsim_nl_shape_get_doit(struct sk_buff *skb, struct genl_info *info);
int mdevsim_nl_shape_set_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	MDEVSIM_NLGRP_MIGRATION,
};

#endif /* _LINUX_MDEVSIM_GEN_H */
