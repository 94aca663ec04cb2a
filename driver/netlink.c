// SPDX-License-Identifier: GPL-2.0
/*
 * Requests. All of them hold the list of devices, so that none is removed under
 * them, and leaf locks of the device: never its lifecycle, which who has the
 * device open may hold for long.
 *
 * Devices belong to the host. The family is there in the initial network namespace only,
 * and what changes a device needs CAP_NET_ADMIN there.
 */
#include <linux/rwsem.h>
#include "event.h"
#include "mdevsim.h"
#include "netlink.h"

/* The generator makes an array of the groups that no other file can see. */
#include "netlink_gen.c"

/* Oldest first, so by number; @devices_lock protects it, and the last number given. */
static LIST_HEAD(devices);
static unsigned long last_number;
static DECLARE_RWSEM(devices_lock);

void mdevsim_netlink_add(struct mdevsim_device *device)
{
	scoped_guard(rwsem_write, &devices_lock) {
		device->number = ++last_number;
		list_add_tail(&device->node, &devices);
	}
	mdevsim_event_life(device, MDEVSIM_EVENT_KIND_CREATED);
}

void mdevsim_netlink_remove(struct mdevsim_device *device)
{
	scoped_guard(rwsem_write, &devices_lock)
		list_del(&device->node);
	mdevsim_event_life(device, MDEVSIM_EVENT_KIND_REMOVED);
}

static struct mdevsim_device *find(const uuid_t *uuid)
{
	struct mdevsim_device *device;

	lockdep_assert_held(&devices_lock);
	list_for_each_entry(device, &devices, node)
		if (uuid_equal(&device->uuid, uuid))
			return device;
	return ERR_PTR(-ENODEV);
}

/* The device that an attribute names; says what is wrong with it if it names none */
static struct mdevsim_device *find_by(const struct nlattr *name, struct netlink_ext_ack *extack)
{
	struct mdevsim_device *device;
	uuid_t uuid;

	if (uuid_parse(nla_data(name), &uuid)) {
		NL_SET_ERR_MSG_ATTR(extack, name, "the name of a device is a UUID");
		return ERR_PTR(-EINVAL);
	}
	device = find(&uuid);
	if (IS_ERR(device))
		NL_SET_ERR_MSG_ATTR(extack, name, "there is no device of this name");
	return device;
}

static struct mdevsim_device *find_named(struct genl_info *info, int attribute)
{
	const struct nlattr *name = info->attrs[attribute];

	if (!name) {
		GENL_SET_ERR_MSG(info, "the name of a device is missing");
		return ERR_PTR(-EINVAL);
	}
	return find_by(name, info->extack);
}

