/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Migration states and data transfer sessions of an open device.
 */
#ifndef LIB_MIGRATION_H
#define LIB_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "device.h"
#include "stream.h"

/** enum migration_state - states, without the prefix */
enum migration_state {
	ERROR		= VFIO_DEVICE_STATE_ERROR,
	STOP		= VFIO_DEVICE_STATE_STOP,
	RUNNING		= VFIO_DEVICE_STATE_RUNNING,
	STOP_COPY	= VFIO_DEVICE_STATE_STOP_COPY,
	RESUMING	= VFIO_DEVICE_STATE_RESUMING,
	RUNNING_P2P	= VFIO_DEVICE_STATE_RUNNING_P2P,
	PRE_COPY	= VFIO_DEVICE_STATE_PRE_COPY,
	PRE_COPY_P2P	= VFIO_DEVICE_STATE_PRE_COPY_P2P,
};

/** define MIGRATION_STATES - states 0 to this - 1 exist */
#define MIGRATION_STATES	8

/** migration_state_name - as in the VFIO headers, without the prefix */
const char *migration_state_name(uint32_t state);

/** migration_feature - VFIO_DEVICE_FEATURE with @size bytes of payload; 0 or -errno */
int migration_feature(struct device *device, uint32_t flags, void *payload, size_t size);

/** migration_flags - flags of the MIGRATION feature; the test fails without */
uint64_t migration_flags(struct device *device);

/** migration_get - current state, or -errno; @data_fd, unless NULL, is what GET said */
int migration_get(struct device *device, int *data_fd);

/** migration_set - change state; 0 or -errno. @data_fd: the new session's fd or -1 */
int migration_set(struct device *device, uint32_t state, int *data_fd);

/**
 * migration_go - change state; the test fails when that does not work
 *
 * Return: the new session's data fd, or -1 when none was begun.
 */
int migration_go(struct device *device, uint32_t state);

/** migration_opt_in - feature 12, PRECOPY_INFOv2; 0 or -errno */
int migration_opt_in(struct device *device);

/** migration_data_size - MIG_DATA_SIZE; the test fails without */
uint64_t migration_data_size(struct device *device);

/** migration_precopy_info - VFIO_MIG_GET_PRECOPY_INFO on a data fd; 0 or -errno */
int migration_precopy_info(int data_fd, struct vfio_precopy_info *info);

/** migration_read - read(2) on a data fd; bytes, 0 at the end, or -errno */
ssize_t migration_read(int data_fd, void *bytes, size_t length);
ssize_t migration_write(int data_fd, const void *bytes, size_t length);

/** migration_drain - append all there is; 0 at the end, else -errno, -ENOMSG in pre-copy */
int migration_drain(int data_fd, struct stream *stream);

/** migration_readable - poll(2) says that a read would not have to wait, within @ms */
bool migration_readable(int data_fd, int ms);

/** migration_feed - write all of it, @segment bytes at a time (0: at once); 0 or -errno */
int migration_feed(int data_fd, const struct stream *stream, size_t segment);

/**
 * migration_save - stop the device and save it; the test fails when that does not work
 *
 * Leaves the device in STOP_COPY. To be freed with stream_free().
 */
struct stream migration_save(struct device *device);

/** migration_load - RESUMING, the stream in @segment bytes, STOP; 0 or the first -errno */
int migration_load(struct device *device, const struct stream *stream, size_t segment);

/** migration_refusal - why the last stream was refused, from sysfs */
void migration_refusal(struct device *device, char *text, size_t size);

#endif /* LIB_MIGRATION_H */
