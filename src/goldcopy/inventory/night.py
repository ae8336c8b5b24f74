"""The key ``night``, and a zone's ``window``: when the night run may ask controllers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory.document import Node
from goldcopy.inventory.fields import Fields
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.scalars import duration, text

_WINDOW: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")


class Window(msgspec.Struct, frozen=True):
    """When a zone may be asked, by the clock on the wall.

    Both are minutes since midnight, and never the same; over midnight if it ends before it begins.
    """

    begin: int
    end: int

    def __str__(self) -> str:
        return f"{_clock(self.begin)}-{_clock(self.end)}"


class NightPolicy(msgspec.Struct, frozen=True):
    """How the night run goes about it. All times are seconds."""

    jitter: float = 0.0
    """Over how long a time the devices of a zone are begun."""
    deadline: float = 4 * 3600.0
    """After it no controller is asked any more."""
    stale: float = 26 * 3600.0
    """A snapshot older than this says nothing about now."""
    report: Path = Path("report")


def window(node: Node) -> Window:
    """Read ``01:00-05:00``."""
    written = text(node)
    match = _WINDOW.fullmatch(written.replace(" ", ""))
    if match is None:
        raise Wrong(f"{written} is no window; write it like 01:00-05:00 or 22:30-04:00")
    found = Window(int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]))
    if found.begin == found.end:
        raise Wrong(f"{written} ends when it begins; leave it out if any time will do")
    return found


def usual_night(folder: Path) -> NightPolicy:
    """What holds where the inventory in this folder says nothing."""
    return NightPolicy(report=folder / "report")


def night_policy(node: Node, folder: Path, mistakes: Gathered) -> NightPolicy:
    """Read ``{jitter: 10m, deadline: 4h, stale: 26h, report: ./report}``, all of it optional."""
    usual = usual_night(folder)
    fields = Fields(node, mistakes, "night")
    found = NightPolicy(
        jitter=fields.take("jitter", duration("0s", "6h"), usual.jitter),
        deadline=fields.take("deadline", duration("1s", "24h"), usual.deadline),
        stale=fields.take("stale", duration("1m", "10000h"), usual.stale),
        report=fields.take(
            "report", lambda one: folder / Path(text(one)).expanduser(), usual.report
        ),
    )
    if found.jitter >= found.deadline:
        fields.wrong("jitter", "it is no shorter than the deadline: not all devices could begin")
    fields.close()
    return found


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
