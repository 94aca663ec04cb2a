// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include "array_size.h"
#include "feature.h"
#include "migration.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name

/*
 * Arcs of the protocol. One that crosses over an optional state is there only
 * for devices without that state.
 */
#define P2P	VFIO_MIGRATION_P2P
#define PRE	VFIO_MIGRATION_PRE_COPY

static const struct migration_edge edges[] = {
	{ STATE(RESUMING), STATE(STOP), 0, 0 },
	{ STATE(STOP), STATE(RESUMING), 0, 0 },
	{ STATE(STOP), STATE(STOP_COPY), 0, 0 },
	{ STATE(STOP_COPY), STATE(STOP), 0, 0 },
	{ STATE(RUNNING), STATE(STOP), 0, P2P },
	{ STATE(STOP), STATE(RUNNING), 0, P2P },
	{ STATE(RUNNING), STATE(RUNNING_P2P), P2P, 0 },
	{ STATE(RUNNING_P2P), STATE(RUNNING), P2P, 0 },
	{ STATE(RUNNING_P2P), STATE(STOP), P2P, 0 },
	{ STATE(STOP), STATE(RUNNING_P2P), P2P, 0 },
	{ STATE(RUNNING), STATE(PRE_COPY), PRE, 0 },
	{ STATE(PRE_COPY), STATE(RUNNING), PRE, 0 },
	{ STATE(PRE_COPY), STATE(STOP_COPY), PRE, P2P },
	{ STATE(PRE_COPY), STATE(PRE_COPY_P2P), PRE | P2P, 0 },
	{ STATE(PRE_COPY_P2P), STATE(PRE_COPY), PRE | P2P, 0 },
	{ STATE(RUNNING_P2P), STATE(PRE_COPY_P2P), PRE | P2P, 0 },
	{ STATE(PRE_COPY_P2P), STATE(RUNNING_P2P), PRE | P2P, 0 },
	{ STATE(PRE_COPY_P2P), STATE(STOP_COPY), PRE | P2P, 0 },
};

/* A dry run is told of a device that can do everything. */
static int get_flags(struct migration *migration)
{
	struct vfio_device_feature_migration feature = {
		.flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P | VFIO_MIGRATION_PRE_COPY,
	};

	if (vfio_feature(migration->device,
			 VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION,
			 &feature, sizeof(feature), "VFIO_DEVICE_FEATURE GET MIGRATION"))
		return -1;
	migration->flags = feature.flags;
	return 0;
}

static int fail_flags(struct migration *migration)
{
	if (errno == ENOTTY || errno == EOPNOTSUPP)
		return migration_fail_unsupported(migration, errno);
	return vfio_fail(migration->device, STATUS_FAILED, "cannot ask for its migration features");
}

static int begin(struct migration *migration)
{
	if (get_flags(migration))
		return fail_flags(migration);
	if (migration_is(migration, VFIO_MIGRATION_PRE_COPY))
		migration->info2 = !vfio_feature(migration->device, VFIO_DEVICE_FEATURE_SET |
						 VFIO_COMPAT_FEATURE_PRECOPY_INFO_V2, NULL, 0,
						 "VFIO_DEVICE_FEATURE SET MIG_PRECOPY_INFOv2");
	return STATUS_DONE;
}

static int get(struct migration *migration, uint32_t *state)
{
	struct vfio_device_feature_mig_state feature = {
		.device_state = migration->state,
		.data_fd = -1,
	};

	if (vfio_feature(migration->device,
			 VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			 &feature, sizeof(feature), "VFIO_DEVICE_FEATURE GET MIG_DEVICE_STATE"))
		return -1;
	*state = feature.device_state;
	return 0;
}

static int set(struct migration *migration, uint32_t state, const char *via, int *data)
{
	struct vfio_device_feature_mig_state feature = { .device_state = state, .data_fd = -1 };
	int ret;

	ret = vfio_feature(migration->device,
			   VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
			   &feature, sizeof(feature),
			   "VFIO_DEVICE_FEATURE SET MIG_DEVICE_STATE %s -> %s%s",
			   migration_state_name(migration->state), migration_state_name(state),
			   via);
	*data = feature.data_fd;
	return ret;
}

static int precopy_info(struct migration *migration, struct vfio_precopy_info *info)
{
	*info = (struct vfio_precopy_info){ .argsz = sizeof(*info) };
	return vfio_ioctl(migration->device, migration->data, VFIO_MIG_GET_PRECOPY_INFO, info,
			  "VFIO_MIG_GET_PRECOPY_INFO");
}

static bool data_size(struct migration *migration, uint64_t *bytes)
{
	struct vfio_device_feature_mig_data_size feature = { 0 };

	if (vfio_feature(migration->device,
			 VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
			 &feature, sizeof(feature), "VFIO_DEVICE_FEATURE GET MIG_DATA_SIZE"))
		return false;
	*bytes = feature.stop_copy_length;
	return true;
}

static ssize_t read_data(struct migration *migration, void *data, size_t size)
{
	return migration->device->dry ? 0 : read(migration->data, data, size);
}

static ssize_t write_data(struct migration *migration, const void *data, size_t size)
{
	return migration->device->dry ? (ssize_t)size : write(migration->data, data, size);
}

static bool wait_for_data(struct migration *migration, int ms)
{
	struct pollfd poller = { .fd = migration->data, .events = POLLIN };

	return poll(&poller, 1, ms) > 0 && poller.revents & POLLIN;
}

const struct migration_ops feature_ops = {
	.edges = edges,
	.nr_edges = ARRAY_SIZE(edges),
	.begin = begin,
	.get = get,
	.set = set,
	.precopy_info = precopy_info,
	.data_size = data_size,
	.read = read_data,
	.write = write_data,
	.wait = wait_for_data,
};
