/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bytes of the device-state stream mean: one table per record type,
 * one entry per field. Plain data: a tool decodes a stream by walking
 * the tables, and a stream carries them in its SCHEMA record.
 */
#ifndef MDEVSIM_STATE_SCHEMA_H
#define MDEVSIM_STATE_SCHEMA_H

#include <linux/mdevsim_state.h>
#include <linux/types.h>
#include "function.h"

/**
 * struct mdevsim_state_item - a named part or value of a field
 * @name: as specifications abbreviate it
 * @at: lowest bit (BITS) or value (ENUM)
 * @width: in bits (BITS); 0 (ENUM)
 */
struct mdevsim_state_item {
	const char *name;
	u16 at;
	u16 width;
};

struct mdevsim_state_table;

/**
 * struct mdevsim_state_field - one field of a record
 * @name: as the member of the structure is called
 * @unit: of the number, empty when it has none; "hex" and "uuid" say how to write it
 * @meaning: in a few words
 * @offset: in the structure; of a counted field, with all counted fields before it empty
 * @width: bytes of one element
 * @repeat: elements; 0 when another field counts them
 * @counter: offset of the field that counts, when @repeat is 0
 * @kind: &enum mdevsim_state_kind
 * @nr_items: entries in @items
 * @items: named bits or values
 * @group: table of a GROUP
 *
 * Counted fields stand at the end of a structure and follow one another without gaps.
 */
struct mdevsim_state_field {
	const char *name;
	const char *unit;
	const char *meaning;
	u16 offset;
	u16 width;
	u16 repeat;
	u16 counter;
	u8 kind;
	u8 nr_items;
	const struct mdevsim_state_item *items;
	const struct mdevsim_state_table *group;
};

/**
 * struct mdevsim_state_table - one structure
 * @name: of the record type as in MDEVSIM_RECORDS(), or of the group
 * @type: &enum mdevsim_record_type; 0 for what is no record of its own
 * @version: layout version of a record; 0 for others
 * @size: bytes without counted fields
 * @nr_fields: entries in @fields
 * @fields: by ascending offset
 */
struct mdevsim_state_table {
	const char *name;
	u16 type;
	u16 version;
	u16 size;
	u16 nr_fields;
	const struct mdevsim_state_field *fields;
};

/* Framing, described like records. */
extern const struct mdevsim_state_table mdevsim_state_schema_stream_header;
extern const struct mdevsim_state_table mdevsim_state_schema_record_header;
extern const struct mdevsim_state_table mdevsim_state_schema_record_trailer;

/** mdevsim_state_schema_table - table of the @index-th of MDEVSIM_RECORDS(), or NULL */
const struct mdevsim_state_table *mdevsim_state_schema_table(unsigned int index);

/** mdevsim_state_schema_find - table of a record type and version, or NULL */
const struct mdevsim_state_table *mdevsim_state_schema_find(u16 type, u16 version);

/**
 * mdevsim_state_schema_encode - write all tables as the body of a SCHEMA record
 * @body: %MDEVSIM_MAX_SCHEMA bytes
 *
 * Return: length of the body; 0 when the tables need more room than there is
 */
u32 mdevsim_state_schema_encode(void *body);

/**
 * mdevsim_state_schema_check - is this the sound body of a SCHEMA record?
 * @body: as it came, from anywhere
 * @length: bytes there, at least sizeof(struct mdevsim_state_schema)
 * @why: reason for a refusal
 *
 * After 0 was returned every count, index and offset in @body leads to where it ought to, every
 * string ends, fields tile their structures, and no group contains itself.
 *
 * Return: 0, -EMSGSIZE when the counts do not make @length, or -EINVAL
 */
int mdevsim_state_schema_check(const void *body, u32 length, struct mdevsim_reason *why);

/** mdevsim_state_schema_is_number - does a field of this kind hold a number? */
bool mdevsim_state_schema_is_number(u8 kind);

/** mdevsim_state_schema_kind - name of a kind, for people */
const char *mdevsim_state_schema_kind(u8 kind);

#endif /* MDEVSIM_STATE_SCHEMA_H */
