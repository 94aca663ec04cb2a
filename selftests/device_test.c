// SPDX-License-Identifier: GPL-2.0
/*
 * The device as VFIO and sysfs show it: types, life cycle, what it says of
 * itself, accesses inside and outside its regions, reset.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/pci_regs.h>
#include "migration.h"
#include "test.h"

static const char *const type_names[] = { "nvme-64M", "nvme-1G", "nvme-16G" };

TEST(types)
{
	char value[256];

	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++) {
		ASSERT_LT(0, mdev_type_read(type_names[i], "device_api", value, sizeof(value)));
		EXPECT_STREQ("vfio-pci", value);
		EXPECT_LT(0, mdev_type_read(type_names[i], "name", value, sizeof(value)));
		EXPECT_LT(0, mdev_type_read(type_names[i], "description", value, sizeof(value)));
		EXPECT_LT(0, mdev_available(type_names[i]));
	}
	EXPECT_EQ(-ENOENT, mdev_available("nvme-2T"));
}

TEST(create_and_remove)
{
	int available = mdev_available(DEVICE_TYPE);
	char path[PATH_MAX];
	struct mdev mdev;

	mdev_name(&mdev);
	ASSERT_EQ(0, mdev_create(&mdev, DEVICE_TYPE));
	EXPECT_EQ(available - 1, mdev_available(DEVICE_TYPE));
	EXPECT_EQ(-EEXIST, mdev_create(&mdev, DEVICE_TYPE));
	mdev_path(&mdev, "iommu_group", path, sizeof(path));
	EXPECT_EQ(0, access(path, F_OK));
	mdev_path(&mdev, "mdev_type", path, sizeof(path));
	EXPECT_EQ(0, access(path, F_OK));
	EXPECT_EQ(DEVICE_SIZE, mdev_read_u64(&mdev, "namespace_size"));
	EXPECT_EQ(0, mdev_remove(&mdev));
	EXPECT_FALSE(mdev_exists(&mdev));
	EXPECT_EQ(available, mdev_available(DEVICE_TYPE));
}

TEST(bad_identifiers)
{
	static const char *const bad[] = {
		"", "x", "00000000-0000-0000-0000", "zzzzzzzz-0000-4000-8000-000000000000",
	};
	struct mdev mdev;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(mdev.uuid, sizeof(mdev.uuid), "%s", bad[i]);
		/* An empty write never gets to the attribute. */
		EXPECT_EQ(*bad[i] ? -EINVAL : 0, mdev_create(&mdev, DEVICE_TYPE))
			TH_LOG("identifier \"%s\"", bad[i]);
	}
}

FIXTURE(device) {
	struct bench bench;
	struct device *device;
};

FIXTURE_SETUP(device)
{
	bench_setup(&self->bench, DEVICE_TYPE);
	self->device = &self->bench.device;
}

FIXTURE_TEARDOWN(device)
{
	TEST_TEARDOWN(&self->bench);
}

struct removal {
	struct mdev mdev;
	int result;
	int done;
};

