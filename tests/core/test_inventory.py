"""inventory.yaml: what it gives when it is right, and all that is said when it is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from goldcopy.driver import Courtesy
from goldcopy.errors import Wrong
from goldcopy.inventory import (
    Device,
    Inventory,
    InventoryMistakes,
    Mistake,
    NightPolicy,
    Rule,
    Rules,
    Zone,
    load,
)
from goldcopy.registry import DRIVERS, Registry


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rack: int = 0
    slot: int = 2


class PlcDriver:
    name = "plc"
    title = "PLC"
    port = 102
    Options = Options
    capabilities = ()

    def open(self, target: object, meter: object) -> None: ...


REGISTRY = Registry([EntryPoint("plc", f"{__name__}:PlcDriver", DRIVERS)])

FULL = """\
vault: ./vault
zones:
  packaging: {max_devices: 3}
  no: {}
defaults:
  driver: plc
  timeout: 2s
  courtesy: {window: 4, pause: 10ms}
  rules:
    - {match: "**/live", role: process}
devices:
  - name: line1-mixer
    host: 127.0.0.1
    port: 10102
    zone: packaging
    timeout: 500ms
    deadline: 1.5m
    courtesy: {connections: 2, rate: 12.5}
    username: maintenance
    password: {env: MIXER_PASSWORD}
    writable: true
    keep_process: true
    description: the one beside the door
    options: {rack: 1, slot: 0x10}
    rules:
      - match: db/5/live
        role: setting
  - name: no
    driver: plc
    host: mixer.plant.example
    zone: no
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "inventory.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(folder: Path, text: str | bytes) -> list[str]:
    """Each as ``line: message``."""
    path = written(folder, text)
    with pytest.raises(InventoryMistakes) as caught:
        load(path, REGISTRY)
    for mistake, line in zip(caught.value.mistakes, str(caught.value).split("\n"), strict=True):
        assert line == f"{path}:{mistake.line}: {mistake.message}"
    return [f"{one.line}: {one.message}" for one in caught.value.mistakes]


def found_by(check: Callable[[], object]) -> tuple[Mistake, ...]:
    try:
        check()
    except InventoryMistakes as error:
        return error.mistakes
    return ()


