"""The Logix simulator: lists of tags and templates, as bytes."""

from __future__ import annotations

import struct

from tests.simulators.enip_controller import (
    LIST,
    POINT,
    controller,
    listed,
    rows,
)
from tests.simulators.enip_wire import (
    name,
    opened,
    plain,
)

from goldcopy_sim.enip import (
    STRING,
    TIMER,
    LogixSimulator,
    Member,
    Structure,
    Tag,
)


async def test_the_symbol_list_comes_in_pages_without_a_hole() -> None:
    async with opened(LogixSimulator.flat(300, 0, 0), 500) as wire:
        found = await listed(wire)
    assert [row.name for row in found.values() if row.name[0] == "D"] == [
        f"D{at:04d}" for at in range(300)
    ]


async def test_rows_tell_type_dimensions_access_and_alias() -> None:
    async with opened(controller()) as wire:
        page = await wire.ask(0x55, plain(0x6B, 0), LIST)
        found = {row.name: row for row in rows(page.data)}
        own = await wire.ask(0x55, name("Program:Main") + plain(0x6B, 0), LIST)
        own_rows = {row.name: row.word for row in rows(own.data)}
    base = 1 << 26
    assert found["Speed"][2:] == (0xC4, base, 4, (0, 0, 0), 0)
    assert found["Flag"][2:] == (0xC1, base, 1, (0, 0, 0), 0)
    assert found["Grid"][2:] == (0x60C3, base, 2, (2, 3, 4), 0)
    assert found["Bits"][2:] == (0x20D3, base, 4, (2, 0, 0), 0)
    assert found["Points"][2:] == (0xA000 | POINT.instance, base, 12, (3, 0, 0), 0)
    assert found["Text"].word == 0x8FCE
    assert found["Other"].control == 0
    assert found["Bit"].word == 0x01C1
    assert [found[word].access for word in ("Fixed", "Shown", "Hidden")] == [0, 2, 3]
    assert found["Program:Main"].word == 0x1068
    assert found["Task:MainTask"].word == 0x1070
    assert own_rows == {"Routine:MainRoutine": 0x106D, "Routine:Sub": 0x106D, "Count": 0xC4}


def test_layout_of_a_structure_by_hand() -> None:
    """INT at 0, the host of the BOOLs right after, the array on four bytes."""
    assert [(slot.name, slot.offset, slot.bit) for slot in POINT.slots] == [
        ("X", 0, None), ("ZZZZZZZZZZPoint0", 2, None), ("On", 2, 0), ("Off", 2, 1), ("Z", 4, None),
    ]  # fmt: skip
    assert POINT.size == 12
    assert (TIMER.size, STRING.size, STRING.handle, TIMER.handle) == (12, 88, 0xFCE, 0xF83)


async def test_a_template_is_told_and_read_in_pieces() -> None:
    names = b"Point;nECE@ECECEC\0X\0ZZZZZZZZZZPoint0\0On\0Off\0Z\0"
    members = bytes.fromhex(
        "0000c300 00000000 0000c200 02000000 0000c100 02000000 0100c100 02000000 0200ca20 04000000"
    )
    async with opened(controller()) as wire:
        path = plain(0x6C, POINT.instance)
        told = await wire.ask(0x03, path, bytes.fromhex("0400 0400 0500 0200 0100"))
        words = -(-(len(members + names) + 23) // 4)
        expected = struct.pack("<HHHI", 4, 4, 0, words) + struct.pack("<HHI", 5, 0, 12)
        expected += struct.pack("<HHHHHH", 2, 0, 5, 1, 0, POINT.handle)
        assert told == (0, (), expected)
        whole = await wire.ask(0x4C, path, struct.pack("<IH", 0, 4 * words - 20))
        assert whole.status == 0
        assert whole.data.rstrip(b"\0") == (members + names).rstrip(b"\0")
        assert len(whole.data) == 4 * words - 20, "a client that waits for so many waits for ever"
        pieces = [
            (await wire.ask(0x4C, path, struct.pack("<IH", at, 16))).data
            for at in range(0, 4 * words - 20, 16)
        ]
        assert b"".join(pieces) == whole.data
        assert (await wire.ask(0x03, plain(0x6C, 0x123), b"\1\0\1\0")).status == 0x05


async def test_a_long_template_does_not_exceed_the_connection() -> None:
    wide = Structure("Wide", tuple(Member(f"Member{at:03d}", "DINT") for at in range(100)))
    async with opened(LogixSimulator(tags=[Tag("W", wide)]), 500) as wire:
        path = plain(0x6C, wide.instance)
        first = await wire.ask(0x4C, path, struct.pack("<IH", 0, 1900))
        rest = await wire.ask(0x4C, path, struct.pack("<IH", len(first.data), 16))
    assert (first.status, rest.status) == (6, 0)
    assert 480 < len(first.data) <= 494


def test_a_handle_is_the_layout() -> None:
    def point(*members: Member) -> int:
        return Structure("Point", members).handle

    one = point(Member("X", "INT"), Member("Y", "INT"))
    assert one == point(Member("X", "INT"), Member("Y", "INT"))
    assert one not in (
        point(Member("Y", "INT"), Member("X", "INT")),
        point(Member("X", "INT"), Member("Y", "UINT")),
        point(Member("X", "INT"), Member("Y", "INT", 2)),
        point(Member("X", "INT")),
    )