static void *remove_thread(void *arg)
{
	struct removal *removal = arg;

	removal->result = mdev_remove(&removal->mdev);
	__atomic_store_n(&removal->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* The core waits until the last user has gone, and asks for it through the request interrupt. */
TEST(remove_while_open)
{
	struct bench bench;
	struct removal removal = { .result = 1 };
	pthread_t thread;
	int asked;

	bench_setup(&bench, DEVICE_TYPE);
	asked = device_eventfd(&bench.device, VFIO_PCI_REQ_IRQ_INDEX, 0);
	removal.mdev = bench.device.mdev;
	ASSERT_EQ(0, pthread_create(&thread, NULL, remove_thread, &removal));
	EXPECT_EQ(1, device_signalled(asked, MUST_TIMEOUT_MS));
	EXPECT_STREQ("works", nvme_works(&bench.device, &bench.arena));
	EXPECT_EQ(0, __atomic_load_n(&removal.done, __ATOMIC_ACQUIRE));
	device_close(&bench.device);
	EXPECT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, removal.result);
	EXPECT_FALSE(mdev_exists(&removal.mdev));
	close(asked);
}

TEST_F(device, unload_while_open)
{
	EXPECT_EQ(-1, syscall(SYS_delete_module, "mdevsim", O_NONBLOCK));
	EXPECT_EQ(EWOULDBLOCK, errno);
	EXPECT_TRUE(mdev_exists(&self->device->mdev));
}

TEST_F(device, second_open)
{
	char link[PATH_MAX], target[PATH_MAX], group[PATH_MAX];
	ssize_t length;

	mdev_path(&self->device->mdev, "iommu_group", link, sizeof(link));
	length = readlink(link, target, sizeof(target) - 1);
	ASSERT_LT(0, length);
	target[length] = '\0';
	snprintf(group, sizeof(group), "/dev/vfio/%s", strrchr(target, '/') + 1);
	EXPECT_EQ(-1, open(group, O_RDWR));
	EXPECT_EQ(EBUSY, errno);
}

/* Another fd of the same user; with an iommufd there is no other way than to copy it. */
static int another_fd(struct device *device)
{
	if (device->vfio.group < 0)
		return dup(device->vfio.fd);
	return ioctl(device->vfio.group, VFIO_GROUP_GET_DEVICE_FD, device->mdev.uuid);
}

/* It is the same device, which is closed when the last one is. */
TEST_F(device, second_fd)
{
	int data_fd = migration_go(self->device, PRE_COPY);
	int second = another_fd(self->device);
	struct vfio_precopy_info info;
	uint64_t cap;

	ASSERT_LE(0, second);
	EXPECT_EQ(sizeof(cap), pread(second, &cap, sizeof(cap), 0));
	EXPECT_EQ(nvme_read64(&self->bench.nvme, NVME_CAP), cap);
	EXPECT_EQ(0, close(second));
	EXPECT_EQ(PRE_COPY, migration_get(self->device, NULL));
	EXPECT_EQ(0, migration_precopy_info(data_fd, &info));
	close(data_fd);
}

TEST_F(device, reopen)
{
	struct mdev mdev = self->device->mdev;
	void *buffer = arena_page(&self->bench.arena);

	nvme_start(&self->bench.nvme, 1, 8);
	nvme_pattern(buffer, 0, 8, 1);
	ASSERT_EQ(0, nvme_io(&self->bench.nvme.io[0], NVME_WRITE, 0, 8, buffer));
	device_close(self->device);
	ASSERT_EQ(0, device_open(self->device, &mdev));
	device_map_arena(self->device, &self->bench.arena);
	/* As new, but for what the namespace holds */
	EXPECT_EQ(0, nvme_read32(&self->bench.nvme, NVME_CC));
	EXPECT_EQ(0, nvme_read32(&self->bench.nvme, NVME_CSTS));
	nvme_start(&self->bench.nvme, 1, 8);
	memset(buffer, 0, ARENA_PAGE);
	ASSERT_EQ(0, nvme_io(&self->bench.nvme.io[0], NVME_READ, 0, 8, buffer));
	EXPECT_EQ(-1, nvme_pattern_differs(buffer, 0, 8, 1));
}

TEST_F(device, device_info)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(0, device_ioctl(self->device, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(VFIO_DEVICE_FLAGS_RESET, info.flags & VFIO_DEVICE_FLAGS_RESET);
	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI, info.flags & VFIO_DEVICE_FLAGS_PCI);
	EXPECT_LE(VFIO_PCI_NUM_REGIONS, info.num_regions);
	EXPECT_EQ(VFIO_PCI_NUM_IRQS, info.num_irqs);
	info.argsz = offsetof(struct vfio_device_info, num_irqs);
	EXPECT_EQ(-EINVAL, device_ioctl(self->device, VFIO_DEVICE_GET_INFO, &info));
	info.argsz = 4096;
	EXPECT_EQ(0, device_ioctl(self->device, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(-EFAULT, device_ioctl(self->device, VFIO_DEVICE_GET_INFO, NULL));
}

TEST_F(device, region_info)
{
	struct vfio_region_info info;

	for (uint32_t i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		bool exists = i == VFIO_PCI_BAR0_REGION_INDEX || i == VFIO_PCI_CONFIG_REGION_INDEX;

		ASSERT_EQ(0, device_region(self->device, i, &info)) TH_LOG("region %u", i);
		EXPECT_EQ(exists, info.size != 0) TH_LOG("region %u", i);
		EXPECT_EQ(exists ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0,
			  info.flags & (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE))
			TH_LOG("region %u", i);
	}
	ASSERT_EQ(0, device_region(self->device, VFIO_PCI_BAR0_REGION_INDEX, &info));
	EXPECT_LE(16384, info.size);
	EXPECT_EQ(0, info.size & (info.size - 1));
	ASSERT_EQ(0, device_region(self->device, VFIO_PCI_CONFIG_REGION_INDEX, &info));
	EXPECT_EQ(4096, info.size);
}

TEST_F(device, region_info_refusals)
{
	struct vfio_region_info info = { .argsz = sizeof(info) - 1 };

	EXPECT_EQ(-EINVAL, device_ioctl(self->device, VFIO_DEVICE_GET_REGION_INFO, &info));
	EXPECT_EQ(-EFAULT, device_ioctl(self->device, VFIO_DEVICE_GET_REGION_INFO, NULL));
	EXPECT_EQ(-EINVAL, device_region(self->device, VFIO_PCI_NUM_REGIONS + 8, &info));
	EXPECT_EQ(-EINVAL, device_region(self->device, UINT32_MAX, &info));
}

static int irq_info(struct device *device, uint32_t index, struct vfio_irq_info *info)
{
	*info = (struct vfio_irq_info) { .argsz = sizeof(*info), .index = index };
	return device_ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, info);
}

TEST_F(device, irq_info)
{
	static const struct {
		uint32_t index, count, flags;
	} irqs[] = {
		{ VFIO_PCI_INTX_IRQ_INDEX, 1,
		  VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED },
		{ VFIO_PCI_MSIX_IRQ_INDEX, 64, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE },
		{ VFIO_PCI_ERR_IRQ_INDEX, 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE },
		{ VFIO_PCI_REQ_IRQ_INDEX, 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE },
	};
	struct vfio_irq_info info;

	for (size_t i = 0; i < ARRAY_SIZE(irqs); i++) {
		ASSERT_EQ(0, irq_info(self->device, irqs[i].index, &info));
		EXPECT_EQ(irqs[i].count, info.count) TH_LOG("index %u", irqs[i].index);
		EXPECT_EQ(irqs[i].flags, info.flags) TH_LOG("index %u", irqs[i].index);
	}
	ASSERT_EQ(0, irq_info(self->device, VFIO_PCI_MSI_IRQ_INDEX, &info));
	EXPECT_EQ(0, info.count);
	EXPECT_EQ(-EINVAL, irq_info(self->device, VFIO_PCI_NUM_IRQS, &info));
	EXPECT_EQ(-EINVAL, irq_info(self->device, UINT32_MAX, &info));
	info.argsz = sizeof(info) - 1;
	EXPECT_EQ(-EINVAL, device_ioctl(self->device, VFIO_DEVICE_GET_IRQ_INFO, &info));
	EXPECT_EQ(-EFAULT, device_ioctl(self->device, VFIO_DEVICE_GET_IRQ_INFO, NULL));
}

/* Every region, also those of size 0: behind it, over its end, and far away. */
TEST_F(device, out_of_bounds)
{
	static const struct {
		const char *where;
		int64_t from_end;
		size_t length;
	} outside[] = {
		{ "behind the end", 0, 1 },
		{ "a page behind the end", 4096, 4 },
		{ "over the end", -1, 2 },
		{ "over the end, 8 bytes", -4, 8 },
		{ "over the end, unaligned", -3, 4 },
		{ "longer than any region", -8, 1 << 20 },
		{ "far behind the end", (int64_t)1 << 39, 4 },
	};
	uint8_t *bytes = calloc(1, 1 << 20);

	for (uint32_t region = 0; region < VFIO_PCI_NUM_REGIONS; region++) {
		struct vfio_region_info info;

		ASSERT_EQ(0, device_region(self->device, region, &info));
		for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
			uint64_t offset = info.offset + info.size + (uint64_t)outside[i].from_end;

			if (!info.size && outside[i].from_end < 0)
				offset = info.offset;
			EXPECT_EQ(-EINVAL, device_pread(self->device, bytes, outside[i].length,
							offset))
				TH_LOG("read %s of region %u", outside[i].where, region);
			EXPECT_EQ(-EINVAL, device_pwrite(self->device, bytes, outside[i].length,
							 offset))
				TH_LOG("write %s of region %u", outside[i].where, region);
		}
	}
	free(bytes);
}

/* Offsets that no region has: the last one, of migration, has index 9 */
TEST_F(device, offsets_without_region)
{
	static const uint64_t offsets[] = {
		UINT64_C(10) << 40, UINT64_C(0x3fffff) << 40, INT64_MAX - 7, INT64_MAX,
	};
	uint64_t value = 0;

	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++) {
		EXPECT_EQ(-EINVAL, device_pread(self->device, &value, 4, offsets[i]))
			TH_LOG("offset %#llx", (unsigned long long)offsets[i]);
		EXPECT_EQ(-EINVAL, device_pwrite(self->device, &value, 4, offsets[i]))
			TH_LOG("offset %#llx", (unsigned long long)offsets[i]);
	}
}

