/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/mdevsim.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_MDEVSIM_H
#define _UAPI_LINUX_MDEVSIM_H

#define MDEVSIM_FAMILY_NAME	"mdevsim"
#define MDEVSIM_FAMILY_VERSION	1

#define MDEVSIM_MAX_FAULTS	64
#define MDEVSIM_MAX_DELAY_MS	3600000
#define MDEVSIM_CERTAIN		1000000
#define MDEVSIM_NAME_LENGTH	36

/**
 * enum mdevsim_migration_state - State of a device, numbered as enum
 *   vfio_device_mig_state.
 */
enum mdevsim_migration_state {
	MDEVSIM_MIGRATION_STATE_ERROR,
	MDEVSIM_MIGRATION_STATE_STOP,
	MDEVSIM_MIGRATION_STATE_RUNNING,
	MDEVSIM_MIGRATION_STATE_STOP_COPY,
	MDEVSIM_MIGRATION_STATE_RESUMING,
	MDEVSIM_MIGRATION_STATE_RUNNING_P2P,
	MDEVSIM_MIGRATION_STATE_PRE_COPY,
	MDEVSIM_MIGRATION_STATE_PRE_COPY_P2P,
};

/**
 * enum mdevsim_protocol - By what the owner of a device drives its migration.
 * @MDEVSIM_PROTOCOL_NONE: Nobody has, since the device was opened.
 * @MDEVSIM_PROTOCOL_V2: VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE.
 * @MDEVSIM_PROTOCOL_V1: The migration region.
 */
enum mdevsim_protocol {
	MDEVSIM_PROTOCOL_NONE,
	MDEVSIM_PROTOCOL_V2,
	MDEVSIM_PROTOCOL_V1,
};

/**
 * enum mdevsim_phase - What the data transfer session of a device is for.
 * @MDEVSIM_PHASE_NONE: There is no session.
 * @MDEVSIM_PHASE_PRE_COPY: It saves, and the function may run.
 * @MDEVSIM_PHASE_STOP_COPY: It saves, and the function is stopped.
 * @MDEVSIM_PHASE_RESUMING: It loads.
 */
enum mdevsim_phase {
	MDEVSIM_PHASE_NONE,
	MDEVSIM_PHASE_PRE_COPY,
	MDEVSIM_PHASE_STOP_COPY,
	MDEVSIM_PHASE_RESUMING,
};

/**
 * enum mdevsim_event_kind - What an event tells of.
 * @MDEVSIM_EVENT_KIND_CREATED: There is a new device.
 * @MDEVSIM_EVENT_KIND_REMOVED: The device is gone. No more events of it
 *   follow.
 * @MDEVSIM_EVENT_KIND_OPENED: Somebody has opened the device.
 * @MDEVSIM_EVENT_KIND_CLOSED: The last file descriptor of the device was
 *   closed, which leaves it in to.
 * @MDEVSIM_EVENT_KIND_STATE: An arc was taken (errno is 0), or was not. A
 *   device ends in error if to says so, which with errno is what a fault does.
 * @MDEVSIM_EVENT_KIND_SESSION_BEGIN: A data transfer session has begun; phase
 *   says for what.
 * @MDEVSIM_EVENT_KIND_SESSION_END: It has ended. Bytes were transferred in
 *   all.
 * @MDEVSIM_EVENT_KIND_ROUND: In pre-copy a reader has read all there was.
 * @MDEVSIM_EVENT_KIND_REFUSAL: A stream was refused for the reason in message.
 * @MDEVSIM_EVENT_KIND_RESET: The device was reset, as message says. The states
 *   before and after it are in from and to; a function level reset changes
 *   none.
 * @MDEVSIM_EVENT_KIND_FAULT: A fault was hit; message says which and where.
 */
enum mdevsim_event_kind {
	MDEVSIM_EVENT_KIND_CREATED,
	MDEVSIM_EVENT_KIND_REMOVED,
	MDEVSIM_EVENT_KIND_OPENED,
	MDEVSIM_EVENT_KIND_CLOSED,
	MDEVSIM_EVENT_KIND_STATE,
	MDEVSIM_EVENT_KIND_SESSION_BEGIN,
	MDEVSIM_EVENT_KIND_SESSION_END,
	MDEVSIM_EVENT_KIND_ROUND,
	MDEVSIM_EVENT_KIND_REFUSAL,
	MDEVSIM_EVENT_KIND_RESET,
	MDEVSIM_EVENT_KIND_FAULT,
};

