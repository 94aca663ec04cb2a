// SPDX-License-Identifier: GPL-2.0
#include <linux/array_size.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "state_load.h"
#include "state_schema.h"

const struct mdevsim_state_ops *
mdevsim_state_target_record(const struct mdevsim_state_target *target, unsigned int i)
{
	const struct mdevsim_function_ops *ops = target->fn->ops;

	if (i < target->nr_carrier)
		return target->carrier[i];
	i -= target->nr_carrier;
	return i < ops->nr_state ? &ops->state[i] : NULL;
}

static const struct mdevsim_state_ops *find_record(const struct mdevsim_state_target *target,
						   u16 type)
{
	const struct mdevsim_state_ops *ops;
	unsigned int i;

	for (i = 0; (ops = mdevsim_state_target_record(target, i)); i++)
		if (ops->type == type)
			return ops;
	return NULL;
}

static int bad_length(const struct mdevsim_record *record, struct mdevsim_reason *why)
{
	return mdevsim_refuse(why, -EMSGSIZE, "a body of %llu bytes does not fit a record %s",
			      record->length, mdevsim_state_stream_name(record->type));
}

/* Room for a body that is looked at when it is complete */
static int hold_body(struct mdevsim_state_loader *loader, const struct mdevsim_record *record,
		     struct mdevsim_reason *why)
{
	void *body = kvzalloc(record->length, GFP_KERNEL_ACCOUNT);

	if (!body)
		return mdevsim_refuse(why, -ENOMEM, "no memory for record %s",
				      mdevsim_state_stream_name(record->type));
	loader->held[record->type] = body;
	loader->set.body[record->type] = body;
	loader->set.length[record->type] = record->length;
	return 0;
}

static int begin_control(struct mdevsim_state_loader *loader, const struct mdevsim_record *record,
			 struct mdevsim_reason *why)
{
	const struct mdevsim_state_ops *ops = find_record(loader->target, record->type);

	if (!ops)
		return mdevsim_refuse(why, -EOPNOTSUPP, "record %s is not one of this function's",
				      mdevsim_state_stream_name(record->type));
	if (record->length < ops->min_length || record->length > ops->max_length)
		return bad_length(record, why);
	return hold_body(loader, record, why);
}

/* Bodies of all records but control records, which know theirs themselves, in bytes */
static const struct body_size {
	u16 type;
	u64 least;
	u64 most;
} body_sizes[] = {
	{ MDEVSIM_RECORD_IDENTITY, sizeof(struct mdevsim_state_identity),
	  sizeof(struct mdevsim_state_identity) },
	{ MDEVSIM_RECORD_SCHEMA, sizeof(struct mdevsim_state_schema), MDEVSIM_MAX_SCHEMA },
	{ MDEVSIM_RECORD_NS_DATA, sizeof(struct mdevsim_state_ns_extent) + MDEVSIM_EXTENT_ALIGN,
	  sizeof(struct mdevsim_state_ns_extent) + MDEVSIM_MAX_EXTENT },
	{ MDEVSIM_RECORD_NS_ZERO, sizeof(struct mdevsim_state_ns_extent),
	  sizeof(struct mdevsim_state_ns_extent) },
	{ MDEVSIM_RECORD_SYNTHETIC, sizeof(struct mdevsim_state_synthetic),
	  sizeof(struct mdevsim_state_synthetic) + MDEVSIM_MAX_EXTENT },
	{ MDEVSIM_RECORD_END, sizeof(struct mdevsim_state_end), sizeof(struct mdevsim_state_end) },
};

static const struct body_size *find_size(u16 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(body_sizes); i++)
		if (body_sizes[i].type == type)
			return &body_sizes[i];
	return NULL;
}

static int load_begin(void *context, const struct mdevsim_record *record,
		      struct mdevsim_reason *why)
{
	const struct body_size *size = find_size(record->type);

	if (!size)
		return begin_control(context, record, why);
	if (record->length < size->least || record->length > size->most)
		return bad_length(record, why);
	return record->type == MDEVSIM_RECORD_SCHEMA ? hold_body(context, record, why) : 0;
}

