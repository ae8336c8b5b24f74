"""The runbook as people see it: on a laptop, on a phone, and on paper, in headless Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.core.test_kit import Place, place
from tests.peers.browser import Browser
from tests.peers.test_report_page import A4, DESK, FAULTS, PHONE, browser

__all__ = ["browser", "place"]


@pytest.fixture
def pages(place: Place, tmp_path: Path) -> list[Path]:
    place.make(tmp_path / "kit", "mixer", "oven")
    return sorted(tmp_path.glob("kit/runbooks/*.html"))


@pytest.mark.parametrize("size", [DESK, PHONE, (320, 568)], ids=str)
def test_all_is_visible_legible_and_in_its_place(
    browser: Browser, pages: list[Path], size: tuple[int, int]
) -> None:
    assert len(pages) == 2
    for page in pages:
        browser.show(page, *size, dark=True)
        assert browser.run(FAULTS) == []


def test_on_paper_what_is_typed_and_read_under_stress_is_big(
    browser: Browser, pages: list[Path]
) -> None:
    for page in pages:
        browser.show(page, *A4)
        browser.devtools("Emulation.setEmulatedMedia", media="print")
        assert browser.run(FAULTS) == []
        sizes = browser.run(
            "return [...document.querySelectorAll('body, li, pre, .warn, td:not(.small *)')]"
            ".map(node => parseFloat(getComputedStyle(node).fontSize))"
        )
        assert min(sizes) >= 16
        printed = browser.printed()
        assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 5
        assert browser.run("return document.title").startswith("Runbook")


def test_it_asks_for_nothing(browser: Browser, pages: list[Path]) -> None:
    for page in pages:
        browser.show(page, *DESK)
        assert browser.run("return performance.getEntriesByType('resource').length") == 0
