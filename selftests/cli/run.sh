#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests of vfiomig that need no device: what dump says of sound and of broken
# streams, the manners of the command line, and a made-up /sys. Prints KTAP.
#
# VFIOMIG and MAKE_STREAM name the programs; UPDATE=1 writes the expected files
# anew instead of comparing, for a person to look at the difference.
set -u
cli=$(cd "$(dirname "$0")" && pwd)
top=$cli/../..
: "${VFIOMIG:=$top/build/tools/vfiomig}"
: "${MAKE_STREAM:=$top/build/selftests/cli/make_stream}"
export VFIOMIG
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
nr=0
failed=0
LC_ALL=C
export LC_ALL
unset NO_COLOR

# result STATUS NAME: one line of KTAP
result()
{
	nr=$((nr + 1))
	if [ "$1" = 0 ]; then
		echo "ok $nr $2"
	else
		failed=$((failed + 1))
		echo "not ok $nr $2"
	fi
}

# vfiomig STATUS ARG...: run it in the directory of streams, expect the exit status
vfiomig()
{
	want=$1
	shift
	(cd "$scratch" && "$VFIOMIG" "$@") >"$scratch/out" 2>"$scratch/err"
	got=$?
	[ $got = "$want" ] && return 0
	echo "# vfiomig $*: exit status $got, not $want"
	sed 's/^/# /' "$scratch/err"
	return 1
}

# Expected files carry comments, which start with "#".
same()
{
	if [ -n "${UPDATE:-}" ]; then
		grep '^#' "$cli/$1" >"$scratch/comments" 2>/dev/null ||
			echo '# SPDX-License-Identifier: GPL-2.0' >"$scratch/comments"
		cat "$scratch/comments" "$2" >"$cli/$1"
	fi
	grep -v '^#' "$cli/$1" >"$scratch/expected"
	diff -u "$scratch/expected" "$2" >"$scratch/diff" && return 0
	sed 's/^/# /' "$scratch/diff"
	return 1
}

says()
{
	grep -q -- "$1" "$scratch/out" "$scratch/err" && return 0
	echo "# expected '$1' in:"
	sed 's/^/# /' "$scratch/out" "$scratch/err"
	return 1
}

is_json()
{
	python3 -m json.tool <"$scratch/out" >"$scratch/json" && return 0
	echo "# not JSON:"
	sed 's/^/# /' "$scratch/out"
	return 1
}

test_dump_text()
{
	vfiomig 0 dump old && same dump.text "$scratch/out"
}

# Expected files are of the stream without a schema: words in one would move everything.
test_dump_hex()
{
	vfiomig 0 dump --hex --data old && same dump.hex "$scratch/out"
}

# JSON has no comments: the expected file is compared as it is.
test_dump_json()
{
	vfiomig 0 -p dump old || return 1
	is_json || return 1
	[ -z "${UPDATE:-}" ] || cp "$scratch/out" "$cli/dump.json"
	diff -u "$cli/dump.json" "$scratch/out" >"$scratch/diff" && return 0
	sed 's/^/# /' "$scratch/diff"
	return 1
}

# What the schema in the stream says is what this program knows, in all words.
test_dump_schema()
{
	vfiomig 0 -j dump old && cp "$scratch/out" "$scratch/first" &&
		vfiomig 0 -j dump good || return 1
	python3 - "$scratch/first" "$scratch/out" <<-'END'
		import json, sys
		old, good = (json.load(open(name)) for name in sys.argv[1:])
		assert (old['described_by'], good['described_by']) == ('vfiomig', 'stream')
		assert len(old['notes']) == 1 and 'notes' not in good
		schema = good['records'].pop(1)['fields']
		for name in 'table', 'field', 'item':
		    assert len(schema[name]) == schema['nr_%ss' % name] > 20, name
		text = bytes.fromhex(schema['text'])
		assert len(text) == schema['text_length']
		names = [text[t['name']:].split(b'\0')[0].decode() for t in schema['table']]
		assert set(r['record'] for r in good['records']) < set(names), names
		old['records'][-1]['fields'] = good['records'][-1]['fields']
		assert [r['fields'] for r in old['records']] == [r['fields'] for r in good['records']]
	END
}

# A line, and where it is asked for all it says.
test_dump_schema_verbose()
{
	vfiomig 0 dump good && says 'record 1: schema, .*: [0-9]* tables, [0-9]* fields, ' &&
		! grep -q '^  table\[0\]\.name' "$scratch/out" && vfiomig 0 dump -v good &&
		says '^  table\[0\]\.name  *[0-9]* .*"stream-header"' &&
		says '^  field\[0\]\.kind  *3 (characters)'
}

# A schema that leaves fields of its own out leaves them unexplained, printed or not.
test_dump_schema_unexplained()
{
	edited good 'schema.table[4].nr_fields=6' || return 1
	vfiomig 0 -j dump edited && unexplained=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["summary"]["unexplained"])' "$scratch/out") &&
		[ "$unexplained" -gt 10000 ] &&
		vfiomig 0 dump edited && says "^[0-9]* bytes, $unexplained unexplained\$" &&
		vfiomig 0 dump -v edited && says "^[0-9]* bytes, $unexplained unexplained\$" &&
		vfiomig 0 dump --hex edited && says "^[0-9]* bytes, $unexplained unexplained\$"
}

