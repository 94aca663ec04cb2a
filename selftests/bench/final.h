/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_FINAL_H
#define BENCH_FINAL_H

/** final_run - figures of what comes after pre-copy: how much, and how long */
void final_run(void);

#endif /* BENCH_FINAL_H */
