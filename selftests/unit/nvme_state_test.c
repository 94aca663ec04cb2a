// SPDX-License-Identifier: GPL-2.0
/*
 * The controller's control records: what is saved can be loaded, means the same
 * afterwards, and nothing that cannot be loaded is let through.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/array_size.h>
#include <linux/err.h>
#include <linux/unaligned.h>
#include "ktap.h"
#include "nvme_host.h"
#include "random.h"

#define RECORD_SIZE	4096

/**
 * struct saved - control records
 * @body: by place in nvme_function_ops.state
 * @length: their bytes
 */
struct saved {
	u8 body[NVME_STATE_RECORDS][RECORD_SIZE] __aligned(8);
	u32 length[NVME_STATE_RECORDS];
};

static unsigned int place_of(u16 type)
{
	unsigned int i;

	for (i = 0; i < NVME_STATE_RECORDS; i++)
		if (nvme_function_ops.state[i].type == type)
			return i;
	abort();
}

#define BODY(saved, type)	((void *)(saved)->body[place_of(MDEVSIM_RECORD_##type)])

static void save(struct host *host, struct saved *saved)
{
	unsigned int i;

	memset(saved, 0xee, sizeof(*saved));
	for (i = 0; i < NVME_STATE_RECORDS; i++) {
		const struct mdevsim_state_ops *ops = &nvme_function_ops.state[i];

		saved->length[i] = ops->save(host->fn, saved->body[i]);
		EXPECT(saved->length[i] >= ops->min_length && saved->length[i] <= ops->max_length);
		EXPECT_EQ(saved->body[i][saved->length[i]], 0xee);
	}
}

static int check(struct host *host, const struct saved *saved, struct mdevsim_reason *why)
{
	struct mdevsim_state_set set = {};
	unsigned int i;
	int ret;

	why->text[0] = 0;
	for (i = 0; i < NVME_STATE_RECORDS; i++) {
		set.body[nvme_function_ops.state[i].type] = saved->body[i];
		set.length[nvme_function_ops.state[i].type] = saved->length[i];
	}
	for (i = 0; i < NVME_STATE_RECORDS; i++) {
		ret = nvme_function_ops.state[i].check(host->fn, &set, why);
		if (ret)
			return ret;
	}
	return 0;
}

static void load(struct host *host, const struct saved *saved)
{
	unsigned int i;

	for (i = 0; i < NVME_STATE_RECORDS; i++)
		nvme_function_ops.state[i].load(host->fn, saved->body[i], saved->length[i]);
	host->fn->ops->state_loaded(host->fn);
}

/* What goes on while nothing happens: age and clock */
static void forget_time(struct saved *saved)
{
	struct mdevsim_state_nvme_features *features = BODY(saved, NVME_FEATURES);
	struct mdevsim_state_nvme_logs *logs = BODY(saved, NVME_LOGS);
	u32 i;

	logs->power_on_ms = 0;
	for (i = 0; i < le32_to_cpu(features->count); i++)
		if (features->feature[i].fid == NVME_FEAT_TIMESTAMP)
			features->feature[i].value &= cpu_to_le64(~((1ULL << 48) - 1));
}

static void expect_same(struct saved *one, struct saved *other)
{
	unsigned int i;

	forget_time(one);
	forget_time(other);
	for (i = 0; i < NVME_STATE_RECORDS; i++) {
		EXPECT_EQ(one->length[i], other->length[i]);
		EXPECT_MSG(!memcmp(one->body[i], other->body[i], one->length[i]),
			   "record %u differs", nvme_function_ops.state[i].type);
	}
}

static struct nvme_command flush(void)
{
	struct nvme_command cmd = host_simple(nvme_cmd_flush);

	cmd.common.nsid = cpu_to_le32(1);
	return cmd;
}

/* A controller in the middle of everything, then quiet */
static struct host *busy_host(void)
{
	struct host *host = host_create();
	unsigned int i;

