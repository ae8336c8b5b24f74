"""A restore carried out: proved, refused, or put back; nothing else is written."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from tests.core.faulty_os import CachingDrive
from tests.core.restore_toy import KINDS, Press, plant, settings

from goldcopy.errors import VaultUnavailable
from goldcopy.restore import NotAllowed, find_plan, rollback, unfinished
from goldcopy.restore.journal import Journal, Phase
from goldcopy.snapshot import Value
from goldcopy.testing.bench import form

WRITES = 16


def held(press: Press) -> dict[str, object]:
    return {path: form(*held) for path, held in press.held.items() if path != "live"}


def as_gold() -> dict[str, object]:
    return {path: form(*held) for path, held in settings().items() if path != "live"}


async def test_every_manipulated_setting_is_put_back_and_proved(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan()
        assert len(plan.writes) == WRITES
        assert not found.press.wrote, "a plan writes nothing"
        receipt = await found.restore(plan)
        assert receipt.proved
        assert receipt.whole or {leaf.path for leaf in receipt.leaves[WRITES:]} == {"secret"}
        assert {leaf.verdict for leaf in receipt.leaves[:WRITES]} == {"proved"}
        assert held(found.press) == as_gold()
        assert found.press.held["live"] == ("DINT", 8), "live values stay"
        wanted = [write.path for write in plan.writes]
        assert [path for path, _ in found.press.wrote] == wanted, "nothing beside the plan"
        assert wanted[:12] == [f"axis/{n}/limit" for n in range(12)], "numbers by their value"
        assert receipt.groups == 6


async def test_all_of_it_is_in_the_vault(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        receipt = await found.restore()
        vault = found.means.vault
        (note,) = vault.notes("receipt", "press")
        assert note.body["plan"] == receipt.plan
        assert note.body["leaves"][0] == {"path": "axis/0/limit", "verdict": "proved"}
        (hold,) = vault.notes("hold", "press")
        assert hold.body["snapshot"] == receipt.before
        assert find_plan(vault, receipt.plan[:8]).digest == receipt.plan
        before = vault.load(receipt.before).by_path
        assert before["axis/3/limit"].value == -4
        assert before["live"].value == 8, "evidence has live values too"
        assert vault.load(receipt.after).by_path["axis/3/limit"].value == 300
        assert unfinished(vault.path) == []
        (journal,) = (vault.path / "restores").iterdir()
        assert journal.name == f"press@{receipt.plan}.done"
        assert journal.stat().st_mode & 0o777 == 0o600
        events = [json.loads(line)["event"] for line in journal.read_text().splitlines()]
        assert events == ["begun", *["writing"] * 6, "receipt"]


async def test_live_values_go_back_only_if_asked(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan(values="all")
        (live,) = [write for write in plan.writes if write.path == "live"]
        assert live.critical == ("process",)
        assert (await found.restore(plan)).proved
        assert found.press.held["live"] == ("DINT", 7)


@pytest.mark.parametrize("fault", ["", "ignore"])
async def test_a_live_value_may_move_before_it_is_put_back(tmp_path: Path, fault: str) -> None:
    async with plant(tmp_path, Press(fault=fault, at=2)) as found:
        plan = await found.plan("live", "gain", "axis/0/*", values="all")
        found.press.set("live", 9)
        receipt = await found.restore(plan)
        assert receipt.proved == (not fault)
        assert receipt.rolled_back == bool(fault)
        assert found.press.held["live"] == ("DINT", 9 if fault else 7), "as it was just before"


async def test_only_what_was_asked_for(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        receipt = await found.restore(await found.plan("axis/1/*", "gain"))
        assert receipt.proved
        assert [path for path, _ in found.press.wrote] == ["axis/1/limit", "gain"]


async def test_a_plan_is_applied_once(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan()
        await found.restore(plan)
        found.press.manipulate()
        found.press.wrote.clear()
        with pytest.raises(Exception, match="was applied before"):
            await found.restore(plan)
        assert not found.press.wrote


async def test_nothing_to_do_is_proved_by_reading(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        await found.restore()
        found.press.wrote.clear()
        receipt = await found.restore(await found.plan("axis/**"))
        assert receipt.proved
        assert receipt.planned == 0
        assert not found.press.wrote
        blind = msgspec.structs.replace(receipt, after="")
        assert not blind.proved, "what is not read back is not proved"


# -- the k-th write goes wrong ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_whichever_write_goes_wrong_once(tmp_path: Path, kind: str) -> None:
    for k in range(WRITES):
        press = Press(fault=kind, at=k)
        async with plant(tmp_path / str(k), press) as found:
            manipulated = held(press)
            receipt = await found.restore()
            now = held(press)
            if receipt.proved:
                assert now == as_gold(), f"{kind} at {k}: said to be proved"
            else:
                assert receipt.rolled_back, f"{kind} at {k}: {receipt.why} {receipt.leaves}"
                assert now == manipulated, f"{kind} at {k}: said to be rolled back"
                assert receipt.why
            assert kind not in ("drop", "refuse", "ignore", "clamp", "cut") or not receipt.proved
            assert unfinished(found.means.vault.path) == []
            never_again(press, k)


def never_again(press: Press, k: int) -> None:
    """No value is written where it stands: per path the values alternate."""
    last: dict[str, Value] = {}
    for number, (path, value) in enumerate(press.wrote):
        written_again = path in last and repr(last[path]) == repr(value)
        assert not written_again, f"{path} = {value!r} two times, the second as write {number}"
        last[path] = value


@pytest.mark.parametrize("kind", ["drop", "lost", "refuse", "ignore", "clamp", "cut", "cut after"])
async def test_every_write_from_the_kth_on_goes_wrong(tmp_path: Path, kind: str) -> None:
    for k in range(0, WRITES, 3):
        press = Press(fault=kind, at=k, for_ever=True)
        async with plant(tmp_path / str(k), press) as found:
            manipulated = held(press)
            receipt = await found.restore()
            assert not receipt.proved or held(press) == as_gold()
            now, gold = held(press), as_gold()
            for leaf in receipt.leaves[:WRITES]:
                match leaf.verdict:
                    case "proved":
                        assert now[leaf.path] == gold[leaf.path]
                    case "unchanged" | "rolled back":
                        assert now[leaf.path] == manipulated[leaf.path]
                    case "failed":
                        assert now[leaf.path] != manipulated[leaf.path]
                        assert leaf.why
                    case "in doubt":
                        assert now[leaf.path] != manipulated[leaf.path]
                        assert leaf.why.startswith("nothing could be sent to put it back")
                    case other:
                        raise AssertionError(f"{leaf.path}: {other}, and all was tried")
            journals = unfinished(found.means.vault.path)
            assert bool(journals) == ("in doubt" in receipt.counts)
            for journal in journals:  # what nobody could even try to put back can be, later
                press.fault = ""
                assert (await rollback(journal, found.device, found.means)).rolled_back
                assert held(press) == manipulated


async def test_a_controller_that_is_gone_leaves_doubt_and_a_journal(tmp_path: Path) -> None:
    press = Press(fault="lost", at=4)
    async with plant(tmp_path, press) as found:
        plan = await found.plan()
        original = press.set

        def unplugged(name: str, value: Value) -> None:
            original(name, value)
            if len(press.wrote) == 5:
                press._server.close()  # noqa: SLF001
                for client in list(press._clients):  # noqa: SLF001
                    client.transport.abort()

        press.set = unplugged  # type: ignore[method-assign]
        receipt = await found.restore(plan)
        assert not receipt.proved
        assert not receipt.finished
        assert receipt.counts["in doubt"] == 6
        assert receipt.counts["unchanged"] == WRITES - 6
        (journal,) = unfinished(found.means.vault.path, "press")
        assert journal.stem == f"press@{plan.digest}"


async def test_what_cannot_be_put_back_is_named_and_all_else_is(tmp_path: Path) -> None:
    """One leaf takes its new value and no longer the old one; another takes no new one."""
    async with plant(tmp_path) as found:
        press, manipulated = found.press, held(found.press)
        real = press._write  # noqa: SLF001

        def latched(arguments: bytes, number: bytes, writer: asyncio.StreamWriter) -> bool:
            back = arguments.startswith(b"axis/3/limit\0") and press.held["axis/3/limit"][1] == 300
            press.fault = "refuse" if back else "ignore" if arguments[:5] == b"name\0" else ""
            press.at = len(press.wrote)
            return real(arguments, number, writer)

        press._write = latched  # type: ignore[method-assign]  # noqa: SLF001
        receipt = await found.restore()
        assert not receipt.proved
        assert not receipt.rolled_back
        assert receipt.finished, "all could be read"
        verdicts = {leaf.path: leaf.verdict for leaf in receipt.leaves[:WRITES]}
        assert verdicts.pop("axis/3/limit") == "failed"
        assert verdicts.pop("name") == "unchanged"
        assert set(verdicts.values()) == {"rolled back"}
        assert held(press) == manipulated | {"axis/3/limit": as_gold()["axis/3/limit"]}


class FullOs:
    """The ``os`` of a disk that is full after so many lines."""

    def __init__(self, after: int) -> None:
        self._left = after

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def write(self, file: int, data: bytes) -> int:
        self._left -= 1
        if self._left < 0:
            os.write(file, data[:9])
            raise OSError(errno.ENOSPC, "full")
        return os.write(file, data)


async def test_the_journal_is_past_the_cache_of_the_drive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = CachingDrive()
    async with plant(tmp_path) as found:
        plan = await found.plan()
        monkeypatch.setattr("goldcopy.vault.folder.fcntl", drive)
        receipt = await found.restore(plan)
        assert receipt.proved
    lines = [name for name in drive.synced if name.startswith(f"press@{plan.digest}")]
    assert len(lines) == 1 + receipt.groups + 1, "what is begun, each group, the receipt"


async def test_what_was_sent_is_counted_once_for_all_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for each leaf is some 14 s with 10,000 of them, and holds up the loop."""
    counted: list[str] = []
    real = Journal.sent

    def sent(self: Journal, phase: Phase) -> Counter[str]:
        counted.append(phase)
        return real(self, phase)

    async with plant(tmp_path) as found:
        plan = await found.plan()
        assert len(plan.writes) == WRITES
        monkeypatch.setattr(Journal, "sent", sent)
        assert (await found.restore(plan)).proved
    assert sorted(counted) == ["restore", "rollback"]


