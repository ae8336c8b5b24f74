"""What cannot be written to a machine: refused in words, and lies are not believed."""

from __future__ import annotations

import random
import struct
from dataclasses import replace

import pytest
from asyncua.ua import SecurityPolicyType
from tests.drivers.opcua_plant import PARAMETERS, SET, plain, plant, pull, said, target

from goldcopy.driver import Meter
from goldcopy.errors import Malformed, Refused, Unreachable, Unsupported, Wrong
from goldcopy_opcua import OpcUaDriver
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.opcua.codec import Data, Kind
from goldcopy_sim.opcua.flat import SPACE, flat
from goldcopy_sim.opcua.variable import READ, WRITE


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
