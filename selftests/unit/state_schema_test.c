// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of fields against the structures: every byte of each structure
 * belongs to exactly one field, and what tables refer to is there. The SCHEMA
 * record against the tables: it says what they say, and none that is not sound
 * is accepted.
 */
#include <errno.h>
#include <stdlib.h>
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/mdevsim_state.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "../../driver/state_schema.h"
#include "ktap.h"
#include "random.h"

#define MOST_TABLES	32

/* Each table once: records in their order, framing, then groups as they are met. */
static const struct mdevsim_state_table *tables[MOST_TABLES];
static unsigned int nr_tables;

static void add_table(const struct mdevsim_state_table *table)
{
	unsigned int i;

	for (i = 0; i < nr_tables; i++)
		if (tables[i] == table)
			return;
	if (EXPECT(nr_tables < MOST_TABLES))
		tables[nr_tables++] = table;
}

static void collect(void)
{
	const struct mdevsim_state_table *table;
	unsigned int i, j;

	if (nr_tables)
		return;
	for (i = 0; (table = mdevsim_state_schema_table(i)); i++)
		add_table(table);
	add_table(&mdevsim_state_schema_stream_header);
	add_table(&mdevsim_state_schema_record_header);
	add_table(&mdevsim_state_schema_record_trailer);
	for (i = 0; i < nr_tables; i++)
		for (j = 0; j < tables[i]->nr_fields; j++)
			if (tables[i]->fields[j].group)
				add_table(tables[i]->fields[j].group);
}

static void check_tiles(const struct mdevsim_state_table *table)
{
	const struct mdevsim_state_field *field = table->fields;
	unsigned int next = 0, i;

	for (i = 0; i < table->nr_fields && field->repeat; i++, field++) {
		EXPECT_MSG(field->width, "%s.%s has no width", table->name, field->name);
		EXPECT_MSG(field->offset == next, "%s.%s is at %u, the field before ends at %u",
			   table->name, field->name, field->offset, next);
		next = field->offset + field->width * field->repeat;
	}
	EXPECT_MSG(next == table->size, "%s: fields end at %u of %u bytes", table->name, next,
		   table->size);
	for (; i < table->nr_fields; i++, field++) {
		EXPECT_MSG(!field->repeat, "%s.%s stands behind counted fields",
			   table->name, field->name);
		EXPECT_MSG(field->offset == table->size, "%s.%s is counted and at %u of %u bytes",
			   table->name, field->name, field->offset, table->size);
		EXPECT_MSG(field->width, "%s.%s has no width", table->name, field->name);
	}
}

static void each_table_tiles_its_structure(void)
{
	unsigned int i;

	collect();
	for (i = 0; i < nr_tables; i++)
		check_tiles(tables[i]);
}

/* One list has the types, versions, names and structures; the tables are made from it. */
static void records_are_those_of_the_list(void)
{
	static const struct {
		u16 type;
		u16 version;
		u32 size;
		const char *name;
	} records[] = {
#define RECORD(symbol, type, structure, version, text)	\
		{ type, version, sizeof(struct structure), text },
		MDEVSIM_RECORDS(RECORD)
	};
	const struct mdevsim_state_table *table;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(records); i++) {
		table = mdevsim_state_schema_table(i);
		if (!EXPECT(table))
			return;
		EXPECT_EQ(table->type, records[i].type);
		EXPECT_EQ(table->version, records[i].version);
		EXPECT_EQ(table->size, records[i].size);
		EXPECT(!strcmp(table->name, records[i].name));
		EXPECT(mdevsim_state_schema_find(records[i].type, records[i].version) == table);
		EXPECT(!mdevsim_state_schema_find(records[i].type, records[i].version + 1));
	}
	EXPECT(!mdevsim_state_schema_table(i));
	EXPECT(!mdevsim_state_schema_find(0, 1));
	EXPECT(!mdevsim_state_schema_find(MDEVSIM_RECORD_END + 1, 1));
}

static const struct mdevsim_state_field *field_at(const struct mdevsim_state_table *table,
						  unsigned int offset)
{
	unsigned int i;

	for (i = 0; i < table->nr_fields; i++)
		if (table->fields[i].offset == offset && table->fields[i].repeat)
			return &table->fields[i];
	return NULL;
}

static void check_counter(const struct mdevsim_state_table *table,
			  const struct mdevsim_state_field *field)
{
	const struct mdevsim_state_field *counter;

	if (field->repeat)
		return;
	counter = field_at(table, field->counter);
	EXPECT_MSG(counter && counter->kind == MDEVSIM_KIND_UNSIGNED && counter->repeat == 1,
		   "%s.%s is counted by what is no number", table->name, field->name);
}

