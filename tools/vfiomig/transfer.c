// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "interrupt.h"
#include "progress.h"
#include "transfer.h"
#include "units.h"

#define BUFFER_SIZE	(1024UL * 1024)
#define BUFFER_ALIGN	4096

/* A round that is still owed data waits so long for it before it is over. */
#define QUIET_MS	100

/* Pre-copy has done its work when less than this remains. */
#define CLOSE_ENOUGH	(256UL << 10)

/* What became of a read from a source. */
enum chunk {
	CHUNK_DATA,
	CHUNK_QUIET,	/* nothing for now */
	CHUNK_END,	/* nothing more, ever */
};

void transfer_begin(struct transfer *transfer)
{
	transfer->buffer = aligned_alloc(BUFFER_ALIGN, BUFFER_SIZE);
	if (!transfer->buffer)
		abort();
	if (transfer->source)
		transfer->source->ops->data_size(transfer->source, &transfer->expected);
	else
		transfer->expected = file_size(transfer->file);
	progress_begin();
}

void transfer_end(struct transfer *transfer)
{
	progress_clear();
	free(transfer->buffer);
	transfer->buffer = NULL;
}

static int fail_interrupted(const char *where)
{
	return fail(&(struct fault){ .status = STATUS_FAILED, .error = EINTR, .where = where },
		    "stopped by a signal");
}

static uint64_t moved(const struct transfer *transfer)
{
	return transfer->precopy.bytes + transfer->stopcopy.bytes;
}

static int refuse(struct transfer *transfer, size_t size)
{
	struct migration *to = transfer->destination;
	unsigned long long from = moved(transfer);

	if (migration_wrong(to))
		return vfio_fail_because(to->device, STATUS_FAILED, migration_wrong(to),
					 "cannot write device state at byte %llu", from);
	transfer->refused = true;
	return vfio_fail_refused(to->device, migration_refusal_status(errno),
				 "refuses device state within bytes %llu to %llu", from,
				 from + size - 1);
}

/* A write may be taken in part. */
static int give_destination(struct transfer *transfer, struct transfer_phase *phase, size_t size)
{
	struct migration *to = transfer->destination;
	size_t done = 0;
	ssize_t put;

	while (done < size) {
		put = to->ops->write(to, transfer->buffer + done, size - done);
		if (put < 0 && errno == EINTR && !interrupt_seen())
			continue;
		if (put < 0 && errno == EINTR)
			return fail_interrupted(to->device->argument);
		if (put < 0)
			return refuse(transfer, size - done);
		done += put;
		phase->bytes += put;
	}
	return STATUS_DONE;
}

static int give(struct transfer *transfer, struct transfer_phase *phase, size_t size)
{
	int status = STATUS_DONE;

	if (transfer->file && transfer->source)
		status = file_write(transfer->file, transfer->buffer, size);
	if (status)
		return status;
	if (transfer->destination)
		return give_destination(transfer, phase, size);
	phase->bytes += size;
	return STATUS_DONE;
}

static int take(struct transfer *transfer, size_t size, enum chunk *chunk, size_t *got)
{
	struct migration *from = transfer->source;
	ssize_t ret;

	*got = 0;
	do {
		if (interrupt_seen())
			return fail_interrupted(from->device->argument);
		ret = from->ops->read(from, transfer->buffer, size);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0 && errno != ENOMSG)
		return vfio_fail_because(from->device, STATUS_FAILED, migration_wrong(from),
					 "cannot read device state at byte %llu",
					 (unsigned long long)moved(transfer));
	*chunk = ret > 0 ? CHUNK_DATA : ret < 0 ? CHUNK_QUIET : CHUNK_END;
	*got = ret > 0 ? ret : 0;
	return STATUS_DONE;
}

static int move_chunk(struct transfer *transfer, struct transfer_phase *phase, uint64_t most,
		      enum chunk *chunk)
{
	size_t size = most < BUFFER_SIZE ? most : BUFFER_SIZE, got;
	int status;

	status = take(transfer, size, chunk, &got);
	if (!status && got)
		status = give(transfer, phase, got);
	if (!status)
		progress_show(phase == &transfer->precopy ? "pre-copy" : "stop-copy",
			      moved(transfer), transfer->expected);
	return status;
}

/* The source owes data and has none ready: let it say when. */
static bool wait_for_data(struct transfer *transfer)
{
	return transfer->source->ops->wait(transfer->source, QUIET_MS);
}

/* A piece that was begun belongs to the round. */
static uint64_t left_of_round(struct transfer *transfer, uint64_t end)
{
	uint64_t done = transfer->precopy.bytes;

	return done < end ? end - done : transfer->source->held;
}

