// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <linux/nvme.h>
#include "fuzz.h"
#include "nvme_state.h"

/* What goes on by itself, the ages in the logs and the timestamp, or follows from the rest. */
static void forget_derived(u16 type, u8 *body)
{
	struct mdevsim_state_nvme_features *features = (void *)body;
	struct mdevsim_state_nvme_logs *logs = (void *)body;
	u32 i;

	if (type == MDEVSIM_RECORD_NVME_LOGS) {
		logs->power_on_ms = 0;
		logs->busy_ms = 0;
		logs->critical_warning = 0;
	}
	if (type != MDEVSIM_RECORD_NVME_FEATURES)
		return;
	for (i = 0; i < le32_to_cpu(features->count); i++)
		if (features->feature[i].fid == NVME_FEAT_TIMESTAMP)
			features->feature[i].value = 0;
}

static void expect_same(struct mdevsim_function *fn, const struct mdevsim_state_ops *ops,
			const struct mdevsim_state_set *set)
{
	static u8 saved[NVME_STATE_MOST], loaded[NVME_STATE_MOST];

	memset(saved, 0xee, sizeof(saved));
	MUST(ops->save(fn, saved) == set->length[ops->type]);
	memcpy(loaded, set->body[ops->type], set->length[ops->type]);
	forget_derived(ops->type, saved);
	forget_derived(ops->type, loaded);
	if (memcmp(saved, loaded, set->length[ops->type]))
		fprintf(stderr, "record type %u\n", ops->type);
	MUST(!memcmp(saved, loaded, set->length[ops->type]));
}

void nvme_state_expect_saved(struct mdevsim_function *fn, const struct mdevsim_state_set *set)
{
	unsigned int i;

	for (i = 0; i < fn->ops->nr_state; i++)
		expect_same(fn, &fn->ops->state[i], set);
}

static void load(struct mdevsim_function *fn, const struct mdevsim_state_set *set)
{
	const struct mdevsim_state_ops *ops = fn->ops->state;
	struct mdevsim_reason why = {};
	unsigned int i;

	for (i = 0; i < fn->ops->nr_state; i++)
		if (ops[i].check(fn, set, &why))
			fprintf(stderr, "%s\n", why.text);
	MUST(!why.text[0]);
	for (i = 0; i < fn->ops->nr_state; i++)
		ops[i].load(fn, set->body[ops[i].type], set->length[ops[i].type]);
}

void nvme_state_round_trip(struct mdevsim_function *from, struct mdevsim_function *to)
{
	static u8 bodies[MDEVSIM_RECORD_NS_DATA][NVME_STATE_MOST];
	const struct mdevsim_state_ops *ops = from->ops->state;
	struct mdevsim_state_set set = {};
	unsigned int i;

	for (i = 0; i < from->ops->nr_state; i++) {
		MUST(ops[i].max_length <= NVME_STATE_MOST);
		set.body[ops[i].type] = bodies[ops[i].type];
		set.length[ops[i].type] = ops[i].save(from, bodies[ops[i].type]);
		MUST(set.length[ops[i].type] >= ops[i].min_length);
		MUST(set.length[ops[i].type] <= ops[i].max_length);
	}
	load(to, &set);
	nvme_state_expect_saved(to, &set);
}
