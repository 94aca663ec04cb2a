/* SPDX-License-Identifier: GPL-2.0 */
/* Sizes and times, for people. */
#ifndef VFIOMIG_UNITS_H
#define VFIOMIG_UNITS_H

#include <stdint.h>

/*
 * Each returns a string that stays valid for the next few calls, so that
 * several fit in one format.
 */
const char *units_size(uint64_t bytes);
const char *units_time(uint64_t ns);
const char *units_rate(uint64_t bytes, uint64_t ns);

/** units_now - CLOCK_MONOTONIC in nanoseconds */
uint64_t units_now(void);

#endif /* VFIOMIG_UNITS_H */
