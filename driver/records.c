// SPDX-License-Identifier: GPL-2.0
/*
 * What a device's stream holds besides its namespace: IDENTITY, SCHEMA and the control
 * records, the carrier's first, then the function's.
 */
#include <linux/slab.h>
#include "mdevsim.h"
#include "records.h"
#include "state_schema.h"
#include "state_stream.h"
#include "trace.h"

/* The same for every stream, made once */
static void *schema;
static u32 schema_length;

int mdevsim_records_init(void)
{
	schema = kzalloc(MDEVSIM_MAX_SCHEMA, GFP_KERNEL);
	if (!schema)
		return -ENOMEM;
	schema_length = mdevsim_state_schema_encode(schema);
	if (!WARN_ON(!schema_length))
		return 0;
	kfree(schema);
	return -EINVAL;
}

void mdevsim_records_exit(void)
{
	kfree(schema);
}

const void *mdevsim_records_schema(u32 *length)
{
	*length = schema_length;
	return schema;
}

static u32 pci_config_save(struct mdevsim_function *fn, void *body)
{
	struct mdevsim_device *device = fn->device;

	guard(mutex)(&device->config_lock);
	mdevsim_pci_config_intx_status(&device->config, READ_ONCE(device->irq.intx_level));
	mdevsim_pci_config_save(&device->config, body);
	return sizeof(struct mdevsim_state_pci_config);
}

static int pci_config_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
			    struct mdevsim_reason *why)
{
	return mdevsim_pci_config_check(set->body[MDEVSIM_RECORD_PCI_CONFIG], why);
}

static void pci_config_load(struct mdevsim_function *fn, const void *body, u32 length)
{
	struct mdevsim_device *device = fn->device;

	guard(mutex)(&device->config_lock);
	mdevsim_pci_config_load(&device->config, body);
}

static const struct mdevsim_state_ops pci_config_state_ops = {
	.type		= MDEVSIM_RECORD_PCI_CONFIG,
	.version	= 1,
	.min_length	= sizeof(struct mdevsim_state_pci_config),
	.max_length	= sizeof(struct mdevsim_state_pci_config),
	.save		= pci_config_save,
	.check		= pci_config_check,
	.load		= pci_config_load,
};

static const struct mdevsim_state_ops *const carrier_records[] = {
	&pci_config_state_ops,
	&mdevsim_irq_state_ops,
};

static void seen(struct mdevsim_function *fn, const struct mdevsim_record *record, int ret)
{
	trace_mdevsim_record(mdevsim_function_name(fn), record, false, ret);
}

void mdevsim_records_limits(const struct mdevsim_type *type,
			    struct mdevsim_identity_limits *limits)
{
	*limits = type->function->limits;
	limits->namespace_capacity = type->capacity;
}

void mdevsim_records_target(struct mdevsim_device *device)
{
	device->target = (struct mdevsim_state_target) {
		.fn		= device->fn,
		.carrier	= carrier_records,
		.nr_carrier	= ARRAY_SIZE(carrier_records),
		.seen		= seen,
	};
	mdevsim_records_limits(device->type, &device->target.limits);
}

u64 mdevsim_records_synthetic(u64 bytes)
{
	const u64 most = MDEVSIM_MAX_EXTENT;
	const u64 head = sizeof(struct mdevsim_state_synthetic);
	u64 framing = mdevsim_state_stream_size(head + most) - most;

	return bytes + DIV_ROUND_UP_ULL(bytes, most) * (framing + MDEVSIM_RECORD_ALIGN);
}

u64 mdevsim_records_max(struct mdevsim_device *device)
{
	const struct mdevsim_state_ops *ops;
	unsigned int i;
	u64 sum;

	sum = mdevsim_state_stream_size(sizeof(struct mdevsim_state_identity)) +
	      mdevsim_state_stream_size(schema_length) +
	      mdevsim_state_stream_size(sizeof(struct mdevsim_state_end));
	for (i = 0; (ops = mdevsim_state_target_record(&device->target, i)); i++)
		sum += mdevsim_state_stream_size(ops->max_length);
	return sum;
}

void mdevsim_records_identity(struct mdevsim_device *device, struct mdevsim_state_identity *id)
{
	mdevsim_identity_fill(id, &device->target.limits);
	device->fn->ops->identity(device->fn, id);
	memcpy(id->uuid, mdevsim_function_uuid(device->fn), sizeof(id->uuid));
	strscpy(id->mdev_type, device->type->mdev.sysfs_name, sizeof(id->mdev_type));
}
