#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What this QEMU makes of each fault that a device can have.

faults.py [NAME...]: runs in the host VM; prints KTAP. One guest, whose fio writes and
verifies all the while, is asked to migrate with one fault after the other. What came of
it is compared with what faults.csv says, which Documentation/faults.rst shows; UPDATE=1
writes the column of this QEMU anew instead, for a person to look at the difference.

Whatever happens, the devices must let themselves be removed, and the module unloaded; and
unless it is known of this QEMU, the guest must go on somewhere with the data it had.
"""

import csv
import os
import sys
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../tools/vm"))

# pylint: disable=wrong-import-position
import mdevsim
from mdevsim import VFIOMIG, Device, Fio, Monitor, checksum, command, fill
from qemu import (LOGS, Failure, Qemu, name_and_protocol, patience, prepare_migration, version,
                  wait_for)

OUTCOMES = os.path.join(HERE, "faults.csv")
MEMORY = "192M"
TYPE = "nvme-64M"
# No more than it takes to fit what a busy guest leaves dirty: what is late is late by more.
LIMIT = 1000
LATE = 1500
ENDLESS = 30


class Lab:
    """A guest, the two devices it moves between, and a monitor that sees both."""

    def __init__(self):
        mdevsim.load_module()
        self.devices = [Device(TYPE), Device(TYPE)]
        self.monitor = Monitor(LOGS + "/faults.events", *self.devices)
        self.at = 0
        self.count = 0
        self.guest = self.fio = self.sum = None

    def qemu(self, device, **arguments):
        self.count += 1
        return Qemu(f"guest-{self.count}", device.arguments(), MEMORY, **arguments)

    def source(self):
        return self.devices[self.at]

    def destination(self):
        return self.devices[1 - self.at]

    def empty_destination(self):
        """It holds nothing of the guest's any more: what it has in the end it was given."""
        uuid = self.destination().uuid
        self.destination().remove()
        self.devices[1 - self.at] = Device(TYPE, uuid=uuid)

    def need_guest(self):
        """One that works, a new one after the last was lost."""
        if self.guest:
            return
        self.guest = self.qemu(self.source())
        self.guest.boot()
        self.sum = fill(self.guest)
        self.fio = Fio(self.guest)
        self.fio.expect_progress(self.guest)

    def lose_guest(self):
        if self.guest:
            self.guest.close()
        self.guest = None

    def close(self):
        """What faults leave behind must not hold anything."""
        self.lose_guest()
        self.monitor.close()
        for device in self.devices:
            device.remove()
        command("rmmod", "mdevsim")


