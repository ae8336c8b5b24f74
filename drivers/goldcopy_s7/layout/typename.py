"""How a type is written, in a source as in a table."""

from __future__ import annotations

import re

from goldcopy.errors import Wrong
from goldcopy_s7.layout.codec import ELEMENTARY, sized
from goldcopy_s7.layout.declared import Bounds, Elementary, Named, key_of
from goldcopy_s7.layout.scanner import Scanner, number

MAX_DIMENSIONS = 6
_INDEX = range(-(2**31), 2**31)
_NUMBERED = re.compile(r"(UDT|FB|SFB)(\d{1,5})", re.ASCII)
_OWNERS = ("UDT", "FB", "SFB")

Simple = Elementary | Named
"""A type that one or two words name."""


def bounds(scanner: Scanner) -> Bounds:
    """``[1..10, 0..3]``, behind the word ARRAY."""
    scanner.expect("[", "ARRAY")
    found: list[tuple[int, int]] = []
    while True:
        at = scanner.place()
        low = number(scanner, "the lowest index")
        scanner.expect("..", "the lowest index")
        high = number(scanner, "the highest index")
        if low > high or low not in _INDEX or high not in _INDEX:
            raise at.wrong(f"an array cannot run from {low} to {high}", "write the lower one first")
        found.append((low, high))
        if len(found) > MAX_DIMENSIONS:
            raise at.wrong(f"more than {MAX_DIMENSIONS} dimensions", "S7 has no more")
        if not scanner.skip(","):
            break
    scanner.expect("]", "the indexes")
    return tuple(found)


def simple(scanner: Scanner) -> Simple:
    """An elementary type, or the name of one declared elsewhere."""
    token = scanner.next()
    if token.kind == "quoted" and token.text:
        return Named(key_of(token.text), token.at)
    word = token.upper
    if word in ("STRING", "WSTRING"):
        try:
            return Elementary(sized(word, _length(scanner)))
        except Wrong as error:
            raise token.at.wrong(str(error), "correct the length") from None
    if word in ELEMENTARY:
        return Elementary(ELEMENTARY[word])
    if word in _OWNERS and scanner.peek().kind == "number":
        return Named(key_of(f"{word} {number(scanner, word)}"), token.at)
    if match := _NUMBERED.fullmatch(word):
        return Named(key_of(f"{match[1]} {int(match[2])}"), token.at)
    if not word or word == "ARRAY":
        scanner.wrong(
            token, "a data type (arrays of arrays have two dimensions, or a type between)"
        )
    return Named(key_of(token.text), token.at)


def _length(scanner: Scanner) -> int | None:
    if not scanner.skip("["):
        return None
    length = number(scanner, "the length")
    scanner.expect("]", "the length")
    return length
