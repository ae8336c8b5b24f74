"""Blocks are loaded into a CPU in STOP, linked in, read back; else it is told how far it went."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.drivers.s7_plant import everyone_left, pull

from goldcopy.driver import Meter, Secret, Target
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable, Unsupported, Wrong
from goldcopy.snapshot import Blob, Item, Value
from goldcopy_s7 import S7Driver, block
from goldcopy_s7.download import download
from goldcopy_s7.link import opened
from goldcopy_s7.options import Options, Szl
from goldcopy_s7.writer import S7Writer
from goldcopy_sim.mishap import Mishap
from goldcopy_sim.s7 import Block, Identity, Key, Kind, S7Simulator
from goldcopy_sim.s7.session import Session

UNTOUCHED = "has taken nothing"
PASSIVE = "as a passive copy, in part or whole"
NOT_LINKED = "as a passive copy, which is not linked in"
MAYBE_LINKED = "whether as a passive copy or linked in"
UNPROVED = "could not be read back as a proof"
LOADING: dict[str, tuple[type[GoldcopyError], str]] = {
    "download-refused": (Refused, UNTOUCHED),
    "download-silent": (Unreachable, PASSIVE),
    "download-cut": (Unreachable, PASSIVE),
    "download-rejected": (Refused, PASSIVE),
    "insert-refused": (Refused, NOT_LINKED),
    "insert-altered": (Refused, "from byte 36 on"),
}
"""Faults that only a download meets."""
LINKS: dict[str, type[GoldcopyError]] = {
    "silent": Unreachable,
    "garbage": Malformed,
    "cut": Unreachable,
    "wrong-reference": Malformed,
    "late": Unreachable,
    "duplicate": Malformed,
    "busy": Refused,
}
"""Faults of the link, from the request of the download on."""
OLD = Block(Kind.FC, 1, b"\x65\0", language=2)
NEW = Block(Kind.FC, 1, bytes(range(256)) * 3, interface=b"sbb!", language=2, family="MOTION")
FAIL_SAFE = 0x23


def plant(**options: object) -> S7Simulator:
    chosen = {"running": False, "pdu": 240} | options
    return S7Simulator(blocks=[OLD, Block(Kind.OB, 1, b"\x65\0")], **chosen)  # type: ignore[arg-type]


def item(block: Block, content: Value | None = None) -> Item:
    value = block.pack() if content is None else content
    return Item(f"block/{block}", "block", "BYTES", value)


@asynccontextmanager
async def writing(
    simulator: S7Simulator, *, password: str = "", **options: object
) -> AsyncIterator[S7Writer]:
    chosen = Options(**{"download": True} | options)  # type: ignore[arg-type]
    secret = Secret(password) if password else None
    address = simulator.host, simulator.port
    target = Target("cpu", *address, timeout=0.3, password=secret, options=chosen)
    async with S7Driver().open_writing(target, Meter()) as writer:
        assert isinstance(writer, S7Writer)
        yield writer


def written(simulator: S7Simulator) -> list[str]:
    return [entry.name for entry in simulator.log if entry.writes]


# -- what goes well --------------------------------------------------------------------------------


@pytest.mark.parametrize("pdu", [112, 240, 480, 960])
async def test_blocks_of_every_kind_are_loaded_byte_by_byte(pdu: int) -> None:
    source = S7Simulator.many(220)
    kinds = (Kind.OB, Kind.FB, Kind.FC, Kind.SDB)
    keys = [key for kind in kinds for key in source.images if key.kind is kind]
    blocks = [Block.parse(bytes(source.images[key])) for key in keys]
    async with plant(pdu=pdu) as simulator:
        async with writing(simulator) as writer:
            groups = writer.groups([item(block) for block in blocks])
            assert [len(group) for group in groups] == [1] * len(blocks)
            for group in groups:
                await writer.write(group)
        assert len(blocks) > 20
        for key, block in zip(keys, blocks, strict=True):
            assert simulator.images[key] == block.pack()
    assert written(simulator) == ["request download", "PI service _INSE"] * len(blocks)
    assert not simulator.passive
    assert not simulator.violations


@pytest.mark.parametrize("beside", [-1, 0, 1])
@pytest.mark.parametrize("parts", [1, 2, 5])
async def test_a_block_is_cut_where_the_pdu_ends(parts: int, beside: int) -> None:
    size = parts * (240 - 18) + beside
    block = Block(Kind.FB, 7, bytes(size - 72))
    async with plant() as simulator, writing(simulator) as writer:
        assert len(block.pack()) == size
        await writer.write([item(block)])
        assert simulator.images[Key(Kind.FB, 7)] == block.pack()
    assert not simulator.violations


async def test_a_block_through_small_packets() -> None:
    """A PDU of more than 128 bytes then goes in several (ISO 8073 6.3)."""
    async with plant() as simulator:
        target = Target("cpu", simulator.host, simulator.port)
        async with opened(target, Options(), Meter(), writing=True) as link:
            link.tpdu = 128
            key = block.Key("FC", 1)
            await download(link, key, block.from_upload(key, NEW.pack()))
        assert simulator.images[Key(Kind.FC, 1)] == NEW.pack()
    assert not simulator.violations


@pytest.mark.parametrize("first", range(8))
async def test_the_cpu_numbers_its_jobs_as_it_likes(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them has the number of the request that is in flight."""
    numbered = functools.partial(Session, reference=first)
    monkeypatch.setattr("goldcopy_sim.s7.connection.Session", numbered)
    async with plant() as simulator, writing(simulator) as writer:
        await writer.write([item(NEW)])
        assert simulator.images[Key(Kind.FC, 1)] == NEW.pack()
    assert not simulator.violations


