"""Asking for the tag database: its version, its symbols, its templates."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from goldcopy.errors import Malformed, Refused
from goldcopy_enip import guard
from goldcopy_enip.database import ATTRIBUTES, Database, Row, Symbol, rows
from goldcopy_enip.epath import SYMBOL_CLASS, logical, symbol
from goldcopy_enip.link import Link
from goldcopy_enip.messages import Reply, request
from goldcopy_enip.status import PARTIAL, CipRefused, raise_if_not_now
from goldcopy_enip.templates import MOST_BYTES, UNREAD, Template, parse

_VERSION = logical(0xAC, 1)
_VERSION_PARTS = ((1, 2), (2, 2), (3, 4), (4, 4), (10, 4))
"""Attributes of the version, and their sizes (1756-PM020, "Detecting changes")."""
_AUDIT = logical(0x8E, 1)
_AUDIT_PARTS = ((0x1B, 8), (0x1C, 8))
"""The audit value, and the mask of what it counts. Their numbers are in no public manual: a reply
of any other shape is none."""
_TEMPLATE_PARTS = ((4, 4), (5, 4), (2, 2), (1, 2))
_MOST_TAGS = 100_000
"""In one scope; no controller has as many."""


async def version(link: Link) -> tuple[int, ...]:
    """The version of the tag database; () where it is not told: that is no version."""
    return await _told(link, _VERSION, _VERSION_PARTS)


async def audit(link: Link) -> tuple[int, ...]:
    """The audit value, which moves when the logic is edited, and its mask; () if not told."""
    return await _told(link, _AUDIT, _AUDIT_PARTS)


async def _told(link: Link, path: bytes, parts: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    reply = await link.ask(guard.GET_LIST, path, _listed([number for number, _ in parts]))
    return () if reply.status else attributes(reply.data, parts) or ()


async def database(link: Link, version: tuple[int, ...]) -> tuple[Database, dict[int, str]]:
    """All of it, and why templates could not be read, by number."""
    listed = await _list(link, "")
    programs = [row.name[8:] for row in listed if row.name.startswith("Program:")]
    tasks = sorted(row.name[5:] for row in listed if row.name.startswith("Task:"))
    symbols = [row.tag("") for row in listed if _is_tag(row)]
    routines: dict[str, tuple[str, ...]] = {}
    for program in sorted(programs):
        own = await _list(link, program)
        names = sorted(row.name[8:] for row in own if row.name.startswith("Routine:"))
        routines[program] = tuple(names)
        symbols += [row.tag(program) for row in own if _is_tag(row)]
    templates, why = await _templates(link, symbols)
    found = Database(
        version, tuple(sorted(programs)), tuple(tasks), routines, tuple(symbols), templates
    )
    return found, why


async def same_handles(link: Link, templates: dict[int, Template]) -> bool:
    """Whether each template still has the handle that it had."""
    asked = [
        request(guard.GET_LIST, logical(guard.TEMPLATE, number), _listed([1]))
        for number in templates
    ]
    replies = await link.ask_each(asked, lambda _: 8)
    return all(
        not reply.status and attributes(reply.data, ((1, 2),)) == (template.handle,)
        for reply, template in zip(replies, templates.values(), strict=True)
    )


def _is_tag(row: Row) -> bool:
    return not row.system and not row.name.startswith(("Program:", "Task:", "Routine:"))


def _listed(numbers: Sequence[int]) -> bytes:
    return struct.pack(f"<H{len(numbers)}H", len(numbers), *numbers)


async def _list(link: Link, program: str) -> list[Row]:
    """Every row of a scope, page by page.

    Raises ``Malformed`` for a list that does not end or is refused midway.
    """
    scope = symbol(f"Program:{program}") if program else b""
    found: list[Row] = []
    start = 0
    while True:
        path = scope + logical(SYMBOL_CLASS, start)
        reply = await link.ask(guard.LIST, path, _listed(ATTRIBUTES))
        if reply.status not in (0, PARTIAL):
            where = f"the tags of program {program}" if program else "the tags of the controller"
            raise_if_not_now(reply.status, reply.extended)
            raise Refused(f"{where} are not listed: {CipRefused(reply.status, reply.extended)}")
        page = rows(reply.data, start)
        found += page
        if not reply.status:
            break
        if not page:
            raise Malformed("the tag list goes on, and a page of it is empty")
        if len(found) > _MOST_TAGS:
            raise Malformed(f"the tag list does not end: more than {_MOST_TAGS} tags")
        start = page[-1].instance + 1
    if len({row.name.lower() for row in found}) != len(found):
        raise Malformed("the tag list has a name twice")
    return found


async def _templates(
    link: Link, symbols: Iterable[Symbol]
) -> tuple[dict[int, Template], dict[int, str]]:
    """All templates in use, those within others among them."""
    found: dict[int, Template] = {}
    why: dict[int, str] = {}
    open_ = {one.template for one in symbols if one.template}
    while open_:
        await _read(link, sorted(open_), found, why)
        inner = {
            member.number
            for number in open_ & found.keys()
            for member in found[number].members
            if member.is_structure
        }
        open_ = inner - found.keys() - why.keys()
    return dict(sorted(found.items())), why


async def _read(
    link: Link, numbers: Sequence[int], found: dict[int, Template], why: dict[int, str]
) -> None:
    asked = [
        request(guard.GET_LIST, logical(guard.TEMPLATE, n), _listed([4, 5, 2, 1])) for n in numbers
    ]
    replies = await link.ask_each(asked, lambda _: 30)
    told: dict[int, tuple[int, int, int, int]] = {}
    for number, reply in zip(numbers, replies, strict=True):
        values = attributes(reply.data, _TEMPLATE_PARTS) if not reply.status else None
        if values is None:
            raise_if_not_now(reply.status, reply.extended)
            why[number] = f"its template cannot be read: {_words(reply)}"
        elif not UNREAD < 4 * values[0] <= MOST_BYTES or values[1] > MOST_BYTES:
            why[number] = f"its template lies: {4 * values[0]} bytes describe {values[1]}"
        else:
            told[number] = (values[0], values[1], values[2], values[3])
    for number, data in (await _definitions(link, told, why)).items():
        try:
            found[number] = parse(told[number], data)
        except Refused as refusal:
            why[number] = str(refusal)


async def _definitions(
    link: Link, told: dict[int, tuple[int, int, int, int]], why: dict[int, str]
) -> dict[int, bytes]:
    """The definitions, in as many rounds as the longest needs."""
    whole: dict[int, bytes] = {}
    parts = dict.fromkeys(told, b"")
    while parts:
        sizes = {number: 4 * told[number][0] - UNREAD - len(parts[number]) for number in parts}
        asked = [
            request(
                guard.READ,
                logical(guard.TEMPLATE, number),
                struct.pack("<IH", len(parts[number]), min(size, 0xFFFF)),
            )
            for number, size in sizes.items()
        ]
        expected = [min(size, link.size - 20) for size in sizes.values()]
        replies = await link.ask_each(asked, expected.__getitem__)
        for (number, size), reply in zip(sizes.items(), replies, strict=True):
            if reply.status not in (0, PARTIAL):
                raise_if_not_now(reply.status, reply.extended)
                why[number] = f"its template cannot be read: {_words(reply)}"
            elif len(reply.data) == size:
                whole[number] = parts[number] + reply.data
            elif reply.status == PARTIAL and 0 < len(reply.data) < size:
                parts[number] += reply.data
                continue
            else:
                got = len(parts[number]) + len(reply.data)
                why[number] = (
                    f"its template lies: {got} bytes come, {4 * told[number][0]} were told"
                )
            del parts[number]
    return whole


def attributes(data: bytes, parts: Sequence[tuple[int, int]]) -> tuple[int, ...] | None:
    """The numbers in a reply to Get_Attribute_List; None unless all are there and good."""
    if len(data) != 2 + sum(4 + size for _, size in parts) or data[0] != len(parts):
        return None
    found, at = [], 2
    for number, size in parts:
        if struct.unpack_from("<HH", data, at) != (number, 0):
            return None
        found.append(int.from_bytes(data[at + 4 : at + 4 + size], "little"))
        at += 4 + size
    return tuple(found)


def _words(reply: Reply) -> str:
    return str(CipRefused(reply.status, reply.extended)) if reply.status else "it is not complete"
