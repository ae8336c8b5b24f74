"""Somebody edits what a restore has left on the disk: nothing is written that was not approved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.core.restore_toy import Plant, plant

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.restore import (
    Journal,
    NotAllowed,
    Plan,
    abandon,
    resume,
    rollback,
    unfinished,
)
from goldcopy.restore.model import WriteLine
from goldcopy.snapshot.canonical import item_line

Begun = dict[str, Any]


def permit(begun: Begun) -> None:
    begun["permit"] |= {"in_run": True, "spare": True}


def old_live_value(begun: Begun) -> None:
    begun["live"][0]["value"] = 99


def other_place(begun: Begun) -> None:
    begun["live"][0]["address"] = "axis/0/limit"


def other_plan(begun: Begun) -> None:
    plan = Plan.read(begun["plan"])
    write = plan.lines[0].write()
    lines = (WriteLine.of(write._replace(value=9.5)), *plan.lines[1:])
    begun["plan"] = msgspec.structs.replace(plan, lines=lines).line.decode()


@pytest.mark.parametrize("go_on", [resume, rollback])
@pytest.mark.parametrize("edit", [permit, old_live_value, other_place, other_plan])
async def test_a_journal_that_was_edited_is_not_gone_on_with(
    tmp_path: Path, edit: Callable[[Begun], None], go_on: Callable[..., Any]
) -> None:
    async with plant(tmp_path) as found:
        path = await edited(found, edit)
        with pytest.raises(VaultDamaged, match="not as the vault says"):
            await go_on(path, found.device, found.means)
        assert not found.press.wrote
        with pytest.raises(Wrong, match="abandon it"):
            await found.restore()
        await abandon(path, found.device, found.means, "ann", "edited by nobody knows whom")
        assert unfinished(found.means.vault.path) == []
        (note,) = found.means.vault.notes("restore.abandoned", "press")
        assert note.body["reason"] == "edited by nobody knows whom"
        assert (await found.restore()).proved


async def edited(found: Plant, edit: Callable[[Begun], None]) -> Path:
    plan = await found.plan("gain", "live", values="all")
    live = msgspec.json.decode(item_line((await found.live()).by_path["live"]))
    journal = await found.killed(plan, "gain")
    first, *rest = journal.path.read_text().splitlines(keepends=True)
    begun = json.loads(first)
    begun["live"] = [live]
    edit(begun)
    digest = Plan.read(begun["plan"]).digest
    path = journal.path.with_name(f"press@{digest}.journal")
    journal.path.unlink()
    path.write_text(json.dumps(begun) + "\n" + "".join(rest))
    return path


async def test_content_is_what_its_hash_says(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        journal = await found.killed(await found.plan("recipe"))
        begun = json.loads(journal.path.read_text())
        begun["blobs"] = {"00" * 32: "aGVsbG8="}
        journal.path.write_text(json.dumps(begun) + "\n")
        with pytest.raises(VaultDamaged, match="content 0000"):
            await resume(journal.path, found.device, found.means)
        assert not found.press.wrote


async def test_a_live_value_in_a_journal_is_a_value_and_nothing_else(tmp_path: Path) -> None:
    """Where a collector cannot read its own history, a journal still writes nowhere else."""
    async with plant(tmp_path) as found:
        path = await edited(found, other_place)
        writes = {write.path: write for write in Journal.open(path).writes}
        assert writes["live"].now.address == ""
        assert writes["live"].now.value == 8


async def test_a_plan_that_writes_elsewhere_than_it_says_is_refused(tmp_path: Path) -> None:
    """Whoever approves it sees paths, not addresses."""
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")
        write = plan.lines[0].write()
        now = msgspec.structs.replace(write.now, address="axis/0/limit")
        forged = msgspec.structs.replace(plan, lines=(WriteLine.of(write._replace(now=now)),))
        with pytest.raises(NotAllowed) as caught:
            await found.restore(forged)
        assert [refusal.gate for refusal in caught.value.refusals] == ["moved"]
        assert not found.press.wrote


@pytest.mark.parametrize("go_on", [resume, rollback])
async def test_the_inventory_has_a_leaf_elsewhere_by_now(
    tmp_path: Path, go_on: Callable[..., Any]
) -> None:
    """It would be written in one place, and read back in another."""
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")
        write = plan.lines[0].write()
        now = msgspec.structs.replace(write.now, address="gain")
        other = msgspec.structs.replace(plan, lines=(WriteLine.of(write._replace(now=now)),))
        journal = await found.killed(other, "gain")
        with pytest.raises(NotAllowed, match="put the inventory back"):
            await go_on(journal.path, found.device, found.means)
        assert not found.press.wrote


async def test_a_controller_that_died_midway_does_not_stand_in_the_way_of_its_spare(
    tmp_path: Path,
) -> None:
    async with plant(tmp_path) as found:
        journal = await found.killed(await found.plan("gain"), "gain")
        found.press.product = "Press 2"
        for go_on in (resume, rollback):
            with pytest.raises(NotAllowed, match="its product is 'Press 2'"):
                await go_on(journal.path, found.device, found.means)
        with pytest.raises(Wrong, match="for a reason"):
            await abandon(journal.path, found.device, found.means, "ann", " ")
        await abandon(journal.path, found.device, found.means, "ann", "it burnt; a spare is in")
        with pytest.raises(NotAllowed) as caught:  # its gates are asked, and no journal any more
            await found.restore()
        assert {refusal.gate for refusal in caught.value.refusals} == {"identity"}
        found.press.product = "Press"
        assert (await found.restore()).proved