/* A message to the sender of @info with what @fill puts into it */
static int reply(struct genl_info *info, u8 command,
		 int (*fill)(struct sk_buff *skb, struct mdevsim_device *device, const void *what),
		 struct mdevsim_device *device, const void *what)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *header;

	if (!skb)
		return -ENOMEM;
	header = genlmsg_put_reply(skb, info, &mdevsim_netlink_family, 0, command);
	if (!header || fill(skb, device, what)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

/* One message of a dump; the dump goes on in the next buffer when there is no room. */
static int dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 command,
		    int (*fill)(struct sk_buff *skb, struct mdevsim_device *device,
				const void *what),
		    struct mdevsim_device *device, const void *what)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &mdevsim_netlink_family, NLM_F_MULTI, command);

	if (!header)
		return -EMSGSIZE;
	if (fill(skb, device, what)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* ---- Devices ----------------------------------------------------------- */

static int put_command(struct sk_buff *skb, bool admin, u8 opcode, u64 count)
{
	struct nlattr *nest = nla_nest_start(skb, MDEVSIM_A_COUNTERS_COMMAND);

	if (!nest || (admin && nla_put_flag(skb, MDEVSIM_A_COMMAND_ADMIN)) ||
	    nla_put_u8(skb, MDEVSIM_A_COMMAND_OPCODE, opcode) ||
	    nla_put_u64_64bit(skb, MDEVSIM_A_COMMAND_COUNT, count, MDEVSIM_A_COMMAND_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_commands(struct sk_buff *skb, struct mdevsim_device *device)
{
	unsigned int admin, opcode;
	u64 count;

	for (admin = 0; admin < 2; admin++) {
		for (opcode = 0; opcode < MDEVSIM_OPCODES; opcode++) {
			count = mdevsim_counted(device, commands[admin][opcode]);
			if (count && put_command(skb, admin, opcode, count))
				return -EMSGSIZE;
		}
	}
	return 0;
}

static int put_sum(struct sk_buff *skb, int attribute, u64 value)
{
	return nla_put_u64_64bit(skb, attribute, value, MDEVSIM_A_COUNTERS_PAD);
}

static int put_counters(struct sk_buff *skb, struct mdevsim_device *device)
{
	struct nlattr *nest = nla_nest_start(skb, MDEVSIM_A_DEV_COUNTERS);
	int ret;

	if (!nest)
		return -EMSGSIZE;
	ret = put_sum(skb, MDEVSIM_A_COUNTERS_MMIO_READS, mdevsim_counted(device, mmio_reads)) ?:
	      put_sum(skb, MDEVSIM_A_COUNTERS_MMIO_WRITES, mdevsim_counted(device, mmio_writes)) ?:
	      put_sum(skb, MDEVSIM_A_COUNTERS_DMA_READ_BYTES, mdevsim_counted(device, dma_read)) ?:
	      put_sum(skb, MDEVSIM_A_COUNTERS_DMA_WRITTEN_BYTES,
		      mdevsim_counted(device, dma_written)) ?:
	      put_sum(skb, MDEVSIM_A_COUNTERS_PAGES_DIRTIED,
		      mdevsim_counted(device, pages_dirtied)) ?:
	      put_sum(skb, MDEVSIM_A_COUNTERS_INTERRUPTS, mdevsim_counted(device, interrupts)) ?:
	      put_commands(skb, device);
	if (ret)
		return ret;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_u64(struct sk_buff *skb, int attribute, u64 value)
{
	return nla_put_u64_64bit(skb, attribute, value, MDEVSIM_A_DEV_PAD);
}

/* How far its migration is. Nothing is locked: each value is one that there was. */
static int put_migration(struct sk_buff *skb, struct mdevsim_device *device)
{
	const struct mdevsim_progress *progress = &device->progress;
	struct mdevsim_bulk_size size;

	device->fn->ops->bulk_size(device->fn, &size);
	return nla_put_u32(skb, MDEVSIM_A_DEV_PROTOCOL, READ_ONCE(progress->protocol)) ?:
	       nla_put_u32(skb, MDEVSIM_A_DEV_STATE, READ_ONCE(device->migration.state)) ?:
	       nla_put_u32(skb, MDEVSIM_A_DEV_PHASE, READ_ONCE(progress->phase)) ?:
	       nla_put_u32(skb, MDEVSIM_A_DEV_ROUNDS, READ_ONCE(progress->rounds)) ?:
	       put_u64(skb, MDEVSIM_A_DEV_BYTES, READ_ONCE(progress->bytes)) ?:
	       put_u64(skb, MDEVSIM_A_DEV_INITIAL_BYTES, size.initial) ?:
	       put_u64(skb, MDEVSIM_A_DEV_DIRTY_BYTES, size.dirty);
}

static int put_refusal(struct sk_buff *skb, struct mdevsim_device *device)
{
	struct mdevsim_reason why;

	mdevsim_migration_refusal(device, &why);
	return why.text[0] ? nla_put_string(skb, MDEVSIM_A_DEV_REFUSAL, why.text) : 0;
}

static int put_dev(struct sk_buff *skb, struct mdevsim_device *device, const void *what)
{
	int ret;

	ret = nla_put_string(skb, MDEVSIM_A_DEV_NAME, device->name) ?:
	      nla_put_string(skb, MDEVSIM_A_DEV_TYPE, device->type->mdev.sysfs_name) ?:
	      put_migration(skb, device) ?:
	      put_refusal(skb, device) ?:
	      put_u64(skb, MDEVSIM_A_DEV_EVENTS, READ_ONCE(device->events)) ?:
	      put_u64(skb, MDEVSIM_A_DEV_TOTAL, mdevsim_event_total()) ?:
	      nla_put_u32(skb, MDEVSIM_A_DEV_FAULTS, READ_ONCE(device->faults.nr)) ?:
	      put_counters(skb, device);
	if (!ret && READ_ONCE(device->opened))
		ret = nla_put_flag(skb, MDEVSIM_A_DEV_OPENED);
	return ret;
}

int mdevsim_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mdevsim_device *device;

	guard(rwsem_read)(&devices_lock);
	device = find_named(info, MDEVSIM_A_DEV_NAME);
	if (IS_ERR(device))
		return PTR_ERR(device);
	return reply(info, MDEVSIM_CMD_DEV_GET, put_dev, device, NULL);
}

/* Whether there was room for all of a device; if not, the next buffer goes on with it. */
static bool dump_device(struct sk_buff *skb, struct netlink_callback *cb,
			struct mdevsim_device *device)
{
	return !dump_one(skb, cb, MDEVSIM_CMD_DEV_GET, put_dev, device, NULL);
}

/*
 * All devices, or the one that the attribute names, each by @dump. Between two buffers devices
 * may come and go: by its number a device that stays comes once.
 */
static int dump_devices(struct sk_buff *skb, struct netlink_callback *cb, int attribute,
			bool (*dump)(struct sk_buff *skb, struct netlink_callback *cb,
				     struct mdevsim_device *device))
{
	const struct nlattr *name = MDEVSIM_DUMP_ATTRS(cb)[attribute];
	struct mdevsim_device *device, *only = NULL;

	guard(rwsem_read)(&devices_lock);
	if (name && !cb->args[0])
		only = find_by(name, cb->extack);
	if (IS_ERR(only))
		return PTR_ERR(only);
	if (only)
		cb->args[2] = only->number;
	list_for_each_entry(device, &devices, node) {
		if (device->number <= cb->args[0] ||
		    (cb->args[2] && device->number != cb->args[2]))
			continue;
		if (!dump(skb, cb, device))
			break;
		cb->args[0] = device->number;
	}
	return skb->len;
}

int mdevsim_nl_dev_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_devices(skb, cb, MDEVSIM_A_DEV_NAME, dump_device);
}

/* ---- Faults ------------------------------------------------------------ */

#define FAULT_BIT(attribute)	BIT(MDEVSIM_A_FAULT_##attribute)
#define FAULT_ALWAYS		(FAULT_BIT(DEV) | FAULT_BIT(KIND))
#define FAULT_ARC		(FAULT_BIT(FROM) | FAULT_BIT(TO))
#define FAULT_COMMAND		(FAULT_BIT(ADMIN) | FAULT_BIT(OPCODE))
#define FAULT_CHANCE		(FAULT_BIT(TIMES) | FAULT_BIT(PROBABILITY))

/* By kind, the attributes that a fault must have and can have */
static const struct {
	u32 needs;
	u32 takes;
} fault_kinds[] = {
	[MDEVSIM_FAULT_KIND_ARC] = { FAULT_BIT(ERRNO), FAULT_CHANCE | FAULT_ARC },
	[MDEVSIM_FAULT_KIND_ERROR] = { 0, FAULT_CHANCE | FAULT_ARC | FAULT_BIT(ERRNO) },
	[MDEVSIM_FAULT_KIND_STALL_ARC] = { FAULT_BIT(DELAY_MS), FAULT_CHANCE | FAULT_ARC },
	[MDEVSIM_FAULT_KIND_STALL_DATA] = { FAULT_BIT(DELAY_MS),
					    FAULT_CHANCE | FAULT_BIT(OFFSET) },
	[MDEVSIM_FAULT_KIND_RATE] = { FAULT_BIT(RATE), 0 },
	[MDEVSIM_FAULT_KIND_DATA] = { FAULT_BIT(ERRNO) | FAULT_BIT(OFFSET), FAULT_CHANCE },
	[MDEVSIM_FAULT_KIND_FLIP] = { FAULT_BIT(OFFSET) | FAULT_BIT(BIT), FAULT_BIT(TIMES) },
	[MDEVSIM_FAULT_KIND_TRUNCATE] = { FAULT_BIT(OFFSET), FAULT_CHANCE },
	[MDEVSIM_FAULT_KIND_PRECOPY_INFO] = { 0, FAULT_CHANCE | FAULT_BIT(INITIAL_BYTES) |
						 FAULT_BIT(DIRTY_BYTES) },
	[MDEVSIM_FAULT_KIND_DATA_SIZE] = { FAULT_BIT(SIZE), FAULT_CHANCE },
	[MDEVSIM_FAULT_KIND_REFUSE] = { 0, FAULT_CHANCE },
	[MDEVSIM_FAULT_KIND_NVME_TIMEOUT] = { 0, FAULT_CHANCE | FAULT_COMMAND },
	[MDEVSIM_FAULT_KIND_NVME_STATUS] = { FAULT_BIT(STATUS), FAULT_CHANCE | FAULT_COMMAND },
};

static_assert(MDEVSIM_A_FAULT_MAX < 32);

/* The attributes that make sense together are what the kind needs and what it takes. */
static int check_given(struct genl_info *info, u32 kind, u32 given)
{
	u32 needs = FAULT_ALWAYS | fault_kinds[kind].needs;

	if (needs & ~given) {
		GENL_SET_ERR_MSG(info, "a fault of this kind needs another attribute");
		return -EINVAL;
	}
	if (given & ~(needs | fault_kinds[kind].takes)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[__ffs(given & ~(needs | fault_kinds[kind].takes))],
				    "a fault of this kind does not take this attribute");
		return -EINVAL;
	}
	return 0;
}

static u32 given_faults(struct genl_info *info)
{
	u32 given = 0;
	int i;

	for (i = 1; i <= MDEVSIM_A_FAULT_STATUS; i++)
		if (info->attrs[i])
			given |= BIT(i);
	return given;
}

static u32 get_u32(struct genl_info *info, int attribute, u32 otherwise)
{
	return info->attrs[attribute] ? nla_get_u32(info->attrs[attribute]) : otherwise;
}

static u64 get_u64(struct genl_info *info, int attribute, u64 otherwise)
{
	return info->attrs[attribute] ? nla_get_u64(info->attrs[attribute]) : otherwise;
}

static u8 get_u8(struct genl_info *info, int attribute)
{
	return info->attrs[attribute] ? nla_get_u8(info->attrs[attribute]) : 0;
}

/* Bounds that the policies do not have */
static int check_bounds(struct genl_info *info, const struct mdevsim_fault_params *params)
{
	if (params->given & FAULT_BIT(RATE) &&
	    (!params->rate || params->rate > MDEVSIM_SHAPE_MAX)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MDEVSIM_A_FAULT_RATE],
				    "a rate is at least 1 and at most 2^44 bytes in a second");
		return -ERANGE;
	}
	if (params->probability > MDEVSIM_CERTAIN) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MDEVSIM_A_FAULT_PROBABILITY],
				    "a probability is at most 1, that is 1000000 millionths");
		return -ERANGE;
	}
	if (params->delay_ms > MDEVSIM_MAX_DELAY_MS) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MDEVSIM_A_FAULT_DELAY_MS],
				    "a delay is at most 3600000 ms");
		return -ERANGE;
	}
	return 0;
}

