"""What could make a receipt lie: the world around the device moves while it is restored."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from tests.core.restore_toy import NAN, Press, PressWriter, plant
from tests.core.test_restore_apply import as_gold, held
from tests.core.toy_controller import LOCKED

from goldcopy.errors import Unreachable, VaultUnavailable, Wrong
from goldcopy.restore import Permit, resume, rollback, unfinished
from goldcopy.snapshot import Identity, Item, Snapshot, Value
from goldcopy.vault import Writer

QUIET: float = struct.unpack(">f", bytes.fromhex("7fc00000"))[0]


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


class Torn(Press):
    """Ends the connection whenever one of its values is to be written, from some write on."""

    def _write(self, arguments: bytes, number: bytes, writer: asyncio.StreamWriter) -> bool:
        if len(self.wrote) >= 14 and arguments.startswith(b"axis/1/limit\0"):
            self.wrote.append(("axis/1/limit", -1))
            return False
        return super()._write(arguments, number, writer)


async def test_what_cannot_be_put_back_does_not_keep_the_rest_from_it(tmp_path: Path) -> None:
    async with plant(tmp_path, Torn(fault="refuse", at=13)) as found:
        manipulated = held(found.press)
        receipt = await found.restore()
        left = {path for path, value in held(found.press).items() if value != manipulated[path]}
        assert left == {"axis/1/limit"}, receipt.leaves
        verdicts = {leaf.path: leaf.verdict for leaf in receipt.leaves}
        assert verdicts["axis/1/limit"] == "failed"
        assert [leaf.path for leaf in receipt.leaves if leaf.verdict == "in doubt"] == []


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


def stored(press: Press, as_it_keeps: Callable[[str, Value], Value]) -> None:
    """The controller keeps its own form of what is written."""
    real = press.set
    press.set = lambda name, value: real(name, as_it_keeps(name, value))  # type: ignore[method-assign]


OWN_FORMS: dict[str, Callable[[str, Value], Value]] = {
    "one kind of NaN": lambda name, value: QUIET if value != value else value,
    "no -0.0": lambda name, value: 0.0 if value == 0.0 and name == "gain" else value,
    "texts without an end": lambda name, value: value.rstrip() if isinstance(value, str) else value,
    "whole numbers": lambda name, value: float(round(value)) if name == "gain" else value,  # type: ignore[arg-type]
    "half of it": lambda name, value: value[:300] if isinstance(value, bytes) else value,
}


@pytest.mark.parametrize("form", OWN_FORMS)
@pytest.mark.parametrize("back", [False, True])
async def test_a_controller_that_keeps_its_own_form_of_a_value(
    tmp_path: Path, form: str, back: bool
) -> None:
    """A value that is nearly right is not: neither on the way there nor on the way back."""
    press = Press()
    wanted: dict[str, Value] = {"offset": NAN, "gain": -0.0, "name": "press 7  "}
    other: dict[str, Value] = {"offset": 1.0, "gain": 0.5, "name": "x"}
    if form == "whole numbers":
        wanted["gain"] = 0.25
    if back:
        wanted, other = other, wanted
    for name, value in wanted.items():
        press.set(name, value)
    async with plant(tmp_path, press) as found:
        for name, value in other.items():
            press.set(name, value)
        press.set("recipe", b"\0" * 600)
        manipulated = held(press)
        plan = await found.plan("offset", "gain", "name", "recipe")
        stored(press, OWN_FORMS[form])
        if back:
            press.fault, press.at = "refuse", 3  # whatever it is, the last one
        receipt = await found.restore(plan)
        now, gold = held(press), {one.path: one for one in found.gold.items}
        assert not receipt.proved
        for leaf in receipt.leaves[:4]:
            same = now[leaf.path] == manipulated[leaf.path]
            assert (leaf.verdict in ("rolled back", "unchanged")) == same, (leaf, gold[leaf.path])
            assert leaf.verdict != "proved"
        assert receipt.rolled_back == (now == manipulated)
        assert receipt.finished


async def test_two_names_of_one_place(tmp_path: Path) -> None:
    """Both are written, both are proved; what is said of one is true of the other."""
    async with plant(tmp_path) as found:
        mirror(found.press)
        found.press.held["alias"] = ("DINT", 500)
        live, facts = await found.means.reach(found.device).read()
        gold = Snapshot.of(
            *("press", "toy", live.identity, as_gold_items(live), live.gaps, live.rules),
            blobs=live.blobs,
        )
        await found.means.writer.keep(gold, facts)
        found = replace(found, gold=gold)
        found.press.set("axis/5/limit", 66)
        receipt = await found.restore(await found.plan("axis/5/*", "alias"))
        assert receipt.proved
        assert receipt.moved == ()
        found.press.set("alias", 67)
        alone = await found.restore(await found.plan("alias"))
        assert alone.proved
        assert alone.moved == ("axis/5/limit",), "what else it is called is told"


def as_gold_items(live: Snapshot) -> list[Item]:
    values: dict[str, Value] = {"alias": 500, "axis/5/limit": 500}
    return [msgspec.structs.replace(i, value=values.get(i.path, i.value)) for i in live.items]


def mirror(press: Press) -> None:
    real, pair = press.set, {"alias": "axis/5/limit", "axis/5/limit": "alias"}

    def set_(name: str, value: Value) -> None:
        real(name, value)
        if name in pair:
            real(pair[name], value)

    press.set = set_  # type: ignore[method-assign]


async def test_a_write_that_changes_another_planned_leaf(tmp_path: Path) -> None:
    """It was proved a moment before: all is read at the end, and all goes back."""
    async with plant(tmp_path) as found:
        manipulated = held(found.press)
        plan = await found.plan("axis/**")
        real = found.press.set

        def resets(name: str, value: Value) -> None:
            real(name, value)
            if name == "axis/7/limit":
                real("axis/2/limit", 1)

        found.press.set = resets  # type: ignore[method-assign]
        receipt = await found.restore(plan)
        assert not receipt.proved
        assert receipt.rolled_back, receipt.leaves
        assert held(found.press) == manipulated


async def test_a_leaf_that_cannot_be_read_once_it_was_written(tmp_path: Path) -> None:
    async with plant(tmp_path) as found:
        plan = await found.plan("gain", "name")
        real, hidden = found.press._answer, [True]  # noqa: SLF001

        def locks(service: bytes, arguments: bytes) -> bytes:
            wrote = hidden[0] and "gain" in dict(found.press.wrote)
            return LOCKED if wrote and arguments == b"gain" else real(service, arguments)

        found.press._answer = locks  # type: ignore[method-assign]  # noqa: SLF001
        receipt = await found.restore(plan)
        assert not receipt.proved
        assert not receipt.rolled_back
        verdicts = {leaf.path: leaf.verdict for leaf in receipt.leaves}
        assert (verdicts["gain"], verdicts["name"]) == ("in doubt", "rolled back")
        hidden[0] = False
        (journal,) = unfinished(found.means.vault.path)
        assert (await rollback(journal, found.device, found.means)).rolled_back


async def test_the_deadline_comes_in_the_middle_of_writing(tmp_path: Path) -> None:
    async with plant(tmp_path, deadline=0.5) as found:
        manipulated = held(found.press)
        plan = await found.plan()
        found = replace(found, means=replace(found.means, pause=0.2))
        receipt = await found.restore(plan)
        assert not receipt.proved
        assert "within its deadline of 0.5 s" in receipt.why
        assert receipt.rolled_back or not receipt.finished
        for journal in unfinished(found.means.vault.path):
            calm = replace(found.means, pause=0.0)
            assert (await rollback(journal, found.device, calm)).rolled_back
        assert held(found.press) == manipulated


async def test_nothing_can_be_sent_to_go_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be read all the time: what was not even tried to be put back, can be later."""
    async with plant(tmp_path, Press(fault="refuse", at=5)) as found:
        manipulated, real = held(found.press), PressWriter.identify
        sessions = []

        async def identify(self: PressWriter) -> Identity:
            sessions.append(self)
            if len(sessions) > 1:
                raise Unreachable("it takes no second connection for writing")
            return await real(self)

        with monkeypatch.context() as patched:
            patched.setattr(PressWriter, "identify", identify)
            receipt = await found.restore()
        assert len(sessions) == 3
        assert not receipt.finished
        assert receipt.counts["in doubt"] == 5
        doubtful = [leaf for leaf in receipt.leaves if leaf.verdict == "in doubt"]
        assert all(leaf.why.startswith("nothing could be sent to put it back") for leaf in doubtful)
        (journal,) = unfinished(found.means.vault.path)
        with pytest.raises(Wrong, match="roll it back"):
            await resume(journal, found.device, found.means)
        assert (await rollback(journal, found.device, found.means)).rolled_back
        assert held(found.press) == manipulated


