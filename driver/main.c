// SPDX-License-Identifier: GPL-2.0
/*
 * The module, the parent device that mediated devices are made from, and
 * their types.
 */
#include <linux/module.h>
#include <linux/sizes.h>
#include "debugfs.h"
#include "mdevsim.h"
#include "netlink.h"
#include "records.h"
#include "sysfs.h"

static unsigned int max_devices = 256;
module_param(max_devices, uint, 0444);
MODULE_PARM_DESC(max_devices, "Mediated devices that may exist at once (default 256)");

static struct mdevsim_type mdevsim_types[] = {
	{
		.mdev		= { .sysfs_name = "nvme-64M", .pretty_name = "NVMe 64 MiB" },
		.description	= "NVMe controller, namespace of 64 MiB in RAM",
		.function	= &nvme_function_ops,
		.capacity	= SZ_64M,
	},
	{
		.mdev		= { .sysfs_name = "nvme-1G", .pretty_name = "NVMe 1 GiB" },
		.description	= "NVMe controller, namespace of 1 GiB in RAM",
		.function	= &nvme_function_ops,
		.capacity	= SZ_1G,
	},
	{
		.mdev		= { .sysfs_name = "nvme-16G", .pretty_name = "NVMe 16 GiB" },
		.description	= "NVMe controller, namespace of 16 GiB in RAM",
		.function	= &nvme_function_ops,
		.capacity	= SZ_16G,
	},
};

static struct mdev_type *mdev_types[ARRAY_SIZE(mdevsim_types)];
static struct mdev_parent mdevsim_parent;
static struct device *mdevsim_parent_device;
static struct kobject *type_kobjects[ARRAY_SIZE(mdevsim_types)];
struct workqueue_struct *mdevsim_function_wq;

static mdevsim_const_class mdevsim_class = {
	.name	= "mdevsim",
};

static void types_unpublish(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mdev_types); i++)
		if (!IS_ERR_OR_NULL(type_kobjects[i]))
			mdevsim_sysfs_remove_type(type_kobjects[i]);
}

static int types_publish(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mdev_types); i++) {
		type_kobjects[i] = mdevsim_sysfs_add_type(mdev_types[i]);
		if (IS_ERR(type_kobjects[i]))
			return PTR_ERR(type_kobjects[i]);
	}
	/* The core has announced the types before these files were there. */
	return kobject_uevent(&mdevsim_parent_device->kobj, KOBJ_CHANGE);
}

static void parent_unregister(void)
{
	types_unpublish();
	mdev_unregister_parent(&mdevsim_parent);
	device_unregister(mdevsim_parent_device);
}

/*
 * Types are called <driver or class>-<type>: the parent has no driver, so that
 * its class names them, "mdevsim-nvme-64M".
 */
static int parent_register(void)
{
	unsigned int i;
	int ret;

	mdevsim_parent_device = device_create(&mdevsim_class, NULL, 0, NULL, "mdevsim");
	if (IS_ERR(mdevsim_parent_device))
		return PTR_ERR(mdevsim_parent_device);
	for (i = 0; i < ARRAY_SIZE(mdev_types); i++)
		mdev_types[i] = &mdevsim_types[i].mdev;
	ret = mdev_register_parent(&mdevsim_parent, mdevsim_parent_device, &mdevsim_device_driver,
				   mdev_types, ARRAY_SIZE(mdev_types));
	if (ret) {
		device_unregister(mdevsim_parent_device);
		return ret;
	}
	ret = types_publish();
	if (ret)
		parent_unregister();
	return ret;
}

static int __init mdevsim_init(void)
{
	int ret;

	mdevsim_function_wq = alloc_workqueue("mdevsim", WQ_UNBOUND, 0);
	if (!mdevsim_function_wq)
		return -ENOMEM;
	ret = mdevsim_records_init();
	if (ret)
		goto err_destroy_workqueue;
	ret = class_register(&mdevsim_class);
	if (ret)
		goto err_records_exit;
	ret = mdevsim_netlink_init();
	if (ret)
		goto err_unregister_class;
	mdevsim_debugfs_init();
	mdevsim_device_driver.max_instances = max_devices;
	ret = mdev_register_driver(&mdevsim_device_driver);
	if (ret)
		goto err_netlink_exit;
	ret = parent_register();
	if (ret)
		goto err_unregister_driver;
	return 0;

err_unregister_driver:
	mdev_unregister_driver(&mdevsim_device_driver);
err_netlink_exit:
	mdevsim_debugfs_exit();
	mdevsim_netlink_exit();
err_unregister_class:
	class_unregister(&mdevsim_class);
err_records_exit:
	mdevsim_records_exit();
err_destroy_workqueue:
	destroy_workqueue(mdevsim_function_wq);
	return ret;
}
module_init(mdevsim_init);

static void __exit mdevsim_exit(void)
{
	parent_unregister();
	mdev_unregister_driver(&mdevsim_device_driver);
	mdevsim_debugfs_exit();
	mdevsim_netlink_exit();
	class_unregister(&mdevsim_class);
	mdevsim_records_exit();
	destroy_workqueue(mdevsim_function_wq);
}
module_exit(mdevsim_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION("0.2.0");
MODULE_AUTHOR("The mdevsim developers");
MODULE_DESCRIPTION("Simulated PCI functions that migrate live through VFIO");
MODULE_SOFTDEP("pre: mdev vfio_iommu_type1");
