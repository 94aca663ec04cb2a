// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/err.h>
#include <linux/math.h>
#include <linux/mm.h>
#include "ktap.h"
#include "nvme_host.h"

#define STATUS_TYPE_AND_CODE	0x7ff

/* Of all hosts, for as long as the program runs */
struct workqueue_struct *mdevsim_function_wq;

/* The carrier's services */

static void *dma_at(struct mdevsim_function *fn, u64 iova, size_t length)
{
	struct mdevsim_device *device = fn->device;
	u64 size = HOST_PAGES * HOST_PAGE;

	EXPECT_MSG(!READ_ONCE(device->silent), "guest memory was accessed while quiet");
	if (READ_ONCE(device->dma_off_at) && !--device->dma_off_at)
		device->dma = false;
	if (!READ_ONCE(device->dma) || iova >= size || length > size - iova)
		return NULL;
	return device->memory + iova;
}

int mdevsim_dma_read(struct mdevsim_function *fn, u64 iova, void *data, size_t length)
{
	void *at = dma_at(fn, iova, length);

	if (!at)
		return -EFAULT;
	memcpy(data, at, length);
	return 0;
}

int mdevsim_dma_write(struct mdevsim_function *fn, u64 iova, const void *data, size_t length)
{
	void *at = dma_at(fn, iova, length);

	if (!at)
		return -EFAULT;
	memcpy(at, data, length);
	return 0;
}

bool mdevsim_dma_enabled(struct mdevsim_function *fn)
{
	return READ_ONCE(fn->device->dma);
}

void mdevsim_irq_raise(struct mdevsim_function *fn, unsigned int vector)
{
	EXPECT_MSG(!READ_ONCE(fn->device->silent), "vector %u was raised while quiet", vector);
	EXPECT(vector < MDEVSIM_MAX_VECTORS);
	__atomic_fetch_add(&fn->device->raised[vector], 1, __ATOMIC_RELAXED);
}

void mdevsim_irq_intx(struct mdevsim_function *fn, bool assert)
{
	EXPECT_MSG(!READ_ONCE(fn->device->silent) || !assert, "INTx was asserted while quiet");
	WRITE_ONCE(fn->device->intx, assert);
}

bool mdevsim_irq_is_msix(struct mdevsim_function *fn)
{
	return READ_ONCE(fn->device->msix);
}

void *mdevsim_page_alloc(struct mdevsim_function *fn)
{
	return shim_alloc_fails() ? NULL : calloc(1, PAGE_SIZE + sizeof(unsigned long));
}

void mdevsim_page_free(void *page)
{
	free(page);
}

void *mdevsim_charge_begin(struct mdevsim_function *fn __maybe_unused)
{
	return NULL;
}

void mdevsim_charge_end(void *before __maybe_unused)
{
}

/* Behind the page */
unsigned long *mdevsim_page_tag(void *page)
{
	return page + PAGE_SIZE;
}

const char *mdevsim_function_name(struct mdevsim_function *fn)
{
	return "test";
}

const u8 *mdevsim_function_uuid(struct mdevsim_function *fn)
{
	return fn->device->uuid;
}

void mdevsim_function_dbg(struct mdevsim_function *fn, const char *fmt, ...)
{
}

enum mdevsim_verdict mdevsim_function_command(struct mdevsim_function *fn, bool admin, u8 opcode,
					      u16 *status)
{
	return MDEVSIM_VERDICT_EXECUTE;
}

void mdevsim_function_dirtied(struct mdevsim_function *fn)
{
}

/* The driver */

struct host *host_create(void)
{
	static const u8 uuid[16] = {
		0x83, 0xb8, 0xf4, 0xf2, 0x50, 0x9f, 0x38, 0x2f,
		0x3c, 0x1e, 0xe6, 0xbf, 0xe0, 0xfa, 0x10, 0x01,
	};
	struct host *host = calloc(1, sizeof(*host));

	host->device.memory = calloc(HOST_PAGES, HOST_PAGE);
	host->device.next_page = 1;
	host->device.dma = true;
	host->device.msix = true;
	memcpy(host->device.uuid, uuid, sizeof(uuid));
	if (!mdevsim_function_wq)
		mdevsim_function_wq = alloc_workqueue("test", WQ_UNBOUND, 0);
	host->fn = nvme_function_ops.create(&host->device, HOST_CAPACITY);
	EXPECT(!IS_ERR(host->fn));
	host->fn->ops->resume(host->fn);
	return host;
}

