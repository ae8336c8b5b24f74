"""The demo machine: a mixer and filler by a vendor that does not exist, Example Controls.

The register map is the same for every name, so one inventory fits all; the values, the serial
number and the recipes come from the name alone. It has what register maps in the field have:
holes, four byte orders for the same REAL, scaled integers, strings and counters.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from typing import NamedTuple

from .tables import Bits, Registers, Unit

SERVER_ID = b"\x2a\xff" + b"Example Controls EC-MF20"
"""Function 17: an id, the run indicator (0xFF is running), then text (6.13)."""


class Point(NamedTuple):
    """One value of the register map."""

    label: str
    address: int
    type: str
    low: float
    high: float
    order: str = "ABCD"
    """Where its bytes go: A is the highest; CDAB has its words swapped, BADC its bytes."""


def _series(first: int, type_: str, order: str, *points: tuple[str, float, float]) -> list[Point]:
    size = struct.calcsize(_FORMATS[type_]) // 2
    return [
        Point(label, first + size * n, type_, low, high, order)
        for n, (label, low, high) in enumerate(points)
    ]


_FORMATS = {"UINT": ">H", "INT": ">h", "UDINT": ">I", "REAL": ">f", "LREAL": ">d"}
_TEXTS = {"product name": (150, 10), "machine tag": (160, 8)}
"""Labels of the strings -> first register and number of registers, two characters in each."""

_RECIPES, _RECIPE_SIZE = 16, 12

HOLDING: tuple[Point, ...] = (
    *_series(
        0, "UINT", "ABCD",
        ("station number", 1, 247), ("language", 0, 5), ("watchdog s", 5, 60),
        ("active recipe", 1, _RECIPES), ("unit system", 0, 1), ("ramp mode", 0, 3),
        ("keypad lock", 0, 1), ("log interval s", 10, 600),
    ),
    *_series(
        10, "REAL", "ABCD",
        ("mixer speed rpm", 40, 180), ("mixing time s", 60, 900), ("temperature C", 20, 85),
        ("temperature band C", 0.5, 3), ("jacket pressure bar", 1, 4), ("ramp K/min", 0.5, 5),
        ("torque limit Nm", 20, 120), ("level high %", 70, 95), ("level low %", 5, 20),
        ("gain", 0.5, 8), ("integral time s", 10, 300), ("derivative time s", 0, 30),
    ),
    *_series(
        40, "REAL", "CDAB",
        ("fill volume ml", 100, 1000), ("fill rate ml/s", 50, 400), ("fill tolerance ml", 0.5, 5),
        ("drip delay s", 0.1, 2), ("conveyor speed m/min", 5, 40), ("cap torque Nm", 0.5, 3),
        ("reject limit %", 0.5, 5), ("nozzle lift mm", 10, 90),
    ),
    *_series(60, "REAL", "BADC", ("scale tare kg", 0, 20), ("scale span", 0.9, 1.1)),
    *_series(
        64, "REAL", "DCBA",
        ("flow meter factor", 800, 1200), ("flow cut-off l/h", 1, 20), ("flow zero", -0.5, 0.5),
    ),
    *_series(
        80, "INT", "ABCD",
        *((f"alarm {side} channel {n} 0.1 C", low, low + 400)
          for n in range(1, 11) for side, low in (("low", -400), ("high", 400))),
    ),
    *_series(
        100, "UDINT", "ABCD",
        ("bottles filled", 0, 9_000_000), ("bottles rejected", 0, 90_000), ("batches", 0, 40_000),
        ("operating time s", 0, 200_000_000), ("power cycles", 1, 2_000),
        ("caps used", 0, 9_000_000), ("service due s", 0, 8_000_000), ("last batch", 1, 40_000),
    ),
    *_series(
        120, "LREAL", "ABCD",
        ("product total l", 0, 5_000_000), ("energy total kWh", 0, 900_000),
    ),
    *(
        point
        for n in range(_RECIPES)
        for point in (
            *_series(
                200 + _RECIPE_SIZE * n, "UINT", "ABCD",
                (f"recipe {n + 1} number", n + 1, n + 1), (f"recipe {n + 1} enabled", 0, 1),
            ),
            *_series(
                202 + _RECIPE_SIZE * n, "REAL", "ABCD",
                (f"recipe {n + 1} speed rpm", 40, 180), (f"recipe {n + 1} time s", 60, 900),
                (f"recipe {n + 1} temperature C", 20, 85), (f"recipe {n + 1} volume ml", 100, 1000),
                (f"recipe {n + 1} dosing %", 0, 12),
            ),
        )
    ),
    *_series(400, "REAL", "ABCD", *((f"level curve {n}", 4 * n, 4 * n + 4) for n in range(24))),
    *_series(500, "UINT", "ABCD", *((f"cam {n} 0.1 deg", 90 * n, 90 * n + 89) for n in range(40))),
)  # fmt: skip

INPUTS: tuple[Point, ...] = (
    *_series(
        0, "REAL", "ABCD",
        ("temperature C", 20, 85), ("mixer speed rpm", 0, 180), ("torque Nm", 0, 120),
        ("level %", 5, 95), ("jacket pressure bar", 1, 4), ("flow l/h", 0, 900),
        ("conveyor speed m/min", 0, 40),
    ),
    *_series(
        14, "REAL", "CDAB",
        ("last fill ml", 100, 1000), ("mean fill ml", 100, 1000), ("fill deviation ml", 0, 5),
    ),
    *_series(
        30, "UINT", "ABCD",
        ("state", 0, 6), ("step", 0, 20), ("alarm word 1", 0, 0xFFFF), ("alarm word 2", 0, 0xFFFF),
        ("drive status", 0, 0xFFFF), ("heater duty %", 0, 100), ("recipe running", 1, _RECIPES),
        ("bottles per minute", 0, 240),
    ),
)  # fmt: skip


def unit(name: str) -> Unit:
    """The memory of the machine called ``name``."""
    rng = random.Random(name)
    holding = _words(rng, HOLDING)
    texts = {"product name": f"SAUCE {rng.randrange(100, 999)}", "machine tag": name.upper()}
    for label, (first, size) in _TEXTS.items():
        # "replace": a Modbus display knows no more than ASCII
        raw = texts[label].encode("ascii", "replace")[: 2 * size].ljust(2 * size, b"\0")
        holding |= _split(first, raw)
    return Unit(
        coils=Bits({n: rng.random() < 0.5 for n in (*range(16), *range(32, 40))}),
        discretes=Bits({n: rng.random() < 0.5 for n in (*range(32), *range(64, 72))}),
        holding=Registers(holding),
        inputs=Registers(_words(rng, INPUTS)),
        files={
            1: Registers({n: rng.randrange(0x10000) for n in range(300)}),  # recipe archive
            4: Registers({n: rng.randrange(0x10000) for n in range(40)}),  # event log
        },
        fifos={1000: [rng.randrange(100, 200) for _ in range(5)]},  # the last alarms
    )


def identity(name: str) -> dict[int, bytes]:
    """Device identification objects (6.21); the extended ones overflow one reply."""
    rng = random.Random(f"identity of {name}")
    text = {
        0x00: "Example Controls",
        0x01: "EC-MF20",
        0x02: f"V3.{rng.randrange(10)}",
        0x03: "http://www.example.com/ec-mf20",
        0x04: "Mixer and filler controller",
        0x05: "EC-MF20/400",
        0x06: name,
        0x80: f"S/N {rng.randrange(10**8):08}",
        0x81: "Firmware parts: boot 1.4, kernel 3.2, motion 2.7, dosing 5.0, panel 4.1",
        0x82: "Options fitted: jacket heating, second nozzle, cap torque check, scale interface",
        0x83: "Commissioned by Example Controls service; see the machine file for the test report",
    }
    return {number: value.encode("ascii", "replace")[:100] for number, value in text.items()}


def flat(registers: int) -> Unit:
    """So many holding registers from 0 on; an odd factor makes all of them different."""
    return Unit(holding=Registers({n: (n * 40_503 + 12_345) & 0xFFFF for n in range(registers)}))


def _words(rng: random.Random, points: tuple[Point, ...]) -> dict[int, int]:
    words: dict[int, int] = {}
    for point in points:
        words |= _split(point.address, _encode(point, rng.uniform(point.low, point.high)))
    return words


def _encode(point: Point, value: float) -> bytes:
    whole = point.type in ("UINT", "INT", "UDINT")
    raw = struct.pack(_FORMATS[point.type], round(value) if whole else round(value, 2))
    if len(raw) != len(point.order):
        return raw  # an order is told for 32 bits only
    return bytes(raw["ABCD".index(letter)] for letter in point.order)


def _split(first: int, raw: bytes) -> dict[int, int]:
    return dict(enumerate(_each(raw), first))


def _each(raw: bytes) -> Iterator[int]:
    return (word for (word,) in struct.iter_unpack(">H", raw))
