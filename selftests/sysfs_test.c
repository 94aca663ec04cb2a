// SPDX-License-Identifier: GPL-2.0
/*
 * What sysfs says below migration/, of devices and of types: one plain value in
 * each file, the one that an IDENTITY or the limits of the driver say. And the one
 * value there that can be written: the version of the streams.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include "migration.h"
#include "stream_oldest.h"
#include "test.h"

#define VALUE_SIZE	256
#define VERSIONS	(MDEVSIM_STREAM_MINOR + 1)

/* Files, and the modes that they have below a device; below a type all are 0444. */
static const struct file {
	const char *name;
	mode_t mode;
	bool type_has_it;
} files[] = {
	{ "function", 0444, true },
	{ "version", 0444, true },
	{ "stream_version_min", 0444, true },
	{ "stream_version_max", 0444, true },
	{ "stream_version", 0644, true },
	{ "features_required", 0444, true },
	{ "features_supported", 0444, true },
	{ "namespace_capacity", 0444, true },
	{ "namespace_size", 0644, true },
	{ "lba_shift", 0444, true },
	{ "vectors", 0444, true },
	{ "io_queues", 0444, true },
	{ "queue_entries", 0444, true },
	{ "refusal", 0444, false },
};

static const char *const types[] = { "nvme-64M", "nvme-1G", "nvme-16G" };

FIXTURE(sysfs) {
	struct bench bench;
	struct device *device;
	struct mdev *mdev;
};

FIXTURE_SETUP(sysfs)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->mdev = &self->device->mdev;
}

FIXTURE_TEARDOWN(sysfs)
{
	TEST_TEARDOWN(&self->bench);
}

/* A file below migration/ of a device or, when there is none, of a type */
static void read_value(const struct mdev *mdev, const char *type, const char *name, char *value)
{
	char path[64];
	int length;

	snprintf(path, sizeof(path), "migration/%s", name);
	length = mdev ? mdev_read(mdev, path, value, VALUE_SIZE) :
		mdev_type_read(type, path, value, VALUE_SIZE);
	must(length >= 0, "reading %s, seen %d", path, length);
}

static int write_version(const struct mdev *mdev, const char *value)
{
	return mdev_write(mdev, "migration/stream_version", value);
}

/* Choose version 1.@minor */
static int set_minor(const struct mdev *mdev, unsigned int minor)
{
	char value[16];

	snprintf(value, sizeof(value), "%u.%u", MDEVSIM_STREAM_MAJOR, minor);
	return write_version(mdev, value);
}

static void expect_value(struct __test_metadata *_metadata, const struct mdev *mdev,
			 const char *type, const char *name, const char *expected)
{
	char value[VALUE_SIZE];

	read_value(mdev, type, name, value);
	EXPECT_STREQ(expected, value) TH_LOG("%s", name);
}

static void expect_number(struct __test_metadata *_metadata, const struct mdev *mdev,
			  const char *type, const char *name, uint64_t expected)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)expected);
	expect_value(_metadata, mdev, type, name, text);
}

static void expect_version(struct __test_metadata *_metadata, const struct mdev *mdev,
			   const char *type, const char *name, unsigned int major,
			   unsigned int minor)
{
	char text[32];

	snprintf(text, sizeof(text), "%u.%u", major, minor);
	expect_value(_metadata, mdev, type, name, text);
}

/* What does not depend on the device is what the header and an IDENTITY say. */
static void expect_identity(struct __test_metadata *_metadata, const struct mdev *mdev,
			    const char *type, const struct mdevsim_state_identity *id)
{
	char function[sizeof(id->function) + 1] = { 0 };

	memcpy(function, id->function, sizeof(id->function));
	expect_value(_metadata, mdev, type, "function", function);
	expect_version(_metadata, mdev, type, "version", id->version_major, id->version_minor);
	expect_number(_metadata, mdev, type, "lba_shift", id->lba_shift);
	expect_number(_metadata, mdev, type, "vectors", id->vectors);
	expect_number(_metadata, mdev, type, "io_queues", id->io_queues);
	expect_number(_metadata, mdev, type, "queue_entries", id->queue_entries);
	expect_version(_metadata, mdev, type, "stream_version_min", MDEVSIM_STREAM_MAJOR, 0);
	expect_version(_metadata, mdev, type, "stream_version_max", MDEVSIM_STREAM_MAJOR,
		       MDEVSIM_STREAM_MINOR);
	expect_value(_metadata, mdev, type, "features_required", "0x0");
	expect_value(_metadata, mdev, type, "features_supported", "0x0");
}

