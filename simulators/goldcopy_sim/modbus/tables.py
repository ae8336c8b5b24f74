"""What a controller holds: sparse tables of bits and of 16-bit words, files and queues.

A table is kept in the form in which it travels, so that serving a dense range is one slice
however long it is. An address nobody defined is a hole: touching it is exception 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .spec import ADDRESSES, RECORDS, ExceptionCode, Refusal


class Table:
    """Which addresses of one table exist."""

    def __init__(self, addresses: Mapping[int, int]) -> None:
        if any(not 0 <= address < ADDRESSES for address in addresses):
            raise ValueError(f"a Modbus address is 0..{ADDRESSES - 1}")
        self._defined = bytearray(max(addresses, default=-1) + 1)
        for address in addresses:
            self._defined[address] = 1

    def __len__(self) -> int:
        return self._defined.count(1)

    def __iter__(self) -> Iterator[int]:
        return (address for address, defined in enumerate(self._defined) if defined)

    def __contains__(self, address: int) -> bool:
        return 0 <= address < len(self._defined) and bool(self._defined[address])

    def require(self, start: int, count: int) -> int:
        """The address after the last one; refuses a range that touches a hole."""
        stop = start + count
        if stop > len(self._defined) or self._defined.find(0, start, stop) >= 0:
            raise Refusal(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        return stop


class Registers(Table):
    """Words by address, high byte first as on the wire (4.2)."""

    def __init__(self, values: Mapping[int, int] | None = None) -> None:
        super().__init__(values or {})
        self._bytes = bytearray(2 * len(self._defined))
        for address, value in (values or {}).items():
            self[address] = value

    def __getitem__(self, address: int) -> int:
        return int.from_bytes(self.read(address, 1), "big")

    def __setitem__(self, address: int, value: int) -> None:
        if isinstance(value, bool) or not 0 <= value <= 0xFFFF:
            raise ValueError(f"a register holds 0..65535, not {value}")
        self.write(address, 1, value.to_bytes(2, "big"))

    def read(self, start: int, count: int) -> bytearray:
        """``count`` words, two bytes each."""
        return self._bytes[2 * start : 2 * self.require(start, count)]

    def write(self, start: int, count: int, data: bytes) -> None:
        """Set ``count`` words from two bytes each."""
        self._bytes[2 * start : 2 * self.require(start, count)] = data


class Bits(Table):
    """Bits by address; on the wire eight to a byte, the lowest address in the lowest bit (6.1)."""

    def __init__(self, values: Mapping[int, bool] | None = None) -> None:
        super().__init__(values or {})
        # One character per bit: int() then packs any range in one call.
        self._digits = bytearray(b"0" * len(self._defined))
        for address, value in (values or {}).items():
            self[address] = value

    def __getitem__(self, address: int) -> bool:
        return self.read(address, 1) == b"\x01"

    def __setitem__(self, address: int, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"a coil holds True or False, not {value!r}")
        self.write(address, 1, bytes((value,)))

    def read(self, start: int, count: int) -> bytes:
        """``count`` bits packed, the last byte filled up with zeros."""
        digits = self._digits[start : self.require(start, count)]
        return int(digits[::-1], 2).to_bytes((count + 7) // 8, "little")

    def write(self, start: int, count: int, data: bytes) -> None:
        """Set ``count`` bits from packed ones; what fills up the last byte is ignored."""
        stop = self.require(start, count)
        digits = f"{int.from_bytes(data, 'little'):0{8 * len(data)}b}"
        self._digits[start:stop] = digits[::-1][:count].encode()


@dataclass(eq=False)
class Unit:
    """The memory behind one unit identifier.

    ``files`` are by file number, 1..65535, each with records 0..9999 at most; ``fifos`` by the
    address of their pointer register, oldest value first.
    """

    coils: Bits = field(default_factory=Bits)
    discretes: Bits = field(default_factory=Bits)
    holding: Registers = field(default_factory=Registers)
    inputs: Registers = field(default_factory=Registers)
    files: Mapping[int, Registers] = field(default_factory=dict)
    fifos: Mapping[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, records in self.files.items():
            if not 1 <= number <= 0xFFFF or max(records, default=0) >= RECORDS:
                raise ValueError(f"file {number}: files are 1..65535, records 0..{RECORDS - 1}")

    def tables(self) -> Iterator[tuple[str, Bits | Registers]]:
        """Every table that has single addresses, by its name in ``values()``."""
        yield "coil", self.coils
        yield "discrete", self.discretes
        yield "holding", self.holding
        yield "input", self.inputs
        for number, records in self.files.items():
            yield f"file/{number}", records