TEST_F(device, huge_count)
{
	struct vfio_region_info info;
	/* So many bytes from the stack on may be past the end of all addresses. */
	static uint64_t value;

	ASSERT_EQ(0, device_region(self->device, VFIO_PCI_BAR0_REGION_INDEX, &info));
	EXPECT_EQ(-EINVAL, device_pread(self->device, &value, 0x7ffff000, info.offset));
	EXPECT_EQ(-EINVAL, device_pwrite(self->device, &value, 0x7ffff000, info.offset));
}

TEST_F(device, bad_user_memory)
{
	void *nowhere = (void *)8;

	EXPECT_EQ(-EFAULT, device_read(self->device, VFIO_PCI_BAR0_REGION_INDEX, 0, nowhere, 8));
	EXPECT_EQ(-EFAULT, device_write(self->device, VFIO_PCI_BAR0_REGION_INDEX, NVME_ASQ,
					nowhere, 8));
	EXPECT_EQ(-EFAULT, device_read(self->device, VFIO_PCI_CONFIG_REGION_INDEX, 0, nowhere, 4));
	EXPECT_EQ(-EFAULT, device_write(self->device, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND,
					nowhere, 2));
}

/* Any start and any length give the bytes that an aligned read gives. */
TEST_F(device, unaligned_reads)
{
	static const struct {
		uint32_t region, window;
	} windows[] = {
		{ VFIO_PCI_BAR0_REGION_INDEX, 64 },
		{ VFIO_PCI_CONFIG_REGION_INDEX, 128 },
	};
	uint8_t whole[128], part[128];

	for (size_t w = 0; w < ARRAY_SIZE(windows); w++) {
		uint32_t window = windows[w].window;

		ASSERT_EQ(window, device_read(self->device, windows[w].region, 0, whole, window));
		for (uint32_t start = 0; start < window; start++) {
			uint32_t length = start % 11 + 1;

			length = length > window - start ? window - start : length;
			ASSERT_EQ(length, device_read(self->device, windows[w].region, start, part,
						      length));
			EXPECT_EQ(0, memcmp(whole + start, part, length))
				TH_LOG("%u bytes at %u of region %u", length, start,
				       windows[w].region);
		}
	}
}

