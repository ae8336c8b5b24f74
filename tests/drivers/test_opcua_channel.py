"""What the network and a failing server can do: a typed error, in time, and never a wrong value."""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import SecureConnection, TransportLimits
from asyncua.ua import SecurityPolicyType

from goldcopy.driver import Courtesy, Meter, Target
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable
from goldcopy.snapshot import Snapshot
from goldcopy.testing import faults
from goldcopy.testing.faults import Fault
from goldcopy.testing.framing import OPC_UA
from goldcopy.testing.link import FaultyLink
from goldcopy_opcua import OpcUaDriver, OpcUaOptions, services
from goldcopy_opcua.__main__ import main as by_hand
from goldcopy_opcua.builtin import NodeId
from goldcopy_opcua.channel import Channel, connect
from goldcopy_opcua.transport import BUFFER
from goldcopy_sim.opcua import OpcUaSimulator, Settings

ACK, OPEN, CREATE, ACTIVATE, FIRST_READ, FIRST_BROWSE = range(6)
"""Frames of the server, in the order of a session."""
LAST_READ, CLOSE, ALL = 9, 10, 11


def plain(folders: int = 2, variables: int = 3, **settings: Any) -> OpcUaSimulator:  # noqa: ANN401
    chosen = Settings(security=[SecurityPolicyType.NoSecurity], **settings)
    return OpcUaSimulator.flat(folders, variables, settings=chosen)


async def pull(host: str, port: int, *, patience: float = 5, window: int = 1) -> Snapshot:
    options = OpcUaOptions(security="None")
    target = Target("x", host, port, patience, Courtesy(window=window), options=options)
    async with OpcUaDriver().open(target, Meter()) as session:
        identity = await session.identify()
        reading = await session.read()
    return Snapshot.of("x", "opcua", identity, reading.items, reading.gaps)


@asynccontextmanager
async def linked(
    plc: OpcUaSimulator,
    fault: Fault | None = None,
    **more: Any,  # noqa: ANN401
) -> AsyncIterator[FaultyLink]:
    async with FaultyLink(plc.host, plc.port, OPC_UA, fault, **more) as link:
        yield link
        async with asyncio.timeout(5):
            await link.quiet()


# -- the network --------------------------------------------------------------------------------


async def test_no_cut_makes_a_wrong_snapshot() -> None:
    async with plain() as plc:
        async with linked(plc) as link:
            whole = await pull(link.host, link.port)
            total = link.bytes_in
        assert len(link.frames) == ALL
        for after in range(0, total, 61):
            for reset in (False, True):
                async with linked(plc, faults.cut(after, reset=reset)) as link:
                    try:
                        assert (await pull(link.host, link.port)).id == whole.id
                    except (Unreachable, Malformed):
                        continue
                    # Only what is said after the last value may be lost.
                    assert after > total - 400


@pytest.mark.parametrize("frame", range(ALL))
async def test_garbage_is_malformed_wherever_it_comes(frame: int) -> None:
    async with plain() as plc, linked(plc, faults.garbage(frame)) as link:
        if frame == CLOSE:  # the answer to CloseSession: all has been read
            await pull(link.host, link.port)
        else:
            with pytest.raises(Malformed):
                await pull(link.host, link.port)
        assert link.struck.is_set()


@pytest.mark.parametrize("frame", range(LAST_READ))
async def test_a_response_that_comes_twice_ends_the_session(frame: int) -> None:
    async with plain() as plc, linked(plc, faults.duplicate(frame)) as link:
        with pytest.raises(Malformed):
            await pull(link.host, link.port)


async def test_the_last_value_was_right_even_if_it_comes_twice() -> None:
    async with plain() as plc, linked(plc, faults.duplicate(LAST_READ)) as link:
        assert (await pull(link.host, link.port)).id == (await pull(plc.host, plc.port)).id


@pytest.mark.parametrize("frame", [ACK, OPEN, CREATE, ACTIVATE, FIRST_READ, FIRST_BROWSE, 8])
async def test_silence_is_unreachable_within_the_time_limit(frame: int) -> None:
    async with plain() as plc, linked(plc, faults.silence(frame)) as link:
        async with asyncio.timeout(5):
            with pytest.raises(Unreachable, match=r"no answer within 0\.3 s"):
                await pull(link.host, link.port, patience=0.3)


async def test_a_late_response_reaches_nobody() -> None:
    async with plain() as plc, linked(plc, faults.late(FIRST_READ)) as link:
        with pytest.raises(Unreachable):
            await pull(link.host, link.port, patience=0.3)


@pytest.mark.parametrize("fault", [faults.fragmented(), faults.coalesced()])
async def test_pieces_and_heaps_are_the_same_stream(fault: Fault) -> None:
    async with plain() as plc, linked(plc) as sound, linked(plc, fault) as link:
        whole = await pull(sound.host, sound.port)
        for window in (1, 4):
            found = await pull(link.host, link.port, window=window, patience=20)
            assert found.id == whole.id


