// SPDX-License-Identifier: GPL-2.0
/*
 * Migration states and the arcs between them.
 *
 * What the states mean here:
 *
 *   RUNNING, PRE_COPY           the function runs
 *   RUNNING_P2P, PRE_COPY_P2P   the function is quiet: every fetched command is complete, no DMA,
 *                               no interrupt; registers and doorbells still change
 *   STOP, STOP_COPY, RESUMING   it is frozen as well: writes to BAR 0 are dropped
 *
 * P2P DMA cannot be told from other DMA, so RUNNING_P2P stops all of it, and
 * RUNNING_P2P -> STOP has only to freeze the registers.
 */
#include <linux/file.h>
#include <linux/ktime.h>
#include <linux/uaccess.h>
#include "event.h"
#include "mdevsim.h"
#include "records.h"
#include "session.h"
#include "state_stream.h"
#include "trace.h"

static const char *const state_names[] = {
	[VFIO_DEVICE_STATE_ERROR]		= "ERROR",
	[VFIO_DEVICE_STATE_STOP]		= "STOP",
	[VFIO_DEVICE_STATE_RUNNING]		= "RUNNING",
	[VFIO_DEVICE_STATE_STOP_COPY]		= "STOP_COPY",
	[VFIO_DEVICE_STATE_RESUMING]		= "RESUMING",
	[VFIO_DEVICE_STATE_RUNNING_P2P]		= "RUNNING_P2P",
	[VFIO_DEVICE_STATE_PRE_COPY]		= "PRE_COPY",
	[VFIO_DEVICE_STATE_PRE_COPY_P2P]	= "PRE_COPY_P2P",
};

const char *mdevsim_migration_state_name(enum vfio_device_mig_state state)
{
	return state < ARRAY_SIZE(state_names) ? state_names[state] : "?";
}

bool mdevsim_migration_is_running(struct mdevsim_device *device)
{
	lockdep_assert_held(&device->lifecycle);
	return device->migration.state == VFIO_DEVICE_STATE_RUNNING ||
	       device->migration.state == VFIO_DEVICE_STATE_PRE_COPY;
}

static void set_session(struct mdevsim_migration *mig, struct mdevsim_session *session)
{
	guard(spinlock)(&mig->notify);
	mig->session = session;
}

/* Called by workers that write to the namespace */
void mdevsim_function_dirtied(struct mdevsim_function *fn)
{
	struct mdevsim_migration *mig = &fn->device->migration;

	guard(spinlock)(&mig->notify);
	if (mig->session)
		mdevsim_session_wake(mig->session);
}

static void session_end(struct mdevsim_device *device)
{
	struct mdevsim_migration *mig = &device->migration;
	struct mdevsim_session *session = mig->session;

	set_session(mig, NULL);
	if (session) {
		mdevsim_session_end(session);
		WRITE_ONCE(device->progress.phase, MDEVSIM_PHASE_NONE);
		mdevsim_event_session_end(device, ktime_get_ns() - device->progress.start_ns);
	}
	mdevsim_migration_region_end(device);
}

static const enum mdevsim_phase phases[] = {
	[MDEVSIM_SESSION_PRE_COPY]	= MDEVSIM_PHASE_PRE_COPY,
	[MDEVSIM_SESSION_STOP_COPY]	= MDEVSIM_PHASE_STOP_COPY,
	[MDEVSIM_SESSION_RESUMING]	= MDEVSIM_PHASE_RESUMING,
};

static void session_begun(struct mdevsim_device *device, enum mdevsim_session_phase phase)
{
	struct mdevsim_progress *progress = &device->progress;

	WRITE_ONCE(progress->bytes, 0);
	WRITE_ONCE(progress->rounds, 0);
	progress->start_ns = ktime_get_ns();
	WRITE_ONCE(progress->phase, phases[phase]);
	mdevsim_event_session_begin(device);
}

/* On return no write to the function's registers is under way and none takes effect. */
static void freeze(struct mdevsim_device *device, bool frozen)
{
	guard(rwsem_write)(&device->gate);
	device->frozen = frozen;
}

