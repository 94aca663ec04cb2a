/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_BUG_H
#define TOOLS_LINUX_BUG_H

#include <stdio.h>
#include <stdlib.h>
#include <linux/build_bug.h>

/* A warning of the kernel is a failure of a test. */
#define WARN_ON(cond) ({						\
	bool __warn = !!(cond);						\
	if (__warn) {							\
		fprintf(stderr, "%s:%d: WARN_ON(%s)\n",			\
			__FILE__, __LINE__, #cond);			\
		abort();						\
	}								\
	__warn; })
#define WARN_ON_ONCE(cond)		WARN_ON(cond)
#define WARN(cond, ...)			WARN_ON(cond)
#define WARN_ONCE(cond, ...)		WARN_ON(cond)
#define BUG_ON(cond)			((void)WARN_ON(cond))

#endif
