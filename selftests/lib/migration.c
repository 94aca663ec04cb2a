// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "migration.h"
#include "must.h"

#define FEATURE_PAYLOAD_MAX	64
#define DRAIN_BUFFER		(1 << 20)

const char *migration_state_name(uint32_t state)
{
	static const char *const names[MIGRATION_STATES] = {
		[ERROR] = "ERROR",
		[STOP] = "STOP",
		[RUNNING] = "RUNNING",
		[STOP_COPY] = "STOP_COPY",
		[RESUMING] = "RESUMING",
		[RUNNING_P2P] = "RUNNING_P2P",
		[PRE_COPY] = "PRE_COPY",
		[PRE_COPY_P2P] = "PRE_COPY_P2P",
	};

	return state < MIGRATION_STATES ? names[state] : "none";
}

int migration_feature(struct device *device, uint32_t flags, void *payload, size_t size)
{
	union {
		struct vfio_device_feature header;
		uint8_t space[sizeof(struct vfio_device_feature) + FEATURE_PAYLOAD_MAX];
	} buffer = { 0 };
	struct vfio_device_feature *feature = &buffer.header;
	int error;

	must(size <= FEATURE_PAYLOAD_MAX, "seen %zu", size);
	feature->argsz = (uint32_t)(sizeof(*feature) + size);
	feature->flags = flags;
	if (size)
		memcpy(feature->data, payload, size);
	error = device_ioctl(device, VFIO_DEVICE_FEATURE, feature);
	if (size)
		memcpy(payload, feature->data, size);
	return error;
}

uint64_t migration_flags(struct device *device)
{
	struct vfio_device_feature_migration migration = { 0 };
	int error;

	error = migration_feature(device, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION,
				  &migration, sizeof(migration));
	must(error == 0, "asking for the MIGRATION feature, seen %d", error);
	return migration.flags;
}

static int state_feature(struct device *device, uint32_t operation,
			 struct vfio_device_feature_mig_state *state)
{
	return migration_feature(device, operation | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, state,
				 sizeof(*state));
}

int migration_get(struct device *device, int *data_fd)
{
	struct vfio_device_feature_mig_state state = { .device_state = ~0u, .data_fd = -2 };
	int error;

	error = state_feature(device, VFIO_DEVICE_FEATURE_GET, &state);
	if (data_fd)
		*data_fd = state.data_fd;
	return error ?: (int)state.device_state;
}

int migration_set(struct device *device, uint32_t state, int *data_fd)
{
	struct vfio_device_feature_mig_state set = { .device_state = state, .data_fd = -2 };
	int error;

	error = state_feature(device, VFIO_DEVICE_FEATURE_SET, &set);
	if (data_fd)
		*data_fd = error ? -1 : set.data_fd;
	else if (!error && set.data_fd >= 0)
		close(set.data_fd);
	return error;
}

int migration_go(struct device *device, uint32_t state)
{
	int data_fd;
	int error;

	error = migration_set(device, state, &data_fd);
	must(error == 0, "going to %s, seen %d", migration_state_name(state), error);
	must(data_fd >= -1, "in %s, seen %d", migration_state_name(state), data_fd);
	return data_fd;
}

int migration_opt_in(struct device *device)
{
	return migration_feature(device, VFIO_DEVICE_FEATURE_SET |
				 VFIO_COMPAT_FEATURE_PRECOPY_INFO_V2, NULL, 0);
}

uint64_t migration_data_size(struct device *device)
{
	struct vfio_device_feature_mig_data_size size = { 0 };
	int error;

	error = migration_feature(device,
				  VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
				  &size, sizeof(size));
	must(error == 0, "asking for MIG_DATA_SIZE, seen %d", error);
	return size.stop_copy_length;
}

int migration_precopy_info(int data_fd, struct vfio_precopy_info *info)
{
	info->argsz = sizeof(*info);
	return ioctl(data_fd, VFIO_MIG_GET_PRECOPY_INFO, info) < 0 ? -errno : 0;
}

ssize_t migration_read(int data_fd, void *bytes, size_t length)
{
	ssize_t done = read(data_fd, bytes, length);

	return done < 0 ? -errno : done;
}

ssize_t migration_write(int data_fd, const void *bytes, size_t length)
{
	ssize_t done = write(data_fd, bytes, length);

	return done < 0 ? -errno : done;
}

int migration_drain(int data_fd, struct stream *stream)
{
	uint8_t *buffer = malloc(DRAIN_BUFFER);
	ssize_t done;

	must(buffer, "seen no memory");
	while ((done = migration_read(data_fd, buffer, DRAIN_BUFFER)) > 0)
		stream_append(stream, buffer, (size_t)done);
	free(buffer);
	return (int)done;
}

bool migration_readable(int data_fd, int ms)
{
	struct pollfd poll_fd = { .fd = data_fd, .events = POLLIN };

	return poll(&poll_fd, 1, ms) == 1 && poll_fd.revents & POLLIN;
}

int migration_feed(int data_fd, const struct stream *stream, size_t segment)
{
	size_t offset = 0;

	while (offset < stream->length) {
		size_t left = stream->length - offset;
		size_t length = segment && segment < left ? segment : left;
		ssize_t done = migration_write(data_fd, stream->bytes + offset, length);

		if (done < 0)
			return (int)done;
		must(done > 0, "writing %zu bytes, seen 0", length);
		offset += (size_t)done;
	}
	return 0;
}

struct stream migration_save(struct device *device)
{
	struct stream stream = { 0 };
	int data_fd;
	int error;

	data_fd = migration_go(device, STOP_COPY);
	must(data_fd >= 0, "a data fd, seen %d", data_fd);
	error = migration_drain(data_fd, &stream);
	must(error == 0, "reading %zu bytes, seen %d", stream.length, error);
	close(data_fd);
	return stream;
}

int migration_load(struct device *device, const struct stream *stream, size_t segment)
{
	int data_fd;
	int error;

	data_fd = migration_go(device, RESUMING);
	must(data_fd >= 0, "a data fd, seen %d", data_fd);
	error = migration_feed(data_fd, stream, segment) ?:
		migration_set(device, STOP, NULL);
	close(data_fd);
	return error;
}

void migration_refusal(struct device *device, char *text, size_t size)
{
	int length = mdev_read(&device->mdev, "migration/refusal", text, size);

	must(length >= 0, "reading migration/refusal, seen %d", length);
}
