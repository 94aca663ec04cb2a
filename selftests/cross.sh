#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# cross.sh save|load feature|region DIRECTORY: device state that crosses from one
# kernel to another: save it into the directory, or load what another kernel has
# saved there. See "cross" in tools/vm/check, which runs it in one after the other.
#
#   rich    of a controller that went through a lot, by cross_stream
#   disk    of a namespace, by vfiomig
#
# Loads the module. Exit status as kselftest has it.
#
# shellcheck disable=SC2317 # tests are called by name
what=$1 front_end=$2 directory=$3
[ -e /sys/module/mdevsim ] || insmod "${MODULE:?the module to load}" || exit 4
# shellcheck source=lib/vfiomig.sh
. "$(dirname "$0")/lib/vfiomig.sh"
: "${PROGRAMS:=${here%/*}/build/selftests}" "${STREAMS:=$here/streams}"

a=''
option=
[ "$front_end" = feature ] || option=--region

# Two values are the time: how long the controller has been on, and its timestamp.
same_but_time()
{
	"$VFIOMIG" diff "$1" "$2" >"$scratch/diff" 2>"$err"
	grep -v '^nvme-logs.power_on_ms: \|^nvme-features.feature.*.value: ' "$scratch/diff" >"$out"
	says '^the same state$\|^differing: [12] fields, 0 blocks$' && [ "$(wc -l <"$out")" = 1 ]
}

# Once more with vfiomig, which can say what differs: loaded, and saved again before it runs
# shellcheck disable=SC2086 # no option is no word
comes_back()
{
	run 0 drive $option "$a" RESUMING STOP STOP_COPY STOP -i "$1" -o "$scratch/again" &&
		run 0 verify "$scratch/again" && same_but_time "$1" "$scratch/again"
}

# The namespace of the golden stream, which outlives the controller that it came with
# shellcheck disable=SC2086
save_disk()
{
	run 0 load "$a" -i "$STREAMS/1.1.bin" &&
		run 0 save $option "$a" -o "$directory/disk" --rounds=2 && run 0 verify "$directory/disk"
}

save_rich()
{
	"$PROGRAMS/cross_stream" save "$front_end" "$directory/rich" && run 0 verify "$directory/rich"
}

load_rich()
{
	"$PROGRAMS/cross_stream" load "$front_end" "$directory/rich" && comes_back "$directory/rich"
}

# same_namespace FILE: as the golden stream's
same_namespace()
{
	"$VFIOMIG" diff "$1" "$STREAMS/1.1.bin" >"$out" 2>"$err"
	says '^the same state$\|^differing: .*, 0 blocks$'
}

# shellcheck disable=SC2086
load_disk()
{
	run 0 load $option "$a" -i "$directory/disk" && run 0 save $option "$a" -o "$scratch/disk" &&
		same_namespace "$scratch/disk" && comes_back "$directory/disk"
}

test_rich()
{
	"${what}_rich"
}

test_disk()
{
	"${what}_disk"
}

echo "KTAP version 1"
echo "# $what by the $front_end on Linux $(uname -r)"
create a 64M || bail_out "cannot create a device"
run_tests