	host_enable(host, 8);
	for (i = 1; i < 6; i += 2)
		host_create_queue(host, i, 3 + i);
	/* Queue 2 shares the completion queue of 3, which wraps a few times */
	host->queue[2] = (struct host_queue) { .sq = host_pages(host, 1), .entries = 9 };
	EXPECT_OK(host, 0, host_create_sq(2, 9, host->queue[2].sq, 3));
	for (i = 0; i < 20; i++)
		EXPECT_OK(host, 3, flush());
	for (i = 0; i < 7; i++)
		EXPECT_OK(host, 1, host_rw(nvme_cmd_write, i, 1, host_pages(host, 1), 0));
	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_TEMP_THRESH, 0x100000 | 5));
	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_IRQ_CONFIG, 0x10000 | 5));
	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_ASYNC_EVENT, 0x1ff));
	EXPECT_EQ(host_status(host, 0, host_simple(0x77)), NVME_SC_INVALID_OPCODE);
	/* A request takes the first notice; the second is masked, the error waits */
	host_push(host, 0, host_simple(nvme_admin_async_event));
	host_ring(host, 0);
	host->fn->ops->resize(host->fn, 32 << 20);
	host_run();
	host_pop(host, 0, true);
	host->fn->ops->resize(host->fn, 48 << 20);
	host_write(host, 0x1ffc, 0);
	host_run();

	/* Three completions not consumed, four commands not fetched, of two queues */
	for (i = 0; i < 3; i++)
		host_push(host, 3, flush());
	host_ring(host, 3);
	host_run();
	host->fn->ops->quiesce(host->fn);
	for (i = 0; i < 3; i++)
		host_push(host, 2, flush());
	host_ring(host, 2);
	host_push(host, 1, flush());
	host_ring(host, 1);
	return host;
}

/* Another device with the same guest */
static struct host *move(struct host *from, const struct saved *saved)
{
	struct host *to = host_create();
	struct mdevsim_reason why;

	memcpy(to->device.memory, from->device.memory, HOST_PAGES * HOST_PAGE);
	memcpy(to->queue, from->queue, sizeof(to->queue));
	to->next_cid = from->next_cid;
	to->device.next_page = from->device.next_page;
	to->fn->ops->quiesce(to->fn);
	EXPECT_EQ(check(to, saved, &why), 0);
	to->device.silent = true;
	load(to, saved);
	to->device.silent = false;
	return to;
}

static void round_trip(void)
{
	struct host *from = busy_host(), *to;
	static struct saved one, two;

	save(from, &one);
	to = move(from, &one);
	save(to, &two);
	expect_same(&one, &two);
	to->fn->ops->reset(to->fn);
	to->fn->ops->resume(to->fn);
	host_enable(to, 4);
	EXPECT_OK(to, 0, host_identify(1, 0, host_pages(to, 1)));
	host_destroy(from);
	host_destroy(to);
}

static void goes_on(void)
{
	struct host *from = busy_host(), *to;
	static struct saved saved;
	unsigned int i;

	save(from, &saved);
	to = move(from, &saved);
	host_destroy(from);
	EXPECT_EQ(to->device.raised[3], 0);
	to->fn->ops->resume(to->fn);
	EXPECT(to->device.raised[3] > 0);	/* it may have been lost */
	EXPECT_EQ(to->device.raised[5], 0);
	EXPECT(to->device.intx);
	host_run();
	for (i = 0; i < 6; i++) {
		EXPECT_EQ(le16_to_cpu(host_pop(to, 3, true).status) >> 1, 0);
		host_run();
	}
	EXPECT(!host_peek(to, 3));
	EXPECT_EQ(le16_to_cpu(host_pop(to, 1, true).status) >> 1, 0);
	/* The error is reported with the next request, the notice after the log was read */
	host_push(to, 0, host_simple(nvme_admin_async_event));
	host_push(to, 0, host_simple(nvme_admin_async_event));
	host_ring(to, 0);
	host_run();
	EXPECT_EQ(host_pop_result(to), 0x010000);
	EXPECT(!host_peek(to, 0));
	host_push(to, 0, host_log(NVME_LOG_CHANGED_NS, 4096, 0, host_pages(to, 1)));
	host_ring(to, 0);
	host_run();
	host_pop(to, 0, true);
	EXPECT_EQ(host_pop_result(to), 0x040002);
	for (i = 0; i < 20; i++) {
		EXPECT_OK(to, 5, flush());
		EXPECT_OK(to, 0, host_get_feature(NVME_FEAT_ASYNC_EVENT, 0));
	}
	/* What was set is set. */
	EXPECT_EQ(host_result(to, 0, host_get_feature(NVME_FEAT_ASYNC_EVENT, 0)), 0x1ff);
	EXPECT_EQ(host_result(to, 0, host_get_feature(NVME_FEAT_TEMP_THRESH, 0x100000)), 5);
	EXPECT_EQ(host_result(to, 0, host_get_feature(NVME_FEAT_IRQ_CONFIG, 5)), 0x10005);
	host_destroy(to);
}

