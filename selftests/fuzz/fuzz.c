// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/crc32.h>
#include <linux/minmax.h>
#include "../lib/stream_error.h"
#include "fuzz.h"

void input_take(struct input *input, void *to, size_t length)
{
	size_t have = min(length, input->left);

	memset(to, 0, length);
	memcpy(to, input->at, have);
	input->at += have;
	input->left -= have;
}

u8 input_u8(struct input *input)
{
	u8 value;

	input_take(input, &value, sizeof(value));
	return value;
}

u16 input_u16(struct input *input)
{
	u16 value;

	input_take(input, &value, sizeof(value));
	return value;
}

u64 input_u64(struct input *input)
{
	u64 value;

	input_take(input, &value, sizeof(value));
	return value;
}

static __le32 crc_of(const u8 *bytes, size_t length)
{
	return cpu_to_le32(~__crc32c_le(~0U, bytes, length));
}

static void seal_header(u8 *bytes)
{
	struct mdevsim_stream_header header;

	memcpy(&header, bytes, sizeof(header));
	memcpy(header.magic, MDEVSIM_STREAM_MAGIC, sizeof(header.magic));
	header.version_major = cpu_to_le16(MDEVSIM_STREAM_MAJOR);
	header.header_size = cpu_to_le32(sizeof(header));
	header.required = 0;
	memset(header.reserved, 0, sizeof(header.reserved));
	memcpy(bytes, &header, sizeof(header));
	header.crc = crc_of(bytes, offsetof(struct mdevsim_stream_header, crc));
	memcpy(bytes, &header, sizeof(header));
}

static void seal_end(u8 *body, u32 records, size_t bytes)
{
	struct mdevsim_state_end end = {
		.records	= cpu_to_le64(records),
		.bytes		= cpu_to_le64(bytes),
	};

	memcpy(body, &end, sizeof(end));
}

/* Bytes that the record takes, or 0 when it is cut off. */
static size_t seal_record(u8 *bytes, size_t left, u32 sequence, size_t before)
{
	struct mdevsim_record_header header;
	struct mdevsim_record_trailer trailer = {};
	u64 length, padded;

	if (left < sizeof(header) + sizeof(trailer))
		return 0;
	memcpy(&header, bytes, sizeof(header));
	length = le64_to_cpu(header.length);
	padded = ALIGN(length, MDEVSIM_RECORD_ALIGN);
	if (length > left || padded > left - sizeof(header) - sizeof(trailer))
		return 0;
	header.sequence = cpu_to_le32(sequence);
	header.reserved = 0;
	memcpy(bytes, &header, sizeof(header));
	memset(bytes + sizeof(header) + length, 0, padded - length);
	if (le16_to_cpu(header.type) == MDEVSIM_RECORD_END &&
	    length == sizeof(struct mdevsim_state_end))
		seal_end(bytes + sizeof(header), sequence, before);
	trailer.crc = crc_of(bytes, sizeof(header) + padded);
	memcpy(bytes + sizeof(header) + padded, &trailer, sizeof(trailer));
	return sizeof(header) + padded + sizeof(trailer);
}

void fuzz_seal(u8 *bytes, size_t length)
{
	size_t at = sizeof(struct mdevsim_stream_header), size;
	u32 sequence = 0;

	if (length < at)
		return;
	seal_header(bytes);
	while ((size = seal_record(bytes + at, length - at, sequence++, at)))
		at += size;
}

bool fuzz_is_documented(int err)
{
	return stream_error_is_documented(err) || err == -ENOMEM;
}
