/* SPDX-License-Identifier: GPL-2.0 */
/* A bar on standard error, when that is a terminal. */
#ifndef VFIOMIG_PROGRESS_H
#define VFIOMIG_PROGRESS_H

#include <stdint.h>

/** progress_begin - a transfer starts now */
void progress_begin(void);

/** progress_show - @done of @expected bytes (0: unknown) of @phase are through */
void progress_show(const char *phase, uint64_t done, uint64_t expected);

/** progress_clear - take the bar away */
void progress_clear(void);

#endif /* VFIOMIG_PROGRESS_H */
