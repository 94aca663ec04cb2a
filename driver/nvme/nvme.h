/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A simulated NVMe 1.4 controller with one namespace in RAM.
 *
 * A doorbell write stores the tail and queues the submission queue's work. The
 * work fetches as many commands as the completion queue has room for, executes
 * them one after another, and posts their completions. So what was fetched can
 * always be completed, and between two rounds of a work nothing is in flight.
 */
#ifndef MDEVSIM_NVME_NVME_H
#define MDEVSIM_NVME_NVME_H

#include <linux/mutex.h>
#include <linux/nvme.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "../function.h"
#include "namespace.h"

/** define NVME_QUEUES - queues of each kind: admin and I/O */
#define NVME_QUEUES		(MDEVSIM_MAX_IO_QUEUES + 1)
/** define NVME_QUEUE_ENTRIES - entries in one I/O queue, at most (CAP.MQES + 1) */
#define NVME_QUEUE_ENTRIES	1024
/** define NVME_PAGE_SIZE - memory page size of the controller (CC.MPS), the only one there is */
#define NVME_PAGE_SIZE		4096
/** define NVME_MDTS - log2 of the pages that one command can transfer */
#define NVME_MDTS		7
/** define NVME_MAX_TRANSFER - bytes that one command can transfer */
#define NVME_MAX_TRANSFER	(NVME_PAGE_SIZE << NVME_MDTS)
/** define NVME_MAX_PAGES - pages that such a transfer can touch */
#define NVME_MAX_PAGES		((1 << NVME_MDTS) + 1)
/** define NVME_BATCH - commands fetched at once, at most; Arbitration Burst says how many */
#define NVME_BATCH		16U
/** define NVME_NSID - the namespace */
#define NVME_NSID		1
/** define NVME_FIRMWARE - Firmware Revision */
#define NVME_FIRMWARE		"1.0"
/** define NVME_ARBITRATION_BURST - recommended, and the default: log2 of %NVME_BATCH */
#define NVME_ARBITRATION_BURST	4
/** define NVME_TEMPERATURE_WARNING - in kelvin; default of the over temperature threshold */
#define NVME_TEMPERATURE_WARNING	343
/** define NVME_TEMPERATURE_CRITICAL - in kelvin */
#define NVME_TEMPERATURE_CRITICAL	353
/** define NVME_SQ_ATTRIBUTES - what &nvme_sq.attributes can hold: contiguous, priority */
#define NVME_SQ_ATTRIBUTES	(NVME_QUEUE_PHYS_CONTIG | NVME_SQ_PRIO_LOW)
/** define NVME_REGISTERS - dwords of properties, up to and with ACQ */
#define NVME_REGISTERS		((NVME_REG_ACQ + 8) / 4)
/** define NVME_BAR_SIZE - properties and doorbells, a page each */
#define NVME_BAR_SIZE		0x2000

struct nvme_controller;
struct nvme_sq;

/**
 * struct nvme_cq - completion queue
 * @base: guest address
 * @qid: identifier, its place in &nvme_controller.cq; immutable
 * @entries: size
 * @head: as the doorbell was last written
 * @tail: next entry to be posted; advanced before the entry is written
 * @reserved: entries promised to commands that were fetched
 * @vector: of the interrupt
 * @live: the queue exists
 * @phase: phase tag of the entry at @tail
 * @irq_enabled: interrupts are enabled
 * @starved: a submission queue waits for room
 * @post: held while entries are written, so that they appear in order
 *
 * &nvme_controller.lock protects what changes, but @base, @entries, @vector and
 * @irq_enabled only change while no work uses the queue.
 */
struct nvme_cq {
	u64 base;
	u16 qid;
	u16 entries;
	u16 head;
	u16 tail;
	u16 reserved;
	u16 vector;
	bool live;
	bool phase;
	bool irq_enabled;
	bool starved;
	struct mutex post;	/* sleeps: guest memory */
};

/**
 * struct nvme_io_counters - what the SMART log counts of I/O commands
 */
struct nvme_io_counters {
	u64 reads;
	u64 writes;
	u64 blocks_read;
	u64 blocks_written;
};

/**
 * struct nvme_sq - submission queue
 * @ctrl: controller; immutable
 * @cq: completion queue
 * @work: fetches and executes commands
 * @base: guest address
 * @qid: identifier, its place in &nvme_controller.sq; immutable
 * @entries: size
 * @head: next entry to be fetched
 * @tail: as the doorbell was last written
 * @attributes: as in Create I/O Submission Queue: contiguous, priority
 * @live: the queue exists
 *
 * The rest belongs to @work alone:
 *
 * @commands: as fetched
 * @done: completions not posted yet
 * @nr_done: number of them
 * @moved: bytes that the commands completed in @done have transferred
 * @counters: what those commands add to &nvme_logs.io
 * @pages: guest addresses of the pages that the command in hand transfers
 * @nr_pages: number of them
 * @list: PRP list as read from guest memory
 *
 * &nvme_controller.lock protects what changes, but @base, @entries and @cq only
 * change while @work is idle and cannot run.
 */
