// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "array_size.h"
#include "vfio.h"

/* In order of preference. */
static const struct vfio_backend *const backends[] = {
	&vfio_cdev_backend,
	&vfio_group_backend,
};

void vfio_backends_print(void)
{
	unsigned int i;

	out_text("back ends:");
	for (i = 0; i < ARRAY_SIZE(backends); i++)
		out_string(NULL, backends[i]->name, " %s", backends[i]->name);
	out_text("\n");
}

/* A dry run tells its steps on standard output, a trace on standard error. */
static void announce(const struct vfio_device *device, const char *what)
{
	if (!device->dry) {
		out_trace(2, "%s: %s", device->argument, what);
		return;
	}
	out_object(NULL);
	out_string("device", device->argument, "%s: ", device->argument);
	out_string("call", what, "%s\n", what);
	out_close();
}

OUT_FORMAT(2, 0)
static void announce_args(const struct vfio_device *device, const char *fmt, va_list args)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, args);
	announce(device, text);
}

int vfio_open_node(const struct vfio_device *device, const char *path)
{
	char text[64 + PATH_MAX];

	snprintf(text, sizeof(text), "open %s", path);
	announce(device, text);
	return open(device->dry ? "/dev/null" : path, O_RDWR | O_CLOEXEC);
}

int vfio_ioctl(const struct vfio_device *device, int fd, unsigned long request, void *arg,
	       const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	announce_args(device, fmt, args);
	va_end(args);
	return device->dry ? 0 : ioctl(fd, request, arg);
}

static int feature(const struct vfio_device *device, uint32_t flags, void *data, size_t size)
{
	union {
		struct vfio_device_feature header;
		uint64_t space[8];
	} request = { 0 };
	int ret;

	if (sizeof(request.header) + size > sizeof(request))
		abort();
	request.header.argsz = sizeof(request.header) + size;
	request.header.flags = flags;
	if (size)
		memcpy(request.header.data, data, size);
	ret = ioctl(device->fd, VFIO_DEVICE_FEATURE, &request);
	if (size)
		memcpy(data, request.header.data, size);
	return ret;
}

int vfio_feature(const struct vfio_device *device, uint32_t flags, void *data, size_t size,
		 const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	announce_args(device, fmt, args);
	va_end(args);
	return device->dry ? 0 : feature(device, flags, data, size);
}

bool vfio_has_feature(const struct vfio_device *device, uint32_t flags, const char *name)
{
	return !vfio_feature(device, flags | VFIO_DEVICE_FEATURE_PROBE, NULL, 0,
			     "VFIO_DEVICE_FEATURE PROBE %s", name);
}

ssize_t vfio_pread(const struct vfio_device *device, void *data, size_t size, uint64_t offset,
		   const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	announce_args(device, fmt, args);
	va_end(args);
	return device->dry ? (ssize_t)size : pread(device->fd, data, size, offset);
}

ssize_t vfio_pwrite(const struct vfio_device *device, const void *data, size_t size,
		    uint64_t offset, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	announce_args(device, fmt, args);
	va_end(args);
	return device->dry ? (ssize_t)size : pwrite(device->fd, data, size, offset);
}

void *vfio_mmap(const struct vfio_device *device, size_t size, uint64_t offset,
		const char *fmt, ...)
{
	va_list args;
	void *map;

	va_start(args, fmt);
	announce_args(device, fmt, args);
	va_end(args);
	if (device->dry)
		return NULL;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd, offset);
	if (map != MAP_FAILED)
		return map;
	out_trace(1, "%s: cannot be mapped: %s", device->argument, strerror(errno));
	return NULL;
}

OUT_FORMAT(4, 0)
static int fail_device(const struct vfio_device *device, enum status status, const char *reason,
		       const char *fmt, va_list args)
{
	int error = errno;
	char what[512];

	vsnprintf(what, sizeof(what), fmt, args);
	return fail(&(struct fault){
			.status = status,
			.error = error,
			.where = device->argument,
			.reason = reason,
		    }, "%s", what);
}

int vfio_fail(const struct vfio_device *device, enum status status, const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = fail_device(device, status, NULL, fmt, args);
	va_end(args);
	return ret;
}

