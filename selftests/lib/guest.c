// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guest.h"
#include "must.h"

#define GROUPS		512	/* groups of blocks, of one page each */
#define GROUP_BLOCKS	(ARENA_PAGE / NVME_BLOCK)
#define QUEUES		2
#define ENTRIES		16
#define DEPTH		12	/* commands outstanding in a queue, at most */
#define CIDS		(UINT16_MAX + 1)
#define MEMORY		(4 << 20)
#define MEMORY_IOVA	(UINT64_C(2) << 32)

#define NO_GROUP	(-1)

/**
 * struct guest - what would run in a virtual machine
 * @nvme: its driver
 * @memory: its memory, which both devices can reach
 * @version: by group: what was last written completely
 * @next: by group: version under way, 0 when none is
 * @group: by queue and command identifier: group that the command writes
 * @buffer: by queue and slot: data of the command
 * @outstanding: by queue: commands that have not been completed
 * @seed: of its random numbers
 * @pause: asks it to stop where it is
 * @paused: it has stopped
 * @stop: asks it to end
 * @written: commands completed
 * @wrong: commands that failed, or completed twice
 * @thread: it
 */
struct guest {
	struct nvme nvme;
	struct arena memory;
	uint32_t version[GROUPS];
	uint32_t next[GROUPS];
	int group[QUEUES][CIDS];
	uint8_t *buffer[QUEUES][ENTRIES];
	unsigned int outstanding[QUEUES];
	uint32_t seed;
	int pause;
	int paused;
	int stop;
	unsigned long written;
	unsigned long wrong;
	pthread_t thread;
};

static void write_something(struct guest *guest, unsigned int q)
{
	struct nvme_queue *queue = &guest->nvme.io[q];
	struct nvme_sqe sqe;
	uint8_t *buffer;
	uint32_t group;

	guest->seed = guest->seed * 1103515245 + 12345;
	group = (guest->seed >> 8) % GROUPS;
	if (guest->next[group] || guest->outstanding[q] == DEPTH)
		return;
	guest->next[group] = guest->version[group] + 1;
	buffer = guest->buffer[q][queue->sq_tail];
	nvme_pattern(buffer, group * GROUP_BLOCKS, GROUP_BLOCKS, guest->next[group]);
	sqe = nvme_sqe_io(NVME_WRITE, group * GROUP_BLOCKS, GROUP_BLOCKS);
	sqe.prp1 = arena_iova(&guest->memory, buffer);
	guest->group[q][queue->next_cid] = (int)group;
	guest->outstanding[q]++;
	nvme_submit(queue, &sqe);
}

static void reap(struct guest *guest, unsigned int q)
{
	struct nvme_queue *queue = &guest->nvme.io[q];
	struct nvme_cqe cqe;

	while (nvme_take(queue, &cqe)) {
		int group = guest->group[q][cqe.cid];

		nvme_release(queue);
		if (group == NO_GROUP || nvme_status(&cqe)) {
			guest->wrong++;
			continue;
		}
		guest->group[q][cqe.cid] = NO_GROUP;
		guest->version[group] = guest->next[group];
		guest->next[group] = 0;
		guest->outstanding[q]--;
		__atomic_fetch_add(&guest->written, 1, __ATOMIC_RELAXED);
	}
}

static void *run(void *arg)
{
	struct guest *guest = arg;

	while (!__atomic_load_n(&guest->stop, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&guest->pause, __ATOMIC_ACQUIRE)) {
			__atomic_store_n(&guest->paused, 1, __ATOMIC_RELEASE);
			must_pause();
			continue;
		}
		for (unsigned int q = 0; q < QUEUES; q++) {
			write_something(guest, q);
			reap(guest, q);
		}
	}
	return NULL;
}

struct guest *guest_boot(struct device *source, struct device *target)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	int error;

	must(guest, "seen no memory");
	guest->seed = 4711;
	memset(guest->group, 0xff, sizeof(guest->group));
	error = device_reset(source);
	must(error == 0, "seen %d", error);
	arena_init(&guest->memory, MEMORY_IOVA, MEMORY);
	device_map_arena(source, &guest->memory);
	device_map_arena(target, &guest->memory);
	nvme_init(&guest->nvme, source, &guest->memory);
	nvme_start(&guest->nvme, QUEUES, ENTRIES);
	for (unsigned int q = 0; q < QUEUES; q++) {
		for (unsigned int i = 0; i < ENTRIES; i++)
			guest->buffer[q][i] = arena_page(&guest->memory);
	}
	error = pthread_create(&guest->thread, NULL, run, guest);
	must(error == 0, "seen %d", error);
	return guest;
}

void guest_pause(struct guest *guest)
{
	__atomic_store_n(&guest->paused, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&guest->pause, 1, __ATOMIC_RELEASE);
	must(must_happen(__atomic_load_n(&guest->paused, __ATOMIC_ACQUIRE), MUST_TIMEOUT_MS),
	     "seen a guest that does not pause");
}

void guest_resume(struct guest *guest, struct device *device)
{
	guest->nvme.device = device;
	__atomic_store_n(&guest->pause, 0, __ATOMIC_RELEASE);
}

bool guest_goes_on(struct guest *guest, unsigned long commands)
{
	unsigned long end = __atomic_load_n(&guest->written, __ATOMIC_RELAXED) + commands;

	return must_happen(__atomic_load_n(&guest->written, __ATOMIC_RELAXED) >= end,
			   MUST_TIMEOUT_MS);
}

static bool all_complete(struct guest *guest)
{
	bool complete = true;

	for (unsigned int q = 0; q < QUEUES; q++) {
		reap(guest, q);
		complete &= !guest->outstanding[q];
	}
	return complete;
}

/* Each group reads as it was last written. */
static const char *check_groups(struct guest *guest)
{
	static char text[64];
	uint8_t *buffer = arena_page(&guest->memory);

	for (uint32_t group = 0; group < GROUPS; group++) {
		uint64_t slba = group * GROUP_BLOCKS;

		if (nvme_io(&guest->nvme.io[0], NVME_READ, slba, GROUP_BLOCKS, buffer))
			return "a read failed";
		if (!guest->version[group] ||
		    nvme_pattern_differs(buffer, slba, GROUP_BLOCKS, guest->version[group]) < 0)
			continue;
		snprintf(text, sizeof(text), "group %u does not hold version %u", group,
			 guest->version[group]);
		return text;
	}
	return "data intact";
}

const char *guest_shutdown(struct guest *guest)
{
	const char *result;

	__atomic_store_n(&guest->stop, 1, __ATOMIC_RELEASE);
	pthread_join(guest->thread, NULL);
	if (!must_happen(all_complete(guest), MUST_TIMEOUT_MS))
		result = "commands were lost";
	else if (guest->wrong)
		result = "commands failed or completed twice";
	else
		result = check_groups(guest);
	arena_free(&guest->memory);
	free(guest);
	return result;
}
