"""Devices that belong together, on the command line: a standby, and a second path.

Both devices are one simulated mixer here; between two pulls it changes, so one of the two tells
another story than the other, as a standby that was left behind would, or a host that lies.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people, propose

__all__ = ["people"]

SECOND = """\
  - name: mixer-b
    driver: modbus
    host: 127.0.0.1
    port: {port}
    zone: hall
    timeout: 5s
    {link}
    options:
      registers:
        - {{name: speed, ref: 40011, type: float32, unit: rpm, min: 40, max: 180}}
      ranges:
        - {{table: holding, start: 200, count: 24}}
"""
LINKS = {
    "standby": ("standby_of: mixer", "ready", "differs"),
    "second path": ("same_as: {device: mixer}", "agree", "disagree"),
}


def add(cli: Cli, link: str) -> None:
    path = cli.plant.inventory
    head, gold = path.read_text().split("gold:")
    second = SECOND.format(port=cli.plant.mixer.port, link=link)
    path.write_text(f"{head}{second}gold:{gold}")


def approved(cli: Cli, people: dict[str, Path]) -> None:
    for device in ("mixer", "mixer-b"):
        assert cli("pull", device)[0] == 0
        words = ["--by", "anna", "--reason", "ok", "--until", "90d"]
        assert cli("gold", "propose", device, *words)[0] == 0
        assert cli("gold", "approve", device, "--by", "ben", "--key", str(people["ben"]))[0] == 0


@pytest.mark.parametrize("sort", LINKS)
def test_a_pair_that_is_no_longer_one_is_exit_code_1(
    cli: Cli, people: dict[str, Path], sort: str
) -> None:
    link, good, bad = LINKS[sort]
    add(cli, link)
    approved(cli, people)
    code, answer = cli.json("drift", "mixer*")
    (pair,) = answer["pairs"]
    assert (code, pair["word"], pair["good"], pair["sort"]) == (0, good, True, sort)
    assert (pair["device"], pair["other"]) == ("mixer-b", "mixer")

    cli.plant.change("holding/203", 4711)
    assert cli("pull", "mixer")[0] == 0
    assert cli("gold", "propose", "mixer", "--by", "anna", "--reason", "r", "--until", "9d")[0] == 0
    assert cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))[0] == 0
    report = cli.plant.inventory.parent / "report"
    # Each is as approved: the pair alone is not.
    code, answer = cli.json("drift", "mixer*", "--report", str(report))
    assert [one["state"] for one in answer["devices"]] == ["green", "green"]
    (pair,) = answer["pairs"]
    assert (code, pair["word"], pair["good"]) == (1, bad, False)
    told = pair["findings"] or pair["disagreements"]
    assert [one["path"] for one in told] == ["holding/203"]
    for asked in ("mixer", "mixer-b"):
        assert cli("drift", asked)[0] == 1
    code, out, _ = cli("drift", "mixer*")
    assert (code, bad in out, "holding/203" in out, "4711" in out) == (1, True, True, True)

    page = (report / "drift.html").read_text()
    assert "All 2 devices are as approved.</p>" in page
    assert "1 of 1 pairs need a person." in page
    assert page.index("mixer-b") < page.index("As approved")
    assert "4711" in page
    assert json.loads((report / "drift.json").read_text())["pairs"] == answer["pairs"]
    metrics = (report / "goldcopy.prom").read_text()
    assert f'goldcopy_pair_good{{device="mixer-b",other="mixer",sort="{sort}"' in metrics
    assert f'state="{bad}"}} 0' in metrics


def test_a_pair_of_which_one_was_not_read_is_not_ready(cli: Cli, people: dict[str, Path]) -> None:
    add(cli, "standby_of: mixer")
    approved(cli, people)
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(text.replace(f"port: {cli.plant.mixer.port}", "port: 1", 1))
    code, answer = cli.json("drift", "mixer-b", "--pull")
    (pair,) = answer["pairs"]
    # The active one was not asked; what is known of it is fresh.
    assert (code, pair["word"]) == (0, "ready")
    code, answer = cli.json("drift", "mixer", "--pull")
    (pair,) = answer["pairs"]
    assert (code, pair["word"], pair["good"]) == (1, "not-read", False)


def test_a_pair_is_news_once(
    cli: Cli, people: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def send(_: object, title: str, body: str) -> bool:
        sent.append(body)
        return True

    monkeypatch.setattr("apprise.Apprise.notify", send)
    monkeypatch.setenv("NEWS", "json://127.0.0.1:9/")
    add(cli, "standby_of: mixer")
    path = cli.plant.inventory
    path.write_text(
        path.read_text().replace("  - name: oven", "  - name: oven\n    standby_of: mixer")
        + "notify: [{env: NEWS}]\n"
    )
    approved(cli, people)
    report = str(path.parent / "report")
    assert cli("night", "--report", report)[0] == 1
    told = [line for line in "\n".join(sent).splitlines() if "standby" in line]
    assert len(told) == 1
    assert told[0].startswith("oven, standby of mixer: unlike")
    sent.clear()
    assert cli("night", "--report", report)[0] == 1
    assert sent == []
    assert propose(cli) == 0
