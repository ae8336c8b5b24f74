"""Whole pulls of the simulated machines: everything they hold, named so that it stays."""

from __future__ import annotations

import logging

import pytest
from tests.drivers.opcua_plant import (
    OVEN,
    PARAMETERS,
    agrees,
    by_address,
    gone,
    plain,
    pull,
    target,
)

from goldcopy.driver import Meter, Secret, Target
from goldcopy.errors import Refused
from goldcopy.snapshot.diff import diff, same
from goldcopy_opcua import OpcUaDriver
from goldcopy_sim.opcua import Login, OpcUaSimulator, Settings


@pytest.mark.parametrize("name", ["oven", "packer"])
@pytest.mark.parametrize("window", [1, 8])
async def test_a_pull_holds_what_the_machine_holds(name: str, window: int) -> None:
    async with plain(f"{name}-1") as plc:
        snapshot = await pull(plc, window=window)
        found = by_address(snapshot)
        held = plc.values()
        missing = [
            address for address, value in held.items()
            if address not in found or not agrees(found[address], value)
        ]  # fmt: skip
        space = f"nsu=http://example.com/{name};s=Devices.{name}-1.ParameterSet."
        assert sorted(missing) == [
            "nsu=http://example.com/controls/io/;i=1001",
            space + "Acknowledge",
            space + "DoorSensor",
            space + "ServicePin",
        ]
        assert set(found) <= set(held)
        assert [service for service in plc.log if service.writes] == []
        assert plc.connections.peak == 1
        await gone(plc)
        assert plc.log[-1].name == "CloseSession"


async def test_what_cannot_be_read_is_a_gap_of_its_own() -> None:
    async with plain("oven-1") as plc:
        snapshot = await pull(plc)
    assert [(gap.path, gap.reason) for gap in snapshot.gaps] == [
        (f"{PARAMETERS}/oven:Acknowledge", "BadNotReadable: it can only be written"),
        (f"{PARAMETERS}/oven:DoorSensor", "BadSensorFailure: its sensor has failed"),
        (f"{PARAMETERS}/oven:ServicePin", "BadUserAccessDenied: this user may not read it"),
    ]


async def test_an_uncertain_value_is_kept_and_says_so() -> None:
    async with plain("oven-1") as plc:
        item = (await pull(plc)).by_path[f"{PARAMETERS}/oven:Humidity"]
    assert item.value == 41.5
    assert item.label == "UncertainLastUsableValue"


async def test_two_pulls_agree_and_a_change_is_all_that_differs() -> None:
    async with plain("oven-1") as plc:
        first, second = await pull(plc), await pull(plc, window=4)
        assert first.id == second.id
        plc.change(f"{OVEN}.ParameterSet.RampTable", (1.5, 2.5))
        plc.change(f"{OVEN}.ParameterSet.ActiveRecipe#Zones[1].Alarm.High", 333.5)
        plc.change("nsu=http://example.com/oven;s=PLC.Controller.Files.Recipes.csv", b"1;bread")
        third = await pull(plc)
    files = "oven:Controller/oven:Files/oven:Recipes.csv"
    assert [(change.path, change.sort) for change in diff(second, third)] == [
        (f"{PARAMETERS}/oven:ActiveRecipe/Zones/1/Alarm/High", "changed"),
        (f"{PARAMETERS}/oven:RampTable", "changed"),
        (files, "changed"),
        (f"{files}/Size", "changed"),
    ]


async def test_live_values_change_no_settings() -> None:
    async with plain("oven-1") as plc:
        first = await pull(plc)
        plc.tick()
        second = await pull(plc)
    assert first.id != second.id
    assert first.settings == second.settings


async def test_namespaces_in_another_order_are_the_same_machine() -> None:
    async with (
        plain("oven-1") as plc,
        plain("oven-1", reorder=True) as new,
    ):
        assert plc.model.uris != new.model.uris
        assert (await pull(plc)).id == (await pull(new)).id


async def test_one_type_id_on_two_machines_is_not_one_type() -> None:
    """Ovens and packers give the same NodeId to different structures; both in one process."""
    path = "DI:DeviceSet/{0}:{0}-1/DI:ParameterSet/{0}:ActiveRecipe/Total/High"
    async with plain("oven-1") as oven, plain("packer-1") as packer:
        for _ in range(2):
            for name, plc in (("oven", oven), ("packer", packer)):
                snapshot = await pull(plc)
                address = f"nsu=http://example.com/{name};s=Devices.{name}-1.ParameterSet"
                held = plc.values()[f"{address}.ActiveRecipe#Total.High"]
                assert agrees(snapshot.by_path[path.format(name)], held)
        low_first = (await pull(oven)).by_path["types/types:Limits"].value
        high_first = (await pull(packer)).by_path["types/types:Limits"].value
    assert low_first == "structure\nLow: Double\nHigh: Double"
    assert high_first == "structure\nHigh: Double\nLow: Double"


