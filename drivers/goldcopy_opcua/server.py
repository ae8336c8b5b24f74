"""The first Read of a session: limits, namespaces, build and state, in one request."""

from __future__ import annotations

from typing import NamedTuple

from goldcopy.errors import Refused

from . import status
from .builtin import NodeId, Result
from .client import MOST, Client, Limits
from .keys import Keys
from .services import VALUE

_NAMESPACES, _STATE = 2255, 2259
_PRODUCT, _VENDOR, _VERSION = 2261, 2263, 2264
_POINTS, _READ, _WRITE, _BROWSE, _BYTE_STRING = 2735, 11705, 11707, 11710, 12911
_ASKED = (
    _NAMESPACES, _STATE, _PRODUCT, _VENDOR, _VERSION,
    _POINTS, _READ, _WRITE, _BROWSE, _BYTE_STRING,
)  # fmt: skip
_STATES = (
    "Running", "Failed", "NoConfiguration", "Suspended", "Shutdown", "Test",
    "CommunicationFault", "Unknown",
)  # fmt: skip
"""OPC 10000-5, 12.6."""


class Server(NamedTuple):
    """What a server says of itself. Its start and current time are left out: they only move."""

    keys: Keys
    vendor: str
    product: str
    version: str
    state: str


async def look(client: Client) -> Server:
    """Read it, and set the client's limits by it.

    Raises ``Refused`` if the namespaces cannot be read: without them no node has a stable name.
    """
    wanted = [(NodeId(0, one), VALUE) for one in _ASKED]
    found = dict(zip(_ASKED, await client.read(wanted), strict=True))
    uris = found[_NAMESPACES].data.value
    if not isinstance(uris, tuple) or not uris:
        reason = status.reason(found[_NAMESPACES].status)
        raise Refused(
            f"the server does not tell its namespaces ({reason}); this user must see them"
        )
    client.limits = _limits(found)
    state = found[_STATE].data.value
    known = isinstance(state, int) and 0 <= state < len(_STATES)
    return Server(
        keys=Keys([str(uri or "") for uri in uris], client.channel.application_uri),
        vendor=_text(found[_VENDOR]),
        product=_text(found[_PRODUCT]),
        version=_text(found[_VERSION]),
        state=_STATES[int(state)] if known else "",  # type: ignore[call-overload]
    )


def _limits(found: dict[int, Result]) -> Limits:
    limits = Limits()
    return Limits(
        read=min(MOST, _number(found[_READ]) or limits.read),
        browse=min(MOST, _number(found[_BROWSE]) or limits.browse),
        write=min(MOST, _number(found[_WRITE]) or limits.write),
        points=_number(found[_POINTS]),
        byte_string=_number(found[_BYTE_STRING]),
    )


def _number(result: Result) -> int:
    value = result.data.value
    return value if type(value) is int and not status.bad(result.status) else 0


def _text(result: Result) -> str:
    value = result.data.value
    return value.strip() if isinstance(value, str) and not status.bad(result.status) else ""
