/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks of what the VFIO uAPI demands of any driver that migrates its device.
 *
 * Each check runs in a process of its own, on a device that was opened and reset
 * for it: one that hangs is killed, one that crashes takes nothing with it.
 * What it found is in a report that both processes see.
 */
#ifndef VFIOMIG_CONFORM_H
#define VFIOMIG_CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "migration.h"

/* What a check cannot do without; one that lacks it is skipped. */
#define NEEDS_V2	(1U << 0)	/* the feature ioctl: has no meaning on the region */
#define NEEDS_P2P	(1U << 1)
#define NEEDS_PRE_COPY	(1U << 2)
#define NEEDS_STATE	(1U << 3)	/* a state that the device saved before */
#define NEEDS_DATA_SIZE	(1U << 4)
#define NEEDS_INFO_V2	(1U << 5)
#define NEEDS_LOGGING	(1U << 6)
#define NEEDS_SECOND	(1U << 7)
#define NEEDS_GROUP	(1U << 8)	/* opened by group: one device, many descriptors */
#define NEEDS_MDEV	(1U << 9)	/* mediated, and --recreate */
#define NEEDS_WORK	(1U << 10)	/* a device that is known how to be put to work */
#define NEEDS_DMA	(1U << 11)	/* and that writes to memory when it works */
#define NEEDS_PCI	(1U << 12)

struct conform;

/**
 * struct conform_check - a check
 * @name: GROUP.NAME, as --only and --skip know it
 * @place: in include/uapi/linux/vfio.h: the comment, structure or definition
 * @rule: what is demanded there
 * @needs: NEEDS_*
 * @run: does it
 * @from: for @run: a state
 * @to: for @run: another
 */
struct conform_check {
	const char *name;
	const char *place;
	const char *rule;
	uint32_t needs;
	void (*run)(struct conform *conform);
	uint32_t from;
	uint32_t to;
};

/* A row of a table of checks */
#define CHECK(name_, run_, needs_, place_, rule_)				\
	{									\
		.name = name_,							\
		.place = place_,						\
		.rule = rule_,							\
		.needs = needs_,						\
		.run = run_,							\
	}

/** struct conform_group - checks that one file has */
struct conform_group {
	const struct conform_check *checks;
	unsigned int nr;
};

extern const struct conform_group conform_state_group;
extern const struct conform_group conform_feature_group;
extern const struct conform_group conform_read_group;
extern const struct conform_group conform_write_group;
extern const struct conform_group conform_life_group;
extern const struct conform_group conform_logging_group;
extern const struct conform_group conform_quiet_group;

/* ---- Reports ----------------------------------------------------------- */

#define CONFORM_MAX_FINDINGS	8
#define CONFORM_TEXT		240

/** enum conform_verdict - how a check ended; UNDECIDED while it has not */
enum conform_verdict {
	CONFORM_UNDECIDED,
	CONFORM_PASSED,
	CONFORM_FAILED,
	CONFORM_SKIPPED,
};

/**
 * struct conform_finding - something that is not as it should be
 * @at: what was done
 * @expected: of it
 * @seen: instead
 */
struct conform_finding {
	char at[CONFORM_TEXT];
	char expected[CONFORM_TEXT];
	char seen[CONFORM_TEXT];
};

/**
 * struct conform_report - in memory that the check's process shares with its parent
 * @verdict: how it ended
 * @doing: what it does now, or did last
 * @why: it was skipped
 * @nr_findings: all there were, of which the first are in @findings
 * @findings: where it failed
 * @size: of the saved state, set by the process that saves it
 */
struct conform_report {
	enum conform_verdict verdict;
	char doing[CONFORM_TEXT];
	char why[CONFORM_TEXT];
	unsigned int nr_findings;
	struct conform_finding findings[CONFORM_MAX_FINDINGS];
	uint64_t size;
};

/* ---- Running ----------------------------------------------------------- */

struct conform_worker;

/** struct conform_bytes - a piece of memory */
struct conform_bytes {
	uint8_t *data;
	size_t size;
};

/**
 * struct conform_subject - the device that is checked, as the parent knows it
 * @arguments: command line
 * @name: of the device
 * @second: of another one, or NULL
 * @ops: protocol that is spoken
 * @flags: VFIO_MIGRATION_* that it claims
 * @id: where it is in /sys
 * @has: NEEDS_* that there are
 * @worker: puts it to work, or NULL
 * @saved: a state of it, of a device that was only reset; in shared memory
 * @report: in shared memory
 * @timeout_ms: for each check
 */
