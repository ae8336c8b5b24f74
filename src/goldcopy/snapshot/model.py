"""Item, Gap, Identity: immutable, and checked once, when a snapshot is made of them."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot.values import Value, check, check_text

Kind = Literal["block", "tag", "parameter", "file", "event"]
Role = Literal["setting", "process", "diagnostic"]
Access = Literal["read", "read-write"]


class Item(msgspec.Struct, frozen=True, gc=False):
    """One thing read."""

    path: str
    """Stable, readable, unique in its snapshot; ``/`` between segments, never a volatile id."""
    kind: Kind
    type: str
    """An IEC 61131-3 name, ``ARRAY[n] OF T`` (``ARRAY[2,3] OF T``: flat, row by row), or BYTES."""
    value: Value
    role: Role = "setting"
    access: Access = "read"
    unit: str = ""
    label: str = ""
    low: int | float | None = None
    high: int | float | None = None
    address: str = ""
    """Where the driver finds it, in the protocol's words (``holding/17``); "" if not stable."""


class Gap(msgspec.Struct, frozen=True, gc=False):
    """Something that could not be read, and why."""

    path: str
    """Of an item, of a folder of items, or of a run of them: ``holding/50..59``."""
    reason: str
    """For a person, and the same for the same cause: no time, no counter."""


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the controller says of itself. "" where it does not say: no guesses."""

    vendor: str = ""
    product: str = ""
    order_code: str = ""
    serial: str = ""
    firmware: str = ""
    name: str = ""
    mode: str = ""
    """Operating mode or keyswitch: ``RUN``, ``STOP``, ``REMOTE PROG``."""
    protection: str = ""


_KINDS, _ROLES, _ACCESS = (frozenset(get_args(words)) for words in (Kind, Role, Access))
_LIMITS = frozenset((int, float, type(None)))


def check_item(item: Item) -> None:
    """Only what reads back as it was may be written: else it would be lost in the vault."""
    if item.kind not in _KINDS or item.role not in _ROLES or item.access not in _ACCESS:
        raise Wrong(f"there is no kind {item.kind!r}, role {item.role!r}, access {item.access!r}")
    if type(item.low) not in _LIMITS or type(item.high) not in _LIMITS:
        raise Wrong(f"limits {item.low!r} and {item.high!r} are not int, float or None")
    check_texts(item.path, item.type, item.unit, item.label, item.address)
    check(item.type, item.value)


def check_texts(*texts: str) -> None:
    """Raise ``Wrong`` unless all of these are valid text."""
    for text in texts:
        if type(text) is not str:
            raise Wrong(f"{text!r} is not text")
        check_text(text, f"the text {text!a}")
