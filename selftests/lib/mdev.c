// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "mdev.h"
#include "must.h"

#define MDEV_DEVICES	"/sys/bus/mdev/devices"
#define MDEV_TYPES	"/sys/class/mdev_bus/*/mdev_supported_types/*-"

static int read_file(const char *path, char *value, size_t size)
{
	ssize_t length;
	int error;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = read(fd, value, size - 1);
	error = errno;
	close(fd);
	if (length < 0)
		return -error;
	if (length && value[length - 1] == '\n')
		length--;
	value[length] = '\0';
	return (int)length;
}

static int write_file(const char *path, const char *value)
{
	ssize_t length;
	int error;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	length = write(fd, value, strlen(value));
	error = errno;
	close(fd);
	return length < 0 ? -error : 0;
}

int mdev_type_path(const char *type, char *path, size_t size)
{
	char pattern[PATH_MAX];
	glob_t found;
	int error;

	snprintf(pattern, sizeof(pattern), MDEV_TYPES "%s", type);
	error = glob(pattern, 0, NULL, &found);
	if (!error)
		snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return error ? -ENOENT : 0;
}

int mdev_type_read(const char *type, const char *attribute, char *value, size_t size)
{
	char path[PATH_MAX / 2], file[PATH_MAX];
	int error;

	error = mdev_type_path(type, path, sizeof(path));
	if (error)
		return error;
	snprintf(file, sizeof(file), "%s/%s", path, attribute);
	return read_file(file, value, size);
}

int mdev_available(const char *type)
{
	char value[32];
	int length;

	length = mdev_type_read(type, "available_instances", value, sizeof(value));
	return length < 0 ? length : atoi(value);
}

void mdev_name(struct mdev *mdev)
{
	unsigned char b[16];
	size_t seen;

	seen = (size_t)getrandom(b, sizeof(b), 0);
	must(seen == sizeof(b), "seen %zu", seen);
	snprintf(mdev->uuid, sizeof(mdev->uuid),
		 "%02x%02x%02x%02x-%02x%02x-4%01x%02x-a%01x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], b[8] & 15, b[9],
		 b[10], b[11], b[12], b[13], b[14], b[15]);
}

int mdev_create(const struct mdev *mdev, const char *type)
{
	char path[PATH_MAX / 2], file[PATH_MAX];
	int error;

	error = mdev_type_path(type, path, sizeof(path));
	if (error)
		return error;
	snprintf(file, sizeof(file), "%s/create", path);
	return write_file(file, mdev->uuid);
}

int mdev_remove(const struct mdev *mdev)
{
	return mdev_write(mdev, "remove", "1");
}

void mdev_path(const struct mdev *mdev, const char *below, char *path, size_t size)
{
	snprintf(path, size, MDEV_DEVICES "/%s%s%s", mdev->uuid, below ? "/" : "", below ?: "");
}

bool mdev_exists(const struct mdev *mdev)
{
	char path[PATH_MAX];

	mdev_path(mdev, NULL, path, sizeof(path));
	return access(path, F_OK) == 0;
}

int mdev_read(const struct mdev *mdev, const char *attribute, char *value, size_t size)
{
	char path[PATH_MAX];

	mdev_path(mdev, attribute, path, sizeof(path));
	return read_file(path, value, size);
}

int mdev_write(const struct mdev *mdev, const char *attribute, const char *value)
{
	char path[PATH_MAX];

	mdev_path(mdev, attribute, path, sizeof(path));
	return write_file(path, value);
}

uint64_t mdev_read_u64(const struct mdev *mdev, const char *attribute)
{
	char value[64];
	char *end;
	uint64_t number;
	int length;

	length = mdev_read(mdev, attribute, value, sizeof(value));
	must(length > 0, "of %s, seen %d", attribute, length);
	number = strtoull(value, &end, 0);
	must(*end == '\0', "a number in %s, seen \"%s\"", attribute, value);
	return number;
}
