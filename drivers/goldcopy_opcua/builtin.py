"""The built-in types, and values of them as the wire has them (OPC 10000-6, 5.1.2)."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class NodeId(NamedTuple):
    """A NodeId as the wire has it: its namespace index is good for this session only."""

    ns: int
    id: int | str | UUID | bytes


class Name(NamedTuple):
    """A QualifiedName."""

    ns: int
    name: str


class Text(NamedTuple):
    """A LocalizedText."""

    text: str
    locale: str


class Body(NamedTuple):
    """An ExtensionObject: the id of its encoding and the undecoded body; None is a null one."""

    type: NodeId
    form: int
    """0 no body, 1 binary, 2 XML."""
    body: bytes | None


class Data(NamedTuple):
    """A Variant. Arrays are flat, the last dimension fastest (5.2.2.16)."""

    kind: int
    """Number of the built-in type (5.1.2); 0 is null."""
    value: object
    shape: tuple[int, ...] | None = None
    """None is a scalar, ``(n,)`` an array, ``(2, 3)`` a matrix of two rows."""


class Result(NamedTuple):
    """A DataValue without its time stamps."""

    data: Data
    status: int


NULL = Data(0, None)

(
    BOOLEAN, SBYTE, BYTE, INT16, UINT16, INT32, UINT32, INT64, UINT64, FLOAT, DOUBLE, STRING,
    DATE_TIME, GUID, BYTE_STRING, XML_ELEMENT, NODE_ID, EXPANDED_NODE_ID, STATUS_CODE,
    QUALIFIED_NAME, LOCALIZED_TEXT, EXTENSION_OBJECT, DATA_VALUE, VARIANT, DIAGNOSTIC_INFO,
) = range(1, 26)  # fmt: skip

FIXED = {
    BOOLEAN: "?", SBYTE: "b", BYTE: "B", INT16: "h", UINT16: "H", INT32: "i", UINT32: "I",
    INT64: "q", UINT64: "Q", FLOAT: "f", DOUBLE: "d", DATE_TIME: "q", STATUS_CODE: "I",
}  # fmt: skip
"""The built-in types of fixed size, in the letters of ``struct``."""

SMALL = tuple(NodeId(0, n) for n in range(256))
"""The commonest ids, made once."""
