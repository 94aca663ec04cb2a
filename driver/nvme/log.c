// SPDX-License-Identifier: GPL-2.0
/*
 * Log pages, and the counters they are made from.
 */
#include <linux/array_size.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/ktime.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "nvme.h"

#define TEMPERATURE_NORMAL	313
#define BLOCKS_PER_UNIT		1000	/* of Data Units Read and Written */
#define MS_PER_MINUTE		(60 * MSEC_PER_SEC)
#define MS_PER_HOUR		(60 * MS_PER_MINUTE)
#define RETAIN_EVENT		BIT(7)		/* of the byte that follows LID */

void nvme_log_init(struct nvme_controller *ctrl)
{
	ctrl->logs.power_cycles = 1;
	ctrl->logs.power_on_since = ktime_get_ns();
	ctrl->logs.temperature = TEMPERATURE_NORMAL;
}

void nvme_log_error(struct nvme_controller *ctrl, struct mdevsim_state_nvme_error error)
{
	struct nvme_logs *logs = &ctrl->logs;

	lockdep_assert_held(&ctrl->lock);
	error.error_count = cpu_to_le64(++logs->error_count);
	memmove(&logs->error[1], &logs->error[0], sizeof(logs->error) - sizeof(logs->error[0]));
	logs->error[0] = error;
}

void nvme_log_busy(struct nvme_logs *logs, bool busy)
{
	if (busy) {
		if (!logs->busy++)
			logs->busy_since = ktime_get_ns();
	} else if (!--logs->busy) {
		logs->busy_ns += ktime_get_ns() - logs->busy_since;
	}
}

static u64 busy_ms(const struct nvme_logs *logs)
{
	return logs->busy_ms + div_u64(logs->busy_ns, NSEC_PER_MSEC);
}

static u64 power_on_ms(const struct nvme_logs *logs)
{
	return logs->power_on_ms + div_u64(ktime_get_ns() - logs->power_on_since, NSEC_PER_MSEC);
}

/* Log pages: fill in @data, zeroed, with the lock held */

static void log_error(struct nvme_controller *ctrl, void *data)
{
	struct nvme_error_slot *slot = data;
	unsigned int i;

	for (i = 0; i < MDEVSIM_MAX_ERROR_LOG; i++) {
		const struct mdevsim_state_nvme_error *error = &ctrl->logs.error[i];

		slot[i].error_count = error->error_count;
		slot[i].sqid = error->sqid;
		slot[i].cmdid = error->cid;
		slot[i].status_field = error->status;
		slot[i].param_error_location = error->location;
		slot[i].lba = error->lba;
		slot[i].nsid = error->nsid;
	}
}

static void log_smart(struct nvme_controller *ctrl, void *data)
{
	const struct nvme_logs *logs = &ctrl->logs;
	struct nvme_smart_log *smart = data;

	smart->critical_warning = nvme_feature_critical_warning(ctrl);
	put_unaligned_le16(logs->temperature, smart->temperature);
	smart->avail_spare = 100;
	smart->spare_thresh = 10;
	put_unaligned_le64(DIV_ROUND_UP_ULL(logs->io.blocks_read, BLOCKS_PER_UNIT),
			   smart->data_units_read);
	put_unaligned_le64(DIV_ROUND_UP_ULL(logs->io.blocks_written, BLOCKS_PER_UNIT),
			   smart->data_units_written);
	put_unaligned_le64(logs->io.reads, smart->host_reads);
	put_unaligned_le64(logs->io.writes, smart->host_writes);
	put_unaligned_le64(div_u64(busy_ms(logs), MS_PER_MINUTE), smart->ctrl_busy_time);
	put_unaligned_le64(logs->power_cycles, smart->power_cycles);
	put_unaligned_le64(div_u64(power_on_ms(logs), MS_PER_HOUR),
			   smart->power_on_hours);
	put_unaligned_le64(logs->error_count, smart->num_err_log_entries);
}

