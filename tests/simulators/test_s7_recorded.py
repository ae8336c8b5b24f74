"""The S7 simulator against recorded traffic: the same questions must give the same bytes.

A simulated CPU is given the blocks that a real one listed and described; then every request of the
recording that asks about them is put to it, and its reply is compared byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from goldcopy_sim.s7 import Block, Identity, Key, Kind, clock
from goldcopy_sim.s7.block import FOOTER, HEADER
from goldcopy_sim.s7.cpu import Cpu
from goldcopy_sim.s7.frames import ACK_DATA, JOB, USERDATA, Message, confirm, parse, parse_connect
from goldcopy_sim.s7.jobs import answer as answer_job
from goldcopy_sim.s7.jobs import setup
from goldcopy_sim.s7.session import Session
from goldcopy_sim.s7.transfer import answered
from goldcopy_sim.s7.userdata import answer as answer_userdata

VECTORS = Path(__file__).parents[1] / "vectors" / "s7"
S300, ET200S = "step7_s300_download.txt", "et200s_blocklist_onlineview.txt"
COMMANDS, BLOCKS, STATUS = 1, 3, 4
OWN_CONTENT = {0x0000, 0x0132, 0x0424, 0x0074}
"""Status lists whose content is the recorded CPU's own."""


class Exchange(NamedTuple):
    frame: int
    request: bytes
    reply: bytes


def packets(name: str) -> Iterator[tuple[int, str, str, bytes]]:
    for line in (VECTORS / name).read_text().splitlines():
        if not line.startswith("#"):
            frame, stream, way, octets = line.split()
            yield int(frame), stream, way, bytes.fromhex(octets)


def exchanges(name: str) -> list[Exchange]:
    """Every request of the client with the reply to it, S7 PDUs alone."""
    waiting: dict[tuple[str, bytes], tuple[int, bytes]] = {}
    found = []
    for frame, stream, way, octets in packets(name):
        pdu = octets[7:]
        if octets[5] != 0xF0 or not pdu:
            continue
        key = stream, pdu[4:6]
        if way == ">":
            waiting[key] = frame, pdu
        elif key in waiting:
            asked, request = waiting.pop(key)
            found.append(Exchange(asked, request, pdu))
    return found


def service(pdu: bytes) -> tuple[int, int]:
    """Group and sub-function of a userdata request."""
    parameter = parse(pdu).parameter
    return parameter[5] & 0x0F, parameter[6]


def recorded_cpu(name: str) -> Cpu:
    """A CPU that holds what the recorded one listed and described."""
    cpu = Cpu(pdu=240, amq=1, identity=Identity("6ES7 151-8AB01-0AB0", hardware=3))
    kind = Kind.OB
    described = {}
    for exchange in exchanges(name):
        asked, replied = parse(exchange.request), parse(exchange.reply)
        if asked.rosctr != USERDATA or replied.data[0] != 0xFF:
            continue
        data = replied.data[4:]
        if service(exchange.request) == (BLOCKS, 2):
            kind = Kind(asked.data[5]) if len(asked.data) > 4 else kind
            for at in range(0, len(data), 4):
                key = Key(kind, int.from_bytes(data[at : at + 2], "big"))
                block = Block(kind, key.number, b"", language=data[at + 3])
                cpu.images[key] = bytearray(block.pack())
        if service(exchange.request) == (BLOCKS, 3):
            key = Key(Kind(asked.data[5]), int(asked.data[6:11]))
            header, footer = data[6 : 6 + HEADER], data[-FOOTER:]
            size = int.from_bytes(header[8:12], "big")
            described[key] = bytearray(header + bytes(size - HEADER - FOOTER) + footer)
    cpu.images.update(described)
    return cpu


def ours(session: Session, request: Message) -> bytes:
    if request.rosctr == JOB:
        return setup(session, request)
    return answer_userdata(session, request)


