"""``kill -9`` at any moment of a pull run: all that was reported is kept, nothing half-kept seen.

``--kills N`` says how often (``make soak N=…``). All kills hit one vault, which grows.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from goldcopy.vault import Vault

CHILD = Path(__file__).with_name("kept_until_killed.py")


class Run:
    """One run of the child, and what it reported before it was killed."""

    def __init__(self, vault: Path, seed: int, *more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), str(vault), str(seed), *more],
            stdout=subprocess.PIPE,
            text=True,
        )

    def killed_after(self, seconds: float, ready: bool) -> list[tuple[str, str]]:
        """Kill it so long after it is ready, or after its start; what it reported."""
        assert self._process.stdout is not None
        if ready:
            assert self._process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        assert self._process.poll() is None, "it ended by itself"
        self._process.kill()
        return self.reported()

    def reported(self) -> list[tuple[str, str]]:
        """Wait for its end; (device, id) of what it said is kept."""
        output, _ = self._process.communicate(timeout=50)
        self.done = output.endswith("done\n")
        # The last line may be cut short by the kill; then it was not reported.
        lines = [line.split() for line in output.split("\n")[:-1]]
        return [(line[1], line[2]) for line in lines if line[0] == "kept"]


class Ledger:
    """What one vault must hold after each kill."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, list[str]] = {}
        Vault.create(path).close()

    def check(self, reported: list[tuple[str, str]], anew: bool = False) -> None:
        """The vault opens, has all that was ever reported, in order, and all of it is whole."""
        vault = Vault.open(self.path)
        assert vault.doubts == []
        for device in {device for device, _ in reported} | set(vault.devices()):
            before = self._known.get(device, [])
            entries = vault.log(device)[::-1]
            ids = [entry.id for entry in entries]
            new = [one for name, one in reported if name == device]
            assert ids[: len(before) + len(new)] == before + new
            # At most the one that was written when the kill came, and could not be reported.
            assert len(ids) - len(before) - len(new) <= 1
            for entry in entries[0 if anew else len(before) :]:
                loaded = vault.load(entry)
                assert loaded.id == entry.id
                assert all(len(content) == 3000 for content in loaded.blobs.values())
            self._known[device] = ids
        vault.close()

    def count(self) -> int:
        return sum(map(len, self._known.values()))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return Ledger(tmp_path_factory.mktemp("kill") / "vault")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "number" in metafunc.fixturenames:
        metafunc.parametrize("number", range(metafunc.config.getoption("--kills")))


def test_kill_at_a_random_moment(ledger: Ledger, number: int) -> None:
    chance = random.Random()
    # Every fourth already while it starts: opening, locking, sweeping, indexing.
    starting = number % 4 == 3
    run = Run(ledger.path, chance.randrange(2**32))
    ledger.check(run.killed_after(chance.random() * (0.4 if starting else 0.3), not starting))


def test_all_of_it_after_all_kills(ledger: Ledger, request: pytest.FixtureRequest) -> None:
    ledger.check([], anew=True)
    (ledger.path / "index.sqlite").unlink()
    ledger.check([], anew=True)
    assert ledger.count() >= request.config.getoption("--kills")
    leftovers = list((ledger.path / "packs").glob(".*.tmp"))
    assert len(leftovers) <= 1  # of the last kill; each run removes those of the one before


def test_kill_before_each_call_that_a_pack_is_written_with(tmp_path: Path) -> None:
    calls = 0
    while True:
        calls += 1
        ledger = Ledger(tmp_path / f"vault{calls}")
        run = Run(ledger.path, 7, str(calls))
        ledger.check(run.reported())
        following = Run(ledger.path, 8, "1000000")
        reported = following.reported()
        assert following.done
        ledger.check(reported)
        assert not list((ledger.path / "packs").glob(".*"))
        if run.done:
            break
    # Two packs: open, 3 writes, fsync, close, link, unlink, then the folder: open, fsync, close.
    assert calls == 2 * 11 + 1
