// SPDX-License-Identifier: GPL-2.0
/*
 * The NVMe controller as a host sees it: registers, admin and I/O commands.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/array_size.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/unaligned.h>
#include "ktap.h"
#include "nvme_host.h"
#include "random.h"

#define BLOCK		512
#define BLOCKS		(HOST_CAPACITY / BLOCK)

static struct host *start(void)
{
	struct host *host = host_create();

	host_enable(host, 32);
	return host;
}

static u16 raw_status(struct host *host, u16 qid, struct nvme_command cmd)
{
	return le16_to_cpu(host_do(host, qid, cmd).status) >> 1;
}

/* Refused for good, with more to be read in the error log, which says where */
static void refused(struct host *host, u16 qid, struct nvme_command cmd, u16 status, u16 location)
{
	u64 log = host_pages(host, 1);
	const struct nvme_error_slot *slot = host_at(host, log);

	EXPECT_EQ(raw_status(host, qid, cmd), status | NVME_STATUS_MORE | NVME_STATUS_DNR);
	EXPECT_OK(host, 0, host_log(NVME_LOG_ERROR, 64, 0, log));
	EXPECT_EQ(le16_to_cpu(slot->status_field) >> 1,
		  status | NVME_STATUS_MORE | NVME_STATUS_DNR);
	EXPECT_EQ(le16_to_cpu(slot->sqid), qid);
	EXPECT_EQ(le16_to_cpu(slot->param_error_location), location);
}

/* Registers */

static void registers(void)
{
	struct host *host = host_create();
	const struct mdevsim_function_ops *ops = host->fn->ops;
	u64 cap = ops->bar_read(host->fn, NVME_REG_CAP, 8);

	EXPECT_EQ(NVME_CAP_MQES(cap), 1023);
	EXPECT_EQ(cap >> 16 & 1, 1);
	EXPECT_EQ(NVME_CAP_STRIDE(cap), 0);
	EXPECT_EQ(NVME_CAP_CSS(cap), 1);
	EXPECT_EQ(NVME_CAP_MPSMIN(cap), 0);
	EXPECT_EQ(NVME_CAP_MPSMAX(cap), 0);
	EXPECT(NVME_CAP_TIMEOUT(cap) > 0);
	EXPECT_EQ(host_read(host, NVME_REG_CAP), lower_32_bits(cap));
	EXPECT_EQ(host_read(host, NVME_REG_CAP + 4), upper_32_bits(cap));
	EXPECT_EQ(host_read(host, NVME_REG_VS), 0x10400);
	EXPECT_EQ(ops->bar_read(host->fn, NVME_REG_VS + 1, 1), 4);
	EXPECT_EQ(ops->bar_read(host->fn, NVME_REG_VS + 2, 2), 1);

	host_write(host, NVME_REG_CAP, 0);
	host_write(host, NVME_REG_CSTS, 0xff);
	EXPECT_EQ(ops->bar_read(host->fn, NVME_REG_CAP, 8), cap);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), 0);

	ops->bar_write(host->fn, NVME_REG_ASQ, 8, 0x123456789abcdefULL);
	EXPECT_EQ(ops->bar_read(host->fn, NVME_REG_ASQ, 8), 0x123456789abc000ULL);
	host_write(host, NVME_REG_ACQ, 0x5000);
	host_write(host, NVME_REG_ACQ + 4, 7);
	EXPECT_EQ(ops->bar_read(host->fn, NVME_REG_ACQ, 8), 0x700005000ULL);
	host_write(host, NVME_REG_AQA, ~0);
	EXPECT_EQ(host_read(host, NVME_REG_AQA), 0x0fff0fff);
	ops->bar_write(host->fn, NVME_REG_AQA, 2, 0);
	EXPECT_EQ(host_read(host, NVME_REG_AQA), 0x0fff0fff);

	host_write(host, NVME_REG_INTMS, 5);
	host_write(host, NVME_REG_INTMC, 4);
	EXPECT_EQ(host_read(host, NVME_REG_INTMS), 1);
	EXPECT_EQ(host_read(host, NVME_REG_INTMC), 1);
	EXPECT_EQ(host_read(host, NVME_REG_CMBSZ), 0);
	EXPECT_EQ(host_read(host, 0xffc), 0);
	EXPECT_EQ(host_read(host, NVME_REG_DBS), 0);
	host_destroy(host);
}

static void enable_and_reset(void)
{
	struct host *host = host_create();
	const u32 cc = NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES;

	host_enable(host, 16);
	/* Only what may change while enabled does */
	host_write(host, NVME_REG_CC, cc | 1 << NVME_CC_MPS_SHIFT);
	EXPECT_EQ(host_read(host, NVME_REG_CC), cc);
	host_write(host, NVME_REG_CC, NVME_CC_ENABLE);
	EXPECT_EQ(host_read(host, NVME_REG_CC), NVME_CC_ENABLE);

	host_disable(host);
	EXPECT_EQ(host_read(host, NVME_REG_AQA), 15 << 16 | 15);
	EXPECT_EQ(host_read(host, NVME_REG_ASQ), host->queue[0].sq);
	host_disable(host);
	host_enable(host, 2);
	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, host_pages(host, 1)));

	host->fn->ops->reset(host->fn);
	EXPECT_EQ(host_read(host, NVME_REG_CC), 0);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), 0);
	EXPECT_EQ(host_read(host, NVME_REG_AQA), 0);
	EXPECT_EQ(host_read(host, NVME_REG_ASQ), 0);
	EXPECT_EQ(host_read(host, NVME_REG_VS), 0x10400);
	host_destroy(host);
}

static void enable_with_nonsense(void)
{
	struct host *host = host_create();
	static const u32 bad_cc[] = {
		NVME_CC_CSS_CSI, 1 << NVME_CC_MPS_SHIFT, NVME_CC_AMS_WRRU, NVME_CC_AMS_VS,
	};
	unsigned int i;

	host_write(host, NVME_REG_AQA, 0x000f000f);
	for (i = 0; i < ARRAY_SIZE(bad_cc); i++) {
		host_write(host, NVME_REG_CC, bad_cc[i] | NVME_CC_ENABLE);
		EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_CFS);
		host_write(host, NVME_REG_CC, 0);
		EXPECT_EQ(host_read(host, NVME_REG_CSTS), 0);
	}
	host_write(host, NVME_REG_AQA, 0x000f0000);
	host_write(host, NVME_REG_CC, NVME_CC_ENABLE);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_CFS);
	host_write(host, NVME_REG_CC, 0);
	host_write(host, NVME_REG_AQA, 0x0000000f);
	host_write(host, NVME_REG_CC, NVME_CC_ENABLE);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_CFS);
	host_write(host, NVME_REG_CC, 0);
	host_enable(host, 4);
	host_destroy(host);
}

static void shutdown_notification(void)
{
	struct host *host = start();
	u32 cc = host_read(host, NVME_REG_CC);

	host_write(host, NVME_REG_CC, cc | NVME_CC_SHN_NORMAL);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_RDY | NVME_CSTS_SHST_CMPLT);
	host_push(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, host_pages(host, 1)));
	host->device.silent = true;
	host_ring(host, 0);
	host_run();
	host->device.silent = false;
	EXPECT(!host_peek(host, 0));
	host_write(host, NVME_REG_CC, cc | NVME_CC_SHN_NORMAL);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_RDY | NVME_CSTS_SHST_CMPLT);
	host_disable(host);
	host_enable(host, 8);

	/* Of a controller that is not enabled, too */
	host_disable(host);
	host_write(host, NVME_REG_CC, NVME_CC_SHN_ABRUPT);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_SHST_CMPLT);
	host_disable(host);
	host_destroy(host);
}

