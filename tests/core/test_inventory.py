"""inventory.yaml: what it gives when it is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.written_inventory import FULL, REGISTRY, Options, with_device, written

from goldcopy.driver import Courtesy
from goldcopy.errors import Wrong
from goldcopy.inventory import (
    Device,
    Inventory,
    InventoryMistakes,
    NightPolicy,
    Rule,
    Rules,
    Zone,
    load,
)


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    inventory = load(written(tmp_path, FULL), REGISTRY)
    live = Rule("**/live", "process")
    assert inventory == Inventory(
        vault=tmp_path / "vault",
        identity=tmp_path / "keys/reader.key",
        night=NightPolicy(report=tmp_path / "report"),
        zones={"packaging": Zone(3), "no": Zone()},
        devices=(
            Device(
                name="line1-mixer",
                driver="plc",
                host="127.0.0.1",
                port=10102,
                zone="packaging",
                timeout=0.5,
                deadline=90.0,
                courtesy=Courtesy(connections=2, window=4, pause=0.01, rate=12.5),
                username="maintenance",
                password=inventory.devices[0].password,
                writable=True,
                keep_process=True,
                description="the one beside the door",
                options=Options(rack=1, slot=16),
                rules=Rules([live, Rule("db/5/live", "setting")]),
            ),
            Device(
                name="no",
                driver="plc",
                host="mixer.plant.example",
                port=102,
                zone="no",
                timeout=2.0,
                courtesy=Courtesy(window=4, pause=0.01),
                options=Options(),
                rules=Rules([live]),
            ),
        ),
    )


def test_a_device_alone_has_careful_defaults(tmp_path: Path) -> None:
    (device,) = load(written(tmp_path, with_device()), REGISTRY).devices
    assert device.courtesy == Courtesy(connections=1, window=1, pause=0, rate=0)
    assert (device.writable, device.keep_process) == (False, False)
    assert (device.timeout, device.deadline, device.rules.digest) == (5.0, 600.0, "")


@pytest.mark.parametrize("name", ["no", "on", "010", "1e3", "0x1F", "2026-11-24", "true", "1_0"])
def test_a_name_is_what_was_written(name: str, tmp_path: Path) -> None:
    """YAML 1.1 makes False, 8, 1000.0, 31, a date, True and 10 of these."""
    (device,) = load(written(tmp_path, with_device().replace(": m", f": {name}")), REGISTRY).devices
    assert device.name == name


@pytest.mark.parametrize(
    ("host", "right"),
    [
        ("10.0.0.1", True),
        ("fd00::10", True),
        ("'fe80::1%eth0'", True),
        ("plc_7.plant.example.", True),
        ("10.0.0.256", False),
        ("10.0.1", False),
        ("10.0.0.1:502", False),
        ("opc.tcp://a", False),
        ("'a b'", False),
        ("a..b", False),
        ("'a\n\n  b'", False),
    ],
)
def test_hosts(host: str, right: bool, tmp_path: Path) -> None:
    path = written(tmp_path, with_device().replace("10.0.0.1", host))
    if right:
        assert load(path, REGISTRY).devices[0].host == host.strip("'")
    else:
        with pytest.raises(InventoryMistakes, match="host"):
            load(path, REGISTRY)


def test_paths_are_relative_to_the_inventory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/operator")
    for said, meant in (("/srv/v", "/srv/v"), ("~/v", "/home/operator/v"), ("v", tmp_path / "v")):
        path = written(tmp_path, with_device().replace("vault: v", f"vault: {said}"))
        assert load(path, REGISTRY).vault == Path(meant)


def test_devices_are_selected_by_name_pattern_and_zone(tmp_path: Path) -> None:
    names = ["line1-mixer", "line1-filler", "line2-mixer"]
    text = "vault: v\nzones: {a: {}, b: {}, empty: {}}\ndevices:\n" + "".join(
        f"  - {{name: {name}, driver: plc, host: h, zone: {zone}}}\n"
        for name, zone in zip(names, "aab", strict=True)
    )
    inventory = load(written(tmp_path, text), REGISTRY)

    def selected(*wanted: str, zone: str = "") -> list[str]:
        return [device.name for device in inventory.select(*wanted, zone=zone)]

    assert selected() == names
    assert selected("line2-mixer", "line1-mixer", "line1-*") == names
    assert selected("*-mixer", zone="a") == ["line1-mixer"]
    assert selected(zone="b") == ["line2-mixer"]
    for wanted, zone, said in (
        (["line1-mixr"], "", r"no device is called line1-mixr; did you mean line1-mixer\?"),
        (["line1-*", "line9-*"], "", r"called line9-\*"),
        (["Line1-mixer"], "", r"did you mean line1-mixer\?"),
        ([], "c", "there is no zone c; the inventory has: a, b, empty"),
        ([], "empty", "none of the devices asked for is in zone empty"),
        (["line1-mixer"], "b", "none of the devices asked for is in zone b"),
    ):
        with pytest.raises(Wrong, match=said):
            selected(*wanted, zone=zone)


def test_the_plant_of_a_big_site_loads_quickly_enough(tmp_path: Path) -> None:
    text = "vault: v\ndevices:\n" + "".join(
        f"  - name: plc-{n}\n    driver: plc\n    host: 10.0.{n // 250}.{n % 250}\n"
        f"    options: {{slot: {n}}}\n    rules: [{{match: 'a/*', role: process}}]\n"
        for n in range(600)
    )
    assert len(load(written(tmp_path, text), REGISTRY).devices) == 600
