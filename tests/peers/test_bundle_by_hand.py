"""A bundle without goldcopy: the commands of docs/format.md, section 10, as they are printed."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import Facts, Vault
from goldcopy.vault.bundle import export

SECTION = (Path(__file__).parents[2] / "docs/format.md").read_text("utf-8").split("## 10. ")[1]
(COMMANDS,) = re.findall(r"```sh\n(.*?)```", SECTION, re.S)


def sh(where: Path, bundle: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", COMMANDS],
        cwd=where,
        env={"BUNDLE": str(bundle), "PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC"},
        capture_output=True,
        text=True,
        timeout=50,
    )


@pytest.fixture
async def bundle(tmp_path: Path) -> Path:
    vault = Vault.create(tmp_path / "vault")
    async with vault.writing() as writer:
        for value in range(3):
            one = Snapshot.of("mixer", "s7", Identity(), [Item("a", "tag", "DINT", value)])
            await writer.keep(one, Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900))
    (tmp_path / "there").mkdir()
    made = export(vault, tmp_path).path
    vault.close()
    return made


def test_a_bundle_unpacks_to_a_vault(bundle: Path) -> None:
    there = bundle.parent / "there"
    done = sh(there, bundle)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Signature Verified Successfully" in done.stdout
    vault = Vault.open(there)
    assert [vault.load(entry).by_path["a"].value for entry in vault.log("mixer")] == [2, 1, 0]
    vault.close()
    assert bundle.name == f"goldcopy-{vault.id[:8]}-1-3.bundle"
    listed = subprocess.run(
        ["tar", "--utc", "-tvf", str(bundle)], capture_output=True, text=True, check=True
    )
    assert all(line.startswith("-r--r--r-- 0/0 ") for line in listed.stdout.splitlines())
    assert [line.split()[-1] for line in listed.stdout.splitlines()] == [
        "manifest.json",
        "vault.json",
        "keyring/0001.json",
        *(f"packs/0000000{seq}.pack" for seq in (1, 2, 3)),
    ]


@pytest.mark.parametrize("place", [b'"from":1', b'"format":"goldcopy-pack/1"', b"goldcopy-keyring"])
def test_what_was_changed_in_it_is_seen(bundle: Path, place: bytes) -> None:
    bad = bytearray(bundle.read_bytes())
    bad[bad.index(place) + len(place) - 1] ^= 1
    changed = bundle.parent / "changed"
    changed.write_bytes(bad)
    done = sh(bundle.parent / "there", changed)
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr or "Failure" in done.stdout + done.stderr