static struct file *arc_quiesce(struct mdevsim_device *device)
{
	mdevsim_device_quiesce(device);
	mdevsim_irq_hold(&device->irq);
	return NULL;
}

/*
 * Interrupts that the source could not deliver, or that got lost on the way, are sent again: at
 * the end, when the function has said how its pin stands.
 */
static struct file *arc_resume(struct mdevsim_device *device)
{
	struct mdevsim_function *fn = device->fn;

	if (device->migration.loaded)
		fn->ops->state_loaded(fn);
	device->migration.loaded = false;
	mdevsim_device_resume(device);
	mdevsim_irq_release(&device->irq);
	return NULL;
}

static struct file *arc_freeze(struct mdevsim_device *device)
{
	freeze(device, true);
	return NULL;
}

static struct file *arc_thaw(struct mdevsim_device *device)
{
	freeze(device, false);
	return NULL;
}

static struct file *arc_session_start(struct mdevsim_device *device,
				      enum mdevsim_session_phase phase)
{
	struct mdevsim_session *session;
	struct file *file;

	file = mdevsim_session_start(device, phase, &session);
	if (IS_ERR(file))
		return file;
	session_begun(device, phase);
	set_session(&device->migration, session);
	return file;
}

static struct file *arc_session_end(struct mdevsim_device *device)
{
	session_end(device);
	return NULL;
}

static struct file *arc_stop_copy(struct mdevsim_device *device)
{
	freeze(device, true);
	mdevsim_session_stop_copy(device->migration.session);
	WRITE_ONCE(device->progress.phase, MDEVSIM_PHASE_STOP_COPY);
	return NULL;
}

static struct file *arc_resuming(struct mdevsim_device *device)
{
	mdevsim_migration_refused(device, &(struct mdevsim_reason){});
	return arc_session_start(device, MDEVSIM_SESSION_RESUMING);
}

/* When the stream is refused the device stays in RESUMING, from which only a reset leads. */
static struct file *arc_commit(struct mdevsim_device *device)
{
	int ret = mdevsim_session_commit(device->migration.session);

	if (ret)
		return ERR_PTR(ret);
	device->migration.loaded = true;
	return arc_session_end(device);
}

#define ARC(from, to)	(VFIO_DEVICE_STATE_##from << 8 | VFIO_DEVICE_STATE_##to)

/* The arcs that vfio_mig_get_next_state() composes everything from, by what they do */
static struct file *step(struct mdevsim_device *device, enum vfio_device_mig_state next)
{
	switch (device->migration.state << 8 | next) {
	case ARC(RUNNING, RUNNING_P2P):
	case ARC(PRE_COPY, PRE_COPY_P2P):
		return arc_quiesce(device);
	case ARC(RUNNING_P2P, RUNNING):
	case ARC(PRE_COPY_P2P, PRE_COPY):
		return arc_resume(device);
	case ARC(RUNNING_P2P, STOP):
		return arc_freeze(device);
	case ARC(STOP, RUNNING_P2P):
		return arc_thaw(device);
	case ARC(RUNNING, PRE_COPY):
	case ARC(RUNNING_P2P, PRE_COPY_P2P):
		return arc_session_start(device, MDEVSIM_SESSION_PRE_COPY);
	case ARC(STOP, STOP_COPY):
		return arc_session_start(device, MDEVSIM_SESSION_STOP_COPY);
	case ARC(PRE_COPY_P2P, STOP_COPY):
		return arc_stop_copy(device);
	case ARC(PRE_COPY, RUNNING):
	case ARC(PRE_COPY_P2P, RUNNING_P2P):
	case ARC(STOP_COPY, STOP):
		return arc_session_end(device);
	case ARC(STOP, RESUMING):
		return arc_resuming(device);
	case ARC(RESUMING, STOP):
		return arc_commit(device);
	}
	/* vfio_mig_get_next_state() uses no others */
	WARN_ON_ONCE(true);
	return ERR_PTR(-EINVAL);
}