/* Registers of the function take whole dwords; smaller pieces have no effect. */
TEST_F(device, unaligned_writes)
{
	const uint64_t address = UINT64_C(0x123456789000);
	const uint8_t bytes[7] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde };

	nvme_write64(&self->bench.nvme, NVME_ASQ, address);
	for (size_t length = 1; length < 4; length++) {
		ASSERT_EQ(length, device_write(self->device, VFIO_PCI_BAR0_REGION_INDEX, NVME_ASQ,
					       bytes, length));
		EXPECT_EQ(address, nvme_read64(&self->bench.nvme, NVME_ASQ));
	}
	/* Three bytes that are not a dword, and then a dword: only that one counts. */
	ASSERT_EQ(7, device_write(self->device, VFIO_PCI_BAR0_REGION_INDEX, NVME_ASQ + 1, bytes,
				  7));
	EXPECT_EQ(UINT64_C(0xdebc9a7856789000), nvme_read64(&self->bench.nvme, NVME_ASQ));
	/* Configuration space takes bytes and words. */
	ASSERT_EQ(2, device_write(self->device, VFIO_PCI_CONFIG_REGION_INDEX,
				  PCI_CACHE_LINE_SIZE, bytes, 2));
	EXPECT_EQ(0x12, device_config8(self->device, PCI_CACHE_LINE_SIZE));
	EXPECT_EQ(0, device_config8(self->device, PCI_LATENCY_TIMER));
}