TEST_F(sysfs, device_says_what_its_identity_says)
{
	struct stream stream = migration_save(self->device);
	struct mdevsim_state_identity *id = stream_body_of(&stream, MDEVSIM_RECORD_IDENTITY);

	expect_identity(_metadata, self->mdev, NULL, id);
	expect_number(_metadata, self->mdev, NULL, "namespace_size", id->namespace_size);
	expect_number(_metadata, self->mdev, NULL, "namespace_capacity", DEVICE_SIZE);
	expect_version(_metadata, self->mdev, NULL, "stream_version",
		       stream_header(&stream)->version_major,
		       stream_header(&stream)->version_minor);
	EXPECT_EQ(0, stream_header(&stream)->required);
	expect_value(_metadata, self->mdev, NULL, "refusal", "");
	stream_free(&stream);
}

/* A type says what a new device of it says. */
TEST_F(sysfs, type_says_what_its_devices_say)
{
	struct stream stream = migration_save(self->device);
	char value[VALUE_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct mdev mdev;

		expect_identity(_metadata, NULL, types[i],
				stream_body_of(&stream, MDEVSIM_RECORD_IDENTITY));
		mdev_name(&mdev);
		ASSERT_EQ(0, mdev_create(&mdev, types[i]));
		for (size_t j = 0; j < ARRAY_SIZE(files); j++) {
			if (!files[j].type_has_it)
				continue;
			read_value(NULL, types[i], files[j].name, value);
			expect_value(_metadata, &mdev, NULL, files[j].name, value);
		}
		ASSERT_EQ(0, mdev_remove(&mdev));
	}
	stream_free(&stream);
}

static const struct file *find_file(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!strcmp(files[i].name, name))
			return &files[i];
	}
	return NULL;
}

/* One line, which is the value; and the mode that it ought to have */
static void expect_plain_file(struct __test_metadata *_metadata, const char *path,
			      const struct file *file, bool of_type)
{
	char bytes[VALUE_SIZE + 1] = { 0 };
	struct stat status;
	FILE *stream = fopen(path, "r");
	size_t length;

	ASSERT_NE(NULL, stream);
	length = fread(bytes, 1, VALUE_SIZE, stream);
	fclose(stream);
	EXPECT_LT(strcmp(file->name, "refusal") ? 1 : 0, length) TH_LOG("%s", path);
	EXPECT_EQ(bytes + length - 1, strchr(bytes, '\n')) TH_LOG("%s: one line", path);
	EXPECT_EQ(NULL, strchr(bytes, ' ')) TH_LOG("%s: one value", path);
	ASSERT_EQ(0, stat(path, &status));
	EXPECT_EQ(of_type ? 0444 : file->mode, status.st_mode & 0777) TH_LOG("%s", path);
}

/* All files are among those that tests know, and all of those are there. */
static void expect_directory(struct __test_metadata *_metadata, const char *path, bool of_type)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	size_t seen = 0, expected = 0;
	char file[PATH_MAX];

	ASSERT_NE(NULL, directory) TH_LOG("%s", path);
	while ((entry = readdir(directory))) {
		const struct file *known = find_file(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		seen++;
		ASSERT_TRUE(known && (known->type_has_it || !of_type))
			TH_LOG("%s/%s", path, entry->d_name);
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		expect_plain_file(_metadata, file, known, of_type);
	}
	closedir(directory);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		expected += files[i].type_has_it || !of_type;
	EXPECT_EQ(expected, seen) TH_LOG("%s", path);
}

TEST_F(sysfs, files_are_plain)
{
	char path[PATH_MAX / 2], below[PATH_MAX];

	mdev_path(self->mdev, "migration", below, sizeof(below));
	expect_directory(_metadata, below, false);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, mdev_type_path(types[i], path, sizeof(path)));
		snprintf(below, sizeof(below), "%s/migration", path);
		expect_directory(_metadata, below, true);
	}
}

/* Of a type there is nothing to write, not even for root. */
TEST_F(sysfs, types_cannot_be_written)
{
	char path[PATH_MAX / 2], file[PATH_MAX];
	FILE *stream;

	ASSERT_EQ(0, mdev_type_path(DEVICE_TYPE, path, sizeof(path)));
	snprintf(file, sizeof(file), "%s/migration/stream_version", path);
	stream = fopen(file, "w");
	if (stream) {
		setvbuf(stream, NULL, _IONBF, 0);
		EXPECT_GT(0, fputs("1.0", stream));
		fclose(stream);
	}
	expect_version(_metadata, NULL, DEVICE_TYPE, "stream_version", MDEVSIM_STREAM_MAJOR,
		       MDEVSIM_STREAM_MINOR);
}