class Failing:
    """A writer of a vault whose disk is full from the k-th thing on that it is to keep."""

    def __init__(self, writer: Writer, at: int) -> None:
        self._writer = writer
        self.left = at

    async def keep(self, *args: Any) -> Any:  # noqa: ANN401
        return await self._kept(self._writer.keep, *args)

    async def note(self, *args: Any) -> Any:  # noqa: ANN401
        return await self._kept(self._writer.note, *args)

    async def _kept(self, how: Callable[..., Any], *args: Any) -> Any:  # noqa: ANN401
        self.left -= 1
        if self.left < 0:
            raise VaultUnavailable("no space is left on its disk")
        return await how(*args)


async def test_the_vault_is_full_at_each_step(tmp_path: Path) -> None:
    """Before anything is sent, or with a journal that is enough to go on: never in between."""
    seen = set()
    for at in range(20):
        async with plant(tmp_path / str(at)) as found:
            plan, manipulated = await found.plan(), held(found.press)
            writer = Failing(found.means.writer, at)
            full = replace(found, means=replace(found.means, writer=cast(Writer, writer)))
            permit = Permit("bob", break_glass="nobody there")
            try:
                receipt = await full.restore(plan, permit)
            except VaultUnavailable:
                journals = unfinished(found.means.vault.path)
                assert bool(found.press.wrote) == bool(journals)
                seen.add(bool(journals))
                if journals:
                    again = await resume(journals[0], found.device, found.means)
                else:
                    assert held(found.press) == manipulated
                    again = await found.restore(plan, permit)
                assert again.proved
                assert unfinished(found.means.vault.path) == []
            else:
                assert receipt.proved
                assert writer.left == 0, "there is nothing more to fail"
                assert seen == {True, False}
                return
