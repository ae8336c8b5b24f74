"""TCP/IP, Ethernet link and QoS objects (CIP volume 2, chapter 5), and assemblies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address
from typing import NamedTuple

from goldcopy.errors import Refused
from goldcopy.snapshot import Access, Gap, Item, Role
from goldcopy_enip import guard
from goldcopy_enip.attributes import Attribute, Cursor, refusal, singles, there
from goldcopy_enip.link import Link

DATA = 3


class _Field(NamedTuple):
    where: Attribute
    path: str
    decode: Callable[[str, Cursor], list[Item]]
    role: Role = "setting"


def _number(kind: str, size: int) -> Callable[[str, Cursor], list[Item]]:
    return lambda path, cursor: [Item(path, "parameter", kind, cursor.number(size))]


def _text(path: str, cursor: Cursor) -> list[Item]:
    found = Item(path, "parameter", "STRING", cursor.text(2))
    cursor.take(len(found.value) & 1 if isinstance(found.value, str) else 0)
    return [found]


def _mac(path: str, cursor: Cursor) -> list[Item]:
    return [Item(path, "parameter", "STRING", cursor.take(6).hex(":"))]


def _addresses(path: str, cursor: Cursor) -> list[Item]:
    names = ("address", "mask", "gateway", "name-server", "name-server-2")
    items = [
        Item(f"{path}/{name}", "parameter", "STRING", str(IPv4Address(cursor.number(4))))
        for name in names
    ]
    return [*items, *_text(f"{path}/domain", cursor)]


_FIELDS = (
    _Field(Attribute(0xF5, 1, 3), "tcp-ip/control", _number("DWORD", 4)),
    _Field(Attribute(0xF5, 1, 5), "tcp-ip", _addresses),
    _Field(Attribute(0xF5, 1, 6), "tcp-ip/host-name", _text),
    _Field(Attribute(0xF5, 1, 8), "tcp-ip/ttl", _number("USINT", 1)),
    _Field(Attribute(0xF5, 1, 13), "tcp-ip/inactivity", _number("UINT", 2)),
    _Field(Attribute(0xF6, 1, 1), "ethernet/speed", _number("UDINT", 4), "diagnostic"),
    _Field(Attribute(0xF6, 1, 2), "ethernet/flags", _number("DWORD", 4), "diagnostic"),
    _Field(Attribute(0xF6, 1, 3), "ethernet/mac", _mac),
    *(
        _Field(Attribute(0x48, 1, number), f"qos/{name}", _number("USINT", 1))
        for number, name in (
            (1, "tagging"), (4, "urgent"), (5, "scheduled"), (6, "high"), (7, "low"),
            (8, "explicit"),
        )
    ),
)  # fmt: skip


async def read(link: Link) -> tuple[list[Item], list[Gap]]:
    """What of these the device has."""
    items: list[Item] = []
    gaps: list[Gap] = []
    replies = await singles(link, [field.where for field in _FIELDS])
    for field, reply in zip(_FIELDS, replies, strict=True):
        try:
            if reply.status:
                if there(reply):
                    gaps.append(Gap(field.path, refusal(reply)))
                continue
            cursor = Cursor(reply.data)
            found = field.decode(field.path, cursor)
            if cursor.rest:
                raise Refused(f"{len(cursor.rest)} bytes too many")
        except Refused as why:
            gaps.append(Gap(field.path, str(why)))
            continue
        for item in found:
            role = field.role
            items.append(Item(item.path, item.kind, item.type, item.value, role))
    return items, gaps


async def assemblies(
    link: Link, told: int, named: Iterable[int], configuration: Iterable[int]
) -> tuple[list[Item], list[Gap]]:
    """The data of assemblies.

    Settings are those of the ``configuration`` and the one that the device has ``told`` to be such
    (0 for none); a restore writes the former alone. All others, ``named``, are live values.
    """
    items: list[Item] = []
    gaps: list[Gap] = []
    writable = set(configuration)
    wanted = sorted({*named, *writable, told} - {0})
    replies = await singles(link, [Attribute(guard.ASSEMBLY, one, DATA) for one in wanted], 512)
    for number, reply in zip(wanted, replies, strict=True):
        path = f"assembly/{number}"
        if reply.status:
            gaps.append(Gap(path, refusal(reply)))
            continue
        role: Role = "setting" if number == told or number in writable else "process"
        access: Access = "read-write" if number in writable else "read"
        items.append(Item(path, "block", "BYTES", reply.data, role, access, address=path))
    return items, gaps
