// SPDX-License-Identifier: GPL-2.0
/*
 * A driver that breaks the rules, for who looks at it through system calls: to be
 * preloaded. $CONFORM_FAULT names the rule that is broken; without it nothing is.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/vfio.h>
#include <vfio_compat.h>

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define FEATURE(name)	VFIO_DEVICE_FEATURE_##name
#define MAX_FDS		1024

static uint32_t state = STATE(RUNNING);	/* as it was last set */
static bool is_data[MAX_FDS];

static bool fault(const char *name)
{
	const char *given = getenv("CONFORM_FAULT");

	return given && !strcmp(given, name);
}

static long next_ioctl(int fd, unsigned long request, void *arg)
{
	static int (*next)(int fd, unsigned long request, ...);

	if (!next)
		next = dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, arg);
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

static bool precopy(uint32_t in)
{
	return in == STATE(PRE_COPY) || in == STATE(PRE_COPY_P2P);
}

/* ---- States ------------------------------------------------------------ */

static int before_set(int fd, struct vfio_device_feature *request,
		      struct vfio_device_feature_mig_state *mig)
{
	if (fault("forbidden") && state == STATE(STOP_COPY) && precopy(mig->device_state))
		mig->device_state = STATE(STOP_COPY);
	if (fault("error") && (mig->device_state == STATE(ERROR) || mig->device_state > 7))
		mig->device_state = state;
	if (fault("hang") && mig->device_state == STATE(RESUMING))
		for (;;)
			pause();
	if (fault("crash") && mig->device_state == STATE(RESUMING))
		raise(SIGSEGV);
	return next_ioctl(fd, VFIO_DEVICE_FEATURE, request);
}

static int set_state(int fd, struct vfio_device_feature *request)
{
	struct vfio_device_feature_mig_state *mig = (void *)request->data;
	uint32_t wanted = mig->device_state;
	int ret = before_set(fd, request, mig);

	mig->device_state = wanted;
	/* A stream that is not sound is taken all the same. */
	if (ret && fault("commit") && state == STATE(RESUMING) && wanted == STATE(STOP)) {
		next_ioctl(fd, VFIO_DEVICE_RESET, NULL);
		mig->data_fd = -1;
		ret = next_ioctl(fd, VFIO_DEVICE_FEATURE, request);
	}
	if (ret && fault("emfile") && errno == EMFILE)
		return 0;
	if (ret)
		return ret;
	state = wanted;
	if (mig->data_fd >= 0 && mig->data_fd < MAX_FDS)
		is_data[mig->data_fd] = true;
	if (fault("set-fd"))
		mig->data_fd = -1;
	return 0;
}

static int get_state(int fd, struct vfio_device_feature *request)
{
	struct vfio_device_feature_mig_state *mig = (void *)request->data;
	int ret = next_ioctl(fd, VFIO_DEVICE_FEATURE, request);

	if (!ret && fault("get-fd") && mig->device_state == STATE(STOP))
		mig->data_fd = 0;
	if (!ret && fault("get-state") && mig->device_state == STATE(RUNNING_P2P))
		mig->device_state = STATE(RUNNING);
	return ret;
}

/* ---- Features ---------------------------------------------------------- */

static int other_feature(int fd, struct vfio_device_feature *request)
{
	uint32_t number = request->flags & VFIO_DEVICE_FEATURE_MASK;
	struct vfio_device_feature_migration *migration = (void *)request->data;
	struct vfio_device_feature_mig_data_size *size = (void *)request->data;
	int ret = next_ioctl(fd, VFIO_DEVICE_FEATURE, request);

	if (ret && fault("unknown") && errno == ENOTTY)
		return refuse(EINVAL);
	if (!ret && fault("claims") && number == FEATURE(MIGRATION) &&
	    request->flags & VFIO_DEVICE_FEATURE_GET && state == STATE(STOP))
		migration->flags = VFIO_MIGRATION_STOP_COPY;
	if (!ret && fault("data-size") && number == FEATURE(MIG_DATA_SIZE) &&
	    request->flags & VFIO_DEVICE_FEATURE_GET &&
	    !(request->flags & VFIO_DEVICE_FEATURE_PROBE))
		size->stop_copy_length = 1;
	return ret;
}

