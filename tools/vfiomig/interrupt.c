// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stddef.h>
#include "interrupt.h"

static volatile sig_atomic_t seen;

static void note(int signal)
{
	(void)signal;
	seen = 1;
}

/* No SA_RESTART: a blocked read(), write() or poll() must come back. */
void interrupt_init(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note };
	unsigned int i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

bool interrupt_seen(void)
{
	return seen;
}
