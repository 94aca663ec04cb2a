// SPDX-License-Identifier: GPL-2.0
/*
 * INTx and MSI-X to eventfds.
 *
 * MSI-X: a message that finds no eventfd is kept as a pending bit and sent
 * when one is attached; a VMM that replaces its eventfds loses nothing.
 *
 * INTx: a level. Signalling it masks it; whoever handles it unmasks it, and it
 * is signalled again when it is still asserted.
 */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/nospec.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include "irq_state.h"
#include "mdevsim.h"
#include "trace.h"

static const char *irq_device_name(struct mdevsim_irq *irq)
{
	return dev_name(irq_to_mdevsim(irq)->vdev.dev);
}

/* Signal INTx if it is due. Configuration space is looked at unlocked, as hardware would. */
static void intx_update(struct mdevsim_irq *irq)
{
	struct mdevsim_device *device = irq_to_mdevsim(irq);

	lockdep_assert_held(&irq->lock);
	if (!irq->intx_level || irq->intx_masked || !irq->intx || irq->held)
		return;
	if (!mdevsim_pci_config_intx(&device->config) || mdevsim_pci_config_msix(&device->config))
		return;
	irq->intx_masked = true;
	eventfd_signal(irq->intx);
	mdevsim_count(device, interrupts, 1);
	trace_mdevsim_irq(irq_device_name(irq), "intx", 0, true);
}

/* Send a message that is pending if it can be sent. */
static void msix_update(struct mdevsim_irq *irq, unsigned int vector)
{
	lockdep_assert_held(&irq->lock);
	if (!irq->msix[vector] || irq->held || !(irq->msix_pending & BIT_ULL(vector)))
		return;
	irq->msix_pending &= ~BIT_ULL(vector);
	eventfd_signal(irq->msix[vector]);
	mdevsim_count(irq_to_mdevsim(irq), interrupts, 1);
}

void mdevsim_irq_evaluate(struct mdevsim_irq *irq)
{
	guard(spinlock_irqsave)(&irq->lock);
	intx_update(irq);
}

void mdevsim_irq_intx(struct mdevsim_function *fn, bool assert)
{
	struct mdevsim_irq *irq = &fn->device->irq;

	guard(spinlock_irqsave)(&irq->lock);
	irq->intx_level = assert;
	intx_update(irq);
}

void mdevsim_irq_raise(struct mdevsim_function *fn, unsigned int vector)
{
	struct mdevsim_irq *irq = &fn->device->irq;

	if (vector >= MDEVSIM_MAX_VECTORS || !mdevsim_irq_is_msix(fn))
		return;
	guard(spinlock_irqsave)(&irq->lock);
	irq->msix_pending |= BIT_ULL(vector);
	msix_update(irq, vector);
	trace_mdevsim_irq(irq_device_name(irq), "msix", vector,
			  !(irq->msix_pending & BIT_ULL(vector)));
}

bool mdevsim_irq_is_msix(struct mdevsim_function *fn)
{
	return mdevsim_pci_config_msix(&fn->device->config);
}

void mdevsim_irq_ask_release(struct mdevsim_irq *irq)
{
	guard(spinlock_irqsave)(&irq->lock);
	if (irq->request)
		eventfd_signal(irq->request);
}

void mdevsim_irq_init(struct mdevsim_irq *irq)
{
	mutex_init(&irq->setup);
	spin_lock_init(&irq->lock);
	mdevsim_irq_reset(irq);
}

