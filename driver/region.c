// SPDX-License-Identifier: GPL-2.0
/*
 * From an offset in the device fd to a register: which region, the one bounds
 * check, natural widths, dispatch.
 */
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>
#include "mdevsim.h"
#include "trace.h"

/**
 * struct region - one region of the device
 * @size: bytes
 * @widest: widest access it takes, in bytes
 * @read: read @width bytes, naturally aligned, inside @size
 * @write: write likewise
 */
struct region {
	u32 size;
	unsigned int widest;
	u64 (*read)(struct mdevsim_device *device, u32 offset, unsigned int width);
	void (*write)(struct mdevsim_device *device, u32 offset, unsigned int width, u64 value);
};

static u64 bar0_read(struct mdevsim_device *device, u32 offset, unsigned int width)
{
	const struct mdevsim_function_ops *ops = device->fn->ops;

	if (offset < ops->bar_size)
		return ops->bar_read(device->fn, offset, width);
	return mdevsim_irq_table_read(&device->irq, offset, width);
}

/*
 * Holding the gate while the function changes is what makes STOP exact: once
 * the arc that freezes the device has returned, no write is still under way.
 */
static void bar0_write(struct mdevsim_device *device, u32 offset, unsigned int width, u64 value)
{
	const struct mdevsim_function_ops *ops = device->fn->ops;

	if (offset >= ops->bar_size) {
		mdevsim_irq_table_write(&device->irq, offset, width, value);
		return;
	}
	guard(rwsem_read)(&device->gate);
	if (!device->frozen)
		ops->bar_write(device->fn, offset, width, value);
}

static u64 config_read(struct mdevsim_device *device, u32 offset, unsigned int width)
{
	guard(mutex)(&device->config_lock);
	mdevsim_pci_config_intx_status(&device->config, READ_ONCE(device->irq.intx_level));
	return mdevsim_pci_config_read(&device->config, offset, width);
}

static unsigned int config_change(struct mdevsim_device *device, u32 offset, unsigned int width,
				  u32 value)
{
	guard(mutex)(&device->config_lock);
	return mdevsim_pci_config_write(&device->config, offset, width, value);
}

/* Configuration space can be written in every state, as the uAPI demands. */
static void config_write(struct mdevsim_device *device, u32 offset, unsigned int width, u64 value)
{
	unsigned int events = config_change(device, offset, width, value);

	if (events & MDEVSIM_CONFIG_RESET)
		mdevsim_device_function_reset(device);
	if (events & MDEVSIM_CONFIG_DMA)
		device->fn->ops->config_changed(device->fn);
	if (events & MDEVSIM_CONFIG_INTX)
		mdevsim_irq_evaluate(&device->irq);
}

static const struct region regions[VFIO_PCI_NUM_REGIONS] = {
	[VFIO_PCI_BAR0_REGION_INDEX] = {
		.size	= MDEVSIM_BAR0_SIZE,
		.widest	= 8,
		.read	= bar0_read,
		.write	= bar0_write,
	},
	[VFIO_PCI_CONFIG_REGION_INDEX] = {
		.size	= MDEVSIM_CONFIG_SIZE,
		.widest	= 4,
		.read	= config_read,
		.write	= config_write,
	},
};

static const struct region *outside(struct mdevsim_device *device, loff_t pos, size_t count)
{
	dev_dbg_ratelimited(device->vdev.dev, "%zu bytes at %#llx are not inside one region\n",
			    count, pos);
	return NULL;
}

/* The region that holds all of [pos, pos + count), or NULL */
static const struct region *region_find(struct mdevsim_device *device, loff_t pos, size_t count,
					u32 *offset)
{
	u64 index = VFIO_PCI_OFFSET_TO_INDEX((u64)pos);
	u64 start = (u64)pos & VFIO_PCI_OFFSET_MASK;
	const struct region *region;

	if (pos < 0 || index >= ARRAY_SIZE(regions))
		return outside(device, pos, count);
	region = &regions[array_index_nospec(index, ARRAY_SIZE(regions))];
	if (start >= region->size || count > region->size - start)
		return outside(device, pos, count);
	*offset = start;
	return region;
}