static int get_fault(struct genl_info *info, struct mdevsim_fault_params *params)
{
	u32 given = given_faults(info);

	if (!info->attrs[MDEVSIM_A_FAULT_KIND]) {
		GENL_SET_ERR_MSG(info, "the kind of the fault is missing");
		return -EINVAL;
	}
	*params = (struct mdevsim_fault_params) {
		.kind		= nla_get_u32(info->attrs[MDEVSIM_A_FAULT_KIND]),
		.given		= given,
		.times		= get_u32(info, MDEVSIM_A_FAULT_TIMES, 0),
		.probability	= get_u32(info, MDEVSIM_A_FAULT_PROBABILITY, MDEVSIM_CERTAIN),
		.from		= get_u32(info, MDEVSIM_A_FAULT_FROM, 0),
		.to		= get_u32(info, MDEVSIM_A_FAULT_TO, 0),
		.error		= get_u32(info, MDEVSIM_A_FAULT_ERRNO, 0),
		.delay_ms	= get_u32(info, MDEVSIM_A_FAULT_DELAY_MS, 0),
		.rate		= get_u64(info, MDEVSIM_A_FAULT_RATE, 0),
		.offset		= get_u64(info, MDEVSIM_A_FAULT_OFFSET, 0),
		.bit		= get_u8(info, MDEVSIM_A_FAULT_BIT),
		.initial_bytes	= get_u64(info, MDEVSIM_A_FAULT_INITIAL_BYTES, 0),
		.dirty_bytes	= get_u64(info, MDEVSIM_A_FAULT_DIRTY_BYTES, 0),
		.size		= get_u64(info, MDEVSIM_A_FAULT_SIZE, 0),
		.opcode		= get_u8(info, MDEVSIM_A_FAULT_OPCODE),
		.status		= get_u32(info, MDEVSIM_A_FAULT_STATUS, 0),
	};
	return check_bounds(info, params) ?: check_given(info, params->kind, given);
}

