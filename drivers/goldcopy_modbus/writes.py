"""Requests that write, and the one reply that acknowledges each.

Clause numbers are those of the Modbus Application Protocol Specification V1.1b3.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from pymodbus.pdu import FileRecord, ModbusPDU
from pymodbus.pdu.bit_message import WriteMultipleCoilsRequest, WriteSingleCoilRequest
from pymodbus.pdu.file_message import WriteFileRecordRequest
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from goldcopy_modbus.pdu import encoded

MOST_COILS = 0x7B0  # 6.11
MOST_REGISTERS = 0x7B  # 6.12
MOST_RECORDS = 122  # 6.15: a request has 251 bytes for its groups, 7 of them before the records


class Request(NamedTuple):
    """One request and what it must be answered with."""

    pdu: bytes
    echo: bytes


def coil(address: int, value: int) -> Request:
    """6.5."""
    return _echoed(WriteSingleCoilRequest(address=address, bits=[bool(value)]))


def register(address: int, value: int) -> Request:
    """6.6."""
    return _echoed(WriteSingleRegisterRequest(address=address, registers=[value]))


def coils(start: int, values: Sequence[int]) -> Request:
    """6.11."""
    return _counted(WriteMultipleCoilsRequest(address=start, bits=[*map(bool, values)]))


def registers(start: int, values: Sequence[int]) -> Request:
    """6.12."""
    request = WriteMultipleRegistersRequest(
        address=start, registers=list(values), count=len(values)
    )
    return _counted(request)


def file_records(file: int, start: int, values: Sequence[int]) -> Request:
    """6.15, with one group."""
    data = struct.pack(f">{len(values)}H", *values)
    record = FileRecord(file_number=file, record_number=start, record_data=data)
    return _echoed(WriteFileRecordRequest([record]))


def mask(address: int, own: int, value: int) -> Request:
    """6.16: the bits that are not in ``own`` stay as they are."""
    request = MaskWriteRegisterRequest(address=address, and_mask=~own & 0xFFFF, or_mask=value & own)
    return _echoed(request)


def _echoed(request: ModbusPDU) -> Request:
    pdu = encoded(request)
    return Request(pdu, pdu)


def _counted(request: ModbusPDU) -> Request:
    """Answered with function, start and count."""
    pdu = encoded(request)
    return Request(pdu, pdu[:5])
