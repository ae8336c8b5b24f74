"""SLC, MicroLogix and PLC-5: what becomes of answers that are amiss, and of refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.drivers.enip_pccc_plant import plc5, slc
from tests.drivers.enip_pccc_pull import HEAD, PCCC, TYPED_READ, gaps, pulled, reads, spoil

from goldcopy.driver import Meter, Target
from goldcopy.errors import Malformed, Refused, Unreachable, Unsupported
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import DriveSimulator, PcccSimulator


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data[:9] + bytes((data[9] ^ 1,)) + data[10:], "transaction"),
        (lambda data: data[:7] + bytes((data[7] ^ 8,)) + data[8:], "answers"),
        (lambda data: data[:3] + bytes((data[3] ^ 1,)) + data[4:], "not to this session"),
        (lambda data: data[:10], "not to this session"),
        (lambda data: b"", "not to this session"),
        (lambda data: data[:8] + b"\xf0" + data[9:11], "extended status"),
    ],
    ids=["transaction", "command", "requestor", "cut", "empty", "no extended status"],
)
@pytest.mark.parametrize("name", [TYPED_READ, "PCCC diagnostic status"])
async def test_a_reply_to_another_command_is_not_believed(
    name: str, change: Callable[[bytes], bytes], says: str
) -> None:
    async with slc() as simulator:
        spoil(simulator, name, change)
        target = Target("slc", simulator.host, simulator.port, timeout=2.0, options=PCCC)
        async with EnipDriver().open(target, Meter()) as session:
            with pytest.raises(Malformed, match=says):
                await session.read()
            asked = len(simulator.log)
            with pytest.raises(Malformed, match=says):
                await session.read()
            assert len(simulator.log) == asked, "the connection goes on being used"


async def test_replies_that_are_mixed_up_are_not_believed() -> None:
    """Two in flight, each answered with the other's data: CIP's marks are right, PCCC's not."""
    async with slc() as simulator:
        before: list[bytes] = []

        def another(data: bytes) -> bytes:
            before.append(data)
            return before[-2] if len(before) > 1 else data

        spoil(simulator, TYPED_READ, another)
        with pytest.raises(Malformed, match="transaction"):
            await pulled(simulator)


@pytest.mark.parametrize(
    ("tail", "says"),
    [
        (b"\xf0\x0b", "access is denied"),
        (b"\xf0\x1a", "another node has the file open"),
        (b"\xf0\xee", "EXT STS 0xee"),
        (b"\x50", "memory is protected"),
        (b"\x60", "protection of the node"),
        (b"\x01", "STS 0x01"),
    ],
)
async def test_a_file_that_is_refused_is_a_gap_with_the_reason(tail: bytes, says: str) -> None:
    async with slc() as simulator:
        # 1c 08 8a: the whole of F8 in one read.
        spoil(
            simulator,
            TYPED_READ,
            lambda data: data[:8] + tail[:1] + data[9:11] + tail[1:],
            "0c088a",
        )
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["file/F8"]
        assert says in gaps(snapshot)["file/F8"]
        assert not any(item.path.startswith("file/F8/") for item in snapshot.items)
        assert snapshot.by_path["file/N7/119"].value == 59


@pytest.mark.parametrize("change", [lambda data: data[:-2], lambda data: data + b"\0\0"])
async def test_data_that_is_short_or_long_is_a_gap(change: Callable[[bytes], bytes]) -> None:
    async with slc() as simulator:
        spoil(simulator, TYPED_READ, change, "de0789")
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["file/N7/0..110"]
        assert "222 bytes were asked for" in gaps(snapshot)["file/N7/0..110"]
        found = [item.path for item in snapshot.items if item.path.startswith("file/N7/")]
        assert found == [f"file/N7/{at}" for at in range(111, 120)]


async def test_a_string_that_claims_too_much_is_a_gap() -> None:
    async with slc() as simulator:
        simulator.files[9].memory[84:86] = b"\x53\0"
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["file/ST9/1"]
        assert snapshot.by_path["file/ST9/2"].value == "Recipe 2"


