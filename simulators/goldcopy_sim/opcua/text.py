"""What a controller holds, said in IEC 61131-3 types and stable addresses.

A namespace index is only good for one run of a server; every address and every NodeId in a value
is therefore written with the URI (OPC 10000-6, 5.1.12): ``nsu=http://example.com/oven;s=Speed``.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

from asyncua import ua

from ..service import Value
from .codec import Data, Kind, Name, Reader, Scalar, Text, number

IEC = {
    Kind.Boolean: "BOOL",
    Kind.SByte: "SINT",
    Kind.Byte: "USINT",
    Kind.Int16: "INT",
    Kind.UInt16: "UINT",
    Kind.Int32: "DINT",
    Kind.UInt32: "UDINT",
    Kind.Int64: "LINT",
    Kind.UInt64: "ULINT",
    Kind.Float: "REAL",
    Kind.Double: "LREAL",
    Kind.String: "STRING",
    Kind.XmlElement: "STRING",
    Kind.ByteString: "BYTES",
    Kind.ExtensionObject: "BYTES",
    Kind.DateTime: "DATE_AND_TIME",
    Kind.Guid: "STRING",
    Kind.NodeId: "STRING",
    Kind.ExpandedNodeId: "STRING",
    Kind.QualifiedName: "STRING",
    Kind.LocalizedText: "STRING",
    Kind.StatusCode: "UDINT",
}

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_STAMP = re.compile(r"(.+?)\.(\d{7})Z")
_LETTERS = {int: "i", str: "s", UUID: "g", bytes: "b"}


def ticks(moment: datetime) -> int:
    """A DateTime: steps of 100 ns since 1601 (OPC 10000-6, 5.2.2.5)."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 10


def now() -> int:
    """This moment as a DateTime."""
    return ticks(datetime.now(UTC))


def stamp(moment: int) -> str:
    """Ticks as ISO 8601 in UTC with every digit: ``2026-11-24T06:30:00.1234567Z``."""
    second, fraction = divmod(moment, 10_000_000)
    try:
        text = (_EPOCH + timedelta(seconds=second)).replace(tzinfo=None).isoformat()
    except OverflowError:  # "the end of time" is no date
        return f"{moment} ticks"
    return f"{text}.{fraction:07}Z"


def unstamp(text: str) -> int:
    """The ticks that :func:`stamp` wrote."""
    if text.endswith(" ticks"):
        return int(text.removesuffix(" ticks"))
    found = _STAMP.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no time like 2026-11-24T06:30:00.1234567Z")
    return ticks(datetime.fromisoformat(found[1] + "+00:00")) + int(found[2])


def address(node: ua.NodeId, uris: Sequence[str]) -> str:
    """A NodeId as text that outlives the namespace table."""
    identifier = cast("int | str | UUID | bytes", node.Identifier)
    text = b64encode(identifier).decode() if isinstance(identifier, bytes) else str(identifier)
    space = f"nsu={uris[node.NamespaceIndex]};" if node.NamespaceIndex else ""
    return f"{space}{_LETTERS[_base(identifier)]}={text}"


def node(text: str, uris: Sequence[str]) -> ua.NodeId:
    """The NodeId that :func:`address` wrote."""
    found = re.fullmatch(r"(?:nsu=([^;]+);)?([isgb])=(.*)", text, re.DOTALL)
    if not found:
        raise ValueError(f"{text!r} is no address like nsu=http://example.com/oven;s=Speed")
    uri, letter, rest = found.groups()
    identifier: int | str | UUID | bytes = rest
    match letter:
        case "i":
            identifier = int(rest)
        case "g":
            identifier = UUID(rest)
        case "b":
            identifier = b64decode(rest)
    return ua.NodeId(identifier, uris.index(uri) if uri else 0)  # type: ignore[arg-type]


def iec(kind: Kind, shape: tuple[int, ...] | None) -> str:
    """The IEC type: ``REAL``, ``ARRAY[3] OF REAL``, ``ARRAY[2,3] OF REAL``."""
    if shape is None:
        return IEC[kind]
    return f"ARRAY[{','.join(map(str, shape))}] OF {IEC[kind]}"


def told(data: Data, uris: Sequence[str]) -> tuple[str, Value]:
    """The IEC type and the plain value; null is an array of nothing."""
    if data.shape is None and data.value is None:
        return iec(data.kind, (0,)), ()
    values = tuple(plain(each, data.kind, uris) for each in data.scalars)
    return iec(data.kind, data.shape), values if data.shape is not None else values[0]


def plain(value: Scalar, kind: Kind, uris: Sequence[str]) -> Value:
    """One scalar in the closed universe of values; a null within an array is empty."""
    match value:
        case None:
            return b"" if IEC[kind] == "BYTES" else ""
        case int() if kind == Kind.DateTime:
            return stamp(value)
        case float() if kind == Kind.Float:
            return float(Reader(number(kind, value)).unpack(kind))
        case UUID():
            return str(value)
        case ua.NodeId():
            return address(value, uris)
        case Name(namespace, name):
            return f"nsu={uris[namespace]};{name}" if namespace else name or ""
        case Text(text, _):
            return text or ""
        case bool() | int() | float() | str() | bytes():
            return value
    return value.body


def meant(value: Value, kind: Kind, uris: Sequence[str], before: Scalar = None) -> Scalar:
    """The scalar of ``kind`` that a plain value stands for; a text keeps its locale."""
    match kind:
        case Kind.DateTime:
            return unstamp(str(value))
        case Kind.Float | Kind.Double if isinstance(value, int | float):
            return float(value)
        case Kind.Guid:
            return UUID(str(value))
        case Kind.NodeId | Kind.ExpandedNodeId:
            return node(str(value), uris)
        case Kind.QualifiedName:
            uri, _, name = str(value).rpartition(";")
            return Name(uris.index(uri.removeprefix("nsu=")) if uri else 0, name)
        case Kind.LocalizedText:
            return Text(str(value), before.locale if isinstance(before, Text) else None)
    assert not isinstance(value, tuple)
    return value


def _base(identifier: int | str | UUID | bytes) -> type:
    return next(kind for kind in _LETTERS if isinstance(identifier, kind))
