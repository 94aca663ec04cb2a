// SPDX-License-Identifier: GPL-2.0
/*
 * Submission and completion queues: doorbells, fetching, posting, interrupts.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include "nvme.h"

/* Rounds of fetching after which a work makes room for others */
#define SQ_ROUNDS	8
/* Completions are posted at the latest when their commands have moved so many bytes */
#define POST_BYTES	(256 << 10)

static u16 ring_used(u16 head, u16 tail, u16 entries)
{
	return tail >= head ? tail - head : entries - head + tail;
}

static u16 sq_pending(const struct nvme_sq *sq)
{
	return ring_used(sq->head, sq->tail, sq->entries);
}

static u16 cq_used(const struct nvme_cq *cq)
{
	return ring_used(cq->head, cq->tail, cq->entries);
}

bool nvme_queue_fetching(const struct nvme_controller *ctrl)
{
	u32 csts = nvme_controller_reg(ctrl, NVME_REG_CSTS);

	lockdep_assert_held(&ctrl->lock);
	if (ctrl->quiet || !(nvme_controller_reg(ctrl, NVME_REG_CC) & NVME_CC_ENABLE))
		return false;
	return (csts & (NVME_CSTS_RDY | NVME_CSTS_CFS | NVME_CSTS_SHST_MASK)) == NVME_CSTS_RDY;
}

unsigned int nvme_queue_reserve(struct nvme_cq *cq, unsigned int wanted)
{
	unsigned int taken = cq_used(cq) + cq->reserved + 1;
	unsigned int room = cq->entries > taken ? cq->entries - taken : 0;

	if (wanted > room)
		cq->starved = true;
	wanted = min(wanted, room);
	cq->reserved += wanted;
	return wanted;
}

void nvme_queue_unreserve(struct nvme_sq *sq, unsigned int count)
{
	guard(spinlock)(&sq->ctrl->lock);
	sq->cq->reserved -= count;
}

static void sq_kick(struct nvme_sq *sq)
{
	queue_work(mdevsim_function_wq, &sq->work);
}

/* Interrupts */

void nvme_queue_track(struct nvme_controller *ctrl, struct nvme_cq *cq)
{
	lockdep_assert_held(&ctrl->lock);
	if (cq->live && cq->irq_enabled && cq->head != cq->tail)
		ctrl->unconsumed |= BIT_ULL(cq->qid);
	else
		ctrl->unconsumed &= ~BIT_ULL(cq->qid);
}

/* The pin stands for vector 0, whatever vector a queue was given. */
static bool intx_level(const struct nvme_controller *ctrl)
{
	return ctrl->unconsumed && !(nvme_controller_reg(ctrl, NVME_REG_INTMS) & 1);
}

void nvme_queue_intx(struct nvme_controller *ctrl)
{
	bool level = intx_level(ctrl);

	lockdep_assert_held(&ctrl->lock);
	if (ctrl->quiet || level == ctrl->intx)
		return;
	ctrl->intx = level;
	mdevsim_irq_intx(&ctrl->fn, level);
}

void nvme_queue_reraise(struct nvme_controller *ctrl)
{
	unsigned int i;

	guard(spinlock)(&ctrl->lock);
	ctrl->intx = intx_level(ctrl);
	mdevsim_irq_intx(&ctrl->fn, ctrl->intx);
	if (!ctrl->reraise)
		return;
	ctrl->reraise = false;
	for (i = 0; i < NVME_QUEUES; i++)
		if (ctrl->unconsumed & BIT_ULL(i))
			mdevsim_irq_raise(&ctrl->fn, ctrl->cq[i].vector);
}

static void cq_interrupt(struct nvme_controller *ctrl, struct nvme_cq *cq)
{
	if (!cq->irq_enabled)
		return;
	mdevsim_irq_raise(&ctrl->fn, cq->vector);
	guard(spinlock)(&ctrl->lock);
	nvme_queue_intx(ctrl);
}

/* Posting */

