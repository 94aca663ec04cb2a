/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A simulated NVMe 1.4 controller with one namespace in RAM.
 */
#ifndef MDEVSIM_NVME_NVME_H
#define MDEVSIM_NVME_NVME_H

#include <linux/mutex.h>
#include <linux/nvme.h>
#include <linux/spinlock.h>
#include "../function.h"
#include "command.h"
#include "event.h"
#include "feature.h"
#include "log.h"
#include "namespace.h"
#include "prp.h"
#include "queue.h"

/** define NVME_NSID - the namespace */
#define NVME_NSID		1
/** define NVME_REGISTERS - dwords of properties, up to and with ACQ */
#define NVME_REGISTERS		((NVME_REG_ACQ + 8) / 4)
/** define NVME_BAR_SIZE - properties and doorbells, a page each */
#define NVME_BAR_SIZE		0x2000

/**
 * struct nvme_names - what tells the controller and namespace from others; migrates
 * @serial: as in Identify Controller
 * @nguid: as in Identify Namespace
 */
struct nvme_names {
	u8 serial[20];
	u8 nguid[16];
};

/**
 * struct nvme_controller - one controller
 * @fn: head
 * @capacity: bytes the namespace can grow to; immutable
 * @ns: the namespace
 * @names: names of @ns
 * @shadow: namespace being loaded, or NULL
 * @shadow_names: its names
 * @control: serialises everything that starts or stops works as a whole
 * @lock: protects registers, queues, @events, @features and @logs
 * @reg: properties, by dword; those of CAP and VS never change
 * @quiet: between quiesce and resume
 * @reraise: interrupts may have been lost: resume raises all that could be due
 * @unconsumed: completion queues with interrupts enabled and entries not consumed, one bit each
 * @intx: the level last given to the carrier
 * @events: asynchronous events
 * @features: features
 * @logs: log pages
 * @sq: submission queues, by identifier
 * @cq: completion queues, by identifier
 *
 * Who runs: register writes (any number at once, never waiting for guest memory
 * unless they stop the controller), the works of the queues, and the carrier.
 *
 * Locks, in order: @control; a namespace stripe or &nvme_cq.post; @lock; locks of
 * the carrier's interrupts. Guest memory is accessed under no lock, under a
 * stripe, or under &nvme_cq.post. @lock is never held across anything that sleeps.
 *
 * Starting is one predicate, nvme_queue_fetching(): a work asks it under @lock each
 * time it wants to fetch commands or report an event, and does neither when
 * it is false.
 *
 * Stopping (disable, shutdown, reset, quiesce) therefore is, under @control: make
 * the predicate false under @lock; wait for the works, the admin queue's first
 * because it creates and deletes the others; change what has to change. It
 * ends: a work that was told to stop finishes what it has fetched, at most
 * NVME_BATCH commands. It cannot deadlock: works never take @control, and only
 * the admin work waits for other works, which never wait for it. Whoever
 * queues a work in the meantime finds that it does nothing.
 *
 * Deleting a submission queue is, in the admin work and holding no lock: mark it
 * not live under @lock, so that nothing is fetched from it any more; wait for its
 * work. No doorbell queues the work of a queue that is not live.
 *
 * @ns and @names change under @control while quiet, when no work looks at them; @ns also
 * under @lock, by which whoever asks how much there is finds one that is not freed.
 */
struct nvme_controller {
	struct mdevsim_function fn;
	u64 capacity;

	struct nvme_namespace *ns;
	struct nvme_names names;
	struct nvme_namespace *shadow;
	struct nvme_names shadow_names;

	struct mutex control;	/* sleeps: waits for works */
	spinlock_t lock;	/* never held across a sleep */
	u32 reg[NVME_REGISTERS];
	bool quiet;
	bool reraise;
	u64 unconsumed;
	bool intx;
	struct nvme_events events;
	struct nvme_feature_values features;
	struct nvme_logs logs;
	struct nvme_sq sq[NVME_QUEUES];
	struct nvme_cq cq[NVME_QUEUES];
};

static inline struct nvme_controller *to_nvme(struct mdevsim_function *fn)
{
	return container_of(fn, struct nvme_controller, fn);
}

/* controller.c */

/** nvme_controller_fatal - the controller cannot go on: CSTS.CFS. Takes the lock. */
void nvme_controller_fatal(struct nvme_controller *ctrl);

/** nvme_controller_cc_valid - whether a controller can be enabled with such a CC */
bool nvme_controller_cc_valid(u32 cc);

/** nvme_controller_reg - a property; the lock is held */
static inline u32 nvme_controller_reg(const struct nvme_controller *ctrl, u32 offset)
{
	return ctrl->reg[offset / 4];
}

/** nvme_controller_reg64 - a property of 64 bits; the lock is held */
static inline u64 nvme_controller_reg64(const struct nvme_controller *ctrl, u32 offset)
{
	return ctrl->reg[offset / 4] | (u64)ctrl->reg[offset / 4 + 1] << 32;
}

/* state.c */

/** define NVME_STATE_RECORDS - control records of a controller */
#define NVME_STATE_RECORDS	6

extern const struct mdevsim_state_ops nvme_state_ops[NVME_STATE_RECORDS];

/** nvme_state_ready - the controller of @set is ready (CSTS.RDY), and so has admin queues */
bool nvme_state_ready(const struct mdevsim_state_set *set);

/** nvme_state_name - give the controller its own names */
void nvme_state_name(struct nvme_controller *ctrl);

void nvme_state_identity(struct mdevsim_function *fn, struct mdevsim_state_identity *id);

/* bulk.c: see &struct mdevsim_function_ops */

void nvme_bulk_save_begin(struct mdevsim_function *fn);
void nvme_bulk_save_end(struct mdevsim_function *fn);
void nvme_bulk_size(struct mdevsim_function *fn, struct mdevsim_bulk_size *size);
bool nvme_bulk_next(struct mdevsim_function *fn, struct mdevsim_extent *extent);
void *nvme_bulk_page_get(struct mdevsim_function *fn, u64 offset);
u32 nvme_bulk_page_crc(struct mdevsim_function *fn, void *page);
void nvme_bulk_page_put(struct mdevsim_function *fn, u64 offset);
int nvme_bulk_touch(struct mdevsim_function *fn, u64 offset);
int nvme_bulk_load_begin(struct mdevsim_function *fn, const struct mdevsim_state_identity *id);
void *nvme_bulk_load_page(struct mdevsim_function *fn, u64 offset);
void nvme_bulk_load_zero(struct mdevsim_function *fn, u64 offset, u64 length);
void nvme_bulk_load_commit(struct mdevsim_function *fn);
void nvme_bulk_load_abort(struct mdevsim_function *fn);
int nvme_bulk_resize(struct mdevsim_function *fn, u64 size);

#endif /* MDEVSIM_NVME_NVME_H */
