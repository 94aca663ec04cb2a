// SPDX-License-Identifier: GPL-2.0
/*
 * vfiomig's side of the migration region, against devices that are made up: what
 * a driver of another make may do, and what none should.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <feature.h>
#include <migration.h>
#include <region.h>
#include "ktap.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define REGISTER(name)		offsetof(struct vfio_device_migration_info, name)

#define INDEX	(VFIO_PCI_NUM_REGIONS + 1)
#define PLACE	(UINT64_C(10) << 40)
#define SIZE	(3 * 4096)
#define DATA	4096
#define STREAM	20000

/**
 * struct fake - a device with a migration region
 * @info: answer to VFIO_DEVICE_GET_REGION_INFO
 * @answer: the same with room for capabilities
 * @info_size: bytes of it
 * @registers: of the region
 * @maps: it can be mapped
 * @widest: access to data that it takes, in bytes; 0: any
 * @shortest: bytes of an access that are moved, 0: all
 * @piece: bytes of the stream that it offers at once; 0: its registers stay what they are
 * @done: bytes of the stream that were taken or given
 * @accesses: to data, by read() and write()
 * @fails: errno of each of them
 * @ends: each of them moves nothing
 * @refuses: errno for what is written to data_size
 */
static struct fake {
	union {
		struct vfio_region_info info;
		uint8_t answer[512];
	};
	uint32_t info_size;
	struct vfio_device_migration_info registers;
	bool maps;
	size_t widest;
	size_t shortest;
	uint64_t piece;
	uint64_t done;
	unsigned int accesses;
	int fails;
	bool ends;
	int refuses;
} fake;

static uint8_t section[SIZE] __attribute__((aligned(4096)));
static uint8_t stream[STREAM], seen[STREAM];
static char said[512];
static struct migration migration;
static struct vfio_device device;

/* ---- What region.c and migration.c are made from ----------------------- */

const struct migration_ops feature_ops;

uint64_t units_now(void)
{
	return 0;
}

const char *units_time(uint64_t ns)
{
	return ns ? "" : "0";
}

void out_array(const char *key) { }
void out_object(const char *key) { }
void out_close(void) { }
void out_trace(unsigned int level, const char *fmt, ...) { }

void out_string(const char *key, const char *value, const char *fmt, ...)
{
}

void out_uint(const char *key, uint64_t value, const char *fmt, ...)
{
}

static void say(const char *fmt, va_list args)
{
	vsnprintf(said, sizeof(said), fmt, args);
}

void out_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
}

int fail(const struct fault *fault, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(fmt, args);
	va_end(args);
	return fault->status;
}

int vfio_fail(const struct vfio_device *vfio, enum status status, const char *fmt, ...)
{
	return status;
}

int vfio_fail_refused(const struct vfio_device *vfio, enum status status, const char *fmt, ...)
{
	return status;
}

int vfio_fail_because(const struct vfio_device *vfio, enum status status, const char *reason,
		      const char *fmt, ...)
{
	snprintf(said, sizeof(said), "%s", reason ? reason : "");
	return status;
}

int vfio_ioctl(const struct vfio_device *vfio, int fd, unsigned long request, void *arg,
	       const char *fmt, ...)
{
	struct vfio_region_info *info = arg;
	uint32_t room = info ? info->argsz : 0;

	if (request != VFIO_DEVICE_GET_REGION_INFO)
		return 0;
	if (info->index != INDEX) {
		*info = (struct vfio_region_info){ .argsz = sizeof(*info), .index = info->index };
		return 0;
	}
	memcpy(info, &fake, room < fake.info_size ? room : fake.info_size);
	info->argsz = fake.info_size;
	info->index = INDEX;
	return 0;
}

void *vfio_mmap(const struct vfio_device *vfio, size_t size, uint64_t offset, const char *fmt, ...)
{
	uint64_t at = offset - PLACE;

	if (!EXPECT(at < SIZE && size <= SIZE - at) || !fake.maps)
		return NULL;
	return section + at;
}

/* munmap() of what vfio_mmap() gave has nothing to undo. */
int munmap(void *address, size_t size)
{
	EXPECT((uint8_t *)address >= section && (uint8_t *)address + size <= section + SIZE);
	return 0;
}

