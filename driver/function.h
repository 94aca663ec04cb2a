/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between a simulated function (driver/nvme/) and what carries it
 * (everything else in driver/). Neither side knows more of the other than this
 * file says: a function knows guest memory, interrupts and its own registers,
 * and nothing of VFIO, mediated devices or migration states. The same file is
 * compiled in user space, where tests stand in for the carrier.
 */
#ifndef MDEVSIM_FUNCTION_H
#define MDEVSIM_FUNCTION_H

#include <linux/types.h>
#include <linux/mdevsim_state.h>
#include "identity.h"

struct mdevsim_device;
struct mdevsim_function;
struct workqueue_struct;

/** define MDEVSIM_PCI_VENDOR - Vendor ID: one that virtual devices share, nobody's own */
#define MDEVSIM_PCI_VENDOR	0x1234
/** define MDEVSIM_PCI_DEVICE - Device ID of the NVMe function: "NV" */
#define MDEVSIM_PCI_DEVICE	0x4e56

/**
 * struct mdevsim_reason - why something was refused, for a person
 * @text: one sentence without a full stop, empty when nothing was refused
 */
struct mdevsim_reason {
	char text[192];
};

/**
 * mdevsim_refuse - note a reason and return its errno
 * @why: where the sentence goes; the first one stays
 * @err: negative errno, one of those listed in mdevsim_state.h
 * @fmt: the sentence
 *
 * Return: @err, so that a check reads "return mdevsim_refuse(why, -EINVAL, ...)"
 */
__printf(3, 4)
int mdevsim_refuse(struct mdevsim_reason *why, int err, const char *fmt, ...);

/**
 * struct mdevsim_state_set - control records of a stream, all present and of sound length
 * @body: by record type, bodies of the control records
 * @length: by record type, their bytes
 *
 * Lets the check of one record look at another.
 */
struct mdevsim_state_set {
	const void *body[MDEVSIM_RECORD_NS_DATA];
	u32 length[MDEVSIM_RECORD_NS_DATA];
};

/** define MDEVSIM_CONTROL_MAX - bytes in the body of a control record, at most */
#define MDEVSIM_CONTROL_MAX	4096

/**
 * struct mdevsim_state_ops - how one control record is saved, checked and loaded
 * @type: &enum mdevsim_record_type, below %MDEVSIM_RECORD_NS_DATA
 * @version: layout version of the body
 * @min_length: bytes a body has at least
 * @max_length: bytes a body has at most; what @save is given
 * @save: write the body, return its length; cannot fail. The function is quiet.
 * @check: -EINVAL (or -EXDEV) with a reason when @load could not take this
 *	body. Changes nothing. Runs after every record of the set has arrived.
 * @load: take over a body that @check accepted; cannot fail. The function is quiet.
 */
struct mdevsim_state_ops {
	u16 type;
	u16 version;
	u32 min_length;
	u32 max_length;
	u32 (*save)(struct mdevsim_function *fn, void *body);
	int (*check)(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		     struct mdevsim_reason *why);
	void (*load)(struct mdevsim_function *fn, const void *body, u32 length);
};

/**
 * struct mdevsim_extent - a run of namespace pages on its way into a stream
 * @offset: first byte, a multiple of %MDEVSIM_EXTENT_ALIGN
 * @length: bytes, a multiple of %MDEVSIM_EXTENT_ALIGN; with data at most %MDEVSIM_MAX_EXTENT
 * @zero: the run reads as zero and carries no data
 * @initial: it was present when the session began, and is sent for the first time
 */
struct mdevsim_extent {
	u64 offset;
	u64 length;
	bool zero;
	bool initial;
};

/**
 * struct mdevsim_bulk_size - what a saving session still has to send of the namespace
 * @initial: bytes present when the session began and not sent yet
 * @dirty: bytes changed since they were sent (or first written since the session began)
 */
struct mdevsim_bulk_size {
	u64 initial;
	u64 dirty;
};

/**
 * enum mdevsim_verdict - what becomes of a command
 * @MDEVSIM_VERDICT_EXECUTE: it is executed
 * @MDEVSIM_VERDICT_COMPLETE: it is completed with a status, and not executed
 * @MDEVSIM_VERDICT_DROP: it is never completed
 */
enum mdevsim_verdict {
	MDEVSIM_VERDICT_EXECUTE,
	MDEVSIM_VERDICT_COMPLETE,
	MDEVSIM_VERDICT_DROP,
};

