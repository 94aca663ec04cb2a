/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What most tests begin with: a device of their own, memory that it can reach,
 * and a driver for it.
 */
#ifndef LIB_BENCH_H
#define LIB_BENCH_H

#include "arena.h"
#include "device.h"
#include "nvme.h"

/** define BENCH_ARENA_SIZE - memory that the device can reach */
#define BENCH_ARENA_SIZE	(8 << 20)

/**
 * struct bench - a device and what belongs to it
 * @device: opened, in RUNNING
 * @arena: mapped for @device
 * @nvme: bound to both, nothing done yet
 */
struct bench {
	struct device device;
	struct arena arena;
	struct nvme nvme;
};

/** bench_setup - make a device of a type; the test fails when that does not work */
void bench_setup(struct bench *bench, const char *type);

/** define BENCH_VECTORS - interrupt vectors with an eventfd after bench_enrich() */
#define BENCH_VECTORS		4

/**
 * bench_enrich - reset the device and let it go through a lot
 *
 * Afterwards something other than zero is in every part of its state: I/O
 * queues 1, 2 and 9, features, parked requests and a delivered event, the error
 * log, the MSI-X table, configuration space. The eventfds are the caller's.
 */
void bench_enrich(struct bench *bench, int eventfds[BENCH_VECTORS]);

#endif /* LIB_BENCH_H */
