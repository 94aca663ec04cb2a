/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_COST_H
#define BENCH_COST_H

/** cost_run - for information: size of the control state, time of register writes and commands */
void cost_run(void);

#endif /* BENCH_COST_H */