TEST_F(sysfs, namespace_size_is_the_one_there_is)
{
	struct stream stream;

	ASSERT_EQ(0, mdev_write(self->mdev, "namespace_size", "1048576"));
	expect_number(_metadata, self->mdev, NULL, "namespace_size", 1048576);
	ASSERT_EQ(0, mdev_write(self->mdev, "migration/namespace_size", "2097152"));
	expect_number(_metadata, self->mdev, NULL, "namespace_size", 2097152);
	EXPECT_EQ(2097152, mdev_read_u64(self->mdev, "namespace_size"));
	stream = migration_save(self->device);
	ASSERT_EQ(0, device_reset(self->device));
	ASSERT_EQ(0, mdev_write(self->mdev, "namespace_size", "8192"));
	/* It is taken over from a stream; how large it can be is not. */
	ASSERT_EQ(0, migration_load(self->device, &stream, 0));
	expect_number(_metadata, self->mdev, NULL, "namespace_size", 2097152);
	expect_number(_metadata, self->mdev, NULL, "namespace_capacity", DEVICE_SIZE);
	ASSERT_EQ(0, device_reset(self->device));
	EXPECT_EQ(-EINVAL, mdev_write(self->mdev, "migration/namespace_size", "0"));
	EXPECT_EQ(-EFBIG, mdev_write(self->mdev, "migration/namespace_size", "67112960"));
	expect_number(_metadata, self->mdev, NULL, "namespace_size", 2097152);
	stream_free(&stream);
}

TEST_F(sysfs, refusal_is_one_sentence)
{
	struct stream stream = migration_save(self->device);
	char value[VALUE_SIZE];

	ASSERT_EQ(0, device_reset(self->device));
	stream_header(&stream)->version_major = 9;
	stream_seal_header(&stream);
	EXPECT_EQ(-EOPNOTSUPP, migration_load(self->device, &stream, 0));
	read_value(self->mdev, NULL, "refusal", value);
	EXPECT_NE(NULL, strstr(value, "9.")) TH_LOG("%s", value);
	EXPECT_EQ(NULL, strchr(value, '\n'));
	ASSERT_EQ(0, device_reset(self->device));
	stream_free(&stream);
}

/* ---- stream_version ---------------------------------------------------- */

TEST_F(sysfs, stream_version_takes_versions_only)
{
	static const char *const sound[] = { "1.1", "1.0\n", "1.1\n", "1.0" };
	static const char *const wrong[] = {
		"\n", "1", "1.", ".1", ".", "1,1", "1 1", "2.0", "0.1", "0.0", "1.256",
		"1.65536", "1.65537", "65537.1", "1.4294967297", "4294967297.1", "1.99999999999",
		"-1.0", "1.-1", "1.0x", "1.0 x", "1.0 1", "1.1.1", "one", "0x1.0", "1.0\n1.1",
		"max",
	};

	for (unsigned int minor = 0; minor < VERSIONS; minor++) {
		EXPECT_EQ(0, set_minor(self->mdev, minor));
		expect_version(_metadata, self->mdev, NULL, "stream_version",
			       MDEVSIM_STREAM_MAJOR, minor);
	}
	EXPECT_EQ(-EINVAL, set_minor(self->mdev, VERSIONS));
	for (size_t i = 0; i < ARRAY_SIZE(sound); i++) {
		EXPECT_EQ(0, write_version(self->mdev, sound[i])) TH_LOG("\"%s\"", sound[i]);
		expect_version(_metadata, self->mdev, NULL, "stream_version", 1,
			       (unsigned int)(sound[i][2] - '0'));
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		EXPECT_EQ(-EINVAL, write_version(self->mdev, wrong[i])) TH_LOG("\"%s\"", wrong[i]);
		expect_value(_metadata, self->mdev, NULL, "stream_version", "1.0");
	}
}

/* The version of a stream under way is not changed: it was announced. */
TEST_F(sysfs, stream_version_is_busy_during_sessions)
{
	static const uint32_t sessions[] = { PRE_COPY, PRE_COPY_P2P, STOP_COPY, RESUMING };
	static const uint32_t others[] = { RUNNING, RUNNING_P2P, STOP };

	for (size_t i = 0; i < ARRAY_SIZE(sessions); i++) {
		const char *name = migration_state_name(sessions[i]);
		int data_fd = migration_go(self->device, sessions[i]);

		EXPECT_EQ(-EBUSY, write_version(self->mdev, "1.0")) TH_LOG("%s", name);
		EXPECT_EQ(-EINVAL, write_version(self->mdev, "7.7")) TH_LOG("%s", name);
		expect_version(_metadata, self->mdev, NULL, "stream_version",
			       MDEVSIM_STREAM_MAJOR, MDEVSIM_STREAM_MINOR);
		close(data_fd);
		/* Closing the file does not end the session; leaving its state does. */
		EXPECT_EQ(-EBUSY, write_version(self->mdev, "1.0")) TH_LOG("%s", name);
		ASSERT_EQ(0, device_reset(self->device));
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (others[i] != RUNNING)
			migration_go(self->device, others[i]);
		for (unsigned int minor = 0; minor < VERSIONS; minor++)
			EXPECT_EQ(0, set_minor(self->mdev, minor));
		ASSERT_EQ(0, device_reset(self->device));
	}
}

