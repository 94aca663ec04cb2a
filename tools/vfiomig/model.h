/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A function to load streams into, to see whether it would take them: the
 * driver's own function model and the driver's own way of loading, without a
 * guest, interrupts, or memory for a namespace. It has room for any namespace.
 */
#ifndef VFIOMIG_MODEL_H
#define VFIOMIG_MODEL_H

#include <linux/types.h>
#include "../../driver/state_load.h"

struct model;

/** model_create - ready for the first byte of a stream */
struct model *model_create(void);
void model_destroy(struct model *model);

/** model_write - the next bytes of the stream; once they were refused, nothing more happens */
void model_write(struct model *model, const void *bytes, size_t length);

/**
 * model_finish - the stream is over
 *
 * Return: 0 when a device would have loaded it, else the errno it would have returned
 */
int model_finish(struct model *model);

/** model_reader - how far it got, and why not further */
const struct mdevsim_state_reader *model_reader(const struct model *model);

#endif /* VFIOMIG_MODEL_H */
