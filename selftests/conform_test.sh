#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# vfiomig conform on our own devices: they pass all of it, through both protocols, and
# it says so in the way that was promised; what it makes of a device that misbehaves is
# shown by one whose system calls conform_faults.so has bent.
#
#   FAULTS=     that library (default: build/selftests/conform_faults.so)
#
# shellcheck disable=SC2317 # tests are called by name
# shellcheck source=lib/vfiomig.sh
. "$(dirname "$0")/lib/vfiomig.sh"
: "${FAULTS:=${PROGRAMS:-${here%/*}/build/selftests}/conform_faults.so}"

a='' b=''

# Seconds that all checks of a device may take where the processor is emulated. A kernel that
# looks for lost memory, and every access to it, takes several times as long.
limit=60
[ ! -e /sys/kernel/debug/kmemleak ] || limit=180

# in_time PROTOCOL: what it has just run
in_time()
{
	json "$out" 'print("# '"$1"' took %.1f s, of which %s %.1f s" % (d["ns"] / 1e9,
		d["longest"]["name"], d["longest"]["ns"] / 1e9)) or d["ns"] < '"$limit"'e9'
}

# Skipped may be what the kernel does not let a device offer, and what it does not have:
# what opens devices, and what the debug kernel does without.
test_v2()
{
	lacking='"a device that is opened by cdev has one descriptor", "there is no userfaultfd: ENOSYS"'
	run 0 -j conform "$a" --second "$b" --recreate && in_time v2 || return 1
	json "$out" 'd["failed"] == 0 and d["passed"] + d["skipped"] == d["planned"]
		and d["protocol"] == "v2" and d["driver"] == "mdevsim"' &&
		json "$out" 'all(c["result"] == "pass" for c in d["checks"]
			if not c["name"].startswith("logging.") and c["name"] != "state.unclaimed"
			and c.get("reason") not in ('"$lacking"'))' &&
		json "$out" 'len({c["result"] for c in d["checks"]
			if c["name"].startswith("logging.")}) == 1'
}

# Each that is skipped has a reason, and there are as many as through the other protocol.
test_region()
{
	run 0 -j conform "$a" --second "$b" --region && in_time region || return 1
	json "$out" 'd["failed"] == 0 and d["passed"] > 60 and d["protocol"] == "v1"' &&
		json "$out" 'all(c["reason"] for c in d["checks"] if c["result"] == "skip")' &&
		cp "$out" "$scratch/region" && run 0 -j conform --list &&
		json "$out" '[c["name"] for c in d["checks"]] ==
			[c["name"] for c in json.load(open("'"$scratch/region"'"))["checks"]]'
}

test_ktap()
{
	run 0 conform "$a" --only 'arc.STOP.*,logging.exact,reset.flag' --skip 'arc.STOP.RUNNING*' &&
		says '^KTAP version 1$' && says '^1\.\.8$' && says '^ok 1 arc.STOP.RESUMING$' &&
		says '^ok 4 arc.STOP.RUNNING # SKIP left out by --skip$' &&
		says '^ok 7 reset.flag$' && says '^# [56] passed, 0 failed, [23] skipped$' &&
		says '^# took .*s, of which .*s$'
}

# with_fault NAME CHECKS: run them with that fault, and one that is none the worse for it
with_fault()
{
	env LD_PRELOAD="$FAULTS" CONFORM_FAULT="$1" "$VFIOMIG" -j conform "$a" --timeout 2 \
		--only "state.claims,$2" >"$out" 2>"$err"
	got=$?
	[ "$got" = 1 ] || { shows "fault $1: exit status $got, not 1"; return 1; }
	json "$out" 'd["checks"][0]["result"] == "pass"
		and d["passed"] + d["failed"] + d["skipped"] == d["planned"]' &&
		cp "$out" "$scratch/found" && is_running "$a" && cp "$scratch/found" "$out"
}

# fault NAME CHECK...: with that fault these checks fail
fault()
{
	fault=$1
	shift
	with_fault "$fault" "$(echo "$*" | tr ' ' ,)" || return 1
	json "$out" 'd["failed"] == '$#' == len(d["checks"]) - 1 and all(
		c["rule"] and c["place"] and c["findings"] and
		all(f["at"] and f["expected"] and f["seen"] for f in c["findings"])
		for c in d["checks"][1:])'
}

test_fault_get_fd()     { fault get-fd state.spontaneous arc.RUNNING.STOP; }
test_fault_get_state()  { fault get-state arc.STOP.RUNNING_P2P state.same; }
test_fault_set_fd()     { fault set-fd arc.STOP.STOP_COPY arc.RUNNING.PRE_COPY; }
test_fault_forbidden()  { fault forbidden arc.STOP_COPY.PRE_COPY arc.STOP_COPY.PRE_COPY_P2P; }
test_fault_error()      { fault error state.error state.out-of-range; }
test_fault_unknown()    { fault unknown feature.unknown; }
test_fault_argsz()      { fault argsz feature.short-argsz; }
test_fault_probe()      { fault probe feature.probe feature.flags feature.wrong-way; }
test_fault_claims()     { fault claims feature.claims; }
test_fault_info()       { fault info info.start info.falls; }
test_fault_info_size()  { fault info-size info.errors info.other-states; }
test_fault_data_size()  { fault data-size data-size.holds data-size.remaining; }
test_fault_enomsg()     { fault enomsg precopy.quiet; }
test_fault_end()        { fault end read.end; }
test_fault_poll()       { fault poll poll.quiet; }
test_fault_wake()       { fault wake poll.wakes; }
test_fault_short()      { fault short read.threads load.round-trip; }
test_fault_commit()     { fault commit write.empty write.truncated write.foreign; }
test_fault_write()      { fault write write.over; }
test_fault_reset()      { fault reset reset.STOP; }
test_fault_emfile()     { fault emfile no-fd.STOP_COPY no-fd.RESUMING; }

# What it waited for is said, and the others go on, until there are too many.
test_fault_hang()
{
	with_fault hang no-fd.RESUMING,fd-kept.RESUMING,feature.flags && json "$out" '
		[c["result"] for c in d["checks"]] == ["pass", "pass", "fail", "fail"]
		and all("still waiting after 2000 ms" in f["seen"] and "-> RESUMING" in f["at"]
			for c in d["checks"] if c["result"] == "fail" for f in c["findings"])' &&
		with_fault hang write.empty,write.left,write.threads,write.nothing && json "$out" '
		["reason" in c for c in d["checks"]] == [False, False, False, False, True]
		and d["checks"][4]["reason"].startswith("too many checks")'
}

test_fault_crash()
{
	with_fault crash no-fd.RESUMING && json "$out" '
		"died of Segmentation fault" in d["checks"][1]["findings"][0]["seen"]'
}

# The device is left running, whatever it was doing when the user has had enough.
test_interrupted()
{
	"$VFIOMIG" conform "$a" >"$out" 2>"$err" &
	pid=$!
	until grep -q '^ok 3 ' "$out"; do
		kill -0 "$pid" || return 1
		sleep 0.1
	done
	kill -INT "$pid"
	wait "$pid"
	[ $? = 1 ] && says '^# not run: stopped by a signal$' && is_running "$a"
}

if ! { create a 64M && create b 64M; }; then
	bail_out "cannot create devices"
fi
[ -e "$FAULTS" ] || bail_out "no library $FAULTS"
run_tests
