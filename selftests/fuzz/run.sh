#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# run.sh DIRECTORY TARGET:SECONDS:LENGTH...: run fuzz targets, as many at a time
# as there are processors, on inputs up to LENGTH bytes. Prints KTAP. Inputs found
# so far are kept in DIRECTORY/corpus/TARGET, logs and inputs that made a target
# fail in DIRECTORY.
set -u
directory=$1
shift

# Runs in a shell of its own: $0 is the directory, $1 what to run.
# shellcheck disable=SC2016
one='
	target=${1%%:*} rest=${1#*:}
	"$0/$target" -max_total_time="${rest%%:*}" -max_len="${rest#*:}" -timeout=20 \
		-print_final_stats=1 -artifact_prefix="$0/$target-" \
		"$0/corpus/$target" >"$0/$target.log" 2>&1
	echo $? >"$0/$target.status"
'

for run; do
	rm -f "$directory/${run%%:*}.status"
done
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 sh -c "$one" "$directory"

echo 'KTAP version 1'
echo "1..$#"
number=0
failed=0
for run; do
	target=${run%%:*}
	number=$((number + 1))
	result='ok'
	if [ "$(cat "$directory/$target.status")" != 0 ]; then
		result='not ok'
		failed=1
		tail -n 40 "$directory/$target.log" | sed 's/^/# /'
	fi
	echo "$result $number $target"
	sed -n 's/^stat::number_of_executed_units: */# inputs tried: /p' "$directory/$target.log"
done
exit $failed
