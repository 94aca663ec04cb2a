#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What vfiomig compat says is what the driver does: a table of sources and
# destinations, each asked about and then tried. The verdicts agree, in the same
# words; a destination refuses on the write that completes what it refuses; a
# refused source goes on. Makes three devices and removes them.
#
# shellcheck disable=SC2317,SC2086 # tests are called by name; sizes are words
# shellcheck source=lib/vfiomig.sh
. "$(dirname "$0")/lib/vfiomig.sh"

M64=67108864
G1=1073741824
a='' b='' big=''
saved=$scratch/saved
altered=$scratch/altered

# attribute DEVICE NAME [VALUE]: of the device's migration; with a value, write it
attribute()
{
	file=/sys/bus/mdev/devices/$1/migration/$2
	if [ $# = 3 ]; then
		echo "$3" >"$file"
	else
		cat "$file"
	fi
}

# refusal_is SENTENCE: the reason that the destination of streams has left
refusal_is()
{
	[ "$(attribute "$b" refusal)" = "$1" ] && return 0
	echo "# the driver's reason: $(attribute "$b" refusal)"
	return 1
}

# ---- Streams: what a device says in its stream, altered ---------------------

# alter FIELD=VALUE...: in the stream that was saved
alter()
{
	run 0 edit "$saved" "$@" -o "$altered"
}

# taken FIELD=VALUE...
taken()
{
	alter "$@" && run 0 compat "$altered" "$b" && prints yes &&
		run 0 load "$b" -i "$altered" && refusal_is ''
}

# refused ERRNO WHERE SENTENCE FIELD=VALUE...: WHERE is the part of the stream that is refused
refused()
{
	name=$1 where=$2 sentence=$3
	shift 3
	alter "$@" && run 3 compat "$altered" "$b" && prints "no: $sentence" &&
		refused_by_driver "$name" "$where" "$sentence"
}

refused_by_driver()
{
	case $2 in
	header) bytes=$header_end prefix='stream header: ' ;;
	identity) bytes=$identity_end prefix="record 0 (identity, type 1) at byte $header_end: " ;;
	esac
	refuses "$altered" "$1" "$3" && refuses_when_complete "$1" "$3"
}

# refuses FILE ERRNO SENTENCE
refuses()
{
	status=3
	case $2 in
	EINVAL | EMSGSIZE) status=1 ;;
	esac
	run $status load "$b" -i "$1" && says "($2)$" && says "reason: $prefix$3$" &&
		refusal_is "$prefix$3"
}

# On the write of the last byte, and not a byte earlier: what follows is never sent.
refuses_when_complete()
{
	head -c "$bytes" "$altered" >"$scratch/complete"
	head -c $((bytes - 1)) "$altered" >"$scratch/less"
	refuses "$scratch/complete" "$1" "$2" &&
		says "refuses device state within bytes 0 to $((bytes - 1))" &&
		run 1 load "$b" -i "$scratch/less" && says ENODATA
}

test_same()             { taken; }
test_smaller_namespace() { taken identity.namespace_size=4096; }
test_larger_namespace() { refused EXDEV identity \
	"namespace_size: $G1 bytes there, room for $M64 here" identity.namespace_size=$G1; }
test_a_page_too_large() { refused EXDEV identity \
	"namespace_size: $((M64 + 4096)) bytes there, room for $M64 here" \
	identity.namespace_size=$((M64 + 4096)); }
test_empty_namespace()  { refused EINVAL identity \
	'namespace_size: 0 bytes, which is impossible' identity.namespace_size=0; }
test_odd_namespace()    { refused EINVAL identity \
	"namespace_size: $((M64 - 512)) bytes, which is impossible" \
	identity.namespace_size=$((M64 - 512)); }
test_lba_shift()        { refused EXDEV identity \
	'lba_shift: 12 there, 9 here' identity.lba_shift=12; }
