// SPDX-License-Identifier: GPL-2.0
/* Checks of DMA logging, which is not connected to the states but part of migration. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "array_size.h"
#include "conform.h"

/* A shorter word for it */
#define dma_range	vfio_device_feature_dma_logging_range

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define PAGE		CONFORM_PAGE
#define BASE		CONFORM_MEMORY_IOVA
#define SIZE		CONFORM_MEMORY_SIZE
#define MAX_RANGES	(PAGE / sizeof(struct dma_range))
#define TOO_MANY	100000
#define WORDS		(SIZE / PAGE / 64 + 1)

static int start_with(struct conform *conform, uint64_t page_size,
		      const struct dma_range *ranges, uint32_t nr, uint64_t *chosen)
{
	struct vfio_device_feature_dma_logging_control control = {
		.page_size = page_size,
		.num_ranges = nr,
		.ranges = (uintptr_t)ranges,
	};
	int ret;

	ret = conform_feature(conform, VFIO_DEVICE_FEATURE_SET |
			      VFIO_DEVICE_FEATURE_DMA_LOGGING_START, &control, sizeof(control),
			      "SET DMA_LOGGING_START");
	if (chosen)
		*chosen = control.page_size;
	return ret;
}

static int start(struct conform *conform)
{
	const struct dma_range range = { BASE, SIZE };

	return start_with(conform, PAGE, &range, 1, NULL);
}

static int stop(struct conform *conform)
{
	return conform_feature(conform, VFIO_DEVICE_FEATURE_SET |
			       VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, NULL, 0,
			       "SET DMA_LOGGING_STOP");
}

static int report_at(struct conform *conform, uint64_t iova, uint64_t length, uint64_t page_size,
		     uint64_t *bitmap)
{
	struct vfio_device_feature_dma_logging_report report = {
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.bitmap = (uintptr_t)bitmap,
	};

	return conform_feature(conform, VFIO_DEVICE_FEATURE_GET |
			       VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, &report, sizeof(report),
			       "GET DMA_LOGGING_REPORT");
}

static uint64_t report(struct conform *conform)
{
	uint64_t bitmap[WORDS] = { 0 };

	conform_need_result(conform, report_at(conform, BASE, SIZE, PAGE, bitmap), 0);
	return bitmap[0];
}

/* ---- Start and stop ---------------------------------------------------- */

static void start_stop(struct conform *conform)
{
	int i;

	for (i = 0; i < 3; i++) {
		conform_need_result(conform, start(conform), 0);
		conform_need_result(conform, stop(conform), 0);
	}
}

static void double_start(struct conform *conform)
{
	conform_need_result(conform, start(conform), 0);
	conform_expect_result(conform, start(conform), ANY_ERROR);
	conform_expect_result(conform, stop(conform), 0);
}

static void stop_unstarted(struct conform *conform)
{
	conform_expect_result(conform, stop(conform), ANY_ERROR);
	conform_need_result(conform, start(conform), 0);
	conform_need_result(conform, stop(conform), 0);
	conform_expect_result(conform, stop(conform), ANY_ERROR);
}

static void report_unstarted(struct conform *conform)
{
	uint64_t bitmap[WORDS] = { 0 };

	conform_expect_result(conform, report_at(conform, BASE, SIZE, PAGE, bitmap), ANY_ERROR);
	conform_need_result(conform, start(conform), 0);
	conform_need_result(conform, stop(conform), 0);
	conform_expect_result(conform, report_at(conform, BASE, SIZE, PAGE, bitmap), ANY_ERROR);
}

static void start_and_stop(struct conform *conform, uint32_t state)
{
	conform_expect_result(conform, start(conform), 0);
	conform_expect_result(conform, stop(conform), 0);
	conform_expect_state(conform, state);
}

static void in_states(struct conform *conform)
{
	conform_in_each_state(conform, start_and_stop);
}

static void after_close(struct conform *conform)
{
	conform_need_result(conform, start(conform), 0);
	conform_close(conform);
	conform_begin(conform);
	conform_expect_result(conform, start(conform), 0);
	conform_expect_result(conform, stop(conform), 0);
}