# Framing is decoded by the schema like the rest, reserved fields and all.
test_dump_json_framing()
{
	edited good irq.header.instance=7 irq.header.reserved=0102 irq.trailer.reserved=05 &&
		vfiomig 1 -j dump edited && python3 - "$scratch/out" <<-'END'
			import json, sys
			for record in json.load(open(sys.argv[1]))['records']:
			    header, trailer = record['header'], record['trailer']
			    assert header['type'] == {'value': record['type'], 'name': record['record']}
			    assert header['flags'] == {'value': int(record['optional']),
			                               'optional': int(record['optional'])}
			    for name in 'version', 'sequence', 'instance', 'length':
			        assert header[name] == record[name], name
			    assert trailer['crc'] == record['crc']
			    irq = record['record'] == 'irq'
			    assert header['instance'] == (7 if irq else 0), header
			    assert header['reserved'] == ('0102' if irq else 0), header
			    assert trailer['reserved'] == ('05000000' if irq else 0), trailer
		END
}

# hex_complete KIND: every byte of the stream is in its hexadecimal dump, once and in order.
hex_complete()
{
	vfiomig 0 dump --hex "$1" || return 1
	od -An -v -tx1 -w1 "$scratch/$1" | tr -d ' ' >"$scratch/bytes"
	# The namespace's contents are left out without --data.
	python3 - "$scratch/out" "$scratch/bytes" <<-'END'
		import re, sys
		shown = {}
		for line in open(sys.argv[1]):
		    m = re.match(r'( {4})?([0-9a-f]{8})  ((?:[0-9a-f]{2} ){1,16})', line)
		    if m:
		        for i, byte in enumerate(m[3].split()):
		            assert int(m[2], 16) + i not in shown, line
		            shown[int(m[2], 16) + i] = byte
		bytes = open(sys.argv[2]).read().split()
		hidden = [i for i in range(len(bytes)) if i not in shown]
		wrong = [i for i in shown if shown[i] != bytes[i]]
		if len(hidden) == 4096 and hidden[-1] - hidden[0] == 4095 and not wrong:
		    sys.exit(0)
		print('#', len(hidden), 'bytes not shown,', len(wrong), 'shown wrong')
		sys.exit(1)
	END
}

test_dump_hex_complete()
{
	hex_complete good && hex_complete wonder && hex_complete required
}

# shellcheck disable=SC2002 # pipes they have to be
test_dump_stdin()
{
	(cd "$scratch" && "$VFIOMIG" dump - <old) >"$scratch/out" 2>"$scratch/err" &&
		same dump.text "$scratch/out" &&
		cat "$scratch/old" | (cd "$scratch" && "$VFIOMIG" dump -) >"$scratch/out" 2>"$scratch/err" &&
		same dump.text "$scratch/out"
}

# A type and a version that nobody has ever seen, both required, explained by the stream itself.
test_dump_wonder()
{
	vfiomig 0 dump wonder && says '^[0-9]* bytes, 0 unexplained$' &&
		says 'record 4: wonder, version 3, 32 bytes' && says '^  word  *"oh"$' &&
		says '^  mood  *5 (cheerful)$' && says '^  flags  *0x1231 HOT=1 DEPTH=291$' &&
		says '^  strange  *deadbeef$' && says '^  part\[1\]\.weight  *65536$' &&
		says 'record 5: nvme-regs, version 2, 12 bytes' &&
		says '^  at_once  *0x00001000$' &&
		vfiomig 0 -j dump wonder && is_json &&
		says '"part":\[{"weight":1,"rest":\[7,8,9\]},{"weight":65536,"rest":\[10,11,12\]}\]'
}

test_dump_undescribed()
{
	vfiomig 0 dump optional && says '^[0-9]* bytes, 14 unexplained$' &&
		vfiomig 0 dump required && says '^[0-9]* bytes, 14 unexplained$' &&
		vfiomig 0 -j dump required && says '"unexplained":14'
}

# From before there were schemas: said once, on standard error.
test_dump_old()
{
	vfiomig 0 dump old && says '^6920 bytes, 0 unexplained$' &&
		[ "$(grep -c 'no schema' "$scratch/err")" = 1 ] &&
		vfiomig 0 dump good && [ ! -s "$scratch/err" ]
}

# broken KIND STATUS ERRNO SENTENCE: text and JSON say what is wrong with it
broken()
{
	vfiomig "$2" dump "$1" && says "$3" && says "$4" || return 1
	vfiomig "$2" -j dump "$1" && is_json && says "\"errno_name\":\"$3\"" && says "$4"
}

test_dump_flipped()   { broken flipped 1 EBADMSG 'record 4 (irq, type 4) at byte 4720'; }
test_dump_truncated() { broken truncated 1 ENODATA 'ends at byte 5966'; }
test_dump_headless()  { broken headless 1 ENODATA 'ends at byte 20'; }
test_dump_empty()     { broken empty 1 ENODATA 'ends at byte 0'; }
test_dump_swapped()   { broken swapped 1 EPROTO 'record 4 (nvme-regs, type 5) at byte 4720'; }
test_dump_trailing()  { broken trailing 1 EPROTO 'bytes after the end record: 1,'; }
test_dump_foreign()   { broken foreign 3 EILSEQ 'magic'; }
test_dump_miscounted() { broken miscounted 1 EINVAL 'nvme-queues.*counts more elements'; }