static void check_group(const struct mdevsim_state_table *table,
			const struct mdevsim_state_field *field)
{
	if (field->kind != MDEVSIM_KIND_GROUP) {
		EXPECT_MSG(!field->group, "%s.%s is no group and has one", table->name,
			   field->name);
		return;
	}
	if (EXPECT_MSG(field->group, "%s.%s has no group", table->name, field->name))
		EXPECT_MSG(field->group->size == field->width, "%s.%s is not as wide as its group",
			   table->name, field->name);
}

static void check_bits(const struct mdevsim_state_table *table,
		       const struct mdevsim_state_field *field)
{
	const struct mdevsim_state_item *item = field->items;
	u64 seen = 0, mask;
	unsigned int i;

	for (i = 0; i < field->nr_items; i++, item++) {
		EXPECT_MSG(item->width && item->at + item->width <= field->width * 8,
			   "%s.%s.%s is outside the field", table->name, field->name, item->name);
		mask = GENMASK_ULL(item->at + item->width - 1, item->at);
		EXPECT_MSG(!(seen & mask), "%s.%s.%s overlaps another", table->name, field->name,
			   item->name);
		seen |= mask;
	}
}

static void check_values(const struct mdevsim_state_table *table,
			 const struct mdevsim_state_field *field)
{
	unsigned int i;

	EXPECT_MSG(field->nr_items, "%s.%s has no values", table->name, field->name);
	for (i = 1; i < field->nr_items; i++)
		EXPECT_MSG(field->items[i].at > field->items[i - 1].at,
			   "%s.%s: values do not ascend", table->name, field->name);
}

static void check_field(const struct mdevsim_state_table *table,
			const struct mdevsim_state_field *field)
{
	EXPECT_MSG(field->name && *field->name && field->meaning && *field->meaning && field->unit,
		   "%s has a field at %u without name, meaning or unit", table->name,
		   field->offset);
	EXPECT_MSG(strcmp(mdevsim_state_schema_kind(field->kind), "unknown"),
		   "%s.%s is of no kind", table->name, field->name);
	check_counter(table, field);
	check_group(table, field);
	if (field->kind == MDEVSIM_KIND_BITS)
		check_bits(table, field);
	else if (field->kind == MDEVSIM_KIND_ENUM)
		check_values(table, field);
	else
		EXPECT_MSG(!field->nr_items, "%s.%s has items", table->name, field->name);
	if (field->kind == MDEVSIM_KIND_UNSIGNED || field->kind == MDEVSIM_KIND_BITS ||
	    field->kind == MDEVSIM_KIND_ENUM || field->kind == MDEVSIM_KIND_LBA ||
	    field->kind == MDEVSIM_KIND_ADDRESS)
		EXPECT_MSG(field->width <= 8, "%s.%s is too wide for a number",
			   table->name, field->name);
}

static void fields_are_complete(void)
{
	unsigned int i, j;

	collect();
	for (i = 0; i < nr_tables; i++)
		for (j = 0; j < tables[i]->nr_fields; j++)
			check_field(tables[i], &tables[i]->fields[j]);
}

static void names_are_unique(void)
{
	const struct mdevsim_state_table *table;
	unsigned int i, j, k;

	collect();
	for (i = 0; i < nr_tables; i++) {
		table = tables[i];
		for (j = 0; j < i; j++)
			EXPECT_MSG(strcmp(table->name, tables[j]->name), "two tables %s",
				   table->name);
		for (j = 0; j < table->nr_fields; j++)
			for (k = 0; k < j; k++)
				EXPECT_MSG(strcmp(table->fields[j].name, table->fields[k].name),
					   "two fields %s.%s", table->name, table->fields[j].name);
	}
}

/* The kinds that exist have names of their own, the rest is "unknown". */
static void kinds_have_names(void)
{
	unsigned int i, j;

	for (i = 0; i <= MDEVSIM_KIND_GROUP; i++)
		for (j = 0; j < i; j++)
			EXPECT(strcmp(mdevsim_state_schema_kind(i), mdevsim_state_schema_kind(j)));
	EXPECT(!strcmp(mdevsim_state_schema_kind(MDEVSIM_KIND_GROUP + 1), "unknown"));
}

/* ---- Into a SCHEMA record ---------------------------------------------- */

/**
 * struct blob - body of a SCHEMA record, of exactly its length, to be changed
 * @head: its fixed part, where it begins
 * @length: its bytes
 * @table: its tables
 * @field: its fields
 * @item: its items
 * @text: its text
 *
 * Pointers are those of the body as it was encoded, whatever is changed in it.
 */
struct blob {
	struct mdevsim_state_schema *head;
	u32 length;
	struct mdevsim_schema_table *table;
	struct mdevsim_schema_field *field;
	struct mdevsim_schema_item *item;
	char *text;
};

