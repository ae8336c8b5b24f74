"""The Logix simulator: tokens, what is not served, and its faults, as bytes."""

from __future__ import annotations

import struct

from tests.simulators.enip_controller import (
    LIST,
    POINT,
    ask,
    controller,
    rows,
)
from tests.simulators.enip_wire import (
    name,
    opened,
    packed,
    plain,
    request,
)

from goldcopy_sim.enip import (
    Tag,
)


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
