"""A plant of 40 noisy devices for 30 nights: quiet when nothing happened, and nothing missed.

The noise here is that of values which move at every other pull or more often. A value that moves
once a week is not found by fifteen pulls in a row; no number of pulls finds all of them.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import msgspec
from tests.core.gold_people import ALICE, BOB, DAY, NOON, approved, signers

from goldcopy.drift.known import Pulled
from goldcopy.drift.learn import learn
from goldcopy.drift.verdict import Verdict, verdict
from goldcopy.gold.judge import judge
from goldcopy.gold.statement import Statement
from goldcopy.inventory import Rule, Rules
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.snapshot.values import real_from_bits

DEVICES, NIGHTS, INJECTED, PULLS = 40, 30, 300, 15


class Machine:
    """A controller whose process runs on while nobody changes a setting."""

    def __init__(self, seed: int) -> None:
        self.name = f"machine{seed}"
        self._random = random.Random(seed)
        self.identity = Identity(order_code="6ES7", firmware="2.0", protection="1", mode="RUN")
        draw = self._random
        self.items: dict[str, Item] = {}
        for n in range(20):
            self._put(f"recipe/{n}/target", "REAL", single(draw.uniform(0, 100)), unit="bar")
            self._put(f"recipe/{n}/flags", "WORD", draw.randrange(1 << 16))
            self._put(f"motor/{n}/limit", "DINT", draw.randrange(1000))
        self._put("recipe/unset", "REAL", real_from_bits(0x7FC00000))
        self._put("recipe/zero", "REAL", 0.0)
        self._put("recipe/curve", "ARRAY[50] OF INT", tuple(draw.randrange(99) for _ in range(50)))
        self._put("type/Motor", "STRING", "8 bytes\nspeed : REAL @ 0\nrun : BOOL @ 4.0\n", "block")
        for n in range(3):
            self._put(f"block/FC{n}", "BYTES", draw.randbytes(700), "block")
        self.live = [f"motor/{n}/speed" for n in range(20)] + [f"live/{n}" for n in range(10)]
        self.live += ["counter", "heartbeat", "recipe/active"]
        for path in self.live:
            self._put(path, "LREAL" if "/" in path else "BOOL", 0.0 if "/" in path else False)
        self.live += ["trace", "clock"]
        self._put("trace", "ARRAY[20] OF INT", (0,) * 20)
        self._put("clock", "DATE_AND_TIME", "2026-11-24T12:00:00")

    def _put(self, path: str, kind: str, value: object, sort: str = "tag", unit: str = "") -> None:
        self.items[path] = Item(path, sort, kind, value, unit=unit)  # type: ignore[arg-type]

    def run_on(self) -> None:
        """Time goes by: each live value moves, or it does not."""
        for path in self.live:
            if self._random.random() < 0.6:
                item = self.items[path]
                self.items[path] = msgspec.structs.replace(item, value=self._moved(item))

    def _moved(self, item: Item) -> object:
        draw = self._random
        if isinstance(item.value, tuple):  # some elements only
            return tuple(one + 1 if draw.random() < 0.2 else one for one in item.value)  # type: ignore[operator]
        if isinstance(item.value, str):
            return f"2026-11-{draw.randint(1, 30):02}T{draw.randrange(24):02}:00:00"
        return not item.value if item.type == "BOOL" else draw.random()

    def pulled(self, rules: Rules, keep_process: bool = False) -> Snapshot:
        """As the night run keeps it: without process values."""
        items = rules.apply(self.items.values())
        kept = [item for item in items if keep_process or item.role != "process"]
        return Snapshot.of(self.name, "s7", self.identity, kept, (), rules.digest)


def single(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


class Watched(NamedTuple):
    """A machine with its gold copy."""

    machine: Machine
    gold: Snapshot
    made: Statement
    rules: Rules

    def look(self, night: int, rules: Rules | None = None) -> Verdict:
        at = NOON + night * DAY
        judgement = judge(
            approved(self.made, BOB),
            signers(),
            vault="v1",
            device=self.machine.name,
            approvers=1,
            at=at,
        )
        now = Pulled(self.machine.pulled(rules or self.rules), at)
        return verdict(
            self.machine.name, judgement, self.gold, now, at=at, max_age=timedelta(hours=30)
        )


def watched(seed: int) -> Watched:
    """Learn what moves, then approve what is there, with the rules that were learnt."""
    machine = Machine(seed)
    pulls = []
    for _ in range(PULLS):
        pulls.append(machine.pulled(Rules(), keep_process=True))
        machine.run_on()
    learnt = learn(pulls, Rules())
    assert learnt.doubtful == {}
    assert set(learnt.moved) <= set(machine.live)
    rules = Rules(learnt.rules)
    gold = machine.pulled(rules)
    until = NOON + 365 * DAY
    made = Statement.propose(gold, rules, vault="v1", by=ALICE, reason="r", until=until, time=NOON)
    return Watched(machine, gold, made, rules)


# -- what somebody changes -------------------------------------------------------------------------


def some_bit(machine: Machine, draw: random.Random) -> str:
    path = f"recipe/{draw.randrange(20)}/flags"
    return changed(machine, path, lambda value: value ^ (1 << draw.randrange(16)))


def last_bit_of_a_real(machine: Machine, draw: random.Random) -> str:
    def next_to(value: float) -> float:
        bits = struct.unpack("<I", struct.pack("<f", value))[0]
        return float(struct.unpack("<f", struct.pack("<I", bits ^ 1))[0])

    return changed(machine, f"recipe/{draw.randrange(20)}/target", next_to)


def another_nan(machine: Machine, draw: random.Random) -> str:
    """Its sign or payload moves, which no comparison of numbers sees."""
    bits = 0x7FC00000 | draw.randint(1, 1 << 20)
    value = real_from_bits(draw.choice((bits, bits | 1 << 31)))
    return changed(machine, "recipe/unset", lambda _: value)


def minus_zero(machine: Machine, draw: random.Random) -> str:
    return changed(machine, "recipe/zero", lambda value: -value)


def another_type(machine: Machine, draw: random.Random) -> str:
    path = f"motor/{draw.randrange(20)}/limit"
    machine.items[path] = msgspec.structs.replace(machine.items[path], type="LINT")
    return path


def unit(machine: Machine, draw: random.Random) -> str:
    path = f"recipe/{draw.randrange(20)}/target"
    machine.items[path] = msgspec.structs.replace(machine.items[path], unit="psi")
    return path


def one_element(machine: Machine, draw: random.Random) -> str:
    at = draw.randrange(50)
    return changed(
        machine, "recipe/curve", lambda value: (*value[:at], value[at] + 1, *value[at + 1 :])
    )


def code_of_a_block(machine: Machine, draw: random.Random) -> str:
    def patched(value: bytes) -> bytes:
        at = draw.randrange(700)
        return value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]

    return changed(machine, f"block/FC{draw.randrange(3)}", patched)


def a_member(machine: Machine, draw: random.Random) -> str:
    return changed(
        machine, "type/Motor", lambda value: value.replace("4.0", f"4.{draw.randint(1, 7)}")
    )


def firmware(machine: Machine, draw: random.Random) -> str:
    machine.identity = msgspec.structs.replace(machine.identity, firmware=f"2.{draw.randint(1, 9)}")
    return "firmware"


def protection(machine: Machine, draw: random.Random) -> str:
    machine.identity = msgspec.structs.replace(machine.identity, protection=f"{draw.randint(2, 3)}")
    return "protection"


def a_new_setting(machine: Machine, draw: random.Random) -> str:
    path = f"recipe/{draw.randint(100, 999)}/target"
    machine.items[path] = Item(path, "tag", "REAL", 1.0)
    return path


def one_gone(machine: Machine, draw: random.Random) -> str:
    path = f"motor/{draw.randrange(20)}/limit"
    del machine.items[path]
    return path


def changed(machine: Machine, path: str, how: Callable[..., object]) -> str:
    item = machine.items[path]
    machine.items[path] = msgspec.structs.replace(item, value=how(item.value))
    return path


WAYS = [
    some_bit, last_bit_of_a_real, one_element, code_of_a_block, a_member, firmware, protection,
    a_new_setting, one_gone, another_nan, minus_zero, another_type, unit,
]  # fmt: skip


def test_forty_devices_for_thirty_nights() -> None:
    draw = random.Random(6)
    plant = [watched(seed) for seed in range(DEVICES)]
    nights = [(night, seed) for night in range(1, NIGHTS + 1) for seed in range(DEVICES)]
    injected = set(draw.sample(nights, INJECTED))
    false, missed = [], []
    done: list[Callable[[Machine, random.Random], str]] = []
    for night, seed in nights:
        one = plant[seed]
        machine = one.machine
        machine.run_on()
        if (night, seed) not in injected:
            if not one.look(night).green:
                false.append((night, seed))
            continue
        before = dict(machine.items), machine.identity
        way = WAYS[len(done) % len(WAYS)]
        done.append(way)
        path = way(machine, draw)
        told = one.look(night)
        drift = told.drift
        assert drift is not None
        names = {found.path for found in drift.findings} | {one.field for one in drift.identity}
        if told.word != "drift" or names != {path}:
            missed.append((night, seed, path))
        # The same change again, hidden by a mask that nobody has signed.
        masks = Rules([*one.rules.rules, Rule("**", "process")])
        if one.look(night, masks).green:
            missed.append((night, seed, f"{path}, masked"))
        machine.items, machine.identity = before
    quiet = len(nights) - len(injected)
    print(
        f"{len(false)} false drifts in {quiet} device-nights; {len(missed)} missed of {len(done)}"
    )
    assert set(done) == set(WAYS)
    assert missed == []
    assert len(false) * 1000 <= quiet
