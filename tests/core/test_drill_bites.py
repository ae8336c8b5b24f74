"""A drill that cannot fail proves nothing: here everything that it relies on lies in turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from goldcopy.drill import harm
from goldcopy.drill.ground import Gold, Ground
from goldcopy.drill.model import ON_TWIN, Drilled, Scenario
from goldcopy.drill.run import drill, on_spare
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Device, load
from goldcopy.registry import DRIVERS, SIMULATORS, Registry
from goldcopy.restore import Leaf, Left, Permit, Plan, Receipt, make_plan
from goldcopy.restore.reach import Reach
from goldcopy.snapshot import Identity, Snapshot
from goldcopy_sim.modbus import ModbusSimulator, Registers
from goldcopy_sim.service import Recorded

REAL = Registry.installed()
MIXER = next(one for one in load(Path("inventory.yaml"), REAL).devices if one.name == "line1-mixer")
HARMED: list[Scenario] = ["wiped", "setpoints", "half-restored"]


class Twin(ModbusSimulator):
    """One that does as it should."""


class Forgetful(ModbusSimulator):
    """Says that it has written, and has not."""

    @classmethod
    def twin(cls, *args: Any, **more: Any) -> Self:  # noqa: ANN401
        made = super().twin(*args, **more)
        unit = made.units[1]
        unit.holding.write = lambda start, count, data: None  # type: ignore[method-assign]
        return made

    def wipe(self) -> None:
        """Past its own forgetfulness."""
        for unit in self.units.values():
            unit.holding._bytes[:] = bytes(len(unit.holding._bytes))  # noqa: SLF001

    def change(self, address: str, value: Any) -> None:  # noqa: ANN401
        table, _, number = address.partition("/")
        if table == "holding":
            Registers.write(self.units[1].holding, int(number), 1, value.to_bytes(2))


class Other(ModbusSimulator):
    """Holds something else than it was told, and does not say so."""

    @classmethod
    def twin(cls, *args: Any, **more: Any) -> Self:  # noqa: ANN401
        made = super().twin(*args, **more)
        made.change("holding/0", 4711)
        return made


class Lacking(Other):
    """The same, and says so."""

    @classmethod
    def twin(cls, *args: Any, **more: Any) -> Self:  # noqa: ANN401
        made = super().twin(*args, **more)
        made.lacks = {"holding/0": "it cannot hold what it should"}
        return made


class OldFirmware(ModbusSimulator):
    """Whatever its firmware should be, it says V3.5."""

    @classmethod
    def twin(
        cls,
        items: Iterable[Recorded],
        identity: Mapping[str, str],
        options: Mapping[str, object],
        *,
        name: str,
        port: int = 0,
    ) -> Self:
        old = {**identity, "firmware": "V3.5"}
        return super().twin(items, old, options, name=name, port=port)


class Untouchable(ModbusSimulator):
    """Nobody can harm it."""

    def wipe(self) -> None:
        """Nothing."""

    def change(self, address: str, value: Any) -> None:  # noqa: ANN401
        """Nothing."""


class Open(ModbusSimulator):
    """Says that it asks for a credential, and lets everybody in."""

    def lock(self) -> str:
        return "a password"


def registry(kind: type[ModbusSimulator]) -> Registry:
    driver = EntryPoint("modbus", "goldcopy_modbus:ModbusDriver", DRIVERS)
    simulator = EntryPoint("modbus", f"{__name__}:{kind.__name__}", SIMULATORS)
    return Registry([driver], [simulator])


async def held(**over: object) -> tuple[Device, Snapshot]:
    async with ModbusSimulator.demo(MIXER.name) as simulator:
        device = msgspec.structs.replace(MIXER, port=simulator.port, **over)
        return device, (await Reach(device, REAL).read())[0]


async def drilled(kind: type[ModbusSimulator], scenario: Scenario, **over: object) -> Drilled:
    device, snapshot = await held(**over)
    return await drill(device, Gold(snapshot), scenario, Ground(registry(kind), "me@here"))


@pytest.mark.parametrize("scenario", HARMED)
async def test_a_good_twin_is_restored_and_proved(scenario: Scenario) -> None:
    found = await drilled(Twin, scenario)
    assert (found.state, found.proved) == ("passed", True)
    assert found.leaves["proved"] >= found.leaves["harmed"] > 200


@pytest.mark.parametrize("scenario", HARMED)
async def test_writes_that_are_not_done_are_found(scenario: Scenario) -> None:
    found = await drilled(Forgetful, scenario)
    assert (found.state, found.proved) == ("failed", False), found
    assert "did not prove itself" in found.why
    assert found.leaves.get("proved", 0) < found.leaves["harmed"]


@pytest.mark.parametrize("scenario", HARMED)
async def test_a_twin_of_something_else_is_no_twin(scenario: Scenario) -> None:
    found = await drilled(Other, scenario)
    assert (found.state, found.proved) == ("not drilled", False)
    assert "holding/0" in found.why


async def test_what_a_twin_says_that_it_lacks_is_told() -> None:
    found = await drilled(Lacking, "setpoints")
    assert found.state == "passed"
    assert any("holding/0" in text for text in found.told)


async def test_a_restore_to_another_firmware_would_be_seen() -> None:
    assert (await drilled(Twin, "firmware")).state == "passed"
    found = await drilled(OldFirmware, "firmware")  # nothing to refuse: as if no gate were there
    assert (found.state, found.proved) == ("failed", False)
    assert "went on" in found.why


async def test_a_plan_that_overlooks_one_leaf_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*args: Any, **more: Any) -> Plan:  # noqa: ANN401
        made = make_plan(*args, **more)
        return msgspec.structs.replace(made, lines=made.lines[:-1])

    monkeypatch.setattr("goldcopy.drill.run.make_plan", short)
    found = await drilled(Twin, "setpoints")
    assert (found.state, found.proved) == ("failed", False)
    assert "did not see" in found.why


async def test_what_was_harmed_and_is_left_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as not restorable: a drill that passes for that would promise too much."""

    def less(*args: Any, **more: Any) -> Plan:  # noqa: ANN401
        made = make_plan(*args, **more)
        path = made.writes[-1].path
        left = (*made.left, Left(path, "outside the limits"))
        return msgspec.structs.replace(made, lines=made.lines[:-1], left=left)

    monkeypatch.setattr("goldcopy.drill.run.make_plan", less)
    found = await drilled(Twin, "setpoints")
    assert (found.state, found.proved) == ("failed", False)
    assert "1 of what was harmed is not restored" in found.why


