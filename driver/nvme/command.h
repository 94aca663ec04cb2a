/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A command on its way through the controller.
 */
#ifndef MDEVSIM_NVME_COMMAND_H
#define MDEVSIM_NVME_COMMAND_H

#include <linux/nvme.h>
#include <linux/types.h>

struct nvme_sq;

/**
 * struct nvme_request - a command being executed
 * @sq: where it came from
 * @cmd: the command
 * @result: completion DW0
 * @location: byte (bits 7:0) and bit (10:8) of @cmd that is at fault, 0xffff when none is
 * @lba: first block concerned by an error
 * @parked: it stays outstanding: no completion now
 */
struct nvme_request {
	struct nvme_sq *sq;
	const struct nvme_command *cmd;
	u32 result;
	u16 location;
	u64 lba;
	bool parked;
};

/**
 * struct nvme_operation - how one opcode is executed
 * @execute: do it; the status, without More and Do Not Retry
 * @effects: as in the Commands Supported and Effects log
 */
struct nvme_operation {
	u16 (*execute)(struct nvme_request *req);
	u32 effects;
};

/** nvme_bad_field - refuse a command for the field at @offset of it */
static inline u16 nvme_bad_field(struct nvme_request *req, size_t offset)
{
	req->location = offset;
	return NVME_SC_INVALID_FIELD;
}

/** nvme_admin_operation - how @opcode is executed in the admin queue; NULL when it is not */
const struct nvme_operation *nvme_admin_operation(u8 opcode);

/** nvme_io_operation - likewise in I/O queues */
const struct nvme_operation *nvme_io_operation(u8 opcode);

/** nvme_identify_execute - Identify: a status */
u16 nvme_identify_execute(struct nvme_request *req);

#endif /* MDEVSIM_NVME_COMMAND_H */
