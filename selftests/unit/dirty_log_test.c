// SPDX-License-Identifier: GPL-2.0
/*
 * The dirty log against a set of pages.
 */
#include <stdlib.h>
#include <errno.h>
#include <string.h>
#include <linux/array_size.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include "../../driver/dirty_log.h"
#include "ktap.h"
#include "random.h"

#define PAGE	(1ULL << MDEVSIM_DIRTY_SHIFT)
#define CHUNK	((u64)MDEVSIM_DIRTY_CHUNK * PAGE)
#define NR	2000

/* The pages that are looked at: around a border of two chunks. */
#define BASE	(5 * CHUNK - NR / 2 * PAGE)

static struct mdevsim_dirty_log dirty;
static bool model[NR], reported[NR];
static u64 last_end;

static int start(u64 first, u64 last)
{
	struct mdevsim_dirty_range *ranges = kmalloc(sizeof(*ranges), GFP_KERNEL);
	int ret;

	*ranges = (struct mdevsim_dirty_range) { first, last };
	ret = mdevsim_dirty_log_start(&dirty, &ranges, 1);
	/* taken over, or still the caller's */
	EXPECT_EQ(!ranges, !ret);
	kfree(ranges);
	return ret;
}

static void begin(void)
{
	memset(model, 0, sizeof(model));
	mdevsim_dirty_log_init(&dirty);
	EXPECT_EQ(start(BASE, BASE + NR * PAGE - 1), 0);
}

static void finish(void)
{
	EXPECT_EQ(mdevsim_dirty_log_stop(&dirty), 0);
	EXPECT(xa_empty(&dirty.chunks));
}

/* Runs are reported in order, inside what was asked for, no page twice. */
static void set_reported(void *context, u64 iova, u64 length)
{
	u64 *asked = context;

	EXPECT(length && !(iova % PAGE) && !(length % PAGE));
	EXPECT(iova >= asked[0] && iova + length <= asked[0] + asked[1]);
	EXPECT(iova >= last_end);
	last_end = iova + length;
	for (; length; iova += PAGE, length -= PAGE)
		reported[(iova - BASE) / PAGE] = true;
}

/* Exactly the pages of the model are reported, and then forgotten. */
static void expect_report(u32 first, u32 count)
{
	u64 asked[2] = { BASE + first * PAGE, count * PAGE };
	u32 i;

	last_end = 0;
	memset(reported, 0, sizeof(reported));
	EXPECT_EQ(mdevsim_dirty_log_report(&dirty, asked[0], asked[1], set_reported, asked), 0);
	for (i = 0; i < NR; i++) {
		bool expected = model[i] && i >= first && i < first + count;

		EXPECT_MSG(reported[i] == expected, "page %u: reported %d", i, reported[i]);
		if (expected)
			model[i] = false;
	}
}

static void mark(u64 offset, u64 length)
{
	u64 i;

	mdevsim_dirty_log_mark(&dirty, BASE + offset, length);
	for (i = offset / PAGE; length && i <= (offset + length - 1) / PAGE; i++)
		model[i] = true;
}

static void logging_starts_and_stops_once(void)
{
	mdevsim_dirty_log_init(&dirty);
	EXPECT_EQ(mdevsim_dirty_log_stop(&dirty), -EINVAL);
	EXPECT_EQ(mdevsim_dirty_log_report(&dirty, BASE, PAGE, set_reported, NULL), -EINVAL);
	mdevsim_dirty_log_mark(&dirty, BASE, PAGE);
	EXPECT(xa_empty(&dirty.chunks));
	begin();
	EXPECT_EQ(start(BASE, BASE + PAGE - 1), -EINVAL);
	expect_report(0, NR);
	finish();
	EXPECT_EQ(mdevsim_dirty_log_stop(&dirty), -EINVAL);
}

static void partly_written_pages_are_dirty(void)
{
	begin();
	mark(5 * PAGE + 100, 1);
	mark(7 * PAGE - 1, 2);
	mark(10 * PAGE, 0);
	mark(20 * PAGE, PAGE);
	mark(30 * PAGE + 1, 3 * PAGE);
	expect_report(0, NR);
	expect_report(0, NR);
	finish();
}

