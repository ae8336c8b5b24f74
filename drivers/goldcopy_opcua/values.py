"""From built-in types to the closed universe of values (docs/format.md)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from goldcopy.snapshot import Value

from . import builtin, codec
from .builtin import Data, Name, NodeId, Text
from .keys import Keys, quoted

IEC = {
    builtin.BOOLEAN: "BOOL",
    builtin.SBYTE: "SINT",
    builtin.BYTE: "USINT",
    builtin.INT16: "INT",
    builtin.UINT16: "UINT",
    builtin.INT32: "DINT",
    builtin.UINT32: "UDINT",
    builtin.INT64: "LINT",
    builtin.UINT64: "ULINT",
    builtin.FLOAT: "REAL",
    builtin.DOUBLE: "LREAL",
    builtin.STRING: "STRING",
    builtin.DATE_TIME: "DATE_AND_TIME",
    builtin.GUID: "STRING",
    builtin.BYTE_STRING: "BYTES",
    builtin.XML_ELEMENT: "STRING",
    builtin.NODE_ID: "STRING",
    builtin.EXPANDED_NODE_ID: "STRING",
    builtin.STATUS_CODE: "UDINT",
    builtin.QUALIFIED_NAME: "STRING",
    builtin.LOCALIZED_TEXT: "STRING",
    builtin.EXTENSION_OBJECT: "BYTES",
}
"""Built-in type -> IEC 61131-3 name. An enumeration is an Int32 on the wire, so a DINT."""

_AS_THEY_ARE = frozenset(builtin.FIXED) - {builtin.DATE_TIME}
EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
SECOND = 10_000_000


class Told(NamedTuple):
    """A value as an item holds it."""

    type: str
    value: Value
    note: str = ""
    """What the value alone does not say: a locale, a broken encoding."""


def tell(data: Data, keys: Keys) -> Told:
    """A scalar or an array of any type that is no structure. Null is an array of nothing.

    Raises ``Undecodable`` for types that no item can hold.
    """
    kind, value, shape = data
    iec = IEC.get(kind)
    if iec is None:
        raise codec.Undecodable("a value of a type that cannot be kept")
    if shape is None:
        if kind in _AS_THEY_ARE:
            return Told(iec, value)  # type: ignore[arg-type]
        if value is None:
            return Told(f"ARRAY[0] OF {iec}", ())
        if iec == "STRING" and isinstance(value, bytes):
            return Told("BYTES", value, "not UTF-8")
        return Told(iec, _one(kind, value, keys), _locale(kind, (value,)))
    assert isinstance(value, tuple)
    size = ",".join(map(str, shape))
    if kind in _AS_THEY_ARE:
        return Told(f"ARRAY[{size}] OF {iec}", value)
    if iec == "STRING" and any(isinstance(one, bytes) for one in value):
        raw = tuple(one if isinstance(one, bytes) else str(one or "").encode() for one in value)
        return Told(f"ARRAY[{size}] OF BYTES", raw, "not UTF-8")
    many = tuple([_one(kind, one, keys) for one in value])
    return Told(f"ARRAY[{size}] OF {iec}", many, _locale(kind, value))


def _one(kind: int, value: object, keys: Keys) -> Value:
    """One element; null within an array is empty."""
    match value:
        case int() if kind == builtin.DATE_TIME:
            return stamp(value)
        case str() | bytes():
            return value
        case None:
            return b"" if IEC[kind] == "BYTES" else ""
        case UUID():
            return str(value)
        case Text(text, _):
            return text
        case Name(space, name):
            if space or name.startswith("nsu="):
                return f"nsu={quoted(keys.uri(space))};{name}"
            return name
        case NodeId():
            return keys.text(value)
        case (NodeId() as node, str() as uri, int() as server):
            return _expanded(node, uri, server, keys)
    raise codec.Undecodable("a value of a type that cannot be kept")


def _expanded(node: NodeId, uri: str, server: int, keys: Keys) -> str:
    text = keys.text(NodeId(0, node.id) if uri else node)
    return (f"svr={server};" if server else "") + (f"nsu={quoted(uri)};" if uri else "") + text


def _locale(kind: int, values: tuple[object, ...]) -> str:
    """The locales of a text: whoever puts it back must know them."""
    if kind != builtin.LOCALIZED_TEXT:
        return ""
    locales = {one.locale for one in values if isinstance(one, Text) and one.locale}
    return f"locale {', '.join(sorted(locales))}" if locales else ""


def stamp(ticks: int) -> str:
    """A DateTime (100 ns since 1601) as ISO 8601 in UTC with every digit of it."""
    seconds, fraction = divmod(ticks, SECOND)
    try:
        moment = EPOCH + timedelta(seconds=seconds)
    except OverflowError:  # a controller may say "the end of time": beyond the year 9999
        return f"{ticks} ticks"
    return f"{moment.replace(tzinfo=None).isoformat()}.{fraction:07}Z"
