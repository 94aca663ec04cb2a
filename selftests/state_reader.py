#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
An independent reader of mdevsim's device-state stream.

Written from Documentation/state-stream.rst alone and sharing nothing with the
driver and vfiomig, so that a mistake in them, or in the text, shows as a
difference. Framing, the namespace and a few cross references are read by the
layouts that the text gives; what is printed is decoded by the stream's own
SCHEMA and by nothing else. A stream of version 1.0 has none: only its framing is
printed, unless --schema-of names a stream to borrow a SCHEMA from.

Exit status: 0 sound, 1 broken, 2 wrong usage or no such file, 3 sound but for
something required that is unknown, or (--compare) different.
"""

import argparse
import json
import struct
import sys
import uuid
from dataclasses import dataclass, field

import state_values
from state_schema import Decoder, Schema, shown
from state_values import Refusal, require

MAGIC = b"mdevsim\x1a"
HEADER = struct.Struct("<8sHHIQQ16s12sI")
RECORD = struct.Struct("<HHIHHIQ")
TRAILER = struct.Struct("<II")
ALIGN = 8
OPTIONAL = 1

IDENTITY, SCHEMA, PCI_CONFIG, NVME_LOGS, NS_DATA, NS_ZERO, END = 1, 2, 3, 10, 32, 33, 255
# type: (name, least bytes, most bytes for any reader, for a device); all of version 1
TYPES = {
    1: ("identity", 128, 128, 128), 2: ("schema", 16, 16384, 16384),
    3: ("pci-config", 256, 256, 256), 4: ("irq", 16, 1 << 24, 1040),
    5: ("nvme-regs", 48, 48, 48), 6: ("nvme-admin", 32, 32, 32),
    7: ("nvme-queues", 56, 1 << 24, 3080), 8: ("nvme-features", 8, 1 << 40, 1544),
    9: ("nvme-aer", 56, 56, 56), 10: ("nvme-logs", 584, 584, 584),
    32: ("ns-data", 24, 1 << 62, 24 + (1 << 20)), 33: ("ns-zero", 24, 24, 24),
    34: ("synthetic", 16, 1 << 32, 16 + (1 << 20)),
    255: ("end", 16, 16, 16),
}
MAX_SKIPPED = (1 << 62) - 1
BLOCK = 512
EXTENT_BLOCKS = 8

CONTROL = frozenset(range(PCI_CONFIG, NVME_LOGS + 1))


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC_TABLE = _crc_table()


def crc32c(data):
    """CRC-32C of bytes."""
    crc, table = 0xffffffff, CRC_TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


@dataclass
class Record:
    """A record of the stream and where it stands."""
    offset: int
    type: int
    flags: int
    sequence: int
    version: int
    reserved: int
    instance: int
    length: int
    body: bytes = b""
    crc: int = 0
    framing: tuple = ()     # bytes of header and trailer

    @property
    def known(self):
        """Type and version are ones of the specification."""
        return self.type in TYPES and self.version == 1

    @property
    def optional(self):
        """Whoever does not know it skips it."""
        return bool(self.flags & OPTIONAL)

    def __str__(self):
        name = TYPES[self.type][0] if self.type in TYPES else f"type {self.type}"
        return f"record {self.sequence} ({name}, version {self.version}) at byte {self.offset}"


@dataclass
class Stream:
    """All that was read."""
    header: bytes
    minor: int
    header_size: int
    size: int
    records: list = field(default_factory=list)
    schema: object = None
    namespace_size: int = 0
    extents: list = field(default_factory=list)
    unknown: list = field(default_factory=list)


# Framing

def read_header(data):
    """The stream header, checked in the order of the specification."""
    where = "stream header"
    require(len(data) >= len(MAGIC), "ENODATA", where, "the stream ends before its magic does")
    require(data.startswith(MAGIC), "EILSEQ", where, "the magic is missing")
    require(len(data) >= HEADER.size, "ENODATA", where, "the stream ends in its header")
    _, major, minor, size, required, _, _, reserved, crc = HEADER.unpack_from(data)
    require(major == 1, "EOPNOTSUPP", where, f"the major version is {major}, not 1")
    actual = crc32c(data[:HEADER.size - 4])
    require(crc == actual, "EBADMSG", where, f"the checksum is {crc:#010x}, not {actual:#010x}")
    require(not required, "EOPNOTSUPP", where, f"required features {required:#x} are unknown")
    require(not any(reserved), "EPROTO", where, "reserved is not zero")
    require(64 <= size <= 4096 and size % ALIGN == 0, "EPROTO", where,
            f"header_size is {size}, not a multiple of 8 from 64 to 4096")
    require(len(data) >= size, "ENODATA", where, "the stream ends in its header")
    return Stream(data[:HEADER.size], minor, size, len(data))


class Order:
    """Decides which records may come next."""
    START, SCHEMA_NEXT, BULK = range(3)

    def __init__(self, minor):
        self.place = self.START
        self.after_start = self.SCHEMA_NEXT if minor >= 1 else self.BULK
        self.missing = set(CONTROL)

    def accept(self, record):
        """Refuse a record that may not stand here."""
        if self.place == self.START:
            require(record.known and record.type == IDENTITY, "EPROTO", record,
                    "identity has to come first")
            self.place = self.after_start
        elif self.place == self.SCHEMA_NEXT:
            require(record.type == SCHEMA, "EPROTO", record, "schema has to come second")
            self.place = self.BULK
        else:
            require(record.type != SCHEMA, "EPROTO", record, "schema stands only second, from 1.1")
            if record.known:
                self._advance(record)

    def _advance(self, record):
        if record.type in (IDENTITY, NS_DATA, NS_ZERO):
            require(self.place == self.BULK, "EPROTO", record, "it comes behind a control record")
            return
        if record.type == END:
            names = ", ".join(TYPES[i][0] for i in sorted(self.missing))
            require(not self.missing, "EPROTO", record, f"{names} did not come before it")
        # control records and END come in the order of their types
        require(record.type > self.place, "EPROTO", record, "it comes too late")
        self.missing.discard(record.type)
        self.place = record.type


class Reader:
    """Takes a stream apart and checks it while doing so."""

    def __init__(self, data, device=False):
        self.data = data
        self.device = device
        self.stream = read_header(data)
        self.order = Order(self.stream.minor)
        self.at = self.stream.header_size

    def read(self):
        """The whole stream, found sound."""
        while self.order.place != END:
            record = self._frame()
            self.stream.records.append(record)
            if record.known:
                self._take(record)
            elif not record.optional:
                self.stream.unknown.append(record)
        require(self.at == len(self.data), "EPROTO", f"byte {self.at}",
                f"{len(self.data) - self.at} bytes follow END")
        return self.stream

    def _frame(self):
        record = self._record_header()
        self._check_length(record)
        padded = -(-record.length // ALIGN) * ALIGN
        start = self.at + RECORD.size
        end = start + padded
        require(end + TRAILER.size <= len(self.data), "ENODATA", record, "the stream ends in it")
        record.body = self.data[start:start + record.length]
        require(not any(self.data[start + record.length:end]), "EPROTO", record,
                "padding is not zero")
        record.crc, reserved = TRAILER.unpack_from(self.data, end)
        record.framing = (self.data[self.at:start], self.data[end:end + TRAILER.size])
        actual = crc32c(self.data[self.at:end])
        require(record.crc == actual, "EBADMSG", record,
                f"the checksum is {record.crc:#010x}, not {actual:#010x}")
        require(not reserved, "EPROTO", record, "reserved of the trailer is not zero")
        self.at = end + TRAILER.size
        return record

    def _record_header(self):
        index = len(self.stream.records)
        require(self.at + RECORD.size <= len(self.data), "ENODATA", f"record {index}",
                f"the stream ends at byte {len(self.data)}, before END")
        record = Record(self.at, *RECORD.unpack_from(self.data, self.at))
        require(record.sequence == index, "EPROTO", record, f"sequence is not {index}")
        require(not record.flags & ~OPTIONAL, "EPROTO", record,
                f"flags {record.flags:#x} have an unknown bit")
        require(not record.reserved, "EPROTO", record, "reserved is not zero")
        self.order.accept(record)
        require(not record.known or not record.instance, "EPROTO", record,
                f"instance is {record.instance}, not 0")
        return record

    def _check_length(self, record):
        least, most = 0, MAX_SKIPPED
        if record.known:
            _, least, most, device_most = TYPES[record.type]
            most = device_most if self.device else most
        require(least <= record.length <= most, "EMSGSIZE", record,
                f"length is {record.length}, not from {least} to {most}")

    def _take(self, record):
        state_values.check_reserved(record, record.type, record.body)
        state_values.check_counts(record, record.type, record.body)
        takers = {IDENTITY: self._take_identity, SCHEMA: self._take_schema,
                  NS_DATA: self._take_extent, NS_ZERO: self._take_extent, END: self._take_end}
        if record.type in takers:
            takers[record.type](record)
        if record.type == IDENTITY and self.device:
            state_values.check_identity(record, record.body)
        if record.type == END and self.device:
            state_values.check_control(self.stream.records)

    def _take_identity(self, record):
        size, = struct.unpack_from("<Q", record.body, 24)
        require(size and size % (EXTENT_BLOCKS * BLOCK) == 0, "EINVAL", record,
                f"namespace_size is {size}, not a multiple of 4096 from 4096 on")
        self.stream.namespace_size = size
        self.stream.extents.clear()

    def _take_schema(self, record):
        self.stream.schema = Schema(record)

    def _take_extent(self, record):
        nsid, _, slba, blocks = struct.unpack_from("<IIQQ", record.body)
        require(nsid == 1, "EINVAL", record, f"nsid is {nsid}, not 1")
        require(slba % EXTENT_BLOCKS == 0 and blocks % EXTENT_BLOCKS == 0 and blocks, "EINVAL",
                record, f"{blocks} blocks from {slba} on are not whole multiples of 8 blocks")
        require((slba + blocks) * BLOCK <= self.stream.namespace_size, "EINVAL", record,
                f"{blocks} blocks from {slba} on go past the end of the namespace")
        if record.type == NS_DATA:
            require(record.length == 24 + blocks * BLOCK, "EMSGSIZE", record,
                    f"length is {record.length}, which {blocks} blocks do not make")
        self.stream.extents.append(record)

    def _take_end(self, record):
        records, size = struct.unpack("<QQ", record.body)
        require(records == record.sequence, "EPROTO", record,
                f"records is {records}, not {record.sequence}")
        require(size == record.offset, "EPROTO", record, f"bytes is {size}, not {record.offset}")


def check_described(stream):
    """SCHEMA keeps its promise: it describes framing and every record. A device does without."""
    if not stream.schema:
        return
    for name in ("stream-header", "record-header", "record-trailer"):
        require(stream.schema.framing(name), "EINVAL", stream.schema.record,
                f"it does not describe the {name}")
    for record in stream.records:
        require(stream.schema.table_of(record.type, record.version), "EINVAL", record,
                "SCHEMA does not describe it")


def write_image(stream, out):
    """The namespace as the extents leave it."""
    out.truncate(stream.namespace_size)
    for record in stream.extents:
        slba, blocks = struct.unpack_from("<QQ", record.body, 8)
        out.seek(slba * BLOCK)
        if record.type == NS_DATA:
            out.write(record.body[24:])
            continue
        for _ in range(blocks // EXTENT_BLOCKS):
            out.write(bytes(EXTENT_BLOCKS * BLOCK))


# What is printed

HEADER_NAMES = ("magic", "version_major", "version_minor", "header_size", "required", "optional",
                "session", "reserved", "crc")


def header_values(stream, decoder):
    """The stream header by SCHEMA, or by the names that the specification gives."""
    if decoder:
        table = decoder.schema.framing("stream-header")
        if not table:
            return {}
        require(table.size <= len(stream.header), "EMSGSIZE", "stream header",
                f"SCHEMA says that it has {table.size} bytes")
        return decoder.structure(table, stream.header)
    values = dict(zip(HEADER_NAMES, HEADER.unpack(stream.header)))
    return {**values, "magic": shown(MAGIC), "reserved": 0,
            "session": str(uuid.UUID(bytes=values["session"]))}


def record_values(record, decoder):
    """A record as dump shows it."""
    table = decoder and decoder.schema.table_of(record.type, record.version)
    name = TYPES[record.type][0] if record.type in TYPES else "unknown"
    values = {"record": decoder.schema.string(table.name) if table else name}
    for what in ("type", "version", "sequence", "instance", "offset", "length", "optional", "crc"):
        values[what] = getattr(record, what)
    values["unexplained"] = record.length
    if decoder:
        for what, data in zip(("header", "trailer"), record.framing):
            values[what] = framing_values(decoder, f"record-{what}", data)
    if table:
        values["fields"], values["unexplained"] = decoder.body(record, table)
    values["unexplained"] += unexplained_framing(decoder, RECORD.size, "record-header") + \
        unexplained_framing(decoder, TRAILER.size, "record-trailer")
    return values


def framing_values(decoder, name, data):
    """A part of a record's framing; empty when SCHEMA does not describe all of it."""
    table = decoder.schema.framing(name)
    return decoder.structure(table, data) if table and table.size == len(data) else {}


