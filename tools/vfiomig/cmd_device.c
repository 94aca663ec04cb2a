// SPDX-License-Identifier: GPL-2.0
/* types, create, remove, list, show: devices that exist or could. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>
#include "command.h"
#include "feature.h"
#include "migration.h"
#include "out.h"
#include "sysfs.h"
#include "units.h"

static void out_sysfs(const struct sysfs_type *type, const char *file)
{
	char text[1024];

	if (sysfs_read(type->path, file, text, sizeof(text)))
		out_string(file, text, "  %s", text);
}

static void print_type(const struct sysfs_type *type, void *context)
{
	unsigned int *nr = context;
	char available[16];

	sysfs_read(type->path, "available_instances", available, sizeof(available));
	if (!(*nr)++)
		out_text("%-24s %-16s %9s\n", "TYPE", "PARENT", "AVAILABLE");
	out_object(NULL);
	out_string("type", type->name, "%s%-24s%s ", out_paint(PAINT_NAME), type->name,
		   out_paint(PAINT_PLAIN));
	out_string("parent", type->parent, "%-16s ", type->parent);
	out_uint("available", strtoul(available, NULL, 10), "%9s", available);
	out_sysfs(type, "device_api");
	out_sysfs(type, "name");
	out_sysfs(type, "description");
	out_text("\n");
	out_close();
}

static int fail_no_types(const char *parent)
{
	return fail(&(struct fault){
			.status = STATUS_UNSUPPORTED,
			.where = parent,
			.hint = "load a driver of mediated devices, for instance modprobe mdevsim",
		    }, "there is no type of mediated device");
}

int cmd_types(const struct arguments *arguments)
{
	const char *parent = arguments->nr ? arguments->word[0] : NULL;
	unsigned int nr = 0;

	out_array("types");
	sysfs_each_type(parent, NULL, print_type, &nr);
	out_close();
	return nr ? STATUS_DONE : fail_no_types(parent);
}

static int choose_uuid(const char *wanted, char text[UUID_STR_LEN])
{
	uuid_t uuid;

	if (!wanted)
		uuid_generate(uuid);
	else if (uuid_parse(wanted, uuid))
		return fail_usage("--uuid takes a UUID, not '%s'", wanted);
	uuid_unparse_lower(uuid, text);
	return STATUS_DONE;
}

/* Write to a file of /sys, or say that it would be written. */
static int write_or_say(const struct arguments *arguments, const char *directory,
			const char *file, const char *text)
{
	if (!argument_given(arguments, OPTION_DRY_RUN))
		return sysfs_write(directory, file, text);
	out_string("would_write", text, "write %s to %s/%s\n", text, directory, file);
	return 0;
}

static int create_at(const struct arguments *arguments, const char *place, const char *uuid)
{
	if (!write_or_say(arguments, place, "create", uuid)) {
		if (!argument_given(arguments, OPTION_DRY_RUN))
			out_string("uuid", uuid, "%s\n", uuid);
		return STATUS_DONE;
	}
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = errno,
			.where = arguments->word[0],
			.hint = errno == EACCES ? "run it as root" :
				errno == EEXIST ? "choose another UUID" : "vfiomig types",
		    }, "cannot create device %s", uuid);
}

int cmd_create(const struct arguments *arguments)
{
	char uuid[UUID_STR_LEN], *place;
	int status;

	status = choose_uuid(arguments->value[OPTION_UUID], uuid);
	if (!status)
		status = sysfs_find_type(arguments->word[0], arguments->value[OPTION_PARENT], true,
					 &place);
	if (status)
		return status;
	status = create_at(arguments, place, uuid);
	free(place);
	return status;
}

