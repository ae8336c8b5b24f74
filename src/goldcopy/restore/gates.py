"""What has to hold before the first write. Each refusal is its own reason; nothing is written.

``before`` needs no controller, ``on_device`` needs what was just read from it. Both are asked again
whenever a plan is applied, whatever was shown when it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory import Device
from goldcopy.restore.leaf import outside, stands
from goldcopy.restore.model import Plan
from goldcopy.restore.plan import EVERYTHING, runs, state
from goldcopy.restore.safety import safety
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.snapshot.diff import same

OLDEST: Final = timedelta(hours=12)
"""A plan from yesterday is none: whoever approved it meant the plant of that day."""

Gate = Literal[
    "plan", "age", "safety", "writable", "gold", "approvals", "identity", "mode", "limits", "moved"
]
Approvals = Callable[[str], Collection[str]]
"""The different people who have approved the plan with this digest."""


class Refusal(NamedTuple):
    """Why a plan may not be applied now."""

    gate: Gate
    why: str


class NotAllowed(Wrong):
    """A restore, or going on with one, was refused before anything was sent."""

    def __init__(self, device: str, refusals: Sequence[Refusal]) -> None:
        said = "; ".join(refusal.why for refusal in refusals)
        super().__init__(f"{device}: refused, and nothing is sent: {said}")
        self.refusals = tuple(refusals)


@dataclass(frozen=True)
class GoldState:
    """What is known of the gold copy of a device, as somebody has judged it."""

    valid: bool
    why: str = ""
    """Why it is not valid."""
    snapshot: str = ""
    """Id of the snapshot that is gold."""
    scope: Container[str] = EVERYTHING
    """The paths of which it speaks."""


@dataclass(frozen=True)
class Permit:
    """What a person takes upon themselves. It is recorded in journal and receipt."""

    by: str
    spare: bool = False
    """Another serial number or firmware is expected: this is a replacement."""
    in_run: bool = False
    """Write although the controller runs its program."""
    break_glass: str = ""
    """The reason for going on without approvals and without a valid gold copy; "" for not."""


def before(
    plan: Plan,
    target: Snapshot,
    device: Device,
    *,
    vault: str,
    gold: GoldState,
    approvals: Approvals,
    permit: Permit,
    now: datetime | None = None,
) -> list[Refusal]:
    """All that speaks against a plan without asking the controller."""
    refusals = [*may_be_written(plan, device, vault), *_of_target(plan, target)]
    age = (now or datetime.now(UTC)) - plan.made
    if not timedelta(minutes=-5) <= age <= OLDEST:
        refusals.append(
            Refusal("age", f"the plan was made at {plan.made:%Y-%m-%d %H:%M} UTC: make a new one")
        )
    if not permit.break_glass.strip():
        refusals += _gold(plan, gold)
        refusals += _approvals(plan, device, approvals)
    return refusals


def may_be_written(plan: Plan, device: Device, vault: str) -> Iterator[Refusal]:
    """What no override and no broken glass allows."""
    if (plan.vault, plan.device, plan.driver) != (vault, device.name, device.driver):
        yield Refusal("plan", f"the plan is for {plan.device} ({plan.driver}), or of another vault")
    if why := safety(device, plan.target.identity, plan.live.identity):
        yield Refusal("safety", f"{why}: safety controllers are never written")
    if not device.writable:
        yield Refusal("writable", "the inventory does not say writable: true")


def _of_target(plan: Plan, target: Snapshot) -> Iterator[Refusal]:
    """A plan is a text that people approve: that it is what it says is looked up."""
    if target.id != plan.target.snapshot:
        yield Refusal("plan", f"snapshot {target.id[:12]} is not the target of the plan")
    elif other := [w.path for w in plan.writes if not stands(target.by_path.get(w.path), w.wanted)]:
        yield Refusal("plan", f"the plan would write {some(other)} otherwise than its target has")


def _gold(plan: Plan, gold: GoldState) -> Iterator[Refusal]:
    if not gold.valid:
        yield Refusal("gold", f"its gold copy is not valid: {gold.why or 'nobody says so'}")
    elif gold.snapshot != plan.target.snapshot:
        yield Refusal("gold", f"snapshot {plan.target.snapshot[:12]} is not its gold copy")
    elif out := [write.path for write in plan.writes if write.path not in gold.scope]:
        yield Refusal("gold", f"its gold copy does not speak of {some(out)}")


def _approvals(plan: Plan, device: Device, approvals: Approvals) -> Iterator[Refusal]:
    people = sorted(set(approvals(plan.digest)))
    if len(people) < device.approvers:
        by = f" ({', '.join(people)})" if people else ""
        yield Refusal(
            "approvals",
            f"plan {plan.digest[:12]} has {len(people)} of {device.approvers} approvals{by}",
        )


def on_device(plan: Plan, device: Device, fresh: Snapshot, permit: Permit) -> list[Refusal]:
    """All that speaks against a plan, now that the controller was read."""
    refusals = who(plan, device, fresh.identity, permit)
    for write in plan.writes:
        item = fresh.by_path.get(write.path)
        if why := outside(item or write.now, write.value) or outside(write.now, write.value):
            refusals.append(Refusal("limits", f"{write.path}: {why}"))
    other = [w.path for w in plan.writes if _other(fresh.by_path.get(w.path), w.now)]
    if other:
        refusals.append(Refusal("moved", f"since the plan was made {some(other)} has changed"))
    elif state(fresh) != plan.state:
        refusals.append(
            Refusal(
                "moved",
                "settings have changed since the plan was made: make a new one, or where a value "
                "moves by itself, a rule for it",
            )
        )
    return refusals


def _other(item: Item | None, planned: Item) -> bool:
    """Whether it is not what was planned for. A live value may move, and nothing but its value."""
    if item is not None and planned.role == "process":
        item = msgspec.structs.replace(item, value=planned.value)
    return item is None or not same(item, planned)


def is_it(plan: Plan, device: Device, found: Identity, permit: Permit) -> list[Refusal]:
    """Whether this is the controller of the plan."""
    refusals = list(_identity(plan, found, permit))
    if why := safety(device, found):
        refusals.append(Refusal("safety", f"{why}: safety controllers are never written"))
    return refusals


def who(plan: Plan, device: Device, found: Identity, permit: Permit) -> list[Refusal]:
    """Whether this is the controller of the plan, and whether it may be written as it is now."""
    refusals = is_it(plan, device, found, permit)
    if runs(found.mode) and not permit.in_run:
        why = f"the controller is in {found.mode}: stop it, or allow it with --in-run"
        refusals.append(Refusal("mode", why))
    return refusals


def _identity(plan: Plan, found: Identity, permit: Permit) -> Iterator[Refusal]:
    wanted = plan.target.identity
    for name in ("vendor", "product", "order_code"):
        if (is_now := getattr(found, name)) != (was := getattr(wanted, name)):
            what = name.replace("_", " ")
            yield Refusal("identity", f"its {what} is {is_now!r}, the target's {was!r}")
    for name in ("serial", "firmware"):
        is_now, was = getattr(found, name), getattr(wanted, name)
        if is_now != was and not permit.spare:
            why = f"its {name} is {is_now!r}, the target's {was!r}: a spare takes --spare"
            yield Refusal("identity", why)
        if is_now != (planned := getattr(plan.live.identity, name)):
            yield Refusal("identity", f"its {name} is {is_now!r}; the plan was for {planned!r}")


def some(paths: Sequence[str]) -> str:
    """The first of them by name."""
    more = len(paths) - 3
    return ", ".join(paths[:3]) + (f" and {more} more" if more > 0 else "")
