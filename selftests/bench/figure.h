/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a benchmark has to say: one line for each figure, with tabs between
 * name, value, aim and what the value was computed from. run.sh makes a table of
 * them. Nothing is asserted: what a machine takes its time for proves nothing.
 */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include <stddef.h>
#include <stdint.h>

/** define FIGURE_MAX_ROUNDS - repetitions that can be looked at together */
#define FIGURE_MAX_ROUNDS	2048

/**
 * figure_ratio - print a ratio
 * @name: what is divided by what
 * @value: the ratio
 * @aim: "<= 1.2" or ">= 0.8", or "" when it is for information
 * @fmt: raw numbers and how they were got
 */
void figure_ratio(const char *name, double value, const char *aim, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** figure_note - print what is no ratio; @value is text */
void figure_note(const char *name, const char *value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** figure_now - a clock that only goes forward, in nanoseconds */
uint64_t figure_now(void);

/**
 * struct figure_stats - of several repetitions
 * @median: half of them are less
 * @low: a quarter of them are less
 * @high: a quarter of them are more
 */
struct figure_stats {
	double median;
	double low;
	double high;
};

/** figure_stats - of @count values, at most FIGURE_MAX_ROUNDS */
struct figure_stats figure_stats(const double *values, size_t count);

/** figure_median - median of @count values */
double figure_median(const double *values, size_t count);

/** figure_rate - MiB in a second */
double figure_rate(uint64_t bytes, uint64_t ns);

#endif /* BENCH_FIGURE_H */
