/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_SCHED_H
#define TOOLS_LINUX_SCHED_H

#include <sched.h>
#include <linux/types.h>

struct task_struct;

#define current			((struct task_struct *)NULL)
#define cond_resched()		((void)0)
#define schedule()		((void)sched_yield())

#endif