# What is broken does not hide what is not.
test_dump_goes_on()
{
	vfiomig 1 dump flipped && says 'record 11: end' && says '^6920 bytes, 0 unexplained$' &&
		[ "$(grep -c BROKEN "$scratch/out")" = 1 ] &&
		vfiomig 1 dump truncated && says '^5966 bytes, 30 unexplained$'
}

# No stream that ends early is taken for a whole one, wherever it ends.
test_dump_every_truncation()
{
	size=$(wc -c <"$scratch/good")
	at=0
	while [ $at -lt "$size" ]; do
		head -c $at "$scratch/good" | "$VFIOMIG" dump - >"$scratch/out" 2>"$scratch/err"
		if [ $? != 1 ] || ! says ENODATA; then
			echo "# cut at $at"
			return 1
		fi
		at=$((at + 171))
	done
}

# ---- verify

test_verify_sound()
{
	for kind in good old split again; do
		vfiomig 0 verify $kind && says '^device .*would load it$' &&
			! grep -q BROKEN "$scratch/out" || return 1
	done
	vfiomig 0 verify good && says '^schema .* 17 layouts compared' &&
		vfiomig 0 -j verify good && is_json && says '"loads":true' && says '"problems":\[\]' &&
		says '"known_layouts":17'
}

test_verify_pipe()
{
	# shellcheck disable=SC2002 # a pipe it has to be
	cat "$scratch/good" | "$VFIOMIG" verify - >"$scratch/out" 2>"$scratch/err" &&
		says 'would load it'
}

# refuses STATUS ERRNO SENTENCE FILE: verify says so, as text and as JSON
refuses()
{
	vfiomig "$1" verify "$4" && says "$2" && says "$3" || return 1
	vfiomig "$1" -j verify "$4" && is_json && says "\"errno_name\":\"$2\""
}

test_verify_broken()
{
	refuses 1 EBADMSG 'record 4 (irq, type 4) at byte 4720: checksum' flipped &&
		refuses 1 ENODATA 'ends at byte 5966' truncated &&
		refuses 1 EPROTO 'record 4 (nvme-regs, type 5) .*: carries sequence number' swapped &&
		refuses 1 EPROTO 'after the end record' trailing &&
		refuses 1 EINVAL '42 + 1 queues do not make' miscounted &&
		refuses 1 ENODATA 'ends at byte 0' empty
}

# Sound, but of a kind that is not known here
test_verify_foreign()
{
	refuses 3 EOPNOTSUPP 'type 77.*required record of unknown type' wonder &&
		refuses 3 EILSEQ magic foreign &&
		edited good stream-header.version_minor=9 && vfiomig 0 verify edited &&
		edited good stream-header.required=0x10 &&
		refuses 3 EOPNOTSUPP 'features 0x10' edited &&
		edited good stream-header.version_major=2 &&
		refuses 3 EOPNOTSUPP 'stream version 2.1 there' edited &&
		edited good identity.version_minor=1 && refuses 3 EXDEV 'version: 1.1' edited &&
		edited wonder wonder.header.flags=1 nvme-regs.header.flags=1 &&
		vfiomig 0 verify edited
}

# A record that the schema does not describe, and a schema that lies: a device does not care.
test_verify_schema()
{
	refuses 1 EINVAL 'the schema does not describe it' optional && says '"loads":true' &&
		edited good schema.field[20].name=0 &&
		refuses 1 EINVAL 'is not as it is known here' edited &&
		says '"loads":true' &&
		edited good schema.table[0].type=9 &&
		refuses 1 EINVAL 'does not describe the stream-header' edited &&
		edited good schema.field[20].width=3 && refuses 1 EINVAL 'do not tile' edited
}

# Fields that no device could have, each refused with the record's name.
test_verify_fields()
{
	while read -r status refusal assignment; do
		edited good "$assignment" || return 1
		vfiomig "$status" verify edited && says "$refusal" && continue
		echo "# $assignment"
		return 1
	done <<-END
		1 nvme-queues nvme-queues.sq[1].tail=2000
		1 nvme-queues nvme-queues.sq[0].cqid=7
		1 nvme-queues nvme-queues.cq[0].qid=0
		1 nvme-regs nvme-regs.csts.RDY=0
		3 nvme-regs nvme-regs.cap.MQES=7
		1 nvme-admin nvme-admin.sq_head=32
		1 nvme-features nvme-features.feature[0].fid=12
		1 nvme-aer nvme-aer.cid[7]=1
		1 nvme-logs nvme-logs.error[0].error_count=5
		1 irq irq.intx=2
		1 irq irq.vectors=2
		1 configuration pci-config.vendor_id=1
		1 ns-data ns-data.slba=1
		1 ns-data ns-data.nlb=7
		1 ns-zero ns-zero.slba=131072
		1 ns-zero ns-zero.nsid=2
		1 namespace_size identity.namespace_size=5
		3 function identity.function=nic
		1 reserved identity.reserved0=01
		1 end end.records=3
		1 end end.bytes=3
		1 irq irq.header.sequence=9
		1 irq irq.header.length=8
		1 flags irq.header.flags=2
		1 version irq.header.version=2
		1 instance irq.header.instance=1
		1 irq irq.trailer.crc=0
		1 irq irq.trailer.reserved=01
	END
}

