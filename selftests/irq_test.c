// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: INTx as a level that masks itself, MSI-X, what SET_IRQS takes
 * and what it refuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <linux/pci_regs.h>
#include "migration.h"
#include "test.h"

#define VECTORS		64
/* Long enough for an interrupt that should not come to come after all */
#define QUIET_MS	100

#define TRIGGER		VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK		VFIO_IRQ_SET_ACTION_MASK
#define UNMASK		VFIO_IRQ_SET_ACTION_UNMASK
#define NONE		VFIO_IRQ_SET_DATA_NONE
#define BOOL		VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD		VFIO_IRQ_SET_DATA_EVENTFD
#define INTX		VFIO_PCI_INTX_IRQ_INDEX
#define MSI		VFIO_PCI_MSI_IRQ_INDEX
#define MSIX		VFIO_PCI_MSIX_IRQ_INDEX

FIXTURE(irq) {
	struct bench bench;
	struct device *device;
	struct nvme *nvme;
	struct nvme_queue *admin;
};

FIXTURE_SETUP(irq)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
	self->nvme = &self->bench.nvme;
	self->admin = &self->nvme->admin;
}

FIXTURE_TEARDOWN(irq)
{
	TEST_TEARDOWN(&self->bench);
}

/* Have the controller complete a command in the admin queue, which asserts an interrupt. */
static void complete_one(struct nvme_queue *queue)
{
	struct nvme_sqe sqe = {
		.opcode = NVME_GET_FEATURES, .cdw10 = NVME_FEATURE_QUEUES,
	};

	nvme_submit(queue, &sqe);
	must(must_happen(nvme_peek(queue), MUST_TIMEOUT_MS), "seen no completion");
}

static void take_one(struct nvme_queue *queue)
{
	struct nvme_cqe cqe;

	must(nvme_reap(queue, &cqe) == 0, "seen nothing");
}

static int set(struct device *device, uint32_t flags, uint32_t index)
{
	return device_set_irqs(device, flags | NONE, index, 0, 1, NULL, 0);
}

