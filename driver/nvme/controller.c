// SPDX-License-Identifier: GPL-2.0
/*
 * The controller: properties, enabling and disabling, and what its carrier
 * asks of it.
 */
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "nvme.h"

/* Ready within 15 s: a disable waits for what was fetched. */
#define CAP_TIMEOUT	30ULL
#define CAP		((NVME_QUEUE_ENTRIES - 1) | 1ULL << 16 | CAP_TIMEOUT << 24 |	\
			 (u64)NVME_CAP_CSS_NVM << 37)
#define VS		NVME_VS(1, 4, 0)

#define CC_SHN		NVME_CC_SHN_MASK
#define CC_IOSQES	(0xf << NVME_CC_IOSQES_SHIFT)
#define CC_IOCQES	(0xf << NVME_CC_IOCQES_SHIFT)
#define CC_MPS		(0xf << NVME_CC_MPS_SHIFT)
#define CC_AMS		(7 << NVME_CC_AMS_SHIFT)
#define CC_ALL		(NVME_CC_ENABLE | NVME_CC_CSS_MASK | CC_MPS | CC_AMS | CC_SHN |	\
			 CC_IOSQES | CC_IOCQES)
/* May change while the controller is enabled */
#define CC_ANY_TIME	(CC_SHN | CC_IOSQES | CC_IOCQES)

#define AQA_ASQS	0x00000fff
#define AQA_ACQS	0x0fff0000

static u32 get_reg(const struct nvme_controller *ctrl, u32 offset)
{
	lockdep_assert_held(&ctrl->lock);
	return ctrl->reg[offset / 4];
}

static void set_reg(struct nvme_controller *ctrl, u32 offset, u32 value)
{
	lockdep_assert_held(&ctrl->lock);
	ctrl->reg[offset / 4] = value;
}

void nvme_controller_fatal(struct nvme_controller *ctrl)
{
	mdevsim_function_dbg(&ctrl->fn, "nvme: a queue is not in guest memory, giving up");
	guard(spinlock)(&ctrl->lock);
	set_reg(ctrl, NVME_REG_CSTS, get_reg(ctrl, NVME_REG_CSTS) | NVME_CSTS_CFS);
}

/* Stopping and starting: under @control */

/* Nothing is left of queues, requests and settings; works are idle. */
static void controller_clear(struct nvme_controller *ctrl)
{
	nvme_queue_close_all(ctrl);
	nvme_feature_reset(ctrl);
	ctrl->events = (struct nvme_events) {};
	set_reg(ctrl, NVME_REG_INTMS, 0);
	set_reg(ctrl, NVME_REG_INTMC, 0);
	set_reg(ctrl, NVME_REG_CSTS, 0);
	ctrl->intx = false;
	mdevsim_irq_intx(&ctrl->fn, false);
}

static void controller_disable(struct nvme_controller *ctrl, u32 cc)
{
	lockdep_assert_held(&ctrl->control);
	scoped_guard(spinlock, &ctrl->lock)
		set_reg(ctrl, NVME_REG_CC, cc);
	nvme_queue_stop(ctrl);
	guard(spinlock)(&ctrl->lock);
	controller_clear(ctrl);
}

bool nvme_controller_cc_valid(u32 cc)
{
	return !(cc & (NVME_CC_CSS_MASK | CC_MPS | CC_AMS));
}

static void controller_enable(struct nvme_controller *ctrl, u32 cc)
{
	u32 aqa;

	guard(spinlock)(&ctrl->lock);
	aqa = get_reg(ctrl, NVME_REG_AQA);
	set_reg(ctrl, NVME_REG_CC, cc);
	if (!nvme_controller_cc_valid(cc) || !(aqa & AQA_ASQS) || !(aqa & AQA_ACQS)) {
		mdevsim_function_dbg(&ctrl->fn, "nvme: cannot be enabled with CC %08x, AQA %08x",
				     cc, aqa);
		set_reg(ctrl, NVME_REG_CSTS, NVME_CSTS_CFS);
		return;
	}
	nvme_queue_close_all(ctrl);
	nvme_queue_open_cq(ctrl, &ctrl->cq[0], nvme_controller_reg64(ctrl, NVME_REG_ACQ),
			   ((aqa & AQA_ACQS) >> 16) + 1);
	nvme_queue_open_sq(&ctrl->sq[0], &ctrl->cq[0], nvme_controller_reg64(ctrl, NVME_REG_ASQ),
			   (aqa & AQA_ASQS) + 1);
	set_reg(ctrl, NVME_REG_CSTS, NVME_CSTS_RDY);
}

static void set_shst(struct nvme_controller *ctrl, u32 shst)
{
	u32 csts;

	guard(spinlock)(&ctrl->lock);
	csts = get_reg(ctrl, NVME_REG_CSTS) & ~NVME_CSTS_SHST_MASK;
	set_reg(ctrl, NVME_REG_CSTS, csts | shst);
}