# Each record left out, written twice, and moved: refused, and said of which record.
test_verify_records()
{
	for record in identity schema pci-config irq nvme-regs nvme-admin nvme-queues \
		      nvme-features nvme-aer nvme-logs end; do
		for change in drop duplicate swap; do
			[ $change-$record != swap-end ] || continue
			vfiomig 0 edit good --$change $record -o edited || return 1
			vfiomig 1 verify edited && says 'record [0-9]* (\|end record' && continue
			echo "# $change $record"
			return 1
		done
	done
}

# A namespace extent may be left out, repeated and moved: it is another state, and as good.
test_verify_extents()
{
	for change in drop duplicate swap; do
		vfiomig 0 edit good --$change ns-data -o edited && vfiomig 0 verify edited || return 1
	done
	vfiomig 0 edit good --drop ns-data -o edited && vfiomig 3 diff good edited &&
		says '^namespace: blocks 8 to 15 differ'
}

# Nothing that is cut off, and no byte that is changed, passes.
test_verify_bytes()
{
	python3 - "$VFIOMIG" "$scratch/good" <<-'END'
		import subprocess, sys
		good = open(sys.argv[2], 'rb').read()
		def status(data):
		    return subprocess.run([sys.argv[1], 'verify', '-'], input=data,
		                          stdout=subprocess.DEVNULL,
		                          stderr=subprocess.DEVNULL).returncode
		places = set(range(0, len(good), 157)) | set(range(64)) | set(range(len(good) - 48, len(good)))
		assert status(good) == 0
		cut = [i for i in places if status(good[:i]) == 0]
		changed = [i for i in places
		           if status(good[:i] + bytes([good[i] ^ 0x20]) + good[i + 1:]) not in (1, 3)]
		print('#', len(places), 'places; passed when cut:', cut, 'when changed:', changed)
		sys.exit(bool(cut or changed))
	END
}

# ---- edit

# edited KIND ASSIGNMENT...: into the file "edited"
edited()
{
	from=$1
	shift
	vfiomig 0 edit "$from" "$@" -o edited
}

test_edit_nothing()
{
	for kind in good old wonder split; do
		edited $kind && cmp "$scratch/$kind" "$scratch/edited" || return 1
	done
	(cd "$scratch" && "$VFIOMIG" edit - -o - <good) >"$scratch/edited" 2>/dev/null &&
		cmp "$scratch/good" "$scratch/edited"
}

# shows FIELD TEXT: dump says so of the file "edited"
shows()
{
	vfiomig 0 dump --data edited && says "^  $1  *$2\$"
}

test_edit_values()
{
	edited good 'nvme-queues.sq[1].tail=5' nvme-regs.cc.IOSQES=0x5 identity.serial=abc \
		identity.nguid=0011-2233 'pci-config.bar[5]=7' irq.table[63].data=9 \
		pci-config.interrupt_pin=INTC identity.namespace_size=0x2000000 || return 1
	says '^nvme-queues.sq\[1\].tail: 211 -> 5$' && says '^irq.table\[63\].data: 0x0* -> 0x0*9$' &&
		shows 'sq\[1\].tail' 5 && shows 'sq\[0\].tail' 210 &&
		shows cc '0x00450001 EN=1 IOSQES=5 IOCQES=4' && shows serial '"abc"' &&
		shows nguid 00112233a4a5a6a7a8a9aaabacadaeaf && shows 'bar\[5\]' '0x00000007.*' &&
		shows interrupt_pin '3 (INTC)' && shows namespace_size '33554432 bytes.*' &&
		[ "$(od -An -tx1 -j 144 -N 4 "$scratch/edited")" = ' 20 20 20 20' ]
}

# By the schema in the stream, of what this program does not know.
test_edit_wonder()
{
	edited wonder wonder.word=ah 'wonder.part[1].rest[2]=255' wonder.flags.DEPTH=4095 \
		wonder.mood=cheerful wonder.strange=00 nvme-regs.at_once=4096 &&
		shows word '"ah"' && shows 'part\[1\].rest\[2\]' 255 &&
		shows flags '0xfff1 HOT=1 DEPTH=4095' && shows strange 00adbeef &&
		edited wonder nvme-regs#1.csts.CFS=1 && shows csts '0x00000003 RDY=1 CFS=1'
}

test_edit_data()
{
	edited good 'ns-data.data[2]=ffee' && vfiomig 0 verify edited && vfiomig 3 diff good edited &&
		says '^namespace: blocks 10 to 10 differ, 512 B$' &&
		edited good ns-data.data=7772 && vfiomig 0 diff good edited
}

