// SPDX-License-Identifier: GPL-2.0
/*
 * cross_stream save|load feature|region FILE: save a device that went through a
 * lot, in pre-copy and after, or load it, by either front end. Between the two
 * lies a file, and with it whatever one likes: another kernel for one.
 *
 * What loads has a twin of the guest that there was: it did the same, with other
 * data, to a device of its own. The memory of both is therefore the same, queues
 * and all, and the guest can go on with the device that is loaded in place of
 * its own, where it finds the other's data.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <array_size.h>
#include "bench.h"
#include "migration.h"
#include "must.h"
#include "region.h"

#define KIB		1024
#define MIB		(1024 * KIB)
#define EARLY		(3 * MIB)	/* bytes that are written before the session begins */
#define LATE		(256 * KIB)	/* and after the first round of pre-copy */
#define LATE_PLACE	(DEVICE_SIZE - LATE)
#define TEMPERATURE	0x150		/* bench_enrich() sets it */

/* Versions of the data: of who saves, and of the twin */
#define OURS		1
#define TWINS		2

/**
 * struct front_end - how state is moved
 * @name: in the arguments
 * @save: RUNNING to STOP_COPY, with all there is and what is written in pre-copy
 * @load: to STOP; 0 or the errno of a refusal
 * @resave: STOP to STOP_COPY and back, with all there is
 * @run: STOP to RUNNING
 */
struct front_end {
	const char *name;
	struct stream (*save)(struct bench *bench);
	int (*load)(struct bench *bench, const struct stream *stream);
	struct stream (*resave)(struct bench *bench);
	int (*run)(struct bench *bench);
};

static void fill(struct bench *bench, uint64_t place, uint64_t length, uint32_t version)
{
	int status = nvme_fill(&bench->nvme.io[0], place, length, version);

	must(status == NVME_SUCCESS, "writing at %llu, seen %#x", (unsigned long long)place,
	     status);
}

/* ---- The migration feature ------------------------------------------------ */

static struct stream feature_save(struct bench *bench)
{
	struct stream stream = { 0 };
	int data_fd, seen;

	data_fd = migration_go(&bench->device, PRE_COPY);
	seen = migration_drain(data_fd, &stream);
	must(seen == -ENOMSG, "at the end of the first round, seen %d", seen);
	fill(bench, LATE_PLACE, LATE, OURS);
	migration_go(&bench->device, STOP_COPY);
	seen = migration_drain(data_fd, &stream);
	must(seen == 0, "at the end, seen %d", seen);
	close(data_fd);
	return stream;
}

static int feature_load(struct bench *bench, const struct stream *stream)
{
	return migration_load(&bench->device, stream, 0);
}

static struct stream feature_resave(struct bench *bench)
{
	struct stream stream = migration_save(&bench->device);

	migration_go(&bench->device, STOP);
	return stream;
}

static int feature_run(struct bench *bench)
{
	return migration_set(&bench->device, RUNNING, NULL);
}

/* ---- The migration region ------------------------------------------------- */

static struct region find_region(struct bench *bench)
{
	struct region region;

	must(region_find(&region, &bench->device), "seen no migration region");
	return region;
}

static void take(struct region *region, struct stream *stream)
{
	int error = region_take(region, stream);

	must(error == 0, "reading the data, seen %d", error);
}

static void go(struct region *region, uint32_t state)
{
	int error = region_go(region, state);

	must(error == 0, "writing %u to device_state, seen %d", state, error);
}

static struct stream drain_region(struct region *region, struct stream stream)
{
	go(region, REGION_STOP_COPY);
	take(region, &stream);
	go(region, REGION_STOP);
	return stream;
}

static struct stream region_save(struct bench *bench)
{
	struct region region = find_region(bench);
	struct stream stream = { 0 };

	go(&region, REGION_PRE_COPY);
	take(&region, &stream);
	fill(bench, LATE_PLACE, LATE, OURS);
	return drain_region(&region, stream);
}

static int region_load(struct bench *bench, const struct stream *stream)
{
	struct region region = find_region(bench);
	int error;

	go(&region, REGION_RESUMING);
	error = region_give(&region, stream, 0);
	return error ?: region_go(&region, REGION_STOP);
}

