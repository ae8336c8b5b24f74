"""The writer: what shares a pack, what waits for what, and that the event loop never waits."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goldcopy.errors import VaultUnavailable, Wrong
from goldcopy.snapshot import Blob, Identity, Item, Snapshot
from goldcopy.vault import Facts, Vault
from goldcopy.vault.index import Index

FACTS = Facts(datetime(2026, 11, 24, tzinfo=UTC), 1.5, 7, 900)


def snapshot(device: str = "mixer", value: int = 1) -> Snapshot:
    return Snapshot.of(device, "s7", Identity(), [Item("a", "tag", "DINT", value)])


def packs(vault: Vault) -> int:
    return len(list((vault.path / "packs").iterdir()))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault.create(tmp_path / "vault")


async def test_those_who_wait_together_share_a_pack(vault: Vault) -> None:
    async with vault.writing() as writer:
        kept = await asyncio.gather(
            *[writer.keep(snapshot(f"plc{n:02d}", n), FACTS) for n in range(20)]
        )
    assert packs(vault) == 1
    assert [one.entry.device for one in kept] == [f"plc{n:02d}" for n in range(20)]
    assert all(one.entry.id == snapshot(f"plc{n:02d}", n).id for n, one in enumerate(kept))


async def test_a_snapshot_waits_for_the_pulls_of_others_but_not_for_ever(vault: Vault) -> None:
    async with vault.writing(linger=3600) as writer:
        with writer.pulling():
            first = asyncio.create_task(writer.keep(snapshot("one"), FACTS))
            await asyncio.sleep(0.2)
            assert not first.done()
            assert packs(vault) == 0
            second = asyncio.create_task(writer.keep(snapshot("two"), FACTS))
            await asyncio.sleep(0)
        await asyncio.gather(first, second)
        assert packs(vault) == 1
    async with vault.writing(linger=0.05) as writer:
        with writer.pulling():
            await writer.keep(snapshot("one", 2), FACTS)
        assert packs(vault) == 2


async def test_a_large_amount_does_not_wait(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goldcopy.vault.writer.PACK", 500)
    async with vault.writing(linger=3600) as writer:
        with writer.pulling():
            snapshots = [snapshot(f"plc{n}", n) for n in range(6)]
            await asyncio.gather(*[writer.keep(one, FACTS) for one in snapshots])
    assert packs(vault) == 2


async def test_the_end_of_the_run_does_not_wait(vault: Vault) -> None:
    async with vault.writing(linger=3600) as writer:
        with writer.pulling():
            waiting = asyncio.create_task(writer.keep(snapshot(), FACTS))
            await asyncio.sleep(0)
            writer.finish()
            assert (await waiting).entry.number == 1


async def test_two_snapshots_of_a_device_at_once_are_kept_one_after_the_other(vault: Vault) -> None:
    async with vault.writing() as writer:
        kept = await asyncio.gather(*[writer.keep(snapshot(value=n), FACTS) for n in (1, 2, 2)])
    assert [one.entry.number for one in kept] == [1, 2, 3]
    assert [one.unchanged for one in kept] == [False, False, True]
    assert packs(vault) == 3


async def test_one_that_is_refused_does_not_harm_the_others(vault: Vault) -> None:
    lost = Item("OB1", "block", "BYTES", Blob("0" * 64, 300))
    bad = Snapshot.of("press", "s7", Identity(), [lost])
    async with vault.writing() as writer:
        good, refused, other = await asyncio.gather(
            writer.keep(snapshot("one"), FACTS),
            writer.keep(bad, FACTS),
            writer.keep(snapshot("two"), FACTS),
            return_exceptions=True,
        )
        assert isinstance(refused, Wrong)
        with pytest.raises(Wrong, match="press"):
            await writer.keep(bad, FACTS)
    assert not isinstance(good, BaseException)
    assert not isinstance(other, BaseException)
    assert vault.devices() == ["one", "two"]
    assert packs(vault) == 1


async def test_who_is_cancelled_is_not_kept_and_the_others_are(vault: Vault) -> None:
    async with vault.writing(linger=3600) as writer:
        with writer.pulling():
            one = asyncio.create_task(writer.keep(snapshot("one"), FACTS))
            two = asyncio.create_task(writer.keep(snapshot("two"), FACTS))
            await asyncio.sleep(0)
            one.cancel()
        await two
        with pytest.raises(asyncio.CancelledError):
            await one
    assert vault.devices() == ["two"]


async def test_a_cancelled_run_finishes_its_write_and_lets_go(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = os.fsync

    def slow(file: int) -> None:
        loop.call_soon_threadsafe(began.set)
        time.sleep(0.2)
        real(file)

    monkeypatch.setattr(os, "fsync", slow)

    async def run() -> None:
        async with vault.writing() as writer:
            await writer.keep(snapshot(), FACTS)

    task = asyncio.create_task(run())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    async with vault.writing() as writer:
        await writer.keep(snapshot(value=2), FACTS)
    assert vault.doubts == []
    assert [vault.load(entry).id for entry in vault.log("mixer")] == [
        snapshot(value=value).id for value in (2, 1)
    ]


async def test_an_error_in_the_run_comes_through_and_the_lock_is_let_go(vault: Vault) -> None:
    async def run() -> None:
        async with vault.writing() as writer:
            await writer.keep(snapshot(), FACTS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run()
    async with vault.writing():
        pass
    assert vault.devices() == ["mixer"]


async def test_after_the_run_nothing_is_kept(vault: Vault) -> None:
    async with vault.writing() as writer:
        pass
    with pytest.raises(VaultUnavailable, match="this run has ended"):
        await writer.keep(snapshot(), FACTS)


async def test_the_loop_goes_on_while_the_disk_is_slow(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    asleep = False
    ticks = 0

    def slow(_: int) -> None:
        nonlocal asleep
        asleep = True
        time.sleep(0.3)
        asleep = False

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += asleep

    monkeypatch.setattr(os, "fsync", slow)
    ticking = asyncio.create_task(tick())
    async with vault.writing() as writer:
        await writer.keep(snapshot(), FACTS)
    ticking.cancel()
    assert ticks > 5


async def test_a_broken_index_loses_nothing(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Index.add
    calls = 0

    def broken(self: Index, *args: object) -> bool:
        nonlocal calls
        calls += 1
        if calls in (1, 2):  # in the file, and in a new file; then in memory
            raise sqlite3.OperationalError("database or disk is full")
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Index, "add", broken)
    async with vault.writing() as writer:
        for value in (1, 2, 3):
            assert (await writer.keep(snapshot(value=value), FACTS)).entry.number == value
    assert calls > 2
    assert len(vault.log("mixer")) == 3


async def test_many_snapshots_from_many_tasks(vault: Vault) -> None:
    async def device(name: str) -> None:
        for value in range(10):
            with writer.pulling():
                await asyncio.sleep(0.001 * (value % 3))
            assert (await writer.keep(snapshot(name, value), FACTS)).entry.number == value + 1

    async with vault.writing(linger=0.01) as writer, asyncio.TaskGroup() as group:
        for n in range(12):
            group.create_task(device(f"plc{n}"))
    assert vault.doubts == []
    for n in range(12):
        ids = [entry.id for entry in vault.log(f"plc{n}")]
        assert ids == [snapshot(f"plc{n}", value).id for value in reversed(range(10))]
    assert packs(vault) < 120
