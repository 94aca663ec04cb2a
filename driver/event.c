// SPDX-License-Identifier: GPL-2.0
#include <linux/timekeeping.h>
#include "event.h"
#include "mdevsim.h"
#include "netlink.h"

/* Numbers are given and messages sent in one go, so that they arrive in order. */
static DEFINE_MUTEX(order);
static u64 total;

u64 mdevsim_event_total(void)
{
	return READ_ONCE(total);
}

/**
 * struct event - what an event may say beside when, of whom and how far its session is
 * @kind: what it tells of
 * @has: attributes that it has of those below, one bit each
 * @from: state left
 * @to: state entered
 * @duration_ns: how long it took
 * @error: positive errno
 * @fault: which was hit
 * @message: for people, or NULL
 */
struct event {
	enum mdevsim_event_kind kind;
	u32 has;
	u32 from;
	u32 to;
	u64 duration_ns;
	u32 error;
	u32 fault;
	const char *message;
};

#define HAS(attribute)	BIT(MDEVSIM_A_EVENT_##attribute)

static int put_u32(struct sk_buff *skb, const struct event *event, int attribute, u32 value)
{
	return event->has & BIT(attribute) ? nla_put_u32(skb, attribute, value) : 0;
}

static int put_u64(struct sk_buff *skb, int attribute, u64 value)
{
	return nla_put_u64_64bit(skb, attribute, value, MDEVSIM_A_EVENT_PAD);
}

/* Who, what and when: attributes of every event */
static int put_head(struct sk_buff *skb, struct mdevsim_device *device, const struct event *event)
{
	return nla_put_string(skb, MDEVSIM_A_EVENT_DEV, device->name) ?:
	       nla_put_u32(skb, MDEVSIM_A_EVENT_KIND, event->kind) ?:
	       put_u64(skb, MDEVSIM_A_EVENT_SEQ, device->events) ?:
	       put_u64(skb, MDEVSIM_A_EVENT_TOTAL, total) ?:
	       put_u64(skb, MDEVSIM_A_EVENT_TIME_NS, ktime_get_real_ns());
}

/* How far its session is */
static int put_progress(struct sk_buff *skb, struct mdevsim_device *device)
{
	struct mdevsim_bulk_size size;

	device->fn->ops->bulk_size(device->fn, &size);
	return nla_put_u32(skb, MDEVSIM_A_EVENT_PHASE, READ_ONCE(device->progress.phase)) ?:
	       put_u64(skb, MDEVSIM_A_EVENT_BYTES, READ_ONCE(device->progress.bytes)) ?:
	       put_u64(skb, MDEVSIM_A_EVENT_DIRTY_BYTES, size.dirty);
}

static int put_rest(struct sk_buff *skb, const struct event *event)
{
	int ret;

	ret = put_u32(skb, event, MDEVSIM_A_EVENT_FROM, event->from) ?:
	      put_u32(skb, event, MDEVSIM_A_EVENT_TO, event->to) ?:
	      put_u32(skb, event, MDEVSIM_A_EVENT_ERRNO, event->error) ?:
	      put_u32(skb, event, MDEVSIM_A_EVENT_FAULT, event->fault);
	if (!ret && event->has & HAS(DURATION_NS))
		ret = put_u64(skb, MDEVSIM_A_EVENT_DURATION_NS, event->duration_ns);
	if (!ret && event->message)
		ret = nla_put_string(skb, MDEVSIM_A_EVENT_MESSAGE, event->message);
	return ret;
}

static struct sk_buff *make(struct mdevsim_device *device, const struct event *event)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *header;

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, 0, 0, &mdevsim_netlink_family, 0, MDEVSIM_CMD_EVENT);
	if (!header || put_head(skb, device, event) || put_progress(skb, device) ||
	    put_rest(skb, event)) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

/*
 * An event that nobody could be told of has its number all the same: who
 * listens sees that one is missing.
 */
static void send(struct mdevsim_device *device, const struct event *event)
{
	struct sk_buff *skb;

	guard(mutex)(&order);
	WRITE_ONCE(device->events, device->events + 1);
	WRITE_ONCE(total, total + 1);
	if (!genl_has_listeners(&mdevsim_netlink_family, &init_net, MDEVSIM_NLGRP_MIGRATION))
		return;
	skb = make(device, event);
	if (skb)
		genlmsg_multicast(&mdevsim_netlink_family, skb, 0, MDEVSIM_NLGRP_MIGRATION,
				  GFP_KERNEL);
}

void mdevsim_event_life(struct mdevsim_device *device, enum mdevsim_event_kind kind)
{
	send(device, &(struct event) { .kind = kind });
}

void mdevsim_event_closed(struct mdevsim_device *device)
{
	send(device, &(struct event) {
		.kind	= MDEVSIM_EVENT_KIND_CLOSED,
		.has	= HAS(TO),
		.to	= device->migration.state,
	});
}

void mdevsim_event_state(struct mdevsim_device *device, enum vfio_device_mig_state from,
			 enum vfio_device_mig_state to, int error, u64 ns)
{
	send(device, &(struct event) {
		.kind		= MDEVSIM_EVENT_KIND_STATE,
		.has		= HAS(FROM) | HAS(TO) | HAS(ERRNO) | HAS(DURATION_NS),
		.from		= from,
		.to		= to,
		.error		= -error,
		.duration_ns	= ns,
	});
}

void mdevsim_event_session_begin(struct mdevsim_device *device)
{
	send(device, &(struct event) { .kind = MDEVSIM_EVENT_KIND_SESSION_BEGIN });
}

void mdevsim_event_session_end(struct mdevsim_device *device, u64 ns)
{
	send(device, &(struct event) {
		.kind		= MDEVSIM_EVENT_KIND_SESSION_END,
		.has		= HAS(DURATION_NS),
		.duration_ns	= ns,
	});
}

void mdevsim_event_round(struct mdevsim_device *device)
{
	send(device, &(struct event) { .kind = MDEVSIM_EVENT_KIND_ROUND });
}

void mdevsim_event_refusal(struct mdevsim_device *device, const char *why)
{
	send(device, &(struct event) { .kind = MDEVSIM_EVENT_KIND_REFUSAL, .message = why });
}

void mdevsim_event_reset(struct mdevsim_device *device, enum vfio_device_mig_state from,
			 const char *how)
{
	send(device, &(struct event) {
		.kind		= MDEVSIM_EVENT_KIND_RESET,
		.has		= HAS(FROM) | HAS(TO),
		.from		= from,
		.to		= device->migration.state,
		.message	= how,
	});
}

void mdevsim_event_fault(struct mdevsim_device *device, u32 id, const char *what)
{
	send(device, &(struct event) {
		.kind		= MDEVSIM_EVENT_KIND_FAULT,
		.has		= HAS(FAULT),
		.fault		= id,
		.message	= what,
	});
}
