// SPDX-License-Identifier: GPL-2.0
/*
 * The migration region, as QEMU up to 7.2 drives it: a second front end on the
 * states of migration.c. Registers stand at the beginning, behind them a data
 * section through which the bytes of a data fd pass in pieces.
 *
 * Each state of the region is one of the states proper:
 *
 *   0 STOP, 1 RUNNING, 2 STOP_COPY, 3 PRE_COPY, 4 RESUMING, 6 ERROR
 *
 * Saving, a user reads pending_bytes, data_offset, data_size and the data,
 * and says that he is done with them by reading pending_bytes again. Loading, he
 * reads data_offset, puts data there and writes how much it was to data_size.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>
#include <linux/vmalloc.h>
#include "mdevsim.h"
#include "migration_region.h"
#include "session.h"
#include "trace.h"

#define REGION_SIZE	(MDEVSIM_MIGRATION_REGION_DATA + MDEVSIM_MIGRATION_REGION_ROOM)
#define REGISTER(name)	offsetof(struct vfio_device_migration_info, name)
#define V1_MASK		VFIO_DEVICE_STATE_MASK

static const u8 v1_states[] = {
	[VFIO_DEVICE_STATE_ERROR]		= VFIO_DEVICE_STATE_V1_SAVING |
						  VFIO_DEVICE_STATE_V1_RESUMING,
	[VFIO_DEVICE_STATE_STOP]		= VFIO_DEVICE_STATE_V1_STOP,
	[VFIO_DEVICE_STATE_RUNNING]		= VFIO_DEVICE_STATE_V1_RUNNING,
	[VFIO_DEVICE_STATE_STOP_COPY]		= VFIO_DEVICE_STATE_V1_SAVING,
	[VFIO_DEVICE_STATE_RESUMING]		= VFIO_DEVICE_STATE_V1_RESUMING,
	[VFIO_DEVICE_STATE_RUNNING_P2P]		= VFIO_DEVICE_STATE_V1_RUNNING,
	[VFIO_DEVICE_STATE_PRE_COPY]		= VFIO_DEVICE_STATE_V1_RUNNING |
						  VFIO_DEVICE_STATE_V1_SAVING,
	[VFIO_DEVICE_STATE_PRE_COPY_P2P]	= VFIO_DEVICE_STATE_V1_RUNNING |
						  VFIO_DEVICE_STATE_V1_SAVING,
};

/* By the bits of device_state; ERROR is nothing that can be asked for. */
static const u8 v2_states[] = {
	[VFIO_DEVICE_STATE_V1_STOP]		= VFIO_DEVICE_STATE_STOP,
	[VFIO_DEVICE_STATE_V1_RUNNING]		= VFIO_DEVICE_STATE_RUNNING,
	[VFIO_DEVICE_STATE_V1_SAVING]		= VFIO_DEVICE_STATE_STOP_COPY,
	[VFIO_DEVICE_STATE_V1_RUNNING |
	 VFIO_DEVICE_STATE_V1_SAVING]		= VFIO_DEVICE_STATE_PRE_COPY,
	[VFIO_DEVICE_STATE_V1_RESUMING]		= VFIO_DEVICE_STATE_RESUMING,
};

static struct mdevsim_migration_region *region_of(struct mdevsim_device *device)
{
	lockdep_assert_held(&device->lifecycle);
	return &device->migration_region;
}

/*
 * The data section, made when it is first needed; or NULL. Takes no lock: mmap() comes with
 * that of the address space held, which a work takes to reach guest memory, and lifecycle
 * is held by who waits for the work.
 */
static void *data_get(struct mdevsim_device *device)
{
	void **data = &device->migration_region.data;
	void *made, *there = READ_ONCE(*data);

	if (there)
		return there;
	made = __vmalloc(MDEVSIM_MIGRATION_REGION_ROOM, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!made)
		return NULL;
	there = cmpxchg(data, NULL, made);
	if (!there)
		return made;
	vfree(made);
	return there;
}

static bool is_saving(struct mdevsim_device *device)
{
	struct mdevsim_migration_region *region = region_of(device);

	return region->file && region->file->f_mode & FMODE_READ;
}

/* ---- Registers --------------------------------------------------------- */

static int state_read(struct mdevsim_device *device, u64 *value)
{
	*value = v1_states[device->migration.state];
	return 0;
}

/*
 * Writing the state that there is changes nothing, as QEMU expects; RUNNING_P2P only looks
 * like RUNNING here, and is left. A piece in the data section stays while its session does:
 * QEMU may stop the guest, in another thread, between reading data_offset and the data.
 */
static int state_write(struct mdevsim_device *device, u64 value)
{
	struct mdevsim_migration_region *region = region_of(device);
	struct file *file;

	if (value >= ARRAY_SIZE(v2_states))
		return -EINVAL;
	if (value == v1_states[device->migration.state] &&
	    device->migration.state != VFIO_DEVICE_STATE_RUNNING_P2P)
		return 0;
	if (!data_get(device))
		return -ENOMEM;
	file = mdevsim_migration_set_state(device, v2_states[value], MDEVSIM_FRONT_END_REGION);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (file)
		region->file = file;
	return 0;
}

