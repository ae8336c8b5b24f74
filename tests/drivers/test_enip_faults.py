"""Controllers that misbehave: gaps or typed errors in words, bounded, never a wrong value."""

from __future__ import annotations

import asyncio

import pytest
from tests.drivers.enip_plant import busy_reading, by_address, pulled, target_of

from goldcopy.driver import Meter
from goldcopy.errors import GoldcopyError, Malformed, Refused, Unreachable
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import NONE, LogixSimulator, Member, Structure, Tag


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("silent", Unreachable, "no answer"),
        ("refuse-login", Refused, "registers no session"),
        ("refuse-open", Refused, "no connection is free"),
        ("busy", Unreachable, "busy"),
        ("locked", Refused, "locked"),
        ("garbage", Malformed, "EtherNet/IP"),
        ("cut", Unreachable, "in the middle of a reply"),
        ("wrong-session", Malformed, "no request in flight"),
        ("wrong-sequence", Malformed, "no request in flight"),
        ("wrong-connection", Malformed, "no request in flight"),
        ("duplicate", Malformed, "no request in flight"),
        ("endless-list", Malformed, "does not end"),
        ("version-moves", Malformed, "changed while they were read"),
    ],
)
async def test_a_fault_is_a_typed_error_in_words(
    fault: str, error: type[GoldcopyError], says: str
) -> None:
    async with LogixSimulator.demo("faulty", fault=fault) as simulator:
        with pytest.raises(error, match=says):
            await pulled(simulator, limit=0.5)


async def test_no_template_leaves_structures_as_bytes_and_says_so() -> None:
    async with LogixSimulator.demo("faulty", fault="unknown-template") as simulator:
        snapshot = await pulled(simulator)
        recipe = snapshot.by_path["tag/Recipe"]
        assert recipe.type == "BYTES"
        assert snapshot.by_path["tag/Zones"].type == "ARRAY[16] OF DINT"
        gaps = [gap for gap in snapshot.gaps if gap.path.startswith("type/")]
        assert gaps
        assert all("kept as bytes" in gap.reason for gap in gaps)


async def test_a_template_that_lies_about_its_size_is_not_believed() -> None:
    async with LogixSimulator.demo("faulty", fault="lying-template") as simulator:
        snapshot = await pulled(simulator)
        assert any("lies" in gap.reason for gap in snapshot.gaps)
        told = by_address(snapshot)
        for address, value in simulator.values().items():
            assert address not in told or told[address] == value or told[address][0] == "BYTES"


async def test_partial_data_without_data_is_a_gap() -> None:
    async with LogixSimulator.demo("faulty", fault="empty-partial") as simulator:
        snapshot = await pulled(simulator)
        assert not by_address(snapshot)
        reasons = {gap.path: gap.reason for gap in snapshot.gaps}
        assert (
            reasons["tag/Speed"] == "the controller says that there is more of it, and gives none"
        )


async def test_a_type_from_the_future_is_a_gap() -> None:
    async with LogixSimulator.demo("faulty", fault="future-type") as simulator:
        snapshot = await pulled(simulator)
        reasons = {gap.path: gap.reason for gap in snapshot.gaps}
        assert reasons["tag/CycleCount"] == "its type 0xee is none that this driver knows"
        assert snapshot.by_path["tag/Speed"].value == 42.5


async def test_an_edit_in_the_middle_of_a_pull_has_it_read_again() -> None:
    async with LogixSimulator.flat(300, 0) as simulator:
        edited = asyncio.get_running_loop().create_task(edit_once(simulator))
        snapshot = await pulled(simulator)
        await edited
        assert by_address(snapshot) == simulator.values()
        names = [service.name for service in simulator.services]
        assert names.count("Read Tag") > 600, "it was read twice"


async def edit_once(simulator: LogixSimulator) -> None:
    await busy_reading(simulator)
    simulator.edit(Tag("Added", "DINT", value=9))


async def test_a_denied_member_is_a_gap_of_that_member_only() -> None:
    zone = Structure("Zone", (Member("Armed", "BOOL"), Member("Key", "DINT", access=NONE)))
    area = Structure("Area", (Member("Zones", zone, 2), Member("Delay", "INT")))
    tags = [Tag("Areas", area, (2,)), Tag("Hall", zone)]
    async with LogixSimulator(tags=tags) as simulator:
        simulator.change("Areas[1].Zones[0].Armed", True)
        snapshot = await pulled(simulator)
        keys = [f"tag/Areas/{a}/Zones/{z}/Key" for a in (0, 1) for z in (0, 1)]
        assert [gap.path for gap in snapshot.gaps] == [*keys, "tag/Hall/Key"]
        wanted = {k: v for k, v in simulator.values().items() if not k.endswith("Key")}
        assert by_address(snapshot) == wanted


async def test_without_a_version_tags_are_read_by_name() -> None:
    async with LogixSimulator.demo("old") as simulator:
        numbered = by_address(await pulled(simulator))
        simulator.version_status = 0x10
        assert by_address(await pulled(simulator)) == numbered


@pytest.mark.parametrize("path", ["backplane/3", "2/10.0.0.7", "backplane/0/backplane/1"])
async def test_a_path_that_leads_nowhere_is_refused_in_words(path: str) -> None:
    async with LogixSimulator.demo("paths") as simulator:
        with pytest.raises(Refused, match=r"options\.path"):
            await pulled(simulator, Options(path=path))


async def test_a_controller_that_keeps_a_broken_string_has_a_gap_there() -> None:
    async with LogixSimulator.demo("strings") as simulator:
        simulator.change("Operator.LEN", 83)
        snapshot = await pulled(simulator)
        reasons = {gap.path: gap.reason for gap in snapshot.gaps}
        assert reasons["tag/Operator"] == "its LEN is 83, and it has room for 82 characters"


async def test_leaving_closes_connection_and_session() -> None:
    async with LogixSimulator.demo("leaving") as simulator:
        await pulled(simulator)
        assert [s.name for s in simulator.log][-2:] == ["Forward Close", "UnregisterSession"]


async def test_a_cancelled_pull_closes_connection_and_session_too() -> None:
    async with LogixSimulator.flat(delay=0.005) as simulator:

        async def pull() -> None:
            async with EnipDriver().open(target_of(simulator), Meter()) as session:
                await session.identify()
                await session.read()

        task = asyncio.create_task(pull())
        await busy_reading(simulator)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [s.name for s in simulator.log][-2:] == ["Forward Close", "UnregisterSession"]
        assert not simulator.links


async def test_late_replies_never_become_wrong_values() -> None:
    async with LogixSimulator.flat(40, 0, fault="late") as simulator:
        for _ in range(20):
            with pytest.raises((Unreachable, Malformed)):
                await pulled(simulator, limit=0.05, window=4)
