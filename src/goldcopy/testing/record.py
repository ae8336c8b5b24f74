"""A session kept as a small readable file: JSON Lines of who sent which bytes.

A recording holds everything that passed, a password in a login frame too: record simulators and
test devices, not a plant.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import msgspec

from goldcopy.errors import Wrong
from goldcopy.wire import Direction


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    way: Direction
    hex: str


class Recording:
    """What passed, in its order. Give it to ``connect`` or ``FaultyLink`` as their recorder."""

    def __init__(self, passed: Iterable[tuple[Direction, bytes]] = ()) -> None:
        self.passed = list(passed)

    def __call__(self, direction: Direction, data: bytes) -> None:
        """Take note of bytes."""
        self.passed.append((direction, data))

    def save(self, path: Path) -> None:
        """Write the file."""
        encode = msgspec.json.encode
        lines = [encode(_Line(way, data.hex())) + b"\n" for way, data in self.passed]
        path.write_bytes(b"".join(lines))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that ``save`` wrote. Raises ``Wrong`` for any other."""
        passed: list[tuple[Direction, bytes]] = []
        for number, text in enumerate(path.read_bytes().splitlines(), 1):
            try:
                line = msgspec.json.decode(text, type=_Line)
                passed.append((line.way, bytes.fromhex(line.hex)))
            except (msgspec.DecodeError, ValueError) as error:
                raise Wrong(f"{path}, line {number}: no line of a recording: {error}") from None
        return cls(passed)
