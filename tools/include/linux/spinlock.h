/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_SPINLOCK_H
#define TOOLS_LINUX_SPINLOCK_H

#include <linux/cleanup.h>
#include <linux/lockdep.h>

typedef struct spinlock {
	struct shim_lock dep_map;
} spinlock_t;

#define DEFINE_SPINLOCK(name)	spinlock_t name = { SHIM_LOCK_INIT }
#define spin_lock_init(l)	shim_lock_init(&(l)->dep_map)
#define spin_lock(l)		shim_lock_lock(&(l)->dep_map)
#define spin_trylock(l)		shim_lock_trylock(&(l)->dep_map)
#define spin_unlock(l)		shim_lock_unlock(&(l)->dep_map)
#define spin_lock_irq(l)	spin_lock(l)
#define spin_unlock_irq(l)	spin_unlock(l)
#define spin_lock_bh(l)		spin_lock(l)
#define spin_unlock_bh(l)	spin_unlock(l)
#define spin_lock_irqsave(l, flags)	 ((flags) = 0, spin_lock(l))
#define spin_unlock_irqrestore(l, flags) ((void)(flags), spin_unlock(l))

DEFINE_GUARD(spinlock, spinlock_t *, spin_lock(_T), spin_unlock(_T))
DEFINE_GUARD(spinlock_irq, spinlock_t *, spin_lock(_T), spin_unlock(_T))
DEFINE_GUARD(spinlock_irqsave, spinlock_t *, spin_lock(_T), spin_unlock(_T))

#endif
