/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What would run in a virtual machine while its device migrates: a thread that
 * keeps queues busy, knows what each block must hold, and finds itself on
 * another device after a pause that it does not notice.
 */
#ifndef LIB_GUEST_H
#define LIB_GUEST_H

#include <stdbool.h>
#include "nvme.h"

struct guest;

/** guest_boot - reset @source and run a guest on it, whose memory @target can reach, too */
struct guest *guest_boot(struct device *source, struct device *target);

/** guest_pause - stop it wherever it is, with commands outstanding */
void guest_pause(struct guest *guest);

/** guest_resume - let it go on, with what is behind @device */
void guest_resume(struct guest *guest, struct device *device);

/** guest_goes_on - it completes so many more commands, soon */
bool guest_goes_on(struct guest *guest, unsigned long commands);

/**
 * guest_shutdown - wait for what is outstanding, read everything back, end it
 *
 * Return: "data intact", or what is wrong.
 */
const char *guest_shutdown(struct guest *guest);

#endif /* LIB_GUEST_H */
