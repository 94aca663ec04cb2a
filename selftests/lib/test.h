/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test program includes, once: the kselftest harness, and a main()
 * that skips the program, aloud, where the module is not loaded.
 */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#include <limits.h>
#include <kselftest_harness.h>
#include "bench.h"
#include "must.h"

/* For one test; under KASAN, on an emulated processor, it is not much. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	180

/* Whatever a test did, a reset makes the device usable again. */
#define TEST_TEARDOWN(which)							\
	do {									\
		struct bench *bench_ = (which);					\
										\
		EXPECT_STREQ("works", nvme_works(&bench_->device, &bench_->arena)); \
		device_remove(&bench_->device);					\
		arena_free(&bench_->arena);					\
	} while (0)

static inline int test_run(int argc, char **argv)
{
	char path[PATH_MAX];

	if (mdev_type_path(DEVICE_TYPE, path, sizeof(path))) {
		printf("TAP version 13\n1..0 # SKIP mdevsim is not loaded\n");
		return KSFT_SKIP;
	}
	return test_harness_run(argc, argv);
}

#define TEST_MAIN								\
	int main(int argc, char **argv)						\
	{									\
		return test_run(argc, argv);					\
	}

#endif /* LIB_TEST_H */
