// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <errno.h>
#include <stdlib.h>
#include "../../driver/irq_state.h"
#include "../../driver/pci_config.h"
#include "model.h"

/* What the function is born with; the namespace of a stream never takes its place. */
#define OWN_NAMESPACE	MDEVSIM_EXTENT_ALIGN

/**
 * struct mdevsim_device - the carrier, as far as the function sees it
 * @uuid: what the function makes its own names from
 * @page: where the contents of any extent go, to be forgotten
 */
struct mdevsim_device {
	u8 uuid[16];
	u8 page[MDEVSIM_EXTENT_ALIGN];
};

/**
 * struct model - a function being loaded
 * @device: carrier
 * @fn: function
 * @ops: its operations, but for those that keep a namespace
 * @target: what the loader is told of it
 * @loader: loader
 */
struct model {
	struct mdevsim_device device;
	struct mdevsim_function *fn;
	struct mdevsim_function_ops ops;
	struct mdevsim_state_target target;
	struct mdevsim_state_loader loader;
};

/* ---- The carrier's services: there is no guest and nobody to interrupt ------- */

struct workqueue_struct *mdevsim_function_wq;

int mdevsim_dma_read(struct mdevsim_function *fn, u64 iova, void *data, size_t length)
{
	return -EFAULT;
}

int mdevsim_dma_write(struct mdevsim_function *fn, u64 iova, const void *data, size_t length)
{
	return -EFAULT;
}

bool mdevsim_dma_enabled(struct mdevsim_function *fn)
{
	return false;
}

void mdevsim_irq_raise(struct mdevsim_function *fn, unsigned int vector)
{
}

void mdevsim_irq_intx(struct mdevsim_function *fn, bool assert)
{
}

bool mdevsim_irq_is_msix(struct mdevsim_function *fn)
{
	return false;
}

void *mdevsim_charge_begin(struct mdevsim_function *fn)
{
	return NULL;
}

void mdevsim_charge_end(void *before)
{
}

/* The tag stands behind the page. */
void *mdevsim_page_alloc(struct mdevsim_function *fn)
{
	return calloc(1, MDEVSIM_EXTENT_ALIGN + sizeof(unsigned long));
}

void mdevsim_page_free(void *page)
{
	free(page);
}

unsigned long *mdevsim_page_tag(void *page)
{
	return page + MDEVSIM_EXTENT_ALIGN;
}

const char *mdevsim_function_name(struct mdevsim_function *fn)
{
	return "vfiomig";
}

const u8 *mdevsim_function_uuid(struct mdevsim_function *fn)
{
	return fn->device->uuid;
}

void mdevsim_function_dbg(struct mdevsim_function *fn, const char *fmt, ...)
{
}

enum mdevsim_verdict mdevsim_function_command(struct mdevsim_function *fn, bool admin, u8 opcode,
					      u16 *status)
{
	return MDEVSIM_VERDICT_EXECUTE;
}

void mdevsim_function_dirtied(struct mdevsim_function *fn)
{
}

/* ---- Its own control records, to be checked only ------------------------------ */

static int pci_config_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
			    struct mdevsim_reason *why)
{
	return mdevsim_pci_config_check(set->body[MDEVSIM_RECORD_PCI_CONFIG], why);
}

static const struct mdevsim_state_ops pci_config_state_ops = {
	.type		= MDEVSIM_RECORD_PCI_CONFIG,
	.version	= 1,
	.min_length	= sizeof(struct mdevsim_state_pci_config),
	.max_length	= sizeof(struct mdevsim_state_pci_config),
	.check		= pci_config_check,
};

static const struct mdevsim_state_ops irq_state_ops = {
	.type		= MDEVSIM_RECORD_IRQ,
	.version	= 1,
	.min_length	= MDEVSIM_IRQ_STATE_LENGTH,
	.max_length	= MDEVSIM_IRQ_STATE_LENGTH,
	.check		= mdevsim_irq_state_check,
};

static const struct mdevsim_state_ops *const carrier_records[] = {
	&pci_config_state_ops,
	&irq_state_ops,
};

/* ---- A namespace of any size takes no memory --------------------------------- */

static int bulk_load_begin(struct mdevsim_function *fn, const struct mdevsim_state_identity *id)
{
	return 0;
}

static void *bulk_load_page(struct mdevsim_function *fn, u64 offset)
{
	return fn->device->page;
}

static void bulk_load_zero(struct mdevsim_function *fn, u64 offset, u64 length)
{
}

static void bulk_load_abort(struct mdevsim_function *fn)
{
}

/* ---- Loading ------------------------------------------------------------------ */

static void create_function(struct model *model)
{
	if (!mdevsim_function_wq)
		mdevsim_function_wq = alloc_workqueue("vfiomig", WQ_UNBOUND, 0);
	model->fn = nvme_function_ops.create(&model->device, OWN_NAMESPACE);
	if (IS_ERR(model->fn))
		abort();
	model->ops = *model->fn->ops;
	model->ops.bulk_load_begin = bulk_load_begin;
	model->ops.bulk_load_page = bulk_load_page;
	model->ops.bulk_load_zero = bulk_load_zero;
	model->ops.bulk_load_abort = bulk_load_abort;
	model->fn->ops = &model->ops;
}

struct model *model_create(void)
{
	struct model *model = calloc(1, sizeof(*model));

	if (!model)
		abort();
	create_function(model);
	model->target = (struct mdevsim_state_target){
		.fn = model->fn,
		.limits = model->ops.limits,
		.carrier = carrier_records,
		.nr_carrier = ARRAY_SIZE(carrier_records),
	};
	model->target.limits.namespace_capacity = U64_MAX;
	mdevsim_state_loader_init(&model->loader, &model->target);
	return model;
}

void model_destroy(struct model *model)
{
	mdevsim_state_loader_release(&model->loader);
	model->fn->ops->destroy(model->fn);
	free(model);
}

static bool knows_no_more(const struct mdevsim_state_known *known)
{
	const struct mdevsim_state_known *ours = &mdevsim_state_stream_known;

	return !(known->features & ~ours->features) && known->major_max <= ours->major_max &&
	       (known->major_max < ours->major_max || known->minor_max <= ours->minor_max);
}

/* An older version of the function has no record that this one has not, nor other values. */
bool model_stands_for(const struct model *model, const struct mdevsim_identity_limits *limits,
		      const struct mdevsim_state_known *known)
{
	const struct mdevsim_identity_limits *ours = &model->target.limits;

	return knows_no_more(known) && !strcmp(limits->function, ours->function) &&
	       limits->version_major == ours->version_major &&
	       limits->version_minor <= ours->version_minor &&
	       limits->lba_shift == ours->lba_shift && limits->vectors == ours->vectors &&
	       limits->io_queues == ours->io_queues &&
	       limits->queue_entries == ours->queue_entries;
}

void model_write(struct model *model, const void *bytes, size_t length)
{
	struct mdevsim_state_reader *reader = &model->loader.reader;
	u64 room;
	void *to;

	while (length) {
		to = mdevsim_state_reader_want(reader, &room);
		if (IS_ERR(to))
			return;
		room = room < length ? room : length;
		memcpy(to, bytes, room);
		bytes += room;
		length -= room;
		if (mdevsim_state_reader_have(reader, room))
			return;
	}
}

/* Nothing is taken over: that cannot fail, and the checks were made when END came. */
int model_finish(struct model *model)
{
	return mdevsim_state_reader_finish(&model->loader.reader);
}

const struct mdevsim_state_reader *model_reader(const struct model *model)
{
	return &model->loader.reader;
}
