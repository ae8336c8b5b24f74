"""Bundles: any order, any interruption, any tampering; the same vault in the end, or none."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import errno
import os
import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.dying_os import DyingOs, Killed
from tests.core.replica_vault import VaultOfPacks, tree
from tests.core.test_vault_disk import FaultyOs

from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable, Wrong
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.vault import (
    Facts,
    Reader,
    SigningKey,
    Vault,
    bundle,
    folder,
    keyring,
    rotation,
    waiting,
)
from goldcopy.vault.bundle import export, prove
from goldcopy.vault.lock import Lock
from goldcopy.vault.merge import import_
from goldcopy.vault.verify import verify

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)
SECRET = "the-value-of-a-setting"


def snapshot(value: int) -> Snapshot:
    items = [
        Item("a", "tag", "STRING", f"{SECRET}{value}"),
        Item("b", "block", "BYTES", bytes(600)),
    ]
    return Snapshot.of("mixer", "s7", Identity(), items)


async def keep(path: Path, value: int) -> None:
    vault = Vault.open(path)
    async with vault.writing() as writer:
        await writer.keep(snapshot(value), FACTS)
    vault.close()


def exported(path: Path, target: Path, since: int = 0) -> Path:
    vault = Vault.open(path)
    try:
        return export(vault, target, since).path
    finally:
        vault.close()


def wanted(path: Path) -> dict[str, bytes]:
    """The files that are the vault; what was being written has no meaning."""
    return {
        name: data
        for name, data in tree(path).items()
        if (name == "vault.json" or name.startswith(("keyring/", "packs/")))
        and not name.endswith(".tmp")
    }


class Site:
    """A sealed vault whose keys change on the way, and a bundle for every span that there was."""

    def __init__(self, root: Path) -> None:
        self.root, self.path = root, root / "vault"
        self.owner, self.reader = SigningKey(), Reader()
        self.bundles: dict[tuple[int, int], Path] = {}

    async def live(self) -> None:
        Vault.create(self.path, self.owner, self.reader.recipients).close()
        (self.root / "out").mkdir()
        for value in range(4):
            await keep(self.path, value)
            self._export()
        rotation.rotate(self.path, self.owner)
        self._export()
        rotation.recipients(self.path, self.owner, add=Reader().recipients)
        self._export()
        await keep(self.path, 9)
        self._export()

    def _export(self) -> None:
        vault = Vault.open(self.path)
        head, _ = vault.head()
        for since in range(head):
            self.bundles[since + 1, head] = export(vault, self.root / "out", since).path
        vault.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"))
    asyncio.run(made.live())
    return made


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def test_a_vault_crosses_a_gap(site: Site, there: Path) -> None:
    receipt = import_(site.bundles[1, 7], there)
    vault = Vault.open(site.path)
    assert (receipt.vault, receipt.first, receipt.last) == (vault.id, 1, 7)
    assert (receipt.before, receipt.after) == ((0, ""), vault.head())
    assert (list(receipt.new), receipt.there) == (
        [
            *(f"keyring/000{n}.json" for n in (1, 2, 3)),
            "vault.json",
            *(f"packs/0000000{n}.pack" for n in range(1, 8)),
        ],
        0,
    )
    assert (receipt.waiting, receipt.missing, receipt.trouble) == ((), None, ())
    vault.close()
    assert wanted(there) == wanted(site.path)
    assert {name for name in tree(there)} - set(wanted(there)) == {"writer.lock"}
    copy = Vault.open(there, site.reader)
    assert [entry.id for entry in copy.log("mixer")] == [
        snapshot(value).id for value in (9, 3, 2, 1, 0)
    ]
    assert all(copy.load(entry).id == entry.id for entry in copy.log("mixer"))
    assert verify(copy).findings == ()
    copy.close()


async def test_a_copy_is_for_reading(site: Site, there: Path) -> None:
    import_(site.bundles[1, 7], there)
    with pytest.raises(Wrong, match="it is for reading"):
        await keep(there, 1)
    with pytest.raises(Wrong, match="it is for reading"):
        exported(there, site.root)


def test_nothing_secret_is_in_a_bundle(site: Site) -> None:
    data = site.bundles[1, 7].read_bytes()
    assert SECRET.encode() not in data
    for secret in (site.path / "collector").iterdir():
        assert secret.read_bytes() not in data
    names = [file.name for file in prove(site.bundles[1, 7]).manifest.files]
    assert set(names) == set(wanted(site.path))


def model(spans: list[tuple[int, int]]) -> tuple[int, set[tuple[int, int]]]:
    """The last pack that is there when these bundles have come in this order; those that wait."""
    end, waiting = 0, set()
    for first, last in spans:
        waiting.add((first, last))
        while due := {span for span in waiting if span[0] <= end + 1}:
            end = max(end, *(last for _, last in due))
            waiting -= due
    return end, waiting


SPANS = [(first, last) for last in range(1, 8) for first in range(1, last + 1)]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(SPANS), min_size=1, max_size=8))
def test_in_any_order(
    site: Site, tmp_path_factory: pytest.TempPathFactory, spans: list[tuple[int, int]]
) -> None:
    there = tmp_path_factory.mktemp("any") / "there"
    source = wanted(site.path)
    for count, span in enumerate(spans, 1):
        before = wanted(there)
        receipt = import_(site.bundles[span], there)
        end, waiting = model(spans[:count])
        assert (receipt.after[0], set(receipt.waiting)) == (end, waiting)
        assert len(receipt.waiting) == len(waiting)
        if waiting:
            assert receipt.missing == (end + 1, min(waiting)[0] - 1)
        else:
            assert receipt.missing is None
        now = wanted(there)
        assert now.items() <= source.items()
        assert set(now) - set(before) == set(receipt.new)
        assert before.items() <= now.items()
        assert {name for name in now if name.startswith("packs/")} == {
            f"packs/{seq:08d}.pack" for seq in range(1, end + 1)
        }
        again = import_(site.bundles[span], there)  # idempotent
        assert (again.new, again.after, set(again.waiting)) == ((), receipt.after, waiting)
        assert wanted(there) == now
        vault = Vault.open(there)
        assert (vault.doubts, vault.head()) == ([], receipt.after)
        vault.close()
    import_(site.bundles[1, 7], there)
    assert wanted(there) == source
    assert list((there / "waiting").iterdir() if (there / "waiting").exists() else ()) == []


def steps_until_done(tmp_path: Path, bundle: Path, prepared: Path | None) -> Iterator[Path]:
    """A folder for each step at which an import can be killed; the last one was not."""
    for at in range(1, 400):
        there = tmp_path / f"there{at}"
        if prepared is not None:
            shutil.copytree(prepared, there)
        with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Killed):
            patch.setattr(folder, "os", dying := DyingOs(at))
            import_(bundle, there)
        yield there
        if dying.left > 0:
            assert at > 20
            return
    raise AssertionError


@pytest.mark.parametrize(
    ("before", "span", "end"),
    [
        (None, (1, 2), 2),
        ((1, 3), (2, 7), 7),
        (None, (3, 5), 0),  # waits
        ((3, 5), (1, 2), 5),  # what has waited follows
    ],
)
def test_killed_at_any_step(
    site: Site,
    tmp_path: Path,
    before: tuple[int, int] | None,
    span: tuple[int, int],
    end: int,
) -> None:
    prepared = tmp_path / "prepared" if before else None
    if before and prepared:
        import_(site.bundles[before], prepared)
    source = wanted(site.path)
    for there in steps_until_done(tmp_path, site.bundles[span], prepared):
        assert wanted(there).items() <= source.items()  # never half a file
        if (there / "vault.json").exists():
            vault = Vault.open(there)
            assert vault.doubts == []
            vault.close()
        receipt = import_(site.bundles[span], there)
        assert (receipt.after[0], receipt.trouble) == (end, ())
        import_(site.bundles[1, 7], there)
        assert wanted(there) == source
        assert not [name for name in tree(there) if name.endswith((".tmp", ".bundle"))]
        shutil.rmtree(there)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_at_any_step(site: Site, tmp_path: Path, number: int) -> None:
    def fail(name: str) -> None:
        raise OSError(number, os.strerror(number))

    said: list[str] = []
    for at in range(1, 400):
        there = tmp_path / f"there{at}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folder, "os", faulty := FaultyOs(at, fail))
            try:
                import_(site.bundles[1, 2], there)
            except VaultUnavailable as error:
                said.append(str(error))
        assert wanted(there).items() <= wanted(site.path).items()
        assert not [name for name in tree(there) if name.endswith(".tmp")]
        assert import_(site.bundles[1, 2], there).after[0] == 2
        shutil.rmtree(there)
        if len(faulty.calls) < at:
            assert at > 30
            assert all(str(tmp_path) in words and "\n" not in words for words in said)
            assert len(said) == at - 1
            return
    raise AssertionError


def refused(path: Path, there: Path) -> str:
    """The words with which a bundle is refused; nothing has changed."""
    before = tree(there)
    with pytest.raises((VaultDamaged, Wrong)) as error:
        import_(path, there)
    before.pop("writer.lock", None)
    after = tree(there)
    after.pop("writer.lock", None)
    assert after == before
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_flipped_bit_is_found(site: Site, tmp_path: Path, there: Path) -> None:
    good = site.bundles[2, 5].read_bytes()
    import_(site.bundles[1, 1], there)
    chance = random.Random(5)
    manifest = int(good[124:136].rstrip(b"\0 "), 8) + 1024
    spots = [*range(512), *chance.sample(range(512, manifest), 150)]
    spots += [
        *chance.sample(range(manifest, len(good) - 1024), 250),
        *range(len(good) - 20, len(good)),
    ]
    for at in spots:
        bad = bytearray(good)
        bad[at] ^= 1 << chance.randrange(8)
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises((VaultDamaged, Wrong)):
            prove(tmp_path / "bad")
    refused(tmp_path / "bad", there)
    signature = good.index(b'"signature":"', 512) + 13
    for at in range(signature, signature + 88):  # base64 has bits without meaning at its end
        for bit in range(8):
            bad = bytearray(good)
            bad[at] ^= 1 << bit
            (tmp_path / "bad").write_bytes(bad)
            with pytest.raises((VaultDamaged, Wrong)):
                prove(tmp_path / "bad")


def test_a_cut_or_longer_bundle(site: Site, tmp_path: Path, there: Path) -> None:
    good = site.bundles[1, 3].read_bytes()
    lengths = [0, 1, 511, 512, 513, len(good) - 1, len(good) - 512, len(good) - 1024]
    for length in [*lengths, *random.Random(1).sample(range(len(good)), 60)]:
        (tmp_path / "cut").write_bytes(good[:length])
        refused(tmp_path / "cut", there)
    for more in (b"\0", b"x" * 512, bytes(512)):
        (tmp_path / "long").write_bytes(good + more)
        assert "its end is missing, or something was put behind it" in refused(
            tmp_path / "long", there
        )
    (tmp_path / "other").write_bytes(b"PK\x03\x04" * 1000)
    assert "is no bundle of goldcopy" in refused(tmp_path / "other", there)


def test_a_bundle_signed_by_someone_else(site: Site, tmp_path: Path, there: Path) -> None:
    vault = Vault.open(site.path)
    forged = export(vault, tmp_path / "forged", 0, SigningKey()).path
    vault.close()
    assert "its manifest is not signed by a writer of the vault" in refused(forged, there)


def test_another_vaults_bundle(site: Site, tmp_path: Path, there: Path) -> None:
    other = VaultOfPacks(tmp_path / "other", 2)
    vault = Vault.open(other.path)
    bundle = export(vault, tmp_path, 0, other.writer).path
    vault.close()
    assert bundle.name == f"goldcopy-{other.id[:8]}-1-2.bundle"
    import_(site.bundles[1, 2], there)
    assert f"is of the vault {other.id}" in refused(bundle, there)


async def test_a_fork_is_refused(site: Site, tmp_path: Path, there: Path) -> None:
    fork = tmp_path / "fork"
    Vault.create(tmp_path / "vault", site.owner).close()
    await keep(tmp_path / "vault", 1)
    await keep(tmp_path / "vault", 2)
    shutil.copytree(tmp_path / "vault", fork)
    for path, value in ((tmp_path / "vault", 3), (fork, 4)):
        await keep(path, value)
        await keep(path, value + 2)
    import_(exported(tmp_path / "vault", tmp_path / "a"), there)
    for since in (0, 1, 2, 3):
        bundle = exported(fork, tmp_path / f"b{since}", since)
        assert "which is signed and whole as well: two collectors" in refused(bundle, there)
    # What waits is refused when its turn comes, and is left for a person to see.
    late = tmp_path / "late"
    import_(exported(fork, tmp_path / "c", 3), late)
    vault = Vault.open(tmp_path / "vault")
    assert vault.head()[0] == 4
    vault.close()
    receipt = import_(tmp_path / "a", late)
    assert receipt.after[0] == 4
    (trouble,) = receipt.trouble
    assert "two collectors" in trouble
    assert "it is left there" in trouble
    assert wanted(late) == wanted(tmp_path / "vault")


def two_histories(root: Path) -> tuple[VaultOfPacks, VaultOfPacks]:
    """One writer's two vaults, which have pack 1 in common; 4 packs in each."""
    one = VaultOfPacks(root / "one", 1)
    two = copy.copy(one)
    two.path = root / "two"
    shutil.copytree(one.path, two.path)
    for text in ("b", "c", "d"):
        one.write(text)
        two.write(text + text)
    return one, two


