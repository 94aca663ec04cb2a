/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_LOCKDEP_H
#define TOOLS_LINUX_LOCKDEP_H

#include <pthread.h>
#include <linux/bug.h>
#include <linux/types.h>

/**
 * struct shim_lock - every kind of lock that one thread holds
 * @mutex: the lock
 * @owner: thread that holds it, while @held
 * @held: by anybody
 */
struct shim_lock {
	pthread_mutex_t mutex;
	pthread_t owner;
	bool held;
};

struct lock_class_key {
	int unused;
};

#define SHIM_LOCK_INIT	{ .mutex = PTHREAD_MUTEX_INITIALIZER }

/* Locks taken by the calling thread so far: what a test measures cost by. */
extern __thread unsigned long shim_locks_taken;

void shim_lock_init(struct shim_lock *lock);
void shim_lock_destroy(struct shim_lock *lock);
void shim_lock_lock(struct shim_lock *lock);
bool shim_lock_trylock(struct shim_lock *lock);
void shim_lock_unlock(struct shim_lock *lock);
bool shim_lock_is_mine(const struct shim_lock *lock);

#define lockdep_is_held(l)		shim_lock_is_mine(&(l)->dep_map)
#define lockdep_assert_held(l)		((void)WARN_ON(!lockdep_is_held(l)))
#define lockdep_assert_not_held(l)	((void)WARN_ON(lockdep_is_held(l)))
#define lockdep_set_class(l, key)	((void)(key))
#define might_sleep()			((void)0)

#endif
