"""What the inventory says of the night: windows of zones, and how the run goes about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.written_inventory import REGISTRY, mistakes, with_device, written

from goldcopy.inventory import NightPolicy, Window, load


def test_all_that_can_be_said(tmp_path: Path) -> None:
    top = (
        'zones: {a: {window: "01:00-05:00"}, b: {max_devices: 2, window: 22:30 - 04:00}, c: {}}\n'
        "night: {jitter: 10m, deadline: 3h, stale: 50h, report: ./out/night}\n"
    )
    found = load(written(tmp_path, with_device(top=top)), REGISTRY)
    assert [zone.window for zone in found.zones.values()] == [
        Window(60, 300),
        Window(22 * 60 + 30, 240),
        None,
    ]
    assert str(found.zones["b"].window) == "22:30-04:00"
    assert found.night == NightPolicy(600, 3 * 3600, 50 * 3600, tmp_path / "out/night")


@pytest.mark.parametrize("top", ["", "night: {jitter: 0s}\n"])
def test_what_is_not_said(tmp_path: Path, top: str) -> None:
    found = load(written(tmp_path, with_device(top=top)), REGISTRY).night
    assert found == NightPolicy(0, 4 * 3600, 26 * 3600, tmp_path / "report")


@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("zones: {a: {window: 1:00-5:00}}", "window: 1:00-5:00 is no window; write it like "
         "01:00-05:00 or 22:30-04:00"),
        ("zones: {a: {window: 01:00-24:00}}", "window: 01:00-24:00 is no window; write it like "
         "01:00-05:00 or 22:30-04:00"),
        ("zones: {a: {window: 05:00-05:00}}", "window: 05:00-05:00 ends when it begins; leave it "
         "out if any time will do"),
        ("night: {jiter: 5m}", "night has no key jiter; did you mean jitter?"),
        ("night: {deadline: 300}", "deadline: 300 is not a time with a unit; write 300s for "
         "seconds"),
        ("night: {jitter: 5m, deadline: 5m}", "jitter: it is no shorter than the deadline: not "
         "all devices could begin"),
    ],
)  # fmt: skip
def test_every_mistake(tmp_path: Path, top: str, said: str) -> None:
    assert mistakes(tmp_path, with_device(top=top + "\n")) == [f"1: {said}"]
