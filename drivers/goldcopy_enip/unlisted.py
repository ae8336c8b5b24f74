"""Tags of a target that lists none: named in the options, their types as replies tell them."""

from __future__ import annotations

from collections.abc import Sequence

from goldcopy.snapshot import Gap
from goldcopy_enip import guard
from goldcopy_enip.attributes import checked, refusal
from goldcopy_enip.database import READ_WRITE, Database, Symbol
from goldcopy_enip.link import Link
from goldcopy_enip.messages import request
from goldcopy_enip.named import Named
from goldcopy_enip.status import PARTIAL
from goldcopy_enip.templates import STRUCTURE
from goldcopy_enip.types import ATOMS

_ONE = b"\1\0"
_NO_TEMPLATE = STRUCTURE | 0xFFF
"""Type word of a structure whose template nobody tells."""
_TYPE = 12


async def database(link: Link, tags: Sequence[Named]) -> tuple[Database, list[Gap]]:
    """The tags that are there, each asked for its type by name; a gap for each that is not."""
    symbols = [Symbol(tag.program, tag.name, 0, 0, tag.dims, READ_WRITE, False) for tag in tags]
    asked = [request(guard.READ, one.epath(by_instance=False), _ONE) for one in symbols]
    replies = checked(await link.ask_each(asked, lambda _: _TYPE))
    found: list[Symbol] = []
    gaps: list[Gap] = []
    for one, reply in zip(symbols, replies, strict=True):
        kind = reply.data[:2]
        if reply.status not in (0, PARTIAL):
            gaps.append(Gap(one.path, refusal(reply)))
        elif kind == b"\xa0\x02":
            found.append(_typed(one, _NO_TEMPLATE))
        elif len(kind) == 2 and not kind[1] and kind[0] in ATOMS:
            found.append(_typed(one, kind[0]))
        else:
            gaps.append(Gap(one.path, f"its type {kind.hex()} is none that this driver knows"))
    programs = tuple(sorted({one.program for one in found if one.program}))
    return Database((), programs, (), {}, tuple(found), {}), gaps


def _typed(one: Symbol, word: int) -> Symbol:
    return Symbol(one.program, one.name, 0, word, one.dims, one.access, one.alias)
