"""The one byte form of a snapshot: a head line, a line per item, a line per gap.

Each line is JSON with its fields in the order below and fields at their default left out, so what
the vault stores is what the id is made of. docs/format.md is the specification.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot.model import Access, Gap, Identity, Item, Kind, Role
from goldcopy.snapshot.values import Json, float_from_text, float_text, from_json, to_json

FORMAT = "goldcopy/1"

# msgspec leaves a field out if its value *is* the default, not if it equals it. Text that a driver
# or an inventory built at run time must not change the bytes, so these hand it the very defaults.
_ROLES: dict[str, Role] = {"setting": "setting", "process": "process", "diagnostic": "diagnostic"}
_ACCESS: dict[str, Access] = {"read": "read", "read-write": "read-write"}


class Head(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The first line: whose state this is."""

    format: str
    device: str
    driver: str
    identity: Identity
    rules: str = ""


class _ItemLine(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    path: str
    kind: Kind
    type: str
    value: Json
    role: Role = "setting"
    access: Access = "read"
    unit: str = ""
    label: str = ""
    low: int | str | None = None
    high: int | str | None = None
    address: str = ""


class _OpenLine(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """An item line whose value is left as it stands."""

    path: str
    kind: str
    type: str
    value: msgspec.Raw
    role: str = "setting"
    access: str = "read"
    unit: str = ""
    label: str = ""
    low: int | str | None = None
    high: int | str | None = None
    address: str = ""


class _GapLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    gap: str
    reason: str


_plain = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(Head).decode
_decode_item = msgspec.json.Decoder(_ItemLine).decode
_decode_open = msgspec.json.Decoder(_OpenLine).decode
_decode_gap = msgspec.json.Decoder(_GapLine).decode


def _encode(line: Head | _ItemLine | _GapLine) -> bytes:
    """JSON exactly as jq prints it, which escapes DEL: so ids can be checked with jq."""
    return _escaped(_plain(line))


def _escaped(data: bytes) -> bytes:
    return data.replace(b"\x7f", b"\\u007f") if b"\x7f" in data else data


def head_line(head: Head) -> bytes:
    """The canonical bytes of a head, without a line end."""
    return _encode(head)


def item_line(item: Item) -> bytes:
    """The canonical bytes of an item, without a line end."""
    return _encode(
        _ItemLine(
            item.path,
            item.kind,
            item.type,
            to_json(item.type, item.value),
            _ROLES[item.role],
            _ACCESS[item.access],
            item.unit or "",
            item.label or "",
            _limit_json(item.low),
            _limit_json(item.high),
            item.address or "",
        )
    )


def frame(items: Iterable[Item]) -> bytes:
    """All of these items but their values: the same bytes while nothing else of them moves."""
    return _plain(
        [
            (
                item.path,
                item.kind,
                item.type,
                item.role,
                item.access,
                item.unit,
                item.label,
                None if item.low is None else _limit_json(item.low),
                None if item.high is None else _limit_json(item.high),
                item.address,
            )
            for item in items
        ]
    )


def value_of(line: bytes) -> msgspec.Raw:
    """The value in an item line, as it stands there. Raises ``Wrong`` if it is none."""
    return _opened(line).value


def with_value(line: bytes, value: bytes | msgspec.Raw) -> bytes:
    """An item line with another value in it. Raises ``Wrong`` if it is none."""
    raw = msgspec.Raw(bytes(value))
    return _escaped(_plain(msgspec.structs.replace(_opened(line), value=raw)))


def _opened(line: bytes) -> _OpenLine:
    try:
        return _decode_open(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"not an item line: {error}") from None


def gap_line(gap: Gap) -> bytes:
    """The canonical bytes of a gap, without a line end."""
    return _encode(_GapLine(gap.path, gap.reason))


def parse_head(line: bytes | msgspec.Raw) -> Head:
    """Read a head line back. Raises ``Wrong`` if it is not one."""
    try:
        head = _decode_head(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"not a head line: {error}") from None
    if head.format != FORMAT:
        raise Wrong(f"its format is {head.format!r}, this version of goldcopy reads {FORMAT!r}")
    return head


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
    except (msgspec.DecodeError, ValueError) as error:
        raise Wrong(f"not an item line: {error}") from None


def parse_gap(line: bytes | msgspec.Raw) -> Gap:
    """Read a gap line back. Raises ``Wrong`` if it is not one."""
    try:
        read = _decode_gap(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Wrong(f"not a gap line: {error}") from None
    return Gap(read.gap, read.reason)


def digest(lines: Iterable[bytes]) -> str:
    """SHA-256 over lines, each with a line feed behind it."""
    hashed = hashlib.sha256(b"\n".join(lines))
    hashed.update(b"\n")
    return hashed.hexdigest()


def _limit_json(limit: int | float | None) -> int | str | None:
    """A limit keeps its kind: a float is text, an integer a number, or ``int:…`` beyond 2^53."""
    if limit is None:
        return None
    if type(limit) is float:
        return float_text(limit, single=False)
    number = to_json("LINT", limit)
    return f"int:{number}" if type(number) is str else number  # type: ignore[return-value]


def _limit(data: int | str | None) -> int | float | None:
    if not isinstance(data, str):
        return data
    if data.startswith("int:"):
        return int(data[4:])
    return float_from_text(data, single=False)
