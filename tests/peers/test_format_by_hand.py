"""Every shell command of docs/format.md and recover-by-hand.md, run as it is printed."""

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
from goldcopy.vault import Entry, Facts, Reader, Vault
from goldcopy.vault.bundle import export

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/format.md").read_text("utf-8")
VECTORS = ROOT / "tests/vectors/format"
DIGESTS, MARKER, BUNDLED = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.S)
RECOVERY = (ROOT / "docs/recover-by-hand.md").read_text("utf-8")
ID, KEYRING, SIGNED, WHOLE, RECORDS, HISTORY, REBUILD, VALUE, CONTENT, NOTES = re.findall(
    r"```sh\n(.*?)```", RECOVERY, re.S
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


def block(night: int) -> bytes:
    """Grows by a byte, and one byte of it changes: the vault keeps pages of it."""
    return bytes(2000) + bytes([night % 3]) + bytes(3000 + night % 3)


def snapshot(device: str, night: int) -> Snapshot:
    """Awkward on purpose: what JSON writers disagree about, and changes of every kind."""
    items = [Item(f"db/{n:03d}", "parameter", "DINT", n * (n % 7 == night)) for n in range(60)]
    items += [
        Item("text/\uffff", "tag", "WSTRING", '\x00\x01\x08\t\n\x0b\x0c\r\x1f\x7f\x80"\\/\u2028'),
        Item("text/\U0001f3ed", "tag", "WSTRING", f"\U0001f600{night % 2}"),
        Item("large", "parameter", "LINT", -(2**53) + night, low=-(2**63), high=2**53 - 1),
        Item("safe", "parameter", "LINT", 2**53 - 1 - night),
        Item("real", "parameter", "LREAL", float(f"{night}e-7"), low=-0.0),
        Item("OB1", "block", "BYTES", block(night)),
    ]
    if night % 4 == 3:
        del items[night]
    gaps = [Gap("recipes\x7f", "refused")] if night % 3 == 2 else []
    return Snapshot.of(device, "s7", Identity(vendor="Acme", mode="RUN\x7f"), items, gaps)


Kept = list[tuple[Entry, Snapshot]]


async def filled(path: Path) -> Kept:
    made = []
    reader = Reader()
    reader.save(path.parent / "reader.key")
    vault = Vault.create(path, recipients=reader.recipients)
    for night in range(8):
        async with vault.writing() as writer:
            for device in ("mixer", "press"):
                one = snapshot(device, night)
                facts = Facts(datetime(2026, 11, night + 1, tzinfo=UTC), 1.5, 7, 900)
                made.append(((await writer.keep(one, facts)).entry, one))
            await writer.note("gold.proposal", "press", {"night": night})
    vault.close()
    return made


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("by hand") / "vault"


@pytest.fixture(scope="module", autouse=True)
def kept(vault: Path) -> Kept:
    made = asyncio.run(filled(vault))
    sh(RECORDS, vault, READER=str(vault.parent / "reader.key"))
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
        content = block(night)
        sha256 = Blob.of(content).sha256
        assert hashes(sh(CONTENT, vault, BLOB=sha256)) == [hashlib.sha256(content).hexdigest()]
        assert (vault / f"{sha256}.bin").read_bytes() == content
    assert '"pages":' in (vault / "records.jsonl").read_text()


def test_whose_vault_it_is_and_who_has_signed(vault: Path) -> None:
    marker = json.loads((vault / "vault.json").read_text())
    assert sh(ID, vault) == marker["vault"]
    said = sh(KEYRING, vault).splitlines()
    assert said[0] == "Signature Verified Successfully"
    for pack in sorted((vault / "packs").iterdir()):
        key, verified = sh(SIGNED, vault, PACK=str(pack)).splitlines()
        assert verified == "Signature Verified Successfully"
        assert said[1].startswith(f"{key} ")


def test_a_forged_pack_is_found_by_hand(vault: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.pack"
    original = (vault / "packs/00000001.pack").read_bytes()
    forged.write_bytes(original.replace(b'"seq":1,', b'"seq":2,', 1))
    with pytest.raises(AssertionError):
        sh(SIGNED, vault, PACK=str(forged))


def test_a_bundle_is_opened_and_proved(vault: Path, tmp_path: Path) -> None:
    opened = Vault.open(vault)
    bundle = export(opened, tmp_path / "all.bundle").path
    opened.close()
    assert "Signature Verified Successfully" in sh(BUNDLED, tmp_path, BUNDLE=str(bundle))
    for name in ("vault.json", "keyring/0001.json", "packs/00000001.pack"):
        assert (tmp_path / name).read_bytes() == (vault / name).read_bytes()


def test_what_people_have_said(vault: Path) -> None:
    told = [json.loads(line) for line in sh(NOTES, vault, DEVICE="press").splitlines()]
    assert [note["body"] for note in told] == [{"night": night} for night in range(8)]


def test_a_lost_marker_is_made_again(vault: Path, tmp_path: Path) -> None:
    shutil.copytree(vault, tmp_path / "vault")
    before = (tmp_path / "vault/vault.json").read_bytes()
    (tmp_path / "vault/vault.json").unlink()
    sh(MARKER, tmp_path / "vault")
    assert (tmp_path / "vault/vault.json").read_bytes() == before
    (tmp_path / "vault/index.sqlite").unlink()
    reader = Reader.load(vault.parent / "reader.key")
    opened = Vault.open(tmp_path / "vault", reader)
    assert (opened.devices(), opened.doubts) == (["mixer", "press"], [])
    opened.close()
