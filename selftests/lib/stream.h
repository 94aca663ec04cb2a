/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Device-state streams in memory: take apart, change, put right again. Written
 * from mdevsim_state.h alone, so that it can tell when the driver strays.
 */
#ifndef LIB_STREAM_H
#define LIB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/mdevsim_state.h>

/**
 * struct stream - bytes of a stream
 * @bytes: them
 * @length: number of them
 * @capacity: bytes allocated
 */
struct stream {
	uint8_t *bytes;
	size_t length;
	size_t capacity;
};

/**
 * struct stream_record - where a record is in a stream
 * @offset: of its header
 * @size: bytes with header, padding and trailer
 * @type: enum mdevsim_record_type
 * @length: bytes of its body
 */
struct stream_record {
	size_t offset;
	size_t size;
	uint16_t type;
	uint64_t length;
};

void stream_free(struct stream *stream);

/** stream_append - add bytes */
void stream_append(struct stream *stream, const void *bytes, size_t length);

/** stream_read_file - what is in a file; the test fails when it cannot be read */
struct stream stream_read_file(const char *path);

/** stream_write_file - into a new file; the test fails when it exists or cannot be written */
void stream_write_file(const struct stream *stream, const char *path);

/** stream_copy - a copy to change */
struct stream stream_copy(const struct stream *stream);

/** stream_crc - CRC-32C */
uint32_t stream_crc(const void *bytes, size_t length);

/** stream_header - header of the stream */
struct mdevsim_stream_header *stream_header(const struct stream *stream);

/** stream_count - records in a stream; the test fails when it can not be taken apart */
size_t stream_count(const struct stream *stream);

/** stream_at - record number @index, from 0; the test fails when there is none */
struct stream_record stream_at(const struct stream *stream, size_t index);

/** stream_find - number of the first record of a type from @from on, or -1 */
long stream_find(const struct stream *stream, uint16_t type, size_t from);

/** stream_record_header - header of a record */
struct mdevsim_record_header *stream_record_header(const struct stream *stream,
						   const struct stream_record *record);

/** stream_body - body of a record */
void *stream_body(const struct stream *stream, const struct stream_record *record);

/** stream_body_of - body of the only record of a type; the test fails without */
void *stream_body_of(const struct stream *stream, uint16_t type);

/** stream_check - "sound", or which rule of mdevsim_state.h a complete stream breaks */
const char *stream_check(const struct stream *stream);

/** stream_check_where - as stream_check(); @where: number of the first record that is wrong */
const char *stream_check_where(const struct stream *stream, size_t *where);

/** stream_seal - put the checksum of record @index right */
void stream_seal(struct stream *stream, size_t index);

/** stream_seal_header - put the checksum of the stream's header right */
void stream_seal_header(struct stream *stream);

/** stream_settle - put right all sequence numbers, checksums and END, whatever was done before */
void stream_settle(struct stream *stream);

/* Changes that leave checksums and sequence numbers as they are */
void stream_drop(struct stream *stream, size_t index);
void stream_duplicate(struct stream *stream, size_t index);
void stream_swap(struct stream *stream, size_t first, size_t second);

/** stream_insert - a sealed record before record @index; its sequence number is @index */
void stream_insert(struct stream *stream, size_t index, uint16_t type, uint16_t flags,
		   uint16_t version, const void *body, size_t length);

/** stream_image - the namespace that a stream describes: @size bytes, to be freed */
uint8_t *stream_image(const struct stream *stream, size_t *size);

/**
 * stream_same_state - two streams describe the same device
 *
 * Compares the namespace and the control records, but for what is only the time.
 *
 * Return: "same", or what differs.
 */
const char *stream_same_state(const struct stream *a, const struct stream *b);

#endif /* LIB_STREAM_H */