TEST_F(irq, intx)
{
	int intx = device_eventfd(self->device, INTX, 0);

	nvme_enable(self->nvme);
	complete_one(self->admin);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	EXPECT_EQ(PCI_STATUS_INTERRUPT,
		  device_config16(self->device, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	take_one(self->admin);
	EXPECT_EQ(0, device_config16(self->device, PCI_STATUS) & PCI_STATUS_INTERRUPT);
	EXPECT_EQ(0, set(self->device, UNMASK, INTX));
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	close(intx);
}

/* Signalling masks: another completion is quiet until the user unmasks. */
TEST_F(irq, intx_masks_itself)
{
	int intx = device_eventfd(self->device, INTX, 0);

	nvme_enable(self->nvme);
	complete_one(self->admin);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	take_one(self->admin);
	complete_one(self->admin);
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	EXPECT_EQ(0, set(self->device, UNMASK, INTX));
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	take_one(self->admin);
	EXPECT_EQ(0, set(self->device, UNMASK, INTX));
	close(intx);
}

/* It is a level: unmasked while still asserted, it is signalled again. */
TEST_F(irq, intx_is_a_level)
{
	int intx = device_eventfd(self->device, INTX, 0);

	nvme_enable(self->nvme);
	complete_one(self->admin);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
		EXPECT_EQ(0, set(self->device, UNMASK, INTX));
	}
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	take_one(self->admin);
	close(intx);
}

static int asserted(struct device *device)
{
	return device_config16(device, PCI_STATUS) & PCI_STATUS_INTERRUPT;
}

/* What nobody took goes with the controller that is disabled, and does not come back. */
TEST_F(irq, intx_ends_with_controller)
{
	struct nvme_sqe sqe = { .opcode = NVME_FLUSH, .nsid = 1 };
	struct nvme_queue *queue;

	nvme_enable(self->nvme);
	queue = nvme_queue_create(self->nvme, 1, 8, 0);
	EXPECT_FALSE(asserted(self->device));
	nvme_submit(queue, &sqe);
	ASSERT_TRUE(must_happen(nvme_peek(queue), MUST_TIMEOUT_MS));
	EXPECT_TRUE(must_happen(asserted(self->device), MUST_TIMEOUT_MS));
	nvme_disable(self->nvme);
	EXPECT_FALSE(asserted(self->device));
	nvme_enable(self->nvme);
	complete_one(self->admin);
	EXPECT_TRUE(must_happen(asserted(self->device), MUST_TIMEOUT_MS));
	take_one(self->admin);
	EXPECT_FALSE(asserted(self->device));
}

TEST_F(irq, intx_mask_ioctl)
{
	int intx = device_eventfd(self->device, INTX, 0);
	uint8_t yes = 1, no = 0;

	nvme_enable(self->nvme);
	EXPECT_EQ(0, set(self->device, MASK, INTX));
	complete_one(self->admin);
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	/* BOOL 0 does nothing. */
	EXPECT_EQ(0, device_set_irqs(self->device, UNMASK | BOOL, INTX, 0, 1, &no, 1));
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	EXPECT_EQ(0, device_set_irqs(self->device, UNMASK | BOOL, INTX, 0, 1, &yes, 1));
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	take_one(self->admin);
	EXPECT_EQ(0, set(self->device, UNMASK, INTX));
	EXPECT_EQ(0, device_set_irqs(self->device, MASK | BOOL, INTX, 0, 1, &no, 1));
	complete_one(self->admin);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	take_one(self->admin);
	EXPECT_EQ(0, set(self->device, UNMASK, INTX));
	EXPECT_EQ(0, device_set_irqs(self->device, MASK | BOOL, INTX, 0, 1, &yes, 1));
	complete_one(self->admin);
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	close(intx);
}

/* What QEMU asks for, so that KVM can resample without leaving the kernel */
TEST_F(irq, intx_unmask_eventfd)
{
	int intx = device_eventfd(self->device, INTX, 0);
	int32_t unmask = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), none = -1;

	nvme_enable(self->nvme);
	ASSERT_EQ(0, device_set_irqs(self->device, UNMASK | EVENTFD, INTX, 0, 1, &unmask, 4));
	/* One at a time */
	EXPECT_EQ(-EBUSY, device_set_irqs(self->device, UNMASK | EVENTFD, INTX, 0, 1, &unmask, 4));
	complete_one(self->admin);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	EXPECT_EQ(0, eventfd_write(unmask, 1));
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	EXPECT_EQ(0, device_set_irqs(self->device, UNMASK | EVENTFD, INTX, 0, 1, &none, 4));
	EXPECT_EQ(0, eventfd_write(unmask, 1));
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	take_one(self->admin);
	close(unmask);
	close(intx);
}

TEST_F(irq, intx_disable_bit)
{
	int intx = device_eventfd(self->device, INTX, 0);
	uint16_t command;

	nvme_enable(self->nvme);
	command = device_config16(self->device, PCI_COMMAND);
	device_set_config16(self->device, PCI_COMMAND, command | PCI_COMMAND_INTX_DISABLE);
	complete_one(self->admin);
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	device_set_config16(self->device, PCI_COMMAND, command);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	take_one(self->admin);
	close(intx);
}

/* INTMS masks the pin at its source; INTMC lets it through again. */
TEST_F(irq, intx_nvme_mask)
{
	int intx = device_eventfd(self->device, INTX, 0);

	nvme_enable(self->nvme);
	nvme_write32(self->nvme, NVME_INTMS, 1);
	EXPECT_EQ(1, nvme_read32(self->nvme, NVME_INTMS));
	EXPECT_EQ(1, nvme_read32(self->nvme, NVME_INTMC));
	complete_one(self->admin);
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	nvme_write32(self->nvme, NVME_INTMC, 1);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	take_one(self->admin);
	close(intx);
}

TEST_F(irq, intx_detached)
{
	int intx = device_eventfd(self->device, INTX, 0);

	nvme_enable(self->nvme);
	EXPECT_EQ(0, device_irq_off(self->device, INTX));
	complete_one(self->admin);
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	close(intx);
	/* Attached while asserted, it is signalled at once. */
	intx = device_eventfd(self->device, INTX, 0);
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	take_one(self->admin);
	close(intx);
}

