"""Many writes in the fewest requests, single bits, and what a refusal among them says."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.drivers.enip_plant import by_address, pulled, target_of

from goldcopy.driver import Meter
from goldcopy.errors import Refused, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_enip.requests import packets
from goldcopy_sim.enip import LogixSimulator, Member, Structure, Tag, cip, string
from goldcopy_sim.enip.cip import Refusal, Reply
from goldcopy_sim.enip.demo import palletizer

IN_RUN = Options(write_in_run=True)


async def restore(
    simulator: LogixSimulator, items: list[Item], options: Options = IN_RUN
) -> list[int]:
    """Write all, group by group; gives the sizes of the groups."""
    async with EnipDriver().open_writing(target_of(simulator, options), Meter()) as session:
        await session.identify()
        groups = session.groups(items)
        assert [item for group in groups for item in group] == items
        for group in groups:
            await session.write(group)
    return [len(group) for group in groups]


async def wanted(simulator: LogixSimulator, values: Mapping[str, Value]) -> list[Item]:
    found = {item.address: item for item in (await pulled(simulator, IN_RUN)).items}
    return [msgspec.structs.replace(found[at], value=value) for at, value in values.items()]


def writes(simulator: LogixSimulator) -> list[str]:
    return [service.name for service in simulator.log if service.writes]


@pytest.mark.parametrize(("size", "most"), [(4000, 2), (500, 13), (200, 34)])
async def test_three_hundred_numbers_in_the_fewest_requests(size: int, most: int) -> None:
    """A write of such a DINT has 18 bytes, and two for its place in the packet."""
    assert most == -(-300 // ((size - 2 - 8) // 20))
    async with LogixSimulator.flat(300, 0) as simulator:
        values = {f"D{at:04d}": at - 150 for at in range(300)}
        options = Options(size=size, write_in_run=True)
        sizes = await restore(simulator, await wanted(simulator, values), options)
        assert len(writes(simulator)) == len(sizes) == most
        assert {key: value for key, (_, value) in simulator.values().items()} == values
        assert not simulator.violations


async def test_a_recipe_goes_in_one_request() -> None:
    values: dict[str, Value] = {
        "Recipe[1].Name": "CRATE", "Recipe[1].Layers": 5, "Recipe[1].Weight": 7.25,
        "Recipe[1].Serial": -1, "Recipe[1].Active": True, "Recipe[1].Locked": True,
        "Operator": "DAY", "LayerGrid": tuple(range(24)), "Recipe[1].Home.Homed": False,
        "Recipe[1].Options": (True, False) * 16, "Program:Main.Mode": -2, "Running": False,
        **{f"Recipe[1].Steps[{at}].Time": 4000 + at for at in range(6)},
    }  # fmt: skip
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        items = await wanted(simulator, values)
        assert await restore(simulator, items) == [len(values)]
        assert writes(simulator) == ["Multiple Service Packet"]
        held = simulator.values()
        assert {address: held[address][1] for address in values} == values
        assert not simulator.violations


async def test_what_cannot_be_packed_stays_by_itself() -> None:
    """A long array, and what is not to be written at all; the order is kept."""
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        values: dict[str, Value] = {"Speed": 1.5, "Odometer": 1, "Running": False, "CycleCount": 3}
        items = await wanted(simulator, values)
        async with EnipDriver().open_writing(target_of(simulator, IN_RUN), Meter()) as session:
            groups = session.groups(items)
            assert [[item.address for item in group] for group in groups] == [
                ["Speed"], ["Odometer"], ["Running", "CycleCount"],
            ]  # fmt: skip
            with pytest.raises(Refused, match="not to be written"):
                await session.write(groups[1])
    async with LogixSimulator.flat(2, 1) as simulator:
        row = tuple(range(1000))
        items = await wanted(simulator, {"D0000": 1, "A000": row, "D0001": 2})
        assert await restore(simulator, items) == [1, 1, 1]
        assert writes(simulator).count("Write Tag Fragmented") == 2
        assert simulator.values()["A000"][1] == row


async def test_a_refusal_in_a_packet_is_told_and_the_others_are_written() -> None:
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        items = await wanted(simulator, {"Speed": 2.5, "MaxSpeed": 1.0, "CycleCount": 9})
        with pytest.raises(Refused, match=r"tag/MaxSpeed: permission denied"):
            await restore(simulator, items)
        held = simulator.values()
        assert (held["Speed"][1], held["MaxSpeed"][1], held["CycleCount"][1]) == (2.5, 80.0, 9)


async def test_a_wrong_value_among_others_sends_nothing() -> None:
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        items = await wanted(simulator, {"Speed": 2.5, "CycleCount": 1 << 40})
        with pytest.raises(Wrong, match="is no DINT"):
            await restore(simulator, items)
        assert not writes(simulator)


async def test_a_string_type_that_is_longer_than_usual_takes_a_packet_more() -> None:
    long = string("STRING_400", 400)
    async with LogixSimulator(tags=[Tag(f"T{at}", long) for at in range(5)]) as simulator:
        values: dict[str, Value] = {f"T{at}": f"text {at}" for at in range(5)}
        options = Options(size=1000, write_in_run=True)
        await restore(simulator, await wanted(simulator, values), options)
        assert {key: value for key, (_, value) in simulator.values().items()} == values
        assert len(writes(simulator)) == 3
        assert not simulator.violations


async def test_without_multiple_service_packets_each_is_a_request() -> None:
    tags = [tag for tag in palletizer("micro").tags if tag.name in ("Speed", "Zones", "Running")]
    options = Options(path="", write_in_run=True)
    async with LogixSimulator(tags=tags, micro800=True) as simulator:
        values: dict[str, Value] = {"Speed": 2.5, "Zones": tuple(range(16)), "Running": False}
        found = {item.address: item for item in (await pulled(simulator, options)).items}
        items = [msgspec.structs.replace(found[at], value=value) for at, value in values.items()]
        await restore(simulator, items, options)
        assert {key: value for key, (_, value) in simulator.values().items()} == values
        assert writes(simulator) == ["Write Tag"] * 3


class Stubborn(LogixSimulator):
    """Takes the first part of a long write, and no more."""

    parts = 0

    def serve(self, service: int, path: bytes, data: bytes, room: int) -> Reply:
        self.parts += service == 0x53
        if self.parts > 1 and service == 0x53:
            raise Refusal(cip.DENIED)
        return super().serve(service, path, data, room)


async def test_a_long_write_that_breaks_off_is_said_to_be_half_written() -> None:
    async with Stubborn.flat(1, 1) as simulator:
        held = simulator.values()["A000"][1]
        assert isinstance(held, tuple)
        items = await wanted(simulator, {"A000": tuple(range(1000))})
        with pytest.raises(Refused, match=r"tag/A000 is half written.*permission denied"):
            await restore(simulator, items)
        now = simulator.values()["A000"][1]
        assert isinstance(now, tuple)
        assert now[:900] == tuple(range(900))
        assert now[-1] == held[-1]


# -- bits ------------------------------------------------------------------------------------------

FLAGS = Structure("Flags", (Member("Word", "INT"), Member("Bits", "BOOL", 32)))


@pytest.mark.parametrize("bit", [0, 5, 31])
@pytest.mark.parametrize("on", [False, True])
async def test_one_bit_of_an_integer_or_an_array(bit: int, on: bool) -> None:
    tags = [
        Tag("Count", value=0x5A5A5A5A),
        Tag("Rows", "DINT", (3,), [1, 0x0F0F0F0F, 3]),
        Tag("Alarms", "BOOL", (96,), [at % 3 == 0 for at in range(96)]),
        Tag("Both", FLAGS, (2,)),
    ]
    async with LogixSimulator(tags=tags) as simulator:
        before = simulator.values()
        found = (await pulled(simulator, IN_RUN)).by_path["tag/Count"]
        places = (f"Count.{bit}", f"Rows[1].{bit}", f"Alarms[{32 + bit}]", f"Both[1].Bits[{bit}]")
        items = [
            msgspec.structs.replace(found, type="BOOL", address=place, value=on) for place in places
        ]
        assert await restore(simulator, items) == [4]
        names = [service.name for service in simulator.services if service.writes]
        assert names == ["Read Modify Write Tag"] * 4
        after = simulator.values()
        assert after["Count"][1] == with_bit(before["Count"][1], bit, on)
        rows = before["Rows"][1]
        assert isinstance(rows, tuple)
        assert after["Rows"][1] == (1, with_bit(rows[1], bit, on), 3)
        for name, at in (("Alarms", 32 + bit), ("Both[1].Bits", bit)):
            several = before[name][1]
            assert isinstance(several, tuple)
            assert after[name][1] == (*several[:at], on, *several[at + 1 :])
        assert not simulator.violations


def with_bit(number: object, bit: int, on: bool) -> int:
    assert isinstance(number, int)
    whole = number | 1 << bit if on else number & ~(1 << bit)
    return (whole + (1 << 31)) % (1 << 32) - (1 << 31)


async def test_an_array_of_bools_is_written_by_the_bits_that_differ() -> None:
    """What the program sets meanwhile in the same word stays as the program has it."""
    tags = [Tag("Alarms", "BOOL", (128,), [False] * 128)]
    async with LogixSimulator(tags=tags) as simulator:
        value = tuple(at in (3, 70) for at in range(128))
        items = await wanted(simulator, {"Alarms": value})
        await restore(simulator, items)
        services = [service for service in simulator.services if service.writes]
        assert [(one.name, one.detail) for one in services] == [
            ("Read Modify Write Tag", "Alarms[0]"),
            ("Read Modify Write Tag", "Alarms[2]"),
        ]
        assert by_address(await pulled(simulator))["Alarms"][1] == value


@pytest.mark.parametrize("address", ["Speed.3", "CycleCount.32", "Zones[2].40", "Zones[3]"])
async def test_bits_that_there_are_not(address: str) -> None:
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        (item,) = await wanted(simulator, {"CycleCount": 1})
        item = msgspec.structs.replace(item, type="BOOL", address=address, value=True)
        with pytest.raises(Wrong):
            await restore(simulator, [item])
        assert not writes(simulator)


@given(st.lists(st.binary(min_size=4, max_size=180), max_size=40), st.integers(198, 4000))
def test_packets_keep_the_order_and_the_size(several: list[bytes], size: int) -> None:
    found = packets(size, several)
    assert [one for packet in found for one in packet] == several
    costs = [8 + sum(2 + len(one) for one in packet) for packet in found]
    assert all(cost <= size for cost in costs)
    for packet, after in zip(costs, found[1:], strict=False):
        assert packet + 2 + len(after[0]) > size, "one more would have fitted"
