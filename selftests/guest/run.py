#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a stock guest makes of the NVMe function, still and on the move.

Runs in the host VM; prints KTAP. The tests run in order, most of them in one
guest that is handed from QEMU to QEMU. Arguments: names of tests, to run only
those ("boot" comes along, unless "intx" is the only one).
"""

import errno
import json
import os
import re
import sys
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../tools/vm"))

# pylint: disable=wrong-import-position
import mdevsim
import qemu_stream
from mdevsim import (DISK, VFIOMIG, Device, Fio, Monitor, Trace, checksum, command,
                     expect_quiet_kernel, fill, write)
from qemu import (LOGS, Failure, Qemu, from_file, has, is_emulated, migrate, migrate_to_file,
                  name_and_protocol, patience, prepare_migration, wait_for)

MEMORY = "192M"
SIZE = 1 << 30
SMALLER = SIZE // 2
FILE = "/tmp/migration"
STATE = LOGS + "/device-state"
PCI = "/sys/class/nvme/nvme0/device"


class Skip(Exception):
    """Why a test cannot run here."""


def expect(what, seen, wanted):
    if seen != wanted:
        raise Failure(f"{what}: expected {wanted!r}, got {seen!r}")


class Lab:
    """The guest, the devices it may move to, and its fio while that runs."""

    def __init__(self):
        mdevsim.load_module()
        # Where that can be, one is opened by its group and the other by its node.
        self.devices = [Device("nvme-1G"), Device("nvme-1G", iommufd=mdevsim.can_iommufd())]
        self.small = Device("nvme-64M")
        self.at = 0
        self.moves = 0
        self.guest = None
        self.fio = None
        self.sum = None

    def close(self):
        if self.guest:
            self.guest.close()
        for device in (*self.devices, self.small):
            device.remove()

    def destination(self, device=None, extra=()):
        """A QEMU that waits for the guest, on the device it does not use now."""
        self.moves += 1
        device = device or self.devices[1 - self.at]
        return Qemu(f"guest-{self.moves}", [*device.arguments(), *extra], MEMORY, incoming="defer")

    def device(self):
        """The one that the guest uses."""
        return self.devices[self.at]

    def moved_to(self, qemu):
        self.guest.close()
        self.guest = qemu
        self.at = 1 - self.at

    def nvme(self, *words):
        return json.loads(self.guest.run(f"nvme {' '.join(words)} -o json"))

    def expect_healthy(self):
        """fio writes and verifies, the random data is as it was, the kernel has nothing to say."""
        self.fio.expect_progress(self.guest)
        expect("sha256", checksum(self.guest), self.sum)
        expect_quiet_kernel(self.guest)


# a guest at rest

def test_boot(lab):
    lab.guest = Qemu("guest", lab.devices[0].arguments(), MEMORY)
    lab.guest.boot()
    expect("bytes", lab.guest.run(f"blockdev --getsize64 {DISK}").strip(), str(SIZE))
    # Normal where neither the device nor an IOMMU tracks: type1 does it for vfio_dma_rw(); and
    # with one processor here and two in the guest.
    normal = re.compile("doesn't support device and IOMMU dirty tracking|"
                        "exceeds the recommended cpus supported by KVM")
    expect("what QEMU says",
           [line for line in lab.guest.complaints().splitlines() if not normal.search(line)], [])
    expect_quiet_kernel(lab.guest)


def test_identify(lab):
    controller = lab.nvme("id-ctrl", DISK)
    expect("model", controller["mn"].strip(), "mdevsim NVMe")
    expect("namespaces", controller["nn"], 1)
    namespace = lab.nvme("id-ns", DISK)
    expect("blocks", namespace["nsze"], SIZE // 512)
    expect("namespace list", [n["nsid"] for n in lab.nvme("list-ns", DISK)["nsid_list"]], [1])


def test_smart_log(lab):
    # Older nvme-cli prints large numbers as strings.
    before = lab.nvme("smart-log", DISK)
    lab.guest.run(f"dd if=/dev/zero of={DISK} bs=1M count=4 oflag=direct 2>/dev/null")
    after = lab.nvme("smart-log", DISK)
    expect("critical warning", int(after["critical_warning"]), 0)
    expect("media errors", int(after["media_errors"]), 0)
    if not int(before["host_write_commands"]) < int(after["host_write_commands"]):
        raise Failure("4 MiB written, and the count of write commands stays "
                      f"{after['host_write_commands']}")


def test_features(lab):
    lab.guest.run("nvme get-feature /dev/nvme0 -f 7")
    before = lab.guest.run("nvme get-feature /dev/nvme0 -f 4")
    lab.guest.run("nvme set-feature /dev/nvme0 -f 4 --value=0x150")
    after = lab.guest.run("nvme get-feature /dev/nvme0 -f 4").strip()
    if not after.lower().endswith("0x00000150"):
        raise Failure(f"temperature threshold set to 0x150 reads {after} (it was {before})")


def test_bad_commands(lab):
    """Refused with a status, no harm done."""
    for bad, status in (("admin-passthru /dev/nvme0 --opcode=0x7f", "Invalid Command Opcode"),
                        ("get-log /dev/nvme0 -i 0x7f -l 512", "Invalid Log Page"),
                        ("get-feature /dev/nvme0 -f 0x7f", "Invalid Field"),
                        (f"read {DISK} -s {SIZE // 512} -c 0 -z 512", "LBA")):
        code, text = lab.guest.run(f"nvme {bad} 2>&1", check=False)
        if code == 0 or status.lower() not in text.lower():
            raise Failure(f"nvme {bad}: expected a refusal with {status!r}, got {code}: {text}")
    lab.guest.run(f"dd if={DISK} of=/dev/null bs=1M count=1 iflag=direct 2>/dev/null")


def test_zeroes(lab):
    zeroes = lab.guest.run("dd if=/dev/zero bs=1M count=1 2>/dev/null | sha256sum").split()[0]
    for how in (f"nvme write-zeroes {DISK} -s 2048 -c 2047", f"nvme dsm {DISK} -d -s 2048 -b 2048",
                f"blkdiscard -f -o 1048576 -l 1048576 {DISK}"):
        lab.guest.run(f"dd if=/dev/urandom of={DISK} bs=1M seek=1 count=1 oflag=direct 2>/dev/null")
        lab.guest.run(how)
        expect(how, lab.guest.run(f"dd if={DISK} bs=1M skip=1 count=1 iflag=direct 2>/dev/null "
                                  "| sha256sum").split()[0], zeroes)


def test_compare_and_verify(lab):
    lab.guest.run("dd if=/dev/urandom of=/tmp/block bs=4096 count=1 2>/dev/null; "
                  f"nvme write {DISK} -s 8 -c 7 -z 4096 -d /tmp/block; "
                  f"nvme compare {DISK} -s 8 -c 7 -z 4096 -d /tmp/block && "
                  f"nvme verify {DISK} -s 8 -c 7 && nvme flush {DISK}")
    code, text = lab.guest.run("tr a b </tmp/block >/tmp/other; printf x | dd of=/tmp/other "
                               "conv=notrunc 2>/dev/null; printf yy | dd of=/tmp/other conv=notrunc "
                               f"2>/dev/null; nvme compare {DISK} -s 8 -c 7 -z 4096 -d /tmp/other 2>&1",
                               check=False)
    if code == 0:
        raise Failure(f"comparing with other data succeeded: {text}")


def test_filesystem(lab):
    lab.guest.run(f"mkfs.ext4 -q {DISK} && mount {DISK} /mnt && cp -r /bin /lib /mnt/ && "
                  "cd /mnt && find . -type f | xargs sha256sum >/tmp/sums && cd / && umount /mnt",
                  timeout=180)
    lab.guest.run(f"fsck.ext4 -fn {DISK} && mount {DISK} /mnt && cd /mnt && "
                  "sha256sum -c /tmp/sums >/dev/null && cd / && umount /mnt", timeout=180)
    expect_quiet_kernel(lab.guest)


def test_controller_reset(lab):
    lab.sum = fill(lab.guest)
    lab.guest.run("nvme reset /dev/nvme0")
    expect("sha256", checksum(lab.guest), lab.sum)


def test_function_level_reset(lab):
    method = lab.guest.run(f"cat {PCI}/reset_method").split()
    if "flr" not in method:
        raise Failure(f"no function level reset among {method}")
    lab.guest.run(f"echo flr >{PCI}/reset_method; echo 1 >{PCI}/reset")
    expect("sha256", checksum(lab.guest), lab.sum)


def test_rebind(lab):
    lab.guest.run(f"address=$(basename $(readlink -f {PCI})); driver=/sys/bus/pci/drivers/nvme; "
                  "echo $address >$driver/unbind; echo $address >$driver/bind; "
                  f"for i in $(seq 100); do [ -b {DISK} ] && exit; sleep 0.1; done; exit 1")
    expect("sha256", checksum(lab.guest), lab.sum)


# a guest on the move: fio runs from here on

def test_migrate(lab):
    lab.guest.run("dmesg -c >/dev/null")        # resets were asked for; now none is due
    lab.sum = fill(lab.guest)
    lab.fio = Fio(lab.guest)
    lab.fio.expect_progress(lab.guest)
    there = lab.destination()
    migrate(lab.guest, there, downtime_limit=1000)
    lab.moved_to(there)
    lab.expect_healthy()


def test_migrate_back(lab):
    back = lab.destination()
    migrate(lab.guest, back, downtime_limit=1000)
    lab.moved_to(back)
    lab.expect_healthy()


def test_device_tracking(lab):
    """A device that can report what it writes is asked for that, and not the container."""
    if not mdevsim.can_log():
        raise Skip("this kernel cannot report what a device logs")
    if not has("feature"):
        raise Skip("this QEMU asks the container only")
    event = "vfio_device_dirty_tracking_start"
    lab.guest.qmp("trace-event-set-state", name=event, enable=True)
    there = lab.destination()
    migrate(lab.guest, there, downtime_limit=1000)
    said = lab.guest.complaints()
    lab.moved_to(there)
    expect(f"times QEMU said {event}", said.count(event), 1)
    lab.expect_healthy()


def session_bytes(monitor, device):
    """What the sessions of a device have transferred."""
    return [event["bytes"] for event in monitor.events("session-end", device)]


def states_seen(monitor, device):
    return [event["to"] for event in monitor.events("state", device)]


def test_monitor(lab):
    """While QEMUs have the devices somebody else sees all of a migration, to the byte."""
    here, there = lab.device(), lab.devices[1 - lab.at]
    monitor = Monitor(LOGS + "/events", here, there)
    destination = lab.destination()
    info = migrate(lab.guest, destination, downtime_limit=1000)
    lab.moved_to(destination)
    expect("events lost", monitor.close(), 0)
    sent, taken = session_bytes(monitor, here), session_bytes(monitor, there)
    expect("sessions that saved, sessions that loaded", (len(sent), len(taken)), (1, 1))
    expect("bytes loaded", taken, sent)
    # 7.2 keeps count, but was built without what tells it.
    if "vfio" in info:
        expect("bytes by query-migrate", info["vfio"]["transferred"], sent[0])
    expect("states of the source", states_seen(monitor, here)[:3],
           ["PRE_COPY", "PRE_COPY_P2P", "STOP_COPY"])
    expect("last states of the destination", states_seen(monitor, there)[-3:],
           ["STOP", "RUNNING_P2P", "RUNNING"])
    timeline = json.loads(command(VFIOMIG, "-j", "timeline", monitor.path))
    expect("bytes in the timeline", timeline["precopy_bytes"] + timeline["stopped_bytes"], sent[0])
    # QEMU's clock runs longer: it stops the guest first, and starts it last.
    if timeline["downtime_ns"] / 1e6 > info["downtime"] + 100:
        raise Failure(f"downtime: {timeline['downtime_ns'] / 1e6} ms of the device, "
                      f"{info['downtime']} ms of QEMU")
    lab.expect_healthy()


def expect_events(guest, seen, *states):
    """QEMU said so of its device, if it is one that says such things."""
    for state in states if has("device-events") else ():
        guest.wait_event("VFIO_MIGRATION", since=seen, device_state=state)


def start_endless(lab, there):
    """Migrate with a downtime that cannot be met, until state of the device has been sent.

    Only then do all QEMUs get there in pre-copy: 7.2 sends memory first, and only when that is
    through and the guest may not stop yet, devices' state. Returns the driver's account.
    """
    trace = Trace()
    lab.guest.qmp("migrate", uri=prepare_migration(lab.guest, there, downtime_limit=1))
    wait_for(lambda: "schema" in trace.records(lab.device(), "save"), 60, "data in pre-copy")
    return trace


def test_cancel_in_precopy(lab):
    with lab.destination() as there:
        seen = len(lab.guest.monitor.events)
        trace = start_endless(lab, there)
        lab.guest.qmp("migrate_cancel")
        lab.guest.wait_migration("cancelled")
        trace.wait_state(lab.device(), "RUNNING")
        expect("states of the device", trace.states(lab.device()), ["PRE_COPY", "RUNNING"])
        expect_events(lab.guest, seen, "pre-copy", "running")
    lab.expect_healthy()


def expect_refused(lab, there):
    """The destination says why and goes; the guest runs where it was."""
    lab.guest.wait_migration("failed")
    expect("exit status of the destination", there.process.wait(patience(20)), 1)
    if "vfio" not in there.complaints().lower():
        raise Failure(f"the destination does not say why: {there.complaints()!r}")
    if "namespace_size" not in lab.small.attribute("migration/refusal"):
        raise Failure(f"its device does not: {lab.small.attribute('migration/refusal')!r}")
    wait_for(lambda: lab.guest.qmp("query-status")["status"] == "running", 20, "running guest")


def test_refused_destination(lab):
    """In pre-copy: the guest does not even stop."""
    with lab.destination(lab.small) as there:
        seen = len(lab.guest.monitor.events)
        trace = start_endless(lab, there)
        expect_refused(lab, there)
        trace.wait_state(lab.device(), "RUNNING")
        expect("states of the device", trace.states(lab.device()), ["PRE_COPY", "RUNNING"])
        expect_events(lab.guest, seen, "pre-copy", "running")
    expect("stops", len(lab.guest.events("STOP", seen)), 0)
    lab.expect_healthy()


def test_refused_when_stopped(lab):
    """By a QEMU that stops the guest before the destination has seen any of the device's state."""
    if has("switchover-ack"):
        raise Skip("the guest stops only when the destination has acknowledged initial data")
    trace = Trace()
    with lab.destination(lab.small) as there:
        seen = len(lab.guest.monitor.events)
        lab.guest.qmp("migrate", uri=prepare_migration(lab.guest, there, downtime_limit=10000))
        expect_refused(lab, there)
        trace.wait_state(lab.device(), "RUNNING")
    states = trace.states(lab.device())
    expect("last states of the device", states[-4:], ["STOP_COPY", "STOP", "RUNNING_P2P", "RUNNING"])
    expect("stops", len(lab.guest.events("STOP", seen)), 1)
    lab.expect_healthy()


