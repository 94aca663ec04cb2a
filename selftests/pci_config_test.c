// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration space: identity, BAR sizing, capabilities, which bits can be
 * written, function level reset, what the command register does.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include "migration.h"
#include "test.h"

#define CONFIG_BYTES	256

FIXTURE(config) {
	struct bench bench;
	struct device *device;
	struct nvme *nvme;
};

FIXTURE_SETUP(config)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->nvme = &self->bench.nvme;
}

FIXTURE_TEARDOWN(config)
{
	TEST_TEARDOWN(&self->bench);
}

TEST_F(config, identity)
{
	uint16_t vendor = device_config16(self->device, PCI_VENDOR_ID);

	EXPECT_NE(0, vendor);
	EXPECT_NE(0xffff, vendor);
	EXPECT_EQ(0x010802, device_config32(self->device, PCI_CLASS_REVISION) >> 8);
	EXPECT_EQ(PCI_HEADER_TYPE_NORMAL, device_config8(self->device, PCI_HEADER_TYPE));
	EXPECT_EQ(1, device_config8(self->device, PCI_INTERRUPT_PIN));
	EXPECT_EQ(PCI_STATUS_CAP_LIST,
		  device_config16(self->device, PCI_STATUS) & PCI_STATUS_CAP_LIST);
	EXPECT_EQ(0, device_config16(self->device, PCI_COMMAND));
}

/* Identity and class do not change, whatever is written. */
TEST_F(config, read_only)
{
	static const uint8_t fixed[] = {
		PCI_VENDOR_ID, PCI_CLASS_REVISION, PCI_SUBSYSTEM_VENDOR_ID, PCI_CARDBUS_CIS,
		PCI_ROM_ADDRESS, PCI_CAPABILITY_LIST, PCI_BASE_ADDRESS_2, PCI_BASE_ADDRESS_5,
	};

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		uint32_t before = device_config32(self->device, fixed[i]);

		device_set_config32(self->device, fixed[i], ~before);
		EXPECT_EQ(before, device_config32(self->device, fixed[i]))
			TH_LOG("register %#x", fixed[i]);
	}
}

TEST_F(config, bar_sizing)
{
	struct vfio_region_info info;
	uint64_t size;

	ASSERT_EQ(0, device_region(self->device, VFIO_PCI_BAR0_REGION_INDEX, &info));
	EXPECT_EQ(PCI_BASE_ADDRESS_MEM_TYPE_64,
		  device_config32(self->device, PCI_BASE_ADDRESS_0) & 0xf);
	device_set_config32(self->device, PCI_BASE_ADDRESS_0, ~0u);
	device_set_config32(self->device, PCI_BASE_ADDRESS_1, ~0u);
	size = device_config32(self->device, PCI_BASE_ADDRESS_0) & ~0xfu;
	size |= (uint64_t)device_config32(self->device, PCI_BASE_ADDRESS_1) << 32;
	EXPECT_EQ(info.size, -size);
	device_set_config32(self->device, PCI_BASE_ADDRESS_0, 0xfebf0000);
	device_set_config32(self->device, PCI_BASE_ADDRESS_1, 0x12);
	EXPECT_EQ(0xfebf0004, device_config32(self->device, PCI_BASE_ADDRESS_0));
	EXPECT_EQ(0x12, device_config32(self->device, PCI_BASE_ADDRESS_1));
}

TEST_F(config, capabilities)
{
	static const struct {
		uint8_t id, size;
	} wanted[] = { { PCI_CAP_ID_PM, 8 }, { PCI_CAP_ID_MSIX, 12 }, { PCI_CAP_ID_EXP, 60 } };
	uint8_t next = device_config8(self->device, PCI_CAPABILITY_LIST);
	unsigned int seen = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(wanted); i++) {
		uint8_t at = device_capability(self->device, wanted[i].id);

		EXPECT_LE(PCI_STD_HEADER_SIZEOF, at) TH_LOG("capability %#x", wanted[i].id);
		EXPECT_LE(at + wanted[i].size, CONFIG_BYTES) TH_LOG("capability %#x", wanted[i].id);
	}
	for (; next && seen < 48; seen++) {
		EXPECT_EQ(0, next & 3);
		next = device_config8(self->device, next + PCI_CAP_LIST_NEXT);
	}
	EXPECT_EQ(ARRAY_SIZE(wanted), seen);
}