async def test_a_full_disk_sends_nothing_more_and_leaves_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plant(tmp_path) as found:
        manipulated = held(found.press)
        plan = await found.plan()
        with monkeypatch.context() as patched:
            patched.setattr("goldcopy.restore.journal.os", FullOs(after=3))
            with pytest.raises(VaultUnavailable, match="no space is left"):
                await found.restore(plan)
        sent = len(found.press.wrote)
        assert 0 < sent < WRITES
        (journal,) = unfinished(found.means.vault.path)
        assert (await rollback(journal, found.device, found.means)).rolled_back
        assert held(found.press) == manipulated


async def test_settings_that_move_beside_the_plan_are_named(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")
        original = found.press.set

        def coupled(name: str, value: Value) -> None:
            original(name, value)
            original("axis/5/limit", 55)

        found.press.set = coupled  # type: ignore[method-assign]
        receipt = await found.restore(plan)
        assert receipt.proved
        assert receipt.moved == ("axis/5/limit",)


async def test_the_device_changes_while_it_is_written(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan()
        original = found.press._answer  # noqa: SLF001
        identified = 0

        def swapped(service: bytes, arguments: bytes) -> bytes:
            nonlocal identified
            if service == b"I":
                identified += 1
                found.press.product = "Press" if identified == 1 else "Lathe"
            return original(service, arguments)

        found.press._answer = swapped  # type: ignore[method-assign]  # noqa: SLF001
        receipt = await found.restore(plan)
        assert "product" in receipt.why
        assert not receipt.proved
        assert not found.press.wrote


async def test_a_refusal_names_all_reasons_and_writes_nothing(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan()
        found.press.set("axis/2/limit", 17)
        found.press.product = "Lathe"
        with pytest.raises(NotAllowed) as caught:
            await found.restore(plan)
        assert {refusal.gate for refusal in caught.value.refusals} == {"identity", "moved"}
        assert not any(asked.writes for asked in found.press.log)
        assert not found.press.wrote
        assert unfinished(found.means.vault.path) == []
