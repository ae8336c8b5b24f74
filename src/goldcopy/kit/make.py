"""Laying out a kit: everything is proved while it is made, for nobody can mend it on site."""

from __future__ import annotations

import platform
import shlex
import shutil
import sys
from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from goldcopy.drift.survey import Plant, judged
from goldcopy.errors import VaultDamaged, VaultSealed, Wrong
from goldcopy.gold.scope import Scope
from goldcopy.inventory import Device, Inventory
from goldcopy.kit import reduced, sums
from goldcopy.kit.carried import carried, files_of, place
from goldcopy.kit.made import Made
from goldcopy.kit.runbook import Subject, runbook, templates
from goldcopy.kit.ways import ways
from goldcopy.kit.wheels import VERSION, Wheel
from goldcopy.restore.plan import EVERYTHING
from goldcopy.snapshot import Snapshot
from goldcopy.vault import Entry, SigningKey, Vault
from goldcopy.vault.bundle import names
from goldcopy.vault.folder import disk, publish
from goldcopy.vault.verify import verify
from goldcopy.vault.writer import own_key

SITE = Path(__file__).parent / "site"
"""What people start on the laptop."""


def make(
    plant: Plant,
    inventory: Inventory,
    file: Path,
    devices: Sequence[Device],
    folder: Path,
    wheels: Sequence[Wheel] = (),
) -> Made:
    """Make a kit in a new or empty folder. Blocks for as long as the copying takes.

    Args:
        plant: the vault, opened with the reader's identity if it is sealed, and who signs.
        inventory: as it was loaded.
        file: of the inventory.
        devices: which are in the kit.
        folder: where it goes.
        wheels: what the laptop installs; none: goldcopy must be on it already.

    Raises ``Wrong``, ``VaultSealed``, ``VaultDamaged`` or ``VaultUnavailable``.
    """
    _empty(folder)
    try:
        return _laid_out(plant, inventory, file, devices, folder, wheels)
    except BaseException:
        _clear(folder)  # half a kit must not be taken for one
        raise


def _laid_out(
    plant: Plant,
    inventory: Inventory,
    file: Path,
    devices: Sequence[Device],
    folder: Path,
    wheels: Sequence[Wheel],
) -> Made:
    vault = plant.vault
    key = _key(vault)
    name = f"goldcopy-kit-{vault.id[:8]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    packs = _copy_vault(vault, folder / reduced.VAULT)
    files = carried(devices, inventory.devices)
    places = {path: place(path, data) for path, data in files.items()}
    subjects = _subjects(plant, devices, file.parent, folder / reduced.VAULT, places)
    made = Made(
        folder=str(folder),
        name=name,
        vault=vault.id,
        packs=packs,
        bytes=0,
        wheels=tuple(one.path.name for one in wheels),
        fingerprint=sums.fingerprint(key) if key else "",
        devices=tuple(device.name for device in devices),
        no_gold={
            one.device.name: one.judgement.why or one.judgement.state
            for one in subjects
            if one.judgement.valid is None
        },
        carried=tuple(_as_written(path, file.parent) for path in files),
        bring=tuple(dict.fromkeys(path for one in subjects for path in one.bring)),
    )
    _put(folder / reduced.INVENTORY, reduced.reduced(file, devices, f"~/{name}/vault", places))
    for where, data in {places[path]: data for path, data in files.items()}.items():
        _put(folder / where, data)
    if inventory.gold is not None:
        _copy(inventory.gold.signers, folder / reduced.SIGNERS)
    reduced.prove(folder / reduced.INVENTORY, devices, plant.registry, places)
    for subject in subjects:
        page = runbook(subject, made, sealed=bool(vault.ring.recipients))
        _put(folder / "runbooks" / f"{subject.device.name}.html", page.encode())
    _copy_wheels(wheels, folder / "wheels")
    for script in ("check", "goldcopy", "restore"):
        _copy(SITE / script, folder / script, 0o555)
    _texts(folder, made, vault.ring.recipients)
    sums.seal(folder, key)
    with disk(folder):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return msgspec.structs.replace(made, bytes=size)


def _empty(folder: Path) -> None:
    with disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Wrong(f"{folder} is not empty: a kit is made in a new or empty folder")


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _copy_wheels(wheels: Sequence[Wheel], folder: Path) -> None:
    for wheel in wheels:
        _copy(wheel.path, folder / wheel.path.name)
        if sums.sha256(folder / wheel.path.name) != wheel.sha256:
            raise Wrong(f"{wheel.path} has changed just now: do it again")
    if wheels:
        lines = "".join(one.requirement for one in wheels)
        _put(folder / "requirements.txt", lines.encode())


