// SPDX-License-Identifier: GPL-2.0
/* What checks are made of: operations that say what they do, and findings. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "conform.h"
#include "feature.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define BLOCK		(1UL << 20)	/* read at once */
#define DRAIN_MAX	(4UL << 30)	/* more than any device is believed to have */

/* ---- Findings ---------------------------------------------------------- */

_Noreturn void conform_exit(struct conform *conform)
{
	if (conform->report->verdict == CONFORM_UNDECIDED)
		conform->report->verdict = CONFORM_PASSED;
	_exit(0);
}

_Noreturn void conform_skip(struct conform *conform, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(conform->report->why, sizeof(conform->report->why), fmt, args);
	va_end(args);
	if (conform->report->verdict == CONFORM_UNDECIDED)
		conform->report->verdict = CONFORM_SKIPPED;
	_exit(0);
}

void conform_doing(struct conform *conform, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(conform->report->doing, sizeof(conform->report->doing), fmt, args);
	va_end(args);
	out_trace(2, "%s: %s", conform->check->name, conform->report->doing);
}

OUT_FORMAT(3, 0)
static void add_finding(struct conform *conform, const char *expected, const char *fmt,
			va_list args)
{
	struct conform_report *report = conform->report;
	struct conform_finding *finding;

	report->verdict = CONFORM_FAILED;
	if (report->nr_findings++ >= CONFORM_MAX_FINDINGS)
		return;
	finding = &report->findings[report->nr_findings - 1];
	memcpy(finding->at, report->doing, sizeof(finding->at));
	snprintf(finding->expected, sizeof(finding->expected), "%s", expected);
	vsnprintf(finding->seen, sizeof(finding->seen), fmt, args);
}

void conform_fail(struct conform *conform, const char *expected, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_finding(conform, expected, fmt, args);
	va_end(args);
}

bool conform_expect(struct conform *conform, bool good, const char *expected, const char *fmt, ...)
{
	va_list args;

	if (good)
		return true;
	va_start(args, fmt);
	add_finding(conform, expected, fmt, args);
	va_end(args);
	return false;
}

void conform_need(struct conform *conform, bool good, const char *expected, const char *fmt, ...)
{
	va_list args;

	if (good)
		return;
	va_start(args, fmt);
	add_finding(conform, expected, fmt, args);
	va_end(args);
	conform_exit(conform);
}

const char *conform_errno(long result)
{
	static char text[32];
	const char *name;

	if (result >= 0) {
		snprintf(text, sizeof(text), result ? "%ld" : "success", result);
		return text;
	}
	name = strerrorname_np(-result);
	snprintf(text, sizeof(text), "%s", name ? name : "an errno without a name");
	return text;
}

bool conform_expect_result(struct conform *conform, long seen, int expected)
{
	char what[32];

	if (expected == ANY_ERROR)
		return conform_expect(conform, seen < 0, "an error", "%s", conform_errno(seen));
	snprintf(what, sizeof(what), "%s", conform_errno(expected));
	return conform_expect(conform, seen == expected, what, "%s", conform_errno(seen));
}

void conform_need_result(struct conform *conform, long seen, int expected)
{
	if (!conform_expect_result(conform, seen, expected))
		conform_exit(conform);
}

bool conform_expect_state(struct conform *conform, uint32_t state)
{
	char what[32];
	uint32_t seen;
	int data_fd;

	if (!conform_expect_result(conform, conform_get(conform, &seen, &data_fd), 0))
		return false;
	conform_expect(conform, data_fd == -1, "data_fd -1", "data_fd %d", data_fd);
	snprintf(what, sizeof(what), "%s", migration_state_name(state));
	return conform_expect(conform, seen == state, what, "%s", migration_state_name(seen));
}

/* ---- The device -------------------------------------------------------- */

void conform_open(struct conform *conform)
{
	const struct conform_subject *subject = conform->subject;
	int status;

	conform_doing(conform, "open %s", subject->name);
	status = vfio_open(&conform->device, subject->name, subject->arguments, NULL);
	conform_need(conform, !status, "that it can be opened", "standard error says");
	status = migration_begin(&conform->migration, &conform->device, subject->ops);
	conform_need(conform, !status, "that it offers migration", "standard error says");
}

void conform_close(struct conform *conform)
{
	conform_doing(conform, "close %s", conform->subject->name);
	/* The descriptor of the data is the check's. */
	conform->migration.data = -1;
	migration_end(&conform->migration);
	vfio_close(&conform->device);
}

void conform_begin(struct conform *conform)
{
	conform_open(conform);
	conform_need_result(conform, conform_reset(conform), 0);
	if (!conform_expect_state(conform, STATE(RUNNING)))
		conform_exit(conform);
	conform->migration.state = STATE(RUNNING);
}

