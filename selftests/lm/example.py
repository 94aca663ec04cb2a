#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The examples in Documentation/state-stream.rst are what they say they are.

The complete stream is, byte for byte, what the driver's code writes. The small
schema is put into a stream together with a record that it describes, and
vfiomig, which knows no such record, reads out of it what the text reads.
Prints KTAP.
"""

import re
import struct
import sys

from lm import RECORD, TOP, TRAILER, Failure, bodies, dump, make_stream, run_tests

TEXT = f"{TOP}/Documentation/state-stream.rst"
ROW = re.compile(r"   ([0-9a-f]{8})  ((?:[0-9a-f]{2} {1,2}){1,16}) *\|.{1,16}\|$")
END = re.compile(r"   ([0-9a-f]{8})$")

SCHEMA, CONTROL, NS_DATA, NEW, END_TYPE = 2, 3, 32, 200, 255
NEW_VERSION = 7
OPTIONAL = 1

EXPECTED = {
    "count": 2,
    "state": {"value": 0x31, "HOT": 1, "LEVEL": 3},
    "reserved": 0,
    "sample": [
        {"value": 295, "place": {"value": 0, "name": "inlet"}, "reserved": 0},
        {"value": 310, "place": {"value": 1, "name": "outlet"}, "reserved": 0},
    ],
}


def hex_blocks():
    """What each hexadecimal dump of the text shows: place of its first byte, bytes."""
    start, data, repeat = None, b"", False
    with open(TEXT, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for line in lines:
        row, end = ROW.match(line), END.match(line)
        if line == "   *":
            repeat = True
        if not row and not end:
            continue
        at = int((row or end)[1], 16)
        start = at if start is None else start
        if repeat:
            data += data[-16:] * ((at - start - len(data)) // 16)
        repeat = False
        if at != start + len(data):
            raise Failure(f"{len(data)} bytes from {start:#x} on, and then: {line}")
        if row:
            data += bytes.fromhex(row[2])
        else:
            yield start, data
            start, data = None, b""


def examples():
    """The stream, the schema and the record's body."""
    found = []
    for start, data in hex_blocks():
        if start == 0:
            found.append(b"")
        if start != len(found[-1]):
            raise Failure(f"the block at {start:#x} does not follow on the one before it")
        found[-1] += data
    if len(found) != 3:
        raise Failure(f"{len(found)} examples, 3 were expected")
    return found


def test_stream():
    """The bytes in the text are those of make_stream."""
    text, made = examples()[0], make_stream("example")
    if text == made:
        return
    at = next((i for i, (a, b) in enumerate(zip(text, made)) if a != b), min(len(text), len(made)))
    raise Failure(f"{len(text)} bytes in the text, {len(made)} by the driver; "
                  f"byte {at:#x} is the first that differs")


def crc32c(data):
    """As the text has it, bit by bit."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82f63b78 if crc & 1 else crc >> 1
    return crc ^ 0xffffffff


class Writer:
    """A stream of version 1.1, by the text."""

    def __init__(self, header):
        fields = bytearray(header)
        struct.pack_into("<H", fields, 10, 1)
        struct.pack_into("<I", fields, 60, crc32c(fields[:60]))
        self.stream = bytes(fields)
        self.records = 0

    def add(self, kind, body, version=1, flags=0):
        record = RECORD.pack(kind, flags, self.records, version, 0, 0, len(body)) + body
        record += bytes(-len(body) % 8)
        self.stream += record + TRAILER.pack(crc32c(record), 0)
        self.records += 1

    def add_end(self):
        self.add(END_TYPE, struct.pack("<QQ", self.records, len(self.stream)))


def stream_with(schema, body):
    """The example with a schema that knows one record, and with that record."""
    example = examples()[0]
    (identity_type, identity), *rest = bodies(example)
    writer = Writer(example[:64])
    writer.add(identity_type, identity)
    writer.add(SCHEMA, schema, flags=OPTIONAL)
    writer.add(NEW, body, NEW_VERSION, OPTIONAL)
    for kind, control in rest:
        if CONTROL <= kind < NS_DATA:
            writer.add(kind, control)
    writer.add_end()
    return writer.stream


def test_schema():
    """vfiomig reads out of the record what the text reads out of it."""
    _, schema, body = examples()
    found = [record for record in dump(stream_with(schema, body))["records"]
             if record["type"] == NEW]
    if len(found) != 1:
        raise Failure(f"{len(found)} records of type {NEW}")
    record = found[0]
    if (record["record"], record["fields"]) != ("sensors", EXPECTED):
        raise Failure(f"a record {record['record']}, {record['fields']}")
    # The schema says nothing of framing.
    if record["unexplained"] != RECORD.size + TRAILER.size:
        raise Failure(f"{record['unexplained']} bytes are unexplained")


def main():
    tests = [
        ("the example is what the driver writes", test_stream),
        ("the schema describes the record", test_schema),
    ]
    return 0 if run_tests(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