def _copy_vault(vault: Vault, folder: Path) -> int:
    """Copy keyrings, marker and all packs that there are now; their number."""
    last, _ = vault.head()
    if not last:
        raise Wrong(f"{vault.path} is empty: there is nothing to restore from it")
    for name in names(vault.ring.number, 1, last):
        _copy(vault.path / name, folder / name)
    return last


def _subjects(
    plant: Plant, devices: Sequence[Device], home: Path, folder: Path, places: Container[Path]
) -> list[Subject]:
    """The devices, each with its snapshot out of the copy, so that the copy is proved by them."""
    copy = Vault.open(folder, plant.vault.catalog.trust.reader)
    try:
        if findings := [*verify(copy, "quick").findings, *copy.doubts]:
            raise VaultDamaged(f"the copy of the vault is not good: {'; '.join(findings)}")
        if copy.sealed:
            raise VaultSealed(
                f"{plant.vault.path} has packs that cannot be opened here, and a runbook is made "
                "of what is in them: give the reader's identity (GOLDCOPY_IDENTITY)"
            )
        of_copy = msgspec.structs.replace(plant, vault=copy)
        return [_subject(of_copy, device, home, places) for device in devices]
    finally:
        copy.close()
        with disk(folder):
            for cache in folder.glob("index.sqlite*"):
                cache.unlink()


def _subject(plant: Plant, device: Device, home: Path, places: Container[Path]) -> Subject:
    judgement = judged(plant, device)
    entry = _entry(plant.vault, device, judgement.gold.statement.snapshot if judgement.gold else "")
    found = plant.vault.load(entry)
    _prove_content(found)
    scope = Scope(judgement.valid.scope) if judgement.valid else EVERYTHING
    sorted_ = ways(found, device, scope, plant.registry)
    bring = [_as_written(path, home) for path in files_of(device) if path not in places]
    return Subject(device, found, entry.facts.taken, judgement, sorted_, bring)


def _entry(vault: Vault, device: Device, gold: str) -> Entry:
    """Its gold copy, whatever became of the approval since; else its latest snapshot."""
    for entry in vault.by_id(gold) if gold else ():
        if entry.device == device.name:
            return entry
    if gold:
        raise VaultDamaged(
            f"the vault has lost snapshot {gold[:12]}, the gold copy of {device.name}"
        )
    return vault.log(device.name)[0]


def _prove_content(snapshot: Snapshot) -> None:
    """Fetch all its big content, which proves it by its hash."""
    for blobs in snapshot.bulk.values():
        for blob in blobs:
            snapshot.blobs[blob.sha256]


def _texts(folder: Path, made: Made, recipients: Iterable[str]) -> None:
    said = {
        "KIT": made.name,
        "VERSION": VERSION,
        "RECIPIENTS": " ".join(recipients),
        "PYTHON": ".".join(map(str, sys.version_info[:2])),
        "PLATFORM": f"{platform.system()} {platform.machine()}",
    }
    lines = "".join(f"{key}={shlex.quote(value)}\n" for key, value in said.items())
    _put(folder / "kit.env", lines.encode())
    _put(folder / "files_to_bring", "".join(f"./{one}\n" for one in made.bring).encode())
    text = templates().get_template("readme.txt.j2").render(
        name=made.name,
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        vault=made.vault,
        packs=made.packs,
        wheels=made.wheels,
        python=said["PYTHON"],
        platform=said["PLATFORM"],
        version=VERSION,
        fingerprint=made.fingerprint,
        sealed=said["RECIPIENTS"],
        devices=made.devices,
        bring=made.bring,
    )  # fmt: skip
    _put(folder / "README.txt", text.encode())


def _key(vault: Vault) -> SigningKey | None:
    """The key of the collector that this machine is; None if it is none."""
    try:
        return own_key(vault)
    except Wrong:
        return None


def _as_written(path: Path, home: Path) -> str:
    """Relative to the kit, if it was relative to the inventory."""
    return str(path.relative_to(home) if path.is_relative_to(home) else path)


def _copy(source: Path, target: Path, mode: int = 0o444) -> None:
    with disk(source):
        data = source.read_bytes()
    _put(target, data, mode)


def _put(path: Path, data: bytes, mode: int = 0o444) -> None:
    """On the disk for good: a stick may be pulled out at any time."""
    with disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    publish(path, [data], mode)
