"""The Logix simulator: lists, templates, tags and tokens, as bytes."""

from __future__ import annotations

import struct
from typing import NamedTuple

import pytest
from tests.simulators.enip_wire import (
    Answer,
    Wire,
    name,
    opened,
    packed,
    plain,
    request,
    unpacked,
)

from goldcopy_sim.enip import (
    NONE,
    READ_ONLY,
    STRING,
    TIMER,
    LogixSimulator,
    Member,
    Program,
    Structure,
    Tag,
)

POINT = Structure("Point", (
    Member("X", "INT"), Member("On", "BOOL"), Member("Off", "BOOL"), Member("Z", "REAL", 2),
))  # fmt: skip
GUARD = Structure("Guard", (
    Member("Open", "DINT"), Member("Key", "DINT", access=NONE),
    Member("Seen", "DINT", access=READ_ONLY),
))  # fmt: skip
NEST = Structure("Nest", (Member("Guard", GUARD), Member("Points", POINT, 2)))
LIST = struct.pack("<7H", 6, 1, 2, 6, 7, 8, 10)


def controller(**options: object) -> LogixSimulator:
    tags = [
        Tag("Speed", value=42),
        Tag("Flag", "BOOL", value=True),
        Tag("Grid", "INT", (2, 3, 4), list(range(24))),
        Tag("Bits", "BOOL", (64,), [at % 3 == 0 for at in range(64)]),
        Tag("Point", POINT, value={"X": -2, "Off": True, "Z": [1.5, -0.5]}),
        Tag("Points", POINT, (3,), [{"X": at} for at in range(3)]),
        Tag("Nest", NEST, value={"Points": [{"X": 5}, {"X": 6}]}),
        Tag("Guard", GUARD, value={"Open": 3, "Key": 4711, "Seen": 8}),
        Tag("Text", STRING, value="hello"),
        Tag("Timer", TIMER, value={"PRE": 500, "DN": True}),
        Tag("Fixed", value=1, constant=True),
        Tag("Shown", value=2, access=READ_ONLY),
        Tag("Hidden", value=3, access=NONE),
        Tag("Other", alias="Speed"),
        Tag("Bit", alias="Point.Off"),
        Tag("Local:1:C", "DINT", value=9),
    ]
    programs = [Program("Main", [Tag("Count", value=7)], ("MainRoutine", "Sub"))]
    return LogixSimulator(tags=tags, programs=programs, **options)  # type: ignore[arg-type]


class Row(NamedTuple):
    id: int
    name: str
    word: int
    control: int
    size: int
    dims: tuple[int, ...]
    access: int


def rows(data: bytes) -> list[Row]:
    found, at = [], 0
    while at < len(data):
        number, length = struct.unpack_from("<IH", data, at)
        text = data[at + 6 : at + 6 + length].decode()
        at += 6 + length
        word, control, size, *dims, access = struct.unpack_from("<HIH3IB", data, at)
        at += 21
        found.append(Row(number, text, word, control, size, tuple(dims), access))
    return found


async def listed(wire: Wire, scope: bytes = b"") -> dict[str, Row]:
    found: dict[str, Row] = {}
    start, pages = 0, 0
    while True:
        page = await wire.ask(0x55, scope + plain(0x6B, start), LIST)
        assert page.status in (0, 6)
        for row in rows(page.data):
            assert row.name not in found, "a row came twice"
            assert row.id >= start
            found[row.name] = row
            start = row.id + 1
        pages += 1
        if not page.status:
            assert pages > 1
            return found


async def ask(service: int, path: str | bytes, data: str, **options: object) -> Answer:
    async with opened(controller(**options)) as wire:
        path = name(path) if isinstance(path, str) else path
        return await wire.ask(service, path, bytes.fromhex(data))


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


HANDLE = POINT.handle.to_bytes(2, "little").hex()