def unexplained_framing(decoder, size, name):
    """Bytes of a part of the framing that a SCHEMA does not describe."""
    table = decoder and decoder.schema.framing(name)
    if decoder:
        return max(0, size - (table.size if table else 0))
    return 0


def document(stream, schema):
    """All of a stream, in the shape that "vfiomig dump --json --data" prints."""
    decoder = Decoder(schema) if schema else None
    records = [record_values(i, decoder) for i in stream.records]
    unexplained = sum(i["unexplained"] for i in records) + stream.header_size - HEADER.size + \
        unexplained_framing(decoder, HEADER.size, "stream-header")
    sent = sum(len(i.body) - 24 for i in stream.records if i.known and i.type == NS_DATA)
    return {
        "version": 1,
        "stream": header_values(stream, decoder),
        "described_by": "stream" if schema and schema is stream.schema else "framing",
        "records": records,
        "summary": {"records": len(records), "namespace_bytes": sent, "bytes": stream.size,
                    "explained": stream.size - unexplained, "unexplained": unexplained},
    }


# Comparison

def flatten(value, path=""):
    """Every leaf of a document, by its path; what is empty counts as one."""
    if isinstance(value, dict) and value:
        return {k: v for name, inner in value.items()
                for k, v in flatten(inner, f"{path}.{name}").items()}
    if isinstance(value, list) and value:
        return {k: v for at, inner in enumerate(value)
                for k, v in flatten(inner, f"{path}[{at}]").items()}
    return {path: value}


