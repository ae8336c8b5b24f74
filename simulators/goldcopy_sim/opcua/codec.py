"""OPC UA binary for values (OPC 10000-6, 5.2), kept apart from asyncua's own.

asyncua holds a DateTime in microseconds and a structure as a class in a table that the whole
process shares. A controller holds ticks of 100 ns and its structures are its own, so the values
are encoded here: what a client writes comes back bit for bit, and nothing leaks into a client
that runs in the same process.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from math import prod
from typing import NamedTuple, cast
from uuid import UUID

from asyncua import ua
from asyncua.common.utils import Buffer, ServiceError
from asyncua.ua.ua_binary import nodeid_from_binary, nodeid_to_binary

from .ids import StatusCodes

Kind = ua.VariantType
"""The built-in types, numbered as on the wire."""


class Text(NamedTuple):
    """A LocalizedText."""

    text: str | None
    locale: str | None = None


class Name(NamedTuple):
    """A QualifiedName."""

    namespace: int
    name: str | None


class Body(NamedTuple):
    """An ExtensionObject with a binary body: the NodeId of its encoding, its bytes."""

    encoding: ua.NodeId
    body: bytes


Scalar = bool | int | float | str | bytes | UUID | ua.NodeId | Text | Name | Body | None


class Data(NamedTuple):
    """What a Variant holds. Arrays are flat, the last dimension running fastest (5.2.2.16)."""

    kind: Kind
    value: Scalar | tuple[Scalar, ...]
    shape: tuple[int, ...] | None = None
    """None is a scalar, ``(n,)`` an array, ``(2, 3)`` a matrix of two rows."""

    @property
    def scalars(self) -> tuple[Scalar, ...]:
        """The elements; a scalar is one element."""
        if self.shape is None:
            return (cast(Scalar, self.value),)
        return cast(tuple[Scalar, ...], self.value)


NULL = Data(Kind.Null, None)

FIXED = {
    Kind.Boolean: "?",
    Kind.SByte: "b",
    Kind.Byte: "B",
    Kind.Int16: "h",
    Kind.UInt16: "H",
    Kind.Int32: "i",
    Kind.UInt32: "I",
    Kind.Int64: "q",
    Kind.UInt64: "Q",
    Kind.Float: "f",
    Kind.Double: "d",
    Kind.DateTime: "q",
    Kind.StatusCode: "I",
}


_FRACTION = (1 << 23) - 1


def number(kind: Kind, value: Scalar) -> bytes:
    """A built-in type of fixed size; a DateTime is its ticks of 100 ns since 1601."""
    if kind == Kind.Float and value != value:  # a C cast would quieten a NaN
        (wide,) = struct.unpack("<Q", struct.pack("<d", value))
        return struct.pack("<I", wide >> 32 & 1 << 31 | 0xFF << 23 | wide >> 29 & _FRACTION)
    return struct.pack("<" + FIXED[kind], value)


def byte_string(value: bytes | None) -> bytes:
    """Length and bytes; length -1 is null (5.2.2.7)."""
    return b"\xff\xff\xff\xff" if value is None else struct.pack("<i", len(value)) + value


def string(value: str | None) -> bytes:
    """A ByteString in UTF-8."""
    return byte_string(None if value is None else value.encode())


def array(elements: Iterable[bytes]) -> bytes:
    """Number of elements, then the elements."""
    elements = list(elements)
    return struct.pack("<i", len(elements)) + b"".join(elements)


def encode(kind: Kind, value: Scalar) -> bytes:
    """One element of any built-in type that a variable can hold."""
    if kind in FIXED:
        return number(kind, value)
    match value:
        case None | str() if kind in (Kind.String, Kind.XmlElement):
            return string(value)
        case None | bytes() if kind == Kind.ByteString:
            return byte_string(value)
        case UUID():
            return value.bytes_le
        case ua.NodeId():
            return nodeid_to_binary(value)
        case Name(namespace, name):
            return struct.pack("<H", namespace) + string(name)
        case Text(text, locale):
            mask = (locale is not None) | (text is not None) << 1
            parts = [string(part) for part in (locale, text) if part is not None]
            return bytes([mask]) + b"".join(parts)
        case Body(encoding, body):
            return nodeid_to_binary(encoding) + b"\x01" + byte_string(body)
        case None if kind == Kind.ExtensionObject:
            return b"\x00\x00\x00"
    raise TypeError(f"{value!r} is no {kind.name}")


def variant(data: Data) -> bytes:
    """A Variant (5.2.2.16); a value of null has no type."""
    if data.value is None:
        return b"\x00"
    mask = int(data.kind)
    if data.shape is None:
        return bytes([mask]) + encode(data.kind, data.scalars[0])
    body = array(encode(data.kind, each) for each in data.scalars)
    if len(data.shape) == 1:
        return bytes([mask | 0x80]) + body
    return bytes([mask | 0xC0]) + body + array(struct.pack("<i", n) for n in data.shape)


def data_value(
    value: bytes, *, status: int = 0, source: int | None = None, server: int | None = None
) -> bytes:
    """A DataValue (5.2.2.17) around an encoded Variant; status Good is left out."""
    mask = bool(value) | (status != 0) << 1 | (source is not None) << 2 | (server is not None) << 3
    parts = [bytes([mask]), value]
    if status:
        parts.append(struct.pack("<I", status))
    parts += [struct.pack("<q", stamp) for stamp in (source, server) if stamp is not None]
    return b"".join(parts)


class Reader(Buffer):
    """Decodes from the front of a message; raises NotEnoughData when it is short."""

    def unpack(self, kind: Kind) -> int:
        """A number of fixed size."""
        pattern = "<" + FIXED[kind]
        raw = self.read(struct.calcsize(pattern))
        (value,) = struct.unpack(pattern, raw)
        if kind == Kind.Float and value != value:
            bits = int.from_bytes(raw, "little")
            wide = bits >> 31 << 63 | 0x7FF << 52 | (bits & _FRACTION) << 29
            (value,) = struct.unpack("<d", struct.pack("<Q", wide))
        return cast(int, value)

    def byte_string(self) -> bytes | None:
        """A ByteString."""
        length = self.unpack(Kind.Int32)
        return None if length < 0 else self.read(length)

    def string(self) -> str | None:
        """A String."""
        raw = self.byte_string()
        return None if raw is None else raw.decode()

    def element(self, kind: Kind) -> Scalar:
        """One element of a built-in type."""
        if kind in FIXED:
            return self.unpack(kind)
        match kind:
            case Kind.String | Kind.XmlElement:
                return self.string()
            case Kind.ByteString:
                return self.byte_string()
            case Kind.Guid:
                return UUID(bytes_le=self.read(16))
            case Kind.NodeId | Kind.ExpandedNodeId:
                return nodeid_from_binary(self)
            case Kind.QualifiedName:
                return Name(self.unpack(Kind.UInt16), self.string())
            case Kind.LocalizedText:
                mask = self.unpack(Kind.Byte)
                locale = self.string() if mask & 1 else None
                return Text(self.string() if mask & 2 else None, locale)
            case Kind.ExtensionObject:
                encoding = nodeid_from_binary(self)
                has_body = self.unpack(Kind.Byte)
                body = self.byte_string() if has_body else None
                return None if body is None else Body(encoding, body)
        raise ServiceError(StatusCodes.BadDecodingError)

    def variant(self) -> Data:
        """A Variant."""
        mask = self.unpack(Kind.Byte)
        if not mask:
            return NULL
        kind = Kind(mask & 0x3F)
        if not mask & 0x80:
            return Data(kind, self.element(kind))
        values = tuple(self.element(kind) for _ in range(self.unpack(Kind.Int32)))
        if not mask & 0x40:
            return Data(kind, values, (len(values),))
        shape = tuple(self.unpack(Kind.Int32) for _ in range(self.unpack(Kind.Int32)))
        if prod(shape) != len(values):
            raise ServiceError(StatusCodes.BadDecodingError)
        return Data(kind, values, shape)

    def data_value(self) -> tuple[Data, int, bool]:
        """A DataValue: its value, its status, whether it carries any timestamp."""
        mask = self.unpack(Kind.Byte)
        value = self.variant() if mask & 0x01 else NULL
        status = self.unpack(Kind.StatusCode) if mask & 0x02 else 0
        for bit, kind in (
            (0x04, Kind.DateTime),
            (0x10, Kind.UInt16),
            (0x08, Kind.DateTime),
            (0x20, Kind.UInt16),
        ):
            if mask & bit:
                self.unpack(kind)
        return value, status, bool(mask & 0x3C)
