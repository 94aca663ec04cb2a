// SPDX-License-Identifier: GPL-2.0
/*
 * A device moves to another one: what arrives, that nothing is lost while a guest
 * goes on using it, and what happens when it does not work out.
 */
#include <endian.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include "guest.h"
#include "migration.h"
#include "test.h"

#define QUIET_MS	100
#define KIB		1024
#define MIB		(1024 * KIB)
/* What a stream carries besides namespace blocks, at most */
#define CONSTANT	(64 * KIB)

FIXTURE(pair) {
	struct bench source;
	struct bench target;
	struct nvme *nvme;
	struct nvme_queue *queue;
};

FIXTURE_SETUP(pair)
{
	bench_setup(&self->source, DEVICE_TYPE);
	bench_setup(&self->target, DEVICE_TYPE);
	self->nvme = &self->source.nvme;
	nvme_start(self->nvme, 1, 32);
	self->queue = &self->nvme->io[0];
}

FIXTURE_TEARDOWN(pair)
{
	TEST_TEARDOWN(&self->target);
	TEST_TEARDOWN(&self->source);
}

TEST_F(pair, save_load_save)
{
	struct stream first, second;
	int eventfds[4];

	bench_enrich(&self->source, eventfds);
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->nvme->io[0], 0, MIB, 1));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->nvme->io[0], DEVICE_SIZE - 64 * KIB, 64 * KIB, 1));
	first = migration_save(&self->source.device);
	EXPECT_STREQ("sound", stream_check(&first));
	ASSERT_EQ(0, migration_load(&self->target.device, &first, 0));
	second = migration_save(&self->target.device);
	EXPECT_STREQ("sound", stream_check(&second));
	EXPECT_STREQ("same", stream_same_state(&first, &second));
	/* The guest finds the controller it knew. */
	EXPECT_EQ(0, memcmp(((struct mdevsim_state_identity *)
			     stream_body_of(&first, MDEVSIM_RECORD_IDENTITY))->serial,
			    ((struct mdevsim_state_identity *)
			     stream_body_of(&second, MDEVSIM_RECORD_IDENTITY))->serial, 20));
	stream_free(&first);
	stream_free(&second);
	for (int i = 0; i < 4; i++)
		close(eventfds[i]);
}

/* What the stream does not name of the destination's namespace is zero, not what was there. */
TEST_F(pair, load_replaces_namespace)
{
	const size_t size = 64 * KIB;
	uint8_t *buffer = arena_alloc(&self->target.arena, size, ARENA_PAGE);
	struct stream stream;

	nvme_start(&self->target.nvme, 1, 8);
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->target.nvme.io[0], 0, 4 * MIB, 77));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, MIB, MIB, 1));
	stream = migration_save(&self->source.device);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	ASSERT_EQ(0, device_reset(&self->target.device));
	nvme_init(&self->target.nvme, &self->target.device, &self->target.arena);
	nvme_start(&self->target.nvme, 1, 8);
	EXPECT_EQ(-1, nvme_filled_differs(&self->target.nvme.io[0], MIB, MIB, 1));
	memset(buffer, 0xff, size);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(&self->target.nvme.io[0], NVME_READ, 0,
					(uint32_t)(size / NVME_BLOCK), buffer));
	for (size_t i = 0; i < size; i++) {
		ASSERT_EQ(0, buffer[i]) TH_LOG("byte %zu", i);
	}
	stream_free(&stream);
}

/* Blocks that were sent and then given back are gone at the destination, too. */
TEST_F(pair, deallocation_travels)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_WRITE_ZEROES, 8, 1000);
	struct stream stream = { 0 }, again;
	int data_fd;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MIB, 1));
	data_fd = migration_go(&self->source.device, PRE_COPY);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
	migration_go(&self->source.device, STOP_COPY);
	ASSERT_EQ(0, migration_drain(data_fd, &stream));
	close(data_fd);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	again = migration_save(&self->target.device);
	EXPECT_STREQ("same", stream_same_state(&stream, &again));
	EXPECT_GE(MIB - 500 * KIB + CONSTANT, again.length);
	stream_free(&stream);
	stream_free(&again);
}

