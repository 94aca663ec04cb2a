/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moving device state: from a source's data session to a file, a destination's
 * data session, or both; or from a file to a destination.
 */
#ifndef VFIOMIG_TRANSFER_H
#define VFIOMIG_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "file.h"
#include "migration.h"

#define TRANSFER_ROUNDS	16	/* of pre-copy, unless the user says otherwise */

/** struct transfer_phase - what one phase moved, and how long it took */
struct transfer_phase {
	uint64_t bytes;
	uint64_t ns;
	unsigned int rounds;
};

/**
 * struct transfer - state on its way
 * @source: device that is being saved, or NULL
 * @destination: device that is being loaded, or NULL
 * @file: where the bytes go to as well (with a source) or come from, or NULL
 * @precopy: moved in PRE_COPY
 * @stopcopy: moved in STOP_COPY, or out of a file
 * @reinits: times the source announced new initial data, for instance of a larger namespace
 * @refused: the destination did not take a write
 */
struct transfer {
	struct migration *source;
	struct migration *destination;
	struct file *file;
	struct transfer_phase precopy;
	struct transfer_phase stopcopy;
	unsigned int reinits;
	bool refused;

	uint8_t *buffer;
	uint64_t expected;
	uint64_t shown;
};

/** transfer_begin - ready to move; pairs with transfer_end() */
void transfer_begin(struct transfer *transfer);
void transfer_end(struct transfer *transfer);

/** transfer_precopy - move what the source in PRE_COPY offers, in @rounds rounds at most */
int transfer_precopy(struct transfer *transfer, unsigned int rounds);

/** transfer_stopcopy - move the rest, the source is in STOP_COPY */
int transfer_stopcopy(struct transfer *transfer);

/** transfer_load - move the whole file to the destination */
int transfer_load(struct transfer *transfer);

/** transfer_print - bytes, time and rate of the phases */
void transfer_print(const struct transfer *transfer);

#endif /* VFIOMIG_TRANSFER_H */