static struct stream region_resave(struct bench *bench)
{
	struct region region = find_region(bench);

	return drain_region(&region, (struct stream) { 0 });
}

static int region_run(struct bench *bench)
{
	struct region region = find_region(bench);

	return region_go(&region, REGION_RUNNING);
}

static const struct front_end front_ends[] = {
	{ "feature", feature_save, feature_load, feature_resave, feature_run },
	{ "region", region_save, region_load, region_resave, region_run },
};

/* ---- Both sides ----------------------------------------------------------- */

static void prepare(struct bench *bench, int eventfds[BENCH_VECTORS], uint32_t version)
{
	bench_setup(bench, DEVICE_TYPE);
	bench_enrich(bench, eventfds);
	fill(bench, 0, EARLY, version);
}

static void save(struct bench *bench, const struct front_end *by, const char *path)
{
	struct stream stream = by->save(bench);

	must(!strcmp(stream_check(&stream), "sound"), "seen: %s", stream_check(&stream));
	stream_write_file(&stream, path);
	stream_free(&stream);
}

static void expect_same(struct bench *bench, const struct front_end *by,
			const struct stream *stream)
{
	struct stream again = by->resave(bench);

	must(!strcmp(stream_check(&again), "sound"), "seen: %s", stream_check(&again));
	must(!strcmp(stream_same_state(stream, &again), "same"), "seen: %s",
	     stream_same_state(stream, &again));
	stream_free(&again);
}

/* Its I/O queue goes on where it was, its data are there and nothing else is. */
static void expect_data(struct bench *bench)
{
	struct nvme_queue *queue = &bench->nvme.io[0];
	long long differs = nvme_filled_differs(queue, 0, EARLY, OURS);

	must(differs == -1, "in what was written early, seen another byte at %lld", differs);
	differs = nvme_filled_differs(queue, LATE_PLACE, LATE, OURS);
	must(differs == -1, "in what was written late, seen another byte at %lld", differs);
	fill(bench, EARLY, LATE, OURS);
	differs = nvme_filled_differs(queue, EARLY, LATE, OURS);
	must(differs == -1, "in what is written now, seen another byte at %lld", differs);
}

/* The admin queue as well, with the event in it that was not consumed, and what was set. */
static void expect_features(struct bench *bench)
{
	struct nvme *nvme = &bench->nvme;
	struct nvme_cqe event;
	uint32_t value;
	int status;

	must(nvme_take(&nvme->admin, &event), "seen no event");
	nvme_release(&nvme->admin);
	status = nvme_get_feature(nvme, NVME_FEATURE_TEMPERATURE, 0, &value);
	must(status == NVME_SUCCESS, "getting a feature, seen %#x", status);
	must(value == TEMPERATURE, "seen %#x", value);
}

static void load(struct bench *bench, const struct front_end *by, const char *path)
{
	struct stream stream = stream_read_file(path);
	int error;

	fill(bench, LATE_PLACE, LATE, TWINS);
	error = by->load(bench, &stream);
	must(error == 0, "loading %s, seen %d", path, error);
	expect_same(bench, by, &stream);
	error = by->run(bench);
	must(error == 0, "running, seen %d", error);
	expect_data(bench);
	expect_features(bench);
	stream_free(&stream);
}

static const struct front_end *find_front_end(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(front_ends); i++) {
		if (!strcmp(front_ends[i].name, name))
			return &front_ends[i];
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const struct front_end *by = argc == 4 ? find_front_end(argv[2]) : NULL;
	bool loading = by && !strcmp(argv[1], "load");
	int eventfds[BENCH_VECTORS];
	struct bench bench;

	if (!by || (!loading && strcmp(argv[1], "save"))) {
		fprintf(stderr, "usage: cross_stream save|load feature|region FILE\n");
		return 2;
	}
	prepare(&bench, eventfds, loading ? TWINS : OURS);
	if (loading)
		load(&bench, by, argv[3]);
	else
		save(&bench, by, argv[3]);
	device_remove(&bench.device);
	arena_free(&bench.arena);
	return 0;
}
