/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Framing of the device-state stream: what mdevsim_state.h says in its DOC
 * "Stream" about headers, sequence, padding, checksums and order. Pure: no
 * VFIO, no allocation, no copying from or to user memory. The caller asks
 * where the next bytes are to be put (reader) or taken from (writer), moves
 * them by whatever means, and says how many there were.
 */
#ifndef MDEVSIM_STATE_STREAM_H
#define MDEVSIM_STATE_STREAM_H

#include <linux/types.h>
#include <linux/mdevsim_state.h>
#include "function.h"

/**
 * struct mdevsim_record - header of a record in the processor's byte order
 */
struct mdevsim_record {
	u16 type;
	u16 flags;
	u16 version;
	u32 sequence;
	u32 instance;
	u64 length;
};

/** mdevsim_state_stream_name - name of a record type as in MDEVSIM_RECORDS(), else "unknown" */
const char *mdevsim_state_stream_name(u16 type);

/**
 * struct mdevsim_state_known - which streams somebody reads
 * @major_min: oldest version
 * @minor_min: oldest version
 * @major_max: newest major version
 * @minor_max: newest version that holds nothing unknown
 * @features: bits of &mdevsim_stream_header.required
 */
struct mdevsim_state_known {
	u16 major_min;
	u16 minor_min;
	u16 major_max;
	u16 minor_max;
	u64 features;
};

/** Those that mdevsim_state_reader_have() reads. */
extern const struct mdevsim_state_known mdevsim_state_stream_known;

/** mdevsim_state_stream_version - 0, or -EOPNOTSUPP for a version that is not @known */
int mdevsim_state_stream_version(const struct mdevsim_stream_header *header,
				 const struct mdevsim_state_known *known,
				 struct mdevsim_reason *why);

/** mdevsim_state_stream_features - 0, or -EOPNOTSUPP when one is required that is not @known */
int mdevsim_state_stream_features(const struct mdevsim_stream_header *header,
				  const struct mdevsim_state_known *known,
				  struct mdevsim_reason *why);

/**
 * mdevsim_state_stream_extra - bytes of a stream header behind &struct mdevsim_stream_header
 *
 * Return: bytes, or -EPROTO when no header has the size that this one says
 */
int mdevsim_state_stream_extra(const struct mdevsim_stream_header *header,
			       struct mdevsim_reason *why);

/** mdevsim_state_stream_size - bytes that a record with @length bytes of body takes in a stream */
u64 mdevsim_state_stream_size(u64 length);

struct mdevsim_state_reader;

/**
 * struct mdevsim_state_sink - what a reader hands records to
 * @begin: a record starts. Its header is sound: known type and version, or
 *	optional; sequence right; order right. The sink judges @length and may refuse.
 * @body: where to put the body from @offset on. Set @length (on entry the bytes left in the
 *	body) to as many as fit there in one piece, at least 1. The reader passes over
 *	bodies of unknown optional records itself.
 * @end: the record is complete and its checksum right
 *
 * Each returns 0 or a negative errno with a reason in @why, @body as an ERR_PTR().
 * END is handed on like any other record; the reader has checked its counts before @end.
 */
struct mdevsim_state_sink {
	int (*begin)(void *context, const struct mdevsim_record *record,
		     struct mdevsim_reason *why);
	void *(*body)(void *context, const struct mdevsim_record *record, u64 offset, u64 *length,
		      struct mdevsim_reason *why);
	int (*end)(void *context, const struct mdevsim_record *record, struct mdevsim_reason *why);
};

/** enum mdevsim_state_part - where in the stream a reader or writer is */
enum mdevsim_state_part {
	MDEVSIM_PART_STREAM_HEADER,
	MDEVSIM_PART_EXTRA_HEADER,	/* of a header longer than ours */
	MDEVSIM_PART_RECORD_HEADER,
	MDEVSIM_PART_BODY,
	MDEVSIM_PART_PADDING,
	MDEVSIM_PART_TRAILER,
	MDEVSIM_PART_END,		/* nothing may follow */
};

/**
 * struct mdevsim_state_reader - takes a stream apart, in pieces of any size
 * @sink: where records go
 * @context: for @sink
 * @part: what comes next
 * @filled: bytes of @part seen
 * @offset: bytes of the stream seen
 * @sequence: of the next record
 * @crc: running checksum of the record
 * @record: the record under way
 * @skip: it is an optional one that nobody here knows
 * @seen: record types below 64 seen so far, one bit each
 * @controls: a control record was seen: no more extents, no more identities
 * @error: the first error; sticks
 * @why: its reason
 * @header: stream header as read
 * @extra: bytes of header behind what we know, to be passed over
 * @start: byte of the stream at which the record under way begins
 * @end: END, as it passed
 * @place: what mdevsim_state_reader_want() returned last
 * @room: bytes there
 * @scratch: for framing and skipped bodies
 */
