// SPDX-License-Identifier: GPL-2.0
/* conform: which checks, and what is said of them. KTAP, or one JSON document. */
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "array_size.h"
#include "command.h"
#include "conform.h"
#include "feature.h"
#include "interrupt.h"
#include "out.h"
#include "units.h"

#define HEADER		"include/uapi/linux/vfio.h"
#define TIMEOUT_S	8	/* for each check */
#define MAX_TIMEOUTS	3	/* a device that hangs so often will again */

/* In the order in which they are run. */
static const struct conform_group *const groups[] = {
	&conform_state_group,
	&conform_feature_group,
	&conform_read_group,
	&conform_write_group,
	&conform_life_group,
	&conform_quiet_group,
	&conform_logging_group,
};

/* Why a check that needs something is skipped. */
static const struct {
	uint32_t need;
	const char *why;
} lacks[] = {
	{ NEEDS_V2, "it has no meaning on the migration region" },
	{ NEEDS_P2P, "the device does not claim P2P" },
	{ NEEDS_PRE_COPY, "the device does not claim PRE_COPY" },
	{ NEEDS_DATA_SIZE, "the device does not offer MIG_DATA_SIZE" },
	{ NEEDS_INFO_V2, "the device does not offer MIG_PRECOPY_INFOv2" },
	{ NEEDS_LOGGING, "the device does not offer DMA logging" },
	{ NEEDS_SECOND, "it needs another device: --second" },
	{ NEEDS_GROUP, "a device that is opened by cdev has one descriptor" },
	{ NEEDS_MDEV, "it needs a mediated device, and --recreate" },
	{ NEEDS_WORK, "it is not known how to put this device to work" },
	{ NEEDS_DMA, "this device is not known to write to memory" },
	{ NEEDS_PCI, "it is no PCI device" },
};

/**
 * struct tally - results so far
 * @number: of the last result
 * @passed: of them
 * @failed: of them
 * @skipped: of them
 * @timeouts: checks that did not end
 * @longest: check that took longest, or NULL
 * @longest_ns: and how long
 * @unsaved: what went wrong when a state was saved before the checks, or empty
 * @stopped: why the rest cannot run, or NULL
 */
struct tally {
	unsigned int number;
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
	unsigned int timeouts;
	const struct conform_check *longest;
	uint64_t longest_ns;
	char unsaved[3 * CONFORM_TEXT];
	const char *stopped;
};

/* ---- Selection --------------------------------------------------------- */

/* One of the patterns, which commas separate, is of the name. */
static bool listed(const char *patterns, const char *name)
{
	char *copy, *save = NULL, *pattern;
	bool found = false;

	if (!patterns)
		return false;
	copy = strdup(patterns);
	if (!copy)
		abort();
	for (pattern = strtok_r(copy, ",", &save); pattern; pattern = strtok_r(NULL, ",", &save))
		found |= !fnmatch(pattern, name, 0);
	free(copy);
	return found;
}

static bool selected(const struct arguments *arguments, const struct conform_check *check)
{
	return !argument_given(arguments, OPTION_ONLY) ||
	       listed(arguments->value[OPTION_ONLY], check->name);
}

static void each_selected(const struct arguments *arguments,
			  void (*visit)(const struct conform_check *check, void *context),
			  void *context)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		for (j = 0; j < groups[i]->nr; j++)
			if (selected(arguments, &groups[i]->checks[j]))
				visit(&groups[i]->checks[j], context);
}

static void count_one(const struct conform_check *check, void *context)
{
	(void)check;
	++*(unsigned int *)context;
}

static unsigned int count(const struct arguments *arguments)
{
	unsigned int nr = 0;

	each_selected(arguments, count_one, &nr);
	return nr;
}

/* A pattern that is of no check is a slip of the finger. */
static int check_patterns(const struct arguments *arguments, enum option_id id, const char *option)
{
	struct arguments only = { .value[OPTION_ONLY] = arguments->value[id] };

	if (!argument_given(arguments, id) || count(&only))
		return STATUS_DONE;
	return fail_usage("--%s %s is of no check; --list prints them", option,
			  arguments->value[id]);
}

/* ---- List -------------------------------------------------------------- */

static void print_rule(const struct conform_check *check)
{
	out_string("name", check->name, "%s\n", check->name);
	out_string("rule", check->rule, "    %s\n", check->rule);
	out_string("place", check->place, "    (" HEADER ", %s)\n", check->place);
	out_string("header", HEADER, "");
}

