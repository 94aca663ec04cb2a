// SPDX-License-Identifier: GPL-2.0
/* The figures that need no guest. */
#include "cost.h"
#include "final.h"
#include "front_end.h"
#include "transfer.h"

int main(void)
{
	transfer_run();
	front_end_run();
	final_run();
	cost_run();
	return 0;
}
