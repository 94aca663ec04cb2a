# SPDX-License-Identifier: GPL-2.0
# bash completion for vfiomig                             -*- shell-script -*-

# shellcheck shell=bash
_vfiomig_global="--json --pretty --verbose --color --help --version"
_vfiomig_states="RUNNING STOP STOP_COPY RESUMING RUNNING_P2P PRE_COPY PRE_COPY_P2P ERROR reset"
_vfiomig_records="identity schema pci-config irq nvme-regs nvme-admin nvme-queues nvme-features
	nvme-aer nvme-logs ns-data ns-zero synthetic end"
_vfiomig_faults="arc error stall-arc stall-data rate data flip truncate precopy-info data-size refuse
	nvme-timeout nvme-status"
_vfiomig_files="dump verify diff edit extract timeline" # commands whose words are files

declare -A _vfiomig_options=(
	[types]=""
	[create]="--parent --uuid --dry-run"
	[remove]="--dry-run"
	[list]=""
	[show]="--dry-run --backend"
	[drive]="--input --output --rounds --region --dry-run --backend"
	[save]="--output --no-precopy --rounds --stop --region --dry-run --backend"
	[load]="--input --stop --region --dry-run --backend"
	[migrate]="--output --no-precopy --rounds --region --dry-run --backend"
	[conform]="--list --only --skip --second --region --timeout --recreate --backend"
	[dump]="--data --hex --device"
	[verify]="--device"
	[diff]="--all --device"
	[edit]="--output --keep-crc --drop --duplicate --swap --device"
	[extract]="--output --device --list --all"
	[describe]="--output --parent"
	[compat]="--parent"
	[monitor]=""
	[stats]=""
	[fault]="--remove --clear"
	[shape]="--clear"
	[profile]=""
	[timeline]="--output --number"
	[version]=""
	[help]=""
)

# Names in a directory of /sys
_vfiomig_names()
{
	local path

	for path in "$1"/*; do
		[ -e "$path" ] && printf '%s\n' "${path##*/}"
	done
}

_vfiomig_devices()
{
	local path

	_vfiomig_names /sys/bus/mdev/devices
	for path in /sys/class/vfio-dev/*/device; do
		[ -e "$path" ] && basename "$(readlink -f "$path")"
	done
}

_vfiomig_types()
{
	local path

	for path in /sys/class/mdev_bus/*/mdev_supported_types; do
		_vfiomig_names "$path"
	done
}

# Lines of --list that are neither a rule nor a place
_vfiomig_checks()
{
	vfiomig conform --list 2>/dev/null | grep '^[a-z]'
}

# The command on the line so far, and how many words follow it
_vfiomig_command()
{
	local i

	command='' words_after=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*)
			if [ -z "$command" ]; then
				command=${COMP_WORDS[i]}
			else
				words_after=$((words_after + 1))
			fi
			;;
		esac
	done
}

_vfiomig_words()
{
	case $1 in
	"") echo "${!_vfiomig_options[@]}" ;;
	help) echo "${!_vfiomig_options[@]}" ;;
	types) _vfiomig_names /sys/class/mdev_bus ;;
	create) _vfiomig_types ;;
	drive) if [ "$2" = 0 ]; then _vfiomig_devices; else echo "$_vfiomig_states"; fi ;;
	describe | compat)
		_vfiomig_devices
		_vfiomig_types
		;;
	fault) if [ "$2" = 0 ]; then _vfiomig_devices; else echo "$_vfiomig_faults"; fi ;;
	monitor | stats | shape | remove | show | save | load | migrate | conform) _vfiomig_devices ;;
	esac
}

_vfiomig()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local command words_after offer

	COMPREPLY=()
	_vfiomig_command
	case $previous in
	--backend) offer="auto cdev group" ;;
	--color) offer="always auto never" ;;
	--parent) offer=$(_vfiomig_names /sys/class/mdev_bus) ;;
	--rounds | --uuid | --device | --timeout | --remove) return ;;
	--second) offer=$(_vfiomig_devices) ;;
	--only | --skip) offer=$(_vfiomig_checks) ;;
	--drop | --duplicate | --swap) offer=$_vfiomig_records ;;
	-i | --input | -o | --output) compopt -o default; return ;;
	*)
		if [[ $current == -* ]]; then
			offer="$_vfiomig_global ${_vfiomig_options[${command:-help}]-}"
		elif [[ " $_vfiomig_files " == *" $command "* ]]; then
			compopt -o default
			return
		elif [[ $command == profile && $words_after -gt 0 ]]; then
			compopt -o default
			return
		else
			[ "$command" != compat ] || compopt -o default
			offer=$(_vfiomig_words "$command" "$words_after")
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$current")
}

complete -F _vfiomig vfiomig
