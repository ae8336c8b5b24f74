"""Whatever is sent to the EtherNet/IP simulators, they answer in their protocol."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulators.enip_wire import name, packed, plain, request

from goldcopy_sim.enip import DriveSimulator, LogixSimulator, PcccSimulator
from goldcopy_sim.enip.links import Links
from goldcopy_sim.enip.server import Listener

CLASSES = (0x01, 0x02, 0x04, 0x06, 0x0F, 0x37, 0x48, 0x64, 0x67, 0x6B, 0x6C, 0x8B, 0x93, 0xAC, 0xF5)
SERVICES = (0x01, 0x03, 0x04, 0x05, 0x0A, 0x0E, 0x10, 0x4B, 0x4C, 0x4D, 0x4E, 0x4F, 0x52, 0x53,
            0x54, 0x55, 0x5B)  # fmt: skip
INSTANCES = (0, 1, 6, 41, 0xC8)
"""Some that are there."""
DEVICES = {
    "logix": LogixSimulator.demo("line3"),
    "drive": DriveSimulator.demo("line3"),
    "slc": PcccSimulator.demo("line3"),
}

paths = st.one_of(
    st.builds(plain, st.sampled_from(CLASSES), st.sampled_from(INSTANCES), st.none()),
    st.builds(plain, st.sampled_from(CLASSES), st.integers(0, 0xFFF), st.none()),
    st.builds(plain, st.sampled_from(CLASSES), st.integers(0, 3), st.integers(0, 255)),
    st.sampled_from(
        ["Speed", "Recipe[1]", "Recipe[2].Steps[1].X", "AlarmFlags[1]", "Program:Main.Mode"]
    ).map(name),
    st.binary(max_size=10).map(lambda octets: octets[: len(octets) // 2 * 2]),
)
messages = st.builds(request, st.sampled_from(SERVICES), paths, st.binary(max_size=40))
nonsense = st.one_of(messages, st.lists(messages, max_size=4).map(lambda some: packed(*some)))


@pytest.mark.parametrize("kind", sorted(DEVICES))
@settings(max_examples=300)
@given(
    message=st.one_of(nonsense, st.binary(max_size=40)),
    room=st.one_of(st.integers(40, 100), st.integers(40, 4000)),
)
def test_every_message_gets_a_reply_that_fits(kind: str, message: bytes, room: int) -> None:
    device: Listener = DEVICES[kind]
    octets = Links(device).manage(message)
    if octets is None:
        octets = device.execute(message, room)
        assert len(octets) <= room
    assert len(octets) >= 4
    assert octets[0] & 0x80
    assert octets[1] == 0
    assert len(octets) >= 4 + 2 * octets[3]
    if message:
        assert octets[0] & 0x7F == message[0] & 0x7F or message[0] == 0x52


def test_what_has_no_room_is_refused_whole() -> None:
    drive = DEVICES["drive"]
    question = request(0x01, plain(0x0F, 41))
    whole = drive.execute(question, 500)
    assert whole[2] == 0
    assert drive.execute(question, len(whole)) == whole
    assert drive.execute(question, len(whole) - 1) == b"\x81\x00\x11\x00"
