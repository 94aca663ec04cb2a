/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_HOOKS_H
#define BENCH_HOOKS_H

/** hooks_run - nanoseconds of a register write, a register read, and of a command with 4 KiB */
void hooks_run(void);

#endif /* BENCH_HOOKS_H */
