/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_CLEANUP_H
#define TOOLS_LINUX_CLEANUP_H

#include <stdbool.h>
#include <linux/compiler.h>

#define DEFINE_FREE(name, type, free)					\
static inline void free_##name##_(void *p)				\
{									\
	type _T = *(type *)p;						\
									\
	free;								\
}

#define __free(name)	__cleanup(free_##name##_)

#define no_free_ptr(p) ({						\
	typeof(p) __ptr = (p);						\
	(p) = NULL;							\
	__ptr; })
#define return_ptr(p)	return no_free_ptr(p)

#define DEFINE_CLASS(name, type_, exit, init, ...)			\
typedef type_ class_##name##_t;						\
static inline void class_##name##_exit_(type_ *p)			\
{									\
	type_ _T = *p;							\
									\
	exit;								\
}									\
static inline type_ class_##name##_init_(__VA_ARGS__)			\
{									\
	return init;							\
}

#define CLASS(name, var)						\
	class_##name##_t __cleanup(class_##name##_exit_) var = class_##name##_init_

#define DEFINE_GUARD(name, type, lock, unlock)				\
	DEFINE_CLASS(name, type, if (_T) { unlock; }, ({ lock; _T; }), type _T)

#define GUARD_PASTE_(a, b)	a##b
#define GUARD_NAME_(counter)	GUARD_PASTE_(guard_, counter)

#define guard(name)							\
	CLASS(name, GUARD_NAME_(__COUNTER__) __maybe_unused)
#define scoped_guard(name, args...)					\
	for (bool once_ = true; once_; once_ = false)			\
		for (CLASS(name, scope_ __maybe_unused)(args); once_; once_ = false)

#endif
