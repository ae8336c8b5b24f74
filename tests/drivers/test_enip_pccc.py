"""SLC, MicroLogix and PLC-5: what is asked for, and what becomes of answers that are amiss."""

from __future__ import annotations

import struct
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.drivers.enip_pccc_plant import PLC5_FILES, files, held, plc5, slc

from goldcopy.driver import Meter, Target
from goldcopy.errors import Malformed, Refused, Unreachable, Unsupported
from goldcopy.snapshot import Snapshot
from goldcopy_enip import EnipDriver
from goldcopy_enip.epath import logical
from goldcopy_enip.guard import only_reads
from goldcopy_enip.messages import request
from goldcopy_enip.options import Options
from goldcopy_enip.pccc_files import KINDS
from goldcopy_enip.pccc_values import element, text
from goldcopy_enip.slc import field
from goldcopy_sim.enip import (
    MICROLOGIX_1400,
    DataFile,
    DriveSimulator,
    PcccSimulator,
    Plc5Simulator,
)
from goldcopy_sim.enip.cip import Reply, Request

PCCC = Options(profile="pccc")
HEAD = 11
"""Bytes of a reply before what the command brought: requestor, command, status, transaction."""
TYPED_READ = "PCCC typed read"


async def pulled(simulator: PcccSimulator | DriveSimulator, options: Options = PCCC) -> Snapshot:
    target = Target("slc", simulator.host, simulator.port, timeout=2.0, options=options)
    async with EnipDriver().open(target, Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("slc", "enip", identity, reading.items, reading.gaps)


def spoil(
    simulator: PcccSimulator, name: str, change: Callable[[bytes], bytes], within: str = ""
) -> None:
    """Change the replies to the commands of this name."""
    serve = simulator.objects[0x67]

    def spoilt(asked: Request) -> Reply:
        reply = serve(asked)
        service = simulator.services[-1]
        if service.name == name and service.detail.startswith(within):
            return reply._replace(data=change(reply.data))
        return reply

    simulator.objects[0x67] = spoilt


def gaps(snapshot: Snapshot) -> dict[str, str]:
    return {gap.path: gap.reason for gap in snapshot.gaps}


def reads(simulator: PcccSimulator, name: str = TYPED_READ) -> int:
    return [service.name for service in simulator.log].count(name)


# -- how much is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bulletin", "size", "requests"),
    [
        # 256 words of N at 111, 100 REALs at 55, 3 strings at 2, 40 timers at 37
        ("1747-L553", 4000, 3 + 2 + 2 + 2),
        # 82 bytes: 41 words, 20 REALs, 1 string, 13 timers
        ("5/02", 4000, 7 + 5 + 3 + 4),
        # 166 bytes are left of 200: 83, 41, 1, 27
        ("1747-L553", 200, 4 + 3 + 3 + 2),
    ],
)
async def test_requests_are_as_few_as_the_processor_allows(
    bulletin: str, size: int, requests: int
) -> None:
    content = [DataFile(*one) for one in (("T", 4, 40), ("N", 7, 256), ("F", 8, 100), ("ST", 9, 3))]
    names = ("T4:40", "N7:256", "F8:100", "ST9:3")
    async with PcccSimulator(files=content, max_size=size) as simulator:
        simulator.bulletin = bulletin
        snapshot = await pulled(simulator, Options(profile="pccc", size=size, files=names))
        assert not snapshot.gaps
        assert reads(simulator) == requests
        # Register, open, diagnosis twice, identity, close, unregister: no directory.
        assert len(simulator.log) == requests + 7
        assert not simulator.violations


async def test_the_directory_is_read_once_and_lists_what_is_read() -> None:
    async with slc() as simulator:
        snapshot = await pulled(simulator)
        assert not snapshot.gaps
        # 79 bytes of head, 21 rows of 10 bytes: the size, and four steps of 80 bytes.
        assert reads(simulator, "PCCC typed read, 2 fields") == 1 + 4
    listed = snapshot.by_path["files"].value
    assert isinstance(listed, tuple)
    assert listed[0] == "O0:2"
    assert listed[-1] == "L20:2"
    assert not any(item.path.startswith(("file/O", "file/I")) for item in snapshot.items)


async def test_a_micrologix_has_its_directory_elsewhere() -> None:
    async with slc() as simulator:
        simulator.bulletin, simulator.layout = "1766-L32BWA", MICROLOGIX_1400
        snapshot = await pulled(simulator)
        assert not snapshot.gaps
        read = {item.path: (item.type, item.value) for item in snapshot.items}
        assert read.items() >= held(simulator).items()


