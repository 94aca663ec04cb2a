// SPDX-License-Identifier: GPL-2.0
/*
 * Admin commands: the table of all, and those about queues and requests.
 */
#include <linux/array_size.h>
#include <linux/nospec.h>
#include <linux/cleanup.h>
#include "nvme.h"

static u16 bad_qid(struct nvme_request *req, size_t offset)
{
	req->location = offset;
	return NVME_SC_QID_INVALID;
}

static bool qid_is_io(u16 qid)
{
	return qid && qid < NVME_QUEUES;
}

/* What both kinds of queues need; @entry_size: CC's idea of log2 of the entry size is right */
static u16 check_queue(struct nvme_request *req, bool entry_size)
{
	const struct nvme_create_sq *cmd = &req->cmd->create_sq;
	u16 size = le16_to_cpu(cmd->qsize);

	if (!size || size >= NVME_QUEUE_ENTRIES || !entry_size) {
		req->location = offsetof(struct nvme_create_sq, qsize);
		return NVME_SC_QUEUE_SIZE;
	}
	if (!(le16_to_cpu(cmd->sq_flags) & NVME_QUEUE_PHYS_CONTIG))
		return nvme_bad_field(req, offsetof(struct nvme_create_sq, sq_flags));
	if (le64_to_cpu(cmd->prp1) % NVME_PAGE_SIZE) {
		req->location = offsetof(struct nvme_create_sq, prp1);
		return NVME_SC_PRP_INVALID_OFFSET;
	}
	return NVME_SC_SUCCESS;
}

static u32 cc_field(const struct nvme_controller *ctrl, unsigned int shift)
{
	return nvme_controller_reg(ctrl, NVME_REG_CC) >> shift & 0xf;
}

static u16 create_sq(struct nvme_request *req)
{
	const struct nvme_create_sq *cmd = &req->cmd->create_sq;
	struct nvme_controller *ctrl = req->sq->ctrl;
	u16 qid = le16_to_cpu(cmd->sqid);
	u16 cqid = le16_to_cpu(cmd->cqid);
	u16 status;

	guard(spinlock)(&ctrl->lock);
	if (!qid_is_io(qid) || ctrl->sq[qid].live)
		return bad_qid(req, offsetof(struct nvme_create_sq, sqid));
	if (!qid_is_io(cqid))
		return bad_qid(req, offsetof(struct nvme_create_sq, cqid));
	if (!ctrl->cq[cqid].live) {
		req->location = offsetof(struct nvme_create_sq, cqid);
		return NVME_SC_CQ_INVALID;
	}
	status = check_queue(req, cc_field(ctrl, NVME_CC_IOSQES_SHIFT) == NVME_NVM_IOSQES);
	if (status)
		return status;
	nvme_queue_open_sq(&ctrl->sq[qid], &ctrl->cq[cqid], le64_to_cpu(cmd->prp1),
			   le16_to_cpu(cmd->qsize) + 1);
	ctrl->sq[qid].attributes = le16_to_cpu(cmd->sq_flags) & NVME_SQ_ATTRIBUTES;
	return NVME_SC_SUCCESS;
}

/* Without MSI-X there is the pin only, which is vector 0. */
static bool vector_valid(struct nvme_controller *ctrl, u16 vector)
{
	if (mdevsim_irq_is_msix(&ctrl->fn))
		return vector < MDEVSIM_MAX_VECTORS;
	return !vector;
}

static u16 create_cq(struct nvme_request *req)
{
	const struct nvme_create_cq *cmd = &req->cmd->create_cq;
	struct nvme_controller *ctrl = req->sq->ctrl;
	u16 vector = le16_to_cpu(cmd->irq_vector);
	u16 qid = le16_to_cpu(cmd->cqid);
	bool valid = vector_valid(ctrl, vector);
	u16 status;

	guard(spinlock)(&ctrl->lock);
	if (!qid_is_io(qid) || ctrl->cq[qid].live)
		return bad_qid(req, offsetof(struct nvme_create_cq, cqid));
	status = check_queue(req, cc_field(ctrl, NVME_CC_IOCQES_SHIFT) == NVME_NVM_IOCQES);
	if (status)
		return status;
	if (!valid) {
		req->location = offsetof(struct nvme_create_cq, irq_vector);
		return NVME_SC_INVALID_VECTOR;
	}
	nvme_queue_open_cq(ctrl, &ctrl->cq[qid], le64_to_cpu(cmd->prp1),
			   le16_to_cpu(cmd->qsize) + 1);
	ctrl->cq[qid].vector = vector;
	ctrl->cq[qid].irq_enabled = le16_to_cpu(cmd->cq_flags) & NVME_CQ_IRQ_ENABLED;
	return NVME_SC_SUCCESS;
}