def normalised(whole):
    """Without what is about the program and not the stream."""
    return flatten({k: v for k, v in whole.items() if k in ("stream", "records", "summary")})


def brief(value):
    """A value that fits a line."""
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:60]}... ({len(text)} characters)"


def differences(there, here):
    """A line for each path that differs; types count, so that true is not 1."""
    there, here = normalised(there), normalised(here)
    missing = object()
    for path in dict.fromkeys([*there, *here]):
        left, right = there.get(path, missing), here.get(path, missing)
        if left != right or type(left) is not type(right):
            left, right = ("missing" if i is missing else brief(i) for i in (left, right))
            yield f"{path[1:]}: there {left}, here {right}"


# Command line

def read_file(path):
    """A file, or standard input."""
    if path == "-":
        return sys.stdin.buffer.read()
    with open(path, "rb") as file:
        return file.read()


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description="read a device-state stream of mdevsim")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="print all of it (the default)")
    what.add_argument("--verify", action="store_true", help="only check it")
    what.add_argument("--compare", metavar="DUMP.json",
                      help='compare it with what "vfiomig dump --json --data" printed')
    what.add_argument("--image", metavar="OUT", help="write the contents of the namespace")
    parser.add_argument("--device", action="store_true",
                        help="check values and limits as a device does")
    parser.add_argument("--schema-of", metavar="STREAM",
                        help="decode a stream that has no SCHEMA by the one of another")
    parser.add_argument("stream", metavar="STREAM", help="file, - for standard input")
    return parser.parse_args()


