"""Who the device says it is (identity object, CIP volume 1, 5A-2)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from pycomm3.cip import VENDORS

from goldcopy.errors import Malformed
from goldcopy.snapshot import Identity, Item
from goldcopy_enip import guard
from goldcopy_enip.epath import logical
from goldcopy_enip.link import Link

_FIXED = struct.Struct("<HHHBBHIB")
_ROCKWELL, _CONTROLLER = 1, 0x0E
_KEYS = {1: "", 2: "", 3: "REMOTE "}
"""Bits 12 and 13 of the status word of Rockwell controllers; with the key turned, mode and key are
one."""
_STATES = {6: "RUN", 7: "PROG"}
_TURNED = {1: "RUN", 2: "PROG"}
_MAJOR_FAULT = 0x0C00


class Found(NamedTuple):
    """The identity, and items beside it."""

    identity: Identity
    items: list[Item]


async def read(link: Link, *, logix: bool) -> Found:
    """Ask the device; a controller for the name of its project too."""
    data = (await link.ask(guard.GET_ALL, logical(0x01, 1))).good()
    if len(data) < _FIXED.size or len(data) < _FIXED.size + data[_FIXED.size - 1]:
        raise Malformed(f"an identity of {len(data)} bytes")
    vendor, kind, product, major, minor, status, serial, length = _FIXED.unpack_from(data)
    name = data[_FIXED.size : _FIXED.size + length].decode("latin-1")
    found = Identity(
        vendor=str(VENDORS.get(vendor, f"vendor {vendor}")),
        product=name,
        serial=f"{serial:08X}",
        firmware=f"{major}.{minor}",
        name=await _project(link) if logix else "",
        mode=_mode(status) if (vendor, kind) == (_ROCKWELL, _CONTROLLER) else "",
    )
    items = [
        Item("identity/device-type", "parameter", "UINT", kind),
        Item("identity/product-code", "parameter", "UINT", product),
        Item("identity/status", "parameter", "WORD", status, role="diagnostic"),
    ]
    return Found(found, items)


def _mode(status: int) -> str:
    """``REMOTE RUN``, ``PROG``; with ``, FAULTED`` for a major fault; "" where it is not told."""
    key, state = status >> 12 & 3, status >> 4 & 0xF
    mode = _TURNED.get(key) or (_KEYS.get(key, "") + _STATES.get(state, "")).strip()
    return f"{mode}, FAULTED".removeprefix(", ") if status & _MAJOR_FAULT else mode


async def _project(link: Link) -> str:
    """The name of the project (class 0x64); "" where the controller has no such object."""
    reply = await link.ask(guard.GET_ALL, logical(0x64, 1))
    if reply.status:
        return ""
    length = int.from_bytes(reply.data[:2], "little")
    if len(reply.data) < 2 + length:
        raise Malformed("the name of the project is longer than its reply")
    return reply.data[2 : 2 + length].decode("latin-1")
