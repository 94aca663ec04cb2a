#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [PROGRAM...]: load the module, run the test programs (default: all),
# unload it again. Prints one KTAP stream, with a plan for each program.
# Changes the machine it runs on: meant for a virtual one, as root.
#
#   MODULE=     mdevsim.ko (default: of the running kernel, below build/module)
#   PROGRAMS=   directory of the test programs (default: build/selftests)
#
# A program that skips a test fails it: here everything must be there.
# Exit status: 0 all passed, 1 some failed, 4 cannot run here.
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/*}
MODULE=${MODULE:-$top/build/module/$(uname -r)/mdevsim.ko}
PROGRAMS=${PROGRAMS:-$top/build/selftests}
STREAMS=$here/streams
export MODULE STREAMS

[ $# -gt 0 ] || set -- module_test.sh device_test pci_config_test irq_test nvme_test \
	migration_test migration_region_test stream_test corrupt_test golden_test sysfs_test live_test dirty_test \
	many_test vfiomig_test.sh compat_test.sh conform_test.sh

# What the kernel says when something went wrong inside
complaints='BUG: |WARNING: |Oops|general protection fault|blocked for more than'
complaints="$complaints|KASAN|UBSAN|refcount_t: |possible (circular|recursive) locking"
complaints="$complaints|INFO: rcu|kmemleak: [0-9]+ new"

# Memory that a whole run may leave in use, in kB: caches of the kernel, not ours
leak_limit=4096

failed=0
number=0

skip_all()
{
	echo "KTAP version 1"
	echo "1..0 # SKIP $1"
	exit 4
}

result()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		failed=1
	fi
}

# What is neither free, in total or on a processor's list, nor accounted for as
# anything else, and unreclaimable slab: pages that drivers took, and objects.
sample_memory()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	awk '
		FILENAME == "/proc/zoneinfo" { if ($1 == "count:") listed += 4 * $2; next }
		{ kb[$1] = $2 }
		END {
			print kb["MemTotal:"] - kb["MemFree:"] - listed - kb["Buffers:"] \
			    - kb["Cached:"] - kb["SwapCached:"] - kb["AnonPages:"] \
			    - kb["SReclaimable:"] - kb["KernelStack:"] - kb["PageTables:"] \
			    - kb["Percpu:"]
		}' /proc/zoneinfo /proc/meminfo
}

# The kernel gives back much of its memory a little later: the least of some samples.
memory_in_use()
{
	for _ in 1 2 3 4 5 6 7 8; do
		sample_memory
		sleep 0.1
	done | sort -n | head -n 1
}

devices()
{
	ls /sys/bus/mdev/devices 2>/dev/null
}

# A program that ends as it should leaves no device; one that does not must not spoil the next.
remove_devices()
{
	left=$(devices)
	for device in $left; do
		echo "# left behind: $device"
		echo 1 >"/sys/bus/mdev/devices/$device/remove"
	done
	[ -z "$left" ]
}

program_path()
{
	case $1 in
	*.sh) echo "$here/$1" ;;
	*) echo "$PROGRAMS/$1" ;;
	esac
}

# What a nested stream says must have no test that failed, was skipped, or is missing.
run_program()
{
	status=$(mktemp)
	output=$(mktemp)
	echo "# Subtest: $1"
	echo "mdevsim selftests: $1" >/dev/kmsg
	{
		KSFT_TAP_LEVEL=1 "$(program_path "$1")" 2>&1
		echo $? >"$status"
	} | sed -u 's/^/    /' | tee "$output"
	ok=0
	[ "$(cat "$status")" = 0 ] || ok=1
	remove_devices || ok=1
	if grep -q '# SKIP' "$output"; then
		echo "# $1 skipped a test"
		ok=1
	fi
	planned=$(sed -n 's/^    1\.\.\([0-9]*\).*/\1/p' "$output")
	seen=$(grep -c '^    ok ' "$output")
	if [ "${planned:-0}" != "$seen" ]; then
		echo "# $1 planned ${planned:-no} tests, $seen passed"
		ok=1
	fi
	rm -f "$status" "$output"
	result $ok "$1"
}

kernel_is_quiet()
{
	! dmesg | grep -E "$complaints" | sed 's/^/# /' | grep .
}

loaded()
{
	grep -q '^mdevsim ' /proc/modules
}

load()
{
	loaded || insmod "$MODULE"
}

unload()
{
	rmmod mdevsim
	! loaded
}

memory_is_back()
{
	used=$(($(memory_in_use) - before))
	echo "# $used kB more in use than before"
	[ $used -le $leak_limit ]
}

[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -e "$MODULE" ] || skip_all "no module $MODULE"
modprobe -a vfio vfio_iommu_type1 mdev || skip_all "no VFIO with mediated devices"
! loaded || skip_all "mdevsim is loaded already"

echo "KTAP version 1"
echo "1..$(($# + 4))"
before=$(memory_in_use)
load
result $? load
for program; do
	run_program "$program"
	load
done
unload
result $? unload
memory_is_back
result $? memory
kernel_is_quiet
result $? kernel_log
exit $failed