@pytest.mark.parametrize("name", [S300, ET200S])
def test_same_questions_same_bytes(name: str) -> None:
    session = Session(recorded_cpu(name), lambda reference, parameter: None)
    compared: dict[str, int] = {}
    for exchange in exchanges(name):
        request, recorded = parse(exchange.request), parse(exchange.reply)
        if request.rosctr == JOB:
            if request.parameter[0] != 0xF0:
                continue
            what = "setup"
        else:
            group, function = service(exchange.request)
            szl = int.from_bytes(request.data[4:6], "big")
            if group == COMMANDS or (group == STATUS and (function != 1 or szl in OWN_CONTENT)):
                continue
            what = f"{group}/{function}"
            if recorded.parameter[9:10] == b"\1" and request.parameter[4] == 0x11:
                session.unit = recorded.parameter[8] - 1  # numbered over the CPU's life
        assert ours(session, request).hex() == exchange.reply.hex(), f"frame {exchange.frame}"
        compared[what] = compared.get(what, 0) + 1
    assert not session.cpu.violations
    if name == S300:
        assert compared == {"setup": 1, "3/2": 16, "3/3": 24}
    else:
        assert compared == {"setup": 5, "3/1": 8, "3/2": 7, "3/3": 4, "4/1": 2}


def test_status_lists_have_the_recorded_layout() -> None:
    session = Session(Cpu(pdu=240, amq=1), lambda reference, parameter: None)
    seen = set()
    for exchange in exchanges(ET200S):
        request, recorded = parse(exchange.request), parse(exchange.reply)
        if request.rosctr == JOB:
            setup(session, request)
            continue
        if service(exchange.request) != (STATUS, 1) or len(request.data) < 8:
            continue
        szl = int.from_bytes(request.data[4:6], "big")
        reply = parse(answer_userdata(session, request))
        assert reply.data[4:10] == recorded.data[4:10], f"id, index, record length of {szl:04x}"
        if szl != 0x0000:
            assert len(reply.data) == len(recorded.data)
        seen.add(szl)
    assert seen == {0x0000, 0x0111, 0x0132, 0x0424, 0x0F74, 0x0074}


def test_the_clock_is_written_as_recorded() -> None:
    (reply,) = (x.reply for x in exchanges(ET200S) if b"\x04\x24\0\0\0\x14" in x.reply)
    # 20 August 2014 was a Wednesday, the fourth day of a week that starts on Sunday.
    assert reply[-8:] == clock.encode(datetime(2014, 8, 20, 12, 0, 49, 548000))


def test_connect_is_confirmed_as_recorded() -> None:
    conversation = [octets for *_, octets in packets(ET200S)][:2]
    assert confirm(parse_connect(conversation[0][4:]), 0x0A) == conversation[1]


def test_a_recorded_download_goes_through() -> None:
    sent: list[tuple[int, bytes]] = []
    cpu = Cpu(pdu=240, running=False)
    session = Session(cpu, lambda reference, parameter: sent.append((reference, parameter)))
    session.pdu = 240
    pdus = {frame: octets[7:] for frame, _, _, octets in packets(S300)}

    request = parse(pdus[87])
    assert answer_job(session, request).hex() == pdus[88].hex()
    assert sent[-1][1] == parse(pdus[89]).parameter
    block = parse(pdus[90])
    answered(session, block._replace(reference=sent[-1][0]))
    assert sent[-1][1] == parse(pdus[91]).parameter
    answered(session, parse(pdus[92])._replace(reference=sent[-1][0]))

    key = Key(Kind.DB, 1)
    assert key in cpu.passive
    assert not cpu.images
    assert answer_job(session, parse(pdus[93])).hex() == pdus[94].hex()
    assert bytes(cpu.images[key]) == block.data[4:]
    assert bytes(cpu.data[1][:4]) == bytes.fromhex("babe0100")
    assert not cpu.violations
    assert parse(pdus[90]).rosctr == ACK_DATA


def test_a_recorded_block_is_read_right() -> None:
    (octets,) = (octets for frame, *_, octets in packets(S300) if frame == 90)
    image = parse(octets[7:]).data[4:]
    block = Block.parse(image)
    assert (str(block), block.load_size, len(block.body), len(block.interface)) == (
        "DB1",
        216,
        88,
        56,
    )
    # The recording has the download at 17:11:11 that day.
    assert f"{block.code_time:%Y-%m-%d %H:%M}" == "2015-11-06 17:10"
    assert block.checksum == 0x76E6
    assert block.pack() == image