async def test_elements_behind_254_take_the_long_form() -> None:
    content = [DataFile("N", 255, 600, struct.pack("<600h", *range(600)))]
    for simulator in (PcccSimulator(files=content), Plc5Simulator(files=content)):
        async with simulator:
            snapshot = await pulled(simulator, Options(profile="pccc", files=("N255:600",)))
            assert not snapshot.gaps
            found = [snapshot.by_path[f"file/N255/{at}"].value for at in range(600)]
            assert found == list(range(600))


async def test_what_is_a_setting_and_how_it_is_addressed() -> None:
    async with slc() as simulator:
        items = (await pulled(simulator)).by_path
    expected = {
        "file/N7/3": ("setting", "read-write", "N7:3"),
        "file/ST9/1": ("setting", "read-write", "ST9:1"),
        "file/T4/1/PRE": ("setting", "read-write", "T4:1.PRE"),
        "file/T4/1/ACC": ("process", "read", "T4:1.ACC"),
        "file/T4/1/EN": ("process", "read", "T4:1/EN"),
        "file/R6/0/LEN": ("setting", "read-write", "R6:0.LEN"),
        "file/B3/1/5": ("process", "read-write", "B3:1/5"),
        "file/S2/4": ("diagnostic", "read", "S2:4"),
        "file/A10": ("setting", "read", "A10"),
    }
    for path, (role, access, address) in expected.items():
        item = items[path]
        assert (item.role, item.access, item.address) == (role, access, address), path
    assert items["file/A10"].value == b"Hello \0!\0\xff"


# -- answers that are not to what was asked --------------------------------------------------------


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


# -- what a processor refuses ----------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("bits", "mode"),
    [(1, "REMOTE PROG"), (3, "REMOTE SUSPEND"), (8, "REMOTE TEST"), (17, "PROG"), (30, "RUN")],
)
async def test_modes_of_an_slc(bits: int, mode: str) -> None:
    async with slc() as simulator:
        simulator.mode = bits
        assert (await pulled(simulator)).identity.mode == mode
        simulator.halted = simulator.locked = True
        identity = (await pulled(simulator)).identity
        assert (identity.mode, identity.protection) == (f"{mode}, FAULTED", "locked")


@pytest.mark.parametrize(("bits", "mode"), [(0, "PROG"), (2, "RUN"), (4, "REMOTE PROG")])
async def test_modes_of_a_plc5(bits: int, mode: str) -> None:
    async with plc5() as simulator:
        simulator.mode = bits
        identity = (await pulled(simulator, Options(profile="pccc", files=PLC5_FILES))).identity
        assert (identity.mode, identity.order_code) == (mode, "PLC-5/40E")


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


# -- directories that lie --------------------------------------------------------------------------


class Lying(PcccSimulator):
    """An SLC whose directory is changed on its way out."""

    lie: Callable[[bytearray], object]

    def directory(self) -> bytes:
        image = bytearray(super().directory())
        self.lie(image)
        return bytes(image)


def row(number: int) -> int:
    return 79 + 10 * number


@pytest.mark.parametrize(
    ("lie", "path", "says"),
    [
        (lambda image: struct.pack_into("<H", image, 70, 0xFFFF), "file", "65535 bytes cannot be"),
        (lambda image: struct.pack_into("<H", image, 70, 40), "file", "40 bytes cannot be"),
        (lambda image: struct.pack_into("<H", image, 70, 2000), "file", "nothing at this address"),
        (lambda image: image.__setitem__(52, 40), "file", "counts 40 data files, and lists 12"),
        (lambda image: image.__setitem__(row(8), 0xA5), "file", "row 8 of the directory has type"),
        (lambda image: image.__setitem__(row(8), 0x93), "file/8", "type 0x93"),
        (lambda image: image.__setitem__(row(8) + 1, 13), "file/F8", "13 bytes"),
        (lambda image: image.__setitem__(row(8) + 1, 16), "file/F8", "nothing at this address"),
        (lambda image: image.__setitem__(row(8), 0x89), "file/N8", "file is of another type"),
    ],
)
async def test_a_directory_that_lies_leaves_a_gap(
    lie: Callable[[bytearray], object], path: str, says: str
) -> None:
    simulator = Lying(files=files())
    simulator.lie = lie
    async with simulator:
        snapshot = await pulled(simulator)
        assert says in gaps(snapshot)[path]
        known = held(simulator)
        for item in snapshot.items:
            if item.path.startswith("file/"):
                assert known[item.path] == (item.type, item.value), item.path
        assert len(simulator.log) < 50


@pytest.mark.parametrize("within", ["04", "500001", "310001"], ids=["size", "step", "last"])
async def test_a_directory_that_comes_short_is_not_believed(within: str) -> None:
    async with slc() as simulator:
        spoil(simulator, "PCCC typed read, 2 fields", lambda data: data[:-1], within)
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["file"]
        assert not any(item.path.startswith("file/") for item in snapshot.items)


