"""Live against target: what is written, what cannot be, and why. Nothing is sent anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from datetime import UTC, datetime

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory import Device, path_matcher
from goldcopy.restore.leaf import natural, outside, part_of
from goldcopy.restore.model import Left, Plan, Side, Values, Write, WriteLine
from goldcopy.snapshot import Item, Snapshot
from goldcopy.snapshot.canonical import digest
from goldcopy.snapshot.diff import Cover, same
from goldcopy.snapshot.values import Json, to_json

_ABOUT = ("unit", "label", "low", "high", "access", "address")


class _All(Container[str]):
    def __contains__(self, path: object) -> bool:
        return True


EVERYTHING: Container[str] = _All()


def make_plan(
    live: Snapshot,
    target: Snapshot,
    device: Device,
    *,
    vault: str,
    only: Sequence[str] = (),
    scope: Container[str] = EVERYTHING,
    values: Values = "settings",
    made: datetime | None = None,
) -> Plan:
    """The plan that takes a device from ``live`` to ``target``.

    Args:
        live: what the device holds now, with the roles of its present rules.
        target: what it is to hold.
        device: as the inventory has it.
        vault: id of the vault.
        only: patterns of paths that may be written; none: all.
        scope: paths of which the gold copy speaks; nothing else is written.
        values: whether live values go back too.
        made: when, in UTC; now by default.

    Raises ``Wrong`` if the two are not of this device and of one driver, or for a bad pattern.
    """
    for snapshot in (live, target):
        if (snapshot.device, snapshot.driver) != (device.name, device.driver):
            raise Wrong(
                f"{device.name} (driver {device.driver}): a snapshot of {snapshot.device} (driver "
                f"{snapshot.driver}) is nothing to restore to it"
            )
    matchers = [path_matcher(pattern) for pattern in only]

    def wanted(path: str) -> bool:
        return path in scope and (not matchers or any(fits(path) for fits in matchers))

    found = _Comparison(live, target, values, wanted)
    known = {*live.by_path, *target.by_path, *[gap.path for gap in (*live.gaps, *target.gaps)]}
    for pattern, fits in zip(only, matchers, strict=True):
        if not any(map(fits, known)):  # a typing error must not look like "nothing to be done"
            why = "--only: nothing on the device or in the target fits this pattern"
            found.left.append(Left(pattern, why))
    return Plan(
        vault=vault,
        device=device.name,
        driver=device.driver,
        live=Side(live.id, live.settings, live.identity),
        target=Side(target.id, target.settings, target.identity),
        state=state(live),
        values=values,
        only=tuple(only),
        made=(made or datetime.now(UTC)).replace(microsecond=0),
        lines=tuple(map(WriteLine.of, sorted(found.writes, key=lambda one: natural(one.now)))),
        left=tuple(sorted(found.left, key=lambda one: one.path)),
        unchanged=found.unchanged,
        kept_live=found.kept_live,
    )


def state(snapshot: Snapshot) -> str:
    """SHA-256 over the lines of the settings, without the identity: modes and spares may change."""
    lines = zip(snapshot.items, snapshot.form.items, strict=True)
    return digest([line for item, line in lines if item.role == "setting"])


def runs(mode: str) -> bool:
    """Whether a controller says that it runs its program: ``RUN``, ``REMOTE RUN``."""
    return "RUN" in re.split(r"[^A-Z]+", mode)


class _Comparison:
    """Goes through both snapshots once."""

    def __init__(
        self, live: Snapshot, target: Snapshot, values: Values, wanted: Callable[[str], bool]
    ) -> None:
        self.writes: list[Write] = []
        self.left: list[Left] = []
        self.unchanged = 0
        self.kept_live = 0
        self._values = values
        self._mode = ("RUN",) if runs(live.identity.mode) else ()
        self._hidden, self._unknown = Cover(live.gaps), Cover(target.gaps)
        for path in live.by_path.keys() | target.by_path.keys():
            if wanted(path):
                self._pair(live.by_path.get(path), target.by_path.get(path))
        for gap in target.gaps:
            if wanted(gap.path):
                self._leave(gap.path, f"the target does not hold it: {gap.reason}")
        self._follow()

    def _pair(self, now: Item | None, gold: Item | None) -> None:
        roles = {item.role for item in (now, gold) if item is not None}
        if "setting" not in roles and (roles != {"process"} or self._values != "all"):
            self._count_live(now, gold)
        elif now is None or gold is None:
            self._alone(now, gold)
        elif now.type != gold.type or now.kind != gold.kind:
            what = f"{now.kind} of type {now.type}, in the target a {gold.kind} of {gold.type}"
            self._leave(now.path, f"it is a {what}: a value of one is none of the other", now, gold)
        elif same(msgspec.structs.replace(now, value=gold.value), now):
            self._equal(now, gold)
        elif why := _obstacle(now, gold):
            self._leave(now.path, why, now, gold)
        else:
            live = ("process",) if now.role == "process" else ()
            self.writes.append(Write(now, gold.value, live + self._mode))

    def _count_live(self, now: Item | None, gold: Item | None) -> None:
        if (
            now
            and gold
            and now.role == "process"
            and to_json(now.type, now.value) != to_json(gold.type, gold.value)
        ):
            self.kept_live += 1

    def _alone(self, now: Item | None, gold: Item | None) -> None:
        """It is on one side only."""
        if now is not None and now.role == "setting":
            gap = self._unknown.of(now.path)
            if gap is None:
                why = "it is on the device and not in the target; a restore removes nothing"
                self._leave(now.path, why, now)
            elif gap.path != now.path:
                self._leave(now.path, f"the target does not hold it: {gap.reason}", now)
        elif gold is not None:
            gap = self._hidden.of(gold.path)
            tool = "; it is loaded with the engineering tool" if gold.kind == "block" else ""
            why = f"a gap hides it: {gap.reason}" if gap else f"the device does not have it{tool}"
            self._leave(gold.path, why, None, gold)

    def _equal(self, now: Item, gold: Item) -> None:
        """Its value is as it should be; what is said about it may not be."""
        self.unchanged += 1
        about = [name for name in _ABOUT if getattr(now, name) != getattr(gold, name)]
        if about and now.role == gold.role == "setting":
            said = ", ".join(
                f"{name} {getattr(now, name)!r}, in the target {getattr(gold, name)!r}"
                for name in about
            )
            self._leave(now.path, f"its value is right, but: {said}; only values are written")

    def _follow(self) -> None:
        """What the controller makes of something that is written: a block's checksum, its size."""
        writes = {write.path for write in self.writes}
        for n, one in enumerate(self.left):
            if whole := part_of(one.path, writes):
                why = f"it follows from {whole}, which is written; {one.why}"
                self.left[n] = msgspec.structs.replace(one, why=why)

    def _leave(
        self, path: str, why: str, now: Item | None = None, gold: Item | None = None
    ) -> None:
        self.left.append(Left(path, why, _json(now), _json(gold)))


def _obstacle(now: Item, gold: Item) -> str:
    """Why a value that differs is not written; "" if it can be."""
    if now.role != gold.role:
        return f"by the rules of the target it is a {gold.role}, by those of now a {now.role}"
    if now.access != "read-write":
        if now.kind == "block":
            return (
                "it is read-only here: load it with the engineering tool, or where the driver can, "
                "allow that in its options"
            )
        return "it is read-only"
    if now.unit != gold.unit:
        return f"its unit is {now.unit!r}, in the target {gold.unit!r}: the number means another"
    for item, whose in ((now, "device"), (gold, "target")):
        if why := outside(item, gold.value):
            return f"{why} of the {whose}"
    return ""


def _json(item: Item | None) -> Json | None:
    return None if item is None else to_json(item.type, item.value)