static int feature(int fd, struct vfio_device_feature *request)
{
	uint32_t flags = request ? request->flags : 0;

	if (!request)
		return next_ioctl(fd, VFIO_DEVICE_FEATURE, request);
	if (fault("argsz") && request->argsz < sizeof(*request) + 8 &&
	    request->argsz >= sizeof(*request) && !(flags & VFIO_DEVICE_FEATURE_PROBE))
		return 0;
	if (fault("probe") && flags & VFIO_DEVICE_FEATURE_PROBE)
		return 0;
	if (fault("probe") && flags & VFIO_DEVICE_FEATURE_SET &&
	    (flags & VFIO_DEVICE_FEATURE_MASK) == FEATURE(MIGRATION))
		return 0;
	if (flags == (VFIO_DEVICE_FEATURE_SET | FEATURE(MIG_DEVICE_STATE)) &&
	    request->argsz == sizeof(*request) + 8)
		return set_state(fd, request);
	if (flags == (VFIO_DEVICE_FEATURE_GET | FEATURE(MIG_DEVICE_STATE)) &&
	    request->argsz == sizeof(*request) + 8)
		return get_state(fd, request);
	return other_feature(fd, request);
}

static int precopy_info(int fd, struct vfio_precopy_info *info)
{
	int ret = next_ioctl(fd, VFIO_MIG_GET_PRECOPY_INFO, info);

	if (!ret && fault("info")) {
		static uint64_t rising;

		info->initial_bytes = rising++;
		info->dirty_bytes = 1;
	}
	if (ret && fault("info-size") && errno == EINVAL)
		return 0;
	return ret;
}

static int reset(int fd)
{
	static unsigned int done;

	/* The first one is before the check. */
	if (fault("reset") && done++)
		return 0;
	state = STATE(RUNNING);
	return next_ioctl(fd, VFIO_DEVICE_RESET, NULL);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == VFIO_DEVICE_FEATURE)
		return feature(fd, arg);
	if (request == VFIO_MIG_GET_PRECOPY_INFO && (uintptr_t)arg > 4096)
		return precopy_info(fd, arg);
	if (request == VFIO_DEVICE_RESET && !(fd < MAX_FDS && is_data[fd]))
		return reset(fd);
	return next_ioctl(fd, request, arg);
}

/* ---- Data -------------------------------------------------------------- */

ssize_t read(int fd, void *data, size_t size)
{
	static ssize_t (*next)(int fd, void *data, size_t size);
	bool ours = fd >= 0 && fd < MAX_FDS && is_data[fd];
	ssize_t ret;

	if (!next)
		next = dlsym(RTLD_NEXT, "read");
	ret = next(fd, data, size);
	if (ours && fault("enomsg") && ret < 0 && errno == ENOMSG)
		return 0;
	if (ours && fault("end") && !ret && size)
		return refuse(ENOMSG);
	/* A byte is lost now and then. */
	if (ours && fault("short") && ret > 1)
		return ret - 1;
	return ret;
}

ssize_t write(int fd, const void *data, size_t size)
{
	static ssize_t (*next)(int fd, const void *data, size_t size);
	bool ours = fd >= 0 && fd < MAX_FDS && is_data[fd];
	ssize_t ret;

	if (!next)
		next = dlsym(RTLD_NEXT, "write");
	ret = next(fd, data, size);
	if (ours && ret < 0 && errno != EFAULT && (fault("write") || fault("commit")))
		return size;
	return ret;
}

/* Not as poll.h declares it, by which gcc believes that what is there is not read. */
int bent_poll(struct pollfd *fds, nfds_t nr, int ms) __asm__("poll");

int bent_poll(struct pollfd *fds, nfds_t nr, int ms)
{
	static int (*next)(struct pollfd *fds, nfds_t nr, int ms);
	bool ours = nr == 1 && fds->fd >= 0 && fds->fd < MAX_FDS && is_data[fds->fd];

	if (!next)
		next = dlsym(RTLD_NEXT, "poll");
	if (ours && fault("poll")) {
		fds->revents = POLLIN;
		return 1;
	}
	if (ours && fault("wake") && ms > 100)
		return 0;
	return next(fds, nr, ms);
}
