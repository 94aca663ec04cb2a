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

/* What the writer is to do now, owing nothing from before; false when it is to do nothing. */
static bool order(struct mdevsim_shape *shape, struct mdevsim_shape_params *params)
{
	guard(spinlock)(&shape->lock);
	*params = shape->params;
	if (shape->served != shape->orders)
		shape->credit = 0;
	shape->served = shape->orders;
	return shape->running && params->dirty_rate;
}

static void earn(struct mdevsim_shape *shape, u64 rate)
{
	u64 most = max(mul_u64_u64_div_u64(OWED_NS, rate, NSEC_PER_SEC), PIECE);
	u64 now = ktime_get_ns();

	shape->credit += mul_u64_u64_div_u64(min(now - shape->last_ns, OWED_NS), rate,
					     NSEC_PER_SEC);
	shape->credit = min(shape->credit, most);
	shape->last_ns = now;
}

/* There is something to do for the order that is served, and still time in this run. */
static bool is_due(struct mdevsim_shape *shape)
{
	return shape->credit >= PIECE && READ_ONCE(shape->running) &&
	       READ_ONCE(shape->orders) == shape->served &&
	       ktime_get_ns() - shape->last_ns < OWED_NS;
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

/* As much as is due, unless there is another order or no memory, or the function is to stop. */
static void dirty(struct mdevsim_shape *shape, const struct mdevsim_shape_params *params)
{
	void *before = mdevsim_charge_begin(to_device(shape)->fn);
	u64 done = 0;

	while (is_due(shape)) {
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

	scoped_guard(spinlock, &shape->lock) {
		shape->params = *params;
		WRITE_ONCE(shape->orders, shape->orders + 1);
		queue(shape);
	}
	wake_up_all(&shape->wait);
}

static u64 delay_ns(struct mdevsim_shape *shape, enum vfio_device_mig_state next)
{
	guard(spinlock)(&shape->lock);
	return shape->params.delay_ms[next] * (u64)NSEC_PER_MSEC;
}

int mdevsim_shape_delay(struct mdevsim_device *device, enum vfio_device_mig_state next)
{
	struct mdevsim_shape *shape = &device->shape;
	u64 start = ktime_get_ns(), now, delay;
	u32 orders;
	long left;

	do {
		orders = READ_ONCE(shape->orders);
		delay = delay_ns(shape, next);
		now = ktime_get_ns();
		if (now - start >= delay)
			return 0;
		left = wait_event_killable_timeout(shape->wait, READ_ONCE(shape->orders) != orders,
						   nsecs_to_jiffies(start + delay - now) + 1);
	} while (left >= 0);
	return -EINTR;
}

void mdevsim_shape_init(struct mdevsim_device *device)
{
	spin_lock_init(&device->shape.lock);
	init_waitqueue_head(&device->shape.wait);
	INIT_DELAYED_WORK(&device->shape.work, work);
}
