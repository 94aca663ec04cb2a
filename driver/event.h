/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: what befalls devices, told to whoever listens to the multicast group
 * "migration". All may sleep and take no lock but one of their own, which is a
 * leaf: they can be called with any of the mutexes held, not under a spinlock.
 */
#ifndef MDEVSIM_EVENT_H
#define MDEVSIM_EVENT_H

#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/mdevsim.h>

struct mdevsim_device;

/** mdevsim_event_total - events of all devices so far */
u64 mdevsim_event_total(void);

/** mdevsim_event_life - %MDEVSIM_EVENT_KIND_CREATED, _REMOVED or _OPENED */
void mdevsim_event_life(struct mdevsim_device *device, enum mdevsim_event_kind kind);

/** mdevsim_event_closed - the device is closed, in the state that it will be opened in */
void mdevsim_event_closed(struct mdevsim_device *device);

/** mdevsim_event_state - an arc was taken in @ns, or not because of @error */
void mdevsim_event_state(struct mdevsim_device *device, enum vfio_device_mig_state from,
			 enum vfio_device_mig_state to, int error, u64 ns);

/** mdevsim_event_session_begin - a session has begun */
void mdevsim_event_session_begin(struct mdevsim_device *device);

/** mdevsim_event_session_end - it has ended, after @ns */
void mdevsim_event_session_end(struct mdevsim_device *device, u64 ns);

/** mdevsim_event_round - a reader has read all there was in pre-copy */
void mdevsim_event_round(struct mdevsim_device *device);

/** mdevsim_event_refusal - a stream was refused */
void mdevsim_event_refusal(struct mdevsim_device *device, const char *why);

/** mdevsim_event_reset - the device was reset in a state, in the way that @how says */
void mdevsim_event_reset(struct mdevsim_device *device, enum vfio_device_mig_state from,
			 const char *how);

/** mdevsim_event_fault - fault @id was hit */
void mdevsim_event_fault(struct mdevsim_device *device, u32 id, const char *what);

#endif /* MDEVSIM_EVENT_H */
