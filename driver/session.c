// SPDX-License-Identifier: GPL-2.0
/*
 * The data fd: one data transfer session.
 *
 * Nothing of the stream is built in memory. read() asks the writer of
 * state_stream.c what is due and copies it straight from where it lives;
 * write() asks the reader where the next bytes belong and copies them there.
 *
 * User memory is touched with page faults disabled while the session is
 * locked; a page that is not there is faulted in with no lock held and the
 * copy tried again. Ending a session therefore never waits for a user.
 */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/uuid.h>
#include "event.h"
#include "mdevsim.h"
#include "records.h"
#include "session.h"
#include "state_stream.h"
#include "trace.h"

/* Bytes moved before the lock is let go, so that a large read() does not hold up an arc */
#define BATCH	SZ_1M

/**
 * struct mdevsim_session - one data transfer session
 * @refs: one of the migration state, one of the file
 * @lock: protects everything below; taken after the device's lifecycle and gate
 * @device: NULL once @phase is OVER
 * @phase: what it is for
 * @wait: who polls, and who is held up by a fault
 * @pace: how fast it goes, when a fault limits that
 * @course: how far it is, for faults
 * @piece: what faults make of the next bytes
 * @round_at: saving: byte of the stream at which there was last nothing to send
 * @source: saving: the body, or its beginning, of the record under way
 * @body: of the control record, identity or extent header being given out
 * @writer: saving: framing
 * @identity_due: saving: IDENTITY is to be sent
 * @schema_due: saving: SCHEMA is to be sent, after IDENTITY
 * @reinit: saving: tell PRECOPY_INFO of it once
 * @initial: saving: the record under way counts as initial data
 * @next_control: saving: index of the control record to be sent next
 * @initial_extra: saving: made-up state to be sent, before the namespace
 * @final_extra: saving: made-up state to be sent once the device is stopped
 * @extent: saving: the extent under way
 * @body_length: saving: bytes at @source
 * @loader: loading: everything
 */
struct mdevsim_session {
	refcount_t refs;
	struct mutex lock;
	struct mdevsim_device *device;
	enum mdevsim_session_phase phase;
	wait_queue_head_t wait;
	struct mdevsim_fault_pace pace;
	struct mdevsim_fault_course course;
	struct mdevsim_fault_piece piece;
	u64 round_at;
	union {
		struct {
			struct mdevsim_state_writer writer;
			bool identity_due;
			bool schema_due;
			bool reinit;
			bool initial;
			unsigned int next_control;
			u64 initial_extra;
			u64 final_extra;
			struct mdevsim_extent extent;
			u32 body_length;
			const void *source;
			u8 body[MDEVSIM_CONTROL_MAX] __aligned(8);
		};
		struct mdevsim_state_loader loader;
	};
};

static void session_put(struct mdevsim_session *session)
{
	if (refcount_dec_and_test(&session->refs))
		kfree(session);
}

static struct mdevsim_function *session_fn(struct mdevsim_session *session)
{
	lockdep_assert_held(&session->lock);
	return session->device->fn;
}

static bool session_is_saving(struct mdevsim_session *session)
{
	return session->phase == MDEVSIM_SESSION_PRE_COPY ||
	       session->phase == MDEVSIM_SESSION_STOP_COPY;
}

/* Bytes of the stream that have been moved */
static u64 session_offset(struct mdevsim_session *session)
{
	lockdep_assert_held(&session->lock);
	return session_is_saving(session) ? session->writer.offset :
					    session->loader.reader.offset;
}

/* So many bytes were moved: tell who looks on how far it is. */
static void session_progress(struct mdevsim_session *session, size_t moved)
{
	session->pace.moved += moved;
	WRITE_ONCE(session->device->progress.bytes, session_offset(session));
}

/* ---- Faults ------------------------------------------------------------ */