/* Give entries from the tail to completions, as many as fit before the end of the queue. */
static unsigned int cq_take(struct nvme_cq *cq, struct nvme_completion *cqe, unsigned int count)
{
	unsigned int i;

	count = min_t(unsigned int, count, cq->entries - cq->tail);
	for (i = 0; i < count; i++)
		cqe[i].status |= cpu_to_le16(!cq->phase);
	cq->reserved -= count;
	cq->tail += count;
	if (cq->tail == cq->entries) {
		cq->tail = 0;
		cq->phase = !cq->phase;
	}
	return count;
}

/*
 * Memory is copied byte by byte, and a host may poll: written at once, the phase tag could be there
 * before the rest of its entry. So the entries are written with the tag they have had, then again.
 */
static int cq_publish(struct nvme_controller *ctrl, u64 slot, struct nvme_completion *cqe,
		      unsigned int count)
{
	unsigned int i;
	int ret;

	ret = mdevsim_dma_write(&ctrl->fn, slot, cqe, count * sizeof(*cqe));
	for (i = 0; i < count; i++)
		cqe[i].status ^= cpu_to_le16(1);
	smp_wmb(); /* an entry before its tag; pairs with the host's read of the tag */
	return ret ?: mdevsim_dma_write(&ctrl->fn, slot, cqe, count * sizeof(*cqe));
}

/* Write some of @count completions; return how many. */
static unsigned int cq_write(struct nvme_controller *ctrl, struct nvme_cq *cq,
			     struct nvme_completion *cqe, unsigned int count)
{
	u64 slot;

	lockdep_assert_held(&cq->post);
	scoped_guard(spinlock, &ctrl->lock) {
		slot = cq->base + cq->tail * sizeof(*cqe);
		count = cq_take(cq, cqe, count);
		nvme_queue_track(ctrl, cq);
	}
	if (cq_publish(ctrl, slot, cqe, count))
		nvme_controller_fatal(ctrl);
	return count;
}

static void sq_account(struct nvme_sq *sq)
{
	struct nvme_io_counters *total = &sq->ctrl->logs.io;

	guard(spinlock)(&sq->ctrl->lock);
	total->reads += sq->counters.reads;
	total->writes += sq->counters.writes;
	total->blocks_read += sq->counters.blocks_read;
	total->blocks_written += sq->counters.blocks_written;
	sq->counters = (struct nvme_io_counters) {};
}

void nvme_queue_post(struct nvme_sq *sq)
{
	struct nvme_completion *cqe = sq->done;
	unsigned int count = sq->nr_done;
	unsigned int written;

	if (!count)
		return;
	sq_account(sq);
	scoped_guard(mutex, &sq->cq->post) {
		for (; count; count -= written, cqe += written)
			written = cq_write(sq->ctrl, sq->cq, cqe, count);
	}
	sq->nr_done = 0;
	sq->moved = 0;
	cq_interrupt(sq->ctrl, sq->cq);
}

void nvme_queue_complete(struct nvme_sq *sq, u16 cid, u32 result, u16 status)
{
	if (sq->nr_done == ARRAY_SIZE(sq->done))
		nvme_queue_post(sq);
	sq->done[sq->nr_done++] = (struct nvme_completion) {
		.result.u32	= cpu_to_le32(result),
		.sq_head	= cpu_to_le16(sq->head),
		.sq_id		= cpu_to_le16(sq->qid),
		.command_id	= (__force u16)cpu_to_le16(cid),
		.status		= cpu_to_le16(status << 1),
	};
}

/* Executing */

/* Worth another try: nothing in the command is wrong. */
static bool status_may_change(u16 status)
{
	switch (status) {
	case NVME_SC_DATA_XFER_ERROR:
	case NVME_SC_INTERNAL:
	case NVME_SC_ABORT_REQ:
	case NVME_SC_CMD_SEQ_ERROR:
	case NVME_SC_ABORT_LIMIT:
	case NVME_SC_ASYNC_LIMIT:
		return true;
	}
	return false;
}

