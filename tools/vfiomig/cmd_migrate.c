// SPDX-License-Identifier: GPL-2.0
/* migrate: one device to another, without a file between them. */
#include <stdio.h>
#include <string.h>
#include "command.h"
#include "file.h"
#include "migration.h"
#include "out.h"
#include "transfer.h"
#include "units.h"

/**
 * struct move - a migration under way
 * @source: where the state comes from
 * @destination: where it goes to
 * @transfer: on its way
 * @rounds: of pre-copy, 0 for none
 * @downtime: nanoseconds in which neither side ran
 */
struct move {
	struct migration source;
	struct migration destination;
	struct transfer transfer;
	unsigned int rounds;
	uint64_t downtime;
};

static int precopy(struct move *move)
{
	int status;

	if (!move->rounds || !migration_is(&move->source, VFIO_MIGRATION_PRE_COPY))
		return STATUS_DONE;
	status = migration_go(&move->source, VFIO_DEVICE_STATE_PRE_COPY);
	return status ? status : transfer_precopy(&move->transfer, move->rounds);
}

/* From here on neither side runs, until the destination does. */
static int switch_over(struct move *move)
{
	uint64_t start = units_now();
	int status;

	status = migration_go(&move->source, VFIO_DEVICE_STATE_STOP_COPY);
	if (!status)
		status = transfer_stopcopy(&move->transfer);
	if (status)
		return status;
	status = migration_go(&move->destination, VFIO_DEVICE_STATE_RUNNING);
	if (status && migration_refused(&move->destination))
		move->transfer.refused = true;
	move->downtime = units_now() - start;
	return status;
}

static int run(struct move *move)
{
	int status;

	status = migration_go(&move->destination, VFIO_DEVICE_STATE_RESUMING);
	if (!status)
		status = precopy(move);
	if (!status)
		status = switch_over(move);
	if (!status)
		status = migration_go(&move->source, VFIO_DEVICE_STATE_STOP);
	return status;
}

/* Whoever of the two is not where it began goes back there. */
static void undo(struct move *move)
{
	if (move->transfer.refused)
		out_note("the destination refused, nothing is lost: the source goes on");
	if (move->source.state != VFIO_DEVICE_STATE_RUNNING)
		migration_recover(&move->source);
	if (move->destination.state != VFIO_DEVICE_STATE_RUNNING)
		migration_recover(&move->destination);
}

static void report(const struct move *move)
{
	out_string("source", move->source.device->argument, "%-12s %s\n", "source",
		   move->source.device->argument);
	out_string("destination", move->destination.device->argument, "%-12s %s\n", "destination",
		   move->destination.device->argument);
	transfer_print(&move->transfer);
	migration_print_arcs(&move->source, "source_arcs", "source");
	migration_print_arcs(&move->destination, "destination_arcs", "destination");
	out_uint("downtime_ns", move->downtime, "%-12s %s\n", "downtime",
		 units_time(move->downtime));
}

static int migrate(struct vfio_device *source, struct vfio_device *destination,
		   struct file *copy, unsigned int rounds, const struct arguments *arguments)
{
	struct move move = { .rounds = rounds };
	int status;

	move.transfer.source = &move.source;
	move.transfer.destination = &move.destination;
	move.transfer.file = copy->fd >= 0 ? copy : NULL;
	status = migration_take_over(&move.source, source, arguments);
	if (status)
		return status;
	status = migration_take_over(&move.destination, destination, arguments);
	if (status)
		goto err_end_source;
	transfer_begin(&move.transfer);
	status = run(&move);
	transfer_end(&move.transfer);
	if (status)
		undo(&move);
	else
		status = file_keep(copy);
	migration_end(&move.destination);
	if (!status && !source->dry)
		report(&move);
err_end_source:
	migration_end(&move.source);
	return status;
}

/* By whatever names: a device has one state only. */
static int check_different(const struct arguments *arguments)
{
	struct sysfs_device source, destination;
	int status;

	status = sysfs_find(arguments->word[0], &source);
	if (!status)
		status = sysfs_find(arguments->word[1], &destination);
	if (status || strcmp(source.path, destination.path))
		return status;
	return fail_usage("%s and %s are the same device", arguments->word[0], arguments->word[1]);
}

static int open_both(const struct arguments *arguments, struct vfio_device *source,
		     struct vfio_device *destination)
{
	int status;

	status = check_different(arguments);
	if (!status)
		status = vfio_open(source, arguments->word[0], arguments, NULL);
	return status ? status : vfio_open(destination, arguments->word[1], arguments, source);
}

int cmd_migrate(const struct arguments *arguments)
{
	struct vfio_device source = VFIO_DEVICE_CLOSED, destination = VFIO_DEVICE_CLOSED;
	bool dry = argument_given(arguments, OPTION_DRY_RUN);
	struct file copy = FILE_CLOSED;
	unsigned int rounds;
	int status;

	status = options_rounds(arguments, TRANSFER_ROUNDS, &rounds);
	if (!status && dry)
		out_array("calls");
	else if (!status && argument_given(arguments, OPTION_OUTPUT))
		status = file_open_output(&copy, arguments->value[OPTION_OUTPUT]);
	if (!status)
		status = open_both(arguments, &source, &destination);
	if (!status)
		status = migrate(&source, &destination, &copy, rounds, arguments);
	vfio_close(&destination);
	vfio_close(&source);
	file_close(&copy);
	return status;
}
