"""The night run: windows, the deadline, a kill in the middle, replicas, one line and one code."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.cli.conftest import Cli, Plant
from tests.cli.test_gold_and_drift import people
from tests.cli.test_night import approved

from goldcopy.inventory import Device
from goldcopy.night.turns import Past, past
from goldcopy.vault import Reader, Vault

__all__ = ["people"]


class Gate:
    """A way to a controller that takes connections and answers nothing until it is opened."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._open = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.taken = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def open(self) -> None:
        self._open.set()

    def shut(self) -> None:
        """Answer no new connection."""
        self._open.clear()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)  # or a thread in accept would hold it open
        self._listener.close()
        self._open.set()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.taken += 1
            threading.Thread(target=self._pass, args=(caller,), daemon=True).start()

    def _pass(self, caller: socket.socket) -> None:
        self._open.wait()
        try:
            with caller, socket.create_connection(("127.0.0.1", self._to)) as other:
                back = threading.Thread(target=_pump, args=(other, caller), daemon=True)
                back.start()
                _pump(caller, other)
                back.join()
        except OSError:
            return


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def gate(plant: Plant) -> Iterator[Gate]:
    """A third device of the plant, which answers nothing until its gate is opened."""
    gate = Gate(plant.mixer.port)
    press = (
        "devices:\n"
        f"  - {{name: press, driver: modbus, host: 127.0.0.1, port: {gate.port}, zone: hall,\n"
        "     timeout: 40s, options: {ranges: [{table: holding, start: 200, count: 24}]}}\n"
    )
    plant.inventory.write_text(plant.inventory.read_text().replace("devices:\n", press))
    try:
        yield gate
    finally:
        gate.close()


def says(cli: Cli, text: str) -> None:
    """Put more into the inventory; it needs somebody who can approve."""
    cli.plant.inventory.write_text(cli.plant.inventory.read_text() + text)


def hall(cli: Cli, begin: int, end: int) -> str:
    """Give the zone a window, in hours from now by this computer's clock; the window in text."""
    now = datetime.now()
    window = "-".join(f"{now + timedelta(hours=hours):%H:%M}" for hours in (begin, end))
    old = cli.plant.inventory.read_text()
    new = re.sub(
        r"hall: {max_devices: 4[^}]*}", f'hall: {{max_devices: 4, window: "{window}"}}', old
    )
    assert "window" in new
    cli.plant.inventory.write_text(new)
    return window


def test_outside_its_window_a_zone_is_left_alone_and_that_is_told(
    cli: Cli, people: dict[str, Path]
) -> None:
    approved(cli, people)
    window = hall(cli, 2, 3)
    cli.plant.change("holding/203", 4711)
    code, answer = cli.json("night")
    assert code == 0  # yesterday's snapshot is young enough still
    assert answer["outcomes"] == []
    assert [(one["device"], one["sort"], one["why"]) for one in answer["left"]] == [
        (name, "window", f"outside its window {window}") for name in ("mixer", "oven")
    ]
    assert "2 of 2 green, 2 outside their window, vault ok" in answer["summary"]
    code, out, _ = cli("night")
    assert f"oven: not asked: outside its window {window}" in out
    assert out.splitlines()[-1].startswith("goldcopy night: 2 of 2 green")


def test_within_a_window_a_device_is_read_once_however_often_the_run_is_called(
    cli: Cli, people: dict[str, Path]
) -> None:
    hall(cli, -1, 1)
    _, answer = cli.json("night")
    assert [one["state"] for one in answer["outcomes"]] == ["kept", "kept"]
    _, answer = cli.json("night")
    assert answer["outcomes"] == []
    assert [one["sort"] for one in answer["left"]] == ["read", "read"]
    _, answer = cli.json("log", "mixer")
    assert len(answer["snapshots"]) == 1


def test_after_its_deadline_the_rest_is_told_as_not_read(
    cli: Cli, people: dict[str, Path], gate: Gate
) -> None:
    gate.open()
    approved(cli, people, ("press", "mixer", "oven"))
    gate.shut()
    says(cli, "night: {deadline: 6s}\n")
    code, answer = cli.json("night")
    assert code == 1
    states = {one["device"]: (one["state"], one["late"]) for one in answer["outcomes"]}
    assert states["mixer"] == ("kept", False)
    assert states["press"] == ("failed", True)
    told = json.loads((cli.plant.inventory.parent / "report/drift.json").read_text())
    said = {one["device"]: (one["state"], one["why"]) for one in told["devices"]}
    assert said["press"] == (
        "not-read",
        "press: not read: the deadline of the night was over before its end",
    )
    assert answer["summary"].startswith("goldcopy night: 2 of 3 green, 1 not read, vault ok (")
    # It was not the device's fault, so it is asked as patiently the next time.
    gate.close()
    _, answer = cli.json("night")
    assert {one["device"]: one["attempts"] for one in answer["outcomes"]}["press"] == 3


