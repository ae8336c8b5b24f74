"""Path patterns against a reference that is too simple to be wrong, and too slow to be used."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goldcopy.errors import Wrong
from goldcopy.inventory import Rule, Rules, path_matcher
from goldcopy.snapshot import Item, Role

CHARS = "ab.-^]é\n"
paths = st.lists(st.text(CHARS, max_size=4), min_size=1, max_size=5).map("/".join)
members = st.lists(
    st.sampled_from([*"ab.-^é", "a-b", "--a", "^-b"]), min_size=1, max_size=3, unique=True
).map("".join)
pieces = st.one_of(
    st.text("ab.-^é\n", min_size=1, max_size=3),
    st.sampled_from(["*", "?"]),
    st.builds("[{}{}]".format, st.sampled_from(["", "!"]), members),
    st.sampled_from(["[]]", "[!]]", "[]a]"]),
)
segments = st.one_of(
    st.just("**"), st.lists(pieces, min_size=1, max_size=4).map("".join).filter(lambda s: s != "**")
).filter(lambda s: s == "**" or "**" not in s)
patterns = st.lists(segments, min_size=1, max_size=5).map("/".join)


def reference(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        if len(pattern) == 1:
            return bool(path)
        return any(reference(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and within(pattern[0], path[0]) and reference(pattern[1:], path[1:])


def within(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(within(pattern[1:], text[skip:]) for skip in range(len(text) + 1))
    if pattern[0] == "[":
        end = pattern.index("]", 3 if pattern[1] == "!" else 2)
        body = pattern[1:end]
        inside = chars_of(body.removeprefix("!"))
        if not text or (text[0] in inside) == body.startswith("!"):
            return False
        return within(pattern[end + 1 :], text[1:])
    return bool(text) and pattern[0] in ("?", text[0]) and within(pattern[1:], text[1:])


def chars_of(body: str) -> set[str]:
    found: set[str] = set()
    while body:
        low, high, body = (
            (body[0], body[2], body[3:])
            if body[1:2] == "-" and body[2:]
            else (body[0], body[0], body[1:])
        )
        found |= {chr(code) for code in range(ord(low), ord(high) + 1)}
    return found


def ordered(pattern: str) -> bool:
    """No range is the wrong way round (the generator can put members together to one)."""
    try:
        path_matcher(pattern)
    except Wrong:
        return False
    return True


@given(patterns.filter(ordered), paths)
@example("**", "a")
@example("a/**", "a")
@example("a/**", "a/")
@example("**/a", "a")
@example("a/**/**/b", "a/b")
@example("*a*a*b", "aaab")
@example("**/a/b/**/a", "a/a/b/a/b/a")
@example("[!a]", "/")
@example("[.-a]b", "/b")
@example("a", "a\n")
def test_a_pattern_matches_what_the_reference_matches(pattern: str, path: str) -> None:
    assert path_matcher(pattern)(path) == reference(pattern.split("/"), path.split("/"))


@given(st.lists(patterns.filter(ordered), min_size=1, max_size=3), st.data())
def test_patterns_match_paths_made_from_them(made: list[str], data: st.DataObject) -> None:
    """Random paths seldom match long patterns; these do more often."""
    text = "/".join(made)
    while "*" in text:
        text = text.replace("*", data.draw(st.sampled_from(["", "a", "ab"])), 1)
    path = text.replace("?", "b").strip("/") or "a"
    for pattern in (*made, "/".join(made)):
        assert path_matcher(pattern)(path) == reference(pattern.split("/"), path.split("/"))


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("db/5/*", "db/5/speed", True),
        ("db/5/*", "db/5/motor/speed", False),
        ("db/9/**", "db/9/motor/speed", True),
        ("db/9/**", "db/9", False),
        ("db/9/**", "db/90/a", False),
        ("**/Program/**", "ns/Program/a/b", True),
        ("**/Program/**", "Program/a", True),
        ("holding/3", "holding/30", False),
        ("Motor?", "Motor1", True),
        ("Motor?", "motor1", False),
        ("[[]0]", "[0]", True),
        ("a.c", "abc", False),
    ],
)
def test_the_patterns_of_the_handbook(pattern: str, path: str, matches: bool) -> None:
    assert path_matcher(pattern)(path) is matches


@pytest.mark.parametrize("pattern", ["/a", "a/", "a**b", "**a", "[", "[]", "[!]", "[b-a]", "a/[x"])
def test_what_is_no_pattern_is_refused_with_words(pattern: str) -> None:
    with pytest.raises(Wrong, match=r".{20,}") as caught:
        path_matcher(pattern)
    assert pattern.removeprefix("a/") in str(caught.value)


@pytest.mark.timeout(20)
def test_no_pattern_makes_matching_explode() -> None:
    """Tried naively, each of these takes longer than the universe is old."""
    deep = "/".join(["a" * 100] * 60)
    for pattern in (
        "*a" * 20 + "*b",
        "**/*" + "a*" * 20 + "b",
        "**/a*/" * 12 + "b",
        "**/*a*a*a*/" * 8 + "**/x",
    ):
        assert path_matcher(pattern)("a" * 2000) is False
        assert path_matcher(pattern)(deep) is False


roles = st.sampled_from(["setting", "process", "diagnostic"])
rule_lists = st.lists(
    st.builds(Rule, st.one_of(patterns.filter(ordered), st.just("a/b"), st.just("a")), roles),
    max_size=8,
)


@given(rule_lists, st.one_of(paths.filter(bool), st.just("a/b")))
def test_the_last_rule_that_matches_wins(rules: list[Rule], path: str) -> None:
    wanted = next((rule.role for rule in rules[::-1] if path_matcher(rule.match)(path)), None)
    assert Rules(rules).role(path) == wanted


def item(path: str, role: Role = "setting") -> Item:
    return Item(path, "tag", "INT", 1, role)


def test_rules_change_roles_and_nothing_else() -> None:
    rules = Rules([Rule("db/**", "process"), Rule("db/5/*", "setting"), Rule("x", "diagnostic")])
    items = [item("db/1"), item("db/5/a", "diagnostic"), item("x"), item("other", "process")]
    assert rules.apply(items) == [
        item("db/1", "process"),
        item("db/5/a", "setting"),
        item("x", "diagnostic"),
        item("other", "process"),
    ]
    assert items[0].role == "setting"


@given(rule_lists, rule_lists)
def test_the_digest_names_the_rules_and_their_order(one: list[Rule], other: list[Rule]) -> None:
    assert (Rules(one).digest == Rules(other).digest) == (one == other)
    assert (Rules(one).digest == "") == (not one)


def test_the_digest_can_be_made_by_hand() -> None:
    """``printf '["db/9/**","process"]\\n["a","setting"]\\n' | sha256sum``."""
    rules = Rules([Rule("db/9/**", "process"), Rule("a", "setting")])
    wanted = "c97f884fcab0eff66a645594570f75588cc4a66bfbddbda3556d8f1c1be65488"
    assert rules.digest == wanted


def test_a_hundred_thousand_items_take_no_time_to_speak_of() -> None:
    items = [
        item(f"line{n % 7}/db/{n % 50}/station{n % 13}/valve{n}/opening") for n in range(100_000)
    ]
    rules = Rules(
        [Rule(f"line{n % 7}/db/{n}/**/valve*/op*", "process") for n in range(50)]
        + [Rule(items[n].path, "diagnostic") for n in range(0, 100_000, 10)]
    )
    began = time.process_time()
    applied = rules.apply(items)
    assert sum(one.role == "diagnostic" for one in applied) == 10_000
    assert time.process_time() - began < 20  # a guard against rules x items, not a measurement