static void blob_places(struct blob *blob)
{
	blob->table = (void *)blob->head->body;
	blob->field = (void *)(blob->table + le16_to_cpu(blob->head->nr_tables));
	blob->item = (void *)(blob->field + le16_to_cpu(blob->head->nr_fields));
	blob->text = (void *)(blob->item + le16_to_cpu(blob->head->nr_items));
}

/* On the heap, so that an access behind it is noticed */
static struct blob blob_encode(void)
{
	u8 *room = malloc(MDEVSIM_MAX_SCHEMA);
	struct blob blob = {};

	memset(room, 0xee, MDEVSIM_MAX_SCHEMA);
	blob.length = mdevsim_state_schema_encode(room);
	if (!EXPECT(blob.length >= sizeof(*blob.head) && blob.length <= MDEVSIM_MAX_SCHEMA))
		abort();
	blob.head = malloc(blob.length);
	memcpy(blob.head, room, blob.length);
	free(room);
	blob_places(&blob);
	return blob;
}

static void blob_free(struct blob *blob)
{
	free(blob->head);
}

static int blob_check(const struct blob *blob, struct mdevsim_reason *why)
{
	why->text[0] = '\0';
	return mdevsim_state_schema_check(blob->head, blob->length, why);
}

static void what_is_encoded_fits_and_is_sound(void)
{
	struct blob blob = blob_encode();
	struct mdevsim_reason why;

	printf("# %u bytes: %u tables, %u fields, %u items, %u bytes of text\n", blob.length,
	       le16_to_cpu(blob.head->nr_tables), le16_to_cpu(blob.head->nr_fields),
	       le16_to_cpu(blob.head->nr_items), le32_to_cpu(blob.head->text_length));
	EXPECT(blob.length <= 16384);
	EXPECT_EQ(blob_check(&blob, &why), 0);
	EXPECT(!why.text[0]);
	EXPECT_EQ(blob.text + le32_to_cpu(blob.head->text_length) - (char *)blob.head, blob.length);
	blob_free(&blob);
}

static void expect_text(const struct blob *blob, __le16 offset, const char *expected)
{
	EXPECT_MSG(!strcmp(blob->text + le16_to_cpu(offset), expected), "\"%s\", not \"%s\"",
		   blob->text + le16_to_cpu(offset), expected);
}

/* Where a table is among the encoded ones, or -1 */
static int index_of(const struct blob *blob, const struct mdevsim_state_table *table)
{
	int i;

	for (i = 0; i < le16_to_cpu(blob->head->nr_tables); i++)
		if (!strcmp(blob->text + le16_to_cpu(blob->table[i].name), table->name))
			return i;
	return -1;
}

static void compare_items(const struct blob *blob, const struct mdevsim_state_field *field,
			  unsigned int first)
{
	unsigned int i;

	for (i = 0; i < field->nr_items; i++) {
		expect_text(blob, blob->item[first + i].name, field->items[i].name);
		EXPECT_EQ(le16_to_cpu(blob->item[first + i].at), field->items[i].at);
		EXPECT_EQ(le16_to_cpu(blob->item[first + i].width), field->items[i].width);
	}
}

static void compare_field(const struct blob *blob, const struct mdevsim_state_field *field,
			  const struct mdevsim_schema_field *encoded)
{
	int group = field->group ? index_of(blob, field->group) : MDEVSIM_SCHEMA_NONE;

	expect_text(blob, encoded->name, field->name);
	expect_text(blob, encoded->unit, field->unit);
	expect_text(blob, encoded->meaning, field->meaning);
	EXPECT_EQ(le16_to_cpu(encoded->offset), field->offset);
	EXPECT_EQ(le16_to_cpu(encoded->width), field->width);
	EXPECT_EQ(le16_to_cpu(encoded->repeat), field->repeat);
	EXPECT_EQ(le16_to_cpu(encoded->counter), field->counter);
	EXPECT_EQ(encoded->kind, field->kind);
	EXPECT_EQ(encoded->nr_items, field->nr_items);
	EXPECT_EQ(le16_to_cpu(encoded->group), group);
	if (!field->nr_items)
		EXPECT_EQ(le16_to_cpu(encoded->first_item), 0);
	compare_items(blob, field, le16_to_cpu(encoded->first_item));
}

static void compare_table(const struct blob *blob, const struct mdevsim_state_table *table)
{
	const struct mdevsim_schema_table *encoded;
	int at = index_of(blob, table);
	unsigned int i;

	if (!EXPECT_MSG(at >= 0, "no table %s", table->name))
		return;
	encoded = &blob->table[at];
	EXPECT_EQ(le16_to_cpu(encoded->type), table->type);
	EXPECT_EQ(le16_to_cpu(encoded->version), table->version);
	EXPECT_EQ(le16_to_cpu(encoded->size), table->size);
	EXPECT_EQ(le16_to_cpu(encoded->nr_fields), table->nr_fields);
	for (i = 0; i < table->nr_fields; i++)
		compare_field(blob, &table->fields[i],
			      &blob->field[le16_to_cpu(encoded->first_field) + i]);
}

