// SPDX-License-Identifier: GPL-2.0
/*
 * DMA logging as VFIO asks for it. The core checks alignment and overlap of
 * ranges only against a sound page size, and not at all that they are not
 * empty; the rest is checked here.
 */
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "log_ops.h"
#include "mdevsim.h"

static int ranges_copy(struct mdevsim_dirty_range *to, struct rb_root_cached *ranges, u32 nnodes)
{
	struct interval_tree_node *node;
	u32 i = 0;

	for (node = interval_tree_iter_first(ranges, 0, ULONG_MAX); node;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		if (node->last < node->start || i >= nnodes)
			return -EINVAL;
		/* An empty range at address 0 arrives as all of memory. */
		if (!node->start && node->last == ULONG_MAX)
			return -EINVAL;
		/* A bit stands for a whole page, whatever page size the user has in mind. */
		if (!IS_ALIGNED(node->start | (node->last + 1), BIT(MDEVSIM_DIRTY_SHIFT)))
			return -EINVAL;
		to[i++] = (struct mdevsim_dirty_range){ node->start, node->last };
	}
	return i == nnodes ? 0 : -EINVAL;
}

static int log_start(struct vfio_device *vdev, struct rb_root_cached *ranges, u32 nnodes,
		     u64 *page_size)
{
	struct mdevsim_dirty_range *copy __free(kfree) = NULL;
	int ret;

	if (!is_power_of_2(*page_size))
		return -EINVAL;
	copy = kcalloc(nnodes, sizeof(*copy), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return -ENOMEM;
	ret = ranges_copy(copy, ranges, nnodes);
	if (ret)
		return ret;
	ret = mdevsim_dirty_log_start(&vdev_to_mdevsim(vdev)->dirty_log, &copy, nnodes);
	if (ret)
		return ret;
	*page_size = BIT(MDEVSIM_DIRTY_SHIFT);
	return 0;
}

static int log_stop(struct vfio_device *vdev)
{
	return mdevsim_dirty_log_stop(&vdev_to_mdevsim(vdev)->dirty_log);
}

static void set_dirty(void *context, u64 iova, u64 length)
{
	iova_bitmap_set(context, iova, length);
}

static int log_read_and_clear(struct vfio_device *vdev, unsigned long iova, unsigned long length,
			      struct iova_bitmap *dirty)
{
	return mdevsim_dirty_log_report(&vdev_to_mdevsim(vdev)->dirty_log, iova, length,
					set_dirty, dirty);
}

const struct vfio_log_ops mdevsim_log_ops = {
	.log_start		= log_start,
	.log_stop		= log_stop,
	.log_read_and_clear	= log_read_and_clear,
};

MDEVSIM_IMPORT_IOMMUFD;