@pytest.mark.parametrize("bit", range(0, 24 * 8, 7))
async def test_a_flipped_bit_of_a_header_is_never_a_value(bit: int) -> None:
    async with plain() as plc:
        async with linked(plc) as link:
            whole = await pull(link.host, link.port)
        async with linked(plc, faults.flipped(FIRST_BROWSE, bit)) as link:
            try:
                found = await pull(link.host, link.port, patience=0.5)
            except (Malformed, Unreachable):
                return
            assert found.id == whole.id


async def test_nobody_listens() -> None:
    async with plain() as plc, linked(plc, faults.REFUSED) as link:
        with pytest.raises(Unreachable, match=f"no connection to {link.host}:{link.port}"):
            await pull(link.host, link.port)


async def test_the_connection_budget_and_the_window_are_kept() -> None:
    async with plain(10, 30, max_nodes_per_read=20, max_nodes_per_browse=20) as plc:
        async with linked(plc, delay=0.002) as link:
            await pull(link.host, link.port, window=4)
        assert link.peak == link.total == 1
        assert link.in_flight == 4
        async with linked(plc) as link:
            await pull(link.host, link.port)
        assert link.in_flight == 1


# -- the server ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("wrong-handle", Malformed, "names request"),
        ("wrong-request", Malformed, "not in flight"),
        ("cut", Unreachable, "lost"),
        ("close-session", Unreachable, "BadSession"),
        ("silent", Unreachable, "no answer"),
        ("refuse-login", Refused, "refused"),
    ],
)
async def test_faults_of_the_server(fault: str, error: type[GoldcopyError], message: str) -> None:
    async with plain() as plc, linked(plc) as link:
        plc.fault = fault
        with pytest.raises(error, match=message):
            await pull(link.host, link.port, patience=0.5 if fault == "silent" else 10)


def abort(status: int) -> Callable[[bytes], bytes]:
    """The chunk with which a server gives up on a response (OPC 10000-6, 6.7.3)."""

    def change(frame: bytes) -> bytes:
        body = struct.pack("<Ii", status, -1)
        return b"MSGA" + struct.pack("<I", 24 + len(body)) + frame[8:24] + body

    return change


@pytest.mark.parametrize("frame", [FIRST_READ, FIRST_BROWSE, 8, LAST_READ])
async def test_an_aborted_response_is_asked_for_in_smaller_pieces(frame: int) -> None:
    async with plain(3, 5) as plc:
        async with linked(plc) as link:
            whole = await pull(link.host, link.port)
        too_large = abort(0x80B90000)
        async with linked(plc, faults.changed(frame, too_large, "an abort")) as link:
            assert (await pull(link.host, link.port, patience=2)).id == whole.id


async def test_an_aborted_response_that_is_not_too_large_says_why() -> None:
    fault = faults.changed(FIRST_READ, abort(0x800E0000), "an abort")
    async with plain() as plc, linked(plc, fault) as link:
        with pytest.raises(Unreachable, match="BadServerHalted"):
            await pull(link.host, link.port)


def acknowledge(**given: int) -> Fault:
    """Other sizes in the server's Acknowledge."""

    def change(frame: bytes) -> bytes:
        names = ("version", "receive", "send", "message", "chunks")
        told = dict(zip(names, struct.unpack("<5I", frame[8:]), strict=True)) | given
        return frame[:8] + struct.pack("<5I", *told.values())

    return faults.changed(ACK, change, "an Acknowledge")


class Sizes:
    """Looks at what passes a link."""

    def __init__(self) -> None:
        self.out: list[int] = []

    def __call__(self, direction: str, data: bytes) -> None:
        while direction == "out" and data:
            size = struct.unpack_from("<I", data, 4)[0]
            self.out.append(size)
            data = data[size:]


async def test_the_servers_buffers_are_its_own() -> None:
    """It takes 8 KiB at a time and sends 64 KiB: asyncua would mistake one for the other."""
    async with plain(10, 100, max_nodes_per_read=1000) as plc:
        whole = await pull(plc.host, plc.port)
        sizes = Sizes()
        fault = acknowledge(receive=8192, send=BUFFER)
        async with linked(plc, fault, recorder=sizes) as link:
            assert (await pull(link.host, link.port)).id == whole.id
        assert max(sizes.out) <= 8192
        assert sizes.out.count(8192) > 3
        assert max(link.frames) > 8192


async def test_a_request_never_exceeds_what_the_server_takes() -> None:
    async with plain(10, 100, max_nodes_per_read=1000) as plc:
        whole = await pull(plc.host, plc.port)
        sizes = Sizes()
        async with linked(plc, acknowledge(message=9000), recorder=sizes) as link:
            assert (await pull(link.host, link.port)).id == whole.id
        assert max(sizes.out) <= 9100


@pytest.mark.parametrize("sizes", [{"receive": 100}, {"receive": 0}, {"send": BUFFER + 1}])
async def test_impossible_buffers(sizes: dict[str, int]) -> None:
    async with plain() as plc, linked(plc, acknowledge(**sizes)) as link:
        with pytest.raises(Malformed, match="buffers"):
            await pull(link.host, link.port)


