# SPDX-License-Identifier: GPL-2.0
"""Take the state of a VFIO device out of a QEMU migration stream.

The same as vfiomig extract, written apart from it to check it, for streams of
the guests here only. A stream is a list of sections. Those of RAM and of VFIO
devices come first, in as many parts as pre-copy took rounds, and can be told
apart without knowing any other device: only they are read. Numbers are big
endian.
"""

MAGIC = 0x5145564D

EOF, START, PART, END, FULL = range(5)
CONFIGURATION, COMMAND, FOOTER = 0x07, 0x08, 0x7E

RAM_ZERO, RAM_MEM_SIZE, RAM_PAGE, RAM_EOS, RAM_CONTINUE = 0x02, 0x04, 0x08, 0x10, 0x20
RAM_MULTIFD_FLUSH = 0x200
PAGE = 4096

VFIO_END_OF_STATE = 0xFFFFFFFFEF100001
VFIO_SETUP_STATE = 0xFFFFFFFFEF100003
VFIO_DATA = 0xFFFFFFFFEF100004
VFIO_INIT_DATA_SENT = 0xFFFFFFFFEF100005


class Malformed(Exception):
    pass


class Stream:
    def __init__(self, file):
        self.file = file

    def take(self, length):
        data = self.file.read(length)
        if len(data) != length:
            raise Malformed(f"cut short at byte {self.file.tell()}")
        return data

    def number(self, width):
        return int.from_bytes(self.take(width), "big")

    def name(self, width=1):
        return self.take(self.number(width)).decode()

    def expect(self, what, width, value):
        seen = self.number(width)
        if seen != value:
            raise Malformed(f"byte {self.file.tell() - width}: "
                            f"expected {what} {value:#x}, found {seen:#x}")

    def ram_blocks(self, total):
        while total > 0:
            self.name()
            total -= self.number(8)

    def ram(self):
        while True:
            word = self.number(8)
            flags = word % PAGE
            if flags & RAM_EOS:
                return
            if flags & RAM_MEM_SIZE:
                self.ram_blocks(word - flags)
            elif flags & (RAM_ZERO | RAM_PAGE):
                if not flags & RAM_CONTINUE:
                    self.name()
                self.take(1 if flags & RAM_ZERO else PAGE)
            elif flags != RAM_MULTIFD_FLUSH:
                raise Malformed(f"byte {self.file.tell() - 8}: RAM flags {flags:#x}")

    def vfio(self):
        state = b""
        while True:
            tag = self.number(8)
            if tag in (VFIO_END_OF_STATE, VFIO_INIT_DATA_SENT):
                return state
            if tag == VFIO_DATA:
                state += self.take(self.number(8))
            elif tag != VFIO_SETUP_STATE:
                raise Malformed(f"byte {self.file.tell() - 8}: VFIO tag {tag:#x}")


def device_state(path):
    """(bytes sent in pre-copy, bytes sent after it) of the one VFIO device in a stream."""
    names = {}
    states = {START: b"", PART: b"", END: b""}
    with open(path, "rb") as file:
        stream = Stream(file)
        stream.expect("magic", 4, MAGIC)
        stream.expect("version", 4, 3)
        while True:
            kind = stream.number(1)
            if kind == CONFIGURATION:
                stream.name(4)
            elif kind == COMMAND:
                stream.number(2)
                stream.take(stream.number(2))
            elif kind in states:
                section = stream.number(4)
                if kind == START:
                    names[section] = stream.name()
                    stream.take(8)
                if names[section].endswith("/vfio"):
                    states[kind] += stream.vfio()
                elif names[section] == "ram":
                    stream.ram()
                else:
                    raise Malformed(f"section of unknown {names[section]}")
                stream.expect("footer", 1, FOOTER)
                stream.expect("section", 4, section)
            elif kind in (FULL, EOF):
                return states[START] + states[PART], states[END]
            else:
                raise Malformed(f"byte {file.tell() - 1}: section type {kind:#x}")