static int put_fault_id(struct sk_buff *skb, struct mdevsim_device *device, const void *what)
{
	const u32 *id = what;

	return nla_put_string(skb, MDEVSIM_A_FAULT_DEV, device->name) ?:
	       nla_put_u32(skb, MDEVSIM_A_FAULT_ID, *id);
}

/* A fault that nobody knows the id of is none. */
static int reply_added(struct genl_info *info, struct mdevsim_device *device, u32 id)
{
	int ret = reply(info, MDEVSIM_CMD_FAULT_ADD, put_fault_id, device, &id);

	if (!ret)
		return 0;
	mdevsim_fault_remove(device, id);
	GENL_SET_ERR_MSG(info, "the id of the fault could not be sent: it was removed again");
	return ret;
}

int mdevsim_nl_fault_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mdevsim_fault_params params;
	struct mdevsim_device *device;
	u32 id = 0;
	int ret;

	guard(rwsem_read)(&devices_lock);
	device = find_named(info, MDEVSIM_A_FAULT_DEV);
	if (IS_ERR(device))
		return PTR_ERR(device);
	ret = get_fault(info, &params);
	if (ret)
		return ret;
	ret = mdevsim_fault_add(device, &params, &id);
	if (ret == -ENOSPC)
		GENL_SET_ERR_MSG(info, "the device has as many faults as it can have");
	else if (ret)
		GENL_SET_ERR_MSG(info, "no memory for another fault");
	return ret ?: reply_added(info, device, id);
}

