"""Many nodes at once: the server's limits kept, batches halved, pages fetched to the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from goldcopy.errors import Malformed

from . import answers, services, status
from .answers import Browsed, Called, ReadFailed, Reference
from .builtin import NULL, NodeId, Result
from .channel import Channel, spread
from .transport import Fault

MOST = 1000
"""Nodes of one request at most, whatever the server says: a controller has a cycle to keep."""
_IDLE_PAGES = 100
"""Empty pages in a row after which a list is taken to have no end."""

T = TypeVar("T")
R = TypeVar("R")

Wanted = tuple[NodeId, int]
"""A node and one of its attributes."""


@dataclass
class Limits:
    """Operations per request. The defaults are for servers that do not say, or say 0."""

    read: int = 500
    browse: int = 100
    write: int = 50
    points: int = 0
    """Continuation points that a session may hold; 0 if the server does not say."""
    byte_string: int = 0
    """Bytes of a ByteString; 0 if the server does not say."""


class Client:
    """The reading services over one channel, batch by batch."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.limits = Limits()

    async def read(self, wanted: Sequence[Wanted]) -> list[Result]:
        """One result for each; a value that cannot be decoded has status ``BadDecodingError``."""
        results: list[Result] = [_UNREAD] * len(wanted)
        meter = self.channel.meter
        meter.total += len(wanted)

        async def work(span: slice) -> None:
            results[span] = await self._read(wanted[span])
            meter.done += span.stop - span.start

        await spread(self.channel.window, self._spans(len(wanted), "read"), work)
        return results

    async def browse(
        self,
        nodes: Sequence[NodeId],
        *,
        reference: int = services.HIERARCHICAL,
        forward: bool = True,
        classes: int = 0,
    ) -> list[tuple[int, list[Reference]]]:
        """For each node: a status, and its references. A bad status means they are not all."""
        results: list[tuple[int, list[Reference]]] = [(0, [])] * len(nodes)
        meter = self.channel.meter
        meter.total += len(nodes)

        async def work(span: slice) -> None:
            results[span] = await _Browse(self, reference, forward, classes).of(nodes[span])
            meter.done += span.stop - span.start

        await spread(self.channel.window, self._spans(len(nodes), "browse"), work)
        return results

    async def call(self, node: NodeId, method: NodeId, *arguments: bytes) -> Called:
        """Call one method that the guard lets pass."""
        try:
            reader = await self.channel.ask(services.CALL, services.call(node, method, arguments))
        except Fault as fault:
            return Called(fault.status, ())
        return answers.called(reader)

    def _spans(self, total: int, limit: str) -> Iterator[slice]:
        """Consecutive slices; a limit that was lowered on the way counts at once."""
        start = 0
        while start < total:
            end = min(total, start + max(1, getattr(self.limits, limit)))
            yield slice(start, end)
            start = end

    # -- Read --------------------------------------------------------------------------------------

    async def _read(self, wanted: Sequence[Wanted]) -> list[Result]:
        try:
            reader = await self.channel.ask(services.READ, services.read(wanted))
            return answers.read_results(reader, len(wanted))
        except Fault as fault:
            if fault.status not in status.TOO_MUCH:
                raise status.error(fault.status) from None
            if len(wanted) == 1:
                return [Result(NULL, fault.status)]
            if fault.status in status.TOO_MANY:
                self.limits.read = max(1, min(self.limits.read, len(wanted) // 2))
            return await _in_pieces(wanted, lambda: self.limits.read, self._read)
        except ReadFailed as failed:
            if len(wanted) == 1:
                return [Result(NULL, status.BAD_DECODING)]
            return await self._around(wanted, failed.index)

    async def _around(self, wanted: Sequence[Wanted], index: int) -> list[Result]:
        """Read anew without the value at which decoding stopped, and that one alone.

        Nothing of the failed response is kept: the values before it may be shifted as well.
        """
        results: list[Result] = []
        for part in (wanted[:index], wanted[index : index + 1], wanted[index + 1 :]):
            if part:
                results += await self._read(part)
        return results


class _Browse:
    """One batch of Browse with all its pages."""

    def __init__(self, client: Client, reference: int, forward: bool, classes: int) -> None:
        self._client = client
        self._reference = reference
        self._forward = forward
        self._classes = classes

    async def of(self, nodes: Sequence[NodeId]) -> list[tuple[int, list[Reference]]]:
        """Browse, halving where the server cannot do so many."""
        try:
            first = await self._ask(services.BROWSE, self._body(nodes), len(nodes))
        except Fault as fault:
            if fault.status not in status.TOO_MUCH:
                raise status.error(fault.status) from None
            if len(nodes) == 1:
                return [(fault.status, [])]
            if fault.status in status.TOO_MANY:
                self._be_modest(len(nodes))
            return await self._in_pieces(nodes)
        results = await self._drained(first)
        again = [n for n, (code, _) in enumerate(results) if code in _AGAIN]
        if again and len(nodes) > 1:
            self._be_modest(len(nodes))
            redone = await self._in_pieces([nodes[n] for n in again])
            for n, result in zip(again, redone, strict=True):
                results[n] = result
        return results

    def _body(self, nodes: Sequence[NodeId]) -> bytes:
        return services.browse(
            nodes, reference=self._reference, forward=self._forward, classes=self._classes
        )

    async def _in_pieces(self, nodes: Sequence[NodeId]) -> list[tuple[int, list[Reference]]]:
        return await _in_pieces(nodes, lambda: self._client.limits.browse, self.of)

    def _be_modest(self, tried: int) -> None:
        limits = self._client.limits
        limits.browse = max(1, min(limits.browse, tried // 2))

    async def _drained(self, first: list[Browsed]) -> list[tuple[int, list[Reference]]]:
        """Fetch every page before the next Browse, which could take the places away."""
        results = [(one.status, one.references) for one in first]
        points = {n: one.point for n, one in enumerate(first) if one.point is not None}
        limits = self._client.limits
        if points and limits.points:
            share = limits.points // self._client.channel.window
            limits.browse = max(1, min(limits.browse, share))
        idle = 0
        while points:
            turn = list(points)[: max(1, limits.browse)]
            body = services.browse_next([points[n] for n in turn])
            try:
                pages = await self._ask(services.BROWSE_NEXT, body, len(turn))
            except Fault as fault:
                if fault.status not in status.TOO_MUCH:
                    raise status.error(fault.status) from None
                pages = [Browsed(status.POINT_INVALID, None, [])] * len(turn)  # browsed anew
            for n, page in zip(turn, pages, strict=True):
                code, found = results[n]
                results[n] = (page.status if status.bad(page.status) else code, found)
                found += page.references
                del points[n]
                if page.point is not None and not status.bad(page.status):
                    points[n] = page.point
            idle = 0 if any(page.references for page in pages) else idle + 1
            if idle == _IDLE_PAGES:
                raise Malformed("the server pages without end and without content")
        return results

    async def _ask(self, service: int, body: bytes, expected: int) -> list[Browsed]:
        return answers.browsed(await self._client.channel.ask(service, body), expected)


_UNREAD = Result(NULL, status.BAD_DECODING)
_AGAIN = frozenset({status.NO_CONTINUATION_POINTS, status.POINT_INVALID})


async def _in_pieces(
    things: Sequence[T], most: Callable[[], int], ask: Callable[[Sequence[T]], Awaitable[list[R]]]
) -> list[R]:
    """Ask for halves, or less where a limit has been learnt meanwhile."""
    half = (len(things) + 1) // 2
    results: list[R] = []
    while len(results) < len(things):
        size = max(1, min(half, most()))
        results += await ask(things[len(results) : len(results) + size])
    return results
