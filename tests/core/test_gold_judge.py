"""Which snapshot is gold, until when, by whom; and what is refused, each for its own reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import combinations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.gold_people import (
    ALICE,
    BOB,
    CAROL,
    DAY,
    EVE,
    HOUR,
    NOON,
    approved,
    key_words,
    note,
    proposal,
    signers,
    snapshot,
)

from goldcopy.gold.judge import judge
from goldcopy.gold.judgement import APPROVAL, PROPOSAL, REVOCATION, GoldNote, Judgement
from goldcopy.gold.signers import Signers
from goldcopy.gold.statement import Statement


def judged(
    notes: Sequence[GoldNote],
    approvers: int = 1,
    at: datetime = NOON + DAY,
    who: Signers | None = None,
) -> Judgement:
    return judge(notes, who or signers(), vault="v1", device="mixer", approvers=approvers, at=at)


def reasons(judgement: Judgement) -> list[str]:
    return [refusal.reason for refusal in judgement.refused]


def test_nothing_is_missing() -> None:
    assert judged([]).state == "missing"
    assert judged([]).valid is None


def test_one_approval_makes_a_gold_copy_and_two_where_two_are_wanted() -> None:
    made = proposal()
    notes = approved(made, BOB)
    one = judged(notes)
    assert (one.state, one.why, one.valid, one.refused) == ("valid", "", made, ())
    two = judged(notes, approvers=2)
    assert (two.state, two.valid, two.gold) == ("not-approved", None, None)
    assert "1 of 2 approvals (bob@plant); proposed by alice@plant" in two.why
    assert [one.statement for one in two.pending] == [made]
    assert judged(approved(made, BOB, CAROL), approvers=2).valid == made
    assert judged(approved(made, BOB, CAROL), approvers=3).valid is None


def test_the_proposer_alone_is_enough_for_one_and_never_for_two() -> None:
    made = proposal()
    assert judged([note(made)]).state == "not-approved"  # to propose is not to approve
    assert judged(approved(made, ALICE)).valid == made
    assert judged(approved(made, ALICE), approvers=2).valid is None
    assert judged(approved(made, ALICE, BOB), approvers=2).valid == made


def test_the_proposer_under_another_name_is_known_by_the_key() -> None:
    who = signers(f"alice@home {key_words(ALICE)}", f"alice@work {key_words(EVE)}")
    made = proposal()
    aliases = [
        note(made.approval("alice@home", NOON + HOUR), ALICE),
        note(made.approval(ALICE, NOON + HOUR), ALICE),
    ]
    both = judged([note(made), *aliases], approvers=2, who=who)
    assert both.valid is None
    assert reasons(both) == ["same-person"]


def test_two_names_and_two_keys_of_the_proposer_are_one_person() -> None:
    who = signers(f"{ALICE} {key_words(EVE)}", f"alice@home {key_words(ALICE)}")
    made = proposal()
    by_other_key = note(made.approval(ALICE, NOON + HOUR), EVE)
    by_other_name = note(made.approval("alice@home", NOON + HOUR), ALICE)
    both = judged([note(made), by_other_key, by_other_name], approvers=2, who=who)
    assert (both.state, both.refused) == ("not-approved", ())
    assert "who is not enough alone" in both.why
    third = note(made.approval(BOB, NOON + HOUR))
    all_three = judged([note(made), by_other_key, by_other_name, third], approvers=2, who=who)
    assert all_three.valid == made


# -- what is refused ------------------------------------------------------------------------------

MADE = proposal()
OTHER_SNAPSHOT = proposal(snapshot(8))
OTHER_DEVICE = proposal(snapshot(device="filler"))
OTHER_VAULT = proposal(vault="v2")


def yes(statement: Statement, by: str = BOB, hours: int = 1) -> Statement:
    return statement.approval(by, NOON + hours * HOUR)


def edited(of: Statement, **fields: object) -> Statement:
    return msgspec.structs.replace(of, **fields)


def swapped(one: GoldNote, other: GoldNote) -> GoldNote:
    """The statement of one with the signature of the other."""
    return msgspec.structs.replace(one, signature=other.signature)


REFUSED: dict[str, tuple[str, Callable[[], GoldNote]]] = {
    "no signature": ("forged", lambda: msgspec.structs.replace(note(yes(MADE)), signature="")),
    "noise for a signature": (
        "forged", lambda: msgspec.structs.replace(note(yes(MADE)), signature="x"),
    ),
    "a signature of another statement": (
        "forged", lambda: swapped(note(yes(MADE)), note(yes(MADE, hours=2))),
    ),
    "a signature of the proposal": ("forged", lambda: swapped(note(yes(MADE, ALICE)), note(MADE))),
    "a key that nobody has listed": ("unknown-signer", lambda: note(yes(MADE, EVE))),
    "by eve in the name of bob": ("unknown-signer", lambda: note(yes(MADE, BOB), EVE)),
    "by alice in the name of bob": ("wrong-person", lambda: note(yes(MADE, BOB), ALICE)),
    "of another snapshot": (
        "other-snapshot",
        lambda: note(edited(yes(OTHER_SNAPSHOT), proposal=MADE.digest)),
    ),
    "of the snapshot, but other settings": (
        "other-snapshot", lambda: note(edited(yes(MADE), settings=OTHER_SNAPSHOT.settings)),
    ),
    "replayed from another device": ("other-device", lambda: note(yes(OTHER_DEVICE))),
    "replayed from another vault": ("other-vault", lambda: note(yes(OTHER_VAULT))),
    "of what nobody proposed": ("no-proposal", lambda: note(yes(OTHER_SNAPSHOT))),
    "of a wider scope": ("other-terms", lambda: note(edited(yes(MADE), scope=("db/**",)))),
    "until later": ("other-terms", lambda: note(edited(yes(MADE), until=NOON + 999 * DAY))),
    "with masks less": ("other-terms", lambda: note(edited(yes(MADE), rules="", masks=()))),
    "of another proposer": ("other-terms", lambda: note(edited(yes(MADE), proposed_by=CAROL))),
    "dated before the proposal": ("misdated", lambda: note(yes(MADE, hours=-1))),
    "dated into the future": (
        "misdated", lambda: note(yes(MADE, hours=9), time=NOON + HOUR),
    ),
    "no statement at all": ("unreadable", lambda: GoldNote(APPROVAL, NOON, "{}", "")),
    "lone surrogates": ("unreadable", lambda: GoldNote(APPROVAL, NOON, "\ud800", "")),
    "a revocation kept as an approval": (
        "unreadable", lambda: note(MADE.revocation(BOB, NOON + HOUR, "no"), kind=APPROVAL),
    ),
    "an approval kept as a revocation": (
        "unreadable", lambda: note(yes(MADE), kind=REVOCATION),
    ),
    "an approval kept as a proposal": ("unreadable", lambda: note(yes(MADE), kind=PROPOSAL)),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_a_reason_of_its_own(what: str) -> None:
    reason, bad = REFUSED[what]
    alone = judged([note(MADE), bad()])
    assert reasons(alone) == [reason]
    assert alone.valid is None
    assert alone.refused[0].why
    # And a good gold copy stays good, whatever is thrown after it.
    good = judged([*approved(MADE, BOB), bad()])
    assert good.valid == MADE
    # Nor does it count as the second one of two.
    assert judged([*approved(MADE, CAROL), bad()], approvers=2).valid is None


@pytest.mark.parametrize("reason", ["other-device", "other-vault"])
def test_a_gold_copy_of_another_device_is_none_here(reason: str) -> None:
    made = OTHER_DEVICE if reason == "other-device" else OTHER_VAULT
    result = judged(approved(made, BOB, CAROL))
    assert (result.state, result.valid) == (reason, None)
    assert reasons(result) == [reason] * 3


def test_the_state_is_that_of_what_was_refused_where_nothing_else_is_there() -> None:
    assert judged([note(MADE), REFUSED["by eve in the name of bob"][1]()]).state == "unknown-signer"
    assert "0 of 1 approvals" in judged([note(MADE), note(yes(MADE, BOB), ALICE)]).why


def test_the_same_person_twice() -> None:
    for again in (yes(MADE), yes(MADE, hours=5), yes(MADE, BOB.upper())):
        who = signers(f"{BOB.upper()} {key_words(CAROL)}")
        signer = CAROL if again.by != BOB else BOB
        result = judged([*approved(MADE, BOB), note(again, signer)], approvers=2, who=who)
        assert reasons(result) == ["same-person"]
        assert result.state == "not-approved"
        assert "has approved it already" in result.why


def test_a_forged_proposal_is_none() -> None:
    forged = swapped(note(MADE), note(OTHER_SNAPSHOT))
    assert reasons(judged([forged])) == ["forged"]
    assert judged([forged]).state == "forged"
    assert reasons(judged([forged, note(yes(MADE))])) == ["forged", "no-proposal"]
    unsigned = msgspec.structs.replace(note(MADE), signature="")
    assert judged([unsigned, note(yes(MADE))]).valid == MADE  # the approval signs all of it


def test_expiry() -> None:
    notes = approved(MADE, BOB)
    assert judged(notes, at=MADE.until).valid == MADE
    late = judged(notes, at=MADE.until + HOUR)
    assert (late.state, late.valid) == ("expired", None)
    assert late.gold
    assert "2027-11-24 12:00 UTC" in late.why
    short = proposal(until=NOON + 2 * HOUR)
    too_late = judged([note(short), note(edited(yes(short), time=NOON + 3 * HOUR))])
    assert reasons(too_late) == ["expired"]
    assert too_late.state == "expired"
    kept_late = judged([note(short), note(yes(short), time=NOON + 3 * HOUR)])
    assert reasons(kept_late) == ["expired"]


def test_attested_again() -> None:
    again = proposal(time=NOON + 300 * DAY, until=NOON + 700 * DAY, renews=MADE.digest)
    notes = approved(MADE, BOB)
    pending = judged([*notes, note(again)], at=NOON + 310 * DAY)
    assert pending.valid == MADE
    assert [one.statement for one in pending.pending] == [again]
    assert judged([*notes, *approved(again, BOB)], at=NOON + 500 * DAY).valid == again


def test_revoked_stays_revoked_and_nothing_older_comes_back() -> None:
    newer = proposal(snapshot(8), time=NOON + 3 * HOUR)
    notes = [*approved(MADE, BOB), *approved(newer, BOB)]
    assert judged(notes).valid == newer
    no = note(newer.revocation(CAROL, NOON + 5 * HOUR, "wrong recipe"))
    for end in ([no], [no, note(yes(newer, CAROL, hours=6))]):
        result = judged([*notes, *end])
        assert (result.state, result.valid) == ("revoked", None)
        assert result.why == "carol@plant revoked it on 2026-11-24 17:00 UTC: wrong recipe"
    forged = note(newer.revocation(CAROL, NOON + 5 * HOUR, "x"), BOB)
    assert judged([*notes, forged]).valid == newer
    other = note(MADE.revocation(CAROL, NOON + 5 * HOUR, "old"))
    assert judged([*notes, other]).valid == newer


def test_a_revoked_proposal_can_not_be_approved() -> None:
    no = note(MADE.revocation(CAROL, NOON + HOUR, "wrong"))
    assert judged([note(MADE), no]).state == "revoked"
    assert judged([note(MADE), no, note(yes(MADE, hours=2))]).state == "revoked"


def test_an_old_gold_copy_played_again_is_not_the_newest() -> None:
    newer = proposal(snapshot(8), time=NOON + 3 * HOUR)
    notes = [*approved(MADE, BOB), *approved(newer, BOB), *approved(MADE, BOB)]
    result = judged(notes)
    assert result.valid == newer
    assert reasons(result) == ["same-person"]


def test_the_last_decision_counts_not_the_last_proposal() -> None:
    newer = proposal(snapshot(8), time=NOON + HOUR)
    notes = [note(MADE), note(newer), note(yes(newer, hours=2)), note(yes(MADE, hours=3))]
    assert judged(notes).valid == MADE


def test_one_approval_more_than_needed_is_no_new_decision() -> None:
    newer = proposal(snapshot(8), time=NOON + 3 * HOUR)
    more = note(yes(MADE, CAROL, hours=9))
    result = judged([*approved(MADE, BOB), *approved(newer, BOB), more])
    assert (result.valid, result.refused) == (newer, ())


def test_one_line_of_several_is_enough() -> None:
    old = f'{BOB} valid-before="20250101Z" {key_words(BOB)}'
    assert judged(approved(MADE, BOB), who=signers(old)).valid == MADE


def test_what_is_later_than_the_time_asked_for_is_not_known_yet() -> None:
    notes = [*approved(MADE, BOB), note(MADE.revocation(BOB, NOON + 5 * HOUR, "no"))]
    assert judged(notes, at=NOON + 4 * HOUR).valid == MADE
    assert judged(notes, at=NOON + 5 * HOUR).state == "revoked"
    assert judged(notes, at=NOON - HOUR).state == "missing"


def test_a_key_counts_while_it_is_valid() -> None:
    def with_options(options: str) -> Signers:
        from goldcopy.gold.signers import parse

        return parse(f"{ALICE} {key_words(ALICE)}\n{BOB} {options} {key_words(BOB)}")

    notes = approved(MADE, BOB)  # at 13:00
    for options, good in [
        ('valid-before="202611241300Z"', True),
        ('valid-before="202611241259Z"', False),
        ('valid-after="202611241300Z"', True),
        ('valid-after="202611241301Z"', False),
        ('namespaces="git"', False),
        ('namespaces="git,goldcopy"', True),
    ]:
        result = judged(notes, who=with_options(options))
        assert (result.valid == MADE) is good, options
        assert reasons(result) == ([] if good else ["key-not-valid"])
    # A statement from before the key was good, kept when it was.
    early = [note(MADE), note(yes(MADE), time=NOON + 9 * HOUR)]
    assert reasons(judged(early, who=with_options('valid-after="202611241400Z"'))) == [
        "key-not-valid"
    ]
    # A statement dated back to when the key was good, kept when it no longer was.
    late = [note(MADE), note(yes(MADE), time=NOON + 9 * HOUR)]
    assert reasons(judged(late, who=with_options('valid-before="202611241400Z"'))) == [
        "key-not-valid"
    ]


def test_other_notes_are_none_of_its_business() -> None:
    assert judged([GoldNote("receipt", NOON, "", "")]).state == "missing"


def test_bodies_and_back() -> None:
    kept = note(yes(MADE))
    assert GoldNote.of(APPROVAL, kept.time, kept.body()) == kept
    bodies: list[dict[str, object]] = [{}, {"statement": 1}, {"statement": None, "signature": []}]
    for body in bodies:
        bad = GoldNote.of(APPROVAL, NOON, body)
        assert reasons(judged([bad])) == ["unreadable"]


PEOPLE = (ALICE, BOB, CAROL)
HONEST = [note(MADE), *(note(yes(MADE, who)) for who in PEOPLE)]
JUNK = [bad() for _, bad in REFUSED.values()]


@given(st.lists(st.sampled_from(HONEST[1:] + JUNK), max_size=8), st.integers(1, 3))
def test_gold_means_that_so_many_people_have_really_signed(
    notes: list[GoldNote], approvers: int
) -> None:
    result = judged([HONEST[0], *notes], approvers)
    people = {who for who, honest in zip(PEOPLE, HONEST[1:], strict=True) if honest in notes}
    assert (result.valid == MADE) is (len(people) >= approvers)
    assert len(result.refused) == len(notes) - len(people)


@pytest.mark.parametrize("approvers", [1, 2, 3])
def test_every_set_of_people(approvers: int) -> None:
    for size in range(4):
        for people in combinations(PEOPLE, size):
            result = judged(approved(MADE, *people), approvers)
            assert (result.state == "valid") is (size >= approvers)
