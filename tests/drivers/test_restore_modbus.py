"""A restore over Modbus: the fewest requests, and every one of them going wrong."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.drivers.restore_bench import Scene, scene

from goldcopy.driver import Target
from goldcopy.restore import Receipt, resume, rollback, unfinished
from goldcopy.snapshot import Identity, Value
from goldcopy.testing import faults
from goldcopy.testing.bench import Bench, Held
from goldcopy.testing.faults import Fault
from goldcopy.testing.framing import MODBUS
from goldcopy.testing.link import FaultyLink
from goldcopy_modbus import ModbusDriver, Options
from goldcopy_sim.modbus import Bits, ModbusSimulator, Registers, Unit

WRITING = {5, 6, 15, 16, 22}
APART = (0, 4, *range(12, 40, 4))
"""Each of them a request of its own, as is the REAL."""
ATTACK: dict[str, Value] = {
    "a-limit": 47.25,
    **{f"holding/{n}": 0xDEAD for n in (*APART, 13, 14)},
    **{f"coil/{n}": n % 3 != 0 for n in (2, 3)},
}


@asynccontextmanager
async def controller(registers: int = 45, coils: int = 8) -> AsyncIterator[Bench]:
    """Registers without a hole, and coils; two registers are a REAL, out of order by its name."""
    unit = Unit(
        holding=Registers({n: n & 0xFFFF for n in range(registers)}),
        coils=Bits({n: n % 3 == 0 for n in range(coils)}),
    )
    simulator = ModbusSimulator({1: unit})
    options = {
        "identify": False,
        "ranges": [
            {"table": "holding", "start": 0, "count": registers},
            {"table": "coil", "start": 0, "count": coils},
        ],
        "registers": [{"name": "a-limit", "ref": 40008, "type": "float32"}],
    }
    async with simulator:
        target = Target(
            "bench", simulator.host, simulator.port, 0.2, options=msgspec.convert(options, Options)
        )
        yield Bench(
            ModbusDriver(),
            target,
            simulator,
            MODBUS,
            Identity(),
            lambda: held(simulator),
            lambda: None,
            writes=ATTACK,
        )


def held(simulator: ModbusSimulator) -> Held:
    """As a right driver reads it: two registers are one item."""
    found = dict(simulator.values())
    words = [found.pop(f"holding/{n}")[1] for n in (7, 8)]
    (limit,) = struct.unpack(">f", struct.pack(">HH", *words))
    return found | {"a-limit": ("REAL", limit)}


@asynccontextmanager
async def plant(folder: Path, registers: int = 45) -> AsyncIterator[Scene]:
    async with controller(registers) as bench, scene(folder, bench) as found:
        yield found


def simulated(found: Scene) -> ModbusSimulator:
    assert isinstance(found.bench.simulator, ModbusSimulator)
    return found.bench.simulator


def memory(found: Scene) -> dict[str, object]:
    return dict(simulated(found).values())


def manipulate(found: Scene, registers: range) -> None:
    for n in registers:
        simulated(found).change(f"holding/{n}", 0xDEAD)


async def test_500_manipulated_settings_in_the_fewest_requests(tmp_path: Path) -> None:
    async with plant(tmp_path, 1000) as found:
        before = memory(found)
        manipulate(found, range(200, 700))
        plan = await found.plan()
        assert len(plan.writes) == 500
        simulated(found).log.clear()
        receipt = await found.restore(plan)
        assert receipt.proved
        assert receipt.counts == {"proved": 500}
        assert memory(found) == before
        writes = [service for service in simulated(found).log if service.writes]
        assert [one.name for one in writes] == ["write multiple registers"] * 5  # 123 in one
        assert receipt.groups == 5
        spans = [range(*_ends(service.detail)) for service in writes]
        written = [n for span in spans for n in span]
        assert written == list(range(200, 700)), "nothing beside the plan"


async def test_a_name_between_addresses_shares_their_request(tmp_path: Path) -> None:
    async with plant(tmp_path, 20) as found:
        before = memory(found)
        manipulate(found, range(5, 12))
        simulated(found).log.clear()
        receipt = await found.restore()
        assert receipt.proved
        assert memory(found) == before
        assert found.writes() == ["write multiple registers"]


def _ends(detail: str) -> tuple[int, int]:
    first, last = detail.removeprefix("unit 1, ").split("..")
    return int(first), int(last) + 1


# -- the controller does the k-th write wrong ------------------------------------------------------

Answer = Callable[[int, bytes], bytes | None]


def acknowledged_and_pending(answer: Answer, unit: int, pdu: bytes) -> bytes | None:
    answer(unit, pdu)
    return bytes((pdu[0] | 0x80, 5))


def another_echo(answer: Answer, unit: int, pdu: bytes) -> bytes | None:
    reply = answer(unit, pdu) or b""
    return reply[:-1] + bytes((reply[-1] ^ 1,))


KINDS = [acknowledged_and_pending, another_echo]
"""What no other protocol has; all else is in ``test_mishaps_modbus``."""


def goes_wrong(found: Scene, kind: Callable[[Answer, int, bytes], bytes | None], at: int) -> None:
    """The write number ``at`` from now on is treated so."""
    controller = simulated(found)
    real, count = controller.answer, 0

    def answer(unit: int, pdu: bytes) -> bytes | None:
        nonlocal count
        if pdu[0] not in WRITING:
            return real(unit, pdu)
        count += 1
        return kind(real, unit, pdu) if count == at + 1 else real(unit, pdu)

    controller.answer = answer  # type: ignore[method-assign, assignment]


async def attacked(found: Scene) -> dict[str, object]:
    await found.attack(ATTACK)
    return memory(found)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
async def test_whichever_write_goes_wrong(
    tmp_path: Path, kind: Callable[[Answer, int, bytes], bytes | None]
) -> None:
    requests = 0
    for k in range(30):
        async with plant(tmp_path / str(k)) as found:
            gold = memory(found)
            manipulated = await attacked(found)
            plan = await found.plan()
            simulated(found).log.clear()
            goes_wrong(found, kind, k)
            receipt = await found.restore(plan)
            judged(found, receipt, gold, manipulated, f"{kind.__name__} at write {k}")
            requests = max(requests, len(found.writes()))
        if k >= receipt.groups:
            assert receipt.proved, "the fault was never met"
            break
    else:
        raise AssertionError(f"{requests} requests, and the fault was still met")


def judged(found: Scene, receipt: Receipt, gold: object, manipulated: object, when: str) -> None:
    if receipt.proved:
        assert memory(found) == gold, f"{when}: said to be proved"
    else:
        assert receipt.rolled_back, f"{when}: {receipt.why}: {receipt.leaves}"
        assert memory(found) == manipulated, f"{when}: said to be rolled back"
        assert receipt.why
    assert unfinished(found.means.vault.path) == []
    told = found.means.vault.notes("receipt", "bench")[-1].body
    assert {leaf["verdict"] for leaf in told["leaves"]} == set(receipt.counts)


# -- the link does it ------------------------------------------------------------------------------


LINKS: dict[str, Callable[[int], Fault]] = {
    "late": faults.late,
    "duplicate": faults.duplicate,
    "garbage": faults.garbage,
    "all bits flipped": faults.inverted,
    "cut": lambda frame: faults.cut(16 * frame + 3, reset=frame % 2 == 0),
}


@pytest.mark.parametrize("name", LINKS)
async def test_whichever_reply_the_link_spoils(tmp_path: Path, name: str) -> None:
    """Counted over all sessions: the first reading, the writing, the reading back."""
    met = 0
    for frame in range(0, 24):
        folder = tmp_path / str(frame)
        async with plant(folder) as found:
            gold = memory(found)
            manipulated = await attacked(found)
            plan = await found.plan()
            target, fault = found.bench.target, LINKS[name](frame)
            async with FaultyLink(target.host, target.port, MODBUS, fault) as link:
                receipt = await found.restore(plan, host=link.host, port=link.port)
                met += link.struck.is_set()
            judged(found, receipt, gold, manipulated, f"{name} {frame}")
    assert met > 12, "the link was hardly ever at fault"


@pytest.mark.parametrize("back", [False, True])
async def test_a_cable_pulled_out_and_put_back(tmp_path: Path, back: bool) -> None:
    """What is in doubt says so; from the journal it goes on to the end, or back."""
    doubts = 0
    for since in range(2, 15):
        async with plant(tmp_path / str(since)) as found:
            gold = memory(found)
            manipulated = await attacked(found)
            plan = await found.plan()
            target = found.bench.target
            async with FaultyLink(target.host, target.port, MODBUS, faults.silence(since)) as link:
                receipt = await found.restore(plan, host=link.host, port=link.port)
            assert not receipt.proved
            assert not receipt.finished
            assert 0 < receipt.counts["in doubt"] <= len(plan.writes)
            doubts += receipt.counts["unchanged"] > 0
            (journal,) = unfinished(found.means.vault.path, "bench")
            go_on = rollback if back else resume
            again = await go_on(journal, found.device, found.means)
            assert again.rolled_back if back else again.proved
            assert memory(found) == (manipulated if back else gold)
            assert unfinished(found.means.vault.path) == []
    assert doubts > 5, "it was hardly ever cut while it wrote"


async def test_courtesy_is_kept_while_writing(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        await attacked(found)
        plan = await found.plan()
        simulated(found).connections.peak = 0
        loop = asyncio.get_running_loop()
        means, began = replace(found.means, pause=0.02), loop.time()
        found.means = means
        receipt = await found.restore(plan)
        assert receipt.proved
        assert loop.time() - began >= 0.02 * receipt.groups
        assert simulated(found).connections.peak == 1
