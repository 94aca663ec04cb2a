// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/string.h>
#include <stdio.h>
#include <stdlib.h>
#include "schema.h"

#define MOST_DEPTH	3	/* groups in groups */
#define PATH_SIZE	256

static void *allocate(size_t nr, size_t size)
{
	void *memory = calloc(nr ? nr : 1, size);

	if (!memory)
		abort();
	return memory;
}

/* Names come from anywhere and go to terminals. */
static void parse_text(struct schema *schema, const char *text)
{
	u32 i;

	schema->text = allocate(schema->text_length, 1);
	for (i = 0; i < schema->text_length; i++)
		schema->text[i] = !text[i] || (text[i] >= ' ' && text[i] < 0x7f) ? text[i] : '?';
}

static void parse_items(struct schema *schema, const struct mdevsim_schema_item *item,
			unsigned int nr)
{
	unsigned int i;

	schema->items = allocate(nr, sizeof(*schema->items));
	for (i = 0; i < nr; i++)
		schema->items[i] = (struct mdevsim_state_item){
			.name = schema->text + le16_to_cpu(item[i].name),
			.at = le16_to_cpu(item[i].at),
			.width = le16_to_cpu(item[i].width),
		};
}

static void parse_field(struct schema *schema, const struct mdevsim_schema_field *from,
			struct mdevsim_state_field *field)
{
	*field = (struct mdevsim_state_field){
		.name = schema->text + le16_to_cpu(from->name),
		.unit = schema->text + le16_to_cpu(from->unit),
		.meaning = schema->text + le16_to_cpu(from->meaning),
		.offset = le16_to_cpu(from->offset),
		.width = le16_to_cpu(from->width),
		.repeat = le16_to_cpu(from->repeat),
		.counter = le16_to_cpu(from->counter),
		.kind = from->kind,
		.nr_items = from->nr_items,
		.items = from->nr_items ? schema->items + le16_to_cpu(from->first_item) : NULL,
	};
	if (field->kind == MDEVSIM_KIND_GROUP)
		field->group = schema->tables + le16_to_cpu(from->group);
	if (field->kind > MDEVSIM_KIND_GROUP)
		field->kind = MDEVSIM_KIND_BYTES;
}

static void parse_table(struct schema *schema, const struct mdevsim_schema_table *from,
			struct mdevsim_state_table *table)
{
	*table = (struct mdevsim_state_table){
		.name = schema->text + le16_to_cpu(from->name),
		.type = le16_to_cpu(from->type),
		.version = le16_to_cpu(from->version),
		.size = le16_to_cpu(from->size),
		.nr_fields = le16_to_cpu(from->nr_fields),
		.fields = schema->fields + le16_to_cpu(from->first_field),
	};
}

/* Depth of a table below which all is settled: groups stand behind what they are part of. */
static unsigned int limit_depth(const struct schema *schema, const unsigned char *depth,
				unsigned int index)
{
	const struct mdevsim_state_table *table = &schema->tables[index];
	struct mdevsim_state_field *field = schema->fields + (table->fields - schema->fields);
	unsigned int deepest = 0, i;

	for (i = 0; i < table->nr_fields; i++, field++) {
		if (field->kind != MDEVSIM_KIND_GROUP)
			continue;
		if (depth[field->group - schema->tables] >= MOST_DEPTH)
			field->kind = MDEVSIM_KIND_BYTES;
		else if (depth[field->group - schema->tables] > deepest)
			deepest = depth[field->group - schema->tables];
	}
	return deepest + 1;
}

static void limit_depths(struct schema *schema)
{
	unsigned char *depth = allocate(schema->nr_tables, sizeof(*depth));
	unsigned int i = schema->nr_tables;

	while (i--)
		depth[i] = limit_depth(schema, depth, i);
	free(depth);
}

static void parse(struct schema *schema, const struct mdevsim_state_schema *head)
{
	const struct mdevsim_schema_table *table = (const void *)head->body;
	const struct mdevsim_schema_field *field;
	const struct mdevsim_schema_item *item;
	unsigned int i;

	schema->nr_tables = le16_to_cpu(head->nr_tables);
	schema->nr_fields = le16_to_cpu(head->nr_fields);
	schema->text_length = le32_to_cpu(head->text_length);
	field = (const void *)(table + schema->nr_tables);
	item = (const void *)(field + schema->nr_fields);
	parse_text(schema, (const char *)(item + le16_to_cpu(head->nr_items)));
	parse_items(schema, item, le16_to_cpu(head->nr_items));
	schema->tables = allocate(schema->nr_tables, sizeof(*schema->tables));
	schema->fields = allocate(schema->nr_fields, sizeof(*schema->fields));
	for (i = 0; i < schema->nr_fields; i++)
		parse_field(schema, &field[i], &schema->fields[i]);
	for (i = 0; i < schema->nr_tables; i++)
		parse_table(schema, &table[i], &schema->tables[i]);
	limit_depths(schema);
}

