/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_STDARG_H
#define TOOLS_LINUX_STDARG_H

#include <stdarg.h>

#endif
