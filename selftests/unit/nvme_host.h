/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A host for the NVMe controller, as small as can be: memory, interrupts that
 * are counted, and a driver that submits one command at a time. Work is done by
 * whoever waits for it unless shim_workqueue_threads says otherwise.
 */
#ifndef SELFTESTS_UNIT_NVME_HOST_H
#define SELFTESTS_UNIT_NVME_HOST_H

#include <linux/types.h>
#include "../../driver/nvme/nvme.h"
#include "../../driver/pci_config.h"

#define HOST_PAGE	4096ULL
#ifndef HOST_PAGES
#define HOST_PAGES	4096
#endif
#define HOST_CAPACITY	(64ULL << 20)
#define HOST_QUEUES	8

/**
 * struct mdevsim_device - the carrier
 * @memory: of the host, at guest address 0
 * @next_page: first page not given out
 * @dma: bus mastering is on
 * @dma_off_at: number of the access to memory before which it goes off; 0: it does not
 * @msix: MSI-X is enabled
 * @intx: level of the pin
 * @silent: neither guest memory nor interrupts may be touched now
 * @raised: messages by vector
 * @uuid: of the device
 * @config: configuration space, for streams only
 * @irq: IRQ record, for streams only
 */
struct mdevsim_device {
	u8 *memory;
	u64 next_page;
	bool dma;
	unsigned int dma_off_at;
	bool msix;
	bool intx;
	bool silent;
	unsigned int raised[MDEVSIM_MAX_VECTORS];
	u8 uuid[16];
	struct mdevsim_pci_config config;
	u8 irq[2048] __aligned(8);
};

/**
 * struct host_queue - the driver's side of a submission queue and of a completion queue
 * @sq: guest address
 * @cq: guest address
 * @entries: of each
 * @tail: next to submit
 * @head: next to consume
 * @phase: of the next completion
 */
struct host_queue {
	u64 sq;
	u64 cq;
	u16 entries;
	u16 tail;
	u16 head;
	bool phase;
};

/**
 * struct host - the driver
 * @device: carrier
 * @fn: controller
 * @queue: queues by identifier
 * @next_cid: command identifier of the next command
 */
struct host {
	struct mdevsim_device device;
	struct mdevsim_function *fn;
	struct host_queue queue[HOST_QUEUES];
	u16 next_cid;
};

/** host_create, host_destroy - a controller after reset, running, bus mastering and MSI-X on */
struct host *host_create(void);
void host_destroy(struct host *host);

/** host_run - do all work there is to do */
void host_run(void);

/** host_pages - guest address of @count contiguous pages, zeroed */
u64 host_pages(struct host *host, unsigned int count);
void *host_at(struct host *host, u64 iova);

u32 host_read(struct host *host, u32 offset);
void host_write(struct host *host, u32 offset, u32 value);

/** host_enable - admin queues of @entries, CC.EN, and wait for CSTS.RDY */
void host_enable(struct host *host, u16 entries);
void host_disable(struct host *host);

/** host_push - put a command into a queue, without ringing; its identifier */
u16 host_push(struct host *host, u16 qid, struct nvme_command cmd);
void host_ring(struct host *host, u16 qid);

/** host_peek - the next completion is there */
bool host_peek(struct host *host, u16 qid);

/** host_pop - take the next completion, and ring if @ring */
struct nvme_completion host_pop(struct host *host, u16 qid, bool ring);

/** host_pop_result - completion DW0 of the next admin completion */
u32 host_pop_result(struct host *host);

/** host_do - submit, run, and take the completion, which must be that of the command */
struct nvme_completion host_do(struct host *host, u16 qid, struct nvme_command cmd);

/** host_status - status code and type of host_do(), without More and Do Not Retry */
u16 host_status(struct host *host, u16 qid, struct nvme_command cmd);

/** host_result - completion DW0 of host_do() */
u32 host_result(struct host *host, u16 qid, struct nvme_command cmd);

#define EXPECT_OK(host, qid, cmd)	EXPECT_EQ(host_status(host, qid, cmd), NVME_SC_SUCCESS)

/** host_create_queue - create a completion queue, vector as its number, and a submission queue */
void host_create_queue(struct host *host, u16 qid, u16 entries);

/* Commands */
struct nvme_command host_identify(u8 cns, u32 nsid, u64 prp1);
struct nvme_command host_create_cq(u16 qid, u16 entries, u64 base, u16 vector);
struct nvme_command host_create_sq(u16 qid, u16 entries, u64 base, u16 cqid);
struct nvme_command host_delete(u8 opcode, u16 qid);
struct nvme_command host_rw(u8 opcode, u64 slba, u32 blocks, u64 prp1, u64 prp2);
struct nvme_command host_set_feature(u32 dword10, u32 dword11);
struct nvme_command host_get_feature(u32 dword10, u32 dword11);
struct nvme_command host_log(u8 lid, u32 length, u64 offset, u64 prp1);
struct nvme_command host_simple(u8 opcode);

#endif /* SELFTESTS_UNIT_NVME_HOST_H */
