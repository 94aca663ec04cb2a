// SPDX-License-Identifier: GPL-2.0
/* Checks of VFIO_DEVICE_FEATURE: what a request must say, and what is refused. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "array_size.h"
#include "conform.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define GET		VFIO_DEVICE_FEATURE_GET
#define SET		VFIO_DEVICE_FEATURE_SET
#define PROBE		VFIO_DEVICE_FEATURE_PROBE
#define FEATURE(name)	VFIO_DEVICE_FEATURE_##name
#define INFO_V2		VFIO_COMPAT_FEATURE_PRECOPY_INFO_V2
#define HEADER_SIZE	sizeof(struct vfio_device_feature)
#define FILL		0xa5

/**
 * struct known - a feature of migration, and what can be done with it
 * @name: without the prefix
 * @number: of it
 * @ways: GET, SET or both
 * @size: of what goes with it
 * @needs: NEEDS_*, unless every device that migrates has it
 */
static const struct known {
	const char *name;
	uint32_t number;
	uint32_t ways;
	size_t size;
	uint32_t needs;
} known[] = {
	{ "MIGRATION", FEATURE(MIGRATION), GET, sizeof(struct vfio_device_feature_migration), 0 },
	{ "MIG_DEVICE_STATE", FEATURE(MIG_DEVICE_STATE), GET | SET,
	  sizeof(struct vfio_device_feature_mig_state), 0 },
	{ "MIG_DATA_SIZE", FEATURE(MIG_DATA_SIZE), GET,
	  sizeof(struct vfio_device_feature_mig_data_size), NEEDS_DATA_SIZE },
	{ "DMA_LOGGING_START", FEATURE(DMA_LOGGING_START), SET,
	  sizeof(struct vfio_device_feature_dma_logging_control), NEEDS_LOGGING },
	{ "DMA_LOGGING_STOP", FEATURE(DMA_LOGGING_STOP), SET, 0, NEEDS_LOGGING },
	{ "DMA_LOGGING_REPORT", FEATURE(DMA_LOGGING_REPORT), GET,
	  sizeof(struct vfio_device_feature_dma_logging_report), NEEDS_LOGGING },
	{ "MIG_PRECOPY_INFOv2", INFO_V2, SET, 0, NEEDS_INFO_V2 },
};

/* ---- Requests ---------------------------------------------------------- */

/** union request - with room for what goes with any feature, and something behind it */
union request {
	struct vfio_device_feature header;
	uint8_t bytes[128];
};

static const char *ways_name(uint32_t flags)
{
	static const char *const names[] = {
		"nothing", "GET", "SET", "GET and SET", "PROBE", "PROBE GET", "PROBE SET",
		"PROBE GET and SET",
	};

	return names[flags >> 16 & 7];
}

/* @argsz as given, whatever the request holds. */
static int ask(struct conform *conform, uint32_t argsz, uint32_t flags, union request *request)
{
	conform_doing(conform, "VFIO_DEVICE_FEATURE %s of feature %u, flags %#x, argsz %u",
		      ways_name(flags), flags & VFIO_DEVICE_FEATURE_MASK, flags, argsz);
	request->header.argsz = argsz;
	request->header.flags = flags;
	return ioctl(conform->device.fd, VFIO_DEVICE_FEATURE, request) ? -errno : 0;
}

static union request filled(void)
{
	union request request;

	memset(&request, FILL, sizeof(request));
	return request;
}

static bool offered(const struct conform *conform, const struct known *feature)
{
	return !(feature->needs & ~conform->subject->has);
}

static void each_offered(struct conform *conform,
			 void (*visit)(struct conform *conform, const struct known *feature))
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (offered(conform, &known[i]))
			visit(conform, &known[i]);
}

/* ---- Probe ------------------------------------------------------------- */

static void probe_one(struct conform *conform, const struct known *feature)
{
	static const uint32_t ways[] = { 0, GET, SET, GET | SET };
	union request request = filled();
	unsigned int i;
	bool good;
	int ret;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		good = !(ways[i] & ~feature->ways);
		ret = ask(conform, HEADER_SIZE, PROBE | ways[i] | feature->number, &request);
		conform_expect_result(conform, ret, good ? 0 : ANY_ERROR);
		conform_expect(conform, request.bytes[HEADER_SIZE] == FILL,
			       "no byte behind the header to be written", "%#x there",
			       request.bytes[HEADER_SIZE]);
	}
}

static void probe(struct conform *conform)
{
	each_offered(conform, probe_one);
	conform_expect_state(conform, STATE(RUNNING));
}

