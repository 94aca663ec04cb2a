// SPDX-License-Identifier: GPL-2.0
/* /dev/vfio/devices/NAME bound to an iommufd: kernels with CONFIG_VFIO_DEVICE_CDEV. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "vfio.h"

static bool usable(const struct sysfs_device *id)
{
	char *path = sysfs_path("/dev/vfio/devices/%s", id->cdev);
	bool found = id->cdev[0] && !access(path, F_OK);

	free(path);
	return found;
}

static int open_node(struct vfio_device *device)
{
	char *path = sysfs_path("/dev/vfio/devices/%s", device->id.cdev);
	int status = STATUS_DONE;

	device->fd = vfio_open_node(device, path);
	if (device->fd < 0)
		status = vfio_fail_node(device, path);
	free(path);
	return status;
}

static int open_iommufd(struct vfio_device *device)
{
	static const char path[] = "/dev/iommu";

	device->context = vfio_open_node(device, path);
	if (device->context < 0)
		return vfio_fail_node(device, path);
	return STATUS_DONE;
}

/* A node opens as often as one likes; that the device is in use shows here. */
static const char *bind_hint(int error)
{
	return error == EINVAL || error == EBUSY ? vfio_in_use_hint : NULL;
}

static int bind_iommufd(struct vfio_device *device)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = device->context,
	};

	if (!vfio_ioctl(device, device->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind,
			"VFIO_DEVICE_BIND_IOMMUFD"))
		return STATUS_DONE;
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = errno,
			.where = device->argument,
			.hint = bind_hint(errno),
		    }, "cannot bind it to an iommufd");
}

static int attach_ioas(struct vfio_device *device)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };

	if (vfio_ioctl(device, device->context, IOMMU_IOAS_ALLOC, &ioas, "IOMMU_IOAS_ALLOC"))
		return vfio_fail(device, STATUS_FAILED, "cannot allocate an address space");
	device->ioas = ioas.out_ioas_id;
	attach.pt_id = ioas.out_ioas_id;
	if (vfio_ioctl(device, device->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach,
		       "VFIO_DEVICE_ATTACH_IOMMUFD_PT"))
		return vfio_fail(device, STATUS_FAILED, "cannot attach it to an address space");
	return STATUS_DONE;
}

static int open_device(struct vfio_device *device, const struct vfio_device *peer)
{
	int status;

	(void)peer;
	status = open_node(device);
	if (!status)
		status = open_iommufd(device);
	if (!status)
		status = bind_iommufd(device);
	return status ? status : attach_ioas(device);
}

static int map(const struct vfio_device *device, const struct vfio_mapping *mapping)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 (mapping->read_only ? 0 : IOMMU_IOAS_MAP_WRITEABLE),
		.ioas_id = device->ioas,
		.user_va = (uintptr_t)mapping->memory,
		.length = mapping->size,
		.iova = mapping->iova,
	};

	return vfio_ioctl(device, device->context, IOMMU_IOAS_MAP, &map, "IOMMU_IOAS_MAP");
}

static int unmap(const struct vfio_device *device, uint64_t iova, size_t size)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = device->ioas,
		.iova = iova,
		.length = size,
	};

	return vfio_ioctl(device, device->context, IOMMU_IOAS_UNMAP, &unmap, "IOMMU_IOAS_UNMAP");
}

const struct vfio_backend vfio_cdev_backend = {
	.name = "cdev",
	.usable = usable,
	.open = open_device,
	.map = map,
	.unmap = unmap,
};