/* ---- Ranges ------------------------------------------------------------ */

/* Refused as a whole: nothing is logged, and logging can be started. */
static void expect_refused(struct conform *conform, const struct dma_range *ranges, uint32_t nr)
{
	int ret = start_with(conform, PAGE, ranges, nr, NULL);

	conform_expect_result(conform, ret, ANY_ERROR);
	if (!ret)
		stop(conform);
	conform_need_result(conform, start(conform), 0);
	conform_need_result(conform, stop(conform), 0);
}

static void page_sizes(struct conform *conform)
{
	static const uint64_t hints[] = {
		0, 1, 3, 512, 4095, 4096, 4097, 65536, 1ULL << 21, 1ULL << 40,
	};
	/* Aligned to any of the hints that can be taken. */
	const struct dma_range range = { 0, 1ULL << 40 };
	uint64_t chosen;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hints); i++) {
		if (start_with(conform, hints[i], &range, 1, &chosen))
			continue;
		conform_expect(conform, chosen && !(chosen & (chosen - 1)), "a power of two",
			       "%llu for %llu", (unsigned long long)chosen,
			       (unsigned long long)hints[i]);
		conform_need_result(conform, stop(conform), 0);
	}
	conform_need_result(conform, start(conform), 0);
	conform_need_result(conform, stop(conform), 0);
}

static void no_ranges(struct conform *conform)
{
	const struct dma_range range = { BASE, SIZE };

	expect_refused(conform, &range, 0);
	conform_expect_result(conform, start_with(conform, PAGE, (void *)8, 1, NULL), -EFAULT);
	expect_refused(conform, NULL, 1);
}

