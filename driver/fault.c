// SPDX-License-Identifier: GPL-2.0
#include <linux/math64.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "event.h"
#include "fault.h"
#include "mdevsim.h"

/* Bytes that may be moved at once however slow it is to be */
#define LEAST_BURST	4096ULL
#define BURSTS_PER_SEC	50

#define GIVEN(params, attribute)	((params)->given & BIT(MDEVSIM_A_FAULT_##attribute))

DEFINE_STATIC_KEY_FALSE(mdevsim_fault_key);

void mdevsim_fault_init(struct mdevsim_device *device)
{
	struct mdevsim_faults *faults = &device->faults;

	spin_lock_init(&faults->lock);
	INIT_LIST_HEAD(&faults->list);
	init_waitqueue_head(&faults->wait);
}

/* From here on another may remove @fault: what is to be known of it is said under the lock. */
static int insert(struct mdevsim_faults *faults, struct mdevsim_fault *fault, u32 *id)
{
	guard(spinlock)(&faults->lock);
	if (faults->nr == MDEVSIM_MAX_FAULTS)
		return -ENOSPC;
	/* 2^32 faults later: 0 stands for all of them. */
	WRITE_ONCE(faults->last_id, faults->last_id + 1 ?: 1);
	fault->id = faults->last_id;
	*id = fault->id;
	list_add_tail(&fault->node, &faults->list);
	WRITE_ONCE(faults->nr, faults->nr + 1);
	return 0;
}

int mdevsim_fault_add(struct mdevsim_device *device, const struct mdevsim_fault_params *params,
		      u32 *id)
{
	struct mdevsim_fault *fault = kzalloc(sizeof(*fault), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!fault)
		return -ENOMEM;
	fault->params = *params;
	/* Before it can be removed, which counts down */
	static_branch_inc(&mdevsim_fault_key);
	ret = insert(&device->faults, fault, id);
	if (ret) {
		static_branch_dec(&mdevsim_fault_key);
		kfree(fault);
	}
	return ret;
}

/* Take what is to be removed off the list. */
static void take_off(struct mdevsim_faults *faults, u32 id, struct list_head *off)
{
	struct mdevsim_fault *fault, *next;

	guard(spinlock)(&faults->lock);
	list_for_each_entry_safe(fault, next, &faults->list, node) {
		if (id && fault->id != id)
			continue;
		list_move_tail(&fault->node, off);
		WRITE_ONCE(faults->nr, faults->nr - 1);
		WRITE_ONCE(faults->generation, faults->generation + 1);
	}
}

int mdevsim_fault_remove(struct mdevsim_device *device, u32 id)
{
	struct mdevsim_fault *fault, *next;
	LIST_HEAD(off);

	take_off(&device->faults, id, &off);
	if (id && list_empty(&off))
		return -ENOENT;
	wake_up_all(&device->faults.wait);
	list_for_each_entry_safe(fault, next, &off, node) {
		kfree(fault);
		static_branch_dec(&mdevsim_fault_key);
	}
	return 0;
}

bool mdevsim_fault_get(struct mdevsim_device *device, u32 id, struct mdevsim_fault *copy)
{
	struct mdevsim_faults *faults = &device->faults;
	struct mdevsim_fault *fault;

	guard(spinlock)(&faults->lock);
	list_for_each_entry(fault, &faults->list, node) {
		if (fault->id < id)
			continue;
		*copy = *fault;
		return true;
	}
	return false;
}

/* Once it could happen: does it? */
static bool happens(struct mdevsim_fault *fault)
{
	const struct mdevsim_fault_params *params = &fault->params;

	if (params->times && fault->hits >= params->times)
		return false;
	if (params->probability < MDEVSIM_CERTAIN &&
	    get_random_u32() % MDEVSIM_CERTAIN >= params->probability)
		return false;
	fault->hits++;
	return true;
}

typedef bool (*match_fn)(const struct mdevsim_fault_params *params, const void *what);

/* The first fault of a kind that matches, and happens; a copy of it */
static bool hit(struct mdevsim_device *device, enum mdevsim_fault_kind kind, match_fn match,
		const void *what, struct mdevsim_fault *copy)
{
	struct mdevsim_faults *faults = &device->faults;
	struct mdevsim_fault *fault;

	guard(spinlock)(&faults->lock);
	list_for_each_entry(fault, &faults->list, node) {
		if (fault->params.kind != kind || (match && !match(&fault->params, what)))
			continue;
		if (!happens(fault))
			continue;
		*copy = *fault;
		return true;
	}
	return false;
}

