// SPDX-License-Identifier: GPL-2.0
/*
 * The controller with real threads: workers, a driver, a guest that writes
 * anything anywhere, and a carrier that stops, resets and starts it meanwhile.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <linux/array_size.h>
#include "ktap.h"
#include "nvme_host.h"
#include "random.h"

#define SECONDS		2

static struct host *host;
static bool over;
static pthread_mutex_t lifecycle = PTHREAD_MUTEX_INITIALIZER;

static void run_for(unsigned int count, void *(*const fns[])(void *))
{
	pthread_t threads[8];
	unsigned int i;

	WRITE_ONCE(over, false);
	for (i = 0; i < count; i++)
		if (pthread_create(&threads[i], NULL, fns[i], (void *)(unsigned long)(i + 1)))
			abort();
	sleep(SECONDS);
	WRITE_ONCE(over, true);
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void start(void)
{
	shim_workqueue_threads = 4;
	host = host_create();
}

/* Wait for a completion; false when it does not come. */
static bool wait_for(u16 qid)
{
	struct timespec begin, now;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (!host_peek(host, qid)) {
		usleep(10);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - begin.tv_sec > 10)
			return false;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return true;
}

/* One driver thread per queue: write, read back, compare, many at once. */
static void *drive(void *arg)
{
	u16 qid = (unsigned long)arg, i, n;
	u64 random = qid, out, in;

	pthread_mutex_lock(&lifecycle);
	out = host_pages(host, 8);
	in = host_pages(host, 8);
	pthread_mutex_unlock(&lifecycle);
	while (!READ_ONCE(over)) {
		/* up to 64 blocks of the 4096 that are this queue's */
		u64 first = qid * 4096 + random_below(&random, 504) * 8;

		n = 1 + random_below(&random, 8);
		for (i = 0; i < n * 4096; i += 8)
			*(u64 *)host_at(host, out + i) = random_next(&random);
		for (i = 0; i < n; i++)
			host_push(host, qid, host_rw(nvme_cmd_write, first + i * 8, 8,
						     out + i * 4096, 0));
		for (i = 0; i < n; i++)
			host_push(host, qid, host_rw(nvme_cmd_read, first + i * 8, 8,
						     in + i * 4096, 0));
		host_ring(host, qid);
		for (i = 0; i < 2 * n; i++) {
			if (!EXPECT_MSG(wait_for(qid), "queue %u hangs", qid))
				return NULL;
			EXPECT_EQ(le16_to_cpu(host_pop(host, qid, true).status) >> 1, 0);
		}
		EXPECT(!memcmp(host_at(host, out), host_at(host, in), n * 4096));
	}
	return NULL;
}

/* While quiet nothing moves, whatever the drivers ring; afterwards all of it is served. */
static void *quiesce_and_resume(void *arg)
{
	while (!READ_ONCE(over)) {
		host->fn->ops->quiesce(host->fn);
		WRITE_ONCE(host->device.silent, true);
		usleep(200);
		WRITE_ONCE(host->device.silent, false);
		host->fn->ops->resume(host->fn);
		usleep(500);
	}
	return NULL;
}

static void io_while_stopping(void)
{
	static void *(*const fns[])(void *) = { drive, drive, drive, drive, quiesce_and_resume };
	unsigned int i;

	start();
	host_enable(host, 16);
	for (i = 1; i < 5; i++)
		host_create_queue(host, i, 20);
	run_for(ARRAY_SIZE(fns), fns);
	host_destroy(host);
}

/* A guest without manners */

static void *write_anything(void *arg)
{
	static const u32 offsets[] = {
		NVME_REG_INTMS, NVME_REG_INTMC, NVME_REG_AQA, NVME_REG_ASQ, NVME_REG_ACQ, 0x1ffc,
	};
	u64 random = (unsigned long)arg * 12345;

	while (!READ_ONCE(over)) {
		u32 offset = 0x1000 + 4 * random_below(&random, 12);

		if (!random_below(&random, 16))
			offset = offsets[random_below(&random, ARRAY_SIZE(offsets))];
		host_write(host, offset, random_next(&random) & (offset < 0x1000 ? 0x3ffff : 15));
		host_read(host, random_below(&random, 16) * 4);
	}
	return NULL;
}

