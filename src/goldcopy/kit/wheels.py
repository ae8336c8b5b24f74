"""The wheels of goldcopy and all that it needs, out of a folder that somebody has filled."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec

from goldcopy.errors import Wrong
from goldcopy.vault.folder import disk

PATIENCE: Final = 300.0
"""Seconds for pip to look at the folder."""
VERSION: Final = importlib.metadata.version("goldcopy")


class Wheel(NamedTuple):
    """One of the files that the laptop installs."""

    name: str
    version: str
    path: Path
    sha256: str

    @property
    def requirement(self) -> str:
        """Its line in a file of requirements, which pip holds the file against."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}\n"


class _Hashes(msgspec.Struct):
    hashes: dict[str, str]


class _Download(msgspec.Struct):
    url: str
    archive_info: _Hashes


class _Metadata(msgspec.Struct):
    name: str
    version: str


class _Install(msgspec.Struct):
    download_info: _Download
    metadata: _Metadata


class _Report(msgspec.Struct):
    """pip's installation report (pip.pypa.io, reference/installation-report)."""

    install: list[_Install]


def needed(folder: Path, lock: Path | None = None) -> list[Wheel]:
    """The wheels in a folder that this version of goldcopy needs, found by pip itself.

    Args:
        folder: with wheels; others in it are left out.
        lock: a file of requirements with hashes; all but goldcopy's own wheel must be in it.

    Blocks for seconds. Raises ``Wrong`` if anything is missing, or is not what the lock says.
    """
    if not folder.is_dir():
        raise Wrong(f"{folder} is no folder with wheels")
    if importlib.util.find_spec("pip") is None:
        raise Wrong(f"{sys.executable} has no pip, which is needed to look at the wheels")
    report = msgspec.json.decode(_asked(folder), type=_Report)
    wheels = [_wheel(one) for one in report.install]
    if lock is not None:
        _hold_against(wheels, lock)
    return sorted(wheels)


def _asked(folder: Path) -> bytes:
    words = (
        *(sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--quiet"),
        *("install", "--dry-run", "--ignore-installed", "--report", "-", "--no-index"),
        *("--only-binary", ":all:", "--find-links", str(folder), f"goldcopy=={VERSION}"),
    )
    try:
        done = subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Wrong(f"pip did not look through {folder} within {PATIENCE:g} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1].removeprefix("ERROR: ") if said else "pip does not say why"
        raise Wrong(f"{folder} lacks what goldcopy {VERSION} needs on this Python: {why}")
    return done.stdout


def _wheel(one: _Install) -> Wheel:
    path = Path(unquote(urlsplit(one.download_info.url).path))
    found = one.download_info.archive_info.hashes
    return Wheel(one.metadata.name, one.metadata.version, path, found["sha256"])


def _hold_against(wheels: Sequence[Wheel], lock: Path) -> None:
    with disk(lock):
        known = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock.read_text("utf-8")))
    other = [one.path.name for one in wheels if one.sha256 not in known and one.name != "goldcopy"]
    if other:
        raise Wrong(f"not what {lock} says, by its hash: {', '.join(other)}")