TEST_F(config, msix_capability)
{
	uint8_t at = device_capability(self->device, PCI_CAP_ID_MSIX);
	struct vfio_region_info info;
	uint32_t table, pending;
	uint16_t vectors;

	ASSERT_NE(0, at);
	ASSERT_EQ(0, device_region(self->device, VFIO_PCI_BAR0_REGION_INDEX, &info));
	vectors = (device_config16(self->device, at + PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_QSIZE) + 1;
	EXPECT_EQ(64, vectors);
	table = device_config32(self->device, at + PCI_MSIX_TABLE);
	pending = device_config32(self->device, at + PCI_MSIX_PBA);
	EXPECT_EQ(0, table & PCI_MSIX_TABLE_BIR);
	EXPECT_EQ(0, pending & PCI_MSIX_PBA_BIR);
	EXPECT_LE(table + vectors * PCI_MSIX_ENTRY_SIZE, info.size);
	EXPECT_LE(pending + vectors / 8, info.size);
	/* Registers of the function are in pages of their own. */
	EXPECT_LE(NVME_DOORBELL + 64 * 8, table);
	device_set_config16(self->device, at + PCI_MSIX_FLAGS, 0xffff);
	EXPECT_EQ(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL | (vectors - 1),
		  device_config16(self->device, at + PCI_MSIX_FLAGS));
	device_set_config16(self->device, at + PCI_MSIX_FLAGS, 0);
	EXPECT_EQ(vectors - 1, device_config16(self->device, at + PCI_MSIX_FLAGS));
}

/* Entries start out masked and keep what is written. */
TEST_F(config, msix_table)
{
	uint8_t at = device_capability(self->device, PCI_CAP_ID_MSIX);
	uint32_t table, entry[4] = { 0xfee00000, 0, 0x4041, 0 }, seen[4];

	ASSERT_NE(0, at);
	table = device_config32(self->device, at + PCI_MSIX_TABLE) & PCI_MSIX_TABLE_OFFSET;
	for (uint32_t i = 0; i < 64; i++) {
		device_read_must(self->device, VFIO_PCI_BAR0_REGION_INDEX,
				 table + i * PCI_MSIX_ENTRY_SIZE, seen, sizeof(seen));
		EXPECT_EQ(PCI_MSIX_ENTRY_CTRL_MASKBIT, seen[3]) TH_LOG("vector %u", i);
	}
	device_write_must(self->device, VFIO_PCI_BAR0_REGION_INDEX, table + 5 * PCI_MSIX_ENTRY_SIZE,
			  entry, sizeof(entry));
	device_read_must(self->device, VFIO_PCI_BAR0_REGION_INDEX, table + 5 * PCI_MSIX_ENTRY_SIZE,
			 seen, sizeof(seen));
	EXPECT_EQ(0, memcmp(entry, seen, sizeof(seen)));
}

TEST_F(config, pm_capability)
{
	uint8_t at = device_capability(self->device, PCI_CAP_ID_PM);

	ASSERT_NE(0, at);
	EXPECT_EQ(3, device_config16(self->device, at + PCI_PM_PMC) & PCI_PM_CAP_VER_MASK);
	device_set_config16(self->device, at + PCI_PM_CTRL, 3);
	EXPECT_EQ(3, device_config16(self->device, at + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK);
	device_set_config16(self->device, at + PCI_PM_CTRL, 0);
	EXPECT_EQ(0, device_config16(self->device, at + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK);
}

TEST_F(config, express_capability)
{
	uint8_t at = device_capability(self->device, PCI_CAP_ID_EXP);

	ASSERT_NE(0, at);
	EXPECT_EQ(2, device_config16(self->device, at + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_VERS);
	EXPECT_EQ(PCI_EXP_TYPE_ENDPOINT << 4,
		  device_config16(self->device, at + PCI_EXP_FLAGS) & PCI_EXP_FLAGS_TYPE);
	EXPECT_EQ(PCI_EXP_DEVCAP_FLR,
		  device_config32(self->device, at + PCI_EXP_DEVCAP) & PCI_EXP_DEVCAP_FLR);
	EXPECT_NE(0, device_config16(self->device, at + PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_NLW);
}

TEST_F(config, writable_bits)
{
	const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
		PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE;

	device_set_config16(self->device, PCI_COMMAND, 0xffff);
	EXPECT_EQ(command, device_config16(self->device, PCI_COMMAND));
	device_set_config8(self->device, PCI_COMMAND + 1, 0);
	EXPECT_EQ(command & 0xff, device_config16(self->device, PCI_COMMAND));
	device_set_config8(self->device, PCI_INTERRUPT_LINE, 0xa5);
	EXPECT_EQ(0xa5, device_config8(self->device, PCI_INTERRUPT_LINE));
	device_set_config8(self->device, PCI_INTERRUPT_PIN, 4);
	EXPECT_EQ(1, device_config8(self->device, PCI_INTERRUPT_PIN));
	device_set_config8(self->device, PCI_CACHE_LINE_SIZE, 16);
	EXPECT_EQ(16, device_config8(self->device, PCI_CACHE_LINE_SIZE));
	/* Nothing of Status can be written to 1. */
	device_set_config16(self->device, PCI_STATUS, 0xffff);
	EXPECT_EQ(PCI_STATUS_CAP_LIST, device_config16(self->device, PCI_STATUS));
}

TEST_F(config, extended_space_is_empty)
{
	uint8_t bytes[4096 - CONFIG_BYTES];

	memset(bytes, 0xff, sizeof(bytes));
	device_write_must(self->device, VFIO_PCI_CONFIG_REGION_INDEX, CONFIG_BYTES, bytes,
			  sizeof(bytes));
	device_read_must(self->device, VFIO_PCI_CONFIG_REGION_INDEX, CONFIG_BYTES, bytes,
			 sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ASSERT_EQ(0, bytes[i]) TH_LOG("offset %#zx", CONFIG_BYTES + i);
	}
}

static void function_level_reset(struct device *device)
{
	uint32_t control = device_capability(device, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	device_set_config16(device, control,
			    device_config16(device, control) | PCI_EXP_DEVCTL_BCR_FLR);
}

TEST_F(config, flr)
{
	uint32_t control = device_capability(self->device, PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	void *buffer = arena_page(&self->bench.arena);

	nvme_start(self->nvme, 2, 8);
	nvme_pattern(buffer, 0, 8, 7);
	ASSERT_EQ(0, nvme_io(&self->nvme->io[0], NVME_WRITE, 0, 8, buffer));
	device_set_config8(self->device, PCI_INTERRUPT_LINE, 11);
	function_level_reset(self->device);
	/* The bit reads as zero, registers are as new, the medium is not. */
	EXPECT_EQ(0, device_config16(self->device, control) & PCI_EXP_DEVCTL_BCR_FLR);
	EXPECT_EQ(0, nvme_read32(self->nvme, NVME_CC));
	EXPECT_EQ(0, nvme_read32(self->nvme, NVME_CSTS));
	EXPECT_EQ(0, device_config16(self->device, PCI_COMMAND));
	nvme_start(self->nvme, 1, 8);
	memset(buffer, 0, ARENA_PAGE);
	ASSERT_EQ(0, nvme_io(&self->nvme->io[0], NVME_READ, 0, 8, buffer));
	EXPECT_EQ(-1, nvme_pattern_differs(buffer, 0, 8, 7));
}

TEST_F(config, flr_keeps_state)
{
	int data_fd = migration_go(self->device, PRE_COPY);
	struct vfio_precopy_info info;

	function_level_reset(self->device);
	EXPECT_EQ(PRE_COPY, migration_get(self->device, NULL));
	EXPECT_EQ(0, migration_precopy_info(data_fd, &info));
	close(data_fd);
	migration_go(self->device, RUNNING);
}

/* In STOP nothing of the function changes; the bit is accepted and has no effect. */
TEST_F(config, flr_while_stopped)
{
	nvme_start(self->nvme, 1, 8);
	migration_go(self->device, STOP);
	function_level_reset(self->device);
	EXPECT_EQ(STOP, migration_get(self->device, NULL));
	EXPECT_EQ(NVME_CSTS_RDY, nvme_read32(self->nvme, NVME_CSTS));
}

/* A function that is quiet stays so: what it is told after its reset is done when it runs. */
TEST_F(config, flr_while_quiet)
{
	struct nvme_sqe sqe = { .opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES };
	struct nvme_cqe cqe;

	migration_go(self->device, RUNNING_P2P);
	function_level_reset(self->device);
	EXPECT_EQ(RUNNING_P2P, migration_get(self->device, NULL));
	nvme_enable(self->nvme);
	nvme_submit(&self->nvme->admin, &sqe);
	EXPECT_FALSE(must_happen(nvme_peek(&self->nvme->admin), 100));
	migration_go(self->device, RUNNING);
	EXPECT_EQ(0, nvme_reap(&self->nvme->admin, &cqe));
}

/* Configuration space must work in every state: the VMM loads it while RESUMING. */
TEST_F(config, writable_in_every_state)
{
	for (uint32_t state = 1; state < MIGRATION_STATES; state++) {
		int data_fd = migration_go(self->device, state);

		device_set_config8(self->device, PCI_INTERRUPT_LINE, (uint8_t)(0x40 + state));
		device_bus_master(self->device, true);
		EXPECT_EQ(0x40 + state, device_config8(self->device, PCI_INTERRUPT_LINE))
			TH_LOG("%s", migration_state_name(state));
		EXPECT_EQ(PCI_COMMAND_MASTER,
			  device_config16(self->device, PCI_COMMAND) & PCI_COMMAND_MASTER)
			TH_LOG("%s", migration_state_name(state));
		if (data_fd >= 0)
			close(data_fd);
		ASSERT_EQ(0, device_reset(self->device));
	}
}

/* Without bus mastering the controller can not fetch its first command. */
TEST_F(config, bus_mastering_gates_dma)
{
	struct nvme_sqe sqe = { .opcode = NVME_IDENTIFY, .cdw10 = 1 };
	struct nvme_cqe cqe;
	uint32_t *page = arena_page(&self->bench.arena);

	nvme_enable(self->nvme);
	device_bus_master(self->device, false);
	nvme_prp(self->nvme, &sqe, page, ARENA_PAGE);
	nvme_submit(&self->nvme->admin, &sqe);
	EXPECT_FALSE(must_happen(nvme_peek(&self->nvme->admin), 200));
	EXPECT_EQ(0, page[0]);
	device_bus_master(self->device, true);
	/* Either it took up the command, or it reports that it could not: both end well. */
	if (must_happen(nvme_peek(&self->nvme->admin), 2000)) {
		ASSERT_EQ(0, nvme_reap(&self->nvme->admin, &cqe));
		EXPECT_EQ(NVME_SUCCESS, nvme_status(&cqe));
	} else {
		EXPECT_EQ(NVME_CSTS_CFS, nvme_read32(self->nvme, NVME_CSTS) & NVME_CSTS_CFS);
	}
}

#define LOAD	63	/* commands that a queue of 64 takes */
#define LENGTH	32	/* pages that each of them reads, most of them to where all do */

static unsigned int pages_read(const uint8_t *pages)
{
	unsigned int read = 0;

	for (unsigned int i = 0; i < LOAD; i++) {
		const uint64_t *word = (const void *)(pages + i * ARENA_PAGE);

		read += __atomic_load_n(word, __ATOMIC_RELAXED) != 0;
	}
	return read;
}

/* Switched off in the middle of work: no page comes any more but the one on its way. */
TEST_F(config, bus_mastering_off_under_load)
{
	struct arena *arena = &self->bench.arena;
	uint8_t *pages = arena_alloc(arena, LOAD * ARENA_PAGE, ARENA_PAGE);
	uint8_t *sink = arena_alloc(arena, (LENGTH - 1) * ARENA_PAGE, ARENA_PAGE);
	uint64_t *list = arena_alloc(arena, ARENA_PAGE, ARENA_PAGE);
	size_t used = arena->used;
	unsigned int read = LOAD;

	for (unsigned int i = 0; i < LENGTH - 1; i++)
		list[i] = arena_iova(arena, sink + i * ARENA_PAGE);
	for (int round = 0; round < 50 && read == LOAD; round++) {
		struct nvme_sqe sqe = nvme_sqe_io(NVME_READ, 0, 8 * LENGTH);

		sqe.prp2 = arena_iova(arena, list);
		arena->used = used;
		ASSERT_EQ(0, device_reset(self->device));
		nvme_start(self->nvme, 1, LOAD + 1);
		ASSERT_EQ(NVME_SUCCESS, nvme_fill(&self->nvme->io[0], 0, ARENA_PAGE, 1));
		memset(pages, 0, LOAD * ARENA_PAGE);
		for (unsigned int i = 0; i < LOAD; i++) {
			sqe.prp1 = arena_iova(arena, pages + i * ARENA_PAGE);
			nvme_push(&self->nvme->io[0], &sqe);
		}
		nvme_ring(&self->nvme->io[0]);
		ASSERT_TRUE(must_happen(pages_read(pages), MUST_TIMEOUT_MS));
		device_bus_master(self->device, false);
		read = pages_read(pages);
		EXPECT_FALSE(must_happen(pages_read(pages) > read + 1, 50))
			TH_LOG("round %d", round);
	}
	EXPECT_GT(LOAD, read) TH_LOG("it was never in the middle of its work");
}

TEST_F(config, d3_gates_dma)
{
	uint32_t control = device_capability(self->device, PCI_CAP_ID_PM) + PCI_PM_CTRL;
	struct nvme_sqe sqe = { .opcode = NVME_IDENTIFY, .cdw10 = 1 };
	uint32_t *page = arena_page(&self->bench.arena);

	nvme_enable(self->nvme);
	device_set_config16(self->device, control, 3);
	nvme_prp(self->nvme, &sqe, page, ARENA_PAGE);
	nvme_submit(&self->nvme->admin, &sqe);
	EXPECT_FALSE(must_happen(nvme_peek(&self->nvme->admin), 200));
	EXPECT_EQ(0, page[0]);
	device_set_config16(self->device, control, 0);
}

TEST_F(config, reset_restores_everything)
{
	uint8_t before[CONFIG_BYTES], after[CONFIG_BYTES];

	device_read_must(self->device, VFIO_PCI_CONFIG_REGION_INDEX, 0, before, sizeof(before));
	memset(after, 0x5a, sizeof(after));
	device_write_must(self->device, VFIO_PCI_CONFIG_REGION_INDEX, 0, after, sizeof(after));
	ASSERT_EQ(0, device_reset(self->device));
	device_read_must(self->device, VFIO_PCI_CONFIG_REGION_INDEX, 0, after, sizeof(after));
	for (size_t i = 0; i < sizeof(before); i++) {
		EXPECT_EQ(before[i], after[i]) TH_LOG("offset %#zx", i);
	}
}

TEST_MAIN
