"""The key ``gold``: whose signature makes a snapshot a gold copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from goldcopy.inventory.document import Node
from goldcopy.inventory.fields import Fields
from goldcopy.inventory.mistakes import Gathered
from goldcopy.inventory.scalars import whole

APPROVERS: Final[Callable[[Node], int]] = whole(1, 20)


class GoldPolicy(msgspec.Struct, frozen=True):
    """Who may approve, and how many must."""

    signers: Path
    """An ``allowed_signers`` file, as ssh-keygen(1) describes it."""
    approvers: int = 1
    """Different people that a gold copy needs, where a device does not say otherwise."""


def policy(node: Node, mistakes: Gathered, path: Callable[[Node], Path]) -> GoldPolicy:
    """Read ``{signers: FILE, approvers: N}``."""
    fields = Fields(node, mistakes, "gold")
    signers = fields.require("signers", path, Path(), "signers: ./allowed_signers")
    approvers = fields.take("approvers", APPROVERS, 1)
    fields.close()
    return GoldPolicy(signers, approvers)
