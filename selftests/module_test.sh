#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The module as a whole: what it shows once loaded, and that it goes away with
# everything it made, also while devices exist that nobody uses and while what
# sysfs says of them is read.
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

# migration/ of every type and of the device 0
directories()
{
	for type in $types; do
		echo "$(type_directory "$type")/migration"
	done
	echo "/sys/bus/mdev/devices/${uuid}0/migration"
}

# A file that is going away may be opened and not be read, or be missing.
read_files()
{
	for file in "$1"/*; do
		{ read -r _ || true; } <"$file"
	done 2>/dev/null
}

# Say once that all was read.
read_until_gone()
{
	read_files "$1"
	echo
	while [ -d "$1" ]; do
		read_files "$1"
	done
}

unload_while_read()
{
	{ load && all_types && create 0 nvme-64M; } || return
	for directory in $(directories); do
		[ -r "$directory/version" ] || return
		read_until_gone "$directory" >&3 2>/dev/null &
	done
	for directory in $(directories); do
		read -r _ <&3
	done
	rmmod "$module" || return
	for directory in $(directories); do
		[ ! -e "$directory" ] || return
	done
	wait
}

kernel_complaints()
{
	dmesg | grep -cE 'BUG: |WARNING: |Oops|refcount_t: |blocked for more than'
}

[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 4; }
loaded || load 2>/dev/null || { echo "1..0 # SKIP cannot load $module"; exit 4; }
loaded || { echo "1..0 # SKIP $module is built in"; exit 4; }

scratch=$(mktemp -d)
mkfifo "$scratch/readers"
exec 3<>"$scratch/readers"
rm -r "$scratch"
complaints=$(kernel_complaints)

echo "1..10"

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

unread=0
for _ in 1 2 3 4 5; do
	unload_while_read || unread=1
done
[ $unread = 0 ] && ! loaded
result $? unload_while_files_are_read

[ "$(kernel_complaints)" = "$complaints" ]
result $? kernel_is_quiet

load && all_types
result $? load

exit $failed
