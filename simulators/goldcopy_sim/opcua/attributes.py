"""Read and Write (OPC 10000-4, 5.10), one attribute at a time, as one user sees it."""

from __future__ import annotations

from typing import NamedTuple, Self, cast

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.ua.ua_binary import variant_to_binary

from ..mishap import Mishap
from . import text
from .amiss import clamped
from .codec import Body, Data, Kind, Reader, data_value, number, variant
from .ids import AttributeIds, ObjectIds, StatusCodes, standard
from .model import Model
from .settings import Role
from .variable import WRITE

CUT_SHORT = variant(
    Data(Kind.ExtensionObject, Body(standard(ObjectIds.Range_Encoding_DefaultBinary), bytes(5)))
)
"""A Range whose two Doubles are five bytes: whoever knows the type runs out of data."""


class Write(NamedTuple):
    """A WriteValue (5.10.4.2)."""

    node: ua.NodeId
    attribute: int
    index_range: str | None
    data: Data
    status: int
    stamped: bool

    @classmethod
    def decode(cls, reader: Reader) -> Self:
        """The next one of a request."""
        node = cast(ua.NodeId, reader.element(Kind.NodeId))
        return cls(node, reader.unpack(Kind.UInt32), reader.string(), *reader.data_value())


class Attributes:
    """Every attribute of every node. What does not change is encoded once."""

    def __init__(self, model: Model, space: AddressSpace) -> None:
        self._model = model
        self._space = space
        self._fixed: dict[tuple[ua.NodeId, int], bytes] = {}

    def read(
        self,
        asked: ua.ReadValueId,
        role: Role,
        stamps: ua.TimestampsToReturn,
        *,
        fragile: bool,
    ) -> bytes:
        """One DataValue."""
        attribute = asked.AttributeId
        if asked.IndexRange:
            return _bad(StatusCodes.BadIndexRangeInvalid)
        variable = self._model.variables.get(asked.NodeId)
        source = None
        status = StatusCodes.Good
        if attribute != AttributeIds.Value:
            if variable and attribute == AttributeIds.UserAccessLevel:
                value = _byte(variable.level(role))
            else:
                value = self._static(asked.NodeId, attribute)
                if not value:
                    return self._missing(asked.NodeId)
        elif variable:
            refused = variable.refusal(role)
            value, status = (b"", refused) if refused else (variable.variant, variable.status)
            source = variable.stamp
            if fragile and variable is self._model.fragile:
                value = CUT_SHORT
        else:
            held = self._space.read_attribute_value(asked.NodeId, AttributeIds.Value)
            if held.StatusCode and held.StatusCode.value:
                return _bad(held.StatusCode.value)
            value, source = variant_to_binary(held.Value or ua.Variant()), self._model.started
        return data_value(
            value,
            status=status,
            source=source if stamps in (_Stamps.Source, _Stamps.Both) else None,
            server=text.now() if stamps in (_Stamps.Server, _Stamps.Both) else None,
        )

    def write(self, asked: Write, role: Role, mishap: Mishap | None = None) -> int:
        """Do one write, more or less; the StatusCode."""
        node, attribute, index_range, data, status, stamped = asked
        variable = self._model.variables.get(node)
        if variable is None or attribute != AttributeIds.Value:
            if node not in self._space:
                return StatusCodes.BadNodeIdUnknown
            if attribute not in self._space[node].attributes:
                return StatusCodes.BadAttributeIdInvalid
            return StatusCodes.BadNotWritable
        if not variable.access & WRITE:
            return StatusCodes.BadNotWritable
        if not variable.level(role) & WRITE:
            return StatusCodes.BadUserAccessDenied
        # Neither StatusWrite nor TimestampWrite is among the access levels (5.10.4.2).
        if status or stamped or index_range:
            return StatusCodes.BadWriteNotSupported
        if not variable.fits(data):
            return StatusCodes.BadTypeMismatch
        match mishap.of_value() if mishap else "":
            case "refused":
                return StatusCodes.BadOutOfRange
            case "clamped":
                variable.put(clamped(variable, data))
            case "":
                variable.put(data)
        return StatusCodes.Good

    def _static(self, node: ua.NodeId, attribute: int) -> bytes:
        """An encoded Variant; nothing where the node has no such attribute."""
        found = self._fixed.get((node, attribute))
        if found is None:
            held = self._space.read_attribute_value(node, attribute)
            if held.StatusCode and held.StatusCode.value:
                return b""
            found = variant_to_binary(held.Value or ua.Variant())
            self._fixed[node, attribute] = found
        return found

    def _missing(self, node: ua.NodeId) -> bytes:
        known = node in self._space
        return _bad(StatusCodes.BadAttributeIdInvalid if known else StatusCodes.BadNodeIdUnknown)


def _byte(value: int) -> bytes:
    return bytes([Kind.Byte]) + number(Kind.Byte, value)


def _bad(status: int) -> bytes:
    return data_value(b"", status=status)


_Stamps = ua.TimestampsToReturn
