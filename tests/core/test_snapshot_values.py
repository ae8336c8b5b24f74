"""The value universe: every value reads back as it was, bit for bit, and nothing else gets in."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.snapshot import Blob, Value, real_bits, real_from_bits
from goldcopy.snapshot.values import check, float_text, from_json, to_json

VECTORS = json.loads(
    Path(__file__).parents[1].joinpath("vectors/format/values.json").read_text("utf-8")
)


def lreal(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def lreal_bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


def value_of(vector: dict[str, Any]) -> Value:
    kind = vector["type"]
    if kind == "REAL":
        return real_from_bits(int(vector["bits"], 16))
    if kind == "LREAL":
        return lreal(int(vector["bits"], 16))
    if kind == "BYTES":
        return bytes.fromhex(vector["bits"])
    value = vector["value"]
    if isinstance(value, list):
        return tuple(value)
    return int(value) if "INT" in kind else value


def same_bits(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return lreal_bits(one) == lreal_bits(other)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['type']}-{v['json']!a}")
def test_the_specifications_examples(vector: dict[str, Any]) -> None:
    value = value_of(vector)
    check(vector["type"], value)
    assert to_json(vector["type"], value) == vector["json"]
    assert type(to_json(vector["type"], value)) is type(vector["json"])
    assert same_bits(from_json(vector["type"], vector["json"]), value)


@given(st.integers(0, 2**32 - 1))
@example(0x7F800001)
@example(0xFFFFFFFF)
@example(0x7F7FFFFF)
@example(0x80000000)
def test_every_real_reads_back_to_its_bits(bits: int) -> None:
    value = real_from_bits(bits)
    check("REAL", value)
    assert real_bits(value) == bits
    back = from_json("REAL", to_json("REAL", value))
    assert isinstance(back, float)
    assert real_bits(back) == bits
    assert lreal_bits(back) == lreal_bits(value)


@given(st.integers(0, 2**64 - 1))
@example(0x7FF0000000000001)
@example(0x8000000000000000)
@example(0x0000000000000001)
@example(0x7FEFFFFFFFFFFFFF)
def test_every_lreal_reads_back_to_its_bits(bits: int) -> None:
    value = lreal(bits)
    check("LREAL", value)
    back = from_json("LREAL", to_json("LREAL", value))
    assert isinstance(back, float)
    assert lreal_bits(back) == bits


@given(st.integers(0, 2**32 - 1))
def test_no_shorter_text_would_do_for_a_real(bits: int) -> None:
    value = real_from_bits(bits)
    text = float_text(value, single=True)
    for digits in range(6, 9):
        shorter = f"{value:.{digits}g}"
        if len(shorter) >= len(text) or not math.isfinite(value):
            return
        with pytest.raises((AssertionError, OverflowError)):
            assert struct.pack("<f", float(shorter)) == struct.pack("<f", value)


@given(st.integers(-(2**63), 2**64 - 1))
@example(2**53)
@example(-(2**53))
@example(2**53 - 1)
def test_integers_of_64_bits(value: int) -> None:
    kind = "ULINT" if value >= 0 else "LINT"
    check(kind, value)
    written = to_json(kind, value)
    assert isinstance(written, str) is (abs(value) >= 2**53)
    assert from_json(kind, written) == value


@given(st.binary(max_size=256))
def test_bytes(value: bytes) -> None:
    check("BYTES", value)
    assert from_json("BYTES", to_json("BYTES", value)) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("BOOL", 1),
        ("INT", True),
        ("INT", 1.0),
        ("INT", 2**15),
        ("INT", -(2**15) - 1),
        ("UINT", -1),
        ("BYTE", 256),
        ("ULINT", 2**64),
        ("LINT", -(2**63) - 1),
        ("REAL", 1),
        ("REAL", 0.1),
        ("REAL", 1e39),
        ("REAL", lreal(0x7FF0000000000001)),
        ("REAL", lreal(0x7FF8000000000001)),
        ("LREAL", "1.0"),
        ("STRING", b"x"),
        ("STRING", "\ud800"),
        ("STRING", 5),
        ("BYTES", "x"),
        ("BYTES", bytes(257)),
        ("BYTES", Blob.of(bytes(256))),
        ("BYTES", Blob("0" * 63, 300)),
        ("BYTES", Blob("A" * 64, 300)),
        ("ARRAY[2] OF INT", (1,)),
        ("ARRAY[2] OF INT", [1, 2]),
        ("ARRAY[2] OF INT", (1, True)),
        ("ARRAY[2,2] OF INT", ((1, 2), (3, 4))),
        ("ARRAY[1] OF REAL", (0.1,)),
        ("ARRAY[] OF INT", (1,)),
    ],
)
def test_what_a_type_cannot_hold_is_refused(kind: str, value: Value) -> None:
    with pytest.raises(Wrong):
        check(kind, value)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("BOOL", 1),
        ("BOOL", "true"),
        ("INT", True),
        ("INT", "x"),
        ("INT", 1.5),
        ("REAL", 1),
        ("REAL", "x"),
        ("REAL", "nan"),
        ("REAL", "nan:xyz"),
        ("REAL", "nan:7fc000000"),
        ("REAL", "1e39"),
        ("LREAL", "nan:17fc0000000000000"),
        ("STRING", 1),
        ("STRING", None),
        ("BYTES", "?"),
        ("BYTES", {"sha256": "00"}),
        ("BYTES", {"sha256": "00", "size": 1, "more": 1}),
        ("ARRAY[1] OF INT", 1),
        ("ARRAY[1] OF INT", ["x"]),
    ],
)
def test_json_of_another_type_is_refused(kind: str, data: object) -> None:
    with pytest.raises(Wrong):
        from_json(kind, data)
