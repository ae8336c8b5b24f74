"""Replies that no simulated CPU gives: each part of the driver against a script."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from tests.drivers.s7_plant import content, gaps, pull

from goldcopy.driver import Meter, Target
from goldcopy.errors import Malformed, Refused
from goldcopy_s7 import S7Driver, block, directory, pdu, session, szl, variables
from goldcopy_s7.block import Key
from goldcopy_s7.frames import unframed
from goldcopy_s7.link import Link
from goldcopy_s7.options import Options
from goldcopy_s7.pdu import Job, Reply, Request, Userdata
from goldcopy_s7.upload import upload
from goldcopy_s7.variables import Piece, Run
from goldcopy_sim.s7 import Block, Kind, S7Simulator
from goldcopy_sim.s7 import Identity as Nameplate

STARTED = Reply(b"\x1d\0\1\0\0\0\0\5\x07" + b"0000100", b"")
ENDED = Reply(b"\x1f", b"")


class Script(Link):
    """A link whose replies are given."""

    def __init__(self, *replies: Reply) -> None:
        self.meter = Meter()
        self.open = True
        self.replies = list(replies)
        self.asked: list[Request] = []

    @property
    def window(self) -> int:
        return 1

    async def ask_all(self, requests: Sequence[Request]) -> list[Reply]:
        self.asked += requests
        return [self.replies.pop(0) for _ in requests]


def part(octets: bytes, *, more: bool) -> Reply:
    return Reply(bytes((0x1E, more)), len(octets).to_bytes(2, "big") + b"\0\xfb" + octets)


# -- uploads -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([part(bytes(90), more=True), part(bytes(11), more=True)], "more than the 100 bytes"),
        ([part(bytes(90), more=True), part(bytes(9), more=False)], "100 bytes were announced, 99"),
        ([part(bytes(90), more=True), part(b"", more=True)], "an empty part, and goes on"),
        ([part(bytes(100), more=False)], "a block begins with 7070"),
        ([Reply(b"", b"", 0x8401)], "0x8401"),
    ],
)
async def test_an_upload_that_is_not_what_it_says_is_ended_and_refused(
    parts: list[Reply], words: str
) -> None:
    script = Script(STARTED, *parts, ENDED)
    with pytest.raises(Refused, match=words):
        await upload(script, Key("FC", 1))
    assert script.asked[-1] == Job(b"\x1f\0\0\0\0\0\0\5")
    assert not script.replies


async def test_a_part_whose_length_lies_is_malformed() -> None:
    lying = Reply(b"\x1e\0", b"\0\x09\0\xfb" + bytes(8))
    with pytest.raises(Malformed, match="claims 0009"):
        await upload(Script(STARTED, lying, ENDED), Key("FC", 1))


async def test_only_the_first_refusal_of_its_kind_is_tried_again() -> None:
    refused = Reply(b"\x1d", b"", 0x8702)
    script = Script(refused, refused)
    with pytest.raises(Refused, match="0x8702"):
        await upload(script, Key("FC", 1))
    assert len(script.asked) == 2


async def test_a_block_that_contradicts_its_info_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    async def another(link: Link, key: Key) -> block.Block:
        found = await upload(link, key)
        about = found.about._replace(code_time="1999-01-01 00:00:00.000")
        return found._replace(about=about)

    monkeypatch.setattr(session, "upload", another)
    async with S7Simulator(blocks=[Block(Kind.FC, 1, b"\x65\0")]) as simulator:
        snapshot, _ = await pull(simulator)
    assert "contradict each other" in gaps(snapshot)["block/FC1"]
    assert "block/FC1" not in snapshot.by_path


# -- lists ---------------------------------------------------------------------------------------


def listed(*numbers: int, more: bool = False) -> Reply:
    octets = b"".join(number.to_bytes(2, "big") + b"\x22\1" for number in numbers)
    return Reply(b"", octets, 0, 0, more)


@pytest.mark.parametrize(
    "replies",
    [
        [listed(1, 2)],
        [listed(1, 2, 3, 4)],
        [listed(1, 2, 2)],
        [listed(1, 2, more=True), Reply(b"", b"", 0xD20E)],
        [Reply(b"", b"", 0xD20E)],
        [listed(1, 2, more=True), listed(3, more=True), listed(4, more=True), listed(5)],
        [listed(1, more=True), listed(more=True)],
        [Reply(b"", listed(1, 2, 3).data + b"\0")],
    ],
)
async def test_a_list_is_as_long_as_the_count_or_refused(replies: list[Reply]) -> None:
    with pytest.raises(Refused):
        await directory.numbers(Script(*replies), "FC", 3)


async def test_a_list_in_parts_and_out_of_order() -> None:
    script = Script(listed(9, 2, more=True), listed(5))
    assert await directory.numbers(script, "FC", 3) == [2, 5, 9]
    assert script.asked == [Userdata((3, 2), b"0C"), Userdata((3, 2), sequence=0)]


async def test_a_type_that_is_not_counted_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = directory.counts

    async def fewer(link: Link) -> dict[str, int]:
        found = await counts(link)
        del found["FB"]
        return found

    monkeypatch.setattr(directory, "counts", fewer)
    async with S7Simulator.many(20) as simulator:
        snapshot, _ = await pull(simulator)
    assert gaps(snapshot) == {
        "block": "FB cannot be listed: the CPU does not say how many there are"
    }


async def test_a_list_of_system_functions_is_carried_within_one_firmware() -> None:
    async with S7Simulator.many(20) as simulator:
        before, _ = await pull(simulator)
        _, carried = await pull(simulator, since=before)
        assert "blocks/SFC" in carried
        simulator.identity = Nameplate(firmware=(3, 3, 1))
        after, carried = await pull(simulator, since=before)
        assert "blocks/SFC" not in carried
        assert content(after, "blocks/SFC") == content(before, "blocks/SFC")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\x11\0\0\0\x1c\0",
        b"\0\x1c\0\0\0\2\0\1xx",  # another list
        b"\0\x11\0\0\0\2\0\2xx",
        b"\0\x11\0\0\0\2\0\1xxxx",
        b"\0\x11\0\0\0\0\0\1",
    ],
)
def test_a_status_list_is_what_it_says_or_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        szl.records(data, 0x0011)


# -- single replies ------------------------------------------------------------------------------

READ = variables.request([Piece(0, Run("M", 0, 0, 3)), Piece(1, Run("M", 0, 9, 4))])
PIECES = [Piece(0, Run("M", 0, 0, 3)), Piece(1, Run("M", 0, 9, 4))]
VALUES = bytes.fromhex("ff040018 010203 00 ff040020 0a0b0c0d")


def ack(parameter: bytes, data: bytes = b"", *, error: int = 0, cut: int = 0) -> bytes:
    head = b"\x32\3\0\0\0\1" + len(parameter).to_bytes(2, "big")
    return head + (len(data) + cut).to_bytes(2, "big") + error.to_bytes(2, "big") + parameter + data


def test_values_of_odd_length_are_padded() -> None:
    reply = pdu.parsed(ack(b"\4\2", VALUES), READ)
    assert variables.values(reply, PIECES) == [b"\1\2\3", b"\x0a\x0b\x0c\x0d"]


def test_an_item_that_is_refused_has_no_data_whatever_its_length_says() -> None:
    data = bytes.fromhex("05000004 ff040020 0a0b0c0d")
    reply = pdu.parsed(ack(b"\4\2", data), READ)
    assert variables.values(reply, PIECES) == [5, b"\x0a\x0b\x0c\x0d"]


@pytest.mark.parametrize(
    "frame",
    [
        ack(b"\4\1", VALUES[:8]),  # one variable
        ack(b"\4\2", VALUES[:-1]),
        ack(b"\4\2", VALUES + b"\0"),
        ack(b"\4\2", VALUES, cut=1),
        ack(b"\5\2", VALUES),  # another function
        ack(b"\4\2", bytes.fromhex("ff040010 0102 ff040020 0a0b0c0d")),  # two bytes, not three
        ack(b"\4\2", bytes.fromhex("ff040020 01020304 ff040020 0a0b0c0d")),
        b"\x32\1" + ack(b"\4\2", VALUES)[2:],  # a job
        b"\x32\7" + ack(b"\4\2", VALUES)[2:],
        b"\x72" + ack(b"\4\2", VALUES)[1:],  # S7CommPlus
    ],
)
def test_a_reply_to_a_read_is_right_or_malformed(frame: bytes) -> None:
    with pytest.raises(Malformed):
        variables.values(pdu.parsed(frame, READ), PIECES)


def test_a_refusal_without_parameters_is_one() -> None:
    assert pdu.parsed(ack(b"", error=0x8104), Userdata((3, 1))).error == 0x8104
    assert pdu.parsed(ack(b"", error=0x8104), READ).error == 0x8104


INFO = bytes.fromhex("32070000 0001 000c 0008 0001120812 83030000000000 ff090004 01020304")


def test_a_userdata_reply_is_read() -> None:
    assert pdu.parsed(INFO, Userdata((3, 3), b"-")).data == b"\1\2\3\4"


@pytest.mark.parametrize(
    ("place", "octet"),
    [
        (1, 3),  # a reply to a job, without an error
        (7, 11),  # lengths of parameter and data
        (9, 9),
        (13, 4),  # length within the parameter
        (15, 0x43),  # a request
        (15, 0x84),  # another group
        (16, 2),  # another function
        (25, 3),  # length of the data
    ],
)
def test_a_userdata_reply_is_right_or_malformed(place: int, octet: int) -> None:
    wrong = INFO[:place] + bytes((octet,)) + INFO[place + 1 :]
    with pytest.raises(Malformed):
        pdu.parsed(wrong, Userdata((3, 3), b"-"))


def test_a_reply_with_pads_fits_the_pdu() -> None:
    """19 runs of 7 bytes: 227 bytes with their pads, and 226 have room."""
    runs = [Run("M", 0, 10 * at, 7) for at in range(19)]
    assert [len(pieces) for pieces in variables.plan(runs, 240)] == [18, 1]


async def test_a_reply_to_something_else_ends_the_connection() -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(4):
            frame = head + await reader.readexactly(int.from_bytes(head[2:], "big") - 4)
            asked.append(frame)
            if len(asked) == 1:
                writer.write(bytes.fromhex("0300000b06d00001000100"))
            else:
                request = unframed(frame)
                parameter = request[10:18] if len(asked) == 2 else b"\5\1"
                reply = b"\x32\3\0\0" + request[4:6] + len(parameter).to_bytes(2, "big")
                reply += bytes(4) + parameter
                writer.write(b"\3\0" + (len(reply) + 7).to_bytes(2, "big") + b"\2\xf0\x80" + reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        target = Target("cpu", "127.0.0.1", port, timeout=2, options=Options(pdu=240))
        async with S7Driver().open(target, Meter()) as opened:
            link = cast(session.S7Session, opened)._link  # noqa: SLF001
            for _ in range(2):  # and what comes afterwards gets the same
                with pytest.raises(Malformed, match="is one to 05"):
                    await link.ask(READ)
            assert not link.open
    assert len(asked) == 3  # connect, setup, one read: the second was not sent
