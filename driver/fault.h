/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults: what goes wrong on purpose. A device has none until somebody adds one
 * by netlink. While no device has any, each place that could fail is a branch
 * that a static key has patched out.
 */
#ifndef MDEVSIM_FAULT_H
#define MDEVSIM_FAULT_H

#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mdevsim.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include "function.h"

struct mdevsim_device;

/**
 * struct mdevsim_fault_params - what goes wrong, how and how often
 * @kind: what
 * @given: attributes of the set fault that were given, one bit each
 * @times: how often at most; 0 for always
 * @probability: in millionths
 * @from: state that the arc leads from, when given
 * @to: state that the arc leads to, when given
 * @error: positive errno
 * @delay_ms: how long it takes
 * @rate: bytes in a second
 * @offset: byte of the stream
 * @bit: of that byte
 * @initial_bytes: what is said
 * @dirty_bytes: what is said
 * @size: what is said
 * @opcode: of the command, when given
 * @status: of its completion
 */
struct mdevsim_fault_params {
	enum mdevsim_fault_kind kind;
	u32 given;
	u32 times;
	u32 probability;
	u32 from;
	u32 to;
	u32 error;
	u32 delay_ms;
	u64 rate;
	u64 offset;
	u8 bit;
	u64 initial_bytes;
	u64 dirty_bytes;
	u64 size;
	u8 opcode;
	u32 status;
};

/**
 * struct mdevsim_fault - one fault of a device
 * @node: in &mdevsim_faults.list
 * @id: by which the device knows it
 * @hits: how often it has happened
 * @params: what it is; immutable
 */
struct mdevsim_fault {
	struct list_head node;
	u32 id;
	u32 hits;
	struct mdevsim_fault_params params;
};

/**
 * struct mdevsim_faults - the faults of a device
 * @lock: leaf; protects all that follows
 * @list: oldest first
 * @nr: number of them, at most %MDEVSIM_MAX_FAULTS
 * @last_id: of the fault added last
 * @generation: counts removals: who stalls goes on when it changes
 * @wait: who stalls
 */
struct mdevsim_faults {
	spinlock_t lock;
	struct list_head list;
	u32 nr;
	u32 last_id;
	u32 generation;
	wait_queue_head_t wait;
};

/**
 * struct mdevsim_fault_piece - what becomes of the next bytes of a stream
 * @most: bytes to move before asking again
 * @flip: bits of the first byte that are wrong; @most is 1 then
 * @id: of the fault that flips
 */
struct mdevsim_fault_piece {
	u64 most;
	u8 flip;
	u32 id;
};

/** define MDEVSIM_FAULT_PIECE - the next bytes of a stream that nothing is wrong with */
#define MDEVSIM_FAULT_PIECE	((struct mdevsim_fault_piece) { .most = U64_MAX })

/**
 * struct mdevsim_fault_course - how far a stream has got, for what happens once at a byte of it
 * @ended: by a fault: no byte comes any more, whatever becomes of the fault
 * @past: of faults up to @last_id, those before this byte have happened, or will not
 * @last_id: of the fault that was the last one then
 *
 * Without it who comes to a byte again, as the page was missing that it goes to or comes
 * from, would have chance decide again.
 */
struct mdevsim_fault_course {
	bool ended;
	u64 past;
	u32 last_id;
};

/**
 * struct mdevsim_fault_pace - how fast a session has been going
 * @rate: that it is limited to; 0 while it is not
 * @paid_ns: when what was moved by that rate before would have been, or is to be, moved
 * @moved: bytes moved since that was reckoned
 * @stalled: it has stalled at the byte @stalled_at
 * @stalled_at: byte of the stream
 */
struct mdevsim_fault_pace {
	u64 rate;
	u64 paid_ns;
	u64 moved;
	bool stalled;
	u64 stalled_at;
};

