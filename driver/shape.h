/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Load that a device makes up: a writer in the background, so that pre-copy has
 * something to converge on, state that nobody needs, and states that take long
 * to enter.
 */
#ifndef MDEVSIM_SHAPE_H
#define MDEVSIM_SHAPE_H

#include <linux/bits.h>
#include <linux/mdevsim.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

struct mdevsim_device;

/** define MDEVSIM_SHAPE_STATES - states that a device can be in */
#define MDEVSIM_SHAPE_STATES	(MDEVSIM_MIGRATION_STATE_PRE_COPY_P2P + 1)
/** define MDEVSIM_SHAPE_MAX - bytes, or bytes in a second, that can be asked for */
#define MDEVSIM_SHAPE_MAX	BIT_ULL(44)

/**
 * struct mdevsim_shape_params - what load there is
 * @dirty_rate: bytes that the writer dirties in a second
 * @dirty_span: in the first bytes of its target; 0 for all
 * @target: what it dirties
 * @guest_address: guest memory that may be overwritten
 * @guest_length: bytes of it
 * @initial_extra: bytes of made-up state that come first
 * @final_extra: bytes of made-up state that come when the device has stopped
 * @delay_ms: by state, how much longer it takes to enter
 */
struct mdevsim_shape_params {
	u64 dirty_rate;
	u64 dirty_span;
	enum mdevsim_target target;
	u64 guest_address;
	u64 guest_length;
	u64 initial_extra;
	u64 final_extra;
	u32 delay_ms[MDEVSIM_SHAPE_STATES];
};

/**
 * struct mdevsim_shape - the load of one device
 * @lock: leaf; protects all that follows but @wait, @work, @at, @credit, @last_ns and @served
 * @params: what load there is
 * @orders: how often that has been changed
 * @running: the function runs, and so does the writer if it has anything to do
 * @dirtied: bytes that the writer has dirtied
 * @wait: who waits because a state takes long to enter
 * @work: the writer; takes neither the lifecycle nor any lock of the function's that is held
 *	by who waits for it
 * @at: byte of the target that it dirties next
 * @credit: bytes that are due
 * @last_ns: when they were last counted
 * @served: @orders for which they were
 */
struct mdevsim_shape {
	spinlock_t lock;
	struct mdevsim_shape_params params;
	u32 orders;
	bool running;
	u64 dirtied;
	wait_queue_head_t wait;
	struct delayed_work work;
	u64 at;
	u64 credit;
	u64 last_ns;
	u32 served;
};

void mdevsim_shape_init(struct mdevsim_device *device);

/** mdevsim_shape_run - the function has been resumed. Caller holds the lifecycle. */
void mdevsim_shape_run(struct mdevsim_device *device);

/**
 * mdevsim_shape_halt - the function is about to be quiet: on return the writer is
 *	idle, and stays so until mdevsim_shape_run(). Caller holds the lifecycle.
 */
void mdevsim_shape_halt(struct mdevsim_device *device);

/** mdevsim_shape_get - copy what load there is, and how many bytes the writer has dirtied */
void mdevsim_shape_get(struct mdevsim_device *device, struct mdevsim_shape_params *params,
		       u64 *dirtied);

/** mdevsim_shape_set - change what load there is; takes effect at once */
void mdevsim_shape_set(struct mdevsim_device *device, const struct mdevsim_shape_params *params);

/** mdevsim_shape_delay - a state is about to be entered: 0, or -EINTR when killed */
int mdevsim_shape_delay(struct mdevsim_device *device, enum vfio_device_mig_state next);

#endif /* MDEVSIM_SHAPE_H */
