/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device-state stream as somebody finds it: walked record by record, with
 * everything said that is wrong in its framing, and without giving up where
 * going on makes sense. What the driver would do with it is another matter, see
 * model.h. Reads forwards only and holds two records at most, so that a pipe will
 * do and memory does not grow with the stream.
 */
#ifndef VFIOMIG_STREAM_H
#define VFIOMIG_STREAM_H

#include <linux/types.h>
#include "../../driver/state_stream.h"
#include "file.h"
#include "schema.h"

struct qemu_file;

/** define STREAM_MAX_BODY - bytes of a body that are held, the rest is passed over */
#define STREAM_MAX_BODY		(16U << 20)
/** define STREAM_MAX_PADDING - bytes between body and trailer, at most */
#define STREAM_MAX_PADDING	(MDEVSIM_RECORD_ALIGN - 1)
/** define STREAM_PROBLEMS - things that can be wrong with one record */
#define STREAM_PROBLEMS		12

/**
 * struct stream_problem - something is wrong, but the walk goes on
 * @error: errno that the driver has for it
 * @why: what it is
 */
struct stream_problem {
	int error;
	struct mdevsim_reason why;
};

/**
 * struct stream_problems - all that is wrong with one record, or the stream header
 * @nr: entries in @problem
 * @problem: problems
 */
struct stream_problems {
	unsigned int nr;
	struct stream_problem problem[STREAM_PROBLEMS];
};

/**
 * struct stream_record - a record, complete
 * @head: its header, in the processor's byte order
 * @offset: of its header, in the stream
 * @nr: records before it
 * @header: its header
 * @body: its body
 * @held: bytes at @body, fewer than its length when that is more than %STREAM_MAX_BODY
 * @room: bytes allocated at @body
 * @padding: between body and trailer
 * @nr_padding: bytes of it
 * @trailer: its trailer
 * @crc: checksum as computed
 * @problems: what is wrong with it
 */
struct stream_record {
	struct mdevsim_record head;
	u64 offset;
	u32 nr;
	struct mdevsim_record_header header;
	u8 *body;
	u64 held;
	u64 room;
	u8 padding[MDEVSIM_RECORD_ALIGN];
	unsigned int nr_padding;
	struct mdevsim_record_trailer trailer;
	u32 crc;
	struct stream_problems problems;
};

/**
 * struct stream - a stream being walked
 * @file: where it comes from
 * @qemu: the migration file it is in, or NULL
 * @first: bytes read to see what it is
 * @nr_first: bytes in @first not yet taken
 * @at_first: first of them
 * @tap: called with all bytes of the stream, in their order, as they are read; or NULL
 * @tap_context: for @tap
 * @offset: bytes of the stream read
 * @header: stream header, and what a longer one has behind it
 * @header_size: bytes in @header
 * @problems: what is wrong with the stream header
 * @schema: what describes it
 * @own_schema: @schema is in the stream
 * @ahead: records read ahead to find the schema, and the one under way
 * @nr_ahead: records in @ahead not yet handed out
 * @at_ahead: the next of them
 * @records: records read completely
 * @sequence: expected of the next record
 * @lost: records in a row that cannot be what they say
 * @ended: END was read
 * @unread: the input failed: @error is no fault of the stream
 * @error: negative errno: the walk ended before END did
 * @why: reason for that
 */
struct stream {
	struct file file;
	struct qemu_file *qemu;
	u8 first[8];
	unsigned int nr_first;
	unsigned int at_first;
	void (*tap)(void *context, const void *bytes, size_t length);
	void *tap_context;

	u64 offset;
	union {
		struct mdevsim_stream_header known;
		u8 bytes[MDEVSIM_STREAM_HEADER_MAX];
	} header;
	u32 header_size;
	struct stream_problems problems;
	struct schema schema;
	bool own_schema;
	struct stream_record ahead[2];
	unsigned int nr_ahead;
	unsigned int at_ahead;
	u32 records;
	u32 sequence;
	unsigned int lost;
	bool ended;
	bool unread;
	int error;
	struct mdevsim_reason why;
};

/**
 * stream_open - open a stream, or a migration file of QEMU with one in it
 * @stream: initialised
 * @name: file
 * @device: which of a migration file's devices, or NULL for the only one
 *
 * Return: &enum status; reports its errors. To be followed by stream_close() in any case.
 */
int stream_open(struct stream *stream, const char *name, const char *device);

/** stream_open_one - the same when @device may be about another file */
int stream_open_one(struct stream *stream, const char *name, const char *device);

/** stream_fail_device - report that a device was named and there is nothing to choose from */
int stream_fail_device(void);
void stream_close(struct stream *stream);

/**
 * stream_begin - read the stream header and find the schema
 *
 * A stream that brings no sound schema is described by this program's own; that is noted.
 *
 * Return: true; false when there is no header that could be walked on from: see
 * stream_fail().
 */
bool stream_begin(struct stream *stream);

/**
 * stream_next - read a record
 *
 * Return: the record, valid until the next call; NULL when there is none: after END, or where
 * the walk cannot go on, see stream_fail().
 */
struct stream_record *stream_next(struct stream *stream);

/**
 * struct stream_kept - what stays of a record when the walk goes on
 * @head: its header, in the processor's byte order
 * @offset: of its header, in the stream
 * @header: its header
 * @body: a copy of its body, to be freed
 * @held: bytes at @body
 * @padding: between body and trailer
 * @nr_padding: bytes of it
 * @trailer: its trailer
 * @table: what describes its body, or NULL
 * @name: of its type
 */
struct stream_kept {
	struct mdevsim_record head;
	u64 offset;
	struct mdevsim_record_header header;
	u8 *body;
	u64 held;
	u8 padding[MDEVSIM_RECORD_ALIGN];
	unsigned int nr_padding;
	struct mdevsim_record_trailer trailer;
	const struct mdevsim_state_table *table;
	const char *name;
};

/** stream_keep - keep what a record holds; false when there is no memory for it */
bool stream_keep(const struct stream *stream, const struct stream_record *record,
		 struct stream_kept *kept);

/** stream_fail_memory - report that there is no memory for so much; returns &enum status */
int stream_fail_memory(const struct stream *stream);

/** stream_table - what describes the body of a record; NULL when nothing does */
const struct mdevsim_state_table *stream_table(const struct stream *stream,
					       const struct stream_record *record);

/** stream_record_name - name of a record's type; "unknown" when neither side has one */
const char *stream_record_name(const struct stream *stream, const struct stream_record *record);

/** stream_problem - note that something is wrong with a record, or the stream header */
__printf(3, 4)
void stream_problem(struct stream_problems *problems, int error, const char *fmt, ...);

/** stream_why - say where a problem of a record is, as the driver does */
struct mdevsim_reason stream_why(const struct stream *stream, const struct stream_record *record,
				 const struct stream_problem *problem);

/** stream_fail - report why the walk ended before END did; returns &enum status */
int stream_fail(const struct stream *stream);

#endif /* VFIOMIG_STREAM_H */
