/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_SCHED_SIGNAL_H
#define TOOLS_LINUX_SCHED_SIGNAL_H

#include <linux/sched.h>

/* Set by a test: the calling thread was killed and is not to wait any more. */
extern __thread bool shim_killed;

static inline bool fatal_signal_pending(struct task_struct *task __always_unused)
{
	return shim_killed;
}

#endif
