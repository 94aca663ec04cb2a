#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The clients of the netlink family: vfiomig monitor, stats, fault, shape and
# profile, and the kernel's own cli.py, which knows nothing but the specification.
#
# shellcheck disable=SC2317 # tests are called by name
# shellcheck source=lib/vfiomig.sh
. "$(dirname "$0")/lib/vfiomig.sh"

a='' b=''
spec=${here%/*}/Documentation/netlink/specs/mdevsim.yaml
cli=${here%/*}/build/linux-source/tools/net/ynl/cli.py

# in_background FILE COMMAND...: started, and its output in FILE
in_background()
{
	file=$1
	shift
	"$@" >"$file" 2>"$file.err" &
	background=$!
}

# appears FILE TEXT: within ten seconds
appears()
{
	for _ in $(seq 100); do
		! grep -q -- "$2" "$1" || return 0
		sleep 0.1
	done
	cp "$1" "$out"
	shows "expected '$2' to appear in:"
	return 1
}

# monitored ARG...: a monitor runs, and has joined the group
monitored()
{
	in_background "$scratch/events" "$VFIOMIG" -v "$@"
	appears "$scratch/events.err" watching
}

end_monitor()
{
	kill -INT "$background" && wait "$background"
}

# events CONDITION: true of the list e of what the monitor printed
events()
{
	python3 -c 'import json, sys
e = [json.loads(line) for line in open(sys.argv[1])]
sys.exit(0 if eval("(" + sys.argv[2] + ")") else "# not true: " + sys.argv[2])' \
		"$scratch/events" "$1" && return 0
	cp "$scratch/events" "$out"
	shows "where the lines of e are:"
	return 1
}

# A migration as both sides saw it, and what the tool counted
test_monitor_json()
{
	monitored -j monitor || return
	run 0 -j migrate "$a" "$b" && end_monitor || return
	keys='version time_ns device event seq total from to errno phase bytes dirty_bytes duration_ns fault message'
	events 'e[-1]["event"] == "end" and e[-1]["lost"] == 0' &&
		events 'e[-1]["events"] == len(e) - 1' &&
		events "all(set(\"$keys\".split()) <= set(x) for x in e[:-1])" &&
		events 'all(y["total"] == x["total"] + 1 for x, y in zip(e[:-2], e[1:-1]))' &&
		events "[(x['from'], x['to']) for x in e if x['event'] == 'state' and x['device'] == '$a'][:3]
			== [('RUNNING', 'PRE_COPY'), ('PRE_COPY', 'PRE_COPY_P2P'), ('PRE_COPY_P2P', 'STOP_COPY')]" &&
		events "len({x['bytes'] for x in e if x['event'] == 'session-end'}) == 1" &&
		events "any(x['event'] == 'session-begin' and x['phase'] == 'resuming' and
			x['device'] == '$b' for x in e)"
}

test_monitor_text()
{
	monitored monitor "$a" || return
	run 0 migrate "$a" "$b" && end_monitor || return
	cp "$scratch/events" "$out"
	says " $a state RUNNING -> PRE_COPY, " && says " $a session-end .*B, " && says_not "$b" &&
		says '^[0-9]* events, 0 lost$'
}

# events_of DEVICE: how many there were
events_of()
{
	"$VFIOMIG" -j stats "$1" | python3 -c 'import json, sys
print(json.load(sys.stdin)["devices"][0]["events"])'
}

# It does not run for a while, and then comes to an end: whatever it missed it knows of.
test_monitor_overrun()
{
	before=$(events_of "$a")
	monitored -j monitor "$a" || return
	kill -STOP "$background"
	there_and_back=$(yes 'STOP RUNNING' | head -n 400)
	# shellcheck disable=SC2086 # words they are
	for _ in $(seq 40); do
		"$VFIOMIG" drive "$a" $there_and_back >/dev/null 2>&1 || return
	done
	after=$(events_of "$a")
	kill -INT "$background" && kill -CONT "$background" && wait "$background"
	events 'e[-1]["lost"] > 0' &&
		events 'sum(x["lost"] for x in e[:-1] if x["event"] == "lost") == e[-1]["lost"]' &&
		events "e[-1]['events'] + e[-1]['lost'] == $after - $before"
}

# A device that is made again is another one: it counts from 1, and none is missing.
test_monitor_made_again()
{
	run 0 create mdevsim-nvme-64M && c=$(cat "$out") && monitored -j monitor "$c" || return
	run 0 drive "$c" STOP RUNNING && run 0 remove "$c" &&
		run 0 create mdevsim-nvme-64M --uuid "$c" && run 0 drive "$c" STOP && end_monitor
	status=$?
	"$VFIOMIG" remove "$c"
	[ "$status" = 0 ] && events 'e[-1]["lost"] == 0' &&
		events '[x["seq"] for x in e if x["event"] == "created"] == [1]' &&
		events '[x["event"] for x in e].index("removed") + 1 ==
			[x["event"] for x in e].index("created")'
}

test_monitor_of_nothing()
{
	run 1 monitor 00000000-0000-0000-0000-000000000000
}

test_stats()
{
	run 0 -j stats && json "$out" "{'$a', '$b'} <= {x['device'] for x in d['devices']}" &&
		run 0 -j stats "$a" && json "$out" 'len(d["devices"]) == 1 and
			d["devices"][0]["state"] == "RUNNING" and d["devices"][0]["bytes"] > 0' &&
		run 0 stats "$a" && says '^  state  *RUNNING$' && says '^  pages dirtied  *0$'
}

test_fault()
{
	run 0 fault "$a" arc errno=EBUSY from=RUNNING_P2P to=stop times=1 && prints 1 &&
		run 1 drive "$a" STOP && says EBUSY &&
		run 0 fault "$a" && prints '1: arc times=1 from=RUNNING_P2P to=STOP errno=EBUSY hits=1' &&
		run 0 -j fault "$a" && json "$out" 'd["faults"] == [{"id": 1, "kind": "arc", "times": 1,
			"from": "RUNNING_P2P", "to": "STOP", "errno": "EBUSY", "hits": 1}]' &&
		run 0 drive "$a" STOP &&
		run 0 fault "$a" --remove 1 && run 0 fault "$a" && [ ! -s "$out" ]
}

test_fault_refused()
{
	run 2 fault "$a" nonsense && says "no kind of fault 'nonsense'" &&
		run 2 fault "$a" arc errno=ENOTHING && says "'ENOTHING' is no errno" &&
		run 2 fault "$a" arc foo=1 && says "no value 'foo'" &&
		run 1 fault "$a" rate rate=99999T && says 'reason: a rate is at least 1' &&
		run 1 fault "$a" arc && says 'reason: a fault of this kind needs another attribute' &&
		run 1 fault "$a" refuse bit=1 && says 'does not take this attribute' &&
		run 1 fault "$a" arc errno=600 && says 'reason: ' &&
		run 1 fault "$a" --remove 7 && says 'reason: the device has no such fault'
}

test_shape()
{
	run 0 shape "$a" dirty_rate=10M dirty_span=1M delay.STOP=20 && run 0 -j shape "$a" &&
		json "$out" 'd["shape"]["dirty_rate"] == 10 << 20 and d["shape"]["dirty_span"] == 1 << 20
			and d["shape"]["delay"] == {"STOP": 20}' &&
		run 1 shape "$a" target=guest && says 'reason: which guest memory may be overwritten' &&
		run 0 shape "$a" --clear && run 0 -j shape "$a" &&
		json "$out" 'd["shape"]["dirty_rate"] == 0 and d["shape"]["delay"] == {}'
}

# The state that nobody needs is described, checked and compared like any other.
test_extra_state()
{
	run 0 shape "$a" initial_extra=2M final_extra=1500000 &&
		run 0 save "$a" -o "$scratch/state" && run 0 verify "$scratch/state" &&
		run 0 dump "$scratch/state" && says 'synthetic' && says 'left=451424' &&
		run 0 load "$b" -i "$scratch/state" && run 0 shape "$a" --clear
}

test_profile()
{
	cat >"$scratch/profile" <<-'END'
		{ "shape": { "initial_extra": "1M", "delay": { "STOP": 10 } },
		  "faults": [ { "kind": "flip", "offset": 5, "bit": 1 },
		              { "kind": "nvme-status", "status": 6, "admin": true } ] }
	END
	run 0 profile "$a" "$scratch/profile" && run 0 fault "$a" && says 'flip offset=5 bit=1' &&
		says 'nvme-status admin=1 status=6' &&
		run 0 -j shape "$a" && json "$out" 'd["shape"]["initial_extra"] == 1 << 20 and
			d["shape"]["delay"] == {"STOP": 10}' &&
		echo '{ "shape": {}, "faults": [ { "kind": "flip", "bit": 9999 } ] }' \
			>"$scratch/profile" && run 2 profile "$a" "$scratch/profile" &&
		run 0 fault "$a" && says 'flip offset=5 bit=1' && run 0 -j shape "$a" &&
		json "$out" 'd["shape"]["initial_extra"] == 1 << 20' &&
		echo '{}' >"$scratch/profile" && run 0 profile "$a" "$scratch/profile" &&
		run 0 fault "$a" && [ ! -s "$out" ] &&
		echo '{ "faults": 1 }' >"$scratch/profile" && run 2 profile "$a" "$scratch/profile" &&
		echo '{' >"$scratch/profile" && run 1 profile "$a" "$scratch/profile"
}

ynl()
{
	python3 "$cli" --no-schema --spec "$spec" --output-json "$@" >"$out" 2>"$err"
}

test_foreign_client()
{
	ynl --dump dev-get && json "$out" "{'$a', '$b'} <= {x['name'] for x in d}" &&
		ynl --do fault-add --json "{\"dev\": \"$a\", \"kind\": \"refuse\", \"times\": 1}" &&
		ynl --dump fault-get && json "$out" "d[0]['dev'] == '$a' and d[0]['kind'] == 'refuse'" &&
		ynl --do fault-del --json "{\"dev\": \"$a\", \"all\": true}" &&
		{ ynl --do fault-add --json "{\"dev\": \"$a\", \"kind\": \"arc\"}"; :; } &&
		says 'a fault of this kind needs another attribute' &&
		ynl --do shape-get --json "{\"dev\": \"$a\"}" && json "$out" 'd["dirty-rate"] == 0'
}

test_debugfs()
{
	migration=/sys/kernel/debug/vfio/$a/migration
	[ -d /sys/kernel/debug/vfio ] || mount -t debugfs none /sys/kernel/debug || return
	[ "$(cat "$migration/state")" = RUNNING ] || return
	# A kernel that makes these files itself had only the state at first.
	if grep -q ' vfio_device_debugfs_init$' /proc/kallsyms && [ ! -e "$migration/features" ]; then
		return 0
	fi
	cp "$migration/features" "$out"
	[ "$(stat -c %a "$migration/state" "$migration/features" | sort -u)" = 444 ] || return
	says '^stop-copy$' && says '^p2p$' && says '^pre-copy$' && says_not 'RUNNING'
}

if ! { create a 64M && create b 64M; }; then
	bail_out "cannot create devices"
fi
run_tests
