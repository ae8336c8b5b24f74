"""Rules learnt from what moves by itself: all of it is matched, and nothing that did not move."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.written_inventory import REGISTRY, written

from goldcopy.drift.compare import compare
from goldcopy.drift.globs import cover, escaped
from goldcopy.drift.learn import Learnt, learn, quoted
from goldcopy.errors import Wrong
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Rule, Rules, load, path_matcher
from goldcopy.snapshot import Gap, Identity, Item, Snapshot


def pulled(
    state: Mapping[str, Any],
    gaps: tuple[str, ...] = (),
    firmware: str = "",
    rules: Rules | None = None,
) -> Snapshot:
    items = [
        value if isinstance(value, Item) else Item(path, "tag", "DINT", value)
        for path, value in state.items()
    ]
    ruled = rules or Rules()
    return Snapshot.of(
        "mixer",
        "s7",
        Identity(firmware=firmware),
        ruled.apply(items),
        [Gap(gap, "why") for gap in gaps],
        ruled.digest,
    )


def matches(learnt: Learnt) -> list[str]:
    return [rule.match for rule in learnt.rules]


def test_leaves_folders_and_open_segments() -> None:
    still = {"db/1/limit": 1, "motor/1/limit": 1, "motor/2/limit": 1, "motor/3/limit": 1, "x": 1}
    live = ["db/9/a", "db/9/b", "db/9/c/d", "db/1/level", "motor/1/speed", "motor/2/speed"]
    live.append("motor/3/speed")
    pulls = [pulled(still | dict.fromkeys(live, n)) for n in range(4)]
    learnt = learn(pulls, Rules())
    assert matches(learnt) == ["db/1/level", "db/9/**", "motor/*/speed"]
    assert learnt.moved == dict.fromkeys(live, 3)
    assert learnt.doubtful == {}
    assert learnt.yaml() == (
        "    # learnt from 4 pulls: 7 values moved\n"
        '    - {match: "db/1/level", role: process}\n'
        '    - {match: "db/9/**", role: process}  # 3 values\n'
        '    - {match: "motor/*/speed", role: process}  # 3 values\n'
    )


def test_what_a_mask_of_an_array_hides_besides_is_told() -> None:
    def state(n: int) -> dict[str, Any]:
        some, whole = (n, 7, n, 7), (n, n + 1)
        return {
            "a": Item("a", "tag", "ARRAY[4] OF INT", some),
            "b": Item("b", "tag", "ARRAY[2] OF INT", whole),
        }

    learnt = learn([pulled(state(n)) for n in range(3)], Rules())
    assert learnt.partly == {"a": (2, 4)}
    assert '# "a": 2 of 4 elements moved; this hides the other 2 too' in learnt.yaml()
    assert '# "b"' not in learnt.yaml()


def test_a_folder_in_which_something_is_unknown_is_not_masked_as_a_whole() -> None:
    for gap in ("db/9/z", "db/9", "db"):
        pulls = [pulled({"db/9/a": n, "db/9/b": n}, gaps=(gap,)) for n in range(2)]
        assert matches(learn(pulls, Rules())) == ["db/9/a", "db/9/b"]


def test_what_never_becomes_a_rule() -> None:
    block = [Item("block/FC1", "block", "BYTES", bytes([n])) for n in range(2)]
    unit = [Item("u", "tag", "DINT", 1, unit=unit) for unit in ("bar", "psi")]
    both = [Item("w", "tag", "DINT", n, unit=str(n)) for n in range(2)]
    kind = [Item("t", "tag", kind, 1) for kind in ("INT", "DINT")]
    rules = Rules([Rule("said", "setting"), Rule("near", "setting", tolerance="5")])
    first: dict[str, Any] = {"block/FC1": block[0], "u": unit[0], "w": both[0], "t": kind[0]}
    second: dict[str, Any] = {"block/FC1": block[1], "u": unit[1], "w": both[1], "t": kind[1]}
    pulls = [
        pulled(first | {"gone": 1, "said": 1, "near": 1, "live": 1, "hole": 1}, rules=rules),
        pulled(second | {"said": 2, "near": 6, "live": 2}, ("hole",), "2.0", rules=rules),
    ]
    learnt = learn(pulls, rules)
    assert matches(learnt) == ["live"]
    assert {path: why[:20] for path, why in learnt.doubtful.items()} == {
        "firmware": "the controller said ",
        "block/FC1": "a program does not m",
        "u": "not its value moved,",
        "w": "more than its value ",
        "t": "more than its value ",
        "gone": "it was not there in ",
        "said": "a rule of the invent",
        "hole": "a gap: why",
    }


def test_what_moved_once_and_was_gone_once_is_doubtful_alone() -> None:
    pulls = [pulled({"a": 1, "x": 1}), pulled({"a": 2, "x": 1}), pulled({"x": 1})]
    learnt = learn(pulls, Rules())
    assert (learnt.rules, learnt.moved, list(learnt.doubtful)) == ((), {}, ["a"])


def test_a_diagnostic_among_what_moves_keeps_its_role() -> None:
    log = Item("f/log", "tag", "DINT", 1, "diagnostic")
    learnt = learn([pulled({"f/a": n, "f/b": n, "f/log": log}) for n in range(2)], Rules())
    assert matches(learnt) == ["f/a", "f/b"]
    live = Item("f/log", "tag", "DINT", 1, "process")
    learnt = learn([pulled({"f/a": n, "f/b": n, "f/log": live}) for n in range(2)], Rules())
    assert matches(learnt) == ["f/**"]


def test_a_process_value_that_moves_is_known_already() -> None:
    rules = Rules([Rule("live", "process")])
    assert learn([pulled({"live": n}, rules=rules) for n in range(3)], rules).rules == ()


def test_it_needs_several_pulls_of_one_device() -> None:
    with pytest.raises(Wrong, match="at least two"):
        learn([pulled({})], Rules())
    other = Snapshot.of("filler", "s7", Identity(), [])
    with pytest.raises(Wrong, match="of one device"):
        learn([pulled({}), other], Rules())


SEGMENTS = st.sampled_from(["a", "b", "1", "2", "*", "[x]", "?", "**", "é"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)


@settings(max_examples=300)
@given(st.sets(PATHS, max_size=30), st.sets(PATHS, max_size=30), st.sets(PATHS, max_size=2))
def test_all_that_moves_is_covered_and_nothing_else(
    wanted: set[str], others: set[str], gaps: set[str]
) -> None:
    unwanted = others - wanted
    globs, left = cover(wanted, unwanted, gaps)
    assert left == []
    fits = [path_matcher(glob) for glob in globs]
    assert all(any(fit(path) for fit in fits) for path in wanted)
    assert not any(fit(path) for fit in fits for path in unwanted)
    assert len(globs) <= len(wanted)
    for glob in globs:
        one_path = len([path for path in wanted if escaped(path) == glob]) == 1
        assert one_path or not any(map(Scope([glob]).touched_by, gaps))


STATE = st.dictionaries(
    PATHS,
    st.tuples(st.booleans(), st.sampled_from(["setting", "process", "diagnostic"])),
    max_size=20,
)


@given(STATE, st.integers(2, 4))
def test_after_learning_nothing_drifts_and_nothing_still_is_hidden(
    state: dict[str, Any], count: int
) -> None:
    pulls = [
        pulled(
            {
                path: Item(path, "tag", "DINT", n if moves else 0, role=role)
                for path, (moves, role) in state.items()
            }
        )
        for n in range(count)
    ]
    learnt = learn(pulls, Rules())
    rules = Rules(learnt.rules)
    for path, (moves, role) in state.items():
        if moves and role == "setting":
            assert rules.role(path) == "process"
            assert learnt.moved[path] == count - 1
        elif role != "process":
            assert rules.role(path) is None
    after = [
        Snapshot.of("mixer", "s7", Identity(), rules.apply(one.items), (), rules.digest)
        for one in pulls
    ]
    assert compare(after[0], after[-1], rules).severity is None


@given(st.text(max_size=20).filter(str.strip))
def test_the_lines_are_read_back_as_they_were_meant(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        return
    assert yaml.safe_load(f"x: {quoted(path)}\n") == {"x": path}


def test_the_lines_fit_into_an_inventory(tmp_path: Path) -> None:
    paths = ["db/9/a", "db/9/b", 'odd/"q"\\', "odd/[x]", "odd/*", "é/#: x", "t/\x7f\u2028"]
    learnt = learn([pulled(dict.fromkeys(paths, n) | {"odd/z": 0}) for n in range(2)], Rules())
    text = "vault: v\ndevices:\n  - name: m\n    driver: plc\n    host: h\n    rules:\n"
    (device,) = load(written(tmp_path, text + learnt.yaml()), REGISTRY).devices
    assert device.rules == Rules(learnt.rules)
    assert [device.rules.role(path) for path in [*paths, "odd/z"]] == ["process"] * 7 + [None]


@pytest.mark.parametrize("path", ["/a", "a/", " ", "/"])
def test_a_path_that_no_pattern_can_name_is_told(path: str) -> None:
    learnt = learn([pulled({path: n, "b": n}) for n in range(2)], Rules())
    assert matches(learnt) == ["b"]
    assert learnt.doubtful == {path: "no pattern can name it"}
    assert path not in learnt.moved