/* A queue outside memory: the controller gives up, and a reset cures it. */
static void fatal(void)
{
	struct host *host = host_create();

	host_enable(host, 8);
	host_disable(host);
	host->fn->ops->bar_write(host->fn, NVME_REG_ASQ, 8, 0x100000000000ULL);
	host_write(host, NVME_REG_CC, NVME_CC_ENABLE);
	host_write(host, NVME_REG_DBS, 1);
	host_run();
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_RDY | NVME_CSTS_CFS);
	host_disable(host);
	host_enable(host, 8);
	host->fn->ops->bar_write(host->fn, NVME_REG_ACQ, 8, ~0ULL);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_RDY);
	host_disable(host);
	host_write(host, NVME_REG_CC, NVME_CC_ENABLE);
	host_write(host, NVME_REG_DBS, 1);
	host_run();
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_RDY | NVME_CSTS_CFS);
	host_disable(host);
	host_enable(host, 8);
	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, host_pages(host, 1)));
	host_destroy(host);
}

/* Identify */

static void identify(void)
{
	struct host *host = start();
	u64 data = host_pages(host, 1);
	struct nvme_id_ctrl *ctrl = host_at(host, data);
	struct nvme_id_ns *ns = host_at(host, data);
	struct nvme_ns_id_desc *desc = host_at(host, data);
	__le32 *list = host_at(host, data);

	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, data));
	EXPECT(!memcmp(ctrl->sn, "83b8f4f2e6bfe0fa1001", 20));
	EXPECT(!memcmp(ctrl->mn, "mdevsim NVMe                            ", 40));
	EXPECT(!strcmp(ctrl->subnqn,
		       "nqn.2014-08.org.nvmexpress:uuid:83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"));
	EXPECT_EQ(le32_to_cpu(ctrl->ver), 0x10400);
	EXPECT_EQ(ctrl->cntrltype, NVME_CTRL_IO);
	EXPECT_EQ(ctrl->sqes, 0x66);
	EXPECT_EQ(ctrl->cqes, 0x44);
	EXPECT_EQ(le32_to_cpu(ctrl->nn), 1);
	EXPECT_EQ(ctrl->aerl + 1, MDEVSIM_MAX_AERS);
	EXPECT_EQ(ctrl->elpe + 1, MDEVSIM_MAX_ERROR_LOG);
	EXPECT_EQ(le16_to_cpu(ctrl->oacs), 0);
	EXPECT_EQ(le32_to_cpu(ctrl->sgls), 0);
	EXPECT_EQ(le16_to_cpu(ctrl->fuses), 0);

	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_NS, 1, data));
	EXPECT_EQ(le64_to_cpu(ns->nsze), BLOCKS);
	EXPECT_EQ(le64_to_cpu(ns->ncap), BLOCKS);
	EXPECT_EQ(le64_to_cpu(ns->nuse), 0);
	EXPECT_EQ(ns->lbaf[0].ds, 9);
	EXPECT(!memcmp(ns->nguid, host->device.uuid, 16));

	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_NS_ACTIVE_LIST, 0, data));
	EXPECT_EQ(le32_to_cpu(list[0]), 1);
	EXPECT_EQ(list[1], 0);
	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_NS_ACTIVE_LIST, 1, data));
	EXPECT_EQ(list[0], 0);

	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_NS_DESC_LIST, 1, data));
	EXPECT_EQ(desc->nidt, NVME_NIDT_NGUID);
	EXPECT(!memcmp(desc + 1, host->device.uuid, 16));

	refused(host, 0, host_identify(NVME_ID_CNS_NS, 2, data), NVME_SC_INVALID_NS, 4);
	refused(host, 0, host_identify(NVME_ID_CNS_NS, 0, data), NVME_SC_INVALID_NS, 4);
	refused(host, 0, host_identify(NVME_ID_CNS_NS_ACTIVE_LIST, ~1, data),
		NVME_SC_INVALID_NS, 4);
	refused(host, 0, host_identify(NVME_ID_CNS_CS_CTRL, 0, data), NVME_SC_INVALID_FIELD, 40);
	refused(host, 0, host_identify(0xff, 0, data), NVME_SC_INVALID_FIELD, 40);
	host_destroy(host);
}

/* Queues */

static void create_queue_errors(void)
{
	struct host *host = start();
	u64 base = host_pages(host, 1);
	struct nvme_command cmd;

	refused(host, 0, host_create_cq(0, 8, base, 0), NVME_SC_QID_INVALID, 40);
	refused(host, 0, host_create_cq(64, 8, base, 0), NVME_SC_QID_INVALID, 40);
	refused(host, 0, host_create_cq(1, 1, base, 0), NVME_SC_QUEUE_SIZE, 42);
	refused(host, 0, host_create_cq(1, 1025, base, 0), NVME_SC_QUEUE_SIZE, 42);
	refused(host, 0, host_create_cq(1, 8, base + 64, 0), NVME_SC_PRP_INVALID_OFFSET, 24);
	refused(host, 0, host_create_cq(1, 8, base, 64), NVME_SC_INVALID_VECTOR, 46);
	cmd = host_create_cq(1, 8, base, 0);
	cmd.create_cq.cq_flags = cpu_to_le16(NVME_CQ_IRQ_ENABLED);
	refused(host, 0, cmd, NVME_SC_INVALID_FIELD, 44);
	host->device.msix = false;
	refused(host, 0, host_create_cq(1, 8, base, 1), NVME_SC_INVALID_VECTOR, 46);
	host->device.msix = true;

	EXPECT_OK(host, 0, host_create_cq(1, 1024, base, 63));
	refused(host, 0, host_create_cq(1, 8, base, 0), NVME_SC_QID_INVALID, 40);

	refused(host, 0, host_create_sq(0, 8, base, 1), NVME_SC_QID_INVALID, 40);
	refused(host, 0, host_create_sq(64, 8, base, 1), NVME_SC_QID_INVALID, 40);
	refused(host, 0, host_create_sq(1, 8, base, 0), NVME_SC_QID_INVALID, 46);
	refused(host, 0, host_create_sq(1, 8, base, 64), NVME_SC_QID_INVALID, 46);
	refused(host, 0, host_create_sq(1, 8, base, 2), NVME_SC_CQ_INVALID, 46);
	refused(host, 0, host_create_sq(1, 1, base, 1), NVME_SC_QUEUE_SIZE, 42);
	refused(host, 0, host_create_sq(1, 8, base + 8, 1), NVME_SC_PRP_INVALID_OFFSET, 24);
	cmd = host_create_sq(1, 8, base, 1);
	cmd.create_sq.sq_flags = 0;
	refused(host, 0, cmd, NVME_SC_INVALID_FIELD, 44);
	EXPECT_OK(host, 0, host_create_sq(1, 8, base, 1));
	refused(host, 0, host_create_sq(1, 8, base, 1), NVME_SC_QID_INVALID, 40);

	refused(host, 0, host_delete(nvme_admin_delete_cq, 1), NVME_SC_INVALID_QUEUE, 40);
	refused(host, 0, host_delete(nvme_admin_delete_sq, 0), NVME_SC_QID_INVALID, 40);
	refused(host, 0, host_delete(nvme_admin_delete_sq, 2), NVME_SC_QID_INVALID, 40);
	refused(host, 0, host_delete(nvme_admin_delete_cq, 0), NVME_SC_QID_INVALID, 40);
	EXPECT_OK(host, 0, host_delete(nvme_admin_delete_sq, 1));
	EXPECT_OK(host, 0, host_delete(nvme_admin_delete_cq, 1));
	refused(host, 0, host_delete(nvme_admin_delete_cq, 1), NVME_SC_QID_INVALID, 40);

	/* Entry sizes that CC does not announce */
	host_write(host, NVME_REG_CC, NVME_CC_ENABLE);
	refused(host, 0, host_create_cq(1, 8, base, 1), NVME_SC_QUEUE_SIZE, 42);
	host_destroy(host);
}