/* A parked request is answered by the controller that it never met. */
static void parked_request(void)
{
	struct host *from = host_create(), *to;
	static struct saved saved;
	u16 cid;

	host_enable(from, 8);
	EXPECT_OK(from, 0, host_set_feature(NVME_FEAT_ASYNC_EVENT, 0x100));
	cid = host_push(from, 0, host_simple(nvme_admin_async_event));
	host_ring(from, 0);
	host_run();
	from->fn->ops->quiesce(from->fn);
	save(from, &saved);
	to = move(from, &saved);
	host_destroy(from);
	to->fn->ops->resume(to->fn);
	host_run();
	EXPECT(!host_peek(to, 0));
	EXPECT_EQ(to->fn->ops->resize(to->fn, 4096), 0);
	host_run();
	EXPECT_EQ(host_pop(to, 0, true).command_id, cid);
	host_destroy(to);
}

static void not_enabled(void)
{
	struct host *from = host_create(), *to;
	static struct saved one, two;

	host_write(from, NVME_REG_AQA, 0x00070007);
	host_write(from, NVME_REG_ASQ, 0x5000);
	from->fn->ops->quiesce(from->fn);
	save(from, &one);
	to = move(from, &one);
	save(to, &two);
	expect_same(&one, &two);
	EXPECT_EQ(host_read(to, NVME_REG_ASQ), 0x5000);
	host_destroy(from);
	host_destroy(to);
}

/* Shut down, and given up */
static void stopped_controllers(void)
{
	struct host *from, *to;
	static struct saved saved;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		u32 csts;

		from = host_create();
		if (i < 2)
			host_enable(from, 8);
		if (!i)
			host_write(from, NVME_REG_CC, host_read(from, NVME_REG_CC) |
						      NVME_CC_SHN_NORMAL);
		if (i == 1) {
			host_disable(from);
			from->fn->ops->bar_write(from->fn, NVME_REG_ASQ, 8, 1ULL << 40);
			host_write(from, NVME_REG_CC, NVME_CC_ENABLE);
			host_write(from, NVME_REG_DBS, 1);
			host_run();
		}
		if (i == 2)
			host_write(from, NVME_REG_CC, NVME_CC_ENABLE);
		csts = host_read(from, NVME_REG_CSTS);
		from->fn->ops->quiesce(from->fn);
		save(from, &saved);
		to = move(from, &saved);
		EXPECT_EQ(host_read(to, NVME_REG_CSTS), csts);
		to->fn->ops->resume(to->fn);
		host_run();
		host_disable(to);
		host_enable(to, 4);
		host_destroy(from);
		host_destroy(to);
	}
}

