// SPDX-License-Identifier: GPL-2.0
/*
 * edit: change a saved state by the names of its fields, to see what readers make
 * of it. The stream is held in memory. In this order: records are dropped,
 * repeated and moved; sequence numbers and the counts of END are made right;
 * values are set; checksums are made right. Values set in a checksum come after that.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../driver/compat/crc32c.h"
#include "command.h"
#include "decode.h"
#include "out.h"
#include "stream.h"

/**
 * struct part - a record of the stream
 * @record: the record
 * @touched: its checksum is to be made right
 */
struct part {
	struct stream_kept record;
	bool touched;
};

/**
 * struct edit - a stream being edited
 * @stream: as it came
 * @part: its records
 * @nr: entries in @part
 * @room: entries allocated
 * @header_touched: the stream header's checksum is to be made right
 */
struct edit {
	struct stream stream;
	struct part *part;
	size_t nr;
	size_t room;
	bool header_touched;
};

/* ---- Reading and writing ----------------------------------------------- */

/* Room for one more; NULL when there is none. */
static struct part *insert(struct edit *edit, size_t at)
{
	size_t room = edit->room ? 2 * edit->room : 16;
	struct part *part = edit->part;

	if (edit->nr == edit->room) {
		part = realloc(part, room * sizeof(*part));
		if (!part)
			return NULL;
		edit->part = part;
		edit->room = room;
	}
	memmove(part + at + 1, part + at, (edit->nr - at) * sizeof(*part));
	part[at] = (struct part){ 0 };
	edit->nr++;
	return &part[at];
}

static int add(struct edit *edit, const struct stream_record *record)
{
	struct part *part;

	if (record->held < record->head.length)
		return fail(&(struct fault){
				.status = STATUS_FAILED,
				.error = EMSGSIZE,
				.where = edit->stream.file.name,
			    }, "record %u is longer than %u bytes and cannot be held", record->nr,
			    STREAM_MAX_BODY);
	part = insert(edit, edit->nr);
	if (!part || !stream_keep(&edit->stream, record, &part->record))
		return stream_fail_memory(&edit->stream);
	return STATUS_DONE;
}

/* What is wrong with the stream stays so unless it is edited; only its end must be there. */
static int read_stream(struct edit *edit)
{
	struct stream_record *record;
	int status = STATUS_DONE;

	if (!stream_begin(&edit->stream))
		return stream_fail(&edit->stream);
	while (!status && (record = stream_next(&edit->stream)))
		status = add(edit, record);
	if (!status && edit->stream.error)
		status = stream_fail(&edit->stream);
	return status;
}

static int write_part(struct file *file, const struct part *part)
{
	const struct stream_kept *record = &part->record;
	int status;

	status = file_write(file, &record->header, sizeof(record->header));
	if (!status)
		status = file_write(file, record->body, record->held);
	if (!status)
		status = file_write(file, record->padding, record->nr_padding);
	if (!status)
		status = file_write(file, &record->trailer, sizeof(record->trailer));
	return status;
}

static int write_stream(const struct edit *edit, struct file *file)
{
	size_t i;
	int status;

	status = file_write(file, edit->stream.header.bytes, edit->stream.header_size);
	for (i = 0; !status && i < edit->nr; i++)
		status = write_part(file, &edit->part[i]);
	return status;
}

/* ---- Records ----------------------------------------------------------- */

/* Records go by the name of their type, or its number where it has no name. */
static bool is_called(const struct part *part, const char *name, size_t length)
{
	char number[8];

	snprintf(number, sizeof(number), "%u", part->record.head.type);
	return (strlen(part->record.name) == length && !memcmp(part->record.name, name, length)) ||
	       (strlen(number) == length && !memcmp(number, name, length));
}

/* A record by "NAME" or "NAME#N", the N-th of that name, from 0. @rest: what follows. */
static int find_part(const struct edit *edit, const char *path, struct part **part,
		     const char **rest)
{
	size_t length = strcspn(path, "#."), i;
	unsigned long nr = 0, left;

	*rest = path + length;
	if (path[length] == '#')
		nr = strtoul(path + length + 1, (char **)rest, 10);
	left = nr;
	for (i = 0; i < edit->nr; i++) {
		*part = &edit->part[i];
		if (is_called(*part, path, length) && !left--)
			return STATUS_DONE;
	}
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.where = edit->stream.file.name,
			.hint = "vfiomig dump, which lists the records",
		    }, nr ? "there are not so many records: %.*s" : "there is no record %.*s",
		    (int)(*rest - path), path);
}

