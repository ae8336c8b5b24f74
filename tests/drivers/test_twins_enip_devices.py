"""Twins of drives, SLC, MicroLogix and PLC-5: read as the device was, harmed, really restored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.drivers.enip_pccc_plant import PLC5_FILES, plc5, slc

from goldcopy.drill.ground import Ground
from goldcopy.drill.twins import as_device, load
from goldcopy.inventory import Device, Rule, Rules
from goldcopy.registry import Registry
from goldcopy.restore.reach import Reach
from goldcopy.snapshot import Snapshot
from goldcopy.snapshot.values import real_from_bits
from goldcopy_enip.options import Options
from goldcopy_sim.enip import (
    MICROLOGIX_1400,
    DataFile,
    DriveSimulator,
    Parameter,
    PcccSimulator,
    Plc5Simulator,
)
from goldcopy_sim.enip.pccc import MICROLOGIX_1100

REGISTRY = Registry.installed()
GROUND = Ground(REGISTRY, "me@here")
BITS = Rules([Rule("file/B3/**", "setting")])
"""As an inventory says that the bits of a file are set by people."""

Simulated = DriveSimulator | PcccSimulator


def drive() -> DriveSimulator:
    return DriveSimulator.demo("conveyor")


def dpi_alone() -> DriveSimulator:
    made = drive()
    del made.objects[0x0F]
    return made


DRIVE = Options(profile="cip", assemblies=(1,), configuration=(6,))
PLC5 = Options(profile="pccc", files=(*PLC5_FILES, "N99:4"))
MAKES: dict[str, tuple[Callable[[], Simulated], Options, Rules]] = {
    "drive": (drive, DRIVE, Rules()),
    "dpi": (dpi_alone, DRIVE, Rules()),
    "slc": (slc, Options(profile="pccc"), BITS),
    "slc-demo": (lambda: PcccSimulator.demo("strapper"), Options(profile="pccc"), BITS),
    "plc5": (plc5, PLC5, BITS),
}
every = pytest.mark.parametrize("name", MAKES)


def device_of(simulator: Simulated, options: Options, rules: Rules) -> Device:
    return Device("one", "enip", simulator.host, simulator.port, rules=rules, options=options)


async def pulled(device: Device) -> Snapshot:
    return (await Reach(device, REGISTRY, retries=0).read())[0]


async def held(simulator: Simulated, options: Options, rules: Rules) -> tuple[Device, Snapshot]:
    async with simulator:
        device = device_of(simulator, options, rules)
        return device, await pulled(device)


async def of(name: str) -> tuple[Device, Snapshot]:
    make, options, rules = MAKES[name]
    return await held(make(), options, rules)


async def doubled(device: Device, gold: Snapshot) -> tuple[Snapshot, Mapping[str, str]]:
    loaded = load(REGISTRY, device, gold)
    async with loaded.twin as twin:
        return await pulled(as_device(REGISTRY, device, twin)), loaded.lacks


def equal(twin: Snapshot, gold: Snapshot) -> None:
    """Item by item, gap by gap, and who it is: nothing is left out, also no live value."""
    assert twin.identity == gold.identity
    assert {item.path: item for item in twin.items} == {item.path: item for item in gold.items}
    assert twin.gaps == gold.gaps
    assert twin.id == gold.id


# -- it is read as the device was ------------------------------------------------------------------


@every
async def test_a_twin_is_read_as_its_device(name: str) -> None:
    device, gold = await of(name)
    assert {item.role for item in gold.items} == {"setting", "process", "diagnostic"}
    twin, lacks = await doubled(device, gold)
    equal(twin, gold)
    assert not lacks


@every
async def test_without_live_values_its_settings_are_there(name: str) -> None:
    """As the night run keeps it: what moves by itself is not in the backup."""
    device, gold = await of(name)
    kept = [item for item in gold.items if item.role != "process"]
    less = Snapshot.of(
        gold.device, gold.driver, gold.identity, kept, gold.gaps, gold.rules, gold.blobs
    )
    twin, lacks = await doubled(device, less)
    assert not lacks
    assert [twin.by_path[item.path] for item in kept] == kept


@every
async def test_what_was_wiped_is_what_can_be_written(name: str) -> None:
    device, gold = await of(name)
    loaded = load(REGISTRY, device, gold)
    async with loaded.twin as twin:
        twin.wipe()
        wiped = await pulled(as_device(REGISTRY, device, twin))
    zeros: Sequence[object] = (0, False, "", bytes(24))
    for item in gold.items:
        now = wiped.by_path[item.path]
        if item.role == "setting" and item.access == "read-write":
            assert now.value in zeros, item.path
        elif item.path != "dpi/checksum" and not item.path.startswith("dpi/"):
            assert now == item


# -- whatever it holds -----------------------------------------------------------------------------

SLOW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
INTEGERS = {
    "SINT": (8, True), "INT": (16, True), "DINT": (32, True), "LINT": (64, True),
    "USINT": (8, False), "UINT": (16, False), "UDINT": (32, False), "ULINT": (64, False),
    "BYTE": (8, False), "WORD": (16, False), "DWORD": (32, False), "LWORD": (64, False),
}  # fmt: skip
DPI_TYPES = {"SINT", "INT", "DINT", "USINT", "UINT", "UDINT", "BYTE", "WORD", "DWORD", "REAL"}
WORDS = st.text("abcXYZ äöü%/", max_size=12).map(str.strip)
SINGLES = st.integers(0, (1 << 32) - 1).map(real_from_bits)
"""Every REAL there is: subnormal, minus zero, infinite, NaNs that signal."""


@st.composite
def parameters(draw: st.DrawFn) -> list[Parameter]:
    numbers = draw(st.sets(st.integers(1, 60), min_size=1, max_size=6))
    return [draw(parameter(number)) for number in sorted(numbers)]


@st.composite
def parameter(draw: st.DrawFn, number: int) -> Parameter:
    kind = draw(st.sampled_from([*INTEGERS, "REAL", "LREAL", "BOOL"]))
    low: float
    value: float
    high: float
    if kind in INTEGERS:
        bits, signed = INTEGERS[kind]
        least = -(1 << bits - 1) if signed else 0
        within = st.integers(least, least + (1 << bits) - 1)
        low, value, high = sorted(draw(st.lists(within, min_size=3, max_size=3)))
    elif kind == "BOOL":
        low, value, high = False, draw(st.booleans()), True
    else:
        value = draw(SINGLES if kind == "REAL" else st.floats())
        low, high = draw(st.sampled_from([(-1.5, 2.5), (float("-inf"), float("inf"))]))
    fixed = draw(st.booleans())
    seen = draw(st.sampled_from(["plain", "dpi", "both"])) if kind in DPI_TYPES else "plain"
    texts = draw(st.lists(WORDS, max_size=3)) if kind in ("USINT", "WORD", "UINT") else []
    return Parameter(
        number, draw(WORDS), kind, value, low, high, value, draw(WORDS)[:4].strip(),
        scale=draw(st.sampled_from([(1, 1, 1, 0), (1, 10, 1, -5)])),
        decimals=draw(st.integers(0, 3)), choices=tuple(texts), read_only=fixed,
        recallable=not fixed, plain=seen != "dpi", dpi=seen != "plain",
    )  # fmt: skip


@SLOW
@given(
    held_=parameters(), told=st.sampled_from([0, 1, 6, 7]), full=st.booleans(), dpi=st.booleans(),
    eds=st.binary(max_size=600), host=st.text("abc-1", max_size=9),
)  # fmt: skip
def test_a_drive_with_whatever_parameters(
    held_: list[Parameter], told: int, full: bool, dpi: bool, eds: bytes, host: str
) -> None:
    async def check() -> None:
        simulator = DriveSimulator(
            parameters=held_, full=full, dpi=dpi, eds=eds, configuration=told, writable=(6,),
            assemblies={1: bytes(8), 6: b"\1\2\3", 7: b""}, hostname=host,
        )  # fmt: skip
        device, gold = await held(simulator, DRIVE, Rules())
        twin, lacks = await doubled(device, gold)
        assert not lacks
        equal(twin, gold)

    asyncio.run(check())


@st.composite
def data_files(draw: st.DrawFn) -> list[DataFile]:
    letters = draw(st.lists(st.sampled_from("OISBTCRNFLD") | st.just("ST"), max_size=8))
    numbers = draw(st.permutations(range(14)))
    return [draw(data_file(letter, n)) for letter, n in zip(letters, numbers, strict=False)]


@st.composite
def data_file(draw: st.DrawFn, letter: str, number: int) -> DataFile:
    file = DataFile(letter, number, draw(st.integers(1, 5)))
    if letter == "ST":
        for at in range(file.elements):
            file.store(at, "", draw(st.text("abc Äß\0", max_size=82)))
    else:
        size = len(file.memory)
        file.memory[:] = draw(st.binary(min_size=size, max_size=size))
    return file


@SLOW
@given(held_=data_files(), mode=st.sampled_from([1, 6, 17, 30]), flags=st.integers(0, 7))
@pytest.mark.parametrize("family", ["1747-L553", "1763-L16BWA", "1766-L32BXB", "PLC-5/30"])
def test_a_processor_with_whatever_data_files(
    family: str, held_: list[DataFile], mode: int, flags: int
) -> None:
    async def check() -> None:
        simulator = Plc5Simulator(files=held_) if "PLC" in family else PcccSimulator(files=held_)
        simulator.halted, simulator.locked = bool(flags & 1), bool(flags & 2)
        simulator.revision = 0x9F if flags & 4 else 0
        named = [f"{one.name}:{one.elements}" for one in held_ if one.kind.letter not in "OI"]
        options = Options(profile="pccc")
        if isinstance(simulator, Plc5Simulator):
            simulator.expansion, simulator.forces, simulator.mode = 0x33, 3, mode & 7
            options = Options(profile="pccc", files=tuple(named))
        else:
            simulator.bulletin, simulator.mode, simulator.program = family, mode, 0xABCD
            layouts = {"1763": MICROLOGIX_1100, "1766": MICROLOGIX_1400}
            simulator.layout = layouts.get(family[:4], simulator.layout)
        device, gold = await held(simulator, options, Rules())
        twin, lacks = await doubled(device, gold)
        assert not lacks
        equal(twin, gold)

    asyncio.run(check())