class Attempt:
    """One migration with one fault."""

    def __init__(self, lab, row):
        self.lab = lab
        lab.empty_destination()
        self.source, self.there = lab.guest, lab.qemu(lab.destination(), incoming="defer")
        self.device = lab.source() if row["at"] == "source" else lab.destination()
        self.words = row["fault"].split()
        self.since = lab.monitor.count()
        self.seen = len(self.source.monitor.events)

    def run(self):
        """Returns what came of it, in the words of the table."""
        command(VFIOMIG, "fault", self.device.uuid, *self.words)
        try:
            self.start()
            outcome = self.observe()
        finally:
            command(VFIOMIG, "fault", self.device.uuid, "--clear")
        outcome = self.settle(outcome)
        # Of a rate there is nothing to count.
        if self.words[0] != "rate" and not self.events("fault", self.device):
            raise Failure(f"the fault was not hit; it {outcome}")
        return outcome

    def start(self):
        """A QEMU may say at once what another says in the end."""
        self.error = None
        try:
            uri = prepare_migration(self.source, self.there, downtime_limit=LIMIT)
            self.source.qmp("migrate", uri=uri)
        except Failure as failure:
            self.error = str(failure)

    def events(self, event, device):
        return self.lab.monitor.events(event, device, self.since)

    def status(self):
        """Of the migration, or "lost" when there is no QEMU any more to ask."""
        if self.source.process.poll() is not None:
            return "lost"
        try:
            return self.source.migration_status().get("status", "none")
        except Failure:
            return "lost"

    def observe(self):
        """How the migration ended: completed, failed, cancelled, lost, or none."""
        if self.error:
            return "refused"
        deadline = time.monotonic() + patience(ENDLESS)
        while time.monotonic() < deadline:
            status = self.status()
            if status in ("completed", "failed", "lost"):
                return status
            time.sleep(0.05)
        self.source.qmp("migrate_cancel")
        wait_for(lambda: self.status() in ("cancelled", "failed", "completed"), 60, "end")
        return "endless"

    def settle(self, outcome):
        """Where the guest is now, and whether it works there."""
        if outcome == "completed":
            return self.arrived()
        self.there.close()
        if outcome == "lost":
            self.lab.lose_guest()
            return "source exits"
        return self.stayed(outcome)

    def arrived(self):
        try:
            self.there.wait_event("RESUME", 30)
        except Failure:
            return self.nowhere()
        info = self.source.migration_status()
        self.source.close()
        self.lab.guest = self.there
        self.lab.at = 1 - self.lab.at
        late = info["downtime"] > LATE
        return "migrates" + (", late" if late else "") + self.works()

    def nowhere(self):
        """The source believes that it has gone; it may still be told to go on."""
        gone = self.there.process.poll() is not None
        self.there.close()
        if not gone:
            self.lab.lose_guest()
            return "arrives, does not run"
        self.source.qmp("cont")
        return "completes, destination exits, source can go on" + self.works()

    def stayed(self, outcome):
        words = {"refused": "is refused", "failed": "fails", "endless": "has no end"}[outcome]
        stopped = bool(self.source.events("STOP", self.seen))
        if stopped:
            words += " after the stop"
        try:
            wait_for(lambda: self.source.qmp("query-status")["status"] == "running", 10, "guest")
        except Failure:
            words += ", guest stays stopped"
            self.source.qmp("cont")
        return words + self.works()

    def works(self):
        """What was written before is there, fio writes and verifies; after a reset, in the end."""
        lab = self.lab
        words = ", function is reset" if self.events("reset", lab.source()) else ""
        if checksum(lab.guest) != lab.sum:
            lab.lose_guest()
            return words + ", data is lost"
        lab.fio.expect_progress(lab.guest, timeout=90)
        recovered = lab.guest.run("dmesg -c | grep -ciE 'nvme.*(timeout|reset)' || true").strip()
        return words + (", guest resets the controller" if recovered != "0" else "")


def column():
    return f"QEMU {version()[0]}.{version()[1]}"


def table():
    with open(OUTCOMES, encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


def save(rows):
    with open(OUTCOMES, "w", encoding="ascii", newline="") as file:
        out = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def try_row(lab, row):
    """What is wrong, or nothing"""
    try:
        lab.need_guest()
        outcome = Attempt(lab, row).run()
    except Failure as failure:
        lab.lose_guest()
        return str(failure)
    except Exception:                           # pylint: disable=broad-except
        lab.lose_guest()
        return traceback.format_exc()
    print(f"# {row['at']}: {row['fault']}: {outcome}")
    if os.environ.get("UPDATE"):
        row[column()] = outcome
    if not row[column()]:
        return f"nothing is on record for {column()}; seen: {outcome}"
    return "" if outcome == row[column()] else \
        f"expected: {row[column()]}; seen: {outcome}"


def report(number, name, wrong):
    for line in wrong.splitlines():
        print("# " + line)
    print(f"{'not ' if wrong else ''}ok {number} {name}", flush=True)
    return bool(wrong)


def main():
    rows = table()
    wanted = [row for row in rows if len(sys.argv) == 1 or row["name"] in sys.argv[1:]]
    print(f"# Linux {os.uname().release}, {name_and_protocol()}")
    print(f"KTAP version 1\n1..{len(wanted) + 1}", flush=True)
    lab = Lab()
    failed = 0
    for number, row in enumerate(wanted, 1):
        start = time.monotonic()
        failed += report(number, row["name"], try_row(lab, row))
        print(f"# {time.monotonic() - start:.1f} s", flush=True)
    try:
        lab.close()
        wrong = ""
    except Failure as failure:
        wrong = str(failure)
    failed += report(len(wanted) + 1, "unload", wrong)
    if os.environ.get("UPDATE"):
        save(rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
