/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device as the VFIO migration protocol (v2) shows it: states, the arcs
 * between them, the data session, and how long each took.
 */
#ifndef VFIOMIG_MIGRATION_H
#define VFIOMIG_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "vfio.h"

#define MIGRATION_NR_STATES	8
#define MIGRATION_MAX_ARCS	64

/** struct migration_arc - a change of state that was asked for, and how it went */
struct migration_arc {
	uint32_t from;
	uint32_t to;
	uint64_t ns;
	int error;
};

/**
 * struct migration - an open device that can migrate
 * @device: the device
 * @flags: VFIO_MIGRATION_* it offers
 * @state: as it was last known
 * @data: descriptor of the data session, or -1
 * @info2: VFIO_MIG_GET_PRECOPY_INFO reports flags
 * @arcs: changes asked for, the last ones if there were many
 * @nr_arcs: how many are in @arcs
 */
struct migration {
	struct vfio_device *device;
	uint64_t flags;
	uint32_t state;
	int data;
	bool info2;
	struct migration_arc arcs[MIGRATION_MAX_ARCS];
	unsigned int nr_arcs;
};

/** migration_state_name - RUNNING and so on; a number for what has no name */
const char *migration_state_name(uint32_t state);

/** migration_state_parse - state that @text names, in any case, or its number; false for neither */
bool migration_state_parse(const char *text, uint32_t *state);

/**
 * migration_path - states that the kernel takes a device through
 * @flags: VFIO_MIGRATION_* of the device
 * @from: where it is
 * @to: where it shall go
 * @path: out: the states after @from, @to included
 *
 * Return: number of states in @path, 0 when there is no way or nothing to do
 */
unsigned int migration_path(uint64_t flags, uint32_t from, uint32_t to,
			    uint32_t path[MIGRATION_NR_STATES]);

/** migration_begin - ask @device what it can do; STATUS_UNSUPPORTED when it cannot migrate */
int migration_begin(struct migration *migration, struct vfio_device *device);

/**
 * migration_take_over - migration_begin(), and end what a former user left behind
 *
 * Some drivers keep their state over close(). A data session whose descriptor
 * is gone cannot be continued: the device is reset.
 */
int migration_take_over(struct migration *migration, struct vfio_device *device);

/** migration_end - close the data session */
void migration_end(struct migration *migration);

/** migration_set - one VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE; 0, or -1 with errno set */
int migration_set(struct migration *migration, uint32_t state);

/** migration_go - take every arc on the way to @state by itself; reports its errors */
int migration_go(struct migration *migration, uint32_t state);

/** migration_fail - report that a change to @state failed with errno */
int migration_fail(struct migration *migration, uint32_t state);

/**
 * migration_refusal_status - exit status for what a device in RESUMING refused with errno
 *
 * STATUS_DIFFERS when the state itself may be sound but is of something else.
 */
enum status migration_refusal_status(int error);

/** migration_get - ask for the state; -1 with errno set */
int migration_get(struct migration *migration, uint32_t *state);

/** migration_reset - VFIO_DEVICE_RESET; -1 with errno set */
int migration_reset(struct migration *migration);

/** migration_recover - back to RUNNING whatever happened, by reset if need be; says what it did */
void migration_recover(struct migration *migration);

/** migration_precopy_info - VFIO_MIG_GET_PRECOPY_INFO on the data session; -1 with errno set */
int migration_precopy_info(struct migration *migration, struct vfio_precopy_info *info);

/** migration_data_size - VFIO_DEVICE_FEATURE_MIG_DATA_SIZE; false when the kernel has none */
bool migration_data_size(struct migration *migration, uint64_t *bytes);

/** migration_is - the device offers all of @flags */
static inline bool migration_is(const struct migration *migration, uint64_t flags)
{
	return (migration->flags & flags) == flags;
}

/** migration_print_arcs - the arcs taken so far, as an array in JSON */
void migration_print_arcs(const struct migration *migration, const char *key, const char *who);

#endif /* VFIOMIG_MIGRATION_H */
