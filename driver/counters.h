/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a device did, counted where it is done. Each processor has numbers of its
 * own, so that counting costs next to nothing.
 */
#ifndef MDEVSIM_COUNTERS_H
#define MDEVSIM_COUNTERS_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/types.h>

/** define MDEVSIM_OPCODES - that a command can have */
#define MDEVSIM_OPCODES		256

/**
 * struct mdevsim_counters - since the device was created, on one processor
 * @mmio_reads: register reads
 * @mmio_writes: register writes
 * @dma_read: bytes read from guest memory
 * @dma_written: bytes written to it
 * @pages_dirtied: pages of 4 KiB written to
 * @interrupts: sent
 * @commands: admin (1) and I/O (0) commands executed, by opcode
 */
struct mdevsim_counters {
	u64 mmio_reads;
	u64 mmio_writes;
	u64 dma_read;
	u64 dma_written;
	u64 pages_dirtied;
	u64 interrupts;
	u64 commands[2][MDEVSIM_OPCODES];
};

#ifdef MDEVSIM_BARE
/* What selftests/bench compares with */
#define mdevsim_count(device, member, number)	((void)(number))
#else
/** mdevsim_count - add a number to a member of &struct mdevsim_counters */
#define mdevsim_count(device, member, number)				\
	this_cpu_add((device)->counters->member, number)
#endif

/** mdevsim_counted - sum of a member on all processors, while they go on counting */
#define mdevsim_counted(device, member)						\
({										\
	u64 sum_ = 0;								\
	int cpu_;								\
										\
	for_each_possible_cpu(cpu_)						\
		sum_ += READ_ONCE(per_cpu_ptr((device)->counters, cpu_)->member);	\
	sum_;									\
})

#endif /* MDEVSIM_COUNTERS_H */
