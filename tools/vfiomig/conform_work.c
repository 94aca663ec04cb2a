// SPDX-License-Identifier: GPL-2.0
/*
 * Putting a device to work, so that something can be seen of it: by standard
 * programming interfaces, which the class code in configuration space names.
 * Any NVMe controller or 16550 will do, whoever made it.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "array_size.h"
#include "conform.h"
#include "units.h"

#define READY_MS	5000	/* for a controller to start or stop */

/* ---- Regions ----------------------------------------------------------- */

static bool region_at(const struct vfio_device *device, uint32_t index, uint64_t *offset)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &info) || !info.size)
		return false;
	*offset = info.offset;
	return true;
}

static bool region_read(const struct vfio_device *device, uint32_t index, uint64_t at, void *data,
			size_t size)
{
	uint64_t offset;

	return region_at(device, index, &offset) &&
	       pread(device->fd, data, size, offset + at) == (ssize_t)size;
}

static bool region_write(const struct vfio_device *device, uint32_t index, uint64_t at,
			 const void *data, size_t size)
{
	uint64_t offset;

	return region_at(device, index, &offset) &&
	       pwrite(device->fd, data, size, offset + at) == (ssize_t)size;
}

bool conform_config_read(const struct vfio_device *device, uint32_t offset, void *data,
			 size_t size)
{
	return region_read(device, VFIO_PCI_CONFIG_REGION_INDEX, offset, data, size);
}

bool conform_config_write(const struct vfio_device *device, uint32_t offset, const void *data,
			  size_t size)
{
	return region_write(device, VFIO_PCI_CONFIG_REGION_INDEX, offset, data, size);
}

/* ---- Memory ------------------------------------------------------------ */

void conform_map_memory(struct conform *conform, void *memory, uint64_t iova, size_t size)
{
	const struct vfio_mapping mapping = { .memory = memory, .iova = iova, .size = size };
	int ret;

	conform_doing(conform, "map memory");
	ret = vfio_map(&conform->device, &mapping);
	conform_need(conform, !ret, "that the device can reach it", "%s", conform_errno(-errno));
}

void *conform_map(struct conform *conform, uint64_t iova, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	conform_need(conform, memory != MAP_FAILED, "memory", "none");
	conform_map_memory(conform, memory, iova, size);
	return memory;
}

/* ---- Interrupts -------------------------------------------------------- */

static int set_irqs(struct conform *conform, uint32_t index, uint32_t flags, const int *eventfd)
{
	struct {
		struct vfio_irq_set set;
		int eventfd;
	} request = {
		.set.argsz = sizeof(request.set) + (eventfd ? sizeof(request.eventfd) : 0),
		.set.flags = flags,
		.set.index = index,
		.set.count = 1,
		.eventfd = eventfd ? *eventfd : -1,
	};

	return ioctl(conform->device.fd, VFIO_DEVICE_SET_IRQS, &request) ? -errno : 0;
}

int conform_eventfd(struct conform *conform, uint32_t index)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), ret;

	conform_need(conform, fd >= 0, "an eventfd", "%s", conform_errno(-errno));
	conform_doing(conform, "VFIO_DEVICE_SET_IRQS, an eventfd for index %u in %s", index,
		      migration_state_name(conform->migration.state));
	ret = set_irqs(conform, index,
		       VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD, &fd);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int conform_irq_index(const struct conform *conform)
{
	static const uint32_t indices[] = {
		VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_INTX_IRQ_INDEX,
	};
	struct vfio_irq_info info;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(indices); i++) {
		info = (struct vfio_irq_info){ .argsz = sizeof(info), .index = indices[i] };
		if (!ioctl(conform->device.fd, VFIO_DEVICE_GET_IRQ_INFO, &info) && info.count)
			return indices[i];
	}
	return -1;
}