static void all_queues(void)
{
	struct host *host = host_create();
	u64 cq = host_pages(host, 63), sq = host_pages(host, 63);
	u16 qid;

	host_enable(host, 32);
	for (qid = 1; qid <= MDEVSIM_MAX_IO_QUEUES; qid++) {
		EXPECT_OK(host, 0, host_create_cq(qid, 2, cq + qid * 4096, qid));
		EXPECT_OK(host, 0, host_create_sq(qid, 2, sq + qid * 4096, qid));
	}
	for (qid = MDEVSIM_MAX_IO_QUEUES; qid; qid--) {
		*(u8 *)host_at(host, sq + qid * 4096) = nvme_cmd_flush;
		put_unaligned_le32(1, host_at(host, sq + qid * 4096 + 4));
		host_write(host, NVME_REG_DBS + qid * 8, 1);
		host_run();
		EXPECT_EQ(get_unaligned_le16(host_at(host, cq + qid * 4096 + 14)), 1);
		EXPECT_EQ(get_unaligned_le16(host_at(host, cq + qid * 4096 + 10)), qid);
		EXPECT_EQ(host->device.raised[qid], 1);
	}
	host_destroy(host);
}

/* A small completion queue, filled and emptied: nothing is lost, order and phase hold. */
static void full_completion_queue(void)
{
	struct host *host = start();
	u64 random = 1, sq = host_pages(host, 1);
	u16 want = 0, cid = 0, tail = 0;
	unsigned int i, n;

	host_create_queue(host, 1, 4);
	EXPECT_OK(host, 0, host_delete(nvme_admin_delete_sq, 1));
	EXPECT_OK(host, 0, host_create_sq(1, 64, sq, 1));
	for (i = 0; i < 2000; i++) {
		/* A submission queue larger than the completion queue */
		for (n = random_below(&random, 8); n && (u16)(cid - want) < 60; n--) {
			struct nvme_command cmd = host_simple(nvme_cmd_flush);

			cmd.common.nsid = cpu_to_le32(1);
			cmd.common.command_id = cid++;
			memcpy(host_at(host, sq + tail * 64), &cmd, 64);
			tail = (tail + 1) % 64;
		}
		host_write(host, NVME_REG_DBS + 8, tail);
		host_run();
		EXPECT_EQ(host_peek(host, 1), cid != want);
		for (n = random_below(&random, 5); n && host_peek(host, 1); n--) {
			struct nvme_completion cqe = host_pop(host, 1, false);

			EXPECT_EQ(cqe.command_id, want++);
			EXPECT_EQ(le16_to_cpu(cqe.status) >> 1, 0);
		}
		host_write(host, NVME_REG_DBS + 8 + 4, host->queue[1].head);
	}
	host_destroy(host);
}

/* Three submission queues share a completion queue that is too small for them. */
static void shared_completion_queue(void)
{
	struct host *host = start();
	unsigned int done[4] = {};
	unsigned int i, qid;

	host_create_queue(host, 1, 4);
	for (qid = 2; qid < 4; qid++) {
		host->queue[qid] = (struct host_queue) { .sq = host_pages(host, 1), .entries = 4 };
		EXPECT_OK(host, 0, host_create_sq(qid, 4, host->queue[qid].sq, 1));
	}
	for (i = 0; i < 9; i++) {
		struct nvme_command cmd = host_simple(nvme_cmd_flush);

		cmd.common.nsid = cpu_to_le32(1);
		host_push(host, 1 + i % 3, cmd);
	}
	for (qid = 1; qid < 4; qid++)
		host_ring(host, qid);
	for (i = 0; i < 9; i++) {
		host_run();
		done[le16_to_cpu(host_pop(host, 1, true).sq_id) & 3]++;
	}
	host_run();
	EXPECT(!host_peek(host, 1));
	for (qid = 1; qid < 4; qid++)
		EXPECT_EQ(done[qid], 3);
	host_destroy(host);
}

/* Events */

static void request_event(struct host *host)
{
	host_push(host, 0, host_simple(nvme_admin_async_event));
	host_ring(host, 0);
	host_run();
}

static void read_log(struct host *host, u8 lid, bool retain)
{
	struct nvme_command cmd = host_log(lid, 64, 0, host_pages(host, 1));

	cmd.get_log_page.lsp = retain << 7;
	EXPECT_OK(host, 0, cmd);
}

static void bad_doorbells(void)
{
	struct host *host = start();
	static const struct {
		u32 offset;
		u32 value;
		u32 event;
	} bad[] = {
		{ 0x1000 + 8 * 1, 0, 0x010000 },	/* no such submission queue */
		{ 0x1004 + 8 * 1, 0, 0x010000 },	/* no such completion queue */
		{ 0x1000 + 8 * 64, 0, 0x010000 },	/* past the last */
		{ 0x1ffc, 0, 0x010000 },
		{ 0x1000, 32, 0x010100 },		/* past the end */
		{ 0x1000, 0x10000, 0x010100 },		/* not 16 bits */
		{ 0x1004, 32, 0x010100 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		request_event(host);
		EXPECT(!host_peek(host, 0));
		host_write(host, bad[i].offset, bad[i].value);
		host_run();
		EXPECT_EQ(host_pop_result(host), bad[i].event);
		read_log(host, NVME_LOG_ERROR, false);
	}
	/* More completions consumed than posted */
	request_event(host);
	host_write(host, 0x1004, (host->queue[0].head + 1) % 32);
	host_run();
	EXPECT_EQ(host_pop_result(host), 0x010100);
	host_destroy(host);
}

/* While 9 commands wait to be fetched, a tail so many entries before that of the last */
static void overflow(unsigned int back)
{
	struct host *host = start();
	unsigned int i, events = 0;

	request_event(host);
	host->fn->ops->quiesce(host->fn);
	for (i = 0; i < 9; i++)
		host_push(host, 0, host_simple(0xff));
	host_ring(host, 0);
	host_write(host, 0x1000, host->queue[0].tail - back);
	host->fn->ops->resume(host->fn);
	host_run();
	for (i = 0; i < 10; i++)
		events += host_pop_result(host) == 0x010100;
	EXPECT_EQ(events, 1);
	EXPECT(!host_peek(host, 0));
	host_destroy(host);
}

/* More commands than the queue holds, or just as many, so that it would look empty */
static void bad_doorbell_overflow(void)
{
	overflow(1);
	overflow(9);
}

static void event_limit(void)
{
	struct host *host = host_create();
	unsigned int i;

	/* More requests than the completion queue has entries: parked ones take none */
	host_enable(host, 4);
	for (i = 0; i < MDEVSIM_MAX_AERS; i++)
		request_event(host);
	EXPECT(!host_peek(host, 0));
	EXPECT_EQ(raw_status(host, 0, host_simple(nvme_admin_async_event)),
		  NVME_SC_ASYNC_LIMIT | NVME_STATUS_MORE);
	host_disable(host);
	host_enable(host, 32);
	request_event(host);
	EXPECT(!host_peek(host, 0));
	host_destroy(host);
}

static void temperature_event(void)
{
	struct host *host = start();
	u64 log = host_pages(host, 1);
	struct nvme_smart_log *smart = host_at(host, log);
	struct nvme_command get_smart = host_log(NVME_LOG_SMART, 512, 0, log);

	request_event(host);
	request_event(host);
	/* Not enabled: no event, but the warning is there */
	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_TEMP_THRESH, 300));
	EXPECT_OK(host, 0, get_smart);
	EXPECT_EQ(smart->critical_warning, NVME_SMART_CRIT_TEMPERATURE);
	EXPECT(!host_peek(host, 0));
	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_TEMP_THRESH, 400));
	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_ASYNC_EVENT, 2));

	host_push(host, 0, host_set_feature(NVME_FEAT_TEMP_THRESH, 300));
	host_ring(host, 0);
	host_run();
	EXPECT_EQ(host_pop_result(host), 0);
	EXPECT_EQ(host_pop_result(host), 0x020101);

	/* Masked until the log is read without retaining the event */
	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_TEMP_THRESH, 301));
	get_smart.get_log_page.lsp = 1 << 7;
	EXPECT_OK(host, 0, get_smart);
	EXPECT(!host_peek(host, 0));
	get_smart.get_log_page.lsp = 0;
	host_push(host, 0, get_smart);
	host_ring(host, 0);
	host_run();
	host_pop(host, 0, true);
	EXPECT_EQ(host_pop_result(host), 0x020101);
	host_destroy(host);
}