async def test_a_program_goes_back_as_it_was_pulled() -> None:
    options = Options(download=True)
    async with S7Simulator.demo("line1-press") as simulator:
        before, _ = await pull(simulator, options)
        blocks = [one for one in before.items if one.kind == "block" and one.type == "BYTES"]
        wanted = [one for one in blocks if one.access == "read-write"]
        assert {one.path for one in blocks} - {one.path for one in wanted} == {
            one.path for one in blocks if one.path.startswith("block/DB")
        }
        for one in wanted[1:]:
            image = bytearray(held(before.blobs, one.value))
            image[-10] ^= 0xFF  # the checksum
            simulator.change(one.path, bytes(image))
        simulator.switch(running=False)
        async with writing(simulator) as writer:
            for one in wanted:
                whole = held(before.blobs, one.value)
                await writer.write([Item(one.path, "block", "BYTES", whole)])
        simulator.switch(running=True)
        after, _ = await pull(simulator, options)
    values = {one.path: one.value for one in after.items if one.kind == "block"}
    assert values == {one.path: one.value for one in before.items if one.kind == "block"}


def held(blobs: object, value: Value) -> bytes:
    found = blobs[value.sha256] if isinstance(value, Blob) else value  # type: ignore[index]
    assert isinstance(found, bytes)
    return found


async def test_the_protection_level_counts() -> None:
    async with plant(protection=2, password="s3cret") as simulator:
        with pytest.raises(Refused, match=f"block/FC1: .*0xd241.*{UNTOUCHED}"):
            async with writing(simulator) as writer:
                await writer.write([item(NEW)])
        assert simulator.images[Key(Kind.FC, 1)] == OLD.pack()
        async with writing(simulator, password="s3cret") as writer:
            await writer.write([item(NEW)])
        assert simulator.images[Key(Kind.FC, 1)] == NEW.pack()


# -- what is refused before anything is sent -------------------------------------------------------


async def test_a_cpu_in_run_is_left_alone_unless_it_is_asked_for() -> None:
    async with plant(running=True) as simulator:
        with pytest.raises(Refused, match="in RUN: switch it to STOP"):
            async with writing(simulator) as writer:
                await writer.write([item(NEW)])
        assert not written(simulator)
        with pytest.raises(Refused, match=f"0x8001.*{UNTOUCHED}"):
            async with writing(simulator, download_in_run=True) as writer:
                await writer.write([item(NEW)])
        assert simulator.images[Key(Kind.FC, 1)] == OLD.pack()
        simulator.load_in_run = True
        async with writing(simulator, download_in_run=True) as writer:
            await writer.write([item(NEW)])
        assert simulator.images[Key(Kind.FC, 1)] == NEW.pack()


