/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_STDDEF_H
#define TOOLS_LINUX_STDDEF_H

#include_next <linux/stddef.h>
#include <stddef.h>

#define struct_group(name, members...)					\
	union {								\
		struct { members };					\
		struct { members } name;				\
	}
#ifndef __counted_by
#define __counted_by(x)
#endif

#define sizeof_field(type, member)	sizeof(((type *)0)->member)
#define offsetofend(type, member)	(offsetof(type, member) + sizeof_field(type, member))

#endif
