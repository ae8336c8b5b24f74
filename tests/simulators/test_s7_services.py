"""The S7 simulator's services without a network: properties, refusals, faults of content."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import datetime, timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_sim.s7 import Block, Key, Kind, S7Simulator, clock
from goldcopy_sim.s7.cpu import Cpu
from goldcopy_sim.s7.frames import ACK_DATA, JOB, USERDATA, Message, parse
from goldcopy_sim.s7.jobs import answer as answer_job
from goldcopy_sim.s7.jobs import setup
from goldcopy_sim.s7.session import Session
from goldcopy_sim.s7.transfer import answered
from goldcopy_sim.s7.userdata import answer as answer_userdata

M, DB, COUNTERS = 0x83, 0x84, 0x1C
BIT, BYTE, WORD, REAL = 0x01, 0x02, 0x04, 0x08
MOMENTS = st.datetimes(datetime(1984, 1, 1), datetime(2100, 1, 1))
NAMES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", max_size=8)
BLOCKS = st.builds(
    Block,
    kind=st.sampled_from(Kind),
    number=st.integers(0, 0xFFFF),
    body=st.binary(max_size=900),
    interface=st.binary(max_size=60),
    attributes=st.binary(max_size=60),
    local_data=st.integers(0, 0xFFFF),
    language=st.integers(1, 7),
    flags=st.integers(0, 255),
    key=st.integers(0, 3),
    code_time=MOMENTS.map(lambda when: when.replace(microsecond=when.microsecond // 1000 * 1000)),
    author=NAMES,
    family=NAMES,
    name=NAMES,
    version=st.integers(0, 255),
    checksum=st.integers(0, 0xFFFF),
)


def connected(cpu: Cpu, *, pdu: int = 960, amq: int = 8) -> Session:
    session = Session(cpu, lambda reference, parameter: None)
    setup(session, Message(JOB, 0, struct.pack(">BBHHH", 0xF0, 0, amq, amq, pdu), b""))
    return session


def job(session: Session, parameter: bytes, data: bytes = b"") -> Message:
    pdu = answer_job(session, Message(JOB, 7, parameter, data))
    assert len(pdu) <= session.pdu
    return parse(pdu)


def ask(session: Session, group: int, function: int, data: bytes = b"") -> tuple[int, bytes]:
    """A userdata request and all its continuations: error code, data."""
    parameter = bytes((0, 1, 0x12, 4, 0x11, 0x40 | group, function, 0))
    request = Message(USERDATA, 9, parameter, b"\xff\x09" + len(data).to_bytes(2, "big") + data)
    found = b""
    while True:
        pdu = answer_userdata(session, request)
        assert len(pdu) <= session.pdu
        reply = parse(pdu)
        sequence, more = reply.parameter[7], reply.parameter[9]
        found += reply.data[4:]
        if not more:
            return int.from_bytes(reply.parameter[10:12], "big"), found
        again = bytes((0, 1, 0x12, 8, 0x12, 0x40 | group, function, sequence, 0, 0, 0, 0))
        request = Message(USERDATA, 10, again, b"\x0a\0\0\0")


def address(area: int, number: int, at: int, kind: int, count: int) -> bytes:
    """An item of a request; ``at`` counts bits, or timers and counters."""
    return struct.pack(">BBBBHHI", 0x12, 0x0A, 0x10, kind, count, number, area << 24 | at)


def read(session: Session, *items: bytes) -> Message:
    return job(session, bytes((4, len(items))) + b"".join(items))


def write(session: Session, item: bytes, kind: int, length: int, data: bytes) -> Message:
    return job(session, b"\x05\x01" + item, struct.pack(">BBH", 0, kind, length) + data)


def start(session: Session, name: bytes) -> Message:
    return job(session, bytes((0x1D, 0, 0, 0, 0, 0, 0, 0, len(name))) + name)


def fragments(session: Session, number: bytes) -> Iterator[bytes]:
    more = 1
    while more:
        part = job(session, b"\x1e\0\0\0" + number)
        assert part.data[:4] == struct.pack(">HH", len(part.data) - 4, 0xFB)
        more = part.parameter[1]
        yield part.data[4:]


def upload(session: Session, name: bytes) -> tuple[bytes, int]:
    """A whole upload: the bytes, the number of fragments."""
    begun = start(session, name)
    assert not begun.error
    number = begun.parameter[4:8]
    parts = list(fragments(session, number))
    assert not job(session, b"\x1f\0\0\0" + number).error
    return b"".join(parts), len(parts)


def pi(session: Session, service: bytes, arguments: bytes = b"") -> int:
    parameter = b"\x28" + bytes(6) + b"\xfd" + len(arguments).to_bytes(2, "big") + arguments
    return job(session, parameter + bytes((len(service),)) + service).error


@given(BLOCKS)
def test_a_block_is_what_it_was_made_of(block: Block) -> None:
    image = block.pack()
    assert len(image) == block.load_size
    assert Block.parse(image) == block


@given(BLOCKS, st.integers(-200, 200).filter(bool))
def test_a_block_of_another_length_is_refused(block: Block, difference: int) -> None:
    image = block.pack()
    other = image[:difference] if difference < 0 else image + bytes(difference)
    with pytest.raises(ValueError, match=r"bytes|block"):
        Block.parse(other)


@given(BLOCKS.filter(lambda block: block.kind not in (Kind.SFC, Kind.SFB)), st.integers(112, 960))
def test_an_upload_gives_the_block_whatever_the_pdu(block: Block, pdu: int) -> None:
    session = connected(Cpu(blocks=[block], pdu=960), pdu=pdu)
    name = b"_0%c%05dA" % (block.kind, block.number)
    image, fragments = upload(session, name)
    assert image == block.pack()
    assert fragments == ceil(len(image) / (pdu - 18))


@given(st.sets(st.integers(1, 0xFFFF), min_size=1, max_size=400), st.sampled_from((240, 480, 960)))
def test_a_list_is_whole_whatever_the_pdu(numbers: set[int], pdu: int) -> None:
    blocks = [Block(Kind.FC, number, b"\x65\0", language=4) for number in numbers]
    session = connected(Cpu(blocks=blocks, pdu=960), pdu=pdu)
    error, data = ask(session, 3, 2, b"0C")
    assert not error
    assert {n for n, _, _ in struct.iter_unpack(">HBB", data)} == numbers
    assert len(data) == 4 * len(numbers)
    assert len(session.cpu.log) == 1 + ceil(len(numbers) / ((pdu - 32) // 4))
    assert not session.continued


@given(st.binary(min_size=1, max_size=40), st.integers(0, 200))
def test_what_is_written_is_read_and_nothing_else(data: bytes, start: int) -> None:
    before = bytes(range(256))
    cpu = Cpu(memory={"m": before})
    session = connected(cpu)
    item = address(M, 0, start * 8, BYTE, len(data))
    assert write(session, item, 0x04, len(data) * 8, data).data == b"\xff"
    assert read(session, item).data == struct.pack(">BBH", 0xFF, 4, len(data) * 8) + data
    after = bytes(cpu.areas[M])
    assert after == before[:start] + data + before[start + len(data) :]


@given(st.integers(0, 2047), st.booleans())
def test_a_bit_is_written_alone(bit: int, value: bool) -> None:
    session = connected(Cpu(memory={"m": b"\xa5" * 256}))
    item = address(M, 0, bit, BIT, 1)
    assert write(session, item, 0x03, 1, bytes((value,))).data == b"\xff"
    assert read(session, item).data == bytes((0xFF, 3, 0, 1, value))
    expected = bytearray(b"\xa5" * 256)
    expected[bit >> 3] = expected[bit >> 3] & ~(1 << (bit & 7)) | value << (bit & 7)
    assert session.cpu.areas[M] == expected


def test_each_item_has_its_own_code() -> None:
    counters = {"c": bytes(range(20))}
    cpu = Cpu(blocks=[Block(Kind.DB, 5, b"abcde")], memory=counters, optimized=[6])
    cpu.insert(Key(Kind.DB, 6), Block(Kind.DB, 6, b"xyz").pack())
    reply = read(
        connected(cpu),
        address(DB, 5, 0, BYTE, 3),
        address(DB, 99, 0, BYTE, 1),
        address(DB, 5, 32, WORD, 1),
        address(DB, 5, 0, 0x77, 1),
        address(0x99, 0, 0, BYTE, 1),
        address(COUNTERS, 0, 2, COUNTERS, 1),
        address(DB, 6, 0, BYTE, 1),
        address(DB, 5, 8, BYTE, 1),
    )
    assert reply.parameter == b"\x04\x08"
    assert reply.data.hex(" ", 1) == (
        "ff 04 00 18 61 62 63 00 0a 00 00 00 05 00 00 00 06 00 00 00 05 00 00 00 "
        "ff 09 00 02 04 05 05 00 00 00 ff 04 00 08 62"
    )


def test_a_write_that_does_not_fit_changes_nothing() -> None:
    session = connected(Cpu(blocks=[Block(Kind.DB, 5, b"abcd")]))
    assert write(session, address(DB, 5, 0, BYTE, 2), 4, 24, b"xyz").data == b"\x07"
    assert write(session, address(DB, 5, 0, BYTE, 1), 3, 1, b"\1").data == b"\x07"
    assert write(session, address(DB, 5, 24, BYTE, 2), 4, 16, b"xy").data == b"\x05"
    assert bytes(session.cpu.data[5]) == b"abcd"


@pytest.mark.parametrize(
    "items", [[address(M, 0, 0, BYTE, 100)] * 5, [address(M, 0, 0, BYTE, 1)] * 21]
)
def test_an_answer_that_would_not_fit_is_refused(items: list[bytes]) -> None:
    assert read(connected(Cpu(), pdu=240), *items).error == 0x8500


def test_uploads_side_by_side_do_not_mix() -> None:
    blocks = [Block(Kind.FC, number, bytes((number,)) * 700) for number in (1, 2, 3)]
    session = connected(Cpu(blocks=blocks), pdu=240)
    ids = [start(session, b"_0C%05dA" % number).parameter[4:8] for number in (1, 2, 3)]
    assert len(set(ids)) == 3
    images = dict.fromkeys(ids, b"")
    for parts in zip(*(fragments(session, number) for number in ids), strict=True):
        for number, part in zip(ids, parts, strict=True):
            images[number] += part
    assert list(images.values()) == [block.pack() for block in blocks]


def test_an_upload_is_of_one_moment_and_has_the_actual_values() -> None:
    cpu = S7Simulator(blocks=[Block(Kind.DB, 1, bytes(600))])
    session = connected(cpu, pdu=240)
    cpu.change("db/1/10", b"new")
    number = start(session, b"_0A00001A").parameter[4:8]
    parts = fragments(session, number)
    first = next(parts)
    cpu.change("db/1/500", b"late")
    body = Block.parse(first + b"".join(parts)).body
    assert body[10:13] == b"new"
    assert body[500:504] == bytes(4)
    assert Block.parse(upload(session, b"_0A00001A")[0]).body[500:504] == b"late"


@pytest.mark.parametrize("name", [b"_0D00001A", b"_0C00009A", b"_0C00001P"])
def test_what_is_not_there_is_not_uploaded(name: bytes) -> None:
    blocks = [Block(Kind.SFC, 1, b"\x65\0"), Block(Kind.FC, 1, b"\x65\0")]
    assert start(connected(Cpu(blocks=blocks)), name).error == 0xD209


@pytest.mark.parametrize(
    ("level", "refused"), [(1, ()), (2, ("link", "stop")), (3, ("upload", "link", "stop"))]
)
def test_protection_levels(level: int, refused: tuple[str, ...]) -> None:
    cpu = Cpu(blocks=[Block(Kind.FC, 1, b"\x65\0")], protection=level, password="secret")
    session = connected(cpu)
    stop = b"\x29" + bytes(5) + b"\x09P_PROGRAM"

    def errors() -> dict[str, int]:
        return {
            "upload": start(session, b"_0C00001A").error,
            "link": pi(session, b"_INSE", b"\1\x000C00001P"),
            "stop": job(session, stop).error,
        }

    assert {what for what, error in errors().items() if error == 0xD241} == set(refused)
    plain, coded = b"secret  ", bytearray()
    for at, byte in enumerate(plain):
        coded.append(byte ^ 0x55 ^ (coded[at - 2] if at > 1 else 0))
    assert ask(session, 5, 1, bytes(8))[0] == 0xD602
    assert ask(session, 5, 1, bytes(coded))[0] == 0
    assert 0xD241 not in errors().values()
    assert ask(session, 5, 2)[0] == 0
    assert {what for what, error in errors().items() if error == 0xD241} == set(refused)
    assert "secret" not in str(cpu.log)
    _, szl = ask(session, 4, 1, b"\x02\x32\x00\x04")
    assert struct.unpack_from(">4H", szl) == (0x0232, 4, 40, 1)
    assert struct.unpack_from(">4H", szl, 8) == (4, 1, level, level)


def test_a_download_that_brings_too_little_is_not_linked() -> None:
    sent: list[tuple[int, bytes]] = []
    cpu = Cpu(running=False)
    session = connected(cpu)
    session.send_job = lambda reference, parameter: sent.append((reference, parameter))
    block = Block(Kind.DB, 3, b"1234").pack()
    sizes = b"\x0d1%06d%06d" % (len(block), 4)
    assert not job(session, b"\x1a" + bytes(7) + b"\x09_0A00003P" + sizes).error
    part = len(block[:-1]).to_bytes(2, "big") + b"\x00\xfb" + block[:-1]
    answered(session, Message(ACK_DATA, sent[-1][0], b"\x1b\0", part))
    assert sent[-1][1][:4] == b"\x1c\0\xd2\x19"
    answered(session, Message(ACK_DATA, sent[-1][0], b"\x1c", b""))
    assert pi(session, b"_INSE", b"\1\x000A00003P") == 0xD209
    assert len(cpu.violations) == 1


@pytest.mark.parametrize("pdu", [240, 480, 960])
def test_status_lists_are_whole(pdu: int) -> None:
    session = connected(S7Simulator.demo("line1-press"), pdu=pdu)
    error, ids = ask(session, 4, 1, bytes(4))
    assert not error
    served = [szl for (szl,) in struct.iter_unpack(">H", ids[8:])]
    assert len(served) > 20
    for szl in served:
        index = {0x0131: 1, 0x0132: 4, 0x0232: 4, 0x0115: 0x0800}.get(szl, 1)
        error, data = ask(session, 4, 1, struct.pack(">HH", szl, index))
        assert not error, hex(szl)
        told, at, length, count = struct.unpack_from(">4H", data)
        assert (told, at) == (szl, index)
        assert len(data) == 8 + (0 if szl >> 8 == 0x0F else length * count)
    assert ask(session, 4, 1, b"\x99\x99\0\0")[0] == 0xD401
    assert ask(session, 4, 1, b"\x01\x31\0\x63")[0] == 0xD402


def test_errors_of_lists_and_info() -> None:
    session = connected(Cpu())
    assert ask(session, 3, 2, b"08") == (0xD20E, b"")
    assert ask(session, 3, 3, b"0A00001A") == (0xD209, b"")
    assert ask(session, 3, 3, b"0ZxxxxxA")[0] == 0xD201


def test_a_newer_cpu_gives_variables_and_little_else() -> None:
    blocks = [Block(Kind.DB, 1, b"ab")]
    session = connected(Cpu(blocks=blocks, classic=False))
    assert read(session, address(DB, 1, 0, BYTE, 2)).data[4:] == b"ab"
    assert read(session, address(COUNTERS, 0, 0, COUNTERS, 1)).data == b"\x0a\0\0\0"
    assert {ask(session, 3, n, b"0A")[0] for n in (1, 2, 3)} == {0x8104}
    assert start(session, b"_0A00001A").error == 0x8104
    assert ask(session, 4, 1, b"\x00\x11\0\0")[0] == 0
    assert ask(session, 4, 1, b"\x02\x32\0\x04")[0] == 0xD401
    closed = connected(Cpu(blocks=blocks, classic=False, put_get=False))
    assert read(closed, address(DB, 1, 0, BYTE, 2)).error == 0x8104


def test_setting_the_clock_is_a_write() -> None:
    cpu = Cpu()
    assert ask(connected(cpu), 7, 2, b"\x00\x19" + clock.encode(datetime(2001, 2, 3)))[0] == 0
    assert abs(cpu.now() - datetime(2001, 2, 3)) < timedelta(minutes=5)
    assert [entry.name for entry in cpu.log if entry.writes] == ["set clock"]
    assert ask(connected(cpu), 7, 2, b"\xff" * 10)[0] == 0xDC01


@given(st.integers(0, 255), st.binary(max_size=40), st.binary(max_size=40))
def test_no_job_breaks_the_cpu(function: int, parameter: bytes, data: bytes) -> None:
    session = connected(S7Simulator(blocks=[Block(Kind.FC, 1, b"\x65\0")]))
    job(session, bytes((function,)) + parameter, data)
    answered(session, Message(ACK_DATA, 1, parameter, data))
    assert session.cpu.log


@given(st.integers(0, 15), st.integers(0, 4), st.binary(max_size=12), st.binary(max_size=20))
def test_no_userdata_breaks_the_cpu(group: int, function: int, tail: bytes, data: bytes) -> None:
    session = connected(S7Simulator(blocks=[Block(Kind.FC, 1, b"\x65\0")]))
    head = bytes((0, 1, 0x12, 8, 0x12, 0x40 | group, function))
    parse(answer_userdata(session, Message(USERDATA, 1, head + tail, data)))
    assert session.cpu.log


def test_faults_of_content() -> None:
    blocks = [Block(Kind.FC, 1, bytes(500)), Block(Kind.DB, 1, b"abcd")]
    cpu = S7Simulator(blocks=blocks)
    session = connected(cpu, pdu=240)
    whole = blocks[0].pack()

    cpu.fault = "first-upload-refused"
    assert start(session, b"_0C00001A").error == 0x8702
    assert upload(session, b"_0C00001A")[0] == whole
    cpu.fault = "upload-cut"
    assert upload(session, b"_0C00001A") == (whole[:222], 1)
    assert upload(session, b"_0A00001A")[0] == blocks[1].pack()[: blocks[1].load_size // 2]
    cpu.fault = "lying-length"
    lied = upload(session, b"_0C00001A")[0]
    assert len(lied) == len(whole) != int.from_bytes(lied[8:12], "big")
    cpu.fault = "item-count-lie"
    item = address(DB, 1, 0, BYTE, 4)
    assert read(session, item, item).parameter == b"\x04\x01"
    cpu.fault = "szl-lie"
    _, data = ask(session, 4, 1, b"\x00\x11\0\0")
    assert struct.unpack_from(">HH", data, 4) == (28, 4)
    assert len(data) == 8 + 3 * 28
    cpu.fault = "busy"
    assert read(session, item).error == ask(session, 3, 1)[0] == 0x8302
    cpu.fault = None
    assert read(session, item).data[4:] == b"abcd"
    with pytest.raises(ValueError, match="no fault"):
        cpu.fault = "nonsense"


def test_an_endless_list_does_not_end() -> None:
    cpu = S7Simulator(blocks=[Block(Kind.DB, 1, b"a")], fault="endless-list")
    session = connected(cpu)
    parameter = bytes((0, 1, 0x12, 4, 0x11, 0x43, 2, 0))
    reply = parse(answer_userdata(session, Message(USERDATA, 1, parameter, b"\xff\x09\0\x020A")))
    for _ in range(1000):
        assert reply.parameter[9] == 1
        assert reply.data[4:] == b"\x00\x01\x22\x01"
        again = bytes((0, 1, 0x12, 8, 0x12, 0x43, 2, reply.parameter[7], 0, 0, 0, 0))
        reply = parse(answer_userdata(session, Message(USERDATA, 1, again, b"\x0a\0\0\0")))


@pytest.mark.parametrize(("fault", "told"), [("pdu-zero", 0), ("pdu-huge", 0xFFFF), (None, 480)])
def test_what_is_granted(fault: str | None, told: int) -> None:
    session = Session(Cpu(fault=fault, amq=4), lambda reference, parameter: None)
    asked = Message(JOB, 0, struct.pack(">BBHHH", 0xF0, 0, 8, 2, 960), b"")
    granted = parse(setup(session, asked)).parameter
    assert struct.unpack(">BBHHH", granted) == (0xF0, 0, 4, 2, told)
