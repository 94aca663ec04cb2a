// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <time.h>
#include "units.h"

#define SLOTS		8
#define NSEC_PER_SEC	1000000000ULL

static char *slot(void)
{
	static char text[SLOTS][32];
	static unsigned int next;

	return text[next++ % SLOTS];
}

const char *units_size(uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = bytes;
	char *text = slot();
	int unit = -1;

	if (bytes < 1024) {
		snprintf(text, 32, "%llu B", (unsigned long long)bytes);
		return text;
	}
	while (value >= 1024) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 32, "%.1f %s", value, units[unit]);
	return text;
}

const char *units_time(uint64_t ns)
{
	char *text = slot();

	if (ns < 1000000)
		snprintf(text, 32, "%.1f us", ns / 1e3);
	else if (ns < NSEC_PER_SEC)
		snprintf(text, 32, "%.2f ms", ns / 1e6);
	else
		snprintf(text, 32, "%.3f s", ns / 1e9);
	return text;
}

const char *units_rate(uint64_t bytes, uint64_t ns)
{
	char *text = slot();

	if (!ns)
		ns = 1;
	snprintf(text, 32, "%s/s", units_size((double)bytes * NSEC_PER_SEC / ns));
	return text;
}

uint64_t units_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}
