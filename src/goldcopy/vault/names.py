"""How a person names a snapshot: DEVICE, DEVICE@2026-11-24, DEVICE~1, or the start of an id."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.vault.records import Entry

if TYPE_CHECKING:
    from goldcopy.vault.store import Vault

_ID = re.compile(r"[0-9a-f]{6,64}")
_BACK = re.compile(r"(.+)~(\d{1,9})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def resolve(vault: Vault, name: str) -> Entry:
    """The entry that a name means. Raises ``Wrong``, saying what there is instead."""
    if name in vault.devices():
        return vault.log(name)[0]
    back = _BACK.fullmatch(name)
    if back:
        return _back(vault, back[1], int(back[2]))
    device, at, when = name.rpartition("@")
    if at:
        return _at(vault, device, when)
    if _ID.fullmatch(name.lower()):
        return _by_id(vault, name.lower())
    raise unknown(vault, name)


def unknown(vault: Vault, device: str) -> Wrong | VaultDamaged:
    """The error for a device that the vault does not have; raises ``VaultSealed`` if it may."""
    devices = vault.devices()
    vault.refuse_sealed(f"what there is of {device}")
    if vault.doubts:
        return VaultDamaged(f"no snapshot of {device} can be found; {vault.doubts[0]}")
    if not devices:
        return Wrong(f"there is no snapshot of {device}: the vault is empty; run goldcopy pull")
    return Wrong(f"there is no snapshot of {device}: {near(device, devices, 'the vault has')}")


def near(word: str, words: Iterable[str], has: str) -> str:
    """``did you mean …?`` if any word is close, else the first few of them."""
    words = list(words)
    close = difflib.get_close_matches(word, _likely(word, words), n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    more = f" and {len(words) - 5} more" if len(words) > 5 else ""
    return f"{has} {', '.join(words[:5])}{more}"


def _likely(word: str, words: list[str]) -> list[str]:
    """Of very many words, those in the same folder: comparing all would take seconds."""
    if len(words) <= 2000:
        return words
    folder = word.rpartition("/")[0]
    return [one for one in words if one.rpartition("/")[0] == folder][:2000]


def _back(vault: Vault, device: str, back: int) -> Entry:
    history = vault.log(device)
    if back >= len(history):
        raise Wrong(
            f"{device}~{back} does not exist: the vault has {len(history)} "
            f"snapshot{'s'[: len(history) != 1]} of {device}, the oldest is {device}~"
            f"{len(history) - 1}"
        )
    return history[back]


def _at(vault: Vault, device: str, when: str) -> Entry:
    history = vault.log(device)
    if when == "gold":
        raise Wrong(f"{device}@gold takes the keys of who approves: name a snapshot by time or id")
    end = _moment(device, when)
    for entry in history:
        if entry.facts.taken <= end:
            return entry
    first = history[-1].facts.taken.astimezone()
    raise Wrong(
        f"there is no snapshot of {device} from {when} or before: "
        f"the oldest is from {first:%Y-%m-%d %H:%M}"
    )


def _moment(device: str, when: str) -> datetime:
    """The end of a day, or a moment; local time where no offset is given."""
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        raise Wrong(
            f"{device}@{when}: write a day as {device}@2026-11-24, "
            f"or a time as {device}@2026-11-24T06:00"
        ) from None
    if _DAY.fullmatch(when):
        midnight = datetime.combine(moment.date() + timedelta(days=1), time())
        return midnight.astimezone() - timedelta(microseconds=1)
    return moment.astimezone()


def _by_id(vault: Vault, prefix: str) -> Entry:
    found = vault.by_id(prefix)
    if len(found) > 1:
        some = ", ".join(f"{entry.id[: len(prefix) + 4]} ({entry.device})" for entry in found[:3])
        raise Wrong(f"{prefix} is the start of several ids: {some}; write more of it")
    if not found:
        raise unknown(vault, prefix)
    return found[0]
