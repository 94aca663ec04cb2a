// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/mdevsim.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/mdevsim.h>

/* Common nested types */
const struct nla_policy mdevsim_delay_nl_policy[MDEVSIM_A_DELAY_MS + 1] = {
	[MDEVSIM_A_DELAY_STATE] = NLA_POLICY_MAX(NLA_U32, 7),
	[MDEVSIM_A_DELAY_MS] = { .type = NLA_U32, },
};

/* MDEVSIM_CMD_DEV_GET - do */
const struct nla_policy mdevsim_dev_get_nl_policy[MDEVSIM_A_DEV_NAME + 1] = {
	[MDEVSIM_A_DEV_NAME] = { .type = NLA_NUL_STRING, .len = MDEVSIM_NAME_LENGTH, },
};

/* MDEVSIM_CMD_FAULT_ADD - do */
const struct nla_policy mdevsim_fault_add_nl_policy[MDEVSIM_A_FAULT_STATUS + 1] = {
	[MDEVSIM_A_FAULT_DEV] = { .type = NLA_NUL_STRING, .len = MDEVSIM_NAME_LENGTH, },
	[MDEVSIM_A_FAULT_KIND] = NLA_POLICY_MAX(NLA_U32, 12),
	[MDEVSIM_A_FAULT_TIMES] = { .type = NLA_U32, },
	[MDEVSIM_A_FAULT_PROBABILITY] = NLA_POLICY_MIN(NLA_U32, 1),
	[MDEVSIM_A_FAULT_FROM] = NLA_POLICY_MAX(NLA_U32, 7),
	[MDEVSIM_A_FAULT_TO] = NLA_POLICY_MAX(NLA_U32, 7),
	[MDEVSIM_A_FAULT_ERRNO] = NLA_POLICY_RANGE(NLA_U32, 1, 511),
	[MDEVSIM_A_FAULT_DELAY_MS] = NLA_POLICY_MIN(NLA_U32, 1),
	[MDEVSIM_A_FAULT_RATE] = { .type = NLA_U64, },
	[MDEVSIM_A_FAULT_OFFSET] = { .type = NLA_U64, },
	[MDEVSIM_A_FAULT_BIT] = NLA_POLICY_MAX(NLA_U8, 7),
	[MDEVSIM_A_FAULT_INITIAL_BYTES] = { .type = NLA_U64, },
	[MDEVSIM_A_FAULT_DIRTY_BYTES] = { .type = NLA_U64, },
	[MDEVSIM_A_FAULT_SIZE] = { .type = NLA_U64, },
	[MDEVSIM_A_FAULT_ADMIN] = { .type = NLA_FLAG, },
	[MDEVSIM_A_FAULT_OPCODE] = { .type = NLA_U8, },
	[MDEVSIM_A_FAULT_STATUS] = NLA_POLICY_RANGE(NLA_U32, 1, 2047),
};

/* MDEVSIM_CMD_FAULT_DEL - do */
const struct nla_policy mdevsim_fault_del_nl_policy[MDEVSIM_A_FAULT_ALL + 1] = {
	[MDEVSIM_A_FAULT_DEV] = { .type = NLA_NUL_STRING, .len = MDEVSIM_NAME_LENGTH, },
	[MDEVSIM_A_FAULT_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[MDEVSIM_A_FAULT_ALL] = { .type = NLA_FLAG, },
};

/* MDEVSIM_CMD_FAULT_GET - do */
const struct nla_policy mdevsim_fault_get_nl_policy[MDEVSIM_A_FAULT_ID + 1] = {
	[MDEVSIM_A_FAULT_DEV] = { .type = NLA_NUL_STRING, .len = MDEVSIM_NAME_LENGTH, },
	[MDEVSIM_A_FAULT_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* MDEVSIM_CMD_SHAPE_GET - do */
const struct nla_policy mdevsim_shape_get_nl_policy[MDEVSIM_A_SHAPE_DEV + 1] = {
	[MDEVSIM_A_SHAPE_DEV] = { .type = NLA_NUL_STRING, .len = MDEVSIM_NAME_LENGTH, },
};

/* MDEVSIM_CMD_SHAPE_SET - do */
const struct nla_policy mdevsim_shape_set_nl_policy[MDEVSIM_A_SHAPE_DELAY + 1] = {
	[MDEVSIM_A_SHAPE_DEV] = { .type = NLA_NUL_STRING, .len = MDEVSIM_NAME_LENGTH, },
	[MDEVSIM_A_SHAPE_DIRTY_RATE] = { .type = NLA_U64, },
	[MDEVSIM_A_SHAPE_DIRTY_SPAN] = { .type = NLA_U64, },
	[MDEVSIM_A_SHAPE_TARGET] = NLA_POLICY_MAX(NLA_U32, 1),
	[MDEVSIM_A_SHAPE_GUEST_ADDRESS] = { .type = NLA_U64, },
	[MDEVSIM_A_SHAPE_GUEST_LENGTH] = { .type = NLA_U64, },
	[MDEVSIM_A_SHAPE_INITIAL_EXTRA] = { .type = NLA_U64, },
	[MDEVSIM_A_SHAPE_FINAL_EXTRA] = { .type = NLA_U64, },
	[MDEVSIM_A_SHAPE_DELAY] = NLA_POLICY_NESTED(mdevsim_delay_nl_policy),
};

/* Ops table for mdevsim */
const struct genl_ops mdevsim_nl_ops[6] = {
	{
		.cmd		= MDEVSIM_CMD_DEV_GET,
		.doit		= mdevsim_nl_dev_get_doit,
		.dumpit		= mdevsim_nl_dev_get_dumpit,
		.policy		= mdevsim_dev_get_nl_policy,
		.maxattr	= MDEVSIM_A_DEV_NAME,
	},
	{
		.cmd		= MDEVSIM_CMD_FAULT_ADD,
		.doit		= mdevsim_nl_fault_add_doit,
		.policy		= mdevsim_fault_add_nl_policy,
		.maxattr	= MDEVSIM_A_FAULT_STATUS,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= MDEVSIM_CMD_FAULT_DEL,
		.doit		= mdevsim_nl_fault_del_doit,
		.policy		= mdevsim_fault_del_nl_policy,
		.maxattr	= MDEVSIM_A_FAULT_ALL,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= MDEVSIM_CMD_FAULT_GET,
		.doit		= mdevsim_nl_fault_get_doit,
		.dumpit		= mdevsim_nl_fault_get_dumpit,
		.policy		= mdevsim_fault_get_nl_policy,
		.maxattr	= MDEVSIM_A_FAULT_ID,
	},
	{
		.cmd		= MDEVSIM_CMD_SHAPE_GET,
		.doit		= mdevsim_nl_shape_get_doit,
		.policy		= mdevsim_shape_get_nl_policy,
		.maxattr	= MDEVSIM_A_SHAPE_DEV,
	},
	{
		.cmd		= MDEVSIM_CMD_SHAPE_SET,
		.doit		= mdevsim_nl_shape_set_doit,
		.policy		= mdevsim_shape_set_nl_policy,
		.maxattr	= MDEVSIM_A_SHAPE_DELAY,
		.flags		= GENL_ADMIN_PERM,
	},
};

static const struct genl_multicast_group mdevsim_nl_mcgrps[] = {
	[MDEVSIM_NLGRP_MIGRATION] = { "migration", },
};
