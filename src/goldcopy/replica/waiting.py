"""Waiting for a place that may hang: blocking calls in threads, and an end to every wait."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from typing import ParamSpec, TypeVar

from goldcopy.errors import VaultUnavailable

P = ParamSpec("P")
T = TypeVar("T")

SLOWEST = 16 * 1024
"""Bytes per second. A link that is slower than this counts as one that is down."""


def allowance(timeout: float, size: int) -> float:
    """Seconds to wait for so many bytes, ``timeout`` being for the answer alone."""
    return timeout + size / SLOWEST


@contextlib.asynccontextmanager
async def patience(replica: str, seconds: float) -> AsyncIterator[None]:
    """Raise ``VaultUnavailable`` if it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise VaultUnavailable(
            f"replica {replica}: no answer for {seconds:g} s: its link or its server is down or "
            "very slow; what is missing there is sent next time"
        ) from None


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do blocking work in a thread of its own.

    Not in the loop's pool: a thread that hangs on a dead network mount would fill that, and keep
    the process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: Callable[[], None]) -> None:
        if not done.done():  # nobody waits any more after a timeout
            result()

    def run() -> None:
        try:
            value = work(*args, **kwargs)
        except BaseException as error:
            failure = error
            report = lambda: done.set_exception(failure)  # noqa: E731
        else:
            report = lambda: done.set_result(value)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, report)

    threading.Thread(target=run, name="goldcopy-replica", daemon=True).start()
    return await done