int schema_parse(struct schema *schema, const void *body, u64 length, struct mdevsim_reason *why)
{
	int ret;

	*schema = (struct schema){ 0 };
	if (length < sizeof(struct mdevsim_state_schema) || length > MDEVSIM_MAX_SCHEMA)
		return mdevsim_refuse(why, -EMSGSIZE, "%llu bytes are too few or too many", length);
	ret = mdevsim_state_schema_check(body, length, why);
	if (!ret)
		parse(schema, body);
	return ret;
}

/* Through the same bytes that a device writes: there is one way from a schema to its meaning. */
void schema_builtin(struct schema *schema)
{
	void *body = allocate(1, MDEVSIM_MAX_SCHEMA);
	struct mdevsim_reason why = {};

	if (schema_parse(schema, body, mdevsim_state_schema_encode(body), &why))
		abort();
	free(body);
}

void schema_free(struct schema *schema)
{
	free(schema->tables);
	free(schema->fields);
	free(schema->items);
	free(schema->text);
	*schema = (struct schema){ 0 };
}

const struct mdevsim_state_table *schema_find(const struct schema *schema, u16 type, u16 version)
{
	unsigned int i;

	for (i = 0; i < schema->nr_tables; i++)
		if (schema->tables[i].type == type && schema->tables[i].version == version && type)
			return &schema->tables[i];
	return NULL;
}

const struct mdevsim_state_table *schema_framing(const struct schema *schema, const char *name)
{
	unsigned int i;

	for (i = 0; i < schema->nr_tables; i++)
		if (!schema->tables[i].type && !strcmp(schema->tables[i].name, name))
			return &schema->tables[i];
	return NULL;
}

/* Units, meanings and items may be said better without a new version. */
static bool same_field(const struct mdevsim_state_field *a, const struct mdevsim_state_field *b)
{
	return !strcmp(a->name, b->name) && a->offset == b->offset && a->width == b->width &&
	       a->repeat == b->repeat && a->counter == b->counter && a->kind == b->kind &&
	       (a->kind != MDEVSIM_KIND_GROUP || !schema_compare(a->group, b->group));
}

const char *schema_compare(const struct mdevsim_state_table *a,
			   const struct mdevsim_state_table *b)
{
	unsigned int i;

	for (i = 0; i < a->nr_fields && i < b->nr_fields; i++)
		if (!same_field(&a->fields[i], &b->fields[i]))
			return a->fields[i].name;
	if (a->nr_fields != b->nr_fields)
		return a->nr_fields > i ? a->fields[i].name : b->fields[i].name;
	return NULL;
}

u64 schema_number(const u8 *bytes, unsigned int width)
{
	u64 value = 0;

	while (width--)
		value = value << 8 | bytes[width];
	return value;
}

bool schema_is_contents(const struct mdevsim_state_field *field)
{
	return !field->repeat && field->kind == MDEVSIM_KIND_BYTES;
}

u64 schema_count(const struct mdevsim_state_table *table, const struct mdevsim_state_field *field,
		 const u8 *bytes)
{
	unsigned int i;

	for (i = 0; i < table->nr_fields; i++)
		if (table->fields[i].offset == field->counter)
			return schema_number(bytes + field->counter, table->fields[i].width);
	return 0;
}

u64 schema_explained(const struct mdevsim_state_table *table, const u8 *bytes, u64 length)
{
	const struct mdevsim_state_field *field = table->fields;
	u64 at = table->size, nr;
	unsigned int i;

	for (i = 0; i < table->nr_fields; i++, field++) {
		if (field->repeat)
			continue;
		nr = schema_count(table, field, bytes);
		if (nr > (length - at) / field->width)
			return length + 1;
		at += nr * field->width;
	}
	return at;
}

/* ---- Places ------------------------------------------------------------ */

/**
 * struct span - where a field is, all elements of it
 * @at: of the first, in the structure
 * @nr: elements, no more than there are bytes for
 */
struct span {
	u64 at;
	u64 nr;
};

/* @span is that of the field before, of the structure's beginning for the first one. */
static void next_span(const struct mdevsim_state_table *table,
		      const struct mdevsim_state_field *field, const u8 *bytes, u64 length,
		      struct span *span)
{
	u64 room;

	if (field->repeat) {
		*span = (struct span){ field->offset, field->repeat };
		return;
	}
	if (field == table->fields || field[-1].repeat)
		span->at = table->size;
	else
		span->at += span->nr * field[-1].width;
	room = (length - span->at) / field->width;
	span->nr = schema_count(table, field, bytes);
	if (span->nr > room)
		span->nr = room;
}

static const struct mdevsim_state_field *find_field(const struct mdevsim_state_table *table,
						    const u8 *bytes, u64 length,
						    const char *name, size_t name_length,
						    struct span *span)
{
	const struct mdevsim_state_field *field = table->fields;
	unsigned int i;

	*span = (struct span){ 0 };
	for (i = 0; i < table->nr_fields; i++, field++) {
		next_span(table, field, bytes, length, span);
		if (strlen(field->name) == name_length && !memcmp(field->name, name, name_length))
			return field;
	}
	return NULL;
}

