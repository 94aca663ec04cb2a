#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# vfiomig on devices: what it shows, saves, loads and migrates, what it says
# when it is refused, and that the source of whatever failed runs again. Makes
# three devices and removes them.
#
# shellcheck disable=SC2317 # tests are called by name
# shellcheck source=lib/vfiomig.sh
. "$(dirname "$0")/lib/vfiomig.sh"

a='' b='' big='' other=''
: "${STREAMS:=$here/streams}"

test_show()
{
	run 0 -j show "$a" &&
		json "$out" "d['device'] == '$a' and d['type'] == 'mdevsim-nvme-64M'" &&
		json "$out" 'all(d["migration"][x] for x in ("stop_copy", "p2p", "pre_copy"))' &&
		json "$out" 'any(r["name"] == "BAR0" and r["size"] for r in d["regions"])' &&
		json "$out" 'd["migration"]["state"] == "RUNNING"' &&
		run 0 show "$a" && says '^state  *RUNNING$' && says '^region  *[0-9] BAR0'
}

test_list()
{
	run 0 -j list && json "$out" \
		"{'$a', '$b', '$big'} <= {x['device'] for x in d['devices']}" &&
		json "$out" 'all(os.path.exists("/dev/vfio/devices/" + x["cdev"])
			for os in [__import__("os")] for x in d["devices"] if "cdev" in x)'
}

# describes PATH NAME: describe says what is in the files below migration/ there
describes()
{
	run 0 describe "$2" && python3 - "$1/migration" "$out" <<-'END'
		import json, os, sys
		d = json.load(open(sys.argv[2]))["description"]
		files = {f: open(os.path.join(sys.argv[1], f)).read().strip()
		         for f in os.listdir(sys.argv[1]) if f != "refusal"}
		values = {k: str(v) for k, v in d.items() if k not in ("kind", "name", "type")}
		if values != files:
		    sys.exit("# %s in JSON, %s in files" % (values, files))
	END
}

test_describe()
{
	describes "/sys/bus/mdev/devices/$a" "$a" && says '"kind":"device"' &&
		says '"type":"mdevsim-nvme-64M"' &&
		describes /sys/class/mdev_bus/mdevsim/mdev_supported_types/mdevsim-nvme-16G \
			mdevsim-nvme-16G && says '"kind":"type"' &&
		run 0 describe "$a" -o "$scratch/described" && [ ! -s "$out" ] &&
		json "$scratch/described" "d['description']['name'] == '$a'" &&
		on_terminal "$VFIOMIG --color never describe $a" &&
		says '^  namespace_capacity 67108864 (64.0 MiB)'
}

test_drive()
{
	run 0 drive "$a" PRE_COPY STOP_COPY STOP RUNNING &&
		says '^RUNNING  *-> PRE_COPY .* bytes' && says '^PRE_COPY  *-> STOP_COPY .* bytes' &&
		says '^STOP_COPY  *-> STOP ' && says '^STOP  *-> RUNNING ' &&
		run 0 -j drive "$a" PRE_COPY STOP_COPY STOP RUNNING && json "$out" \
		'[x["to"] for x in d["steps"]] == ["PRE_COPY", "STOP_COPY", "STOP", "RUNNING"]' &&
		json "$out" 'all(x["ns"] > 0 for x in d["steps"])'
}

# Resuming without a state is refused, and the device recovered.
test_drive_refused()
{
	run 1 drive "$a" RESUMING STOP && says 'reason: [a-z]' && says "$a was reset" &&
		is_running "$a"
}

test_save_and_load()
{
	{
		"$VFIOMIG" -j save "$a" -o - 2>"$scratch/saved"
		echo $? >"$scratch/status"
	} | run 0 -j load "$b" -i - || return 1
	[ "$(cat "$scratch/status")" = 0 ] && json "$scratch/saved" 'd["bytes"] > 1000' &&
		json "$out" 'd["loaded"]["bytes"] == json.load(
			open("'"$scratch/saved"'"))["bytes"] and d["state"] == "RUNNING"'
}

