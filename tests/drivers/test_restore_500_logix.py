"""500 settings of a Logix controller put back, to the bit and in the fewest writing requests."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.drivers.restore_bench import Scene, scene

from goldcopy.driver import Target
from goldcopy.snapshot import Identity
from goldcopy.testing.bench import Bench
from goldcopy.testing.framing import ETHERNET_IP
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import STRING, LogixSimulator, Member, Program, Structure, Tag, string
from goldcopy_sim.enip.tags import Place, parse_address
from goldcopy_sim.enip.values import leaves, store

CODE = string("CODE_20", 20)
DRIVE = Structure("Drive", (
    Member("Limit", "REAL"), Member("Gain", "LREAL"), Member("Count", "DINT"),
    Member("Mode", "SINT"), Member("Word", "INT"), Member("Travel", "LINT"),
    Member("Serial", "ULINT"), Member("On", "BOOL"), Member("Off", "BOOL"),
    Member("Code", CODE), Member("Bits", "BOOL", 64), Member("Table", "INT", 6),
))  # fmt: skip
STEP = Structure("Step", (
    Member("Time", "DINT"), Member("Rotate", "BOOL"), Member("Grip", "BOOL"),
    Member("Drive", DRIVE),
))  # fmt: skip
RECIPE = Structure("Recipe", (
    Member("Id", "UDINT"), Member("Name", STRING), Member("Active", "BOOL"),
    Member("Steps", STEP, 3),
))  # fmt: skip

REALS = (
    0x7FC00000, 0xFFC00001, 0x7F800001, 0x7FA5A5A5, 0xFFBFFFFF, 0x80000000, 0x7F800000, 0x00000001,
)  # fmt: skip
"""Quiet, negative and quiet, signalling, signalling with a payload, -0.0, infinite, denormal."""
LREALS = tuple(
    (one >> 31) << 63 | (one >> 23 & 0xFF) * 0x7FF // 0xFF << 52 | (one & 0x7FFFFF) << 29
    for one in REALS
)


def tags() -> list[Tag]:
    return [
        Tag("Recipes", RECIPE, (4,)),
        Tag("Drives", DRIVE, (8,)),
        *(Tag(f"Count{at}", "DINT") for at in range(90)),
        *(Tag(f"Real{at}", "REAL") for at in range(40)),
        *(Tag(f"Long{at}", "LREAL") for at in range(20)),
        *(Tag(f"Big{at}", "LINT") for at in range(10)),
        *(Tag(f"Huge{at}", "ULINT") for at in range(10)),
        *(Tag(f"Flag{at}", "BOOL") for at in range(20)),
        *(Tag(f"Text{at}", STRING) for at in range(4)),
        Tag("Alarms", "BOOL", (96,)),
        Tag("Curve", "REAL", (8,)),
        Tag("Profile", "LREAL", (8,)),
        Tag("Table", "DINT", (1200,)),
    ]


def programs() -> list[Program]:
    inner = [Tag("Local", STEP), Tag("Speed", "REAL"), Tag("Ramp", "INT", (5,)), Tag("Mode")]
    return [Program("Main", inner), Program("Infeed", [Tag("Local", DRIVE), Tag("On", "BOOL")])]


class Leaf(NamedTuple):
    """A setting where it lies in the controller."""

    address: str
    place: Place

    @property
    def is_text(self) -> bool:
        return isinstance(self.place.type, Structure)

    @property
    def is_bit(self) -> bool:
        return self.place.type.name == "BOOL"

    @property
    def size(self) -> int:
        count = self.place.elements if self.place.dims else 1
        return count * self.place.type.size

    @property
    def path(self) -> str:
        scope, _, name = self.address.partition(".") if ":" in self.address else ("", "", self.address)
        name = name.replace("]", "").replace("[", "/").replace(".", "/")
        return f"program/{scope.removeprefix('Program:')}/{name}" if scope else f"tag/{name}"


def all_leaves(simulator: LogixSimulator) -> list[Leaf]:
    found = (leaves(name, place) for name, place in simulator.database.tags())
    return [Leaf(*one) for several in found for one in several]


def memory(simulator: LogixSimulator) -> dict[str, bytes]:
    """All of it, with what lies between the members."""
    return {name: bytes(place.memory) for name, place in simulator.database.tags()}


def filled(simulator: LogixSimulator) -> None:
    """Every leaf has a value of its own; those of REALs begin with the odd ones."""
    odd = {"REAL": (struct.Struct("<I"), REALS), "LREAL": (struct.Struct("<Q"), LREALS)}
    seen = dict.fromkeys(odd, 0)
    for number, leaf in enumerate(all_leaves(simulator)):
        place, kind = leaf.place, leaf.place.type.name
        if leaf.is_text:
            store(place, f"text {number}")
        elif leaf.is_bit:
            store(place, number % 2 == 0)
        elif kind in odd:
            form, bits = odd[kind]
            for at in range(place.offset, place.offset + leaf.size, form.size):
                form.pack_into(place.memory, at, bits[seen[kind] % len(bits)])
                seen[kind] += 1
        else:
            octets = bytes((number * 37 + at * 11) % 251 for at in range(leaf.size))
            place.memory[place.offset : place.offset + leaf.size] = octets


def manipulate(leaf: Leaf) -> None:
    """Another value, in every element and in every word of bits."""
    place = leaf.place
    if leaf.is_text:
        store(place, "manipulated")
    elif leaf.is_bit:
        place.memory[place.offset] ^= 1 << (place.bit or 0)
    else:
        step = place.type.size
        for at in range(place.offset, place.offset + leaf.size, step):
            # Of a -0.0 the sign, of a NaN its payload, of all the rest the lowest bit.
            zero = place.memory[at : at + step] == b"\0" * (step - 1) + b"\x80"
            place.memory[at + (step - 1 if zero else 0)] ^= 0x80 if zero else 1


@asynccontextmanager
async def plant(folder: Path, size: int) -> AsyncIterator[Scene]:
    async with LogixSimulator(tags=tags(), programs=programs()) as simulator:
        filled(simulator)
        options = Options(size=size, write_in_run=True)
        bench = Bench(
            EnipDriver(),
            Target("bench", simulator.host, simulator.port, 2.0, options=options),
            simulator,
            ETHERNET_IP,
            Identity(),
            dict,
            lambda: None,
        )
        async with scene(folder, bench) as found:
            yield found


# -- the least that it takes -----------------------------------------------------------------------


def symbolic(address: str) -> int:
    """Bytes of a path by names: two in front of each, an even number of characters; an index."""
    total = 0
    for part in address.split("."):
        name, _, index = part.partition("[")
        total += 2 + len(name) + len(name) % 2
        if index:
            total += 2 if int(index[:-1]) < 256 else 4
    return total


def services(leaf: Leaf, size: int) -> list[int]:
    """Bytes of the services that write a leaf: code, path with its length, type, count, value."""
    head = 1 + 1 + symbolic(leaf.address)
    if leaf.place.type.name == "DWORD":  # a word: its size, a mask to set and one to clear
        return [head + 2 + 2 + 4 + 4] * (leaf.size // 4)
    value = 1 if leaf.is_bit else leaf.size
    head += (4 if leaf.is_text else 2) + 2
    if head + value <= size - 2:
        return [head + value]
    most = (size - 2 - head - 4) // leaf.place.type.size * leaf.place.type.size
    return [head + 4 + min(most, value - at) for at in range(0, value, most)]


def in_order(sizes: Sequence[int], size: int) -> int:
    """The fewest packets that hold these in their order: each takes all that it can.

    A packet has its sequence number, a code, a path of four with its length, and a count; each
    service an offset beside its own. A service alone needs no packet around it.
    """
    found, room = 0, 0
    for one in sizes:
        if 2 + one > room:
            found, room = found + 1, size - 2 - 8
        room -= 2 + one
    return found


def at_least(sizes: Sequence[int], size: int) -> int:
    """No order at all, and no room lost."""
    return -(-sum(2 + one for one in sizes) // (size - 2 - 8))
