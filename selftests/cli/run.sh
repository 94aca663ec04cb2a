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
	vfiomig 0 dump good && same dump.text "$scratch/out"
}

test_dump_hex()
{
	vfiomig 0 dump --hex --data good && same dump.hex "$scratch/out"
}

# JSON has no comments: the expected file is compared as it is.
test_dump_json()
{
	vfiomig 0 -p dump good || return 1
	is_json || return 1
	[ -z "${UPDATE:-}" ] || cp "$scratch/out" "$cli/dump.json"
	diff -u "$cli/dump.json" "$scratch/out" >"$scratch/diff" && return 0
	sed 's/^/# /' "$scratch/diff"
	return 1
}

# Every byte of the stream is in the hexadecimal dump, once and in order.
test_dump_hex_complete()
{
	vfiomig 0 dump --hex good || return 1
	od -An -v -tx1 -w1 "$scratch/good" | tr -d ' ' >"$scratch/bytes"
	# The namespace's contents are left out without --data.
	python3 - "$scratch/out" "$scratch/bytes" <<-'END'
		import re, sys
		shown = {}
		for line in open(sys.argv[1]):
		    m = re.match(r'([0-9a-f]{8})  ((?:[0-9a-f]{2} ){1,8})', line)
		    if m:
		        for i, byte in enumerate(m[2].split()):
		            assert int(m[1], 16) + i not in shown, line
		            shown[int(m[1], 16) + i] = byte
		bytes = open(sys.argv[2]).read().split()
		hidden = [i for i in range(len(bytes)) if i not in shown]
		wrong = [i for i in shown if shown[i] != bytes[i]]
		if len(hidden) == 4096 and hidden[-1] - hidden[0] == 4095 and not wrong:
		    sys.exit(0)
		print('#', len(hidden), 'bytes not shown,', len(wrong), 'shown wrong')
		sys.exit(1)
	END
}

test_dump_stdin()
{
	(cd "$scratch" && "$VFIOMIG" dump - <good) >"$scratch/out" 2>"$scratch/err" &&
		same dump.text "$scratch/out"
}

test_dump_optional()
{
	vfiomig 0 dump optional && says '^5976 bytes, 5962 explained, 14 unexplained$'
}

# broken KIND STATUS ERRNO SENTENCE: text and JSON say what is wrong with it
broken()
{
	vfiomig "$2" dump "$1" && says "$3" && says "$4" || return 1
	vfiomig "$2" -j dump "$1" && is_json && says "\"errno_name\":\"$3\"" && says "$4"
}

test_dump_required()  { broken required 3 EOPNOTSUPP 'record 1 (unknown, type 200) at byte 224'; }
test_dump_flipped()   { broken flipped 1 EBADMSG 'record 4 (irq, type 4) at byte 4720'; }
test_dump_truncated() { broken truncated 1 ENODATA 'ends at byte 4974'; }
test_dump_headless()  { broken headless 1 ENODATA 'ends at byte 20'; }
test_dump_empty()     { broken empty 1 ENODATA 'ends at byte 0'; }
test_dump_swapped()   { broken swapped 1 EPROTO 'record 4 (nvme-regs, type 5) at byte 4720'; }
test_dump_trailing()  { broken trailing 1 EPROTO 'after the end record'; }
test_dump_foreign()   { broken foreign 3 EILSEQ 'magic'; }

test_dump_miscounted()
{
	vfiomig 1 dump miscounted && says 'record 7 (nvme-queues).*count more elements'
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
		at=$((at + 37))
	done
}

test_dump_missing()
{
	vfiomig 1 dump nowhere && says ENOENT && says nowhere
}

test_usage()
{
	vfiomig 2 && vfiomig 2 nonsense && vfiomig 2 dump && vfiomig 2 dump a b &&
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
	on_terminal "$dump | cat" && says 'explained' && ! colored
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
		says 'not written to a terminal' && says 'status=2'
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
for kind in good optional required flipped truncated headless empty swapped trailing foreign \
	    miscounted; do
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