/**
 * enum mdevsim_fault_kind - What goes wrong. Each kind says which attributes
 *   of the set fault it takes beside dev, times and probability; those in
 *   brackets may be missing.
 * @MDEVSIM_FAULT_KIND_ARC: An arc is refused. errno, [from], [to].
 * @MDEVSIM_FAULT_KIND_ERROR: An arc ends in ERROR, from which only a reset
 *   leads. [from], [to], [errno].
 * @MDEVSIM_FAULT_KIND_STALL_ARC: An arc takes longer, killably. delay-ms,
 *   [from], [to].
 * @MDEVSIM_FAULT_KIND_STALL_DATA: A read or write of the data fd takes longer,
 *   killably. delay-ms, [offset].
 * @MDEVSIM_FAULT_KIND_RATE: The data fd is slow. rate.
 * @MDEVSIM_FAULT_KIND_DATA: The data fd fails at a byte of the stream. errno,
 *   offset.
 * @MDEVSIM_FAULT_KIND_FLIP: A bit of the stream is wrong. offset, bit.
 * @MDEVSIM_FAULT_KIND_TRUNCATE: The stream ends before this byte; what is
 *   written after it is lost. offset.
 * @MDEVSIM_FAULT_KIND_PRECOPY_INFO: PRECOPY_INFO, or pending_bytes of the
 *   migration region, says this. [initial-bytes], [dirty-bytes].
 * @MDEVSIM_FAULT_KIND_DATA_SIZE: MIG_DATA_SIZE says this. size.
 * @MDEVSIM_FAULT_KIND_REFUSE: Every stream is refused at its first byte.
 * @MDEVSIM_FAULT_KIND_NVME_TIMEOUT: A command is never completed, until the
 *   controller is disabled. [opcode], [admin].
 * @MDEVSIM_FAULT_KIND_NVME_STATUS: A command is not executed but completed
 *   with a status. status, [opcode], [admin].
 */
enum mdevsim_fault_kind {
	MDEVSIM_FAULT_KIND_ARC,
	MDEVSIM_FAULT_KIND_ERROR,
	MDEVSIM_FAULT_KIND_STALL_ARC,
	MDEVSIM_FAULT_KIND_STALL_DATA,
	MDEVSIM_FAULT_KIND_RATE,
	MDEVSIM_FAULT_KIND_DATA,
	MDEVSIM_FAULT_KIND_FLIP,
	MDEVSIM_FAULT_KIND_TRUNCATE,
	MDEVSIM_FAULT_KIND_PRECOPY_INFO,
	MDEVSIM_FAULT_KIND_DATA_SIZE,
	MDEVSIM_FAULT_KIND_REFUSE,
	MDEVSIM_FAULT_KIND_NVME_TIMEOUT,
	MDEVSIM_FAULT_KIND_NVME_STATUS,
};

/**
 * enum mdevsim_target - What the background writer of a device dirties.
 * @MDEVSIM_TARGET_NAMESPACE: Pages of the namespace, which keep their
 *   contents.
 * @MDEVSIM_TARGET_GUEST: Guest memory, whose contents are lost.
 */
enum mdevsim_target {
	MDEVSIM_TARGET_NAMESPACE,
	MDEVSIM_TARGET_GUEST,
};

enum {
	MDEVSIM_A_DEV_PAD = 1,
	MDEVSIM_A_DEV_NAME,
	MDEVSIM_A_DEV_TYPE,
	MDEVSIM_A_DEV_OPENED,
	MDEVSIM_A_DEV_PROTOCOL,
	MDEVSIM_A_DEV_STATE,
	MDEVSIM_A_DEV_PHASE,
	MDEVSIM_A_DEV_BYTES,
	MDEVSIM_A_DEV_ROUNDS,
	MDEVSIM_A_DEV_INITIAL_BYTES,
	MDEVSIM_A_DEV_DIRTY_BYTES,
	MDEVSIM_A_DEV_REFUSAL,
	MDEVSIM_A_DEV_EVENTS,
	MDEVSIM_A_DEV_TOTAL,
	MDEVSIM_A_DEV_FAULTS,
	MDEVSIM_A_DEV_COUNTERS,

	__MDEVSIM_A_DEV_MAX,
	MDEVSIM_A_DEV_MAX = (__MDEVSIM_A_DEV_MAX - 1)
};

enum {
	MDEVSIM_A_COUNTERS_PAD = 1,
	MDEVSIM_A_COUNTERS_MMIO_READS,
	MDEVSIM_A_COUNTERS_MMIO_WRITES,
	MDEVSIM_A_COUNTERS_DMA_READ_BYTES,
	MDEVSIM_A_COUNTERS_DMA_WRITTEN_BYTES,
	MDEVSIM_A_COUNTERS_PAGES_DIRTIED,
	MDEVSIM_A_COUNTERS_INTERRUPTS,
	MDEVSIM_A_COUNTERS_COMMAND,

	__MDEVSIM_A_COUNTERS_MAX,
	MDEVSIM_A_COUNTERS_MAX = (__MDEVSIM_A_COUNTERS_MAX - 1)
};