static void unknown(struct conform *conform)
{
	static const uint32_t numbers[] = { 1000, 0x7fff, 0x8000, 0xffff };
	static const uint32_t ways[] = { GET, SET, PROBE, PROBE | GET, PROBE | SET };
	union request request = filled();
	unsigned int i, j;
	int ret;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		for (j = 0; j < ARRAY_SIZE(ways); j++) {
			ret = ask(conform, sizeof(request), ways[j] | numbers[i], &request);
			conform_expect_result(conform, ret, -ENOTTY);
		}
}

/* ---- Flags and sizes --------------------------------------------------- */

static void flags_one(struct conform *conform, const struct known *feature)
{
	union request request = filled();
	uint32_t argsz = HEADER_SIZE + feature->size, bit;

	conform_expect_result(conform, ask(conform, argsz, feature->number, &request), ANY_ERROR);
	conform_expect_result(conform, ask(conform, argsz, GET | SET | feature->number, &request),
			      ANY_ERROR);
	for (bit = 1U << 19; bit; bit <<= 1)
		conform_expect_result(conform,
				      ask(conform, argsz, bit | PROBE | feature->number, &request),
				      ANY_ERROR);
}

static void flags(struct conform *conform)
{
	each_offered(conform, flags_one);
	conform_expect_state(conform, STATE(RUNNING));
}

static void wrong_way_one(struct conform *conform, const struct known *feature)
{
	union request request = filled();
	uint32_t way = (GET | SET) & ~feature->ways;

	if (way)
		conform_expect_result(conform,
				      ask(conform, HEADER_SIZE + feature->size,
					  way | feature->number, &request), ANY_ERROR);
}

static void wrong_way(struct conform *conform)
{
	each_offered(conform, wrong_way_one);
}

static void short_one(struct conform *conform, const struct known *feature)
{
	union request request = filled();
	uint32_t argsz, way;

	for (way = GET; way <= SET; way <<= 1) {
		if (!(way & feature->ways))
			continue;
		for (argsz = 0; argsz < HEADER_SIZE + feature->size; argsz++)
			conform_expect_result(conform,
					      ask(conform, argsz, way | feature->number, &request),
					      -EINVAL);
	}
}

static void short_argsz(struct conform *conform)
{
	each_offered(conform, short_one);
	conform_expect_state(conform, STATE(RUNNING));
}

/* Whoever was built with newer headers has a larger structure: no more than is known is written. */
static void long_one(struct conform *conform, const struct known *feature)
{
	union request request = filled();
	size_t end = HEADER_SIZE + feature->size;

	if (feature->ways != GET || feature->needs == NEEDS_LOGGING)
		return;
	conform_expect_result(conform,
			      ask(conform, sizeof(request), GET | feature->number, &request), 0);
	conform_expect(conform, request.bytes[end] == FILL, "nothing behind it to be written",
		       "%#x there", request.bytes[end]);
}

static void long_argsz(struct conform *conform)
{
	each_offered(conform, long_one);
}

