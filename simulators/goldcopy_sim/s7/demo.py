"""Programs for simulated CPUs: a press or conveyor line, and large ones for measuring."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypedDict

from .block import AWL, DATA, FUP, GRAPH, KOP, SCL, SYSTEM_DATA, Block, Kind, declaration
from .cpu import Identity

_BOOL, _BYTE, _WORD, _INT, _DWORD, _DINT, _REAL = 0x01, 0x02, 0x04, 0x05, 0x06, 0x07, 0x08
_TIME, _STRING = 0x0B, 0x13
_IN, _OUT, _STATIC = 0x01, 0x02, 0x04
_MC7: Final = tuple(
    bytes.fromhex(code)
    for code in ("c000", "c101", "d880", "7e620002", "120a", "320c", "3003000a", "3920", "7900",
                 "70020004", "fb790001", "38073f800000", "5300", "ba00", "681c")
)  # fmt: skip
"""Pieces of plausible code: boolean logic, loads, transfers, comparisons, jumps."""
_BLOCK_END: Final = bytes.fromhex("65000100")
_SFCS: Final = (0, 1, 5, 6, 13, 14, 15, 17, 18, 20, 21, 22, 28, 31, 36, 41, 46, 47, 51, 52, 58, 64)
_SFBS: Final = (0, 1, 2, 3, 4, 5, 8, 9, 12, 13, 41, 42, 43, 52, 53, 54, 81)
_AUTHORS: Final = ("MKELLER", "JVOGT", "ANOVAK", "PLCTEAM")


class Field(NamedTuple):
    """One member of a data block, with the value that it has in a fresh program."""

    name: str
    type: int
    value: float | str


_PRESS: Final = {
    1: ("SETPNT", (
        Field("press_force_kn", _REAL, 850.0), Field("ram_speed_mm_s", _REAL, 120.0),
        Field("dwell_time", _TIME, 1500), Field("die_height_mm", _REAL, 412.5),
        Field("strokes_per_min", _INT, 24), Field("max_strokes_shift", _DINT, 11520),
        Field("recipe", _STRING, "PANEL-A"),
    )),
    2: ("LIMITS", (
        Field("force_high_kn", _REAL, 980.0), Field("oil_temp_high_c", _REAL, 65.0),
        Field("oil_temp_low_c", _REAL, 18.0), Field("pressure_high_bar", _REAL, 280.0),
        Field("guard_timeout", _TIME, 3000), Field("alarm_mask", _WORD, 0x03FF),
    )),
}  # fmt: skip
_CONVEYOR: Final = {
    1: ("SETPNT", (
        Field("belt_speed_m_s", _REAL, 0.6), Field("gap_mm", _INT, 350),
        Field("ramp_up", _TIME, 2500), Field("ramp_down", _TIME, 1800),
        Field("zones", _INT, 8), Field("order", _STRING, "LINE-B"),
    )),
    2: ("LIMITS", (
        Field("speed_high_m_s", _REAL, 1.2), Field("motor_temp_high_c", _REAL, 90.0),
        Field("jam_timeout", _TIME, 4000), Field("alarm_mask", _WORD, 0x00FF),
    )),
}  # fmt: skip


def identity(name: str) -> Identity:
    """Who the demo controller is."""
    chance = random.Random(name)
    return Identity(
        firmware=(3, 2, chance.randrange(1, 15)),
        system=name[:24],
        plant=f"={name.upper()[:20]}",
        serial=f"S C-D{chance.randrange(10**11):011d}",
        memory_card=f"MMC {chance.randrange(1 << 32):08X}",
        location="Hall 2",
    )


def memory(name: str) -> dict[str, bytes]:
    """Inputs, outputs, flags, timers and counters in the middle of a shift."""
    chance = random.Random(f"{name} memory")
    sizes = {"i": 128, "q": 128, "m": 2048, "t": 512, "c": 512}
    return {area: _sparse(chance, size) for area, size in sizes.items()}


def program(name: str) -> list[Block]:
    """About forty blocks of a press or conveyor, and the system functions it stands on."""
    chance = random.Random(f"{name} program")
    fields = _CONVEYOR if "conv" in name or "belt" in name else _PRESS
    blocks = [code_block(chance, Kind.OB, number) for number in (1, 35, 82, 85, 86, 100, 121)]
    blocks += [code_block(chance, Kind.FC, number) for number in (1, 2, 3, 10, 11, 12, 20, 21, 105)]
    blocks += [code_block(chance, Kind.FB, number) for number in (1, 2, 5, 10, 41)]
    blocks += [layout_block(chance, number, *fields[number]) for number in fields]
    blocks += [
        data_block(chance, number, 2 * chance.randrange(20, 200))
        for number in (3, 4, 5, 9, 10, 11, 12, 41, 100, 101, 200)
    ]
    blocks += [system_data(chance, number) for number in (0, 1, 2, 4, 7, 1000, 1001)]
    return blocks + system_functions()


def many(count: int) -> list[Block]:
    """At least ``count`` blocks that can be uploaded, of every type, and the listed-only ones."""
    chance = random.Random(count)
    makers = (
        lambda n: code_block(chance, Kind.FC, n),
        lambda n: code_block(chance, Kind.FB, n),
        lambda n: data_block(chance, n + 1, 2 * chance.randrange(1, 800)),
        lambda n: system_data(chance, n),
        lambda n: code_block(chance, Kind.OB, n + 1),
    )
    blocks = [makers[at % 5](at // 5) for at in range(count)]
    return blocks + system_functions()


def flat(dbs: int, size: int) -> list[Block]:
    """DB1 to DBn, every one ``size`` bytes of noise."""
    chance = random.Random(size)
    return [data_block(chance, number, size) for number in range(1, dbs + 1)]


def code_block(chance: random.Random, kind: Kind, number: int) -> Block:
    """An OB, FC or FB with code of a believable length."""
    code = b"".join(chance.choices(_MC7, k=chance.randrange(10, 400))) + _BLOCK_END
    language = chance.choice((AWL, KOP, FUP, SCL) if kind is not Kind.FB else (KOP, SCL, GRAPH))
    members = [
        (chance.choice((_BOOL, _INT, _DINT, _REAL, _TIME)), chance.choice((_IN, _OUT)))
        for _ in range(0 if kind is Kind.OB else chance.randrange(1, 12))
    ]
    return Block(
        kind,
        number,
        code,
        declaration(kind, members),
        attributes=chance.randbytes(2 * chance.randrange(0, 12)),
        local_data=2 * chance.randrange(10, 30),
        language=language,
        **_origin(chance, kind.name),
    )


def data_block(chance: random.Random, number: int, size: int) -> Block:
    """A data block of some size, filled with numbers."""
    members = [(_BYTE, _STATIC)]
    return Block(
        Kind.DB,
        number,
        chance.randbytes(size),
        declaration(Kind.DB, members),
        language=DATA,
        **_origin(chance, "DATA"),
    )


def layout_block(chance: random.Random, number: int, name: str, fields: Sequence[Field]) -> Block:
    """A data block with a declared layout."""
    body = b""
    for field in fields:
        body += b"\0" * (len(body) % 2) + _encode(field)
    members = [(field.type, _STATIC) for field in fields]
    origin = _origin(chance, "SETUP")
    origin["name"] = name
    return Block(Kind.DB, number, body, declaration(Kind.DB, members), language=DATA, **origin)


def system_data(chance: random.Random, number: int) -> Block:
    """Hardware configuration."""
    origin = _origin(chance, "")
    origin["author"], origin["name"] = "STEP 7  ", ""
    body = chance.randbytes(2 * chance.randrange(10, 300))
    return Block(Kind.SDB, number, body, language=SYSTEM_DATA, flags=3, **origin)


def system_functions() -> list[Block]:
    """SFC and SFB of the operating system."""
    released = datetime(1994, 11, 2, 12, 50, 46, 600000)
    return [
        Block(
            kind,
            number,
            b"\x65\x00",
            bytes(12),
            bytes(4),
            flags=9,
            code_time=released,
            interface_time=released,
            author="SIMATIC",
            family="SYSTEM",
            name=f"{kind.name}_{number}",
            version=0x10,
        )
        for kind, numbers in ((Kind.SFC, _SFCS), (Kind.SFB, _SFBS))
        for number in numbers
    ]


class _Origin(TypedDict):
    code_time: datetime
    interface_time: datetime
    author: str
    family: str
    name: str
    version: int


def _origin(chance: random.Random, family: str) -> _Origin:
    built = datetime(2016, 3, 1) + timedelta(milliseconds=chance.randrange(8 * 365 * 86_400_000))
    return _Origin(
        code_time=built,
        interface_time=built - timedelta(milliseconds=chance.randrange(400 * 86_400_000)),
        author=chance.choice(_AUTHORS),
        family=family,
        name=f"B{chance.randrange(10000):04d}",
        version=chance.randrange(1, 4) << 4 | chance.randrange(10),
    )


def _encode(field: Field) -> bytes:
    if isinstance(field.value, str):
        text = field.value.encode("latin-1")
        return bytes((30, len(text))) + text.ljust(30, b"\0")
    if field.type == _REAL:
        return struct.pack(">f", field.value)
    width = 2 if field.type in (_WORD, _INT) else 4
    return int(field.value).to_bytes(width, "big", signed=field.type != _WORD)


def _sparse(chance: random.Random, size: int) -> bytes:
    """Mostly zeros, as memory is."""
    return bytes(chance.randrange(256) if chance.random() < 0.15 else 0 for _ in range(size))