static ssize_t get_register(void *data, size_t size, uint64_t at)
{
	struct vfio_device_migration_info *registers = &fake.registers;

	if (fake.piece && at == REGISTER(pending_bytes)) {
		fake.done += registers->data_size;
		registers->data_size = 0;
		registers->pending_bytes = STREAM - fake.done;
	}
	if (fake.piece && at == REGISTER(data_offset)) {
		registers->data_size = registers->pending_bytes < fake.piece ?
				       registers->pending_bytes : fake.piece;
		memcpy(section + registers->data_offset, stream + fake.done, registers->data_size);
	}
	memcpy(data, (uint8_t *)registers + at, size);
	return size;
}

static ssize_t put_register(const void *data, size_t size, uint64_t at)
{
	if (at == REGISTER(data_size) && fake.refuses) {
		errno = fake.refuses;
		return -1;
	}
	memcpy((uint8_t *)&fake.registers + at, data, size);
	if (at == REGISTER(data_size) && EXPECT(fake.done + fake.registers.data_size <= STREAM)) {
		memcpy(seen + fake.done, section + fake.registers.data_offset,
		       fake.registers.data_size);
		fake.done += fake.registers.data_size;
	}
	return size;
}

/* An access to data, cut short or refused as the device does. */
static ssize_t data_access(uint64_t at, size_t size)
{
	fake.accesses++;
	EXPECT_MSG(at >= DATA && at < SIZE && size <= SIZE - at, "%zu bytes at %llu", size,
		   (unsigned long long)at);
	errno = fake.fails ? fake.fails : EINVAL;
	if (fake.fails || (fake.widest && (size > fake.widest || at % size)))
		return -1;
	if (fake.ends)
		return 0;
	return fake.shortest && size > fake.shortest ? fake.shortest : size;
}

ssize_t vfio_pread(const struct vfio_device *vfio, void *data, size_t size, uint64_t offset,
		   const char *fmt, ...)
{
	uint64_t at = offset - PLACE;
	ssize_t done;

	if (at < sizeof(fake.registers))
		return get_register(data, size, at);
	done = data_access(at, size);
	if (done > 0)
		memcpy(data, section + at, done);
	return done;
}

ssize_t vfio_pwrite(const struct vfio_device *vfio, const void *data, size_t size, uint64_t offset,
		    const char *fmt, ...)
{
	uint64_t at = offset - PLACE;
	ssize_t done;

	if (at < sizeof(fake.registers))
		return put_register(data, size, at);
	done = data_access(at, size);
	if (done > 0)
		memcpy(section + at, data, done);
	return done;
}

/* ---- Making up a device ------------------------------------------------ */

static void *add_cap(uint16_t id, size_t size)
{
	uint32_t at = fake.info_size, last = fake.info.cap_offset;
	struct vfio_info_cap_header *cap;

	if (!last)
		fake.info.cap_offset = at;
	while (last) {
		cap = (void *)(fake.answer + last);
		last = cap->next;
		if (!last)
			cap->next = at;
	}
	cap = (void *)(fake.answer + at);
	*cap = (struct vfio_info_cap_header){ .id = id, .version = 1 };
	fake.info_size += size;
	return cap;
}

static void add_type(uint32_t type, uint32_t subtype)
{
	struct vfio_region_info_cap_type *cap = add_cap(VFIO_REGION_INFO_CAP_TYPE, sizeof(*cap));

	cap->type = type;
	cap->subtype = subtype;
}

static struct vfio_region_info_cap_sparse_mmap *add_areas(unsigned int nr, ...)
{
	struct vfio_region_info_cap_sparse_mmap *cap;
	va_list args;

	cap = add_cap(VFIO_REGION_INFO_CAP_SPARSE_MMAP, sizeof(*cap) + nr * sizeof(cap->areas[0]));
	cap->nr_areas = nr;
	va_start(args, nr);
	for (unsigned int i = 0; i < nr; i++) {
		cap->areas[i].offset = va_arg(args, uint64_t);
		cap->areas[i].size = va_arg(args, uint64_t);
	}
	va_end(args);
	return cap;
}