/* Normal and abrupt are the same: what was fetched is completed, nothing more is fetched. */
static void controller_shutdown(struct nvme_controller *ctrl)
{
	set_shst(ctrl, NVME_CSTS_SHST_OCCUR);
	nvme_queue_stop(ctrl);
	set_shst(ctrl, NVME_CSTS_SHST_CMPLT);
}

/* Properties */

static void write_cc(struct nvme_controller *ctrl, u32 value)
{
	u32 old;

	guard(mutex)(&ctrl->control);
	scoped_guard(spinlock, &ctrl->lock) {
		old = get_reg(ctrl, NVME_REG_CC);
		value &= CC_ALL;
		if (value & old & NVME_CC_ENABLE)
			value = (value & CC_ANY_TIME) | (old & ~CC_ANY_TIME);
		if (!((value ^ old) & NVME_CC_ENABLE))
			set_reg(ctrl, NVME_REG_CC, value);
	}
	if (old & ~value & NVME_CC_ENABLE)
		controller_disable(ctrl, value);
	else if (value & ~old & NVME_CC_ENABLE)
		controller_enable(ctrl, value);
	if (!((value ^ old) & CC_SHN) && !((value ^ old) & NVME_CC_ENABLE))
		return;
	if (value & CC_SHN)
		controller_shutdown(ctrl);
	else
		set_shst(ctrl, 0);
	nvme_queue_kick(ctrl);
}

static void set_interrupt_mask(struct nvme_controller *ctrl, u32 set, u32 clear)
{
	u32 mask;

	guard(spinlock)(&ctrl->lock);
	mask = (get_reg(ctrl, NVME_REG_INTMS) | set) & ~clear;
	set_reg(ctrl, NVME_REG_INTMS, mask);
	set_reg(ctrl, NVME_REG_INTMC, mask);
	nvme_queue_intx(ctrl);
}

static void write_intms(struct nvme_controller *ctrl, u32 value)
{
	set_interrupt_mask(ctrl, value, 0);
}

static void write_intmc(struct nvme_controller *ctrl, u32 value)
{
	set_interrupt_mask(ctrl, 0, value);
}

/**
 * struct controller_property - 32 bits of the properties, read-only without either member
 * @writable: bits that are simply stored
 * @write: instead, where a write does more
 */
struct controller_property {
	u32 writable;
	void (*write)(struct nvme_controller *ctrl, u32 value);
};

static const struct controller_property properties[NVME_REGISTERS] = {
	[NVME_REG_INTMS / 4]	= { .write = write_intms },
	[NVME_REG_INTMC / 4]	= { .write = write_intmc },
	[NVME_REG_CC / 4]	= { .write = write_cc },
	[NVME_REG_AQA / 4]	= { .writable = AQA_ASQS | AQA_ACQS },
	[NVME_REG_ASQ / 4]	= { .writable = ~(NVME_PAGE_SIZE - 1) },
	[NVME_REG_ASQ / 4 + 1]	= { .writable = ~0 },
	[NVME_REG_ACQ / 4]	= { .writable = ~(NVME_PAGE_SIZE - 1) },
	[NVME_REG_ACQ / 4 + 1]	= { .writable = ~0 },
};

static void write_property(struct nvme_controller *ctrl, u32 index, u32 value)
{
	const struct controller_property *property = &properties[index];

	if (property->write) {
		property->write(ctrl, value);
		return;
	}
	if (!property->writable)
		return;
	guard(spinlock)(&ctrl->lock);
	ctrl->reg[index] = value & property->writable;
}

static void write_dword(struct nvme_controller *ctrl, u32 offset, u32 value)
{
	if (offset >= NVME_REG_DBS)
		nvme_queue_doorbell(ctrl, (offset - NVME_REG_DBS) / 4, value);
	else if (offset / 4 < NVME_REGISTERS)
		write_property(ctrl, offset / 4, value);
}

/* Hosts must not write less than a dword: ignored. */
static void controller_bar_write(struct mdevsim_function *fn, u32 offset, unsigned int width,
				 u64 value)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	if (width < 4)
		return;
	write_dword(ctrl, offset, lower_32_bits(value));
	if (width == 8)
		write_dword(ctrl, offset + 4, upper_32_bits(value));
}

static u32 read_dword(struct nvme_controller *ctrl, u32 offset)
{
	if (offset / 4 >= NVME_REGISTERS)
		return 0;
	guard(spinlock)(&ctrl->lock);
	return get_reg(ctrl, offset);
}