@pytest.mark.parametrize(
    ("path", "count", "reply"),
    [
        ("Speed", 1, "c400 2a000000"),
        ("speed", 1, "c400 2a000000"),
        ("Other", 1, "c400 2a000000"),
        ("Flag", 1, "c100 01"),
        ("Bit", 1, "c100 01"),
        ("Point.On", 1, "c100 00"),
        ("Point.Z", 2, "ca00 0000c03f 000000bf"),
        ("Point.Z[1]", 1, "ca00 000000bf"),
        ("Grid[1,0,2]", 2, "c300 0e00 0f00"),
        ("Bits", 2, "d300 49922449 92244992"),
        ("Points[2].X", 1, "c300 0200"),
        ("Nest.Points[1].X", 1, "c300 0600"),
        ("Program:Main.Count", 1, "c400 07000000"),
        ("Local:1:C", 1, "c400 09000000"),
        ("Guard.Open", 1, "c400 03000000"),
        ("Timer.PRE", 1, "c400 f4010000"),
        ("Timer.DN", 1, "c100 01"),
        ("Timer", 1, "a002 830f 00000020 f4010000 00000000"),
        ("Point", 1, f"a002 {HANDLE} feff 02 00 0000c03f 000000bf"),
        ("Points[1]", 1, f"a002 {HANDLE} 0100 00 00 00000000 00000000"),
    ],
)
async def test_reads_by_name(path: str, count: int, reply: str) -> None:
    answer = await ask(0x4C, path, struct.pack("<H", count).hex())
    assert answer == (0, (), bytes.fromhex(reply))


async def test_reads_by_number() -> None:
    async with opened(controller()) as wire:
        page = await wire.ask(0x55, plain(0x6B, 0), LIST)
        number = {row.name: row.id for row in rows(page.data)}
        by_number = [
            await wire.ask(0x4C, path, b"\1\0")
            for path in (
                plain(0x6B, number["Speed"]),
                bytes((0x20, 0x6B, 0x24, number["Speed"])),
                plain(0x6B, number["Points"]) + bytes.fromhex("2900 0200") + name("X"),
                plain(0x6B, number["Grid"]) + bytes.fromhex("2801 2a00 00000000 2802"),
                plain(0x6B, 999),
                plain(0x6B, number["Program:Main"]),
            )
        ]
    data = [answer.data.hex() for answer in by_number]
    assert data == ["c4002a000000", "c4002a000000", "c3000200", "c3000e00", "", ""]
    assert [answer.status for answer in by_number] == [0, 0, 0, 0, 5, 4]


@pytest.mark.parametrize(
    ("path", "data", "status", "extended"),
    [
        ("Nobody", "0100", 0x04, (0,)),
        ("Program:None.Count", "0100", 0x04, (0,)),
        ("Speed.X", "0100", 0x04, (0,)),
        ("Grid[1]", "0100", 0x04, (0,)),
        ("Points.X", "0100", 0x04, (0,)),
        ("Point.ZZZZZZZZZZPoint0", "0100", 0x04, (0,)),
        ("Grid[2,0,0]", "0100", 0xFF, (0x2105,)),
        ("Grid[1,2,3]", "0200", 0xFF, (0x2105,)),
        ("Speed", "0200", 0xFF, (0x2105,)),
        ("Speed", "0000", 0xFF, (0x2105,)),
        ("Speed", "", 0x13, ()),
        ("Hidden", "0100", 0x0F, ()),
        ("Guard", "0100", 0x0F, ()),
        ("Guard.Key", "0100", 0x0F, ()),
        ("Nest", "0100", 0x0F, ()),
        ("Nest.Guard.Key", "0100", 0x0F, ()),
    ],
)
async def test_refused_reads(path: str, data: str, status: int, extended: tuple[int, ...]) -> None:
    assert await ask(0x4C, path, data) == (status, extended, b"")


