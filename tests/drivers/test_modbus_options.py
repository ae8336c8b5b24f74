"""Options: what is accepted, and that a mistake is named together with what would be right."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy_modbus import Options
from goldcopy_modbus.place import Place, referred
from goldcopy_modbus.plan import tasks
from goldcopy_modbus.spans import Span


def options(**given_: object) -> Options:
    return msgspec.convert(given_, Options)


def register(**given_: object) -> dict[str, list[dict[str, object]]]:
    usual = {"name": "x", "table": "holding", "address": 1, "type": "int16"}
    return {"registers": [usual | given_]}


@pytest.mark.parametrize(
    ("ref", "table", "address"),
    [
        (40001, "holding", 0),
        (40011, "holding", 10),
        (49999, "holding", 9998),
        (400001, "holding", 0),
        ("465536", "holding", 65535),
        (30001, "input", 0),
        (10017, "discrete", 16),
        ("00017", "coil", 16),
        ("000017", "coil", 16),
    ],
)
def test_a_reference_counts_from_one(ref: int | str, table: str, address: int) -> None:
    assert referred(ref) == Place(table, address)  # type: ignore[arg-type]


@given(st.sampled_from("0134"), st.integers(0, 65_535))
def test_every_address_has_a_reference(digit: str, address: int) -> None:
    assert referred(f"{digit}{address + 1:05}").address == address
    if address < 9999:
        assert referred(f"{digit}{address + 1:04}") == referred(f"{digit}{address + 1:05}")


RANGE = {"table": "holding", "start": 0, "count": 10}


@pytest.mark.parametrize(
    ("wrong", "path", "words"),
    [
        ({"unit": 1}, "$", "unknown field `unit`"),
        ({"unit_id": 256}, "$.unit_id", "<= 255"),
        ({"max_registers": 126}, "$.max_registers", "<= 125"),
        ({"max_bits": 0}, "$.max_bits", ">= 1"),
        ({"order": "ACBD"}, "$.order", "ACBD"),
        ({"identify": ["fc44"]}, "$.identify[0]", "fc44"),
        ({"identify": False}, "$", "add ranges, registers, files, fifo or identify"),
        ({"fifo": [5, 5]}, "$", "fifo: an address is there twice"),
        ({"files": [{"file": 0, "count": 1}]}, "$.files[0].file", ">= 1"),
        ({"files": [{"file": 1, "record": 9990, "count": 11}]}, "$.files[0]", "at most 10"),
        ({"ranges": [RANGE | {"count": 0}]}, "$.ranges[0].count", ">= 1"),
        ({"ranges": [RANGE | {"table": "holdings"}]}, "$.ranges[0].table", "holdings"),
        ({"ranges": [RANGE | {"start": 65530}]}, "$.ranges[0]", "count: 10 from 65530 on"),
        ({"ranges": [{"count": 1}]}, "$.ranges[0]", "give table and start, or ref"),
        ({"ranges": [RANGE, RANGE | {"ref": 40001}]}, "$.ranges[1]", "keep one of them"),
        ({"ranges": [{"table": "coil", "ref": 40001, "count": 1}]}, "$.ranges[0]", "drop table"),
        ({"ranges": [{"ref": 17, "count": 1}]}, "$.ranges[0]", "write 40011 or 400011 for"),
        ({"ranges": [{"ref": 20017, "count": 1}]}, "$.ranges[0]", "names no table"),
        ({"ranges": [{"ref": 40000, "count": 1}]}, "$.ranges[0]", "counts from 1"),
        ({"ranges": [{"ref": 465537, "count": 1}]}, "$.ranges[0]", "counts from 1"),
        ({"ranges": [{"ref": "4x011", "count": 1}]}, "$.ranges[0]", "five or six digits"),
        (register(name="holding/5"), "$.registers[0]", "begin with another word"),
        (register(name="a//b"), "$.registers[0]", "name: 'a//b'"),
        (register(name=""), "$.registers[0]", "name: ''"),
        (register(name="a /b"), "$.registers[0]", "name: 'a /b'"),
        (register(address=65536), "$.registers[0].address", "<= 65535"),
        (register(address=65535, type="real"), "$.registers[0]", "goes past the last address"),
        (register(type=""), "$.registers[0]", "type: say how to read it; one of"),
        (register(type="float33"), "$.registers[0]", "type: float33 is none; one of BITS, BYTES"),
        (register(type="bool"), "$.registers[0]", "for one bit give bit"),
        (register(type="string"), "$.registers[0]", "length: say how many characters"),
        (register(length=5), "$.registers[0]", "length: drop it"),
        (register(bit=16, type="uint16"), "$.registers[0]", "bits 0 to 15"),
        (register(mask=1 << 16, type="uint16"), "$.registers[0]", "bits 0 to 15"),
        (register(bit=1), "$.registers[0]", "only an unsigned type"),
        (register(bit=1, mask=2, type="word"), "$.registers[0]", "keep one of them"),
        (register(bit=1, type="word", scale=2), "$.registers[0]", "drop scale and offset"),
        (register(type="string", length=2, offset=1), "$.registers[0]", "drop scale and offset"),
        (register(scale=0), "$.registers[0]", "not 0"),
        (register(offset=float("inf")), "$.registers[0]", "finite"),
        (register(min=2, max=1), "$.registers[0]", "min: 2 is above max, 1"),
        (register(role="live"), "$.registers[0].role", "live"),
        (register(table="input", writable=True), "$.registers[0]", "can be written; drop it"),
        (register(table="coil"), "$.registers[0]", "type: a coil is always BOOL"),
        (register(table="coil", type="", bit=3), "$.registers[0]", "bit: a coil is one bit"),
        (register(table="discrete", type="", scale=3), "$.registers[0]", "one bit has no scale"),
        ({"registers": register()["registers"] * 2}, "$", "2 are named x"),
    ],
)
def test_a_mistake_is_named_with_its_place(wrong: dict[str, object], path: str, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        options(**wrong)
    said, _, place = str(caught.value).partition(" - at ")
    assert words in said
    assert place.strip("`") == ("" if path == "$" else path)


def raw_of(chosen: Options) -> set[int]:
    return {address for task in tasks(chosen) for run in task.raw for address in range(*run)}


@pytest.mark.parametrize(
    ("named", "kept_raw"),
    [
        ({"type": "int16"}, {0, 2, 3, 4}),
        ({"type": "float32"}, {0, 3, 4}),
        ({"type": "string", "length": 6}, {0, 4}),
        ({"type": "string", "length": 5}, {0, 1, 2, 3, 4}),
        ({"type": "bits", "length": 17}, {0, 1, 2, 3, 4}),
        ({"type": "bits", "length": 32}, {0, 3, 4}),
        ({"type": "uint8l"}, {0, 1, 2, 3, 4}),
        ({"type": "word", "bit": 3}, {0, 1, 2, 3, 4}),
        ({"type": "word", "mask": 3}, {0, 1, 2, 3, 4}),
    ],
)
def test_a_register_is_left_out_of_a_range_only_if_its_name_tells_all_of_it(
    named: dict[str, object], kept_raw: set[int]
) -> None:
    chosen = options(ranges=[{"ref": 40001, "count": 5}], **register(**named))
    assert raw_of(chosen) == kept_raw


def test_ranges_and_registers_of_a_table_are_read_together() -> None:
    chosen = options(
        ranges=[{"ref": 40001, "count": 124}, {"ref": 40051, "count": 100}, RANGE | {"start": 300}],
        registers=[
            {"name": "cut", "ref": 40125, "type": "uint32"},
            {"name": "over", "ref": 40151, "type": "lreal"},
            {"name": "door", "ref": 10001},
        ],
    )
    plan = {task.area.name: task.requests for task in tasks(chosen)}
    assert plan == {
        "discrete": [Span(0, 1)],
        "holding": [Span(0, 124), Span(124, 154), Span(300, 310)],
    }


def test_without_options_only_the_identification_is_asked_for() -> None:
    assert tasks(Options()) == []
    assert Options().probes == ("fc43", "fc17")
    assert options(identify=["fc17"]).probes == ("fc17",)
    assert options(identify=False, fifo=[3]).probes == ()
