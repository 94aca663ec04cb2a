// SPDX-License-Identifier: GPL-2.0
/* save and load: one device and a file. */
#include <stdio.h>
#include "command.h"
#include "file.h"
#include "migration.h"
#include "out.h"
#include "transfer.h"
#include "units.h"

static uint32_t final_state(const struct arguments *arguments)
{
	if (argument_given(arguments, OPTION_STOP))
		return VFIO_DEVICE_STATE_STOP;
	return VFIO_DEVICE_STATE_RUNNING;
}

static int fail_without(const char *option)
{
	return fail_usage("%s FILE is missing; - is standard input or output", option);
}

static int precopy(struct transfer *transfer, unsigned int rounds)
{
	int status;

	if (!rounds || !migration_is(transfer->source, VFIO_MIGRATION_PRE_COPY))
		return STATUS_DONE;
	status = migration_go(transfer->source, VFIO_DEVICE_STATE_PRE_COPY);
	return status ? status : transfer_precopy(transfer, rounds);
}

static int save(struct transfer *transfer, const struct arguments *arguments, unsigned int rounds)
{
	int status;

	status = precopy(transfer, rounds);
	if (!status)
		status = migration_go(transfer->source, VFIO_DEVICE_STATE_STOP_COPY);
	if (!status)
		status = transfer_stopcopy(transfer);
	if (!status)
		status = migration_go(transfer->source, final_state(arguments));
	return status;
}

static void report(const struct transfer *transfer, const struct migration *migration)
{
	if (migration->device->dry)
		return;
	transfer_print(transfer);
	migration_print_arcs(migration, "arcs", "device");
	out_string("state", migration_state_name(migration->state), "%-12s %s\n", "state",
		   migration_state_name(migration->state));
}

static int save_device(struct vfio_device *device, struct file *file,
		       const struct arguments *arguments, unsigned int rounds)
{
	struct migration migration;
	struct transfer transfer = { .source = &migration, .file = file };
	int status;

	status = migration_take_over(&migration, device, arguments);
	if (status)
		return status;
	transfer_begin(&transfer);
	status = save(&transfer, arguments, rounds);
	transfer_end(&transfer);
	if (!status)
		status = file_keep(file);
	if (status && migration.state != VFIO_DEVICE_STATE_RUNNING)
		migration_recover(&migration);
	migration_end(&migration);
	if (!status)
		report(&transfer, &migration);
	return status;
}

int cmd_save(const struct arguments *arguments)
{
	struct vfio_device device = VFIO_DEVICE_CLOSED;
	bool dry = argument_given(arguments, OPTION_DRY_RUN);
	struct file file = FILE_CLOSED;
	unsigned int rounds;
	int status;

	if (!argument_given(arguments, OPTION_OUTPUT))
		return fail_without("-o");
	status = options_rounds(arguments, TRANSFER_ROUNDS, &rounds);
	if (!status && dry)
		out_array("calls");
	else if (!status)
		status = file_open_output(&file, arguments->value[OPTION_OUTPUT]);
	if (!status)
		status = vfio_open(&device, arguments->word[0], arguments, NULL);
	if (!status)
		status = save_device(&device, &file, arguments, rounds);
	vfio_close(&device);
	file_close(&file);
	return status;
}

static int load(struct transfer *transfer, const struct arguments *arguments)
{
	int status;

	status = migration_go(transfer->destination, VFIO_DEVICE_STATE_RESUMING);
	if (!status)
		status = transfer_load(transfer);
	return status ? status : migration_go(transfer->destination, final_state(arguments));
}

static int load_device(struct vfio_device *device, struct file *file,
		       const struct arguments *arguments)
{
	struct migration migration;
	struct transfer transfer = { .destination = &migration, .file = file };
	int status;

	status = migration_take_over(&migration, device, arguments);
	if (status)
		return status;
	transfer_begin(&transfer);
	status = load(&transfer, arguments);
	transfer_end(&transfer);
	if (status && migration.state != VFIO_DEVICE_STATE_RUNNING)
		migration_recover(&migration);
	migration_end(&migration);
	if (!status)
		report(&transfer, &migration);
	return status;
}

int cmd_load(const struct arguments *arguments)
{
	struct vfio_device device = VFIO_DEVICE_CLOSED;
	bool dry = argument_given(arguments, OPTION_DRY_RUN);
	struct file file = FILE_CLOSED;
	int status = STATUS_DONE;

	if (!argument_given(arguments, OPTION_INPUT))
		return fail_without("-i");
	if (dry)
		out_array("calls");
	else
		status = file_open_input(&file, arguments->value[OPTION_INPUT]);
	if (!status)
		status = vfio_open(&device, arguments->word[0], arguments, NULL);
	if (!status)
		status = load_device(&device, &file, arguments);
	vfio_close(&device);
	file_close(&file);
	return status;
}
