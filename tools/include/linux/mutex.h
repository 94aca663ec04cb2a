/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_MUTEX_H
#define TOOLS_LINUX_MUTEX_H

#include <errno.h>
#include <linux/cleanup.h>
#include <linux/lockdep.h>
#include <linux/sched/signal.h>

struct mutex {
	struct shim_lock dep_map;
};

#define DEFINE_MUTEX(name)	struct mutex name = { SHIM_LOCK_INIT }
#define mutex_init(l)		shim_lock_init(&(l)->dep_map)
#define mutex_destroy(l)	shim_lock_destroy(&(l)->dep_map)
#define mutex_lock(l)		shim_lock_lock(&(l)->dep_map)
#define mutex_lock_nested(l, c)	mutex_lock(l)
#define mutex_trylock(l)	shim_lock_trylock(&(l)->dep_map)
#define mutex_unlock(l)		shim_lock_unlock(&(l)->dep_map)
#define mutex_is_locked(l)	READ_ONCE((l)->dep_map.held)

/* As in the kernel, who need not wait is not killed. */
static inline int mutex_lock_killable(struct mutex *lock)
{
	if (mutex_trylock(lock))
		return 0;
	if (fatal_signal_pending(current))
		return -EINTR;
	mutex_lock(lock);
	return 0;
}

#define mutex_lock_interruptible(l)	mutex_lock_killable(l)

DEFINE_GUARD(mutex, struct mutex *, mutex_lock(_T), mutex_unlock(_T))

#endif
