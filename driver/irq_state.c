// SPDX-License-Identifier: GPL-2.0
/* Check of the IRQ record. Apart from irq.c, because it needs no VFIO. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include "irq_state.h"

int mdevsim_irq_state_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
			    struct mdevsim_reason *why)
{
	const struct mdevsim_state_irq *state = set->body[MDEVSIM_RECORD_IRQ];

	if (state->intx > 1)
		return mdevsim_refuse(why, -EINVAL, "irq: the INTx level is %u, not 0 or 1",
				      state->intx);
	if (state->reserved0 || state->reserved1)
		return mdevsim_refuse(why, -EINVAL, "irq: a reserved field is not zero");
	if (le16_to_cpu(state->vectors) != MDEVSIM_MAX_VECTORS)
		return mdevsim_refuse(why, -EINVAL, "irq: a table of %u vectors, not %u",
				      le16_to_cpu(state->vectors), MDEVSIM_MAX_VECTORS);
	return 0;
}
