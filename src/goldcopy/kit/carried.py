"""The files that a driver's options name: which of them a kit carries, and where they lie in it.

A driver says of a file that it is no secret by asking for a ``PublicFile``. All others are asked
for by name on site.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import yaml

from goldcopy.driver import PublicFile
from goldcopy.inventory import Device

FOLDER: Final = "files"
_SECRETS: Final = (b"PRIVATE KEY-----", b"AGE-SECRET-KEY-")
"""A PEM file can hold a certificate and its key: then it is no public one, whoever says so."""


def carried(devices: Iterable[Device], plant: Iterable[Device]) -> dict[Path, bytes]:
    """The files of these devices that go into a kit, each with its content.

    Not those that cannot be read here, nor what any device of the plant names as a secret too.
    """
    secrets = {path.resolve() for one in plant for path in files_of(one) if not _public(path)}
    named = [path for one in devices for path in files_of(one) if _public(path)]
    found = {}
    for path in named:
        try:
            data = path.read_bytes()
        except OSError:
            continue  # it is asked for by its name
        hidden = path.resolve() in secrets or any(one in data for one in _SECRETS)
        # Not every name fits into a line of SHA256SUMS.
        if not hidden and path.name.isprintable() and "\\" not in path.name:
            found[path] = data
    return found


def place(path: Path, data: bytes) -> str:
    """Where a file lies in a kit: by its content, so that no two are in each other's way."""
    return f"{FOLDER}/{hashlib.sha256(data).hexdigest()[:16]}/{path.name}"


def files_of(device: Device) -> list[Path]:
    """All files that the inventory names for a device."""
    found = list(_paths(device.options))
    if device.password and device.password.file:
        found.append(device.password.file)
    return found


def moved(node: yaml.Node, options: object, places: Mapping[Path, str]) -> yaml.Node:
    """The same options in YAML, with the files of ``places`` where they lie in the kit.

    Args:
        node: what the options were read from. It stays as it is: an alias may share it.
        options: the driver's struct, or a part of it.
        places: path -> place.
    """
    if isinstance(options, Path):
        there = places.get(options)
        return node if there is None else yaml.ScalarNode(node.tag, there)
    # Part by part in the order in which they are written; what goes astray, ``prove`` finds.
    if isinstance(node, yaml.MappingNode):
        both = zip(node.value, _parts(options, node), strict=False)
        pairs = [(key, moved(value, part, places)) for (key, value), part in both]
        return yaml.MappingNode(node.tag, pairs, flow_style=node.flow_style)
    if isinstance(node, yaml.SequenceNode) and isinstance(options, Sequence):
        nodes = [moved(*one, places) for one in zip(node.value, options, strict=False)]
        return yaml.SequenceNode(node.tag, nodes, flow_style=node.flow_style)
    return node


def _parts(options: object, node: yaml.MappingNode) -> Iterable[object]:
    """What the values of a mapping in YAML were read into."""
    if isinstance(options, Mapping):
        return options.values()
    if not isinstance(options, msgspec.Struct):
        return [None] * len(node.value)
    names = dict(zip(options.__struct_encode_fields__, options.__struct_fields__, strict=True))
    return [getattr(options, names.get(key.value, ""), None) for key, _ in node.value]


def _public(path: Path) -> bool:
    return isinstance(path, PublicFile)


def _paths(options: msgspec.Struct | None) -> Iterator[Path]:
    found: list[Path] = []
    msgspec.to_builtins(options, enc_hook=lambda value: found.append(value))
    return (path for path in found if isinstance(path, Path))
