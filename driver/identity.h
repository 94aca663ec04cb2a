/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether a device can become the one that an IDENTITY describes: rules that a
 * driver applies to a stream before it loads it, and a tool to two devices
 * before anyone migrates. Pure.
 */
#ifndef MDEVSIM_IDENTITY_H
#define MDEVSIM_IDENTITY_H

#include <linux/mdevsim_state.h>
#include <linux/types.h>

struct mdevsim_reason;

/**
 * struct mdevsim_identity_limits - what a device is, and what it can become
 * @function: name of the function
 * @version_major: of the function's model
 * @version_minor: of the function's model
 * @namespace_capacity: bytes that its namespace can have, at most
 * @lba_shift: log2 of the bytes in a logical block
 * @vectors: MSI-X vectors
 * @io_queues: pairs of I/O queues
 * @queue_entries: entries in one queue, at most
 */
struct mdevsim_identity_limits {
	const char *function;
	u16 version_major;
	u16 version_minor;
	u64 namespace_capacity;
	u16 lba_shift;
	u16 vectors;
	u16 io_queues;
	u16 queue_entries;
};

/** mdevsim_identity_fill - say in an IDENTITY, otherwise zero, what @limits say */
void mdevsim_identity_fill(struct mdevsim_state_identity *id,
			   const struct mdevsim_identity_limits *limits);

/**
 * mdevsim_identity_rule - apply one rule
 * @rule: which, from 0
 * @theirs: what is to be taken over
 * @ours: by what
 * @why: reason for a refusal
 *
 * Return: 0; -EXDEV when this device cannot become that one; -EINVAL when no device could;
 * -ENOENT when there is no such rule, and so none after it
 */
int mdevsim_identity_rule(unsigned int rule, const struct mdevsim_state_identity *theirs,
			  const struct mdevsim_identity_limits *ours, struct mdevsim_reason *why);

/** mdevsim_identity_check - apply every rule; 0 or the first refusal */
int mdevsim_identity_check(const struct mdevsim_state_identity *theirs,
			   const struct mdevsim_identity_limits *ours, struct mdevsim_reason *why);

#endif /* MDEVSIM_IDENTITY_H */
