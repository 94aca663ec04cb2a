// SPDX-License-Identifier: GPL-2.0
/* /dev/vfio/GROUP in a type1 container: what every kernel with VFIO has. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "vfio.h"

static bool usable(const struct sysfs_device *id)
{
	char *path = sysfs_path("/dev/vfio/%s", id->group);
	bool found = id->group[0] && !access(path, F_OK);

	free(path);
	return found;
}

static int open_container(struct vfio_device *device)
{
	static const char path[] = "/dev/vfio/vfio";

	device->context = vfio_open_node(device, path);
	if (device->context < 0)
		return vfio_fail_node(device, path);
	return STATUS_DONE;
}

static int open_group(struct vfio_device *device)
{
	char *path = sysfs_path("/dev/vfio/%s", device->id.group);
	int status = STATUS_DONE;

	device->group = vfio_open_node(device, path);
	if (device->group < 0)
		status = vfio_fail_node(device, path);
	free(path);
	return status;
}

static int check_viable(struct vfio_device *device)
{
	struct vfio_group_status status = {
		.argsz = sizeof(status),
		.flags = VFIO_GROUP_FLAGS_VIABLE,
	};

	if (vfio_ioctl(device, device->group, VFIO_GROUP_GET_STATUS, &status,
		       "VFIO_GROUP_GET_STATUS"))
		return vfio_fail(device, STATUS_FAILED, "cannot ask for the status of its group");
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return STATUS_DONE;
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.where = device->argument,
			.hint = "bind every device of the group to a VFIO driver, or to none",
		    }, "IOMMU group %s has devices that other drivers use", device->id.group);
}

static int join_container(struct vfio_device *device)
{
	if (vfio_ioctl(device, device->group, VFIO_GROUP_SET_CONTAINER, &device->context,
		       "VFIO_GROUP_SET_CONTAINER"))
		return vfio_fail(device, STATUS_FAILED, "cannot put its group into a container");
	if (vfio_ioctl(device, device->context, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU,
		       "VFIO_SET_IOMMU VFIO_TYPE1v2_IOMMU"))
		return vfio_fail(device, STATUS_FAILED, "cannot set up an IOMMU of type1");
	return STATUS_DONE;
}

/* A group can be opened once: a second device of it shares what the first has. */
static int share_group(struct vfio_device *device, const struct vfio_device *peer)
{
	device->context = fcntl(peer->context, F_DUPFD_CLOEXEC, 0);
	device->group = fcntl(peer->group, F_DUPFD_CLOEXEC, 0);
	if (device->context < 0 || device->group < 0)
		return vfio_fail(device, STATUS_FAILED, "cannot share the group of %s",
				 peer->argument);
	return STATUS_DONE;
}

static int attach(struct vfio_device *device, const struct vfio_device *peer)
{
	int status;

	if (peer && peer->group >= 0 && !strcmp(peer->id.group, device->id.group))
		return share_group(device, peer);
	status = open_container(device);
	if (!status)
		status = open_group(device);
	if (!status)
		status = check_viable(device);
	return status ? status : join_container(device);
}

static int open_device(struct vfio_device *device, const struct vfio_device *peer)
{
	int status = attach(device, peer);

	if (status)
		return status;
	device->fd = vfio_ioctl(device, device->group, VFIO_GROUP_GET_DEVICE_FD, device->id.name,
				"VFIO_GROUP_GET_DEVICE_FD %s", device->id.name);
	if (device->dry)
		device->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (device->fd < 0)
		return vfio_fail(device, STATUS_FAILED, "cannot get it from group %s",
				 device->id.group);
	return STATUS_DONE;
}

static int map(const struct vfio_device *device, const struct vfio_mapping *mapping)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ |
			 (mapping->read_only ? 0 : VFIO_DMA_MAP_FLAG_WRITE),
		.vaddr = (uintptr_t)mapping->memory,
		.iova = mapping->iova,
		.size = mapping->size,
	};

	return vfio_ioctl(device, device->context, VFIO_IOMMU_MAP_DMA, &map, "VFIO_IOMMU_MAP_DMA");
}

static int unmap(const struct vfio_device *device, uint64_t iova, size_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return vfio_ioctl(device, device->context, VFIO_IOMMU_UNMAP_DMA, &unmap,
			  "VFIO_IOMMU_UNMAP_DMA");
}

const struct vfio_backend vfio_group_backend = {
	.name = "group",
	.usable = usable,
	.open = open_device,
	.map = map,
	.unmap = unmap,
};