/* The layout of TP4159, by hand */
static void queues_layout(void)
{
	struct host *host = host_create();
	static struct saved saved;
	u8 *at = BODY(&saved, NVME_QUEUES);
	unsigned int i;

	host_enable(host, 8);
	host_create_queue(host, 1, 4);
	host_create_queue(host, 7, 6);
	for (i = 0; i < 5; i++)
		EXPECT_OK(host, 1, flush());
	host->fn->ops->quiesce(host->fn);
	save(host, &saved);
	EXPECT_EQ(saved.length[place_of(MDEVSIM_RECORD_NVME_QUEUES)], 56 + 4 * 24);
	EXPECT_EQ(get_unaligned_le16(at), 0);
	EXPECT_EQ(at[2], 1);
	EXPECT_EQ(get_unaligned_le64(at + 16), (8 + 4 * 24) / 4);
	EXPECT_EQ(get_unaligned_le64(at + 32), 0);
	EXPECT_EQ(get_unaligned_le16(at + 50), 2);
	EXPECT_EQ(get_unaligned_le16(at + 52), 2);
	/* Submission queue 1 */
	EXPECT_EQ(get_unaligned_le64(at + 56), host->queue[1].sq);
	EXPECT_EQ(get_unaligned_le16(at + 64), 3);
	EXPECT_EQ(get_unaligned_le16(at + 66), 1);
	EXPECT_EQ(get_unaligned_le16(at + 68), 1);
	EXPECT_EQ(get_unaligned_le16(at + 70), 1 | 2 << 1);
	EXPECT_EQ(get_unaligned_le16(at + 72), 1);
	EXPECT_EQ(get_unaligned_le16(at + 74), 1);
	/* Completion queue 1: once around, slot 0 holds the phase of the second round */
	EXPECT_EQ(get_unaligned_le64(at + 104), host->queue[1].cq);
	EXPECT_EQ(get_unaligned_le16(at + 112), 3);
	EXPECT_EQ(get_unaligned_le16(at + 114), 1);
	EXPECT_EQ(get_unaligned_le16(at + 116), 1);
	EXPECT_EQ(get_unaligned_le16(at + 118), 1);
	EXPECT_EQ(get_unaligned_le32(at + 120), 1 << 16 | 0 << 2 | 1 << 1 | 1);
	/* Completion queue 7: never used, memory is zero */
	EXPECT_EQ(get_unaligned_le16(at + 138), 7);
	EXPECT_EQ(get_unaligned_le32(at + 144), 7 << 16 | 0 << 2 | 1 << 1 | 1);
	host_destroy(host);
}

/**
 * struct spoil - one field that no controller could have
 * @type: record
 * @offset: of the field
 * @width: its bytes
 * @value: what is written there
 */
struct spoil {
	u16 type;
	u32 offset;
	u32 width;
	u64 value;
};

