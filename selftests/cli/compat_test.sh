#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Tests of vfiomig describe and compat that need no device: a made-up /sys, and
# descriptions and streams that nobody would write. Prints KTAP. VFIOMIG and
# MAKE_STREAM name the programs.
set -u
. "$(dirname "$0")/cli.sh"
VFIOMIG_ROOT=$scratch
export VFIOMIG_ROOT
types=$scratch/sys/class/mdev_bus/sim/mdev_supported_types

# make_type NAME: as the driver shows it
make_type()
{
	mkdir -p "$types/$1/migration"
	(
		cd "$types/$1/migration" || exit
		echo nvme >function
		echo 1.0 | tee version >stream_version_min
		echo 1.1 | tee stream_version >stream_version_max
		echo 0x0 | tee features_required >features_supported
		echo 67108864 | tee namespace_size >namespace_capacity
		echo 9 >lba_shift
		echo 64 >vectors
		echo 63 >io_queues
		echo 1024 >queue_entries
	)
}

# set_value NAME VALUE: of the type, in /sys
set_value()
{
	echo "$2" >"$types/sim-a/migration/$1"
}

test_describe()
{
	vfiomig 0 describe sim-a && cp out a.json && vfiomig 0 describe sim-a -o b.json &&
		[ ! -s out ] && cmp a.json b.json && vfiomig 0 -j describe sim-a -o - &&
		cmp a.json out && vfiomig 0 describe "$types/sim-a" && cmp a.json out &&
		python3 - "$types/sim-a/migration" a.json <<-'END'
			import json, os, sys
			d = json.load(open(sys.argv[2]))["description"]
			assert (d.pop("kind"), d.pop("name")) == ("type", "sim-a")
			files = {f: open(os.path.join(sys.argv[1], f)).read().strip()
			         for f in os.listdir(sys.argv[1])}
			assert {k: str(v) for k, v in d.items()} == files, d
		END
}

test_describe_on_terminal()
{
	: >err
	script -qec "$VFIOMIG --color never describe sim-a" /dev/null >out </dev/null &&
		says '^  namespace_capacity 67108864 (64.0 MiB)' && says '^type  *sim-a'
}

test_describe_nothing()
{
	vfiomig 1 describe sim-b && says 'no such type' && vfiomig 1 describe ./sim-b &&
		vfiomig 2 describe && vfiomig 1 describe 00000000-0000-0000-0000-000000000000
}

# Drivers other than mdevsim have nothing to say.
test_describe_foreign()
{
	mkdir -p "$types/mtty-1" && vfiomig 4 describe mtty-1 && says 'does not say what it is' &&
		vfiomig 4 compat mtty-1 sim-a && vfiomig 4 compat sim-a mtty-1
}

test_describe_several_parents()
{
	cp -r sys/class/mdev_bus/sim sys/class/mdev_bus/two
	vfiomig 1 describe sim-a && says '--parent' && vfiomig 0 describe sim-a --parent two &&
		vfiomig 1 compat sim-a a.json && vfiomig 0 compat --parent two sim-a a.json
	ret=$?
	rm -r sys/class/mdev_bus/two
	return $ret
}

# What sysfs says is checked like anything else, and the file named.
test_describe_bad_file()
{
	while read -r name value; do
		before=$(cat "$types/sim-a/migration/$name")
		set_value "$name" "$value"
		vfiomig 1 describe sim-a && says "migration/$name \(is\|has\) " && [ ! -s out ]
		ret=$?
		set_value "$name" "$before"
		[ $ret = 0 ] || return 1
	done <<-'END'
		function nv me
		version 1
		version 1.0.0
		version 65536.0
		stream_version -1.0
		vectors 65536
		vectors 64k
		io_queues 0x3f
		features_supported 0x10000000000000000
		namespace_capacity 9223372036854775808
		namespace_size 1e9
	END
	rm "$types/sim-a/migration/vectors"
	vfiomig 1 describe sim-a && says 'migration/vectors is missing' && set_value vectors 64
}

# bad MEMBER CHANGE...: sed changes the description so that this member is refused
bad()
{
	member=$1
	shift
	sed "$@" a.json >bad.json
	if cmp -s a.json bad.json; then
		echo "# unchanged by $*"
		return 1
	fi
	vfiomig 1 compat bad.json a.json && says "bad.json: its member $member " && [ ! -s out ] &&
		vfiomig 1 compat a.json bad.json && says "bad.json: its member $member " &&
		vfiomig 1 -j compat bad.json a.json && python3 -m json.tool out >/dev/null
}

test_member_missing()
{
	for name in function version lba_shift vectors io_queues queue_entries stream_version \
		    features_required namespace_size stream_version_min stream_version_max \
		    features_supported namespace_capacity; do
		bad "description.$name" "s/\(\"description\".*\)\"$name\":/\1\"$name-\":/" || return 1
	done
	bad version 's/"version":1,//' && bad description 's/"description":/"descriptions":/'
}

test_member_wrong()
{
	while read -r name value; do
		bad "description.$name" "s/\(\"description\".*\"$name\"\):[^,}]*/\1:$value/" ||
			return 1
	done <<-'END'
		function ""
		function "nv me"
		function "nvme\\u0000"
		function "nv\\u001bme"
		function "nvmenvmenvmenvme"
		function 7
		function null
		version "1"
		version "1."
		version "1.65536"
		version " 1.0"
		version "1.+0"
		version 1.0
		stream_version "1.0 "
		stream_version_max {}
		features_required "-1"
		features_required "0x10000000000000000"
		features_required 0
		features_supported ""
		namespace_size 67108865
		namespace_size "67108864"
		namespace_capacity 9223372036854775808
		namespace_capacity -4096
		lba_shift 65536
		vectors 64.0
		vectors true
		io_queues -1
		queue_entries []
	END
	bad description.stream_version_max 's/_min":"1.0"/_min":"1.2"/' &&
		bad version 's/"version":1,/"version":2,/' && bad version 's/"version":1,/"version":"1",/' &&
		bad description 's/"description":{/"description":[],"d":{/'
}

