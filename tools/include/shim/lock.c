// SPDX-License-Identifier: GPL-2.0
#include <linux/lockdep.h>
#include <linux/sched/signal.h>

__thread unsigned long shim_locks_taken;
__thread bool shim_killed;

void shim_lock_init(struct shim_lock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	lock->held = false;
}

void shim_lock_destroy(struct shim_lock *lock)
{
	WARN_ON(READ_ONCE(lock->held));
	pthread_mutex_destroy(&lock->mutex);
}

static void taken(struct shim_lock *lock)
{
	shim_locks_taken++;
	WRITE_ONCE(lock->owner, pthread_self());
	smp_store_release(&lock->held, true);
}

bool shim_lock_is_mine(const struct shim_lock *lock)
{
	return smp_load_acquire(&lock->held) &&
	       pthread_equal(READ_ONCE(lock->owner), pthread_self());
}

void shim_lock_lock(struct shim_lock *lock)
{
	WARN_ON(shim_lock_is_mine(lock));
	pthread_mutex_lock(&lock->mutex);
	taken(lock);
}

bool shim_lock_trylock(struct shim_lock *lock)
{
	if (pthread_mutex_trylock(&lock->mutex))
		return false;
	taken(lock);
	return true;
}

void shim_lock_unlock(struct shim_lock *lock)
{
	WARN_ON(!shim_lock_is_mine(lock));
	WRITE_ONCE(lock->held, false);
	pthread_mutex_unlock(&lock->mutex);
}
