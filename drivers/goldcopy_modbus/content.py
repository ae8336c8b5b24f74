"""What was read of one area: values by address, an item for each that has no name, holes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from goldcopy.snapshot import Gap, Item
from goldcopy_modbus.area import Area
from goldcopy_modbus.spans import Span, common, union


class Hole(NamedTuple):
    """Addresses that could not be read."""

    span: Span
    why: str


class Content:
    """Filled reply by reply.

    Args:
        area: the address space.
        stop: all addresses are below it.
        raw: what becomes an item address by address (a union).
    """

    def __init__(self, area: Area, stop: int, raw: Sequence[Span]) -> None:
        self.items: list[Item] = []
        self.holes: list[Hole] = []
        self.absent = ""
        """Why there is no such area at all; "" if there is."""
        self._area = area
        self._raw = raw
        self._values: list[int | None] = [None] * stop

    def take(self, span: Span, values: Sequence[int]) -> None:
        """Keep what one reply holds.

        Items are made here and not at the end, while the controller works on its next replies.
        """
        self._values[slice(*span)] = values
        for part in common(self._raw, span):
            some = values if part == span else values[part.start - span.start :][: part.size]
            self.items += _items(self._area, part, some)

    def words(self, span: Span) -> list[int]:
        """The values of ``span``, without those that were not read."""
        return [value for value in self._values[slice(*span)] if value is not None]

    def borders(self, span: Span) -> bool:
        """Whether something beside ``span`` was read."""
        around = self._values[max(0, span.start - 1) : span.start]
        around += self._values[span.stop : span.stop + 1]
        return around.count(None) < len(around)

    def gaps(self) -> list[Gap]:
        """What of ``raw`` was not read: one gap for each hole, or one for all."""
        if self.absent:
            return [Gap(self._area.name, self.absent)] if self._raw else []
        return [
            Gap(f"{self._area.name}/{part}", hole.why)
            for hole in self._merged()
            for part in common(self._raw, hole.span)
        ]

    def why(self, span: Span) -> str:
        """Why ``span`` was not read as a whole."""
        return self.absent or next(
            hole.why for hole in sorted(self.holes) if common([hole.span], span)
        )

    def _merged(self) -> Iterator[Hole]:
        """Neighbours with one reason are one hole."""
        for why in sorted({hole.why for hole in self.holes}):
            yield from (
                Hole(span, why) for span in union(h.span for h in self.holes if h.why == why)
            )


def _items(area: Area, span: Span, values: Sequence[int]) -> list[Item]:
    kind, type_, role, access = area.kind, area.type, area.role, area.access
    return [
        Item(path, kind, type_, value, role, access, "", "", None, None, path)
        for path, value in zip(_paths(area.name, span), values, strict=True)
    ]


@lru_cache(maxsize=1024)
def _paths(area: str, span: Span) -> list[str]:
    """The same texts for every pull and device: made once and shared; half the cost of an item."""
    return [f"{area}/{address}" for address in range(*span)]
