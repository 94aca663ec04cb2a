#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# vfiomig timeline: what it makes of events, of two migrations in one file, of one that
# failed, and of lines that are none.
# shellcheck source=cli.sh
. "${0%/*}/cli.sh"

events=$cli/timeline.events
first=11111111-0000-4000-8000-000000000001
second=22222222-0000-4000-8000-000000000002

# answer EXPRESSION: of the JSON answer t
answer()
{
	python3 -c "import json, sys
t = json.load(open('out'))
sys.exit(not ($1))" && return
	echo "# expected $1 in:"
	sed 's/^/# /' out
	return 1
}

test_numbers()
{
	vfiomig 0 -j timeline "$events" && answer "t['source'] == '$first'" &&
		answer "t['destination'] == '$second'" && answer "t['downtime_ns'] == 43000000" &&
		answer "t['stopped_ns'] == 1500000000" && answer "t['duration_ns'] == 1543000000" &&
		answer "t['precopy_bytes'] == 68157440 and t['stopped_bytes'] == 142560" &&
		answer "t['loaded_bytes'] == 68300000 and t['rounds'] == 2" &&
		answer "[i['message'][:10] for i in t['incidents']] == ['stall-data']"
}

test_text()
{
	vfiomig 0 timeline "$events" && says '^downtime  *43.00 ms' &&
		says '^source  *|P*S-*|$' && says '^destination  *|L*>*R*|$' && says '^closer:$' &&
		says '^nobody runs  *| *##* *|$' && says 'P PRE_COPY'
}

# The order of the files, and of what two monitors wrote, does not matter.
test_two_files()
{
	vfiomig 0 -j timeline "$events" && cp out whole &&
		grep $second "$events" >there && grep $first "$events" >here &&
		vfiomig 0 -j timeline there here && cmp whole out &&
		sort -R "$events" >mixed && vfiomig 0 -j timeline - <mixed &&
		cmp whole out
}

test_picture()
{
	vfiomig 0 timeline "$events" -o picture.svg && python3 - <<-'END'
		import xml.etree.ElementTree as tree
		root = tree.parse('picture.svg').getroot()
		name = '{http://www.w3.org/2000/svg}'
		assert root.tag == name + 'svg'
		texts = [t.text for t in root.iter(name + 'text')]
		assert texts.count('downtime 43.00 ms') == 2, texts
		assert {'PRE_COPY', 'STOP_COPY', 'RESUMING', 'source', 'destination'} <= set(texts)
		for rect in root.iter(name + 'rect'):
		    if rect.get('x'):
		        right = float(rect.get('x')) + float(rect.get('width'))
		        assert right <= int(root.get('width')), rect.attrib
	END
}

# Names are somebody else's: they cannot say anything in a picture.
test_picture_escaped()
{
	sed "s/$first/<b\\&\\\\\">/" "$events" >escaped && vfiomig 0 timeline escaped -o picture.svg &&
		python3 -c "import xml.etree.ElementTree as tree
tree.parse('picture.svg')"
}

# QEMU opens its destination's session first.
test_destination_first()
{
	sed "/$second/s/\"time_ns\":170000000100/\"time_ns\":170000000090/" "$events" >first
	! cmp -s first "$events" &&
		vfiomig 0 -j timeline first && answer "t['destination'] == '$second'" &&
		answer "t['downtime_ns'] == 43000000"
}

# later SECONDS: the events, with the devices' roles changed over
later()
{
	sed "s/$first/X/; s/$second/$first/; s/X/$second/; s/\"time_ns\":17000000/\"time_ns\":17000001/" "$events"
}

test_number()
{
	{ cat "$events"; later; } >both
	vfiomig 0 -j timeline both && answer "t['source'] == '$second'" &&
		vfiomig 0 -j timeline --number 1 both && answer "t['source'] == '$first'" &&
		answer "t['downtime_ns'] == 43000000" &&
		vfiomig 1 timeline --number 3 both && says 'no migration 3, only 2' &&
		vfiomig 2 timeline --number none both && vfiomig 2 timeline --number 0 both
}

# A machine with two devices migrates both at once; each has a destination of its own.
test_two_at_once()
{
	third=33333333-0000-4000-8000-000000000003
	fourth=44444444-0000-4000-8000-000000000004
	{ cat "$events"
		sed "s/$first/$third/; s/$second/$fourth/; s/:68300000/:68300777/; s/\(time_ns\":.*\)000,\"/\1321,\"/" \
			"$events"; } >both
	vfiomig 0 -j timeline --number 1 both && answer "t['source'] == '$first'" &&
		answer "t['destination'] == '$second'" && answer "t['downtime_ns'] == 43000000" &&
		vfiomig 0 -j timeline --number 2 both && answer "t['source'] == '$third'" &&
		answer "t['destination'] == '$fourth' and t['loaded_bytes'] == 68300777"
}

