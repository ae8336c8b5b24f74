"""A download against what a real S7-300 sent when STEP 7 loaded its DB1, and against nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from goldcopy.driver import Meter, Target
from goldcopy.errors import Malformed, Refused, Unreachable
from goldcopy.wire import connect
from goldcopy_s7 import block
from goldcopy_s7.block import Key
from goldcopy_s7.download import download
from goldcopy_s7.frames import JOB, S7Framer
from goldcopy_s7.link import Link

VECTOR = Path(__file__).parents[1] / "vectors" / "s7" / "step7_s300_download.txt"
FIRST, LAST = 87, 94
REFERENCE = slice(11, 13)
KEY = Key("DB", 1)


def recorded() -> dict[int, bytes]:
    """The frames of the download, by number."""
    lines = [line.split() for line in VECTOR.read_text().splitlines() if line[0] != "#"]
    frames = {int(number): bytes.fromhex(octets) for number, _, _, octets in lines}
    return {number: frames[number] for number in range(FIRST, LAST + 1)}


FRAMES = recorded()
BLOCK = block.from_upload(KEY, FRAMES[90][7 + 12 + 2 + 4 :])


class Player:
    """A CPU that sends given frames: after each, it takes one of ours in."""

    def __init__(self, script: Sequence[Sequence[bytes]]) -> None:
        self.script = script
        self.taken: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):  # the client has left
            await self._play(reader, writer)
        writer.close()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = b""
        for frames in self.script:
            head = await reader.readexactly(4)
            taken = head + await reader.readexactly(int.from_bytes(head[2:], "big") - 4)
            self.taken.append(taken)
            request = taken if taken[8] == JOB else request
            for frame in frames:
                own = frame[8] == JOB
                answer = frame if own else frame[:11] + request[REFERENCE] + frame[13:]
                writer.write(answer)


@asynccontextmanager
async def linked(player: Player) -> AsyncIterator[Link]:
    """A connection that is set up already."""
    server = await asyncio.start_server(player.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    meter = Meter()
    target = Target("cpu", "127.0.0.1", port, timeout=2)
    async with server, connect(target, S7Framer(), meter, writing=True) as exchange:
        link = Link(exchange, meter)
        link.pdu, link.tpdu = 240, 1024
        yield link


async def test_a_block_is_loaded_as_step_7_loads_it() -> None:
    player = Player([[FRAMES[88], FRAMES[89]], [FRAMES[91]], [], [FRAMES[94]], []])
    async with linked(player) as link:
        # The recording ends where STEP 7 does: it reads nothing back.
        with pytest.raises(Unreachable, match="linked in, and could not be read back as a proof"):
            await download(link, KEY, BLOCK)
    request, part, ended, linking, upload = player.taken
    assert unnumbered(request) == unnumbered(FRAMES[87])
    assert part == FRAMES[90]
    assert ended == FRAMES[92]
    assert unnumbered(linking) == unnumbered(FRAMES[93])
    assert upload[17] == 0x1D


def unnumbered(frame: bytes) -> bytes:
    return frame[: REFERENCE.start] + frame[REFERENCE.stop :]


def changed(number: int, at: int, octets: bytes) -> bytes:
    """A recorded frame with other bytes at some place, counted from its end if negative."""
    frame = bytearray(FRAMES[number])
    at %= len(frame)
    frame[at : at + len(octets)] = octets
    return bytes(frame)


SHORT = b"\x03\x00\x00\x11\x02\xf0\x80" + b"\x32\x01\x00\x00\x65\x01\x00\x12\x00\x00"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param([[FRAMES[88], changed(89, -2, b"2")]], "another block", id="another block"),
        pytest.param([[FRAMES[88], changed(89, 17, b"\x1d")]], "not due", id="another function"),
        pytest.param([[FRAMES[88], FRAMES[89]], [FRAMES[89]]], "not due", id="a part too many"),
        pytest.param([[FRAMES[88], FRAMES[89], FRAMES[89]]], "not due", id="two at once"),
        pytest.param([[FRAMES[88], SHORT]], "ends at", id="no parameter"),
        pytest.param([[FRAMES[88], changed(89, 13, b"\0\x13")]], "lengths say", id="lengths"),
        pytest.param([[FRAMES[89], FRAMES[88], FRAMES[88]]], "no request", id="a reply twice"),
        pytest.param([[changed(88, -1, b"\x1b")]], "is one to 1b", id="another reply"),
    ],
)
async def test_a_cpu_that_asks_nonsense_is_left(script: list[list[bytes]], words: str) -> None:
    player = Player(script)
    async with linked(player) as link:
        with pytest.raises(Malformed, match=f"{words}.*as a passive copy, in part or whole"):
            await download(link, KEY, BLOCK)
        assert not link.open
    assert len(player.taken) <= 2


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ([[FRAMES[88], FRAMES[91]], []], "without the last 216 bytes"),
        ([[FRAMES[88], FRAMES[89]], [changed(91, 19, b"\xd2\x19")], []], r"wrong lengths.*0xd219"),
        ([[FRAMES[91], FRAMES[88]], []], "without the last 216 bytes"),
    ],
)
async def test_a_cpu_that_ends_too_soon_is_told(script: list[list[bytes]], words: str) -> None:
    async with linked(Player([*script, []])) as link:
        with pytest.raises(Refused, match=f"{words}.*as a passive copy, in part or whole"):
            await download(link, KEY, BLOCK)
        assert link.open