int mdevsim_nl_fault_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mdevsim_device *device;
	int ret;

	guard(rwsem_read)(&devices_lock);
	device = find_named(info, MDEVSIM_A_FAULT_DEV);
	if (IS_ERR(device))
		return PTR_ERR(device);
	if (!info->attrs[MDEVSIM_A_FAULT_ID] == !info->attrs[MDEVSIM_A_FAULT_ALL]) {
		GENL_SET_ERR_MSG(info, "either the id of a fault or all of them");
		return -EINVAL;
	}
	ret = mdevsim_fault_remove(device, get_u32(info, MDEVSIM_A_FAULT_ID, 0));
	if (ret)
		GENL_SET_ERR_MSG(info, "the device has no such fault");
	return ret;
}

static int put_fault_u32(struct sk_buff *skb, const struct mdevsim_fault_params *params,
			 int attribute, u32 value)
{
	return params->given & BIT(attribute) ? nla_put_u32(skb, attribute, value) : 0;
}

static int put_fault_u64(struct sk_buff *skb, const struct mdevsim_fault_params *params,
			 int attribute, u64 value)
{
	if (!(params->given & BIT(attribute)))
		return 0;
	return nla_put_u64_64bit(skb, attribute, value, MDEVSIM_A_FAULT_PAD);
}