/* The temperature is 313 K. A threshold is crossed when it is reached, from either side. */
static void temperature_thresholds(void)
{
	static const struct {
		u32 over;
		u32 under;
		u8 warning;
	} cases[] = {
		{ 314, 312, 0 },
		{ 313, 312, NVME_SMART_CRIT_TEMPERATURE },
		{ 314, 313, NVME_SMART_CRIT_TEMPERATURE },
	};
	struct host *host = start();
	u64 log = host_pages(host, 1);
	struct nvme_smart_log *smart = host_at(host, log);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_TEMP_THRESH, cases[i].over));
		EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_TEMP_THRESH,
						    NVME_TEMP_THRESH_TYPE_UNDER | cases[i].under));
		EXPECT_OK(host, 0, host_log(NVME_LOG_SMART, 512, 0, log));
		EXPECT_EQ(smart->critical_warning, cases[i].warning);
	}
	host_destroy(host);
}

static void namespace_event(void)
{
	struct host *host = start();
	u64 data = host_pages(host, 1);
	struct nvme_id_ns *ns = host_at(host, data);
	__le32 *list = host_at(host, data);

	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_ASYNC_EVENT, NVME_AEN_CFG_NS_ATTR));
	EXPECT_EQ(host->fn->ops->resize(host->fn, 32 << 20), 0);
	EXPECT_EQ(host->fn->ops->resize(host->fn, 32 << 20), 0);
	host_run();
	EXPECT(!host_peek(host, 0));
	/* The event, of which there is one, waited for the request */
	request_event(host);
	EXPECT_EQ(host_pop_result(host), 0x040002);
	EXPECT_OK(host, 0, host_log(NVME_LOG_CHANGED_NS, 4096, 0, data));
	EXPECT_EQ(le32_to_cpu(list[0]), 1);
	EXPECT_OK(host, 0, host_log(NVME_LOG_CHANGED_NS, 4096, 0, data));
	EXPECT_EQ(list[0], 0);
	EXPECT_OK(host, 0, host_identify(NVME_ID_CNS_NS, 1, data));
	EXPECT_EQ(le64_to_cpu(ns->nsze), (32 << 20) / BLOCK);
	request_event(host);
	EXPECT(!host_peek(host, 0));

	EXPECT_EQ(host->fn->ops->resize(host->fn, 0), -EINVAL);
	EXPECT_EQ(host->fn->ops->resize(host->fn, 4097), -EINVAL);
	EXPECT_EQ(host->fn->ops->resize(host->fn, HOST_CAPACITY + 4096), -EFBIG);
	host_destroy(host);
}

static void abort_request(void)
{
	struct host *host = start();
	struct nvme_command cmd = host_simple(nvme_admin_abort_cmd);
	u16 parked = host_push(host, 0, host_simple(nvme_admin_async_event));
	struct nvme_completion cqe;

	host_ring(host, 0);
	host_run();
	cmd.abort.cid = 0x7777;
	EXPECT_EQ(host_result(host, 0, cmd), 1);
	cmd.abort.sqid = cpu_to_le16(5);
	cmd.abort.cid = parked;
	EXPECT_EQ(host_result(host, 0, cmd), 1);

	cmd.abort.sqid = 0;
	host_push(host, 0, cmd);
	host_ring(host, 0);
	host_run();
	cqe = host_pop(host, 0, true);
	EXPECT_EQ(cqe.command_id, parked);
	EXPECT_EQ(le16_to_cpu(cqe.status) >> 1, NVME_SC_ABORT_REQ);
	cqe = host_pop(host, 0, true);
	EXPECT_EQ(le16_to_cpu(cqe.status) >> 1, 0);
	EXPECT_EQ(le32_to_cpu(cqe.result.u32), 0);
	host_destroy(host);
}

/* Features */

static void plain_features(void)
{
	static const struct {
		u8 fid;
		u32 initial;
		u32 set;
		u32 got;
		u32 refused;
	} features[] = {
		{ NVME_FEAT_ARBITRATION, 4, 0x01020302, 0x01020302, 0 },
		{ NVME_FEAT_POWER_MGMT, 0, 0x20, 0x20, 1 },
		{ NVME_FEAT_TEMP_THRESH, 343, 350, 350, 0x300000 },
		{ NVME_FEAT_TEMP_THRESH, 350, 0xf0000 | 360, 360, 0x010000 },
		{ NVME_FEAT_VOLATILE_WC, 1, 0, 0, 0 },
		{ NVME_FEAT_IRQ_COALESCE, 0, 0x1234, 0x1234, 0 },
		{ NVME_FEAT_WRITE_ATOMIC, 0, 1, 1, 0 },
		{ NVME_FEAT_ASYNC_EVENT, 0, 0x3ff, 0x1ff, 0 },
	};
	struct host *host = start();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		u8 fid = features[i].fid;

		EXPECT_EQ(host_result(host, 0, host_get_feature(fid, 0)),
			  features[i].initial);
		EXPECT_EQ(le32_to_cpu(host_do(host, 0, host_get_feature(fid, 0)).status) >> 1, 0);
		EXPECT_OK(host, 0, host_set_feature(fid, features[i].set));
		EXPECT_EQ(host_result(host, 0, host_get_feature(fid, 0)),
			  features[i].got);
		if (features[i].refused)
			refused(host, 0, host_set_feature(fid, features[i].refused),
				NVME_SC_INVALID_FIELD, 44);
		EXPECT_EQ(host_result(host, 0, host_get_feature(3 << 8 | fid, 0)), 1 << 2);
		refused(host, 0, host_set_feature(1U << 31 | fid, 0),
			NVME_SC_FEATURE_NOT_SAVEABLE, 0xffff);
	}
	host_disable(host);
	host_enable(host, 32);
	EXPECT_EQ(host_result(host, 0, host_get_feature(NVME_FEAT_IRQ_COALESCE, 0)), 0);
	host_destroy(host);
}

