"""Who the controller is, and that a controller which cannot tell is still read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from goldcopy.driver import Meter, Target
from goldcopy.errors import Malformed, Unreachable
from goldcopy.snapshot import Gap, Identity, Snapshot
from goldcopy_modbus import ModbusDriver, Options
from goldcopy_modbus.framer import MBAP, framed
from goldcopy_sim.modbus import ModbusSimulator, Registers, Unit
from goldcopy_sim.service import LOOPBACK

OBJECTS = {0: b"Example", 1: b"E-1", 2: b"V2", 3: b"http://x", 4: b"Pump", 5: b"P/2", 6: b"north"}
HOLDING = {"holding/0": 17}


async def pull(port: int, *, patience: float = 5.0, identify: object = True) -> Snapshot:
    given = {"ranges": [{"ref": 40001, "count": 1}], "identify": identify}
    options = msgspec.convert(given, Options)
    target = Target("bench", LOOPBACK, port, timeout=patience, options=options)
    meter = Meter()
    async with ModbusDriver().open(target, meter) as session:
        identity = await session.identify()
        reading = await session.read()
    assert meter.done == meter.total
    return Snapshot.of("bench", "modbus", identity, reading.items, reading.gaps)


def machine(**habits: object) -> ModbusSimulator:
    unit = Unit(holding=Registers({0: 17}))
    return ModbusSimulator({1: unit}, **habits)  # type: ignore[arg-type]


def told(snapshot: Snapshot) -> dict[str, object]:
    return {item.path: item.value for item in snapshot.items}


async def test_each_object_has_its_place() -> None:
    async with machine(identity=OBJECTS | {0x80: b"S/N 7"}, server_id=b"\x01\xffE") as simulator:
        snapshot = await pull(simulator.port)
    assert snapshot.identity == Identity(
        vendor="Example", order_code="E-1", firmware="V2", product="Pump", name="north"
    )
    by_path = snapshot.by_path
    assert told(snapshot) == HOLDING | {
        "device/VendorUrl": "http://x",
        "device/ModelName": "P/2",
        "device/0x80": "S/N 7",
        "device/ServerId": b"\x01\xffE",
    }
    assert [by_path[f"device/{n}"].role for n in ("VendorUrl", "0x80", "ServerId")] == [
        "setting",
        "diagnostic",
        "diagnostic",
    ]
    assert snapshot.gaps == ()


async def test_the_model_stands_in_for_a_product_name_that_is_not_there() -> None:
    async with machine(identity={0: b"V", 1: b"C", 2: b"R", 5: b"P/2"}) as simulator:
        snapshot = await pull(simulator.port)
    assert snapshot.identity.product == "P/2"
    assert told(snapshot) == HOLDING


async def test_an_identification_in_many_replies_is_read_to_its_end() -> None:
    objects = OBJECTS | {n: bytes((n,)) * 100 for n in range(0x80, 0x100)}
    async with machine(identity=objects) as simulator:
        snapshot = await pull(simulator.port)
        asked = [s for s in simulator.log if s.name == "read device identification"]
    assert len(asked) == 65
    assert sum(path.startswith("device/0x") for path in told(snapshot)) == 128


async def test_what_is_no_text_is_kept_as_bytes_and_not_in_the_identity() -> None:
    objects = {0: b"\xff\xfe", 1: b"C \0\0", 2: b"a\x07b", 3: b"", 0x81: b"gr\xc3\xbcn"}
    async with machine(identity=objects) as simulator:
        snapshot = await pull(simulator.port)
    assert snapshot.identity == Identity(order_code="C")
    types = {item.path: (item.type, item.value) for item in snapshot.items}
    del types["holding/0"]
    assert types == {
        "device/VendorName": ("BYTES", b"\xff\xfe"),
        "device/MajorMinorRevision": ("BYTES", b"a\x07b"),
        "device/VendorUrl": ("STRING", ""),
        "device/0x81": ("STRING", "grün"),
    }


# -- controllers that cannot tell ------------------------------------------------------------------


@pytest.mark.parametrize("code", [1, 2, 3, 4, 14])
async def test_a_refusal_is_an_answer(code: int) -> None:
    async with machine(refuse={43: code, 17: code}) as simulator:
        snapshot = await pull(simulator.port)
        assert len(simulator.log) <= 3 + 1 + 1
        assert simulator.connections.total == 1
        listed = await pull(simulator.port, identify=["fc43", "fc17"])
    assert (told(snapshot), snapshot.gaps, snapshot.identity) == (HOLDING, (), Identity())
    assert [gap.path for gap in listed.gaps] == ["device", "device/ServerId"]
    assert all(f"(exception {code}); leave fc" in gap.reason for gap in listed.gaps)


async def test_silence_is_a_gap_and_the_rest_is_read_over_a_new_connection() -> None:
    async with machine(mute=frozenset({17, 43})) as simulator:
        snapshot = await pull(simulator.port, patience=0.2)
        assert (simulator.connections.peak, simulator.connections.total) == (1, 3)
        again = await pull(simulator.port, patience=0.2)
    assert told(snapshot) == HOLDING
    hint = "if the device does not have it, leave {} out of identify"
    assert snapshot.gaps == (
        Gap(
            "device",
            "function 43/14 (read device identification): no answer within 0.2 s; "
            + hint.format("fc43"),
        ),
        Gap(
            "device/ServerId",
            "function 17 (report server ID): no answer within 0.2 s; " + hint.format("fc17"),
        ),
    )
    assert snapshot.id == again.id


async def test_a_probe_waits_no_longer_than_a_second() -> None:
    async with machine(mute=frozenset({43})) as simulator:
        snapshot = await asyncio.wait_for(pull(simulator.port, patience=50), 20)
    assert "no answer within 1 s" in snapshot.gaps[0].reason


async def test_without_identification_there_is_no_probe() -> None:
    async with machine(mute=frozenset({17, 43})) as simulator:
        snapshot = await pull(simulator.port, identify=False)
        assert [service.name for service in simulator.log] == ["read holding registers"]
        one = await pull(simulator.port, patience=0.2, identify=["fc17"])
    assert snapshot.gaps == ()
    assert [gap.path for gap in one.gaps] == ["device/ServerId"]


@pytest.mark.parametrize("code", [6, 11])
async def test_a_busy_controller_is_not_taken_for_one_without_identity(code: int) -> None:
    async with machine(refuse={43: code}) as simulator:
        with pytest.raises(Unreachable, match=f"exception {code}"):
            await pull(simulator.port)


# -- controllers that tell nonsense ----------------------------------------------------------------

Reply = Callable[[bytes], bytes | None]
"""A reply PDU to a request PDU; None hangs up."""


@asynccontextmanager
async def scripted(reply: Reply) -> AsyncIterator[int]:
    """A controller of one register that answers everything else as the script says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                transaction, _, length, unit = MBAP.unpack(await reader.readexactly(MBAP.size))
                request = await reader.readexactly(length - 1)
                answer = b"\x03\x02\x00\x11" if request[0] == 3 else reply(request)
                if answer is None:
                    break
                writer.write(framed(transaction, unit, answer))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, LOOPBACK, 0) as server:
        yield server.sockets[0].getsockname()[1]


