"""Browse and BrowseNext (OPC 10000-4, 5.8.2 and 5.8.3), with pages.

asyncua's server answers everything at once and knows no BrowseNext; a controller counts
references and has only so many continuation points.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Sequence
from itertools import count

from asyncua import ua
from asyncua.server.address_space import AddressSpace
from asyncua.ua.ua_binary import struct_to_binary

from .codec import array, byte_string
from .ids import ObjectIds, StatusCodes, standard

WHOLE = 0x3F
"""Every field of a ReferenceDescription asked for (BrowseResultMask)."""


class References:
    """The references of an address space, encoded once."""

    def __init__(self, space: AddressSpace) -> None:
        self._space = space
        self._encoded: dict[int, bytes] = {}
        self._families: dict[ua.NodeId, frozenset[ua.NodeId]] = {}

    def of(self, asked: ua.BrowseDescription) -> list[bytes] | None:
        """The ReferenceDescriptions that were asked for; None for a node that is not there."""
        node = self._space.get(asked.NodeId)
        if node is None:
            return None
        family = None
        if not asked.ReferenceTypeId.is_null():
            family = frozenset({asked.ReferenceTypeId})
            if asked.IncludeSubtypes:
                family = self._family(asked.ReferenceTypeId)
        both = asked.BrowseDirection == ua.BrowseDirection.Both
        forward = asked.BrowseDirection == ua.BrowseDirection.Forward
        return [
            self._encode(each, asked.ResultMask)
            for each in node.references
            if (both or each.IsForward == forward)
            and (family is None or each.ReferenceTypeId in family)
            and (not asked.NodeClassMask or asked.NodeClassMask & each.NodeClass)
        ]

    def _family(self, reference_type: ua.NodeId) -> frozenset[ua.NodeId]:
        found = self._families.get(reference_type)
        if found is None:
            node = self._space.get(reference_type)
            below = [
                self._family(each.NodeId)
                for each in (node.references if node else ())
                if each.IsForward and each.ReferenceTypeId == standard(ObjectIds.HasSubtype)
            ]
            found = frozenset({reference_type}).union(*below)
            self._families[reference_type] = found
        return found

    def _encode(self, reference: ua.ReferenceDescription, mask: int) -> bytes:
        if mask != WHOLE:
            return struct_to_binary(_masked(reference, mask))
        found = self._encoded.get(id(reference))
        if found is None:
            found = self._encoded[id(reference)] = struct_to_binary(reference)
        return found


class Pages:
    """The continuation points of one session."""

    def __init__(self, references: References, points: int) -> None:
        self._references = references
        self._points = points
        self._open: dict[bytes, tuple[list[bytes], int]] = {}
        self._numbers = count(1)

    def browse(self, asked: Sequence[ua.BrowseDescription], size: int) -> list[bytes]:
        """One BrowseResult for each node, of ``size`` references at most; 0 is all."""
        results = []
        for each in asked:
            found = self._references.of(each)
            if found is None:
                results.append(result(StatusCodes.BadNodeIdUnknown))
            else:
                results.append(self._page(found, size))
        return results

    def next(self, points: Sequence[bytes], *, release: bool) -> list[bytes]:
        """The next page behind each point, or nothing where the client gives them up."""
        pages = [self._open.pop(point, None) for point in points]
        if release:
            return [result(StatusCodes.Good) for _ in points]
        return [
            self._page(*page) if page else result(StatusCodes.BadContinuationPointInvalid)
            for page in pages
        ]

    def forget(self) -> None:
        """Lose every continuation point."""
        self._open.clear()

    def _page(self, references: list[bytes], size: int) -> bytes:
        if not size or len(references) <= size:
            return result(StatusCodes.Good, references)
        if self._points and len(self._open) >= self._points:
            return result(StatusCodes.BadNoContinuationPoints)
        point = struct.pack("<Q", next(self._numbers))
        self._open[point] = references[size:], size
        return result(StatusCodes.Good, references[:size], point)


def result(status: int, references: Sequence[bytes] = (), point: bytes | None = None) -> bytes:
    """A BrowseResult (OPC 10000-4, 7.6)."""
    return struct.pack("<I", status) + byte_string(point) + array(references)


def _masked(reference: ua.ReferenceDescription, mask: int) -> ua.ReferenceDescription:
    """Without the fields that the client left out of its ResultMask (OPC 10000-4, 5.8.2.2)."""
    fields = (
        "ReferenceTypeId",
        "IsForward",
        "NodeClass",
        "BrowseName",
        "DisplayName",
        "TypeDefinition",
    )
    empty = ua.ReferenceDescription()
    dropped = {name: getattr(empty, name) for bit, name in enumerate(fields) if not mask >> bit & 1}
    return dataclasses.replace(reference, **dropped)