def test_migrate_after_refusal(lab):
    test_migrate_back(lab)


def resize_in_precopy(lab, there):
    """Migrate, and make the namespace smaller meanwhile: (it could be, records that were sent)."""
    trace = start_endless(lab, there)
    device = lab.device()
    try:
        device.attribute("namespace_size", SMALLER)
        resized = True
    except OSError as error:
        expect("errno", error.errno, errno.EBUSY)
        resized = False
    lab.guest.qmp("migrate-set-parameters", downtime_limit=1000)
    lab.guest.wait_migration("completed")
    there.wait_event("RESUME")
    expect("states of the device", trace.states(device)[:3],
           ["PRE_COPY", "PRE_COPY_P2P", "STOP_COPY"])
    return resized, trace.records(device, "save")


def test_resize_in_precopy(lab):
    """Who asked for it (PRECOPY_INFOv2) is told of new initial data; for others it waits."""
    asked = has("precopy-info-v2")
    if asked:
        lab.guest.qmp("trace-event-set-state", name="vfio_query_precopy_size", enable=True)
    there = lab.destination(extra=["-trace", "vfio_migration_init"] if asked else [])
    resized, records = resize_in_precopy(lab, there)
    said = lab.guest.complaints()
    lab.moved_to(there)
    expect("resized", resized, asked)
    expect("identities sent", records.count("identity"), 2 if resized else 1)
    if asked:
        expect("QEMU asked for PRECOPY_INFOv2", "precopy_info_v2_used 1" in there.complaints(), True)
        expect("QEMU was told of REINIT", said.count("reinit 1"), 1)
    size = SMALLER if resized else SIZE
    expect("namespace_size", lab.device().attribute("namespace_size"), str(size))
    wait_for(lambda: lab.guest.run(f"blockdev --getsize64 {DISK}").strip() == str(size), 30,
             f"disk of {size} bytes in the guest")
    lab.expect_healthy()


