"""Single members of a data block back to bytes, where a backup has no bytes of the whole block.

Addresses are ``db5.dbx12.3``, ``db5.dbw14``, or ``db5.dbx20.0 byte 24`` for what has no letter.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from goldcopy_sim.service import Value

ADDRESS: Final = re.compile(r"db(\d+)\.db([xbwdl])(\d+)(?:\.(\d))?(?: byte (\d+))?")
_FORMATS: Final = {
    "BYTE": "B", "USINT": "B", "SINT": "b", "INT": "h", "WORD": "H", "UINT": "H", "DINT": "i",
    "DWORD": "I", "UDINT": "I", "TIME": "i", "LINT": "q", "LWORD": "Q", "ULINT": "Q", "REAL": "f",
    "LREAL": "d",
}  # fmt: skip


def put(memory: memoryview, address: str, type_: str, value: Value) -> None:
    """Put a value where it is.

    Raises:
        ValueError: it is of a type, or at a place, that is not known here.
    """
    found = ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError(f"{address or 'no address'} is no place in a data block")
    start, bit, size = int(found[3]), found[4], found[5]
    if isinstance(value, bool) and bit is not None and size is None:
        memory[start] = memory[start] & ~(1 << int(bit)) | value << int(bit)
        return
    raw = _raw(type_, value, int(size) if size else 0)
    if start + len(raw) > len(memory):
        raise ValueError(f"the data block ends before {address}")
    memory[start : start + len(raw)] = raw


def blank(memory: memoryview, address: str, type_: str) -> None:
    """After a reset: a text knows how long it may be, a date is one."""
    found = ADDRESS.fullmatch(address)
    if found is None or found[5] is None:
        return
    start, size = int(found[3]), int(found[5])
    if type_ == "STRING" and 2 < size <= 256:
        memory[start] = size - 2
    elif type_ == "WSTRING" and size > 4:
        memory[start : start + 2] = ((size - 4) // 2).to_bytes(2, "big")


def _raw(type_: str, value: Value, size: int) -> bytes:
    if isinstance(value, bytes):
        return value
    if type_ == "WSTRING" and isinstance(value, str) and size > 4:
        wide = value.encode("utf-16-be")
        head = struct.pack(">HH", (size - 4) // 2, len(wide) // 2)
        return (head + wide).ljust(size, b"\0")
    if type_ == "STRING" and isinstance(value, str) and size > 2:
        text = value.encode("latin-1")
        return (bytes((size - 2, len(text))) + text).ljust(size, b"\0")
    if type_ in _FORMATS and isinstance(value, int | float):
        if type_ == "TIME":
            return int(value).to_bytes(4, "big", signed=True)
        return struct.pack(">" + _FORMATS[type_], value)
    raise ValueError(f"a {type_} is not made anew without the bytes of its data block")
