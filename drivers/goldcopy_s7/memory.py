"""The memory that a pull keeps: which runs, read in batches, each whole or a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from goldcopy.errors import Wrong
from goldcopy.snapshot import Gap, Item, Value
from goldcopy_s7.link import Link
from goldcopy_s7.options import Area
from goldcopy_s7.refusal import NOT_IMPLEMENTED, CpuRefused, item_words
from goldcopy_s7.variables import Piece, Run, plan, request, values

_BATCH = 64
"""Windows between two reports of progress: fewer would leave the window empty too often."""
_PUT_GET = "on an S7-1200/1500, permit PUT/GET communication and full access"
_OPTIMIZED = f"{_PUT_GET}, and turn off optimized access of the data block"

Lengths = Mapping[int, int]
"""Bytes of each data block that the CPU lists."""


def path_of(run: Run) -> str:
    """``db/5``, ``m``; with its first byte where that is not 0."""
    base = f"db/{run.number}" if run.area == "DB" else run.area.lower()
    return f"{base}/{run.start}" if run.start else base


def runs(areas: Sequence[Area], lengths: Lengths | None) -> tuple[list[Run], list[Gap]]:
    """What to read, and what cannot be read since nobody tells its length.

    ``lengths`` is None where the CPU does not list its data blocks.
    """
    found: list[Run] = []
    gaps: list[Gap] = []
    for area in areas:
        if area.area != "DB":
            found.append(Run(area.area, 0, area.start, area.count))
        elif area.count and area.number is not None:
            found.append(Run("DB", area.number, area.start, area.count))
        elif lengths is None:
            path = "db" if area.number is None else f"db/{area.number}"
            gaps.append(
                Gap(path, "the CPU does not tell its length; give number and count in options.data")
            )
        elif area.number is None:
            found += [Run("DB", number, 0, size) for number, size in lengths.items()]
        elif area.number in lengths:
            found.append(Run("DB", area.number, 0, lengths[area.number]))
        else:
            gaps.append(Gap(f"db/{area.number}", "the CPU does not list this data block"))
    unique = {
        path_of(run): run for run in reversed(found) if run.amount
    }  # the first one named wins
    return sorted(unique.values()), gaps


def check(areas: Sequence[Area]) -> None:
    """Raise ``Wrong`` for areas that cannot be read as they are named."""
    for area in areas:
        if area.area != "DB" and area.number is not None:
            raise Wrong(f"options.data: area {area.area} has no number")
        if area.area != "DB" and not area.count:
            raise Wrong(f"options.data: area {area.area} needs a count")
        if area.area == "DB" and not area.count and area.start:
            raise Wrong("options.data: a data block that is read from a start needs a count")
        if area.area == "DB" and area.count and area.number is None:
            raise Wrong("options.data: a count of bytes needs the number of its data block")


async def read(link: Link, wanted: Sequence[Run]) -> tuple[dict[Run, bytes], list[Gap]]:
    """The content of each run, or its gap. Raises ``Unreachable``, ``Malformed``."""
    requests = plan(wanted, link.pdu)
    link.meter.total += len(requests)
    parts: list[list[bytes]] = [[] for _ in wanted]
    refused: dict[int, str] = {}
    coming = iter(requests)
    while some := list(islice(coming, _BATCH * link.window)):
        for pieces, reply in zip(some, await link.ask_all([*map(request, some)]), strict=True):
            if reply.error:
                why = _refusal(reply.error)
                refused.update((piece.place, why) for piece in pieces)
                continue
            for piece, value in zip(pieces, values(reply, pieces), strict=True):
                if isinstance(value, int):
                    refused[piece.place] = _item_refusal(piece, value)
                else:
                    parts[piece.place].append(value)
        link.meter.done += len(some)
    found = {run: b"".join(parts[at]) for at, run in enumerate(wanted) if at not in refused}
    return found, [Gap(path_of(wanted[at]), why) for at, why in refused.items()]


def item_of(run: Run, octets: bytes) -> Item:
    """Bytes as read; timers and counters as words."""
    value: Value = octets
    kind = "BYTES"
    if run.width == 2:
        words = (octets[at : at + 2] for at in range(0, len(octets), 2))
        value, kind = tuple(int.from_bytes(word, "big") for word in words), ""
        kind = f"ARRAY[{run.amount}] OF WORD"
    return Item(path_of(run), "tag", kind, value, role="process", address=path_of(run))


def _refusal(code: int) -> str:
    refusal = CpuRefused(code)
    refusal.raise_if_not_now()
    return f"{refusal}; {_PUT_GET}" if code == NOT_IMPLEMENTED else str(refusal)


def _item_refusal(piece: Piece, code: int) -> str:
    setting = _OPTIMIZED if piece.run.area == "DB" else _PUT_GET
    return f"{item_words(code)}; {setting}"
