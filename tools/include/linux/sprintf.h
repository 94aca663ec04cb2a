/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_SPRINTF_H
#define TOOLS_LINUX_SPRINTF_H

#include <stdarg.h>
#include <stdio.h>
#include <linux/compiler.h>

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args);
__printf(3, 4) int scnprintf(char *buf, size_t size, const char *fmt, ...);

#endif
