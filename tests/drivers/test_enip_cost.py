"""How many requests a pull takes, by the simulator's own log; and that all is right with it."""

from __future__ import annotations

import pytest
from tests.drivers.enip_plant import both, by_address, pulled

from goldcopy.errors import Malformed
from goldcopy_enip.options import Options
from goldcopy_sim.enip import LogixSimulator, Member, Structure, Tag, demo

LISTS = {"Get Instance Attribute List", "Read Template"}


def reads(simulator: LogixSimulator) -> int:
    """Requests that read values: alone, or in a packet."""
    names = [service.name for service in simulator.log]
    return sum(names.count(name) for name in ("Read Tag", "Read Tag Fragmented")) + names.count(
        "Multiple Service Packet"
    )


@pytest.mark.parametrize(("size", "most"), [(4000, 108), (500, 880)])
@pytest.mark.parametrize("window", [1, 4])
async def test_dints_and_arrays_in_the_fewest_requests(size: int, most: int, window: int) -> None:
    async with LogixSimulator.flat() as simulator:
        snapshot = await pulled(simulator, Options(size=size), window=window, limit=10)
        assert by_address(snapshot) == simulator.values()
        assert not snapshot.gaps
        assert reads(simulator) <= most
        assert not simulator.violations


async def test_a_device_without_large_connections_gives_the_same() -> None:
    async with LogixSimulator.flat(200, 10, large_open=False, max_size=504) as simulator:
        assert by_address(await pulled(simulator)) == simulator.values()
        names = [service.name for service in simulator.log]
        assert names.count("Large Forward Open") == names.count("Forward Open") == 1
        assert not simulator.violations


async def test_a_device_that_tells_the_size_it_has_is_asked_for_that() -> None:
    async with LogixSimulator.flat(2000, 0, max_size=1000) as simulator:
        assert by_address(await pulled(simulator)) == simulator.values()
        assert [s.name for s in simulator.log].count("Forward Open") == 0
        assert not simulator.violations


async def test_a_device_without_multiple_service_packets_gives_the_same() -> None:
    async with LogixSimulator.flat(50, 3, multiple=False) as simulator:
        assert by_address(await pulled(simulator)) == simulator.values()


async def test_nested_structures_and_programs() -> None:
    async with LogixSimulator.large() as simulator:
        snapshot = await pulled(simulator)
        assert by_address(snapshot) == simulator.values()
        assert len(simulator.values()) > 14_000
        assert not snapshot.gaps
        assert reads(simulator) < 60
        assert snapshot.by_path["programs"].value == tuple(f"Cell{at:02d}" for at in range(20))


@pytest.mark.parametrize(("size", "most"), [(4000, 160), (500, 1300)])
async def test_one_database_with_all_of_it(size: int, most: int) -> None:
    """2,000 DINTs, 100 arrays of 1,000, 300 nested structures and 20 programs."""
    project = demo.large(300, 20)
    tags = [*demo.flat(2000, 100, 1000), *project.tags]
    async with LogixSimulator(tags=tags, programs=project.programs) as simulator:
        snapshot = await pulled(simulator, Options(size=size), window=4, limit=10)
        held = simulator.values()
        assert by_address(snapshot) == held
        assert not snapshot.gaps
        assert snapshot.by_path["programs"].value == tuple(f"Cell{at:02d}" for at in range(20))
        assert len(simulator.database.controller.by_name) > 2400
        assert reads(simulator) <= most
        again, reading = await both(simulator, Options(size=size), previous=snapshot, window=4)
        assert again.id == snapshot.id
        assert list(reading.carried) == ["database/symbols"]
        assert not simulator.violations


async def test_structures_larger_than_a_connection_come_in_fragments() -> None:
    members = (Member("Rows", "DINT", 150), Member("Ready", "BOOL"), Member("Last", "LREAL"))
    table = Structure("Table", members)
    value = {"Rows": list(range(150)), "Ready": True, "Last": 0.1}
    tags = [Tag("One", table, value=value), Tag("Three", table, (3,), [value] * 3)]
    async with LogixSimulator(tags=tags) as simulator:
        assert by_address(await pulled(simulator, Options(size=200))) == simulator.values()
        assert "Read Tag Fragmented" in [service.name for service in simulator.log]
        assert not simulator.violations


async def test_a_second_pull_does_not_list_tags_again() -> None:
    async with LogixSimulator.demo("again") as simulator:
        first = await pulled(simulator)
        simulator.change("Speed", 17.25)
        simulator.services.clear()
        again, reading = await both(simulator, previous=first)
        assert not LISTS & {service.name for service in simulator.services}
        assert list(reading.carried) == ["database/symbols"]
        assert again.by_path["tag/Speed"].value == 17.25
        assert again.id == (await pulled(simulator)).id


async def test_an_edit_has_the_tags_listed_again() -> None:
    async with LogixSimulator.demo("again") as simulator:
        first = await pulled(simulator)
        simulator.edit(Tag("Brand", "DINT", value=5))
        again, reading = await both(simulator, previous=first)
        assert not reading.carried
        assert again.by_path["tag/Brand"].value == 5
        assert again.id == (await pulled(simulator)).id


async def test_another_controller_at_the_same_address_has_them_listed_again() -> None:
    async with LogixSimulator.demo("one") as simulator:
        first = await pulled(simulator)
    async with LogixSimulator.demo("other") as simulator:
        again, reading = await both(simulator, previous=first)
        assert not reading.carried
        assert again.id == (await pulled(simulator)).id


def audits(simulator: LogixSimulator) -> int:
    return sum(service.detail.startswith("Audit") for service in simulator.services)


async def test_the_audit_value_is_asked_for_once_where_it_is_not_told() -> None:
    async with LogixSimulator.demo("again") as simulator:
        snapshot = await pulled(simulator)
        assert audits(simulator) == 1
        assert "database/audit" not in snapshot.by_path


async def test_an_edit_of_logic_alone_shows_where_the_audit_value_is_told() -> None:
    async with LogixSimulator.flat(20, 2, audit=0x0123456789ABCDEF) as simulator:
        first = await pulled(simulator)
        assert audits(simulator) == 2
        assert first.by_path["database/audit"].value == 0x0123456789ABCDEF
        assert first.by_path["database/audit-mask"].value == 0xFFFFFFFFFFFFFFFF
        again, reading = await both(simulator, previous=first)
        assert reading.carried
        assert again.id == first.id
        simulator.edit_logic()
        after, reading = await both(simulator, previous=first)
        assert not reading.carried
        assert after.by_path["database/audit"].value == 0x0123456789ABCDF0
        assert not any(service.writes for service in simulator.services)


async def test_a_program_that_is_edited_while_it_is_read_is_not_kept() -> None:
    async with LogixSimulator.flat(20, 2, audit=1, fault="audit-moves") as simulator:
        with pytest.raises(Malformed, match="changed while they were read"):
            await pulled(simulator)
