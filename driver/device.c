// SPDX-License-Identifier: GPL-2.0
/*
 * The life of one simulated function: made and removed as a mediated device,
 * opened, reset and closed by a user of VFIO.
 */
#include <linux/memcontrol.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat/feature.h"
#include "debugfs.h"
#include "event.h"
#include "log_ops.h"
#include "mdevsim.h"
#include "netlink.h"
#include "records.h"
#include "sysfs.h"
#include "trace.h"

const char *mdevsim_function_name(struct mdevsim_function *fn)
{
	return dev_name(fn->device->vdev.dev);
}

const u8 *mdevsim_function_uuid(struct mdevsim_function *fn)
{
	return fn->device->uuid.b;
}

enum mdevsim_verdict mdevsim_function_command(struct mdevsim_function *fn, bool admin, u8 opcode,
					      u16 *status)
{
	struct mdevsim_device *device = fn->device;

	mdevsim_count(device, commands[admin][opcode], 1);
	if (mdevsim_fault_any())
		return mdevsim_fault_command(device, admin, opcode, status);
	return MDEVSIM_VERDICT_EXECUTE;
}

void mdevsim_function_dbg(struct mdevsim_function *fn, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	dev_dbg_ratelimited(fn->device->vdev.dev, "%pV\n", &vaf);
	va_end(args);
}

static int device_init(struct vfio_device *vdev)
{
	struct mdevsim_device *device = vdev_to_mdevsim(vdev);
	int ret = uuid_parse(dev_name(vdev->dev), &device->uuid);

	if (ret)
		return ret;
	device->type = mdev_to_mdevsim_type(to_mdev_device(vdev->dev)->type);
	mutex_init(&device->lifecycle);
	init_rwsem(&device->gate);
	mutex_init(&device->config_lock);
	mdevsim_pci_config_reset(&device->config);
	mdevsim_irq_init(&device->irq);
	mdevsim_dirty_log_init(&device->dirty_log);
	mdevsim_migration_init(device);
	mdevsim_migration_region_init(device);
	mdevsim_fault_init(device);
	mdevsim_shape_init(device);
	snprintf(device->name, sizeof(device->name), "%pUb", &device->uuid);
	if (MDEVSIM_CAN_LOG_DMA)
		vdev->log_ops = &mdevsim_log_ops;
	device->counters = alloc_percpu(struct mdevsim_counters);
	if (!device->counters)
		return -ENOMEM;
	device->fn = device->type->function->create(device, device->type->capacity);
	if (IS_ERR(device->fn)) {
		free_percpu(device->counters);
		return PTR_ERR(device->fn);
	}
	mdevsim_records_target(device);
	return 0;
}

/* The last reference is gone: no fd is open, so that the function has been quiet for long. */
static void device_release(struct vfio_device *vdev)
{
	struct mdevsim_device *device = vdev_to_mdevsim(vdev);

	mdevsim_fault_remove(device, 0);
	device->fn->ops->destroy(device->fn);
	free_percpu(device->counters);
	mdevsim_compat_free_device(vdev);
}

static int device_open(struct vfio_device *vdev)
{
	struct mdevsim_device *device = vdev_to_mdevsim(vdev);

	guard(mutex)(&device->lifecycle);
	WRITE_ONCE(device->memcg, get_mem_cgroup_from_mm(current->mm));
	WRITE_ONCE(device->opened, true);
	mdevsim_event_life(device, MDEVSIM_EVENT_KIND_OPENED);
	mdevsim_device_resume(device);
	return 0;
}

/* The background writer is of the carrier, and stops first and starts last. */
void mdevsim_device_quiesce(struct mdevsim_device *device)
{
	mdevsim_shape_halt(device);
	device->fn->ops->quiesce(device->fn);
}

void mdevsim_device_resume(struct mdevsim_device *device)
{
	device->fn->ops->resume(device->fn);
	mdevsim_shape_run(device);
}

/* What both kinds of reset do. The function is quiet. */
static void reset_registers(struct mdevsim_device *device)
{
	lockdep_assert_held(&device->lifecycle);
	device->fn->ops->reset(device->fn);
	scoped_guard(mutex, &device->config_lock)
		mdevsim_pci_config_reset(&device->config);
	mdevsim_irq_reset(&device->irq);
}

static void reset_all(struct mdevsim_device *device)
{
	lockdep_assert_held(&device->lifecycle);
	mdevsim_device_quiesce(device);
	mdevsim_migration_reset(device);
	reset_registers(device);
	mdevsim_irq_release(&device->irq);
}

/* After this nothing touches guest memory, which goes away next. */
static void device_close(struct vfio_device *vdev)
{
	struct mdevsim_device *device = vdev_to_mdevsim(vdev);
	struct mem_cgroup *memcg;

	mdevsim_irq_detach(&device->irq);
	mdevsim_dirty_log_stop(&device->dirty_log);
	guard(mutex)(&device->lifecycle);
	reset_all(device);
	device->migration.precopy_info_v2 = false;
	mdevsim_migration_region_close(device);
	memcg = device->memcg;
	WRITE_ONCE(device->memcg, NULL);
	mem_cgroup_put(memcg);
	WRITE_ONCE(device->progress.protocol, MDEVSIM_PROTOCOL_NONE);
	WRITE_ONCE(device->opened, false);
	mdevsim_event_closed(device);
}

void mdevsim_device_reset(struct mdevsim_device *device)
{
	enum vfio_device_mig_state from;

	guard(mutex)(&device->lifecycle);
	from = device->migration.state;
	reset_all(device);
	mdevsim_event_reset(device, from, "reset by its owner");
	mdevsim_device_resume(device);
}