# Whatever it is, it is refused, and not with yes or no.
test_no_description()
{
	python3 - <<-'END'
		good = open("a.json", "rb").read()
		files = {
		    "empty": b"", "word": b"yes", "number": b"1", "array": b"[]", "object": b"{}",
		    "half": good[:-20], "twice": good + good, "deep": b"[" * 5000,
		    "trailing": good + b"x", "long": b" " * 70000 + good, "zero": bytes(4096),
		    "magic": b"mdevsim\x1a", "latin": good.replace(b"nvme", b"nv\xe9e"),
		    "octal": good.replace(b"64,", b"064,"),
		}
		for name, content in files.items():
		    open("no-" + name, "wb").write(content)
	END
	for file in no-*; do
		vfiomig 1 compat "$file" a.json && vfiomig 1 compat a.json "$file" && [ ! -s out ] ||
			return 1
	done
	cut=1
	while [ $cut -lt "$(($(wc -c <a.json) - 1))" ]; do
		head -c $cut a.json >no-cut
		vfiomig 1 compat no-cut a.json || return 1
		cut=$((cut + 7))
	done
}

test_usage()
{
	vfiomig 2 compat a.json && vfiomig 2 compat - - && says 'cannot be both' &&
		vfiomig 1 compat a.json nowhere && vfiomig 1 compat ./nowhere a.json
}

test_yes()
{
	vfiomig 0 compat a.json sim-a && [ "$(cat out)" = yes ] && vfiomig 0 compat sim-a sim-a &&
		vfiomig 0 compat - sim-a <a.json && [ "$(cat out)" = yes ] &&
		vfiomig 0 -j compat a.json a.json && says '"compatible":true' && says '"reasons":\[\]'
}

# A stream of which nobody has got the end
test_stream()
{
	"$MAKE_STREAM" good >state && vfiomig 0 edit state identity.version_minor=0 -o good &&
		vfiomig 0 compat good sim-a && vfiomig 0 compat good good &&
		vfiomig 0 compat sim-a good && vfiomig 0 edit good identity.function=ahci -o other &&
		vfiomig 3 compat other sim-a && says '^no: function: "ahci" there, "nvme" here$' &&
		vfiomig 3 compat sim-a other && says '^no: function: "nvme" there, "ahci" here$' ||
		return 1
	size=$(wc -c <good)
	cut=8
	while [ $cut -lt "$size" ]; do
		head -c $cut good >part
		vfiomig 1 compat part sim-a && says ENODATA && vfiomig 1 compat sim-a part || return 1
		cut=$((cut + 997))
	done
	"$MAKE_STREAM" flipped >part && vfiomig 1 compat part sim-a && says EBADMSG
}

# no SENTENCE FIELD=VALUE...: compat says so of a stream changed like that, and verify the same
no()
{
	sentence=$1
	shift
	vfiomig 0 edit good "$@" -o other && vfiomig 3 compat other sim-a &&
		says "^no: .*$sentence" && sed -n 's/^no: //p' out >reason &&
		[ "$(wc -l <reason)" = 1 ] && vfiomig 3 compat other a.json || return 1
	"$VFIOMIG" -j verify other >out 2>err
	python3 - out reason <<-'END'
		import json, sys
		there = json.load(open(sys.argv[1]))["loading"]
		assert not there["loads"] and there["reason"] + "\n" == open(sys.argv[2]).read(), there
	END
}

# Bytes of the namespace, by their name, that a device would not take
test_stream_values()
{
	"$MAKE_STREAM" good >state && vfiomig 0 edit state identity.version_minor=0 -o good &&
		no 'end, type 255.*: nvme-admin: ' nvme-admin.cq_phase=7 &&
		no 'end, type 255' irq.intx=5 && no 'end, type 255' nvme-regs.cc.MPS=9 &&
		no 'ns-data, type 32.*namespace 2' ns-data.nsid=2 &&
		no 'nvme-regs' nvme-regs.cap.MQES=7 && no 'schema, type 2' schema.text_length=1
}

# What is required and unknown here is so for whom this program knows all of, and only there.
test_stream_unknown()
{
	no 'a required record of unknown type' irq.header.type=77 &&
		no 'version 2, only 1 is known' nvme-logs.header.version=2 || return 1
	for change in 's/\("stream_version_max"\):"1.1"/\1:"1.2"/' \
		      's/\("stream_version_max"\):"1.1"/\1:"2.0"/' \
		      's/\("features_supported"\):"0x0"/\1:"0x8"/' \
		      's/\("version"\):"1.0"/\1:"1.3"/'; do
		sed "$change" a.json >newer.json
		! cmp -s a.json newer.json && vfiomig 4 compat other newer.json &&
			says EOPNOTSUPP && [ ! -s out ] && vfiomig 0 compat good newer.json || return 1
	done
	sed 's/\("stream_version_max"\):"1.1"/\1:"1.0"/' a.json >older.json
	vfiomig 3 compat other older.json && says 'no: .*version 2, only 1 is known'
}

test_qemu_file()
{
	printf 'QEVM\0\0\0\3' >migration && vfiomig 1 compat migration sim-a &&
		says 'try: vfiomig extract'
}

make_type sim-a
run_tests
