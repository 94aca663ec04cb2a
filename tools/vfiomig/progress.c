// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "progress.h"
#include "units.h"

#define BAR_WIDTH	30
#define INTERVAL_NS	100000000ULL

static struct {
	uint64_t start;
	uint64_t last;
	bool visible;
} bar;

static unsigned int filled(uint64_t done, uint64_t expected)
{
	if (!expected)
		return 0;
	if (done >= expected)
		return BAR_WIDTH;
	return (double)done / expected * BAR_WIDTH;
}

void progress_begin(void)
{
	bar.start = units_now();
	bar.last = bar.start;
}

void progress_show(const char *phase, uint64_t done, uint64_t expected)
{
	static const char full[] = "##############################";
	uint64_t now = units_now();
	unsigned int width;

	if (now - bar.last < INTERVAL_NS || !isatty(STDERR_FILENO))
		return;
	bar.last = now;
	bar.visible = true;
	width = filled(done, expected);
	fprintf(stderr, "\r%-9s [%.*s%*s] %10s %12s\033[K", phase, width, full, BAR_WIDTH - width,
		"", units_size(done), units_rate(done, now - bar.start));
}

void progress_clear(void)
{
	if (bar.visible)
		fputs("\r\033[K", stderr);
	bar.visible = false;
}