#define AT(type, name, member, width, value)	\
	{ MDEVSIM_RECORD_##type, offsetof(struct mdevsim_state_##name, member), width, value }
#define REGS(member, width, value)	AT(NVME_REGS, nvme_regs, member, width, value)
#define ADMIN(member, width, value)	AT(NVME_ADMIN, nvme_admin, member, width, value)
#define QUEUES(member, width, value)	AT(NVME_QUEUES, nvme_queues, member, width, value)
#define AER(member, width, value)	AT(NVME_AER, nvme_aer, member, width, value)
#define LOGS(member, width, value)	AT(NVME_LOGS, nvme_logs, member, width, value)
#define FEATURES(offset, width, value)	{ MDEVSIM_RECORD_NVME_FEATURES, offset, width, value }
/* busy_host() has submission queues 1, 2, 3, 5 and completion queues 1, 3, 5 */
#define SQ(n, offset, width, value)	\
	{ MDEVSIM_RECORD_NVME_QUEUES, 56 + (n) * 24 + (offset), width, value }
#define CQ(n, offset, width, value)	SQ((n) + 4, offset, width, value)

static const struct spoil spoils[] = {
	REGS(cap, 8, 0), REGS(cap, 2, 1022), REGS(vs, 4, 0x20000),
	REGS(cc, 4, 0), REGS(cc, 4, 0x460003), REGS(cc, 4, 0x460081), REGS(cc, 4, 0x460011),
	REGS(cc, 4, 0x460801), REGS(cc, 4, 0x1460001), REGS(cc, 4, 0x464001),
	REGS(csts, 4, 0), REGS(csts, 4, 2), REGS(csts, 4, 5), REGS(csts, 4, 9), REGS(csts, 4, 0x11),
	REGS(csts, 4, 0x80000001), REGS(aqa, 4, 0x1000), REGS(aqa, 4, 0x80000000),
	REGS(reserved, 4, 1), REGS(asq, 8, 8), REGS(acq, 8, 0x1010),
	ADMIN(sq_base, 8, 16), ADMIN(cq_base, 8, 0x801), ADMIN(sq_size, 2, 0), ADMIN(cq_size, 2, 0),
	ADMIN(sq_size, 2, 4096), ADMIN(cq_size, 2, 0xffff), ADMIN(sq_head, 2, 8),
	ADMIN(sq_tail, 2, 8), ADMIN(cq_head, 2, 8), ADMIN(cq_tail, 2, 0xffff),
	ADMIN(cq_phase, 1, 2), ADMIN(enabled, 1, 0), ADMIN(enabled, 1, 2), ADMIN(reserved, 1, 1),
	QUEUES(version, 2, 1), QUEUES(attributes, 1, 0), QUEUES(attributes, 1, 3),
	QUEUES(reserved0, 1, 1), QUEUES(nvme_size, 8, 0), QUEUES(nvme_size, 8, 45),
	QUEUES(nvme_size_high, 8, 1), QUEUES(vendor_size, 8, 1), QUEUES(vendor_size_high, 8, 1),
	QUEUES(nvme_version, 2, 1), QUEUES(nr_sqs, 2, 3), QUEUES(nr_cqs, 2, 2),
	QUEUES(nr_sqs, 2, 64), QUEUES(nr_cqs, 2, 64),
	QUEUES(nr_sqs, 2, 0xffff), QUEUES(nr_cqs, 2, 0xffff),
	QUEUES(reserved1, 1, 1),
	SQ(0, 0, 8, 64), SQ(0, 8, 2, 0), SQ(0, 8, 2, 1024), SQ(0, 10, 2, 0), SQ(0, 10, 2, 2),
	SQ(3, 10, 2, 3), SQ(3, 10, 2, 64), SQ(3, 10, 2, 0xffff), SQ(0, 12, 2, 0), SQ(0, 12, 2, 2),
	SQ(0, 12, 2, 64), SQ(0, 12, 2, 0xffff), SQ(0, 14, 2, 0), SQ(0, 14, 2, 9), SQ(0, 16, 2, 4),
	SQ(0, 18, 2, 4), SQ(0, 20, 4, 1),
	CQ(0, 0, 8, 0xfff), CQ(0, 8, 2, 0), CQ(0, 8, 2, 1024), CQ(0, 10, 2, 0), CQ(0, 10, 2, 3),
	CQ(2, 10, 2, 1), CQ(2, 10, 2, 64), CQ(0, 12, 2, 4), CQ(0, 14, 2, 4), CQ(0, 16, 4, 0x10002),
	CQ(0, 16, 4, 0x1000b), CQ(0, 16, 4, 0x400003), CQ(0, 16, 4, 0xffff0003), CQ(0, 20, 4, 1),
	CQ(1, 10, 2, 2),
	FEATURES(0, 4, 0), FEATURES(0, 4, 97), FEATURES(0, 4, ~0U), FEATURES(4, 4, 1),
	FEATURES(8, 1, 0), FEATURES(8, 1, 7), FEATURES(8, 1, 3), FEATURES(8, 1, 0x20),
	FEATURES(9, 1, 1), FEATURES(12, 4, 1), FEATURES(16, 8, 1ULL << 32),
	FEATURES(16, 8, 0x10000), FEATURES(28, 4, 6), FEATURES(32, 4, 64),
	FEATURES(32, 4, 6), FEATURES(24, 1, 4),
	FEATURES(64, 8, 1ULL << 50), FEATURES(8, 8, NVME_FEAT_IRQ_CONFIG | 5ULL << 32),
	AER(nr_parked, 2, 9), AER(nr_parked, 2, 0xffff), AER(nr_events, 2, 9), AER(nr_events, 2, 0),
	AER(masked, 4, 8), AER(masked, 4, 0x80000000), AER(cid[7], 2, 1), AER(event[7], 4, 1),
	AER(event[0], 4, 0), AER(event[0], 4, 0x010003), AER(event[1], 4, ~0U),
	LOGS(error_count, 8, 0), LOGS(critical_warning, 1, 1), LOGS(ns_changed, 1, 2),
	LOGS(reserved, 1, 1), LOGS(error[0].error_count, 8, 0), LOGS(error[0].reserved, 4, 1),
	LOGS(error[1].error_count, 8, 100), LOGS(error[15].cid, 2, 1),
	LOGS(error[15].error_count, 8, 9),
};

static void refused(void)
{
	struct host *host = busy_host();
	static struct saved saved, bad;
	struct mdevsim_reason why;
	unsigned int i;

	save(host, &saved);
	EXPECT_EQ(check(host, &saved, &why), 0);
	for (i = 0; i < ARRAY_SIZE(spoils); i++) {
		int ret;

		bad = saved;
		memcpy(bad.body[place_of(spoils[i].type)] + spoils[i].offset, &spoils[i].value,
		       spoils[i].width);
		ret = check(host, &bad, &why);
		EXPECT_MSG((ret == -EINVAL || ret == -EXDEV) && why.text[0],
			   "spoil %u: record %u offset %u value %#llx: %d %s", i, spoils[i].type,
			   spoils[i].offset, spoils[i].value, ret, why.text);
	}
	/* One queue or feature too few or too many for the length */
	for (i = 0; i < NVME_STATE_RECORDS; i++) {
		u16 type = nvme_function_ops.state[i].type;

		bad = saved;
		bad.length[i] -= 8;
		if (type == MDEVSIM_RECORD_NVME_QUEUES || type == MDEVSIM_RECORD_NVME_FEATURES)
			EXPECT_EQ(check(host, &bad, &why), -EINVAL);
	}
	host_destroy(host);
}

/* Queues and events of a controller that is not enabled */
static void refused_when_disabled(void)
{
	struct host *busy = busy_host(), *idle = host_create();
	static struct saved on, off, mix;
	struct mdevsim_reason why;
	unsigned int i;

	idle->fn->ops->quiesce(idle->fn);
	save(busy, &on);
	save(idle, &off);
	for (i = 0; i < NVME_STATE_RECORDS; i++) {
		u16 type = nvme_function_ops.state[i].type;
		bool depends = type == MDEVSIM_RECORD_NVME_ADMIN ||
			       type == MDEVSIM_RECORD_NVME_QUEUES ||
			       type == MDEVSIM_RECORD_NVME_AER;

		mix = off;
		memcpy(mix.body[i], on.body[i], RECORD_SIZE);
		mix.length[i] = on.length[i];
		if (depends)
			EXPECT_EQ(check(idle, &mix, &why), -EINVAL);
	}
	mix = off;
	((struct mdevsim_state_nvme_admin *)BODY(&mix, NVME_ADMIN))->sq_tail = cpu_to_le16(1);
	EXPECT_EQ(check(idle, &mix, &why), -EINVAL);
	host_destroy(busy);
	host_destroy(idle);
}

/* Some bytes become others: of interesting ones, and of any. */
static void mutate(struct saved *saved, u64 *random)
{
	static const u8 bytes[] = { 0, 1, 2, 3, 7, 8, 0x0f, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xff };
	unsigned int n = 1 + random_below(random, 3);

	while (n--) {
		unsigned int i = random_below(random, NVME_STATE_RECORDS);
		u8 *byte = &saved->body[i][random_below(random, saved->length[i])];

		if (random_next(random) & 1)
			*byte = bytes[random_below(random, ARRAY_SIZE(bytes))];
		else
			*byte = random_next(random);
	}
}

/* A guest whose queues were never written by a driver */
static void scribble(struct host *host, u64 *random)
{
	u64 *memory = (u64 *)host->device.memory;
	unsigned int i;

	for (i = 0; i < 64 * HOST_PAGE / 8; i += 8) {
		memory[i] = random_next(random) & 0x1ffff000fULL;
		memory[i + 3] = random_below(random, 64) * HOST_PAGE;
		memory[i + 4] = random_below(random, 64) * HOST_PAGE;
		memory[i + 5] = random_next(random) & 0x00ff00ff00ff00ffULL;
		memory[i + 6] = random_next(random) & 0xff;
	}
}

/*
 * Whatever the checks let through can be loaded and run, and what is saved
 * after that is let through again.
 */
static void mutations(void)
{
	struct host *source = busy_host(), *host = host_create();
	static struct saved good, bad, again;
	struct mdevsim_reason why;
	unsigned int i, k, accepted = 0;
	u64 random = 7;

	save(source, &good);
	for (i = 0; i < 20000; i++) {
		host->fn->ops->quiesce(host->fn);
		bad = good;
		mutate(&bad, &random);
		if (check(host, &bad, &why)) {
			EXPECT(why.text[0]);
			continue;
		}
		accepted++;
		load(host, &bad);
		save(host, &again);
		EXPECT_MSG(!check(host, &again, &why), "%s", why.text);
		scribble(host, &random);
		host->fn->ops->resume(host->fn);
		for (k = 0; k < 10; k++) {
			host_write(host, 0x1000 + 4 * random_below(&random, 12),
				   random_below(&random, 8));
			host_run();
		}
		host->fn->ops->quiesce(host->fn);
		save(host, &again);
		EXPECT_MSG(!check(host, &again, &why), "%s", why.text);
	}
	EXPECT(accepted > 1000 && accepted < 19000);
	host_destroy(source);
	host_destroy(host);
}

/* Identity */

static struct mdevsim_identity_limits limits_of(const struct host *host)
{
	struct mdevsim_identity_limits limits = host->fn->ops->limits;

	limits.namespace_capacity = HOST_CAPACITY;
	return limits;
}

static void identity(void)
{
	struct host *host = host_create();
	struct mdevsim_identity_limits limits = limits_of(host);
	struct mdevsim_state_identity id, bad;
	struct mdevsim_reason why = {};
	static const struct spoil wrong[] = {
		AT(IDENTITY, identity, function, 1, 'x'),
		AT(IDENTITY, identity, function[4], 1, 'x'),
		AT(IDENTITY, identity, function[15], 1, 'x'),
		AT(IDENTITY, identity, version_major, 2, 2),
		AT(IDENTITY, identity, version_minor, 2, 1),
		AT(IDENTITY, identity, namespace_size, 8, 0),
		AT(IDENTITY, identity, namespace_size, 8, 4097),
		AT(IDENTITY, identity, namespace_size, 8, HOST_CAPACITY + 4096),
		AT(IDENTITY, identity, namespace_size, 8, ~0ULL),
		AT(IDENTITY, identity, lba_shift, 2, 12),
		AT(IDENTITY, identity, vectors, 2, 63),
		AT(IDENTITY, identity, io_queues, 2, 62),
		AT(IDENTITY, identity, queue_entries, 2, 1023),
	};
	bool impossible;
	unsigned int i;

	mdevsim_identity_fill(&id, &limits);
	host->fn->ops->identity(host->fn, &id);
	EXPECT(!memcmp(id.function, "nvme\0\0\0\0\0\0\0\0\0\0\0\0", 16));
	EXPECT_EQ(le64_to_cpu(id.namespace_size), HOST_CAPACITY);
	EXPECT(!memcmp(id.serial, "83b8f4f2e6bfe0fa1001", 20));
	EXPECT_EQ(mdevsim_identity_check(&id, &limits, &why), 0);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		bad = id;
		memcpy((u8 *)&bad + wrong[i].offset, &wrong[i].value, wrong[i].width);
		why.text[0] = 0;
		impossible = wrong[i].width == 8 && (!wrong[i].value || wrong[i].value % 4096);
		EXPECT_EQ(mdevsim_identity_check(&bad, &limits, &why),
			  impossible ? -EINVAL : -EXDEV);
		EXPECT(why.text[0]);
	}
	id.namespace_size = cpu_to_le64(4096);
	EXPECT_EQ(mdevsim_identity_check(&id, &limits, &why), 0);
	host_destroy(host);
}

