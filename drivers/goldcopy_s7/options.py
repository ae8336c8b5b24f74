"""What the inventory may say about an S7 controller."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from goldcopy.driver import PublicFile

BlockType = Literal["OB", "FB", "FC", "DB", "SDB"]
Word = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]


class Szl(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which identity reads are made. Each can be turned off: see ``names``."""

    order: bool = True
    """SZL 0011: order code, firmware."""
    names: bool | None = None
    """SZL 001C: names, serial, plant. Left out, it is read unless the CPU is, or may be, an F-CPU:
    reading it is reported to have stopped CPU 315F and 317F."""
    mode: bool = True
    """SZL 0424: RUN or STOP."""
    protection: bool = True
    """SZL 0232: protection level, position of the mode selector."""


class Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Memory to read. ``{area: DB}`` is every data block, ``{area: DB, number: 5}`` one, whole."""

    area: Literal["DB", "M", "I", "Q", "T", "C"]
    number: Word | None = None
    """Of the data block; a DB without a number is all of them."""
    start: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = 0
    """First byte; first timer or counter."""
    count: Annotated[int, msgspec.Meta(ge=0, le=0x10000)] = 0
    """Bytes; timers or counters. 0 is a whole data block, by the length that the CPU tells."""

    def __post_init__(self) -> None:
        """Refuse what cannot be read as it is named; the inventory tells the line."""
        if self.area != "DB" and self.number is not None:
            raise ValueError(f"area {self.area} has no number")
        if self.area != "DB" and not self.count:
            raise ValueError(f"area {self.area} needs a count")
        if self.area == "DB" and not self.count and self.start:
            raise ValueError("a data block that is read from a start needs a count")
        if self.area == "DB" and self.count and self.number is None:
            raise ValueError("a count of bytes needs the number of its data block")


class DbLayout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the members of a data block are declared."""

    number: Word
    files: tuple[PublicFile, ...]
    """AWL or SCL sources, or CSV, with the data block and all types that it uses."""
    name: str = ""
    """Of the DATA_BLOCK or TYPE in them, where it is not ``DB`` and the number."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``options`` of a device with ``driver: s7``."""

    rack: Annotated[int, msgspec.Meta(ge=0, le=7)] = 0
    slot: Annotated[int, msgspec.Meta(ge=0, le=31)] = 2
    """2 for S7-300; 400 as built; 1 (or 0) for S7-1200/1500."""
    connection: Literal["OP", "basic", "PG"] = "OP"
    """PG may be the only one that the engineer has: a backup must not take it."""
    local_tsap: Word = 0x0100
    remote_tsap: Word | None = None
    """In place of rack, slot and connection."""
    pdu: Annotated[int, msgspec.Meta(ge=112, le=960)] = 960
    """To ask for; the CPU grants what it has."""
    jobs: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    """Parallel jobs to ask for; 0 is as many as ``courtesy.window``."""
    szl: Szl = Szl()
    blocks: bool | tuple[BlockType, ...] = True
    """Which types are read, all by default; SFC and SFB are then listed."""
    data: tuple[Area, ...] = (Area("DB"),)
    layouts: tuple[DbLayout, ...] = ()
    download: bool = False
    """Whether a restore may load blocks (OB, FB, FC, SDB), into a CPU in STOP."""
    download_in_run: bool = False
    """Whether it may load them into a CPU that runs."""
