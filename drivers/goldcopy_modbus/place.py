"""Where something is: a table and a 0-based address, or a reference like 40011."""

from __future__ import annotations

from typing import NamedTuple

from goldcopy_modbus.area import TableName

ADDRESSES = 1 << 16
"""In each table (4.3 of the Modbus Application Protocol Specification V1.1b3)."""

_TABLES: dict[str, TableName] = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}


class Place(NamedTuple):
    """One address of one table."""

    table: TableName
    address: int
    """0-based, as it is on the wire."""


def referred(ref: int | str) -> Place:
    """The place that a reference names: its first digit the table, the rest counted from 1.

    Raises ``ValueError`` for anything but five or six digits that name an address.
    """
    digits = str(ref)
    if not digits.isascii() or not digits.isdigit() or len(digits) not in (5, 6):
        raise ValueError(
            f"ref: {ref} has not five or six digits; write 40011 or 400011 for holding register "
            '10, "00011" (in quotes) for coil 10'
        )
    if digits[0] not in _TABLES:
        raise ValueError(
            f"ref: {ref} names no table; it begins with 0 for coils, 1 for discrete inputs, 3 for "
            "input registers, 4 for holding registers"
        )
    number = int(digits[1:])
    if not 1 <= number <= ADDRESSES:
        raise ValueError(f"ref: {ref} counts from 1 to {ADDRESSES} behind its first digit")
    return Place(_TABLES[digits[0]], number - 1)


def located(
    table: TableName | None, address: int | None, ref: int | str | None, name: str
) -> Place:
    """The place that is told in one way or the other; ``name`` is what the address is called.

    Raises ``ValueError`` if it is told in both, or in none.
    """
    if ref is None:
        if table is None or address is None:
            raise ValueError(f"give table and {name}, or ref")
        return Place(table, address)
    if address is not None:
        raise ValueError(f"{name} and ref both tell where; keep one of them")
    place = referred(ref)
    if table is not None and table != place.table:
        raise ValueError(f"table: {table} is not where ref {ref} is ({place.table}); drop table")
    return place
