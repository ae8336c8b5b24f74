"""Batches against a server made of bytes: halving, bad values, and lists in pages."""

from __future__ import annotations

import struct
from typing import Any, cast

import asyncua.ua
import pytest
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.driver import Meter
from goldcopy.errors import Malformed, Refused
from goldcopy_opcua import services, status
from goldcopy_opcua.builtin import Data, NodeId, Result
from goldcopy_opcua.channel import Channel
from goldcopy_opcua.client import Client, Limits
from goldcopy_opcua.codec import Reader
from goldcopy_opcua.transport import Fault

ua: Any = asyncua.ua

TOO_MANY, TOO_LARGE, POINTS, SHUTDOWN = 0x80100000, 0x80B90000, 0x804B0000, 0x800C0000
GOOD = struct.pack("<i", 0)  # no diagnostics
BROKEN = (
    b"\x01\x0c\xff\xff\xff\x7f",  # a String of 2 GiB
    b"\x01\x3f",  # a type that is not defined, and no more
    b"\x01\x96\x02\x00\x00\x00\x00",  # two structures, one of them half there
    b"\xff",  # a DataValue with flags that are not defined
    b"",
)


def value(number: int) -> bytes:
    return b"\x01\x06" + struct.pack("<i", number)


class Server:
    """Answers one request after the other. Stands where the channel is."""

    def __init__(self, most: int = 10_000, broken: dict[int, bytes] | None = None) -> None:
        self.window = 1
        self.meter = Meter()
        self.asked: list[int] = []
        self._most = most
        self._broken = broken or {}

    async def ask(self, service: int, body: bytes) -> Reader:
        wanted = struct_from_binary(ua.ReadParameters, Buffer(body)).NodesToRead
        self.asked.append(len(wanted))
        if len(wanted) > self._most:
            raise Fault(TOO_MANY)
        numbers = [each.NodeId.Identifier for each in wanted]
        values = b"".join(self._broken.get(n, value(n)) for n in numbers)
        return Reader(struct.pack("<i", len(numbers)) + values + GOOD)


def client(server: object, **limits: int) -> Client:
    made = Client(cast(Channel, server))
    made.limits = Limits(**limits)
    return made


def wanted(count: int) -> list[tuple[NodeId, int]]:
    return [(NodeId(1, n), services.VALUE) for n in range(count)]


def held(count: int, broken: dict[int, bytes]) -> list[Result]:
    good = [Result(Data(6, n), 0) for n in range(count)]
    return [Result(Data(0, None), status.BAD_DECODING) if n in broken else one
            for n, one in enumerate(good)]  # fmt: skip


@given(
    st.integers(1, 60).flatmap(
        lambda count: st.tuples(
            st.just(count),
            st.dictionaries(st.integers(0, count - 1), st.sampled_from(BROKEN), max_size=4),
        )
    ),
    st.integers(1, 20),
)
async def test_a_value_that_cannot_be_decoded_is_lost_alone(
    case: tuple[int, dict[int, bytes]], limit: int
) -> None:
    count, broken = case
    server = Server(broken=broken)
    assert await client(server, read=limit).read(wanted(count)) == held(count, broken)


async def test_one_broken_value_costs_three_requests() -> None:
    server = Server(broken={500: BROKEN[0]})
    results = await client(server, read=1000).read(wanted(1000))
    assert results == held(1000, {500: BROKEN[0]})
    assert server.asked == [1000, 500, 1, 499]


@given(st.integers(1, 200), st.integers(1, 50))
async def test_too_many_operations_are_halved_until_they_fit(count: int, most: int) -> None:
    server = Server(most)
    assert await client(server, read=100).read(wanted(count)) == held(count, {})
    refused = [size for size in server.asked if size > most]
    assert len(refused) <= 7  # 100, 50, 25, …: what was found out is kept


async def test_one_long_value_does_not_slow_down_all_others() -> None:
    class Cramped(Server):
        async def ask(self, service: int, body: bytes) -> Reader:
            reader = await super().ask(service, body)
            if len(reader.data) > 8 + 6 * 10 and struct.pack("<i", 77) in reader.data:
                raise Fault(TOO_LARGE)
            return reader

    server = Cramped()
    assert await client(server, read=100).read(wanted(1000)) == held(1000, {})
    assert len(server.asked) < 10 + 2 * 7


async def test_a_value_too_large_for_any_response_says_so() -> None:
    [result] = await client(Server(most=0)).read(wanted(1))
    assert result == Result(Data(0, None), TOO_MANY)


