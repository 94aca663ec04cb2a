// SPDX-License-Identifier: GPL-2.0
/*
 * The controller as a host driver meets it, and as a bad one would treat it.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include "prp.h"
#include "test.h"

#define BLOCKS_PER_PAGE	(ARENA_PAGE / NVME_BLOCK)
#define MAX_TRANSFER	(512 << 10)
#define QUEUE_ENTRIES	32
#define MAX_ENTRIES	1024
#define MAX_EVENTS	8
#define QUIET_MS	100

#define UNMAPPED	UINT64_C(0x7f0000000000)

/* ---- Properties, before anything is enabled ---------------------------- */

FIXTURE(controller) {
	struct bench bench;
	struct nvme *nvme;
};

FIXTURE_SETUP(controller)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->nvme = &self->bench.nvme;
}

FIXTURE_TEARDOWN(controller)
{
	TEST_TEARDOWN(&self->bench);
}

TEST_F(controller, capabilities)
{
	uint64_t cap = nvme_read64(self->nvme, NVME_CAP);

	EXPECT_LE(63, cap & 0xffff);
	EXPECT_EQ(1, cap >> 16 & 1) TH_LOG("contiguous queues required");
	EXPECT_LE(1, cap >> 24 & 0xff) TH_LOG("timeout");
	EXPECT_EQ(0, cap >> 32 & 0xf) TH_LOG("doorbell stride");
	EXPECT_EQ(1, cap >> 37 & 1) TH_LOG("NVM command set");
	EXPECT_EQ(0, cap >> 48 & 0xff) TH_LOG("page sizes");
	EXPECT_EQ(0x10400, nvme_read32(self->nvme, NVME_VS));
	EXPECT_EQ((uint32_t)cap, nvme_read32(self->nvme, NVME_CAP));
	EXPECT_EQ((uint32_t)(cap >> 32), nvme_read32(self->nvme, NVME_CAP + 4));
}

TEST_F(controller, read_only)
{
	static const uint32_t fixed[] = {
		NVME_CAP, NVME_CAP + 4, NVME_VS, 0x18, NVME_CSTS, NVME_NSSR, NVME_CMBLOC,
		NVME_CMBSZ, 0x40, 0x100, 0xe00, 0xffc,
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		uint32_t before = nvme_read32(self->nvme, fixed[i]);

		nvme_write32(self->nvme, fixed[i], ~before);
		EXPECT_EQ(before, nvme_read32(self->nvme, fixed[i]))
			TH_LOG("register %#x", fixed[i]);
	}
	EXPECT_EQ(0, nvme_read32(self->nvme, NVME_CMBSZ));
	EXPECT_EQ(0, nvme_read32(self->nvme, NVME_NSSR));
}

TEST_F(controller, queue_registers)
{
	nvme_write32(self->nvme, NVME_AQA, ~0u);
	EXPECT_EQ(0x0fff0fff, nvme_read32(self->nvme, NVME_AQA));
	nvme_write64(self->nvme, NVME_ASQ, UINT64_C(0x123456789abcdef0));
	EXPECT_EQ(UINT64_C(0x123456789abcd000), nvme_read64(self->nvme, NVME_ASQ));
	nvme_write32(self->nvme, NVME_ACQ, 0x89abcdef);
	nvme_write32(self->nvme, NVME_ACQ + 4, 0x01234567);
	EXPECT_EQ(UINT64_C(0x0123456789abc000), nvme_read64(self->nvme, NVME_ACQ));
	/* They can be read while enabled, which one operating system does. */
	nvme_enable(self->nvme);
	EXPECT_EQ(arena_iova(&self->bench.arena, self->nvme->admin.sq),
		  nvme_read64(self->nvme, NVME_ASQ));
}

TEST_F(controller, enable_and_disable)
{
	for (int i = 0; i < 5; i++) {
		nvme_enable(self->nvme);
		/* Once more the same value */
		nvme_write32(self->nvme, NVME_CC, NVME_CC_ENABLED);
		EXPECT_EQ(NVME_CSTS_RDY, nvme_read32(self->nvme, NVME_CSTS));
		EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, NVME_FEATURE_QUEUES, 0, NULL));
		nvme_disable(self->nvme);
		nvme_write32(self->nvme, NVME_CC, 0);
		EXPECT_EQ(0, nvme_read32(self->nvme, NVME_CSTS));
	}
}

/* Some drivers shut down, then disable; others enable right away. */
TEST_F(controller, shutdown)
{
	for (uint32_t shn = 1; shn <= 2; shn++) {
		nvme_enable(self->nvme);
		nvme_write32(self->nvme, NVME_CC, NVME_CC_ENABLED | shn << 14);
		EXPECT_EQ(0, nvme_wait_csts(self->nvme, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_DONE));
		if (shn == 1)
			nvme_disable(self->nvme);
		else
			nvme_write32(self->nvme, NVME_CC, 0);
		EXPECT_EQ(0, nvme_read32(self->nvme, NVME_CSTS) & NVME_CSTS_SHST_MASK);
	}
	nvme_enable(self->nvme);
	EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, NVME_FEATURE_QUEUES, 0, NULL));
}

/* After a shutdown was reported complete no command is fetched. */
TEST_F(controller, shutdown_stops_fetching)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };

	nvme_enable(self->nvme);
	nvme_write32(self->nvme, NVME_CC, NVME_CC_ENABLED | NVME_CC_SHN_NORMAL);
	ASSERT_EQ(0, nvme_wait_csts(self->nvme, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_DONE));
	nvme_submit(&self->nvme->admin, &sqe);
	EXPECT_FALSE(must_happen(nvme_peek(&self->nvme->admin), QUIET_MS));
}

TEST_F(controller, bad_configurations)
{
	static const struct {
		const char *what;
		uint32_t cc, aqa;
	} bad[] = {
		{ "page size", NVME_CC_ENABLED | 1 << 7, 0x1f001f },
		{ "command set", NVME_CC_ENABLED | 1 << 4, 0x1f001f },
		{ "arbitration", NVME_CC_ENABLED | 1 << 11, 0x1f001f },
		{ "admin submission queue of one entry", NVME_CC_ENABLED, 0x1f0000 },
		{ "admin completion queue of one entry", NVME_CC_ENABLED, 0x00001f },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		nvme_setup_admin(self->nvme, 32);
		nvme_write32(self->nvme, NVME_AQA, bad[i].aqa);
		nvme_write32(self->nvme, NVME_CC, bad[i].cc);
		EXPECT_EQ(NVME_CSTS_CFS, nvme_read32(self->nvme, NVME_CSTS) &
			  (NVME_CSTS_CFS | NVME_CSTS_RDY))
			TH_LOG("%s", bad[i].what);
		nvme_write32(self->nvme, NVME_CC, 0);
		EXPECT_EQ(0, nvme_read32(self->nvme, NVME_CSTS)) TH_LOG("%s", bad[i].what);
	}
}

/* A queue that is not in memory is fatal for the controller, and for nothing else. */
TEST_F(controller, queues_in_no_memory)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };
	static const uint64_t nowhere[] = { UNMAPPED, 0, ~UINT64_C(0xfff) };

	device_bus_master(&self->bench.device, true);
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		for (uint32_t which = NVME_ASQ; which <= NVME_ACQ; which += NVME_ACQ - NVME_ASQ) {
			nvme_setup_admin(self->nvme, 32);
			nvme_write64(self->nvme, which, nowhere[i]);
			nvme_write32(self->nvme, NVME_CC, NVME_CC_ENABLED);
			nvme_submit(&self->nvme->admin, &sqe);
			EXPECT_EQ(0, nvme_wait_csts(self->nvme, NVME_CSTS_CFS, NVME_CSTS_CFS))
				TH_LOG("register %#x, %#llx", which,
				       (unsigned long long)nowhere[i]);
			nvme_disable(self->nvme);
		}
	}
}

TEST_F(controller, doorbells_before_enable)
{
	for (uint32_t offset = NVME_DOORBELL; offset < NVME_DOORBELL + 64 * 8; offset += 4)
		nvme_write32(self->nvme, offset, 1);
	EXPECT_EQ(0, nvme_read32(self->nvme, NVME_CSTS));
}

/* Two controllers tell each other apart by serial number and NGUID. */
TEST_F(controller, names_differ)
{
	uint8_t *ctrl = arena_page(&self->bench.arena), *ns = arena_page(&self->bench.arena);
	uint8_t *other_ctrl, *other_ns;
	struct bench other;

	bench_setup(&other, DEVICE_TYPE);
	other_ctrl = arena_page(&other.arena);
	other_ns = arena_page(&other.arena);
	nvme_enable(self->nvme);
	nvme_enable(&other.nvme);
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 1, 0, ctrl));
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 0, 1, ns));
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(&other.nvme, 1, 0, other_ctrl));
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(&other.nvme, 0, 1, other_ns));
	EXPECT_NE(0, memcmp(ctrl + 4, other_ctrl + 4, 20)) TH_LOG("serial number");
	EXPECT_NE(0, memcmp(ns + 104, other_ns + 104, 16)) TH_LOG("NGUID");
	EXPECT_NE(0, memcmp(ctrl + 768, other_ctrl + 768, 256)) TH_LOG("NQN");
	device_remove(&other.device);
	arena_free(&other.arena);
}

/* ---- Admin commands ---------------------------------------------------- */

FIXTURE(admin) {
	struct bench bench;
	struct nvme *nvme;
	struct nvme_queue *queue;
	uint8_t *page;
};

FIXTURE_SETUP(admin)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->nvme = &self->bench.nvme;
	self->queue = &self->nvme->admin;
	self->page = arena_page(&self->bench.arena);
	nvme_enable(self->nvme);
}

FIXTURE_TEARDOWN(admin)
{
	TEST_TEARDOWN(&self->bench);
}

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t get32(const uint8_t *bytes)
{
	return get16(bytes) | (uint32_t)get16(bytes + 2) << 16;
}

static uint64_t get64(const uint8_t *bytes)
{
	return get32(bytes) | (uint64_t)get32(bytes + 4) << 32;
}

