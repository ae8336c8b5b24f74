"""Writing: what is refused, what goes in parts, what is never sent."""

from __future__ import annotations

import msgspec
import pytest
from tests.drivers.enip_plant import pulled, target_of

from goldcopy.driver import Meter
from goldcopy.errors import Refused, Wrong
from goldcopy.snapshot import Item, Value
from goldcopy_enip import EnipDriver
from goldcopy_enip.options import Options
from goldcopy_sim.enip import LogixSimulator


async def write(simulator: LogixSimulator, item: Item, value: Value, options: Options) -> None:
    target = target_of(simulator, options)
    async with EnipDriver().open_writing(target, Meter()) as session:
        await session.write([msgspec.structs.replace(item, value=value)])


async def test_a_running_controller_is_not_written_unless_it_is_asked_for() -> None:
    async with LogixSimulator.demo("writing") as simulator:
        speed = (await pulled(simulator)).by_path["tag/Speed"]
        with pytest.raises(Refused, match="REMOTE RUN"):
            await write(simulator, speed, 1.5, Options())
        assert not any(service.writes for service in simulator.log)
        simulator.identity.running = False
        await write(simulator, speed, 1.5, Options())
        assert simulator.values()["Speed"] == ("REAL", 1.5)


async def test_a_key_that_is_turned_meanwhile_is_seen() -> None:
    async with LogixSimulator.demo("writing") as simulator:
        simulator.identity.running = False
        speed = (await pulled(simulator)).by_path["tag/Speed"]
        target = target_of(simulator, Options())
        async with EnipDriver().open_writing(target, Meter()) as session:
            await session.write([msgspec.structs.replace(speed, value=1.5)])
            simulator.identity.running = True
            with pytest.raises(Refused, match="REMOTE RUN"):
                await session.write([msgspec.structs.replace(speed, value=2.5)])
        assert simulator.values()["Speed"] == ("REAL", 1.5)


@pytest.mark.parametrize("path", ["tag/Local:2:O", "tag/ActiveRecipe/Layers", "tag/Odometer"])
async def test_outputs_aliases_and_read_only_tags_are_refused(path: str) -> None:
    async with LogixSimulator.demo("writing") as simulator:
        item = (await pulled(simulator)).by_path[path]
        with pytest.raises(Refused):
            await write(simulator, item, 1, Options(write_in_run=True))
        assert not any(service.writes for service in simulator.log)


async def test_a_constant_is_refused_by_the_controller() -> None:
    async with LogixSimulator.demo("writing") as simulator:
        item = (await pulled(simulator)).by_path["tag/MaxSpeed"]
        with pytest.raises(Refused, match="permission denied"):
            await write(simulator, item, 1.0, Options(write_in_run=True))
        assert simulator.values()["MaxSpeed"] == ("REAL", 80.0)


async def test_a_tag_that_has_another_type_by_now_is_not_written() -> None:
    async with LogixSimulator.demo("writing") as simulator:
        item = (await pulled(simulator)).by_path["tag/Speed"]
        other = msgspec.structs.replace(item, address="CycleCount")
        with pytest.raises(Wrong):
            await write(simulator, other, 1.0, Options(write_in_run=True))
        assert not any(service.writes for service in simulator.log)


@pytest.mark.parametrize("size", [200, 4000])
async def test_a_long_array_goes_in_parts(size: int) -> None:
    async with LogixSimulator.flat(1, 1) as simulator:
        item = (await pulled(simulator)).by_path["tag/A000"]
        value = tuple(range(1000))
        await write(simulator, item, value, Options(size=size, write_in_run=True))
        assert simulator.values()["A000"] == ("ARRAY[1000] OF DINT", value)
        assert not simulator.violations


@pytest.mark.parametrize(("text", "says"), [("x" * 83, "no room for 83"), ("\u0416", "Latin-1")])
async def test_a_text_that_does_not_fit_is_not_written(text: str, says: str) -> None:
    async with LogixSimulator.demo("writing") as simulator:
        item = (await pulled(simulator)).by_path["tag/Operator"]
        with pytest.raises(Wrong, match=says):
            await write(simulator, item, text, Options(write_in_run=True))
        assert not any(service.writes for service in simulator.log)
        await write(simulator, item, "y" * 82, Options(write_in_run=True))
        assert simulator.values()["Operator"] == ("STRING", "y" * 82)
