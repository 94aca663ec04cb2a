/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_MIGRATION_H
#define MDEVSIM_MIGRATION_H

#include <linux/mdevsim.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>
#include "function.h"

struct mdevsim_device;
struct mdevsim_session;

/**
 * enum mdevsim_front_end - by what a user drives migration
 * @MDEVSIM_FRONT_END_FEATURE: VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE
 * @MDEVSIM_FRONT_END_REGION: the migration region
 */
enum mdevsim_front_end {
	MDEVSIM_FRONT_END_FEATURE,
	MDEVSIM_FRONT_END_REGION,
};

/**
 * struct mdevsim_migration - migration state of one device
 * @state: current state; under &mdevsim_device.lifecycle
 * @session: the data transfer session of the states that have one, else NULL; written under
 *	&mdevsim_device.lifecycle and @notify
 * @owner: the front end by which @session was begun
 * @loaded: a state was loaded and the function has not run since
 * @precopy_info_v2: the user wants to hear of REINIT; until the device is closed. Where the core
 *	does not keep this: see MDEVSIM_PRECOPY_INFO_V2()
 * @stream_minor: minor version of the streams that the device writes; a user's choice
 * @notify: leaf; makes @session safe to look at for waking who polls it, and
 *	protects @refusal
 * @refusal: why a stream was last refused; empty when it was not
 */
struct mdevsim_migration {
	enum vfio_device_mig_state state;
	struct mdevsim_session *session;
	enum mdevsim_front_end owner;
	bool loaded;
	bool precopy_info_v2;
	u16 stream_minor;
	spinlock_t notify;
	struct mdevsim_reason refusal;
};

/**
 * struct mdevsim_progress - how far migration is
 * @protocol: by what it was driven last since the device was opened
 * @phase: of the session
 * @bytes: that it has transferred, or the last one had
 * @rounds: times that the reader of the same session had read all there was, in pre-copy
 * @start_ns: when it began
 *
 * Written under &mdevsim_device.lifecycle, @bytes and @rounds under the session's lock; read by
 * READ_ONCE() under none.
 */
struct mdevsim_progress {
	enum mdevsim_protocol protocol;
	enum mdevsim_phase phase;
	u64 bytes;
	u32 rounds;
	u64 start_ns;
};

void mdevsim_migration_init(struct mdevsim_device *device);

/** mdevsim_migration_reset - end any session; the state is RUNNING. Caller holds the lifecycle. */
void mdevsim_migration_reset(struct mdevsim_device *device);

/**
 * mdevsim_migration_set_state - go to a state by whatever arcs lead there
 * @device: device; its lifecycle is held
 * @new_state: as it came from a user
 * @by: the front end he uses
 *
 * Return: file of the data fd when a session has begun, with a reference; NULL; or ERR_PTR() of
 * an errno listed in mdevsim_state.h. The device is then in the last state it reached.
 */
struct file *mdevsim_migration_set_state(struct mdevsim_device *device, u32 new_state,
					 enum mdevsim_front_end by);

/** mdevsim_migration_is_running - the state lets the function run. Caller holds the lifecycle. */
bool mdevsim_migration_is_running(struct mdevsim_device *device);

/** mdevsim_migration_state_name - as in the VFIO headers, without the prefix */
const char *mdevsim_migration_state_name(enum vfio_device_mig_state state);

/** mdevsim_migration_refusal - copy the last refusal's reason */
void mdevsim_migration_refusal(struct mdevsim_device *device, struct mdevsim_reason *why);

/** mdevsim_migration_refused - remember why a stream was refused */
void mdevsim_migration_refused(struct mdevsim_device *device, const struct mdevsim_reason *why);

/**
 * mdevsim_migration_write_version - write streams of an older, or again of the newest version
 * @device: device
 * @major: of the version
 * @minor: of the version
 *
 * Return: 0; -EINVAL for a version that this driver does not write; -EBUSY while a session runs
 */
int mdevsim_migration_write_version(struct mdevsim_device *device, u16 major, u16 minor);

/** mdevsim_migration_data_size - how many bytes STOP_COPY would carry if it began now */
int mdevsim_migration_data_size(struct vfio_device *vdev, unsigned long *stop_copy_length);

/**
 * mdevsim_migration_may_reinit - may what IDENTITY says change now?
 *
 * Return: 0; -EBUSY when a session runs that cannot take this. Caller holds the lifecycle.
 */
int mdevsim_migration_may_reinit(struct mdevsim_device *device);

/** mdevsim_migration_reinit - what IDENTITY says has changed. Caller holds the lifecycle. */
void mdevsim_migration_reinit(struct mdevsim_device *device);

#endif /* MDEVSIM_MIGRATION_H */