TEST_F(admin, identify_controller)
{
	const uint8_t *id = self->page;

	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 1, 0, self->page));
	EXPECT_EQ(device_config16(&self->bench.device, 0), get16(id)) TH_LOG("vendor");
	EXPECT_NE(' ', id[4]) TH_LOG("serial number");
	EXPECT_NE(' ', id[24]) TH_LOG("model number");
	EXPECT_EQ(7, id[77]) TH_LOG("MDTS");
	EXPECT_EQ(0x10400, get32(id + 80)) TH_LOG("VER");
	EXPECT_EQ(1, id[111]) TH_LOG("CNTRLTYPE");
	EXPECT_EQ(0, get16(id + 256) >> 11 & 1) TH_LOG("OACS says that it can migrate itself");
	EXPECT_EQ(MAX_EVENTS - 1, id[259]) TH_LOG("AERL");
	EXPECT_EQ(0x66, id[512]) TH_LOG("SQES");
	EXPECT_EQ(0x44, id[513]) TH_LOG("CQES");
	EXPECT_EQ(1, get32(id + 516)) TH_LOG("NN");
	EXPECT_EQ(0, get32(id + 536) & 3) TH_LOG("SGLS");
}

TEST_F(admin, identify_namespace)
{
	const uint8_t *id = self->page;

	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 0, 1, self->page));
	EXPECT_EQ(DEVICE_SIZE / NVME_BLOCK, get64(id));
	EXPECT_EQ(DEVICE_SIZE / NVME_BLOCK, get64(id + 8));
	EXPECT_EQ(0, get64(id + 16)) TH_LOG("utilisation of a new namespace");
	EXPECT_EQ(0, id[25]) TH_LOG("NLBAF");
	EXPECT_EQ(9, get32(id + 128) >> 16 & 0xff) TH_LOG("LBADS");
}

TEST_F(admin, identify_lists)
{
	uint8_t nguid[16];

	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 0, 1, self->page));
	memcpy(nguid, self->page + 104, sizeof(nguid));
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 2, 0, self->page));
	EXPECT_EQ(1, get32(self->page));
	EXPECT_EQ(0, get32(self->page + 4));
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 2, 1, self->page));
	EXPECT_EQ(0, get32(self->page));
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 3, 1, self->page));
	EXPECT_EQ(2, self->page[0]) TH_LOG("type of the first descriptor: NGUID");
	EXPECT_EQ(16, self->page[1]);
	EXPECT_EQ(0, memcmp(nguid, self->page + 4, sizeof(nguid)));
}

TEST_F(admin, identify_refusals)
{
	static const struct {
		uint8_t cns;
		uint32_t nsid;
		int status;
	} refused[] = {
		{ 0, 0, NVME_INVALID_NS }, { 0, 2, NVME_INVALID_NS },
		{ 0, 0xffffffff, NVME_INVALID_NS }, { 2, 0xffffffff, NVME_INVALID_NS },
		{ 2, 0xfffffffe, NVME_INVALID_NS }, { 3, 0, NVME_INVALID_NS },
		{ 3, 2, NVME_INVALID_NS }, { 4, 0, NVME_INVALID_FIELD },
		{ 0x21, 0, NVME_INVALID_FIELD }, { 0xff, 0, NVME_INVALID_FIELD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(refused[i].status, nvme_identify(self->nvme, refused[i].cns,
							   refused[i].nsid, self->page))
			TH_LOG("CNS %#x, NSID %#x", refused[i].cns, refused[i].nsid);
	}
}

TEST_F(admin, opcodes)
{
	static const uint8_t known[] = { 0, 1, 2, 4, 5, 6, 8, 9, 0xa, 0xc };

	for (unsigned int opcode = 0; opcode < 256; opcode++) {
		struct nvme_sqe sqe = { .opcode = (uint8_t)opcode };
		struct nvme_cqe cqe;

		if (memchr(known, (int)opcode, sizeof(known)))
			continue;
		EXPECT_EQ(NVME_INVALID_OPCODE, nvme_run(self->queue, &sqe, &cqe))
			TH_LOG("opcode %#x", opcode);
		EXPECT_EQ(NVME_STATUS_DNR, cqe.status >> 1 & NVME_STATUS_DNR)
			TH_LOG("opcode %#x", opcode);
	}
}

/* SGLs and fused commands do not exist here. */
TEST_F(admin, flags)
{
	static const uint8_t flags[] = { 1, 2, 3, 0x40, 0x80, 0xc0 };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct nvme_sqe sqe = {
			.opcode = NVME_GET_FEATURES, .flags = flags[i],
			.cdw10 = NVME_FEATURE_QUEUES,
		};

		EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL))
			TH_LOG("flags %#x", flags[i]);
	}
}

static int create_cq(struct nvme *nvme, struct nvme_sqe sqe, uint16_t qid, uint16_t size)
{
	sqe.cdw10 = (uint32_t)size << 16 | qid;
	return nvme_run(&nvme->admin, &sqe, NULL);
}

TEST_F(admin, create_cq_refusals)
{
	struct nvme_queue layout;
	struct nvme_sqe good, bad;

	nvme_queue_layout(&layout, self->nvme, 1, 8);
	good = nvme_sqe_create_cq(&layout, 0);
	EXPECT_EQ(NVME_INVALID_QID, create_cq(self->nvme, good, 0, 7));
	EXPECT_EQ(NVME_INVALID_QID, create_cq(self->nvme, good, 64, 7));
	EXPECT_EQ(NVME_INVALID_QID, create_cq(self->nvme, good, 0xffff, 7));
	EXPECT_EQ(NVME_INVALID_QSIZE, create_cq(self->nvme, good, 1, 0));
	EXPECT_EQ(NVME_INVALID_QSIZE, create_cq(self->nvme, good, 1, MAX_ENTRIES));
	EXPECT_EQ(NVME_INVALID_QSIZE, create_cq(self->nvme, good, 1, 0xffff));
	bad = nvme_sqe_create_cq(&layout, 1);
	EXPECT_EQ(NVME_INVALID_VECTOR, create_cq(self->nvme, bad, 1, 7))
		TH_LOG("without MSI-X there is vector 0 only");
	bad = good;
	bad.cdw11 &= ~1u;
	EXPECT_EQ(NVME_INVALID_FIELD, create_cq(self->nvme, bad, 1, 7));
	bad = good;
	bad.prp1 += 0x200;
	EXPECT_EQ(NVME_INVALID_PRP_OFFSET, create_cq(self->nvme, bad, 1, 7));
	EXPECT_EQ(NVME_SUCCESS, create_cq(self->nvme, good, 1, 7));
	EXPECT_EQ(NVME_INVALID_QID, create_cq(self->nvme, good, 1, 7));
}

TEST_F(admin, create_cq_vectors)
{
	struct nvme_queue layout;
	struct nvme_sqe sqe;
	int eventfds[1];

	nvme_queue_layout(&layout, self->nvme, 1, 8);
	sqe = nvme_sqe_create_cq(&layout, 1);
	EXPECT_EQ(NVME_INVALID_VECTOR, create_cq(self->nvme, sqe, 1, 7)) TH_LOG("with the pin");
	device_msix(&self->bench.device, eventfds, 1);
	sqe = nvme_sqe_create_cq(&layout, 64);
	EXPECT_EQ(NVME_INVALID_VECTOR, create_cq(self->nvme, sqe, 1, 7));
	sqe = nvme_sqe_create_cq(&layout, 0xffff);
	EXPECT_EQ(NVME_INVALID_VECTOR, create_cq(self->nvme, sqe, 1, 7));
	sqe = nvme_sqe_create_cq(&layout, 63);
	EXPECT_EQ(NVME_SUCCESS, create_cq(self->nvme, sqe, 1, 7));
	close(eventfds[0]);
}

static int create_sq(struct nvme *nvme, struct nvme_sqe sqe, uint16_t qid, uint16_t size,
		     uint16_t cqid)
{
	sqe.cdw10 = (uint32_t)size << 16 | qid;
	sqe.cdw11 = (uint32_t)cqid << 16 | (sqe.cdw11 & 0xffff);
	return nvme_run(&nvme->admin, &sqe, NULL);
}

TEST_F(admin, create_sq_refusals)
{
	struct nvme_queue layout;
	struct nvme_sqe good, bad, cq;

	nvme_queue_layout(&layout, self->nvme, 1, 8);
	good = nvme_sqe_create_sq(&layout);
	EXPECT_EQ(NVME_CQ_INVALID, create_sq(self->nvme, good, 1, 7, 1));
	cq = nvme_sqe_create_cq(&layout, -1);
	ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &cq, NULL));
	EXPECT_EQ(NVME_INVALID_QID, create_sq(self->nvme, good, 0, 7, 1));
	EXPECT_EQ(NVME_INVALID_QID, create_sq(self->nvme, good, 64, 7, 1));
	EXPECT_EQ(NVME_INVALID_QID, create_sq(self->nvme, good, 1, 7, 0));
	EXPECT_EQ(NVME_INVALID_QID, create_sq(self->nvme, good, 1, 7, 64));
	EXPECT_EQ(NVME_CQ_INVALID, create_sq(self->nvme, good, 1, 7, 2));
	EXPECT_EQ(NVME_INVALID_QSIZE, create_sq(self->nvme, good, 1, 0, 1));
	EXPECT_EQ(NVME_INVALID_QSIZE, create_sq(self->nvme, good, 1, MAX_ENTRIES, 1));
	bad = good;
	bad.cdw11 &= ~1u;
	EXPECT_EQ(NVME_INVALID_FIELD, create_sq(self->nvme, bad, 1, 7, 1));
	bad = good;
	bad.prp1 += 8;
	EXPECT_EQ(NVME_INVALID_PRP_OFFSET, create_sq(self->nvme, bad, 1, 7, 1));
	EXPECT_EQ(NVME_SUCCESS, create_sq(self->nvme, good, 1, 7, 1));
	EXPECT_EQ(NVME_INVALID_QID, create_sq(self->nvme, good, 1, 7, 1));
}

static int delete_queue(struct nvme *nvme, uint8_t opcode, uint16_t qid)
{
	struct nvme_sqe sqe = { .opcode = opcode, .cdw10 = qid };

	return nvme_run(&nvme->admin, &sqe, NULL);
}

