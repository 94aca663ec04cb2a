/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bytes of the device-state stream mean: one table per record type,
 * one entry per field. Plain data, no code: a tool decodes a stream by walking
 * the tables, and a stream can carry them.
 */
#ifndef MDEVSIM_STATE_SCHEMA_H
#define MDEVSIM_STATE_SCHEMA_H

#include <linux/types.h>

/**
 * enum mdevsim_state_kind - how the bytes of a field are to be read
 * @MDEVSIM_KIND_RESERVED: zero
 * @MDEVSIM_KIND_UNSIGNED: little-endian number
 * @MDEVSIM_KIND_BITS: little-endian number made of named bits
 * @MDEVSIM_KIND_CHARACTERS: text, padded with zeroes or spaces
 * @MDEVSIM_KIND_BYTES: bytes without further meaning
 * @MDEVSIM_KIND_LBA: number of a logical block
 * @MDEVSIM_KIND_ADDRESS: guest bus address
 * @MDEVSIM_KIND_ENUM: number out of a list
 * @MDEVSIM_KIND_GROUP: a structure with a table of its own
 */
enum mdevsim_state_kind {
	MDEVSIM_KIND_RESERVED,
	MDEVSIM_KIND_UNSIGNED,
	MDEVSIM_KIND_BITS,
	MDEVSIM_KIND_CHARACTERS,
	MDEVSIM_KIND_BYTES,
	MDEVSIM_KIND_LBA,
	MDEVSIM_KIND_ADDRESS,
	MDEVSIM_KIND_ENUM,
	MDEVSIM_KIND_GROUP,
};

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

/** mdevsim_state_schema_kind - name of a kind, for people */
const char *mdevsim_state_schema_kind(u8 kind);

#endif /* MDEVSIM_STATE_SCHEMA_H */