static void feature_errors(void)
{
	struct host *host = start();
	struct nvme_command cmd;

	refused(host, 0, host_get_feature(0, 0), NVME_SC_INVALID_FIELD, 40);
	refused(host, 0, host_get_feature(NVME_FEAT_LBA_RANGE, 0), NVME_SC_INVALID_FIELD, 40);
	refused(host, 0, host_set_feature(NVME_FEAT_HOST_MEM_BUF, 0), NVME_SC_INVALID_FIELD, 40);
	refused(host, 0, host_set_feature(0xff, 0), NVME_SC_INVALID_FIELD, 40);
	refused(host, 0, host_get_feature(4 << 8 | 1, 0), NVME_SC_INVALID_FIELD, 40);
	cmd = host_set_feature(NVME_FEAT_VOLATILE_WC, 0);
	cmd.common.nsid = cpu_to_le32(1);
	refused(host, 0, cmd, NVME_SC_FEATURE_NOT_PER_NS, 4);
	cmd.common.nsid = cpu_to_le32(2);
	refused(host, 0, cmd, NVME_SC_INVALID_NS, 4);

	cmd = host_set_feature(NVME_FEAT_ERR_RECOVERY, 7);
	refused(host, 0, cmd, NVME_SC_INVALID_NS, 4);
	cmd.common.nsid = cpu_to_le32(1);
	EXPECT_OK(host, 0, cmd);
	cmd.features.dword11 = cpu_to_le32(1 << 16);
	refused(host, 0, cmd, NVME_SC_INVALID_FIELD, 44);
	cmd = host_get_feature(NVME_FEAT_ERR_RECOVERY, 0);
	refused(host, 0, cmd, NVME_SC_INVALID_NS, 4);
	cmd.common.nsid = cpu_to_le32(1);
	EXPECT_EQ(host_result(host, 0, cmd), 7);
	host_destroy(host);
}

static void number_of_queues(void)
{
	struct host *host = start();

	EXPECT_EQ(host_result(host, 0, host_set_feature(NVME_FEAT_NUM_QUEUES, 0)),
		  62 << 16 | 62);
	EXPECT_EQ(host_result(host, 0, host_get_feature(NVME_FEAT_NUM_QUEUES, 0)),
		  62 << 16 | 62);
	refused(host, 0, host_set_feature(NVME_FEAT_NUM_QUEUES, 0xffff), NVME_SC_INVALID_FIELD, 44);
	host_create_queue(host, 1, 4);
	/* It may be tried again: when the queue is gone. */
	EXPECT_EQ(raw_status(host, 0, host_set_feature(NVME_FEAT_NUM_QUEUES, 0)),
		  NVME_SC_CMD_SEQ_ERROR | NVME_STATUS_MORE);
	host_destroy(host);
}

static void interrupt_vectors(void)
{
	struct host *host = start();

	EXPECT_OK(host, 0, host_set_feature(NVME_FEAT_IRQ_CONFIG, 1 << 16 | 63));
	EXPECT_EQ(host_result(host, 0, host_get_feature(NVME_FEAT_IRQ_CONFIG, 63)),
		  1 << 16 | 63);
	EXPECT_EQ(host_result(host, 0, host_get_feature(NVME_FEAT_IRQ_CONFIG, 0)), 0);
	refused(host, 0, host_set_feature(NVME_FEAT_IRQ_CONFIG, 64), NVME_SC_INVALID_FIELD, 44);
	refused(host, 0, host_get_feature(NVME_FEAT_IRQ_CONFIG, 64), NVME_SC_INVALID_FIELD, 44);
	host_destroy(host);
}

static void timestamp(void)
{
	struct host *host = start();
	u64 data = host_pages(host, 1);
	struct nvme_command set = host_set_feature(NVME_FEAT_TIMESTAMP, 0);
	struct nvme_command get = host_get_feature(NVME_FEAT_TIMESTAMP, 0);
	u64 value;

	set.features.dptr.prp1 = cpu_to_le64(data);
	get.features.dptr.prp1 = cpu_to_le64(data);
	EXPECT_OK(host, 0, get);
	EXPECT(get_unaligned_le64(host_at(host, data)) < 60 * 1000);
	put_unaligned_le64(0xffff123456789abcULL, host_at(host, data));
	EXPECT_OK(host, 0, set);
	put_unaligned_le64(~0ULL, host_at(host, data));
	EXPECT_OK(host, 0, get);
	value = get_unaligned_le64(host_at(host, data));
	EXPECT_EQ(value >> 48, 2);
	value = (value & ((1ULL << 48) - 1)) - 0x123456789abcULL;
	EXPECT(value < 60 * 1000);
	set.features.dptr.prp1 = cpu_to_le64(0x100000000000ULL);
	EXPECT_EQ(raw_status(host, 0, set), NVME_SC_DATA_XFER_ERROR | NVME_STATUS_MORE);
	host_destroy(host);
}

/* Log pages */

static void log_pages(void)
{
	struct host *host = start();
	u64 data = host_pages(host, 2);
	struct nvme_smart_log *smart = host_at(host, data);
	struct nvme_fw_slot_info_log *firmware = host_at(host, data);
	struct nvme_effects_log *effects = host_at(host, data);
	u64 buffer = host_pages(host, 1);
	struct nvme_command cmd;
	unsigned int i;

	host_create_queue(host, 1, 8);
	for (i = 0; i < 3; i++)
		EXPECT_OK(host, 1, host_rw(nvme_cmd_write, 0, 8, buffer, 0));
	EXPECT_OK(host, 1, host_rw(nvme_cmd_read, 0, 8, buffer, 0));
	EXPECT_OK(host, 0, host_log(NVME_LOG_SMART, 512, 0, data));
	EXPECT_EQ(get_unaligned_le64(smart->host_writes), 3);
	EXPECT_EQ(get_unaligned_le64(smart->host_reads), 1);
	EXPECT_EQ(get_unaligned_le64(smart->data_units_written), 1);
	EXPECT_EQ(get_unaligned_le64(smart->data_units_read), 1);
	EXPECT_EQ(get_unaligned_le64(smart->num_err_log_entries), 0);
	EXPECT_EQ(get_unaligned_le64(smart->power_cycles), 1);
	EXPECT_EQ(get_unaligned_le16(smart->temperature), 313);
	EXPECT_EQ(smart->critical_warning, 0);

	EXPECT_OK(host, 0, host_log(NVME_LOG_FW_SLOT, 512, 0, data));
	EXPECT_EQ(firmware->afi, 1);
	EXPECT(!memcmp(&firmware->frs[0], "1.0     ", 8));

	EXPECT_OK(host, 0, host_log(NVME_LOG_CMD_EFFECTS, 4096, 0, data));
	EXPECT_EQ(le32_to_cpu(effects->acs[nvme_admin_identify]), NVME_CMD_EFFECTS_CSUPP);
	EXPECT_EQ(effects->acs[nvme_admin_format_nvm], 0);
	EXPECT_EQ(le32_to_cpu(effects->iocs[nvme_cmd_write]),
		  NVME_CMD_EFFECTS_CSUPP | NVME_CMD_EFFECTS_LBCC);
	EXPECT_EQ(le32_to_cpu(effects->iocs[nvme_cmd_verify]), NVME_CMD_EFFECTS_CSUPP);

	/* From an offset, and past the end */
	memset(host_at(host, data), 0xee, 4096);
	EXPECT_OK(host, 0, host_log(NVME_LOG_FW_SLOT, 4096, 8, data));
	EXPECT(!memcmp(host_at(host, data), "1.0     ", 8));
	EXPECT_EQ(*(u8 *)host_at(host, data + 503), 0);
	EXPECT_EQ(*(u8 *)host_at(host, data + 504), 0xee);
	refused(host, 0, host_log(NVME_LOG_FW_SLOT, 4, 512, data), NVME_SC_INVALID_FIELD, 48);
	refused(host, 0, host_log(NVME_LOG_FW_SLOT, 4, 2, data), NVME_SC_INVALID_FIELD, 48);
	refused(host, 0, host_log(NVME_LOG_SMART, 0, 0, data), NVME_SC_INVALID_FIELD, 42);
	refused(host, 0, host_log(0, 512, 0, data), NVME_SC_INVALID_LOG_PAGE, 40);
	refused(host, 0, host_log(NVME_LOG_ANA, 512, 0, data), NVME_SC_INVALID_LOG_PAGE, 40);
	cmd = host_log(NVME_LOG_SMART, 512, 0, data);
	cmd.common.nsid = cpu_to_le32(1);
	refused(host, 0, cmd, NVME_SC_INVALID_FIELD, 4);
	host_destroy(host);
}

