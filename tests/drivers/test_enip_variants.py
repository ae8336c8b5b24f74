"""Controllers that lack what a ControlLogix has."""

from __future__ import annotations

from tests.drivers.enip_plant import by_address, pulled

from goldcopy_enip.options import Options
from goldcopy_sim.enip import LogixSimulator, Tag
from goldcopy_sim.enip.demo import palletizer

TAGS = [tag for tag in palletizer("micro").tags if tag.name not in ("Secret", "Guard")]


async def test_a_micro800_is_read_by_name_one_by_one() -> None:
    async with LogixSimulator(tags=TAGS, micro800=True) as simulator:
        snapshot = await pulled(simulator, Options(path=""))
        assert by_address(snapshot) == simulator.values()
        assert not snapshot.gaps
        services = {service.name for service in simulator.log}
        assert "Read Tag" in services
        assert not simulator.violations


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
