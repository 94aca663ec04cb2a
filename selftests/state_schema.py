# SPDX-License-Identifier: GPL-2.0
"""
SCHEMA, as Documentation/state-stream.rst describes it: its rules, and how bytes
are decoded by it into what JSON can say, in the shape of "vfiomig dump --json".
"""

import struct
from dataclasses import dataclass

from state_values import require

RESERVED, UNSIGNED, BITS, CHARACTERS, BYTES, LBA, ADDRESS, ENUM, GROUP = range(9)
NUMBERS = (UNSIGNED, BITS, LBA, ADDRESS, ENUM)
NO_GROUP = 0xffff


@dataclass
class Table:
    """A structure."""
    name: int
    type: int
    version: int
    size: int
    first_field: int
    nr_fields: int


@dataclass
class Field:
    """A field of a structure."""
    name: int
    unit: int
    meaning: int
    offset: int
    width: int
    repeat: int
    counter: int
    kind: int
    nr_items: int
    first_item: int
    group: int

    @property
    def end(self):
        """Where the next one begins."""
        return self.offset + self.width * self.repeat


@dataclass
class Item:
    """A part or a value of a field that has a name."""
    name: int
    at: int
    width: int


class Schema:
    """A SCHEMA that was found sound."""
    HEADER = struct.Struct("<HHHHII")
    TABLE = struct.Struct("<6H")
    FIELD = struct.Struct("<7HBBHH")
    ITEM = struct.Struct("<3H")

    def __init__(self, record):
        self.record = record
        self.tables, self.fields, self.items = [], [], []
        self._split(record.body)
        for index, table in enumerate(self.tables):
            self._check_table(index, table)

    def _split(self, body):
        tables, fields, items, reserved0, text, reserved1 = self.HEADER.unpack_from(body)
        parts = ((self.TABLE, tables, Table, self.tables), (self.FIELD, fields, Field, self.fields),
                 (self.ITEM, items, Item, self.items))
        size = self.HEADER.size + sum(layout.size * count for layout, count, _, _ in parts) + text
        self._require(size == len(body), f"its parts make {size} bytes, not {len(body)}",
                      "EMSGSIZE")
        self._require(not reserved0 and not reserved1, "reserved0 or reserved1 is not zero")
        at = self.HEADER.size
        for layout, count, make, into in parts:
            end = at + layout.size * count
            into.extend(make(*values) for values in layout.iter_unpack(body[at:end]))
            at = end
        self.text = body[at:]
        self._require(self.text and not self.text[-1], "its text does not end with a zero byte")

    def _require(self, holds, rule, error="EINVAL"):
        require(holds, error, self.record, rule)

    def _check_texts(self, where, one):
        for what in ("name", "unit", "meaning"):
            self._require(getattr(one, what, 0) < len(self.text),
                          f"{what} of {where} is past the text")

    def _check_field(self, where, one):
        self._check_texts(f"a field of {where}", one)
        where = f"{self.string(one.name)} of {where}"
        self._require(one.first_item + one.nr_items <= len(self.items),
                      f"the items of {where} are past the last one")
        self._require(one.nr_items or not one.first_item, f"{where} has a first item but none")
        for item in self.items_of(one):
            self._check_texts(f"an item of {where}", item)
            self._require(one.kind != BITS or item.width and item.at + item.width <= 8 * one.width,
                          f"bits {self.string(item.name)} of {where} are not within it")
        self._require(one.width >= 1 and (one.kind not in NUMBERS or one.width <= 8),
                      f"width of {where} is {one.width}")

    def _check_group(self, where, index, one):
        if one.kind != GROUP:
            self._require(one.group == NO_GROUP, f"{where} is no group but has one")
            return
        self._require(index < one.group < len(self.tables),
                      f"{where} does not lead to a table behind its own")
        table = self.tables[one.group]
        self._require(table.type == 0 and table.size == one.width,
                      f"the table of {where} is not a group of {one.width} bytes")

    def _check_table(self, index, table):
        self._check_texts(f"table {index}", table)
        where = f"table {index} ({self.string(table.name)})"
        self._require(table.first_field + table.nr_fields <= len(self.fields),
                      f"the fields of {where} are past the last one")
        fields = self.fields_of(table)
        for one in fields:
            self._check_field(where, one)
            self._check_group(f"{self.string(one.name)} of {where}", index, one)
        fixed = [i for i in fields if i.repeat]
        self._require(all(i.repeat for i in fields[:len(fixed)]),
                      f"{where} has a counted field before another one")
        at = 0
        for one in fixed:
            self._require(one.offset == at and not one.counter,
                          f"{self.string(one.name)} of {where} does not begin at {at}"
                          " or has a counter")
            at = one.end
        self._require(at == table.size, f"the fields of {where} are {at} bytes, not {table.size}")
        for one in fields[len(fixed):]:
            self._check_counted(where, table, one)

    def _check_counted(self, where, table, one):
        name = f"{self.string(one.name)} of {where}"
        self._require(table.type, f"{name} is counted, but in no record")
        self._require(one.offset == table.size, f"{name} is counted, but not behind the structure")
        self._require(self.counter_of(table, one), f"{name} has no field that counts it")

    def string(self, at):
        """The string at an offset in the text."""
        return shown(self.text[at:self.text.index(0, at)])

    def fields_of(self, table):
        """The fields of a table."""
        return self.fields[table.first_field:table.first_field + table.nr_fields]

    def items_of(self, one):
        """The items of a field."""
        return self.items[one.first_item:one.first_item + one.nr_items]

    def counter_of(self, table, one):
        """The field that counts a counted one."""
        return next((i for i in self.fields_of(table) if i.offset == one.counter and
                     i.kind == UNSIGNED and i.repeat == 1), None)

    def table_of(self, kind, version):
        """The table of a record type, if there is one."""
        return next((i for i in self.tables if i.type and (i.type, i.version) == (kind, version)),
                    None)

    def framing(self, name):
        """The table of a part of the framing, if there is one."""
        return next((i for i in self.tables if not i.type and self.string(i.name) == name), None)


