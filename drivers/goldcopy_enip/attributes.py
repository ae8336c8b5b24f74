"""Reading attributes of CIP objects one by one, many in a packet; a cursor over their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from goldcopy.errors import Refused
from goldcopy_enip import guard
from goldcopy_enip.epath import logical
from goldcopy_enip.link import Link
from goldcopy_enip.messages import Reply, request
from goldcopy_enip.status import (
    NO_ATTRIBUTE,
    NOT_SUPPORTED,
    PATH_UNKNOWN,
    CipRefused,
    raise_if_not_now,
)

_NOT_THERE = frozenset((PATH_UNKNOWN, NOT_SUPPORTED, NO_ATTRIBUTE))


class Attribute(NamedTuple):
    """Where an attribute is."""

    number: int
    """Of its class."""
    instance: int
    attribute: int


async def singles(link: Link, wanted: Sequence[Attribute], size: int = 80) -> list[Reply]:
    """Each attribute, up to so many bytes long."""
    asked = [request(guard.GET_SINGLE, logical(*one)) for one in wanted]
    return checked(await link.ask_each(asked, lambda _: size))


async def wholes(link: Link, number: int, instances: Sequence[int], size: int) -> list[Reply]:
    """All attributes of each instance, up to so many bytes long."""
    asked = [request(guard.GET_ALL, logical(number, one)) for one in instances]
    return checked(await link.ask_each(asked, lambda _: size))


def checked(replies: list[Reply]) -> list[Reply]:
    """The replies, if the device as a whole is willing to answer."""
    for reply in replies:
        raise_if_not_now(reply.status, reply.extended)
    return replies


def there(reply: Reply) -> bool:
    """Whether there is such a thing at all."""
    return reply.status not in _NOT_THERE


def refusal(reply: Reply) -> str:
    """Why it cannot be read."""
    return str(CipRefused(reply.status, reply.extended))


class Cursor:
    """Takes bytes apart from the front. Raises ``Refused`` where they end too soon."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, size: int) -> bytes:
        """So many bytes."""
        if len(self.rest) < size:
            raise Refused(f"its data ends too soon: {len(self.rest)} bytes are left of {size}")
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def number(self, size: int, *, signed: bool = False) -> int:
        """An integer of so many bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def text(self, width: int = 1) -> str:
        """Characters behind their count, which has so many bytes."""
        return self.take(self.number(width)).decode("latin-1")
