/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_COMPLETION_H
#define TOOLS_LINUX_COMPLETION_H

#include <linux/atomic.h>
#include <linux/wait.h>

struct completion {
	atomic_t done;
};

#define init_completion(c)	atomic_set(&(c)->done, 0)
#define reinit_completion(c)	atomic_set(&(c)->done, 0)
#define complete(c)		atomic_inc(&(c)->done)
#define complete_all(c)		atomic_set(&(c)->done, S32_MAX / 2)
#define completion_done(c)	(atomic_read(&(c)->done) > 0)

static inline void wait_for_completion(struct completion *c)
{
	wait_event(c, completion_done(c));
	atomic_dec(&c->done);
}

#endif
