"""Looking, on site, at what a kit would restore: its packs are read, and it stays as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people
from tests.cli.test_restore_commands import ready

from goldcopy.cli.app import run

__all__ = ["people", "ready"]

OnSite = Callable[..., tuple[int, str, str]]


@pytest.fixture
def kit(cli: Cli, ready: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kit of a mixer that was changed after its gold copy, on a laptop that has nothing yet."""
    assert cli("kit", "mixer", "--to", str(tmp_path / "stick"))[0] == 0
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GOLDCOPY_IDENTITY", str(tmp_path / "keys/reader.key"))
    return tmp_path / "stick"


@pytest.fixture
def on_site(kit: Path, capsys: pytest.CaptureFixture[str]) -> OnSite:
    def call(*words: str) -> tuple[int, str, str]:
        code = run([*words, "-i", str(kit / "inventory.yaml")])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def answer(said: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = said
    assert code in (0, 1), err
    found: dict[str, Any] = json.loads(out)
    return found


def test_what_the_kit_restores_can_be_looked_at(cli: Cli, kit: Path, on_site: OnSite) -> None:
    before = contents(kit)
    words: list[tuple[str, ...]] = [
        ("show", "mixer@gold"),
        ("log", "mixer"),
        ("blame", "mixer", "holding/203"),
        ("diff", "mixer@gold", "mixer"),
        ("gold", "verify", "mixer"),
    ]
    for one in words:
        code, out, err = on_site(*one, "--json")
        assert err == f"vault: {kit / 'vault'}, the kit's, which is only read\n"
        assert (code, json.loads(out)) == cli.json(*one), "as the plant has it"
        assert code == 0
    assert "mixer/" not in on_site("show", "mixer", "--only", "holding/*")[1]
    assert contents(kit) == before, "a kit is only read"
    for one in (("log", "here:mixer"), ("show", "here:mixer"), ("drift",)):
        code, out, err = on_site(*one)
        assert (code, out) == (1, "")
        assert err.startswith("goldcopy: nothing is kept on this computer yet")


def test_what_is_read_on_site_is_told_from_the_kit(
    cli: Cli, kit: Path, on_site: OnSite, tmp_path: Path
) -> None:
    (own,) = [
        line.removeprefix("KIT=")
        for line in (kit / "kit.env").read_text().splitlines()
        if line.startswith("KIT=")
    ]
    home = tmp_path / "home" / own
    assert on_site("init", str(home), "--keys", str(home / "keys"), "--unsealed")[0] == 0
    assert on_site("restore", "plan", "mixer")[0] == 0
    before = contents(kit)
    gold = answer(on_site("show", "mixer@gold", "--json"))
    said = on_site("diff", "mixer@gold", "here:mixer", "--json")
    found = answer(said)
    assert said[0] == 1
    assert said[2].splitlines() == [
        f"vault: {kit / 'vault'}, the kit's, which is only read",
        f"vault: {home / 'vault'}, kept on this computer",
    ]
    assert found["old"]["id"] == gold["entry"]["id"]
    assert {"holding/203", "holding/205"} <= {one["path"] for one in found["changes"]}
    assert len(answer(on_site("log", "here:mixer", "--json"))["snapshots"]) == 1
    assert len(answer(on_site("log", "mixer", "--json"))["snapshots"]) == 1
    assert contents(kit) == before
    (home / "source.sqlite").write_bytes(b"no index at all" * 99)
    assert answer(on_site("show", "mixer@gold", "--json")) == gold, "it is a cache"


def test_drift_judges_what_was_read_on_site_against_the_gold_copy_of_the_kit(
    cli: Cli, kit: Path, on_site: OnSite, tmp_path: Path
) -> None:
    (own,) = (line[4:] for line in (kit / "kit.env").read_text().splitlines() if line[:4] == "KIT=")
    home = tmp_path / "home" / own
    assert on_site("init", str(home), "--keys", str(home / "keys"), "--unsealed")[0] == 0
    before = contents(kit)
    (known,) = cli.json("drift", "mixer")[1]["devices"]
    (unread,) = answer(on_site("drift", "mixer", "--json"))["devices"]
    assert known["latest"] is not None
    assert (unread["state"], unread["latest"]) == ("never-read", None), "whatever is known there"
    code, out, err = on_site("drift", "mixer", "--pull", "--json")
    assert [line for line in err.splitlines() if line.startswith("vault: ")] == [
        f"vault: {home / 'vault'}, kept on this computer",
        f"vault: {kit / 'vault'}, the kit's, which is only read",
    ]
    (found,) = json.loads(out)["devices"]
    assert (code, found["state"]) == (1, "drift")
    assert found["gold"] == known["gold"]
    assert {"holding/203", "holding/205"} <= {one["path"] for one in found["findings"]}
    assert all(one["origin"] is None for one in found["findings"]), "a laptop knows no history"
    assert contents(kit) == before
    for one in found["findings"]:
        cli.plant.change(one["path"], int(one["old"]["value"]))
    assert on_site("drift", "mixer", "--pull")[0] == 0


def test_where_there_is_no_source_nothing_is_told(cli: Cli) -> None:
    cli("pull", "mixer")
    (code, out, err), (_, here, _) = cli("log", "mixer"), cli("log", "here:mixer")
    assert (code, err, here) == (0, "", out)


def test_commands_in_messages_are_as_the_kit_calls_them(
    kit: Path, on_site: OnSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = kit.parent / "home"
    (own,) = (line[4:] for line in (kit / "kit.env").read_text().splitlines() if line[:4] == "KIT=")
    on_site("init", str(home / own), "--keys", str(home / "keys"), "--unsealed")
    monkeypatch.setenv("GOLDCOPY_CALLED", "sh goldcopy")
    code, out, _ = on_site("restore", "plan", "mixer")
    lines = [line for line in out.splitlines() if line.startswith(("next", "then"))]
    assert code == 0
    assert len(lines) == 2
    assert all(": sh goldcopy restore " in line for line in lines)
    script = (kit / "goldcopy").read_text()
    assert 'GOLDCOPY_CALLED="sh goldcopy"' in script
    code, _, err = on_site("restore", "apply", out.split("plan ")[1][:12], "--by", "anna")
    assert code == 2
    assert "next: sh goldcopy restore approve " in err, "once, though it was said on two floors"
    assert "sh sh" not in err
