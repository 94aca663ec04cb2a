#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The module as a whole: what it shows once loaded, and that it goes away with
# everything it made, also while devices exist that nobody uses.
#
#   MODULE=     mdevsim.ko; without, modprobe finds it
#
# Leaves the module loaded, as it found it. Exit status as kselftest has it.
module=mdevsim
types='nvme-64M nvme-1G nvme-16G'
uuid=5e1f7e57-0000-4000-8000-00000000000

number=0
failed=0

result()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		failed=1
	fi
}

loaded()
{
	grep -q "^$module " /proc/modules
}

load()
{
	if [ -n "$MODULE" ]; then
		insmod "$MODULE"
	else
		modprobe "$module"
	fi
}

type_directory()
{
	echo /sys/class/mdev_bus/*/mdev_supported_types/"$module-$1"
}

all_types()
{
	for type in $types; do
		[ -e "$(type_directory "$type")/create" ] || return 1
	done
}

no_types()
{
	for type in $types; do
		[ ! -e "$(type_directory "$type")/create" ] || return 1
	done
}

create()
{
	echo "$uuid$1" >"$(type_directory "$2")/create"
}

exists()
{
	[ -e "/sys/bus/mdev/devices/$uuid$1" ]
}

[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 4; }
loaded || load 2>/dev/null || { echo "1..0 # SKIP cannot load $module"; exit 4; }
loaded || { echo "1..0 # SKIP $module is built in"; exit 4; }

echo "1..8"

all_types
result $? types_appear

create 0 nvme-64M && create 1 nvme-1G && create 2 nvme-16G && exists 0 && exists 1 && exists 2
result $? create

! create 0 nvme-1G 2>/dev/null
result $? identifier_is_taken

rmmod "$module" && ! loaded
result $? unload_with_devices

! exists 0 && ! exists 1 && ! exists 2
result $? devices_are_gone

no_types
result $? types_are_gone

again=0
for _ in 1 2 3 4 5; do
	{ load && all_types && create 0 nvme-64M && rmmod "$module"; } || again=1
done
[ $again = 0 ] && ! loaded
result $? load_and_unload_again

load && all_types
result $? load

exit $failed
