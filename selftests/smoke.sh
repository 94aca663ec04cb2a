#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# smoke.sh: the tests that find most in the least time, and a guest that migrates
# once. In the host VM; prints KTAP. See "smoke" in tools/vm/check.
here=$(cd "$(dirname "$0")" && pwd)
: "${MODULE:?the module to load}" "${mdevsim_log:?where logs go}"
failed=0

sh "$here/run.sh" module_test.sh device_test migration_test migration_region_test || failed=1

echo "KTAP version 1"
echo "1..1"
if "$here/../tools/vm/demo.py" short >"$mdevsim_log/demo" 2>&1; then
	echo "ok 1 demo"
else
	echo "not ok 1 demo"
	failed=1
fi
sed 's/^/# /' "$mdevsim_log/demo"
exit $failed
