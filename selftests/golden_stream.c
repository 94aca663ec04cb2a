// SPDX-License-Identifier: GPL-2.0
/*
 * golden_stream FILE [VERSION]: save a small device that went through a lot, in
 * pre-copy and after, and write the stream to a new FILE. VERSION is for
 * migration/stream_version; without it the driver's own choice is left alone,
 * which is what one has to do with a driver that has no such attribute.
 *
 * This makes the streams in streams/, see README there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"
#include "migration.h"
#include "must.h"

#define NAMESPACE	"65536"
#define PAGE_BLOCKS	(4096 / NVME_BLOCK)

static void fill(struct nvme_queue *queue, uint64_t page, uint32_t version)
{
	int status = nvme_fill(queue, page * 4096, 4096, version);

	must(status == NVME_SUCCESS, "writing page %llu, seen %#x", (unsigned long long)page,
	     status);
}

/* Two pages before the session begins; then one becomes zeroes, and a third is written. */
static struct stream save(struct bench *bench)
{
	struct nvme_queue *queue = &bench->nvme.io[0];
	struct nvme_sqe zero = nvme_sqe_io(NVME_WRITE_ZEROES, 2 * PAGE_BLOCKS, PAGE_BLOCKS);
	struct stream stream = { 0 };
	int data_fd, seen;

	fill(queue, 0, 1);
	fill(queue, 2, 1);
	data_fd = migration_go(&bench->device, PRE_COPY);
	seen = migration_drain(data_fd, &stream);
	must(seen == -ENOMSG, "at the end of the first round, seen %d", seen);
	seen = nvme_run(queue, &zero, NULL);
	must(seen == NVME_SUCCESS, "writing zeroes, seen %#x", seen);
	fill(queue, 5, 2);
	migration_go(&bench->device, STOP_COPY);
	seen = migration_drain(data_fd, &stream);
	must(seen == 0, "at the end, seen %d", seen);
	close(data_fd);
	return stream;
}

int main(int argc, char **argv)
{
	int eventfds[BENCH_VECTORS], error;
	struct stream stream;
	struct bench bench;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: golden_stream FILE [VERSION]\n");
		return 2;
	}
	bench_setup(&bench, DEVICE_TYPE);
	error = mdev_write(&bench.device.mdev, "namespace_size", NAMESPACE);
	must(error == 0, "setting namespace_size, seen %d", error);
	if (argc == 3)
		error = mdev_write(&bench.device.mdev, "migration/stream_version", argv[2]);
	must(error == 0, "setting stream_version, seen %d", error);
	bench_enrich(&bench, eventfds);
	stream = save(&bench);
	must(!strcmp(stream_check(&stream), "sound"), "seen: %s", stream_check(&stream));
	stream_write_file(&stream, argv[1]);
	stream_free(&stream);
	device_remove(&bench.device);
	arena_free(&bench.arena);
	return 0;
}