async def test_a_receipt_that_lies_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(plan: Plan, *args: Any, permit: Permit, **more: Any) -> Receipt:  # noqa: ANN401
        now = datetime.now(UTC)
        return Receipt(
            plan=plan.digest,
            device=plan.device,
            target="",
            before="",
            after="0" * 64,
            began=now,
            ended=now,
            permit=permit,
            planned=len(plan.writes),
            leaves=tuple(Leaf(write.path, "proved") for write in plan.writes),
        )

    monkeypatch.setattr("goldcopy.drill.run.apply", nothing)
    found = await drilled(Twin, "setpoints")
    assert (found.state, found.proved) == ("failed", False)
    assert "the receipt says proved" in found.why


async def test_what_cannot_be_harmed_is_not_drilled() -> None:
    for scenario in HARMED:
        assert (await drilled(Untouchable, scenario)).state == "not drilled"


async def test_a_lock_that_locks_nobody_out_is_seen() -> None:
    found = await drilled(Open, "credential")
    assert (found.state, "a password" in found.why) == ("failed", True)


async def test_a_safety_controller_is_never_drilled() -> None:
    for scenario in ON_TWIN:
        found = await drilled(Twin, scenario, safety=True)
        assert (found.state, "safety" in found.why) == ("not drilled", True)


