"""Keys that come and go: what counts, what can be opened, what is found when they are put back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.core.dying_os import DyingOs, Killed

from goldcopy.errors import VaultDamaged, VaultSealed, VaultUnavailable, Wrong
from goldcopy.inventory import InFolder
from goldcopy.replica.opening import openings
from goldcopy.replica.sync import sync
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import Facts, Reader, SigningKey, Vault, folder, keyring, rotation
from goldcopy.vault.pack import Builder
from goldcopy.vault.verify import verify

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)
KEY = "collector/writer.key"


def snapshot(value: int) -> Snapshot:
    items = [Item("a", "tag", "DINT", value), Item("b", "block", "BYTES", bytes([value]) * 300)]
    return Snapshot.of("mixer", "s7", Identity(), items)


async def keep(path: Path, *values: int, reader: Reader | None = None) -> None:
    vault = Vault.open(path, reader)
    async with vault.writing() as writer:
        for value in values:
            await writer.keep(snapshot(value), FACTS)
    vault.close()


def findings(path: Path, reader: Reader | None = None) -> tuple[str, ...]:
    vault = Vault.open(path, reader)
    try:
        return verify(vault, "full" if reader else "quick").findings
    finally:
        vault.close()


def history(path: Path, reader: Reader) -> list[str]:
    """Ids, oldest first, each rebuilt; the vault has no doubts."""
    vault = Vault.open(path, reader)
    try:
        assert vault.doubts == []
        entries = vault.log("mixer")[::-1]
        loaded = [vault.load(entry) for entry in entries]
        assert all(dict(one.blobs) for one in loaded)
        return [one.id for one in loaded]
    finally:
        vault.close()


def ids(*values: int) -> list[str]:
    return [snapshot(value).id for value in values]


def pack(path: Path, seq: int) -> Path:
    return path / f"packs/{seq:08d}.pack"


def header(path: Path, seq: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pack(path, seq).read_bytes().partition(b"\n")[0])
    return found


class Plant:
    """A sealed vault with two packs, its owner's key and its reader."""

    def __init__(self, root: Path) -> None:
        self.path = root / "vault"
        self.owner, self.reader = SigningKey(), Reader()
        Vault.create(self.path, self.owner, self.reader.recipients).close()

    @property
    def ring(self) -> keyring.Keyring:
        return keyring.read(self.path, self.owner.public)[0]


@pytest.fixture
async def plant(tmp_path: Path) -> Plant:
    made = Plant(tmp_path)
    await keep(made.path, 1, 2)
    return made


def lose_index(path: Path) -> None:
    for name in ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm"):
        (path / name).unlink(missing_ok=True)


async def test_a_lost_collector_key(plant: Plant) -> None:
    (plant.path / KEY).unlink()
    with pytest.raises(Wrong, match="goldcopy vault admit"):
        await keep(plant.path, 3)
    changed = rotation.admit(plant.path, plant.owner, "new@host")
    assert changed.noted
    assert changed.head[0] == 3  # the note of the change
    assert [(w.name, w.since, w.until) for w in plant.ring.writers][1:] == [("new@host", 3, 0)]
    assert plant.ring.writers[0].until == 2
    assert (plant.path / KEY).stat().st_mode & 0o077 == 0
    await keep(plant.path, 3)
    assert history(plant.path, plant.reader) == ids(1, 2, 3)
    assert [header(plant.path, seq)["keyring"] for seq in (1, 2, 3, 4)] == [1, 1, 2, 2]
    assert findings(plant.path, plant.reader) == ()
    vault = Vault.open(plant.path, plant.reader)
    (note,) = vault.notes(rotation.NOTE)
    assert (note.body["keyring"], note.body["change"]) == (2, "admit")
    vault.close()


