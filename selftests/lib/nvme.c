// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "must.h"
#include "nvme.h"

#define NVME_ADMIN_ENTRIES	32
#define NVME_BAR		0
#define NVME_ALL_NAMESPACES	0xffffffffu

uint32_t nvme_read32(struct nvme *nvme, uint32_t offset)
{
	uint32_t value;

	device_read_must(nvme->device, NVME_BAR, offset, &value, sizeof(value));
	return value;
}

uint64_t nvme_read64(struct nvme *nvme, uint32_t offset)
{
	uint64_t value;

	device_read_must(nvme->device, NVME_BAR, offset, &value, sizeof(value));
	return value;
}

void nvme_write32(struct nvme *nvme, uint32_t offset, uint32_t value)
{
	device_write_must(nvme->device, NVME_BAR, offset, &value, sizeof(value));
}

void nvme_write64(struct nvme *nvme, uint32_t offset, uint64_t value)
{
	device_write_must(nvme->device, NVME_BAR, offset, &value, sizeof(value));
}

void nvme_init(struct nvme *nvme, struct device *device, struct arena *arena)
{
	*nvme = (struct nvme) { .device = device, .arena = arena };
}

int nvme_wait_csts(struct nvme *nvme, uint32_t mask, uint32_t value)
{
	return must_happen((nvme_read32(nvme, NVME_CSTS) & mask) == value, MUST_TIMEOUT_MS) ?
		0 : -ETIMEDOUT;
}

void nvme_queue_layout(struct nvme_queue *queue, struct nvme *nvme, uint16_t id, uint16_t entries)
{
	*queue = (struct nvme_queue) {
		.nvme = nvme,
		.id = id,
		.entries = entries,
		.sq = arena_alloc(nvme->arena, entries * sizeof(*queue->sq), ARENA_PAGE),
		.cq = arena_alloc(nvme->arena, entries * sizeof(*queue->cq), ARENA_PAGE),
		.phase = 1,
	};
}

void nvme_setup_admin(struct nvme *nvme, uint16_t entries)
{
	struct nvme_queue *admin = &nvme->admin;

	nvme_queue_layout(admin, nvme, 0, entries);
	nvme_write32(nvme, NVME_AQA, (uint32_t)(entries - 1) << 16 | (uint32_t)(entries - 1));
	nvme_write64(nvme, NVME_ASQ, arena_iova(nvme->arena, admin->sq));
	nvme_write64(nvme, NVME_ACQ, arena_iova(nvme->arena, admin->cq));
}

void nvme_enable(struct nvme *nvme)
{
	must(!(nvme_read32(nvme, NVME_CC) & NVME_CC_EN), "seen it enabled");
	device_bus_master(nvme->device, true);
	nvme_setup_admin(nvme, NVME_ADMIN_ENTRIES);
	nvme_write32(nvme, NVME_CC, NVME_CC_ENABLED);
	must(nvme_wait_csts(nvme, NVME_CSTS_RDY | NVME_CSTS_CFS, NVME_CSTS_RDY) == 0,
	     "seen CSTS %#x", nvme_read32(nvme, NVME_CSTS));
}

void nvme_disable(struct nvme *nvme)
{
	nvme_write32(nvme, NVME_CC, nvme_read32(nvme, NVME_CC) & ~(NVME_CC_EN | NVME_CC_SHN_MASK));
	must(nvme_wait_csts(nvme, NVME_CSTS_RDY, 0) == 0,
	     "seen CSTS %#x", nvme_read32(nvme, NVME_CSTS));
}

void nvme_start(struct nvme *nvme, unsigned int queues, uint16_t entries)
{
	nvme_enable(nvme);
	for (unsigned int i = 1; i <= queues; i++)
		nvme_queue_create(nvme, (uint16_t)i, entries, -1);
}

struct nvme_sqe nvme_sqe_create_cq(const struct nvme_queue *queue, int vector)
{
	uint32_t interrupt = vector < 0 ? 0 : (uint32_t)vector << 16 | 2;

	return (struct nvme_sqe) {
		.opcode = NVME_CREATE_CQ,
		.prp1 = arena_iova(queue->nvme->arena, queue->cq),
		.cdw10 = (uint32_t)(queue->entries - 1) << 16 | queue->id,
		.cdw11 = interrupt | 1,
	};
}

