// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/string.h>
#include <stdio.h>
#include <stdlib.h>
#include "decode.h"
#include "out.h"
#include "units.h"

#define HEX_COLUMNS	8
#define DATA_COLUMNS	16
#define NAME_WIDTH	24
#define LABEL_SIZE	128
#define UUID_SIZE	16
#define ESCAPED		4	/* characters of a byte that cannot be printed */

static bool all_zero(const u8 *bytes, u64 length)
{
	while (length--)
		if (*bytes++)
			return false;
	return true;
}

/* Rows of bytes with their place in the stream; the first one gets the field's text. */
static void hex_row(const struct decode *decode, u64 at, const u8 *bytes, u64 length)
{
	unsigned int i;

	out_text("%08llx  ", decode->offset + at);
	for (i = 0; i < HEX_COLUMNS; i++) {
		if (i < length)
			out_text("%02x ", bytes[i]);
		else
			out_text("   ");
	}
	out_text(" ");
}

static void hex_rest(const struct decode *decode, u64 at, const u8 *bytes, u64 length)
{
	u64 done;

	for (done = HEX_COLUMNS; done < length; done += HEX_COLUMNS) {
		hex_row(decode, at + done, bytes + done, length - done);
		out_text("\n");
	}
}

static void line_begin(const struct decode *decode, const char *label, u64 at, const u8 *bytes,
		       u64 length)
{
	if (decode->compact) {
		out_text(" %s=", label);
		return;
	}
	if (decode->hex)
		hex_row(decode, at, bytes, length);
	out_text("  %-*s ", NAME_WIDTH, label);
}

/* The string that an offset leads to, for readers of schemas */
static void print_pointed(const struct decode *decode, const struct mdevsim_state_field *field,
			  const u8 *bytes)
{
	u64 at;

	if (!decode->text || strcmp(field->unit, "offset in text"))
		return;
	at = schema_number(bytes, field->width);
	if (at < decode->text_length)
		out_text(" \"%s\"", decode->text + at);
}

static void line_end(const struct decode *decode, const struct mdevsim_state_field *field, u64 at,
		     const u8 *bytes)
{
	if (decode->compact)
		return;
	print_pointed(decode, field, bytes);
	if (out_settings.verbose)
		out_text("  %s%s%s", out_paint(PAINT_DIM), field->meaning, out_paint(PAINT_PLAIN));
	out_text("\n");
	if (decode->hex)
		hex_rest(decode, at, bytes, field->width);
}

static u64 item_value(const struct mdevsim_state_item *item, u64 value)
{
	return value >> item->at & ~0ULL >> (64 - item->width);
}

/* "0x00460001  EN=1 IOSQES=6": what is 0 is not worth a word. */
static void print_bits(const char *key, const struct mdevsim_state_field *field, const u8 *bytes)
{
	u64 value = schema_number(bytes, field->width), part;
	unsigned int i;

	if (!field->nr_items) {
		out_uint(key, value, "0x%0*llx", field->width * 2, value);
		return;
	}
	out_object(key);
	out_uint("value", value, "0x%0*llx", field->width * 2, value);
	for (i = 0; i < field->nr_items; i++) {
		part = item_value(&field->items[i], value);
		if (!part && !out_is_json())
			continue;
		out_uint(field->items[i].name, part, " %s=%llu", field->items[i].name, part);
	}
	out_close();
}

static void print_enum(const char *key, const struct mdevsim_state_field *field, const u8 *bytes)
{
	u64 value = schema_number(bytes, field->width);
	const char *name = "unknown";
	unsigned int i;

	for (i = 0; i < field->nr_items; i++)
		if (field->items[i].at == value)
			name = field->items[i].name;
	out_object(key);
	out_uint("value", value, "%llu ", value);
	out_string("name", name, "(%s)", name);
	out_close();
}

static void print_unsigned(const char *key, const struct mdevsim_state_field *field,
			   const u8 *bytes)
{
	u64 value = schema_number(bytes, field->width);

	if (!strcmp(field->unit, "hex"))
		out_uint(key, value, "0x%0*llx", field->width * 2, value);
	else if (!strcmp(field->unit, "bytes") && value >= 1024)
		out_uint(key, value, "%llu bytes (%s)", value, units_size(value));
	else
		out_uint(key, value, "%llu%s%s", value, *field->unit ? " " : "", field->unit);
}

static void print_lba(const char *key, const struct mdevsim_state_field *field, const u8 *bytes)
{
	u64 value = schema_number(bytes, field->width);

	out_uint(key, value, "%llu", value);
}

