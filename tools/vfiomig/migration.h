/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device as a VFIO migration protocol shows it: states, the arcs between
 * them, the data session, and how long each took. States have the names and
 * numbers of the protocol of today (v2), whichever protocol is spoken.
 */
#ifndef VFIOMIG_MIGRATION_H
#define VFIOMIG_MIGRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "region.h"
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
 * struct migration_edge - a change of state that a protocol has
 * @from: state before
 * @to: state after
 * @needs: VFIO_MIGRATION_* of the devices that have it
 * @unless: VFIO_MIGRATION_* of those that do not
 */
struct migration_edge {
	uint8_t from;
	uint8_t to;
	uint8_t needs;
	uint8_t unless;
};

struct migration;

/**
 * struct migration_ops - a protocol
 * @edges: changes of state, each done by one request
 * @nr_edges: how many are in @edges
 * @begin: find out what the device offers and set &migration.flags; reports its errors
 * @get: ask for the state
 * @set: ask for a change, which will pass through @via if it says so. @data is the data
 *	descriptor that came with it, or -1
 * @precopy_info: what pre-copy has left
 * @data_size: how many bytes there may be; false when that is not known
 * @read: like read() of a data descriptor, ENOMSG included
 * @write: likewise
 * @wait: for data, after ENOMSG; true when there may be some
 * @end: undo @begin; may be missing
 *
 * All but @begin fail with -1 and errno.
 */
struct migration_ops {
	const struct migration_edge *edges;
	unsigned int nr_edges;
	int (*begin)(struct migration *migration);
	int (*get)(struct migration *migration, uint32_t *state);
	int (*set)(struct migration *migration, uint32_t state, const char *via, int *data);
	int (*precopy_info)(struct migration *migration, struct vfio_precopy_info *info);
	bool (*data_size)(struct migration *migration, uint64_t *bytes);
	ssize_t (*read)(struct migration *migration, void *data, size_t size);
	ssize_t (*write)(struct migration *migration, const void *data, size_t size);
	bool (*wait)(struct migration *migration, int ms);
	void (*end)(struct migration *migration);
};

/**
 * struct migration - an open device that can migrate
 * @device: the device
 * @ops: protocol that is spoken
 * @flags: VFIO_MIGRATION_* it offers
 * @state: as it was last known
 * @data: descriptor of the data session, or -1
 * @region: where the older protocol is spoken
 * @held: bytes of a piece of data that was begun: they are read before anything else is asked
 * @wrong: what the device said that cannot be, or empty
 * @info2: VFIO_MIG_GET_PRECOPY_INFO reports flags
 * @arcs: changes asked for, the last ones if there were many
 * @nr_arcs: how many are in @arcs
 */
struct migration {
	struct vfio_device *device;
	const struct migration_ops *ops;
	uint64_t flags;
	uint32_t state;
	int data;
	struct region region;
	uint64_t held;
	char wrong[192];
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
 * @migration: the device where it is
 * @to: where it shall go
 * @path: out: the states after the present one, @to included
 *
 * Return: number of states in @path, 0 when there is no way or nothing to do
 */
unsigned int migration_path(const struct migration *migration, uint32_t to,
			    uint32_t path[MIGRATION_NR_STATES]);

/** migration_begin - ask @device what it can do; STATUS_UNSUPPORTED when it cannot migrate */
int migration_begin(struct migration *migration, struct vfio_device *device,
		    const struct migration_ops *ops);

/**
 * migration_take_over - migration_begin(), and end what a former user left behind
 * @migration: filled in
 * @device: open
 * @arguments: for --region
 *
 * Some drivers keep their state over close(). A data session whose descriptor
 * is gone cannot be continued: the device is reset.
 */
int migration_take_over(struct migration *migration, struct vfio_device *device,
			const struct arguments *arguments);

/** migration_end - end the data session, undo migration_begin() */
void migration_end(struct migration *migration);

/** migration_set - ask for one change of state; 0, or -1 with errno set */
int migration_set(struct migration *migration, uint32_t state);

/** migration_go - take every arc on the way to @state by itself; reports its errors */
int migration_go(struct migration *migration, uint32_t state);

/** migration_fail - report that a change to @state failed with errno */
int migration_fail(struct migration *migration, uint32_t state);

/** migration_refused - the last change failed, in which the device judged what it was given */
bool migration_refused(const struct migration *migration);

/** migration_wrong - what the device said that cannot be, or NULL */
const char *migration_wrong(const struct migration *migration);

/** migration_fail_unsupported - report that the driver has not what the protocol needs */
int migration_fail_unsupported(struct migration *migration, int error);

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

/** migration_is - the device offers all of @flags */
static inline bool migration_is(const struct migration *migration, uint64_t flags)
{
	return (migration->flags & flags) == flags;
}

/** migration_print_arcs - the arcs taken so far, as an array in JSON */
void migration_print_arcs(const struct migration *migration, const char *key, const char *who);

#endif /* VFIOMIG_MIGRATION_H */