/* Log the error and return the whole status field, without the phase tag. */
static u16 fail(const struct nvme_request *req, u16 status)
{
	const struct nvme_common_command *cmd = &req->cmd->common;

	mdevsim_function_dbg(&req->sq->ctrl->fn,
			     "nvme: queue %u, command %u, opcode %02xh: status %03xh, byte %u",
			     req->sq->qid, cmd->command_id, cmd->opcode, status,
			     req->location & 0xff);
	if (!status_may_change(status))
		status |= NVME_STATUS_DNR;
	status |= NVME_STATUS_MORE;
	guard(spinlock)(&req->sq->ctrl->lock);
	nvme_log_error(req->sq->ctrl, (struct mdevsim_state_nvme_error) {
		.sqid		= cpu_to_le16(req->sq->qid),
		.cid		= (__force __le16)cmd->command_id,
		.status		= cpu_to_le16(status << 1),
		.location	= cpu_to_le16(req->location),
		.lba		= cpu_to_le64(req->lba),
		.nsid		= cmd->nsid,
	});
	return status;
}

static u16 execute(struct nvme_request *req)
{
	const struct nvme_common_command *cmd = &req->cmd->common;
	const struct nvme_operation *operation;
	u16 status;

	if (req->sq->qid)
		operation = nvme_io_operation(cmd->opcode);
	else
		operation = nvme_admin_operation(cmd->opcode);
	if (!operation) {
		req->location = offsetof(struct nvme_common_command, opcode);
		return NVME_SC_INVALID_OPCODE;
	}
	if (cmd->flags & (NVME_CMD_FUSE_FIRST | NVME_CMD_FUSE_SECOND | NVME_CMD_SGL_ALL))
		return nvme_bad_field(req, offsetof(struct nvme_common_command, flags));
	switch (mdevsim_function_command(&req->sq->ctrl->fn, !req->sq->qid, cmd->opcode, &status)) {
	case MDEVSIM_VERDICT_EXECUTE:
		return operation->execute(req);
	case MDEVSIM_VERDICT_COMPLETE:
		return status;
	case MDEVSIM_VERDICT_DROP:
		req->parked = true;
	}
	return NVME_SC_SUCCESS;
}

static void sq_execute(struct nvme_sq *sq, const struct nvme_command *cmd)
{
	struct nvme_request req = { .sq = sq, .cmd = cmd, .location = 0xffff };
	u16 cid = le16_to_cpu((__force __le16)cmd->common.command_id);
	u16 status = execute(&req);

	if (req.parked) {
		nvme_queue_unreserve(sq, 1);
		return;
	}
	if (status)
		status = fail(&req, status);
	nvme_queue_complete(sq, cid, req.result, status);
	if (sq->moved >= POST_BYTES)
		nvme_queue_post(sq);
}

/* Fetching */

/* Commands to fetch now: in one piece, with completion entries reserved. */
static unsigned int sq_claim(struct nvme_sq *sq)
{
	struct nvme_controller *ctrl = sq->ctrl;
	unsigned int burst, count;

	guard(spinlock)(&ctrl->lock);
	if (!sq->live || !nvme_queue_fetching(ctrl))
		return 0;
	burst = 1 << (ctrl->features.value[NVME_SLOT_ARBITRATION] & 7);
	count = min3(burst, NVME_BATCH, (unsigned int)sq_pending(sq));
	count = min_t(unsigned int, count, sq->entries - sq->head);
	count = nvme_queue_reserve(sq->cq, count);
	if (count && sq->qid)
		nvme_log_busy(&ctrl->logs, true);
	return count;
}

static void sq_unbusy(struct nvme_sq *sq)
{
	guard(spinlock)(&sq->ctrl->lock);
	if (sq->qid)
		nvme_log_busy(&sq->ctrl->logs, false);
}

/*
 * A queue that cannot be read is fatal, unless the guest has just switched bus
 * mastering off: then the commands stay where they are until it is on again.
 */