static void make_device(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.info_size = sizeof(fake.info);
	fake.info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
			  VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
	fake.info.size = SIZE;
	fake.info.offset = PLACE;
	fake.maps = true;
	fake.registers.device_state = VFIO_DEVICE_STATE_V1_RUNNING;
	fake.registers.data_offset = DATA;
	add_type(VFIO_REGION_TYPE_MIGRATION_DEPRECATED, VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED);
	device = (struct vfio_device){
		.argument = "it",
		.info = { .flags = VFIO_DEVICE_FLAGS_PCI, .num_regions = INDEX + 1 },
	};
	for (size_t i = 0; i < STREAM; i++)
		stream[i] = i * 7 + i / 256;
	memset(seen, 0, sizeof(seen));
	*said = '\0';
}

static bool begin(void)
{
	return EXPECT_EQ(migration_begin(&migration, &device, &region_ops), STATUS_DONE);
}

/* ---- Finding it -------------------------------------------------------- */

static int tries(void)
{
	int status = migration_begin(&migration, &device, &region_ops);

	if (!status)
		migration_end(&migration);
	return status;
}

static void none(void)
{
	make_device();
	device.info.num_regions = INDEX;
	EXPECT_EQ(tries(), STATUS_UNSUPPORTED);
	EXPECT(strstr(said, "no migration region"));
	make_device();
	fake.info.size = 0;
	EXPECT_EQ(tries(), STATUS_UNSUPPORTED);
	make_device();
	fake.info.flags &= ~VFIO_REGION_INFO_FLAG_CAPS;
	EXPECT_EQ(tries(), STATUS_UNSUPPORTED);
	make_device();
	fake.info_size = sizeof(fake.info);
	EXPECT_EQ(tries(), STATUS_UNSUPPORTED);
	make_device();
	fake.info.offset = UINT64_MAX - SIZE + 1;
	EXPECT_EQ(tries(), STATUS_UNSUPPORTED);
}

static void other_type(void)
{
	make_device();
	fake.info_size = sizeof(fake.info);
	fake.info.cap_offset = 0;
	add_type(VFIO_REGION_TYPE_MIGRATION_DEPRECATED, 2);
	EXPECT_EQ(tries(), STATUS_UNSUPPORTED);
}

/* Chains that point back, to themselves, and behind the answer */
static void cap_chains(void)
{
	struct vfio_info_cap_header *cap;
	static const uint32_t nexts[] = { 8, sizeof(fake.info), sizeof(fake.info) + 4, 500, ~0u };

	for (size_t i = 0; i < ARRAY_SIZE(nexts); i++) {
		make_device();
		cap = (void *)(fake.answer + fake.info.cap_offset);
		cap->next = nexts[i];
		EXPECT_EQ(tries(), STATUS_DONE);
		make_device();
		fake.info.cap_offset = nexts[i];
		if (nexts[i] == sizeof(fake.info))
			fake.info.cap_offset = fake.info_size - 4;
		EXPECT_EQ(tries(), STATUS_UNSUPPORTED);
	}
}

static void areas(void)
{
	make_device();
	begin();
	EXPECT_EQ(migration.region.nr_areas, 1);
	EXPECT_EQ(migration.region.areas[0].size, SIZE);

	make_device();
	add_areas(4, (uint64_t)4096, (uint64_t)SIZE, UINT64_MAX, (uint64_t)4096, (uint64_t)4096,
		  (uint64_t)0, (uint64_t)8192, (uint64_t)4096);
	begin();
	EXPECT_EQ(migration.region.nr_areas, 1);
	EXPECT_EQ(migration.region.areas[0].offset, 8192);

	make_device();
	add_areas(1, (uint64_t)4096, (uint64_t)8192)->nr_areas = UINT32_MAX;
	begin();
	EXPECT_EQ(migration.region.nr_areas, 1);

	make_device();
	add_areas(1, (uint64_t)4096, (uint64_t)8192);
	fake.info.flags &= ~VFIO_REGION_INFO_FLAG_MMAP;
	begin();
	EXPECT_EQ(migration.region.nr_areas, 0);
}

/* ---- States ------------------------------------------------------------ */

