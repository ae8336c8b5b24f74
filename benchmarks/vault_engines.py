"""The stores that are compared, each driven by processes of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from goldcopy.vault import Reader, SigningKey, Vault

ROOT = Path(__file__).parents[1]
GIT = ROOT / ".peers" / "git" / "bin" / "python"


class Engine:
    """A store, of which ``home`` is the folder."""

    name: ClassVar[str]

    def __init__(self, home: Path) -> None:
        home.mkdir(exist_ok=True)
        self.home = home / type(self).__name__.lower()
        self.nights: list[float] = []
        """Seconds of each night."""

    def begin(self) -> None:
        """Make it, empty."""
        raise NotImplementedError

    def night(self, tree: Path, number: int) -> float:
        """Take in what lies in a folder; the seconds."""
        raise NotImplementedError

    def restores(self, kept: Path) -> Mapping[tuple[int, str], list[float]]:
        """Seconds of giving back each of KEPT/NIGHT/DEVICE, three times, by night and device."""
        raise NotImplementedError

    def prove(self) -> float:
        """Seconds of reading and proving everything."""
        raise NotImplementedError

    def take(self, tree: Path, number: int) -> None:
        """Take in a night, and note the seconds."""
        self.nights.append(self.night(tree, number))

    def median(self) -> float:
        """Of all nights but the first."""
        return statistics.median(self.nights[1:])

    def size(self) -> int:
        """As ``du -sb`` tells it."""
        out = subprocess.run(["du", "-sb", self.home], capture_output=True, text=True, check=True)
        return int(out.stdout.split()[0])


class Ours(Engine):
    """Sealed to one recipient; written without its key."""

    name = "goldcopy"

    def begin(self) -> None:
        reader = Reader()
        self.key = self.home.with_suffix(".key")
        reader.save(self.key)
        Vault.create(self.home, SigningKey(), reader.recipients).close()
        self.forms: list[float] = []
        """Seconds of each night for making the canonical forms, which is done at the pull."""

    def night(self, tree: Path, number: int) -> float:
        took = self.told("night", self.home, tree, number)
        self.forms.append(took["form"])
        return float(took["keep"])

    def restores(self, kept: Path) -> Mapping[tuple[int, str], list[float]]:
        return _by_place(self.told("restores", self.home, self.key, kept))

    def prove(self) -> float:
        self.proof = self.told("prove", self.home, self.key)
        return float(self.proof["seconds"])

    def told(self, *words: object) -> Any:  # noqa: ANN401
        return told([sys.executable, "-m", "benchmarks.vault_ours", *map(str, words)])


class Git(Engine):
    """Not sealed, and what it holds can be rewritten."""

    name = "git, pygit2"

    def begin(self) -> None:
        run(["git", "init", "--quiet", "--bare", "--initial-branch=main", self.home])

    def night(self, tree: Path, number: int) -> float:
        return float(self.told("night", self.home, tree))

    def restores(self, kept: Path) -> Mapping[tuple[int, str], list[float]]:
        return _by_place(self.told("restores", self.home, kept))

    def prove(self) -> float:
        return run(["git", "-C", self.home, "fsck", "--full", "--no-progress"])

    def gc(self) -> float:
        return run(["git", "-C", self.home, "gc", "--quiet", "--prune=now"])

    def told(self, *words: object) -> Any:  # noqa: ANN401
        return told([str(GIT), str(ROOT / "benchmarks" / "git_store.py"), *map(str, words)])


class Restic(Engine):
    name = "restic"

    def begin(self) -> None:
        self._env = {
            "RESTIC_PASSWORD": "bench",
            "RESTIC_REPOSITORY": str(self.home),
            "RESTIC_CACHE_DIR": f"{self.home}.cache",
        }
        run(["restic", "init", "--quiet"], env=self._env)

    def night(self, tree: Path, number: int) -> float:
        tag = f"n{number:03d}"
        return run(["restic", "backup", "--quiet", "--tag", tag, "."], tree, self._env)

    def restores(self, kept: Path) -> Mapping[tuple[int, str], list[float]]:
        """Its JSON only."""
        found = {}
        for folder, number in _places(kept):
            command = ["restic", "dump", "--quiet", "--tag", f"n{number:03d}", "latest"]
            wanted = (folder / "tags.json").read_bytes()
            seconds = []
            for _ in range(3):
                begin = time.perf_counter()
                out = _run([*command, f"/{folder.name}/tags.json"], None, self._env)
                seconds.append(time.perf_counter() - begin)
                assert out == wanted, folder
            found[number, folder.name] = seconds
        return found

    def prove(self) -> float:
        return run(["restic", "check", "--quiet", "--read-data"], env=self._env)


class Borg(Engine):
    name = "borg, zstd 3"

    def begin(self) -> None:
        self._env = {"BORG_PASSPHRASE": "bench", "BORG_BASE_DIR": f"{self.home}.base"}
        run(["borg", "init", "--encryption", "repokey-blake2", self.home], env=self._env)

    def night(self, tree: Path, number: int) -> float:
        archive = f"{self.home}::n{number:03d}"
        return run(["borg", "create", "--compression", "zstd,3", archive, "."], tree, self._env)

    def restores(self, kept: Path) -> Mapping[tuple[int, str], list[float]]:
        found = {}
        for folder, number in _places(kept):
            seconds = []
            for _ in range(3):
                with tempfile.TemporaryDirectory(dir=kept.parent) as out:
                    command = ["borg", "extract", f"{self.home}::n{number:03d}", folder.name]
                    seconds.append(run(command, Path(out), self._env))
                    back = {one.name: one.read_bytes() for one in Path(out, folder.name).iterdir()}
                assert back == {one.name: one.read_bytes() for one in folder.iterdir()}, folder
            found[number, folder.name] = seconds
        return found

    def prove(self) -> float:
        return run(["borg", "check", "--verify-data", self.home], env=self._env)


def run(
    command: Sequence[str | Path], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> float:
    """Seconds of a process, its start included."""
    begin = time.perf_counter()
    _run(command, cwd, env or {})
    return time.perf_counter() - begin


def told(command: Sequence[str]) -> Any:  # noqa: ANN401
    """What a process prints as JSON."""
    return json.loads(_run(command, ROOT, {}))


def _run(command: Sequence[str | Path], cwd: Path | None, env: Mapping[str, str]) -> bytes:
    done = subprocess.run(command, cwd=cwd, env=os.environ | env, capture_output=True, check=False)
    assert not done.returncode, f"{command} failed: {done.stderr.decode()[-2000:]}"
    return done.stdout


def _places(kept: Path) -> list[tuple[Path, int]]:
    return [(folder, int(folder.parent.name)) for folder in sorted(kept.glob("*/*"))]


def _by_place(found: list[tuple[int, str, list[float]]]) -> Mapping[tuple[int, str], list[float]]:
    return {(number, device): seconds for number, device, seconds in found}