TEST_F(sysfs, stream_version_stays)
{
	struct stream stream;

	ASSERT_EQ(0, write_version(self->mdev, "1.0"));
	ASSERT_EQ(0, device_reset(self->device));
	expect_value(_metadata, self->mdev, NULL, "stream_version", "1.0");
	device_close(self->device);
	expect_value(_metadata, self->mdev, NULL, "stream_version", "1.0");
	ASSERT_EQ(0, device_open(self->device, self->mdev));
	device_map_arena(self->device, &self->bench.arena);
	expect_value(_metadata, self->mdev, NULL, "stream_version", "1.0");
	stream = migration_save(self->device);
	EXPECT_EQ(0, stream_header(&stream)->version_minor);
	stream_free(&stream);
}

/* What each version of a stream consists of */
static void expect_stream(struct __test_metadata *_metadata, const struct stream *stream,
			  uint16_t minor)
{
	long schema = stream_find(stream, MDEVSIM_RECORD_SCHEMA, 0);
	struct stream_record record;

	EXPECT_STREQ("sound", stream_check(stream));
	EXPECT_STREQ("reads", stream_oldest_reads(stream));
	EXPECT_EQ(MDEVSIM_STREAM_MAJOR, stream_header(stream)->version_major);
	EXPECT_EQ(minor, stream_header(stream)->version_minor);
	if (minor < MDEVSIM_STREAM_MINOR_SCHEMA) {
		EXPECT_EQ(-1, schema);
		return;
	}
	ASSERT_EQ(1, schema);
	EXPECT_EQ(-1, stream_find(stream, MDEVSIM_RECORD_SCHEMA, 2));
	record = stream_at(stream, 1);
	EXPECT_EQ(MDEVSIM_RECORD_OPTIONAL, stream_record_header(stream, &record)->flags);
	EXPECT_EQ(1, stream_record_header(stream, &record)->version);
	EXPECT_GE(MDEVSIM_MAX_SCHEMA, record.length);
}

static struct stream save_as(struct bench *bench, unsigned int minor)
{
	struct stream stream;
	int error;

	error = set_minor(&bench->device.mdev, minor);
	must(error == 0, "choosing minor version %u, seen %d", minor, error);
	stream = migration_save(&bench->device);
	error = migration_set(&bench->device, STOP, NULL);
	must(error == 0, "seen %d", error);
	return stream;
}

/* A device that writes version 1.@minor takes the stream over, and saves what it says. */
static void expect_taken_over(struct __test_metadata *_metadata, struct device *device,
			      const struct stream *stream, unsigned int minor)
{
	struct stream again;

	ASSERT_EQ(0, device_reset(device));
	ASSERT_EQ(0, set_minor(&device->mdev, minor));
	ASSERT_EQ(0, migration_load(device, stream, 0));
	again = migration_save(device);
	expect_stream(_metadata, &again, (uint16_t)minor);
	EXPECT_STREQ("same", stream_same_state(stream, &again));
	stream_free(&again);
}

/* One device, saved as each version: each loads on a device that writes any. */
TEST_F(sysfs, versions_differ_in_the_schema_only)
{
	struct stream streams[VERSIONS];
	const struct stream *oldest = &streams[0], *first = &streams[MDEVSIM_STREAM_MINOR_SCHEMA];
	int eventfds[BENCH_VECTORS];

	ASSERT_EQ(0, mdev_write(self->mdev, "namespace_size", "1048576"));
	bench_enrich(&self->bench, eventfds);
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->bench.nvme.io[0], 0, 65536, 1));
	for (unsigned int i = 0; i < VERSIONS; i++) {
		streams[i] = save_as(&self->bench, i);
		expect_stream(_metadata, &streams[i], (uint16_t)i);
		EXPECT_STREQ("same", stream_same_state(oldest, &streams[i]));
	}
	EXPECT_EQ(stream_count(oldest) + 1, stream_count(first));
	EXPECT_EQ(oldest->length + stream_at(first, 1).size, first->length);
	for (unsigned int i = 0; i < VERSIONS; i++) {
		for (unsigned int minor = 0; minor < VERSIONS; minor++)
			expect_taken_over(_metadata, self->device, &streams[i], minor);
	}
	for (unsigned int i = 0; i < VERSIONS; i++)
		stream_free(&streams[i]);
}