TEST_F(irq, intx_trigger)
{
	int intx = device_eventfd(self->device, INTX, 0);
	uint8_t yes = 1, no = 0;

	EXPECT_EQ(0, set(self->device, TRIGGER, INTX));
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | BOOL, INTX, 0, 1, &no, 1));
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | BOOL, INTX, 0, 1, &yes, 1));
	EXPECT_EQ(1, device_signalled(intx, MUST_TIMEOUT_MS));
	close(intx);
}

/* Each completion queue has a vector of its own, and no other is signalled. */
TEST_F(irq, msix_by_completions)
{
	static const uint16_t vectors[] = { 1, 5, 63 };
	void *buffer = arena_page(&self->bench.arena);
	int eventfds[VECTORS];

	device_msix(self->device, eventfds, VECTORS);
	nvme_enable(self->nvme);
	for (uint16_t i = 0; i < ARRAY_SIZE(vectors); i++)
		nvme_queue_create(self->nvme, (uint16_t)(i + 1), 8, vectors[i]);
	for (uint32_t v = 0; v < VECTORS; v++)
		device_signalled(eventfds[v], 0);
	for (uint16_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		ASSERT_EQ(0, nvme_io(&self->nvme->io[i], NVME_READ, 0, 1, buffer));
		EXPECT_LE(1, device_signalled(eventfds[vectors[i]], MUST_TIMEOUT_MS))
			TH_LOG("vector %u", vectors[i]);
		for (uint32_t v = 0; v < VECTORS; v++) {
			EXPECT_EQ(0, device_signalled(eventfds[v], 0)) TH_LOG("vector %u", v);
		}
	}
	for (uint32_t v = 0; v < VECTORS; v++)
		close(eventfds[v]);
}

TEST_F(irq, msix_queue_without_interrupts)
{
	void *buffer = arena_page(&self->bench.arena);
	int eventfds[2];

	device_msix(self->device, eventfds, 2);
	nvme_enable(self->nvme);
	nvme_queue_create(self->nvme, 1, 8, -1);
	device_signalled(eventfds[0], 0);
	ASSERT_EQ(0, nvme_io(&self->nvme->io[0], NVME_READ, 0, 1, buffer));
	EXPECT_EQ(0, device_signalled(eventfds[0], QUIET_MS));
	EXPECT_EQ(0, device_signalled(eventfds[1], 0));
	close(eventfds[0]);
	close(eventfds[1]);
}

TEST_F(irq, msix_admin_vector)
{
	int eventfds[2];

	device_msix(self->device, eventfds, 2);
	nvme_enable(self->nvme);
	complete_one(self->admin);
	EXPECT_EQ(1, device_signalled(eventfds[0], MUST_TIMEOUT_MS));
	take_one(self->admin);
	EXPECT_EQ(0, device_signalled(eventfds[1], 0));
	close(eventfds[0]);
	close(eventfds[1]);
}

TEST_F(irq, msix_trigger)
{
	uint8_t some[VECTORS] = { [3] = 1, [9] = 1 };
	int eventfds[VECTORS];

	device_msix(self->device, eventfds, VECTORS);
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | NONE, MSIX, 7, 1, NULL, 0));
	for (uint32_t v = 0; v < VECTORS; v++) {
		EXPECT_EQ(v == 7, device_signalled(eventfds[v], 0)) TH_LOG("vector %u", v);
	}
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | NONE, MSIX, 0, VECTORS, NULL, 0));
	for (uint32_t v = 0; v < VECTORS; v++) {
		EXPECT_EQ(1, device_signalled(eventfds[v], 0)) TH_LOG("vector %u", v);
	}
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | BOOL, MSIX, 0, VECTORS, some,
				     sizeof(some)));
	for (uint32_t v = 0; v < VECTORS; v++) {
		EXPECT_EQ(some[v], device_signalled(eventfds[v], 0)) TH_LOG("vector %u", v);
		close(eventfds[v]);
	}
}

