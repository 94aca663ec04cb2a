// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cgroup.h"
#include "must.h"

#define CGROUP_ROOT	"/sys/fs/cgroup"

static int write_to(const char *directory, const char *file, const char *value)
{
	char path[PATH_MAX];
	ssize_t done;
	int error;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = write(fd, value, strlen(value));
	error = errno;
	close(fd);
	return done < 0 ? -error : 0;
}

/* The number after a key, or the whole file when @key is NULL */
static uint64_t read_from(const struct cgroup *group, const char *file, const char *key)
{
	char path[PATH_MAX], line[128];
	uint64_t value = UINT64_MAX;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s", group->path, file);
	stream = fopen(path, "re");
	must(stream, "opening %s, seen errno %d", path, errno);
	while (value == UINT64_MAX && fgets(line, sizeof(line), stream)) {
		if (!key)
			value = strtoull(line, NULL, 10);
		else if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ' ')
			value = strtoull(line + strlen(key), NULL, 10);
	}
	fclose(stream);
	must(value != UINT64_MAX, "a value in %s, seen none", path);
	return value;
}

static int open_max(struct cgroup *group)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/memory.max", group->path);
	group->max = open(path, O_WRONLY | O_CLOEXEC);
	return group->max < 0 ? -errno : 0;
}

int cgroup_create(struct cgroup *group, const char *name)
{
	int error;

	if (access(CGROUP_ROOT "/cgroup.controllers", F_OK) &&
	    mount("none", CGROUP_ROOT, "cgroup2", 0, NULL))
		return -errno;
	error = write_to(CGROUP_ROOT, "cgroup.subtree_control", "+memory");
	if (error)
		return error;
	snprintf(group->path, sizeof(group->path), CGROUP_ROOT "/%s.%d", name, getpid());
	if (mkdir(group->path, 0755))
		return -errno;
	return open_max(group);
}

void cgroup_enter(const struct cgroup *group)
{
	int error = write_to(group->path, "cgroup.procs", "0");

	must(error == 0, "entering %s, seen %d", group->path, error);
}

int cgroup_leave(const struct cgroup *group)
{
	int error = write_to(CGROUP_ROOT, "cgroup.procs", "0");

	must(error == 0, "leaving %s, seen %d", group->path, error);
	close(group->max);
	return rmdir(group->path) ? -errno : 0;
}

uint64_t cgroup_kernel(const struct cgroup *group)
{
	return read_from(group, "memory.stat", "kernel");
}

uint64_t cgroup_current(const struct cgroup *group)
{
	return read_from(group, "memory.current", NULL);
}

void cgroup_limit(const struct cgroup *group, uint64_t bytes)
{
	char value[32] = "max";
	ssize_t done;

	if (bytes != UINT64_MAX)
		snprintf(value, sizeof(value), "%llu", (unsigned long long)bytes);
	done = write(group->max, value, strlen(value));
	must(done == (ssize_t)strlen(value), "limiting %s, seen %zd", group->path, done);
}

uint64_t cgroup_oom_kills(const struct cgroup *group)
{
	return read_from(group, "memory.events", "oom_kill");
}
