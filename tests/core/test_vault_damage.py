"""Damaged, missing, strange and replaced files: named when needed; the rest still reads."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goldcopy.errors import VaultDamaged
from goldcopy.snapshot import Blob, Identity, Item, Snapshot
from goldcopy.vault import Entry, Facts, SigningKey, Vault
from goldcopy.vault.pack import Builder, read_pack

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)


def snapshot(device: str, value: int) -> Snapshot:
    items = [Item(f"db/{n:02d}", "tag", "DINT", n * value if n < 2 else n) for n in range(40)]
    items.append(Item("OB1", "block", "BYTES", device.encode() * 200))
    return Snapshot.of(device, "s7", Identity(), items)


async def fill(path: Path) -> list[Entry]:
    """Pack 1: mixer. Pack 2: press. Pack 3: mixer, changed. Pack 4: press, changed."""
    vault = Vault.create(path)
    entries = []
    async with vault.writing() as writer:
        for device, value in [("mixer", 1), ("press", 1), ("mixer", 2), ("press", 2)]:
            entries.append((await writer.keep(snapshot(device, value), FACTS)).entry)
    assert [row.depth for row in vault.catalog.read(lambda i: i.history("press"))] == [1, 0]
    vault.close()
    return entries


def pack(path: Path, seq: int) -> Path:
    return path / f"packs/{seq:08d}.pack"


def flip(file: Path, at: int, bit: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.chmod(0o644)
    file.write_bytes(data)


def forget_index(path: Path) -> None:
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (path / name).unlink(missing_ok=True)


def truncate(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-20])


def empty(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(b"")


def overwrite(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(b"not a pack\n" * 100)


def become_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


HARM: list[Callable[[Path], None]] = [
    lambda file: flip(file, file.stat().st_size - 30),
    truncate,
    empty,
    overwrite,
    Path.unlink,
    become_a_folder,
]
NAMES = ["flipped", "truncated", "empty", "overwritten", "removed", "folder"]


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "reindexed"])
@pytest.mark.parametrize("harm", HARM, ids=NAMES)
async def test_a_harmed_pack_is_named_and_the_rest_still_reads(
    tmp_path: Path, harm: Callable[[Path], None], indexed: bool
) -> None:
    path = tmp_path / "vault"
    mixer, press, mixer2, press2 = await fill(path)
    harm(pack(path, 1))
    if not indexed:
        forget_index(path)
    vault = Vault.open(path)
    assert vault.load(press).id == press.id
    assert vault.load(press2).id == press2.id
    assert dict(vault.load("press").blobs) == dict(snapshot("press", 1).blobs)
    assert vault.resolve("press~1") == press
    for entry in (mixer, mixer2):
        with pytest.raises(VaultDamaged) as damaged:
            vault.load(entry)
        if indexed or entry is mixer2:
            assert "00000001.pack" in str(damaged.value)
        assert "\n" not in str(damaged.value)
    for ask in (lambda: vault.blame("mixer", "db/01"), lambda: vault.blob(blob("mixer"))):
        with pytest.raises(VaultDamaged, match="00000001"):
            ask()
    if not indexed or harm is Path.unlink:
        assert any("00000001.pack" in doubt for doubt in vault.doubts)
    vault.close()


def blob(device: str) -> str:
    return Blob.of(device.encode() * 200).sha256


@pytest.mark.parametrize("harm", HARM, ids=NAMES)
async def test_the_last_pack_is_looked_at_when_the_vault_is_opened(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = tmp_path / "vault"
    entries = await fill(path)
    harm(pack(path, 4))
    vault = Vault.open(path)
    assert any("00000004.pack" in doubt for doubt in vault.doubts)
    assert vault.load("mixer").id == entries[2].id
    assert vault.load("press~1").id == entries[1].id
    with pytest.raises(VaultDamaged, match=r"00000004\.pack"):
        vault.load("press")
    vault.close()


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "reindexed"])
@pytest.mark.parametrize("seq", [1, 3, 4])
@pytest.mark.parametrize("harm", HARM[:-1], ids=NAMES[:-1])
async def test_a_run_on_a_harmed_vault_still_keeps_and_mends_what_it_can(
    tmp_path: Path, harm: Callable[[Path], None], seq: int, indexed: bool
) -> None:
    path = tmp_path / "vault"
    await fill(path)
    original = pack(path, seq).read_bytes()
    harm(pack(path, seq))
    if not indexed:
        forget_index(path)
    new = {device: snapshot(device, 9) for device in ("mixer", "press")}
    again = Vault.open(path)
    async with again.writing() as writer:
        for device in new:
            writer.latest(device)  # None, or a snapshot; never an error that would stop the pull
            await writer.keep(new[device], FACTS)
            await writer.keep(new[device], FACTS)
    lost_unnoticed = seq == 4 and harm is Path.unlink and not indexed  # nothing points to it
    assert bool(again.doubts) is not lost_unnoticed
    again.close()
    vault = Vault.open(path)
    for device, one in new.items():
        assert vault.load(device).id == vault.load(f"{device}~1").id == one.id
        assert dict(vault.load(device).blobs) == dict(one.blobs)
    vault.close()
    # A good copy comes back: all is well, and the whole history is there.
    if indexed and not (seq == 4 and harm is Path.unlink):
        shutil.rmtree(pack(path, seq), ignore_errors=True)
        pack(path, seq).unlink(missing_ok=True)
        pack(path, seq).write_bytes(original)
        forget_index(path)
        vault = Vault.open(path)
        for device in new:
            assert [vault.load(entry).id for entry in vault.log(device)] == [
                new[device].id,
                new[device].id,
                snapshot(device, 2).id,
                snapshot(device, 1).id,
            ]
        vault.close()


async def test_a_mended_pack_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    entries = await fill(path)
    original = pack(path, 1).read_bytes()
    empty(pack(path, 1))
    forget_index(path)
    vault = Vault.open(path)
    assert vault.doubts
    vault.close()
    pack(path, 1).write_bytes(original)
    vault = Vault.open(path)
    assert vault.doubts == []
    assert vault.log("mixer") == [entries[2], entries[0]]
    assert vault.load("mixer~1").id == entries[0].id
    vault.close()


async def test_a_missing_pack_that_comes_back_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    entries = await fill(path)
    shutil.move(pack(path, 2), tmp_path / "aside")
    forget_index(path)
    vault = Vault.open(path)
    assert vault.doubts == [f"{pack(path, 2)} is missing: put back a good copy"]
    assert [entry.number for entry in vault.log("press")] == [1]
    shutil.move(tmp_path / "aside", pack(path, 2))
    vault.close()
    vault = Vault.open(path)
    assert (vault.doubts, vault.log("press")) == ([], [entries[3], entries[1]])
    vault.close()


async def test_several_missing_packs_are_one_doubt(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    await fill(path)
    pack(path, 2).unlink()
    pack(path, 3).unlink()
    vault = Vault.open(path)
    said = f"{pack(path, 2)} to 00000003.pack are missing: put back a good copy"
    assert vault.doubts == [said]
    vault.close()


async def test_strange_files_are_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    entries = await fill(path)
    await fill(tmp_path / "other")
    shutil.copy(pack(tmp_path / "other", 1), pack(path, 500))  # of another vault
    shutil.copy(pack(path, 1), pack(path, 99999999))  # under another number
    (path / "packs/notes.txt").write_text("hello")
    for indexed in (True, False):
        if not indexed:
            forget_index(path)
        vault = Vault.open(path)
        assert vault.doubts == [
            f"{path / 'packs' / name} is no part of this vault: move it away"
            for name in ("notes.txt", "00000500.pack", "99999999.pack")
        ]
        assert vault.log("mixer") == [entries[2], entries[0]]
        vault.close()
    vault = Vault.open(path)
    async with vault.writing() as writer:
        await writer.keep(snapshot("oven", 1), FACTS)
    assert pack(path, 5).exists()
    for stranger in (pack(path, 500), pack(path, 99999999), path / "packs/notes.txt"):
        stranger.unlink()
    vault.catalog.refresh()
    assert vault.doubts == []
    vault.close()


async def test_a_pack_of_another_vault_in_the_place_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    await fill(path)
    await fill(tmp_path / "other")
    pack(path, 3).unlink()
    shutil.copy(pack(tmp_path / "other", 3), pack(path, 3))
    forget_index(path)
    vault = Vault.open(path)
    assert any("00000003.pack is missing" in doubt for doubt in vault.doubts)
    assert len(vault.log("mixer")) == 1
    vault.close()


async def test_another_history_in_the_place_of_ours(tmp_path: Path) -> None:
    """A pack that is whole, but is not the one that the next one follows."""
    path = tmp_path / "vault"
    await fill(path)
    shutil.copytree(path, tmp_path / "fork")
    pack(tmp_path / "fork", 4).unlink()
    pack(tmp_path / "fork", 3).unlink()
    forget_index(tmp_path / "fork")
    fork = Vault.open(tmp_path / "fork")
    async with fork.writing() as writer:
        await writer.keep(snapshot("mixer", 7), FACTS)
    fork.close()
    pack(path, 3).unlink()
    shutil.copy(pack(tmp_path / "fork", 3), pack(path, 3))
    forget_index(path)
    vault = Vault.open(path)
    assert len(vault.doubts) == 1
    assert "00000004.pack is damaged: it does not follow the pack before" in vault.doubts[0]
    vault.close()


async def test_what_is_appended_to_a_pack_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    entries = await fill(path)
    pack(path, 4).chmod(0o644)
    with pack(path, 4).open("ab") as file:
        file.write(b"more")
    forget_index(path)
    vault = Vault.open(path)
    assert "00000004.pack is damaged: its content is not what its header says" in vault.doubts[0]
    assert vault.load("press").id == entries[3].id  # which is proved by its id
    vault.close()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"value":39}', b'"value":93}'),  # an item
        (b'{"path":"db/39","kind":"tag","type":"DINT","value":39}', b"5"),  # no item
        (b'"driver":"s7"', b'"driver":"s8"'),  # the head
        (b'"set":[', b'"set":[{"path":"a","kind":"tag","type":"INT","value":1},'),
        (b'"head":{"format":"goldcopy/1"', b'"head":{"format":"goldcopy/9"'),
        (b'"items":41', b'"items":"x"'),  # no record
    ],
)
async def test_a_whole_pack_that_lies_about_a_snapshot(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    """All hashes of the file fit, but the snapshot does not rebuild to its id."""
    path = tmp_path / "vault"
    await fill(tmp_path / "honest")
    honest = Vault.open(tmp_path / "honest")
    vault = Vault.create(path)
    builder = Builder(1, vault.catalog.trust)
    for _, line in read_pack(honest.path, honest.catalog.trust, 1).records:
        builder.add(line.replace(old, new) if b'"record":"snapshot"' in line else line)
    builder.write(path, SigningKey.load(path / "collector/writer.key"), "x@y", "")
    with pytest.raises(VaultDamaged, match=r"00000001\.pack|no snapshot of mixer"):
        vault.load("mixer")
    vault.close()


async def test_every_flipped_byte_of_a_pack_is_found(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    entries = await fill(path)
    file = pack(path, 2)
    original = file.read_bytes()
    chance = random.Random(1)
    in_header = original.index(b"\n") + 1
    spots = [*range(in_header), *chance.sample(range(in_header, len(original)), 120)]
    for at in spots:
        flip(file, at, chance.randrange(8))
        forget_index(path)
        vault = Vault.open(path)
        assert vault.doubts, at
        # What can still be loaded is right.
        for entry in (entries[1], entries[3]):
            try:
                assert vault.load(entry).id == entry.id
            except VaultDamaged:
                continue
        assert vault.load(entries[2]).id == entries[2].id
        vault.close()
        file.write_bytes(original)
