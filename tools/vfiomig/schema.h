/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a SCHEMA record says, as tables to decode by; and finding one's way in
 * a structure by the names of its fields. Everything that is said of a
 * stream's bytes comes from here.
 */
#ifndef VFIOMIG_SCHEMA_H
#define VFIOMIG_SCHEMA_H

#include <linux/types.h>
#include "../../driver/function.h"
#include "../../driver/state_schema.h"

/**
 * struct schema - descriptions of structures
 * @tables: framing, records and groups
 * @nr_tables: entries in @tables
 * @fields: of all tables
 * @nr_fields: entries in @fields
 * @items: of all fields
 * @text: names, units and meanings; what cannot be printed is a question mark
 * @text_length: bytes of @text
 *
 * All zero it is empty and describes nothing.
 */
struct schema {
	struct mdevsim_state_table *tables;
	unsigned int nr_tables;
	struct mdevsim_state_field *fields;
	unsigned int nr_fields;
	struct mdevsim_state_item *items;
	char *text;
	u32 text_length;
};

/**
 * schema_parse - from the body of a SCHEMA record
 * @schema: filled in
 * @body: as it came, from anywhere
 * @length: bytes there
 * @why: reason for a refusal
 *
 * Groups in groups in groups, deeper than anybody can read, are taken for bytes.
 *
 * Return: 0, or as mdevsim_state_schema_check()
 */
int schema_parse(struct schema *schema, const void *body, u64 length, struct mdevsim_reason *why);

/** schema_builtin - what this program knows itself, for streams that say nothing */
void schema_builtin(struct schema *schema);

void schema_free(struct schema *schema);

/** schema_find - table of a record type and version, or NULL */
const struct mdevsim_state_table *schema_find(const struct schema *schema, u16 type, u16 version);

/** schema_framing - table of "stream-header", "record-header" or "record-trailer", or NULL */
const struct mdevsim_state_table *schema_framing(const struct schema *schema, const char *name);

/**
 * schema_compare - do two tables lay out their structures alike?
 *
 * Return: NULL when they do, else the name of a field in which they do not.
 */
const char *schema_compare(const struct mdevsim_state_table *a,
			   const struct mdevsim_state_table *b);

/** schema_number - little-endian number of up to 8 bytes */
u64 schema_number(const u8 *bytes, unsigned int width);

/** schema_is_contents - counted bytes: not fields of their own, but contents of something */
bool schema_is_contents(const struct mdevsim_state_field *field);

/**
 * schema_count - elements that a counted field has
 * @table: table the field is in
 * @field: counted field
 * @bytes: the structure, all that is not counted of it
 */
u64 schema_count(const struct mdevsim_state_table *table, const struct mdevsim_state_field *field,
		 const u8 *bytes);

/**
 * schema_explained - bytes of a structure that its table describes
 * @table: table
 * @bytes: the structure and its counted fields
 * @length: how many bytes there are, at least the table's size
 *
 * Return: bytes; more than @length when fields count more elements than there are.
 */
u64 schema_explained(const struct mdevsim_state_table *table, const u8 *bytes, u64 length);

/**
 * struct schema_place - a field of a structure, or an element of one
 * @field: which
 * @item: named bits of it, or NULL for all of it
 * @at: of its first byte, in the structure
 * @length: bytes
 */
struct schema_place {
	const struct mdevsim_state_field *field;
	const struct mdevsim_state_item *item;
	u64 at;
	u64 length;
};

/**
 * schema_locate - a field by its path: NAME[INDEX].NAME...BITS
 * @table: of the structure
 * @bytes: the structure and its counted fields
 * @length: how many bytes there are, at least the table's size
 * @path: path; contents need no index
 * @place: filled in
 * @why: reason for a refusal
 *
 * Return: 0 or -ENOENT
 */
int schema_locate(const struct mdevsim_state_table *table, const u8 *bytes, u64 length,
		  const char *path, struct schema_place *place, struct mdevsim_reason *why);

/** typedef schema_visit - called with the path and place of a field */
typedef void (*schema_visit)(void *context, const char *path, const struct schema_place *place);

/** schema_walk - visit every field of a structure, each element by itself */
void schema_walk(const struct mdevsim_state_table *table, const u8 *bytes, u64 length,
		 schema_visit visit, void *context);

#endif /* VFIOMIG_SCHEMA_H */