TEST_F(irq, msix_replace_and_take_away)
{
	int32_t fresh = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), none = -1;
	int eventfds[4];

	device_msix(self->device, eventfds, 4);
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | EVENTFD, MSIX, 2, 1, &fresh, 4));
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | EVENTFD, MSIX, 3, 1, &none, 4));
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | NONE, MSIX, 0, 4, NULL, 0));
	EXPECT_EQ(1, device_signalled(eventfds[0], 0));
	EXPECT_EQ(1, device_signalled(eventfds[1], 0));
	EXPECT_EQ(0, device_signalled(eventfds[2], 0));
	EXPECT_EQ(0, device_signalled(eventfds[3], 0));
	EXPECT_EQ(1, device_signalled(fresh, 0));
	for (int v = 0; v < 4; v++)
		close(eventfds[v]);
	close(fresh);
}

/* A vector that has no eventfd for a while loses nothing. */
TEST_F(irq, msix_pending)
{
	uint8_t at = device_capability(self->device, PCI_CAP_ID_MSIX);
	uint32_t pending = device_config32(self->device, at + PCI_MSIX_PBA) & PCI_MSIX_PBA_OFFSET;
	int32_t none = -1;
	int eventfds[2];
	int fresh;

	device_msix(self->device, eventfds, 2);
	nvme_enable(self->nvme);
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | EVENTFD, MSIX, 0, 1, &none, 4));
	complete_one(self->admin);
	EXPECT_TRUE(must_happen(nvme_read64(self->nvme, pending) == 1, MUST_TIMEOUT_MS));
	fresh = device_eventfd(self->device, MSIX, 0);
	EXPECT_EQ(1, device_signalled(fresh, MUST_TIMEOUT_MS));
	EXPECT_EQ(0, nvme_read64(self->nvme, pending));
	take_one(self->admin);
	close(fresh);
	close(eventfds[0]);
	close(eventfds[1]);
}

TEST_F(irq, msix_off)
{
	int eventfds[VECTORS];

	device_msix(self->device, eventfds, VECTORS);
	nvme_enable(self->nvme);
	EXPECT_EQ(0, device_irq_off(self->device, MSIX));
	complete_one(self->admin);
	EXPECT_EQ(0, device_signalled(eventfds[0], QUIET_MS));
	take_one(self->admin);
	for (uint32_t v = 0; v < VECTORS; v++)
		close(eventfds[v]);
}

/* While MSI-X is enabled the pin is not used. */
TEST_F(irq, msix_silences_intx)
{
	int intx = device_eventfd(self->device, INTX, 0);
	int eventfds[1];

	device_msix(self->device, eventfds, 1);
	nvme_enable(self->nvme);
	complete_one(self->admin);
	EXPECT_EQ(1, device_signalled(eventfds[0], MUST_TIMEOUT_MS));
	EXPECT_EQ(0, device_signalled(intx, QUIET_MS));
	take_one(self->admin);
	close(eventfds[0]);
	close(intx);
}

/* The two interrupts that have an eventfd and no more: only the user, and the core, send them. */
TEST_F(irq, error_and_request)
{
	static const uint32_t indexes[] = { VFIO_PCI_ERR_IRQ_INDEX, VFIO_PCI_REQ_IRQ_INDEX };
	uint8_t yes = 1, no = 0;

	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		uint32_t index = indexes[i];
		int sent;

		EXPECT_EQ(0, set(self->device, TRIGGER, index)) TH_LOG("without an eventfd");
		sent = device_eventfd(self->device, index, 0);
		EXPECT_EQ(0, set(self->device, TRIGGER, index));
		EXPECT_EQ(1, device_signalled(sent, MUST_TIMEOUT_MS));
		EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | BOOL, index, 0, 1, &no, 1));
		EXPECT_EQ(0, device_signalled(sent, 0));
		EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | BOOL, index, 0, 1, &yes, 1));
		EXPECT_EQ(1, device_signalled(sent, MUST_TIMEOUT_MS));
		EXPECT_EQ(-ENOTTY, set(self->device, MASK, index));
		EXPECT_EQ(-ENOTTY, set(self->device, UNMASK, index));
		EXPECT_EQ(0, device_reset(self->device));
		EXPECT_EQ(0, device_signalled(sent, 0));
		EXPECT_EQ(0, device_irq_off(self->device, index));
		EXPECT_EQ(0, set(self->device, TRIGGER, index));
		EXPECT_EQ(0, device_signalled(sent, 0));
		close(sent);
	}
}

