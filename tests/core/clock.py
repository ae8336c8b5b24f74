"""A clock that jumps: where a loop would sleep, the time it would wake at is there at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any


class Clock(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "a hang: nothing can ever happen again"
            self.now += max(0.0, timeout)
        return ready


class ClockLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


def on_a_clock(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in such a loop. Sockets on loopback work: what was sent is there at once."""

    @wraps(test)
    def run() -> None:
        with asyncio.Runner(loop_factory=ClockLoop) as runner:
            runner.run(test())

    return run
