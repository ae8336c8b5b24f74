"""The inventory of a kit: the devices in it and nothing else, as they were written.

It is cut out of the YAML tree, so that no reader of YAML can understand a value otherwise than
before, and proved by being read again.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import yaml

from goldcopy.errors import Wrong
from goldcopy.inventory import Device, load
from goldcopy.kit.carried import moved
from goldcopy.registry import Registry

INVENTORY: Final = "inventory.yaml"
SIGNERS: Final = "allowed_signers"
VAULT: Final = "vault"
_DROPPED: Final = frozenset(("vault", "source", "identity", "replicas", "notify", "restore"))
"""They are about the place that the kit comes from, and may lead to its secrets."""


def reduced(
    file: Path, devices: Sequence[Device], vault: str, places: Mapping[Path, str] = {}
) -> bytes:
    """The inventory in ``file``, reduced to these devices.

    Args:
        file: an inventory that was loaded.
        devices: what stays.
        vault: where, on the laptop, is kept what is done with the kit.
        places: where files that options name lie in the kit.
    """
    root = yaml.compose(file.read_text("utf-8"), Loader=yaml.BaseLoader)
    assert isinstance(root, yaml.MappingNode)
    by_name = {device.name: device for device in devices}
    kept = [_pair("vault", vault), _pair("source", VAULT)]
    for key, node in root.value:
        if key.value == "devices":
            node.value = [one for one in node.value if _get(one, "name") in by_name]
            for one in node.value:
                options = by_name[str(_get(one, "name"))].options
                one.value = [
                    (part, moved(value, options, places) if part.value == "options" else value)
                    for part, value in one.value
                    if not _leads_out((part, value), by_name)
                ]
        if key.value == "gold":
            node.value = [
                _pair("signers", SIGNERS) if part.value == "signers" else (part, value)
                for part, value in node.value
            ]
        if key.value not in _DROPPED:
            kept.append((key, node))
    root.value = kept
    text: str = yaml.serialize(root, Dumper=yaml.BaseDumper, allow_unicode=True, width=1000)
    return text.encode()


def prove(
    file: Path, devices: Sequence[Device], registry: Registry, places: Mapping[Path, str] = {}
) -> None:
    """Raise ``Wrong`` unless the inventory of a kit says of its devices what they are."""
    found = load(file, registry).devices
    inside = {file.parent / place: place for place in places.values()}
    if [_said(one, inside) for one in found] != [_said(one, places) for one in devices]:
        raise Wrong(
            f"{file} does not say the same as the inventory that it was made of; this is a defect "
            "of goldcopy: report it, and write the inventory of the kit by hand"
        )


def _said(device: Device, places: Mapping[Path, str]) -> tuple[Device, object, object]:
    """All but the folders of files that are not in the kit: they are relative to the inventory."""
    options = msgspec.to_builtins(
        device.options, enc_hook=lambda path: places.get(path, Path(path).name)
    )
    password = device.password and (device.password.env, (device.password.file or Path()).name)
    rest = msgspec.structs.replace(device, options=None, password=None, standby_of="", same_as=None)
    return rest, options, password


def _leads_out(pair: tuple[yaml.Node, yaml.Node], names: Container[object]) -> bool:
    """Whether it speaks of another device that is not in the kit."""
    key, node = pair[0].value, pair[1]
    if key == "same_as":
        return _get(node, "device") not in names
    return bool(key == "standby_of" and node.value not in names)


def _get(node: yaml.Node, key: str) -> object:
    return next((value.value for part, value in node.value if part.value == key), None)


def _pair(key: str, value: str) -> tuple[yaml.Node, yaml.Node]:
    tag = "tag:yaml.org,2002:str"
    return yaml.ScalarNode(tag, key), yaml.ScalarNode(tag, value)
