/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An NVMe driver in user space, over a VFIO device: as much of NVMe Base 1.4 as
 * the tests need, and nothing that keeps a test from doing what a driver must
 * not do. Little-endian machines only.
 */
#ifndef LIB_NVME_H
#define LIB_NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "arena.h"
#include "device.h"

/* Controller properties, NVMe Base 1.4 §3.1 */
enum nvme_register {
	NVME_CAP	= 0x00,
	NVME_VS		= 0x08,
	NVME_INTMS	= 0x0c,
	NVME_INTMC	= 0x10,
	NVME_CC		= 0x14,
	NVME_CSTS	= 0x1c,
	NVME_NSSR	= 0x20,
	NVME_AQA	= 0x24,
	NVME_ASQ	= 0x28,
	NVME_ACQ	= 0x30,
	NVME_CMBLOC	= 0x38,
	NVME_CMBSZ	= 0x3c,
	NVME_DOORBELL	= 0x1000,
};

#define NVME_CC_EN		(1u << 0)
#define NVME_CC_SHN_NORMAL	(1u << 14)
#define NVME_CC_SHN_MASK	(3u << 14)
#define NVME_CC_IOSQES		(6u << 16)
#define NVME_CC_IOCQES		(4u << 20)
#define NVME_CC_ENABLED		(NVME_CC_EN | NVME_CC_IOSQES | NVME_CC_IOCQES)
#define NVME_CSTS_RDY		(1u << 0)
#define NVME_CSTS_CFS		(1u << 1)
#define NVME_CSTS_SHST_MASK	(3u << 2)
#define NVME_CSTS_SHST_DONE	(2u << 2)

enum nvme_admin_opcode {
	NVME_DELETE_SQ		= 0x00,
	NVME_CREATE_SQ		= 0x01,
	NVME_GET_LOG_PAGE	= 0x02,
	NVME_DELETE_CQ		= 0x04,
	NVME_CREATE_CQ		= 0x05,
	NVME_IDENTIFY		= 0x06,
	NVME_ABORT		= 0x08,
	NVME_SET_FEATURES	= 0x09,
	NVME_GET_FEATURES	= 0x0a,
	NVME_ASYNC_EVENT	= 0x0c,
};

enum nvme_io_opcode {
	NVME_FLUSH		= 0x00,
	NVME_WRITE		= 0x01,
	NVME_READ		= 0x02,
	NVME_COMPARE		= 0x05,
	NVME_WRITE_ZEROES	= 0x08,
	NVME_DSM		= 0x09,
	NVME_VERIFY		= 0x0c,
};

enum nvme_feature {
	NVME_FEATURE_ARBITRATION	= 0x01,
	NVME_FEATURE_POWER		= 0x02,
	NVME_FEATURE_TEMPERATURE	= 0x04,
	NVME_FEATURE_ERROR_RECOVERY	= 0x05,
	NVME_FEATURE_WRITE_CACHE	= 0x06,
	NVME_FEATURE_QUEUES		= 0x07,
	NVME_FEATURE_COALESCING		= 0x08,
	NVME_FEATURE_VECTOR		= 0x09,
	NVME_FEATURE_ATOMICITY		= 0x0a,
	NVME_FEATURE_EVENTS		= 0x0b,
	NVME_FEATURE_TIMESTAMP		= 0x0e,
};

enum nvme_log {
	NVME_LOG_ERROR		= 0x01,
	NVME_LOG_SMART		= 0x02,
	NVME_LOG_FIRMWARE	= 0x03,
	NVME_LOG_CHANGED_NS	= 0x04,
	NVME_LOG_EFFECTS	= 0x05,
};

/* Status code type and status code, as nvme_status() gives them */
enum nvme_status {
	NVME_SUCCESS			= 0x000,
	NVME_INVALID_OPCODE		= 0x001,
	NVME_INVALID_FIELD		= 0x002,
	NVME_DATA_TRANSFER		= 0x004,
	NVME_INTERNAL			= 0x006,
	NVME_ABORTED			= 0x007,
	NVME_INVALID_NS			= 0x00b,
	NVME_SEQUENCE			= 0x00c,
	NVME_SGL_DESCRIPTOR		= 0x011,
	NVME_INVALID_PRP_OFFSET		= 0x013,
	NVME_LBA_RANGE			= 0x080,
	NVME_CQ_INVALID			= 0x100,
	NVME_INVALID_QID		= 0x101,
	NVME_INVALID_QSIZE		= 0x102,
	NVME_ABORT_LIMIT		= 0x103,
	NVME_ASYNC_LIMIT		= 0x105,
	NVME_INVALID_VECTOR		= 0x108,
	NVME_INVALID_LOG		= 0x109,
	NVME_INVALID_DELETION		= 0x10c,
	NVME_NOT_SAVEABLE		= 0x10d,
	NVME_NOT_CHANGEABLE		= 0x10e,
	NVME_NOT_NS_SPECIFIC		= 0x10f,
	NVME_COMPARE_FAILURE		= 0x285,
};

