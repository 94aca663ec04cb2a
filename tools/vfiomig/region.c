// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "array_size.h"
#include "migration.h"
#include "region.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define V1(name)	VFIO_DEVICE_STATE_V1_##name
#define REGISTERS_SIZE	sizeof(struct vfio_device_migration_info)

/* What a device says about a region: more than this is not believed. */
#define MAX_INFO_SIZE	65536

/* What a dry run takes for granted. */
#define DRY_DATA	4096
#define DRY_ROOM	(1024UL * 1024)

#define NO_STATE	0xff
#define WIDEST		sizeof(uint64_t)	/* register */

/* Bits of device_state. There is no P2P. */
static const uint8_t v1_states[MIGRATION_NR_STATES] = {
	[STATE(ERROR)] = V1(SAVING) | V1(RESUMING),
	[STATE(STOP)] = V1(STOP),
	[STATE(RUNNING)] = V1(RUNNING),
	[STATE(STOP_COPY)] = V1(SAVING),
	[STATE(RESUMING)] = V1(RESUMING),
	[STATE(RUNNING_P2P)] = NO_STATE,
	[STATE(PRE_COPY)] = V1(RUNNING) | V1(SAVING),
	[STATE(PRE_COPY_P2P)] = NO_STATE,
};

/* Changes that QEMU asks for, and STOP after RESUMING for who wants no run. */
static const struct migration_edge edges[] = {
	{ STATE(RUNNING), STATE(STOP), 0, 0 },
	{ STATE(RUNNING), STATE(STOP_COPY), 0, 0 },
	{ STATE(RUNNING), STATE(PRE_COPY), 0, 0 },
	{ STATE(RUNNING), STATE(RESUMING), 0, 0 },
	{ STATE(PRE_COPY), STATE(STOP_COPY), 0, 0 },
	{ STATE(PRE_COPY), STATE(RUNNING), 0, 0 },
	{ STATE(STOP_COPY), STATE(STOP), 0, 0 },
	{ STATE(STOP), STATE(RUNNING), 0, 0 },
	{ STATE(STOP), STATE(STOP_COPY), 0, 0 },
	{ STATE(STOP), STATE(RESUMING), 0, 0 },
	{ STATE(RESUMING), STATE(RUNNING), 0, 0 },
	{ STATE(RESUMING), STATE(STOP), 0, 0 },
};

enum reg {
	DEVICE_STATE,
	PENDING_BYTES,
	DATA_OFFSET,
	DATA_SIZE,
};

#define REGISTER(name, assumed)							\
	{ #name, offsetof(struct vfio_device_migration_info, name),		\
	  sizeof(((struct vfio_device_migration_info *)0)->name), assumed }

/* @assumed is what a dry run reads there. */
static const struct {
	const char *name;
	uint8_t offset;
	uint8_t width;
	uint64_t assumed;
} registers[] = {
	[DEVICE_STATE] = REGISTER(device_state, V1(RUNNING)),
	[PENDING_BYTES] = REGISTER(pending_bytes, 1),
	[DATA_OFFSET] = REGISTER(data_offset, DRY_DATA),
	[DATA_SIZE] = REGISTER(data_size, 0),
};

/* ---- Finding it -------------------------------------------------------- */

/* An answer of the device, to be read only as far as it goes. */
struct answer {
	const uint8_t *bytes;
	size_t size;
};

static bool answer_read(const struct answer *answer, uint64_t offset, void *to, size_t size)
{
	if (offset > answer->size || size > answer->size - offset)
		return false;
	memcpy(to, answer->bytes + offset, size);
	return true;
}

/* An area that is not all inside the region is none. */
static void add_area(struct region *region, uint64_t offset, uint64_t size)
{
	if (region->nr_areas == REGION_MAX_AREAS || !size || offset > region->size ||
	    size > region->size - offset)
		return;
	region->areas[region->nr_areas++] = (struct region_area){ .offset = offset, .size = size };
}

static void take_areas(struct region *region, const struct answer *answer, uint32_t at)
{
	struct vfio_region_info_cap_sparse_mmap sparse;
	struct vfio_region_sparse_mmap_area area;
	uint64_t place = (uint64_t)at + sizeof(sparse);
	uint32_t i;

	if (!answer_read(answer, at, &sparse, sizeof(sparse)))
		return;
	for (i = 0; i < sparse.nr_areas && answer_read(answer, place, &area, sizeof(area)); i++) {
		add_area(region, area.offset, area.size);
		place += sizeof(area);
	}
}

