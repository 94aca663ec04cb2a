/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOOLS_LINUX_BITFIELD_H
#define TOOLS_LINUX_BITFIELD_H

#define FIELD_SHIFT_(mask)	__builtin_ctzll(mask)
#define FIELD_MAX(mask)		((typeof(mask))((mask) >> FIELD_SHIFT_(mask)))
#define FIELD_FIT(mask, val)	(!((((typeof(mask))(val)) << FIELD_SHIFT_(mask)) & ~(mask)))
#define FIELD_PREP(mask, val)	(((typeof(mask))(val) << FIELD_SHIFT_(mask)) & (mask))
#define FIELD_GET(mask, reg)	((typeof(mask))(((reg) & (mask)) >> FIELD_SHIFT_(mask)))

#endif
