// SPDX-License-Identifier: GPL-2.0
/*
 * I/O commands: the NVM command set.
 */
#include <linux/array_size.h>
#include <linux/nospec.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "nvme.h"

#define BLOCK_SHIFT	MDEVSIM_LBA_SHIFT

/* What blocks read as that were never written */
static const u8 zeroes[PAGE_SIZE];

static u16 check_nsid(struct nvme_request *req)
{
	if (le32_to_cpu(req->cmd->common.nsid) == NVME_NSID)
		return NVME_SC_SUCCESS;
	req->location = offsetof(struct nvme_common_command, nsid);
	return NVME_SC_INVALID_NS;
}

static u16 check_range(struct nvme_request *req, u64 slba, u32 blocks)
{
	u64 end;

	req->lba = slba;
	if (!check_add_overflow(slba, (u64)blocks, &end) &&
	    end <= READ_ONCE(req->sq->ctrl->ns->size) >> BLOCK_SHIFT)
		return NVME_SC_SUCCESS;
	req->location = offsetof(struct nvme_rw_command, slba);
	return NVME_SC_LBA_RANGE;
}

static u32 rw_blocks(const struct nvme_rw_command *rw)
{
	return le16_to_cpu(rw->length) + 1;
}

/* What Read, Write, Compare, Write Zeroes and Verify have in common */
static u16 check_rw(struct nvme_request *req)
{
	u16 status = check_nsid(req);

	if (status)
		return status;
	return check_range(req, le64_to_cpu(req->cmd->rw.slba), rw_blocks(&req->cmd->rw));
}

/* Likewise of Read, Write and Compare, which transfer data */
static u16 check_transfer(struct nvme_request *req)
{
	u32 length = rw_blocks(&req->cmd->rw) << BLOCK_SHIFT;
	u16 status;

	if (length > NVME_MAX_TRANSFER)
		return nvme_bad_field(req, offsetof(struct nvme_rw_command, length));
	status = check_rw(req);
	if (status)
		return status;
	return nvme_prp_map(req, length);
}

/* The namespace can have been made smaller, or memory can have run out. */
static u16 namespace_status(int err)
{
	switch (err) {
	case 0:
		return NVME_SC_SUCCESS;
	case -ERANGE:
		return NVME_SC_LBA_RANGE;
	case -ENOMEM:
		return NVME_SC_CAP_EXCEEDED;
	}
	return NVME_SC_INTERNAL;
}

/*
 * Part of a page of the namespace at @offset, @length bytes, and the part of the
 * command's data that belongs to it, at @position.
 */
typedef u16 (*page_fn)(struct nvme_sq *sq, u64 offset, u32 position, u32 length);

static u16 read_page(struct nvme_sq *sq, u64 offset, u32 position, u32 length)
{
	struct nvme_namespace *ns = sq->ctrl->ns;
	void *page = nvme_namespace_access(ns, offset, false);
	const void *from;
	int err;

	if (IS_ERR(page))
		return namespace_status(PTR_ERR(page));
	from = page ? page + offset % PAGE_SIZE : zeroes;
	err = nvme_prp_write(sq, position, from, length);
	nvme_namespace_release(ns, offset);
	return err ? NVME_SC_DATA_XFER_ERROR : NVME_SC_SUCCESS;
}

static u16 write_page(struct nvme_sq *sq, u64 offset, u32 position, u32 length)
{
	struct nvme_namespace *ns = sq->ctrl->ns;
	void *page = nvme_namespace_access(ns, offset, true);
	int err;

	if (IS_ERR(page))
		return namespace_status(PTR_ERR(page));
	err = nvme_prp_read(sq, position, page + offset % PAGE_SIZE, length);
	nvme_namespace_seal(page);
	nvme_namespace_release(ns, offset);
	return err ? NVME_SC_DATA_XFER_ERROR : NVME_SC_SUCCESS;
}

static u16 compare_page(struct nvme_sq *sq, u64 offset, u32 position, u32 length)
{
	void *data __free(kfree) = kmalloc(length, GFP_KERNEL);
	struct nvme_namespace *ns = sq->ctrl->ns;
	const void *page;
	int difference;

	if (!data)
		return NVME_SC_INTERNAL;
	if (nvme_prp_read(sq, position, data, length))
		return NVME_SC_DATA_XFER_ERROR;
	page = nvme_namespace_access(ns, offset, false);
	if (IS_ERR(page))
		return namespace_status(PTR_ERR(page));
	difference = memcmp(data, page ? page + offset % PAGE_SIZE : zeroes, length);
	nvme_namespace_release(ns, offset);
	return difference ? NVME_SC_COMPARE_FAILED : NVME_SC_SUCCESS;
}

