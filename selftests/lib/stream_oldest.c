// SPDX-License-Identifier: GPL-2.0
/*
 * Version 1.0 of the stream as it was released, in numbers: nothing here follows
 * mdevsim_state.h, which may change. Drivers of that time are still out there,
 * so this never does.
 */
#include <stdio.h>
#include <string.h>
#include "must.h"
#include "stream_oldest.h"

/**
 * struct record_1_0 - a type of record in version 1.0, all of which have layout version 1
 * @type: number
 * @rank: 0 for what comes first, in any order and number; then one of each rank
 * @least: bytes of body
 * @most: bytes of body
 */
static const struct record_1_0 {
	uint16_t type;
	unsigned int rank;
	uint64_t least;
	uint64_t most;
} records_1_0[] = {
	{ 1, 0, 128, 128 },		/* identity */
	{ 32, 0, 24, 24 + 1048576 },	/* ns-data */
	{ 33, 0, 24, 24 },		/* ns-zero */
	{ 3, 1, 256, 256 },		/* pci-config */
	{ 4, 2, 1040, 1040 },		/* irq */
	{ 5, 3, 48, 48 },		/* nvme-regs */
	{ 6, 4, 32, 32 },		/* nvme-admin */
	{ 7, 5, 56, 3080 },		/* nvme-queues */
	{ 8, 6, 8, 1544 },		/* nvme-features */
	{ 9, 7, 56, 56 },		/* nvme-aer */
	{ 10, 8, 584, 584 },		/* nvme-logs */
	{ 255, 9, 16, 16 },		/* end */
	{ 0 },
};

#define LAST_RANK	9
#define HEADER_1_0	64
#define FRAMING_1_0	(24 + 8)

static uint64_t number(const struct stream *stream, size_t at, size_t width)
{
	uint64_t value = 0;

	must(at + width <= stream->length, "seen %zu bytes", stream->length);
	memcpy(&value, stream->bytes + at, width);
	return value;
}

static const char *check_header(const struct stream *stream, uint64_t minor, uint64_t size)
{
	if (memcmp(stream->bytes, "mdevsim\x1a", 8) || number(stream, 8, 2) != 1)
		return "the header: not of major version 1";
	if (number(stream, 16, 8))
		return "the header: it requires features";
	if (number(stream, 48, 8) || number(stream, 56, 4))
		return "the header: reserved bytes";
	if (minor ? size < HEADER_1_0 : size != HEADER_1_0)
		return "the header: its size";
	if (!minor && number(stream, 24, 8))
		return "the header: optional features";
	return NULL;
}

static const char *refuse(const char *what, uint64_t type, uint64_t version)
{
	static char text[96];

	snprintf(text, sizeof(text), "%s: a record of type %u, version %u", what,
		 (unsigned int)type, (unsigned int)version);
	return text;
}

static const struct record_1_0 *find_type(uint64_t type)
{
	const struct record_1_0 *known = records_1_0;

	while (known->type && known->type != type)
		known++;
	return known->type ? known : NULL;
}

static const char *check_record(const struct stream *stream, size_t at, uint64_t minor,
				unsigned int *rank)
{
	uint64_t type = number(stream, at, 2), version = number(stream, at + 8, 2);
	uint64_t flags = number(stream, at + 2, 2), length = number(stream, at + 16, 8);
	const struct record_1_0 *known = find_type(type);

	if (number(stream, at + 10, 2) || number(stream, at + 12, 4))
		return refuse("not of 1.0", type, version);
	if (!known || version != 1)
		return minor && flags == 1 ? NULL : refuse("new and required", type, version);
	if (flags)
		return refuse("with flags", type, version);
	if (length < known->least || length > known->most)
		return refuse("of a length that 1.0 does not have", type, version);
	if (known->rank != *rank + 1 && (known->rank || *rank))
		return refuse("out of order", type, version);
	*rank = known->rank;
	return NULL;
}

const char *stream_oldest_reads(const struct stream *stream)
{
	uint64_t minor = number(stream, 10, 2), at = number(stream, 12, 4), length;
	const char *wrong = check_header(stream, minor, at);
	unsigned int rank = 0;

	if (!wrong && number(stream, at, 2) != 1)
		return "identity is not the first record";
	while (!wrong && at < stream->length) {
		wrong = check_record(stream, at, minor, &rank);
		length = number(stream, at + 16, 8);
		at += FRAMING_1_0 + length + -length % 8;
	}
	if (!wrong && rank != LAST_RANK)
		return "there is no end";
	return wrong ?: "reads";
}
