# SPDX-License-Identifier: GPL-2.0
"""What the tests here share: programs, framing of streams, KTAP."""

import json
import os
import struct
import subprocess
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.join(HERE, "../..")
VFIOMIG = os.environ.get("VFIOMIG", f"{TOP}/build/tools/vfiomig")
MAKE_STREAM = os.environ.get("MAKE_STREAM", f"{TOP}/build/selftests/lm/make_stream")

HEADER_SIZE_AT = 12
RECORD = struct.Struct("<HHIHHIQ")
TRAILER = struct.Struct("<II")


class Failure(Exception):
    """A sentence for people."""


def make_stream(kind):
    return subprocess.run([MAKE_STREAM, kind], stdout=subprocess.PIPE, check=True).stdout


def bodies(stream):
    """Type and body of each record."""
    at, = struct.unpack_from("<I", stream, HEADER_SIZE_AT)
    while at < len(stream):
        kind, *_, length = RECORD.unpack_from(stream, at)
        at += RECORD.size
        yield kind, stream[at:at + length]
        at += -(-length // 8) * 8 + TRAILER.size


def dump(stream):
    """All that vfiomig has to say of a stream, as data."""
    done = subprocess.run([VFIOMIG, "-j", "dump", "-"], input=stream, stdout=subprocess.PIPE,
                          check=False)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise Failure(f"vfiomig dump, exit status {done.returncode}: {error}") from error


def run_tests(tests):
    """Run (name, function, arguments...); whether all of them passed."""
    print(f"KTAP version 1\n1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, test, *arguments) in enumerate(tests, 1):
        result = "ok"
        try:
            test(*arguments)
        except Failure as failure:
            result = "not ok"
            print("#", str(failure).replace("\n", "\n# "))
        except Exception:           # pylint: disable=broad-except
            result = "not ok"
            print("#", traceback.format_exc().replace("\n", "\n# "))
        failed += result != "ok"
        print(f"{result} {number} {name}", flush=True)
    return not failed