TEST_F(device, empty_access)
{
	uint8_t byte;

	EXPECT_EQ(0, device_read(self->device, VFIO_PCI_BAR0_REGION_INDEX, 0, &byte, 0));
	EXPECT_EQ(0, device_write(self->device, VFIO_PCI_BAR0_REGION_INDEX, 0, &byte, 0));
}

TEST_F(device, every_byte)
{
	static const uint32_t indexes[] = {
		VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX,
	};

	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		struct vfio_region_info info;
		uint8_t *bytes;

		ASSERT_EQ(0, device_region(self->device, indexes[i], &info));
		bytes = calloc(1, info.size);
		EXPECT_EQ(info.size, device_read(self->device, indexes[i], 0, bytes, info.size));
		/* Writing all ones everywhere is rude, and survivable. */
		memset(bytes, 0xff, info.size);
		EXPECT_EQ(info.size, device_write(self->device, indexes[i], 0, bytes, info.size));
		free(bytes);
	}
}

TEST_F(device, unknown_ioctls)
{
	uint64_t argument[8] = { 64 };

	EXPECT_EQ(-ENOTTY, device_ioctl(self->device, _IO(VFIO_TYPE, VFIO_BASE + 99), argument));
	EXPECT_EQ(-ENOTTY, device_ioctl(self->device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
					argument));
	EXPECT_EQ(-ENOTTY, device_ioctl(self->device, VFIO_DEVICE_IOEVENTFD, argument));
}

TEST_F(device, no_mmap)
{
	struct vfio_region_info info;
	void *memory;

	ASSERT_EQ(0, device_region(self->device, VFIO_PCI_BAR0_REGION_INDEX, &info));
	EXPECT_EQ(0, info.flags & VFIO_REGION_INFO_FLAG_MMAP);
	memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->device->vfio.fd, (off_t)info.offset);
	EXPECT_EQ(MAP_FAILED, memory);
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(device, feature_rules)
{
	struct vfio_device_feature short_feature = {
		.argsz = sizeof(short_feature) - 1,
		.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION,
	};
	uint64_t payload[4] = { 0 };

	EXPECT_EQ(-EINVAL, device_ioctl(self->device, VFIO_DEVICE_FEATURE, &short_feature));
	short_feature.argsz = sizeof(short_feature);
	EXPECT_EQ(-EINVAL, device_ioctl(self->device, VFIO_DEVICE_FEATURE, &short_feature));
	EXPECT_EQ(-EFAULT, device_ioctl(self->device, VFIO_DEVICE_FEATURE, NULL));
	/* GET and SET exclude each other, and one of three is needed. */
	EXPECT_EQ(-EINVAL, migration_feature(self->device, VFIO_DEVICE_FEATURE_GET |
					     VFIO_DEVICE_FEATURE_SET |
					     VFIO_DEVICE_FEATURE_MIGRATION, payload, 8));
	EXPECT_EQ(-EINVAL, migration_feature(self->device, VFIO_DEVICE_FEATURE_MIGRATION, payload,
					     8));
	EXPECT_EQ(-EINVAL, migration_feature(self->device, VFIO_DEVICE_FEATURE_SET |
					     VFIO_DEVICE_FEATURE_MIGRATION, payload, 8));
	EXPECT_EQ(-EINVAL, migration_feature(self->device, 1u << 31 | VFIO_DEVICE_FEATURE_GET |
					     VFIO_DEVICE_FEATURE_MIGRATION, payload, 8));
}

