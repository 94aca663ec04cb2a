// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "must.h"
#include "stream.h"

#define CRC32C_REVERSED	0x82f63b78u

#define FEATURE_TIMESTAMP	0x0e

#define HEADER_SIZE	sizeof(struct mdevsim_record_header)
#define TRAILER_SIZE	sizeof(struct mdevsim_record_trailer)

void stream_free(struct stream *stream)
{
	free(stream->bytes);
	*stream = (struct stream) { 0 };
}

static void make_room(struct stream *stream, size_t length)
{
	size_t capacity = stream->capacity ?: 65536;

	while (capacity < length)
		capacity *= 2;
	if (capacity == stream->capacity)
		return;
	stream->bytes = realloc(stream->bytes, capacity);
	must(stream->bytes, "seen no memory for %zu bytes", capacity);
	stream->capacity = capacity;
}

void stream_append(struct stream *stream, const void *bytes, size_t length)
{
	make_room(stream, stream->length + length);
	memcpy(stream->bytes + stream->length, bytes, length);
	stream->length += length;
}

struct stream stream_read_file(const char *path)
{
	struct stream stream = { 0 };
	FILE *file = fopen(path, "r");
	uint8_t bytes[4096];
	size_t got;

	must(file, "opening %s, seen \"%s\"", path, strerror(errno));
	while ((got = fread(bytes, 1, sizeof(bytes), file)))
		stream_append(&stream, bytes, got);
	fclose(file);
	return stream;
}

void stream_write_file(const struct stream *stream, const char *path)
{
	FILE *file = fopen(path, "wx");

	must(file, "opening %s, seen \"%s\"", path, strerror(errno));
	must(fwrite(stream->bytes, 1, stream->length, file) == stream->length && !fclose(file),
	     "writing %s, seen \"%s\"", path, strerror(errno));
}

struct stream stream_copy(const struct stream *stream)
{
	struct stream copy = { 0 };

	stream_append(&copy, stream->bytes, stream->length);
	return copy;
}

uint32_t stream_crc(const void *bytes, size_t length)
{
	static uint32_t table[256];
	const uint8_t *byte = bytes;
	uint32_t crc = ~0u;

	for (uint32_t i = 0; i < 256 && !table[255]; i++) {
		uint32_t value = i;

		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? CRC32C_REVERSED : 0);
		table[i] = value;
	}
	for (size_t i = 0; i < length; i++)
		crc = crc >> 8 ^ table[(crc ^ byte[i]) & 0xff];
	return ~crc;
}

struct mdevsim_stream_header *stream_header(const struct stream *stream)
{
	must(stream->length >= sizeof(struct mdevsim_stream_header), "seen %zu bytes",
	     stream->length);
	return (struct mdevsim_stream_header *)stream->bytes;
}

/* What a record takes up, or 0 when the stream ends before it does. */
static size_t record_size(const struct stream *stream, size_t offset)
{
	struct mdevsim_record_header header;
	size_t left = stream->length - offset;
	uint64_t body;

	if (left < HEADER_SIZE + TRAILER_SIZE)
		return 0;
	memcpy(&header, stream->bytes + offset, sizeof(header));
	if (header.length > left)
		return 0;
	body = (header.length + MDEVSIM_RECORD_ALIGN - 1) & ~(uint64_t)(MDEVSIM_RECORD_ALIGN - 1);
	if (body > left - HEADER_SIZE - TRAILER_SIZE)
		return 0;
	return HEADER_SIZE + body + TRAILER_SIZE;
}

/* Steps from one record to the next; false behind the last one. */
static bool next_record(const struct stream *stream, struct stream_record *record)
{
	size_t offset = record->size ? record->offset + record->size :
		stream_header(stream)->header_size;
	const struct mdevsim_record_header *header;

	if (offset >= stream->length)
		return false;
	record->offset = offset;
	record->size = record_size(stream, offset);
	must(record->size, "at byte %zu of %zu, seen a cut record", offset, stream->length);
	header = stream_record_header(stream, record);
	record->type = header->type;
	record->length = header->length;
	return true;
}

size_t stream_count(const struct stream *stream)
{
	struct stream_record record = { 0 };
	size_t count = 0;

	while (next_record(stream, &record))
		count++;
	return count;
}

struct stream_record stream_at(const struct stream *stream, size_t index)
{
	struct stream_record record = { 0 };

	for (size_t i = 0; next_record(stream, &record); i++) {
		if (i == index)
			return record;
	}
	must_fail(__FILE__, __LINE__, "expected a record %zu, seen the end", index);
}

long stream_find(const struct stream *stream, uint16_t type, size_t from)
{
	struct stream_record record = { 0 };

	for (size_t i = 0; next_record(stream, &record); i++) {
		if (i >= from && record.type == type)
			return (long)i;
	}
	return -1;
}