struct nvme_sq {
	struct nvme_controller *ctrl;
	struct nvme_cq *cq;
	struct work_struct work;
	u64 base;
	u16 qid;
	u16 entries;
	u16 head;
	u16 tail;
	u16 attributes;
	bool live;

	struct nvme_command commands[NVME_BATCH];
	struct nvme_completion done[NVME_BATCH];
	unsigned int nr_done;
	u32 moved;
	struct nvme_io_counters counters;
	u64 pages[NVME_MAX_PAGES];
	unsigned int nr_pages;
	__le64 list[NVME_MAX_PAGES];
};

/**
 * enum nvme_event - asynchronous events this controller reports
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

/**
 * enum nvme_feature_slot - features that are a value of up to 32 bits, by identifier and selector
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

/**
 * struct nvme_names - what tells the controller and namespace from others; migrates
 * @serial: as in Identify Controller
 * @nguid: as in Identify Namespace
 */
struct nvme_names {
	u8 serial[20];
	u8 nguid[16];
};

/**
 * struct nvme_controller - one controller
 * @fn: head
 * @capacity: bytes the namespace can grow to; immutable
 * @ns: the namespace
 * @names: names of @ns
 * @shadow: namespace being loaded, or NULL
 * @shadow_names: its names
 * @control: serialises everything that starts or stops works as a whole
 * @lock: protects registers, queues, @events, @features and @logs
 * @reg: properties, by dword; those of CAP and VS never change
 * @quiet: between quiesce and resume
 * @reraise: interrupts may have been lost: resume raises all that could be due
 * @unconsumed: completion queues with interrupts enabled and entries not consumed, one bit each
 * @intx: the level last given to the carrier
 * @events: asynchronous events
 * @features: features
 * @logs: log pages
 * @sq: submission queues, by identifier
 * @cq: completion queues, by identifier
 *
 * Who runs: register writes (any number at once, never waiting for guest memory
 * unless they stop the controller), the works of the queues, and the carrier.
 *
 * Locks, in order: @control; a namespace stripe or &nvme_cq.post; @lock; locks of
 * the carrier's interrupts. Guest memory is accessed under no lock, under a
 * stripe, or under &nvme_cq.post. @lock is never held across anything that sleeps.
 *
 * Starting is one predicate, nvme_queue_fetching(): a work asks it under @lock each
 * time it wants to fetch commands or report an event, and does neither when
 * it is false.
 *
 * Stopping (disable, shutdown, reset, quiesce) therefore is, under @control: make
 * the predicate false under @lock; wait for the works, the admin queue's first
 * because it creates and deletes the others; change what has to change. It
 * ends: a work that was told to stop finishes what it has fetched, at most
 * NVME_BATCH commands. It cannot deadlock: works never take @control, and only
 * the admin work waits for other works, which never wait for it. Whoever
 * queues a work in the meantime finds that it does nothing.
 *
 * Deleting a submission queue is, in the admin work and holding no lock: mark it
 * not live under @lock, so that nothing is fetched from it any more; wait for its
 * work. No doorbell queues the work of a queue that is not live.
 *
 * @ns and @names change under @control while quiet, when no work looks at them.
 */
struct nvme_controller {
	struct mdevsim_function fn;
	u64 capacity;

	struct nvme_namespace *ns;
	struct nvme_names names;
	struct nvme_namespace *shadow;
	struct nvme_names shadow_names;

	struct mutex control;	/* sleeps: waits for works */
	spinlock_t lock;	/* never held across a sleep */
	u32 reg[NVME_REGISTERS];
	bool quiet;
	bool reraise;
	u64 unconsumed;
	bool intx;
	struct nvme_events events;
	struct nvme_feature_values features;
	struct nvme_logs logs;
	struct nvme_sq sq[NVME_QUEUES];
	struct nvme_cq cq[NVME_QUEUES];
};

static inline struct nvme_controller *to_nvme(struct mdevsim_function *fn)
{
	return container_of(fn, struct nvme_controller, fn);
}

/**
 * struct nvme_request - a command being executed
 * @sq: where it came from
 * @cmd: the command
 * @result: completion DW0
 * @location: byte (bits 7:0) and bit (10:8) of @cmd that is at fault, 0xffff when none is
 * @lba: first block concerned by an error
 * @parked: it stays outstanding: no completion now
 */
