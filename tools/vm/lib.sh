# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2034
# What the scripts of this directory share: sourced, not run.

top=$(cd "$(dirname "$0")/../.." && pwd -P)
build=$top/build

# Where the repository is found inside a root and inside the host VM, with the
# output directory of the kernel that was chosen as its build/.
src=/src

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# The kernel whose root has the QEMU that runs the host VM, whatever kernel that
# boots: Linux oopses early on the processors that QEMU 7.2 emulates.
machine_kernel=6.12

# choose_kernel VERSION: each kernel comes from the release of Debian that ships
# it, together with that release's QEMU, compilers and libraries. "debug" is the
# one that make-kernel builds, in the root of 6.12.
choose_kernel()
{
	KERNEL=$1
	out=$build/kernel-$KERNEL
	case $KERNEL in
	6.1) suite=bookworm ;;
	6.12) suite=trixie out=$build ;;
	7.3) suite=trixie-backports ;;
	debug) suite=trixie ;;
	*) die "no kernel $KERNEL; there are 6.1, 6.12, 7.3 and debug" ;;
	esac
	root=$build/root/$suite
	linux=$out/linux
	export KERNEL
}
choose_kernel "${KERNEL:-6.12}"

# kernel_with_qemu VERSION: the kernel whose release of Debian has that QEMU
kernel_with_qemu()
{
	case $1 in
	7.2) echo 6.1 ;;
	10.0) echo 6.12 ;;
	11.1) echo 7.3 ;;
	*) die "no QEMU $1; there are 7.2, 10.0 and 11.1" ;;
	esac
}

# Chroot, mounts and the 9p server want root; everything else follows from it.
as_root()
{
	[ "$(id -u)" = 0 ] && return
	command -v sudo >/dev/null || die "needs root, and there is no sudo"
	exec sudo --preserve-env=KERNEL,QEMU,MIRROR,ACCEL,JOBS,LOGLEVEL "$0" "$@"
}

# The kernel that the host VM boots, and its image.
host_kernel()
{
	if [ "$KERNEL" = debug ]; then
		cat "$linux/include/config/kernel.release"
	else
		kernel_of amd64
	fi
}

host_kernel_image()
{
	if [ "$KERNEL" = debug ]; then
		echo "$linux/arch/x86/boot/bzImage"
	else
		echo "$root/boot/vmlinuz-$(kernel_of amd64)"
	fi
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