/* When the namespace is resized all begins anew but the schema, which was sent. */
TEST_F(sysfs, schema_is_sent_once)
{
	struct stream stream = { 0 };
	int data_fd;

	ASSERT_EQ(0, migration_opt_in(self->device));
	data_fd = migration_go(self->device, PRE_COPY);
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(0, mdev_write(self->mdev, "namespace_size", "1048576"));
	EXPECT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	expect_stream(_metadata, &stream, MDEVSIM_STREAM_MINOR);
	EXPECT_EQ(2, stream_find(&stream, MDEVSIM_RECORD_IDENTITY, 1));
	close(data_fd);
	stream_free(&stream);
}

/* Also when that happens before it was: it is the second record all the same. */
TEST_F(sysfs, schema_is_sent_once_when_resized_early)
{
	struct stream stream = { 0 };
	uint8_t bytes[100];
	int data_fd;

	ASSERT_EQ(0, migration_opt_in(self->device));
	data_fd = migration_go(self->device, PRE_COPY);
	ASSERT_EQ(sizeof(bytes), migration_read(data_fd, bytes, sizeof(bytes)));
	stream_append(&stream, bytes, sizeof(bytes));
	ASSERT_EQ(0, mdev_write(self->mdev, "namespace_size", "1048576"));
	migration_go(self->device, STOP_COPY);
	EXPECT_EQ(0, migration_drain(data_fd, &stream));
	expect_stream(_metadata, &stream, MDEVSIM_STREAM_MINOR);
	close(data_fd);
	ASSERT_EQ(0, device_reset(self->device));
	EXPECT_EQ(0, migration_load(self->device, &stream, 0));
	stream_free(&stream);
}

/* What is initial of an empty namespace, and what was read of it */
static uint64_t read_initial(struct __test_metadata *_metadata, struct device *device,
			     struct stream *stream)
{
	int data_fd = migration_go(device, PRE_COPY);
	struct vfio_precopy_info info;
	uint64_t initial, left;
	uint8_t bytes[61];
	ssize_t done;

	must(!migration_precopy_info(data_fd, &info), "seen no information");
	initial = info.initial_bytes;
	for (left = initial; left; left -= (uint64_t)done) {
		done = migration_read(data_fd, bytes, sizeof(bytes));
		must(done > 0, "with %llu left, seen %zd", (unsigned long long)left, done);
		stream_append(stream, bytes, (size_t)done);
		must(!migration_precopy_info(data_fd, &info), "seen no information");
		EXPECT_EQ(left - (uint64_t)done, info.initial_bytes);
		EXPECT_EQ(0, info.dirty_bytes);
	}
	EXPECT_EQ(-ENOMSG, migration_read(data_fd, bytes, sizeof(bytes)));
	close(data_fd);
	must(!migration_set(device, RUNNING, NULL), "seen no way back");
	return initial;
}

/* All that is initial is announced and read to the byte, the schema with it. */
TEST_F(sysfs, initial_bytes_include_the_schema)
{
	struct stream oldest = { 0 }, newest = { 0 };
	uint64_t without, with;

	ASSERT_EQ(0, write_version(self->mdev, "1.0"));
	without = read_initial(_metadata, self->device, &oldest);
	ASSERT_EQ(0, set_minor(self->mdev, MDEVSIM_STREAM_MINOR_SCHEMA));
	with = read_initial(_metadata, self->device, &newest);
	EXPECT_EQ(1, stream_count(&oldest));
	EXPECT_EQ(2, stream_count(&newest));
	EXPECT_EQ(without + stream_at(&newest, 1).size, with);
	stream_free(&oldest);
	stream_free(&newest);
}

/* A VMM sizes its buffers by this. */
TEST_F(sysfs, data_size_covers_the_schema)
{
	for (unsigned int minor = 0; minor < VERSIONS; minor++) {
		struct stream stream;
		uint64_t size;

		ASSERT_EQ(0, set_minor(self->mdev, minor));
		size = migration_data_size(self->device);
		stream = migration_save(self->device);
		EXPECT_LE(stream.length, size) TH_LOG("1.%u", minor);
		ASSERT_EQ(0, device_reset(self->device));
		stream_free(&stream);
	}
}

TEST_MAIN
