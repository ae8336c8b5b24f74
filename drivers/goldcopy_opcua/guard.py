"""Promise 1 for OPC UA: what may leave a session."""

from __future__ import annotations

from goldcopy.errors import WouldWrite

from .builtin import UINT32, NodeId
from .codec import Reader, Undecodable
from .services import BROWSE, BROWSE_NEXT, CALL, READ, VALUE, WRITE

_OWN = frozenset(
    {
        422,  # FindServers
        428,  # GetEndpoints
        446,  # OpenSecureChannel
        452,  # CloseSecureChannel
        461,  # CreateSession
        467,  # ActivateSession
        473,  # CloseSession
        BROWSE,
        BROWSE_NEXT,
        554,  # TranslateBrowsePathsToNodeIds
        READ,
    }
)
OPEN_FILE, READ_FILE, CLOSE_FILE = "Open", "Read", "Close"
_FOR_READING = b"\x03\x01"
"""A Variant of Byte 1: the mode in which Open may only read (OPC 10000-20, 4.2.2)."""

_ONLY_A_VALUE = 1
"""Encoding mask of a DataValue (OPC 10000-6, 5.2.2.17)."""


class ReadGuard:
    """Promise 1: what may leave a session. Sits where messages become bytes.

    Args:
        writing: whether it is for a restore, which may also write values, of the controller's own
            variables, and nothing else: neither nodes nor methods.
    """

    def __init__(self, *, writing: bool = False) -> None:
        self._writing = writing
        self._methods: dict[tuple[NodeId, NodeId], str] = {}

    def allow_file(self, node: NodeId, methods: dict[str, NodeId]) -> None:
        """Let the file at ``node`` be opened for reading, read and closed by these methods."""
        for name in (OPEN_FILE, READ_FILE, CLOSE_FILE):
            self._methods[node, methods[name]] = name

    def check(self, message: bytes) -> None:
        """Raise ``WouldWrite`` unless the message only reads, or writes what it may."""
        try:
            reader = Reader(message)
            service = reader.node_id()
            if service.ns == 0 and (service.id in _OWN or self._allowed(service.id, reader)):
                return
        except Undecodable:
            pass  # what cannot be understood cannot be vouched for
        kind = "writing" if self._writing else "reading"
        raise WouldWrite(
            f"a {kind} session was asked to send {message[:16].hex(' ')}…, which is not on its "
            "list; nothing was sent. This is a mistake in the driver: report it"
        )

    def _allowed(self, service: object, reader: Reader) -> bool:
        if service == CALL:
            return self._reads_file(reader)
        return self._writing and service == WRITE and _writes_values(reader)

    def _reads_file(self, reader: Reader) -> bool:
        _skip_request_header(reader)
        calls = reader.count()
        for _ in range(calls):
            method = self._methods.get((reader.node_id(), reader.node_id()))
            start = reader.pos + 4
            for _ in range(reader.count()):
                reader.variant()
            if method is None:
                return False
            if method == OPEN_FILE and reader.data[start : reader.pos] != _FOR_READING:
                return False
        reader.finish()
        return calls > 0


def _writes_values(reader: Reader) -> bool:
    """Whether it is whole values without status and time stamps, of no node of the standard's.

    Among those are the server's own configuration and its trust list.
    """
    _skip_request_header(reader)
    count = reader.count()
    for _ in range(count):
        node = reader.node_id()
        standard = node.ns == 0 and isinstance(node.id, int)
        plain = reader.number(UINT32) == VALUE and reader.byte_string() is None
        if standard or not plain or reader.byte() != _ONLY_A_VALUE:
            return False
        reader.variant()
    reader.finish()
    return count > 0


def _skip_request_header(reader: Reader) -> None:
    reader.node_id()
    reader.take(16)  # time stamp, handle, diagnostics
    reader.byte_string()
    reader.take(4)
    reader.extension()