test_save_to_file()
{
	run 0 -j save "$a" -o "$scratch/state" --stop && json "$out" 'd["state"] == "STOP"' &&
		[ "$(stat -c %s "$scratch/state")" = "$(python3 -c '
import json, sys
print(json.load(open(sys.argv[1]))["bytes"])' "$out")" ] &&
		run 0 load "$b" -i "$scratch/state"
}

# With pre-copy and without, every byte of the copy has a meaning.
test_migrate()
{
	for option in --rounds=2 --no-precopy; do
		run 0 -j migrate "$a" "$b" -o "$scratch/copy" "$option" &&
			json "$out" 'd["downtime_ns"] > 0 and d["bytes"] > 1000' &&
			json "$out" 'd["source_arcs"][-1]["to"] == "STOP"' &&
			json "$out" 'd["destination_arcs"][-1]["to"] == "RUNNING"' &&
			run 0 dump "$scratch/copy" && tail -n 1 "$out" >"$err" &&
			grep -q ', 0 unexplained$' "$err" || return 1
	done
}

test_migrate_to_smaller()
{
	run 3 migrate "$big" "$b" && says EXDEV && says 'reason: [a-z]' &&
		source_runs_again "$big" &&
		run 3 -j migrate "$big" "$b" && json "$out" 'd["error"]["errno_name"] == "EXDEV"
			and " " in d["error"]["reason"] and d["error"]["status"] == 3' &&
		is_running "$big" && is_running "$b"
}

# One bit in the body of a record, which comes after its header of 24 bytes
test_load_flipped()
{
	run 0 save "$a" -o "$scratch/state" && run 0 -j dump "$scratch/state" &&
		python3 - "$scratch/state" "$out" <<-'END' || return 1
			import json, sys
			for record in json.load(open(sys.argv[2]))["records"]:
			    if record["record"] == "nvme-regs":
			        at = record["offset"] + 24 + record["length"] // 2
			with open(sys.argv[1], "r+b") as file:
			    file.seek(at)
			    byte = file.read(1)[0]
			    file.seek(at)
			    file.write(bytes([byte ^ 0x10]))
		END
	run 1 load "$b" -i "$scratch/state" && says EBADMSG && says 'reason: [a-z]' &&
		says "$b was reset" && is_running "$b"
}

test_load_truncated()
{
	run 0 save "$a" -o "$scratch/state" || return 1
	size=$(stat -c %s "$scratch/state")
	for length in 0 20 $((size / 2)) $((size - 1)); do
		head -c "$length" "$scratch/state" >"$scratch/part"
		if ! { run 1 load "$b" -i "$scratch/part" && says ENODATA && says 'reason: [a-z]'; }; then
			echo "# cut at $length of $size"
			return 1
		fi
	done
	is_running "$b"
}

test_load_foreign()
{
	run 3 load "$b" -i /bin/ls && says EILSEQ && says 'reason: [a-z]' && is_running "$b"
}

# A pipe that is full, which descriptor 3 keeps open.
make_pipe()
{
	rm -f "$scratch/pipe"
	mkfifo "$scratch/pipe"
	exec 3<>"$scratch/pipe"
	# ends when there is no more room
	dd if=/dev/zero of="$scratch/pipe" bs=4096 oflag=nonblock conv=notrunc 2>/dev/null
}

# ends PID: within a time, or it is killed
ends()
{
	for _ in $(seq 200); do
		grep -qs '^State:.[^Z]' "/proc/$1/status" || return 0
		sleep 0.1
	done
	echo "# process $1 does not end"
	kill -KILL "$1"
	return 1
}

# A save that is stuck in a write until somebody reads or a signal comes
stall()
{
	make_pipe
	"$VFIOMIG" save "$a" -o - >"$scratch/pipe" 2>"$scratch/stalled" &
	saver=$!
	for _ in $(seq 200); do
		grep -qs pipe_write "/proc/$saver/wchan" && return 0
		sleep 0.1
	done
	echo "# the save does not wait for its pipe"
	return 1
}

# interrupt SIGNAL: the stalled save, which leaves its exit status in $got
interrupt()
{
	kill "-$1" "$saver"
	ends "$saver"
	wait "$saver"
	got=$?
	exec 3<&-
	: >"$out"
	cp "$scratch/stalled" "$err"
}

test_save_interrupted()
{
	for signal in INT TERM; do
		stall || { interrupt KILL; return 1; }
		interrupt "$signal"
		[ "$got" = 1 ] || shows "exit status $got, not 1"
		[ "$got" = 1 ] && says EINTR && source_runs_again "$a" || return 1
	done
	is_running "$a"
}

# By its group the kernel says that it is busy, by its node that it is no good.
test_in_use()
{
	stall && run 1 show "$a" && says 'EBUSY\|EINVAL' && says 'try: .*fuser' &&
		run 1 -j migrate "$b" "$a" &&
		json "$out" 'd["error"]["errno_name"] in ("EBUSY", "EINVAL") and d["error"]["hint"]' &&
		run 1 show "$a" --backend group && says EBUSY
	ret=$?
	interrupt INT
	[ "$ret" = 0 ] && is_running "$a"
}

# on_terminal COMMAND: its standard output and standard error are a terminal
on_terminal()
{
	: >"$err"
	script -qec "$1; echo status=\$?" /dev/null >"$out" 2>&1 </dev/null
}

test_no_state_to_terminal()
{
	on_terminal "$VFIOMIG save $a -o -" && says 'not written to a terminal' &&
		says 'status=2' && says_not 'mdevsim-nvme'
}

# Until somebody is stuck in a write to a pipe: the save, however long that takes
wait_for_writer()
{
	for _ in $(seq 200); do
		# shellcheck disable=SC2046 # no process is no file
		grep -qs pipe_write $(grep -lsx vfiomig /proc/[0-9]*/comm | sed 's/comm$/wchan/') \
			/dev/null && return
		sleep 0.1
	done
}

# A page every now and then, and after a second of it the rest
trickle()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		dd bs=4k count=1 status=none
		sleep 0.1
	done
	cat
}