/* A device that is broken does nothing, until it is reset. */
static void enter_error(struct mdevsim_device *device)
{
	mdevsim_device_quiesce(device);
	mdevsim_irq_hold(&device->irq);
	freeze(device, true);
	session_end(device);
}

/* Take an arc, unless it takes longer, fails or breaks the device, as somebody asked for. */
static struct file *step_shaped(struct mdevsim_device *device, enum vfio_device_mig_state *next)
{
	bool broken = false;
	int ret;

	ret = mdevsim_shape_delay(device, *next);
	if (!ret && mdevsim_fault_any())
		ret = mdevsim_fault_arc(device, device->migration.state, *next, &broken);
	if (!ret)
		return step(device, *next);
	if (broken) {
		enter_error(device);
		*next = VFIO_DEVICE_STATE_ERROR;
	}
	return ERR_PTR(ret);
}

static struct file *step_traced(struct mdevsim_device *device, enum vfio_device_mig_state next)
{
	struct mdevsim_migration *mig = &device->migration;
	enum vfio_device_mig_state from = mig->state;
	u64 start = ktime_get_ns(), ns;
	struct file *file;

	file = step_shaped(device, &next);
	ns = ktime_get_ns() - start;
	if (!IS_ERR(file) || next == VFIO_DEVICE_STATE_ERROR)
		WRITE_ONCE(mig->state, next);
	trace_mdevsim_arc(dev_name(device->vdev.dev), mdevsim_migration_state_name(from),
			  mdevsim_migration_state_name(next), PTR_ERR_OR_ZERO(file), ns);
	mdevsim_event_state(device, from, next, PTR_ERR_OR_ZERO(file), ns);
	return file;
}

static const enum mdevsim_protocol protocols[] = {
	[MDEVSIM_FRONT_END_FEATURE]	= MDEVSIM_PROTOCOL_V2,
	[MDEVSIM_FRONT_END_REGION]	= MDEVSIM_PROTOCOL_V1,
};

struct file *mdevsim_migration_set_state(struct mdevsim_device *device, u32 new_state,
					 enum mdevsim_front_end by)
{
	struct mdevsim_migration *mig = &device->migration;
	enum vfio_device_mig_state next;
	struct file *file = NULL;
	int ret;

	lockdep_assert_held(&device->lifecycle);
	if (mig->session && mig->owner != by)
		return ERR_PTR(-EBUSY);
	mig->owner = by;
	WRITE_ONCE(device->progress.protocol, protocols[by]);
	/* With ERROR as current state the core's table ends in a WARN. */
	if (mig->state == VFIO_DEVICE_STATE_ERROR)
		return ERR_PTR(-EIO);
	if (new_state >= ARRAY_SIZE(state_names))
		return ERR_PTR(-EINVAL);
	while (mig->state != new_state) {
		ret = vfio_mig_get_next_state(&device->vdev, mig->state, new_state, &next);
		if (ret)
			return ERR_PTR(ret);
		file = step_traced(device, next);
		if (IS_ERR(file))
			return file;
		/* Only the last arc of a path returns a file. */
		if (WARN_ON_ONCE(file && mig->state != new_state)) {
			fput(file);
			return ERR_PTR(-EINVAL);
		}
	}
	return file;
}

static struct file *set_state(struct vfio_device *vdev, enum vfio_device_mig_state new_state)
{
	struct mdevsim_device *device = vdev_to_mdevsim(vdev);

	guard(mutex)(&device->lifecycle);
	return mdevsim_migration_set_state(device, new_state, MDEVSIM_FRONT_END_FEATURE);
}

static int get_state(struct vfio_device *vdev, enum vfio_device_mig_state *state)
{
	struct mdevsim_device *device = vdev_to_mdevsim(vdev);

	guard(mutex)(&device->lifecycle);
	*state = device->migration.state;
	return 0;
}