test_fewer_vectors()    { refused EXDEV identity \
	'vectors: 2 there, 64 here' identity.vectors=2; }
test_more_vectors()     { refused EXDEV identity \
	'vectors: 2048 there, 64 here' identity.vectors=2048; }
test_fewer_queues()     { refused EXDEV identity \
	'io_queues: 31 there, 63 here' identity.io_queues=31; }
test_more_queues()      { refused EXDEV identity \
	'io_queues: 64 there, 63 here' identity.io_queues=64; }
test_shorter_queues()   { refused EXDEV identity \
	'queue_entries: 64 there, 1024 here' identity.queue_entries=64; }
test_longer_queues()    { refused EXDEV identity \
	'queue_entries: 65535 there, 1024 here' identity.queue_entries=65535; }
test_other_function()   { refused EXDEV identity \
	'function: "ahci" there, "nvme" here' identity.function=ahci; }
test_newer_function()   { refused EXDEV identity \
	'version: 1.1 there, 1.0 here' identity.version_minor=1; }
test_other_function_version() { refused EXDEV identity \
	'version: 2.0 there, 1.0 here' identity.version_major=2; }
test_older_function_version() { refused EXDEV identity \
	'version: 0.9 there, 1.0 here' identity.version_major=0 identity.version_minor=9; }
test_reserved_field()   { refused EINVAL identity \
	'a reserved field is not zero' identity.reserved0=01; }

test_newer_minor_stream()
{
	taken stream-header.version_minor=9 && run 0 compat "$altered" "$b" &&
		says 'stream version 1.9 there, up to 1.1 here'
}

test_other_major_stream() { refused EOPNOTSUPP header \
	'stream version 2.0 there, 1.0 to 1.1 here' \
	stream-header.version_major=2 stream-header.version_minor=0; }
test_older_major_stream() { refused EOPNOTSUPP header \
	'stream version 0.1 there, 1.0 to 1.1 here' stream-header.version_major=0; }
test_required_feature() { refused EOPNOTSUPP header \
	'required features 0x5 there, of which 0x5 are unknown here' stream-header.required=5; }
test_optional_feature() { taken stream-header.optional=0x8000000000000000; }

# The driver says the first of them, compat all.
test_many_reasons()
{
	alter identity.lba_shift=12 identity.vectors=2 identity.version_major=3 \
		identity.namespace_size=$((2 * G1)) && run 3 compat "$altered" "$b" &&
		prints 'no: version: 3.0 there, 1.0 here' \
			"no: namespace_size: $((2 * G1)) bytes there, room for $M64 here" \
			'no: lba_shift: 12 there, 9 here' 'no: vectors: 2 there, 64 here' &&
		run 3 -j compat "$altered" "$b" && json "$out" 'not d["compatible"] and
			[x["reason"].split(":")[0] for x in d["reasons"]] ==
			["version", "namespace_size", "lba_shift", "vectors"]' &&
		json "$out" '{x["errno_name"] for x in d["reasons"]} == {"EXDEV"}' &&
		refused_by_driver EXDEV identity 'version: 3.0 there, 1.0 here'
}

# A state that some device was really in, with more in its records than a new one has
golden=${STREAMS:-$here/streams}/1.1.bin

# held_against ERRNO SENTENCE FIELD=VALUE...: what a record holds; all of what the driver says
held_against()
{
	name=$1 sentence=$2 prefix=
	shift 2
	run 0 edit "$golden" "$@" -o "$altered" && run 3 compat "$altered" "$b" &&
		says "^no: record .*$sentence" || return 1
	sentence=$(sed -n 's/^no: //p' "$out")
	prints "no: $sentence" && refuses "$altered" "$name" "$sentence"
}

