"""What the inventory says for runbooks, and from which other vault is restored."""

from __future__ import annotations

from pathlib import Path

from tests.core.written_inventory import REGISTRY, mistakes, written

from goldcopy.inventory import Recovery, load

TEXT = """\
vault: v
%s
defaults:
  driver: plc
  recovery: {contacts: ["Control room 100", 'Maintenance: 010'], project: "plant.ap17 in the tool"}
devices:
  - {name: a, host: 10.0.0.1}
  - name: b
    host: 10.0.0.2
    recovery: {reset: [Key to STOP, "Wait for the lamp"], spares: [Shelf 3], project: b.ap17}
"""


def test_a_device_says_what_is_other_than_the_defaults(tmp_path: Path) -> None:
    a, b = load(written(tmp_path, TEXT % ""), REGISTRY).devices
    contacts = ("Control room 100", "Maintenance: 010")
    assert a.recovery == Recovery(project="plant.ap17 in the tool", contacts=contacts)
    assert b.recovery == Recovery(
        "b.ap17", ("Key to STOP", "Wait for the lamp"), contacts, ("Shelf 3",)
    )


def test_every_mistake(tmp_path: Path) -> None:
    text = (TEXT % "").replace("Shelf 3]", "{at: home}], contact: [x]").replace("[Key to", "[[],")
    text = text.replace("[\"Control room 100\", 'Maintenance: 010']", "[]")
    said = mistakes(tmp_path, text)
    assert [line.partition(": needs")[0] for line in said] == [
        "5: contacts: is an empty list; fill it in, or drop the line",
        "10: reset",
        "10: spares",
        "10: recovery has no key contact; did you mean contacts?",
    ]


def test_a_source_is_another_vault(tmp_path: Path) -> None:
    assert load(written(tmp_path, TEXT % ""), REGISTRY).source is None
    text = TEXT % "source: copy/vault"
    assert load(written(tmp_path, text), REGISTRY).source == tmp_path / "copy/vault"
