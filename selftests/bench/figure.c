// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <must.h>
#include "figure.h"

__attribute__((format(printf, 1, 0)))
static void print_raw(const char *fmt, va_list args)
{
	vprintf(fmt, args);
	putchar('\n');
	fflush(stdout);
}

void figure_ratio(const char *name, double value, const char *aim, const char *fmt, ...)
{
	va_list args;

	printf("%s\t%.3f\t%s\t", name, value, aim);
	va_start(args, fmt);
	print_raw(fmt, args);
	va_end(args);
}

void figure_note(const char *name, const char *value, const char *fmt, ...)
{
	va_list args;

	printf("%s\t%s\t\t", name, value);
	va_start(args, fmt);
	print_raw(fmt, args);
	va_end(args);
}

uint64_t figure_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return (difference > 0) - (difference < 0);
}

struct figure_stats figure_stats(const double *values, size_t count)
{
	double sorted[FIGURE_MAX_ROUNDS];

	must(count && count <= FIGURE_MAX_ROUNDS, "seen %zu", count);
	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	return (struct figure_stats) {
		.median = (sorted[count / 2] + sorted[(count - 1) / 2]) / 2,
		.low = sorted[(count - 1) / 4],
		.high = sorted[count - 1 - (count - 1) / 4],
	};
}

double figure_median(const double *values, size_t count)
{
	return figure_stats(values, count).median;
}

double figure_rate(uint64_t bytes, uint64_t ns)
{
	return (double)bytes / (1 << 20) * 1e9 / (double)ns;
}