async def test_a_new_machine_with_what_a_replica_has(plant: Plant, tmp_path: Path) -> None:
    """Everything but one replica is lost: all records come back, and it goes on."""
    place = openings([InFolder("nas", tmp_path / "nas", 30.0)], plant.ring.vault)
    (tmp_path / "nas").mkdir()
    (synced,) = await sync(plant.path, place)
    assert synced.trouble is None
    source = next(path.parent for path in (tmp_path / "nas").rglob("vault.json"))
    shutil.copytree(source, tmp_path / "new")
    shutil.rmtree(plant.path)
    new = tmp_path / "new"
    assert history(new, plant.reader) == ids(1, 2)
    vault = Vault.open(new, plant.reader)
    vault.reindex()
    assert [entry.id for entry in vault.log("mixer")] == ids(2, 1)
    assert dict(vault.load("mixer").blobs) == dict(snapshot(2).blobs)
    vault.close()
    with pytest.raises(Wrong, match="it is for reading: goldcopy vault admit"):
        await keep(new, 3)
    rotation.admit(new, plant.owner, "new@host")
    await keep(new, 3)
    assert history(new, plant.reader) == ids(1, 2, 3)


async def test_packs_of_an_old_writer_do_not_count(plant: Plant, tmp_path: Path) -> None:
    thief = tmp_path / "thief"
    shutil.copytree(plant.path, thief)
    rotation.rotate(plant.path, plant.owner)
    await keep(thief, 7)  # it does not know that it was retired
    stolen = pack(thief, 3).read_bytes()
    pack(plant.path, 3).unlink()
    pack(plant.path, 3).write_bytes(stolen)
    lose_index(plant.path)
    vault = Vault.open(plant.path, plant.reader)
    assert "is not one whose packs count at this number" in vault.doubts[0]
    assert [entry.id for entry in vault.log("mixer")] == ids(2, 1)
    assert any("not one whose packs count" in one for one in verify(vault).findings)
    vault.close()


async def test_a_key_is_rotated_under_its_name(plant: Plant) -> None:
    before = (plant.path / KEY).read_bytes()
    name = plant.ring.writers[0].name
    digests = (plant.path / "collector/digests.key").read_bytes()
    for number in (2, 3):
        rotation.rotate(plant.path, plant.owner)
        assert plant.ring.number == number
    assert (plant.path / KEY).read_bytes() != before
    assert (plant.path / "collector/digests.key").read_bytes() == digests
    assert [(w.name, w.since, w.until) for w in plant.ring.writers] == [
        (name, 1, 2),
        (name, 3, 3),
        (name, 4, 0),
    ]
    await keep(plant.path, 2, 3)
    assert history(plant.path, plant.reader) == ids(1, 2, 2, 3)
    assert findings(plant.path, plant.reader) == ()


async def test_who_never_wrote_is_not_in_the_keyring(tmp_path: Path) -> None:
    path, owner = tmp_path / "vault", SigningKey()
    Vault.create(path, owner).close()
    first = keyring.read(path, owner.public)[0].writers[0]
    (writer,) = rotation.rotate(path, owner).ring.writers
    assert writer.key != first.key
    assert (writer.since, writer.until) == (1, 0)
    await keep(path, 1)
    assert findings(path) == ()


async def test_a_retired_collector_writes_no_more(plant: Plant) -> None:
    changed = rotation.retire(plant.path, plant.owner)
    assert (changed.noted, changed.head[0], changed.ring.number) == (False, 2, 2)
    with pytest.raises(Wrong, match="no longer a key whose packs count"):
        await keep(plant.path, 3)
    with pytest.raises(Wrong, match="there is none to retire"):
        rotation.retire(plant.path, plant.owner)
    assert findings(plant.path) == ()
    rotation.admit(plant.path, plant.owner)
    await keep(plant.path, 3)
    assert history(plant.path, plant.reader) == ids(1, 2, 3)