def test_fio_verified(lab):
    reads, writes = lab.fio.stop(lab.guest)
    print(f"# fio over all migrations: {writes} writes, {reads} reads", flush=True)
    expect_quiet_kernel(lab.guest)


# the state of the device of a busy guest, in QEMU's own file

def test_migrate_to_file(lab):
    lab.guest.run(f"blkdiscard -f {DISK}")      # little to look at: emulated processors are slow
    fill(lab.guest, 1)
    lab.sum = checksum(lab.guest)
    lab.fio = Fio(lab.guest)
    lab.fio.expect_progress(lab.guest)
    migrate_to_file(lab.guest, FILE)


def test_extract(lab):
    """The same bytes as an independent program finds."""
    command(VFIOMIG, "extract", FILE, "-o", STATE)
    precopy, rest = qemu_stream.device_state(FILE)
    with open(STATE, "rb") as file:
        if file.read() != precopy + rest:
            raise Failure(f"{STATE} differs from the {len(precopy)} + {len(rest)} bytes that "
                          "qemu_stream.py finds")
    device, = json.loads(command(VFIOMIG, "-j", "extract", "--list", FILE))["devices"]
    expect("bytes in pre-copy", device["precopy_bytes"], len(precopy))
    expect("bytes after it", device["stopped_bytes"], len(rest))
    expect("format", device.get("format"), "mdevsim")


