// SPDX-License-Identifier: GPL-2.0
#include <linux/cleanup.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include "mdevsim.h"
#include "shape.h"

#define TICK_MS		5
#define PIECE		((u64)MDEVSIM_EXTENT_ALIGN)
/* What the writer owes for longer than this it never does. */
#define OWED_NS		(100 * (u64)NSEC_PER_MSEC)

static struct mdevsim_device *to_device(struct mdevsim_shape *shape)
{
	return container_of(shape, struct mdevsim_device, shape);
}

/* What the writer is to do now; false when it is to do nothing any more. */
static bool order(struct mdevsim_shape *shape, struct mdevsim_shape_params *params)
{
	guard(spinlock)(&shape->lock);
	*params = shape->params;
	return shape->running && params->dirty_rate;
}

static void earn(struct mdevsim_shape *shape, u64 rate)
{
	u64 now = ktime_get_ns();

	shape->credit += mul_u64_u64_div_u64(min(now - shape->last_ns, OWED_NS), rate,
					     NSEC_PER_SEC);
	shape->last_ns = now;
}

/* A page of guest memory, which becomes the number of the byte that it begins at. */
static int dirty_guest(struct mdevsim_device *device, const struct mdevsim_shape_params *params,
		       u64 at)
{
	__le64 page[PIECE / sizeof(__le64) / 16];
	unsigned int i;
	int ret;

	if (at >= params->guest_length)
		return -ERANGE;
	for (i = 0; i < ARRAY_SIZE(page); i++)
		page[i] = cpu_to_le64(at);
	for (i = 0; i < 16; i++) {
		ret = mdevsim_dma_write(device->fn, params->guest_address + at + i * sizeof(page),
					page, sizeof(page));
		if (ret)
			return ret;
	}
	return 0;
}

static int dirty_one(struct mdevsim_device *device, const struct mdevsim_shape_params *params,
		     u64 at)
{
	if (params->dirty_span && at >= params->dirty_span)
		return -ERANGE;
	if (params->target == MDEVSIM_TARGET_GUEST)
		return dirty_guest(device, params, at);
	return device->fn->ops->bulk_touch(device->fn, at);
}

/* Past the last page comes the first. */
static int dirty_next(struct mdevsim_shape *shape, const struct mdevsim_shape_params *params)
{
	int ret = dirty_one(to_device(shape), params, shape->at);

	if (ret == -ERANGE && shape->at) {
		shape->at = 0;
		ret = dirty_one(to_device(shape), params, 0);
	}
	shape->at += PIECE;
	return ret;
}

/* As much as is due, unless the function is to stop or there is no memory. */
static void dirty(struct mdevsim_shape *shape, const struct mdevsim_shape_params *params)
{
	void *before = mdevsim_charge_begin(to_device(shape)->fn);
	u64 done = 0;

	while (shape->credit >= PIECE && READ_ONCE(shape->running)) {
		if (dirty_next(shape, params)) {
			shape->credit = 0;
			break;
		}
		shape->credit -= PIECE;
		done += PIECE;
		cond_resched();
	}
	mdevsim_charge_end(before);
	guard(spinlock)(&shape->lock);
	shape->dirtied += done;
}

/* Under the lock by which mdevsim_shape_halt() says that it is over */
static void queue(struct mdevsim_shape *shape)
{
	lockdep_assert_held(&shape->lock);
	if (shape->running && shape->params.dirty_rate)
		queue_delayed_work(mdevsim_function_wq, &shape->work, msecs_to_jiffies(TICK_MS));
}

static void work(struct work_struct *work)
{
	struct mdevsim_shape *shape = container_of(to_delayed_work(work), struct mdevsim_shape,
						   work);
	struct mdevsim_shape_params params;

	if (!order(shape, &params))
		return;
	earn(shape, params.dirty_rate);
	dirty(shape, &params);
	guard(spinlock)(&shape->lock);
	queue(shape);
}

void mdevsim_shape_run(struct mdevsim_device *device)
{
	struct mdevsim_shape *shape = &device->shape;

	lockdep_assert_held(&device->lifecycle);
	guard(spinlock)(&shape->lock);
	shape->running = true;
	queue(shape);
}

void mdevsim_shape_halt(struct mdevsim_device *device)
{
	struct mdevsim_shape *shape = &device->shape;

	lockdep_assert_held(&device->lifecycle);
	scoped_guard(spinlock, &shape->lock)
		shape->running = false;
	cancel_delayed_work_sync(&shape->work);
}

void mdevsim_shape_get(struct mdevsim_device *device, struct mdevsim_shape_params *params,
		       u64 *dirtied)
{
	struct mdevsim_shape *shape = &device->shape;

	guard(spinlock)(&shape->lock);
	*params = shape->params;
	*dirtied = shape->dirtied;
}

void mdevsim_shape_set(struct mdevsim_device *device, const struct mdevsim_shape_params *params)
{
	struct mdevsim_shape *shape = &device->shape;

	guard(spinlock)(&shape->lock);
	shape->params = *params;
	queue(shape);
}

int mdevsim_shape_delay(struct mdevsim_device *device, enum vfio_device_mig_state next)
{
	u64 now = ktime_get_ns(), end;

	end = now + READ_ONCE(device->shape.params.delay_ms[next]) * (u64)NSEC_PER_MSEC;
	for (; now < end; now = ktime_get_ns()) {
		schedule_timeout_killable(nsecs_to_jiffies(end - now) + 1);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

void mdevsim_shape_init(struct mdevsim_device *device)
{
	spin_lock_init(&device->shape.lock);
	INIT_DELAYED_WORK(&device->shape.work, work);
}
