// SPDX-License-Identifier: GPL-2.0
/*
 * What of a controller migrates, but for the namespace's blocks: save, check and
 * load of each control record, and identity. Loads take what checks let
 * through; checks look at the stream only, never at the controller.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "nvme.h"

#define CC_RESERVED		0xff00000eU
#define AQA_RESERVED		0xf000f000U
#define CSTS_KNOWN		(NVME_CSTS_RDY | NVME_CSTS_CFS | NVME_CSTS_SHST_MASK)
#define ADMIN_ENTRIES		4096

/* Attributes of completion queues, TP4159 */
#define CQ_PHASE		BIT(2)
#define CQ_ATTRIBUTES		(NVME_QUEUE_PHYS_CONTIG | NVME_CQ_IRQ_ENABLED | CQ_PHASE)
#define CQ_VECTOR(attributes)	((attributes) >> 16)
#define CQ_RESERVED(attributes)	((attributes) & 0xffff & ~CQ_ATTRIBUTES)

#define MAX_QUEUES_LENGTH	(sizeof(struct mdevsim_state_nvme_queues) +			\
				 MDEVSIM_MAX_IO_QUEUES * (sizeof(struct mdevsim_state_nvme_sq) + \
							  sizeof(struct mdevsim_state_nvme_cq)))

#define MAX_FEATURES_LENGTH	(sizeof(struct mdevsim_state_nvme_features) +			\
				 MDEVSIM_MAX_FEATURES * sizeof(struct mdevsim_state_nvme_feature))

static const void *body_of(const struct mdevsim_state_set *set, u16 type)
{
	return set->body[type];
}

/* NVME_REGS */

static u32 regs_save(struct mdevsim_function *fn, void *body)
{
	struct nvme_controller *ctrl = to_nvme(fn);
	struct mdevsim_state_nvme_regs *state = body;

	guard(mutex)(&ctrl->control);
	guard(spinlock)(&ctrl->lock);
	*state = (struct mdevsim_state_nvme_regs) {
		.cap	= cpu_to_le64(nvme_controller_reg64(ctrl, NVME_REG_CAP)),
		.vs	= cpu_to_le32(nvme_controller_reg(ctrl, NVME_REG_VS)),
		.intms	= cpu_to_le32(nvme_controller_reg(ctrl, NVME_REG_INTMS)),
		.cc	= cpu_to_le32(nvme_controller_reg(ctrl, NVME_REG_CC)),
		.csts	= cpu_to_le32(nvme_controller_reg(ctrl, NVME_REG_CSTS)),
		.aqa	= cpu_to_le32(nvme_controller_reg(ctrl, NVME_REG_AQA)),
		.asq	= cpu_to_le64(nvme_controller_reg64(ctrl, NVME_REG_ASQ)),
		.acq	= cpu_to_le64(nvme_controller_reg64(ctrl, NVME_REG_ACQ)),
	};
	return sizeof(*state);
}

/* Enabled and ready go together, but for a controller that gave up; so do the shutdown fields. */
static bool csts_fits(u32 cc, u32 csts)
{
	bool enabled = cc & NVME_CC_ENABLE;
	bool shutdown = cc & NVME_CC_SHN_MASK;

	if (csts & ~CSTS_KNOWN)
		return false;
	if ((csts & NVME_CSTS_SHST_MASK) != (shutdown ? NVME_CSTS_SHST_CMPLT : 0))
		return false;
	return enabled ? csts & (NVME_CSTS_RDY | NVME_CSTS_CFS) :
			 !(csts & (NVME_CSTS_RDY | NVME_CSTS_CFS));
}