TEST_F(admin, delete_refusals)
{
	static const uint16_t absent[] = { 0, 2, 63, 64, 0xffff };

	nvme_queue_create(self->nvme, 1, 8, -1);
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		EXPECT_EQ(NVME_INVALID_QID, delete_queue(self->nvme, NVME_DELETE_SQ, absent[i]))
			TH_LOG("queue %u", absent[i]);
		EXPECT_EQ(NVME_INVALID_QID, delete_queue(self->nvme, NVME_DELETE_CQ, absent[i]))
			TH_LOG("queue %u", absent[i]);
	}
	EXPECT_EQ(NVME_INVALID_DELETION, delete_queue(self->nvme, NVME_DELETE_CQ, 1));
	EXPECT_EQ(NVME_SUCCESS, delete_queue(self->nvme, NVME_DELETE_SQ, 1));
	EXPECT_EQ(NVME_INVALID_QID, delete_queue(self->nvme, NVME_DELETE_SQ, 1));
	EXPECT_EQ(NVME_SUCCESS, delete_queue(self->nvme, NVME_DELETE_CQ, 1));
	EXPECT_EQ(NVME_INVALID_QID, delete_queue(self->nvme, NVME_DELETE_CQ, 1));
}

/* Entry sizes must be set before I/O queues are created. */
TEST_F(admin, entry_sizes)
{
	struct nvme_queue layout;
	struct nvme_sqe sqe;

	nvme_queue_layout(&layout, self->nvme, 1, 8);
	nvme_write32(self->nvme, NVME_CC, NVME_CC_EN);
	sqe = nvme_sqe_create_cq(&layout, -1);
	EXPECT_EQ(NVME_INVALID_QSIZE, nvme_run(self->queue, &sqe, NULL));
	nvme_write32(self->nvme, NVME_CC, NVME_CC_ENABLED);
	EXPECT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
}

/* What a controller was enabled with it keeps. */
TEST_F(admin, configuration_stays)
{
	static const uint32_t fields[] = { 1 << 4, 1 << 7, 1 << 11 };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		nvme_write32(self->nvme, NVME_CC, NVME_CC_ENABLED | fields[i]);
		EXPECT_EQ(NVME_CC_ENABLED, nvme_read32(self->nvme, NVME_CC))
			TH_LOG("CC %#x", fields[i]);
		EXPECT_EQ(NVME_CSTS_RDY, nvme_read32(self->nvme, NVME_CSTS));
	}
}

TEST_F(admin, features)
{
	static const struct {
		uint8_t fid;
		uint32_t cdw11;
	} settable[] = {
		{ NVME_FEATURE_ARBITRATION, 0x01020303 },
		{ NVME_FEATURE_TEMPERATURE, 0x0150 },
		{ NVME_FEATURE_ERROR_RECOVERY, 0x0005 },
		{ NVME_FEATURE_WRITE_CACHE, 0x0000 },
		{ NVME_FEATURE_COALESCING, 0x0305 },
		{ NVME_FEATURE_ATOMICITY, 0x0001 },
		{ NVME_FEATURE_EVENTS, 0x0102 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(settable); i++) {
		uint32_t before, default_value, after;

		ASSERT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, settable[i].fid, 0, &before))
			TH_LOG("feature %#x", settable[i].fid);
		EXPECT_EQ(NVME_SUCCESS, nvme_set_feature(self->nvme, settable[i].fid,
							 settable[i].cdw11, NULL))
			TH_LOG("feature %#x", settable[i].fid);
		EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, settable[i].fid, 0, &after));
		EXPECT_EQ(settable[i].cdw11, after) TH_LOG("feature %#x", settable[i].fid);
		EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, settable[i].fid | 1 << 8, 0,
							 &default_value));
		EXPECT_EQ(before, default_value) TH_LOG("feature %#x", settable[i].fid);
	}
	/* A controller reset brings the defaults back. */
	nvme_disable(self->nvme);
	nvme_enable(self->nvme);
	for (size_t i = 0; i < ARRAY_SIZE(settable); i++) {
		uint32_t now, default_value;

		EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, settable[i].fid, 0, &now));
		EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, settable[i].fid | 1 << 8, 0,
							 &default_value));
		EXPECT_EQ(default_value, now) TH_LOG("feature %#x", settable[i].fid);
	}
}

TEST_F(admin, feature_refusals)
{
	static const uint8_t unknown[] = { 0x00, 0x03, 0x0d, 0x21, 0x7f, 0x80, 0xff };

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(NVME_INVALID_FIELD, nvme_get_feature(self->nvme, unknown[i], 0, NULL))
			TH_LOG("feature %#x", unknown[i]);
		EXPECT_EQ(NVME_INVALID_FIELD, nvme_set_feature(self->nvme, unknown[i], 0, NULL))
			TH_LOG("feature %#x", unknown[i]);
	}
	EXPECT_EQ(NVME_INVALID_NS, nvme_run(&self->nvme->admin, &(struct nvme_sqe) {
		.opcode = NVME_GET_FEATURES, .nsid = 7, .cdw10 = NVME_FEATURE_ERROR_RECOVERY,
	}, NULL));
	EXPECT_EQ(NVME_INVALID_NS, nvme_run(&self->nvme->admin, &(struct nvme_sqe) {
		.opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_ERROR_RECOVERY,
	}, NULL));
	EXPECT_EQ(NVME_INVALID_NS, nvme_run(&self->nvme->admin, &(struct nvme_sqe) {
		.opcode = NVME_SET_FEATURES, .cdw10 = NVME_FEATURE_ERROR_RECOVERY,
	}, NULL));
	EXPECT_EQ(NVME_INVALID_NS, nvme_run(&self->nvme->admin, &(struct nvme_sqe) {
		.opcode = NVME_SET_FEATURES, .nsid = 7, .cdw10 = NVME_FEATURE_ARBITRATION,
	}, NULL));
	EXPECT_EQ(NVME_NOT_NS_SPECIFIC, nvme_run(&self->nvme->admin, &(struct nvme_sqe) {
		.opcode = NVME_SET_FEATURES, .nsid = 1, .cdw10 = NVME_FEATURE_ARBITRATION,
	}, NULL));
	EXPECT_EQ(NVME_NOT_SAVEABLE, nvme_set_feature(self->nvme, 1u << 31 |
						      NVME_FEATURE_ARBITRATION, 0, NULL));
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_set_feature(self->nvme, NVME_FEATURE_POWER, 31, NULL));
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_get_feature(self->nvme, NVME_FEATURE_VECTOR, 64, NULL));
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_set_feature(self->nvme, NVME_FEATURE_VECTOR, 0xffff,
						       NULL));
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_get_feature(self->nvme, 7 << 8 |
						       NVME_FEATURE_ARBITRATION, 0, NULL));
}

TEST_F(admin, power_state)
{
	uint32_t value;

	EXPECT_EQ(NVME_SUCCESS, nvme_set_feature(self->nvme, NVME_FEATURE_POWER, 0, NULL));
	EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, NVME_FEATURE_POWER, 0, &value));
	EXPECT_EQ(0, value);
}

/* Coalescing may be switched off for each vector; what is set for one is not for another. */
TEST_F(admin, vector_configuration)
{
	uint32_t value;

	EXPECT_EQ(NVME_SUCCESS, nvme_set_feature(self->nvme, NVME_FEATURE_VECTOR, 0x10005, NULL));
	EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, NVME_FEATURE_VECTOR, 5, &value));
	EXPECT_EQ(0x10005, value);
	EXPECT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, NVME_FEATURE_VECTOR, 6, &value));
	EXPECT_EQ(6, value);
}

static int timestamp(struct nvme *nvme, uint8_t opcode, uint8_t *page)
{
	struct nvme_sqe sqe = { .opcode = opcode, .cdw10 = NVME_FEATURE_TIMESTAMP };

	nvme_prp(nvme, &sqe, page, 8);
	return nvme_run(&nvme->admin, &sqe, NULL);
}

/* It runs on from where the host set it. */
TEST_F(admin, timestamp)
{
	const uint64_t set = UINT64_C(0x123456789a);
	uint64_t seen;

	memcpy(self->page, &set, sizeof(set));
	ASSERT_EQ(NVME_SUCCESS, timestamp(self->nvme, NVME_SET_FEATURES, self->page));
	memset(self->page, 0, 8);
	ASSERT_EQ(NVME_SUCCESS, timestamp(self->nvme, NVME_GET_FEATURES, self->page));
	seen = get64(self->page) & UINT64_C(0xffffffffffff);
	EXPECT_LE(set, seen);
	EXPECT_GE(set + MUST_TIMEOUT_MS, seen);
	EXPECT_EQ(1, self->page[6] >> 1 & 7) TH_LOG("origin: set by the host");
}

TEST_F(admin, number_of_queues)
{
	uint32_t granted;

	ASSERT_EQ(NVME_SUCCESS, nvme_set_feature(self->nvme, NVME_FEATURE_QUEUES, 0x00030003,
						 &granted));
	EXPECT_EQ(0x003e003e, granted) TH_LOG("constant, whatever is asked for");
	ASSERT_EQ(NVME_SUCCESS, nvme_set_feature(self->nvme, NVME_FEATURE_QUEUES, 0xfffefffe,
						 &granted));
	EXPECT_EQ(0x003e003e, granted);
	ASSERT_EQ(NVME_SUCCESS, nvme_get_feature(self->nvme, NVME_FEATURE_QUEUES, 0, &granted));
	EXPECT_EQ(0x003e003e, granted);
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_set_feature(self->nvme, NVME_FEATURE_QUEUES, 0xffff0003,
						       NULL));
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_set_feature(self->nvme, NVME_FEATURE_QUEUES, 0x0003ffff,
						       NULL));
	nvme_queue_create(self->nvme, 1, 8, -1);
	EXPECT_EQ(NVME_SEQUENCE, nvme_set_feature(self->nvme, NVME_FEATURE_QUEUES, 0x00030003,
						  NULL));
}

