"""The journal of one restore: on the disk before anything is sent, so that a kill loses nothing.

``<vault>/restores/<device>@<plan digest>.journal``, JSON Lines, each line synced before what it
announces is done. It ends by being named ``.done``, or ``.abandoned``. All that resume and rollback
need is in it, big content too: who may only write to the vault can still finish what was begun.

Its first line holds what may be written, and the vault's signed history has the hash of that line.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self

import msgspec

from goldcopy.errors import VaultDamaged, Wrong
from goldcopy.restore.gates import Permit
from goldcopy.restore.model import Plan, Write
from goldcopy.restore.receipt import Receipt
from goldcopy.snapshot import Item, Value, parse_item
from goldcopy.snapshot.canonical import item_line
from goldcopy.vault.folder import disk, sync, sync_folder

FOLDER: Final = "restores"
Phase = Literal["restore", "rollback"]


class Begun(msgspec.Struct, frozen=True, tag_field="event", tag="begun"):
    """The first line."""

    plan: str
    """Its canonical line."""
    before: str
    """Id of the snapshot that was taken first."""
    permit: Permit
    time: datetime
    live: list[msgspec.Raw] = []
    """The live values that are to be written, as they were then: a plan is older than they are."""
    blobs: dict[str, str] = {}
    """Big content that may have to be written, old and new: base64 by hash."""

    @classmethod
    def of(
        cls,
        plan: Plan,
        before: str,
        permit: Permit,
        time: datetime,
        live: Iterable[Item] = (),
        blobs: Mapping[str, bytes] = {},
    ) -> Self:
        """What may be written from now on."""
        texts = {sha: base64.b64encode(data).decode() for sha, data in blobs.items()}
        lines = [msgspec.Raw(item_line(item)) for item in live]
        return cls(plan.line.decode(), before, permit, time, lines, texts)

    @property
    def digest(self) -> str:
        """SHA-256 of the line, as this version of goldcopy writes it."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


class Writing(msgspec.Struct, frozen=True, tag_field="event", tag="writing"):
    """One group is about to be sent: from now on it is in doubt until it is read."""

    phase: Phase
    paths: list[str]


class Turned(msgspec.Struct, frozen=True, tag_field="event", tag="turned"):
    """It goes back from here."""

    why: str
    said: dict[str, str] = {}
    """Path -> what was amiss with it."""


class Told(msgspec.Struct, frozen=True, tag_field="event", tag="receipt"):
    """What came of it."""

    receipt: Receipt


Event = Begun | Writing | Turned | Told
_decode = msgspec.json.Decoder(Event).decode


