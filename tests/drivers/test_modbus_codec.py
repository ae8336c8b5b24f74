"""Registers to values: judged by pymodbus' encoder, by letters, by exact arithmetic."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from goldcopy.snapshot import Gap, Item, Value, real_bits
from goldcopy.snapshot.values import check
from goldcopy_modbus.area import table
from goldcopy_modbus.codec import NAMES, Order, sort_of
from goldcopy_modbus.content import Content
from goldcopy_modbus.items import named
from goldcopy_modbus.register import Register

ORDERS: list[Order] = ["ABCD", "DCBA", "BADC", "CDAB"]
SINGLE_NANS = [0x7FC00000, 0x7F800001, 0xFF800001, 0x7FA5A5A5, 0xFFFFFFFF]


def holding(register: Register, words: list[int]) -> Content:
    content = Content(table(register.place.table, 125, 2000), register.span.stop, [])
    content.take(register.span, words)
    return content


def decoded(register: Register, words: list[int], order: Order = "ABCD") -> Item:
    item = named(register, holding(register, words), order)
    assert isinstance(item, Item)
    check(item.type, item.value)
    return item


def split(raw: bytes) -> list[int]:
    return [word for (word,) in struct.iter_unpack(">H", raw + b"\0" * (len(raw) % 2))]


def shuffled(raw: bytes, order: Order) -> bytes:
    """As the letters say, A the highest byte; 64 bits go by letters of their own."""
    letters: dict[int, dict[Order, str]] = {
        2: {"ABCD": "AB", "CDAB": "AB", "BADC": "BA", "DCBA": "BA"},
        4: {order: order for order in ORDERS},
        8: {"ABCD": "ABCDEFGH", "CDAB": "GHEFCDAB", "BADC": "BADCFEHG", "DCBA": "HGFEDCBA"},
    }
    return bytes(raw["ABCDEFGH".index(letter)] for letter in letters[len(raw)][order])


Case = tuple[str, str, ModbusClientMixin.DATATYPE, str]
CASES: list[Case] = [
    ("int16", "INT", ModbusClientMixin.DATATYPE.INT16, ">h"),
    ("UINT16", "UINT", ModbusClientMixin.DATATYPE.UINT16, ">H"),
    ("Int32", "DINT", ModbusClientMixin.DATATYPE.INT32, ">i"),
    ("uint32", "UDINT", ModbusClientMixin.DATATYPE.UINT32, ">I"),
    ("INT64", "LINT", ModbusClientMixin.DATATYPE.INT64, ">q"),
    ("UInt64", "ULINT", ModbusClientMixin.DATATYPE.UINT64, ">Q"),
    ("float32", "REAL", ModbusClientMixin.DATATYPE.FLOAT32, ">f"),
    ("FLOAT32-IEEE", "REAL", ModbusClientMixin.DATATYPE.FLOAT32, ">f"),
    ("FLOAT64", "LREAL", ModbusClientMixin.DATATYPE.FLOAT64, ">d"),
    ("dint", "DINT", ModbusClientMixin.DATATYPE.INT32, ">i"),
    ("LReal", "LREAL", ModbusClientMixin.DATATYPE.FLOAT64, ">d"),
]


@pytest.mark.parametrize(("spelt", "iec", "datatype", "layout"), CASES)
@given(data=st.data())
def test_what_others_encode_is_what_is_read(
    spelt: str, iec: str, datatype: ModbusClientMixin.DATATYPE, layout: str, data: st.DataObject
) -> None:
    raw = data.draw(st.binary(min_size=struct.calcsize(layout), max_size=struct.calcsize(layout)))
    (value,) = struct.unpack(layout, raw)
    if value != value:
        return  # NaN: by bits, below
    for order in ORDERS:
        item = decoded(Register("x", "holding", 7, type=spelt), split(shuffled(raw, order)), order)
        assert (item.type, item.value, type(item.value)) == (iec, value, type(value))
    words: list[tuple[Order, Literal["big", "little"]]] = [("ABCD", "big"), ("CDAB", "little")]
    for order, word_order in words:
        registers = ModbusClientMixin.convert_to_registers(value, datatype, word_order=word_order)
        # the register's own order wins over the device's
        register = Register("x", "holding", 7, type=spelt, order=order)
        assert decoded(register, registers, "DCBA").value == value


@given(st.integers(0, 0xFFFFFFFF))
@example(SINGLE_NANS[0])
@example(SINGLE_NANS[1])
@example(SINGLE_NANS[2])
@example(SINGLE_NANS[3])
@example(0x80000000)
def test_a_real_keeps_all_its_bits(bits: int) -> None:
    item = decoded(Register("x", "input", 0, type="REAL"), split(bits.to_bytes(4, "big")))
    assert isinstance(item.value, float)
    assert real_bits(item.value) == bits


@given(st.integers(0, (1 << 64) - 1))
@example(0x7FF0000000000001)
@example(0xFFF8DEADBEEF0001)
def test_an_lreal_keeps_all_its_bits(bits: int) -> None:
    item = decoded(Register("x", "input", 0, type="LREAL"), split(bits.to_bytes(8, "big")))
    assert struct.pack(">d", item.value) == bits.to_bytes(8, "big")


def test_no_two_halves_become_one_value() -> None:
    register = Register("x", "holding", 0, type="FLOAT16")
    seen = {}
    for word in range(0x10000):
        value = named(register, holding(register, [word]), "ABCD")
        assert isinstance(value, Item)
        assert isinstance(value.value, float)
        (wanted,) = struct.unpack(">e", word.to_bytes(2, "big"))
        assert value.value == wanted or (wanted != wanted and value.value != value.value)
        seen[real_bits(value.value)] = word
    assert len(seen) == 0x10000


@pytest.mark.parametrize(
    ("type_", "word", "iec", "value"),
    [
        ("INT8H", 0xFE01, "SINT", -2),
        ("int8l", 0xFE81, "SINT", -127),
        ("UINT8H", 0xFE01, "USINT", 254),
        ("UINT8L", 0xFE81, "USINT", 129),
        ("WORD", 0xFE01, "WORD", 0xFE01),
    ],
)
def test_half_registers_and_words(type_: str, word: int, iec: str, value: int) -> None:
    item = decoded(Register("x", "holding", 3, type=type_), [word])
    assert (item.type, item.value) == (iec, value)


@pytest.mark.parametrize(
    ("register", "words", "type_", "value"),
    [
        (Register("x", "holding", 0, type="string", length=4), [0x4142, 0x4344], "STRING", "ABCD"),
        (Register("x", "holding", 0, type="string", length=3), [0x4142, 0x4344], "STRING", "ABC"),
        (Register("x", "holding", 0, type="string", length=4), [0x4100, 0x4344], "STRING", "A"),
        (Register("x", "holding", 0, type="string", length=4), [0, 0], "STRING", ""),
        (Register("x", "holding", 0, type="string", length=2), [0xC3A4], "STRING", "ä"),
        (Register("x", "holding", 0, type="string", length=2), [0xFF41], "BYTES", b"\xffA"),
        (
            Register("x", "holding", 0, type="string", length=4, order="BADC"),
            [0x4241, 0x4443],
            "STRING",
            "ABCD",
        ),
        (
            Register("x", "holding", 0, type="string", length=4, order="CDAB"),
            [0x4142, 0x4344],
            "STRING",
            "ABCD",
        ),
        (Register("x", "holding", 0, type="bytes", length=3), [0x0102, 0x0304], "BYTES", b"\1\2\3"),
        (
            Register("x", "holding", 0, type="bits", length=18),
            [0x8001, 0x0002],
            "ARRAY[18] OF BOOL",
            (True, *[False] * 14, True, False, True),
        ),
        (Register("x", "holding", 0, bit=0), [0x0001], "BOOL", True),
        (Register("x", "holding", 0, bit=15), [0x7FFF], "BOOL", False),
        (Register("x", "holding", 0, type="UINT32", bit=16), [1, 0], "BOOL", True),
        (Register("x", "holding", 0, mask=0x0F00), [0xAB12], "WORD", 0xB),
        (Register("x", "holding", 0, mask=0xF000, scale=0.5), [0xAB12], "LREAL", 5.0),
        (Register("x", "coil", 0), [True], "BOOL", True),
        (Register("x", "discrete", 0, type="bool"), [False], "BOOL", False),
    ],
)
def test_texts_bits_and_parts(
    register: Register, words: list[int], type_: str, value: Value
) -> None:
    item = decoded(register, words)
    assert (item.type, item.value, type(item.value)) == (type_, value, type(value))


def test_a_scaled_integer_is_what_a_person_would_write() -> None:
    register = Register("x", "holding", 0, type="INT", scale=0.1)
    assert 3 * 0.1 != 0.3  # what binary arithmetic makes of it
    assert decoded(register, [215]).value == 21.5
    for raw in range(-32768, 32768, 7):
        item = decoded(register, split(raw.to_bytes(2, "big", signed=True)))
        assert (item.type, item.value) == ("LREAL", float(Decimal(raw) / 10))


@given(
    st.integers(0, (1 << 64) - 1),
    st.decimals(-1000, 1000, places=4).filter(bool),
    st.decimals(-1000, 1000, places=3),
)
def test_scaling_rounds_once(raw: int, scale: Decimal, offset: Decimal) -> None:
    register = Register("x", "holding", 0, type="ULINT", scale=float(scale), offset=float(offset))
    value = decoded(register, split(raw.to_bytes(8, "big"))).value
    assert isinstance(value, float)
    exact = Decimal(raw) * scale + offset  # 20 + 7 digits fit into a Decimal's 28
    assert value == (raw if scale == 1 and offset == 0 else float(exact))


def test_scale_1_leaves_the_type_alone_and_nan_stays_nan() -> None:
    assert decoded(Register("x", "holding", 0, type="INT", scale=1), [5]).type == "INT"
    infinite = Register("x", "holding", 0, type="REAL", scale=-2)
    assert decoded(infinite, [0x7F80, 0]).value == -math.inf
    nan = decoded(infinite, [0x7FC0, 0]).value
    assert isinstance(nan, float)
    assert math.isnan(nan)


def test_a_value_that_scaling_takes_out_of_range_is_a_gap() -> None:
    register = Register("x", "holding", 0, type="LREAL", scale=1e300)
    words = split(struct.pack(">d", 1e300))
    gap = named(register, holding(register, words), "ABCD")
    assert isinstance(gap, Gap)
    assert (gap.path, "out of the range" in gap.reason) == ("x", True)


def test_every_name_is_known_in_any_case() -> None:
    assert all(sort_of(name) is sort_of(name.lower()) is not None for name in NAMES)
    assert sort_of("double") is None
