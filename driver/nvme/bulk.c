// SPDX-License-Identifier: GPL-2.0
/*
 * The namespace on its way into and out of a stream, and its size.
 */
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/string.h>
#include "nvme.h"

void nvme_bulk_save_begin(struct mdevsim_function *fn)
{
	nvme_namespace_save_begin(to_nvme(fn)->ns);
}

void nvme_bulk_save_end(struct mdevsim_function *fn)
{
	nvme_namespace_save_end(to_nvme(fn)->ns);
}

void nvme_bulk_size(struct mdevsim_function *fn, struct mdevsim_bulk_size *size)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	guard(spinlock)(&ctrl->lock);
	nvme_namespace_save_size(ctrl->ns, size);
}

bool nvme_bulk_next(struct mdevsim_function *fn, struct mdevsim_extent *extent)
{
	return nvme_namespace_save_next(to_nvme(fn)->ns, extent);
}

void *nvme_bulk_page_get(struct mdevsim_function *fn, u64 offset)
{
	return nvme_namespace_save_get(to_nvme(fn)->ns, offset);
}

u32 nvme_bulk_page_crc(struct mdevsim_function *fn, void *page)
{
	return nvme_namespace_save_crc(page);
}

void nvme_bulk_page_put(struct mdevsim_function *fn, u64 offset)
{
	nvme_namespace_save_put(to_nvme(fn)->ns, offset);
}

int nvme_bulk_touch(struct mdevsim_function *fn, u64 offset)
{
	struct nvme_namespace *ns = to_nvme(fn)->ns;
	void *page = nvme_namespace_access(ns, offset, true);

	if (IS_ERR(page))
		return PTR_ERR(page);
	nvme_namespace_release(ns, offset);
	return 0;
}

/* A stream that says its identity again, because the source was resized, starts over. */
int nvme_bulk_load_begin(struct mdevsim_function *fn, const struct mdevsim_state_identity *id)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	nvme_bulk_load_abort(fn);
	ctrl->shadow = nvme_namespace_create(fn, le64_to_cpu(id->namespace_size));
	if (!ctrl->shadow)
		return -ENOMEM;
	memcpy(ctrl->shadow_names.serial, id->serial, sizeof(id->serial));
	memcpy(ctrl->shadow_names.nguid, id->nguid, sizeof(id->nguid));
	return 0;
}

/* Nobody but the loader knows the shadow: the page stays there without its stripe. */
void *nvme_bulk_load_page(struct mdevsim_function *fn, u64 offset)
{
	struct nvme_namespace *shadow = to_nvme(fn)->shadow;
	void *page = nvme_namespace_access(shadow, offset, true);

	if (!IS_ERR(page))
		nvme_namespace_release(shadow, offset);
	return page;
}

/* Whole pages: nothing that could fail for want of memory. */
void nvme_bulk_load_zero(struct mdevsim_function *fn, u64 offset, u64 length)
{
	nvme_namespace_zero(to_nvme(fn)->shadow, offset, length);
}

void nvme_bulk_load_commit(struct mdevsim_function *fn)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	struct nvme_namespace *old = ctrl->ns;

	guard(mutex)(&ctrl->control);
	scoped_guard(spinlock, &ctrl->lock)
		ctrl->ns = ctrl->shadow;
	nvme_namespace_destroy(old);
	ctrl->names = ctrl->shadow_names;
	ctrl->shadow = NULL;
}

void nvme_bulk_load_abort(struct mdevsim_function *fn)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	if (!ctrl->shadow)
		return;
	nvme_namespace_destroy(ctrl->shadow);
	ctrl->shadow = NULL;
}

int nvme_bulk_resize(struct mdevsim_function *fn, u64 size)
{
	struct nvme_controller *ctrl = to_nvme(fn);

	if (!size || !IS_ALIGNED(size, MDEVSIM_EXTENT_ALIGN))
		return -EINVAL;
	if (size > ctrl->capacity)
		return -EFBIG;
	nvme_namespace_resize(ctrl->ns, size);
	guard(spinlock)(&ctrl->lock);
	ctrl->logs.ns_changed = true;
	nvme_event_raise(ctrl, NVME_EVENT_NAMESPACE);
	return 0;
}