static int regs_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		      struct mdevsim_reason *why)
{
	const struct mdevsim_state_nvme_regs *state = body_of(set, MDEVSIM_RECORD_NVME_REGS);
	const struct nvme_controller *ctrl = to_nvme(fn);
	u32 cc = le32_to_cpu(state->cc);
	u32 csts = le32_to_cpu(state->csts);
	u32 aqa = le32_to_cpu(state->aqa);

	if (le64_to_cpu(state->cap) != nvme_controller_reg64(ctrl, NVME_REG_CAP) ||
	    le32_to_cpu(state->vs) != nvme_controller_reg(ctrl, NVME_REG_VS))
		return mdevsim_refuse(why, -EXDEV,
				      "nvme-regs: capabilities or version are not this controller's");
	if (cc & CC_RESERVED || aqa & AQA_RESERVED || state->reserved)
		return mdevsim_refuse(why, -EINVAL, "nvme-regs: a reserved field is not zero");
	if (!csts_fits(cc, csts))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-regs: status %#x does not go with configuration %#x",
				      csts, cc);
	if (csts & NVME_CSTS_RDY && !nvme_controller_cc_valid(cc))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-regs: ready with configuration %#x", cc);
	if (le64_to_cpu(state->asq) % NVME_PAGE_SIZE || le64_to_cpu(state->acq) % NVME_PAGE_SIZE)
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-regs: an admin queue does not start at a page");
	return 0;
}

/* The first record of a controller: what was there before goes. */
static void regs_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	const struct mdevsim_state_nvme_regs *state = body;
	struct nvme_controller *ctrl = to_nvme(fn);

	guard(mutex)(&ctrl->control);
	nvme_queue_stop(ctrl);
	guard(spinlock)(&ctrl->lock);
	nvme_queue_close_all(ctrl);
	ctrl->reg[NVME_REG_INTMS / 4] = le32_to_cpu(state->intms);
	ctrl->reg[NVME_REG_INTMC / 4] = le32_to_cpu(state->intms);
	ctrl->reg[NVME_REG_CC / 4] = le32_to_cpu(state->cc);
	ctrl->reg[NVME_REG_CSTS / 4] = le32_to_cpu(state->csts);
	ctrl->reg[NVME_REG_AQA / 4] = le32_to_cpu(state->aqa);
	ctrl->reg[NVME_REG_ASQ / 4] = lower_32_bits(le64_to_cpu(state->asq));
	ctrl->reg[NVME_REG_ASQ / 4 + 1] = upper_32_bits(le64_to_cpu(state->asq));
	ctrl->reg[NVME_REG_ACQ / 4] = lower_32_bits(le64_to_cpu(state->acq));
	ctrl->reg[NVME_REG_ACQ / 4 + 1] = upper_32_bits(le64_to_cpu(state->acq));
}

/* NVME_ADMIN */

static u32 admin_save(struct mdevsim_function *fn, void *body)
{
	struct nvme_controller *ctrl = to_nvme(fn);
	struct mdevsim_state_nvme_admin *state = body;
	const struct nvme_sq *sq = &ctrl->sq[0];
	const struct nvme_cq *cq = &ctrl->cq[0];

	guard(spinlock)(&ctrl->lock);
	*state = (struct mdevsim_state_nvme_admin) {};
	if (!sq->live)
		return sizeof(*state);
	*state = (struct mdevsim_state_nvme_admin) {
		.sq_base	= cpu_to_le64(sq->base),
		.cq_base	= cpu_to_le64(cq->base),
		.sq_size	= cpu_to_le16(sq->entries - 1),
		.sq_head	= cpu_to_le16(sq->head),
		.sq_tail	= cpu_to_le16(sq->tail),
		.cq_size	= cpu_to_le16(cq->entries - 1),
		.cq_head	= cpu_to_le16(cq->head),
		.cq_tail	= cpu_to_le16(cq->tail),
		.cq_phase	= cq->phase,
		.enabled	= 1,
	};
	return sizeof(*state);
}

/* A queue of @size + 1 entries, at most @entries */
static bool ring_valid(u64 base, u16 size, u16 head, u16 tail, u32 entries)
{
	if (base % NVME_PAGE_SIZE || !size || size >= entries)
		return false;
	return head <= size && tail <= size;
}

static bool admin_rings_valid(const struct mdevsim_state_nvme_admin *state)
{
	return ring_valid(le64_to_cpu(state->sq_base), le16_to_cpu(state->sq_size),
			  le16_to_cpu(state->sq_head), le16_to_cpu(state->sq_tail),
			  ADMIN_ENTRIES) &&
	       ring_valid(le64_to_cpu(state->cq_base), le16_to_cpu(state->cq_size),
			  le16_to_cpu(state->cq_head), le16_to_cpu(state->cq_tail),
			  ADMIN_ENTRIES);
}

