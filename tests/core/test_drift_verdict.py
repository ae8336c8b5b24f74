"""The one word for a device: green means all of what green has to mean, and nothing less."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.gold_people import ALICE, BOB, CAROL, DAY, HOUR, NOON, approved, note, signers

from goldcopy.drift.known import Pulled
from goldcopy.drift.verdict import Verdict, Word, verdict
from goldcopy.gold.judge import judge
from goldcopy.gold.judgement import GoldNote, Judgement
from goldcopy.gold.statement import Statement
from goldcopy.inventory import Rule, Rules
from goldcopy.snapshot import Gap, Identity, Item, Snapshot

RULES = Rules([Rule("live/**", "process")])
MAX_AGE = 36 * HOUR
NOW = NOON + 30 * DAY


def item(path: str, value: int = 1) -> Item:
    return Item(path, "tag", "DINT", value)


def pulled(
    *items: Item,
    gaps: tuple[Gap, ...] = (),
    device: str = "mixer",
    rules: Rules = RULES,
    firmware: str = "1.0",
) -> Snapshot:
    identity = Identity(firmware=firmware)
    return Snapshot.of(device, "s7", identity, rules.apply(items), gaps, rules.digest)


GOLD = pulled(item("a"), item("b"), item("live/x", 5))
SAME = pulled(item("a"), item("b"), item("live/x", 9))


def proposal(
    of: Snapshot = GOLD, time: datetime = NOON, scope: tuple[str, ...] = ("**",)
) -> Statement:
    return Statement.propose(
        of, RULES, vault="v1", by=ALICE, reason="r", until=NOON + 365 * DAY, time=time, scope=scope
    )


MADE = proposal()


@dataclass(frozen=True)
class Facts:
    """All that a verdict rests on; the default is green."""

    notes: tuple[GoldNote, ...] = (*approved(MADE, BOB),)
    gold: Snapshot | None = GOLD
    now: Snapshot | None = SAME
    taken: datetime | None = NOW - HOUR
    error: str = ""
    at: datetime = NOW

    def judged(self) -> Judgement:
        return judge(self.notes, signers(), vault="v1", device="mixer", approvers=1, at=self.at)

    def verdict(self) -> Verdict:
        return verdict(
            "mixer",
            self.judged(),
            self.gold,
            Pulled(self.now, self.taken, self.error),
            at=self.at,
            max_age=MAX_AGE,
        )


FACTS = Facts()
HOLED = pulled(item("a"), item("b"), gaps=(Gap("c", "no answer"),))
OTHER = proposal(pulled(item("a"), device="filler"))
NARROW = proposal(scope=("nothing",))
FORGED = msgspec.structs.replace(note(MADE.approval(BOB, NOON + HOUR)), signature="x")

CASES: dict[str, tuple[Word, Facts]] = {
    "all is well": ("green", FACTS),
    "a process value left out": ("green", replace(FACTS, now=pulled(item("a"), item("b")))),
    "a gap of process values": (
        "green",
        replace(FACTS, now=pulled(item("a"), item("b"), gaps=(Gap("live/x", "no answer"),))),
    ),
    "as old as it may be": ("green", replace(FACTS, taken=NOW - MAX_AGE)),
    "nobody proposed": ("no-gold", replace(FACTS, notes=())),
    "not approved": ("gold-not-approved", replace(FACTS, notes=(note(MADE),))),
    "expired": ("gold-expired", replace(FACTS, at=MADE.until + HOUR, taken=MADE.until)),
    "revoked": (
        "gold-revoked",
        replace(FACTS, notes=(*FACTS.notes, note(MADE.revocation(CAROL, NOON + DAY, "no")))),
    ),
    "forged": ("gold-refused", replace(FACTS, notes=(note(MADE), FORGED))),
    "by the wrong person": (
        "gold-refused",
        replace(FACTS, notes=(note(MADE), note(MADE.approval(BOB, NOON + HOUR), CAROL))),
    ),
    "of another device": ("gold-refused", replace(FACTS, notes=tuple(approved(OTHER, BOB)))),
    "gold not in the vault": ("gold-lost", replace(FACTS, gold=None)),
    "gold is another snapshot": ("gold-mismatch", replace(FACTS, gold=pulled(item("a")))),
    "gold has the same settings, and is another snapshot": (
        "gold-mismatch", replace(FACTS, gold=pulled(item("a"), item("b"), item("live/x", 6))),
    ),
    "gold is the same of another device": (
        "gold-mismatch", replace(FACTS, gold=pulled(*GOLD.items, device="filler")),
    ),
    "gold has gaps": (
        "gold-incomplete",
        replace(FACTS, gold=HOLED, notes=tuple(approved(proposal(HOLED), BOB))),
    ),
    "never read": ("never-read", replace(FACTS, now=None, taken=None)),
    "not reached": ("not-read", replace(FACTS, error="mixer: no answer within 5 s")),
    "interrupted": ("not-read", replace(FACTS, now=None, taken=None, error="interrupted")),
    "of another device now": (
        "other-device", replace(FACTS, now=pulled(*GOLD.items, device="filler")),
    ),
    "too old": ("stale", replace(FACTS, taken=NOW - MAX_AGE - timedelta(seconds=1))),
    "from the future": ("misdated", replace(FACTS, taken=NOW + HOUR)),
    "with a mask more": (
        "other-rules",
        replace(FACTS, now=pulled(*GOLD.items, rules=Rules([*RULES.rules, Rule("a", "process")]))),
    ),
    "without rules": ("other-rules", replace(FACTS, now=pulled(*GOLD.items, rules=Rules()))),
    "nothing in scope": ("empty", replace(FACTS, notes=tuple(approved(NARROW, BOB)))),
    "an empty pull": ("empty", replace(FACTS, now=pulled())),
    "an empty pull with gaps": ("empty", replace(FACTS, now=pulled(gaps=(Gap("a", "x"),)))),
    "a gap where nothing was": ("gaps", replace(FACTS, now=HOLED)),
    "a gap where something was": (
        "gaps", replace(FACTS, now=pulled(item("a"), gaps=(Gap("b", "no answer"),))),
    ),
    "a value": ("drift", replace(FACTS, now=pulled(item("a"), item("b", 2)))),
    "half of it is gone": ("drift", replace(FACTS, now=pulled(item("a")))),
    "more than there was": ("drift", replace(FACTS, now=pulled(item("a"), item("b"), item("c")))),
    "a value, and a gap": (
        "drift", replace(FACTS, now=pulled(item("a", 2), item("b"), gaps=(Gap("c", "x"),))),
    ),
    "firmware": ("drift", replace(FACTS, now=pulled(item("a"), item("b"), firmware="1.1"))),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_each_trouble_has_its_word(what: str) -> None:
    word, facts = CASES[what]
    said = facts.verdict()
    assert (said.word, said.green) == (word, word == "green")
    assert bool(said.why) is not said.green


def test_every_word_is_used() -> None:
    known, unknown = get_args(Word)
    words = {*get_args(known), *get_args(unknown)}
    assert {word for word, _ in CASES.values()} == words


def test_a_setting_under_a_masked_gap_is_not_green() -> None:
    rules = Rules([Rule("f", "process"), Rule("f/**", "process"), Rule("f/x", "setting")])
    gold = pulled(item("a"), item("f/x"), rules=rules)
    holed = pulled(item("a"), gaps=(Gap("f", "no answer"),), rules=rules)
    until = NOON + 365 * DAY
    made = Statement.propose(gold, rules, vault="v1", by=ALICE, reason="r", until=until, time=NOON)
    facts = replace(FACTS, gold=gold, notes=tuple(approved(made, BOB)))
    assert replace(facts, now=gold).verdict().word == "green"
    assert replace(facts, now=holed).verdict().word == "gaps"


def test_the_comparison_is_told_even_where_it_does_not_count() -> None:
    changed = pulled(item("a"), item("b", 2))
    for facts in (
        replace(FACTS, now=changed, error="no answer"),
        replace(FACTS, now=changed, taken=NOON),
    ):
        said = facts.verdict()
        assert said.word in ("not-read", "stale")
        assert said.drift
        assert [one.path for one in said.drift.findings] == ["b"]
    lost = replace(facts, notes=()).verdict()
    assert lost.drift is None


def test_what_differs_is_counted_in_words() -> None:
    facts = replace(FACTS, now=pulled(item("a", 2), item("c"), firmware="2"))
    assert facts.verdict().why == "1 identity, 1 changed, 1 removed, 1 added"


def test_a_judgement_of_another_time_does_not_make_an_expired_one_green() -> None:
    at = MADE.until + HOUR
    said = verdict(
        "mixer", FACTS.judged(), GOLD, Pulled(FACTS.now, at - HOUR), at=at, max_age=MAX_AGE
    )
    assert said.word == "gold-expired"


# -- green implies ---------------------------------------------------------------------------------

VALUES = st.sampled_from([1, 1, 1, 2])
ITEMS = st.dictionaries(st.sampled_from(["a", "b", "c", "live/x"]), VALUES).map(
    lambda state: [item(path, value) for path, value in state.items()]
)
GAPS = st.lists(
    st.sampled_from(["a", "b", "c", "live", "live/x", "d", ""]), max_size=2, unique=True
).map(lambda paths: tuple(Gap(path, "why") for path in paths))
RULESETS = st.sampled_from([RULES, RULES, RULES, Rules(), Rules([Rule("**", "process")])])
SNAPSHOTS = st.builds(
    lambda items, gaps, rules, device, firmware: pulled(
        *items, gaps=gaps, rules=rules, device=device, firmware=firmware
    ),
    st.just([item("a"), item("b")]) | ITEMS,
    st.just(()) | GAPS,
    RULESETS,
    st.sampled_from(["mixer", "mixer", "mixer", "filler"]),
    st.sampled_from(["1.0", "1.0", "1.0", "1.1"]),
)
SCOPES = st.sampled_from([("**",), ("**",), ("a",), ("**", "!b"), ("c", "d"), ("live/*",)])
MOMENTS = st.sampled_from([NOW - HOUR, NOW - HOUR, NOW, NOW + 2 * HOUR, NOW - 3 * DAY, NOON])


def notes_of(made: Statement, how: int) -> tuple[GoldNote, ...]:
    good = approved(made, BOB)
    revoked = note(made.revocation(CAROL, NOON + 2 * HOUR, "no"))
    refused = [good[0], FORGED]
    ways = [good, good, good, [], good[:1], [*good, revoked], refused, approved(OTHER, BOB)]
    return tuple(ways[how])


@settings(max_examples=600)
@given(st.data())
def test_green_implies_all_of_it(data: st.DataObject) -> None:
    gold = data.draw(st.just(GOLD) | SNAPSHOTS)
    scope = data.draw(SCOPES)
    made = proposal(gold, scope=scope)
    how = data.draw(st.integers(0, 7))
    facts = Facts(
        notes=notes_of(made, how),
        gold=data.draw(st.sampled_from([gold, gold, gold, None, pulled(item("z"))])),
        now=data.draw(st.none() | SNAPSHOTS | st.just(FACTS.now)),
        taken=data.draw(st.none() | MOMENTS),
        error=data.draw(st.sampled_from(["", "", "", "no answer"])),
        at=data.draw(st.sampled_from([NOW, NOW, NOW, made.until, made.until + HOUR])),
    )
    if not facts.verdict().green:
        return
    # Told anew, by other means than the code under test.
    assert how < 3
    assert facts.at <= made.until
    assert gold.device == "mixer"
    assert facts.gold
    assert facts.gold.id == gold.id
    assert facts.now
    assert facts.now.device == "mixer"
    assert facts.now.items
    assert not facts.error
    assert facts.taken
    assert timedelta(minutes=-5) <= facts.at - facts.taken <= MAX_AGE
    assert facts.now.rules == RULES.digest
    assert facts.now.identity == gold.identity
    inside = inside_of(scope)
    before = {one.path: one.value for one in gold.items if inside(one.path)}
    after = {one.path: one.value for one in facts.now.items if inside(one.path)}
    assert before == after != {}
    for one in (gold, facts.now):
        for gap in one.gaps:
            assert gap.path == "live/x" or not (inside(gap.path) or gap.path in ("", "live"))


def inside_of(scope: tuple[str, ...]) -> Callable[[str], bool]:
    """Which settings a scope lets in; ``live/*`` are process values by the rules."""
    if scope == ("**",):
        return lambda path: not path.startswith("live/")
    if scope == ("**", "!b"):
        return lambda path: not path.startswith("live/") and path != "b"
    return lambda path: path in scope


def test_the_property_does_find_green() -> None:
    """Else it would show nothing."""
    found = 0

    @settings(max_examples=200, database=None, derandomize=True)
    @given(SNAPSHOTS)
    def count(now: Snapshot) -> None:
        nonlocal found
        found += replace(FACTS, now=now).verdict().green

    count()
    assert 5 < found < 195
