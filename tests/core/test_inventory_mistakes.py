"""inventory.yaml: all that is said when it is not right, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.written_inventory import REGISTRY, mistakes, with_device

from goldcopy.errors import Wrong
from goldcopy.inventory import load


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


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(Wrong, match=r"cannot be read: (No such file|Is a directory)"):
            load(path, REGISTRY)