static int remove_one(const struct arguments *arguments, const char *name)
{
	struct sysfs_device device;
	int status;

	status = sysfs_find(name, &device);
	if (status)
		return status;
	if (!device.type[0])
		return fail(&(struct fault){ .status = STATUS_USAGE, .where = name },
			    "is no mediated device and cannot be removed");
	if (!write_or_say(arguments, device.path, "remove", "1"))
		return STATUS_DONE;
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = errno,
			.where = name,
			.hint = errno == EACCES ? "run it as root" : NULL,
		    }, "cannot be removed");
}

int cmd_remove(const struct arguments *arguments)
{
	int i, one, status = STATUS_DONE;

	for (i = 0; i < arguments->nr; i++) {
		one = remove_one(arguments, arguments->word[i]);
		if (!status)
			status = one;
	}
	return status;
}

static void out_or_dash(const char *key, const char *value, int width)
{
	if (*value)
		out_string(key, value, "%-*s ", width, value);
	else
		out_text("%-*s ", width, "-");
}

static void print_device(const struct sysfs_device *device)
{
	out_object(NULL);
	out_string("device", device->name, "%s%-36s%s ", out_paint(PAINT_NAME), device->name,
		   out_paint(PAINT_PLAIN));
	out_or_dash("type", device->type, 24);
	out_or_dash("driver", device->driver, 16);
	out_or_dash("group", device->group, 5);
	out_or_dash("cdev", vfio_cdev_backend.usable(device) ? device->cdev : "", 8);
	out_string("path", device->path, "%s\n", out_settings.verbose ? device->path : "");
	out_close();
}

static void print_once(const char *path, unsigned int *nr)
{
	struct sysfs_device device;

	if (!sysfs_device_from(path, &device))
		return;
	if (!(*nr)++)
		out_text("%-36s %-24s %-16s %-5s %-8s %s\n", "DEVICE", "TYPE", "DRIVER", "GROUP",
			 "CDEV", out_settings.verbose ? "PATH" : "");
	print_device(&device);
}

static int list_mdev(const char *path, const char *name, void *context)
{
	(void)name;
	print_once(path, context);
	return 0;
}

/* Mediated devices are listed by their own bus, also by kernels without this class. */
static int list_other(const char *path, const char *name, void *context)
{
	struct sysfs_device device;
	char *link;

	(void)name;
	if (asprintf(&link, "%s/device", path) < 0)
		abort();
	if (sysfs_device_from(link, &device) && !device.type[0])
		print_once(link, context);
	free(link);
	return 0;
}

int cmd_list(const struct arguments *arguments)
{
	char *mdevs = sysfs_path("/sys/bus/mdev/devices");
	char *others = sysfs_path("/sys/class/vfio-dev");
	unsigned int nr = 0;

	(void)arguments;
	out_array("devices");
	sysfs_each(mdevs, list_mdev, &nr);
	sysfs_each(others, list_other, &nr);
	out_close();
	free(mdevs);
	free(others);
	return STATUS_DONE;
}

static void show_id(const struct sysfs_device *id)
{
	out_string("device", id->name, "%-16s %s%s%s\n", "device", out_paint(PAINT_NAME), id->name,
		   out_paint(PAINT_PLAIN));
	out_string("path", id->path, "%-16s %s\n", "path", id->path);
	if (id->type[0])
		out_string("type", id->type, "%-16s %s\n", "type", id->type);
	if (id->driver[0])
		out_string("driver", id->driver, "%-16s %s\n", "driver", id->driver);
	if (id->group[0])
		out_string("group", id->group, "%-16s %s\n", "IOMMU group", id->group);
	if (vfio_cdev_backend.usable(id))
		out_string("cdev", id->cdev, "%-16s /dev/vfio/devices/%s\n", "cdev", id->cdev);
}

