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
# A program that skips a test fails it, unless this kernel lacks what it needs. Where
# there is an iommufd, programs run with devices opened that way, too.
# Exit status: 0 all passed, 1 some failed, 4 cannot run here.
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/*}
MODULE=${MODULE:-$top/build/module/$(uname -r)/mdevsim.ko}
PROGRAMS=${PROGRAMS:-$top/build/selftests}
STREAMS=$here/streams
export MODULE STREAMS

# Those that opening by iommufd makes a difference to
by_iommufd=
[ ! -e /dev/iommu ] || by_iommufd='device_test nvme_test migration_test live_test many_test'

if [ $# -gt 0 ]; then
	by_iommufd=
else
	set -- module_test.sh device_test pci_config_test irq_test nvme_test migration_test \
		migration_region_test stream_test corrupt_test golden_test sysfs_test live_test \
		dirty_test many_test netlink_test fault_test monitor_test.sh vfiomig_test.sh \
		compat_test.sh conform_test.sh
	[ ! -e /proc/self/fail-nth ] || set -- "$@" fail_nth_test
fi

# What the kernel says when something went wrong inside
complaints=$here/complaints

# Memory that a whole run may leave in use, in kB: caches of the kernel, not ours, which
# it fills once (4.5 MB have been seen; the same program four times over adds 0.3 MB)
leak_limit=8192

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

# What no test can do with this kernel, as the programs put it
allowed_skips()
{
	grep -qE ' T iova_bitmap_for_each[[:space:]]*' /proc/kallsyms ||
		echo "this kernel cannot report what a device logs"
	[ -e /dev/iommu ] || echo "no /dev/iommu"
}

# run_program NAME TITLE: what a nested stream says must have no test that failed, was
# skipped without need, or is missing.
run_program()
{
	status=$(mktemp)
	output=$(mktemp)
	echo "# Subtest: $2"
	echo "mdevsim selftests: $2" >/dev/kmsg
	{
		KSFT_TAP_LEVEL=1 "$(program_path "$1")" 2>&1
		echo $? >"$status"
	} | sed -u 's/^/    /' | tee "$output"
	ok=0
	[ "$(cat "$status")" = 0 ] || ok=1
	remove_devices || ok=1
	if grep '# SKIP' "$output" | grep -vF "$skips"; then
		echo "# $2 skipped a test"
		ok=1
	fi
	planned=$(sed -n 's/^    1\.\.\([0-9]*\).*/\1/p' "$output")
	seen=$(grep -c '^    ok ' "$output")
	if [ "${planned:-0}" != "$seen" ]; then
		echo "# $2 planned ${planned:-no} tests, $seen passed"
		ok=1
	fi
	rm -f "$status" "$output"
	result $ok "$2"
}

# run_programs SUFFIX NAME...
run_programs()
{
	suffix=$1
	shift
	for program; do
		run_program "$program" "$program$suffix"
		load
	done
}

kernel_is_quiet()
{
	if ! dmesg | grep -qF "$begin"; then
		echo "# the kernel's log does not go back to \"$begin\""
		return 1
	fi
	! dmesg | sed "0,/$begin/d" | grep -Ef "$complaints" | sed 's/^/# /' | grep .
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

# A kernel that looks for lost memory itself keeps much that was freed, for KASAN.
memory_is_back()
{
	[ ! -e /sys/kernel/debug/kmemleak ] || return 0
	used=$(($(memory_in_use) - before))
	echo "# $used kB more in use than before"
	[ $used -le $leak_limit ]
}

[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -e "$MODULE" ] || skip_all "no module $MODULE"
modprobe -a vfio vfio_iommu_type1 mdev || skip_all "no VFIO with mediated devices"
! loaded || skip_all "mdevsim is loaded already"

begin="mdevsim selftests: begin $$"
echo "$begin" >/dev/kmsg
echo "KTAP version 1"
echo "1..$(($# + $(echo "$by_iommufd" | wc -w) + 4))"
before=$(memory_in_use)
load
result $? load
# An empty pattern would match every line.
skips=$(allowed_skips)
: "${skips:=none}"
run_programs '' "$@"
export BACKEND=cdev
# shellcheck disable=SC2086
run_programs ' by iommufd' $by_iommufd
unload
result $? unload
memory_is_back
result $? memory
kernel_is_quiet
result $? kernel_log
exit $failed