struct mdevsim_record_header *stream_record_header(const struct stream *stream,
						   const struct stream_record *record)
{
	return (struct mdevsim_record_header *)(stream->bytes + record->offset);
}

void *stream_body(const struct stream *stream, const struct stream_record *record)
{
	return stream->bytes + record->offset + HEADER_SIZE;
}

void *stream_body_of(const struct stream *stream, uint16_t type)
{
	long index = stream_find(stream, type, 0);
	struct stream_record record;

	must(index >= 0, "a record of type %u, seen none", type);
	record = stream_at(stream, (size_t)index);
	return stream_body(stream, &record);
}

static struct mdevsim_record_trailer *trailer_of(const struct stream *stream,
						 const struct stream_record *record)
{
	return (struct mdevsim_record_trailer *)(stream->bytes + record->offset + record->size -
						 TRAILER_SIZE);
}

static bool all_zero(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i])
			return false;
	}
	return true;
}

static const char *check_header(const struct stream *stream)
{
	const struct mdevsim_stream_header *header = stream_header(stream);

	if (memcmp(header->magic, MDEVSIM_STREAM_MAGIC, MDEVSIM_STREAM_MAGIC_LEN))
		return "the magic is wrong";
	if (header->version_major != MDEVSIM_STREAM_MAJOR)
		return "the major version is wrong";
	if (header->header_size != sizeof(*header))
		return "the header has a length of its own";
	if (header->required || header->optional)
		return "there are feature bits";
	if (!all_zero(header->reserved, sizeof(header->reserved)))
		return "reserved bytes of the header are not zero";
	if (header->crc != stream_crc(header, offsetof(struct mdevsim_stream_header, crc)))
		return "the header's checksum is wrong";
	return NULL;
}

static const char *check_record(const struct stream *stream, const struct stream_record *record,
				size_t index)
{
	const struct mdevsim_record_header *header = stream_record_header(stream, record);
	const struct mdevsim_record_trailer *trailer = trailer_of(stream, record);
	const uint8_t *padding = (const uint8_t *)stream_body(stream, record) + record->length;

	if (header->sequence != index)
		return "a sequence number is wrong";
	if (header->reserved || trailer->reserved || header->flags & ~MDEVSIM_RECORD_OPTIONAL)
		return "reserved bits of a record are not zero";
	if (!all_zero(padding, (size_t)((const uint8_t *)trailer - padding)))
		return "padding is not zero";
	if (trailer->crc != stream_crc(header, record->size - TRAILER_SIZE))
		return "a record's checksum is wrong";
	return NULL;
}

/**
 * struct order - how far a stream has come in the order that the header prescribes
 * @minor: its minor version
 * @controls: control records so far, one bit for each type
 * @ended: END was seen
 */
struct order {
	uint16_t minor;
	uint64_t controls;
	bool ended;
};

static bool is_control(uint16_t type)
{
	return type > MDEVSIM_RECORD_SCHEMA && type < MDEVSIM_RECORD_NS_DATA;
}

static uint64_t all_controls(void)
{
	static const uint16_t types[] = {
#define RECORD_TYPE(name, value, type, version, text) value,
		MDEVSIM_RECORDS(RECORD_TYPE)
	};
	uint64_t controls = 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (is_control(types[i]))
			controls |= UINT64_C(1) << types[i];
	}
	return controls;
}

static const char *check_control(struct order *order, uint16_t type)
{
	if (order->controls >> type)
		return "a control record comes twice, or after one that it has to precede";
	order->controls |= UINT64_C(1) << type;
	return NULL;
}

static const char *check_order(struct order *order, uint16_t type, size_t index)
{
	bool schema_due = order->minor >= MDEVSIM_STREAM_MINOR_SCHEMA && index == 1;
	bool is_schema = type == MDEVSIM_RECORD_SCHEMA;

	if (order->ended)
		return "a record comes after END";
	if (!index && type != MDEVSIM_RECORD_IDENTITY)
		return "IDENTITY is not the first record";
	if (is_schema != schema_due)
		return schema_due ? "SCHEMA is not the second record" : "a SCHEMA too many";
	if (is_control(type))
		return check_control(order, type);
	order->ended = type == MDEVSIM_RECORD_END;
	if (order->ended)
		return order->controls == all_controls() ? NULL : "a control record is missing";
	return order->controls ? "a record comes after control records" : NULL;
}

static const char *check_end(const struct stream *stream, const struct stream_record *last,
			     size_t count)
{
	const struct mdevsim_state_end *end = stream_body(stream, last);

	if (last->type != MDEVSIM_RECORD_END || last->length != sizeof(*end))
		return "END is not the last record";
	if (end->records != count - 1)
		return "END counts other records";
	if (end->bytes != last->offset)
		return "END counts other bytes";
	return "sound";
}

