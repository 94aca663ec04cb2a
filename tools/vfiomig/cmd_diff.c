// SPDX-License-Identifier: GPL-2.0
/*
 * diff: two saved states, field by field as each one's own schema names them, and
 * the namespaces that they make, block by block.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "command.h"
#include "decode.h"
#include "image.h"
#include "out.h"
#include "stream.h"
#include "units.h"

#define NAME_SIZE	256

/**
 * struct kept - a record that is no extent
 * @record: the record
 * @nr: records of this type before it
 */
struct kept {
	struct stream_kept record;
	size_t nr;
};

/**
 * struct side - one of the two
 * @stream: stream
 * @image: namespace
 * @kept: all but extents
 * @nr: entries in @kept
 * @room: entries allocated
 * @order: entries of @kept by type, and @kept.nr
 * @count: entries in @kept, by type
 * @nr_extents: of the namespace
 */
struct side {
	struct stream stream;
	struct image image;
	struct kept *kept;
	size_t nr;
	size_t room;
	const struct kept **order;
	size_t count[U16_MAX + 1];
	u64 nr_extents;
};

/**
 * struct diff - a comparison
 * @a: one side
 * @b: other side
 * @all: compare what is only about the stream, too
 * @fields: differences found
 * @blocks: blocks found to differ
 */
struct diff {
	struct side a;
	struct side b;
	bool all;
	u64 fields;
	u64 blocks;
};

/* ---- One side ---------------------------------------------------------- */

static int fail_broken(const struct side *side, const struct mdevsim_reason *why, int error)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = -error,
			.where = side->stream.file.name,
			.reason = why->text,
			.hint = "vfiomig verify, which says more",
		    }, "a broken stream cannot be compared");
}

static int check_problems(const struct side *side, const struct stream_record *record)
{
	const struct stream_problems *problems = record ? &record->problems :
							  &side->stream.problems;
	struct mdevsim_reason why;

	if (!problems->nr)
		return STATUS_DONE;
	why = problems->problem[0].why;
	if (record)
		why = stream_why(&side->stream, record, &problems->problem[0]);
	return fail_broken(side, &why, problems->problem[0].error);
}

static int refuse_record(const struct side *side, struct stream_record *record, const char *text)
{
	stream_problem(&record->problems, -EINVAL, "%s", text);
	return check_problems(side, record);
}

static bool make_room(struct side *side)
{
	size_t room = side->room ? 2 * side->room : 16;
	struct kept *kept;

	if (side->nr < side->room)
		return true;
	kept = realloc(side->kept, room * sizeof(*kept));
	if (!kept)
		return false;
	side->kept = kept;
	side->room = room;
	return true;
}

static int keep(struct side *side, const struct stream_record *record)
{
	struct kept *kept;

	if (!make_room(side))
		return stream_fail_memory(&side->stream);
	kept = &side->kept[side->nr];
	if (!stream_keep(&side->stream, record, &kept->record))
		return stream_fail_memory(&side->stream);
	kept->nr = side->count[record->head.type]++;
	side->nr++;
	return STATUS_DONE;
}