struct nvme_sqe nvme_sqe_create_sq(const struct nvme_queue *queue)
{
	return (struct nvme_sqe) {
		.opcode = NVME_CREATE_SQ,
		.prp1 = arena_iova(queue->nvme->arena, queue->sq),
		.cdw10 = (uint32_t)(queue->entries - 1) << 16 | queue->id,
		.cdw11 = (uint32_t)queue->id << 16 | 1,
	};
}

struct nvme_queue *nvme_queue_create(struct nvme *nvme, uint16_t id, uint16_t entries, int vector)
{
	struct nvme_queue *queue = &nvme->io[id - 1];
	struct nvme_sqe sqe;
	int status;

	nvme_queue_layout(queue, nvme, id, entries);
	sqe = nvme_sqe_create_cq(queue, vector);
	status = nvme_run(&nvme->admin, &sqe, NULL);
	must(status == NVME_SUCCESS, "creating completion queue %u, seen %#x", id, status);
	sqe = nvme_sqe_create_sq(queue);
	status = nvme_run(&nvme->admin, &sqe, NULL);
	must(status == NVME_SUCCESS, "creating submission queue %u, seen %#x", id, status);
	return queue;
}

void nvme_queue_delete(struct nvme_queue *queue)
{
	struct nvme_sqe sqe = { .opcode = NVME_DELETE_SQ, .cdw10 = queue->id };
	int status;

	status = nvme_run(&queue->nvme->admin, &sqe, NULL);
	must(status == NVME_SUCCESS, "deleting submission queue %u, seen %#x", queue->id, status);
	sqe.opcode = NVME_DELETE_CQ;
	status = nvme_run(&queue->nvme->admin, &sqe, NULL);
	must(status == NVME_SUCCESS, "deleting completion queue %u, seen %#x", queue->id, status);
}

uint16_t nvme_push(struct nvme_queue *queue, const struct nvme_sqe *sqe)
{
	struct nvme_sqe *slot = &queue->sq[queue->sq_tail];

	*slot = *sqe;
	slot->cid = queue->next_cid++;
	queue->sq_tail = (uint16_t)((queue->sq_tail + 1) % queue->entries);
	return slot->cid;
}

static uint32_t doorbell(const struct nvme_queue *queue, bool completion)
{
	return NVME_DOORBELL + queue->id * 8u + (completion ? 4 : 0);
}

void nvme_ring(struct nvme_queue *queue)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	nvme_write32(queue->nvme, doorbell(queue, false), queue->sq_tail);
}

uint16_t nvme_submit(struct nvme_queue *queue, const struct nvme_sqe *sqe)
{
	uint16_t cid = nvme_push(queue, sqe);

	nvme_ring(queue);
	return cid;
}

bool nvme_peek(const struct nvme_queue *queue)
{
	return (__atomic_load_n(&queue->cq[queue->cq_head].status, __ATOMIC_ACQUIRE) & 1) ==
		queue->phase;
}

bool nvme_take(struct nvme_queue *queue, struct nvme_cqe *cqe)
{
	if (!nvme_peek(queue))
		return false;
	*cqe = queue->cq[queue->cq_head];
	queue->cq_head = (uint16_t)((queue->cq_head + 1) % queue->entries);
	if (!queue->cq_head)
		queue->phase = !queue->phase;
	return true;
}

void nvme_release(struct nvme_queue *queue)
{
	nvme_write32(queue->nvme, doorbell(queue, true), queue->cq_head);
}

int nvme_reap(struct nvme_queue *queue, struct nvme_cqe *cqe)
{
	if (!must_happen(nvme_take(queue, cqe), MUST_TIMEOUT_MS))
		return -ETIMEDOUT;
	nvme_release(queue);
	return 0;
}

int nvme_run(struct nvme_queue *queue, const struct nvme_sqe *sqe, struct nvme_cqe *cqe)
{
	struct nvme_cqe own;
	uint16_t cid;
	int error;

	cqe = cqe ?: &own;
	cid = nvme_submit(queue, sqe);
	error = nvme_reap(queue, cqe);
	if (error)
		return error;
	must(cqe->cid == cid, "opcode %#x in queue %u, seen %u, not %u", sqe->opcode, queue->id,
	     cqe->cid, cid);
	must(cqe->sq_id == queue->id, "seen %u", cqe->sq_id);
	must(cqe->sq_head == queue->sq_tail, "seen %u, not %u", cqe->sq_head, queue->sq_tail);
	return (int)nvme_status(cqe);
}

