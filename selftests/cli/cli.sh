# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
#
# To be sourced by tests of the command line that need no device: an empty
# directory to work in, running the program, and a stream of KTAP with one test
# for each function test_*() of the script.
#
#   VFIOMIG=       the program (default: build/tools/vfiomig)
#   MAKE_STREAM=   what makes streams (default: build/selftests/cli/make_stream)
cli=$(cd "$(dirname "$0")" && pwd)
top=$cli/../..
: "${VFIOMIG:=$top/build/tools/vfiomig}"
: "${MAKE_STREAM:=$top/build/selftests/cli/make_stream}"
script=$cli/${0##*/}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit
LC_ALL=C
export LC_ALL
unset NO_COLOR

# vfiomig STATUS ARG...: expect the exit status
vfiomig()
{
	want=$1
	shift
	"$VFIOMIG" "$@" >out 2>err
	got=$?
	[ $got = "$want" ] && return 0
	echo "# vfiomig $*: exit status $got, not $want"
	sed 's/^/# /' err
	return 1
}

says()
{
	grep -q -- "$1" out err && return 0
	echo "# expected '$1' in:"
	sed 's/^/# /' out err
	return 1
}

# Every function test_*() of the script, in the order in which they stand there
run_tests()
{
	failed=0
	nr=0
	# shellcheck disable=SC2046
	set -- $(sed -n 's/^\(test_[a-z_0-9]*\)().*/\1/p' "$script")
	echo "KTAP version 1"
	echo "1..$#"
	for test; do
		result=ok
		$test || { result='not ok' failed=$((failed + 1)); }
		nr=$((nr + 1))
		echo "$result $nr $test"
	done
	[ $failed = 0 ]
}
