"""A write-only collector tells changes by keyed digests alone: what it keeps comes back exactly."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.sealed_vault import FACTS

from goldcopy.errors import VaultSealed
from goldcopy.snapshot import Gap, Identity, Item, Snapshot
from goldcopy.vault import Entry, Reader, Vault
from goldcopy.vault.memory import GROUP, PAGE
from goldcopy.vault.verify import verify

ITEMS = 2 * GROUP + 5
CACHES = ("index.sqlite", "index.sqlite-wal", "index.sqlite-shm")


class Plant:
    """One controller as it changes, and the collector that keeps it and cannot read back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reader = Reader()
        self.values = dict.fromkeys(range(ITEMS), 0)
        self.gaps: dict[str, str] = {}
        self.mode = "RUN"
        self.blobs = {"OB1": bytes(5 * PAGE + 3), "OB2": random.Random(2).randbytes(20 * PAGE)}
        self.kept: list[tuple[Entry, Snapshot]] = []
        self.old: bytes | None = None
        Vault.create(path, recipients=self.reader.recipients).close()

    def snapshot(self, device: str = "mixer") -> Snapshot:
        items = [Item(f"db/{n:03d}", "parameter", "DINT", v) for n, v in self.values.items()]
        items += [
            Item(f"block/{name}", "block", "BYTES", data) for name, data in self.blobs.items()
        ]
        gaps = [Gap(path, reason) for path, reason in self.gaps.items()]
        return Snapshot.of(device, "s7", Identity(mode=self.mode), items, gaps)

    async def keep(self) -> int:
        """Keep it as it is now, in a run of its own; bytes of the pack."""
        vault = Vault.open(self.path)
        async with vault.writing() as writer:
            kept = await writer.keep(self.snapshot(), FACTS)
        self.kept.append((kept.entry, self.snapshot()))
        size = max((self.path / "packs").glob("*.pack")).stat().st_size
        with pytest.raises(VaultSealed):
            vault.load(kept.entry)
        vault.close()
        return size

    def index(self, statement: str) -> None:
        database = sqlite3.connect(self.path / "index.sqlite")
        with database:
            database.execute(statement)
        database.close()

    def forget(self) -> None:
        for name in CACHES:
            (self.path / name).unlink(missing_ok=True)

    def remember_this(self) -> None:
        """Put the index aside, as a backup of the machine does."""
        if (self.path / "index.sqlite").exists():
            self.index("PRAGMA wal_checkpoint(TRUNCATE)")
            self.old = (self.path / "index.sqlite").read_bytes()

    def put_back(self) -> None:
        """And put it back later: it knows nothing of what was kept since."""
        if self.old is not None:
            self.forget()
            (self.path / "index.sqlite").write_bytes(self.old)

    def put_memories_back(self) -> None:
        """Of the index that was put aside, the memories only: the worst mixture."""
        if self.old is None or not (self.path / "index.sqlite").exists():
            return
        aside = self.path.parent / f"{self.path.name}.aside"
        aside.write_bytes(self.old)
        database = sqlite3.connect(self.path / "index.sqlite", isolation_level=None)
        database.execute("ATTACH ? AS aside", (str(aside),))
        database.execute("INSERT OR REPLACE INTO memories SELECT * FROM aside.memories")
        database.close()

    def check(self) -> None:
        """The reader's view: the whole history, and every byte of it."""
        self.forget()
        vault = Vault.open(self.path, self.reader)
        assert vault.doubts == []
        assert verify(vault, "full").findings == ()
        entries = vault.log("mixer")[::-1]
        assert [entry.id for entry in entries] == [one.id for _, one in self.kept]
        before = ""
        for entry, (told, one) in zip(entries, self.kept, strict=True):
            loaded = vault.load(entry)
            assert (loaded.items, loaded.gaps) == (one.items, one.gaps)
            assert loaded.identity == one.identity
            assert dict(loaded.blobs) == dict(one.blobs)
            # False also where the writer could not tell; never true where it is not.
            assert not entry.unchanged or one.settings == before
            assert (entry.items, entry.gaps) == (told.items, told.gaps)
            assert (told.items, told.gaps) == (len(one.items), len(one.gaps))
            before = one.settings
        vault.close()


class Act(NamedTuple):
    name: str
    at: int
    value: int


ACTS = "set,keep,gone,come,gap,no gap,mode,byte,grow,shrink,empty,swap,blob gone"
HARM = "index lost,memories lost,index put aside,index put back,memories put back,secret lost"
act = st.builds(
    Act,
    # Keeping is the most frequent: what was kept before is what matters.
    st.sampled_from(["keep"] * 8 + ACTS.split(",") + HARM.split(",")),
    st.integers(0, ITEMS - 1),
    st.integers(0, 3),
)