async def test_no_simulator_is_told() -> None:
    device, snapshot = await held()
    driver = EntryPoint("modbus", "goldcopy_modbus:ModbusDriver", DRIVERS)
    ground = Ground(Registry([driver]), "me@here")
    found = await drill(device, Gold(snapshot), "wiped", ground)
    assert (found.state, "--target" in found.why) == ("not drilled", True)


async def test_only_what_the_gold_copy_speaks_of_is_restored() -> None:
    device, snapshot = await held()
    gold = Gold(snapshot, Scope(["holding/**"]))
    found = await drill(device, gold, "wiped", Ground(registry(Twin), "me@here"))
    assert found.state == "passed"
    assert found.leaves["harmed"] == sum(
        item.path.startswith("holding/") and item.role == "setting" and item.value != 0
        for item in snapshot.items
    )


# -- on a spare ------------------------------------------------------------------------------------


async def test_a_spare_gets_the_gold_copy() -> None:
    device, snapshot = await held(writable=True)
    async with ModbusSimulator.demo("line1-mixer") as spare:
        harm.manipulate(spare, snapshot)
        found = await on_spare(device, Gold(snapshot), spare.host, spare.port, _ground())
        assert (found.state, found.proved) == ("passed", True), found
        after = (await Reach(msgspec.structs.replace(device, port=spare.port), REAL).read())[0]
    assert after.settings == snapshot.settings
    assert found.requests is None
    assert found.estimate_seconds is None


async def test_a_spare_is_held_to_the_gates() -> None:
    device, snapshot = await held(writable=False)
    async with ModbusSimulator.demo("line1-mixer") as spare:
        harm.manipulate(spare, snapshot)
        found = await on_spare(device, Gold(snapshot), spare.host, spare.port, _ground())
        assert (found.state, "writable" in found.why) == ("not drilled", True)
        other = Identity(vendor="Somebody else")
        foreign = Snapshot.of(device.name, "modbus", other, snapshot.items, (), snapshot.rules)
        device = msgspec.structs.replace(device, writable=True)
        found = await on_spare(device, Gold(foreign), spare.host, spare.port, _ground())
        assert (found.state, "vendor" in found.why) == ("not drilled", True)
        assert not [one for one in spare.log if one.writes]


async def test_the_device_itself_is_no_spare() -> None:
    press = next(one for one in load(Path("inventory.yaml"), REAL).devices if one.driver == "s7")
    async with REAL.simulator("s7").demo(press.name) as itself:
        device = msgspec.structs.replace(press, port=itself.port, writable=True)
        snapshot = (await Reach(device, REAL).read())[0]
        found = await on_spare(device, Gold(snapshot), itself.host, itself.port, _ground())
        assert (found.state, "not a spare" in found.why) == ("not drilled", True)
        assert not [one for one in itself.log if one.writes]


def _ground() -> Ground:
    return Ground(REAL, "me@here")


# -- harm ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [True, 0, 5, -3, 1.5, 1e30, float("inf"), b"ab", "x", "ab", (1, 2)]
)
def test_harm_changes_a_value_and_not_its_kind(value: Any) -> None:  # noqa: ANN401
    other = harm.nudged(value)
    assert type(other) is type(value)
    assert other != value
    if isinstance(value, str | bytes | tuple):
        assert len(other) == len(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", b"", ()])
def test_nothing_is_not_harmed(value: Any) -> None:  # noqa: ANN401
    assert harm.nudged(value) is None


@pytest.mark.parametrize("firmware", ["V3.2.6", "32.11", "1.0", "V2.0 beta", "7"])
def test_another_firmware_is_another(firmware: str) -> None:
    found = harm.other_firmware(Identity(firmware=firmware))
    assert found is not None
    assert found.firmware != firmware
    assert harm.other_firmware(Identity(firmware="")) is None
    assert harm.other_firmware(Identity(firmware="beta")) is None