def span(vault: VaultOfPacks, root: Path, since: int) -> Path:
    opened = Vault.open(vault.path)
    try:
        return export(opened, root / f"{vault.path.name}-{since}", since, vault.writer).path
    finally:
        opened.close()


def test_a_history_does_not_go_on_as_another(tmp_path: Path, there: Path) -> None:
    one, two = two_histories(tmp_path)
    import_(span(one, tmp_path, 0), there)
    (there / "packs/00000004.pack").unlink()
    assert "00000003.pack, which is signed and whole" in refused(span(two, tmp_path, 3), there)
    # And a hole is not filled with what does not lead to what comes after it.
    for path in (two.pack(3), two.pack(4), *two.path.glob("index.*")):
        path.unlink()
    (there / "packs/00000002.pack").unlink()
    assert "00000003.pack, which is signed and whole" in refused(span(two, tmp_path, 1), there)


def test_a_bundle_of_two_histories(tmp_path: Path, there: Path) -> None:
    """As who has the writer's key could make it."""
    one, two = two_histories(tmp_path)
    (one.path / "packs/00000003.pack").unlink()
    shutil.copy(two.pack(3), one.pack(3))
    with pytest.raises(VaultDamaged, match="pack 3 does not follow the pack before it"):
        span(one, tmp_path, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "_chain", lambda *_: None)
        made = span(one, tmp_path, 0)
    assert "pack 3 does not follow the pack before it" in refused(made, there)


