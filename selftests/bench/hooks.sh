#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# hooks.sh WITH WITHOUT: what registers and DMA cost with the module WITH, in
# which faults are off, and with WITHOUT, which has neither counters nor places for
# faults (-DMDEVSIM_BARE). The modules take turns, so that what disturbs one
# disturbs the other. Prints figures as figure.h has them.
set -eu
cd "${0%/*}/../.."
rounds=8

# measure MODULE: of one load of it
measure()
{
	insmod "$1"
	build/bench/bench hooks
	rmmod mdevsim
}

[ ! -e /sys/module/mdevsim ] || rmmod mdevsim
for _ in $(seq $rounds); do
	echo "$(measure "$1") $(measure "$2")"
done | python3 -c '
import sys
rounds = [[float(word) for word in line.split()] for line in sys.stdin]
for index, name in enumerate(["register write", "register read", "write of 4 KiB"]):
    with_hooks, without = (min(r[i] for r in rounds) for i in (index, index + 3))
    print(f"{name}, faults off / no hooks\t{with_hooks / without:.3f}\t<= 1.03\t"
          f"{with_hooks:.0f} / {without:.0f} ns, least of {len(rounds)} loads of each")'