/* The namespace and the names of another device take the place of ours, or do not. */
static void namespace_load(void)
{
	struct host *host = host_create();
	const struct mdevsim_function_ops *ops = host->fn->ops;
	struct mdevsim_state_identity id = {}, now;
	u64 data = host_pages(host, 1);
	struct nvme_id_ctrl *ctrl = host_at(host, data);
	u8 *page;

	ops->identity(host->fn, &id);
	id.namespace_size = cpu_to_le64(1 << 20);
	memcpy(id.serial, "another serial no.  ", 20);
	memset(id.nguid, 0x42, 16);
	ops->quiesce(host->fn);
	EXPECT_EQ(ops->bulk_load_begin(host->fn, &id), 0);
	ops->bulk_load_abort(host->fn);
	ops->bulk_load_abort(host->fn);
	ops->identity(host->fn, &now);
	EXPECT_EQ(le64_to_cpu(now.namespace_size), HOST_CAPACITY);

	EXPECT_EQ(ops->bulk_load_begin(host->fn, &id), 0);
	page = ops->bulk_load_page(host->fn, 8192);
	EXPECT(!IS_ERR(page));
	memset(page, 0x99, 4096);
	EXPECT_EQ(PTR_ERR(ops->bulk_load_page(host->fn, 1 << 20)), -ERANGE);
	/* Resized at the source: everything is sent again */
	id.namespace_size = cpu_to_le64(2 << 20);
	EXPECT_EQ(ops->bulk_load_begin(host->fn, &id), 0);
	page = ops->bulk_load_page(host->fn, 1 << 20);
	EXPECT(!IS_ERR(page));
	memset(page, 0x99, 4096);
	page = ops->bulk_load_page(host->fn, 4096);
	EXPECT(!IS_ERR(page));
	memset(page, 0x99, 4096);
	ops->bulk_load_zero(host->fn, 0, 8192);
	ops->bulk_load_commit(host->fn);
	ops->identity(host->fn, &now);
	EXPECT_EQ(le64_to_cpu(now.namespace_size), 2 << 20);
	EXPECT(!memcmp(now.serial, id.serial, 20) && !memcmp(now.nguid, id.nguid, 16));

	ops->resume(host->fn);
	host_enable(host, 8);
	host_create_queue(host, 1, 8);
	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, data));
	EXPECT(!memcmp(ctrl->sn, id.serial, 20));
	EXPECT_OK(host, 1, host_rw(nvme_cmd_read, 2048, 8, data, 0));
	EXPECT_EQ(*(u8 *)host_at(host, data), 0x99);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_read, 8, 16, data, host_pages(host, 1)));
	EXPECT_EQ(*(u8 *)host_at(host, data), 0);
	EXPECT_EQ(*(u8 *)host_at(host, host->device.next_page * HOST_PAGE - HOST_PAGE), 0);
	host_destroy(host);
}

static const struct ktap_test tests[] = {
	KTAP_TEST(round_trip),
	KTAP_TEST(goes_on),
	KTAP_TEST(parked_request),
	KTAP_TEST(not_enabled),
	KTAP_TEST(stopped_controllers),
	KTAP_TEST(queues_layout),
	KTAP_TEST(refused),
	KTAP_TEST(refused_when_disabled),
	KTAP_TEST(mutations),
	KTAP_TEST(identity),
	KTAP_TEST(namespace_load),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
