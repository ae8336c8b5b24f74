"""A plan as data: one line of canonical JSON, so that people can approve its digest."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cached_property
from typing import Final, Literal, NamedTuple, Self

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot import Identity, Item, Value, parse_item
from goldcopy.snapshot.canonical import item_line
from goldcopy.snapshot.values import Json, check, from_json, to_json

FORMAT: Final = "goldcopy-plan/1"
Values = Literal["settings", "all"]
"""``settings``: live values stay as they are. ``all``: they go back too, as they were recorded."""


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two snapshots that a plan is made of."""

    snapshot: str
    """Its id."""
    settings: str
    """Its settings digest."""
    identity: Identity


class Write(NamedTuple):
    """One leaf that is to be written."""

    now: Item
    """As the device has it: path, type, unit, limits, address, and the old value."""
    value: Value
    """The new value."""
    critical: tuple[str, ...] = ()
    """Why a running process may feel it: ``process`` for a live value, ``RUN`` for the mode."""

    @property
    def path(self) -> str:
        """Where."""
        return self.now.path

    @property
    def wanted(self) -> Item:
        """As the device is to have it."""
        return msgspec.structs.replace(self.now, value=self.value)


class WriteLine(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A ``Write`` in JSON."""

    now: msgspec.Raw
    """The canonical line of the item."""
    value: Json
    critical: tuple[str, ...] = ()

    @classmethod
    def of(cls, write: Write) -> Self:
        """Its JSON."""
        line = msgspec.Raw(item_line(write.now))
        return cls(line, to_json(write.now.type, write.value), write.critical)

    def write(self) -> Write:
        """Read it back. Raises ``Wrong`` for what is none."""
        now = parse_item(self.now)
        value = from_json(now.type, self.value)
        check(now.type, value)
        return Write(now, value, self.critical)


class Left(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Something that differs, or may, and that a restore does not put back."""

    path: str
    why: str
    now: Json | None = None
    """The value on the device; None if there is none."""
    target: Json | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Every write that would take a device to a snapshot, in order, before any is made."""

    format: str = FORMAT
    vault: str
    """Id of the vault, so that it counts in no other one."""
    device: str
    driver: str
    live: Side
    target: Side
    state: str
    """SHA-256 of the device's settings without its identity: by it a change since is seen."""
    values: Values
    only: tuple[str, ...]
    """Patterns of paths; none: all of them."""
    made: datetime
    lines: tuple[WriteLine, ...]
    left: tuple[Left, ...]
    unchanged: int
    """Leaves that are as in the target already."""
    kept_live: int
    """Live values that differ and stay as they are."""

    @cached_property
    def writes(self) -> tuple[Write, ...]:
        """The writes in order. Raises ``Wrong`` for a plan that was not made here."""
        return tuple([line.write() for line in self.lines])

    @cached_property
    def line(self) -> bytes:
        """Its canonical bytes: JSON as jq prints it, which escapes DEL."""
        return msgspec.json.encode(self).replace(b"\x7f", b"\\u007f")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the line: what people approve."""
        return hashlib.sha256(self.line).hexdigest()

    @classmethod
    def read(cls, line: str | bytes) -> Self:
        """From its line. Raises ``Wrong`` for anything that is not exactly one."""
        try:
            plan = msgspec.json.decode(line, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Wrong(f"not a plan: {error}") from None
        if plan.format != FORMAT:
            raise Wrong(f"the plan's format is {plan.format!r}; this goldcopy reads {FORMAT!r}")
        if plan.line != (line.encode() if isinstance(line, str) else line):
            raise Wrong("a plan that is not in its canonical form")
        if len({write.path for write in plan.writes}) != len(plan.writes):
            raise Wrong("a plan that writes one path two times")
        return plan
