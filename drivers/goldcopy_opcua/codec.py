"""OPC UA binary, read by offset (OPC 10000-6, 5.2).

asyncua decodes a structure through a table that the whole process shares, under a key that holds a
namespace index: one controller's type would decode another's value. Here an ExtensionObject stays
what the wire says, a type id and a body, and nothing outlives the message.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import prod
from uuid import UUID

from goldcopy.snapshot import real_from_bits

from .builtin import (
    BYTE,
    BYTE_STRING,
    DATA_VALUE,
    DIAGNOSTIC_INFO,
    EXPANDED_NODE_ID,
    EXTENSION_OBJECT,
    FIXED,
    FLOAT,
    GUID,
    INT32,
    LOCALIZED_TEXT,
    NODE_ID,
    NULL,
    QUALIFIED_NAME,
    SMALL,
    STATUS_CODE,
    STRING,
    UINT16,
    UINT32,
    VARIANT,
    XML_ELEMENT,
    Body,
    Data,
    Name,
    NodeId,
    Result,
    Text,
)


class Undecodable(Exception):
    """These bytes are not what the standard says should be here."""


_FIXED = {kind: struct.Struct("<" + letter) for kind, letter in FIXED.items()}
_INT32 = _FIXED[INT32]
_BYTES = tuple(Result(Data(BYTE, n), 0) for n in range(256))
_DEEPEST = 32
"""Levels of nesting; the standard asks for 100 at most (5.2.2.16), a value in the field has 2."""


class Reader:
    """Reads from ``pos``; raises ``Undecodable`` wherever the bytes end too soon."""

    __slots__ = ("data", "depth", "pos")

    def __init__(self, data: bytes, pos: int = 0) -> None:
        self.data = data
        self.pos = pos
        self.depth = 0

    def number(self, kind: int) -> int:
        """A built-in type of fixed size, Float and Boolean included."""
        packed = _FIXED[kind]
        try:
            value: int = packed.unpack_from(self.data, self.pos)[0]
        except struct.error:
            raise Undecodable("the message ends too soon") from None
        self.pos += packed.size
        if kind == FLOAT and value != value:
            return self._nan()
        return value

    def byte(self) -> int:
        """One byte."""
        try:
            value = self.data[self.pos]
        except IndexError:
            raise Undecodable("the message ends too soon") from None
        self.pos += 1
        return value

    def take(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        start = self.pos
        end = start + size
        if size < 0 or end > len(self.data):
            raise Undecodable(f"a length of {size} goes beyond the message")
        self.pos = end
        return self.data[start:end]

    def count(self) -> int:
        """The length of an array; -1 is null. Every element takes a byte at least."""
        length = self.number(INT32)
        if length > len(self.data) - self.pos:
            raise Undecodable(f"an array of {length} elements goes beyond the message")
        return max(length, -1)

    def byte_string(self) -> bytes | None:
        """A ByteString; None is null."""
        length = self.number(INT32)
        return None if length < 0 else self.take(length)

    def string(self) -> str | bytes | None:
        """A String; bytes where it is not UTF-8, since nothing may be lost or guessed."""
        raw = self.byte_string()
        if raw is None:
            return None
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw

    def label(self) -> str:
        """A String that is only shown or only names something: readable whatever it holds."""
        start = self.pos + 4
        try:
            length: int = _INT32.unpack_from(self.data, self.pos)[0]
        except struct.error:
            raise Undecodable("the message ends too soon") from None
        if length <= 0:
            self.pos = start
            return ""
        end = start + length
        if end > len(self.data):
            raise Undecodable(f"a length of {length} goes beyond the message")
        self.pos = end
        return self.data[start:end].decode(errors="backslashreplace")

    def node_id(self, flags: int = 0) -> NodeId:
        """A NodeId (5.2.2.9); ``flags`` are the two bits that only an ExpandedNodeId has."""
        data, pos = self.data, self.pos
        try:
            form = data[pos] & ~flags
            if form == 0:
                self.pos = pos + 2
                return SMALL[data[pos + 1]]
            if form == 1:
                self.pos = pos + 4
                return NodeId(data[pos + 1], data[pos + 2] | data[pos + 3] << 8)
        except IndexError:
            raise Undecodable("the message ends too soon") from None
        self.pos = pos + 1
        space = self.number(UINT16)
        if form == 2:
            return NodeId(space, self.number(UINT32))
        if form == 3:
            return NodeId(space, self.label())
        if form == 4:
            return NodeId(space, UUID(bytes_le=self.take(16)))
        if form == 5:
            return NodeId(space, self.byte_string() or b"")
        raise Undecodable(f"{form} is no form of a NodeId")

    def expanded(self) -> tuple[NodeId, str, int]:
        """An ExpandedNodeId (5.2.2.10): its id, its namespace URI if given, its server index."""
        form = self.data[self.pos] if self.pos < len(self.data) else 0
        if form < 0x40:
            return self.node_id(), "", 0
        node = self.node_id(0xC0)
        uri = self.label() if form & 0x80 else ""
        return node, uri, self.number(UINT32) if form & 0x40 else 0

    def name(self) -> Name:
        """A QualifiedName."""
        return Name(self.number(UINT16), self.label())

    def text(self) -> Text:
        """A LocalizedText (5.2.2.14)."""
        mask = self.byte()
        if mask & ~3:
            raise Undecodable("not a LocalizedText")
        locale = self.label() if mask & 1 else ""
        return Text(self.label() if mask & 2 else "", locale)

    def extension(self) -> Body:
        """An ExtensionObject (5.2.2.15), its body untouched."""
        node = self.node_id()
        form = self.byte()
        if form > 2:
            raise Undecodable(f"{form} is no form of an ExtensionObject")
        return Body(node, form, self.byte_string() if form else None)

    def element(self, kind: int) -> object:
        """One element of any built-in type."""
        if kind in _FIXED:
            return self.number(kind)
        read = _ELEMENTS.get(kind)
        if read is None:
            raise Undecodable(f"{kind} is no built-in type")
        return read(self)

    def elements(self, kind: int, count: int) -> tuple[object, ...]:
        """``count`` elements of one built-in type."""
        letter = FIXED.get(kind)
        if letter is None:
            return tuple([self.element(kind) for _ in range(count)])
        packed = struct.Struct(f"<{count}{letter}")
        start = self.pos
        values = packed.unpack(self.take(packed.size))
        if kind == FLOAT and any(value != value for value in values):
            self.pos = start
            return tuple([self.number(FLOAT) for _ in range(count)])
        return values

    def variant(self) -> Data:
        """A Variant (5.2.2.16)."""
        mask = self.byte()
        if mask == 0:
            return NULL
        kind = mask & 0x3F
        if kind > 25:
            kind = BYTE_STRING  # 5.2.2.16: 26 to 31 are reserved and read as a ByteString
        if not mask & 0x80:
            return Data(kind, self._nested(kind) if kind >= DATA_VALUE else self.element(kind))
        count = max(0, self.count())
        shape: tuple[int, ...] = (count,)
        if kind >= DATA_VALUE:
            value = tuple([self._nested(kind) for _ in range(count)])
        else:
            value = self.elements(kind, count)
        if mask & 0x40:
            dimensions = self.elements(INT32, max(0, self.count()))
            shape = tuple(int(n) for n in dimensions if isinstance(n, int))
            if any(n < 0 for n in shape) or prod(shape) != len(value):
                raise Undecodable(f"dimensions {shape} do not hold {len(value)} elements")
        return Data(kind, value, shape)

    def data_value(self) -> Result:
        """A DataValue (5.2.2.17); time stamps are passed over."""
        data, pos = self.data, self.pos
        if pos + 1 < len(data) and data[pos] == 1:  # the common case, without a call: a number
            kind = data[pos + 1]
            if kind == BYTE and pos + 3 <= len(data):
                self.pos = pos + 3
                return _BYTES[data[pos + 2]]
            packed = _FIXED.get(kind)
            if packed is not None and pos + 2 + packed.size <= len(data):
                value = packed.unpack_from(data, pos + 2)[0]
                if value == value:
                    self.pos = pos + 2 + packed.size
                    return Result(Data(kind, value), 0)
        mask = self.byte()
        variant = self.variant() if mask & 0x01 else NULL
        status = self.number(STATUS_CODE) if mask & 0x02 else 0
        if mask & 0xFC:
            if mask & 0xC0:
                raise Undecodable("not a DataValue")
            self.take(sum(size for bit, size in _STAMPS if mask & bit))
        return Result(variant, status)

    def diagnostic(self) -> None:
        """Pass over a DiagnosticInfo (5.2.2.12)."""
        mask = self.byte()
        self.take(4 * sum(bool(mask & bit) for bit in (1, 2, 4, 8)))
        if mask & 16:
            self.byte_string()
        if mask & 32:
            self.number(STATUS_CODE)
        if mask & 64:
            self._nested(DIAGNOSTIC_INFO)

    def diagnostics(self) -> None:
        """Pass over the array of DiagnosticInfo that ends most responses."""
        for _ in range(self.count()):
            self.diagnostic()

    def finish(self) -> None:
        """All must have been read: bytes left over mean that something before was misread."""
        if self.pos != len(self.data):
            raise Undecodable(f"{len(self.data) - self.pos} bytes too many")

    def _nan(self) -> int:
        """The NaN just read, by its bits: a C cast would quieten it."""
        bits = int.from_bytes(self.data[self.pos - 4 : self.pos], "little")
        return real_from_bits(bits)  # type: ignore[return-value]

    def _nested(self, kind: int) -> object:
        if self.depth == _DEEPEST:
            raise Undecodable("nested too deeply")
        self.depth += 1
        value = self.element(kind)
        self.depth -= 1
        return value


_STAMPS = ((0x04, 8), (0x10, 2), (0x08, 8), (0x20, 2))
_ELEMENTS: dict[int, Callable[[Reader], object]] = {
    STRING: Reader.string,
    GUID: lambda reader: UUID(bytes_le=reader.take(16)),
    BYTE_STRING: Reader.byte_string,
    XML_ELEMENT: Reader.string,
    NODE_ID: Reader.node_id,
    EXPANDED_NODE_ID: Reader.expanded,
    QUALIFIED_NAME: Reader.name,
    LOCALIZED_TEXT: Reader.text,
    EXTENSION_OBJECT: Reader.extension,
    DATA_VALUE: Reader.data_value,
    VARIANT: Reader.variant,
    DIAGNOSTIC_INFO: Reader.diagnostic,
}