/* A VMM takes any other errno than ENOTTY for a broken device. */
TEST_F(device, unknown_features)
{
	static const uint32_t unknown[] = { 3, 4, 5, 10, 11, 13, 100, 0xffff };
	uint64_t payload[4] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-ENOTTY, migration_feature(self->device, VFIO_DEVICE_FEATURE_GET |
						     unknown[i], payload, sizeof(payload)))
			TH_LOG("feature %u", unknown[i]);
		EXPECT_EQ(-ENOTTY, migration_feature(self->device, VFIO_DEVICE_FEATURE_PROBE |
						     VFIO_DEVICE_FEATURE_SET | unknown[i], payload,
						     sizeof(payload)))
			TH_LOG("feature %u", unknown[i]);
	}
}

TEST_F(device, probe_features)
{
	static const struct {
		uint32_t feature, get, set;
	} known[] = {
		{ VFIO_DEVICE_FEATURE_MIGRATION, 0, -EINVAL },
		{ VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, 0, 0 },
		{ VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, 0, -EINVAL },
		{ VFIO_COMPAT_FEATURE_PRECOPY_INFO_V2, -EINVAL, 0 },
	};
	uint64_t payload[4] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		uint32_t probe = VFIO_DEVICE_FEATURE_PROBE | known[i].feature;

		EXPECT_EQ((int)known[i].get, migration_feature(self->device, probe |
							       VFIO_DEVICE_FEATURE_GET, payload,
							       sizeof(payload)))
			TH_LOG("feature %u", known[i].feature);
		EXPECT_EQ((int)known[i].set, migration_feature(self->device, probe |
							       VFIO_DEVICE_FEATURE_SET, payload,
							       sizeof(payload)))
			TH_LOG("feature %u", known[i].feature);
	}
}

TEST_F(device, reset_from_every_state)
{
	for (uint32_t state = 1; state < MIGRATION_STATES; state++) {
		int data_fd = migration_go(self->device, state);

		ASSERT_EQ(0, device_reset(self->device)) TH_LOG("%s", migration_state_name(state));
		EXPECT_EQ(RUNNING, migration_get(self->device, NULL))
			TH_LOG("%s", migration_state_name(state));
		EXPECT_STREQ("works", nvme_works(self->device, &self->bench.arena))
			TH_LOG("%s", migration_state_name(state));
		if (data_fd >= 0)
			close(data_fd);
	}
}

TEST_F(device, reset_clears_registers)
{
	struct nvme *nvme = &self->bench.nvme;

	nvme_start(nvme, 1, 8);
	device_set_config8(self->device, PCI_INTERRUPT_LINE, 11);
	ASSERT_EQ(0, device_reset(self->device));
	EXPECT_EQ(0, nvme_read32(nvme, NVME_CC));
	EXPECT_EQ(0, nvme_read32(nvme, NVME_CSTS));
	EXPECT_EQ(0, device_config16(self->device, PCI_COMMAND));
}

TEST_F(device, namespace_size)
{
	static const struct {
		const char *size;
		int error;
	} sizes[] = {
		{ "33554432", 0 }, { "4096", 0 }, { "67108864", 0 },
		{ "0", -EINVAL }, { "512", -EINVAL }, { "33554433", -EINVAL },
		{ "much", -EINVAL }, { "-4096", -EINVAL }, { "4096 4096", -EINVAL },
		{ "67112960", -EFBIG }, { "18446744073709547520", -EFBIG },
		{ "18446744073709551616", -ERANGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(sizes[i].error, mdev_write(&self->device->mdev, "namespace_size",
						     sizes[i].size))
			TH_LOG("size %s", sizes[i].size);
		if (!sizes[i].error) {
			EXPECT_EQ(strtoull(sizes[i].size, NULL, 10),
				  mdev_read_u64(&self->device->mdev, "namespace_size"));
		}
	}
}

TEST_MAIN
