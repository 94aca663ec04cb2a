/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Features: their values, Set and Get.
 */
#ifndef MDEVSIM_NVME_FEATURE_H
#define MDEVSIM_NVME_FEATURE_H

#include "../function.h"

struct nvme_controller;
struct nvme_request;

/** define NVME_ARBITRATION_BURST - recommended, and the default: log2 of %NVME_BATCH */
#define NVME_ARBITRATION_BURST	4
/** define NVME_TEMPERATURE_WARNING - in kelvin; default of the over temperature threshold */
#define NVME_TEMPERATURE_WARNING	343
/** define NVME_TEMPERATURE_CRITICAL - in kelvin */
#define NVME_TEMPERATURE_CRITICAL	353

/**
 * enum nvme_feature_slot - features that are a value of up to 32 bits
 * @NVME_SLOT_ARBITRATION: Arbitration
 * @NVME_SLOT_POWER: Power Management
 * @NVME_SLOT_TEMP_OVER: Temperature Threshold, over temperature
 * @NVME_SLOT_TEMP_UNDER: Temperature Threshold, under temperature
 * @NVME_SLOT_ERROR_RECOVERY: Error Recovery
 * @NVME_SLOT_WRITE_CACHE: Volatile Write Cache
 * @NVME_SLOT_COALESCING: Interrupt Coalescing
 * @NVME_SLOT_ATOMICITY: Write Atomicity Normal
 * @NVME_SLOT_ASYNC_EVENT: Asynchronous Event Configuration
 * @NVME_SLOTS: number of them
 *
 * In the order in which they migrate: by identifier, then selector.
 */
enum nvme_feature_slot {
	NVME_SLOT_ARBITRATION,
	NVME_SLOT_POWER,
	NVME_SLOT_TEMP_OVER,
	NVME_SLOT_TEMP_UNDER,
	NVME_SLOT_ERROR_RECOVERY,
	NVME_SLOT_WRITE_CACHE,
	NVME_SLOT_COALESCING,
	NVME_SLOT_ATOMICITY,
	NVME_SLOT_ASYNC_EVENT,
	NVME_SLOTS,
};

/**
 * struct nvme_feature_values - current values of features
 * @value: of the plain ones
 * @uncoalesced: Interrupt Vector Configuration: Coalescing Disable, one bit per vector
 * @time_base: Timestamp in milliseconds at @time_set
 * @time_set: when the timestamp was set, nanoseconds of the host's monotonic clock
 * @time_host: the host set it (Timestamp Origin)
 */
struct nvme_feature_values {
	u32 value[NVME_SLOTS];
	u64 uncoalesced;
	u64 time_base;
	u64 time_set;
	bool time_host;
};

/** nvme_feature_get, nvme_feature_set - Get Features and Set Features: a status */
u16 nvme_feature_get(struct nvme_request *req);
u16 nvme_feature_set(struct nvme_request *req);

/** nvme_feature_reset - default values; the lock is held */
void nvme_feature_reset(struct nvme_controller *ctrl);

/** nvme_feature_critical_warning - Critical Warning of the SMART log; the lock is held */
u8 nvme_feature_critical_warning(const struct nvme_controller *ctrl);

/* The record NVME_FEATURES */
u32 nvme_feature_save(struct mdevsim_function *fn, void *body);
int nvme_feature_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		       struct mdevsim_reason *why);
void nvme_feature_load(struct mdevsim_function *fn, const void *body, u32 length);

#endif /* MDEVSIM_NVME_FEATURE_H */
