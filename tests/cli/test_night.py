"""The night run: report, metrics, news, and the evidence for auditors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people, propose

__all__ = ["people"]


def approved(cli: Cli, people: dict[str, Path], devices: Sequence[str] = ("mixer", "oven")) -> None:
    cli("pull")
    for device in devices:
        words = ["--by", "anna", "--reason", "ok", "--until", "90d", "--scope", "**"]
        gaps = cli.json("show", device)[1]["gaps"]  # the oven has nodes that nobody can read
        words += [word for gap in gaps for word in ("--scope", f"!{gap['path']}")]
        assert cli("gold", "propose", device, *words)[0] == 0
        assert cli("gold", "approve", device, "--by", "ben", "--key", str(people["ben"]))[0] == 0


def test_a_quiet_night_then_one_with_news(
    cli: Cli, people: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []

    def send(_: object, title: str, body: str) -> bool:
        sent.append((title, body))
        return True

    monkeypatch.setattr("apprise.Apprise.notify", send)
    monkeypatch.setenv("NEWS", "json://127.0.0.1:9/secret-token")
    folder = cli.plant.inventory.parent
    text = cli.plant.inventory.read_text()
    (folder / "nas").mkdir()
    cli.plant.inventory.write_text(
        text + "replicas: [{name: nas, folder: ./nas}]\nnotify: [{env: NEWS}]\n"
    )
    approved(cli, people)
    report = str(folder / "report")
    code, out, err = cli("night", "--report", report)
    assert (code, sent) == (0, []), out + err
    page = (folder / "report/drift.html").read_text()
    assert "All 2 devices are as approved" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert len(list((folder / "nas").rglob("*.pack"))) > 0

    cli.plant.change("holding/203", 4711)
    code, answer = cli.json("night", "--report", report)
    assert code == 1
    assert [line.partition(":")[0] for line in answer["news"]] == ["mixer"]
    assert len(sent) == 1
    told = json.loads((folder / "report/drift.json").read_text())
    assert [one["state"] for one in told["devices"]] == ["drift", "green"]
    page = (folder / "report/drift.html").read_text()
    assert "4711" in page
    assert "secret-token" not in page + json.dumps(told)
    metrics = (folder / "report/goldcopy.prom").read_text()
    assert 'goldcopy_device_green{device="mixer",state="drift"} 0' in metrics
    assert 'goldcopy_device_differs{device="mixer"} 1' in metrics

    code, answer = cli.json("night", "--report", report)
    assert (code, answer["news"], len(sent)) == (1, [], 1)  # the same state is told once


def test_news_that_nobody_got_are_told_again(
    cli: Cli, people: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [False, True]
    monkeypatch.setattr("apprise.Apprise.notify", lambda self, title, body: answers.pop(0))
    monkeypatch.setenv("NEWS", "json://127.0.0.1:9/")
    cli.plant.inventory.write_text(cli.plant.inventory.read_text() + "notify: [{env: NEWS}]\n")
    cli("pull")
    report = str(cli.plant.inventory.parent / "report")
    _, answer = cli.json("night", "--report", report)
    assert (len(answer["news"]), len(answer["not_told"])) == (2, 1)
    _, answer = cli.json("night", "--report", report)
    assert (len(answer["news"]), answer["not_told"]) == (2, [])
    _, answer = cli.json("night", "--report", report)
    assert answer["news"] == []


def test_evidence_is_claimed_only_where_there_is_some(cli: Cli, people: dict[str, Path]) -> None:
    code, answer = cli.json("report", "attack")
    assert code == 0
    assert {one["score"] for one in answer["layer"]["techniques"]} == {0}
    assert {row["evidence"] for row in answer["requirements"]} == {"no evidence"}
    assert cli("report", "attack")[1].count("all 2") == len(answer["layer"]["techniques"])
    folder = cli.plant.inventory.parent
    (folder / "nas").mkdir()
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(text + "replicas: [{name: nas, folder: ./nas}]\n")
    approved(cli, people)
    cli("vault", "sync")
    cli("vault", "compare")
    layer = folder / "layer.json"
    _, answer = cli.json("report", "attack", "--layer", str(layer))
    scores = {one["techniqueID"]: one["score"] for one in answer["layer"]["techniques"]}
    assert (scores["T0831"], scores["T0809"]) == (100, 0)  # no drill has passed yet
    assert json.loads(layer.read_text())["domain"] == "ics-attack"
    evidence = {row["clause"]: row["evidence"] for row in answer["requirements"]}
    assert evidence["R1"].startswith("2 of 2 devices")
    assert evidence["R2"].startswith("2 of 2 devices compared") or evidence["R2"] == "no evidence"
    assert propose(cli) == 0