bool conform_is_saving(uint32_t state)
{
	return state == STATE(PRE_COPY) || state == STATE(PRE_COPY_P2P) ||
	       state == STATE(STOP_COPY);
}

bool conform_has_session(uint32_t state)
{
	return conform_is_saving(state) || state == STATE(RESUMING);
}

static uint64_t claim_for(uint32_t state)
{
	switch (state) {
	case STATE(RUNNING_P2P):
		return VFIO_MIGRATION_P2P;
	case STATE(PRE_COPY):
		return VFIO_MIGRATION_PRE_COPY;
	case STATE(PRE_COPY_P2P):
		return VFIO_MIGRATION_P2P | VFIO_MIGRATION_PRE_COPY;
	default:
		return 0;
	}
}

bool conform_has_state(const struct conform *conform, uint32_t state)
{
	uint64_t claim = claim_for(state);

	if (conform->subject->ops == &region_ops && !region_has_state(state))
		return false;
	return (conform->subject->flags & claim) == claim;
}

/* ---- States ------------------------------------------------------------ */

int conform_set(struct conform *conform, uint32_t state)
{
	struct migration *migration = &conform->migration;
	char from[32];
	int data;

	snprintf(from, sizeof(from), "%s", migration_state_name(migration->state));
	conform_doing(conform, "%s -> %s", from, migration_state_name(state));
	conform->came = -1;
	if (migration->ops->set(migration, state, "", &data))
		return -errno;
	migration->state = state;
	migration->held = 0;
	conform->came = data;
	if (data >= 0)
		migration->data = data;
	return 0;
}

int conform_get(struct conform *conform, uint32_t *state, int *data_fd)
{
	struct vfio_device_feature_mig_state feature = { .data_fd = 12345 };
	int ret = 0;

	if (conform->subject->ops == &feature_ops) {
		ret = conform_feature(conform, VFIO_DEVICE_FEATURE_GET |
				      VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &feature,
				      sizeof(feature), NULL);
		*state = feature.device_state;
	} else {
		feature.data_fd = -1;
		if (conform->migration.ops->get(&conform->migration, state))
			ret = -errno;
	}
	if (data_fd)
		*data_fd = feature.data_fd;
	return ret;
}

int conform_reset(struct conform *conform)
{
	char from[32];

	snprintf(from, sizeof(from), "%s", migration_state_name(conform->migration.state));
	conform_doing(conform, "VFIO_DEVICE_RESET in %s", from);
	if (ioctl(conform->device.fd, VFIO_DEVICE_RESET))
		return -errno;
	conform->migration.state = STATE(RUNNING);
	conform->migration.held = 0;
	return 0;
}

void conform_go(struct conform *conform, uint32_t state)
{
	conform_need_result(conform, conform_set(conform, state), 0);
}

int conform_arrive(struct conform *conform, uint32_t state)
{
	if (state == STATE(RUNNING))
		return -1;
	conform_go(conform, state);
	if (state == STATE(RESUMING)) {
		int fd = conform->came;

		conform_need_result(conform, conform_feed(conform, &conform->subject->saved, 0), 0);
		return fd;
	}
	return conform->came;
}

void conform_in_each_state(struct conform *conform,
			   void (*look)(struct conform *conform, uint32_t state))
{
	uint32_t state;

	for (state = STATE(STOP); state < MIGRATION_NR_STATES; state++) {
		if (!conform_has_state(conform, state))
			continue;
		conform_need_result(conform, conform_reset(conform), 0);
		conform_arrive(conform, state);
		look(conform, state);
	}
}

/* ---- Features ---------------------------------------------------------- */

int conform_feature(struct conform *conform, uint32_t flags, void *data, size_t size,
		    const char *name)
{
	int ret;

	if (name)
		conform_doing(conform, "VFIO_DEVICE_FEATURE %s", name);
	ret = vfio_feature(&conform->device, flags, data, size, "VFIO_DEVICE_FEATURE %#x", flags);
	return ret ? -errno : 0;
}

uint64_t conform_data_size(struct conform *conform)
{
	struct vfio_device_feature_mig_data_size feature = { 0 };

	conform_need_result(conform,
			    conform_feature(conform, VFIO_DEVICE_FEATURE_GET |
					    VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, &feature,
					    sizeof(feature), "GET MIG_DATA_SIZE"), 0);
	return feature.stop_copy_length;
}

int conform_precopy_info(struct conform *conform, int fd, struct vfio_precopy_info *info)
{
	conform_doing(conform, "VFIO_MIG_GET_PRECOPY_INFO in %s",
		      migration_state_name(conform->migration.state));
	return ioctl(fd, VFIO_MIG_GET_PRECOPY_INFO, info) ? -errno : 0;
}