static int move_round(struct transfer *transfer, uint64_t announced)
{
	struct transfer_phase *phase = &transfer->precopy;
	uint64_t end = phase->bytes + announced, left;
	enum chunk chunk;
	int status;

	while ((left = left_of_round(transfer, end))) {
		status = move_chunk(transfer, phase, left, &chunk);
		if (status)
			return status;
		if (chunk == CHUNK_END || (chunk == CHUNK_QUIET && !wait_for_data(transfer)))
			break;
	}
	return STATUS_DONE;
}

static int update_left(struct transfer *transfer, uint64_t *initial, uint64_t *dirty)
{
	struct vfio_precopy_info info;

	if (transfer->source->ops->precopy_info(transfer->source, &info))
		return vfio_fail(transfer->source->device, STATUS_FAILED,
				 "cannot ask what pre-copy has left");
	if (transfer->source->info2 && info.flags & VFIO_PRECOPY_INFO_REINIT)
		transfer->reinits++;
	*initial = info.initial_bytes;
	*dirty = info.dirty_bytes;
	transfer->expected = moved(transfer) + *initial + *dirty;
	out_trace(1, "%s: pre-copy round %u: %s initial, %s dirty",
		  transfer->source->device->argument, transfer->precopy.rounds,
		  units_size(*initial), units_size(*dirty));
	return STATUS_DONE;
}

int transfer_precopy(struct transfer *transfer, unsigned int rounds)
{
	uint64_t initial = 0, dirty = 0, start = units_now();
	struct transfer_phase *phase = &transfer->precopy;
	int status = STATUS_DONE;

	while (phase->rounds < rounds) {
		status = update_left(transfer, &initial, &dirty);
		if (status || !(initial + dirty) ||
		    (phase->rounds && !initial && dirty < CLOSE_ENOUGH))
			break;
		phase->rounds++;
		status = move_round(transfer, initial + dirty);
		if (status)
			break;
	}
	phase->ns += units_now() - start;
	return status;
}

int transfer_stopcopy(struct transfer *transfer)
{
	struct transfer_phase *phase = &transfer->stopcopy;
	enum chunk chunk = CHUNK_DATA;
	uint64_t start = units_now();
	int status = STATUS_DONE;

	if (!transfer->expected && !transfer->source->device->dry)
		transfer->source->ops->data_size(transfer->source, &transfer->expected);
	while (!status && chunk != CHUNK_END) {
		status = move_chunk(transfer, phase, BUFFER_SIZE, &chunk);
		if (!status && chunk == CHUNK_QUIET)
			wait_for_data(transfer);
	}
	phase->ns += units_now() - start;
	return status;
}

static int load_chunk(struct transfer *transfer, bool *end)
{
	struct transfer_phase *phase = &transfer->stopcopy;
	ssize_t got;
	int status;

	if (interrupt_seen())
		return fail_interrupted(transfer->file->name);
	got = file_read(transfer->file, transfer->buffer, BUFFER_SIZE);
	if (got < 0)
		return file_fail(transfer->file, "cannot read it");
	*end = !got;
	status = give(transfer, phase, got);
	if (!status)
		progress_show("load", moved(transfer), transfer->expected);
	return status;
}

int transfer_load(struct transfer *transfer)
{
	uint64_t start = units_now();
	int status = STATUS_DONE;
	bool end = false;

	if (transfer->destination->device->dry)
		return give_destination(transfer, &transfer->stopcopy, BUFFER_SIZE);
	while (!status && !end)
		status = load_chunk(transfer, &end);
	transfer->stopcopy.ns += units_now() - start;
	return status;
}

static void print_phase(const struct transfer_phase *phase, const char *key, const char *name)
{
	out_object(key);
	out_uint("bytes", phase->bytes, "%-12s %12llu bytes", name,
		 (unsigned long long)phase->bytes);
	out_uint("ns", phase->ns, " %10s %14s", units_time(phase->ns),
		 units_rate(phase->bytes, phase->ns));
	if (phase->rounds)
		out_uint("rounds", phase->rounds, "  %u round%s", phase->rounds,
			 phase->rounds == 1 ? "" : "s");
	out_text("\n");
	out_close();
}

void transfer_print(const struct transfer *transfer)
{
	if (!transfer->source) {
		print_phase(&transfer->stopcopy, "loaded", "loaded");
		return;
	}
	if (transfer->precopy.rounds)
		print_phase(&transfer->precopy, "pre_copy", "pre-copy");
	print_phase(&transfer->stopcopy, "stop_copy", "stop-copy");
	out_uint("bytes", moved(transfer), "%-12s %12llu bytes\n", "total",
		 (unsigned long long)moved(transfer));
	if (transfer->reinits || out_is_json())
		out_uint("reinits", transfer->reinits, "%-12s %12u\n", "new initial",
			 transfer->reinits);
}
