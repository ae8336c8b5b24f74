"""From the closed universe of values back to built-in types: ``values`` the other way round."""

from __future__ import annotations

import re
import struct
from base64 import b64decode
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from uuid import UUID

from goldcopy.errors import Wrong
from goldcopy.snapshot import Value

from . import builtin
from .builtin import Data, Name, NodeId, Text
from .codec import Reader, Undecodable
from .encode import variant
from .keys import UNKNOWN, Keys, unquoted
from .values import EPOCH, SECOND, tell

_ARRAY = re.compile(r"ARRAY\[(\d+(?:,\d+)*)\] OF (.+)", re.DOTALL)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{7})Z", re.ASCII)
_TICKS = re.compile(r"(-?\d+) ticks", re.ASCII)
_NODE = re.compile(r"(?:nsu=([^;]*);)?([isgb])=(.*)", re.DOTALL)
_NAME = re.compile(r"nsu=([^;]*);(.*)", re.DOTALL)
_SERVER = re.compile(r"svr=(\d+);(.*)", re.DOTALL | re.ASCII)
_NOT_OF_THIS_TYPE = (TypeError, ValueError, OverflowError, struct.error, Undecodable)


def shape_of(type_: str) -> tuple[tuple[int, ...] | None, str]:
    """Dimensions and element type: ``ARRAY[2,3] OF REAL`` is (2, 3) and REAL; None for a scalar."""
    found = _ARRAY.fullmatch(type_)
    if found is None:
        return None, type_
    return tuple(map(int, found[1].split(","))), found[2]


def meant(type_: str, value: Value, kind: int, keys: Keys, locales: Sequence[str] = ()) -> Data:
    """What a value of an item stands for, in the built-in type ``kind``.

    Args:
        type_: the item's type.
        value: the item's value; no null, no structure.
        kind: the built-in type of the variable.
        keys: the namespaces of this session.
        locales: for LocalizedText, one for each element.

    Raises:
        Wrong: it would not be read back as this value, to the bit.
    """
    shape, _ = shape_of(type_)
    each: Iterator[str] = iter(locales) if locales else repeat("")
    try:
        if shape is None:
            data = Data(kind, _one(kind, value, keys, next(each)))
        else:
            if not isinstance(value, tuple):
                raise TypeError("it is no array")
            many = tuple([_one(kind, one, keys, next(each)) for one in value])
            data = Data(kind, many, shape)
        told = tell(Reader(variant(data)).variant(), keys)
    except _NOT_OF_THIS_TYPE as error:
        raise Wrong(f"{value!r} cannot be written as {type_} ({error})") from None
    if told.type != type_ or not _same(told.value, value):
        raise Wrong(f"{value!r} would not be read back as it is, but as {told.value!r}")
    return data


def _one(kind: int, value: Value, keys: Keys, locale: str) -> object:
    if kind in _PLAIN:
        return value
    if not isinstance(value, str):
        raise TypeError("it is no text")
    match kind:
        case builtin.DATE_TIME:
            return ticks(value)
        case builtin.GUID:
            return UUID(value)
        case builtin.NODE_ID:
            return node(value, keys)
        case builtin.EXPANDED_NODE_ID:
            return _expanded(value, keys)
        case builtin.QUALIFIED_NAME:
            return _name(value, keys)
        case builtin.LOCALIZED_TEXT:
            return Text(value, locale)
    raise TypeError("no value of this type can be written")


_PLAIN = (frozenset(builtin.FIXED) - {builtin.DATE_TIME}) | {
    builtin.STRING,
    builtin.XML_ELEMENT,
    builtin.BYTE_STRING,
}


def ticks(text: str) -> int:
    """A DateTime that ``values.stamp`` wrote."""
    counted = _TICKS.fullmatch(text)
    if counted:
        return int(counted[1])
    found = _STAMP.fullmatch(text)
    if not found:
        raise ValueError("no time like 2026-11-24T06:30:00.1234567Z")
    since = datetime.fromisoformat(found[1]).replace(tzinfo=UTC) - EPOCH
    return since // timedelta(seconds=1) * SECOND + int(found[2])


def node(text: str, keys: Keys) -> NodeId:
    """The node that ``Keys.text`` names. Raises ``ValueError`` if this server cannot have it."""
    uri, identifier = _parts(text)
    return NodeId(0 if uri is None else _space(uri, keys), identifier)


def _parts(text: str) -> tuple[str | None, int | str | UUID | bytes]:
    """The URI, if one is given, and the identifier, in which a ``;`` is no end."""
    found = _NODE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no node like nsu=http://example.com/oven;s=Speed")
    uri, letter, tail = found.groups()
    return None if uri is None else unquoted(uri), _identifier(letter, tail)


def _space(uri: str, keys: Keys) -> int:
    if uri not in keys.index:
        raise ValueError(f"the server has no namespace {uri}")
    return keys.index[uri]


def _identifier(letter: str, tail: str) -> int | str | UUID | bytes:
    match letter:
        case "i":
            return int(tail)
        case "g":
            return UUID(tail)
        case "b":
            return b64decode(tail, validate=True)
    return tail


def _expanded(text: str, keys: Keys) -> tuple[NodeId, str, int]:
    """An index where the namespace is one of this server's, else the URI itself.

    For namespace 0 the URI, if it is given: an index of 0 is read as none.
    """
    server = _SERVER.fullmatch(text)
    number, text = (int(server[1]), server[2]) if server else (0, text)
    uri, identifier = _parts(text)
    if uri is not None and uri.startswith(UNKNOWN):
        raise ValueError("its namespace was an index without a URI")
    space = keys.index.get(uri, 0) if uri is not None else 0
    return NodeId(space, identifier), "" if space else uri or "", number


def _name(text: str, keys: Keys) -> Name:
    found = _NAME.fullmatch(text)
    return Name(_space(unquoted(found[1]), keys), found[2]) if found else Name(0, text)


def _same(one: Value, other: Value) -> bool:
    """Floats are their bits."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack("<d", one) == struct.pack("<d", other)
    return type(one) is type(other) and one == other
