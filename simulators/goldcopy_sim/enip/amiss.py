"""A value that a device does not take as it was written: refused, ignored or clamped."""

from __future__ import annotations

from collections.abc import Callable

from goldcopy_sim.mishap import Mishap, altered

Keep = Callable[[bytes, bytes, bytes], bytes]
"""What is stored, given what was written, what is held, and another value of the same length."""


def as_written(new: bytes, held: bytes, other: bytes) -> bytes:
    """Store what was written."""
    return new


def kept(mishap: Mishap | None, no: Exception, new: bytes, held: bytes, other: bytes) -> bytes:
    """What is stored of a value that is in order, more or less. Raises ``no`` if it is refused."""
    match mishap.of_value() if mishap else "":
        case "refused":
            raise no
        case "ignored":
            return held
        case "clamped":
            return other
    return new


def another(new: bytes, *, count: int = 0) -> bytes:
    """Another value of the same length.

    ``count`` is how many bytes a text has for its length, in front; the text gets shorter.
    """
    if not count or len(new) < count:
        return altered(new)
    length = int.from_bytes(new[:count], "little")
    return (length - 1 if length else 1).to_bytes(count, "little") + new[count:]


def flipped(new: bytes, mask: bytes) -> bytes:
    """Another value whose lowest bit in the mask is the other one."""
    bits = int.from_bytes(mask, "little")
    number = int.from_bytes(new, "little") ^ (bits & -bits)
    return number.to_bytes(len(new), "little")