static void log_firmware(struct nvme_controller *ctrl, void *data)
{
	struct nvme_fw_slot_info_log *log = data;

	log->afi = 1;
	memcpy_and_pad(&log->frs[0], sizeof(log->frs[0]), NVME_FIRMWARE,
		       strlen(NVME_FIRMWARE), ' ');
}

static void log_changed_ns(struct nvme_controller *ctrl, void *data)
{
	__le32 *list = data;

	if (ctrl->logs.ns_changed)
		list[0] = cpu_to_le32(NVME_NSID);
}

static u32 operation_effects(const struct nvme_operation *operation)
{
	return operation ? operation->effects : 0;
}

static void log_effects(struct nvme_controller *ctrl, void *data)
{
	struct nvme_effects_log *log = data;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(log->acs); i++) {
		log->acs[i] = cpu_to_le32(operation_effects(nvme_admin_operation(i)));
		log->iocs[i] = cpu_to_le32(operation_effects(nvme_io_operation(i)));
	}
}

/**
 * struct log_page - one log page
 * @size: bytes
 * @fill: make its contents
 */
struct log_page {
	u32 size;
	void (*fill)(struct nvme_controller *ctrl, void *data);
};

static const struct log_page log_pages[] = {
	[NVME_LOG_ERROR]	= { MDEVSIM_MAX_ERROR_LOG * sizeof(struct nvme_error_slot),
				    log_error },
	[NVME_LOG_SMART]	= { sizeof(struct nvme_smart_log), log_smart },
	[NVME_LOG_FW_SLOT]	= { sizeof(struct nvme_fw_slot_info_log), log_firmware },
	[NVME_LOG_CHANGED_NS]	= { NVME_MAX_CHANGED_NAMESPACES * sizeof(__le32), log_changed_ns },
	[NVME_LOG_CMD_EFFECTS]	= { sizeof(struct nvme_effects_log), log_effects },
};

/* The logs are the controller's; none is kept by namespace. */
static bool log_nsid_valid(u32 nsid)
{
	return !nsid || nsid == NVME_NSID_ALL;
}

static void log_fill(struct nvme_controller *ctrl, const struct log_page *page, void *data)
{
	guard(spinlock)(&ctrl->lock);
	page->fill(ctrl, data);
}

/*
 * The host has seen the page: events about it may be reported again. A change that came after the
 * page was made is not in it, and stays.
 */
static void log_acknowledge(struct nvme_controller *ctrl, u8 lid, const void *data)
{
	nvme_event_clear(ctrl, lid);
	guard(spinlock)(&ctrl->lock);
	if (lid == NVME_LOG_CHANGED_NS && *(const __le32 *)data)
		ctrl->logs.ns_changed = false;
}

u16 nvme_log_execute(struct nvme_request *req)
{
	void *data __free(kfree) = NULL;
	const struct nvme_get_log_page_command *cmd = &req->cmd->get_log_page;
	u64 length = 4 * (1 + (le16_to_cpu(cmd->numdl) | (u64)le16_to_cpu(cmd->numdu) << 16));
	u64 offset = le64_to_cpu(cmd->lpo);
	const struct log_page *page;
	u16 status;

	if (cmd->lid >= ARRAY_SIZE(log_pages) || !log_pages[cmd->lid].fill) {
		req->location = offsetof(struct nvme_get_log_page_command, lid);
		return NVME_SC_INVALID_LOG_PAGE;
	}
	page = &log_pages[array_index_nospec(cmd->lid, ARRAY_SIZE(log_pages))];
	if (!log_nsid_valid(le32_to_cpu(cmd->nsid)))
		return nvme_bad_field(req, offsetof(struct nvme_common_command, nsid));
	if (length > NVME_MAX_TRANSFER)
		return nvme_bad_field(req, offsetof(struct nvme_get_log_page_command, numdl));
	if (offset >= page->size || offset % 4)
		return nvme_bad_field(req, offsetof(struct nvme_get_log_page_command, lpo));
	data = kzalloc(page->size, GFP_KERNEL);
	if (!data)
		return NVME_SC_INTERNAL;
	log_fill(req->sq->ctrl, page, data);
	status = nvme_prp_to_host(req, data + offset, min(length, page->size - offset));
	if (!status && !(cmd->lsp & RETAIN_EVENT))
		log_acknowledge(req->sq->ctrl, cmd->lid, data);
	return status;
}

