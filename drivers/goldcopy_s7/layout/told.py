"""The offsets that a table gives, against those that follow from its types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from goldcopy_s7.layout.declared import Array, Told
from goldcopy_s7.layout.shape import Shaper, Spot

_ELEMENT = re.compile(r"(.*)\[([-\d,]+)\]", re.DOTALL)


def compare(told: Iterable[Told], spots: Mapping[str, Spot], shaper: Shaper) -> None:
    """Raise ``Wrong`` for the first offset that is not the computed one."""
    for one in told:
        if one.what == "size":
            found: int | None = shaper.size(spots[one.name].type).bits
            what = f"{one.name or 'the DB'} ends"
        else:
            found = _start(one.name, spots, shaper)
            found = None if found is None else found - spots[one.base].start
            what = f"{one.name} is"
        if found is not None and found != one.bits:
            raise one.at.wrong(
                f"{what} at {_text(one.bits)} by the table, but at {_text(found)} by its types",
                "export it again from the project that is loaded, with all its rows",
            )


def _start(name: str, spots: Mapping[str, Spot], shaper: Shaper) -> int | None:
    """Where a member is; None for a part of a DTL, which is one leaf."""
    if name in spots:
        return spots[name].start
    match = _ELEMENT.fullmatch(name)
    array = spots.get(match[1]) if match else None
    if match is None or array is None or not isinstance(array.type, Array):
        return None
    n = 0
    for i, (low, high) in zip(map(int, match[2].split(",")), array.type.bounds, strict=True):
        n = n * (high - low + 1) + i - low
    return array.start + shaper.grid(array.type).at(n)


def _text(bits: int) -> str:
    return f"{bits // 8}.{bits % 8}"