@pytest.mark.parametrize("status", [0x30, 0x90, 0xA0, 0xB0, 0xC0])
async def test_a_processor_that_is_busy_is_asked_again_later(status: int) -> None:
    async with slc() as simulator:
        spoil(
            simulator,
            TYPED_READ,
            lambda data: data[:8] + bytes((status,)) + data[9:11],
        )
        with pytest.raises(Unreachable, match="pull again later"):
            await pulled(simulator)


async def test_a_device_without_pccc_says_so() -> None:
    async with DriveSimulator.demo("conveyor") as simulator:
        with pytest.raises(Refused, match=r"takes no PCCC.*options\.profile"):
            await pulled(simulator)


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        ("", Malformed, "0 bytes"),
        ("00ee345b", Malformed, "24 belong"),
        ("06eb4b00c00000", Malformed, "18 belong"),
        ("0041ff", Unsupported, "no SLC, MicroLogix or PLC-5"),
    ],
)
async def test_a_diagnostic_status_that_is_none(
    status: str, error: type[Exception], says: str
) -> None:
    async with slc() as simulator:
        spoil(
            simulator,
            "PCCC diagnostic status",
            lambda data: data[:HEAD] + bytes.fromhex(status),
        )
        with pytest.raises(error, match=says):
            await pulled(simulator)


@pytest.mark.parametrize("simulator", [slc(), plc5()], ids=["slc", "plc5"])
async def test_nothing_is_read_while_a_program_is_downloaded(simulator: PcccSimulator) -> None:
    simulator.mode = 0x10
    async with simulator:
        with pytest.raises(Unreachable, match="downloaded"):
            await pulled(simulator)
        assert not reads(simulator)


async def test_a_program_that_changes_meanwhile_is_not_kept() -> None:
    async with slc() as simulator:

        def downloaded(data: bytes) -> bytes:
            simulator.program += 1
            return data

        spoil(simulator, TYPED_READ, downloaded, "de0789")
        with pytest.raises(Malformed, match="program changed"):
            await pulled(simulator)


async def test_a_device_that_does_not_say_who_it_is() -> None:
    """Older interfaces have no identity object; the processor behind them tells its name."""
    async with slc() as simulator:
        del simulator.objects[0x01]
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["identity"]
        assert (snapshot.identity.product, snapshot.identity.order_code) == ("", "1747-L553")
        assert snapshot.by_path["file/N7/0"].value == -60


async def test_a_plc5_file_of_another_kind_is_a_gap_and_no_wrong_value() -> None:
    names = ("C4:2", "T5:1", "N8:3", "F7:60", "B6:1", "N77:4", "N11:2")
    async with plc5() as simulator:
        snapshot = await pulled(simulator, Options(profile="pccc", files=names))
        found = gaps(snapshot)
        for path in ("file/C4", "file/T5", "file/N8", "file/F7", "file/B6"):
            assert "its type is" in found[path], path
        assert "nothing at this address" in found["file/N77"]
        assert len(found) == 6
        assert snapshot.by_path["file/N11/0"].value == 0x1299


@pytest.mark.parametrize(
    ("kind", "fine"),
    [
        ("9408", True), ("9a08 0400", True), ("aa0800 04", False), ("42", False), ("", False),
        ("99", False), ("9909 0e 9408", True), ("9909 07 42", False), ("9909 07", False),
    ],
)  # fmt: skip
async def test_types_in_all_their_forms(kind: str, fine: bool) -> None:
    """1770-6.5.16, 7-36: half bytes, or bytes that follow, least significant first."""
    octets = bytes.fromhex(kind)
    async with plc5() as simulator:
        spoil(simulator, "PCCC typed read of a PLC-5", lambda data: data[:HEAD] + octets)
        snapshot = await pulled(simulator, Options(profile="pccc", files=("F8:3",)))
        assert (not snapshot.gaps) == fine
