/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_SESSION_H
#define MDEVSIM_SESSION_H

#include <linux/types.h>
#include "function.h"

struct file;
struct mdevsim_device;
struct mdevsim_session;

/**
 * enum mdevsim_session_phase - what a data transfer session is for
 * @MDEVSIM_SESSION_PRE_COPY: saving, the function may run
 * @MDEVSIM_SESSION_STOP_COPY: saving, the function is stopped
 * @MDEVSIM_SESSION_RESUMING: loading
 * @MDEVSIM_SESSION_OVER: the state was left; the device may be gone
 */
enum mdevsim_session_phase {
	MDEVSIM_SESSION_PRE_COPY,
	MDEVSIM_SESSION_STOP_COPY,
	MDEVSIM_SESSION_RESUMING,
	MDEVSIM_SESSION_OVER,
};

/**
 * mdevsim_session_start - begin a session
 * @device: device; its lifecycle is held
 * @phase: any but OVER
 * @session: out: the session, with a reference for the caller, ended by mdevsim_session_end()
 *
 * Return: the data fd's file, with a reference of its own to the session; ERR_PTR
 */
struct file *mdevsim_session_start(struct mdevsim_device *device, enum mdevsim_session_phase phase,
				   struct mdevsim_session **session);

/** mdevsim_session_extra - bytes of made-up state that a session has which starts now */
void mdevsim_session_extra(struct mdevsim_device *device, u64 *initial, u64 *final);

/** mdevsim_session_stop_copy - PRE_COPY becomes STOP_COPY: the stream goes on to its end */
void mdevsim_session_stop_copy(struct mdevsim_session *session);

/**
 * mdevsim_session_commit - check all that was loaded; if it is sound, make it the state
 *
 * Return: 0, or the error that the stream met, its reason noted as refusal. The device is then as
 * it was before the session.
 */
int mdevsim_session_commit(struct mdevsim_session *session);

/**
 * mdevsim_session_end - the state was left: the file returns -ENODEV from now on
 *
 * Drops the caller's reference. On return nothing of the session touches the device.
 */
void mdevsim_session_end(struct mdevsim_session *session);

/** mdevsim_session_reinit - IDENTITY has changed: send it and the namespace once more */
void mdevsim_session_reinit(struct mdevsim_session *session);

/** mdevsim_session_pending - bytes that reading would give out now, estimated; 0 only for none */
u64 mdevsim_session_pending(struct mdevsim_session *session);

/** mdevsim_session_size - bytes a saving session has yet to give out if stopped now, at most */
u64 mdevsim_session_size(struct mdevsim_session *session);

/** mdevsim_session_wake - there is something to read again. Does not sleep. */
void mdevsim_session_wake(struct mdevsim_session *session);

#endif /* MDEVSIM_SESSION_H */
