"""``kill -9`` at any moment of a restore: resume and rollback both end in a proved state.

``--kills N`` says how often (``make soak N=…``). The controller lives on in the test's process.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest
from tests.core.restore_toy import REGISTRY, Press, device
from tests.core.test_restore_apply import WRITES, as_gold, held, never_again

from goldcopy.restore import Means, Receipt, apply, journal, make_plan, resume, rollback, unfinished
from goldcopy.restore.gates import GoldState, Permit
from goldcopy.vault import Vault

CHILD = "tests.core.restored_until_killed"
ROOT = Path(__file__).parents[2]
LONGEST = 0.2
"""Seconds from its beginning to its end, about; later is after the end."""


async def killed(vault: Path, port: int, target: str, seconds: float) -> bool:
    """Start a restore and kill it so long after it began; whether it came to its end before."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", CHILD, str(vault), str(port), target),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    await asyncio.sleep(seconds)
    if child.returncode is None:
        child.kill()
    rest = await child.stdout.read()
    await child.wait()
    return b"done True\n" in rest


async def gold_in(path: Path, press: Press) -> str:
    Vault.create(path).close()
    vault = Vault.open(path)
    async with vault.writing(linger=0) as writer:
        gold, facts = await Means(vault, writer, REGISTRY).reach(device(press.port)).read()
        await writer.keep(gold, facts)
    vault.close()
    return gold.id


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "number" in metafunc.fixturenames:
        kills = metafunc.config.getoption("--kills")
        metafunc.parametrize("number", range(kills))


async def test_kill_at_a_random_moment(tmp_path: Path, number: int) -> None:
    path, press = tmp_path / "vault", Press()
    async with press:
        target = await gold_in(path, press)
        press.manipulate()
        manipulated = held(press)
        done = await killed(path, press.port, target, random.random() * LONGEST)
        vault = Vault.open(path)
        assert vault.doubts == []
        journals = unfinished(path)
        assert len(journals) <= 1
        if not journals:  # before the first write, or after the last line
            assert held(press) == (as_gold() if press.wrote else manipulated)
            assert not done or press.wrote
        else:
            back = number % 2 == 1
            receipt = await gone_on(vault, journals[0], press, back)
            assert held(press) == (manipulated if back else as_gold())
            assert receipt.rolled_back if back else receipt.proved
            assert receipt.resumed
            assert unfinished(path) == []
            assert vault.notes("receipt", "press")[-1].body["plan"] == receipt.plan
        never_again(press, 0)
        vault.close()


async def gone_on(vault: Vault, journal: Path, press: Press, back: bool) -> Receipt:
    async with vault.writing(linger=0) as writer:
        means = Means(vault, writer, REGISTRY)
        how = rollback if back else resume
        return await how(journal, device(press.port), means)


@pytest.mark.parametrize("back", [False, True])
async def test_killed_before_each_line_of_the_journal(
    tmp_path: Path, back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same at each line exactly, and while it goes on as well."""
    real = journal.Journal.add
    left = 0

    class Killed(BaseException):
        pass

    def dying(self: journal.Journal, event: journal.Event) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            with self.path.open("ab") as file:  # half a line has reached the disk
                file.write(b'{"event":"wri')
            raise Killed
        real(self, event)

    monkeypatch.setattr(journal.Journal, "add", dying)
    for line in range(1, 8):
        for second in (0, 1, 3):
            path, press = tmp_path / f"{line}-{second}", Press()
            async with press:
                target = await gold_in(path, press)
                press.manipulate()
                manipulated = held(press)
                vault = Vault.open(path)
                left = line
                with pytest.raises((Killed, BaseExceptionGroup)):
                    await begun(vault, press, target)
                (left_behind,) = unfinished(path)
                if second:
                    left = second
                    try:
                        await gone_on(vault, left_behind, press, back)
                    except (Killed, BaseExceptionGroup):
                        (left_behind,) = unfinished(path)
                left = 0
                if unfinished(path):
                    receipt = await gone_on(vault, left_behind, press, back)
                    assert receipt.rolled_back if back else receipt.proved
                assert held(press) == (manipulated if back else as_gold())
                assert unfinished(path) == []
                vault.close()


async def begun(vault: Vault, press: Press, target: str) -> None:
    async with vault.writing(linger=0) as writer:
        means = Means(vault, writer, REGISTRY)
        gold = vault.load(target)
        live, _ = await means.reach(device(press.port)).read()
        plan = make_plan(live, gold, device(press.port), vault=vault.id)
        assert len(plan.writes) == WRITES
        await apply(
            plan,
            gold,
            device(press.port),
            means,
            gold=GoldState(valid=True, snapshot=gold.id),
            approvals=lambda digest: ["ann"],
            permit=Permit(by="bob"),
        )
