/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A cgroup (version 2) of one's own, to see and to limit what memory a process
 * is charged for.
 */
#ifndef LIB_CGROUP_H
#define LIB_CGROUP_H

#include <limits.h>
#include <stdint.h>

/**
 * struct cgroup - a group below the root
 * @path: its directory
 * @max: memory.max; open, as to open it takes memory that there may not be any more
 */
struct cgroup {
	char path[PATH_MAX / 2];
	int max;
};

/** cgroup_create - make a group with the memory controller; 0 or -errno */
int cgroup_create(struct cgroup *group, const char *name);

/** cgroup_enter - move the calling process into it; the test fails when that does not work */
void cgroup_enter(const struct cgroup *group);

/** cgroup_leave - move the calling process back to the root, and remove the group; 0 or -errno */
int cgroup_leave(const struct cgroup *group);

/** cgroup_kernel - bytes of kernel memory charged to the group */
uint64_t cgroup_kernel(const struct cgroup *group);

/** cgroup_current - bytes charged to the group */
uint64_t cgroup_current(const struct cgroup *group);

/** cgroup_limit - set memory.max; UINT64_MAX for none */
void cgroup_limit(const struct cgroup *group, uint64_t bytes);

/** cgroup_oom_kills - processes of the group that were killed for want of memory */
uint64_t cgroup_oom_kills(const struct cgroup *group);

#endif /* LIB_CGROUP_H */
