// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/sprintf.h>
#include <linux/string.h>

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int length = vsnprintf(buf, size, fmt, args);

	if (!size)
		return 0;
	return min((size_t)length, size - 1);
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return length;
}

ssize_t strscpy(char *to, const char *from, size_t size)
{
	size_t length = strnlen(from, size);

	if (!size)
		return -E2BIG;
	memcpy(to, from, min(length, size - 1));
	to[min(length, size - 1)] = 0;
	return length < size ? (ssize_t)length : -E2BIG;
}

void strscpy_pad(char *to, const char *from, size_t size)
{
	size_t length = strscpy(to, from, size) < 0 ? size - 1 : strlen(to);

	memset(to + length, 0, size - length);
}

void *memchr_inv(const void *p, int byte, size_t length)
{
	const u8 *at = p;

	for (; length; at++, length--)
		if (*at != (u8)byte)
			return (void *)at;
	return NULL;
}

void memcpy_and_pad(void *to, size_t to_length, const void *from, size_t length, int pad)
{
	length = min(length, to_length);
	memcpy(to, from, length);
	memset((u8 *)to + length, pad, to_length - length);
}
