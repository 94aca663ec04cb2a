// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory. The only file that calls vfio_dma_rw().
 *
 * Pages of the guest are copied, never pinned: type1 then knows exactly which
 * pages were written (those pinned count as dirty at every query), and an unmap
 * needs nothing of us.
 */
#include <linux/memcontrol.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include "mdevsim.h"
#include "trace.h"

static void count(struct mdevsim_device *device, u64 first, u64 last, bool write)
{
	if (!write) {
		mdevsim_count(device, dma_read, last - first + 1);
		return;
	}
	mdevsim_count(device, dma_written, last - first + 1);
	mdevsim_count(device, pages_dirtied,
		      (last >> MDEVSIM_DIRTY_SHIFT) - (first >> MDEVSIM_DIRTY_SHIFT) + 1);
}

static int dma_rw(struct mdevsim_function *fn, u64 iova, void *data, size_t length, bool write)
{
	struct mdevsim_device *device = fn->device;
	u64 last;
	int ret;

	if (!length)
		return 0;
	if (check_add_overflow(iova, (u64)length - 1, &last))
		return -EFAULT;
	if (!mdevsim_dma_enabled(fn))
		return -EFAULT;
	ret = vfio_dma_rw(&device->vdev, iova, data, length, write);
	if (!ret)
		count(device, iova, last, write);
	trace_mdevsim_dma(mdevsim_function_name(fn), iova, length, write, ret);
	return ret ? -EFAULT : 0;
}

int mdevsim_dma_read(struct mdevsim_function *fn, u64 iova, void *data, size_t length)
{
	return dma_rw(fn, iova, data, length, false);
}

/*
 * The page is logged after it was written, and even when that failed part of
 * the way: logged before, a report could take the mark away before the data is
 * there. type1 keeps its own log inside vfio_dma_rw(); iommufd keeps none.
 */
int mdevsim_dma_write(struct mdevsim_function *fn, u64 iova, const void *data, size_t length)
{
	int ret = dma_rw(fn, iova, (void *)data, length, true);
	void *before = mdevsim_charge_begin(fn);

	mdevsim_dirty_log_mark(&fn->device->dirty_log, iova, length);
	mdevsim_charge_end(before);
	return ret;
}

bool mdevsim_dma_enabled(struct mdevsim_function *fn)
{
	return mdevsim_pci_config_dma(&fn->device->config);
}

/* At the user's limit an allocation fails; without this it would have the user killed. */
#define GFP_PAGE	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)

/* Without an opener, which is when nothing runs, the current task pays. */
void *mdevsim_charge_begin(struct mdevsim_function *fn)
{
	return set_active_memcg(READ_ONCE(fn->device->memcg));
}

void mdevsim_charge_end(void *before)
{
	set_active_memcg(before);
}

void *mdevsim_page_alloc(struct mdevsim_function *fn)
{
	return (void *)get_zeroed_page(GFP_PAGE);
}

void mdevsim_page_free(void *page)
{
	*mdevsim_page_tag(page) = 0;
	free_page((unsigned long)page);
}

unsigned long *mdevsim_page_tag(void *page)
{
	return &virt_to_page(page)->private;
}
