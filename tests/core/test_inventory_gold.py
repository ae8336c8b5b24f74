"""The keys for gold copies, pairs and tolerances: what they give, and every mistake in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.written_inventory import REGISTRY, mistakes, written

from goldcopy.inventory import GoldPolicy, Inventory, Rule, Rules, SameAs, load

TOP = "vault: v\n"
THREE = """\
defaults: {driver: plc}
devices:
  - {name: a, host: 10.0.0.1}
  - {name: b, host: 10.0.0.2%s}
  - {name: c, host: 10.0.0.3%s}
"""


def loaded(folder: Path, text: str) -> Inventory:
    return load(written(folder, text), REGISTRY)


def test_gold_and_how_many_approve(tmp_path: Path) -> None:
    text = TOP + "gold: {signers: allowed_signers, approvers: 2}\n" + THREE % (", approvers: 3", "")
    inventory = loaded(tmp_path, text)
    assert inventory.gold == GoldPolicy(tmp_path / "allowed_signers", 2)
    assert [device.approvers for device in inventory.devices] == [2, 3, 2]
    without = loaded(tmp_path, TOP + THREE % ("", ""))
    assert without.gold is None
    assert [device.approvers for device in without.devices] == [1, 1, 1]


def test_pairs_and_second_paths(tmp_path: Path) -> None:
    path_map = '{db/5/speed: holding/17, "db/6/**": "holding/**"}'
    more = f", same_as: {{device: a, map: {path_map}}}"
    _, b, c = loaded(tmp_path, TOP + THREE % (", standby_of: a", more)).devices
    assert b.standby_of == "a"
    assert b.same_as is None
    assert c.same_as == SameAs("a", (("db/5/speed", "holding/17"), ("db/6/**", "holding/**")))
    _, _, whole = loaded(tmp_path, TOP + THREE % ("", ", same_as: {device: a}")).devices
    assert whole.same_as == SameAs("a", (("**", "**"),))


def test_where_the_other_device_has_it() -> None:
    link = SameAs("a", (("db/5/x", "speed"), ("db/5/**", "area/**"), ("**", "rest/**")))
    paths = ["db/5/x", "db/5/y/z", "db/5", "db/50/x"]
    assert list(map(link.other, paths)) == ["speed", "area/y/z", "rest/db/5", "rest/db/50/x"]
    assert SameAs("a", (("db/5/**", "**"),)).other("db/5/x") == "x"
    assert SameAs("a", (("db/5/**", "**"),)).other("db/6/x") is None


def test_rules_with_tolerance_and_severity(tmp_path: Path) -> None:
    text = TOP + THREE % (
        "",
        ', rules: [{match: "*", role: setting, tolerance: 2%, severity: low}]',
    )
    assert loaded(tmp_path, text).devices[2].rules == Rules([Rule("*", "setting", "2%", "low")])


@pytest.mark.parametrize(
    ("top", "b", "c", "said"),
    [
        ("gold: {}\n", "", "", "2: gold has no signers; add for example"),
        ("gold: yes\n", "", "", "2: gold needs keys with values"),
        ("gold: {signers: f, approvers: 0}\n", "", "", "2: approvers: 0 is out of range"),
        ("gold: {signers: f, approver: 2}\n", "", "", "2: gold has no key approver; did you mean"),
        ("", ", approvers: two", "", "5: approvers: two is not a whole number"),
        ("", ", standby_of: b", "", "5: standby_of: b cannot be its own other"),
        ("", ", standby_of: d", "", "5: standby_of: there is no device d"),
        ("", ", standby_of: c", ", standby_of: a", "5: standby_of: c is a standby itself"),
        ("", ", same_as: a", "", "5: same_as needs keys"),
        ("", ", same_as: {device: b}", "", "5: same_as: b cannot be its own other"),
        ("", ", same_as: {map: {x: y}}", "", "5: same_as has no device"),
        ("", ", same_as: {device: a, map: {}}", "", "5: map: needs paths as keys"),
        ("", ', same_as: {device: a, map: {"x/**": y}}', "", "5: map: x/** needs one path"),
        ("", ', same_as: {device: a, map: {"x*": "y*"}}', "", "5: map: x* needs one path"),
        ("", ", same_as: {device: a, map: {x: [y]}}", "", "5: map: x needs one path"),
        ("", ", same_as: {device: a, map: {x: }}", "", "5: map: x needs one path"),
        ("", ", rules: [{match: x, role: setting, tolerance: much}]", "", "'much' is no tol"),
        (
            "",
            ", rules: [{match: x, role: setting, severity: hihg}]",
            "",
            "hihg is no severity",
        ),
        (
            "",
            ", rules: [{match: x, role: process, tolerance: 1}]",
            "",
            "only a setting is",
        ),
    ],
)
def test_a_mistake_and_its_line(top: str, b: str, c: str, said: str, tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, TOP + top + THREE % (b, c))
    assert said in mistake