def test_dump(lab):
    """Of QEMU's file as it is; every byte has a meaning."""
    summary = command(VFIOMIG, "dump", FILE).splitlines()[-1]
    expect("last line of dump", summary, f"{os.path.getsize(STATE)} bytes, 0 unexplained")
    summary = json.loads(command(VFIOMIG, "-j", "dump", FILE))["summary"]
    expect("unexplained in JSON", summary["unexplained"], 0)


def test_verify(lab):
    command(VFIOMIG, "verify", FILE)


def test_state_reader(lab):
    """Written from the specification alone, it agrees with dump, field by field."""
    dump = STATE + ".json"
    write(dump, command(VFIOMIG, "-j", "dump", "--data", FILE))
    command("python3", os.path.join(HERE, "../state_reader.py"), "--device", "--compare", dump,
            STATE, timeout=300)


def test_corrupt_file(lab):
    """Refused at the end, when the state is all there: QEMU fails, it does not abort."""
    lab.guest.close()
    _, rest = qemu_stream.device_state(FILE)
    with open(FILE, "rb") as file:
        data = bytearray(file.read())
    data[data.rindex(rest[-512:]) + 200] ^= 0x10
    with open(FILE + ".corrupt", "wb") as file:
        file.write(data)
    try:
        with Qemu("corrupt", lab.device().arguments(), MEMORY, incoming="defer") as there:
            there.qmp("migrate-incoming", uri=from_file(FILE + ".corrupt"))
            expect("exit status", there.process.wait(patience(60)), 1)
            expect("times it ran", len(there.events("RESUME")), 0)
    finally:
        os.remove(FILE + ".corrupt")
    if "checksum" not in lab.device().attribute("migration/refusal"):
        raise Failure(f"the device does not say why: {lab.device().attribute('migration/refusal')!r}")


