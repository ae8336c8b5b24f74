"""Writing to the simulated machines: packed, and exact to the last bit."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec
import pytest
from asyncua.ua import SecurityPolicyType
from tests.drivers.opcua_plant import OVEN, PARAMETERS, SET, agrees, by_address, plain, plant, pull

from goldcopy.errors import Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_opcua.writer import MOST_BYTES
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.opcua.codec import Data, Kind
from goldcopy_sim.opcua.flat import SPACE, flat
from goldcopy_sim.opcua.variable import READ, WRITE


@pytest.mark.parametrize("name", ["oven", "packer"])
@pytest.mark.parametrize("limit", [0, 7, 1000])
async def test_a_manipulated_machine_goes_back_to_the_last_bit(name: str, limit: int) -> None:
    """All that can be written, structures and nulls included, in the fewest requests."""
    async with plant(plain(f"{name}-1", max_nodes_per_write=limit)) as found:
        before = await pull(found.plc)
        wanted = [
            item for item in before.items
            if item.access == "read-write" and not item.path.endswith("SpareLimit")
        ]  # fmt: skip
        assert len(wanted) > 70
        spoilt = [item for item in wanted if spoil(found.plc, item)]
        assert len(spoilt) > 60
        assert before.id != (await pull(found.plc)).id
        asked = await found.put_back(wanted)
        after = await pull(found.plc)
        variables = {item.address.partition("#")[0] for item in wanted}
        assert asked[0] == f"{min(limit or 50, len(variables))} nodes"
        assert len(asked) == -(-len(variables) // (limit or 50))
        assert after.id == before.id


def spoil(plc: OpcUaSimulator, item: Item) -> bool:
    """Somebody at the panel sets something else; False for what is left alone."""
    kind, value = plc.values()[item.address]
    other: Value
    match value:
        case bool():
            other = not value
        case int():
            other = value ^ 1
        case float():
            other = 77.0
        case str() if kind == "DATE_AND_TIME":
            other = "2001-01-01T00:00:00.0000001Z"
        case str() if item.path.endswith(("ConfigurationId", "StartPage", "ActiveView")):
            return False
        case str():
            other = "spoilt"
        case bytes() if not item.path.endswith("DriveImage"):
            other = b"spoilt"
        case tuple() if value and not item.path.endswith("]"):
            other = value[::-1]
        case _:
            return False
    plc.change(item.address, other)
    return True


VALUES: Mapping[str, Value] = {
    "KeypadLocked": True,
    "MachineTag": "",
    "Commissioned": "1601-01-01T00:00:00.0000000Z",
    "ConfigurationId": "00000000-0000-0000-0000-000000000001",
    "CalibrationKey": b"",
    "StartPage": f"{OVEN}.Zone1",
    "ActiveView": "Plain",
    "OperatorNote": "🔥",
    "Mode": 3,
    "TrimOffset": -128,
    "ServiceCode": 2**64 - 1,
    "HomePosition": 2**63 - 1,
    "Scale": struct.unpack("<d", bytes.fromhex("0100adde0000f0ff"))[0],  # a signalling NaN
    "ZeroShift": 0.0,
    "Gain": struct.unpack("<f", bytes.fromhex("0100c07f"))[0],  # a NaN with a message
    "IntegralTime": -0.0,
    "OverrunLimit": 5e-324,
    "SpareTitle": "no longer null",
    "SpareLimit": 2.5,
    "ActiveRecipe/Title": "Brötchen",
    "ActiveRecipe/Zones/0/Alarm/High": -0.0,
    "ActiveRecipe/Zones/1/Enabled": False,
    "Recipes/1/Mode": 3,
    "Options/Scanner": "",
}


ARRAYS: Mapping[str, tuple[str, Value]] = {
    "RampTable": ("ARRAY[2] OF REAL", (1.5, -0.0)),
    "Flags": ("ARRAY[0] OF BOOL", ()),
    "Holidays": ("ARRAY[1] OF DATE_AND_TIME", ("2026-12-24T00:00:00.0000001Z",)),
    "Shifts": ("ARRAY[2] OF STRING", ("", "ü")),
    "Keys": ("ARRAY[3] OF ULINT", (0, 2**63, 2**64 - 1)),
    "LaneMap": ("ARRAY[3,1] OF INT", (1, -1, 7)),
    "Cube": ("ARRAY[1,2,2] OF LREAL", (1.0, 2.0, 3.0, 4.0)),
    "MachineTag": ("ARRAY[0] OF STRING", ()),
    "CalibrationKey": ("ARRAY[0] OF BYTES", ()),
    "ActiveRecipe/Ramp": ("ARRAY[6] OF REAL", (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
    "Recipes/0/Ramp": ("ARRAY[0] OF REAL", ()),
}


@pytest.mark.parametrize("reorder", [False, True])
async def test_values_arrive_as_they_are_whatever_the_order_of_namespaces(reorder: bool) -> None:
    """The snapshot is of another run of the machine; each index has moved since."""
    async with plain("oven-1") as plc:
        before = (await pull(plc)).by_path
    async with plant(plain("oven-1", reorder=reorder)) as found:
        found.items.update(before)
        items = [found.item(name, value) for name, value in VALUES.items() if "Spare" not in name]
        items += [
            found.item(name, value, type=found.item(name, 0).type.removeprefix("ARRAY[0] OF "))
            for name, value in VALUES.items()
            if "Spare" in name
        ]
        image = found.items[f"{PARAMETERS}/oven:DriveImage"].value
        assert isinstance(image, bytes)
        items.append(found.item("DriveImage", image[:-1] + b"\x7f"))  # its type id, too, has moved
        assert await found.put_back(items) == ["23 nodes"]
        held = found.plc.values()
        for item in items:
            kind, value = held[item.address]
            assert (item.type, repr(item.value)) == (kind, repr(value)), item.path
        arrays = [found.item(name, value, type=type_) for name, (type_, value) in ARRAYS.items()]
        await found.put_back(arrays)
        held, after = found.plc.values(), by_address(await pull(found.plc))
        for item in arrays:
            assert agrees(item, held[item.address]), item.path
            assert agrees(after[item.address], held[item.address])


async def test_a_member_is_written_and_the_others_are_as_they_are_now() -> None:
    """Not as they were when the snapshot was taken."""
    async with plant(plain("oven-1")) as found:
        found.plc.change(SET + "ActiveRecipe#Title", "changed at the panel")
        items = [
            found.item("ActiveRecipe/Zones/1/Setpoint", 199.5),
            found.item("Gain", 2.0),
            found.item("ActiveRecipe/Number", 9),
        ]
        assert await found.put_back(items) == ["2 nodes"]
        held = found.plc.values()
        assert held[SET + "ActiveRecipe#Title"][1] == "changed at the panel"
        assert held[SET + "ActiveRecipe#Zones[1].Setpoint"][1] == 199.5
        assert held[SET + "ActiveRecipe#Number"][1] == 9


async def test_a_structure_that_nobody_explains_goes_back_by_its_bytes() -> None:
    async with plant(plain("oven-1", max_nodes_per_write=1)) as found:
        path, address = f"{PARAMETERS}/oven:DriveImage", SET + "DriveImage"
        item = found.snapshot.by_path[path]
        assert isinstance(item.value, bytes)
        other = item.value[:-4] + b"\1\2\3\4"
        assert await found.put_back([found.item("DriveImage", other)]) == ["1 nodes"]
        assert found.plc.values()[address] == ("BYTES", other)
        stranger = found.item("DriveImage", other, label="type nsu=http://example.com/other;i=1")
        found.plc.log.clear()
        await found.amiss([stranger], Wrong, "its bytes were not of the type")


async def test_500_manipulated_variables_go_back_in_ten_requests() -> None:
    async with plant(OpcUaSimulator.flat(10, 50)) as found:
        wanted = [item for item in found.snapshot.items if item.access == "read-write"]
        for item in wanted:
            found.plc.change(item.address, -1.0)
        assert await found.put_back(wanted) == ["50 nodes"] * 10
        assert (await pull(found.plc)).id == found.snapshot.id


async def test_a_request_is_never_longer_than_any_server_takes() -> None:
    async with plant(plain("oven-1", max_nodes_per_write=100)) as found:
        long = "x" * (MOST_BYTES // 3)
        items = [found.item("MachineTag", long), found.item("OperatorNote", long)]
        items += [found.item("ActiveRecipe/Title", long), found.item("Gain", 1.0)]
        sizes = [len(group) for group in found.writer.groups(items)]
        assert sizes == [2, 2]
        await found.put_back(items)
        assert found.plc.values()[SET + "ActiveRecipe#Title"][1] == long
        huge = found.item("MachineTag", "y" * (4 * MOST_BYTES))
        assert len(found.writer.groups([items[3], huge, items[3]])) == 3
        await found.put_back([huge])
        assert found.plc.values()[SET + "MachineTag"][1] == huge.value


async def test_texts_in_several_languages_are_not_mixed_up() -> None:
    async with plant(plain("oven-1")) as found:
        note = found.item("OperatorNote", "Check the door", label="locale en")
        await found.put_back([note])
        after = by_address(await pull(found.plc))[SET + "OperatorNote"]
        assert (after.value, after.label) == ("Check the door", "locale en")
        await found.put_back([found.item("OperatorNote", "plain", label="")])
        after = by_address(await pull(found.plc))[SET + "OperatorNote"]
        assert (after.value, after.label) == ("plain", "")


async def test_numeric_ids_that_may_be_others_are_found_by_their_names() -> None:
    async with plant(plain("oven-1")) as found:
        gone = found.item("Gain", 4.5, address="")
        assert await found.put_back([gone]) == ["1 nodes"]
        assert found.plc.values()[SET + "Gain"][1] == 4.5
        member = found.item("ActiveRecipe/Zones/1/Setpoint", 4.5, address="")
        assert await found.put_back([member]) == ["1 nodes"]
        assert found.plc.values()[SET + "ActiveRecipe#Zones[1].Setpoint"][1] == 4.5
        found.plc.log.clear()
        stray = msgspec.structs.replace(gone, path="Nowhere/at all")
        await found.amiss([stray], Wrong, "no variable with this path now")


async def test_an_identifier_may_hold_what_leads_into_a_structure_elsewhere() -> None:
    model = flat(1, 1, properties=False)
    folder = model.id(SPACE, "Bench.F000")
    for name in ("Line#1", "Line#1.Speed", "Line", "#"):
        data = Data(Kind.Double, 1.5)
        where = model.id(SPACE, name), model.name(SPACE, name)
        model.variable(folder, *where, data, access=READ | WRITE)
    settings = Settings(security=[SecurityPolicyType.NoSecurity])
    async with plant(OpcUaSimulator("bench", model, settings=settings)) as found:
        path = "bench:Bench/bench:F000/bench:"
        names = ("Line#1", "Line#1.Speed", "#")
        wanted = [found.item(path + name, n + 2.5) for n, name in enumerate(names)]
        assert await found.put_back(wanted) == ["3 nodes"]
        held = {path.rpartition("=")[2]: value for path, (_, value) in found.plc.values().items()}
        assert held == {
            "Bench.F000.V000": 0.0,
            "Line": 1.5,
            **dict(zip(names, (2.5, 3.5, 4.5), strict=True)),
        }
