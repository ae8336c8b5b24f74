"""The Modbus simulator without a network: the standard's own examples, limits and properties.

Vectors are the request and reply examples of the Modbus Application Protocol Specification
V1.1b3, section 6, typed in by hand.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit
from goldcopy_sim.modbus.controller import ALL_FUNCTIONS, Controller
from goldcopy_sim.modbus.journal import service
from goldcopy_sim.modbus.tables import Table

ADDRESS, VALUE, FUNCTION = 0x02, 0x03, 0x01


def ask(controller: Controller, request: str) -> str | None:
    reply = controller.answer(1, bytes.fromhex(request))
    return None if reply is None else reply.hex(" ").upper()


def bits(first: int, packed: str, count: int) -> Bits:
    raw = bytes.fromhex(packed)
    return Bits({first + n: bool(raw[n // 8] >> n % 8 & 1) for n in range(count)})


def words(first: int, data: str) -> Registers:
    values = (word for (word,) in struct.iter_unpack(">H", bytes.fromhex(data)))
    return Registers(dict(enumerate(values, first)))


# (clause, memory, request, reply)
EXAMPLES = [
    ("6.1", Unit(coils=bits(19, "CD 6B 05", 19)), "01 0013 0013", "01 03 CD 6B 05"),
    ("6.2", Unit(discretes=bits(196, "AC DB 35", 22)), "02 00C4 0016", "02 03 AC DB 35"),
    ("6.3", Unit(holding=words(107, "022B 0000 0064")), "03 006B 0003", "03 06 02 2B 00 00 00 64"),
    ("6.4", Unit(inputs=words(8, "000A")), "04 0008 0001", "04 02 00 0A"),
    ("6.5", Unit(coils=bits(172, "00", 1)), "05 00AC FF00", "05 00 AC FF 00"),
    ("6.6", Unit(holding=words(1, "0000")), "06 0001 0003", "06 00 01 00 03"),
    ("6.11", Unit(coils=bits(19, "0000", 10)), "0F 0013 000A 02 CD01", "0F 00 13 00 0A"),
    ("6.12", Unit(holding=words(1, "0000 0000")), "10 0001 0002 04 000A 0102", "10 00 01 00 02"),
    (
        "6.14",
        Unit(files={4: words(1, "0DFE 0020"), 3: words(9, "33CD 0040")}),
        "14 0E 06 0004 0001 0002 06 0003 0009 0002",
        "14 0C 05 06 0D FE 00 20 05 06 33 CD 00 40",
    ),
    (
        "6.15",
        Unit(files={4: words(7, "0000 0000 0000")}),
        "15 0D 06 0004 0007 0003 06AF 04BE 100D",
        "15 0D 06 00 04 00 07 00 03 06 AF 04 BE 10 0D",
    ),
    ("6.16", Unit(holding=words(4, "0012")), "16 0004 00F2 0025", "16 00 04 00 F2 00 25"),
    (
        "6.17",
        Unit(holding=words(3, "00FE 0ACD 0001 0003 000D 00FF" + "0000" * 11)),
        "17 0003 0006 000E 0003 06 00FF 00FF 00FF",
        "17 0C 00 FE 0A CD 00 01 00 03 00 0D 00 FF",
    ),
    ("6.18", Unit(fifos={0x04DE: [0x01B8, 0x1284]}), "18 04DE", "18 00 06 00 02 01 B8 12 84"),
]


@pytest.mark.parametrize(("clause", "unit", "request_", "reply"), EXAMPLES)
def test_example_of_the_standard(clause: str, unit: Unit, request_: str, reply: str) -> None:
    assert ask(Controller({1: unit}), request_) == reply


def test_writes_of_the_examples_are_stored() -> None:
    stored = [
        ("6.5", "coil/172", True),
        ("6.6", "holding/1", 3),
        ("6.12", "holding/2", 0x0102),
        ("6.15", "file/4/8", 0x04BE),
        ("6.16", "holding/4", 0x17),  # the result that the standard names
        ("6.17", "holding/15", 0xFF),
    ]
    for clause, address, value in stored:
        unit, request = next((u, r) for c, u, r, _ in EXAMPLES if c == clause)
        ask(Controller({1: unit}), request)
        assert ModbusSimulator({1: unit}).values()[address][1] == value, clause
    coils = next(u for c, u, *_ in EXAMPLES if c == "6.11").coils
    ask(Controller({1: Unit(coils=coils)}), "0F 0013 000A 02 CD01")
    assert [coils[n] for n in coils] == [c == "1" for c in "1011001110"]


def test_device_identification_example() -> None:
    objects = {0: b"Company identification", 1: b"Product code XX", 2: b"V2.11"}
    reply = Controller({1: Unit()}, identity=objects).answer(1, bytes.fromhex("2B0E0100"))
    # The example's device has no individual access (01), ours has (81).
    assert reply == (
        bytes.fromhex("2B 0E 01 81 00 00 03 00 16") + b"Company identification"
        b"\x01\x0fProduct code XX\x02\x05V2.11"
    )


FULL = Unit(
    coils=Bits({n: True for n in range(2100)}),
    discretes=Bits({n: False for n in range(2100) if n != 50}),
    holding=Registers({n: n for n in range(65_536) if n != 300}),
    inputs=Registers({n: n for n in range(200)}),
    files={1: Registers({n: n for n in range(200)})},
    fifos={7: list(range(31)), 8: list(range(32))},
)
OBJECTS = {0: b"V", 1: b"P", 2: b"1", 4: b"N", 0x90: b"X"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("01 0000 07D0", None),
        ("01 0000 07D1", VALUE),  # 2001 coils
        ("01 0000 0000", VALUE),
        ("01 0834 0001", ADDRESS),  # the first coil that is not there
        ("02 0032 0001", ADDRESS),
        ("02 0000 0033", ADDRESS),  # ends in the hole
        ("02 0000 0032", None),
        ("03 0000 007D", None),
        ("03 0000 007E", VALUE),  # 126 registers
        ("03 0000 0000", VALUE),
        ("03 012B 0002", ADDRESS),
        ("03 012D 0002", None),
        ("03 FFFF 0001", None),
        ("03 FFFF 0002", ADDRESS),  # past 65535
        ("03 0000", VALUE),  # too short
        ("03 0000 0001 00", VALUE),  # too long
        ("04 00C7 0002", ADDRESS),
        ("05 0000 0001", VALUE),
        ("05 0834 FF00", ADDRESS),
        ("06 012C 0000", ADDRESS),
        ("0F 0000 07B0 F6" + "00" * 246, None),
        ("0F 0000 07B1 F7" + "00" * 247, VALUE),  # 1969 coils
        ("0F 0000 000A 01 FF", VALUE),  # ten coils in one byte
        ("0F 0834 0001 01 FF", ADDRESS),
        ("10 0000 007B F6" + "00" * 246, None),
        ("10 0000 007C F8" + "00" * 248, VALUE),  # 124 registers
        ("10 0000 0002 02 0000", VALUE),
        ("10 0000 0001 02 00", VALUE),
        ("10 012C 0001 02 0000", ADDRESS),
        ("16 012C FFFF 0000", ADDRESS),
        ("17 0000 007D 0000 0079 F2" + "00" * 242, None),
        ("17 0000 007E 0000 0001 02 0000", VALUE),
        ("17 0000 0001 0000 007A F4" + "00" * 244, VALUE),
        ("17 012C 0001 0000 0001 02 0000", ADDRESS),
        ("17 0000 0001 012C 0001 02 0000", ADDRESS),
        ("14 07 06 0001 0000 0079", None),  # 121 records fill a reply
        ("14 07 06 0001 0000 007A", VALUE),
        ("14 07 06 0001 00C0 0009", ADDRESS),  # past the end of the file
        ("14 07 06 0002 0000 0001", ADDRESS),  # no such file
        ("14 07 05 0001 0000 0001", ADDRESS),  # reference type 5
        ("14 06 06 0001 0000 00", VALUE),
        ("14 08 06 0001 0000 0001 06", VALUE),
        ("15 09 06 0001 0000 0001 0000", None),
        ("15 0B 06 0001 0000 0001 0000 0000", VALUE),
        ("15 09 06 0001 00C8 0001 0000", ADDRESS),
        ("18 0007", None),
        ("18 0008", VALUE),  # 32 values in the queue
        ("18 0009", ADDRESS),
        ("2B 0E 04 04", None),
        ("2B 0E 04 03", ADDRESS),  # no such object
        ("2B 0E 05 00", VALUE),  # no such category
        ("2B 0D 00 00", FUNCTION),  # CANopen is not here
        ("11", None),
        ("11 00", VALUE),
        ("07", FUNCTION),
        ("08 0001 0000", FUNCTION),
        ("5A 00 01", FUNCTION),
        ("E4", FUNCTION),
    ],
)
def test_limits_and_holes(request_: str, code: int | None) -> None:
    controller = Controller({1: FULL}, identity=OBJECTS, server_id=b"\x01\xff")
    pdu = bytes.fromhex(request_)
    reply = controller.answer(1, pdu)
    assert reply is not None
    assert len(reply) <= 253
    if code is None:
        assert reply[0] == pdu[0]
    else:
        assert reply == bytes((pdu[0] | 0x80, code))


def test_a_refused_request_changes_nothing() -> None:
    unit = Unit(holding=Registers({0: 1, 1: 2}), files={1: Registers({0: 3}), 2: Registers({0: 4})})
    before = ModbusSimulator({1: unit}).values()
    controller = Controller({1: unit})
    for request in (
        "10 0001 0002 04 FFFF FFFF",  # the second register is not there
        "17 0005 0001 0000 0001 02 FFFF",  # nor the one to read
        "15 12 06 0001 0000 0001 FFFF 06 0002 0001 0001 FFFF",  # nor the second group's record
    ):
        reply = ask(controller, request)
        assert reply is not None
        assert reply.endswith(" 02")
    assert ModbusSimulator({1: unit}).values() == before


@pytest.mark.parametrize(
    ("code", "first", "numbers"),
    [
        (1, 0, [0, 1, 2]),
        (2, 0, [0, 1, 2, 4]),
        (3, 0, [0, 1, 2, 4, 0x90]),
        (3, 4, [4, 0x90]),
        (3, 3, [0, 1, 2, 4, 0x90]),  # not there: from the beginning
        (1, 4, [0, 1, 2]),  # there, but of another category
        (4, 0x90, [0x90]),
    ],
)
def test_identification_categories(code: int, first: int, numbers: list[int]) -> None:
    reply = Controller({1: Unit()}, identity=OBJECTS).answer(1, bytes((0x2B, 14, code, first)))
    assert reply is not None
    assert reply[:7] == bytes((0x2B, 14, code, 0x83, 0, 0, len(numbers)))
    assert reply[7:] == b"".join(bytes((n, len(OBJECTS[n]))) + OBJECTS[n] for n in numbers)


@pytest.mark.parametrize(("objects", "level"), [((0, 1, 2), 0x81), ((0, 6), 0x82), ((0x80,), 0x83)])
def test_conformity_level(objects: tuple[int, ...], level: int) -> None:
    controller = Controller({1: Unit()}, identity=dict.fromkeys(objects, b""))
    reply = controller.answer(1, bytes.fromhex("2B0E0300"))
    assert reply is not None
    assert reply[3] == level


@pytest.mark.parametrize(("second", "more"), [(142, 0x00), (143, 0xFF)])
def test_a_reply_is_filled_to_the_last_byte(second: int, more: int) -> None:
    objects = {0: bytes(100), 1: bytes(second)}  # 7 bytes of head, 2 before each object
    reply = Controller({1: Unit()}, identity=objects).answer(1, bytes.fromhex("2B0E0100"))
    assert reply is not None
    assert reply[4:7] == bytes((0x00, 0, 2) if more == 0x00 else (0xFF, 1, 1))
    assert len(reply) == (253 if more == 0x00 else 109)


@given(st.dictionaries(st.integers(0, 255), st.binary(max_size=244), min_size=1))
def test_a_continued_identification_tells_every_object_once(objects: dict[int, bytes]) -> None:
    controller = Controller({1: Unit()}, identity=objects)
    told, following = [], min(objects)
    while True:
        reply = controller.answer(1, bytes((0x2B, 14, 3, following)))
        assert reply is not None
        assert len(reply) <= 253
        more, following, count, at = reply[4], reply[5], reply[6], 7
        for _ in range(count):
            number, size = reply[at], reply[at + 1]
            told.append((number, reply[at + 2 : at + 2 + size]))
            at += 2 + size
        assert at == len(reply)
        if more == 0x00:
            break
        assert more == 0xFF
        assert count > 0
    assert told == sorted(objects.items())


ADDRESSES = st.integers(0, 40)
OPERATIONS = st.tuples(ADDRESSES, st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=12))


@given(st.sets(ADDRESSES), st.lists(OPERATIONS, max_size=8))
def test_registers_and_coils_behave_as_a_dictionary(
    defined: set[int], operations: list[tuple[int, list[int]]]
) -> None:
    registers, coils = dict.fromkeys(defined, 7), dict.fromkeys(defined, False)
    unit = Unit(holding=Registers(registers), coils=Bits(coils))
    controller = Controller({1: unit})
    for start, values in operations:
        count = len(values)
        head = struct.pack(">HH", start, count)
        packed = sum((value & 1) << n for n, value in enumerate(values)).to_bytes(
            (count + 7) // 8, "little"
        )
        data = struct.pack(f">{count}H", *values)
        answers = [
            controller.answer(1, b"\x10" + head + bytes((len(data),)) + data),
            controller.answer(1, b"\x0f" + head + bytes((len(packed),)) + packed),
            controller.answer(1, b"\x03" + head),
            controller.answer(1, b"\x01" + head),
        ]
        if defined.issuperset(range(start, start + count)):
            registers |= dict(enumerate(values, start))
            coils |= {start + n: bool(value & 1) for n, value in enumerate(values)}
            wanted = [
                b"\x10" + head,
                b"\x0f" + head,
                bytes((3, len(data))) + data,
                bytes((1, len(packed))) + packed,
            ]
        else:
            wanted = [bytes((function | 0x80, 2)) for function in (16, 15, 3, 1)]
        assert answers == wanted
    assert {n: unit.holding[n] for n in unit.holding} == registers
    assert {n: unit.coils[n] for n in unit.coils} == coils


@given(st.binary(min_size=1, max_size=253))
def test_any_request_gets_a_reply_that_fits_and_a_log_entry(pdu: bytes) -> None:
    controller = Controller({1: FULL}, identity=OBJECTS, server_id=b"x")
    reply = controller.answer(1, pdu)
    assert reply is not None
    assert 2 <= len(reply) <= 253
    assert service(1, pdu).detail.startswith("unit 1")


@pytest.mark.parametrize(
    ("request_", "name", "writes", "detail"),
    [
        ("03 0000 007D", "read holding registers", False, "unit 1, 0..124"),
        ("05 0002 FF00", "write single coil", True, "unit 1, 2 = 65280"),
        ("06 0011 002A", "write single register", True, "unit 1, 17 = 42"),
        ("08 0004 0000", "diagnostics", True, "unit 1"),
        ("10 0001 0002 04 000A 0102", "write multiple registers", True, "unit 1, 1..2"),
        ("11", "report server ID", False, "unit 1"),
        ("14 07 06 0004 0001 0002", "read file record", False, "unit 1, file 4: 1..2"),
        ("15 09 06 0004 0001 0001 0000", "write file record", True, "unit 1, file 4: 1..1"),
        ("16 0004 00F2 0025", "mask write register", True, "unit 1, 4 and 0x00f2 or 0x0025"),
        (
            "17 0003 0006 000E 0003 06 00FF 00FF 00FF",
            "read/write multiple registers",
            True,
            "unit 1, reads 3..8, writes 14..16",
        ),
        ("18 04DE", "read FIFO queue", False, "unit 1, 1246"),
        ("2B 0E 03 00", "read device identification", False, "unit 1, code 3 from object 0"),
        ("2B 0D 00", "encapsulated interface transport", True, "unit 1, 0d 00"),
        ("5A 00 10", "function 90", True, "unit 1"),
        ("03 00", "read holding registers", False, "unit 1"),
        ("10 00", "write multiple registers", True, "unit 1, malformed: 10 00"),
    ],
)
def test_log_entries(request_: str, name: str, writes: bool, detail: str) -> None:
    assert service(1, bytes.fromhex(request_)) == (name, writes, detail)


def test_habits() -> None:
    unit = Unit(holding=Registers({n: n for n in range(200)}), coils=Bits({0: True}))
    with_ = partial(Controller, {1: unit})
    assert ask(with_(functions=ALL_FUNCTIONS - {3}), "03 0000 0001") == "83 01"
    assert ask(with_(refuse={3: 4}), "03 0000 0001") == "83 04"
    assert ask(with_(refuse={3: 4}), "01 0000 0001") == "01 01 01"
    assert ask(with_(mute=frozenset({6})), "06 0000 0009") is None
    assert unit.holding[0] == 0
    assert ask(with_(max_registers=64), "03 0000 0041") == "83 03"
    assert ask(with_(max_registers=64, over_limit=2), "03 0000 0041") == "83 02"
    assert ask(with_(max_registers=64), "10 0000 0041 82" + "00" * 130) == "90 03"
    full = ask(with_(max_registers=64), "03 0000 0040")
    assert full is not None
    assert full.startswith("03 80 00 00")
    assert ask(with_(), "11") == "91 01"
    assert ask(with_(), "2B 0E 01 00") == "AB 01"
    assert ask(with_(server_id=b"\xb4\xffLMB"), "11") == "11 05 B4 FF 4C 4D 42"


def test_units() -> None:
    units = {1: Unit(holding=Registers({0: 1})), 247: Unit(holding=Registers({0: 2}))}
    request = bytes.fromhex("0300000001")
    controller = Controller(units)
    assert [controller.answer(unit, request) for unit in (1, 247, 2)] == [
        bytes.fromhex("03020001"),
        bytes.fromhex("03020002"),
        bytes.fromhex("830B"),
    ]
    assert Controller(units, unknown_unit=None).answer(2, request) is None


def test_what_no_controller_could_be_is_refused() -> None:
    impossible: list[dict[str, Any]] = [
        {"units": {}},
        {"units": {256: Unit()}},
        {"units": {1: Unit()}, "functions": frozenset({8})},
        {"units": {1: Unit()}, "identity": {0: bytes(245)}},
        {"units": {1: Unit()}, "server_id": bytes(252)},
    ]
    for settings in impossible:
        with pytest.raises(ValueError, match=r"unit|functions|object|server id"):
            Controller(**settings)
    with pytest.raises(ValueError, match="address is 0"):
        Table({65_536: 0})
    with pytest.raises(ValueError, match="holds 0"):
        Registers({0: 65_536})
    with pytest.raises(ValueError, match="file 1"):
        Unit(files={1: Registers({10_000: 0})})
