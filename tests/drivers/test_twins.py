"""A twin is read as the controller was: what a drill restores to is the real thing's double."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asyncua import ua
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldcopy.drill.ground import Gold, Ground
from goldcopy.drill.model import Scenario
from goldcopy.drill.run import drill
from goldcopy.drill.twins import NoTwin, as_device, covers, differences, load
from goldcopy.driver import PublicFile
from goldcopy.inventory import Device, Rule, Rules
from goldcopy.inventory import load as read_inventory
from goldcopy.registry import Registry
from goldcopy.restore.reach import Reach
from goldcopy.snapshot import Item, Snapshot
from goldcopy.snapshot.diff import Cover
from goldcopy_s7.options import Area, DbLayout, Options
from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit
from goldcopy_sim.opcua import OpcUaSimulator, Settings
from goldcopy_sim.opcua.codec import Data, Kind
from goldcopy_sim.opcua.ids import UA, ObjectIds, standard
from goldcopy_sim.opcua.machine import DI
from goldcopy_sim.opcua.model import Build, Model
from goldcopy_sim.opcua.variable import READ, WRITE
from goldcopy_sim.s7 import S7Simulator

REGISTRY = Registry.installed()
PLANT = {
    device.driver: device for device in read_inventory(Path("inventory.yaml"), REGISTRY).devices
}
SLOW = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def at(device: Device, simulator: Any, **over: object) -> Device:  # noqa: ANN401
    return msgspec.structs.replace(device, host=simulator.host, port=simulator.port, **over)


async def pulled(device: Device) -> Snapshot:
    return (await Reach(device, REGISTRY, retries=0).read())[0]


async def doubled(device: Device, held: Snapshot) -> tuple[Snapshot, Mapping[str, str]]:
    """What is read of a twin that holds a snapshot, and what it says that it lacks."""
    loaded = load(REGISTRY, device, held)
    async with loaded.twin as twin:
        return await pulled(as_device(REGISTRY, device, twin)), loaded.lacks


def only(held: Snapshot, wanted: Callable[[Item], bool]) -> Snapshot:
    items = [item for item in held.items if wanted(item)]
    return Snapshot.of(
        held.device, held.driver, held.identity, items, held.gaps, held.rules, held.blobs
    )


def unexplained(held: Snapshot, twin: Snapshot, lacks: Mapping[str, str]) -> list[str]:
    gaps = Cover(held.gaps)
    return [
        path for path in differences(held, twin) if not covers(lacks, path) and not gaps.of(path)
    ]


@pytest.mark.parametrize("driver", sorted(PLANT))
@SLOW
@given(name=st.sampled_from(["oven", "packer", "line1", "belt"]), number=st.integers(0, 10_000))
def test_a_twin_is_read_as_its_controller(driver: str, name: str, number: int) -> None:
    async def check() -> None:
        async with REGISTRY.simulator(driver).demo(f"{name}-{number}") as simulator:
            device = at(PLANT[driver], simulator)
            held = await pulled(device)
        twin, lacks = await doubled(device, held)
        assert unexplained(held, twin, lacks) == []
        assert twin.identity == held.identity
        # Aliases of tags are all that any of these controllers is said to lack.
        assert all("alias" in why for why in lacks.values())

    asyncio.run(check())


@pytest.mark.parametrize("driver", sorted(PLANT))
async def test_without_live_values_too(driver: str) -> None:
    """As the night run keeps it: what moves by itself is not in the backup."""
    async with REGISTRY.simulator(driver).demo("oven-7") as simulator:
        device = at(PLANT[driver], simulator)
        held = await pulled(device)
    kept = only(held, lambda item: item.role != "process")
    twin, lacks = await doubled(device, kept)
    assert unexplained(kept, twin, lacks) == []


@pytest.mark.parametrize("driver", sorted(PLANT))
async def test_a_wiped_twin_differs_in_every_setting_that_can_be_written(driver: str) -> None:
    async with REGISTRY.simulator(driver).demo("packer-3") as simulator:
        device = at(PLANT[driver], simulator)
        held = await pulled(device)
    loaded = load(REGISTRY, device, held)
    async with loaded.twin as twin:
        reached = as_device(REGISTRY, device, twin)
        twin.wipe()
        wiped = await pulled(reached)
    zero = (0, 0.0, False, "", b"", ())
    for path in differences(held, wiped):
        if covers(loaded.lacks, path) or path not in held.by_path:
            continue
        assert held.by_path[path].access == "read-write", path
        assert wiped.by_path[path].type == held.by_path[path].type, path
    differing = set(differences(held, wiped))
    for item in held.items:
        if item.role == "setting" and item.access == "read-write" and item.kind != "block":
            full = item.value not in zero and item.value != tuple([False] * 64)
            zeroes = isinstance(item.value, tuple) and not any(item.value)
            names = item.type == "STRING" and driver == "opcua"
            assert item.path in differing or not full or zeroes or names, item


# -- Modbus: every way in which a register may be encoded ------------------------------------------

NUMBERS = [
    "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64",
    "INT8H", "UINT8L",
]  # fmt: skip


@st.composite
def register(draw: st.DrawFn) -> dict[str, object]:
    sort = draw(st.sampled_from([*NUMBERS, "string", "bytes", "bits", "bit", "mask"]))
    made: dict[str, object] = {"name": "one", "ref": 40001, "type": sort}
    if sort in ("string", "bytes", "bits"):
        made["length"] = draw(st.integers(1, 16))
    elif sort in ("bit", "mask"):
        made |= {"type": "uint32", sort: draw(st.integers(1, 31))}
    elif sort[0] in "iu" and draw(st.booleans()):
        made |= {"scale": draw(st.sampled_from([0.1, 0.01, 2.0, -0.5])), "offset": 3.0}
    if draw(st.booleans()):
        made["order"] = draw(st.sampled_from(["ABCD", "DCBA", "BADC", "CDAB"]))
    return made


@settings(max_examples=60, deadline=None)
@given(register(), st.lists(st.integers(0, 0xFFFF), min_size=9, max_size=9))
def test_named_registers_in_every_encoding(described: dict[str, object], words: list[int]) -> None:
    kind = REGISTRY.driver("modbus").Options
    options = msgspec.convert({"identify": False, "registers": [described]}, kind)

    async def check() -> None:
        unit = Unit(holding=Registers(dict(enumerate(words))))
        async with ModbusSimulator({1: unit}) as simulator:
            device = Device("one", "modbus", simulator.host, simulator.port, options=options)
            held = await pulled(device)
        twin, lacks = await doubled(device, held)
        assert not lacks
        # A text ends at its first NUL and a part of a register is a part: the value is what counts.
        assert twin.settings == held.settings

    asyncio.run(check())


async def test_files_queues_units_and_inputs_of_modbus() -> None:
    kind = REGISTRY.driver("modbus").Options
    given = {
        "unit_id": 7,
        "ranges": [{"table": one, "start": 3, "count": 5} for one in ("coil", "discrete", "input")],
        "files": [{"file": 4, "count": 12, "record": 2}],
        "fifo": [1000],
    }
    unit = Unit(
        coils=Bits({n: n % 3 == 0 for n in range(20)}),
        discretes=Bits({n: n % 2 == 0 for n in range(20)}),
        inputs=Registers({n: 7 * n for n in range(20)}),
        files={4: Registers({n: 11 * n for n in range(20)})},
        fifos={1000: [5, 6, 7]},
    )
    async with ModbusSimulator({7: unit}) as simulator:
        options = msgspec.convert(given, kind)
        device = Device("one", "modbus", simulator.host, simulator.port, options=options)
        held = await pulled(device)
    twin, lacks = await doubled(device, held)
    assert not lacks
    assert (twin.items, twin.gaps) == (held.items, held.gaps)


# -- S7 and Logix: where a backup has less ---------------------------------------------------------

BELT = """DATA_BLOCK DB 7
STRUCT
  on : BOOL;
  jam : BOOL;
  gap : INT;
  speed : REAL;
  ramp : TIME;
  order : STRING [10];
  mask : DWORD;