test_edit_keep_crc()
{
	vfiomig 0 edit good irq.intx=1 --keep-crc -o edited && refuses 1 EBADMSG irq edited &&
		edited good irq.intx=1 && vfiomig 0 verify edited &&
		edited good irq.intx=1 irq.trailer.crc=0x12345678 &&
		refuses 1 EBADMSG 'checksum 12345678' edited &&
		edited good stream-header.crc=1 && refuses 1 EBADMSG 'checksum 00000001' edited
}

# refused STATUS SENTENCE ARG...: edit does not do it, and leaves nothing behind
refused()
{
	want_status=$1
	sentence=$2
	shift 2
	rm -f "$scratch/edited"
	vfiomig "$want_status" edit good -o edited "$@" && says "$sentence" &&
		[ ! -e "$scratch/edited" ]
}

test_edit_refused()
{
	refused 1 "has no field 'colour'" irq.colour=1 && refused 1 'no record wonder' wonder.word=1 &&
		refused 1 'not so many' irq#1.intx=1 && refused 1 'has 2 elements' nvme-queues.sq[2].tail=1 &&
		refused 1 'say which' nvme-queues.sq.tail=1 && refused 1 'is a structure' nvme-queues.sq[0]=1 &&
		refused 1 "no bits called 'NO'" nvme-regs.cc.NO=1 && refused 1 'is no index' irq.table[x].data=1 &&
		refused 2 'too large' irq.intx=256 && refused 2 'too large' nvme-regs.cc.EN=2 &&
		refused 2 'a number is needed' irq.intx=many && refused 2 'a number is needed' irq.intx=-1 &&
		refused 2 'too long' identity.serial=123456789012345678901 &&
		refused 2 'hexadecimal' identity.nguid=xyz && refused 2 'more bytes' identity.reserved0=0102030405 &&
		refused 2 'is no FIELD=VALUE' irq.intx && refused 2 'name a field' irq=1 &&
		refused 2 'is a field' --drop irq.intx && refused 1 'no record nothing' --drop nothing &&
		vfiomig 2 edit good irq.intx=1 && says '-o FILE is missing'
}

# ---- diff

# shellcheck disable=SC2002 # a pipe it has to be
test_diff_same()
{
	for kind in good old split again; do
		vfiomig 0 diff good $kind && says '^the same state$' &&
			vfiomig 0 diff $kind good || return 1
	done
	vfiomig 0 -j diff good split && is_json && says '"same":true' &&
		cat "$scratch/split" | (cd "$scratch" && "$VFIOMIG" diff good -) >"$scratch/out" 2>"$scratch/err" &&
		says '^the same state$' &&
		{ echo before; cat "$scratch/split"; } >"$scratch/behind" &&
		(cd "$scratch" && { read -r _; "$VFIOMIG" diff good -; } <behind) \
			>"$scratch/out" 2>"$scratch/err" && says '^the same state$'
}

test_diff_fields()
{
	edited good 'nvme-queues.sq[1].tail=5' nvme-regs.csts.CFS=1 identity.uuid=ff || return 1
	vfiomig 3 diff good edited && says '^nvme-queues.sq\[1\].tail: 211 -> 5$' &&
		says '^nvme-regs.csts: 0x00000001 RDY=1 -> 0x00000003 RDY=1 CFS=1$' &&
		says '^differing: 2 fields, 0 blocks$' && [ "$(wc -l <"$scratch/out")" = 3 ] &&
		vfiomig 3 -j diff good edited && is_json &&
		says '{"field":"nvme-queues.sq\[1\].tail","a":211,"b":5}' && says '"same":false'
}

# Elements and records that just one side has
test_diff_only()
{
	edited good nvme-queues.nr_sqs=1 && vfiomig 3 diff good edited &&
		says '^nvme-queues.sq\[1\].tail: only in A: 211$' && vfiomig 3 diff edited good &&
		says '^nvme-queues.sq\[1\].tail: only in B: 211$' &&
		vfiomig 3 diff good wonder && says '^wonder: only in B, 32 bytes$' &&
		edited wonder wonder.mood=1 && vfiomig 3 diff wonder edited &&
		says '^wonder.mood: 5 (cheerful) -> 1 (unknown)$'
}

test_diff_all()
{
	edited good identity.uuid=ff stream-header.session=ff && vfiomig 0 diff good edited &&
		vfiomig 3 diff --all good edited && says '^stream-header.session: ' &&
		says '^identity.uuid: ' && says '^identity.trailer.crc: ' &&
		vfiomig 3 diff --all good split && says '^stream.extents: 2 -> 6$' &&
		says '^irq.header.sequence: 5 -> 9$' && vfiomig 0 diff --all good good
}

# limited LIMIT VALUE STATUS ARG...: as vfiomig, with a limit of the shell
limited()
{
	limit=$1
	value=$2
	shift 2
	# shellcheck disable=SC3045 # dash and bash have both limits
	(ulimit "$limit" "$value" && vfiomig "$@")
}

# What is kept of a record is as large as the record, and found without looking at all others.
test_many_records()
{
	limited -v 200000 0 diff many many && says '^the same state$' &&
		limited -t 5 0 diff --all many many &&
		limited -v 200000 0 edit many irq.pending=6 -o edited &&
		limited -v 200000 3 diff many edited && says '^irq.pending: ' &&
		limited -v 200000 0 edit many --duplicate 206#7141 -o edited &&
		limited -v 200000 3 diff --all many edited && says '^206: only in B, 4 bytes$'
}

