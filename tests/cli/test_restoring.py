"""What is seen while devices are put back: the picture on a terminal, the lines in a log."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pty
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from rich.console import Console
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people
from tests.cli.test_restore_commands import planned, ready

from goldcopy.cli import progress, restoring
from goldcopy.restore import CampaignWatch, Watch
from goldcopy.restore.waves import Result

__all__ = ["people", "ready"]


@pytest.fixture
def half() -> CampaignWatch:
    """A campaign of ten devices, a minute old: two have ended, three are at work."""
    return CampaignWatch(
        total=10,
        results=[
            Result("pump", "proved"),
            Result("fan", "not proved", "3 leaves do not hold what was written"),
        ],
        devices={
            "mixer": Watch("writing", 120, 500),
            "oven": Watch("reading back", 0, 40),
            "[bold]press[/bold]": Watch("rolling back", 3, 4),
        },
        wave=2,
        waves=3,
        began=time.monotonic() - 60,
    )


def drawn(watch: CampaignWatch, width: int) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(restoring._picture(watch))  # noqa: SLF001
    return capture.get()


@pytest.mark.parametrize("width", [80, 120])
def test_a_picture_tells_who_is_at_what_and_what_went_wrong(
    half: CampaignWatch, width: int
) -> None:
    lines = [line.rstrip() for line in drawn(half, width).splitlines()]
    wrong, mixer, oven, press, last = lines
    assert wrong == "fan: not proved: 3 leaves do not hold what was written"
    assert mixer.split()[:2] == ["mixer", "writing"]
    assert mixer.endswith("120 of 500 values")
    assert oven.split()[:3] == ["oven", "reading", "back"]
    assert "values" not in oven, "reading back is not counted value by value"
    assert press.startswith("[bold]press[/bold]"), "a name is never markup"
    # Two devices in a minute: eight more take four.
    assert last == "wave 2 of 3, 2 of 10 devices, 1 not proved, about 4 min left"


def test_no_time_is_told_before_anything_tells_it(half: CampaignWatch) -> None:
    half.ended_before = 2
    assert "left" not in drawn(half, 80)
    half.ended_before = 1
    assert drawn(half, 80).rstrip().endswith("about 8 min left")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (89, "89 s"), (90, "2 min"), (89 * 60, "89 min"), (5430, "1 h 30 min")],
)
def test_a_span_is_as_fine_as_it_is_of_use(seconds: float, text: str) -> None:
    assert restoring._span(seconds) == text  # noqa: SLF001


def test_a_log_has_each_stage_once(half: CampaignWatch) -> None:
    told: dict[str, str] = {}

    def news() -> list[str]:
        return list(restoring._news(half, told))  # noqa: SLF001

    assert news() == [
        "mixer: writing 500 values",
        "oven: reading back",
        "[bold]press[/bold]: rolling back 4 values",
        "pump: proved",
        "fan: not proved: 3 leaves do not hold what was written",
        "wave 2 of 3, 2 of 10 devices, 1 not proved, about 4 min left",
    ]
    assert news() == []
    half.devices.pop("mixer")
    half.results.append(Result("mixer", "proved"))
    half.devices["oven"].stage = "rolling back"
    half.devices["[bold]press[/bold]"].stage = "done"
    assert news() == [
        "oven: rolling back 40 values",
        "mixer: proved",
        "wave 2 of 3, 3 of 10 devices, 1 not proved, about 2 min left",
    ]


def test_the_time_of_one_restore_is_told_from_what_went_out_so_far() -> None:
    watch = Watch("reading", 0, 0)
    pace = restoring._Pace(watch)  # noqa: SLF001
    assert pace.told() == ""
    watch.stage, watch.total = "writing", 100
    assert pace.told() == ""
    pace._since = ("writing", 0, time.monotonic() - 60)  # noqa: SLF001
    watch.done = 20
    assert pace.told() == "writing: about 4 min left"
    watch.stage, watch.done = "rolling back", 0
    assert pace.told() == "", "what was learnt of one stage says nothing of another"


async def seen(shown: Callable[[], AbstractAsyncContextManager[None]]) -> str:
    """All that a terminal gets meanwhile."""
    master, slave = pty.openpty()
    reading = asyncio.create_task(asyncio.to_thread(drained, master))
    with pytest.MonkeyPatch.context() as patch, os.fdopen(slave, "w") as terminal:
        patch.setenv("TERM", "xterm")
        patch.setattr("sys.stderr", terminal)
        async with shown():
            await asyncio.sleep(2 / progress.FRAMES)
    said = await reading
    os.close(master)
    return said


def drained(master: int) -> str:
    """What is written until the other side is closed, which Linux tells as an error."""
    found = b""
    with contextlib.suppress(OSError):
        while data := os.read(master, 65536):
            found += data
    return found.decode()


async def test_a_terminal_shows_it_and_is_left_clean(half: CampaignWatch) -> None:
    said = await seen(lambda: restoring.campaigning(half))
    assert "about 4 min left" in said
    assert "120 of 500 values" in said
    assert said.endswith("\x1b[2K"), "the picture goes when it is over"
    assert "12 of 40 values" in await seen(
        lambda: restoring.restoring("mixer", Watch("writing", 12, 40))
    )


def test_progress_is_no_answer(cli: Cli, ready: dict[str, Path]) -> None:
    words = ("--by", "anna", "--break-glass", "nobody on call", "--json")
    digest = planned(cli)
    code, out, err = cli("restore", "apply", digest, *words)
    assert (code, out[0], out[-2:]) == (0, "{", "}\n")
    assert "mixer: reading" in err.splitlines()
    cli.plant.change("holding/203", 4712)
    digest = str(cli.json("campaign", "plan", "mixer")[1]["digest"])
    code, out, err = cli("campaign", "apply", digest, *words)
    assert (code, out[0], out[-2:]) == (0, "{", "}\n")
    assert err.splitlines()[-2:] == ["mixer: proved", "wave 1 of 1, 1 of 1 devices"]