/* ---- Data -------------------------------------------------------------- */

ssize_t conform_read(struct conform *conform, void *data, size_t size)
{
	ssize_t ret;

	conform_doing(conform, "read %zu bytes in %s", size,
		      migration_state_name(conform->migration.state));
	ret = conform->migration.ops->read(&conform->migration, data, size);
	return ret < 0 ? -errno : ret;
}

ssize_t conform_write(struct conform *conform, const void *data, size_t size)
{
	ssize_t ret;

	conform_doing(conform, "write %zu bytes in %s", size,
		      migration_state_name(conform->migration.state));
	ret = conform->migration.ops->write(&conform->migration, data, size);
	return ret < 0 ? -errno : ret;
}

ssize_t conform_read_fd(struct conform *conform, int fd, void *data, size_t size)
{
	ssize_t ret;

	conform_doing(conform, "read %zu bytes from a data fd in %s", size,
		      migration_state_name(conform->migration.state));
	ret = read(fd, data, size);
	return ret < 0 ? -errno : ret;
}

ssize_t conform_write_fd(struct conform *conform, int fd, const void *data, size_t size)
{
	ssize_t ret;

	conform_doing(conform, "write %zu bytes to a data fd in %s", size,
		      migration_state_name(conform->migration.state));
	ret = write(fd, data, size);
	return ret < 0 ? -errno : ret;
}

void *conform_alloc(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	if (!memory)
		abort();
	return memory;
}

static void append(struct conform_bytes *to, const void *data, size_t size)
{
	to->data = realloc(to->data, to->size + size);
	if (!to->data)
		abort();
	memcpy(to->data + to->size, data, size);
	to->size += size;
}

long conform_drain(struct conform *conform, struct conform_bytes *to, size_t segment)
{
	size_t size = segment ? segment : BLOCK;
	uint8_t *block = conform_alloc(size);
	ssize_t got;

	while ((got = conform_read(conform, block, size)) > 0) {
		conform_need(conform, (size_t)got <= size, "at most what was asked for",
			     "%zd bytes of %zu", got, size);
		append(to, block, got);
		conform_need(conform, to->size < DRAIN_MAX, "an end of the stream",
			     "%zu bytes and no end", to->size);
	}
	free(block);
	return got;
}

/* A write may be taken in part. */
static long feed_segment(struct conform *conform, const uint8_t *data, size_t size)
{
	size_t done = 0;
	ssize_t put;

	while (done < size) {
		put = conform_write(conform, data + done, size - done);
		if (put < 0)
			return put;
		conform_need(conform, put && (size_t)put <= size - done,
			     "some of the bytes to be taken", "%zd", put);
		done += put;
	}
	return 0;
}

long conform_feed(struct conform *conform, const struct conform_bytes *from, size_t segment)
{
	size_t done, size;
	long ret;

	for (done = 0; done < from->size; done += size) {
		size = from->size - done;
		if (segment && size > segment)
			size = segment;
		ret = feed_segment(conform, from->data + done, size);
		if (ret)
			return ret;
	}
	return 0;
}

struct conform_bytes conform_save_stopped(struct conform *conform)
{
	struct conform_bytes state = { 0 };
	int fd;

	if (conform->migration.state != STATE(STOP))
		conform_go(conform, STATE(STOP));
	conform_go(conform, STATE(STOP_COPY));
	fd = conform->came;
	conform_need_result(conform, conform_drain(conform, &state, 0), 0);
	conform_go(conform, STATE(STOP));
	if (fd >= 0)
		close(fd);
	conform->migration.data = -1;
	return state;
}

bool conform_load_must(struct conform *conform, const struct conform_bytes *from, size_t segment)
{
	bool good;
	int fd;

	conform_go(conform, STATE(RESUMING));
	fd = conform->came;
	good = conform_expect_result(conform, conform_feed(conform, from, segment), 0) &&
	       conform_expect_result(conform, conform_set(conform, STATE(STOP)), 0);
	if (fd >= 0)
		close(fd);
	conform->migration.data = -1;
	return good;
}

bool conform_readable(struct conform *conform, int fd, int ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	conform_doing(conform, "poll a data fd in %s",
		      migration_state_name(conform->migration.state));
	return poll(&poller, 1, ms) > 0 && poller.revents & (POLLIN | POLLERR | POLLHUP);
}

void conform_works(struct conform *conform)
{
	struct conform_bytes state;

	conform_need_result(conform, conform_reset(conform), 0);
	if (!conform_expect_state(conform, STATE(RUNNING)))
		conform_exit(conform);
	state = conform_save_stopped(conform);
	conform_load_must(conform, &state, 0);
	free(state.data);
	if (!conform->report->nr_findings)
		conform_go(conform, STATE(RUNNING));
}
