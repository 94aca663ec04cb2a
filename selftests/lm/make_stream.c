// SPDX-License-Identifier: GPL-2.0
/*
 * make_stream KIND: write the device-state stream of a controller, made by the
 * driver's own code, to standard output. The same bytes every time.
 *
 *	example		the worked example of Documentation/state-stream.rst
 *	reset		a controller that nobody has used
 *	many		every I/O queue there can be, hardly two fields alike
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <linux/array_size.h>
#include "../unit/host_stream.h"
#include "../unit/ktap.h"

#define QUEUES		MDEVSIM_MAX_IO_QUEUES

/* In place of libc's: here it is always the same time. */
int clock_gettime(clockid_t clock, struct timespec *time)
{
	*time = (struct timespec) { .tv_sec = 1 };
	return 0;
}

/* The stream, which must be one that another controller takes. */
static void put_stream(struct host *host, u16 minor)
{
	struct host *other = host_stream_create();
	struct mdevsim_reason why = {};
	struct stream stream;

	host->fn->ops->quiesce(host->fn);
	other->fn->ops->quiesce(other->fn);
	stream = host_stream_save(host, minor);
	EXPECT_EQ(host_stream_load(other, &stream, stream.length, &why), 0);
	EXPECT_MSG(!why.text[0], "refused: %s", why.text);
	EXPECT_EQ(fwrite(stream.bytes, 1, stream.length, stdout), stream.length);
	stream_free(&stream);
	other->fn->ops->resume(other->fn);
	host_destroy(other);
}

/* One pair of queues, and one command: the second page of the namespace is written. */
static void example(struct host *host)
{
	static const char text[] = "block 8, as the guest wrote it";
	u64 page = host_pages(host, 1);

	host_enable(host, 16);
	host_create_queue(host, 1, 8);
	memcpy(host_at(host, page), text, sizeof(text));
	EXPECT_OK(host, 1, host_rw(nvme_cmd_write, 8, 8, page, 0));
	put_stream(host, 0);
}

static void reset(struct host *host)
{
	put_stream(host, MDEVSIM_STREAM_MINOR);
}

/* No two queues are alike in size, and none is as large as another one's number. */
static u16 sq_entries(u16 qid)
{
	return 76 + 15 * qid;
}

static u16 cq_entries(u16 qid)
{
	return 70 + 2 * qid;
}

/* Queues go together one by one, but hardly one with another of the same number. */
static u16 cqid_of(u16 qid)
{
	return qid * 5 % (QUEUES + 1);
}

/* A queue that is not used may be anywhere, also where this host has no memory. */
static bool is_used(u16 qid)
{
	return qid % 8 != 7;
}

static u64 queue_base(struct host *host, u16 qid, bool completion)
{
	if (is_used(qid))
		return host_pages(host, completion ? 1 : 16);
	return 0xfedcba9800000000ULL + ((u64)qid << 16) + ((u64)completion << 12);
}

static void create_pair(struct host *host, u16 qid)
{
	u16 cqid = cqid_of(qid);
	struct nvme_command cq = host_create_cq(cqid, cq_entries(cqid),
						queue_base(host, qid, true), QUEUES - cqid);
	struct nvme_command sq = host_create_sq(qid, sq_entries(qid),
						queue_base(host, qid, false), cqid);

	if (cqid % 3 == 0)
		cq.create_cq.cq_flags = cpu_to_le16(NVME_QUEUE_PHYS_CONTIG);
	sq.create_sq.sq_flags = cpu_to_le16(NVME_QUEUE_PHYS_CONTIG | (qid % 4) << 1);
	EXPECT_EQ(host_status(host, 0, cq), NVME_SC_SUCCESS);
	EXPECT_EQ(host_status(host, 0, sq), NVME_SC_SUCCESS);
}

static void doorbell(struct host *host, u16 qid, bool completion, u32 value)
{
	host_write(host, NVME_REG_DBS + qid * 8 + completion * 4, value);
}

/* Commands of a queue so far, after so many rounds */
static u32 submitted(u16 qid, unsigned int rounds)
{
	return rounds * (5 + qid % 17);
}

/* Commands of zeroes are executed and fail, and all but the last few completions are consumed. */
static void work(struct host *host, u16 qid, unsigned int round)
{
	u32 count = submitted(qid, round);
	u16 cqid = cqid_of(qid);

	doorbell(host, qid, false, count % sq_entries(qid));
	host_run();
	doorbell(host, cqid, true, (count - qid % 4) % cq_entries(cqid));
}

/*
 * A third of the completion queues has been gone round, once or twice; all submission
 * queues hold commands that came when the controller was quiet.
 */
static void many(struct host *host)
{
	const unsigned int rounds = 8;
	unsigned int round;
	u16 qid;

	host_enable(host, 64);
	for (qid = 1; qid <= QUEUES; qid++)
		create_pair(host, qid);
	for (round = 1; round <= rounds; round++)
		for (qid = 1; qid <= QUEUES; qid++)
			if (is_used(qid))
				work(host, qid, round);
	/* These are remembered, but nobody fetches what they announce. */
	host->fn->ops->quiesce(host->fn);
	for (qid = 1; qid <= QUEUES; qid++)
		doorbell(host, qid, false,
			 ((is_used(qid) ? submitted(qid, rounds) : 0) + qid) % sq_entries(qid));
	put_stream(host, MDEVSIM_STREAM_MINOR);
}

static const struct {
	const char *name;
	void (*make)(struct host *host);
} kinds[] = {
	{ "example", example },
	{ "reset", reset },
	{ "many", many },
};

int main(int argc, char **argv)
{
	struct host *host = host_stream_create();
	unsigned int i;

	for (i = 0; argc == 2 && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, argv[1]))
			continue;
		kinds[i].make(host);
		host_destroy(host);
		return ktap_failures || fflush(stdout);
	}
	fprintf(stderr, "usage: make_stream example|reset|many\n");
	return 2;
}
