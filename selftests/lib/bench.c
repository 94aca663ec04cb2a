// SPDX-License-Identifier: GPL-2.0
#include <linux/pci_regs.h>
#include "bench.h"
#include "must.h"

void bench_setup(struct bench *bench, const char *type)
{
	device_create(&bench->device, type);
	arena_init(&bench->arena, ARENA_IOVA, BENCH_ARENA_SIZE);
	device_map_arena(&bench->device, &bench->arena);
	nvme_init(&bench->nvme, &bench->device, &bench->arena);
}

static void set_feature(struct nvme *nvme, uint32_t feature, uint32_t value)
{
	int status = nvme_set_feature(nvme, feature, value, NULL);

	must(status == NVME_SUCCESS, "setting feature %#x, seen %#x", feature, status);
}

static void fill_msix_table(struct bench *bench)
{
	uint8_t at = device_capability(&bench->device, PCI_CAP_ID_MSIX);
	uint32_t table = device_config32(&bench->device, at + PCI_MSIX_TABLE) &
		PCI_MSIX_TABLE_OFFSET;

	for (uint32_t i = 0; i < 64 * 4; i++)
		nvme_write32(&bench->nvme, table + i * 4, i * 0x01010101);
}

/* Some errors, some parked requests, and one of them answered but not consumed */
static void make_events(struct nvme *nvme)
{
	struct nvme_sqe event = { .opcode = NVME_ASYNC_EVENT }, bad = { .opcode = 0x99 };
	int status;

	for (int i = 0; i < 5; i++) {
		status = nvme_run(&nvme->admin, &bad, NULL);
		must(status == NVME_INVALID_OPCODE, "seen %#x", status);
	}
	for (int i = 0; i < 3; i++)
		nvme_submit(&nvme->admin, &event);
	nvme_write32(nvme, NVME_DOORBELL + 8, 1000);
	must(must_happen(nvme_peek(&nvme->admin), MUST_TIMEOUT_MS), "seen no event");
}

void bench_enrich(struct bench *bench, int eventfds[BENCH_VECTORS])
{
	struct nvme *nvme = &bench->nvme;
	int error = device_reset(&bench->device);

	must(error == 0, "seen %d", error);
	device_msix(&bench->device, eventfds, BENCH_VECTORS);
	fill_msix_table(bench);
	nvme_enable(nvme);
	nvme_queue_create(nvme, 1, 32, 1);
	nvme_queue_create(nvme, 2, 17, 2);
	nvme_queue_create(nvme, 9, 4, -1);
	set_feature(nvme, NVME_FEATURE_TEMPERATURE, 0x150);
	set_feature(nvme, NVME_FEATURE_ARBITRATION, 0x02);
	set_feature(nvme, NVME_FEATURE_EVENTS, 0x102);
	set_feature(nvme, NVME_FEATURE_VECTOR, 0x10002);
	make_events(nvme);
	device_set_config8(&bench->device, PCI_INTERRUPT_LINE, 10);
	device_set_config32(&bench->device, PCI_BASE_ADDRESS_0, 0xfe000000);
}