test_golden()           { run 0 compat "$golden" "$b" && prints yes && run 0 load "$b" -i "$golden"; }
test_admin_queue()      { held_against EINVAL 'nvme-admin: a base' nvme-admin.cq_phase=7; }
test_intx_level()       { held_against EINVAL 'irq: the INTx level is 5' irq.intx=5; }
test_page_size()        { held_against EINVAL 'nvme-regs: ready with' nvme-regs.cc.MPS=9; }
test_other_namespace()  { held_against EINVAL 'namespace 2 does not exist' ns-data.nsid=2; }
test_odd_extent()       { held_against EINVAL 'not aligned' ns-data.slba=1; }
test_capabilities()     { held_against EXDEV 'capabilities or version' nvme-regs.cap.MQES=7; }
test_other_vendor()     { held_against EINVAL 'its constant bits' pci-config.vendor_id=1; }
test_schema_counts()    { held_against EMSGSIZE 'its counts do not make' schema.text_length=1; }
test_unknown_type()     { held_against EOPNOTSUPP 'a required record of unknown type' \
	irq.header.type=77; }
test_unknown_version()  { held_against EOPNOTSUPP 'version 2, only 1 is known' \
	nvme-logs.header.version=2; }

# When a namespace is resized on the way there is a second identity.
test_second_identity()
{
	alter identity.namespace_size=$G1 &&
		python3 - "$saved" "$altered" "$header_end" "$identity_end" <<-'END' || return 1
			import struct, sys

			def crc32c(data):
			    crc = 0xffffffff
			    for byte in data:
			        crc ^= byte
			        for _ in range(8):
			            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
			    return crc ^ 0xffffffff

			sound, large = (open(name, "rb").read() for name in sys.argv[1:3])
			begin, end = int(sys.argv[3]), int(sys.argv[4])
			schema = struct.unpack_from("<Q", sound, end + 16)[0]
			schema_end = end + 24 + (schema + 7) // 8 * 8 + 8
			again = bytearray(large[begin:end])
			struct.pack_into("<I", again, 4, 2)
			struct.pack_into("<I", again, len(again) - 8, crc32c(again[:-8]))
			with open(sys.argv[2], "wb") as file:
			    file.write(sound[:schema_end] + again)
		END
	bytes=$(stat -c %s "$altered")
	prefix="record 2 (identity, type 1) at byte $((bytes - identity_end + header_end)): "
	sentence="namespace_size: $G1 bytes there, room for $M64 here"
	run 3 compat "$altered" "$b" && prints "no: $sentence" &&
		refuses "$altered" EXDEV "$sentence" && refuses_when_complete EXDEV "$sentence"
}

# What is no sound stream is none to be taken over, whatever it says of itself.
test_broken_stream()
{
	head -c $(($(stat -c %s "$saved") - 1)) "$saved" >"$altered"
	run 1 compat "$altered" "$b" && says ENODATA && run 1 load "$b" -i "$altered" &&
		says ENODATA || return 1
	alter identity.vectors=2 --keep-crc && run 1 compat "$altered" "$b" && says EBADMSG &&
		run 1 load "$b" -i "$altered" && says EBADMSG
}

# ---- Devices ----------------------------------------------------------------

# sizes A B BIG: of the three devices' namespaces
sizes()
{
	attribute "$a" namespace_size "$1" && attribute "$b" namespace_size "$2" &&
		attribute "$big" namespace_size "$3"
}

# moves SOURCE DESTINATION
moves()
{
	run 0 compat "$1" "$2" && prints yes && run 0 migrate "$1" "$2"
}

# stays SOURCE DESTINATION SENTENCE: and goes on
stays()
{
	run 3 compat "$1" "$2" && prints "no: $3" && run 3 migrate "$1" "$2" &&
		says "reason: .*: $3$" && says EXDEV && source_runs_again "$1" &&
		is_running "$1" && is_running "$2"
}

test_device_to_same()    { sizes $M64 $M64 $G1 && moves "$a" "$b"; }
test_device_to_larger()  { sizes $M64 $M64 $G1 && moves "$a" "$big"; }
test_device_to_smaller() { sizes $M64 $M64 $G1 && stays "$big" "$b" \
	"namespace_size: $G1 bytes there, room for $M64 here"; }

