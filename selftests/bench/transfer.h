/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_TRANSFER_H
#define BENCH_TRANSFER_H

/** transfer_run - figures of the bulk of a stream: how fast it is read and written */
void transfer_run(void);

#endif /* BENCH_TRANSFER_H */
