// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include "device.h"
#include "must.h"

#define CONFIG	VFIO_PCI_CONFIG_REGION_INDEX

/* The one that every kernel has, unless the environment says otherwise */
#define BACKEND	"group"

int device_open(struct device *device, const struct mdev *mdev)
{
	const struct arguments arguments = {
		.value[OPTION_BACKEND] = getenv("BACKEND") ?: BACKEND,
	};

	*device = (struct device) { .mdev = *mdev, .vfio = VFIO_DEVICE_CLOSED };
	return vfio_open(&device->vfio, device->mdev.uuid, &arguments, NULL) ? -EIO : 0;
}

void device_create(struct device *device, const char *type)
{
	struct mdev mdev;
	int error;

	mdev_name(&mdev);
	error = mdev_create(&mdev, type);
	must(error == 0, "creating a %s, seen %d", type, error);
	error = device_open(device, &mdev);
	must(error == 0, "opening %s, seen %d", mdev.uuid, error);
}

void device_close(struct device *device)
{
	vfio_close(&device->vfio);
}

void device_remove(struct device *device)
{
	int error;

	device_close(device);
	error = mdev_remove(&device->mdev);
	must(error == 0, "removing %s, seen %d", device->mdev.uuid, error);
}

int device_map(struct device *device, void *memory, uint64_t iova, size_t size)
{
	const struct vfio_mapping mapping = { .memory = memory, .iova = iova, .size = size };

	return vfio_map(&device->vfio, &mapping) ? -errno : 0;
}

int device_map_read_only(struct device *device, void *memory, uint64_t iova, size_t size)
{
	const struct vfio_mapping mapping = {
		.memory = memory, .iova = iova, .size = size, .read_only = true,
	};

	return vfio_map(&device->vfio, &mapping) ? -errno : 0;
}

int device_unmap(struct device *device, uint64_t iova, size_t size)
{
	return vfio_unmap(&device->vfio, iova, size) ? -errno : 0;
}

void device_map_arena(struct device *device, const struct arena *arena)
{
	int error = device_map(device, arena->memory, arena->iova, arena->size);

	must(error == 0, "mapping an arena, seen %d", error);
}

int device_ioctl(struct device *device, unsigned long request, void *arg)
{
	int result = ioctl(device->vfio.fd, request, arg);

	return result < 0 ? -errno : result;
}

int device_reset(struct device *device)
{
	return device_ioctl(device, VFIO_DEVICE_RESET, NULL);
}

int device_region(struct device *device, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info) { .argsz = sizeof(*info), .index = index };
	return device_ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info);
}

ssize_t device_pread(struct device *device, void *data, size_t length, uint64_t offset)
{
	ssize_t done = pread(device->vfio.fd, data, length, (off_t)offset);

	return done < 0 ? -errno : done;
}

ssize_t device_pwrite(struct device *device, const void *data, size_t length, uint64_t offset)
{
	ssize_t done = pwrite(device->vfio.fd, data, length, (off_t)offset);

	return done < 0 ? -errno : done;
}

/* Where a region starts is the same for every device of this kind, and asked for once. */
static uint64_t region_offset(struct device *device, uint32_t region)
{
	static uint64_t offsets[VFIO_PCI_NUM_REGIONS];
	struct vfio_region_info info;
	int error;

	must(region < VFIO_PCI_NUM_REGIONS, "seen %u", region);
	if (offsets[region] || !region)
		return offsets[region];
	error = device_region(device, region, &info);
	must(error == 0, "asking for region %u, seen %d", region, error);
	offsets[region] = info.offset;
	return info.offset;
}

ssize_t device_read(struct device *device, uint32_t region, uint64_t offset, void *data,
		    size_t length)
{
	return device_pread(device, data, length, region_offset(device, region) + offset);
}

ssize_t device_write(struct device *device, uint32_t region, uint64_t offset, const void *data,
		     size_t length)
{
	return device_pwrite(device, data, length, region_offset(device, region) + offset);
}

