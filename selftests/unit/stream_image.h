/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Streams put together byte by byte, sound or not, without the driver's writer.
 */
#ifndef SELFTESTS_UNIT_STREAM_IMAGE_H
#define SELFTESTS_UNIT_STREAM_IMAGE_H

#include <linux/mdevsim_state.h>
#include <linux/types.h>

#define IMAGE_RECORDS	32
#define IMAGE_SIZE	32768

/**
 * struct image - a stream in memory
 * @bytes: the stream
 * @length: bytes in it
 * @start: where each record begins
 * @records: number of records
 */
struct image {
	u8 bytes[IMAGE_SIZE];
	size_t length;
	size_t start[IMAGE_RECORDS];
	unsigned int records;
};

/* As the writer would begin a stream of the newest version. */
void image_begin(struct image *image);

/* The same of version 1.@minor. */
void image_begin_minor(struct image *image, u16 minor);

/* image_begin(), and the records that every such stream begins with: IDENTITY and SCHEMA. */
void image_begin_records(struct image *image);

/* image_begin() with @extra zero bytes of header behind what the newest version has. */
void image_begin_longer(struct image *image, u32 extra);

/* Add a record with the next sequence number. */
void image_add(struct image *image, u16 type, const void *body, u64 length);

/* Add a record of @type with a body of the least length that the type can have, made from @seed. */
void image_add_any(struct image *image, u16 type, u8 seed);

/* Add END, with its counts right. */
void image_add_end(struct image *image);

/* Add namespace extents, every control record, END. */
void image_finish(struct image *image);

/* IDENTITY, SCHEMA, namespace extents, every control record, END. */
void image_fill(struct image *image);

/* The same of version 1.0, which has no SCHEMA. */
void image_fill_oldest(struct image *image);

/* What a test may change in place; image_seal() then makes the checksum right again. */
struct mdevsim_stream_header *image_header(struct image *image);
struct mdevsim_record_header *image_record(struct image *image, unsigned int i);
u8 *image_body(struct image *image, unsigned int i);
struct mdevsim_record_trailer *image_trailer(struct image *image, unsigned int i);
void image_seal(struct image *image, unsigned int i);
void image_seal_header(struct image *image);

/* Bytes of record @i, framing included. */
size_t image_record_size(const struct image *image, unsigned int i);

#endif /* SELFTESTS_UNIT_STREAM_IMAGE_H */