# Where a stream is more than can be held that is said.
test_no_memory()
{
	enough=8000
	until limited -v $enough 0 diff good good >"$scratch/ignored"; do
		enough=$((enough + 500))
		[ $enough -lt 100000 ] || return 1
	done
	rm -f "$scratch/edited"
	limited -v $((enough + 3000)) 1 diff many many && says ENOMEM && says 'no memory to hold it' &&
		limited -v $((enough + 3000)) 1 edit many -o edited && says ENOMEM &&
		[ ! -e "$scratch/edited" ]
}

test_diff_broken()
{
	for kind in flipped truncated swapped trailing empty; do
		vfiomig 1 diff good $kind && vfiomig 1 diff $kind good || return 1
	done
	vfiomig 3 diff good foreign && edited good ns-data.slba=1 && vfiomig 1 diff good edited &&
		says 'names blocks that no device has' && vfiomig 1 diff good nowhere && says ENOENT &&
		vfiomig 2 diff --device x good good && says 'chooses from a migration file'
}

# ---- manners

test_dump_missing()
{
	vfiomig 1 dump nowhere && says ENOENT && says nowhere
}

test_usage()
{
	vfiomig 2 && vfiomig 2 nonsense && vfiomig 2 dump && vfiomig 2 dump a b &&
		vfiomig 2 verify && vfiomig 2 diff a && vfiomig 2 diff a b c && vfiomig 2 edit -o x &&
		vfiomig 2 dump --nonsense good && vfiomig 2 dump -o && vfiomig 2 save x &&
		vfiomig 2 load x && vfiomig 2 --color=pink list &&
		vfiomig 2 show nonsense && vfiomig 2 create x --uuid nonsense
}

# The device is there: what is refused is the option or the state.
test_usage_device()
{
	in_sys vfiomig 2 save "$name" -o "$scratch/y" --rounds many &&
		says "rounds takes a number, not 'many'" &&
		in_sys vfiomig 2 save "$name" -o "$scratch/y" --no-precopy --rounds=-1 &&
		says "rounds takes a number, not '-1'" &&
		in_sys vfiomig 2 drive "$name" NOWHERE && says "'NOWHERE' is no state" &&
		in_sys vfiomig 2 show "$name" --backend pink && says "not 'pink'"
}

test_usage_json()
{
	vfiomig 2 -j nonsense && is_json && says '"status":2' &&
		vfiomig 2 -j show nonsense && is_json && says '"hint":"vfiomig list"'
}

# usage_error_is json|text ARG...
usage_error_is()
{
	form=$1
	shift
	vfiomig 2 "$@" || return 1
	if [ "$form" = json ]; then
		is_json && says '"status": *2'
	else
		[ ! -s "$scratch/out" ] && grep -q '^vfiomig: ' "$scratch/err"
	fi
}

# An error is JSON also when it was found before the option was reached.
test_usage_json_after()
{
	usage_error_is json nonsense -j && usage_error_is json nonsense --pretty &&
		usage_error_is json --color=pink list --json &&
		usage_error_is json --nonsense list -vp &&
		usage_error_is json dump --nonsense good -j &&
		usage_error_is json dump a b -j &&
		usage_error_is text nonsense -- -j && usage_error_is text save nonsense -o -j
}

test_options_anywhere()
{
	vfiomig 0 -j dump good && cp "$scratch/out" "$scratch/first" &&
		vfiomig 0 dump good -j && cmp -s "$scratch/first" "$scratch/out"
}

test_color()
{
	escape=$(printf '\033')
	vfiomig 0 dump good || return 1
	! grep -q "$escape" "$scratch/out" || return 1
	vfiomig 0 --color=always dump good && grep -q "$escape" "$scratch/out"
}

# on_terminal COMMAND: its standard output and standard error are a terminal
on_terminal()
{
	command -v script >/dev/null || { echo "# no script(1)"; return 1; }
	script -qec "$1; echo status=\$?" /dev/null >"$scratch/out" 2>"$scratch/err" </dev/null
}

colored()
{
	grep -q "$(printf '\033\[')" "$scratch/out"
}

test_color_terminal()
{
	dump="$VFIOMIG dump $scratch/flipped"
	on_terminal "$dump" && says 'status=1' && colored &&
		on_terminal "NO_COLOR= $dump" && colored &&
		on_terminal "NO_COLOR=1 $dump" && says 'status=1' && ! colored &&
		on_terminal "$dump --color=never" && says 'status=1' && ! colored &&
		on_terminal "NO_COLOR=1 $dump --color=always" && colored
}

# The terminal that only one of the two is does not make the other one.
test_color_pipe()
{
	dump="$VFIOMIG dump $scratch/good"
	on_terminal "$dump | cat" && says 'unexplained' && ! colored
}

test_version()
{
	vfiomig 0 version && vfiomig 0 -V && vfiomig 0 --version && vfiomig 0 -j version &&
		is_json && says '"version":1'
}