async def test_types_are_items() -> None:
    async with plain("oven-1") as plc:
        held = (await pull(plc)).by_path
    assert held["types/types:Recipe"].value == (
        "structure\nNumber: UInt16\nTitle: String\nMode: types:OperatingMode\nReleased: DateTime\n"
        "Total: types:Limits\nZones: types:ZoneRecipe[]\nRamp: Float[]"
    )
    assert held["types/types:Options"].value == (
        "structure\nLanguage: Byte\nPrinter: String optional\nScanner: String optional\n"
        "Interval: UInt32 optional"
    )
    assert held["types/types:OperatingMode"].value == (
        "enumeration\n0 Off\n1 Manual\n2 Automatic\n3 Service"
    )
    assert held["namespaces"].type == "ARRAY[6] OF STRING"
    assert held["types/types:Recipe"].role == held["namespaces"].role == "setting"


async def test_a_structure_without_a_definition_stays_whole() -> None:
    async with plain("oven-1") as plc:
        item = (await pull(plc)).by_path[f"{PARAMETERS}/oven:DriveImage"]
        held = plc.values()[f"{OVEN}.ParameterSet.DriveImage"]
    assert agrees(item, held)
    assert item.type == "BYTES"
    assert item.label == "type types:DriveImage"


async def test_a_value_that_does_not_fit_its_type_is_one_gap_and_its_bytes() -> None:
    async with plain("oven-1") as plc:
        plc.fault = "undecodable-value"
        broken = await pull(plc)
        plc.fault = None
        sound = await pull(plc)
    path = "DI:DeviceSet/oven:oven-1/oven:Zone1/oven:Setpoint/EURange"
    [gap] = set(broken.gaps) - set(sound.gaps)
    assert gap.path == path
    assert broken.by_path[path].type == "BYTES"
    assert broken.by_path[path].value == bytes(5)
    lost = {change.path for change in diff(sound, broken)}
    assert lost == {path, f"{path}/Low", f"{path}/High", path.removesuffix("/EURange")}


async def test_roles() -> None:
    async with plain("oven-1") as plc:
        held = (await pull(plc)).by_path
    roles = {
        "DI:DeviceSet/oven:oven-1/DI:SerialNumber": "setting",
        f"{PARAMETERS}/oven:Gain": "setting",
        f"{PARAMETERS}/oven:ActiveRecipe/Zones/0/Alarm/Low": "setting",
        f"{PARAMETERS}/oven:BatchCounter": "process",  # in the ParameterSet, not writable
        "DI:DeviceSet/oven:oven-1/oven:Zone1/oven:Setpoint": "process",  # writable, no parameter
        "DI:DeviceSet/oven:oven-1/oven:Zone1/oven:Setpoint/EURange/High": "setting",
        "DI:DeviceSet/oven:oven-1/oven:Zone1/oven:HeaterOutput": "process",
        "oven:Controller/oven:Files/oven:Recipes.csv": "setting",
        "oven:Controller/oven:Files/oven:Recipes.csv/OpenCount": "diagnostic",
        "structure": "diagnostic",
    }
    assert {path: held[path].role for path in roles} == roles


async def test_unit_limits_and_access() -> None:
    async with plain("oven-1") as plc:
        held = (await pull(plc)).by_path
    item = held["DI:DeviceSet/oven:oven-1/oven:Zone1/oven:Setpoint"]
    assert (item.unit, item.low, item.high, item.access) == ("°C", 20.0, 320.0, "read-write")
    assert held[f"{PARAMETERS}/oven:BatchCounter"].access == "read"
    assert held[f"{PARAMETERS}/oven:Gain"].kind == "parameter"
    assert item.kind == "tag"


async def test_access_is_that_of_the_user_who_reads() -> None:
    users = {"vic": Login("look", "viewer")}
    async with OpcUaSimulator.demo(
        "oven", settings=Settings(users=users, anonymous="viewer")
    ) as plc:
        snapshot = await pull(plc)
    assert {item.access for item in snapshot.items} == {"read"}


async def test_a_node_on_two_paths_is_named_by_its_owner() -> None:
    async with plain("oven-1") as plc:
        paths = [item.path for item in (await pull(plc)).items]
    assert [path for path in paths if "Favourites" in path] == []
    assert len([path for path in paths if path.endswith("Zone1/oven:Setpoint")]) == 1


async def test_identity() -> None:
    async with plain("oven-1") as plc:
        async with OpcUaDriver().open(target(plc), Meter()) as session:
            identity = await session.identify()
        held = plc.values()
    assert identity.vendor == "Example Controls"
    assert identity.product == "EC-OV6 tunnel oven"
    assert identity.order_code == "EC-OV6"
    assert identity.serial == held[f"{OVEN}.SerialNumber"][1]
    assert identity.firmware == held[f"{OVEN}.SoftwareRevision"][1]
    assert identity.name == "oven-1"
    assert identity.mode == "Running"


