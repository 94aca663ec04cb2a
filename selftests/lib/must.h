/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test takes for granted: when it does not hold the test program ends as
 * failed and says what was expected and what was seen. What a test is about it
 * asserts with the harness instead; the library can not, because the harness
 * allows one including file in a program.
 */
#ifndef LIB_MUST_H
#define LIB_MUST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** must_fail - print "file:line: text" as a KTAP diagnostic and exit as failed */
void must_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));

/** must() - the condition holds or the test has failed; the text says what was seen */
#define must(condition, ...)							\
	do {									\
		if (!(condition))						\
			must_fail(__FILE__, __LINE__, "expected " #condition ", " __VA_ARGS__); \
	} while (0)

/** must_now_ms - a clock that only goes forward */
uint64_t must_now_ms(void);

/** define MUST_TIMEOUT_MS - for what happens at once on any machine that is not broken */
#define MUST_TIMEOUT_MS		10000

/**
 * must_happen() - wait for a condition that only memory shows, at most @ms
 *
 * Evaluates to whether it came true. What has a file descriptor to wait for is
 * waited for with poll() instead.
 */
#define must_happen(condition, ms)						\
	({									\
		uint64_t end_ = must_now_ms() + (ms);				\
		bool true_;							\
		while (!(true_ = (condition)) && must_now_ms() < end_)		\
			must_pause();						\
		true_;								\
	})

/** must_pause - let others run for a moment */
void must_pause(void);

/** must_task_state - the letter of a thread of this process: 'R', 'S' while it waits, ... */
char must_task_state(pid_t task);

#endif /* LIB_MUST_H */