class Journal:
    """One restore's journal. Its methods block on the disk: call them in a thread."""

    def __init__(
        self, path: Path, events: list[Event], digest: str, torn: int | None = None
    ) -> None:
        """Use ``begin`` or ``open``."""
        self.path = path
        self._torn = torn
        self.events = events
        self.digest = digest
        """SHA-256 of the first line."""
        first = events[0]
        assert isinstance(first, Begun)
        self.begun = first
        self.plan = Plan.read(first.plan)
        live = {item.path: item.value for item in map(parse_item, first.live)}
        self.writes = tuple([_with_live(one, live) for one in self.plan.writes])
        """Those of the plan, with live values as they were when it was begun."""
        self.blobs = {sha: base64.b64decode(text) for sha, text in first.blobs.items()}
        for sha, data in self.blobs.items():
            if hashlib.sha256(data).hexdigest() != sha:
                raise Wrong(f"the content {sha[:12]} in it is another one")

    @classmethod
    def begin(cls, vault: Path, begun: Begun) -> Self:
        """The first line, on the disk."""
        path = _place(vault, Plan.read(begun.plan), "journal")
        with disk(path):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            # Whole or not at all: a first line that is cut short could be neither read nor resumed.
            temporary = path.with_suffix(".tmp")
            temporary.unlink(missing_ok=True)
            _append(temporary, begun, os.O_CREAT | os.O_EXCL)
            os.rename(temporary, path)
            sync_folder(path.parent)
        return cls(path, [begun], begun.digest)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read a journal. Raises ``VaultUnavailable``, ``VaultDamaged``."""
        with disk(path):
            data = path.read_bytes()
        # A last line without its end was cut short by a kill: what it announces was never begun.
        whole = data.rfind(b"\n") + 1
        try:
            lines = data[:whole].splitlines()
            events: list[Event] = [_decode(line) for line in lines]
            if not events or not isinstance(events[0], Begun):
                raise Wrong("it does not begin as a journal does")
            digest = hashlib.sha256(lines[0]).hexdigest()
            journal = cls(path, events, digest, whole if whole < len(data) else None)
            if _name(journal.plan) != path.stem:
                raise Wrong("it is named after another plan")
        except (msgspec.DecodeError, ValueError, Wrong) as error:
            raise VaultDamaged(
                f"{path} is no journal of a restore: {error}; "
                "goldcopy restore abandon sets it aside"
            ) from None
        return journal

    def add(self, event: Event) -> None:
        """Write one line; return when it is on the disk."""
        with disk(self.path):
            if self._torn is not None:
                os.truncate(self.path, self._torn)
                self._torn = None
            _append(self.path, event)
        self.events.append(event)

    def end(self) -> None:
        """All is told and kept: nothing is left to be done."""
        _renamed(self.path, ".done")

    @property
    def in_doubt(self) -> bool:
        """Whether it ends with a group of which nobody knows whether it was carried out."""
        return isinstance(self.events[-1], Writing)

    @property
    def turned(self) -> Turned | None:
        """Whether, and why, it goes back."""
        return next((one for one in self.events if isinstance(one, Turned)), None)

    def sent(self, phase: Phase) -> Counter[str]:
        """How often each path was written, or may have been."""
        groups = [one for one in self.events if isinstance(one, Writing) and one.phase == phase]
        return Counter(path for group in groups for path in group.paths)

    def groups(self) -> int:
        """How many groups were sent, in both directions."""
        return sum(isinstance(one, Writing) for one in self.events)


def unfinished(vault: Path, device: str = "") -> list[Path]:
    """The journals of restores that did not come to an end; of one device, if asked for."""
    folder = vault / FOLDER
    with disk(folder):
        found = sorted(folder.glob("*.journal")) if folder.is_dir() else []
    # By their names alone: some may be at work, and come to their end, at this moment.
    return [path for path in found if device in ("", path.name.partition("@")[0])]


def abandon(journal: Path) -> None:
    """Set a journal aside, whatever is in it: it stops no other restore any more."""
    _renamed(journal, ".abandoned")


def running(vault: Path, plan: Plan) -> Path | None:
    """The journal of a plan that was begun and did not come to an end."""
    path = _place(vault, plan, "journal")
    with disk(path):
        return path if path.exists() else None


def finished(vault: Path, plan: Plan) -> Receipt | None:
    """What came of a plan that came to an end."""
    path = _place(vault, plan, "done")
    with disk(path):
        if not path.exists():
            return None
    told = [one.receipt for one in Journal.open(path).events if isinstance(one, Told)]
    return told[-1] if told else None


def refuse_second(vault: Path, plan: Plan) -> None:
    """Raise ``Wrong`` if this plan was applied before, or another restore is not finished."""
    done = _place(vault, plan, "done")
    with disk(done):
        applied = done.exists()
    if applied:
        raise Wrong(
            f"{plan.device}: plan {plan.digest[:12]} was applied before; make a new one: "
            f"goldcopy restore plan {plan.device}"
        )
    for path in unfinished(vault, plan.device):
        raise Wrong(
            f"{plan.device}: the restore {path.stem.partition('@')[2][:12]} was interrupted: "
            "resume it, or roll it back, first; or abandon it, if its controller is gone"
        )


def _with_live(write: Write, live: Mapping[str, Value]) -> Write:
    """Nothing but the value: where it is written to is what the plan says."""
    if write.now.role != "process" or write.path not in live:
        return write
    return write._replace(now=msgspec.structs.replace(write.now, value=live[write.path]))


def _place(vault: Path, plan: Plan, suffix: str) -> Path:
    return vault / FOLDER / f"{_name(plan)}.{suffix}"


def _name(plan: Plan) -> str:
    return f"{plan.device}@{plan.digest}"


def _renamed(path: Path, suffix: str) -> None:
    with disk(path):
        os.rename(path, path.with_suffix(suffix))
        sync_folder(path.parent)


def _append(path: Path, event: Event, flags: int = 0) -> None:
    line = msgspec.json.encode(event) + b"\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, 0o600)
    size = os.fstat(file).st_size
    try:
        view = memoryview(line)
        while view:
            view = view[os.write(file, view) :]
        sync(file)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, size)  # half a line would swallow the next one
        raise
    finally:
        os.close(file)