/* Every table, field, item and string, and nothing else */
static void what_is_encoded_is_what_the_tables_say(void)
{
	struct blob blob = blob_encode();
	unsigned int fields = 0, items = 0, i, j;

	collect();
	EXPECT_EQ(le16_to_cpu(blob.head->nr_tables), nr_tables);
	for (i = 0; i < nr_tables; i++) {
		compare_table(&blob, tables[i]);
		fields += tables[i]->nr_fields;
		for (j = 0; j < tables[i]->nr_fields; j++)
			items += tables[i]->fields[j].nr_items;
	}
	EXPECT_EQ(le16_to_cpu(blob.head->nr_fields), fields);
	EXPECT_EQ(le16_to_cpu(blob.head->nr_items), items);
	blob_free(&blob);
}

/* Is the string at this offset named by anything? */
static bool is_named(const struct blob *blob, u32 at)
{
	int i;

	for (i = 0; i < le16_to_cpu(blob->head->nr_tables); i++)
		if (le16_to_cpu(blob->table[i].name) == at)
			return true;
	for (i = 0; i < le16_to_cpu(blob->head->nr_fields); i++)
		if (le16_to_cpu(blob->field[i].name) == at ||
		    le16_to_cpu(blob->field[i].unit) == at ||
		    le16_to_cpu(blob->field[i].meaning) == at)
			return true;
	for (i = 0; i < le16_to_cpu(blob->head->nr_items); i++)
		if (le16_to_cpu(blob->item[i].name) == at)
			return true;
	return false;
}

static void no_string_is_there_twice_or_for_nothing(void)
{
	struct blob blob = blob_encode();
	u32 length = le32_to_cpu(blob.head->text_length), at, other;

	for (at = 0; at < length; at += strlen(blob.text + at) + 1) {
		EXPECT_MSG(is_named(&blob, at), "nothing names \"%s\"", blob.text + at);
		for (other = 0; other < at; other += strlen(blob.text + other) + 1)
			EXPECT_MSG(strcmp(blob.text + at, blob.text + other), "\"%s\" twice",
				   blob.text + at);
	}
	blob_free(&blob);
}

/* ---- Out of a SCHEMA record -------------------------------------------- */

/*
 * What mdevsim_state_schema_check() promises of a body that it accepts, found out
 * another way: the bytes of each structure are marked, once each.
 */
static bool marks_tile(const struct blob *blob, const struct mdevsim_schema_table *table)
{
	static u8 marks[0x10000];
	const struct mdevsim_schema_field *field = blob->field + le16_to_cpu(table->first_field);
	const struct mdevsim_schema_field *end = field + le16_to_cpu(table->nr_fields);
	u64 size = le16_to_cpu(table->size), at, next;

	memset(marks, 0, size);
	for (; field < end; field++) {
		at = le16_to_cpu(field->offset);
		next = at + (u64)le16_to_cpu(field->width) * le16_to_cpu(field->repeat);
		if (next > size || (!field->repeat && at != size))
			return false;
		while (at < next)
			if (marks[at++]++)
				return false;
	}
	return !memchr_inv(marks, 1, size);
}

static bool counter_is_there(const struct blob *blob, const struct mdevsim_schema_table *table,
			     const struct mdevsim_schema_field *counted)
{
	const struct mdevsim_schema_field *field = blob->field + le16_to_cpu(table->first_field);

	for (; field < counted; field++)
		if (field->offset == counted->counter && field->repeat == cpu_to_le16(1) &&
		    field->kind == MDEVSIM_KIND_UNSIGNED)
			return true;
	return false;
}

static bool group_is_sound(const struct blob *blob, int table,
			   const struct mdevsim_schema_field *field)
{
	int group = le16_to_cpu(field->group);

	if (field->kind != MDEVSIM_KIND_GROUP)
		return true;
	return group > table && group < le16_to_cpu(blob->head->nr_tables) &&
	       blob->table[group].size == field->width;
}

static bool field_is_sound(const struct blob *blob, int table,
			   const struct mdevsim_schema_field *field)
{
	u32 text = le32_to_cpu(blob->head->text_length);

	return le16_to_cpu(field->name) < text && le16_to_cpu(field->unit) < text &&
	       le16_to_cpu(field->meaning) < text && field->width &&
	       le16_to_cpu(field->first_item) + field->nr_items <=
	       le16_to_cpu(blob->head->nr_items) &&
	       group_is_sound(blob, table, field) &&
	       (field->repeat || counter_is_there(blob, &blob->table[table], field));
}