@pytest.mark.parametrize(
    ("path", "data", "address", "value"),
    [
        ("Speed", "c400 0100 feffffff", "Speed", -2),
        ("Other", "c400 0100 05000000", "Speed", 5),
        ("Flag", "c100 0100 00", "Flag", False),
        ("Point.On", "c100 0100 ff", "Point.On", True),
        ("Bit", "c100 0100 00", "Point.Off", False),
        ("Grid[1,2,2]", "c300 0200 6300 6400", "Grid", (*range(22), 99, 100)),
        ("Program:Main.Count", "c400 0100 08000000", "Program:Main.Count", 8),
        ("Guard.Open", "c400 0100 09000000", "Guard.Open", 9),
        ("Point", f"a002 {HANDLE} 0100 0700 03 00 00000000 00000000", "Point.X", 7),
        ("Speed", "c400 0100 03000000 4d02", "Speed", 3),
    ],
)
async def test_writes(path: str, data: str, address: str, value: object) -> None:
    simulator = controller()
    before = simulator.values()
    async with opened(simulator) as wire:
        answer = await wire.ask(0x4D, name(path), bytes.fromhex(data))
    assert answer == (0, (), b"")
    after = simulator.values()
    assert after[address][1] == value
    others = {key for key in before if before[key] != after[key]} - {address, "Other", "Bit"}
    assert others <= ({"Point.On", "Point.Off", "Point.Z"} if path == "Point" else set())
    assert [service.writes for service in simulator.log].count(True) == 1
    assert bool(simulator.violations) is data.endswith("4d02")


@pytest.mark.parametrize(
    ("path", "data", "status", "extended"),
    [
        ("Speed", "c300 0100 0100", 0xFF, (0x2107,)),
        ("Point", "a002 0000 0100 000000000000000000000000", 0xFF, (0x2107,)),
        ("Speed", "c400 0200 0100000002000000", 0xFF, (0x2105,)),
        ("Speed", "c400 0100 0100", 0x13, ()),
        ("Fixed", "c400 0100 01000000", 0x0F, ()),
        ("Shown", "c400 0100 01000000", 0x0F, ()),
        ("Hidden", "c400 0100 01000000", 0x0F, ()),
        ("Guard.Seen", "c400 0100 01000000", 0x0F, ()),
        ("Guard", f"a002 {GUARD.handle.to_bytes(2, 'little').hex()} 0100" + 12 * "00", 0x0F, ()),
    ],
)
async def test_refused_writes(path: str, data: str, status: int, extended: tuple[int, ...]) -> None:
    simulator = controller()
    before = simulator.values()
    async with opened(simulator) as wire:
        answer = await wire.ask(0x4D, name(path), bytes.fromhex(data))
    assert answer == (status, extended, b"")
    assert simulator.values() == before
    assert simulator.log[-1].writes


async def test_fragments_add_up_both_ways() -> None:
    simulator = LogixSimulator.flat(0, 1, 1000)
    held = simulator.values()["A000"][1]
    async with opened(simulator, 500) as wire:
        octets, count = b"", struct.pack("<H", 1000)
        while len(octets) < 4000:
            part = await wire.ask(0x52, name("A000"), count + struct.pack("<I", len(octets)))
            octets += part.data[2:]
            assert part.status == (6 if len(octets) < 4000 else 0)
        assert struct.unpack("<1000i", octets) == held
        beyond = await wire.ask(0x52, name("A000"), count + struct.pack("<I", 4000))
        assert (beyond.status, beyond.extended) == (0xFF, (0x2104,))
        new = bytes(range(250)) * 16
        for at in range(0, 4000, 400):
            body = struct.pack("<HHI", 0xC4, 1000, at) + new[at : at + 400]
            assert (await wire.ask(0x53, name("A000"), body)).status == 0
    assert simulator.values()["A000"][1] == struct.unpack("<1000i", new)