static int extent_check(struct mdevsim_state_loader *loader, const struct mdevsim_record *record,
			struct mdevsim_reason *why)
{
	const u64 align = MDEVSIM_EXTENT_ALIGN >> MDEVSIM_LBA_SHIFT;
	const struct mdevsim_state_ns_extent *extent = &loader->extent;
	u64 blocks = le64_to_cpu(loader->id.namespace_size) >> MDEVSIM_LBA_SHIFT;
	u64 slba = le64_to_cpu(extent->slba), nlb = le64_to_cpu(extent->nlb);

	if (le32_to_cpu(extent->nsid) != 1 || extent->reserved)
		return mdevsim_refuse(why, -EINVAL, "namespace %u does not exist",
				      le32_to_cpu(extent->nsid));
	if (!nlb || slba % align || nlb % align || slba >= blocks || nlb > blocks - slba)
		return mdevsim_refuse(why, -EINVAL,
				      "%llu blocks at %llu: not aligned, or not in a namespace of %llu",
				      nlb, slba, blocks);
	if (record->type == MDEVSIM_RECORD_NS_DATA &&
	    record->length - sizeof(*extent) != nlb << MDEVSIM_LBA_SHIFT)
		return bad_length(record, why);
	return 0;
}

/* Contents go straight into their pages. */
static void *extent_place(struct mdevsim_state_loader *loader, u64 offset, u64 *length,
			  struct mdevsim_reason *why)
{
	struct mdevsim_function *fn = loader->target->fn;
	u64 at = (le64_to_cpu(loader->extent.slba) << MDEVSIM_LBA_SHIFT) + offset;
	u64 in_page = at % PAGE_SIZE;
	void *page;

	page = fn->ops->bulk_load_page(fn, at - in_page);
	if (IS_ERR(page)) {
		mdevsim_refuse(why, PTR_ERR(page), "no memory for namespace blocks");
		return page;
	}
	*length = min(*length, PAGE_SIZE - in_page);
	return page + in_page;
}

static void *extent_body(struct mdevsim_state_loader *loader, const struct mdevsim_record *record,
			 u64 offset, u64 *length, struct mdevsim_reason *why)
{
	const u64 head = sizeof(loader->extent);
	int ret;

	if (offset < head) {
		*length = head - offset;
		return (void *)&loader->extent + offset;
	}
	ret = offset == head ? extent_check(loader, record, why) : 0;
	return ret ? ERR_PTR(ret) : extent_place(loader, offset - head, length, why);
}

/* Its beginning is looked at when all has come, the rest never. */
static void *synthetic_body(struct mdevsim_state_loader *loader, u64 offset, u64 *length)
{
	const u64 head = sizeof(loader->synthetic);

	if (offset < head) {
		*length = head - offset;
		return (void *)&loader->synthetic + offset;
	}
	*length = min_t(u64, *length, sizeof(loader->waste));
	return loader->waste;
}

static int end_synthetic(struct mdevsim_state_loader *loader, const struct mdevsim_record *record,
			 struct mdevsim_reason *why)
{
	const struct mdevsim_state_synthetic *synthetic = &loader->synthetic;

	if (synthetic->reserved)
		return mdevsim_refuse(why, -EINVAL, "synthetic: a reserved field is not zero");
	if (record->length - sizeof(*synthetic) != le32_to_cpu(synthetic->length))
		return bad_length(record, why);
	return 0;
}

static void *load_body(void *context, const struct mdevsim_record *record, u64 offset, u64 *length,
		       struct mdevsim_reason *why)
{
	struct mdevsim_state_loader *loader = context;

	switch (record->type) {
	case MDEVSIM_RECORD_IDENTITY:
		return (void *)&loader->id + offset;
	case MDEVSIM_RECORD_END:
		/* Its counts are the reader's business; the extent's place is free by now. */
		return (void *)&loader->extent + offset;
	case MDEVSIM_RECORD_NS_DATA:
	case MDEVSIM_RECORD_NS_ZERO:
		return extent_body(loader, record, offset, length, why);
	case MDEVSIM_RECORD_SYNTHETIC:
		return synthetic_body(loader, offset, length);
	}
	return loader->held[record->type] + offset;
}

/* The destination decides here, on the very write that completes the record. */
static int end_identity(struct mdevsim_state_loader *loader, struct mdevsim_reason *why)
{
	struct mdevsim_function *fn = loader->target->fn;
	int ret;

	ret = mdevsim_identity_check(&loader->id, &loader->target->limits, why);
	if (ret)
		return ret;
	if (fn->ops->bulk_load_begin(fn, &loader->id))
		return mdevsim_refuse(why, -ENOMEM, "no memory for a namespace");
	return 0;
}