bool nvme_state_ready(const struct mdevsim_state_set *set)
{
	const struct mdevsim_state_nvme_regs *regs = body_of(set, MDEVSIM_RECORD_NVME_REGS);

	return le32_to_cpu(regs->csts) & NVME_CSTS_RDY;
}

static int admin_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		       struct mdevsim_reason *why)
{
	const struct mdevsim_state_nvme_admin *state = body_of(set, MDEVSIM_RECORD_NVME_ADMIN);

	if (memchr_inv(state->reserved, 0, sizeof(state->reserved)))
		return mdevsim_refuse(why, -EINVAL, "nvme-admin: a reserved field is not zero");
	if (state->enabled != nvme_state_ready(set))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-admin: queues exist exactly when the controller is ready");
	if (!state->enabled && memchr_inv(state, 0, sizeof(*state)))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-admin: something is said of queues that do not exist");
	if (!state->enabled)
		return 0;
	if (!admin_rings_valid(state) || state->cq_phase > 1)
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-admin: a base, size, head, tail or phase is impossible");
	return 0;
}

static void admin_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	const struct mdevsim_state_nvme_admin *state = body;
	struct nvme_controller *ctrl = to_nvme(fn);
	struct nvme_sq *sq = &ctrl->sq[0];
	struct nvme_cq *cq = &ctrl->cq[0];

	if (!state->enabled)
		return;
	guard(spinlock)(&ctrl->lock);
	nvme_queue_open_cq(ctrl, cq, le64_to_cpu(state->cq_base), le16_to_cpu(state->cq_size) + 1);
	nvme_queue_open_sq(sq, cq, le64_to_cpu(state->sq_base), le16_to_cpu(state->sq_size) + 1);
	sq->head = le16_to_cpu(state->sq_head);
	sq->tail = le16_to_cpu(state->sq_tail);
	cq->head = le16_to_cpu(state->cq_head);
	cq->tail = le16_to_cpu(state->cq_tail);
	cq->phase = state->cq_phase;
	nvme_queue_track(ctrl, cq);
}

/* NVME_QUEUES */

static void sq_save(const struct nvme_sq *sq, struct mdevsim_state_nvme_sq *state)
{
	*state = (struct mdevsim_state_nvme_sq) {
		.prp1		= cpu_to_le64(sq->base),
		.size		= cpu_to_le16(sq->entries - 1),
		.qid		= cpu_to_le16(sq->qid),
		.cqid		= cpu_to_le16(sq->cq->qid),
		.attributes	= cpu_to_le16(sq->attributes),
		.head		= cpu_to_le16(sq->head),
		.tail		= cpu_to_le16(sq->tail),
	};
}

/* The phase tag that slot 0 holds: of this round when its tail is past it, else of the last. */
static bool slot0_phase(u16 tail, bool phase)
{
	return tail ? phase : !phase;
}

static void cq_save(const struct nvme_cq *cq, struct mdevsim_state_nvme_cq *state)
{
	u32 attributes = NVME_QUEUE_PHYS_CONTIG | (u32)cq->vector << 16;

	if (cq->irq_enabled)
		attributes |= NVME_CQ_IRQ_ENABLED;
	if (slot0_phase(cq->tail, cq->phase))
		attributes |= CQ_PHASE;
	*state = (struct mdevsim_state_nvme_cq) {
		.prp1		= cpu_to_le64(cq->base),
		.size		= cpu_to_le16(cq->entries - 1),
		.qid		= cpu_to_le16(cq->qid),
		.head		= cpu_to_le16(cq->head),
		.tail		= cpu_to_le16(cq->tail),
		.attributes	= cpu_to_le32(attributes),
	};
}

/* Bytes of the queues' descriptions, and dwords of the part that has a size field */
static u32 queues_bytes(u32 sqs, u32 cqs)
{
	return sqs * sizeof(struct mdevsim_state_nvme_sq) +
	       cqs * sizeof(struct mdevsim_state_nvme_cq);
}