/* The source is made smaller while its state is under way; the target follows. */
TEST_F(pair, resize_travels)
{
	struct stream stream = { 0 };
	int data_fd;

	ASSERT_EQ(0, migration_opt_in(&self->source.device));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MIB, 1));
	data_fd = migration_go(&self->source.device, PRE_COPY);
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(0, mdev_write(&self->source.device.mdev, "namespace_size", "524288"));
	ASSERT_EQ(-ENOMSG, migration_drain(data_fd, &stream));
	ASSERT_EQ(0, mdev_write(&self->source.device.mdev, "namespace_size", "1048576"));
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 64 * KIB, 2));
	migration_go(&self->source.device, STOP_COPY);
	ASSERT_EQ(0, migration_drain(data_fd, &stream));
	close(data_fd);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	EXPECT_EQ(MIB, mdev_read_u64(&self->target.device.mdev, "namespace_size"));
	ASSERT_EQ(0, device_reset(&self->target.device));
	nvme_start(&self->target.nvme, 1, 8);
	EXPECT_EQ(MIB / NVME_BLOCK, nvme_blocks(&self->target.nvme));
	EXPECT_EQ(-1, nvme_filled_differs(&self->target.nvme.io[0], 0, 64 * KIB, 2));
	EXPECT_EQ(-1, nvme_filled_differs(&self->target.nvme.io[0], 64 * KIB, 448 * KIB, 1));
	/* What was cut off does not come back. */
	EXPECT_EQ(512 * KIB,
		  nvme_filled_differs(&self->target.nvme.io[0], 512 * KIB, 512 * KIB, 1));
	stream_free(&stream);
}

TEST_F(pair, write_segments)
{
	static const size_t segments[] = { 1, 3, 7, 63, 65, 4095, 4097, 100003, 0 };
	struct stream first, again;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 3 * MIB, 16 * KIB, 1));
	first = migration_save(&self->source.device);
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		ASSERT_EQ(0, migration_load(&self->target.device, &first, segments[i]))
			TH_LOG("%zu bytes at a time", segments[i]);
		again = migration_save(&self->target.device);
		EXPECT_STREQ("same", stream_same_state(&first, &again))
			TH_LOG("%zu bytes at a time", segments[i]);
		stream_free(&again);
	}
	stream_free(&first);
}

/* A destination that cannot hold the namespace says so when it has seen the first record. */
TEST(other_types)
{
	struct stream small, large;
	struct bench bench, big;
	int data_fd;

	bench_setup(&bench, DEVICE_TYPE);
	bench_setup(&big, "nvme-1G");
	small = migration_save(&bench.device);
	large = migration_save(&big.device);
	ASSERT_EQ(0, device_reset(&bench.device));
	ASSERT_EQ(0, device_reset(&big.device));
	EXPECT_EQ(0, migration_load(&big.device, &small, 0));
	EXPECT_EQ(DEVICE_SIZE, mdev_read_u64(&big.device.mdev, "namespace_size"));
	data_fd = migration_go(&bench.device, RESUMING);
	EXPECT_EQ(-EXDEV, migration_write(data_fd, large.bytes, stream_at(&large, 1).offset));
	close(data_fd);
	stream_free(&small);
	stream_free(&large);
	TEST_TEARDOWN(&bench);
	TEST_TEARDOWN(&big);
}

TEST(huge_thin_device)
{
	static const uint64_t places[] = {
		0, UINT64_C(3) << 30, UINT64_C(8) << 30, (UINT64_C(16) << 30) - 64 * KIB,
	};
	struct bench source, target;
	struct stream stream;
	uint64_t start = must_now_ms();
	int error;

	bench_setup(&source, "nvme-16G");
	bench_setup(&target, "nvme-16G");
	nvme_start(&source.nvme, 1, 32);
	EXPECT_EQ(UINT64_C(16) << 30 >> 9, nvme_blocks(&source.nvme));
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		ASSERT_EQ(NVME_SUCCESS, nvme_fill(&source.nvme.io[0], places[i], 64 * KIB,
						  (uint32_t)i));
	}
	stream = migration_save(&source.device);
	EXPECT_GE(4 * 64 * KIB + CONSTANT, stream.length);
	error = migration_load(&target.device, &stream, 0);
	ASSERT_EQ(0, error);
	ASSERT_EQ(0, device_reset(&target.device));
	nvme_start(&target.nvme, 1, 32);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		EXPECT_EQ(-1, nvme_filled_differs(&target.nvme.io[0], places[i], 64 * KIB,
						  (uint32_t)i))
			TH_LOG("at %#llx", (unsigned long long)places[i]);
	}
	EXPECT_GT(10000, must_now_ms() - start) TH_LOG("takes no longer for being large");
	stream_free(&stream);
	TEST_TEARDOWN(&source);
	TEST_TEARDOWN(&target);
}