def shown(data):
    """Bytes as ASCII, what is not printable as an escape."""
    return "".join(chr(i) if 32 <= i < 127 else f"\\x{i:02x}" for i in data)


class Decoder:
    """Turns bytes into what JSON can say, by a SCHEMA."""

    def __init__(self, schema):
        self.schema = schema

    def structure(self, table, data):
        """The fields of a structure that are not counted."""
        values = {}
        for one in self.schema.fields_of(table):
            if one.repeat:
                values[self.schema.string(one.name)] = \
                    self.field(one, data[one.offset:one.end])
        return values

    def field(self, one, data):
        """A value, or a list of them."""
        return self.element(one, data) if one.repeat == 1 else self.elements(one, data)

    def elements(self, one, data):
        """A list of elements."""
        return [self.element(one, data[at:at + one.width])
                for at in range(0, len(data), one.width)]

    @staticmethod
    def is_bytes(one):
        """Bytes without further meaning, or of a kind that is not known."""
        return one.kind == BYTES or one.kind > GROUP

    def element(self, one, data):
        """One element, by its kind."""
        if one.kind == RESERVED:
            return data.hex() if any(data) else 0
        if one.kind == CHARACTERS:
            return shown(data.split(b"\0")[0].rstrip(b" "))
        if one.kind == GROUP:
            return self.structure(self.schema.tables[one.group], data)
        if one.kind in NUMBERS:
            return self.number(one, int.from_bytes(data, "little"))
        if self.schema.string(one.unit) == "uuid" and len(data) == 16:
            text = data.hex()
            return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        return data.hex()

    def number(self, one, number):
        """A number with its parts or its name, if it has any."""
        items = self.schema.items_of(one)
        if one.kind == ENUM:
            names = [self.schema.string(i.name) for i in items if i.at == number]
            return {"value": number, "name": names[0] if names else "unknown"}
        if one.kind == BITS and items:
            parts = {self.schema.string(i.name): number >> i.at & (1 << i.width) - 1
                     for i in items}
            return {"value": number, **parts}
        return number

    def body(self, record, table):
        """The fields of a record, and the bytes that they leave unexplained."""
        data, end = record.body, table.size
        require(end <= len(data), "EMSGSIZE", record, f"SCHEMA says that it has {end} bytes")
        values = self.structure(table, data)
        for one in self.schema.fields_of(table):
            if one.repeat:
                continue
            name = self.schema.string(one.name)
            counter = self.schema.counter_of(table, one)
            count = int.from_bytes(data[counter.offset:counter.end], "little")
            require(count <= (len(data) - end) // one.width, "EMSGSIZE", record,
                    f"it has no {count} elements of {name}")
            run = data[end:end + count * one.width]
            if self.is_bytes(one):
                values[name + "_bytes"] = len(run)
                values[name] = run.hex()
            else:
                values[name] = self.elements(one, run)
            end += len(run)
        return values, len(data) - end
