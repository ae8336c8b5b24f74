"""inventory.yaml as YAML: what is none, what is refused of it, and no file does more than that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.core.written_inventory import (
    FULL,
    REGISTRY,
    Options,
    found_by,
    mistakes,
    with_device,
    written,
)

from goldcopy.inventory import load


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vault: v\n\tdevices: x\n", "2: a tab indents this line; YAML wants spaces"),
        ("vault: [a\nb: c\n", "2: not YAML: .*begun in line 1"),
        ("vault: a: b\n", "1: not YAML: mapping values are not allowed"),
        ("vault: v\n---\nvault: w\n", "2: a second document begins"),
        ("vault: *v\n", "1: an alias"),
        ("a: &x [*x]\n", "1: an alias"),
        ("vault: v\nb: \x07\n", "2: a control character"),
        (b"vault: v\nb: \xff\n", "2: not UTF-8"),
        ("vault: !secret v\n", "1: a tag"),
        ("vault: [!secret v]\n", "1: a tag"),
        ("vault: !!python/object:os.system {}\n", "1: a tag"),
        ("a: " + "[" * 100_000, "1: more than 50 levels deep"),
        ("a: " + "{a: " * 60 + "}" * 60, "1: more than 50 levels deep"),
    ],
)
def test_what_is_no_yaml(text: str | bytes, said: str, tmp_path: Path) -> None:
    assert any(re.match(said, one) for one in mistakes(tmp_path, text))


def test_aliases_may_be_used_but_not_to_blow_up(tmp_path: Path) -> None:
    text = with_device("    options: &same {slot: 3}\n")
    text += "  - {name: n, driver: plc, host: a, options: *same}\n"
    assert load(written(tmp_path, text), REGISTRY).devices[1].options == Options(slot=3)
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 30):
        laughs += f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n"
    assert "multiply beyond reason" in mistakes(tmp_path, laughs)[0]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + with_device("    port: 5\n").replace("\n", "\r\n").encode()
    assert load(written(tmp_path, text), REGISTRY).devices[0].port == 5


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_no_file_does_more_than_have_mistakes(data: bytes) -> None:
    from goldcopy.inventory import document
    from goldcopy.inventory.mistakes import Gathered

    gathered = Gathered("x")
    document.parse(data, gathered)
    found = found_by(gathered.refuse_any)
    assert all(one.line >= 1 and one.message for one in found)


SAMPLE = FULL.splitlines(keepends=True)


@given(
    st.integers(0, len(SAMPLE) - 1), st.sampled_from(["", "[", "- ", "x: ", "&", "    "]), st.data()
)
def test_a_slip_anywhere_is_a_mistake_or_still_right(
    tmp_path_factory: pytest.TempPathFactory, line: int, slip: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(SAMPLE[line]) - 1))
    slipped = SAMPLE[line][:at] + slip + SAMPLE[line][at + (not slip) :]
    text = "".join([*SAMPLE[:line], slipped, *SAMPLE[line + 1 :]])
    path = tmp_path_factory.getbasetemp() / "slip.yaml"
    path.write_text(text)
    found = found_by(lambda: load(path, REGISTRY))
    assert all(1 <= one.line <= len(SAMPLE) + 1 for one in found)


def test_our_reading_of_structure_is_that_of_yaml(tmp_path: Path) -> None:
    """The tree is built by us; its shape and texts must be what PyYAML's own composer says."""
    from goldcopy.inventory import document
    from goldcopy.inventory.mistakes import Gathered

    def texts(node: document.Node | None) -> object:
        if isinstance(node, document.Table):
            return {key: texts(part) for key, part in node.parts.items()}
        if isinstance(node, document.Listing):
            return [texts(part) for part in node.parts]
        return node.text if node else None

    assert texts(document.parse(FULL.encode(), Gathered("x"))) == yaml.load(FULL, yaml.BaseLoader)