__printf(3, 4)
static void tell(struct mdevsim_device *device, const struct mdevsim_fault *fault,
		 const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	mdevsim_event_fault(device, fault->id, text);
}

bool mdevsim_fault_is_over(struct mdevsim_device *device, u32 generation)
{
	return READ_ONCE(device->faults.generation) != generation;
}

/* ---- Arcs -------------------------------------------------------------- */

struct arc {
	u32 from;
	u32 to;
};

static bool match_arc(const struct mdevsim_fault_params *params, const void *what)
{
	const struct arc *arc = what;

	if (GIVEN(params, FROM) && params->from != arc->from)
		return false;
	return !GIVEN(params, TO) || params->to == arc->to;
}

/* By the clock that durations are told by; ticks may come late, and then many at once. */
static int stall(struct mdevsim_device *device, u32 generation, u32 ms)
{
	u64 end = ktime_get_ns() + ms * (u64)NSEC_PER_MSEC, now;
	long left = 0;

	while (!left && (now = ktime_get_ns()) < end)
		left = wait_event_killable_timeout(device->faults.wait,
						   mdevsim_fault_is_over(device, generation),
						   nsecs_to_jiffies(end - now) + 1);
	return left < 0 ? -EINTR : 0;
}

static int stall_arc(struct mdevsim_device *device, const struct arc *arc)
{
	u32 generation = READ_ONCE(device->faults.generation);
	struct mdevsim_fault fault;

	if (!hit(device, MDEVSIM_FAULT_KIND_STALL_ARC, match_arc, arc, &fault))
		return 0;
	tell(device, &fault, "the arc is stalled for %u ms", fault.params.delay_ms);
	return stall(device, generation, fault.params.delay_ms);
}

int mdevsim_fault_arc(struct mdevsim_device *device, enum vfio_device_mig_state from,
		      enum vfio_device_mig_state to, bool *broken)
{
	struct arc arc = { from, to };
	struct mdevsim_fault fault;
	int ret;

	lockdep_assert_held(&device->lifecycle);
	ret = stall_arc(device, &arc);
	if (ret)
		return ret;
	if (hit(device, MDEVSIM_FAULT_KIND_ERROR, match_arc, &arc, &fault)) {
		tell(device, &fault, "the arc ends in ERROR");
		*broken = true;
		return GIVEN(&fault.params, ERRNO) ? -(int)fault.params.error : -EIO;
	}
	if (!hit(device, MDEVSIM_FAULT_KIND_ARC, match_arc, &arc, &fault))
		return 0;
	tell(device, &fault, "the arc fails with errno %u", fault.params.error);
	return -(int)fault.params.error;
}

/* ---- The stream -------------------------------------------------------- */

static bool match_stall(const struct mdevsim_fault_params *params, const void *what)
{
	return !GIVEN(params, OFFSET) || params->offset == *(const u64 *)what;
}

/* Bytes from @offset to the next one at which a fault of this kind is, U64_MAX without one */
static u64 distance(struct mdevsim_device *device, enum mdevsim_fault_kind kind, u64 offset)
{
	struct mdevsim_faults *faults = &device->faults;
	struct mdevsim_fault *fault;
	u64 least = U64_MAX;

	guard(spinlock)(&faults->lock);
	list_for_each_entry(fault, &faults->list, node)
		if (fault->params.kind == kind && GIVEN(&fault->params, OFFSET) &&
		    fault->params.offset > offset)
			least = min(least, fault->params.offset - offset);
	return least;
}

static void pause_stall(struct mdevsim_device *device, struct mdevsim_fault_pace *pace, u64 offset,
			struct mdevsim_fault_pause *pause)
{
	struct mdevsim_fault fault;

	pause->most = min(pause->most, distance(device, MDEVSIM_FAULT_KIND_STALL_DATA, offset));
	if (pace->stalled && pace->stalled_at == offset)
		return;
	if (!hit(device, MDEVSIM_FAULT_KIND_STALL_DATA, match_stall, &offset, &fault))
		return;
	pace->stalled = true;
	pace->stalled_at = offset;
	pause->ns += fault.params.delay_ms * (u64)NSEC_PER_MSEC;
	tell(device, &fault, "the data fd is stalled at byte %llu for %u ms", offset,
	     fault.params.delay_ms);
}

