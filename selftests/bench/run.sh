#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The benchmark, in the host VM: loads the module, prints what everything runs
# on, and a table of the figures as they come. $MACHINE says what the VM itself
# runs on. A figure that misses its aim is no failure: exit status 1 is for what
# does not work.
set -eu -o pipefail
cd "${0%/*}/../.."

: "${MODULE:?the module to load}" "${MACHINE:=not said}"
: "${BARE:=build/bare/$(uname -r)/mdevsim.ko}"

processor()
{
	sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1
}

accelerator()
{
	case $(processor) in
	*TCG*) echo "TCG (emulated)" ;;
	*) echo KVM ;;
	esac
}

heading()
{
	cat <<-END
	machine      $MACHINE
	host VM      $(nproc) CPUs: $(processor), $(free -h | awk '/^Mem:/ { print $2 }') memory
	accelerator  $(accelerator)
	kernel       $(uname -srv)
	compiler     $(gcc --version | head -n 1)
	module       $(modinfo -F vermagic "$MODULE")
	date         $(date -u +%FT%TZ)

	END
}

[ -e /sys/module/mdevsim ] || insmod "$MODULE"

heading
{
	build/bench/bench
	python3 selftests/bench/guest.py
	sh selftests/bench/hooks.sh "$MODULE" "$BARE"
} | python3 selftests/bench/table.py
