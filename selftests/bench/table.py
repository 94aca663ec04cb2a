#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make a table of lines as figure.h describes them, each as it comes."""

import operator
import sys

COMPARE = {"<=": operator.le, ">=": operator.ge}
ROW = "{:<43} {:>8}  {:<9} {:<6} {}"


def verdict(value, aim):
    if not aim:
        return ""
    relation, bound = aim.split()
    return "met" if COMPARE[relation](float(value), float(bound)) else "MISSED"


print(ROW.format("figure", "value", "aim", "", "from"))
for line in sys.stdin:
    name, value, aim, raw = line.rstrip("\n").split("\t")
    print(ROW.format(name, value, aim, verdict(value, aim), raw), flush=True)