static u64 controller_bar_read(struct mdevsim_function *fn, u32 offset, unsigned int width)
{
	struct nvme_controller *ctrl = to_nvme(fn);
	u32 value = read_dword(ctrl, offset);

	if (width == 8)
		return value | (u64)read_dword(ctrl, offset + 4) << 32;
	return value >> offset % 4 * 8 & GENMASK_ULL(width * 8 - 1, 0);
}

/* What the carrier asks */

static void controller_reset(struct mdevsim_function *fn)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	guard(mutex)(&ctrl->control);
	controller_disable(ctrl, 0);
	guard(spinlock)(&ctrl->lock);
	memset(ctrl->reg, 0, sizeof(ctrl->reg));
	set_reg(ctrl, NVME_REG_CAP, lower_32_bits(CAP));
	set_reg(ctrl, NVME_REG_CAP + 4, upper_32_bits(CAP));
	set_reg(ctrl, NVME_REG_VS, VS);
}

static void controller_quiesce(struct mdevsim_function *fn)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	guard(mutex)(&ctrl->control);
	scoped_guard(spinlock, &ctrl->lock)
		ctrl->quiet = true;
	nvme_queue_stop(ctrl);
}

static void controller_resume(struct mdevsim_function *fn)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	guard(mutex)(&ctrl->control);
	scoped_guard(spinlock, &ctrl->lock)
		ctrl->quiet = false;
	nvme_queue_reraise(ctrl);
	nvme_queue_kick(ctrl);
}

static void controller_config_changed(struct mdevsim_function *fn)
{
	nvme_queue_kick(to_nvme(fn));
}

/*
 * An interrupt that the source sent may not have reached the guest. It costs
 * nothing to send it again, once the function may.
 */
static void controller_state_loaded(struct mdevsim_function *fn)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	guard(spinlock)(&ctrl->lock);
	ctrl->reraise = true;
}

static struct mdevsim_function *controller_create(struct mdevsim_device *device, u64 capacity)
{
	struct nvme_controller *ctrl __free(kvfree) = kvzalloc(sizeof(*ctrl), GFP_KERNEL_ACCOUNT);

	if (!ctrl)
		return ERR_PTR(-ENOMEM);
	ctrl->fn.ops = &nvme_function_ops;
	ctrl->fn.device = device;
	ctrl->capacity = capacity;
	ctrl->quiet = true;
	mutex_init(&ctrl->control);
	spin_lock_init(&ctrl->lock);
	nvme_queue_init(ctrl);
	nvme_log_init(ctrl);
	nvme_state_name(ctrl);
	ctrl->ns = nvme_namespace_create(&ctrl->fn, capacity);
	if (!ctrl->ns)
		return ERR_PTR(-ENOMEM);
	controller_reset(&ctrl->fn);
	return &no_free_ptr(ctrl)->fn;
}

static void controller_destroy(struct mdevsim_function *fn)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	scoped_guard(mutex, &ctrl->control)
		controller_disable(ctrl, 0);
	nvme_bulk_load_abort(fn);
	nvme_namespace_destroy(ctrl->ns);
	kvfree(ctrl);
}

const struct mdevsim_function_ops nvme_function_ops = {
	.limits			= {
		.function	= "nvme",
		.version_major	= 1,
		.lba_shift	= MDEVSIM_LBA_SHIFT,
		.vectors	= MDEVSIM_MAX_VECTORS,
		.io_queues	= MDEVSIM_MAX_IO_QUEUES,
		.queue_entries	= NVME_QUEUE_ENTRIES,
	},
	.bar_size		= NVME_BAR_SIZE,
	.create			= controller_create,
	.destroy		= controller_destroy,
	.reset			= controller_reset,
	.bar_read		= controller_bar_read,
	.bar_write		= controller_bar_write,
	.config_changed		= controller_config_changed,
	.quiesce		= controller_quiesce,
	.resume			= controller_resume,
	.identity		= nvme_state_identity,
	.state			= nvme_state_ops,
	.nr_state		= NVME_STATE_RECORDS,
	.state_loaded		= controller_state_loaded,
	.bulk_save_begin	= nvme_bulk_save_begin,
	.bulk_save_end		= nvme_bulk_save_end,
	.bulk_size		= nvme_bulk_size,
	.bulk_next		= nvme_bulk_next,
	.bulk_page_get		= nvme_bulk_page_get,
	.bulk_page_crc		= nvme_bulk_page_crc,
	.bulk_page_put		= nvme_bulk_page_put,
	.bulk_touch		= nvme_bulk_touch,
	.bulk_load_begin	= nvme_bulk_load_begin,
	.bulk_load_page		= nvme_bulk_load_page,
	.bulk_load_zero		= nvme_bulk_load_zero,
	.bulk_load_commit	= nvme_bulk_load_commit,
	.bulk_load_abort	= nvme_bulk_load_abort,
	.resize			= nvme_bulk_resize,
};
