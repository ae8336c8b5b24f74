"""Programs for simulated controllers: a palletizer, and large ones for measuring."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

from .identity import Identity
from .tags import Program, Tag
from .types import COUNTER, NONE, READ_ONLY, STRING, TIMER, Member, Structure, string

AXIS: Final = Structure("Axis", (
    Member("Position", "REAL"), Member("Speed", "REAL"), Member("Homed", "BOOL"),
    Member("Enabled", "BOOL"), Member("LimitHigh", "REAL"), Member("LimitLow", "REAL"),
))  # fmt: skip
STEP: Final = Structure("LayerStep", (
    Member("Time", "DINT"), Member("X", "REAL"), Member("Y", "REAL"), Member("Rotate", "BOOL"),
    Member("Grip", "SINT"), Member("Count", "INT"),
))  # fmt: skip
LABEL: Final = string("STRING_20", 20)
RECIPE: Final = Structure("PalletRecipe", (
    Member("Name", LABEL), Member("Layers", "DINT"), Member("Active", "BOOL"),
    Member("Locked", "BOOL"), Member("Steps", STEP, 6), Member("Weight", "LREAL"),
    Member("Serial", "LINT"), Member("Options", "BOOL", 32), Member("Home", AXIS),
))  # fmt: skip
VALVE: Final = Structure("ValveControl", (
    Member("EnableIn", "BOOL"), Member("EnableOut", "BOOL"), Member("Open", "BOOL"),
    Member("Timeout", TIMER), Member("Travel", "DINT"),
), host="DINT")  # fmt: skip
GUARD: Final = Structure("GuardZone", (
    Member("Armed", "BOOL"), Member("Delay", "INT"), Member("Key", "DINT", access=NONE),
    Member("Trips", "DINT", access=READ_ONLY),
))  # fmt: skip
ANALOG: Final = Structure("AB:1756_IF8_Float:C:0", (
    Member("ModuleFilter", "SINT"), Member("LowEngineering", "REAL", 4),
    Member("HighEngineering", "REAL", 4), Member("RealTimeSample", "INT"),
))  # fmt: skip


class Project(NamedTuple):
    """What a controller is filled with."""

    tags: list[Tag]
    programs: list[Program]
    tasks: tuple[str, ...]


def identity(name: str) -> Identity:
    """Who the demo controller is."""
    chance = random.Random(name)
    return Identity(revision=(32, chance.randrange(11, 16)), serial=chance.randrange(1 << 32))


def modules(name: str) -> dict[int, Identity]:
    """Its neighbours in the backplane."""
    chance = random.Random(f"{name} modules")
    cards = {1: (7, 0x0A, "1756-IF8/A"), 2: (7, 0x11, "1756-OB16I/A"), 3: (12, 0xA6, "1756-EN2T/D")}
    return {
        slot: Identity(
            type=kind,
            product=product,
            revision=(chance.randrange(1, 12), chance.randrange(1, 20)),
            serial=chance.randrange(1 << 32),
            name=title,
            mode_bits=False,
        )
        for slot, (kind, product, title) in cards.items()
    }


def palletizer(name: str) -> Project:
    """A palletizer with its recipes, axes and conveyors."""
    chance = random.Random(f"{name} tags")

    def axis() -> dict[str, object]:
        return {
            "Position": round(chance.uniform(0, 1800), 1),
            "Speed": chance.choice((250.0, 400.0, 650.0)),
            "Homed": True,
            "LimitHigh": 1850.0,
            "LimitLow": -5.0,
        }

    def step(at: int) -> dict[str, object]:
        return {
            "Time": 800 + 50 * at,
            "X": round(chance.uniform(0, 800), 1),
            "Y": round(chance.uniform(0, 1200), 1),
            "Rotate": chance.random() < 0.5,
            "Grip": chance.randrange(1, 8),
            "Count": chance.randrange(4, 12),
        }

    recipes = [
        {
            "Name": f"BOX-{chance.randrange(100, 999)}",
            "Layers": chance.randrange(4, 9),
            "Active": at == 0,
            "Steps": [step(number) for number in range(6)],
            "Weight": round(chance.uniform(4, 22), 3),
            "Serial": chance.randrange(1 << 40),
            "Options": [chance.random() < 0.3 for _ in range(32)],
            "Home": axis(),
        }
        for at in range(3)
    ]
    tags = [
        Tag("Speed", "REAL", value=42.5),
        Tag("CycleCount", "DINT", value=chance.randrange(10**6)),
        Tag("Running", "BOOL", value=True),
        Tag("ShiftTotal", "LINT", value=chance.randrange(10**9)),
        Tag("Energy", "LREAL", value=chance.uniform(1e3, 1e5)),
        Tag("AlarmFlags", "BOOL", (64,), [chance.random() < 0.1 for _ in range(64)]),
        Tag("Recipe", RECIPE, (3,), recipes),
        Tag("Axes", AXIS, (4,), [axis() for _ in range(4)]),
        Tag("LayerGrid", "INT", (2, 3, 4), [chance.randrange(-50, 50) for _ in range(24)]),
        Tag("Zones", "DINT", (16,), [chance.randrange(1000) for _ in range(16)]),
        Tag("Operator", STRING, value="NIGHT SHIFT"),
        Tag("Messages", STRING, (4,), [f"Message {at}" for at in range(4)]),
        Tag("InfeedTimer", TIMER, value={"PRE": 2500, "ACC": 120, "EN": True, "TT": True}),
        Tag("PalletCounter", COUNTER, value={"PRE": 40, "ACC": chance.randrange(40)}),
        Tag("ClampValve", VALVE, value={"EnableIn": True, "Travel": 340, "Timeout": {"PRE": 900}}),
        Tag("Guard", GUARD, value={"Armed": True, "Delay": 250, "Key": 4711, "Trips": 3}),
        Tag("MaxSpeed", "REAL", value=80.0, constant=True),
        Tag("Odometer", "UDINT", value=chance.randrange(1 << 32), access=READ_ONLY),
        Tag("Secret", "DINT", value=1, access=NONE),
        Tag("ActiveRecipe", alias="Recipe[0]"),
        Tag("HomeDone", alias="Axes[0].Homed"),
        Tag("Local:1:C", ANALOG, value={"HighEngineering": [100.0, 100.0, 50.0, 10.0]}),
        Tag("Local:1:I", "REAL", (8,)),
        Tag("Local:2:O", "DINT"),
        Tag("__DEFVAL_00000105", RECIPE, system=True),
    ]
    programs = [
        Program(
            "Main",
            [
                Tag("Count", "DINT", value=7),
                Tag("Mode", "SINT", value=2),
                Tag("Local", AXIS, value=axis()),
                Tag("Alias", alias="CycleCount"),
            ],
            ("MainRoutine", "Infeed", "Stacking"),
        ),
        Program(
            "Conveyors",
            [
                Tag("Speeds", "REAL", (8,), [chance.choice((0.2, 0.4, 0.6)) for _ in range(8)]),
                Tag("JamTimer", TIMER, value={"PRE": 4000}),
                Tag("Lane", "UINT", value=3),
            ],
            ("MainRoutine",),
        ),
    ]
    return Project(tags, programs, ("MainTask", "FastTask"))


def flat(dints: int, arrays: int, length: int) -> list[Tag]:
    """D0000 and so on, A000 and so on: numbers alone."""
    chance = random.Random(dints)
    single = [Tag(f"D{at:04d}", value=chance.randrange(-(1 << 31), 1 << 31)) for at in range(dints)]
    rows = ([chance.randrange(-(1 << 31), 1 << 31) for _ in range(length)] for _ in range(arrays))
    return single + [Tag(f"A{at:03d}", "DINT", (length,), row) for at, row in enumerate(rows)]


def large(instances: int, programs: int) -> Project:
    """Nested structures in many places, over many programs."""
    chance = random.Random(instances)

    def recipe(at: int) -> Tag:
        steps = [{"Time": chance.randrange(5000), "X": float(number)} for number in range(6)]
        value = {"Name": f"R{at}", "Layers": at % 9, "Steps": steps, "Serial": at}
        return Tag(f"Recipe{at:03d}", RECIPE, value=value)

    tags = [recipe(at) for at in range(instances)]
    own = [
        Program(
            f"Cell{number:02d}",
            [
                Tag("Count", value=number),
                Tag("Rate", "REAL", value=number / 8),
                Tag("Ready", "BOOL", value=bool(number % 2)),
                Tag("Drive", AXIS, value={"Position": float(number)}),
            ],
            ("MainRoutine", f"Station{number}"),
        )
        for number in range(programs)
    ]
    return Project(tags, own, ("MainTask",))
