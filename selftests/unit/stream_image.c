// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <linux/align.h>
#include <linux/array_size.h>
#include <linux/bug.h>
#include <linux/crc32.h>
#include "stream_image.h"

#define RECORD_SIZE(name, value, type, version, text) { value, sizeof(struct type) },

static const struct {
	u16 type;
	size_t size;
} sizes[] = {
	MDEVSIM_RECORDS(RECORD_SIZE)
};

static size_t size_of(u16 type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i].type == type)
			return sizes[i].size;
	return 20;
}

static __le32 crc_of(const void *bytes, size_t length)
{
	return cpu_to_le32(~__crc32c_le(~0U, bytes, length));
}

struct mdevsim_stream_header *image_header(struct image *image)
{
	return (struct mdevsim_stream_header *)image->bytes;
}

struct mdevsim_record_header *image_record(struct image *image, unsigned int i)
{
	return (struct mdevsim_record_header *)(image->bytes + image->start[i]);
}

u8 *image_body(struct image *image, unsigned int i)
{
	return (u8 *)(image_record(image, i) + 1);
}

size_t image_record_size(const struct image *image, unsigned int i)
{
	return (i + 1 < image->records ? image->start[i + 1] : image->length) - image->start[i];
}

struct mdevsim_record_trailer *image_trailer(struct image *image, unsigned int i)
{
	return (struct mdevsim_record_trailer *)(image->bytes + image->start[i] +
						 image_record_size(image, i)) - 1;
}

void image_seal(struct image *image, unsigned int i)
{
	struct mdevsim_record_trailer *trailer = image_trailer(image, i);

	trailer->crc = crc_of(image_record(image, i),
			      image_record_size(image, i) - sizeof(*trailer));
}

void image_seal_header(struct image *image)
{
	struct mdevsim_stream_header *header = image_header(image);

	header->crc = crc_of(header, offsetof(struct mdevsim_stream_header, crc));
}

static void begin(struct image *image, u16 minor, u32 extra)
{
	struct mdevsim_stream_header *header = image_header(image);

	memset(image, 0, sizeof(*image));
	memcpy(header->magic, "mdevsim\x1a", 8);
	header->version_major = cpu_to_le16(1);
	header->version_minor = cpu_to_le16(minor);
	header->header_size = cpu_to_le32(64 + extra);
	memset(header->session, 0x5e, sizeof(header->session));
	image_seal_header(image);
	image->length = 64 + extra;
}

void image_begin_longer(struct image *image, u32 extra)
{
	begin(image, 1, extra);
}

void image_begin_minor(struct image *image, u16 minor)
{
	begin(image, minor, 0);
}

void image_begin(struct image *image)
{
	begin(image, 1, 0);
}

void image_begin_records(struct image *image)
{
	image_begin(image);
	image_add_any(image, MDEVSIM_RECORD_IDENTITY, 1);
	image_add_any(image, MDEVSIM_RECORD_SCHEMA, 2);
}

void image_add(struct image *image, u16 type, const void *body, u64 length)
{
	unsigned int i = image->records++;
	size_t size = 24 + ALIGN(length, 8) + 8;

	BUG_ON(i == IMAGE_RECORDS || image->length + size > IMAGE_SIZE);
	image->start[i] = image->length;
	*image_record(image, i) = (struct mdevsim_record_header) {
		.type		= cpu_to_le16(type),
		.flags		= cpu_to_le16(type == MDEVSIM_RECORD_SCHEMA ?
					      MDEVSIM_RECORD_OPTIONAL : 0),
		.sequence	= cpu_to_le32(i),
		.version	= cpu_to_le16(1),
		.length		= cpu_to_le64(length),
	};
	memcpy(image_body(image, i), body, length);
	image->length += size;
	image_seal(image, i);
}

void image_add_any(struct image *image, u16 type, u8 seed)
{
	u8 body[4096];
	size_t i;

	if (type == MDEVSIM_RECORD_END) {
		image_add_end(image);
		return;
	}
	for (i = 0; i < size_of(type); i++)
		body[i] = seed + i * 3;
	image_add(image, type, body, size_of(type));
}

void image_add_end(struct image *image)
{
	struct mdevsim_state_end end = {
		.records	= cpu_to_le64(image->records),
		.bytes		= cpu_to_le64(image->length),
	};

	image_add(image, MDEVSIM_RECORD_END, &end, sizeof(end));
}

void image_finish(struct image *image)
{
	u8 extent[sizeof(struct mdevsim_state_ns_extent) + 29] = { 1 };
	size_t i;

	memset(extent + sizeof(struct mdevsim_state_ns_extent), 0xda, 29);
	image_add(image, MDEVSIM_RECORD_NS_DATA, extent, sizeof(extent));
	image_add(image, MDEVSIM_RECORD_NS_ZERO, extent, sizeof(struct mdevsim_state_ns_extent));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i].type > MDEVSIM_RECORD_SCHEMA &&
		    sizes[i].type < MDEVSIM_RECORD_NS_DATA)
			image_add_any(image, sizes[i].type, i);
	image_add_end(image);
}

void image_fill(struct image *image)
{
	image_begin_records(image);
	image_finish(image);
}

void image_fill_oldest(struct image *image)
{
	image_begin_minor(image, 0);
	image_add_any(image, MDEVSIM_RECORD_IDENTITY, 1);
	image_finish(image);
}
