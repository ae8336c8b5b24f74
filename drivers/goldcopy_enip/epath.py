"""Paths of CIP (volume 1, appendix C): made, and taken apart as far as the read guard needs it."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.errors import Wrong

SYMBOL_CLASS = 0x6B
_PORTS = {"backplane": 1, "bp": 1, "enet": 2}


def logical(number: int, instance: int, attribute: int | None = None) -> bytes:
    """Class, instance and perhaps attribute."""
    path = _segment(0x20, number) + _segment(0x24, instance)
    return path if attribute is None else path + _segment(0x30, attribute)


def symbol(name: str) -> bytes:
    """ANSI extended symbol segment: a tag or a member by its name."""
    octets = name.encode("latin-1")
    return bytes((0x91, len(octets))) + octets + b"\0" * (len(octets) & 1)


def element(index: int) -> bytes:
    """One dimension of an array."""
    return _segment(0x28, index)


def elements(index: int, dims: Sequence[int]) -> bytes:
    """A flat index as one segment for each dimension, row by row."""
    found: list[int] = []
    for size in reversed(dims):
        index, at = divmod(index, size)
        found.append(at)
    return b"".join(map(element, reversed(found)))


def _segment(kind: int, number: int) -> bytes:
    if number < 0x100:
        return bytes((kind, number))
    if number < 0x1_0000:
        return bytes((kind | 1, 0)) + number.to_bytes(2, "little")
    return bytes((kind | 2, 0)) + number.to_bytes(4, "little")


def route(text: str) -> bytes:
    """``backplane/2/enet/10.0.0.7/backplane/0`` as port segments; "" is no way at all.

    Raises ``Wrong`` for what is no pair of port and link.
    """
    parts = [part for part in text.split("/") if part]
    if len(parts) % 2:
        raise Wrong(f"the path {text!r} is not made of pairs of port and link: backplane/0")
    return b"".join(map(_hop, parts[::2], parts[1::2]))


def _hop(port: str, link: str) -> bytes:
    number = _PORTS.get(port.lower()) or (int(port) if port.isdecimal() else 0)
    if not 1 <= number <= 14:
        raise Wrong(f"there is no port {port!r}; there are backplane, enet and 1 to 14")
    if link.isdecimal():
        if int(link) > 255:
            raise Wrong(f"the link {link} behind {port} is more than 255")
        return bytes((number, int(link)))
    octets = link.encode("ascii", "replace")
    if not octets or len(octets) > 255 or b"?" in octets:
        raise Wrong(f"the link {link!r} behind {port} is neither a number nor an address")
    return bytes((0x10 | number, len(octets))) + octets + b"\0" * (len(octets) & 1)


def class_of(path: bytes) -> int | None:
    """The one class that a path addresses, a tag's name counting as 0x6B; None if unclear.

    Symbols may be followed by members and elements; a class by an instance, then an attribute or,
    for the symbol class, by members and elements. Anything else is nothing that this driver sends.
    """
    if len(path) in (4, 6) and path[0] == 0x20 and path[2] == (0x24 if len(path) == 4 else 0x25):
        return path[1]  # nearly all there are
    found: int | None = None
    at = 0
    while at < len(path):
        code = path[at]
        if code == 0x91:
            if found not in (None, SYMBOL_CLASS) or at + 2 > len(path):
                return None
            found = SYMBOL_CLASS
            at += 2 + path[at + 1] + (path[at + 1] & 1)
            continue
        kind, width = code & 0xFC, code & 3
        if kind not in (0x20, 0x24, 0x28, 0x30) or width == 3:
            return None
        size = 2 * width + 2 if width else 2
        number = int.from_bytes(
            path[at + 2 : at + size] if width else path[at + 1 : at + 2], "little"
        )
        if kind == 0x20:
            # Behind the name of a program stands the symbol class, behind nothing else.
            if found is not None and not (found == number == SYMBOL_CLASS):
                return None
            found = number
        elif found is None or (kind == 0x28 and found != SYMBOL_CLASS):
            return None
        at += size
    return found if at == len(path) else None
