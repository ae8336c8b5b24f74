"""Bytes on the wire, held against the examples of the Modbus Application Protocol Specification
V1.1b3 (APS) and the Modbus Messaging on TCP/IP Implementation Guide V1.0b (MG)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.driver import Meter, Target
from goldcopy.errors import Malformed, WouldWrite
from goldcopy.wire import connect
from goldcopy_modbus import pdu, writes
from goldcopy_modbus.framer import READS, MbapFramer, framed, unframed
from goldcopy_sim.modbus import ModbusSimulator

FRAMER = MbapFramer()


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        (pdu.read_coils(0x13, 0x13), "01 0013 0013"),  # APS 6.1
        (pdu.read_discrete_inputs(0xC4, 0x16), "02 00C4 0016"),  # APS 6.2
        (pdu.read_holding_registers(0x6B, 3), "03 006B 0003"),  # APS 6.3
        (pdu.read_input_registers(8, 1), "04 0008 0001"),  # APS 6.4
        (pdu.report_server_id(), "11"),  # APS 6.13
        (pdu.read_file_record(4, 1, 2), "14 07 06 0004 0001 0002"),  # APS 6.14, first group
        (pdu.read_fifo_queue(0x04DE), "18 04DE"),  # APS 6.18
        (pdu.read_device_identification(1, 0), "2B 0E 01 00"),  # APS 6.21
    ],
)
def test_a_request_is_what_the_standard_shows(request_: bytes, wanted: str) -> None:
    assert request_ == octets(wanted)


@pytest.mark.parametrize(
    ("request_", "wanted", "echo"),
    [
        (writes.coil(0xAC, 1), "05 00AC FF00", "05 00AC FF00"),  # APS 6.5
        (writes.coil(0xAC, 0), "05 00AC 0000", "05 00AC 0000"),
        (writes.register(1, 3), "06 0001 0003", "06 0001 0003"),  # APS 6.6
        (
            writes.coils(0x13, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]),
            "0F 0013 000A 02 CD 01",
            "0F 0013 000A",
        ),  # APS 6.11
        (writes.registers(1, [10, 0x102]), "10 0001 0002 04 000A 0102", "10 0001 0002"),  # APS 6.12
        (
            writes.file_records(4, 7, [0x06AF, 0x04BE, 0x100D]),
            "15 0D 06 0004 0007 0003 06AF 04BE 100D",
            "15 0D 06 0004 0007 0003 06AF 04BE 100D",
        ),  # APS 6.15
        (writes.mask(4, 0x000D, 0x0004), "16 0004 FFF2 0004", "16 0004 FFF2 0004"),  # APS 6.16
    ],
)
def test_a_writing_request_is_what_the_standard_shows(
    request_: writes.Request, wanted: str, echo: str
) -> None:
    assert request_ == (octets(wanted), octets(echo))
    assert not FRAMER.only_reads(framed(1, 1, request_.pdu))


def test_replies_are_read_as_the_standard_says() -> None:
    coils = pdu.bits(octets("01 03 CD 6B 05"), 19)  # APS 6.1: outputs 27-20 are 1100 1101
    assert coils == tuple(c == "1" for c in "1011001111010110101")
    inputs = pdu.bits(octets("02 03 AC DB 35"), 22)  # APS 6.2
    assert inputs == tuple(c == "1" for c in "0011010111011011101011")
    assert pdu.registers(octets("03 06 022B 0000 0064"), 3) == (555, 0, 100)  # APS 6.3
    assert pdu.registers(octets("04 02 000A"), 1) == (10,)  # APS 6.4
    assert pdu.file_records(octets("14 06 05 06 0DFE 0020"), 2) == (0x0DFE, 0x20)  # APS 6.14
    assert pdu.fifo_queue(octets("18 0006 0002 01B8 1284")) == (440, 4740)  # APS 6.18
    assert str(pdu.refusal(octets("81 02"))) == "illegal data address (exception 2)"  # APS 7
    assert pdu.refusal(octets("04 02 000A")) is None


def test_identification_goes_on_where_the_reply_says() -> None:
    """APS 6.21's example in two replies; its product code is given a text as long as it says."""
    company, code, version = b"Company identification", b"Product code ", b"V2.11"
    first = octets("2B 0E 01 01 FF 02 02 00 16") + company + octets("01 0D") + code
    page = pdu.device_identification(first)
    assert page == pdu.Page([(0, company), (1, code)], 2)
    last = pdu.device_identification(octets("2B 0E 01 01 00 00 01 02 05") + version)
    assert last == pdu.Page([(2, version)], None)


def test_the_last_byte_of_a_server_id_is_kept() -> None:
    """libmodbus' reply: no run indicator at its end."""
    assert pdu.server_id(octets("11 0A B4 FF") + b"LMB3.1.6") == b"\xb4\xffLMB3.1.6"


