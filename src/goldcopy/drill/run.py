"""One scenario on one device: a twin with the gold copy, harmed, and really restored."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from goldcopy.drill import harm
from goldcopy.drill.ground import TWIN_SETTLES, Cut, Failed, Gold, Ground, restoring
from goldcopy.drill.model import Drilled, Scenario, State
from goldcopy.drill.twins import Loaded, NoTwin, as_device, covers, differences, load
from goldcopy.errors import GoldcopyError, Unreachable
from goldcopy.inventory import Device
from goldcopy.registry import Twin
from goldcopy.restore import (
    GoldState,
    Means,
    NotAllowed,
    Permit,
    Plan,
    Receipt,
    apply,
    make_plan,
    resume,
    unfinished,
)
from goldcopy.restore.safety import safety
from goldcopy.snapshot import Snapshot
from goldcopy.snapshot.diff import Cover

_NAMED = 5
"""Paths that a sentence names."""


async def drill(device: Device, gold: Gold, scenario: Scenario, ground: Ground) -> Drilled:
    """Drill one of the scenarios ``ON_TWIN``; whatever comes of it is told, and nothing raised."""
    run = _Run(device, gold, scenario, ground)
    try:
        await run.on_twin()
    except NoTwin as error:
        run.end("not drilled", str(error))
    except (Failed, GoldcopyError) as error:
        run.end("failed", str(error))
    return run.told()


async def on_spare(
    device: Device, gold: Gold, host: str, port: int, ground: Ground, in_run: bool = False
) -> Drilled:
    """Restore the gold copy to a spare: a real controller of the same kind, which it overwrites.

    All gates hold, but for serial number and firmware. Whatever comes of it is told.
    """
    run = _Run(device, gold, "spare", ground)
    try:
        await run.on_spare(msgspec.structs.replace(device, host=host, port=port), in_run)
    except (NotAllowed, Unreachable) as error:
        run.end("not drilled", str(error))
    except (Failed, GoldcopyError) as error:
        run.end("failed", str(error))
    return run.told()


@dataclass
class _Run:
    """A drill on its way, and what is to be told of it."""

    device: Device
    gold: Gold
    scenario: Scenario
    ground: Ground
    found: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    # -- telling -----------------------------------------------------------------------------------

    def end(self, state: State, why: str, **more: object) -> None:
        self.found |= {"state": state, "why": why, **more}

    def told(self) -> Drilled:
        return Drilled(
            device=self.device.name,
            scenario=self.scenario,
            source=self.gold.source,
            snapshot=self.gold.snapshot.id,
            told=tuple(dict.fromkeys([*self.gold.told, *self.notes])),
            **self.found,
        )

    # -- two grounds -------------------------------------------------------------------------------

    async def on_twin(self) -> None:
        gold = self.gold.snapshot
        if why := safety(self.device, gold.identity):
            self.end("not drilled", f"{why}: safety controllers are never written, nor drilled")
            return
        identity = None
        if self.scenario == "firmware":
            identity = harm.other_firmware(gold.identity)
            if identity is None:
                self.end("not drilled", "this device tells no firmware")
                return
        loaded = await asyncio.to_thread(load, self.ground.registry, self.device, gold, identity)
        self.notes += [f"not on the twin: {path}: {why}" for path, why in loaded.lacks.items()]
        async with loaded.twin as twin, restoring(self.ground, TWIN_SETTLES) as means:
            device = as_device(self.ground.registry, self.device, twin)
            if self.scenario == "firmware":
                await self._refused(twin, device, means)
                return
            before, _ = await means.reach(device).read()
            self._is_alike(loaded, before)
            if self.scenario == "credential":
                await self._locked(twin, device, means)
                return
            harmed = await self._harmed(twin, device, means, before)
            since, began = len(twin.log), time.monotonic()
            plan, receipt = await self._restored(device, means, Permit(self.ground.by, in_run=True))
            self._measured(began, len(twin.log) - since)
            seen = {one.path for one in plan.writes} | {one.path for one in plan.left}
            missed = harmed - seen
            if missed:
                raise Failed(f"the plan did not see what was done to {_some(missed)}")
            after, _ = await means.reach(device).read()
            self._proved(plan, receipt, after, loaded, harmed)

    async def on_spare(self, device: Device, in_run: bool) -> None:
        async with restoring(self.ground) as means:
            device = msgspec.structs.replace(device, approvers=0)
            live, _ = await means.reach(device).read()
            serial = live.identity.serial
            if serial and serial == self.gold.snapshot.identity.serial:
                self.end("not drilled", f"serial {serial} is the device itself, not a spare")
                return
            began = time.monotonic()
            permit = Permit(self.ground.by, spare=True, in_run=in_run)
            plan, receipt = await self._restored(device, means, permit)
            self._measured(began, None)
            after, _ = await means.reach(device).read()
            self._proved(plan, receipt, after, None, {write.path for write in plan.writes})

    # -- steps -------------------------------------------------------------------------------------

    def _is_alike(self, loaded: Loaded, twin: Snapshot) -> None:
        """A drill proves nothing on a twin that is another controller."""
        unlike = self._unlike(twin, loaded)
        if unlike:
            raise NoTwin(
                f"{self.device.name}: the twin does not hold {_some(unlike)} as the gold copy "
                "does, and does not say so"
            )

    def _unlike(self, found: Snapshot, loaded: Loaded | None) -> set[str]:
        """The settings in scope that are not as in the gold copy, for no reason that is known."""
        gold = self.gold.snapshot
        gaps = Cover(gold.gaps)
        lacks = loaded.lacks if loaded else {}
        return {
            path
            for path in differences(gold, found)
            if path in self.gold.scope and not covers(lacks, path) and gaps.of(path) is None
        }

    async def _harmed(self, twin: Twin, device: Device, means: Means, before: Snapshot) -> set[str]:
        """Harm the twin; the settings in scope that are then not as they were."""
        if self.scenario == "wiped":
            twin.wipe()
        else:
            harm.manipulate(twin, self.gold.snapshot)
        live, _ = await means.reach(device).read()
        harmed = {path for path in differences(before, live) if path in self.gold.scope}
        if not harmed:
            raise NoTwin(f"{device.name}: no setting of it can be written, so nothing is drilled")
        return harmed

    async def _planned(self, device: Device, means: Means) -> Plan:
        live, _ = await means.reach(device).read()
        gold, vault = self.gold, means.vault.id
        return make_plan(live, gold.snapshot, device, vault=vault, scope=gold.scope)

    async def _restored(self, device: Device, means: Means, permit: Permit) -> tuple[Plan, Receipt]:
        plan = await self._planned(device, means)
        if self.scenario != "half-restored":
            return plan, await self._applied(plan, device, means, permit)
        await self._interrupted(plan, device, means, permit)
        journals = await asyncio.to_thread(unfinished, means.vault.path, device.name)
        if len(journals) != 1:
            raise Failed(f"it was interrupted, and {len(journals)} journals tell of that")
        return plan, await resume(journals[0], device, means)

    async def _applied(self, plan: Plan, device: Device, means: Means, permit: Permit) -> Receipt:
        state = GoldState(True, "", self.gold.snapshot.id, self.gold.scope)
        return await apply(
            plan,
            self.gold.snapshot,
            device,
            means,
            gold=state,
            approvals=lambda digest: (),  # a twin needs nobody's
            permit=permit,
        )

    async def _interrupted(self, plan: Plan, device: Device, means: Means, permit: Permit) -> None:
        """Begin a restore, and end it when half of the leaves are sent."""
        watch = Cut(half=len(plan.writes) // 2)
        cut = replace(means, watch=watch)
        task = asyncio.create_task(self._applied(plan, device, cut, permit))
        watch.task = task
        with contextlib.suppress(asyncio.CancelledError):
            await task
        if not task.cancelled():
            raise Failed("the restore went on after it was interrupted")

    async def _refused(self, twin: Twin, device: Device, means: Means) -> None:
        """Another firmware, and nobody has called it a spare: it must be refused, unwritten."""
        harm.manipulate(twin, self.gold.snapshot)
        since = len(twin.log)
        try:
            await self._restored(device, means, Permit(self.ground.by, in_run=True))
        except NotAllowed as error:
            gates = {one.gate for one in error.refusals}
            if any(service.writes for service in twin.log[since:]):
                raise Failed(f"it was refused, and written to all the same: {error}") from None
            if gates != {"identity"}:
                raise Failed(f"it was refused for another reason: {error}") from None
            self.end("passed", f"refused: {error}")
            return
        raise Failed("another firmware was in its place, and the restore went on")

    async def _locked(self, twin: Twin, device: Device, means: Means) -> None:
        """A credential that nobody knows: a restore cannot be whole, and must say why."""
        harm.manipulate(twin, self.gold.snapshot)
        what = twin.lock()
        if not what:
            self.end("not drilled", "this protocol has no credentials")
            return
        since = len(twin.log)
        try:
            plan, receipt = await self._restored(device, means, Permit(self.ground.by, in_run=True))
        except Unreachable as error:
            if any(service.writes for service in twin.log[since:]):
                raise Failed(f"it could not be read, and was written to: {error}") from None
            self.end("passed", f"needs a person ({what}): {error}")
            return
        if receipt.whole or not plan.left:
            raise Failed(f"it asks for {what}, and the receipt says that all is restored")
        first = plan.left[0]
        self.end(
            "passed",
            f"needs a person ({what}): {len(plan.left)} leaves were not restored, "
            f"{first.path}: {first.why}",
            leaves=dict(receipt.counts),
        )

    # -- judging -----------------------------------------------------------------------------------

    def _measured(self, began: float, requests: int | None) -> None:
        pace = self.gold.pace
        estimate = round(requests * pace, 1) if requests and pace else None
        self.found |= {
            "seconds": round(time.monotonic() - began, 3),
            "requests": requests,
            "estimate_seconds": estimate,
        }

    def _proved(
        self, plan: Plan, receipt: Receipt, after: Snapshot, loaded: Loaded | None, harmed: set[str]
    ) -> None:
        """The receipt's word, and beside it a comparison of our own, leaf by leaf."""
        left = {one.path for one in plan.left}
        unlike = self._unlike(after, loaded)
        wrong, lost = unlike - left, unlike & left & harmed
        counts = {str(verdict): number for verdict, number in receipt.counts.items()}
        counts["harmed"] = len(harmed)
        self.notes += [f"not restored: {one.path}: {one.why}" for one in plan.left]
        if not receipt.proved:
            why = receipt.why or receipt.named("failed", "in doubt", "unchanged", "rolled back")
            why = why or "nothing was read back"
            self.end("failed", f"the restore did not prove itself: {why}", leaves=counts)
        elif wrong:
            why = f"the receipt says proved, and {_some(wrong)} is not as in the gold copy"
            self.end("failed", why, leaves=counts)
        elif lost:
            why = f"{len(lost)} of what was harmed is not restored: {_some(lost)}"
            self.end("failed", why, leaves=counts)
        else:
            why = f"{len(plan.writes)} leaves written and read back as in the gold copy"
            self.end("passed", why, leaves=counts, proved=True)


def _some(paths: set[str]) -> str:
    more = len(paths) - _NAMED
    return ", ".join(sorted(paths)[:_NAMED]) + (f" and {more} more" if more > 0 else "")