async def test_values_too_many_or_too_few_are_not_taken() -> None:
    class Liar(Server):
        async def ask(self, service: int, body: bytes) -> Reader:
            reader = await super().ask(service, body)
            return Reader(reader.data[:-4] + value(9) + GOOD)

    assert await client(Liar()).read(wanted(3)) == held(3, dict.fromkeys(range(3), b""))


async def test_a_refusal_of_the_service_is_an_error() -> None:
    class Down(Server):
        async def ask(self, service: int, body: bytes) -> Reader:
            raise Fault(0x80440000)

    with pytest.raises(Refused):
        await client(Down()).read(wanted(3))


# -- Browse -------------------------------------------------------------------------------------


def page(code: int, numbers: list[int], point: bytes) -> bytes:
    """A BrowseResult with references to the nodes of these numbers."""
    parts = [
        b"\x00\x2f\x01\x02\x01\x00" + struct.pack("<I", n) + struct.pack("<Hi", 0, -1)
        + b"\x00" + struct.pack("<i", 2) + b"\x00\x3f"
        for n in numbers
    ]  # fmt: skip
    head = struct.pack("<I", code) + struct.pack("<i", len(point)) + point
    return head + struct.pack("<i", len(parts)) + b"".join(parts)


class Library:
    """Each node lists as many others as its number says, in pages, with few places to keep."""

    def __init__(self, size: int, places: int, endless: bool = False) -> None:
        self.window = 1
        self.meter = Meter()
        self.most_open = 0
        self._size, self._places, self._endless = size, places, endless
        self._open: dict[bytes, list[int]] = {}
        self._count = 0

    async def ask(self, service: int, body: bytes) -> Reader:
        if service == services.BROWSE:
            assert not self._open, "a Browse before the last one was finished"
            asked = struct_from_binary(ua.BrowseParameters, Buffer(body)).NodesToBrowse
            results = [self._page(list(range(each.NodeId.Identifier))) for each in asked]
        else:
            points = struct_from_binary(ua.BrowseNextParameters, Buffer(body)).ContinuationPoints
            results = [self._page(self._open.pop(point)) for point in points]
        self.most_open = max(self.most_open, len(self._open))
        return Reader(struct.pack("<i", len(results)) + b"".join(results) + GOOD)

    def _page(self, numbers: list[int]) -> bytes:
        if len(numbers) <= self._size and not self._endless:
            return page(0, numbers, b"")
        if len(self._open) >= self._places:
            return page(POINTS, [], b"")
        self._count += 1
        point = str(self._count).encode()
        self._open[point] = numbers[self._size :]
        return page(0, numbers[: self._size], point)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(1, 7), st.integers(1, 4))
async def test_every_list_is_read_to_its_end(sizes: list[int], size: int, places: int) -> None:
    library = Library(size, places)
    results = await client(library).browse([NodeId(1, n) for n in sizes])
    assert [code for code, _ in results] == [0] * len(sizes)
    found = [[reference.target.id for reference in references] for _, references in results]
    assert found == [list(range(n)) for n in sizes]
    assert library.most_open <= places


async def test_the_places_that_the_server_tells_are_not_exceeded() -> None:
    library = Library(5, 3)
    await client(library, points=3, browse=2).browse([NodeId(1, 20) for _ in range(10)])
    assert library.most_open == 2


async def test_pages_without_end_are_noticed() -> None:
    with pytest.raises(Malformed, match="without end"):
        await client(Library(5, 3, endless=True)).browse([NodeId(1, 7)])


async def test_a_half_read_list_is_not_taken() -> None:
    class Torn(Library):
        async def ask(self, service: int, body: bytes) -> Reader:
            reader = await super().ask(service, body)
            return Reader(reader.data[:-9])

    with pytest.raises(Malformed, match="Browse cannot be decoded"):
        await client(Torn(100, 1)).browse([NodeId(1, 7)])


async def test_pages_that_are_too_large_are_asked_for_anew() -> None:
    class Cramped(Library):
        async def ask(self, service: int, body: bytes) -> Reader:
            pages = struct.unpack_from("<i", body, 1)[0]
            if service == services.BROWSE_NEXT and pages > 1:
                self._open.clear()
                raise Fault(TOO_LARGE)
            return await super().ask(service, body)

    results = await client(Cramped(5, 100)).browse([NodeId(1, n) for n in range(20)])
    assert [(code, len(references)) for code, references in results] == [(0, n) for n in range(20)]