static u32 queues_dwords(u32 sqs, u32 cqs)
{
	return (sizeof(struct mdevsim_state_nvme_queues) -
		offsetof(struct mdevsim_state_nvme_queues, nvme_version) +
		queues_bytes(sqs, cqs)) / 4;
}

static u32 queues_save(struct mdevsim_function *fn, void *body)
{
	struct nvme_controller *ctrl = to_nvme(fn);
	struct mdevsim_state_nvme_queues *state = body;
	void *at = state->queues;
	u32 i, sqs = 0, cqs = 0;

	guard(spinlock)(&ctrl->lock);
	for (i = 1; i < NVME_QUEUES; i++) {
		if (!ctrl->sq[i].live)
			continue;
		sq_save(&ctrl->sq[i], at);
		at += sizeof(struct mdevsim_state_nvme_sq);
		sqs++;
	}
	for (i = 1; i < NVME_QUEUES; i++) {
		if (!ctrl->cq[i].live)
			continue;
		cq_save(&ctrl->cq[i], at);
		at += sizeof(struct mdevsim_state_nvme_cq);
		cqs++;
	}
	*state = (struct mdevsim_state_nvme_queues) {
		.attributes	= 1,
		.nvme_size	= cpu_to_le64(queues_dwords(sqs, cqs)),
		.nr_sqs		= cpu_to_le16(sqs),
		.nr_cqs		= cpu_to_le16(cqs),
	};
	return sizeof(*state) + queues_bytes(sqs, cqs);
}

static const struct mdevsim_state_nvme_sq *state_sqs(const struct mdevsim_state_nvme_queues *state)
{
	return (const void *)state->queues;
}

static const struct mdevsim_state_nvme_cq *state_cqs(const struct mdevsim_state_nvme_queues *state)
{
	return (const void *)(state_sqs(state) + le16_to_cpu(state->nr_sqs));
}

static bool queues_header_valid(const struct mdevsim_state_nvme_queues *state)
{
	if (state->version || state->nvme_version || state->attributes != 1)
		return false;
	if (state->nvme_size_high || state->vendor_size || state->vendor_size_high)
		return false;
	return !memchr_inv(state->reserved0, 0, sizeof(state->reserved0)) &&
	       !memchr_inv(state->reserved1, 0, sizeof(state->reserved1));
}

static bool qid_ascends(u16 qid, u16 *last)
{
	u16 before = *last;

	*last = qid;
	return qid > before && qid < NVME_QUEUES;
}

static int cq_check(const struct mdevsim_state_nvme_cq *cq, u16 *last, struct mdevsim_reason *why)
{
	u32 attributes = le32_to_cpu(cq->attributes);
	u16 qid = le16_to_cpu(cq->qid);

	if (!qid_ascends(qid, last))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: completion queue %u is out of order or range",
				      qid);
	if (!ring_valid(le64_to_cpu(cq->prp1), le16_to_cpu(cq->size), le16_to_cpu(cq->head),
			le16_to_cpu(cq->tail), NVME_QUEUE_ENTRIES))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: completion queue %u has an impossible base, size, head or tail",
				      qid);
	if (!(attributes & NVME_QUEUE_PHYS_CONTIG) || CQ_RESERVED(attributes) ||
	    memchr_inv(cq->reserved, 0, sizeof(cq->reserved)))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: completion queue %u has attributes %#x", qid,
				      attributes);
	if (CQ_VECTOR(attributes) >= MDEVSIM_MAX_VECTORS)
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: completion queue %u has interrupt vector %u",
				      qid, CQ_VECTOR(attributes));
	return 0;
}

static int sq_check(const struct mdevsim_state_nvme_sq *sq, u64 cq_mask, u16 *last,
		    struct mdevsim_reason *why)
{
	u16 attributes = le16_to_cpu(sq->attributes);
	u16 cqid = le16_to_cpu(sq->cqid);
	u16 qid = le16_to_cpu(sq->qid);

