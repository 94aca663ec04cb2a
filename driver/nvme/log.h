/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Log pages and the counters they are made from.
 */
#ifndef MDEVSIM_NVME_LOG_H
#define MDEVSIM_NVME_LOG_H

#include "../function.h"

struct nvme_controller;
struct nvme_request;

/** define NVME_FIRMWARE - Firmware Revision */
#define NVME_FIRMWARE		"1.0"

/**
 * struct nvme_io_counters - what the SMART log counts of I/O commands
 * @reads: Read and Compare commands
 * @writes: Write commands
 * @blocks_read: by those
 * @blocks_written: by those
 */
struct nvme_io_counters {
	u64 reads;
	u64 writes;
	u64 blocks_read;
	u64 blocks_written;
};

/**
 * struct nvme_logs - what the log pages are made from
 * @io: counters of I/O commands
 * @busy_ms: time with I/O commands outstanding before @busy_ns
 * @busy_ns: the same, since the device was created or loaded
 * @busy_since: when the first of the works that are busy now became so
 * @busy: I/O works that are executing commands
 * @power_cycles: times the device was switched on
 * @power_on_ms: age at @power_on_since
 * @power_on_since: when the device was created or loaded
 * @error_count: errors ever logged
 * @error: error log, newest first, as it travels
 * @temperature: composite temperature in kelvin
 * @ns_changed: the Changed Namespace List names the namespace
 *
 * Instants are nanoseconds of the host's monotonic clock.
 */
struct nvme_logs {
	struct nvme_io_counters io;
	u64 busy_ms;
	u64 busy_ns;
	u64 busy_since;
	unsigned int busy;
	u64 power_cycles;
	u64 power_on_ms;
	u64 power_on_since;
	u64 error_count;
	struct mdevsim_state_nvme_error error[MDEVSIM_MAX_ERROR_LOG];
	u16 temperature;
	bool ns_changed;
};

/** nvme_log_execute - Get Log Page: a status */
u16 nvme_log_execute(struct nvme_request *req);

void nvme_log_init(struct nvme_controller *ctrl);

/** nvme_log_error - enter an error; error_count is filled in here; the lock is held */
void nvme_log_error(struct nvme_controller *ctrl, struct mdevsim_state_nvme_error error);

/** nvme_log_busy - an I/O work starts or ends a round; the lock is held */
void nvme_log_busy(struct nvme_logs *logs, bool busy);

/* The record NVME_LOGS */
u32 nvme_log_save(struct mdevsim_function *fn, void *body);
int nvme_log_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		   struct mdevsim_reason *why);
void nvme_log_load(struct mdevsim_function *fn, const void *body, u32 length);

#endif /* MDEVSIM_NVME_LOG_H */