static u16 transfer(struct nvme_request *req, page_fn fn)
{
	u32 length = rw_blocks(&req->cmd->rw) << BLOCK_SHIFT;
	u64 offset = le64_to_cpu(req->cmd->rw.slba) << BLOCK_SHIFT;
	u32 position, chunk;
	u16 status;

	for (position = 0; position < length; position += chunk) {
		chunk = min_t(u32, length - position, PAGE_SIZE - (offset + position) % PAGE_SIZE);
		status = fn(req->sq, offset + position, position, chunk);
		if (status)
			return status;
	}
	req->sq->moved += length;
	return NVME_SC_SUCCESS;
}

static u16 io_read(struct nvme_request *req)
{
	u16 status = check_transfer(req);

	if (!status)
		status = transfer(req, read_page);
	if (status)
		return status;
	req->sq->counters.reads++;
	req->sq->counters.blocks_read += rw_blocks(&req->cmd->rw);
	return NVME_SC_SUCCESS;
}

static u16 io_write(struct nvme_request *req)
{
	u16 status = check_transfer(req);

	if (!status)
		status = transfer(req, write_page);
	if (status)
		return status;
	req->sq->counters.writes++;
	req->sq->counters.blocks_written += rw_blocks(&req->cmd->rw);
	return NVME_SC_SUCCESS;
}

static u16 io_compare(struct nvme_request *req)
{
	u16 status = check_transfer(req);

	if (!status)
		status = transfer(req, compare_page);
	if (status && status != NVME_SC_COMPARE_FAILED)
		return status;
	req->sq->counters.reads++;
	req->sq->counters.blocks_read += rw_blocks(&req->cmd->rw);
	return status;
}

static u16 zero(struct nvme_request *req, u64 slba, u64 blocks)
{
	return namespace_status(nvme_namespace_zero(req->sq->ctrl->ns, slba << BLOCK_SHIFT,
						    blocks << BLOCK_SHIFT));
}

static u16 io_write_zeroes(struct nvme_request *req)
{
	u16 status = check_rw(req);

	if (status)
		return status;
	return zero(req, le64_to_cpu(req->cmd->rw.slba), rw_blocks(&req->cmd->rw));
}

/* RAM does not decay: blocks that exist can be read. */
static u16 io_verify(struct nvme_request *req)
{
	return check_rw(req);
}

/* Written data is as durable as it will ever be. */
static u16 io_flush(struct nvme_request *req)
{
	if (le32_to_cpu(req->cmd->common.nsid) == NVME_NSID_ALL)
		return NVME_SC_SUCCESS;
	return check_nsid(req);
}

static u16 deallocate(struct nvme_request *req, const struct nvme_dsm_range *range, u32 count)
{
	u16 status = NVME_SC_SUCCESS;
	u32 i;

	for (i = 0; i < count && !status; i++)
		status = check_range(req, le64_to_cpu(range[i].slba), le32_to_cpu(range[i].nlb));
	for (i = 0; i < count && !status; i++)
		if (range[i].nlb)
			status = zero(req, le64_to_cpu(range[i].slba), le32_to_cpu(range[i].nlb));
	return status;
}

static u16 io_dsm(struct nvme_request *req)
{
	struct nvme_dsm_range *range __free(kfree) = NULL;
	u32 count = (le32_to_cpu(req->cmd->dsm.nr) & 0xff) + 1;
	u16 status = check_nsid(req);

	if (status)
		return status;
	range = kcalloc(count, sizeof(*range), GFP_KERNEL);
	if (!range)
		return NVME_SC_INTERNAL;
	status = nvme_prp_from_host(req, range, count * sizeof(*range));
	if (status || !(le32_to_cpu(req->cmd->dsm.attributes) & NVME_DSMGMT_AD))
		return status;
	return deallocate(req, range, count);
}

#define SUPPORTED	NVME_CMD_EFFECTS_CSUPP
#define CHANGES_DATA	(NVME_CMD_EFFECTS_CSUPP | NVME_CMD_EFFECTS_LBCC)

static const struct nvme_operation operations[] = {
	[nvme_cmd_flush]	= { io_flush, SUPPORTED },
	[nvme_cmd_write]	= { io_write, CHANGES_DATA },
	[nvme_cmd_read]		= { io_read, SUPPORTED },
	[nvme_cmd_compare]	= { io_compare, SUPPORTED },
	[nvme_cmd_write_zeroes]	= { io_write_zeroes, CHANGES_DATA },
	[nvme_cmd_dsm]		= { io_dsm, CHANGES_DATA },
	[nvme_cmd_verify]	= { io_verify, SUPPORTED },
};

const struct nvme_operation *nvme_io_operation(u8 opcode)
{
	const struct nvme_operation *operation;

	if (opcode >= ARRAY_SIZE(operations))
		return NULL;
	operation = &operations[array_index_nospec(opcode, ARRAY_SIZE(operations))];
	return operation->execute ? operation : NULL;
}