TEST_F(admin, log_pages)
{
	static const uint16_t sizes[] = {
		[NVME_LOG_ERROR] = 1024, [NVME_LOG_SMART] = 512, [NVME_LOG_FIRMWARE] = 512,
		[NVME_LOG_CHANGED_NS] = 4096, [NVME_LOG_EFFECTS] = 4096,
	};

	for (uint8_t log = NVME_LOG_ERROR; log <= NVME_LOG_EFFECTS; log++) {
		EXPECT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, log, self->page, sizes[log]))
			TH_LOG("log %#x", log);
	}
	/* Effects, just read: bit 0 says whether a command is supported. */
	EXPECT_EQ(1, get32(self->page + NVME_IDENTIFY * 4) & 1);
	EXPECT_EQ(0, get32(self->page + 0x41 * 4) & 1) TH_LOG("Migration Send");
	EXPECT_EQ(1, get32(self->page + 1024 + NVME_READ * 4) & 1);
	EXPECT_EQ(0, get32(self->page + 1024 + 0x77 * 4) & 1);
	ASSERT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, NVME_LOG_SMART, self->page, 512));
	EXPECT_EQ(100, self->page[3]) TH_LOG("available spare");
	EXPECT_LE(273, get16(self->page + 1)) TH_LOG("temperature in kelvin");
	ASSERT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, NVME_LOG_FIRMWARE, self->page, 512));
	EXPECT_EQ(1, self->page[0] & 7) TH_LOG("active slot");
}

TEST_F(admin, log_part)
{
	struct nvme_sqe sqe = {
		.opcode = NVME_GET_LOG_PAGE, .nsid = 0xffffffff,
		.cdw10 = 3 << 16 | NVME_LOG_EFFECTS,
	};

	sqe.cdw12 = NVME_IDENTIFY * 4;
	nvme_prp(self->nvme, &sqe, self->page, 16);
	memset(self->page, 0xaa, ARENA_PAGE);
	ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
	EXPECT_EQ(1, get32(self->page) & 1);
	EXPECT_EQ(0xaaaaaaaa, get32(self->page + 16)) TH_LOG("no more than was asked for");
}

TEST_F(admin, log_refusals)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_LOG_PAGE, .nsid = 0xffffffff };
	static const uint8_t unknown[] = { 0x00, 0x06, 0x0d, 0x70, 0x80, 0xff };

	nvme_prp(self->nvme, &sqe, self->page, 16);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		sqe.cdw10 = 3 << 16 | unknown[i];
		EXPECT_EQ(NVME_INVALID_LOG, nvme_run(self->queue, &sqe, NULL))
			TH_LOG("log %#x", unknown[i]);
	}
	sqe.cdw10 = 3 << 16 | NVME_LOG_SMART;
	sqe.cdw12 = 512;
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL)) TH_LOG("far offset");
	sqe.cdw12 = 0;
	sqe.cdw13 = 0x80000000;
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL)) TH_LOG("huge offset");
	sqe.cdw13 = 0;
	sqe.cdw12 = 2;
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL)) TH_LOG("odd offset");
	sqe.cdw12 = 0;
	sqe.cdw10 = 0xffff << 16 | NVME_LOG_SMART;
	sqe.cdw11 = 0xffff;
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL)) TH_LOG("huge length");
	sqe.cdw10 = 3 << 16 | NVME_LOG_SMART;
	sqe.cdw11 = 0;
	sqe.nsid = 1;
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL)) TH_LOG("of a namespace");
}

TEST_F(admin, error_log)
{
	struct nvme_sqe sqe = { .opcode = 0x99 };
	struct nvme_cqe cqe;

	ASSERT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, NVME_LOG_ERROR, self->page, 64));
	EXPECT_EQ(0, get64(self->page)) TH_LOG("errors of a new controller");
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(NVME_INVALID_OPCODE, nvme_run(self->queue, &sqe, &cqe));
	}
	ASSERT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, NVME_LOG_ERROR, self->page, 1024));
	for (uint64_t i = 0; i < 16; i++) {
		EXPECT_EQ(20 - i, get64(self->page + i * 64)) TH_LOG("entry %llu",
								     (unsigned long long)i);
	}
	EXPECT_EQ(0, get16(self->page + 8)) TH_LOG("queue");
	EXPECT_EQ(cqe.cid, get16(self->page + 10)) TH_LOG("command");
	EXPECT_EQ(NVME_INVALID_OPCODE, get16(self->page + 12) >> 1 & 0x7ff) TH_LOG("status");
}

static uint16_t request_event(struct nvme_queue *admin)
{
	struct nvme_sqe sqe = { .opcode = NVME_ASYNC_EVENT };

	return nvme_submit(admin, &sqe);
}

/* Wait for one completion that is not in the order of submission. */
static struct nvme_cqe reap(struct nvme_queue *queue)
{
	struct nvme_cqe cqe = { 0 };
	int error = nvme_reap(queue, &cqe);

	must(error == 0, "a completion in queue %u, seen %d", queue->id, error);
	return cqe;
}

/* Commands after a parked request complete out of order, and are not held up by it. */
TEST_F(admin, events_park)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };
	struct nvme_cqe cqe;
	uint16_t cid;

	for (int i = 0; i < MAX_EVENTS; i++)
		request_event(self->queue);
	cid = nvme_submit(self->queue, &sqe);
	cqe = reap(self->queue);
	EXPECT_EQ(cid, cqe.cid);
	EXPECT_EQ(NVME_SUCCESS, nvme_status(&cqe));
	/* One more than there may be */
	cid = request_event(self->queue);
	cqe = reap(self->queue);
	EXPECT_EQ(cid, cqe.cid);
	EXPECT_EQ(NVME_ASYNC_LIMIT, nvme_status(&cqe));
	EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS));
	/* A reset drops them without a word. */
	nvme_disable(self->nvme);
	EXPECT_FALSE(nvme_peek(self->queue));
}

TEST_F(admin, abort)
{
	struct nvme_sqe sqe = { .opcode = NVME_ABORT };
	uint16_t event, abort;
	struct nvme_cqe first, second;

	event = request_event(self->queue);
	sqe.cdw10 = (uint32_t)event << 16;
	abort = nvme_submit(self->queue, &sqe);
	first = reap(self->queue);
	second = reap(self->queue);
	EXPECT_EQ(event, first.cid);
	EXPECT_EQ(NVME_ABORTED, nvme_status(&first));
	EXPECT_EQ(abort, second.cid);
	EXPECT_EQ(NVME_SUCCESS, nvme_status(&second));
	EXPECT_EQ(0, second.dw0 & 1);
	/* Nothing is left to abort, and other queues have nothing outstanding. */
	ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, &first));
	EXPECT_EQ(1, first.dw0 & 1);
	sqe.cdw10 |= 5;
	ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, &first));
	EXPECT_EQ(1, first.dw0 & 1);
}

/* A log page that is read with Retain Asynchronous Event acknowledges nothing. */
TEST_F(admin, event_retained)
{
	struct nvme_sqe sqe = {
		.opcode = NVME_GET_LOG_PAGE, .nsid = 0xffffffff,
		.cdw10 = 15 << 16 | 1 << 15 | NVME_LOG_ERROR,
	};
	struct nvme_cqe cqe;

	nvme_prp(self->nvme, &sqe, self->page, 64);
	request_event(self->queue);
	request_event(self->queue);
	nvme_write32(self->nvme, NVME_DOORBELL + 40 * 8, 1);
	cqe = reap(self->queue);
	EXPECT_EQ(0x010000, cqe.dw0);
	nvme_submit(self->queue, &sqe);
	cqe = reap(self->queue);
	EXPECT_EQ(NVME_SUCCESS, nvme_status(&cqe));
	nvme_write32(self->nvme, NVME_DOORBELL + 40 * 8, 1);
	EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS));
}

/* A bad doorbell is reported once, until its log page was read. */
TEST_F(admin, event_bad_doorbell)
{
	struct nvme_queue *io = nvme_queue_create(self->nvme, 1, 8, -1);
	struct nvme_cqe cqe;
	uint16_t first, second;

	first = request_event(self->queue);
	second = request_event(self->queue);
	nvme_write32(self->nvme, NVME_DOORBELL + 8, 8);
	cqe = reap(self->queue);
	EXPECT_EQ(first, cqe.cid);
	EXPECT_EQ(0x010100, cqe.dw0) TH_LOG("error, invalid doorbell value, log page 1");
	nvme_write32(self->nvme, NVME_DOORBELL + 8, 100);
	EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS));
	nvme_submit(self->queue, &(struct nvme_sqe) {
		.opcode = NVME_GET_LOG_PAGE, .nsid = 0xffffffff, .cdw10 = 15 << 16 | NVME_LOG_ERROR,
		.prp1 = arena_iova(&self->bench.arena, self->page),
	});
	/* The log's completion and the second event's, in either order */
	cqe = reap(self->queue);
	if (cqe.cid != second) {
		EXPECT_EQ(NVME_SUCCESS, nvme_status(&cqe));
		cqe = reap(self->queue);
	} else {
		reap(self->queue);
	}
	EXPECT_EQ(second, cqe.cid);
	EXPECT_EQ(0x010100, cqe.dw0);
	/* The queue itself is unharmed. */
	EXPECT_EQ(NVME_SUCCESS, nvme_io(io, NVME_READ, 0, 1, self->page));
}

TEST_F(admin, event_doorbell_of_no_queue)
{
	struct nvme_cqe cqe;

	request_event(self->queue);
	nvme_write32(self->nvme, NVME_DOORBELL + 40 * 8, 1);
	cqe = reap(self->queue);
	EXPECT_EQ(0x010000, cqe.dw0) TH_LOG("error, invalid doorbell register, log page 1");
}

/* An event that nobody asked for yet is kept. */
TEST_F(admin, event_before_request)
{
	struct nvme_cqe cqe;

	nvme_write32(self->nvme, NVME_DOORBELL + 40 * 8, 1);
	request_event(self->queue);
	cqe = reap(self->queue);
	EXPECT_EQ(0x010000, cqe.dw0);
}