# On another host a device may well have the same name.
test_same_name()
{
	grep $first "$events" >here && grep $second "$events" | sed "s/$second/$first/" >there &&
		vfiomig 0 -j timeline here there && answer "t['destination'] == '$first'" &&
		answer "t['downtime_ns'] == 43000000"
}

# A source whose destination was refused runs again, and that ends its downtime.
test_refused()
{
	grep -v $second "$events" | grep -v '"seq":11' >failed
	cat >>failed <<-END
		{"event":"refusal","device":"$second","seq":6,"time_ns":1700000002539000000,"message":"namespace_size: 1"}
		{"event":"state","device":"$first","seq":11,"time_ns":1700000002560000000,"from":"STOP_COPY","to":"STOP","duration_ns":100000,"errno":0}
		{"event":"state","device":"$first","seq":12,"time_ns":1700000002600000000,"from":"STOP","to":"RUNNING","duration_ns":100000,"errno":0}
	END
	vfiomig 0 -j timeline failed && answer "t['downtime_ns'] == 100000000" &&
		answer "'destination' not in t" && answer "t['incidents'][-1]['message'] == 'namespace_size: 1'"
}

# An arc that was refused leads nowhere, and is to be seen.
test_refused_arc()
{
	sed '/"seq":9,.*STOP_COPY/s/.*/&\n/; /"seq":8,"time_ns":1700000002502000000/s/"errno":0/"errno":5/' \
		"$events" >refused
	vfiomig 0 timeline refused && says '|P*x' && says EIO && vfiomig 0 -j timeline refused &&
		answer "t['incidents'][-1]['errno'] == 5"
}

# reset_to STATE: the source's line, when it was reset in pre-copy and was in STATE afterwards
reset_to()
{
	cat "$events" - >reset <<-END
		{"event":"reset","device":"$first","time_ns":1700000001500000000,"to":"$1","message":"-"}
	END
	vfiomig 0 timeline reset && grep '^source  *|' out >"line.$1"
}

# A reset by the guest does not end pre-copy.
test_reset()
{
	vfiomig 0 timeline "$events" && grep '^source  *|' out >line && reset_to PRE_COPY &&
		cmp line line.PRE_COPY && reset_to RUNNING && ! cmp -s line line.RUNNING
}

# Nobody runs at the end: there is no downtime to tell.
test_unfinished()
{
	grep -v '"to":"RUNNING"' "$events" >unfinished
	vfiomig 0 timeline unfinished && says 'neither device ran again' &&
		vfiomig 0 -j timeline unfinished && answer "'downtime_ns' not in t"
}

test_lost()
{
	{ cat "$events"; echo '{"event":"lost","device":null,"lost":3}'
		echo '{"event":"end","events":17,"lost":3}'; } >lossy
	vfiomig 0 timeline lossy && says 'lost  *3 events'
}

# no_event LINE SENTENCE
no_event()
{
	{ cat "$events"; echo "$1"; } >bad
	vfiomig 1 timeline bad && says 'line 18' && says "$2" && vfiomig 1 -j timeline bad &&
		says '"errno_name":"EINVAL"'
}

test_not_events()
{
	no_event 'nonsense' 'no JSON object' && no_event '[]' 'no JSON object' &&
		no_event '{' 'no JSON object' && no_event '{}' 'not which event' &&
		no_event '{"event":5}' 'not which event' &&
		no_event '{"event":"state","time_ns":1}' 'no device' &&
		no_event '{"event":"state","device":"x"}' 'no time_ns' &&
		no_event '{"event":"round","device":"x","time_ns":-1}' 'no time_ns' &&
		no_event '{"event":"state","device":"x","time_ns":1,"from":"NOWHERE"}' 'no from' &&
		no_event '{"event":"state","device":"x","time_ns":1,"from":"STOP"}' 'no to' &&
		no_event '{"event":"session-begin","device":"x","time_ns":1}' 'no phase' &&
		no_event '{"event":"round","device":"x","time_ns":1,"duration_ns":2}' 'no duration_ns'
}

# Events of kinds that a newer monitor may have are passed over.
test_unknown_kind()
{
	vfiomig 0 -j timeline "$events" && cp out whole &&
		{ cat "$events"; echo '{"event":"wonder","device":7}'; } >newer &&
		vfiomig 0 -j timeline newer && cmp whole out
}

test_nothing()
{
	: >empty
	vfiomig 1 timeline empty && says 'no event tells of a device that was saved' &&
		vfiomig 1 timeline nowhere && says ENOENT && vfiomig 2 timeline &&
		vfiomig 1 timeline . && says EISDIR
}

run_tests
