// SPDX-License-Identifier: GPL-2.0
/*
 * A schema from anywhere: refused with a reason and a documented errno, or else
 * vfiomig finds its way with it in any bytes, field by field and by name, without
 * leaving them.
 *
 * Input: one byte of flags, the body of a SCHEMA record. Structures are filled
 * with the input, too, each in memory of its own that ends where it does.
 */
#include <errno.h>
#include <string.h>
#include "../../driver/state_schema.h"
#include "../../tools/vfiomig/decode.h"
#include "../../tools/vfiomig/out.h"
#include "../../tools/vfiomig/schema.h"
#include "fuzz.h"

#define FLAG_HEX	1
#define FLAG_DATA	2
#define FLAG_COMPACT	4
#define FLAG_JSON	8
#define FLAG_VERBOSE	16
#define FLAG_COUNTED	32	/* bytes behind the structure, for what it counts */

#define COUNTED		333
#define MOST_LOOKUPS	64	/* in one structure; each goes through the structure again */

/**
 * struct walk - a structure, while it is gone through
 * @table: what it is
 * @bytes: the structure and what it counts
 * @length: bytes there
 * @lookups: places that were looked up by name
 */
struct walk {
	const struct mdevsim_state_table *table;
	const u8 *bytes;
	u64 length;
	unsigned int lookups;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	MUST(freopen("/dev/null", "w", stdout));
	return 0;
}

static void touch(const struct walk *walk, const struct schema_place *place)
{
	MUST(place->at <= walk->length && place->length <= walk->length - place->at);
	MUST(!place->length || memchr(walk->bytes + place->at, walk->bytes[place->at],
				      place->length));
}

/* Not always the same place: names may stand twice, and have dots in them. */
static void look_up(const struct walk *walk, const char *path)
{
	struct mdevsim_reason why = {};
	struct schema_place found;

	if (schema_locate(walk->table, walk->bytes, walk->length, path, &found, &why))
		MUST(why.text[0]);
	else
		touch(walk, &found);
}

static void visit(void *context, const char *path, const struct schema_place *place)
{
	struct walk *walk = context;

	touch(walk, place);
	if (walk->lookups++ < MOST_LOOKUPS)
		look_up(walk, path);
}

static void try_table(const struct mdevsim_state_table *table, const struct decode *decode,
		      const u8 *data, size_t length, size_t counted)
{
	struct walk walk = { .table = table, .length = table->size + counted };
	u8 *bytes = malloc(walk.length ?: 1);
	size_t i;

	MUST(bytes);
	for (i = 0; i < walk.length; i++)
		bytes[i] = data[i % length];
	walk.bytes = bytes;
	schema_walk(table, bytes, walk.length, visit, &walk);
	out_object(NULL);
	decode_table(decode, table, bytes, walk.length);
	out_close();
	MUST(!schema_compare(table, table));
	free(bytes);
}

static void try_schema(const struct schema *schema, u8 flags, const u8 *data, size_t length)
{
	const struct decode decode = {
		.hex = flags & FLAG_HEX,
		.data = flags & FLAG_DATA,
		.compact = flags & FLAG_COMPACT,
		.text = schema->text,
		.text_length = schema->text_length,
	};
	unsigned int i;

	out_settings = (struct out_settings){
		.json = flags & FLAG_JSON,
		.verbose = flags & FLAG_VERBOSE ? 1 : 0,
		.color = OUT_COLOR_NEVER,
	};
	out_begin(NULL);
	out_array("tables");
	for (i = 0; i < schema->nr_tables; i++)
		try_table(&schema->tables[i], &decode, data, length,
			  flags & FLAG_COUNTED ? COUNTED : 0);
	out_close();
	MUST(!out_end(0));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t length)
{
	struct mdevsim_reason why = {};
	struct schema schema;
	u8 *body;
	int ret;

	if (length < 2)
		return 0;
	/* In memory of its own, so that its end is noticed. */
	body = malloc(length - 1);
	MUST(body);
	memcpy(body, data + 1, length - 1);
	ret = schema_parse(&schema, body, length - 1, &why);
	MUST(!ret || ret == -EINVAL || ret == -EMSGSIZE);
	MUST(!ret == !why.text[0]);
	free(body);
	if (!ret)
		try_schema(&schema, data[0], data, length);
	schema_free(&schema);
	return 0;
}