async def test_single_bits_are_set_and_cleared_in_one_go() -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        masks = bytes.fromhex("0400 01000000 f7ffffff")  # 42 = 0b101010
        assert (await wire.ask(0x4E, name("Speed"), masks)).status == 0
        assert (await wire.ask(0x4E, name("Speed"), bytes.fromhex("0200 0100 ffff"))).status == 3
        bits = bytes.fromhex("0400 02000000 ffffffff")
        assert (await wire.ask(0x4E, name("Bits[1]"), bits)).status == 0
    assert simulator.values()["Speed"] == ("DINT", 0b100011)
    flags = simulator.values()["Bits"][1]
    assert isinstance(flags, tuple)
    assert flags[33] is True


async def test_a_multiple_service_packet_answers_each() -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        good, bad = request(0x4C, name("Speed"), b"\1\0"), request(0x4C, name("Hidden"), b"\1\0")
        write = request(0x4D, name("Speed"), bytes.fromhex("c400 0100 01000000"))
        whole = await wire.inside(packed(good, good))
        mixed = await wire.inside(packed(good, bad, write, good))
    assert whole.status == 0
    assert [answer.status for answer in unpacked(mixed.data)] == [0, 0x0F, 0, 0]
    assert mixed.status == 0x1E
    assert unpacked(mixed.data)[3].data == bytes.fromhex("c400 01000000")
    assert [(entry.name, entry.writes, entry.detail) for entry in simulator.log[-2:]] == [
        ("Multiple Service Packet", False, "2 services"),
        ("Multiple Service Packet", True, "4 services"),
    ]
    assert [entry.name for entry in simulator.services[-4:]] == [
        "Read Tag", "Read Tag", "Write Tag", "Read Tag",
    ]  # fmt: skip


