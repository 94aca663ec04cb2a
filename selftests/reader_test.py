#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
reader_test.py [STREAM...]: state_reader.py and vfiomig must agree, on what streams
hold and on which of them are sound. Prints KTAP.

The streams: the example of Documentation/state-stream.rst, without and with a
SCHEMA, selftests/streams/*.bin and the arguments, all of which a device accepts,
and what selftests/cli/make_stream makes. Of the former, broken and unusual ones are
made; each says what has to become of it. VFIOMIG and MAKE_STREAM name the programs.
"""

import copy
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

# pylint: disable=wrong-import-position
import state_reader
from state_values import Refusal

TOP = HERE.parent
TEXT = TOP / "Documentation/state-stream.rst"
READER = HERE / "state_reader.py"
VFIOMIG = os.environ.get("VFIOMIG", str(TOP / "build/tools/vfiomig"))
MAKE_STREAM = os.environ.get("MAKE_STREAM", str(TOP / "build/selftests/cli/make_stream"))
FLIPS = 80
# Verdicts: REFUSED is either of the two before it; FOREIGN is sound, but nothing that a
# device of this release could have written, which vfiomig knows and the reader cannot
SOUND, BROKEN, UNKNOWN, REFUSED, FOREIGN = 0, 1, 3, "refused", "foreign"

IDENTITY, SCHEMA, PCI_CONFIG, IRQ, REGS, ADMIN, QUEUES, FEATURES, AER, LOGS = range(1, 11)
NS_DATA, NS_ZERO, END = 32, 33, 255
EXTENTS = (NS_DATA, NS_ZERO)
STRANGE = 60000


# Streams, taken apart and put together again

class Record:
    """A record that can be changed; framing set here is kept, None is made to fit."""

    def __init__(self, kind, body, version=1, flags=0):
        self.kind, self.body, self.version, self.flags = kind, body, version, flags
        self.reserved = self.instance = self.trailer_reserved = self.filler = 0
        self.sequence = self.length = None

    def pack(self, index):
        """Its bytes, with the checksum that they ask for."""
        sequence = index if self.sequence is None else self.sequence
        length = len(self.body) if self.length is None else self.length
        head = struct.pack("<HHIHHIQ", self.kind, self.flags, sequence, self.version,
                           self.reserved, self.instance, length)
        covered = head + self.body + bytes([self.filler]) * (-len(self.body) % 8)
        return covered + struct.pack("<II", state_reader.crc32c(covered), self.trailer_reserved)


class Parts:
    """A stream as a header and records."""

    def __init__(self, data):
        size, = struct.unpack_from("<I", data, 12)
        self.header = bytearray(data[:size])
        self.records = []
        while size < len(data):
            kind, flags, _, version, _, _, length = struct.unpack_from("<HHIHHIQ", data, size)
            self.records.append(Record(kind, data[size + 24:size + 24 + length], version, flags))
            size += 24 + -(-length // 8) * 8 + 8

    @property
    def minor(self):
        """Minor version."""
        return struct.unpack_from("<H", self.header, 10)[0]

    def kinds(self):
        """The types of the records."""
        return [i.kind for i in self.records]

    def find(self, kind):
        """The first record of a type."""
        return next(i for i in self.records if i.kind == kind)

    def patch(self, kind, at, layout, *values):
        """Change a part of a record's body."""
        record = self.find(kind)
        body = bytearray(record.body)
        struct.pack_into(layout, body, at, *values)
        record.body = bytes(body)

    def pack(self, fit_end=True):
        """The bytes; END is made to say what is true unless told otherwise."""
        self.header[60:64] = struct.pack("<I", state_reader.crc32c(self.header[:60]))
        out = bytearray(self.header)
        for index, record in enumerate(self.records):
            if fit_end and (record.kind, record.version) == (END, 1) and len(record.body) == 16:
                record.body = struct.pack("<QQ", index, len(out))
            out += record.pack(index)
        return bytes(out)


def example(last):
    """The bytes of the hex dumps of the text, up to the one that ends with a given line."""
    out = bytearray()
    for line in TEXT.read_text(encoding="utf-8").splitlines():
        match = re.match(r" {3}([0-9a-f]{8})((?:  ?[0-9a-f]{2})*)(?:\s+\|.*)?$", line)
        if match:
            place, data = int(match[1], 16), bytes.fromhex(match[2].replace(" ", ""))
            if place == 0 and last(out):
                break
            out = bytearray() if place == 0 else out
            repeated = out[-16:]
            while len(out) < place:
                out += repeated
            out += data
    return bytes(out)


def text_stream():
    """The example of the text, of version 1.0."""
    return example(lambda out: out.startswith(b"mdevsim\x1a"))


def text_schema():
    """The small schema of the text."""
    return example(lambda out: out.startswith(b"\2\0\7\0"))


SENSORS = bytes.fromhex("020031002701000036010100")


def sensors_stream(schema, body=SENSORS):
    """The example as a stream of 1.1, with a schema and a record to decode by it."""
    parts = Parts(text_stream())
    parts.header[10] = 1
    parts.records[1:1] = [Record(SCHEMA, schema, flags=1), Record(200, body, version=7, flags=1)]
    return parts.pack()


# Verdicts

def reader_verdict(data, device=True):
    """What the reader says: exit status and reason."""
    try:
        stream = state_reader.Reader(data, device).read()
        if device:
            state_reader.check_described(stream)
        else:
            state_reader.document(stream, stream.schema)
    except Refusal as refusal:
        return (UNKNOWN if refusal.error == "EOPNOTSUPP" else BROKEN), str(refusal)
    return (UNKNOWN, "something required is unknown") if stream.unknown else (SOUND, "sound")


def vfiomig(*args, data=None):
    """Run it: exit status, output, errors."""
    done = subprocess.run([VFIOMIG, *args], input=data, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()


def check_verdict(name, data, expected):
    """Complaints about what the two say of a stream."""
    status, reason = reader_verdict(data)
    allowed = {REFUSED: (BROKEN, UNKNOWN), FOREIGN: (SOUND,)}.get(expected, (expected,))
    if status not in allowed:
        yield f"{name}: the reader says {status} ({reason}), not {expected}"
    theirs, _, errors = vfiomig("verify", "-", data=data)
    what = " ".join(re.findall("reason: (.*)", errors)) or errors
    if theirs not in (0, 1, 3):
        yield f"{name}: vfiomig verify ended with {theirs}: {errors}"
    elif (theirs == 0) != (expected == SOUND):
        yield f"{name}: vfiomig verify says {theirs} ({what}), not {expected}"


# Ways to make another stream of one: each yields (name, bytes, expected verdict)

def flipped(data):
    """One bit is changed, and no checksum."""
    framing, at = set(range(64)), 64
    for record in Parts(data).records:
        end = at + 24 + -(-len(record.body) // 8) * 8 + 8
        framing |= {*range(at, at + 24), *range(end - 8, end)}
        at = end
    places = sorted(framing)
    step = max(1, len(places) // FLIPS)
    places = places[::step] + list(range(64, len(data), max(1, len(data) // FLIPS)))
    for place in places:
        other = bytearray(data)
        other[place] ^= 1 << place % 8
        yield f"bit {place % 8} of byte {place} flipped", bytes(other), REFUSED


def truncated(data):
    """Cut off, at the ends of records too; or with something behind."""
    ends = [0, 7, 8, 63, 64]
    at = 64
    for record in Parts(data).records:
        ends += [at + 1, at + 24, at + 25]
        at += 24 + -(-len(record.body) // 8) * 8 + 8
        ends += [at - 8, at - 1, at]
    for end in sorted({i for i in ends if i < len(data)}):
        yield f"cut off at {end}", data[:end], BROKEN
    yield "a byte behind END", data + b"\0", BROKEN
    yield "itself behind END", data + data, BROKEN


def is_free(kind):
    """A record that may be there or not, and anywhere among its kind."""
    return kind in EXTENTS or kind >= 200 and kind != END


def moved(data):
    """Records dropped, repeated and swapped; everything renumbered, or nothing."""
    kinds = Parts(data).kinds()
    for at, kind in enumerate(kinds):
        for renumber in (True, False):
            how = "renumbered" if renumber else "as it was"
            for what, change, expected in (
                    ("dropped", drop, is_free(kind)),
                    ("repeated", repeat, may_repeat(data, at)),
                    ("swapped with the next", swap, may_swap(kinds, at))):
                parts = Parts(data)
                if not renumber:
                    for index, record in enumerate(parts.records):
                        record.sequence = index
                if change(parts.records, at):
                    sound = expected and renumber
                    yield (f"record {at} (type {kind}) {what}, {how}",
                           parts.pack(fit_end=renumber), SOUND if sound else BROKEN)


def drop(records, at):
    """Leave one out."""
    del records[at]
    return True


def repeat(records, at):
    """Have one twice."""
    records.insert(at, copy.copy(records[at]))
    return True


def swap(records, at):
    """Exchange one with the next."""
    if at + 1 == len(records):
        return False
    records[at], records[at + 1] = records[at + 1], records[at]
    return True


def may_repeat(data, at):
    """IDENTITY may come again, but not where SCHEMA has to be."""
    parts = Parts(data)
    return is_free(parts.kinds()[at]) or at == 0 and parts.minor == 0


def may_swap(kinds, at):
    """Extents may change places, and records that are skipped may with all but the first two."""
    pair = kinds[at:at + 2]
    if all(i in EXTENTS for i in pair):
        return True
    strange = [i for i in pair if is_free(i) and i not in EXTENTS]
    return bool(strange) and not {IDENTITY, SCHEMA, END} & set(pair)


def unknown(data):
    """Types and versions that nobody knows, but for SCHEMA."""
    count, minor = len(Parts(data).records), Parts(data).minor
    for at in range(count + 1):
        fits = (2 if minor else 1) <= at < count
        for flags, expected in ((1, SOUND), (0, UNKNOWN)):
            record = Record(STRANGE, b"whatever it is", version=9, flags=flags)
            record.instance = 5
            yield (f"an unknown record as number {at}, flags {flags}",
                   with_record(data, at, record), expected if fits else REFUSED)
    for at in range(count):
        for flags in (1, 0):
            yield from other_version(data, at, flags)
    for name, kind, version, expected in (
            ("a SCHEMA of version 2", SCHEMA, 2, BROKEN), ("an IRQ of version 2", IRQ, 2, SOUND),
            ("an END of version 2", END, 2, SOUND), ("an empty unknown record", STRANGE, 1, SOUND)):
        record = Record(kind, b"", version=version, flags=1)
        yield f"{name} before END", with_record(data, count - 1, record), expected
    yield ("an unknown record that SCHEMA does not describe",
           with_record(data, count - 1, Record(STRANGE, b"", flags=1), describe=False),
           BROKEN if minor else SOUND)


def with_record(data, at, record, describe=True):
    """Another record in a place, in SCHEMA too if there is one."""
    parts = Parts(data)
    if describe:
        add_table(parts, record)
    parts.records.insert(at, record)
    return parts.pack()


def add_table(parts, record):
    """Describe a record in SCHEMA, as so many bytes."""
    if SCHEMA not in parts.kinds():
        return
    schema = Schema(parts.find(SCHEMA).body)
    name, size = len(schema.text), len(record.body)
    schema.text += b"strange\0"
    schema.tables.append([name, record.kind, record.version, size, len(schema.fields), bool(size)])
    if size:
        shape = (1, size) if size < 64 else (size, 1)
        schema.fields.append([name, 0, 0, 0, *shape, 0, BYTES_KIND, 0, 0, 0xffff])
    parts.find(SCHEMA).body = schema.pack()


def other_version(data, at, flags):
    """A record is of version 7 and may be skipped, or not."""
    parts = Parts(data)
    record = parts.records[at]
    if is_free(record.kind) and record.kind not in EXTENTS:
        return
    record.version, record.flags = 7, flags
    if record.kind != SCHEMA:
        add_table(parts, record)
    expected = BROKEN if flags else REFUSED
    if record.kind in (*EXTENTS, SCHEMA):
        expected = SOUND if flags else UNKNOWN
    yield f"record {at} (type {record.kind}) of version 7, flags {flags}", parts.pack(), expected


def headers(data):
    """Stream headers."""
    for name, at, layout, value, expected in (
            ("another magic", 7, "<B", 0x1b, BROKEN), ("major version 2", 8, "<H", 2, UNKNOWN),
            ("major version 0", 8, "<H", 0, UNKNOWN), ("a required feature", 16, "<Q", 1, UNKNOWN),
            ("the last required feature", 16, "<Q", 1 << 63, UNKNOWN),
            ("optional features", 24, "<Q", (1 << 64) - 1, SOUND),
            ("another session", 32, "<Q", 5, SOUND), ("reserved", 48, "<B", 1, BROKEN),
            ("the last byte of reserved", 59, "<B", 1, BROKEN),
            ("header_size 56", 12, "<I", 56, BROKEN), ("header_size 68", 12, "<I", 68, BROKEN),
            ("header_size 0", 12, "<I", 0, BROKEN),
            ("header_size 4104", 12, "<I", 4104, BROKEN),
            ("header_size 4294967288", 12, "<I", (1 << 32) - 8, BROKEN)):
        parts = Parts(data)
        struct.pack_into(layout, parts.header, at, value)
        yield name, parts.pack(), expected
    for more, expected in ((8, SOUND), (4032, SOUND), (4040, BROKEN)):
        parts = Parts(data)
        parts.header += bytes([0xa5]) * more
        struct.pack_into("<I", parts.header, 12, len(parts.header))
        yield f"a header that is {more} bytes longer", parts.pack(), expected
    parts = Parts(data)
    parts.header[10:12] = struct.pack("<H", 1 - min(parts.minor, 1))
    yield "the other minor version", parts.pack(), BROKEN
    if Parts(data).minor:
        parts = Parts(data)
        parts.header[10:12] = struct.pack("<H", 999)
        yield "minor version 999", parts.pack(), SOUND


def framings(data):
    """What frames each record, made wrong."""
    for at in range(len(Parts(data).records)):
        for what, value in (("flags", 2), ("flags", 0x8001), ("reserved", 1), ("instance", 1),
                            ("trailer_reserved", 1), ("sequence", at + 1), ("filler", 1),
                            ("length", 1 << 62), ("length", (1 << 64) - 8)):
            parts = Parts(data)
            record = parts.records[at]
            if what == "filler" and len(record.body) % 8 == 0:
                continue
            expected = BROKEN
            if what == "instance" and record.kind >= 200 and record.kind != END:
                expected = SOUND
            setattr(record, what, value)
            yield (f"{what} of record {at} (type {record.kind}) is {value:#x}", parts.pack(),
                   expected)
        for change in (lambda body: body + bytes(8), lambda body: body[:-8]):
            parts = Parts(data)
            record = parts.records[at]
            record.body = change(record.body)
            if record.kind < 200 or record.kind == END:
                yield (f"record {at} (type {record.kind}) has {len(record.body)} bytes",
                       parts.pack(), BROKEN)


def patched(data, changes):
    """Parts of bodies that are changed."""
    for name, kind, at, layout, value, expected in changes:
        parts = Parts(data)
        parts.patch(kind, at, layout, value)
        yield name, parts.pack(fit_end=kind != END), expected


VALUES = (
    ("END.records", END, 0, "<Q", 3, BROKEN), ("END.bytes", END, 8, "<Q", 8, BROKEN),
    ("IDENTITY.function", IDENTITY, 0, "<B", 0x4e, BROKEN),
    ("IDENTITY.version_major", IDENTITY, 16, "<H", 2, BROKEN),
    ("IDENTITY.version_minor", IDENTITY, 18, "<H", 60000, BROKEN),
    ("IDENTITY.reserved0", IDENTITY, 20, "<I", 1, BROKEN),
    ("IDENTITY.reserved1", IDENTITY, 63, "<B", 1, BROKEN),
    ("IDENTITY.namespace_size 0", IDENTITY, 24, "<Q", 0, BROKEN),
    ("IDENTITY.namespace_size odd", IDENTITY, 24, "<Q", (64 << 20) - 512, BROKEN),
    ("IDENTITY.lba_shift", IDENTITY, 32, "<H", 12, BROKEN),
    ("IDENTITY.vectors", IDENTITY, 34, "<H", 63, BROKEN),
    ("IDENTITY.io_queues", IDENTITY, 36, "<H", 64, BROKEN),
    ("IDENTITY.queue_entries", IDENTITY, 38, "<H", 1023, BROKEN),
    ("IDENTITY.serial", IDENTITY, 40, "<B", 0x58, SOUND),
    ("IDENTITY.nguid", IDENTITY, 64, "<B", 1, SOUND),
    ("IDENTITY.uuid", IDENTITY, 80, "<B", 1, SOUND),
    ("IDENTITY.mdev_type", IDENTITY, 96, "<B", 0x58, SOUND),
    ("PCI_CONFIG.reserved0", PCI_CONFIG, 53, "<B", 1, BROKEN),
    ("PCI_CONFIG.pm_reserved", PCI_CONFIG, 70, "<B", 1, BROKEN),
    ("PCI_CONFIG.reserved1", PCI_CONFIG, 95, "<B", 1, BROKEN),
    ("PCI_CONFIG.reserved2", PCI_CONFIG, 255, "<B", 1, BROKEN),
    ("PCI_CONFIG.vendor_id", PCI_CONFIG, 0, "<H", 0xffff, FOREIGN),
    ("IRQ.intx 1", IRQ, 0, "<B", 1, SOUND), ("IRQ.intx 2", IRQ, 0, "<B", 2, BROKEN),
    ("IRQ.reserved0", IRQ, 1, "<B", 1, BROKEN), ("IRQ.reserved1", IRQ, 4, "<I", 1, BROKEN),
    ("IRQ.vectors 63", IRQ, 2, "<H", 63, BROKEN), ("IRQ.vectors 65", IRQ, 2, "<H", 65, BROKEN),
    ("IRQ.pending", IRQ, 8, "<Q", 1 << 63, SOUND),
    ("NVME_REGS.cap", REGS, 0, "<Q", 0, FOREIGN), ("NVME_REGS.vs", REGS, 8, "<I", 0, FOREIGN),
    ("NVME_REGS.intms", REGS, 12, "<I", 1, SOUND),
    ("NVME_REGS.cc reserved", REGS, 19, "<B", 0x80, BROKEN),
    ("NVME_REGS.aqa reserved", REGS, 25, "<B", 0xf0, BROKEN),
    ("NVME_REGS.reserved", REGS, 28, "<I", 1, BROKEN),
    ("NVME_REGS.asq", REGS, 32, "<Q", 0x1800, BROKEN),
    ("NVME_REGS.acq", REGS, 40, "<Q", 0x1004, BROKEN),
    ("NVME_REGS.csts NSSRO", REGS, 20, "<B", 0x11, BROKEN),
    ("NVME_REGS.csts SHST", REGS, 20, "<B", 0x05, BROKEN),
    ("NVME_ADMIN.reserved", ADMIN, 31, "<B", 1, BROKEN),
    ("NVME_ADMIN.enabled 2", ADMIN, 29, "<B", 2, BROKEN),
    ("NVME_ADMIN.cq_phase 2", ADMIN, 28, "<B", 2, BROKEN),
    ("NVME_ADMIN.sq_size", ADMIN, 16, "<H", 4096, BROKEN),
    ("NVME_ADMIN.sq_base", ADMIN, 0, "<Q", 0x1008, BROKEN),
    ("NVME_ADMIN.sq_tail", ADMIN, 20, "<H", 65535, BROKEN),
    ("NVME_QUEUES.version", QUEUES, 0, "<H", 1, BROKEN),
    ("NVME_QUEUES.attributes 0", QUEUES, 2, "<B", 0, BROKEN),
    ("NVME_QUEUES.attributes 3", QUEUES, 2, "<B", 3, BROKEN),
    ("NVME_QUEUES.reserved0", QUEUES, 15, "<B", 1, BROKEN),
    ("NVME_QUEUES.nvme_size", QUEUES, 16, "<Q", 99, BROKEN),
    ("NVME_QUEUES.nvme_size_high", QUEUES, 24, "<Q", 1, BROKEN),
    ("NVME_QUEUES.vendor_size", QUEUES, 32, "<Q", 1, BROKEN),
    ("NVME_QUEUES.vendor_size_high", QUEUES, 40, "<Q", 1, BROKEN),
    ("NVME_QUEUES.nvme_version", QUEUES, 48, "<H", 1, BROKEN),
    ("NVME_QUEUES.nr_sqs", QUEUES, 50, "<H", 65535, BROKEN),
    ("NVME_QUEUES.nr_cqs", QUEUES, 52, "<H", 65535, BROKEN),
    ("NVME_QUEUES.reserved1", QUEUES, 55, "<B", 1, BROKEN),
    ("NVME_FEATURES.count", FEATURES, 0, "<I", (1 << 28) + 1, BROKEN),
    ("NVME_FEATURES.reserved", FEATURES, 4, "<I", 1, BROKEN),
    ("NVME_FEATURES.feature[0].reserved", FEATURES, 11, "<B", 1, BROKEN),
    ("NVME_FEATURES: an unknown one", FEATURES, -16, "<B", 0xee, FOREIGN),
    ("NVME_AER.nr_parked 9", AER, 0, "<H", 9, BROKEN),
    ("NVME_AER.nr_events 9", AER, 2, "<H", 9, BROKEN),
    ("NVME_AER.cid past", AER, 22, "<H", 1, BROKEN),
    ("NVME_AER.event past", AER, 52, "<I", 1, BROKEN),
    ("NVME_LOGS.ns_changed 2", LOGS, 67, "<B", 2, BROKEN),
    ("NVME_LOGS.critical_warning", LOGS, 66, "<B", 1, BROKEN),
    ("NVME_LOGS.reserved", LOGS, 71, "<B", 1, BROKEN),
    ("NVME_LOGS.temperature", LOGS, 64, "<H", 300, SOUND),
    ("NVME_LOGS.error not counted", LOGS, 72, "<Q", (1 << 64) - 1, BROKEN),
    ("NVME_LOGS.error.reserved", LOGS, 72 + 15 * 32 + 28, "<I", 1, BROKEN),
)
# for an error log that is not full
EMPTY_ERRORS = (
    ("NVME_LOGS.error empty but not zero", LOGS, 72 + 15 * 32 + 8, "<H", 1, BROKEN),
    ("NVME_LOGS.error behind an empty one", LOGS, 72 + 15 * 32, "<Q", 1, BROKEN),
)


def values(data):
    """IDENTITY, END and control records."""
    yield from patched(data, VALUES)
    if not any(Parts(data).find(LOGS).body[72 + 14 * 32:]):
        yield from patched(data, EMPTY_ERRORS)


def more_values(data):
    """IRQ, NVME_REGS and NVME_FEATURES, changed in more than one place."""
    parts = Parts(data)
    parts.patch(IRQ, 2, "<H", 63)
    parts.find(IRQ).body = parts.find(IRQ).body[:-16]
    yield "IRQ with 63 vectors", parts.pack(), BROKEN
    parts = Parts(data)
    parts.patch(REGS, 20, "<B", parts.find(REGS).body[20] ^ 1)
    yield "CSTS.RDY the other way round", parts.pack(), BROKEN
    parts = Parts(data)
    features = parts.find(FEATURES)
    count, = struct.unpack_from("<I", features.body)
    features.body += features.body[-16:]
    parts.patch(FEATURES, 0, "<I", count + 1)
    yield "a feature twice", parts.pack(), BROKEN


def disabled(data):
    """The controller is disabled, one record after the other."""
    parts = Parts(data)
    regs, admin = parts.find(REGS).body, parts.find(ADMIN).body
    queues_left, events_left = any(parts.find(QUEUES).body[50:54]), any(parts.find(AER).body)
    no_queues = bytes(2) + b"\1" + bytes(13) + b"\2" + bytes(39)
    for name, kind, body, is_left in (
            ("NVME_REGS", REGS, regs[:16] + bytes(8) + regs[24:], any(admin)),
            ("NVME_ADMIN.enabled", ADMIN, admin[:29] + bytes(3), any(admin[:29])),
            ("NVME_ADMIN", ADMIN, bytes(32), queues_left or events_left),
            ("NVME_QUEUES", QUEUES, no_queues, events_left),
            ("NVME_AER", AER, bytes(56), False),
            ("NVME_AER.masked again", AER, bytes(4) + b"\2" + bytes(51), True)):
        parts.find(kind).body = body
        yield f"disabled up to {name}", parts.pack(), BROKEN if is_left else SOUND


def queues(data):
    """The queues of NVME_QUEUES, where there are any."""
    body = Parts(data).find(QUEUES).body
    sqs, cqs = struct.unpack_from("<HH", body, 50)
    at = 56
    if sqs:
        yield from patched(data, (
            ("sq.prp1", QUEUES, at, "<B", 8, BROKEN),
            ("sq.size 0", QUEUES, at + 8, "<H", 0, BROKEN),
            ("sq.size 1024", QUEUES, at + 8, "<H", 1024, BROKEN),
            ("sq.qid 0", QUEUES, at + 10, "<H", 0, BROKEN),
            ("sq.qid 64", QUEUES, at + 10, "<H", 64, BROKEN),
            ("sq.cqid 65535", QUEUES, at + 12, "<H", 65535, BROKEN),
            ("sq.cqid 0", QUEUES, at + 12, "<H", 0, BROKEN),
            ("sq.attributes 0", QUEUES, at + 14, "<H", 0, BROKEN),
            ("sq.attributes 9", QUEUES, at + 14, "<H", 9, BROKEN),
            ("sq.head", QUEUES, at + 16, "<H", 1024, BROKEN),
            ("sq.tail", QUEUES, at + 18, "<H", 1024, BROKEN),
            ("sq.reserved", QUEUES, at + 23, "<B", 1, BROKEN)))
    if sqs > 1:
        first_id, = struct.unpack_from("<H", body, at + 10)
        yield from patched(data, (("sq.qid twice", QUEUES, at + 34, "<H", first_id, BROKEN),))
    at += 24 * sqs
    if cqs:
        yield from patched(data, (
            ("cq.prp1", QUEUES, at, "<B", 8, BROKEN),
            ("cq.size 0", QUEUES, at + 8, "<H", 0, BROKEN),
            ("cq.qid 0", QUEUES, at + 10, "<H", 0, BROKEN),
            ("cq.head", QUEUES, at + 12, "<H", 1024, BROKEN),
            ("cq.tail", QUEUES, at + 14, "<H", 1024, BROKEN),
            ("cq.attributes PC", QUEUES, at + 16, "<I", 2, BROKEN),
            ("cq.attributes reserved", QUEUES, at + 16, "<I", 9, BROKEN),
            ("cq.attributes IV 64", QUEUES, at + 16, "<I", 64 << 16 | 3, BROKEN),
            ("cq.reserved", QUEUES, at + 20, "<B", 1, BROKEN)))


def extents(data):
    """Namespace extents, and a namespace that is resized."""
    size, = struct.unpack_from("<Q", Parts(data).find(IDENTITY).body, 24)
    blocks = size // 512
    for name, nsid, reserved, slba, nlb, expected in (
            ("a zero extent of all", 1, 0, 0, blocks, SOUND),
            ("one at the end", 1, 0, blocks - 8, 8, SOUND),
            ("one past the end", 1, 0, blocks - 8, 16, BROKEN),
            ("one behind the end", 1, 0, blocks, 8, BROKEN),
            ("one that goes round", 1, 0, (1 << 64) - 8, 16, BROKEN),
            ("one that goes round in bytes", 1, 0, 1 << 55, 8, BROKEN),
            ("namespace 0", 0, 0, 0, 8, BROKEN), ("namespace 2", 2, 0, 0, 8, BROKEN),
            ("reserved", 1, 1, 0, 8, BROKEN), ("slba 4", 1, 0, 4, 8, BROKEN),
            ("nlb 4", 1, 0, 0, 4, BROKEN), ("nlb 0", 1, 0, 0, 0, BROKEN)):
        for kind in EXTENTS:
            content = bytes(512 * min(nlb, 16)) if kind == NS_DATA else b""
            if kind == NS_DATA and nlb > 16:
                continue
            yield with_extents(data, name, expected, Record(
                kind, struct.pack("<IIQQ", nsid, reserved, slba, nlb) + content))
    for nlb, sent, expected in ((8, 16, BROKEN), (16, 8, BROKEN),
                                (2048, 2048, SOUND if blocks >= 2048 else BROKEN),
                                (2056, 2056, BROKEN)):
        body = struct.pack("<IIQQ", 1, 0, 0, nlb) + bytes(512 * sent)
        yield with_extents(data, f"{nlb} blocks of which {sent} are sent", expected,
                           Record(NS_DATA, body))
    identity = bytearray(Parts(data).find(IDENTITY).body)
    identity[24:32] = struct.pack("<Q", 8192)
    for name, slba, expected in (("in", 8, SOUND), ("past", 16, BROKEN)):
        body = struct.pack("<IIQQ", 1, 0, slba, 8) + b"new!" * 1024
        yield with_extents(data, f"resized, an extent {name} what is left", expected,
                           Record(IDENTITY, bytes(identity)), Record(NS_DATA, body))


def with_extents(data, name, expected, *more):
    """More records before PCI_CONFIG."""
    parts = Parts(data)
    at = parts.kinds().index(PCI_CONFIG)
    parts.records[at:at] = more
    return f"{name} (type {more[-1].kind})", parts.pack(), expected


class Schema:
    """A SCHEMA as lists of numbers that can be changed."""
    LAYOUTS = ("<6H", "<7HBBHH", "<3H")

    def __init__(self, body):
        counts = struct.unpack_from("<3H", body)
        self.reserved = [0, 0]
        self.parts, at = [], 16
        for layout, count in zip(self.LAYOUTS, counts):
            end = at + struct.calcsize(layout) * count
            self.parts.append([list(i) for i in struct.iter_unpack(layout, body[at:end])])
            at = end
        self.tables, self.fields, self.items = self.parts
        self.text = body[at:]

    def find(self, holds):
        """The index of the first field of a table for which something holds, or None."""
        used = {i for t in self.tables for i in range(t[4], t[4] + t[5])}
        return next((i for i in sorted(used) if holds(self.fields[i])), None)

    def append(self, other):
        """Add what another one describes."""
        tables, fields, items, text = (*map(len, self.parts), len(self.text))
        for name, kind, version, size, first_field, count in other.tables:
            self.tables.append([name + text, kind, version, size, first_field + fields, count])
        for one in other.fields:
            group = one[GROUP] if one[GROUP] == 0xffff else one[GROUP] + tables
            first_item = one[FIRST_ITEM] + items if one[NR_ITEMS] else 0
            self.fields.append([one[NAME] + text, one[UNIT] + text, one[MEANING] + text,
                                *one[OFFSET:FIRST_ITEM], first_item, group])
        self.items += [[name + text, at, width] for name, at, width in other.items]
        self.text += other.text

    def pack(self):
        """The body."""
        head = struct.pack("<4HII", *map(len, self.parts), self.reserved[0], len(self.text),
                           self.reserved[1])
        rows = (struct.pack(layout, *row) for layout, part in zip(self.LAYOUTS, self.parts)
                for row in part)
        return head + b"".join(rows) + self.text


NAME, UNIT, MEANING, OFFSET, WIDTH, REPEAT, COUNTER, KIND, NR_ITEMS, FIRST_ITEM, GROUP = range(11)


def schemas(data):
    """SCHEMA itself."""
    if SCHEMA not in Parts(data).kinds():
        return
    for name, change, expected in schema_changes():
        parts = Parts(data)
        record = parts.find(SCHEMA)
        schema = Schema(record.body)
        if change(schema) is not None:
            continue
        record.body = schema.pack()
        yield "schema: " + name, parts.pack(), expected
    for more in (b"\0" * 8, b"\0"):
        parts = Parts(data)
        parts.find(SCHEMA).body += more
        yield f"schema: {len(more)} bytes behind the text", parts.pack(), BROKEN


def first(holds, **changes):
    """A change of the first field for which something holds; no change where none does."""
    def change(schema):
        index = schema.find(holds)
        if index is None:
            return "none"
        for name, value in changes.items():
            one = schema.fields[index]
            one[globals()[name]] = value(one, schema) if callable(value) else value
        return None
    return change


def assign(get, at, value):
    """A change of one number of a row."""
    def change(schema):
        row = get(schema)
        row[at] = value(schema) if callable(value) else value
    return change


def add_text(schema):
    """Strings that nobody uses."""
    schema.text += b"no such thing\0"


def no_text(schema):
    """Text that does not end."""
    schema.text = schema.text[:-1] + b"x"


def spare_field(schema):
    """A field that no table leads to, and that breaks every rule."""
    schema.fields.append([65535, 65535, 65535, 9, 0, 3, 7, GROUP_KIND, 255, 65535, 0])


def spare_item(schema):
    """An item that no field leads to."""
    schema.items.append([65535, 65535, 65535])


def empty_table(size):
    """A table without fields."""
    def change(schema):
        schema.tables.append([0, STRANGE, 3, size, 0, 0])
    return change


UNSIGNED_KIND, BITS_KIND, BYTES_KIND, GROUP_KIND, NEW_KIND = 1, 2, 4, 8, 77


def new_kind(schema):
    """A table for records that do not occur, with a field of an unknown kind."""
    schema.tables.append([0, STRANGE, 3, 200, len(schema.fields), 1])
    schema.fields.append([0, 0, 0, 0, 100, 2, 0, NEW_KIND, 0, 0, 0xffff])


def is_kind(kind):
    """A field of a kind."""
    return lambda one: one[KIND] == kind


def counted(one):
    """A counted field."""
    return one[REPEAT] == 0


def schema_changes():
    """Changes of a SCHEMA: name, what to do, verdict."""
    past = lambda schema: len(schema.text)  # pylint: disable=unnecessary-lambda-assignment
    table = lambda schema: schema.tables[0]  # pylint: disable=unnecessary-lambda-assignment
    any_field = lambda one: True  # pylint: disable=unnecessary-lambda-assignment
    yield "as it is", lambda schema: None, SOUND
    yield "more text", add_text, SOUND
    yield "a field that is not used", spare_field, SOUND
    yield "an item that is not used", spare_item, SOUND
    yield "an empty table of size 0", empty_table(0), SOUND
    yield "an empty table of size 4", empty_table(4), BROKEN
    yield "a table with an unknown kind", new_kind, SOUND
    yield "another meaning", first(any_field, MEANING=0), SOUND
    yield "text without an end", no_text, BROKEN
    yield "reserved0", assign(lambda schema: schema.reserved, 0, 1), BROKEN
    yield "reserved1", assign(lambda schema: schema.reserved, 1, 1), BROKEN
    yield "a table's name past the text", assign(table, 0, past), BROKEN
    yield "fields of a table past the end", assign(table, 4, lambda s: len(s.fields)), BROKEN
    yield "fields of a table far past the end", assign(table, 4, 65535), BROKEN
    yield "a table that is larger", assign(table, 3, 65535), BROKEN
    yield "an item's name past the text", assign(lambda s: s.items[0], 0, past), BROKEN
    for what in ("NAME", "UNIT", "MEANING"):
        yield (f"{what.lower()} of a field past the text",
               first(any_field, **{what: lambda one, s: len(s.text)}), BROKEN)
    yield "items past the end", first(any_field, FIRST_ITEM=65535, NR_ITEMS=1), BROKEN
    yield "an empty list of items past the end", first(
        lambda one: not one[NR_ITEMS], FIRST_ITEM=lambda one, s: len(s.items) + 1), BROKEN
    yield "a first item although there are none", first(
        lambda one: not one[NR_ITEMS], FIRST_ITEM=1), BROKEN
    yield "width 0", first(any_field, WIDTH=0), BROKEN
    yield "a number of 9 bytes", first(is_kind(UNSIGNED_KIND), WIDTH=9), BROKEN
    yield "an offset that leaves a gap", first(lambda one: one[REPEAT] and one[OFFSET],
                                               OFFSET=lambda one, s: one[OFFSET] + 1), BROKEN
    yield "a first offset that is not 0", first(lambda one: not one[OFFSET], OFFSET=1), BROKEN
    yield "a counter without a need", first(lambda one: one[REPEAT] == 1, COUNTER=2), BROKEN
    yield "a group that is none", first(is_kind(UNSIGNED_KIND), GROUP=1), BROKEN
    yield "a group of itself", first(is_kind(GROUP_KIND), GROUP=0), BROKEN
    yield "a group past the end", first(is_kind(GROUP_KIND),
                                        GROUP=lambda one, s: len(s.tables)), BROKEN
    yield "a group without a table", first(is_kind(GROUP_KIND), GROUP=65535), BROKEN
    yield "a group of another width", first(is_kind(GROUP_KIND),
                                            WIDTH=lambda one, s: one[WIDTH] + 1), BROKEN
    yield "a counter that is nowhere", first(counted, COUNTER=65535), BROKEN
    yield "a counter in the middle of a field", first(counted, COUNTER=1), BROKEN
    yield "a counted field elsewhere", first(counted, OFFSET=0), BROKEN
    yield "a counted field in a group", uncounted_type, BROKEN
    yield "a counted field before another", counted_first, BROKEN
    yield "bits past the end", assign_item(1, 200), BROKEN
    yield "bits of width 0", assign_item(2, 0), BROKEN
    yield "bits of width 65535", assign_item(2, 65535), BROKEN


def uncounted_type(schema):
    """A table with counted fields that is no record's body."""
    index = schema.find(counted)
    table = next(t for t in schema.tables if t[4] <= index < t[4] + t[5])
    table[1] = 0


def counted_first(schema):
    """A counted field changes places with the one before it."""
    last = schema.find(counted)
    while counted(schema.fields[last - 1]):
        last -= 1
    schema.fields[last - 1:last + 1] = schema.fields[last], schema.fields[last - 1]


def assign_item(at, value):
    """A change of an item of BITS."""
    def change(schema):
        one = schema.fields[schema.find(lambda one: one[KIND] == BITS_KIND and one[NR_ITEMS])]
        schema.items[one[FIRST_ITEM]][at] = value
    return change


MUTATIONS = (flipped, truncated, moved, unknown, headers, framings, values, more_values,
             disabled, queues, extents, schemas)


# Tests: each yields complaints

def check_crc():
    """The examples of the text."""
    for data, crc in ((b"123456789", 0xe3069283), (bytes(32), 0x8a9136aa), (b"", 0)):
        if state_reader.crc32c(data) != crc:
            yield f"CRC-32C of {data!r} is {state_reader.crc32c(data):#x}, not {crc:#x}"


def check_sensors(schema):
    """A record that only SCHEMA explains is decoded as the text says."""
    stream = state_reader.Reader(sensors_stream(schema)).read()
    record = state_reader.document(stream, stream.schema)["records"][2]
    expected = {
        "count": 2, "state": {"value": 0x31, "HOT": 1, "LEVEL": 3}, "reserved": 0,
        "sample": [{"value": 295, "place": {"value": 0, "name": "inlet"}, "reserved": 0},
                   {"value": 310, "place": {"value": 1, "name": "outlet"}, "reserved": 0}]}
    if (record["record"], record["fields"]) != ("sensors", expected):
        yield f"the record of the text is {record}"
    for body in (SENSORS[:2], b"\3" + SENSORS[1:], SENSORS[:-1]):
        status, reason = reader_verdict(sensors_stream(schema, body), device=False)
        if status != BROKEN or "type 200" not in reason:
            yield f"{body.hex()} is decoded all the same: {reason}"


def dump_of(data):
    """What vfiomig shows, and a complaint if it shows nothing."""
    status, out, errors = vfiomig("dump", "--json", "--data", "-", data=data)
    if status == 0:
        return json.loads(out), ""
    return None, " ".join(re.findall(r'"reason":"([^"]*)', out.decode())) or errors


def check_dump(data, schema):
    """What the two show is the same."""
    dump, errors = dump_of(data)
    if dump is None:
        yield f"vfiomig dump fails: {errors}"
        return
    stream = state_reader.Reader(data).read()
    here = state_reader.document(stream, stream.schema or schema)
    yield from state_reader.differences(dump, here)


def check_comparison(data, schema):
    """A comparison notices whatever is changed, missing or too many."""
    dump, errors = dump_of(data)
    if dump is None:
        yield f"vfiomig dump fails: {errors}"
        return
    stream = state_reader.Reader(data).read()
    here = state_reader.document(stream, stream.schema or schema)
    paths = list(leaves({k: dump[k] for k in ("stream", "records", "summary")}))
    for path in paths[::max(1, len(paths) // 150)]:
        for change in (change_leaf, remove_leaf):
            there = copy.deepcopy(dump)
            change(there, path)
            if not list(state_reader.differences(there, here)):
                yield f"{change.__name__}({path}) goes unnoticed"


def leaves(value, path=()):
    """The paths of all leaves of a document."""
    if isinstance(value, (dict, list)) and value:
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield from leaves(value[key], (*path, key))
    else:
        yield path


def change_leaf(whole, path):
    """Another value at a path."""
    for key in path[:-1]:
        whole = whole[key]
    old = whole[path[-1]]
    whole[path[-1]] = not old if isinstance(old, bool) else \
        old + 1 if isinstance(old, int) else [old]


def remove_leaf(whole, path):
    """No value at a path."""
    for key in path[:-1]:
        whole = whole[key]
    del whole[path[-1]]


def check_mutations(make, data, schema):
    """Streams that were made of one; of those that are sound, both show the same."""
    for name, other, expected in make(data):
        yield from check_verdict(name, other, expected)
        if expected == SOUND:
            yield from (f"{name}: {i}" for i in check_dump(other, schema))


def check_command(data):
    """The command line: exit statuses, one line for what is broken, the image."""
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch)
        (path / "good").write_bytes(data)
        (path / "bad").write_bytes(data[:-1])
        parts = Parts(data)
        parts.records.insert(-1, Record(STRANGE, b""))
        (path / "strange").write_bytes(parts.pack())
        for args, expected in ((["good"], 0), (["--json", "good"], 0), (["--verify", "good"], 0),
                               (["bad"], 1), (["--verify", "bad"], 1), (["strange"], 3),
                               (["nowhere"], 2), (["--device", "--verify", "good"], 0),
                               (["--image", "image", "good"], 0)):
            done = subprocess.run([sys.executable, READER, *args], cwd=path, capture_output=True,
                                  text=True, check=False)
            lines = done.stderr.count("\n")
            if done.returncode != expected or lines != bool(expected):
                yield f"{args}: status {done.returncode}, not {expected}; {done.stderr}"
        if (path / "image").read_bytes() != image_of(data):
            yield "the image is not what the extents say"


def image_of(data):
    """The namespace, by the four steps of the text."""
    image = bytearray()
    for record in Parts(data).records:
        if record.kind == IDENTITY:
            image = bytearray(struct.unpack_from("<Q", record.body, 24)[0])
        if record.kind in EXTENTS:
            slba, nlb = struct.unpack_from("<QQ", record.body, 8)
            content = record.body[24:] if record.kind == NS_DATA else bytes(512 * nlb)
            image[512 * slba:512 * (slba + nlb)] = content
    return image


def check_image(data):
    """A namespace that was resized begins anew."""
    for name, other, expected in extents(data):
        if expected == SOUND:
            yield from image_complaints(name, other)


def image_complaints(name, data):
    """The reader's image is that of the four steps."""
    with tempfile.TemporaryFile() as out:
        state_reader.write_image(state_reader.Reader(data).read(), out)
        out.seek(0)
        if out.read() != image_of(data):
            yield f"{name}: the image is not what the extents say"


# What is tested

MADE = {"good": SOUND, "optional": SOUND, "required": UNKNOWN, "flipped": BROKEN,
        "truncated": BROKEN, "headless": BROKEN, "empty": BROKEN, "swapped": BROKEN,
        "trailing": BROKEN, "foreign": BROKEN, "miscounted": BROKEN}


def made(kind):
    """A stream of make_stream."""
    return subprocess.run([MAKE_STREAM, kind], capture_output=True, check=True).stdout


def check_made(kind, expected, schema):
    """A stream of make_stream is what its name says; values need not be those of a device."""
    data = made(kind)
    status, reason = reader_verdict(data, device=False)
    if status != expected:
        yield f"the reader says {status} ({reason}), not {expected}"
    if expected != BROKEN:
        yield from check_dump(data, schema)
    if expected != SOUND and vfiomig("verify", "-", data=data)[0] == 0:
        yield "vfiomig verify accepts it"


def stored_streams():
    """Streams in files."""
    paths = sorted((HERE / "streams").glob("*.bin")) + [pathlib.Path(i) for i in sys.argv[1:]]
    return [(i.name, i.read_bytes()) for i in paths]


def full_schema(streams):
    """The first SCHEMA that describes framing too."""
    for _, data in streams:
        status, _ = reader_verdict(data, device=False)
        schema = state_reader.Reader(data).read().schema if status == SOUND else None
        if schema and schema.framing("stream-header"):
            return schema
    return None


def text_streams(schema):
    """The text's example, and the same with the text's record and what explains it."""
    both = Schema(schema.record.body)
    both.append(Schema(text_schema()))
    yield "the text's example", text_stream()
    yield "the text's example with a schema", sensors_stream(both.pack())


def stream_tests(name, data, schema):
    """The tests of a stream: a name, a function and arguments each."""
    yield f"{name}: sound", check_verdict, ("as it is", data, SOUND)
    yield f"{name}: same as dump", check_dump, (data, schema)
    yield f"{name}: the comparison sees changes", check_comparison, (data, schema)
    yield f"{name}: image", check_image, (data,)
    for make in MUTATIONS:
        yield f"{name}: {make.__name__}", check_mutations, (make, data, schema)


def all_tests():
    """All tests."""
    stored = stored_streams()
    schema = full_schema(stored)
    yield "CRC-32C", check_crc, ()
    yield "the text's schema", check_sensors, (text_schema(),)
    yield "the command line", check_command, (text_stream(),)
    yield "a stream with a complete SCHEMA is there", check_present, (schema,)
    for kind, expected in MADE.items():
        yield f"make_stream {kind}", check_made, (kind, expected, schema)
    for name, data in (*(text_streams(schema) if schema else ()), *stored):
        yield from stream_tests(name, data, schema)


def check_present(what):
    """There is something to test."""
    if not what:
        yield "there are none"


def main():
    """Run all tests, print KTAP."""
    sys.setrecursionlimit(10000)
    tests = list(all_tests())
    print(f"KTAP version 1\n1..{len(tests)}")
    failed = 0
    for number, (name, check, args) in enumerate(tests, 1):
        complaints = list(check(*args))
        for complaint in complaints:
            print("#", complaint)
        failed += bool(complaints)
        print("not ok" if complaints else "ok", number, name, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