/* What faults there are for the next read or write: 0, or -ENODEV when the session is over */
static int fault_pause(struct mdevsim_session *session, struct mdevsim_fault_pause *pause)
{
	guard(mutex)(&session->lock);
	if (session->phase == MDEVSIM_SESSION_OVER)
		return -ENODEV;
	mdevsim_fault_pause(session->device, &session->pace, session_offset(session), pause);
	return 0;
}

static bool pause_is_over(struct mdevsim_session *session, u32 generation)
{
	guard(mutex)(&session->lock);
	return session->phase == MDEVSIM_SESSION_OVER ||
	       mdevsim_fault_is_over(session->device, generation);
}

/*
 * Wait for as long as faults want, with no lock held, in slices so short that
 * nobody has to wake who waits here.
 */
static int wait_pause(struct mdevsim_session *session, const struct mdevsim_fault_pause *pause)
{
	u64 end = ktime_get_ns() + pause->ns, now;

	while ((now = ktime_get_ns()) < end && !pause_is_over(session, pause->generation)) {
		schedule_timeout_killable(clamp(nsecs_to_jiffies(end - now), 1UL, HZ / 50UL));
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* Let a read or write be held up, and cut it short, as faults want: bytes cut off, or -errno */
static ssize_t fault_hold_up(struct mdevsim_session *session, struct iov_iter *iter)
{
	size_t count = iov_iter_count(iter);
	struct mdevsim_fault_pause pause;
	int ret;

	ret = fault_pause(session, &pause);
	if (ret)
		return ret;
	if (pause.ns)
		ret = wait_pause(session, &pause);
	if (ret)
		return ret;
	iov_iter_truncate(iter, min_t(u64, pause.most, count));
	return count - iov_iter_count(iter);
}

/* What faults make of the next bytes: 0, or the error to fail with */
static int fault_piece(struct mdevsim_session *session)
{
	session->piece = MDEVSIM_FAULT_PIECE;
	if (!mdevsim_fault_any() || session->course.ended)
		return 0;
	return mdevsim_fault_piece(session->device, session_offset(session), &session->course,
				   &session->piece);
}

/* ---- Saving ------------------------------------------------------------ */

static void begin_identity(struct mdevsim_session *session)
{
	mdevsim_records_identity(session->device, (struct mdevsim_state_identity *)session->body);
	session->body_length = sizeof(struct mdevsim_state_identity);
	session->initial = true;
	session->identity_due = false;
	mdevsim_state_writer_begin(&session->writer, MDEVSIM_RECORD_IDENTITY, 1,
				   session->body_length);
}

static void begin_schema(struct mdevsim_session *session)
{
	session->source = mdevsim_records_schema(&session->body_length);
	session->initial = true;
	session->schema_due = false;
	mdevsim_state_writer_begin(&session->writer, MDEVSIM_RECORD_SCHEMA, 1,
				   session->body_length);
}

/* Some of the made-up state of which @left bytes are to be sent; false when there is none */
static bool begin_synthetic(struct mdevsim_session *session, u64 *left)
{
	struct mdevsim_state_synthetic *header = (struct mdevsim_state_synthetic *)session->body;
	u32 length = min_t(u64, *left, MDEVSIM_MAX_EXTENT);

	if (!length)
		return false;
	*left -= length;
	*header = (struct mdevsim_state_synthetic) {
		.left	= cpu_to_le64(*left),
		.length	= cpu_to_le32(length),
	};
	session->body_length = sizeof(*header);
	session->initial = true;
	mdevsim_state_writer_begin(&session->writer, MDEVSIM_RECORD_SYNTHETIC, 1,
				   sizeof(*header) + length);
	return true;
}

static bool begin_extent(struct mdevsim_session *session)
{
	struct mdevsim_state_ns_extent *header = (struct mdevsim_state_ns_extent *)session->body;
	struct mdevsim_function *fn = session_fn(session);
	struct mdevsim_extent *extent = &session->extent;

	if (!fn->ops->bulk_next(fn, extent))
		return false;
	*header = (struct mdevsim_state_ns_extent) {
		.nsid	= cpu_to_le32(1),
		.slba	= cpu_to_le64(extent->offset >> MDEVSIM_LBA_SHIFT),
		.nlb	= cpu_to_le64(extent->length >> MDEVSIM_LBA_SHIFT),
	};
	session->body_length = sizeof(*header);
	session->initial = extent->initial;
	mdevsim_state_writer_begin(&session->writer,
				   extent->zero ? MDEVSIM_RECORD_NS_ZERO : MDEVSIM_RECORD_NS_DATA,
				   1, sizeof(*header) + (extent->zero ? 0 : extent->length));
	return true;
}

static bool begin_control(struct mdevsim_session *session)
{
	const struct mdevsim_state_ops *ops;

	ops = mdevsim_state_target_record(&session->device->target, session->next_control);
	if (!ops)
		return false;
	session->body_length = ops->save(session_fn(session), session->body);
	session->next_control++;
	mdevsim_state_writer_begin(&session->writer, ops->type, ops->version,
				   session->body_length);
	return true;
}

static void begin_end(struct mdevsim_session *session)
{
	struct mdevsim_state_end *end = (struct mdevsim_state_end *)session->body;

	end->records = cpu_to_le64(session->writer.sequence);
	end->bytes = cpu_to_le64(session->writer.offset);
	session->body_length = sizeof(*end);
	mdevsim_state_writer_begin(&session->writer, MDEVSIM_RECORD_END, 1, sizeof(*end));
}

/*
 * Begin the next record: identity, schema, what there is of the namespace, and once
 * the device is stopped the control records and END.
 *
 * Return: 0, or -ENOMSG when there is none for now
 */
static int begin_record(struct mdevsim_session *session)
{
	session->source = session->body;
	/* SCHEMA is the second record, also when IDENTITY has changed meanwhile. */
	if (session->schema_due && session->writer.sequence)
		begin_schema(session);
	else if (session->identity_due)
		begin_identity(session);
	else if (begin_synthetic(session, &session->initial_extra))
		;
	else if (begin_extent(session))
		;
	else if (session->phase == MDEVSIM_SESSION_PRE_COPY)
		return -ENOMSG;
	else if (begin_synthetic(session, &session->final_extra))
		;
	else if (!begin_control(session))
		begin_end(session);
	trace_mdevsim_record(mdevsim_function_name(session_fn(session)), &session->writer.record,
			     true, 0);
	return 0;
}

static size_t copy_nofault(struct mdevsim_session *session, const void *from, u64 length,
			   struct iov_iter *to)
{
	const struct mdevsim_fault_piece *piece = &session->piece;
	size_t done;
	u8 wrong;

	if (piece->flip) {
		wrong = *(const u8 *)from ^ piece->flip;
		from = &wrong;
	}
	pagefault_disable();
	done = copy_to_iter(from, min3(length, piece->most, (u64)iov_iter_count(to)), to);
	pagefault_enable();
	return done;
}

static size_t copy_out(struct mdevsim_session *session, const void *from, u64 length,
		       struct iov_iter *to)
{
	size_t done = copy_nofault(session, from, length, to);

	mdevsim_state_writer_gave(&session->writer, from, done);
	return done;
}

/*
 * The page stays as it is from before it is copied until its checksum is taken, or
 * known: that of a whole page was taken when it was written.
 */
static ssize_t copy_out_page(struct mdevsim_session *session, u64 offset, struct iov_iter *to)
{
	struct mdevsim_function *fn = session_fn(session);
	u64 in_page = offset % PAGE_SIZE;
	const void *from;
	size_t done;
	void *page;

	page = fn->ops->bulk_page_get(fn, offset - in_page);
	if (IS_ERR(page))
		return PTR_ERR(page);
	from = (page ?: page_address(ZERO_PAGE(0))) + in_page;
	done = copy_nofault(session, from, PAGE_SIZE - in_page, to);
	if (page && done == PAGE_SIZE)
		mdevsim_state_writer_gave_page(&session->writer, fn->ops->bulk_page_crc(fn, page));
	else
		mdevsim_state_writer_gave(&session->writer, from, done);
	fn->ops->bulk_page_put(fn, offset - in_page);
	return done;
}

static ssize_t copy_out_body(struct mdevsim_session *session, u64 left, struct iov_iter *to)
{
	u64 at = session->writer.record.length - left;

	if (at < session->body_length)
		return copy_out(session, session->source + at, session->body_length - at, to);
	if (session->writer.record.type == MDEVSIM_RECORD_SYNTHETIC)
		return copy_out(session, page_address(ZERO_PAGE(0)), min_t(u64, left, PAGE_SIZE),
				to);
	return copy_out_page(session, session->extent.offset + at - session->body_length, to);
}

/*
 * Copy one piece of the stream.
 *
 * Return: bytes, at least 1; 0 at the end of the stream; -ENOMSG; -EFAULT when the
 * user's page is not there; -EINTR
 */
static ssize_t read_piece(struct mdevsim_session *session, struct iov_iter *to)
{
	const void *framing;
	ssize_t done;
	u64 length;
	int ret;

	if (session->writer.part == MDEVSIM_PART_END)
		return 0;
	ret = fault_piece(session);
	if (ret || session->course.ended)
		return ret;
	if (mdevsim_state_writer_idle(&session->writer)) {
		ret = begin_record(session);
		if (ret)
			return ret;
	}
	framing = mdevsim_state_writer_framing(&session->writer, &length);
	if (framing)
		done = copy_out(session, framing, length, to);
	else
		done = copy_out_body(session, length, to);
	if (done > 0 && session->piece.flip)
		mdevsim_fault_flipped(session->device, &session->piece);
	return done ? done : -EFAULT;
}

/* There is nothing to send for now: once for all that was sent before, that ends a round. */
static void read_all(struct mdevsim_session *session)
{
	struct mdevsim_progress *progress = &session->device->progress;

	if (session->round_at == session->writer.offset)
		return;
	session->round_at = session->writer.offset;
	WRITE_ONCE(progress->rounds, progress->rounds + 1);
	mdevsim_event_round(session->device);
}

static ssize_t read_locked(struct mdevsim_session *session, struct iov_iter *to)
{
	size_t done = 0;
	ssize_t ret = 0;

	guard(mutex)(&session->lock);
	if (session->phase == MDEVSIM_SESSION_OVER)
		return -ENODEV;
	while (iov_iter_count(to) && done < BATCH) {
		ret = read_piece(session, to);
		if (ret <= 0)
			break;
		done += ret;
		cond_resched();
	}
	session_progress(session, done);
	if (ret == -ENOMSG)
		read_all(session);
	return done ? done : ret;
}

static ssize_t session_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct mdevsim_session *session = iocb->ki_filp->private_data;
	ssize_t ret = 0, cut = 0;
	size_t done = 0;

	if (mdevsim_fault_any()) {
		cut = fault_hold_up(session, to);
		if (cut < 0)
			return cut;
	}
	while (iov_iter_count(to)) {
		ret = read_locked(session, to);
		if (ret > 0)
			done += ret;
		else if (ret != -EFAULT || fault_in_iov_iter_writeable(to, 1))
			break;
		if (fatal_signal_pending(current))
			break;
	}
	iov_iter_reexpand(to, iov_iter_count(to) + cut);
	return done ? done : ret;
}

/*
 * Bytes to come of what is under way. An extent counts for no more than it did
 * while it was waiting, so that what is reported only falls as it is read, and
 * for something until its last byte was read.
 */
static u64 record_left(struct mdevsim_session *session)
{
	u64 left = mdevsim_state_writer_left(&session->writer);

	if (session->writer.record.type < MDEVSIM_RECORD_NS_DATA ||
	    session->writer.record.type == MDEVSIM_RECORD_SYNTHETIC)
		return left;
	return min(left, session->extent.length);
}

static u32 schema_length(void)
{
	u32 length;

	mdevsim_records_schema(&length);
	return length;
}

static void precopy_size(struct mdevsim_session *session, u64 *initial, u64 *dirty)
{
	struct mdevsim_function *fn = session_fn(session);
	struct mdevsim_bulk_size size;

	fn->ops->bulk_size(fn, &size);
	*initial = size.initial + mdevsim_records_synthetic(session->initial_extra);
	*dirty = size.dirty;
	*(session->initial ? initial : dirty) += record_left(session);
	if (session->identity_due)
		*initial += mdevsim_state_stream_size(sizeof(struct mdevsim_state_identity));
	if (session->schema_due)
		*initial += mdevsim_state_stream_size(schema_length());
}

/* Every page may come as an extent of its own. */
u64 mdevsim_session_size(struct mdevsim_session *session)
{
	const u64 page = mdevsim_state_stream_size(sizeof(struct mdevsim_state_ns_extent) +
						   MDEVSIM_EXTENT_ALIGN);
	u64 initial, dirty, extra;

	guard(mutex)(&session->lock);
	if (!session_is_saving(session))
		return 0;
	precopy_size(session, &initial, &dirty);
	extra = mdevsim_records_synthetic(session->initial_extra);
	return DIV_ROUND_UP_ULL(initial + dirty - extra, MDEVSIM_EXTENT_ALIGN) * page + extra +
	       mdevsim_records_synthetic(session->final_extra) +
	       sizeof(struct mdevsim_stream_header) + mdevsim_records_max(session->device);
}

u64 mdevsim_session_pending(struct mdevsim_session *session)
{
	u64 initial, dirty;

	scoped_guard(mutex, &session->lock) {
		if (session->writer.part == MDEVSIM_PART_END)
			return 0;
		if (session->phase == MDEVSIM_SESSION_PRE_COPY) {
			precopy_size(session, &initial, &dirty);
			if (mdevsim_fault_any())
				mdevsim_fault_precopy_info(session->device, &initial, &dirty);
			return initial + dirty;
		}
	}
	return mdevsim_session_size(session);
}

static long precopy_info(struct mdevsim_session *session, struct vfio_precopy_info *info)
{
	u64 initial, dirty;

	guard(mutex)(&session->lock);
	if (session->phase == MDEVSIM_SESSION_OVER)
		return -ENODEV;
	if (session->phase != MDEVSIM_SESSION_PRE_COPY)
		return -EINVAL;
	if (MDEVSIM_PRECOPY_INFO_V2(session->device))
		info->flags = session->reinit ? VFIO_PRECOPY_INFO_REINIT : 0;
	precopy_size(session, &initial, &dirty);
	if (mdevsim_fault_any())
		mdevsim_fault_precopy_info(session->device, &initial, &dirty);
	info->initial_bytes = initial;
	info->dirty_bytes = dirty;
	return 0;
}

/* The user has been told of REINIT. */
static void precopy_info_told(struct mdevsim_session *session, const struct vfio_precopy_info *info)
{
	guard(mutex)(&session->lock);
	if (session_is_saving(session) && info->flags & VFIO_PRECOPY_INFO_REINIT)
		session->reinit = false;
}

static long session_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	unsigned long minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);
	void __user *uarg = (void __user *)arg;
	struct vfio_precopy_info info;
	long ret;

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, uarg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	ret = precopy_info(file->private_data, &info);
	if (ret)
		return ret;
	if (copy_to_user(uarg, &info, minsz))
		return -EFAULT;
	precopy_info_told(file->private_data, &info);
	return 0;
}

