// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "must.h"

#define EXIT_FAILED	1	/* KSFT_FAIL */

void must_fail(const char *file, int line, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(stderr, "# %s:%d: %s\n", file, line, text);
	fflush(NULL);
	_Exit(EXIT_FAILED);
}

uint64_t must_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void must_pause(void)
{
	sched_yield();
}

char must_task_state(pid_t task)
{
	char path[64], line[256] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", task);
	file = fopen(path, "re");
	must(file, "opening %s, seen errno %d", path, errno);
	must(fgets(line, sizeof(line), file), "a line in %s, seen none", path);
	fclose(file);
	/* The name before it may be anything. */
	end = strrchr(line, ')');
	must(end && end[1] == ' ', "a state in %s, seen '%s'", path, line);
	return end[2];
}
