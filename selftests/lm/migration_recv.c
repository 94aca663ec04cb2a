// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded into nvme-cli: whatever character device it opens is a controller
 * that answers Migration Receive, and nothing else, with the bytes of the file
 * $CONTROLLER_STATE.
 */
#include <errno.h>
#include <linux/ioctl.h>
#include <linux/nvme_ioctl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIGRATION_RECEIVE	0x42
#define GET_CONTROLLER_STATE	0
#define INVALID_OPCODE		0x4001	/* with Do Not Retry, as the kernel returns it */
#define INVALID_FIELD		0x4002
#define SUSPENDED		1	/* in completion DW0, and attribute of the container */
#define ATTRIBUTES		2

static size_t state_read(uint8_t *state, size_t most)
{
	const char *path = getenv("CONTROLLER_STATE");
	FILE *file = path ? fopen(path, "r") : NULL;
	size_t length;

	if (!file)
		return 0;
	length = fread(state, 1, most, file);
	fclose(file);
	return length;
}

/* As a controller does: dwords from an offset on, zeroes behind what there is. */
static int receive(struct nvme_passthru_cmd *cmd)
{
	static uint8_t state[1 << 16];
	uint64_t offset = (uint64_t)cmd->cdw13 << 32 | cmd->cdw12;
	size_t length = ((size_t)cmd->cdw15 + 1) * 4;
	size_t there = state_read(state, sizeof(state));

	if ((cmd->cdw10 & 0xff) != GET_CONTROLLER_STATE || !there || cmd->data_len != length ||
	    offset > there)
		return INVALID_FIELD;
	memset((void *)(uintptr_t)cmd->addr, 0, length);
	if (length > there - offset)
		length = there - offset;
	memcpy((void *)(uintptr_t)cmd->addr, state + offset, length);
	cmd->result = state[ATTRIBUTES] & SUSPENDED;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct nvme_passthru_cmd *cmd;
	va_list args;

	(void)fd;
	va_start(args, request);
	cmd = va_arg(args, void *);
	va_end(args);
	if (request != NVME_IOCTL_ADMIN_CMD) {
		errno = ENOTTY;
		return -1;
	}
	return cmd->opcode == MIGRATION_RECEIVE ? receive(cmd) : INVALID_OPCODE;
}
