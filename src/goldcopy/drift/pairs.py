"""Devices that belong together: standby pairs, and second paths to one controller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from goldcopy.drift.known import Pulled
from goldcopy.drift.model import Finding, Identified
from goldcopy.drift.second_path import Disagreement, second_path
from goldcopy.drift.standby import parity
from goldcopy.drift.survey import Plant, failures, judged, latest, sections_of
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Device, SameAs

Sort = Literal["standby", "second path"]


class Pair(msgspec.Struct, frozen=True):
    """How two devices stand to one another."""

    sort: Sort
    device: str
    """The standby, or the device that has ``same_as``."""
    other: str
    """The active one, or the other path."""
    word: str
    """``ready`` and ``agree`` are good; all else needs a person."""
    why: str
    """A sentence for a person; "" if it is good."""
    modes: tuple[str, str] = ("", "")
    """Operating mode of the active one and of the standby, for a person to read."""
    identity: tuple[Identified, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Of a standby: ``old`` is what the active one has."""
    disagreements: tuple[Disagreement, ...] = ()
    """Of a second path."""

    @property
    def good(self) -> bool:
        """Whether nobody needs to look."""
        return self.word in ("ready", "agree")


def pairs(plant: Plant, devices: Sequence[Device], asked: Sequence[Device]) -> list[Pair]:
    """Judge the pairs of which at least one device is asked for. Blocks on the disk.

    Args:
        plant: what a survey is made of.
        devices: all of the inventory.
        asked: those that somebody asked for.

    Raises as ``Vault.notes``.
    """
    names = {one.name for one in asked}
    known = {one.name: one for one in devices}
    found = []
    for one in devices:
        if one.standby_of and names & {one.name, one.standby_of}:
            found.append(_standby(plant, known[one.standby_of], one))
        if one.same_as is not None and names & {one.name, one.same_as.device}:
            found.append(_second_path(plant, one, known[one.same_as.device], one.same_as))
    return found


def _standby(plant: Plant, active: Device, standby: Device) -> Pair:
    gold = judged(plant, active).valid
    told = parity(
        (active.name, _latest(plant, active)),
        (standby.name, _latest(plant, standby)),
        active.rules,
        at=plant.at,
        max_age=plant.max_age,
        scope=Scope(gold.scope) if gold else None,
        sections=sections_of(plant.registry, active),
    )
    drift = told.drift
    return Pair(
        "standby",
        standby.name,
        active.name,
        told.word,
        told.why,
        told.modes,
        drift.identity if drift else (),
        drift.findings if drift else (),
    )


def _second_path(plant: Plant, device: Device, other: Device, link: SameAs) -> Pair:
    told = second_path(
        (device.name, _latest(plant, device)),
        (other.name, _latest(plant, other)),
        link,
        device.rules,
        at=plant.at,
        max_age=plant.max_age,
    )
    return Pair(
        "second path",
        device.name,
        other.name,
        told.word,
        told.why,
        disagreements=told.disagreements,
    )


def _latest(plant: Plant, device: Device) -> Pulled:
    return latest(plant.pulled, device.name, failures(plant.pulled).get(device.name))
