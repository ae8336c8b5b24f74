"""500 settings of an SLC, a PLC-5 and a drive put back, to the bit, in the fewest requests.

The fewest are worked out here from what the manuals allow, item after item in the order of the
plan, which is the order in which a restore writes; the driver's own cutting is not asked.
"""

from __future__ import annotations

import random
import re
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest
from tests.drivers.restore_bench import Scene, scene

from goldcopy.driver import Target
from goldcopy.inventory import Rule, Rules
from goldcopy.restore import Plan
from goldcopy.snapshot import Identity, Item
from goldcopy.testing.bench import Bench
from goldcopy.testing.framing import ETHERNET_IP
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import DataFile, DriveSimulator, Parameter, PcccSimulator, Plc5Simulator

BITS = Rules([Rule("file/B*/**", "setting")])
NANS = (0x7FC00000, 0x7F800001, 0xFFA5A5A5, 0x80000000, 0xFF800000, 0x00000001)
"""Quiet, signalling, signalling with a payload and negative; -0.0, infinite, denormal."""
Simulated = PcccSimulator | DriveSimulator


@asynccontextmanager
async def plant(
    folder: Path, made: Simulated, options: Options, rules: Rules = BITS
) -> AsyncIterator[Scene]:
    async with made as simulator:
        target = Target("bench", simulator.host, simulator.port, 2.0, options=options)
        bench = Bench(EnipDriver(), target, simulator, ETHERNET_IP, Identity(), dict, lambda: None)
        async with scene(folder, bench, rules) as found:
            yield found


async def restored(
    found: Scene, made: Simulated, memory: Callable[[], object], before: object
) -> tuple[Plan, list[str]]:
    """Plan and apply: proved leaf by leaf, and all of the memory is as it was; the requests."""
    plan = await found.plan()
    assert len(plan.writes) == 500
    assert not plan.left
    made.log.clear()
    receipt = await found.restore(plan)
    assert receipt.proved, receipt.why
    assert receipt.counts == {"proved": 500}
    assert receipt.moved == ()
    assert memory() == before
    assert not made.violations
    names = found.writes()
    assert receipt.groups == len(names)
    return plan, names


# -- data files ------------------------------------------------------------------------------------

SIZES = {"ST": 84, "F": 4, "L": 4}
"""Bytes of an element; of all others two."""
_ADDRESS = re.compile(r"([A-Z]+)(\d+):(\d+)(?:([./])(\w+))?")
MEMBERS = {"PRE": 1, "LEN": 1}
"""Word of a timer, a counter, a control."""