TEST_F(admin, event_temperature)
{
	struct nvme_cqe cqe;

	ASSERT_EQ(NVME_SUCCESS, nvme_set_feature(self->nvme, NVME_FEATURE_EVENTS, 2, NULL));
	request_event(self->queue);
	/* A threshold below the temperature is crossed at once. */
	nvme_submit(self->queue, &(struct nvme_sqe) {
		.opcode = NVME_SET_FEATURES, .cdw10 = NVME_FEATURE_TEMPERATURE, .cdw11 = 1,
	});
	cqe = reap(self->queue);
	if (!cqe.dw0)
		cqe = reap(self->queue);
	else
		reap(self->queue);
	EXPECT_EQ(0x020101, cqe.dw0) TH_LOG("SMART, temperature threshold, log page 2");
	ASSERT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, NVME_LOG_SMART, self->page, 512));
	EXPECT_EQ(2, self->page[0] & 2) TH_LOG("critical warning");
}

TEST_F(admin, event_namespace_resized)
{
	struct nvme_cqe cqe;

	ASSERT_EQ(NVME_SUCCESS, nvme_set_feature(self->nvme, NVME_FEATURE_EVENTS, 0x100, NULL));
	request_event(self->queue);
	ASSERT_EQ(0, mdev_write(&self->bench.device.mdev, "namespace_size", "33554432"));
	cqe = reap(self->queue);
	EXPECT_EQ(0x040002, cqe.dw0) TH_LOG("notice, namespace attribute changed, log page 4");
	EXPECT_EQ(33554432 / NVME_BLOCK, nvme_blocks(self->nvme));
	ASSERT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, NVME_LOG_CHANGED_NS, self->page, 4096));
	EXPECT_EQ(1, get32(self->page));
	ASSERT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, NVME_LOG_CHANGED_NS, self->page, 4096));
	EXPECT_EQ(0, get32(self->page)) TH_LOG("cleared by reading");
}

TEST_F(admin, many_queues)
{
	for (uint16_t id = 1; id <= NVME_MAX_IO_QUEUES; id++)
		nvme_queue_create(self->nvme, id, 4, -1);
	for (uint16_t id = 1; id <= NVME_MAX_IO_QUEUES; id++) {
		nvme_pattern(self->page, id * 8, 8, id);
		ASSERT_EQ(NVME_SUCCESS, nvme_io(&self->nvme->io[id - 1], NVME_WRITE, id * 8, 8,
						self->page))
			TH_LOG("queue %u", id);
	}
	for (uint16_t id = NVME_MAX_IO_QUEUES; id; id--) {
		ASSERT_EQ(NVME_SUCCESS, nvme_io(&self->nvme->io[NVME_MAX_IO_QUEUES - id], NVME_READ,
						id * 8, 8, self->page));
		EXPECT_EQ(-1, nvme_pattern_differs(self->page, id * 8, 8, id))
			TH_LOG("queue %u", id);
	}
	for (uint16_t id = 1; id <= NVME_MAX_IO_QUEUES; id += 2)
		nvme_queue_delete(&self->nvme->io[id - 1]);
	EXPECT_EQ(NVME_SUCCESS, nvme_io(&self->nvme->io[1], NVME_READ, 0, 1, self->page));
}

/* ---- I/O --------------------------------------------------------------- */

FIXTURE(io) {
	struct bench bench;
	struct nvme *nvme;
	struct nvme_queue *queue;
	uint8_t *page;
};

FIXTURE_SETUP(io)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->nvme = &self->bench.nvme;
	self->page = arena_page(&self->bench.arena);
	nvme_start(self->nvme, 1, QUEUE_ENTRIES);
	self->queue = &self->nvme->io[0];
}

FIXTURE_TEARDOWN(io)
{
	TEST_TEARDOWN(&self->bench);
}

TEST_F(io, write_and_read)
{
	static const struct {
		uint64_t slba;
		uint32_t blocks;
	} runs[] = {
		{ 0, 1 }, { 1, 1 }, { 7, 2 }, { 3, 13 }, { 1000, 8 }, { 1001, 8 }, { 4096, 1024 },
		{ DEVICE_SIZE / NVME_BLOCK - 1, 1 }, { DEVICE_SIZE / NVME_BLOCK - 100, 100 },
	};
	uint8_t *buffer = arena_alloc(&self->bench.arena, MAX_TRANSFER, ARENA_PAGE);

	for (uint32_t i = 0; i < ARRAY_SIZE(runs); i++) {
		nvme_pattern(buffer, runs[i].slba, runs[i].blocks, i);
		ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_WRITE, runs[i].slba,
						runs[i].blocks, buffer));
		memset(buffer, 0xa5, MAX_TRANSFER);
		ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, runs[i].slba,
						runs[i].blocks, buffer));
		EXPECT_EQ(-1, nvme_pattern_differs(buffer, runs[i].slba, runs[i].blocks, i))
			TH_LOG("%u blocks at %llu", runs[i].blocks,
			       (unsigned long long)runs[i].slba);
	}
}

TEST_F(io, unwritten_blocks_read_as_zero)
{
	memset(self->page, 0xff, ARENA_PAGE);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 5000, 8, self->page));
	for (size_t i = 0; i < ARENA_PAGE; i++) {
		ASSERT_EQ(0, self->page[i]) TH_LOG("byte %zu", i);
	}
}

TEST_F(io, range_refusals)
{
	static const uint8_t opcodes[] = {
		NVME_READ, NVME_WRITE, NVME_COMPARE, NVME_WRITE_ZEROES, NVME_VERIFY,
	};
	const uint64_t end = DEVICE_SIZE / NVME_BLOCK;
	const struct {
		uint64_t slba;
		uint32_t blocks;
	} outside[] = {
		{ end, 1 }, { end - 1, 2 }, { end + 1000, 8 }, { UINT64_MAX, 1 }, { UINT64_MAX, 2 },
		{ UINT64_MAX - 7, 8 }, { (uint64_t)1 << 55, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(outside); j++) {
			EXPECT_EQ(NVME_LBA_RANGE, nvme_io(self->queue, opcodes[i], outside[j].slba,
							  outside[j].blocks, self->page))
				TH_LOG("opcode %#x, %u blocks at %#llx", opcodes[i],
				       outside[j].blocks, (unsigned long long)outside[j].slba);
		}
		EXPECT_EQ(NVME_SUCCESS, nvme_io(self->queue, opcodes[i], end - 1, 1, self->page))
			TH_LOG("opcode %#x, the last block", opcodes[i]);
	}
}

TEST_F(io, namespace_refusals)
{
	static const uint8_t opcodes[] = {
		NVME_READ, NVME_WRITE, NVME_COMPARE, NVME_WRITE_ZEROES, NVME_VERIFY, NVME_DSM,
		NVME_FLUSH,
	};
	static const uint32_t nsids[] = { 0, 2, 0xfffffffe };

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(nsids); j++) {
			struct nvme_sqe sqe = nvme_sqe_io(opcodes[i], 0, 1);

			sqe.nsid = nsids[j];
			sqe.prp1 = arena_iova(&self->bench.arena, self->page);
			EXPECT_EQ(NVME_INVALID_NS, nvme_run(self->queue, &sqe, NULL))
				TH_LOG("opcode %#x, NSID %#x", opcodes[i], nsids[j]);
		}
	}
}

TEST_F(io, opcodes)
{
	static const uint8_t known[] = {
		NVME_FLUSH, NVME_WRITE, NVME_READ, NVME_COMPARE, NVME_WRITE_ZEROES, NVME_DSM,
		NVME_VERIFY,
	};

	for (unsigned int opcode = 0; opcode < 256; opcode++) {
		struct nvme_sqe sqe = { .opcode = (uint8_t)opcode, .nsid = 1 };

		if (memchr(known, (int)opcode, sizeof(known)))
			continue;
		EXPECT_EQ(NVME_INVALID_OPCODE, nvme_run(self->queue, &sqe, NULL))
			TH_LOG("opcode %#x", opcode);
	}
}

TEST_F(io, flags)
{
	static const uint8_t flags[] = { 1, 2, 3, 0x40, 0x80, 0xc0 };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 1);

		sqe.flags = flags[i];
		sqe.prp1 = arena_iova(&self->bench.arena, self->page);
		EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL))
			TH_LOG("flags %#x", flags[i]);
	}
}

TEST_F(io, too_long)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, MAX_TRANSFER / NVME_BLOCK + 1);

	sqe.prp1 = arena_iova(&self->bench.arena, self->page);
	sqe.prp2 = sqe.prp1;
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL));
	sqe.opcode = NVME_WRITE;
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL));
	sqe.opcode = NVME_COMPARE;
	sqe.cdw12 = 0xffff;
	EXPECT_EQ(NVME_INVALID_FIELD, nvme_run(self->queue, &sqe, NULL));
	/* These move no data and are not limited by it. */
	sqe.opcode = NVME_VERIFY;
	EXPECT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
	sqe.opcode = NVME_WRITE_ZEROES;
	EXPECT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
}

TEST_F(io, compare)
{
	nvme_pattern(self->page, 24, 8, 1);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_WRITE, 24, 8, self->page));
	EXPECT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_COMPARE, 24, 8, self->page));
	/* More than what there is, and less */
	self->page[ARENA_PAGE - 1] = 0xff;
	EXPECT_EQ(NVME_COMPARE_FAILURE, nvme_io(self->queue, NVME_COMPARE, 24, 8, self->page));
	self->page[ARENA_PAGE - 1] = 0;
	EXPECT_EQ(NVME_COMPARE_FAILURE, nvme_io(self->queue, NVME_COMPARE, 24, 8, self->page));
	memset(self->page, 0, ARENA_PAGE);
	EXPECT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_COMPARE, 4000, 8, self->page))
		TH_LOG("unwritten blocks are zero");
}

TEST_F(io, write_zeroes)
{
	uint8_t *buffer = arena_alloc(&self->bench.arena, 8 * ARENA_PAGE, ARENA_PAGE);
	uint8_t zero[NVME_BLOCK] = { 0 };

	nvme_pattern(buffer, 0, 64, 1);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_WRITE, 0, 64, buffer));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_WRITE_ZEROES, 5, 30, buffer));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 64, buffer));
	for (uint32_t block = 0; block < 64; block++) {
		bool zeroed = block >= 5 && block < 35;

		EXPECT_EQ(zeroed, !memcmp(buffer + block * NVME_BLOCK, zero, NVME_BLOCK))
			TH_LOG("block %u", block);
		if (!zeroed) {
			EXPECT_EQ(-1, nvme_pattern_differs(buffer + block * NVME_BLOCK, block, 1,
							   1));
		}
	}
}