/* What STOP_COPY would carry if it began now: everything, unless a session has sent part of it. */
static u64 data_size(struct mdevsim_device *device)
{
	const u64 page = mdevsim_state_stream_size(sizeof(struct mdevsim_state_ns_extent) +
						   MDEVSIM_EXTENT_ALIGN);
	u64 remaining = 0, initial_extra, final_extra;
	struct mdevsim_function *fn = device->fn;
	struct mdevsim_bulk_size size;

	lockdep_assert_held(&device->lifecycle);
	if (device->migration.session)
		remaining = mdevsim_session_size(device->migration.session);
	if (remaining)
		return remaining;
	fn->ops->bulk_size(fn, &size);
	mdevsim_session_extra(device, &initial_extra, &final_extra);
	return DIV_ROUND_UP_ULL(size.initial + size.dirty, MDEVSIM_EXTENT_ALIGN) * page +
	       sizeof(struct mdevsim_stream_header) + mdevsim_records_max(device) +
	       mdevsim_records_synthetic(initial_extra) + mdevsim_records_synthetic(final_extra);
}

int mdevsim_migration_data_size(struct vfio_device *vdev, unsigned long *stop_copy_length)
{
	struct mdevsim_device *device = vdev_to_mdevsim(vdev);
	u64 size;

	guard(mutex)(&device->lifecycle);
	size = data_size(device);
	if (mdevsim_fault_any())
		mdevsim_fault_data_size(device, &size);
	*stop_copy_length = size;
	return 0;
}

static const struct vfio_migration_ops migration_ops = {
	.migration_set_state		= set_state,
	.migration_get_state		= get_state,
	MDEVSIM_DATA_SIZE_OP(mdevsim_migration_data_size)
};

int mdevsim_migration_may_reinit(struct mdevsim_device *device)
{
	struct mdevsim_migration *mig = &device->migration;

	lockdep_assert_held(&device->lifecycle);
	return mig->session && !MDEVSIM_PRECOPY_INFO_V2(device) ? -EBUSY : 0;
}

void mdevsim_migration_reinit(struct mdevsim_device *device)
{
	lockdep_assert_held(&device->lifecycle);
	if (device->migration.session)
		mdevsim_session_reinit(device->migration.session);
}

int mdevsim_migration_write_version(struct mdevsim_device *device, u16 major, u16 minor)
{
	struct mdevsim_migration *mig = &device->migration;

	if (major != MDEVSIM_STREAM_MAJOR || minor > MDEVSIM_STREAM_MINOR)
		return -EINVAL;
	guard(mutex)(&device->lifecycle);
	if (mig->session)
		return -EBUSY;
	WRITE_ONCE(mig->stream_minor, minor);
	return 0;
}

void mdevsim_migration_refused(struct mdevsim_device *device, const struct mdevsim_reason *why)
{
	bool news;

	scoped_guard(spinlock, &device->migration.notify) {
		news = strcmp(device->migration.refusal.text, why->text);
		device->migration.refusal = *why;
	}
	/* The error of a stream sticks: it is met again and again. */
	if (!why->text[0] || !news)
		return;
	dev_dbg_ratelimited(device->vdev.dev, "stream refused: %s\n", why->text);
	mdevsim_event_refusal(device, why->text);
}

void mdevsim_migration_refusal(struct mdevsim_device *device, struct mdevsim_reason *why)
{
	guard(spinlock)(&device->migration.notify);
	*why = device->migration.refusal;
}

void mdevsim_migration_reset(struct mdevsim_device *device)
{
	struct mdevsim_migration *mig = &device->migration;

	lockdep_assert_held(&device->lifecycle);
	session_end(device);
	freeze(device, false);
	mig->loaded = false;
	WRITE_ONCE(mig->state, VFIO_DEVICE_STATE_RUNNING);
}

void mdevsim_migration_init(struct mdevsim_device *device)
{
	struct mdevsim_migration *mig = &device->migration;

	spin_lock_init(&mig->notify);
	mig->state = VFIO_DEVICE_STATE_RUNNING;
	mig->stream_minor = MDEVSIM_STREAM_MINOR;
	device->vdev.migration_flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
				       VFIO_MIGRATION_PRE_COPY;
	device->vdev.mig_ops = &migration_ops;
}
