"""One leaf of a restore: in which order, within which limits, and whether a value stands."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

import msgspec

from goldcopy.errors import Wrong
from goldcopy.snapshot import Blob, Item, Value
from goldcopy.snapshot.diff import same

_NUMBER = re.compile(r"([0-9]+)")
_WIDTH = re.compile(r"(?<=\.db)[xbwdl](?=[0-9])")
"""In ``db5.dbw14``: the size prefix of IEC 61131-3 says how much is there, not where it is."""


def natural(item: Item) -> tuple[list[str | int], str]:
    """Sorts by address, numbers by their value: neighbours then share a request.

    Blocks come in the order of their paths (FB, FC, OB): what is called before what calls it.
    """
    parts: list[str | int] = [*_NUMBER.split(_WIDTH.sub("", item.address or item.path))]
    parts[1::2] = [int(number) for number in parts[1::2]]
    return parts, item.path


def stands(read: Item | None, wanted: Item) -> bool:
    """Whether the value that was read is the one that is wanted, to the bit and in its type."""
    if read is None or read.type != wanted.type:
        return False
    return same(msgspec.structs.replace(wanted, value=read.value), wanted)


def outside(item: Item, value: Value) -> str:
    """Why a value is not within the limits of an item; "" if it is, or if there are none."""
    for one in value if isinstance(value, tuple) else (value,):
        if not isinstance(one, int | float) or isinstance(one, bool):
            continue
        # A NaN is within no limits: each comparison with it is false.
        if item.low is not None and not one >= item.low:
            return f"{one!r} is below the lower limit {item.low!r}"
        if item.high is not None and not one <= item.high:
            return f"{one!r} is above the upper limit {item.high!r}"
    return ""


def part_of(path: str, paths: Container[str]) -> str:
    """Which of the paths this is, or is below; "" for none."""
    while path and path not in paths:
        path = path.rpartition("/")[0]
    return path


def with_content(item: Item, blobs: Mapping[str, bytes]) -> Item:
    """The item with its bytes in it, as a driver writes it. Raises ``Wrong`` without them."""
    try:
        return msgspec.structs.replace(item, value=_content(item.value, blobs))
    except KeyError as missing:
        raise Wrong(f"{item.path}: its content {missing} is not at hand") from None


def hashes(value: Value) -> set[str]:
    """Of the big content that a value refers to."""
    return {one.sha256 for one in (value if isinstance(value, tuple) else (value,)) if _big(one)}  # type: ignore[union-attr]


def _content(value: Value, blobs: Mapping[str, bytes]) -> Value:
    if isinstance(value, Blob):
        return blobs[value.sha256]
    if isinstance(value, tuple):
        return tuple([_content(one, blobs) for one in value])
    return value


def _big(value: Value) -> bool:
    return isinstance(value, Blob)