# A device state on its way to a terminal is stopped before any device is opened.
test_terminal()
{
	on_terminal "$VFIOMIG save 00112233-4455-6677-8899-aabbccddeeff -o -" &&
		says 'not written to a terminal' && says 'status=2' &&
		on_terminal "$VFIOMIG edit $scratch/good -o -" &&
		says 'not written to a terminal' && says 'status=2'
}

# ---- conform

# Which checks there are changes on purpose only; each has a rule and a place.
test_conform_list()
{
	vfiomig 0 conform --list && grep -v '^ ' "$scratch/out" >"$scratch/names" &&
		same conform.list "$scratch/names" || return 1
	vfiomig 0 -j conform --list && is_json && python3 - "$scratch/out" "$scratch/names" <<-'END'
		import json, sys
		checks = json.load(open(sys.argv[1]))['checks']
		names = [c['name'] for c in checks]
		assert names == open(sys.argv[2]).read().split() and len(set(names)) == len(names)
		for c in checks:
		    assert c['header'] == 'include/uapi/linux/vfio.h' and c['place'] and c['rule']
		states = 'STOP RUNNING STOP_COPY RESUMING RUNNING_P2P PRE_COPY PRE_COPY_P2P'.split()
		pairs = {'arc.%s.%s' % (a, b) for a in states for b in states if a != b}
		assert {n for n in names if n.startswith('arc.')} == pairs and len(pairs) == 42
	END
}

test_conform_select()
{
	vfiomig 0 conform --list --only reset.flag && [ "$(wc -l <"$scratch/out")" = 3 ] &&
		vfiomig 0 conform --list --only 'arc.STOP.*,arc.RESUMING.STOP' &&
		[ "$(grep -c '^arc' "$scratch/out")" = 7 ]
}

test_conform_usage()
{
	vfiomig 2 conform && says 'DEV is missing' && vfiomig 2 conform a b &&
		vfiomig 2 conform x --only nonsense && says 'nonsense is of no check' &&
		vfiomig 2 conform x --skip 'arc.x*' && says '--skip arc.x\* is of no check' &&
		vfiomig 2 conform x --timeout 0 && says 'not .0.' &&
		vfiomig 2 conform x --timeout soon && vfiomig 2 conform x --timeout=-1 &&
		vfiomig 2 conform x --timeout 99999 && vfiomig 2 conform --list x y &&
		vfiomig 2 conform x --rounds 3
}

test_conform_no_vfio()
{
	in_sys vfiomig 4 conform 00:05.0 && says 'no IOMMU group' &&
		says '^1\.\.0 # SKIP ' && in_sys vfiomig 4 -j conform 00:05.0 && is_json &&
		says '"status":4'
}

# A PCI device that no VFIO driver is bound to
test_no_vfio()
{
	in_sys vfiomig 4 show 00:05.0 && says 'no IOMMU group' && says 'driverctl'
}

# make_device NUMBER GROUP: a mediated device in the made-up /sys
make_device()
{
	name=$1$1$1$1$1$1$1$1-2222-3333-4444-555555555555
	device=$parent/$name
	mkdir -p "$device/vfio-dev/vfio$1" "$sys/sys/kernel/iommu_groups/$2"
	ln -s "$sys/sys/kernel/iommu_groups/$2" "$device/iommu_group"
	ln -s "$types/mdevsim-nvme-64M" "$device/mdev_type"
	ln -s "$sys/sys/bus/mdev/drivers/mdevsim" "$device/driver"
	ln -s "$device" "$sys/sys/bus/mdev/devices/"
	ln -s "$device" "$device/vfio-dev/vfio$1/device"
	ln -s "$device/vfio-dev/vfio$1" "$sys/sys/class/vfio-dev/"
	echo "511:$1" >"$device/vfio-dev/vfio$1/dev"
	: >"$sys/dev/vfio/$2"
	: >"$sys/dev/vfio/devices/vfio$1"
}

make_sys()
{
	sys=$scratch/root
	parent=$sys/sys/devices/virtual/mdevsim/mdevsim
	types=$parent/mdev_supported_types
	mkdir -p "$types/mdevsim-nvme-64M" "$types/mdevsim-nvme-1G" "$sys/sys/bus/mdev/devices" \
		"$sys/sys/bus/mdev/drivers/mdevsim" "$sys/sys/class/mdev_bus" \
		"$sys/sys/class/vfio-dev" "$sys/dev/vfio/devices"
	ln -s "$parent" "$sys/sys/class/mdev_bus/"
	for type in 64M 1G; do
		echo vfio-pci >"$types/mdevsim-nvme-$type/device_api"
		echo "NVMe $type" >"$types/mdevsim-nvme-$type/name"
		: >"$types/mdevsim-nvme-$type/create"
	done
	echo 12 >"$types/mdevsim-nvme-64M/available_instances"
	echo 0 >"$types/mdevsim-nvme-1G/available_instances"
	make_device 1 7
	make_device 3 9
	mkdir -p "$sys/sys/bus/pci/devices/0000:00:05.0"
}

in_sys()
{
	VFIOMIG_ROOT=$scratch/root
	export VFIOMIG_ROOT
	"$@"
	ret=$?
	unset VFIOMIG_ROOT
	return $ret
}

