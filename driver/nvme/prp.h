/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Physical Region Pages: the memory that a command transfers.
 */
#ifndef MDEVSIM_NVME_PRP_H
#define MDEVSIM_NVME_PRP_H

#include <linux/types.h>

struct nvme_request;
struct nvme_sq;

/** define NVME_PAGE_SIZE - memory page size of the controller (CC.MPS), the only one there is */
#define NVME_PAGE_SIZE		4096
/** define NVME_MDTS - log2 of the pages that one command can transfer */
#define NVME_MDTS		7
/** define NVME_MAX_TRANSFER - bytes that one command can transfer */
#define NVME_MAX_TRANSFER	(NVME_PAGE_SIZE << NVME_MDTS)
/** define NVME_MAX_PAGES - pages that such a transfer can touch */
#define NVME_MAX_PAGES		((1 << NVME_MDTS) + 1)

/**
 * nvme_prp_map - find the pages that a command transfers
 * @req: command
 * @length: bytes, at least one, at most %NVME_MAX_TRANSFER
 *
 * Return: a status. On success they are in @req->sq until the next command.
 */
u16 nvme_prp_map(struct nvme_request *req, u32 length);

/** nvme_prp_read - from the mapped pages, @position bytes on, to @data; 0 or -EFAULT */
int nvme_prp_read(struct nvme_sq *sq, u32 position, void *data, u32 length);

/** nvme_prp_write - from @data to the mapped pages, @position bytes on; 0 or -EFAULT */
int nvme_prp_write(struct nvme_sq *sq, u32 position, const void *data, u32 length);

/** nvme_prp_to_host - map, and transfer @data to the host: a status */
u16 nvme_prp_to_host(struct nvme_request *req, const void *data, u32 length);

/** nvme_prp_from_host - map, and transfer from the host: a status */
u16 nvme_prp_from_host(struct nvme_request *req, void *data, u32 length);

#endif /* MDEVSIM_NVME_PRP_H */