void device_read_must(struct device *device, uint32_t region, uint64_t offset, void *data,
		      size_t length)
{
	ssize_t done = device_read(device, region, offset, data, length);

	must(done == (ssize_t)length, "reading %zu bytes at %#llx of region %u, seen %zd", length,
	     (unsigned long long)offset, region, done);
}

void device_write_must(struct device *device, uint32_t region, uint64_t offset, const void *data,
		       size_t length)
{
	ssize_t done = device_write(device, region, offset, data, length);

	must(done == (ssize_t)length, "writing %zu bytes at %#llx of region %u, seen %zd", length,
	     (unsigned long long)offset, region, done);
}

static uint32_t read_config(struct device *device, uint32_t offset, size_t width)
{
	uint32_t value = 0;

	device_read_must(device, CONFIG, offset, &value, width);
	return value;
}

static void write_config(struct device *device, uint32_t offset, uint32_t value, size_t width)
{
	device_write_must(device, CONFIG, offset, &value, width);
}

uint8_t device_config8(struct device *device, uint32_t offset)
{
	return (uint8_t)read_config(device, offset, 1);
}

uint16_t device_config16(struct device *device, uint32_t offset)
{
	return (uint16_t)read_config(device, offset, 2);
}

uint32_t device_config32(struct device *device, uint32_t offset)
{
	return read_config(device, offset, 4);
}

void device_set_config8(struct device *device, uint32_t offset, uint8_t value)
{
	write_config(device, offset, value, 1);
}

void device_set_config16(struct device *device, uint32_t offset, uint16_t value)
{
	write_config(device, offset, value, 2);
}

void device_set_config32(struct device *device, uint32_t offset, uint32_t value)
{
	write_config(device, offset, value, 4);
}

uint8_t device_capability(struct device *device, uint8_t id)
{
	uint8_t next = device_config8(device, PCI_CAPABILITY_LIST);

	for (int i = 0; next && i < 48; i++) {
		if (device_config8(device, next) == id)
			return next;
		next = device_config8(device, next + PCI_CAP_LIST_NEXT);
	}
	return 0;
}

void device_bus_master(struct device *device, bool on)
{
	const uint16_t bits = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	uint16_t command = device_config16(device, PCI_COMMAND);

	device_set_config16(device, PCI_COMMAND,
			    (uint16_t)(on ? command | bits : command & ~bits));
}

int device_set_irqs(struct device *device, uint32_t flags, uint32_t index, uint32_t start,
		    uint32_t count, const void *data, size_t size)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + size);
	int error;

	must(set, "seen no memory");
	set->argsz = (uint32_t)(sizeof(*set) + size);
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (size)
		memcpy(set->data, data, size);
	error = device_ioctl(device, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return error;
}

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	must(fd >= 0, "seen errno %d", errno);
	return fd;
}

int device_eventfd(struct device *device, uint32_t index, uint32_t start)
{
	int32_t fd = new_eventfd();
	int error;

	error = device_set_irqs(device, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
				index, start, 1, &fd, sizeof(fd));
	must(error == 0, "attaching an eventfd to interrupt %u of index %u, seen %d", start, index,
	     error);
	return fd;
}

void device_msix(struct device *device, int *eventfds, uint32_t count)
{
	uint32_t control = device_capability(device, PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS;
	int error;

	for (uint32_t i = 0; i < count; i++)
		eventfds[i] = new_eventfd();
	error = device_set_irqs(device, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
				VFIO_PCI_MSIX_IRQ_INDEX, 0, count, eventfds,
				count * sizeof(*eventfds));
	must(error == 0, "attaching %u eventfds, seen %d", count, error);
	device_set_config16(device, control,
			    device_config16(device, control) | PCI_MSIX_FLAGS_ENABLE);
}

int device_irq_off(struct device *device, uint32_t index)
{
	return device_set_irqs(device, VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE, index,
			       0, 0, NULL, 0);
}

uint64_t device_signalled(int eventfd, int ms)
{
	struct pollfd poll_fd = { .fd = eventfd, .events = POLLIN };
	eventfd_t count = 0;

	if (poll(&poll_fd, 1, ms) != 1 || eventfd_read(eventfd, &count))
		return 0;
	return count;
}