static bool is_migration(loff_t pos)
{
	return pos >= 0 &&
	       VFIO_PCI_OFFSET_TO_INDEX((u64)pos) == MDEVSIM_MIGRATION_REGION_INDEX;
}

/* The widest naturally aligned access at @offset within @count bytes */
static unsigned int access_width(const struct region *region, u32 offset, size_t count)
{
	unsigned int width = region->widest;

	while (width > count || offset % width)
		width /= 2;
	return width;
}

/**
 * struct access - a read(2) or write(2) of the device fd
 * @device: device
 * @region: the region that holds all of it
 * @offset: in @region
 * @buf: user's; only read from when @write
 * @count: bytes
 * @write: it is a write
 */
struct access {
	struct mdevsim_device *device;
	const struct region *region;
	u32 offset;
	char __user *buf;
	size_t count;
	bool write;
};

static void access_trace(const struct access *access, u32 offset, unsigned int width, u64 value)
{
	trace_mdevsim_region(dev_name(access->device->vdev.dev), access->region - regions, offset,
			     width, value, access->write);
}

static int read_one(const struct access *access, size_t at, unsigned int width)
{
	u64 value = access->region->read(access->device, access->offset + at, width);
	__le64 bytes = cpu_to_le64(value);

	mdevsim_count(access->device, mmio_reads, 1);
	access_trace(access, access->offset + at, width, value);
	return copy_to_user(access->buf + at, &bytes, width) ? -EFAULT : 0;
}

static int write_one(const struct access *access, size_t at, unsigned int width)
{
	__le64 bytes = 0;

	if (copy_from_user(&bytes, access->buf + at, width))
		return -EFAULT;
	mdevsim_count(access->device, mmio_writes, 1);
	access_trace(access, access->offset + at, width, le64_to_cpu(bytes));
	access->region->write(access->device, access->offset + at, width, le64_to_cpu(bytes));
	return 0;
}

/* Register by register, each as wide as it can be. Returns the bytes done, or -EFAULT. */
static ssize_t access_registers(const struct access *access)
{
	unsigned int width;
	size_t done;
	int ret;

	for (done = 0; done < access->count; done += width) {
		width = access_width(access->region, access->offset + done, access->count - done);
		ret = access->write ? write_one(access, done, width) :
				      read_one(access, done, width);
		if (ret)
			return done ? done : ret;
	}
	return done;
}

static ssize_t access_region(struct access *access, loff_t *ppos)
{
	ssize_t done;

	access->region = region_find(access->device, *ppos, access->count, &access->offset);
	if (!access->region)
		return -EINVAL;
	done = access_registers(access);
	if (done > 0)
		*ppos += done;
	return done;
}

ssize_t mdevsim_region_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	struct access access = {
		.device	= vdev_to_mdevsim(vdev),
		.buf	= buf,
		.count	= count,
	};

	if (is_migration(*ppos))
		return mdevsim_migration_region_read(access.device, buf, count,
						     *ppos & VFIO_PCI_OFFSET_MASK);
	return access_region(&access, ppos);
}

ssize_t mdevsim_region_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			     loff_t *ppos)
{
	struct access access = {
		.device	= vdev_to_mdevsim(vdev),
		.buf	= (char __user *)buf,
		.count	= count,
		.write	= true,
	};

	if (is_migration(*ppos))
		return mdevsim_migration_region_write(access.device, buf, count,
						      *ppos & VFIO_PCI_OFFSET_MASK);
	return access_region(&access, ppos);
}

int mdevsim_region_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	u64 pos = (u64)vma->vm_pgoff << PAGE_SHIFT;

	if (!is_migration(pos))
		return -EINVAL;
	return mdevsim_migration_region_mmap(vdev_to_mdevsim(vdev), vma,
					     pos & VFIO_PCI_OFFSET_MASK);
}

int mdevsim_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			struct vfio_info_cap *caps)
{
	if (info->index == MDEVSIM_MIGRATION_REGION_INDEX)
		return mdevsim_migration_region_info(info, caps);
	if (info->index >= ARRAY_SIZE(regions))
		return -EINVAL;
	info->offset = VFIO_PCI_INDEX_TO_OFFSET(info->index);
	info->size = regions[info->index].size;
	info->flags = info->size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	return 0;
}
