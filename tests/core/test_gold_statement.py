"""The statement that people sign: one line, one form, one reading; and the scope within it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.gold.scope import Scope
from goldcopy.gold.statement import Statement, parse
from goldcopy.inventory import Rule, Rules, path_matcher
from goldcopy.snapshot import Identity, Item, Snapshot

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SNAPSHOT = Snapshot.of("mixer", "s7", Identity(), [Item("db/5/speed", "tag", "INT", 7)])
RULES = Rules([Rule("db/9/**", "process"), Rule("db/5/*", "setting", "0.5", "high")])


def proposal(**changed: Any) -> Statement:  # noqa: ANN401
    said: dict[str, Any] = {
        "vault": "v1",
        "by": "alice@plant",
        "reason": "after the overhaul",
        "until": NOON + timedelta(days=365),
        "time": NOON,
    }
    return Statement.propose(SNAPSHOT, RULES, **(said | changed))


def test_the_line_says_everything_and_reads_back() -> None:
    made = proposal(ticket="CHG-7", scope=("db/**", "!db/9"))
    assert made.line == (
        b'{"format":"goldcopy-gold/1","action":"propose","vault":"v1","device":"mixer",'
        b'"snapshot":"%s","settings":"%s","rules":"%s",'
        b'"masks":[["db/9/**","process"],["db/5/*","setting",{"tolerance":"0.5","severity":"high"}]],'
        b'"scope":["db/**","!db/9"],"reason":"after the overhaul","ticket":"CHG-7",'
        b'"until":"2027-11-24T12:00:00Z","proposed_by":"alice@plant","proposal":"",'
        b'"by":"alice@plant","time":"2026-11-24T12:00:00Z"}\n'
        % (SNAPSHOT.id.encode(), SNAPSHOT.settings.encode(), RULES.digest.encode())
    )
    read = parse(made.line)
    assert read == made
    assert read.ruleset == RULES
    assert read.digest == hashlib.sha256(made.line).hexdigest()


def test_times_are_told_in_utc_to_the_second() -> None:
    berlin = timezone(timedelta(hours=1))
    made = proposal(time=datetime(2026, 11, 24, 13, 0, 0, 999, berlin))
    assert made.time == NOON


def test_an_answer_repeats_what_it_answers() -> None:
    made = proposal()
    yes = made.approval("bob@plant", NOON + timedelta(hours=1))
    assert (yes.action, yes.proposal, yes.by, yes.proposed_by) == (
        "approve", made.digest, "bob@plant", "alice@plant",
    )  # fmt: skip
    assert yes.terms() == made.terms()
    no = made.revocation("bob@plant", NOON + timedelta(days=900), "wrong recipe")
    assert (no.action, no.proposal, no.reason) == ("revoke", made.digest, "wrong recipe")
    for answer in (yes, no):
        assert parse(answer.line) == answer
        with pytest.raises(Wrong, match="only a proposal"):
            answer.approval("carol@plant", NOON)
    with pytest.raises(Wrong, match="it ended at 2027-11-24"):
        made.approval("bob@plant", NOON + timedelta(days=366))
    again = proposal(renews=made.digest)
    assert (again.action, again.proposal) == ("reattest", made.digest)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reason": " "}, "reason is empty"),
        ({"by": ""}, "proposed by is empty"),
        ({"until": NOON}, "before it begins"),
        ({"scope": ()}, "lets anything in"),
        ({"scope": ("!x",)}, "lets anything in"),
        ({"scope": ("/x",)}, "begins or ends with /"),
        ({"scope": ("**", "![")}, "without its ]"),
        ({"renews": "x"}, "name a proposal"),
    ],
)
def test_what_nobody_should_sign(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(Wrong, match=said):
        proposal(**changed)


LINE = proposal(ticket="CHG-7").line


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        LINE[:-1],
        LINE + b"\n",
        b" " + LINE,
        LINE.replace(b'":"propose"', b'": "propose"'),
        LINE.replace(b'"device":"mixer"', b'"device":"x","device":"mixer"'),
        LINE.replace(b'"ticket":"CHG-7",', b""),
        LINE.replace(b'"ticket":"CHG-7"', b'"ticket":"CHG-7","more":1'),
        LINE.replace(b"goldcopy-gold/1", b"goldcopy-gold/2"),
        LINE.replace(b'"propose"', b'"approve"'),
        LINE.replace(b'"propose"', b'"accept"'),
        LINE.replace(b"12:00:00Z", b"12:00:00+00:00"),
        LINE.replace(b"12:00:00Z", b"12:00:00.5Z"),
        LINE.replace(b"12:00:00Z", b"12:00:00"),
        LINE.replace(b"12:00:00Z", b"12:00:00+01:00"),
        LINE.replace(b'["db/9/**","process"],', b""),  # a mask less than its digest says
        LINE.replace(b'["db/9/**","process"]', b'["db/**","process"]'),
        LINE.replace(b"mixer", b"mix\\u0065r"),
        LINE.replace(b"mixer", b"mix\xff"),
        LINE.replace(SNAPSHOT.id.encode(), SNAPSHOT.id.upper().encode()),
    ],
)
def test_only_one_form_is_a_statement(line: bytes) -> None:
    with pytest.raises(Wrong, match="no statement"):
        parse(line)


@given(st.text(max_size=20).filter(str.strip), st.text(max_size=20))
def test_any_text_in_it_is_as_jq_prints_it(reason: str, ticket: str) -> None:
    try:
        made = proposal(reason=reason, ticket=ticket)
        line = made.line
    except (Wrong, UnicodeEncodeError):
        return
    assert parse(line) == made
    plain = json.dumps(json.loads(line), ensure_ascii=False, separators=(",", ":"))
    assert line == plain.replace("\x7f", "\\u007f").encode() + b"\n"


@given(st.binary(max_size=100))
def test_noise_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Wrong, match="no statement"):
        parse(data)


# -- scope -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patterns", "inside", "outside"),
    [
        (["**"], ["a", "a/b"], []),
        (["db/**"], ["db/1", "db/1/x"], ["db", "block/DB1"]),
        (["**", "!block/FB7"], ["block/FB70", "a"], ["block/FB7", "block/FB7/code-time"]),
        (["**", "!block/**"], ["block", "a"], ["block/FB7", "block/FB7/x"]),
        (["db/*/x", "!db/5"], ["db/4/x"], ["db/5/x", "db/4/y"]),
    ],
)
def test_what_is_in_scope(patterns: list[str], inside: list[str], outside: list[str]) -> None:
    scope = Scope(patterns)
    assert [path for path in inside + outside if path in scope] == inside


@pytest.mark.parametrize(
    ("patterns", "gap", "touched"),
    [
        (["**"], "a", True),
        (["**"], "", True),
        (["db/5/*"], "", True),
        (["db/5/*"], "db", True),
        (["db/5/*"], "db/5", True),
        (["db/5/*"], "db/5/x", True),
        (["db/5/*"], "db/5/x/y", False),
        (["db/5/*"], "db/6", False),
        (["db/5/*"], "block", False),
        (["db/**"], "db/6/x/y", True),
        (["**/x"], "a/b", True),
        (["a/**/x"], "b", False),
        (["holding/55"], "holding/50..59", True),
        (["holding/60"], "holding/50..59", False),
        (["holding/5?"], "holding/55..70", True),
        (["holding/55/x"], "holding/50..59", True),
        (["holding/99999"], "holding/0..99999999", True),
        (["coil/1"], "holding/0..99999999", False),
        (["**", "!db/5"], "db/5", False),
        (["**", "!db/5"], "db/5/x", False),
        (["**", "!db/5"], "db", True),
        (["**", "!db/5/**"], "db/5", True),
        (["**", "!holding/5?"], "holding/50..59", True),  # the run's own name is not kept out
        (["holding/*", "!holding/5?"], "holding/51..59", True),
        (["[0-9]"], "1..3", True),
    ],
)
def test_a_gap_touches_the_scope(patterns: list[str], gap: str, touched: bool) -> None:
    assert Scope(patterns).touched_by(gap) is touched


SEGMENTS = st.lists(st.sampled_from(["a", "b", "1", "2"]), min_size=1, max_size=4).map("/".join)
GLOBS = st.lists(st.sampled_from(["a", "*", "**", "1", "[ab]", "?"]), min_size=1, max_size=3).map(
    "/".join
)


@given(st.lists(GLOBS, min_size=1, max_size=2), st.lists(GLOBS, max_size=2), SEGMENTS)
def test_no_gap_hides_a_path_of_the_scope_unseen(
    inside: list[str], outside: list[str], path: str
) -> None:
    scope = Scope([*inside, *("!" + pattern for pattern in outside)])
    if path not in scope:
        return
    assert any(path_matcher(pattern)(path) for pattern in inside)
    parts = path.split("/")
    folders = ["/".join(parts[:n]) for n in range(len(parts) + 1)]
    assert all(map(scope.touched_by, folders))
    if parts[-1] in "12":
        assert scope.touched_by("/".join([*parts[:-1], "0..5"]))