async def test_a_device_that_does_not_say_who_it_is() -> None:
    """Older interfaces have no identity object; the processor behind them tells its name."""
    async with slc() as simulator:
        del simulator.objects[0x01]
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["identity"]
        assert (snapshot.identity.product, snapshot.identity.order_code) == ("", "1747-L553")
        assert snapshot.by_path["file/N7/0"].value == -60


async def test_rows_of_program_files_take_no_number() -> None:
    simulator = Lying(files=files())

    def ladders(image: bytearray) -> None:
        for number, code in enumerate((0x22, 0x22, 0x40)):
            image[row(8) + 10 * number : row(8) + 10 * number] = bytes((code, 9)) + bytes(8)
        struct.pack_into("<H", image, 70, len(image))

    simulator.lie = ladders
    async with simulator:
        snapshot = await pulled(simulator)
        assert not snapshot.gaps
        assert {path for path in held(simulator) if path.startswith("file/")} == {
            item.path for item in snapshot.items if item.path.startswith("file/")
        }


@pytest.mark.parametrize(
    ("make", "bulletin", "says"),
    [
        (slc, "1762-L40BWA", "'1762-L40BWA' has its directory is not known"),
        (slc, "1766-L32BWA", "the file is of another type|nothing at this address"),
        (plc5, "", "no PLC-5 lists"),
    ],
)
async def test_files_that_are_not_listed_are_a_gap_that_says_what_to_do(
    make: Callable[[], PcccSimulator], bulletin: str, says: str
) -> None:
    async with make() as simulator:
        simulator.bulletin = bulletin
        snapshot = await pulled(simulator)
        assert list(gaps(snapshot)) == ["file"]
        assert "options.files" in gaps(snapshot)["file"]
        assert any(one in gaps(snapshot)["file"] for one in says.split("|"))
        assert not any(item.path.startswith("file/") for item in snapshot.items)


# -- PLC-5 -----------------------------------------------------------------------------------------


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


# -- parts -----------------------------------------------------------------------------------------


@given(st.text(st.characters(max_codepoint=255), max_size=82))
def test_strings_are_read_as_they_are_written(value: str) -> None:
    octets = element(KINDS["ST"], "file/ST9/0", value)
    assert len(octets) == 84
    assert text(octets) == value


@given(st.integers(0, 0xFFFF))
def test_an_address_field_is_a_byte_up_to_254(number: int) -> None:
    octets = field(number)
    assert len(octets) == (1 if number < 255 else 3)
    assert int.from_bytes(octets[-2:] if number > 254 else octets, "little") == number


def test_the_guard_passes_what_reads_and_nothing_else() -> None:
    allowed = {(0x06, 0x03), (0x0F, 0xA1), (0x0F, 0xA2), (0x0F, 0x01), (0x0F, 0x68)}
    requestor = b"\x07" + bytes(6)
    passed = {
        (command, function)
        for command in range(256)
        for function in range(256)
        if only_reads(
            request(
                0x4B, logical(0x67, 1), requestor + bytes((command, 0, 1, 2, function)) + bytes(9)
            )
        )
    }
    assert passed == allowed


@pytest.mark.parametrize(
    "message",
    [
        request(0x4B, logical(0x67, 2), b"\x07" + bytes(6) + b"\x06\0\1\2\3"),
        request(0x4C, logical(0x67, 1), b"\x07" + bytes(6) + b"\x06\0\1\2\3"),
        request(0x4B, logical(0x67, 1), b"\x07" + bytes(6) + b"\x06\0\1\2"),
        request(0x4B, logical(0x67, 1), b"\x07" + bytes(6) + b"\x06\1\1\2\3"),
        request(0x4B, logical(0x67, 1), b"\x06" + bytes(6) + b"\x06\0\1\2\3"),
        request(0x4B, logical(0x67, 1), b"\x01\x06\0\1\2\3" + bytes(9)),
        request(0x4B, logical(0x67, 1)),
        request(0x0E, logical(0x67, 1), b"")[:1] + b"\x02\x20\x67",
    ],
    ids=lambda message: message.hex(),
)
def test_what_is_no_usual_pccc_packet_does_not_pass(message: bytes) -> None:
    assert not only_reads(message)


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ("N7", "N7:256"), ("N7:0", "N7:256"), ("Q7:3", "kinds are"), ("O0:2", "kinds are"),
        ("n7:2", "N7:256"), ("N7:256 ", "N7:256"), ("N1000:2", "N7:256"),
    ],
)  # fmt: skip
def test_options_that_name_no_data_file(listed: str, says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert({"profile": "pccc", "files": ["F8:1", listed]}, Options)


def test_options_that_list_a_number_twice() -> None:
    with pytest.raises(msgspec.ValidationError, match="twice"):
        msgspec.convert({"profile": "pccc", "files": ["N7:1", "F7:1"]}, Options)
