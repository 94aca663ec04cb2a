#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""How fast a guest reads and writes our disk, against disks of QEMU's own.

One guest has three NVMe disks: ours, QEMU's with a file in tmpfs, and QEMU's
with nothing behind it at all, which shows what the file costs. fio works on
them in turn, pattern by pattern, several times over: the ratio is taken within
a round. Prints lines as figure.h describes them.
"""

import os
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "tools", "vm"))
from mdevsim import Device, read  # noqa: E402
from qemu import Failure, Qemu  # noqa: E402

TYPE = "nvme-1G"
SIZE = 128 << 20
SECONDS = 1
ROUNDS = 5

OURS, TMPFS, NULL = "ours", "tmpfs", "null"

# name, what fio is told, what it is called, aim of the ratio to QEMU's disk in tmpfs, disks
PATTERNS = (
    ("rr1", "rw=randread bs=4k iodepth=1", "4 KiB random read, QD 1", ">= 1",
     (OURS, TMPFS, NULL)),
    ("rr32", "rw=randread bs=4k iodepth=32", "4 KiB random read, QD 32", ">= 1",
     (OURS, TMPFS, NULL)),
    ("rw32", "rw=randwrite bs=4k iodepth=32", "4 KiB random write, QD 32", "", (OURS, TMPFS)),
    ("sr8", "rw=read bs=128k iodepth=8", "128 KiB sequential read, QD 8", "", (OURS, TMPFS)),
)

# fields of fio's terse output, version 3, from 1
NAME, READ_IOPS, WRITE_IOPS = 3, 8, 49

MMIO_EXITS = "/sys/kernel/debug/kvm/mmio_exits"


def qemu_disks(file):
    return ["-blockdev", f"driver=file,node-name={TMPFS},filename={file}",
            "-device", f"nvme,serial={TMPFS},drive={TMPFS}",
            "-blockdev", f"driver=null-co,node-name={NULL},size={SIZE},read-zeroes=on",
            "-device", f"nvme,serial={NULL},drive={NULL}"]


def find_disks(guest):
    """Which block device is which."""
    lines = guest.run("cd /sys/class/nvme; for c in *; do "
                      "echo $(ls -d $c/nvme*n* | cut -d/ -f2) $(cat $c/serial); done")
    nodes = {TMPFS: None, NULL: None}
    for line in lines.splitlines():
        node, serial = line.split()
        nodes[serial if serial in nodes else OURS] = "/dev/" + node
    if len(nodes) != 3 or None in nodes.values():
        raise Failure(f"expected three disks in the guest, found:\n{lines}")
    return nodes


def fio_jobs(nodes):
    yield f"[global]\nioengine=libaio\ndirect=1\nthread=1\nstonewall\nsize={SIZE}\nnorandommap=1\n"
    for disk in (OURS, TMPFS):
        yield f"[fill:{disk}]\nfilename={nodes[disk]}\nrw=write\nbs=128k\niodepth=8\n"
    for _ in range(ROUNDS):
        for name, options, _, _, disks in PATTERNS:
            options = options.replace(" ", "\n")
            for disk in disks:
                yield (f"[{name}:{disk}]\nfilename={nodes[disk]}\n{options}\n"
                       f"time_based=1\nruntime={SECONDS}\n")


def measure(guest, nodes):
    """IOPS by (pattern, disk), a list with one for each round."""
    jobs = list(fio_jobs(nodes))
    guest.run("cat >jobs <<'END'\n" + "\n".join(jobs) + "END\n")
    output = guest.run("fio --output-format=terse --terse-version=3 jobs >result 2>errors || "
                       "{ cat errors; exit 1; }; "
                       f"cut -d';' -f{NAME},{READ_IOPS},{WRITE_IOPS} result",
                       timeout=60 + 3 * SECONDS * len(jobs))
    iops = {}
    for line in output.split():
        name, reads, writes = line.split(";")
        iops.setdefault(tuple(name.split(":")), []).append(int(reads) + int(writes))
    return iops


def exits_for_each(guest, node):
    """How often a 4 KiB read at QD 32 takes the guest out to QEMU: registers that QEMU emulates."""
    def now():
        stat = guest.run(f"cat /sys/block/{os.path.basename(node)}/stat")
        return int(read(MMIO_EXITS)), int(stat.split()[0])
    exits, reads = now()
    guest.run(f"fio --name=exits --filename={node} --size={SIZE} --ioengine=libaio --direct=1 "
              f"--thread --rw=randread --bs=4k --iodepth=32 --time_based --runtime={SECONDS} "
              ">/dev/null 2>&1")
    exits_then, reads_then = now()
    return (exits_then - exits) / (reads_then - reads)


def report_exits(ours, tmpfs):
    print("MMIO exits for each 4 KiB read, QD 32", f"{ours:.3f}", "",
          f"of QEMU's disk {tmpfs:.3f}; each costs what a switch to QEMU costs", sep="\t")


def report(iops):
    for name, _, what, aim, disks in PATTERNS:
        ours, tmpfs = iops[name, OURS], iops[name, TMPFS]
        ratios = [a / b for a, b in zip(ours, tmpfs, strict=True)]
        raw = f"{statistics.median(ours):.0f} / {statistics.median(tmpfs):.0f} IOPS with tmpfs"
        if NULL in disks:
            raw += f", {statistics.median(iops[name, NULL]):.0f} with nothing behind it"
        print(what + ": ours / QEMU's", f"{statistics.median(ratios):.3f}", aim,
              f"{raw}; {ROUNDS} rounds: {min(ratios):.3f} to {max(ratios):.3f}",
              sep="\t", flush=True)


def main():
    with Device(TYPE) as device, tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        file.truncate(SIZE)
        with Qemu("bench", device.arguments() + qemu_disks(file.name), memory="512M") as guest:
            guest.boot()
            nodes = find_disks(guest)
            report(measure(guest, nodes))
            if os.path.exists(MMIO_EXITS):
                report_exits(exits_for_each(guest, nodes[OURS]),
                             exits_for_each(guest, nodes[TMPFS]))
            accelerator = guest.accelerator
    print("guest of these", "", "", f"{accelerator}, 2 CPUs, 512 MiB; {SIZE >> 20} MiB of each "
          f"disk used, {SECONDS} s a run", sep="\t")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"guest.py: {failure}")