/* For the options, which name a whole record */
static int find_whole(const struct edit *edit, const char *path, struct part **part)
{
	const char *rest;
	int status;

	status = find_part(edit, path, part, &rest);
	if (!status && *rest)
		status = fail_usage("'%s' is a field, a record is needed here", path);
	return status;
}

static int drop(struct edit *edit, const char *path)
{
	struct part *part;
	int status;

	status = find_whole(edit, path, &part);
	if (status)
		return status;
	free(part->record.body);
	memmove(part, part + 1, (edit->part + --edit->nr - part) * sizeof(*part));
	return STATUS_DONE;
}

static int duplicate(struct edit *edit, const char *path)
{
	struct part *part, copy;
	void *body;
	int status;

	status = find_whole(edit, path, &part);
	if (status)
		return status;
	copy = *part;
	body = malloc(copy.record.held + 1);
	part = body ? insert(edit, part - edit->part + 1) : NULL;
	if (!part) {
		free(body);
		return stream_fail_memory(&edit->stream);
	}
	copy.record.body = memcpy(body, copy.record.body, copy.record.held);
	*part = copy;
	return STATUS_DONE;
}

static int swap_with_next(struct edit *edit, const char *path)
{
	struct part *part;
	int status;

	status = find_whole(edit, path, &part);
	if (status)
		return status;
	if (part + 1 == edit->part + edit->nr)
		return fail_usage("%s is the last record, there is none to swap it with", path);
	swap(part[0], part[1]);
	return STATUS_DONE;
}

static int move_records(struct edit *edit, const struct arguments *arguments)
{
	int status = STATUS_DONE;

	if (argument_given(arguments, OPTION_DROP))
		status = drop(edit, arguments->value[OPTION_DROP]);
	if (!status && argument_given(arguments, OPTION_DUPLICATE))
		status = duplicate(edit, arguments->value[OPTION_DUPLICATE]);
	if (!status && argument_given(arguments, OPTION_SWAP))
		status = swap_with_next(edit, arguments->value[OPTION_SWAP]);
	return status;
}

/* ---- What follows from the rest ---------------------------------------- */

static void set_sequence(struct part *part, u32 sequence)
{
	struct mdevsim_record_header *header = &part->record.header;

	part->touched |= le32_to_cpu(header->sequence) != sequence;
	header->sequence = cpu_to_le32(sequence);
}

static void set_end(struct part *part, u64 records, u64 bytes)
{
	struct mdevsim_state_end *end = (void *)part->record.body;

	if (part->record.held < sizeof(*end))
		return;
	part->touched |= le64_to_cpu(end->records) != records || le64_to_cpu(end->bytes) != bytes;
	end->records = cpu_to_le64(records);
	end->bytes = cpu_to_le64(bytes);
}

static void number_records(struct edit *edit)
{
	u64 bytes = edit->stream.header_size;
	size_t i;

	for (i = 0; i < edit->nr; i++) {
		set_sequence(&edit->part[i], i);
		if (edit->part[i].record.head.type == MDEVSIM_RECORD_END)
			set_end(&edit->part[i], i, bytes);
		bytes += mdevsim_state_stream_size(edit->part[i].record.held);
	}
}

static void seal_header(struct edit *edit)
{
	struct mdevsim_stream_header *header = &edit->stream.header.known;

	header->crc = cpu_to_le32(~mdevsim_crc32c(~0U, header, offsetof(typeof(*header), crc)));
}

static void seal_part(struct part *part)
{
	struct stream_kept *record = &part->record;
	u32 crc = ~0U;

	crc = mdevsim_crc32c(crc, &record->header, sizeof(record->header));
	crc = mdevsim_crc32c(crc, record->body, record->held);
	crc = mdevsim_crc32c(crc, record->padding, record->nr_padding);
	record->trailer.crc = cpu_to_le32(~crc);
}

static void seal(struct edit *edit)
{
	size_t i;

	if (edit->header_touched)
		seal_header(edit);
	for (i = 0; i < edit->nr; i++)
		if (edit->part[i].touched)
			seal_part(&edit->part[i]);
}

/* ---- Values ------------------------------------------------------------ */

static int fail_value(const char *assignment, const char *why)
{
	return fail_usage("%s: %s", assignment, why);
}

static void store_number(u8 *bytes, unsigned int width, u64 value)
{
	for (; width--; value >>= 8)
		*bytes++ = value;
}

static u64 mask_of(unsigned int bits)
{
	return ~0ULL >> (64 - bits);
}

