"""Writing to the simulated machines, which are strict: packed, exact, refused in words."""

from __future__ import annotations

import random
import re
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import msgspec
import pytest
from asyncua.ua import SecurityPolicyType

from goldcopy.driver import Meter
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable, Unsupported, Wrong
from goldcopy.snapshot import Item, Snapshot, Value
from goldcopy_opcua import OpcUaDriver, OpcUaWriter
from goldcopy_opcua.writer import MOST_BYTES
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.opcua.codec import Data, Kind
from goldcopy_sim.opcua.flat import SPACE, flat
from goldcopy_sim.opcua.variable import READ, WRITE

from .test_opcua_pull import OVEN, PARAMETERS, agrees, by_address, plain, pull, target

SET = f"{OVEN}.ParameterSet."


@dataclass
class Plant:
    """A simulator, a writing session on it, and what was read first."""

    plc: OpcUaSimulator
    writer: OpcUaWriter
    snapshot: Snapshot
    items: dict[str, Item]

    def item(self, name: str, value: Value, **other: object) -> Item:
        """A parameter of the oven with another value."""
        found = self.items.get(f"{PARAMETERS}/oven:{name}") or self.items[name]
        return msgspec.structs.replace(found, value=value, **other)

    async def put_back(self, items: Sequence[Item]) -> list[str]:
        """Write these, by groups; the details of the writing requests that it took."""
        before = len(self.plc.log)
        for group in self.writer.groups(items):
            await self.writer.write(group)
        return [service.detail for service in self.plc.log[before:] if service.writes]

    async def amiss(self, items: Sequence[Item], error: type[GoldcopyError], words: str) -> None:
        """These are not written, and nothing that writes is sent."""
        before = dict(self.plc.values())
        with pytest.raises(error, match=re.escape(words)):
            await self.writer.write(items)
        assert not any(service.writes for service in self.plc.log)
        assert repr(dict(self.plc.values())) == repr(before)


@asynccontextmanager
async def plant(plc: OpcUaSimulator) -> AsyncIterator[Plant]:
    async with plc:
        snapshot = await pull(plc)
        async with OpcUaDriver().open_writing(target(plc), Meter()) as writer:
            yield Plant(plc, writer, snapshot, dict(snapshot.by_path))


# -- exact -----------------------------------------------------------------------------------------


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


# -- refused ---------------------------------------------------------------------------------------


async def test_what_cannot_be_written_says_why_and_nothing_is_sent() -> None:
    async with plant(plain("oven-1")) as found:
        good = found.item("Gain", 1.0)
        for item, error, words in (
            (found.item("LastFault", 0), Refused, "this user might not write it"),
            (found.item("LastFault", 0, access="read-write"), Refused, "without CurrentWrite"),
            (found.item("structure", "x"), Refused, "is not to be written"),
            (found.item("Gain", 0.1), Wrong, "would not be read back"),
            (found.item("Gain", 1, type="INT"), Wrong, "it was INT, and the variable holds REAL"),
            (found.item("Gain", "x", type="BYTES"), Wrong, "it was BYTES"),
            (found.item("Mode", 2**31), Wrong, "cannot be written"),
            (found.item("ActiveRecipe/Mode", 2**31), Wrong, "cannot be written"),
            (found.item("ActiveRecipe/Number", (), type="ARRAY[0] OF UINT"), Wrong, "null"),
            (found.item("Options/Scanner", "x", address=SET + "Options#Printer"), Wrong, "member"),
            (found.item("Gain", 1.0, address=SET + "ActiveRecipe"), Wrong, "taken apart"),
            (found.item("Gain", 1.0, address=SET + "Gone"), Refused, "BadNodeIdUnknown"),
            (found.item("Gain", 1.0, address="nsu=http://x/;s=Gain"), Wrong, "no namespace"),
            (found.item("Gain", 1.0, address="Gain"), Wrong, "is no node"),
            (found.item("Gain", 1.0, address="i=2994"), Unsupported, "standard's own"),
            (found.item("Gain", 1.0, address=SET + "DoorSensor"), Refused, "BadSensorFailure"),
            (found.item("Gain", 1.0, address=SET + "ServicePin"), Refused, "BadUserAccessDenied"),
            (found.item("StartPage", "nsu=http://x/;s=a"), Wrong, "no namespace http://x/"),
            (found.item("Gain", 1.0, kind="file"), Unsupported, "files are read"),
        ):
            await found.amiss([good, item], error, words)
            assert item.path.rpartition(":")[2] in str(await said(found, [good, item]))
        for item in found.snapshot.items:
            if item.kind == "file":
                await found.amiss([item], Unsupported, "files are read, and never written")
        groups = found.writer.groups([good, found.item("LastFault", 0), good])
        assert [len(group) for group in groups] == [1, 1, 1]


