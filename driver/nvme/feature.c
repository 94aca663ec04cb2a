// SPDX-License-Identifier: GPL-2.0
/*
 * Features: Set, Get, and the record in which they migrate.
 */
#include <linux/array_size.h>
#include <linux/nospec.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include "nvme.h"

#define FID_MASK		0xff
#define SET_SAVE		BIT(31)		/* CDW10 of Set Features */
#define GET_SELECT(cdw10)	((cdw10) >> 8 & 7)
#define CAP_NAMESPACE		BIT(1)		/* what SELECT_CAPABILITIES returns */
#define CAP_CHANGEABLE		BIT(2)

#define TEMP_SELECT		GENMASK(21, 16)	/* CDW11: which threshold */
#define TEMP_SENSOR		GENMASK(19, 16)
#define POWER_STATE		GENMASK(4, 0)
#define RECOVERY_DULBE		BIT(16)
#define VECTOR			GENMASK(15, 0)
#define VECTOR_UNCOALESCED	BIT(16)

#define TIMESTAMP_MASK		GENMASK_ULL(47, 0)
#define TIMESTAMP_HOST		BIT_ULL(49)

/* Number of Queues: as many as there are, whatever is asked for */
#define ALL_QUEUES		((MDEVSIM_MAX_IO_QUEUES - 1) << 16 | (MDEVSIM_MAX_IO_QUEUES - 1))

enum { SELECT_CURRENT, SELECT_DEFAULT, SELECT_SAVED, SELECT_CAPABILITIES };

/**
 * struct slot - a feature, or part of one, that is a value of up to 32 bits
 * @fid: Feature Identifier
 * @select: bits of CDW11 that tell it from others of the same identifier
 * @initial: default value
 * @valid: bits of CDW11 that are the value
 * @refused: bits of CDW11 that must not be set
 */
struct slot {
	u8 fid;
	u32 select;
	u32 initial;
	u32 valid;
	u32 refused;
};

/* By ascending identifier and selector, the order in which they migrate */
static const struct slot slots[NVME_SLOTS] = {
	[NVME_SLOT_ARBITRATION] = {
		.fid		= NVME_FEAT_ARBITRATION,
		.initial	= NVME_ARBITRATION_BURST,
		.valid		= 0xffffff07,
	},
	[NVME_SLOT_POWER] = {
		.fid		= NVME_FEAT_POWER_MGMT,
		.valid		= 0xe0,
		.refused	= POWER_STATE,
	},
	[NVME_SLOT_TEMP_OVER] = {
		.fid		= NVME_FEAT_TEMP_THRESH,
		.initial	= NVME_TEMPERATURE_WARNING,
		.valid		= NVME_TEMP_THRESH_MASK,
	},
	[NVME_SLOT_TEMP_UNDER] = {
		.fid		= NVME_FEAT_TEMP_THRESH,
		.select		= NVME_TEMP_THRESH_TYPE_UNDER,
		.valid		= NVME_TEMP_THRESH_MASK,
	},
	[NVME_SLOT_ERROR_RECOVERY] = {
		.fid		= NVME_FEAT_ERR_RECOVERY,
		.valid		= 0xffff,
		.refused	= RECOVERY_DULBE,
	},
	[NVME_SLOT_WRITE_CACHE] = {
		.fid		= NVME_FEAT_VOLATILE_WC,
		.initial	= 1,
		.valid		= 1,
	},
	[NVME_SLOT_COALESCING] = {
		.fid		= NVME_FEAT_IRQ_COALESCE,
		.valid		= 0xffff,
	},
	[NVME_SLOT_ATOMICITY] = {
		.fid		= NVME_FEAT_WRITE_ATOMIC,
		.valid		= 1,
	},
	[NVME_SLOT_ASYNC_EVENT] = {
		.fid		= NVME_FEAT_ASYNC_EVENT,
		.valid		= 0xff | NVME_AEN_CFG_NS_ATTR,
	},
};

