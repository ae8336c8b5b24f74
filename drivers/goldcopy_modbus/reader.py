"""Reading one area: in the fewest requests, and around what the controller refuses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from goldcopy_modbus import pdu
from goldcopy_modbus.area import Area
from goldcopy_modbus.link import Link
from goldcopy_modbus.refusal import Refusal
from goldcopy_modbus.spans import Layout, Span, common

SPARE_REQUESTS = 512
"""What may be spent, in one area, on looking into refused spans that lie beside nothing readable.
To prove n addresses illegal takes n requests at least, and a range may hold 65,536."""

_FEW = 16
"""Addresses that are asked for one by one: in a hole, halving them on would take twice as many."""

_PROGRESS = 16
"""Windows between two reports of progress: fewer would leave the window empty too often."""


class Hole(NamedTuple):
    """Addresses that could not be read."""

    span: Span
    why: str


class Content(NamedTuple):
    """What an area holds, by address, and where it could not be read."""

    values: dict[int, int]
    holes: list[Hole]
    absent: str = ""
    """Why there is no such area at all; "" if there is."""


class _Refused(NamedTuple):
    span: Span
    refusal: Refusal


class Reader:
    """Reads one area over a link.

    What is asked next depends on what was answered, never on when: a controller gives the same
    holes whatever the window.
    """

    def __init__(self, link: Link, area: Area, layout: Layout) -> None:
        self._link = link
        self._area = area
        self._layout = layout
        self._edges = {n for run in layout.wanted for n in run}
        self._values: dict[int, int] = {}
        self._holes: list[Hole] = []
        self._spare = SPARE_REQUESTS

    async def read(self, planned: Sequence[Span]) -> Content:
        """The area's content; ``planned`` are the layout's requests, counted already.

        The first goes alone: it tells whether there is such an area, and how much a request may
        ask for. Raises ``Malformed`` and ``Unreachable``.
        """
        first, rest = planned[0], planned[1:]
        refused = await self._ask([first])
        if refused and refused[0].refusal.no_such_function:
            self._link.meter.done += len(rest)
            return Content({}, [], self._absent(refused[0].refusal))
        found = await self._look_into(refused)
        if rest and found and not self._holes and common(self._layout.wanted, first) == [first]:
            rest = self._smaller(max(span.size for span in found), rest)
        await self._look_into(await self._ask(rest))
        self._holes.sort()
        return Content(self._values, self._holes)

    async def _ask(self, spans: Sequence[Span]) -> list[_Refused]:
        """Read these spans; those that were refused are returned."""
        refused, coming = [], iter(spans)
        while some := list(islice(coming, _PROGRESS * self._link.window)):
            requests = [self._area.request(span.start, span.size) for span in some]
            for span, reply in zip(some, await self._link.ask_all(requests), strict=True):
                refusal = pdu.refusal(reply)
                if refusal is None:
                    values = self._area.parse(reply, span.size)
                    self._values.update(zip(range(*span), values, strict=True))
                else:
                    refusal.raise_if_not_now()
                    refused.append(_Refused(span, refusal))
            self._link.meter.done += len(some)
        return refused

    def _absent(self, refusal: Refusal) -> str:
        return f"the controller does not have function {self._area.function}: {refusal}"

    def _smaller(self, most: int, rest: Sequence[Span]) -> Sequence[Span]:
        """The other requests anew, since the device takes no more than ``most`` in one."""
        smaller = self._layout.requests(most, rest[0].start)
        self._link.meter.total += len(smaller) - len(rest)
        return smaller

    # -- refusals ------------------------------------------------------------------------------

    async def _look_into(self, refused: Sequence[_Refused]) -> list[Span]:
        """Read what can be read of refused spans, the rest become holes; what was read."""
        waiting, found = list(refused), []
        while waiting:
            now, waiting = self._promising(waiting)
            divided = [part for one in now for part in self._parts(one)]
            again = await self._ask(divided)
            waiting += again
            in_vain = {one.span for one in again}
            found += [part for part in divided if part not in in_vain]
        return found

    def _promising(self, waiting: list[_Refused]) -> tuple[list[_Refused], list[_Refused]]:
        """Those beside something that was read or at the end of a run; else the largest."""
        now = [one for one in waiting if self._beside(one.span)]
        if not now:
            size = max(one.span.size for one in waiting)
            now = [one for one in waiting if one.span.size == size]
        chosen = set(now)
        return now, [one for one in waiting if one not in chosen]

    def _beside(self, span: Span) -> bool:
        return (
            span.start - 1 in self._values
            or span.stop in self._values
            or not self._edges.isdisjoint(span)
        )

    def _parts(self, one: _Refused) -> list[Span]:
        """What to ask for instead; nothing if this is a hole."""
        span, beside = one.span, self._beside(one.span)
        parts: list[Span] = []
        if one.refusal.may_be_a_part:
            halve = beside or span.size > _FEW
            parts = self._layout.halves(span) if halve else self._layout.singles(span)
        if not parts:
            self._holes.append(Hole(span, str(one.refusal)))
        elif not beside:
            self._spare -= len(parts)
            if self._spare < 0:
                self._holes.append(Hole(span, f"{one.refusal}; not tried one by one"))
                return []
        self._link.meter.total += len(parts)
        return parts
