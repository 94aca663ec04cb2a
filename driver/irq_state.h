/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MDEVSIM_IRQ_STATE_H
#define MDEVSIM_IRQ_STATE_H

#include <linux/mdevsim_state.h>
#include "function.h"

/** define MDEVSIM_IRQ_STATE_LENGTH - bytes in the body of IRQ */
#define MDEVSIM_IRQ_STATE_LENGTH	(sizeof(struct mdevsim_state_irq) +		\
					 MDEVSIM_MAX_VECTORS *				\
					 sizeof(struct mdevsim_state_msix_entry))

/** mdevsim_irq_state_check - what &mdevsim_state_ops.check of IRQ is, whoever the carrier is */
int mdevsim_irq_state_check(struct mdevsim_function *fn, const struct mdevsim_state_set *set,
			    struct mdevsim_reason *why);

#endif /* MDEVSIM_IRQ_STATE_H */
