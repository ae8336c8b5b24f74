"""A restore on its way: groups are written, everything is read back, and if need be it goes back.

Whatever is in doubt is decided by reading. Nothing is written where the value stands already.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from goldcopy.driver import Writer as Session
from goldcopy.errors import Refused, Unreachable, Unsupported, Wrong
from goldcopy.restore.gates import NotAllowed, is_it, who
from goldcopy.restore.journal import Journal, Phase, Told, Turned, Writing
from goldcopy.restore.leaf import stands, with_content
from goldcopy.restore.means import Means
from goldcopy.restore.model import Write
from goldcopy.restore.reach import Failed, Reach
from goldcopy.restore.receipt import Leaf, Receipt
from goldcopy.restore.verdicts import amiss, moved, verdicts
from goldcopy.snapshot import Identity, Item, Snapshot
from goldcopy.snapshot.diff import Cover
from goldcopy.vault import Facts

_ANSWERS: Final = (Refused, Wrong, Unsupported)
"""After these a write is over: refused by the controller, or never sent."""
TURNS: Final = 2
"""Times that a rollback writes what it reads as not yet put back, and as long as that becomes less;
from the second on leaf by leaf."""


class Course:
    """One restore, from its journal on.

    Args:
        journal: what was begun.
        reach: the device.
        means: the pace, and where all is kept.
        before: the snapshot that was taken first; None if it cannot be read here.
        found: what the device holds now, and was kept.
        resumed: whether it goes on after it was interrupted.
    """

    def __init__(
        self,
        journal: Journal,
        reach: Reach,
        means: Means,
        before: Snapshot | None,
        found: tuple[Snapshot, Facts],
        resumed: bool = False,
    ) -> None:
        self._journal = journal
        self._plan = journal.plan
        self._reach = reach
        self._means = means
        self._before = before
        self._resumed = resumed
        self._found: tuple[Snapshot, Facts] | None = found
        self._blind = ""
        """Why nobody knows what it holds."""
        self._open: Sequence[Item] = ()
        """The group that is on its way, while nobody has answered."""
        self._unanswered: set[str] = set()
        self._met = self._neither(found[0]) if resumed else {}

    # -- two ways ------------------------------------------------------------------------------

    async def forward(self) -> Receipt:
        """Write what does not stand yet, and prove all of it; else go back."""
        why = ""
        assert self._found is not None
        pending = self._not(lambda write: write.wanted, self._found[0])
        try:
            await self._put([write.wanted for write in pending], "restore")
        except Failed as error:
            why = str(error)
        said = await self._read()
        if said == {} and pending and self._means.hold:
            await asyncio.sleep(self._means.hold)
            said = await self._read()
            if said:
                why = f"{len(said)} leaves did not stay as written for {self._means.hold:g} s"
        if said is None:  # nobody can say what it holds, nor write it: a person goes on later
            return await self._told("; ".join(filter(None, [why, self._blind])))
        if said:
            return await self.back(why or f"{len(said)} leaves do not hold what was written", said)
        return await self._told(why)

    async def back(self, why: str, said: dict[str, str] | None = None) -> Receipt:
        """Put back what was written and does not stand as it was found, and prove that."""
        if self._journal.turned is None:
            turned = Turned(why, self._met if said is None else said)
            await asyncio.to_thread(self._journal.add, turned)
        least = len(self._journal.writes) + 1
        for turn in itertools.count():
            if self._found is None and not await self._look():
                break
            wrong = self._not_back()
            if not wrong or (turn >= TURNS and len(wrong) >= least):
                break
            least = len(wrong)
            # Only reading tells how far it came; the receipt names what is amiss.
            with contextlib.suppress(Failed):
                await self._put([write.now for write in wrong], "rollback", alone=turn > 0)
        said_first = self._journal.turned.why if self._journal.turned else why
        return await self._told("; ".join(filter(None, [said_first, self._blind])))

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
                    self._means.watch.done += len(group)
                    await asyncio.sleep(self._means.pause)
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
            await asyncio.sleep(self._means.settling(self._reach.device))

    async def _announce(self, phase: Phase, group: Sequence[Item]) -> None:
        event = Writing(phase, [item.path for item in group])
        await asyncio.to_thread(self._journal.add, event)

    def _check(self, found: Identity, phase: Phase) -> None:
        """Once more on the session that writes: an address may have another device behind it."""
        # What was written goes back, whatever mode that has led to.
        asked = is_it if phase == "rollback" else who
        refusals = asked(self._plan, self._reach.device, found, self._journal.begun.permit)
        if refusals:
            raise NotAllowed(self._reach.device.name, refusals)

    # -- reading -------------------------------------------------------------------------------

    async def _look(self) -> bool:
        """Read all; whether that could be done, and it was this device that answered."""
        self._show("reading back", len(self._journal.writes))
        self._found, self._blind = None, ""
        try:
            found = await self._reach.read()
        except Unreachable as error:
            self._blind = str(error)
            return False
        device = self._reach.device
        if others := is_it(self._plan, device, found[0].identity, self._journal.begun.permit):
            whys = "; ".join(one.why for one in others)
            self._blind = f"{device.name}: another controller answers: {whys}"
            return False
        self._found = found
        return True

    async def _read(self) -> dict[str, str] | None:
        """Read all back: what of the plan does not stand, and why; None if nobody knows."""
        if not await self._look():
            return None
        assert self._found is not None
        snapshot = self._found[0]
        gaps = Cover(snapshot.gaps)
        return {
            write.path: amiss(write, snapshot.by_path.get(write.path), gaps)
            for write in self._not(lambda write: write.wanted, snapshot)
        }

    def _not_back(self) -> list[Write]:
        """What was written and does not stand as it was found; what was never tried comes first.

        A leaf whose write ends the connection each time would else keep all others from it.
        """
        assert self._found is not None
        sent, tried = self._journal.sent("restore"), self._journal.sent("rollback")
        wrong = self._not(lambda write: write.now, self._found[0])
        return sorted([one for one in wrong if one.path in sent], key=lambda one: tried[one.path])

    def _neither(self, found: Snapshot) -> dict[str, str]:
        """What holds neither its old value nor its new one, and what instead."""
        gaps = Cover(found.gaps)
        return {
            write.path: f"when it was gone on with, {amiss(write, item, gaps)}"
            for write in self._not(lambda write: write.wanted, found)
            if not stands(item := found.by_path.get(write.path), write.now)
        }

    def _not(self, side: Callable[[Write], Item], found: Snapshot) -> list[Write]:
        """The writes of which the one side, old or new, does not stand."""
        by_path = found.by_path
        return [w for w in self._journal.writes if not stands(by_path.get(w.path), side(w))]

    def _show(self, stage: Literal["writing", "rolling back", "reading back"], total: int) -> None:
        watch = self._means.watch
        watch.stage, watch.done, watch.total = stage, 0, total

    # -- telling -------------------------------------------------------------------------------

    async def _told(self, why: str) -> Receipt:
        """Make the receipt; it is in the journal first, then in the vault."""
        journal, begun = self._journal, self._journal.begun
        found = self._found[0] if self._found else None
        receipt = Receipt(
            plan=self._plan.digest,
            device=self._plan.device,
            target=self._plan.target.snapshot,
            before=begun.before,
            after=found.id if found else "",
            began=begun.time,
            ended=datetime.now(UTC),
            permit=begun.permit,
            planned=len(journal.writes),
            leaves=(
                *map(self._with_silence, verdicts(journal, found, self._met)),
                *(Leaf(left.path, "not restorable", left.why) for left in self._plan.left),
            ),
            why=why,
            moved=moved(self._before, found, journal.writes),
            groups=journal.groups(),
            resumed=self._resumed,
        )
        await asyncio.to_thread(journal.add, Told(receipt))
        if self._found is not None:
            await self._means.writer.keep(*self._found)
        judged = {"proved": receipt.proved, "rolled_back": receipt.rolled_back}
        body = {**judged, **msgspec.to_builtins(receipt)}
        await self._means.writer.note("receipt", receipt.device, body)
        if receipt.finished:
            await asyncio.to_thread(journal.end)
        self._means.watch.stage = "done"
        return receipt

    def _with_silence(self, leaf: Leaf) -> Leaf:
        if leaf.verdict != "unchanged" or leaf.path not in self._unanswered:
            return leaf
        waited = self._reach.device.timeout + self._means.settling(self._reach.device)
        why = (
            f"its write had no answer, and was not carried out within {waited:g} s; should the "
            "controller do so even later, the next pull shows it"
        )
        return Leaf(leaf.path, leaf.verdict, why)