TEST_F(irq, refusals)
{
	int32_t good = eventfd(0, EFD_CLOEXEC), not_eventfd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int32_t closed = 1 << 20, many[VECTORS + 1] = { 0 };
	const struct {
		const char *what;
		int error;
		uint32_t flags, index, start, count;
		const void *data;
		size_t size;
	} refused[] = {
		{ "no such index", -EINVAL, TRIGGER | NONE, VFIO_PCI_NUM_IRQS, 0, 1 },
		{ "huge index", -EINVAL, TRIGGER | NONE, UINT32_MAX, 0, 1 },
		{ "start behind the end", -EINVAL, TRIGGER | NONE, MSIX, VECTORS, 1 },
		{ "count over the end", -EINVAL, TRIGGER | NONE, MSIX, 1, VECTORS },
		{ "start and count wrap", -EINVAL, TRIGGER | NONE, MSIX, UINT32_MAX, 2 },
		{ "huge count", -EINVAL, TRIGGER | NONE, MSIX, 0, UINT32_MAX },
		{ "second INTx", -EINVAL, TRIGGER | NONE, INTX, 1, 1 },
		{ "MSI, of which there is none", -EINVAL, TRIGGER | NONE, MSI, 0, 1 },
		{ "second error interrupt", -EINVAL, TRIGGER | NONE, VFIO_PCI_ERR_IRQ_INDEX, 1, 1 },
		{ "unknown flags", -EINVAL, 1u << 20 | TRIGGER | NONE, MSIX, 0, 1 },
		{ "no data type", -EINVAL, TRIGGER, MSIX, 0, 1 },
		{ "two data types", -EINVAL, TRIGGER | NONE | BOOL, MSIX, 0, 1 },
		{ "no action", -ENOTTY, NONE, MSIX, 0, 1 },
		{ "two actions", -ENOTTY, TRIGGER | MASK | NONE, INTX, 0, 1 },
		{ "MSI-X masked", -ENOTTY, MASK | NONE, MSIX, 0, 1 },
		{ "MSI-X unmasked", -ENOTTY, UNMASK | NONE, MSIX, 0, 1 },
		{ "INTx masked by eventfd", -ENOTTY, MASK | EVENTFD, INTX, 0, 1, &good, 4 },
		{ "data too short", -EINVAL, TRIGGER | EVENTFD, MSIX, 0, 2, &good, 4 },
		{ "more data than vectors", -EINVAL, TRIGGER | EVENTFD, MSIX, 0, VECTORS + 1, many,
		  sizeof(many) },
		{ "not an eventfd", -EINVAL, TRIGGER | EVENTFD, MSIX, 0, 1, &not_eventfd, 4 },
		{ "not a descriptor", -EBADF, TRIGGER | EVENTFD, MSIX, 0, 1, &closed, 4 },
		{ "INTx: not a descriptor", -EBADF, TRIGGER | EVENTFD, INTX, 0, 1, &closed, 4 },
		{ "UNMASK: not a descriptor", -EBADF, UNMASK | EVENTFD, INTX, 0, 1, &closed, 4 },
		{ "UNMASK: no eventfd", -EINVAL, UNMASK | EVENTFD, INTX, 0, 1, &not_eventfd, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(refused[i].error,
			  device_set_irqs(self->device, refused[i].flags, refused[i].index,
					  refused[i].start, refused[i].count, refused[i].data,
					  refused[i].size))
			TH_LOG("%s", refused[i].what);
	}
	close(good);
	close(not_eventfd);
}

TEST_F(irq, argsz)
{
	struct vfio_irq_set header = {
		.argsz = sizeof(header) - 1, .flags = TRIGGER | NONE, .index = MSIX, .count = 1,
	};

	EXPECT_EQ(-EINVAL, device_ioctl(self->device, VFIO_DEVICE_SET_IRQS, &header));
	header.argsz = sizeof(header);
	header.flags = TRIGGER | BOOL;
	EXPECT_EQ(-EINVAL, device_ioctl(self->device, VFIO_DEVICE_SET_IRQS, &header));
	EXPECT_EQ(-EFAULT, device_ioctl(self->device, VFIO_DEVICE_SET_IRQS, NULL));
}

/* When one file descriptor of several is bad, none of the call's vectors is attached. */
TEST_F(irq, attach_all_or_nothing)
{
	int32_t fds[3];

	fds[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fds[2] = 1 << 20;
	EXPECT_EQ(-EBADF, device_set_irqs(self->device, TRIGGER | EVENTFD, MSIX, 0, 3, fds,
					  sizeof(fds)));
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | NONE, MSIX, 0, 3, NULL, 0));
	EXPECT_EQ(0, device_signalled(fds[0], 0));
	EXPECT_EQ(0, device_signalled(fds[1], 0));
	close(fds[0]);
	close(fds[1]);
}