struct mdevsim_state_reader {
	const struct mdevsim_state_sink *sink;
	void *context;
	enum mdevsim_state_part part;
	u64 filled;
	u64 offset;
	u32 sequence;
	u32 crc;
	struct mdevsim_record record;
	bool skip;
	bool controls;
	u64 seen;
	int error;
	struct mdevsim_reason why;
	struct mdevsim_stream_header header;
	u32 extra;
	u64 start;
	struct mdevsim_state_end end;
	u8 *place;
	u64 room;
	union {
		struct mdevsim_record_header record_header;
		struct mdevsim_record_trailer trailer;
		u8 bytes[64];
	} scratch;
};

/** mdevsim_state_reader_init - ready for the first byte of a stream */
void mdevsim_state_reader_init(struct mdevsim_state_reader *reader,
			       const struct mdevsim_state_sink *sink, void *context);

/**
 * mdevsim_state_reader_want - where the next bytes of the stream go
 * @reader: reader
 * @length: out: how many, at least 1
 *
 * Return: address, or ERR_PTR() of the error that ended the stream. After END there
 * is still an address: what is put there makes mdevsim_state_reader_have() fail with -EPROTO.
 */
void *mdevsim_state_reader_want(struct mdevsim_state_reader *reader, u64 *length);

/**
 * mdevsim_state_reader_have - @length of the bytes asked for were put there
 *
 * Return: 0 or the (sticky) error they led to.
 */
int mdevsim_state_reader_have(struct mdevsim_state_reader *reader, u64 length);

/** mdevsim_state_reader_fail - end the stream with an error from outside, such as -ENOMEM */
int mdevsim_state_reader_fail(struct mdevsim_state_reader *reader, int error, const char *text);

/**
 * mdevsim_state_reader_finish - the stream is over
 *
 * Return: 0 when END was read; the sticky error; or -ENODATA with a reason.
 */
int mdevsim_state_reader_finish(struct mdevsim_state_reader *reader);

/**
 * struct mdevsim_state_writer - puts a stream together, in pieces of any size
 * @part: what comes next
 * @filled: bytes of @part given out
 * @offset: bytes of the stream given out
 * @sequence: of the next record
 * @crc: running checksum of the record
 * @record: the record under way; type 0 when there is none
 * @scratch: header, padding or trailer being given out
 *
 * The caller announces a record, gives out framing with mdevsim_state_writer_framing() and
 * moves the body itself, telling the writer what it moved.
 */
struct mdevsim_state_writer {
	enum mdevsim_state_part part;
	u64 filled;
	u64 offset;
	u32 sequence;
	u32 crc;
	struct mdevsim_record record;
	union {
		struct mdevsim_stream_header stream_header;
		struct mdevsim_record_header record_header;
		struct mdevsim_record_trailer trailer;
		u8 bytes[64];
	} scratch;
};

/** define MDEVSIM_STATE_REQUIRED - features that streams written here require of a reader */
#define MDEVSIM_STATE_REQUIRED	0

/** mdevsim_state_writer_init - begin a stream of this minor version, and session (16 bytes) */
void mdevsim_state_writer_init(struct mdevsim_state_writer *writer, u16 minor, const u8 *session);

/** mdevsim_state_writer_idle - between records: one may be begun */
bool mdevsim_state_writer_idle(const struct mdevsim_state_writer *writer);

/**
 * mdevsim_state_writer_begin - announce a record; only when idle
 *
 * The stream header need not have gone out: it comes before the first record's framing by itself.
 */
void mdevsim_state_writer_begin(struct mdevsim_state_writer *writer, u16 type, u16 version,
				u64 length);

/**
 * mdevsim_state_writer_framing - framing bytes that are due now
 * @writer: writer
 * @length: out: how many
 *
 * Return: their address, or NULL when body bytes are due (@length: how many are left) or the writer
 * is idle (@length: 0).
 */
const void *mdevsim_state_writer_framing(struct mdevsim_state_writer *writer, u64 *length);

/** mdevsim_state_writer_left - bytes to come of stream header and record under way, with framing */
u64 mdevsim_state_writer_left(const struct mdevsim_state_writer *writer);

/**
 * mdevsim_state_writer_gave - @length bytes at @data, framing or body, went out
 */
void mdevsim_state_writer_gave(struct mdevsim_state_writer *writer, const void *data, u64 length);

/**
 * mdevsim_state_writer_gave_page - %MDEVSIM_EXTENT_ALIGN bytes of body, of known checksum, went out
 * @writer: writer
 * @crc: their CRC-32C, before inversion at either end
 */
void mdevsim_state_writer_gave_page(struct mdevsim_state_writer *writer, u32 crc);

#endif /* MDEVSIM_STATE_STREAM_H */