#define NVME_STATUS_DNR		(1u << 14)

/** struct nvme_sqe - submission queue entry */
struct nvme_sqe {
	uint8_t opcode;
	uint8_t flags;
	uint16_t cid;
	uint32_t nsid;
	uint32_t cdw2;
	uint32_t cdw3;
	uint64_t mptr;
	uint64_t prp1;
	uint64_t prp2;
	uint32_t cdw10;
	uint32_t cdw11;
	uint32_t cdw12;
	uint32_t cdw13;
	uint32_t cdw14;
	uint32_t cdw15;
};

/** struct nvme_cqe - completion queue entry; @status has the phase tag in bit 0 */
struct nvme_cqe {
	uint32_t dw0;
	uint32_t dw1;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t cid;
	uint16_t status;
};

#define NVME_BLOCK		512
#define NVME_MAX_IO_QUEUES	63

/**
 * struct nvme_queue - a submission queue and the completion queue of the same number
 * @nvme: whose
 * @id: queue identifier
 * @entries: number of entries in each
 * @sq: submission queue entries
 * @cq: completion queue entries
 * @sq_tail: next entry to be written
 * @cq_head: next entry to be read
 * @phase: phase tag that makes the entry at @cq_head a new one
 * @next_cid: command identifier of the next command
 */
struct nvme_queue {
	struct nvme *nvme;
	uint16_t id;
	uint16_t entries;
	struct nvme_sqe *sq;
	struct nvme_cqe *cq;
	uint16_t sq_tail;
	uint16_t cq_head;
	uint8_t phase;
	uint16_t next_cid;
};

/**
 * struct nvme - a controller
 * @device: behind which it is; may change from one call to the next, after a migration
 * @arena: where queues and buffers are
 * @admin: admin queues
 * @io: I/O queues, io[0] has identifier 1
 */
struct nvme {
	struct device *device;
	struct arena *arena;
	struct nvme_queue admin;
	struct nvme_queue io[NVME_MAX_IO_QUEUES];
};

uint32_t nvme_read32(struct nvme *nvme, uint32_t offset);
uint64_t nvme_read64(struct nvme *nvme, uint32_t offset);
void nvme_write32(struct nvme *nvme, uint32_t offset, uint32_t value);
void nvme_write64(struct nvme *nvme, uint32_t offset, uint64_t value);

/** nvme_init - bind a client to a device; touches nothing */
void nvme_init(struct nvme *nvme, struct device *device, struct arena *arena);

/** nvme_wait_csts - wait until CSTS & mask == value; 0 or -ETIMEDOUT */
int nvme_wait_csts(struct nvme *nvme, uint32_t mask, uint32_t value);

/** nvme_setup_admin - lay out admin queues of @entries and tell AQA, ASQ and ACQ */
void nvme_setup_admin(struct nvme *nvme, uint16_t entries);

/** nvme_enable - bus mastering, admin queues, CC.EN; the test fails unless it gets ready */
void nvme_enable(struct nvme *nvme);

/** nvme_disable - CC.EN = 0; the test fails unless the controller stops being ready */
void nvme_disable(struct nvme *nvme);

/** nvme_start - nvme_enable() and @queues I/O queues of @entries */
void nvme_start(struct nvme *nvme, unsigned int queues, uint16_t entries);

/** nvme_queue_layout - memory and counters for a queue; tells the controller nothing */
void nvme_queue_layout(struct nvme_queue *queue, struct nvme *nvme, uint16_t id, uint16_t entries);

/** nvme_sqe_create_cq - a command that creates the completion queue; @vector < 0: no interrupts */
struct nvme_sqe nvme_sqe_create_cq(const struct nvme_queue *queue, int vector);
struct nvme_sqe nvme_sqe_create_sq(const struct nvme_queue *queue);