const char *stream_check_where(const struct stream *stream, size_t *where)
{
	struct order order = { .minor = stream_header(stream)->version_minor };
	struct stream_record record = { 0 };
	const char *wrong = check_header(stream);

	for (*where = 0; !wrong && next_record(stream, &record); ++*where) {
		wrong = check_order(&order, record.type, *where) ?:
			check_record(stream, &record, *where);
		if (wrong)
			return wrong;
	}
	return wrong ?: check_end(stream, &record, *where);
}

const char *stream_check(const struct stream *stream)
{
	size_t where;

	return stream_check_where(stream, &where);
}

static void seal(struct stream *stream, const struct stream_record *record)
{
	trailer_of(stream, record)->crc =
		stream_crc(stream->bytes + record->offset, record->size - TRAILER_SIZE);
}

void stream_seal(struct stream *stream, size_t index)
{
	struct stream_record record = stream_at(stream, index);

	seal(stream, &record);
}

void stream_seal_header(struct stream *stream)
{
	struct mdevsim_stream_header *header = stream_header(stream);

	header->crc = stream_crc(header, offsetof(struct mdevsim_stream_header, crc));
}

void stream_settle(struct stream *stream)
{
	struct stream_record record = { 0 };
	uint32_t index = 0;

	stream_seal_header(stream);
	while (next_record(stream, &record)) {
		stream_record_header(stream, &record)->sequence = index;
		if (record.type == MDEVSIM_RECORD_END) {
			struct mdevsim_state_end *end = stream_body(stream, &record);

			end->records = index;
			end->bytes = record.offset;
		}
		seal(stream, &record);
		index++;
	}
}

static void insert_bytes(struct stream *stream, size_t offset, const void *bytes, size_t length)
{
	make_room(stream, stream->length + length);
	memmove(stream->bytes + offset + length, stream->bytes + offset, stream->length - offset);
	memcpy(stream->bytes + offset, bytes, length);
	stream->length += length;
}

void stream_drop(struct stream *stream, size_t index)
{
	struct stream_record record = stream_at(stream, index);
	size_t after = record.offset + record.size;

	memmove(stream->bytes + record.offset, stream->bytes + after, stream->length - after);
	stream->length -= record.size;
}

void stream_duplicate(struct stream *stream, size_t index)
{
	struct stream_record record = stream_at(stream, index);
	uint8_t *copy = malloc(record.size);

	must(copy, "seen no memory");
	memcpy(copy, stream->bytes + record.offset, record.size);
	insert_bytes(stream, record.offset, copy, record.size);
	free(copy);
}

void stream_swap(struct stream *stream, size_t first, size_t second)
{
	struct stream_record a = stream_at(stream, first), b = stream_at(stream, second);
	struct stream swapped = { 0 };
	size_t between = a.offset + a.size, after = b.offset + b.size;

	must(first < second, "seen %zu and %zu", first, second);
	stream_append(&swapped, stream->bytes, a.offset);
	stream_append(&swapped, stream->bytes + b.offset, b.size);
	stream_append(&swapped, stream->bytes + between, b.offset - between);
	stream_append(&swapped, stream->bytes + a.offset, a.size);
	stream_append(&swapped, stream->bytes + after, stream->length - after);
	stream_free(stream);
	*stream = swapped;
}

void stream_insert(struct stream *stream, size_t index, uint16_t type, uint16_t flags,
		   uint16_t version, const void *body, size_t length)
{
	struct stream_record record = stream_at(stream, index);
	struct mdevsim_record_header header = {
		.type = type,
		.flags = flags,
		.sequence = (uint32_t)index,
		.version = version,
		.length = length,
	};
	static const uint8_t zero[MDEVSIM_RECORD_ALIGN];
	struct mdevsim_record_trailer trailer = { 0 };
	struct stream whole = { 0 };

	stream_append(&whole, &header, sizeof(header));
	stream_append(&whole, body, length);
	stream_append(&whole, zero, -length % MDEVSIM_RECORD_ALIGN);
	trailer.crc = stream_crc(whole.bytes, whole.length);
	stream_append(&whole, &trailer, sizeof(trailer));
	insert_bytes(stream, record.offset, whole.bytes, whole.length);
	stream_free(&whole);
}

