"""Item, Gap, Identity, Snapshot: immutable, and checked once, when a snapshot is made."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Literal, get_args

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot.values import INLINE_BYTES, Blob, Value, check, check_text

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


class Snapshot:
    """The immutable result of a pull: complete, or with its gaps listed.

    ``items`` and ``gaps`` are sorted by path. ``blobs`` has the content of the items whose value
    is a ``Blob``, as far as it is at hand.
    """

    def __init__(
        self,
        device: str,
        driver: str,
        identity: Identity,
        items: tuple[Item, ...],
        gaps: tuple[Gap, ...],
        rules: str = "",
        blobs: Mapping[str, bytes] | None = None,
    ) -> None:
        self.device = device
        self.driver = driver
        self.identity = identity
        self.items = items
        self.gaps = gaps
        self.rules = rules
        """Digest of the rules that gave the roles; "" for none."""
        self.blobs: Mapping[str, bytes] = blobs or {}

    @classmethod
    def of(
        cls,
        device: str,
        driver: str,
        identity: Identity,
        items: Iterable[Item],
        gaps: Iterable[Gap] = (),
        rules: str = "",
        blobs: Mapping[str, bytes] | None = None,
    ) -> Snapshot:
        """Make a snapshot of what was read: big bytes become blobs, everything is checked.

        Raises ``Wrong`` for a path read twice and for a value that its type cannot hold.
        """
        content: dict[str, bytes] = {}
        kept: list[Item] = []
        for item in items:
            if item.type.endswith("BYTES"):
                item = msgspec.structs.replace(item, value=_by_hash(item.value, content))
            try:
                _check_item(item)
            except Wrong as error:
                raise Wrong(f"{device}: {item.path!a}: {error}") from None
            kept.append(item)
        kept.sort(key=_path)
        holes = sorted(gaps, key=_path)
        try:
            _check_texts(device, driver, rules, *msgspec.structs.astuple(identity))
            _check_texts(*(text for gap in holes for text in (gap.path, gap.reason)))
        except Wrong as error:
            raise Wrong(f"{device!a}: {error}") from None
        _refuse_twins(device, kept)
        _refuse_twins(device, holes)
        # What is given may be fetched from a vault only when it is asked for.
        given = ChainMap(content, blobs) if blobs else content  # type: ignore[arg-type]
        return cls(device, driver, identity, tuple(kept), tuple(holes), rules, given)

    @cached_property
    def id(self) -> str:
        """SHA-256 of all that the snapshot holds."""
        from goldcopy.snapshot.canonical import form

        return form(self).digest()

    @cached_property
    def settings(self) -> str:
        """SHA-256 of the identity and of the items whose role is ``setting``."""
        from goldcopy.snapshot.canonical import settings_digest

        return settings_digest(self)

    @cached_property
    def by_path(self) -> Mapping[str, Item]:
        """The items by their path."""
        return {item.path: item for item in self.items}

    def content(self, item: Item) -> bytes | None:
        """The bytes of an item of this snapshot, wherever they are held; None if it has none."""
        if isinstance(item.value, Blob):
            return self.blobs[item.value.sha256]
        return item.value if isinstance(item.value, bytes) else None


_KINDS, _ROLES, _ACCESS = (frozenset(get_args(words)) for words in (Kind, Role, Access))
_LIMITS = frozenset((int, float, type(None)))


def _check_item(item: Item) -> None:
    """Only what reads back as it was may be written: else it would be lost in the vault."""
    if item.kind not in _KINDS or item.role not in _ROLES or item.access not in _ACCESS:
        raise Wrong(f"there is no kind {item.kind!r}, role {item.role!r}, access {item.access!r}")
    if type(item.low) not in _LIMITS or type(item.high) not in _LIMITS:
        raise Wrong(f"limits {item.low!r} and {item.high!r} are not int, float or None")
    _check_texts(item.path, item.type, item.unit, item.label, item.address)
    check(item.type, item.value)


def _check_texts(*texts: str) -> None:
    for text in texts:
        if type(text) is not str:
            raise Wrong(f"{text!r} is not text")
        check_text(text, f"the text {text!a}")


def _by_hash(value: Value, content: dict[str, bytes]) -> Value:
    """The value with big bytes held by hash, and their bytes in ``content``."""
    if type(value) is tuple:
        return tuple([_by_hash(one, content) for one in value])
    if type(value) is not bytes or len(value) <= INLINE_BYTES:
        return value
    blob = Blob.of(value)
    content[blob.sha256] = value
    return blob


def _path(thing: Item | Gap) -> str:
    return thing.path


def _refuse_twins(device: str, things: Sequence[Item | Gap]) -> None:
    for one, other in pairwise(things):
        if one.path == other.path:
            raise Wrong(f"{device}: {one.path} was read twice; a path is unique in its snapshot")
