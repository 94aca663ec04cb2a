/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_UNALIGNED_H
#define TOOLS_LINUX_UNALIGNED_H

#include <string.h>
#include <linux/types.h>

#define get_unaligned(p) ({						\
	typeof(*(p) + 0) __v;						\
	memcpy(&__v, (p), sizeof(*(p)));				\
	__v; })
#define put_unaligned(v, p) do {					\
	typeof(*(p) + 0) __v = (v);					\
	memcpy((p), &__v, sizeof(*(p)));				\
} while (0)

#define DEFINE_UNALIGNED_LE(bits)					\
static inline u##bits get_unaligned_le##bits(const void *p)		\
{									\
	__le##bits v;							\
									\
	memcpy(&v, p, sizeof(v));					\
	return le##bits##_to_cpu(v);					\
}									\
									\
static inline void put_unaligned_le##bits(u##bits val, void *p)		\
{									\
	__le##bits v = cpu_to_le##bits(val);				\
									\
	memcpy(p, &v, sizeof(v));					\
}

DEFINE_UNALIGNED_LE(16)
DEFINE_UNALIGNED_LE(32)
DEFINE_UNALIGNED_LE(64)

#undef DEFINE_UNALIGNED_LE

static inline u16 get_unaligned_be16(const void *p)
{
	return __builtin_bswap16(get_unaligned_le16(p));
}

static inline u32 get_unaligned_be32(const void *p)
{
	return __builtin_bswap32(get_unaligned_le32(p));
}

#endif
