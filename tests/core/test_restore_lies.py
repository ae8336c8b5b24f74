"""What could make a receipt lie: the world around the device moves while it is restored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.restore_toy import Press, plant
from tests.core.test_restore_apply import as_gold, held

from goldcopy.restore import resume, rollback, unfinished
from goldcopy.snapshot import Value


def meanwhile(press: Press, do: Callable[[int], None]) -> None:
    """Do something each time that a value is set, told how many were written by then."""
    real = press.set

    def set_(name: str, value: Value) -> None:
        real(name, value)
        do(len(press.wrote))

    press.set = set_  # type: ignore[method-assign]


async def test_another_controller_answers_the_read_back(tmp_path: Path) -> None:
    """Its neighbour holds the gold values already: what it holds proves nothing of this one."""
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")

        def swapped(_: int) -> None:
            found.press.product = "Lathe"

        meanwhile(found.press, swapped)
        receipt = await found.restore(plan)
        assert not receipt.proved
        assert not receipt.rolled_back
        assert not receipt.finished
        assert receipt.after == ""
        assert "its product is 'Lathe'" in receipt.why
        assert [leaf.verdict for leaf in receipt.leaves[:1]] == ["in doubt"]
        found.press.product = "Press"
        (journal,) = unfinished(found.means.vault.path)
        assert (await resume(journal, found.device, found.means)).proved


async def test_another_controller_answers_while_it_goes_back(tmp_path: Path) -> None:
    async with plant(tmp_path, Press(fault="ignore", at=1)) as found:
        plan = await found.plan("axis/0/*", "axis/1/*")

        def swapped(number: int) -> None:
            found.press.product = "Lathe" if number == 3 else "Press"

        meanwhile(found.press, swapped)
        receipt = await found.restore(plan)
        assert not receipt.rolled_back
        assert not receipt.finished
        found.press.product = "Press"
        (journal,) = unfinished(found.means.vault.path)
        assert (await rollback(journal, found.device, found.means)).rolled_back


@pytest.mark.parametrize("go_on", [resume, rollback])
async def test_a_write_that_was_on_its_way_at_a_kill_is_waited_for(
    tmp_path: Path, go_on: Callable[..., object]
) -> None:
    """Who goes on at once must not believe what the controller holds in that moment."""
    async with plant(tmp_path) as found:
        journal = await found.killed(await found.plan("gain"), "gain")
        found.press.wrote.append(("gain", 0.25))
        asyncio.get_running_loop().call_later(0.1, found.press.set, "gain", 0.25)
        receipt = await go_on(journal.path, found.device, found.means)  # type: ignore[misc]
        assert receipt.proved == (go_on is resume)
        await asyncio.sleep(0.15)
        assert found.press.held["gain"] == ("REAL", 0.25 if receipt.proved else 0.5)


async def test_a_live_value_that_came_to_be_right_by_itself_is_proved(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan("live", "gain", values="all")
        found.press.set("live", 7)
        receipt = await found.restore(plan)
        assert receipt.proved, receipt.leaves
        assert [path for path, _ in found.press.wrote] == ["gain"]


async def test_what_was_not_read_is_not_called_put_back(tmp_path: Path) -> None:
    """The device goes after it was read and before anything was sent."""
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")
        real = found.press._answer  # noqa: SLF001

        def dies(service: bytes, arguments: bytes) -> bytes:
            found.press._server.close()  # noqa: SLF001
            return real(service, arguments)

        found.press._answer = dies  # type: ignore[method-assign]  # noqa: SLF001
        receipt = await found.restore(plan)
        assert receipt.after == ""
        assert not receipt.proved
        assert not receipt.rolled_back
        assert "cannot be read now" in receipt.leaves[0].why
        assert not found.press.wrote


@pytest.mark.parametrize("go_on", [resume, rollback])
async def test_others_change_a_leaf_between_kill_and_going_on(
    tmp_path: Path, go_on: Callable[..., object]
) -> None:
    """It may have been sent: what is found there then is told, whoever had put it there."""
    async with plant(tmp_path) as found:
        journal = await found.killed(await found.plan("gain", "name"), "gain")
        found.press.set("gain", 0.75)
        receipt = await go_on(journal.path, found.device, found.means)  # type: ignore[misc]
        assert receipt.proved == (go_on is resume)
        assert receipt.rolled_back == (go_on is rollback)
        why = {leaf.path: leaf.why for leaf in receipt.leaves}["gain"]
        assert "when it was gone on with, it holds '0.75'" in why


async def test_proved_and_gone_a_moment_later(tmp_path: Path) -> None:
    """A program that writes its own value every so often: who asks for it, sees that."""
    async with plant(tmp_path) as found:
        plan = await found.plan("gain")

        def program(_: int) -> None:
            loop = asyncio.get_running_loop()
            loop.call_later(0.3, found.press.held.__setitem__, "gain", ("REAL", 0.5))

        meanwhile(found.press, program)
        found = replace(found, means=replace(found.means, hold=0.6))
        receipt = await found.restore(plan)
        assert not receipt.proved
        assert "did not stay" in receipt.why
        assert held(found.press) != as_gold()