static bool is_sound(const struct blob *body)
{
	struct blob blob = *body;
	int i, j, first, count;

	blob_places(&blob);
	if (blob.text + le32_to_cpu(blob.head->text_length) != (char *)blob.head + blob.length ||
	    blob.text[le32_to_cpu(blob.head->text_length) - 1])
		return false;
	for (i = 0; i < le16_to_cpu(blob.head->nr_tables); i++) {
		first = le16_to_cpu(blob.table[i].first_field);
		count = le16_to_cpu(blob.table[i].nr_fields);
		if (first + count > le16_to_cpu(blob.head->nr_fields) ||
		    !marks_tile(&blob, &blob.table[i]))
			return false;
		for (j = first; j < first + count; j++)
			if (!field_is_sound(&blob, i, &blob.field[j]))
				return false;
	}
	return true;
}

/* Accepted and sound, or refused in words with one of two errors; true when refused */
static bool expect_judged(const struct blob *blob, const char *what, u32 at, u8 value)
{
	struct mdevsim_reason why;
	int ret = blob_check(blob, &why);

	if (!ret)
		EXPECT_MSG(!why.text[0] && is_sound(blob),
			   "%s %u, %#x: accepted, and it is not sound", what, at, value);
	else
		EXPECT_MSG((ret == -EINVAL || ret == -EMSGSIZE) && why.text[0], "%s %u, %#x: %d",
			   what, at, value, ret);
	return ret;
}

/* Every byte, in every way that it can be wrong; of the text one bit at a time */
static void every_corrupt_byte_is_refused_or_harmless(void)
{
	struct blob blob = blob_encode();
	u32 structures = (u8 *)blob.text - (u8 *)blob.head, at, tried = 0, refused = 0;
	u8 *bytes = (u8 *)blob.head;
	unsigned int change;

	for (at = 0; at < blob.length && !ktap_failures; at++) {
		for (change = 1; change < 256; change = at < structures ? change + 1 : change * 2) {
			bytes[at] ^= change;
			refused += expect_judged(&blob, "byte", at, bytes[at]);
			bytes[at] ^= change;
			tried++;
		}
	}
	printf("# %u of %u refused, the others sound\n", refused, tried);
	EXPECT(refused > structures);
	blob_free(&blob);
}

static void every_truncation_is_refused(void)
{
	struct blob blob = blob_encode();
	struct blob cut = blob;
	struct mdevsim_reason why;

	for (cut.length = sizeof(*blob.head); cut.length < blob.length; cut.length++) {
		cut.head = malloc(cut.length);
		memcpy(cut.head, blob.head, cut.length);
		EXPECT_EQ(blob_check(&cut, &why), -EMSGSIZE);
		EXPECT(why.text[0]);
		free(cut.head);
	}
	blob_free(&blob);
}

/* Several at once, and of the values that break things */
static void random_corruption_is_refused_or_harmless(void)
{
	static const u16 values[] = { 0, 1, 2, 7, 8, 9, 0x7fff, 0x8000, 0xfffe, 0xffff };
	struct blob blob = blob_encode(), bad = blob;
	u32 structures = (u8 *)blob.text - (u8 *)blob.head;
	u64 seed = 5;
	unsigned int round, n;

	bad.head = malloc(blob.length);
	for (round = 0; round < 50000 && !ktap_failures; round++) {
		memcpy(bad.head, blob.head, blob.length);
		for (n = random_below(&seed, 4); n < 4; n++) {
			u16 value = random_next(&seed);

			if (value & 1)
				value = values[random_below(&seed, ARRAY_SIZE(values))];
			memcpy((u8 *)bad.head + 2 * random_below(&seed, structures / 2), &value, 2);
		}
		expect_judged(&bad, "round", round, 0);
	}
	free(bad.head);
	blob_free(&blob);
}

/* A field by the names of its table and itself */
static struct mdevsim_schema_field *field_of(struct blob *blob, const char *table,
					     const char *name)
{
	int i, j, first;

	for (i = 0; i < le16_to_cpu(blob->head->nr_tables); i++) {
		if (strcmp(blob->text + le16_to_cpu(blob->table[i].name), table))
			continue;
		first = le16_to_cpu(blob->table[i].first_field);
		for (j = first; j < first + le16_to_cpu(blob->table[i].nr_fields); j++)
			if (!strcmp(blob->text + le16_to_cpu(blob->field[j].name), name))
				return &blob->field[j];
	}
	abort();
}

static u16 table_of(struct blob *blob, const char *name)
{
	u16 i;

	for (i = 0; i < le16_to_cpu(blob->head->nr_tables); i++)
		if (!strcmp(blob->text + le16_to_cpu(blob->table[i].name), name))
			return i;
	abort();
}

/* Changes: each is named after what it breaks, and its sentence has these words. */

#define CHANGE(name)	static void name(struct blob *blob)

