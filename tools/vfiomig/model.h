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

/**
 * model_stands_for - does a device load what the model loads, and nothing else?
 * @model: model
 * @limits: what the device is; how large its namespace can be makes no difference
 * @known: the streams that it reads: it may know fewer, as then it refuses their headers
 */
bool model_stands_for(const struct model *model, const struct mdevsim_identity_limits *limits,
		      const struct mdevsim_state_known *known);

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
