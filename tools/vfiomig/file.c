// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file.h"
#include "interrupt.h"
#include "out.h"

int file_fail(const struct file *file, const char *what)
{
	return fail(&(struct fault){
			.status = STATUS_FAILED,
			.error = errno,
			.where = file->name,
			.hint = errno == ENOSPC ? "make room there, or name another file" : NULL,
		    }, "%s", what);
}

int file_open_input(struct file *file, const char *name)
{
	*file = (struct file){ .name = name, .fd = -1 };
	if (!strcmp(name, "-")) {
		file->name = "standard input";
		file->fd = STDIN_FILENO;
		return STATUS_DONE;
	}
	file->fd = open(name, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0)
		return file_fail(file, "cannot open it for reading");
	return STATUS_DONE;
}

static int refuse_terminal(struct file *file)
{
	if (!isatty(file->fd))
		return STATUS_DONE;
	file_close(file);
	return fail(&(struct fault){
			.status = STATUS_USAGE,
			.where = file->name,
			.hint = "-o FILE, or redirect standard output",
		    }, "device state is binary and not written to a terminal");
}

static int open_in_place(struct file *file, const char *name)
{
	file->fd = open(name, O_WRONLY | O_CLOEXEC);
	if (file->fd < 0)
		return file_fail(file, "cannot open it for writing");
	return refuse_terminal(file);
}

static int open_temporary(struct file *file, const char *name)
{
	mode_t mask;

	if (asprintf(&file->temporary, "%s.XXXXXX", name) < 0)
		abort();
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	if (file->fd < 0) {
		free(file->temporary);
		file->temporary = NULL;
		return file_fail(file, "cannot create it");
	}
	mask = umask(0);
	umask(mask);
	fchmod(file->fd, 0666 & ~mask);
	file->target = name;
	return STATUS_DONE;
}

int file_open_output(struct file *file, const char *name)
{
	struct stat info;

	*file = (struct file){ .name = name, .fd = -1 };
	if (!strcmp(name, "-")) {
		file->name = "standard output";
		file->fd = STDOUT_FILENO;
		out_to_stderr();
		return refuse_terminal(file);
	}
	if (!stat(name, &info) && !S_ISREG(info.st_mode))
		return open_in_place(file, name);
	return open_temporary(file, name);
}

int file_keep(struct file *file)
{
	if (file->fd < 0 || !file->temporary)
		return STATUS_DONE;
	if (fsync(file->fd) || rename(file->temporary, file->target))
		return file_fail(file, "cannot finish it");
	free(file->temporary);
	file->temporary = NULL;
	return STATUS_DONE;
}

void file_close(struct file *file)
{
	if (file->fd > STDERR_FILENO)
		close(file->fd);
	file->fd = -1;
	if (!file->temporary)
		return;
	unlink(file->temporary);
	free(file->temporary);
	file->temporary = NULL;
}

uint64_t file_size(const struct file *file)
{
	struct stat info;

	if (fstat(file->fd, &info) || !S_ISREG(info.st_mode))
		return 0;
	return info.st_size;
}

ssize_t file_read(struct file *file, void *data, size_t size)
{
	size_t done = 0;
	ssize_t got;

	while (done < size) {
		got = read(file->fd, (char *)data + done, size - done);
		if (got < 0 && errno == EINTR && !interrupt_seen())
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		done += got;
	}
	file->bytes += done;
	return done;
}

int file_write(struct file *file, const void *data, size_t size)
{
	size_t done = 0;
	ssize_t put;

	while (done < size) {
		/* A write that a signal cut short has succeeded: only this tells of the signal. */
		if (interrupt_seen()) {
			errno = EINTR;
			return file_fail(file, "cannot write device state");
		}
		put = write(file->fd, (const char *)data + done, size - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return file_fail(file, "cannot write device state");
		done += put;
	}
	file->bytes += done;
	return STATUS_DONE;
}