def files(*, longs: bool) -> list[DataFile]:
    chance = random.Random(7)
    found = [
        DataFile("B", 3, 40, chance.randbytes(80)),
        DataFile("T", 4, 60, chance.randbytes(360)),
        DataFile("C", 5, 20, chance.randbytes(120)),
        DataFile("R", 6, 10, chance.randbytes(60)),
        DataFile("N", 7, 256, chance.randbytes(512)),
        DataFile(
            "F", 8, 90, struct.pack("<90I", *(NANS[at % 6] + (at // 6 << 4) for at in range(90)))
        ),
        DataFile("ST", 9, 8),
        DataFile("N", 10, 120, chance.randbytes(240)),
        DataFile("D", 11, 30, chance.randbytes(60)),
        DataFile("B", 12, 12, chance.randbytes(24)),
        DataFile("N", 300 if not longs else 255, 10, chance.randbytes(20)),
    ]
    for at in range(8):
        found[6].store(at, "", f"Recipe {at} äöü")
    return [
        *found,
        DataFile("L" if longs else "N", 20, 60, chance.randbytes(240 if longs else 120)),
    ]


def attack(made: PcccSimulator, *, longs: bool) -> None:
    """500 settings: rows, single elements, single bits, all bits of a few words, texts, NaNs."""
    flips: list[tuple[int, int]] = []  # file, bit
    flips += [(7, 16 * at) for at in (*range(20, 131), *range(132, 171))]  # 111 in a row, 39
    flips += [(7, 16 * at + 3) for at in range(180, 256, 2)]  # 38 single ones
    flips += [(8, 32 * at + 22) for at in range(70)]  # 70 REALs in a row
    flips += [(9, 8 * 84 * at + 24) for at in (0, 1, 2, 5)]  # texts: three in a row, and one
    flips += [(10, 16 * at) for at in range(0, 120, 3)]  # 40 single ones
    flips += [(11, 16 * at) for at in range(5, 12)]
    flips += [(4, 48 * at + 16) for at in range(0, 60, 2)]  # 30 presets
    flips += [(5, 48 * at + 16) for at in range(11)]
    flips += [(6, 48 * at + 16) for at in range(4)]
    # Neighbours in B have unlike masks: no command could write two of them with one.
    flips += [(3, 16 * at + bit) for at in range(21) for bit in (at % 16, (at + 5) % 16)]
    flips += [(12, bit) for bit in range(16 * 2, 16 * 5)]  # all bits of three words
    flips += [(255 if longs else 300, 16 * at) for at in range(5)]
    spare = 500 - len(flips)
    flips += [(20, (32 if longs else 16) * at + 15) for at in range(spare)]
    for number, bit in flips:
        made.files[number].memory[bit // 8] ^= 1 << bit % 8
    assert len(set(flips)) == 500


def memory(made: PcccSimulator) -> Callable[[], Mapping[int, bytes]]:
    return lambda: {number: bytes(file.memory) for number, file in made.files.items()}


@cache
def words(item: Item) -> tuple[str, list[int], int, int]:
    """File, words in it, mask of each, and how long its address is in a command of a PLC-5."""
    match = _ADDRESS.fullmatch(item.address)
    assert match
    letter, number, at, mark, part = match.groups()
    size = 6 if letter in "TCR" else SIZES.get(letter, 2)
    first = int(at) * size // 2
    address = 1 + sum(1 if int(one) < 255 else 3 for one in (number, at))
    if mark == "/":
        return letter + number, [first], 1 << int(part), address
    if mark:
        return letter + number, [first + MEMBERS[part]], 0xFFFF, address + 1
    return letter + number, [*range(first, first + size // 2)], 0xFFFF, address


def is_row(items: Sequence[Item], most: int) -> bool:
    """Whether one plain write does it: words in a row of one file, with all their bits."""
    held: dict[int, int] = {}
    names = set()
    for item in items:
        name, several, mask, _ = words(item)
        names.add(name)
        for word in several:
            held[word] = held.get(word, 0) | mask
    row = max(held) - min(held) + 1 == len(held)
    return row and len(names) == 1 and set(held.values()) == {0xFFFF} and 2 * len(held) <= most


def is_one_mask(items: Sequence[Item]) -> bool:
    """Whether one masked write of an SLC does it: bits of one word."""
    return len({(words(item)[0], *words(item)[1]) for item in items}) == 1


def is_modified(items: Sequence[Item]) -> bool:
    """Whether one read-modify-write of a PLC-5 does it: per word an address and two masks."""
    found: dict[tuple[str, int], int] = {}
    for item in items:
        name, several, _, address = words(item)
        if len(several) > 1:
            return False
        found[name, several[0]] = address + 4
    return sum(found.values()) <= 243  # 1770-KF2, 5-48


def fewest(items: Sequence[Item], one: Callable[[Sequence[Item]], bool]) -> int:
    """The least number of commands that write these in their order, by looking at every cut."""
    best = [0]
    for end in range(1, len(items) + 1):
        starts = takewhile(lambda at: may_be(items[at:end]), range(end - 1, -1, -1))  # noqa: B023
        best.append(min(best[at] + 1 for at in starts if one(items[at:end])))
    return best[-1]


def may_be(items: Sequence[Item]) -> bool:
    """Whether any command could write so much: 111 words in a row, or 34 with seven bytes each."""
    held = {(words(item)[0], word) for item in items for word in words(item)[1]}
    return len(held) <= (111 if len({name for name, _ in held}) == 1 else 34)


async def test_of_an_slc(tmp_path: Path) -> None:
    made = PcccSimulator(files=files(longs=True))
    options = Options(profile="pccc", write_in_run=True)
    async with plant(tmp_path, made, options) as found:
        before = memory(made)()
        attack(made, longs=True)
        plan, names = await restored(found, made, memory(made), before)
    items = [write.now for write in plan.writes]
    # 223 bytes through an internetwork header (1770-6.5.16, 7-18): 111 words.
    least = fewest(items, lambda some: is_row(some, 222) or is_one_mask(some))
    rows = (
        2  # N7: 111 words in a row, and 39
        + 38  # N7: single ones
        + 2  # F8: 70 REALs, 140 words
        + 3  # ST9: 42 words each; two in 222 bytes, one more, and one apart
        + 40  # N10
        + 1  # D11
        + 30 + 11 + 4  # presets: between two of them is what the program counts
        + 21  # words of B3 that have some bits to be written
        + 1  # B12: three words with all their bits
        + 1  # N255
        + 1  # L20
    )  # fmt: skip
    assert least == rows
    assert len(names) == least, names
    assert set(names) == {"PCCC typed write", "PCCC masked write"}


async def test_of_a_plc5(tmp_path: Path) -> None:
    held = files(longs=False)
    made = Plc5Simulator(files=held)
    named = tuple(f"{file.name}:{file.elements}" for file in held)
    options = Options(profile="pccc", write_in_run=True, files=named)
    async with plant(tmp_path, made, options) as found:
        before = memory(made)()
        attack(made, longs=False)
        plan, names = await restored(found, made, memory(made), before)
    items = [write.now for write in plan.writes]
    least = fewest(items, lambda some: is_row(some, 222) or is_modified(some))
    single = 3 + 4  # an address of file and element, two masks; with a word 8 bytes
    rows = (
        2  # 21 words of B3, 3 of B12, 11 presets of C5, 7 words of D11
        + 2  # F8: 70 REALs; one is not torn apart into two words with masks
        + 2  # N7: 111 words in a row, and 39
        + 5  # 38 words of N7, 40 of N10, 51 of N20, 5 of N300 (9 bytes each), 4 of R6
        + 3  # ST9
        + 1  # T4
    )
    assert -(-(24 * single + 11 * 8 + 7 * single) // 243) == 2
    assert -(-(129 * single + 5 * 9 + 4 * 8) // 243) == 5
    assert 30 * 8 <= 243
    assert least == rows
    assert len(names) == least, names
    assert set(names) == {"PCCC word range write", "PCCC read-modify-write"}


# -- parameters of a drive -------------------------------------------------------------------------

KINDS = ("UINT", "REAL", "DINT", "USINT", "INT", "WORD", "UDINT", "SINT", "BYTE")
FORMATS = dict(zip(KINDS, "HfiBhHIbB", strict=True))


def parameters() -> Iterator[Parameter]:
    """520 in three runs of numbers; of the last ones commands, and what is only shown."""
    for at in range(520):
        kind, number = KINDS[at % len(KINDS)], at + (1 if at < 200 else 51 if at < 400 else 400)
        value = at / 8 if kind == "REAL" else at % 50 + 10
        low = -100.0 if kind == "REAL" else 0
        high = 1000.0 if kind == "REAL" else 100
        yield Parameter(
            number, f"P{number}", kind, value, low, high, low,
            read_only=at >= 510, recallable=at < 500,
        )  # fmt: skip


@pytest.mark.parametrize("size", [4000, 500])
@pytest.mark.parametrize("plain", [True, False])
async def test_of_a_drive(tmp_path: Path, plain: bool, size: int) -> None:
    made = DriveSimulator(parameters=parameters())
    if not plain:
        del made.objects[0x0F]

    def values() -> object:
        held = {number: one.packed() for number, one in made.parameters.items()}
        return held, (dict(made.dpi.stored) if not plain else None), made.dpi.commands

    async with plant(tmp_path, made, Options(profile="cip", size=size), Rules()) as found:
        before = values()
        for one in [*made.parameters.values()][:500]:
            made.change(f"dpi/{one.number}", one.value + 1)
        made.services.clear()
        plan, names = await restored(found, made, values, before)
        assert len([one for one in made.services if one.writes]) == 500, "each is written once"
    # A service of its own for each (CIP 1, A-4.16), many in a packet: offset, service,
    # length of the path, class, instance, attribute, value. DPI has a service that sets many, but
    # no manual tells whether it reaches the memory that keeps them.
    room = (min(size, 4000) - 2) - (2 + 4 + 2)
    costs = []
    for write in plan.writes:
        number = int(write.path.rpartition("/")[2])
        instance = 2 if number < 256 else 4
        costs.append(2 + 2 + 2 + instance + 2 + struct.calcsize(FORMATS[write.now.type]))
    least = -(-sum(costs) // room)
    assert len(names) == in_order(costs, room) == least == (2 if size == 4000 else 14)
    assert set(names) == {"Multiple Service Packet"}


def in_order(costs: Sequence[int], room: int) -> int:
    """The fewest packets for these in their order."""
    best = [0]
    for end in range(1, len(costs) + 1):
        fitting = (at for at in range(end) if sum(costs[at:end]) <= room)
        best.append(min(best[at] for at in fitting) + 1)
    return best[-1]