/* The request lies at the end of memory, as much of it as there may be. */
static void no_memory_one(struct conform *conform, const struct known *feature)
{
	uint8_t *map = mmap(NULL, 2 * CONFORM_PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_device_feature *request;
	uint32_t way;

	if (map == MAP_FAILED || munmap(map + CONFORM_PAGE, CONFORM_PAGE))
		conform_need(conform, false, "a page of memory", "none");
	request = (void *)(map + CONFORM_PAGE - HEADER_SIZE);
	for (way = GET; way <= SET && feature->size; way <<= 1) {
		if (!(way & feature->ways))
			continue;
		request->argsz = HEADER_SIZE + feature->size;
		request->flags = way | feature->number;
		conform_doing(conform, "VFIO_DEVICE_FEATURE %s %s, data[] is not there",
			      ways_name(way), feature->name);
		conform_expect_result(conform,
				      ioctl(conform->device.fd, VFIO_DEVICE_FEATURE, request) ?
				      -errno : 0, -EFAULT);
	}
	munmap(map, CONFORM_PAGE);
}

static void no_memory(struct conform *conform)
{
	each_offered(conform, no_memory_one);
	conform_doing(conform, "VFIO_DEVICE_FEATURE with a request that is not there");
	conform_expect_result(conform, ioctl(conform->device.fd, VFIO_DEVICE_FEATURE, NULL) ?
			      -errno : 0, -EFAULT);
}

/* ---- What they say ----------------------------------------------------- */

static void look_at_claims(struct conform *conform, uint32_t state)
{
	struct vfio_device_feature_migration feature = { 0 };

	conform_need_result(conform,
			    conform_feature(conform, GET | FEATURE(MIGRATION), &feature,
					    sizeof(feature), "GET MIGRATION"), 0);
	conform_expect(conform, feature.flags == conform->subject->flags,
		       "the same flags in every state", "%#llx in %s, %#llx in RUNNING",
		       (unsigned long long)feature.flags, migration_state_name(state),
		       (unsigned long long)conform->subject->flags);
}

static void constant_claims(struct conform *conform)
{
	conform_in_each_state(conform, look_at_claims);
}

static void look_at_data_size(struct conform *conform, uint32_t state)
{
	(void)state;
	conform_data_size(conform);
}

static void data_size_states(struct conform *conform)
{
	conform_in_each_state(conform, look_at_data_size);
}

/* What is told in a state, then taken away from the saved state that is read on from there. */
static void holds_from(struct conform *conform, uint32_t state)
{
	struct conform_bytes rest = { 0 };
	uint64_t told;

	conform_need_result(conform, conform_reset(conform), 0);
	if (state != STATE(RUNNING))
		conform_go(conform, state);
	told = conform_data_size(conform);
	if (state != STATE(STOP_COPY))
		conform_go(conform, STATE(STOP_COPY));
	conform_need_result(conform, conform_drain(conform, &rest, 0), 0);
	conform_expect(conform, rest.size <= told, "no more than MIG_DATA_SIZE said",
		       "%zu bytes, told %llu in %s", rest.size, (unsigned long long)told,
		       migration_state_name(state));
}

static void data_size_holds(struct conform *conform)
{
	uint32_t state;

	for (state = STATE(STOP); state < MIGRATION_NR_STATES; state++)
		if (conform_has_state(conform, state) && state != STATE(RESUMING))
			holds_from(conform, state);
}

/* All along the stream */
static void data_size_remaining(struct conform *conform)
{
	uint64_t told[64];
	size_t at[64], points = 0, i, done = 0;
	uint8_t bytes[997];
	ssize_t got;

	conform_go(conform, STATE(STOP_COPY));
	do {
		if (points < ARRAY_SIZE(at)) {
			told[points] = conform_data_size(conform);
			at[points++] = done;
		}
		got = conform_read(conform, bytes, sizeof(bytes));
		done += got > 0 ? got : 0;
	} while (got > 0);
	conform_need_result(conform, got, 0);
	conform_doing(conform, "GET MIG_DATA_SIZE in STOP_COPY");
	for (i = 0; i < points; i++)
		conform_expect(conform, done - at[i] <= told[i], "no less than what comes",
			       "%llu told with %zu bytes to come", (unsigned long long)told[i],
			       done - at[i]);
}

static const struct conform_check checks[] = {
	CHECK("feature.probe", probe, NEEDS_V2, "VFIO_DEVICE_FEATURE",
	      "PROBE succeeds for what there is, with GET and SET as they can be used"),
	CHECK("feature.unknown", unknown, NEEDS_V2, "VFIO_DEVICE_FEATURE",
	      "a feature that nobody knows is ENOTTY, by which users tell it from one that failed"),
	CHECK("feature.flags", flags, NEEDS_V2, "struct vfio_device_feature, flags",
	      "one of GET and SET is needed, both go with PROBE only, and other bits are refused"),
	CHECK("feature.wrong-way", wrong_way, NEEDS_V2, "VFIO_DEVICE_FEATURE",
	      "what can only be read cannot be set, and the other way round"),
	CHECK("feature.short-argsz", short_argsz, NEEDS_V2, "struct vfio_device_feature, argsz",
	      "a request with less room than its feature needs is EINVAL"),
	CHECK("feature.long-argsz", long_argsz, NEEDS_V2, "struct vfio_device_feature, argsz",
	      "more room than is needed is no fault, and is left alone"),
	CHECK("feature.no-memory", no_memory, NEEDS_V2, "VFIO_DEVICE_FEATURE",
	      "a request that is not in memory is EFAULT"),
	CHECK("feature.claims", constant_claims, NEEDS_V2 | NEEDS_STATE,
	      "struct vfio_device_feature_migration, flags",
	      "what a device claims does not depend on its state"),
	CHECK("data-size.states", data_size_states, NEEDS_V2 | NEEDS_DATA_SIZE | NEEDS_STATE,
	      "struct vfio_device_feature_mig_data_size",
	      "it can be asked for in each state"),
	CHECK("data-size.holds", data_size_holds, NEEDS_V2 | NEEDS_DATA_SIZE,
	      "struct vfio_device_feature_mig_data_size, stop_copy_length",
	      "a device that nobody uses sends no more than it said, in whatever state"),
	CHECK("data-size.remaining", data_size_remaining, NEEDS_V2 | NEEDS_DATA_SIZE,
	      "struct vfio_device_feature_mig_data_size, stop_copy_length",
	      "nor less than what is still to come, all along the stream"),
};

const struct conform_group conform_feature_group = { checks, ARRAY_SIZE(checks) };