struct nvme_request {
	struct nvme_sq *sq;
	const struct nvme_command *cmd;
	u32 result;
	u16 location;
	u64 lba;
	bool parked;
};

/**
 * struct nvme_operation - how one opcode is executed
 * @execute: do it; the status, without More and Do Not Retry
 * @effects: as in the Commands Supported and Effects log
 */
struct nvme_operation {
	u16 (*execute)(struct nvme_request *req);
	u32 effects;
};

/** nvme_bad_field - refuse a command for the field at @offset of it */
static inline u16 nvme_bad_field(struct nvme_request *req, size_t offset)
{
	req->location = offset;
	return NVME_SC_INVALID_FIELD;
}

/* controller.c */

/** nvme_controller_fatal - the controller cannot go on: CSTS.CFS. Takes the lock. */
void nvme_controller_fatal(struct nvme_controller *ctrl);

/** nvme_controller_cc_valid - whether a controller can be enabled with such a CC */
bool nvme_controller_cc_valid(u32 cc);

/** nvme_controller_reg - a property; the lock is held */
static inline u32 nvme_controller_reg(const struct nvme_controller *ctrl, u32 offset)
{
	return ctrl->reg[offset / 4];
}

/** nvme_controller_reg64 - a property of 64 bits; the lock is held */
static inline u64 nvme_controller_reg64(const struct nvme_controller *ctrl, u32 offset)
{
	return ctrl->reg[offset / 4] | (u64)ctrl->reg[offset / 4 + 1] << 32;
}

/* queue.c */

void nvme_queue_init(struct nvme_controller *ctrl);

/** nvme_queue_fetching - works may fetch commands and report events; the lock is held */
bool nvme_queue_fetching(const struct nvme_controller *ctrl);

/** nvme_queue_open_sq - bring a queue to life, empty; the lock is held */
void nvme_queue_open_sq(struct nvme_sq *sq, struct nvme_cq *cq, u64 base, u16 entries);
void nvme_queue_open_cq(struct nvme_controller *ctrl, struct nvme_cq *cq, u64 base, u16 entries);

/** nvme_queue_close_sq - end a queue and wait for its work; in the admin work, no lock held */
void nvme_queue_close_sq(struct nvme_sq *sq);

/** nvme_queue_close_cq - end a queue that no submission queue uses; the lock is held */
void nvme_queue_close_cq(struct nvme_controller *ctrl, struct nvme_cq *cq);

/** nvme_queue_close_all - end all queues; works are idle, the lock is held */
void nvme_queue_close_all(struct nvme_controller *ctrl);

/** nvme_queue_track - @cq's head or tail was changed; the lock is held */
void nvme_queue_track(struct nvme_controller *ctrl, struct nvme_cq *cq);

/** nvme_queue_doorbell - a doorbell was written: @index counts from 1000h in dwords */
void nvme_queue_doorbell(struct nvme_controller *ctrl, u32 index, u32 value);

/** nvme_queue_kick - let every work look for something to do. Takes the lock. */
void nvme_queue_kick(struct nvme_controller *ctrl);

/** nvme_queue_stop - wait until every work is idle; fetching is off, @control held */
void nvme_queue_stop(struct nvme_controller *ctrl);

/** nvme_queue_reserve - promise entries of @cq, at most @wanted: how many; the lock is held */
unsigned int nvme_queue_reserve(struct nvme_cq *cq, unsigned int wanted);

/** nvme_queue_unreserve - give back @count promised entries. Takes the lock. */
void nvme_queue_unreserve(struct nvme_sq *sq, unsigned int count);

/** nvme_queue_complete - complete a command, for which an entry was reserved; in @sq's work */
void nvme_queue_complete(struct nvme_sq *sq, u16 cid, u32 result, u16 status);

/** nvme_queue_post - post the completions gathered so far; in @sq's work */
void nvme_queue_post(struct nvme_sq *sq);

/** nvme_queue_intx - the level of INTx may have changed; the lock is held */
void nvme_queue_intx(struct nvme_controller *ctrl);

/** nvme_queue_reraise - drive INTx, and raise what may have been lost. Takes the lock. */
void nvme_queue_reraise(struct nvme_controller *ctrl);

/* admin.c, io.c */

/** nvme_admin_operation - how @opcode is executed in the admin queue; NULL when it is not */
const struct nvme_operation *nvme_admin_operation(u8 opcode);

/** nvme_io_operation - likewise in I/O queues */
const struct nvme_operation *nvme_io_operation(u8 opcode);

/* identify.c, log.c, feature.c: admin commands */

