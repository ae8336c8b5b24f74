"""Recordings of sessions, and their replay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.echoing_link import FRAMING
from tests.core.toy_controller import PASSWORD, ToyController
from tests.core.toy_driver import ToyFramer, ToySession

from goldcopy.driver import Courtesy, Meter, Secret, Target
from goldcopy.errors import Unreachable, Wrong
from goldcopy.testing.link import FaultyLink
from goldcopy.testing.record import Recording
from goldcopy.testing.replay import Replay
from goldcopy.wire import Direction, connect

Passed = list[tuple[Direction, bytes]]


@given(st.lists(st.tuples(st.sampled_from(["out", "in"]), st.binary())))
def test_a_recording_comes_back(tmp_path_factory: pytest.TempPathFactory, passed: Passed) -> None:
    file = tmp_path_factory.mktemp("recording") / "session.jsonl"
    Recording(passed).save(file)
    assert Recording.load(file).passed == passed
    assert len(file.read_text().splitlines()) == len(passed)


NO_LINES = ["", "{}", '{"way":"up","hex":""}', '{"way":"in","hex":"0g"}', "\xff"]


@pytest.mark.parametrize("line", NO_LINES)
def test_what_is_no_recording_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "session.jsonl"
    file.write_text('{"way":"out","hex":"00"}\n' + line + "\n", "latin-1")
    with pytest.raises(Wrong, match=r"session\.jsonl, line 2: "):
        Recording.load(file)


async def read(target: Target, recording: Recording | None = None) -> list[str]:
    async with connect(target, ToyFramer(), Meter(), recorder=recording) as exchange:
        session = ToySession(exchange.ask_all, Meter())
        await session._log_in(target)  # noqa: SLF001
        return [f"{item}" for item in (await session.read()).items]


def both(recording: Recording) -> dict[str, bytes]:
    """All that was sent in each direction."""
    ways = {way for way, _ in recording.passed}
    assert ways == {"out", "in"}
    return {way: b"".join(data for one, data in recording.passed if one == way) for way in ways}


async def test_a_recorded_session_is_played_again_and_nothing_else(tmp_path: Path) -> None:
    file, on_link = tmp_path / "press.jsonl", Recording()
    async with ToyController() as controller:
        courtesy, password = Courtesy(window=3), Secret(PASSWORD)
        async with FaultyLink("127.0.0.1", controller.port, FRAMING, recorder=on_link) as one:
            target = Target("press", one.host, one.port, courtesy=courtesy, password=password)
            recording = Recording()
            items = await read(target, recording)
            recording.save(file)
    assert both(recording) == both(on_link)
    async with Replay(Recording.load(file)) as replay:
        again = Target("press", replay.host, replay.port, courtesy=courtesy, password=password)
        for _ in range(2):
            assert await read(again) == items
        assert replay.strayed == ""
        other = Target("press", replay.host, replay.port, password=Secret("open sesame"))
        with pytest.raises(Unreachable):
            await read(other)
        assert replay.strayed.startswith("in entry 0 came ")


async def test_a_client_that_asks_for_more_than_was_recorded() -> None:
    async with Replay(Recording([("out", b"ab"), ("in", b"cd")])) as replay:
        reader, writer = await asyncio.open_connection(replay.host, replay.port)
        for byte in (b"a", b"b"):
            writer.write(byte)
            await asyncio.sleep(0.01)
        assert await reader.read(10) == b"cd"
        writer.write(b"e")
        assert await reader.read(10) == b""
        assert replay.strayed == "after the end of the recording came 65"
        writer.close()