static void only_what_is_asked_for_is_forgotten(void)
{
	begin();
	mark(0, NR * PAGE);
	expect_report(NR / 2 - 10, 20);
	expect_report(0, NR / 2);
	expect_report(NR - 1, 1);
	expect_report(0, NR);
	finish();
}

static void random_marks_and_reports_agree(void)
{
	u64 seed = 1;
	u32 i, first;
	u64 offset;

	begin();
	for (i = 0; i < 3000; i++) {
		offset = random_below(&seed, NR * PAGE);
		mark(offset, min(random_below(&seed, 10 * PAGE), NR * PAGE - offset));
		if (i % 20)
			continue;
		first = random_below(&seed, NR);
		expect_report(first, 1 + random_below(&seed, NR - first));
	}
	finish();
}

static void reports_stay_inside_a_range(void)
{
	u64 asked[2] = {};

	begin();
	EXPECT_EQ(mdevsim_dirty_log_report(&dirty, BASE - PAGE, 2 * PAGE, set_reported, asked),
		  -EINVAL);
	EXPECT_EQ(mdevsim_dirty_log_report(&dirty, BASE, (NR + 1) * PAGE, set_reported, asked),
		  -EINVAL);
	EXPECT_EQ(mdevsim_dirty_log_report(&dirty, BASE, ~0ULL, set_reported, asked), -EINVAL);
	EXPECT_EQ(mdevsim_dirty_log_report(&dirty, BASE, 0, set_reported, asked), -EINVAL);
	EXPECT_EQ(mdevsim_dirty_log_report(&dirty, BASE + NR * PAGE, PAGE, set_reported, asked),
		  -EINVAL);
	finish();
}

static void what_is_not_logged_takes_no_memory(void)
{
	begin();
	mdevsim_dirty_log_mark(&dirty, 0, 100 * PAGE);
	mdevsim_dirty_log_mark(&dirty, BASE + NR * PAGE, 100 * PAGE);
	mdevsim_dirty_log_mark(&dirty, ~0ULL - 10, 100);
	EXPECT(xa_empty(&dirty.chunks));
	expect_report(0, NR);
	finish();
}

static void the_whole_address_space_can_be_logged(void)
{
	u64 asked[2] = { ~0ULL - CHUNK + 1, CHUNK - PAGE };

	mdevsim_dirty_log_init(&dirty);
	EXPECT_EQ(start(0, ~0ULL), 0);
	mdevsim_dirty_log_mark(&dirty, ~0ULL - 3 * PAGE + 1, ~0ULL);
	last_end = 0;
	/* up to the last page, which the model of this test cannot hold */
	EXPECT_EQ(mdevsim_dirty_log_report(&dirty, 0, PAGE, set_reported, asked), 0);
	EXPECT_EQ(last_end, 0);
	EXPECT(!xa_empty(&dirty.chunks));
	finish();
}

static void pages_that_could_not_be_recorded_are_missed_aloud(void)
{
	u64 asked[2] = { BASE, PAGE };
	int fail;

	for (fail = 0; fail < 2; fail++) {
		begin();
		shim_alloc_fail = fail;
		mdevsim_dirty_log_mark(&dirty, BASE, 1);
		shim_alloc_fail = -1;
		EXPECT_EQ(mdevsim_dirty_log_report(&dirty, BASE, PAGE, set_reported, asked),
			  -ENOMEM);
		finish();
		/* and the next time all is well */
		begin();
		mark(0, 1);
		expect_report(0, NR);
		finish();
	}
}

static const struct ktap_test tests[] = {
	KTAP_TEST(logging_starts_and_stops_once),
	KTAP_TEST(partly_written_pages_are_dirty),
	KTAP_TEST(only_what_is_asked_for_is_forgotten),
	KTAP_TEST(random_marks_and_reports_agree),
	KTAP_TEST(reports_stay_inside_a_range),
	KTAP_TEST(what_is_not_logged_takes_no_memory),
	KTAP_TEST(the_whole_address_space_can_be_logged),
	KTAP_TEST(pages_that_could_not_be_recorded_are_missed_aloud),
};

int main(void)
{
	return ktap_run(tests, ARRAY_SIZE(tests));
}