def test_back_from_file(lab):
    lab.guest.close()
    lab.guest = Qemu("restored", lab.device().arguments(), MEMORY, incoming=from_file(FILE))
    lab.guest.wait_event("RESUME")
    os.remove(FILE)
    lab.expect_healthy()
    lab.fio.stop(lab.guest)


def test_fio_notices(lab):
    """What the other tests rely on: fio fails when data is changed behind its back."""
    fio = Fio(lab.guest)
    lab.guest.run(f"for i in 1 2 3 4 5; do dd if=/dev/urandom of={DISK} bs=1M seek=16 count=16 "
                  "oflag=direct 2>/dev/null; done", timeout=120)
    try:
        fio.stop(lab.guest)
    except Failure:
        return
    raise Failure("16 MiB were overwritten and fio verified them all the same")


def test_intx(lab):
    """No MSI-X: boot, load, migrate."""
    if is_emulated():
        # QEMU 10.0; with its own nvme device as well, after some thousand interrupts
        raise Skip("guests hang on level-triggered interrupts where SVM is emulated")
    if lab.guest:
        lab.guest.close()
    lab.guest = Qemu("intx", lab.device().arguments(), MEMORY, append="pci=nomsi")
    lab.guest.boot()
    if "IO-APIC" not in lab.guest.run("grep nvme0q /proc/interrupts"):
        raise Failure("no INTx in use: " + lab.guest.run("cat /proc/interrupts"))
    test_migrate(lab)
    test_fio_verified(lab)


