#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""nvme-cli and vfiomig read the same out of the nvme-queues record.

The record is the Controller State of NVMe TP4159, verbatim. The unmodified
"nvme lm migration-recv" is given it as if a controller had returned it, and
each field that it prints is compared with what "vfiomig dump" says of the
stream. Prints KTAP.

How nvme-cli 2.13 prints has defects, which are no concern of the record:

 * JSON lists submission queues where completion queues belong: the text is read
 * PRP Entry 1 is "0x" and a decimal number: which of the two is found out first
 * IOCQIV is masked like IEN: the vector is in IOCQA, which is compared whole
 * head and tail of completion queues are labelled IOSQHP and IOSQTP
"""

import glob
import os
import re
import struct
import subprocess
import sys
import tempfile

from lm import HERE, TOP, Failure, bodies, dump, make_stream, run_tests

MIGRATION_RECV = os.environ.get("MIGRATION_RECV", f"{TOP}/build/selftests/lm/migration_recv.so")

NVME_QUEUES = 7
HEAD = struct.Struct("<HB13x4QHHH2x")   # up to the first queue
QUEUE_SIZE = 24

# Where TP4159 has what we call so; bits are behind a dot
CONTAINER = {"VER": "version", "CSATTR": "attributes", "NVMECSS": "nvme_size",
             "VSS": "vendor_size"}
STATE = {"VER": "nvme_version", "NIOSQ": "nr_sqs", "NIOCQ": "nr_cqs"}
SQ = {"IOSQPRP1": "prp1", "IOSQQSIZE": "size", "IOSQQID": "qid", "IOSQCQID": "cqid",
      "IOSQA": "attributes", "IOSQQPRIO": "attributes.QPRIO", "IOSQPC": "attributes.PC",
      "IOSQHP": "head", "IOSQTP": "tail"}
CQ = {"IOCQPRP1": "prp1", "IOCQQSIZE": "size", "IOCQQID": "qid", "IOSQHP": "head",
      "IOSQTP": "tail", "IOCQHP": "head", "IOCQTP": "tail", "IOCQA": "attributes",
      "S0PT": "attributes.S0PT", "IOCQIEN": "attributes.IEN", "IOCQPC": "attributes.PC"}
IGNORED = {"IOCQIV"}

# Fields of queues: offset and width in bytes
SQ_PLACES = {"prp1": (0, 8), "size": (8, 2), "qid": (10, 2), "cqid": (12, 2),
             "attributes": (14, 2), "head": (16, 2), "tail": (18, 2)}
CQ_PLACES = {"prp1": (0, 8), "size": (8, 2), "qid": (10, 2), "head": (12, 2), "tail": (14, 2),
             "attributes": (16, 4)}

SECTIONS = [
    (re.compile(r"Header:$"), "", CONTAINER),
    (re.compile(r"NVMe Controller State Data Structure:$"), "", STATE),
    (re.compile(r"NVMe I/O Submission Queue Data \[(\d+)\]:$"), "sq", SQ),
    (re.compile(r"NVMe I/O Completion Queue Data \[(\d+)\]:$"), "cq", CQ),
]
VALUE = re.compile(r".*\((\w+)\) *: (\w+)$")
BITS = re.compile(r" +\[\d+:\d+\] : (\w+) .*\((\w+)\)$")


def record_of(stream):
    found = [body for kind, body in bodies(stream) if kind == NVME_QUEUES]
    if len(found) != 1:
        raise Failure(f"{len(found)} nvme-queues records")
    return found[0]


def migration_recv(state):
    """What nvme-cli prints of a Controller State."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(state)
        file.flush()
        done = subprocess.run(["nvme", "lm", "migration-recv", "/dev/null", "--sel=0", "--cntlid=1",
                               f"--numd={len(state) // 4 - 1}", "--human-readable"],
                              env={**os.environ, "LD_PRELOAD": MIGRATION_RECV,
                                   "CONTROLLER_STATE": file.name},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    if done.returncode:
        raise Failure(f"nvme-cli, exit status {done.returncode}: {done.stdout}")
    return done.stdout


def section_of(line):
    """What begins at this line: where its fields are, and their names."""
    for pattern, path, names in SECTIONS:
        match = pattern.match(line)
        if match:
            return f"{path}[{int(match[1])}]." if path else path, names
    return None


def number(text, name, prp_base):
    if name.endswith("PRP1"):
        return int(text.removeprefix("0x"), prp_base)
    return int(text, 0)


def parse(text, prp_base):
    """Our names of fields, and the values that nvme-cli has for them."""
    fields = {}
    section = None
    for line in text.splitlines():
        section = section_of(line) or section
        bits, value = BITS.match(line), VALUE.match(line)
        if not section or not (bits or value):
            continue
        name, shown = (bits[2], bits[1]) if bits else (value[1], value[2])
        if name in IGNORED:
            continue
        path, names = section
        if name not in names:
            raise Failure(f"nvme-cli prints {name}, which is not known here: {line}")
        if path + names[name] in fields:
            raise Failure(f"nvme-cli prints {path + names[name]} twice")
        fields[path + names[name]] = number(shown, name, prp_base)
    return fields


def flat(fields, path=""):
    """What vfiomig says, by the same names."""
    out = {}
    for name, value in fields.items():
        if isinstance(value, list):
            for i, element in enumerate(value):
                out.update(flat(element, f"{path}{name}[{i}]."))
        elif isinstance(value, dict):
            out[path + name] = value["value"]
            out.update({f"{path}{name}.{bits}": part for bits, part in value.items()})
        else:
            out[path + name] = value
    return out


def queues_by_vfiomig(stream):
    for record in dump(stream)["records"]:
        if record["record"] == "nvme-queues":
            return flat(record["fields"])
    raise Failure("vfiomig finds no nvme-queues record")


def wanted_names(ours):
    """The fields that nvme-cli has to show, by what there is to be shown."""
    names = {*CONTAINER.values(), *STATE.values()}
    for kind, count, fields in ("sq", ours["nr_sqs"], SQ), ("cq", ours["nr_cqs"], CQ):
        names.update(f"{kind}[{i}].{name}" for i in range(count) for name in fields.values())
    return names


def differences(ours, theirs):
    """Names of fields that are not the same, or not there, on both sides."""
    names = wanted_names(ours) | set(theirs)
    return sorted(name for name in names
                  if name not in ours or ours[name] != theirs.get(name))


def find_prp_base():
    """In which base this nvme-cli prints addresses, by one that is known."""
    state = HEAD.pack(0, 1, 2 + 6, 0, 0, 0, 0, 1, 0) + struct.pack("<Q16x", 0x1234)
    text = migration_recv(state)
    for base in 10, 16:
        try:
            if parse(text, base)["sq[0].prp1"] == 0x1234:
                return base
        except ValueError:
            pass
    raise Failure(f"nvme-cli prints an address of 1234h in no known way: {text}")


def test_same(stream, least_queues):
    """Every field of every queue is the same."""
    state = record_of(stream)
    ours = queues_by_vfiomig(stream)
    if ours["nr_sqs"] + ours["nr_cqs"] < least_queues:
        raise Failure(f"{ours['nr_sqs']} + {ours['nr_cqs']} queues, {least_queues} were expected")
    text = migration_recv(state)
    theirs = parse(text, find_prp_base())
    wrong = differences(ours, theirs)
    if wrong:
        raise Failure("\n".join(f"{name}: {ours.get(name)}, by nvme-cli {theirs.get(name)}"
                                for name in wrong))
    if "Controller Suspended" not in text:
        raise Failure("the controller is not suspended to nvme-cli")


def mutations(state):
    """Fields, and bytes in them to be changed: of some queues of either sort, and of the rest."""
    nr_sqs, nr_cqs = HEAD.unpack_from(state)[-2:]
    for name, at in ("version", 0), ("nvme_version", 48):
        yield name, at
    for kind, first, count, places in (("sq", 0, nr_sqs, SQ_PLACES),
                                       ("cq", nr_sqs, nr_cqs, CQ_PLACES)):
        for i in 0, count // 2, count - 1:
            for name, (offset, width) in places.items():
                at = HEAD.size + (first + i) * QUEUE_SIZE + offset
                for byte in 0, width - 1:
                    yield f"{kind}[{i}].{name}", at + byte


def without_bits(name):
    return re.sub(r"(attributes)\..*", r"\1", name)


def test_wrong_field(stream):
    """A field that is wrong is found, and no other is blamed."""
    ours = queues_by_vfiomig(stream)
    state = record_of(stream)
    base = find_prp_base()
    for name, at in mutations(state):
        changed = bytearray(state)
        changed[at] ^= 1
        wrong = differences(ours, parse(migration_recv(changed), base))
        if {without_bits(found) for found in wrong} != {name}:
            raise Failure(f"{name} was changed at byte {at}, found were {wrong}")


def test_wrong_queue(stream):
    """Two queues that change places are found."""
    ours = queues_by_vfiomig(stream)
    state = record_of(stream)
    at, size = HEAD.size, QUEUE_SIZE
    swapped = state[:at] + state[at + size:at + 2 * size] + state[at:at + size] + \
        state[at + 2 * size:]
    wrong = differences(ours, parse(migration_recv(swapped), find_prp_base()))
    if not {"sq[0].qid", "sq[0].prp1", "sq[1].qid", "sq[1].prp1"} <= set(wrong):
        raise Failure(f"found were {wrong}")
    if any(not name.startswith(("sq[0].", "sq[1].")) for name in wrong):
        raise Failure(f"other queues were found different: {wrong}")


def test_short_state(stream):
    """A state that ends within its queues is not taken for a whole one."""
    ours = queues_by_vfiomig(stream)
    short = record_of(stream)[:-QUEUE_SIZE]
    if not differences(ours, parse(migration_recv(short), find_prp_base())):
        raise Failure("a queue was cut off, and nothing missed")


def main():
    many = make_stream("many")
    tests = [
        ("a controller after reset", test_same, make_stream("reset"), 0),
        ("a controller in use", test_same, make_stream("example"), 2),
        ("all queues there can be", test_same, many, 126),
        ("a wrong field is found", test_wrong_field, many),
        ("a wrong queue is found", test_wrong_queue, many),
        ("a missing queue is found", test_short_state, many),
    ]
    for path in sorted(glob.glob(f"{HERE}/../streams/*.bin")):
        with open(path, "rb") as file:
            tests.append((os.path.basename(path), test_same, file.read(), 0))
    return 0 if run_tests(tests) else 1


if __name__ == "__main__":
    sys.exit(main())