async def test_an_error_message_instead_of_an_acknowledge() -> None:
    error = b"ERRF" + struct.pack("<IIi", 16, 0x807D0000, -1)
    fault = faults.changed(ACK, lambda _: error, "an error")
    async with plain() as plc, linked(plc, fault) as link:
        with pytest.raises(Unreachable, match="BadTcpServerTooBusy"):
            await pull(link.host, link.port)


# -- ends ---------------------------------------------------------------------------------------


async def test_a_cancelled_pull_closes_its_session_and_its_socket() -> None:
    async with plain(10, 100, max_nodes_per_browse=5) as plc:
        async with linked(plc, delay=0.01) as link:
            task = asyncio.create_task(pull(link.host, link.port, window=4))
            while "Browse" not in {service.name for service in plc.log}:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert link.open == 0
        assert plc.log[-1].name == "CloseSession"


@pytest.mark.parametrize("frame", [ACK, OPEN, CREATE, ACTIVATE, FIRST_READ])
async def test_a_cancelled_pull_does_not_wait_for_a_server_that_hangs(frame: int) -> None:
    async with plain() as plc, linked(plc, faults.silence(frame)) as link:
        task = asyncio.create_task(pull(link.host, link.port, patience=60))
        async with asyncio.timeout(5):
            await link.struck.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await link.quiet()


async def test_a_second_cancel_while_closing_still_closes_the_socket() -> None:
    async with plain() as plc, linked(plc, faults.silence(FIRST_READ)) as link:
        task = asyncio.create_task(pull(link.host, link.port, patience=60))
        async with asyncio.timeout(5):
            await link.struck.wait()
            task.cancel()
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await link.quiet()


async def test_an_error_of_the_caller_closes_the_session() -> None:
    async with plain() as plc:
        target = Target("x", plc.host, plc.port, options=OpcUaOptions(security="None"))
        with pytest.raises(KeyError):  # noqa: PT012 - it must be raised within the session
            async with OpcUaDriver().open(target, Meter()) as session:
                await session.identify()
                raise KeyError
        assert plc.log[-1].name == "CloseSession"


# -- the secure channel -------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["None", "SignAndEncrypt"])
async def test_keys_are_renewed_under_way(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each request, with others in flight: as a long pull does once an hour."""
    monkeypatch.setattr(Channel, "_plan_renewal", lambda channel: None)
    given: dict[str, str | Path] = {"security": security}
    if security != "None":
        given |= {name: tmp_path / name for name in ("certificate", "key")}
        argv = ["x", "create", "me", str(given["certificate"]), str(given["key"])]
        monkeypatch.setattr("sys.argv", argv)
        assert by_hand() == 0
        given["server_certificate"] = tmp_path / "server.der"
    async with OpcUaSimulator.demo("oven-1") as plc:
        (tmp_path / "server.der").write_bytes(plc.certificate)
        options = OpcUaOptions(**given)  # type: ignore[arg-type]
        courtesy = Courtesy(window=4)
        target = Target("x", plc.host, plc.port, 10, courtesy, options=options)
        meter = Meter()
        async with connect(target, options, meter) as channel:
            asked = services.read([(NodeId(0, 2255), 13)])
            for _ in range(5):
                channel._renewal = 0.0  # noqa: SLF001 - the hour is over
                readers = await asyncio.gather(
                    *(channel.ask(services.READ, asked) for _ in range(4))
                )
                assert len({bytes(reader.data[reader.pos :]) for reader in readers}) == 1
        names = [service.name for service in plc.log]
        assert names.count("Read") == 20


def test_the_parts_of_asyncua_that_we_rely_on() -> None:
    """All private or accidental: whoever raises the version must look at ``transport`` again."""
    assert importlib.metadata.version("asyncua") == "2.1.0"
    assert list(inspect.signature(SecureConnection.message_to_binary).parameters) == [
        "self", "message", "message_type", "request_id",
    ]  # fmt: skip
    for name in ("_receive", "_check_incoming_chunk", "_drop_incoming_parts", "revolve_tokens"):
        assert inspect.isfunction(getattr(SecureConnection, name))
    for name in (
        "_send_request", "_fail_all_pending", "revolve_security_token", "open_secure_channel",
    ):  # fmt: skip
        assert inspect.isfunction(getattr(UASocketProtocol, name))
    source = inspect.getsource(UASocketProtocol)
    assert source.count("self._connection.message_to_binary(") == 1
    for name in ("_request_id", "_request_handle", "_callbackmap", "_open_secure_channel_exchange"):
        assert f"self.{name}" in source
    assert "create_connection(self._make_protocol" in inspect.getsource(UaClient.connect_socket)
    assert "update_client_limits(msg)" in inspect.getsource(SecureConnection)
    assert inspect.isfunction(TransportLimits.update_client_limits)
    for name in ("create_session", "activate_session", "open_secure_channel", "close_session"):
        assert inspect.iscoroutinefunction(getattr(Client, name))
