"""A named, typed place in a DB: its value out of the DB's bytes, and back into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from goldcopy.errors import Wrong
from goldcopy.snapshot import Item, Value
from goldcopy.snapshot.values import check
from goldcopy_s7.layout.codec import Codec
from goldcopy_s7.layout.shape import Grid

_LETTERS = {1: "b", 2: "w", 4: "d"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf. An array of an elementary type is one leaf with a flat tuple, row by row.

    Bytes that are no value of the type (a DATE_AND_TIME that is not BCD, a STRING whose header is
    not that of its declaration) are kept as BYTES, never as some value; of an array then all
    elements are. Both forms can be written back, and give the same bytes again.
    """

    name: str
    """Its path in the DB: ``motor[3]/speed``."""
    codec: Codec
    start: int
    """In bits from the start of the DB."""
    shape: tuple[int, ...]
    """Elements in each dimension; () for what is no array."""
    grid: Grid
    label: str = ""

    @property
    def offset(self) -> int:
        """Its first byte."""
        return self.start // 8

    @property
    def bit(self) -> int | None:
        """The bit in that byte, 0 the lowest, of a single BOOL; None for anything else."""
        return self.start % 8 if self.codec.bits == 1 and not self.shape else None

    @property
    def size(self) -> int:
        """The number of bytes from the first to the last that it has a part in."""
        last = self.grid.at(self.grid.total - 1)
        return (self.start % 8 + last + self.codec.bits + 7) // 8

    def address(self, db: int) -> str:
        """``db5.dbx12.3``, ``db5.dbw14``; for what has no letter ``db5.dbx20.0 byte 24``."""
        if self.bit is not None:
            return f"db{db}.dbx{self.offset}.{self.bit}"
        if not self.shape and self.codec.size in _LETTERS:
            return f"db{db}.db{_LETTERS[self.codec.size]}{self.offset}"
        return f"db{db}.dbx{self.offset}.0 byte {self.size}"

    def decode(self, body: bytes | bytearray) -> tuple[str, Value]:
        """The type and the value that these bytes of the whole DB are."""
        raw = [self._take(body, n) for n in range(self.grid.total)]
        values = [self.codec.read(one) for one in raw]
        type_ = self.codec.type
        kept: Sequence[Value | None] = values
        if any(value is None for value in values):
            type_, kept = "BYTES", raw
        if not self.shape:
            return type_, _value(kept[0])
        lengths = ",".join(map(str, self.shape))
        return f"ARRAY[{lengths}] OF {type_}", tuple(map(_value, kept))

    def encode(self, value: Value, body: bytearray) -> None:
        """Put a value into the bytes of the whole DB; bytes that ``decode`` gave go in as they are.

        Of a string what lies behind its text is left alone. Raises ``Wrong`` for a value that the
        type cannot hold, and then nothing has been changed.
        """
        values: tuple[Value, ...] = (value,)
        if self.shape:
            if not isinstance(value, tuple) or len(value) != self.grid.total:
                raise Wrong(f"{self.name}: an array of {self.grid.total} elements is needed")
            values = value
        given = [self._bytes(one) for one in values]
        if any(isinstance(one, bytes) for one in values) and all(map(self._is_value, given)):
            raise Wrong(f"{self.name}: these bytes are a value, so give that and not the bytes")
        for n, raw in enumerate(given):
            self._put(body, n, raw)

    def item(self, prefix: str, db: int, body: bytes | bytearray) -> Item:
        """The leaf as read; ``prefix`` stands before its path."""
        type_, value = self.decode(body)
        label, unit = self.label, self.codec.unit
        if type_.endswith("BYTES") and self.codec.type != "BYTES":
            note = f"kept as bytes: not a valid {self.codec.name}"
            label, unit = f"{label} ({note})" if label else note, ""
        return Item(
            f"{prefix}/{self.name}",
            "parameter",
            type_,
            value,
            "setting",
            "read-write",
            unit,
            label,
            None,
            None,
            self.address(db),
        )

    def _take(self, body: bytes | bytearray, n: int) -> bytes:
        byte, bit = divmod(self.start + self.grid.at(n), 8)
        if self.codec.bits == 1:
            return bytes((body[byte] >> bit & 1,))
        return bytes(body[byte : byte + self.codec.size])

    def _put(self, body: bytearray, n: int, raw: bytes) -> None:
        byte, bit = divmod(self.start + self.grid.at(n), 8)
        if self.codec.bits == 1:
            body[byte] = body[byte] & ~(1 << bit) | raw[0] << bit
        else:
            body[byte : byte + len(raw)] = raw

    def _is_value(self, raw: bytes) -> bool:
        return self.codec.type != "BYTES" and self.codec.read(raw) is not None

    def _bytes(self, value: Value) -> bytes:
        codec = self.codec
        if isinstance(value, bytes):
            if len(value) != codec.size:
                raise Wrong(f"{self.name}: a {codec.name} has {codec.size} bytes, not {len(value)}")
            return value
        try:
            check(codec.type, value)
        except Wrong as error:
            raise Wrong(f"{self.name}: {error}") from None
        raw = codec.write(value)
        if raw is None:
            raise Wrong(f"{self.name}: a {codec.name} cannot hold {value!r}")
        return raw


def _value(value: Value | None) -> Value:
    assert value is not None
    return value