static void error_log_keeps_the_newest(void)
{
	struct host *host = start();
	u64 data = host_pages(host, 1);
	struct nvme_error_slot *slot = host_at(host, data);
	unsigned int i;

	for (i = 0; i < 20; i++)
		EXPECT_EQ(host_status(host, 0, host_simple(0xc0)), NVME_SC_INVALID_OPCODE);
	EXPECT_OK(host, 0, host_log(NVME_LOG_ERROR, 1024, 0, data));
	for (i = 0; i < 16; i++) {
		EXPECT_EQ(le64_to_cpu(slot[i].error_count), 20 - i);
		EXPECT_EQ(le16_to_cpu(slot[i].cmdid), 19 - i);
		EXPECT_EQ(le16_to_cpu(slot[i].param_error_location), 0);
	}
	host_destroy(host);
}

/* I/O */

static struct host *start_io(void)
{
	struct host *host = start();

	host_create_queue(host, 1, 32);
	return host;
}

/**
 * struct shape - a buffer of the host, described by PRPs
 * @prp1: entry
 * @prp2: entry, or pointer to a list
 * @pages: guest addresses of its pages; data starts @offset bytes into the first
 * @offset: a multiple of 4
 */
struct shape {
	u64 prp1;
	u64 prp2;
	u64 pages[NVME_MAX_PAGES];
	u32 offset;
};

/* Chain entries through list pages of which the first starts at slot @slot. */
static u64 make_list(struct host *host, const u64 *entry, unsigned int count, unsigned int slot)
{
	u64 list = host_pages(host, 1);
	__le64 *at = host_at(host, list);
	u64 start = list + slot * 8;

	while (count) {
		if (slot == 511 && count > 1) {
			list = host_pages(host, 2) + HOST_PAGE;
			at[slot] = cpu_to_le64(list);
			at = host_at(host, list);
			slot = 0;
		}
		at[slot++] = cpu_to_le64(*entry++);
		count--;
	}
	return start;
}

static void make_shape(struct host *host, struct shape *shape, u64 *random, u32 length,
		       unsigned int slot)
{
	u32 offset = random_below(random, HOST_PAGE / 4) * 4;
	bool scattered = random_next(random) & 1;
	unsigned int i, count = DIV_ROUND_UP(offset + length, HOST_PAGE);
	u64 run = host_pages(host, scattered ? 2 * count : count);

	shape->offset = offset;
	for (i = 0; i < count; i++)
		shape->pages[i] = run + (scattered ? 2 * (count - 1 - i) : i) * HOST_PAGE;
	shape->prp1 = shape->pages[0] + offset;
	if (count == 2)
		shape->prp2 = shape->pages[1];
	else if (count > 2)
		shape->prp2 = make_list(host, shape->pages + 1, count - 1, slot);
	else
		shape->prp2 = ~0ULL;
}

static u8 *shape_byte(struct host *host, struct shape *shape, u32 i)
{
	i += shape->offset;
	return host_at(host, shape->pages[i / HOST_PAGE] + i % HOST_PAGE);
}

/* Write with one shape, read with another, and compare each byte. */
static void one_transfer(struct host *host, u64 *random, u32 blocks, u32 slot)
{
	u32 i, length = blocks * BLOCK, wrong = 0;
	u64 slba = random_below(random, BLOCKS - blocks + 1);
	struct shape out, in;

	host->device.next_page = 512;
	make_shape(host, &out, random, length, slot);
	make_shape(host, &in, random, length, slot);
	for (i = 0; i < length; i++)
		*shape_byte(host, &out, i) = random_next(random);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_write, slba, blocks, out.prp1, out.prp2));
	EXPECT_OK(host, 1, host_rw(nvme_cmd_compare, slba, blocks, out.prp1, out.prp2));
	EXPECT_OK(host, 1, host_rw(nvme_cmd_read, slba, blocks, in.prp1, in.prp2));
	for (i = 0; i < length; i++)
		wrong += *shape_byte(host, &in, i) != *shape_byte(host, &out, i);
	EXPECT_EQ(wrong, 0);
}

static void transfers(void)
{
	static const u32 sizes[] = { 1, 2, 7, 8, 9, 15, 16, 17, 24, 25, 64, 100, 1016, 1017, 1024 };
	static const u32 slots[] = { 0, 1, 500, 510, 511 };
	struct host *host = start_io();
	u64 random = 42;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		for (k = 0; k < ARRAY_SIZE(slots); k++)
			one_transfer(host, &random, sizes[i], slots[k]);
	host_destroy(host);
}

static void prp_errors(void)
{
	struct host *host = start_io();
	u64 page = host_pages(host, 4), list = host_pages(host, 2);
	__le64 *entry = host_at(host, list);

	refused(host, 1, host_rw(nvme_cmd_read, 0, 1, page + 2, 0), NVME_SC_PRP_INVALID_OFFSET, 24);
	refused(host, 1, host_rw(nvme_cmd_read, 0, 16, page, page + 512),
		NVME_SC_PRP_INVALID_OFFSET, 32);
	refused(host, 1, host_rw(nvme_cmd_read, 0, 24, page, list + 4),
		NVME_SC_PRP_INVALID_OFFSET, 32);
	entry[0] = cpu_to_le64(page);
	entry[1] = cpu_to_le64(page + 8);
	refused(host, 1, host_rw(nvme_cmd_read, 0, 24, page, list), NVME_SC_PRP_INVALID_OFFSET, 32);
	/* A chain pointer into the middle of a page, and one to nowhere */
	entry[1] = cpu_to_le64(page);
	entry[2] = cpu_to_le64(page);
	entry[511] = cpu_to_le64(list + 8);
	refused(host, 1, host_rw(nvme_cmd_read, 0, 24, page, list + 511 * 8),
		NVME_SC_PRP_INVALID_OFFSET, 32);
	entry[511] = cpu_to_le64(1ULL << 40);
	EXPECT_EQ(raw_status(host, 1, host_rw(nvme_cmd_read, 0, 24, page, list + 511 * 8)),
		  NVME_SC_DATA_XFER_ERROR | NVME_STATUS_MORE);
	/* Data nowhere, and wrapping around */
	EXPECT_EQ(raw_status(host, 1, host_rw(nvme_cmd_read, 0, 1, 1ULL << 40, 0)),
		  NVME_SC_DATA_XFER_ERROR | NVME_STATUS_MORE);
	EXPECT_EQ(raw_status(host, 1, host_rw(nvme_cmd_write, 0, 8, ~0xfffULL, 0)),
		  NVME_SC_DATA_XFER_ERROR | NVME_STATUS_MORE);
	EXPECT_EQ(raw_status(host, 1, host_rw(nvme_cmd_write, 0, 16, ~0xfffULL, 0)),
		  NVME_SC_DATA_XFER_ERROR | NVME_STATUS_MORE);
	host_destroy(host);
}

