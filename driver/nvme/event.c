// SPDX-License-Identifier: GPL-2.0
/*
 * Asynchronous events. Requests wait for events, events wait for requests; both
 * are state that migrates. A completion entry is taken only for the two
 * together, so parked requests do not use up the admin completion queue.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/string.h>
#include "nvme.h"

#define EVENT(type, info, page)	((type) | (info) << 8 | (page) << 16)
#define EVENT_TYPE(dw0)		((dw0) & 7)
#define EVENT_PAGE(dw0)		((dw0) >> 16 & 0xff)

/**
 * struct event - how an event is reported
 * @dw0: completion DW0: type, information, log page
 * @enable: bit of Asynchronous Event Configuration that must be set; none: always reported
 */
struct event {
	u32 dw0;
	u32 enable;
};

static const struct event events[] = {
	[NVME_EVENT_DOORBELL_REGISTER] = {
		.dw0	= EVENT(NVME_AER_ERROR, 0, NVME_LOG_ERROR),
	},
	[NVME_EVENT_DOORBELL_VALUE] = {
		.dw0	= EVENT(NVME_AER_ERROR, 1, NVME_LOG_ERROR),
	},
	[NVME_EVENT_TEMPERATURE] = {
		.dw0	= EVENT(NVME_AER_SMART, 1, NVME_LOG_SMART),
		.enable	= NVME_SMART_CRIT_TEMPERATURE,
	},
	[NVME_EVENT_NAMESPACE] = {
		.dw0	= EVENT(NVME_AER_NOTICE, NVME_AER_NOTICE_NS_CHANGED, NVME_LOG_CHANGED_NS),
		.enable	= NVME_AEN_CFG_NS_ATTR,
	},
};

static bool event_is_queued(const struct nvme_events *state, u32 dw0)
{
	unsigned int i;

	for (i = 0; i < state->nr_queued; i++)
		if (state->queued[i] == dw0)
			return true;
	return false;
}

void nvme_event_raise(struct nvme_controller *ctrl, enum nvme_event event)
{
	struct nvme_events *state = &ctrl->events;
	u32 dw0 = events[event].dw0;
	u32 enable = events[event].enable;

	lockdep_assert_held(&ctrl->lock);
	if (!ctrl->sq[0].live)
		return;
	if (enable && !(enable & ctrl->features.value[NVME_SLOT_ASYNC_EVENT]))
		return;
	if (event_is_queued(state, dw0) || state->nr_queued == ARRAY_SIZE(state->queued))
		return;
	state->queued[state->nr_queued++] = dw0;
	queue_work(mdevsim_function_wq, &ctrl->sq[0].work);
}

u16 nvme_event_park(struct nvme_request *req)
{
	struct nvme_events *state = &req->sq->ctrl->events;

	guard(spinlock)(&req->sq->ctrl->lock);
	if (state->nr_parked == ARRAY_SIZE(state->parked))
		return NVME_SC_ASYNC_LIMIT;
	state->parked[state->nr_parked++] =
		le16_to_cpu((__force __le16)req->cmd->common.command_id);
	req->parked = true;
	return NVME_SC_SUCCESS;
}

/* Take the parked request at @index off the list. */
static u16 unpark(struct nvme_events *state, unsigned int index)
{
	u16 cid = state->parked[index];

	state->nr_parked--;
	memmove(&state->parked[index], &state->parked[index + 1],
		(state->nr_parked - index) * sizeof(*state->parked));
	return cid;
}

bool nvme_event_abort(struct nvme_controller *ctrl, u16 cid)
{
	struct nvme_events *state = &ctrl->events;
	unsigned int i;

	guard(spinlock)(&ctrl->lock);
	for (i = 0; i < state->nr_parked; i++)
		if (state->parked[i] == cid)
			break;
	if (i == state->nr_parked || !nvme_queue_reserve(&ctrl->cq[0], 1))
		return false;
	unpark(state, i);
	return true;
}

/* The oldest event of a type that is not masked; the number of events when there is none */
static unsigned int first_reportable(const struct nvme_events *state)
{
	unsigned int i;

	for (i = 0; i < state->nr_queued; i++)
		if (!(state->masked & BIT(EVENT_TYPE(state->queued[i]))))
			break;
	return i;
}

static bool event_due(const struct nvme_controller *ctrl)
{
	const struct nvme_events *state = &ctrl->events;

	lockdep_assert_held(&ctrl->lock);
	return state->nr_parked && first_reportable(state) < state->nr_queued;
}