struct nvme_sqe nvme_sqe_io(uint8_t opcode, uint64_t slba, uint32_t blocks)
{
	return (struct nvme_sqe) {
		.opcode = opcode,
		.nsid = 1,
		.cdw10 = (uint32_t)slba,
		.cdw11 = (uint32_t)(slba >> 32),
		.cdw12 = blocks - 1,
	};
}

/* A list that crosses a page goes on where the last entry of the page points. */
static uint64_t make_list(struct nvme *nvme, uint64_t first, size_t pages)
{
	const size_t per_page = ARENA_PAGE / sizeof(uint64_t);
	uint64_t *list = arena_page(nvme->arena);
	uint64_t head = arena_iova(nvme->arena, list);

	for (size_t i = 0, slot = 0; i < pages; i++) {
		if (slot == per_page - 1 && i + 1 < pages) {
			uint64_t *next = arena_page(nvme->arena);

			list[slot] = arena_iova(nvme->arena, next);
			list = next;
			slot = 0;
		}
		list[slot++] = first + i * ARENA_PAGE;
	}
	return head;
}

void nvme_prp(struct nvme *nvme, struct nvme_sqe *sqe, const void *buffer, size_t length)
{
	uint64_t iova = arena_iova(nvme->arena, buffer);
	uint64_t second = (iova / ARENA_PAGE + 1) * ARENA_PAGE;
	uint64_t end = iova + length;

	sqe->prp1 = iova;
	sqe->prp2 = 0;
	if (end <= second)
		return;
	if (end <= second + ARENA_PAGE)
		sqe->prp2 = second;
	else
		sqe->prp2 = make_list(nvme, second, (end - second + ARENA_PAGE - 1) / ARENA_PAGE);
}

int nvme_io(struct nvme_queue *queue, uint8_t opcode, uint64_t slba, uint32_t blocks, void *buffer)
{
	struct nvme_sqe sqe = nvme_sqe_io(opcode, slba, blocks);
	struct arena *arena = queue->nvme->arena;
	size_t used = arena->used;
	int status;

	nvme_prp(queue->nvme, &sqe, buffer, (size_t)blocks * NVME_BLOCK);
	status = nvme_run(queue, &sqe, NULL);
	arena->used = used;
	return status;
}

int nvme_identify(struct nvme *nvme, uint8_t cns, uint32_t nsid, void *page)
{
	struct nvme_sqe sqe = { .opcode = NVME_IDENTIFY, .nsid = nsid, .cdw10 = cns };

	nvme_prp(nvme, &sqe, page, ARENA_PAGE);
	return nvme_run(&nvme->admin, &sqe, NULL);
}

int nvme_get_log(struct nvme *nvme, uint8_t log, void *buffer, size_t length)
{
	uint32_t dwords = (uint32_t)(length / 4 - 1);
	struct nvme_sqe sqe = {
		.opcode = NVME_GET_LOG_PAGE,
		.nsid = NVME_ALL_NAMESPACES,
		.cdw10 = (dwords & 0xffff) << 16 | log,
		.cdw11 = dwords >> 16,
	};

	nvme_prp(nvme, &sqe, buffer, length);
	return nvme_run(&nvme->admin, &sqe, NULL);
}

/* Error recovery is the one feature here that belongs to the namespace. */
static int feature(struct nvme *nvme, uint8_t opcode, uint32_t cdw10, uint32_t cdw11,
		   uint32_t *value)
{
	struct nvme_sqe sqe = {
		.opcode = opcode,
		.nsid = (cdw10 & 0xff) == NVME_FEATURE_ERROR_RECOVERY,
		.cdw10 = cdw10,
		.cdw11 = cdw11,
	};
	struct nvme_cqe cqe = { 0 };
	int status;

	status = nvme_run(&nvme->admin, &sqe, &cqe);
	if (value)
		*value = cqe.dw0;
	return status;
}

int nvme_get_feature(struct nvme *nvme, uint32_t cdw10, uint32_t cdw11, uint32_t *value)
{
	return feature(nvme, NVME_GET_FEATURES, cdw10, cdw11, value);
}

int nvme_set_feature(struct nvme *nvme, uint32_t cdw10, uint32_t cdw11, uint32_t *value)
{
	return feature(nvme, NVME_SET_FEATURES, cdw10, cdw11, value);
}

