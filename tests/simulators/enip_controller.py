"""A simulated Logix controller with a bit of everything, and its lists as bytes."""

from __future__ import annotations

import struct
from typing import NamedTuple

from tests.simulators.enip_wire import (
    Answer,
    Wire,
    name,
    opened,
    plain,
)

from goldcopy_sim.enip import (
    NONE,
    READ_ONLY,
    STRING,
    TIMER,
    LogixSimulator,
    Member,
    Program,
    Structure,
    Tag,
)

POINT = Structure("Point", (
    Member("X", "INT"), Member("On", "BOOL"), Member("Off", "BOOL"), Member("Z", "REAL", 2),
))  # fmt: skip
GUARD = Structure("Guard", (
    Member("Open", "DINT"), Member("Key", "DINT", access=NONE),
    Member("Seen", "DINT", access=READ_ONLY),
))  # fmt: skip
NEST = Structure("Nest", (Member("Guard", GUARD), Member("Points", POINT, 2)))
LIST = struct.pack("<7H", 6, 1, 2, 6, 7, 8, 10)


def controller(**options: object) -> LogixSimulator:
    tags = [
        Tag("Speed", value=42),
        Tag("Flag", "BOOL", value=True),
        Tag("Grid", "INT", (2, 3, 4), list(range(24))),
        Tag("Bits", "BOOL", (64,), [at % 3 == 0 for at in range(64)]),
        Tag("Point", POINT, value={"X": -2, "Off": True, "Z": [1.5, -0.5]}),
        Tag("Points", POINT, (3,), [{"X": at} for at in range(3)]),
        Tag("Nest", NEST, value={"Points": [{"X": 5}, {"X": 6}]}),
        Tag("Guard", GUARD, value={"Open": 3, "Key": 4711, "Seen": 8}),
        Tag("Text", STRING, value="hello"),
        Tag("Timer", TIMER, value={"PRE": 500, "DN": True}),
        Tag("Fixed", value=1, constant=True),
        Tag("Shown", value=2, access=READ_ONLY),
        Tag("Hidden", value=3, access=NONE),
        Tag("Other", alias="Speed"),
        Tag("Bit", alias="Point.Off"),
        Tag("Local:1:C", "DINT", value=9),
    ]
    programs = [Program("Main", [Tag("Count", value=7)], ("MainRoutine", "Sub"))]
    return LogixSimulator(tags=tags, programs=programs, **options)  # type: ignore[arg-type]


class Row(NamedTuple):
    id: int
    name: str
    word: int
    control: int
    size: int
    dims: tuple[int, ...]
    access: int


def rows(data: bytes) -> list[Row]:
    found, at = [], 0
    while at < len(data):
        number, length = struct.unpack_from("<IH", data, at)
        text = data[at + 6 : at + 6 + length].decode()
        at += 6 + length
        word, control, size, *dims, access = struct.unpack_from("<HIH3IB", data, at)
        at += 21
        found.append(Row(number, text, word, control, size, tuple(dims), access))
    return found


async def listed(wire: Wire, scope: bytes = b"") -> dict[str, Row]:
    found: dict[str, Row] = {}
    start, pages = 0, 0
    while True:
        page = await wire.ask(0x55, scope + plain(0x6B, start), LIST)
        assert page.status in (0, 6)
        for row in rows(page.data):
            assert row.name not in found, "a row came twice"
            assert row.id >= start
            found[row.name] = row
            start = row.id + 1
        pages += 1
        if not page.status:
            assert pages > 1
            return found


async def ask(service: int, path: str | bytes, data: str, **options: object) -> Answer:
    async with opened(controller(**options)) as wire:
        path = name(path) if isinstance(path, str) else path
        return await wire.ask(service, path, bytes.fromhex(data))
