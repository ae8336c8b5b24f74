"""Where a stream is cut into frames, and which of its places a test tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.testing.framing import ETHERNET_IP, MODBUS, OPC_UA, TPKT, Cutter, Framing
from goldcopy.testing.runs import offsets, sample


@pytest.mark.parametrize(
    ("framing", "whole"),
    [
        (MODBUS, bytes.fromhex("0001 0000 0006 01 03 0000 0001")),
        (TPKT, bytes.fromhex("0300 0016 11e0 0000 0001 00c1 0201 00c2 0201 02c0 010a")),
        (ETHERNET_IP, bytes.fromhex("6500 0400") + bytes(20) + bytes.fromhex("0100 0000")),
        (OPC_UA, b"ACKF" + (28).to_bytes(4, "little") + bytes(20)),
    ],
)
@given(st.data())
def test_frames_of_the_protocols(framing: Framing, whole: bytes, data: st.DataObject) -> None:
    stream, cutter, cut = 3 * whole + whole[:-1], Cutter(framing), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        cut += list(cutter.feed(stream[:size]))
        stream = stream[size:]
    assert cut == 3 * [whole]
    assert cutter.rest == whole[:-1]


def test_a_message_in_several_frames_is_one() -> None:
    assert OPC_UA.goes_on(b"MSGC\x08\0\0\0")
    assert not OPC_UA.goes_on(b"MSGF\x08\0\0\0")
    assert not MODBUS.goes_on(b"\0\0\0C\0\0")


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(20, 3000))
def test_cuts_are_everywhere_or_at_the_ends_of_frames_and_between(
    frames: list[int], most: int
) -> None:
    places = offsets(frames, most)
    total = sum(frames)
    assert places == sorted(set(places))
    assert places[0] == 0
    assert places[-1] == total
    if total < most:
        assert len(places) == total + 1
    else:
        assert len(places) <= most
        assert {1, total - 1} <= set(places)


@given(st.integers(0, 500), st.integers(2, 50))
def test_a_sample_is_spread_from_first_to_last(total: int, most: int) -> None:
    chosen = sample(total, most)
    assert len(chosen) == min(total, most)
    assert chosen == sorted(set(chosen))
    assert not total or (chosen[0], chosen[-1]) == (0, total - 1)