static bool is_migration(const struct answer *answer, uint32_t at)
{
	struct vfio_region_info_cap_type type;

	return answer_read(answer, at, &type, sizeof(type)) &&
	       type.type == VFIO_REGION_TYPE_MIGRATION_DEPRECATED &&
	       type.subtype == VFIO_REGION_SUBTYPE_MIGRATION_DEPRECATED;
}

/* Capabilities come one behind the other; a chain that turns back ends there. */
static bool take_caps(struct region *region, const struct answer *answer, uint32_t at, bool mmap)
{
	struct vfio_info_cap_header cap;
	bool found = false, sparse = false;
	uint32_t before = 0;

	for (; at > before && answer_read(answer, at, &cap, sizeof(cap)); at = cap.next) {
		if (cap.id == VFIO_REGION_INFO_CAP_TYPE)
			found = is_migration(answer, at);
		else if (cap.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP && mmap)
			take_areas(region, answer, at);
		sparse |= cap.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP;
		before = at;
	}
	if (mmap && !sparse)
		add_area(region, 0, region->size);
	return found;
}

static int get_info(const struct vfio_device *device, struct vfio_region_info *info)
{
	return vfio_ioctl(device, device->fd, VFIO_DEVICE_GET_REGION_INFO, info,
			  "VFIO_DEVICE_GET_REGION_INFO %u", info->index);
}

/* Capabilities are told when there is room for them, and how much that takes before. */
static struct vfio_region_info *get_whole_info(const struct vfio_device *device, uint32_t index)
{
	struct vfio_region_info head = { .argsz = sizeof(head), .index = index }, *info;
	uint32_t size;

	if (get_info(device, &head) || head.argsz <= sizeof(head) || head.argsz > MAX_INFO_SIZE)
		return NULL;
	size = head.argsz;
	info = calloc(1, size);
	if (!info)
		abort();
	info->argsz = size;
	info->index = index;
	if (!get_info(device, info) && info->argsz <= size)
		return info;
	free(info);
	return NULL;
}

static bool examine(const struct vfio_device *device, uint32_t index, struct region *region)
{
	struct vfio_region_info *info = get_whole_info(device, index);
	bool found = false;

	if (!info)
		return false;
	*region = (struct region){
		.index = index,
		.offset = info->offset,
		.size = info->size,
		.width = SIZE_MAX,
	};
	if (info->flags & VFIO_REGION_INFO_FLAG_CAPS && info->size &&
	    info->size <= UINT64_MAX - info->offset)
		found = take_caps(region,
				  &(struct answer){ (const uint8_t *)info, info->argsz },
				  info->cap_offset, info->flags & VFIO_REGION_INFO_FLAG_MMAP);
	free(info);
	return found;
}

static bool assume(const struct vfio_device *device, struct region *region)
{
	struct vfio_region_info info = { .index = VFIO_PCI_NUM_REGIONS };

	get_info(device, &info);
	*region = (struct region){
		.index = info.index,
		.size = DRY_DATA + DRY_ROOM,
		.width = SIZE_MAX,
	};
	add_area(region, DRY_DATA, DRY_ROOM);
	return true;
}

bool region_find(const struct vfio_device *device, struct region *region)
{
	bool pci = device->info.flags & VFIO_DEVICE_FLAGS_PCI;
	uint32_t index = pci ? VFIO_PCI_NUM_REGIONS : 0;

	if (device->dry)
		return assume(device, region);
	for (; index < device->info.num_regions; index++)
		if (examine(device, index, region))
			return true;
	return false;
}

/* ---- Registers --------------------------------------------------------- */

/* Something that the device says cannot be. */
OUT_FORMAT(2, 3)
static int wrong(struct migration *migration, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(migration->wrong, sizeof(migration->wrong), fmt, args);
	va_end(args);
	errno = EPROTO;
	return -1;
}

/* A register moves as a whole or not at all. */
static int moved_register(ssize_t done, enum reg reg)
{
	if (done >= 0 && done != registers[reg].width)
		errno = EIO;
	return done == registers[reg].width ? 0 : -1;
}

static int reg_get(struct migration *migration, enum reg reg, uint64_t *value)
{
	uint32_t word = registers[reg].assumed;
	bool is_word = registers[reg].width == sizeof(word);
	ssize_t done;

	*value = registers[reg].assumed;
	done = vfio_pread(migration->device, is_word ? (void *)&word : value, registers[reg].width,
			  migration->region.offset + registers[reg].offset, "read %s",
			  registers[reg].name);
	if (is_word)
		*value = word;
	return moved_register(done, reg);
}