/**
 * struct mdevsim_function_ops - what a function does for its carrier
 *
 * @limits: what a function of this kind is; the capacity of its namespace is the carrier's choice
 * @create: make a function of @capacity bytes, all registers as after a
 *	conventional reset, quiet until @resume. ERR_PTR on failure.
 * @destroy: free everything; the function is quiet
 * @reset: as after a conventional or function level reset: registers, queues
 *	and requests are gone, the namespace stays. Cannot fail. Does not change
 *	whether the function is quiet.
 * @bar_read: read 1, 2, 4 or 8 bytes, naturally aligned, inside @bar_size; no side effects
 * @bar_write: write likewise. Returns without waiting for DMA, but for a
 *	controller being disabled, which waits for its commands.
 * @bar_size: bytes of BAR 0 that belong to the function; MSI-X lies behind it
 * @config_changed: bus mastering was switched or power state changed (see mdevsim_dma_enabled())
 * @quiesce: on return every fetched command is complete, no DMA and no
 *	interrupt is under way and none begins until @resume. Registers can be
 *	accessed as before, doorbells are remembered. Idempotent.
 * @resume: ends @quiesce, takes up what the doorbells said meanwhile. Idempotent.
 *
 * @identity: fill in what of IDENTITY is not the same for each function of this kind
 * @state: control records, in stream order
 * @nr_state: number of them
 * @state_loaded: the function is about to resume for the first time since its state was loaded:
 *	raise the interrupts that may have been lost on the way
 *
 * @bulk_save_begin: start a saving session: everything present is initial
 * @bulk_save_end: end it
 * @bulk_size: what remains to be sent; without a saving session all that is present. Safe against
 *	running commands.
 * @bulk_next: find the next extent to send and take it off what remains. False when there is none.
 * @bulk_page_get: contents of one page of an extent, not to change until @bulk_page_put. NULL
 *	stands for zeroes (the page was deallocated meanwhile). ERR_PTR(-EINTR) when killed
 *	while waiting.
 * @bulk_page_crc: CRC-32C of what @bulk_page_get returned, before inversion at either end
 * @bulk_page_put: ends @bulk_page_get
 * @bulk_touch: dirty the page at @offset, whose contents stay. 0, -ENOMEM, or -ERANGE past the end
 * @bulk_load_begin: start a loading session for the namespace of @id: an empty one is filled in
 *	the shadow of the present one. Called again, it starts over. -ENOMEM.
 * @bulk_load_page: the page of the new namespace at @offset, allocated; ERR_PTR(-ENOMEM)
 * @bulk_load_zero: the extent of the new namespace reads as zero from now on
 * @bulk_load_commit: the new namespace and identity take the present one's place; cannot fail
 * @bulk_load_abort: forget the new namespace. Idempotent.
 *
 * @resize: change the namespace's size (bytes). -EINVAL when it does not fit, -EFBIG past capacity.
 *
 * Every entry is called in process context, may sleep, and is serialised by the
 * carrier except @bar_read, @bar_write, @config_changed and @resize, which run
 * against anything, and @bulk_size, @bulk_next, @bulk_page_get, @bulk_page_put and
 * @bulk_touch, which run against commands being executed. @bulk_size runs against
 * anything, too, and does not sleep.
 */
struct mdevsim_function_ops {
	struct mdevsim_identity_limits limits;
	u32 bar_size;

	struct mdevsim_function *(*create)(struct mdevsim_device *device, u64 capacity);
	void (*destroy)(struct mdevsim_function *fn);
	void (*reset)(struct mdevsim_function *fn);
	u64 (*bar_read)(struct mdevsim_function *fn, u32 offset, unsigned int width);
	void (*bar_write)(struct mdevsim_function *fn, u32 offset, unsigned int width, u64 value);
	void (*config_changed)(struct mdevsim_function *fn);
	void (*quiesce)(struct mdevsim_function *fn);
	void (*resume)(struct mdevsim_function *fn);

	void (*identity)(struct mdevsim_function *fn, struct mdevsim_state_identity *id);
	const struct mdevsim_state_ops *state;
	unsigned int nr_state;
	void (*state_loaded)(struct mdevsim_function *fn);

	void (*bulk_save_begin)(struct mdevsim_function *fn);
	void (*bulk_save_end)(struct mdevsim_function *fn);
	void (*bulk_size)(struct mdevsim_function *fn, struct mdevsim_bulk_size *size);
	bool (*bulk_next)(struct mdevsim_function *fn, struct mdevsim_extent *extent);
	void *(*bulk_page_get)(struct mdevsim_function *fn, u64 offset);
	u32 (*bulk_page_crc)(struct mdevsim_function *fn, void *page);
	void (*bulk_page_put)(struct mdevsim_function *fn, u64 offset);
	int (*bulk_touch)(struct mdevsim_function *fn, u64 offset);
	int (*bulk_load_begin)(struct mdevsim_function *fn,
			       const struct mdevsim_state_identity *id);
	void *(*bulk_load_page)(struct mdevsim_function *fn, u64 offset);
	void (*bulk_load_zero)(struct mdevsim_function *fn, u64 offset, u64 length);
	void (*bulk_load_commit)(struct mdevsim_function *fn);
	void (*bulk_load_abort)(struct mdevsim_function *fn);

