"""docs/format.md against the vault: its own reader, run as printed, sees what ours sees."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from goldcopy.snapshot import Blob, Gap, Identity, Item, Snapshot
from goldcopy.snapshot.whole import form
from goldcopy.vault import Facts, Vault

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests/vectors/format"
HISTORY: list[dict[str, Any]] = json.loads((VECTORS / "history.json").read_text())

Reader = dict[str, Callable[[Path], Any]]


@pytest.fixture(scope="module")
def reader() -> Reader:
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
    vault = Vault.open(tmp_path / "vault")
    yield vault
    vault.close()


def lines_of(snapshot: Snapshot) -> bytes:
    found = form(snapshot)
    return b"".join(line + b"\n" for line in [found.head, *found.items, *found.gaps])


def test_the_specifications_vault(old_vault: Vault, reader: Reader) -> None:
    assert old_vault.doubts == []
    entries = sorted(
        (entry for device in old_vault.devices() for entry in old_vault.log(device)),
        key=lambda entry: (entry.device, entry.number),
    )
    expected = sorted(HISTORY, key=lambda known: str(known["device"]))
    for entry, known in zip(entries, expected, strict=True):
        assert {name: getattr(entry, name) for name in known} == known
        assert old_vault.load(entry).id == known["id"]
        assert old_vault.load(entry).settings == known["settings"]
    told = [(record["device"], record["id"]) for record, _ in reader["snapshots"](old_vault.path)]
    assert told == [(known["device"], known["id"]) for known in HISTORY]
    everything = old_vault.load("every-thing")
    assert lines_of(everything) == (VECTORS / "everything.lines").read_bytes()
    assert everything.blobs[Blob.of(bytes(300)).sha256] == bytes(300)


def snapshot(device: str, night: int) -> Snapshot:
    items = [Item(f"db/{i:03d}", "parameter", "DINT", i * (i % 7 == night)) for i in range(50)]
    items += [Item("text\x7f/\U0001f600", "tag", "WSTRING", f"\x00\r\n\u2028{night % 2}")]
    items += [Item("OB1", "block", "BYTES", bytes([night % 3]) * 5000)]
    if night % 4 == 3:
        del items[night]
    gaps = [Gap("recipes", "refused")] if night % 5 == 2 else []
    return Snapshot.of(device, "s7", Identity(vendor="Acme"), items, gaps)


async def written(path: Path) -> tuple[Vault, list[Snapshot]]:
    vault = Vault.create(path)
    facts = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900, version="0.1.0")
    made = []
    for night in range(8):
        async with vault.writing(by="me@here") as writer:
            for device in ("one", "two"):
                made.append(snapshot(device, night if device == "one" else night // 2))
                await writer.keep(made[-1], facts)
    return vault, made


async def test_the_printed_reader_reads_what_we_write(tmp_path: Path, reader: Reader) -> None:
    vault, made = await written(tmp_path / "vault")
    vault.close()
    read = list(reader["snapshots"](tmp_path / "vault"))
    assert [lines for _, lines in read] == [lines_of(one) for one in made]
    assert [record["settings"] for record, _ in read] == [one.settings for one in made]
    wanted = {sha256: content for one in made for sha256, content in one.blobs.items()}
    assert reader["blobs"](tmp_path / "vault") == wanted
    records = list(reader["records"](tmp_path / "vault"))
    kinds = [record["record"] for record in records]
    assert kinds.count("blob") == len(wanted) == 3
    assert any("base" not in record for record in records if record["record"] == "snapshot")
    assert any("base" in record for record in records if record["record"] == "snapshot")


async def test_what_the_specification_says_of_the_files(tmp_path: Path) -> None:
    vault, _ = await written(tmp_path / "vault")
    vault.close()
    marker = json.loads((tmp_path / "vault/vault.json").read_text())
    assert list(marker) == ["format", "vault", "created"]
    previous = ""
    paths = sorted((tmp_path / "vault/packs").iterdir())
    assert [path.name for path in paths] == [f"{n + 1:08d}.pack" for n in range(len(paths))]
    for number, path in enumerate(paths, 1):
        line, _, body = path.read_bytes().partition(b"\n")
        header = json.loads(line)
        fields = "format vault writer seq previous time body frames seal signature"
        assert list(header) == fields.split()
        assert (header["vault"], header["writer"]) == (marker["vault"], "me@here")
        assert (header["seq"], header["previous"]) == (number, previous)
        assert (header["seal"], header["signature"]) == ("none", "")
        assert header["body"] == hashlib.sha256(body).hexdigest()
        assert sum(header["frames"]) == len(body)
        assert datetime.fromisoformat(header["time"]).tzinfo is not None
        assert path.stat().st_mode & 0o222 == 0
        previous = hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_record_of_a_later_version_is_passed_over(old_vault: Vault) -> None:
    from goldcopy.vault.pack import Builder
    from goldcopy.vault.records import meta

    assert meta(b'{"record":"gold","device":"mixer","scope":"all"}') is None
    seq, previous = old_vault.catalog.last()
    builder = Builder(seq + 1)
    builder.add(b'{"record":"gold","device":"mixer","scope":"all"}')
    builder.write(old_vault.path, old_vault.catalog.vault_id, "x", previous)
    assert len(old_vault.log("mixer")) == 5
    assert old_vault.doubts == []
    assert old_vault.catalog.last()[0] == seq + 1
