"""docs/format.md against the vault: its own reader, run as printed, sees what ours sees."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from goldcopy.snapshot import Blob, Gap, Identity, Item, Snapshot
from goldcopy.vault import Facts, Reader, SigningKey, Vault, rotation
from goldcopy.vault.pack import Builder
from goldcopy.vault.records import meta

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests/vectors/format"
HISTORY: list[dict[str, Any]] = json.loads((VECTORS / "history.json").read_text())

Printed = dict[str, Callable[..., Any]]
KEY = VECTORS / "reader.key"
IDENTITY = KEY.read_text().splitlines()[1]


@pytest.fixture(scope="module")
def printed() -> Printed:
    """The functions of the Python reader that the specification prints."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/format.md").read_text("utf-8"), re.S)
    assert len(blocks) == 1
    names: dict[str, Any] = {}
    exec(compile(blocks[0], "docs/format.md", "exec"), names)
    return names


@pytest.fixture
def old_vault(tmp_path: Path) -> Iterator[Vault]:
    """A vault as version 0.1.0 wrote it: it must be readable for ever."""
    shutil.copytree(VECTORS / "vault", tmp_path / "vault")
    vault = Vault.open(tmp_path / "vault", Reader.load(KEY))
    yield vault
    vault.close()


def lines_of(snapshot: Snapshot) -> bytes:
    found = snapshot.form
    return b"".join(line + b"\n" for line in [found.head, *found.items, *found.gaps])


def test_the_specifications_vault(old_vault: Vault, printed: Printed) -> None:
    assert old_vault.doubts == []
    entries = sorted(
        (entry for device in old_vault.devices() for entry in old_vault.log(device)),
        key=lambda entry: (entry.device, entry.number),
    )
    expected = sorted(HISTORY, key=lambda known: str(known["device"]))
    for entry, known in zip(entries, expected, strict=True):
        assert all(getattr(entry, name) == known[name] for name in known if name != "settings")
        assert old_vault.load(entry).id == known["id"]
        assert old_vault.load(entry).settings == known["settings"]
    told = [
        (record["device"], record["id"])
        for record, _ in printed["snapshots"](old_vault.path, IDENTITY)
    ]
    assert told == [(known["device"], known["id"]) for known in HISTORY]
    everything = old_vault.load("every-thing")
    assert lines_of(everything) == (VECTORS / "everything.lines").read_bytes()
    (note,) = old_vault.notes()
    assert (note.kind, note.device, note.body) == ("gold.proposal", "mixer", {"reason": "Süd"})
    assert everything.blobs[Blob.of(bytes(300)).sha256] == bytes(300)


def snapshot(device: str, night: int) -> Snapshot:
    items = [Item(f"db/{i:03d}", "parameter", "DINT", i * (i % 7 == night)) for i in range(50)]
    items += [Item("text\x7f/\U0001f600", "tag", "WSTRING", f"\x00\r\n\u2028{night % 2}")]
    items += [Item("OB1", "block", "BYTES", bytes(5000 + night % 3) + bytes([night % 3]))]
    if night % 4 == 3:
        del items[night]
    gaps = [Gap("recipes", "refused")] if night % 5 == 2 else []
    return Snapshot.of(device, "s7", Identity(vendor="Acme"), items, gaps)


async def written(path: Path, recipients: Sequence[str] = ()) -> tuple[Vault, list[Snapshot]]:
    vault = Vault.create(path, recipients=recipients)
    facts = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900, version="0.1.0")
    made = []
    for night in range(8):
        async with vault.writing(by="me@here") as writer:
            for device in ("one", "two"):
                made.append(snapshot(device, night if device == "one" else night // 2))
                await writer.keep(made[-1], facts)
    return vault, made


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "not sealed"])
async def test_the_printed_reader_reads_what_we_write(
    tmp_path: Path, printed: Printed, sealed: bool
) -> None:
    recipients = Reader.load(KEY).recipients if sealed else []
    vault, made = await written(tmp_path / "vault", recipients)
    vault.close()
    read = list(printed["snapshots"](tmp_path / "vault", IDENTITY))
    assert [lines for _, lines in read] == [lines_of(one) for one in made]
    before: dict[str, str] = {}
    for (record, _), one in zip(read, made, strict=True):
        assert record.get("unchanged", False) == (before.get(one.device) == one.settings)
        before[one.device] = one.settings
    wanted = {sha256: content for one in made for sha256, content in one.blobs.items()}
    assert printed["blobs"](tmp_path / "vault", IDENTITY) == wanted
    records = list(printed["records"](tmp_path / "vault", IDENTITY))
    assert any("pages" in record for record in records)
    kinds = [record["record"] for record in records]
    assert kinds.count("blob") == len(wanted) == 3
    assert any("base" not in record for record in records if record["record"] == "snapshot")
    assert any("base" in record for record in records if record["record"] == "snapshot")


async def test_the_printed_reader_heeds_the_keyring(tmp_path: Path, printed: Printed) -> None:
    path, owner = tmp_path / "vault", SigningKey()
    Vault.create(path, owner).close()
    rotation.rotate(path, owner)
    rotation.rotate(path, owner)
    assert [record["body"]["keyring"] for record in printed["records"](path)] == [2, 3]
    (path / "keyring/0003.json").unlink()
    with pytest.raises(AssertionError, match=r"00000002\.pack"):
        list(printed["records"](path))


async def test_what_the_specification_says_of_the_files(tmp_path: Path) -> None:
    vault, _ = await written(tmp_path / "vault")
    vault.close()
    marker = json.loads((tmp_path / "vault/vault.json").read_text())
    assert list(marker) == ["format", "vault", "owner", "created"]
    previous = ""
    paths = sorted((tmp_path / "vault/packs").iterdir())
    assert [path.name for path in paths] == [f"{n + 1:08d}.pack" for n in range(len(paths))]
    for number, path in enumerate(paths, 1):
        line, _, body = path.read_bytes().partition(b"\n")
        header = json.loads(line)
        fields = "format vault writer key keyring seq previous time body frames seal signature"
        assert list(header) == fields.split()
        assert (header["vault"], header["writer"]) == (marker["vault"], "me@here")
        assert (header["seq"], header["previous"]) == (number, previous)
        assert header["seal"] == "none"
        assert header["body"] == hashlib.sha256(body).hexdigest()
        assert sum(header["frames"]) == len(body)
        assert datetime.fromisoformat(header["time"]).tzinfo is not None
        assert path.stat().st_mode & 0o222 == 0
        previous = hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_record_of_a_later_version_is_passed_over(tmp_path: Path) -> None:
    vault, made = await written(tmp_path / "vault")
    later = b'{"record":"later","device":"one","scope":"all"}'
    assert meta(later) is None
    seq, previous = vault.head()
    builder = Builder(seq + 1, vault.catalog.trust)
    builder.add(later)
    key = SigningKey.load(vault.path / "collector/writer.key")
    builder.write(vault.path, key, "x", previous)
    assert len(vault.log("one")) == len(made) / 2
    assert vault.doubts == []
    assert vault.head()[0] == seq + 1
    vault.close()