uint64_t conform_signalled(int eventfd, int ms)
{
	struct pollfd poller = { .fd = eventfd, .events = POLLIN };
	uint64_t count;

	if (poll(&poller, 1, ms) <= 0 || read(eventfd, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

/* ---- NVMe -------------------------------------------------------------- */

#define NVME_CC		0x14
#define NVME_CSTS	0x1c
#define NVME_AQA	0x24
#define NVME_ASQ	0x28
#define NVME_ACQ	0x30
#define NVME_DOORBELLS	0x1000
#define NVME_CC_ENABLE	(1 | 6 << 16 | 4 << 20)	/* entries of 64 and 16 bytes */
#define NVME_IDENTIFY	0x06
#define NVME_ENTRIES	8U

/* Pages of the memory */
#define NVME_SQ_PAGE	0
#define NVME_CQ_PAGE	1
#define NVME_DATA_PAGE	2

struct nvme_sqe {
	uint8_t opcode;
	uint8_t flags;
	uint16_t id;
	uint32_t nsid;
	uint64_t reserved;
	uint64_t metadata;
	uint64_t data[2];
	uint32_t dwords[6];
};

struct nvme_cqe {
	uint32_t result;
	uint32_t reserved;
	uint16_t head;
	uint16_t queue;
	uint16_t id;
	uint16_t status;
};

/**
 * struct nvme_work - a controller with its admin queue
 * @memory: queues and data
 * @tail: next submission
 * @head: next completion
 * @phase: of it
 * @id: of the last command
 */
struct nvme_work {
	uint8_t *memory;
	uint16_t tail;
	uint16_t head;
	uint16_t phase;
	uint16_t id;
};

static void reg_write(struct conform *conform, uint64_t at, uint32_t value)
{
	conform_need(conform, region_write(&conform->device, VFIO_PCI_BAR0_REGION_INDEX, at, &value,
					   sizeof(value)), "a register to be written", "%s",
		     conform_errno(-errno));
}

static void reg_write64(struct conform *conform, uint64_t at, uint64_t value)
{
	reg_write(conform, at, value);
	reg_write(conform, at + 4, value >> 32);
}

static uint32_t reg_read(struct conform *conform, uint64_t at)
{
	uint32_t value = 0;

	conform_need(conform, region_read(&conform->device, VFIO_PCI_BAR0_REGION_INDEX, at, &value,
					  sizeof(value)), "a register to be read", "%s",
		     conform_errno(-errno));
	return value;
}

static void nvme_await_ready(struct conform *conform, uint32_t ready)
{
	uint64_t end = units_now() / 1000000 + READY_MS;
	const struct timespec pause = { .tv_nsec = 1000000 };

	conform_doing(conform, "wait for CSTS.RDY %u", ready);
	while ((reg_read(conform, NVME_CSTS) & 1) != ready) {
		conform_need(conform, units_now() / 1000000 < end, "it in time", "%#x after %u ms",
			     reg_read(conform, NVME_CSTS), READY_MS);
		nanosleep(&pause, NULL);
	}
}

static uint8_t find_capability(const struct vfio_device *device, uint8_t id)
{
	uint8_t at = 0, header[2], steps;

	conform_config_read(device, PCI_CAPABILITY_LIST, &at, sizeof(at));
	for (steps = 0; at && steps < 48; steps++) {
		if (!conform_config_read(device, at, header, sizeof(header)))
			return 0;
		if (header[0] == id)
			return at;
		at = header[1];
	}
	return 0;
}

/* Attaching an eventfd is not enough: the guest's own switch has to be on as well. */
static void msix_enable(struct conform *conform)
{
	uint8_t at = find_capability(&conform->device, PCI_CAP_ID_MSIX);
	uint16_t control;
	uint32_t table, unmasked = 0;

	if (!at || !conform_config_read(&conform->device, at + PCI_MSIX_FLAGS, &control, 2))
		return;
	conform_config_read(&conform->device, at + PCI_MSIX_TABLE, &table, sizeof(table));
	region_write(&conform->device, VFIO_PCI_BAR0_REGION_INDEX + (table & PCI_MSIX_TABLE_BIR),
		     (table & PCI_MSIX_TABLE_OFFSET) + PCI_MSIX_ENTRY_VECTOR_CTRL, &unmasked,
		     sizeof(unmasked));
	control |= PCI_MSIX_FLAGS_ENABLE;
	conform_config_write(&conform->device, at + PCI_MSIX_FLAGS, &control, sizeof(control));
}

static void nvme_start(struct conform *conform)
{
	const uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct nvme_work *work = conform->work;

	if (!work) {
		work = conform_alloc(sizeof(*work));
		work->memory = conform_map(conform, CONFORM_MEMORY_IOVA, CONFORM_MEMORY_SIZE);
		conform->work = work;
	}
	*work = (struct nvme_work){ .memory = work->memory, .phase = 1 };
	memset(work->memory, 0, CONFORM_MEMORY_SIZE);
	conform_doing(conform, "start an NVMe controller");
	conform_config_write(&conform->device, PCI_COMMAND, &command, sizeof(command));
	conform->eventfd = conform_eventfd(conform, VFIO_PCI_MSIX_IRQ_INDEX);
	conform_need(conform, conform->eventfd >= 0, "an interrupt", "%s",
		     conform_errno(conform->eventfd));
	msix_enable(conform);
	reg_write(conform, NVME_CC, 0);
	nvme_await_ready(conform, 0);
	reg_write(conform, NVME_AQA, (NVME_ENTRIES - 1) << 16 | (NVME_ENTRIES - 1));
	reg_write64(conform, NVME_ASQ, CONFORM_MEMORY_IOVA + NVME_SQ_PAGE * CONFORM_PAGE);
	reg_write64(conform, NVME_ACQ, CONFORM_MEMORY_IOVA + NVME_CQ_PAGE * CONFORM_PAGE);
	reg_write(conform, NVME_CC, NVME_CC_ENABLE);
	nvme_await_ready(conform, 1);
}

static void nvme_ask(struct conform *conform)
{
	struct nvme_work *work = conform->work;
	struct nvme_sqe *queue = (void *)(work->memory + NVME_SQ_PAGE * CONFORM_PAGE);

	queue[work->tail] = (struct nvme_sqe){
		.opcode = NVME_IDENTIFY,
		.id = ++work->id,
		.data[0] = CONFORM_MEMORY_IOVA + NVME_DATA_PAGE * CONFORM_PAGE,
		.dwords[0] = 1,	/* the controller */
	};
	memset(work->memory + NVME_DATA_PAGE * CONFORM_PAGE, 0, CONFORM_PAGE);
	work->tail = (work->tail + 1) % NVME_ENTRIES;
	/* In STOP a driver may refuse it, or drop it. */
	region_write(&conform->device, VFIO_PCI_BAR0_REGION_INDEX, NVME_DOORBELLS,
		     &(uint32_t){ work->tail }, sizeof(uint32_t));
}

static bool nvme_answered(struct conform *conform)
{
	struct nvme_work *work = conform->work;
	struct nvme_cqe *queue = (void *)(work->memory + NVME_CQ_PAGE * CONFORM_PAGE);
	const uint8_t *data = work->memory + NVME_DATA_PAGE * CONFORM_PAGE;
	struct nvme_cqe *entry = &queue[work->head];

	/* The rest of the entry was written before its phase. */
	if ((__atomic_load_n(&entry->status, __ATOMIC_ACQUIRE) & 1) != work->phase)
		return false;
	conform_expect(conform, !(entry->status >> 1) && entry->id == work->id,
		       "command %u to succeed", "command %u, status %#x", entry->id,
		       entry->status >> 1);
	conform_expect(conform, data[0] || data[1], "an answer in memory", "zeroes");
	work->head = (work->head + 1) % NVME_ENTRIES;
	work->phase ^= !work->head;
	reg_write(conform, NVME_DOORBELLS + 4, work->head);
	return true;
}

static uint8_t *nvme_memory(struct conform *conform)
{
	return ((struct nvme_work *)conform->work)->memory;
}

/* ---- 16550 ------------------------------------------------------------- */

#define UART_DATA	0
#define UART_IER	1
#define UART_FCR	2
#define UART_LCR	3
#define UART_MCR	4
#define UART_LSR	5
#define UART_IER_RDI	0x01
#define UART_FCR_CLEAR	0x07
#define UART_LCR_8N1	0x03
#define UART_MCR_LOOP	0x18	/* OUT2 gates the interrupt */
#define UART_LSR_READY	0x01

static bool uart_put(struct conform *conform, uint32_t at, uint8_t value)
{
	return region_write(&conform->device, VFIO_PCI_BAR0_REGION_INDEX, at, &value, 1);
}

static uint8_t uart_get(struct conform *conform, uint32_t at)
{
	uint8_t value = 0;

	region_read(&conform->device, VFIO_PCI_BAR0_REGION_INDEX, at, &value, 1);
	return value;
}

static void uart_start(struct conform *conform)
{
	conform_doing(conform, "start a 16550");
	conform->eventfd = conform_eventfd(conform, VFIO_PCI_INTX_IRQ_INDEX);
	conform_need(conform, conform->eventfd >= 0, "an interrupt", "%s",
		     conform_errno(conform->eventfd));
	conform_need(conform, uart_put(conform, UART_LCR, UART_LCR_8N1), "a register to be written",
		     "%s", conform_errno(-errno));
	uart_put(conform, UART_FCR, UART_FCR_CLEAR);
	uart_put(conform, UART_MCR, UART_MCR_LOOP);
	uart_put(conform, UART_IER, UART_IER_RDI);
}

static void uart_ask(struct conform *conform)
{
	uart_put(conform, UART_DATA, 0x5a);
}

static bool uart_answered(struct conform *conform)
{
	uint8_t got;

	if (!(uart_get(conform, UART_LSR) & UART_LSR_READY))
		return false;
	got = uart_get(conform, UART_DATA);
	conform_expect(conform, got == 0x5a, "the byte that was sent", "%#x", got);
	set_irqs(conform, VFIO_PCI_INTX_IRQ_INDEX,
		 VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_DATA_NONE, NULL);
	return true;
}

/* ---- Which ------------------------------------------------------------- */

static const struct conform_worker workers[] = {
	{
		.what = "an NVMe controller",
		.class = 0x010802,
		.start = nvme_start,
		.ask = nvme_ask,
		.answered = nvme_answered,
		.memory = nvme_memory,
		.pages = 1 << NVME_CQ_PAGE | 1 << NVME_DATA_PAGE,
	}, {
		.what = "a 16550",
		.class = 0x070002,
		.careless = true,
		.start = uart_start,
		.ask = uart_ask,
		.answered = uart_answered,
	},
};

const struct conform_worker *conform_worker_find(const struct vfio_device *device)
{
	uint32_t class;
	unsigned int i;

	if (!(device->info.flags & VFIO_DEVICE_FLAGS_PCI) ||
	    !conform_config_read(device, PCI_CLASS_REVISION, &class, sizeof(class)))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		if (workers[i].class == class >> 8)
			return &workers[i];
	return NULL;
}

bool conform_await_answer(struct conform *conform)
{
	uint64_t end = units_now() / 1000000 + READY_MS;
	const struct timespec pause = { .tv_nsec = 1000000 };

	conform_doing(conform, "wait for %s to answer", conform->subject->worker->what);
	while (!conform->subject->worker->answered(conform)) {
		if (!conform_expect(conform, units_now() / 1000000 < end, "an answer",
				    "none after %u ms", READY_MS))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

void conform_put_to_work(struct conform *conform)
{
	const struct conform_worker *worker = conform->subject->worker;

	worker->start(conform);
	worker->ask(conform);
	if (!conform_await_answer(conform))
		conform_exit(conform);
	conform_doing(conform, "wait for the interrupt");
	conform_need(conform, conform_signalled(conform->eventfd, READY_MS), "one", "none");
}
