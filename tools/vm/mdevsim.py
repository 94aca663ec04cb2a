# SPDX-License-Identifier: GPL-2.0
"""Devices of mdevsim for guests, and what a guest does with one."""

import json
import os
import re
import signal
import subprocess
import time
import uuid as uuids

from qemu import Failure, has, patience, vfio_migration, wait_for

MODULE = os.environ.get("MODULE", "")
VFIOMIG = os.environ.get("VFIOMIG", "vfiomig")
TRACE = "/sys/kernel/tracing/instances/mdevsim"
DISK = "/dev/nvme0n1"


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def command(*words, timeout=60):
    """Run a command: its standard output; Failure with all it said if it fails."""
    timeout = patience(timeout)
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, check=False)
    except FileNotFoundError:
        raise Failure(f"there is no {words[0]}") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(words)}: still running after {timeout} s") from None
    if done.returncode:
        raise Failure(f"{' '.join(words)}: expected exit status 0, got {done.returncode}\n"
                      f"{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def load_module():
    if not os.path.exists("/sys/module/mdevsim"):
        command("insmod", MODULE)


def can_log():
    """Can this kernel report what a device logs? Up to 6.6 it can, later with IOMMUFD_DRIVER."""
    return any(line.split()[1:3] == ["T", "iova_bitmap_for_each"]
               for line in read("/proc/kallsyms").splitlines())


def can_iommufd():
    """Can a device be opened by its node and an iommufd, by kernel and QEMU?"""
    return os.path.exists("/dev/iommu") and has("iommufd")


class Device:
    """A mediated device; removed at the end of a with block."""

    def __init__(self, kind, iommufd=False, uuid=None):
        self.kind = kind
        self.iommufd = iommufd
        self.uuid = uuid or str(uuids.uuid4())
        command(VFIOMIG, "create", "mdevsim-" + kind, "--uuid", self.uuid)
        self.path = "/sys/bus/mdev/devices/" + self.uuid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        command(VFIOMIG, "remove", self.uuid)

    def arguments(self):
        """What makes QEMU assign it to a guest, with migration."""
        how = ["-object", "iommufd,id=iommufd0"] if self.iommufd else []
        return [*how, "-device", f"vfio-pci,id=nvme0,sysfsdev={self.path}"
                + (",iommufd=iommufd0" if self.iommufd else "") + vfio_migration(can_log())]

    def attribute(self, name, value=None):
        """Read or write what sysfs has of it."""
        path = f"{self.path}/{name}"
        return read(path).strip() if value is None else write(path, str(value))


class Trace:
    """The driver's own account: state changes and records of the streams."""

    LINE = re.compile(r"\s(\d+\.\d+): mdevsim_(\w+): (\S+) (.*)")

    def __init__(self):
        os.makedirs(TRACE, exist_ok=True)
        write(TRACE + "/buffer_size_kb", "8192")
        write(TRACE + "/trace", "")
        for event in "mdevsim_arc", "mdevsim_record":
            write(f"{TRACE}/events/mdevsim/{event}/enable", "1")

    def events(self):
        """(seconds, event, device, text), in order of time."""
        found = (self.LINE.search(line) for line in read(TRACE + "/trace").splitlines())
        return [(float(m[1]), m[2], m[3], m[4]) for m in found if m]

    def states(self, device):
        """States that a device has reached, in order."""
        return [text.split()[2] for _, event, name, text in self.events()
                if event == "arc" and device.uuid in name and " error=0 " in text]

    def wait_state(self, device, state, timeout=60):
        """Wait until a device has reached a state."""
        wait_for(lambda: state in self.states(device), timeout, f"{state} of {device.uuid}")

    def records(self, device, what):
        """Types of the records that were begun, what being save or load."""
        return [text.split()[1] for _, event, name, text in self.events()
                if event == "record" and device.uuid in name and text.split()[0] == what]


class Monitor:
    """What vfiomig monitor tells of devices, from now on."""

    def __init__(self, path, *devices):
        self.path = path
        with open(path, "wb") as log:
            self.process = subprocess.Popen(
                [VFIOMIG, "--json", "monitor", *(device.uuid for device in devices)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.DEVNULL)

    def lines(self):
        """Whole lines: the last may still be on its way."""
        text = read(self.path)
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def count(self):
        return len(self.lines())

    def events(self, event, device, since=0):
        """Events of that kind and device, leaving out the first so many of all."""
        return [line for line in self.lines()[since:]
                if line["event"] == event and line["device"] == device.uuid]

    def close(self):
        """Returns how many events were lost."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(patience(20))
        return sum(line["lost"] for line in self.lines() if line["event"] == "lost")


class Fio:
    """fio in a guest, writing and verifying until it is stopped."""

    JOB = ("fio --name=verify --filename={disk} --offset={offset}M --size=8M --numjobs=2 "
           "--offset_increment=8M --bs=4k --rw=randwrite --direct=1 --ioengine=libaio --iodepth=8 "
           "--verify=crc32c --verify_backlog=64 --verify_fatal=1 --rate_iops=60 --time_based --runtime=7200 "
           "--eta=never --group_reporting --output-format=json --output=/tmp/fio.json")

    def __init__(self, guest, offset=16):
        """Work on the 16 MiB from offset (in MiB); returns once it writes."""
        _, writes = self.counts(guest)
        guest.run("rm -f /tmp/fio.*; (" + self.JOB.format(disk=DISK, offset=offset) +
                  " >/tmp/fio.out 2>&1; echo $? >/tmp/fio.status) &")
        for _ in range(100):
            if self.counts(guest)[1] > writes:
                return
            guest.run("sleep 0.1")
        raise Failure("fio does not start\n" + guest.run("cat /tmp/fio.out"))

    @staticmethod
    def counts(guest):
        """(reads, writes) the disk has completed."""
        fields = guest.run(f"cat /sys/block/{DISK[5:]}/stat").split()
        return int(fields[0]), int(fields[4])

    def expect_progress(self, guest, timeout=60):
        """It writes, and reads back what it wrote: (reads, writes, seconds) of a while."""
        timeout = patience(timeout)
        before = after = self.counts(guest)
        start = time.monotonic()
        while min(a - b for a, b in zip(after, before)) < 100:
            if guest.run("cat /tmp/fio.status 2>/dev/null || true").strip():
                raise Failure("fio ended early\n" + guest.run("cat /tmp/fio.out /tmp/fio.json"))
            if time.monotonic() - start > timeout:
                raise Failure(f"fio makes no progress: (reads, writes) were {before}, {timeout} s "
                              f"later {after}\n" + guest.run("dmesg | tail -n 20"))
            guest.run("sleep 0.5")
            after = self.counts(guest)
        return after[0] - before[0], after[1] - before[1], time.monotonic() - start

    def stop(self, guest):
        """End it; returns (reads, writes) of the whole run, all verified."""
        guest.run("killall -INT fio; for i in $(seq 300); do "
                  "[ -s /tmp/fio.status ] && exit; sleep 0.1; done; exit 1")
        text = guest.run("cat /tmp/fio.json")
        try:
            job = json.loads(text[text.index("{"):])["jobs"][0]
        except (ValueError, LookupError):
            raise Failure(f"fio left no result: {text}\n" + guest.run("cat /tmp/fio.out")) from None
        if job["error"] or job.get("total_err", 0):
            raise Failure(f"fio: error {job['error']}\n" + guest.run("cat /tmp/fio.out"))
        return job["read"]["total_ios"], job["write"]["total_ios"]


def checksum(guest, mebibytes=8):
    """sha256 of the first part of the disk, read from the device itself."""
    return guest.run(f"dd if={DISK} bs=1M count={mebibytes} iflag=direct 2>/dev/null | sha256sum",
                     timeout=120).split()[0]


def fill(guest, mebibytes=8):
    """Random data into the first part of the disk; returns its sha256."""
    guest.run(f"dd if=/dev/urandom of={DISK} bs=1M count={mebibytes} oflag=direct 2>/dev/null",
              timeout=120)
    return checksum(guest, mebibytes)


COMPLAINTS = ("nvme.*(timeout|reset|abort|error|fail|removing)|I/O error|Buffer I/O|"
              "WARNING|BUG:|Oops")


def expect_quiet_kernel(guest):
    """No timeout, reset or error of the disk in the guest's log."""
    # Searched there: each byte that comes out of a guest's serial port is an exit to QEMU.
    bad = guest.run(f"dmesg | grep -iE '{COMPLAINTS}' | head -n 10 || true")
    if bad:
        raise Failure("the guest's kernel complained:\n" + bad)
