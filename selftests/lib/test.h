/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test program includes, once: the kselftest harness, and a main()
 * that skips the program, aloud, where the module is not loaded.
 */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#include <limits.h>
#include <kselftest_harness.h>
#include "arena.h"
#include "device.h"
#include "mdev.h"
#include "must.h"
#include "nvme.h"

/** define TEST_ARENA_SIZE - memory that most tests let the device reach */
#define TEST_ARENA_SIZE		(8 << 20)

/** struct test_bench - a device of its own, and memory that it can reach */
struct test_bench {
	struct device device;
	struct arena arena;
	struct nvme nvme;
};

static inline void test_bench_setup(struct test_bench *bench, const char *type)
{
	device_create(&bench->device, type);
	arena_init(&bench->arena, ARENA_IOVA, TEST_ARENA_SIZE);
	device_map_arena(&bench->device, &bench->arena);
	nvme_init(&bench->nvme, &bench->device, &bench->arena);
}

/* Whatever a test did, a reset makes the device usable again. */
#define TEST_BENCH_TEARDOWN(bench)						\
	do {									\
		EXPECT_STREQ("works", nvme_works(&(bench)->device, &(bench)->arena)); \
		device_remove(&(bench)->device);				\
		arena_free(&(bench)->arena);					\
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