static int by_type(const void *a, const void *b)
{
	const struct kept *x = *(const struct kept *const *)a, *y = *(const struct kept *const *)b;

	if (x->record.head.type != y->record.head.type)
		return x->record.head.type < y->record.head.type ? -1 : 1;
	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

static int put_in_order(struct side *side)
{
	size_t i;

	side->order = calloc(side->nr + 1, sizeof(*side->order));
	if (!side->order)
		return stream_fail_memory(&side->stream);
	for (i = 0; i < side->nr; i++)
		side->order[i] = &side->kept[i];
	qsort(side->order, side->nr, sizeof(*side->order), by_type);
	return STATUS_DONE;
}

static bool number_at(const struct mdevsim_state_table *table, const struct stream_record *record,
		      const char *name, u64 *value)
{
	struct mdevsim_reason why = {};
	struct schema_place place;

	if (schema_locate(table, record->body, record->held, name, &place, &why) ||
	    !mdevsim_state_schema_is_number(place.field->kind))
		return false;
	*value = schema_number(record->body + place.at, place.length);
	return true;
}

/* That these types make a namespace is own knowledge; what is where in them is the schema's. */
static int add_extent(struct side *side, struct stream_record *record)
{
	const struct mdevsim_state_table *table = stream_table(&side->stream, record);
	u64 nsid, slba, nlb, offset = 0;
	struct mdevsim_reason why = {};
	struct schema_place data;

	if (!table || !number_at(table, record, "nsid", &nsid) ||
	    !number_at(table, record, "slba", &slba) || !number_at(table, record, "nlb", &nlb))
		return refuse_record(side, record, "its schema has no nsid, slba or nlb");
	if (!schema_locate(table, record->body, record->held, "data", &data, &why)) {
		offset = record->offset + sizeof(record->header) + data.at;
		if (data.length >> MDEVSIM_LBA_SHIFT != nlb)
			return refuse_record(side, record, "holds less or more than its blocks");
	}
	if (nsid != 1 || !image_extent(&side->image, slba, nlb, offset))
		return side->image.error == ENOMEM ? stream_fail_memory(&side->stream) :
		       refuse_record(side, record, "names blocks that no device has");
	side->nr_extents++;
	return STATUS_DONE;
}

static int add_record(struct side *side, struct stream_record *record)
{
	const struct mdevsim_state_table *table = stream_table(&side->stream, record);
	int status = check_problems(side, record);

	if (status)
		return status;
	if (table && record->held < table->size)
		return refuse_record(side, record, "is shorter than its schema says");
	switch (record->head.type) {
	case MDEVSIM_RECORD_NS_DATA:
	case MDEVSIM_RECORD_NS_ZERO:
		return add_extent(side, record);
	case MDEVSIM_RECORD_SYNTHETIC:
		return STATUS_DONE;
	case MDEVSIM_RECORD_IDENTITY:
		/* Sent again, the namespace starts over. */
		image_clear(&side->image);
		break;
	}
	return keep(side, record);
}

static int open_side(struct side *side, const char *name, const char *device)
{
	int status = stream_open_one(&side->stream, name, device);

	return status ? status : image_init(&side->image, &side->stream);
}

static int open_sides(struct diff *diff, const struct arguments *arguments)
{
	const char *device = arguments->value[OPTION_DEVICE];
	int status;

	status = open_side(&diff->a, arguments->word[0], device);
	if (!status)
		status = open_side(&diff->b, arguments->word[1], device);
	if (!status && device && !diff->a.stream.qemu && !diff->b.stream.qemu)
		status = stream_fail_device();
	return status;
}

static int read_side(struct side *side)
{
	struct stream_record *record;
	int status;

	if (!stream_begin(&side->stream))
		return stream_fail(&side->stream);
	status = check_problems(side, NULL);
	while (!status && (record = stream_next(&side->stream)))
		status = add_record(side, record);
	if (!status && side->stream.error)
		status = stream_fail(&side->stream);
	return status ? status : put_in_order(side);
}

static void release_side(struct side *side)
{
	size_t i;

	for (i = 0; i < side->nr; i++)
		free(side->kept[i].record.body);
	free(side->kept);
	free(side->order);
	image_release(&side->image);
	stream_close(&side->stream);
}

/* ---- Fields ------------------------------------------------------------ */

/**
 * struct bytes - a structure to compare
 * @table: what describes it
 * @at: its bytes
 * @length: how many
 */
struct bytes {
	const struct mdevsim_state_table *table;
	const u8 *at;
	u64 length;
};

/**
 * struct pair - two structures being compared
 * @diff: comparison they are part of
 * @prefix: what their fields' names begin with
 * @skip: a field that is not compared, or NULL
 * @mine: the one whose fields are visited
 * @other: the other one
 * @only: "a" or "b": say only which fields just @mine has; NULL: compare those of both
 */
struct pair {
	struct diff *diff;
	const char *prefix;
	const char *skip;
	struct bytes mine;
	struct bytes other;
	const char *only;
};

static void begin_difference(struct diff *diff, const char *prefix, const char *path)
{
	char name[2 * NAME_SIZE];

	snprintf(name, sizeof(name), "%s%s", prefix, path);
	diff->fields++;
	out_object(NULL);
	out_string("field", name, "%s: ", name);
}

static void print_place(const char *key, const struct schema_place *place, const u8 *bytes)
{
	if (schema_is_contents(place->field))
		out_uint(key, place->length, "%llu bytes", place->length);
	else
		decode_value(key, place->field, bytes + place->at);
}

static void print_only(const struct pair *pair, const char *path, const struct schema_place *place)
{
	begin_difference(pair->diff, pair->prefix, path);
	out_text("only in %s: ", !strcmp(pair->only, "a") ? "A" : "B");
	print_place(pair->only, place, pair->mine.at);
	out_text("\n");
	out_close();
}

static bool same(const struct pair *pair, const struct schema_place *mine,
		 const struct schema_place *other)
{
	const u8 *a = pair->mine.at + mine->at, *b = pair->other.at + other->at;

	if (mdevsim_state_schema_is_number(mine->field->kind) &&
	    mdevsim_state_schema_is_number(other->field->kind))
		return schema_number(a, mine->length) == schema_number(b, other->length);
	return mine->length == other->length && !memcmp(a, b, mine->length);
}

static void print_difference(const struct pair *pair, const char *path,
			     const struct schema_place *mine, const struct schema_place *other)
{
	begin_difference(pair->diff, pair->prefix, path);
	print_place("a", mine, pair->mine.at);
	out_text(" -> ");
	print_place("b", other, pair->other.at);
	out_text("%s\n", schema_is_contents(mine->field) && mine->length == other->length ?
		 ", different ones" : "");
	out_close();
}

static void visit(void *context, const char *path, const struct schema_place *place)
{
	const struct pair *pair = context;
	struct mdevsim_reason why = {};
	struct schema_place other;
	bool missing;

	if (pair->skip && !strcmp(path, pair->skip))
		return;
	missing = schema_locate(pair->other.table, pair->other.at, pair->other.length, path,
				&other, &why);
	if (pair->only && missing)
		print_only(pair, path, place);
	if (!pair->only && !missing && !same(pair, place, &other))
		print_difference(pair, path, place, &other);
}

/* Those that both have, then those that just one of them has. */
static void compare_bytes(struct diff *diff, const char *prefix, const char *skip,
			  struct bytes a, struct bytes b)
{
	struct pair both = { diff, prefix, skip, a, b, NULL };
	struct pair only_a = { diff, prefix, skip, a, b, "a" };
	struct pair only_b = { diff, prefix, skip, b, a, "b" };

	if (!a.table || !b.table || a.length < a.table->size || b.length < b.table->size)
		return;
	schema_walk(a.table, a.at, a.length, visit, &both);
	schema_walk(a.table, a.at, a.length, visit, &only_a);
	schema_walk(b.table, b.at, b.length, visit, &only_b);
}

static void compare_numbers(struct diff *diff, const char *prefix, const char *name, u64 a, u64 b)
{
	if (a == b)
		return;
	begin_difference(diff, prefix, name);
	out_uint("a", a, "%llu", a);
	out_uint("b", b, " -> %llu\n", b);
	out_close();
}

/* ---- Records ----------------------------------------------------------- */

static const struct kept *find_kept(const struct side *side, u16 type, size_t nr)
{
	const struct kept wanted = { .record.head.type = type, .nr = nr }, *key = &wanted;
	const struct kept **found;

	found = bsearch(&key, side->order, side->nr, sizeof(*side->order), by_type);
	return found ? *found : NULL;
}

/* The last one counts where a stream has several, which is IDENTITY. */
static const struct kept *find_last(const struct side *side, u16 type)
{
	return find_kept(side, type, side->count[type] - 1);
}

/* Of the state, not of the stream */
static bool is_state(u16 type)
{
	return type != MDEVSIM_RECORD_SCHEMA && type != MDEVSIM_RECORD_END;
}

static void name_record(const struct diff *diff, const struct kept *kept, char *name)
{
	if (!kept->record.table)
		snprintf(name, NAME_SIZE, "%u", kept->record.head.type);
	else if (diff->all && kept->nr)
		snprintf(name, NAME_SIZE, "%.200s#%zu", kept->record.name, kept->nr);
	else
		snprintf(name, NAME_SIZE, "%.200s", kept->record.name);
}

static struct bytes framing_of(const struct side *side, const char *name, const void *at,
			       u64 length)
{
	return (struct bytes){ schema_framing(&side->stream.schema, name), at, length };
}

static void compare_framing(struct diff *diff, const char *name, const struct kept *a,
			    const struct kept *b)
{
	const u64 header = sizeof(a->record.header), trailer = sizeof(a->record.trailer);
	char prefix[NAME_SIZE + 16];

	snprintf(prefix, sizeof(prefix), "%s.", name);
	compare_numbers(diff, prefix, "offset", a->record.offset, b->record.offset);
	snprintf(prefix, sizeof(prefix), "%s.header.", name);
	compare_bytes(diff, prefix, NULL,
		      framing_of(&diff->a, "record-header", &a->record.header, header),
		      framing_of(&diff->b, "record-header", &b->record.header, header));
	snprintf(prefix, sizeof(prefix), "%s.trailer.", name);
	compare_bytes(diff, prefix, NULL,
		      framing_of(&diff->a, "record-trailer", &a->record.trailer, trailer),
		      framing_of(&diff->b, "record-trailer", &b->record.trailer, trailer));
}

/* What no schema describes differs as a whole. */
static void compare_undescribed(struct diff *diff, const char *name, const struct kept *a,
				const struct kept *b)
{
	const struct stream_kept *x = &a->record, *y = &b->record;

	if (x->held == y->held && !memcmp(x->body, y->body, x->held))
		return;
	begin_difference(diff, name, "");
	out_uint("a", x->held, "%llu bytes nobody describes", x->held);
	out_uint("b", y->held, " -> %llu, different ones\n", y->held);
	out_close();
}

static void compare_kept(struct diff *diff, const struct kept *a, const struct kept *b)
{
	/* About the device that the state is from, not about the state */
	bool identity = a->record.head.type == MDEVSIM_RECORD_IDENTITY && !diff->all;
	char name[NAME_SIZE], prefix[NAME_SIZE + 1];

	name_record(diff, a, name);
	snprintf(prefix, sizeof(prefix), "%s.", name);
	if (diff->all)
		compare_framing(diff, name, a, b);
	if (!a->record.table || !b->record.table)
		compare_undescribed(diff, name, a, b);
	else
		compare_bytes(diff, prefix, identity ? "uuid" : NULL,
			      (struct bytes){ a->record.table, a->record.body, a->record.held },
			      (struct bytes){ b->record.table, b->record.body, b->record.held });
}

static void print_missing(struct diff *diff, const struct kept *kept, const char *key)
{
	char name[NAME_SIZE];

	name_record(diff, kept, name);
	begin_difference(diff, name, "");
	out_uint(key, kept->record.held, "only in %s, %llu bytes\n",
		 !strcmp(key, "a") ? "A" : "B", kept->record.held);
	out_close();
}

static const struct kept *partner(const struct diff *diff, const struct side *side,
				  const struct kept *kept)
{
	if (diff->all)
		return find_kept(side, kept->record.head.type, kept->nr);
	return find_last(side, kept->record.head.type);
}

static bool is_compared(const struct diff *diff, const struct side *side, const struct kept *kept)
{
	u16 type = kept->record.head.type;

	return diff->all || (is_state(type) && find_last(side, type) == kept);
}

static void compare_records(struct diff *diff)
{
	const struct kept *kept, *other;

	for (kept = diff->a.kept; kept < diff->a.kept + diff->a.nr; kept++) {
		if (!is_compared(diff, &diff->a, kept))
			continue;
		other = partner(diff, &diff->b, kept);
		if (other)
			compare_kept(diff, kept, other);
		else
			print_missing(diff, kept, "a");
	}
	for (kept = diff->b.kept; kept < diff->b.kept + diff->b.nr; kept++)
		if (is_compared(diff, &diff->b, kept) && !partner(diff, &diff->a, kept))
			print_missing(diff, kept, "b");
}

static void compare_streams(struct diff *diff)
{
	const struct stream *a = &diff->a.stream, *b = &diff->b.stream;

	compare_bytes(diff, "stream-header.", NULL,
		      framing_of(&diff->a, "stream-header", a->header.bytes, a->header_size),
		      framing_of(&diff->b, "stream-header", b->header.bytes, b->header_size));
	compare_numbers(diff, "stream.", "bytes", a->offset, b->offset);
	compare_numbers(diff, "stream.", "records", a->records, b->records);
	compare_numbers(diff, "stream.", "extents", diff->a.nr_extents, diff->b.nr_extents);
}

static void differ(void *context, u64 slba, u64 nlb)
{
	struct diff *diff = context;

	diff->blocks += nlb;
	out_object(NULL);
	out_text("namespace: ");
	out_uint("slba", slba, "blocks %llu", slba);
	out_uint("nlb", nlb, " to %llu differ, %s\n", slba + nlb - 1,
		 units_size(nlb << MDEVSIM_LBA_SHIFT));
	out_close();
}

static int compare_images(struct diff *diff)
{
	const struct side *failed = &diff->a;
	bool fine;

	out_array("blocks");
	fine = image_compare(&diff->a.image, &diff->b.image, differ, diff);
	out_close();
	if (fine)
		return STATUS_DONE;
	if (!failed->image.error)
		failed = &diff->b;
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = failed->image.error,
			.where = failed->stream.file.name,
			.hint = failed->image.spool ? "make room in the directory TMPDIR" : NULL,
		    }, "contents of the namespace cannot be read again");
}