END_STRUCT;
BEGIN
END_DATA_BLOCK
"""
BELT_BODY = (
    struct.pack(">BxhfI", 2, -350, 0.6, 2500) + b"\x0a\x06LINE-B" + bytes(4) + b"\x80\0\0\x01"
)


async def test_a_data_block_of_leaves_alone(tmp_path: Path) -> None:
    """With a layout, and without live values, the bytes of the block are not in the backup."""
    file = tmp_path / "belt.awl"
    file.write_text(BELT)
    async with S7Simulator.demo("belt") as simulator:
        simulator.insert(*_block(7, BELT_BODY))
        layout = DbLayout(7, (PublicFile(file),))
        options = Options(data=(Area("DB", 7),), layouts=(layout,), blocks=("DB",))
        device = Device("one", "s7", simulator.host, simulator.port, options=options)
        held = await pulled(device)
    kept = [item for item in held.items if item.role != "process"]
    assert len([item for item in kept if item.path.startswith("db/7/")]) == 7, held.gaps
    less = Snapshot.of("one", "s7", held.identity, kept, held.gaps, held.rules, held.blobs)
    twin, lacks = await doubled(device, less)
    assert unexplained(less, twin, lacks) == []
    assert not lacks


@pytest.mark.parametrize("scenario", ["wiped", "setpoints", "half-restored"])
async def test_members_of_data_blocks_are_drilled(tmp_path: Path, scenario: Scenario) -> None:
    file = tmp_path / "belt.awl"
    file.write_text(BELT)
    async with S7Simulator.demo("belt") as simulator:
        simulator.insert(*_block(7, BELT_BODY))
        layout = DbLayout(7, (PublicFile(file),))
        options = Options(data=(Area("DB", 7),), layouts=(layout,), blocks=("DB",))
        device = Device("one", "s7", simulator.host, simulator.port, options=options)
        held = await pulled(device)
    found = await drill(device, Gold(held), scenario, Ground(REGISTRY, "me@here"))
    assert (found.state, found.proved) == ("passed", True), found
    assert found.leaves["proved"] == found.leaves["harmed"] >= 6


def _block(number: int, body: bytes) -> Any:  # noqa: ANN401
    from goldcopy_sim.s7 import Block, Key, Kind

    return Key(Kind.DB, number), Block(Kind.DB, number, body).pack()


async def test_logix_without_its_tag_database_says_what_it_cannot_hold() -> None:
    async with REGISTRY.simulator("enip").demo("line3") as simulator:
        device = at(PLANT["enip"], simulator)
        held = await pulled(device)
    less = only(held, lambda item: item.path != "database/symbols")
    twin, lacks = await doubled(device, less)
    assert twin.by_path["tag/Speed"].value == held.by_path["tag/Speed"].value
    assert twin.by_path["tag/LayerGrid"] == held.by_path["tag/LayerGrid"]
    assert "structure" in lacks["tag/Recipe/0/Layers"]
    types = {path for path in held.by_path if path.startswith("type/")}
    assert set(unexplained(less, twin, lacks)) <= types


async def test_content_that_is_not_at_hand_is_told() -> None:
    async with REGISTRY.simulator("s7").demo("press") as simulator:
        device = at(PLANT["s7"], simulator)
        held = await pulled(device)
    bare = Snapshot(held.device, held.driver, held.identity, held.items, held.gaps, held.rules)
    twin, lacks = await doubled(device, bare)
    assert "not at hand" in lacks["block/OB35"]
    assert unexplained(bare, twin, lacks) == []


# -- OPC UA: nodes whose numbers may be given anew -------------------------------------------------


def numbered() -> Model:
    """A device with parameters that have numbers for names."""
    space = "http://example.com/numbered"
    build = Build("", "Example Controls", "Numbered", "1.2", "", datetime(2026, 1, 1, tzinfo=UTC))
    model = Model([UA, "urn:example:numbered", DI, space], build)
    devices = model.object(
        standard(ObjectIds.ObjectsFolder), model.id(DI, 5001), model.name(DI, "DeviceSet")
    )
    device = model.object(devices, model.id(space, 1), model.name(space, "Pump"))
    place = model.object(device, model.id(space, 2), model.name(DI, "ParameterSet"))
    for number in range(20):
        model.variable(
            place,
            model.id(space, 1000 + number),
            model.name(space, f"P{number}"),
            Data(Kind.Double, number / 2),
            access=READ | WRITE,
        )
    return model


@pytest.mark.parametrize("scenario", ["wiped", "setpoints"])
async def test_nodes_without_a_stable_address_are_drilled(scenario: Scenario) -> None:
    plain = Settings(security=[ua.SecurityPolicyType.NoSecurity])
    async with OpcUaSimulator("pump", numbered(), settings=plain) as simulator:
        device = at(PLANT["opcua"], simulator)
        held = await pulled(device)
    assert {item.address for item in held.items if item.access == "read-write"} == {""}
    twin, lacks = await doubled(device, held)
    assert (unexplained(held, twin, lacks), lacks) == ([], {})
    found = await drill(device, Gold(held), scenario, Ground(REGISTRY, "me@here"))
    assert (found.state, found.proved) == ("passed", True), found
    assert found.leaves["harmed"] >= 19


# -- where there is none ---------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["logix", "cip", "pccc"])
async def test_no_twin_is_told_with_what_to_do(profile: str) -> None:
    options = msgspec.convert({"profile": profile}, REGISTRY.driver("enip").Options)
    device = msgspec.structs.replace(PLANT["enip"], options=options)
    async with REGISTRY.simulator("enip").demo("line3") as simulator:
        held = await pulled(at(PLANT["enip"], simulator))
    nobody = msgspec.structs.replace(held.identity, firmware="the latest")
    with pytest.raises(NoTwin, match=r"no CIP identity.*--target"):
        load(REGISTRY, device, held, nobody)
    with pytest.raises(NoTwin, match="--target"):
        load(Registry(), device, held)


async def test_rules_do_not_hide_a_difference() -> None:
    """What the inventory calls live is none of the drill's settings."""
    async with REGISTRY.simulator("modbus").demo("mixer") as simulator:
        rules = Rules([Rule("holding/**", "process")])
        device = at(PLANT["modbus"], simulator, rules=rules)
        held = await pulled(device)
    twin, _ = await doubled(device, held)
    assert differences(held, twin) == []
    assert twin.id == held.id
