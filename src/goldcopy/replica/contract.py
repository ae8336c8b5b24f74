"""What a replica is: write-once files by name, opaque to it, in a folder named by the vault's id.

So several vaults, and several collectors, share one place without conflict. What is not listed
here, the index, the lock and the keys of the collector, never leaves the vault.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, runtime_checkable

from goldcopy.errors import VaultDamaged

AttackName = Literal[
    "overwrite",
    "truncate",
    "delete",
    "rename",
    "replay an old head",
    "open the newest pack for writing",
    "remove a name beside the packs",
    "shorten retention",
    "suspend versioning",
]
Attack = Callable[[str, str], Awaitable[None]]
"""Tried on a probe (its name, and that of an older probe). Raises ``Refused`` if it was refused.

Those about the newest pack get its name, and change nothing even if they succeed."""

_OURS = re.compile(
    r"vault\.json|keyring/\d{4,}\.json|packs/\d{8,}\.pack|attest/[\w-]+\.probe", re.A
)
_PACK = re.compile(r"packs/(\d{8,})\.pack", re.A)
_RING = re.compile(r"keyring/(\d{4,})\.json", re.A)
_UNFINISHED = re.compile(r"(.+/|)\.(.+)\.[0-9a-f]{8}\.tmp", re.A)


class Replica(Protocol):
    """One place, opened. All methods raise ``VaultUnavailable`` if it cannot be used now."""

    @property
    def name(self) -> str:
        """As the inventory calls it."""
        ...

    @property
    def attacks(self) -> Mapping[AttackName, Attack]:
        """The attacks that there are on such a place, for ``attest``."""
        ...

    @property
    def advice(self) -> str:
        """What would make it refuse an attack that it does not refuse."""
        ...

    async def list(self) -> Mapping[str, int]:
        """The size of every file there, by name, half-written and foreign ones too."""
        ...

    async def get(self, name: str) -> bytes:
        """The content of a file. Raises ``VaultDamaged`` if it is not there."""
        ...

    async def put(self, name: str, data: bytes) -> None:
        """Create a file: whole, and for good when this returns, or not at all.

        The same content there already is success. Other content raises ``VaultDamaged``; it is
        never overwritten.
        """
        ...


@runtime_checkable
class Locking(Protocol):
    """A replica whose files are locked one by one, each until a date."""

    async def require_locks(self) -> None:
        """Raise ``VaultUnavailable`` if the place does not lock, or not the newest pack."""
        ...

    async def unlocked(self, name: str) -> str:
        """Why this file is not immutable; "" if it is."""
        ...


Opening = Callable[[], AbstractAsyncContextManager[Replica]]
"""Opens a replica; its connection is let go with the context."""


def is_ours(name: str) -> bool:
    """Whether goldcopy gives files such names."""
    return _OURS.fullmatch(name) is not None


def strangers(names: Collection[str]) -> tuple[list[str], list[str]]:
    """Of all names at a place those that are no file of a vault, and those half-written.

    What is left of files that did get their name is not worth a word: an append-only server keeps
    every temporary.
    """
    left = {name: match for name in names if (match := _UNFINISHED.fullmatch(name))}
    foreign = [name for name in names if not is_ours(name) and name not in left]
    return foreign, [name for name, match in left.items() if match[1] + match[2] not in names]


def pack_number(name: str) -> int:
    """The number of a pack by its name; 0 if it is none."""
    match = _PACK.fullmatch(name)
    return int(match[1]) if match else 0


def ring_number(name: str) -> int:
    """The number of a keyring by its name; 0 if it is none."""
    match = _RING.fullmatch(name)
    return int(match[1]) if match else 0


def unfinished(name: str) -> str:
    """A name for a file while it is written, one that no other writer uses."""
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}.{base}.{secrets.token_hex(4)}.tmp"


def conflict(replica: str, name: str) -> VaultDamaged:
    """Another file has the name already."""
    return VaultDamaged(
        f"replica {replica} holds another {name} than the vault: two collectors write one vault, "
        "the vault was rolled back, or one of the two was changed; nothing was overwritten: "
        "compare them with goldcopy vault compare"
    )


def absent(replica: str, name: str) -> VaultDamaged:
    """A file that should be there is not."""
    return VaultDamaged(f"replica {replica} has no {name}: bring it up to date, or see who took it")
