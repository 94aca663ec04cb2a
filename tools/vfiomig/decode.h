/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes and a table of schema.h in, names and values out. */
#ifndef VFIOMIG_DECODE_H
#define VFIOMIG_DECODE_H

#include <linux/types.h>
#include "schema.h"

/**
 * struct decode - how to print, and where in the stream
 * @hex: bytes beside their meaning
 * @data: contents of counted bytes too, not only how many
 * @compact: all fields in one line
 * @offset: of the first byte of what is decoded, in the stream
 * @text: what numbers of the unit "offset in text" point into, or NULL
 * @text_length: bytes of it
 */
struct decode {
	bool hex;
	bool data;
	bool compact;
	u64 offset;
	const char *text;
	u64 text_length;
};

/**
 * decode_table - print every field of a structure
 * @decode: how
 * @table: what it is
 * @bytes: the structure and its counted fields
 * @length: how many bytes there are, at least the table's size
 *
 * Return: bytes that the table explains. More than @length when fields count
 * more elements than there are; the missing ones are not printed.
 */
u64 decode_table(const struct decode *decode, const struct mdevsim_state_table *table,
		 const u8 *bytes, u64 length);

/** decode_value - print the value of one field; @key is what JSON calls it */
void decode_value(const char *key, const struct mdevsim_state_field *field, const u8 *bytes);

/** decode_bytes - print bytes that no table explains, when bytes are to be printed */
void decode_bytes(const struct decode *decode, const char *name, const u8 *bytes, u64 length);

#endif /* VFIOMIG_DECODE_H */