async def test_a_recipient_is_added(plant: Plant) -> None:
    other = Reader()
    changed = rotation.recipients(plant.path, plant.owner, add=other.recipients)
    assert changed.ring.recipients == (*plant.reader.recipients, *other.recipients)
    assert changed.noted
    await keep(plant.path, 2, 3, 4)
    assert history(plant.path, plant.reader) == ids(1, 2, 2, 3, 4)
    assert findings(plant.path, plant.reader) == ()
    lose_index(plant.path)
    vault = Vault.open(plant.path, other)  # what is old stays sealed to the old
    assert vault.sealed
    with pytest.raises(VaultSealed):
        verify(vault)
    assert [note.body["added"] for note in vault.notes(rotation.NOTE)] == [other.recipients]
    assert [entry.id for entry in vault.log("mixer")] == ids(4, 3, 2)  # kept whole, content too
    for value, entry in zip((4, 3, 2), vault.log("mixer"), strict=True):
        assert dict(vault.load(entry).blobs) == dict(snapshot(value).blobs)
    vault.close()


async def test_a_removed_recipient_opens_no_new_packs(plant: Plant) -> None:
    new = Reader()
    rotation.recipients(plant.path, plant.owner, new.recipients, plant.reader.recipients)
    await keep(plant.path, 3)
    vault = Vault.open(plant.path, plant.reader)
    assert [entry.id for entry in vault.log("mixer")] == ids(3, 2, 1)  # the collector knows ids
    assert vault.load("mixer~1").id == ids(2)[0]
    with pytest.raises(VaultSealed):
        vault.load("mixer")
    vault.close()
    lose_index(plant.path)
    vault = Vault.open(plant.path, plant.reader)
    assert [entry.id for entry in vault.log("mixer")] == ids(2, 1)
    vault.close()
    lose_index(plant.path)
    Vault.open(plant.path).close()  # all is sealed to whoever has no identity
    vault = Vault.open(plant.path, new)
    assert dict(vault.load("mixer").blobs) == dict(snapshot(3).blobs)
    assert len(vault.log("mixer")) == 1
    vault.close()


def test_what_recipients_cannot_be(plant: Plant) -> None:
    mine, other = plant.reader.recipients[0], Reader().recipients[0]
    for add, remove, said in [
        ([mine], [], "is a recipient already"),
        ([], [other], "is no recipient: there are age1"),
        ([], [mine], "no recipient would be left"),
        ([], [], "name whom to add"),
        (["age1nonsense"], [], "is no public key of age"),
    ]:
        with pytest.raises(Wrong, match=said):
            rotation.recipients(plant.path, plant.owner, add, remove)
    assert plant.ring.number == 1


async def test_a_vault_that_was_not_sealed_becomes_so(tmp_path: Path) -> None:
    owner, reader = SigningKey(), Reader()
    Vault.create(tmp_path / "vault", owner).close()
    await keep(tmp_path / "vault", 1)
    rotation.recipients(tmp_path / "vault", owner, add=reader.recipients)
    await keep(tmp_path / "vault", 2)
    assert header(tmp_path / "vault", 1)["seal"] == "none"
    assert header(tmp_path / "vault", 3)["seal"] == "age"
    assert history(tmp_path / "vault", reader) == ids(1, 2)
    assert findings(tmp_path / "vault", reader) == ()


CHANGES: list[Callable[[Path, SigningKey], object]] = [
    rotation.admit,
    rotation.rotate,
    rotation.retire,
    lambda path, owner: rotation.recipients(path, owner, add=Reader().recipients),
]


@pytest.mark.parametrize("change", CHANGES)
async def test_only_the_owner_and_only_when_nobody_writes(
    plant: Plant, change: Callable[[Path, SigningKey], object]
) -> None:
    with pytest.raises(Wrong, match="not the key of the owner"):
        change(plant.path, SigningKey())
    vault = Vault.open(plant.path)
    async with vault.writing(by="anna@night"):
        with pytest.raises(VaultUnavailable, match="anna@night"):
            change(plant.path, plant.owner)
    vault.close()
    assert plant.ring.number == 1
    assert sorted(p.name for p in (plant.path / "keyring").iterdir()) == ["0001.json"]


