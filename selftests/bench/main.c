// SPDX-License-Identifier: GPL-2.0
/* The figures that need no guest; with a word behind it, raw times for hooks.sh. */
#include "cost.h"
#include "final.h"
#include "front_end.h"
#include "hooks.h"
#include "transfer.h"

int main(int argc, char **argv)
{
	if (argc > 1) {
		hooks_run();
		return 0;
	}
	transfer_run();
	front_end_run();
	final_run();
	cost_run();
	return 0;
}