void mdevsim_irq_reset(struct mdevsim_irq *irq)
{
	unsigned int i;

	guard(spinlock_irqsave)(&irq->lock);
	irq->intx_level = false;
	irq->msix_pending = 0;
	memset(irq->msix_table, 0, sizeof(irq->msix_table));
	for (i = 0; i < MDEVSIM_MAX_VECTORS; i++)
		irq->msix_table[i].control = cpu_to_le32(PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

/* Put @ctx in @slot and let go of what was there. */
static void replace(struct mdevsim_irq *irq, struct eventfd_ctx **slot, struct eventfd_ctx *ctx)
{
	struct eventfd_ctx *old;

	lockdep_assert_held(&irq->setup);
	scoped_guard(spinlock_irqsave, &irq->lock) {
		old = *slot;
		*slot = ctx;
	}
	if (old)
		eventfd_ctx_put(old);
}

/* An eventfd for a file descriptor from user space; -1 stands for none. */
static struct eventfd_ctx *fd_to_eventfd(s32 fd)
{
	if (fd == -1)
		return NULL;
	return eventfd_ctx_fdget(fd);
}

static int replace_from_fd(struct mdevsim_irq *irq, struct eventfd_ctx **slot, s32 fd)
{
	struct eventfd_ctx *ctx = fd_to_eventfd(fd);

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	replace(irq, slot, ctx);
	return 0;
}

static void intx_unmask(struct mdevsim_irq *irq)
{
	guard(spinlock_irqsave)(&irq->lock);
	irq->intx_masked = false;
	intx_update(irq);
}

static void intx_mask(struct mdevsim_irq *irq)
{
	guard(spinlock_irqsave)(&irq->lock);
	irq->intx_masked = true;
}

static void intx_detach(struct mdevsim_irq *irq)
{
	vfio_virqfd_disable(&irq->unmask);
	replace(irq, &irq->intx, NULL);
}

static void msix_detach(struct mdevsim_irq *irq)
{
	unsigned int i;

	for (i = 0; i < MDEVSIM_MAX_VECTORS; i++)
		replace(irq, &irq->msix[i], NULL);
}

void mdevsim_irq_detach(struct mdevsim_irq *irq)
{
	scoped_guard(mutex, &irq->setup) {
		intx_detach(irq);
		msix_detach(irq);
		replace(irq, &irq->error, NULL);
		replace(irq, &irq->request, NULL);
	}
	scoped_guard(spinlock_irqsave, &irq->lock)
		irq->intx_masked = false;
}

/* Signalling from within another eventfd's wake-up is not allowed: always use the thread. */
static void unmask_thread(void *opaque, void *data)
{
	intx_unmask(opaque);
}

static int intx_set_unmask(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr,
			   const void *data)
{
	s32 fd;

	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		intx_unmask(irq);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (*(u8 *)data)
			intx_unmask(irq);
		return 0;
	}
	fd = *(s32 *)data;
	if (fd >= 0)
		return vfio_virqfd_enable(irq, NULL, unmask_thread, NULL, &irq->unmask, fd);
	vfio_virqfd_disable(&irq->unmask);
	return 0;
}

static int intx_set_mask(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr, const void *data)
{
	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		intx_mask(irq);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (*(u8 *)data)
			intx_mask(irq);
		return 0;
	}
	return -ENOTTY;
}

static void signal_slot(struct mdevsim_irq *irq, struct eventfd_ctx **slot)
{
	guard(spinlock_irqsave)(&irq->lock);
	if (*slot)
		eventfd_signal(*slot);
}

static int intx_attach(struct mdevsim_irq *irq, s32 fd)
{
	int ret = replace_from_fd(irq, &irq->intx, fd);

	if (ret)
		return ret;
	intx_unmask(irq);
	return 0;
}

static int intx_set_trigger(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr,
			    const void *data)
{
	if (!hdr->count) {
		intx_detach(irq);
		return 0;
	}
	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		signal_slot(irq, &irq->intx);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (*(u8 *)data)
			signal_slot(irq, &irq->intx);
		return 0;
	}
	return intx_attach(irq, *(s32 *)data);
}