async def test_identity_without_a_nameplate_is_the_servers_build() -> None:
    async with OpcUaSimulator.flat(1, 1) as plc:
        identity = (await pull(plc)).identity
    assert (identity.vendor, identity.product, identity.serial) == ("Example Controls", "Bench", "")


async def test_files_are_read_to_their_end() -> None:
    async with plain("oven-1", max_file_read=4_000) as plc:
        snapshot = await pull(plc, window=4)
        held = plc.values()
        found = by_address(snapshot)
        for name in ("Project.zip", "Recipes.csv", "Empty.log"):
            address = f"nsu=http://example.com/oven;s=PLC.Controller.Files.{name}"
            assert agrees(found[address], held[address])
            assert found[address].kind == "file"
            assert held[f"{address}.OpenCount"] == ("UINT", 0)
        assert {service.name for service in plc.log if service.writes} == set()


async def test_a_file_that_is_too_long_is_a_gap() -> None:
    async with plain("oven-1") as plc:
        snapshot = await pull(plc, max_file=1000)
    path = "oven:Controller/oven:Files/oven:Project.zip"
    assert path not in snapshot.by_path
    assert "300000 bytes are more than options.max_file allows" in [
        gap.reason for gap in snapshot.gaps if gap.path == path
    ]
    assert "oven:Controller/oven:Files/oven:Recipes.csv" in snapshot.by_path


async def test_files_can_be_left_out() -> None:
    async with plain("oven-1") as plc:
        snapshot = await pull(plc, files=False)
        assert [service for service in plc.log if service.name == "Call"] == []
    assert [item.path for item in snapshot.items if item.kind == "file"] == []


@pytest.mark.parametrize(
    "roots",
    [
        (PARAMETERS, "oven:Controller/oven:Files"),
        (f"{PARAMETERS}/oven:Gain",),
        ("DI:DeviceSet/oven:oven-1/oven:Zone1/oven:Setpoint",),
    ],
)
async def test_roots_choose_what_is_read(roots: tuple[str, ...]) -> None:
    async with plain("oven-1") as plc:
        whole = await pull(plc)
        requests = len(plc.log)
        part = await pull(plc, roots=roots)
        assert len(plc.log) < 2 * requests
    inside = tuple(f"{root}/" for root in roots)
    within = {path for path in whole.by_path if f"{path}/".startswith(inside)}
    rest = set(part.by_path) - within
    assert within <= set(part.by_path)
    assert all(path in ("namespaces", "structure") or path.startswith("types/") for path in rest)
    assert all(same(part.by_path[path], whole.by_path[path]) for path in within)
    assert set(part.gaps) == {gap for gap in whole.gaps if f"{gap.path}/".startswith(inside)}


async def test_a_root_that_is_not_there_is_a_gap() -> None:
    async with plain("oven-1") as plc:
        snapshot = await pull(plc, roots=("oven:Nowhere", "nobody:Nothing"))
    assert [gap.path for gap in snapshot.gaps] == ["nobody:Nothing", "oven:Nowhere"]


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("DI:DeviceSet/**", "DI:DeviceSet/"),
        ("DI:DeviceSet/*/DI:ParameterSet", PARAMETERS),
        ("**/oven:Files", "oven:Controller/oven:Files"),
    ],
)
async def test_what_is_excluded_is_neither_browsed_nor_read(pattern: str, gone: str) -> None:
    async with plain("oven-1") as plc:
        whole, part = await pull(plc), await pull(plc, exclude=(pattern,))
    before = {item.path for item in whole.items if not item.path.startswith("types/")}
    after = {item.path for item in part.items if not item.path.startswith("types/")}
    assert any(path.startswith(gone) for path in before)
    # What has another path keeps it: the properties of the nameplate are only listed there.
    assert {path for path in before if not path.startswith(gone)} <= after
    assert not any(path.startswith(gone) for path in after)


async def test_the_types_of_the_server_are_read_on_demand() -> None:
    async with plain("oven-1") as plc:
        whole, more = await pull(plc), await pull(plc, include_types=True)
    assert {item.path for item in whole.items} <= {item.path for item in more.items}


async def test_an_address_space_without_end_is_refused() -> None:
    async with plain("oven-1") as plc:
        with pytest.raises(Refused, match="more than 100 nodes"):
            await pull(plc, max_nodes=100)
        assert plc.log[-1].name == "CloseSession"


async def test_nothing_of_asyncua_reaches_a_log_or_the_terminal(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with plain("oven-1") as plc:
        plc.fault = "refuse-login"
        with pytest.raises(Refused):
            await pull(plc)
        plc.fault = "wrong-handle"
        with pytest.raises(Exception, match="request"):
            await pull(plc)
    ours = [record for record in caplog.records if record.name.startswith("asyncua")]
    assert ours == []
    assert capfd.readouterr().err == ""


def test_the_password_shows_nowhere() -> None:
    assert "hunter2" not in repr(Target("d", "h", 1, password=Secret("hunter2")))
