/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_WAIT_H
#define TOOLS_LINUX_WAIT_H

#include <linux/types.h>

/* Waiting is looking again: done by whoever waits, so that there is nothing to lose a wake-up. */
typedef struct wait_queue_head {
	int unused;
} wait_queue_head_t;

/* Let others, or in a queue without threads the next piece of work, get on. */
void shim_wait_once(void);

#define init_waitqueue_head(q)		((q)->unused = 0)
#define wake_up(q)			((void)(q))
#define wake_up_all(q)			((void)(q))
#define wait_event(q, cond) do {					\
	(void)(q);							\
	while (!(cond))							\
		shim_wait_once();					\
} while (0)
#define wait_event_killable(q, cond) ({	wait_event(q, cond); 0; })


#endif