def page(number: int, following: int | None, text: bytes = b"x") -> bytes:
    more, after = (0, 0) if following is None else (0xFF, following)
    return bytes((43, 14, 3, 3, more, after, 1, number, len(text))) + text


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda first: page(0, 0), "does not go on after object 0"),
        (lambda first: page(first, {0: 5, 5: 0}[first]), "does not go on after object 5"),
        (lambda first: page(0, first + 1), "does not go on after object 1"),
        (lambda first: b"\x2b\x0e\x03\x03\xff" + bytes((5 - first, 0)), "after object 5"),
        (lambda first: page(0, 1) if first == 0 else b"\xab\x02", "breaks off at object 1"),
        (lambda first: page(0, 1) if first == 0 else None, "closed the connection"),
    ],
)
async def test_a_part_of_an_identification_is_none(
    script: Callable[[int], bytes | None], words: str
) -> None:
    def reply(request: bytes) -> bytes | None:
        return script(request[3]) if request[0] == 43 else b"\x91\x01"

    async with scripted(reply) as port:
        snapshot = await asyncio.wait_for(pull(port), 20)
    assert snapshot.identity == Identity()
    assert told(snapshot) == HOLDING
    assert [gap.path for gap in snapshot.gaps] == ["device"]
    assert words in snapshot.gaps[0].reason


@pytest.mark.parametrize(
    "answer",
    [b"\x2b\x0e\x03\x03\x00\x00\x01\x00\x05abc", b"\x2b\x0d\x00", b"\xab", b"\xab\x01\x00"],
)
async def test_an_identification_that_contradicts_itself_is_malformed(answer: bytes) -> None:
    async with scripted(lambda request: answer) as port:
        with pytest.raises(Malformed):
            await pull(port)


@pytest.mark.parametrize("known", [2, 1])
async def test_a_device_that_refuses_the_higher_categories_tells_the_lower(known: int) -> None:
    def reply(request: bytes) -> bytes:
        if request[0] != 43:
            return b"\x91\x01"
        if request[2] > known:
            return b"\xab\x03"
        return bytes((43, 14, request[2], known, 0, 0, 1, 0, 2)) + b"EC"

    async with scripted(reply) as port:
        snapshot = await pull(port)
    assert snapshot.identity == Identity(vendor="EC")
    assert snapshot.gaps == ()


async def test_a_device_that_tells_only_its_own_objects_is_asked_for_the_basic_ones_too() -> None:
    def reply(request: bytes) -> bytes:
        if request[0] != 43:
            return b"\x91\x01"
        return page(0x80, None) if request[2] == 3 else page(0, None, b"EC")

    async with scripted(reply) as port:
        snapshot = await pull(port)
    assert snapshot.identity == Identity(vendor="EC")
    assert told(snapshot) == HOLDING | {"device/0x80": "x"}