def test_a_night_that_is_killed_goes_on_and_pulls_nothing_twice(
    cli: Cli, people: dict[str, Path], gate: Gate
) -> None:
    folder = cli.plant.inventory.parent
    words = [sys.executable, "-m", "goldcopy", "night", "-i", str(cli.plant.inventory)]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    kept: set[str] = set()
    try:
        while kept != {"mixer", "oven"}:
            line = running.stderr.readline()
            assert line, "the night was over before it was killed"
            if ": kept after" in line:
                kept.add(line.partition(":")[0])
    finally:
        running.kill()
        running.communicate(timeout=30)
    assert gate.taken > 0
    assert (folder / "vault/night.json").exists()
    gate.open()
    code, answer = cli.json("night")
    assert [(one["device"], one["state"]) for one in answer["outcomes"]] == [("press", "kept")]
    assert [(one["device"], one["sort"]) for one in answer["left"]] == [
        ("mixer", "read"), ("oven", "read"),
    ]  # fmt: skip
    told = json.loads((folder / "report/drift.json").read_text())
    assert {one["device"]: one["state"] for one in told["devices"]} == dict.fromkeys(
        ("mixer", "oven", "press"), "no-gold"
    )
    assert all(one["latest"] for one in told["devices"])
    for name in ("mixer", "oven", "press"):
        assert len(cli.json("log", name)[1]["snapshots"]) == 1
    assert not (folder / "vault/night.json").exists()
    assert code == 1
    _, answer = cli.json("night")  # another night
    assert len(answer["outcomes"]) == 3


def test_a_replica_that_is_not_what_it_was_is_integrity_in_doubt(
    cli: Cli, people: dict[str, Path]
) -> None:
    (cli.plant.inventory.parent / "nas").mkdir()
    (cli.plant.inventory.parent / "far").mkdir()
    says(cli, "replicas: [{name: nas, folder: ./nas}, {name: far, folder: ./far}]\n")
    approved(cli, people)
    code, answer = cli.json("night")
    assert (code, answer["findings"]) == (0, [])
    assert ", replicas 2/2, vault ok (" in answer["summary"]
    hall(cli, 2, 3)
    cli("vault", "sync")
    # The newest is in every sample.
    pack = sorted((cli.plant.inventory.parent / "nas").rglob("*.pack"))[-1]
    pack.chmod(0o644)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    code, answer = cli.json("night")
    assert code == 3
    assert ", replicas 1/2, vault ok (" in answer["summary"]
    assert [one.partition(":")[0] for one in answer["findings"]] == ["replica nas"]
    shutil.rmtree(cli.plant.inventory.parent / "far")
    code, answer = cli.json("night")
    assert (code, len(answer["findings"])) == (3, 2)
    assert ", replicas 0/2, vault ok (" in answer["summary"]


def test_a_report_is_made_even_if_the_vault_takes_nothing(
    cli: Cli, people: dict[str, Path]
) -> None:
    approved(cli, people)
    folder = cli.plant.inventory.parent
    vault = Vault.open(folder / "vault", Reader.load(folder / "keys/reader.key"))
    loop = asyncio.new_event_loop()
    writing = vault.writing()
    loop.run_until_complete(writing.__aenter__())
    try:
        code, answer = cli.json("night")
    finally:
        loop.run_until_complete(writing.__aexit__(None, None, None))
        loop.close()
        vault.close()
    assert code == 1
    assert answer["outcomes"] == []
    assert len(answer["findings"]) == 1
    assert len(answer["report"]) == 3
    assert (folder / "vault/night.json").exists()  # whoever has the vault may be at work on it
    code, answer = cli.json("night")
    assert code == 0
    assert len(answer["outcomes"]) == 2


def test_a_device_that_keeps_failing_is_asked_less_and_stays_an_alarm(
    cli: Cli, people: dict[str, Path], gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.close()

    def attempts() -> list[int]:
        code, answer = cli.json("night")
        assert code == 1
        assert answer["stale"] == ["press"]
        return [one["attempts"] for one in answer["outcomes"] if one["device"] == "press"]

    assert attempts() == [3]
    assert attempts() == [2]  # it failed before; twice in a night is once

    def dead_for_long(vault: Vault, devices: Sequence[Device]) -> dict[str, Past]:
        known = past(vault, devices)
        (last,) = known["press"].failed[-1:]
        failed = tuple(last - timedelta(days=day) for day in (3, 2, 1, 0))
        return known | {"press": Past(None, failed)}

    monkeypatch.setattr("goldcopy.cli.night_steps.past", dead_for_long)
    assert attempts() == []
    code, out, _ = cli("night")
    assert code == 1
    assert "press: not asked: no answer on 4 nights; asked again after " in out
    assert ", 1 without a fresh snapshot, 1 backing off, vault ok (" in out.splitlines()[-1]


def test_install_prints_what_to_do_and_does_nothing(cli: Cli, people: dict[str, Path]) -> None:
    says(cli, "notify: [{env: NEWS}]\n")
    folder = cli.plant.inventory.parent
    before = sorted(folder.rglob("*"))
    code, out, err = cli("night", "--install")
    assert (code, err) == (0, "")
    assert f"ReadWritePaths={folder}/vault {folder}/report\n" in out
    assert "LoadCredential=NEWS:" in out
    code, answer = cli.json("night", "--install")
    assert answer["service"] in out
    assert answer["timer"] in out
    assert answer["steps"] == out
    assert sorted(folder.rglob("*")) == before
