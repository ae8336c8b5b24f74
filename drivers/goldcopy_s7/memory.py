"""The memory that a pull keeps: which runs, read in batches, each whole or a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from goldcopy.snapshot import Access, Gap, Item, Role, Value
from goldcopy_s7.link import Link
from goldcopy_s7.options import Area
from goldcopy_s7.refusal import NOT_IMPLEMENTED, CpuRefused, item_words
from goldcopy_s7.variables import Piece, Run, plan, request, values

_BATCH = 64
"""Windows between two reports of progress: fewer would leave the window empty too often."""
PUT_GET = "on an S7-1200/1500, permit PUT/GET communication and full access"
OPTIMIZED = f"{PUT_GET}, and turn off optimized access of the data block"

_NAME_IT = "give its number and count in options.data"

Lengths = Mapping[int, int | None]
"""Bytes of each data block that the CPU lists; None where it does not tell."""


def path_of(run: Run) -> str:
    """``db/5``, ``m``; with its first byte where that is not 0."""
    base = f"db/{run.number}" if run.area == "DB" else run.area.lower()
    return f"{base}/{run.start}" if run.start else base


def runs(areas: Sequence[Area], lengths: Lengths | None) -> tuple[list[Run], list[Gap]]:
    """What to read, and what cannot be read since nobody tells its length.

    ``lengths`` is None where the CPU does not list its data blocks.
    """
    found: list[Run] = []
    gaps: dict[str, str] = {}
    for area in areas:
        if area.count:
            found.append(Run(area.area, area.number or 0, area.start, area.count))
            continue
        if lengths is None:
            path = "db" if area.number is None else f"db/{area.number}"
            gaps[path] = f"the CPU does not list its data blocks; {_NAME_IT}"
            continue
        for number in lengths if area.number is None else (area.number,):
            size = lengths.get(number)
            if size is not None:
                found.append(Run("DB", number, 0, size))
            elif number in lengths:
                gaps[f"db/{number}"] = f"the CPU does not tell its length; {_NAME_IT}"
            else:
                gaps[f"db/{number}"] = "the CPU does not list this data block"
    found.sort(key=lambda run: run.amount)
    unique = {path_of(run): run for run in found}  # of two from one start, the longer one
    return sorted(unique.values()), [
        Gap(path, why) for path, why in gaps.items() if path not in unique
    ]


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


def item_of(run: Run, octets: bytes, role: Role) -> Item:
    """Bytes as read; timers and counters as words."""
    path, type_ = path_of(run), "BYTES"
    value: Value = octets
    if run.width == 2:
        words = (octets[at : at + 2] for at in range(0, len(octets), 2))
        value = tuple(int.from_bytes(word, "big") for word in words)
        type_ = f"ARRAY[{run.amount}] OF WORD"
    access: Access = "read-write" if run.area == "DB" else "read"
    return Item(path, "tag", type_, value, role, access, address=path)


def _refusal(code: int) -> str:
    refusal = CpuRefused(code)
    refusal.raise_if_not_now()
    return f"{refusal}; {PUT_GET}" if code == NOT_IMPLEMENTED else str(refusal)


def _item_refusal(piece: Piece, code: int) -> str:
    setting = OPTIMIZED if piece.run.area == "DB" else PUT_GET
    return f"{item_words(code)}; {setting}"
