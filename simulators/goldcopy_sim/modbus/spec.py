"""Numbers of the Modbus Application Protocol Specification V1.1b3, each with its clause."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

ADDRESSES: Final = 65_536
"""Items one table can hold, addressed 0..65535 (4.4)."""
MAX_PDU: Final = 253
"""Bytes of the longest request or reply without its MBAP header (4.1)."""
ERROR: Final = 0x80
"""Added to the function code of a request that is refused (4.1)."""

MAX_READ_BITS: Final = 2000  # 6.1, 6.2
MAX_READ_REGISTERS: Final = 125  # 6.3, 6.4, 6.17
MAX_WRITE_BITS: Final = 0x7B0  # 6.11
MAX_WRITE_REGISTERS: Final = 0x7B  # 6.12
MAX_READ_WRITE_REGISTERS: Final = 0x79  # 6.17, its write half
MAX_FIFO: Final = 31  # 6.18
RECORDS: Final = 10_000  # 6.14: records 0..9999 in one file
COIL_ON: Final = 0xFF00  # 6.5
COIL_OFF: Final = 0x0000  # 6.5


class Function(IntEnum):
    """The function codes that can be served; 7, 8, 11 and 12 are for serial lines (6.7-6.10)."""

    READ_COILS = 1  # 6.1
    READ_DISCRETE_INPUTS = 2  # 6.2
    READ_HOLDING_REGISTERS = 3  # 6.3
    READ_INPUT_REGISTERS = 4  # 6.4
    WRITE_SINGLE_COIL = 5  # 6.5
    WRITE_SINGLE_REGISTER = 6  # 6.6
    WRITE_MULTIPLE_COILS = 15  # 6.11
    WRITE_MULTIPLE_REGISTERS = 16  # 6.12
    REPORT_SERVER_ID = 17  # 6.13
    READ_FILE_RECORD = 20  # 6.14
    WRITE_FILE_RECORD = 21  # 6.15
    MASK_WRITE_REGISTER = 22  # 6.16
    READ_WRITE_REGISTERS = 23  # 6.17
    READ_FIFO_QUEUE = 24  # 6.18
    ENCAPSULATED_INTERFACE = 43  # 6.19; 6.21 for its MEI type 14


class ExceptionCode(IntEnum):
    """Why a request is refused (7)."""

    ILLEGAL_FUNCTION = 0x01
    ILLEGAL_DATA_ADDRESS = 0x02
    ILLEGAL_DATA_VALUE = 0x03
    SERVER_DEVICE_FAILURE = 0x04
    SERVER_DEVICE_BUSY = 0x06
    GATEWAY_TARGET_FAILED_TO_RESPOND = 0x0B


class Refusal(Exception):
    """Raised while a request is served: answer it with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def exception_reply(function: int, code: int) -> bytes:
    """The PDU that refuses ``function`` (7)."""
    return bytes((function | ERROR, code))