/* An event, a request for it, and an entry for the completion: all or nothing */
static bool event_take(struct nvme_controller *ctrl, u16 *cid, u32 *dw0)
{
	struct nvme_events *state = &ctrl->events;
	unsigned int i;

	guard(spinlock)(&ctrl->lock);
	if (!ctrl->sq[0].live || !nvme_queue_fetching(ctrl) || !event_due(ctrl))
		return false;
	if (!nvme_queue_reserve(&ctrl->cq[0], 1))
		return false;
	i = first_reportable(state);
	*dw0 = state->queued[i];
	state->masked |= BIT(EVENT_TYPE(*dw0));
	state->nr_queued--;
	memmove(&state->queued[i], &state->queued[i + 1],
		(state->nr_queued - i) * sizeof(*state->queued));
	*cid = unpark(state, 0);
	return true;
}

void nvme_event_deliver(struct nvme_controller *ctrl)
{
	u16 cid;
	u32 dw0;

	while (event_take(ctrl, &cid, &dw0))
		nvme_queue_complete(&ctrl->sq[0], cid, dw0, NVME_SC_SUCCESS);
	nvme_queue_post(&ctrl->sq[0]);
}

/* Events that waited for this are delivered by the admin work, which is running. */
void nvme_event_clear(struct nvme_controller *ctrl, u8 lid)
{
	unsigned int i;

	guard(spinlock)(&ctrl->lock);
	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (EVENT_PAGE(events[i].dw0) == lid)
			ctrl->events.masked &= ~BIT(EVENT_TYPE(events[i].dw0));
}

/* The record NVME_AER */

static bool event_valid(u32 dw0)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i].dw0 == dw0)
			return true;
	return false;
}

static u32 event_types(void)
{
	u32 types = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++)
		types |= BIT(EVENT_TYPE(events[i].dw0));
	return types;
}

u32 nvme_event_save(struct mdevsim_function *fn, void *body)
{
	struct nvme_controller *ctrl = to_nvme(fn);
	struct mdevsim_state_nvme_aer *state = body;
	const struct nvme_events *events = &ctrl->events;
	unsigned int i;

	guard(spinlock)(&ctrl->lock);
	*state = (struct mdevsim_state_nvme_aer) {
		.nr_parked	= cpu_to_le16(events->nr_parked),
		.nr_events	= cpu_to_le16(events->nr_queued),
		.masked		= cpu_to_le32(events->masked),
	};
	for (i = 0; i < events->nr_parked; i++)
		state->cid[i] = cpu_to_le16(events->parked[i]);
	for (i = 0; i < events->nr_queued; i++)
		state->event[i] = cpu_to_le32(events->queued[i]);
	return sizeof(*state);
}

static bool aer_rest_zero(const struct mdevsim_state_nvme_aer *state, u16 parked, u16 events)
{
	return !memchr_inv(&state->cid[parked], 0,
			   (MDEVSIM_MAX_AERS - parked) * sizeof(*state->cid)) &&
	       !memchr_inv(&state->event[events], 0,
			   (MDEVSIM_MAX_AERS - events) * sizeof(*state->event));
}

int nvme_event_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		     struct mdevsim_reason *why)
{
	const struct mdevsim_state_nvme_aer *state = set->body[MDEVSIM_RECORD_NVME_AER];
	u16 parked = le16_to_cpu(state->nr_parked);
	u16 events = le16_to_cpu(state->nr_events);
	u16 i;

	if (parked > MDEVSIM_MAX_AERS || events > MDEVSIM_MAX_AERS)
		return mdevsim_refuse(why, -EINVAL, "nvme-aer: %u requests, %u events are too many",
				      parked, events);
	if (!aer_rest_zero(state, parked, events))
		return mdevsim_refuse(why, -EINVAL, "nvme-aer: an unused entry is not zero");
	if (!nvme_state_ready(set) && memchr_inv(state, 0, sizeof(*state)))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-aer: events of a controller that is not ready");
	if (le32_to_cpu(state->masked) & ~event_types())
		return mdevsim_refuse(why, -EINVAL, "nvme-aer: unknown types %#x are masked",
				      le32_to_cpu(state->masked));
	for (i = 0; i < events; i++)
		if (!event_valid(le32_to_cpu(state->event[i])))
			return mdevsim_refuse(why, -EINVAL, "nvme-aer: %#x is not an event",
					      le32_to_cpu(state->event[i]));
	return 0;
}

void nvme_event_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	const struct mdevsim_state_nvme_aer *state = body;
	struct nvme_controller *ctrl = to_nvme(fn);
	struct nvme_events *events = &ctrl->events;
	unsigned int i;

	guard(spinlock)(&ctrl->lock);
	events->nr_parked = le16_to_cpu(state->nr_parked);
	events->nr_queued = le16_to_cpu(state->nr_events);
	events->masked = le32_to_cpu(state->masked);
	for (i = 0; i < events->nr_parked; i++)
		events->parked[i] = le16_to_cpu(state->cid[i]);
	for (i = 0; i < events->nr_queued; i++)
		events->queued[i] = le32_to_cpu(state->event[i]);
}