enum {
	MDEVSIM_A_COMMAND_PAD = 1,
	MDEVSIM_A_COMMAND_ADMIN,
	MDEVSIM_A_COMMAND_OPCODE,
	MDEVSIM_A_COMMAND_COUNT,

	__MDEVSIM_A_COMMAND_MAX,
	MDEVSIM_A_COMMAND_MAX = (__MDEVSIM_A_COMMAND_MAX - 1)
};

enum {
	MDEVSIM_A_EVENT_PAD = 1,
	MDEVSIM_A_EVENT_DEV,
	MDEVSIM_A_EVENT_KIND,
	MDEVSIM_A_EVENT_SEQ,
	MDEVSIM_A_EVENT_TOTAL,
	MDEVSIM_A_EVENT_TIME_NS,
	MDEVSIM_A_EVENT_FROM,
	MDEVSIM_A_EVENT_TO,
	MDEVSIM_A_EVENT_PHASE,
	MDEVSIM_A_EVENT_DURATION_NS,
	MDEVSIM_A_EVENT_ERRNO,
	MDEVSIM_A_EVENT_BYTES,
	MDEVSIM_A_EVENT_DIRTY_BYTES,
	MDEVSIM_A_EVENT_FAULT,
	MDEVSIM_A_EVENT_MESSAGE,

	__MDEVSIM_A_EVENT_MAX,
	MDEVSIM_A_EVENT_MAX = (__MDEVSIM_A_EVENT_MAX - 1)
};

enum {
	MDEVSIM_A_FAULT_PAD = 1,
	MDEVSIM_A_FAULT_DEV,
	MDEVSIM_A_FAULT_ID,
	MDEVSIM_A_FAULT_KIND,
	MDEVSIM_A_FAULT_TIMES,
	MDEVSIM_A_FAULT_PROBABILITY,
	MDEVSIM_A_FAULT_FROM,
	MDEVSIM_A_FAULT_TO,
	MDEVSIM_A_FAULT_ERRNO,
	MDEVSIM_A_FAULT_DELAY_MS,
	MDEVSIM_A_FAULT_RATE,
	MDEVSIM_A_FAULT_OFFSET,
	MDEVSIM_A_FAULT_BIT,
	MDEVSIM_A_FAULT_INITIAL_BYTES,
	MDEVSIM_A_FAULT_DIRTY_BYTES,
	MDEVSIM_A_FAULT_SIZE,
	MDEVSIM_A_FAULT_ADMIN,
	MDEVSIM_A_FAULT_OPCODE,
	MDEVSIM_A_FAULT_STATUS,
	MDEVSIM_A_FAULT_HITS,
	MDEVSIM_A_FAULT_ALL,

	__MDEVSIM_A_FAULT_MAX,
	MDEVSIM_A_FAULT_MAX = (__MDEVSIM_A_FAULT_MAX - 1)
};

enum {
	MDEVSIM_A_SHAPE_PAD = 1,
	MDEVSIM_A_SHAPE_DEV,
	MDEVSIM_A_SHAPE_DIRTY_RATE,
	MDEVSIM_A_SHAPE_DIRTY_SPAN,
	MDEVSIM_A_SHAPE_TARGET,
	MDEVSIM_A_SHAPE_GUEST_ADDRESS,
	MDEVSIM_A_SHAPE_GUEST_LENGTH,
	MDEVSIM_A_SHAPE_INITIAL_EXTRA,
	MDEVSIM_A_SHAPE_FINAL_EXTRA,
	MDEVSIM_A_SHAPE_DELAY,
	MDEVSIM_A_SHAPE_DIRTIED,

	__MDEVSIM_A_SHAPE_MAX,
	MDEVSIM_A_SHAPE_MAX = (__MDEVSIM_A_SHAPE_MAX - 1)
};

enum {
	MDEVSIM_A_DELAY_STATE = 1,
	MDEVSIM_A_DELAY_MS,

	__MDEVSIM_A_DELAY_MAX,
	MDEVSIM_A_DELAY_MAX = (__MDEVSIM_A_DELAY_MAX - 1)
};

enum {
	MDEVSIM_CMD_DEV_GET = 1,
	MDEVSIM_CMD_EVENT,
	MDEVSIM_CMD_FAULT_ADD,
	MDEVSIM_CMD_FAULT_DEL,
	MDEVSIM_CMD_FAULT_GET,
	MDEVSIM_CMD_SHAPE_GET,
	MDEVSIM_CMD_SHAPE_SET,

	__MDEVSIM_CMD_MAX,
	MDEVSIM_CMD_MAX = (__MDEVSIM_CMD_MAX - 1)
};

#define MDEVSIM_MCGRP_MIGRATION	"migration"

#endif /* _UAPI_LINUX_MDEVSIM_H */
