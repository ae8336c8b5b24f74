"""Request PDUs by pymodbus' classes; reply PDUs read here, each count checked against the bytes.

pymodbus' decoders are not used: they take a byte count that contradicts the length, shorten an
object that is cut off, and drop the last byte of function 17's reply as a status. Clause numbers
are those of the Modbus Application Protocol Specification V1.1b3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from pymodbus.pdu import FileRecord, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.file_message import ReadFifoQueueRequest, ReadFileRecordRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest
from pymodbus.pdu.other_message import ReportDeviceIdRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from goldcopy.errors import Malformed
from goldcopy_modbus.refusal import Refusal

_DEVICE_IDENTIFICATION = 14
_REFERENCE_TYPE = 6
_BITS = [tuple(bool(byte >> n & 1) for n in range(8)) for byte in range(256)]
"""The eight bits of each byte, the lowest address first (6.1)."""


class Page(NamedTuple):
    """One reply of device identification."""

    objects: list[tuple[int, bytes]]
    following: int | None
    """The object to go on with; None if there is no more."""


# -- requests ------------------------------------------------------------------------------------


def read_coils(start: int, count: int) -> bytes:
    """6.1."""
    return encoded(ReadCoilsRequest(address=start, count=count))


def read_discrete_inputs(start: int, count: int) -> bytes:
    """6.2."""
    return encoded(ReadDiscreteInputsRequest(address=start, count=count))


def read_holding_registers(start: int, count: int) -> bytes:
    """6.3."""
    return encoded(ReadHoldingRegistersRequest(address=start, count=count))


def read_input_registers(start: int, count: int) -> bytes:
    """6.4."""
    return encoded(ReadInputRegistersRequest(address=start, count=count))


def report_server_id() -> bytes:
    """6.13."""
    return encoded(ReportDeviceIdRequest())


def read_file_record(file: int, start: int, count: int) -> bytes:
    """6.14, with one group."""
    record = FileRecord(file_number=file, record_number=start, record_length=2 * count)
    return encoded(ReadFileRecordRequest([record]))


def read_fifo_queue(address: int) -> bytes:
    """6.18."""
    return encoded(ReadFifoQueueRequest(address=address))


def read_device_identification(code: int, first: int) -> bytes:
    """6.21: the objects of a category (``code``), from ``first`` on."""
    return encoded(ReadDeviceInformationRequest(read_code=code, object_id=first))


def encoded(request: ModbusPDU) -> bytes:
    """A request of pymodbus as it travels."""
    return bytes((request.function_code,)) + request.encode()


# -- replies -------------------------------------------------------------------------------------


def refusal(pdu: bytes) -> Refusal | None:
    """The exception in a reply; None if it is none (7)."""
    if pdu[0] < 0x80:
        return None
    if len(pdu) != 2:
        raise _malformed(pdu, "one exception code")
    return Refusal(pdu[1])


def bits(pdu: bytes, count: int) -> Sequence[bool]:
    """6.1, 6.2: ``count`` bits, without those that fill up the last byte."""
    data = _counted(pdu, (count + 7) // 8, f"{count} bits")
    return tuple(chain.from_iterable([_BITS[byte] for byte in data]))[:count]


def registers(pdu: bytes, count: int) -> Sequence[int]:
    """6.3, 6.4."""
    return struct.unpack(f">{count}H", _counted(pdu, 2 * count, f"{count} registers"))


def server_id(pdu: bytes) -> bytes:
    """6.13: bytes that are the vendor's own, run indicator included."""
    if len(pdu) < 2 or pdu[1] != len(pdu) - 2:
        raise _malformed(pdu, "as many bytes as it says")
    return pdu[2:]


def file_records(pdu: bytes, count: int) -> Sequence[int]:
    """6.14, of a request with one group."""
    head = bytes((2 * count + 2, 2 * count + 1, _REFERENCE_TYPE))
    if pdu[1:4] != head or len(pdu) != 4 + 2 * count:
        raise _malformed(pdu, f"one group of {count} records")
    return struct.unpack_from(f">{count}H", pdu, 4)


def fifo_queue(pdu: bytes) -> tuple[int, ...]:
    """6.18."""
    size, count = struct.unpack_from(">HH", pdu, 1) if len(pdu) >= 5 else (0, 0)
    if size != 2 + 2 * count or len(pdu) != 3 + size or count > 31:
        raise _malformed(pdu, "a queue of 31 values at most")
    return struct.unpack_from(f">{count}H", pdu, 5)


def device_identification(pdu: bytes) -> Page:
    """6.21."""
    if len(pdu) < 7 or pdu[1] != _DEVICE_IDENTIFICATION:
        raise _malformed(pdu, "device identification")
    more, following, count = pdu[4:7]
    objects, at = [], 7
    while at + 2 <= len(pdu):
        number, size = pdu[at : at + 2]
        objects.append((number, pdu[at + 2 : at + 2 + size]))
        at += 2 + size
    if at != len(pdu) or len(objects) != count or more not in (0x00, 0xFF):
        raise _malformed(pdu, f"{count} objects")
    return Page(objects, following if more else None)


def _counted(pdu: bytes, size: int, wanted: str) -> bytes:
    if len(pdu) != 2 + size or pdu[1] != size:
        raise _malformed(pdu, wanted)
    return pdu[2:]


def _malformed(pdu: bytes, wanted: str) -> Malformed:
    return Malformed(
        f"the reply to function {pdu[0] & 0x7F} is not {wanted} ({len(pdu)} bytes: "
        f"{pdu[:12].hex(' ')}…); nothing of this pull can be trusted"
    )
