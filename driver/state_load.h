/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading a device-state stream into a function: what is checked, in which
 * order, and where each record goes. Knows no VFIO: whoever has a stream and a
 * function, in the kernel or not, loads it by this.
 */
#ifndef MDEVSIM_STATE_LOAD_H
#define MDEVSIM_STATE_LOAD_H

#include <linux/mdevsim_state.h>
#include <linux/types.h>
#include "function.h"
#include "identity.h"
#include "state_stream.h"

/**
 * struct mdevsim_state_target - what streams are loaded into, and saved from
 * @fn: function
 * @limits: what it is, and can become
 * @carrier: control records of its carrier, which come before the function's own
 * @nr_carrier: number of them
 * @seen: a record was taken in (0) or refused (errno), for tracing; or NULL
 */
struct mdevsim_state_target {
	struct mdevsim_function *fn;
	struct mdevsim_identity_limits limits;
	const struct mdevsim_state_ops *const *carrier;
	unsigned int nr_carrier;
	void (*seen)(struct mdevsim_function *fn, const struct mdevsim_record *record, int ret);
};

/** mdevsim_state_target_record - a control record by its place in the stream; NULL past the last */
const struct mdevsim_state_ops *
mdevsim_state_target_record(const struct mdevsim_state_target *target, unsigned int i);

/**
 * struct mdevsim_state_loader - a stream on its way into a function
 * @target: what it is loaded into
 * @reader: framing; its error and reason are those of the whole
 * @id: identity as received
 * @extent: start of the namespace extent under way
 * @synthetic: start of the synthetic record under way
 * @waste: where its data goes
 * @held: bodies of control records, and of SCHEMA until it was checked, as received
 * @set: the same, for checks to look at
 *
 * Until mdevsim_state_loader_commit() the function stays as it is.
 */
struct mdevsim_state_loader {
	const struct mdevsim_state_target *target;
	struct mdevsim_state_reader reader;
	struct mdevsim_state_identity id;
	struct mdevsim_state_ns_extent extent;
	struct mdevsim_state_synthetic synthetic;
	u8 waste[1024];
	void *held[MDEVSIM_RECORD_NS_DATA];
	struct mdevsim_state_set set;
};

/** mdevsim_state_loader_init - ready for the first byte; bytes go to @loader->reader */
void mdevsim_state_loader_init(struct mdevsim_state_loader *loader,
			       const struct mdevsim_state_target *target);

/**
 * mdevsim_state_loader_commit - the stream is over: take it over
 *
 * Return: 0; or the error that ended the stream, or -ENODATA when END is missing. The
 * function is then as it was.
 */
int mdevsim_state_loader_commit(struct mdevsim_state_loader *loader);

/** mdevsim_state_loader_release - forget what was received and not taken over */
void mdevsim_state_loader_release(struct mdevsim_state_loader *loader);

#endif /* MDEVSIM_STATE_LOAD_H */
