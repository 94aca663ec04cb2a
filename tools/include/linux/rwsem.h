/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_RWSEM_H
#define TOOLS_LINUX_RWSEM_H

#include <linux/cleanup.h>
#include <linux/lockdep.h>

/* Readers exclude each other too: stricter than the kernel, never wrong. */
struct rw_semaphore {
	struct shim_lock dep_map;
};

#define init_rwsem(l)		shim_lock_init(&(l)->dep_map)
#define down_read(l)		shim_lock_lock(&(l)->dep_map)
#define up_read(l)		shim_lock_unlock(&(l)->dep_map)
#define down_write(l)		shim_lock_lock(&(l)->dep_map)
#define up_write(l)		shim_lock_unlock(&(l)->dep_map)
#define lockdep_assert_held_write(l)	lockdep_assert_held(l)
#define lockdep_assert_held_read(l)	lockdep_assert_held(l)

DEFINE_GUARD(rwsem_read, struct rw_semaphore *, down_read(_T), up_read(_T))
DEFINE_GUARD(rwsem_write, struct rw_semaphore *, down_write(_T), up_write(_T))

#endif
