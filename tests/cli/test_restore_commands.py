"""Restore as people use it: plan, approve, apply; refused without; proved leaf by leaf."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people, propose

__all__ = ["people"]


@pytest.fixture
def ready(cli: Cli, people: dict[str, Path]) -> dict[str, Path]:
    """A mixer with a gold copy, that may be written, and that somebody has changed."""
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(
        text.replace("  - name: mixer\n", "  - name: mixer\n    writable: true\n")
    )
    cli("pull", "mixer")
    propose(cli)
    cli("gold", "approve", "mixer", "--by", "ben", "--key", str(people["ben"]))
    cli.plant.change("holding/203", 4711)
    cli.plant.change("holding/205", 815)
    return people


def planned(cli: Cli) -> str:
    code, answer = cli.json("restore", "plan", "mixer")
    assert code == 0
    return str(answer["digest"])


def test_plan_approve_apply_proved(cli: Cli, ready: dict[str, Path]) -> None:
    was = cli.plant.mixer.values()
    digest = planned(cli)
    log = len(cli.plant.mixer.log)
    code, _, err = cli("restore", "apply", digest[:12], "--by", "anna")
    assert (code, "approvals" in err) == (2, True)
    assert not any(service.writes for service in cli.plant.mixer.log[log:])
    assert cli("restore", "approve", digest[:12], "--by", "ben", "--key", str(ready["ben"]))[0] == 0
    code, answer = cli.json("restore", "apply", digest[:12], "--by", "anna")
    assert (code, answer["proved"]) == (0, True)
    verdicts = {leaf["path"]: leaf["verdict"] for leaf in answer["receipt"]["leaves"]}
    assert verdicts["holding/203"] == verdicts["holding/205"] == "proved"
    assert was["holding/203"][1] == 4711
    assert cli("drift", "mixer", "--pull")[0] == 0
    _, listed = cli.json("restore", "list")
    assert (len(listed["receipts"]), listed["unfinished"]) == (1, [])
    again = cli("restore", "apply", digest[:12], "--by", "anna")
    assert again[0] == 2


def test_an_approval_by_nobody_known_does_not_count(cli: Cli, ready: dict[str, Path]) -> None:
    digest = planned(cli)
    cli("restore", "approve", digest, "--by", "ben", "--key", str(ready["mallory"]))
    assert cli("restore", "apply", digest, "--by", "anna")[0] == 2


def test_break_glass_is_recorded_and_skips_no_limit(cli: Cli, ready: dict[str, Path]) -> None:
    digest = planned(cli)
    words = ("--by", "anna", "--break-glass", "line down, nobody on call")
    code, answer = cli.json("restore", "apply", digest, *words)
    assert (code, answer["proved"]) == (0, True)
    assert answer["receipt"]["permit"]["break_glass"] == "line down, nobody on call"


def test_a_plan_of_a_device_that_has_moved_since_is_refused(
    cli: Cli, ready: dict[str, Path]
) -> None:
    digest = planned(cli)
    cli("restore", "approve", digest, "--by", "ben", "--key", str(ready["ben"]))
    cli.plant.change("holding/206", 1)
    code, _, err = cli("restore", "apply", digest, "--by", "anna")
    assert (code, "changed since" in err or "has changed" in err) == (2, True)
    assert cli("restore", "resume", "mixer")[0] == 2


def test_not_writable_is_refused(cli: Cli, people: dict[str, Path]) -> None:
    cli("pull", "mixer")
    cli.plant.change("holding/203", 4711)
    code, answer = cli.json("restore", "plan", "mixer", "--to", "mixer")
    assert code == 0
    words = ("--by", "anna", "--break-glass", "because")
    code, _, err = cli("restore", "apply", answer["digest"], *words)
    assert (code, "writable" in err) == (2, True)


def test_a_campaign_puts_many_back_by_one_digest(cli: Cli, ready: dict[str, Path]) -> None:
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(
        text.replace("  - name: oven\n", "  - name: oven\n    writable: true\n")
        + "restore: {waves: [[oven], [mixer]], stop_after: 1}\n"
    )
    cli("pull", "oven")
    propose(cli, device="oven", but_gaps=True)  # it has nodes that nobody can read
    cli("gold", "approve", "oven", "--by", "ben", "--key", str(ready["ben"]))
    code, answer = cli.json("campaign", "plan")
    assert code == 0
    digest = answer["digest"]
    assert [[part["device"] for part in wave] for wave in answer["campaign"]["waves"]] == [
        ["oven"],
        ["mixer"],
    ]
    code, answer = cli.json("campaign", "apply", digest, "--by", "anna")
    assert code == 4
    assert {one["state"] for one in answer["receipt"]["results"]} == {"refused", "not begun"}
    assert cli("campaign", "approve", digest, "--by", "ben", "--key", str(ready["ben"]))[0] == 0
    code, answer = cli.json("campaign", "apply", digest, "--by", "anna")
    assert (code, answer["proved"]) == (0, True)
    assert [one["state"] for one in answer["receipt"]["results"]] == ["proved", "proved"]
    assert "2 of 2 devices proved" in cli("campaign", "apply", digest, "--by", "anna")[1]
    assert cli("drift", "mixer", "--pull")[0] == 0


def test_a_campaign_tells_why_a_device_is_not_proved_where_nothing_could_be_written(
    cli: Cli, ready: dict[str, Path]
) -> None:
    text = cli.plant.inventory.read_text()
    writable = text.replace("  - name: oven\n", "  - name: oven\n    writable: true\n")
    cli.plant.inventory.write_text(writable)
    cli("pull", "oven")
    propose(cli, device="oven")
    key = str(ready["ben"])
    cli("gold", "approve", "oven", "--by", "ben", "--key", key)
    assert "applying it would prove nothing" in cli("restore", "plan", "oven")[1]
    digest = cli.json("campaign", "plan", "oven")[1]["digest"]
    cli("campaign", "approve", digest, "--by", "ben", "--key", key)
    code, answer = cli.json("campaign", "apply", digest, "--by", "anna")
    (result,) = answer["receipt"]["results"]
    assert (code, result["state"]) == (4, "not proved")
    for gap in cli.json("show", "oven")[1]["gaps"]:
        assert gap["path"] in result["why"]


def test_a_campaign_tells_which_devices_it_leaves_out(cli: Cli, ready: dict[str, Path]) -> None:
    code, answer = cli.json("campaign", "plan")
    assert code == 1
    assert list(answer["refused"]) == ["oven"]
    assert "no valid gold copy" in answer["refused"]["oven"]
    assert [[part["device"] for part in wave] for wave in answer["campaign"]["waves"]] == [
        ["mixer"]
    ]
    code, _, err = cli("campaign", "plan", "oven")
    assert (code, "oven: it has no valid gold copy" in err) == (2, True)