async def said(found: Plant, items: Sequence[Item]) -> GoldcopyError:
    with pytest.raises(GoldcopyError) as caught:
        await found.writer.write(items)
    return caught.value


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


async def test_twins_that_only_a_number_tells_apart_are_not_mixed_up() -> None:
    model = flat(1, 1, properties=False)
    folder, name = model.id(SPACE, "Bench.F000"), model.name(SPACE, "Speed")
    for number in (1, 2):
        data = Data(Kind.Double, float(number))
        model.variable(folder, model.id(SPACE, number), name, data, access=READ | WRITE)
    settings = Settings(security=[SecurityPolicyType.NoSecurity])
    async with plant(OpcUaSimulator("bench", model, settings=settings)) as found:
        twins = [item for path, item in found.items.items() if "Speed" in path]
        assert [item.address for item in twins] == ["", ""]
        for item in twins:
            await found.amiss([item], Wrong, "tells this from another of the same name")


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


async def test_each_value_has_a_status_and_one_bad_one_is_an_error() -> None:
    """A server may take some and refuse others: Write is not atomic (OPC 10000-4, 5.11.4)."""
    async with plant(plain("oven-1")) as found:
        items = [
            found.item("Gain", 1.5),
            found.item("Anything", 5.5, type="LREAL"),  # its data type is abstract: Number
            found.item("LaneMap", (1, 2), type="ARRAY[2] OF INT"),  # it is a matrix
            found.item("IntegralTime", 2.5),
        ]
        error = await said(found, items)
        assert isinstance(error, Refused)
        assert "LaneMap (BadTypeMismatch: it is of another type)" in str(error)
        assert "oven:Anything (BadTypeMismatch" in str(error)
        assert "Gain" not in str(error)
        held = found.plc.values()
        assert (held[SET + "Gain"][1], held[SET + "IntegralTime"][1]) == (1.5, 2.5)
        assert [service.detail for service in found.plc.log if service.writes] == ["4 nodes"]


async def test_a_user_who_may_only_read_is_told_so() -> None:
    async with plant(plain("oven-1", anonymous="viewer")) as found:
        allowed = found.item("Gain", 1.0, access="read-write")
        await found.amiss([allowed], Refused, "log in as a user who may")


async def test_a_null_of_a_type_that_has_none_is_the_server_s_to_refuse() -> None:
    async with plant(plain("oven-1")) as found:
        error = await said(found, [found.item("SpareLimit", ())])
        assert "SpareLimit (BadTypeMismatch" in str(error)


async def test_a_limit_that_the_server_does_not_tell_is_refused_once() -> None:
    plc = plain("oven-1", max_nodes_per_write=3, report_limits=False)
    async with plant(plc) as found:
        names = ("Gain", "IntegralTime", "OverrunLimit", "ZeroShift")
        error = await said(found, [found.item(name, 1.5) for name in names])
        assert isinstance(error, Refused)
        assert "does not take so much in one Write (BadTooManyOperations)" in str(error)
        assert [service.writes for service in found.plc.log].count(True) == 1


# -- lies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
async def test_an_answer_with_other_statuses_than_values_proves_nothing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plant(plain("oven-1")) as found:
        rng = random.Random(seed)
        honest = found.writer._client.channel.ask  # noqa: SLF001

        async def ask(service: int, body: bytes) -> object:
            reader = await honest(service, body)
            if service == 673:
                count = rng.choice([0, 1, 3])
                answer = struct.pack("<i", count) + bytes(4 * count) + b"\xff" * 4
                reader.data, reader.pos = answer + bytes(seed % 2), 0
            return reader

        monkeypatch.setattr(found.writer._client.channel, "ask", ask)  # noqa: SLF001
        with pytest.raises(Malformed):
            await found.writer.write([found.item("Gain", 1.0), found.item("Mode", 1)])


async def test_silence_is_not_taken_for_yes_and_nothing_is_sent_again() -> None:
    async with plain("oven-1") as plc:
        items = (await pull(plc)).by_path
        quick = replace(target(plc), timeout=0.3)
        async with OpcUaDriver().open_writing(quick, Meter()) as writer:
            plc.fault = "silent"
            with pytest.raises(Unreachable):
                await writer.write([items[f"{PARAMETERS}/oven:Gain"]])
        assert [service.writes for service in plc.log].count(True) <= 1
