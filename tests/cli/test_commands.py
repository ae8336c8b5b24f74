"""Each command as a person or a script uses it, against simulated controllers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Cli

from goldcopy.cli.app import run


def test_pull_keeps_what_the_controller_holds(cli: Cli) -> None:
    code, answer = cli.json("pull", "mixer")
    assert code == 0
    (device,) = answer["devices"]
    assert device["device"] == "mixer"
    assert device["state"] == "kept"
    assert device["items"] == 24 + 1 + len(identity_items(cli, "mixer"))
    assert device["gaps"] == 0
    assert device["requests"] > 0
    assert device["bytes"] > 0
    assert set(device) >= {"id", "unchanged", "seconds", "error", "attempts"}
    _, shown = cli.json("show", "mixer")
    held = cli.plant.mixer.values()
    for item in shown["items"]:
        if item["path"].startswith("holding/"):
            assert item["value"] == held[item["path"]][1]


def identity_items(cli: Cli, device: str) -> list[str]:
    _, shown = cli.json("show", device)
    return [item["path"] for item in shown["items"] if item["path"].startswith("device/")]


def test_the_difference_is_what_was_changed(cli: Cli) -> None:
    assert cli.json("pull", "mixer")[0] == 0
    old = cli.plant.mixer.values()["holding/203"][1]
    assert isinstance(old, int)
    cli.plant.change("holding/203", old ^ 1)
    code, answer = cli.json("pull", "mixer")
    assert code == 0
    assert answer["devices"][0]["unchanged"] is False
    code, difference = cli.json("diff", "mixer")
    assert code == 1
    assert [change["path"] for change in difference["changes"]] == ["holding/203"]
    assert difference["changes"][0]["old"]["value"] == old
    assert difference["changes"][0]["new"]["value"] == old ^ 1
    code, history = cli.json("blame", "mixer", "holding/203")
    assert code == 0
    assert [row["item"]["value"] for row in history["history"]] == [old ^ 1, old]


def test_live_values_that_a_night_leaves_out_are_no_difference(cli: Cli) -> None:
    text = cli.plant.inventory.read_text()
    rule = '    rules: [{match: "holding/20[45]", role: process}]\n  - name: oven'
    text = text.replace("  - name: oven", rule) + "gold: {signers: ./allowed_signers}\n"
    cli.plant.inventory.write_text(text)
    (cli.plant.inventory.parent / "allowed_signers").touch()
    cli.json("pull", "mixer")
    assert cli.json("drift", "mixer", "--pull")[1]["devices"][0]["state"] == "no-gold"
    code, difference = cli.json("diff", "mixer")
    assert (code, difference["changes"], difference["left_out"]) == (0, [], 2)
    code, difference = cli.json("diff", "mixer", "mixer~1")
    assert (code, difference["changes"], difference["left_out"]) == (0, [], 2)
    assert "2 live values are in one of the two only" in cli("diff", "mixer")[1]
    cli.json("pull", "mixer")
    _, shown, _ = cli("log", "mixer")
    assert [line.split()[5] for line in shown.splitlines()[1:]] == ["as", "as", "new"]


def test_nothing_moved_is_exit_code_0(cli: Cli) -> None:
    cli.json("pull", "mixer")
    _, answer = cli.json("pull", "mixer")
    assert answer["devices"][0]["unchanged"] is True
    code, difference = cli.json("diff", "mixer")
    assert code == 0
    assert difference["changes"] == []
    assert "no difference" in cli("diff", "mixer")[1]


def test_a_gap_needs_a_person(cli: Cli) -> None:
    code, answer = cli.json("pull", "oven")
    assert code == 1
    device = answer["devices"][0]
    assert device["state"] == "kept"
    assert device["gaps"] == len(device["gap_list"]) > 0


def test_a_device_that_is_down_does_not_stop_the_other(cli: Cli) -> None:
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(text.replace(str(cli.plant.oven.port), "1"))
    code, answer = cli.json("pull")
    assert code == 1
    mixer, oven = answer["devices"]
    assert mixer["state"] == "kept"
    assert oven["state"] == "failed"
    assert oven["error"].startswith("oven: ")


def test_check_asks_who_is_there(cli: Cli) -> None:
    code, answer = cli.json("check", "--connect")
    assert code == 0
    names = {row["device"]: row["identity"] for row in answer["identities"]}
    assert names["mixer"]["vendor"] == "Example Controls"
    assert names["oven"]["vendor"] == "Example Controls"
    assert not list((cli.plant.inventory.parent / "vault/packs").iterdir())
    reads = {service.name for service in cli.plant.mixer.log}
    assert not any("holding" in name for name in reads)


def test_devices_and_log(cli: Cli) -> None:
    assert "never" in cli("devices")[1]
    cli.json("pull", "mixer")
    cli.json("pull", "mixer")
    _, answer = cli.json("log", "mixer")
    assert [entry["unchanged"] for entry in answer["snapshots"]] == [True, False]
    _, listed = cli.json("devices")
    assert listed["devices"][0]["latest"]["id"] == answer["snapshots"][0]["id"]
    assert listed["devices"][1]["latest"] is None


def test_show_takes_a_glob(cli: Cli) -> None:
    cli.json("pull", "mixer")
    _, answer = cli.json("show", "mixer", "--only", "speed")
    assert [item["path"] for item in answer["items"]] == ["speed"]
    assert answer["items"][0]["unit"] == "rpm"
    code, out, _ = cli("show", "mixer", "--only", "holding/20?")
    assert code == 0
    assert "10 items" in out


def test_every_table_prints_on_a_pipe(cli: Cli) -> None:
    cli("pull", "mixer")
    cli.plant.change("holding/200", 77)
    cli("pull", "mixer")
    for words in (
        ["devices"],
        ["log", "mixer"],
        ["show", "mixer"],
        ["diff", "mixer"],
        ["blame", "mixer", "holding/200"],
        ["check"],
    ):
        code, out, err = cli(*words)
        assert code in (0, 1)
        assert out
        assert err == ""
        assert "\x1b" not in out


def test_drivers_say_what_cannot_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["drivers", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    rows = [row for one in answer["drivers"] for row in one["capabilities"]]
    assert {"modbus", "opcua"} <= {one["driver"] for one in answer["drivers"]}
    assert any(row["state"] == "impossible" and row["why"] for row in rows)
    assert run(["drivers"]) == 0


def test_init_gives_an_inventory_without_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / "plant"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["inventory_written"] is True
    assert run(["check", "-i", answer["inventory"]]) == 0
    assert run(["devices", "-i", answer["inventory"]]) == 0


def test_demo_finds_exactly_what_it_changed(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[2]
    assert run(["demo", "-i", str(root / "inventory.yaml"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["exact"] is True
    assert len(answer["changed"]) >= 8
    assert answer["changed"] == answer["found"]
