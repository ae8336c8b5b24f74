"""How a person names a snapshot: DEVICE, DEVICE@2026-11-24, DEVICE~1, or the start of an id."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from goldcopy.errors import Wrong
from goldcopy.vault.histories import Histories
from goldcopy.vault.records import Entry

_ID = re.compile(r"[0-9a-f]{6,64}")
_BACK = re.compile(r"(.+)~(\d{1,9})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def resolve(vault: Histories, name: str) -> Entry:
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
    raise vault.unknown(name)


def _back(vault: Histories, device: str, back: int) -> Entry:
    history = vault.log(device)
    if back >= len(history):
        raise Wrong(
            f"{device}~{back} does not exist: the vault has {len(history)} "
            f"snapshot{'s'[: len(history) != 1]} of {device}, the oldest is {device}~"
            f"{len(history) - 1}"
        )
    return history[back]


def _at(vault: Histories, device: str, when: str) -> Entry:
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


def _by_id(vault: Histories, prefix: str) -> Entry:
    found = vault.by_id(prefix)
    if len(found) > 1:
        some = ", ".join(f"{entry.id[: len(prefix) + 4]} ({entry.device})" for entry in found[:3])
        raise Wrong(f"{prefix} is the start of several ids: {some}; write more of it")
    if not found:
        raise vault.unknown(prefix)
    return found[0]