CHANGE(fewer_tables)	{ le16_add_cpu(&blob->head->nr_tables, -1); }
CHANGE(more_tables)	{ le16_add_cpu(&blob->head->nr_tables, 1); }
CHANGE(all_tables)	{ blob->head->nr_tables = cpu_to_le16(0xffff); }
CHANGE(fewer_fields)	{ le16_add_cpu(&blob->head->nr_fields, -1); }
CHANGE(all_fields)	{ blob->head->nr_fields = cpu_to_le16(0xffff); }
CHANGE(more_items)	{ le16_add_cpu(&blob->head->nr_items, 1); }
CHANGE(all_items)	{ blob->head->nr_items = cpu_to_le16(0xffff); }
CHANGE(more_text)	{ le32_add_cpu(&blob->head->text_length, 1); }
CHANGE(less_text)	{ le32_add_cpu(&blob->head->text_length, -1); }
CHANGE(all_text)	{ blob->head->text_length = cpu_to_le32(~0U); }

/* Counts that would make the length if they were added up in 32 bits */
CHANGE(wrapped_text)
{
	blob->head->nr_items = cpu_to_le16(0xffff);
	blob->head->text_length =
		cpu_to_le32(le32_to_cpu(blob->head->text_length) -
			    (0xffff - (blob->text - (char *)blob->item) / 6) * 6);
}

CHANGE(head_reserved0)	{ blob->head->reserved0 = cpu_to_le16(0x100); }
CHANGE(head_reserved1)	{ blob->head->reserved1 = cpu_to_le32(1); }
CHANGE(no_end_of_text)	{ ((char *)blob->head)[blob->length - 1] = 'x'; }

/* What was text is items now. */
CHANGE(no_text)
{
	u32 length = le32_to_cpu(blob->head->text_length) / 6 * 6;

	blob->length -= le32_to_cpu(blob->head->text_length) - length;
	blob->head->text_length = 0;
	le16_add_cpu(&blob->head->nr_items, length / 6);
}

CHANGE(table_name)	{ blob->table[2].name = cpu_to_le16(0xffff); }
CHANGE(table_name_end)	{ blob->table[2].name = cpu_to_le16(le32_to_cpu(blob->head->text_length)); }
CHANGE(table_first)	{ blob->table[2].first_field = blob->head->nr_fields; }
CHANGE(table_first_far)	{ blob->table[2].first_field = cpu_to_le16(0xffff); }
CHANGE(table_fields)	{ blob->table[2].nr_fields = cpu_to_le16(0xffff); }
CHANGE(table_longer)	{ le16_add_cpu(&blob->table[2].nr_fields, 1); }
CHANGE(table_shorter)	{ le16_add_cpu(&blob->table[2].nr_fields, -1); }
CHANGE(table_empty)	{ blob->table[2].nr_fields = 0; }
CHANGE(table_larger)	{ le16_add_cpu(&blob->table[2].size, 1); }
CHANGE(table_smaller)	{ le16_add_cpu(&blob->table[2].size, -1); }

#define CHANGE_FIELD(name, table, of, member, value)				\
	CHANGE(name) { field_of(blob, table, of)->member = (value); }

