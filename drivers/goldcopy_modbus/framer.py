"""Modbus TCP frames, without I/O: the MBAP header, the key of an exchange, the read list.

MG is the Modbus Messaging on TCP/IP Implementation Guide V1.0b, APS the Modbus Application Protocol
Specification V1.1b3.
"""

from __future__ import annotations

from struct import Struct

from goldcopy.errors import Malformed

MBAP = Struct(">HHHB")  # MG 3.1.3: transaction, protocol 0, length from the unit on, unit

READS = frozenset((1, 2, 3, 4, 17, 20, 24))
"""Function codes that only read. 24 is one: it does not empty the queue (APS 6.18). 8 is none: it
can restart the controller's communication; 7, 11 and 12 tell nothing worth keeping."""

_PROTOCOL_AND_LENGTH = Struct(">HH")
_INTERFACE = 43
_DEVICE_IDENTIFICATION = 14
_LONGEST_PDU = 253  # APS 4.1
_ERROR = 0x80  # APS 4.1: added to the function code of a refused request


class MbapFramer:
    """What the exchange must know of Modbus TCP."""

    def length(self, data: memoryview) -> int:
        """Bytes of the first frame; 0 while its header is not complete."""
        if len(data) < 6:
            return 0
        protocol, length = _PROTOCOL_AND_LENGTH.unpack_from(data, 2)
        if protocol != 0 or not 2 <= length <= 1 + _LONGEST_PDU:
            raise Malformed(
                f"no Modbus TCP frame begins with {bytes(data[:6]).hex(' ')}; is another protocol "
                "behind this port?"
            )
        return 6 + int(length)

    def key(self, frame: bytes) -> bytes:
        """Transaction, unit and function: a refusal has the key of what it refuses."""
        return frame[:2] + frame[6:7] + bytes((frame[7] & ~_ERROR,))

    def only_reads(self, request: bytes) -> bool:
        """Whether the request is one that no controller can take for a write."""
        function = request[7]
        if function == _INTERFACE:  # APS 6.20: its other interface can write to a CANopen device
            return request[8:9] == bytes((_DEVICE_IDENTIFICATION,))
        return function in READS


def framed(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A PDU with its header."""
    return MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def unframed(frame: bytes) -> bytes:
    """The PDU of a frame."""
    return frame[MBAP.size :]
