#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A guest with an mdevsim NVMe function live-migrates between two QEMUs.

demo.py [full|short]: runs in the host VM, see "make demo". Short leaves out
the way back and the look into the device state.
"""

import itertools
import json
import os
import sys
import time

import mdevsim
from mdevsim import Device, Fio, Monitor, Trace, checksum, command, expect_quiet_kernel, fill
from qemu import LOGS, Failure, Qemu, has, migrate, migrate_to_file, name_and_protocol

START = time.monotonic()
MEMORY = "192M"
TYPE = "nvme-64M"


def step(text):
    print(f"\n[{time.monotonic() - START:5.1f} s] {text}", flush=True)


def show(text):
    for line in str(text).rstrip().splitlines():
        print("          " + line.rstrip(), flush=True)


def size(count):
    for unit in "bytes", "KiB", "MiB", "GiB":
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return None


def arcs(trace, names):
    """The state changes of both devices in one list, with what each state moved."""
    first = None
    moved = dict.fromkeys(names, (0, 0))
    for seconds, event, device, text in trace.events():
        name = next((n for uuid, n in names.items() if uuid in device), device)
        uuid = next((u for u in names if u in device), None)
        fields = dict(word.split("=") for word in text.split() if "=" in word)
        if event == "record" and uuid:
            count, total = moved[uuid]
            moved[uuid] = count + 1, total + int(fields["length"])
        elif event == "arc":
            first = seconds if first is None else first
            states = text.split(" error=")[0]
            note = "" if fields["error"] == "0" else f"  error {fields['error']}"
            if uuid and moved[uuid][0]:
                count, total = moved[uuid]
                note += f"  before it {count} records, {size(total)}"
                moved[uuid] = 0, 0
            yield (f"{seconds - first:8.3f} s  {name:12} {states:28} "
                   f"{int(fields['ns']) / 1e6:8.2f} ms{note}")


def account(info, phases, trace, names):
    """What QEMU and the driver say about a migration."""
    show(f"{'time':>8}    {'QEMU':12} {'state change of the device':28} {'took':>11}")
    for line in arcs(trace, names):
        show(line)
    if has("device-events"):
        show(f"as QEMU saw it: {', '.join(phases)}")
    # 7.2 keeps count, but was built without the lines that tell it.
    state = size(info["vfio"]["transferred"]) if "vfio" in info else "see above"
    show(f"device state: {state}; guest memory: "
         f"{size(info['ram']['transferred'])}, of it {size(info['ram']['downtime-bytes'])} "
         "while the guest stood still")
    show(f"downtime: {info['downtime']} ms of {info['total-time']} ms")


def device_states(*ends):
    """States of the device by QEMU's events, each end (QEMU, events seen before)."""
    return [event["data"]["device-state"] for qemu, before in ends
            for event in qemu.events("VFIO_MIGRATION", before)]


def move(source, destination, names, fio, expected):
    """One migration, with fio running across it."""
    trace = Trace()
    before = len(source.monitor.events)
    info = migrate(source, destination, downtime_limit=1000)
    step(f"runs in QEMU {destination.name}")
    account(info, device_states((source, before), (destination, 0)), trace, names)
    reads, writes, seconds = fio.expect_progress(destination)
    show(f"fio goes on: {writes} writes and {reads} verifying reads in {seconds:.1f} s")
    seen = checksum(destination)
    show(f"sha256 of the first 8 MiB, read again: {seen}")
    if seen != expected:
        raise Failure(f"the namespace changed: sha256 was {expected}, is {seen}")
    expect_quiet_kernel(destination)
    show("the guest's kernel log: no timeout, no reset, no error")


def excerpt(dump, limit=12):
    """Of each record the first fields; of a run of namespace data the first and the last."""
    records = []
    for line in dump.splitlines():
        if records and line.startswith(" "):
            records[-1].append(line)
        else:
            records.append([line])
    for is_data, run in itertools.groupby(records, lambda record: ": ns-" in record[0]):
        run = list(run)
        if is_data and len(run) > 2:
            yield from run[0]
            yield f"... {len(run) - 2} records more"
            run = run[-1:]
        for record in run:
            yield from record[:limit]
            if len(record) > limit:
                yield f"  ... {len(record) - limit} fields more"


def look_inside(qemu):
    """Migrate to a file and take the device state in it apart."""
    file = "/tmp/migration"
    migrate_to_file(qemu, file)
    device, = json.loads(command(mdevsim.VFIOMIG, "-j", "extract", "--list", file))["devices"]
    dump = command(mdevsim.VFIOMIG, "dump", file)
    command(mdevsim.VFIOMIG, "extract", file, "-o", LOGS + "/device-state")
    os.remove(file)
    mdevsim.write(LOGS + "/device-state.txt", dump)
    step(f"migrated to a file: {size(device['precopy_bytes'])} of device state in pre-copy, "
         f"{size(device['stopped_bytes'])} after it; vfiomig dump (all of it: "
         f"{LOGS}/device-state.txt):")
    for line in excerpt(dump):
        show(line)


def run(short):
    step("the module is loaded, two devices are made")
    show(f"Linux {os.uname().release}, {name_and_protocol()}")
    mdevsim.load_module()
    show(command(mdevsim.VFIOMIG, "types"))
    with Device(TYPE) as first, Device(TYPE) as second:
        show(command(mdevsim.VFIOMIG, "list"))
        names = {first.uuid: "A", second.uuid: "B"}
        monitor = Monitor(LOGS + "/events", first, second)

        with Qemu("A", first.arguments(), MEMORY) as source:
            step(f"a guest boots in QEMU A ({source.accelerator})")
            show(f"up after {source.boot():.1f} s: {source.run('uname -sr')}")
            show(source.run("nvme list"))
            expected = fill(source)
            show(f"8 MiB of random data; their sha256: {expected}")
            fio = Fio(source)
            reads, writes, seconds = fio.expect_progress(source)
            show(f"fio keeps writing behind them: {writes} writes, {reads} verifying reads "
                 f"in {seconds:.1f} s")

            with Qemu("B", second.arguments(), MEMORY, incoming="defer") as destination:
                step("migrates to QEMU B")
                move(source, destination, names, fio, expected)
                source.close()
                if short:
                    finish(destination, fio, monitor)
                    return
                with Qemu("A2", first.arguments(), MEMORY, incoming="defer") as back:
                    step("migrates back to the first device, in a new QEMU A2")
                    move(destination, back, {first.uuid: "A2", second.uuid: "B"}, fio, expected)
                    destination.close()
                    finish(back, fio, monitor)
                    look_inside(back)


def finish(guest, fio, monitor):
    reads, writes = fio.stop(guest)
    step(f"fio is stopped: {writes} writes, {reads} reads, every one verified, no error")
    lost = monitor.close()
    if lost:
        raise Failure(f"the monitor lost {lost} events")
    picture = LOGS + "/migration.svg"
    text = command(mdevsim.VFIOMIG, "timeline", "--number", "1", monitor.path, "-o", picture)
    step(f"the first migration, as vfiomig monitor saw it (picture: {picture}):")
    show(text)


def main():
    short = sys.argv[1:] == ["short"]
    try:
        run(short)
    except Failure as failure:
        print(f"\ndemo failed: {failure}\nlogs: {LOGS}", flush=True)
        return 1
    step("demo passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