int vfio_fail_because(const struct vfio_device *device, enum status status, const char *reason,
		      const char *fmt, ...)
{
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = fail_device(device, status, reason, fmt, args);
	va_end(args);
	return ret;
}

int vfio_fail_refused(const struct vfio_device *device, enum status status, const char *fmt, ...)
{
	int error = errno, ret;
	char reason[512];
	va_list args;
	bool spoke;

	spoke = sysfs_read(device->id.path, "migration/refusal", reason, sizeof(reason));
	errno = error;
	va_start(args, fmt);
	ret = fail_device(device, status, spoke ? reason : NULL, fmt, args);
	va_end(args);
	return ret;
}

const char vfio_in_use_hint[] =
	"stop who has the device open, a virtual machine perhaps: fuser -v";

static const char *node_hint(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "run it as root, or give this user access to the node";
	case ENOENT:
		return "modprobe vfio_iommu_type1, or see whether the kernel has CONFIG_VFIO";
	case EBUSY:
		return vfio_in_use_hint;
	default:
		return NULL;
	}
}

int vfio_fail_node(const struct vfio_device *device, const char *path)
{
	int error = errno;

	return fail(&(struct fault){
			.status = error == ENOENT ? STATUS_UNSUPPORTED : STATUS_FAILED,
			.error = error,
			.where = device->argument,
			.hint = node_hint(error),
		    }, "cannot open %s", path);
}

/* The back end that --backend names, or NULL for "auto". */
static int find_backend(const char *name, const struct vfio_backend **backend)
{
	unsigned int i;

	*backend = NULL;
	if (!name || !strcmp(name, "auto"))
		return STATUS_DONE;
	for (i = 0; i < ARRAY_SIZE(backends); i++)
		if (!strcmp(backends[i]->name, name))
			*backend = backends[i];
	if (*backend)
		return STATUS_DONE;
	return fail_usage("--backend is group, cdev or auto, not '%s'", name);
}

static int choose_backend(struct vfio_device *device)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(backends) && !device->backend; i++)
		if (backends[i]->usable(&device->id))
			device->backend = backends[i];
	if (device->backend && device->backend->usable(&device->id))
		return STATUS_DONE;
	return fail(&(struct fault){
			.status = STATUS_UNSUPPORTED,
			.where = device->argument,
			.hint = "bind it to a VFIO driver; does the kernel have CONFIG_VFIO?",
		    }, "has no node in /dev/vfio%s%s, its driver is %s",
		    device->backend ? " for back end " : "",
		    device->backend ? device->backend->name : "",
		    *device->id.driver ? device->id.driver : "none");
}

static int get_info(struct vfio_device *device)
{
	device->info.argsz = sizeof(device->info);
	if (vfio_ioctl(device, device->fd, VFIO_DEVICE_GET_INFO, &device->info,
		       "VFIO_DEVICE_GET_INFO"))
		return vfio_fail(device, STATUS_FAILED, "cannot ask what it is");
	return STATUS_DONE;
}

int vfio_open(struct vfio_device *device, const char *argument, const struct arguments *arguments,
	      const struct vfio_device *peer)
{
	int status;

	device->argument = argument;
	device->dry = argument_given(arguments, OPTION_DRY_RUN);
	status = find_backend(arguments->value[OPTION_BACKEND], &device->backend);
	if (!status)
		status = sysfs_find(argument, &device->id);
	if (!status)
		status = choose_backend(device);
	if (!status)
		status = device->backend->open(device, peer);
	if (!status)
		status = get_info(device);
	if (status)
		vfio_close(device);
	return status;
}

int vfio_map(const struct vfio_device *device, const struct vfio_mapping *mapping)
{
	return device->backend->map(device, mapping);
}

int vfio_unmap(const struct vfio_device *device, uint64_t iova, size_t size)
{
	return device->backend->unmap(device, iova, size);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The device first: a group cannot leave its container before. */
void vfio_close(struct vfio_device *device)
{
	close_fd(&device->fd);
	close_fd(&device->group);
	close_fd(&device->context);
}