static int deallocate(struct nvme_queue *queue, uint8_t *page, uint32_t ranges)
{
	struct nvme_sqe sqe = { .opcode = NVME_DSM, .nsid = 1, .cdw10 = ranges - 1, .cdw11 = 4 };

	nvme_prp(queue->nvme, &sqe, page, ranges * 16);
	return nvme_run(queue, &sqe, NULL);
}

static void put_range(uint8_t *page, uint32_t index, uint64_t slba, uint32_t blocks)
{
	const uint32_t attributes = 0;

	memcpy(page + index * 16, &attributes, 4);
	memcpy(page + index * 16 + 4, &blocks, 4);
	memcpy(page + index * 16 + 8, &slba, 8);
}

TEST_F(io, deallocate)
{
	uint8_t *buffer = arena_alloc(&self->bench.arena, 8 * ARENA_PAGE, ARENA_PAGE);
	const uint64_t end = DEVICE_SIZE / NVME_BLOCK;

	nvme_pattern(buffer, 0, 64, 1);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_WRITE, 0, 64, buffer));
	put_range(self->page, 0, 8, 8);
	put_range(self->page, 1, 30, 5);
	put_range(self->page, 2, 40, 0);
	ASSERT_EQ(NVME_SUCCESS, deallocate(self->queue, self->page, 3));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 64, buffer));
	for (uint32_t block = 0; block < 64; block++) {
		bool gone = (block >= 8 && block < 16) || (block >= 30 && block < 35);

		EXPECT_EQ(gone, get64(buffer + block * NVME_BLOCK) == 0) TH_LOG("block %u", block);
	}
	/* One bad range and nothing is done. */
	put_range(self->page, 0, 0, 8);
	put_range(self->page, 1, end - 1, 2);
	EXPECT_EQ(NVME_LBA_RANGE, deallocate(self->queue, self->page, 2));
	put_range(self->page, 1, UINT64_MAX, 2);
	EXPECT_EQ(NVME_LBA_RANGE, deallocate(self->queue, self->page, 2));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 8, buffer));
	EXPECT_EQ(-1, nvme_pattern_differs(buffer, 0, 8, 1));
}

TEST_F(io, deallocate_many)
{
	uint8_t *buffer = arena_page(&self->bench.arena);

	nvme_pattern(buffer, 2040, 8, 1);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_WRITE, 2040, 8, buffer));
	for (uint32_t i = 0; i < 256; i++)
		put_range(self->page, i, i * 8, 8);
	ASSERT_EQ(NVME_SUCCESS, deallocate(self->queue, self->page, 256));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 2040, 8, buffer));
	EXPECT_EQ(0, get64(buffer));
	/* Utilisation goes down again. */
	ASSERT_EQ(NVME_SUCCESS, nvme_identify(self->nvme, 0, 1, self->page));
	EXPECT_EQ(0, get64(self->page + 16));
}

TEST_F(io, flush_and_verify)
{
	struct nvme_sqe sqe = { .opcode = NVME_FLUSH, .nsid = 1 };

	EXPECT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
	sqe.nsid = 0xffffffff;
	EXPECT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
	sqe = nvme_sqe_io(NVME_VERIFY, 100, 16);
	EXPECT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
}

TEST_F(io, smart_counts)
{
	uint8_t *buffer = arena_alloc(&self->bench.arena, MAX_TRANSFER, ARENA_PAGE);

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_WRITE, 0, 1000, buffer));
	}
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 1000, buffer));
	ASSERT_EQ(NVME_SUCCESS, nvme_get_log(self->nvme, NVME_LOG_SMART, self->page, 512));
	EXPECT_EQ(1, get64(self->page + 32)) TH_LOG("units of 1000 blocks read");
	EXPECT_EQ(3, get64(self->page + 48)) TH_LOG("written");
	EXPECT_EQ(1, get64(self->page + 64)) TH_LOG("read commands");
	EXPECT_EQ(3, get64(self->page + 80)) TH_LOG("write commands");
}

/* ---- Data pointers ----------------------------------------------------- */

/* The entries of a list of some offset, or such that they end with their page */
static uint32_t list_offset(size_t which, uint32_t offset, uint32_t length)
{
	static const uint32_t offsets[] = { 0, 8, 4088, 4080, 2048 };
	uint32_t entries = (offset + length - 1) / ARENA_PAGE;

	if (which < ARRAY_SIZE(offsets))
		return offsets[which];
	return entries ? ARENA_PAGE - entries * sizeof(uint64_t) : 0;
}

#define LISTS	6

/* Write from one shape and read back through another, with what lies around untouched. */
TEST_F(io, prp_shapes)
{
	static const uint32_t offsets[] = { 0, 4, 512, 3584, 4092 };
	static const uint32_t lengths[] = { 512, 4096, 4608, 8192, 16384, 65536, MAX_TRANSFER };
	uint8_t *pattern = malloc(MAX_TRANSFER), *seen = malloc(MAX_TRANSFER);
	struct prp_shape straight = { 0 };
	struct arena *arena = &self->bench.arena;
	size_t used = arena->used;
	uint32_t version = 0;

	for (size_t i = 0; i < ARRAY_SIZE(offsets) * ARRAY_SIZE(lengths) * LISTS; i++) {
		uint32_t offset = offsets[i % ARRAY_SIZE(offsets)];
		uint32_t length = lengths[i / ARRAY_SIZE(offsets) % ARRAY_SIZE(lengths)];
		size_t list = i / ARRAY_SIZE(offsets) / ARRAY_SIZE(lengths);
		struct prp_shape shape = {
			.offset = offset,
			.list_offset = list_offset(list, offset, length),
			.scattered = i / 2 & 1,
		};
		uint32_t blocks = length / NVME_BLOCK;
		struct nvme_sqe sqe = nvme_sqe_io(NVME_WRITE, 9, blocks);
		struct prp from, to;

		arena->used = used;
		nvme_pattern(pattern, 9, blocks, ++version);
		prp_make(&from, arena, length, version & 1 ? shape : straight);
		prp_make(&to, arena, length, version & 1 ? straight : shape);
		prp_put(&from, pattern);
		prp_point(&from, &sqe);
		ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL))
			TH_LOG("write, offset %u, %u bytes, list at %u", offset, length,
			       shape.list_offset);
		prp_paint(&to, 0x5a);
		sqe.opcode = NVME_READ;
		prp_point(&to, &sqe);
		ASSERT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL))
			TH_LOG("read, offset %u, %u bytes, list at %u", offset, length,
			       shape.list_offset);
		prp_get(&to, seen);
		EXPECT_EQ(0, memcmp(pattern, seen, length))
			TH_LOG("offset %u, %u bytes, list at %u", offset, length,
			       shape.list_offset);
		EXPECT_TRUE(prp_outside(&to, 0x5a))
			TH_LOG("bytes around: offset %u, %u bytes", offset, length);
	}
	free(pattern);
	free(seen);
}

/* A list page whose only entry is the pointer to the next one, several times over */
TEST_F(io, prp_long_chain)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_WRITE, 0, 4 * BLOCKS_PER_PAGE);
	uint64_t *last = arena_page(&self->bench.arena), *first = arena_page(&self->bench.arena);
	struct prp prp;

	prp_make(&prp, &self->bench.arena, 4 * ARENA_PAGE, (struct prp_shape) { 0 });
	prp_point(&prp, &sqe);
	first[511] = arena_iova(&self->bench.arena, last);
	for (unsigned int i = 1; i < 4; i++)
		last[i - 1] = arena_iova(&self->bench.arena, prp.page[i]);
	sqe.prp2 = arena_iova(&self->bench.arena, &first[511]);
	EXPECT_EQ(NVME_SUCCESS, nvme_run(self->queue, &sqe, NULL));
	/* A chain that leads back to itself ends all the same. */
	first[511] = arena_iova(&self->bench.arena, first);
	EXPECT_NE(-ETIMEDOUT, nvme_run(self->queue, &sqe, NULL));
}

struct bad_prp {
	const char *what;
	uint32_t blocks;
	uint64_t prp1, prp2;
	int status;
};

static void expect_prp(struct __test_metadata *_metadata, struct nvme_queue *queue,
		       const struct bad_prp *bad)
{
	static const uint8_t opcodes[] = { NVME_READ, NVME_WRITE, NVME_COMPARE };

	for (size_t i = 0; i < ARRAY_SIZE(opcodes); i++) {
		struct nvme_sqe sqe = nvme_sqe_io(opcodes[i], 0, bad->blocks);

		sqe.prp1 = bad->prp1;
		sqe.prp2 = bad->prp2;
		EXPECT_EQ(bad->status, nvme_run(queue, &sqe, NULL))
			TH_LOG("opcode %#x, %s", opcodes[i], bad->what);
	}
}