/* The record NVME_LOGS */

u32 nvme_log_save(struct mdevsim_function *fn, void *body)
{
	struct nvme_controller *ctrl = to_nvme(fn);
	struct mdevsim_state_nvme_logs *state = body;
	const struct nvme_logs *logs = &ctrl->logs;

	guard(spinlock)(&ctrl->lock);
	*state = (struct mdevsim_state_nvme_logs) {
		.blocks_read		= cpu_to_le64(logs->io.blocks_read),
		.blocks_written		= cpu_to_le64(logs->io.blocks_written),
		.reads			= cpu_to_le64(logs->io.reads),
		.writes			= cpu_to_le64(logs->io.writes),
		.busy_ms		= cpu_to_le64(busy_ms(logs)),
		.power_cycles		= cpu_to_le64(logs->power_cycles),
		.power_on_ms		= cpu_to_le64(power_on_ms(logs)),
		.error_count		= cpu_to_le64(logs->error_count),
		.temperature		= cpu_to_le16(logs->temperature),
		.critical_warning	= nvme_feature_critical_warning(ctrl),
		.ns_changed		= logs->ns_changed,
	};
	memcpy(state->error, logs->error, sizeof(state->error));
	return sizeof(*state);
}

/* Newest first: counts descend to 0, where nothing more is said. */
static int error_check(const struct mdevsim_state_nvme_error *error, u64 *last,
		       struct mdevsim_reason *why)
{
	u64 count = le64_to_cpu(error->error_count);

	if (error->reserved || (!count && memchr_inv(error, 0, sizeof(*error))))
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-logs: a reserved or unused part of the error log is not zero");
	if (count > *last)
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-logs: error %llu follows on %llu", count, *last);
	*last = count ? count - 1 : 0;
	return 0;
}

int nvme_log_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
		   struct mdevsim_reason *why)
{
	const struct mdevsim_state_nvme_logs *state = set->body[MDEVSIM_RECORD_NVME_LOGS];
	u64 last = le64_to_cpu(state->error_count);
	unsigned int i;
	int ret;

	if (memchr_inv(state->reserved, 0, sizeof(state->reserved)))
		return mdevsim_refuse(why, -EINVAL, "nvme-logs: a reserved field is not zero");
	if (state->ns_changed > 1 || state->critical_warning & ~NVME_SMART_CRIT_TEMPERATURE)
		return mdevsim_refuse(why, -EINVAL,
				      "nvme-logs: a critical warning or changed namespace is impossible");
	for (i = 0; i < MDEVSIM_MAX_ERROR_LOG; i++) {
		ret = error_check(&state->error[i], &last, why);
		if (ret)
			return ret;
	}
	return 0;
}

/* The critical warning follows from temperature and thresholds. */
void nvme_log_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	const struct mdevsim_state_nvme_logs *state = body;
	struct nvme_controller *ctrl = to_nvme(fn);

	guard(spinlock)(&ctrl->lock);
	ctrl->logs = (struct nvme_logs) {
		.io.blocks_read		= le64_to_cpu(state->blocks_read),
		.io.blocks_written	= le64_to_cpu(state->blocks_written),
		.io.reads		= le64_to_cpu(state->reads),
		.io.writes		= le64_to_cpu(state->writes),
		.busy_ms		= le64_to_cpu(state->busy_ms),
		.power_cycles		= le64_to_cpu(state->power_cycles),
		.power_on_ms		= le64_to_cpu(state->power_on_ms),
		.power_on_since		= ktime_get_ns(),
		.error_count		= le64_to_cpu(state->error_count),
		.temperature		= le16_to_cpu(state->temperature),
		.ns_changed		= state->ns_changed,
	};
	memcpy(ctrl->logs.error, state->error, sizeof(state->error));
}
