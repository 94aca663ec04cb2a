/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_BUILD_BUG_H
#define TOOLS_LINUX_BUILD_BUG_H

#include <assert.h>

#define BUILD_BUG_ON(cond)		_Static_assert(!(cond), "not: " #cond)
#define BUILD_BUG_ON_MSG(cond, msg)	_Static_assert(!(cond), msg)
#define BUILD_BUG_ON_ZERO(cond)		((int)sizeof(struct { int : -!!(cond); }))

#undef static_assert
#define static_assert(expr, ...)	STATIC_ASSERT_(expr, ##__VA_ARGS__, #expr)
#define STATIC_ASSERT_(expr, msg, ...)	_Static_assert(expr, msg)

#endif