static int compare(struct diff *diff)
{
	bool differs;
	int status;

	out_array("fields");
	if (diff->all)
		compare_streams(diff);
	compare_records(diff);
	out_close();
	status = compare_images(diff);
	if (status)
		return status;
	differs = diff->fields || diff->blocks;
	out_uint("differing_fields", diff->fields, differs ? "differing: %llu field%s" : "",
		 diff->fields, diff->fields == 1 ? "" : "s");
	out_uint("differing_blocks", diff->blocks, differs ? ", %llu block%s\n" : "",
		 diff->blocks, diff->blocks == 1 ? "" : "s");
	out_bool("same", !differs, differs ? "" : "the same state\n");
	return differs ? STATUS_DIFFERS : STATUS_DONE;
}

int cmd_diff(const struct arguments *arguments)
{
	struct diff *diff = calloc(1, sizeof(*diff));
	int status;

	if (!diff)
		abort();
	diff->a.stream.file.fd = -1;
	diff->b.stream.file.fd = -1;
	diff->all = argument_given(arguments, OPTION_ALL);
	status = open_sides(diff, arguments);
	if (!status)
		status = read_side(&diff->a);
	if (!status)
		status = read_side(&diff->b);
	if (!status)
		status = compare(diff);
	release_side(&diff->a);
	release_side(&diff->b);
	free(diff);
	return status;
}
