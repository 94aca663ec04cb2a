// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of fields against the structures: every byte of each structure
 * belongs to exactly one field, and what tables refer to is there.
 */
#include <string.h>
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/mdevsim_state.h>
#include "../../driver/state_schema.h"
#include "ktap.h"

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

static const struct ktap_test tests[] = {
	KTAP_TEST(each_table_tiles_its_structure),
	KTAP_TEST(records_are_those_of_the_list),
	KTAP_TEST(fields_are_complete),
	KTAP_TEST(names_are_unique),
	KTAP_TEST(kinds_have_names),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