static void list_one(const struct conform_check *check, void *context)
{
	(void)context;
	out_object(NULL);
	print_rule(check);
	out_close();
}

static int list(const struct arguments *arguments)
{
	out_array("checks");
	each_selected(arguments, list_one, NULL);
	out_close();
	return STATUS_DONE;
}

/* ---- Results ----------------------------------------------------------- */

static void print_findings(const struct conform_report *report)
{
	unsigned int i, nr = report->nr_findings;
	const struct conform_finding *finding;

	if (nr > CONFORM_MAX_FINDINGS)
		nr = CONFORM_MAX_FINDINGS;
	out_array("findings");
	for (i = 0; i < nr; i++) {
		finding = &report->findings[i];
		out_object(NULL);
		out_string("at", finding->at, "# %s:", finding->at);
		out_string("expected", finding->expected, " expected %s,", finding->expected);
		out_string("seen", finding->seen, " seen %s\n", finding->seen);
		out_close();
	}
	out_close();
	if (report->nr_findings > nr)
		out_uint("more_findings", report->nr_findings - nr, "# and %u more\n",
			 report->nr_findings - nr);
}

static void begin_result(struct tally *tally, const struct conform_check *check)
{
	tally->number++;
	out_object(NULL);
	out_uint("number", tally->number, "");
	out_string("name", check->name, "");
	out_string("rule", check->rule, "");
	out_string("place", check->place, "");
}

static void end_result(const char *result, uint64_t ns)
{
	out_string("result", result, "");
	if (ns)
		out_uint("ns", ns, "");
	out_close();
}

static void passed(struct tally *tally, const struct conform_check *check, uint64_t ns)
{
	begin_result(tally, check);
	tally->passed++;
	out_text("ok %u %s\n", tally->number, check->name);
	end_result("pass", ns);
}

static void skipped(struct tally *tally, const struct conform_check *check, const char *why)
{
	begin_result(tally, check);
	tally->skipped++;
	out_string("reason", why, "ok %u %s # SKIP %s\n", tally->number, check->name, why);
	end_result("skip", 0);
}

static void failed(struct tally *tally, const struct conform_check *check,
		   const struct conform_report *report, uint64_t ns)
{
	begin_result(tally, check);
	tally->failed++;
	out_text("# %s\n# (" HEADER ", %s)\n", check->rule, check->place);
	print_findings(report);
	out_text("not ok %u %s\n", tally->number, check->name);
	end_result("fail", ns);
}

static void not_run(struct tally *tally, const struct conform_check *check, const char *why)
{
	begin_result(tally, check);
	tally->failed++;
	out_string("reason", why, "# not run: %s\nnot ok %u %s\n", why, tally->number,
		   check->name);
	end_result("fail", 0);
}

/* ---- Running ----------------------------------------------------------- */

struct run {
	struct conform_subject *subject;
	struct tally tally;
};

static const char *lacking(const struct conform_subject *subject, const struct conform_check *check)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lacks); i++)
		if (check->needs & ~subject->has & lacks[i].need)
			return lacks[i].why;
	return NULL;
}

static void judge(struct run *run, const struct conform_check *check, uint64_t ns)
{
	const struct conform_report *report = run->subject->report;

	if (report->verdict == CONFORM_PASSED)
		passed(&run->tally, check, ns);
	else if (report->verdict == CONFORM_SKIPPED)
		skipped(&run->tally, check, report->why);
	else
		failed(&run->tally, check, report, ns);
}

static void note_time(struct tally *tally, const struct conform_check *check, uint64_t ns)
{
	if (ns <= tally->longest_ns)
		return;
	tally->longest = check;
	tally->longest_ns = ns;
}

static void run_check(struct run *run, const struct conform_check *check)
{
	uint64_t start = units_now(), ns;

	if (!conform_run(run->subject, check))
		run->tally.stopped = "a check before it is stuck in the kernel and has the device";
	ns = units_now() - start;
	note_time(&run->tally, check, ns);
	if (ns / 1000000 >= run->subject->timeout_ms)
		run->tally.timeouts++;
	if (!run->tally.stopped && run->tally.timeouts == MAX_TIMEOUTS)
		run->tally.stopped = "too many checks before it did not end";
	if (interrupt_seen())
		run->tally.stopped = "stopped by a signal";
	judge(run, check, ns);
}