	if (!qid_ascends(qid, last))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: submission queue %u is out of order or range",
				      qid);
	if (!ring_valid(le64_to_cpu(sq->prp1), le16_to_cpu(sq->size), le16_to_cpu(sq->head),
			le16_to_cpu(sq->tail), NVME_QUEUE_ENTRIES))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: submission queue %u has an impossible base, size, head or tail",
				      qid);
	if (!(attributes & NVME_QUEUE_PHYS_CONTIG) || attributes & ~NVME_SQ_ATTRIBUTES ||
	    memchr_inv(sq->reserved, 0, sizeof(sq->reserved)))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: submission queue %u has attributes %#x", qid,
				      attributes);
	if (cqid >= NVME_QUEUES || !(cq_mask & BIT_ULL(cqid)))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: submission queue %u posts to queue %u, which does not exist",
				      qid, cqid);
	return 0;
}

static int queues_check_each(const struct mdevsim_state_nvme_queues *state,
			     struct mdevsim_reason *why)
{
	const struct mdevsim_state_nvme_sq *sq = state_sqs(state);
	const struct mdevsim_state_nvme_cq *cq = state_cqs(state);
	u64 cq_mask = 0;
	u16 i, last = 0;
	int ret;

	for (i = 0; i < le16_to_cpu(state->nr_cqs); i++) {
		ret = cq_check(&cq[i], &last, why);
		if (ret)
			return ret;
		cq_mask |= BIT_ULL(last);
	}
	last = 0;
	for (i = 0; i < le16_to_cpu(state->nr_sqs); i++) {
		ret = sq_check(&sq[i], cq_mask, &last, why);
		if (ret)
			return ret;
	}
	return 0;
}

static int queues_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
			struct mdevsim_reason *why)
{
	const struct mdevsim_state_nvme_queues *state = body_of(set, MDEVSIM_RECORD_NVME_QUEUES);
	u16 sqs = le16_to_cpu(state->nr_sqs);
	u16 cqs = le16_to_cpu(state->nr_cqs);

	if (!queues_header_valid(state))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: not a suspended controller's state of version 0");
	if (sqs > MDEVSIM_MAX_IO_QUEUES || cqs > MDEVSIM_MAX_IO_QUEUES)
		return mdevsim_refuse(why, -EINVAL, "nvme-queues: %u + %u queues are too many",
				      sqs, cqs);
	if (le64_to_cpu(state->nvme_size) != queues_dwords(sqs, cqs) ||
	    set->length[MDEVSIM_RECORD_NVME_QUEUES] != sizeof(*state) + queues_bytes(sqs, cqs))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: %u + %u queues do not make the record's length",
				      sqs, cqs);
	/* CC.IOSQES and IOCQES say nothing of queues that exist: a guest may have changed them. */
	if ((sqs || cqs) && !nvme_state_ready(set))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-queues: queues of a controller that is not ready");
	return queues_check_each(state, why);
}

static void cq_load(struct nvme_controller *ctrl, const struct mdevsim_state_nvme_cq *state)
{
	struct nvme_cq *cq = &ctrl->cq[le16_to_cpu(state->qid)];
	u32 attributes = le32_to_cpu(state->attributes);

	nvme_queue_open_cq(ctrl, cq, le64_to_cpu(state->prp1), le16_to_cpu(state->size) + 1);
	cq->head = le16_to_cpu(state->head);
	cq->tail = le16_to_cpu(state->tail);
	cq->phase = slot0_phase(cq->tail, attributes & CQ_PHASE);
	cq->irq_enabled = attributes & NVME_CQ_IRQ_ENABLED;
	cq->vector = CQ_VECTOR(attributes);
	nvme_queue_track(ctrl, cq);
}

static void sq_load(struct nvme_controller *ctrl, const struct mdevsim_state_nvme_sq *state)
{
	struct nvme_sq *sq = &ctrl->sq[le16_to_cpu(state->qid)];

	nvme_queue_open_sq(sq, &ctrl->cq[le16_to_cpu(state->cqid)], le64_to_cpu(state->prp1),
			   le16_to_cpu(state->size) + 1);
	sq->attributes = le16_to_cpu(state->attributes);
	sq->head = le16_to_cpu(state->head);
	sq->tail = le16_to_cpu(state->tail);
}

