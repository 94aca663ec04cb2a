/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_WORKQUEUE_H
#define TOOLS_LINUX_WORKQUEUE_H

#include <linux/container_of.h>
#include <linux/list.h>
#include <linux/types.h>

struct work_struct;
typedef void (*work_func_t)(struct work_struct *work);

/**
 * struct work_struct - as in the kernel: never runs twice at once, runs again when queued meanwhile
 * @func: what to do
 * @entry: in the queue's list while it waits to be run
 * @wq: queue it was last queued on
 * @running: a thread is in @func
 */
struct work_struct {
	work_func_t func;
	struct list_head entry;
	struct workqueue_struct *wq;
	bool running;
};

#define INIT_WORK(work, fn) do {					\
	*(work) = (struct work_struct) { .func = (fn) };		\
	INIT_LIST_HEAD(&(work)->entry);					\
} while (0)

#define WQ_UNBOUND		(1 << 1)
#define WQ_FREEZABLE		(1 << 2)
#define WQ_MEM_RECLAIM		(1 << 3)
#define WQ_HIGHPRI		(1 << 4)
#define WQ_SYSFS		(1 << 6)

/*
 * shim_workqueue_threads - threads of queues allocated from now on. With none, work is
 *	done, in order, by whoever flushes or waits: tests are deterministic.
 */
extern unsigned int shim_workqueue_threads;

/* Do one piece of work that waits in a queue without threads, if there is any. */
bool shim_workqueue_run_one(void);

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...);
void destroy_workqueue(struct workqueue_struct *wq);
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
void flush_workqueue(struct workqueue_struct *wq);
bool flush_work(struct work_struct *work);
bool cancel_work_sync(struct work_struct *work);
bool work_pending(struct work_struct *work);

#define drain_workqueue(wq)	flush_workqueue(wq)

#endif