static int pending_read(struct mdevsim_device *device, u64 *value)
{
	struct mdevsim_migration_region *region = region_of(device);

	region->filled = 0;
	*value = is_saving(device) ? mdevsim_session_pending(device->migration.session) : 0;
	return 0;
}

static int offset_read(struct mdevsim_device *device, u64 *value)
{
	*value = MDEVSIM_MIGRATION_REGION_DATA;
	return 0;
}

static int size_read(struct mdevsim_device *device, u64 *value)
{
	*value = region_of(device)->filled;
	return 0;
}

/* ---- Moving data ------------------------------------------------------- */

/* The data fd to be read or written, with a reference; NULL when there is none */
static struct file *move_begin(struct mdevsim_device *device, bool saving)
{
	struct mdevsim_migration_region *region;

	guard(mutex)(&device->lifecycle);
	region = region_of(device);
	if (!region->file || is_saving(device) != saving || (saving && region->filled))
		return NULL;
	return get_file(region->file);
}

/* What came of a session that has ended meanwhile is of no use. */
static void fill_end(struct mdevsim_device *device, const struct file *file, u32 filled)
{
	struct mdevsim_migration_region *region;

	guard(mutex)(&device->lifecycle);
	region = region_of(device);
	if (region->file == file)
		region->filled = filled;
}

/* Put the next piece of the stream into the data section, where there is one and it is due. */
static int fill(struct mdevsim_device *device)
{
	struct mdevsim_migration_region *region = &device->migration_region;
	struct file *file;
	ssize_t got;

	guard(mutex)(&region->moving);
	file = move_begin(device, true);
	if (!file)
		return 0;
	got = kernel_read(file, region->data, MDEVSIM_MIGRATION_REGION_ROOM, NULL);
	if (got > 0)
		fill_end(device, file, got);
	fput(file);
	return got < 0 && got != -ENOMSG ? got : 0;
}

/* A fault may have the data fd take less at a time than it is given. */
static int drain(struct mdevsim_migration_region *region, struct file *file, u64 length)
{
	ssize_t done;
	u64 at;

	for (at = 0; at < length; at += done) {
		done = kernel_write(file, region->data + at, length - at, NULL);
		if (done < 0)
			return done;
		if (!done || (at + done < length && fatal_signal_pending(current)))
			return -EINTR;
	}
	return 0;
}

/* Take a piece of the stream out of the data section. */
static int size_write(struct mdevsim_device *device, u64 value)
{
	struct mdevsim_migration_region *region = &device->migration_region;
	struct file *file;
	int ret;

	if (value > MDEVSIM_MIGRATION_REGION_ROOM)
		return -EINVAL;
	guard(mutex)(&region->moving);
	file = move_begin(device, false);
	if (!file)
		return -EINVAL;
	ret = drain(region, file, value);
	fput(file);
	return ret;
}

/* ---- Access ------------------------------------------------------------ */

/*
 * By register: @prepare, called without locks, before it is read, and @read, under the
 * lifecycle; or @write and @move, which are likewise what is called with and without it
 */
static const struct {
	u32 offset;
	u32 width;
	int (*prepare)(struct mdevsim_device *device);
	int (*read)(struct mdevsim_device *device, u64 *value);
	int (*write)(struct mdevsim_device *device, u64 value);
	int (*move)(struct mdevsim_device *device, u64 value);
} registers[] = {
	{ REGISTER(device_state), sizeof(__u32), NULL, state_read, state_write, NULL },
	{ REGISTER(pending_bytes), sizeof(__u64), NULL, pending_read, NULL, NULL },
	{ REGISTER(data_offset), sizeof(__u64), fill, offset_read, NULL, NULL },
	{ REGISTER(data_size), sizeof(__u64), NULL, size_read, NULL, size_write },
};

static int register_find(u64 offset, size_t count)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(registers); i++)
		if (registers[i].offset == offset && registers[i].width == count)
			return i;
	return -EINVAL;
}

static void register_trace(struct mdevsim_device *device, int i, u64 value, bool write)
{
	trace_mdevsim_region(dev_name(device->vdev.dev), MDEVSIM_MIGRATION_REGION_INDEX,
			     registers[i].offset, registers[i].width, value, write);
}

static int register_read(struct mdevsim_device *device, int i, u64 *value)
{
	int ret = registers[i].prepare ? registers[i].prepare(device) : 0;

	if (ret)
		return ret;
	guard(mutex)(&device->lifecycle);
	return registers[i].read(device, value);
}

static int register_write(struct mdevsim_device *device, int i, u64 value)
{
	if (registers[i].move)
		return registers[i].move(device, value);
	if (!registers[i].write)
		return -EINVAL;
	guard(mutex)(&device->lifecycle);
	return registers[i].write(device, value);
}

/* ---- Data -------------------------------------------------------------- */