# The pipe is read so slowly that the save takes longer than the bar waits.
read_later()
{
	make_pipe
	{ wait_for_writer; trickle; } <"$scratch/pipe" 3<&- >/dev/null &
	reader=$!
}

reading_ends()
{
	exec 3<&-
	ends "$reader"
}

bar='\[[# ]\{30\}\]'

test_progress_on_terminal()
{
	read_later
	on_terminal "$VFIOMIG save $a -o $scratch/pipe 3<&-"
	reading_ends && says 'status=0' && says "$bar"
}

test_no_progress_elsewhere()
{
	read_later
	run 0 save "$a" -o "$scratch/pipe"
	ret=$?
	reading_ends && [ "$ret" = 0 ] && says '^total ' && says_not "$bar" &&
		says_not "$(printf '\r')" && says_not "$(printf '\033')"
}

# ---- The migration region

test_region_show()
{
	run 0 -j show "$a" && json "$out" 'd["migration"]["region"] == {**d["migration"]["region"],
			"supported": True, "index": 9, "data_offset": 4096,
			"data_size": 1 << 20, "mmap": True}' &&
		run 0 show "$a" &&
		says '^  region (v1)  *yes, 9 at 0x[0-9a-f]*, .*, data at 4096, 1.0 MiB, mapped$'
}

test_region_drive()
{
	run 0 -j drive --region "$a" PRE_COPY STOP_COPY STOP RUNNING && json "$out" \
		'[x["to"] for x in d["steps"]] == ["PRE_COPY", "STOP_COPY", "STOP", "RUNNING"]' &&
		json "$out" 'd["steps"][1]["bytes"] > 1000' &&
		run 1 drive --region "$a" 9 && says EINVAL && says 'cannot go from RUNNING to 9' &&
		run 1 drive --region "$a" RESUMING RUNNING && says ENODATA && says 'reason: [a-z]' &&
		says 'is now RESUMING' && says "$a was reset" &&
		run 2 drive --region "$a" RUNNING_P2P && is_running "$a"
}

# A stream with 4 MiB in the namespace, more than the data section has room for. Copies keep
# the block number that the extent they are of had before.
make_large()
{
	python3 - "$STREAMS/1.1.bin" "$scratch/large" <<-'END' || return 1
		import struct, sys
		old = open(sys.argv[1], "rb").read()
		type, at = 0, 64
		for _ in range(2): # identity and schema
		    type, length = struct.unpack_from("<H14xQ", old, at)[:2]
		    at += 24 + (length + 7 & -8) + 8
		body = struct.pack("<IIQQ", 1, 0, 0, 1024) + bytes(range(1, 256)) * 2056 + bytes(8)
		record = struct.pack("<HHIHHIQ", 32, 0, 2, 1, 0, 0, len(body)) + body + bytes(8)
		open(sys.argv[2], "wb").write(old[:at] + record + old[at:])
	END
	for slba in 1024 2048 3072 4096 5120 6144 7168; do
		run 0 edit "$scratch/large" -o "$scratch/larger" --duplicate ns-data \
			"ns-data.slba=$slba" identity.namespace_size=67108864 &&
			mv "$scratch/larger" "$scratch/large" || return 1
	done
	run 0 verify "$scratch/large"
}