static bool readable(struct mdevsim_session *session)
{
	u64 initial, dirty;

	if (session->phase != MDEVSIM_SESSION_PRE_COPY)
		return true;
	precopy_size(session, &initial, &dirty);
	return initial || dirty;
}

static __poll_t session_poll(struct file *file, struct poll_table_struct *table)
{
	struct mdevsim_session *session = file->private_data;

	poll_wait(file, &session->wait, table);
	guard(mutex)(&session->lock);
	if (session->phase == MDEVSIM_SESSION_OVER)
		return EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP;
	if (session->phase == MDEVSIM_SESSION_RESUMING)
		return EPOLLOUT | EPOLLWRNORM;
	return readable(session) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int session_release(struct inode *inode, struct file *file)
{
	session_put(file->private_data);
	return 0;
}

static const struct file_operations saving_fops = {
	.owner		= THIS_MODULE,
	.read_iter	= session_read,
	.unlocked_ioctl	= session_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.poll		= session_poll,
	.release	= session_release,
};

/* ---- Loading ----------------------------------------------------------- */

/* Bytes behind the end that a fault made up are taken, and lost. */
static ssize_t write_nowhere(struct iov_iter *from)
{
	size_t count = iov_iter_count(from);

	iov_iter_advance(from, count);
	return count;
}

static bool write_refused(struct mdevsim_session *session)
{
	return mdevsim_fault_any() && !session->loader.reader.offset && !session->course.ended &&
	       mdevsim_fault_refuses(session->device, &session->course);
}

/* What faults make of the next bytes, as an error of the stream */
static int write_fault(struct mdevsim_session *session)
{
	struct mdevsim_state_reader *reader = &session->loader.reader;
	int ret;

	if (write_refused(session))
		return mdevsim_state_reader_fail(reader, -EXDEV,
						 "every stream is refused, by a fault");
	ret = fault_piece(session);
	return ret ? mdevsim_state_reader_fail(reader, ret, "a fault that was asked for") : 0;
}

/* As read_piece(). Bytes that led to an error count as not written. */
static ssize_t write_piece(struct mdevsim_session *session, struct iov_iter *from)
{
	size_t done;
	u64 length;
	void *to;
	int ret;

	ret = session->loader.reader.error ?: write_fault(session);
	if (ret)
		return ret;
	if (session->course.ended)
		return write_nowhere(from);
	to = mdevsim_state_reader_want(&session->loader.reader, &length);
	if (IS_ERR(to))
		return PTR_ERR(to);
	pagefault_disable();
	done = copy_from_iter(to, min3(length, session->piece.most, (u64)iov_iter_count(from)),
			      from);
	pagefault_enable();
	if (!done)
		return -EFAULT;
	if (session->piece.flip) {
		*(u8 *)to ^= session->piece.flip;
		mdevsim_fault_flipped(session->device, &session->piece);
	}
	ret = mdevsim_state_reader_have(&session->loader.reader, done);
	return ret ? ret : done;
}

static ssize_t write_locked(struct mdevsim_session *session, struct iov_iter *from)
{
	struct mdevsim_state_reader *reader = &session->loader.reader;
	size_t done = 0;
	ssize_t ret = 0;

	guard(mutex)(&session->lock);
	if (session->phase == MDEVSIM_SESSION_OVER)
		return -ENODEV;
	while (iov_iter_count(from) && done < BATCH) {
		ret = write_piece(session, from);
		if (ret <= 0)
			break;
		done += ret;
		cond_resched();
	}
	session_progress(session, done);
	if (!reader->error)
		return done ? done : ret;
	mdevsim_migration_refused(session->device, &reader->why);
	return reader->error;
}

static ssize_t session_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct mdevsim_session *session = iocb->ki_filp->private_data;
	ssize_t ret = 0, cut = 0;
	size_t done = 0;

	if (mdevsim_fault_any()) {
		cut = fault_hold_up(session, from);
		if (cut < 0)
			return cut;
	}
	while (iov_iter_count(from)) {
		ret = write_locked(session, from);
		if (ret > 0)
			done += ret;
		else if (ret != -EFAULT)
			return ret;
		else if (fault_in_iov_iter_readable(from, 1))
			break;
		if (fatal_signal_pending(current))
			break;
	}
	iov_iter_reexpand(from, iov_iter_count(from) + cut);
	return done ? done : ret;
}

