"""What is kept comes back: every snapshot, in order, whatever was kept before and between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goldcopy.errors import VaultUnavailable, Wrong
from goldcopy.snapshot import Blob, Gap, Identity, Item, Snapshot
from goldcopy.vault import Entry, Facts, Vault
from goldcopy.vault.draft import CHANGESETS

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def facts(day: int = 0) -> Facts:
    return Facts(NOON + timedelta(days=day), 1.5, 7, 900)


def snapshot(values: dict[str, int], *gaps: Gap) -> Snapshot:
    items = [Item(path, "parameter", "DINT", value) for path, value in values.items()]
    return Snapshot.of("mixer", "s7", Identity(), items, gaps)


async def keep(vault: Vault, *snapshots: Snapshot) -> list[Entry]:
    async with vault.writing(by="me@here") as writer:
        return [(await writer.keep(one, facts(day))).entry for day, one in enumerate(snapshots)]


State = tuple[dict[str, int], dict[str, str], str, list[int]]
STATE: st.SearchStrategy[State] = st.tuples(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 2), max_size=8),
    st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["refused", "no"]), max_size=2),
    st.sampled_from(["RUN", "STOP"]),
    st.lists(st.integers(0, 3), max_size=2, unique=True),
)
RUNS = st.lists(st.tuples(st.sampled_from(["one", "two"]), STATE), min_size=1, max_size=14)


def made(device: str, state: State) -> Snapshot:
    values, gaps, mode, blocks = state
    items = [Item(path, "tag", "DINT", value, label="x" * 80) for path, value in values.items()]
    items += [Item(f"OB{n}", "block", "BYTES", bytes([n]) * 300) for n in blocks]
    holes = [Gap(*gap) for gap in gaps.items()]
    return Snapshot.of(device, "s7", Identity(mode=mode), items, holes, rules="r" * len(values))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(RUNS, st.data())
async def test_any_history_comes_back(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[str, State]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("any") / "vault"
    vault = Vault.create(path)
    kept: list[tuple[Entry, Snapshot]] = []
    at = 0
    while at < len(runs):  # some runs of the writer, some snapshots in each
        size = data.draw(st.integers(1, 5))
        kept += [
            (entry, made(*run))
            for run, entry in zip(
                runs[at : at + size],
                await keep(vault, *[made(*run) for run in runs[at : at + size]]),
                strict=True,
            )
        ]
        at += size
    if data.draw(st.booleans()):
        vault.close()
        (path / "index.sqlite").unlink()
        vault = Vault.open(path)
    assert vault.doubts == []
    for device in vault.devices():
        ours = [(entry, one) for entry, one in kept if entry.device == device]
        assert vault.log(device) == [entry for entry, _ in reversed(ours)]
        assert [entry.number for entry, _ in ours] == list(range(1, len(ours) + 1))
        before = ""
        for entry, one in ours:
            loaded = vault.load(entry)
            assert loaded.id == one.id == entry.id
            assert (loaded.items, loaded.gaps) == (one.items, one.gaps)
            assert (loaded.identity, loaded.rules) == (one.identity, one.rules)
            assert dict(loaded.blobs) == dict(one.blobs)
            assert (loaded.settings, entry.unchanged) == (one.settings, one.settings == before)
            assert (entry.items, entry.gaps) == (len(one.items), len(one.gaps))
            before = one.settings
        _check_blame(vault, device, ours)
    vault.close()


def _check_blame(vault: Vault, device: str, ours: list[tuple[Entry, Snapshot]]) -> None:
    """The history of each item, told by looking at every snapshot in turn."""
    for path in "abcdefghxyz":
        expected: list[tuple[Entry, Item | Gap | None]] = []
        last: Item | Gap | None = None
        for entry, one in ours:
            now: Item | Gap | None = one.by_path.get(path)
            now = now or next((gap for gap in one.gaps if gap.path == path), None)
            if now != last:
                expected.append((entry, now))
            last = now
        if expected:
            assert vault.blame(device, path) == expected[::-1]
        else:
            with pytest.raises(Wrong, match=f"has never had {path}"):
                vault.blame(device, path)


async def test_facts_and_the_entry(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    east = NOON.astimezone(timezone(timedelta(hours=2)))
    async with vault.writing(by="me@here") as writer:
        told = Facts(east, 0.25, 3, 4, ("a", "b"), version="0.1.0")
        kept = await writer.keep(snapshot({"a": 1}), told)
        other = await writer.keep(snapshot({"a": 1}), msgspec.structs.replace(told, by="you@there"))
    assert kept.entry.facts == msgspec.structs.replace(told, by="me@here")
    assert kept.entry.facts.taken.utcoffset() == timedelta(0)
    assert other.entry.facts.by == "you@there"
    assert (kept.unchanged, other.unchanged) == (False, True)
    assert vault.log("mixer") == [other.entry, kept.entry]
    vault.close()


@pytest.mark.parametrize(
    "wrong",
    [
        Facts(datetime(2026, 11, 24), 1.0, 1, 1),
        Facts(NOON, float("nan"), 1, 1),
        Facts(NOON, 1.0, 1, 1, by="\ud800"),
        Facts(NOON, 1.0, "1", 1),  # type: ignore[arg-type]
    ],
)
async def test_facts_that_could_not_be_read_back_are_refused(tmp_path: Path, wrong: Facts) -> None:
    vault = Vault.create(tmp_path / "vault")
    async with vault.writing() as writer:
        with pytest.raises(Wrong):
            await writer.keep(snapshot({"a": 1}), wrong)
        assert (await writer.keep(snapshot({"a": 1}), facts())).entry.number == 1
    vault.close()


async def test_the_writers_latest(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    async with vault.writing() as writer:
        assert writer.latest("mixer") is None
        for value in (1, 2):
            await writer.keep(snapshot({"a": value}), facts())
            latest = writer.latest("mixer")
            assert latest is not None
            assert latest.id == snapshot({"a": value}).id
    vault.close()


def big(value: int) -> Snapshot:
    return snapshot({f"tag{n:03d}": n * (1 if n else value) for n in range(300)})


async def test_a_small_change_makes_a_small_pack_and_no_change_a_tiny_one(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    for value in (1, 2, 2):
        await keep(vault, big(value))
    sizes = [path.stat().st_size for path in sorted((tmp_path / "vault/packs").iterdir())]
    assert sizes[1] < sizes[0] / 2
    assert sizes[2] < 1000
    vault.close()


async def test_keyframes_bound_what_it_takes_to_rebuild(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    states = [big(value) for value in range(CHANGESETS + 10)] + [big(7)] * (CHANGESETS + 10)
    await keep(vault, *states)
    rows = vault.catalog.read(lambda index: index.history("mixer"))[::-1]
    depths = [row.depth for row in rows]
    assert depths[:3] == [0, 1, 2]
    assert max(depths) <= CHANGESETS
    assert 2 <= depths.count(0) <= 4
    for row, one in zip(rows, states, strict=True):
        assert vault.load(row.entry).id == one.id
    vault.close()


async def test_changes_as_large_as_the_whole_are_kept_as_a_keyframe(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    states = [
        Snapshot.of(
            "mixer",
            "modbus",
            Identity(),
            [Item(f"tag{n:03d}", "tag", "DINT", n * k, unit=f"unit{k}") for n in range(300)],
        )
        for k in (1, 2, 3)
    ]
    await keep(vault, *states)
    assert [row.depth for row in vault.catalog.read(lambda i: i.history("mixer"))] == [0, 0, 0]
    vault.close()


async def test_content_is_kept_once_in_a_vault_and_checked(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    content = bytes(range(256)) * 40
    blob = Blob.of(content)

    def of(device: str, *blocks: bytes | Blob, content: bytes | None = None) -> Snapshot:
        items = [Item(f"OB{n}", "block", "BYTES", block) for n, block in enumerate(blocks)]
        given = {} if content is None else {blob.sha256: content}
        return Snapshot.of(device, "s7", Identity(), items, blobs=given)

    async with vault.writing() as writer:
        with pytest.raises(Wrong, match="mixer: the content of OB0 is missing"):
            await writer.keep(of("mixer", blob), facts())
        with pytest.raises(Wrong, match="mixer: the content of OB0"):
            await writer.keep(of("mixer", blob, content=b"another"), facts())
        await writer.keep(of("mixer", content, content), facts())
        await writer.keep(of("press", content), facts())
        await writer.keep(of("oven", blob), facts())  # carried over: the vault has its content
    assert vault.load("oven").blobs[blob.sha256] == content
    assert vault.blob(blob.sha256) == content
    assert sum(p.stat().st_size for p in (tmp_path / "vault/packs").iterdir()) < 8000
    with pytest.raises(Wrong, match="no content with the hash 0000"):
        vault.blob("0" * 64)
    vault.close()


async def test_a_reader_sees_what_was_kept_while_it_was_open(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    reader = Vault.open(tmp_path / "vault")
    assert reader.devices() == []
    async with vault.writing() as writer:
        for number in range(1, 6):
            await writer.keep(snapshot({"a": number}), facts(number))
            assert reader.log("mixer")[0].number == number
            assert reader.load("mixer").id == snapshot({"a": number}).id
    reader.close()
    with pytest.raises(VaultUnavailable, match="closed"):
        reader.devices()
    vault.close()


async def test_blame_tells_what_hid_an_item(tmp_path: Path) -> None:
    vault = Vault.create(tmp_path / "vault")
    one = snapshot({"db/1/a": 1, "db/1/b": 1})
    hidden = snapshot({}, Gap("db/1", "refused"))
    entries = await keep(vault, one, hidden, hidden, one, snapshot({"db/1/b": 1}))
    seen = vault.blame("mixer", "db/1/a")
    assert [(entry.number, item) for entry, item in seen] == [
        (5, None),
        (4, one.by_path["db/1/a"]),
        (2, Gap("db/1", "refused")),
        (1, one.by_path["db/1/a"]),
    ]
    assert [entry for entry, _ in seen] == [entries[n] for n in (4, 3, 1, 0)]
    with pytest.raises(Wrong, match=r"has never had db/1/x: did you mean db/1/b"):
        vault.blame("mixer", "db/1/x")
    with pytest.raises(Wrong, match=r"no snapshot of mixr: did you mean mixer"):
        vault.blame("mixr", "db/1/a")
    vault.close()