def summary(stream):
    """One line that says where every byte went."""
    header, records = stream.header_size, len(stream.records)
    framed = sum(RECORD.size + -(-i.length // ALIGN) * ALIGN + TRAILER.size
                 for i in stream.records)
    assert header + framed == stream.size
    return (f"{records} records, {stream.size} bytes: {header} of the header,"
            f" {framed} of records, none unaccounted for")


def compare(path, whole):
    """Print the differences from a dump, return how many there are."""
    lines = list(differences(json.loads(read_file(path)), whole))
    for line in lines:
        print(line)
    return len(lines)


def run(args):
    """Do as told, return the exit status."""
    stream = Reader(read_file(args.stream), args.device).read()
    status = 3 if stream.unknown else 0
    for record in stream.unknown:
        print(f"{args.stream}: {record}: is required but not known (EOPNOTSUPP)", file=sys.stderr)
    schema = stream.schema
    if not schema and args.schema_of:
        schema = Reader(read_file(args.schema_of)).read().schema
    if args.image:
        if not status:
            with open(args.image, "wb") as out:
                write_image(stream, out)
        return status
    whole = document(stream, schema)
    if args.verify:
        check_described(stream)
        print(summary(stream))
    elif args.compare:
        status = 3 if compare(args.compare, whole) else status
    else:
        json.dump(whole, sys.stdout, indent=2)
        print()
    return status


def main():
    """Run and turn what is wrong into a line and an exit status."""
    sys.setrecursionlimit(10000)
    args = arguments()
    try:
        return run(args)
    except Refusal as refusal:
        print(f"{args.stream}: {refusal}", file=sys.stderr)
        return 3 if refusal.error == "EOPNOTSUPP" else 1
    except OSError as error:
        print(f"state_reader: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