static int locate_bits(const char *name, struct schema_place *place, struct mdevsim_reason *why)
{
	const struct mdevsim_state_field *field = place->field;
	unsigned int i;

	for (i = 0; field->kind == MDEVSIM_KIND_BITS && i < field->nr_items; i++)
		if (!strcmp(field->items[i].name, name))
			place->item = &field->items[i];
	if (place->item)
		return 0;
	return mdevsim_refuse(why, -ENOENT, "%s has no bits called '%s'", field->name, name);
}

/* "[INDEX]" of the element meant; contents are also meant as a whole. */
static int locate_element(const char **path, const struct span *span, struct schema_place *place,
			  struct mdevsim_reason *why)
{
	const struct mdevsim_state_field *field = place->field;
	u64 index = 0;
	char *end;

	place->at = span->at;
	place->length = field->width;
	if (**path == '[') {
		index = strtoull(*path + 1, &end, 10);
		if (end == *path + 1 || *end != ']' || (end[1] && end[1] != '.'))
			return mdevsim_refuse(why, -ENOENT, "'%s' is no index", *path);
		*path = end + 1;
	} else if (schema_is_contents(field)) {
		place->length = span->nr * field->width;
		return 0;
	} else if (field->repeat != 1) {
		return mdevsim_refuse(why, -ENOENT, "%s has %llu elements: say which, %s[0]",
				      field->name, span->nr, field->name);
	}
	if (index >= span->nr)
		return mdevsim_refuse(why, -ENOENT, "%s has %llu elements, there is no %llu",
				      field->name, span->nr, index);
	place->at += index * field->width;
	return 0;
}

/* One step of a path: a field of the structure at @place->at, and which element of it. */
static int locate_step(const struct mdevsim_state_table *table, const u8 *bytes, u64 length,
		       const char **path, struct schema_place *place, struct mdevsim_reason *why)
{
	size_t name_length = strcspn(*path, ".[");
	u64 base = place->at;
	struct span span;

	place->field = find_field(table, bytes + base, length - base, *path, name_length, &span);
	if (!place->field)
		return mdevsim_refuse(why, -ENOENT, "%s has no field '%.*s'", table->name,
				      (int)name_length, *path);
	*path += name_length;
	span.at += base;
	return locate_element(path, &span, place, why);
}

int schema_locate(const struct mdevsim_state_table *table, const u8 *bytes, u64 length,
		  const char *path, struct schema_place *place, struct mdevsim_reason *why)
{
	int ret;

	*place = (struct schema_place){ 0 };
	ret = locate_step(table, bytes, length, &path, place, why);
	while (!ret && place->field->kind == MDEVSIM_KIND_GROUP) {
		if (*path++ != '.')
			return mdevsim_refuse(why, -ENOENT, "%s is a structure: name a field of it",
					      place->field->name);
		ret = locate_step(place->field->group, bytes, length, &path, place, why);
	}
	if (!ret && *path == '.')
		ret = locate_bits(path + 1, place, why);
	return ret;
}

/**
 * struct walk - fields being visited
 * @visit: by whom
 * @context: for @visit
 * @bytes: of the record
 * @length: bytes there
 */
struct walk {
	schema_visit visit;
	void *context;
	const u8 *bytes;
	u64 length;
};

static void walk_table(const struct walk *walk, const struct mdevsim_state_table *table, u64 base,
		       const char *prefix);

static void walk_element(const struct walk *walk, const struct mdevsim_state_field *field, u64 at,
			 u64 length, const char *path)
{
	const struct schema_place place = { .field = field, .at = at, .length = length };
	char prefix[PATH_SIZE];

	if (field->kind != MDEVSIM_KIND_GROUP) {
		walk->visit(walk->context, path, &place);
		return;
	}
	snprintf(prefix, sizeof(prefix), "%s.", path);
	walk_table(walk, field->group, at, prefix);
}

static void walk_field(const struct walk *walk, const struct mdevsim_state_field *field,
		       const struct span *span, const char *prefix)
{
	char path[PATH_SIZE];
	u64 i;

	snprintf(path, sizeof(path), "%s%s", prefix, field->name);
	if (field->repeat == 1 || schema_is_contents(field)) {
		walk_element(walk, field, span->at, span->nr * field->width, path);
		return;
	}
	for (i = 0; i < span->nr; i++) {
		snprintf(path, sizeof(path), "%s%s[%llu]", prefix, field->name, i);
		walk_element(walk, field, span->at + i * field->width, field->width, path);
	}
}

static void walk_table(const struct walk *walk, const struct mdevsim_state_table *table, u64 base,
		       const char *prefix)
{
	const struct mdevsim_state_field *field = table->fields;
	struct span span = { 0 }, placed;
	unsigned int i;

	for (i = 0; i < table->nr_fields; i++, field++) {
		next_span(table, field, walk->bytes + base, walk->length - base, &span);
		placed = (struct span){ base + span.at, span.nr };
		walk_field(walk, field, &placed, prefix);
	}
}

void schema_walk(const struct mdevsim_state_table *table, const u8 *bytes, u64 length,
		 schema_visit visit, void *context)
{
	const struct walk walk = {
		.visit = visit,
		.context = context,
		.bytes = bytes,
		.length = length,
	};

	walk_table(&walk, table, 0, "");
}
