"""What a request asks for, in the specification's words: the lines of the service log."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from goldcopy_sim.service import Service

from .files import groups
from .spec import Function, Refusal

_NAMES: Mapping[int, str] = {
    Function.READ_COILS: "read coils",
    Function.READ_DISCRETE_INPUTS: "read discrete inputs",
    Function.READ_HOLDING_REGISTERS: "read holding registers",
    Function.READ_INPUT_REGISTERS: "read input registers",
    Function.WRITE_SINGLE_COIL: "write single coil",
    Function.WRITE_SINGLE_REGISTER: "write single register",
    7: "read exception status",
    8: "diagnostics",
    11: "get comm event counter",
    12: "get comm event log",
    Function.WRITE_MULTIPLE_COILS: "write multiple coils",
    Function.WRITE_MULTIPLE_REGISTERS: "write multiple registers",
    Function.REPORT_SERVER_ID: "report server ID",
    Function.READ_FILE_RECORD: "read file record",
    Function.WRITE_FILE_RECORD: "write file record",
    Function.MASK_WRITE_REGISTER: "mask write register",
    Function.READ_WRITE_REGISTERS: "read/write multiple registers",
    Function.READ_FIFO_QUEUE: "read FIFO queue",
}

# Whatever is not known to leave the controller alone counts as a write: 8 can restart its
# communication, and a code that no standard defines can do anything.
_READS = frozenset({1, 2, 3, 4, 7, 11, 12, 17, 20, 24})

_READ_REQUEST = struct.Struct(">BHH")


def _range(start: int, count: int) -> str:
    return f"{start}..{start + count - 1}"


def _assignment(pdu: bytes) -> str:
    address, value = struct.unpack_from(">xHH", pdu)
    return f"{address} = {value}"


def _mask(pdu: bytes) -> str:
    address, and_mask, or_mask = struct.unpack_from(">xHHH", pdu)
    return f"{address} and {and_mask:#06x} or {or_mask:#06x}"


def _read_write(pdu: bytes) -> str:
    read_start, read_count, start, count = struct.unpack_from(">xHHHH", pdu)
    return f"reads {_range(read_start, read_count)}, writes {_range(start, count)}"


def _files(pdu: bytes) -> str:
    return ", ".join(f"file {g.file}: {_range(g.record, g.length)}" for g in groups(pdu))


_DETAILS: Mapping[int, Callable[[bytes], str]] = {
    Function.WRITE_SINGLE_COIL: _assignment,
    Function.WRITE_SINGLE_REGISTER: _assignment,
    Function.WRITE_MULTIPLE_COILS: lambda pdu: _range(*struct.unpack_from(">xHH", pdu)),
    Function.WRITE_MULTIPLE_REGISTERS: lambda pdu: _range(*struct.unpack_from(">xHH", pdu)),
    Function.READ_FILE_RECORD: _files,
    Function.WRITE_FILE_RECORD: _files,
    Function.MASK_WRITE_REGISTER: _mask,
    Function.READ_WRITE_REGISTERS: _read_write,
    Function.READ_FIFO_QUEUE: lambda pdu: str(*struct.unpack_from(">xH", pdu)),
}


def service(unit: int, pdu: bytes) -> Service:
    """The log entry for one request, malformed ones included."""
    function = pdu[0]
    if 1 <= function <= 4 and len(pdu) == _READ_REQUEST.size:  # nearly all of a pull
        _, start, count = _READ_REQUEST.unpack(pdu)
        return Service(_NAMES[function], False, f"unit {unit}, {start}..{start + count - 1}")
    if function == Function.ENCAPSULATED_INTERFACE:
        return _interface(unit, pdu)
    name = _NAMES.get(function, f"function {function}")
    describe = _DETAILS.get(function)
    try:
        detail = f"unit {unit}, {describe(pdu)}" if describe else f"unit {unit}"
    except (struct.error, Refusal):
        detail = f"unit {unit}, malformed: {pdu.hex(' ')}"
    return Service(name, function not in _READS, detail)


def _interface(unit: int, pdu: bytes) -> Service:
    if len(pdu) == 4 and pdu[1] == 14:
        return Service(
            "read device identification", False, f"unit {unit}, code {pdu[2]} from object {pdu[3]}"
        )
    # 6.20: the other interface of this function writes into a CANopen device.
    detail = f"unit {unit}, {pdu[1:].hex(' ')}"
    return Service("encapsulated interface transport", True, detail)
