"""Controllers that lack what a ControlLogix has."""

from __future__ import annotations

import pytest
from tests.drivers.enip_plant import by_address, pulled

from goldcopy.errors import Refused
from goldcopy_enip.options import Options
from goldcopy_sim.enip import LogixSimulator, Tag
from goldcopy_sim.enip.demo import palletizer

TAGS = [tag for tag in palletizer("micro").tags if tag.name not in ("Secret", "Guard")]


@pytest.mark.parametrize("path", [None, ""])
async def test_a_micro800_is_read_by_name_one_by_one(path: str | None) -> None:
    """It is known by its name: nothing has to be configured for it."""
    async with LogixSimulator(tags=TAGS, micro800=True) as simulator:
        snapshot = await pulled(simulator, Options(path=path))
        assert by_address(snapshot) == simulator.values()
        assert not snapshot.gaps
        services = {service.name for service in simulator.log}
        assert "Read Tag" in services
        assert not any("0x0a" in name or "Multiple" in name for name in services)
        assert not simulator.links
        assert not simulator.violations


async def test_a_path_that_was_given_is_never_given_up() -> None:
    async with LogixSimulator(tags=TAGS, micro800=True) as simulator:
        with pytest.raises(Refused, match=r"options\.path"):
            await pulled(simulator, Options(path="backplane/0"))
    async with LogixSimulator(tags=TAGS, slot=3) as simulator:
        with pytest.raises(Refused, match=r"options\.path"):
            await pulled(simulator)


async def test_tags_of_modules_have_the_role_that_they_have() -> None:
    async with LogixSimulator(tags=TAGS) as simulator:
        items = (await pulled(simulator)).items
    roles = {item.path: (item.role, item.access) for item in items}
    assert roles["tag/Local:1:C/ModuleFilter"] == ("setting", "read-write")
    assert roles["tag/Local:1:I"] == roles["tag/Local:2:O"] == ("process", "read")
    assert roles["tag/Odometer"] == roles["tag/ActiveRecipe/Layers"] == ("setting", "read")


async def test_every_element_of_a_long_array_is_in_its_place() -> None:
    tags = [
        Tag("Rows", "INT", (7, 3, 5), list(range(105))),
        Tag("Bits", "BOOL", (96,), [1, 0] * 48),
    ]
    async with LogixSimulator(tags=tags) as simulator:
        found = by_address(await pulled(simulator, Options(size=200)))
    assert found == {
        "Rows": ("ARRAY[7,3,5] OF INT", tuple(range(105))),
        "Bits": ("ARRAY[96] OF BOOL", (True, False) * 48),
    }


async def test_tags_that_the_options_name_are_read_by_name_and_nothing_is_listed() -> None:
    names = (
        "Speed", "Zones[16]", "LayerGrid[2,3,4]", "AlarmFlags[2]", "Program:Main.Count",
        "Operator", "Axes[4]", "Secret", "Nothing",
    )  # fmt: skip
    async with LogixSimulator.demo("line3-palletizer") as simulator:
        snapshot = await pulled(simulator, Options(tags=names))
        held = simulator.values()
        assert "Get Instance Attribute List" not in {service.name for service in simulator.log}
    found = by_address(snapshot)
    for name in ("Speed", "Zones", "LayerGrid", "AlarmFlags", "Program:Main.Count"):
        assert found[name] == held[name]
    assert {found["Operator"][0], found["Axes"][0]} == {"BYTES"}
    reasons = {gap.path: gap.reason for gap in snapshot.gaps}
    assert reasons.keys() == {"tag/Secret", "tag/Nothing", "type/0xfff"}
    assert "kept as bytes" in reasons["type/0xfff"]


@pytest.mark.parametrize(
    "names", [("A", "a"), ("A[0]",), ("A[x]",), ("A.B",), ("",), ("A[1,1,1,1]",), ("A[9999999]",)]
)
def test_names_that_are_none(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"names no tag|twice|elements"):
        Options(tags=names)