static void empty_range(struct conform *conform)
{
	static const struct dma_range ranges[] = { { BASE, 0 }, { 0, 0 } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		expect_refused(conform, &ranges[i], 1);
}

static void unaligned_range(struct conform *conform)
{
	static const struct dma_range ranges[] = {
		{ BASE + 1, SIZE }, { BASE, SIZE - 1 }, { 512, 512 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		expect_refused(conform, &ranges[i], 1);
}

static void overlapping_ranges(struct conform *conform)
{
	static const struct dma_range ranges[][2] = {
		{ { BASE, SIZE }, { BASE, SIZE } },
		{ { BASE, SIZE }, { BASE + SIZE - PAGE, SIZE } },
		{ { BASE + PAGE, PAGE }, { BASE, SIZE } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		expect_refused(conform, ranges[i], 2);
}

static void overflowing_range(struct conform *conform)
{
	static const struct dma_range ranges[] = {
		{ -SIZE, 2 * SIZE }, { PAGE, -(uint64_t)PAGE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		expect_refused(conform, &ranges[i], 1);
}

/* With holes between them, from the last to the first. */
static struct dma_range *make_ranges(unsigned int nr)
{
	struct dma_range *ranges = conform_alloc(nr * sizeof(*ranges));
	unsigned int i;

	for (i = 0; i < nr; i++)
		ranges[i] = (struct dma_range){ BASE + (nr - i) * 2ULL * PAGE, PAGE };
	return ranges;
}

static void many_ranges(struct conform *conform)
{
	struct dma_range *ranges = make_ranges(MAX_RANGES);

	conform_expect_result(conform, start_with(conform, PAGE, ranges, MAX_RANGES, NULL), 0);
	conform_expect_result(conform, stop(conform), 0);
}

/* A driver may take them; none may come to harm. */
static void too_many_ranges(struct conform *conform)
{
	struct dma_range *ranges = make_ranges(TOO_MANY);
	static const uint32_t numbers[] = { MAX_RANGES + 1, TOO_MANY, UINT32_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!start_with(conform, PAGE, ranges, numbers[i], NULL))
			conform_need_result(conform, stop(conform), 0);
	conform_need_result(conform, start(conform), 0);
	conform_need_result(conform, stop(conform), 0);
}

/* ---- Reports ----------------------------------------------------------- */

static void idle(struct conform *conform)
{
	uint64_t pages;

	conform_need_result(conform, start(conform), 0);
	pages = report(conform);
	conform_expect(conform, !pages, "no page written to by a device that nobody uses",
		       "pages %#llx", (unsigned long long)pages);
	conform_need_result(conform, stop(conform), 0);
}

static void only_sets(struct conform *conform)
{
	uint64_t bitmap[WORDS] = { 0 };

	memset(bitmap, 0xff, sizeof(bitmap));
	conform_need_result(conform, start(conform), 0);
	conform_need_result(conform, report_at(conform, BASE, SIZE, PAGE, bitmap), 0);
	conform_expect(conform, bitmap[0] == UINT64_MAX, "bits that were set to stay so", "%#llx",
		       (unsigned long long)bitmap[0]);
	conform_need_result(conform, stop(conform), 0);
}

static void report_page_sizes(struct conform *conform)
{
	static const uint64_t wrong[] = { 0, 1, 3, 4095, 4097, 12288 };
	static const uint64_t right[] = { PAGE, 8192, 65536 };
	uint64_t bitmap[WORDS] = { 0 };
	unsigned int i;

	conform_need_result(conform, start(conform), 0);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		conform_expect_result(conform, report_at(conform, BASE, SIZE, wrong[i], bitmap),
				      ANY_ERROR);
	for (i = 0; i < ARRAY_SIZE(right); i++)
		conform_expect_result(conform, report_at(conform, BASE, SIZE, right[i], bitmap), 0);
	conform_need_result(conform, stop(conform), 0);
}

/* An error says as much as an empty report: that nothing is known. */
static void report_outside(struct conform *conform)
{
	uint64_t bitmap[WORDS] = { 0 };

	conform_need_result(conform, start(conform), 0);
	report_at(conform, BASE + 16 * SIZE, SIZE, PAGE, bitmap);
	conform_expect(conform, !bitmap[0], "no page that is not logged", "pages %#llx",
		       (unsigned long long)bitmap[0]);
	conform_expect_result(conform, report_at(conform, -PAGE, 2 * PAGE, PAGE, bitmap),
			      ANY_ERROR);
	conform_need_result(conform, stop(conform), 0);
}

/* ---- With a device at work --------------------------------------------- */

static void work_once(struct conform *conform)
{
	conform->subject->worker->ask(conform);
	if (!conform_await_answer(conform))
		conform_exit(conform);
}

static void expect_pages(struct conform *conform, uint64_t seen, uint64_t expected)
{
	char what[64];

	snprintf(what, sizeof(what), "pages %#llx", (unsigned long long)expected);
	conform_expect(conform, seen == expected, what, "pages %#llx", (unsigned long long)seen);
}

static void exact(struct conform *conform)
{
	uint64_t pages = conform->subject->worker->pages;

	conform_put_to_work(conform);
	conform_need_result(conform, start(conform), 0);
	expect_pages(conform, report(conform), 0);
	work_once(conform);
	expect_pages(conform, report(conform), pages);
	expect_pages(conform, report(conform), 0);
	work_once(conform);
	expect_pages(conform, report(conform), pages);
	conform_need_result(conform, stop(conform), 0);
	/* What comes between is nobody's. */
	work_once(conform);
	conform_need_result(conform, start(conform), 0);
	expect_pages(conform, report(conform), 0);
	conform_need_result(conform, stop(conform), 0);
}

/* Of all pages that are written to, one is logged. */
static void exact_range(struct conform *conform)
{
	uint64_t pages = conform->subject->worker->pages, bitmap[WORDS] = { 0 };
	unsigned int first = __builtin_ctzll(pages);
	const struct dma_range range = { BASE + first * PAGE, PAGE };

	conform_put_to_work(conform);
	conform_need_result(conform, start_with(conform, PAGE, &range, 1, NULL), 0);
	work_once(conform);
	conform_need_result(conform, report_at(conform, range.iova, range.length, PAGE, bitmap), 0);
	expect_pages(conform, bitmap[0], 1);
	conform_need_result(conform, stop(conform), 0);
}

static void exact_part(struct conform *conform)
{
	uint64_t pages = conform->subject->worker->pages, bitmap[WORDS] = { 0 };
	unsigned int first = __builtin_ctzll(pages);

	conform_put_to_work(conform);
	conform_need_result(conform, start(conform), 0);
	work_once(conform);
	conform_need_result(conform,
			    report_at(conform, BASE + first * PAGE, PAGE, PAGE, bitmap), 0);
	expect_pages(conform, bitmap[0], 1);
	expect_pages(conform, report(conform), pages & ~(1ULL << first));
	conform_need_result(conform, stop(conform), 0);
}

#define START_PLACE	"VFIO_DEVICE_FEATURE_DMA_LOGGING_START"
#define STOP_PLACE	"VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP"
#define REPORT_PLACE	"VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT"

#define LOGGING		(NEEDS_V2 | NEEDS_LOGGING)
#define CONTROL		"struct vfio_device_feature_dma_logging_control, "
#define RANGE		"struct vfio_device_feature_dma_logging_range"
#define REPORT		"struct vfio_device_feature_dma_logging_report, "

static const struct conform_check checks[] = {
	CHECK("logging.start-stop", start_stop, LOGGING, START_PLACE,
	      "logging can be started and stopped, again and again"),
	CHECK("logging.double-start", double_start, LOGGING, START_PLACE,
	      "it cannot be started twice, and the second start does not end the first"),
	CHECK("logging.stop-unstarted", stop_unstarted, LOGGING, STOP_PLACE,
	      "a stop matches a start: without one it is an error"),
	CHECK("logging.report-unstarted", report_unstarted, LOGGING, REPORT_PLACE,
	      "a report without logging is an error"),
	CHECK("logging.states", in_states, LOGGING | NEEDS_STATE, START_PLACE,
	      "it is not connected to migration states: it goes in each"),
	CHECK("logging.close", after_close, LOGGING, START_PLACE,
	      "a device that is opened anew does not log for who had it before"),
	CHECK("logging.page-size", page_sizes, LOGGING, CONTROL "page_size",
	      "whatever is hinted, a page size that was chosen is a power of two"),
	CHECK("logging.no-ranges", no_ranges, LOGGING, CONTROL "ranges",
	      "no ranges, or none that can be read, are refused"),
	CHECK("logging.empty-range", empty_range, LOGGING, RANGE ", length",
	      "a range of no bytes is refused"),
	CHECK("logging.unaligned-range", unaligned_range, LOGGING, RANGE,
	      "a range that is not of whole pages is refused"),
	CHECK("logging.overlap", overlapping_ranges, LOGGING, CONTROL "ranges",
	      "ranges that overlap are refused"),
	CHECK("logging.overflow", overflowing_range, LOGGING, RANGE,
	      "a range that ends behind the last address is refused"),
	CHECK("logging.many-ranges", many_ranges, LOGGING, CONTROL "num_ranges",
	      "as many ranges as a page has room for are taken"),
	CHECK("logging.too-many-ranges", too_many_ranges, LOGGING, CONTROL "num_ranges",
	      "more are taken or refused, without harm"),
	CHECK("logging.idle", idle, LOGGING, REPORT_PLACE,
	      "only writes by the device are reported: none of a device that nobody uses"),
	CHECK("logging.only-sets", only_sets, LOGGING, REPORT_PLACE,
	      "a report sets bits of the user's bitmap and clears none"),
	CHECK("logging.report-page-size", report_page_sizes, LOGGING, REPORT "page_size",
	      "a report may be asked for in pages of any power of two, no others"),
	CHECK("logging.report-outside", report_outside, LOGGING, REPORT_PLACE,
	      "what is not logged is not reported"),
	CHECK("logging.exact", exact, LOGGING | NEEDS_DMA, REPORT_PLACE,
	      "each page that was written to since the last report is reported, and no other"),
	CHECK("logging.exact-range", exact_range, LOGGING | NEEDS_DMA, START_PLACE,
	      "what is written inside of a range that is logged is reported"),
	CHECK("logging.exact-part", exact_part, LOGGING | NEEDS_DMA, REPORT_PLACE,
	      "a report clears what it was asked for, and leaves the rest for the next"),
};

const struct conform_group conform_logging_group = { checks, ARRAY_SIZE(checks) };