async def test_the_mode_is_asked_for_just_before_each_block() -> None:
    async with plant() as simulator, writing(simulator) as writer:
        assert (await writer.identify()).mode == "STOP"
        await writer.write([item(NEW)])
        simulator.switch(running=True)
        simulator.load_in_run = True
        with pytest.raises(Refused, match="in RUN"):
            await writer.write([item(OLD)])
        assert simulator.images[Key(Kind.FC, 1)] == NEW.pack()


@pytest.mark.parametrize(
    ("identity", "szl", "error", "words"),
    [
        (Identity("6ES7 315-6FF04-0AB0"), Szl(), Unsupported, "is an F-CPU"),
        (Identity("6ES7 151-8FB01-0AB0"), Szl(), Unsupported, "is an F-CPU"),
        (Identity("6ES7 417-4HT14-0AB0"), Szl(), Unsupported, "may be an F-CPU"),
        (Identity("VIPA 315-4NE12"), Szl(), Unsupported, "may be an F-CPU"),
        (Identity(""), Szl(), Unsupported, "not told"),
        (Identity(), Szl(order=False), Unsupported, "not told"),
        (Identity(), Szl(mode=False), Refused, "an unknown mode"),
    ],
)
async def test_a_cpu_that_may_be_fail_safe_gets_no_block(
    identity: Identity, szl: Szl, error: type[GoldcopyError], words: str
) -> None:
    async with plant(identity=identity) as simulator, writing(simulator, szl=szl) as writer:
        with pytest.raises(error, match=words):
            await writer.write([item(NEW)])
    assert not written(simulator)
    assert "001C" not in str(simulator.log)


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        (item(Block(Kind.FC, 1, b"\x65\0", language=FAIL_SAFE)), Unsupported, "fail-safe block"),
        (item(Block(Kind.FB, 1, b"\x65\0", family="F_SAFE")), Unsupported, "fail-safe block"),
        (item(Block(Kind.FC, 1, b"\x65\0", family="f_sub")), Unsupported, "fail-safe block"),
        (item(Block(Kind.SFC, 1, b"\x65\0")), Unsupported, "part of the operating system"),
        (item(Block(Kind.SFB, 4, b"\x65\0")), Unsupported, "part of the operating system"),
        (item(Block(Kind.DB, 4, b"\x65\0", language=5)), Unsupported, "written, as db/4"),
        (item(NEW, NEW.pack()[:-1]), Wrong, "not the whole block"),
        (item(NEW, b"\0\0" + NEW.pack()[2:]), Wrong, "not the whole block"),
        (item(NEW, Block(Kind.FC, 2, b"\x65\0").pack()), Wrong, "number 2"),
        (item(NEW, Block(Kind.FB, 1, b"\x65\0").pack()), Wrong, "block type 0E"),
        (item(NEW, Blob.of(NEW.pack())), Wrong, "not at hand"),
        (Item("block/FC70000", "block", "BYTES", NEW.pack()), Unsupported, "only values"),
        (Item("block/FC1/author", "block", "STRING", "me"), Unsupported, "only values"),
    ],
)
async def test_what_is_no_block_to_be_loaded_is_refused_with_nothing_on_the_wire(
    what: Item, error: type[GoldcopyError], words: str
) -> None:
    async with plant() as simulator, writing(simulator) as writer:
        before = len(simulator.log)
        assert writer.groups([what, what]) == [[what], [what]]
        with pytest.raises(error, match=words):
            await writer.write([what])
        assert len(simulator.log) == before


async def test_blocks_are_loaded_only_where_the_options_say_so() -> None:
    async with plant() as simulator, writing(simulator, download=False) as writer:
        before = len(simulator.log)
        with pytest.raises(Wrong, match=r"options\.download: true"):
            await writer.write([item(NEW)])
        assert len(simulator.log) == before


# -- what goes wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", sorted(LOADING))
async def test_a_download_that_fails_tells_what_the_cpu_has(fault: str) -> None:
    error, words = LOADING[fault]
    async with plant(fault=fault) as simulator:
        async with asyncio.timeout(10):
            with pytest.raises(error, match=f"block/FC1: .*{words}"):
                async with writing(simulator) as writer:
                    await writer.write([item(NEW)])
            await everyone_left(simulator)
    key = Key(Kind.FC, 1)
    linked = simulator.images[key] != OLD.pack()
    assert linked == (fault == "insert-altered")
    assert (key in simulator.passive) == (words is NOT_LINKED)
    assert written(simulator).count("request download") == 1
    assert written(simulator).count("PI service _INSE") == fault.startswith("insert")