TEST_F(io, prp_refusals)
{
	const uint64_t good = arena_iova(&self->bench.arena, self->page);
	const uint64_t end = arena_end(&self->bench.arena);
	uint64_t *list = arena_page(&self->bench.arena);
	const uint64_t at = arena_iova(&self->bench.arena, list);
	const struct bad_prp bad[] = {
		{ "PRP1 not a multiple of 4", 1, good + 2, 0, NVME_INVALID_PRP_OFFSET },
		{ "PRP2 inside a page", 16, good, good + 512, NVME_INVALID_PRP_OFFSET },
		{ "list not a multiple of 8", 24, good, at + 4, NVME_INVALID_PRP_OFFSET },
		{ "list entry inside a page", 24, good, at + 64, NVME_INVALID_PRP_OFFSET },
		{ "chain to inside a page", 32, good, at + 4088, NVME_INVALID_PRP_OFFSET },
		{ "PRP1 unmapped", 1, UNMAPPED, 0, NVME_DATA_TRANSFER },
		{ "PRP1 zero", 1, 0, 0, NVME_DATA_TRANSFER },
		{ "PRP1 at the very end of addresses", 1, ~UINT64_C(511), 0, NVME_DATA_TRANSFER },
		{ "PRP1 over the end of memory", 8, end, 0, NVME_DATA_TRANSFER },
		{ "PRP2 unmapped", 16, good, UNMAPPED, NVME_DATA_TRANSFER },
		{ "PRP2 zero", 16, good, 0, NVME_DATA_TRANSFER },
		{ "PRP2 behind the end of memory", 16, good, end, NVME_DATA_TRANSFER },
		{ "list unmapped", 24, good, UNMAPPED, NVME_DATA_TRANSFER },
		{ "list over the end of memory", 24, good, end - 8, NVME_DATA_TRANSFER },
		{ "list entry unmapped", 24, good, at + 128, NVME_DATA_TRANSFER },
		{ "list entry zero", 24, good, at + 256, NVME_DATA_TRANSFER },
	};

	list[8] = good + 512;
	list[16] = good;
	list[17] = UNMAPPED;
	list[511] = at + 8;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_prp(_metadata, self->queue, &bad[i]);
	EXPECT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 8, self->page));
}

TEST_F(io, admin_prp_refusals)
{
	struct nvme_sqe sqe = { .opcode = NVME_IDENTIFY, .cdw10 = 1 };

	sqe.prp1 = UNMAPPED;
	EXPECT_EQ(NVME_DATA_TRANSFER, nvme_run(&self->nvme->admin, &sqe, NULL));
	sqe.prp1 = arena_iova(&self->bench.arena, self->page) + 1;
	EXPECT_EQ(NVME_INVALID_PRP_OFFSET, nvme_run(&self->nvme->admin, &sqe, NULL));
	sqe.prp1 = arena_iova(&self->bench.arena, self->page) + 2048;
	sqe.prp2 = arena_end(&self->bench.arena);
	EXPECT_EQ(NVME_DATA_TRANSFER, nvme_run(&self->nvme->admin, &sqe, NULL));
}

/* A write that fails half way changes nothing it should not, and the page may hold either data. */
TEST_F(io, partial_write)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_WRITE, 0, 16);

	nvme_pattern(self->page, 16, 8, 3);
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_WRITE, 16, 8, self->page));
	sqe.prp1 = arena_iova(&self->bench.arena, self->page);
	sqe.prp2 = UNMAPPED;
	EXPECT_EQ(NVME_DATA_TRANSFER, nvme_run(self->queue, &sqe, NULL));
	ASSERT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 16, 8, self->page));
	EXPECT_EQ(-1, nvme_pattern_differs(self->page, 16, 8, 3));
}

/* ---- Queues ------------------------------------------------------------ */

/* Fill a submission queue to the last slot, again and again: head and tail wrap at every place. */
TEST_F(io, queue_full_and_wrap)
{
	struct nvme_queue *queue = nvme_queue_create(self->nvme, 2, 5, -1);
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 1);
	struct nvme_cqe cqe;

	sqe.prp1 = arena_iova(&self->bench.arena, self->page);
	for (int round = 0; round < 50; round++) {
		uint16_t first = queue->next_cid;

		for (int i = 0; i < 4; i++)
			nvme_push(queue, &sqe);
		nvme_ring(queue);
		for (uint16_t i = 0; i < 4; i++) {
			ASSERT_EQ(0, nvme_reap(queue, &cqe)) TH_LOG("round %d", round);
			EXPECT_EQ((uint16_t)(first + i), cqe.cid);
			EXPECT_EQ(NVME_SUCCESS, nvme_status(&cqe));
		}
	}
}

TEST_F(io, largest_queue)
{
	struct nvme_queue *queue = nvme_queue_create(self->nvme, 2, MAX_ENTRIES, -1);
	struct nvme_sqe sqe = nvme_sqe_io(NVME_VERIFY, 0, 1);
	struct nvme_cqe cqe;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MAX_ENTRIES - 1; i++)
			nvme_push(queue, &sqe);
		nvme_ring(queue);
		for (int i = 0; i < MAX_ENTRIES - 1; i++) {
			ASSERT_TRUE(must_happen(nvme_take(queue, &cqe), MUST_TIMEOUT_MS))
				TH_LOG("completion %d of round %d", i, round);
			ASSERT_EQ(NVME_SUCCESS, nvme_status(&cqe));
		}
		nvme_release(queue);
	}
}

/* Completions wait for room, none is lost and none is overwritten. */
TEST_F(io, completion_queue_full)
{
	struct nvme_queue cq, sq;
	struct nvme_sqe sqe;
	struct nvme_cqe cqe;

	nvme_queue_layout(&cq, self->nvme, 2, 3);
	nvme_queue_layout(&sq, self->nvme, 2, 16);
	sqe = nvme_sqe_create_cq(&cq, -1);
	ASSERT_EQ(NVME_SUCCESS, nvme_run(&self->nvme->admin, &sqe, NULL));
	sqe = nvme_sqe_create_sq(&sq);
	ASSERT_EQ(NVME_SUCCESS, nvme_run(&self->nvme->admin, &sqe, NULL));
	sqe = nvme_sqe_io(NVME_VERIFY, 0, 1);
	for (int i = 0; i < 12; i++)
		nvme_push(&sq, &sqe);
	nvme_ring(&sq);
	for (uint16_t i = 0; i < 12; i++) {
		ASSERT_TRUE(must_happen(nvme_take(&cq, &cqe), MUST_TIMEOUT_MS));
		EXPECT_EQ(i, cqe.cid);
		if (i == 1) {
			EXPECT_FALSE(must_happen(nvme_peek(&cq), QUIET_MS))
				TH_LOG("two entries fit, and none was released");
		}
		if (i & 1)
			nvme_release(&cq);
	}
}

/*
 * When the phase tag has changed the rest of the entry is there: a host that
 * polls sees no half of it. Looks as often as it can, without letting go of the
 * processor, and at entries in which every byte changes.
 */
TEST_F(io, whole_completions)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_COMPARE, 0, 1);
	uint64_t end = must_now_ms() + 2000;
	unsigned int seen = 0;

	memset(self->page, 0xff, NVME_BLOCK);
	sqe.prp1 = arena_iova(&self->bench.arena, self->page);
	while (must_now_ms() < end) {
		const struct nvme_cqe *entry = &self->queue->cq[self->queue->cq_head];
		uint16_t first, cid = nvme_submit(self->queue, &sqe);
		struct nvme_cqe cqe;

		do
			first = __atomic_load_n(&entry->status, __ATOMIC_ACQUIRE);
		while ((first & 1) != self->queue->phase && must_now_ms() < end + MUST_TIMEOUT_MS);
		ASSERT_EQ(NVME_COMPARE_FAILURE, first >> 1 & 0x7ff)
			TH_LOG("status field %#06x after %u whole ones", first, seen);
		ASSERT_EQ(0, nvme_reap(self->queue, &cqe));
		ASSERT_EQ(first, cqe.status);
		ASSERT_EQ(cid, cqe.cid);
		seen++;
	}
	EXPECT_LT(0, seen);
}

/* Several submission queues share a completion queue. */
TEST_F(io, shared_completion_queue)
{
	struct nvme_queue sq[3];
	struct nvme_sqe sqe;
	unsigned int seen[3] = { 0 };
	struct nvme_cqe cqe;

	for (uint16_t i = 0; i < 3; i++) {
		nvme_queue_layout(&sq[i], self->nvme, (uint16_t)(i + 2), 9);
		sqe = nvme_sqe_create_sq(&sq[i]);
		sqe.cdw11 = 1 << 16 | 1;
		ASSERT_EQ(NVME_SUCCESS, nvme_run(&self->nvme->admin, &sqe, NULL));
	}
	sqe = nvme_sqe_io(NVME_VERIFY, 0, 1);
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 8; j++)
			nvme_push(&sq[i], &sqe);
		nvme_ring(&sq[i]);
	}
	for (int i = 0; i < 24; i++) {
		ASSERT_EQ(0, nvme_reap(self->queue, &cqe)) TH_LOG("completion %d", i);
		ASSERT_LE(2, cqe.sq_id);
		ASSERT_GE(4, cqe.sq_id);
		EXPECT_EQ(seen[cqe.sq_id - 2], cqe.cid);
		seen[cqe.sq_id - 2]++;
	}
	EXPECT_EQ(NVME_INVALID_DELETION, delete_queue(self->nvme, NVME_DELETE_CQ, 1));
	EXPECT_EQ(NVME_SUCCESS, delete_queue(self->nvme, NVME_DELETE_SQ, 1));
	EXPECT_EQ(NVME_INVALID_DELETION, delete_queue(self->nvme, NVME_DELETE_CQ, 1));
}

/* Values that lie outside the queue, or claim more than there can be, are passed over. */
TEST_F(io, bad_doorbell_values)
{
	static const uint32_t values[] = { QUEUE_ENTRIES, 1000, 0x10000, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		nvme_write32(self->nvme, NVME_DOORBELL + 8, values[i]);
		nvme_write32(self->nvme, NVME_DOORBELL + 12, values[i]);
	}
	/* Nothing was completed: the head cannot move. */
	nvme_write32(self->nvme, NVME_DOORBELL + 12, 5);
	EXPECT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 8, self->page));
	EXPECT_EQ(0, nvme_read32(self->nvme, NVME_CSTS) & NVME_CSTS_CFS);
}