static int reg_put(struct migration *migration, enum reg reg, uint64_t value, const char *what)
{
	uint32_t word = value;
	bool is_word = registers[reg].width == sizeof(word);
	ssize_t done;

	done = vfio_pwrite(migration->device, is_word ? (void *)&word : &value,
			   registers[reg].width, migration->region.offset + registers[reg].offset,
			   "write %s %llu%s", registers[reg].name, (unsigned long long)value, what);
	return moved_register(done, reg);
}

bool region_has_state(uint32_t state)
{
	return state >= MIGRATION_NR_STATES || v1_states[state] != NO_STATE;
}

static int get(struct migration *migration, uint32_t *state)
{
	uint64_t value;
	uint32_t i;

	if (reg_get(migration, DEVICE_STATE, &value))
		return -1;
	value &= VFIO_DEVICE_STATE_MASK;
	for (i = 0; i < MIGRATION_NR_STATES; i++) {
		if (v1_states[i] != value)
			continue;
		*state = i;
		return 0;
	}
	return wrong(migration, "device_state is %llu, which is no state",
		     (unsigned long long)value);
}

/* Bits above the state are not ours. A number that is no state goes there as it is. */
static int set(struct migration *migration, uint32_t state, const char *via, int *data)
{
	uint32_t bits = state < MIGRATION_NR_STATES ? v1_states[state] : state;
	char what[64];
	uint64_t old;

	(void)via;
	*data = -1;
	if (bits == NO_STATE)
		return wrong(migration, "the region has no state %s", migration_state_name(state));
	if (reg_get(migration, DEVICE_STATE, &old))
		return -1;
	snprintf(what, sizeof(what), ": %s -> ", migration_state_name(migration->state));
	strncat(what, migration_state_name(state), sizeof(what) - strlen(what) - 1);
	return reg_put(migration, DEVICE_STATE, (old & ~(uint64_t)VFIO_DEVICE_STATE_MASK) | bits,
		       what);
}

static int get_pending(struct migration *migration, uint64_t *bytes)
{
	return reg_get(migration, PENDING_BYTES, bytes);
}

static int precopy_info(struct migration *migration, struct vfio_precopy_info *info)
{
	uint64_t pending;

	*info = (struct vfio_precopy_info){ .argsz = sizeof(*info) };
	if (get_pending(migration, &pending))
		return -1;
	info->dirty_bytes = pending;
	return 0;
}

/* Known only while there is a session. */
static bool data_size(struct migration *migration, uint64_t *bytes)
{
	return migration->state == STATE(STOP_COPY) && !get_pending(migration, bytes);
}

/* ---- Data -------------------------------------------------------------- */

static size_t at_most(size_t size, uint64_t limit)
{
	return size < limit ? size : limit;
}

/*
 * The mapped area that has the byte at @offset, or NULL; either way @run is how
 * far it is the same for the bytes behind it.
 */
static const struct region_area *area_at(const struct region *region, uint64_t offset,
					 uint64_t *run)
{
	const struct region_area *area;
	unsigned int i;

	*run = region->size - offset;
	for (i = 0; i < region->nr_areas; i++) {
		area = &region->areas[i];
		if (!area->mapping)
			continue;
		if (offset >= area->offset && offset - area->offset < area->size) {
			*run = area->size - (offset - area->offset);
			return area;
		}
		if (area->offset > offset && area->offset - offset < *run)
			*run = area->offset - offset;
	}
	return NULL;
}

/* Aligned, as soon as it matters */
static size_t access_width(const struct region *region, uint64_t offset, size_t size)
{
	size_t width = region->width;

	if (width > WIDEST)
		return size;
	while (width > size || offset % width)
		width /= 2;
	return width;
}

static ssize_t access_once(struct migration *migration, uint64_t offset, uint8_t *data, size_t size,
			   bool in)
{
	uint64_t place = migration->region.offset + offset;

	if (in)
		return vfio_pwrite(migration->device, data, size, place, "write data, %zu bytes",
				   size);
	return vfio_pread(migration->device, data, size, place, "read data, %zu bytes", size);
}

/* Drivers may know data by the width of registers only, or less: QEMU asks by 8 bytes. */
static ssize_t access_data(struct migration *migration, uint64_t offset, uint8_t *data, size_t size,
			   bool in)
{
	struct region *region = &migration->region;
	ssize_t done;

	for (;;) {
		done = access_once(migration, offset, data, access_width(region, offset, size), in);
		if (done >= 0 || errno != EINVAL || region->width == 1)
			break;
		region->width = region->width > WIDEST ? WIDEST : region->width / 2;
	}
	if (!done)
		errno = EIO;
	return done ? done : -1;
}