u16 nvme_identify_execute(struct nvme_request *req);
u16 nvme_log_execute(struct nvme_request *req);
u16 nvme_feature_get(struct nvme_request *req);
u16 nvme_feature_set(struct nvme_request *req);

/* prp.c */

/**
 * nvme_prp_map - find the pages that a command transfers
 * @req: command
 * @length: bytes, at least one, at most %NVME_MAX_TRANSFER
 *
 * Return: a status. On success they are in @req->sq until the next command.
 */
u16 nvme_prp_map(struct nvme_request *req, u32 length);

/** nvme_prp_read - from the mapped pages, @position bytes on, to @data; 0 or -EFAULT */
int nvme_prp_read(struct nvme_sq *sq, u32 position, void *data, u32 length);

/** nvme_prp_write - from @data to the mapped pages, @position bytes on; 0 or -EFAULT */
int nvme_prp_write(struct nvme_sq *sq, u32 position, const void *data, u32 length);

/** nvme_prp_to_host - map, and transfer @data to the host: a status */
u16 nvme_prp_to_host(struct nvme_request *req, const void *data, u32 length);

/** nvme_prp_from_host - map, and transfer from the host: a status */
u16 nvme_prp_from_host(struct nvme_request *req, void *data, u32 length);

/* event.c */

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

/** nvme_event_due - a request could be completed with an event; the lock is held */
bool nvme_event_due(const struct nvme_controller *ctrl);

/** nvme_event_valid - whether @dw0 is an event that this controller reports */
bool nvme_event_valid(u32 dw0);

/** nvme_event_types - one bit for each type of event that this controller reports */
u32 nvme_event_types(void);

/* feature.c */

/** nvme_feature_reset - default values; the lock is held */
void nvme_feature_reset(struct nvme_controller *ctrl);

/** nvme_feature_critical_warning - Critical Warning of the SMART log; the lock is held */
u8 nvme_feature_critical_warning(const struct nvme_controller *ctrl);

u32 nvme_feature_save(struct mdevsim_function *fn, void *body);
int nvme_feature_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		       struct mdevsim_reason *why);
void nvme_feature_load(struct mdevsim_function *fn, const void *body, u32 length);

/* log.c */

void nvme_log_init(struct nvme_controller *ctrl);

/** nvme_log_error - enter an error; error_count is filled in here; the lock is held */
void nvme_log_error(struct nvme_controller *ctrl, struct mdevsim_state_nvme_error error);

/** nvme_log_busy - an I/O work starts or ends a round; the lock is held */
void nvme_log_busy(struct nvme_logs *logs, bool busy);

/** nvme_log_busy_ms, nvme_log_power_on_ms - current value; the lock is held */
u64 nvme_log_busy_ms(const struct nvme_logs *logs);
u64 nvme_log_power_on_ms(const struct nvme_logs *logs);

/* state.c */

/** define NVME_STATE_RECORDS - control records of a controller */
#define NVME_STATE_RECORDS	6

extern const struct mdevsim_state_ops nvme_state_ops[NVME_STATE_RECORDS];

/** nvme_state_name - give the controller its own names */
void nvme_state_name(struct nvme_controller *ctrl);

void nvme_state_identity(struct mdevsim_function *fn, struct mdevsim_state_identity *id);
int nvme_state_identity_check(struct mdevsim_function *fn, const struct mdevsim_state_identity *id,
			      struct mdevsim_reason *why);

/* bulk.c: see &struct mdevsim_function_ops */

void nvme_bulk_save_begin(struct mdevsim_function *fn);
void nvme_bulk_save_end(struct mdevsim_function *fn);
void nvme_bulk_size(struct mdevsim_function *fn, struct mdevsim_bulk_size *size);
bool nvme_bulk_next(struct mdevsim_function *fn, struct mdevsim_extent *extent);
void *nvme_bulk_page_get(struct mdevsim_function *fn, u64 offset);
u32 nvme_bulk_page_crc(struct mdevsim_function *fn, void *page);
void nvme_bulk_page_put(struct mdevsim_function *fn, u64 offset);
int nvme_bulk_load_begin(struct mdevsim_function *fn, const struct mdevsim_state_identity *id);
void *nvme_bulk_load_page(struct mdevsim_function *fn, u64 offset);
void nvme_bulk_load_zero(struct mdevsim_function *fn, u64 offset, u64 length);
void nvme_bulk_load_commit(struct mdevsim_function *fn);
void nvme_bulk_load_abort(struct mdevsim_function *fn);
int nvme_bulk_resize(struct mdevsim_function *fn, u64 size);

#endif /* MDEVSIM_NVME_NVME_H */
