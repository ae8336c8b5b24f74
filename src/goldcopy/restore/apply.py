"""Applying a plan, and going on with one that was interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from goldcopy.errors import VaultDamaged, VaultSealed, Wrong
from goldcopy.inventory import Device
from goldcopy.registry import Registry
from goldcopy.restore import gates
from goldcopy.restore.course import Course, Watch
from goldcopy.restore.gates import Approvals, GoldState, NotAllowed, Permit, Refusal
from goldcopy.restore.journal import Journal, refuse_second
from goldcopy.restore.kept import keep_plan
from goldcopy.restore.leaf import hashes, stands
from goldcopy.restore.model import Plan
from goldcopy.restore.reach import Reach
from goldcopy.restore.receipt import Receipt
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Vault, Writer


@dataclass(frozen=True)
class Means:
    """What a restore works with."""

    vault: Vault
    writer: Writer
    registry: Registry
    pause: float = 0.0
    """Seconds between two groups of writes, beside the device's courtesy."""
    retries: int = 2
    """Of a read that fails. Nothing is ever written a second time unread."""
    retry_pause: float = 1.0
    watch: Watch = field(default_factory=Watch)

    def reach(self, device: Device) -> Reach:
        """The way to a device."""
        return Reach(device, self.registry, self.retries, self.retry_pause)


async def apply(
    plan: Plan,
    target: Snapshot,
    device: Device,
    means: Means,
    *,
    gold: GoldState,
    approvals: Approvals,
    permit: Permit,
) -> Receipt:
    """Carry a plan out, and prove it leaf by leaf; what cannot be proved is put back.

    Args:
        plan: what to write.
        target: the snapshot that the plan goes to, as the vault has it.
        device: as the inventory has it.
        means: vault, drivers, pace.
        gold: what is known of the device's gold copy.
        approvals: who has approved a plan.
        permit: what the person who applies it takes upon themselves.

    Raises:
        NotAllowed: something speaks against it; nothing was written.
        Wrong: it was applied before, or another restore of the device is not finished.
        Unreachable: the device could not be read; nothing was written.
        VaultUnavailable: what was begun is in its journal, to be resumed or rolled back.
    """
    vault = means.vault
    _refuse(
        device,
        gates.before(
            plan,
            target,
            device,
            vault=vault.id,
            gold=gold,
            approvals=approvals,
            permit=permit,
        ),
    )
    await asyncio.to_thread(refuse_second, vault.path, plan)
    reach = means.reach(device)
    reach.check()
    fresh, facts = await reach.read()
    await means.writer.keep(fresh, facts)
    hold = {"snapshot": fresh.id, "why": f"as it was found by restore {plan.digest[:12]}"}
    await means.writer.note("hold", device.name, hold)
    _refuse(device, gates.on_device(plan, device, fresh, permit))
    blobs = await asyncio.to_thread(_content, plan, target, fresh)
    await keep_plan(vault, means.writer, plan)
    if permit.break_glass.strip():
        body = {"plan": plan.digest, "by": permit.by, "reason": permit.break_glass}
        await means.writer.note("break-glass", device.name, body)
    live = [fresh.by_path[one.path] for one in plan.writes if one.now.role == "process"]
    journal = await asyncio.to_thread(
        Journal.begin, vault.path, plan, fresh.id, permit, datetime.now(UTC), live, blobs
    )
    course = Course(journal, reach, means.writer, fresh, means.pause, means.watch)
    return await course.forward(fresh)


async def resume(path: Path, device: Device, means: Means) -> Receipt:
    """Go on with a restore that was interrupted: first by reading what there is now.

    The people who have approved it have approved all of it, so they are not asked again. Raises as
    ``apply``; ``Wrong`` if it was going back already.
    """
    journal, reach, found = await _interrupted(path, device, means)
    if journal.turned is not None:
        raise Wrong(f"{device.name}: it was going back ({journal.turned.why}): roll it back")
    plan, sent = journal.plan, journal.sent("restore")
    refusals = gates.who(plan, device, found.identity, journal.begun.permit)
    for write in journal.writes:
        item = found.by_path.get(write.path)
        known = write.path in sent or stands(item, write.now) or stands(item, write.wanted)
        if not known:
            refusals.append(Refusal("moved", f"{write.path} was changed by others meanwhile"))
    _refuse(device, refusals)
    return await _course(journal, reach, means).forward(found)


async def rollback(path: Path, device: Device, means: Means) -> Receipt:
    """Put back what an interrupted restore has written: first by reading what there is now.

    Raises as ``apply``.
    """
    journal, reach, found = await _interrupted(path, device, means)
    refusals = gates.who(journal.plan, device, found.identity, journal.begun.permit)
    _refuse(device, [one for one in refusals if one.gate != "mode"])
    return await _course(journal, reach, means).back("it was interrupted, and is rolled back")


async def _interrupted(path: Path, device: Device, means: Means) -> tuple[Journal, Reach, Snapshot]:
    journal = await asyncio.to_thread(Journal.open, path)
    _refuse(device, gates.may_be_written(journal.plan, device, means.vault.id))
    reach = means.reach(device)
    reach.check()
    found, facts = await reach.read()
    await means.writer.keep(found, facts)
    return journal, reach, found


def _course(journal: Journal, reach: Reach, means: Means) -> Course:
    before = _loaded(means.vault, journal.begun.before)
    return Course(journal, reach, means.writer, before, means.pause, means.watch, resumed=True)


def _loaded(vault: Vault, id: str) -> Snapshot | None:
    """The snapshot taken first, to name what else has moved; all else is in the journal."""
    try:
        return vault.load(vault.by_id(id)[0])
    except (VaultSealed, VaultDamaged, IndexError):
        return None


def _content(plan: Plan, target: Snapshot, fresh: Snapshot) -> dict[str, bytes]:
    """All big content that may have to be written, the old and the new."""
    found: dict[str, bytes] = {}
    for write in plan.writes:
        now = fresh.by_path[write.path]
        for value, snapshot in ((now.value, fresh), (write.value, target)):
            for sha in hashes(value):
                if sha not in snapshot.blobs:
                    raise Wrong(f"{plan.device}: the content of {write.path} is not at hand")
                found[sha] = snapshot.blobs[sha]
    return found


def _refuse(device: Device, refusals: Iterable[Refusal]) -> None:
    reasons = tuple(refusals)
    if reasons:
        raise NotAllowed(device.name, reasons)