static int copy(struct migration *migration, uint64_t offset, uint8_t *data, size_t size, bool in)
{
	const struct region_area *area;
	ssize_t done;
	uint64_t run;

	for (; size; size -= done, data += done, offset += done) {
		area = area_at(&migration->region, offset, &run);
		done = at_most(size, run);
		if (area && in)
			memcpy(area->mapping + (offset - area->offset), data, done);
		else if (area)
			memcpy(data, area->mapping + (offset - area->offset), done);
		else
			done = access_data(migration, offset, data, done, in);
		if (done < 0)
			return -1;
	}
	return 0;
}

static int check_place(struct migration *migration, uint64_t offset, uint64_t size)
{
	const struct region *region = &migration->region;

	if (offset >= REGISTERS_SIZE && offset <= region->size && size <= region->size - offset)
		return 0;
	return wrong(migration, "data_offset %llu, data_size %llu: not in a region of %llu bytes",
		     (unsigned long long)offset, (unsigned long long)size,
		     (unsigned long long)region->size);
}

/* Asking what is pending says that the piece before was taken. */
static int next_piece(struct migration *migration)
{
	uint64_t pending, offset, size;

	if (get_pending(migration, &pending))
		return -1;
	if (!pending)
		return 0;
	if (reg_get(migration, DATA_OFFSET, &offset) || reg_get(migration, DATA_SIZE, &size))
		return -1;
	if (size && check_place(migration, offset, size))
		return -1;
	if (!size && migration->state == STATE(STOP_COPY) && !migration->device->dry)
		out_note("%s has %llu bytes pending but no data: taken for the end, as QEMU does",
			 migration->device->argument, (unsigned long long)pending);
	migration->region.at = offset;
	migration->held = size;
	return 0;
}

static ssize_t read_data(struct migration *migration, void *data, size_t size)
{
	if (!migration->held && next_piece(migration))
		return -1;
	if (!migration->held && migration->state == STATE(PRE_COPY)) {
		errno = ENOMSG;
		return -1;
	}
	size = at_most(size, migration->held);
	if (copy(migration, migration->region.at, data, size, false))
		return -1;
	migration->region.at += size;
	migration->held -= size;
	return size;
}

/* Where a piece ends means nothing: one that has no room goes in parts. */
static ssize_t write_data(struct migration *migration, const void *data, size_t size)
{
	uint64_t offset;

	if (reg_get(migration, DATA_OFFSET, &offset) || check_place(migration, offset, 1))
		return -1;
	size = at_most(size, migration->region.size - offset);
	if (copy(migration, offset, (uint8_t *)data, size, true) ||
	    reg_put(migration, DATA_SIZE, size, ""))
		return -1;
	return size;
}

/* There is nothing to wait by. */
static bool wait_for_data(struct migration *migration, int ms)
{
	(void)migration;
	(void)ms;
	return false;
}

/* ---- Life -------------------------------------------------------------- */

/* Without a mapping it works as well, slower. */
static void map_areas(struct migration *migration)
{
	struct region *region = &migration->region;
	struct region_area *area;
	unsigned int i;

	for (i = 0; i < region->nr_areas; i++) {
		area = &region->areas[i];
		area->mapping = vfio_mmap(migration->device, area->size,
					  region->offset + area->offset,
					  "mmap %llu bytes at %llu of the migration region",
					  (unsigned long long)area->size,
					  (unsigned long long)area->offset);
	}
}

static int begin(struct migration *migration)
{
	const struct vfio_device *device = migration->device;

	if (!region_find(device, &migration->region))
		return fail(&(struct fault){
				.status = STATUS_UNSUPPORTED,
				.where = device->argument,
				.hint = "vfiomig show says what it has; leave out --region",
			    }, "its driver %s gives it no migration region (v1)",
			    device->id.driver);
	map_areas(migration);
	migration->flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_PRE_COPY;
	return STATUS_DONE;
}

static void end(struct migration *migration)
{
	struct region *region = &migration->region;
	unsigned int i;

	for (i = 0; i < region->nr_areas; i++)
		if (region->areas[i].mapping)
			munmap(region->areas[i].mapping, region->areas[i].size);
	region->nr_areas = 0;
}

const struct migration_ops region_ops = {
	.edges = edges,
	.nr_edges = ARRAY_SIZE(edges),
	.begin = begin,
	.get = get,
	.set = set,
	.precopy_info = precopy_info,
	.data_size = data_size,
	.read = read_data,
	.write = write_data,
	.wait = wait_for_data,
	.end = end,
};
