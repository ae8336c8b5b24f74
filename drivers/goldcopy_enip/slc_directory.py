"""File 0 of an SLC or MicroLogix: which data files there are, and how large they are.

No public specification tells its layout. Where the rows begin is what clients of the field have
found out, per family; a family that nobody has seen is not guessed at.
"""

from __future__ import annotations

from typing import NamedTuple

from goldcopy.errors import Refused
from goldcopy.snapshot import Gap
from goldcopy_enip import guard
from goldcopy_enip.pccc import Command, Pccc
from goldcopy_enip.pccc_files import CODES, IMAGES, DataFile
from goldcopy_enip.slc import field

_STEP = 80
"""Bytes of the directory in a read: what programming software is seen to ask for."""
_COUNT_AT = 52
_HOLE, _PROGRAMS = 0x81, 0x80
"""A number that is not used; codes below are those of program files, which have other numbers."""
_MOST = 0x4000
_FILES = 256


class _Layout(NamedTuple):
    """Where a family has what."""

    type: int
    """File type that the commands bear."""
    size_at: int
    """Word with the size of the directory."""
    size_bytes: int
    """Bytes to read there."""
    more: int
    """The size is told with this much more."""
    rows_at: int


_SLC = _Layout(0x01, 0x23, 4, 0, 79)
_FAMILIES = {
    "1747": _SLC, "5/03": _SLC, "5/04": _SLC, "5/05": _SLC,
    "1763": _Layout(0x02, 0x28, 8, 0x4E00, 233), "1766": _Layout(0x03, 0x2B, 8, 0x4E00, 233),
}  # fmt: skip
"""By the first four characters of the bulletin number or name."""
_ROW = 10


class Found(NamedTuple):
    """What the directory lists."""

    files: list[DataFile]
    rows: tuple[str, ...]
    """``N7:256`` for each file; for those that are not read too."""
    gaps: list[Gap]


async def read(pccc: Pccc, name: str) -> Found:
    """The directory of the processor with this bulletin number or name."""
    layout = _FAMILIES.get(name[:4])
    if layout is None:
        return _none(f"where a {name!r} has its directory is not known")
    try:
        image = await _image(pccc, layout)
    except Refused as why:
        return _none(str(why))
    found = _listed(image, layout)
    told = image[_COUNT_AT] if len(image) > _COUNT_AT else 0
    if told > len(found.rows) and not found.gaps:
        reason = f"the directory counts {told} data files, and lists {len(found.rows)}"
        found.gaps.append(Gap("file", reason))
    return found


async def _image(pccc: Pccc, layout: _Layout) -> bytes:
    head = await pccc.ask(_command(layout, layout.size_bytes, layout.size_at))
    octets = head.good()
    size = int.from_bytes(octets[:2], "little") - layout.more
    if len(octets) != layout.size_bytes or not layout.rows_at <= size <= _MOST:
        raise Refused(f"a directory of {size} bytes cannot be")
    steps = [(at, min(_STEP, size - at)) for at in range(0, size, _STEP)]
    parts: list[bytes] = []
    asked = [_command(layout, length, at // 2) for at, length in steps]
    for answer, (at, length) in zip(await pccc.ask_all(asked), steps, strict=True):
        part = answer.good()
        if len(part) != length:
            raise Refused(f"{length} bytes of the directory at {at} were asked, {len(part)} came")
        parts.append(part)
    return b"".join(parts)


def _command(layout: _Layout, size: int, word: int) -> Command:
    """Protected typed logical read with two address fields, of file 0."""
    return Command(guard.TYPED, guard.READ_2, bytes((size, 0, layout.type)) + field(word))


def _listed(image: bytes, layout: _Layout) -> Found:
    files: list[DataFile] = []
    rows: list[str] = []
    gaps: list[Gap] = []
    number = 0
    for at in range(layout.rows_at, len(image) - 2, _ROW):
        code, size = image[at], int.from_bytes(image[at + 1 : at + 3], "little")
        if code < _PROGRAMS:
            continue
        kind = CODES.get(code)
        if number == _FILES or not (kind or code == _HOLE or code in IMAGES or code < 0xA0):
            # A number that is counted wrong would give every file behind it another one's name.
            why = f"row {number} of the directory has type {code:#04x}: what follows is not known"
            gaps.append(Gap("file", why))
            break
        letter = kind.letter if kind else IMAGES.get(code, f"{code:#04x}/")
        if code != _HOLE:
            count = size // (kind.size if kind else 2)
            rows.append(f"{letter}{number}:{count}")
            if kind and count:
                files.append(DataFile(kind, number, count))
            if kind and size % kind.size:
                why = f"the directory gives it {size} bytes, which is no number of elements"
                gaps.append(Gap(f"file/{letter}{number}", why))
            elif kind is None and code not in IMAGES:
                why = f"its type {code:#04x} is none that this driver knows"
                gaps.append(Gap(f"file/{number}", why))
        number += 1
    return Found(files, tuple(rows), gaps)


def _none(why: str) -> Found:
    reason = f"the data files are not listed: {why}; name them in options.files"
    return Found([], (), [Gap("file", reason)])
