"""A twin of a device: a simulator that holds a snapshot, and what it cannot hold, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from goldcopy.drift.moved import without_role
from goldcopy.errors import VaultDamaged, VaultSealed, Wrong
from goldcopy.inventory import Device
from goldcopy.registry import Recorded, Registry, SimulatedValue, Twin
from goldcopy.snapshot import Blob, Identity, Item, Snapshot, Value
from goldcopy.snapshot.diff import diff, same

SPARE = "drill on a spare with --target HOST:PORT"


class Loaded(NamedTuple):
    """A twin that is not listening yet."""

    twin: Twin
    lacks: Mapping[str, str]
    """Path of an item, or of a folder of items -> why it is not as in the snapshot."""


class NoTwin(Wrong):
    """There is nothing that a drill could run against."""


def load(
    registry: Registry, device: Device, snapshot: Snapshot, identity: Identity | None = None
) -> Loaded:
    """A twin of the device as ``snapshot`` has it; of another ``identity`` if one is given.

    Raises ``NoTwin``. Blocks, on the content of blocks and files.
    """
    kind = registry.twin(device.driver)
    if kind is None:
        raise NoTwin(f"{device.name}: no simulator of {device.driver} can be a twin: {SPARE}")
    items, lacks = _recorded(snapshot)
    who = msgspec.structs.asdict(identity or snapshot.identity)
    try:
        twin = kind.twin(items, who, _options(device), name=device.name)
    except ValueError as error:
        raise NoTwin(f"{device.name}: no twin: {error}: {SPARE}") from None
    return Loaded(twin, {**lacks, **twin.lacks})


def as_device(registry: Registry, device: Device, twin: Twin) -> Device:
    """The device of the inventory with the twin in its place: it may be written, nobody signs.

    Its pace is the device's own, so that what is measured stays comparable; no password is sent.
    """
    options = device.options or registry.driver(device.driver).Options()
    options = msgspec.structs.replace(options, **twin.reach)
    return msgspec.structs.replace(
        device,
        host=twin.host,
        port=twin.port,
        username="",
        password=None,
        writable=True,
        approvers=0,
        options=options,
        courtesy=msgspec.structs.replace(device.courtesy, connections=1),
    )


def differences(gold: Snapshot, twin: Snapshot) -> list[str]:
    """The settings that the twin does not hold as the gold copy has them.

    The rules may be others since; that a thing was called live in one of the two says nothing
    about what a controller holds.
    """
    found = []
    for change in diff(gold, twin):
        old, new = change.old, change.new
        if old is not None and new is not None and same(without_role(old), without_role(new)):
            continue
        if any(one is not None and one.role == "setting" for one in (old, new)):
            found.append(change.path)
    return found


def covers(lacks: Mapping[str, str], path: str) -> bool:
    """Whether a path is one of these, or below one."""
    return any(path == one or path.startswith(f"{one}/") for one in lacks)


def _recorded(snapshot: Snapshot) -> tuple[list[Recorded], dict[str, str]]:
    items: list[Recorded] = []
    lacks: dict[str, str] = {}
    for item in snapshot.items:
        try:
            items.append(_plain(item, _whole(item.value, snapshot)))
        except (KeyError, Wrong, VaultDamaged, VaultSealed) as error:
            lacks[item.path] = f"its content is not at hand: {error}"
    return items, lacks


def _plain(item: Item, value: SimulatedValue) -> Recorded:
    return Recorded(
        item.path, item.kind, item.type, value, item.role, item.access, item.label, item.address,
        item.unit, item.low, item.high,
    )  # fmt: skip


def _whole(value: Value, snapshot: Snapshot) -> SimulatedValue:
    if isinstance(value, Blob):
        return snapshot.blobs[value.sha256]
    if isinstance(value, tuple):
        return tuple([_whole(one, snapshot) for one in value])
    return value


def _options(device: Device) -> dict[str, Any]:
    if device.options is None:
        return {}
    found: dict[str, Any] = msgspec.to_builtins(device.options, enc_hook=str)
    return found
