#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Migration files as QEMU writes them, small, around any device state.

make_qemu_file.py DIRECTORY STATE: one file for each function called file_* in
DIRECTORY, with the bytes of STATE as those of the device.
"""

import json
import os
import sys

EOF, START, PART, END, FULL, SUBSECTION, DESCRIPTION, CONFIGURATION, COMMAND = range(9)
FOOTER = 0x7E

SWITCHOVER_START, POSTCOPY_ADVISE = 11, 3

ZERO, MEM_SIZE, PAGE, EOS, CONTINUE, XBZRLE, HOOK, COMPRESSED, FLUSH = (
    0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200)

END_OF_STATE, CONFIG, SETUP, DATA, INIT_DATA_SENT, LOAD_READY = (
    0xFFFFFFFFEF100000 + n for n in range(1, 7))

RAM, NVME, OTHER, EARLY, LATE = 2, 40, 41, 7, 9
NVME_NAME, OTHER_NAME = "0000:00:04.0/vfio", "0000:00:05.0/vfio"


def be(width, *numbers):
    return b"".join(number.to_bytes(width, "big") for number in numbers)


def text(string):
    return be(1, len(string)) + string.encode()


def subsection(name, body):
    return be(1, SUBSECTION) + text("configuration/" + name) + be(4, 1) + body


def header(*subsections, machine="pc-i440fx-10.0"):
    return (b"QEVM" + be(4, 3) + be(1, CONFIGURATION) + be(4, len(machine)) + machine.encode()
            + b"".join(subsections))


def capabilities(*names):
    return subsection("capabilities", be(4, len(names)) + b"".join(map(text, names)))


def command(number, body=b""):
    return be(1, COMMAND) + be(2, number, len(body)) + body


def section(kind, number, body, name=None, instance=0, version=1):
    start = text(name) + be(4, instance, version) if name else b""
    return be(1, kind) + be(4, number) + start + body + be(1, FOOTER) + be(4, number)


def blocks(*sizes, extra=b""):
    return be(8, sum(sizes) | MEM_SIZE) + b"".join(
        text(f"block{n}") + be(8, size) + extra for n, size in enumerate(sizes))


def ram_start(body=None):
    body = blocks(0x8000, 0x4000) if body is None else body
    return section(START, RAM, body + be(8, FLUSH, EOS), "ram", version=4)


def ram(kind, page_size=4096):
    """Pages of all kinds, filled with what looks like marks of a section."""
    looks_like = be(8, DATA, 1 << 20, END_OF_STATE) + be(1, FOOTER) + be(4, NVME)
    page = (looks_like * page_size)[:page_size]
    pages = [
        be(8, ZERO) + text("block0") + b"\0",
        be(8, page_size | PAGE | CONTINUE) + page,
        be(8, PAGE) + text("block1") + page,
        be(8, XBZRLE | CONTINUE) + b"\1" + be(2, 30) + page[:30],
        be(8, COMPRESSED | CONTINUE) + be(4, 100) + page[:100],
    ]
    return section(kind, RAM, b"".join(pages) + be(8, EOS))


def setup(number=NVME, name=NVME_NAME, instance=0):
    return section(START, number, be(8, SETUP, END_OF_STATE), name, instance)


def data(*pieces):
    return b"".join(be(8, DATA, len(piece)) + piece for piece in pieces)


def device(kind, *pieces, number=NVME, end=END_OF_STATE):
    return section(kind, number, data(*pieces) + be(8, end))


def rest(*devices):
    """What comes after device state, and what describes it."""
    config = be(8, CONFIG) + bytes(range(256)) + be(8, END_OF_STATE)
    described = {"page_size": 4096, "devices": list(devices)}
    description = json.dumps(described).encode()
    return (section(FULL, NVME, config, NVME_NAME)
            + section(FULL, LATE, b"\x01\x02\x03\x04" * 9, "timer", version=2)
            + be(1, EOF, DESCRIPTION) + be(4, len(description)) + description)


def thirds(state):
    third = len(state) // 3
    return state[:third], state[third:2 * third], state[2 * third:]


def moved(state, start=None, page_size=4096):
    """Everything from the first section to the last of device state."""
    first, second, third = thirds(state)
    return ((ram_start() + setup() if start is None else start)
            + ram(PART, page_size) + device(PART, first) + ram(PART, page_size)
            + device(PART, b"", end=INIT_DATA_SENT) + device(PART, second[:1], second[1:])
            + command(SWITCHOVER_START) + ram(END, page_size) + device(END, third))


def file_plain(state):
    return header() + moved(state) + rest()


def file_other_pages(state):
    """Large pages, an identifier of the machine and memory that stays where it is."""
    first = header(subsection("target-page-bits", be(4, 14)), capabilities("x-ignore-shared"),
                   subsection("uuid", bytes(16)))
    start = ram_start(blocks(0x8000, extra=bytes(8))) + setup()
    return first + moved(state, start, 1 << 14) + rest()


EARLY_FIELDS = {
    "name": "0000:00:06.0/virtio-mem-early", "instance_id": 0, "vmsd_name": "x", "version": 1,
    "fields": [{"name": "plain", "type": "uint64", "size": 8},
               {"name": "array", "array_len": 3, "type": "uint16", "size": 2},
               {"name": "inside", "type": "struct", "size": 5,
                "struct": {"vmsd_name": "y", "version": 1,
                           "fields": [{"name": "byte", "type": "uint8", "size": 5}]}}],
    "subsections": [{"vmsd_name": "x/sub", "version": 1,
                     "fields": [{"name": "more", "type": "buffer", "size": 7}]}]}


def early(state, *devices):
    body = bytes(8 + 3 * 2 + 5) + be(1, SUBSECTION) + text("x/sub") + be(4, 1) + bytes(7)
    start = ram_start() + section(FULL, EARLY, body, EARLY_FIELDS["name"]) + setup()
    return header() + moved(state, start) + rest(*devices)


def file_early(state):
    return early(state, {"name": "ram", "instance_id": 0}, EARLY_FIELDS)


def file_early_undescribed(state):
    return early(state)


def file_two(state):
    first, second, third = thirds(state)
    other = dict(number=OTHER)
    return (header() + ram_start() + setup() + setup(OTHER, OTHER_NAME) + ram(PART)
            + device(PART, b"not ours ", **other) + device(PART, first)
            + device(PART, second) + device(PART, b"but", b" a", **other)
            + ram(END) + device(END, third) + device(END, b" device's", **other) + rest())


def file_same_name(state):
    return (header() + ram_start() + setup(NVME, "vfio") + setup(OTHER, "vfio", 1)
            + device(END, state) + device(END, b"other", number=OTHER) + ram(END) + rest())


def file_two_half(state):
    """One of two devices has nothing to say at the end."""
    return (header() + ram_start() + setup() + setup(OTHER, OTHER_NAME)
            + device(PART, b"precopy", number=OTHER) + ram(END) + device(END, state)
            + device(END, number=OTHER) + rest())


def file_wild_names(_):
    names = ("../../x/vfio", "_/_ %*/vfio", "//_ %*/vfio")
    return (header() + ram_start() + b"".join(setup(NVME + n, name) for n, name in enumerate(names))
            + b"".join(device(END, body, number=NVME + n)
                       for n, body in enumerate((b"one", b"two", b"three")))
            + ram(END) + rest())


def file_late_device(state):
    return (header() + ram_start() + setup() + device(PART, state[:100])
            + setup(OTHER, OTHER_NAME) + device(END, state[100:])
            + device(END, b"other", number=OTHER) + ram(END) + rest())


def file_multifd(state):
    """The device's last words went another way."""
    return (header() + ram_start() + setup() + device(PART, thirds(state)[0]) + ram(END)
            + device(END) + rest())


