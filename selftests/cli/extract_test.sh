#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests of vfiomig extract, and of what else takes a migration file of QEMU.
# Prints KTAP. VFIOMIG and MAKE_STREAM name the programs.
set -u
. "$(dirname "$0")/cli.sh"

# same FILE: what was extracted are its bytes
same()
{
	cmp "$1" extracted >difference 2>&1 && return 0
	sed 's/^/# /' difference
	return 1
}

# extracts FILE ARG...: the bytes that went in come out, and nothing else is left behind
extracts()
{
	rm -f extracted
	vfiomig 0 extract -o extracted "$@" && same state
}

# refuses STATUS FILE WORDS: nothing is written
refuses()
{
	rm -f extracted
	vfiomig "$1" extract -o extracted "$2" && says "$3" && says '^  try: ' || return 1
	[ ! -e extracted ] || { echo "# $2 left a file behind"; return 1; }
}

test_plain()
{
	extracts plain && says '0000:00:04.0/vfio: .*mdevsim stream 1'
}

test_early_sections()
{
	extracts early
}

test_page_size_and_uuid()
{
	extracts other_pages
}

test_standard_output()
{
	vfiomig 0 extract plain && mv out extracted && same state
}

# What comes after device state is read too, or who writes would be killed.
test_pipe()
{
	(cat plain && echo alive >writer) | "$VFIOMIG" extract - >extracted 2>err &&
		same state && [ "$(cat writer)" = alive ]
}

test_several_devices()
{
	refuses 2 two 0000:00:05.0/vfio &&
		extracts two --device 0000:00:04.0 && extracts two --device 0000:00:04.0/vfio &&
		vfiomig 2 extract two --device 0000:00:04 && says 'no state of a device' &&
		vfiomig 0 extract two --device 0000:00:05.0 -o extracted &&
		printf 'not ours but a device'"'s" >other && same other
}

test_devices_of_one_name()
{
	refuses 2 same_name 'vfio#1' && extracts same_name --device vfio &&
		vfiomig 0 extract same_name --device 'vfio#1' -o extracted &&
		printf other >other && same other
}

test_list()
{
	vfiomig 0 extract --list two && says '0000:00:04.0/vfio: .*mdevsim' &&
		says '0000:00:05.0/vfio: 14 B in pre-copy, 9 B after it$' &&
		vfiomig 0 -j extract --list two && python3 - out <<-'END'
			import json, os, sys
			ours, other = json.load(open(sys.argv[1]))["devices"]
			size = os.path.getsize("state")
			assert ours["bytes"] == ours["precopy_bytes"] + ours["stopped_bytes"] == size, ours
			assert ours["format"] == "mdevsim" and ours["complete"], ours
			assert (other["precopy_bytes"], other["stopped_bytes"]) == (14, 9), other
			assert "format" not in other, other
		END
}

# extracts_all FILE: every device's state is in a directory
extracts_all()
{
	rm -rf all
	vfiomig 0 extract --all -o all "$1"
}

test_all()
{
	extracts_all two && cmp state all/0000:00:04.0_vfio && says '^  all/0000:00:05.0_vfio$' &&
		printf 'not ours but a device'"'s" | cmp - all/0000:00:05.0_vfio &&
		[ "$(ls -A all)" = "$(printf '%s\n' 0000:00:04.0_vfio 0000:00:05.0_vfio)" ] &&
		vfiomig 0 extract --all -o all plain && cmp state all/0000:00:04.0_vfio &&
		extracts_all same_name && cmp state all/vfio && printf other | cmp - 'all/vfio#1' &&
		vfiomig 0 -j extract --all -o all two && python3 - out <<-'END'
			import json, os, sys
			devices = json.load(open(sys.argv[1]))["devices"]
			assert [d["name"] for d in devices] == ["0000:00:05.0/vfio", "0000:00:04.0/vfio"]
			for d in devices:
			    assert d["file"] == "all/" + d["name"].replace("/", "_"), d
			    assert os.path.getsize(d["file"]) == d["bytes"] and d["complete"], d
		END
}

test_all_of_a_pipe()
{
	rm -rf all
	(cat two && echo alive >writer) | "$VFIOMIG" extract --all - -o all >out 2>err &&
		cmp state all/0000:00:04.0_vfio && [ "$(cat writer)" = alive ]
}

# No name leads out of the directory, and no two to the same file.
test_all_names()
{
	extracts_all wild_names && [ "$(ls -A all)" = "$(printf '%s\n' %2e._.._x_vfio \
		%5f_%5f%20%25%2a_vfio __%5f%20%25%2a_vfio)" ] && [ "$(cat all/%2e._.._x_vfio)" = one ] &&
		[ "$(cat all/%5f_%5f%20%25%2a_vfio)" = two ] &&
		[ "$(cat all/__%5f%20%25%2a_vfio)" = three ]
}

# all_refused STATUS FILE WORDS: and nothing is left behind
all_refused()
{
	rm -rf all
	vfiomig "$1" extract --all -o all "$2" && says "$3" && [ ! -e all ] &&
		mkdir all && vfiomig "$1" extract --all -o all "$2" && [ -z "$(ls -A all)" ]
}