static const struct file_operations loading_fops = {
	.owner		= THIS_MODULE,
	.write_iter	= session_write,
	.unlocked_ioctl	= session_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.poll		= session_poll,
	.release	= session_release,
};

int mdevsim_session_commit(struct mdevsim_session *session)
{
	struct mdevsim_device *device = session->device;
	int ret;

	lockdep_assert_held(&device->lifecycle);
	guard(mutex)(&session->lock);
	ret = mdevsim_state_loader_commit(&session->loader);
	if (ret)
		mdevsim_migration_refused(device, &session->loader.reader.why);
	return ret;
}

/* ---- Both -------------------------------------------------------------- */

static bool has_schema(struct mdevsim_device *device)
{
	return device->migration.stream_minor >= MDEVSIM_STREAM_MINOR_SCHEMA;
}

/* The record for it came with the schema. */
void mdevsim_session_extra(struct mdevsim_device *device, u64 *initial, u64 *final)
{
	struct mdevsim_shape_params shape;
	u64 dirtied;

	lockdep_assert_held(&device->lifecycle);
	mdevsim_shape_get(device, &shape, &dirtied);
	*initial = has_schema(device) ? shape.initial_extra : 0;
	*final = has_schema(device) ? shape.final_extra : 0;
}

static void session_init_saving(struct mdevsim_session *session)
{
	struct mdevsim_device *device = session->device;
	struct mdevsim_function *fn = device->fn;
	uuid_t id;

	generate_random_uuid(id.b);
	mdevsim_state_writer_init(&session->writer, device->migration.stream_minor, id.b);
	session->identity_due = true;
	session->schema_due = has_schema(device);
	session->initial = true;
	mdevsim_session_extra(device, &session->initial_extra, &session->final_extra);
	fn->ops->bulk_save_begin(fn);
}

