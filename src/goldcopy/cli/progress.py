"""What people see while a run goes on: a bar a device on a terminal, plain lines in a log."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from goldcopy.collect import Progress, Watch

FRAMES = 5
"""Pictures a second."""
BARS = 20
"""Devices shown at once; the others are counted."""

STYLES = {"kept": "green", "failed": "bold red", "retrying": "yellow", "waiting": "dim"}


@asynccontextmanager
async def following(
    picture: Callable[[], RenderableType], news: Callable[[], Iterable[str]]
) -> AsyncIterator[None]:
    """Show on standard error how something goes on, until the context is left.

    Args:
        picture: of how it stands, for a terminal.
        news: the lines, for a log, that were not told yet.
    """
    show = asyncio.create_task(_pictures(picture) if sys.stderr.isatty() else _lines(news))
    try:
        yield
    finally:
        show.cancel()
        await asyncio.gather(show, return_exceptions=True)


async def _pictures(picture: Callable[[], RenderableType]) -> None:
    from rich.live import Live

    from goldcopy.cli.output import console

    with Live(console=console(error=True), transient=True, auto_refresh=False) as live:
        while True:
            live.update(picture(), refresh=True)
            await asyncio.sleep(1 / FRAMES)


async def _lines(news: Callable[[], Iterable[str]]) -> None:
    try:
        while True:
            _tell(news())
            await asyncio.sleep(1 / FRAMES)
    finally:
        _tell(news())


def _tell(lines: Iterable[str]) -> None:
    from goldcopy.snapshot.values import plain

    for line in lines:
        print(plain(line), file=sys.stderr, flush=True)


# -- of pulls --------------------------------------------------------------------------------------


def watching(watch: Watch) -> AbstractAsyncContextManager[None]:
    """Show a pull on standard error until the context is left."""
    told: dict[str, str] = {}
    return following(lambda: _picture(watch), lambda: _news(watch, told))


def _picture(watch: Watch) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for one in _shown(watch):
        meter = one.meter
        bar = ProgressBar(total=meter.total or 1, completed=meter.done, width=30)
        cost = f"{meter.requests} requests"
        grid.add_row(
            Text(one.device), Text(_state(one), style=STYLES.get(one.state, "cyan")), bar, cost
        )
    ended = sum(one.state in ("kept", "failed") for one in watch.devices.values())
    failed = sum(one.state == "failed" for one in watch.devices.values())
    line = f"{ended} of {len(watch.devices)} devices" + (f", {failed} failed" if failed else "")
    return Group(grid, Text(line, style="bold"))


def _shown(watch: Watch) -> list[Progress]:
    """Those under way first, then the failed, the waiting, the kept."""
    rank = {"failed": 1, "waiting": 2, "kept": 3}
    return sorted(watch.devices.values(), key=lambda one: rank.get(one.state, 0))[:BARS]


def _state(one: Progress) -> str:
    if one.state == "retrying":
        return f"again in {max(0.0, one.retry_at - time.monotonic()):.0f} s"
    return one.state


def _news(watch: Watch, told: dict[str, str]) -> Iterator[str]:
    """One line for each change of state that a log's reader wants to know."""
    for one in watch.devices.values():
        state = f"{one.state} {one.attempt}"
        if told.get(one.device) == state:
            continue
        told[one.device] = state
        if one.state == "retrying":
            yield f"{one.error}; trying again"
        elif one.state == "failed":
            yield f"{one.device}: failed"
        elif one.state == "kept":
            yield f"{one.device}: kept after {one.meter.requests} requests"
