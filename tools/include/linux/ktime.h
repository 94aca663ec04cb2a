/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_KTIME_H
#define TOOLS_LINUX_KTIME_H

#include <time.h>
#include <linux/types.h>

typedef s64 ktime_t;

#define NSEC_PER_USEC	1000L
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC	1000000000L
#define USEC_PER_MSEC	1000L
#define MSEC_PER_SEC	1000L

static inline ktime_t shim_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

#define ktime_get()			shim_clock(CLOCK_MONOTONIC)
#define ktime_get_boottime()		shim_clock(CLOCK_BOOTTIME)
#define ktime_get_real()		shim_clock(CLOCK_REALTIME)
#define ktime_get_ns()			((u64)ktime_get())
#define ktime_get_boottime_ns()		((u64)ktime_get_boottime())
#define ktime_get_real_ns()		((u64)ktime_get_real())
#define ktime_to_ns(t)			(t)
#define ktime_to_us(t)			((t) / NSEC_PER_USEC)
#define ktime_to_ms(t)			((t) / NSEC_PER_MSEC)
#define ktime_sub(a, b)			((a) - (b))
#define ktime_add(a, b)			((a) + (b))
#define ktime_add_ms(t, ms)		((t) + (ms) * NSEC_PER_MSEC)
#define ktime_ms_delta(a, b)		ktime_to_ms((a) - (b))
#define ktime_us_delta(a, b)		ktime_to_us((a) - (b))
#define ns_to_ktime(ns)			((ktime_t)(ns))
#define ms_to_ktime(ms)			((ktime_t)(ms) * NSEC_PER_MSEC)

#endif