static const struct slot *slot_find(u8 fid, u32 select)
{
	unsigned int i;

	for (i = 0; i < NVME_SLOTS; i++)
		if (slots[i].fid == fid && slots[i].select == select)
			return &slots[i];
	return NULL;
}

void nvme_feature_reset(struct nvme_controller *ctrl)
{
	unsigned int i;

	lockdep_assert_held(&ctrl->lock);
	ctrl->features = (struct nvme_feature_values) { .time_set = ktime_get_ns() };
	for (i = 0; i < NVME_SLOTS; i++)
		ctrl->features.value[i] = slots[i].initial;
}

u8 nvme_feature_critical_warning(const struct nvme_controller *ctrl)
{
	const u32 *value = ctrl->features.value;
	u16 temperature = ctrl->logs.temperature;

	lockdep_assert_held(&ctrl->lock);
	if (temperature >= value[NVME_SLOT_TEMP_OVER] || temperature <= value[NVME_SLOT_TEMP_UNDER])
		return NVME_SMART_CRIT_TEMPERATURE;
	return 0;
}

static u64 timestamp_now(const struct nvme_feature_values *features)
{
	u64 elapsed = div_u64(ktime_get_ns() - features->time_set, NSEC_PER_MSEC);

	return ((features->time_base + elapsed) & TIMESTAMP_MASK) |
	       (features->time_host ? TIMESTAMP_HOST : 0);
}

static void timestamp_set(struct nvme_feature_values *features, u64 value, bool host)
{
	features->time_base = value & TIMESTAMP_MASK;
	features->time_set = ktime_get_ns();
	features->time_host = host;
}

/* Plain values */

static u16 bad_dword11(struct nvme_request *req)
{
	return nvme_bad_field(req, offsetof(struct nvme_features, dword11));
}

static u8 req_fid(const struct nvme_request *req)
{
	return le32_to_cpu(req->cmd->features.fid) & FID_MASK;
}

static u32 plain_select(u8 fid, u32 dword11)
{
	return fid == NVME_FEAT_TEMP_THRESH ? dword11 & TEMP_SELECT : 0;
}

static u16 plain_get(struct nvme_request *req, bool current_value)
{
	struct nvme_controller *ctrl = req->sq->ctrl;
	u32 dword11 = le32_to_cpu(req->cmd->features.dword11);
	const struct slot *slot = slot_find(req_fid(req), plain_select(req_fid(req), dword11));

	if (!slot)
		return bad_dword11(req);
	guard(spinlock)(&ctrl->lock);
	req->result = current_value ? ctrl->features.value[slot - slots] : slot->initial;
	return NVME_SC_SUCCESS;
}

/* The host has just said what it wants to hear of: tell it what holds already. */
static void report_temperature(struct nvme_controller *ctrl)
{
	if (nvme_feature_critical_warning(ctrl) & NVME_SMART_CRIT_TEMPERATURE)
		nvme_event_raise(ctrl, NVME_EVENT_TEMPERATURE);
}

static u16 plain_set(struct nvme_request *req)
{
	struct nvme_controller *ctrl = req->sq->ctrl;
	u32 dword11 = le32_to_cpu(req->cmd->features.dword11);
	u32 select = plain_select(req_fid(req), dword11);
	const struct slot *slot;

	/* All sensors: there is one */
	if ((select & TEMP_SENSOR) == TEMP_SENSOR)
		select &= ~TEMP_SENSOR;
	slot = slot_find(req_fid(req), select);
	if (!slot || dword11 & slot->refused)
		return bad_dword11(req);
	guard(spinlock)(&ctrl->lock);
	ctrl->features.value[slot - slots] = dword11 & slot->valid;
	if (slot->fid == NVME_FEAT_TEMP_THRESH || slot->fid == NVME_FEAT_ASYNC_EVENT)
		report_temperature(ctrl);
	return NVME_SC_SUCCESS;
}

/* Number of Queues */

static u16 queues_get(struct nvme_request *req, bool current_value)
{
	req->result = ALL_QUEUES;
	return NVME_SC_SUCCESS;
}

