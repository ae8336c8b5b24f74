"""Data types of a Logix controller: atomic ones, and structures laid out as the controller does."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

READ_WRITE, READ_ONLY, NONE = 0, 2, 3
"""External Access, as attribute 10 of a symbol tells it."""
STRUCTURE: Final = 0x8000
_FIRST, _LAST = 0x100, 0xEFF
"""Template numbers of what is not predefined."""
_HIDDEN: Final = "ZZZZZZZZZZ"
_ARRAY: Final = 0x2000


class Atomic(NamedTuple):
    """An elementary type."""

    name: str
    code: int
    """Its CIP type code (CIP 1, C-6.1)."""
    format: str
    """Of ``struct``."""

    @property
    def size(self) -> int:
        """Bytes of one value."""
        return struct.calcsize("<" + self.format)

    def pack(self, value: object) -> bytes:
        """A value as the wire has it. Raises ``struct.error`` for what is none."""
        if self.format == "f" and value != value:
            # A C cast, and so ``struct``, would make a signalling NaN a quiet one.
            (wide,) = struct.unpack("<Q", struct.pack("<d", value))
            return struct.pack("<I", wide >> 32 & 1 << 31 | 0x7F800000 | wide >> 29 & 0x7FFFFF)
        return struct.pack("<" + self.format, value)

    def unpack(self, octets: bytes) -> int | float:
        """The value of these bytes, which are as many as it has."""
        (value,) = struct.unpack("<" + self.format, octets)
        if self.format == "f" and value != value:
            bits = int.from_bytes(octets, "little")
            wide = (bits & 1 << 31) << 32 | 0x7FF << 52 | (bits & 0x7FFFFF) << 29
            (value,) = struct.unpack("<d", struct.pack("<Q", wide))
        return value  # type: ignore[no-any-return]


ATOMIC: Final = {
    kind.name: kind
    for kind in (
        Atomic("BOOL", 0xC1, "B"), Atomic("SINT", 0xC2, "b"), Atomic("INT", 0xC3, "h"),
        Atomic("DINT", 0xC4, "i"), Atomic("LINT", 0xC5, "q"), Atomic("USINT", 0xC6, "B"),
        Atomic("UINT", 0xC7, "H"), Atomic("UDINT", 0xC8, "I"), Atomic("ULINT", 0xC9, "Q"),
        Atomic("REAL", 0xCA, "f"), Atomic("LREAL", 0xCB, "d"), Atomic("DWORD", 0xD3, "I"),
    )
}  # fmt: skip
ATOMS: Final = ATOMIC | {
    kind.name: kind
    for kind in (
        Atomic("BYTE", 0xD1, "B"), Atomic("WORD", 0xD2, "H"), Atomic("LWORD", 0xD4, "Q"),
    )
}  # fmt: skip
"""Those too that no member of a structure is declared with."""


@dataclass(frozen=True)
class Member:
    """One member as declared: an atomic type by name, or a structure."""

    name: str
    type: str | Structure
    length: int = 0
    """Elements of an array; 0 is no array. Of BOOL it must be a multiple of 32."""
    access: int = READ_WRITE


class Slot(NamedTuple):
    """One member as laid out."""

    name: str
    type: Atomic | Structure
    length: int
    offset: int
    bit: int | None = None
    """For a BOOL: which bit, counted from the byte at ``offset``."""
    hidden: bool = False
    access: int = READ_WRITE


class Structure:
    """A user-defined type, an add-on instruction or one that the firmware knows.

    Members are aligned to their own size, structures and BOOL hosts to four bytes, and the whole is
    padded to four (eight with a LINT or LREAL inside), as Logix lays them out.
    """

    def __init__(
        self,
        name: str,
        members: Iterable[Member],
        *,
        instance: int = 0,
        handle: int | None = None,
        host: str = "SINT",
        slots: tuple[Slot, ...] | None = None,
    ) -> None:
        """Lay one out.

        Args:
            name: What the template calls it.
            members: In order of declaration.
            instance: Template number; 0 works one out from the name.
            handle: The structure handle; None works it out from the layout.
            host: Type that holds BOOL members: SINT in a UDT, DINT in an add-on instruction.
            slots: The layout itself, for types that follow rules of their own.
        """
        self.name, self.host = name, host
        self.instance = instance or _FIRST + binascii.crc32(name.encode()) % (_LAST - _FIRST)
        self.alignment = 4
        self.size = 0
        self.slots = slots or tuple(self._layout(members))
        if slots:
            self.size = max(at.offset + _width(at.type) * max(at.length, 1) for at in slots)
        self.size += -self.size % self.alignment
        self.by_name = {slot.name.lower(): slot for slot in self.slots}
        self.visible = tuple(slot for slot in self.slots if not slot.hidden)
        self.denied: bool = any(
            slot.access == NONE or (isinstance(slot.type, Structure) and slot.type.denied)
            for slot in self.slots
        )
        self.read_only: bool = any(
            slot.access == READ_ONLY or (isinstance(slot.type, Structure) and slot.type.read_only)
            for slot in self.slots
        )
        self.handle = self._crc() if handle is None else handle

    @property
    def is_string(self) -> bool:
        """Whether it is what Logix treats as a string: LEN and DATA."""
        return [slot.name for slot in self.slots] == ["LEN", "DATA"]

    def _layout(self, members: Iterable[Member]) -> Iterable[Slot]:
        bit, host = 0, None
        hosts = 0
        host_type = ATOMIC[self.host]
        for member in members:
            kind = ATOMIC[member.type] if isinstance(member.type, str) else member.type
            if member.type == "BOOL" and not member.length:
                if host is None or bit == 8 * host_type.size:
                    self.size += -self.size % host_type.size
                    host = Slot(
                        f"{_HIDDEN}{self.name[:20]}{hosts}", host_type, 0, self.size, hidden=True
                    )
                    hosts, bit = hosts + 1, 0
                    self.size += host_type.size
                    yield host
                yield Slot(
                    member.name, kind, 0, host.offset + bit // 8, bit % 8, access=member.access
                )
                bit += 1
                continue
            host = None
            length = member.length
            if member.type == "BOOL":
                kind, length = ATOMIC["DWORD"], bool_words(member.length)
            step = kind.alignment if isinstance(kind, Structure) else kind.size
            if length:
                step = max(step, 4)
            self.alignment = max(self.alignment, step)
            self.size += -self.size % step
            yield Slot(member.name, kind, length, self.size, access=member.access)
            self.size += _width(kind) * max(length, 1)

    def _crc(self) -> int:
        described = [
            f"{slot.name}:{slot.type.name}:{slot.length}:{slot.offset}:{slot.bit}"
            for slot in self.slots
        ]
        return binascii.crc_hqx(";".join((self.name, *described)).encode(), 0xFFFF) or 1

    def template(self) -> bytes:
        """What a template read gives: eight bytes a member, then the names.

        Predefined types have their bare name there. The two characters a member has after ``;n``
        are not public; one client takes the low two bits of the second for the access of the
        member, and 0 there for "internal".
        """
        access = {READ_WRITE: "C", READ_ONLY: "B", NONE: "@"}
        marks = "".join("E" + ("@" if at.hidden else access[at.access]) for at in self.slots)
        title = f"{self.name};n{marks}" if _FIRST <= self.instance <= _LAST else self.name
        names = "\0".join((title, *(slot.name for slot in self.slots), ""))
        return b"".join(map(_described, self.slots)) + names.encode("latin-1")


Type = Atomic | Structure


def type_word(kind: Type) -> int:
    """A type as symbols and template members name it."""
    return STRUCTURE | kind.instance if isinstance(kind, Structure) else kind.code


def bool_words(bits: int) -> int:
    """DWORDs of a BOOL array.

    Raises:
        ValueError: Logix has BOOL arrays in steps of 32 only.
    """
    if bits % 32:
        raise ValueError(f"a BOOL array has a multiple of 32 elements, not {bits}")
    return bits // 32


def string(name: str, capacity: int, **more: int) -> Structure:
    """A string type of some length."""
    members = Member("LEN", "DINT"), Member("DATA", "SINT", capacity)
    return Structure(name, members, instance=more.get("instance", 0), handle=more.get("handle"))


def _width(kind: Type) -> int:
    return kind.size


def _described(slot: Slot) -> bytes:
    word = type_word(slot.type) | (_ARRAY if slot.length else 0)
    info = slot.length if slot.bit is None else slot.bit
    return struct.pack("<HHI", info, word, slot.offset)


def _predefined(name: str, number: int, words: tuple[str, ...], bits: dict[str, int]) -> Structure:
    dint = ATOMIC["DINT"]
    slots = [Slot("CTL", dint, 0, 0, hidden=True)]
    slots += [Slot(word, dint, 0, 4 * at) for at, word in enumerate(words, 1)]
    slots += [Slot(label, ATOMIC["BOOL"], 0, bit // 8, bit % 8) for label, bit in bits.items()]
    return Structure(name, (), instance=number, handle=number, slots=tuple(slots))


STRING: Final = string("ASCIISTRING82", 82, instance=0xFCE, handle=0xFCE)
TIMER: Final = _predefined("TIMER", 0xF83, ("PRE", "ACC"), {"EN": 31, "TT": 30, "DN": 29})
COUNTER: Final = _predefined(
    "COUNTER", 0xF82, ("PRE", "ACC"), {"CU": 31, "CD": 30, "DN": 29, "OV": 28, "UN": 27}
)