/** nvme_queue_create - create I/O queues @id; the test fails when it does not work */
struct nvme_queue *nvme_queue_create(struct nvme *nvme, uint16_t id, uint16_t entries, int vector);

/** nvme_queue_delete - delete both queues; the test fails when it does not work */
void nvme_queue_delete(struct nvme_queue *queue);

/** nvme_push - put a command into the queue without ringing; its identifier */
uint16_t nvme_push(struct nvme_queue *queue, const struct nvme_sqe *sqe);

/** nvme_ring - tell the controller the tail */
void nvme_ring(struct nvme_queue *queue);

/** nvme_submit - nvme_push() and nvme_ring() */
uint16_t nvme_submit(struct nvme_queue *queue, const struct nvme_sqe *sqe);

/** nvme_peek - there is a new completion entry */
bool nvme_peek(const struct nvme_queue *queue);

/** nvme_take - the next completion entry, if there is one; without telling the controller */
bool nvme_take(struct nvme_queue *queue, struct nvme_cqe *cqe);

/** nvme_release - tell the controller how far completion entries have been taken */
void nvme_release(struct nvme_queue *queue);

/** nvme_reap - wait for the next completion entry and take and release it; 0 or -ETIMEDOUT */
int nvme_reap(struct nvme_queue *queue, struct nvme_cqe *cqe);

/** nvme_status - status code type and status code of a completion */
static inline unsigned int nvme_status(const struct nvme_cqe *cqe)
{
	return cqe->status >> 1 & 0x7ff;
}

/**
 * nvme_run - submit a command that is alone in its queue and wait for its completion
 *
 * Return: enum nvme_status, or -ETIMEDOUT. The completion goes to @cqe unless that is NULL.
 */
int nvme_run(struct nvme_queue *queue, const struct nvme_sqe *sqe, struct nvme_cqe *cqe);

/** nvme_sqe_io - a command of the NVM command set on namespace 1 */
struct nvme_sqe nvme_sqe_io(uint8_t opcode, uint64_t slba, uint32_t blocks);

/** nvme_io - read or write @blocks through one contiguous buffer in the arena; as nvme_run() */
int nvme_io(struct nvme_queue *queue, uint8_t opcode, uint64_t slba, uint32_t blocks, void *buffer);

/** nvme_prp - point a command to @length bytes at a contiguous buffer, with a PRP list if needed */
void nvme_prp(struct nvme *nvme, struct nvme_sqe *sqe, const void *buffer, size_t length);

/** nvme_identify - Identify into a page of the arena; as nvme_run() */
int nvme_identify(struct nvme *nvme, uint8_t cns, uint32_t nsid, void *page);

/** nvme_get_log - Get Log Page of @length bytes; as nvme_run() */
int nvme_get_log(struct nvme *nvme, uint8_t log, void *buffer, size_t length);

/** nvme_get_feature - Get Features; DW0 goes to @value; as nvme_run() */
int nvme_get_feature(struct nvme *nvme, uint32_t cdw10, uint32_t cdw11, uint32_t *value);
int nvme_set_feature(struct nvme *nvme, uint32_t cdw10, uint32_t cdw11, uint32_t *value);

/** nvme_blocks - number of logical blocks of namespace 1; the test fails when Identify does */
uint64_t nvme_blocks(struct nvme *nvme);

/** nvme_pattern - fill a buffer with what blocks @slba on must hold in @version */
void nvme_pattern(void *buffer, uint64_t slba, uint32_t blocks, uint32_t version);

/** nvme_pattern_differs - offset of the first byte that is not as nvme_pattern() made it, or -1 */
long nvme_pattern_differs(const void *buffer, uint64_t slba, uint32_t blocks, uint32_t version);

/**
 * nvme_fill - write bytes @offset to @offset + @length of the namespace with nvme_pattern()
 *
 * Return: the first status that is not success.
 */
int nvme_fill(struct nvme_queue *queue, uint64_t offset, uint64_t length, uint32_t version);

/** nvme_filled_differs - the first byte that is not as nvme_fill() made it, or -1 */
long long nvme_filled_differs(struct nvme_queue *queue, uint64_t offset, uint64_t length,
			      uint32_t version);

/**
 * nvme_works - the device is usable: reset, enable, write, read back
 *
 * Return: "works", or what is wrong.
 */
const char *nvme_works(struct device *device, struct arena *arena);

#endif /* LIB_NVME_H */