async def test_items_share_the_room_of_the_packet() -> None:
    simulator = LogixSimulator.flat(1, 2, 200)
    async with opened(simulator, 500) as wire:
        read = [request(0x4C, name(f"A{at:03d}"), b"\x64\0") for at in (0, 1)]
        answer = await wire.inside(packed(*read, request(0x4C, name("D0000"), b"\1\0")))
    first, second, third = unpacked(answer.data)
    assert 2 + 4 + len(answer.data) <= 500
    assert (answer.status, first.status, second.status, third.status) == (0x1E, 0, 6, 6)
    assert len(first.data) == 402
    assert len(second.data) == 2 + 4 * ((500 - 6 - 8 - 406 - 4 - 4 - 2) // 4)
    assert third.data == b""


async def test_tokens_move_with_edits_and_downloads_not_with_values() -> None:
    simulator = controller(audit=0x1122334455667788)
    question = bytes.fromhex("0500 0100 0200 0300 0400 0a00")
    async with opened(simulator) as wire:
        tokens = [await wire.ask(0x03, plain(0xAC, 1), question)]
        simulator.change("Speed", 1)
        tokens.append(await wire.ask(0x03, plain(0xAC, 1), question))
        simulator.edit(Tag("New", "REAL"))
        tokens.append(await wire.ask(0x03, plain(0xAC, 1), question))
        simulator.download([Tag("Speed")])
        tokens.append(await wire.ask(0x03, plain(0xAC, 1), question))
        audit = await wire.ask(0x0E, plain(0x8E, 1, 0x1B))
        simulator.version_status = 0x10
        assert (await wire.ask(0x03, plain(0xAC, 1), question)).status == 0x10
    assert [answer.status for answer in tokens] == [0] * 4
    assert len(tokens[0].data) == 2 + 5 * 4 + 2 * 2 + 3 * 4
    assert tokens[0] == tokens[1] != tokens[2] != tokens[3]
    assert audit.data == bytes.fromhex("8a77665544332211")  # an edit and a download later
    assert list(simulator.values()) == ["Speed"]


async def test_an_edit_can_move_the_numbers() -> None:
    simulator = controller()
    async with opened(simulator) as wire:
        before = rows((await wire.ask(0x55, plain(0x6B, 0), LIST)).data)
        old = {row.name: row.id for row in before}
        for number in old.values():
            await wire.ask(0x4C, plain(0x6B, number), b"\1\0")
        simulator.edit(Tag("New"))
        after = rows((await wire.ask(0x55, plain(0x6B, 0), LIST)).data)
        moved = [row for row in after if row.name in old and old[row.name] != row.id]
        assert moved
        for row in moved:
            by_number = await wire.ask(0x4C, plain(0x6B, row.id), b"\1\0")
            assert by_number == await wire.ask(0x4C, name(row.name), b"\1\0")


async def test_what_is_not_served() -> None:
    assert (await ask(0x0E, plain(0x8E, 1, 0x1B), "")).status == 0x05
    assert (await ask(0x03, plain(0xAC, 1), "0100 0100", tag_version=False)).status == 0x05
    assert (await ask(0x05, plain(0x01, 1), "")).status == 0x08
    assert (await ask(0x0A, b"\x20\x02\x24\x01", "", multiple=False)).status == 0x08
    assert (await ask(0x99, "Speed", "")).status == 0x04


async def test_a_micro800_knows_names_alone() -> None:
    simulator = controller(micro800=True)
    async with opened(simulator) as wire:
        assert (await wire.ask(0x4C, name("Speed"), b"\1\0")).data[2:] == b"\x2a\0\0\0"
        page = await wire.ask(0x55, plain(0x6B, 0), LIST)
        number = next(row.id for row in rows(page.data) if row.name == "Speed")
        assert (await wire.ask(0x4C, plain(0x6B, number), b"\1\0")).status == 0x05
        assert (await wire.ask(0x03, plain(0xAC, 1), b"\1\0\1\0")).status == 0x05
        inner = request(0x4C, name("Speed"), b"\1\0")
        assert (await wire.inside(packed(inner))).status == 0x08
        identity = await wire.ask(0x0E, plain(1, 1, 7))
        assert identity.data.startswith(b"\x0f2080")
        assert (await wire.open(path=b"\x01\x00\x20\x02\x24\x01")).status == 1


async def test_endless_lists_go_on_with_new_rows() -> None:
    async with opened(controller(fault="endless-list"), 500) as wire:
        start = 0
        seen: set[str] = set()
        for _ in range(50):
            page = await wire.ask(0x55, plain(0x6B, start), LIST)
            assert page.status == 6
            names = {row.name for row in rows(page.data)}
            assert names
            assert not names & seen
            seen |= names
            start = rows(page.data)[-1].id + 1


async def test_partial_data_without_data() -> None:
    for service, data in ((0x4C, "0100"), (0x52, "0100 00000000")):
        answer = await ask(service, "Speed", data, fault="empty-partial")
        assert (answer.status, answer.data) == (6, b"\xc4\x00")


async def test_templates_that_lie_or_are_not_there() -> None:
    question = "0200 0400 0200"
    path = plain(0x6C, POINT.instance)
    honest = await ask(0x03, path, question)
    lied = await ask(0x03, path, question, fault="lying-template")
    words, members = (struct.unpack("<6xI4xH", answer.data) for answer in (honest, lied))
    assert members[0] > words[0]
    assert members[1] > words[1]
    whole = await ask(0x4C, path, struct.pack("<IH", 0, 2000).hex(), fault="lying-template")
    assert len(whole.data) < 4 * members[0] - 23
    assert (await ask(0x03, path, question, fault="unknown-template")).status == 0x05


async def test_types_from_the_future() -> None:
    async with opened(controller(fault="future-type")) as wire:
        page = await wire.ask(0x55, plain(0x6B, 0), LIST)
        words = {row.name: row.word for row in rows(page.data)}
        read = await wire.ask(0x4C, name("Speed"), b"\1\0")
    assert (words["Speed"], words["Flag"]) == (0xEE, 0xC1)
    assert read.data[:2] == b"\xee\x00"


async def test_a_version_that_moves() -> None:
    async with opened(controller(fault="version-moves")) as wire:
        one, two = [await wire.ask(0x03, plain(0xAC, 1), b"\1\0\1\0") for _ in range(2)]
    assert one.data != two.data
