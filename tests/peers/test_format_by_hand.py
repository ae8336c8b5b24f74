"""Every shell command of docs/format.md, run as printed: jq, zstd and sha256sum are the peers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goldcopy.snapshot import Blob, Gap, Identity, Item, Snapshot
from goldcopy.vault import Entry, Facts, Vault

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/format.md").read_text("utf-8")
VECTORS = ROOT / "tests/vectors/format"
DIGESTS, MARKER, WHOLE, RECORDS, HISTORY, REBUILD, VALUE, CONTENT = re.findall(
    r"```sh\n(.*?)```", DOCUMENT, re.S
)


def sh(command: str, where: Path, **names: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=where,
        env=os.environ | names,
        capture_output=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8")


def hashes(output: str) -> list[str]:
    return [line.removesuffix("  -") for line in output.splitlines()]


def lines_of(snapshot: Snapshot) -> bytes:
    found = snapshot.form
    return b"".join(line + b"\n" for line in [found.head, *found.items, *found.gaps])


def snapshot(device: str, night: int) -> Snapshot:
    """Awkward on purpose: what JSON writers disagree about, and changes of every kind."""
    items = [Item(f"db/{n:03d}", "parameter", "DINT", n * (n % 7 == night)) for n in range(60)]
    items += [
        Item("text/\uffff", "tag", "WSTRING", '\x00\x01\x08\t\n\x0b\x0c\r\x1f\x7f\x80"\\/\u2028'),
        Item("text/\U0001f3ed", "tag", "WSTRING", f"\U0001f600{night % 2}"),
        Item("large", "parameter", "LINT", -(2**53) + night, low=-(2**63), high=2**53 - 1),
        Item("safe", "parameter", "LINT", 2**53 - 1 - night),
        Item("real", "parameter", "LREAL", float(f"{night}e-7"), low=-0.0),
        Item("OB1", "block", "BYTES", bytes([night % 3]) * 5000),
    ]
    if night % 4 == 3:
        del items[night]
    gaps = [Gap("recipes\x7f", "refused")] if night % 3 == 2 else []
    return Snapshot.of(device, "s7", Identity(vendor="Acme", mode="RUN\x7f"), items, gaps)


Kept = list[tuple[Entry, Snapshot]]


async def filled(path: Path) -> Kept:
    made = []
    vault = Vault.create(path)
    for night in range(8):
        async with vault.writing() as writer:
            for device in ("mixer", "press"):
                one = snapshot(device, night)
                facts = Facts(datetime(2026, 11, night + 1, tzinfo=UTC), 1.5, 7, 900)
                made.append(((await writer.keep(one, facts)).entry, one))
    vault.close()
    return made


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("by hand") / "vault"


@pytest.fixture(scope="module", autouse=True)
def kept(vault: Path) -> Kept:
    made = asyncio.run(filled(vault))
    sh(RECORDS, vault)
    return made


def test_the_digests_of_the_example() -> None:
    told = hashes(sh(DIGESTS, ROOT))
    assert told == list(json.loads((VECTORS / "ids.json").read_text())["mixer"].values())
    assert all(f"`{one}`" in DOCUMENT for one in told)
    example = DOCUMENT.split("```json\n")[1].split("```")[0]
    assert example == (VECTORS / "mixer.lines").read_text("utf-8")


@pytest.mark.parametrize("name", ["mixer", "everything", "empty"])
def test_canonical_is_what_jq_prints(name: str) -> None:
    command = DIGESTS.replace("mixer.lines", f"{name}.lines")
    assert hashes(sh(command, ROOT)) == list(
        json.loads((VECTORS / "ids.json").read_text())[name].values()
    )
    printed = sh(f"jq -c . {VECTORS / name}.lines", ROOT)
    assert printed == (VECTORS / f"{name}.lines").read_text("utf-8")


def test_a_pack_is_whole(vault: Path) -> None:
    packs = sorted((vault / "packs").iterdir())
    previous = ""
    for pack in packs:
        body, proof, whole = hashes(sh(WHOLE, vault, PACK=str(pack)))
        assert body == proof
        assert json.loads(pack.read_bytes().partition(b"\n")[0])["previous"] == previous
        previous = whole


def test_the_history_of_a_device(vault: Path, kept: Kept) -> None:
    told = [line.split("\t") for line in sh(HISTORY, vault, DEVICE="press").splitlines()]
    assert told == [
        [f"2026-11-{entry.number:02d}T00:00:00Z", entry.id, str(entry.items)]
        for entry, _ in kept
        if entry.device == "press"
    ]


def test_every_snapshot_rebuilds_to_its_id(vault: Path, kept: Kept) -> None:
    assert '"base":' in (vault / "records.jsonl").read_text()
    for entry, one in kept:
        told = hashes(sh(REBUILD, vault, DEVICE=entry.device, ID=entry.id))
        assert told == [entry.id]
        assert (vault / "snapshot.lines").read_bytes() == lines_of(one)
        value = one.by_path["large"].value
        assert isinstance(value, int)
        written = value if abs(value) < 2**53 else str(value)
        assert json.loads(sh(VALUE, vault, ITEM="large")) == written


def test_the_content_of_a_blob(vault: Path) -> None:
    for night in range(3):
        content = bytes([night]) * 5000
        assert hashes(sh(CONTENT, vault, BLOB=Blob.of(content).sha256)) == [
            hashlib.sha256(content).hexdigest()
        ]
        assert (vault / "content.bin").read_bytes() == content


def test_a_lost_marker_is_made_again(vault: Path, tmp_path: Path) -> None:
    shutil.copytree(vault, tmp_path / "vault")
    before = (tmp_path / "vault/vault.json").read_bytes()
    (tmp_path / "vault/vault.json").unlink()
    sh(MARKER, tmp_path / "vault")
    assert (tmp_path / "vault/vault.json").read_bytes() == before
    (tmp_path / "vault/index.sqlite").unlink()
    opened = Vault.open(tmp_path / "vault")
    assert (opened.devices(), opened.doubts) == (["mixer", "press"], [])
    opened.close()
