/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_STRING_H
#define TOOLS_LINUX_STRING_H

#include_next <linux/string.h>
#include <string.h>
#include <linux/types.h>

ssize_t strscpy(char *to, const char *from, size_t size);
void strscpy_pad(char *to, const char *from, size_t size);
void *memchr_inv(const void *p, int byte, size_t length);
void memcpy_and_pad(void *to, size_t to_length, const void *from, size_t length, int pad);

static inline bool mem_is_zero(const void *p, size_t length)
{
	return !memchr_inv(p, 0, length);
}

#define strtomem_pad(to, from, pad)	\
	memcpy_and_pad(to, sizeof(to), from, strnlen(from, sizeof(to)), pad)
#define memzero_explicit(p, length)	explicit_bzero(p, length)

#endif
