#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What driver/compat/compat.h needs of a kernel and says in a sentence: built for a
# kernel that lacks it, the module must not build, and say so. That kernel is this
# one with one macro gone. Runs inside the root; KTAP. (Of a version that is too old
# no such kernel can be made: linux/version.h says it anew to whoever includes it.)
set -u
cd "${0%/*}/.." || exit

compat=driver/compat/compat.h
build=$PWD/build/check/options

# Each line is the macro and a part of the sentence.
lacking()
{
	cat <<-'END'
		guard needs guard()
		CONFIG_VFIO with CONFIG_VFIO
		CONFIG_VFIO_MDEV with CONFIG_VFIO_MDEV
		CONFIG_VFIO_VIRQFD with CONFIG_VFIO_VIRQFD
		CONFIG_EVENTFD with CONFIG_EVENTFD
	END
}

# The kernel's headers come first: it is only to the module that something is missing.
without()
{
	sed -n '/^#include/p' $compat
	echo "#undef $1"
	echo "#undef $1_MODULE"
}

# refused MACRO SENTENCE
refused()
{
	without "$1" >"$build/lacking.h"
	if make module MODULES=build/check/options/module KCFLAGS="-include $build/lacking.h" \
			>"$build/$1.log" 2>&1; then
		echo "# expected no module without $1, but it was built"
		return 1
	fi
	grep -qF "$2" "$build/$1.log" && return
	echo "# expected a sentence with \"$2\", seen:"
	grep -m 5 error: "$build/$1.log" | sed 's/^/#   /'
	return 1
}

rm -rf "$build"
mkdir -p "$build"
echo "KTAP version 1"
echo "1..$(($(grep -c '^#error' $compat) - 1))"
number=0 failed=0
while read -r macro sentence; do
	number=$((number + 1))
	if refused "$macro" "$sentence"; then
		echo "ok $number no $macro"
	else
		echo "not ok $number no $macro"
		failed=$((failed + 1))
	fi
done <<END
$(lacking)
END
exit $((failed > 0))
