"""The devices of a plant, each with its gold copy, its last snapshot and its one word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from goldcopy.collect.begun import begun
from goldcopy.drift.known import Pulled
from goldcopy.drift.moved import Sections
from goldcopy.drift.verdict import Verdict, verdict
from goldcopy.driver import Sectioned
from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.gold.judge import judge
from goldcopy.gold.judgement import APPROVAL, PROPOSAL, REVOCATION, GoldNote, Judgement
from goldcopy.gold.signers import Signers
from goldcopy.inventory import Device
from goldcopy.registry import Registry
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Entry, Vault

FAILED: Final = "pull.failed"
"""The kind of note that says that a pull gave no snapshot, and why."""
_KINDS: Final = (PROPOSAL, APPROVAL, REVOCATION)


class Standing(msgspec.Struct, frozen=True):
    """Where one device stands."""

    device: str
    verdict: Verdict
    judgement: Judgement
    latest: Entry | None
    gold: Entry | None


class Plant(msgspec.Struct, frozen=True):
    """What a survey is made of."""

    vault: Vault
    """With the gold copies."""
    signers: Signers
    registry: Registry
    at: datetime
    max_age: timedelta
    pulls: Vault | None = None
    """With what was pulled, where it is another one: on the laptop of a recovery kit."""

    @property
    def pulled(self) -> Vault:
        """The vault with what was pulled."""
        return self.pulls or self.vault


def survey(plant: Plant, devices: Iterable[Device]) -> list[Standing]:
    """Judge each device by what the vault has of it. Blocks on the disk.

    Raises ``VaultSealed`` where the vault cannot be opened here.
    """
    failed = failures(plant.pulled)
    return [stand(plant, device, failed.get(device.name)) for device in devices]


def stand(plant: Plant, device: Device, failed: tuple[datetime, str] | None) -> Standing:
    """Judge one device; ``failed`` is when its last pull gave no snapshot, and why."""
    vault = plant.vault
    judgement = judged(plant, device)
    gold = _gold(vault, device.name, judgement)
    entry = _entry(plant.pulled, device.name)
    pulled = _pulled(plant.pulled, entry, failed)
    word = verdict(
        device.name,
        judgement,
        _loaded(vault, gold),
        pulled,
        at=plant.at,
        max_age=plant.max_age,
        sections=sections_of(plant.registry, device),
    )
    return Standing(device.name, word, judgement, entry, gold)


def judged(plant: Plant, device: Device) -> Judgement:
    """What the notes of a device amount to."""
    notes = [
        GoldNote.of(note.kind, note.time, note.body)
        for note in plant.vault.notes(None, device.name)
        if note.kind in _KINDS
    ]
    return judge(
        notes,
        plant.signers,
        vault=plant.vault.id,
        device=device.name,
        approvers=device.approvers,
        at=plant.at,
    )


def latest(vault: Vault, device: str, failed: tuple[datetime, str] | None) -> Pulled:
    """The latest that is known of a device; ``failed`` as for ``stand``."""
    return _pulled(vault, _entry(vault, device), failed)


def failures(vault: Vault) -> Mapping[str, tuple[datetime, str]]:
    """Device -> when a pull of it last gave no snapshot, and why; one that was killed too.

    Raises as ``Vault.notes`` and ``begun``.
    """
    found = {
        note.device: (note.time, str(note.body.get("error", ""))) for note in vault.notes(FAILED)
    }
    for device, since in begun(vault.path).items():
        if device not in found or since > found[device][0]:
            when = f"{since:%Y-%m-%d %H:%M} UTC"
            found[device] = since, f"the pull of {when} was interrupted, or is still under way"
    return found


def _gold(vault: Vault, device: str, judgement: Judgement) -> Entry | None:
    """The entry of the snapshot that was signed, whatever became of the approval since."""
    if judgement.gold is None:
        return None
    entries = vault.by_id(judgement.gold.statement.snapshot)
    return next((entry for entry in entries if entry.device == device), None)


def _loaded(vault: Vault, entry: Entry | None) -> Snapshot | None:
    if entry is None:
        return None
    try:
        return vault.load(entry)
    except VaultDamaged as error:  # told as lost, and as damage of the vault
        vault.catalog.doubt(str(error))
        return None


def _entry(vault: Vault, device: str) -> Entry | None:
    return vault.log(device)[0] if device in vault.devices() else None


def _pulled(vault: Vault, entry: Entry | None, failed: tuple[datetime, str] | None) -> Pulled:
    if entry is None:
        return Pulled(None, error=failed[1] if failed else "")
    taken = entry.facts.taken
    error = failed[1] if failed and failed[0] > taken else ""
    snapshot = _loaded(vault, entry)
    if snapshot is None:
        error = error or "its last snapshot cannot be read from the vault"
    return Pulled(snapshot, taken, error)


def sections_of(registry: Registry, device: Device) -> Sections | None:
    """How the device's driver takes blocks apart; None if it does not."""
    try:
        driver = registry.driver(device.driver)
    except Wrong:
        return None
    return driver.sections if isinstance(driver, Sectioned) else None
