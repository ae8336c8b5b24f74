"""Names to drivers and simulators; what does not keep the contract is refused with words."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import msgspec
import pytest

from goldcopy.driver import Capability
from goldcopy.errors import Wrong
from goldcopy.registry import DRIVERS, SIMULATORS, Registry, near


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    unit: int = 1


class Good:
    name = "good"
    title = "A good one"
    port = 502
    Options = Options
    capabilities = (Capability("reading", "done"),)

    def open(self, target: object, meter: object) -> None: ...


class GoodSimulator:
    FAULTS: ClassVar = {"silent": "answers nothing"}

    @classmethod
    def demo(cls, name: str) -> GoodSimulator:
        return cls()

    async def __aenter__(self) -> GoodSimulator:
        return self

    async def __aexit__(self, *exc: object) -> None: ...

    def values(self) -> dict[str, object]:
        return {}

    def change(self, address: str, value: object) -> None: ...


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("someones_driver")
    monkeypatch.setitem(sys.modules, "someones_driver", made)
    return made


def driver_point(name: str, value: str = "someones_driver:Driver") -> EntryPoint:
    return EntryPoint(name, value, DRIVERS)


def test_a_driver_is_found_by_name_and_made_once(module: ModuleType) -> None:
    module.Driver = Good  # type: ignore[attr-defined]
    registry = Registry([driver_point("good"), driver_point("another")])
    assert registry.drivers() == ("another", "good")
    assert isinstance(registry.driver("good"), Good)
    assert registry.driver("good") is registry.driver("good")


def test_nothing_is_imported_before_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "eager_driver.py").write_text("raise SystemError('was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry([driver_point("eager", "eager_driver:Driver")])
    assert registry.drivers() == ("eager",)
    assert "eager_driver" not in sys.modules


def test_an_unknown_driver_suggests_the_near_one() -> None:
    registry = Registry([driver_point("modbus"), driver_point("opcua")])
    with pytest.raises(Wrong, match=r"no driver Modbuss; did you mean modbus\?"):
        registry.driver("Modbuss")
    with pytest.raises(Wrong, match="no driver profinet; installed: modbus, opcua"):
        registry.driver("profinet")
    with pytest.raises(Wrong, match="installed: none"):
        Registry().driver("modbus")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import no_such_library_at_all",
            "ModuleNotFoundError: No module named 'no_such_library_at_all'",
        ),
        ("x = 1", "AttributeError: .*Driver"),
        ("x = = 1", "SyntaxError"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("class Driver(", "SyntaxError"),
    ],
)
def test_a_driver_that_does_not_load_says_why(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_driver.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry([driver_point("broken", "broken_driver:Driver")])
    for _ in range(2):
        with pytest.raises(Wrong, match=f"driver broken .*cannot be loaded: {said}"):
            registry.driver("broken")
    sys.modules.pop("broken_driver", None)


def test_a_broken_import_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = tmp_path / "count"
    (tmp_path / "slow_driver.py").write_text(
        f"with open({str(count)!r}, 'a') as f: f.write('x')\nraise ImportError('no')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry([driver_point("slow", "slow_driver:Driver")])
    for _ in range(3):
        with pytest.raises(Wrong):
            registry.driver("slow")
    assert count.read_text() == "x"


def test_a_driver_whose_constructor_fails_says_so(module: ModuleType) -> None:
    class Needy(Good):
        def __init__(self, more: int) -> None: ...

    module.Driver = Needy  # type: ignore[attr-defined]
    with pytest.raises(Wrong, match="cannot be loaded: TypeError"):
        Registry([driver_point("good")]).driver("good")


def test_two_packages_with_one_name_are_refused() -> None:
    registry = Registry(
        [driver_point("modbus", "one:Driver"), driver_point("modbus", "other:Driver")]
    )
    assert registry.drivers() == ("modbus",)
    with pytest.raises(Wrong, match=r"2 packages offer a driver modbus .*one:Driver, other:Driver"):
        registry.driver("modbus")


def test_one_package_seen_twice_is_no_clash(module: ModuleType) -> None:
    module.Driver = Good  # type: ignore[attr-defined]
    assert Registry([driver_point("good"), driver_point("good")]).driver("good").name == "good"


class Thawed(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Lenient(msgspec.Struct, frozen=True):
    pass


@pytest.mark.parametrize(
    ("attribute", "value", "said"),
    [
        ("name", "other", "its name is 'other' but it is installed as 'good'"),
        ("title", "", "title must be"),
        ("title", None, "title must be"),
        ("port", "502", "port must be"),
        ("port", 0, "port must be"),
        ("port", True, "port must be"),
        ("Options", dict, "Options must be a msgspec.Struct"),
        ("Options", Options(), "Options must be a msgspec.Struct"),
        ("Options", Thawed, "Options must be frozen"),
        ("Options", Lenient, "Options must forbid unknown fields"),
        ("capabilities", None, "capabilities must be"),
        ("capabilities", ["reading"], "capabilities must be"),
        ("open", None, "no open"),
    ],
)
def test_the_contract_is_checked_when_a_driver_is_loaded(
    attribute: str, value: object, said: str, module: ModuleType
) -> None:
    module.Driver = type("Driver", (Good,), {attribute: value})  # type: ignore[attr-defined]
    with pytest.raises(Wrong, match=f"does not keep the contract: .*{said}"):
        Registry([driver_point("good")]).driver("good")


def test_all_that_is_missing_is_said_at_once(module: ModuleType) -> None:
    module.Driver = type("Driver", (), {})  # type: ignore[attr-defined]
    with pytest.raises(Wrong) as caught:
        Registry([driver_point("good")]).driver("good")
    for missing in ("name", "title", "port", "Options", "capabilities", "open"):
        assert missing in str(caught.value)
    module.Instead = Good()  # type: ignore[attr-defined]
    with pytest.raises(Wrong, match="not a class"):
        Registry([driver_point("good", "someones_driver:Instead")]).driver("good")


def test_simulators_are_found_and_checked_likewise(module: ModuleType) -> None:
    module.Good = GoodSimulator  # type: ignore[attr-defined]
    module.Bad = type("Bad", (), {"demo": None})  # type: ignore[attr-defined]
    points = [EntryPoint(n.lower(), f"someones_driver:{n}", SIMULATORS) for n in ("Good", "Bad")]
    registry = Registry(simulators=points)
    assert registry.simulators() == ("bad", "good")
    assert registry.simulator("good").__name__ == "GoodSimulator"
    with pytest.raises(Wrong, match=r"no simulator god; did you mean good\?"):
        registry.simulator("god")
    with pytest.raises(Wrong, match=r"simulator bad .*FAULTS.*demo.*values.*change"):
        registry.simulator("bad")


def test_what_is_installed_is_what_is_offered() -> None:
    registry = Registry.installed()
    assert set(registry.drivers()) == {point.name for point in entry_points(group=DRIVERS)}
    assert set(registry.simulators()) == {point.name for point in entry_points(group=SIMULATORS)}
    assert "modbus" in registry.drivers()


def test_near_is_silent_when_nothing_is_near() -> None:
    assert near("xyz", ["modbus"]) == ""
    assert near("MIXER", ["mixer", "filler"]) == "did you mean mixer?"
