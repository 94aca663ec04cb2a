#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# netlink_spec.sh [--write]: the header and policy that the netlink
# specification stands for, made by the kernel's generator, are those that are
# checked in. Prints what differs; --write puts it right. Runs in the root.
set -eu
cd "${0%/*}/.."
top=$PWD
spec=Documentation/netlink/specs/mdevsim.yaml
source=$top/build/linux-source
status=0

# The generator looks for its schemas, and for MAINTAINERS, around the specification.
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/${spec%/*}"
cp "$source"/Documentation/netlink/*.yaml "$tree/Documentation/netlink"
cp "$spec" "$tree/$spec"
touch "$tree/MAINTAINERS"

# generate MODE PART FILE
generate()
{
	made=$tree/${3##*/}
	(cd "$tree" && python3 "$source/tools/net/ynl/ynl-gen-c.py" --spec "$spec" --mode "$1" \
		"--$2" -o "$made")
	if [ "${write:-}" ]; then
		cat "$made" >"$3"
	elif ! diff -u "$3" "$made"; then
		echo "$3 is not what $spec says: run selftests/netlink_spec.sh --write"
		status=1
	fi
}

[ "${1:-}" != --write ] || write=1
generate uapi header include/uapi/linux/mdevsim.h
generate kernel header driver/netlink_gen.h
generate kernel source driver/netlink_gen.c
exit $status
