"""Promise 1 for OPC UA: what may leave a reading session."""

from __future__ import annotations

from goldcopy.errors import WouldWrite

from .codec import NodeId, Reader, Undecodable
from .services import BROWSE, BROWSE_NEXT, CALL, READ

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


class ReadGuard:
    """Promise 1: what may leave a reading session. Sits where messages become bytes."""

    def __init__(self) -> None:
        self._methods: dict[tuple[NodeId, NodeId], str] = {}

    def allow_file(self, node: NodeId, methods: dict[str, NodeId]) -> None:
        """Let the file at ``node`` be opened for reading, read and closed by these methods."""
        for name in (OPEN_FILE, READ_FILE, CLOSE_FILE):
            self._methods[node, methods[name]] = name

    def check(self, message: bytes) -> None:
        """Raise ``WouldWrite`` unless the message only reads."""
        try:
            reader = Reader(message)
            service = reader.node_id()
            if service.ns == 0 and (service.id in _OWN or self._reads_file(service, reader)):
                return
        except Undecodable:
            pass  # what cannot be understood cannot be vouched for
        raise WouldWrite(
            f"a reading session was asked to send {message[:16].hex(' ')}…, which is not on the "
            "read list; nothing was sent. This is a mistake in the driver: report it"
        )

    def _reads_file(self, service: NodeId, reader: Reader) -> bool:
        if service.id != CALL:
            return False
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


def _skip_request_header(reader: Reader) -> None:
    reader.node_id()
    reader.take(16)  # time stamp, handle, diagnostics
    reader.byte_string()
    reader.take(4)
    reader.extension()
