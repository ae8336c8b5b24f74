"""What commands need to judge devices: who may sign, what a name means, a survey of the plant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from goldcopy.drift.survey import Plant
    from goldcopy.inventory import Device, Inventory
    from goldcopy.report.night import Night
    from goldcopy.vault import Entry, Vault


def context(
    plant: Inventory, vault: Vault, max_age: float = 26 * 3600, pulls: Vault | None = None
) -> Plant:
    """What a survey needs; ``pulls`` as for ``Plant``.

    Raises ``Wrong`` if the inventory does not say who may approve.
    """
    from goldcopy.drift.survey import Plant
    from goldcopy.errors import Wrong
    from goldcopy.gold import signers
    from goldcopy.registry import Registry

    if plant.gold is None:
        raise Wrong(
            "the inventory does not say who may approve gold copies; add: "
            "gold: {signers: ./allowed_signers, approvers: 1}"
        )
    return Plant(
        vault,
        signers.read(plant.gold.signers),
        Registry.installed(),
        datetime.now(UTC),
        timedelta(seconds=max_age),
        pulls,
    )


def named(inventory: Inventory, vault: Vault, name: str) -> Entry:
    """The snapshot that a name means: as ``Vault.resolve``, and ``DEVICE@gold``."""
    device, at, what = name.rpartition("@")
    if not at or what != "gold":
        return vault.resolve(name)
    from goldcopy.cli.surveying import context
    from goldcopy.drift.survey import judged
    from goldcopy.errors import Wrong

    judgement = judged(context(inventory, vault), inventory.select(device)[0])
    said = judgement.valid
    if said is None:
        raise Wrong(f"{device} has no valid gold copy: {judgement.why or judgement.state}")
    return next(one for one in vault.by_id(said.snapshot) if one.device == device)


def gathered(
    inventory: Inventory, plant: Plant, devices: Sequence[Device], findings: Sequence[str]
) -> Night:
    """A survey of these devices, with the state of the replicas."""
    from goldcopy.drift.pairs import pairs
    from goldcopy.drift.survey import survey
    from goldcopy.replica.state import lags
    from goldcopy.report.night import gather

    names = [place.name for place in inventory.replicas]
    replicas = lags(inventory.vault, names) if names else []
    together = pairs(plant, inventory.devices, devices)
    return gather(plant, devices, survey(plant, devices), replicas, findings, together)


def age_of(text: str) -> float:
    """Seconds of ``26h``. Raises ``Wrong``."""
    from goldcopy.errors import Wrong
    from goldcopy.inventory import seconds_of

    seconds = seconds_of(text)
    if seconds is None:
        raise Wrong(f"--max-age {text}: write it as 26h or 90m")
    return seconds
