"""Which devices are asked tonight, when, and how patiently; and why the others are not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal, NamedTuple

import msgspec

from goldcopy.collect import Terms
from goldcopy.drift.survey import FAILED
from goldcopy.inventory import Device, Inventory, Window
from goldcopy.night.backoff import patience
from goldcopy.night.window import Span, current
from goldcopy.vault import Vault

_HASHED: Final = 8
"""Bytes of a name's hash that place it in the jitter."""


class Past(msgspec.Struct, frozen=True):
    """What the vault tells of one device."""

    taken: datetime | None = None
    """Its latest snapshot; None if there is none."""
    failed: tuple[datetime, ...] = ()
    """Pulls since then that gave none, by the device's own fault."""


class Left(msgspec.Struct, frozen=True):
    """A device that is not asked now."""

    device: str
    sort: Literal["read", "window", "back-off"]
    why: str


class Turn(NamedTuple):
    """A device that is asked."""

    device: Device
    terms: Terms


class Turns(NamedTuple):
    """All devices of a plant: each is in one of the two."""

    asked: tuple[Turn, ...]
    left: tuple[Left, ...]


class Hours(NamedTuple):
    """The night, as it is for the devices of one zone."""

    begin: datetime
    """A snapshot since then is one of this night."""
    start: datetime
    """The first device was asked."""
    end: datetime
    """No device is asked any more."""
    why: str
    """What ends then."""


def past(vault: Vault, devices: Sequence[Device]) -> dict[str, Past]:
    """What the vault tells of these devices. Blocks on the disk; raises as ``Vault.notes``."""
    known = set(vault.devices())
    failed: dict[str, list[datetime]] = {}
    for note in vault.notes(FAILED):
        if not note.body.get("late", False):
            failed.setdefault(note.device, []).append(note.time)
    found = {}
    for device in devices:
        taken = vault.log(device.name)[0].facts.taken if device.name in known else None
        times = failed.get(device.name, [])
        found[device.name] = Past(taken, tuple(t for t in times if taken is None or t > taken))
    return found


def turns(
    plant: Inventory,
    known: Mapping[str, Past],
    began: datetime,
    now: datetime,
    zone: tzinfo | None = None,
) -> Turns:
    """Say of each device whether it is asked now.

    A night begins for a device when its zone's window opens, and for one that has no window when
    the run began. A device that has a snapshot since then is not asked again, however often the run
    is restarted or called.

    Args:
        plant: the inventory.
        known: device -> what the vault tells of it.
        began: when this night's run began, before any restart.
        now: aware, like ``began``.
        zone: where the wall clock hangs; None is this computer's own time zone.
    """
    asked: list[Turn] = []
    left: list[Left] = []
    over = began + timedelta(seconds=plant.night.deadline)
    for device in plant.devices:
        window = plant.zones[device.zone].window if device.zone else None
        span = current(window, now, zone) if window else None
        if window and span is None:
            left.append(Left(device.name, "window", f"outside its window {window}"))
            continue
        hours = _hours(began, over, window, span)
        found = _judged(device, known.get(device.name, Past()), hours, now, plant.night.jitter)
        if isinstance(found, Left):
            left.append(found)
        else:
            asked.append(Turn(device, found))
    return Turns(tuple(asked), tuple(left))


def offset(device: str, spread: float) -> float:
    """Seconds from 0 to ``spread``, the same each night: so devices do not all begin at once."""
    digest = hashlib.sha256(device.encode()).digest()[:_HASHED]
    return spread * int.from_bytes(digest) / 256**_HASHED


def _hours(began: datetime, over: datetime, window: Window | None, span: Span | None) -> Hours:
    if span is None:
        return Hours(began, began, over, "the deadline of the night")
    start = max(span.begin, began)
    if span.end < over:
        return Hours(span.begin, start, span.end, f"the window {window}")
    return Hours(span.begin, start, over, "the deadline of the night")


def _judged(device: Device, past: Past, hours: Hours, now: datetime, jitter: float) -> Terms | Left:
    # One that is dated in the future proves nothing of tonight: a clock was wrong.
    if past.taken is not None and hours.begin <= past.taken <= now and not past.failed:
        return Left(device.name, "read", f"read at {past.taken.astimezone(UTC):%H:%M} UTC")
    said = patience(past.failed, now)
    if said.until is not None:
        return Left(
            device.name,
            "back-off",
            f"no answer on {said.nights} nights; asked again after {said.until:%Y-%m-%d %H:%M} UTC",
        )
    spread = min(jitter, (hours.end - hours.start).total_seconds() / 2)
    begin = hours.start + timedelta(seconds=offset(device.name, spread))
    return Terms(
        retries=said.retries,
        begin=max(0.0, (begin - now).total_seconds()),
        end=(hours.end - now).total_seconds(),
        why=hours.why,
    )