static int put_fault_u8(struct sk_buff *skb, const struct mdevsim_fault_params *params,
			int attribute, u8 value)
{
	return params->given & BIT(attribute) ? nla_put_u8(skb, attribute, value) : 0;
}

/* What was given, as it was given */
static int put_given(struct sk_buff *skb, const struct mdevsim_fault_params *params)
{
	if (params->given & FAULT_BIT(ADMIN) && nla_put_flag(skb, MDEVSIM_A_FAULT_ADMIN))
		return -EMSGSIZE;
	return put_fault_u32(skb, params, MDEVSIM_A_FAULT_TIMES, params->times) ?:
	       put_fault_u32(skb, params, MDEVSIM_A_FAULT_PROBABILITY, params->probability) ?:
	       put_fault_u32(skb, params, MDEVSIM_A_FAULT_FROM, params->from) ?:
	       put_fault_u32(skb, params, MDEVSIM_A_FAULT_TO, params->to) ?:
	       put_fault_u32(skb, params, MDEVSIM_A_FAULT_ERRNO, params->error) ?:
	       put_fault_u32(skb, params, MDEVSIM_A_FAULT_DELAY_MS, params->delay_ms) ?:
	       put_fault_u64(skb, params, MDEVSIM_A_FAULT_RATE, params->rate) ?:
	       put_fault_u64(skb, params, MDEVSIM_A_FAULT_OFFSET, params->offset) ?:
	       put_fault_u8(skb, params, MDEVSIM_A_FAULT_BIT, params->bit) ?:
	       put_fault_u64(skb, params, MDEVSIM_A_FAULT_INITIAL_BYTES, params->initial_bytes) ?:
	       put_fault_u64(skb, params, MDEVSIM_A_FAULT_DIRTY_BYTES, params->dirty_bytes) ?:
	       put_fault_u64(skb, params, MDEVSIM_A_FAULT_SIZE, params->size) ?:
	       put_fault_u8(skb, params, MDEVSIM_A_FAULT_OPCODE, params->opcode) ?:
	       put_fault_u32(skb, params, MDEVSIM_A_FAULT_STATUS, params->status);
}

static int put_fault(struct sk_buff *skb, struct mdevsim_device *device, const void *what)
{
	const struct mdevsim_fault *fault = what;

	return put_fault_id(skb, device, &fault->id) ?:
	       nla_put_u32(skb, MDEVSIM_A_FAULT_KIND, fault->params.kind) ?:
	       put_given(skb, &fault->params) ?:
	       nla_put_u32(skb, MDEVSIM_A_FAULT_HITS, fault->hits);
}

int mdevsim_nl_fault_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	u32 id = get_u32(info, MDEVSIM_A_FAULT_ID, 0);
	struct mdevsim_device *device;
	struct mdevsim_fault fault;

	guard(rwsem_read)(&devices_lock);
	device = find_named(info, MDEVSIM_A_FAULT_DEV);
	if (IS_ERR(device))
		return PTR_ERR(device);
	if (!id) {
		GENL_SET_ERR_MSG(info, "the id of a fault is missing");
		return -EINVAL;
	}
	if (!mdevsim_fault_get(device, id, &fault) || fault.id != id) {
		GENL_SET_ERR_MSG(info, "the device has no such fault");
		return -ENOENT;
	}
	return reply(info, MDEVSIM_CMD_FAULT_GET, put_fault, device, &fault);
}

/*
 * Those of one device, from the id on that the last buffer got to, if that was with the same
 * device; false when there is no room for all of them
 */
static bool dump_faults(struct sk_buff *skb, struct netlink_callback *cb,
			struct mdevsim_device *device)
{
	struct mdevsim_fault fault;

