# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
# What the scripts of this directory share: sourced, not run.

suite=${SUITE:-trixie}

top=$(cd "$(dirname "$0")/../.." && pwd -P)
build=$top/build
root=$build/root/$suite

# Where the repository is found inside the root and inside the host VM.
src=/src

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# Chroot, mounts and the 9p server want root; everything else follows from it.
as_root()
{
	[ "$(id -u)" = 0 ] && return
	command -v sudo >/dev/null || die "needs root, and there is no sudo"
	exec sudo --preserve-env=SUITE,MIRROR,ACCEL "$0" "$@"
}

# The kernel of the given flavour ("amd64", "cloud-amd64") in the root.
kernel_of()
{
	for dir in "$root"/lib/modules/*; do
		case ${dir##*/} in
		*-cloud-amd64) [ "$1" = cloud-amd64 ] || continue ;;
		*-"$1") ;;
		*) continue ;;
		esac
		echo "${dir##*/}"
		return
	done
	die "no kernel of flavour $1 in $root/lib/modules"
}
