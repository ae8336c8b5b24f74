"""Attacking the replicas with the collector's own rights, to see what they refuse.

Each attack has a probe of its own below ``attest/``, put there as packs are, and is judged by what
it did: whether the probe still reads as it was put. The newest pack is touched only in ways that
leave it as it is even if they are not refused. Probes that cannot be removed stay: they are small.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, get_args

from goldcopy.errors import GoldcopyError, Refused, VaultDamaged
from goldcopy.replica.contract import AttackName, Opening, Replica, pack_number

Outcome = Literal["refused", "succeeded", "not applicable", "not tried"]

_ALL: Final[tuple[AttackName, ...]] = get_args(AttackName)
_BY_ANSWER: Final[tuple[AttackName, ...]] = (
    "open the newest pack for writing",
    "remove a name beside the packs",
    "shorten retention",
    "suspend versioning",
)
"""Leave no trace on a probe: the server's answer decides."""
_ON_NEWEST: Final[tuple[AttackName, ...]] = (
    "open the newest pack for writing",
    "remove a name beside the packs",
)


class Row(NamedTuple):
    """What became of one attack on one replica."""

    replica: str
    attack: AttackName | Literal["all"]
    outcome: Outcome
    words: str
    advice: str = ""
    """How the place could refuse what succeeded; the same for all of its attacks."""


async def attest(replicas: Mapping[str, Opening]) -> list[Row]:
    """Try every attack on every replica. One that cannot be reached has a row ``not tried``."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_replica(name, opening)) for name, opening in replicas.items()]
    return [row for task in running for row in task.result()]


async def _replica(name: str, opening: Opening) -> list[Row]:
    rows: list[Row] = []
    try:
        async with opening() as replica:
            newest = max(await replica.list(), key=pack_number, default="")
            probes: list[str] = []
            try:
                for attack in _ALL:
                    rows.append(await _try(replica, attack, newest, probes))
            finally:
                await _clear(replica, probes)
    except GoldcopyError as error:
        rows.append(Row(name, "all", "not tried", str(error)))
    return rows


async def _try(replica: Replica, attack: AttackName, newest: str, probes: list[str]) -> Row:
    act = replica.attacks.get(attack)
    if act is None:
        return Row(replica.name, attack, "not applicable", "there is no such thing on this kind")
    if attack in _ON_NEWEST:
        if not pack_number(newest):
            return Row(replica.name, attack, "not tried", "it has no packs yet")
        target, older, content = newest, "", b""
    else:
        older, _ = await _probe(replica, f"{attack} older", probes)
        target, content = await _probe(replica, attack, probes)
        probes.append(f"{target}.away")  # where a rename takes it
    refusal = ""
    try:
        await act(target, older)
    except Refused as error:
        refusal = str(error)
    done = not refusal if attack in _BY_ANSWER else not await _is(replica, target, content)
    if done:
        return Row(replica.name, attack, "succeeded", _DONE[attack], replica.advice)
    return Row(replica.name, attack, "refused", refusal or _COVERED)


_DONE: Final[dict[AttackName, str]] = {
    "overwrite": "the probe was overwritten",
    "truncate": "the probe was cut off",
    "delete": "the probe was deleted",
    "rename": "the probe was renamed away",
    "replay an old head": "an older file took the place of the newest",
    "open the newest pack for writing": "it could have been changed (nothing was written)",
    "remove a name beside the packs": "packs could be deleted (an empty file of ours was)",
    "shorten retention": "the probe's lock was shortened",
    "suspend versioning": "versioning was suspended (it is switched on again)",
}
_COVERED: Final = (
    "the server took it as something newer; what was put first is what counts, and it is untouched"
)


async def _probe(replica: Replica, purpose: str, probes: list[str]) -> tuple[str, bytes]:
    """Put a new probe; gives its name and its content."""
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"attest/{time}-{secrets.token_hex(3)}-{purpose.replace(' ', '-')}.probe"
    content = f"a probe of goldcopy vault attest: {purpose}, {secrets.token_hex(32)}\n".encode()
    await replica.put(name, content)
    probes.append(name)
    return name, content


async def _is(replica: Replica, name: str, content: bytes) -> bool:
    try:
        return await replica.get(name) == content
    except VaultDamaged:  # it is not there
        return False


async def _clear(replica: Replica, probes: list[str]) -> None:
    """Remove the probes where the place lets anybody remove anything."""
    delete = replica.attacks["delete"]
    for name in probes:
        with contextlib.suppress(Refused, VaultDamaged):  # it may be gone, or may not be removed
            await delete(name, "")
