/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_UUID_H
#define TOOLS_LINUX_UUID_H

#include <string.h>
#include <linux/types.h>

#define UUID_SIZE	16

typedef struct { __u8 b[UUID_SIZE]; } uuid_t;
typedef struct { __u8 b[UUID_SIZE]; } guid_t;

static inline void import_uuid(uuid_t *to, const u8 *from)
{
	memcpy(to, from, UUID_SIZE);
}

static inline void export_uuid(u8 *to, const uuid_t *from)
{
	memcpy(to, from, UUID_SIZE);
}

#endif