test_all_refused()
{
	all_refused 1 no_device 'no state of any VFIO device' &&
		all_refused 1 multifd 'after the guest stopped' &&
		all_refused 1 two_half '0000:00:05.0/vfio sent after the guest stopped' &&
		all_refused 1 cut 'ends too early' && all_refused 4 load_ready multifd &&
		all_refused 1 state 'does not begin with QEVM' &&
		: >file && vfiomig 1 extract --all -o file two && vfiomig 1 extract --all -o no/where two &&
		says 'cannot make the directory'
}

test_list_without_device()
{
	vfiomig 0 -j extract --list no_device && says '"devices":\[\]'
}

test_no_device()
{
	refuses 1 no_device 'no state of any VFIO device'
}

test_multifd()
{
	refuses 1 multifd 'after the guest stopped' && says 'x-migration-multifd-transfer=off' &&
		vfiomig 0 extract --list multifd && says 'incomplete' &&
		refuses 4 load_ready 'multifd'
}

test_unsupported()
{
	refuses 4 mapped_ram "capability 'mapped-ram'" &&
		refuses 4 dirty_bitmap "section 'dirty-bitmap'" &&
		refuses 4 postcopy 'post-copy' &&
		refuses 4 rdma 'RDMA' &&
		refuses 4 old_config 'QEMU 6.0' &&
		refuses 4 early_undescribed 'virtio-mem-early' &&
		says 'missing from the description'
}

# Standard input may be a regular file, whose end can be looked at, or a pipe.
test_early_sections_on_standard_input()
{
	"$VFIOMIG" extract - <early >extracted 2>err && same state || return
	mkfifo pipe || return
	cat early >pipe &
	vfiomig 4 extract pipe && says 'not a regular file' || return
	rm pipe
	wait
}

test_broken()
{
	vfiomig 1 extract cut && says 'ends too early' &&
		vfiomig 1 extract unended && says 'under way' &&
		vfiomig 1 extract other_version && says 'version of the file is 0x4' &&
		vfiomig 1 extract odd_name && says 'byte 0x1b in a name' &&
		vfiomig 1 extract big_block && says 'larger than all memory' &&
		vfiomig 1 extract endless && says 'ends too early' &&
		vfiomig 1 extract late_device && says 'another VFIO device' &&
		extracts late_device --device 0000:00:04.0 &&
		vfiomig 0 extract late_device --device 0000:00:05.0 &&
		vfiomig 1 extract state && says 'does not begin with QEVM' &&
		vfiomig 1 extract /dev/null && says 'ends too early'
}

# Wherever the file ends before its device state does, that is said, and nothing is kept.
test_truncated_anywhere()
{
	size=$(wc -c <"cut")
	length=0
	while [ $length -lt "$size" ]; do
		head -c $length plain >truncated
		refuses 1 truncated 'ends too early' || return
		length=$((length + 997))
	done
}

test_usage()
{
	vfiomig 2 extract && vfiomig 2 extract --list -o extracted plain &&
		vfiomig 2 extract --list --device x plain && says 'neither' &&
		vfiomig 2 extract --list --all plain && vfiomig 2 extract --all plain &&
		says '-o DIRECTORY' && vfiomig 2 extract --all --device x -o all plain
}

# The commands that take a stream take the migration file as it is.
test_other_commands()
{
	vfiomig 0 dump state && mv out expected || return
	vfiomig 0 dump plain && cmp expected out &&
		vfiomig 0 dump two --device 0000:00:04.0 && cmp expected out &&
		vfiomig 2 dump two && says '--device NAME' &&
		vfiomig 0 diff plain state &&
		vfiomig 2 dump --device x state && says 'chooses from a migration file' &&
		vfiomig 1 dump cut && says 'ends too early'
}

# real FILE: as QEMU wrote it, with one of our devices; qemu_stream.py reads it independently
real()
{
	PYTHONPATH=$top/selftests/guest python3 -B - "$1" >expected <<-'END' || return
		import sys, qemu_stream
		sys.stdout.buffer.write(b"".join(qemu_stream.device_state(sys.argv[1])))
	END
	vfiomig 0 extract --list "$1" && says '^0000:00:04.0/vfio: .*mdevsim stream 1.1$' &&
		vfiomig 0 extract -o extracted "$1" && cmp expected extracted &&
		vfiomig 0 verify extracted && vfiomig 0 diff "$1" extracted
}

# The migration region
test_real_7_2()
{
	real "$top/selftests/streams/qemu-7.2.migration"
}

# The migration feature
test_real_10_0()
{
	real "$top/selftests/streams/qemu-10.0.migration"
}

# As before, with PRECOPY_INFOv2
test_real_11_1()
{
	real "$top/selftests/streams/qemu-11.1.migration"
}

"$MAKE_STREAM" good >state && python3 "$cli/make_qemu_file.py" . state || exit
run_tests
