// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uuid/uuid.h>
#include "out.h"
#include "sysfs.h"

char *sysfs_path(const char *fmt, ...)
{
	const char *root = getenv("VFIOMIG_ROOT");
	char *below, *path;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&below, fmt, args) < 0)
		abort();
	va_end(args);
	if (!root || !*root)
		return below;
	if (asprintf(&path, "%s%s", root, below) < 0)
		abort();
	free(below);
	return path;
}

/* Last component of where a link points to, or empty. */
static void link_name(const char *directory, const char *link, char *name, size_t size)
{
	char path[PATH_MAX], *target;

	*name = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", directory, link) >= (int)sizeof(path))
		return;
	target = realpath(path, NULL);
	if (target)
		snprintf(name, size, "%s", basename(target));
	free(target);
}

/* Kernels without character devices have the directory, but no device number in it. */
static int take_cdev(const char *path, const char *name, void *context)
{
	char number[32];

	if (!sysfs_read(path, "dev", number, sizeof(number)))
		return 0;
	snprintf(context, SYSFS_NAME, "%s", name);
	return 1;
}

static void find_cdev(struct sysfs_device *device)
{
	char *directory;

	if (asprintf(&directory, "%s/vfio-dev", device->path) < 0)
		abort();
	sysfs_each(directory, take_cdev, device->cdev);
	free(directory);
}

bool sysfs_device_from(const char *path, struct sysfs_device *device)
{
	char *copy;

	memset(device, 0, sizeof(*device));
	if (!realpath(path, device->path))
		return false;
	copy = strdup(device->path);
	if (!copy)
		abort();
	snprintf(device->name, sizeof(device->name), "%s", basename(copy));
	free(copy);
	link_name(device->path, "iommu_group", device->group, sizeof(device->group));
	link_name(device->path, "mdev_type", device->type, sizeof(device->type));
	link_name(device->path, "driver", device->driver, sizeof(device->driver));
	find_cdev(device);
	return device->group[0] || device->cdev[0] || device->type[0];
}

/* [DOMAIN:]BUS:DEVICE.FUNCTION with the domain filled in */
static bool pci_address(const char *text, char *address, size_t size)
{
	unsigned int domain = 0, bus, device, function;
	int end = 0;

	if (sscanf(text, "%x:%x:%x.%x%n", &domain, &bus, &device, &function, &end) != 4 ||
	    text[end]) {
		domain = 0;
		end = 0;
		if (sscanf(text, "%x:%x.%x%n", &bus, &device, &function, &end) != 3 || text[end])
			return false;
	}
	if (bus > 0xff || device > 0x1f || function > 7)
		return false;
	snprintf(address, size, "%04x:%02x:%02x.%x", domain, bus, device, function);
	return true;
}

/* The directory that a name, which is no path in /sys, stands for, to be freed; or NULL. */
static char *directory_of_name(const char *argument)
{
	static const char cdevs[] = "/dev/vfio/devices/";
	char address[32];
	uuid_t uuid;
	char text[UUID_STR_LEN];

	if (!uuid_parse(argument, uuid)) {
		uuid_unparse_lower(uuid, text);
		return sysfs_path("/sys/bus/mdev/devices/%s", text);
	}
	if (pci_address(argument, address, sizeof(address)))
		return sysfs_path("/sys/bus/pci/devices/%s", address);
	if (!strncmp(argument, cdevs, strlen(cdevs)))
		return sysfs_path("/sys/class/vfio-dev/%s/device", argument + strlen(cdevs));
	return NULL;
}

bool sysfs_is_device_name(const char *argument)
{
	char *directory = directory_of_name(argument);
	bool found = directory;

	free(directory);
	return found;
}

/* The directory that an argument of any of the four forms means, to be freed; NULL if of none. */
static char *directory_for(const char *argument)
{
	char *directory = directory_of_name(argument);

	if (!directory && strchr(argument, '/'))
		directory = strdup(argument);
	return directory;
}

static int fail_argument(const char *argument)
{
	return fail(&(struct fault){
			.status = STATUS_USAGE,
			.where = argument,
			.hint = "vfiomig list",
		    }, "is not a UUID, PCI address, path in /sys or /dev/vfio/devices");
}

static int fail_missing(const char *argument, const char *directory)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = errno,
			.where = argument,
			.hint = "vfiomig list",
		    }, "there is no device %s", directory);
}

