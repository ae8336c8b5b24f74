"""S7 codecs: recorded frames of real CPUs, properties, the read guard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Malformed, Refused
from goldcopy_s7 import block, frames, pdu, szl, variables
from goldcopy_s7.block import TYPES, Key
from goldcopy_s7.frames import S7Framer, connect_confirm, connect_request, framed, unframed
from goldcopy_s7.pdu import Job, Userdata
from goldcopy_s7.variables import Run
from goldcopy_sim.s7 import Block, Kind

VECTORS = Path(__file__).parents[1] / "vectors" / "s7"
S300, ET200S = "step7_s300_download.txt", "et200s_blocklist_onlineview.txt"
READS: list[pdu.Request] = [
    Job(b"\xf0\0\0\1\0\1\3\xc0"),
    variables.request([variables.Piece(0, Run("DB", 1, 0, 10))]),
    Job(b"\x1d" + bytes(7) + b"\x09_0800001A"),
    Job(b"\x1e\0\0\0\0\0\0\1"),
    Job(b"\x1f\0\0\0\0\0\0\1"),
    Userdata((3, 1)),
    Userdata((3, 2), b"08"),
    Userdata((3, 3), b"0800001A"),
    Userdata((4, 1), b"\0\x11\0\0"),
    Userdata((4, 1), sequence=3),
    Userdata((7, 1)),
]


def conversation(name: str) -> Iterator[tuple[str, str, bytes]]:
    for line in (VECTORS / name).read_text().splitlines():
        if not line.startswith("#"):
            _, stream, way, octets = line.split()
            yield stream, way, bytes.fromhex(octets)


def exchanges(name: str) -> list[tuple[bytes, bytes]]:
    """Userdata requests of the recorded client with the replies to them, S7 PDUs alone."""
    waiting: dict[tuple[str, bytes], bytes] = {}
    found = []
    for stream, way, frame in conversation(name):
        content = frame[7:]
        if frame[5] != frames.DATA or len(content) < 17 or content[1] != frames.USERDATA:
            continue
        if way == ">":
            waiting[stream, content[4:6]] = content
        elif asked := waiting.pop((stream, content[4:6]), b""):
            found.append((asked, content))
    return found


def request_of(asked: bytes) -> Userdata:
    parameter, data = asked[10:18], asked[10 + asked[7] :]
    sequence = asked[17] if asked[14] == 0x12 else None
    return Userdata((parameter[5] & 0x0F, parameter[6]), data[4:], sequence)


# -- recorded frames -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", [S300, ET200S])
def test_requests_are_as_step_7_sends_them(name: str) -> None:
    compared = 0
    for asked, _ in exchanges(name):
        request = request_of(asked)
        if request.service in frames.READ_USERDATA:
            assert pdu.encoded(request, int.from_bytes(asked[4:6], "big")) == asked
            compared += 1
    assert compared == {S300: 40, ET200S: 30}[name]


@pytest.mark.parametrize("name", [S300, ET200S])
def test_recorded_block_infos(name: str) -> None:
    seen = 0
    for asked, reply in exchanges(name):
        request = request_of(asked)
        if request.service != frames.BLOCK_INFO:
            continue
        answer = pdu.parsed(reply, request)
        kind = next(name for name, code in TYPES.items() if b"%X" % code == request.data[1:2])
        key = Key(kind, int(request.data[2:7]))
        if answer.error:
            assert answer.error == 0xD209
            continue
        about = block.from_info(key, answer.data)
        seen += 1
        # Header, footer and the three parts are all there is in a block.
        parts = about.body_size + about.interface_size + about.extra_size
        assert about.load_size == 72 + parts
        assert about.load_size == int.from_bytes(answer.data[14:18], "big")
        assert about.checksum == int.from_bytes(answer.data[68:70], "big")
    assert seen == {S300: 24, ET200S: 2}[name]


def test_a_recorded_block_info_in_full() -> None:
    """FC 49 of the S7-300, diagnosis of a safety program: a protected block with all texts."""
    reply, *_ = (
        reply
        for asked, reply in exchanges(S300)
        if request_of(asked) == Userdata((3, 3), b"0C00049A")
    )
    about = block.from_info(Key("FC", 49), pdu.parsed(reply, Userdata((3, 3), b"-")).data)
    assert about == block.About(
        flags=1,
        language=1,
        security=3,
        load_size=0x14F4,
        code_time="2015-10-23 14:52:11.116",
        interface_time="2015-10-23 14:52:09.506",
        interface_size=8,
        extra_size=0x01AE,
        local_data=0,
        body_size=0x12F6,
        author="SIMATIC",
        family="RSEDIAG",
        name="RSE",
        version=0x10,
        checksum=0xB564,
    )


def test_the_recorded_download_is_a_block() -> None:
    image = next(
        frame[7 + 12 + 2 + 4 :]
        for _, way, frame in conversation(S300)
        if way == ">" and frame[8:9] == b"\3" and frame[19:20] == b"\x1b" and len(frame) > 100
    )
    uploaded = block.from_upload(Key("DB", 1), image)
    assert uploaded.about.load_size == len(image) == 216
    assert (uploaded.about.body_size, uploaded.about.interface_size) == (88, 56)
    assert uploaded.about.code_time.startswith("2015-11-06 17:10")
    assert uploaded.about.checksum == 0x76E6
    with pytest.raises(Refused, match="number 1"):
        block.from_upload(Key("DB", 2), image)


def test_recorded_status_lists() -> None:
    found = {}
    part = b""
    for asked, reply in exchanges(ET200S):
        request = request_of(asked)
        if request.service == frames.READ_SZL:
            answer = pdu.parsed(reply, request)
            assert not answer.error
            part += answer.data
            if not answer.more:
                number = int.from_bytes(part[:2], "big")
                if number >> 8 != 0x0F:  # the header alone
                    found[number] = szl.records(part, number)
                part = b""
    assert len(found[0x0000]) == 0x0070  # in two parts
    assert found[0x0111][0][2:22] == b"6ES7 151-8AB01-0AB0 "
    assert found[0x0424][0][3] == 0x08
    assert szl.by_index(found[0x0132])[4][6:8] == b"\0\1"


def test_recorded_connects() -> None:
    conversations = list(conversation(ET200S))
    assert connect_confirm(conversations[1][2]).tpdu == 1024
    asked = connect_request(0x0100, 0x0102)
    assert sorted((asked[11:14], asked[14:18], asked[18:22])) == [
        b"\xc0\x01\x0a",
        b"\xc1\x02\x01\x00",
        b"\xc2\x02\x01\x02",
    ]
    assert len(asked) == asked[3] == 22


def test_a_continuation_may_be_numbered_0() -> None:
    """Some CPUs do: the request is told from a first one by its method, 0x12."""
    first, following = Userdata((3, 2), b"0A"), Userdata((3, 2), sequence=0)
    assert pdu.encoded(first, 1)[10:18].hex() == "0001120411430200"
    assert pdu.encoded(following, 2)[10:].hex() == "0001120812430200000000000a000000"


# -- properties ----------------------------------------------------------------------------------

texts = st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=8)
times = st.datetimes(datetime(1984, 1, 1), datetime(2100, 1, 1)).map(
    lambda when: when - timedelta(microseconds=when.microsecond % 1000)
)
blocks = st.builds(
    Block,
    kind=st.sampled_from(Kind),
    number=st.integers(0, 0xFFFF),
    body=st.binary(max_size=300),
    interface=st.binary(max_size=60),
    attributes=st.binary(max_size=30),
    local_data=st.integers(0, 0xFFFF),
    language=st.integers(0, 255),
    flags=st.integers(0, 255),
    key=st.integers(0, 0xFFFFFFFF),
    code_time=times,
    interface_time=times,
    author=texts,
    family=texts,
    name=texts,
    version=st.integers(0, 255),
    checksum=st.integers(0, 0xFFFF),
)


@given(blocks)
def test_any_block_is_read_as_it_was_made(made: Block) -> None:
    key = Key(made.kind.name, made.number)
    uploaded = block.from_upload(key, made.pack())
    about = uploaded.about
    assert uploaded.image == made.pack()
    assert block.whole(uploaded.frame, made.body) == made.pack()
    assert len(uploaded.frame) + len(made.body) == made.load_size
    assert about.code_time == made.code_time.isoformat(sep=" ", timespec="milliseconds")
    assert about.interface_time == made.interface_time.isoformat(sep=" ", timespec="milliseconds")
    assert (about.author, about.family, about.name) == (made.author, made.family, made.name)
    assert (about.flags, about.language, about.security) == (made.flags, made.language, made.key)
    assert (about.version, about.checksum) == (made.version, made.checksum)
    assert (about.load_size, about.body_size) == (made.load_size, len(made.body))
    info = b"\1\0\0\x4a\x22\0" + made.pack()[:36] + made.pack()[-36:]
    assert block.from_info(key, info) == about


@given(blocks, st.data())
def test_a_block_whose_lengths_lie_is_refused(made: Block, data: st.DataObject) -> None:
    image = bytearray(made.pack())
    at, width = data.draw(st.sampled_from([(8, 4), (28, 2), (30, 2), (34, 2)]))
    old = int.from_bytes(image[at : at + width], "big")
    new = data.draw(st.integers(0, (1 << 8 * width) - 1).filter(lambda value: value != old))
    image[at : at + width] = new.to_bytes(width, "big")
    with pytest.raises(Refused):
        block.from_upload(Key(made.kind.name, made.number), bytes(image))


@given(blocks, st.integers(0, 400))
def test_a_block_that_is_cut_or_too_long_is_refused(made: Block, size: int) -> None:
    image = made.pack()
    if size == len(image):
        return
    wrong = image[:size] if size < len(image) else image + bytes(size - len(image))
    with pytest.raises(Refused):
        block.from_upload(Key(made.kind.name, made.number), wrong)


runs = st.lists(
    st.builds(
        Run,
        st.sampled_from(sorted(variables.AREAS)),
        st.integers(0, 9),
        st.integers(0, 500),
        st.integers(0, 3000),
    ),
    max_size=40,
)


@given(runs, st.sampled_from([112, 240, 480, 960]))
def test_a_plan_asks_for_every_byte_once_and_fits_the_pdu(wanted: list[Run], size: int) -> None:
    covered: dict[int, list[range]] = {}
    for pieces in variables.plan(wanted, size):
        job = variables.request(pieces)
        assert 10 + len(job.parameter) <= size
        assert 1 <= len(pieces) <= 20
        lengths = [piece.run.amount * piece.run.width for piece in pieces]
        answer = sum(4 + length + (length & 1) for length in lengths) - (lengths[-1] & 1)
        assert 14 + answer <= size
        for place, run in pieces:
            assert run[:2] == wanted[place][:2]
            covered.setdefault(place, []).append(range(run.start, run.start + run.amount))
    for place, run in enumerate(wanted):
        at = run.start
        for part in covered.get(place, []):
            assert part.start == at
            at = part.stop
        assert at == run.start + run.amount


@pytest.mark.parametrize(
    ("size", "whole", "scattered"), [(240, 1900, 6), (480, 900, 5), (960, 500, 5)]
)
def test_requests_are_as_few_as_the_formula_says(size: int, whole: int, scattered: int) -> None:
    assert len(variables.plan([Run("DB", n, 0, 4096) for n in range(100)], size)) == whole
    assert len(variables.plan([Run("DB", n, 0, 4) for n in range(100)], size)) == scattered


@given(st.binary(max_size=80), st.sampled_from(READS))
def test_no_bytes_make_a_parser_fall_over(octets: bytes, request: pdu.Request) -> None:
    framer = S7Framer()
    try:
        length = framer.length(memoryview(octets))
        if 0 < length <= len(octets):
            frame = octets[:length]
            framer.key(frame)
            reply = pdu.parsed(unframed(frame), request)
            variables.values(reply, [variables.Piece(0, Run("M", 0, 0, 3))])
    except Malformed:
        pass


@given(st.binary(max_size=120), st.sampled_from(READS))
def test_no_reply_makes_a_decoder_fall_over(octets: bytes, request: pdu.Request) -> None:
    wrapped = pdu.encoded(request, 7)
    kind = 3 if isinstance(request, Job) else 7
    for content in (b"\x32" + octets, wrapped[:1] + bytes((kind,)) + octets):
        try:
            pdu.parsed(content, request)
        except Malformed:
            continue


@given(st.binary(min_size=1, max_size=2000), st.sampled_from([128, 256, 512, 1024, 8192]))
def test_segments_are_put_together_again(content: bytes, tpdu: int) -> None:
    frame = framed(content, tpdu)
    framer = S7Framer()
    assert framer.length(memoryview(frame)) == len(frame)
    assert unframed(frame) == content
    for cut in range(0, len(frame), 97):
        assert framer.length(memoryview(frame[:cut])) in (0, len(frame))


# -- the read guard ------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", READS)
def test_what_reads_may_leave(request_: pdu.Request) -> None:
    assert S7Framer().only_reads(framed(pdu.encoded(request_, 1), 1024))


@pytest.mark.parametrize("function", [f for f in range(256) if f not in frames.READ_JOBS])
def test_no_other_job_may_leave(function: int) -> None:
    frame = framed(pdu.encoded(Job(bytes((function,)) + bytes(7)), 1), 1024)
    assert not S7Framer().only_reads(frame)


@pytest.mark.parametrize("group", range(16))
def test_no_other_userdata_may_leave(group: int) -> None:
    may_unlock = S7Framer(may_unlock=True)
    for function in range(256):
        frame = framed(pdu.encoded(Userdata((group, function), b"x"), 1), 1024)
        allowed = (group, function) in frames.READ_USERDATA
        assert S7Framer().only_reads(frame) is allowed
        assert may_unlock.only_reads(frame) is (allowed or (group, function) == (5, 1))


def test_nothing_may_hide_behind_a_reading_frame() -> None:
    read = framed(pdu.encoded(READS[1], 1), 1024)
    write = framed(pdu.encoded(Job(b"\x05\x01" + read[19:31], bytes(5)), 2), 1024)
    assert not S7Framer().only_reads(read + write)
    assert not S7Framer().only_reads(b"")
    assert not S7Framer().only_reads(framed(b"\x32\x01", 1024))
