"""Applying a plan, and going on with one that was interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from goldcopy.errors import VaultDamaged, VaultSealed, Wrong
from goldcopy.inventory import Device
from goldcopy.restore import gates
from goldcopy.restore.course import Course
from goldcopy.restore.gates import Approvals, GoldState, NotAllowed, Permit, Refusal
from goldcopy.restore.journal import Begun, Journal, refuse_second
from goldcopy.restore.journal import abandon as set_aside
from goldcopy.restore.kept import keep_plan
from goldcopy.restore.leaf import hashes, stands
from goldcopy.restore.means import Means
from goldcopy.restore.model import Plan
from goldcopy.restore.reach import Reach
from goldcopy.restore.receipt import Leaf, Receipt
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Facts, Vault

BEGUN: Final = "restore.begun"
ABANDONED: Final = "restore.abandoned"


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
    begun = Begun.of(plan, fresh.id, permit, datetime.now(UTC), live, blobs)
    body = {"plan": plan.digest, "by": permit.by, "journal": begun.digest}
    await means.writer.note(BEGUN, device.name, body)
    journal = await asyncio.to_thread(Journal.begin, vault.path, begun)
    return await Course(journal, reach, means, fresh, (fresh, facts)).forward()


async def resume(path: Path, device: Device, means: Means) -> Receipt:
    """Go on with a restore that was interrupted: first by reading what there is now.

    The people who have approved it have approved all of it, so they are not asked again. Raises as
    ``apply``; ``Wrong`` if it was going back already.
    """
    journal = await asyncio.to_thread(Journal.open, path)
    if journal.turned is not None:
        raise Wrong(f"{device.name}: it was going back ({journal.turned.why}): roll it back")
    reach, found = await _interrupted(journal, device, means)
    snapshot, _ = found
    refusals = [
        *gates.who(journal.plan, device, snapshot.identity, journal.begun.permit),
        *_moved(journal, snapshot),
    ]
    sent = journal.sent("restore")
    for write in journal.writes:
        item = snapshot.by_path.get(write.path)
        known = write.path in sent or stands(item, write.now) or stands(item, write.wanted)
        if not known:
            refusals.append(Refusal("moved", f"{write.path} was changed by others meanwhile"))
    _refuse(device, refusals)
    before = await asyncio.to_thread(_loaded, means.vault, journal.begun.before)
    return await Course(journal, reach, means, before, found, resumed=True).forward()


async def rollback(path: Path, device: Device, means: Means) -> Receipt:
    """Put back what an interrupted restore has written: first by reading what there is now.

    Raises as ``apply``.
    """
    journal = await asyncio.to_thread(Journal.open, path)
    reach, found = await _interrupted(journal, device, means)
    snapshot, _ = found
    refusals = gates.is_it(journal.plan, device, snapshot.identity, journal.begun.permit)
    _refuse(device, [*refusals, *_moved(journal, snapshot)])
    before = await asyncio.to_thread(_loaded, means.vault, journal.begun.before)
    course = Course(journal, reach, means, before, found, resumed=True)
    return await course.back("it was interrupted, and is rolled back")


async def abandon(path: Path, device: Device, means: Means, by: str, reason: str) -> None:
    """Give a restore up that can neither be gone on with nor rolled back; nothing is sent.

    What its controller holds stays unknown, and the vault says who has decided that, and why.
    """
    if not reason.strip():
        raise Wrong(f"{device.name}: a restore is abandoned for a reason")
    body = {"journal": path.stem, "by": by, "reason": reason}
    await means.writer.note(ABANDONED, device.name, body)
    await asyncio.to_thread(set_aside, path)


async def still(plan: Plan, done: Receipt, device: Device, means: Means) -> Receipt:
    """A receipt of before as it is now: first by reading. Raises ``Unreachable``.

    Nothing is written to the device, nor told anew of it.
    """
    found, facts = await means.reach(device).read()
    await means.writer.keep(found, facts)
    when = f"it was proved at {done.ended:%Y-%m-%d %H:%M} UTC"
    if others := gates.is_it(plan, device, found.identity, done.permit):
        whys = "; ".join(one.why for one in others)
        return msgspec.structs.replace(done, after="", why=f"{when}; now {whys}")
    moved = [one.path for one in plan.writes if not stands(found.by_path.get(one.path), one.wanted)]
    leaves = tuple(
        [
            Leaf(leaf.path, "failed", "it has moved since") if leaf.path in moved else leaf
            for leaf in done.leaves
        ]
    )
    why = f"{when}; {gates.some(moved)} has moved since" if moved else done.why
    return msgspec.structs.replace(done, after=found.id, leaves=leaves, why=why)


async def _interrupted(
    journal: Journal, device: Device, means: Means
) -> tuple[Reach, tuple[Snapshot, Facts]]:
    """What the device holds, once nothing can be on its way to it any more."""
    await asyncio.to_thread(_is_ours, journal, means.vault)
    _refuse(device, gates.may_be_written(journal.plan, device, means.vault.id))
    reach = means.reach(device)
    reach.check()
    if journal.in_doubt:  # whoever was killed may have sent it in that moment
        await asyncio.sleep(means.settling(device))
    found = await reach.read()
    await means.writer.keep(*found)
    return reach, found


def _is_ours(journal: Journal, vault: Vault) -> None:
    """Raise ``VaultDamaged`` unless the vault's history says that this journal was begun.

    Whoever may write to the vault's folder could else have anything written, approved by nobody.
    """
    try:
        notes = vault.notes(BEGUN, journal.plan.device)
    except VaultSealed:  # a collector cannot read its own history
        return
    if not any(note.body.get("journal") == journal.digest for note in notes):
        raise VaultDamaged(
            f"{journal.path} is not as the vault says that it was begun: nothing is sent; "
            "goldcopy restore abandon sets it aside"
        )


def _moved(journal: Journal, found: Snapshot) -> list[Refusal]:
    """Leaves that are somewhere else by now: what is written there would not be read back."""
    refusals = []
    for write in journal.writes:
        item = found.by_path.get(write.path)
        if item is not None and (item.type, item.address) != (write.now.type, write.now.address):
            why = f"{write.path} is now {item.type} {item.address}: put the inventory back"
            refusals.append(Refusal("moved", why))
    return refusals


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
