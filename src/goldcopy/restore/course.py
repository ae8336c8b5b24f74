"""A restore on its way: groups are written, everything is read back, and if need be it goes back.

Whatever is in doubt is decided by reading. Nothing is written where the value stands already.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from goldcopy.driver import Writer as Session
from goldcopy.errors import Refused, Unreachable, Unsupported, Wrong
from goldcopy.restore.gates import NotAllowed, who
from goldcopy.restore.journal import Journal, Phase, Told, Turned, Writing
from goldcopy.restore.leaf import part_of, stands, with_content
from goldcopy.restore.model import Write
from goldcopy.restore.reach import Failed, Reach
from goldcopy.restore.receipt import Leaf, Receipt, Verdict
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.snapshot.diff import Cover, diff
from goldcopy.snapshot.values import to_json
from goldcopy.vault import Facts, Writer

_ANSWERS: Final = (Refused, Wrong, Unsupported)
"""After these a write is over: refused by the controller, or never sent."""
TURNS: Final = 2
"""Times that a rollback writes what it reads as not yet put back; the last time leaf by leaf."""


@dataclass
class Watch:
    """What there is to see while a restore goes on."""

    stage: Literal["reading", "writing", "reading back", "rolling back", "done"] = "reading"
    done: int = 0
    """Leaves sent, of ``total``."""
    total: int = 0


class Course:
    """One restore, from its journal on.

    Args:
        journal: what was begun.
        reach: the device.
        writer: where snapshots and the receipt are kept.
        before: the snapshot that was taken first; None if it cannot be read here.
        pause: seconds between two groups.
        watch: is written to as it goes on.
        resumed: whether it goes on after it was interrupted.
    """

    def __init__(
        self,
        journal: Journal,
        reach: Reach,
        writer: Writer,
        before: Snapshot | None,
        pause: float,
        watch: Watch,
        resumed: bool = False,
    ) -> None:
        self._journal = journal
        self._plan = journal.plan
        self._reach = reach
        self._writer = writer
        self._before = before
        self._pause = pause
        self._watch = watch
        self._resumed = resumed
        self._found: tuple[Snapshot, Facts] | None = None
        self._open: Sequence[Item] = ()
        """The group that is on its way, while nobody has answered."""
        self._unanswered: set[str] = set()

    # -- two ways ------------------------------------------------------------------------------

    async def forward(self, found: Snapshot) -> Receipt:
        """Write what does not stand yet, and prove all of it; else go back.

        ``found`` is what the device holds.
        """
        why = ""
        pending = self._not(lambda write: write.wanted, found)
        try:
            await self._put([write.wanted for write in pending], "restore")
        except Failed as error:
            why = str(error)
        said = await self._read()
        if said is None:  # nobody can say what it holds, nor write it: a person goes on later
            return await self._told(why or "it could not be read back")
        if said:
            return await self.back(why or f"{len(said)} leaves do not hold what was written", said)
        return await self._told(why)

    async def back(self, why: str, said: dict[str, str] | None = None) -> Receipt:
        """Put back what was written and does not stand as it was found, and prove that."""
        if self._journal.turned is None:
            await asyncio.to_thread(self._journal.add, Turned(why, said or {}))
        for turn in range(TURNS + 1):
            wrong = await self._not_back()
            if not wrong or turn == TURNS:
                break
            # Only reading tells how far it came; the receipt names what is amiss.
            with contextlib.suppress(Failed):
                await self._put([write.now for write in wrong], "rollback", alone=turn > 0)
        return await self._told(self._journal.turned.why if self._journal.turned else why)

    # -- writing -------------------------------------------------------------------------------

    async def _put(self, items: Sequence[Item], phase: Phase, alone: bool = False) -> None:
        """Send the items in groups, each announced in the journal first. Raises ``Failed``.

        A rollback goes on after what the controller refuses: as much as can be is put back.
        """
        if not items:
            return
        self._show("writing" if phase == "restore" else "rolling back", len(items))
        self._found = None
        try:
            async with self._reach.writing() as session:
                whole = [with_content(item, self._journal.blobs) for item in items]
                self._check(await session.identify(), phase)
                runs = [[item] for item in whole] if alone else [whole]
                for group in [group for run in runs for group in session.groups(run)]:
                    await self._announce(phase, group)
                    await self._write(session, group, phase)
                    self._watch.done += len(group)
                    await asyncio.sleep(self._pause)
        except Failed:
            await self._settle()
            raise

    async def _write(self, session: Session, group: Sequence[Item], phase: Phase) -> None:
        self._open = group
        try:
            await session.write(group)
        except _ANSWERS:
            if phase == "restore":
                self._open = ()
                raise
        self._open = ()

    async def _settle(self) -> None:
        """Wait, if nobody has said what became of a write: it may be carried out a little later.

        What is read before then would be believed, and be wrong a moment after (issue 7).
        """
        if self._open:
            self._unanswered |= {item.path for item in self._open}
            self._open = ()
            await asyncio.sleep(self._reach.device.timeout)

    async def _announce(self, phase: Phase, group: Sequence[Item]) -> None:
        event = Writing(phase, [item.path for item in group])
        await asyncio.to_thread(self._journal.add, event)

    def _check(self, found: Identity, phase: Phase) -> None:
        """Once more on the session that writes: an address may have another device behind it."""
        refusals = who(self._plan, self._reach.device, found, self._journal.begun.permit)
        if phase == "rollback":  # what was written goes back, whatever mode that has led to
            refusals = [one for one in refusals if one.gate != "mode"]
        if refusals:
            raise NotAllowed(self._reach.device.name, refusals)

    # -- reading -------------------------------------------------------------------------------

    async def _read(self) -> dict[str, str] | None:
        """Read all back: what of the plan does not stand, and why; None if it cannot be read."""
        self._show("reading back", len(self._journal.writes))
        try:
            self._found = await self._reach.read()
        except Unreachable:
            return None
        snapshot = self._found[0]
        gaps = Cover(snapshot.gaps)
        return {
            write.path: _amiss(write, snapshot.by_path.get(write.path), gaps)
            for write in self._not(lambda write: write.wanted, snapshot)
        }

    async def _not_back(self) -> list[Write]:
        """What was written and does not stand as it was found; [] also where nobody can tell."""
        if self._found is None:
            self._show("reading back", len(self._journal.writes))
            try:
                self._found = await self._reach.read()
            except Unreachable:
                return []
        sent = self._journal.sent("restore")
        wrong = self._not(lambda write: write.now, self._found[0])
        return [write for write in wrong if write.path in sent]

    def _not(self, side: Callable[[Write], Item], found: Snapshot) -> list[Write]:
        """The writes of which the one side, old or new, does not stand."""
        by_path = found.by_path
        return [w for w in self._journal.writes if not stands(by_path.get(w.path), side(w))]

    def _show(self, stage: Literal["writing", "rolling back", "reading back"], total: int) -> None:
        self._watch.stage, self._watch.done, self._watch.total = stage, 0, total

    # -- telling -------------------------------------------------------------------------------

    async def _told(self, why: str) -> Receipt:
        """Make the receipt; it is in the journal first, then in the vault."""
        journal, begun = self._journal, self._journal.begun
        receipt = Receipt(
            plan=self._plan.digest,
            device=self._plan.device,
            target=self._plan.target.snapshot,
            before=begun.before,
            after=self._found[0].id if self._found else "",
            began=begun.time,
            ended=datetime.now(UTC),
            permit=begun.permit,
            planned=len(self._journal.writes),
            leaves=(
                *map(self._verdict, self._journal.writes),
                *(Leaf(left.path, "not restorable", left.why) for left in self._plan.left),
            ),
            why=why,
            moved=self._moved(),
            groups=journal.groups(),
            resumed=self._resumed,
        )
        await asyncio.to_thread(journal.add, Told(receipt))
        if self._found is not None:
            await self._writer.keep(*self._found)
        judged = {"proved": receipt.proved, "rolled_back": receipt.rolled_back}
        body = {**judged, **msgspec.to_builtins(receipt)}
        await self._writer.note("receipt", receipt.device, body)
        if receipt.finished:
            await asyncio.to_thread(journal.end)
        self._watch.stage = "done"
        return receipt

    def _verdict(self, write: Write) -> Leaf:
        journal, path = self._journal, write.path
        turned = journal.turned
        said = turned.said.get(path, "") if turned else ""
        sent = path in journal.sent("restore")
        if self._found is None:
            return Leaf(path, "in doubt", "it cannot be read") if sent else Leaf(path, "unchanged")
        snapshot = self._found[0]
        item = snapshot.by_path.get(path)
        if stands(item, write.now):
            if path in journal.sent("rollback"):
                return Leaf(path, "rolled back", said)
            return Leaf(path, "unchanged", self._silence() if path in self._unanswered else said)
        if stands(item, write.wanted) and turned is None:
            return Leaf(path, "proved")
        verdict: Verdict = "in doubt" if item is None and sent else "failed"
        why = _amiss(write, item, Cover(snapshot.gaps))
        return Leaf(path, verdict, why if sent else f"it was not written by this restore; {why}")

    def _silence(self) -> str:
        waited = 2 * self._reach.device.timeout
        return (
            f"its write had no answer, and was not carried out within {waited:g} s; should the "
            "controller do so even later, the next pull shows it"
        )

    def _moved(self) -> tuple[str, ...]:
        """The settings beside the plan that are not as they were before."""
        if self._before is None or self._found is None:
            return ()
        planned = {write.path for write in self._journal.writes}
        return tuple(
            change.path
            for change in diff(self._before, self._found[0])
            if not part_of(change.path, planned)
            and any(one and one.role == "setting" for one in (change.old, change.new))
        )


def _amiss(write: Write, item: Item | None, gaps: Cover) -> str:
    if item is None:
        gap = gaps.of(write.path)
        return f"it cannot be read: {gap.reason}" if gap else "it is not there any more"
    holds = to_json(item.type, item.value)
    return f"it holds {holds!r}, and {to_json(write.now.type, write.value)!r} was to be written"
