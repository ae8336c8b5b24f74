"""A campaign that is called again, or whose vault is in trouble: nothing old is told as new."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from tests.core.test_restore_apply import FullOs, as_gold, held
from tests.core.test_restore_waves import Plant, plant

from goldcopy.errors import VaultDamaged, VaultUnavailable
from goldcopy.restore import CampaignWatch, Job, unfinished
from goldcopy.restore.waves import Result
from goldcopy.snapshot import Snapshot


def results(receipt: object) -> dict[str, Result]:
    return {one.device: one for one in receipt.results}  # type: ignore[attr-defined]


async def test_a_device_that_was_proved_and_has_moved_since_is_not_proved(tmp_path: Path) -> None:
    async with plant(tmp_path, names=["pump", "extra"], stop_after=9) as found:
        await found.plan()
        assert (await found.restore()).proved
        found.presses["pump"].set("axis/3/limit", 17)
        watch = CampaignWatch()
        receipt = await found.restore(watch)
        assert not receipt.proved
        pump, extra = (results(receipt)[name] for name in ("pump", "extra"))
        assert (pump.state, extra.state) == ("not proved", "proved")
        assert "axis/3/limit has moved since" in pump.why
        assert watch.ended_before == 2
        assert found.presses["pump"].held["axis/3/limit"] == ("DINT", 17), "it is looked at only"
        latest = found.means.vault.load(found.means.vault.log("pump")[0])
        assert latest.by_path["axis/3/limit"].value == 17


async def test_a_device_that_was_proved_and_is_gone_is_not_proved(tmp_path: Path) -> None:
    async with plant(tmp_path, names=["pump"]) as found:
        await found.plan()
        assert (await found.restore()).proved
        found.presses["pump"].product = "Lathe"
        receipt = await found.restore()
        assert [one.state for one in receipt.results] == ["not proved"]
        assert "'Lathe'" in receipt.results[0].why


async def test_half_written_is_not_called_refused(tmp_path: Path) -> None:
    """Killed midway; when it goes on, the controller is another one, or is gone."""
    async with plant(tmp_path, names=["pump", "extra"]) as found:
        await found.plan()
        await cut_off(found, "pump")
        found.presses["pump"].product = "Lathe"
        receipt = await found.restore()
        assert results(receipt)["pump"].state == "not proved"
        assert results(receipt)["extra"].state == "not begun"
        assert len(unfinished(found.means.vault.path)) == 1
        found.presses["pump"].product = "Press"
        assert (await found.restore()).proved


async def test_what_was_going_back_goes_on_going_back(tmp_path: Path) -> None:
    """Else nothing but a person, who is asleep, could end it."""
    async with plant(tmp_path, names=["pump"]) as found:
        await found.plan()
        press = found.presses["pump"]
        manipulated = held(press)
        press.fault, press.at = "refuse", 5
        await cut_off(found, "pump", at=7)
        assert held(press) != manipulated
        receipt = await found.restore()
        assert [one.state for one in receipt.results] == ["not proved"]
        assert held(press) == manipulated
        assert unfinished(found.means.vault.path) == []


async def cut_off(found: Plant, name: str, at: int = 7) -> None:
    """End the campaign when so many values were written to a device."""
    press, reached = found.presses[name], asyncio.Event()
    real = press._write  # noqa: SLF001

    def write(arguments: bytes, number: bytes, writer: asyncio.StreamWriter) -> bool:
        if len(press.wrote) == at:
            reached.set()
        return real(arguments, number, writer)

    press._write = write  # type: ignore[method-assign]  # noqa: SLF001
    task = asyncio.create_task(found.restore())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    press._write = real  # type: ignore[method-assign]  # noqa: SLF001


async def test_a_damaged_gold_copy_of_one_leaves_no_other_half_written(tmp_path: Path) -> None:
    """Those at work come to their end; no further one is begun; then it is told."""
    async with plant(tmp_path, names=["press-1", "press-2", "press-3", "zz"]) as found:
        await found.plan()
        job, at_work = found.jobs["press-1"], found.presses["press-2"]
        assert found.campaign is not None
        (wave,) = found.campaign.waves
        found.campaign = msgspec.structs.replace(found.campaign, waves=(wave[:3], wave[3:]))

        def damaged() -> Snapshot:
            while len(at_work.wrote) < 4:
                time.sleep(0.001)
            raise VaultDamaged("a pack is not the original")

        found.jobs["press-1"] = Job(job.plan, damaged, job.device, job.gold)
        with pytest.raises(VaultDamaged, match="not the original"):
            await found.restore()
        assert unfinished(found.means.vault.path) == []
        assert held(at_work) == as_gold()
        assert not found.presses["press-1"].wrote
        assert not found.presses["zz"].wrote, "it was to be after"
        (note,) = found.means.vault.notes("campaign.receipt")
        assert [one["state"] for one in note.body["results"]] == [
            "not proved",
            "proved",
            "proved",
            "not begun",
        ]


async def test_a_full_disk_ends_a_campaign_and_each_journal_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plant(tmp_path, names=[f"press-{n}" for n in range(6)]) as found:
        await found.plan()
        with monkeypatch.context() as patched:
            patched.setattr("goldcopy.restore.journal.os", FullOs(after=20))
            with pytest.raises(VaultUnavailable, match="no space is left"):
                await found.restore()
        assert unfinished(found.means.vault.path)
        receipt = await found.restore()
        assert receipt.proved, receipt.results
        for press in found.presses.values():
            assert held(press) == as_gold()


async def test_what_moves_beside_the_plan_is_told_of_each_device(tmp_path: Path) -> None:
    async with plant(tmp_path, names=["pump"]) as found:
        await found.plan()
        press = found.presses["pump"]
        press.held["beside"] = ("DINT", 1)
        await found.plan()
        real = press.set

        def coupled(name: str, value: object) -> None:
            real(name, value)  # type: ignore[arg-type]
            real("beside", 2)

        press.set = coupled  # type: ignore[method-assign]
        receipt = await found.restore()
        assert receipt.proved
        assert receipt.results[0].moved == ("beside",)
