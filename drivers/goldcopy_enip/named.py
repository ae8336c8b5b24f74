"""Tags as the options name them, for a target that lists none."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from goldcopy.errors import Wrong
from goldcopy_enip.database import MOST_ELEMENTS

_TAG = re.compile(
    r"(?:Program:(?P<program>[^.\[\]]+)\.)?(?P<name>[^.\[\]]+)(?:\[(?P<dims>[^]]*)\])?"
)


class Named(NamedTuple):
    """One tag as the options name it."""

    program: str
    name: str
    dims: tuple[int, ...]

    @property
    def title(self) -> str:
        """The same for the same tag: capitals are one with small letters."""
        return f"{self.program}.{self.name}".lower()


def parsed(texts: Sequence[str]) -> tuple[Named, ...]:
    """The tags. Raises ``Wrong`` for what names none, or one twice."""
    found = {tag.title: tag for tag in map(_parsed, texts)}
    if len(found) != len(texts):
        raise Wrong("a tag is named twice")
    return tuple(found.values())


def _parsed(text: str) -> Named:
    """``Speed``, ``Zones[16]``, ``Program:Main.Grid[2,3]``. Raises ``Wrong`` for anything else."""
    found = _TAG.fullmatch(text)
    sizes = found["dims"].split(",") if found and found["dims"] is not None else []
    if found is None or len(sizes) > 3 or not all(size.strip().isdecimal() for size in sizes):
        raise Wrong(f"{text!r} names no tag: write Speed, Zones[16], Program:Main.Grid[2,3]")
    dims = tuple(map(int, sizes))
    if not 0 < math.prod(dims) <= MOST_ELEMENTS:
        raise Wrong(f"{text!r} has {math.prod(dims)} elements; there are 1 to {MOST_ELEMENTS}")
    return Named(found["program"] or "", found["name"], dims)
