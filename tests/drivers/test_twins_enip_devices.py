"""Twins of drives, SLC, MicroLogix and PLC-5: read as the device was, harmed, really restored."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.drivers.enip_pccc_plant import PLC5_FILES, files, plc5, slc

from goldcopy.drill.ground import Gold, Ground
from goldcopy.drill.model import Scenario
from goldcopy.drill.run import drill
from goldcopy.drill.twins import as_device, load
from goldcopy.inventory import Device, Rule, Rules
from goldcopy.registry import Registry
from goldcopy.restore.reach import Reach
from goldcopy.snapshot import Snapshot
from goldcopy.snapshot.diff import diff
from goldcopy.snapshot.values import real_from_bits
from goldcopy_enip.options import Options
from goldcopy_sim.enip import (
    MICROLOGIX_1100,
    MICROLOGIX_1400,
    DataFile,
    DriveSimulator,
    LogixSimulator,
    Parameter,
    PcccSimulator,
    Plc5Simulator,
)
from goldcopy_sim.enip.data_file import Kind
from goldcopy_sim.mishap import Mishap

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
    return Device(
        "one", "enip", simulator.host, simulator.port, timeout=0.5, rules=rules, options=options
    )


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
    assert diff(gold, twin) == []  # to the bit, of NaNs too
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
    wanted = [item for item in kept if item.role == "setting"]
    assert [twin.by_path[item.path] for item in wanted] == wanted


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
NANS = (0x7FC00000, 0x7F800001, 0xFFA5A5A5, 0x80000000, 0xFF800000, 0x00000001)
SINGLES = (st.sampled_from(NANS) | st.integers(0, (1 << 32) - 1)).map(real_from_bits)
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


NAMELESS = Parameter(1, "", "BOOL", False, False, True, False)
"""Nothing but its default tells that the device describes its parameters in full."""


@SLOW
@example(held_=[NAMELESS], told=0, full=True, dpi=False, eds=b"", host="")
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


@pytest.mark.parametrize("kind", [PcccSimulator, Plc5Simulator])
async def test_reals_are_held_to_the_bit(kind: type[PcccSimulator]) -> None:
    file = DataFile("F", 8, len(NANS), struct.pack(f"<{len(NANS)}I", *NANS))
    device, gold = await held(kind(files=[file]), Options(profile="pccc", files=("F8:6",)), BITS)
    loaded = load(REGISTRY, device, gold)
    assert isinstance(loaded.twin, kind)
    assert loaded.twin.files[8].memory == file.memory


async def test_reals_of_a_drive_too() -> None:
    several = [
        Parameter(at, "", "REAL", real_from_bits(bits), None, None, 0.0)
        for at, bits in enumerate(NANS, 1)
    ]
    device, gold = await held(DriveSimulator(parameters=several, full=False), DRIVE, Rules())
    loaded = load(REGISTRY, device, gold)
    assert isinstance(loaded.twin, DriveSimulator)
    found = [loaded.twin.parameters[at].packed() for at in range(1, len(NANS) + 1)]
    assert found == [bits.to_bytes(4, "little") for bits in NANS]


# -- where it is not as it was ---------------------------------------------------------------------


async def test_two_descriptions_of_a_parameter_that_are_unlike_are_told() -> None:
    device, gold = await of("drive")
    items = [
        msgspec.structs.replace(item, label="Ramp up") if item.path == "dpi/41" else item
        for item in gold.items
    ]
    other = Snapshot.of(
        gold.device, gold.driver, gold.identity, items, gold.gaps, gold.rules, gold.blobs
    )
    twin, lacks = await doubled(device, other)
    assert [*lacks] == ["dpi/41"]
    assert {change.path for change in diff(other, twin)} == {"dpi/41"}


async def test_a_file_of_a_kind_that_nobody_knows_is_listed() -> None:
    odd = DataFile(Kind("0x95/", 0x95, 2, "WORD", "H"), 12, 7)
    device, gold = await held(PcccSimulator(files=[*files(), odd]), Options(profile="pccc"), BITS)
    listed = gold.by_path["files"].value
    assert isinstance(listed, tuple)
    assert "0x95/12:7" in listed
    twin, lacks = await doubled(device, gold)
    assert not lacks
    equal(twin, gold)


async def test_a_processor_that_has_no_identity_has_none_here() -> None:
    simulator = slc()
    del simulator.objects[0x01]
    device, gold = await held(simulator, Options(profile="pccc"), BITS)
    assert gold.identity.vendor == ""
    twin, _ = await doubled(device, gold)
    equal(twin, gold)


async def test_options_of_another_profile_make_a_twin_that_is_seen_to_be_another() -> None:
    device, gold = await of("slc")
    device = msgspec.structs.replace(device, options=DRIVE)
    found = await drill(device, Gold(gold), "wiped", GROUND)
    assert (found.state, found.proved) == ("not drilled", False)
    assert "does not hold" in found.why


# -- drills ----------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("scenario", ["wiped", "setpoints", "half-restored"])
async def test_what_was_harmed_is_restored_and_proved(name: str, scenario: Scenario) -> None:
    device, gold = await of(name)
    found = await drill(device, Gold(gold), scenario, GROUND)
    assert (found.state, found.proved) == ("passed", True), found
    fit = [one for one in gold.items if (one.role, one.access) == ("setting", "read-write")]
    zeros = {"0", "0.0", "False", "", str(bytes(24))}
    full = [one for one in fit if str(one.value) not in zeros]  # -0.0 is another REAL than 0.0
    proved = found.leaves["proved"]
    assert proved == found.leaves["harmed"] > 5
    assert proved == len(full) if scenario == "wiped" else proved > len(fit) / 2 - 1


@every
async def test_another_firmware_is_refused_and_there_is_no_credential(name: str) -> None:
    device, gold = await of(name)
    assert (await drill(device, Gold(gold), "firmware", GROUND)).state == "passed"
    found = await drill(device, Gold(gold), "credential", GROUND)
    assert (found.state, "no credentials" in found.why) == ("not drilled", True)


PLANTED: dict[str, tuple[str, Any]] = {
    "drive": ("parameter/41", 1234),
    "dpi": ("dpi/46", -999),
    "slc": ("N7:3", 4711),
    "slc-demo": ("ST9:1", "RECIPE 9"),
    "plc5": ("T4:1.PRE", 21),
}


@every
async def test_a_difference_that_somebody_plants_is_found(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A twin that is unlike the gold copy in one setting is none; nothing is drilled on it."""
    device, gold = await of(name)
    address, value = PLANTED[name]
    path = next(item.path for item in gold.items if item.address == address)
    real = LogixSimulator.twin

    def planted(*args: Any, **more: Any) -> Any:  # noqa: ANN401
        made = real(*args, **more)
        made.change(address, value)
        return made

    monkeypatch.setattr(LogixSimulator, "twin", planted)
    found = await drill(device, Gold(gold), "wiped", GROUND)
    assert (found.state, path in found.why) == ("not drilled", True), found


@every
async def test_a_write_that_is_not_carried_out_is_found(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One value of the restore is acknowledged and not stored."""
    device, gold = await of(name)
    real = LogixSimulator.twin

    def amiss(*args: Any, **more: Any) -> Any:  # noqa: ANN401
        made = real(*args, **more)
        made.mishap = Mishap("ignored", 0)
        return made

    monkeypatch.setattr(LogixSimulator, "twin", amiss)
    found = await drill(device, Gold(gold), "setpoints", GROUND)
    assert (found.state, found.proved) == ("failed", False), found
    assert "did not prove itself" in found.why
