"""Carrying a campaign out: wave by wave, within the budgets, and no further once it goes wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

import msgspec

from goldcopy.collect.budget import Budgets
from goldcopy.collect.outcome import only, words
from goldcopy.errors import GoldcopyError, VaultDamaged, VaultUnavailable
from goldcopy.inventory import Device, Zone
from goldcopy.restore.apply import apply, resume, rollback, still
from goldcopy.restore.campaign import Campaign, Part
from goldcopy.restore.gates import Approvals, GoldState, NotAllowed, Permit, Refusal
from goldcopy.restore.journal import Journal, finished, running
from goldcopy.restore.means import Means, Watch
from goldcopy.restore.model import Plan
from goldcopy.restore.receipt import Receipt
from goldcopy.snapshot import Snapshot

AT_ONCE: Final = 32
"""Devices being restored at the same time, over all zones."""

State = Literal["proved", "not proved", "refused", "not begun"]


class Job(NamedTuple):
    """One device of a campaign."""

    plan: Plan
    target: Callable[[], Snapshot]
    """Loads the snapshot that the plan goes to. May block: it is called in a thread."""
    device: Device
    gold: GoldState


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one device."""

    device: str
    state: State
    why: str = ""
    plan: str = ""
    planned: int = 0
    groups: int = 0
    seconds: float = 0.0
    moved: tuple[str, ...] = ()
    """Settings beside its plan that are not as they were before."""


class CampaignReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a campaign; each device has a receipt of its own beside."""

    campaign: str
    """Digest."""
    began: datetime
    ended: datetime
    permit: Permit
    results: tuple[Result, ...]
    """In the order of the campaign."""

    @property
    def proved(self) -> bool:
        """Whether every planned leaf of every device is proved."""
        return bool(self.results) and all(one.state == "proved" for one in self.results)


@dataclass
class CampaignWatch:
    """What there is to see while a campaign goes on."""

    total: int = 0
    results: list[Result] = field(default_factory=list)
    """As they come in."""
    devices: dict[str, Watch] = field(default_factory=dict)
    """Those at work now."""
    wave: int = 0
    """From 1."""
    waves: int = 0
    ended_before: int = 0
    """Of the results, those of devices that had ended when it was called again."""
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds_left(self) -> float | None:
        """By what the devices so far took; None while none is done."""
        done = len(self.results) - self.ended_before
        if done <= 0:
            return None
        spent = time.monotonic() - self.began
        return spent / done * (self.total - len(self.results))


async def apply_campaign(
    campaign: Campaign,
    jobs: Mapping[str, Job],
    means: Means,
    *,
    zones: Mapping[str, Zone],
    approvals: Approvals,
    permit: Permit,
    watch: CampaignWatch | None = None,
    at_once: int = AT_ONCE,
) -> CampaignReceipt:
    """Restore device after device, wave after wave; each has its own gates, journal and receipt.

    Called again after it was interrupted, it goes on: what was ended is not begun again, and what
    was in the middle is ended. What was proved before is read, to see whether it still is. After
    ``campaign.stop_after`` devices that are not proved, or when the vault is in trouble, no further
    one is begun; those at work come to their end.

    Args:
        campaign: which plans, in which order.
        jobs: by name of the device, one for each part.
        means: vault, drivers, pace.
        zones: how many devices of each zone are restored at once.
        approvals: who has approved the campaign with a given digest.
        permit: what the person who applies it takes upon themselves, for every device.
        watch: is written to as it goes on.
        at_once: devices at work at the same time, over all zones.

    Raises:
        NotAllowed: the jobs are not those of the campaign; nothing was written.
        VaultUnavailable, VaultDamaged: as for one device, after those at work have ended.
    """
    _check(campaign, jobs, means)
    run = _Run(campaign, jobs, means, zones, approvals, permit, watch or CampaignWatch(), at_once)
    return await run.all()


def _check(campaign: Campaign, jobs: Mapping[str, Job], means: Means) -> None:
    planned = {part.device: part.plan for part in campaign.parts}
    given = {name: job.plan.digest for name, job in jobs.items()}
    if planned != given or campaign.vault != means.vault.id:
        why = "these are not the plans of the campaign, or it is of another vault"
        raise NotAllowed("the campaign", [Refusal("plan", why)])


class _Run:
    def __init__(
        self,
        campaign: Campaign,
        jobs: Mapping[str, Job],
        means: Means,
        zones: Mapping[str, Zone],
        approvals: Approvals,
        permit: Permit,
        watch: CampaignWatch,
        at_once: int,
    ) -> None:
        self._campaign = campaign
        self._jobs = jobs
        self._means = means
        self._people = tuple(approvals(campaign.digest))
        self._permit = permit
        self._watch = watch
        self._budgets = Budgets([job.device for job in jobs.values()], zones)
        self._places = asyncio.Semaphore(at_once)
        self._failures = 0
        self._trouble: VaultUnavailable | VaultDamaged | None = None

    async def all(self) -> CampaignReceipt:
        began = datetime.now(UTC)
        self._watch.total = len(self._campaign.parts)
        self._watch.waves = len(self._campaign.waves)
        results: list[Result] = []
        for number, wave in enumerate(self._campaign.waves, 1):
            self._watch.wave = number
            results += await self._wave(wave)
        receipt = CampaignReceipt(
            campaign=self._campaign.digest,
            began=began,
            ended=datetime.now(UTC),
            permit=self._permit,
            results=tuple(results),
        )
        body = {"proved": receipt.proved, **msgspec.to_builtins(receipt)}
        try:
            await self._means.writer.note("campaign.receipt", "", body)
        except VaultUnavailable as error:
            raise self._trouble or error from None
        if self._trouble:
            raise self._trouble
        return receipt

    async def _wave(self, wave: Sequence[Part]) -> list[Result]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._device(self._jobs[one.device])) for one in wave]
        except BaseExceptionGroup as errors:
            raise only(errors) from None
        return [task.result() for task in tasks]

    async def _device(self, job: Job) -> Result:
        name = job.device.name
        async with self._budgets.turn(job.device), self._places:
            if self._trouble or self._failures >= self._campaign.stop_after:
                why = str(self._trouble or f"{self._failures} devices before it are not proved")
                result = Result(name, "not begun", why)
            else:
                result = await self._restored(job)
                self._failures += result.state != "proved"
        self._watch.devices.pop(name, None)
        self._watch.results.append(result)
        return result

    async def _restored(self, job: Job) -> Result:
        name, began = job.device.name, time.monotonic()
        self._watch.devices[name] = Watch()
        courtesy = self._budgets.courtesy(job.device)
        device = msgspec.structs.replace(job.device, courtesy=courtesy)
        means = replace(self._means, watch=self._watch.devices[name])
        try:
            receipt = await self._receipt(job, device, means)
        except (VaultUnavailable, VaultDamaged) as error:
            self._trouble = self._trouble or error
            return Result(name, "not proved", str(error), plan=job.plan.digest)
        except GoldcopyError as error:
            said = str(error).removeprefix(f"{name}: ")
            begun = await asyncio.to_thread(running, means.vault.path, job.plan)
            state: State = "not proved" if begun else "refused"
            return Result(name, state, said, plan=job.plan.digest)
        except Exception as error:  # a mistake of ours about one device stops no other one
            return Result(name, "not proved", words(name, error, None), plan=job.plan.digest)
        return Result(
            name,
            "proved" if receipt.proved else "not proved",
            receipt.why or _nothing_done(receipt),
            receipt.plan,
            receipt.planned,
            receipt.groups,
            round(time.monotonic() - began, 3),
            receipt.moved,
        )

    async def _receipt(self, job: Job, device: Device, means: Means) -> Receipt:
        vault = means.vault.path
        if done := await asyncio.to_thread(finished, vault, job.plan):
            self._watch.ended_before += 1
            return await still(job.plan, done, device, means) if done.proved else done
        if path := await asyncio.to_thread(running, vault, job.plan):
            turned = (await asyncio.to_thread(Journal.open, path)).turned
            go_on = resume if turned is None else rollback
            return await go_on(path, device, means)
        target = await asyncio.to_thread(job.target)
        return await apply(
            job.plan,
            target,
            device,
            means,
            gold=job.gold,
            approvals=lambda digest: self._people if digest == job.plan.digest else (),
            permit=self._permit,
        )


def _nothing_done(receipt: Receipt) -> str:
    """Why nothing is proved where nothing went wrong; "" where something is proved."""
    if receipt.proved or not receipt.counts["not restorable"]:
        return ""
    return f"nothing else differs, and this cannot be restored: {receipt.named('not restorable')}"