def test_a_copy_that_waits_is_proved(
    site: Site, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stick that gives other bytes the second time."""
    import_(site.bundles[1, 1], there)
    data = site.bundles[4, 5].read_bytes()
    monkeypatch.setattr(waiting, "_chunks", lambda path: [data[:-1] + b"x"])
    with pytest.raises(VaultDamaged, match="its end is missing"):
        import_(site.bundles[4, 5], there)
    assert list((there / "waiting").iterdir()) == []
    monkeypatch.undo()
    assert import_(site.bundles[4, 5], there).waiting == ((4, 5),)


def test_a_damaged_pack_is_not_taken_for_a_fork(site: Site, there: Path) -> None:
    import_(site.bundles[1, 3], there)
    pack = there / "packs/00000002.pack"
    pack.chmod(0o644)
    good = pack.read_bytes()
    pack.write_bytes(good[:-1])
    assert f"{pack} is damaged (its content is not what its header says)" in refused(
        site.bundles[1, 4], there
    )
    pack.unlink()
    receipt = import_(site.bundles[1, 4], there)  # a hole is filled
    assert receipt.new == ("packs/00000002.pack", "packs/00000004.pack")
    assert pack.read_bytes() == good


def test_packs_of_a_writer_that_was_ended_do_not_come_in(site: Site, tmp_path: Path) -> None:
    """A bundle made by a thief with the old collector's key, or one that the owner disowned."""
    old = VaultOfPacks(tmp_path / "old", 2)
    new = tmp_path / "new"
    shutil.copytree(old.path, new)
    rotation.admit(new, old.owner, "new@host")
    old.write()
    vault = Vault.open(old.path)
    bundle = export(vault, tmp_path / "late", 2, old.writer).path
    vault.close()
    assert "by keyring 2 its pack 3 does not count" in refused(bundle, new)
    disowning = exported(new, tmp_path / "disowning")
    assert f"by its keyring 2 pack 3 of {old.path} does not count" in refused(disowning, old.path)
    ring, _ = keyring.read(old.path, old.owner.public)
    assert ring.number == 1


def test_two_keyrings_with_one_number(tmp_path: Path, there: Path) -> None:
    one = VaultOfPacks(tmp_path / "one", 2)
    two = tmp_path / "two"
    shutil.copytree(one.path, two)
    for path in (one.path, two):
        keyring.write(path, one.owner, [], [keyring.Writer("collector", one.writer.public)])
    vault = Vault.open(one.path)
    import_(export(vault, tmp_path / "a", 0, one.writer).path, there)
    vault.close()
    vault = Vault.open(two)
    bundle = export(vault, tmp_path / "b", 0, one.writer).path
    vault.close()
    assert "or the owner has signed both" in refused(bundle, there)


def test_what_is_not_exported(site: Site, tmp_path: Path) -> None:
    target = exported(site.path, tmp_path / "x.bundle")
    vault = Vault.open(site.path)
    for since in (7, 8, -1):
        with pytest.raises(Wrong, match="ends with pack 7: there is nothing after pack"):
            export(vault, tmp_path, since)
    with pytest.raises(Wrong, match="a bundle is never overwritten"):
        export(vault, target)
    with pytest.raises(VaultUnavailable, match="is it"):
        export(vault, tmp_path / "no/such/folder/x")
    vault.close()
    copy = tmp_path / "copy"
    shutil.copytree(site.path, copy)
    (copy / "packs/00000003.pack").chmod(0o644)
    (copy / "packs/00000003.pack").write_bytes(b"x")
    with pytest.raises(VaultDamaged, match=r"00000003\.pack"):
        exported(copy, tmp_path / "y")
    assert not [name for name in tree(tmp_path) if ".tmp" in name or name == "y"]


def test_an_export_that_was_killed_is_done_again(site: Site, tmp_path: Path) -> None:
    for at in range(1, 200):
        out = tmp_path / f"out{at}"
        out.mkdir()
        done = True
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folder, "os", DyingOs(at))
            try:
                exported(site.path, out, 4)
            except Killed:
                done = False
        if not done and not list(out.glob("*.bundle")):
            exported(site.path, out, 4)
        (bundle,) = out.iterdir() if not list(out.glob(".*")) else out.glob("*.bundle")
        assert prove(bundle).manifest.last == 7
        if done:
            break
    assert at > 10


def test_where_a_bundle_may_go(site: Site, tmp_path: Path, there: Path) -> None:
    there.mkdir()
    (there / "letter.txt").write_text("hello")
    with pytest.raises(Wrong, match="holds other files: choose the vault's, or a new or empty"):
        import_(site.bundles[1, 2], there)
    assert tree(there) == {"letter.txt": b"hello"}
    with pytest.raises(Wrong, match="is a file: a vault is a folder"):
        import_(site.bundles[1, 2], there / "letter.txt")
    with pytest.raises(VaultUnavailable, match="is not there"):
        import_(tmp_path / "none", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_nobody_else_writes_meanwhile(site: Site, there: Path) -> None:
    import_(site.bundles[1, 2], there)
    lock = Lock(there)
    lock.take("anna@night")
    try:
        with pytest.raises(GoldcopyError, match="anna@night"):
            import_(site.bundles[1, 3], there)
    finally:
        lock.release()
    assert import_(site.bundles[1, 3], there).after[0] == 3