static bool sq_is_live(struct nvme_controller *ctrl, u16 qid)
{
	guard(spinlock)(&ctrl->lock);
	return qid_is_io(qid) && ctrl->sq[qid].live;
}

static u16 delete_sq(struct nvme_request *req)
{
	u16 qid = le16_to_cpu(req->cmd->delete_queue.qid);

	if (!sq_is_live(req->sq->ctrl, qid))
		return bad_qid(req, offsetof(struct nvme_delete_queue, qid));
	nvme_queue_close_sq(&req->sq->ctrl->sq[qid]);
	return NVME_SC_SUCCESS;
}

static bool cq_in_use(const struct nvme_controller *ctrl, const struct nvme_cq *cq)
{
	unsigned int i;

	for (i = 0; i < NVME_QUEUES; i++)
		if (ctrl->sq[i].live && ctrl->sq[i].cq == cq)
			return true;
	return false;
}

static u16 delete_cq(struct nvme_request *req)
{
	struct nvme_controller *ctrl = req->sq->ctrl;
	u16 qid = le16_to_cpu(req->cmd->delete_queue.qid);

	guard(spinlock)(&ctrl->lock);
	if (!qid_is_io(qid) || !ctrl->cq[qid].live)
		return bad_qid(req, offsetof(struct nvme_delete_queue, qid));
	if (cq_in_use(ctrl, &ctrl->cq[qid])) {
		req->location = offsetof(struct nvme_delete_queue, qid);
		return NVME_SC_INVALID_QUEUE;
	}
	nvme_queue_close_cq(ctrl, &ctrl->cq[qid]);
	return NVME_SC_SUCCESS;
}

/* Whatever was fetched completes soon; only requests for events wait to be aborted. */
static u16 abort_command(struct nvme_request *req)
{
	const struct nvme_abort_cmd *cmd = &req->cmd->abort;
	u16 cid = le16_to_cpu((__force __le16)cmd->cid);

	req->result = 1;
	if (cmd->sqid || !nvme_event_abort(req->sq->ctrl, cid))
		return NVME_SC_SUCCESS;
	nvme_queue_complete(req->sq, cid, 0, NVME_SC_ABORT_REQ);
	req->result = 0;
	return NVME_SC_SUCCESS;
}

#define SUPPORTED	NVME_CMD_EFFECTS_CSUPP

static const struct nvme_operation operations[] = {
	[nvme_admin_delete_sq]		= { delete_sq, SUPPORTED },
	[nvme_admin_create_sq]		= { create_sq, SUPPORTED },
	[nvme_admin_get_log_page]	= { nvme_log_execute, SUPPORTED },
	[nvme_admin_delete_cq]		= { delete_cq, SUPPORTED },
	[nvme_admin_create_cq]		= { create_cq, SUPPORTED },
	[nvme_admin_identify]		= { nvme_identify_execute, SUPPORTED },
	[nvme_admin_abort_cmd]		= { abort_command, SUPPORTED },
	[nvme_admin_set_features]	= { nvme_feature_set, SUPPORTED },
	[nvme_admin_get_features]	= { nvme_feature_get, SUPPORTED },
	[nvme_admin_async_event]	= { nvme_event_park, SUPPORTED },
};

const struct nvme_operation *nvme_admin_operation(u8 opcode)
{
	const struct nvme_operation *operation;

	if (opcode >= ARRAY_SIZE(operations))
		return NULL;
	operation = &operations[array_index_nospec(opcode, ARRAY_SIZE(operations))];
	return operation->execute ? operation : NULL;
}
