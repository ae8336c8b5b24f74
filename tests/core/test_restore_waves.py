"""Many devices as one plan: in order, within the budgets, and no further once it goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.core.restore_toy import REGISTRY, Press, device
from tests.core.test_restore_apply import WRITES, as_gold, held

from goldcopy.errors import Wrong
from goldcopy.inventory import Device, Inventory, RestorePolicy, Zone
from goldcopy.restore import (
    Campaign,
    CampaignReceipt,
    CampaignWatch,
    GoldState,
    Job,
    Means,
    NotAllowed,
    Permit,
    Wanted,
    apply_campaign,
    find_campaign,
    keep_plan,
    make_campaign,
    make_plans,
)
from goldcopy.restore.campaign import waves
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Vault

NAMES = ["pump", "line-1", "line-2", "line-2b", "extra"]


@dataclass
class Plant:
    """Five presses, in three waves by the inventory; ``line-2b`` is the standby of ``line-2``."""

    presses: dict[str, Press]
    inventory: Inventory
    means: Means
    golds: dict[str, Snapshot] = field(default_factory=dict)
    campaign: Campaign | None = None
    jobs: dict[str, Job] = field(default_factory=dict)

    async def plan(self) -> Campaign:
        wanted = [
            Wanted(one, lambda name=one.name: self.golds[name])  # type: ignore[misc]
            for one in self.inventory.devices
        ]
        planned = await make_plans(wanted, self.means, zones=self.inventory.zones)
        assert planned.refused == {}
        assert [outcome.state for outcome in planned.outcomes] == ["kept"] * len(wanted)
        self.campaign = make_campaign(planned.plans, self.inventory)
        described = {one.name: one for one in self.inventory.devices}
        for plan in planned.plans:
            gold = self.golds[plan.device]
            self.jobs[plan.device] = Job(
                plan,
                lambda gold=gold: gold,  # type: ignore[misc]
                described[plan.device],
                GoldState(valid=True, snapshot=gold.id),
            )
        return self.campaign

    async def restore(self, watch: CampaignWatch | None = None) -> CampaignReceipt:
        campaign = self.campaign
        assert campaign is not None
        return await apply_campaign(
            campaign,
            self.jobs,
            self.means,
            zones=self.inventory.zones,
            approvals=lambda digest: ["ann"] if digest == campaign.digest else [],
            permit=Permit("bob"),
            watch=watch,
        )


@asynccontextmanager
async def plant(
    folder: Path, stop_after: int = 1, names: Sequence[str] = NAMES
) -> AsyncIterator[Plant]:
    Vault.create(folder / "vault").close()
    vault = Vault.open(folder / "vault")
    async with AsyncExitStack() as stack:
        presses = {name: await stack.enter_async_context(Press()) for name in names}
        writer = await stack.enter_async_context(vault.writing(linger=0))
        devices = [
            msgspec.structs.replace(
                device(press.port),
                name=name,
                zone="lines" if name.startswith("line") else "",
                timeout=2.0,
                standby_of="line-2" if name == "line-2b" else "",
            )
            for name, press in presses.items()
        ]
        policy = RestorePolicy((("pump",), ("zone:lines",)), stop_after)
        zones = {"lines": Zone(1)}
        inventory = Inventory(vault.path, zones, tuple(devices), restore=policy)
        means = Means(vault, writer, REGISTRY, retries=1, retry_pause=0.01)
        found = Plant(presses, inventory, means)
        for one in devices:
            found.golds[one.name], facts = await means.reach(one).read()
            await writer.keep(found.golds[one.name], facts)
        for press in presses.values():
            press.manipulate()
        yield found
    vault.close()


async def test_wave_after_wave_and_all_of_it_proved(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        campaign = await found.plan()
        order = [[part.device for part in wave] for wave in campaign.waves]
        assert order == [["pump"], ["line-2b"], ["line-1", "line-2"], ["extra"]]
        for press in found.presses.values():
            assert not press.wrote, "a plan writes nothing"
        begun: list[str] = []
        for name, press in found.presses.items():
            noted(press, name, begun)
        watch = CampaignWatch()
        receipt = await found.restore(watch)
        assert receipt.proved
        assert [one.device for one in receipt.results] == [part.device for part in campaign.parts]
        assert list(dict.fromkeys(begun)) == [part.device for part in campaign.parts]
        assert begun == sorted(begun, key=begun.index), "one after the other in a zone of one"
        for press in found.presses.values():
            assert held(press) == as_gold()
        assert (watch.wave, watch.waves, len(watch.results), watch.devices) == (4, 4, 5, {})
        assert watch.seconds_left == 0
        (note,) = found.means.vault.notes("campaign.receipt")
        assert note.body["proved"] is True
        assert note.body["campaign"] == campaign.digest
        assert len(found.means.vault.notes("receipt")) == 5


def noted(press: Press, name: str, begun: list[str]) -> None:
    real = press._write  # noqa: SLF001

    def write(arguments: bytes, number: bytes, writer: asyncio.StreamWriter) -> bool:
        begun.append(name)
        return real(arguments, number, writer)

    press._write = write  # type: ignore[method-assign]  # noqa: SLF001


@pytest.mark.parametrize("stop_after", [1, 2])
async def test_it_stops_where_it_goes_wrong(tmp_path: Path, stop_after: int) -> None:
    async with plant(tmp_path, stop_after) as found:
        await found.plan()
        for name in ("line-2b", "line-1"):
            found.presses[name].fault, found.presses[name].at = "ignore", 3
        receipt = await found.restore()
        assert not receipt.proved
        states = {one.device: one.state for one in receipt.results}
        begun = stop_after == 2
        assert states == {
            "pump": "proved",
            "line-2b": "not proved",
            "line-1": "not proved" if begun else "not begun",
            "line-2": "not begun",
            "extra": "not begun",
        }
        for name, state in states.items():
            if state == "not begun":
                assert not found.presses[name].wrote
        again = await found.restore()
        assert {one.device: one.state for one in again.results} == states, "not tried again"


async def test_a_refused_device_counts_as_not_proved(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        await found.plan()
        found.presses["pump"].set("axis/0/limit", 4711)
        receipt = await found.restore()
        assert [one.state for one in receipt.results] == ["refused"] + ["not begun"] * 4
        assert "has changed" in receipt.results[0].why
        assert not any(press.wrote for press in found.presses.values())


async def test_nobody_has_approved_it(tmp_path: Path) -> None:
    async with plant(tmp_path, stop_after=9) as found:
        await found.plan()
        campaign = found.campaign
        assert campaign is not None
        found.campaign = msgspec.structs.replace(campaign, made=datetime(2026, 1, 1, tzinfo=UTC))
        receipt = await apply_campaign(
            found.campaign,
            found.jobs,
            found.means,
            zones={},
            approvals=lambda digest: ["ann"] if digest == campaign.digest else [],
            permit=Permit("bob"),
        )
        assert {one.state for one in receipt.results} == {"refused"}
        assert all("approvals" in one.why for one in receipt.results)
        assert not any(press.wrote for press in found.presses.values())


async def test_interrupted_it_goes_on_where_it_was(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        await found.plan()
        press, reached = found.presses["line-1"], asyncio.Event()
        real = press._write  # noqa: SLF001

        def write(arguments: bytes, number: bytes, writer: asyncio.StreamWriter) -> bool:
            if len(press.wrote) == 7:
                reached.set()
            return real(arguments, number, writer)

        press._write = write  # type: ignore[method-assign]  # noqa: SLF001
        task = asyncio.create_task(found.restore())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        press._write = real  # type: ignore[method-assign]  # noqa: SLF001
        pump = len(found.presses["pump"].wrote)
        receipt = await found.restore()
        assert receipt.proved
        assert len(found.presses["pump"].wrote) == pump == WRITES, "what was done is not done again"
        for one in found.presses.values():
            assert held(one) == as_gold()


async def test_many_at_once_do_not_stand_in_each_others_way(tmp_path: Path) -> None:
    async with plant(tmp_path, names=[f"press-{n}" for n in range(24)]) as found:
        campaign = await found.plan()
        assert len(campaign.waves) == 1
        receipt = await found.restore()
        assert receipt.proved, receipt.results
        for press in found.presses.values():
            assert held(press) == as_gold()
            assert len(press.wrote) == WRITES


async def test_a_campaign_is_kept_and_has_one_form(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        campaign = await found.plan()
        vault = found.means.vault
        for _ in range(2):
            await keep_plan(vault, found.means.writer, campaign)
        assert len(vault.notes("campaign")) == 1
        assert find_campaign(vault, campaign.digest[:10]) == campaign
        assert Campaign.read(campaign.line).digest == campaign.digest
        with pytest.raises(Wrong):
            Campaign.read(campaign.line + b" ")
        with pytest.raises(Wrong, match=r"no campaign begins with .zz."):
            find_campaign(vault, "zz")
        with pytest.raises(Wrong, match="two plans"):
            make_campaign([found.jobs["pump"].plan] * 2, found.inventory)
        with pytest.raises(Wrong, match="one at least"):
            make_campaign([], found.inventory)


async def test_the_jobs_are_those_of_the_campaign(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        await found.plan()
        found.jobs["pump"] = found.jobs["extra"]
        with pytest.raises(NotAllowed, match="not the plans"):
            await found.restore()
        assert not any(press.wrote for press in found.presses.values())


def test_a_standby_comes_before_its_active_device_wherever_it_is_named() -> None:
    def one(name: str, standby_of: str = "") -> Device:
        return Device(name, "toy", "h", 1, standby_of=standby_of)

    devices = (one("a"), one("b"), one("b2", "b"), one("c"), one("a2", "a"))
    for policy, wanted in [
        ((), [["b2", "a2"], ["a", "b", "c"]]),
        ((("a",), ("b",), ("*2",)), [["a2"], ["a"], ["b2"], ["b"], ["c"]]),
        ((("b2",), ("c", "b")), [["b2"], ["b", "c"], ["a2"], ["a"]]),
        ((("*",),), [["b2", "a2"], ["a", "b", "c"]]),
    ]:
        inventory = Inventory(Path(), {}, devices, restore=RestorePolicy(policy))
        assert [[d.name for d in wave] for wave in waves(inventory, devices)] == wanted
