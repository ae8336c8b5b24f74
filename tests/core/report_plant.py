"""A night of many devices in every state, with names that mean harm: for tests of the reports."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from tests.core.gold_people import ALICE, BOB, CAROL, DAY, HOUR, NOON, approved, note, signers

from goldcopy.drift.change import Origin
from goldcopy.drift.compare import compare
from goldcopy.drift.known import Pulled
from goldcopy.drift.model import Identified
from goldcopy.drift.pairs import Pair
from goldcopy.drift.second_path import Disagreement
from goldcopy.drift.survey import Standing
from goldcopy.drift.verdict import verdict
from goldcopy.gold.judge import judge
from goldcopy.gold.judgement import GoldNote
from goldcopy.gold.statement import Statement
from goldcopy.inventory import Device, Rule, Rules
from goldcopy.replica.state import Lag, Seen
from goldcopy.report.night import Night, Subject
from goldcopy.snapshot import Gap, Identity, Item, Snapshot
from goldcopy.vault import Entry
from goldcopy.vault.records import Facts

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
LONG = "db/" + "/".join(f"a-rather-long-segment-{n:02}" for n in range(12)) + "/" + "x" * 40
RULES = Rules([Rule("live/**", "process"), Rule("near/**", "setting", "2%", "low")])
IDENTITY = Identity("Example Controls", "PLC 4711", firmware="V4.2.1", mode="RUN")
AT = NOON + 30 * DAY


def state(device: str, count: int = 40, **changed: object) -> Snapshot:
    """A snapshot; ``changed`` has values by path, with ``__`` for ``/``."""
    values = {f"db/{n // 8}/value{n}": n for n in range(count)}
    values |= {path.replace("__", "/"): value for path, value in changed.items()}  # type: ignore[misc]
    items = [Item(path, "tag", "DINT", value, unit="rpm") for path, value in values.items()]
    items += [Item(f"live/{n}", "tag", "REAL", float(n), "process") for n in range(9)]
    return _of(device, items)


def _of(device: str, items: list[Item], gaps: tuple[Gap, ...] = ()) -> Snapshot:
    return Snapshot.of(device, "s7", IDENTITY, items, gaps, RULES.digest)


def of(
    device: Device,
    gold: Snapshot | None,
    now: Snapshot | None,
    notes: list[GoldNote],
    *,
    error: str = "",
    origins: dict[str, Origin] | None = None,
) -> Subject:
    """One device, judged as the survey does."""
    judgement = judge(
        notes, signers(), vault="v1", device=device.name, approvers=device.approvers, at=AT
    )
    taken = AT - HOUR
    pulled = Pulled(now, taken if now else None, error)
    word = verdict(device.name, judgement, gold, pulled, at=AT, max_age=timedelta(hours=26))
    entry = _entry(now, 31, taken) if now else None
    signed_one = _entry(gold, 1, NOON) if gold else None
    standing = Standing(device.name, word, judgement, entry, signed_one)
    return Subject(device, standing, origins or {})


def _entry(of: Snapshot, number: int, taken: object) -> Entry:
    facts = msgspec.convert({"taken": taken, "seconds": 3, "requests": 9, "bytes": 99}, Facts)
    return Entry(of.device, of.id, facts, len(of.items), len(of.gaps), True, number)


def plc(name: str, zone: str = "hall", approvers: int = 1) -> Device:
    return Device(name, "s7", "127.0.0.1", 102, zone, rules=RULES, approvers=approvers)


def signed(gold: Snapshot, days: int = 365) -> list[GoldNote]:
    return approved(
        Statement.propose(
            gold,
            RULES,
            vault="v1",
            by=ALICE,
            reason="after the overhaul",
            until=NOON + days * DAY,
            time=NOON,
            ticket="CHG-2041",
        ),
        BOB,
        CAROL,
    )


def worst() -> Subject:
    """Everything that can be told of one device, by names and values that mean harm."""
    name = "press-07"
    gold = state(name)
    more = {f"parameter/{n:03}/limit": n for n in range(260)}
    items = [item for item in state(name, db__1__value9=4711, **more).items]
    items += [
        Item(LONG, "tag", "STRING", HOSTILE),
        Item(HOSTILE, "tag", "STRING", "y" * 1500),
        Item("db/arrays/recipe", "tag", "ARRAY[40] OF INT", tuple(range(40))),
    ]
    items = [item for item in items if item.path != "db/0/value3"]
    items = [
        msgspec.structs.replace(item, label=HOSTILE) if item.path == "db/0/value5" else item
        for item in items
    ]
    gaps = (Gap("db/9", f"refused: {HOSTILE}"), Gap(LONG + "/z", "protected; read level needed"))
    now = Snapshot.of(
        name,
        "s7",
        msgspec.structs.replace(IDENTITY, firmware="V4.2.2", protection="none", mode=HOSTILE),
        items,
        gaps,
        RULES.digest,
    )
    since = {
        "db/1/value9": Origin(AT - 3 * DAY, now.id, "CHG-2077"),
        LONG: Origin(AT - DAY, now.id, ""),
        HOSTILE: Origin(AT - DAY, now.id, ""),
    }
    made = of(plc(name), gold, now, signed(gold), origins=since)
    told = {"firmware": Origin(AT - 4 * DAY, now.id, ""), "mode": Origin(AT, now.id, "CHG-9")}
    return msgspec.structs.replace(made, identity=told)


def one_value() -> Subject:
    """As most drift is: one setting, with a ticket."""
    gold, now = state("mixer-02"), state("mixer-02", db__0__value1=1480)
    since = {"db/0/value1": Origin(AT - 2 * DAY, now.id, "CHG-2077")}
    return of(plc("mixer-02"), gold, now, signed(gold), origins=since)


def pairs() -> tuple[Pair, ...]:
    """A pair that is one, a standby that was left behind, and a host that lies."""
    one, other = state("a"), state("a", db__2__value17=99)
    left = compare(one, other, RULES)
    lie = Disagreement("db/2/value17", LONG, *(s.by_path["db/2/value17"] for s in (other, one)))
    gone = Disagreement(HOSTILE, HOSTILE, None, one.by_path["db/2/value17"])
    return (
        Pair("standby", "line0-plc01", "line0-plc00", "ready", "", ("RUN", "STANDBY")),
        Pair("standby", "line0-plc03", "line0-plc02", "differs",
             "1 settings of line0-plc03 are not as on the active one", ("RUN", ""),
             (Identified("firmware", "high", "V4.2.1", HOSTILE),), left.findings),
        Pair("second path", "line0-plc04", "press-07", "disagree",
             "line0-plc04 and press-07 tell 2 settings differently",
             disagreements=(lie, gone)),
        Pair("second path", "line0-plc05", "robot-4", "not-read", "no answer"),
    )  # fmt: skip


def night(green: int = 52) -> Night:
    """Sixty devices, of which most are quiet."""
    name = "conveyor-with-a-name-that-somebody-made-very-long-indeed-in-hall-4"
    some = [
        of(plc(f"line{n // 10}-plc{n:02}"), gold := state(f"line{n // 10}-plc{n:02}"), gold,
           signed(gold))
        for n in range(green)
    ]  # fmt: skip
    gold = state("oven-01")
    hole = _of("oven-01", list(gold.items[:30]), (Gap("db/3", "it did not answer"),))
    return Night(
        AT,
        "v1",
        (
            *some,
            worst(),
            one_value(),
            of(plc("oven-01"), gold, hole, signed(gold)),
            of(plc(name), state(name), state(name), []),
            of(plc("filler-1"), g1 := state("filler-1"), g1, signed(g1)[:1]),
            of(plc("filler-2"), g2 := state("filler-2"), g2, signed(g2, days=20)),
            of(plc("robot-4"), g3 := state("robot-4"), g3, signed(g3),
               error="10.7.4.19 refused the connection on port 102; is it switched on?"),
            of(plc("robot-5"), state("robot-5"), None, []),
        ),
        (
            Lag("nas", 0, None, Seen(packs=31, seen=AT - HOUR, verified=AT - DAY)),
            Lag("offsite", 12, AT - 9 * DAY, Seen(19, AT - 9 * DAY, None, "no route to host")),
        ),
        ("pack 00000017 is not as it was written; run goldcopy vault repair",),
        pairs(),
    )  # fmt: skip


def quiet(count: int = 40) -> Night:
    """A night on which nobody needs to look."""
    subjects = [one for one in night(count).subjects if one.standing.verdict.green]
    return Night(AT, "v1", tuple(subjects), (), ())


__all__ = ["AT", "HOSTILE", "LONG", "night", "note", "one_value", "quiet", "worst"]
