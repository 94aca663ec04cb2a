# SPDX-License-Identifier: GPL-2.0
"""Guests of the host VM: start a QEMU, talk to its monitor and to the guest.

    with Qemu("source", ["-device", "..."]) as source:
        source.boot()                       # wait for guest-init
        print(source.run("nvme list"))      # in the guest

A guest is the cloud kernel with the initramfs of tools/vm/guest-initramfs; it
runs with KVM where that works (in the host VM it does, if need be on emulated
SVM) and says so where it does not. Logs are kept in LOGS.

The QEMU is the one that is found: 7.2 or newer. What it lacks is asked for with
has(), so that the same script runs with each.
"""

import base64
import contextlib
import fcntl
import functools
import glob
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

SRC = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
INITRAMFS = SRC + "/build/guest-initramfs"
LOGS = os.environ.get("mdevsim_log", SRC + "/build/log/guest")
KVM_GET_API_VERSION = 0xAE00
# More queues than processors: of their own for writes, and two that are polled.
QUEUES = "nvme.write_queues=1 nvme.poll_queues=2"


QEMU = "qemu-system-x86_64"
# What makes a difference to who migrates a VFIO device, and the first version that has it
SINCE = {
    "feature": (8, 0),              # VFIO's migration feature (v2); before it the region (v1)
    "switchover-ack": (8, 1),       # the capability
    "file-uri": (8, 2),             # file:PATH; before it exec:COMMAND
    "iommufd": (8, 2),              # devices by their node, bound to an iommufd
    "device-events": (9, 1),        # VFIO_MIGRATION, with migration-events=on
    "precopy-info-v2": (11, 1),     # new initial data in the middle of pre-copy (REINIT)
}


class Failure(Exception):
    """What was expected, what was seen."""


def patience(seconds):
    """How long to wait for what takes so long at most: several times that under KASAN."""
    return seconds * (4 if "-debug" in os.uname().release else 1)


@functools.cache
def version():
    """Of the QEMU that runs guests: (major, minor)."""
    text = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"version (\d+)\.(\d+)", text)
    if not match:
        raise Failure(f"{QEMU} --version: expected a version, got {text!r}")
    return int(match[1]), int(match[2])


def has(what):
    """Does this QEMU have what SINCE lists?"""
    return version() >= SINCE[what]


def name_and_protocol():
    """What to call it in a report."""
    protocol = "the migration feature (v2)" if has("feature") else "the migration region (v1)"
    return f"QEMU {version()[0]}.{version()[1]}, which migrates by {protocol}"


def vfio_migration(logged):
    """Properties of vfio-pci that make a device migrate; logged: it tells what it writes itself."""
    if not has("feature"):
        return ",x-enable-migration=on"
    return ("" if logged else ",enable-migration=on") + \
        (",migration-events=on" if has("device-events") else "")


def is_emulated():
    """Is the processor this runs on emulated, and with it KVM?"""
    with open("/proc/cpuinfo", encoding="ascii") as file:
        return "QEMU TCG CPU" in file.read()


def accelerator():
    """Arguments for the fastest processor there is, and a word on it."""
    try:
        with open("/dev/kvm", "rb") as kvm:
            version = fcntl.ioctl(kvm, KVM_GET_API_VERSION)
        if version == 12:
            word = "KVM on an emulated processor" if is_emulated() else "KVM"
            # A guest that could virtualise has nested state, which fails to migrate now and then.
            return ["-accel", "kvm", "-cpu", "host,svm=off,vmx=off"], word
        reason = f"KVM API version {version}"
    except OSError as error:
        reason = f"{error.filename or '/dev/kvm'}: {error.strerror}"
    return ["-accel", "tcg", "-cpu", "max"], f"emulated, which is slow ({reason})"


def ticks():
    """For a guest, what tools/vm/boot found the machine it runs on to need: a tick that comes
    whatever became of the last. Of the interrupts that emulated SVM loses one is a guest's timer,
    which then sleeps for minutes."""
    with open("/proc/cmdline", encoding="ascii") as file:
        return "nohz=off highres=off" if "nohz=off" in file.read().split() else ""


def processors():
    """For a guest: two, but no more than there are here, or they spin for one another."""
    return min(2, os.cpu_count())


