/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asynchronous events and the requests that wait for them.
 */
#ifndef MDEVSIM_NVME_EVENT_H
#define MDEVSIM_NVME_EVENT_H

#include "../function.h"

struct nvme_controller;
struct nvme_request;

/**
 * enum nvme_event - asynchronous events this controller reports
 * @NVME_EVENT_DOORBELL_REGISTER: the doorbell of a queue that does not exist was written
 * @NVME_EVENT_DOORBELL_VALUE: a value that the queue cannot have was written to a doorbell
 * @NVME_EVENT_TEMPERATURE: the temperature is past a threshold
 * @NVME_EVENT_NAMESPACE: the namespace was resized
 */
enum nvme_event {
	NVME_EVENT_DOORBELL_REGISTER,
	NVME_EVENT_DOORBELL_VALUE,
	NVME_EVENT_TEMPERATURE,
	NVME_EVENT_NAMESPACE,
};

/**
 * struct nvme_events - asynchronous events and the requests that wait for them
 * @parked: command identifiers of the requests, oldest first
 * @nr_parked: number of them
 * @queued: completion DW0 of events that no request has taken, oldest first
 * @nr_queued: number of them
 * @masked: types reported and not cleared by reading their log page, one bit each
 */
struct nvme_events {
	u16 parked[MDEVSIM_MAX_AERS];
	unsigned int nr_parked;
	u32 queued[MDEVSIM_MAX_AERS];
	unsigned int nr_queued;
	u32 masked;
};

/** nvme_event_raise - an event happened; the lock is held */
void nvme_event_raise(struct nvme_controller *ctrl, enum nvme_event event);

/** nvme_event_park - an Asynchronous Event Request: a status */
u16 nvme_event_park(struct nvme_request *req);

/** nvme_event_abort - take back the request @cid, if an entry for its completion can be had */
bool nvme_event_abort(struct nvme_controller *ctrl, u16 cid);

/** nvme_event_deliver - report what can be reported; in the admin work */
void nvme_event_deliver(struct nvme_controller *ctrl);

/** nvme_event_clear - the log page @lid was read; takes the lock */
void nvme_event_clear(struct nvme_controller *ctrl, u8 lid);

/* The record NVME_AER */
u32 nvme_event_save(struct mdevsim_function *fn, void *body);
int nvme_event_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		     struct mdevsim_reason *why);
void nvme_event_load(struct mdevsim_function *fn, const void *body, u32 length);

#endif /* MDEVSIM_NVME_EVENT_H */