	if (cb->args[3] != device->number)
		cb->args[1] = 0;
	cb->args[3] = device->number;
	while (mdevsim_fault_get(device, cb->args[1], &fault)) {
		if (dump_one(skb, cb, MDEVSIM_CMD_FAULT_GET, put_fault, device, &fault))
			return false;
		cb->args[1] = (long)fault.id + 1;
	}
	return true;
}

int mdevsim_nl_fault_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct nlattr *id = MDEVSIM_DUMP_ATTRS(cb)[MDEVSIM_A_FAULT_ID];

	if (id) {
		NL_SET_ERR_MSG_ATTR(cb->extack, id, "one fault by its id is no dump");
		return -EINVAL;
	}
	return dump_devices(skb, cb, MDEVSIM_A_FAULT_DEV, dump_faults);
}

/* ---- Shape ------------------------------------------------------------- */

static int put_delays(struct sk_buff *skb, const struct mdevsim_shape_params *params)
{
	struct nlattr *nest;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(params->delay_ms); i++) {
		if (!params->delay_ms[i])
			continue;
		nest = nla_nest_start(skb, MDEVSIM_A_SHAPE_DELAY);
		if (!nest || nla_put_u32(skb, MDEVSIM_A_DELAY_STATE, i) ||
		    nla_put_u32(skb, MDEVSIM_A_DELAY_MS, params->delay_ms[i]))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int put_shape_u64(struct sk_buff *skb, int attribute, u64 value)
{
	return nla_put_u64_64bit(skb, attribute, value, MDEVSIM_A_SHAPE_PAD);
}

static int put_shape(struct sk_buff *skb, struct mdevsim_device *device, const void *what)
{
	struct mdevsim_shape_params params;
	u64 dirtied;

	mdevsim_shape_get(device, &params, &dirtied);
	return nla_put_string(skb, MDEVSIM_A_SHAPE_DEV, device->name) ?:
	       put_shape_u64(skb, MDEVSIM_A_SHAPE_DIRTY_RATE, params.dirty_rate) ?:
	       put_shape_u64(skb, MDEVSIM_A_SHAPE_DIRTY_SPAN, params.dirty_span) ?:
	       nla_put_u32(skb, MDEVSIM_A_SHAPE_TARGET, params.target) ?:
	       put_shape_u64(skb, MDEVSIM_A_SHAPE_GUEST_ADDRESS, params.guest_address) ?:
	       put_shape_u64(skb, MDEVSIM_A_SHAPE_GUEST_LENGTH, params.guest_length) ?:
	       put_shape_u64(skb, MDEVSIM_A_SHAPE_INITIAL_EXTRA, params.initial_extra) ?:
	       put_shape_u64(skb, MDEVSIM_A_SHAPE_FINAL_EXTRA, params.final_extra) ?:
	       put_delays(skb, &params) ?:
	       put_shape_u64(skb, MDEVSIM_A_SHAPE_DIRTIED, dirtied);
}

int mdevsim_nl_shape_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mdevsim_device *device;

	guard(rwsem_read)(&devices_lock);
	device = find_named(info, MDEVSIM_A_SHAPE_DEV);
	if (IS_ERR(device))
		return PTR_ERR(device);
	return reply(info, MDEVSIM_CMD_SHAPE_GET, put_shape, device, NULL);
}

static int get_delay(struct genl_info *info, const struct nlattr *nest,
		     struct mdevsim_shape_params *params)
{
	struct nlattr *attrs[MDEVSIM_A_DELAY_MAX + 1];
	int ret;

	ret = nla_parse_nested(attrs, MDEVSIM_A_DELAY_MAX, nest, mdevsim_delay_nl_policy,
			       info->extack);
	if (ret)
		return ret;
	if (!attrs[MDEVSIM_A_DELAY_STATE] || !attrs[MDEVSIM_A_DELAY_MS]) {
		NL_SET_ERR_MSG_ATTR(info->extack, nest, "a delay has a state and milliseconds");
		return -EINVAL;
	}
	if (nla_get_u32(attrs[MDEVSIM_A_DELAY_MS]) > MDEVSIM_MAX_DELAY_MS) {
		NL_SET_ERR_MSG_ATTR(info->extack, nest, "a delay is at most 3600000 ms");
		return -ERANGE;
	}
	params->delay_ms[nla_get_u32(attrs[MDEVSIM_A_DELAY_STATE])] =
		nla_get_u32(attrs[MDEVSIM_A_DELAY_MS]);
	return 0;
}

