// SPDX-License-Identifier: GPL-2.0
/* drive: any walk through the states of a device. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "command.h"
#include "file.h"
#include "migration.h"
#include "out.h"
#include "transfer.h"
#include "units.h"

#define RESET	"reset"	/* can be said instead of a state */

/**
 * struct drive - a walk under way
 * @migration: the device
 * @transfer: what its data sessions read or write
 * @output: where saved state goes, when -o was given
 * @input: where state to be loaded comes from, when -i was given
 * @rounds: of pre-copy
 */
struct drive {
	struct migration migration;
	struct transfer transfer;
	struct file output;
	struct file input;
	unsigned int rounds;
};

static bool is_output(uint32_t state)
{
	return state == VFIO_DEVICE_STATE_PRE_COPY || state == VFIO_DEVICE_STATE_PRE_COPY_P2P ||
	       state == VFIO_DEVICE_STATE_STOP_COPY;
}

/* Read or write what the state's data session is there for. */
static int move_data(struct drive *drive, struct transfer_phase *moved)
{
	struct transfer transfer = { 0 };
	struct migration *migration = &drive->migration;
	int status = STATUS_DONE;

	if (is_output(migration->state)) {
		transfer.source = migration;
		transfer.file = drive->output.fd >= 0 ? &drive->output : NULL;
	} else if (migration->state == VFIO_DEVICE_STATE_RESUMING && drive->input.fd >= 0) {
		transfer.destination = migration;
		transfer.file = &drive->input;
	} else {
		return STATUS_DONE;
	}
	transfer_begin(&transfer);
	if (transfer.destination)
		status = transfer_load(&transfer);
	else if (migration->state == VFIO_DEVICE_STATE_STOP_COPY)
		status = transfer_stopcopy(&transfer);
	else
		status = transfer_precopy(&transfer, drive->rounds);
	transfer_end(&transfer);
	moved->bytes = transfer.precopy.bytes + transfer.stopcopy.bytes;
	moved->ns = transfer.precopy.ns + transfer.stopcopy.ns;
	return status;
}

static void print_step(const char *from, const char *to, uint64_t ns,
		       const struct transfer_phase *moved)
{
	out_object(NULL);
	out_string("from", from, "%-12s -> ", from);
	out_string("to", to, "%-12s", to);
	out_uint("ns", ns, " %10s", units_time(ns));
	if (moved->ns) {
		out_uint("bytes", moved->bytes, "  %12llu bytes", (unsigned long long)moved->bytes);
		out_uint("data_ns", moved->ns, " in %s", units_time(moved->ns));
	}
	out_text("\n");
	out_close();
}

static int step_reset(struct drive *drive)
{
	struct migration *migration = &drive->migration;
	const char *from = migration_state_name(migration->state);
	uint64_t start = units_now();

	if (migration_reset(migration))
		return vfio_fail(migration->device, STATUS_FAILED, "cannot be reset");
	if (!migration->device->dry)
		print_step(from, RESET, units_now() - start, &(struct transfer_phase){ 0 });
	return STATUS_DONE;
}

static int step_state(struct drive *drive, uint32_t state)
{
	struct migration *migration = &drive->migration;
	struct transfer_phase moved = { 0 };
	const struct migration_arc *arc;
	int status;

	if (migration_set(migration, state))
		return migration_fail(migration, state);
	arc = &migration->arcs[migration->nr_arcs - 1];
	status = move_data(drive, &moved);
	if (!migration->device->dry)
		print_step(migration_state_name(arc->from), migration_state_name(state), arc->ns,
			   &moved);
	return status;
}

static int step(struct drive *drive, const char *word)
{
	uint32_t state;

	if (!strcasecmp(word, RESET))
		return step_reset(drive);
	migration_state_parse(word, &state);
	return step_state(drive, state);
}

static int check_state(const char *word, bool region)
{
	uint32_t state;

	if (!strcasecmp(word, RESET))
		return STATUS_DONE;
	if (!migration_state_parse(word, &state))
		return fail_usage("'%s' is no state", word);
	if (region && !region_has_state(state))
		return fail_usage("the migration region has no state '%s'", word);
	return STATUS_DONE;
}

static int check_states(const struct arguments *arguments)
{
	bool region = argument_given(arguments, OPTION_REGION);
	int i, status = STATUS_DONE;

	for (i = 1; i < arguments->nr && !status; i++)
		status = check_state(arguments->word[i], region);
	return status;
}

static int open_files(struct drive *drive, const struct arguments *arguments)
{
	int status = STATUS_DONE;

	if (argument_given(arguments, OPTION_DRY_RUN))
		return STATUS_DONE;
	if (argument_given(arguments, OPTION_INPUT))
		status = file_open_input(&drive->input, arguments->value[OPTION_INPUT]);
	if (!status && argument_given(arguments, OPTION_OUTPUT))
		status = file_open_output(&drive->output, arguments->value[OPTION_OUTPUT]);
	return status;
}

static int walk(struct drive *drive, const struct arguments *arguments)
{
	int i, status;

	status = migration_take_over(&drive->migration, drive->migration.device, arguments);
	if (status)
		return status;
	for (i = 1; i < arguments->nr && !status; i++)
		status = step(drive, arguments->word[i]);
	if (drive->migration.state != VFIO_DEVICE_STATE_RUNNING && !drive->migration.device->dry)
		migration_recover(&drive->migration);
	migration_end(&drive->migration);
	return status;
}

int cmd_drive(const struct arguments *arguments)
{
	struct vfio_device device = VFIO_DEVICE_CLOSED;
	struct drive drive = {
		.migration.device = &device,
		.output = FILE_CLOSED,
		.input = FILE_CLOSED,
	};
	int status;

	status = check_states(arguments);
	if (!status)
		status = options_rounds(arguments, TRANSFER_ROUNDS, &drive.rounds);
	if (!status)
		status = open_files(&drive, arguments);
	if (status)
		goto out;
	out_array(argument_given(arguments, OPTION_DRY_RUN) ? "calls" : "steps");
	status = vfio_open(&device, arguments->word[0], arguments, NULL);
	if (!status)
		status = walk(&drive, arguments);
	vfio_close(&device);
	out_close();
	if (!status)
		status = file_keep(&drive.output);
out:
	file_close(&drive.output);
	file_close(&drive.input);
	return status;
}
