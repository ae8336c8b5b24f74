"""500 settings of a Logix controller put back, to the bit and in the fewest writing requests."""

from __future__ import annotations

import random
import struct
from collections.abc import AsyncIterator, Sequence
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
from goldcopy_sim.enip.tags import Place
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
        *(Tag(f"Count{at}", "DINT") for at in range(140)),
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
    def octets(self) -> bytes:
        return bytes(self.place.memory[self.place.offset : self.place.offset + self.size])


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
    """Bytes of the services that write a leaf: code, path with its length, type, count, value.

    Bits of a DWORD are written by read-modify-write, as the program may set its neighbours.
    """
    head = 1 + 1 + symbolic(leaf.address)
    if leaf.place.type.name == "DWORD":  # a word: its size, a mask to set and one to clear
        return [head + 2 + 2 + 4 + 4] * (leaf.size // 4)
    value = 1 if leaf.is_bit else leaf.size
    head += (4 if leaf.is_text else 2) + 2
    if head + value <= size - 2:
        return [head + value]
    most = (size - 2 - head - 4) // leaf.place.type.size * leaf.place.type.size
    return [head + 4 + min(most, value - at) for at in range(0, value, most)]


def in_order(several: Sequence[Sequence[int]], size: int) -> int:
    """The fewest packets that hold these in their order: each takes all that it can.

    A packet has its sequence number, a code, a path of four with its length, and a count; each
    service an offset beside its own. A service alone needs no packet around it. A leaf is not
    torn in two unless it has to be.
    """
    found, room, whole = 0, 0, size - 2 - 8
    for services in several:
        joint = sum(2 + one for one in services)
        for one in [joint] if joint <= whole else [2 + one for one in services]:
            if one > room:
                found, room = found + 1, whole
            room -= one
    return found


def at_least(several: Sequence[Sequence[int]], size: int) -> int:
    """No order at all, all of them torn where it suits, and no room lost."""
    return -(-sum(2 + one for services in several for one in services) // (size - 2 - 8))


# -- the restore -----------------------------------------------------------------------------------


async def restored(
    folder: Path, size: int, *, usual: bool
) -> tuple[list[list[int]], list[Session]]:
    """500 settings manipulated and put back: bytes of the services that it takes; what was done.

    ``usual``: no texts but those of the usual type, and nothing that needs more than a request.
    """
    async with plant(folder, size) as found:
        simulator = found.bench.simulator
        assert isinstance(simulator, LogixSimulator)
        gold = memory(simulator)
        every = all_leaves(simulator)
        long = [leaf for leaf in every if leaf.address == "Table" and not usual]
        short = [leaf for leaf in every if leaf.address != "Table"]
        pool = [leaf for leaf in short if leaf.place.type is not CODE or not usual]
        chosen = random.Random(7).sample(pool, 500 - len(long)) + long
        if not usual:
            all_that_is_odd(chosen)
        for leaf in chosen:
            manipulate(leaf)
        plan = await found.plan()
        by_address = {leaf.address: leaf for leaf in chosen}
        assert {write.now.address for write in plan.writes} == set(by_address)
        assert len(plan.writes) == 500
        simulator.log.clear()
        simulator.services.clear()
        receipt = await found.restore(plan)
        assert receipt.counts == {"proved": 500}
        assert receipt.proved
        assert memory(simulator) == gold
        assert not simulator.violations
        in_plan = [by_address[write.now.address] for write in plan.writes]
        asked = [one.detail for one in simulator.services if one.writes]
        expected = [detail for leaf in in_plan for detail in details(leaf, size)]
        assert asked == expected, "nothing twice, nothing beside it"
        return [services(leaf, size) for leaf in in_plan], sessions(simulator)


def all_that_is_odd(chosen: Sequence[Leaf]) -> None:
    """The plan has a bit of everything."""
    kinds = {leaf.place.type.name for leaf in chosen}
    assert kinds == {
        "BOOL", "SINT", "INT", "DINT", "UDINT", "LINT", "ULINT", "REAL", "LREAL", "DWORD",
        STRING.name, CODE.name,
    }  # fmt: skip
    for name, form, bits in (("REAL", "<I", REALS), ("LREAL", "<Q", LREALS)):
        found = {leaf.octets for leaf in chosen if leaf.place.type.name == name}
        assert {struct.pack(form, one) for one in bits} <= found
    addresses = {leaf.address for leaf in chosen}
    assert {"Table", "Recipes[2].Steps[1].Drive.Gain", "Program:Main.Local.Drive.On"} <= addresses


def details(leaf: Leaf, size: int) -> list[str]:
    """The leaf in the simulator's log, once for each service that writes it."""
    several = services(leaf, size)
    if leaf.place.type.name != "DWORD":
        return [leaf.address] * len(several)
    return [f"{leaf.address}[{at}]" for at in range(len(several))]


class Session(NamedTuple):
    """What one session took."""

    reading: int
    writing: int


def sessions(simulator: LogixSimulator) -> list[Session]:
    found: list[list[bool]] = []
    for service in simulator.log:
        if service.name == "RegisterSession":
            found.append([])
        found[-1].append(service.writes)
    return [Session(one.count(False), one.count(True)) for one in found]


@pytest.mark.parametrize(
    ("size", "fewest", "without_order"),
    [(200, 111, 94), (300, 66, 62), (500, 39, 37), (1000, 19, 18), (4000, 5, 5)],
)
async def test_in_the_fewest_writing_requests(
    tmp_path: Path, size: int, fewest: int, without_order: int
) -> None:
    """One service a leaf, by its name, in the order of the plan: no fewer packets hold them."""
    several, (_, writing, _) = await restored(tmp_path, size, usual=True)
    assert writing.writing == in_order(several, size) == fewest
    assert at_least(several, size) == without_order


@pytest.mark.parametrize(("size", "fewest", "more"), [(500, 50, 3), (4000, 7, 1)])
async def test_long_arrays_and_texts_of_any_length(
    tmp_path: Path, size: int, fewest: int, more: int
) -> None:
    """Not the fewest, for two reasons.

    What needs several requests shares none of them with others, so that it alone is half written
    when one of them is lost. And where a group has to end is known before the controller has told
    how long the texts of a type are: 82 characters are kept free for each.
    """
    several, (_, writing, _) = await restored(tmp_path, size, usual=False)
    assert in_order(several, size) == fewest
    assert writing.writing == fewest + more


@pytest.mark.parametrize(("size", "pull", "types"), [(500, 56, 95), (4000, 21, 24)])
async def test_what_it_reads(tmp_path: Path, size: int, pull: int, types: int) -> None:
    """Three sessions: a pull, the types of what is written, and a pull to read it all back."""
    _, (before, writing, after) = await restored(tmp_path, size, usual=False)
    assert before.writing == after.writing == 0
    assert before.reading == after.reading <= pull
    assert writing.reading <= types