static void print_address(const char *key, const struct mdevsim_state_field *field,
			  const u8 *bytes)
{
	u64 value = schema_number(bytes, field->width);

	out_uint(key, value, "0x%0*llx", field->width * 2, value);
}

/* Without the padding; what cannot be printed as an escape. */
static void print_characters(const char *key, const struct mdevsim_state_field *field,
			     const u8 *bytes)
{
	unsigned int length = field->width, i;
	char *text, *end;

	while (length && (!bytes[length - 1] || bytes[length - 1] == ' '))
		length--;
	text = calloc(length + 1, ESCAPED);
	if (!text)
		abort();
	for (i = 0, end = text; i < length; i++) {
		bool plain = bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\';

		end += sprintf(end, plain ? "%c" : "\\x%02x", bytes[i]);
	}
	out_string(key, text, "\"%s\"", text);
	free(text);
}

static char *hex_text(const u8 *bytes, u64 length)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * length + 1);
	u64 i;

	if (!text)
		abort();
	for (i = 0; i < length; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * length] = '\0';
	return text;
}

static void print_bytes(const char *key, const struct mdevsim_state_field *field, const u8 *bytes)
{
	char *text = hex_text(bytes, field->width), *dashed = text;

	if (!strcmp(field->unit, "uuid") && field->width == UUID_SIZE &&
	    asprintf(&dashed, "%.8s-%.4s-%.4s-%.4s-%s", text, text + 8, text + 12, text + 16,
		     text + 20) < 0)
		abort();
	out_string(key, dashed, "%s", dashed);
	if (dashed != text)
		free(dashed);
	free(text);
}

static void print_reserved(const char *key, const struct mdevsim_state_field *field,
			   const u8 *bytes)
{
	char *text;

	if (all_zero(bytes, field->width)) {
		out_uint(key, 0, "%s0%s", out_paint(PAINT_DIM), out_paint(PAINT_PLAIN));
		return;
	}
	text = hex_text(bytes, field->width);
	out_string(key, text, "%sNOT ZERO%s %s", out_paint(PAINT_BAD), out_paint(PAINT_PLAIN),
		   text);
	free(text);
}

void decode_value(const char *key, const struct mdevsim_state_field *field, const u8 *bytes)
{
	static void (*const print[])(const char *key, const struct mdevsim_state_field *field,
				     const u8 *bytes) = {
		[MDEVSIM_KIND_RESERVED] = print_reserved,
		[MDEVSIM_KIND_UNSIGNED] = print_unsigned,
		[MDEVSIM_KIND_BITS] = print_bits,
		[MDEVSIM_KIND_CHARACTERS] = print_characters,
		[MDEVSIM_KIND_BYTES] = print_bytes,
		[MDEVSIM_KIND_LBA] = print_lba,
		[MDEVSIM_KIND_ADDRESS] = print_address,
		[MDEVSIM_KIND_ENUM] = print_enum,
	};

	print[field->kind](key, field, bytes);
}

/* Rows of 16 bytes; a row like the one before is a star, as in hexdump(1). */
static void data_rows(const struct decode *decode, u64 at, const u8 *bytes, u64 length)
{
	u64 row, i, columns;
	bool star = false;

	for (row = 0; row < length; row += DATA_COLUMNS) {
		columns = length - row < DATA_COLUMNS ? length - row : DATA_COLUMNS;
		if (row && columns == DATA_COLUMNS &&
		    !memcmp(bytes + row, bytes + row - DATA_COLUMNS, DATA_COLUMNS)) {
			out_text(star ? "" : "    *\n");
			star = true;
			continue;
		}
		star = false;
		out_text("    %08llx ", decode->offset + at + row);
		for (i = 0; i < columns; i++)
			out_text(" %02x", bytes[row + i]);
		out_text("  ");
		for (i = 0; i < columns; i++)
			out_text("%c", bytes[row + i] >= 0x20 && bytes[row + i] < 0x7f ?
				 bytes[row + i] : '.');
		out_text("\n");
	}
}

/* Contents of a namespace and the like: how many bytes, and which if that was asked for. */
static void print_contents(const struct decode *decode, const struct mdevsim_state_field *field,
			   u64 at, const u8 *bytes, u64 length)
{
	char key[LABEL_SIZE], *text;

	if (decode->compact)
		out_text(" %s=%s", field->name, units_size(length));
	else
		out_text("  %-*s %llu bytes\n", NAME_WIDTH, field->name, length);
	snprintf(key, sizeof(key), "%s_bytes", field->name);
	out_uint(key, length, "");
	if (!decode->data)
		return;
	if (!out_is_json()) {
		data_rows(decode, at, bytes, length);
		return;
	}
	text = hex_text(bytes, length);
	out_string(field->name, text, "");
	free(text);
}