static bool io_queues_exist(const struct nvme_controller *ctrl)
{
	unsigned int i;

	for (i = 1; i < NVME_QUEUES; i++)
		if (ctrl->sq[i].live || ctrl->cq[i].live)
			return true;
	return false;
}

static u16 queues_set(struct nvme_request *req)
{
	u32 dword11 = le32_to_cpu(req->cmd->features.dword11);
	struct nvme_controller *ctrl = req->sq->ctrl;

	if ((dword11 & 0xffff) == 0xffff || dword11 >> 16 == 0xffff)
		return bad_dword11(req);
	guard(spinlock)(&ctrl->lock);
	if (io_queues_exist(ctrl))
		return NVME_SC_CMD_SEQ_ERROR;
	req->result = ALL_QUEUES;
	return NVME_SC_SUCCESS;
}

/* Interrupt Vector Configuration */

static u32 vector_value(const struct nvme_feature_values *features, u32 vector)
{
	return vector | (features->uncoalesced & BIT_ULL(vector) ? VECTOR_UNCOALESCED : 0);
}

static void vector_set_value(struct nvme_feature_values *features, u32 value)
{
	if (value & VECTOR_UNCOALESCED)
		features->uncoalesced |= BIT_ULL(value & VECTOR);
	else
		features->uncoalesced &= ~BIT_ULL(value & VECTOR);
}

static u16 vector_get(struct nvme_request *req, bool current_value)
{
	u32 vector = le32_to_cpu(req->cmd->features.dword11) & VECTOR;
	struct nvme_controller *ctrl = req->sq->ctrl;

	if (vector >= MDEVSIM_MAX_VECTORS)
		return bad_dword11(req);
	guard(spinlock)(&ctrl->lock);
	req->result = current_value ? vector_value(&ctrl->features, vector) : vector;
	return NVME_SC_SUCCESS;
}

static u16 vector_set(struct nvme_request *req)
{
	u32 dword11 = le32_to_cpu(req->cmd->features.dword11);
	struct nvme_controller *ctrl = req->sq->ctrl;

	if ((dword11 & VECTOR) >= MDEVSIM_MAX_VECTORS)
		return bad_dword11(req);
	guard(spinlock)(&ctrl->lock);
	vector_set_value(&ctrl->features, dword11);
	return NVME_SC_SUCCESS;
}

/* Timestamp */

static u16 timestamp_get(struct nvme_request *req, bool current_value)
{
	struct nvme_controller *ctrl = req->sq->ctrl;
	__le64 data = 0;

	if (current_value) {
		guard(spinlock)(&ctrl->lock);
		data = cpu_to_le64(timestamp_now(&ctrl->features));
	}
	return nvme_prp_to_host(req, &data, sizeof(data));
}

static u16 timestamp_set_host(struct nvme_request *req)
{
	struct nvme_controller *ctrl = req->sq->ctrl;
	__le64 data;
	u16 status = nvme_prp_from_host(req, &data, sizeof(data));

	if (status)
		return status;
	guard(spinlock)(&ctrl->lock);
	timestamp_set(&ctrl->features, le64_to_cpu(data), true);
	return NVME_SC_SUCCESS;
}

/**
 * struct feature - one Feature Identifier
 * @get: return the current or the default value
 * @set: change it
 * @by_namespace: it belongs to a namespace
 */
struct feature {
	u16 (*get)(struct nvme_request *req, bool current_value);
	u16 (*set)(struct nvme_request *req);
	bool by_namespace;
};

