"""The report as people see it: in headless Chromium, at a desk, on a phone, in the dark, on paper.

What is asked is what is visible, not what is in the markup. The questions are asked by scripts that
the test brings along; the page has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.report_plant import HOSTILE, LONG, night, quiet
from tests.peers.browser import Browser, browsing

from goldcopy.report.page import page

DESK, PHONE, A4 = (1280, 900), (390, 844), (718, 1000)

FAULTS = r"""
const found = [], wide = document.documentElement.clientWidth, lines = [];
const bright = ([r, g, b]) => [r, g, b].map(c => c / 255)
  .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
const color = text => (text.match(/[\d.]+/g) || []).map(Number);
const ground = node => {
  for (; node; node = node.parentElement) {
    const c = color(getComputedStyle(node).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
if (document.documentElement.scrollWidth > wide)
  found.push('the page scrolls sideways: ' + document.documentElement.scrollWidth);
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walk.nextNode(); node; node = walk.nextNode()) {
  const text = node.data.trim(), box = node.parentElement;
  if (!text || (box.closest('thead') && !box.closest('thead').offsetParent && wide < 640)) continue;
  const style = getComputedStyle(box), say = what => found.push(what + ': ' + text.slice(0, 60));
  const range = document.createRange();
  range.selectNodeContents(node);
  const rects = [...range.getClientRects()].filter(r => r.width && r.height);
  if (!rects.length || !box.checkVisibility({opacityProperty: true, visibilityProperty: true}))
    say('not visible');
  if (parseFloat(style.fontSize) < 12) say('tiny, ' + style.fontSize);
  const [a, b] = [bright(color(style.color)), bright(ground(box))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) say('too pale');
  const cell = box.closest('td, th, li, article, .plain, .sum div') || document.body;
  const edge = cell.getBoundingClientRect();
  for (const r of rects) {
    if (r.left < edge.left - 1 || r.right > edge.right + 1 || r.bottom > edge.bottom + 2)
      say('sticks out');
    lines.push([r, text]);
  }
}
for (const box of document.body.querySelectorAll('*'))
  if (box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== 'visible')
    found.push('is cut: ' + box.tagName);
lines.sort((one, other) => one[0].top - other[0].top);
lines.forEach(([r, text], n) => {
  for (let m = n + 1; m < lines.length && lines[m][0].top < r.bottom - 4; m++) {
    const o = lines[m][0];
    if (o.left < r.right - 1 && r.left < o.right - 1 && o.bottom > r.top + 4)
      found.push('overlap: ' + text.slice(0, 40) + ' and ' + lines[m][1].slice(0, 40));
  }
});
for (const link of document.links)
  if (!document.getElementById(decodeURIComponent(link.hash.slice(1))))
    found.push('a link to nowhere: ' + link.hash);
return found;
"""

SEEN = r"""
return [...document.querySelectorAll(%r)].filter(box => {
  const r = box.getBoundingClientRect();
  return r.width > 0 && r.height > 0 && box.checkVisibility({visibilityProperty: true});
}).map(box => box.innerText);
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "drift.html"
    path.write_text(page(night()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "drift.html"
    path.write_text(page(quiet()), encoding="utf-8")
    return path


def seen(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.run(SEEN % selector)
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE, (320, 568), (1920, 1080)], ids=str)
def test_all_is_visible_legible_and_in_its_place(
    browser: Browser, bad: Path, good: Path, size: tuple[int, int], dark: bool
) -> None:
    for path in (bad, good):
        browser.show(path, *size, dark=dark)
        assert browser.run(FAULTS) == []
    ground = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(20, 25, 29)") is dark


BROKEN = {
    "the page scrolls sideways": ".sum { width: 2000px; }",
    "not visible": "#quiet { display: none; }",
    "tiny": ".soft { font-size: 7px; }",
    "too pale": ".soft { color: #bbb; }",
    "sticks out": "td { overflow-wrap: normal; white-space: nowrap; }",
    "overlap": "article p { margin-bottom: -14px; }",
    "is cut": "article p { overflow: hidden; white-space: nowrap; width: 60px; }",
}


@pytest.mark.parametrize("size", [DESK, PHONE], ids=str)
@pytest.mark.parametrize("fault", BROKEN)
def test_the_questions_do_find_faults(
    browser: Browser, tmp_path: Path, fault: str, size: tuple[int, int]
) -> None:
    path = tmp_path / "broken.html"
    path.write_text(page(night()).replace("</style>", BROKEN[fault] + "</style>"))
    browser.show(path, *size)
    assert any(said.startswith(fault) for said in browser.run(FAULTS))


@pytest.mark.parametrize("size", [DESK, PHONE], ids=str)
def test_the_summary_is_on_the_first_screen(
    browser: Browser, bad: Path, size: tuple[int, int]
) -> None:
    browser.show(bad, *size)
    bottom = browser.run(
        "return [...document.querySelectorAll('h1, #summary .head, .sum div, .alarm')]"
        ".map(box => box.getBoundingClientRect().bottom)"
    )
    assert len(bottom) == 1 + 2 + 6 + 1
    assert max(bottom) < size[1]
    assert seen(browser, "#summary .head") == [
        "8 of 60 devices need a person.",
        "3 of 4 pairs need a person.",
    ]
    assert seen(browser, ".sum div")[0] == "3\ndrift"
    places = browser.run(
        "return ['summary', 'devices', 'quiet', 'masks']"
        ".map(id => document.getElementById(id).getBoundingClientRect().top)"
    )
    assert places == sorted(places)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=str)
def test_each_device_is_there_the_worst_first(
    browser: Browser, bad: Path, size: tuple[int, int]
) -> None:
    browser.show(bad, *size)
    loud = seen(browser, "article[id^=device] h3")
    assert loud[0] == "press-07"
    assert loud == seen(browser, "#summary td a[href^='#device']")
    assert len(loud) == 8
    assert len(seen(browser, "#quiet tbody tr")) == 52
    words = seen(browser, "article[id^=device] .tag")
    assert words == sorted(words, key=lambda word: word in ("no-gold", "gold-not-approved"))


def test_what_changed_since_when_and_against_whose_approval(browser: Browser, bad: Path) -> None:
    browser.show(bad, *DESK)
    (said,) = seen(browser, "#device-mixer-02")
    rows = seen(browser, "#device-mixer-02 tbody tr")
    assert len(rows) == 1
    what, approved, now, since = rows[0].split("\t")
    assert (what, approved, now) == ("db/0/value1 changed, medium", "1 rpm", "1480 rpm")
    assert since.endswith("change CHG-2077")
    assert "approved by bob@plant, carol@plant" in said
    assert "ticket CHG-2041: after the overhaul" in said
    (said,) = seen(browser, "#device-press-07")
    assert "outside of any change" in said
    assert "Not read: db/9: refused" in said
    assert "and 66 more settings, in the JSON beside this page" in said
    rows = seen(browser, "#device-press-07 tbody tr")
    assert rows[0].endswith("outside of any change")  # the firmware, which weighs most
    assert rows[1].endswith("change CHG-9")
    (said,) = seen(browser, "#device-robot-4")
    assert "refused the connection" in said
    assert "approved by" in said


@pytest.mark.parametrize("size", [DESK, PHONE], ids=str)
def test_pairs_are_told(browser: Browser, bad: Path, size: tuple[int, int]) -> None:
    browser.show(bad, *size)
    titles = seen(browser, "article[id^=pair] h3")
    assert titles == [
        "line0-plc03, standby of line0-plc02",
        "line0-plc04, second path of press-07",
        "line0-plc05, second path of robot-4",
    ]
    (said,) = seen(browser, "#pair-line0-plc03-standby")
    assert "17 rpm" in said
    assert "99 rpm" in said
    (said,) = seen(browser, "#pair-line0-plc04-second-path")
    assert LONG in said
    assert "(not there)" in said
    ready = [row for row in seen(browser, "#summary tbody tr") if "line0-plc01" in row]
    assert "ready" in ready[0]
    assert "STANDBY; line0-plc00: RUN" in ready[0]


def test_masks_are_told(browser: Browser, bad: Path, good: Path) -> None:
    for path in (bad, good):
        browser.show(path, *PHONE)
        assert seen(browser, ".rules li") == ["live/** process", "near/** setting ± 2%, low"]
        assert "line0-plc00" in seen(browser, "#masks p")[0]


def test_a_quiet_night_says_so(browser: Browser, good: Path) -> None:
    browser.show(good, *PHONE)
    assert seen(browser, "#summary .head") == ["All 40 devices are as approved."]
    assert seen(browser, "article") == []


def test_names_and_values_are_text(browser: Browser, bad: Path) -> None:
    browser.show(bad, *PHONE)
    assert browser.run("return document.scripts.length + document.images.length") == 0
    assert browser.run("return document.title").startswith("Drift report")
    body = browser.run("return document.body.innerText")
    assert body.count(HOSTILE) == 6  # as path (twice), value, mode, firmware, a gap's reason
    assert LONG in body
    assert "(1500 characters)" in body


def test_it_asks_for_nothing(browser: Browser, bad: Path) -> None:
    browser.log("performance")
    browser.log("browser")
    browser.show(bad, *DESK)
    asked = [entry["message"] for entry in browser.log("performance")]
    sent = [said for said in asked if '"Network.requestWillBeSent"' in said]
    assert len(sent) == 1
    assert bad.as_uri() in sent[0]
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.log("browser") == []


def test_on_paper(browser: Browser, bad: Path) -> None:
    browser.show(bad, *A4, dark=True)
    browser.devtools(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    assert browser.run(FAULTS.replace("< 12", "< 11")) == []  # 9 pt are 12 px, code a little less
    colors = browser.run(
        "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]"
    )
    assert colors == ["rgb(28, 35, 41)", "rgb(255, 255, 255)"]
    browser.show(bad, *DESK)
    printed = browser.printed()
    assert printed.startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 4 <= pages <= 20