static void print_fields(const struct decode *decode, const struct mdevsim_state_table *table,
			 const char *prefix, u64 base, const u8 *bytes);

/* Several empty elements in a row are told as one. */
static u64 skip_empty(const struct mdevsim_state_field *field, const char *prefix,
		      const u8 *bytes, u64 first, u64 nr)
{
	char label[LABEL_SIZE];
	u64 i = first;

	while (i < nr && all_zero(bytes + i * field->width, field->width))
		i++;
	if (i < first + 2)
		return first;
	snprintf(label, sizeof(label), "%s%s[%llu..%llu]", prefix, field->name, first, i - 1);
	out_text("  %-*s %sempty%s\n", NAME_WIDTH, label, out_paint(PAINT_DIM),
		 out_paint(PAINT_PLAIN));
	return i;
}

static void print_groups(const struct decode *decode, const struct mdevsim_state_field *field,
			 const char *prefix, u64 at, const u8 *bytes, u64 nr)
{
	char label[LABEL_SIZE];
	u64 i = 0;

	out_array(field->name);
	while (i < nr) {
		if (!decode->hex && !out_is_json())
			i = skip_empty(field, prefix, bytes, i, nr);
		if (i == nr)
			break;
		snprintf(label, sizeof(label), "%s%s[%llu].", prefix, field->name, i);
		out_object(NULL);
		print_fields(decode, field->group, label, at + i * field->width,
			     bytes + i * field->width);
		out_close();
		i++;
	}
	out_close();
}

static void print_elements(const struct decode *decode, const struct mdevsim_state_field *field,
			   const char *prefix, u64 at, const u8 *bytes, u64 nr)
{
	bool array = field->repeat != 1;
	char label[LABEL_SIZE];
	u64 i;

	if (array)
		out_array(field->name);
	for (i = 0; i < nr; i++, at += field->width, bytes += field->width) {
		if (array)
			snprintf(label, sizeof(label), "%s%s[%llu]", prefix, field->name, i);
		else
			snprintf(label, sizeof(label), "%s%s", prefix, field->name);
		line_begin(decode, label, at, bytes, field->width);
		decode_value(array ? NULL : field->name, field, bytes);
		line_end(decode, field, at, bytes);
	}
	if (array)
		out_close();
}

static void print_field(const struct decode *decode, const struct mdevsim_state_field *field,
			const char *prefix, u64 at, const u8 *bytes, u64 nr)
{
	if (field->kind == MDEVSIM_KIND_GROUP)
		print_groups(decode, field, prefix, at, bytes, nr);
	else if (schema_is_contents(field))
		print_contents(decode, field, at, bytes, nr * field->width);
	else if (!decode->compact || field->kind != MDEVSIM_KIND_RESERVED)
		print_elements(decode, field, prefix, at, bytes, nr);
}

static void print_fields(const struct decode *decode, const struct mdevsim_state_table *table,
			 const char *prefix, u64 base, const u8 *bytes)
{
	const struct mdevsim_state_field *field = table->fields;
	unsigned int i;

	for (i = 0; i < table->nr_fields && field->repeat; i++, field++)
		print_field(decode, field, prefix, base + field->offset, bytes + field->offset,
			    field->repeat);
}

/* What is counted stands behind the fixed fields, one after the other. */
static u64 print_counted(const struct decode *decode, const struct mdevsim_state_table *table,
			 const u8 *bytes, u64 length)
{
	const struct mdevsim_state_field *field;
	u64 at = table->size, nr, room;
	unsigned int i;

	for (i = 0; i < table->nr_fields; i++) {
		field = &table->fields[i];
		if (field->repeat)
			continue;
		nr = schema_count(table, field, bytes);
		room = (length - at) / field->width;
		print_field(decode, field, "", at, bytes + at, nr < room ? nr : room);
		if (nr > room)
			return length + 1;
		at += nr * field->width;
	}
	return at;
}

u64 decode_table(const struct decode *decode, const struct mdevsim_state_table *table,
		 const u8 *bytes, u64 length)
{
	print_fields(decode, table, "", 0, bytes);
	return print_counted(decode, table, bytes, length);
}

void decode_bytes(const struct decode *decode, const char *name, const u8 *bytes, u64 length)
{
	if (!decode->hex || !length)
		return;
	hex_row(decode, 0, bytes, length);
	out_text("  %s\n", name);
	hex_rest(decode, 0, bytes, length);
}