void host_destroy(struct host *host)
{
	host->fn->ops->quiesce(host->fn);
	host->fn->ops->destroy(host->fn);
	free(host->device.memory);
	free(host);
}

void host_run(void)
{
	if (shim_workqueue_threads)
		flush_workqueue(mdevsim_function_wq);
	else
		while (shim_workqueue_run_one())
			;
}

u64 host_pages(struct host *host, unsigned int count)
{
	u64 page = host->device.next_page;

	if (page + count > HOST_PAGES)
		abort();
	host->device.next_page += count;
	return page * HOST_PAGE;
}

void *host_at(struct host *host, u64 iova)
{
	return host->device.memory + iova;
}

u32 host_read(struct host *host, u32 offset)
{
	return host->fn->ops->bar_read(host->fn, offset, 4);
}

void host_write(struct host *host, u32 offset, u32 value)
{
	host->fn->ops->bar_write(host->fn, offset, 4, value);
}

static void queue_init(struct host *host, u16 qid, u16 entries)
{
	host->queue[qid] = (struct host_queue) {
		.sq		= host_pages(host, DIV_ROUND_UP(entries * 64, HOST_PAGE)),
		.cq		= host_pages(host, DIV_ROUND_UP(entries * 16, HOST_PAGE)),
		.entries	= entries,
		.phase		= true,
	};
	memset(host_at(host, host->queue[qid].cq), 0, entries * 16);
}

void host_enable(struct host *host, u16 entries)
{
	queue_init(host, 0, entries);
	host_write(host, NVME_REG_AQA, (entries - 1) << 16 | (entries - 1));
	host->fn->ops->bar_write(host->fn, NVME_REG_ASQ, 8, host->queue[0].sq);
	host->fn->ops->bar_write(host->fn, NVME_REG_ACQ, 8, host->queue[0].cq);
	host_write(host, NVME_REG_CC, NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), NVME_CSTS_RDY);
}

void host_disable(struct host *host)
{
	host_write(host, NVME_REG_CC, NVME_CC_IOSQES | NVME_CC_IOCQES);
	EXPECT_EQ(host_read(host, NVME_REG_CSTS), 0);
}

u16 host_push(struct host *host, u16 qid, struct nvme_command cmd)
{
	struct host_queue *queue = &host->queue[qid];

	cmd.common.command_id = host->next_cid++;
	memcpy(host_at(host, queue->sq + queue->tail * 64), &cmd, 64);
	queue->tail = (queue->tail + 1) % queue->entries;
	return cmd.common.command_id;
}

void host_ring(struct host *host, u16 qid)
{
	host_write(host, NVME_REG_DBS + qid * 8, host->queue[qid].tail);
}

static struct nvme_completion *next_completion(struct host *host, u16 qid)
{
	return host_at(host, host->queue[qid].cq + host->queue[qid].head * 16);
}

bool host_peek(struct host *host, u16 qid)
{
	return (le16_to_cpu(READ_ONCE(next_completion(host, qid)->status)) & 1) ==
	       host->queue[qid].phase;
}

struct nvme_completion host_pop(struct host *host, u16 qid, bool ring)
{
	struct nvme_completion cqe = *next_completion(host, qid);
	struct host_queue *queue = &host->queue[qid];

	EXPECT_MSG(host_peek(host, qid), "queue %u: no completion at %u", qid, queue->head);
	queue->head++;
	if (queue->head == queue->entries) {
		queue->head = 0;
		queue->phase = !queue->phase;
	}
	if (ring)
		host_write(host, NVME_REG_DBS + qid * 8 + 4, queue->head);
	return cqe;
}

u32 host_pop_result(struct host *host)
{
	return le32_to_cpu(host_pop(host, 0, true).result.u32);
}

struct nvme_completion host_do(struct host *host, u16 qid, struct nvme_command cmd)
{
	struct nvme_completion cqe;
	u16 cid = host_push(host, qid, cmd);

	host_ring(host, qid);
	host_run();
	cqe = host_pop(host, qid, true);
	EXPECT_EQ(cqe.command_id, cid);
	EXPECT_EQ(le16_to_cpu(cqe.sq_id), qid);
	EXPECT_EQ(le16_to_cpu(cqe.sq_head), host->queue[qid].tail);
	EXPECT(!host_peek(host, qid));
	return cqe;
}

