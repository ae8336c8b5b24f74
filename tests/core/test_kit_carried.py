"""Which files that options name are in a kit, and that its inventory finds them there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import msgspec
import pytest
from tests.core.test_kit import Place, page, place, words
from tests.core.toy_driver import ToyDriver

from goldcopy.driver import PublicFile
from goldcopy.errors import Wrong
from goldcopy.inventory import load
from goldcopy.kit import reduced
from goldcopy.kit.carried import carried
from goldcopy.kit.carried import place as placed
from goldcopy.registry import DRIVERS, Registry

__all__ = ["place"]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    source_files: tuple[PublicFile, ...] = ()
    note: str = ""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tables: dict[int, Table] = {}
    map: PublicFile | None = None
    key: Path | None = None


class Foreign(ToyDriver):
    """As somebody else may have written it."""

    Options = Options


REGISTRY = Registry([EntryPoint("toy", f"{__name__}:Foreign", DRIVERS)])
INVENTORY = """\
vault: ./vault
devices:
  - name: a
    driver: toy
    host: 192.0.2.1
    options: &all
      tables:
        1: {source-files: [maps/one.csv, OUTSIDE/one.csv, maps/none.csv], note: &map maps/one.csv}
        0x2: {source-files: [maps/one.csv, maps/both.pem]}
      map: *map
      key: own.key
  - {name: b, driver: toy, host: 192.0.2.2, options: *all}
  - name: c
    driver: toy
    host: 192.0.2.3
    password: {file: maps/word.csv}
    options: {map: own.key}
  - {name: d, driver: toy, host: 192.0.2.4, options: {map: maps/word.csv}}
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "maps").mkdir(parents=True)
    outside.mkdir()
    (home / "maps/one.csv").write_text("1")
    (outside / "one.csv").write_text("another 1")
    (home / "maps/both.pem").write_text("-----BEGIN RSA PRIVATE KEY-----")
    (home / "maps/word.csv").write_text("secret")
    (home / "own.key").write_text("as DER")
    (home / "inventory.yaml").write_text(INVENTORY.replace("OUTSIDE", str(outside)))
    return home / "inventory.yaml"


def test_only_what_is_no_secret_is_carried(inventory: Path, tmp_path: Path) -> None:
    plant = load(inventory, REGISTRY).devices
    home = inventory.parent
    assert carried(plant, plant) == {
        home / "maps/one.csv": b"1",
        tmp_path / "outside/one.csv": b"another 1",
    }
    assert carried(plant[3:], plant) == {}, "it is the password of a device that is not in the kit"
    assert carried(plant[3:], plant[3:]) == {home / "maps/word.csv": b"secret"}


def test_the_inventory_names_them_where_they_lie(inventory: Path, tmp_path: Path) -> None:
    plant = load(inventory, REGISTRY).devices
    places = {path: placed(path, data) for path, data in carried(plant, plant).items()}
    kit = tmp_path / "kit"
    kit.mkdir()
    (kit / "inventory.yaml").write_bytes(reduced.reduced(inventory, plant, "w", places))
    reduced.prove(kit / "inventory.yaml", plant, REGISTRY, places)
    (inside, outside) = (kit / one for one in places.values())
    assert inside.name == outside.name == "one.csv"
    assert inside != outside
    for device in load(kit / "inventory.yaml", REGISTRY).devices[:2]:
        options = device.options
        assert isinstance(options, Options)
        assert options.tables[1].source_files == (inside, outside, kit / "maps/none.csv")
        assert options.tables[2].source_files == (inside, kit / "maps/both.pem")
        assert options.tables[1].note == "maps/one.csv", "this is no file"
        assert (options.map, options.key) == (inside, kit / "own.key")


def test_another_file_in_its_place_is_found_when_the_kit_is_made(
    inventory: Path, tmp_path: Path
) -> None:
    plant = load(inventory, REGISTRY).devices
    one, other = carried(plant, plant)
    places = {one: "files/1/one.csv", other: "files/2/one.csv"}
    swapped = {one: places[other], other: places[one]}
    (tmp_path / "kit.yaml").write_bytes(reduced.reduced(inventory, plant, "w", swapped))
    with pytest.raises(Wrong, match="does not say the same"):
        reduced.prove(tmp_path / "kit.yaml", plant, REGISTRY, places)


@pytest.fixture
def laid_out(place: Place) -> Callable[..., None]:
    """Give the mixer layouts."""

    def change(*files: str) -> None:
        text = place.file.read_text()
        named = f"slot: 2, layouts: [{{number: 5, files: [{', '.join(files)}]}}]"
        place.file.write_text(text.replace("slot: 2", named))
        place.inventory = load(place.file, Registry.installed())

    return change


def test_a_kit_has_them_under_its_sums(
    place: Place, laid_out: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "of line 1").mkdir()
    for name in ("of line 1/Ü.awl", "same.awl", "other/../same.awl"):
        (tmp_path / "other").mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"// {name[-8:]}")
    laid_out("of line 1/Ü.awl", "same.awl", "other/../same.awl", "none.awl")
    made = place.make(tmp_path / "kit", "mixer")
    assert made.carried == ("of line 1/Ü.awl", "same.awl", "other/../same.awl")
    assert made.bring == ("none.awl", "secrets/mixer")
    said = words(page(tmp_path / "kit", "mixer"))
    assert "none.awl , not in the kit" in said
    assert "same.awl" not in said
    files = [path for path in (tmp_path / "kit/files").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["same.awl", "Ü.awl"]
    check = ["sh", str(tmp_path / "kit/check")]
    done = subprocess.run(check, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    files[0].chmod(0o644)
    files[0].write_text("// changed")
    assert subprocess.run(check, capture_output=True, timeout=30).returncode == 3


def test_a_name_that_no_line_of_the_sums_can_hold_is_asked_for(
    place: Place, laid_out: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "a\\b.awl").write_text("x")
    laid_out("a\\b.awl")
    made = place.make(tmp_path / "kit", "mixer")
    assert made.carried == ()
    assert "a\\b.awl" in made.bring