/**
 * struct mdevsim_fault_pause - how a read or write of the data fd is held up
 * @ns: before anything is moved
 * @most: bytes that may be moved then
 * @generation: of the faults that say so
 */
struct mdevsim_fault_pause {
	u64 ns;
	u64 most;
	u32 generation;
};

#ifdef MDEVSIM_BARE
/* What selftests/bench compares with: nothing of all this in any path */
#define mdevsim_fault_any()	false
#else
DECLARE_STATIC_KEY_FALSE(mdevsim_fault_key);
#define mdevsim_fault_any()	static_branch_unlikely(&mdevsim_fault_key)
#endif

void mdevsim_fault_init(struct mdevsim_device *device);

/**
 * mdevsim_fault_add - let something go wrong from now on
 * @device: device
 * @params: what
 * @id: out: by which the device knows it
 *
 * Return: 0; -ENOSPC when the device has as many as it can have; -ENOMEM
 */
int mdevsim_fault_add(struct mdevsim_device *device, const struct mdevsim_fault_params *params,
		      u32 *id);

/** mdevsim_fault_remove - one fault, or all for @id 0; -ENOENT when there is none such */
int mdevsim_fault_remove(struct mdevsim_device *device, u32 id);

/** mdevsim_fault_get - copy the first fault with at least this id; false when there is none */
bool mdevsim_fault_get(struct mdevsim_device *device, u32 id, struct mdevsim_fault *fault);

/*
 * The places where faults happen. To be asked only if mdevsim_fault_any().
 * None is called under a spinlock: a fault that happens is told by an event.
 */

/**
 * mdevsim_fault_arc - an arc is about to be taken
 * @device: device; its lifecycle is held
 * @from: state that it leads from
 * @to: state that it leads to
 * @broken: out: the device is to be left in ERROR
 *
 * Return: 0, or the errno to fail with; -EINTR when killed while stalling
 */
int mdevsim_fault_arc(struct mdevsim_device *device, enum vfio_device_mig_state from,
		      enum vfio_device_mig_state to, bool *broken);

/** mdevsim_fault_pause - a data fd is about to be read or written, at @offset of the stream */
void mdevsim_fault_pause(struct mdevsim_device *device, struct mdevsim_fault_pace *pace,
			 u64 offset, struct mdevsim_fault_pause *pause);

/** mdevsim_fault_is_over - the faults that a pause is for may be gone */
bool mdevsim_fault_is_over(struct mdevsim_device *device, u32 generation);

/**
 * mdevsim_fault_piece - bytes from @offset on are about to be moved
 * @device: device
 * @offset: byte of the stream
 * @course: of the stream, which has not ended; may end here
 * @piece: %MDEVSIM_FAULT_PIECE; what becomes of them
 *
 * Return: 0, or the errno to fail with
 */
int mdevsim_fault_piece(struct mdevsim_device *device, u64 offset,
			struct mdevsim_fault_course *course, struct mdevsim_fault_piece *piece);

/** mdevsim_fault_flipped - the byte that @piece is about was moved */
void mdevsim_fault_flipped(struct mdevsim_device *device, const struct mdevsim_fault_piece *piece);

/** mdevsim_fault_refuses - the stream that begins is to be refused */
bool mdevsim_fault_refuses(struct mdevsim_device *device,
			   const struct mdevsim_fault_course *course);

/** mdevsim_fault_precopy_info - what PRECOPY_INFO says is to be another thing */
void mdevsim_fault_precopy_info(struct mdevsim_device *device, u64 *initial, u64 *dirty);

/** mdevsim_fault_data_size - what MIG_DATA_SIZE says is to be another thing */
void mdevsim_fault_data_size(struct mdevsim_device *device, u64 *size);

/** mdevsim_fault_command - what becomes of a command, and its status if it is COMPLETE */
enum mdevsim_verdict mdevsim_fault_command(struct mdevsim_device *device, bool admin, u8 opcode,
					   u16 *status);

#endif /* MDEVSIM_FAULT_H */