static void apply_extent(uint8_t *image, size_t size, const struct mdevsim_state_ns_extent *extent,
			 bool data)
{
	size_t offset = (size_t)extent->slba << MDEVSIM_LBA_SHIFT;
	size_t length = (size_t)extent->nlb << MDEVSIM_LBA_SHIFT;

	must(offset <= size && length <= size - offset,
	     "an extent inside %zu bytes, seen %zu bytes at %zu", size, length, offset);
	if (data)
		memcpy(image + offset, extent->data, length);
	else
		memset(image + offset, 0, length);
}

uint8_t *stream_image(const struct stream *stream, size_t *size)
{
	struct stream_record record = { 0 };
	uint8_t *image = NULL;

	*size = 0;
	while (next_record(stream, &record)) {
		const void *body = stream_body(stream, &record);

		if (record.type == MDEVSIM_RECORD_IDENTITY) {
			const struct mdevsim_state_identity *identity = body;

			/* A second one starts the namespace over. */
			free(image);
			*size = identity->namespace_size;
			image = calloc(1, *size);
			must(image, "seen no memory for %zu bytes", *size);
		} else if (record.type == MDEVSIM_RECORD_NS_DATA ||
			   record.type == MDEVSIM_RECORD_NS_ZERO) {
			apply_extent(image, *size, body, record.type == MDEVSIM_RECORD_NS_DATA);
		}
	}
	return image;
}

static const char *difference(const char *name, size_t offset)
{
	static char text[96];

	snprintf(text, sizeof(text), "%s differs at byte %zu", name, offset);
	return text;
}

static const char *compare_bytes(const char *name, const uint8_t *a, const uint8_t *b,
				 size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (a[i] != b[i])
			return difference(name, i);
	}
	return NULL;
}

/* Time goes on, whatever the device does: take it out of a copy of a record's body. */
static void forget_time(uint16_t type, void *body)
{
	struct mdevsim_state_nvme_features *features = body;
	struct mdevsim_state_nvme_logs *logs = body;

	if (type == MDEVSIM_RECORD_NVME_LOGS) {
		logs->busy_ms = 0;
		logs->power_on_ms = 0;
	}
	for (uint32_t i = 0; type == MDEVSIM_RECORD_NVME_FEATURES && i < features->count; i++) {
		if (features->feature[i].fid == FEATURE_TIMESTAMP)
			features->feature[i].value = 0;
	}
}

static uint8_t *timeless_body(const struct stream *stream, const struct stream_record *record)
{
	uint8_t *body = malloc(record->length);

	must(body, "seen no memory");
	memcpy(body, stream_body(stream, record), record->length);
	forget_time(record->type, body);
	return body;
}

static const char *compare_record(const char *name, uint16_t type, const struct stream *a,
				  const struct stream *b)
{
	struct stream_record record_a, record_b;
	long in_a = stream_find(a, type, 0), in_b = stream_find(b, type, 0);
	uint8_t *body_a, *body_b;
	const char *what;

	must(in_a >= 0 && in_b >= 0, "%s in both, seen %ld and %ld", name, in_a, in_b);
	record_a = stream_at(a, (size_t)in_a);
	record_b = stream_at(b, (size_t)in_b);
	if (record_a.length != record_b.length)
		return name;
	body_a = timeless_body(a, &record_a);
	body_b = timeless_body(b, &record_b);
	what = compare_bytes(name, body_a, body_b, record_a.length);
	free(body_a);
	free(body_b);
	return what;
}

static const char *compare_images(const struct stream *a, const struct stream *b)
{
	size_t size_a, size_b;
	uint8_t *image_a = stream_image(a, &size_a), *image_b = stream_image(b, &size_b);
	const char *what = NULL;

	if (size_a != size_b)
		what = "the namespace's size";
	else if (memcmp(image_a, image_b, size_a))
		what = "the namespace's contents";
	free(image_a);
	free(image_b);
	return what;
}

const char *stream_same_state(const struct stream *a, const struct stream *b)
{
	static const struct {
		uint16_t type;
		const char *name;
	} controls[] = {
		{ MDEVSIM_RECORD_PCI_CONFIG, "pci-config" },
		{ MDEVSIM_RECORD_IRQ, "irq" },
		{ MDEVSIM_RECORD_NVME_REGS, "nvme-regs" },
		{ MDEVSIM_RECORD_NVME_ADMIN, "nvme-admin" },
		{ MDEVSIM_RECORD_NVME_QUEUES, "nvme-queues" },
		{ MDEVSIM_RECORD_NVME_FEATURES, "nvme-features" },
		{ MDEVSIM_RECORD_NVME_AER, "nvme-aer" },
		{ MDEVSIM_RECORD_NVME_LOGS, "nvme-logs" },
	};
	const char *what = compare_images(a, b);

	for (size_t i = 0; !what && i < sizeof(controls) / sizeof(*controls); i++)
		what = compare_record(controls[i].name, controls[i].type, a, b);
	return what ?: "same";
}