struct conform_subject {
	const struct arguments *arguments;
	const char *name;
	const char *second;
	const struct migration_ops *ops;
	uint64_t flags;
	struct sysfs_device id;
	uint32_t has;
	const struct conform_worker *worker;
	struct conform_bytes saved;
	struct conform_report *report;
	unsigned int timeout_ms;
};

/**
 * struct conform - a check under way, in its own process
 * @subject: what is checked
 * @check: what for
 * @report: of it
 * @device: open
 * @migration: of @device; its data descriptor is that of the last session
 * @came: descriptor that came with the last change of state, or -1
 * @work: of the worker
 * @eventfd: that the worker's device signals
 */
struct conform {
	const struct conform_subject *subject;
	const struct conform_check *check;
	struct conform_report *report;
	struct vfio_device device;
	struct migration migration;
	int came;
	void *work;
	int eventfd;
};

/** conform_examine - find out what @subject is and has; reports its errors */
int conform_examine(struct conform_subject *subject);

/** conform_save - keep a state of the device; what went wrong is in the report */
bool conform_save(struct conform_subject *subject);

/** conform_leave - reset the device, in a process of its own; false when that fails */
bool conform_leave(struct conform_subject *subject);

/** conform_run - run a check; false when its process cannot be ended, so that no other can run */
bool conform_run(struct conform_subject *subject, const struct conform_check *check);

/* ---- For checks -------------------------------------------------------- */

/** conform_exit - end the check here, passed unless it has failed */
_Noreturn void conform_exit(struct conform *conform);

/** conform_skip - end the check: it does not apply */
OUT_FORMAT(2, 3)
_Noreturn void conform_skip(struct conform *conform, const char *fmt, ...);

/** conform_doing - say what comes next, should it never end */
OUT_FORMAT(2, 3)
void conform_doing(struct conform *conform, const char *fmt, ...);

/** conform_fail - something is not as it should be, at what conform_doing() said last */
OUT_FORMAT(3, 4)
void conform_fail(struct conform *conform, const char *expected, const char *fmt, ...);

/** conform_expect - conform_fail() unless @good; returns @good */
OUT_FORMAT(4, 5)
bool conform_expect(struct conform *conform, bool good, const char *expected, const char *fmt, ...);

/** conform_need - as conform_expect(), and the check cannot go on without */
OUT_FORMAT(4, 5)
void conform_need(struct conform *conform, bool good, const char *expected, const char *fmt, ...);

#define ANY_ERROR	1	/* for conform_expect_result() */

/** conform_expect_result - 0 or -errno, as it should be */
bool conform_expect_result(struct conform *conform, long seen, int expected);
void conform_need_result(struct conform *conform, long seen, int expected);

/** conform_expect_state - GET says that the device is in @state, and gives no descriptor */
bool conform_expect_state(struct conform *conform, uint32_t state);

/** conform_errno - "EINVAL" and so on for -errno, "success" for 0 */
const char *conform_errno(long result);

/* Open and close the device (again). Both end the check when that does not work. */
void conform_open(struct conform *conform);
void conform_close(struct conform *conform);

/** conform_begin - conform_open(), reset, and see that it runs */
void conform_begin(struct conform *conform);

/** conform_has_state - the device claims it, and the protocol has it */
bool conform_has_state(const struct conform *conform, uint32_t state);

/** conform_has_session - a state in which data moves */
bool conform_has_session(uint32_t state);
bool conform_is_saving(uint32_t state);

/** conform_set - ask for a state; 0 or -errno */
int conform_set(struct conform *conform, uint32_t state);

/** conform_get - ask which state it is; 0 or -errno. @data_fd, unless NULL, is what came with it */
int conform_get(struct conform *conform, uint32_t *state, int *data_fd);

/** conform_reset - VFIO_DEVICE_RESET; 0 or -errno */
int conform_reset(struct conform *conform);

/** conform_go - ask for a state; the check ends when that fails */
void conform_go(struct conform *conform, uint32_t state);

/**
 * conform_arrive - get to a state from RUNNING, RESUMING with a state to be committed
 *
 * Returns: the data descriptor, or -1
 */
int conform_arrive(struct conform *conform, uint32_t state);

/** conform_in_each_state - reset, arrive in a state and look, for each that the device has */
void conform_in_each_state(struct conform *conform,
			   void (*look)(struct conform *conform, uint32_t state));

/** conform_feature - VFIO_DEVICE_FEATURE; 0 or -errno */
int conform_feature(struct conform *conform, uint32_t flags, void *data, size_t size,
		    const char *name);