static bool sq_fetch(struct nvme_sq *sq, unsigned int count)
{
	struct mdevsim_function *fn = &sq->ctrl->fn;
	u64 first = sq->base + sq->head * sizeof(*sq->commands);

	if (mdevsim_dma_read(fn, first, sq->commands, count * sizeof(*sq->commands))) {
		nvme_queue_unreserve(sq, count);
		if (mdevsim_dma_enabled(fn))
			nvme_controller_fatal(sq->ctrl);
		return false;
	}
	guard(spinlock)(&sq->ctrl->lock);
	sq->head = (sq->head + count) % sq->entries;
	return true;
}

/* Fetch, execute and complete some commands; false when there is nothing to do. */
static bool sq_round(struct nvme_sq *sq)
{
	unsigned int count = sq_claim(sq);
	bool fetched;
	unsigned int i;

	if (!count)
		return false;
	fetched = sq_fetch(sq, count);
	if (fetched) {
		for (i = 0; i < count; i++)
			sq_execute(sq, &sq->commands[i]);
		nvme_queue_post(sq);
	}
	sq_unbusy(sq);
	return fetched;
}

static void io_work(struct work_struct *work)
{
	struct nvme_sq *sq = container_of(work, struct nvme_sq, work);
	unsigned int i;

	if (!mdevsim_dma_enabled(&sq->ctrl->fn))
		return;
	for (i = 0; i < SQ_ROUNDS; i++)
		if (!sq_round(sq))
			return;
	sq_kick(sq);
}

/* The admin queue's work reports events, too. It may wait for any io_work(). */
static void admin_work(struct work_struct *work)
{
	struct nvme_sq *sq = container_of(work, struct nvme_sq, work);
	unsigned int i;

	if (!mdevsim_dma_enabled(&sq->ctrl->fn))
		return;
	for (i = 0; i < SQ_ROUNDS; i++) {
		nvme_event_deliver(sq->ctrl);
		if (!sq_round(sq))
			return;
	}
	sq_kick(sq);
}

/* Doorbells */

/* A tail must lie in the queue and must not add more commands than there is room for. */
static bool sq_doorbell(struct nvme_sq *sq, u32 value)
{
	if (value >= sq->entries)
		return false;
	if (ring_used(sq->tail, value, sq->entries) + sq_pending(sq) >= sq->entries)
		return false;
	sq->tail = value;
	sq_kick(sq);
	return true;
}

static void cq_unstarve(struct nvme_controller *ctrl, struct nvme_cq *cq)
{
	unsigned int i;

	if (!cq->starved)
		return;
	cq->starved = false;
	for (i = 0; i < NVME_QUEUES; i++)
		if (ctrl->sq[i].live && ctrl->sq[i].cq == cq)
			sq_kick(&ctrl->sq[i]);
}

/* A head must lie in the queue and must not consume more entries than were posted. */
static bool cq_doorbell(struct nvme_controller *ctrl, struct nvme_cq *cq, u32 value)
{
	if (value >= cq->entries)
		return false;
	if (ring_used(cq->head, value, cq->entries) > cq_used(cq))
		return false;
	cq->head = value;
	nvme_queue_track(ctrl, cq);
	nvme_queue_intx(ctrl);
	cq_unstarve(ctrl, cq);
	return true;
}

static void bad_doorbell(struct nvme_controller *ctrl, enum nvme_event event)
{
	mdevsim_function_dbg(&ctrl->fn, "nvme: a doorbell of no queue, or a value past its entries");
	nvme_log_error(ctrl, (struct mdevsim_state_nvme_error) {
		.sqid		= cpu_to_le16(0xffff),
		.cid		= cpu_to_le16(0xffff),
		.status		= cpu_to_le16(NVME_SC_INVALID_FIELD << 1),
		.location	= cpu_to_le16(0xffff),
	});
	nvme_event_raise(ctrl, event);
}