static bool parse_number(const char *text, u64 *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	return isdigit((unsigned char)*text) && !*end && !errno;
}

static bool parse_name(const struct mdevsim_state_field *field, const char *text, u64 *number)
{
	unsigned int i;

	for (i = 0; field->kind == MDEVSIM_KIND_ENUM && i < field->nr_items; i++) {
		*number = field->items[i].at;
		if (!strcmp(field->items[i].name, text))
			return true;
	}
	return false;
}

static int set_number(const struct schema_place *place, u8 *bytes, const char *text,
		      const char *assignment)
{
	unsigned int bits = place->item ? place->item->width : 8 * place->length;
	u64 number, whole;

	if (!parse_number(text, &number) && !parse_name(place->field, text, &number))
		return fail_value(assignment, "a number is needed, decimal or 0x...");
	if (number > mask_of(bits))
		return fail_value(assignment, "the number is too large for the field");
	if (place->item) {
		whole = schema_number(bytes, place->length);
		whole &= ~(mask_of(bits) << place->item->at);
		number = whole | number << place->item->at;
	}
	store_number(bytes, place->length, number);
	return STATUS_DONE;
}

/* Padded as it was: with spaces or zeroes. */
static int set_text(const struct schema_place *place, u8 *bytes, const char *text,
		    const char *assignment)
{
	int pad = bytes[place->length - 1] == ' ' ? ' ' : 0;

	if (strlen(text) > place->length)
		return fail_value(assignment, "the text is too long for the field");
	memset(bytes, pad, place->length);
	memcpy(bytes, text, strlen(text));
	return STATUS_DONE;
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, tolower((unsigned char)c));

	return c && at ? at - digits : -1;
}

/* Fewer than there are change the first ones; dashes as in a uuid are for the eye. */
static int set_bytes(const struct schema_place *place, u8 *bytes, const char *text,
		     const char *assignment)
{
	u64 used = 0;

	for (; *text; text++) {
		if (*text == '-')
			continue;
		if (digit(text[0]) < 0 || digit(text[1]) < 0)
			return fail_value(assignment, "two hexadecimal digits a byte are needed");
		if (used == place->length)
			return fail_value(assignment, "these are more bytes than the field has");
		bytes[used++] = digit(text[0]) << 4 | digit(text[1]);
		text++;
	}
	return STATUS_DONE;
}

static int set_value(const struct schema_place *place, u8 *bytes, const char *text,
		     const char *assignment)
{
	if (mdevsim_state_schema_is_number(place->field->kind))
		return set_number(place, bytes, text, assignment);
	if (place->field->kind == MDEVSIM_KIND_CHARACTERS)
		return set_text(place, bytes, text, assignment);
	return set_bytes(place, bytes, text, assignment);
}

/* ---- Assignments ------------------------------------------------------- */

/**
 * struct target - a structure whose field is to be set
 * @table: what describes it, or NULL
 * @bytes: the structure
 * @length: how many
 * @path: of the field, in it
 * @touched: to be set when a checksum has to follow
 * @late: it holds a checksum itself: set it once those are right
 */
struct target {
	const struct mdevsim_state_table *table;
	u8 *bytes;
	u64 length;
	const char *path;
	bool *touched;
	bool late;
};

static bool starts(const char **path, const char *prefix)
{
	size_t length = strlen(prefix);

	if (strncmp(*path, prefix, length))
		return false;
	*path += length;
	return true;
}

static void aim(struct target *target, const struct schema *schema, const char *framing,
		void *bytes, u64 length)
{
	target->table = schema_framing(schema, framing);
	target->bytes = bytes;
	target->length = length;
}

static void aim_part(const struct edit *edit, struct target *target, struct part *part)
{
	struct stream_kept *record = &part->record;

	target->touched = &part->touched;
	target->table = record->table;
	target->bytes = record->body;
	target->length = record->held;
	if (starts(&target->path, "header.")) {
		aim(target, &edit->stream.schema, "record-header", &record->header,
		    sizeof(record->header));
	} else if (starts(&target->path, "trailer.")) {
		aim(target, &edit->stream.schema, "record-trailer", &record->trailer,
		    sizeof(record->trailer));
		target->late = true;
	}
}