uint64_t nvme_blocks(struct nvme *nvme)
{
	size_t used = nvme->arena->used;
	void *page = arena_page(nvme->arena);
	uint64_t blocks;
	int status;

	status = nvme_identify(nvme, 0, 1, page);
	must(status == NVME_SUCCESS, "identifying the namespace, seen %#x", status);
	memcpy(&blocks, page, sizeof(blocks));
	nvme->arena->used = used;
	return blocks;
}

/* A block is eight bytes that name it and its version, over and over. */
static uint64_t pattern_word(uint64_t lba, uint32_t version)
{
	return (lba + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)version << 40;
}

void nvme_pattern(void *buffer, uint64_t slba, uint32_t blocks, uint32_t version)
{
	const size_t words = NVME_BLOCK / sizeof(uint64_t);
	uint64_t *word = buffer;

	for (size_t i = 0; i < blocks * words; i++)
		word[i] = pattern_word(slba + i / words, version) + i % words;
}

long nvme_pattern_differs(const void *buffer, uint64_t slba, uint32_t blocks, uint32_t version)
{
	const size_t words = NVME_BLOCK / sizeof(uint64_t);
	const uint64_t *word = buffer;

	for (size_t i = 0; i < blocks * words; i++) {
		if (word[i] != pattern_word(slba + i / words, version) + i % words)
			return (long)(i * sizeof(*word));
	}
	return -1;
}

/* Bytes that nvme_fill() and its inverse transfer at once */
#define FILL_CHUNK	(64 << 10)

static uint32_t chunk_blocks(uint64_t left)
{
	return (uint32_t)((left < FILL_CHUNK ? left : FILL_CHUNK) / NVME_BLOCK);
}

int nvme_fill(struct nvme_queue *queue, uint64_t offset, uint64_t length, uint32_t version)
{
	struct arena *arena = queue->nvme->arena;
	size_t used = arena->used;
	void *buffer = arena_alloc(arena, FILL_CHUNK, ARENA_PAGE);
	int status = NVME_SUCCESS;

	for (uint64_t at = 0; !status && at < length; at += FILL_CHUNK) {
		uint64_t slba = (offset + at) / NVME_BLOCK;
		uint32_t blocks = chunk_blocks(length - at);

		nvme_pattern(buffer, slba, blocks, version);
		status = nvme_io(queue, NVME_WRITE, slba, blocks, buffer);
	}
	arena->used = used;
	return status;
}

long long nvme_filled_differs(struct nvme_queue *queue, uint64_t offset, uint64_t length,
			      uint32_t version)
{
	struct arena *arena = queue->nvme->arena;
	size_t used = arena->used;
	void *buffer = arena_alloc(arena, FILL_CHUNK, ARENA_PAGE);
	long differs = -1;
	uint64_t at;

	for (at = 0; differs < 0 && at < length; at += FILL_CHUNK) {
		uint64_t slba = (offset + at) / NVME_BLOCK;
		uint32_t blocks = chunk_blocks(length - at);
		int status = nvme_io(queue, NVME_READ, slba, blocks, buffer);

		must(status == NVME_SUCCESS, "reading %u blocks at %llu, seen %#x", blocks,
		     (unsigned long long)slba, status);
		differs = nvme_pattern_differs(buffer, slba, blocks, version);
	}
	arena->used = used;
	return differs < 0 ? -1 : (long long)(offset + at - FILL_CHUNK) + differs;
}

static const char *try_io(struct nvme *nvme)
{
	const uint32_t blocks = 8;
	void *buffer = arena_page(nvme->arena);

	nvme_start(nvme, 1, 8);
	nvme_pattern(buffer, 16, blocks, 99);
	if (nvme_io(&nvme->io[0], NVME_WRITE, 16, blocks, buffer))
		return "a write failed";
	memset(buffer, 0, ARENA_PAGE);
	if (nvme_io(&nvme->io[0], NVME_READ, 16, blocks, buffer))
		return "a read failed";
	if (nvme_pattern_differs(buffer, 16, blocks, 99) >= 0)
		return "what was read is not what was written";
	return "works";
}

const char *nvme_works(struct device *device, struct arena *arena)
{
	size_t used = arena->used;
	const char *wrong;
	struct nvme nvme;

	if (device_reset(device))
		return "the reset failed";
	nvme_init(&nvme, device, arena);
	wrong = try_io(&nvme);
	device_reset(device);
	arena->used = used;
	return wrong;
}