static const char *region_name(const struct vfio_device *device, unsigned int index)
{
	static const char *const names[] = {
		[VFIO_PCI_BAR0_REGION_INDEX] = "BAR0", [VFIO_PCI_BAR1_REGION_INDEX] = "BAR1",
		[VFIO_PCI_BAR2_REGION_INDEX] = "BAR2", [VFIO_PCI_BAR3_REGION_INDEX] = "BAR3",
		[VFIO_PCI_BAR4_REGION_INDEX] = "BAR4", [VFIO_PCI_BAR5_REGION_INDEX] = "BAR5",
		[VFIO_PCI_ROM_REGION_INDEX] = "ROM", [VFIO_PCI_CONFIG_REGION_INDEX] = "config",
		[VFIO_PCI_VGA_REGION_INDEX] = "VGA",
	};

	if (!(device->info.flags & VFIO_DEVICE_FLAGS_PCI))
		return "region";
	return index < VFIO_PCI_NUM_REGIONS ? names[index] : "device specific";
}

static const char *irq_name(const struct vfio_device *device, unsigned int index)
{
	static const char *const names[] = {
		[VFIO_PCI_INTX_IRQ_INDEX] = "INTx", [VFIO_PCI_MSI_IRQ_INDEX] = "MSI",
		[VFIO_PCI_MSIX_IRQ_INDEX] = "MSI-X", [VFIO_PCI_ERR_IRQ_INDEX] = "error",
		[VFIO_PCI_REQ_IRQ_INDEX] = "request",
	};

	if (!(device->info.flags & VFIO_DEVICE_FLAGS_PCI) || index >= VFIO_PCI_NUM_IRQS)
		return "irq";
	return names[index];
}

static void show_region(const struct vfio_device *device, unsigned int index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (vfio_ioctl(device, device->fd, VFIO_DEVICE_GET_REGION_INFO, &info,
		       "VFIO_DEVICE_GET_REGION_INFO %u", index) || !info.size)
		return;
	out_object(NULL);
	out_uint("index", index, "%-16s %u ", "region", index);
	out_string("name", region_name(device, index), "%s, ", region_name(device, index));
	out_uint("size", info.size, "%s", units_size(info.size));
	out_bool("read", info.flags & VFIO_REGION_INFO_FLAG_READ, "%s",
		 info.flags & VFIO_REGION_INFO_FLAG_READ ? ", read" : "");
	out_bool("write", info.flags & VFIO_REGION_INFO_FLAG_WRITE, "%s",
		 info.flags & VFIO_REGION_INFO_FLAG_WRITE ? ", write" : "");
	out_bool("mmap", info.flags & VFIO_REGION_INFO_FLAG_MMAP, "%s\n",
		 info.flags & VFIO_REGION_INFO_FLAG_MMAP ? ", mmap" : "");
	out_close();
}

static void show_irq(const struct vfio_device *device, unsigned int index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (vfio_ioctl(device, device->fd, VFIO_DEVICE_GET_IRQ_INFO, &info,
		       "VFIO_DEVICE_GET_IRQ_INFO %u", index) || !info.count)
		return;
	out_object(NULL);
	out_uint("index", index, "%-16s %u ", "interrupt", index);
	out_string("name", irq_name(device, index), "%s", irq_name(device, index));
	out_uint("count", info.count, ", %u\n", info.count);
	out_uint("flags", info.flags, "");
	out_close();
}

static void show_info(const struct vfio_device *device)
{
	bool reset = device->info.flags & VFIO_DEVICE_FLAGS_RESET;
	unsigned int i;

	out_string("backend", device->backend->name, "%-16s %s\n", "back end",
		   device->backend->name);
	out_bool("reset", reset, "%-16s %s\n", "reset", reset ? "yes" : "no");
	out_array("regions");
	for (i = 0; i < device->info.num_regions; i++)
		show_region(device, i);
	out_close();
	out_array("interrupts");
	for (i = 0; i < device->info.num_irqs; i++)
		show_irq(device, i);
	out_close();
}

/* What a device may or may not have beside STOP_COPY. */
static void show_ability(const char *key, const char *name, bool has)
{
	out_bool(key, has, "  %-14s %s%s%s\n", name, out_paint(has ? PAINT_GOOD : PAINT_DIM),
		 has ? "yes" : "no", out_paint(PAINT_PLAIN));
}