static int fail_no_vfio(const char *argument)
{
	return fail(&(struct fault){
			.status = STATUS_UNSUPPORTED,
			.where = argument,
			.hint = "bind it to a VFIO driver: driverctl set-override ADDRESS vfio-pci",
		    }, "has no IOMMU group and no VFIO character device");
}

int sysfs_find(const char *argument, struct sysfs_device *device)
{
	char *directory = directory_for(argument);
	int status = STATUS_DONE;
	struct stat info;

	if (!directory)
		return fail_argument(argument);
	if (stat(directory, &info))
		status = fail_missing(argument, directory);
	else if (!sysfs_device_from(directory, device))
		status = fail_no_vfio(argument);
	free(directory);
	return status;
}

bool sysfs_read(const char *directory, const char *file, char *text, size_t size)
{
	char *path;
	ssize_t got;
	int fd;

	*text = '\0';
	if (asprintf(&path, "%s/%s", directory, file) < 0)
		abort();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return false;
	got = read(fd, text, size - 1);
	close(fd);
	if (got < 0)
		got = 0;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return *text;
}

int sysfs_write(const char *directory, const char *file, const char *text)
{
	int fd, error;
	ssize_t put;
	char *path;

	if (asprintf(&path, "%s/%s", directory, file) < 0)
		abort();
	fd = open(path, O_WRONLY | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return -1;
	put = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return put < 0 ? -1 : 0;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int sysfs_each(const char *directory,
	       int (*visit)(const char *path, const char *name, void *context), void *context)
{
	struct dirent **entries;
	int i, nr, ret = 0;
	char *path;

	nr = scandir(directory, &entries, not_hidden, versionsort);
	for (i = 0; i < nr; i++) {
		if (!ret) {
			if (asprintf(&path, "%s/%s", directory, entries[i]->d_name) < 0)
				abort();
			ret = visit(path, entries[i]->d_name, context);
			free(path);
		}
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
	return ret;
}

struct type_walk {
	const char *only_parent;
	const char *only_name;
	void (*visit)(const struct sysfs_type *type, void *context);
	void *context;
	const char *parent;
};

static int walk_type(const char *path, const char *name, void *context)
{
	const struct type_walk *walk = context;
	struct sysfs_type type = { .path = path, .parent = walk->parent, .name = name };

	if (!walk->only_name || !strcmp(walk->only_name, name))
		walk->visit(&type, walk->context);
	return 0;
}

static int walk_parent(const char *path, const char *name, void *context)
{
	struct type_walk *walk = context;
	char *types;

	if (walk->only_parent && strcmp(walk->only_parent, name))
		return 0;
	if (asprintf(&types, "%s/mdev_supported_types", path) < 0)
		abort();
	walk->parent = name;
	sysfs_each(types, walk_type, walk);
	free(types);
	return 0;
}

void sysfs_each_type(const char *parent, const char *name,
		     void (*visit)(const struct sysfs_type *type, void *context), void *context)
{
	struct type_walk walk = {
		.only_parent = parent,
		.only_name = name,
		.visit = visit,
		.context = context,
	};
	char *parents = sysfs_path("/sys/class/mdev_bus");

	sysfs_each(parents, walk_parent, &walk);
	free(parents);
}

/* Where a type was found: the last place that counts. */
struct place {
	bool with_room;
	char *path;
	unsigned int nr;
	unsigned int nr_full;
};

static void find_place(const struct sysfs_type *type, void *context)
{
	struct place *place = context;
	char available[16];

	if (place->with_room &&
	    sysfs_read(type->path, "available_instances", available, sizeof(available)) &&
	    !strcmp(available, "0")) {
		place->nr_full++;
		return;
	}
	place->nr++;
	free(place->path);
	place->path = strdup(type->path);
	if (!place->path)
		abort();
}

static int fail_place(const struct place *place, const char *type)
{
	struct fault fault = { .status = STATUS_FAILED, .where = type, .hint = "vfiomig types" };

	if (place->nr)
		return fail(&fault, "several parents have this type: say which with --parent");
	if (place->nr_full)
		return fail(&fault, "no more devices of this type can be created");
	return fail(&fault, "there is no such type");
}

int sysfs_find_type(const char *name, const char *parent, bool with_room, char **path)
{
	struct place place = { .with_room = with_room };

	sysfs_each_type(parent, name, find_place, &place);
	*path = place.path;
	if (place.nr == 1)
		return STATUS_DONE;
	free(place.path);
	*path = NULL;
	return fail_place(&place, name);
}
