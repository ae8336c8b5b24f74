"""The Modbus driver under the suite that every driver passes."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import msgspec
import pytest

from goldcopy.driver import Target
from goldcopy.snapshot import Identity, Value
from goldcopy.testing.bench import Bench
from goldcopy.testing.conformance import DriverConformance
from goldcopy.testing.framing import MODBUS
from goldcopy.testing.powers import WritableConformance
from goldcopy_modbus import ModbusDriver, Options
from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit

Held = dict[str, tuple[str, Value]]


def bench(
    simulator: ModbusSimulator,
    options: Mapping[str, object],
    identity: Identity,
    holds: Callable[[], Held],
    timeout: float = 0.3,
    **more: object,
) -> Bench:
    target = Target(
        "mixer",
        simulator.host,
        simulator.port,
        timeout=timeout,
        options=msgspec.convert(options, Options),
    )
    return Bench(
        driver=ModbusDriver(),
        target=target,
        simulator=simulator,
        framing=MODBUS,
        identity=identity,
        holds=holds,
        change=lambda: simulator.change("holding/1", 4711),
        parallel=32,
        **more,  # type: ignore[arg-type]
    )


class TestModbus(WritableConformance):
    """A small device with everything: holes, small limits, names, files, queues, identification."""

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        unit = Unit(
            coils=Bits({n: n % 3 == 0 for n in range(20)}),
            discretes=Bits({n: n % 2 == 0 for n in range(9)}),
            holding=Registers({n: 1000 + n for n in (*range(10), *range(12, 20), *range(30, 34))}),
            inputs=Registers({n: 0x3F80 + n for n in range(8)}),
            files={4: Registers({n: 7 * n for n in range(6)})},
            fifos={100: [3, 2, 1]},
        )
        objects = {0: b"Example Controls", 1: b"EC-7", 2: b"V1.2", 3: b"http://example.com"}
        simulator = ModbusSimulator(
            {1: unit}, max_registers=6, identity=objects, server_id=b"\x2a\xff" + b"EC-7"
        )
        options = {
            "max_registers": 6,
            "ranges": [
                {"table": "holding", "start": 0, "count": 20},
                {"table": "coil", "start": 0, "count": 20},
                {"table": "discrete", "start": 0, "count": 9},
                {"table": "input", "start": 4, "count": 4},
            ],
            "registers": [
                {"name": "speed", "table": "input", "address": 0, "type": "float32"},
                {"name": "load", "ref": 30003, "type": "float32", "order": "CDAB"},
                {"name": "limit", "ref": 40031, "type": "float32", "order": "CDAB"},
                {"name": "width", "ref": 40033, "type": "INT16", "scale": 0.1},
                {"name": "flap", "ref": 40034, "bit": 3},
            ],
            "write_functions": [5, 6, 15, 16, 21, 22],
            "files": [{"file": 4, "count": 6}],
            "fifo": [100],
        }

        def holds() -> Held:
            held: Held = dict(simulator.values())
            words = [held.pop(f"input/{n}")[1] for n in range(4)]
            held["speed"] = ("REAL", struct.unpack(">f", struct.pack(">2H", *words[:2]))[0])
            held["load"] = ("REAL", struct.unpack(">f", struct.pack(">2H", *words[3:1:-1]))[0])
            low, high, width, flap = [unit.holding[n] for n in range(30, 34)]
            for n in range(30, 34):
                del held[f"holding/{n}"]
            held["limit"] = ("REAL", struct.unpack(">f", struct.pack(">2H", high, low))[0])
            held["width"] = ("LREAL", width / 10)
            held["flap"] = ("BOOL", bool(flap & 8))
            held["device/VendorUrl"] = ("STRING", "http://example.com")
            held["device/ServerId"] = ("BYTES", b"\x2a\xffEC-7")
            return held

        identity = Identity(vendor="Example Controls", order_code="EC-7", firmware="V1.2")
        async with simulator:
            yield bench(
                simulator,
                options,
                identity,
                holds,
                gaps=["holding/10..11"],
                writes={
                    "holding/1": 7,
                    "holding/2": 8,
                    "coil/19": not unit.coils[19],
                    "file/4/5": 9,
                    "limit": 47.25,
                    "width": 21.5,
                    "flap": not unit.holding[33] & 8,
                },
            )


class Unidentified(DriverConformance):
    """A device that refuses function 43 and says nothing to function 17."""

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[Bench]:
        unit = Unit(holding=Registers({n: n for n in range(300)}))
        simulator = ModbusSimulator({1: unit}, mute=frozenset({17}))
        options = {"ranges": [{"table": "holding", "start": 0, "count": 300}]}
        async with simulator:
            yield bench(
                simulator,
                options,
                Identity(),
                lambda: dict(simulator.values()),
                gaps=["device/ServerId"],
                timeout=0.2,  # each pull waits for function 17 in vain
                cuts=60,
            )


@pytest.mark.parametrize(
    "test",
    [
        Unidentified.test_reads_exactly_what_the_controller_holds,
        Unidentified.test_two_reads_agree,
        Unidentified.test_the_connection_budget_is_kept,
        Unidentified.test_the_meter_counts_what_passed,
        Unidentified.test_silence_is_unreachable,
        Unidentified.test_a_cut_after_every_byte,
        Unidentified.test_cancelling_while_it_waits_leaves_nothing,
    ],
)
async def test_a_probe_in_vain_costs_a_connection_and_no_promise(
    test: Callable[[Unidentified], Awaitable[None]],
) -> None:
    await test(Unidentified())