static const struct feature features[] = {
	[NVME_FEAT_ARBITRATION]		= { plain_get, plain_set },
	[NVME_FEAT_POWER_MGMT]		= { plain_get, plain_set },
	[NVME_FEAT_TEMP_THRESH]		= { plain_get, plain_set },
	[NVME_FEAT_ERR_RECOVERY]	= { plain_get, plain_set, .by_namespace = true },
	[NVME_FEAT_VOLATILE_WC]		= { plain_get, plain_set },
	[NVME_FEAT_NUM_QUEUES]		= { queues_get, queues_set },
	[NVME_FEAT_IRQ_COALESCE]	= { plain_get, plain_set },
	[NVME_FEAT_IRQ_CONFIG]		= { vector_get, vector_set },
	[NVME_FEAT_WRITE_ATOMIC]	= { plain_get, plain_set },
	[NVME_FEAT_ASYNC_EVENT]		= { plain_get, plain_set },
	[NVME_FEAT_TIMESTAMP]		= { timestamp_get, timestamp_set_host },
};

static const struct feature *feature_find(u8 fid)
{
	const struct feature *feature;

	if (fid >= ARRAY_SIZE(features))
		return NULL;
	feature = &features[array_index_nospec(fid, ARRAY_SIZE(features))];
	return feature->get ? feature : NULL;
}

static u16 bad_nsid(struct nvme_request *req, u16 status)
{
	req->location = offsetof(struct nvme_common_command, nsid);
	return status;
}

u16 nvme_feature_get(struct nvme_request *req)
{
	const struct feature *feature = feature_find(req_fid(req));
	u32 nsid = le32_to_cpu(req->cmd->common.nsid);
	u32 select = GET_SELECT(le32_to_cpu(req->cmd->features.fid));

	if (!feature || select > SELECT_CAPABILITIES)
		return nvme_bad_field(req, offsetof(struct nvme_features, fid));
	if (nsid > NVME_NSID && nsid != NVME_NSID_ALL)
		return bad_nsid(req, NVME_SC_INVALID_NS);
	if (feature->by_namespace && nsid != NVME_NSID)
		return bad_nsid(req, NVME_SC_INVALID_NS);
	if (select == SELECT_CAPABILITIES) {
		req->result = CAP_CHANGEABLE | (feature->by_namespace ? CAP_NAMESPACE : 0);
		return NVME_SC_SUCCESS;
	}
	return feature->get(req, select == SELECT_CURRENT);
}

u16 nvme_feature_set(struct nvme_request *req)
{
	const struct feature *feature = feature_find(req_fid(req));
	u32 nsid = le32_to_cpu(req->cmd->common.nsid);

	if (!feature)
		return nvme_bad_field(req, offsetof(struct nvme_features, fid));
	if (le32_to_cpu(req->cmd->features.fid) & SET_SAVE)
		return NVME_SC_FEATURE_NOT_SAVEABLE;
	if (nsid > NVME_NSID && nsid != NVME_NSID_ALL)
		return bad_nsid(req, NVME_SC_INVALID_NS);
	if (feature->by_namespace && !nsid)
		return bad_nsid(req, NVME_SC_INVALID_NS);
	if (!feature->by_namespace && nsid == NVME_NSID)
		return bad_nsid(req, NVME_SC_FEATURE_NOT_PER_NS);
	return feature->set(req);
}

/* The record NVME_FEATURES */

static void save_one(struct mdevsim_state_nvme_features *state, u8 fid, u32 select, u64 value)
{
	u32 count = le32_to_cpu(state->count);

	state->feature[count] = (struct mdevsim_state_nvme_feature) {
		.fid	= fid,
		.select	= cpu_to_le32(select),
		.value	= cpu_to_le64(value),
	};
	state->count = cpu_to_le32(count + 1);
}

static void save_plain(const struct nvme_feature_values *features, u8 fid,
		       struct mdevsim_state_nvme_features *state)
{
	unsigned int i;

	for (i = 0; i < NVME_SLOTS; i++)
		if (slots[i].fid == fid && features->value[i] != slots[i].initial)
			save_one(state, fid, slots[i].select, features->value[i]);
}

static void save_vectors(const struct nvme_feature_values *features,
			 struct mdevsim_state_nvme_features *state)
{
	unsigned int i;

