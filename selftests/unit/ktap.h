/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests in user space that print KTAP. A test program is a table of functions:
 *
 *	static const struct ktap_test tests[] = { KTAP_TEST(name), ... };
 *	int main(void) { return ktap_run(tests, ARRAY_SIZE(tests)); }
 *
 * Expectations may be met or not in any thread. Each is worth whether it was
 * met, for tests that cannot go on without.
 */
#ifndef SELFTESTS_UNIT_KTAP_H
#define SELFTESTS_UNIT_KTAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define KTAP_MOST_NOTES	20

struct ktap_test {
	const char *name;
	void (*run)(void);
};

#define KTAP_TEST(fn)	{ #fn, fn }

/* Expectations of the running test that were not met; one variable for all files of a program */
__attribute__((__weak__)) unsigned int ktap_failures;

__attribute__((__format__(printf, 4, 5)))
static inline bool ktap_expect(bool met, const char *file, int line, const char *fmt, ...)
{
	va_list args;

	if (met)
		return true;
	if (__atomic_fetch_add(&ktap_failures, 1, __ATOMIC_RELAXED) >= KTAP_MOST_NOTES)
		return false;
	flockfile(stdout);
	printf("# %s:%d: ", file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	funlockfile(stdout);
	return false;
}

#define EXPECT_MSG(cond, ...)	ktap_expect(cond, __FILE__, __LINE__, __VA_ARGS__)
#define EXPECT(cond)		EXPECT_MSG(cond, "not true: %s", #cond)
#define EXPECT_EQ(got, want) ({						\
	long long __got = (got), __want = (want);			\
	EXPECT_MSG(__got == __want, "%s is %lld, expected %s = %lld",	\
		   #got, __got, #want, __want); })

static inline int ktap_run(const struct ktap_test *tests, size_t count)
{
	unsigned int failed = 0;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%zu\n", count);
	for (i = 0; i < count; i++) {
		ktap_failures = 0;
		tests[i].run();
		failed += !!ktap_failures;
		printf("%sok %zu %s\n", ktap_failures ? "not " : "", i + 1, tests[i].name);
	}
	return failed ? 1 : 0;
}

#endif /* SELFTESTS_UNIT_KTAP_H */
