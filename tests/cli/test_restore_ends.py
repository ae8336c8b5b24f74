"""How a restore ends, told by its exit code: never 0 with anything left for a person."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.test_gold_and_drift import people
from tests.cli.test_restore_commands import planned, ready
from tests.core.test_restore_apply import FullOs

from goldcopy.restore import unfinished
from goldcopy_sim.mishap import Mishap

__all__ = ["people", "ready"]

GLASS = ("--by", "anna", "--break-glass", "line down, nobody on call")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_midway_it_leaves_what_goes_on(
    cli: Cli, ready: dict[str, Path], how: signal.Signals
) -> None:
    """The controller answers no write any more; whoever waits for it loses patience."""
    was = cli.plant.mixer.values()
    digest = planned(cli)
    cli.plant.in_loop(lambda: setattr(cli.plant.mixer, "mishap", Mishap("lost", 0)))
    program = [sys.executable, "-m", "goldcopy", "restore", "apply", digest, *GLASS]
    running = subprocess.Popen(
        [*program, "-i", str(cli.plant.inventory)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    vault, end = cli.plant.inventory.parent / "vault", time.monotonic() + 30
    while not cli.plant.mixer.mishap.met:  # type: ignore[union-attr]
        assert running.poll() is None, "it was over before it was stopped"
        assert time.monotonic() < end
        time.sleep(0.02)
    running.send_signal(how)
    _, err = running.communicate(timeout=30)
    assert running.returncode == (130 if how == signal.SIGINT else -how)
    assert ("goldcopy restore rollback mixer" in err) == (how == signal.SIGINT)
    assert len(unfinished(vault, "mixer")) == 1
    _, listed = cli.json("restore", "list")
    assert len(listed["unfinished"]) == 1
    code, answer = cli.json("restore", "rollback", "mixer")
    assert (code, answer["rolled_back"]) == (0, True)
    assert cli.plant.mixer.values() == was


def test_a_full_disk_midway_is_a_restore_that_did_not_prove_itself(
    cli: Cli, ready: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = planned(cli)
    with monkeypatch.context() as patched:
        patched.setattr("goldcopy.restore.journal.os", FullOs(after=2))
        code, _, err = cli("restore", "apply", digest, *GLASS)
    assert (code, "no space is left" in err) == (4, True)
    assert "goldcopy restore resume mixer" in err
    code, answer = cli.json("restore", "resume", "mixer")
    assert (code, answer["proved"]) == (0, True)


def test_settings_that_move_beside_the_plan_need_a_person(cli: Cli, ready: dict[str, Path]) -> None:
    """All that was planned is proved, and the controller is not as it was beside it."""
    code, answer = cli.json("restore", "plan", "mixer", "--only", "holding/203")
    assert code == 0
    cli.plant.in_loop(lambda: couple(cli))
    code, out, _ = cli("restore", "apply", answer["digest"], *GLASS)
    assert (code, "holding/210: moved meanwhile" in out) == (1, True)


def couple(cli: Cli) -> None:
    registers = cli.plant.mixer.units[1].holding
    real = registers.write

    def write(start: int, count: int, data: bytes) -> None:
        real(start, count, data)
        real(210, 1, b"\x11\x22")

    registers.write = write  # type: ignore[method-assign]


def test_a_pattern_that_fits_nothing_proves_nothing(cli: Cli, ready: dict[str, Path]) -> None:
    code, answer = cli.json("restore", "plan", "mixer", "--only", "holding/20x")
    assert code == 0
    assert [one["path"] for one in answer["plan"]["left"]] == ["holding/20x"]
    assert cli("restore", "apply", answer["digest"], *GLASS)[0] == 4


def test_a_value_that_a_program_sets_again_is_seen_by_a_second_look(
    cli: Cli, ready: dict[str, Path]
) -> None:
    digest = planned(cli)
    cli.plant.in_loop(lambda: program(cli))
    code, answer = cli.json("restore", "apply", digest, *GLASS, "--hold", "2s")
    assert (code, answer["proved"]) == (4, False)
    assert "did not stay as written for 2 s" in answer["receipt"]["why"]
    assert cli("restore", "apply", digest, *GLASS, "--hold", "soon")[0] == 2


def program(cli: Cli) -> None:
    registers = cli.plant.mixer.units[1].holding
    real = registers.write

    def write(start: int, count: int, data: bytes) -> None:
        real(start, count, data)
        asyncio.get_running_loop().call_later(1, real, 203, 1, b"\x00\x07")

    registers.write = write  # type: ignore[method-assign]