/* All or nothing: on error the vectors of this call are left without an eventfd. */
static int msix_attach(struct mdevsim_irq *irq, u32 start, u32 count, const s32 *fds)
{
	u32 i;
	int ret;

	for (i = 0; i < count; i++) {
		ret = replace_from_fd(irq, &irq->msix[start + i], fds[i]);
		if (ret)
			break;
		scoped_guard(spinlock_irqsave, &irq->lock)
			msix_update(irq, start + i);
	}
	if (i == count)
		return 0;
	for (i = 0; i < count; i++)
		replace(irq, &irq->msix[start + i], NULL);
	return ret;
}

static int msix_set_trigger(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr,
			    const void *data)
{
	u32 type = hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	u32 i;

	if (!hdr->count) {
		msix_detach(irq);
		return 0;
	}
	if (type == VFIO_IRQ_SET_DATA_EVENTFD)
		return msix_attach(irq, hdr->start, hdr->count, data);
	for (i = 0; i < hdr->count; i++)
		if (type == VFIO_IRQ_SET_DATA_NONE || ((u8 *)data)[i])
			signal_slot(irq, &irq->msix[hdr->start + i]);
	return 0;
}

/* The indexes with one eventfd and nothing to it */
static int single_set_trigger(struct mdevsim_irq *irq, struct eventfd_ctx **slot,
			      const struct vfio_irq_set *hdr, const void *data)
{
	if (!hdr->count) {
		replace(irq, slot, NULL);
		return 0;
	}
	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_NONE:
		signal_slot(irq, slot);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (*(u8 *)data)
			signal_slot(irq, slot);
		return 0;
	}
	return replace_from_fd(irq, slot, *(s32 *)data);
}

static int error_set_trigger(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr,
			     const void *data)
{
	return single_set_trigger(irq, &irq->error, hdr, data);
}

static int request_set_trigger(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr,
			       const void *data)
{
	return single_set_trigger(irq, &irq->request, hdr, data);
}

typedef int (*action_fn)(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr,
			 const void *data);

/**
 * struct irq_index - one VFIO interrupt index
 * @count: interrupts
 * @flags: VFIO_IRQ_INFO_*
 * @action: by number of the VFIO_IRQ_SET_ACTION_* bit; absent ones are -ENOTTY
 */
struct irq_index {
	u32 count;
	u32 flags;
	action_fn action[3];
};

#define ACTION(name)	(ilog2(VFIO_IRQ_SET_ACTION_##name) - ilog2(VFIO_IRQ_SET_ACTION_MASK))

static const struct irq_index irq_indexes[VFIO_PCI_NUM_IRQS] = {
	[VFIO_PCI_INTX_IRQ_INDEX] = {
		.count	= 1,
		.flags	= VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
			  VFIO_IRQ_INFO_AUTOMASKED,
		.action	= {
			[ACTION(MASK)]		= intx_set_mask,
			[ACTION(UNMASK)]	= intx_set_unmask,
			[ACTION(TRIGGER)]	= intx_set_trigger,
		},
	},
	[VFIO_PCI_MSI_IRQ_INDEX] = {
		.flags	= VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
	},
	[VFIO_PCI_MSIX_IRQ_INDEX] = {
		.count	= MDEVSIM_MAX_VECTORS,
		.flags	= VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
		.action	= { [ACTION(TRIGGER)] = msix_set_trigger },
	},
	[VFIO_PCI_ERR_IRQ_INDEX] = {
		.count	= 1,
		.flags	= VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
		.action	= { [ACTION(TRIGGER)] = error_set_trigger },
	},
	[VFIO_PCI_REQ_IRQ_INDEX] = {
		.count	= 1,
		.flags	= VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
		.action	= { [ACTION(TRIGGER)] = request_set_trigger },
	},
};

int mdevsim_irq_info(struct vfio_irq_info *info)
{
	u32 index = info->index;

	if (index >= ARRAY_SIZE(irq_indexes))
		return -EINVAL;
	index = array_index_nospec(index, ARRAY_SIZE(irq_indexes));
	info->count = irq_indexes[index].count;
	info->flags = irq_indexes[index].flags;
	return 0;
}

