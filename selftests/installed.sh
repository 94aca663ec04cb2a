#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# installed.sh BASE: the tests run as well from BASE/mdevsim, where "make install" has put
# them, by the kernel's own runner and within the time that their settings give them. All
# of them have to be there; a few are run. KTAP.
#
#   MODULE=     mdevsim.ko (default: of the running kernel, below build/module)
#   KSFT_DIR=   the kernel's selftests (default: those of build/linux-source)
#
# Wants mdevsim not loaded, and leaves it like that.
base=$(cd "$1" && pwd) || exit
top=$(cd "$(dirname "$0")/.." && pwd)
: "${KSFT_DIR:=$top/build/linux-source/tools/testing/selftests}"
: "${MODULE:=$top/build/module/$(uname -r)/mdevsim.ko}"
export MODULE

# These are quick, and one of them reads files that are installed with it.
tests='module_test.sh golden_test pci_config_test'

# What kselftest's list of all tests says of ours, and what they cannot do without
missing()
{
	sed -n 's/^mdevsim://p' "$base/kselftest-list.txt" | while read -r test; do
		[ -x "$base/mdevsim/$test" ] || echo "# not there: $test"
	done
	for file in config settings; do
		[ -s "$base/mdevsim/$file" ] || echo "# not there: $file"
	done
}

failed=0
echo "KTAP version 1"
echo "1..$(($(echo "$tests" | wc -w) + 1))"
lacking=$(missing)
if [ -z "$lacking" ] && grep -q '^mdevsim:' "$base/kselftest-list.txt"; then
	echo "ok 1 installed"
else
	echo "$lacking"
	echo "not ok 1 installed"
	failed=1
fi

modprobe -a vfio vfio_iommu_type1 mdev
ln -sfn "$KSFT_DIR/kselftest" "$base/kselftest"
# The runner wants bash, as its callers do.
# shellcheck disable=SC2086,SC2016
BASE_DIR=$base bash -c '. "$BASE_DIR/kselftest/runner.sh" && cd "$BASE_DIR/mdevsim" && run_many "$@"' \
	runner $tests >"$base/output" 2>&1
rmmod mdevsim

# Its results, whose numbers begin with 2 here; what is in them when one is not as it should be
number=1
for test in $tests; do
	number=$((number + 1))
	if grep -q "^ok .* mdevsim: $test$" "$base/output"; then
		echo "ok $number $test"
	else
		sed 's/^/# /' "$base/output"
		echo "not ok $number $test"
		failed=1
	fi
done
exit $failed