void nvme_queue_doorbell(struct nvme_controller *ctrl, u32 index, u32 value)
{
	struct nvme_sq *sq;
	struct nvme_cq *cq;
	bool valid;

	guard(spinlock)(&ctrl->lock);
	if (!(nvme_controller_reg(ctrl, NVME_REG_CSTS) & NVME_CSTS_RDY))
		return;
	if (index / 2 >= NVME_QUEUES) {
		bad_doorbell(ctrl, NVME_EVENT_DOORBELL_REGISTER);
		return;
	}
	sq = &ctrl->sq[array_index_nospec(index / 2, NVME_QUEUES)];
	cq = &ctrl->cq[array_index_nospec(index / 2, NVME_QUEUES)];
	if (!(index & 1 ? cq->live : sq->live)) {
		bad_doorbell(ctrl, NVME_EVENT_DOORBELL_REGISTER);
		return;
	}
	valid = index & 1 ? cq_doorbell(ctrl, cq, value) : sq_doorbell(sq, value);
	if (!valid)
		bad_doorbell(ctrl, NVME_EVENT_DOORBELL_VALUE);
}

/* Life */

void nvme_queue_open_sq(struct nvme_sq *sq, struct nvme_cq *cq, u64 base, u16 entries)
{
	lockdep_assert_held(&sq->ctrl->lock);
	sq->cq = cq;
	sq->base = base;
	sq->entries = entries;
	sq->head = 0;
	sq->tail = 0;
	sq->attributes = NVME_QUEUE_PHYS_CONTIG;
	sq->live = true;
}

void nvme_queue_open_cq(struct nvme_controller *ctrl, struct nvme_cq *cq, u64 base, u16 entries)
{
	lockdep_assert_held(&ctrl->lock);
	cq->base = base;
	cq->entries = entries;
	cq->head = 0;
	cq->tail = 0;
	cq->reserved = 0;
	cq->vector = 0;
	cq->phase = true;
	cq->irq_enabled = true;
	cq->starved = false;
	cq->live = true;
}

void nvme_queue_close_sq(struct nvme_sq *sq)
{
	scoped_guard(spinlock, &sq->ctrl->lock)
		sq->live = false;
	cancel_work_sync(&sq->work);
}

void nvme_queue_close_cq(struct nvme_controller *ctrl, struct nvme_cq *cq)
{
	cq->live = false;
	nvme_queue_track(ctrl, cq);
	nvme_queue_intx(ctrl);
}

void nvme_queue_close_all(struct nvme_controller *ctrl)
{
	unsigned int i;

	lockdep_assert_held(&ctrl->lock);
	for (i = 0; i < NVME_QUEUES; i++) {
		ctrl->sq[i].live = false;
		ctrl->cq[i].live = false;
	}
	ctrl->unconsumed = 0;
	nvme_queue_intx(ctrl);
}

void nvme_queue_kick(struct nvme_controller *ctrl)
{
	unsigned int i;

	guard(spinlock)(&ctrl->lock);
	if (!nvme_queue_fetching(ctrl))
		return;
	for (i = 0; i < NVME_QUEUES; i++)
		if (ctrl->sq[i].live && (!i || sq_pending(&ctrl->sq[i])))
			sq_kick(&ctrl->sq[i]);
}

void nvme_queue_stop(struct nvme_controller *ctrl)
{
	unsigned int i;

	lockdep_assert_held(&ctrl->control);
	for (i = 0; i < NVME_QUEUES; i++)
		cancel_work_sync(&ctrl->sq[i].work);
}

void nvme_queue_init(struct nvme_controller *ctrl)
{
	unsigned int i;

	for (i = 0; i < NVME_QUEUES; i++) {
		ctrl->sq[i].ctrl = ctrl;
		ctrl->sq[i].qid = i;
		ctrl->cq[i].qid = i;
		mutex_init(&ctrl->cq[i].post);
		if (i)
			INIT_WORK(&ctrl->sq[i].work, io_work);
		else
			INIT_WORK(&ctrl->sq[i].work, admin_work);
	}
}
