/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What fuzz targets share.
 */
#ifndef SELFTESTS_FUZZ_FUZZ_H
#define SELFTESTS_FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <linux/mdevsim_state.h>
#include <linux/types.h>

/* The entry point that libFuzzer calls, and one that it calls before, where there is one. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t length);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A property that must hold whatever the input. */
#define MUST(cond) do {							\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: does not hold: %s\n",		\
			__FILE__, __LINE__, #cond);			\
		abort();						\
	}								\
} while (0)

/**
 * struct input - bytes that a target takes its decisions from; zero when they are used up
 */
struct input {
	const u8 *at;
	size_t left;
};

void input_take(struct input *input, void *to, size_t length);
u8 input_u8(struct input *input);
u16 input_u16(struct input *input);
u64 input_u64(struct input *input);

/**
 * fuzz_seal - make headers, sequence numbers, counts and checksums of a stream right
 *
 * So that what lies behind them is reached. Lengths are taken as they are.
 */
void fuzz_seal(u8 *bytes, size_t length);

/* One of the errors that mdevsim_state.h lists for a stream. */
bool fuzz_is_documented(int err);

#endif /* SELFTESTS_FUZZ_FUZZ_H */
