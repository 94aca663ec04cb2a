// SPDX-License-Identifier: GPL-2.0
/*
 * Physical Region Pages: from the data pointer of a command to guest
 * addresses. The whole list is looked through before any data moves.
 */
#include <linux/align.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include "nvme.h"

#define PAGE_OFFSET_MASK	(NVME_PAGE_SIZE - 1)
#define PRP1			offsetof(struct nvme_common_command, dptr.prp1)
#define PRP2			offsetof(struct nvme_common_command, dptr.prp2)

static u16 bad_offset(struct nvme_request *req, size_t location)
{
	req->location = location;
	return NVME_SC_PRP_INVALID_OFFSET;
}

/* Take @count list entries at @list: whole pages. */
static u16 list_take(struct nvme_request *req, u64 list, unsigned int count)
{
	struct nvme_sq *sq = req->sq;
	unsigned int i;

	if (mdevsim_dma_read(&sq->ctrl->fn, list, sq->list, count * sizeof(*sq->list)))
		return NVME_SC_DATA_XFER_ERROR;
	for (i = 0; i < count; i++) {
		sq->pages[sq->nr_pages] = le64_to_cpu(sq->list[i]);
		if (sq->pages[sq->nr_pages++] & PAGE_OFFSET_MASK)
			return bad_offset(req, PRP2);
	}
	return NVME_SC_SUCCESS;
}

/* The pointer in the last entry of a list page leads to the next one, at its start. */
static u16 list_follow(struct nvme_request *req, u64 *list)
{
	__le64 next;

	if (mdevsim_dma_read(&req->sq->ctrl->fn, *list, &next, sizeof(next)))
		return NVME_SC_DATA_XFER_ERROR;
	*list = le64_to_cpu(next);
	return *list & PAGE_OFFSET_MASK ? bad_offset(req, PRP2) : NVME_SC_SUCCESS;
}

/*
 * Each turn but the first starts with a whole list page, so a guest cannot make
 * this go on for longer than it takes to collect the pages.
 */
static u16 map_list(struct nvme_request *req, u64 list, unsigned int left)
{
	unsigned int in_page, count;
	u16 status;

	if (list % sizeof(__le64))
		return bad_offset(req, PRP2);
	for (;;) {
		in_page = (NVME_PAGE_SIZE - (list & PAGE_OFFSET_MASK)) / sizeof(__le64);
		count = left > in_page ? in_page - 1 : left;
		if (count)
			status = list_take(req, list, count);
		else
			status = NVME_SC_SUCCESS;
		left -= count;
		if (status || !left)
			return status;
		list += count * sizeof(__le64);
		status = list_follow(req, &list);
		if (status)
			return status;
	}
}

u16 nvme_prp_map(struct nvme_request *req, u32 length)
{
	u64 prp1 = le64_to_cpu(req->cmd->common.dptr.prp1);
	u64 prp2 = le64_to_cpu(req->cmd->common.dptr.prp2);
	struct nvme_sq *sq = req->sq;
	u32 first = NVME_PAGE_SIZE - (prp1 & PAGE_OFFSET_MASK);

	if (prp1 % sizeof(__le32))
		return bad_offset(req, PRP1);
	sq->pages[0] = prp1;
	sq->nr_pages = 1;
	if (length <= first)
		return NVME_SC_SUCCESS;
	length -= first;
	if (length > NVME_PAGE_SIZE)
		return map_list(req, prp2, DIV_ROUND_UP(length, NVME_PAGE_SIZE));
	if (prp2 & PAGE_OFFSET_MASK)
		return bad_offset(req, PRP2);
	sq->pages[sq->nr_pages++] = prp2;
	return NVME_SC_SUCCESS;
}

/* The run of guest memory at @position of the mapped pages: its address, and at most @length. */
static u32 run_at(const struct nvme_sq *sq, u32 position, u32 length, u64 *iova)
{
	u32 offset = (sq->pages[0] & PAGE_OFFSET_MASK) + position;
	unsigned int i = offset / NVME_PAGE_SIZE;
	u64 page = ALIGN_DOWN(sq->pages[i], NVME_PAGE_SIZE);
	u32 run;

	offset &= PAGE_OFFSET_MASK;
	*iova = page + offset;
	for (run = NVME_PAGE_SIZE - offset; run < length; run += NVME_PAGE_SIZE) {
		page += NVME_PAGE_SIZE;
		if (++i == sq->nr_pages || sq->pages[i] != page)
			break;
	}
	return min(run, length);
}

int nvme_prp_read(struct nvme_sq *sq, u32 position, void *data, u32 length)
{
	u64 iova;
	u32 run;

	for (; length; length -= run, position += run, data += run) {
		run = run_at(sq, position, length, &iova);
		if (mdevsim_dma_read(&sq->ctrl->fn, iova, data, run))
			return -EFAULT;
	}
	return 0;
}

int nvme_prp_write(struct nvme_sq *sq, u32 position, const void *data, u32 length)
{
	u64 iova;
	u32 run;

	for (; length; length -= run, position += run, data += run) {
		run = run_at(sq, position, length, &iova);
		if (mdevsim_dma_write(&sq->ctrl->fn, iova, data, run))
			return -EFAULT;
	}
	return 0;
}

u16 nvme_prp_to_host(struct nvme_request *req, const void *data, u32 length)
{
	u16 status = nvme_prp_map(req, length);

	if (status)
		return status;
	return nvme_prp_write(req->sq, 0, data, length) ? NVME_SC_DATA_XFER_ERROR : 0;
}

u16 nvme_prp_from_host(struct nvme_request *req, void *data, u32 length)
{
	u16 status = nvme_prp_map(req, length);

	if (status)
		return status;
	return nvme_prp_read(req->sq, 0, data, length) ? NVME_SC_DATA_XFER_ERROR : 0;
}