async def perform(plant: Plant, act: Act) -> None:
    name, at, value = act
    block = "OB1" if value % 2 else "OB2"
    data = plant.blobs.get(block, b"")
    spot = at * 71 % max(1, len(data))
    match name:
        case "keep":
            await plant.keep()
        case "set":
            plant.values[at] = value
        case "gone":
            plant.values.pop(at, None)
        case "come":
            plant.values[1000 + at] = value
        case "gap":
            plant.gaps[f"x{at % 3}"] = f"refused {value}"
        case "no gap":
            plant.gaps.clear()
        case "mode":
            plant.mode = ["RUN", "STOP"][value % 2]
        case "byte":
            plant.blobs[block] = data[:spot] + bytes([value]) + data[spot + 1 :]
        case "grow":
            plant.blobs[block] = data + bytes([value]) * (at * 9)
        case "shrink":
            plant.blobs[block] = data[: max(300, spot)]
        case "empty":  # so short that it is no blob, but a value
            plant.blobs[block] = b""
        case "swap":
            first, *rest = plant.blobs
            for one in rest:
                plant.blobs[first], plant.blobs[one] = plant.blobs[one], plant.blobs[first]
        case "blob gone":
            if len(plant.blobs) > 1:
                plant.blobs.pop(block, None)
        case "index lost":
            plant.forget()
        case "memories lost" if (plant.path / "index.sqlite").exists():
            plant.index("DELETE FROM memories")
        case "index put aside":
            plant.remember_this()
        case "index put back":
            plant.put_back()
        case "memories put back":
            plant.put_memories_back()
        case "secret lost":
            (plant.path / "collector/digests.key").unlink(missing_ok=True)


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=80,
)
@given(st.lists(act, min_size=3, max_size=40))
async def test_any_history_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, acts: list[Act]
) -> None:
    plant = Plant(tmp_path_factory.mktemp("plant") / "vault")
    await plant.keep()
    for one in acts:
        await perform(plant, one)
    await plant.keep()
    plant.check()


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path / "vault")


async def test_little_is_stored_where_little_changes(plant: Plant) -> None:
    plant.values = {n: n * 7919 % 10007 for n in range(400)}
    whole = await plant.keep()
    assert whole > 20 * PAGE
    nothing = await plant.keep()
    plant.values[17] += 1
    value = await plant.keep()
    plant.blobs["OB2"] = b"\x01" + plant.blobs["OB2"][1:]
    page = await plant.keep()
    plant.blobs["OB2"] += random.Random(3).randbytes(10)
    grown = await plant.keep()
    plant.blobs["OB2"] = plant.blobs["OB2"][:-11]
    shrunk = await plant.keep()
    plant.gaps["db/9"] = "refused"
    gap = await plant.keep()
    plant.check()
    # A header is 600 bytes, a seal 200, and up to 200 more, since age greases its header.
    assert nothing < 1200
    assert value < nothing + 250
    assert gap < nothing + 250
    for one in (page, grown, shrunk):
        assert one < nothing + 500 + 2 * PAGE


async def test_what_a_collector_has_forgotten_it_stores_once_more_and_then_remembers(
    plant: Plant,
) -> None:
    whole = await plant.keep()
    small = await plant.keep()
    plant.forget()
    assert await plant.keep() == pytest.approx(whole, abs=250)
    assert await plant.keep() <= small + 200
    plant.index("DELETE FROM memories")
    without_blobs = await plant.keep()
    assert without_blobs < whole / 3  # that content is there, its hash tells
    assert await plant.keep() <= small + 200
    plant.check()


async def test_items_that_come_and_go_are_a_keyframe(plant: Plant) -> None:
    await plant.keep()
    del plant.values[3]
    await plant.keep()
    plant.values[3] = 5
    await plant.keep()
    vault = Vault.open(plant.path)
    assert [row.depth for row in vault.catalog.read(lambda i: i.history("mixer"))] == [0, 0, 0]
    vault.close()
    plant.check()


async def test_a_memory_of_another_snapshot_is_never_used(plant: Plant) -> None:
    """It would say that nothing has changed, where the snapshot before has."""
    await plant.keep()
    plant.remember_this()
    plant.values[1] = 77
    await plant.keep()
    plant.put_memories_back()
    plant.values[1] = 0
    await plant.keep()  # as the memory has it, but not as the snapshot before
    assert plant.kept[-1][0].id != plant.kept[-2][0].id
    plant.check()


async def test_a_memory_of_the_same_id_is_used_wherever_it_comes_from(plant: Plant) -> None:
    small = [await plant.keep(), await plant.keep()][1]
    plant.remember_this()
    plant.values[1] = 77
    await plant.keep()
    plant.values[1] = 0
    await plant.keep()
    plant.put_memories_back()  # of the first, which is as the last
    assert await plant.keep() <= small + 200
    plant.check()


async def test_an_index_that_was_put_back_starts_anew(plant: Plant) -> None:
    await plant.keep()
    plant.remember_this()
    plant.values[1] = 77
    await plant.keep()
    plant.put_back()
    plant.values[2] = 78
    await plant.keep()
    plant.check()