static void *enable_and_disable(void *arg)
{
	u64 random = 99;

	while (!READ_ONCE(over)) {
		u32 cc = NVME_CC_IOSQES | NVME_CC_IOCQES | random_below(&random, 4) << 14;

		if (random_below(&random, 4))
			cc = NVME_CC_IOSQES | NVME_CC_IOCQES | NVME_CC_ENABLE;
		host_write(host, NVME_REG_ASQ, 16 * HOST_PAGE);
		host_write(host, NVME_REG_ACQ, 20 * HOST_PAGE);
		host_write(host, NVME_REG_AQA, 0x000f000f);
		host_write(host, NVME_REG_CC, cc);
		usleep(random_below(&random, 300));
	}
	return NULL;
}

/* Admin commands that create and delete a few queues, and others, in every place of the queue */
static void *fill_queues(void *arg)
{
	static const u8 opcodes[] = {
		nvme_admin_delete_sq, nvme_admin_create_sq, nvme_admin_create_sq,
		nvme_admin_create_cq, nvme_admin_create_cq, nvme_admin_delete_cq,
		nvme_admin_identify, nvme_admin_async_event, nvme_admin_abort_cmd,
		nvme_admin_set_features, nvme_admin_get_log_page,
	};
	u64 random = 5;

	while (!READ_ONCE(over)) {
		u16 id = 1 + random_below(&random, 4);
		u64 slot = random_below(&random, 16);
		struct nvme_command cmd = host_simple(opcodes[random_below(&random,
									  ARRAY_SIZE(opcodes))]);

		cmd.common.dptr.prp1 = cpu_to_le64((24 + id) * HOST_PAGE);
		cmd.common.cdw10 = cpu_to_le32(id | 15 << 16);
		cmd.common.cdw11 = cpu_to_le32(id << 16 | 3);
		memcpy(host_at(host, 16 * HOST_PAGE + slot * 64), &cmd, 64);
		cmd = host_rw(random_below(&random, 16), random_below(&random, 100),
			      1 + random_below(&random, 8), 40 * HOST_PAGE, 0);
		memcpy(host_at(host, (24 + id) * HOST_PAGE + slot * 64), &cmd, 64);
	}
	return NULL;
}

static void *stop_reset_start(void *arg)
{
	u64 random = 3;

	while (!READ_ONCE(over)) {
		pthread_mutex_lock(&lifecycle);
		if (random_below(&random, 2)) {
			host->fn->ops->quiesce(host->fn);
			WRITE_ONCE(host->device.silent, true);
			usleep(100);
			WRITE_ONCE(host->device.silent, false);
		}
		if (!random_below(&random, 4))
			host->fn->ops->reset(host->fn);
		if (!random_below(&random, 4))
			host->fn->ops->resize(host->fn, 4096 * (1 + random_below(&random, 100)));
		pthread_mutex_unlock(&lifecycle);
		host->fn->ops->resume(host->fn);
		WRITE_ONCE(host->device.dma, random_below(&random, 8) != 0);
		host->fn->ops->config_changed(host->fn);
		usleep(random_below(&random, 500));
		WRITE_ONCE(host->device.dma, true);
		host->fn->ops->config_changed(host->fn);
	}
	return NULL;
}

static void anything(void)
{
	static void *(*const fns[])(void *) = {
		write_anything, write_anything, enable_and_disable, fill_queues, stop_reset_start,
	};

	start();
	host_pages(host, 64);
	run_for(ARRAY_SIZE(fns), fns);
	/* It has survived when it still works. */
	host->fn->ops->reset(host->fn);
	host->fn->ops->resume(host->fn);
	memset(host->device.memory, 0, 64 * HOST_PAGE);
	host_enable(host, 16);
	host_create_queue(host, 1, 16);
	EXPECT_OK(host, 1, host_rw(nvme_cmd_read, 0, 1, host_pages(host, 1), 0));
	host_destroy(host);
}

static const struct ktap_test tests[] = {
	KTAP_TEST(io_while_stopping),
	KTAP_TEST(anything),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
