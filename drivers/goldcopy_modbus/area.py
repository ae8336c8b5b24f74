"""The address spaces of a controller: four tables, and each file. One is read like another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple

from goldcopy.snapshot import Access, Kind, Role
from goldcopy_modbus import pdu

TableName = Literal["holding", "input", "coil", "discrete"]


class Area(NamedTuple):
    """One address space: how to read it, and what an address of it is when it has no name."""

    name: str
    """First part of the paths: ``holding``, ``file/4``."""
    function: str
    most: int
    """Addresses in one request."""
    request: Callable[[int, int], bytes]
    parse: Callable[[bytes, int], Sequence[int]]
    type: str
    kind: Kind
    role: Role
    access: Access


def table(name: TableName, max_registers: int, max_bits: int) -> Area:
    """One of the four tables (4.3), with the device's own limits."""
    match name:
        case "holding":
            how = "3 (read holding registers)", max_registers, pdu.read_holding_registers
            return Area(name, *how, pdu.registers, "WORD", "tag", "setting", "read-write")
        case "input":
            how = "4 (read input registers)", max_registers, pdu.read_input_registers
            return Area(name, *how, pdu.registers, "WORD", "tag", "process", "read")
        case "coil":
            how = "1 (read coils)", max_bits, pdu.read_coils
            return Area(name, *how, pdu.bits, "BOOL", "tag", "setting", "read-write")
        case "discrete":
            how = "2 (read discrete inputs)", max_bits, pdu.read_discrete_inputs
            return Area(name, *how, pdu.bits, "BOOL", "tag", "process", "read")


MOST_RECORDS = 121
"""Records in one reply: 245 bytes (6.14), of which two are the group's own."""


def file(number: int) -> Area:
    """One file, by its number; an address is a record."""
    how = "20 (read file record)", MOST_RECORDS, partial(pdu.read_file_record, number)
    name = f"file/{number}"
    return Area(name, *how, pdu.file_records, "WORD", "file", "setting", "read-write")