/* It is for people: once it is known to be sound it has served. */
static int end_schema(struct mdevsim_state_loader *loader, struct mdevsim_reason *why)
{
	void *body = loader->held[MDEVSIM_RECORD_SCHEMA];
	int ret;

	ret = mdevsim_state_schema_check(body, loader->set.length[MDEVSIM_RECORD_SCHEMA], why);
	loader->held[MDEVSIM_RECORD_SCHEMA] = NULL;
	loader->set.body[MDEVSIM_RECORD_SCHEMA] = NULL;
	kvfree(body);
	return ret;
}

static int end_zero(struct mdevsim_state_loader *loader, const struct mdevsim_record *record,
		    struct mdevsim_reason *why)
{
	struct mdevsim_function *fn = loader->target->fn;
	int ret;

	ret = extent_check(loader, record, why);
	if (ret)
		return ret;
	fn->ops->bulk_load_zero(fn, le64_to_cpu(loader->extent.slba) << MDEVSIM_LBA_SHIFT,
				le64_to_cpu(loader->extent.nlb) << MDEVSIM_LBA_SHIFT);
	return 0;
}

/* With END all records are there: what is wrong in them is said now, while the source can go on. */
static int end_controls(struct mdevsim_state_loader *loader, struct mdevsim_reason *why)
{
	const struct mdevsim_state_target *target = loader->target;
	const struct mdevsim_state_ops *ops;
	unsigned int i;
	int ret;

	for (i = 0; (ops = mdevsim_state_target_record(target, i)); i++)
		if (!loader->set.body[ops->type])
			return mdevsim_refuse(why, -ENODATA, "record %s is missing",
					      mdevsim_state_stream_name(ops->type));
	for (i = 0; (ops = mdevsim_state_target_record(target, i)); i++) {
		ret = ops->check(target->fn, &loader->set, why);
		if (ret)
			return ret;
	}
	return 0;
}

static int load_end(void *context, const struct mdevsim_record *record, struct mdevsim_reason *why)
{
	struct mdevsim_state_loader *loader = context;
	int ret = 0;

	if (record->type == MDEVSIM_RECORD_IDENTITY)
		ret = end_identity(loader, why);
	else if (record->type == MDEVSIM_RECORD_SCHEMA)
		ret = end_schema(loader, why);
	else if (record->type == MDEVSIM_RECORD_NS_ZERO)
		ret = end_zero(loader, record, why);
	else if (record->type == MDEVSIM_RECORD_SYNTHETIC)
		ret = end_synthetic(loader, record, why);
	else if (record->type == MDEVSIM_RECORD_END)
		ret = end_controls(loader, why);
	if (loader->target->seen)
		loader->target->seen(loader->target->fn, record, ret);
	return ret;
}

static const struct mdevsim_state_sink load_sink = {
	.begin	= load_begin,
	.body	= load_body,
	.end	= load_end,
};

void mdevsim_state_loader_init(struct mdevsim_state_loader *loader,
			       const struct mdevsim_state_target *target)
{
	memset(loader, 0, sizeof(*loader));
	loader->target = target;
	mdevsim_state_reader_init(&loader->reader, &load_sink, loader);
}

int mdevsim_state_loader_commit(struct mdevsim_state_loader *loader)
{
	struct mdevsim_function *fn = loader->target->fn;
	const struct mdevsim_state_ops *ops;
	unsigned int i;
	int ret;

	ret = mdevsim_state_reader_finish(&loader->reader);
	if (ret)
		return ret;
	fn->ops->bulk_load_commit(fn);
	for (i = 0; (ops = mdevsim_state_target_record(loader->target, i)); i++)
		ops->load(fn, loader->set.body[ops->type], loader->set.length[ops->type]);
	return 0;
}

void mdevsim_state_loader_release(struct mdevsim_state_loader *loader)
{
	struct mdevsim_function *fn = loader->target->fn;
	unsigned int i;

	fn->ops->bulk_load_abort(fn);
	for (i = 0; i < ARRAY_SIZE(loader->held); i++)
		kvfree(loader->held[i]);
	memset(loader->held, 0, sizeof(loader->held));
	memset(&loader->set, 0, sizeof(loader->set));
}