void mdevsim_device_function_reset(struct mdevsim_device *device)
{
	guard(mutex)(&device->lifecycle);
	if (device->frozen)
		return;
	mdevsim_device_quiesce(device);
	reset_registers(device);
	mdevsim_event_reset(device, device->migration.state,
			    "function level reset by the guest");
	if (mdevsim_migration_is_running(device))
		mdevsim_device_resume(device);
}

int mdevsim_device_resize(struct mdevsim_device *device, u64 size)
{
	int ret;

	guard(mutex)(&device->lifecycle);
	if (device->frozen)
		return -EBUSY;
	ret = mdevsim_migration_may_reinit(device);
	if (ret)
		return ret;
	ret = device->fn->ops->resize(device->fn, size);
	if (ret)
		return ret;
	mdevsim_migration_reinit(device);
	return 0;
}

static int device_info(struct vfio_device_info *info)
{
	info->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info->num_regions = MDEVSIM_MIGRATION_REGION_INDEX + 1;
	info->num_irqs = VFIO_PCI_NUM_IRQS;
	return 0;
}

static long ioctl_info(struct mdevsim_device *device, void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = {};

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	device_info(&info);
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long ioctl_region_info(struct mdevsim_device *device, void __user *arg)
{
	return mdevsim_compat_region_info(&device->vdev, (unsigned long)arg, mdevsim_region_info);
}

static long ioctl_irq_info(struct mdevsim_device *device, void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = mdevsim_irq_info(&info);
	if (ret)
		return ret;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long ioctl_set_irqs(struct mdevsim_device *device, void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_info info = {};
	struct vfio_irq_set hdr;
	size_t size = 0;
	void *data;
	int ret;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	info.index = hdr.index;
	ret = mdevsim_irq_info(&info);
	if (ret)
		return ret;
	ret = vfio_set_irqs_validate_and_prepare(&hdr, info.count, VFIO_PCI_NUM_IRQS, &size);
	if (ret)
		return ret;
	data = size ? memdup_user(arg + minsz, size) : NULL;
	if (IS_ERR(data))
		return PTR_ERR(data);
	ret = mdevsim_irq_set(&device->irq, &hdr, data);
	kfree(data);
	return ret;
}

static long ioctl_reset(struct mdevsim_device *device, void __user *arg)
{
	mdevsim_device_reset(device);
	return 0;
}

static const struct {
	unsigned int cmd;
	long (*handle)(struct mdevsim_device *device, void __user *arg);
} ioctls[] = {
	{ VFIO_DEVICE_GET_INFO,		ioctl_info },
	{ VFIO_DEVICE_GET_REGION_INFO,	ioctl_region_info },
	{ VFIO_DEVICE_GET_IRQ_INFO,	ioctl_irq_info },
	{ VFIO_DEVICE_SET_IRQS,		ioctl_set_irqs },
	{ VFIO_DEVICE_RESET,		ioctl_reset },
};

static long device_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ioctls); i++)
		if (ioctls[i].cmd == cmd)
			return ioctls[i].handle(vdev_to_mdevsim(vdev), (void __user *)arg);
	return -ENOTTY;
}

/* Someone wants to remove the device: the core asks again until the last fd is closed. */
static void device_request(struct vfio_device *vdev, unsigned int count)
{
	mdevsim_irq_ask_release(&vdev_to_mdevsim(vdev)->irq);
}

static const struct vfio_device_ops device_ops = {
	.name		= "mdevsim",
	.init		= device_init,
	.release	= device_release,
	.open_device	= device_open,
	.close_device	= device_close,
	.read		= mdevsim_region_read,
	.write		= mdevsim_region_write,
	.mmap		= mdevsim_region_mmap,
	.ioctl		= device_ioctl,
	.request	= device_request,
	.device_feature	= mdevsim_compat_feature,
	MDEVSIM_REGION_INFO_OP(mdevsim_region_info)
	MDEVSIM_IOMMUFD_OPS
};

/*
 * Before anybody can open it, so that it is created before it is opened, for who listens. Who
 * looks at it earlier than that finds it complete, and closed.
 */
static int register_known(struct mdevsim_device *device)
{
	int ret;

	mdevsim_netlink_add(device);
	ret = vfio_register_emulated_iommu_dev(&device->vdev);
	if (ret)
		mdevsim_netlink_remove(device);
	return ret;
}

static int device_probe(struct mdev_device *mdev)
{
	struct mdevsim_device *device;
	int ret;

	device = vfio_alloc_device(mdevsim_device, vdev, &mdev->dev, &device_ops);
	if (IS_ERR(device))
		return PTR_ERR(device);
	dev_set_drvdata(&mdev->dev, device);
	ret = register_known(device);
	if (ret) {
		vfio_put_device(&device->vdev);
		return ret;
	}
	mdevsim_debugfs_add(device);
	return 0;
}

/* Waits, asking the user through device_request(), until the last fd of the device is closed. */
static void device_remove(struct mdev_device *mdev)
{
	struct mdevsim_device *device = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&device->vdev);
	mdevsim_netlink_remove(device);
	mdevsim_debugfs_remove(device);
	vfio_put_device(&device->vdev);
}

static ssize_t show_description(struct mdev_type *type, char *buf)
{
	return sysfs_emit(buf, "%s\n", mdev_to_mdevsim_type(type)->description);
}

struct mdev_driver mdevsim_device_driver = {
	.device_api		= VFIO_DEVICE_API_PCI_STRING,
	.probe			= device_probe,
	.remove			= device_remove,
	.show_description	= show_description,
	.driver = {
		.name		= "mdevsim",
		.owner		= THIS_MODULE,
		.mod_name	= KBUILD_MODNAME,
		.dev_groups	= mdevsim_sysfs_device_groups,
	},
};