CHANGE_FIELD(field_name, "irq", "intx", name, cpu_to_le16(0xffff))
CHANGE_FIELD(field_unit, "irq", "intx", unit, blob->head->text_length)
CHANGE_FIELD(field_meaning, "irq", "intx", meaning, cpu_to_le16(0xffff))
CHANGE_FIELD(field_width_0, "irq", "intx", width, 0)
CHANGE_FIELD(number_width_9, "irq", "pending", width, cpu_to_le16(9))
CHANGE_FIELD(number_width_all, "nvme-regs", "asq", width, cpu_to_le16(0xffff))
CHANGE_FIELD(bytes_width_all, "stream-header", "session", width, cpu_to_le16(0xffff))
CHANGE_FIELD(enum_width_9, "record-header", "type", width, cpu_to_le16(9))
CHANGE_FIELD(lba_width_9, "ns-data", "slba", width, cpu_to_le16(9))
CHANGE_FIELD(gap, "nvme-regs", "vs", offset, cpu_to_le16(9))
CHANGE_FIELD(overlap, "nvme-regs", "vs", offset, cpu_to_le16(7))
CHANGE_FIELD(overlap_width, "nvme-regs", "asq", width, cpu_to_le16(7))
CHANGE_FIELD(repeat_more, "nvme-aer", "cid", repeat, cpu_to_le16(9))
CHANGE_FIELD(repeat_all, "nvme-aer", "cid", repeat, cpu_to_le16(0xffff))
CHANGE_FIELD(counted_early, "nvme-aer", "cid", repeat, 0)
CHANGE_FIELD(count_what_is_not, "nvme-regs", "cap", counter, cpu_to_le16(8))
CHANGE_FIELD(counted_elsewhere, "irq", "table", offset, cpu_to_le16(17))
CHANGE_FIELD(no_longer_counted, "irq", "table", repeat, cpu_to_le16(1))
CHANGE_FIELD(counter_reserved, "irq", "table", counter, cpu_to_le16(1))
CHANGE_FIELD(counter_bits, "irq", "table", counter, cpu_to_le16(8))
CHANGE_FIELD(counter_inside, "irq", "table", counter, cpu_to_le16(3))
CHANGE_FIELD(counter_behind, "irq", "table", counter, cpu_to_le16(16))
CHANGE_FIELD(counter_far, "irq", "table", counter, cpu_to_le16(0xffff))
CHANGE_FIELD(group_none, "irq", "table", group, cpu_to_le16(MDEVSIM_SCHEMA_NONE))
CHANGE_FIELD(group_far, "irq", "table", group, blob->head->nr_tables)
CHANGE_FIELD(group_self, "irq", "table", group, cpu_to_le16(table_of(blob, "irq")))
CHANGE_FIELD(group_before, "irq", "table", group, cpu_to_le16(0))
CHANGE_FIELD(group_record, "irq", "table", group, cpu_to_le16(table_of(blob, "nvme-aer")))
CHANGE_FIELD(group_other, "irq", "table", group, cpu_to_le16(table_of(blob, "nvme-sq")))
CHANGE_FIELD(group_of_number, "irq", "intx", group, cpu_to_le16(table_of(blob, "nvme-sq")))
CHANGE_FIELD(group_narrow, "irq", "table", width, cpu_to_le16(15))
CHANGE_FIELD(items_far, "nvme-regs", "cc", first_item, blob->head->nr_items)
CHANGE_FIELD(items_many, "nvme-regs", "cc", nr_items, 255)
CHANGE_FIELD(bits_too_narrow, "nvme-regs", "aqa", width, cpu_to_le16(3))

/* Counted to be both wide and many: 0xffff times 0xffff bytes */
CHANGE(enormous)
{
	struct mdevsim_schema_field *field = field_of(blob, "stream-header", "session");

	field->width = cpu_to_le16(0xffff);
	field->repeat = cpu_to_le16(0xffff);
}

CHANGE(swapped)
{
	struct mdevsim_schema_field *field = field_of(blob, "nvme-regs", "vs"), first = *field;

	field[0] = field[1];
	field[1] = first;
}

/* Two counted fields that exchange places with what counts them are still none before others. */
CHANGE(counter_counted)
{
	field_of(blob, "schema", "field")->counter = cpu_to_le16(16);
}

/* A structure that is part of itself, by way of another */
CHANGE(group_cycle)
{
	u16 error = table_of(blob, "nvme-error"), sq = table_of(blob, "nvme-sq");
	struct mdevsim_schema_field *field = field_of(blob, "nvme-error", "lba");

	if (error < sq)
		field = field_of(blob, "nvme-sq", "prp1");
	field->kind = MDEVSIM_KIND_GROUP;
	field->group = cpu_to_le16(min(error, sq));
}

/* Only bodies of records end in fields that are counted. */
CHANGE(group_counts)
{
	struct mdevsim_schema_table *table = &blob->table[table_of(blob, "irq")];

	table->type = 0;
}

static struct mdevsim_schema_item *item_of(struct blob *blob, const char *table, const char *name)
{
	return &blob->item[le16_to_cpu(field_of(blob, table, name)->first_item)];
}

#define CHANGE_ITEM(name, table, of, member, value)				\
	CHANGE(name) { item_of(blob, table, of)->member = cpu_to_le16(value); }

CHANGE_ITEM(item_name, "nvme-regs", "cc", name, 0xffff)
CHANGE_ITEM(item_enum_name, "record-header", "type", name, 0xffff)
CHANGE_ITEM(item_width_0, "nvme-regs", "cc", width, 0)
CHANGE_ITEM(item_width_33, "nvme-regs", "cc", width, 33)
CHANGE_ITEM(item_width_all, "nvme-regs", "cc", width, 0xffff)
CHANGE_ITEM(item_at_32, "nvme-regs", "cc", at, 32)
CHANGE_ITEM(item_at_all, "nvme-regs", "cc", at, 0xffff)

