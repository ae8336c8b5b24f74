"""Many devices as one plan with one digest, in waves: what is put back before what."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Final, Self

import msgspec

from goldcopy.errors import Wrong
from goldcopy.inventory import Device, Inventory
from goldcopy.inventory.restore import ZONE
from goldcopy.restore.model import Plan

FORMAT: Final = "goldcopy-campaign/1"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One device's plan."""

    device: str
    plan: str
    """Its digest: whoever approves the campaign approves all that is in it."""


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """The plans of many devices, and their order."""

    format: str = FORMAT
    vault: str
    waves: tuple[tuple[Part, ...], ...]
    """A wave begins when the one before it has ended."""
    stop_after: int
    made: datetime

    @property
    def device(self) -> str:
        """No single one; as notes name it."""
        return ""

    @property
    def parts(self) -> tuple[Part, ...]:
        """All of them, in order."""
        return tuple(part for wave in self.waves for part in wave)

    @cached_property
    def line(self) -> bytes:
        """Its canonical bytes."""
        return msgspec.json.encode(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the line: what people approve."""
        return hashlib.sha256(self.line).hexdigest()

    @classmethod
    def read(cls, line: str | bytes) -> Self:
        """From its line. Raises ``Wrong`` for anything that is not exactly one."""
        try:
            found = msgspec.json.decode(line, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Wrong(f"not a campaign: {error}") from None
        if found.format != FORMAT or found.line != (
            line.encode() if isinstance(line, str) else line
        ):
            raise Wrong("a campaign that is not in its canonical form")
        return found


def make_campaign(
    plans: Iterable[Plan], inventory: Inventory, made: datetime | None = None
) -> Campaign:
    """One campaign of the plans of several devices. Raises ``Wrong`` for two of one device.

    A plan that writes nothing is in it too: it proves by reading that nothing was to be done.
    """
    found: dict[str, Plan] = {}
    for plan in plans:
        if plan.device in found:
            raise Wrong(f"{plan.device} has two plans in one campaign")
        found[plan.device] = plan
    vaults = {plan.vault for plan in found.values()}
    if len(vaults) != 1:
        raise Wrong("a campaign is made of plans of one vault, one at least")
    order = waves(inventory, [device for device in inventory.devices if device.name in found])
    named = sum(map(len, order))
    if named != len(found):
        raise Wrong(f"{len(found) - named} of the plans are for devices not in the inventory")
    return Campaign(
        vault=vaults.pop(),
        waves=tuple(
            tuple(Part(device.name, found[device.name].digest) for device in wave) for wave in order
        ),
        stop_after=inventory.restore.stop_after,
        made=(made or datetime.now(UTC)).replace(microsecond=0),
    )


def waves(inventory: Inventory, devices: Sequence[Device]) -> list[list[Device]]:
    """The devices in the order of the inventory's waves; a standby is in one before its active.

    What no wave names comes last.
    """
    policy = inventory.restore.waves
    place = {
        device.name: next((n for n, wave in enumerate(policy) if _named(device, wave)), len(policy))
        for device in devices
    }
    # Twice as many places, so that a standby finds one just before its active device.
    turn = {name: 2 * n + 1 for name, n in place.items()}
    for device in devices:
        if device.standby_of in turn:
            turn[device.name] = min(turn[device.name], turn[device.standby_of] - 1)
    ordered = sorted(devices, key=lambda device: turn[device.name])
    found: list[list[Device]] = []
    for before, device in zip([None, *ordered], ordered, strict=False):
        if before is None or turn[before.name] != turn[device.name]:
            found.append([])
        found[-1].append(device)
    return found


def _named(device: Device, wave: Sequence[str]) -> bool:
    return any(
        device.zone == pattern.removeprefix(ZONE)
        if pattern.startswith(ZONE)
        else fnmatchcase(device.name, pattern)
        for pattern in wave
    )
