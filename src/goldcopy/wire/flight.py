"""Requests from asked to answered: which one waits, which is in flight, whose a reply is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from copy import copy

from goldcopy.driver import Meter
from goldcopy.errors import GoldcopyError, Malformed


class Batch:
    """Requests that were asked together, and their replies as they come."""

    __slots__ = ("done", "left", "replies")

    def __init__(self, size: int, done: asyncio.Future[None]) -> None:
        self.replies = [b""] * size
        self.left = size
        self.done = done


class Asked:
    """One request."""

    __slots__ = ("batch", "deadline", "frame", "key", "place", "trip")

    def __init__(self, frame: bytes, key: Hashable, batch: Batch, place: int) -> None:
        self.frame = frame
        self.key = key
        self.batch = batch
        self.place = place
        self.deadline = 0.0
        self.trip = 0


class Flight:
    """All requests of one connection. It sends nothing and knows no clock."""

    def __init__(self, key: Callable[[bytes], Hashable], meter: Meter) -> None:
        """``key`` is that of a ``Framer``; round trips are counted on the meter."""
        self._key = key
        self._meter = meter
        self._trip = 0
        self.waiting: deque[Asked] = deque()
        self.under_way: dict[Hashable, Asked] = {}
        """By key, the oldest first."""

    def ask(self, requests: Sequence[bytes], done: asyncio.Future[None]) -> Batch:
        """Let requests wait; ``done`` is set once all of them are answered."""
        batch = Batch(len(requests), done)
        for place, request in enumerate(requests):
            self.waiting.append(Asked(request, self._key(request), batch, place))
        return batch

    def leave(self, deadline: float) -> bytes | None:
        """The frame of the next request, which is in flight from now on; None if none may leave."""
        # The protocol's counter may come round: wait until the older one is answered.
        if not self.waiting or self.waiting[0].key in self.under_way:
            return None
        asked = self.waiting.popleft()
        self.under_way[asked.key] = asked
        asked.deadline = deadline
        asked.trip = self._trip + 1
        return asked.frame

    def has(self, frame: bytes) -> bool:
        """Whether this is the reply to a request in flight."""
        return self._key(frame) in self.under_way

    def land(self, frame: bytes) -> None:
        """Hand a reply to its request. Raises ``Malformed``."""
        asked = self.under_way.pop(self._key(frame), None)
        if asked is None:
            raise stray(frame)
        if asked.trip > self._trip:  # what leaves from now on could not leave before this reply
            self._trip = asked.trip
            self._meter.round_trips += 1
        batch = asked.batch
        batch.replies[asked.place] = frame
        batch.left -= 1
        if batch.left == 0 and not batch.done.done():
            batch.done.set_result(None)

    def fail(self, why: GoldcopyError) -> None:
        """Tell whoever still waits that no reply will come."""
        for asked in (*self.under_way.values(), *self.waiting):
            if not asked.batch.done.done():
                asked.batch.done.set_exception(copy(why))  # one raised twice mixes its tracebacks
        self.under_way.clear()
        self.waiting.clear()


def stray(data: bytes) -> Malformed:
    """The error for what is no reply to a request in flight."""
    return Malformed(
        f"a reply that belongs to no request in flight ({data[:16].hex(' ')}…); the connection was "
        "closed, since values behind it could belong to another"
    )
