// SPDX-License-Identifier: GPL-2.0
/*
 * What a device's stream holds besides its namespace: IDENTITY and the control
 * records, the carrier's first, then the function's.
 */
#include "mdevsim.h"
#include "records.h"
#include "state_stream.h"

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

const struct mdevsim_state_ops *mdevsim_records_get(struct mdevsim_device *device, unsigned int i)
{
	const struct mdevsim_function_ops *ops = device->fn->ops;

	if (i < ARRAY_SIZE(carrier_records))
		return carrier_records[i];
	i -= ARRAY_SIZE(carrier_records);
	return i < ops->nr_state ? &ops->state[i] : NULL;
}

const struct mdevsim_state_ops *mdevsim_records_find(struct mdevsim_device *device, u16 type)
{
	const struct mdevsim_state_ops *ops;
	unsigned int i;

	for (i = 0; (ops = mdevsim_records_get(device, i)); i++)
		if (ops->type == type)
			return ops;
	return NULL;
}

u64 mdevsim_records_max(struct mdevsim_device *device)
{
	const struct mdevsim_state_ops *ops;
	unsigned int i;
	u64 sum;

	sum = mdevsim_state_stream_size(sizeof(struct mdevsim_state_identity)) +
	      mdevsim_state_stream_size(sizeof(struct mdevsim_state_end));
	for (i = 0; (ops = mdevsim_records_get(device, i)); i++)
		sum += mdevsim_state_stream_size(ops->max_length);
	return sum;
}

void mdevsim_records_identity(struct mdevsim_device *device, struct mdevsim_state_identity *id)
{
	const struct mdevsim_function_ops *ops = device->fn->ops;

	memset(id, 0, sizeof(*id));
	ops->identity(device->fn, id);
	strscpy(id->function, ops->name, sizeof(id->function));
	id->version_major = cpu_to_le16(ops->version_major);
	id->version_minor = cpu_to_le16(ops->version_minor);
	memcpy(id->uuid, mdevsim_function_uuid(device->fn), sizeof(id->uuid));
	strscpy(id->mdev_type, device->type->mdev.sysfs_name, sizeof(id->mdev_type));
}

static int version_check(const struct mdevsim_function_ops *ops,
			 const struct mdevsim_state_identity *id, struct mdevsim_reason *why)
{
	u16 major = le16_to_cpu(id->version_major);
	u16 minor = le16_to_cpu(id->version_minor);

	if (strncmp(id->function, ops->name, sizeof(id->function)))
		return mdevsim_refuse(why, -EXDEV,
				      "the stream is of function \"%*pE\", this is \"%s\"",
				      (int)sizeof(id->function), id->function, ops->name);
	if (major != ops->version_major || minor > ops->version_minor)
		return mdevsim_refuse(why, -EXDEV,
				      "the stream is of version %u.%u of function %s, this is %u.%u",
				      major, minor, ops->name, ops->version_major,
				      ops->version_minor);
	return 0;
}

int mdevsim_records_identity_check(struct mdevsim_device *device,
				   const struct mdevsim_state_identity *id,
				   struct mdevsim_reason *why)
{
	int ret = version_check(device->fn->ops, id, why);

	if (ret)
		return ret;
	if (id->reserved0 || memchr_inv(id->reserved1, 0, sizeof(id->reserved1)))
		return mdevsim_refuse(why, -EINVAL, "identity: a reserved field is not zero");
	return device->fn->ops->identity_check(device->fn, id, why);
}

int mdevsim_records_check(struct mdevsim_device *device, const struct mdevsim_state_set *set,
			  struct mdevsim_reason *why)
{
	const struct mdevsim_state_ops *ops;
	unsigned int i;
	int ret;

	for (i = 0; (ops = mdevsim_records_get(device, i)); i++)
		if (!set->body[ops->type])
			return mdevsim_refuse(why, -ENODATA, "record %s is missing",
					      mdevsim_state_stream_name(ops->type));
	for (i = 0; (ops = mdevsim_records_get(device, i)); i++) {
		ret = ops->check(device->fn, set, why);
		if (ret)
			return ret;
	}
	return 0;
}

void mdevsim_records_load(struct mdevsim_device *device, const struct mdevsim_state_set *set)
{
	const struct mdevsim_state_ops *ops;
	unsigned int i;

	lockdep_assert_held(&device->lifecycle);
	for (i = 0; (ops = mdevsim_records_get(device, i)); i++)
		ops->load(device->fn, set->body[ops->type], set->length[ops->type]);
}
