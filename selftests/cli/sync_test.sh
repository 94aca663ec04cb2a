#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The command table, the help text, the man pages and the completion of vfiomig
# list the same commands and options. Prints what differs; exit status 1 if
# anything does.
set -u
cli=$(cd "$(dirname "$0")" && pwd)
top=$cli/../..
: "${VFIOMIG:=$top/build/tools/vfiomig}"
man=$top/Documentation/man
backslash="\\\\"
differences=0

# The table itself, as data
from_table()
{
	"$VFIOMIG" -j help "$@" | python3 -c '
import json, sys
help = json.load(sys.stdin)
for entry in help["commands" if len(sys.argv) < 2 else "options"]:
    name = entry["name"]
    print(name if len(sys.argv) < 2 else "--" + name)' "$@" | sort
}

# Options that head a paragraph of a man page
from_man()
{
	grep -A1 '^\.TP' "$1" | tr -d "$backslash" | grep -o -- '--[a-z][a-z0-9-]*' | sort -u
}

from_help()
{
	"$VFIOMIG" help "$@" | sed -n '/^Options:/,/^$/p' | grep -o -- ' --[a-z][a-z0-9-]*' |
		tr -d ' ' | sort
}

words()
{
	echo "$*" | tr -s ' \t' '\n' | sed '/^$/d' | sort
}

# compare WHAT EXPECTED GOT
compare()
{
	[ "$2" = "$3" ] && return
	differences=1
	echo "# $1 (< table, > there):"
	diff <(echo "$2") <(echo "$3") | grep '^[<>]' | sed 's/^/#   /'
}

complete() { :; } # of bash, when the file below is read outside an interactive shell
# shellcheck disable=SC1091
. "$top/tools/vfiomig/completion/vfiomig.bash"

commands=$(from_table)
[ -n "$commands" ] || { echo "# $VFIOMIG lists no commands"; exit 1; }

compare "commands in help" "$commands" \
	"$("$VFIOMIG" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort)"
compare "commands in completion" "$commands" "$(words "${!_vfiomig_options[@]}")"
compare "man pages" "$commands" "$(find "$man" -name 'vfiomig-*.8' |
	sed 's/.*vfiomig-\(.*\)\.8$/\1/' | sort)"
compare "commands in vfiomig.8" "$commands" "$(tr -d "$backslash" <"$man/vfiomig.8" |
	sed -n 's/^\.BR vfiomig-\([a-z]*\) (8)$/\1/p' | sort -u)"

for command in $commands; do
	options=$(from_table "$command")
	compare "options in help $command" "$options" "$(from_help "$command")"
	compare "options in vfiomig-$command.8" "$options" "$(from_man "$man/vfiomig-$command.8")"
	compare "options of $command in completion" "$options" \
		"$(words "$_vfiomig_global" "${_vfiomig_options[$command]-}")"
done

compare "records in completion" "$(sed -n 's/^\tR([A-Z_]*, *[0-9]*,.*"\([a-z-]*\)").*/\1/p' \
	"$top/include/uapi/linux/mdevsim_state.h" | sort)" "$(words "$_vfiomig_records")"

for state in $_vfiomig_states; do
	"$VFIOMIG" drive -n nowhere "$state" 2>&1 | grep -q 'is no state' || continue
	differences=1
	echo "# completion offers the state $state, which is none"
done

exit $differences
