/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A controller's control records as a whole.
 */
#ifndef SELFTESTS_FUZZ_NVME_STATE_H
#define SELFTESTS_FUZZ_NVME_STATE_H

#include "../../driver/function.h"

/** define NVME_STATE_MOST - bytes in one control record, at most */
#define NVME_STATE_MOST	8192

/** nvme_state_expect_saved - of a function that has just loaded @set: it saves the same bytes */
void nvme_state_expect_saved(struct mdevsim_function *fn, const struct mdevsim_state_set *set);

/** nvme_state_round_trip - save from one controller, and load into another */
void nvme_state_round_trip(struct mdevsim_function *from, struct mdevsim_function *to);

#endif /* SELFTESTS_FUZZ_NVME_STATE_H */
