// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_mig_get_next_state() for kernels whose own knows no PRE_COPY.
 *
 * A migration state is how far the device has come to rest, and the session that
 * is open in it. A path first ends a session that the goal does not share, then
 * changes the rest step by step, and at last starts the session of the goal: so
 * no session is opened on the way that is not asked for.
 */
#ifdef MDEVSIM_COMPAT_NEXT_STATE

#include <linux/array_size.h>
#include <linux/errno.h>

enum rest { RUNS, QUIET, STOPPED };
enum session { NONE, SAVING, LOADING };

static const struct {
	enum rest rest;
	enum session session;
} states[] = {
	[VFIO_DEVICE_STATE_STOP]		= { STOPPED, NONE },
	[VFIO_DEVICE_STATE_RUNNING]		= { RUNS, NONE },
	[VFIO_DEVICE_STATE_STOP_COPY]		= { STOPPED, SAVING },
	[VFIO_DEVICE_STATE_RESUMING]		= { STOPPED, LOADING },
	[VFIO_DEVICE_STATE_RUNNING_P2P]		= { QUIET, NONE },
	[VFIO_DEVICE_STATE_PRE_COPY]		= { RUNS, SAVING },
	[VFIO_DEVICE_STATE_PRE_COPY_P2P]	= { QUIET, SAVING },
};

static enum vfio_device_mig_state find(enum rest rest, enum session session)
{
	enum vfio_device_mig_state state = VFIO_DEVICE_STATE_STOP;

	while (states[state].rest != rest || states[state].session != session)
		state++;
	return state;
}

static bool is_state(enum vfio_device_mig_state state)
{
	return state > VFIO_DEVICE_STATE_ERROR && state < ARRAY_SIZE(states);
}

int mdevsim_compat_next_state(struct vfio_device *vdev, enum vfio_device_mig_state cur,
			      enum vfio_device_mig_state new, enum vfio_device_mig_state *next)
{
	enum rest rest;

	if (!is_state(cur) || !is_state(new))
		return -EINVAL;
	rest = states[cur].rest;
	if (states[cur].session != NONE && states[cur].session != states[new].session)
		*next = find(rest, NONE);
	else if (cur == VFIO_DEVICE_STATE_STOP_COPY && new != cur)
		return -EINVAL;
	else if (rest < states[new].rest)
		*next = find(rest + 1, states[cur].session);
	else if (rest > states[new].rest)
		*next = find(rest - 1, states[cur].session);
	else
		*next = new;
	return 0;
}

#endif /* MDEVSIM_COMPAT_NEXT_STATE */
