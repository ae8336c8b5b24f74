"""Functions on bits, registers and queues: each takes a request PDU and gives the reply PDU.

The specification's state diagrams set the order of the checks: quantity (exception 3) before
address (exception 2). A PDU whose length contradicts its fields is exception 3 as well (7).
"""

from __future__ import annotations

from struct import Struct

from .spec import (
    COIL_OFF,
    COIL_ON,
    MAX_FIFO,
    MAX_READ_BITS,
    MAX_READ_REGISTERS,
    MAX_READ_WRITE_REGISTERS,
    MAX_WRITE_BITS,
    MAX_WRITE_REGISTERS,
    ExceptionCode,
    Refusal,
)
from .tables import Bits, Registers, Unit

_ONE = Struct(">xH")
_TWO = Struct(">xHH")
_THREE = Struct(">xHHH")
_WRITE = Struct(">xHHB")
_READ_WRITE = Struct(">xHHHHB")
_FIFO_HEAD = Struct(">BHH")


def _fields(layout: Struct, pdu: bytes) -> tuple[int, ...]:
    if len(pdu) != layout.size:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    return layout.unpack(pdu)


def _payload(layout: Struct, pdu: bytes) -> tuple[tuple[int, ...], bytes]:
    """The fields, the last of which counts the bytes that follow, and those bytes."""
    if len(pdu) < layout.size:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    fields, data = layout.unpack_from(pdu), pdu[layout.size :]
    if fields[-1] != len(data):
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    return fields, data


def _quantity(count: int, most: int) -> None:
    if not 1 <= count <= most:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)


def _size(data: bytes, wanted: int) -> None:
    if len(data) != wanted:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)


def _read(table: Bits | Registers, pdu: bytes, most: int) -> bytes:
    start, count = _fields(_TWO, pdu)
    _quantity(count, most)
    data = table.read(start, count)
    return bytes((pdu[0], len(data))) + data


def read_coils(unit: Unit, pdu: bytes) -> bytes:
    """6.1."""
    return _read(unit.coils, pdu, MAX_READ_BITS)


def read_discrete_inputs(unit: Unit, pdu: bytes) -> bytes:
    """6.2."""
    return _read(unit.discretes, pdu, MAX_READ_BITS)


def read_holding_registers(unit: Unit, pdu: bytes) -> bytes:
    """6.3."""
    return _read(unit.holding, pdu, MAX_READ_REGISTERS)


def read_input_registers(unit: Unit, pdu: bytes) -> bytes:
    """6.4."""
    return _read(unit.inputs, pdu, MAX_READ_REGISTERS)


def write_single_coil(unit: Unit, pdu: bytes) -> bytes:
    """6.5: nothing but 0xFF00 and 0x0000 is a coil value."""
    address, value = _fields(_TWO, pdu)
    if value not in (COIL_ON, COIL_OFF):
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    unit.coils[address] = value == COIL_ON
    return pdu


def write_single_register(unit: Unit, pdu: bytes) -> bytes:
    """6.6."""
    address, value = _fields(_TWO, pdu)
    unit.holding[address] = value
    return pdu


def write_multiple_coils(unit: Unit, pdu: bytes) -> bytes:
    """6.11."""
    (start, count, _), data = _payload(_WRITE, pdu)
    _quantity(count, MAX_WRITE_BITS)
    _size(data, (count + 7) // 8)
    unit.coils.write(start, count, data)
    return pdu[:5]


def write_multiple_registers(unit: Unit, pdu: bytes) -> bytes:
    """6.12."""
    (start, count, _), data = _payload(_WRITE, pdu)
    _quantity(count, MAX_WRITE_REGISTERS)
    _size(data, 2 * count)
    unit.holding.write(start, count, data)
    return pdu[:5]


def mask_write_register(unit: Unit, pdu: bytes) -> bytes:
    """6.16."""
    address, and_mask, or_mask = _fields(_THREE, pdu)
    unit.holding[address] = (unit.holding[address] & and_mask) | (or_mask & ~and_mask)
    return pdu


def read_write_registers(unit: Unit, pdu: bytes) -> bytes:
    """6.17: the write comes before the read."""
    (read_start, read_count, start, count, _), data = _payload(_READ_WRITE, pdu)
    _quantity(read_count, MAX_READ_REGISTERS)
    _quantity(count, MAX_READ_WRITE_REGISTERS)
    _size(data, 2 * count)
    unit.holding.require(read_start, read_count)
    unit.holding.write(start, count, data)
    words = unit.holding.read(read_start, read_count)
    return bytes((pdu[0], len(words))) + words


def read_fifo_queue(unit: Unit, pdu: bytes) -> bytes:
    """6.18: reading does not empty the queue; more than 31 values cannot be read at all."""
    (address,) = _fields(_ONE, pdu)
    queue = unit.fifos.get(address)
    if queue is None:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_ADDRESS)
    if len(queue) > MAX_FIFO:
        raise Refusal(ExceptionCode.ILLEGAL_DATA_VALUE)
    head = _FIFO_HEAD.pack(pdu[0], 2 + 2 * len(queue), len(queue))
    return head + b"".join(value.to_bytes(2, "big") for value in queue)