static void run_one(const struct conform_check *check, void *context)
{
	struct run *run = context;
	const char *why = lacking(run->subject, check);

	if (listed(run->subject->arguments->value[OPTION_SKIP], check->name))
		skipped(&run->tally, check, "left out by --skip");
	else if (why)
		skipped(&run->tally, check, why);
	else if (run->tally.stopped)
		not_run(&run->tally, check, run->tally.stopped);
	else if (check->needs & ~run->subject->has & NEEDS_STATE)
		not_run(&run->tally, check, run->tally.unsaved);
	else
		run_check(run, check);
	fflush(stdout);
}

static void print_subject(const struct conform_subject *subject)
{
	const char *protocol = subject->ops == &region_ops ? "v1" : "v2";

	out_text("KTAP version 1\n");
	out_string("device", subject->name, "# device: %s\n", subject->name);
	out_string("driver", subject->id.driver, "# driver: %s\n", subject->id.driver);
	out_string("protocol", protocol, "# protocol: %s\n", protocol);
	out_bool("p2p", subject->has & NEEDS_P2P, "# claims: STOP_COPY%s",
		 subject->has & NEEDS_P2P ? " P2P" : "");
	out_bool("pre_copy", subject->has & NEEDS_PRE_COPY, "%s\n",
		 subject->has & NEEDS_PRE_COPY ? " PRE_COPY" : "");
	out_uint("planned", count(subject->arguments), "1..%u\n", count(subject->arguments));
}

static void print_tally(const struct tally *tally)
{
	out_uint("passed", tally->passed, "# %u passed,", tally->passed);
	out_uint("failed", tally->failed, " %u failed,", tally->failed);
	out_uint("skipped", tally->skipped, " %u skipped\n", tally->skipped);
}

static void print_time(const struct tally *tally, uint64_t ns)
{
	out_uint("ns", ns, "# took %s", units_time(ns));
	if (tally->longest) {
		out_object("longest");
		out_string("name", tally->longest->name, ", of which %s", tally->longest->name);
		out_uint("ns", tally->longest_ns, " %s", units_time(tally->longest_ns));
		out_close();
	}
	out_text("\n");
}

/* What comes of it is said by the checks that need the state. */
static void save_first(struct run *run)
{
	const struct conform_report *report = run->subject->report;
	const struct conform_finding *first = &report->findings[0];

	if (conform_save(run->subject))
		return;
	snprintf(run->tally.unsaved, sizeof(run->tally.unsaved),
		 "no state could be saved: %.200s: expected %.200s, seen %.200s", first->at,
		 first->expected, first->seen);
}

static int run_all(struct conform_subject *subject)
{
	struct run run = { .subject = subject };
	uint64_t start = units_now();
	bool left;

	save_first(&run);
	print_subject(subject);
	out_array("checks");
	each_selected(subject->arguments, run_one, &run);
	out_close();
	left = conform_leave(subject);
	if (!left)
		out_note("%s could not be reset in the end", subject->name);
	print_tally(&run.tally);
	print_time(&run.tally, units_now() - start);
	return run.tally.failed || !left ? STATUS_FAILED : STATUS_DONE;
}

static int get_timeout(const struct arguments *arguments, unsigned int *ms)
{
	unsigned long seconds = TIMEOUT_S;

	if (!options_number(arguments, OPTION_TIMEOUT, 10, 3600, &seconds) || !seconds)
		return fail_usage("--timeout takes seconds, 1 to 3600, not '%s'",
				  arguments->value[OPTION_TIMEOUT]);
	*ms = seconds * 1000;
	return STATUS_DONE;
}

static int skip_all(int status)
{
	if (status == STATUS_UNSUPPORTED)
		out_text("1..0 # SKIP cannot run here\n");
	return status;
}

int cmd_conform(const struct arguments *arguments)
{
	struct conform_subject subject = {
		.arguments = arguments,
		.name = arguments->word[0],
		.second = arguments->value[OPTION_SECOND],
		.ops = argument_given(arguments, OPTION_REGION) ? &region_ops : &feature_ops,
	};
	int status;

	status = check_patterns(arguments, OPTION_ONLY, "only");
	if (!status)
		status = check_patterns(arguments, OPTION_SKIP, "skip");
	if (!status)
		status = get_timeout(arguments, &subject.timeout_ms);
	if (status)
		return status;
	if (argument_given(arguments, OPTION_LIST))
		return list(arguments);
	if (!arguments->nr)
		return fail_usage("DEV is missing");
	status = conform_examine(&subject);
	return status ? skip_all(status) : run_all(&subject);
}