GOOD: list[tuple[Callable[[bytes], object], bytes]] = [
    (lambda reply: pdu.bits(reply, 19), octets("01 03 CD 6B 05")),
    (lambda reply: pdu.registers(reply, 3), octets("03 06 022B 0000 0064")),
    (lambda reply: pdu.file_records(reply, 2), octets("14 06 05 06 0DFE 0020")),
    (pdu.fifo_queue, octets("18 0006 0002 01B8 1284")),
    (pdu.server_id, octets("11 03 41 42 FF")),
    (pdu.device_identification, octets("2B 0E 01 01 00 00 02 00 02 41 42 01 01 43")),
    (pdu.refusal, octets("83 02")),
]


@pytest.mark.parametrize(("parse", "reply"), GOOD)
def test_a_reply_that_is_too_short_or_too_long_is_refused(
    parse: Callable[[bytes], object], reply: bytes
) -> None:
    parse(reply)
    for wrong in [*(reply[:n] for n in range(1, len(reply))), reply + b"\0", reply + b"\0\0"]:
        with pytest.raises(Malformed):
            parse(wrong)


@pytest.mark.parametrize("count", [8, 16, 25, 2000])
def test_a_reply_to_another_number_of_bits_is_refused(count: int) -> None:
    with pytest.raises(Malformed):
        pdu.bits(octets("01 03 CD 6B 05"), count)


@given(st.lists(st.booleans(), min_size=1, max_size=2000))
def test_bits_are_packed_lowest_first(bits: list[bool]) -> None:
    data = bytes(
        sum(bit << n for n, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8)
    )
    assert pdu.bits(bytes((1, len(data))) + data, len(bits)) == tuple(bits)


# -- frames --------------------------------------------------------------------------------------


def test_a_frame_is_what_the_guide_shows() -> None:
    """MG 4.2: transaction 0x1501 asks unit 0xFF for one holding register from address 4."""
    wanted = octets("1501 0000 0006 FF 03 0004 0001")
    assert framed(0x1501, 0xFF, pdu.read_holding_registers(4, 1)) == wanted
    assert unframed(wanted) == octets("03 0004 0001")
    assert FRAMER.length(memoryview(wanted)) == len(wanted)


@given(st.integers(0, 5))
def test_the_length_is_unknown_before_the_header_is_there(size: int) -> None:
    assert FRAMER.length(memoryview(octets("1501 0000 0006")[:size])) == 0


@pytest.mark.parametrize(
    "header",
    ["0001 0001 0006", "0001 0000 0001", "0001 0000 0000", "0001 0000 00FF", "4854 5450 2F31"],
    ids=["protocol", "no function", "nothing", "too long", "HTTP/1"],
)
def test_what_is_no_frame_is_malformed(header: str) -> None:
    with pytest.raises(Malformed, match="another protocol"):
        FRAMER.length(memoryview(octets(header)))


_CASES = st.tuples(st.integers(0, 0xFFFF), st.integers(0, 255), st.integers(1, 127))


@given(_CASES, _CASES, st.binary(max_size=4), st.booleans())
def test_a_reply_has_the_key_of_its_request_and_no_other(
    one: tuple[int, int, int], other: tuple[int, int, int], data: bytes, refused: bool
) -> None:
    request = FRAMER.key(framed(one[0], one[1], bytes((one[2],)) + b"\0\0\0\1"))
    function = other[2] | 0x80 if refused else other[2]
    reply = FRAMER.key(framed(other[0], other[1], bytes((function,)) + data))
    assert (request == reply) is (one == other)


# -- the read guard --------------------------------------------------------------------------------

READING = {*READS, 43}


@pytest.mark.parametrize("function", range(256))
def test_only_functions_that_read_may_leave(function: int) -> None:
    """APS 6: 1-4 read tables, 17 and 43/14 identify, 20 reads files, 24 looks at a queue."""
    assert {1, 2, 3, 4, 17, 20, 24, 43} == READING
    request = framed(1, 1, bytes((function, 14, 1, 0)))
    assert FRAMER.only_reads(request) is (function in READING)


@pytest.mark.parametrize("interface", [13, 0, 255])
def test_the_other_interface_of_function_43_may_not(interface: int) -> None:
    assert not FRAMER.only_reads(framed(1, 1, bytes((43, interface, 0, 0))))
    assert not FRAMER.only_reads(framed(1, 1, bytes((43,))))


WRITES = ["05 0000 FF00", "06 0000 0001", "0F 0000 0001 01 01", "10 0000 0001 02 0001"]
WRITES += ["15 09 06 0001 0000 0001 0001", "16 0000 FFFF 0001", "17 0000 0001 0000 0001 02 0001"]


async def test_no_write_reaches_a_controller() -> None:
    async with ModbusSimulator.demo("guarded") as simulator:
        held = simulator.values()
        target = Target("guarded", simulator.host, simulator.port)
        async with connect(target, FRAMER, Meter()) as exchange:
            for write in WRITES:
                with pytest.raises(WouldWrite):
                    await exchange.ask(framed(1, 1, octets(write)))
            read = framed(2, 1, pdu.read_holding_registers(0, 1))
            with pytest.raises(WouldWrite):
                await exchange.ask_all([read, framed(3, 1, octets(WRITES[0])), read])
            assert simulator.log == []
            await exchange.ask(read)
        assert [service.writes for service in simulator.log] == [False]
        assert simulator.values() == held
