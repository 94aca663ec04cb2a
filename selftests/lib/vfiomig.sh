# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
#
# To be sourced by tests of vfiomig on devices: running the program, looking at
# what it says, and a stream of KTAP with one test for each function test_*().
#
#   VFIOMIG=    the program (default: build/tools/vfiomig)
#
# Wants mdevsim loaded. Exit status as kselftest has it.
here=$(cd "$(dirname "$0")" && pwd)
: "${VFIOMIG:=${here%/*}/build/tools/vfiomig}"
LC_ALL=C
export LC_ALL
unset NO_COLOR

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -x "$VFIOMIG" ] || skip_all "no program $VFIOMIG"
grep -q '^mdevsim ' /proc/modules || skip_all "mdevsim is not loaded"

scratch=$(mktemp -d)
out=$scratch/out
err=$scratch/err
devices=

# shellcheck disable=SC2086
cleanup()
{
	[ -z "$devices" ] || "$VFIOMIG" remove $devices
	rm -rf "$scratch"
}
trap cleanup EXIT

# create VARIABLE SIZE: make a device
create()
{
	uuid=$("$VFIOMIG" create "mdevsim-nvme-$2") || return 1
	devices="$devices $uuid"
	eval "$1=$uuid"
}

# shows WHAT: that, and what the program has said
shows()
{
	echo "# $1"
	head -n 40 "$out" "$err" | tr -d '\000\033' | tr '\r' '\n' | sed 's/^/#   /'
}

# run STATUS ARG...: with that exit status
run()
{
	want=$1
	shift
	"$VFIOMIG" "$@" >"$out" 2>"$err"
	got=$?
	[ "$got" = "$want" ] && return 0
	shows "vfiomig $*: exit status $got, not $want"
	return 1
}

says()
{
	grep -aq -- "$1" "$out" "$err" && return 0
	shows "expected '$1' in:"
	return 1
}

# prints LINE...: these, and nothing else
prints()
{
	[ "$(cat "$out")" = "$(printf '%s\n' "$@")" ] && return 0
	shows "expected: $*"
	return 1
}

says_not()
{
	grep -aq -- "$1" "$out" "$err" || return 0
	shows "expected no '$1' in:"
	return 1
}

# json FILE CONDITION: it is JSON, and the condition is true of it, called d
json()
{
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
sys.exit(0 if eval("(" + sys.argv[2] + ")") else "# not true: " + sys.argv[2])' "$1" "$2" && return 0
	shows "where d is:"
	return 1
}

# Any operation brings a device back to RUNNING, and so does closing it: what
# the program itself has seen before it closed the device is in its notes.
source_runs_again()
{
	says "$1 is RUNNING again" && says_not "$1 was reset"
}

is_running()
{
	run 0 -j show "$1" && json "$out" 'd["migration"]["state"] == "RUNNING"'
}

# Every function test_*() of the script, in the order in which they stand there
run_tests()
{
	failed=0
	nr=0
	# shellcheck disable=SC2046
	set -- $(sed -n 's/^\(test_[a-z_0-9]*\)().*/\1/p' "$0")
	echo "1..$#"
	for test; do
		nr=$((nr + 1))
		if $test; then
			echo "ok $nr $test"
		else
			echo "not ok $nr $test"
			failed=1
		fi
	done
	exit $failed
}

bail_out()
{
	echo "Bail out! $1"
	exit 1
}
