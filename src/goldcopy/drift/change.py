"""Expected change: windows with a ticket, and which of what moved belongs to one.

A window is two notes of each device: when it was opened, with the snapshot before, and when it was
closed, with the one after. What came to be as it is between the two belongs to the ticket; all else
moved outside of any change, and somebody should know why.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot.canonical import Head
from goldcopy.vault import Entry, Note, Vault

OPENED: Final = "change.opened"
CLOSED: Final = "change.closed"


class Window(msgspec.Struct, frozen=True):
    """One change of one device."""

    ticket: str
    device: str
    reason: str
    by: str
    opened: datetime
    before: str
    """Id of the snapshot before."""
    first: int
    """Its number in the device's history."""
    closed: datetime | None = None
    after: str = ""
    last: int = 0
    """Number of the snapshot after; 0 while the window is open."""

    def has(self, number: int) -> bool:
        """Whether what a snapshot with this number was the first to show belongs to it."""
        return self.first < number and (not self.last or number <= self.last)


class Origin(msgspec.Struct, frozen=True):
    """Since when an item is as it is, and by which change."""

    since: datetime
    snapshot: str
    ticket: str
    """"" if it moved outside of any change."""


def opening(ticket: str, reason: str, entry: Entry) -> dict[str, object]:
    """The body of the note that opens a window."""
    return {"ticket": ticket, "reason": reason, "snapshot": entry.id, "number": entry.number}


def closing(ticket: str, entry: Entry, paths: Collection[str]) -> dict[str, object]:
    """The body of the note that closes it; ``paths`` are what has moved."""
    return {
        "ticket": ticket,
        "snapshot": entry.id,
        "number": entry.number,
        "moved": sorted(paths),
    }


def windows(vault: Vault, device: str | None = None) -> list[Window]:
    """All windows, oldest first. Raises as ``Vault.notes``."""
    found: dict[tuple[str, str], Window] = {}
    done: list[Window] = []
    for note in vault.notes(None, device):
        key = (note.device, str(note.body.get("ticket", "")))
        if note.kind == OPENED:
            if key in found:
                done.append(found.pop(key))
            found[key] = _opened(note)
        elif note.kind == CLOSED and key in found:
            done.append(
                msgspec.structs.replace(
                    found.pop(key),
                    closed=note.time,
                    after=str(note.body["snapshot"]),
                    last=int(note.body["number"]),
                )
            )
    return sorted([*done, *found.values()], key=lambda window: window.opened)


def _opened(note: Note) -> Window:
    body = note.body
    return Window(
        str(body["ticket"]),
        note.device,
        str(body.get("reason", "")),
        note.by,
        note.time,
        str(body["snapshot"]),
        int(body["number"]),
    )


def still_open(vault: Vault, ticket: str) -> list[Window]:
    """The windows of a ticket that are open. Raises ``Wrong`` if there is none."""
    all_open = [window for window in windows(vault) if window.closed is None]
    found = [window for window in all_open if window.ticket == ticket]
    if not found:
        others = ", ".join(sorted({window.ticket for window in all_open})) or "none"
        raise Wrong(f"no change {ticket} is open; open are: {others}")
    return found


def origins(vault: Vault, device: str, paths: Collection[str]) -> Mapping[str, Origin]:
    """Since when each item is as it is now, and by which change. Raises as ``Vault.blame``."""
    known = windows(vault, device)
    return {
        path: _origin(seen[0][0], known)
        for path, seen in vault.traces(device, paths).items()
        if seen
    }


def identity_origins(vault: Vault, device: str, fields: Collection[str]) -> Mapping[str, Origin]:
    """The same of what the controller says of itself, and of ``driver``. Raises as ``origins``."""
    known = windows(vault, device)
    heads = [(entry, _said(head)) for entry, head in vault.heads(device)]
    found: dict[str, Origin] = {}
    for field in fields:
        since = None
        for entry, said in heads:
            if said[field] != heads[0][1][field]:
                break
            since = entry
        if since is not None:
            found[field] = _origin(since, known)
    return found


def _said(head: Head) -> dict[str, str]:
    return {"driver": head.driver, **msgspec.structs.asdict(head.identity)}


def _origin(entry: Entry, known: list[Window]) -> Origin:
    tickets = [window.ticket for window in known if window.has(entry.number)]
    return Origin(entry.facts.taken, entry.id, tickets[-1] if tickets else "")
