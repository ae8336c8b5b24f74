"""What goes wrong on a plant's computer: one clear line, the right exit code, nothing lost."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.conftest import Plant

from goldcopy.cli.app import run

GOLDCOPY = [sys.executable, "-m", "goldcopy"]


def one_line(text: str) -> str:
    """The message, which is one line and no traceback."""
    lines = [line for line in text.splitlines() if line.startswith("goldcopy: ")]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def test_an_unknown_snapshot_name(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["-i", str(plant.inventory)]
    assert run(["pull", "mixer", *where]) == 0
    capsys.readouterr()
    assert run(["show", "mixxer", *where]) == 2
    assert "mixer" in one_line(capsys.readouterr().err)
    assert run(["show", "mixer~9", *where]) == 2
    one_line(capsys.readouterr().err)
    assert run(["show", "mixer@gold", *where]) == 2
    assert "gold" in one_line(capsys.readouterr().err)
    assert run(["pull", "mixxer", *where]) == 2
    assert "mixer" in one_line(capsys.readouterr().err)


def test_no_inventory_and_no_vault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pull", "-i", str(tmp_path / "nothing.yaml")]) == 2
    assert "nothing.yaml" in capsys.readouterr().err
    (tmp_path / "inventory.yaml").write_text("vault: ./vault\ndevices: []\n")
    assert run(["log", "mixer", "-i", str(tmp_path / "inventory.yaml")]) in (1, 2)
    one_line(capsys.readouterr().err)


def test_all_mistakes_of_an_inventory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inventory = tmp_path / "inventory.yaml"
    inventory.write_text(
        "vault: ./vault\n"
        "devices:\n"
        "  - {name: a, driver: modbuss, host: 127.0.0.1}\n"
        "  - {name: a, driver: modbus, host: 127.0.0.1, prot: 502}\n"
    )
    assert run(["check", "-i", str(inventory)]) == 2
    said = capsys.readouterr().err
    assert "inventory.yaml:3" in said
    assert "inventory.yaml:4" in said
    assert "modbus" in said
    assert "port" in said


def test_a_second_pull_at_the_same_time(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["-i", str(plant.inventory)]
    assert run(["pull", "mixer", *where]) == 0
    capsys.readouterr()
    plant.in_loop(lambda: setattr(plant.mixer, "delay", 0.4))
    first = subprocess.Popen(
        [*GOLDCOPY, "pull", "mixer", "--json", *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    asked = len(plant.mixer.log)
    give_up = time.monotonic() + 30
    while len(plant.mixer.log) == asked and time.monotonic() < give_up:
        time.sleep(0.05)
    peak = plant.mixer.connections.total
    assert run(["pull", "mixer", *where]) == 1
    assert str(first.pid) in one_line(capsys.readouterr().err)
    assert plant.mixer.connections.total == peak, "the second run asked the controller"
    out, err = first.communicate(timeout=50)
    assert first.returncode == 0, err
    assert json.loads(out)["devices"][0]["state"] == "kept"


def snapshots(plant: Plant, capsys: pytest.CaptureFixture[str]) -> int:
    capsys.readouterr()
    assert run(["log", "mixer", "--json", "-i", str(plant.inventory)]) == 0
    return len(json.loads(capsys.readouterr().out)["snapshots"])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_or_broken_disk(
    code: int,
    plant: Plant,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    where = ["-i", str(plant.inventory)]
    assert run(["pull", "mixer", *where]) == 0

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        capsys.readouterr()
        assert run(["pull", "mixer", *where]) == 1
        assert str(plant.inventory.parent / "vault") in one_line(capsys.readouterr().err)
    assert snapshots(plant, capsys) == 1
    assert run(["show", "mixer", *where]) == 0
    assert run(["pull", "mixer", *where]) == 0
    assert snapshots(plant, capsys) == 2


def test_an_unwritable_vault(
    plant: Plant, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["-i", str(plant.inventory)]
    assert run(["pull", "mixer", *where]) == 0
    asked = plant.mixer.connections.total
    real = os.open

    def refuse(path: str | bytes | os.PathLike[str], flags: int, *more: int, **named: int) -> int:
        """As for a user without write permission; root, as which tests may run, has it always."""
        if flags & (os.O_WRONLY | os.O_RDWR) and "vault" in os.fsdecode(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path, flags, *more, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        capsys.readouterr()
        assert run(["pull", "mixer", *where]) == 1
        assert "vault" in one_line(capsys.readouterr().err)
    assert plant.mixer.connections.total == asked, "a controller was asked in vain"
    assert snapshots(plant, capsys) == 1


def test_a_broken_pipe(plant: Plant) -> None:
    where = ["-i", str(plant.inventory)]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*GOLDCOPY, "pull", "mixer", "--json", *where],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=50,
        )
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert "went away" in one_line(done.stderr)
    assert run(["show", "mixer", *where]) == 0, "what was pulled is kept all the same"


def test_ctrl_c_closes_the_connection_and_the_vault(plant: Plant) -> None:
    where = ["-i", str(plant.inventory)]
    assert run(["pull", "mixer", *where]) == 0
    plant.in_loop(lambda: setattr(plant.mixer, "fault", "silent"))
    running = subprocess.Popen(
        [*GOLDCOPY, "pull", "mixer", *where], stderr=subprocess.PIPE, text=True
    )
    asked = len(plant.mixer.log)
    give_up = time.monotonic() + 30
    while len(plant.mixer.log) == asked and time.monotonic() < give_up:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=50)
    assert running.returncode == 130
    assert "stopped" in one_line(err)
    plant.in_loop(lambda: setattr(plant.mixer, "fault", None))
    assert plant.mixer.connections.open == 0
    assert run(["pull", "mixer", *where]) == 0


def test_a_secret_is_nowhere(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "Sehr-Geheim-4711"
    text = plant.inventory.read_text()
    plant.inventory.write_text(
        text.replace(
            "    options: {security: None}\n",
            "    username: engineer\n    password: {env: OVEN_PASSWORD}\n"
            "    options: {security: None}\n",
        )
    )
    done = subprocess.run(
        [*GOLDCOPY, "pull", "oven", "-i", str(plant.inventory)],
        env={**os.environ, "OVEN_PASSWORD": secret},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode in (1, 2)
    assert "oven" in done.stdout, "refused: never a password over an open channel"
    assert secret not in done.stdout + done.stderr
    for file in plant.inventory.parent.rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes()


def test_a_damaged_vault(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["-i", str(plant.inventory)]
    for _ in range(2):
        assert run(["pull", "mixer", *where]) == 0
    first = min((plant.inventory.parent / "vault" / "packs").glob("*"))
    sound = first.read_bytes()
    first.chmod(0o600)
    first.write_bytes(sound[:-40] + bytes([sound[-40] ^ 1]) + sound[-39:])
    capsys.readouterr()
    assert run(["show", "mixer", *where]) == 3
    assert first.name in one_line(capsys.readouterr().err)
    first.unlink()
    for words in (["devices"], ["check"], ["pull", "mixer"]):
        capsys.readouterr()
        assert run([*words, *where]) == 3, words
        one_line(capsys.readouterr().err)
    first.write_bytes(sound)
    assert run(["show", "mixer", *where]) == 0
