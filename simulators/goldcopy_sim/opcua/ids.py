"""The names of the standard: object ids, attribute ids, status codes (OPC 10000-6, A.1 to A.3)."""

from __future__ import annotations

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds
from asyncua.ua.status_codes import StatusCodes

__all__ = ["UA", "AttributeIds", "ObjectIdNames", "ObjectIds", "StatusCodes", "standard"]

UA = "http://opcfoundation.org/UA/"


def standard(number: int) -> ua.NodeId:
    """A NodeId of namespace 0."""
    return ua.NodeId(ua.Int32(number))