static void states(void)
{
	static const uint8_t bits[MIGRATION_NR_STATES] = { 6, 0, 1, 2, 4, 9, 3, 9 };
	uint32_t state;

	make_device();
	begin();
	for (uint32_t i = 0; i < MIGRATION_NR_STATES; i++) {
		fake.registers.device_state = 0xabcdef00 | 1;
		EXPECT_EQ(migration_set(&migration, i), bits[i] == 9 ? -1 : 0);
		EXPECT_EQ(region_has_state(i), bits[i] != 9);
		if (bits[i] == 9)
			continue;
		EXPECT_EQ(fake.registers.device_state, 0xabcdef00 | bits[i]);
		EXPECT_EQ(migration_get(&migration, &state), 0);
		EXPECT_EQ(state, i);
	}
	for (uint32_t value = 5; value <= 7; value += 2) {
		fake.registers.device_state = value;
		EXPECT_EQ(migration_get(&migration, &state), -1);
		EXPECT_EQ(errno, EPROTO);
		EXPECT(strstr(migration_wrong(&migration), "no state"));
	}
	EXPECT_EQ(tries(), STATUS_FAILED);
	EXPECT(strstr(said, "no state"));
}

/* The ways of QEMU: never by RUNNING to where nothing shall run. */
static void ways(void)
{
	static const struct {
		uint32_t from;
		uint32_t to;
		unsigned int length;
	} ways[] = {
		{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_RESUMING, 1 },
		{ VFIO_DEVICE_STATE_RESUMING, VFIO_DEVICE_STATE_RUNNING, 1 },
		{ VFIO_DEVICE_STATE_RESUMING, VFIO_DEVICE_STATE_STOP, 1 },
		{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_STOP_COPY, 1 },
		{ VFIO_DEVICE_STATE_PRE_COPY, VFIO_DEVICE_STATE_STOP_COPY, 1 },
		{ VFIO_DEVICE_STATE_STOP_COPY, VFIO_DEVICE_STATE_RUNNING, 2 },
		{ VFIO_DEVICE_STATE_STOP_COPY, VFIO_DEVICE_STATE_PRE_COPY, 0 },
		{ VFIO_DEVICE_STATE_ERROR, VFIO_DEVICE_STATE_RUNNING, 0 },
		{ VFIO_DEVICE_STATE_RUNNING, VFIO_DEVICE_STATE_RUNNING_P2P, 0 },
	};
	uint32_t path[MIGRATION_NR_STATES];

	make_device();
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		migration.state = ways[i].from;
		EXPECT_MSG(migration_path(&migration, ways[i].to, path) == ways[i].length,
			   "way %zu is of another length", i);
	}
}

/* ---- Data -------------------------------------------------------------- */

static void save(size_t size)
{
	size_t done = 0;
	ssize_t got;

	migration.state = VFIO_DEVICE_STATE_STOP_COPY;
	while ((got = region_ops.read(&migration, seen + done, size)) > 0) {
		done += got;
		if (!EXPECT(done <= STREAM))
			return;
	}
	EXPECT_EQ(got, 0);
	EXPECT_EQ(done, STREAM);
	EXPECT(!memcmp(seen, stream, STREAM));
}

static void load(size_t size)
{
	size_t done, part;
	ssize_t put;

	migration.state = VFIO_DEVICE_STATE_RESUMING;
	for (done = 0; done < STREAM; done += put) {
		part = STREAM - done < size ? STREAM - done : size;
		put = region_ops.write(&migration, stream + done, part);
		if (!EXPECT(put > 0 && put <= part))
			return;
	}
	EXPECT(!memcmp(seen, stream, STREAM));
}

/* Mapped in whole, in part and not at all, with pieces and buffers that do not fit each other */
static void transfers(void)
{
	static const struct {
		bool maps;
		unsigned int areas;
		size_t widest;
		size_t shortest;
		uint64_t data_offset;
		bool accesses;
	} devices[] = {
		{ true, 1, 0, 0, DATA, false },
		{ false, 1, 0, 0, DATA, true },
		{ true, 0, 0, 0, DATA, true },
		{ true, 2, 0, 0, DATA, true },
		{ true, 0, 8, 0, DATA, true },
		{ true, 0, 4, 0, DATA + 4, true },
		{ true, 0, 0, 100, DATA + 3, true },
		{ true, 2, 8, 0, DATA + 3000, true },
	};
	static const size_t sizes[] = { 1, 999, 4096, STREAM };

	for (size_t i = 0; i < ARRAY_SIZE(devices) * ARRAY_SIZE(sizes) * 2; i++) {
		size_t size = sizes[i / 2 % ARRAY_SIZE(sizes)];
		size_t nr = i / 2 / ARRAY_SIZE(sizes);

		make_device();
		if (devices[nr].areas == 1)
			add_areas(1, (uint64_t)DATA, (uint64_t)SIZE - DATA);
		else
			add_areas(devices[nr].areas, (uint64_t)8192, (uint64_t)2048,
				  (uint64_t)8192 + 3072, (uint64_t)512);
		fake.maps = devices[nr].maps;
		fake.widest = devices[nr].widest;
		fake.shortest = devices[nr].shortest;
		fake.registers.data_offset = devices[nr].data_offset;
		if (!begin())
			continue;
		if (i % 2) {
			load(size);
		} else {
			fake.piece = SIZE - devices[nr].data_offset;
			save(size);
		}
		EXPECT_EQ(fake.accesses > 0, devices[nr].accesses);
		migration_end(&migration);
	}
}

