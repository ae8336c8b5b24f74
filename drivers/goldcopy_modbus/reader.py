"""Reading one area: in the fewest requests, and around what the controller refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from goldcopy_modbus import pdu
from goldcopy_modbus.content import Content, Hole
from goldcopy_modbus.link import Link
from goldcopy_modbus.plan import Task
from goldcopy_modbus.refusal import Refusal
from goldcopy_modbus.spans import Span, common

SPARE_REQUESTS = 512
"""What may be spent, in one area, on looking into refused spans that lie beside nothing readable.
To prove n addresses illegal takes n requests at least, and a range may hold 65,536."""

_FEW = 16
"""Addresses that are asked for one by one: in a hole, halving them on would take twice as many."""

_TOGETHER = 32
"""Requests whose replies are taken in together, and between two movements of the meter."""


class _Refused(NamedTuple):
    span: Span
    refusal: Refusal


class Reader:
    """Reads one area over a link.

    What is asked next depends on what was answered, never on when: a controller gives the same
    holes whatever the window.
    """

    def __init__(self, link: Link, task: Task) -> None:
        self._link = link
        self._area = task.area
        self._layout = task.layout
        self._planned = task.requests
        self._ends = {end for run in task.layout.wanted for end in run}
        self._content = Content(task.area, task.layout.wanted[-1].stop, task.raw)
        self._spare = SPARE_REQUESTS

    async def read(self) -> Content:
        """The area's content.

        The first request goes alone: it tells whether there is such an area, and how much a request
        may ask for. Raises ``Malformed`` and ``Unreachable``.
        """
        content, first, rest = self._content, self._planned[0], self._planned[1:]
        refused = await self._ask([first])
        if refused and refused[0].refusal.no_such_function:
            content.absent = self._absent(refused[0].refusal)
            self._link.meter.done += len(rest)
            return content
        found = await self._look_into(refused)
        if rest and found and not content.holes and common(self._layout.wanted, first) == [first]:
            rest = self._smaller(max(span.size for span in found), rest)
        await self._look_into(await self._ask(rest))
        return content

    async def _ask(self, spans: Sequence[Span]) -> list[_Refused]:
        """Read these spans; those that were refused are returned.

        All are queued at once, so that the window never runs empty, and taken in by tasks, so that
        the meter moves on.
        """
        try:
            async with asyncio.TaskGroup() as group:
                some = [spans[at : at + _TOGETHER] for at in range(0, len(spans), _TOGETHER)]
                tasks = [group.create_task(self._take_in(one)) for one in some]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the first ends the exchange for all
        return [refused for task in tasks for refused in task.result()]

    async def _take_in(self, spans: Sequence[Span]) -> list[_Refused]:
        refused = []
        requests = [self._area.request(span.start, span.size) for span in spans]
        for span, reply in zip(spans, await self._link.ask_all(requests), strict=True):
            refusal = pdu.refusal(reply)
            if refusal is None:
                self._content.take(span, self._area.parse(reply, span.size))
            else:
                refusal.raise_if_not_now()
                refused.append(_Refused(span, refusal))
        self._link.meter.done += len(spans)
        return refused

    def _absent(self, refusal: Refusal) -> str:
        return f"the controller does not have function {self._area.function}: {refusal}"

    def _smaller(self, most: int, rest: list[Span]) -> list[Span]:
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
        return self._content.borders(span) or not self._ends.isdisjoint(span)

    def _parts(self, one: _Refused) -> list[Span]:
        """What to ask for instead; nothing if this is a hole."""
        span, beside = one.span, self._beside(one.span)
        parts: list[Span] = []
        if one.refusal.may_be_a_part:
            halve = beside or span.size > _FEW
            parts = self._layout.halves(span) if halve else self._layout.singles(span)
        if not parts:
            self._content.holes.append(Hole(span, str(one.refusal)))
        elif not beside:
            self._spare -= len(parts)
            if self._spare < 0:
                self._content.holes.append(Hole(span, f"{one.refusal}; not tried one by one"))
                return []
        self._link.meter.total += len(parts)
        return parts
