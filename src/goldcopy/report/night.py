"""What one run of the night found: all that a report tells, gathered once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from goldcopy.drift.change import Origin, identity_origins, origins
from goldcopy.drift.pairs import Pair
from goldcopy.drift.survey import Plant, Standing
from goldcopy.inventory import Device
from goldcopy.replica.state import Lag


class Subject(msgspec.Struct, frozen=True):
    """One device in a report."""

    device: Device
    standing: Standing
    origins: Mapping[str, Origin]
    """By path of a finding: since when, and by which change."""
    identity: Mapping[str, Origin] = {}
    """The same by the field of what the controller says of itself."""

    @property
    def differs(self) -> int:
        """How many settings and identity fields are not as in the gold copy."""
        drift = self.standing.verdict.drift
        return len(drift.findings) + len(drift.identity) if drift else 0


class Night(msgspec.Struct, frozen=True):
    """A survey of the plant, and the state of its vault."""

    at: datetime
    vault: str
    subjects: tuple[Subject, ...]
    replicas: tuple[Lag, ...]
    findings: tuple[str, ...]
    """What is wrong with the vault; none if all that was proved is good."""
    pairs: tuple[Pair, ...] = ()

    @property
    def green(self) -> int:
        """How many devices are as they should be."""
        return sum(one.standing.verdict.green for one in self.subjects)

    @property
    def quiet(self) -> bool:
        """Whether nobody needs to look."""
        return self.as_approved and not self.findings

    @property
    def as_approved(self) -> bool:
        """Whether all devices are as they should be, and the pairs among them."""
        return self.green == len(self.subjects) and all(one.good for one in self.pairs)


def gather(
    plant: Plant,
    devices: Sequence[Device],
    standings: Sequence[Standing],
    replicas: Sequence[Lag] = (),
    findings: Sequence[str] = (),
    pairs: Sequence[Pair] = (),
) -> Night:
    """Put together what a report needs. Blocks on the disk; raises as ``Vault.load``."""
    subjects = []
    for device, standing in zip(devices, standings, strict=True):
        drift = standing.verdict.drift
        paths = [one.path for one in drift.findings] if drift else []
        # A laptop knows neither what was pulled before nor the changes: no since, and no ticket.
        known = plant.pulls is None
        found = origins(plant.vault, device.name, paths) if paths and known else {}
        fields = [one.field for one in drift.identity] if drift else []
        told = identity_origins(plant.vault, device.name, fields) if fields and known else {}
        subjects.append(Subject(device, standing, found, told))
    return Night(
        plant.at, plant.vault.id, tuple(subjects), tuple(replicas), tuple(findings), tuple(pairs)
    )