/* ---- With a guest that goes on ----------------------------------------- */

struct transfer {
	int from, to;
	uint64_t bytes;
};

/*
 * Carry over what there is, but not much more than @limit bytes.
 *
 * Return: 1 at the limit, 0 at the end, -ENOMSG when there is nothing for now, or the error.
 */
static int carry(struct transfer *transfer, uint64_t limit)
{
	static uint8_t bytes[256 * KIB];
	uint64_t end = transfer->bytes + limit;

	while (transfer->bytes < end) {
		struct stream piece = { .bytes = bytes };
		ssize_t done = migration_read(transfer->from, bytes, sizeof(bytes));
		int error;

		if (done <= 0)
			return (int)done;
		piece.length = (size_t)done;
		error = migration_feed(transfer->to, &piece, 0);
		if (error)
			return error;
		transfer->bytes += (uint64_t)done;
	}
	return 1;
}

/* Migrate while the guest runs, as a VMM does. */
static void migrate(struct __test_metadata *_metadata, struct guest *guest, struct device *from,
		    struct device *to)
{
	struct transfer transfer = {
		.from = migration_go(from, PRE_COPY), .to = migration_go(to, RESUMING),
	};
	uint64_t precopy, start;

	for (int round = 0; round < 4; round++) {
		int error = carry(&transfer, UINT64_MAX / 2);

		ASSERT_EQ(-ENOMSG, error);
		ASSERT_TRUE(guest_goes_on(guest, 50)) TH_LOG("in pre-copy");
	}
	precopy = transfer.bytes;
	start = must_now_ms();
	guest_pause(guest);
	migration_go(from, PRE_COPY_P2P);
	migration_go(from, STOP_COPY);
	ASSERT_EQ(0, carry(&transfer, UINT64_MAX / 2));
	migration_go(to, RUNNING_P2P);
	migration_go(from, STOP);
	migration_go(to, RUNNING);
	guest_resume(guest, to);
	TH_LOG("%llu bytes while running, %llu while stopped, %llu ms",
	       (unsigned long long)precopy, (unsigned long long)(transfer.bytes - precopy),
	       (unsigned long long)(must_now_ms() - start));
	close(transfer.from);
	close(transfer.to);
}

TEST_F(pair, there_and_back_under_load)
{
	struct guest *guest = guest_boot(&self->source.device, &self->target.device);

	ASSERT_TRUE(guest_goes_on(guest, 200));
	migrate(_metadata, guest, &self->source.device, &self->target.device);
	ASSERT_TRUE(guest_goes_on(guest, 200));
	migrate(_metadata, guest, &self->target.device, &self->source.device);
	ASSERT_TRUE(guest_goes_on(guest, 200));
	EXPECT_STREQ("data intact", guest_shutdown(guest));
}

TEST_F(pair, cancelled_precopy)
{
	struct guest *guest = guest_boot(&self->source.device, &self->target.device);

	for (int round = 0; round < 5; round++) {
		struct transfer transfer = {
			.from = migration_go(&self->source.device, PRE_COPY),
			.to = migration_go(&self->target.device, RESUMING),
		};

		ASSERT_TRUE(guest_goes_on(guest, 50)) TH_LOG("round %d", round);
		ASSERT_EQ(1, carry(&transfer, 20 * KIB));
		if (round & 1)
			migration_go(&self->source.device, PRE_COPY_P2P);
		migration_go(&self->source.device, RUNNING);
		ASSERT_EQ(0, device_reset(&self->target.device));
		ASSERT_TRUE(guest_goes_on(guest, 50)) TH_LOG("round %d", round);
		close(transfer.from);
		close(transfer.to);
	}
	EXPECT_STREQ("data intact", guest_shutdown(guest));
}