/** conform_data_size - MIG_DATA_SIZE; the check ends when that fails */
uint64_t conform_data_size(struct conform *conform);

/** conform_precopy_info - on a data descriptor; 0 or -errno */
int conform_precopy_info(struct conform *conform, int fd, struct vfio_precopy_info *info);

/* Once, from or to the session: bytes or -errno. */
ssize_t conform_read(struct conform *conform, void *data, size_t size);
ssize_t conform_write(struct conform *conform, const void *data, size_t size);

/* The same on a descriptor as it is. */
ssize_t conform_read_fd(struct conform *conform, int fd, void *data, size_t size);
ssize_t conform_write_fd(struct conform *conform, int fd, const void *data, size_t size);

/**
 * conform_drain - read what there is, @segment bytes at a time (0: many)
 *
 * Appends to @to. The check ends when the device has more than it may.
 *
 * Return: 0 at the end of the stream, or -errno, -ENOMSG at that of pre-copy
 */
long conform_drain(struct conform *conform, struct conform_bytes *to, size_t segment);

/** conform_feed - write it all, @segment bytes at a time (0: at once); 0 or -errno */
long conform_feed(struct conform *conform, const struct conform_bytes *from, size_t segment);

/** conform_save_stopped - STOP, STOP_COPY, drain, STOP; the check ends when that fails */
struct conform_bytes conform_save_stopped(struct conform *conform);

/** conform_load_must - RESUMING, feed, STOP; the check fails when that does */
bool conform_load_must(struct conform *conform, const struct conform_bytes *from, size_t segment);

/** conform_readable - poll() says so within @ms */
bool conform_readable(struct conform *conform, int fd, int ms);

/** conform_works - the device can be reset, saved and loaded again; fails the check if not */
void conform_works(struct conform *conform);

/** conform_alloc - memory of zeroes */
void *conform_alloc(size_t size);

/* ---- Work -------------------------------------------------------------- */

#define CONFORM_MEMORY_IOVA	0x100000
#define CONFORM_MEMORY_SIZE	0x10000
#define CONFORM_PAGE		4096

/**
 * struct conform_worker - how to put a kind of device to work, by its standard interface
 * @what: kind of device
 * @class: class code in configuration space: base, sub, programming interface
 * @pages: bitmap of the pages of the memory at CONFORM_MEMORY_IOVA that an answer is
 *	written to, 0 if the device does not write to memory
 * @careless: it can be asked without a start
 * @start: make it ready, from reset, with an interrupt
 * @ask: for something that ends in an interrupt; in a state that allows no such thing it is
 *	refused or ignored
 * @answered: what was asked for has come; does not wait
 * @memory: at CONFORM_MEMORY_IOVA; missing when @pages is 0
 */
struct conform_worker {
	const char *what;
	uint32_t class;
	uint64_t pages;
	bool careless;
	void (*start)(struct conform *conform);
	void (*ask)(struct conform *conform);
	bool (*answered)(struct conform *conform);
	uint8_t *(*memory)(struct conform *conform);
};

/** conform_worker_find - the one for @device, or NULL */
const struct conform_worker *conform_worker_find(const struct vfio_device *device);

/** conform_put_to_work - start it, and see that it answers with an interrupt */
void conform_put_to_work(struct conform *conform);

/** conform_await_answer - to what was asked; fails the check when it does not come */
bool conform_await_answer(struct conform *conform);

/** conform_map_memory - let the device reach @memory at @iova; the check ends without */
void conform_map_memory(struct conform *conform, void *memory, uint64_t iova, size_t size);

/** conform_map - memory that the device can reach at @iova; the check ends without */
void *conform_map(struct conform *conform, uint64_t iova, size_t size);

/** conform_config_read - from configuration space; false when that fails */
bool conform_config_read(const struct vfio_device *device, uint32_t offset, void *data,
			 size_t size);
bool conform_config_write(const struct vfio_device *device, uint32_t offset, const void *data,
			  size_t size);

/** conform_irq_index - the best kind of interrupt that the device has, or -1 */
int conform_irq_index(const struct conform *conform);

/** conform_eventfd - attach a new eventfd to an interrupt; -errno when that fails */
int conform_eventfd(struct conform *conform, uint32_t index);

/** conform_signalled - count of an eventfd, which is cleared; waits at most @ms */
uint64_t conform_signalled(int eventfd, int ms);

#endif /* VFIOMIG_CONFORM_H */
