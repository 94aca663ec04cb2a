/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_ATOMIC_H
#define TOOLS_LINUX_ATOMIC_H

#include <linux/types.h>

typedef struct { int counter; } atomic_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { s64 counter; } atomic64_t;

#define ATOMIC_INIT(i)		{ (i) }
#define ATOMIC_LONG_INIT(i)	{ (i) }
#define ATOMIC64_INIT(i)	{ (i) }

#define DEFINE_ATOMIC(name, T)						\
static inline T name##_read(const name##_t *v)				\
{									\
	return __atomic_load_n(&v->counter, __ATOMIC_RELAXED);		\
}									\
static inline void name##_set(name##_t *v, T i)				\
{									\
	__atomic_store_n(&v->counter, i, __ATOMIC_RELAXED);		\
}									\
static inline T name##_add_return(T i, name##_t *v)			\
{									\
	return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);	\
}									\
static inline T name##_xchg(name##_t *v, T i)				\
{									\
	return __atomic_exchange_n(&v->counter, i, __ATOMIC_SEQ_CST);	\
}									\
static inline T name##_cmpxchg(name##_t *v, T old, T new)		\
{									\
	__atomic_compare_exchange_n(&v->counter, &old, new, false,	\
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);	\
	return old;							\
}									\
static inline void name##_add(T i, name##_t *v)			\
{									\
	name##_add_return(i, v);					\
}									\
static inline void name##_sub(T i, name##_t *v)			\
{									\
	name##_add_return(-i, v);					\
}									\
static inline void name##_inc(name##_t *v)				\
{									\
	name##_add_return(1, v);					\
}									\
static inline void name##_dec(name##_t *v)				\
{									\
	name##_add_return(-1, v);					\
}									\
static inline T name##_inc_return(name##_t *v)				\
{									\
	return name##_add_return(1, v);					\
}									\
static inline T name##_dec_return(name##_t *v)				\
{									\
	return name##_add_return(-1, v);				\
}									\
static inline bool name##_dec_and_test(name##_t *v)			\
{									\
	return !name##_dec_return(v);					\
}

DEFINE_ATOMIC(atomic, int)
DEFINE_ATOMIC(atomic_long, long)
DEFINE_ATOMIC(atomic64, s64)

#undef DEFINE_ATOMIC
#define atomic_read_acquire(v)		__atomic_load_n(&(v)->counter, __ATOMIC_ACQUIRE)
#define atomic_set_release(v, i)	__atomic_store_n(&(v)->counter, i, __ATOMIC_RELEASE)

#endif
