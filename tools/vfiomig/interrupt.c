// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include "array_size.h"
#include "interrupt.h"

static atomic_bool seen;

static void note(int signal)
{
	(void)signal;
	seen = true;
}

/* No SA_RESTART: a blocked read(), write() or poll() must come back. */
void interrupt_init(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

bool interrupt_seen(void)
{
	return seen;
}
