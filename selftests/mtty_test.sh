#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# mtty_test.sh MTTY.KO [CHECK]: what vfiomig conform says of the kernel's sample mtty is
# what Documentation/conformance.rst says of it, check by check. With CHECK, run that one
# alone: for those that the kernel does not survive.
#
#   VFIOMIG=    the program (default: build/tools/vfiomig)
#
# Changes the machine it runs on: meant for a virtual one, as root. Prints KTAP.
here=$(cd "$(dirname "$0")" && pwd)
top=${here%/*}
: "${VFIOMIG:=$top/build/tools/vfiomig}"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

# Rows of the table: name of a check, what becomes of it, why
table()
{
	sed -n 's/^\([a-z-]*\.[A-Za-z_.-]*\)  *\(fails\|oops\|maybe\)  .*/\1 \2/p' \
		"$top/Documentation/conformance.rst"
}

checks()
{
	table | sed -n "s/ $1\$//p" | sort
}

# same WHAT EXPECTED SEEN: files with a line for each
same()
{
	diff "$2" "$3" >"$scratch/diff" && return 0
	echo "# $1 (< conformance.rst, > seen):"
	grep '^[<>]' "$scratch/diff" | sed 's/^/#   /'
	return 1
}

result()
{
	if [ "$1" = 0 ]; then
		echo "ok $2"
	else
		echo "not ok $2"
		failed=1
	fi
}

if [ "$1" = --oops ]; then
	checks oops
	exit
fi
[ "$(id -u)" = 0 ] || skip_all "needs root"
modprobe -a vfio vfio_iommu_type1 mdev || skip_all "no VFIO with mediated devices"
insmod "$1" || skip_all "no module $1"
a=$("$VFIOMIG" create mtty-2) || skip_all "no device"
b=$("$VFIOMIG" create mtty-2) || skip_all "no device"
if [ $# = 2 ]; then
	"$VFIOMIG" conform "$a" --only "$2" | sed -u 's/^/| /'
	exit
fi

echo "KTAP version 1"
echo "1..3"
failed=0
"$VFIOMIG" conform "$a" --second "$b" --skip "$(checks "[om].*" | tr '\n' ,)" >"$scratch/out" 2>&1
result $(($? != 1)) "1 status"
sed 's/^/| /' "$scratch/out"
checks fails >"$scratch/expected"
sed -n 's/^not ok [0-9]* //p' "$scratch/out" | sort >"$scratch/seen"
same "checks that fail" "$scratch/expected" "$scratch/seen"
result $? "2 same"
[ "$(grep -c '^ok [0-9]* [^#]*$' "$scratch/out")" -gt 100 ]
result $? "3 most_pass"
"$VFIOMIG" remove "$a" "$b"
exit $failed
