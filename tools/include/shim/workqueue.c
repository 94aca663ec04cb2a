// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <linux/bug.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

/**
 * struct workqueue_struct - queue and its threads
 * @entry: in @queues
 * @works: what waits to be run, oldest first
 * @nr_running: pieces of work being done
 * @stop: threads are to end
 * @nr_threads: number of @threads
 * @threads: what runs the work; none: see shim_workqueue_threads
 *
 * One mutex protects all queues and all work; one condition says that something of it changed.
 */
struct workqueue_struct {
	struct list_head entry;
	struct list_head works;
	unsigned int nr_running;
	bool stop;
	unsigned int nr_threads;
	pthread_t threads[];
};

unsigned int shim_workqueue_threads;

static LIST_HEAD(queues);
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static struct work_struct *next_work(struct workqueue_struct *wq)
{
	struct work_struct *work;

	list_for_each_entry(work, &wq->works, entry)
		if (!work->running)
			return work;
	return NULL;
}

/* Called and returns with the lock held. Unlike the kernel's, work must not free itself. */
static void run(struct work_struct *work)
{
	struct workqueue_struct *wq = work->wq;

	list_del_init(&work->entry);
	work->running = true;
	wq->nr_running++;
	pthread_mutex_unlock(&lock);
	work->func(work);
	pthread_mutex_lock(&lock);
	wq->nr_running--;
	work->running = false;
	pthread_cond_broadcast(&changed);
}

static void *serve(void *data)
{
	struct workqueue_struct *wq = data;
	struct work_struct *work;

	pthread_mutex_lock(&lock);
	while ((work = next_work(wq)) || !wq->stop) {
		if (work)
			run(work);
		else
			pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

struct workqueue_struct *alloc_workqueue(const char *fmt, unsigned int flags, int max_active, ...)
{
	struct workqueue_struct *wq;
	unsigned int i;

	(void)fmt, (void)flags, (void)max_active;
	wq = calloc(1, sizeof(*wq) + shim_workqueue_threads * sizeof(wq->threads[0]));
	if (!wq)
		return NULL;
	INIT_LIST_HEAD(&wq->works);
	wq->nr_threads = shim_workqueue_threads;
	pthread_mutex_lock(&lock);
	list_add_tail(&wq->entry, &queues);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < wq->nr_threads; i++)
		BUG_ON(pthread_create(&wq->threads[i], NULL, serve, wq));
	return wq;
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	bool queued;

	pthread_mutex_lock(&lock);
	queued = list_empty(&work->entry);
	if (queued) {
		work->wq = wq;
		list_add_tail(&work->entry, &wq->works);
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	return queued;
}

/* Lock held: get nearer to the end of something that waits or runs. */
static void progress(struct workqueue_struct *wq)
{
	struct work_struct *work = wq->nr_threads ? NULL : next_work(wq);

	if (work)
		run(work);
	else
		pthread_cond_wait(&changed, &lock);
}

static bool is_busy(const struct work_struct *work)
{
	return work->running || !list_empty(&work->entry);
}

bool flush_work(struct work_struct *work)
{
	bool waited = false;

	pthread_mutex_lock(&lock);
	for (; is_busy(work); waited = true)
		progress(work->wq);
	pthread_mutex_unlock(&lock);
	return waited;
}

bool cancel_work_sync(struct work_struct *work)
{
	bool pending;

	pthread_mutex_lock(&lock);
	pending = !list_empty(&work->entry);
	list_del_init(&work->entry);
	while (work->running) {
		pthread_cond_wait(&changed, &lock);
		list_del_init(&work->entry);
	}
	pthread_mutex_unlock(&lock);
	return pending;
}

bool work_pending(struct work_struct *work)
{
	bool pending;

	pthread_mutex_lock(&lock);
	pending = !list_empty(&work->entry);
	pthread_mutex_unlock(&lock);
	return pending;
}

static bool is_idle(const struct workqueue_struct *wq)
{
	return list_empty(&wq->works) && !wq->nr_running;
}

void flush_workqueue(struct workqueue_struct *wq)
{
	pthread_mutex_lock(&lock);
	while (!is_idle(wq))
		progress(wq);
	pthread_mutex_unlock(&lock);
}

void destroy_workqueue(struct workqueue_struct *wq)
{
	unsigned int i;

	flush_workqueue(wq);
	pthread_mutex_lock(&lock);
	wq->stop = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < wq->nr_threads; i++)
		pthread_join(wq->threads[i], NULL);
	pthread_mutex_lock(&lock);
	list_del(&wq->entry);
	pthread_mutex_unlock(&lock);
	free(wq);
}

bool shim_workqueue_run_one(void)
{
	struct work_struct *work = NULL;
	struct workqueue_struct *wq;

	pthread_mutex_lock(&lock);
	list_for_each_entry(wq, &queues, entry) {
		work = wq->nr_threads ? NULL : next_work(wq);
		if (work)
			break;
	}
	if (work)
		run(work);
	pthread_mutex_unlock(&lock);
	return work;
}

void shim_wait_once(void)
{
	if (!shim_workqueue_run_one())
		sched_yield();
}
