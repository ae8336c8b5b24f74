"""The one byte form of a snapshot: a head line, a line per item, a line per gap.

Each line is JSON with its fields in the order below and fields at their default left out, so what
the vault stores is what the id is made of. docs/format.md is the specification.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot.model import Access, Gap, Identity, Item, Kind, Role
from goldcopy.snapshot.values import float_from_text, float_text, from_json, to_json

if TYPE_CHECKING:
    from goldcopy.snapshot.model import Snapshot

FORMAT = "goldcopy/1"


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line: whose state this is."""

    format: str
    device: str
    driver: str
    identity: Identity
    rules: str = ""


class _ItemLine(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    path: str
    kind: Kind
    type: str
    value: object  # Json: msgspec cannot follow an alias that names itself
    role: Role = "setting"
    access: Access = "read"
    unit: str = ""
    label: str = ""
    low: int | str | None = None
    high: int | str | None = None
    address: str = ""


class _GapLine(msgspec.Struct, frozen=True, gc=False):
    gap: str
    reason: str


_encode = msgspec.json.Encoder().encode
_decode_item = msgspec.json.Decoder(_ItemLine).decode
_decode_gap = msgspec.json.Decoder(_GapLine).decode


def head(snapshot: Snapshot) -> Head:
    """The head of a snapshot."""
    return Head(FORMAT, snapshot.device, snapshot.driver, snapshot.identity, snapshot.rules)


def item_line(item: Item) -> bytes:
    """The canonical bytes of an item, without a line end."""
    value = item.value
    kind = type(value)
    return _encode(
        _ItemLine(
            item.path,
            item.kind,
            item.type,
            value if kind is bool or kind is str else to_json(item.type, value),
            item.role,
            item.access,
            item.unit,
            item.label,
            _limit_json(item.low),
            _limit_json(item.high),
            item.address,
        )
    )


def gap_line(gap: Gap) -> bytes:
    """The canonical bytes of a gap, without a line end."""
    return _encode(_GapLine(gap.path, gap.reason))


def lines(snapshot: Snapshot) -> Iterator[bytes]:
    """All lines of a snapshot, in canonical order, without line ends."""
    yield _encode(head(snapshot))
    yield from map(item_line, snapshot.items)
    yield from map(gap_line, snapshot.gaps)


def digest(all_lines: Iterable[bytes]) -> str:
    """SHA-256 over the lines, each with a line feed behind it."""
    return hashlib.sha256(b"".join(line + b"\n" for line in all_lines)).hexdigest()


def whole_digest(snapshot: Snapshot) -> str:
    """The id: everything, in canonical order."""
    return digest(lines(snapshot))


def settings_digest(snapshot: Snapshot) -> str:
    """Identity and settings only. The rules are left out: a new rule changes no controller."""
    of_settings = (item_line(item) for item in snapshot.items if item.role == "setting")
    without_rules = Head(FORMAT, snapshot.device, snapshot.driver, snapshot.identity)
    return digest([_encode(without_rules), *of_settings])


def parse_item(line: bytes | msgspec.Raw) -> Item:
    """Read an item line back. Raises ``Wrong`` if it is not one."""
    try:
        read = _decode_item(line)
        return Item(
            read.path,
            read.kind,
            read.type,
            from_json(read.type, read.value),
            read.role,
            read.access,
            read.unit,
            read.label,
            _limit(read.low),
            _limit(read.high),
            read.address,
        )
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"not an item line: {error}") from None


def parse_gap(line: bytes | msgspec.Raw) -> Gap:
    """Read a gap line back. Raises ``Wrong`` if it is not one."""
    try:
        read = _decode_gap(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"not a gap line: {error}") from None
    return Gap(read.gap, read.reason)


def _limit_json(limit: int | float | None) -> int | str | None:
    """An integer stays a JSON integer, a float becomes text: so a limit keeps its kind."""
    return float_text(limit, single=False) if isinstance(limit, float) else limit


def _limit(data: int | str | None) -> int | float | None:
    return float_from_text(data, single=False) if isinstance(data, str) else data
