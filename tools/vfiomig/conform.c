// SPDX-License-Identifier: GPL-2.0
/*
 * Running checks: each in a child, which opens the device, and ends with it.
 *
 * The child's end is seen by a pipe that only it holds open at the other end. A
 * child that is stuck in the kernel does not end when it is killed; the device is
 * then its own for good, and no other check can run.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conform.h"
#include "feature.h"
#include "interrupt.h"
#include "units.h"

#define KILLED_MS	2000	/* for a killed process to end */

static void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

/* ---- The child --------------------------------------------------------- */

/* A signal ends the child; what it left behind the parent resets. */
static void prepare_child(pid_t parent)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* What fail() says of opening a device is for people, and goes to standard error. */
	out_settings.json = false;
	out_to_stderr();
}

_Noreturn static void child(struct conform_subject *subject, const struct conform_check *check)
{
	struct conform conform = {
		.subject = subject,
		.check = check,
		.report = subject->report,
		.device = VFIO_DEVICE_CLOSED,
		.came = -1,
	};

	conform_begin(&conform);
	check->run(&conform);
	conform_exit(&conform);
}

/* ---- The parent -------------------------------------------------------- */

/* The other end of the pipe is closed when the process has ended. */
static bool ends_within(int pipe, unsigned int ms)
{
	struct pollfd poller = { .fd = pipe };
	uint64_t end = units_now() / 1000000 + ms, now;
	int ret;

	do {
		now = units_now() / 1000000;
		ret = poll(&poller, 1, now < end ? end - now : 0);
	} while (ret < 0 && errno == EINTR && !interrupt_seen());
	return ret > 0;
}

static void add_finding(struct conform_report *report, const char *expected, const char *seen)
{
	struct conform_finding *finding = &report->findings[CONFORM_MAX_FINDINGS - 1];

	if (report->nr_findings < CONFORM_MAX_FINDINGS)
		finding = &report->findings[report->nr_findings];
	report->nr_findings++;
	memcpy(finding->at, report->doing, sizeof(finding->at));
	snprintf(finding->expected, sizeof(finding->expected), "%s", expected);
	snprintf(finding->seen, sizeof(finding->seen), "%s", seen);
	report->verdict = CONFORM_FAILED;
}

static void note_signal(struct conform_report *report, int status)
{
	char seen[CONFORM_TEXT];

	if (!WIFSIGNALED(status))
		return;
	snprintf(seen, sizeof(seen), "the process died of %s", strsignal(WTERMSIG(status)));
	add_finding(report, "that it returns", seen);
}

static void note_timeout(const struct conform_subject *subject, bool ended)
{
	char seen[CONFORM_TEXT];

	if (interrupt_seen()) {
		add_finding(subject->report, "to be finished", "stopped by a signal");
		return;
	}
	snprintf(seen, sizeof(seen), "still waiting after %u ms%s", subject->timeout_ms,
		 ended ? "" : ", and cannot be killed: it is stuck in the kernel");
	add_finding(subject->report, "that it returns", seen);
}

/* Kills a child that takes too long; false when it survives that. */
static bool await(struct conform_subject *subject, pid_t pid, int pipe)
{
	bool late = !ends_within(pipe, subject->timeout_ms), ended = true;
	int status = 0;

	if (late) {
		kill(pid, SIGKILL);
		ended = ends_within(pipe, KILLED_MS);
		note_timeout(subject, ended);
	}
	if (!ended)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!late)
		note_signal(subject->report, status);
	return true;
}

bool conform_run(struct conform_subject *subject, const struct conform_check *check)
{
	pid_t parent = getpid(), pid;
	int ends[2];
	bool ended;

	memset(subject->report, 0, sizeof(*subject->report));
	if (pipe(ends))
		abort();
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		close(ends[0]);
		prepare_child(parent);
		child(subject, check);
	}
	close(ends[1]);
	ended = await(subject, pid, ends[0]);
	close(ends[0]);
	if (subject->report->verdict == CONFORM_UNDECIDED)
		add_finding(subject->report, "a verdict", "the process ended without one");
	return ended;
}

/* ---- Before and after -------------------------------------------------- */

/* The state of a device is sent here by the process that saved it. */
#define MAX_SAVED	(1UL << 30)

static struct conform_bytes saving;

