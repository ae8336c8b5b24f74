"""The libraries for SFTP and S3 are an extra: loaded when they are needed, missed in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from goldcopy.errors import Wrong
from goldcopy.inventory import InFolder, InS3, InSftp, Lock, ReplicaPlace, SecretSource
from goldcopy.replica.opening import openings

SFTP = InSftp("far", "u", "127.0.0.1", "/x", "ssh-ed25519 AAAA", SecretSource(env="K"), None)
PLACES: list[ReplicaPlace] = [
    SFTP,
    InS3("cloud", "bucket", ""),
    InS3("worm", "bucket", "", lock=Lock("compliance", 1)),
]


def test_nothing_is_loaded_that_is_not_used() -> None:
    program = (
        "import sys, goldcopy.replica.opening, goldcopy.replica.sync, goldcopy.replica.check, "
        "goldcopy.replica.repair, goldcopy.replica.attest\n"
        "print([name for name in ('boto3', 'obstore', 'asyncssh') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_a_missing_library_is_said(
    place: ReplicaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sftp", "bucket", "locked"):
        monkeypatch.setitem(sys.modules, f"goldcopy.replica.{name}", None)
        monkeypatch.delattr(f"goldcopy.replica.{name}", raising=False)
    with pytest.raises(Wrong, match=r"pip install 'goldcopy\[replicas\]'"):
        async with openings([place], "id")[place.name]():
            pass


async def test_a_folder_needs_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("asyncssh", "boto3", "obstore"):
        monkeypatch.setitem(sys.modules, name, None)
    async with openings([InFolder("nas", tmp_path)], "id")["nas"]() as replica:
        assert await replica.list() == {}


async def test_a_missing_secret_names_its_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("K", raising=False)
    with pytest.raises(Wrong, match=r"replica far: .*variable K is not set"):
        async with openings([SFTP], "id")["far"]():
            pass