def with_device(lines: str = "", top: str = "") -> str:
    """A good inventory with these lines (from line 5 on) in its device."""
    return f"{top}vault: v\ndevices:\n  - name: m\n    {{driver}}host: 10.0.0.1\n{lines}".replace(
        "{driver}", "driver: plc\n    "
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


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
vault:
zones:
  packaging: {max_devices: 0}
  filling: {max_device: 3}
defaults: {timeout: 5, writable: true}
devises: []
devices:
  - name: mixer
    driver: plk
    host: 10.0.0.010
    zone: packagin
    writable: yes
    port: 70000
    keep_process: "true"
    deadline: 3 s
    deadline: 3s
  - name: Mixer
    driver: plc
    host: http://10.0.0.1/
    courtesy: {connections: 0, pause: 5, speed: 3}
    rules:
      - {match: "a/**b", role: proces}
      - {match: "[a"}
    options: {rack: x, slt: 1}
  - driver: plc
  - filler
"""
    assert mistakes(tmp_path, text) == [
        "1: vault: has no value; fill it in, or drop the line",
        "3: max_devices: 0 is out of range; 1 to 10000 is possible",
        "4: a zone has no key max_device; did you mean max_devices?",
        "5: timeout: 5 is not a time with a unit; write 5s for seconds",
        "5: defaults has no key writable; possible: driver, port, zone, timeout, deadline, "
        "courtesy, username, password, keep_process, rules, recovery",
        "6: an inventory has no key devises; did you mean devices?",
        "9: driver: there is no driver plk; did you mean plc?",
        "10: host: 10.0.0.010 is no IP address; write one like 192.0.2.10 or fd00::10, without "
        "zeros in front, and the port under `port`",
        "11: zone: there is no zone packagin; did you mean packaging?",
        "12: writable: yes is neither true nor false; write one of these, without quotes",
        "13: port: 70000 is out of range; 1 to 65535 is possible",
        '14: keep_process: "true" is neither true nor false; write one of these, without quotes',
        "15: deadline: 3 s is not a time with a unit; write it like 250ms, 5s, 10m, 2h",
        "16: deadline is here a second time, first in line 15; keep one",
        "17: name: Mixer is already the name of the device in line 8 (as mixer: case alone does "
        "not tell them apart)",
        "19: host: 'http://10.0.0.1/' is no host name; write only that, or an IP address",
        "20: connections: 0 is out of range; 1 to 64 is possible",
        "20: pause: 5 is not a time with a unit; write 5s for seconds",
        "20: courtesy has no key speed; possible: connections, window, pause, rate",
        "22: match: a/**b has ** within a segment; ** stands alone between two /, else use *",
        "22: role: proces is no role; did you mean process?",
        "23: a rule has no role; add for example `role: process`",
        "23: match: [a has a [ without its ]; write [[] for the sign itself",
        "24: options.rack: expected a whole number, got text",
        "24: options has no key slt; did you mean slot?",
        "25: a device has no host; add for example `host: 192.0.2.10`",
        "25: a device has no name; add for example `name: line1-mixer`",
        "26: a device needs keys with values, like `name: value`",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: an inventory needs keys"),
        ("- a\n", "1: an inventory needs keys"),
        ("devices: []\nvault: v\n", "1: devices: there is none"),
        ("vault: v\n", "1: an inventory has no devices"),
        ("vault: v\ndevices:\n  name: x\n", "3: devices: needs a list"),
        (with_device(top="zones: [a]\n"), "1: zones: needs zone names as keys"),
        (with_device(top="zones: {a b: {}}\n"), "1: zone 'a b': is no name"),
        (with_device("    zone: a\n"), "6: zone: there is no zone a; declare it: `zones: "),
        (with_device("    deadline: 4s\n"), "6: deadline: the deadline of the whole pull"),
        (with_device("    timeout: 20m\n"), "6: timeout: the deadline of the whole pull"),
        (with_device("    timeout: 0s\n"), "6: timeout: 0s is out of range; 1ms to 1h"),
        (with_device("    rules:\n"), "6: rules: needs a list"),
        (with_device("    rules: [x]\n"), "6: a rule needs keys"),
        (with_device("    options: [x]\n"), "6: options: needs keys"),
        (with_device("    courtesy: gentle\n"), "6: courtesy needs keys"),
        (with_device("    [a]: b\n"), "6: a key must be plain text"),
        (with_device("    description: {a: b}\n"), "6: description: needs text, not a mapping"),
        (with_device("    description: ~\n"), "6: description: has no value"),
        (with_device("    username: '  '\n"), "6: username: has no value"),
    ],
)
def test_a_mistake_and_its_line(text: str, said: str, tmp_path: Path) -> None:
    assert [one for one in mistakes(tmp_path, text) if one.startswith(said)]


def test_one_mistake_at_the_top_does_not_blame_every_device(tmp_path: Path) -> None:
    text = with_device("    zone: a\n", top="zones: [a]\ndefaults: {driver: plk}\n")
    text = text.replace("    driver: plc\n", "")
    assert [line.split(":")[0] for line in mistakes(tmp_path, text)] == ["1", "2"]


@pytest.mark.parametrize("name", ["a/b", "a@gold", "a~1", "-a", "a-", "ä", "a b", "x" * 65, "../a"])
def test_names_that_could_be_mistaken_for_something_else(name: str, tmp_path: Path) -> None:
    (said,) = mistakes(tmp_path, with_device().replace("name: m", f"name: '{name}'"))
    assert said.startswith("3: name: ")
    assert "letters, digits" in said


@pytest.mark.parametrize("name", ["no", "on", "010", "1e3", "0x1F", "2026-11-24", "true", "1_0"])
def test_a_name_is_what_was_written(name: str, tmp_path: Path) -> None:
    """YAML 1.1 makes False, 8, 1000.0, 31, a date, True and 10 of these."""
    (device,) = load(written(tmp_path, with_device().replace(": m", f": {name}")), REGISTRY).devices
    assert device.name == name


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("010", "leading zero"),
        ("0o17", "leading zero"),
        ("22:30", "base 60"),
        ("1_000", "underscores"),
        ("'502'", "without quotes"),
        ("1.0", "write one from 1 to 65535"),
        ("yes", "write one from 1 to 65535"),
        ("null", "write one from 1 to 65535"),
        ("-1", "out of range"),
        ("9" * 5000, "9999…"),
    ],
)
def test_a_port_is_never_guessed(value: str, said: str, tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, with_device(f"    port: {value}\n"))
    assert found.startswith("6: port: ")
    assert said in found
    assert len(found) < 200


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


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(Wrong, match=r"cannot be read: (No such file|Is a directory)"):
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