/* Address of bytes of the data section, or NULL when they are not in it. */
static void *data_place(struct mdevsim_device *device, u64 offset, size_t count)
{
	u64 at = offset - MDEVSIM_MIGRATION_REGION_DATA;
	void *data;

	if (offset < MDEVSIM_MIGRATION_REGION_DATA || at >= MDEVSIM_MIGRATION_REGION_ROOM ||
	    count > MDEVSIM_MIGRATION_REGION_ROOM - at)
		return ERR_PTR(-EINVAL);
	data = data_get(device);
	return data ? data + at : ERR_PTR(-ENOMEM);
}

/*
 * User memory is touched with no lock held: the data section lives as long as the
 * device is open, and that it is while somebody reads or writes it.
 */
ssize_t mdevsim_migration_region_read(struct mdevsim_device *device, char __user *buf,
				      size_t count, u64 offset)
{
	int i = register_find(offset, count), ret;
	void *place;
	u64 value;

	if (i < 0) {
		place = data_place(device, offset, count);
		if (IS_ERR(place))
			return PTR_ERR(place);
		return copy_to_user(buf, place, count) ? -EFAULT : count;
	}
	ret = register_read(device, i, &value);
	if (ret)
		return ret;
	register_trace(device, i, value, false);
	return copy_to_user(buf, &value, count) ? -EFAULT : count;
}

ssize_t mdevsim_migration_region_write(struct mdevsim_device *device, const char __user *buf,
				       size_t count, u64 offset)
{
	int i = register_find(offset, count), ret;
	u64 value = 0;
	void *place;

	if (i < 0) {
		place = data_place(device, offset, count);
		if (IS_ERR(place))
			return PTR_ERR(place);
		return copy_from_user(place, buf, count) ? -EFAULT : count;
	}
	if (copy_from_user(&value, buf, count))
		return -EFAULT;
	register_trace(device, i, value, true);
	ret = register_write(device, i, value);
	return ret ? ret : count;
}

static vm_fault_t data_fault(struct vm_fault *vmf)
{
	struct mdevsim_device *device = vmf->vma->vm_private_data;
	u64 at = (u64)vmf->pgoff << PAGE_SHIFT;

	at = (at & VFIO_PCI_OFFSET_MASK) - MDEVSIM_MIGRATION_REGION_DATA;
	if (at >= MDEVSIM_MIGRATION_REGION_ROOM)
		return VM_FAULT_SIGBUS;
	vmf->page = vmalloc_to_page(device->migration_region.data + at);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct data_vm_ops = {
	.fault	= data_fault,
};

/* A mapping holds the device's file: it is gone before the device is closed. */
int mdevsim_migration_region_mmap(struct mdevsim_device *device, struct vm_area_struct *vma,
				  u64 offset)
{
	void *place = data_place(device, offset, vma->vm_end - vma->vm_start);

	if (IS_ERR(place))
		return PTR_ERR(place);
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = device;
	vma->vm_ops = &data_vm_ops;
	return 0;
}

/* ---- Life -------------------------------------------------------------- */

static int add_type(struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_type type = {
		.header.id	= VFIO_REGION_INFO_CAP_TYPE,
		.header.version	= 1,
		.type		= VFIO_REGION_TYPE_MIGRATION_DEPRECATED,
		.subtype	= VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED,
	};

	return vfio_info_add_capability(caps, &type.header, sizeof(type));
}

/* Exactly one area, exactly the data section: that is what strict users insist on. */
static int add_mmap(struct vfio_info_cap *caps)
{
	struct {
		struct vfio_region_info_cap_sparse_mmap sparse;
		struct vfio_region_sparse_mmap_area area;
	} cap = {
		.sparse.header.id	= VFIO_REGION_INFO_CAP_SPARSE_MMAP,
		.sparse.header.version	= 1,
		.sparse.nr_areas	= 1,
		.area.offset		= MDEVSIM_MIGRATION_REGION_DATA,
		.area.size		= MDEVSIM_MIGRATION_REGION_ROOM,
	};

	return vfio_info_add_capability(caps, &cap.sparse.header, sizeof(cap));
}

int mdevsim_migration_region_info(struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	int ret = add_type(caps);

	if (ret)
		return ret;
	info->offset = VFIO_PCI_INDEX_TO_OFFSET(MDEVSIM_MIGRATION_REGION_INDEX);
	info->size = REGION_SIZE;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		      VFIO_REGION_INFO_FLAG_MMAP;
	return add_mmap(caps);
}

void mdevsim_migration_region_init(struct mdevsim_device *device)
{
	mutex_init(&device->migration_region.moving);
}

void mdevsim_migration_region_end(struct mdevsim_device *device)
{
	struct mdevsim_migration_region *region = region_of(device);

	if (region->file)
		fput(region->file);
	region->file = NULL;
	region->filled = 0;
}

void mdevsim_migration_region_close(struct mdevsim_device *device)
{
	struct mdevsim_migration_region *region = region_of(device);

	vfree(region->data);
	region->data = NULL;
}
