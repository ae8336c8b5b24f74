"""Which bytes of a block are what, so that a comparison can say what of it moved."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from goldcopy.driver import Section

_HEADER, _FOOTER = 36, 36
_SIZES = Struct(">8xI16xHH2xH")
"""Of the header: the load size at 8; interface, attributes and body sizes from 28 on."""


def sections(content: bytes) -> Sequence[Section]:
    """The parts of a block, or of a data block's frame, which lacks the body; () for neither."""
    if len(content) < _HEADER + _FOOTER or content[:2] != b"pp":
        return ()
    load, interface, attributes, body = _SIZES.unpack(content[:_HEADER])
    if load == len(content) + body:  # the frame of a data block
        body = 0
    elif load != len(content):
        return ()
    if _HEADER + body + interface + attributes + _FOOTER != len(content):
        return ()
    sizes = (("code", body), ("interface", interface), ("attributes", attributes))
    found = [
        Section("header", 0, 16),
        Section("time stamp of the code", 16, 22, stamp=True),
        Section("time stamp of the interface", 22, 28, stamp=True),
        Section("header", 28, _HEADER),
    ]
    at = _HEADER
    for name, size in sizes:
        found.append(Section(name, at, at + size))
        at += size
    return [
        *found,
        Section("author, family and name", at, at + 24),
        Section("version", at + 24, at + 26),
        Section("checksum", at + 26, at + 28),
        Section("footer", at + 28, at + _FOOTER),
    ]