static const struct change {
	const char *what;
	void (*change)(struct blob *blob);
	int err;
	const char *words;
} changes[] = {
#define COUNTS(change)	{ #change, change, -EMSGSIZE, "its counts do not make" }
#define HEAD(change, words)	{ #change, change, -EINVAL, words }
#define TABLE(change)	{ #change, change, -EINVAL, "table 2 has a name or fields" }
#define TILES(change)	{ #change, change, -EINVAL, "do not tile it" }
#define FIELD(change, words)	{ #change, change, -EINVAL, words }
	COUNTS(fewer_tables), COUNTS(more_tables), COUNTS(all_tables), COUNTS(fewer_fields),
	COUNTS(all_fields), COUNTS(more_items), COUNTS(all_items), COUNTS(more_text),
	COUNTS(less_text), COUNTS(all_text), COUNTS(wrapped_text),
	HEAD(head_reserved0, "reserved"), HEAD(head_reserved1, "reserved"),
	HEAD(no_end_of_text, "text does not end"), HEAD(no_text, "text does not end"),
	TABLE(table_name), TABLE(table_name_end), TABLE(table_first), TABLE(table_first_far),
	TABLE(table_fields),
	TILES(table_longer), TILES(table_shorter), TILES(table_empty), TILES(table_larger),
	TILES(table_smaller),
	FIELD(field_name, "name outside the text"), FIELD(field_unit, "name outside the text"),
	FIELD(field_meaning, "name outside the text"), FIELD(field_width_0, "0 bytes wide"),
	FIELD(number_width_9, "9 bytes wide"), FIELD(number_width_all, "65535 bytes wide"),
	FIELD(enum_width_9, "9 bytes wide"), FIELD(lba_width_9, "9 bytes wide"),
	TILES(bytes_width_all), TILES(gap), TILES(overlap), TILES(overlap_width),
	TILES(repeat_more), TILES(repeat_all), TILES(counted_early), TILES(count_what_is_not),
	TILES(counted_elsewhere), TILES(no_longer_counted), TILES(counter_reserved),
	TILES(counter_bits), TILES(counter_inside), TILES(counter_behind), TILES(counter_far),
	TILES(counter_counted), TILES(enormous), TILES(swapped), TILES(group_counts),
	FIELD(group_none, "impossible group"), FIELD(group_far, "impossible group"),
	FIELD(group_self, "impossible group"), FIELD(group_before, "impossible group"),
	FIELD(group_record, "impossible group"), FIELD(group_other, "impossible group"),
	FIELD(group_of_number, "impossible group"), FIELD(group_narrow, "impossible group"),
	FIELD(group_cycle, "impossible group"),
	FIELD(items_far, "items that are not there"), FIELD(items_many, "items that are not there"),
	FIELD(bits_too_narrow, "is impossible"), FIELD(item_name, "is impossible"),
	FIELD(item_enum_name, "is impossible"), FIELD(item_width_0, "is impossible"),
	FIELD(item_width_33, "is impossible"), FIELD(item_width_all, "is impossible"),
	FIELD(item_at_32, "is impossible"), FIELD(item_at_all, "is impossible"),
};

static void hostile_schemas_are_refused(void)
{
	struct mdevsim_reason why;
	struct blob blob;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		blob = blob_encode();
		changes[i].change(&blob);
		EXPECT_MSG(blob_check(&blob, &why) == changes[i].err, "%s: \"%s\"",
			   changes[i].what, why.text);
		EXPECT_MSG(strstr(why.text, changes[i].words), "%s: no \"%s\" in \"%s\"",
			   changes[i].what, changes[i].words, why.text);
		blob_free(&blob);
	}
}

/* What a newer writer may say: other kinds, other tables. */
static void unknown_kinds_are_accepted(void)
{
	struct blob blob = blob_encode();
	struct mdevsim_reason why;
	unsigned int kind;

	for (kind = MDEVSIM_KIND_GROUP + 1; kind < 256; kind++) {
		field_of(&blob, "nvme-regs", "vs")->kind = kind;
		EXPECT_EQ(blob_check(&blob, &why), 0);
	}
	blob.table[table_of(&blob, "nvme-regs")].type = cpu_to_le16(200);
	blob.table[table_of(&blob, "nvme-regs")].version = cpu_to_le16(9);
	EXPECT_EQ(blob_check(&blob, &why), 0);
	blob_free(&blob);
}

static const struct ktap_test tests[] = {
	KTAP_TEST(each_table_tiles_its_structure),
	KTAP_TEST(records_are_those_of_the_list),
	KTAP_TEST(fields_are_complete),
	KTAP_TEST(names_are_unique),
	KTAP_TEST(kinds_have_names),
	KTAP_TEST(what_is_encoded_fits_and_is_sound),
	KTAP_TEST(what_is_encoded_is_what_the_tables_say),
	KTAP_TEST(no_string_is_there_twice_or_for_nothing),
	KTAP_TEST(every_corrupt_byte_is_refused_or_harmless),
	KTAP_TEST(every_truncation_is_refused),
	KTAP_TEST(random_corruption_is_refused_or_harmless),
	KTAP_TEST(hostile_schemas_are_refused),
	KTAP_TEST(unknown_kinds_are_accepted),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
