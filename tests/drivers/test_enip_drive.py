"""Drives: what a second pull spares, and what may be written and what may not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from tests.drivers.enip_plant import both, pulled, target_of

from goldcopy.driver import Meter
from goldcopy.errors import Refused, Unsupported, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import DriveSimulator, Parameter
from goldcopy_sim.enip.files import EdsFile

CIP = Options(profile="cip")
CARRIED = {
    "parameter/41/default", "parameter/41/scaling", "parameter/30/choices", "file/eds",
}  # fmt: skip


def services(simulator: DriveSimulator) -> list[str]:
    return [service.name for service in simulator.services]


@asynccontextmanager
async def drive(*, plain: bool = True) -> AsyncIterator[DriveSimulator]:
    """With Parameter objects, or with DPI alone."""
    async with DriveSimulator.demo("conveyor") as simulator:
        if not plain:
            del simulator.objects[0x0F]
        yield simulator


# -- reading again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [True, False])
async def test_a_second_pull_describes_nothing_again(plain: bool) -> None:
    async with drive(plain=plain) as simulator:
        first = await pulled(simulator, CIP)
        cost = len(simulator.log)
        simulator.log.clear()
        simulator.services.clear()
        again, reading = await both(simulator, CIP, previous=first)
        assert again.id == first.id
        assert set(reading.carried) >= (CARRIED if plain else {"file/eds"})
        assert len(simulator.log) <= cost / 2
        assert "Upload Transfer" not in services(simulator)
        assert services(simulator).count("Get Attributes All") == 1  # of the identity
        assert not any(one.detail.endswith("attribute 7") and "DPI" in one.detail
                       for one in simulator.services)  # fmt: skip


@pytest.mark.parametrize("plain", [True, False])
async def test_live_values_are_read_whatever_the_checksum_says(plain: bool) -> None:
    async with drive(plain=plain) as simulator:
        first = await pulled(simulator, CIP)
        simulator.parameters[1].value = 4321
        again, reading = await both(simulator, CIP, previous=first)
        assert again.by_path["dpi/1"].value == 4321
        assert reading.carried
        assert again.id == (await pulled(simulator, CIP)).id


@pytest.mark.parametrize("stored", [True, False])
async def test_a_setting_that_is_another_has_all_described_again(stored: bool) -> None:
    """Also one in force that is not stored, of which the checksum knows nothing."""
    async with drive() as simulator:
        first = await pulled(simulator, CIP)
        simulator.parameters[41].value = 77
        if stored:
            simulator.dpi.stored[41] = 77
        again, reading = await both(simulator, CIP, previous=first)
        assert again.by_path["parameter/41"].value == 77
        assert list(reading.carried) == ["file/eds"]
        assert again.id == (await pulled(simulator, CIP)).id


async def test_another_drive_or_another_data_sheet_is_read_whole() -> None:
    async with drive() as simulator:
        first = await pulled(simulator, CIP)
        simulator.identity.revision = (14, 4)
        again, reading = await both(simulator, CIP, previous=first)
        assert not reading.carried
        simulator.identity.revision = (14, 3)
        simulator.objects[0x37] = EdsFile(b"[File]\r\n" * 40).serve
        again, reading = await both(simulator, CIP, previous=first)
        assert "file/eds" not in reading.carried
        assert again.id == (await pulled(simulator, CIP)).id != first.id


@pytest.mark.parametrize(("size", "most"), [(4000, 8), (500, 50)])
async def test_a_drive_with_many_parameters_is_described_in_few_requests(
    size: int, most: int
) -> None:
    numbers = [*range(1, 200), *range(210, 220)]
    parameters = [Parameter(n, f"P{n}", "UINT", n, 0, 999, 0) for n in numbers]
    async with DriveSimulator(parameters=parameters) as simulator:
        del simulator.objects[0x0F]
        snapshot = await pulled(simulator, Options(profile="cip", size=size))
        assert not snapshot.gaps
        assert [snapshot.by_path[f"dpi/{n}"].value for n in numbers] == numbers
        packets = [s for s in simulator.log if s.name == "Multiple Service Packet"]
        assert len(packets) <= most + 4  # and those for network and the like
        assert not simulator.violations


# -- writing ---------------------------------------------------------------------------------------


async def write(simulator: DriveSimulator, item: Item, value: Value, options: Options) -> None:
    async with EnipDriver().open_writing(target_of(simulator, options), Meter()) as session:
        (group,) = session.groups([msgspec.structs.replace(item, value=value)])
        await session.write(group)


def written(simulator: DriveSimulator) -> list[tuple[str, str]]:
    return [(one.name, one.detail) for one in simulator.services if one.writes]


@pytest.mark.parametrize(("number", "value"), [(41, 99), (44, 12.5), (46, -3), (80, 0xFF00)])
async def test_a_dpi_parameter_is_written_once_where_it_is_kept(number: int, value: float) -> None:
    async with drive(plain=False) as simulator:
        item = (await pulled(simulator, CIP)).by_path[f"dpi/{number}"]
        assert (item.role, item.access) == ("setting", "read-write")
        await write(simulator, item, value, CIP)
        assert simulator.parameters[number].value == simulator.dpi.stored[number] == value
        what = f"DPI Parameter {number} attribute 9"
        assert written(simulator) == [("Set Attribute Single", what)]
        assert simulator.dpi.commands == []


@pytest.mark.parametrize("path", ["dpi/97", "parameter/97", "dpi/300", "parameter/1"])
async def test_commands_and_what_is_shown_alone_are_no_settings_and_not_written(path: str) -> None:
    async with drive(plain=path.startswith("parameter")) as simulator:
        item = (await pulled(simulator, CIP)).by_path[path]
        assert (item.role, item.access) == ("process", "read")
        forged = msgspec.structs.replace(item, role="setting", access="read-write")
        for one in (item, forged):
            with pytest.raises(Refused, match=r"not to be written|is a command|read-only"):
                await write(simulator, one, 1, CIP)
        assert not written(simulator)


async def test_a_parameter_that_is_not_writable_while_the_drive_runs() -> None:
    async with drive(plain=False) as simulator:
        item = (await pulled(simulator, CIP)).by_path["dpi/25"]
        simulator.identity.running = True
        with pytest.raises(Refused, match="0x0c"):
            await write(simulator, item, 380, CIP)
        simulator.identity.running = False
        await write(simulator, item, 380, CIP)
        assert simulator.parameters[25].value == 380


async def test_an_assembly_is_written_if_the_options_call_it_configuration() -> None:
    content = bytes(range(24))
    chosen = Options(profile="cip", configuration=(6,), assemblies=(1,))
    async with drive() as simulator:
        live = (await pulled(simulator, chosen)).by_path["assembly/1"]
        item = (await pulled(simulator, chosen)).by_path["assembly/6"]
        assert (item.role, item.access, live.role) == ("setting", "read-write", "process")
        with pytest.raises(Refused, match=r"add 6 to options\.configuration"):
            await write(simulator, item, content, CIP)
        with pytest.raises(Refused, match=r"may hold outputs"):
            await write(simulator, live, content, chosen)
        assert not written(simulator)
        await write(simulator, item, content, chosen)
        assert bytes(simulator.assemblies[6]) == content
        with pytest.raises(Refused):
            await write(simulator, item, content[:-1], chosen)


async def test_what_else_a_device_has_is_not_written() -> None:
    async with drive() as simulator:
        found = (await pulled(simulator, CIP)).by_path
        with pytest.raises(Unsupported):
            await write(simulator, found["tcp-ip/host-name"], "other", CIP)
        other = msgspec.structs.replace(found["parameter/41"], type="REAL")
        with pytest.raises(Wrong, match="another type"):
            await write(simulator, other, 1.5, CIP)
        assert not written(simulator)


async def test_texts_of_values_and_of_bits() -> None:
    parameters = [
        Parameter(1, "Source", "USINT", 1, 1, 3, 1, choices=("", "Keypad", "Network")),
        Parameter(2, "Faults", "WORD", 5, 0, 0xFFFF, 0, choices=("Heat", "Current", "Phase")),
        Parameter(3, "Ramp", "UINT", 5, 0, 9, 0),
    ]
    async with DriveSimulator(parameters=parameters) as simulator:
        found = (await pulled(simulator, CIP)).by_path
    assert found["parameter/1/choices"].value == ("Keypad", "Network", "")
    assert found["parameter/1/choices"].label == "texts of 1 to 3"
    assert found["parameter/2/choices"].value == ("Heat", "Current", "Phase", *[""] * 13)
    assert "parameter/3/choices" not in found
