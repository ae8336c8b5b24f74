"""The parts of an S7 block, so that drift can say whether its code moved or a time stamp only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.drivers.test_s7_codec import blocks

from goldcopy.drift.compare import compare
from goldcopy.driver import Section, Sectioned
from goldcopy.inventory import Rules
from goldcopy.registry import Registry
from goldcopy.snapshot import Identity, Snapshot
from goldcopy_s7 import block
from goldcopy_s7.block import Key
from goldcopy_s7.items import about_items, block_item
from goldcopy_s7.sections import sections
from goldcopy_sim.s7 import Block, Kind


def named(found: Sequence[Section], content: bytes) -> dict[str, bytes]:
    texts: dict[str, bytes] = {}
    for one in found:
        texts[one.name] = texts.get(one.name, b"") + content[one.start : one.end]
    return texts


@given(blocks)
def test_the_parts_are_all_of_a_block_each_byte_once(made: Block) -> None:
    uploaded = block.from_upload(Key(made.kind.name, made.number), made.pack())
    for content, body in ((uploaded.image, made.body), (uploaded.frame, b"")):
        found = sections(content)
        assert [one.start for one in found] == [0, *(one.end for one in found[:-1])]
        assert found[-1].end == len(content)
        texts = named(found, content)
        assert texts["code"] == body
        assert texts["interface"] == made.interface
        assert texts["attributes"] == made.attributes
        assert texts["checksum"] == uploaded.about.checksum.to_bytes(2, "big")


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: b"pp" + data))
def test_what_is_no_block_has_no_parts(data: bytes) -> None:
    assert list(sections(data)) == [] or len(data) >= 72


OLD = Block(kind=Kind.FC, number=7, body=bytes(range(40)), interface=b"interface", checksum=1)


def pulled(made: Block) -> Snapshot:
    key = Key(made.kind.name, made.number)
    uploaded = block.from_upload(key, made.pack())
    items = [*about_items(key, uploaded.about), block_item(key, uploaded, loads=False)]
    return Snapshot.of("mixer", "s7", Identity(), items)


@pytest.mark.parametrize(
    ("new", "moved", "leaves"),
    [
        (replace(OLD, body=b"\1" + OLD.body[1:]), {"code"}, set()),
        (replace(OLD, interface=b"interfacE"), {"interface"}, set()),
        (
            replace(OLD, code_time=OLD.code_time + timedelta(days=1)),
            {"time stamp of the code"},
            {"code-time"},
        ),
        (
            replace(OLD, body=OLD.body[::-1], checksum=2, code_time=OLD.code_time + timedelta(1)),
            {"code", "checksum", "time stamp of the code"},
            {"code-time", "checksum"},
        ),
        (replace(OLD, author="eve"), {"author, family and name"}, {"author"}),
    ],
)
def test_drift_says_what_of_a_block_moved(new: Block, moved: set[str], leaves: set[str]) -> None:
    driver = Registry.installed().driver("s7")
    assert isinstance(driver, Sectioned)
    drift = compare(pulled(OLD), pulled(new), Rules(), sections=driver.sections)
    found = {one.path.removeprefix("block/FC7").lstrip("/"): one for one in drift.findings}
    assert found.keys() == {"", *leaves}
    assert set(found[""].moved) == moved
    slight = all("time stamp" in name for name in moved)
    assert (found[""].severity, drift.severity) == (("low", "low") if slight else ("medium",) * 2)
    assert (found[""].why == "time stamps only; all else is as it was") is slight
