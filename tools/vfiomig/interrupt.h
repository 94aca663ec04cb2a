/* SPDX-License-Identifier: GPL-2.0 */
/*
 * SIGINT, SIGTERM and SIGHUP do not end the tool: they set a flag that copy
 * loops look at, so that devices are left in order.
 */
#ifndef VFIOMIG_INTERRUPT_H
#define VFIOMIG_INTERRUPT_H

#include <stdbool.h>

void interrupt_init(void);

/** interrupt_seen - the user wants to stop */
bool interrupt_seen(void);

#endif /* VFIOMIG_INTERRUPT_H */
