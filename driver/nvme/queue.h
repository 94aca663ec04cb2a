/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Submission and completion queues.
 *
 * A doorbell write stores the tail and queues the submission queue's work. The
 * work fetches as many commands as the completion queue has room for, executes
 * them one after another, and posts their completions. So what was fetched can
 * always be completed, and between two rounds of a work nothing is in flight.
 */
#ifndef MDEVSIM_NVME_QUEUE_H
#define MDEVSIM_NVME_QUEUE_H

#include <linux/mutex.h>
#include <linux/nvme.h>
#include <linux/workqueue.h>
#include "log.h"
#include "prp.h"

struct nvme_controller;
struct nvme_sq;

/** define NVME_QUEUES - queues of each kind: admin and I/O */
#define NVME_QUEUES		(MDEVSIM_MAX_IO_QUEUES + 1)
/** define NVME_QUEUE_ENTRIES - entries in one I/O queue, at most (CAP.MQES + 1) */
#define NVME_QUEUE_ENTRIES	1024
/** define NVME_BATCH - commands fetched at once, at most; Arbitration Burst says how many */
#define NVME_BATCH		16U
/** define NVME_SQ_ATTRIBUTES - what &nvme_sq.attributes can hold: contiguous, priority */
#define NVME_SQ_ATTRIBUTES	(NVME_QUEUE_PHYS_CONTIG | NVME_SQ_PRIO_LOW)

/**
 * struct nvme_cq - completion queue
 * @base: guest address
 * @qid: identifier, its place in &nvme_controller.cq; immutable
 * @entries: size
 * @head: as the doorbell was last written
 * @tail: next entry to be posted; advanced before the entry is written
 * @reserved: entries promised to commands that were fetched
 * @vector: of the interrupt
 * @live: the queue exists
 * @phase: phase tag of the entry at @tail
 * @irq_enabled: interrupts are enabled
 * @starved: a submission queue waits for room
 * @post: held while entries are written, so that they appear in order
 *
 * &nvme_controller.lock protects what changes, but @base, @entries, @vector and
 * @irq_enabled only change while no work uses the queue.
 */
struct nvme_cq {
	u64 base;
	u16 qid;
	u16 entries;
	u16 head;
	u16 tail;
	u16 reserved;
	u16 vector;
	bool live;
	bool phase;
	bool irq_enabled;
	bool starved;
	struct mutex post;	/* sleeps: guest memory */
};

/**
 * struct nvme_sq - submission queue
 * @ctrl: controller; immutable
 * @cq: completion queue
 * @work: fetches and executes commands
 * @base: guest address
 * @qid: identifier, its place in &nvme_controller.sq; immutable
 * @entries: size
 * @head: next entry to be fetched
 * @tail: as the doorbell was last written
 * @attributes: as in Create I/O Submission Queue: contiguous, priority
 * @live: the queue exists
 *
 * The rest belongs to @work alone:
 *
 * @commands: as fetched
 * @done: completions not posted yet
 * @nr_done: number of them
 * @moved: bytes that the commands completed in @done have transferred
 * @counters: what those commands add to &nvme_logs.io
 * @pages: guest addresses of the pages that the command in hand transfers
 * @nr_pages: number of them
 * @list: PRP list as read from guest memory
 *
 * &nvme_controller.lock protects what changes, but @base, @entries and @cq only
 * change while @work is idle and cannot run.
 */
struct nvme_sq {
	struct nvme_controller *ctrl;
	struct nvme_cq *cq;
	struct work_struct work;
	u64 base;
	u16 qid;
	u16 entries;
	u16 head;
	u16 tail;
	u16 attributes;
	bool live;

	struct nvme_command commands[NVME_BATCH];
	struct nvme_completion done[NVME_BATCH];
	unsigned int nr_done;
	u32 moved;
	struct nvme_io_counters counters;
	u64 pages[NVME_MAX_PAGES];
	unsigned int nr_pages;
	__le64 list[NVME_MAX_PAGES];
};

void nvme_queue_init(struct nvme_controller *ctrl);

/** nvme_queue_fetching - works may fetch commands and report events; the lock is held */
bool nvme_queue_fetching(const struct nvme_controller *ctrl);

/** nvme_queue_open_sq - bring a queue to life, empty; the lock is held */
void nvme_queue_open_sq(struct nvme_sq *sq, struct nvme_cq *cq, u64 base, u16 entries);
void nvme_queue_open_cq(struct nvme_controller *ctrl, struct nvme_cq *cq, u64 base, u16 entries);

/** nvme_queue_close_sq - end a queue and wait for its work; in the admin work, no lock held */
void nvme_queue_close_sq(struct nvme_sq *sq);

/** nvme_queue_close_cq - end a queue that no submission queue uses; the lock is held */
void nvme_queue_close_cq(struct nvme_controller *ctrl, struct nvme_cq *cq);

/** nvme_queue_close_all - end all queues; works are idle, the lock is held */
void nvme_queue_close_all(struct nvme_controller *ctrl);

/** nvme_queue_track - @cq's head or tail was changed; the lock is held */
void nvme_queue_track(struct nvme_controller *ctrl, struct nvme_cq *cq);

/** nvme_queue_doorbell - a doorbell was written: @index counts from 1000h in dwords */
void nvme_queue_doorbell(struct nvme_controller *ctrl, u32 index, u32 value);

/** nvme_queue_kick - let every work look for something to do. Takes the lock. */
void nvme_queue_kick(struct nvme_controller *ctrl);

/** nvme_queue_stop - wait until every work is idle; fetching is off, @control held */
void nvme_queue_stop(struct nvme_controller *ctrl);

/** nvme_queue_reserve - promise entries of @cq, at most @wanted: how many; the lock is held */
unsigned int nvme_queue_reserve(struct nvme_cq *cq, unsigned int wanted);

/** nvme_queue_unreserve - give back @count promised entries. Takes the lock. */
void nvme_queue_unreserve(struct nvme_sq *sq, unsigned int count);

/** nvme_queue_complete - complete a command, for which an entry was reserved; in @sq's work */
void nvme_queue_complete(struct nvme_sq *sq, u16 cid, u32 result, u16 status);

/** nvme_queue_post - post the completions gathered so far; in @sq's work */
void nvme_queue_post(struct nvme_sq *sq);

/** nvme_queue_intx - the level of INTx may have changed; the lock is held */
void nvme_queue_intx(struct nvme_controller *ctrl);

/** nvme_queue_reraise - drive INTx, and raise what may have been lost. Takes the lock. */
void nvme_queue_reraise(struct nvme_controller *ctrl);

#endif /* MDEVSIM_NVME_QUEUE_H */