/* A VMM sets interrupts up while RESUMING and takes them down while stopped. */
TEST_F(irq, set_in_every_state)
{
	for (uint32_t state = 1; state < MIGRATION_STATES; state++) {
		int data_fd = migration_go(self->device, state);
		int eventfds[4];

		device_msix(self->device, eventfds, 4);
		EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | NONE, MSIX, 3, 1, NULL, 0))
			TH_LOG("%s", migration_state_name(state));
		EXPECT_EQ(1, device_signalled(eventfds[3], 0))
			TH_LOG("%s", migration_state_name(state));
		EXPECT_EQ(0, device_irq_off(self->device, MSIX))
			TH_LOG("%s", migration_state_name(state));
		for (int v = 0; v < 4; v++)
			close(eventfds[v]);
		if (data_fd >= 0)
			close(data_fd);
		ASSERT_EQ(0, device_reset(self->device));
	}
}

/* A message that nobody took is nobody's after a reset. */
TEST_F(irq, reset_forgets_pending)
{
	uint8_t at = device_capability(self->device, PCI_CAP_ID_MSIX);
	uint32_t pending = device_config32(self->device, at + PCI_MSIX_PBA) & PCI_MSIX_PBA_OFFSET;
	int eventfd;

	device_msix(self->device, &eventfd, 1);
	nvme_enable(self->nvme);
	ASSERT_EQ(0, device_irq_off(self->device, MSIX));
	complete_one(self->admin);
	ASSERT_TRUE(must_happen(nvme_read64(self->nvme, pending) == 1, MUST_TIMEOUT_MS));
	close(eventfd);
	ASSERT_EQ(0, device_reset(self->device));
	EXPECT_EQ(0, nvme_read64(self->nvme, pending));
	device_msix(self->device, &eventfd, 1);
	EXPECT_EQ(0, device_signalled(eventfd, 0));
	close(eventfd);
}

/* Eventfds are the host's and survive a reset; what the device knew of interrupts does not. */
TEST_F(irq, reset_keeps_eventfds)
{
	int eventfds[1];

	device_msix(self->device, eventfds, 1);
	ASSERT_EQ(0, device_reset(self->device));
	EXPECT_EQ(0, device_config16(self->device,
				     device_capability(self->device, PCI_CAP_ID_MSIX) +
				     PCI_MSIX_FLAGS) & PCI_MSIX_FLAGS_ENABLE);
	EXPECT_EQ(0, device_set_irqs(self->device, TRIGGER | NONE, MSIX, 0, 1, NULL, 0));
	EXPECT_EQ(1, device_signalled(eventfds[0], 0));
	close(eventfds[0]);
}

/* The user may close an eventfd, or the device, first. */
TEST_F(irq, close_order)
{
	struct mdev mdev = self->device->mdev;
	int32_t unmask = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int intx = device_eventfd(self->device, INTX, 0);

	ASSERT_EQ(0, device_set_irqs(self->device, UNMASK | EVENTFD, INTX, 0, 1, &unmask, 4));
	nvme_enable(self->nvme);
	close(intx);
	complete_one(self->admin);
	close(unmask);
	unmask = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must_happen(device_set_irqs(self->device, UNMASK | EVENTFD, INTX, 0, 1, &unmask, 4) == 0,
		    MUST_TIMEOUT_MS);
	device_close(self->device);
	EXPECT_EQ(0, eventfd_write(unmask, 1));
	close(unmask);
	ASSERT_EQ(0, device_open(self->device, &mdev));
	device_map_arena(self->device, &self->bench.arena);
}

TEST_MAIN
