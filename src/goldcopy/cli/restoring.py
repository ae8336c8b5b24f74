"""What people see while devices are put back: what each is at, what went wrong, the time left."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from goldcopy.cli.progress import BARS, following

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from goldcopy.restore import CampaignWatch, Watch

STYLES = {"proved": "green", "not proved": "bold red", "refused": "red", "not begun": "yellow"}
SENDING = ("writing", "rolling back")
"""The stages that are counted, value by value."""


def restoring(device: str, watch: Watch) -> AbstractAsyncContextManager[None]:
    """Show one restore on standard error until the context is left."""
    told: dict[str, str] = {}
    pace = _Pace(watch)

    def picture() -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        return Group(_grid([(device, watch)]), Text(pace.told(), style="bold"))

    return following(picture, lambda: _stages([(device, watch)], told))


class _Pace:
    """How fast the values of one stage go out, and so how long it still takes."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._since = ("", 0, 0.0)

    def told(self) -> str:
        """The time left; nothing while nobody knows."""
        stage, done = self._watch.stage, self._watch.done
        if self._since[0] != stage:
            self._since = (stage, done, time.monotonic())
        sent = done - self._since[1]
        if stage not in SENDING or sent <= 0:
            return ""
        each = (time.monotonic() - self._since[2]) / sent
        return f"{stage}: about {_span(each * (self._watch.total - done))} left"


def campaigning(watch: CampaignWatch) -> AbstractAsyncContextManager[None]:
    """Show a campaign on standard error until the context is left."""
    told: dict[str, str] = {}
    return following(lambda: _picture(watch), lambda: _news(watch, told))


# -- on a terminal ---------------------------------------------------------------------------------


def _picture(watch: CampaignWatch) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from goldcopy.cli.output import styled

    wrong = [one for one in watch.results if one.state != "proved"]
    lines = [styled(f"{one.device}: {one.state}: {one.why}", STYLES[one.state]) for one in wrong]
    at_work = list(watch.devices.items())
    return Group(*lines[-BARS:], _grid(at_work[:BARS]), Text(_standing(watch), style="bold"))


def _grid(at_work: Iterable[tuple[str, Watch]]) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, one in at_work:
        style = "bold red" if one.stage == "rolling back" else "cyan"
        total = one.total if one.stage in SENDING else None
        bar = ProgressBar(total, one.done, width=30, pulse=not total)
        count = f"{one.done} of {total} values" if total else ""
        grid.add_row(Text(name), Text(one.stage, style=style), bar, count)
    return grid


# -- in a log --------------------------------------------------------------------------------------


def _news(watch: CampaignWatch, told: dict[str, str]) -> Iterator[str]:
    yield from _stages(list(watch.devices.items()), told)
    for number, one in enumerate(list(watch.results), 1):
        if told.get(one.device) != (state := f"{one.state}: {one.why}".rstrip(": ")):
            told[one.device] = state
            yield f"{one.device}: {state}"
            if number == len(watch.results):
                yield _standing(watch)


def _stages(at_work: Iterable[tuple[str, Watch]], told: dict[str, str]) -> Iterator[str]:
    for name, one in at_work:
        stage = f"{one.stage} {one.total} values" if one.stage in SENDING else one.stage
        if told.get(name) != stage and one.stage != "done":  # the answer tells how it ended
            told[name] = stage
            yield f"{name}: {stage}"


# -- in both ---------------------------------------------------------------------------------------


def _standing(watch: CampaignWatch) -> str:
    wrong = sum(one.state != "proved" for one in watch.results)
    said = [
        f"wave {watch.wave} of {watch.waves}",
        f"{len(watch.results)} of {watch.total} devices",
    ]
    if wrong:
        said.append(f"{wrong} not proved")
    if left := watch.seconds_left:
        said.append(f"about {_span(left)} left")
    return ", ".join(said)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
