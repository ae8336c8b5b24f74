"""What to read, made from the options before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from goldcopy_modbus.area import Area, TableName, file, table
from goldcopy_modbus.options import Options
from goldcopy_modbus.register import Register
from goldcopy_modbus.spans import Layout, Span, union, without

_TABLES: tuple[TableName, ...] = ("coil", "discrete", "holding", "input")


class Task(NamedTuple):
    """All that is wanted of one area."""

    area: Area
    layout: Layout
    requests: list[Span]
    raw: list[Span]
    """What is kept address by address."""
    named: list[Register]


def tasks(options: Options) -> list[Task]:
    """One task for each table and file that the options speak of."""
    return [*_of_tables(options), *_of_files(options)]


def _of_tables(options: Options) -> Iterator[Task]:
    for name in _TABLES:
        ranges = [
            Span(one.place.address, one.place.address + one.count)
            for one in options.ranges
            if one.place.table == name
        ]
        named = [register for register in options.registers if register.place.table == name]
        if ranges or named:
            values = [register.span for register in named]
            layout = Layout([*ranges, *values], values, options.gap)
            area = table(name, options.max_registers, options.max_bits)
            told = union(register.span for register in named if register.complete)
            raw = without(union(ranges), told)
            yield Task(area, layout, layout.requests(area.most), raw, named)


def _of_files(options: Options) -> Iterator[Task]:
    for number in sorted({one.file for one in options.files}):
        spans = [
            Span(one.record, one.record + one.count) for one in options.files if one.file == number
        ]
        layout, area = Layout(spans), file(number)
        yield Task(area, layout, layout.requests(area.most), layout.wanted, [])