@pytest.mark.parametrize("fault", sorted(LINKS))
async def test_a_link_that_fails_meanwhile_is_closed_and_nothing_is_sent_twice(fault: str) -> None:
    words = NOT_LINKED if fault == "busy" else PASSIVE
    async with plant() as simulator:
        async with asyncio.timeout(10):
            async with writing(simulator) as writer:
                faulty_from(simulator, "request download", fault)
                with pytest.raises(LINKS[fault], match=f"block/FC1: .*{words}"):
                    await writer.write([item(NEW)])
                if fault != "busy":
                    await everyone_left(simulator)
            await everyone_left(simulator)
    assert simulator.fault == fault
    assert simulator.images[Key(Kind.FC, 1)] == OLD.pack()
    linking = ["PI service"] if fault == "busy" else []
    assert written(simulator) == ["request download", *linking]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("silent", UNPROVED),
        ("cut", MAYBE_LINKED),
        ("garbage", MAYBE_LINKED),
        ("wrong-reference", MAYBE_LINKED),
    ],
)
async def test_a_lost_answer_to_the_linking_is_told(fault: str, words: str) -> None:
    async with plant() as simulator:
        async with writing(simulator) as writer:
            faulty_from(simulator, "PI service _INSE", fault)
            with pytest.raises((Unreachable, Malformed), match=words):
                await writer.write([item(NEW)])
        await everyone_left(simulator)
    assert written(simulator) == ["request download", "PI service _INSE"]


async def test_the_end_of_a_download_that_did_not_reach_the_cpu_is_not_told_as_a_copy() -> None:
    async with plant() as simulator, writing(simulator) as writer:
        simulator.mishap = Mishap("dropped", 5)  # asked for, four parts, the end
        with pytest.raises(Refused, match=f"0xd209.*it may be in the CPU {PASSIVE}"):
            await writer.write([item(NEW)])
        assert (simulator.mishap.met, simulator.passive) == (1, {})
        assert simulator.images[Key(Kind.FC, 1)] == OLD.pack()


@pytest.mark.parametrize(("kind", "at"), [("ignored", 10), ("clamped", 36)])
async def test_what_the_cpu_says_it_has_linked_in_is_not_told_as_done(kind: str, at: int) -> None:
    async with plant() as simulator, writing(simulator) as writer:
        simulator.mishap = Mishap(kind, 0)
        words = f"the CPU says that it is linked in, .* another block, from byte {at} on"
        with pytest.raises(Refused, match=words):
            await writer.write([item(NEW)])


async def test_a_block_that_cannot_be_read_back_is_not_proved() -> None:
    async with plant() as simulator:
        async with writing(simulator) as writer:
            faulty_from(simulator, "start upload", "busy")
            with pytest.raises(GoldcopyError, match=UNPROVED):
                await writer.write([item(NEW)])
        assert simulator.images[Key(Kind.FC, 1)] == NEW.pack()


async def test_cancelled_in_the_middle_nothing_stays_open() -> None:
    async with plant(fault="download-silent") as simulator, writing(simulator) as writer:
        task = asyncio.create_task(writer.write([item(NEW)]))
        async with asyncio.timeout(5):
            while "request download" not in written(simulator):  # noqa: ASYNC110 (no event)
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await everyone_left(simulator)
    assert simulator.images[Key(Kind.FC, 1)] == OLD.pack()


class Log(list):  # type: ignore[type-arg]
    """A log in which an entry of some name sets a fault off."""

    def __init__(self, simulator: S7Simulator, name: str, fault: str) -> None:
        super().__init__(simulator.log)
        self.simulator, self.name, self.fault = simulator, name, fault

    def append(self, entry: object) -> None:
        super().append(entry)
        if getattr(entry, "name", "") == self.name:
            self.simulator.fault = self.fault


def faulty_from(simulator: S7Simulator, name: str, fault: str) -> None:
    simulator.log = Log(simulator, name, fault)