u16 host_status(struct host *host, u16 qid, struct nvme_command cmd)
{
	return le16_to_cpu(host_do(host, qid, cmd).status) >> 1 & STATUS_TYPE_AND_CODE;
}

u32 host_result(struct host *host, u16 qid, struct nvme_command cmd)
{
	return le32_to_cpu(host_do(host, qid, cmd).result.u32);
}

void host_create_queue(struct host *host, u16 qid, u16 entries)
{
	queue_init(host, qid, entries);
	EXPECT_OK(host, 0, host_create_cq(qid, entries, host->queue[qid].cq, qid));
	EXPECT_OK(host, 0, host_create_sq(qid, entries, host->queue[qid].sq, qid));
}

/* Commands */

struct nvme_command host_identify(u8 cns, u32 nsid, u64 prp1)
{
	return (struct nvme_command) {
		.identify.opcode	= nvme_admin_identify,
		.identify.nsid		= cpu_to_le32(nsid),
		.identify.dptr.prp1	= cpu_to_le64(prp1),
		.identify.cns		= cns,
	};
}

struct nvme_command host_create_cq(u16 qid, u16 entries, u64 base, u16 vector)
{
	return (struct nvme_command) {
		.create_cq.opcode	= nvme_admin_create_cq,
		.create_cq.prp1		= cpu_to_le64(base),
		.create_cq.cqid		= cpu_to_le16(qid),
		.create_cq.qsize	= cpu_to_le16(entries - 1),
		.create_cq.cq_flags	= cpu_to_le16(NVME_QUEUE_PHYS_CONTIG | NVME_CQ_IRQ_ENABLED),
		.create_cq.irq_vector	= cpu_to_le16(vector),
	};
}

struct nvme_command host_create_sq(u16 qid, u16 entries, u64 base, u16 cqid)
{
	return (struct nvme_command) {
		.create_sq.opcode	= nvme_admin_create_sq,
		.create_sq.prp1		= cpu_to_le64(base),
		.create_sq.sqid		= cpu_to_le16(qid),
		.create_sq.qsize	= cpu_to_le16(entries - 1),
		.create_sq.sq_flags	= cpu_to_le16(NVME_QUEUE_PHYS_CONTIG | NVME_SQ_PRIO_MEDIUM),
		.create_sq.cqid		= cpu_to_le16(cqid),
	};
}

struct nvme_command host_delete(u8 opcode, u16 qid)
{
	return (struct nvme_command) {
		.delete_queue.opcode	= opcode,
		.delete_queue.qid	= cpu_to_le16(qid),
	};
}

struct nvme_command host_rw(u8 opcode, u64 slba, u32 blocks, u64 prp1, u64 prp2)
{
	return (struct nvme_command) {
		.rw.opcode	= opcode,
		.rw.nsid	= cpu_to_le32(1),
		.rw.dptr.prp1	= cpu_to_le64(prp1),
		.rw.dptr.prp2	= cpu_to_le64(prp2),
		.rw.slba	= cpu_to_le64(slba),
		.rw.length	= cpu_to_le16(blocks - 1),
	};
}

static struct nvme_command feature(u8 opcode, u32 dword10, u32 dword11)
{
	return (struct nvme_command) {
		.features.opcode	= opcode,
		.features.fid		= cpu_to_le32(dword10),
		.features.dword11	= cpu_to_le32(dword11),
	};
}

struct nvme_command host_set_feature(u32 dword10, u32 dword11)
{
	return feature(nvme_admin_set_features, dword10, dword11);
}

struct nvme_command host_get_feature(u32 dword10, u32 dword11)
{
	return feature(nvme_admin_get_features, dword10, dword11);
}

struct nvme_command host_log(u8 lid, u32 length, u64 offset, u64 prp1)
{
	return (struct nvme_command) {
		.get_log_page.opcode	= nvme_admin_get_log_page,
		.get_log_page.nsid	= cpu_to_le32(NVME_NSID_ALL),
		.get_log_page.dptr.prp1	= cpu_to_le64(prp1),
		.get_log_page.lid	= lid,
		.get_log_page.numdl	= cpu_to_le16(length / 4 - 1),
		.get_log_page.numdu	= cpu_to_le16((length / 4 - 1) >> 16),
		.get_log_page.lpo	= cpu_to_le64(offset),
	};
}

struct nvme_command host_simple(u8 opcode)
{
	return (struct nvme_command) { .common.opcode = opcode };
}