static void io_errors(void)
{
	struct host *host = start_io();
	u64 page = host_pages(host, 1);
	static const u8 ranged[] = {
		nvme_cmd_read, nvme_cmd_write, nvme_cmd_compare, nvme_cmd_write_zeroes,
		nvme_cmd_verify,
	};
	struct nvme_command cmd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranged); i++) {
		refused(host, 1, host_rw(ranged[i], BLOCKS, 1, page, 0), NVME_SC_LBA_RANGE, 40);
		refused(host, 1, host_rw(ranged[i], BLOCKS - 1, 2, page, 0), NVME_SC_LBA_RANGE, 40);
		refused(host, 1, host_rw(ranged[i], ~0ULL, 2, page, 0), NVME_SC_LBA_RANGE, 40);
		cmd = host_rw(ranged[i], 0, 1, page, 0);
		cmd.common.nsid = cpu_to_le32(NVME_NSID_ALL);
		refused(host, 1, cmd, NVME_SC_INVALID_NS, 4);
		cmd.common.nsid = 0;
		refused(host, 1, cmd, NVME_SC_INVALID_NS, 4);
		cmd = host_rw(ranged[i], 0, 1, page, 0);
		cmd.common.flags = NVME_CMD_FUSE_FIRST;
		refused(host, 1, cmd, NVME_SC_INVALID_FIELD, 1);
		cmd.common.flags = NVME_CMD_SGL_METABUF;
		refused(host, 1, cmd, NVME_SC_INVALID_FIELD, 1);
	}
	refused(host, 1, host_rw(nvme_cmd_read, 0, 1025, page, 0), NVME_SC_INVALID_FIELD, 48);
	refused(host, 1, host_rw(nvme_cmd_write, 0, 65536, page, 0), NVME_SC_INVALID_FIELD, 48);
	refused(host, 1, host_simple(nvme_cmd_write_uncor), NVME_SC_INVALID_OPCODE, 0);
	refused(host, 1, host_simple(nvme_cmd_zone_append), NVME_SC_INVALID_OPCODE, 0);
	refused(host, 0, host_simple(nvme_admin_dbbuf), NVME_SC_INVALID_OPCODE, 0);
	refused(host, 0, host_simple(0x41), NVME_SC_INVALID_OPCODE, 0);
	cmd = host_simple(nvme_cmd_flush);
	refused(host, 1, cmd, NVME_SC_INVALID_NS, 4);
	cmd.common.nsid = cpu_to_le32(NVME_NSID_ALL);
	EXPECT_OK(host, 1, cmd);
	host_destroy(host);
}

/* The namespace was made smaller: nothing of what was cut off can be reached. */
static void io_after_shrinking(void)
{
	struct host *host = start_io();
	u64 page = host_pages(host, 1);

	EXPECT_OK(host, 1, host_rw(nvme_cmd_write, BLOCKS - 8, 8, page, 0));
	EXPECT_EQ(host->fn->ops->resize(host->fn, HOST_CAPACITY - 4096), 0);
	refused(host, 1, host_rw(nvme_cmd_read, BLOCKS - 8, 8, page, 0), NVME_SC_LBA_RANGE, 40);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_read, BLOCKS - 16, 8, page, 0));
	host_destroy(host);
}

static void out_of_memory(void)
{
	struct host *host = start_io();
	u64 page = host_pages(host, 1);
	unsigned int n;

	for (n = 0; n < 8; n++) {
		u16 status;

		shim_alloc_fail = n;
		status = host_status(host, 1, host_rw(nvme_cmd_write, n * 8, 8, page, 0));
		EXPECT(status == 0 || status == NVME_SC_CAP_EXCEEDED);
		shim_alloc_fail = 0;
		EXPECT_EQ(host_status(host, 1, host_rw(nvme_cmd_compare, 0, 1, page, 0)),
			  NVME_SC_INTERNAL);
		shim_alloc_fail = 0;
		EXPECT_EQ(host_status(host, 0, host_identify(1, 0, page)), NVME_SC_INTERNAL);
		shim_alloc_fail = -1;
	}
	host_destroy(host);
}

static bool reads_as(struct host *host, u64 slba, u32 blocks, u8 byte)
{
	u64 page = host_pages(host, DIV_ROUND_UP(blocks * BLOCK, HOST_PAGE));
	u8 *data = host_at(host, page);
	u32 i;

	memset(data, ~byte, blocks * BLOCK);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_read, slba, blocks, page, page + HOST_PAGE));
	for (i = 0; i < blocks * BLOCK; i++)
		if (data[i] != byte)
			return false;
	return true;
}

static void zeroing(void)
{
	struct host *host = start_io();
	u64 data = host_pages(host, 2), ranges = host_pages(host, 1);
	struct nvme_dsm_range *range = host_at(host, ranges);
	struct nvme_command dsm = {
		.dsm.opcode	= nvme_cmd_dsm,
		.dsm.nsid	= cpu_to_le32(1),
		.dsm.dptr.prp1	= cpu_to_le64(ranges),
		.dsm.nr		= cpu_to_le32(1),
	};

	EXPECT(reads_as(host, 0, 16, 0));
	memset(host_at(host, data), 0x5a, 8192);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_write, 0, 16, data, data + HOST_PAGE));
	EXPECT_OK(host, 1, host_rw(nvme_cmd_write_zeroes, 3, 2, 0, 0));
	EXPECT(reads_as(host, 0, 3, 0x5a));
	EXPECT(reads_as(host, 3, 2, 0));
	EXPECT(reads_as(host, 5, 11, 0x5a));
	EXPECT_EQ(host_status(host, 1, host_rw(nvme_cmd_compare, 0, 8, data, 0)),
		  NVME_SC_COMPARE_FAILED);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_compare, 8, 8, data, 0));

	range[0] = (struct nvme_dsm_range) { .nlb = cpu_to_le32(2), .slba = cpu_to_le64(6) };
	range[1] = (struct nvme_dsm_range) { .nlb = cpu_to_le32(2), .slba = cpu_to_le64(12) };
	EXPECT_OK(host, 1, dsm);	/* hints only */
	EXPECT(reads_as(host, 6, 2, 0x5a));
	dsm.dsm.attributes = cpu_to_le32(NVME_DSMGMT_AD);
	EXPECT_OK(host, 1, dsm);
	EXPECT(reads_as(host, 6, 2, 0) && reads_as(host, 12, 2, 0) && reads_as(host, 8, 4, 0x5a));
	range[0].slba = cpu_to_le64(8);
	range[1].slba = cpu_to_le64(BLOCKS - 1);
	refused(host, 1, dsm, NVME_SC_LBA_RANGE, 40);
	EXPECT(reads_as(host, 8, 2, 0x5a));
	range[1].nlb = 0;
	EXPECT_OK(host, 1, dsm);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_verify, 0, 65536, 0, 0));
	host_destroy(host);
}

/* Interrupts */