/* Data that cannot be read at any width, or not at all */
static void no_access(void)
{
	for (int i = 0; i < 2; i++) {
		make_device();
		fake.maps = false;
		fake.fails = i ? 0 : EINVAL;
		fake.ends = i;
		fake.piece = 64;
		begin();
		migration.state = VFIO_DEVICE_STATE_STOP_COPY;
		EXPECT_EQ(region_ops.read(&migration, seen, STREAM), -1);
		EXPECT_EQ(errno, i ? EIO : EINVAL);
	}
}

static void places(void)
{
	static const struct {
		uint64_t offset;
		uint64_t size;
		bool save;
		bool load;
	} places[] = {
		{ DATA, SIZE - DATA, true, true },
		{ 32, 8, true, true },
		{ SIZE - 1, 1, true, true },
		{ 31, 8, false, false },
		{ 0, 8, false, false },
		{ SIZE, 1, false, false },
		{ UINT64_MAX, 1, false, false },
		{ DATA, SIZE - DATA + 1, false, true },
		{ DATA, UINT64_MAX - 4000, false, true },
		{ UINT64_MAX - 8, 4096, false, false },
	};
	uint8_t byte = 0x5a, buffer[SIZE];
	ssize_t got;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		make_device();
		fake.registers.data_offset = places[i].offset;
		begin();
		migration.state = VFIO_DEVICE_STATE_RESUMING;
		EXPECT_MSG((region_ops.write(&migration, &byte, 1) == 1) == places[i].load,
			   "loading by place %zu", i);
		EXPECT_EQ(!migration_wrong(&migration), places[i].load);
		make_device();
		fake.registers.data_offset = places[i].offset;
		fake.registers.data_size = places[i].size;
		fake.registers.pending_bytes = 1;
		begin();
		migration.state = VFIO_DEVICE_STATE_STOP_COPY;
		got = region_ops.read(&migration, buffer, sizeof(buffer));
		EXPECT_MSG(got == (places[i].save ? (ssize_t)places[i].size : -1),
			   "saving by place %zu", i);
		EXPECT_EQ(!migration_wrong(&migration), places[i].save);
	}
}

/* Nothing for now while it runs, nothing ever when it is stopped */
static void nothing(void)
{
	uint8_t byte;

	make_device();
	begin();
	for (int i = 0; i < 2; i++) {
		fake.registers.pending_bytes = i;
		migration.state = VFIO_DEVICE_STATE_PRE_COPY;
		EXPECT_EQ(region_ops.read(&migration, &byte, 1), -1);
		EXPECT_EQ(errno, ENOMSG);
		EXPECT(!*said);
		migration.state = VFIO_DEVICE_STATE_STOP_COPY;
		EXPECT_EQ(region_ops.read(&migration, &byte, 1), 0);
		EXPECT_EQ(!!*said, i);
	}
}

static void refusal(void)
{
	make_device();
	begin();
	migration.state = VFIO_DEVICE_STATE_RESUMING;
	fake.refuses = EXDEV;
	EXPECT_EQ(region_ops.write(&migration, stream, 100), -1);
	EXPECT_EQ(errno, EXDEV);
	EXPECT(!migration_wrong(&migration));
}

static const struct ktap_test tests[] = {
	KTAP_TEST(none),
	KTAP_TEST(other_type),
	KTAP_TEST(cap_chains),
	KTAP_TEST(areas),
	KTAP_TEST(states),
	KTAP_TEST(ways),
	KTAP_TEST(transfers),
	KTAP_TEST(no_access),
	KTAP_TEST(places),
	KTAP_TEST(nothing),
	KTAP_TEST(refusal),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