static void queues_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	const struct mdevsim_state_nvme_queues *state = body;
	struct nvme_controller *ctrl = to_nvme(fn);
	u16 i;

	guard(spinlock)(&ctrl->lock);
	for (i = 0; i < le16_to_cpu(state->nr_cqs); i++)
		cq_load(ctrl, &state_cqs(state)[i]);
	for (i = 0; i < le16_to_cpu(state->nr_sqs); i++)
		sq_load(ctrl, &state_sqs(state)[i]);
}

static_assert(MAX_QUEUES_LENGTH <= MDEVSIM_CONTROL_MAX);
static_assert(MAX_FEATURES_LENGTH <= MDEVSIM_CONTROL_MAX);

const struct mdevsim_state_ops nvme_state_ops[NVME_STATE_RECORDS] = {
	{
		.type		= MDEVSIM_RECORD_NVME_REGS,
		.version	= 1,
		.min_length	= sizeof(struct mdevsim_state_nvme_regs),
		.max_length	= sizeof(struct mdevsim_state_nvme_regs),
		.save		= regs_save,
		.check		= regs_check,
		.load		= regs_load,
	},
	{
		.type		= MDEVSIM_RECORD_NVME_ADMIN,
		.version	= 1,
		.min_length	= sizeof(struct mdevsim_state_nvme_admin),
		.max_length	= sizeof(struct mdevsim_state_nvme_admin),
		.save		= admin_save,
		.check		= admin_check,
		.load		= admin_load,
	},
	{
		.type		= MDEVSIM_RECORD_NVME_QUEUES,
		.version	= 1,
		.min_length	= sizeof(struct mdevsim_state_nvme_queues),
		.max_length	= MAX_QUEUES_LENGTH,
		.save		= queues_save,
		.check		= queues_check,
		.load		= queues_load,
	},
	{
		.type		= MDEVSIM_RECORD_NVME_FEATURES,
		.version	= 1,
		.min_length	= sizeof(struct mdevsim_state_nvme_features),
		.max_length	= MAX_FEATURES_LENGTH,
		.save		= nvme_feature_save,
		.check		= nvme_feature_check,
		.load		= nvme_feature_load,
	},
	{
		.type		= MDEVSIM_RECORD_NVME_AER,
		.version	= 1,
		.min_length	= sizeof(struct mdevsim_state_nvme_aer),
		.max_length	= sizeof(struct mdevsim_state_nvme_aer),
		.save		= nvme_event_save,
		.check		= nvme_event_check,
		.load		= nvme_event_load,
	},
	{
		.type		= MDEVSIM_RECORD_NVME_LOGS,
		.version	= 1,
		.min_length	= sizeof(struct mdevsim_state_nvme_logs),
		.max_length	= sizeof(struct mdevsim_state_nvme_logs),
		.save		= nvme_log_save,
		.check		= nvme_log_check,
		.load		= nvme_log_load,
	},
};

/* IDENTITY */

/* First and last group of the uuid: a person finds the device by its serial number. */
void nvme_state_name(struct nvme_controller *ctrl)
{
	const u8 *uuid = mdevsim_function_uuid(&ctrl->fn);
	char serial[sizeof(ctrl->names.serial) + 1];

	snprintf(serial, sizeof(serial), "%08x%04x%08x", get_unaligned_be32(uuid),
		 get_unaligned_be16(uuid + 10), get_unaligned_be32(uuid + 12));
	memcpy(ctrl->names.serial, serial, sizeof(ctrl->names.serial));
	memcpy(ctrl->names.nguid, uuid, sizeof(ctrl->names.nguid));
}

void nvme_state_identity(struct mdevsim_function *fn, struct mdevsim_state_identity *id)
{
	const struct nvme_controller *ctrl = to_nvme(fn);

	id->namespace_size = cpu_to_le64(READ_ONCE(ctrl->ns->size));
	memcpy(id->serial, ctrl->names.serial, sizeof(id->serial));
	memcpy(id->nguid, ctrl->names.nguid, sizeof(id->nguid));
}