static void pin(void)
{
	struct host *host = start();
	u64 page = host_pages(host, 1);

	EXPECT(!host->device.intx);
	host_push(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, page));
	host_push(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, page));
	host_ring(host, 0);
	host_run();
	EXPECT(host->device.intx);
	host_write(host, NVME_REG_INTMS, 1);
	EXPECT(!host->device.intx);
	host_write(host, NVME_REG_INTMC, 1);
	EXPECT(host->device.intx);
	host_pop(host, 0, true);
	EXPECT(host->device.intx);
	host_pop(host, 0, true);
	EXPECT(!host->device.intx);

	host_push(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, page));
	host_ring(host, 0);
	host_run();
	EXPECT(host->device.intx);
	host_disable(host);
	EXPECT(!host->device.intx);
	host_destroy(host);
}

static void messages(void)
{
	struct host *host = start();
	struct nvme_command cmd;
	unsigned int i, before;

	host_create_queue(host, 3, 32);
	for (i = 0; i < 10; i++)
		host_push(host, 3, host_rw(nvme_cmd_read, 0, 1, host_pages(host, 1), 0));
	host_ring(host, 3);
	host_run();
	EXPECT_EQ(host->device.raised[3], 1);
	for (i = 0; i < 10; i++)
		host_pop(host, 3, true);

	/* Without interrupts */
	host->queue[4] = host->queue[3];
	host->queue[4].cq = host_pages(host, 1);
	cmd = host_create_cq(4, 8, host->queue[4].cq, 4);
	cmd.create_cq.cq_flags = cpu_to_le16(NVME_QUEUE_PHYS_CONTIG);
	EXPECT_OK(host, 0, cmd);
	host->queue[4] = (struct host_queue) { .sq = host_pages(host, 1), .cq = host->queue[4].cq,
					       .entries = 8, .phase = true };
	EXPECT_OK(host, 0, host_create_sq(4, 8, host->queue[4].sq, 4));
	before = host->device.raised[4];
	EXPECT_OK(host, 4, host_rw(nvme_cmd_read, 0, 1, host_pages(host, 1), 0));
	EXPECT_EQ(host->device.raised[4], before);
	EXPECT(!host->device.intx);
	host_destroy(host);
}

/* Quiet */

static void quiet(void)
{
	struct host *host = start_io();
	u64 page = host_pages(host, 1);

	host->fn->ops->quiesce(host->fn);
	host->fn->ops->quiesce(host->fn);
	host->device.silent = true;
	host_push(host, 1, host_rw(nvme_cmd_read, 0, 1, page, 0));
	host_ring(host, 1);
	host_push(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, page));
	host_ring(host, 0);
	host_write(host, NVME_REG_INTMS, 0);
	host_write(host, 0x1ffc, 0);
	EXPECT_EQ(host->fn->ops->resize(host->fn, 8 << 20), 0);
	host->fn->ops->config_changed(host->fn);
	host_run();
	host->device.silent = false;
	EXPECT(!host_peek(host, 0) && !host_peek(host, 1));
	host->fn->ops->resume(host->fn);
	host->fn->ops->resume(host->fn);
	host_run();
	EXPECT_EQ(le16_to_cpu(host_pop(host, 0, true).status) >> 1, 0);
	EXPECT_EQ(le16_to_cpu(host_pop(host, 1, true).status) >> 1, 0);

	/* The pin, too, waits */
	host_push(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, page));
	host_ring(host, 0);
	host_write(host, NVME_REG_INTMS, 1);
	host_run();
	host->fn->ops->quiesce(host->fn);
	host->device.silent = true;
	host_write(host, NVME_REG_INTMC, 1);
	host->device.silent = false;
	EXPECT(!host->device.intx);
	host->fn->ops->resume(host->fn);
	EXPECT(host->device.intx);
	host_pop(host, 0, true);
	EXPECT(!host->device.intx);

	/* Enabled while quiet: ready, and served when that ends */
	host->fn->ops->quiesce(host->fn);
	host->device.silent = true;
	host_disable(host);
	host_enable(host, 16);
	host_push(host, 0, host_identify(NVME_ID_CNS_CTRL, 0, page));
	host_ring(host, 0);
	host_run();
	host->device.silent = false;
	host->fn->ops->resume(host->fn);
	host_run();
	EXPECT_EQ(le16_to_cpu(host_pop(host, 0, true).status) >> 1, 0);
	host_destroy(host);
}

static void bus_mastering_off(void)
{
	struct host *host = start_io();

	host->device.dma = false;
	host_push(host, 1, host_rw(nvme_cmd_read, 0, 1, host_pages(host, 1), 0));
	host_ring(host, 1);
	host_run();
	EXPECT(!host_peek(host, 1));
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_RDY);
	host->device.dma = true;
	host->fn->ops->config_changed(host->fn);
	host_run();
	EXPECT_EQ(le16_to_cpu(host_pop(host, 1, true).status) >> 1, 0);

	/* Just before the command is fetched */
	host->device.dma_off_at = 1;
	host_push(host, 1, host_rw(nvme_cmd_read, 0, 1, host_pages(host, 1), 0));
	host_ring(host, 1);
	host_run();
	EXPECT(!host->device.dma);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_RDY);
	host->device.dma = true;
	host->fn->ops->config_changed(host->fn);
	host_run();
	EXPECT_EQ(le16_to_cpu(host_pop(host, 1, true).status) >> 1, 0);
	host_destroy(host);
}

/* Deleting a queue with commands in it, and using it again */
static void queue_again(void)
{
	struct host *host = start_io();
	unsigned int i;

	host->device.dma = false;
	for (i = 0; i < 10; i++)
		host_push(host, 1, host_rw(nvme_cmd_read, 0, 1, host_pages(host, 1), 0));
	host_ring(host, 1);
	host_run();
	host->device.dma = true;
	EXPECT_OK(host, 0, host_delete(nvme_admin_delete_sq, 1));
	EXPECT_OK(host, 0, host_delete(nvme_admin_delete_cq, 1));
	host_create_queue(host, 1, 4);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_read, 0, 1, host_pages(host, 1), 0));
	host_destroy(host);
}

static const struct ktap_test tests[] = {
	KTAP_TEST(registers),
	KTAP_TEST(enable_and_reset),
	KTAP_TEST(enable_with_nonsense),
	KTAP_TEST(shutdown_notification),
	KTAP_TEST(fatal),
	KTAP_TEST(identify),
	KTAP_TEST(create_queue_errors),
	KTAP_TEST(all_queues),
	KTAP_TEST(full_completion_queue),
	KTAP_TEST(shared_completion_queue),
	KTAP_TEST(bad_doorbells),
	KTAP_TEST(bad_doorbell_overflow),
	KTAP_TEST(event_limit),
	KTAP_TEST(temperature_event),
	KTAP_TEST(temperature_thresholds),
	KTAP_TEST(namespace_event),
	KTAP_TEST(abort_request),
	KTAP_TEST(plain_features),
	KTAP_TEST(feature_errors),
	KTAP_TEST(number_of_queues),
	KTAP_TEST(interrupt_vectors),
	KTAP_TEST(timestamp),
	KTAP_TEST(log_pages),
	KTAP_TEST(error_log_keeps_the_newest),
	KTAP_TEST(transfers),
	KTAP_TEST(prp_errors),
	KTAP_TEST(io_errors),
	KTAP_TEST(io_after_shrinking),
	KTAP_TEST(out_of_memory),
	KTAP_TEST(zeroing),
	KTAP_TEST(pin),
	KTAP_TEST(messages),
	KTAP_TEST(quiet),
	KTAP_TEST(bus_mastering_off),
	KTAP_TEST(queue_again),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