	for (i = 0; i < MDEVSIM_MAX_VECTORS; i++)
		if (features->uncoalesced & BIT_ULL(i))
			save_one(state, NVME_FEAT_IRQ_CONFIG, i, vector_value(features, i));
}

u32 nvme_feature_save(struct mdevsim_function *fn, void *body)
{
	struct nvme_controller *ctrl = to_nvme(fn);
	struct mdevsim_state_nvme_features *state = body;
	u8 fid;

	guard(spinlock)(&ctrl->lock);
	*state = (struct mdevsim_state_nvme_features) {};
	for (fid = 0; fid < NVME_FEAT_TIMESTAMP; fid++) {
		if (fid == NVME_FEAT_IRQ_CONFIG)
			save_vectors(&ctrl->features, state);
		else
			save_plain(&ctrl->features, fid, state);
	}
	save_one(state, NVME_FEAT_TIMESTAMP, 0, timestamp_now(&ctrl->features));
	return struct_size(state, feature, le32_to_cpu(state->count));
}

static bool value_valid(u8 fid, u32 select, u64 value)
{
	const struct slot *slot = slot_find(fid, select);

	if (slot)
		return !(value & ~(u64)slot->valid);
	if (fid == NVME_FEAT_IRQ_CONFIG)
		return select < MDEVSIM_MAX_VECTORS &&
		       (value & ~(u64)VECTOR_UNCOALESCED) == select;
	if (fid == NVME_FEAT_TIMESTAMP)
		return !select && !(value & ~(TIMESTAMP_MASK | TIMESTAMP_HOST));
	return false;
}

static int check_one(const struct mdevsim_state_nvme_feature *feature, u64 *last,
		     struct mdevsim_reason *why)
{
	u32 select = le32_to_cpu(feature->select);
	u64 value = le64_to_cpu(feature->value);
	u64 key = (u64)feature->fid << 32 | select;

	if (memchr_inv(feature->reserved, 0, sizeof(feature->reserved)))
		return mdevsim_refuse(why, -EINVAL, "nvme-features: a reserved field is not zero");
	if (key <= *last)
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-features: feature %#x, selector %#x is out of order",
				      feature->fid, select);
	*last = key;
	if (!value_valid(feature->fid, select, value))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-features: feature %#x, selector %#x cannot be %#llx",
				      feature->fid, select, value);
	return 0;
}

int nvme_feature_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		       struct mdevsim_reason *why)
{
	const struct mdevsim_state_nvme_features *state = set->body[MDEVSIM_RECORD_NVME_FEATURES];
	u32 count = le32_to_cpu(state->count);
	u64 last = 0;
	u32 i;
	int ret;

	if (count > MDEVSIM_MAX_FEATURES ||
	    set->length[MDEVSIM_RECORD_NVME_FEATURES] != struct_size(state, feature, count))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-features: %u features do not make the record's length",
				      count);
	if (state->reserved)
		return mdevsim_refuse(why, -EINVAL, "nvme-features: a reserved field is not zero");
	for (i = 0; i < count; i++) {
		ret = check_one(&state->feature[i], &last, why);
		if (ret)
			return ret;
	}
	return 0;
}

static void load_one(struct nvme_feature_values *features,
		     const struct mdevsim_state_nvme_feature *feature)
{
	const struct slot *slot = slot_find(feature->fid, le32_to_cpu(feature->select));
	u64 value = le64_to_cpu(feature->value);

	if (slot)
		features->value[slot - slots] = value;
	else if (feature->fid == NVME_FEAT_IRQ_CONFIG)
		vector_set_value(features, value);
	else
		timestamp_set(features, value, value & TIMESTAMP_HOST);
}

void nvme_feature_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	const struct mdevsim_state_nvme_features *state = body;
	struct nvme_controller *ctrl = to_nvme(fn);
	u32 i;

	guard(spinlock)(&ctrl->lock);
	nvme_feature_reset(ctrl);
	for (i = 0; i < le32_to_cpu(state->count); i++)
		load_one(&ctrl->features, &state->feature[i]);
}
