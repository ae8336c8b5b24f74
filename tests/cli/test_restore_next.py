"""What a tired person is told: what happened, on which device, and the command that comes next."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people
from tests.cli.test_restore_commands import planned, ready

from goldcopy.cli import restore_plan
from goldcopy.cli.advice import STEPS, steps
from goldcopy.restore import Refusal, Write
from goldcopy.restore.course import Course
from goldcopy.snapshot import Blob, Identity, Item, Snapshot

__all__ = ["people", "ready"]


def test_a_plan_says_what_speaks_against_it_before_anybody_applies_it(
    cli: Cli, ready: dict[str, Path]
) -> None:
    _, answer = cli.json("restore", "plan", "mixer")
    assert [one["gate"] for one in answer["refusals"]] == ["approvals"]
    digest = answer["digest"][:12]
    _, answer = cli.json("restore", "plan", "mixer", "--to", "mixer")
    assert {one["gate"] for one in answer["refusals"]} == {"approvals", "gold"}
    text = cli.plant.inventory.read_text()
    cli.plant.inventory.write_text(text.replace("    writable: true\n", ""))
    _, out, _ = cli("restore", "plan", "mixer")
    assert "not yet: the inventory does not say writable: true" in out.splitlines()
    cli.plant.inventory.write_text(text)
    code, _, err = cli("restore", "apply", digest, "--by", "anna")
    assert code == 2
    assert err.splitlines()[-3:] == [
        f"goldcopy: mixer: refused, and nothing is sent: plan {digest} has 0 of 1 approvals",
        f"next: goldcopy restore approve {digest} --by NAME --key SSH_KEY",
        "  or: apply with --break-glass REASON, if it cannot wait",
    ]


@pytest.mark.parametrize("group", ["restore", "campaign"])
@pytest.mark.parametrize(("by", "key"), [("ben", "mallory"), ("mallory", "mallory")])
def test_an_approval_that_does_not_count_is_no_success(
    cli: Cli, ready: dict[str, Path], group: str, by: str, key: str
) -> None:
    digest = str(cli.json(group, "plan", "mixer")[1]["digest"])[:12]
    code, out, err = cli(group, "approve", digest, "--by", by, "--key", str(ready[key]))
    assert (code, out) == (2, "")
    assert f"this approval by {by} does not count: the key " in err
    for _ in range(2):  # said twice by the same person it is said once
        code, out, _ = cli(group, "approve", digest, "--by", "ben", "--key", str(ready["ben"]))
        assert code == 0
        assert out.splitlines()[1:] == [
            "1 of 1 approvals: ben",
            f"next: goldcopy {group} apply {digest} --by NAME",
        ]


def test_two_people_are_counted(cli: Cli, ready: dict[str, Path]) -> None:
    digest = planned(cli)[:12]
    text = cli.plant.inventory.read_text()
    two = text.replace("writable: true", "writable: true\n    approvers: 2")
    cli.plant.inventory.write_text(two)
    _, out, _ = cli("restore", "approve", digest, "--by", "ben", "--key", str(ready["ben"]))
    assert out.splitlines()[1:] == ["1 of 2 approvals: ben", "next: the same by somebody else"]
    _, out, _ = cli("restore", "approve", digest, "--by", "anna", "--key", str(ready["anna"]))
    assert out.splitlines()[1] == "2 of 2 approvals: anna, ben"


@pytest.fixture
def interrupted(
    cli: Cli, ready: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """A restore that somebody has stopped with Ctrl-C before it came to its end."""
    digest = planned(cli)

    async def stopped(course: Course) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Course, "forward", stopped)
        code, _, err = cli("restore", "apply", digest, "--by", "anna", "--break-glass", "night")
    return code, err


NEXT = [
    "next: goldcopy restore resume mixer     goes on with it",
    "  or: goldcopy restore rollback mixer   puts back what it has written",
    "  or: goldcopy restore abandon mixer --by NAME --reason WHY   gives it up",
]


def test_what_was_interrupted_is_said_wherever_it_matters(
    cli: Cli, interrupted: tuple[int, str], ready: dict[str, Path]
) -> None:
    code, err = interrupted
    assert code == 130
    lines = err.splitlines()
    at = lines.index("mixer: the restore is not finished")
    assert lines[at + 1 : at + 4] == NEXT
    _, listed, _ = cli("restore", "list")
    assert listed.splitlines()[-3:] == NEXT
    _, out, _ = cli("restore", "plan", "mixer")
    assert "was interrupted" in out
    assert all(line in out.splitlines() for line in NEXT)
    code, _, err = cli(
        "restore", "apply", planned(cli), "--by", "anna", "--break-glass", "still night"
    )
    assert code == 2
    assert err.splitlines()[-3:] == NEXT
    assert cli("restore", "resume", "mixer")[0] == 0
    _, listed, _ = cli("restore", "list")
    assert "anna" in listed.splitlines()[-1], "who applied it, and not whose computer it was"
    assert cli("drift", "mixer", "--pull")[0] == 0


def test_a_restore_is_given_up_with_a_reason(cli: Cli, interrupted: tuple[int, str]) -> None:
    assert cli("restore", "abandon", "mixer", "--by", "anna", "--reason", " ")[0] == 2
    log = len(cli.plant.mixer.log)
    words = ("--by", "anna", "--reason", "burnt")
    code, answer = cli.json("restore", "abandon", "mixer", *words)
    assert (code, answer["reason"]) == (0, "burnt")
    assert len(cli.plant.mixer.log) == log, "nothing is asked of the controller"
    assert cli.json("restore", "list")[1]["unfinished"] == []
    assert cli("restore", "resume", "mixer")[0] == 2


def test_a_pattern_that_fits_nothing_plans_nothing(cli: Cli, ready: dict[str, Path]) -> None:
    _, out, _ = cli("restore", "plan", "mixer", "--only", "holding/9*")
    assert out.startswith("not restored: holding/9*: ")
    assert "nothing is to be written" in out


def test_each_refusal_has_something_to_do() -> None:
    for gate in STEPS:
        lines = steps([Refusal(gate, "why")] * 2, "mixer", "0123456789abcdef")
        assert lines[0].startswith("next: ")
        assert not any("{" in line for line in lines)
        assert len(lines) == len(set(lines))


def test_a_plan_shows_the_places_of_bytes_and_arrays() -> None:
    item = Item("db/1", "block", "BYTES", b"\x00" * 60, "setting", "read-write")
    curve = Item("curve", "tag", "ARRAY[4] OF INT", (1, 2, 3, 4), "setting", "read-write")
    sides = restore_plan.Sides(
        Snapshot.of("mixer", "s7", Identity(), [item, curve]),
        Snapshot.of("mixer", "s7", Identity(), [item, curve]),
    )

    def rows(write: Write) -> list[list[str]]:
        return [list(map(str, row))[:3] for row in restore_plan._rows(write, sides)]  # noqa: SLF001

    new = b"\x00" * 20 + b"\x07\x08" + b"\x00" * 38
    assert not isinstance(item.value, Blob)
    assert rows(Write(item, new)) == [["db/1/20..21", "00 00", "07 08"]]
    assert rows(Write(curve, (1, 9, 3, 8))) == [["curve[1]", "2", "9"], ["curve[3]", "4", "8"]]