/* The source may also go back from where it is stopped, when the destination refuses late. */
TEST_F(pair, refused_at_the_end)
{
	static const char garbage[] = "no header of a record has bytes like these";
	struct guest *guest = guest_boot(&self->source.device, &self->target.device);
	struct transfer transfer;
	int error;

	ASSERT_TRUE(guest_goes_on(guest, 100));
	transfer.from = migration_go(&self->source.device, PRE_COPY);
	transfer.to = migration_go(&self->target.device, RESUMING);
	ASSERT_EQ(-ENOMSG, carry(&transfer, UINT64_MAX / 2));
	guest_pause(guest);
	migration_go(&self->source.device, STOP_COPY);
	ASSERT_EQ(-EPROTO, migration_write(transfer.to, garbage, sizeof(garbage)));
	error = carry(&transfer, UINT64_MAX / 2);
	EXPECT_EQ(-EPROTO, error);
	EXPECT_EQ(-EPROTO, migration_set(&self->target.device, STOP, NULL));
	migration_go(&self->source.device, RUNNING);
	guest_resume(guest, &self->source.device);
	ASSERT_TRUE(guest_goes_on(guest, 100));
	ASSERT_EQ(0, device_reset(&self->target.device));
	close(transfer.from);
	close(transfer.to);
	EXPECT_STREQ("data intact", guest_shutdown(guest));
}

/* Let the target reach the source's memory in place of its own, as after a migration. */
static void share_memory(struct bench *source, struct bench *target)
{
	int error = device_unmap(&target->device, target->arena.iova, target->arena.size);

	must(error == 0, "seen %d", error);
	device_map_arena(&target->device, &source->arena);
}

static void unshare_memory(struct bench *source, struct bench *target)
{
	int error = device_unmap(&target->device, source->arena.iova, source->arena.size);

	must(error == 0, "seen %d", error);
	device_map_arena(&target->device, &target->arena);
}

/* A doorbell rung in a P2P state travels, and the destination does what it asks for. */
TEST_F(pair, doorbell_travels)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8);
	uint8_t *buffer = arena_page(&self->source.arena);
	struct stream stream;
	struct nvme_cqe cqe;

	share_memory(&self->source, &self->target);
	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, 4 * KIB, 1));
	migration_go(&self->source.device, RUNNING_P2P);
	sqe.prp1 = arena_iova(&self->source.arena, buffer);
	nvme_submit(self->queue, &sqe);
	stream = migration_save(&self->source.device);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS)) TH_LOG("in STOP");
	migration_go(&self->target.device, RUNNING_P2P);
	EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS)) TH_LOG("in RUNNING_P2P");
	migration_go(&self->target.device, RUNNING);
	self->nvme->device = &self->target.device;
	ASSERT_EQ(0, nvme_reap(self->queue, &cqe));
	EXPECT_EQ(NVME_SUCCESS, nvme_status(&cqe));
	EXPECT_EQ(-1, nvme_pattern_differs(buffer, 0, 8, 1));
	self->nvme->device = &self->source.device;
	stream_free(&stream);
	unshare_memory(&self->source, &self->target);
}

/*
 * Interrupts that the source could not deliver for want of an eventfd, or that
 * may have got lost on the way, come at the destination: once it runs, and not
 * before.
 */
TEST_F(pair, interrupts_travel)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };

	for (int delivered = 0; delivered < 2; delivered++) {
		int source_fds[2], target_fds[2];
		struct stream stream;

		ASSERT_EQ(0, device_reset(&self->source.device));
		device_msix(&self->source.device, source_fds, 2);
		if (!delivered)
			device_irq_off(&self->source.device, VFIO_PCI_MSIX_IRQ_INDEX);
		nvme_enable(self->nvme);
		nvme_submit(&self->nvme->admin, &sqe);
		ASSERT_TRUE(must_happen(nvme_peek(&self->nvme->admin), MUST_TIMEOUT_MS));
		stream = migration_save(&self->source.device);
		EXPECT_EQ(delivered, device_signalled(source_fds[0], 0));
		ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
		device_msix(&self->target.device, target_fds, 2);
		EXPECT_EQ(0, device_signalled(target_fds[0], QUIET_MS)) TH_LOG("in STOP");
		migration_go(&self->target.device, RUNNING_P2P);
		EXPECT_EQ(0, device_signalled(target_fds[0], QUIET_MS)) TH_LOG("in RUNNING_P2P");
		migration_go(&self->target.device, RUNNING);
		EXPECT_LE(1, device_signalled(target_fds[0], MUST_TIMEOUT_MS));
		EXPECT_EQ(0, device_signalled(target_fds[1], 0));
		/* They come once, not whenever it resumes. */
		migration_go(&self->target.device, STOP);
		migration_go(&self->target.device, RUNNING);
		EXPECT_EQ(0, device_signalled(target_fds[0], QUIET_MS)) TH_LOG("stopped again");
		ASSERT_EQ(0, device_reset(&self->target.device));
		stream_free(&stream);
		for (int i = 0; i < 2; i++) {
			close(source_fds[i]);
			close(target_fds[i]);
		}
	}
}