TESTS = [value for name, value in globals().items() if name.startswith("test_")]


def run_test(test, lab):
    """(passed, directive, what to say about it)"""
    if lab.guest is None and test not in (test_boot, test_intx):
        return False, "", "the guest did not boot"
    try:
        test(lab)
        return True, "", ""
    except Skip as skip:
        return True, f" # SKIP {skip}", ""
    except Failure as failure:
        return False, "", str(failure)
    except Exception:                           # pylint: disable=broad-except
        return False, "", traceback.format_exc()


def main():
    wanted = [t for t in TESTS
              if len(sys.argv) == 1 or t.__name__[5:] in sys.argv[1:]
              or t is test_boot and sys.argv[1:] != ["intx"]]
    print(f"# Linux {os.uname().release}, {name_and_protocol()}")
    print(f"KTAP version 1\n1..{len(wanted)}", flush=True)
    lab = Lab()
    failed = 0
    for number, test in enumerate(wanted, 1):
        start = time.monotonic()
        passed, directive, text = run_test(test, lab)
        failed += not passed
        for line in text.splitlines():
            print("# " + line)
        print(f"{'' if passed else 'not '}ok {number} {test.__name__[5:]}{directive}")
        print(f"# {time.monotonic() - start:.1f} s", flush=True)
    lab.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
