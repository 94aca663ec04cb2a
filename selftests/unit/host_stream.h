/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Streams of a host's controller, saved and loaded by the driver's own code but
 * for the interrupts, which belong to a carrier that only the kernel has.
 */
#ifndef SELFTESTS_UNIT_HOST_STREAM_H
#define SELFTESTS_UNIT_HOST_STREAM_H

#include "../../driver/state_load.h"
#include "../lib/stream.h"
#include "nvme_host.h"

/** host_stream_create - host_create(), with a configuration space as after reset */
struct host *host_stream_create(void);

/** host_stream_save - the stream of version 1.@minor of a quiet controller; for stream_free() */
struct stream host_stream_save(struct host *host, u16 minor);

/** host_stream_target - what streams for this controller are loaded into */
struct mdevsim_state_target host_stream_target(struct host *host);

/**
 * host_stream_load - load a stream, @piece bytes at a time, and take it over if it is sound
 * @host: its controller is quiet
 * @stream: stream
 * @piece: bytes at a time, at most
 * @why: reason for a refusal, or empty
 *
 * Return: 0 or a negative errno; the controller is then as it was
 */
int host_stream_load(struct host *host, const struct stream *stream, size_t piece,
		     struct mdevsim_reason *why);

#endif /* SELFTESTS_UNIT_HOST_STREAM_H */
