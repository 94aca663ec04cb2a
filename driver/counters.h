/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device did, counted where it is done. Each processor has numbers of its
 * own, so that counting costs next to nothing.
 */
#ifndef MDEVSIM_COUNTERS_H
#define MDEVSIM_COUNTERS_H

#include <linux/atomic.h>
#include <linux/percpu.h>
#include <linux/types.h>

/**
 * struct mdevsim_counters - since the device was created, on one processor or in all
 * @mmio_reads: register reads
 * @mmio_writes: register writes
 * @dma_read: bytes read from guest memory
 * @dma_written: bytes written to it
 * @pages_dirtied: pages of 4 KiB written to
 * @interrupts: sent
 */
struct mdevsim_counters {
	u64 mmio_reads;
	u64 mmio_writes;
	u64 dma_read;
	u64 dma_written;
	u64 pages_dirtied;
	u64 interrupts;
};

#ifdef MDEVSIM_BARE
/* What selftests/bench compares with */
#define mdevsim_count(device, member, number)	((void)(number))
#else
/** mdevsim_count - add a number to a member of &struct mdevsim_counters */
#define mdevsim_count(device, member, number)				\
	this_cpu_add((device)->counters->member, number)
#endif

/** define MDEVSIM_OPCODES - that a command can have */
#define MDEVSIM_OPCODES		256

/** mdevsim_counters_sum - of all processors, while they go on counting */
static inline void mdevsim_counters_sum(struct mdevsim_counters __percpu *counters,
					struct mdevsim_counters *sum)
{
	const struct mdevsim_counters *one;
	int cpu;

	*sum = (struct mdevsim_counters) {};
	for_each_possible_cpu(cpu) {
		one = per_cpu_ptr(counters, cpu);
		sum->mmio_reads += READ_ONCE(one->mmio_reads);
		sum->mmio_writes += READ_ONCE(one->mmio_writes);
		sum->dma_read += READ_ONCE(one->dma_read);
		sum->dma_written += READ_ONCE(one->dma_written);
		sum->pages_dirtied += READ_ONCE(one->pages_dirtied);
		sum->interrupts += READ_ONCE(one->interrupts);
	}
}

#endif /* MDEVSIM_COUNTERS_H */