	int (*resize)(struct mdevsim_function *fn, u64 size);
};

/**
 * struct mdevsim_function - head of every function's own structure
 * @ops: what it does
 * @device: its carrier, for the services below; opaque to the function
 */
struct mdevsim_function {
	const struct mdevsim_function_ops *ops;
	struct mdevsim_device *device;
};

/** The functions this module simulates. */
extern const struct mdevsim_function_ops nvme_function_ops;

/*
 * Services of the carrier. All may be called from any process context; those
 * marked "sleeps" not under a spinlock.
 */

/**
 * mdevsim_dma_read - read guest memory (sleeps)
 * @fn: function that does it
 * @iova: guest bus address; any alignment, any length, may wrap only to be refused
 * @data: kernel memory
 * @length: bytes
 *
 * Return: 0; -EFAULT when part of the range is not guest memory that can be read, or
 * bus mastering is off. What was transferred before the fault is undefined.
 */
int mdevsim_dma_read(struct mdevsim_function *fn, u64 iova, void *data, size_t length);

/** mdevsim_dma_write - write guest memory (sleeps); as mdevsim_dma_read() */
int mdevsim_dma_write(struct mdevsim_function *fn, u64 iova, const void *data, size_t length);

/** mdevsim_dma_enabled - bus mastering is on and the function is in D0 */
bool mdevsim_dma_enabled(struct mdevsim_function *fn);

/**
 * mdevsim_irq_raise - send MSI-X message @vector; nothing happens when MSI-X is not in use
 */
void mdevsim_irq_raise(struct mdevsim_function *fn, unsigned int vector);

/**
 * mdevsim_irq_intx - drive the INTA pin; counts only while MSI-X is not in use
 */
void mdevsim_irq_intx(struct mdevsim_function *fn, bool assert);

/** mdevsim_irq_is_msix - MSI-X is enabled in configuration space */
bool mdevsim_irq_is_msix(struct mdevsim_function *fn);

/**
 * mdevsim_charge_begin - from here on, charge what is allocated to the user of the device
 *
 * Workers run in nobody's context: what they allocate would be charged to nobody.
 *
 * Return: for mdevsim_charge_end(), which ends it
 */
void *mdevsim_charge_begin(struct mdevsim_function *fn);
void mdevsim_charge_end(void *before);

/**
 * mdevsim_page_alloc - one zeroed page (sleeps)
 *
 * Return: kernel address of PAGE_SIZE bytes or NULL. Free with mdevsim_page_free().
 */
void *mdevsim_page_alloc(struct mdevsim_function *fn);
void mdevsim_page_free(void *page);

/** mdevsim_page_tag - a word of the function's own that goes with such a page, zero at first */
unsigned long *mdevsim_page_tag(void *page);

/** mdevsim_function_name - for tracepoints and messages: the mediated device's name */
const char *mdevsim_function_name(struct mdevsim_function *fn);

/** mdevsim_function_uuid - 16 bytes that tell this device from any other */
const u8 *mdevsim_function_uuid(struct mdevsim_function *fn);

/** mdevsim_function_dbg - a debug message; guests can cause it, so never louder */
__printf(2, 3)
void mdevsim_function_dbg(struct mdevsim_function *fn, const char *fmt, ...);

/**
 * mdevsim_function_command - a command is about to be executed
 * @fn: function
 * @admin: it is an admin command
 * @opcode: it has; one that is known
 * @status: out: what to complete it with, when that is what is to become of it
 *
 * Counts it, and lets somebody who tests drivers have his way with it. May sleep.
 */
enum mdevsim_verdict mdevsim_function_command(struct mdevsim_function *fn, bool admin, u8 opcode,
					      u16 *status);

/**
 * mdevsim_function_dirtied - the namespace has something to send again
 *
 * To be called while a saving session runs, when the first page is marked dirty
 * after there was none. Wakes who polls the data fd. Does not sleep.
 */
void mdevsim_function_dirtied(struct mdevsim_function *fn);

/** Queue for a function's workers: unbound, several at once. */
extern struct workqueue_struct *mdevsim_function_wq;

#endif /* MDEVSIM_FUNCTION_H */