test_types()
{
	in_sys vfiomig 0 types && same types.text "$scratch/out"
	in_sys vfiomig 0 -j types && is_json && says '"type":"mdevsim-nvme-1G"' &&
		says '"available":0' && in_sys vfiomig 4 types elsewhere
}

test_list()
{
	in_sys vfiomig 0 list && same list.text "$scratch/out" &&
		in_sys vfiomig 0 -j list && is_json && says '"cdev":"vfio3"'
}

# Without its node the character device cannot be used.
test_list_without_node()
{
	mv "$sys/dev/vfio/devices/vfio3" "$scratch/node"
	in_sys vfiomig 0 list && says '^33333333.* 9  *- *$' && says '^11111111.* vfio1 *$' &&
		in_sys vfiomig 0 -j list && is_json && ! grep -q vfio3 "$scratch/json"
	ret=$?
	mv "$scratch/node" "$sys/dev/vfio/devices/vfio3"
	return $ret
}

test_create()
{
	uuid=12345678-9abc-def0-1234-56789abcdef0
	in_sys vfiomig 0 create mdevsim-nvme-64M --uuid $uuid && says "^$uuid\$" &&
		[ "$(cat "$types/mdevsim-nvme-64M/create")" = $uuid ] &&
		in_sys vfiomig 1 create mdevsim-nvme-1G && says 'no more devices' &&
		in_sys vfiomig 1 create nonsense && says 'no such type'
}

# The same device by each of the names it has
test_names()
{
	for dev in $name /dev/vfio/devices/vfio3 "$device"; do
		in_sys vfiomig 0 save -n "$dev" -o /dev/null --backend group || return 1
		says "VFIO_GROUP_GET_DEVICE_FD $name" || return 1
		in_sys vfiomig 2 migrate -n "$dev" "$name" && says 'are the same' || return 1
	done
}

test_dry_run()
{
	in_sys vfiomig 0 migrate -n 11111111-2222-3333-4444-555555555555 "$name" --backend group &&
		sed "s|$scratch/root||" "$scratch/out" >"$scratch/plain" &&
		same migrate.dry "$scratch/plain" &&
		in_sys vfiomig 0 -j load -n "$name" -i nowhere --backend cdev && is_json &&
		says 'VFIO_DEVICE_BIND_IOMMUFD' && says 'RUNNING -> RUNNING_P2P' &&
		in_sys vfiomig 0 drive -n "$name" RUNNING STOP_COPY RUNNING reset &&
		says 'RUNNING -> STOP_COPY via RUNNING_P2P, STOP'
}

# Through the region, register by register
test_dry_run_region()
{
	in_sys vfiomig 0 migrate -n --region 11111111-2222-3333-4444-555555555555 "$name" \
		--backend group &&
		sed "s|$scratch/root||" "$scratch/out" >"$scratch/plain" &&
		same migrate_region.dry "$scratch/plain" &&
		in_sys vfiomig 0 -j save -n --region "$name" -o nowhere && is_json &&
		says 'write device_state 3: RUNNING -> PRE_COPY' && ! grep -q MIG_ "$scratch/out" &&
		in_sys vfiomig 0 load -n --region "$name" -i nowhere --stop &&
		says 'write device_state 4: RUNNING -> RESUMING' && says 'read data_offset' &&
		says 'write data_size 1048576' && says 'write device_state 0: RESUMING -> STOP' &&
		! grep -q 'STOP -> RUNNING' "$scratch/out"
}

test_dry_run_region_drive()
{
	in_sys vfiomig 0 drive -n --region "$name" STOP 9 error reset &&
		says 'write device_state 0: RUNNING -> STOP' && says 'write device_state 9: STOP -> 9' &&
		says 'write device_state 6: .* -> ERROR' && says VFIO_DEVICE_RESET &&
		in_sys vfiomig 2 drive -n --region "$name" PRE_COPY pre-copy-p2p &&
		says "no state 'pre-copy-p2p'" && in_sys vfiomig 2 drive -n --region "$name" 5 &&
		in_sys vfiomig 2 show --region "$name"
}

# Every way between two states is the one that the kernel takes.
test_paths()
{
	grep -v '^#' "$cli/paths.txt" >"$scratch/paths"
	while read -r from arrow rest; do
		to=${rest##*> }
		via=${rest%"$to"}
		via=$(echo "$via" | sed 's/ -> $//; s/ -> /, /g')
		in_sys vfiomig 0 drive -n "$name" "$from" "$to" </dev/null || return 1
		says "MIG_DEVICE_STATE $from $arrow $to${via:+ via $via}\$" || return 1
	done <"$scratch/paths"
}

test_sync()
{
	"$cli/sync_test.sh"
}

make_sys
for kind in good old split again wonder optional many required flipped truncated headless empty \
	    swapped trailing foreign miscounted; do
	"$MAKE_STREAM" $kind >"$scratch/$kind" || exit 1
done

tests=$(sed -n 's/^\(test_[a-z_]*\)().*/\1/p' "$0")
echo "KTAP version 1"
# shellcheck disable=SC2086
set -- $tests
echo "1..$#"
for test; do
	$test
	result $? "$test"
done
[ $failed = 0 ]