int mdevsim_irq_set(struct mdevsim_irq *irq, const struct vfio_irq_set *hdr, const void *data)
{
	const struct irq_index *index =
		&irq_indexes[array_index_nospec(hdr->index, ARRAY_SIZE(irq_indexes))];
	u32 action = hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;
	u32 i;

	if (!is_power_of_2(action))
		return -ENOTTY;
	i = ilog2(action) - ilog2(VFIO_IRQ_SET_ACTION_MASK);
	if (!index->action[i])
		return -ENOTTY;
	if (!hdr->count && (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) != VFIO_IRQ_SET_DATA_NONE)
		return -EINVAL;
	if (!hdr->count && action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;
	guard(mutex)(&irq->setup);
	return index->action[i](irq, hdr, data);
}

/* The table and pending bits, each at the start of a page that is otherwise reserved */
static u8 *table_at(struct mdevsim_irq *irq, u32 offset, unsigned int width)
{
	offset -= MDEVSIM_BAR0_MSIX_TABLE;
	if (offset + width > sizeof(irq->msix_table))
		return NULL;
	return (u8 *)irq->msix_table + offset;
}

u64 mdevsim_irq_table_read(struct mdevsim_irq *irq, u32 offset, unsigned int width)
{
	__le64 value = 0;
	u8 *entry;

	guard(spinlock_irqsave)(&irq->lock);
	entry = table_at(irq, offset, width);
	if (entry)
		memcpy(&value, entry, width);
	else if (offset - MDEVSIM_BAR0_MSIX_PBA < sizeof(irq->msix_pending))
		value = cpu_to_le64(irq->msix_pending >> (offset % 8 * 8));
	return le64_to_cpu(value) & GENMASK_ULL(width * 8 - 1, 0);
}

void mdevsim_irq_table_write(struct mdevsim_irq *irq, u32 offset, unsigned int width, u64 value)
{
	__le64 bytes = cpu_to_le64(value);
	u8 *entry;

	guard(spinlock_irqsave)(&irq->lock);
	entry = table_at(irq, offset, width);
	if (entry)
		memcpy(entry, &bytes, width);
}

static u32 irq_save(struct mdevsim_function *fn, void *body)
{
	struct mdevsim_irq *irq = &fn->device->irq;
	struct mdevsim_state_irq *state = body;

	guard(spinlock_irqsave)(&irq->lock);
	*state = (struct mdevsim_state_irq) {
		.intx		= irq->intx_level,
		.vectors	= cpu_to_le16(MDEVSIM_MAX_VECTORS),
		.pending	= cpu_to_le64(irq->msix_pending),
	};
	memcpy(state->table, irq->msix_table, sizeof(irq->msix_table));
	return MDEVSIM_IRQ_STATE_LENGTH;
}

static void irq_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	struct mdevsim_irq *irq = &fn->device->irq;
	const struct mdevsim_state_irq *state = body;

	guard(spinlock_irqsave)(&irq->lock);
	irq->intx_level = state->intx;
	irq->msix_pending = le64_to_cpu(state->pending);
	memcpy(irq->msix_table, state->table, sizeof(irq->msix_table));
}

void mdevsim_irq_hold(struct mdevsim_irq *irq)
{
	guard(spinlock_irqsave)(&irq->lock);
	irq->held = true;
}

void mdevsim_irq_release(struct mdevsim_irq *irq)
{
	unsigned int i;

	guard(spinlock_irqsave)(&irq->lock);
	irq->held = false;
	for (i = 0; i < MDEVSIM_MAX_VECTORS; i++)
		msix_update(irq, i);
	intx_update(irq);
}

const struct mdevsim_state_ops mdevsim_irq_state_ops = {
	.type		= MDEVSIM_RECORD_IRQ,
	.version	= 1,
	.min_length	= MDEVSIM_IRQ_STATE_LENGTH,
	.max_length	= MDEVSIM_IRQ_STATE_LENGTH,
	.save		= irq_save,
	.check		= mdevsim_irq_state_check,
	.load		= irq_load,
};