/* A message that finds no eventfd is pending, also when its completion was found without it. */
TEST_F(pair, pending_travels)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };
	uint8_t at = device_capability(&self->source.device, PCI_CAP_ID_MSIX);
	uint32_t pba = device_config32(&self->source.device, at + PCI_MSIX_PBA) &
		       PCI_MSIX_PBA_OFFSET;
	struct stream stream;
	struct nvme_cqe cqe;
	uint64_t pending;
	int eventfd;

	ASSERT_EQ(0, device_reset(&self->source.device));
	device_msix(&self->source.device, &eventfd, 1);
	ASSERT_EQ(0, device_irq_off(&self->source.device, VFIO_PCI_MSIX_IRQ_INDEX));
	close(eventfd);
	nvme_enable(self->nvme);
	nvme_submit(&self->nvme->admin, &sqe);
	ASSERT_EQ(0, nvme_reap(&self->nvme->admin, &cqe));
	ASSERT_TRUE(must_happen(nvme_read64(self->nvme, pba) == 1, MUST_TIMEOUT_MS));
	stream = migration_save(&self->source.device);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	device_read_must(&self->target.device, VFIO_PCI_BAR0_REGION_INDEX, pba, &pending,
			 sizeof(pending));
	EXPECT_EQ(1, pending);
	migration_go(&self->target.device, RUNNING);
	eventfd = device_eventfd(&self->target.device, VFIO_PCI_MSIX_IRQ_INDEX, 0);
	EXPECT_EQ(1, device_signalled(eventfd, MUST_TIMEOUT_MS));
	stream_free(&stream);
	close(eventfd);
}

TEST_F(pair, intx_travels)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };
	const struct mdevsim_state_pci_config *config;
	struct stream stream;
	int intx;

	nvme_submit(&self->nvme->admin, &sqe);
	ASSERT_TRUE(must_happen(nvme_peek(&self->nvme->admin), MUST_TIMEOUT_MS));
	stream = migration_save(&self->source.device);
	/* Nobody has read it since. */
	config = stream_body_of(&stream, MDEVSIM_RECORD_PCI_CONFIG);
	EXPECT_EQ(PCI_STATUS_INTERRUPT, le16toh(config->status) & PCI_STATUS_INTERRUPT);
	intx = device_eventfd(&self->target.device, VFIO_PCI_INTX_IRQ_INDEX, 0);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS)) TH_LOG("in STOP");
	migration_go(&self->target.device, RUNNING);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	stream_free(&stream);
	close(intx);
}

/* Parked requests for events are answered by the destination. */
TEST_F(pair, events_travel)
{
	struct nvme_sqe event = { .opcode = NVME_ASYNC_EVENT };
	uint16_t cid = nvme_submit(&self->nvme->admin, &event);
	struct stream stream;
	struct nvme_cqe cqe;

	stream = migration_save(&self->source.device);
	share_memory(&self->source, &self->target);
	ASSERT_EQ(0, migration_load(&self->target.device, &stream, 0));
	migration_go(&self->target.device, RUNNING);
	self->nvme->device = &self->target.device;
	nvme_write32(self->nvme, NVME_DOORBELL + 8, 1000);
	ASSERT_EQ(0, nvme_reap(&self->nvme->admin, &cqe));
	EXPECT_EQ(cid, cqe.cid);
	EXPECT_EQ(0x010100, cqe.dw0);
	self->nvme->device = &self->source.device;
	stream_free(&stream);
	unshare_memory(&self->source, &self->target);
}

TEST_MAIN