def file_load_ready(_):
    return header() + ram_start() + setup() + section(PART, NVME, be(8, LOAD_READY))


def file_old_config(state):
    return header() + ram_start() + setup() + section(END, NVME, be(8, CONFIG) + state)


def file_mapped_ram(state):
    return header(capabilities("mapped-ram")) + moved(state) + rest()


def file_dirty_bitmap(state):
    start = ram_start() + section(START, 3, bytes(20), "dirty-bitmap") + setup()
    return header() + moved(state, start) + rest()


def file_postcopy(state):
    return header() + command(POSTCOPY_ADVISE, bytes(16)) + moved(state) + rest()


def file_rdma(_):
    return header() + ram_start() + section(PART, RAM, be(8, HOOK))


def file_no_device(_):
    return header() + ram_start() + ram(PART) + ram(END) + rest()


def file_cut(state):
    return file_plain(state)[:-len(rest()) - 40]


def file_unended(state):
    return header() + ram_start() + setup() + device(PART, state) + be(1, EOF)


def file_other_version(_):
    return b"QEVM" + be(4, 4)


def file_odd_name(_):
    return header() + ram_start() + setup(NVME, "\x1b[2J/vfio")


def file_big_block(_):
    body = be(8, 0x1000 | MEM_SIZE) + text("block") + be(8, 1 << 63)
    return header() + ram_start(body)


def file_endless(_):
    return header() + ram_start() + setup() + section(PART, NVME, be(8, DATA, (1 << 64) - 1))


def main():
    directory, name = sys.argv[1:]
    with open(name, "rb") as file:
        state = file.read()
    for function, make in list(globals().items()):
        if function.startswith("file_"):
            with open(os.path.join(directory, function[5:]), "wb") as file:
                file.write(make(state))


if __name__ == "__main__":
    main()
