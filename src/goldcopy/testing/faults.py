"""What a network, or a controller that is falling over, does to a client.

Frames are counted from 0, bytes too, through all connections of the link in the order in which the
server sent them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from goldcopy.testing.passage import Passage


@dataclass(frozen=True)
class Fault:
    """Something that a link does wrong."""

    name: str
    carry: Callable[[Passage], Awaitable[None]]
    """Takes the server's frames of one connection and sends what the client is to see of them.

    When it returns, the connection is closed.
    """
    listens: bool = True
    connects: bool = True

    def __str__(self) -> str:
        return self.name


async def _for_ever(passage: Passage) -> None:
    passage.link.struck.set()
    await asyncio.Event().wait()


REFUSED = Fault("a closed port", _for_ever, listens=False)
HALF_OPEN = Fault("accepts and never answers", _for_ever, connects=False)


def silence(since: int) -> Fault:
    """Nothing from frame ``since`` on, nor that the server has closed."""

    async def carry(passage: Passage) -> None:
        async for number, frame in passage:
            if number < since:
                passage.send(frame)
            else:
                passage.link.struck.set()
        await asyncio.Event().wait()

    return Fault(f"silence from frame {since} on", carry)


def dead(since: int) -> Fault:
    """Nothing passes in either direction once ``since`` frames have come."""
    if since == 0:
        return HALF_OPEN

    async def carry(passage: Passage) -> None:
        async for number, frame in passage:
            passage.deaf = number >= since - 1
            if number < since:
                passage.send(frame)
            if passage.deaf:
                passage.link.struck.set()
        await asyncio.Event().wait()

    return Fault(f"a dead link after {since} frames", carry)


def cut(after: int, *, reset: bool) -> Fault:
    """The connection breaks when the client has got ``after`` bytes; the next one is sound."""

    async def carry(passage: Passage) -> None:
        link = passage.link
        async for _, frame in passage:
            room = after - link.bytes_in
            if link.struck.is_set() or room > len(frame):
                passage.send(frame)
                continue
            link.struck.set()
            if room > 0:
                passage.send(frame[:room])
            passage.cut(reset=reset)

    return Fault(f"a cut ({'RST' if reset else 'FIN'}) after {after} bytes", carry)


def changed(number: int, change: Callable[[bytes], bytes], name: str) -> Fault:
    """One frame is ``change(frame)`` instead."""

    async def carry(passage: Passage) -> None:
        async for n, frame in passage:
            if n == number:
                passage.link.struck.set()
                frame = change(frame)
            passage.send(frame)

    return Fault(f"{name} in frame {number}", carry)


def garbage(number: int) -> Fault:
    """Random bytes, as many as the frame has; the same in each run."""
    return changed(number, lambda f: random.Random(f).randbytes(len(f)), "random bytes")


def mutated(number: int, keep: int, seed: int) -> Fault:
    """Some bytes of a frame behind its first ``keep`` are others; which, ``seed`` chooses."""

    def mutate(frame: bytes) -> bytes:
        rng, changed = random.Random(seed), bytearray(frame)
        for _ in range(rng.randint(1, 3)):
            if len(frame) > keep:
                changed[rng.randrange(keep, len(frame))] = rng.randrange(256)
        return bytes(changed)

    return changed(number, mutate, f"other bytes ({seed})")


def flipped(number: int, bit: int) -> Fault:
    """One bit of a frame is the other way round."""

    def flip(frame: bytes) -> bytes:
        place, mask = bit // 8, 1 << bit % 8
        return frame[:place] + bytes([frame[place] ^ mask]) + frame[place + 1 :]

    return changed(number, flip, f"bit {bit} flipped")


def inverted(number: int) -> Fault:
    """Each bit of a frame is the other way round."""
    return changed(number, lambda frame: bytes(b ^ 0xFF for b in frame), "all bits flipped")


def duplicate(number: int) -> Fault:
    """A frame comes twice."""
    return changed(number, lambda frame: frame + frame, "a duplicate")


def late(number: int) -> Fault:
    """A frame is held back until the client has sent its next request, and comes before its reply.

    A client that gave up waiting, and asks again on the same connection, meets the late reply.
    """

    async def carry(passage: Passage) -> None:
        held = b""
        async for n, frame in passage:
            if n == number:
                passage.link.struck.set()
                passage.asked.clear()
                held = frame
                continue
            if held and passage.asked.is_set():
                passage.send(held)
                held = b""
            passage.send(frame)

    return Fault(f"frame {number} late", carry)


def fragmented(seed: int = 0) -> Fault:
    """Pieces of one to three bytes, up to a thousand in the middle of a long frame."""

    async def carry(passage: Passage) -> None:
        passage.link.struck.set()
        size = random.Random(seed)
        async for _, frame in passage:
            at = 0
            while at < len(frame):
                inner = 128 < at < len(frame) - 1128
                end = at + size.randint(1, 1000 if inner else 3)
                passage.send(frame[at:end])
                await passage.apart()
                at = end

    return Fault("pieces of one to three bytes", carry)


def coalesced(quiet: float = 0.005) -> Fault:
    """Frames are held until the server pauses for ``quiet`` seconds, then come in one piece."""

    async def carry(passage: Passage) -> None:
        passage.link.struck.set()
        held = b""
        while True:
            try:
                async with asyncio.timeout(quiet if held else None):
                    held += (await anext(passage))[1]
            except TimeoutError:
                passage.send(held)
                held = b""
            except StopAsyncIteration:
                break
        if held:
            passage.send(held)

    return Fault("many frames at once", carry)


def drip(interval: float, count: int | None = None) -> Fault:
    """One byte every ``interval`` seconds, for the first ``count`` bytes of each connection."""

    async def carry(passage: Passage) -> None:
        passage.link.struck.set()
        left = count
        async for _, frame in passage:
            slow = len(frame) if left is None else min(left, len(frame))
            for n in range(slow):
                passage.send(frame[n : n + 1])
                await asyncio.sleep(interval)
            if left is not None:
                left -= slow
            if frame[slow:]:
                passage.send(frame[slow:])

    return Fault(f"a byte every {interval:g} s", carry)