def connect(path, process, timeout=120):
    """Connect to a socket that a QEMU is about to make."""
    timeout = patience(timeout)
    end = time.monotonic() + timeout
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
            return sock
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()
            if process.poll() is not None:
                raise Failure(f"exit status {process.returncode}") from None
            if time.monotonic() > end:
                raise Failure(f"no socket {path} within {timeout} s") from None
            time.sleep(0.02)


class Monitor:
    """QMP: commands in order, events as they come."""

    def __init__(self, sock):
        self.sock = sock
        self.events = []
        self.answer = None
        self.closed = False
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait(lambda: self.answer, 60, "QMP greeting")
        self.command("qmp_capabilities")

    def _read(self):
        """Until QEMU is gone, however it went."""
        with contextlib.suppress(OSError), self.sock.makefile("r") as lines:
            for line in lines:
                self._take(json.loads(line))
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def _take(self, message):
        with self.changed:
            if "event" in message:
                self.events.append(message)
            else:
                self.answer = message
            self.changed.notify_all()

    def wait(self, condition, timeout, what):
        timeout = patience(timeout)
        with self.changed:
            done = self.changed.wait_for(lambda: condition() or self.closed, timeout)
            result = condition()
        if result:
            return result
        raise Failure(f"no {what}: " + ("QEMU is gone" if done else f"waited {timeout} s"))

    def command(self, command, /, timeout=60, **arguments):
        self.answer = None
        request = {"execute": command, "arguments": {k.replace("_", "-"): v
                                                  for k, v in arguments.items()}}
        try:
            self.sock.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise Failure(f"{command}: QEMU is gone ({error.strerror})") from None
        answer = self.wait(lambda: self.answer, timeout, f"answer to {command}")
        if "error" in answer:
            raise Failure(f"{command}: {answer['error']['desc']}")
        return answer["return"]