/* The rate of the slowest fault, 0 without one. How often it is hit says nothing. */
static u64 rate_of(struct mdevsim_device *device)
{
	struct mdevsim_faults *faults = &device->faults;
	struct mdevsim_fault *fault;
	u64 rate = 0;

	guard(spinlock)(&faults->lock);
	list_for_each_entry(fault, &faults->list, node)
		if (fault->params.kind == MDEVSIM_FAULT_KIND_RATE)
			rate = rate ? min(rate, fault->params.rate) : fault->params.rate;
	return rate;
}

/*
 * Until when what was moved is paid for. Time that was not used is lost but for @burst_ns. What
 * was moved while nobody counted is not paid for, beyond what a second earns.
 */
static void pay(struct mdevsim_fault_pace *pace, u64 rate, u64 now, u64 burst_ns)
{
	u64 moved = min(pace->moved, max(rate, LEAST_BURST));

	if (pace->rate != rate) {
		pace->rate = rate;
		pace->paid_ns = now;
		moved = 0;
	}
	pace->paid_ns += mul_u64_u64_div_u64(moved, NSEC_PER_SEC, rate);
	pace->moved = 0;
	if (now > pace->paid_ns + burst_ns)
		pace->paid_ns = now - burst_ns;
}

static void pause_rate(struct mdevsim_device *device, struct mdevsim_fault_pace *pace,
		       struct mdevsim_fault_pause *pause)
{
	u64 rate = rate_of(device), now = ktime_get_ns(), least_ns, earned;

	if (!rate) {
		pace->rate = 0;
		return;
	}
	least_ns = div64_u64(LEAST_BURST * NSEC_PER_SEC, rate);
	pay(pace, rate, now, max(least_ns, (u64)NSEC_PER_SEC / BURSTS_PER_SEC));
	if (now < pace->paid_ns + least_ns) {
		pause->ns += pace->paid_ns + least_ns - now;
		pause->most = min(pause->most, LEAST_BURST);
		return;
	}
	earned = mul_u64_u64_div_u64(now - pace->paid_ns, rate, NSEC_PER_SEC);
	pause->most = min(pause->most, max(earned, LEAST_BURST));
}

void mdevsim_fault_pause(struct mdevsim_device *device, struct mdevsim_fault_pace *pace,
			 u64 offset, struct mdevsim_fault_pause *pause)
{
	*pause = (struct mdevsim_fault_pause) {
		.most		= U64_MAX,
		.generation	= READ_ONCE(device->faults.generation),
	};
	/* An error behind bytes that were moved would be lost on who gets these. */
	pause->most = min(distance(device, MDEVSIM_FAULT_KIND_DATA, offset),
			  distance(device, MDEVSIM_FAULT_KIND_TRUNCATE, offset));
	pause_stall(device, pace, offset, pause);
	pause_rate(device, pace, pause);
}

struct place {
	u64 offset;
	const struct mdevsim_fault_course *course;
};

/* The stream has not got past it yet: whether it happens is not decided. */
static bool is_ahead(const struct mdevsim_fault_params *params,
		     const struct mdevsim_fault_course *course)
{
	const struct mdevsim_fault *fault = container_of(params, struct mdevsim_fault, params);

	return params->offset >= course->past || fault->id > course->last_id;
}

static bool match_offset(const struct mdevsim_fault_params *params, const void *what)
{
	const struct place *place = what;

	return params->offset == place->offset && is_ahead(params, place->course);
}

static bool match_past(const struct mdevsim_fault_params *params, const void *what)
{
	const struct place *place = what;

	return params->offset <= place->offset && is_ahead(params, place->course);
}

/* A fault that flips is hit once its byte has arrived: the user's page may be missing. */
static void flip_at(struct mdevsim_device *device, u64 offset, struct mdevsim_fault_piece *piece)
{
	struct mdevsim_faults *faults = &device->faults;
	struct mdevsim_fault *fault;

	guard(spinlock)(&faults->lock);
	list_for_each_entry(fault, &faults->list, node) {
		const struct mdevsim_fault_params *params = &fault->params;

		if (params->kind != MDEVSIM_FAULT_KIND_FLIP || params->offset != offset)
			continue;
		if (params->times && fault->hits >= params->times)
			continue;
		piece->most = 1;
		piece->flip = BIT(params->bit);
		piece->id = fault->id;
		return;
	}
}

/* The stream ends here, for good; or fails here: 0 or an errno */
static int piece_ends(struct mdevsim_device *device, u64 offset,
		      struct mdevsim_fault_course *course)
{
	const struct place place = { offset, course };
	struct mdevsim_fault fault;

