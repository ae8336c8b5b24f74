"""What is refused before the first write: each by itself, and nothing is sent but reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.core.restore_toy import Plant, device, plant

from goldcopy.errors import Unreachable, Wrong
from goldcopy.inventory import Device
from goldcopy.restore import (
    GoldState,
    NotAllowed,
    Permit,
    Plan,
    apply,
    resume,
    rollback,
    unfinished,
)
from goldcopy.restore.gates import before, on_device
from goldcopy.restore.model import Side, WriteLine
from goldcopy.restore.safety import safety
from goldcopy.snapshot import Identity, Snapshot


class Asked:
    """A restore as it may be asked for, to be spoilt in one respect."""

    def __init__(self, found: Plant, plan: Plan) -> None:
        self.found = found
        self.plan = plan
        self.target = found.gold
        self.device = found.device
        self.gold = GoldState(valid=True, snapshot=found.gold.id)
        self.people = ["ann"]
        self.permit = Permit(by="bob")

    async def apply(self) -> object:
        return await apply(
            self.plan,
            self.target,
            self.device,
            self.found.means,
            gold=self.gold,
            approvals=lambda digest: self.people if digest == self.plan.digest else [],
            permit=self.permit,
        )

    def change(self, **fields: object) -> None:
        self.plan = msgspec.structs.replace(self.plan, **fields)

    def side(self, which: str, **identity: str) -> None:
        side: Side = getattr(self.plan, which)
        other = msgspec.structs.replace(side.identity, **identity)
        self.change(**{which: msgspec.structs.replace(side, identity=other)})


def two_approvers(asked: Asked) -> None:
    asked.device = device(asked.device.port, approvers=2)
    asked.people = ["ann", "ann"]


def forged_value(asked: Asked) -> None:
    first, *rest = asked.plan.lines
    write = first.write()
    asked.change(lines=(WriteLine.of(write._replace(value=99)), *rest))


def forged_old_value(asked: Asked) -> None:
    write = asked.plan.lines[0].write()
    now = msgspec.structs.replace(write.now, value=-77)
    asked.change(lines=(WriteLine.of(write._replace(now=now)), *asked.plan.lines[1:]))


def set_device(**fields: object) -> Callable[[Asked], None]:
    def spoil(asked: Asked) -> None:
        asked.device = device(asked.device.port, **fields)

    return spoil


def set_gold(**fields: object) -> Callable[[Asked], None]:
    def spoil(asked: Asked) -> None:
        asked.gold = GoldState(**{"valid": True, "snapshot": asked.found.gold.id, **fields})  # type: ignore[arg-type]

    return spoil


SPOILT: dict[str, tuple[str, Callable[[Asked], None]]] = {
    "not writable": ("writable", set_device(writable=False)),
    "a safety controller": ("safety", set_device(safety=True)),
    "gold expired": ("gold", set_gold(valid=False, why="it expired")),
    "another gold copy": ("gold", set_gold(snapshot="0" * 64)),
    "out of scope": ("gold", set_gold(scope={"gain"})),
    "nobody approved": ("approvals", lambda asked: asked.people.clear()),
    "one person twice": ("approvals", two_approvers),
    "from yesterday": (
        "age",
        lambda asked: asked.change(made=asked.plan.made - timedelta(days=1)),
    ),
    "from tomorrow": ("age", lambda asked: asked.change(made=asked.plan.made + timedelta(days=1))),
    "of another vault": ("plan", lambda asked: asked.change(vault="0" * 64)),
    "of another device": ("plan", lambda asked: asked.change(device="filler")),
    "another value than the target's": ("plan", forged_value),
    "another old value": ("moved", forged_old_value),
    "a value moved": ("moved", lambda asked: asked.found.press.set("axis/3/limit", 12)),
    "the plan says it was otherwise": ("moved", lambda asked: asked.change(state="0" * 64)),
    "another product": ("identity", lambda asked: asked.side("target", product="Lathe")),
    "another vendor": ("identity", lambda asked: asked.side("target", vendor="Acme")),
    "another order code": ("identity", lambda asked: asked.side("target", order_code="X")),
    "another serial": ("identity", lambda asked: asked.side("target", serial="X")),
    "another firmware": ("identity", lambda asked: asked.side("target", firmware="X")),
    "swapped since the plan": ("identity", lambda asked: asked.side("live", serial="X")),
}


@pytest.mark.parametrize("spoilt", SPOILT)
async def test_each_refusal_is_its_own_reason_and_nothing_is_written(
    tmp_path: Path, spoilt: str
) -> None:
    gate, spoil = SPOILT[spoilt]
    async with plant(tmp_path) as found:
        asked = Asked(found, await found.plan())
        spoil(asked)
        with pytest.raises(NotAllowed) as caught:
            await asked.apply()
        assert [refusal.gate for refusal in caught.value.refusals] == [gate]
        assert not found.press.wrote
        assert not any(one.writes for one in found.press.log)
        assert unfinished(found.means.vault.path) == []
        assert not (found.means.vault.path / "restores").exists()


BROKEN = {"gold expired", "another gold copy", "out of scope", "nobody approved"}


@pytest.mark.parametrize("spoilt", SPOILT)
async def test_broken_glass_stands_for_gold_and_approvals_and_nothing_else(
    tmp_path: Path, spoilt: str
) -> None:
    gate, spoil = SPOILT[spoilt]
    async with plant(tmp_path) as found:
        asked = Asked(found, await found.plan())
        spoil(asked)
        asked.permit = Permit(by="bob", break_glass="night shift, nobody answers, line 1 stands")
        if spoilt in BROKEN or spoilt == "one person twice":
            receipt = await asked.apply()
            assert receipt.proved  # type: ignore[attr-defined]
            assert receipt.permit.break_glass  # type: ignore[attr-defined]
            (note,) = found.means.vault.notes("break-glass", "press")
            assert note.body["reason"] == asked.permit.break_glass
            assert note.body["plan"] == asked.plan.digest
        else:
            with pytest.raises(NotAllowed) as caught:
                await asked.apply()
            assert [refusal.gate for refusal in caught.value.refusals] == [gate]
            assert not found.press.wrote


async def test_a_blank_reason_breaks_no_glass(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        asked = Asked(found, await found.plan())
        asked.people, asked.permit = [], Permit(by="bob", break_glass="  ")
        with pytest.raises(NotAllowed, match="0 of 1 approvals"):
            await asked.apply()


async def test_a_spare_has_to_be_named_as_one(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        asked = Asked(found, await found.plan())
        asked.side("target", serial="the old one", firmware="V1")
        asked.permit = Permit(by="bob", spare=True)
        assert (await asked.apply()).proved  # type: ignore[attr-defined]


async def test_another_target_than_the_plan_names(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        asked = Asked(found, await found.plan())
        asked.target = await found.live()
        with pytest.raises(NotAllowed, match="is not the target of the plan"):
            await asked.apply()
        assert not found.press.wrote


async def test_in_run_only_with_an_override(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan, live = await found.plan(), await found.live()
        identity = msgspec.structs.replace(live.identity, mode="REMOTE RUN")
        fresh = Snapshot("press", "toy", identity, live.items, live.gaps)
        assert on_device(plan, found.device, live, Permit("bob")) == []
        (refusal,) = on_device(plan, found.device, fresh, Permit("bob"))
        assert refusal.gate == "mode"
        assert on_device(plan, found.device, fresh, Permit("bob", in_run=True)) == []


async def test_limits_are_those_of_now_and_of_the_plan(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")
        live = await found.live()
        items = [
            msgspec.structs.replace(one, high=0.1) if one.path == "gain" else one
            for one in live.items
        ]
        fresh = Snapshot.of("press", "toy", live.identity, items, live.gaps)
        gates = [one.gate for one in on_device(plan, found.device, fresh, Permit("bob"))]
        assert gates == ["limits", "moved"]


async def test_a_plan_is_good_for_half_a_day(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan()
        for hours, good in ((0, True), (11.9, True), (12.1, False), (-0.2, False)):
            refusals = before(
                plan,
                found.gold,
                found.device,
                vault=found.means.vault.id,
                gold=GoldState(valid=True, snapshot=found.gold.id),
                approvals=lambda _: ["ann"],
                permit=Permit("bob"),
                now=plan.made + timedelta(hours=hours),
            )
            assert (not refusals) == good, f"{hours}: {refusals}"
        assert datetime.now(UTC) - plan.made < timedelta(minutes=5)


async def test_an_interrupted_restore_is_finished_before_the_next(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")
        journal = await found.killed(plan)
        other = msgspec.structs.replace(plan, made=plan.made + timedelta(seconds=1))
        for again in (plan, other):
            with pytest.raises(Wrong, match="was interrupted"):
                await found.restore(again)
        safe = device(found.press.port, writable=False)
        for going_on in (resume, rollback):
            with pytest.raises(NotAllowed, match="writable"):
                await going_on(journal.path, safe, found.means)
        assert not found.press.wrote
        assert (await resume(journal.path, found.device, found.means)).proved
        assert (await found.restore(await found.plan("name"))).proved


async def test_what_others_changed_meanwhile_stops_a_resume(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")
        journal = await found.killed(plan)
        found.press.set("gain", 0.75)
        with pytest.raises(NotAllowed, match="changed by others"):
            await resume(journal.path, found.device, found.means)
        receipt = await rollback(journal.path, found.device, found.means)
        assert not found.press.wrote, "what a restore has not written, it does not put back"
        assert [leaf.verdict for leaf in receipt.leaves[:1]] == ["failed"]


async def test_what_is_not_reachable_is_not_begun(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan()
        found.press._server.close()  # noqa: SLF001
        with pytest.raises(Unreachable, match="could not be read"):
            await found.restore(plan)
        assert unfinished(found.means.vault.path) == []


@pytest.mark.parametrize(
    ("said", "is_safety"),
    [
        ("6ES7 315-2FJ14-0AB0", True), ("6ES7 511-1FK02-0AB0", True), ("6ES7 214-1AF40-0XB0", True),
        ("6ES7 315-2AF03-0AB0", False), ("6ES7 214-1AG40-0XB0", False), ("1756-L73S/B", True),
        ("1756-L81ES", True), ("5069-L310ERMS2", True), ("1756-L83E/B LOGIX5583E", False),
        ("1769-L36ERM", False), ("", False),
    ],
)  # fmt: skip
def test_safety_controllers_are_known_by_their_order_code(said: str, is_safety: bool) -> None:
    plain = Device("x", "toy", "h", 1, writable=True)
    assert bool(safety(plain, Identity(order_code=said))) == is_safety
    assert bool(safety(plain, Identity(product=said))) == is_safety
