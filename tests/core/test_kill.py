"""``kill -9`` at any moment of a pull run: all that was reported is kept, nothing half-kept seen.

``--kills N`` says how often (``make soak N=…``). All kills hit one vault, which grows.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldcopy.vault import Reader, Vault

CHILD = Path(__file__).with_name("kept_until_killed.py")


class Run:
    """One run of the child, and what it reported before it was killed."""

    def __init__(self, vault: Path, seed: int, *more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), str(vault), str(seed), *more],
            stdout=subprocess.PIPE,
            text=True,
        )

    def killed_after(self, seconds: float, ready: bool) -> Run:
        """Kill it so long after it is ready, or after its start."""
        assert self._process.stdout is not None
        if ready:
            assert self._process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        assert self._process.poll() is None, "it ended by itself"
        self._process.kill()
        return self.ended()

    def ended(self) -> Run:
        """Wait for its end, and note (device, id) of what it said is kept."""
        output, _ = self._process.communicate(timeout=50)
        self.done = output.endswith("done\n")
        # The last line may be cut short by the kill; then it was not reported.
        lines = [line.split() for line in output.split("\n")[:-1]]
        self.noted = [(line[1], line[2]) for line in lines if line[0] == "noted"]
        self.kept = [(line[1], line[2]) for line in lines if line[0] == "kept"]
        return self


class Ledger:
    """What one vault must hold after each kill."""

    def __init__(self, path: Path, reader: Reader | None = None) -> None:
        self.path = path
        self.reader = reader
        self.readable = path.with_name(f"{path.name}-copy") if reader else path
        self._known: dict[str, list[str]] = {}
        Vault.create(path, recipients=reader.recipients if reader else []).close()

    @contextlib.contextmanager
    def opened(self) -> Iterator[Vault]:
        """To read it. A sealed one is copied: its collector must not learn from what is read."""
        if self.readable != self.path:
            (self.readable / "packs").mkdir(parents=True, exist_ok=True)
            for file in self.path.rglob("*.*"):
                copied = self.readable / file.relative_to(self.path)
                if file.suffix in (".pack", ".json") and not copied.exists():
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, copied)
        vault = Vault.open(self.readable, self.reader)
        yield vault
        vault.close()

    def check(self, run: Run | None = None, anew: bool = False) -> None:
        """The vault opens, has all that was ever reported, in order, and all of it is whole."""
        reported = run.kept if run else []
        with self.opened() as vault:
            assert vault.doubts == []
            for device in {device for device, _ in reported} | set(vault.devices()):
                new = [one for name, one in reported if name == device]
                self._check(vault, device, new, anew)
            for device in vault.devices():
                noted = [one for name, one in (run.noted if run else []) if name == device]
                self._follow(f"{device}'s notes", noted, [n.id for n in vault.notes(None, device)])

    def _check(self, vault: Vault, device: str, new: list[str], anew: bool) -> None:
        before = len(self._known.get(device, []))
        entries = vault.log(device)[::-1]
        self._follow(device, new, [entry.id for entry in entries])
        for entry in entries[0 if anew else before :]:
            loaded = vault.load(entry)
            assert loaded.id == entry.id
            assert all(len(content) == 3000 for content in loaded.blobs.values())

    def _follow(self, what: str, new: list[str], ids: list[str]) -> None:
        """What was known before comes first, then what was reported, then at most one more."""
        before = self._known.get(what, [])
        assert ids[: len(before) + len(new)] == before + new
        # At most the one that was written when the kill came, and could not be reported.
        assert len(ids) - len(before) - len(new) <= 1
        self._known[what] = ids

    def count(self) -> int:
        return sum(map(len, self._known.values()))


@pytest.fixture(scope="module", params=["clear", "sealed"])
def ledger(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Ledger:
    reader = Reader() if request.param == "sealed" else None
    return Ledger(tmp_path_factory.mktemp("kill") / "vault", reader)


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
    ledger.check(anew=True)
    (ledger.readable / "index.sqlite").unlink()
    ledger.check(anew=True)
    assert ledger.count() >= request.config.getoption("--kills")
    leftovers = list((ledger.path / "packs").glob(".*.tmp"))
    assert len(leftovers) <= 1  # of the last kill; each run removes those of the one before


@pytest.mark.parametrize("reader", [None, Reader()], ids=["clear", "sealed"])
def test_kill_before_each_call_that_a_pack_is_written_with(
    tmp_path: Path, reader: Reader | None
) -> None:
    calls = 0
    while True:
        calls += 1
        ledger = Ledger(tmp_path / f"vault{calls}", reader)
        run = Run(ledger.path, 7, str(calls))
        ledger.check(run.ended())
        following = Run(ledger.path, 8, "1000000").ended()
        assert following.done
        ledger.check(following)
        assert not list((ledger.path / "packs").glob(".*"))
        if run.done:
            break
    # Two packs: open, 3 writes, fsync, close, link, unlink, then the folder: open, fsync, close.
    assert calls == 2 * 11 + 1
