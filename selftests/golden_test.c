// SPDX-License-Identifier: GPL-2.0
/*
 * Streams that drivers of the past wrote: each of them is loaded for ever.
 *
 * STREAMS= directory of them (default: streams)
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include "migration.h"
#include "test.h"

FIXTURE(golden) {
	struct bench bench;
	struct device *device;
	glob_t found;
};

FIXTURE_SETUP(golden)
{
	const char *directory = getenv("STREAMS") ?: "streams";
	char pattern[PATH_MAX];

	snprintf(pattern, sizeof(pattern), "%s/*.bin", directory);
	ASSERT_EQ(0, glob(pattern, 0, NULL, &self->found)) TH_LOG("no stream in %s", directory);
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
}

FIXTURE_TEARDOWN(golden)
{
	globfree(&self->found);
	TEST_TEARDOWN(&self->bench);
}

/* Loaded, saved as the same state in @version, and that is loaded as well; then it may run. */
static void expect_loaded(struct __test_metadata *_metadata, struct device *device,
			  const struct stream *golden, const char *path, const char *version)
{
	struct stream again;
	char refusal[256];

	ASSERT_EQ(0, mdev_write(&device->mdev, "migration/stream_version", version));
	EXPECT_EQ(0, migration_load(device, golden, 0));
	migration_refusal(device, refusal, sizeof(refusal));
	EXPECT_STREQ("", refusal) TH_LOG("%s", path);
	again = migration_save(device);
	EXPECT_STREQ("sound", stream_check(&again)) TH_LOG("%s as %s", path, version);
	EXPECT_STREQ("same", stream_same_state(golden, &again)) TH_LOG("%s as %s", path, version);
	ASSERT_EQ(0, device_reset(device));
	EXPECT_EQ(0, migration_load(device, &again, 0)) TH_LOG("%s as %s", path, version);
	EXPECT_EQ(0, migration_set(device, RUNNING, NULL)) TH_LOG("%s as %s", path, version);
	ASSERT_EQ(0, device_reset(device));
	stream_free(&again);
}

TEST_F(golden, each_is_loaded)
{
	char version[16];

	for (size_t i = 0; i < self->found.gl_pathc; i++) {
		const char *path = self->found.gl_pathv[i];
		struct stream golden = stream_read_file(path);

		EXPECT_STREQ("sound", stream_check(&golden)) TH_LOG("%s", path);
		for (unsigned int minor = 0; minor <= MDEVSIM_STREAM_MINOR; minor++) {
			snprintf(version, sizeof(version), "%u.%u", MDEVSIM_STREAM_MAJOR, minor);
			expect_loaded(_metadata, self->device, &golden, path, version);
		}
		stream_free(&golden);
	}
}

/* A version that was released has its stream, or nobody would notice that it is no longer read. */
TEST_F(golden, none_is_missing)
{
	uint32_t minors = 0;

	for (size_t i = 0; i < self->found.gl_pathc; i++) {
		struct stream golden = stream_read_file(self->found.gl_pathv[i]);

		minors |= 1u << stream_header(&golden)->version_minor;
		stream_free(&golden);
	}
	EXPECT_EQ((1u << (MDEVSIM_STREAM_MINOR + 1)) - 1, minors);
}

TEST_MAIN
