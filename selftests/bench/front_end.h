/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_FRONT_END_H
#define BENCH_FRONT_END_H

/** front_end_run - figures of the migration region beside those of the data fd */
void front_end_run(void);

#endif /* BENCH_FRONT_END_H */