/* A tail that takes back commands is as bad as one that makes some up. */
TEST_F(io, doorbell_goes_back)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_VERIFY, 0, 1);
	struct nvme_queue cq, sq;
	struct nvme_cqe cqe;

	/* With room for one completion, five of these six commands wait to be fetched. */
	nvme_queue_layout(&cq, self->nvme, 2, 2);
	nvme_queue_layout(&sq, self->nvme, 2, 8);
	ASSERT_EQ(NVME_SUCCESS, nvme_run(&self->nvme->admin, &(struct nvme_sqe) {
		.opcode = NVME_CREATE_CQ, .prp1 = arena_iova(&self->bench.arena, cq.cq),
		.cdw10 = 1 << 16 | 2, .cdw11 = 1,
	}, NULL));
	ASSERT_EQ(NVME_SUCCESS, nvme_run(&self->nvme->admin, &(struct nvme_sqe) {
		.opcode = NVME_CREATE_SQ, .prp1 = arena_iova(&self->bench.arena, sq.sq),
		.cdw10 = 7 << 16 | 2, .cdw11 = 2 << 16 | 1,
	}, NULL));
	for (int i = 0; i < 6; i++)
		nvme_push(&sq, &sqe);
	nvme_ring(&sq);
	ASSERT_TRUE(must_happen(nvme_peek(&cq), MUST_TIMEOUT_MS));
	nvme_write32(self->nvme, NVME_DOORBELL + 2 * 8, 4);
	nvme_write32(self->nvme, NVME_DOORBELL + 2 * 8, 2);
	for (uint16_t i = 0; i < 6; i++) {
		ASSERT_TRUE(must_happen(nvme_take(&cq, &cqe), MUST_TIMEOUT_MS))
			TH_LOG("completion %u", i);
		EXPECT_EQ(i, cqe.cid);
		nvme_release(&cq);
	}
	EXPECT_FALSE(must_happen(nvme_peek(&cq), QUIET_MS));
}

TEST_F(io, odd_doorbell_accesses)
{
	uint8_t bytes[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };

	for (uint32_t offset = 0; offset < 16; offset++) {
		device_write_must(&self->bench.device, 0, NVME_DOORBELL + offset, bytes, 1);
		device_read_must(&self->bench.device, 0, NVME_DOORBELL + offset, bytes, 3);
		memset(bytes, 1, sizeof(bytes));
	}
	for (uint32_t offset = 0x1200; offset < 0x2000; offset += 8)
		nvme_write64(self->nvme, offset, UINT64_MAX);
	EXPECT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 8, self->page));
}

/* Ringing a doorbell again for the same tail does nothing. */
TEST_F(io, same_doorbell)
{
	for (int i = 0; i < 10; i++)
		nvme_ring(self->queue);
	EXPECT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 8, self->page));
	for (int i = 0; i < 10; i++)
		nvme_ring(self->queue);
	EXPECT_FALSE(must_happen(nvme_peek(self->queue), QUIET_MS));
}

static bool is_zero(const uint8_t *data)
{
	for (size_t at = 0; at < MAX_TRANSFER; at += ARENA_PAGE) {
		if (__atomic_load_n((const uint64_t *)(data + at), __ATOMIC_RELAXED))
			return false;
	}
	return true;
}

/* As many as the queue takes of the longest reads into zeroed data, of which the first begins */
static void begin_reads(struct nvme_queue *queue, uint8_t *data)
{
	struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, MAX_TRANSFER / NVME_BLOCK);

	memset(data, 0, MAX_TRANSFER);
	nvme_prp(queue->nvme, &sqe, data, MAX_TRANSFER);
	for (uint16_t i = 1; i < queue->entries; i++)
		nvme_push(queue, &sqe);
	nvme_ring(queue);
	must(must_happen(!is_zero(data), MUST_TIMEOUT_MS), "seen no data");
}

/*
 * With the queue end the commands that were taken from it: nothing is read any more.
 * Its doorbell is one of no queue.
 */
TEST_F(io, delete_busy_queue)
{
	uint8_t *data = arena_alloc(&self->bench.arena, MAX_TRANSFER, ARENA_PAGE);

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MAX_TRANSFER, 1));
	for (int i = 0; i < 10; i++) {
		struct nvme_queue *queue = nvme_queue_create(self->nvme, 3, 16, -1);

		begin_reads(queue, data);
		nvme_queue_delete(queue);
		memset(data, 0, MAX_TRANSFER);
		nvme_ring(queue);
		EXPECT_FALSE(must_happen(!is_zero(data), 20)) TH_LOG("round %d", i);
	}
	EXPECT_EQ(NVME_SUCCESS, nvme_io(self->queue, NVME_READ, 0, 8, self->page));
}

/* A shutdown is complete when what was taken up is. */
TEST_F(io, shutdown_finishes_work)
{
	uint8_t *data = arena_alloc(&self->bench.arena, MAX_TRANSFER, ARENA_PAGE);
	size_t used = self->bench.arena.used;

	ASSERT_EQ(NVME_SUCCESS, nvme_fill(self->queue, 0, MAX_TRANSFER, 1));
	for (int i = 0; i < 10; i++) {
		nvme_disable(self->nvme);
		self->bench.arena.used = used;
		nvme_start(self->nvme, 1, 16);
		begin_reads(self->queue, data);
		nvme_write32(self->nvme, NVME_CC, NVME_CC_ENABLED | NVME_CC_SHN_NORMAL);
		ASSERT_EQ(0, nvme_wait_csts(self->nvme, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_DONE));
		memset(data, 0, MAX_TRANSFER);
		EXPECT_FALSE(must_happen(!is_zero(data), 20)) TH_LOG("round %d", i);
	}
}

/* ---- Under load -------------------------------------------------------- */

#define LOAD_QUEUES	4
#define LOAD_ENTRIES	64

static void push_load(struct nvme *nvme, uint64_t iova)
{
	for (uint16_t i = 0; i < LOAD_QUEUES; i++) {
		for (uint32_t j = 0; j < LOAD_ENTRIES - 1; j++) {
			struct nvme_sqe sqe = nvme_sqe_io(j & 1 ? NVME_READ : NVME_WRITE,
							  (i * LOAD_ENTRIES + j) * 8, 8);

			sqe.prp1 = iova + j * ARENA_PAGE;
			nvme_push(&nvme->io[i], &sqe);
		}
		nvme_ring(&nvme->io[i]);
	}
}

/* Once the controller is disabled nothing it was doing touches memory any more. */
TEST_F(controller, reset_under_load)
{
	struct arena *arena = &self->bench.arena;
	uint8_t *buffer = arena_alloc(arena, LOAD_ENTRIES * ARENA_PAGE, ARENA_PAGE);
	uint8_t *copy = malloc(arena->size);
	size_t used = arena->used;

	for (int round = 0; round < 10; round++) {
		arena->used = used;
		nvme_start(self->nvme, LOAD_QUEUES, LOAD_ENTRIES);
		push_load(self->nvme, arena_iova(arena, buffer));
		if (round & 1)
			nvme_disable(self->nvme);
		else
			ASSERT_EQ(0, device_reset(&self->bench.device));
		memcpy(copy, arena->memory, arena->size);
		nvme_write32(self->nvme, NVME_DOORBELL + 8, 1);
		EXPECT_FALSE(must_happen(memcmp(copy, arena->memory, arena->size), 20))
			TH_LOG("round %d", round);
	}
	free(copy);
}

struct unmapper {
	struct device *device;
	uint8_t *memory;
	uint64_t iova;
	size_t size;
	int stop;
	int error;
};

static void *unmap_thread(void *arg)
{
	struct unmapper *unmapper = arg;

	while (!__atomic_load_n(&unmapper->stop, __ATOMIC_ACQUIRE) && !unmapper->error) {
		unmapper->error = device_unmap(unmapper->device, unmapper->iova, unmapper->size) ?:
			device_map(unmapper->device, unmapper->memory, unmapper->iova,
				   unmapper->size);
	}
	return NULL;
}

/* Memory comes and goes under running commands: each succeeds or fails, and none harms anything. */
TEST_F(controller, memory_unmapped_under_dma)
{
	struct unmapper unmapper = {
		.device = &self->bench.device,
		.iova = UNMAPPED,
		.size = LOAD_ENTRIES * ARENA_PAGE,
	};
	unsigned int failed = 0, done = 0;
	struct nvme_cqe cqe;
	pthread_t thread;

	unmapper.memory = mmap(NULL, unmapper.size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, device_map(unmapper.device, unmapper.memory, unmapper.iova, unmapper.size));
	nvme_start(self->nvme, LOAD_QUEUES, LOAD_ENTRIES);
	ASSERT_EQ(0, pthread_create(&thread, NULL, unmap_thread, &unmapper));
	for (int round = 0; round < 8; round++) {
		push_load(self->nvme, unmapper.iova);
		for (int i = 0; i < LOAD_QUEUES * (LOAD_ENTRIES - 1); i++) {
			int error = nvme_reap(&self->nvme->io[i % LOAD_QUEUES], &cqe);

			ASSERT_EQ(0, error) TH_LOG("completion %d of round %d", i, round);
			if (nvme_status(&cqe)) {
				EXPECT_EQ(NVME_DATA_TRANSFER, nvme_status(&cqe));
			}
			failed += nvme_status(&cqe) != 0;
			done++;
		}
	}
	__atomic_store_n(&unmapper.stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, unmapper.error);
	EXPECT_EQ(LOAD_QUEUES * (LOAD_ENTRIES - 1) * 8, done);
	TH_LOG("%u of %u commands met unmapped memory", failed, done);
	munmap(unmapper.memory, unmapper.size);
}

/* A read must not write where only reading is allowed. */
TEST_F(controller, read_only_memory)
{
	uint8_t *memory = mmap(NULL, ARENA_PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct nvme_sqe sqe = nvme_sqe_io(NVME_WRITE, 0, 8);

	ASSERT_EQ(0, device_map_read_only(&self->bench.device, memory, UNMAPPED, ARENA_PAGE));
	nvme_start(self->nvme, 1, 8);
	nvme_pattern(memory, 0, 8, 1);
	sqe.prp1 = UNMAPPED;
	EXPECT_EQ(NVME_SUCCESS, nvme_run(&self->nvme->io[0], &sqe, NULL));
	memset(memory, 0x11, ARENA_PAGE);
	sqe.opcode = NVME_READ;
	EXPECT_EQ(NVME_DATA_TRANSFER, nvme_run(&self->nvme->io[0], &sqe, NULL));
	EXPECT_EQ(0x11, memory[0]);
	EXPECT_EQ(0, device_unmap(&self->bench.device, UNMAPPED, ARENA_PAGE));
	munmap(memory, ARENA_PAGE);
}

TEST_MAIN
