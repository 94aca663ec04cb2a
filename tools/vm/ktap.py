#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Count the results of KTAP output: ktap.py FILE

Prints "PASSED FAILED SKIPPED" and then one line for each result that is not a
plain pass. A document without a plan, with fewer results than planned or with
numbers out of order counts as a failure, and so does a file without any
document.
"""

import re
import sys

PREFIX = re.compile(r"(?:  |# )*")
VERSION = re.compile(r"K?TAP version \d+$")
PLAN = re.compile(r"1\.\.(\d+)(?: # SKIP ?(.*))?$")
SUBTEST = re.compile(r"(?:# )?Subtest: ")
RESULT = re.compile(r"(not )?ok (\d+)(?: -)? ?([^#]*)(?:# ?(.*))?$")


class Document:
    """One KTAP document; nested ones are deeper by their prefix."""

    def __init__(self, depth):
        self.depth = depth
        self.plan = None
        self.results = 0
        self.failed = False


class Counter:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.notes = []
        self.open = []              # documents being read, outermost first
        self.seen = False           # any document at all
        self.announced = False      # a nested document follows that has no version line
        self.child = None           # the nested document that ended last

    def fail(self, text):
        self.failed += 1
        self.notes.append("failed: " + text)

    def close(self, depth):
        """End every document at this depth or deeper."""
        while self.open and self.open[-1].depth >= depth:
            document = self.open.pop()
            if document.plan is None:
                self.fail("a document without a plan")
                document.failed = True
            elif document.plan != document.results:
                self.fail(f"{document.results} results of {document.plan} planned: cut short")
                document.failed = True
            self.child = document

    def result(self, document, negated, number, name, directive):
        document.results += 1
        if int(number) != document.results:
            self.fail(f"result {number} where {document.results} was due ({name})")
        kind, _, reason = (directive or "").partition(" ")
        kind = kind.upper().rstrip(":")
        child, self.child = self.child, None

        if kind == "SKIP":
            self.skipped += 1
            self.notes.append(f"skipped: {name}: {reason.strip() or 'no reason given'}")
        elif negated and kind == "TODO":
            self.skipped += 1
            self.notes.append(f"skipped: {name}: TODO {reason}")
        elif negated:
            document.failed = True
            # The failures inside have been counted; without any, this is news.
            if not (child and child.failed):
                self.fail(f"{name} {directive or ''}".strip())
        elif child is None:
            self.passed += 1
            if kind == "XFAIL":
                self.notes.append(f"expected failure: {name}: {reason}")
        elif child.failed:
            self.fail(f"{name} passed although one of its own tests failed")

    def line(self, line):
        prefix = PREFIX.match(line).group()
        depth, text = len(prefix) // 2, line[len(prefix):].rstrip()
        if VERSION.match(text):
            self.close(depth)
            self.child = None       # nothing that follows sums up what has ended here
            self.open.append(Document(depth))
            self.seen = True
            return
        if SUBTEST.match(text):
            self.announced = True
            return
        match = PLAN.match(text)
        if match and self.announced and self.open and depth > self.open[-1].depth:
            self.announced = False
            self.open.append(Document(depth))
        if not any(d.depth == depth for d in self.open):
            return                  # a comment that only looks like a result
        if match:
            self.close(depth + 1)
            self.open[-1].plan = int(match[1])
            if match[2] is not None:
                self.skipped += 1
                self.notes.append(f"skipped: all: {match[2]}")
            return
        match = RESULT.match(text)
        if match:
            self.close(depth + 1)
            self.result(self.open[-1], match[1], match[2], match[3].strip(), match[4])

    def end(self):
        self.close(0)
        if not self.seen:
            self.fail("no KTAP in the output")


def main():
    counter = Counter()
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        for line in file:
            counter.line(line.replace("\r", ""))
    counter.end()
    print(counter.passed, counter.failed, counter.skipped)
    print("\n".join(counter.notes))


if __name__ == "__main__":
    main()