static int get_delays(struct genl_info *info, struct mdevsim_shape_params *params)
{
	const struct nlattr *attr;
	int left, ret;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left) {
		if (nla_type(attr) != MDEVSIM_A_SHAPE_DELAY)
			continue;
		ret = get_delay(info, attr, params);
		if (ret)
			return ret;
	}
	return 0;
}

/* Each value as it was given, where it was given */
static int get_shape(struct genl_info *info, struct mdevsim_shape_params *params)
{
	params->dirty_rate = get_u64(info, MDEVSIM_A_SHAPE_DIRTY_RATE, params->dirty_rate);
	params->dirty_span = get_u64(info, MDEVSIM_A_SHAPE_DIRTY_SPAN, params->dirty_span);
	params->target = get_u32(info, MDEVSIM_A_SHAPE_TARGET, params->target);
	params->guest_address = get_u64(info, MDEVSIM_A_SHAPE_GUEST_ADDRESS,
					params->guest_address);
	params->guest_length = get_u64(info, MDEVSIM_A_SHAPE_GUEST_LENGTH, params->guest_length);
	params->initial_extra = get_u64(info, MDEVSIM_A_SHAPE_INITIAL_EXTRA,
					params->initial_extra);
	params->final_extra = get_u64(info, MDEVSIM_A_SHAPE_FINAL_EXTRA, params->final_extra);
	return get_delays(info, params);
}

static int check_shape(struct genl_info *info, const struct mdevsim_shape_params *params)
{
	u64 end;

	if (max3(params->dirty_rate, params->initial_extra, params->final_extra) >
	    MDEVSIM_SHAPE_MAX) {
		GENL_SET_ERR_MSG(info, "a rate or size is at most 2^44 bytes");
		return -ERANGE;
	}
	if (params->guest_address % MDEVSIM_EXTENT_ALIGN ||
	    params->guest_length % MDEVSIM_EXTENT_ALIGN ||
	    check_add_overflow(params->guest_address, params->guest_length, &end)) {
		GENL_SET_ERR_MSG(info, "guest memory begins and ends at multiples of 4096");
		return -EINVAL;
	}
	if (params->target == MDEVSIM_TARGET_GUEST && params->dirty_rate &&
	    !params->guest_length) {
		GENL_SET_ERR_MSG(info, "which guest memory may be overwritten is missing");
		return -EINVAL;
	}
	return 0;
}

/* Two who set at once: each one's attributes count, and the last one's where both gave them. */
static DEFINE_MUTEX(setting);

int mdevsim_nl_shape_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mdevsim_shape_params params;
	struct mdevsim_device *device;
	u64 dirtied;
	int ret;

	guard(rwsem_read)(&devices_lock);
	guard(mutex)(&setting);
	device = find_named(info, MDEVSIM_A_SHAPE_DEV);
	if (IS_ERR(device))
		return PTR_ERR(device);
	mdevsim_shape_get(device, &params, &dirtied);
	ret = get_shape(info, &params) ?: check_shape(info, &params);
	if (ret)
		return ret;
	mdevsim_shape_set(device, &params);
	return 0;
}

/* ---- Family ------------------------------------------------------------ */

struct genl_family mdevsim_netlink_family __ro_after_init = {
	.name		= MDEVSIM_FAMILY_NAME,
	.version	= MDEVSIM_FAMILY_VERSION,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= mdevsim_nl_ops,
	.n_ops		= ARRAY_SIZE(mdevsim_nl_ops),
	.mcgrps		= mdevsim_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(mdevsim_nl_mcgrps),
};

int mdevsim_netlink_init(void)
{
	return genl_register_family(&mdevsim_netlink_family);
}

void mdevsim_netlink_exit(void)
{
	genl_unregister_family(&mdevsim_netlink_family);
}
