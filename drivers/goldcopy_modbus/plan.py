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
    ranges: dict[TableName, list[Span]] = {name: [] for name in _TABLES}
    for one in options.ranges:
        table_name, start = one.place
        ranges[table_name].append(Span(start, start + one.count))
    named: dict[TableName, list[Register]] = {name: [] for name in _TABLES}
    for register in options.registers:
        named[register.place.table].append(register)
    for name in _TABLES:
        if ranges[name] or named[name]:
            yield _of_table(name, ranges[name], named[name], options)


def _of_table(name: TableName, ranges: list[Span], named: list[Register], options: Options) -> Task:
    area = table(name, options.max_registers, options.max_bits)
    values = [register.span for register in named]
    told = union(span for span, one in zip(values, named, strict=True) if one.complete)
    layout = Layout([*ranges, *values], values, options.gap)
    return Task(area, layout, layout.requests(area.most), without(union(ranges), told), named)


def _of_files(options: Options) -> Iterator[Task]:
    for number in sorted({one.file for one in options.files}):
        spans = [
            Span(one.record, one.record + one.count) for one in options.files if one.file == number
        ]
        layout, area = Layout(spans), file(number)
        yield Task(area, layout, layout.requests(area.most), layout.wanted, [])