# What counts is the size that the namespace has, and the room that the destination has.
test_resized_device()
{
	sizes 4096 4096 $M64 && moves "$big" "$a" && moves "$b" "$a" &&
		sizes $M64 4096 $((M64 + 4096)) && moves "$a" "$b" &&
		stays "$big" "$b" "namespace_size: $((M64 + 4096)) bytes there, room for $M64 here"
}

test_older_stream()
{
	sizes $M64 $M64 $G1 && attribute "$a" stream_version 1.0 &&
		run 0 describe "$a" && says '"stream_version":"1.0"' &&
		run 0 save "$a" -o "$altered" && run 0 compat "$altered" "$b" &&
		[ "$(od -An -tu2 -j8 -N4 "$altered" | tr -s ' ')" = ' 1 0' ] &&
		run 0 load "$b" -i "$altered" && refusal_is '' && moves "$a" "$b"
	ret=$?
	attribute "$a" stream_version 1.1
	return $ret
}

# The same question in every way in which it can be put
test_every_form()
{
	sentence="namespace_size: $G1 bytes there, room for $M64 here"
	sizes $M64 $M64 $G1 && run 0 describe "$big" -o "$scratch/big.json" &&
		run 0 describe "$b" -o "$scratch/b.json" && run 0 save "$big" -o "$scratch/big" &&
		run 0 save "$b" -o "$scratch/b" || return 1
	for large in "$big" mdevsim-nvme-1G "$scratch/big.json" "$scratch/big"; do
		for small in "$b" mdevsim-nvme-64M "$scratch/b.json" "$scratch/b"; do
			run 3 compat "$large" "$small" && prints "no: $sentence" &&
				run 0 compat "$small" "$large" && prints yes || return 1
		done
	done
	"$VFIOMIG" describe "$b" | run 3 compat "$scratch/big" - && prints "no: $sentence" &&
		run 0 compat - "$big" <"$scratch/b" && run 0 -j compat "$a" "$b" &&
		json "$out" 'd["compatible"] is True and d["reasons"] == []'
}

# elsewhere MEMBER=VALUE...: what describe would write of a destination that is not like $b
elsewhere()
{
	run 0 describe "$b" && python3 - "$out" "$scratch/elsewhere.json" "$@" <<-'END'
		import json, sys
		d = json.load(open(sys.argv[1]))
		for change in sys.argv[3:]:
		    member, value = change.split("=")
		    d["description"][member] = int(value) if value.isdigit() else value
		json.dump(d, open(sys.argv[2], "w"))
	END
}

test_destination_elsewhere()
{
	elsewhere stream_version_max=1.0 && run 0 compat "$a" "$scratch/elsewhere.json" &&
		prints yes && says 'stream version 1.1 there, up to 1.0 here' &&
		elsewhere stream_version_min=2.1 stream_version_max=3.0 &&
		run 3 compat "$a" "$scratch/elsewhere.json" &&
		prints 'no: stream version 1.1 there, 2.1 to 3.0 here' &&
		elsewhere io_queues=7 vectors=8 version=1.4 &&
		run 3 compat "$a" "$scratch/elsewhere.json" &&
		prints 'no: vectors: 64 there, 8 here' 'no: io_queues: 63 there, 7 here'
}

# A required feature that this program does not know, and the destination does
test_feature_known_elsewhere()
{
	elsewhere features_supported=0x4 && alter stream-header.required=4 &&
		run 4 compat "$altered" "$scratch/elsewhere.json" && says EOPNOTSUPP
}

if ! { create a 64M && create b 64M && create big 1G && run 0 save "$a" -o "$saved" &&
	run 0 -j dump "$saved"; }; then
	bail_out "cannot create and save devices"
fi
header_end=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["records"][0]["offset"])' <"$out")
identity_end=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["records"][1]["offset"])' <"$out")
run_tests