/* "stream-header.FIELD" or "RECORD[#N].FIELD" */
static int find_target(struct edit *edit, const char *path, struct target *target)
{
	struct part *part;
	int status;

	*target = (struct target){ .path = path };
	if (starts(&target->path, "stream-header.")) {
		aim(target, &edit->stream.schema, "stream-header", edit->stream.header.bytes,
		    edit->stream.header_size);
		target->touched = &edit->header_touched;
		target->late = !strcmp(target->path, "crc");
		return STATUS_DONE;
	}
	status = find_part(edit, path, &part, &target->path);
	if (status)
		return status;
	if (*target->path++ != '.')
		return fail_usage("'%s' is a record, name a field of it", path);
	aim_part(edit, target, part);
	return STATUS_DONE;
}

static int fail_path(const struct edit *edit, const char *path, const char *why)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.where = edit->stream.file.name,
			.reason = why,
			.hint = "vfiomig dump, which lists the fields",
		    }, "there is no field %s", path);
}

static void print_change(const char *path, const struct schema_place *place, const u8 *before,
			 const u8 *after)
{
	out_object(NULL);
	out_string("field", path, "%s: ", path);
	if (schema_is_contents(place->field)) {
		out_uint("bytes", place->length, "%llu bytes\n", place->length);
	} else {
		decode_value("from", place->field, before);
		out_text(" -> ");
		decode_value("to", place->field, after);
		out_text("\n");
	}
	out_close();
}

static int set_field(const struct target *target, const struct schema_place *place,
		     const char *path, const char *value, const char *assignment)
{
	u8 *bytes = target->bytes + place->at, *before;
	int status;

	before = malloc(place->length + 1);
	if (!before)
		abort();
	memcpy(before, bytes, place->length);
	status = set_value(place, bytes, value, assignment);
	if (!status)
		print_change(path, place, before, bytes);
	if (memcmp(before, bytes, place->length))
		*target->touched = true;
	free(before);
	return status;
}

static int assign(struct edit *edit, const char *assignment, bool late)
{
	const char *equals = strchr(assignment, '=');
	struct mdevsim_reason why = {};
	struct schema_place place;
	struct target target;
	char *path;
	int status;

	if (!equals)
		return fail_usage("'%s' is no FIELD=VALUE", assignment);
	path = strndup(assignment, equals - assignment);
	if (!path)
		abort();
	status = find_target(edit, path, &target);
	if (!status && target.late == late) {
		if (!target.table || target.length < target.table->size)
			status = fail_path(edit, path, "the schema does not describe this record");
		else if (schema_locate(target.table, target.bytes, target.length, target.path,
				       &place, &why))
			status = fail_path(edit, path, why.text);
		else
			status = set_field(&target, &place, path, equals + 1, assignment);
	}
	free(path);
	return status;
}

static int assign_all(struct edit *edit, const struct arguments *arguments, bool late)
{
	int status = STATUS_DONE, i;

	for (i = 1; !status && i < arguments->nr; i++)
		status = assign(edit, arguments->word[i], late);
	return status;
}

static int change(struct edit *edit, const struct arguments *arguments)
{
	int status;

	status = move_records(edit, arguments);
	if (status)
		return status;
	number_records(edit);
	out_array("changes");
	status = assign_all(edit, arguments, false);
	if (!argument_given(arguments, OPTION_KEEP_CRC))
		seal(edit);
	if (!status)
		status = assign_all(edit, arguments, true);
	out_close();
	return status;
}

static int save(const struct edit *edit, struct file *file)
{
	int status = write_stream(edit, file);

	if (!status)
		status = file_keep(file);
	if (status)
		return status;
	out_uint("records", edit->nr, "%zu records, ", edit->nr);
	out_uint("bytes", file->bytes, "%llu bytes\n", (unsigned long long)file->bytes);
	return STATUS_DONE;
}

static void release(struct edit *edit)
{
	size_t i;

	for (i = 0; i < edit->nr; i++)
		free(edit->part[i].record.body);
	free(edit->part);
	stream_close(&edit->stream);
}

int cmd_edit(const struct arguments *arguments)
{
	struct edit edit = { .stream.file = FILE_CLOSED };
	struct file file = FILE_CLOSED;
	int status;

	if (!argument_given(arguments, OPTION_OUTPUT))
		return fail_usage("-o FILE is missing; - is standard output");
	status = file_open_output(&file, arguments->value[OPTION_OUTPUT]);
	if (!status)
		status = stream_open(&edit.stream, arguments->word[0],
				     arguments->value[OPTION_DEVICE]);
	if (!status)
		status = read_stream(&edit);
	if (!status)
		status = change(&edit, arguments);
	if (!status)
		status = save(&edit, &file);
	release(&edit);
	file_close(&file);
	return status;
}