static void show_probed(const struct vfio_device *device, const char *key, const char *name,
			uint32_t feature)
{
	show_ability(key, name, vfio_has_feature(device, feature, name));
}

static void show_abilities(struct migration *migration)
{
	const struct vfio_device *device = migration->device;
	uint64_t bytes;

	out_string("state", migration_state_name(migration->state), "%-16s %s\n", "state",
		   migration_state_name(migration->state));
	out_text("migration\n");
	show_ability("stop_copy", "STOP_COPY", migration_is(migration, VFIO_MIGRATION_STOP_COPY));
	show_ability("p2p", "P2P", migration_is(migration, VFIO_MIGRATION_P2P));
	show_ability("pre_copy", "PRE_COPY", migration_is(migration, VFIO_MIGRATION_PRE_COPY));
	show_ability("precopy_info_v2", "PRECOPY_INFOv2", migration->info2);
	show_probed(device, "dma_logging", "DMA logging",
		    VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START);
	if (migration->ops->data_size(migration, &bytes))
		out_uint("data_size", bytes, "  %-14s %s\n", "data size", units_size(bytes));
}

/* Data is in what can be mapped, or else anywhere behind the registers. */
static void show_data_section(const struct region *region)
{
	const struct region_area *area = region->areas;
	bool mapped = region->nr_areas;

	if (mapped) {
		out_uint("data_offset", area->offset, ", data at %llu",
			 (unsigned long long)area->offset);
		out_uint("data_size", area->size, ", %s", units_size(area->size));
	}
	out_bool("mmap", mapped, "%s\n", mapped ? ", mapped" : ", data not mapped");
}

/* The older protocol, which a driver may have beside the feature or instead of it. */
static void show_migration_region(const struct vfio_device *device)
{
	struct region region;
	bool has = region_find(device, &region);

	if (device->dry)
		return;
	out_object("region");
	if (has) {
		out_bool("supported", true, "  %-14s %syes%s", "region (v1)",
			 out_paint(PAINT_GOOD), out_paint(PAINT_PLAIN));
		out_uint("index", region.index, ", %u", region.index);
		out_uint("offset", region.offset, " at %#llx",
			 (unsigned long long)region.offset);
		out_uint("size", region.size, ", %s", units_size(region.size));
		show_data_section(&region);
	} else {
		out_bool("supported", false, "  %-14s %sno%s\n", "region (v1)",
			 out_paint(PAINT_DIM), out_paint(PAINT_PLAIN));
	}
	out_close();
}

/* A device that cannot migrate is still shown. */
static int show_migration(struct vfio_device *device)
{
	struct migration migration;
	struct vfio_device_feature_migration feature;
	int status = STATUS_DONE;

	out_object("migration");
	if (!device->dry && vfio_feature(device, VFIO_DEVICE_FEATURE_GET |
					 VFIO_DEVICE_FEATURE_MIGRATION, &feature,
					 sizeof(feature), "VFIO_DEVICE_FEATURE GET MIGRATION")) {
		out_bool("supported", false, "%-16s %s\n", "migration", "no");
	} else {
		status = migration_begin(&migration, device, &feature_ops);
		if (!status && !device->dry)
			show_abilities(&migration);
	}
	if (!status)
		show_migration_region(device);
	out_close();
	return status;
}

int cmd_show(const struct arguments *arguments)
{
	struct vfio_device device = VFIO_DEVICE_CLOSED;
	bool dry = argument_given(arguments, OPTION_DRY_RUN);
	struct sysfs_device id;
	int status;

	status = sysfs_find(arguments->word[0], &id);
	if (status)
		return status;
	if (dry)
		out_array("calls");
	else
		show_id(&id);
	status = vfio_open(&device, arguments->word[0], arguments, NULL);
	if (!status && !dry)
		show_info(&device);
	if (!status)
		status = show_migration(&device);
	vfio_close(&device);
	return status;
}