class Qemu:
    """One QEMU process, with a guest in it or waiting for one to come."""

    def __init__(self, name, arguments=(), memory="384M", incoming=None, append=""):
        self.name = name
        self.directory = tempfile.mkdtemp(prefix=f"qemu-{name}-")
        self.console = f"{LOGS}/{name}.console"
        self.stderr = f"{LOGS}/{name}.qemu"
        self.command_number = 0
        self.buffer = b""
        os.makedirs(LOGS, exist_ok=True)
        kernel = glob.glob("/boot/vmlinuz-*-cloud-amd64")[0]
        processor, self.accelerator = accelerator()
        command = [
            QEMU, "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", "-name", name, "-M", "q35", *processor,
            "-m", memory, "-smp", str(processors()),
            "-kernel", kernel, "-initrd", INITRAMFS,
            "-append", "console=ttyS0 panic=-1 loglevel=4 mitigations=off watchdog_thresh=30 "
                       f"{QUEUES} {ticks()} {append}",
            "-serial", f"file:{self.console}",
            "-chardev", f"socket,id=control,path={self.directory}/control,server=on,wait=off",
            "-serial", "chardev:control",
            "-qmp", f"unix:{self.directory}/qmp,server=on,wait=off",
            # For a person: the other one is taken.
            "-monitor", f"unix:{self.directory}/monitor,server=on,wait=off",
            *arguments,
        ]
        if incoming:
            command += ["-incoming", incoming]
        with open(self.stderr, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.control = connect(self.directory + "/control", self.process)
            self.monitor = Monitor(connect(self.directory + "/qmp", self.process))
        except Failure as failure:
            self.close()
            raise Failure(f"QEMU {name} did not start: {failure}\n{self.complaints()}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def complaints(self):
        with open(self.stderr, encoding="utf-8", errors="replace") as file:
            return file.read().strip()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(patience(10))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    # the monitor

    def qmp(self, command, /, **arguments):
        return self.monitor.command(command, **arguments)

    def events(self, name, since=0):
        """Events of that name, leaving out the first so many of all."""
        return [e for e in self.monitor.events[since:] if e["event"] == name]

    def wait_event(self, name, timeout=60, since=0, **data):
        """Wait for an event that carries the given data."""
        data = {key.replace("_", "-"): value for key, value in data.items()}

        def match():
            return next((e for e in self.events(name, since)
                         if data.items() <= e.get("data", {}).items()), None)
        return self.monitor.wait(match, timeout, f"event {name} {data or ''}")

    # the guest

    def boot(self, timeout=180):
        """Wait until the guest serves commands; returns the seconds it took."""
        start = time.monotonic()
        self._answer("ready", timeout)
        return time.monotonic() - start

    def run(self, script, timeout=60, check=True):
        """Run a shell script in the guest: its output, or (status, output) without check."""
        self.command_number += 1
        number = f"{self.name}-{self.command_number}"
        self.control.sendall(f"{number} {base64.b64encode(script.encode()).decode()}\n".encode())
        output, status = self._answer(number, timeout)
        if not check:
            return status, output
        if status:
            raise Failure(f"guest: expected exit status 0, got {status} from: {script}\n{output}")
        return output

    def _answer(self, number, timeout):
        timeout = patience(timeout)
        end = re.compile(rb"\n?@" + re.escape(number).encode() + rb" (\d+)\n")
        deadline = time.monotonic() + timeout
        while True:
            match = end.search(self.buffer)
            if match:
                output, self.buffer = self.buffer[:match.start()], self.buffer[match.end():]
                return output.decode(errors="replace"), int(match[1])
            self.control.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                data = self.control.recv(65536)
            except TimeoutError:
                raise Failure(f"guest of QEMU {self.name}: no answer ({number}) in {timeout} s; "
                              f"console: {self.console}\n{self.console_tail()}") from None
            if not data:
                raise Failure(f"QEMU {self.name} died; console: {self.console}\n{self.complaints()}")
            self.buffer += data

    def console_tail(self, lines=8):
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    # migration

    def capabilities(self, **values):
        self.qmp("migrate-set-capabilities",
                 capabilities=[{"capability": name.replace("_", "-"), "state": state}
                               for name, state in values.items()])

    def migration_status(self):
        return self.qmp("query-migrate")

    def wait_migration(self, *statuses, timeout=120):
        """Wait until an outgoing migration has one of these statuses."""
        deadline = time.monotonic() + patience(timeout)
        while True:
            info = self.migration_status()
            if info.get("status") in statuses:
                return info
            if info.get("status") in ("completed", "failed", "cancelled") \
                    or time.monotonic() > deadline:
                raise Failure(f"migration of {self.name}: expected {' or '.join(statuses)}, "
                              f"is {info.get('status')} ({info.get('error-desc', 'no reason given')})\n"
                              f"{self.complaints()}")
            time.sleep(0.05)


def prepare_migration(source, destination, **parameters):
    """Set both ends up and let the destination listen; returns the address."""
    acknowledge = {"switchover_ack": True} if has("switchover-ack") else {}
    for end in (source, destination):
        end.capabilities(events=True, return_path=True, **acknowledge)
    if parameters:
        source.qmp("migrate-set-parameters", **parameters)
    uri = f"unix:{destination.directory}/migration"
    destination.qmp("migrate-incoming", uri=uri)
    return uri


def migrate(source, destination, timeout=120, **parameters):
    """Move the guest; returns what QEMU says about it once it runs over there."""
    uri = prepare_migration(source, destination, **parameters)
    source.qmp("migrate", uri=uri)
    info = source.wait_migration("completed", timeout=timeout)
    destination.wait_event("RESUME", timeout)
    return info


def migrate_to_file(source, path, timeout=120):
    """Save the guest; it stays stopped."""
    # A file does not answer.
    acknowledge = {"switchover_ack": False} if has("switchover-ack") else {}
    source.capabilities(return_path=False, **acknowledge)
    # A command may go on for a moment when QEMU has done: the file appears when it is complete.
    part = path + ".part"
    source.qmp("migrate", uri=f"file:{path}" if has("file-uri")
               else f"exec:cat >{part} && mv {part} {path}")
    source.wait_migration("completed", timeout=timeout)
    wait_for(lambda: os.path.exists(path), timeout, path)


def from_file(path):
    """What -incoming takes."""
    return f"file:{path}" if has("file-uri") else f"exec:cat {path}"


def wait_for(condition, timeout, what):
    """Wait until a condition that nothing announces is true; returns its value."""
    timeout = patience(timeout)
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"no {what}: waited {timeout} s")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit("a library; see demo.py")