static void save(struct conform *conform)
{
	struct conform_bytes state = conform_save_stopped(conform);

	conform_need(conform, state.size <= saving.size, "a state of less than 1 GiB",
		     "%zu bytes", state.size);
	memcpy(saving.data, state.data, state.size);
	conform->report->size = state.size;
}

bool conform_save(struct conform_subject *subject)
{
	static const struct conform_check check = { .name = "save", .run = save };

	/* Pages that nobody writes to take no memory. */
	saving = (struct conform_bytes){
		mmap(NULL, MAX_SAVED, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
		MAX_SAVED,
	};
	if (saving.data == MAP_FAILED)
		abort();
	if (!conform_run(subject, &check) || subject->report->verdict != CONFORM_PASSED)
		return false;
	subject->saved = (struct conform_bytes){ saving.data, subject->report->size };
	subject->has |= NEEDS_STATE;
	return true;
}

static void leave(struct conform *conform)
{
	(void)conform;
}

bool conform_leave(struct conform_subject *subject)
{
	static const struct conform_check check = { .name = "reset", .run = leave };

	return conform_run(subject, &check) && subject->report->verdict == CONFORM_PASSED;
}

static uint32_t claims(uint64_t flags)
{
	uint32_t has = 0;

	if (flags & VFIO_MIGRATION_P2P)
		has |= NEEDS_P2P;
	if (flags & VFIO_MIGRATION_PRE_COPY)
		has |= NEEDS_PRE_COPY;
	return has;
}

static uint32_t features(const struct vfio_device *device)
{
	uint32_t has = NEEDS_V2;

	if (vfio_has_feature(device, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
			     "MIG_DATA_SIZE"))
		has |= NEEDS_DATA_SIZE;
	if (vfio_has_feature(device,
			     VFIO_DEVICE_FEATURE_SET | VFIO_COMPAT_FEATURE_PRECOPY_INFO_V2,
			     "MIG_PRECOPY_INFOv2"))
		has |= NEEDS_INFO_V2;
	if (vfio_has_feature(device,
			     VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
			     "DMA_LOGGING_START"))
		has |= NEEDS_LOGGING;
	return has;
}

static void look(struct conform_subject *subject, const struct migration *migration)
{
	const struct vfio_device *device = migration->device;

	subject->flags = migration->flags;
	subject->id = device->id;
	subject->has = claims(migration->flags);
	if (migration->ops == &feature_ops)
		subject->has |= features(device);
	if (device->backend == &vfio_group_backend)
		subject->has |= NEEDS_GROUP;
	if (device->info.flags & VFIO_DEVICE_FLAGS_PCI)
		subject->has |= NEEDS_PCI;
	if (device->id.type[0] && argument_given(subject->arguments, OPTION_RECREATE))
		subject->has |= NEEDS_MDEV;
	if (subject->second)
		subject->has |= NEEDS_SECOND;
	subject->worker = conform_worker_find(device);
	if (subject->worker)
		subject->has |= NEEDS_WORK | (subject->worker->pages ? NEEDS_DMA : 0);
}

static int examine_device(struct conform_subject *subject)
{
	struct vfio_device device = VFIO_DEVICE_CLOSED;
	struct migration migration;
	int status;

	status = vfio_open(&device, subject->name, subject->arguments, NULL);
	if (status)
		return status;
	status = migration_begin(&migration, &device, subject->ops);
	if (!status) {
		look(subject, &migration);
		migration_end(&migration);
	}
	vfio_close(&device);
	return status;
}

/* The second device has to be there, no more: what becomes of it is a check's affair. */
static int examine_second(const struct conform_subject *subject)
{
	struct vfio_device device = VFIO_DEVICE_CLOSED;
	int status;

	if (!subject->second)
		return STATUS_DONE;
	status = vfio_open(&device, subject->second, subject->arguments, NULL);
	vfio_close(&device);
	return status;
}

/* SIGALRM ends a system call that waits, in a parent that must not. */
static void wake(int signal)
{
	(void)signal;
}

int conform_examine(struct conform_subject *subject)
{
	struct sigaction action = { .sa_handler = wake };
	int status;

	sigaction(SIGALRM, &action, NULL);
	subject->report = shared_memory(sizeof(*subject->report));
	alarm((subject->timeout_ms + 999) / 1000);
	status = examine_device(subject);
	if (!status)
		status = examine_second(subject);
	alarm(0);
	return status;
}
