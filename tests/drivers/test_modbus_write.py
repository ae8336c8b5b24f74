"""Writing to the simulator: the fewest requests, what is refused, and in which words."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.driver import Meter, Target
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable, Unsupported, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_modbus import ModbusDriver, ModbusWriter, Options
from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit


@dataclass
class Plant:
    """A simulator, a writing session on it, and what was read first."""

    simulator: ModbusSimulator
    writer: ModbusWriter
    items: dict[str, Item]

    def wanted(self, values: Mapping[str, Value]) -> list[Item]:
        return [
            msgspec.structs.replace(self.items[path], value=value) for path, value in values.items()
        ]

    async def put_back(self, items: Sequence[Item]) -> list[str]:
        """Write these, by groups; the writing requests that it took."""
        before = len(self.simulator.log)
        for group in self.writer.groups(items):
            await self.writer.write(group)
        assert all(service.writes for service in self.simulator.log[before:])
        return [
            f"{service.name}: {service.detail.removeprefix('unit 1, ')}"
            for service in self.simulator.log[before:]
        ]


@asynccontextmanager
async def plant(
    unit: Unit | None = None, simulator: ModbusSimulator | None = None, **options: object
) -> AsyncIterator[Plant]:
    simulator = simulator or ModbusSimulator({1: unit or Unit()})
    chosen = msgspec.convert({"identify": False, **options}, Options)
    async with simulator:
        target = Target("bench", simulator.host, simulator.port, timeout=0.5, options=chosen)
        async with ModbusDriver().open_writing(target, Meter()) as writer:
            items = {item.path: item for item in (await writer.read()).items}
            yield Plant(simulator, writer, items)


def whole(table: str, count: int, start: int = 0) -> dict[str, object]:
    return {"table": table, "start": start, "count": count}


def registers(*runs: range) -> Registers:
    return Registers({n: n & 0xFFFF for run in runs for n in run})


# -- the fewest requests ---------------------------------------------------------------------------


async def test_500_manipulated_registers_go_back_in_five_requests() -> None:
    unit = Unit(holding=registers(range(1000)))
    async with plant(unit, ranges=[whole("holding", 1000)]) as found:
        for n in range(200, 700):
            found.simulator.change(f"holding/{n}", 0xDEAD)
        asked = await found.put_back([found.items[f"holding/{n}"] for n in range(200, 700)])
        assert asked == [
            f"write multiple registers: {start}..{min(start + 122, 699)}"
            for start in range(200, 700, 123)
        ]
        assert [unit.holding[n] for n in range(1000)] == list(range(1000))


@given(
    st.sets(st.integers(0, 400), min_size=1),
    st.booleans(),
)
async def test_no_run_takes_more_requests_than_it_must(places: set[int], backwards: bool) -> None:
    unit = Unit(holding=registers(range(401)), coils=Bits({n: False for n in range(401)}))
    ranges = [whole("holding", 401), whole("coil", 401)]
    async with plant(unit, ranges=ranges, max_bits=50) as found:
        order = sorted(places, reverse=backwards)
        asked = await found.put_back(
            found.wanted({f"holding/{n}": n ^ 0xFFFF for n in order})
            + found.wanted({f"coil/{n}": True for n in order})
        )
        assert len(asked) == sum(-(-size // 123) + -(-size // 50) for size in runs(places))
        held = [unit.holding[n] ^ n for n in range(401)]
        assert held == [0xFFFF if n in places else 0 for n in range(401)]
        assert [n for n in range(401) if unit.coils[n]] == sorted(places)


def runs(places: set[int]) -> list[int]:
    text = "".join("x" if n in places else " " for n in range(402))
    return [len(run) for run in text.split()]


async def test_one_alone_takes_the_function_for_one() -> None:
    unit = Unit(holding=registers(range(9)), coils=Bits({n: False for n in range(9)}))
    async with plant(unit, ranges=[whole("holding", 9), whole("coil", 9)]) as found:
        wanted = found.wanted({"holding/3": 7, "holding/5": 8, "coil/1": True, "coil/3": True})
        assert await found.put_back(wanted) == [
            "write single register: 3 = 7",
            "write single register: 5 = 8",
            f"write single coil: 1 = {0xFF00}",
            f"write single coil: 3 = {0xFF00}",
        ]


@pytest.mark.parametrize(
    ("functions", "wanted"),
    [
        ([6, 5], [*(f"single register: {n} = 7" for n in range(3)), "single coil: 0 = 65280"]),
        ([16, 15], ["multiple registers: 0..2", "multiple coils: 0..0"]),
    ],
)
async def test_a_device_may_know_one_of_the_two_functions(
    functions: list[int], wanted: list[str]
) -> None:
    simulator = ModbusSimulator(
        {1: Unit(holding=registers(range(9)), coils=Bits({0: False}))},
        functions=frozenset({1, 3, *functions}),
    )
    ranges = [whole("holding", 9), whole("coil", 1)]
    async with plant(simulator=simulator, ranges=ranges, write_functions=functions) as found:
        items = found.wanted({"holding/0": 7, "holding/1": 7, "holding/2": 7, "coil/0": True})
        assert [line.removeprefix("write ") for line in await found.put_back(items)] == wanted


async def test_names_and_addresses_side_by_side_share_a_request() -> None:
    unit = Unit(holding=registers(range(20)))
    named = [
        {"name": "speed", "ref": 40003, "type": "float32", "order": "CDAB"},
        {"name": "width", "ref": 40005, "type": "int16", "scale": 0.1},
        {"name": "name", "ref": 40006, "type": "string", "length": 6},
    ]
    async with plant(unit, ranges=[whole("holding", 20)], registers=named) as found:
        items = found.wanted(
            {"holding/1": 1, "speed": 1.5, "width": -0.5, "name": "ab", "holding/8": 9}
        )
        assert await found.put_back(items) == ["write multiple registers: 1..8"]
        held = [unit.holding[n] for n in range(10)]
        assert held == [0, 1, 0, 0x3FC0, 0xFFFB, 0x6162, 0, 0, 9, 9]


async def test_a_number_is_never_cut_and_a_long_text_may_be() -> None:
    unit = Unit(holding=registers(range(400)))
    named = [
        {"name": f"n/{n}", "table": "holding", "address": 2 * n, "type": "uint32"}
        for n in range(100)
    ]
    text = {"name": "text", "table": "holding", "address": 200, "type": "string", "length": 300}
    async with plant(unit, registers=[*named, text]) as found:
        values: dict[str, Value] = {f"n/{n}": n << 16 for n in range(100)}
        asked = await found.put_back(found.wanted({**values, "text": "x" * 300}))
        assert asked == [
            "write multiple registers: 0..121",
            "write multiple registers: 122..199",
            "write multiple registers: 200..322",
            "write multiple registers: 323..349",
        ]
        assert [unit.holding[n] for n in range(200)] == [n // 2 * (1 - n % 2) for n in range(200)]
        assert {unit.holding[n] for n in range(200, 350)} == {0x7878}


async def test_file_records_go_back_122_at_a_time() -> None:
    files = {4: registers(range(300)), 5: registers(range(3))}
    unit = Unit(files=files)
    wanted = [{"file": 4, "count": 300}, {"file": 5, "count": 3}]
    async with plant(unit, files=wanted) as found:
        values: dict[str, Value] = {f"file/4/{n}": n + 1 for n in range(300)}
        values |= {"file/5/0": 7, "file/5/2": 9}
        assert await found.put_back(found.wanted(values)) == [
            f"write file record: file {where}"
            for where in ("4: 0..121", "4: 122..243", "4: 244..299", "5: 0..0", "5: 2..2")
        ]
        assert [files[4][n] for n in range(300)] == list(range(1, 301))
        assert [files[5][n] for n in range(3)] == [7, 1, 9]


# -- a part of a register --------------------------------------------------------------------------

BITS = [{"name": f"bit/{n}", "table": "holding", "address": 2, "bit": n} for n in (0, 7, 15)]
HIGH = {"name": "high", "table": "holding", "address": 2, "type": "UINT8H"}
FAR = {"name": "far", "table": "holding", "address": 4, "type": "UINT32", "bit": 17}
WIDE = {"name": "wide", "table": "holding", "address": 4, "type": "UINT32", "mask": 0x18000}
ODD = {"name": "odd", "table": "holding", "address": 6, "type": "STRING", "length": 3}


async def test_bits_are_written_with_a_mask_that_spares_the_others() -> None:
    unit = Unit(holding=Registers({2: 0x4321, 4: 0x8765, 5: 0x4321}))
    async with plant(unit, registers=[*BITS, FAR], write_functions=[22]) as found:
        wanted = found.wanted({"bit/0": False, "bit/7": True, "bit/15": True, "far": True})
        assert await found.put_back(wanted) == [
            "mask write register: 2 and 0x7f7e or 0x8080",
            "mask write register: 4 and 0xfffd or 0x0002",
        ]
        assert [unit.holding[n] for n in (2, 4, 5)] == [0xC3A0, 0x8767, 0x4321]


async def test_parts_of_one_register_that_overlap_are_written_one_after_the_other() -> None:
    unit = Unit(holding=Registers({2: 0x4321}))
    async with plant(unit, registers=[*BITS, HIGH], write_functions=[22]) as found:
        wanted = found.wanted({"high": 0, "bit/15": True})
        assert len(await found.put_back(wanted)) == 2
        assert unit.holding[2] == 0x8021


@pytest.mark.parametrize("functions", [[5, 6, 15, 16, 21], [22, 16]])
async def test_a_part_that_no_request_can_write_alone_is_not_written(functions: list[int]) -> None:
    unit = Unit(holding=Registers({n: 0x4321 for n in range(9)}))
    named = [*BITS, WIDE, ODD]
    async with plant(unit, registers=named, write_functions=functions) as found:
        await amiss(found, {"wide": 3}, Unsupported, "a part of 2 registers")
        await amiss(found, {"odd": "abc"}, Unsupported, "a part of 2 registers")
        if 22 not in functions:
            await amiss(found, {"bit/0": True}, Refused, "list it in options.write_functions")
            groups = found.writer.groups(found.wanted({"bit/0": True, "bit/7": True}))
            assert len(groups) == 2, "what cannot be written is a group of its own"


async def amiss(
    found: Plant, values: Mapping[str, Value], error: type[GoldcopyError], words: str
) -> None:
    """These are not written, and nothing of the group is sent."""
    before = len(found.simulator.log), found.simulator.values()
    with pytest.raises(error, match=re.escape(words)):
        await found.writer.write(found.wanted(values))
    assert (len(found.simulator.log), found.simulator.values()) == before


# -- what is not written ---------------------------------------------------------------------------


async def test_what_cannot_be_written_says_why_and_nothing_is_sent() -> None:
    unit = Unit(
        holding=registers(range(9)),
        coils=Bits({0: False}),
        discretes=Bits({0: False}),
        inputs=registers(range(4)),
        fifos={1: [1, 2]},
    )
    simulator = ModbusSimulator({1: unit}, server_id=b"x\xff")
    named = [
        {"name": "fixed", "table": "holding", "address": 5, "type": "int16", "writable": False},
        {"name": "level", "table": "input", "address": 0, "type": "float32"},
        {"name": "half", "table": "holding", "address": 4, "bit": 1, "writable": False},
        {"name": "speed", "table": "holding", "address": 6, "type": "float32"},
    ]
    async with plant(
        simulator=simulator,
        identify=["fc17"],
        ranges=[whole(*one) for one in (("holding", 9), ("coil", 1), ("discrete", 1))]
        + [whole("input", 4)],
        registers=named,
        fifo=[1],
    ) as found:
        await amiss(found, {"fixed": 3}, Refused, "writable: false")
        await amiss(found, {"holding/4": 3}, Refused, "a part of it is half")
        await amiss(found, {"level": 1.5}, Unsupported, "no function that writes input registers")
        await amiss(found, {"input/3": 1}, Unsupported, "no function that writes input registers")
        await amiss(found, {"discrete/0": True}, Unsupported, "writes discrete inputs")
        await amiss(found, {"fifo/1": (1, 2)}, Unsupported, "only coils, holding registers and")
        await amiss(found, {"device/ServerId": b"x"}, Unsupported, "only coils, holding")
        await amiss(found, {"holding/3": 1 << 16}, Wrong, "is no WORD")
        await amiss(found, {"holding/3": True}, Wrong, "is no WORD")
        await amiss(found, {"coil/0": 1}, Wrong, "is no BOOL")
        await amiss(found, {"speed": 0.1}, Wrong, "no content of its registers")
        await amiss(found, {"holding/2": 1, "holding/3": -1}, Wrong, "is no WORD")  # not the first
        found.items["speed"] = msgspec.structs.replace(found.items["speed"], address="holding/4")
        await amiss(found, {"speed": 1.5}, Wrong, "was read at holding/4, and is at holding/6")
        gone = Item("holding/77", "tag", "WORD", 1, access="read-write", address="holding/77")
        found.items["holding/77"] = gone
        await amiss(found, {"holding/77": 2}, Wrong, "the inventory does not ask for it")


async def test_a_number_that_takes_two_requests_is_not_written() -> None:
    named = [{"name": "speed", "table": "holding", "address": 6, "type": "float32"}]
    unit = Unit(holding=registers(range(9)))
    async with plant(unit, registers=named, write_functions=[6]) as found:
        await amiss(found, {"speed": 1.5}, Refused, "half of it would be another number")
    async with plant(unit, registers=named, max_registers=1) as found:
        await amiss(found, {"speed": 1.5}, Refused, "half of it would be another number")


async def test_a_group_that_lost_a_member_writes_the_others_and_never_the_hole() -> None:
    unit = Unit(holding=registers(range(9)))
    async with plant(unit, ranges=[whole("holding", 9)]) as found:
        (group,) = found.writer.groups(found.wanted({f"holding/{n}": 50 for n in range(5)}))
        await found.writer.write([item for item in group if item.path != "holding/2"])
        assert [unit.holding[n] for n in range(6)] == [50, 50, 2, 50, 50, 5]


# -- what the device answers -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (1, Refused, "illegal function (exception 1); leave 16 out of options.write_functions"),
        (2, Refused, "illegal data address (exception 2); if it takes fewer in one request, lower"),
        (4, Refused, "server device failure (exception 4)"),
        (5, Unreachable, "only reading back tells"),
        (6, Refused, "server device busy (exception 6)"),
        (11, Unreachable, "only reading back tells"),
    ],
)
async def test_a_refusal_is_told_with_function_and_address(
    code: int, error: type[GoldcopyError], words: str
) -> None:
    unit = Unit(holding=registers(range(9)))
    simulator = ModbusSimulator({1: unit}, refuse={16: code})
    async with plant(simulator=simulator, ranges=[whole("holding", 9)]) as found:
        with pytest.raises(error, match=r"function 16 on holding/1\.\.2") as caught:
            await found.put_back(found.wanted({"holding/1": 50, "holding/2": 50}))
        assert words in str(caught.value)
        assert [service.writes for service in simulator.log].count(True) == 1, "once and no more"
        assert await found.put_back(found.wanted({"holding/7": 3}))  # the session goes on


class Deceiver(ModbusSimulator):
    """Acknowledges something other than what it was asked."""

    def __init__(self, seed: int) -> None:
        unit = Unit(holding=registers(range(9)), coils=Bits({n: False for n in range(9)}))
        super().__init__({1: unit})
        rng, honest = random.Random(seed), self.answer

        def answer(unit_id: int, pdu: bytes) -> bytes | None:
            reply = honest(unit_id, pdu)
            assert reply is not None
            if pdu[0] <= 4:
                return reply
            at = rng.randrange(1, len(reply))
            return reply[:at] + bytes((reply[at] ^ 1 << rng.randrange(8),)) + reply[at + 1 :]

        self.answer = answer  # type: ignore[method-assign]


@pytest.mark.parametrize("seed", range(8))
async def test_an_echo_of_something_else_proves_nothing_and_ends_the_connection(seed: int) -> None:
    ranges, values = [whole("holding", 9), whole("coil", 9)], dict[str, Value]()
    values |= {"holding/1": 50, "holding/2": 50} if seed % 2 else {"coil/3": True}
    async with plant(simulator=Deceiver(seed), ranges=ranges) as found:
        with pytest.raises(Malformed, match="not with its echo"):
            await found.put_back(found.wanted(values))
        with pytest.raises(Malformed):
            await found.writer.read()


async def test_silence_is_not_taken_for_yes_and_nothing_is_sent_again() -> None:
    unit = Unit(holding=registers(range(9)))
    simulator = ModbusSimulator({1: unit}, mute=frozenset({6}))
    async with plant(simulator=simulator, ranges=[whole("holding", 9)]) as found:
        with pytest.raises(Unreachable):
            await found.put_back(found.wanted({"holding/1": 50}))
        assert [service.writes for service in simulator.log].count(True) == 1
