"""What a restore did, leaf by leaf."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final, Literal

import msgspec

from goldcopy.restore.gates import Permit

Verdict = Literal[
    "proved",  # read back, and as it was to be
    "unchanged",  # as it was found: it was not written, or in vain
    "failed",  # read back, and neither as it was to be nor as it was found
    "rolled back",  # put back, and read back as it was found
    "not restorable",  # never tried; the plan says why
    "in doubt",  # may have been written, and could not be read back, or not be put back yet
]

_LONGEST: Final = 5
"""Leaves that a summary names."""


class Leaf(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The verdict on one leaf."""

    path: str
    verdict: Verdict
    why: str = ""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one plan on one device."""

    plan: str
    """Digest."""
    device: str
    target: str
    """Id of the snapshot that was to be put back."""
    before: str
    """Id of the snapshot that was taken first."""
    after: str
    """Id of the one that the verdicts are made of; "" if it could not be read back."""
    began: datetime
    ended: datetime
    permit: Permit
    planned: int
    leaves: tuple[Leaf, ...]
    """The planned ones in their order, then what was not restorable."""
    why: str = ""
    """What went wrong first; "" if nothing did."""
    moved: tuple[str, ...] = ()
    """Settings beside the planned ones that are not as they were before."""
    groups: int = 0
    """Writes that were sent, in groups that one request carries."""
    resumed: bool = False
    """Whether it was interrupted, and went on from its journal."""

    @property
    def proved(self) -> bool:
        """Whether every planned leaf was read back as it was to be."""
        verdicts = [leaf.verdict for leaf in self.leaves if leaf.verdict != "not restorable"]
        if not self.after or (self.leaves and not verdicts):
            return False  # nothing was read back, or nothing could be done: that proves nothing
        return len(verdicts) == self.planned and all(one == "proved" for one in verdicts)

    @property
    def whole(self) -> bool:
        """Whether it is proved, and nothing was left that could not be restored."""
        return self.proved and len(self.leaves) == self.planned

    @property
    def rolled_back(self) -> bool:
        """Whether every planned leaf was read back as it was found."""
        verdicts = {leaf.verdict for leaf in self.leaves} - {"not restorable"}
        return bool(self.after and verdicts) and verdicts <= {"rolled back", "unchanged"}

    @property
    def finished(self) -> bool:
        """Whether nothing is in doubt: else the journal stays, to be resumed or rolled back."""
        return all(leaf.verdict != "in doubt" for leaf in self.leaves)

    @property
    def counts(self) -> Counter[Verdict]:
        """How many leaves have which verdict."""
        return Counter(leaf.verdict for leaf in self.leaves)

    def named(self, *verdicts: Verdict) -> str:
        """The leaves with these verdicts, the first ones by name."""
        paths = [leaf.path for leaf in self.leaves if leaf.verdict in verdicts]
        more = f" and {len(paths) - _LONGEST} more" if len(paths) > _LONGEST else ""
        return ", ".join(paths[:_LONGEST]) + more