struct file *mdevsim_session_start(struct mdevsim_device *device, enum mdevsim_session_phase phase,
				   struct mdevsim_session **out)
{
	bool loading = phase == MDEVSIM_SESSION_RESUMING;
	struct mdevsim_session *session;
	struct file *file;

	lockdep_assert_held(&device->lifecycle);
	session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);
	if (!session)
		return ERR_PTR(-ENOMEM);
	refcount_set(&session->refs, 2);
	mutex_init(&session->lock);
	init_waitqueue_head(&session->wait);
	session->device = device;
	session->phase = phase;
	file = anon_inode_getfile(loading ? "[mdevsim-load]" : "[mdevsim-save]",
				  loading ? &loading_fops : &saving_fops, session,
				  loading ? O_WRONLY : O_RDONLY);
	if (IS_ERR(file)) {
		kfree(session);
		return file;
	}
	stream_open(file->f_inode, file);
	if (loading)
		mdevsim_state_loader_init(&session->loader, &device->target);
	else
		session_init_saving(session);
	*out = session;
	return file;
}

void mdevsim_session_wake(struct mdevsim_session *session)
{
	wake_up_interruptible_poll(&session->wait, EPOLLIN | EPOLLRDNORM);
}

void mdevsim_session_stop_copy(struct mdevsim_session *session)
{
	scoped_guard(mutex, &session->lock)
		session->phase = MDEVSIM_SESSION_STOP_COPY;
	mdevsim_session_wake(session);
}

void mdevsim_session_reinit(struct mdevsim_session *session)
{
	scoped_guard(mutex, &session->lock) {
		struct mdevsim_function *fn = session_fn(session);

		fn->ops->bulk_save_end(fn);
		fn->ops->bulk_save_begin(fn);
		session->identity_due = true;
		session->initial = true;
		session->reinit = true;
	}
	mdevsim_session_wake(session);
}

void mdevsim_session_end(struct mdevsim_session *session)
{
	scoped_guard(mutex, &session->lock) {
		struct mdevsim_function *fn = session_fn(session);

		if (session_is_saving(session))
			fn->ops->bulk_save_end(fn);
		else
			mdevsim_state_loader_release(&session->loader);
		session->phase = MDEVSIM_SESSION_OVER;
		session->device = NULL;
	}
	wake_up_interruptible_poll(&session->wait, EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP);
	session_put(session);
}