	if (hit(device, MDEVSIM_FAULT_KIND_DATA, match_offset, &place, &fault)) {
		tell(device, &fault, "the data fd fails at byte %llu with errno %u", offset,
		     fault.params.error);
		return -(int)fault.params.error;
	}
	if (hit(device, MDEVSIM_FAULT_KIND_TRUNCATE, match_past, &place, &fault)) {
		tell(device, &fault, "the stream ends before byte %llu", offset);
		course->ended = true;
	}
	return 0;
}

int mdevsim_fault_piece(struct mdevsim_device *device, u64 offset,
			struct mdevsim_fault_course *course, struct mdevsim_fault_piece *piece)
{
	u32 last_id = READ_ONCE(device->faults.last_id);
	int ret;

	ret = piece_ends(device, offset, course);
	if (ret || course->ended)
		return ret;
	course->past = offset + 1;
	course->last_id = last_id;
	piece->most = min3(distance(device, MDEVSIM_FAULT_KIND_DATA, offset),
			   distance(device, MDEVSIM_FAULT_KIND_TRUNCATE, offset),
			   distance(device, MDEVSIM_FAULT_KIND_FLIP, offset));
	flip_at(device, offset, piece);
	return 0;
}

void mdevsim_fault_flipped(struct mdevsim_device *device, const struct mdevsim_fault_piece *piece)
{
	struct mdevsim_faults *faults = &device->faults;
	struct mdevsim_fault *fault, copy = {};

	scoped_guard(spinlock, &faults->lock) {
		list_for_each_entry(fault, &faults->list, node) {
			if (fault->id != piece->id)
				continue;
			fault->hits++;
			copy = *fault;
			break;
		}
	}
	if (copy.id)
		tell(device, &copy, "bit %u of byte %llu is wrong", copy.params.bit,
		     copy.params.offset);
}

bool mdevsim_fault_refuses(struct mdevsim_device *device,
			   const struct mdevsim_fault_course *course)
{
	const struct place place = { 0, course };
	struct mdevsim_fault fault;

	if (!hit(device, MDEVSIM_FAULT_KIND_REFUSE, match_offset, &place, &fault))
		return false;
	tell(device, &fault, "the stream is refused");
	return true;
}

/* ---- What is said ------------------------------------------------------ */

void mdevsim_fault_precopy_info(struct mdevsim_device *device, u64 *initial, u64 *dirty)
{
	struct mdevsim_fault fault;

	if (!hit(device, MDEVSIM_FAULT_KIND_PRECOPY_INFO, NULL, NULL, &fault))
		return;
	tell(device, &fault, "in truth initial_bytes is %llu and dirty_bytes is %llu", *initial,
	     *dirty);
	if (GIVEN(&fault.params, INITIAL_BYTES))
		*initial = fault.params.initial_bytes;
	if (GIVEN(&fault.params, DIRTY_BYTES))
		*dirty = fault.params.dirty_bytes;
}

void mdevsim_fault_data_size(struct mdevsim_device *device, u64 *size)
{
	struct mdevsim_fault fault;

	if (!hit(device, MDEVSIM_FAULT_KIND_DATA_SIZE, NULL, NULL, &fault))
		return;
	tell(device, &fault, "in truth stop_copy_length is %llu", *size);
	*size = fault.params.size;
}

/* ---- Commands ---------------------------------------------------------- */

struct command {
	bool admin;
	u8 opcode;
};

static bool match_command(const struct mdevsim_fault_params *params, const void *what)
{
	const struct command *command = what;

	if (!!GIVEN(params, ADMIN) != command->admin)
		return false;
	return !GIVEN(params, OPCODE) || params->opcode == command->opcode;
}

enum mdevsim_verdict mdevsim_fault_command(struct mdevsim_device *device, bool admin, u8 opcode,
					   u16 *status)
{
	struct command command = { admin, opcode };
	struct mdevsim_fault fault;

	if (hit(device, MDEVSIM_FAULT_KIND_NVME_TIMEOUT, match_command, &command, &fault)) {
		tell(device, &fault, "a command %02xh will not be completed", opcode);
		return MDEVSIM_VERDICT_DROP;
	}
	if (!hit(device, MDEVSIM_FAULT_KIND_NVME_STATUS, match_command, &command, &fault))
		return MDEVSIM_VERDICT_EXECUTE;
	tell(device, &fault, "a command %02xh completes with status %03xh", opcode,
	     fault.params.status);
	*status = fault.params.status;
	return MDEVSIM_VERDICT_COMPLETE;
}