async def test_an_open_vault_heeds_a_new_keyring(plant: Plant) -> None:
    """A process that runs for weeks seals to the new recipients, and signs with the new key."""
    vault = Vault.open(plant.path, plant.reader)
    new = Reader()
    rotation.recipients(plant.path, plant.owner, new.recipients, plant.reader.recipients)
    rotation.rotate(plant.path, plant.owner)
    async with vault.writing() as writer:
        await writer.keep(snapshot(3), FACTS)
    vault.close()
    assert header(plant.path, 5)["keyring"] == 3
    both = plant.path.parent / "both.key"  # a file may hold several identities
    plant.reader.save(plant.path.parent / "old.key")
    new.save(plant.path.parent / "new.key")
    both.write_text("".join((plant.path.parent / f"{n}.key").read_text() for n in ("old", "new")))
    assert history(plant.path, Reader.load(both)) == ids(1, 2, 3)
    vault = Vault.open(plant.path, plant.reader)
    with pytest.raises(VaultSealed):
        verify(vault)
    vault.close()


@pytest.mark.parametrize("change", [CHANGES[0], CHANGES[1], CHANGES[3]])
async def test_a_keyring_that_was_put_back_is_found(
    plant: Plant, change: Callable[[Path, SigningKey], object]
) -> None:
    change(plant.path, plant.owner)
    newest = plant.path / "keyring/0002.json"
    content = newest.read_bytes()
    newest.unlink()
    said = "was written under keyring 2, and the vault has only 1"
    (found,) = findings(plant.path)
    assert said in found
    vault = Vault.open(plant.path, plant.reader)
    assert said in vault.doubts[0]
    vault.close()
    with pytest.raises(VaultDamaged, match=r"put back .*0002\.json"):
        rotation.admit(plant.path, plant.owner)
    with pytest.raises(VaultDamaged, match=r"put back .*0002\.json"):
        await keep(plant.path, 3)
    lose_index(plant.path)
    Vault.open(plant.path, plant.reader).close()  # indexed without it
    newest.write_bytes(content)
    assert findings(plant.path, plant.reader) == ()
    await keep(plant.path, 3)
    assert history(plant.path, plant.reader) == ids(1, 2, 3)
    vault = Vault.open(plant.path, plant.reader)
    assert len(vault.notes(rotation.NOTE)) == 1
    vault.close()


async def test_a_pack_under_an_older_keyring_than_the_one_before_is_found(plant: Plant) -> None:
    """Who has the writer's key and puts the keyring back gets a pack that tells."""
    vault = Vault.open(plant.path)
    old = vault.catalog.trust
    vault.close()
    rotation.recipients(plant.path, plant.owner, add=Reader().recipients)
    vault = Vault.open(plant.path)
    seq, previous = vault.head()
    builder = Builder(seq + 1, old)
    builder.add(b'{"record":"x"}')
    builder.write(plant.path, SigningKey.load(plant.path / KEY), "x@y", previous)
    vault.close()
    (found,) = findings(plant.path)
    assert "00000004.pack was written under keyring 1, and the pack before it under 2" in found


async def test_an_admission_killed_at_any_step_is_finished_by_another(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(1, 200):
        path = tmp_path / f"copy{at}"
        shutil.copytree(plant.path, path)
        dying = DyingOs(at)
        for module in (folder, rotation):
            monkeypatch.setattr(module, "os", dying)
        try:
            rotation.admit(path, plant.owner, "new@host")
            finished = True
        except Killed:
            finished = False
        finally:
            monkeypatch.undo()
        Vault.open(path).close()
        if not finished:
            rotation.admit(path, plant.owner, "new@host")
        await keep(path, 3)
        assert history(path, plant.reader) == ids(1, 2, 3)
        assert findings(path, plant.reader) == ()
        assert sorted(p.name for p in (path / "collector").iterdir()) == [
            "digests.key",
            "writer.key",
        ]
        if finished:
            break
    assert at > 30
