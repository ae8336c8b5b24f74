"""Diagnostic status: which processor it is, in which mode (1770-6.5.16, chapter 10)."""

from __future__ import annotations

from typing import NamedTuple

from goldcopy.errors import Malformed, Unreachable, Unsupported
from goldcopy.snapshot import Item
from goldcopy_enip import guard
from goldcopy_enip.pccc import Command, Pccc

_SLC, _PLC5 = 0xEE, 0xEB
_DOWNLOAD = "DOWNLOAD"
_MODES = {
    0x00: _DOWNLOAD, 0x01: "REMOTE PROG", 0x03: "REMOTE SUSPEND", 0x06: "REMOTE RUN",
    0x07: "REMOTE TEST", 0x08: "REMOTE TEST", 0x09: "REMOTE TEST", 0x10: _DOWNLOAD, 0x11: "PROG",
    0x1B: "SUSPEND", 0x1E: "RUN",
}  # fmt: skip
"""Five bits of an SLC or MicroLogix (10-4); from 0x10 on the key is turned."""
_PLC5_MODES = {0: "PROG", 2: "RUN", 4: "REMOTE PROG", 5: "REMOTE TEST", 6: "REMOTE RUN"}
_PLC5_NAMES = {
    0x13: "PLC-5/12", 0x14: "PLC-5/25", 0x15: "PLC-5/40", 0x22: "PLC-5/10", 0x23: "PLC-5/60",
    0x28: "PLC-5/40L", 0x29: "PLC-5/60L", 0x31: "PLC-5/11", 0x32: "PLC-5/20", 0x33: "PLC-5/30",
    0x4A: "PLC-5/20E", 0x4B: "PLC-5/40E", 0x55: "PLC-5/80", 0x59: "PLC-5/80E",
}  # fmt: skip
"""Expansion byte (10-21 to 10-22)."""


class Processor(NamedTuple):
    """What the processor says of itself."""

    name: str
    """Bulletin number or name: ``1747-L553``, ``5/04``, ``PLC-5/40E``."""
    plc5: bool
    mode: str
    protection: str
    program: tuple[int, ...]
    """What would be another after a download, as far as it is told."""
    items: list[Item]


async def read(pccc: Pccc) -> Processor:
    """Ask for the diagnostic status.

    Raises ``Unreachable`` while a program is being downloaded, ``Unsupported`` if the processor is
    neither an SLC nor a MicroLogix nor a PLC-5.
    """
    data = (await pccc.ask(Command(guard.DIAGNOSE, guard.STATUS))).good()
    found = _processor(data)
    if found.mode == _DOWNLOAD:
        raise Unreachable("a program is being downloaded; pull again when that is over")
    return found


def _processor(data: bytes) -> Processor:
    if len(data) < 2:
        raise Malformed(f"a diagnostic status of {len(data)} bytes")
    if data[1] not in (_SLC, _PLC5):
        raise Unsupported(
            f"the diagnostic status is that of no SLC, MicroLogix or PLC-5 ({data[:16].hex(' ')}); "
            "check options.profile"
        )
    decode, size = (_slc, 24) if data[1] == _SLC else (_plc5, 18)
    if len(data) < size:
        raise Malformed(f"a diagnostic status of {len(data)} bytes, and {size} belong to it")
    return decode(data)


def _slc(data: bytes) -> Processor:
    error, flags, program = (int.from_bytes(data[at : at + 2], "little") for at in (16, 18, 20))
    return Processor(
        data[5:16].rstrip(b"\0 ").decode("latin-1").strip(),
        False,
        _faulted(_MODES.get(flags & 0x1F, ""), flags >> 13 & 1),
        "locked" if flags >> 14 & 1 else "",
        (program,),
        [
            *_revision(data[4]),
            Item("processor/program", "parameter", "WORD", program, role="diagnostic"),
            Item("processor/major-error", "parameter", "WORD", error, role="diagnostic"),
            Item("processor/status", "parameter", "WORD", flags, role="diagnostic"),
        ],
    )


def _plc5(data: bytes) -> Processor:
    words = int.from_bytes(data[3:7], "little")
    tables, programs = (int.from_bytes(data[at : at + 2], "little") for at in (11, 13))
    mode = _DOWNLOAD if data[0] & 0x10 else _PLC5_MODES.get(data[0] & 7, "")
    return Processor(
        _PLC5_NAMES.get(data[2], f"PLC-5 ({data[2]:#04x})"),
        True,
        mode if mode == _DOWNLOAD else _faulted(mode, data[0] >> 3 & 1),
        "memory protected" if data[16] else "",
        (words, tables, programs),
        [
            *_revision(data[7]),
            Item("processor/memory", "parameter", "UDINT", words, role="diagnostic"),
            Item("processor/data-files", "parameter", "UINT", tables, role="diagnostic"),
            Item("processor/program-files", "parameter", "UINT", programs, role="diagnostic"),
            Item("processor/forces", "parameter", "BYTE", data[15], role="diagnostic"),
            Item("processor/status", "parameter", "BYTE", data[0], role="diagnostic"),
        ],
    )


def _revision(octet: int) -> list[Item]:
    """Series A is 0, and so is the first release (SLC) or revision A (PLC-5)."""
    return [
        Item("processor/series", "parameter", "STRING", chr(ord("A") + (octet >> 5))),
        Item("processor/release", "parameter", "USINT", (octet & 0x1F) + 1),
    ]


def _faulted(mode: str, fault: int) -> str:
    return f"{mode}, FAULTED".removeprefix(", ") if fault else mode
