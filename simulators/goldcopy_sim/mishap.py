"""One write that goes wrong inside a controller, whatever the link to it does.

A simulator has it as ``mishap``; None, and all writes are done as they should be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

REQUESTS: Final[Mapping[str, str]] = {
    "dropped": "a writing request is neither carried out nor answered",
    "lost": "a writing request is carried out and never answered",
    "late": "a writing request is carried out and answered after a delay",
    "twice": "a writing request is carried out, and answered two times",
    "cut": "a writing request is carried out, and the connection ends instead of an answer",
}
VALUES: Final[Mapping[str, str]] = {
    "refused": "a value is refused; the others of its request are carried out where that may be",
    "ignored": "a value is acknowledged and not stored",
    "clamped": "a value is acknowledged, and another one is stored",
}


@dataclass
class Mishap:
    """What goes wrong with one write, or with all from one on; nothing else does.

    Raises:
        ValueError: no such kind.
    """

    kind: str
    """One of ``REQUESTS``, which counts writing requests, or of ``VALUES``, which counts values."""
    at: int
    """Which of them, from 0 on."""
    lasting: bool = False
    """Whether all that follow go wrong as well."""
    delay: float = 0.0
    """Seconds, for ``late``."""
    met: int = 0
    """How many have gone wrong."""
    _seen: int = 0
    _late: list[asyncio.Future[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.kind not in REQUESTS.keys() | VALUES.keys():
            raise ValueError(f"no mishap {self.kind!r}: {', '.join((*REQUESTS, *VALUES))}")

    def of_request(self) -> str:
        """Count a writing request: what becomes of it, one of ``REQUESTS``; "" for what should."""
        return self._next() if self.kind in REQUESTS else ""

    def of_value(self) -> str:
        """Count a value to be written: what becomes of it, one of ``VALUES``; "" for what should.

        Asked once all else is known to be in order: a value that is refused anyway is none.
        """
        return self._next() if self.kind in VALUES else ""

    def later(self, do: Callable[[], None]) -> None:
        """Do it after the delay, connection or no connection."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._late.append(done)

        def act() -> None:
            do()
            done.set_result(None)

        loop.call_later(self.delay, act)

    async def over(self) -> None:
        """Wait until nothing is late any more."""
        await asyncio.gather(*self._late)

    def _next(self) -> str:
        n, self._seen = self._seen, self._seen + 1
        if n != self.at and not (self.lasting and n > self.at):
            return ""
        self.met += 1
        return self.kind


def altered(octets: bytes) -> bytes:
    """Another value of the same length: what a controller makes of one that it clamps."""
    return octets[:-1] + bytes((octets[-1] ^ 1,)) if octets else octets