# same_namespace FILE FILE: what else differs is of the controllers
same_namespace()
{
	"$VFIOMIG" diff "$1" "$2" >"$out" 2>"$err"
	says '^the same state$\|^differing: .*, 0 blocks$'
}

# holds DEVICE: what is in large, by the feature
holds()
{
	run 0 save "$1" -o "$scratch/held" && same_namespace "$scratch/held" "$scratch/large"
}

test_region_load()
{
	make_large && run 0 -j load --region "$a" -i "$scratch/large" --stop &&
		json "$out" 'd["loaded"]["bytes"] > 4 << 20 and d["state"] == "STOP"' &&
		json "$out" '[x["to"] for x in d["arcs"]] == ["RESUMING", "STOP"]' && holds "$a"
}

test_region_save()
{
	for option in --rounds=3 --no-precopy; do
		run 0 -j save --region "$a" -o "$scratch/state" "$option" &&
			json "$out" 'd["bytes"] > 4 << 20 and d["state"] == "RUNNING"' &&
			run 0 verify "$scratch/state" &&
			same_namespace "$scratch/state" "$scratch/large" || return 1
	done
	run 0 -vv save --region "$a" -o "$scratch/state" && says 'read pending_bytes$' &&
		says 'write device_state 2: PRE_COPY -> STOP_COPY$' && says_not 'read data, '
}

# crosses SAVE-OPTION LOAD-OPTION: from one device to a new one
# shellcheck disable=SC2086 # no option is no word
crosses()
{
	create other 64M && {
		"$VFIOMIG" -j save $1 "$a" -o - 2>"$scratch/saved"
		echo $? >"$scratch/status"
	} | run 0 -j load $2 "$other" -i - || return 1
	[ "$(cat "$scratch/status")" = 0 ] && json "$out" 'd["loaded"]["bytes"] == json.load(
			open("'"$scratch/saved"'"))["bytes"] and d["state"] == "RUNNING"' && holds "$other"
}

test_region_cross()
{
	crosses --region '' && crosses '' --region && crosses --region --region
}

test_region_migrate()
{
	for option in --rounds=2 --no-precopy; do
		create other 64M &&
			run 0 -j migrate --region "$a" "$other" -o "$scratch/copy" "$option" &&
			json "$out" 'd["downtime_ns"] > 0 and d["bytes"] > 4 << 20' &&
			json "$out" 'd["source_arcs"][-1]["to"] == "STOP"' && json "$out" \
			'[x["to"] for x in d["destination_arcs"]] == ["RESUMING", "RUNNING"]' &&
			run 0 verify "$scratch/copy" && holds "$other" || return 1
	done
}

test_region_migrate_to_smaller()
{
	run 3 migrate --region "$big" "$b" && says EXDEV && says 'reason: .*namespace_size' &&
		source_runs_again "$big" && says "$b was reset" &&
		run 3 -j migrate --region "$big" "$b" &&
		json "$out" 'd["error"]["errno_name"] == "EXDEV" and d["error"]["status"] == 3
			and "namespace_size" in d["error"]["reason"]' &&
		is_running "$big" && is_running "$b"
}

# Refused when it is whole, and refused in the middle
test_region_load_refused()
{
	head -c 3000000 "$scratch/large" >"$scratch/part"
	run 1 load --region "$b" -i "$scratch/part" && says ENODATA && says 'reason: [a-z]' &&
		says 'refuses the device state as a whole' && says "$b was reset" &&
		run 0 edit "$scratch/large" ns-data#5.slba=1 -o "$scratch/wrong" &&
		run 1 load --region "$b" -i "$scratch/wrong" && says EINVAL &&
		says 'reason: .*ns-data' && says 'within bytes [1-9]' && says "$b was reset" &&
		run 3 load --region "$b" -i /bin/ls && says EILSEQ && is_running "$b"
}

test_remove()
{
	# shellcheck disable=SC2086
	run 0 remove $devices || return 1
	for device in $devices; do
		[ ! -e "/sys/bus/mdev/devices/$device" ] || return 1
	done
	devices=
}

if ! { create a 64M && create b 64M && create big 1G; }; then
	bail_out "cannot create devices"
fi
run_tests
